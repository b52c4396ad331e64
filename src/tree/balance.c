/* balance.c — the inner levels when leaves come and go: separators put in and taken out, pages split, merged
 * and rebalanced upwards, the root grown and collapsed.
 *   B1 Every inner page has at least two children (S6), so each leaf but an only one has a neighbor under
 *      its own parent that can take over its range, and no fence on another branch has to move.
 *   B2 The fences of a child are the separators around it in its parent: whoever moves one moves the other. */
#include "tree/slots_priv.h"

/* A change of the children below one inner page: the first child stays, removed ones after it go, added ones (with
 * their low fences) come in their place. */
typedef struct child_change {
    uint32_t removed;
    const sb_part *added;
    size_t added_count;
} child_change;

static sb_status change_children(sb_txn *txn, sb_tree_txn *state, sb_tree *tree, sb_path *path,
                                 uint32_t step, child_change change, sb_err *err);

static uint32_t level_of(const sb_tree *tree, uint32_t step)
{
    return tree->height - 1 - step;
}

/* The private copy of the inner page at a step, checked as a reader's would be. */
static sb_status mutate_step(sb_txn *txn, const sb_tree *tree, const sb_path *path, uint32_t step,
                             uint8_t **page, sb_err *err)
{
    SB_TRY(sb_page_mut(txn, path->steps[step].pgno, page, err));
    return sb_tree__check_step(*page, tree, path->steps[step].pgno, level_of(tree, step), err);
}

/* Does right begin where left ends? */
static bool fences_meet(const uint8_t *left, const uint8_t *right, uint32_t page_bytes)
{
    sb_fences a, b;
    sb_tree__fences(left, page_bytes, &a);
    sb_tree__fences(right, page_bytes, &b);
    return a.high.size > 0 && sb_bytes_equal(a.high, b.low);
}

/* ---- Growing ------------------------------------------------------------------------------------------- */

sb_status sb_tree__grow(sb_txn *txn, sb_tree_txn *state, sb_tree *tree, const sb_part *parts,
                        size_t count, sb_err *err)
{
    sb_buffer *refs = NULL, *children = NULL;
    sb_parts made[2] = {{0}, {0}};
    sb_status st = SB_OK;
    uint32_t height = tree->height;

    if ((st = sb_tree__buffer_acquire(state, count * sizeof(sb_ref), &refs, err)) != SB_OK)
        goto done;
    if ((st = sb_tree__buffer_acquire(state, count * 4, &children, err)) != SB_OK) goto done;
    for (unsigned i = 0; i < 2; i++)
        if ((st = sb_parts__open(state, &made[i], err)) != SB_OK) goto done;

    for (unsigned turn = 0; count > 1; turn ^= 1u) {
        if (height == SB_TREE_MAX_HEIGHT) {
            st = SB_FAIL(err, SB_LIMIT, "tree %u would be higher than %u levels",
                         (unsigned)tree->id, SB_TREE_MAX_HEIGHT);
            goto done;
        }
        sb_ref *ref = (sb_ref *)(void *)refs->data;
        for (size_t i = 0; i < count; i++, ref++) {
            sb_store_le32(children->data + 4 * i, parts[i].pgno);
            *ref = (sb_ref){.suffix = parts[i].low.data,
                            .suffix_bytes = i == 0 ? 0 : (uint32_t)parts[i].low.size,
                            .payload = children->data + 4 * i,
                            .payload_bytes = 4};
        }
        const sb_rewrite rewrite = {.kind = SB_PAGE_INNER,
                                    .level = (uint8_t)height,
                                    .tree = tree->id,
                                    .refs = (const sb_ref *)(const void *)refs->data,
                                    .count = count,
                                    .target = SIZE_MAX};
        if ((st = sb_slots__rewrite(txn, state, &rewrite, &made[turn], err)) != SB_OK) goto done;
        parts = sb_parts__array(&made[turn]);
        count = sb_parts__count(&made[turn]);
        height++;
    }
    tree->root = parts[0].pgno;
    tree->height = (uint8_t)height;

done:
    sb_parts__close(state, &made[1]);
    sb_parts__close(state, &made[0]);
    sb_tree__buffer_release(state, children);
    sb_tree__buffer_release(state, refs);
    return st;
}

/* ---- Putting separators in --------------------------------------------------------------------------------- */

/* In place when there is room (compacting if need be): *fits. The removed ones are out already. */
static sb_status insert_children(sb_tree_txn *state, uint8_t *page, uint32_t slot,
                                 const sb_part *added, size_t count, bool *fits, sb_err *err)
{
    size_t need = 0;
    const uint32_t prefix = sb_slots__prefix(page);
    for (size_t i = 0; i < count; i++)
        need += SB_SLOT_BYTES + SB_INNER_CELL_HEAD + added[i].low.size - prefix;
    *fits = need <= (size_t)sb_slots__gap(page) + sb_slots__dead(page);
    if (!*fits || count == 0) return SB_OK;
    if (need > sb_slots__gap(page)) {
        sb_buffer *scratch;
        SB_TRY(sb_tree__buffer_acquire(state, state->page_bytes, &scratch, err));
        sb_slots__compact(page, state->page_bytes, scratch->data);
        sb_tree__buffer_release(state, scratch);
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t child[4];
        sb_store_le32(child, added[i].pgno);
        const sb_bytes suffix = sb_slots__cut(page, added[i].low);
        const uint32_t cell = sb_slots__heap(page) - SB_INNER_CELL_HEAD - (uint32_t)suffix.size;
        sb_slots__write_cell(page, cell, suffix, sb_bytes_of(child, 4));
        sb_store_le32(page + SB_SLOTS_HEAP, cell);
        sb_slots__insert_slot(page, slot + 1 + (uint32_t)i, cell, suffix);
    }
    return SB_OK;
}

/* Do the added children belong between the child at slot and the one behind it? Their low fences come from the pages below, and only
 * keys within this page's fences have its prefix. */
static sb_status check_added(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno, uint32_t slot,
                             const sb_part *added, size_t count, sb_err *err)
{
    if (count == 0) return SB_OK;
    const sb_bytes first = added[0].low, last = added[count - 1].low;
    SB_TRY(sb_slots__check_key(page, page_bytes, pgno, first, err));
    SB_TRY(sb_slots__check_key(page, page_bytes, pgno, last, err));
    const int order =
        slot == 0 ? sb_bytes_compare(sb_slots__low(page, page_bytes), first)
                  : sb_bytes_compare(sb_slots__suffix(page, slot), sb_slots__cut(page, first));
    SB_CHECK_PAGE(err, pgno, order < 0);
    SB_CHECK_PAGE(
        err, pgno,
        slot + 1 == sb_slots__count(page) ||
            sb_bytes_compare(sb_slots__cut(page, last), sb_slots__suffix(page, slot + 1)) < 0);
    return SB_OK;
}

/* The inner page can not take the children: write it anew as several pages. */
static sb_status split_inner(sb_txn *txn, sb_tree_txn *state, const sb_tree *tree, sb_pgno pgno,
                             uint8_t *page, uint32_t slot, const sb_part *added, size_t count,
                             sb_parts *parts, sb_err *err)
{
    sb_buffer *copy = NULL, *refs = NULL, *children = NULL;
    const uint32_t page_bytes = state->page_bytes, old_count = sb_slots__count(page);
    const uint32_t prefix = sb_slots__prefix(page);
    sb_status st;

    if ((st = sb_tree__buffer_acquire(state, page_bytes, &copy, err)) != SB_OK) goto done;
    if ((st = sb_tree__buffer_acquire(state, (old_count + count) * sizeof(sb_ref), &refs, err)) !=
        SB_OK)
        goto done;
    if ((st = sb_tree__buffer_acquire(state, count * 4, &children, err)) != SB_OK) goto done;
    memcpy(copy->data, page, page_bytes);
    if ((st = sb_slots__refs(copy->data, 0, refs, err)) != SB_OK) goto done;

    sb_ref *array = (sb_ref *)(void *)refs->data;
    memmove(array + slot + 1 + count, array + slot + 1, (old_count - slot - 1) * sizeof(sb_ref));
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        sb_store_le32(children->data + 4 * i, added[i].pgno);
        const sb_bytes suffix = sb_slots__cut(page, added[i].low);
        array[slot + 1 + i] = (sb_ref){.suffix = suffix.data,
                                       .suffix_bytes = (uint32_t)suffix.size,
                                       .payload = children->data + 4 * i,
                                       .payload_bytes = 4};
    }
    for (size_t i = 0; i < old_count + count; i++)
        total += SB_SLOT_BYTES + SB_INNER_CELL_HEAD + array[i].suffix_bytes;

    const sb_bytes low = sb_slots__low(copy->data, page_bytes),
                   high = sb_slots__high(copy->data, page_bytes);
    /* Appends at the right edge leave full pages behind, anything else halves (or as many as it takes). */
    const bool append = high.size == 0 && slot + 1 == old_count;
    const size_t pages = 1 + total / (page_bytes - SB_SLOTS_BEGIN);
    const sb_rewrite rewrite = {.kind = SB_PAGE_INNER,
                                .level = page[SB_PAGE_LEVEL],
                                .tree = tree->id,
                                .low = low,
                                .high = high,
                                .base = sb_bytes_of(low.data, prefix),
                                .refs = array,
                                .count = old_count + count,
                                .target = append ? SIZE_MAX : total / (pages < 2 ? 2 : pages) + 1,
                                .pages = &pgno,
                                .page_count = 1};
    st = sb_slots__rewrite(txn, state, &rewrite, parts, err);
    state->counters.splits += st == SB_OK ? sb_parts__count(parts) - 1 : 0;
    /* The low fence of parts[0] is the page's own and is not asked for; it lies in copy, which goes. */
    if (st == SB_OK) sb_parts__array(parts)[0].low = sb_bytes_of(NULL, 0);

done:
    sb_tree__buffer_release(state, children);
    sb_tree__buffer_release(state, refs);
    sb_tree__buffer_release(state, copy);
    return st;
}

/* ---- Rebalancing ----------------------------------------------------------------------------------------------- */

/* Refs to the children of page as keys without the first base bytes. The first child's key is first (empty for a page
 * at the beginning of what is written). Keys are put together in keys, which has room. */
static void refs_with_keys(const uint8_t *page, uint32_t page_bytes, size_t base, sb_bytes first,
                           sb_ref *refs, sb_buffer *keys)
{
    const uint32_t prefix = sb_slots__prefix(page);
    const uint8_t *prefix_bytes = sb_slots__low(page, page_bytes).data;
    for (uint32_t i = 0; i < sb_slots__count(page); i++) {
        const sb_bytes lead =
            i == 0 ? sb_bytes_of(NULL, 0) : sb_bytes_of(prefix_bytes + base, prefix - base);
        const sb_bytes suffix = i == 0 ? first : sb_slots__suffix(page, i);
        refs[i] = (sb_ref){.suffix = keys->data + keys->size,
                           .suffix_bytes = (uint32_t)(lead.size + suffix.size),
                           .payload = page + sb_slots__cell_at(page, i),
                           .payload_bytes = SB_INNER_CELL_HEAD};
        if (lead.size > 0) memcpy(keys->data + keys->size, lead.data, lead.size);
        keys->size += lead.size;
        if (suffix.size > 0) memcpy(keys->data + keys->size, suffix.data, suffix.size);
        keys->size += suffix.size;
    }
}

/* Bytes of keys that refs_with_keys may need. */
static size_t key_bytes(const uint8_t *page, size_t base)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < sb_slots__count(page); i++)
        bytes += sb_slots__length_at(page, i) + sb_slots__prefix(page) - base;
    return bytes;
}

/* Write the children of two neighboring inner pages anew: as one page when they fit, else as two halves. */
static sb_status join_inner(sb_txn *txn, sb_tree_txn *state, const sb_tree *tree,
                            const sb_pgno pgnos[2], bool one, sb_parts *parts, sb_err *err)
{
    sb_buffer *copies = NULL, *refs = NULL, *keys = NULL;
    const uint32_t page_bytes = state->page_bytes;
    sb_page pages[2] = {{0}, {0}};
    sb_status st = SB_OK;

    if ((st = sb_tree__buffer_acquire(state, 2 * (size_t)page_bytes, &copies, err)) != SB_OK)
        goto done;
    uint8_t *copy[2] = {copies->data, copies->data + page_bytes};
    for (unsigned i = 0; i < 2; i++) {
        if ((st = sb_page_acquire(txn, pgnos[i], &pages[i], err)) != SB_OK) goto done;
        memcpy(copy[i], pages[i].bytes, page_bytes);
        sb_page_release(txn, &pages[i]);
    }
    const sb_bytes low = sb_slots__low(copy[0], page_bytes),
                   high = sb_slots__high(copy[1], page_bytes);
    const sb_bytes middle = sb_slots__low(copy[1], page_bytes);
    const size_t base = sb_slots__shared(low, high);
    const size_t left_count = sb_slots__count(copy[0]),
                 count = left_count + sb_slots__count(copy[1]);
    const size_t room = key_bytes(copy[0], base) + key_bytes(copy[1], base) + middle.size;
    if (!fences_meet(copy[0], copy[1], page_bytes)) {
        st = sb_tree__fail_border(pgnos[1], err);
        goto done;
    }
    if ((st = sb_tree__buffer_acquire(state, count * sizeof(sb_ref), &refs, err)) != SB_OK)
        goto done;
    if ((st = sb_tree__buffer_acquire(state, room, &keys, err)) != SB_OK) goto done;
    sb_ref *array = (sb_ref *)(void *)refs->data;
    refs_with_keys(copy[0], page_bytes, base, sb_bytes_of(NULL, 0), array, keys);
    refs_with_keys(copy[1], page_bytes, base, sb_bytes_of(middle.data + base, middle.size - base),
                   array + left_count, keys);

    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += SB_SLOT_BYTES + SB_INNER_CELL_HEAD + array[i].suffix_bytes;
    const sb_rewrite rewrite = {.kind = SB_PAGE_INNER,
                                .level = copy[0][SB_PAGE_LEVEL],
                                .tree = tree->id,
                                .low = low,
                                .high = high,
                                .base = sb_bytes_of(low.data, base),
                                .refs = array,
                                .count = count,
                                .target = one ? SIZE_MAX : total / 2,
                                .pages = pgnos,
                                .page_count = 2};
    st = sb_slots__rewrite(txn, state, &rewrite, parts, err);
    if (st == SB_OK) sb_parts__array(parts)[0].low = sb_bytes_of(NULL, 0);

done:
    sb_tree__buffer_release(state, keys);
    sb_tree__buffer_release(state, refs);
    sb_tree__buffer_release(state, copies);
    return st;
}

/* The inner page at a step lost children. The root with one child gives way to it; another page with one child must,
 * and one under a quarter full should, join a neighbor. */
static sb_status shrink_inner(sb_txn *txn, sb_tree_txn *state, sb_tree *tree, sb_path *path,
                              uint32_t step, sb_err *err)
{
    const uint32_t page_bytes = state->page_bytes, level = level_of(tree, step);
    const sb_pgno pgno = path->steps[step].pgno;
    sb_page page, neighbor = {0};
    SB_TRY(sb_page_acquire(txn, pgno, &page, err));
    const uint32_t count = sb_slots__count(page.bytes),
                   used = sb_slots__used(page.bytes, page_bytes);
    const sb_pgno first = sb_slots__child(page.bytes, 0);
    sb_page_release(txn, &page);

    if (step == 0) {
        if (count > 1) return SB_OK;
        tree->root = first;
        tree->height--;
        return sb_page_free(txn, pgno, err);
    }
    if (count > 1 && used > page_bytes / 4) return SB_OK;

    SB_TRY(sb_tree__acquire(txn, tree, path->steps[step - 1].pgno, level + 1, &page, err));
    const uint32_t slot = path->steps[step - 1].slot;
    const bool left = slot > 0; /* else the right neighbor; by B1 there is one */
    const sb_pgno other = sb_slots__child(page.bytes, left ? slot - 1 : slot + 1);
    sb_page_release(txn, &page);
    SB_TRY(sb_tree__acquire(txn, tree, other, level, &neighbor, err));
    const uint32_t both = used + sb_slots__used(neighbor.bytes, page_bytes);
    sb_page_release(txn, &neighbor);
    const bool one = both <= page_bytes * 3 / 4 + SB_SLOTS_BEGIN;
    if (!one && count > 1) return SB_OK;

    sb_parts parts = {0};
    SB_TRY(sb_parts__open(state, &parts, err));
    const sb_pgno pgnos[2] = {left ? other : pgno, left ? pgno : other};
    sb_status st = join_inner(txn, state, tree, pgnos, one, &parts, err);
    if (st == SB_OK) {
        const size_t made = sb_parts__count(&parts);
        if (left) path->steps[step - 1].slot--;
        if (made == 1) st = sb_page_free(txn, pgnos[1], err);
        state->counters.merges++;
        const child_change change = {
            .removed = 1, .added = sb_parts__array(&parts) + 1, .added_count = made - 1};
        if (st == SB_OK) st = change_children(txn, state, tree, path, step - 1, change, err);
    }
    sb_parts__close(state, &parts);
    return st;
}

/* ---- Both ------------------------------------------------------------------------------------------------------------ */

static sb_status change_children(sb_txn *txn, sb_tree_txn *state, sb_tree *tree, sb_path *path,
                                 uint32_t step, child_change change, sb_err *err)
{
    uint8_t *page;
    bool fits;
    const uint32_t slot = path->steps[step].slot;
    SB_TRY(mutate_step(txn, tree, path, step, &page, err));
    if (slot >= sb_slots__count(page) || change.removed > sb_slots__count(page) - slot - 1)
        return SB_FAIL_PAGE(err, path->steps[step].pgno, "page %u: child %u is not there",
                            (unsigned)path->steps[step].pgno, (unsigned)slot);
    for (uint32_t i = 0; i < change.removed; i++)
        sb_slots__remove(page, slot + 1);
    SB_TRY(check_added(page, state->page_bytes, path->steps[step].pgno, slot, change.added,
                       change.added_count, err));
    SB_TRY(insert_children(state, page, slot, change.added, change.added_count, &fits, err));
    if (fits)
        return change.removed > change.added_count ? shrink_inner(txn, state, tree, path, step, err)
                                                   : SB_OK;

    sb_parts parts = {0};
    SB_TRY(sb_parts__open(state, &parts, err));
    sb_status st = split_inner(txn, state, tree, path->steps[step].pgno, page, slot, change.added,
                               change.added_count, &parts, err);
    if (st == SB_OK && sb_parts__count(&parts) > 1) {
        const child_change above = {.added = sb_parts__array(&parts) + 1,
                                    .added_count = sb_parts__count(&parts) - 1};
        if (step > 0)
            st = change_children(txn, state, tree, path, step - 1, above, err);
        else
            st = sb_tree__grow(txn, state, tree, sb_parts__array(&parts), sb_parts__count(&parts),
                               err);
    }
    sb_parts__close(state, &parts);
    return st;
}

sb_status sb_tree__split(sb_txn *txn, sb_tree *tree, sb_path *path, const sb_part *parts,
                         size_t count, sb_err *err)
{
    sb_tree_txn *state;
    SB_ASSERT(count > 0 && parts[0].pgno == path->leaf && path->height == tree->height);
    SB_TRY(sb_tree__txn(txn, &state, err));
    sb_tree__changed(state);
    if (count == 1) return SB_OK;
    state->counters.splits += count - 1;
    SB_PROFILE_ADD(state->profile, LEAF_SPLITS, count - 1);
    tree->leaf_count += count - 1;
    if (tree->height == 1) return sb_tree__grow(txn, state, tree, parts, count, err);
    const child_change change = {.added = parts + 1, .added_count = count - 1};
    return change_children(txn, state, tree, path, tree->height - 2u, change, err);
}

/* ---- Leaves that go ------------------------------------------------------------------------------------------------ */

static sb_status free_leaf(sb_txn *txn, sb_tree_txn *state, sb_tree *tree, sb_pgno pgno,
                           sb_err *err)
{
    if (state->snapshot.pgno == pgno) sb_snapshot__drop(state);
    tree->leaf_count--;
    SB_TRY(sb_tree__leaf_freed(txn, tree, err));
    return sb_page_free(txn, pgno, err);
}

/* Page numbers of the path's leaf and its neighbors under the same parent; SB_PGNO_NONE where there is none. */
typedef struct siblings {
    sb_pgno left, right;
} siblings;

static sb_status find_siblings(sb_txn *txn, const sb_tree *tree, const sb_path *path, siblings *out,
                               sb_err *err)
{
    const uint32_t step = tree->height - 2u, slot = path->steps[step].slot;
    sb_page page;
    *out = (siblings){SB_PGNO_NONE, SB_PGNO_NONE};
    SB_TRY(sb_tree__acquire(txn, tree, path->steps[step].pgno, 1, &page, err));
    if (slot > 0 && slot - 1 < sb_slots__count(page.bytes))
        out->left = sb_slots__child(page.bytes, slot - 1);
    if (slot + 1 < sb_slots__count(page.bytes)) out->right = sb_slots__child(page.bytes, slot + 1);
    sb_page_release(txn, &page);
    return SB_OK;
}

/* Let a neighbor's range include [low, high) of the leaf that goes: *fits false when it has no room for the fence. */
static sb_status extend_neighbor(sb_txn *txn, sb_tree_txn *state, const sb_tree *tree,
                                 sb_pgno neighbor, bool is_left, const sb_fences *gone, bool *fits,
                                 sb_err *err)
{
    const sb_leaf_ops *ops = sb_tree__leaf_ops(tree->kind);
    uint8_t *page;
    sb_fences own;
    *fits = false;
    SB_TRY(sb_page_mut(txn, neighbor, &page, err));
    SB_TRY(sb_tree__check_step(page, tree, neighbor, 0, err));
    ops->fences(page, state->page_bytes, &own);
    const sb_bytes end = is_left ? own.high : gone->high, begin = is_left ? gone->low : own.low;
    if (end.size == 0 || !sb_bytes_equal(end, begin)) return sb_tree__fail_border(neighbor, err);
    if (state->snapshot.pgno == neighbor) sb_snapshot__drop(state);
    return ops->set_fences(txn, page, is_left ? own.low : gone->low,
                           is_left ? gone->high : own.high, fits, err);
}

sb_status sb_tree__remove_leaf(sb_txn *txn, sb_tree *tree, sb_path *path, sb_err *err)
{
    sb_tree_txn *state;
    siblings near;
    SB_TRY(sb_tree__txn(txn, &state, err));
    sb_tree__changed(state);
    if (tree->height == 1) {
        SB_TRY(free_leaf(txn, state, tree, path->leaf, err));
        tree->root = SB_PGNO_NONE;
        tree->height = 0;
        return SB_OK;
    }
    SB_TRY(find_siblings(txn, tree, path, &near, err));

    sb_page leaf;
    sb_fences gone;
    bool fits = false, left = false;
    SB_TRY(sb_tree__acquire(txn, tree, path->leaf, 0, &leaf, err));
    sb_tree__fences(leaf.bytes, state->page_bytes, &gone);
    sb_status st = SB_OK;
    if (near.left != SB_PGNO_NONE) {
        st = extend_neighbor(txn, state, tree, near.left, true, &gone, &fits, err);
        left = fits;
    }
    if (st == SB_OK && !fits && near.right != SB_PGNO_NONE)
        st = extend_neighbor(txn, state, tree, near.right, false, &gone, &fits, err);
    sb_page_release(txn, &leaf);
    if (st != SB_OK || !fits) return st;

    const uint32_t step = tree->height - 2u;
    if (left) {
        path->steps[step].slot--;
    } else {
        /* The right neighbor begins where the leaf did: it takes its slot, and its own one goes. */
        uint8_t *parent;
        SB_TRY(mutate_step(txn, tree, path, step, &parent, err));
        sb_store_le32(parent + sb_slots__cell_at(parent, path->steps[step].slot), near.right);
    }
    SB_TRY(free_leaf(txn, state, tree, path->leaf, err));
    state->counters.merges++;
    SB_PROFILE_ADD(state->profile, LEAF_MERGES, 1);
    return change_children(txn, state, tree, path, step, (child_change){.removed = 1}, err);
}

/* Merge right into left when they fit: *done. */
static sb_status try_merge(sb_txn *txn, sb_tree_txn *state, sb_tree *tree, sb_pgno left,
                           sb_pgno right, bool *done, sb_err *err)
{
    const sb_leaf_ops *ops = sb_tree__leaf_ops(tree->kind);
    const uint32_t page_bytes = state->page_bytes;
    sb_page pages[2] = {{0}, {0}};
    sb_status st;
    *done = false;

    if ((st = sb_tree__acquire(txn, tree, left, 0, &pages[0], err)) != SB_OK) goto done;
    if ((st = sb_tree__acquire(txn, tree, right, 0, &pages[1], err)) != SB_OK) goto done;
    if (!fences_meet(pages[0].bytes, pages[1].bytes, page_bytes)) {
        st = sb_tree__fail_border(right, err);
        goto done;
    }
    const uint32_t both =
        ops->used_bytes(pages[0].bytes, page_bytes) + ops->used_bytes(pages[1].bytes, page_bytes);
    if (both > page_bytes * 3 / 4) goto done;
    uint8_t *target;
    if ((st = sb_page_mut(txn, left, &target, err)) != SB_OK) goto done;
    if (state->snapshot.pgno == left) sb_snapshot__drop(state);
    st = ops->merge(txn, target, pages[1].bytes, done, err);

done:
    sb_page_release(txn, &pages[1]);
    sb_page_release(txn, &pages[0]);
    return st;
}

sb_status sb_tree__merge(sb_txn *txn, sb_tree *tree, sb_path *path, sb_err *err)
{
    sb_tree_txn *state;
    siblings near;
    bool done = false;
    if (tree->height < 2) return SB_OK;
    SB_TRY(sb_tree__txn(txn, &state, err));
    sb_tree__changed(state);
    SB_TRY(find_siblings(txn, tree, path, &near, err));

    const uint32_t step = tree->height - 2u;
    sb_pgno gone = path->leaf;
    if (near.left != SB_PGNO_NONE) {
        SB_TRY(try_merge(txn, state, tree, near.left, path->leaf, &done, err));
        if (done) path->steps[step].slot--;
    }
    if (!done && near.right != SB_PGNO_NONE) {
        SB_TRY(try_merge(txn, state, tree, path->leaf, near.right, &done, err));
        gone = near.right;
    }
    if (!done) return SB_OK;
    SB_TRY(free_leaf(txn, state, tree, gone, err));
    state->counters.merges++;
    SB_PROFILE_ADD(state->profile, LEAF_MERGES, 1);
    return change_children(txn, state, tree, path, step, (child_change){.removed = 1}, err);
}
