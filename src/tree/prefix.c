/* prefix.c — the first key that begins with a prefix, of a slotted tree: what an index look-up needs, whose entries end
 * with the id that it asks for. A cursor would do it too, but is made on the heap. */
#include "tree/cache_priv.h"
#include "tree/slots_priv.h"

/* What is asked. */
typedef struct asked {
    sb_txn *txn;
    const sb_tree *tree;
    uint32_t page_bytes;
} asked;

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
static sb_status finish_search(const asked *a, sb_bytes prefix, sb_page *page, uint32_t i,
                               found_tail *tail, bool *found, sb_err *err)
{
    bool fits = true;

    if (SB_UNLIKELY(i == sb_slots__count(page->bytes))) {
        SB_TRY(move_on(a->txn, a->tree, prefix, page, err));
        if (page->bytes == NULL) return SB_OK;
        i = 0;
    }
    *found = match_slot(page->bytes, a->page_bytes, i, prefix, tail, &fits);
    sb_page_release(a->txn, page);
    if (SB_UNLIKELY(!fits))
        return SB_FAIL(err, SB_CORRUPT, "tree %u: a key is longer than %zu bytes behind its prefix",
                       a->tree->id, tail->capacity);
    return SB_OK;
}

/* ---- The leaf by the short way ------------------------------------------------------------------------- */

/* Is page, which the cache remembers for the prefix's block (or NULL), or the one beside it, its leaf? Else NULL. */
SB_INLINE const uint8_t *settle(const sb_leaves *leaves, uint32_t page_bytes, sb_bytes prefix,
                                uint64_t word, const uint8_t *page)
{
    if (SB_UNLIKELY(page == NULL || !sb_leaves__is_one(leaves, page))) return NULL;
    const int side = sb_slots__side(page, page_bytes, prefix, word);
    if (SB_LIKELY(side == 0)) return page;
    page = sb_leaves__find(leaves, word, side);
    return page != NULL && sb_leaves__is_one(leaves, page) &&
                   sb_slots__side(page, page_bytes, prefix, word) == 0
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

static sb_status find_leaf(const asked *a, sb_bytes prefix, sb_page *page, sb_err *err)
{
    const uint64_t word = sb_bytes_word(prefix);
    sb_leaves leaves;

    if (SB_LIKELY(sb_leaves__open(a->txn, a->tree, word, &leaves))) {
        const uint8_t *likely = sb_leaves__find(&leaves, word, 0);
        if (SB_LIKELY(likely != NULL)) prefetch_ends(likely, a->page_bytes);
        *page = (sb_page){.bytes = settle(&leaves, a->page_bytes, prefix, word, likely)};
        if (SB_LIKELY(page->bytes != NULL)) {
            sb_leaves__hit(&leaves, 1);
            return SB_OK;
        }
    }
    return sb_tree__leaf_of_key(a->txn, a->tree, prefix, page, err);
}

/* What a search of the leaf for the prefix is narrowed to, on its way from memory. */
SB_INLINE void narrow(const uint8_t *page, uint32_t page_bytes, sb_bytes prefix, sb_window *window)
{
    sb_slots__narrow(page, sb_slots__cut(page, prefix), window);
    sb_slots__guess(page, page_bytes, window);
}

sb_status sb_tree_get_prefix(sb_txn *txn, const sb_tree *tree, sb_bytes prefix, uint8_t *tail,
                             size_t tail_capacity, size_t *tail_size, bool *found, sb_err *err)
{
    const asked a = {txn, tree, sb_pager_page_bytes(sb_txn_pager(txn))};
    found_tail out = {.data = tail, .capacity = tail_capacity};
    sb_page page = {0};
    sb_window window;
    bool equal;

    *found = false;
    *tail_size = 0;
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(find_leaf(&a, prefix, &page, err));
    narrow(page.bytes, a.page_bytes, prefix, &window);
    const uint32_t i =
        sb_slots__search_window(page.bytes, sb_slots__cut(page.bytes, prefix), &window, &equal);
    const sb_status st = finish_search(&a, prefix, &page, i, &out, found, err);
    *tail_size = out.size;
    return st;
}

/* ---- Many at once --------------------------------------------------------------------------------- */

/* A look-up waits for memory three times in its leaf: header and hints, the slots between two hints, the cell. In a
 * group each step asks for what the next one needs, for all of the group, before any of it is used. */
#define GROUP 32u

typedef struct search {
    uint64_t word; /* of the prefix */
    sb_page page;
    sb_window window;
    uint32_t slot;
} search;

/* The leaves of a group, held. Where pages are pinned, few can be at once: *held of them. */
static sb_status hold_leaves(const asked *a, const sb_bytes *prefixes, size_t count, search *group,
                             size_t *held, sb_err *err)
{
    sb_leaves leaves;

    for (size_t k = 0; k < count; k++) {
        const uint64_t word = group[k].word = sb_bytes_word(prefixes[k]);
        const uint8_t *likely = sb_leaves__open(a->txn, a->tree, word, &leaves)
                                    ? sb_leaves__find(&leaves, word, 0)
                                    : NULL;
        group[k].page = (sb_page){.bytes = likely};
        if (SB_LIKELY(likely != NULL)) prefetch_ends(likely, a->page_bytes);
    }
    for (*held = 0; *held < count;) {
        search *const at = &group[*held];
        const sb_bytes prefix = prefixes[(*held)++];
        /* Asked for anew: a miss before may have taught the cache something. */
        const bool open = sb_leaves__open(a->txn, a->tree, at->word, &leaves);
        at->page.bytes =
            open ? settle(&leaves, a->page_bytes, prefix, at->word, at->page.bytes) : NULL;
        if (SB_LIKELY(at->page.bytes != NULL)) {
            sb_leaves__hit(&leaves, 1);
            continue;
        }
        SB_TRY(sb_tree__leaf_of_key(a->txn, a->tree, prefix, &at->page, err));
        if (at->page.pin != NULL) break;
    }
    return SB_OK;
}

static sb_status search_group(const asked *a, const sb_bytes *prefixes, size_t count, search *group,
                              size_t *held, sb_err *err)
{
    bool equal;

    SB_TRY(hold_leaves(a, prefixes, count, group, held, err));
    for (size_t k = 0; k < *held; k++)
        narrow(group[k].page.bytes, a->page_bytes, prefixes[k], &group[k].window);
    for (size_t k = 0; k < *held; k++) {
        const uint8_t *page = group[k].page.bytes;
        group[k].slot = sb_slots__search_window(page, sb_slots__cut(page, prefixes[k]),
                                                &group[k].window, &equal);
        if (group[k].slot < sb_slots__count(page))
            SB_PREFETCH(page + sb_slots__cell_at(page, group[k].slot));
    }
    return SB_OK;
}

sb_status sb_tree_get_prefix_many(sb_txn *txn, const sb_tree *tree, const sb_bytes *prefixes,
                                  size_t count, uint8_t *tails, size_t tail_bytes, bool *found,
                                  sb_err *err)
{
    const asked a = {txn, tree, sb_pager_page_bytes(sb_txn_pager(txn))};
    sb_status st = SB_OK;
    size_t held;

    memset(found, 0, count * sizeof *found);
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    for (size_t done = 0; done < count && st == SB_OK; done += held) {
        const size_t size = count - done < GROUP ? count - done : GROUP;
        search group[GROUP];
        st = search_group(&a, prefixes + done, size, group, &held, err);
        for (size_t k = 0; k < held && st == SB_OK; k++) {
            const size_t at = done + k;
            found_tail tail = {.data = tails + at * tail_bytes, .capacity = tail_bytes};
            st = finish_search(&a, prefixes[at], &group[k].page, group[k].slot, &tail, &found[at],
                               err);
            if (st == SB_OK && found[at] && tail.size != tail_bytes)
                st = SB_FAIL(err, SB_CORRUPT, "tree %u: a key has %zu bytes behind its prefix",
                             tree->id, tail.size);
        }
        for (size_t k = 0; k < held; k++)
            sb_page_release(txn, &group[k].page);
    }
    return st;
}

/* ---- Prefixes of few bytes -------------------------------------------------------------------------------- */

/* The slot of the first key with the prefix, if heads were as evenly spread over the whole page as dense numbers are: by the first hint and
 * the last, which sample the slots distance and SB_HINT_COUNT · distance. 0: no guess. */
SB_INLINE uint32_t guess_slot(const uint8_t *page, uint32_t head)
{
    const uint32_t count = sb_slots__count(page);
    const uint32_t distance = count / (SB_HINT_COUNT + 1);
    const uint32_t from = sb_load_le32(page + SB_SLOTS_HINTS);
    const uint32_t range = sb_load_le32(page + SB_SLOTS_HINTS + 4 * (SB_HINT_COUNT - 1)) - from;
    const int64_t part = ((int64_t)head - from) * ((SB_HINT_COUNT - 1) * distance) +
                         (int64_t)range * distance + range / 2;

    if (SB_UNLIKELY(range == 0 || part < 0)) return 0;
    const uint64_t slot = (uint64_t)part / range;
    return SB_LIKELY(slot < count) ? (uint32_t)slot : 0;
}

/* Does the page's prefix, with which its low fence begins, begin the asked one? It is shorter. */
SB_INLINE bool shares_lead(const uint8_t *page, uint32_t page_bytes, uint64_t word, uint32_t lead)
{
    if (lead == 0) return true;
    return (sb_slots__fence_word(sb_slots__low(page, page_bytes)) ^ word) >> (64 - 8 * lead) == 0;
}

/* A look-up on its way: the page that the cache remembers, and the slot to look at. */
typedef struct probe {
    const uint8_t *page; /* NULL: none is known */
    uint32_t slot;       /* 0: no guess */
} probe;

/* To the leaf that the cache remembers; what of it is looked at first is asked for. */
SB_INLINE const uint8_t *probe_leaf(const sb_leaves *leaves, uint32_t page_bytes, uint64_t word)
{
    const uint8_t *const page = sb_leaves__find(leaves, word, 0);

    if (SB_LIKELY(page != NULL)) prefetch_ends(page, page_bytes);
    return page;
}

/* The slot to look at, and its cell where a page that was filled in order has it, asked for. */
SB_INLINE uint32_t probe_slot(const sb_leaves *leaves, const uint8_t *page, uint32_t page_bytes,
                              sb_tree_word prefix, uint32_t tail_bytes)
{
    if (SB_UNLIKELY(page == NULL || !sb_leaves__is_one(leaves, page))) return 0;
    const uint32_t lead = sb_slots__prefix(page);
    if (SB_UNLIKELY(lead >= prefix.size || !shares_lead(page, page_bytes, prefix.word, lead)))
        return 0;
    const uint32_t slot = guess_slot(page, (uint32_t)(prefix.word << 8 * lead >> 32));
    const uint32_t cell_bytes = SB_LEAF_CELL_HEAD + prefix.size - lead + tail_bytes;
    const uint32_t heap_end = sb_slots__heap_end(page, page_bytes), cells = cell_bytes * (slot + 1);
    if (SB_LIKELY(cells <= heap_end)) SB_PREFETCH(page + heap_end - cells);
    return slot;
}

/* The leaf that the cache remembers beside page, where the prefix lies outside of that; else NULL. */
static SB_NOINLINE const uint8_t *leaf_beside(const sb_leaves *leaves, const uint8_t *page,
                                              uint32_t page_bytes, sb_tree_word prefix)
{
    uint8_t bytes[8];

    if (page == NULL || !sb_leaves__is_one(leaves, page)) return NULL;
    sb_store_be64(bytes, prefix.word);
    const int side = sb_slots__side(page, page_bytes, sb_bytes_of(bytes, prefix.size), prefix.word);
    return side != 0 ? sb_leaves__find(leaves, prefix.word, side) : NULL;
}

/* probe_slot, in the leaf beside *page where there is none in it. */
SB_INLINE uint32_t probe_slots(const sb_leaves *leaves, const uint8_t **page, uint32_t page_bytes,
                               sb_tree_word prefix, uint32_t tail_bytes)
{
    const uint32_t slot = probe_slot(leaves, *page, page_bytes, prefix, tail_bytes);

    if (SB_LIKELY(slot != 0)) return slot;
    *page = leaf_beside(leaves, *page, page_bytes, prefix);
    return probe_slot(leaves, *page, page_bytes, prefix, tail_bytes);
}

/* Is slot, which is not the first, that of the first key with the prefix? Its key has it, and the head before is below: then no key of
 * another leaf can be it, and fences need no look. Only keys of the length that is told, and of eight bytes in the page, are taken. */
SB_INLINE bool probe_key(const uint8_t *page, uint32_t page_bytes, uint32_t slot,
                         sb_tree_word prefix, uint32_t tail_bytes, uint64_t *tail)
{
    const uint32_t lead = sb_slots__prefix(page), size = prefix.size - lead;
    const uint64_t suffix = prefix.word << 8 * lead;
    const uint32_t cell = sb_slots__cell_at(page, slot) + SB_LEAF_CELL_HEAD;
    const uint32_t length = sb_slots__length_at(page, slot);

    if (SB_UNLIKELY(sb_slots__head_at(page, slot - 1) >= (uint32_t)(suffix >> 32) ||
                    length != size + tail_bytes || cell + 8 > page_bytes ||
                    (sb_load_be64(page + cell) ^ suffix) >> (64 - 8 * size) != 0))
        return false;
    /* Of two bytes and more, behind head and slots: the eight that end with it are the page's. */
    *tail = sb_load_be64(page + cell + length - 8) & UINT64_MAX >> (64 - 8 * tail_bytes);
    return true;
}

/* Those of a group that no probe has answered, by search. */
static SB_NOINLINE sb_status search_words(sb_txn *txn, const sb_tree *tree,
                                          const sb_tree_word *prefixes, const uint32_t *left,
                                          size_t count, uint32_t tail_bytes, uint64_t *tails,
                                          bool *found, sb_err *err)
{
    uint8_t bytes[GROUP][8], out[GROUP][8] = {{0}};
    sb_bytes keys[GROUP] = {{NULL, 0}};
    bool there[GROUP];

    for (size_t k = 0; k < count; k++) {
        sb_store_be64(bytes[k], prefixes[left[k]].word);
        keys[k] = sb_bytes_of(bytes[k], prefixes[left[k]].size);
    }
    SB_TRY(sb_tree_get_prefix_many(txn, tree, keys, count, out[0], tail_bytes, there, err));
    for (size_t k = 0; k < count; k++) {
        found[left[k]] = there[k];
        if (there[k])
            tails[left[k]] = sb_bytes_word(sb_bytes_of(out[0] + k * tail_bytes, tail_bytes)) >>
                             (64 - 8 * tail_bytes);
    }
    return SB_OK;
}

/* One, by search. */
static SB_NOINLINE sb_status search_word(sb_txn *txn, const sb_tree *tree, sb_tree_word prefix,
                                         uint32_t tail_bytes, uint64_t *tail, bool *found,
                                         sb_err *err)
{
    uint8_t bytes[8], out[8] = {0};
    size_t size;

    sb_store_be64(bytes, prefix.word);
    SB_TRY(sb_tree_get_prefix(txn, tree, sb_bytes_of(bytes, prefix.size), out, tail_bytes, &size,
                              found, err));
    if (!*found) return SB_OK;
    if (SB_UNLIKELY(size != tail_bytes))
        return SB_FAIL(err, SB_CORRUPT, "tree %u: a key has %zu bytes behind its prefix", tree->id,
                       size);
    *tail = sb_bytes_word(sb_bytes_of(out, size)) >> (64 - 8 * tail_bytes);
    return SB_OK;
}

sb_status sb_tree_get_word(sb_txn *txn, const sb_tree *tree, sb_tree_word prefix,
                           uint32_t tail_bytes, uint64_t *tail, bool *found, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_leaves leaves;

    SB_ASSERT(prefix.size >= 1);
    SB_ASSERT(prefix.size <= 8);
    SB_ASSERT(tail_bytes >= 1);
    SB_ASSERT(tail_bytes <= 8);
    if (SB_LIKELY(sb_leaves__open(txn, tree, prefix.word, &leaves))) {
        const uint8_t *page = probe_leaf(&leaves, page_bytes, prefix.word);
        const uint32_t slot = probe_slots(&leaves, &page, page_bytes, prefix, tail_bytes);
        if (SB_LIKELY(slot != 0 && probe_key(page, page_bytes, slot, prefix, tail_bytes, tail))) {
            sb_leaves__hit(&leaves, 1);
            *found = true;
            return SB_OK;
        }
    }
    return search_word(txn, tree, prefix, tail_bytes, tail, found, err);
}

/* Up to GROUP of them: in three steps, of which each asks for what the next one needs. */
static sb_status get_group(sb_txn *txn, const sb_tree *tree, const sb_tree_word *prefixes,
                           size_t count, uint32_t tail_bytes, uint64_t *tails, bool *found,
                           sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    uint32_t left[GROUP];
    size_t left_count = 0;
    probe group[GROUP];
    sb_leaves leaves = {0};
    uint32_t part = UINT32_MAX;
    bool open = false;

    for (size_t k = 0; k < count; k++) {
        const uint64_t word = prefixes[k].word;
        if (part != sb_cache__part(tree, word)) {
            part = sb_cache__part(tree, word);
            open = sb_leaves__open(txn, tree, word, &leaves);
        }
        group[k].page = SB_LIKELY(open) ? probe_leaf(&leaves, page_bytes, word) : NULL;
    }
    for (size_t k = 0; k < count; k++) {
        group[k].slot = probe_slots(&leaves, &group[k].page, page_bytes, prefixes[k], tail_bytes);
        if (SB_LIKELY(group[k].slot != 0))
            SB_PREFETCH(sb_slots__slot(group[k].page, group[k].slot));
    }
    for (size_t k = 0; k < count; k++) {
        found[k] =
            SB_LIKELY(group[k].slot != 0) &&
            probe_key(group[k].page, page_bytes, group[k].slot, prefixes[k], tail_bytes, &tails[k]);
        if (SB_UNLIKELY(!found[k])) left[left_count++] = (uint32_t)k;
    }
    if (left_count != count) sb_leaves__hit(&leaves, count - left_count);
    if (left_count == 0) return SB_OK;
    return search_words(txn, tree, prefixes, left, left_count, tail_bytes, tails, found, err);
}

sb_status sb_tree_get_words(sb_txn *txn, const sb_tree *tree, const sb_tree_word *prefixes,
                            size_t count, uint32_t tail_bytes, uint64_t *tails, bool *found,
                            sb_err *err)
{
    SB_ASSERT(tail_bytes >= 1);
    SB_ASSERT(tail_bytes <= 8);
    for (size_t done = 0; done < count; done += GROUP) {
        const size_t size = count - done < GROUP ? count - done : GROUP;
        SB_TRY(get_group(txn, tree, prefixes + done, size, tail_bytes, tails + done, found + done,
                         err));
    }
    return SB_OK;
}
