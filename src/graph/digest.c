/* digest.c — a 128-bit digest of a graph's content that does not know ids, numbers of names, or order of creation.
 *
 *   value       H(key's name, type, bytes)
 *   node        h0 = H(sum of its labels' hashes, sum of its values' hashes)
 *   rel         r  = H(type's name, sum of its values' hashes)
 *   round       h' = H(h, sum over relationships out of H(r, h of target), sum over those in of H(r, h of source))
 *   graph       H(counts, sum of h, sum over relationships of H(h of source, r, h of target))
 *
 * H is XXH3-128, sums are of 128 bits, so that order does not matter and equal parts count as often as they occur. After
 * the rounds a node's hash speaks of all that is within ROUNDS steps of it (the refinement of colors of Weisfeiler and
 * Leman, 1968): graphs whose nodes can not be told apart by that, as a hexagon and two triangles of bare nodes, have equal
 * digests though they differ. Indexes and constraints are not part of the content: they have a digest of their own,
 *
 *   schema      H(count, sum of H(line of schema.csv)) */
#include "graph/csv_priv.h"

#define XXH_INLINE_ALL /* inlined, the memory sanitizer sees into it */
#include <xxhash.h>

#define ROUNDS 3u
#define STEP   8192u /* rows between two looks at the cancel flag */

#define HASH_BYTES 16u

typedef XXH128_hash_t hash;

typedef struct sb_digest {
    sb_graph *graph;
    sb_view *view;
    const sb_allocator *alloc;
    sb_err *err;
    uint64_t node_count, rel_count;
    uint64_t rows_done, rows_total; /* of all passes */
    uint64_t places;                /* in the arrays below */
    bool by_id;                     /* a node's place is its id; else places_of has it */
    sb_map places_of;
    hash *now;                   /* by place; owned */
    hash *out, *in;              /* sums of the round under way; owned */
    hash *labels, *types, *keys; /* of names, by id; owned */
    hash total;                  /* of relationships, in the last pass */
    sb_arena *values;            /* scratch */
    sb_buffer bytes;             /* scratch */
    bool last;
} sb_digest;

static void add_hash(hash *sum, hash more)
{
    sum->low64 += more.low64;
    sum->high64 += more.high64 + (sum->low64 < more.low64 ? 1u : 0u);
}

static void store_hash(uint8_t *out, hash h)
{
    sb_store_le64(out, h.low64);
    sb_store_le64(out + 8, h.high64);
}

static hash hash_three(hash a, hash b, hash c)
{
    uint8_t bytes[3 * HASH_BYTES];

    store_hash(bytes, a);
    store_hash(bytes + HASH_BYTES, b);
    store_hash(bytes + 2 * HASH_BYTES, c);
    return XXH3_128bits(bytes, sizeof bytes);
}

static hash hash_two(hash a, hash b)
{
    uint8_t bytes[2 * HASH_BYTES];

    store_hash(bytes, a);
    store_hash(bytes + HASH_BYTES, b);
    return XXH3_128bits(bytes, sizeof bytes);
}

/* ---- Values ---------------------------------------------------------------------------------------------------- */

static sb_status put_u64(sb_buffer *out, uint64_t v)
{
    uint8_t bytes[8];

    sb_store_le64(bytes, v);
    return sb_buffer_append(out, bytes, sizeof bytes);
}

/* All NaNs are one: their payload does not survive as text. */
static sb_status put_real(sb_buffer *out, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    return put_u64(out, v != v ? 0x7FF8000000000000u : bits);
}

static sb_status put_text(sb_buffer *out, const void *data, size_t size)
{
    SB_TRY(put_u64(out, size));
    return size == 0 ? SB_OK : sb_buffer_append(out, data, size);
}

static sb_status put_datetime(sb_buffer *out, const sb_value *value)
{
    SB_TRY(put_u64(out, (uint64_t)value->as.datetime.seconds));
    SB_TRY(put_u64(out, value->extra));
    if (value->type == SB_TYPE_LOCAL_DATETIME) return SB_OK;
    SB_TRY(put_u64(out, (uint64_t)(int64_t)value->as.datetime.offset));
    return put_text(out, value->as.datetime.zone, value->as.datetime.zone_size);
}

static sb_status put_point(sb_buffer *out, const sb_value *value)
{
    SB_TRY(put_u64(out, value->extra));
    SB_TRY(put_real(out, value->as.point.x));
    SB_TRY(put_real(out, value->as.point.y));
    return put_real(out, value->as.point.z);
}

static sb_status put_duration(sb_buffer *out, const sb_value *value)
{
    SB_TRY(put_u64(out, (uint64_t)value->as.duration.months));
    SB_TRY(put_u64(out, (uint64_t)value->as.duration.days));
    SB_TRY(put_u64(out, (uint64_t)value->as.duration.seconds));
    return put_u64(out, (uint64_t)(int64_t)value->as.duration.nanos);
}

static sb_status put_scalar(sb_buffer *out, const sb_value *value)
{
    SB_TRY(sb_buffer_append_byte(out, (uint8_t)value->type));
    switch (value->type) {
    case SB_TYPE_BOOL: return sb_buffer_append_byte(out, value->as.boolean ? 1 : 0);
    case SB_TYPE_INT:
    case SB_TYPE_DATE:
    case SB_TYPE_LOCAL_TIME: return put_u64(out, (uint64_t)value->as.integer);
    case SB_TYPE_FLOAT: return put_real(out, value->as.real);
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES: return put_text(out, value->as.bytes.data, value->as.bytes.size);
    case SB_TYPE_TIME:
        SB_TRY(put_u64(out, (uint64_t)value->as.time.ns));
        return put_u64(out, (uint64_t)(int64_t)value->as.time.offset);
    case SB_TYPE_LOCAL_DATETIME:
    case SB_TYPE_DATETIME: return put_datetime(out, value);
    case SB_TYPE_DURATION: return put_duration(out, value);
    case SB_TYPE_POINT: return put_point(out, value);
    default: return SB_OK;
    }
}

static sb_status put_value(sb_buffer *out, const sb_value *value)
{
    if (value->type != SB_TYPE_LIST) return put_scalar(out, value);
    SB_TRY(sb_buffer_append_byte(out, SB_TYPE_LIST));
    SB_TRY(put_u64(out, value->as.list.count));
    for (size_t i = 0; i < value->as.list.count; i++)
        SB_TRY(put_scalar(out, &value->as.list.items[i]));
    return SB_OK;
}

/* Sum of the hashes of a row's values. */
static sb_status hash_values(sb_digest *d, const sb_row *row, hash *sum)
{
    const uint32_t key_count = sb_name_count(d->view, SB_NAME_KEY);
    uint8_t name[HASH_BYTES];
    sb_value value;
    sb_cell cell;

    *sum = (hash){0};
    for (size_t pos = 0; sb_row_next_cell(row, &pos, &cell);) {
        if (cell.key >= SB_COLUMN_SYSTEM) continue;
        if (cell.key == 0 || cell.key > key_count)
            return SB_FAIL_PAGE(d->err, row->pgno, "page %u: property key %u does not exist",
                                (unsigned)row->pgno, cell.key);
        SB_TRY(sb_value_from_cell(d->graph->txn, &cell, d->values, &value, d->err));
        store_hash(name, d->keys[cell.key]);
        sb_buffer_reset(&d->bytes);
        if (sb_buffer_append(&d->bytes, name, sizeof name) != SB_OK ||
            put_value(&d->bytes, &value) != SB_OK)
            return SB_FAIL_NOMEM(d->err);
        add_hash(sum, XXH3_128bits(d->bytes.data, d->bytes.size));
    }
    sb_arena_reset(d->values);
    return SB_OK;
}

/* ---- Tables ------------------------------------------------------------------------------------------------------- */

typedef sb_status (*row_visit)(sb_digest *d, uint64_t id, const sb_row *row);

static sb_status walk_leaves(sb_digest *d, sb_row_scan *scan, row_visit visit)
{
    size_t count;

    for (;;) {
        SB_TRY(sb_row_scan_next(scan, &count, d->err));
        if (count == 0) return SB_OK;
        const uint64_t *ids = sb_row_scan_ids(scan);
        for (size_t i = 0; i < count; i++) {
            SB_TRY(visit(d, ids[i], sb_row_scan_row(scan, i)));
            if (++d->rows_done % STEP == 0)
                SB_TRY(sb_graph__tick(d->graph, d->rows_done, d->rows_total, d->err));
        }
    }
}

static sb_status each_row(sb_digest *d, sb_entity entity, row_visit visit)
{
    const sb_tree *table = entity == SB_NODE ? sb_node_table(d->view) : sb_rel_table(d->view);
    sb_row_scan *scan;

    SB_TRY(sb_row_scan_open(d->graph->txn, table, 0, UINT64_MAX, &scan, d->err));
    const sb_status st = walk_leaves(d, scan, visit);
    sb_row_scan_close(scan);
    return st;
}

static bool system_word(const sb_row *row, uint32_t key, uint64_t *word)
{
    sb_cell cell;

    if (!sb_row_cell(row, key, &cell) || cell.type != SB_CELL_INT) return false;
    *word = cell.word;
    return true;
}

/* A place that no node has is zero. */
static bool is_empty(hash h)
{
    return h.low64 == 0 && h.high64 == 0;
}

/* UINT64_MAX: no such node. */
static uint64_t place_of(const sb_digest *d, uint64_t node)
{
    if (d->by_id) return node < d->places && !is_empty(d->now[node]) ? node : UINT64_MAX;
    const uint64_t *place = node == SB_MAP_EMPTY ? NULL : sb_map_find(&d->places_of, node);
    return place == NULL ? UINT64_MAX : *place;
}

static sb_status take_node(sb_digest *d, uint64_t id, const sb_row *row)
{
    hash labels = {0}, values;
    uint64_t set, place = d->by_id ? id : d->node_count;
    size_t count;

    if (!system_word(row, SB_COLUMN_SET, &set) || set >= sb_set_count(d->view) ||
        place >= d->places)
        return SB_FAIL_PAGE(
            d->err, row->pgno,
            "page %u: node %llu has no label set, or an id that was never handed out",
            (unsigned)row->pgno, (unsigned long long)id);
    if (!d->by_id && sb_map_put(&d->places_of, id, place) != SB_OK) return SB_FAIL_NOMEM(d->err);
    const sb_label_id *ids = sb_set_labels(d->view, (sb_set_id)set, &count);
    for (size_t i = 0; i < count; i++)
        add_hash(&labels, d->labels[ids[i]]);
    SB_TRY(hash_values(d, row, &values));
    d->now[place] = hash_two(labels, values);
    d->node_count++;
    return SB_OK;
}

static sb_status take_rel(sb_digest *d, uint64_t id, const sb_row *row)
{
    uint64_t source, target, type;
    hash values;

    if (!system_word(row, SB_COLUMN_SOURCE, &source) ||
        !system_word(row, SB_COLUMN_TARGET, &target) || !system_word(row, SB_COLUMN_TYPE, &type) ||
        type == 0 || type > sb_name_count(d->view, SB_NAME_TYPE))
        return SB_FAIL_PAGE(d->err, row->pgno,
                            "page %u: relationship %llu lacks an end or its type",
                            (unsigned)row->pgno, (unsigned long long)id);
    const uint64_t from = place_of(d, source), to = place_of(d, target);
    if (from == UINT64_MAX || to == UINT64_MAX)
        return SB_FAIL_PAGE(d->err, row->pgno,
                            "page %u: an end of relationship %llu does not exist",
                            (unsigned)row->pgno, (unsigned long long)id);
    SB_TRY(hash_values(d, row, &values));
    const hash rel = hash_two(d->types[type], values);
    if (d->last) {
        add_hash(&d->total, hash_three(d->now[from], rel, d->now[to]));
        d->rel_count++;
        return SB_OK;
    }
    add_hash(&d->out[from], hash_two(rel, d->now[to]));
    add_hash(&d->in[to], hash_two(rel, d->now[from]));
    return SB_OK;
}

static sb_status run_round(sb_digest *d)
{
    memset(d->out, 0, (size_t)d->places * sizeof *d->out);
    memset(d->in, 0, (size_t)d->places * sizeof *d->in);
    SB_TRY(each_row(d, SB_REL, take_rel));
    for (uint64_t i = 0; i < d->places; i++) {
        if (is_empty(d->now[i])) continue;
        d->now[i] = hash_three(d->now[i], d->out[i], d->in[i]);
    }
    return SB_OK;
}

/* ---- The whole ------------------------------------------------------------------------------------------------------- */

static hash *hash_names(sb_digest *d, sb_name_kind kind)
{
    const uint32_t count = sb_name_count(d->view, kind);
    hash *hashes = sb_alloc_array(d->alloc, (size_t)count + 1, sizeof *hashes);

    if (hashes == NULL) return NULL;
    hashes[0] = (hash){0};
    for (uint32_t id = 1; id <= count; id++) {
        const sb_bytes name = sb_name_of(d->view, kind, id);
        hashes[id] = XXH3_128bits_withSeed(name.data, name.size, kind + 1u);
    }
    return hashes;
}

static sb_status make_arrays(sb_digest *d)
{
    const sb_node_id end = sb_ids_node_end(d->view);
    uint64_t nodes, rels;
    size_t bytes;

    SB_TRY(sb_stats_nodes_of_label(d->view, 0, &nodes, d->err));
    SB_TRY(sb_stats_rels_of_type(d->view, 0, &rels, d->err));
    d->rows_total = nodes + (ROUNDS + 1) * rels;
    d->by_id = end <= 4 * nodes + 65536;
    d->places = d->by_id ? end : nodes;
    if (!sb_mul_size((size_t)d->places, sizeof(hash), &bytes)) return SB_FAIL_NOMEM(d->err);
    d->now = sb_alloc_zero(d->alloc, bytes);
    d->out = sb_alloc(d->alloc, bytes);
    d->in = sb_alloc(d->alloc, bytes);
    d->labels = hash_names(d, SB_NAME_LABEL);
    d->types = hash_names(d, SB_NAME_TYPE);
    d->keys = hash_names(d, SB_NAME_KEY);
    d->values = sb_arena_create(d->alloc, NULL);
    if (d->now == NULL || d->out == NULL || d->in == NULL || d->labels == NULL ||
        d->types == NULL || d->keys == NULL || d->values == NULL)
        return SB_FAIL_NOMEM(d->err);
    return SB_OK;
}

static void free_names(sb_digest *d, hash *hashes, sb_name_kind kind)
{
    sb_free(d->alloc, hashes, ((size_t)sb_name_count(d->view, kind) + 1) * sizeof *hashes);
}

static void free_arrays(sb_digest *d)
{
    sb_free(d->alloc, d->now, (size_t)d->places * sizeof(hash));
    sb_free(d->alloc, d->out, (size_t)d->places * sizeof(hash));
    sb_free(d->alloc, d->in, (size_t)d->places * sizeof(hash));
    free_names(d, d->labels, SB_NAME_LABEL);
    free_names(d, d->types, SB_NAME_TYPE);
    free_names(d, d->keys, SB_NAME_KEY);
    sb_arena_destroy(d->values);
    sb_map_deinit(&d->places_of);
    sb_buffer_deinit(&d->bytes);
}

static sb_status run_digest(sb_digest *d, uint8_t digest[HASH_BYTES])
{
    hash nodes = {0};
    XXH128_canonical_t text;

    SB_TRY(make_arrays(d));
    SB_TRY(each_row(d, SB_NODE, take_node));
    for (unsigned round = 0; round < ROUNDS; round++)
        SB_TRY(run_round(d));
    d->last = true;
    SB_TRY(each_row(d, SB_REL, take_rel));
    for (uint64_t i = 0; i < d->places; i++)
        add_hash(&nodes, d->now[i]);
    const hash counts = {.low64 = d->node_count, .high64 = d->rel_count};
    XXH128_canonicalFromHash(&text, hash_three(counts, nodes, d->total));
    memcpy(digest, text.digest, HASH_BYTES);
    return SB_OK;
}

sb_status sb_graph_digest(sb_graph *graph, uint8_t digest[16], sb_err *err)
{
    sb_digest d = {.graph = graph, .view = graph->view, .alloc = graph->alloc, .err = err};

    memset(digest, 0, HASH_BYTES);
    sb_map_init(&d.places_of, graph->alloc);
    sb_buffer_init(&d.bytes, graph->alloc);
    const sb_status st = run_digest(&d, digest);
    free_arrays(&d);
    return st;
}

sb_status sb_graph_schema_digest(sb_graph *graph, uint8_t digest[16], sb_err *err)
{
    size_t count;
    const sb_schema *schemas = sb_schemas(graph->view, &count);
    hash sum = {0};
    sb_buffer list, row;
    sb_status st = SB_OK;
    XXH128_canonical_t text;

    memset(digest, 0, HASH_BYTES);
    sb_buffer_init(&list, graph->alloc);
    sb_buffer_init(&row, graph->alloc);
    for (size_t i = 0; i < count && st == SB_OK; i++) {
        sb_buffer_reset(&row);
        st = sb_graph__schema_row(graph->view, &schemas[i], &list, &row);
        if (st == SB_OK) add_hash(&sum, XXH3_128bits(row.data, row.size));
    }
    sb_buffer_deinit(&list);
    sb_buffer_deinit(&row);
    if (st != SB_OK) return SB_FAIL_NOMEM(err);
    XXH128_canonicalFromHash(&text, hash_two((hash){.low64 = count}, sum));
    memcpy(digest, text.digest, HASH_BYTES);
    return SB_OK;
}
