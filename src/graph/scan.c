/* scan.c — nodes of a label, relationships of a type, with a condition on a property: by a property index, by the label
 * index, or by reading the table's columns leaf by leaf.
 * Between two calls the caller may change what it scans: in a write transaction no page is held then, and the scan goes on
 * by id. */
#include <stdlib.h>

#include "graph/scan_priv.h"

/* With a condition and no property index: a label with fewer than 1/8 of the nodes is read row by row through the label
 * index. A look-up costs some 10 to 50 times a row of a column, but rows of other labels mostly lie in other leaves. */
#define LABEL_SHARE 8u
#define TICK_ROWS   65536u

static const sb_tree *table_of(const sb_scan *scan)
{
    return scan->entity == SB_NODE ? sb_node_table(scan->graph->view)
                                   : sb_rel_table(scan->graph->view);
}

/* ---- Choosing a way ------------------------------------------------------------------------------------------ */

/* The index that serves a condition on one key, or NULL. One over several keys has no entry for who lacks one of them: only
 * behind a node key do all have one, and then only in committed state, since it is checked at commit. */
static const sb_schema *find_index(const sb_scan *scan)
{
    const sb_schema *schemas, *best = NULL;
    size_t count;

    schemas = sb_schemas(scan->graph->view, &count);
    for (size_t i = 0; i < count; i++) {
        const sb_schema *schema = &schemas[i];
        if (!schema->has_tree || schema->on_rels != (scan->entity == SB_REL) ||
            schema->entity != scan->name || schema->kind == SB_SCHEMA_LABEL_INDEX ||
            schema->key_count == 0 || schema->keys[0] != scan->filter.key)
            continue;
        if (schema->key_count == 1) return schema;
        if (schema->kind == SB_SCHEMA_NODE_KEY && !sb_txn_writable(scan->graph->txn)) best = schema;
    }
    return best;
}

static sb_status open_index(sb_scan *scan, const sb_schema *schema, sb_err *err)
{
    const sb_filter *filter = &scan->filter;
    const sb_index_range range = {.equal = filter->equal,
                                  .equal_count = filter->equal != NULL,
                                  .low = filter->low,
                                  .high = filter->high,
                                  .low_inclusive = filter->low_inclusive,
                                  .high_inclusive = filter->high_inclusive};

    SB_TRY(sb_index_scan_open(scan->graph->view, schema->id, &range, &scan->index, err));
    scan->way = SB_SCAN_INDEX;
    return SB_OK;
}

static sb_status add_run(sb_scan *scan, uint32_t member, sb_err *err)
{
    if (scan->run_count != 0 && scan->runs[scan->run_count - 1].last + 1 == member) {
        scan->runs[scan->run_count - 1].last++;
        return SB_OK;
    }
    SB_TRY(sb_graph__grow(scan->graph->alloc, &scan->runs, sizeof *scan->runs, scan->run_count + 1,
                          &scan->run_capacity, err));
    scan->runs[scan->run_count++] = (sb_member_run){.first = member, .last = member};
    return SB_OK;
}

/* members: how many there are of the name; total: of all. */
static sb_status count_members(sb_scan *scan, uint64_t *members, uint64_t *total, sb_err *err)
{
    sb_view *view = scan->graph->view;

    if (scan->entity == SB_NODE) {
        SB_TRY(sb_stats_nodes_of_label(view, 0, total, err));
        return sb_stats_nodes_of_label(view, scan->name, members, err);
    }
    SB_TRY(sb_stats_rels_of_type(view, 0, total, err));
    return sb_stats_rels_of_type(view, scan->name, members, err);
}

static sb_status prepare_rows(sb_scan *scan, uint64_t members, uint64_t total, sb_err *err)
{
    const sb_set_id *sets;
    size_t count;

    scan->way = SB_SCAN_ROWS;
    /* Where all rows are members now, none needs to be asked; a later change by the same transaction may add others. */
    if (scan->name == 0 || (members == total && !sb_txn_writable(scan->graph->txn))) return SB_OK;
    if (scan->entity == SB_REL) return add_run(scan, scan->name, err);
    sets = sb_label_sets(scan->graph->view, scan->name, &count);
    for (size_t i = 0; i < count; i++)
        SB_TRY(add_run(scan, sets[i], err));
    if (count == 0) scan->way = SB_SCAN_NOTHING;
    return SB_OK;
}

static sb_status choose_way(sb_scan *scan, bool no_index, sb_err *err)
{
    const uint32_t names =
        sb_name_count(scan->graph->view, scan->entity == SB_NODE ? SB_NAME_LABEL : SB_NAME_TYPE);
    uint64_t members;

    if (scan->filter.kind == SB_FILTER_NOTHING || scan->name > names) return SB_OK;
    SB_TRY(count_members(scan, &members, &scan->total, err));
    if (scan->filter.kind != SB_FILTER_NONE && scan->name != 0 && !no_index) {
        const sb_schema *schema = find_index(scan);
        if (schema != NULL) SB_TRY(open_index(scan, schema, err));
        if (schema != NULL) return SB_OK;
    }
    if (scan->entity == SB_NODE && scan->name != 0 &&
        sb_label_indexed(scan->graph->view, scan->name) &&
        (scan->filter.kind == SB_FILTER_NONE || members < scan->total / LABEL_SHARE)) {
        scan->way = SB_SCAN_LABEL;
        return SB_OK;
    }
    return prepare_rows(scan, members, scan->total, err);
}

sb_status sb_scan_open(sb_graph *graph, const sb_scan_options *options, sb_scan **out, sb_err *err)
{
    sb_scan *scan;
    sb_status status;

    *out = NULL;
    SB_CHECK_ARG(err, options->entity <= SB_REL);
    SB_CHECK_ARG(err, options->last_id == 0 || options->key == 0);
    scan = sb_alloc_zero(graph->alloc, sizeof *scan);
    if (scan == NULL) return SB_FAIL_NOMEM(err);
    scan->graph = graph;
    scan->entity = options->entity;
    scan->name = options->name;
    scan->next_id = options->first_id == 0 ? 1 : options->first_id;
    scan->last_id = options->last_id == 0 ? SB_ID_MAX : options->last_id;
    sb_buffer_init(&scan->matches, graph->alloc);
    sb_buffer_init(&scan->others, graph->alloc);
    sb_buffer_init(&scan->ids, graph->alloc);
    status = sb_filter__open(graph, options, &scan->filter, err);
    if (status == SB_OK) status = choose_way(scan, options->no_index, err);
    if (status != SB_OK) {
        sb_scan_close(scan);
        return status;
    }
    *out = scan;
    return SB_OK;
}

void sb_scan_close(sb_scan *scan)
{
    if (scan == NULL) return;
    sb_index_scan_close(scan->index);
    sb_row_scan_close(scan->rows);
    sb_filter__close(&scan->filter);
    sb_buffer_deinit(&scan->matches);
    sb_buffer_deinit(&scan->others);
    sb_buffer_deinit(&scan->ids);
    sb_free(scan->graph->alloc, scan->runs, scan->run_capacity * sizeof *scan->runs);
    sb_free(scan->graph->alloc, scan, sizeof *scan);
}

bool sb_scan_uses_index(const sb_scan *scan)
{
    return scan->way == SB_SCAN_INDEX;
}

sb_status sb_scan__tick(sb_scan *scan, size_t rows, sb_err *err)
{
    const uint64_t before = scan->done;

    scan->done += rows;
    if (before != 0 && before / TICK_ROWS == scan->done / TICK_ROWS) return SB_OK;
    return sb_graph__tick(scan->graph, scan->done, scan->total, err);
}

/* ---- Rows -------------------------------------------------------------------------------------------------------- */

static sb_status reserve_bits(sb_buffer *bits, size_t rows, sb_err *err)
{
    sb_buffer_reset(bits);
    return sb_buffer_reserve(bits, rows / 8 + 8) == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
}

/* Rows of the leaf that are members: bits in matches. */
static sb_status match_members(sb_scan *scan, size_t *match_count, sb_err *err)
{
    const uint32_t column = scan->entity == SB_NODE ? SB_COLUMN_SET : SB_COLUMN_TYPE;

    *match_count = 0;
    for (size_t r = 0; r < scan->run_count && *match_count < scan->leaf_rows; r++) {
        uint8_t *bits = r == 0 ? scan->matches.data : scan->others.data;
        size_t count;
        SB_TRY(sb_row_scan_filter_int(scan->rows, column, SB_CELL_INT, scan->runs[r].first,
                                      scan->runs[r].last, bits, &count, err));
        for (size_t i = 0; r != 0 && count != 0 && i < (scan->leaf_rows + 7) / 8; i++)
            scan->matches.data[i] = (uint8_t)(scan->matches.data[i] | bits[i]);
        *match_count += count; /* a row has one set: runs do not meet */
    }
    return SB_OK;
}

static sb_status match_leaf(sb_scan *scan, size_t *match_count, sb_err *err)
{
    const size_t rows = scan->leaf_rows, bytes = (rows + 7) / 8;
    const bool filtered = scan->filter.kind != SB_FILTER_NONE;
    size_t members = rows;

    *match_count = rows;
    if (!filtered && scan->runs == NULL) return SB_OK;
    SB_TRY(reserve_bits(&scan->matches, rows, err));
    if (scan->runs != NULL) {
        SB_TRY(reserve_bits(&scan->others, rows, err));
        SB_TRY(match_members(scan, &members, err));
        *match_count = members;
        if (members == 0 || !filtered) return SB_OK;
    }
    if (members == rows)
        return sb_filter__leaf(&scan->filter, scan->rows, rows, NULL, scan->matches.data,
                               match_count, err);
    SB_TRY(sb_filter__leaf(&scan->filter, scan->rows, rows, scan->matches.data, scan->others.data,
                           match_count, err));
    for (size_t i = 0; i < bytes; i++)
        scan->matches.data[i] &= scan->others.data[i];
    *match_count = sb_bits_count(scan->matches.data, rows);
    return SB_OK;
}

static sb_status next_leaf(sb_scan *scan, sb_err *err)
{
    scan->leaf_rows = 0;
    if (scan->rows == NULL)
        SB_TRY(sb_row_scan_open(scan->graph->txn, table_of(scan), scan->next_id, scan->last_id,
                                &scan->rows, err));
    SB_TRY(sb_row_scan_next(scan->rows, &scan->leaf_rows, err));
    return sb_scan__tick(scan, scan->leaf_rows, err);
}

sb_status sb_scan__leaf(sb_scan *scan, size_t *match_count, sb_err *err)
{
    *match_count = 0;
    SB_TRY(next_leaf(scan, err));
    return scan->leaf_rows == 0 ? SB_OK : match_leaf(scan, match_count, err);
}

/* How many rows of the leaf match, when its columns are so simple that no bitmap is needed. */
static bool count_simple(sb_scan *scan, size_t *match_count)
{
    const sb_filter *filter = &scan->filter;
    const uint32_t column = scan->entity == SB_NODE ? SB_COLUMN_SET : SB_COLUMN_TYPE;
    size_t members = 0, count;

    *match_count = 0;
    if (filter->word_type == 0) return false;
    for (size_t r = 0; r < scan->run_count && members < scan->leaf_rows; r++) {
        if (!sb_row_scan_count_int(scan->rows, column, SB_CELL_INT, scan->runs[r].first,
                                   scan->runs[r].last, &count))
            return false;
        members += count;
    }
    if (scan->runs != NULL && members == 0) return true;
    if (scan->runs != NULL && members != scan->leaf_rows) return false;
    return sb_row_scan_count_int(scan->rows, filter->key, filter->word_type, filter->word_low,
                                 filter->word_high, match_count);
}

sb_status sb_scan__count(sb_scan *scan, size_t *match_count, sb_err *err)
{
    *match_count = 0;
    SB_TRY(next_leaf(scan, err));
    if (scan->leaf_rows == 0 || count_simple(scan, match_count)) return SB_OK;
    return match_leaf(scan, match_count, err);
}

/* Ids of the next leaf that has any. */
static sb_status load_leaf(sb_scan *scan, sb_err *err)
{
    const uint64_t *leaf_ids;
    uint64_t *out;
    size_t count;

    SB_TRY(sb_scan__leaf(scan, &count, err));
    sb_buffer_reset(&scan->ids);
    scan->ids_at = 0;
    if (scan->leaf_rows == 0) {
        scan->ended = true;
        return SB_OK;
    }
    leaf_ids = sb_row_scan_ids(scan->rows);
    scan->next_id = leaf_ids[scan->leaf_rows - 1] + 1;
    if (sb_buffer_reserve(&scan->ids, count * sizeof *out) != SB_OK) return SB_FAIL_NOMEM(err);
    out = (uint64_t *)(void *)scan->ids.data;
    if (count == scan->leaf_rows)
        memcpy(out, leaf_ids, count * sizeof *out);
    else
        for (size_t i = 0, n = 0; n < count; i++) {
            i = sb_bits_next(scan->matches.data, i, scan->leaf_rows);
            out[n++] = leaf_ids[i];
        }
    scan->ids.size = count * sizeof *out;
    return SB_OK;
}

static sb_status next_rows(sb_scan *scan, uint64_t *ids, size_t capacity, size_t *count,
                           sb_err *err)
{
    while (*count < capacity) {
        const size_t left = scan->ids.size / sizeof *ids - scan->ids_at;
        const size_t take = left < capacity - *count ? left : capacity - *count;
        if (take == 0) {
            if (scan->ended) break;
            SB_TRY(load_leaf(scan, err));
            continue;
        }
        memcpy(ids + *count, scan->ids.data + scan->ids_at * sizeof *ids, take * sizeof *ids);
        scan->ids_at += take;
        *count += take;
    }
    if (sb_txn_writable(scan->graph->txn)) {
        sb_row_scan_close(scan->rows);
        scan->rows = NULL;
    }
    return SB_OK;
}

/* ---- Indexes -------------------------------------------------------------------------------------------------------- */

static sb_status next_indexed(sb_scan *scan, uint64_t *ids, size_t capacity, size_t *count,
                              sb_err *err)
{
    do {
        SB_TRY(sb_index_scan_next(scan->index, ids, NULL, capacity, count, err));
        if (*count == 0) return SB_OK;
        SB_TRY(sb_scan__tick(scan, *count, err));
        if (sb_index_scan_cut(scan->index))
            SB_TRY(sb_filter__keep(scan->graph, &scan->filter, table_of(scan), ids, count, err));
    } while (*count == 0);
    return SB_OK;
}

static sb_status next_labeled(sb_scan *scan, uint64_t *ids, size_t capacity, size_t *count,
                              sb_err *err)
{
    do {
        if (scan->next_id > scan->last_id) return SB_OK;
        SB_TRY(sb_label_index_scan(scan->graph->view, scan->name, scan->next_id, ids, capacity,
                                   count, err));
        if (*count == 0) return SB_OK;
        SB_TRY(sb_scan__tick(scan, *count, err));
        scan->next_id = ids[*count - 1] + 1;
        while (*count != 0 && ids[*count - 1] > scan->last_id)
            --*count;
        if (scan->filter.kind != SB_FILTER_NONE)
            SB_TRY(sb_filter__keep(scan->graph, &scan->filter, table_of(scan), ids, count, err));
    } while (*count == 0);
    return SB_OK;
}

sb_status sb_scan_next(sb_scan *scan, uint64_t *ids, size_t capacity, size_t *count, sb_err *err)
{
    *count = 0;
    if (capacity == 0) return SB_FAIL(err, SB_MISUSE, "a scan needs room for at least one id");
    switch (scan->way) {
    case SB_SCAN_INDEX: return next_indexed(scan, ids, capacity, count, err);
    case SB_SCAN_LABEL: return next_labeled(scan, ids, capacity, count, err);
    case SB_SCAN_ROWS: return next_rows(scan, ids, capacity, count, err);
    case SB_SCAN_NOTHING:
    default: return SB_OK;
    }
}

/* ---- Look-up by a cut key --------------------------------------------------------------------------------------------- */

/* Does an entity's row have all of these values? */
typedef struct sb_verifying {
    sb_filter *filters; /* one a key */
    size_t key_count;
    const uint64_t *ids;
    uint64_t *id; /* the first that has */
    sb_err *err;
} sb_verifying;

static sb_status verify_row(void *ctx, size_t i, const sb_row *row)
{
    const sb_verifying *verifying = ctx;
    bool matches = row != NULL;

    if (*verifying->id != 0) return SB_OK;
    for (size_t k = 0; matches && k < verifying->key_count; k++)
        SB_TRY(sb_filter__row(&verifying->filters[k], row, &matches, verifying->err));
    if (matches) *verifying->id = verifying->ids[i];
    return SB_OK;
}

static sb_status scan_cut(sb_graph *graph, const sb_schema *schema, const sb_value *values,
                          sb_filter *filters, uint64_t *id, sb_err *err)
{
    const sb_index_range range = {.equal = values, .equal_count = schema->key_count};
    const sb_tree *table = schema->on_rels ? sb_rel_table(graph->view) : sb_node_table(graph->view);
    uint64_t ids[64];
    sb_verifying verifying = {
        .filters = filters, .key_count = schema->key_count, .ids = ids, .id = id, .err = err};
    sb_index_scan *scan;
    size_t count = 1;
    sb_status status;

    SB_TRY(sb_index_scan_open(graph->view, schema->id, &range, &scan, err));
    do {
        status = sb_index_scan_next(scan, ids, NULL, sizeof ids / sizeof *ids, &count, err);
        if (status == SB_OK && count != 0)
            status = sb_rows_find(graph->txn, table, ids, count, verify_row, &verifying, err);
    } while (status == SB_OK && count != 0 && *id == 0);
    sb_index_scan_close(scan);
    return status;
}

static const sb_schema *schema_of_id(sb_graph *graph, uint32_t id)
{
    size_t count;
    const sb_schema *schemas = sb_schemas(graph->view, &count);

    for (size_t i = 0; i < count; i++)
        if (schemas[i].id == id && schemas[i].has_tree) return &schemas[i];
    return NULL;
}

sb_status sb_graph_lookup_cut(sb_graph *graph, uint32_t schema_id, const sb_value *values,
                              size_t value_count, uint64_t *id, sb_err *err)
{
    const sb_schema *schema = schema_of_id(graph, schema_id);
    sb_filter filters[SB_SCHEMA_KEYS_MAX];
    sb_status status = SB_OK;
    size_t opened = 0;

    *id = 0;
    if (schema == NULL) return SB_FAIL(err, SB_NOT_FOUND, "there is no index %u", schema_id);
    if (value_count != schema->key_count)
        return SB_FAIL(err, SB_MISUSE, "index %u has %u keys, not %zu", schema_id,
                       schema->key_count, value_count);
    for (; status == SB_OK && opened < value_count; opened++)
        status = sb_filter__open(
            graph, &(sb_scan_options){.key = schema->keys[opened], .equal = &values[opened]},
            &filters[opened], err);
    if (status == SB_OK) status = scan_cut(graph, schema, values, filters, id, err);
    for (size_t i = 0; i < opened; i++)
        sb_filter__close(&filters[i]);
    return status;
}

typedef struct sb_lookups {
    uint32_t schema_id;
    const sb_value *values;
    size_t value_count; /* of each */
    uint64_t *ids;
    size_t count;
} sb_lookups;

/* Those from `at` to `end`, one by one: some of their keys were cut. */
static sb_status look_up_again(sb_graph *graph, const sb_lookups *many, size_t at, size_t end,
                               sb_err *err)
{
    for (size_t i = at; i < end; i++) {
        const sb_value *own = many->values + i * many->value_count;
        bool cut;
        if (i != 0 && i % SB_GRAPH_MANY_TREES == 0)
            SB_TRY(sb_graph__tick(graph, i, many->count, err));
        SB_TRY(sb_index_lookup(graph->view, many->schema_id, own, many->value_count, &many->ids[i],
                               &cut, err));
        if (cut)
            SB_TRY(sb_graph_lookup_cut(graph, many->schema_id, own, many->value_count,
                                       &many->ids[i], err));
    }
    return SB_OK;
}

sb_status sb_graph_lookup_many(sb_graph *graph, uint32_t schema_id, const sb_value *values,
                               size_t value_count, size_t count, uint64_t *ids, sb_err *err)
{
    const sb_schema *schema = schema_of_id(graph, schema_id);
    const sb_lookups many = {schema_id, values, value_count, ids, count};
    bool any_cut;

    if (schema != NULL && value_count != schema->key_count)
        return SB_FAIL(err, SB_MISUSE, "index %u has %u keys, not %zu", schema_id,
                       schema->key_count, value_count);
    for (size_t at = 0; at < count; at += SB_GRAPH_MANY) {
        const size_t end = at + sb_graph__slice(at, count, SB_GRAPH_MANY);
        if (at != 0) SB_TRY(sb_graph__tick(graph, at, count, err));
        SB_TRY(sb_index_lookup_many(graph->view, schema_id, values + at * value_count, end - at,
                                    ids + at, &any_cut, err));
        if (any_cut) SB_TRY(look_up_again(graph, &many, at, end, err));
    }
    return SB_OK;
}
