/* create.c — the typed batch: nodes of one label set, or relationships of one type, from columns. */
#include "graph/graph_priv.h"

/* Add a system column whose word is the same in every row, or given by the caller. words come from writer->words, where
 * sb_columns__convert left room. */
static void add_system_column(sb_graph *graph, sb_column *columns, size_t *column_count,
                              uint32_t key, const uint64_t *words, uint64_t constant, size_t count)
{
    sb_buffer *buffer = &graph->writer.words;

    if (words == NULL) {
        uint64_t *filled = (uint64_t *)(void *)(buffer->data + buffer->size);
        buffer->size += count * sizeof *filled;
        SB_ASSERT(buffer->size <= buffer->capacity);
        for (size_t i = 0; i < count; i++)
            filled[i] = constant;
        words = filled;
    }
    columns[(*column_count)++] = (sb_column){.key = key, .type = SB_CELL_INT, .words = words};
}

/* Put the rows in steps, so that a long batch can be cancelled. scratch has room for the columns of a step. */
static sb_status put_rows(sb_graph *graph, sb_tree *table, const sb_rows *rows, sb_err *err)
{
    sb_column *columns;
    size_t end;

    if (rows->row_count <= SB_GRAPH_STEP) {
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
        end = rows->row_count - begin < SB_GRAPH_STEP ? rows->row_count : begin + SB_GRAPH_STEP;
        step.row_count = end - begin;
        for (size_t c = 0; c < rows->column_count; c++) {
            columns[c] = rows->columns[c];
            /* begin is a multiple of 8: steps share no byte of a bitmap */
            if (columns[c].present != NULL) columns[c].present += begin / 8;
            if (columns[c].words != NULL) columns[c].words += begin;
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

sb_status sb_create__nodes(sb_graph *graph, sb_set_id set, size_t count,
                           const sb_prop_column *columns, size_t column_count, sb_node_id *ids,
                           sb_err *err)
{
    sb_column *table_columns;
    size_t table_column_count;
    sb_rows rows;

    SB_TRY(sb_columns__convert(graph, columns, column_count, count, 1, &table_columns,
                               &table_column_count, err));
    SB_TRY(sb_ids_take_nodes(graph->view, set, count, ids, err));
    add_system_column(graph, table_columns, &table_column_count, SB_COLUMN_SET, NULL, set, count);
    rows = (sb_rows){.ids = ids,
                     .row_count = count,
                     .columns = table_columns,
                     .column_count = table_column_count};
    SB_TRY(put_rows(graph, sb_node_table(graph->view), &rows, err));
    SB_TRY(index_labels(graph, set, ids, count, err));
    SB_TRY(sb_upkeep__created(graph, SB_NODE, set, ids, count, columns, column_count, err));
    SB_TRY(sb_writer__made(graph, set, ids, count, err));
    sb_stats_add_nodes(graph->view, set, (int64_t)count);
    return SB_OK;
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

sb_status sb_create__rels(sb_graph *graph, sb_type_id type, size_t count, const sb_node_id *sources,
                          const sb_node_id *targets, const sb_prop_column *columns,
                          size_t column_count, sb_rel_id *ids, sb_err *err)
{
    sb_writer *writer = &graph->writer;
    sb_set_id *sets;
    sb_column *table_columns;
    size_t table_column_count, set_bytes;
    sb_rows rows;

    if (!sb_mul_size(count, 2 * sizeof *sets, &set_bytes)) return SB_FAIL_NOMEM(err);
    sb_buffer_reset(&writer->sets);
    if (sb_buffer_reserve(&writer->sets, set_bytes) != SB_OK) return SB_FAIL_NOMEM(err);
    sets = (sb_set_id *)(void *)writer->sets.data;
    SB_TRY(sb_writer__endpoints(graph, sources, targets, count, sets, sets + count, err));
    SB_TRY(sb_columns__convert(graph, columns, column_count, count, 3, &table_columns,
                               &table_column_count, err));
    SB_TRY(sb_ids_take_rels(graph->view, type, count, ids, err));
    add_system_column(graph, table_columns, &table_column_count, SB_COLUMN_SOURCE, sources, 0,
                      count);
    add_system_column(graph, table_columns, &table_column_count, SB_COLUMN_TARGET, targets, 0,
                      count);
    add_system_column(graph, table_columns, &table_column_count, SB_COLUMN_TYPE, NULL, type, count);
    rows = (sb_rows){.ids = ids,
                     .row_count = count,
                     .columns = table_columns,
                     .column_count = table_column_count};
    SB_TRY(put_rows(graph, sb_rel_table(graph->view), &rows, err));
    SB_TRY(sb_upkeep__created(graph, SB_REL, type, ids, count, columns, column_count, err));
    sb_create__count_ends(graph, sets, count, type, SB_OUT, 1);
    sb_create__count_ends(graph, sets + count, count, type, SB_IN, 1);
    return sb_writer__pend(graph, type, sources, targets, ids, count, err);
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
    if (overlap(ids, sources, count) || overlap(ids, targets, count))
        return SB_FAIL(err, SB_MISUSE, "ids may not lie in the arrays of sources or targets");
    SB_TRY(sb_graph__atomic_begin(graph, &savepoint, err));
    sb_upkeep__begin(graph, false);
    status = sb_create__rels(graph, type, count, sources, targets, columns, column_count, ids, err);
    status = sb_graph__atomic_end(graph, savepoint, status, err);
    SB_PROFILE_STOP(graph->profile, CREATE_NS, started);
    return status;
}
