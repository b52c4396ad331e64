/* list_priv.h — layout of list leaves, and what the files list_*.c share.
 *
 * A list leaf is a fragment of a compressed-sparse-row array: a directory (which nodes, where their
 * lists end), all neighbor ids, all relationship ids. docs/format/list.md has the picture.
 *
 * Invariants, cited as `list L1` …
 *   L1  Entries are strictly ascending by (node, neighbor, rel) and lie within [low, high).
 *   L2  A fence whose neighbor and rel are both 0 lies on a node border, any other lies inside the list of
 *       its node. No list continues past a fence on a border.
 *   L3  The *home* of a node X is the leaf whose range holds (X, 0, 0). When the home's high fence lies
 *       inside X, its header says how many entries of X lie in the leaves behind it (rest); every other
 *       leaf has rest 0. Length of X = entries in its home + rest. The home may hold no entry of X.
 *   L4  At most SB_LIST_ENTRIES_MAX entries a leaf, so that every end offset fits 16 bits whatever the
 *       page size.
 *   L5  A list of at most a quarter of a page is cut only when it would not fit otherwise, or when a leaf that is
 *       to be full would stay emptier than a sixteenth. */
#ifndef SB_TREE_LIST_PRIV_H
#define SB_TREE_LIST_PRIV_H

#include <assert.h>

#include "tree/tree_priv.h"

/* ---- Page layout: offsets behind the common header; all integers little-endian ------------------- */

/* The first cache line has all that finds a list, the second what is left. Array offsets are in units of 8 bytes,
 * so that they fit 16 bits in pages of 64 KiB too. */
#define SB_LIST_LOW_NODE      16u /* u64: low fence, inclusive; 0 when absent */
#define SB_LIST_HIGH_NODE     24u /* u64: high fence, exclusive; 0 when absent */
#define SB_LIST_FIRST_ID      32u /* u64: node of directory slot 0; 0 when there is no slot */
#define SB_LIST_NEIGHBOR_BASE 40u /* u64: frame of reference of the neighbor array */
#define SB_LIST_ENTRY_COUNT   48u /* u16 */
#define SB_LIST_SLOT_COUNT    50u /* u16: slots of the directory */
#define SB_LIST_DIFFS_AT                                                                           \
    52u /* u16, × 8: id differences; in dense pages where the directory's room ends */
#define SB_LIST_NEIGHBORS_AT   54u /* u16, × 8 */
#define SB_LIST_RELS_AT        56u /* u16, × 8 */
#define SB_LIST_NEIGHBOR_WIDTH 58u /* u8: 0, 1, 2, 4, 8 bytes a neighbor */
#define SB_LIST_REL_WIDTH      59u /* u8: likewise */
/* u8: 0: dense directory; 2, 4, 8: sparse, bytes an id difference */
#define SB_LIST_DIFF_WIDTH 60u
#define SB_LIST_RESERVED_A 61u /* 3 × u8: 0 */
#define SB_LIST_REL_BASE   64u /* u64: frame of reference of the relationship array */
#define SB_LIST_REST       72u /* u64: entries of the last list in the leaves behind (L3) */
#define SB_LIST_LOW_NEIGHBOR                                                                       \
    80u /* u64; SB_LIST_LOW_NEIGHBOR + 8, u64: the relationship of the low fence */
#define SB_LIST_HIGH_NEIGHBOR 96u  /* u64; + 8, u64: likewise of the high fence */
#define SB_LIST_RESERVED_B    112u /* 2 × u64: 0 */
#define SB_LIST_HEADER                                                                             \
    128u /* the end offsets start here: u16, slot_count + 1 of them, the first is 0 */

static_assert(SB_LIST_LOW_NODE == SB_PAGE_COMMON, "fields follow the common header");
static_assert(SB_LIST_RESERVED_A + 3 == SB_LIST_REL_BASE && SB_LIST_REL_BASE == 64,
              "what finds a list lies in one cache line");
static_assert(SB_LIST_HIGH_NEIGHBOR == SB_LIST_LOW_NEIGHBOR + 16 &&
                  SB_LIST_RESERVED_B == SB_LIST_HIGH_NEIGHBOR + 16,
              "fence remainders abut");
static_assert(SB_LIST_RESERVED_B + 16 == SB_LIST_HEADER, "header fields end at the directory");
static_assert(SB_PAGE_BYTES_MAX / 8 <= UINT16_MAX, "array offsets fit");

/* Bits of SB_PAGE_FLAGS. */
#define SB_LIST_HAS_LOW  1u
#define SB_LIST_HAS_HIGH 2u
#define SB_LIST_HAS_REST 4u /* rest is not 0 */

#define SB_LIST_ENTRIES_MAX 65535u
/* More new entries than this for one leaf are merged by rebuilding it. */
#define SB_LIST_IN_PLACE_MAX 64u
/* Leaves made by one split. */
#define SB_LIST_PARTS_MAX 64u

/* The key range of a leaf. low is (0, 0, 0) when absent; high is meaningless when absent. */
typedef struct sb_list_range {
    sb_triple low, high;
    bool has_low, has_high;
} sb_list_range;

/* A checked page's header in registers. */
typedef struct sb_list_view {
    const uint8_t *page;
    uint64_t first_id, neighbor_base, rel_base;
    uint32_t entry_count, slot_count;
    uint32_t diffs_off, neighbors_off, rels_off; /* bytes from page start */
    uint8_t neighbor_width, rel_width, diff_width;
} sb_list_view;

/* What decides the encoded size of a run of sorted triples. Zeroed: no entries. */
typedef struct sb_list_stats {
    uint64_t first_id, last_id;
    uint64_t neighbor_min, neighbor_max, rel_min, rel_max;
    uint32_t entry_count, list_count;
} sb_list_stats;

SB_INLINE int sb_list__compare(const sb_triple *a, const sb_triple *b)
{
    if (a->node != b->node) return a->node < b->node ? -1 : 1;
    if (a->neighbor != b->neighbor) return a->neighbor < b->neighbor ? -1 : 1;
    return a->rel < b->rel ? -1 : a->rel > b->rel;
}
/* Does the key lie inside its node's list, not on the border before it (L2)? */
SB_INLINE bool sb_list__is_inside(const sb_triple *key)
{
    return (key->neighbor | key->rel) != 0;
}
/* Does the list that is cut by the high fence continue behind it? */
SB_INLINE bool sb_list__continues(const sb_list_range *range)
{
    return range->has_high && sb_list__is_inside(&range->high);
}
/* Is the leaf of range the home (L3) of the list cut by its high fence? */
SB_INLINE bool sb_list__is_home(const sb_list_range *range)
{
    return sb_list__continues(range) && !(range->has_low && range->low.node == range->high.node &&
                                          sb_list__is_inside(&range->low));
}
/* Is the leaf of range one that begins inside node's list? */
SB_INLINE bool sb_list__begins_inside(const sb_list_range *range, uint64_t node)
{
    return range->has_low && range->low.node == node && sb_list__is_inside(&range->low);
}
SB_INLINE bool sb_list__below_high(const sb_list_range *range, const sb_triple *key)
{
    return !range->has_high || sb_list__compare(key, &range->high) < 0;
}
SB_INLINE bool sb_list__in_range(const sb_list_range *range, const sb_triple *key)
{
    return sb_list__compare(key, &range->low) >= 0 && sb_list__below_high(range, key);
}
/* Does the leaf of range begin where the one before it ends? */
SB_INLINE bool sb_list__follows(const sb_list_range *range, const sb_list_range *before)
{
    return before->has_high && range->has_low && sb_list__compare(&before->high, &range->low) == 0;
}
SB_INLINE uint32_t sb_list__end(const uint8_t *page, uint32_t slot)
{
    return sb_load_le16(page + SB_LIST_HEADER + 2 * (size_t)slot);
}
SB_INLINE uint64_t sb_list__neighbor_at(const sb_list_view *view, uint32_t i)
{
    return view->neighbor_base +
           sb_load_width(view->page + view->neighbors_off + (size_t)i * view->neighbor_width,
                         view->neighbor_width);
}
SB_INLINE uint64_t sb_list__rel_at(const sb_list_view *view, uint32_t i)
{
    return view->rel_base + sb_load_width(view->page + view->rels_off + (size_t)i * view->rel_width,
                                          view->rel_width);
}
SB_INLINE uint64_t sb_list__slot_node(const sb_list_view *view, uint32_t slot)
{
    if (view->diff_width == 0) return view->first_id + slot;
    return view->first_id +
           sb_load_width(view->page + view->diffs_off + (size_t)slot * view->diff_width,
                         view->diff_width);
}

/* ---- list_page.c: a page's bytes ------------------------------------------------------------------ */

SB_INLINE void sb_list__view(const uint8_t *page, sb_list_view *view)
{
    view->page = page;
    view->first_id = sb_load_le64(page + SB_LIST_FIRST_ID);
    view->neighbor_base = sb_load_le64(page + SB_LIST_NEIGHBOR_BASE);
    view->rel_base = sb_load_le64(page + SB_LIST_REL_BASE);
    view->entry_count = sb_load_le16(page + SB_LIST_ENTRY_COUNT);
    view->slot_count = sb_load_le16(page + SB_LIST_SLOT_COUNT);
    view->diffs_off = 8u * sb_load_le16(page + SB_LIST_DIFFS_AT);
    view->neighbors_off = 8u * sb_load_le16(page + SB_LIST_NEIGHBORS_AT);
    view->rels_off = 8u * sb_load_le16(page + SB_LIST_RELS_AT);
    view->neighbor_width = page[SB_LIST_NEIGHBOR_WIDTH];
    view->rel_width = page[SB_LIST_REL_WIDTH];
    view->diff_width = page[SB_LIST_DIFF_WIDTH];
}
void sb_list__range(const uint8_t *page, sb_list_range *range);
void sb_list__set_range(uint8_t *page, const sb_list_range *range);
void sb_list__set_rest(uint8_t *page, uint64_t rest);
/* Where (id, 0, 0) lies by the fences: 0 within, -1 below, 1 above; whatever id. */
int sb_list__border_side(const uint8_t *page, uint64_t id);
SB_INLINE int sb_list__side(const uint8_t *page, uint64_t id)
{
    /* Look-ups come here: one line of the page, one branch; ids of the fences are rare. */
    const uint64_t low = sb_load_le64(page + SB_LIST_LOW_NODE);
    const uint64_t high = sb_load_le64(page + SB_LIST_HIGH_NODE);
    if (SB_LIKELY(low < id && id < high)) return 0;
    return sb_list__border_side(page, id);
}
/* Slot of node; false when it has none, then *slot is where it would be put (sparse) or slot_count (dense). */
bool sb_list__find_sparse(const sb_list_view *view, uint64_t node, uint32_t *slot);
SB_INLINE bool sb_list__find_slot(const sb_list_view *view, uint64_t node, uint32_t *slot)
{
    const uint64_t diff = node - view->first_id;

    if (SB_UNLIKELY(view->diff_width != 0)) return sb_list__find_sparse(view, node, slot);
    *slot = diff < view->slot_count ? (uint32_t)diff : view->slot_count;
    return diff < view->slot_count;
}
/* First entry of [from, to) (one list) that is >= (neighbor, rel); to when there is none. */
uint32_t sb_list__lower_bound(const sb_list_view *view, uint32_t from, uint32_t to,
                              uint64_t neighbor, uint64_t rel);
/* The key of a triple as 24 big-endian bytes, and back from a key that may be cut short. */
void sb_list__key(const sb_triple *triple, uint8_t key[SB_LIST_KEY_BYTES]);
sb_triple sb_list__triple(sb_bytes key);
/* The key with the fewest bytes that is > before and <= after (before < after), the rest zero; its length. */
size_t sb_list__separator(const sb_triple *before, const sb_triple *after, sb_triple *separator);
/* Put m sorted triples into the page where it lies, m <= SB_LIST_IN_PLACE_MAX. False when room or widths do not
 * allow it: page untouched. *duplicate: one is there already (then false, page untouched). */
bool sb_list__insert_in_place(uint8_t *page, uint32_t page_bytes, const sb_triple *triples,
                              size_t m, bool *duplicate);
/* Remove sorted triples from the page where it lies; how many were there. Of these, *of_first (may be NULL) counts
 * those of node first. */
size_t sb_list__delete_in_place(uint8_t *page, const sb_triple *triples, size_t count,
                                uint64_t first, size_t *of_first);

/* ---- list_encode.c: triples to pages and back -------------------------------------------------------- */

/* Encoded size in bytes, page header included. */
uint64_t sb_list__encoded_bytes(const sb_list_stats *stats);
void sb_list__stats(const sb_triple *triples, size_t count, sb_list_stats *stats);
/* How many of count (> 0) sorted triples the next leaf takes within budget bytes (L4, L5); at least 1. tight: the
 * leaf is to be full. */
size_t sb_list__pack(const sb_triple *triples, size_t count, uint32_t page_bytes, uint32_t budget,
                     bool tight, sb_list_stats *stats);
/* Write all of the page but its common header; what is left over is spread as slack. */
void sb_list__encode(uint8_t *page, uint32_t page_bytes, const sb_list_range *range, uint64_t rest,
                     const sb_triple *triples, const sb_list_stats *stats);
/* All entries of a page into out (entry_count of them). */
void sb_list__decode(const sb_list_view *view, sb_triple *out);

/* Ask for the lines that a look-up reads: the header's two, and the four in which the end offsets of up to 127
 * lists lie (a leaf of 8 KiB with lists of ten has about 100), without waiting for the header that says where. */
SB_INLINE void sb_list__prefetch(const uint8_t *page)
{
    SB_PREFETCH(page);
    SB_PREFETCH(page + 64);
    SB_PREFETCH(page + 128);
    SB_PREFETCH(page + 192);
    SB_PREFETCH(page + 256);
    SB_PREFETCH(page + 320);
}

/* ---- list_read.c ------------------------------------------------------------------------------------- */

/* The piece of one list as a chunk. */
SB_INLINE void sb_list__chunk(const sb_list_view *view, uint32_t from, uint32_t to, sb_chunk *chunk)
{
    chunk->neighbors = view->page + view->neighbors_off + (size_t)from * view->neighbor_width;
    chunk->rels = view->page + view->rels_off + (size_t)from * view->rel_width;
    chunk->neighbor_base = view->neighbor_base;
    chunk->rel_base = view->rel_base;
    chunk->neighbor_width = view->neighbor_width;
    chunk->rel_width = view->rel_width;
    chunk->count = to - from;
}

/* Entries of a list behind its home. */
SB_INLINE uint64_t sb_list__rest(const uint8_t *page, uint64_t node)
{
    if (SB_LIKELY((sb_load_le16(page + SB_PAGE_FLAGS) & SB_LIST_HAS_REST) == 0)) return 0;
    return sb_load_le64(page + SB_LIST_HIGH_NODE) == node ? sb_load_le64(page + SB_LIST_REST) : 0;
}

/* The same of one tree alone, without its side. */
SB_MUST_CHECK sb_status sb_list__open_plain(sb_txn *txn, const sb_tree *tree, uint64_t node,
                                            sb_list *list, sb_err *err);
SB_MUST_CHECK sb_status sb_list__next_plain(sb_list *list, bool *more, sb_err *err);
SB_MUST_CHECK sb_status sb_list__seek_plain(sb_txn *txn, const sb_tree *tree, uint64_t node,
                                            uint64_t neighbor, uint64_t rel, sb_list *list,
                                            sb_err *err);
SB_INLINE void sb_list__init(sb_list *list, sb_txn *txn, const sb_tree *tree, uint64_t node)
{
    list->txn = txn;
    list->tree = tree;
    list->node = node;
    list->total = list->remaining = 0;
    list->chunk = (sb_chunk){0};
    list->page = (sb_page){0};
    list->parent = list->next = SB_PGNO_NONE;
    list->woven = false;
}

/* ---- list_side.c: two trees read as one ------------------------------------------------------------------ */

/* Are there entries aside? One branch that is foreseen where there are none. */
SB_INLINE bool sb_list__has_side(const sb_tree *tree)
{
    return SB_UNLIKELY(tree->side != NULL) && tree->side->root != SB_PGNO_NONE;
}
/* ---- list_filter.c: which nodes may have entries aside ---- */
typedef struct sb_aside_filter {
    const uint64_t *words; /* NULL: not known, all may; valid until the next call for it */
    uint64_t mask;
} sb_aside_filter;
/* The filter of tree's side, which it has, when it is worth it: asked look-ups follow. */
sb_aside_filter sb_list__aside_filter(sb_txn *txn, const sb_tree *tree, size_t asked);
SB_INLINE uint64_t sb_list__aside_word(uint64_t node, uint64_t mask)
{
    return sb_hash_u64(node) & mask;
}
SB_INLINE uint64_t sb_list__aside_bits(uint64_t node)
{
    const uint64_t hash = sb_hash_u64(node);
    return 1ull << (hash >> 58) | 1ull << (hash >> 52 & 63);
}
SB_INLINE bool sb_list__aside_has(const sb_aside_filter *filter, uint64_t node)
{
    const uint64_t bits = sb_list__aside_bits(node);
    return filter->words == NULL ||
           (filter->words[sb_list__aside_word(node, filter->mask)] & bits) == bits;
}
/* May node have entries aside of tree? */
SB_INLINE bool sb_list__may_be_aside(sb_txn *txn, const sb_tree *tree, uint64_t node)
{
    if (!sb_list__has_side(tree)) return false;
    const sb_aside_filter filter = sb_list__aside_filter(txn, tree, 1);
    return sb_list__aside_has(&filter, node);
}

/* A list just opened in its tree (plain): weave in what the tree's side has of it, from (neighbor, rel) on. Closes the list when it
 * fails. */
SB_MUST_CHECK sb_status sb_list__weave(sb_list *list, uint64_t neighbor, uint64_t rel, sb_err *err);
SB_MUST_CHECK sb_status sb_list__weave_next(sb_list *list, bool *more, sb_err *err);
/* How many entries of chunk a come before the first of b, when any does; all when b is empty. */
uint32_t sb_list__chunk_before(const sb_chunk *a, const sb_chunk *b);
/* Leave out the first count entries. */
SB_INLINE void sb_list__chunk_skip(sb_chunk *chunk, uint32_t count)
{
    chunk->neighbors += (size_t)count * chunk->neighbor_width;
    chunk->rels += (size_t)count * chunk->rel_width;
    chunk->count -= count;
}

/* ---- list_run.c -------------------------------------------------------------------------------------- */

/* The home of node's list, held. The tree is not empty. */
SB_MUST_CHECK sb_status sb_list__home(sb_txn *txn, const sb_tree *tree, uint64_t node,
                                      sb_page *page, sb_err *err);
/* Length of node's list in one tree by what its home says. */
uint64_t sb_list__length(const uint8_t *page, uint64_t node);

/* ---- list_insert.c: totals of lists over several leaves -------------------------------------------------- */

/* Change of a list's length outside its home, not yet written to its home (L3). */
typedef struct sb_list_pending {
    uint64_t node;
    int64_t delta; /* 0: nothing pending */
} sb_list_pending;
/* Note a change; writes the one before when it is of another node. */
SB_MUST_CHECK sb_status sb_list__pending_add(sb_txn *txn, sb_tree *tree, sb_list_pending *pending,
                                             uint64_t node, int64_t delta, sb_err *err);
SB_MUST_CHECK sb_status sb_list__pending_flush(sb_txn *txn, sb_tree *tree, sb_list_pending *pending,
                                               sb_err *err);
/* How many of triples, from the first on, ascend strictly. */
size_t sb_list__ascending(const sb_triple *triples, size_t count);
/* Are the entries of page pgno, decoded, in order and within its range, as whoever writes them anew takes them to be (L1)? A page's
 * check does not look at that. */
SB_MUST_CHECK sb_status sb_list__check_entries(const sb_list_range *range, const sb_triple *triples,
                                               size_t count, sb_pgno pgno, sb_err *err);
/* Strictly ascending? SB_MISUSE naming the place if not. */
SB_MUST_CHECK sb_status sb_list__check_order(const sb_triple *triples, size_t count, sb_err *err);
/* How many of triples lie below the high fence of range; the first does. */
size_t sb_list__run(const sb_list_range *range, const sb_triple *triples, size_t count);

/* The leaf that triple belongs to, planted if there is none. */
SB_MUST_CHECK sb_status sb_list__find_leaf(sb_txn *txn, sb_tree *tree, const sb_triple *triple,
                                           sb_path *path, sb_list_range *range, sb_err *err);
/* Merge two sorted runs: old at the end of the buffer, behind room for fresh, which lies elsewhere; the result begins
 * with the buffer. False: an entry is in both. */
bool sb_list__merge_runs(sb_triple *buffer, size_t old_count, const sb_triple *fresh,
                         size_t fresh_count);

/* ---- list_verify.c ------------------------------------------------------------------------------------------ */

/* Walk all leaves: fences meet, and each list's length is what its home says. For sb_tree_verify. */
SB_MUST_CHECK sb_status sb_list__verify_tree(sb_txn *txn, const sb_tree *tree, sb_finding finding,
                                             void *ctx, uint64_t *findings, sb_err *err);

/* ---- list_build.c: what build.c calls ------------------------------------------------------------------------ */

typedef struct sb_list_build sb_list_build;
SB_MUST_CHECK sb_status sb_list__build_open(sb_txn *txn, sb_build_core *core, unsigned fill_percent,
                                            sb_list_build **build, sb_err *err);
SB_MUST_CHECK sb_status sb_list__build_triples(sb_list_build *build, const sb_triple *triples,
                                               size_t count, sb_err *err);
/* Writes the last leaf, finishes the core, then writes the totals of lists that were too long to be known in time.
 * Frees build and core in every case. */
SB_MUST_CHECK sb_status sb_list__build_finish(sb_list_build *build, sb_err *err);
void sb_list__build_abort(sb_list_build *build); /* accepts NULL; frees the core too */

#endif
