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

sb_status sb_tree_get_prefix(sb_txn *txn, const sb_tree *tree, sb_bytes prefix, uint8_t *tail,
                             size_t tail_capacity, size_t *tail_size, bool *found, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    found_tail out = {.data = tail, .capacity = tail_capacity};
    bool fits = true, equal, more = true;
    sb_page page = {0};
    sb_path path;

    *found = false;
    *tail_size = 0;
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(sb_tree__descend_page(txn, tree, prefix, &path, &page, err));
    uint32_t i = sb_slots__search(page.bytes, sb_slots__cut(page.bytes, prefix), &equal);
    /* The prefix may lie at the end of one leaf and the keys that have it in the next. */
    while (i == sb_slots__count(page.bytes)) {
        sb_page_release(txn, &page);
        SB_TRY(sb_tree__path_next(txn, tree, &path, &more, err));
        if (!more) return SB_OK;
        SB_TRY(sb_tree__acquire(txn, tree, path.leaf, 0, &page, err));
        i = 0;
    }
    *found = match_slot(page.bytes, page_bytes, i, prefix, &out, &fits);
    sb_page_release(txn, &page);
    *tail_size = out.size;
    if (SB_UNLIKELY(!fits))
        return SB_FAIL(err, SB_CORRUPT, "tree %u: a key is longer than %zu bytes behind its prefix",
                       tree->id, tail_capacity);
    return SB_OK;
}
