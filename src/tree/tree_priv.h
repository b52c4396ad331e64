/* tree_priv.h — what the files of tree/ share: leaf headers, paths, and the calls by which the three
 * kinds of leaves use the common core (descent, splits, merges, leaf cache).
 * The core (core.c, inner.c, cache.c) knows keys as bytes; columnar and list leaves give it theirs as
 * big-endian ids: a row's key is id (8 bytes), a list entry's is node, neighbor, rel (24 bytes), which
 * separators may cut short (a cut key means: filled up with zero bytes). */
#ifndef SB_TREE_PRIV_H
#define SB_TREE_PRIV_H

#include "tree/tree.h"

#define SB_ROW_KEY_BYTES  8u
#define SB_LIST_KEY_BYTES 24u

/* Where a descent went: the inner page and child slot of each level, root first. */
typedef struct sb_path {
    uint32_t height; /* levels in the tree; steps[0 .. height - 2] are inner pages */
    struct {
        sb_pgno pgno;
        uint32_t slot; /* child taken */
    } steps[SB_TREE_MAX_HEIGHT];
    sb_pgno leaf;
} sb_path;

/* Descend to the leaf that holds (or would hold) key. The tree is not empty. */
SB_MUST_CHECK sb_status sb_tree__descend(sb_txn *txn, const sb_tree *tree, sb_bytes key,
                                         sb_path *path, sb_err *err);
/* To the leaf after / before the path's; *found false at the end. */
SB_MUST_CHECK sb_status sb_tree__path_next(sb_txn *txn, const sb_tree *tree, sb_path *path,
                                           bool *found, sb_err *err);
SB_MUST_CHECK sb_status sb_tree__path_prev(sb_txn *txn, const sb_tree *tree, sb_path *path,
                                           bool *found, sb_err *err);
/* Children that follow the path's leaf under the same parent, for read-ahead: up to count into pgnos. */
SB_MUST_CHECK sb_status sb_tree__path_siblings(sb_txn *txn, const sb_path *path, sb_pgno *pgnos,
                                               size_t *count, sb_err *err);

/* Low fence (inclusive, empty: none) and high fence (exclusive, empty: none) of a leaf or inner page as
 * full key bytes. Every kind of page answers; buf holds the bytes when the page has them in another form. */
typedef struct sb_fences {
    sb_bytes low, high;
    uint8_t buf[2 * SB_LIST_KEY_BYTES];
} sb_fences;
void sb_tree__fences(const uint8_t *page, uint32_t page_bytes, sb_fences *fences);

/* The first leaf of an empty tree: allocates it, with open fences; tree->root and height are set. The caller
 * writes the leaf's content. */
SB_MUST_CHECK sb_status sb_tree__plant(sb_txn *txn, sb_tree *tree, sb_pgno *leaf, uint8_t **bytes,
                                       sb_err *err);
/* A leaf became several: parts[0] is the path's own leaf (page kept, content already rewritten by the caller),
 * the others are new pages (from sb_page_alloc, written by the caller), each with the key that begins it. Puts the
 * separators into the parent, splitting upwards. The path is invalid afterwards. */
typedef struct sb_part {
    sb_pgno pgno;
    sb_bytes low; /* low fence of the part; unused for parts[0]; borrowed */
} sb_part;
SB_MUST_CHECK sb_status sb_tree__split(sb_txn *txn, sb_tree *tree, sb_path *path,
                                       const sb_part *parts, size_t count, sb_err *err);
/* The path's leaf is empty: free it, give its range to a neighbor (whose fence the core moves through
 * sb_leaf_ops.set_fences), collapse upwards. When neither neighbor can take the range (no room for its new
 * fence) the empty leaf stays: readers skip empty leaves. The path is invalid afterwards. */
SB_MUST_CHECK sb_status sb_tree__remove_leaf(sb_txn *txn, sb_tree *tree, sb_path *path,
                                             sb_err *err);
/* The path's leaf is under-full (its ops say so): merge it with a neighbor under the same parent when both fit in one
 * page with a quarter to spare. The path is invalid afterwards. */
SB_MUST_CHECK sb_status sb_tree__merge(sb_txn *txn, sb_tree *tree, sb_path *path, sb_err *err);

/* What the core needs to know of a kind of leaf. One constant table per kind. */
typedef struct sb_leaf_ops {
    uint8_t page_kind;
    void (*fences)(const uint8_t *page, uint32_t page_bytes, sb_fences *fences);
    /* Move a fence outwards or inwards without moving entries (all entries lie within). May need space:
     * *fits false then, page untouched. */
    sb_status (*set_fences)(sb_txn *txn, uint8_t *page, sb_bytes low, sb_bytes high, bool *fits,
                            sb_err *err);
    uint32_t (*entries)(const uint8_t *page);
    uint32_t (*used_bytes)(const uint8_t *page,
                           uint32_t page_bytes); /* header and content, gaps not counted */
    /* Put the content of both (neighbors in key order) into left, with the low fence of left and the
     * high fence of right; *fits false: left untouched. */
    sb_status (*merge)(sb_txn *txn, uint8_t *left, const uint8_t *right, bool *fits, sb_err *err);
    sb_status (*check)(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno, sb_err *err);
    /* Visit every overflow reference, for clear and verify. */
    sb_status (*overflow_refs)(const uint8_t *page, uint32_t page_bytes,
                               sb_status (*visit)(void *ctx, const uint8_t *ref, uint64_t owner),
                               void *ctx);
    /* Order of entries within the page and within its fences: findings of verify. */
    sb_status (*verify)(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno, sb_finding finding,
                        void *ctx, uint64_t *findings, sb_err *err);
    /* Where (id, 0, 0) lies: 0 within the fences, -1 below, 1 above. The leaf cache asks it at each look-up; NULL: through
     * fences. */
    int (*side)(const uint8_t *page, uint64_t id);
} sb_leaf_ops;
extern const sb_leaf_ops sb_leaf_ops_slotted, sb_leaf_ops_columnar, sb_leaf_ops_list;
const sb_leaf_ops *sb_tree__leaf_ops(uint8_t tree_kind); /* NULL for an unknown kind */

/* The fence-checked leaf cache of the session (DESIGN §3, §9 rule 1), for columnar and list trees: the leaf that
 * held id when last asked, held in *page when it still does in this snapshot. Misses descend and remember. */
SB_MUST_CHECK sb_status sb_tree__leaf_of_id(sb_txn *txn, const sb_tree *tree, uint64_t id,
                                            sb_page *page, sb_pgno *pgno, sb_err *err);
/* Only look: the page number remembered for id or SB_PGNO_NONE; to prefetch for batches. */
sb_pgno sb_tree__leaf_hint(sb_txn *txn, const sb_tree *tree, uint64_t id);

/* The session's filters of what lists have aside (list_filter.c) go, too, when the whole content was replaced. */
void sb_list__forget_filters(sb_session *session);

/* The transaction's state of this layer (a transaction extension): buffer pool of 16, counters, scratch. */
typedef struct sb_tree_txn sb_tree_txn;
SB_MUST_CHECK sb_status sb_tree__txn(sb_txn *txn, sb_tree_txn **state, sb_err *err);
/* Leaves changed where they are, or written afresh; entries that came to a leaf with one before them. Counted in the transaction
 * and in the profile. */
void sb_tree__count_in_place(sb_tree_txn *state, uint64_t n);
void sb_tree__count_rebuilds(sb_tree_txn *state, uint64_t n);
void sb_tree__count_reuses(sb_tree_txn *state, uint64_t n);
/* Borrow a buffer with at least bytes of room, give it back. At most 16 are kept; past that they are freed. */
SB_MUST_CHECK sb_status sb_tree__buffer_acquire(sb_tree_txn *state, size_t bytes,
                                                sb_buffer **buffer, sb_err *err);
void sb_tree__buffer_release(sb_tree_txn *state, sb_buffer *buffer); /* accepts NULL */

/* Bulk build: a finished leaf (content and fences written, header set) in bytes, beginning at low. The core
 * writes it out, and collects the separator for the level above. */
typedef struct sb_build_core sb_build_core;
SB_MUST_CHECK sb_status sb_build__core_open(sb_txn *txn, sb_tree *tree, unsigned fill_percent,
                                            sb_build_core **core, sb_err *err);
/* The next leaf's page buffer (zeroed, common header set) to fill in; its page number. */
SB_MUST_CHECK sb_status sb_build__leaf_begin(sb_build_core *core, uint8_t **bytes, sb_pgno *pgno,
                                             sb_err *err);
SB_MUST_CHECK sb_status sb_build__leaf_end(sb_build_core *core, sb_bytes low, sb_err *err);
SB_MUST_CHECK sb_status sb_build__core_finish(sb_build_core *core,
                                              sb_err *err); /* frees core in every case */
void sb_build__core_abort(sb_build_core *core);

#endif
