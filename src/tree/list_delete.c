/* list_delete.c — removing sorted triples from a list tree.
 *
 * Entries are taken out of a leaf in place. A leaf that is left without entries is removed and its range goes
 * to a neighbor; one that is mostly empty is merged with a neighbor. One exception keeps list L3: an empty
 * home whose list goes on in the leaves behind is never simply removed, for its neighbor would not know the
 * rest. It is merged where that is possible and stays otherwise, and goes when the rest becomes 0. */
#include "tree/core_priv.h"
#include "tree/list_priv.h"

/* Below this share of a page a leaf looks for a neighbor to merge with: a quarter. */
#define UNDER_FULL(page_bytes) ((page_bytes) / 4u)

/* Tidy a leaf that lost entries. The path is used up. */
static sb_status shrink_leaf(sb_txn *txn, sb_tree *tree, sb_path *path, const uint8_t *bytes,
                             sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));

    if (sb_leaf_ops_list.entries(bytes) == 0 && sb_load_le64(bytes + SB_LIST_REST) == 0) {
        return sb_tree__remove_leaf(txn, tree, path, err);
    }
    if (sb_leaf_ops_list.used_bytes(bytes, page_bytes) < UNDER_FULL(page_bytes)) {
        return sb_tree__merge(txn, tree, path, err);
    }
    return SB_OK;
}

sb_status sb_lists_delete(sb_txn *txn, sb_tree *tree, const sb_triple *triples, size_t count,
                          size_t *deleted, sb_err *err)
{
    sb_list_pending pending = {0, 0};
    sb_tree_txn *state;

    *deleted = 0;
    SB_CHECK_ARG(err, tree->kind == SB_TREE_LIST);
    SB_TRY(sb_list__check_order(triples, count, err));
    SB_TRY(sb_tree__txn(txn, &state, err));
    for (size_t i = 0; i < count && tree->root != SB_PGNO_NONE;) {
        const uint64_t first = triples[i].node;
        uint8_t key[SB_LIST_KEY_BYTES];
        size_t of_first, removed;
        sb_list_range range;
        sb_path path;
        uint8_t *bytes;

        sb_list__key(&triples[i], key);
        SB_TRY(sb_tree__descend(txn, tree, sb_bytes_of(key, sizeof key), &path, err));
        SB_TRY(sb_page_mut(txn, path.leaf, &bytes, err));
        SB_TRY(sb_tree__check_step(bytes, tree, path.leaf, 0, err));
        sb_list__range(bytes, &range);
        SB_CHECK_PAGE(err, path.leaf, sb_list__in_range(&range, &triples[i]));
        const size_t run = sb_list__run(&range, triples + i, count - i);
        removed = sb_list__delete_in_place(bytes, triples + i, run, first, &of_first);
        i += run;
        if (removed == 0) continue;
        *deleted += removed;
        sb_tree__count_in_place(state, 1);
        SB_TRY(shrink_leaf(txn, tree, &path, bytes, err));
        if (sb_list__begins_inside(&range, first)) {
            SB_TRY(sb_list__pending_add(txn, tree, &pending, first, -(int64_t)of_first, err));
        }
    }
    return sb_list__pending_flush(txn, tree, &pending, err);
}
