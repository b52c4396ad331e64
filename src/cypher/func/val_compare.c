/* val_compare.c — three relations of values: equality with unknowns (=), the order of comparable values (<), and the total order
 * behind ORDER BY and DISTINCT. Numbers compare exactly, scalars of one kind as properties do (store/value.h). */
#include <math.h>

#include "cypher/func/val.h"

static int order_of(bool less, bool greater)
{
    return (int)greater - (int)less;
}

static bool is_number(sb_val v)
{
    return v.kind == SB_VAL_INT || v.kind == SB_VAL_FLOAT;
}

static bool is_nan(sb_val v)
{
    return v.kind == SB_VAL_FLOAT && isnan(v.as.real);
}

/* Of one kind, or both numbers; neither a list, map or entity. */
static int order_scalars(sb_val a, sb_val b)
{
    sb_value left, right;

    if (a.kind == SB_VAL_INT && b.kind == SB_VAL_INT)
        return order_of(a.as.integer<b.as.integer, a.as.integer> b.as.integer);
    if (a.kind == SB_VAL_STRING) return sb_bytes_compare(sb_val_text(a), sb_val_text(b));
    (void)sb_val_scalar_value(a, &left);
    (void)sb_val_scalar_value(b, &right);
    return sb_value_compare(&left, &right);
}

/* As walked: node, relationship, node …; a path sorts behind its prefixes. */
static int order_paths(const sb_val_path *a, const sb_val_path *b)
{
    const uint64_t shared = a->length < b->length ? a->length : b->length;

    for (uint64_t i = 0;; i++) {
        if (a->nodes[i] != b->nodes[i]) return a->nodes[i] < b->nodes[i] ? -1 : 1;
        if (i == shared) return order_of(a->length<b->length, a->length> b->length);
        if (a->rels[i] != b->rels[i]) return a->rels[i] < b->rels[i] ? -1 : 1;
    }
}

/* ---- Equality ------------------------------------------------------------------------------------------------ */

static sb_ternary equal_lists(const sb_val_list *a, const sb_val_list *b)
{
    sb_ternary all = SB_TRUE;

    if (a->count != b->count) return SB_FALSE;
    for (uint64_t i = 0; i < a->count; i++) {
        const sb_ternary one = sb_val_equals(a->items[i], b->items[i]);
        if (one == SB_FALSE) return SB_FALSE;
        if (one == SB_UNKNOWN) all = SB_UNKNOWN;
    }
    return all;
}

static sb_ternary equal_maps(const sb_val_map *a, const sb_val_map *b)
{
    sb_ternary all = SB_TRUE;

    SB_ASSERT(a->sealed && b->sealed);
    if (a->count != b->count) return SB_FALSE;
    for (uint32_t i = 0; i < a->count; i++) {
        const sb_val_entry *left = &a->entries[a->order[i]], *right = &b->entries[b->order[i]];
        if (!sb_bytes_equal(left->key, right->key)) return SB_FALSE;
        const sb_ternary one = sb_val_equals(left->value, right->value);
        if (one == SB_FALSE) return SB_FALSE;
        if (one == SB_UNKNOWN) all = SB_UNKNOWN;
    }
    return all;
}

sb_ternary sb_val_equals(sb_val a, sb_val b)
{
    if (a.kind == SB_VAL_NULL || b.kind == SB_VAL_NULL) return SB_UNKNOWN;
    if (a.kind != b.kind)
        return is_number(a) && is_number(b) && !is_nan(a) && !is_nan(b) && order_scalars(a, b) == 0
                   ? SB_TRUE
                   : SB_FALSE;
    switch (a.kind) {
    case SB_VAL_FLOAT: return a.as.real == b.as.real ? SB_TRUE : SB_FALSE;
    case SB_VAL_STRING: return sb_bytes_equal(sb_val_text(a), sb_val_text(b)) ? SB_TRUE : SB_FALSE;
    case SB_VAL_LIST: return equal_lists(a.as.list, b.as.list);
    case SB_VAL_MAP: return equal_maps(a.as.map, b.as.map);
    case SB_VAL_NODE:
    case SB_VAL_REL: return a.as.id == b.as.id ? SB_TRUE : SB_FALSE;
    case SB_VAL_PATH: return order_paths(a.as.path, b.as.path) == 0 ? SB_TRUE : SB_FALSE;
    default: return order_scalars(a, b) == 0 ? SB_TRUE : SB_FALSE;
    }
}

/* ---- Less and greater ---------------------------------------------------------------------------------------- */

/* Item by item: the first that differ decide, the first that can't be compared (and aren't equal) make all unknown. */
static sb_ternary compare_lists(const sb_val_list *a, const sb_val_list *b, int *order)
{
    const uint64_t shared = a->count < b->count ? a->count : b->count;

    for (uint64_t i = 0; i < shared; i++) {
        const sb_ternary one = sb_val_comparable(a->items[i], b->items[i], order);
        if (one == SB_TRUE && *order == 0) continue;
        if (one == SB_UNKNOWN && sb_val_equals(a->items[i], b->items[i]) == SB_TRUE) continue;
        return one;
    }
    *order = order_of(a->count<b->count, a->count> b->count);
    return SB_TRUE;
}

sb_ternary sb_val_comparable(sb_val a, sb_val b, int *order)
{
    *order = 0;
    if (is_number(a) && is_number(b)) {
        if (is_nan(a) || is_nan(b)) return SB_FALSE;
    } else if (a.kind != b.kind) {
        return SB_UNKNOWN;
    }
    switch (a.kind) {
    case SB_VAL_BOOL:
    case SB_VAL_INT:
    case SB_VAL_FLOAT:
    case SB_VAL_STRING:
    case SB_VAL_BYTES:
    case SB_VAL_DATE:
    case SB_VAL_LOCAL_TIME:
    case SB_VAL_TIME:
    case SB_VAL_LOCAL_DATETIME:
    case SB_VAL_DATETIME: *order = order_scalars(a, b); return SB_TRUE;
    case SB_VAL_LIST: return compare_lists(a.as.list, b.as.list, order);
    case SB_VAL_NULL:
    case SB_VAL_DURATION: /* is a month longer than 30 days? */
    case SB_VAL_POINT:
    case SB_VAL_MAP:
    case SB_VAL_NODE:
    case SB_VAL_REL:
    case SB_VAL_PATH:
    default: return SB_UNKNOWN;
    }
}

/* ---- The total order ------------------------------------------------------------------------------------------- */

/* Places of the kinds among each other; scalars come behind lists and paths as store/ orders them. */
static unsigned rank_of(sb_val v)
{
    static const uint8_t ranks[] = {
        [SB_VAL_MAP] = 0,       [SB_VAL_NODE] = 1,    [SB_VAL_REL] = 2,
        [SB_VAL_LIST] = 3,      [SB_VAL_PATH] = 4,    [SB_VAL_POINT] = 5,
        [SB_VAL_DATETIME] = 6,  [SB_VAL_DATE] = 8,    [SB_VAL_LOCAL_DATETIME] = 7,
        [SB_VAL_TIME] = 9,      [SB_VAL_STRING] = 12, [SB_VAL_LOCAL_TIME] = 10,
        [SB_VAL_DURATION] = 11, [SB_VAL_BYTES] = 13,  [SB_VAL_BOOL] = 14,
        [SB_VAL_INT] = 15,      [SB_VAL_FLOAT] = 15,  [SB_VAL_NULL] = 17,
    };

    return is_nan(v) ? 16 : ranks[v.kind];
}

static int order_lists(const sb_val_list *a, const sb_val_list *b)
{
    const uint64_t shared = a->count < b->count ? a->count : b->count;

    for (uint64_t i = 0; i < shared; i++) {
        const int order = sb_val_order(a->items[i], b->items[i]);
        if (order != 0) return order;
    }
    return order_of(a->count<b->count, a->count> b->count);
}

/* By size, then keys, then values in the order of the keys. */
static int order_maps(const sb_val_map *a, const sb_val_map *b)
{
    int order = order_of(a->count<b->count, a->count> b->count);

    SB_ASSERT(a->sealed && b->sealed);
    for (uint32_t i = 0; order == 0 && i < a->count; i++)
        order = sb_bytes_compare(a->entries[a->order[i]].key, b->entries[b->order[i]].key);
    for (uint32_t i = 0; order == 0 && i < a->count; i++)
        order = sb_val_order(a->entries[a->order[i]].value, b->entries[b->order[i]].value);
    return order;
}

int sb_val_order(sb_val a, sb_val b)
{
    const unsigned rank_a = rank_of(a), rank_b = rank_of(b);

    if (rank_a != rank_b) return rank_a < rank_b ? -1 : 1;
    switch (a.kind) {
    case SB_VAL_NULL: return 0;
    case SB_VAL_LIST: return order_lists(a.as.list, b.as.list);
    case SB_VAL_MAP: return order_maps(a.as.map, b.as.map);
    case SB_VAL_NODE:
    case SB_VAL_REL: return order_of(a.as.id<b.as.id, a.as.id> b.as.id);
    case SB_VAL_PATH: return order_paths(a.as.path, b.as.path);
    default: return order_scalars(a, b);
    }
}

bool sb_val_same(sb_val a, sb_val b)
{
    if (a.kind == SB_VAL_STRING && b.kind == SB_VAL_STRING)
        return sb_bytes_equal(sb_val_text(a), sb_val_text(b));
    return sb_val_order(a, b) == 0;
}

/* ---- Hashing ----------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, uint64_t word)
{
    return sb_hash_u64(h ^ (word * 0x9e3779b97f4a7c15ull + (h << 6) + (h >> 2)));
}

static uint64_t real_bits(double d)
{
    uint64_t bits;

    if (d == 0.0) d = 0.0; /* of either sign */
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

/* Integers and floats that are the same have one hash. */
static uint64_t hash_real(double d, uint64_t seed)
{
    if (isnan(d)) return mix(seed, 0x7ff8000000000000ull);
    if (d >= -SB_VAL_TWO_63 && d < SB_VAL_TWO_63 && (double)(int64_t)d == d)
        return mix(seed, (uint64_t)(int64_t)d);
    return mix(seed ^ SB_VAL_FLOAT, real_bits(d));
}

static uint64_t hash_boxed(const sb_value *v, uint64_t h)
{
    switch (v->type) {
    case SB_TYPE_DATETIME:
        h = mix(mix(h, (uint64_t)v->as.datetime.seconds), v->extra);
        h = mix(h, (uint64_t)(uint32_t)v->as.datetime.offset);
        return v->as.datetime.zone_size == 0
                   ? h
                   : sb_hash_bytes(v->as.datetime.zone, v->as.datetime.zone_size, h);
    case SB_TYPE_DURATION:
        h = mix(mix(h, (uint64_t)v->as.duration.months), (uint64_t)v->as.duration.days);
        return mix(mix(h, (uint64_t)v->as.duration.seconds), (uint64_t)v->as.duration.nanos);
    default:
        h = mix(mix(h, v->extra), real_bits(v->as.point.x));
        return mix(mix(h, real_bits(v->as.point.y)), real_bits(v->as.point.z));
    }
}

static uint64_t hash_path(const sb_val_path *path, uint64_t h)
{
    h = mix(h, path->nodes[0]);
    for (uint64_t i = 0; i < path->length; i++)
        h = mix(mix(h, path->rels[i]), path->nodes[i + 1]);
    return h;
}

static uint64_t hash_list(const sb_val_list *list, uint64_t h)
{
    for (uint64_t i = 0; i < list->count; i++)
        h = sb_val_hash(list->items[i], mix(h, i));
    return mix(h, list->count);
}

static uint64_t hash_map(const sb_val_map *map, uint64_t h)
{
    SB_ASSERT(map->sealed);
    for (uint32_t i = 0; i < map->count; i++) {
        const sb_val_entry *entry = &map->entries[map->order[i]];
        h = sb_val_hash(entry->value, sb_hash_bytes(entry->key.data, entry->key.size, h));
    }
    return mix(h, map->count);
}

uint64_t sb_val_hash(sb_val v, uint64_t seed)
{
    const uint64_t h = seed ^ ((uint64_t)v.kind << 56);

    switch (v.kind) {
    case SB_VAL_INT: return mix(seed, (uint64_t)v.as.integer);
    case SB_VAL_FLOAT: return hash_real(v.as.real, seed);
    case SB_VAL_STRING:
    case SB_VAL_BYTES: return sb_hash_bytes(v.as.text, v.aux, h);
    case SB_VAL_BOOL: return mix(h, v.as.boolean);
    case SB_VAL_TIME:
    case SB_VAL_LOCAL_DATETIME: return mix(mix(h, v.aux), (uint64_t)v.as.integer);
    case SB_VAL_DATE:
    case SB_VAL_LOCAL_TIME: return mix(h, (uint64_t)v.as.integer);
    case SB_VAL_DATETIME:
    case SB_VAL_DURATION:
    case SB_VAL_POINT: return hash_boxed(v.as.boxed, h);
    case SB_VAL_LIST: return hash_list(v.as.list, h);
    case SB_VAL_MAP: return hash_map(v.as.map, h);
    case SB_VAL_NODE:
    case SB_VAL_REL: return mix(h, v.as.id);
    case SB_VAL_PATH: return hash_path(v.as.path, h);
    case SB_VAL_NULL:
    default: return mix(h, 0x6e756c6c); /* not that of 0 */
    }
}
