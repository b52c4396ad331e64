/* create.c — the typed batch: nodes of one label set, or relationships of one type, from columns. A batch is cut into slices whose memory
 * fits the transaction's, so that what a call takes does not grow with it. */
#include "graph/graph_priv.h"

/* A batch, or a slice of one. */
typedef struct sb_batch_rows {
    uint32_t name; /* label set or type */
    size_t count;
    const sb_node_id *sources, *targets; /* NULL for nodes */
    const sb_prop_column *columns;
    size_t column_count;
    uint64_t *ids; /* out */
} sb_batch_rows;

typedef sb_status (*sb_make_slice)(sb_graph *graph, const sb_batch_rows *slice, sb_err *err);

/* Add a system column behind the others, where sb_columns__convert left room. */
static void add_system_column(sb_rows *rows, sb_column *columns, uint32_t key,
                              const uint64_t *words)
{
    columns[rows->column_count++] = (sb_column){.key = key, .type = SB_CELL_INT, .words = words};
}

/* The last of them, with the same word in every row: those of one step, which each step has. */
static void add_constant_column(sb_graph *graph, sb_rows *rows, sb_column *columns, uint32_t key,
                                uint64_t constant)
{
    sb_buffer *buffer = &graph->writer.words;
    const size_t count = sb_graph__slice(0, rows->row_count, SB_PUT_STEP);
    uint64_t *words = (uint64_t *)(void *)(buffer->data + buffer->size);

    buffer->size += count * sizeof *words;
    SB_ASSERT(buffer->size <= buffer->capacity);
    for (size_t i = 0; i < count; i++)
        words[i] = constant;
    add_system_column(rows, columns, key, words);
}

/* ---- Slices ------------------------------------------------------------------------------------------------- */

/* What a row of a slice may need beside pages: both ends in the map of endpoints, which holds twice what it has and half of that while it
 * grows (128 bytes), sorted ids or index keys with room to sort them (160), words and label sets (32); and for each column a
 * word with its bit, or an encoded value. */
#define ROW_BYTES   320u
#define VALUE_BYTES 24u
/* Fewer rows would have batches descend for each; more gain nothing. */
#define SLICE_LEAST ((size_t)1 << 10)
#define SLICE_MAX   ((size_t)1 << 20)

size_t sb_create__slice(const sb_graph *graph, size_t column_count)
{
    const uint64_t memory = sb_pager_txn_memory(sb_txn_pager(graph->txn)) / 2;
    const uint64_t fitting = memory / (ROW_BYTES + (uint64_t)VALUE_BYTES * column_count);

    if (fitting < SLICE_LEAST) return SLICE_LEAST;
    return fitting > SLICE_MAX ? SLICE_MAX : (size_t)fitting & ~(size_t)7;
}

/* Columns from row begin on, which is a multiple of 8: slices share no byte of a bitmap. */
static void cut_columns(const sb_prop_column *columns, size_t count, size_t begin,
                        sb_prop_column *cut)
{
    for (size_t c = 0; c < count; c++) {
        cut[c] = columns[c];
        if (cut[c].present != NULL) cut[c].present += begin / 8;
        if (cut[c].integers != NULL) cut[c].integers += begin;
        if (cut[c].reals != NULL) cut[c].reals += begin;
        if (cut[c].bytes != NULL) cut[c].bytes += begin;
        if (cut[c].values != NULL) cut[c].values += begin;
    }
}

/* One slice after the other: each is checked and made before the next is looked at, and the bracket of the call undoes them all. */
static sb_status make_slices(sb_graph *graph, const sb_batch_rows *batch, sb_make_slice make,
                             sb_err *err)
{
    sb_writer *writer = &graph->writer;
    const size_t most = sb_create__slice(graph, batch->column_count);
    const size_t step = batch->count < most ? batch->count : most;
    sb_batch_rows slice = *batch;
    sb_prop_column *columns;
    sb_status st = SB_OK;
    size_t column_bytes, id_bytes;

    if (batch->count <= most && batch->ids != NULL) return make(graph, batch, err);
    sb_buffer_reset(&writer->slice);
    if (!sb_mul_size(batch->column_count, sizeof *columns, &column_bytes) ||
        !sb_mul_size(batch->ids == NULL ? step : 0, sizeof *batch->ids, &id_bytes) ||
        !sb_add_size(column_bytes, id_bytes, &id_bytes) ||
        sb_buffer_reserve(&writer->slice, id_bytes) != SB_OK)
        return SB_FAIL_NOMEM(err);
    slice.columns = columns = (sb_prop_column *)(void *)writer->slice.data;
    if (batch->ids == NULL) slice.ids = (uint64_t *)(void *)(writer->slice.data + column_bytes);
    for (size_t begin = 0; begin < batch->count && st == SB_OK; begin += step) {
        slice.count = sb_graph__slice(begin, batch->count, step);
        cut_columns(batch->columns, batch->column_count, begin, columns);
        if (batch->ids != NULL) slice.ids = batch->ids + begin;
        if (batch->sources != NULL) {
            slice.sources = batch->sources + begin;
            slice.targets = batch->targets + begin;
        }
        writer->rows.first = begin;
        st = make(graph, &slice, err);
    }
    writer->rows.first = 0;
    return st;
}

/* Put the rows in steps, so that a long batch can be cancelled. The last column is constant. scratch has room for the columns of a step. */
static sb_status put_rows(sb_graph *graph, sb_tree *table, const sb_rows *rows, sb_err *err)
{
    sb_column *columns;
    size_t end;

    if (rows->row_count <= SB_PUT_STEP) {
        SB_TRY(sb_rows_put(graph->txn, table, rows, err));
        return sb_graph__work(graph, rows->row_count, err);
    }
    sb_buffer_reset(&graph->writer.scratch);
    if (sb_buffer_reserve(&graph->writer.scratch, rows->column_count * sizeof *columns) != SB_OK)
        return SB_FAIL_NOMEM(err);
    columns = (sb_column *)(void *)graph->writer.scratch.data;
    for (size_t begin = 0; begin < rows->row_count; begin = end) {
        sb_rows step = {
            .ids = rows->ids + begin, .columns = columns, .column_count = rows->column_count};
        step.row_count = sb_graph__slice(begin, rows->row_count, SB_PUT_STEP);
        end = begin + step.row_count;
        for (size_t c = 0; c < rows->column_count; c++) {
            columns[c] = rows->columns[c];
            /* begin is a multiple of 8: steps share no byte of a bitmap */
            if (columns[c].present != NULL) columns[c].present += begin / 8;
            if (columns[c].words != NULL && c + 1 != rows->column_count) columns[c].words += begin;
            if (columns[c].bytes != NULL) columns[c].bytes += begin;
        }
        SB_TRY(sb_rows_put(graph->txn, table, &step, err));
        SB_TRY(sb_graph__work(graph, step.row_count, err));
    }
    return SB_OK;
}

/* ---- Nodes -------------------------------------------------------------------------------------------------- */

static sb_status index_labels(sb_graph *graph, sb_set_id set, const sb_node_id *ids, size_t count,
                              sb_err *err)
{
    size_t label_count;
    const sb_label_id *labels = sb_set_labels(graph->view, set, &label_count);

    for (size_t i = 0; i < label_count; i++)
        if (sb_label_indexed(graph->view, labels[i]))
            SB_TRY(sb_label_index_add(graph->view, labels[i], ids, count, err));
    return SB_OK;
}

static sb_status make_nodes(sb_graph *graph, const sb_batch_rows *slice, sb_err *err)
{
    const size_t count = slice->count;
    const sb_set_id set = slice->name;
    sb_node_id *ids = slice->ids;
    sb_rows rows = {.ids = ids, .row_count = count};
    sb_column *columns;

    SB_TRY(sb_columns__convert(graph, slice->columns, slice->column_count, count, 1, &columns,
                               &rows.column_count, err));
    rows.columns = columns;
    SB_TRY(sb_ids_take_nodes(graph->view, set, count, ids, err));
    add_constant_column(graph, &rows, columns, SB_COLUMN_SET, set);
    SB_TRY(put_rows(graph, sb_node_table(graph->view), &rows, err));
    SB_TRY(index_labels(graph, set, ids, count, err));
    SB_TRY(sb_upkeep__created(graph, SB_NODE, set, ids, count, slice->columns, slice->column_count,
                              err));
    SB_TRY(sb_writer__made(graph, set, ids, count, err));
    sb_stats_add_nodes(graph->view, set, (int64_t)count);
    return SB_OK;
}

sb_status sb_create__nodes(sb_graph *graph, sb_set_id set, size_t count,
                           const sb_prop_column *columns, size_t column_count, sb_node_id *ids,
                           sb_err *err)
{
    const sb_batch_rows batch = {
        .name = set, .count = count, .columns = columns, .column_count = column_count, .ids = ids};
    return make_slices(graph, &batch, make_nodes, err);
}

sb_status sb_graph_create_nodes(sb_graph *graph, sb_set_id set, size_t count,
                                const sb_prop_column *columns, size_t column_count, sb_node_id *ids,
                                sb_err *err)
{
    const uint64_t started = SB_PROFILE_START(graph->profile);
    uint32_t savepoint;
    sb_status status;

    if (set >= sb_set_count(graph->view))
        return SB_FAIL(err, SB_INVALID, "there is no label set %u", set);
    if (count == 0) return SB_OK;
    SB_TRY(sb_graph__atomic_begin(graph, &savepoint, err));
    sb_upkeep__begin(graph, false);
    status = sb_create__nodes(graph, set, count, columns, column_count, ids, err);
    status = sb_graph__atomic_end(graph, savepoint, status, err);
    SB_PROFILE_STOP(graph->profile, CREATE_NS, started);
    return status;
}

/* ---- Relationships -------------------------------------------------------------------------------------------- */

void sb_create__count_ends(sb_graph *graph, const sb_set_id *sets, size_t count, sb_type_id type,
                           sb_direction direction, int sign)
{
    for (size_t i = 0; i < count;) {
        size_t run = 1;
        while (i + run < count && sets[i + run] == sets[i])
            run++;
        sb_stats_add_rels(graph->view, sets[i], type, direction, sign * (int64_t)run);
        i += run;
    }
}

/* Label sets of both ends of a slice: one for all sources and one for all targets, or one for each. */
typedef struct sb_end_sets {
    bool same;
    sb_set_id source, target;
    const sb_set_id *sources, *targets;
} sb_end_sets;

static sb_status find_ends(sb_graph *graph, const sb_batch_rows *slice, sb_end_sets *found,
                           sb_err *err)
{
    sb_writer *writer = &graph->writer;
    sb_set_id *sets;
    size_t bytes;

    SB_TRY(sb_writer__ends_made(graph, slice->sources, slice->targets, slice->count, &found->source,
                                &found->target, &found->same, err));
    if (found->same) return SB_OK;
    if (!sb_mul_size(slice->count, 2 * sizeof *sets, &bytes)) return SB_FAIL_NOMEM(err);
    sb_buffer_reset(&writer->sets);
    if (sb_buffer_reserve(&writer->sets, bytes) != SB_OK) return SB_FAIL_NOMEM(err);
    sets = (sb_set_id *)(void *)writer->sets.data;
    found->sources = sets;
    found->targets = sets + slice->count;
    return sb_writer__endpoints(graph, slice->sources, slice->targets, slice->count, sets,
                                sets + slice->count, err);
}

static void count_rels(sb_graph *graph, const sb_end_sets *ends, sb_type_id type, size_t count)
{
    if (ends->same) {
        sb_stats_add_rels(graph->view, ends->source, type, SB_OUT, (int64_t)count);
        sb_stats_add_rels(graph->view, ends->target, type, SB_IN, (int64_t)count);
        return;
    }
    sb_create__count_ends(graph, ends->sources, count, type, SB_OUT, 1);
    sb_create__count_ends(graph, ends->targets, count, type, SB_IN, 1);
}

static sb_status make_rels(sb_graph *graph, const sb_batch_rows *slice, sb_err *err)
{
    const size_t count = slice->count;
    const sb_type_id type = slice->name;
    const sb_node_id *sources = slice->sources, *targets = slice->targets;
    sb_rel_id *ids = slice->ids;
    sb_rows rows = {.ids = ids, .row_count = count};
    sb_column *columns;
    sb_end_sets ends;

    SB_TRY(find_ends(graph, slice, &ends, err));
    SB_TRY(sb_columns__convert(graph, slice->columns, slice->column_count, count, 3, &columns,
                               &rows.column_count, err));
    rows.columns = columns;
    SB_TRY(sb_ids_take_rels(graph->view, type, count, ids, err));
    add_system_column(&rows, columns, SB_COLUMN_SOURCE, sources);
    add_system_column(&rows, columns, SB_COLUMN_TARGET, targets);
    add_constant_column(graph, &rows, columns, SB_COLUMN_TYPE, type);
    SB_TRY(put_rows(graph, sb_rel_table(graph->view), &rows, err));
    SB_TRY(sb_upkeep__created(graph, SB_REL, type, ids, count, slice->columns, slice->column_count,
                              err));
    count_rels(graph, &ends, type, count);
    return sb_writer__pend(graph, type, sources, targets, ids, count, err);
}

sb_status sb_create__rels(sb_graph *graph, sb_type_id type, size_t count, const sb_node_id *sources,
                          const sb_node_id *targets, const sb_prop_column *columns,
                          size_t column_count, sb_rel_id *ids, sb_err *err)
{
    const sb_batch_rows batch = {.name = type,
                                 .count = count,
                                 .sources = sources,
                                 .targets = targets,
                                 .columns = columns,
                                 .column_count = column_count,
                                 .ids = ids};
    return make_slices(graph, &batch, make_rels, err);
}

/* Do two arrays of count ids share memory? */
static bool overlap(const uint64_t *a, const uint64_t *b, size_t count)
{
    const uintptr_t x = (uintptr_t)a, y = (uintptr_t)b, bytes = count * sizeof *a;
    return x < y + bytes && y < x + bytes;
}

sb_status sb_graph_create_rels(sb_graph *graph, sb_type_id type, size_t count,
                               const sb_node_id *sources, const sb_node_id *targets,
                               const sb_prop_column *columns, size_t column_count, sb_rel_id *ids,
                               sb_err *err)
{
    const uint64_t started = SB_PROFILE_START(graph->profile);
    uint32_t savepoint;
    sb_status status;

    if (type == 0 || type > sb_name_count(graph->view, SB_NAME_TYPE))
        return SB_FAIL(err, SB_INVALID, "there is no relationship type %u", type);
    if (count == 0) return SB_OK;
    /* The ids are written while the ends are still read. */
    if (ids != NULL && (overlap(ids, sources, count) || overlap(ids, targets, count)))
        return SB_FAIL(err, SB_MISUSE, "ids may not lie in the arrays of sources or targets");
    SB_TRY(sb_graph__atomic_begin(graph, &savepoint, err));
    sb_upkeep__begin(graph, false);
    status = sb_create__rels(graph, type, count, sources, targets, columns, column_count, ids, err);
    status = sb_graph__atomic_end(graph, savepoint, status, err);
    SB_PROFILE_STOP(graph->profile, CREATE_NS, started);
    return status;
}
