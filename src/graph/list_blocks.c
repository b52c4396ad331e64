/* list_blocks.c — all lists of some types in one direction, whoever's they are, in the order in which they lie. */
#include "graph/graph_priv.h"

typedef struct blocks {
    sb_list_block_visit visit;
    void *ctx;
    uint64_t bias;
} blocks;

/* Nodes of a block by their own ids. */
static sb_status visit_unbiased(void *ctx, const sb_list_block *block)
{
    const blocks *b = ctx;

    for (uint32_t i = 0; b->bias != 0 && i < block->count; i++)
        block->nodes[i] -= b->bias;
    return b->visit(b->ctx, block);
}

static sb_status scan_type(sb_graph *graph, sb_direction direction, sb_type_id type,
                           sb_list_block_visit visit, void *ctx, sb_err *err)
{
    blocks b = {.visit = visit, .ctx = ctx};
    const sb_tree *tree = sb_adjacency_tree(graph->view, type, direction, &b.bias);

    if (tree == NULL) return SB_OK;
    return sb_lists_scan_blocks(graph->txn, tree, b.bias, b.bias + SB_ID_MAX, visit_unbiased, &b,
                                err);
}

sb_status sb_graph_scan_lists(sb_graph *graph, sb_direction direction, sb_type_id type,
                              sb_list_block_visit visit, void *ctx, sb_err *err)
{
    SB_CHECK_ARG(err, direction < SB_BOTH && !sb_txn_writable(graph->txn));
    if (type != 0) return scan_type(graph, direction, type, visit, ctx, err);
    for (sb_type_id each = 1; each <= sb_name_count(graph->view, SB_NAME_TYPE); each++)
        SB_TRY(scan_type(graph, direction, each, visit, ctx, err));
    return SB_OK;
}
