/* prefix.c — the first key that begins with a prefix, of a slotted tree: what an index look-up needs, whose entries end
 * with the id that it asks for. A cursor would do it too, but is made on the heap. */
#include "tree/core_priv.h"
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

/* Does the key of slot i begin with prefix? Then what follows goes to tail (*fits). The key is the page's prefix,
 * which is the beginning of its low fence, and the slot's suffix. */
static bool match_slot(const uint8_t *page, uint32_t page_bytes, uint32_t i, sb_bytes prefix,
                       found_tail *tail, bool *fits)
{
    const sb_bytes lead = sb_bytes_of(sb_slots__low(page, page_bytes).data, sb_slots__prefix(page));
    const sb_bytes suffix = sb_slots__suffix(page, i);
    const size_t shared = lead.size < prefix.size ? lead.size : prefix.size;
    const size_t rest = prefix.size - shared; /* of the prefix, in the suffix */

    if (shared != 0 && memcmp(lead.data, prefix.data, shared) != 0) return false;
    if (suffix.size < rest) return false;
    if (rest != 0 && memcmp(suffix.data, prefix.data + shared, rest) != 0) return false;
    *fits = append_tail(tail, sb_bytes_of(lead.data + shared, lead.size - shared)) &&
            append_tail(tail, sb_bytes_of(suffix.data + rest, suffix.size - rest));
    return true;
}

/* From slot i of the path's leaf, held in page, on: the answer, and the page released. */
static sb_status finish_search(sb_txn *txn, const sb_tree *tree, sb_bytes prefix, sb_path *path,
                               sb_page *page, uint32_t i, found_tail *tail, bool *found,
                               sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    bool fits = true, more = true;

    /* The prefix may lie at the end of one leaf and the keys that have it in the next: so when the entries between it
     * and a separator longer than it have been deleted. */
    while (i == sb_slots__count(page->bytes)) {
        sb_page_release(txn, page);
        SB_TRY(sb_tree__path_next(txn, tree, path, &more, err));
        if (!more) return SB_OK;
        SB_TRY(sb_tree__acquire(txn, tree, path->leaf, 0, page, err));
        i = 0;
    }
    *found = match_slot(page->bytes, page_bytes, i, prefix, tail, &fits);
    sb_page_release(txn, page);
    if (SB_UNLIKELY(!fits))
        return SB_FAIL(err, SB_CORRUPT, "tree %u: a key is longer than %zu bytes behind its prefix",
                       tree->id, tail->capacity);
    return SB_OK;
}

sb_status sb_tree_get_prefix(sb_txn *txn, const sb_tree *tree, sb_bytes prefix, uint8_t *tail,
                             size_t tail_capacity, size_t *tail_size, bool *found, sb_err *err)
{
    found_tail out = {.data = tail, .capacity = tail_capacity};
    sb_page page = {0};
    sb_path path;
    bool equal;

    *found = false;
    *tail_size = 0;
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(sb_tree__descend_page(txn, tree, prefix, &path, &page, err));
    const uint32_t i = sb_slots__search(page.bytes, sb_slots__cut(page.bytes, prefix), &equal);
    const sb_status st = finish_search(txn, tree, prefix, &path, &page, i, &out, found, err);
    *tail_size = out.size;
    return st;
}

/* ---- Many at once --------------------------------------------------------------------------------- */

/* A look-up waits for memory three times in its leaf: header and hints, the slots between two hints, the cell. In a
 * group each step asks for what the next one needs, for all of the group, before any of it is used. */
#define GROUP 16u

typedef struct search {
    sb_path path;
    sb_page page;
    uint32_t slot;
} search;

/* Ask for the slots that the hints leave to be searched; as sb_slots__search narrows them. */
static void prefetch_window(const uint8_t *page, sb_bytes suffix)
{
    const uint32_t head = sb_slots__head_of(suffix);
    const uint32_t count = sb_slots__count(page), distance = count / (SB_HINT_COUNT + 1);
    uint32_t below = 0;

    for (uint32_t i = 0; i < SB_HINT_COUNT; i++)
        below += sb_load_le32(page + SB_SLOTS_HINTS + 4 * i) < head;
    const uint32_t lower = distance * below, upper = lower + distance + 1;
    for (uint32_t i = lower; i < upper && i < count; i += 64 / SB_SLOT_BYTES)
        SB_PREFETCH(sb_slots__slot(page, i));
}

static sb_status search_group(sb_txn *txn, const sb_tree *tree, const sb_bytes *prefixes,
                              size_t count, search *group, sb_err *err)
{
    bool equal;

    for (size_t k = 0; k < count; k++) {
        SB_TRY(sb_tree__descend(txn, tree, prefixes[k], &group[k].path, err));
        sb_page_prefetch(txn, &group[k].path.leaf, 1);
    }
    for (size_t k = 0; k < count; k++) {
        SB_TRY(sb_tree__acquire(txn, tree, group[k].path.leaf, 0, &group[k].page, err));
        SB_PREFETCH(group[k].page.bytes + SB_SLOTS_BEGIN - 1);
    }
    for (size_t k = 0; k < count; k++)
        prefetch_window(group[k].page.bytes, sb_slots__cut(group[k].page.bytes, prefixes[k]));
    for (size_t k = 0; k < count; k++) {
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

    memset(found, 0, count * sizeof *found);
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    for (size_t done = 0; done < count && st == SB_OK; done += GROUP) {
        const size_t size = count - done < GROUP ? count - done : GROUP;
        search group[GROUP];
        for (size_t k = 0; k < size; k++)
            group[k].page = (sb_page){0};
        st = search_group(txn, tree, prefixes + done, size, group, err);
        for (size_t k = 0; k < size && st == SB_OK; k++) {
            const size_t at = done + k;
            found_tail tail = {.data = tails + at * tail_bytes, .capacity = tail_bytes};
            st = finish_search(txn, tree, prefixes[at], &group[k].path, &group[k].page,
                               group[k].slot, &tail, &found[at], err);
            if (st == SB_OK && found[at] && tail.size != tail_bytes)
                st = SB_FAIL(err, SB_CORRUPT, "tree %u: a key has %zu bytes behind its prefix",
                             tree->id, tail.size);
        }
        for (size_t k = 0; k < size; k++)
            sb_page_release(txn, &group[k].page);
    }
    return st;
}
