/* val.c — making values: lists, maps, deep copies, and the way from and to property values. */
#include "cypher/func/val.h"

#include "cypher/lex/error.h"
#include "cypher/lex/stack.h"
#include "cypher/parse/ast.h"

/* ---- Kinds ------------------------------------------------------------------------------------------------- */

const char *sb_val_kind_name(unsigned kind)
{
    static const char *const names[] = {"MAP", "NODE", "RELATIONSHIP", "PATH"};

    if (kind <= SB_VAL_LIST) return sb_type_name(kind);
    return kind <= SB_VAL_PATH ? names[kind - SB_VAL_MAP] : "?";
}

uint32_t sb_val_kind_bit(sb_val v)
{
    static const uint32_t bits[] = {
        [SB_VAL_NULL] = SB_KIND_NULL,         [SB_VAL_BOOL] = SB_KIND_BOOL,
        [SB_VAL_INT] = SB_KIND_INT,           [SB_VAL_FLOAT] = SB_KIND_FLOAT,
        [SB_VAL_STRING] = SB_KIND_STRING,     [SB_VAL_BYTES] = SB_KIND_BYTES,
        [SB_VAL_DATE] = SB_KIND_DATE,         [SB_VAL_LOCAL_TIME] = SB_KIND_LOCAL_TIME,
        [SB_VAL_TIME] = SB_KIND_TIME,         [SB_VAL_LOCAL_DATETIME] = SB_KIND_LOCAL_DATETIME,
        [SB_VAL_DATETIME] = SB_KIND_DATETIME, [SB_VAL_DURATION] = SB_KIND_DURATION,
        [SB_VAL_POINT] = SB_KIND_POINT,       [SB_VAL_LIST] = SB_KIND_LIST,
        [SB_VAL_MAP] = SB_KIND_MAP,           [SB_VAL_NODE] = SB_KIND_NODE,
        [SB_VAL_REL] = SB_KIND_REL,           [SB_VAL_PATH] = SB_KIND_PATH,
    };

    return bits[v.kind];
}

/* ---- Lists and maps -------------------------------------------------------------------------------------------- */

/* header + count × each, or no block. */
static void *make_counted(sb_arena *arena, size_t header, uint64_t count, size_t each)
{
    size_t bytes;

    if (!sb_mul_size(count, each, &bytes) || !sb_add_size(bytes, header, &bytes)) return NULL;
    return sb_arena_alloc(arena, bytes);
}

sb_val_list *sb_val_list_make(sb_arena *arena, uint64_t count)
{
    sb_val_list *list = make_counted(arena, sizeof *list, count, sizeof(sb_val));

    if (list != NULL) list->count = count;
    return list;
}

sb_val_map *sb_val_map_make(sb_arena *arena, uint64_t count)
{
    sb_val_map *map;

    if (count > UINT32_MAX) return NULL;
    map = make_counted(arena, sizeof *map, count, sizeof(sb_val_entry) + sizeof(uint32_t));
    if (map == NULL) return NULL;
    map->count = (uint32_t)count;
    map->sealed = false;
    map->order = (uint32_t *)(void *)(map->entries + count);
    return map;
}

static sb_status fail_depth(sb_err *err)
{
    return sb_cypher_fail_runtime(err, SB_CYPHER_LIMIT_EXCEEDED,
                                  "lists and maps may be nested %u deep, not deeper",
                                  SB_VAL_DEPTH_MAX);
}

/* May a list or map hold something so deep? Each 32nd level looks at the stack: by what is left of it here, walking it is possible. */
static sb_status check_depth(unsigned depth, sb_err *err)
{
    if (depth >= SB_VAL_DEPTH_MAX) return fail_depth(err);
    if (depth % 32 != 0) return SB_OK;
    return sb_cypher_stack_check(depth, SB_STACK_VALUE_FREE, SB_STACK_VALUE, "a value", err);
}

unsigned sb_val_deepest(const sb_val *items, uint64_t count)
{
    unsigned depth = 0;

    for (uint64_t i = 0; i < count; i++)
        if (items[i].depth > depth) depth = items[i].depth;
    return depth;
}

sb_status sb_val_list_seal(sb_val_list *list, sb_val *v, sb_err *err)
{
    return sb_val_list_seal_at(list, sb_val_deepest(list->items, list->count), v, err);
}

sb_status sb_val_list_seal_at(sb_val_list *list, unsigned depth, sb_val *v, sb_err *err)
{
    *v = SB_VAL_NULL_VALUE;
    SB_TRY(check_depth(depth, err));
    *v = (sb_val){.kind = SB_VAL_LIST, .depth = (uint16_t)(depth + 1), .as.list = list};
    return SB_OK;
}

/* By key; entries of one key in the order in which they were given. */
static bool sorts_before(const sb_val_map *map, uint32_t a, uint32_t b)
{
    const int order = sb_bytes_compare(map->entries[a].key, map->entries[b].key);
    return order != 0 ? order < 0 : a < b;
}

static void sift_down(const sb_val_map *map, uint32_t root, uint32_t count)
{
    uint32_t *heap = map->order;

    for (;;) {
        uint32_t child = 2 * root + 1;
        if (child >= count) return;
        if (child + 1 < count && sorts_before(map, heap[child], heap[child + 1])) child++;
        if (!sorts_before(map, heap[root], heap[child])) return;
        const uint32_t moved = heap[root];
        heap[root] = heap[child];
        heap[child] = moved;
        root = child;
    }
}

/* Few keys by insertion, many by heap sort: no memory, and never quadratic. */
static void sort_keys(sb_val_map *map)
{
    uint32_t *order = map->order;

    for (uint32_t i = 0; i < map->count; i++)
        order[i] = i;
    if (map->count <= 8) {
        for (uint32_t i = 1; i < map->count; i++) {
            uint32_t j = i;
            for (; j > 0 && sorts_before(map, i, order[j - 1]); j--)
                order[j] = order[j - 1];
            order[j] = i;
        }
        return;
    }
    for (uint32_t root = map->count / 2; root-- > 0;)
        sift_down(map, root, map->count);
    for (uint32_t last = map->count - 1; last > 0; last--) {
        const uint32_t largest = order[0];
        order[0] = order[last];
        order[last] = largest;
        sift_down(map, 0, last);
    }
}

#define DROPPED UINT8_MAX /* in place of a kind */

/* Of entries with one key the first takes the value of the last; then close the gaps. True: there were some, so the order is made anew. */
static bool drop_repeated(sb_val_map *map)
{
    uint32_t kept = 0;

    for (uint32_t i = map->count; i-- > 1;) {
        sb_val_entry *earlier = &map->entries[map->order[i - 1]];
        sb_val_entry *later = &map->entries[map->order[i]];
        if (!sb_bytes_equal(earlier->key, later->key)) continue;
        earlier->value = later->value;
        later->value = (sb_val){.kind = DROPPED};
    }
    for (uint32_t i = 0; i < map->count; i++)
        if (map->entries[i].value.kind != DROPPED) map->entries[kept++] = map->entries[i];
    const bool some = kept != map->count;
    map->count = kept;
    return some;
}

sb_status sb_val_map_seal(sb_val_map *map, sb_val *v, sb_err *err)
{
    unsigned depth = 0;

    sort_keys(map);
    if (drop_repeated(map)) sort_keys(map);
    for (uint32_t i = 0; i < map->count; i++)
        if (map->entries[i].value.depth > depth) depth = map->entries[i].value.depth;
    map->sealed = true;
    *v = SB_VAL_NULL_VALUE;
    SB_TRY(check_depth(depth, err));
    *v = (sb_val){.kind = SB_VAL_MAP, .depth = (uint16_t)(depth + 1), .as.map = map};
    return SB_OK;
}

const sb_val *sb_val_map_get(const sb_val_map *map, sb_bytes key)
{
    uint32_t low = 0, high = map->count;

    SB_ASSERT(map->sealed);
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const sb_val_entry *entry = &map->entries[map->order[middle]];
        const int order = sb_bytes_compare(key, entry->key);
        if (order == 0) return &entry->value;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* ---- Deep copies ------------------------------------------------------------------------------------------------- */

static bool copy_text(sb_arena *arena, const void *text, size_t size, const uint8_t **copy)
{
    uint8_t *block = sb_arena_alloc(arena, size);

    if (block == NULL) return false;
    if (size != 0) memcpy(block, text, size);
    *copy = block;
    return true;
}

static bool copy_boxed(sb_arena *arena, const sb_value *boxed, sb_val *copy)
{
    sb_value *own = sb_arena_alloc(arena, sizeof *own);
    const uint8_t *zone;

    if (own == NULL) return false;
    *own = *boxed;
    copy->as.boxed = own;
    if (own->type != SB_TYPE_DATETIME || own->as.datetime.zone_size == 0) return true;
    if (!copy_text(arena, own->as.datetime.zone, own->as.datetime.zone_size, &zone)) return false;
    own->as.datetime.zone = (const char *)zone;
    return true;
}

static bool copy_path(sb_arena *arena, const sb_val_path *path, sb_val *copy)
{
    sb_val_path *own = sb_arena_alloc(arena, sizeof *own);
    size_t words;

    if (own == NULL || !sb_mul_size(path->length, 2, &words)) return false;
    uint64_t *ids = sb_arena_alloc_array(arena, words + 1, sizeof *ids);
    if (ids == NULL) return false;
    memcpy(ids, path->nodes, (path->length + 1) * sizeof *ids);
    if (path->length != 0) memcpy(ids + path->length + 1, path->rels, path->length * sizeof *ids);
    *own = (sb_val_path){.length = path->length, .nodes = ids, .rels = ids + path->length + 1};
    copy->as.path = own;
    return true;
}

static bool copy_any(sb_arena *arena, sb_val v, sb_val *copy);

static bool copy_list(sb_arena *arena, const sb_val_list *list, sb_val *copy)
{
    sb_val_list *own = sb_val_list_make(arena, list->count);

    if (own == NULL) return false;
    for (uint64_t i = 0; i < list->count; i++)
        if (!copy_any(arena, list->items[i], &own->items[i])) return false;
    copy->as.list = own;
    return true;
}

static bool copy_map(sb_arena *arena, const sb_val_map *map, sb_val *copy)
{
    sb_val_map *own = sb_val_map_make(arena, map->count);

    if (own == NULL) return false;
    for (uint32_t i = 0; i < map->count; i++) {
        const sb_val_entry *entry = &map->entries[i];
        own->order[i] = map->order[i];
        own->entries[i].key.size = entry->key.size;
        if (!copy_text(arena, entry->key.data, entry->key.size, &own->entries[i].key.data) ||
            !copy_any(arena, entry->value, &own->entries[i].value))
            return false;
    }
    own->sealed = true;
    copy->as.map = own;
    return true;
}

static bool copy_any(sb_arena *arena, sb_val v, sb_val *copy)
{
    *copy = v;
    switch (v.kind) {
    case SB_VAL_STRING:
    case SB_VAL_BYTES: return copy_text(arena, v.as.text, v.aux, &copy->as.text);
    case SB_VAL_DATETIME:
    case SB_VAL_DURATION:
    case SB_VAL_POINT: return copy_boxed(arena, v.as.boxed, copy);
    case SB_VAL_LIST: return copy_list(arena, v.as.list, copy);
    case SB_VAL_MAP: return copy_map(arena, v.as.map, copy);
    case SB_VAL_PATH: return copy_path(arena, v.as.path, copy);
    default: return true;
    }
}

sb_status sb_val_copy(sb_arena *arena, sb_val v, sb_val *copy, sb_err *err)
{
    if (copy_any(arena, v, copy)) return SB_OK;
    *copy = SB_VAL_NULL_VALUE;
    return SB_FAIL_NOMEM(err);
}

/* Arenas hand out multiples of 16 bytes. */
static size_t rounded(size_t bytes)
{
    return (bytes + 15) & ~(size_t)15;
}

size_t sb_val_bytes(sb_val v)
{
    size_t bytes = 0;

    switch (v.kind) {
    case SB_VAL_STRING:
    case SB_VAL_BYTES: return rounded(v.aux);
    case SB_VAL_DATETIME:
        return rounded(sizeof *v.as.boxed) + rounded(v.as.boxed->as.datetime.zone_size);
    case SB_VAL_DURATION:
    case SB_VAL_POINT: return rounded(sizeof *v.as.boxed);
    case SB_VAL_LIST:
        bytes = rounded(sizeof *v.as.list + v.as.list->count * sizeof(sb_val));
        for (uint64_t i = 0; i < v.as.list->count; i++)
            bytes += sb_val_bytes(v.as.list->items[i]);
        return bytes;
    case SB_VAL_MAP:
        bytes =
            rounded(sizeof *v.as.map + v.as.map->count * (sizeof(sb_val_entry) + sizeof(uint32_t)));
        for (uint32_t i = 0; i < v.as.map->count; i++)
            bytes +=
                rounded(v.as.map->entries[i].key.size) + sb_val_bytes(v.as.map->entries[i].value);
        return bytes;
    case SB_VAL_PATH:
        return rounded(sizeof *v.as.path) + rounded((2 * v.as.path->length + 1) * sizeof(uint64_t));
    default: return 0;
    }
}

/* ---- Property values ------------------------------------------------------------------------------------------------ */

static bool from_scalar(sb_arena *arena, const sb_value *value, sb_val *v)
{
    *v = (sb_val){.kind = (uint8_t)value->type};
    switch (value->type) {
    case SB_TYPE_BOOL: v->as.boolean = value->as.boolean; return true;
    case SB_TYPE_INT:
    case SB_TYPE_DATE:
    case SB_TYPE_LOCAL_TIME: v->as.integer = value->as.integer; return true;
    case SB_TYPE_FLOAT: v->as.real = value->as.real; return true;
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES:
        v->aux = (uint32_t)value->as.bytes.size;
        v->as.text = value->as.bytes.data;
        return true;
    case SB_TYPE_TIME:
        v->as.integer = value->as.time.ns;
        v->aux = (uint32_t)(value->as.time.offset + 86400);
        return true;
    case SB_TYPE_LOCAL_DATETIME:
        v->as.integer = value->as.datetime.seconds;
        v->aux = value->extra;
        return true;
    case SB_TYPE_DATETIME:
    case SB_TYPE_DURATION:
    case SB_TYPE_POINT: {
        sb_value *own = sb_arena_alloc(arena, sizeof *own);
        if (own == NULL) return false;
        *own = *value;
        v->as.boxed = own;
        return true;
    }
    case SB_TYPE_NULL:
    case SB_TYPE_LIST:
    default: *v = SB_VAL_NULL_VALUE; return true;
    }
}

sb_status sb_val_from_value(sb_arena *arena, const sb_value *value, sb_val *v, sb_err *err)
{
    if (value->type != SB_TYPE_LIST)
        return from_scalar(arena, value, v) ? SB_OK : SB_FAIL_NOMEM(err);
    *v = SB_VAL_NULL_VALUE;
    sb_val_list *list = sb_val_list_make(arena, value->as.list.count);
    if (list == NULL) return SB_FAIL_NOMEM(err);
    for (uint64_t i = 0; i < list->count; i++)
        if (!from_scalar(arena, &value->as.list.items[i], &list->items[i]))
            return SB_FAIL_NOMEM(err);
    *v = sb_val_flat_list(list);
    return SB_OK;
}

bool sb_val_scalar_value(sb_val v, sb_value *value)
{
    *value = (sb_value){.type = v.kind};
    switch (v.kind) {
    case SB_VAL_NULL: return true;
    case SB_VAL_BOOL: value->as.boolean = v.as.boolean; return true;
    case SB_VAL_INT:
    case SB_VAL_DATE:
    case SB_VAL_LOCAL_TIME: value->as.integer = v.as.integer; return true;
    case SB_VAL_FLOAT: value->as.real = v.as.real; return true;
    case SB_VAL_STRING:
    case SB_VAL_BYTES:
        value->as.bytes.data = v.as.text;
        value->as.bytes.size = v.aux;
        return true;
    case SB_VAL_TIME:
        value->as.time.ns = v.as.integer;
        value->as.time.offset = (int32_t)v.aux - 86400;
        return true;
    case SB_VAL_LOCAL_DATETIME:
        value->as.datetime.seconds = v.as.integer;
        value->extra = v.aux;
        return true;
    case SB_VAL_DATETIME:
    case SB_VAL_DURATION:
    case SB_VAL_POINT: *value = *v.as.boxed; return true;
    case SB_VAL_LIST:
    case SB_VAL_MAP:
    case SB_VAL_NODE:
    case SB_VAL_REL:
    case SB_VAL_PATH: break;
    }
    *value = SB_VALUE_NULL;
    return false;
}

sb_status sb_val_to_value(sb_arena *arena, sb_val v, sb_value *value, sb_err *err)
{
    if (sb_val_scalar_value(v, value)) return SB_OK;
    if (v.kind != SB_VAL_LIST)
        return sb_cypher_fail_runtime(err, SB_CYPHER_INVALID_PROPERTY_TYPE,
                                      "a %s can't be stored as a property",
                                      sb_val_kind_name(v.kind));
    sb_value *items = sb_arena_alloc_array(arena, v.as.list->count, sizeof *items);
    if (items == NULL) return SB_FAIL_NOMEM(err);
    for (uint64_t i = 0; i < v.as.list->count; i++) {
        const sb_val item = v.as.list->items[i];
        if (item.kind == SB_VAL_NULL || !sb_val_scalar_value(item, &items[i]))
            return sb_cypher_fail_runtime(err, SB_CYPHER_INVALID_PROPERTY_TYPE,
                                          "a LIST with a %s in it can't be stored as a property",
                                          sb_val_kind_name(item.kind));
    }
    value->type = SB_TYPE_LIST;
    value->as.list.items = items;
    value->as.list.count = v.as.list->count;
    return SB_OK;
}

/* ---- Work ------------------------------------------------------------------------------------------------------ */

#define WORK_VALUES 256u /* looked at */

/* *left: values that may still be looked at; the others count as much as those. */
static uint64_t work_within(sb_val v, uint32_t *left)
{
    const uint64_t count = v.kind == SB_VAL_LIST  ? v.as.list->count
                           : v.kind == SB_VAL_MAP ? v.as.map->count
                                                  : 0;
    uint64_t work = sizeof v, i = 0;

    if (v.kind == SB_VAL_STRING || v.kind == SB_VAL_BYTES) return work + v.aux;
    if (v.kind == SB_VAL_PATH) return work + v.as.path->length * sizeof(uint64_t);
    for (; i < count && *left != 0; i++) {
        --*left;
        work += work_within(
            v.kind == SB_VAL_LIST ? v.as.list->items[i] : v.as.map->entries[i].value, left);
    }
    return i == 0 ? work + count * sizeof v : work / i * count;
}

uint64_t sb_val_work_nested(sb_val v)
{
    uint32_t left = WORK_VALUES;

    return work_within(v, &left);
}
