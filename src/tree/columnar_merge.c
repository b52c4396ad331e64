/* columnar_merge.c — the rows of a leaf and of a batch as one source: what every rewrite of a leaf starts from.
 * Values are decoded column by column into one buffer of the transaction's pool; strings stay where they lie. */
#include "tree/columnar_priv.h"

/* in the map of merged rows: the rest is a row of the source, else a slot of the page */
#define FROM_SOURCE 0x80000000u

bool sb_columnar__next_pair(sb_colpairs *pairs, const uint8_t *page, const sb_source *source)
{
    const size_t page_columns = page == NULL ? 0 : sb_columnar__columns(page);
    const size_t source_columns = source == NULL ? 0 : source->column_count;
    uint64_t page_order = UINT64_MAX, source_order = UINT64_MAX;

    if (pairs->page_next < page_columns) {
        const uint8_t *entry = page + sb_columnar__entry_off((uint32_t)pairs->page_next);
        page_order = sb_columnar__order(sb_load_le32(entry + SB_COLENT_KEY), entry[SB_COLENT_TYPE]);
    }
    if (pairs->source_next < source_columns) {
        const sb_source_column *column = &source->columns[pairs->source_next];
        source_order = sb_columnar__order(column->key, column->type);
    }
    if (page_order == UINT64_MAX && source_order == UINT64_MAX) return false;
    pairs->page_index = page_order <= source_order ? pairs->page_next++ : SIZE_MAX;
    pairs->source_index = source_order <= page_order ? pairs->source_next++ : SIZE_MAX;
    return true;
}

static bool any_present(const sb_source_column *column, size_t from, size_t count)
{
    if (column->present == NULL) return count != 0;
    return sb_bits_next(column->present, from, from + count) < from + count;
}

/* Blocks of 16-byte alignment from a buffer measured before. */
static void *carve(uint8_t **at, size_t bytes)
{
    void *block = *at;
    *at += (bytes + 15) & ~(size_t)15;
    return block;
}
#define CARVE_ROUND(bytes) (((bytes) + 15) & ~(size_t)15)

/* One merge under way. */
typedef struct merge {
    const uint8_t *page;
    const sb_source *source;
    size_t from, count;
    size_t rows;    /* of the result */
    uint32_t *map;  /* where each row of the result comes from */
    uint32_t *runs; /* by row: find_runs */
} merge;

/* Merge the ids; a row of the source wins. */
static void merge_ids(merge *m, const uint8_t *dropped, uint64_t *ids, uint64_t *page_ids,
                      uint16_t *page_slots)
{
    const uint32_t page_rows =
        sb_columnar__list_rows(m->page, 0, sb_columnar__slots(m->page), page_ids, page_slots);
    size_t taken = 0, rows = 0;

    for (uint32_t i = 0; i < page_rows; i++) {
        while (taken < m->count && m->source->ids[m->from + taken] < page_ids[i]) {
            ids[rows] = m->source->ids[m->from + taken];
            m->map[rows++] = FROM_SOURCE | (uint32_t)taken++;
        }
        if (taken < m->count && m->source->ids[m->from + taken] == page_ids[i]) {
            ids[rows] = page_ids[i];
            m->map[rows++] = FROM_SOURCE | (uint32_t)taken++;
        } else if (dropped == NULL || !sb_bit_get(dropped, page_slots[i])) {
            ids[rows] = page_ids[i];
            m->map[rows++] = page_slots[i];
        }
    }
    for (; taken < m->count; taken++) {
        ids[rows] = m->source->ids[m->from + taken];
        m->map[rows++] = FROM_SOURCE | (uint32_t)taken;
    }
    m->rows = rows;
}

typedef struct column_out {
    uint8_t *present, *overflow;
    uint64_t *words;
    sb_bytes *bytes;
    size_t count; /* of cells */
    bool any_overflow;
} column_out;

/* Where each row of the result begins a run: how many rows from it on are slots of the page that follow one another; 0: a row of the
 * source. */
static void find_runs(const merge *m)
{
    for (size_t row = m->rows; row-- > 0;) {
        const bool more = row + 1 < m->rows && m->map[row + 1] == m->map[row] + 1;
        m->runs[row] = (m->map[row] & FROM_SOURCE) != 0 ? 0 : more ? m->runs[row + 1] + 1 : 1;
    }
}

static void load_string(const merge *m, const sb_colview *view, uint32_t place, size_t row,
                        column_out *out)
{
    bool overflow;
    out->bytes[row] = sb_columnar__string(m->page, view, place, &overflow);
    if (SB_LIKELY(!overflow)) return;
    sb_bit_set(out->overflow, row);
    out->any_overflow = true;
}

/* Strings of one length, which most columns of codes and names have: their offsets are all that differs. */
static bool load_alike(const merge *m, const sb_colview *view, uint32_t slot, size_t count,
                       sb_bytes *strings)
{
    const uint8_t *offsets = m->page + view->values + (size_t)slot * 2;
    const uint32_t code = (uint32_t)view->base;

    if (view->constant || view->width != 0 || code == SB_CODE_OVERFLOW) return false;
    for (size_t i = 0; i < count; i++)
        strings[i] = sb_bytes_of(m->page + sb_load_le16(offsets + i * 2), code);
    return true;
}

/* A run of a column that every row of the page has. */
static void load_full_run(const merge *m, const sb_colview *view, size_t row, size_t count,
                          column_out *out)
{
    const uint32_t slot = m->map[row];

    if (view->class_ == SB_CLASS_BYTES) {
        const bool alike = load_alike(m, view, slot, count, out->bytes + row);
        for (size_t i = 0; !alike && i < count; i++)
            load_string(m, view, slot + (uint32_t)i, row + i, out);
    } else if (view->class_ != SB_CLASS_NULL) {
        sb_columnar__load_words(
            out->words + row, m->page + view->values + (size_t)slot * view->width, view->width,
            count, view->class_ == SB_CLASS_INT || view->width == 0 ? view->base : 0);
    }
    sb_bits_fill(out->present, row, count);
    out->count += count;
}

/* The first slot from `slot` on, below end, that has a cell, and the cell's place; end when there is none. *place goes on from the call
 * before in a LIST block, whose slots are asked for in order. */
static uint32_t next_cell(const merge *m, const sb_colview *view, uint32_t slot, uint32_t end,
                          uint32_t *place)
{
    const uint8_t *map = m->page + view->map;

    if (view->presence == SB_PRESENT_LIST) {
        while (*place < view->count && sb_load_le16(map + (size_t)*place * 2) < slot)
            ++*place;
        const uint32_t found = *place < view->count ? sb_load_le16(map + (size_t)*place * 2) : end;
        return found < end ? found : end;
    }
    const uint32_t found = (uint32_t)sb_bits_next(map, slot, end);
    if (found < end) (void)sb_columnar__place(m->page, view, found, place);
    return found;
}

/* A run of a column that some rows of the page have: a step for each cell, not for each row. */
static void load_sparse_run(const merge *m, const sb_colview *view, size_t row, size_t count,
                            uint32_t *place, column_out *out)
{
    const uint32_t first = m->map[row], end = first + (uint32_t)count;

    for (uint32_t slot = next_cell(m, view, first, end, place); slot < end;
         slot = next_cell(m, view, slot + 1, end, place)) {
        const size_t to = row + (slot - first);
        if (view->class_ == SB_CLASS_BYTES)
            load_string(m, view, *place, to, out);
        else if (view->class_ != SB_CLASS_NULL)
            out->words[to] = sb_columnar__word(m->page, view, *place);
        sb_bit_set(out->present, to);
        out->count++;
    }
}

static void load_source_row(const merge *m, const sb_source_column *column, size_t row,
                            column_out *out)
{
    const size_t at = m->from + (m->map[row] & ~FROM_SOURCE);

    if (!sb_source__has(column, at)) return;
    if ((column->type & SB_CLASS_MASK) == SB_CLASS_BYTES) {
        out->bytes[row] = column->bytes[at];
        if (column->overflow != NULL && sb_bit_get(column->overflow, at)) {
            sb_bit_set(out->overflow, row);
            out->any_overflow = true;
        }
    } else if ((column->type & SB_CLASS_MASK) != SB_CLASS_NULL) {
        out->words[row] = column->words[at];
    }
    sb_bit_set(out->present, row);
    out->count++;
}

/* view NULL: the page does not have the column; column NULL: the source does not. */
static void fill_column(const merge *m, const sb_colview *view, const sb_source_column *column,
                        column_out *out, sb_source_column *result)
{
    uint32_t place = 0;

    for (size_t row = 0, run; row < m->rows; row += run) {
        run = m->runs[row];
        if (run == 0) {
            if (column != NULL) load_source_row(m, column, row, out);
            run = 1;
        } else if (view != NULL && view->presence == SB_PRESENT_ALL) {
            load_full_run(m, view, row, run, out);
        } else if (view != NULL) {
            load_sparse_run(m, view, row, run, &place, out);
        }
    }
    result->present = out->count == m->rows ? NULL : out->present;
    result->words = out->words;
    result->bytes = out->bytes;
    result->overflow = out->any_overflow ? out->overflow : NULL;
}

sb_status sb_columnar__merge(sb_tree_txn *state, const uint8_t *page, const uint8_t *dropped,
                             const sb_source *source, size_t from, size_t count, sb_source *merged,
                             sb_buffer **memory, sb_err *err)
{
    const size_t page_rows = sb_columnar__rows(page), most = page_rows + count,
                 map_bytes = (most + 7) / 8;
    size_t columns = 0, bytes = CARVE_ROUND(most * sizeof(uint64_t)) +
                                2 * CARVE_ROUND(most * sizeof(uint32_t)) +
                                CARVE_ROUND(page_rows * sizeof(uint64_t)) +
                                CARVE_ROUND(page_rows * sizeof(uint16_t));
    sb_colpairs pairs = {0};

    while (sb_columnar__next_pair(&pairs, page, source)) {
        if (pairs.page_index == SIZE_MAX &&
            !any_present(&source->columns[pairs.source_index], from, count))
            continue;
        const uint8_t type =
            pairs.page_index != SIZE_MAX
                ? page[sb_columnar__entry_off((uint32_t)pairs.page_index) + SB_COLENT_TYPE]
                : source->columns[pairs.source_index].type;
        const bool strings = (type & SB_CLASS_MASK) == SB_CLASS_BYTES;
        bytes += CARVE_ROUND(map_bytes) * (strings ? 2 : 1) +
                 CARVE_ROUND(most * (strings ? sizeof(sb_bytes) : sizeof(uint64_t)));
        columns++;
    }
    bytes += CARVE_ROUND(columns * sizeof(sb_source_column));
    SB_TRY(sb_tree__buffer_acquire(state, bytes, memory, err));

    uint8_t *at = (*memory)->data;
    sb_source_column *results = carve(&at, columns * sizeof *results);
    uint64_t *ids = carve(&at, most * sizeof *ids);
    merge m = {.page = page, .source = source, .from = from, .count = source == NULL ? 0 : count};
    m.map = carve(&at, most * sizeof *m.map);
    m.runs = carve(&at, most * sizeof *m.runs);
    uint64_t *page_ids = carve(&at, page_rows * sizeof *page_ids);
    uint16_t *page_slots = carve(&at, page_rows * sizeof *page_slots);
    merge_ids(&m, dropped, ids, page_ids, page_slots);
    find_runs(&m);

    size_t index = 0;
    pairs = (sb_colpairs){0};
    while (sb_columnar__next_pair(&pairs, page, source)) {
        const sb_source_column *column =
            pairs.source_index == SIZE_MAX ? NULL : &source->columns[pairs.source_index];
        sb_colview view = {0};
        if (pairs.page_index != SIZE_MAX) {
            sb_columnar__open(page, (uint32_t)pairs.page_index, &view);
        } else if (column != NULL && any_present(column, from, count)) {
            view.key = column->key;
            view.type = column->type;
        } else {
            continue;
        }
        const uint8_t class_ = view.type & SB_CLASS_MASK;
        column_out out = {.present = carve(&at, map_bytes)};
        memset(out.present, 0, map_bytes);
        if (class_ == SB_CLASS_BYTES) {
            out.overflow = carve(&at, map_bytes);
            memset(out.overflow, 0, map_bytes);
            out.bytes = carve(&at, most * sizeof(sb_bytes));
        } else {
            out.words = carve(&at, most * sizeof(uint64_t));
        }
        results[index] = (sb_source_column){.key = view.key, .type = view.type};
        fill_column(&m, pairs.page_index == SIZE_MAX ? NULL : &view, column, &out, &results[index]);
        index++;
    }
    *merged = (sb_source){.ids = ids, .rows = m.rows, .columns = results, .column_count = columns};
    return SB_OK;
}
