/* cursor.c — a position in a slotted tree that moves both ways.
 * In a read transaction nothing changes under a cursor: it holds its leaf, borrows values from it, and puts a key
 * together only when asked. In a write transaction the leaf may change, move or be spilled between two calls: key and value
 * are copied when the cursor arrives, no page is held, and when any tree has changed since, the next step seeks the kept
 * key anew (its page may have been split, merged or freed). */
#include "tree/slots_priv.h"

struct sb_cursor {
    sb_txn *txn;
    const sb_tree *tree;
    sb_tree_txn *state; /* NULL in a read transaction */
    const sb_allocator *alloc;
    uint32_t page_bytes;
    sb_path path;
    sb_page leaf; /* held in read transactions while placed */
    uint32_t slot;
    bool placed;      /* on an entry */
    bool has_key;     /* key is that of the entry */
    uint64_t changes; /* of state when placed */
    uint32_t key_bytes, value_bytes;
    uint8_t *value; /* write transactions: copy, room for the longest */
    uint8_t key[];  /* room for the longest */
};

static size_t cursor_bytes(uint32_t page_bytes, bool copies)
{
    return sizeof(sb_cursor) + sb_tree_key_limit(page_bytes) +
           (copies ? sb_tree_value_limit(page_bytes) : 0);
}

sb_status sb_cursor_open(sb_txn *txn, const sb_tree *tree, sb_cursor **cursor, sb_err *err)
{
    sb_tree_txn *state = NULL;
    const sb_allocator *alloc = sb_pager_alloc(sb_txn_pager(txn));
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    *cursor = NULL;
    SB_ASSERT(tree->kind == SB_TREE_SLOTTED);
    if (sb_txn_writable(txn)) SB_TRY(sb_tree__txn(txn, &state, err));
    sb_cursor *made = sb_alloc(alloc, cursor_bytes(page_bytes, state != NULL));
    if (made == NULL) return SB_FAIL_NOMEM(err);
    *made = (sb_cursor){
        .txn = txn, .tree = tree, .state = state, .alloc = alloc, .page_bytes = page_bytes};
    if (state != NULL) made->value = made->key + sb_tree_key_limit(page_bytes);
    *cursor = made;
    return SB_OK;
}

void sb_cursor_close(sb_cursor *cursor)
{
    if (cursor == NULL) return;
    sb_page_release(cursor->txn, &cursor->leaf);
    sb_free(cursor->alloc, cursor, cursor_bytes(cursor->page_bytes, cursor->state != NULL));
}

static void leave(sb_cursor *cursor)
{
    sb_page_release(cursor->txn, &cursor->leaf);
    cursor->placed = false;
    cursor->has_key = false;
}

/* The key of an entry is the page's prefix and its suffix. A page that passed its check has no longer ones than the limit. */
static void load_key(sb_cursor *cursor)
{
    const uint8_t *page = cursor->leaf.bytes;
    const uint32_t prefix = sb_slots__prefix(page);
    const sb_bytes suffix = sb_slots__suffix(page, cursor->slot);
    if (prefix > 0) memcpy(cursor->key, sb_slots__low(page, cursor->page_bytes).data, prefix);
    if (suffix.size > 0) memcpy(cursor->key + prefix, suffix.data, suffix.size);
    cursor->key_bytes = prefix + (uint32_t)suffix.size;
    cursor->has_key = true;
}

static void place(sb_cursor *cursor, uint32_t slot)
{
    cursor->slot = slot;
    cursor->placed = true;
    cursor->has_key = false;
    if (cursor->state == NULL) return;
    load_key(cursor);
    const sb_bytes value = sb_slots__value(cursor->leaf.bytes, slot);
    if (value.size > 0) memcpy(cursor->value, value.data, value.size);
    cursor->value_bytes = (uint32_t)value.size;
    cursor->changes = cursor->state->changes;
    sb_page_release(cursor->txn, &cursor->leaf);
}

/* Leave the leaf for the one beside it (*found: there is one), which must begin where this ends, or end where it begins:
 * else damage could make a walk go back or in circles. Meanwhile the room of the key has the fence between them. */
static sb_status step(sb_cursor *cursor, bool forward, bool *found, sb_err *err)
{
    const sb_bytes border = forward ? sb_slots__high(cursor->leaf.bytes, cursor->page_bytes)
                                    : sb_slots__low(cursor->leaf.bytes, cursor->page_bytes);
    cursor->key_bytes = (uint32_t)border.size;
    if (border.size > 0) memcpy(cursor->key, border.data, border.size);
    sb_page_release(cursor->txn, &cursor->leaf);
    SB_TRY(forward ? sb_tree__path_next(cursor->txn, cursor->tree, &cursor->path, found, err)
                   : sb_tree__path_prev(cursor->txn, cursor->tree, &cursor->path, found, err));
    if (!*found) return SB_OK;
    SB_TRY(sb_tree__acquire(cursor->txn, cursor->tree, cursor->path.leaf, 0, &cursor->leaf, err));
    const sb_bytes here = forward ? sb_slots__low(cursor->leaf.bytes, cursor->page_bytes)
                                  : sb_slots__high(cursor->leaf.bytes, cursor->page_bytes);
    if (SB_LIKELY(here.size > 0 &&
                  sb_bytes_equal(here, sb_bytes_of(cursor->key, cursor->key_bytes))))
        return SB_OK;
    sb_page_release(cursor->txn, &cursor->leaf);
    return sb_tree__fail_border(cursor->path.leaf, err);
}

/* From the leaf at hand, when slot is past its end, to the first entry of the leaves after it; empty ones are skipped. */
static sb_status settle_forward(sb_cursor *cursor, uint32_t slot, bool *found, sb_err *err)
{
    while (slot >= sb_slots__count(cursor->leaf.bytes)) {
        SB_TRY(step(cursor, true, found, err));
        if (!*found) return SB_OK;
        slot = 0;
    }
    place(cursor, slot);
    *found = true;
    return SB_OK;
}

/* The same towards the beginning: end is one behind the entry wanted. */
static sb_status settle_backward(sb_cursor *cursor, uint32_t end, bool *found, sb_err *err)
{
    while (end == 0) {
        SB_TRY(step(cursor, false, found, err));
        if (!*found) return SB_OK;
        end = sb_slots__count(cursor->leaf.bytes);
    }
    place(cursor, end - 1);
    *found = true;
    return SB_OK;
}

/* To the leaf of key; slot: the first entry >= key in it. key may be the cursor's own. */
static sb_status approach(sb_cursor *cursor, sb_bytes key, uint32_t *slot, bool *equal, sb_err *err)
{
    leave(cursor);
    SB_TRY(
        sb_tree__descend_page(cursor->txn, cursor->tree, key, &cursor->path, &cursor->leaf, err));
    SB_TRY(
        sb_slots__check_key(cursor->leaf.bytes, cursor->page_bytes, cursor->path.leaf, key, err));
    *slot = sb_slots__search(cursor->leaf.bytes, sb_slots__cut(cursor->leaf.bytes, key), equal);
    return SB_OK;
}

sb_status sb_cursor_seek(sb_cursor *cursor, sb_bytes key, bool *found, sb_err *err)
{
    uint32_t slot;
    bool equal;
    *found = false;
    leave(cursor);
    if (cursor->tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(approach(cursor, key, &slot, &equal, err));
    return settle_forward(cursor, slot, found, err);
}

sb_status sb_cursor_seek_before(sb_cursor *cursor, sb_bytes key, bool *found, sb_err *err)
{
    uint32_t slot;
    bool equal;
    *found = false;
    leave(cursor);
    if (cursor->tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(approach(cursor, key, &slot, &equal, err));
    return settle_backward(cursor, equal ? slot + 1 : slot, found, err);
}

static sb_status go_to_end(sb_cursor *cursor, bool last, bool *found, sb_err *err)
{
    *found = false;
    leave(cursor);
    if (cursor->tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(sb_tree__path_end(cursor->txn, cursor->tree, last, &cursor->path, err));
    SB_TRY(sb_tree__acquire(cursor->txn, cursor->tree, cursor->path.leaf, 0, &cursor->leaf, err));
    return last ? settle_backward(cursor, sb_slots__count(cursor->leaf.bytes), found, err)
                : settle_forward(cursor, 0, found, err);
}

sb_status sb_cursor_first(sb_cursor *cursor, bool *found, sb_err *err)
{
    return go_to_end(cursor, false, found, err);
}

sb_status sb_cursor_last(sb_cursor *cursor, bool *found, sb_err *err)
{
    return go_to_end(cursor, true, found, err);
}

/* Have the leaf at hand again; *moved: the tree has changed, and the cursor stands (if *slot says so) where its key is or
 * would be. */
static sb_status resume(sb_cursor *cursor, uint32_t *slot, bool *equal, sb_err *err)
{
    *equal = true;
    *slot = cursor->slot;
    if (cursor->state == NULL) return SB_OK;
    if (cursor->changes != cursor->state->changes) {
        const sb_bytes key = sb_bytes_of(cursor->key, cursor->key_bytes);
        return approach(cursor, key, slot, equal, err);
    }
    return sb_tree__acquire(cursor->txn, cursor->tree, cursor->path.leaf, 0, &cursor->leaf, err);
}

sb_status sb_cursor_next(sb_cursor *cursor, bool *found, sb_err *err)
{
    uint32_t slot;
    bool equal;
    *found = false;
    if (!cursor->placed) return SB_OK;
    cursor->placed = false;
    if (cursor->tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(resume(cursor, &slot, &equal, err));
    return settle_forward(cursor, equal ? slot + 1 : slot, found, err);
}

sb_status sb_cursor_prev(sb_cursor *cursor, bool *found, sb_err *err)
{
    uint32_t slot;
    bool equal;
    *found = false;
    if (!cursor->placed) return SB_OK;
    cursor->placed = false;
    if (cursor->tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(resume(cursor, &slot, &equal, err));
    return settle_backward(cursor, slot, found, err);
}

sb_bytes sb_cursor_key(sb_cursor *cursor)
{
    if (!cursor->placed) return sb_bytes_of(NULL, 0);
    if (!cursor->has_key) load_key(cursor);
    return sb_bytes_of(cursor->key, cursor->key_bytes);
}

sb_bytes sb_cursor_value(sb_cursor *cursor)
{
    if (!cursor->placed) return sb_bytes_of(NULL, 0);
    if (cursor->state != NULL) return sb_bytes_of(cursor->value, cursor->value_bytes);
    return sb_slots__value(cursor->leaf.bytes, cursor->slot);
}
