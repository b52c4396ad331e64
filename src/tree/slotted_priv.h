/* slotted_priv.h — slotted leaves: what put, put_many and the builder share. */
#ifndef SB_TREE_SLOTTED_PRIV_H
#define SB_TREE_SLOTTED_PRIV_H

#include "tree/slots_priv.h"

/* SB_LIMIT when key or value can not be stored. */
SB_MUST_CHECK sb_status sb_slotted__check_item(const sb_tree *tree, uint32_t page_bytes,
                                               sb_bytes key, sb_bytes value, sb_err *err);
/* Empty tree → one empty leaf. */
SB_MUST_CHECK sb_status sb_slotted__plant(sb_txn *txn, sb_tree *tree, uint32_t page_bytes,
                                          sb_err *err);
/* Insert or overwrite in a private leaf whose range holds the key; nothing is done when it has no room: *fits. */
SB_MUST_CHECK sb_status sb_slotted__insert(sb_tree_txn *state, sb_pgno pgno, uint8_t *page,
                                           sb_bytes key, sb_bytes value, bool *fits, sb_err *err);
/* Merge ascending items, all within the range of the path's leaf, into it in one pass; the last of equal keys wins. The
 * leaf becomes as many as it takes. The path is invalid afterwards. */
SB_MUST_CHECK sb_status sb_slotted__merge_items(sb_txn *txn, sb_tree_txn *state, sb_tree *tree,
                                                sb_path *path, uint8_t *page, const sb_item *items,
                                                size_t count, sb_err *err);

#endif
