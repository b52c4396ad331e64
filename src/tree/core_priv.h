/* core_priv.h — what the core's own files share beyond tree_priv.h: the transaction's state, the
 * leaf cache's writing side, the balancing of inner pages. Columnar and list files do not need it. */
#ifndef SB_TREE_CORE_PRIV_H
#define SB_TREE_CORE_PRIV_H

#include <assert.h>

#include "tree/tree_priv.h"

#define SB_POOL_BUFFERS   16u
#define SB_INLINE_SLOTS   128u
#define SB_INLINE_REGIONS 32u

/* An extent of a page's heap. */
typedef struct sb_extent {
    uint32_t begin, bytes;
} sb_extent;

/* A growing array whose first entries lie in the object; a heap block only past them. */
typedef struct sb_extents {
    sb_extent *items; /* inline_items or heap */
    uint32_t count, capacity;
    sb_extent *heap; /* owned; NULL while inline */
} sb_extents;

/* The state of one leaf's heap, kept while the leaf is edited again and again (allocator.c). */
typedef struct sb_leaf_snapshot {
    sb_pgno pgno;        /* SB_PGNO_NONE: none */
    uint32_t heap, dead; /* as in the page when last seen: otherwise it is stale */
    sb_extents slots;    /* scratch of building: the cells in order of place */
    sb_extents regions;  /* free regions in order of place, neither touching nor empty */
    sb_extent inline_slots[SB_INLINE_SLOTS];
    sb_extent inline_regions[SB_INLINE_REGIONS];
} sb_leaf_snapshot;

struct sb_tree_txn {
    sb_txn *txn;
    const sb_allocator *alloc;
    sb_profile *profile;
    uint32_t page_bytes;
    uint32_t pooled; /* buffers in pool */
    sb_buffer *pool[SB_POOL_BUFFERS];
    uint64_t changes; /* rises with each change of any tree: cursors compare it */
    sb_leaf_snapshot snapshot;
    sb_tree_counters counters;
};

SB_INLINE bool sb_tree__seed_off(const sb_tree_txn *state, sb_seed_part part)
{
    return SB_UNLIKELY((state->profile->switched_off & (uint32_t)part) != 0);
}

/* The state, or NULL while nothing made it. */
sb_tree_txn *sb_tree__txn_find(const sb_txn *txn);

/* A tree is about to be changed: cursors re-seek. */
SB_INLINE void sb_tree__changed(sb_tree_txn *state)
{
    state->changes++;
}

/* Kind, level and tree of a page that a step of a descent reached (DESIGN §9 rule 7). level 0: a leaf. */
SB_MUST_CHECK sb_status sb_tree__check_step(const uint8_t *page, const sb_tree *tree, sb_pgno pgno,
                                            uint32_t level, sb_err *err);
/* Acquire with that check. */
SB_MUST_CHECK sb_status sb_tree__acquire(sb_txn *txn, const sb_tree *tree, sb_pgno pgno,
                                         uint32_t level, sb_page *page, sb_err *err);
/* SB_CORRUPT: the leaf pgno does not begin or end where the one beside it ends or begins. Whoever goes from leaf to leaf, or puts two
 * together, sees to that: keys then ascend, and no walk goes in circles, whatever the parents say. */
SB_MUST_CHECK sb_status sb_tree__fail_border(sb_pgno pgno, sb_err *err);
/* As sb_tree__descend, but leaves the leaf held in *leaf. */
SB_MUST_CHECK sb_status sb_tree__descend_page(sb_txn *txn, const sb_tree *tree, sb_bytes key,
                                              sb_path *path, sb_page *leaf, sb_err *err);
/* Path to the first or last leaf. */
SB_MUST_CHECK sb_status sb_tree__path_end(sb_txn *txn, const sb_tree *tree, bool last,
                                          sb_path *path, sb_err *err);

/* Inner levels over count parts (all at the level below, in key order, parts[0] from the start of the key space);
 * sets root and height. height is that of the parts before. */
SB_MUST_CHECK sb_status sb_tree__grow(sb_txn *txn, sb_tree_txn *state, sb_tree *tree,
                                      const sb_part *parts, size_t count, sb_err *err);

/* A leaf was freed: entries of the leaf cache that this transaction made no longer count, and the tree says
 * since when older ones do not. */
SB_MUST_CHECK sb_status sb_tree__leaf_freed(sb_txn *txn, sb_tree *tree, sb_err *err);
/* Remember that pgno holds id. Never fails: what can not be kept is not. */
void sb_tree__leaf_remember(sb_txn *txn, const sb_tree *tree, uint64_t id, sb_pgno pgno,
                            const sb_page *page);
/* Bytes of a page that a builder fills. */
uint32_t sb_build__fill_bytes(const sb_build_core *core);

/* The leaf of a slotted tree that holds key, or would, held in *page: through the leaf cache, as sb_tree__leaf_of_id, where it is
 * remembered under the key's word. The tree is not empty. */
SB_MUST_CHECK sb_status sb_tree__leaf_of_key(sb_txn *txn, const sb_tree *tree, sb_bytes key,
                                             sb_page *page, sb_err *err);
/* Where (id, 0, 0) lies by the fences of page: 0 within, -1 below, 1 above; SB_SIDE_OTHER: it is no leaf of tree. */
#define SB_SIDE_OTHER 2
int sb_tree__leaf_side(const sb_tree *tree, const uint8_t *page, uint32_t page_bytes, uint64_t id);
/* The transaction ends or rolls back to a savepoint: hooks of the transaction's state. */
void sb_tree__cache_end(sb_session *session, uint64_t txn_seq, bool committed);
void sb_tree__cache_rollback(sb_session *session, uint64_t txn_seq);

SB_MUST_CHECK sb_status sb_overflow__check(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno,
                                           sb_err *err);
/* Visit every page of a chain; it must be owner's, of tree, with its checksum. */
SB_MUST_CHECK sb_status sb_overflow__walk(sb_txn *txn, const uint8_t *ref, uint32_t tree,
                                          uint64_t owner,
                                          sb_status (*visit)(void *ctx, sb_pgno pgno, sb_err *err),
                                          void *ctx, sb_err *err);

/* ---- Leaf allocator (allocator.c) ---- */

void sb_snapshot__init(sb_leaf_snapshot *snapshot);
void sb_snapshot__drop(sb_tree_txn *state);
/* Room for a cell of bytes and slot_bytes more of slots: its offset, or 0 when the page has no room even when
 * compacted. *err is set only on SB_NOMEM or SB_CORRUPT (overlapping cells). */
SB_MUST_CHECK sb_status sb_snapshot__take(sb_tree_txn *state, sb_pgno pgno, uint8_t *page,
                                          uint32_t bytes, uint32_t slot_bytes, uint32_t *cell,
                                          sb_err *err);
/* Bytes of the heap are no longer used. */
void sb_snapshot__give(sb_tree_txn *state, sb_pgno pgno, uint8_t *page, uint32_t cell,
                       uint32_t bytes);

#endif
