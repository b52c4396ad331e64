/* list_page.c — the bytes of one list leaf: structure check, look-up, change in place, and the table by
 * which the core handles list leaves. Entries and their order: list_priv.h, L1 to L5.
 *
 * The structure check proves all that later reads rely on: arrays lie in the page behind each other, end
 * offsets ascend from 0 to the number of entries, id differences ascend, fences are in order and enclose the
 * directory's nodes. Order inside a list is not needed for safety (a search in an unordered list ends all
 * the same); verify looks at it. */
#include "tree/list_priv.h"

#include <stdio.h>

/* ---- Header ----------------------------------------------------------------------------------------- */

void sb_list__range(const uint8_t *page, sb_list_range *range)
{
    const unsigned flags = sb_load_le16(page + SB_PAGE_FLAGS);

    range->has_low = (flags & SB_LIST_HAS_LOW) != 0;
    range->has_high = (flags & SB_LIST_HAS_HIGH) != 0;
    range->low = (sb_triple){.node = sb_load_le64(page + SB_LIST_LOW_NODE),
                             .neighbor = sb_load_le64(page + SB_LIST_LOW_NEIGHBOR),
                             .rel = sb_load_le64(page + SB_LIST_LOW_NEIGHBOR + 8)};
    range->high = (sb_triple){.node = sb_load_le64(page + SB_LIST_HIGH_NODE),
                              .neighbor = sb_load_le64(page + SB_LIST_HIGH_NEIGHBOR),
                              .rel = sb_load_le64(page + SB_LIST_HIGH_NEIGHBOR + 8)};
}

static void set_flags(uint8_t *page, unsigned mask, unsigned flags)
{
    const unsigned others = sb_load_le16(page + SB_PAGE_FLAGS) & ~mask;
    sb_store_le16(page + SB_PAGE_FLAGS, (uint16_t)(others | flags));
}

void sb_list__set_range(uint8_t *page, const sb_list_range *range)
{
    const sb_triple none = {0, 0, 0};
    const sb_triple low = range->has_low ? range->low : none,
                    high = range->has_high ? range->high : none;

    set_flags(page, SB_LIST_HAS_LOW | SB_LIST_HAS_HIGH,
              (range->has_low ? SB_LIST_HAS_LOW : 0u) | (range->has_high ? SB_LIST_HAS_HIGH : 0u));
    sb_store_le64(page + SB_LIST_LOW_NODE, low.node);
    sb_store_le64(page + SB_LIST_LOW_NEIGHBOR, low.neighbor);
    sb_store_le64(page + SB_LIST_LOW_NEIGHBOR + 8, low.rel);
    sb_store_le64(page + SB_LIST_HIGH_NODE, high.node);
    sb_store_le64(page + SB_LIST_HIGH_NEIGHBOR, high.neighbor);
    sb_store_le64(page + SB_LIST_HIGH_NEIGHBOR + 8, high.rel);
}

void sb_list__set_rest(uint8_t *page, uint64_t rest)
{
    sb_store_le64(page + SB_LIST_REST, rest);
    set_flags(page, SB_LIST_HAS_REST, rest != 0 ? SB_LIST_HAS_REST : 0u);
}

/* ---- Keys --------------------------------------------------------------------------------------------- */

void sb_list__key(const sb_triple *triple, uint8_t key[SB_LIST_KEY_BYTES])
{
    sb_store_be64(key, triple->node);
    sb_store_be64(key + 8, triple->neighbor);
    sb_store_be64(key + 16, triple->rel);
}

sb_triple sb_list__triple(sb_bytes key)
{
    uint8_t full[SB_LIST_KEY_BYTES] = {0};
    const size_t bytes = key.size < sizeof full ? key.size : sizeof full;

    if (bytes > 0) memcpy(full, key.data, bytes);
    return (sb_triple){.node = sb_load_be64(full),
                       .neighbor = sb_load_be64(full + 8),
                       .rel = sb_load_be64(full + 16)};
}

/* after, cut behind the first byte that differs from before (before < after); *bytes: how many stay. */
static uint64_t cut_word(uint64_t before, uint64_t after, size_t *bytes)
{
    const unsigned first = sb_clz64(before ^ after) / 8u;

    *bytes = first + 1u;
    return first == 7 ? after : after & ~(UINT64_MAX >> (8u * (first + 1u)));
}

size_t sb_list__separator(const sb_triple *before, const sb_triple *after, sb_triple *separator)
{
    size_t bytes;

    SB_ASSERT(sb_list__compare(before, after) < 0);
    *separator = (sb_triple){0, 0, 0};
    if (before->node != after->node) {
        separator->node = cut_word(before->node, after->node, &bytes);
        return bytes;
    }
    separator->node = after->node;
    if (before->neighbor != after->neighbor) {
        separator->neighbor = cut_word(before->neighbor, after->neighbor, &bytes);
        return 8 + bytes;
    }
    separator->neighbor = after->neighbor;
    separator->rel = cut_word(before->rel, after->rel, &bytes);
    return 16 + bytes;
}

/* ---- Look-up ------------------------------------------------------------------------------------------- */

/* First of count ascending numbers that is >= want. No branch depends on the data. */
SB_INLINE uint32_t lower_bound_diff(const uint8_t *diffs, uint32_t count, uint64_t want,
                                    unsigned width)
{
    uint32_t from = 0;

    while (count > 0) {
        const uint32_t half = count / 2;
        const bool below = sb_load_width(diffs + (size_t)(from + half) * width, width) < want;
        from = below ? from + half + 1 : from;
        count = below ? count - half - 1 : half;
    }
    return from;
}

/* Nodes that have lists mostly lie evenly among the others: how far a node lies between the first and the last of a leaf tells its slot, to within
 * half the root of their number for most. Of the slots around that place those below the node are counted, which takes no branch and one or
 * two cache lines, where halving reads five and waits for each. False: there are too few, or it is elsewhere. */
#define AROUND 64u

static bool interpolate(const uint8_t *diffs, uint32_t count, uint64_t want, uint32_t *slot)
{
    uint16_t around[AROUND], below = 0;

    if (count < 2 * AROUND) return false;
    const uint32_t last = sb_load_le16(diffs + 2 * (size_t)(count - 1));
    if (want >= last) return false;
    const uint32_t guess = (uint32_t)want * count / last; /* below 2^16 × 2^15 */
    uint32_t from = guess < AROUND / 2 ? 0 : guess - AROUND / 2;
    if (from > count - AROUND) from = count - AROUND;
    for (uint32_t i = 0; i < AROUND; i++)
        around[i] = sb_load_le16(diffs + 2 * (size_t)(from + i));
    if ((from != 0 && around[0] >= want) || around[AROUND - 1] < want) return false;
    for (uint32_t i = 0; i < AROUND; i++)
        below = (uint16_t)(below + (around[i] < (uint16_t)want));
    *slot = from + below;
    return true;
}

bool sb_list__find_sparse(const sb_list_view *view, uint64_t node, uint32_t *slot)
{
    const uint64_t diff = node - view->first_id;
    const uint8_t *diffs = view->page + view->diffs_off;

    if (node < view->first_id) {
        *slot = 0;
        return false;
    }
    switch (view->diff_width) {
    case 2:
        if (!interpolate(diffs, view->slot_count, diff, slot))
            *slot = lower_bound_diff(diffs, view->slot_count, diff, 2);
        break;
    case 4: *slot = lower_bound_diff(diffs, view->slot_count, diff, 4); break;
    default: *slot = lower_bound_diff(diffs, view->slot_count, diff, 8); break;
    }
    return *slot < view->slot_count && sb_list__slot_node(view, *slot) == node;
}

uint32_t sb_list__lower_bound(const sb_list_view *view, uint32_t from, uint32_t to,
                              uint64_t neighbor, uint64_t rel)
{
    while (from < to) {
        const uint32_t middle = from + (to - from) / 2;
        const uint64_t at = sb_list__neighbor_at(view, middle);

        if (at < neighbor || (at == neighbor && sb_list__rel_at(view, middle) < rel))
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* ---- Change in place ------------------------------------------------------------------------------------ */

/* Does value fit a frame? */
SB_INLINE bool fits_frame(uint64_t value, uint64_t base, unsigned width)
{
    return value >= base && sb_width_of(value - base) <= width;
}

/* Where new entries go. */
typedef struct place {
    uint32_t slot;  /* in the directory as it will be */
    uint32_t entry; /* position among the old entries */
} place;

/* Find the place of each triple, in a dense page; the slots needed in all. False: not possible in place. */
static bool place_dense(const sb_list_view *view, const sb_triple *triples, size_t m, place *places,
                        uint32_t *slot_count, bool *duplicate)
{
    const uint64_t last_diff = triples[m - 1].node - view->first_id;

    if (triples[0].node < view->first_id) return false;
    *slot_count = view->slot_count;
    if (last_diff >= view->slot_count) {
        if (last_diff >= (view->diffs_off - SB_LIST_HEADER) / 2u - 1u) return false;
        *slot_count = (uint32_t)last_diff + 1;
    }
    for (size_t k = 0; k < m; k++) {
        const uint32_t slot = (uint32_t)(triples[k].node - view->first_id);

        places[k] = (place){.slot = slot, .entry = view->entry_count};
        if (slot >= view->slot_count) continue;
        const uint32_t end = sb_list__end(view->page, slot + 1);
        const uint32_t at = sb_list__lower_bound(view, sb_list__end(view->page, slot), end,
                                                 triples[k].neighbor, triples[k].rel);
        places[k].entry = at;
        if (at < end && sb_list__neighbor_at(view, at) == triples[k].neighbor &&
            sb_list__rel_at(view, at) == triples[k].rel) {
            *duplicate = true;
            return false;
        }
    }
    return true;
}

/* The same in a sparse page; *slot_count counts the slots to be made. */
static bool place_sparse(const sb_list_view *view, const sb_triple *triples, size_t m,
                         place *places, uint32_t *slot_count, bool *duplicate)
{
    uint32_t fresh = 0;

    if (triples[0].node < view->first_id ||
        !fits_frame(triples[m - 1].node, view->first_id, view->diff_width)) {
        return false;
    }
    for (size_t k = 0; k < m; k++) {
        uint32_t slot;

        if (sb_list__find_slot(view, triples[k].node, &slot)) {
            const uint32_t end = sb_list__end(view->page, slot + 1);
            const uint32_t at = sb_list__lower_bound(view, sb_list__end(view->page, slot), end,
                                                     triples[k].neighbor, triples[k].rel);
            if (at < end && sb_list__neighbor_at(view, at) == triples[k].neighbor &&
                sb_list__rel_at(view, at) == triples[k].rel) {
                *duplicate = true;
                return false;
            }
            places[k] = (place){.slot = slot + fresh, .entry = at};
        } else if (k > 0 && triples[k - 1].node == triples[k].node) {
            places[k] = places[k - 1]; /* its slot is made for the one before */
        } else {
            places[k] = (place){.slot = slot + fresh, .entry = sb_list__end(view->page, slot)};
            fresh++;
        }
    }
    *slot_count = view->slot_count + fresh;
    return SB_LIST_HEADER + 2u * (*slot_count + 1u) <= view->diffs_off &&
           view->diffs_off + *slot_count * view->diff_width <= view->neighbors_off;
}

/* Make the slots of new nodes, with empty lists. */
static void grow_dense(uint8_t *page, const sb_list_view *view, uint32_t slot_count)
{
    for (uint32_t slot = view->slot_count; slot < slot_count; slot++) {
        sb_store_le16(page + SB_LIST_HEADER + 2 * ((size_t)slot + 1), (uint16_t)view->entry_count);
    }
}

static void grow_sparse(uint8_t *page, const sb_list_view *view, const sb_triple *triples, size_t m,
                        const place *places)
{
    uint8_t *const ends = page + SB_LIST_HEADER;
    uint8_t *const diffs = page + view->diffs_off;
    const unsigned width = view->diff_width;
    uint32_t count = view->slot_count;

    for (size_t k = 0; k < m; k++) {
        const uint32_t slot = places[k].slot;
        const uint64_t diff = triples[k].node - view->first_id;

        if (slot < count && sb_load_width(diffs + (size_t)slot * width, width) == diff) continue;
        memmove(diffs + (size_t)(slot + 1) * width, diffs + (size_t)slot * width,
                (size_t)(count - slot) * width);
        sb_store_width(diffs + (size_t)slot * width, width, diff);
        /* The new list is empty and ends where the one before does. */
        memmove(ends + 2 * ((size_t)slot + 1), ends + 2 * (size_t)slot,
                2 * ((size_t)count + 1 - slot));
        count++;
    }
}

/* Count the new entries into the end offsets: those of slot s move every end behind it. */
static void raise_ends(uint8_t *page, uint32_t slot_count, const place *places, size_t m)
{
    uint8_t *const ends = page + SB_LIST_HEADER;

    for (size_t k = 0; k < m; k++) {
        const uint32_t to = k + 1 < m ? places[k + 1].slot : slot_count;

        for (uint32_t slot = places[k].slot; slot < to; slot++) {
            uint8_t *end = ends + 2 * ((size_t)slot + 1);
            sb_store_le16(end, (uint16_t)(sb_load_le16(end) + (uint16_t)(k + 1)));
        }
    }
}

/* Open gaps of one entry in an array, from its end, so that nothing is moved twice. */
static void open_gaps(uint8_t *array, unsigned width, uint32_t entry_count, const place *places,
                      size_t m)
{
    uint32_t end = entry_count;

    if (width == 0) return;
    for (size_t k = m; k-- > 0;) {
        const uint32_t from = places[k].entry;
        memmove(array + (from + k + 1) * width, array + (size_t)from * width,
                (size_t)(end - from) * width);
        end = from;
    }
}

bool sb_list__insert_in_place(uint8_t *page, uint32_t page_bytes, const sb_triple *triples,
                              size_t m, bool *duplicate)
{
    place places[SB_LIST_IN_PLACE_MAX];
    uint32_t slot_count;
    sb_list_view view;

    SB_ASSERT(m > 0 && m <= SB_LIST_IN_PLACE_MAX);
    *duplicate = false;
    sb_list__view(page, &view);
    const uint32_t count = view.entry_count + (uint32_t)m;
    if (view.slot_count == 0 || count > SB_LIST_ENTRIES_MAX ||
        view.neighbors_off + count * view.neighbor_width > view.rels_off ||
        view.rels_off + count * view.rel_width > page_bytes) {
        return false;
    }
    for (size_t k = 0; k < m; k++) {
        if (!fits_frame(triples[k].neighbor, view.neighbor_base, view.neighbor_width) ||
            !fits_frame(triples[k].rel, view.rel_base, view.rel_width)) {
            return false;
        }
    }
    if (view.diff_width == 0 ? !place_dense(&view, triples, m, places, &slot_count, duplicate)
                             : !place_sparse(&view, triples, m, places, &slot_count, duplicate)) {
        return false;
    }

    if (view.diff_width == 0)
        grow_dense(page, &view, slot_count);
    else
        grow_sparse(page, &view, triples, m, places);
    raise_ends(page, slot_count, places, m);
    open_gaps(page + view.neighbors_off, view.neighbor_width, view.entry_count, places, m);
    open_gaps(page + view.rels_off, view.rel_width, view.entry_count, places, m);
    for (size_t k = 0; k < m; k++) {
        const size_t at = places[k].entry + k;
        sb_store_width(page + view.neighbors_off + at * view.neighbor_width, view.neighbor_width,
                       triples[k].neighbor - view.neighbor_base);
        sb_store_width(page + view.rels_off + at * view.rel_width, view.rel_width,
                       triples[k].rel - view.rel_base);
    }
    sb_store_le16(page + SB_LIST_ENTRY_COUNT, (uint16_t)count);
    sb_store_le16(page + SB_LIST_SLOT_COUNT, (uint16_t)slot_count);
    return true;
}

/* Move entries [from, to) of both arrays down by removed places. */
static void close_gap(uint8_t *page, const sb_list_view *view, uint32_t from, uint32_t to,
                      uint32_t removed)
{
    uint8_t *const neighbors = page + view->neighbors_off;
    uint8_t *const rels = page + view->rels_off;

    if (removed == 0 || from >= to) return;
    memmove(neighbors + (size_t)(from - removed) * view->neighbor_width,
            neighbors + (size_t)from * view->neighbor_width,
            (size_t)(to - from) * view->neighbor_width);
    memmove(rels + (size_t)(from - removed) * view->rel_width,
            rels + (size_t)from * view->rel_width, (size_t)(to - from) * view->rel_width);
}

static void lower_ends(uint8_t *page, uint32_t from, uint32_t to, uint32_t removed)
{
    for (uint32_t i = from; i < to; i++) {
        uint8_t *end = page + SB_LIST_HEADER + 2 * (size_t)i;
        sb_store_le16(end, (uint16_t)(sb_load_le16(end) - removed));
    }
}

size_t sb_list__delete_in_place(uint8_t *page, const sb_triple *triples, size_t count,
                                uint64_t first, size_t *of_first)
{
    uint32_t removed = 0;  /* entries taken out so far */
    uint32_t moved_to = 0; /* old position up to which entries are where they belong */
    uint32_t lowered = 1;  /* end offsets before this one are already new */
    sb_list_view view;

    if (of_first != NULL) *of_first = 0;
    sb_list__view(page, &view);
    for (size_t k = 0; k < count; k++) {
        uint32_t slot;

        if (!sb_list__find_slot(&view, triples[k].node, &slot)) continue;
        /* The start of this slot is new already if an entry of it went before: search behind that then. */
        uint32_t from = lowered > slot ? moved_to : sb_list__end(page, slot);
        const uint32_t end = sb_list__end(page, slot + 1);
        if (from < moved_to) from = moved_to;
        const uint32_t at =
            sb_list__lower_bound(&view, from, end, triples[k].neighbor, triples[k].rel);
        if (at >= end || sb_list__neighbor_at(&view, at) != triples[k].neighbor ||
            sb_list__rel_at(&view, at) != triples[k].rel) {
            continue;
        }
        if (lowered <= slot) {
            lower_ends(page, lowered, slot + 1, removed);
            lowered = slot + 1;
        }
        close_gap(page, &view, moved_to, at, removed);
        moved_to = at + 1;
        removed++;
        if (of_first != NULL && triples[k].node == first) (*of_first)++;
    }
    if (removed > 0) {
        close_gap(page, &view, moved_to, view.entry_count, removed);
        lower_ends(page, lowered, view.slot_count + 1, removed);
        sb_store_le16(page + SB_LIST_ENTRY_COUNT, (uint16_t)(view.entry_count - removed));
    }
    return removed;
}

/* ---- Structure check -------------------------------------------------------------------------------------- */

static bool is_width(unsigned width)
{
    return width <= 2 || width == 4 || width == 8;
}

static sb_status check_directory(const sb_list_view *view, const sb_list_range *range, sb_pgno pgno,
                                 sb_err *err)
{
    uint32_t last = 0;
    bool ascend = true;

    SB_CHECK_PAGE(err, pgno, sb_list__end(view->page, 0) == 0);
    for (uint32_t slot = 1; slot <= view->slot_count; slot++) {
        const uint32_t end = sb_list__end(view->page, slot);
        ascend &= end >= last;
        last = end;
    }
    SB_CHECK_PAGE(err, pgno, ascend && "end offsets ascend");
    SB_CHECK_PAGE(err, pgno, last == view->entry_count);
    if (view->slot_count == 0) return SB_OK;

    uint64_t last_diff = view->slot_count - 1;
    if (view->diff_width != 0) {
        last_diff = sb_load_width(view->page + view->diffs_off, view->diff_width);
        for (uint32_t slot = 1; slot < view->slot_count; slot++) {
            const uint64_t diff = sb_load_width(
                view->page + view->diffs_off + (size_t)slot * view->diff_width, view->diff_width);
            ascend &= diff > last_diff;
            last_diff = diff;
        }
        SB_CHECK_PAGE(err, pgno, ascend && "id differences ascend");
    }
    SB_CHECK_PAGE(err, pgno, last_diff <= UINT64_MAX - view->first_id);
    SB_CHECK_PAGE(err, pgno, view->first_id >= range->low.node);
    SB_CHECK_PAGE(err, pgno, !range->has_high || view->first_id + last_diff <= range->high.node);
    return SB_OK;
}

static sb_status check_list_page(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno,
                                 sb_err *err)
{
    const unsigned flags = sb_load_le16(page + SB_PAGE_FLAGS);
    const uint64_t rest = sb_load_le64(page + SB_LIST_REST);
    sb_list_range range;
    sb_list_view view;

    sb_list__view(page, &view);
    sb_list__range(page, &range);
    SB_CHECK_PAGE(err, pgno, page[SB_PAGE_KIND] == SB_PAGE_LIST);
    SB_CHECK_PAGE(err, pgno, page[SB_PAGE_LEVEL] == 0);
    SB_CHECK_PAGE(err, pgno,
                  (flags & ~(SB_LIST_HAS_LOW | SB_LIST_HAS_HIGH | SB_LIST_HAS_REST)) == 0);
    SB_CHECK_PAGE(err, pgno,
                  (page[SB_LIST_RESERVED_A] | page[SB_LIST_RESERVED_A + 1] |
                   page[SB_LIST_RESERVED_A + 2]) == 0);
    SB_CHECK_PAGE(err, pgno,
                  (sb_load_le64(page + SB_LIST_RESERVED_B) |
                   sb_load_le64(page + SB_LIST_RESERVED_B + 8)) == 0);
    SB_CHECK_PAGE(err, pgno,
                  range.has_low || (range.low.node | range.low.neighbor | range.low.rel) == 0);
    SB_CHECK_PAGE(err, pgno,
                  range.has_high || (range.high.node | range.high.neighbor | range.high.rel) == 0);
    SB_CHECK_PAGE(err, pgno, !range.has_high || sb_list__compare(&range.low, &range.high) < 0);
    SB_CHECK_PAGE(err, pgno, rest == 0 || sb_list__is_home(&range));
    SB_CHECK_PAGE(err, pgno, (rest != 0) == ((flags & SB_LIST_HAS_REST) != 0));
    SB_CHECK_PAGE(err, pgno, rest <= (uint64_t)INT64_MAX);
    SB_CHECK_PAGE(err, pgno, is_width(view.neighbor_width) && is_width(view.rel_width));
    SB_CHECK_PAGE(err, pgno, is_width(view.diff_width) && view.diff_width != 1);
    SB_CHECK_PAGE(err, pgno,
                  view.diffs_off <= page_bytes && view.neighbors_off <= page_bytes &&
                      view.rels_off <= page_bytes);
    SB_CHECK_PAGE(err, pgno, SB_LIST_HEADER + 2u * (view.slot_count + 1u) <= view.diffs_off);
    SB_CHECK_PAGE(err, pgno,
                  view.diffs_off + view.slot_count * view.diff_width <= view.neighbors_off);
    SB_CHECK_PAGE(err, pgno,
                  view.neighbors_off + view.entry_count * view.neighbor_width <= view.rels_off);
    SB_CHECK_PAGE(err, pgno, view.rels_off + view.entry_count * view.rel_width <= page_bytes);
    return check_directory(&view, &range, pgno, err);
}

/* ---- The table of the core -------------------------------------------------------------------------------- */

/* A fence as it stands in the parent: separators are cut behind their last byte that is not 0. */
static sb_bytes cut_key(const uint8_t key[SB_LIST_KEY_BYTES], bool is_there)
{
    size_t bytes = is_there ? SB_LIST_KEY_BYTES : 0;

    while (bytes > 1 && key[bytes - 1] == 0)
        bytes--;
    return sb_bytes_of(key, bytes);
}

static void get_fences(const uint8_t *page, uint32_t page_bytes, sb_fences *fences)
{
    sb_list_range range;

    (void)page_bytes;
    sb_list__range(page, &range);
    sb_list__key(&range.low, fences->buf);
    sb_list__key(&range.high, fences->buf + SB_LIST_KEY_BYTES);
    fences->low = cut_key(fences->buf, range.has_low);
    fences->high = cut_key(fences->buf + SB_LIST_KEY_BYTES, range.has_high);
}

static int side_of(const uint8_t *page, uint64_t id)
{
    sb_list__prefetch(page); /* the first look at a page that is likely read next */
    return sb_list__side(page, id);
}

int sb_list__border_side(const uint8_t *page, uint64_t id)
{
    const sb_triple begin = {.node = id, .neighbor = 0, .rel = 0};
    sb_list_range range;

    sb_list__range(page, &range); /* an absent low fence is (0, 0, 0) */
    if (sb_list__compare(&begin, &range.low) < 0) return -1;
    return !sb_list__below_high(&range, &begin);
}

static sb_status set_fences(sb_txn *txn, uint8_t *page, sb_bytes low, sb_bytes high, bool *fits,
                            sb_err *err)
{
    const sb_list_range range = {.low = sb_list__triple(low),
                                 .high = sb_list__triple(high),
                                 .has_low = low.size > 0,
                                 .has_high = high.size > 0};
    sb_list_range before;

    (void)txn;
    (void)err;
    *fits = true;
    sb_list__range(page, &before);
    /* Rest belongs to the node of the high fence; a leaf that takes over another cut list takes over one
     * with nothing behind it, for delete keeps an empty home while its list has more (list_delete.c). */
    if (!sb_list__is_home(&range) || !sb_list__is_home(&before) ||
        before.high.node != range.high.node) {
        sb_list__set_rest(page, 0);
    }
    sb_list__set_range(page, &range);
    return SB_OK;
}

static uint32_t count_entries(const uint8_t *page)
{
    return sb_load_le16(page + SB_LIST_ENTRY_COUNT);
}

static uint32_t used_bytes(const uint8_t *page, uint32_t page_bytes)
{
    sb_list_view view;

    (void)page_bytes;
    sb_list__view(page, &view);
    return SB_LIST_HEADER + 2u * (view.slot_count + 1u) + view.slot_count * view.diff_width +
           view.entry_count * ((uint32_t)view.neighbor_width + view.rel_width);
}

/* Rest of the page that left and right make together. */
static uint64_t merged_rest(const uint8_t *left, const uint8_t *right)
{
    sb_list_range a, b;

    sb_list__range(left, &a);
    sb_list__range(right, &b);
    if (!sb_list__continues(&b)) return 0;
    if (!sb_list__begins_inside(&b, b.high.node)) return sb_load_le64(right + SB_LIST_REST);
    /* Right lies inside one list: what left counted as rest, less what comes to it now. */
    const uint64_t rest = sb_load_le64(left + SB_LIST_REST);
    const uint64_t moved = count_entries(right);
    return rest > moved ? rest - moved : 0;
}

static sb_status merge_pages(sb_txn *txn, uint8_t *left, const uint8_t *right, bool *fits,
                             sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_list_view a, b;
    sb_list_range range, right_range;
    sb_list_stats stats;
    sb_tree_txn *state;
    sb_buffer *scratch;

    *fits = false;
    sb_list__view(left, &a);
    sb_list__view(right, &b);
    const uint32_t count = a.entry_count + b.entry_count;
    if (count > SB_LIST_ENTRIES_MAX) return SB_OK;
    SB_TRY(sb_tree__txn(txn, &state, err));
    SB_TRY(sb_tree__buffer_acquire(state, count * sizeof(sb_triple) + 1, &scratch, err));

    sb_triple *const triples = (sb_triple *)(void *)scratch->data;
    sb_list__decode(&a, triples);
    sb_list__decode(&b, triples + a.entry_count);
    sb_list__stats(triples, count, &stats);
    /* Lists that are out of order stay as they are: verify tells. */
    if (sb_list__ascending(triples, count) == count &&
        sb_list__encoded_bytes(&stats) <= page_bytes - page_bytes / 4) {
        const uint64_t rest = merged_rest(left, right);
        sb_list__range(left, &range);
        sb_list__range(right, &right_range);
        range.high = right_range.high;
        range.has_high = right_range.has_high;
        sb_list__encode(left, page_bytes, &range, sb_list__is_home(&range) ? rest : 0, triples,
                        &stats);
        *fits = true;
    }
    sb_tree__buffer_release(state, scratch);
    return SB_OK;
}

static sb_status no_overflow_refs(const uint8_t *page, uint32_t page_bytes,
                                  sb_status (*visit)(void *ctx, const uint8_t *ref, uint64_t owner),
                                  void *ctx)
{
    (void)page, (void)page_bytes, (void)visit, (void)ctx;
    return SB_OK;
}

static sb_status verify_page(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno,
                             sb_finding finding, void *ctx, uint64_t *findings, sb_err *err)
{
    sb_triple last = {0, 0, 0};
    sb_list_range range;
    sb_list_view view;
    char message[160];

    (void)page_bytes;
    (void)err;
    sb_list__view(page, &view);
    sb_list__range(page, &range);
    for (uint32_t slot = 0; slot < view.slot_count; slot++) {
        const uint32_t end = sb_list__end(page, slot + 1);

        for (uint32_t i = sb_list__end(page, slot); i < end; i++) {
            const sb_triple at = {.node = sb_list__slot_node(&view, slot),
                                  .neighbor = sb_list__neighbor_at(&view, i),
                                  .rel = sb_list__rel_at(&view, i)};
            const char *wrong = NULL;

            if (i > 0 && sb_list__compare(&last, &at) >= 0)
                wrong = "is out of order";
            else if (!sb_list__in_range(&range, &at))
                wrong = "lies outside the leaf's fences";
            last = at;
            if (wrong == NULL) continue;
            (void)snprintf(message, sizeof message, "list entry (%llu, %llu, %llu) %s",
                           (unsigned long long)at.node, (unsigned long long)at.neighbor,
                           (unsigned long long)at.rel, wrong);
            if (finding != NULL) finding(ctx, pgno, message);
            (*findings)++;
        }
    }
    return SB_OK;
}

const sb_leaf_ops sb_leaf_ops_list = {
    .page_kind = SB_PAGE_LIST,
    .fences = get_fences,
    .set_fences = set_fences,
    .side = side_of,
    .entries = count_entries,
    .used_bytes = used_bytes,
    .merge = merge_pages,
    .check = check_list_page,
    .overflow_refs = no_overflow_refs,
    .verify = verify_page,
};
