/* verify.c — every tree of the file, and the catalog against itself.
 * A view that could be had has passed the checks of load.c: names and sets without gaps or repeats, definitions that
 * decode, trees inside the file. Here the rest: rows of unknown kinds, the cache against the rows, tree numbers and roots that two
 * trees share, id blocks that overlap, statistics of things that do not exist, and their sums. */
#include <stdio.h>
#include <stdlib.h>

#include "store/store_priv.h"

/* ---- Every tree -------------------------------------------------------------------------------------------- */

static sb_status visit_adjacency(sb_view *view, sb_store_tree_visit visit, void *ctx)
{
    static const char *const lanes[SB_LANES] = {"out", "in", "out, aside", "in, aside"};
    char what[SB_NAME_BYTES_MAX + 32];

    for (uint32_t place = 0; place < view->adjacency_count; place++) {
        const sb_store__adjacency *entry = sb_store__adjacency_at(view, place);
        const sb_bytes name = sb_name_of(view, SB_NAME_TYPE, entry->type);
        if (entry->tree.id == 0) continue;
        (void)snprintf(what, sizeof what, "relationships %.*s %s", (int)name.size,
                       (const char *)name.data, lanes[entry->lane]);
        SB_TRY(visit(ctx, &entry->tree, what));
    }
    return SB_OK;
}

static sb_status visit_indexes(sb_view *view, sb_store_tree_visit visit, void *ctx)
{
    char what[SB_NAME_BYTES_MAX + 32];

    for (size_t i = 0; i < view->schema_count; i++) {
        const sb_store__schema *schema = view->schemas[i];
        if (!schema->definition.has_tree) continue;
        (void)snprintf(what, sizeof what, "index %.*s", (int)schema->definition.name.size,
                       (const char *)schema->definition.name.data);
        SB_TRY(visit(ctx, &schema->tree, what));
    }
    return SB_OK;
}

sb_status sb_store_each_tree(sb_view *view, sb_store_tree_visit visit, void *ctx, sb_err *err)
{
    static const char *const names[SB_CORE_TREES] = {
        [SB_CORE_CATALOG] = "catalog",
        [SB_CORE_NODES] = "nodes",
        [SB_CORE_RELS] = "relationships",
        [SB_CORE_LABELS] = "label index",
        [SB_CORE_SHARED_OUT] = "shared lists out",
        [SB_CORE_SHARED_IN] = "shared lists in",
    };

    (void)err; /* whatever fails is the visitor's, which has its own */
    for (unsigned core = 0; core < SB_CORE_TREES; core++) {
        SB_TRY(visit(ctx, &view->meta.core[core], names[core]));
    }
    SB_TRY(visit_adjacency(view, visit, ctx));
    return visit_indexes(view, visit, ctx);
}

/* ---- Findings ------------------------------------------------------------------------------------------------- */

typedef struct check {
    sb_view *view;
    sb_finding finding;
    void *ctx;
    uint64_t *findings;
    char message[SB_NAME_BYTES_MAX + 256]; /* of the finding being reported */
    sb_map numbers, roots;                 /* of trees: → 1 */
    sb_buffer blocks; /* sb_pair[]: begin and end of what id blocks still have, of one kind */
    unsigned block_kind;
    uint64_t kind_sums[2]; /* nodes; relationships, by their sources */
    uint64_t all_nodes, all_rels;
    sb_map out_by_type, in_by_type, by_type; /* type → relationships */
} check;

static SB_COLD void report_message(check *c)
{
    ++*c->findings;
    if (c->finding == NULL) return;
    c->finding(c->ctx, c->view->meta.core[SB_CORE_CATALOG].root, c->message);
}
#define REPORT(c, ...)                                                                             \
    do {                                                                                           \
        (void)snprintf((c)->message, sizeof(c)->message, __VA_ARGS__);                             \
        report_message(c);                                                                         \
    } while (0)

/* ---- Trees ------------------------------------------------------------------------------------------------------ */

static sb_status check_unique(sb_map *map, uint64_t key, bool *unique)
{
    return sb_map_at(map, key, unique) == NULL ? SB_NOMEM : SB_OK;
}

static sb_status check_tree(void *ctx, const sb_tree *tree, const char *what)
{
    check *c = ctx;
    bool unique;

    SB_TRY(check_unique(&c->numbers, tree->id, &unique));
    if (!unique)
        REPORT(c, "catalog: %s has tree number %u, which another tree has too", what, tree->id);
    if (tree->id >= c->view->meta.next_tree)
        REPORT(c, "catalog: %s has tree number %u, which was never given out", what, tree->id);
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(check_unique(&c->roots, tree->root, &unique));
    if (!unique)
        REPORT(c, "catalog: %s has root page %u, which another tree has too", what, tree->root);
    return SB_OK;
}

/* ---- Rows before the first id: loading begins at that ----------------------------------------------------------- */

static sb_status check_first(void *ctx, sb_bytes key, sb_bytes value, sb_err *err)
{
    check *c = ctx;

    (void)value;
    (void)err;
    if (key.size < 5 || sb_load_be32(key.data + 1) == 0)
        REPORT(c, "catalog: a row of kind %u without an id", key.data[0]);
    return SB_EXISTS; /* the first one is enough */
}

static sb_status check_first_rows(check *c, sb_err *err)
{
    for (unsigned kind = SB_ROW_NAME; kind <= SB_ROW_SET; kind++) {
        const sb_status st = sb_store__each_row(c->view, kind, check_first, c, err);
        if (st != SB_OK && st != SB_EXISTS) return st;
    }
    return SB_OK;
}

/* ---- Names, sets, schema -------------------------------------------------------------------------------------------- */

static void check_names(check *c)
{
    sb_view *view = c->view;

    for (unsigned kind = 0; kind < SB_NAME_KINDS; kind++) {
        for (uint32_t id = 1; id <= view->names[kind].count; id++) {
            const uint32_t found =
                sb_name_find(view, (sb_name_kind)kind, sb_name_of(view, (sb_name_kind)kind, id));
            if (found != id)
                REPORT(c, "catalog: name %u of kind %u is found as %u", id, kind, found);
        }
    }
}

static void check_sets(check *c)
{
    sb_view *view = c->view;

    for (sb_set_id set = 0; set < view->sets.count; set++) {
        size_t count;
        const sb_label_id *labels = sb_set_labels(view, set, &count);
        const uint32_t found = sb_store__interner_find(
            &view->sets, sb_bytes_of(labels, count * sizeof *labels), view->hash_seed);
        if (found != set) REPORT(c, "catalog: label set %u is found as %u", set, found);
    }
}

static int compare_names(const void *a, const void *b)
{
    const sb_schema *const *x = a;
    const sb_schema *const *y = b;
    return sb_bytes_compare((*x)->name, (*y)->name);
}

static sb_status check_schema_names(check *c)
{
    const sb_view *view = c->view;

    if (view->schema_count < 2) return SB_OK;
    const sb_schema **sorted = sb_alloc_array(view->alloc, view->schema_count, sizeof *sorted);
    if (sorted == NULL) return SB_NOMEM;
    for (size_t i = 0; i < view->schema_count; i++) {
        sorted[i] = &view->definitions[i];
    }
    qsort(sorted, view->schema_count, sizeof *sorted, compare_names);
    for (size_t i = 1; i < view->schema_count; i++) {
        if (!sb_bytes_equal(sorted[i]->name, sorted[i - 1]->name)) continue;
        REPORT(c, "catalog: definitions %u and %u have the same name", sorted[i - 1]->id,
               sorted[i]->id);
    }
    sb_free(view->alloc, sorted, view->schema_count * sizeof *sorted);
    return SB_OK;
}

/* ---- Id blocks ---------------------------------------------------------------------------------------------------- */

static sb_status check_block(void *ctx, sb_bytes key, sb_bytes value, sb_err *err)
{
    check *c = ctx;
    sb_store__block block = {0};
    const bool nodes = c->block_kind == SB_ROW_NODE_IDS;

    if (key.size != 5) {
        REPORT(c, "catalog: the key of an id block has %zu bytes", key.size);
        return SB_OK;
    }
    const uint32_t id = sb_load_be32(key.data + 1);
    if (nodes ? id >= c->view->sets.count : id == 0 || id > c->view->names[SB_NAME_TYPE].count) {
        REPORT(c, "catalog: an id block of %s %u, which does not exist",
               nodes ? "label set" : "type", id);
    }
    if (sb_store__block_decode(value, &block, NULL) != SB_OK) {
        REPORT(c, "catalog: the id block of %s %u does not decode", nodes ? "label set" : "type",
               id);
        return SB_OK;
    }
    if (block.next + block.remaining > (nodes ? c->view->meta.node_end : c->view->meta.rel_end)) {
        REPORT(c, "catalog: the id block of %s %u reaches past all ids",
               nodes ? "label set" : "type", id);
    }
    const sb_pair pair = {.key = block.next, .value = block.next + block.remaining};
    if (block.remaining == 0) return SB_OK;
    return sb_buffer_append(&c->blocks, &pair, sizeof pair) == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
}

static sb_status check_blocks(check *c, unsigned kind, sb_err *err)
{
    c->block_kind = kind;
    sb_buffer_reset(&c->blocks);
    SB_TRY(sb_store__each_row(c->view, kind, check_block, c, err));
    const size_t count = c->blocks.size / sizeof(sb_pair);
    if (sb_buffer_reserve(&c->blocks, count * sizeof(sb_pair)) != SB_OK) return SB_FAIL_NOMEM(err);
    sb_pair *pairs = (sb_pair *)(void *)c->blocks.data;
    if (count > 1) sb_pairs_sort(pairs, pairs + count, count);
    for (size_t i = 1; i < count; i++) {
        if (pairs[i].key >= pairs[i - 1].value) continue;
        REPORT(c, "catalog: two %s id blocks overlap at %llu",
               kind == SB_ROW_NODE_IDS ? "node" : "relationship", (unsigned long long)pairs[i].key);
    }
    return SB_OK;
}

/* ---- Statistics ------------------------------------------------------------------------------------------------------ */

static sb_status add_to(sb_map *map, uint64_t type, uint64_t count)
{
    bool inserted;
    uint64_t *sum = sb_map_at(map, type, &inserted);

    if (sum == NULL) return SB_NOMEM;
    *sum += count;
    return SB_OK;
}

static sb_status check_stat(check *c, uint64_t stat, uint64_t count)
{
    const unsigned kind = (unsigned)(stat >> 56);
    const uint64_t type = stat & SB_TYPE_ID_MAX;
    const uint64_t set = kind == SB_STAT_NODES ? stat - 1 : (stat >> 24) & UINT32_MAX;

    if (stat == 0) {
        c->all_nodes = count;
        return SB_OK;
    }
    if (stat == SB_STAT_KEY(SB_STAT_TYPES, 0, 0)) {
        c->all_rels = count;
        return SB_OK;
    }
    if (kind > SB_STAT_TYPES || (kind != SB_STAT_TYPES && set >= c->view->sets.count) ||
        (kind == SB_STAT_TYPES && set != 0) ||
        (kind != SB_STAT_NODES && (type == 0 || type > c->view->names[SB_NAME_TYPE].count))) {
        REPORT(c, "statistics: a count under key %llx, of what does not exist",
               (unsigned long long)stat);
        return SB_OK;
    }
    if (kind == SB_STAT_NODES) {
        c->kind_sums[0] += count;
        return SB_OK;
    }
    if (kind == SB_STAT_TYPES) c->kind_sums[1] += count;
    return add_to(kind == SB_STAT_OUT  ? &c->out_by_type
                  : kind == SB_STAT_IN ? &c->in_by_type
                                       : &c->by_type,
                  type, count);
}

static sb_status check_stats_row(void *ctx, sb_bytes key, sb_bytes value, sb_err *err)
{
    check *c = ctx;
    uint64_t counts[SB_STAT_CHUNK];

    if (key.size != 8 || sb_store__stats_decode(value, counts, NULL) != SB_OK) {
        REPORT(c, "statistics: a row does not decode");
        return SB_OK;
    }
    const uint64_t first = (sb_load_be64(key.data) & 0x00FFFFFFFFFFFFFFull) << SB_STAT_CHUNK_BITS;
    for (unsigned i = 0; i < SB_STAT_CHUNK; i++) {
        if (counts[i] != 0 && check_stat(c, first + i, counts[i]) != SB_OK)
            return SB_FAIL_NOMEM(err);
    }
    return SB_OK;
}

static uint64_t sum_of(const sb_map *map, uint64_t type)
{
    const uint64_t *sum = sb_map_find(map, type);
    return sum == NULL ? 0 : *sum;
}

static void check_sums(check *c)
{
    if (c->kind_sums[0] != c->all_nodes) {
        REPORT(c, "statistics: label sets have %llu nodes, all together %llu",
               (unsigned long long)c->kind_sums[0], (unsigned long long)c->all_nodes);
    }
    if (c->kind_sums[1] != c->all_rels) {
        REPORT(c, "statistics: types have %llu relationships, all together %llu",
               (unsigned long long)c->kind_sums[1], (unsigned long long)c->all_rels);
    }
    for (sb_type_id type = 1; type <= c->view->names[SB_NAME_TYPE].count; type++) {
        const uint64_t all = sum_of(&c->by_type, type), out = sum_of(&c->out_by_type, type),
                       in = sum_of(&c->in_by_type, type);
        if (all == out && all == in) continue;
        REPORT(c,
               "statistics: type %u has %llu relationships, %llu by their sources, %llu by their "
               "targets",
               type, (unsigned long long)all, (unsigned long long)out, (unsigned long long)in);
    }
}

/* ---- Rows of unknown kinds --------------------------------------------------------------------------------------------- */

static sb_status check_kinds(check *c, sb_err *err)
{
    const uint8_t behind = SB_ROW_STATS + 1;
    sb_cursor *cursor = NULL;
    bool found = false;

    SB_TRY(
        sb_cursor_open(c->view->txn, sb_store__core_tree(c->view, SB_CORE_CATALOG), &cursor, err));
    sb_status st = sb_cursor_first(cursor, &found, err);
    if (st == SB_OK && found && sb_cursor_key(cursor).size != 0 &&
        sb_cursor_key(cursor).data[0] < SB_ROW_NAME)
        REPORT(c, "catalog: a row of unknown kind");
    if (st == SB_OK) st = sb_cursor_seek(cursor, sb_bytes_of(&behind, 1), &found, err);
    if (st == SB_OK && found) REPORT(c, "catalog: a row of unknown kind");
    sb_cursor_close(cursor);
    return st;
}

static sb_status run_checks(check *c, sb_err *err)
{
    check_names(c);
    check_sets(c);
    if (check_schema_names(c) != SB_OK) return SB_FAIL_NOMEM(err);
    if (sb_store_each_tree(c->view, check_tree, c, err) != SB_OK) return SB_FAIL_NOMEM(err);
    SB_TRY(check_first_rows(c, err));
    SB_TRY(check_blocks(c, SB_ROW_NODE_IDS, err));
    SB_TRY(check_blocks(c, SB_ROW_REL_IDS, err));
    SB_TRY(sb_store__each_row(c->view, SB_ROW_STATS, check_stats_row, c, err));
    check_sums(c);
    return check_kinds(c, err);
}

sb_status sb_store_verify(sb_view *view, sb_finding finding, void *ctx, uint64_t *findings,
                          sb_err *err)
{
    const sb_allocator *alloc = view->alloc;
    uint64_t count = 0;
    check c = {.view = view, .finding = finding, .ctx = ctx, .findings = &count};

    *findings = 0;
    if (view->writer.active) SB_TRY(sb_store__stats_flush(view, err));
    sb_map_init(&c.numbers, alloc);
    sb_map_init(&c.roots, alloc);
    sb_map_init(&c.out_by_type, alloc);
    sb_map_init(&c.in_by_type, alloc);
    sb_map_init(&c.by_type, alloc);
    sb_buffer_init(&c.blocks, alloc);
    const sb_status st = run_checks(&c, err);
    sb_map_deinit(&c.numbers);
    sb_map_deinit(&c.roots);
    sb_map_deinit(&c.out_by_type);
    sb_map_deinit(&c.in_by_type);
    sb_map_deinit(&c.by_type);
    sb_buffer_deinit(&c.blocks);
    *findings = count;
    return st;
}
