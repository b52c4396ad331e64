/* columnar_reshape.c — a cell that a columnar leaf has no place for, put in without writing the leaf afresh: the column's
 * block is written anew, with room to spare, and what lies behind it is moved. It costs about as many
 * steps as the column has cells, where a rewrite decodes and encodes every column of the leaf (28 µs in a leaf of
 * 450 rows with two properties and an index key, against 1.5). Numbers and presence alone; strings take the general way. */
#include "tree/columnar_priv.h"

/* Places that a block gets beyond those in use. */
#define SPARE_LEAST 8u

/* The cells of one column by slot, in scratch memory. */
typedef struct cell_list {
    uint64_t *words;
    uint16_t *slots;
    uint32_t count;
} cell_list;

size_t sb_columnar__reshape_bytes(uint32_t page_bytes)
{
    return (size_t)sb_columnar__max_slots(page_bytes) * (sizeof(uint64_t) + sizeof(uint16_t));
}

/* The cells that the column has, by its own list or bits: a step a cell, not one a slot. */
static void list_old_cells(const uint8_t *page, const sb_colview *view, cell_list *list)
{
    const uint32_t slots = sb_columnar__slots(page);
    if (view->presence == SB_PRESENT_LIST) {
        for (; list->count < view->count; list->count++)
            list->slots[list->count] = sb_load_le16(page + view->map + (size_t)list->count * 2);
    } else if (view->presence == SB_PRESENT_ALL) {
        list->count = sb_columnar__list_rows(page, 0, slots, NULL, list->slots);
    } else {
        for (size_t at = sb_bits_next(page + view->map, 0, slots); at < slots;
             at = sb_bits_next(page + view->map, at + 1, slots))
            list->slots[list->count++] = (uint16_t)at;
    }
    for (uint32_t i = 0; i < list->count; i++)
        list->words[i] =
            sb_columnar__word(page, view, view->presence >= SB_PRESENT_PACKED ? i : list->slots[i]);
}

/* view NULL: the column has no cells yet. The cell at slot is replaced or added. */
static cell_list list_cells(const uint8_t *page, uint32_t page_bytes, const sb_colview *view,
                            uint32_t slot, uint64_t word, uint8_t *scratch)
{
    cell_list list = {.words = (uint64_t *)(void *)scratch};
    list.slots = (uint16_t *)(void *)(list.words + sb_columnar__max_slots(page_bytes));
    if (view != NULL) list_old_cells(page, view, &list);
    uint32_t at = list.count;
    while (at > 0 && list.slots[at - 1] >= slot)
        at--;
    if (at == list.count || list.slots[at] != slot) {
        memmove(list.slots + at + 1, list.slots + at, (list.count - at) * sizeof *list.slots);
        memmove(list.words + at + 1, list.words + at, (list.count - at) * sizeof *list.words);
        list.count++;
    }
    list.slots[at] = (uint16_t)slot;
    list.words[at] = word;
    return list;
}

static void plan_block(const uint8_t *page, const cell_list *list, uint8_t type, sb_colplan *plan)
{
    const bool is_int = (type & SB_CLASS_MASK) == SB_CLASS_INT;
    sb_colstats stats = {.count = list->count, .min = UINT64_MAX};
    for (uint32_t i = 0; i < list->count; i++) {
        const uint64_t word = list->words[i] ^ (is_int ? SB_COL_INT_BIAS : 0);
        stats.min = word < stats.min ? word : stats.min;
        stats.max = word > stats.max ? word : stats.max;
    }
    sb_columnar__plan_column(plan, &stats, type, sb_columnar__slots(page), sb_columnar__rows(page));
}

/* Bytes of a block of the planned form; plan->places is what it is to have. */
static uint32_t block_bytes(const sb_colplan *plan, uint32_t capacity)
{
    const uint32_t values = plan->places * plan->place_bytes;
    switch (plan->presence) {
    case SB_PRESENT_ALL: return values;
    case SB_PRESENT_BITMAP: return (capacity + 7) / 8 + values;
    case SB_PRESENT_PACKED: return SB_BLOCK_HEAD + (capacity + 63) / 64 * 10 + values;
    default: return SB_BLOCK_HEAD + plan->places * 2 + values;
    }
}

/* As many places as the form needs, and some for cells to come out of a quarter of the free bytes. */
static void plan_places(sb_colplan *plan, uint32_t count, uint32_t capacity, uint32_t gap)
{
    plan->places = capacity;
    if (plan->presence < SB_PRESENT_PACKED) return;
    const uint32_t wanted = count / 2 > SPARE_LEAST ? count / 2 : SPARE_LEAST,
                   bought = gap / 4 / (plan->place_bytes + 2);
    plan->places = count + (wanted < bought ? wanted : bought);
    if (plan->places > capacity) plan->places = capacity;
}

/* Move what lies behind end by delta bytes, the blocks of columns from index on with it. */
static void shift_blocks(uint8_t *page, uint32_t end, int32_t delta, uint32_t index)
{
    const uint32_t arrays_end = sb_load_le32(page + SB_COL_ARRAYS_END),
                   columns = sb_columnar__columns(page);
    memmove(page + (int64_t)end + delta, page + end, arrays_end - end);
    for (uint32_t i = index; i < columns; i++) {
        uint8_t *off = page + sb_columnar__entry_off(i) + SB_COLENT_OFF;
        sb_store_le16(off, (uint16_t)((int32_t)sb_load_le16(off) + delta));
    }
    sb_store_le32(page + SB_COL_ARRAYS_END, (uint32_t)((int64_t)arrays_end + delta));
}

static void write_entry(uint8_t *page, uint32_t index, const sb_cell *cell, const sb_colplan *plan,
                        uint32_t off)
{
    uint8_t *entry = page + sb_columnar__entry_off(index);
    const uint32_t code = plan->width == 0 ? 0 : sb_ctz64(plan->width) + 1;
    sb_store_le32(entry + SB_COLENT_KEY, cell->key);
    entry[SB_COLENT_TYPE] = cell->type;
    entry[SB_COLENT_FORM] = (uint8_t)(code | (uint32_t)plan->presence << SB_FORM_PRESENCE_SHIFT);
    sb_store_le16(entry + SB_COLENT_OFF, (uint16_t)off);
    sb_store_le64(entry + SB_COLENT_BASE, plan->base);
}

static void write_block(uint8_t *page, uint32_t index, const cell_list *list,
                        const sb_colplan *plan, uint32_t off, uint32_t bytes)
{
    sb_colview view;
    memset(page + off, 0, bytes);
    if (plan->presence >= SB_PRESENT_PACKED) {
        sb_store_le16(page + off, (uint16_t)list->count);
        sb_store_le16(page + off + 2, (uint16_t)plan->places);
    }
    sb_columnar__open(page, index, &view);
    for (uint32_t i = 0; i < list->count; i++) {
        const uint32_t slot = list->slots[i], place = view.presence >= SB_PRESENT_PACKED ? i : slot;
        if (view.presence == SB_PRESENT_LIST)
            sb_store_le16(page + view.map + (size_t)i * 2, (uint16_t)slot);
        else if (view.presence != SB_PRESENT_ALL)
            sb_bit_set(page + view.map, slot);
        if (view.width != 0)
            sb_store_width(page + view.values + (size_t)place * view.width, view.width,
                           list->words[i] - (view.class_ == SB_CLASS_INT ? view.base : 0));
    }
    if (view.presence == SB_PRESENT_PACKED) sb_columnar__rerank(page, &view, 0);
}

bool sb_columnar__reshape(uint8_t *page, uint32_t page_bytes, const sb_cell *cell, uint32_t slot,
                          uint8_t *scratch)
{
    const uint32_t columns = sb_columnar__columns(page), capacity = sb_columnar__capacity(page),
                   arrays_end = sb_load_le32(page + SB_COL_ARRAYS_END),
                   gap = sb_load_le32(page + SB_COL_HEAP_START) - arrays_end;
    uint32_t index = sb_columnar__column_bound(page, cell->key, cell->type);
    sb_colview view, other;
    bool exists = false;

    /* 1. Is it a case for us: a number or a mark, and no cell of its key under another type? */
    if (cell->type == SB_CLASS_NULL || (cell->type & SB_CLASS_MASK) == SB_CLASS_BYTES) return false;
    for (uint32_t i = sb_columnar__column_bound(page, cell->key, 0); i < columns; i++) {
        uint32_t place;
        sb_columnar__open(page, i, &other);
        if (other.key != cell->key) break;
        if (other.type != cell->type) {
            if (sb_columnar__place(page, &other, slot, &place)) return false;
            continue;
        }
        view = other;
        exists = true;
    }

    /* 2. Does the new block fit? */
    const cell_list list =
        list_cells(page, page_bytes, exists ? &view : NULL, slot, cell->word, scratch);
    sb_colplan plan;
    plan_block(page, &list, cell->type, &plan);
    plan_places(&plan, list.count, capacity, gap);
    const uint32_t bytes = block_bytes(&plan, capacity), before = exists ? view.end - view.off : 0,
                   entry = exists ? 0 : SB_COLENT_BYTES;
    if (entry + bytes > before &&
        (entry + bytes - before > gap || arrays_end + entry + bytes - before > SB_COL_ARRAYS_LIMIT))
        return false;

    /* 3. Write it. */
    uint32_t off = exists ? view.off
                   : index < columns
                       ? sb_load_le16(page + sb_columnar__entry_off(index) + SB_COLENT_OFF)
                       : arrays_end;
    if (!exists) {
        shift_blocks(page, sb_columnar__entry_off(index), (int32_t)SB_COLENT_BYTES, columns);
        sb_store_le16(page + SB_COL_COLUMNS, (uint16_t)(columns + 1));
        for (uint32_t i = 0; i <= columns; i++) {
            uint8_t *at = page + sb_columnar__entry_off(i) + SB_COLENT_OFF;
            if (i != index) sb_store_le16(at, (uint16_t)(sb_load_le16(at) + SB_COLENT_BYTES));
        }
        off += SB_COLENT_BYTES;
    }
    shift_blocks(page, off + before, (int32_t)bytes - (int32_t)before, index + 1);
    write_entry(page, index, cell, &plan, off);
    write_block(page, index, &list, &plan, off, bytes);
    return true;
}
