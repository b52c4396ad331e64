/* count.c — how many nodes or relationships match: from the statistics, from an index, or by comparing columns in their coded
 * form, without making ids. */
#include "graph/scan_priv.h"

/* An index entry costs as much as this many rows of a column: past total / 64 entries the column is read instead. */
#define INDEX_SHARE 64u
#define INDEX_LEAST 4096u

static sb_status count_ids(sb_scan *scan, uint64_t most, uint64_t *count, sb_err *err)
{
    uint64_t ids[256];
    size_t taken;

    do {
        SB_TRY(sb_scan_next(scan, ids, sizeof ids / sizeof *ids, &taken, err));
        *count += taken;
    } while (taken != 0 && *count <= most);
    return SB_OK;
}

static sb_status count_rows(sb_scan *scan, uint64_t *count, sb_err *err)
{
    size_t matches;

    do {
        SB_TRY(sb_scan__count(scan, &matches, err));
        *count += matches;
    } while (scan->leaf_rows != 0);
    return SB_OK;
}

/* stopped: an index had more than most. */
static sb_status count_scan(sb_graph *graph, const sb_scan_options *options, uint64_t most,
                            uint64_t *count, bool *stopped, sb_err *err)
{
    sb_scan *scan;
    sb_status status;

    *count = 0;
    SB_TRY(sb_scan_open(graph, options, &scan, err));
    status = scan->way == SB_SCAN_ROWS
                 ? count_rows(scan, count, err)
                 : count_ids(scan, scan->way == SB_SCAN_INDEX ? most : UINT64_MAX, count, err);
    *stopped = scan->way == SB_SCAN_INDEX && *count > most;
    sb_scan_close(scan);
    return status;
}

sb_status sb_graph_count(sb_graph *graph, const sb_scan_options *options, uint64_t *count,
                         sb_err *err)
{
    sb_scan_options by_column = *options;
    uint64_t total, most = UINT64_MAX;
    bool stopped;

    *count = 0;
    SB_CHECK_ARG(err, options->entity <= SB_REL);
    SB_TRY(options->entity == SB_NODE
               ? sb_stats_nodes_of_label(graph->view, options->key == 0 ? options->name : 0, &total,
                                         err)
               : sb_stats_rels_of_type(graph->view, options->key == 0 ? options->name : 0, &total,
                                       err));
    if (options->key == 0) {
        *count = total;
        return SB_OK;
    }
    /* Entries that equal one value are read as they are found; a range may turn out to be most of the table. */
    if (options->equal == NULL)
        most = total / INDEX_SHARE < INDEX_LEAST ? INDEX_LEAST : total / INDEX_SHARE;
    SB_TRY(count_scan(graph, options, most, count, &stopped, err));
    if (!stopped) return SB_OK;
    by_column.no_index = true;
    return count_scan(graph, &by_column, UINT64_MAX, count, &stopped, err);
}
