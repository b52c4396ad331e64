/* columnar_inplace.c — changes of a columnar leaf that move no block: rows put past the last one or into holes, cells
 * overwritten, rows made holes. Each function first proves that everything fits, then writes: a refused call leaves
 * the page as it was. */
#include "tree/columnar_priv.h"

/* Greatest difference from base that a width holds. */
static uint64_t width_limit(unsigned width)
{
    return width == 0 ? 0 : width == 8 ? UINT64_MAX : (1ull << (width * 8)) - 1;
}

static uint32_t heap_gap(const uint8_t *page)
{
    return sb_load_le32(page + SB_COL_HEAP_START) - sb_load_le32(page + SB_COL_ARRAYS_END);
}

/* Strings that share bytes (only a forged page has them) must not push the count past the heap. */
static void add_dead(uint8_t *page, uint32_t page_bytes, uint64_t bytes)
{
    const uint64_t heap = page_bytes - sb_load_le32(page + SB_COL_HEAP_START);
    const uint64_t dead = sb_load_le32(page + SB_COL_HEAP_DEAD) + bytes;
    sb_store_le32(page + SB_COL_HEAP_DEAD, (uint32_t)(dead < heap ? dead : heap));
}

/* ---- Inserting --------------------------------------------------------------------------------------- */

/* The slots a prefix of the rows can take: consecutive ones from *first on. */
static size_t free_run(const uint8_t *page, const uint64_t *ids, size_t limit, uint32_t *first)
{
    const uint32_t slots = sb_columnar__slots(page), capacity = sb_columnar__capacity(page),
                   width = page[SB_COL_ID_WIDTH];
    const uint64_t first_id = sb_columnar__first_id(page);
    const bool holes = (sb_columnar__flags(page) & SB_COL_HOLES) != 0;
    size_t count = 0;

    if (slots == 0 || ids[0] < first_id) return 0;
    if (width != 0) {
        const uint64_t most = width_limit(width);
        *first = slots;
        if (ids[0] <= sb_columnar__id_at(page, slots - 1)) return 0;
        if (limit > capacity - slots) limit = capacity - slots;
        while (count < limit && ids[count] - first_id <= most)
            count++;
        return count;
    }
    const uint64_t slot = ids[0] - first_id;
    if (slot >= capacity || (!holes && slot != slots)) return 0;
    *first = (uint32_t)slot;
    if (limit > capacity - slot) limit = (size_t)(capacity - slot);
    while (count < limit && ids[count] - ids[0] == count &&
           (slot + count >= slots || !sb_columnar__live(page, (uint32_t)(slot + count))))
        count++;
    return count;
}

/* Not below base, and not too far above: the difference alone would let a value through that wraps around, and the order
 * of codes would no longer be that of values. */
SB_INLINE bool int_fits(uint64_t word, uint64_t base, uint64_t most)
{
    return ((int64_t)word >= (int64_t)base) & (word - base <= most);
}

static bool value_fits(const uint8_t *page, const sb_colview *view, const sb_source_column *column,
                       size_t row)
{
    switch (view->class_) {
    case SB_CLASS_NULL: return true;
    case SB_CLASS_INT: return int_fits(column->words[row], view->base, width_limit(view->width));
    case SB_CLASS_DOUBLE: return view->width == 8 || column->words[row] == view->base;
    default: break;
    }
    const uint32_t code = sb_source__code(column, row);
    if (!view->constant) return code - view->base <= width_limit(view->width);
    bool overflow;
    return code != SB_CODE_OVERFLOW &&
           sb_bytes_equal(sb_columnar__string(page, view, 0, &overflow), column->bytes[row]);
}

/* How many of rows [from, from + limit) the column takes at slots from `slot` on. */
static size_t column_prefix(const uint8_t *page, const sb_colview *view,
                            const sb_source_column *column, size_t from, size_t limit,
                            uint32_t slot)
{
    const bool packed = view->presence >= SB_PRESENT_PACKED;
    uint32_t room = packed && slot >= sb_columnar__slots(page) ? view->places - view->count : 0;

    if (view->presence == SB_PRESENT_ALL && column->present == NULL &&
        view->class_ == SB_CLASS_INT) {
        const uint64_t most = width_limit(view->width);
        size_t i = 0;
        while (i < limit && int_fits(column->words[from + i], view->base, most))
            i++;
        return i;
    }
    for (size_t i = 0; i < limit; i++) {
        if (!sb_source__has(column, from + i)) {
            if (view->presence == SB_PRESENT_ALL) return i;
            continue;
        }
        if (packed && room-- == 0) return i;
        if (!value_fits(page, view, column, from + i)) return i;
    }
    return limit;
}

/* Bytes that the strings of rows [from, from + count) need in the heap. */
static uint64_t heap_need(const uint8_t *page, const sb_source *source, size_t from, size_t count)
{
    sb_colpairs pairs = {0};
    uint64_t need = 0;
    while (sb_columnar__next_pair(&pairs, page, source)) {
        if (pairs.page_index == SIZE_MAX || pairs.source_index == SIZE_MAX) continue;
        const sb_source_column *column = &source->columns[pairs.source_index];
        const uint8_t *entry = page + sb_columnar__entry_off((uint32_t)pairs.page_index);
        if ((column->type & SB_CLASS_MASK) != SB_CLASS_BYTES ||
            (entry[SB_COLENT_FORM] & SB_FORM_CONSTANT) != 0)
            continue;
        for (size_t row = from; row < from + count; row++)
            if (sb_source__has(column, row)) need += column->bytes[row].size;
    }
    return need;
}

static void write_cells(uint8_t *page, uint32_t *heap_start, sb_colview *view,
                        const sb_source_column *column, size_t from, size_t count, uint32_t slot)
{
    const uint32_t before = view->count;

    if (view->presence == SB_PRESENT_ALL && view->class_ != SB_CLASS_BYTES) {
        if (view->width != 0)
            sb_columnar__store_words(page + view->values + (size_t)slot * view->width, view->width,
                                     column->words + from, count,
                                     view->class_ == SB_CLASS_INT ? view->base : 0);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!sb_source__has(column, from + i)) continue;
        uint32_t place = slot + (uint32_t)i;
        if (view->presence == SB_PRESENT_LIST)
            sb_store_le16(page + view->map + (size_t)view->count * 2, (uint16_t)place);
        if (view->presence == SB_PRESENT_BITMAP || view->presence == SB_PRESENT_PACKED)
            sb_bit_set(page + view->map, place);
        if (view->presence >= SB_PRESENT_PACKED) place = view->count++;
        sb_columnar__put_value(page, heap_start, view, place, column, from + i);
    }
    if (view->count == before) return;
    sb_store_le16(page + view->off, (uint16_t)view->count);
    if (view->presence == SB_PRESENT_PACKED) sb_columnar__rerank(page, view, slot >> 6);
}

size_t sb_columnar__insert(uint8_t *page, uint32_t page_bytes, const sb_source *source, size_t from,
                           size_t limit)
{
    uint32_t slot = 0;
    size_t count = limit == 0 ? 0 : free_run(page, source->ids + from, limit, &slot);
    sb_colpairs pairs = {0};
    sb_colview view;

    /* 1. How many rows every column takes. */
    while (count != 0 && sb_columnar__next_pair(&pairs, page, source)) {
        if (pairs.page_index == SIZE_MAX) {
            const sb_source_column *column = &source->columns[pairs.source_index];
            count = column->present == NULL
                        ? 0
                        : sb_bits_next(column->present, from, from + count) - from;
            continue;
        }
        sb_columnar__open(page, (uint32_t)pairs.page_index, &view);
        if (pairs.source_index != SIZE_MAX)
            count =
                column_prefix(page, &view, &source->columns[pairs.source_index], from, count, slot);
        else if (view.presence == SB_PRESENT_ALL)
            count = 0;
    }
    while (count != 0 && heap_need(page, source, from, count) > heap_gap(page))
        count /= 2;
    if (count == 0) return 0;

    /* 2. Write. */
    uint32_t heap_start = sb_load_le32(page + SB_COL_HEAP_START);
    SB_ASSERT(heap_start <= page_bytes);
    (void)page_bytes;
    pairs = (sb_colpairs){0};
    while (sb_columnar__next_pair(&pairs, page, source)) {
        if (pairs.page_index == SIZE_MAX || pairs.source_index == SIZE_MAX) continue;
        sb_columnar__open(page, (uint32_t)pairs.page_index, &view);
        write_cells(page, &heap_start, &view, &source->columns[pairs.source_index], from, count,
                    slot);
    }
    const uint32_t slots = sb_columnar__slots(page), width = page[SB_COL_ID_WIDTH],
                   end = slot + (uint32_t)count;
    uint8_t *block = page + sb_columnar__ids_off(page);
    if (width != 0) {
        sb_columnar__store_words(block + (size_t)slot * width, width, source->ids + from, count,
                                 sb_columnar__first_id(page));
    } else if ((sb_columnar__flags(page) & SB_COL_HOLES) != 0) {
        for (uint32_t i = slot; i < end; i++)
            sb_bit_set(block, i);
    }
    sb_store_le32(page + SB_COL_HEAP_START, heap_start);
    sb_store_le32(page + SB_COL_SLOTS, end > slots ? end : slots);
    sb_store_le32(page + SB_COL_ROWS, sb_columnar__rows(page) + (uint32_t)count);
    return count;
}

/* ---- Setting cells ------------------------------------------------------------------------------------------ */

static bool is_removal(const sb_cell *cell)
{
    return cell->type == SB_CLASS_NULL;
}

/* A cell as a source of one row. */
static sb_source_column cell_column(const sb_cell *cell)
{
    return (sb_source_column){
        .key = cell->key, .type = cell->type, .words = &cell->word, .bytes = &cell->bytes};
}

/* Can this one cell be set? Adds what its string needs from the gap to *gap. */
static bool cell_fits(const uint8_t *page, const sb_cell *cell, uint32_t slot, uint64_t *gap)
{
    const uint32_t columns = sb_columnar__columns(page);
    bool target = is_removal(cell);

    for (uint32_t i = sb_columnar__column_bound(page, cell->key, 0); i < columns; i++) {
        sb_colview view;
        uint32_t place;
        sb_columnar__open(page, i, &view);
        if (view.key != cell->key) break;
        const bool present = sb_columnar__place(page, &view, slot, &place);
        bool overflow = false;
        sb_bytes old = {0};
        if (present && view.class_ == SB_CLASS_BYTES)
            old = sb_columnar__string(page, &view, place, &overflow);
        if (overflow) return false;
        if (is_removal(cell) || view.type != cell->type) {
            if (present && view.presence == SB_PRESENT_ALL) return false;
            continue;
        }
        if (!present && view.presence != SB_PRESENT_BITMAP && view.count == view.places)
            return false;
        const sb_source_column column = cell_column(cell);
        if (!value_fits(page, &view, &column, 0)) return false;
        if (view.class_ == SB_CLASS_BYTES && !view.constant &&
            cell->bytes.size > (present ? old.size : 0))
            *gap += cell->bytes.size;
        target = true;
    }
    return target;
}

/* Move the values of a PACKED or LIST block from place on by one place, up (grow) or down over it. */
static void move_places(uint8_t *page, const sb_colview *view, uint32_t place, bool grow)
{
    const struct {
        uint32_t off, width;
    } arrays[] = {{view->values, view->class_ != SB_CLASS_BYTES ? view->width
                                 : view->constant               ? 0
                                                                : 2u},
                  {view->lengths, view->class_ == SB_CLASS_BYTES ? view->width : 0u},
                  {view->map, view->presence == SB_PRESENT_LIST ? 2u : 0u}};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        const size_t width = arrays[i].width, count = view->count - place - (grow ? 0 : 1);
        uint8_t *from = page + arrays[i].off + (place + (grow ? 0 : 1)) * width;
        if (width != 0) memmove(grow ? from + width : from - width, from, count * width);
    }
}

/* The cell of a slot without one gets a place, which is returned; it is the caller's to fill. */
static uint32_t add_place(uint8_t *page, sb_colview *view, uint32_t slot)
{
    uint32_t place = slot;
    if (view->presence == SB_PRESENT_BITMAP) {
        sb_bit_set(page + view->map, slot);
        return slot;
    }
    if (view->presence == SB_PRESENT_PACKED) {
        sb_bit_set(page + view->map, slot);
        (void)sb_columnar__place(page, view, slot, &place);
        move_places(page, view, place, true);
        sb_columnar__rerank(page, view, slot >> 6);
    } else {
        place = sb_columnar__list_bound(page, view, slot);
        move_places(page, view, place, true);
        sb_store_le16(page + view->map + (size_t)place * 2, (uint16_t)slot);
    }
    sb_store_le16(page + view->off, (uint16_t)++view->count);
    return place;
}

static void drop_place(uint8_t *page, sb_colview *view, uint32_t slot, uint32_t place)
{
    if (view->presence != SB_PRESENT_LIST) sb_bit_clear(page + view->map, slot);
    if (view->presence == SB_PRESENT_BITMAP) return;
    move_places(page, view, place, false);
    if (view->presence == SB_PRESENT_PACKED) sb_columnar__rerank(page, view, slot >> 6);
    sb_store_le16(page + view->off, (uint16_t)--view->count);
}

static void set_cell(uint8_t *page, uint32_t page_bytes, const sb_cell *cell, uint32_t slot)
{
    const uint32_t columns = sb_columnar__columns(page);

    for (uint32_t i = sb_columnar__column_bound(page, cell->key, 0); i < columns; i++) {
        sb_colview view;
        uint32_t place;
        sb_columnar__open(page, i, &view);
        if (view.key != cell->key) break;
        const bool present = sb_columnar__place(page, &view, slot, &place);
        const bool strings = view.class_ == SB_CLASS_BYTES && !view.constant;
        bool overflow = false;
        sb_bytes old = {0};
        if (present && strings) old = sb_columnar__string(page, &view, place, &overflow);
        if (is_removal(cell) || view.type != cell->type) {
            if (!present) continue;
            drop_place(page, &view, slot, place);
            add_dead(page, page_bytes, old.size);
            continue;
        }
        if (!present) place = add_place(page, &view, slot);
        const sb_source_column column = cell_column(cell);
        if (strings && present && cell->bytes.size <= old.size) {
            uint8_t *at = page + (old.data - page);
            if (cell->bytes.size != 0) memmove(at, cell->bytes.data, cell->bytes.size);
            sb_store_width(page + view.lengths + (size_t)place * view.width, view.width,
                           cell->bytes.size - view.base);
            add_dead(page, page_bytes, old.size - cell->bytes.size);
        } else {
            uint32_t heap_start = sb_load_le32(page + SB_COL_HEAP_START);
            sb_columnar__put_value(page, &heap_start, &view, place, &column, 0);
            sb_store_le32(page + SB_COL_HEAP_START, heap_start);
            if (strings) add_dead(page, page_bytes, old.size);
        }
    }
}

bool sb_columnar__set_cells(uint8_t *page, uint32_t page_bytes, const sb_cell *cells, size_t count,
                            uint32_t slot)
{
    uint64_t gap = 0;
    for (size_t i = 0; i < count; i++)
        if (!cell_fits(page, &cells[i], slot, &gap)) return false;
    if (gap > heap_gap(page)) return false;
    for (size_t i = 0; i < count; i++)
        set_cell(page, page_bytes, &cells[i], slot);
    return true;
}

/* ---- Holes ---------------------------------------------------------------------------------------------------- */

bool sb_columnar__punch(uint8_t *page, uint32_t page_bytes, uint32_t slot)
{
    const uint32_t columns = sb_columnar__columns(page);
    sb_colview view;
    uint32_t place;

    if ((sb_columnar__flags(page) & SB_COL_HOLES) == 0) return false;
    for (uint32_t i = 0; i < columns; i++) {
        sb_columnar__open(page, i, &view);
        if (view.presence >= SB_PRESENT_PACKED && sb_columnar__place(page, &view, slot, &place))
            return false;
    }
    for (uint32_t i = 0; i < columns; i++) {
        bool overflow;
        sb_columnar__open(page, i, &view);
        if (!sb_columnar__place(page, &view, slot, &place)) continue;
        if (view.class_ == SB_CLASS_BYTES && !view.constant)
            add_dead(page, page_bytes, sb_columnar__string(page, &view, place, &overflow).size);
        if (view.presence == SB_PRESENT_BITMAP) sb_bit_clear(page + view.map, slot);
    }
    sb_bit_clear(page + sb_columnar__ids_off(page), slot);
    sb_store_le32(page + SB_COL_ROWS, sb_columnar__rows(page) - 1);
    return true;
}
