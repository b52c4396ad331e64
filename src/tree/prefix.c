/* prefix.c — the first key that begins with a prefix, of a slotted tree: what an index look-up needs, whose entries end
 * with the id that it asks for. A cursor would do it too, but is made on the heap. */
#include "tree/cache_priv.h"
#include "tree/slots_priv.h"

/* What a search found, copied out of the page. */
typedef struct found_tail {
    uint8_t *data;
    size_t capacity, size;
} found_tail;

static bool append_tail(found_tail *tail, sb_bytes bytes)
{
    if (bytes.size > tail->capacity - tail->size) return false;
    if (bytes.size != 0) memcpy(tail->data + tail->size, bytes.data, bytes.size);
    tail->size += bytes.size;
    return true;
}

/* Equal bytes of two keys of few bytes, most often: without a call. */
SB_INLINE bool equal_bytes(const uint8_t *a, const uint8_t *b, size_t size)
{
    while (size >= 8) {
        if (sb_load_le64(a) != sb_load_le64(b)) return false;
        a += 8, b += 8, size -= 8;
    }
    for (; size != 0; size--)
        if (*a++ != *b++) return false;
    return true;
}

/* Does the key of slot i begin with prefix? Then what follows goes to tail (*fits). The key is the page's prefix,
 * which is the beginning of its low fence, and the slot's suffix. */
static bool match_slot(const uint8_t *page, uint32_t page_bytes, uint32_t i, sb_bytes prefix,
                       found_tail *tail, bool *fits)
{
    const sb_bytes lead = sb_bytes_of(sb_slots__low(page, page_bytes).data, sb_slots__prefix(page));
    const sb_bytes suffix = sb_slots__suffix(page, i);
    const size_t shared = lead.size < prefix.size ? lead.size : prefix.size;
    const size_t rest = prefix.size - shared; /* of the prefix, in the suffix */

    if (suffix.size < rest || !equal_bytes(lead.data, prefix.data, shared) ||
        !equal_bytes(suffix.data, prefix.data + shared, rest))
        return false;
    *fits = append_tail(tail, sb_bytes_of(lead.data + shared, lead.size - shared)) &&
            append_tail(tail, sb_bytes_of(suffix.data + rest, suffix.size - rest));
    return true;
}

/* The prefix may lie at the end of one leaf and the keys that have it in the next: so when the entries between it and a separator
 * longer than it have been deleted. To the first entry behind, in *page; none: nothing held. */
static SB_NOINLINE sb_status move_on(sb_txn *txn, const sb_tree *tree, sb_bytes prefix,
                                     sb_page *page, sb_err *err)
{
    bool more = true;
    sb_path path;

    sb_page_release(txn, page);
    SB_TRY(sb_tree__descend(txn, tree, prefix, &path, err));
    do {
        SB_TRY(sb_tree__path_next(txn, tree, &path, &more, err));
        if (!more) return SB_OK;
        sb_page_release(txn, page);
        SB_TRY(sb_tree__acquire(txn, tree, path.leaf, 0, page, err));
    } while (sb_slots__count(page->bytes) == 0);
    return SB_OK;
}

/* From slot i of prefix's leaf, held in page, on: the answer, and the page released. */
static sb_status finish_search(sb_txn *txn, const sb_tree *tree, sb_bytes prefix, sb_page *page,
                               uint32_t i, found_tail *tail, bool *found, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    bool fits = true;

    if (SB_UNLIKELY(i == sb_slots__count(page->bytes))) {
        SB_TRY(move_on(txn, tree, prefix, page, err));
        if (page->bytes == NULL) return SB_OK;
        i = 0;
    }
    *found = match_slot(page->bytes, page_bytes, i, prefix, tail, &fits);
    sb_page_release(txn, page);
    if (SB_UNLIKELY(!fits))
        return SB_FAIL(err, SB_CORRUPT, "tree %u: a key is longer than %zu bytes behind its prefix",
                       tree->id, tail->capacity);
    return SB_OK;
}

/* ---- The leaf by the short way ------------------------------------------------------------------------- */

/* Is page, which the cache remembers for the prefix's block (or NULL), or the one beside it, its leaf? Else NULL. */
SB_INLINE const uint8_t *settle(const sb_leaves *leaves, uint32_t page_bytes, sb_bytes prefix,
                                const uint8_t *page)
{
    if (SB_UNLIKELY(page == NULL || !sb_leaves__is_one(leaves, page))) return NULL;
    const int side = sb_tree__key_side(page, page_bytes, prefix);
    if (SB_LIKELY(side == 0)) return page;
    page = sb_leaves__find(leaves, sb_tree__key_word(prefix), side);
    return page != NULL && sb_leaves__is_one(leaves, page) &&
                   sb_tree__key_side(page, page_bytes, prefix) == 0
               ? page
               : NULL;
}

/* Ask for what a search of the page reads first: header and hints, and the fences at its end. */
SB_INLINE void prefetch_ends(const uint8_t *page, uint32_t page_bytes)
{
    SB_PREFETCH(page);
    SB_PREFETCH(page + SB_SLOTS_BEGIN - 1);
    SB_PREFETCH(page + page_bytes - 1);
}

/* Ask for the slots that the hints leave to be searched, as sb_slots__search narrows them, and for the cell that is likely to be found: if
 * heads are as evenly spread between two hints as dense numbers are, and cells lie as in a page that was filled in order, from its end
 * down. Elsewhere the guess costs a line that nobody reads; where it is right, a search waits once, not twice. */
static void prefetch_window(const uint8_t *page, uint32_t page_bytes, sb_bytes suffix)
{
    const uint32_t head = sb_slots__head_of(suffix), count = sb_slots__count(page);
    const uint32_t distance = count / (SB_HINT_COUNT + 1);
    uint32_t below = 0;

    for (uint32_t i = 0; i < SB_HINT_COUNT; i++)
        below += sb_load_le32(page + SB_SLOTS_HINTS + 4 * i) < head;
    const uint32_t lower = distance * below, upper = lower + distance + 1;
    for (uint32_t i = lower; i < upper && i < count; i += 64 / SB_SLOT_BYTES)
        SB_PREFETCH(sb_slots__slot(page, i));
    if (below == 0 || below == SB_HINT_COUNT || distance == 0) return;
    const uint32_t from = sb_load_le32(page + SB_SLOTS_HINTS + 4 * (below - 1));
    const uint32_t to = sb_load_le32(page + SB_SLOTS_HINTS + 4 * below); /* >= head > from */
    const uint32_t guess = lower + (uint32_t)((uint64_t)distance * (head - from) / (to - from));
    const uint32_t heap_end = sb_slots__heap_end(page, page_bytes);
    SB_PREFETCH(page + heap_end -
                (uint32_t)((uint64_t)(heap_end - sb_slots__heap(page)) * guess / count));
}

static sb_status find_leaf(sb_txn *txn, const sb_tree *tree, sb_bytes prefix, sb_page *page,
                           sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_leaves leaves;

    if (SB_LIKELY(sb_leaves__open(txn, tree, &leaves))) {
        const uint8_t *likely = sb_leaves__find(&leaves, sb_tree__key_word(prefix), 0);
        if (SB_LIKELY(likely != NULL)) prefetch_ends(likely, page_bytes);
        *page = (sb_page){.bytes = settle(&leaves, page_bytes, prefix, likely)};
        if (SB_LIKELY(page->bytes != NULL)) {
            sb_leaves__hit(&leaves, 1);
            return SB_OK;
        }
    }
    return sb_tree__leaf_of_key(txn, tree, prefix, page, err);
}

sb_status sb_tree_get_prefix(sb_txn *txn, const sb_tree *tree, sb_bytes prefix, uint8_t *tail,
                             size_t tail_capacity, size_t *tail_size, bool *found, sb_err *err)
{
    found_tail out = {.data = tail, .capacity = tail_capacity};
    sb_page page = {0};
    bool equal;

    *found = false;
    *tail_size = 0;
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(find_leaf(txn, tree, prefix, &page, err));
    prefetch_window(page.bytes, sb_pager_page_bytes(sb_txn_pager(txn)),
                    sb_slots__cut(page.bytes, prefix));
    const uint32_t i = sb_slots__search(page.bytes, sb_slots__cut(page.bytes, prefix), &equal);
    const sb_status st = finish_search(txn, tree, prefix, &page, i, &out, found, err);
    *tail_size = out.size;
    return st;
}

/* ---- Many at once --------------------------------------------------------------------------------- */

/* A look-up waits for memory three times in its leaf: header and hints, the slots between two hints, the cell. In a
 * group each step asks for what the next one needs, for all of the group, before any of it is used. */
#define GROUP 32u

typedef struct search {
    sb_page page;
    uint32_t slot;
} search;

/* The leaves of a group, held. Where pages are pinned, few can be at once: *held of them. */
static sb_status hold_leaves(sb_txn *txn, const sb_tree *tree, const sb_bytes *prefixes,
                             size_t count, search *group, size_t *held, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_leaves leaves = {0};
    bool open = sb_leaves__open(txn, tree, &leaves);

    for (size_t k = 0; k < count; k++) {
        const uint8_t *likely =
            open ? sb_leaves__find(&leaves, sb_tree__key_word(prefixes[k]), 0) : NULL;
        group[k].page = (sb_page){.bytes = likely};
        if (SB_LIKELY(likely != NULL)) prefetch_ends(likely, page_bytes);
    }
    for (*held = 0; *held < count;) {
        search *const at = &group[*held];
        const sb_bytes prefix = prefixes[(*held)++];
        at->page.bytes = open ? settle(&leaves, page_bytes, prefix, at->page.bytes) : NULL;
        if (SB_LIKELY(at->page.bytes != NULL)) {
            sb_leaves__hit(&leaves, 1);
            continue;
        }
        SB_TRY(sb_tree__leaf_of_key(txn, tree, prefix, &at->page, err));
        open = sb_leaves__open(txn, tree, &leaves); /* the cache has learned */
        if (at->page.pin != NULL) break;
    }
    return SB_OK;
}

static sb_status search_group(sb_txn *txn, const sb_tree *tree, const sb_bytes *prefixes,
                              size_t count, search *group, size_t *held, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    bool equal;

    SB_TRY(hold_leaves(txn, tree, prefixes, count, group, held, err));
    for (size_t k = 0; k < *held; k++)
        prefetch_window(group[k].page.bytes, page_bytes,
                        sb_slots__cut(group[k].page.bytes, prefixes[k]));
    for (size_t k = 0; k < *held; k++) {
        const uint8_t *page = group[k].page.bytes;
        group[k].slot = sb_slots__search(page, sb_slots__cut(page, prefixes[k]), &equal);
        if (group[k].slot < sb_slots__count(page))
            SB_PREFETCH(page + sb_slots__cell_at(page, group[k].slot));
    }
    return SB_OK;
}

sb_status sb_tree_get_prefix_many(sb_txn *txn, const sb_tree *tree, const sb_bytes *prefixes,
                                  size_t count, uint8_t *tails, size_t tail_bytes, bool *found,
                                  sb_err *err)
{
    sb_status st = SB_OK;
    size_t held;

    memset(found, 0, count * sizeof *found);
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    for (size_t done = 0; done < count && st == SB_OK; done += held) {
        const size_t size = count - done < GROUP ? count - done : GROUP;
        search group[GROUP];
        st = search_group(txn, tree, prefixes + done, size, group, &held, err);
        for (size_t k = 0; k < held && st == SB_OK; k++) {
            const size_t at = done + k;
            found_tail tail = {.data = tails + at * tail_bytes, .capacity = tail_bytes};
            st = finish_search(txn, tree, prefixes[at], &group[k].page, group[k].slot, &tail,
                               &found[at], err);
            if (st == SB_OK && found[at] && tail.size != tail_bytes)
                st = SB_FAIL(err, SB_CORRUPT, "tree %u: a key has %zu bytes behind its prefix",
                             tree->id, tail.size);
        }
        for (size_t k = 0; k < held; k++)
            sb_page_release(txn, &group[k].page);
    }
    return st;
}
