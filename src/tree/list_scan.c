/* list_scan.c — walking all lists of a range of nodes, leaf by leaf, in order of the parents' children. */
#include "tree/list_priv.h"

/* Leaves asked for ahead of the scan. */
#define READ_AHEAD 16u

/* Ask for the leaves behind the path's every READ_AHEAD leaves; *left counts them down. */
static sb_status read_ahead(sb_txn *txn, const sb_path *path, size_t *left, sb_err *err)
{
    sb_pgno pgnos[READ_AHEAD];
    size_t count = READ_AHEAD;

    if (*left > 0) {
        (*left)--;
        return SB_OK;
    }
    SB_TRY(sb_tree__path_siblings(txn, path, pgnos, &count, err));
    sb_page_prefetch(txn, pgnos, count);
    *left = count;
    return SB_OK;
}

/* Visit the lists of nodes in [first, last] of one page; *node is the one visited last, if *any. */
static sb_status scan_page(const uint8_t *page, uint64_t first, uint64_t last, uint64_t *node,
                           bool *any, sb_list_scan_visit visit, void *ctx)
{
    sb_list_view view;
    uint32_t slot, from;

    sb_list__view(page, &view);
    if (view.entry_count == 0) return SB_OK;
    if (first <= view.first_id)
        slot = 0;
    else if (!sb_list__find_slot(&view, first, &slot) && slot >= view.slot_count)
        return SB_OK;

    from = sb_list__end(page, slot);
    for (; slot < view.slot_count; slot++) {
        const uint32_t to = sb_list__end(page, slot + 1);
        sb_chunk chunk;

        if (from == to) continue;
        const uint64_t at = sb_list__slot_node(&view, slot);
        if (at > last) break;
        sb_list__chunk(&view, from, to, &chunk);
        from = to;
        const bool starts = !*any || *node != at;
        *node = at;
        *any = true;
        SB_TRY(visit(ctx, at, &chunk, starts));
    }
    return SB_OK;
}

sb_status sb_lists_scan(sb_txn *txn, const sb_tree *tree, uint64_t first, uint64_t last,
                        sb_list_scan_visit visit, void *ctx, sb_err *err)
{
    const sb_triple begin = {.node = first, .neighbor = 0, .rel = 0};
    uint8_t key[SB_LIST_KEY_BYTES];
    bool any = false, found = true;
    uint64_t node = 0;
    size_t left = 0;
    sb_path path;

    if (tree->root == SB_PGNO_NONE || first > last) return SB_OK;
    sb_list__key(&begin, key);
    SB_TRY(sb_tree__descend(txn, tree, sb_bytes_of(key, sizeof key), &path, err));
    while (found) {
        sb_list_range range;
        sb_status status;
        sb_page page;

        SB_TRY(read_ahead(txn, &path, &left, err));
        SB_TRY(sb_page_acquire(txn, path.leaf, &page, err));
        sb_list__range(page.bytes, &range);
        status = scan_page(page.bytes, first, last, &node, &any, visit, ctx);
        sb_page_release(txn, &page);
        if (status != SB_OK) return status;
        if (!range.has_high || range.high.node > last) break;
        SB_TRY(sb_tree__path_next(txn, tree, &path, &found, err));
    }
    return SB_OK;
}
