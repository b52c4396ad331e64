/* between.c — all relationships between two nodes: a descent into the list of one of them for each type and direction. */
#include "graph/traverse_priv.h"

static sb_status append_rel(sb_graph *graph, sb_rel_id rel, sb_err *err)
{
    return sb_buffer_append(&graph->rel_ids, &rel, sizeof rel) == SB_OK ? SB_OK
                                                                        : SB_FAIL_NOMEM(err);
}

/* Those of a list that begins at target's first entry. */
static sb_status append_listed(sb_graph *graph, sb_list *list, sb_node_id target, sb_err *err)
{
    bool more = list->chunk.count != 0;

    while (more) {
        for (uint32_t i = 0; i < list->chunk.count; i++) {
            if (sb_chunk_neighbor(&list->chunk, i) != target) return SB_OK;
            SB_TRY(append_rel(graph, sb_chunk_rel(&list->chunk, i), err));
        }
        SB_TRY(sb_list_next(list, &more, err));
    }
    return SB_OK;
}

static sb_status append_between(sb_graph *graph, sb_type_id type, sb_node_id source,
                                sb_node_id target, sb_err *err)
{
    uint64_t bias;
    const sb_tree *tree = sb_adjacency_tree(graph->view, type, SB_OUT, &bias);

    if (tree != NULL && source <= SB_ID_MAX) {
        sb_list list;
        SB_TRY(sb_list_seek(graph->txn, tree, source + bias, target, 0, &list, err));
        const sb_status status = append_listed(graph, &list, target, err);
        sb_list_close(&list);
        SB_TRY(status);
    }
    if (!sb_graph__has_pending(graph)) return SB_OK;
    return sb_graph__pending_between(graph, type, source, target, &graph->rel_ids, err);
}

sb_status sb_graph_rels_between(sb_graph *graph, sb_node_id from, sb_node_id to,
                                const sb_expand_options *options, const sb_rel_id **rels,
                                size_t *count, sb_err *err)
{
    const sb_direction direction = options->direction;
    sb_set_id set = 0;
    sb_types types;
    bool found = true;

    *rels = NULL;
    *count = 0;
    sb_buffer_reset(&graph->rel_ids);
    if (options->type_count == 0) SB_TRY(sb_graph_node_set(graph, from, &set, &found, err));
    if (!found) return SB_OK;
    sb_status status =
        sb_types__gather(graph, &types, set, direction, options->types, options->type_count, err);
    for (size_t t = 0; status == SB_OK && t < types.count; t++) {
        if (direction != SB_IN) status = append_between(graph, types.ids[t], from, to, err);
        /* a loop is one relationship in either direction */
        if (status == SB_OK && (direction == SB_IN || (direction == SB_BOTH && from != to)))
            status = append_between(graph, types.ids[t], to, from, err);
    }
    sb_types__free(graph, &types);
    if (status != SB_OK) return status;
    *rels = (const sb_rel_id *)(const void *)graph->rel_ids.data;
    *count = graph->rel_ids.size / sizeof **rels;
    return SB_OK;
}
