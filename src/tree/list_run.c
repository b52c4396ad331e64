/* list_run.c — lists found without holding a page: the hot reads of traversals. In a read transaction whose pages stay where they
 * are, a look-up is the leaf cache's address of the home (cache C7), a compare with its fences, and two offsets of its
 * directory; the neighbors are then read in place.
 *
 * Batches go in groups through stages, each of which asks for the lines that the next one reads: header, directory, neighbors. So the
 * misses of a group overlap, and what is waited for is one of each stage. */
#include "base/unpack.h"
#include "tree/cache_priv.h"
#include "tree/list_priv.h"

/* Look-ups in a stage: more than a core has misses in flight, and few enough that what was fetched is still there. */
#define GROUP 64u

/* ---- Homes ------------------------------------------------------------------------------------------------- */

/* Is page, which the cache remembers for node's block (or NULL), or the one beside it, the home? Else NULL. */
SB_INLINE const uint8_t *settle(const sb_leaves *leaves, uint64_t node, const uint8_t *page)
{
    if (SB_UNLIKELY(page == NULL || !sb_leaves__is_one(leaves, page))) return NULL;
    const int side = sb_list__side(page, node);
    if (SB_LIKELY(side == 0)) return page;
    page = sb_leaves__find(leaves, node, side);
    return page != NULL && sb_leaves__is_one(leaves, page) && sb_list__side(page, node) == 0 ? page
                                                                                             : NULL;
}

/* The home by the short way, or NULL. */
SB_INLINE const uint8_t *short_home(sb_txn *txn, const sb_tree *tree, uint64_t node)
{
    sb_leaves leaves;

    if (SB_UNLIKELY(!sb_leaves__open(txn, tree, 0, &leaves))) return NULL;
    const uint8_t *page = sb_leaves__find(&leaves, node, 0);
    if (SB_UNLIKELY(page == NULL)) return NULL;
    sb_list__prefetch(page); /* header and directory at once: one miss to wait for, not two */
    page = settle(&leaves, node, page);
    if (SB_LIKELY(page != NULL)) sb_leaves__hit(&leaves, 1);
    return page;
}

sb_status sb_list__home(sb_txn *txn, const sb_tree *tree, uint64_t node, sb_page *page, sb_err *err)
{
    sb_pgno pgno;

    *page = (sb_page){.bytes = short_home(txn, tree, node)};
    return SB_LIKELY(page->bytes != NULL) ? SB_OK
                                          : sb_tree__leaf_of_id(txn, tree, node, page, &pgno, err);
}

/* Ask for where the directory has node's end offset, by a header that is there. */
SB_INLINE void prefetch_slot(const uint8_t *page, uint64_t node)
{
    const uint64_t slot = node - sb_load_le64(page + SB_LIST_FIRST_ID);
    if (slot < sb_load_le16(page + SB_LIST_SLOT_COUNT))
        SB_PREFETCH(page + SB_LIST_HEADER + 2 * slot);
}

/* Where a page stays when it is no longer held; NULL: it does not. */
SB_INLINE const uint8_t *kept(sb_txn *txn, sb_page *page)
{
    if (SB_LIKELY(page->pin == NULL)) return page->bytes;
    sb_page_release(txn, page);
    return NULL;
}

/* The homes of up to GROUP nodes, their headers read and their directories asked for; NULL: it does not stay where it is. *stay
 * false: none does in this transaction, and nothing was done. */
static sb_status find_homes(sb_txn *txn, const sb_tree *tree, const uint64_t *nodes, size_t count,
                            const uint8_t **pages, bool *stay, sb_err *err)
{
    sb_leaves leaves = {0};
    size_t missed = 0;
    bool open = sb_leaves__open(txn, tree, 0, &leaves);

    *stay = sb_txn_addresses(txn) != 0;
    if (!*stay) return SB_OK;
    for (size_t i = 0; i < count; i++) {
        pages[i] = open ? sb_leaves__find(&leaves, nodes[i], 0) : NULL;
        SB_PREFETCH(pages[i]);
    }
    for (size_t i = 0; i < count; i++) {
        pages[i] = open ? settle(&leaves, nodes[i], pages[i]) : NULL;
        if (SB_UNLIKELY(pages[i] == NULL)) {
            sb_page page;
            sb_pgno pgno;
            SB_TRY(sb_tree__leaf_of_id(txn, tree, nodes[i], &page, &pgno, err));
            pages[i] = kept(txn, &page);
            missed++;
            open = sb_leaves__open(txn, tree, 0, &leaves); /* the cache has learned */
            if (pages[i] == NULL) continue;
        }
        prefetch_slot(pages[i], nodes[i]);
    }
    if (open) sb_leaves__hit(&leaves, count - missed);
    return SB_OK;
}

/* ---- Runs --------------------------------------------------------------------------------------------------- */

void sb_id_list_decode(const sb_id_list *run, uint64_t *out)
{
    sb_unpack(run->words, run->base, run->count, run->width, out);
}

/* Of a list that can not be read in place: an empty tree has empty ones. */
SB_INLINE uint8_t width_without(const sb_tree *tree)
{
    return tree->root == SB_PGNO_NONE && !sb_list__has_side(tree) ? 0 : SB_ID_LIST_NONE;
}

SB_INLINE void set_run(const uint8_t *page, uint64_t node, sb_id_list *run)
{
    sb_list_view view;
    uint32_t slot, from = 0, to = 0;

    sb_list__view(page, &view);
    if (sb_list__find_slot(&view, node, &slot)) {
        from = sb_list__end(page, slot);
        to = sb_list__end(page, slot + 1);
    }
    run->words = page + view.neighbors_off + (size_t)from * view.neighbor_width;
    run->base = view.neighbor_base;
    run->count = to - from;
    run->width = sb_list__rest(page, node) == 0 ? view.neighbor_width : SB_ID_LIST_NONE;
}

/* Does the tree's side have entries of node's list? Then it is no run. A filter's word is enough: who puts the list together
 * looks there anyway. */
static sb_status look_aside(sb_txn *txn, const sb_tree *tree, uint64_t node, sb_id_list *run,
                            sb_err *err)
{
    const sb_aside_filter filter = sb_list__aside_filter(txn, tree, 1);
    sb_page page;

    if (filter.words != NULL) {
        if (sb_list__aside_has(&filter, node)) run->width = SB_ID_LIST_NONE;
        return SB_OK;
    }
    SB_TRY(sb_list__home(txn, tree->side, node, &page, err));
    if (sb_list__length(page.bytes, node) != 0) run->width = SB_ID_LIST_NONE;
    sb_page_release(txn, &page);
    return SB_OK;
}

static SB_NOINLINE sb_status run_by_descent(sb_txn *txn, const sb_tree *tree, uint64_t node,
                                            sb_id_list *run, sb_err *err)
{
    const uint8_t *home;
    sb_page page;
    sb_pgno pgno;

    *run = (sb_id_list){.width = width_without(tree)};
    if (tree->root == SB_PGNO_NONE || sb_txn_addresses(txn) == 0) return SB_OK;
    SB_TRY(sb_tree__leaf_of_id(txn, tree, node, &page, &pgno, err));
    home = kept(txn, &page);
    if (SB_LIKELY(home != NULL)) set_run(home, node, run);
    return sb_list__has_side(tree) ? look_aside(txn, tree, node, run, err) : SB_OK;
}

sb_status sb_list_run(sb_txn *txn, const sb_tree *tree, uint64_t node, sb_id_list *run, sb_err *err)
{
    const uint8_t *home = short_home(txn, tree, node);

    if (SB_UNLIKELY(home == NULL)) return run_by_descent(txn, tree, node, run, err);
    set_run(home, node, run);
    return sb_list__has_side(tree) ? look_aside(txn, tree, node, run, err) : SB_OK;
}

/* Which of up to GROUP nodes have entries in the tree's side; a few may be named that have none. */
static sb_status find_aside(sb_txn *txn, const sb_tree *tree, const uint64_t *nodes, size_t count,
                            bool *aside, sb_err *err)
{
    const sb_aside_filter filter = sb_list__aside_filter(txn, tree, count);
    const uint8_t *pages[GROUP];
    bool stay;

    for (size_t i = 0; i < count && filter.words != NULL; i++)
        aside[i] = sb_list__aside_has(&filter, nodes[i]);
    if (filter.words != NULL) return SB_OK;
    SB_TRY(find_homes(txn, tree->side, nodes, count, pages, &stay, err));
    for (size_t i = 0; i < count; i++)
        aside[i] = !stay || pages[i] == NULL || sb_list__length(pages[i], nodes[i]) != 0;
    return SB_OK;
}

/* The leaves of up to GROUP nodes whose whole list lies in its leaf; NULL for the others. *stay: find_homes'; once false, it stays so. */
static sb_status find_whole(sb_txn *txn, const sb_tree *tree, const uint64_t *nodes, size_t count,
                            const uint8_t **pages, bool *stay, sb_err *err)
{
    bool aside[GROUP] = {false};

    if (*stay) SB_TRY(find_homes(txn, tree, nodes, count, pages, stay, err));
    if (*stay && sb_list__has_side(tree)) SB_TRY(find_aside(txn, tree, nodes, count, aside, err));
    for (size_t i = 0; i < count; i++)
        if (SB_UNLIKELY(!*stay || aside[i])) pages[i] = NULL;
    return SB_OK;
}

sb_status sb_lists_runs(sb_txn *txn, const sb_tree *tree, const uint64_t *nodes, size_t count,
                        sb_id_list *runs, sb_err *err)
{
    const sb_id_list none = {.width = width_without(tree)};
    const uint8_t *pages[GROUP];
    bool stay = tree->root != SB_PGNO_NONE;

    for (size_t at = 0; at < count; at += GROUP) {
        const size_t size = count - at < GROUP ? count - at : GROUP;
        SB_TRY(find_whole(txn, tree, nodes + at, size, pages, &stay, err));
        for (size_t i = 0; i < size; i++) {
            if (SB_UNLIKELY(pages[i] == NULL)) {
                runs[at + i] = none;
                continue;
            }
            set_run(pages[i], nodes[at + i], &runs[at + i]);
            SB_PREFETCH(runs[at + i].words);
        }
    }
    return SB_OK;
}

SB_INLINE void set_whole_chunk(const uint8_t *page, uint64_t node, sb_chunk *chunk)
{
    sb_list_view view;
    uint32_t slot, from = 0, to = 0;

    sb_list__view(page, &view);
    if (sb_list__find_slot(&view, node, &slot)) {
        from = sb_list__end(page, slot);
        to = sb_list__end(page, slot + 1);
    }
    sb_list__chunk(&view, from, to, chunk);
    if (sb_list__rest(page, node) != 0) chunk->neighbor_width = SB_ID_LIST_NONE;
}

sb_status sb_lists_chunks(sb_txn *txn, const sb_tree *tree, const uint64_t *nodes, size_t count,
                          sb_chunk *chunks, sb_err *err)
{
    const sb_chunk none = {.neighbor_width = width_without(tree)};
    const uint8_t *pages[GROUP];
    bool stay = tree->root != SB_PGNO_NONE;

    for (size_t at = 0; at < count; at += GROUP) {
        const size_t size = count - at < GROUP ? count - at : GROUP;
        SB_TRY(find_whole(txn, tree, nodes + at, size, pages, &stay, err));
        for (size_t i = 0; i < size; i++) {
            if (SB_UNLIKELY(pages[i] == NULL)) {
                chunks[at + i] = none;
                continue;
            }
            set_whole_chunk(pages[i], nodes[at + i], &chunks[at + i]);
            SB_PREFETCH(chunks[at + i].neighbors);
            SB_PREFETCH(chunks[at + i].rels);
        }
    }
    return SB_OK;
}

/* ---- Lengths ------------------------------------------------------------------------------------------------ */

uint64_t sb_list__length(const uint8_t *page, uint64_t node)
{
    sb_list_view view;
    uint32_t slot;

    sb_list__view(page, &view);
    const uint32_t here = sb_list__find_slot(&view, node, &slot)
                              ? sb_list__end(page, slot + 1) - sb_list__end(page, slot)
                              : 0;
    return here + sb_list__rest(page, node);
}

/* Add the lengths that one tree has of up to GROUP lists. */
static sb_status add_lengths(sb_txn *txn, const sb_tree *tree, const uint64_t *nodes, size_t count,
                             uint64_t *degrees, sb_err *err)
{
    const uint8_t *pages[GROUP];
    bool stay;

    SB_TRY(find_homes(txn, tree, nodes, count, pages, &stay, err));
    for (size_t i = 0; i < count; i++) {
        sb_page page;
        if (SB_LIKELY(stay && pages[i] != NULL)) {
            degrees[i] += sb_list__length(pages[i], nodes[i]);
            continue;
        }
        SB_TRY(sb_list__home(txn, tree, nodes[i], &page, err));
        degrees[i] += sb_list__length(page.bytes, nodes[i]);
        sb_page_release(txn, &page);
    }
    return SB_OK;
}

/* Add what lies aside, to those that may have something there. */
static sb_status add_aside(sb_txn *txn, const sb_tree *tree, const uint64_t *nodes, size_t count,
                           uint64_t *degrees, sb_err *err)
{
    const sb_aside_filter filter = sb_list__aside_filter(txn, tree, count);
    uint64_t asked[GROUP], lengths[GROUP] = {0};
    size_t places[GROUP], found = 0;

    for (size_t i = 0; i < count; i++) {
        if (!sb_list__aside_has(&filter, nodes[i])) continue;
        asked[found] = nodes[i];
        places[found++] = i;
    }
    if (found > 0) SB_TRY(add_lengths(txn, tree->side, asked, found, lengths, err));
    for (size_t i = 0; i < found; i++)
        degrees[places[i]] += lengths[i];
    return SB_OK;
}

sb_status sb_lists_degrees(sb_txn *txn, const sb_tree *tree, const uint64_t *nodes, size_t count,
                           uint64_t *degrees, sb_err *err)
{
    for (size_t i = 0; i < count; i++)
        degrees[i] = 0;
    for (size_t at = 0; at < count; at += GROUP) {
        const size_t size = count - at < GROUP ? count - at : GROUP;
        if (tree->root != SB_PGNO_NONE)
            SB_TRY(add_lengths(txn, tree, nodes + at, size, degrees + at, err));
        if (sb_list__has_side(tree))
            SB_TRY(add_aside(txn, tree, nodes + at, size, degrees + at, err));
    }
    return SB_OK;
}
