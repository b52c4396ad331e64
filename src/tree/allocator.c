/* allocator.c — where a new cell goes in a leaf's heap.
 * The gap between slots and heap comes first, then the holes that removed cells left, then compaction. Holes
 * are kept as a snapshot of the leaf that is being edited, in the transaction's state: consecutive edits of one
 * leaf do not work them out again, and a page whose holes are used changes in few places. The snapshot's arrays
 * lie in the state (128 cells, 32 free regions); pages with more take a heap block, which is counted.
 *
 *   A1 A snapshot counts only for its page number and while heap bound and dead bytes in the page are those it last saw.
 *      Whoever rewrites a page without this file changes dead to 0, and drops the snapshot besides.
 *   A2 The free regions' bytes sum up to dead; regions neither touch each other nor the gap. */
#include "tree/slots_priv.h"

static void init_extents(sb_extents *extents, sb_extent *items, uint32_t capacity)
{
    *extents = (sb_extents){.items = items, .capacity = capacity};
}

void sb_snapshot__init(sb_leaf_snapshot *snapshot)
{
    snapshot->pgno = SB_PGNO_NONE;
    init_extents(&snapshot->slots, snapshot->inline_slots, SB_INLINE_SLOTS);
    init_extents(&snapshot->regions, snapshot->inline_regions, SB_INLINE_REGIONS);
}

static void free_extents(const sb_allocator *alloc, sb_extents *extents, sb_extent *items,
                         uint32_t capacity)
{
    if (extents->heap != NULL) sb_free(alloc, extents->heap, extents->capacity * sizeof(sb_extent));
    init_extents(extents, items, capacity);
}

void sb_snapshot__drop(sb_tree_txn *state)
{
    sb_leaf_snapshot *snapshot = &state->snapshot;
    snapshot->pgno = SB_PGNO_NONE;
    free_extents(state->alloc, &snapshot->slots, snapshot->inline_slots, SB_INLINE_SLOTS);
    free_extents(state->alloc, &snapshot->regions, snapshot->inline_regions, SB_INLINE_REGIONS);
}

/* Room for count extents. False: no memory, the array is as it was. */
static bool reserve_extents(sb_tree_txn *state, sb_extents *extents, uint32_t count)
{
    const bool heap_only =
        sb_tree__seed_off(state, SB_SEED_INLINE_SNAPSHOT) && extents->heap == NULL;
    if (count <= extents->capacity && !heap_only) return true;
    const uint32_t capacity = (uint32_t)sb_pow2_ceil(count < 16 ? 16 : count);
    sb_extent *items = sb_alloc(state->alloc, capacity * sizeof(sb_extent));
    if (items == NULL) return false;
    if (extents->count > 0) memcpy(items, extents->items, extents->count * sizeof(sb_extent));
    if (extents->heap != NULL)
        sb_free(state->alloc, extents->heap, extents->capacity * sizeof(sb_extent));
    extents->items = extents->heap = items;
    extents->capacity = capacity;
    state->counters.snapshot_heap_allocations++;
    return true;
}

/* Shell's sort with Ciura's gaps: a few hundred extents, nearly sorted backwards as a rule. */
static void sort_extents(sb_extent *items, uint32_t count)
{
    static const uint32_t gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};
    for (size_t g = 0; g < sizeof gaps / sizeof gaps[0]; g++) {
        const uint32_t gap = gaps[g];
        for (uint32_t i = gap; i < count; i++) {
            const sb_extent item = items[i];
            uint32_t at = i;
            for (; at >= gap && items[at - gap].begin > item.begin; at -= gap)
                items[at] = items[at - gap];
            items[at] = item;
        }
    }
}

static bool is_current(const sb_leaf_snapshot *snapshot, sb_pgno pgno, const uint8_t *page)
{
    return snapshot->pgno == pgno && snapshot->heap == sb_slots__heap(page) &&
           snapshot->dead == sb_slots__dead(page);
}

static void note_page(sb_leaf_snapshot *snapshot, const uint8_t *page)
{
    snapshot->heap = sb_slots__heap(page);
    snapshot->dead = sb_slots__dead(page);
}

/* The snapshot of a page without holes. */
static void start_empty(sb_tree_txn *state, sb_pgno pgno, const uint8_t *page)
{
    sb_leaf_snapshot *snapshot = &state->snapshot;
    SB_ASSERT(sb_slots__dead(page) == 0);
    if (sb_tree__seed_off(state, SB_SEED_INLINE_SNAPSHOT)) sb_snapshot__drop(state);
    snapshot->pgno = pgno;
    snapshot->slots.count = 0;
    snapshot->regions.count = 0;
    note_page(snapshot, page);
}

static void remove_region(sb_extents *regions, uint32_t i)
{
    memmove(regions->items + i, regions->items + i + 1,
            (regions->count - i - 1) * sizeof(sb_extent));
    regions->count--;
}

/* The first region touches the gap: it becomes part of it (A2). */
static void join_gap(sb_leaf_snapshot *snapshot, uint8_t *page)
{
    const sb_extent region = snapshot->regions.items[0];
    sb_store_le32(page + SB_SLOTS_HEAP, region.begin + region.bytes);
    sb_store_le32(page + SB_SLOTS_DEAD, sb_slots__dead(page) - region.bytes);
    remove_region(&snapshot->regions, 0);
}

/* Work the holes of page out from its cells; one that touches the gap becomes part of it. SB_CORRUPT: cells overlap (then
 * the sums can not agree). */
static sb_status build_snapshot(sb_tree_txn *state, sb_pgno pgno, uint8_t *page, sb_err *err)
{
    sb_leaf_snapshot *snapshot = &state->snapshot;
    const uint32_t count = sb_slots__count(page);
    if (sb_tree__seed_off(state, SB_SEED_INLINE_SNAPSHOT)) sb_snapshot__drop(state);
    snapshot->pgno = SB_PGNO_NONE;
    snapshot->slots.count = 0;
    snapshot->regions.count = 0;
    if (!reserve_extents(state, &snapshot->slots, count)) return SB_FAIL_NOMEM(err);
    /* From the last slot: freshly written pages have their cells in that order. */
    for (uint32_t i = count; i-- > 0;)
        snapshot->slots.items[snapshot->slots.count++] =
            (sb_extent){sb_slots__cell_at(page, i), sb_slots__cell_bytes(page, i)};
    sort_extents(snapshot->slots.items, count);

    const uint32_t heap = sb_slots__heap(page);
    uint32_t at = heap, dead = 0;
    const uint32_t end = sb_slots__heap_end(page, state->page_bytes);
    for (uint32_t i = 0; i <= count; i++) {
        const uint32_t begin = i < count ? snapshot->slots.items[i].begin : end;
        SB_CHECK_PAGE(err, pgno, begin >= at);
        if (begin > at) {
            if (!reserve_extents(state, &snapshot->regions, snapshot->regions.count + 1))
                return SB_FAIL_NOMEM(err);
            snapshot->regions.items[snapshot->regions.count++] = (sb_extent){at, begin - at};
            dead += begin - at;
        }
        if (i < count) at = begin + snapshot->slots.items[i].bytes;
    }
    SB_CHECK_PAGE(err, pgno, dead == sb_slots__dead(page));
    if (snapshot->regions.count > 0 && snapshot->regions.items[0].begin == heap)
        join_gap(snapshot, page);
    snapshot->pgno = pgno;
    note_page(snapshot, page);
    return SB_OK;
}

/* The smallest region that holds bytes, cut from its end: 0 when none does. */
static uint32_t take_from_region(sb_leaf_snapshot *snapshot, uint8_t *page, uint32_t bytes)
{
    sb_extents *regions = &snapshot->regions;
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < regions->count; i++)
        if (regions->items[i].bytes >= bytes &&
            (best == UINT32_MAX || regions->items[i].bytes < regions->items[best].bytes))
            best = i;
    if (best == UINT32_MAX) return 0;
    sb_extent *region = &regions->items[best];
    region->bytes -= bytes;
    const uint32_t cell = region->begin + region->bytes;
    if (region->bytes == 0) remove_region(regions, best);
    sb_store_le32(page + SB_SLOTS_DEAD, sb_slots__dead(page) - bytes);
    note_page(snapshot, page);
    return cell;
}

static sb_status compact(sb_tree_txn *state, sb_pgno pgno, uint8_t *page, sb_err *err)
{
    sb_buffer *scratch;
    SB_TRY(sb_tree__buffer_acquire(state, state->page_bytes, &scratch, err));
    sb_slots__compact(page, state->page_bytes, scratch->data);
    sb_tree__buffer_release(state, scratch);
    start_empty(state, pgno, page);
    return SB_OK;
}

sb_status sb_snapshot__take(sb_tree_txn *state, sb_pgno pgno, uint8_t *page, uint32_t bytes,
                            uint32_t slot_bytes, uint32_t *cell, sb_err *err)
{
    sb_leaf_snapshot *snapshot = &state->snapshot;
    const uint32_t gap = sb_slots__gap(page), dead = sb_slots__dead(page);
    *cell = 0;
    if (gap < bytes + slot_bytes) {
        if (gap + dead < bytes + slot_bytes) return SB_OK;
        if (gap >= slot_bytes && dead >= bytes) {
            if (!is_current(snapshot, pgno, page)) SB_TRY(build_snapshot(state, pgno, page, err));
            *cell = take_from_region(snapshot, page, bytes);
            if (*cell != 0) return SB_OK;
        }
        if (sb_slots__gap(page) < bytes + slot_bytes) SB_TRY(compact(state, pgno, page, err));
    }
    const bool current = is_current(snapshot, pgno, page);
    *cell = sb_slots__heap(page) - bytes;
    sb_store_le32(page + SB_SLOTS_HEAP, *cell);
    if (current) note_page(snapshot, page);
    return SB_OK;
}

/* Put a region in its place, joined with those that it touches. False: no memory. */
static bool add_region(sb_tree_txn *state, uint32_t begin, uint32_t bytes)
{
    sb_extents *regions = &state->snapshot.regions;
    uint32_t i = 0;
    while (i < regions->count && regions->items[i].begin < begin)
        i++;
    const bool joins_left =
        i > 0 && regions->items[i - 1].begin + regions->items[i - 1].bytes == begin;
    const bool joins_right = i < regions->count && begin + bytes == regions->items[i].begin;
    if (joins_left) {
        regions->items[i - 1].bytes += bytes;
        if (joins_right) {
            regions->items[i - 1].bytes += regions->items[i].bytes;
            remove_region(regions, i);
        }
        return true;
    }
    if (joins_right) {
        regions->items[i].begin = begin;
        regions->items[i].bytes += bytes;
        return true;
    }
    if (!reserve_extents(state, regions, regions->count + 1)) return false;
    memmove(regions->items + i + 1, regions->items + i, (regions->count - i) * sizeof(sb_extent));
    regions->items[i] = (sb_extent){begin, bytes};
    regions->count++;
    return true;
}

void sb_snapshot__give(sb_tree_txn *state, sb_pgno pgno, uint8_t *page, uint32_t cell,
                       uint32_t bytes)
{
    sb_leaf_snapshot *snapshot = &state->snapshot;
    if (bytes == 0) return;
    if (!is_current(snapshot, pgno, page)) {
        if (sb_slots__dead(page) >
            0) { /* holes that nobody asked for yet: they are worked out when somebody does */
            if (snapshot->pgno == pgno) snapshot->pgno = SB_PGNO_NONE;
            sb_slots__discard(page, cell, bytes);
            return;
        }
        start_empty(state, pgno, page);
    }
    sb_slots__discard(page, cell, bytes);
    if (cell == snapshot->heap) {
        if (snapshot->regions.count > 0 && snapshot->regions.items[0].begin == cell + bytes)
            join_gap(snapshot, page);
    } else if (!add_region(state, cell, bytes)) {
        snapshot->pgno = SB_PGNO_NONE; /* benign: built again when it is needed */
        return;
    }
    note_page(snapshot, page);
}
