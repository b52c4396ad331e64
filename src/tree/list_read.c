/* list_read.c — finding a node's list, walking it, many nodes at once, and the decode loops.
 *
 * A list is walked through the fences: the piece behind a leaf begins in the leaf that holds this one's high
 * fence as a key, so a position is only (page, chunk). Where nobody changes the tree meanwhile, the leaf's place in
 * its parent is known as well: it tells early which leaf comes next, and saves most descents (0.1 to 0.2 µs for each
 * thousand or so entries of a hub). Each leaf on the way must begin where the last one
 * ended; fences ascend within a page, so the walk ends whatever the bytes. */
#include "base/unpack.h"
#include "tree/list_priv.h"
#include "tree/slots_priv.h"

/* ---- Decoding ----------------------------------------------------------------------------------------- */

void sb_chunk_neighbors(const sb_chunk *chunk, uint32_t from, uint32_t count, uint64_t *out)
{
    SB_ASSERT(from <= chunk->count && count <= chunk->count - from);
    sb_unpack(chunk->neighbors + (size_t)from * chunk->neighbor_width, chunk->neighbor_base, count,
              chunk->neighbor_width, out);
}

void sb_chunk_rels(const sb_chunk *chunk, uint32_t from, uint32_t count, uint64_t *out)
{
    SB_ASSERT(from <= chunk->count && count <= chunk->count - from);
    sb_unpack(chunk->rels + (size_t)from * chunk->rel_width, chunk->rel_base, count,
              chunk->rel_width, out);
}

/* All bits of all words: with a loop per width the compiler does several at once. */
SB_INLINE uint64_t any_bits(const uint8_t *from, uint32_t count, unsigned width)
{
    uint64_t all = 0;

    for (uint32_t i = 0; i < count; i++)
        all |= sb_load_width(from + (size_t)i * width, width);
    return all;
}

uint64_t sb_chunk_most(const sb_chunk *chunk)
{
    const uint8_t *from = chunk->neighbors;
    uint64_t bits;

    switch (chunk->neighbor_width) {
    case 0: bits = 0; break;
    case 1: bits = any_bits(from, chunk->count, 1); break;
    case 2: bits = any_bits(from, chunk->count, 2); break;
    case 4: bits = any_bits(from, chunk->count, 4); break;
    default: bits = any_bits(from, chunk->count, 8); break;
    }
    return bits <= UINT64_MAX - chunk->neighbor_base ? chunk->neighbor_base + bits : UINT64_MAX;
}

/* Words that are compared before one branch. */
#define COMPARED 16u

SB_INLINE uint32_t find_word(const uint8_t *from, uint32_t at, uint32_t count, unsigned width,
                             uint64_t wanted)
{
    for (; at + COMPARED <= count; at += COMPARED) {
        bool any = false;
        for (uint32_t k = 0; k < COMPARED; k++)
            any |= sb_load_width(from + (size_t)(at + k) * width, width) == wanted;
        if (any) break;
    }
    while (at < count && sb_load_width(from + (size_t)at * width, width) != wanted)
        at++;
    return at;
}

uint32_t sb_chunk_find_rel(const sb_chunk *chunk, uint32_t from, uint64_t rel)
{
    const uint64_t wanted = rel - chunk->rel_base;
    const unsigned width = chunk->rel_width;

    if (rel < chunk->rel_base || (width < 8 && wanted >> (8 * width) != 0)) return chunk->count;
    switch (width) {
    case 0: return from;
    case 1: return find_word(chunk->rels, from, chunk->count, 1, wanted);
    case 2: return find_word(chunk->rels, from, chunk->count, 2, wanted);
    case 4: return find_word(chunk->rels, from, chunk->count, 4, wanted);
    default: return find_word(chunk->rels, from, chunk->count, 8, wanted);
    }
}

/* ---- One list ------------------------------------------------------------------------------------------- */

/* The entries of node in a page: its chunk, empty when there are none. */
SB_INLINE void set_chunk(sb_list *list, const uint8_t *page)
{
    sb_list_view view;
    uint32_t slot, from = 0, to = 0;

    sb_list__view(page, &view);
    if (sb_list__find_slot(&view, list->node, &slot)) {
        from = sb_list__end(page, slot);
        to = sb_list__end(page, slot + 1);
    }
    sb_list__chunk(&view, from, to, &list->chunk);
}

/* list->page is the home of list->node: the first chunk. */
static sb_status begin_at_home(sb_list *list, sb_err *err)
{
    bool more;

    set_chunk(list, list->page.bytes);
    list->remaining = sb_list__rest(list->page.bytes, list->node);
    list->total = list->chunk.count + list->remaining;
    /* The rarer test first: whether a list is empty can not be predicted, and a wrong guess waits for the page. */
    if (SB_UNLIKELY(list->remaining > 0) && list->chunk.count == 0)
        return sb_list__next_plain(list, &more, err);
    return SB_OK;
}

sb_status sb_list__open_plain(sb_txn *txn, const sb_tree *tree, uint64_t node, sb_list *list,
                              sb_err *err)
{
    sb_list__init(list, txn, tree, node);
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(sb_list__home(txn, tree, node, &list->page, err));
    return begin_at_home(list, err);
}

sb_status sb_list_open(sb_txn *txn, const sb_tree *tree, uint64_t node, sb_list *list, sb_err *err)
{
    SB_TRY(sb_list__open_plain(txn, tree, node, list, err));
    return sb_list__may_be_aside(txn, tree, node) ? sb_list__weave(list, 0, 0, err) : SB_OK;
}

/* Does the list go on behind the page at hand? Then *key is where. */
static bool goes_on(const sb_list *list, sb_triple *key)
{
    sb_list_range range;

    if (list->page.bytes == NULL) return false;
    sb_list__range(list->page.bytes, &range);
    *key = range.high;
    return sb_list__continues(&range) && range.high.node == list->node;
}

/* Note which page is behind the one at hand in their parent, and ask for it: only where nobody changes the tree meanwhile. */
static sb_status look_ahead(sb_list *list, sb_err *err)
{
    sb_page page;

    list->next = SB_PGNO_NONE;
    if (list->parent == SB_PGNO_NONE || sb_txn_addresses(list->txn) == 0) return SB_OK;
    SB_TRY(sb_tree__acquire(list->txn, list->tree, list->parent, 1, &page, err));
    if (list->slot + 1 < sb_slots__count(page.bytes))
        list->next = sb_slots__child(page.bytes, list->slot + 1);
    sb_page_release(list->txn, &page);
    if (list->next == SB_PGNO_NONE) return SB_OK;
    /* What is wrong with a page is told when it is really needed. */
    if (sb_page_acquire(list->txn, list->next, &page, NULL) != SB_OK) return SB_OK;
    sb_list__prefetch(page.bytes);
    sb_page_release(list->txn, &page);
    return SB_OK;
}

/* Go to the leaf that begins at border, the one noted, else by a descent: its chunk. Where more lie in it than the home says
 * follow, a reader who made room for the whole list would write past it. */
static sb_status to_border(sb_list *list, const sb_triple *border, sb_err *err)
{
    const uint32_t height = list->tree->height;
    uint8_t key[SB_LIST_KEY_BYTES];
    sb_pgno leaf = list->next;
    sb_list_range range;
    sb_path path;
    bool begins_there;

    list->slot++;
    if (leaf == SB_PGNO_NONE) {
        sb_list__key(border, key);
        SB_TRY(sb_tree__descend(list->txn, list->tree, sb_bytes_of(key, sizeof key), &path, err));
        leaf = path.leaf;
        list->parent = height < 2 ? SB_PGNO_NONE : path.steps[height - 2].pgno;
        list->slot = height < 2 ? 0 : path.steps[height - 2].slot;
    }
    SB_TRY(sb_tree__acquire(list->txn, list->tree, leaf, 0, &list->page, err));
    sb_list__range(list->page.bytes, &range);
    begins_there = range.has_low && sb_list__compare(&range.low, border) == 0;
    set_chunk(list, list->page.bytes);
    if (SB_LIKELY(begins_there && list->chunk.count <= list->remaining)) {
        list->remaining -= list->chunk.count;
        return SB_OK;
    }
    return SB_FAIL_PAGE(err, leaf,
                        begins_there
                            ? "page %u: more of the list of node %llu than its home says"
                            : "page %u: does not begin where the list of node %llu goes on",
                        leaf, (unsigned long long)list->node);
}

/* A failure closes the list: whoever opens one and fails here closes nothing. */
sb_status sb_list__next_plain(sb_list *list, bool *more, sb_err *err)
{
    sb_triple border;

    *more = false;
    while (list->remaining > 0 && goes_on(list, &border)) {
        sb_page_release(list->txn, &list->page);
        sb_status status = to_border(list, &border, err);
        if (status == SB_OK && list->remaining > 0) status = look_ahead(list, err);
        if (status != SB_OK) {
            sb_list_close(list);
            return status;
        }
        if (list->chunk.count > 0) {
            *more = true;
            return SB_OK;
        }
    }
    list->chunk.count = 0;
    list->remaining = 0;
    return SB_OK;
}

sb_status sb_list_next(sb_list *list, bool *more, sb_err *err)
{
    return SB_UNLIKELY(list->woven) ? sb_list__weave_next(list, more, err)
                                    : sb_list__next_plain(list, more, err);
}

void sb_list_close(sb_list *list)
{
    for (unsigned i = 0; SB_UNLIKELY(list->woven) && i < 2; i++)
        if (list->pieces[i].page.bytes != NULL) sb_page_release(list->txn, &list->pieces[i].page);
    list->woven = false;
    if (list->page.bytes != NULL) sb_page_release(list->txn, &list->page);
    list->chunk.count = 0;
    list->remaining = 0;
}

sb_status sb_list_degree(sb_txn *txn, const sb_tree *tree, uint64_t node, uint64_t *degree,
                         sb_err *err)
{
    return sb_lists_degrees(txn, tree, &node, 1, degree, err);
}

/* Leave out the entries of the chunk that are below (neighbor, rel). */
static void skip_below(sb_list *list, uint64_t neighbor, uint64_t rel)
{
    sb_list_view view;
    uint32_t slot;

    sb_list__view(list->page.bytes, &view);
    if (!sb_list__find_slot(&view, list->node, &slot)) return;
    const uint32_t end = sb_list__end(view.page, slot + 1);
    const uint32_t from =
        sb_list__lower_bound(&view, sb_list__end(view.page, slot), end, neighbor, rel);
    sb_list__chunk(&view, from, end, &list->chunk);
}

sb_status sb_list__seek_plain(sb_txn *txn, const sb_tree *tree, uint64_t node, uint64_t neighbor,
                              uint64_t rel, sb_list *list, sb_err *err)
{
    const sb_triple want = {.node = node, .neighbor = neighbor, .rel = rel};
    uint8_t key[SB_LIST_KEY_BYTES];
    sb_list_range range;
    sb_triple border;
    sb_path path;
    bool more;

    sb_list__init(list, txn, tree, node);
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(sb_list__home(txn, tree, node, &list->page, err));
    sb_list__range(list->page.bytes, &range);
    set_chunk(list, list->page.bytes);
    list->remaining = sb_list__rest(list->page.bytes, node);
    list->total = list->chunk.count + list->remaining;
    if (!sb_list__below_high(&range, &want)) {
        /* Behind the home. How many entries lie between is not known: remaining bounds what follows. */
        sb_page_release(txn, &list->page);
        list->chunk.count = 0;
        sb_list__key(&want, key);
        SB_TRY(sb_tree__descend(txn, tree, sb_bytes_of(key, sizeof key), &path, err));
        SB_TRY(sb_tree__acquire(txn, tree, path.leaf, 0, &list->page, err));
        sb_list__range(list->page.bytes, &range);
        if (SB_UNLIKELY(!sb_list__in_range(&range, &want))) {
            sb_page_release(txn, &list->page);
            return SB_FAIL_PAGE(err, path.leaf,
                                "page %u: its fences do not hold the key that led to it",
                                path.leaf);
        }
        set_chunk(list, list->page.bytes);
        list->remaining -=
            list->chunk.count < list->remaining ? list->chunk.count : list->remaining;
    }
    skip_below(list, neighbor, rel);
    if (!goes_on(list, &border)) list->remaining = 0;
    if (list->chunk.count == 0 && list->remaining > 0) return sb_list__next_plain(list, &more, err);
    return SB_OK;
}

sb_status sb_list_seek(sb_txn *txn, const sb_tree *tree, uint64_t node, uint64_t neighbor,
                       uint64_t rel, sb_list *list, sb_err *err)
{
    SB_TRY(sb_list__seek_plain(txn, tree, node, neighbor, rel, list, err));
    return sb_list__may_be_aside(txn, tree, node) ? sb_list__weave(list, neighbor, rel, err)
                                                  : SB_OK;
}

/* ---- Many nodes at once -------------------------------------------------------------------------------------- */

/* Look-ups in flight: enough to cover a miss to memory with the work of the others. */
#define BATCH 16u

/* Step 1, two groups ahead of the visits: hold the pages where the lists should be, ask for their first lines. */
static void prefetch_group(sb_txn *txn, const sb_tree *tree, const uint64_t *nodes, size_t count,
                           sb_list *lists)
{
    const sb_pgno page_count = sb_txn_page_count(txn);

    for (size_t i = 0; i < count; i++) {
        const sb_pgno hint = sb_tree__leaf_hint(txn, tree, nodes[i]);

        sb_list__init(&lists[i], txn, tree, nodes[i]);
        if (hint == SB_PGNO_NONE || hint >= page_count) continue;
        /* What is wrong with a page is told when it is really needed. */
        if (sb_page_acquire(txn, hint, &lists[i].page, NULL) != SB_OK) continue;
        sb_list__prefetch(lists[i].page.bytes);
    }
}

/* Step 2, one group ahead: find the lists, ask for their entries. */
static sb_status open_group(sb_txn *txn, const sb_tree *tree, size_t count, sb_list *lists,
                            sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));

    for (size_t i = 0; i < count; i++) {
        sb_list *const list = &lists[i];
        sb_pgno pgno;

        if (list->page.bytes == NULL ||
            sb_tree__leaf_side(tree, list->page.bytes, page_bytes, list->node) != 0) {
            sb_page_release(txn, &list->page);
            SB_TRY(sb_tree__leaf_of_id(txn, tree, list->node, &list->page, &pgno, err));
        }
        set_chunk(list, list->page.bytes);
        SB_PREFETCH(list->chunk.neighbors);
        list->remaining = sb_list__rest(list->page.bytes, list->node);
        list->total = list->chunk.count + list->remaining;
        if (sb_list__may_be_aside(txn, tree, list->node)) SB_TRY(sb_list__weave(list, 0, 0, err));
    }
    return SB_OK;
}

/* Step 3. */
static sb_status visit_group(sb_list *lists, size_t count, size_t at, sb_list_visit visit,
                             void *ctx, sb_err *err)
{
    for (size_t i = 0; i < count; i++) {
        bool more;
        if (SB_UNLIKELY(lists[i].remaining > 0) && lists[i].chunk.count == 0) {
            SB_TRY(sb_list_next(&lists[i], &more, err));
        }
        SB_TRY(visit(ctx, at + i, &lists[i]));
        sb_list_close(&lists[i]);
    }
    return SB_OK;
}

static sb_status open_one_by_one(sb_txn *txn, const sb_tree *tree, const uint64_t *nodes,
                                 size_t count, sb_list_visit visit, void *ctx, sb_err *err)
{
    for (size_t i = 0; i < count; i++) {
        sb_status status;
        sb_list list;

        SB_TRY(sb_list_open(txn, tree, nodes[i], &list, err));
        status = visit(ctx, i, &list);
        sb_list_close(&list);
        if (status != SB_OK) return status;
    }
    return SB_OK;
}

SB_INLINE size_t group_size(size_t at, size_t count)
{
    return at >= count ? 0 : count - at < BATCH ? count - at : BATCH;
}

sb_status sb_lists_open(sb_txn *txn, const sb_tree *tree, const uint64_t *nodes, size_t count,
                        sb_list_visit visit, void *ctx, sb_err *err)
{
    sb_list lists[3][BATCH]; /* groups at steps 3, 2 and 1, in turn */
    sb_status status = SB_OK;

    if (count == 0) return SB_OK;
    if (tree->root == SB_PGNO_NONE)
        return open_one_by_one(txn, tree, nodes, count, visit, ctx, err);
    /* Three groups hold their pages at once: where held pages are pinned frames of a cache, which may be as small
     * as 8, one at a time is what can be held, and the cost of a look-up lies elsewhere. */
    SB_TRY(sb_list__open_plain(txn, tree, nodes[0], &lists[0][0], err));
    const bool pinned = lists[0][0].page.pin != NULL;
    sb_list_close(&lists[0][0]);
    if (pinned) return open_one_by_one(txn, tree, nodes, count, visit, ctx, err);

    for (size_t i = 0; i < 3 * (size_t)BATCH; i++)
        sb_list__init(&lists[i / BATCH][i % BATCH], txn, tree, 0);
    prefetch_group(txn, tree, nodes, group_size(0, count), lists[0]);
    prefetch_group(txn, tree, nodes + group_size(0, count), group_size(BATCH, count), lists[1]);
    status = open_group(txn, tree, group_size(0, count), lists[0], err);
    for (size_t at = 0, turn = 0; at < count && status == SB_OK;
         at += BATCH, turn = (turn + 1) % 3) {
        const size_t next = group_size(at + BATCH, count),
                     behind = group_size(at + 2 * BATCH, count);

        if (behind > 0)
            prefetch_group(txn, tree, nodes + at + 2 * BATCH, behind, lists[(turn + 2) % 3]);
        if (next > 0) status = open_group(txn, tree, next, lists[(turn + 1) % 3], err);
        if (status == SB_OK)
            status = visit_group(lists[turn], group_size(at, count), at, visit, ctx, err);
    }
    for (size_t i = 0; i < 3 * (size_t)BATCH; i++)
        sb_list_close(&lists[i / BATCH][i % BATCH]);
    return status;
}
