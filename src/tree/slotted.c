/* slotted.c — leaves of variable-length keys and values: look-up, insert, delete, and what the core asks of them. */
#include "tree/slotted_priv.h"

/* ---- What the core asks (sb_leaf_ops) -------------------------------------------------------------------- */

static void slotted_fences(const uint8_t *page, uint32_t page_bytes, sb_fences *fences)
{
    fences->low = sb_slots__low(page, page_bytes);
    fences->high = sb_slots__high(page, page_bytes);
}

static uint32_t slotted_entries(const uint8_t *page)
{
    return sb_slots__count(page);
}

static uint32_t slotted_used(const uint8_t *page, uint32_t page_bytes)
{
    return sb_slots__used(page, page_bytes);
}

/* Bytes of the entries of page when written with a prefix of bytes; 0 entries: 0. */
static size_t bytes_with_prefix(const uint8_t *page, uint32_t page_bytes, size_t prefix)
{
    const size_t count = sb_slots__count(page);
    const size_t entries = sb_slots__used(page, page_bytes) - SB_SLOTS_BEGIN -
                           (page_bytes - sb_slots__heap_end(page, page_bytes));
    return entries + count * sb_slots__prefix(page) - count * prefix;
}

/* Append all entries of page to target, whose prefix may be longer or shorter. */
static void append_all(uint8_t *target, const uint8_t *page, uint32_t page_bytes)
{
    const uint32_t prefix = sb_slots__prefix(target), own = sb_slots__prefix(page);
    const uint8_t *low = sb_slots__low(page, page_bytes).data;
    const sb_bytes lead =
        own > prefix ? sb_bytes_of(low + prefix, own - prefix) : sb_bytes_of(NULL, 0);
    const uint32_t cut = own > prefix ? 0 : prefix - own;
    for (uint32_t i = 0; i < sb_slots__count(page); i++) {
        const sb_bytes suffix = sb_slots__suffix(page, i);
        sb_slots__append(target, lead, sb_bytes_of(suffix.data + cut, suffix.size - cut),
                         sb_slots__value(page, i));
    }
}

/* Write left (and right, if not NULL) anew with these fences: *fits false, nothing done. left may be a copy of target's bytes. */
static sb_status rebuild(sb_txn *txn, uint8_t *target, const uint8_t *right, sb_bytes low,
                         sb_bytes high, bool *fits, sb_err *err)
{
    sb_tree_txn *state;
    sb_buffer *copy;
    SB_TRY(sb_tree__txn(txn, &state, err));
    const uint32_t page_bytes = state->page_bytes;
    const size_t prefix = sb_slots__shared(low, high);
    size_t need =
        SB_SLOTS_BEGIN + low.size + high.size + bytes_with_prefix(target, page_bytes, prefix);
    if (right != NULL) need += bytes_with_prefix(right, page_bytes, prefix);
    *fits = need <= page_bytes;
    if (!*fits) return SB_OK;

    /* The fences may lie in the page itself: build beside it. */
    SB_TRY(sb_tree__buffer_acquire(state, page_bytes, &copy, err));
    memcpy(copy->data, target, SB_PAGE_COMMON);
    sb_slots__init(copy->data, page_bytes, low, high);
    append_all(copy->data, target, page_bytes);
    if (right != NULL) append_all(copy->data, right, page_bytes);
    sb_slots__hints(copy->data, 0);
    memcpy(target, copy->data, page_bytes);
    sb_tree__buffer_release(state, copy);
    sb_tree__count_rebuilds(state, 1);
    return SB_OK;
}

static sb_status slotted_set_fences(sb_txn *txn, uint8_t *page, sb_bytes low, sb_bytes high,
                                    bool *fits, sb_err *err)
{
    return rebuild(txn, page, NULL, low, high, fits, err);
}

static sb_status slotted_merge(sb_txn *txn, uint8_t *left, const uint8_t *right, bool *fits,
                               sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    return rebuild(txn, left, right, sb_slots__low(left, page_bytes),
                   sb_slots__high(right, page_bytes), fits, err);
}

static sb_status
slotted_overflow_refs(const uint8_t *page, uint32_t page_bytes,
                      sb_status (*visit)(void *ctx, const uint8_t *ref, uint64_t owner), void *ctx)
{
    (void)page, (void)page_bytes, (void)visit, (void)ctx; /* values end at a quarter of a page */
    return SB_OK;
}

/* Order and fences are part of the page check (S2), which each page passed when it was touched first; a private page of
 * this transaction did not, so it is run here. */
static sb_status slotted_verify(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno,
                                sb_finding finding, void *ctx, uint64_t *findings, sb_err *err)
{
    sb_err local = {0};
    (void)err;
    if (sb_slots__check(page, page_bytes, pgno, &local) == SB_OK) return SB_OK;
    (*findings)++;
    if (finding != NULL) finding(ctx, pgno, local.text);
    return SB_OK;
}

const sb_leaf_ops sb_leaf_ops_slotted = {
    .page_kind = SB_PAGE_SLOTTED,
    .fences = slotted_fences,
    .set_fences = slotted_set_fences,
    .entries = slotted_entries,
    .used_bytes = slotted_used,
    .merge = slotted_merge,
    .check = sb_slots__check,
    .overflow_refs = slotted_overflow_refs,
    .verify = slotted_verify,
};

/* ---- Look-up -------------------------------------------------------------------------------------------- */

sb_status sb_tree_get(sb_txn *txn, const sb_tree *tree, sb_bytes key, sb_page *hold,
                      sb_bytes *value, bool *found, sb_err *err)
{
    sb_path path;
    *hold = (sb_page){0};
    *value = sb_bytes_of(NULL, 0);
    *found = false;
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(sb_tree__descend_page(txn, tree, key, &path, hold, err));
    const uint32_t i = sb_slots__search(hold->bytes, sb_slots__cut(hold->bytes, key), found);
    if (*found)
        *value = sb_slots__value(hold->bytes, i);
    else
        sb_page_release(txn, hold);
    return SB_OK;
}

/* ---- Insert --------------------------------------------------------------------------------------------- */

sb_status sb_slotted__check_item(const sb_tree *tree, uint32_t page_bytes, sb_bytes key,
                                 sb_bytes value, sb_err *err)
{
    if (SB_UNLIKELY(key.size == 0 || key.size > sb_tree_key_limit(page_bytes)))
        return SB_FAIL(err, SB_LIMIT, "tree %u: a key has %zu bytes; 1 to %u are allowed",
                       (unsigned)tree->id, key.size, (unsigned)sb_tree_key_limit(page_bytes));
    if (SB_UNLIKELY(value.size > sb_tree_value_limit(page_bytes)))
        return SB_FAIL(err, SB_LIMIT, "tree %u: a value has %zu bytes; up to %u are allowed",
                       (unsigned)tree->id, value.size, (unsigned)sb_tree_value_limit(page_bytes));
    return SB_OK;
}

sb_status sb_slotted__plant(sb_txn *txn, sb_tree *tree, uint32_t page_bytes, sb_err *err)
{
    sb_pgno pgno;
    uint8_t *page;
    SB_TRY(sb_tree__plant(txn, tree, &pgno, &page, err));
    sb_slots__init(page, page_bytes, sb_bytes_of(NULL, 0), sb_bytes_of(NULL, 0));
    return SB_OK;
}

/* Replace the value of slot i, in place when the new one is not longer. */
static sb_status overwrite(sb_tree_txn *state, sb_pgno pgno, uint8_t *page, uint32_t i,
                           sb_bytes suffix, sb_bytes value, bool *fits, sb_err *err)
{
    const uint32_t old_cell = sb_slots__cell_at(page, i), old_bytes = sb_slots__cell_bytes(page, i);
    const uint32_t bytes = SB_LEAF_CELL_HEAD + (uint32_t)suffix.size + (uint32_t)value.size;
    if (bytes <= old_bytes) {
        uint8_t *cell = page + old_cell;
        sb_store_le16(cell, (uint16_t)value.size);
        if (value.size > 0) memcpy(cell + SB_LEAF_CELL_HEAD + suffix.size, value.data, value.size);
        sb_snapshot__give(state, pgno, page, old_cell + bytes, old_bytes - bytes);
        sb_tree__count_in_place(state, 1);
        *fits = true;
        return SB_OK;
    }
    *fits = bytes <= sb_slots__gap(page) + sb_slots__dead(page) + old_bytes;
    if (!*fits) return SB_OK;
    /* The slot goes for the time being: compaction, should it be needed, moves what slots name. */
    sb_snapshot__give(state, pgno, page, old_cell, old_bytes);
    sb_slots__remove_slot(page, i);
    uint32_t cell;
    SB_TRY(sb_snapshot__take(state, pgno, page, bytes, SB_SLOT_BYTES, &cell, err));
    SB_ASSERT(cell != 0);
    sb_slots__write_cell(page, cell, suffix, value);
    sb_slots__insert_slot(page, i, cell, suffix);
    return SB_OK;
}

sb_status sb_slotted__insert(sb_tree_txn *state, sb_pgno pgno, uint8_t *page, sb_bytes key,
                             sb_bytes value, bool *fits, sb_err *err)
{
    bool equal;
    const sb_bytes suffix = sb_slots__cut(page, key);
    const uint32_t i = sb_slots__search(page, suffix, &equal);
    if (equal) return overwrite(state, pgno, page, i, suffix, value, fits, err);

    const uint32_t bytes = SB_LEAF_CELL_HEAD + (uint32_t)suffix.size + (uint32_t)value.size;
    uint32_t cell;
    SB_TRY(sb_snapshot__take(state, pgno, page, bytes, SB_SLOT_BYTES, &cell, err));
    *fits = cell != 0;
    if (!*fits) return SB_OK;
    sb_slots__write_cell(page, cell, suffix, value);
    sb_slots__insert_slot(page, i, cell, suffix);
    sb_tree__count_in_place(state, 1);
    return SB_OK;
}

/* Refs to the leaf's entries and the items merged: the later of equal keys wins. copy is the leaf. */
static sb_status merge_refs(const uint8_t *copy, const sb_item *items, size_t count,
                            sb_buffer *refs, sb_err *err)
{
    const uint32_t old_count = sb_slots__count(copy);
    if (sb_buffer_reserve(refs, (old_count + count) * sizeof(sb_ref)) != SB_OK)
        return SB_FAIL_NOMEM(err);
    sb_ref *out = (sb_ref *)(void *)refs->data;
    uint32_t i = 0;
    for (size_t k = 0; k < count; k++) {
        if (k + 1 < count && sb_bytes_equal(items[k].key, items[k + 1].key)) continue;
        const sb_bytes suffix = sb_slots__cut(copy, items[k].key);
        for (; i < old_count; i++) {
            const sb_bytes here = sb_slots__suffix(copy, i);
            const int order = sb_bytes_compare(here, suffix);
            if (order > 0) break;
            if (order == 0) {
                i++;
                break;
            }
            const sb_bytes value = sb_slots__value(copy, i);
            *out++ = (sb_ref){here.data, value.data, (uint32_t)here.size, (uint32_t)value.size};
        }
        *out++ = (sb_ref){suffix.data, items[k].value.data, (uint32_t)suffix.size,
                          (uint32_t)items[k].value.size};
    }
    for (; i < old_count; i++) {
        const sb_bytes here = sb_slots__suffix(copy, i), value = sb_slots__value(copy, i);
        *out++ = (sb_ref){here.data, value.data, (uint32_t)here.size, (uint32_t)value.size};
    }
    refs->size = (size_t)((uint8_t *)out - refs->data);
    return SB_OK;
}

sb_status sb_slotted__merge_items(sb_txn *txn, sb_tree_txn *state, sb_tree *tree, sb_path *path,
                                  uint8_t *page, const sb_item *items, size_t count, sb_err *err)
{
    const uint32_t page_bytes = state->page_bytes, old_count = sb_slots__count(page);
    sb_buffer *copy = NULL, *refs = NULL;
    sb_parts parts = {0};
    sb_status st;

    if ((st = sb_tree__buffer_acquire(state, page_bytes, &copy, err)) != SB_OK) goto done;
    if ((st = sb_tree__buffer_acquire(state, (old_count + count) * sizeof(sb_ref), &refs, err)) !=
        SB_OK)
        goto done;
    if ((st = sb_parts__open(state, &parts, err)) != SB_OK) goto done;
    memcpy(copy->data, page, page_bytes);
    if ((st = merge_refs(copy->data, items, count, refs, err)) != SB_OK) goto done;

    const sb_ref *array = (const sb_ref *)(const void *)refs->data;
    const size_t ref_count = refs->size / sizeof(sb_ref);
    size_t total = 0;
    for (size_t i = 0; i < ref_count; i++)
        total += SB_SLOT_BYTES + SB_LEAF_CELL_HEAD + array[i].suffix_bytes + array[i].payload_bytes;
    const sb_bytes low = sb_slots__low(copy->data, page_bytes),
                   high = sb_slots__high(copy->data, page_bytes);
    const size_t room = page_bytes - SB_SLOTS_BEGIN - low.size - high.size;
    /* Appends at the right edge leave full pages behind; elsewhere the pages it takes are filled evenly. */
    const sb_bytes first = sb_slots__cut(copy->data, items[0].key);
    const bool append = high.size == 0 &&
                        (old_count == 0 ||
                         sb_bytes_compare(sb_slots__suffix(copy->data, old_count - 1), first) < 0);
    const size_t pages = total / room + 1;
    const sb_rewrite rewrite = {.kind = SB_PAGE_SLOTTED,
                                .tree = tree->id,
                                .low = low,
                                .high = high,
                                .base = sb_bytes_of(low.data, sb_slots__prefix(copy->data)),
                                .refs = array,
                                .count = ref_count,
                                .target = append || total <= room ? SIZE_MAX : total / pages + 1,
                                .pages = &path->leaf,
                                .page_count = 1};
    if (state->snapshot.pgno == path->leaf) sb_snapshot__drop(state);
    if ((st = sb_slots__rewrite(txn, state, &rewrite, &parts, err)) != SB_OK) goto done;
    st = sb_tree__split(txn, tree, path, sb_parts__array(&parts), sb_parts__count(&parts), err);

done:
    sb_parts__close(state, &parts);
    sb_tree__buffer_release(state, refs);
    sb_tree__buffer_release(state, copy);
    return st;
}

sb_status sb_tree_put(sb_txn *txn, sb_tree *tree, sb_bytes key, sb_bytes value, sb_err *err)
{
    sb_tree_txn *state;
    sb_path path;
    uint8_t *page;
    bool fits;
    SB_ASSERT(tree->kind == SB_TREE_SLOTTED);
    SB_TRY(sb_tree__txn(txn, &state, err));
    SB_TRY(sb_slotted__check_item(tree, state->page_bytes, key, value, err));
    sb_tree__changed(state);
    if (tree->root == SB_PGNO_NONE) SB_TRY(sb_slotted__plant(txn, tree, state->page_bytes, err));
    SB_TRY(sb_tree__descend(txn, tree, key, &path, err));
    SB_TRY(sb_page_mut(txn, path.leaf, &page, err));
    SB_TRY(sb_tree__check_step(page, tree, path.leaf, 0, err));
    SB_TRY(sb_slots__check_key(page, state->page_bytes, path.leaf, key, err));
    SB_TRY(sb_slotted__insert(state, path.leaf, page, key, value, &fits, err));
    if (fits) return SB_OK;
    const sb_item item = {.key = key, .value = value};
    return sb_slotted__merge_items(txn, state, tree, &path, page, &item, 1, err);
}

/* ---- Delete --------------------------------------------------------------------------------------------- */

sb_status sb_tree_delete(sb_txn *txn, sb_tree *tree, sb_bytes key, bool *found, sb_err *err)
{
    sb_tree_txn *state;
    sb_path path;
    sb_page held;
    uint8_t *page;
    *found = false;
    SB_ASSERT(tree->kind == SB_TREE_SLOTTED);
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(sb_tree__txn(txn, &state, err));
    SB_TRY(sb_tree__descend_page(txn, tree, key, &path, &held, err));
    const uint32_t i = sb_slots__search(held.bytes, sb_slots__cut(held.bytes, key), found);
    sb_page_release(txn, &held);
    if (!*found) return SB_OK; /* no private copy of a page that does not change */

    sb_tree__changed(state);
    SB_TRY(sb_page_mut(txn, path.leaf, &page, err));
    SB_TRY(sb_slots__check_key(page, state->page_bytes, path.leaf, key, err));
    sb_snapshot__give(state, path.leaf, page, sb_slots__cell_at(page, i),
                      sb_slots__cell_bytes(page, i));
    sb_slots__remove_slot(page, i);
    if (sb_slots__count(page) == 0) return sb_tree__remove_leaf(txn, tree, &path, err);
    if (sb_slots__used(page, state->page_bytes) < state->page_bytes / 4)
        return sb_tree__merge(txn, tree, &path, err);
    return SB_OK;
}
