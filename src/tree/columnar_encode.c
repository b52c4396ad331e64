/* columnar_encode.c — how many rows fit a columnar leaf, in which form each column goes in, and writing it.
 * One pass gathers per column what decides its size (count, least, greatest, bytes); sizes are then arithmetic, so
 * that filling a page looks at each value once and writes it once. */
#include "base/extremes.h"
#include "tree/columnar_priv.h"

/* Rows looked at before the size is computed again. */
#define FIT_STEP 64u

size_t sb_encoder__memory(size_t column_count)
{
    return column_count * (2 * sizeof(sb_colstats) + sizeof(sb_colplan)) + 1;
}

void sb_encoder__init(sb_encoder *encoder, const sb_source *source, uint32_t page_bytes,
                      uint32_t budget, void *memory)
{
    *encoder = (sb_encoder){.source = source, .page_bytes = page_bytes};
    encoder->budget = budget < SB_COL_ARRAYS_LIMIT ? budget : SB_COL_ARRAYS_LIMIT;
    encoder->stats = memory;
    encoder->trial = encoder->stats + source->column_count;
    encoder->plans = (sb_colplan *)(void *)(encoder->trial + source->column_count);
}

/* ---- Looking at values ---------------------------------------------------------------------------- */

static void add_words(sb_colstats *stats, const sb_source_column *column, size_t from, size_t count,
                      uint64_t bias)
{
    uint64_t min = stats->min, max = stats->max;
    uint32_t present = 0;

    if (column->present == NULL) {
        sb_extremes(column->words + from, count, bias, &min, &max);
        if (stats->count == 0) stats->first = from;
        present = (uint32_t)count;
    } else {
        for (size_t i = sb_bits_next(column->present, from, from + count); i < from + count;
             i = sb_bits_next(column->present, i + 1, from + count)) {
            const uint64_t word = column->words[i] ^ bias;
            min = word < min ? word : min;
            max = word > max ? word : max;
            if (stats->count + present == 0) stats->first = i;
            present++;
        }
    }
    stats->min = min;
    stats->max = max;
    stats->count += present;
}

/* Strings that all rows have, inline, and that are not all the same. */
static void add_sizes(sb_colstats *stats, const sb_bytes *strings, size_t count)
{
    uint64_t min = stats->min, max = stats->max, heap = 0;

    for (size_t i = 0; i < count; i++) {
        const uint64_t size = strings[i].size;
        min = size < min ? size : min;
        max = size > max ? size : max;
        heap += size;
    }
    stats->min = min;
    stats->max = max;
    stats->heap += heap;
    stats->count += (uint32_t)count;
}

static void add_bytes(sb_colstats *stats, const sb_source_column *column, size_t from, size_t count)
{
    const bool plain = column->present == NULL && column->overflow == NULL;
    const size_t end = from + count;
    size_t i = from;

    for (; i < end && (!plain || stats->count == 0 || stats->same); i++) {
        if (!sb_source__has(column, i)) continue;
        const uint32_t code = sb_source__code(column, i);
        if (stats->count == 0) {
            stats->first = i;
            stats->same = code != SB_CODE_OVERFLOW;
        } else if (stats->same) {
            stats->same = code != SB_CODE_OVERFLOW &&
                          sb_bytes_equal(column->bytes[i], column->bytes[stats->first]);
        }
        stats->min = code < stats->min ? code : stats->min;
        stats->max = code > stats->max ? code : stats->max;
        stats->heap += code == SB_CODE_OVERFLOW ? SB_OVERFLOW_REF_BYTES : code;
        stats->count++;
    }
    add_sizes(stats, column->bytes + i, end - i);
}

static void add_presence(sb_colstats *stats, const sb_source_column *column, size_t from,
                         size_t count)
{
    if (column->present == NULL) {
        if (stats->count == 0) stats->first = from;
        stats->count += (uint32_t)count;
        return;
    }
    for (size_t i = from; i < from + count; i++) {
        if (!sb_bit_get(column->present, i)) continue;
        if (stats->count++ == 0) stats->first = i;
    }
}

static void add_rows(sb_encoder *encoder, size_t from, size_t count)
{
    for (size_t k = 0; k < encoder->source->column_count; k++) {
        const sb_source_column *column = &encoder->source->columns[k];
        sb_colstats *stats = &encoder->trial[k];
        *stats = encoder->stats[k];
        switch (column->type & SB_CLASS_MASK) {
        case SB_CLASS_NULL: add_presence(stats, column, from, count); break;
        case SB_CLASS_INT: add_words(stats, column, from, count, SB_COL_INT_BIAS); break;
        case SB_CLASS_DOUBLE: add_words(stats, column, from, count, 0); break;
        default: add_bytes(stats, column, from, count); break;
        }
    }
}

/* ---- Choosing forms ----------------------------------------------------------------------------------- */

/* Frame of reference for values in [min, max] (as signed: words biased). Where the width allows it the base is 0, else
 * the least value, so that ascending ones have all the room above. */
static uint64_t choose_base(uint64_t min, uint64_t max, uint64_t zero)
{
    if (min >= zero && sb_width_of(max - zero) == sb_width_of(max - min) && max != min) return zero;
    return min;
}

void sb_columnar__plan_column(sb_colplan *plan, const sb_colstats *stats, uint8_t type,
                              uint32_t slots, uint32_t rows)
{
    *plan = (sb_colplan){.heap = (uint32_t)stats->heap};
    switch (type & SB_CLASS_MASK) {
    case SB_CLASS_NULL: break;
    case SB_CLASS_INT: {
        uint64_t base = choose_base(stats->min, stats->max, SB_COL_INT_BIAS);
        /* Of full width: any value can follow, and the order of codes stays that of values. */
        if (sb_width_of(stats->max - base) == 8) base = 0;
        plan->width = (uint8_t)sb_width_of(stats->max - base);
        plan->base = base ^ SB_COL_INT_BIAS;
        plan->place_bytes = plan->width;
        break;
    }
    case SB_CLASS_DOUBLE:
        plan->width = stats->min == stats->max ? 0 : 8;
        plan->base = plan->width == 0 ? stats->min : 0;
        plan->place_bytes = plan->width;
        break;
    default:
        if (stats->same) {
            plan->constant = true;
            plan->heap = (uint32_t)stats->min;
        } else {
            plan->base = choose_base(stats->min, stats->max, 0);
            plan->width = (uint8_t)sb_width_of(stats->max - plan->base);
            plan->place_bytes = 2u + plan->width;
        }
        break;
    }
    plan->presence = SB_PRESENT_ALL;
    if (stats->count != rows) {
        const uint32_t bitmap = (slots + 7) / 8 + slots * plan->place_bytes;
        const uint32_t packed =
            SB_BLOCK_HEAD + (slots + 63) / 64 * 10 + stats->count * plan->place_bytes;
        const uint32_t list = SB_BLOCK_HEAD + stats->count * (2 + plan->place_bytes);
        plan->presence = SB_PRESENT_BITMAP;
        /* From half full on a place per slot: look-ups by rank halve the rate of point reads (measured). */
        if (stats->count < slots / 2 && (packed < bitmap || list < bitmap))
            plan->presence = list < packed ? SB_PRESENT_LIST : SB_PRESENT_PACKED;
    }
    plan->places = stats->count;
}

/* Bytes of a column's block and strings with room for `capacity` slots, of which `slots` are used. */
static uint64_t plan_bytes(sb_colplan *plan, const sb_colstats *stats, uint32_t slots,
                           uint32_t capacity)
{
    const uint32_t more = capacity - slots;
    uint64_t bytes = 0;
    uint32_t places = capacity;

    if (plan->presence >= SB_PRESENT_PACKED) {
        places =
            stats->count + (more == 0 ? 0 : (uint32_t)((uint64_t)stats->count * more / slots + 1));
        if (places > capacity) places = capacity;
        plan->places = places;
        bytes += SB_BLOCK_HEAD +
                 (plan->presence == SB_PRESENT_LIST ? places * 2ull : (capacity + 63) / 64 * 10ull);
    } else if (plan->presence == SB_PRESENT_BITMAP) {
        bytes += (capacity + 7) / 8;
    }
    bytes += (uint64_t)places * plan->place_bytes + plan->heap;
    if (!plan->constant && more != 0) bytes += stats->heap * more / slots;
    return bytes;
}

/* Bytes of a page with the planned forms. A dense leaf without holes counts as if it had their bitmap: a row deleted
 * from a full leaf then never splits it (costs 2 % of the rows at 6 bytes each). */
static uint64_t page_cost(sb_encoder *encoder, const sb_colstats *stats, uint32_t slots,
                          uint32_t capacity, uint8_t id_width)
{
    uint64_t bytes = SB_COL_HEADER + sb_columnar__ids_bytes(capacity, id_width, true);
    for (size_t k = 0; k < encoder->source->column_count; k++) {
        if (stats[k].count == 0) continue;
        bytes += SB_COLENT_BYTES + plan_bytes(&encoder->plans[k], &stats[k], slots, capacity);
    }
    return bytes;
}

static void plan_columns(sb_encoder *encoder, const sb_colstats *stats, uint32_t slots,
                         uint32_t rows)
{
    for (size_t k = 0; k < encoder->source->column_count; k++)
        if (stats[k].count != 0)
            sb_columnar__plan_column(&encoder->plans[k], &stats[k],
                                     encoder->source->columns[k].type, slots, rows);
}

/* Choose between dense and sparse for rows [from, from + rows), fill in the plans and the shape. False: it does
 * not fit the budget. */
static bool plan_page(sb_encoder *encoder, const sb_colstats *stats, size_t from, uint32_t rows)
{
    const uint64_t *ids = encoder->source->ids + from;
    const uint64_t span = ids[rows - 1] - ids[0];
    const uint32_t max_slots = sb_columnar__max_slots(encoder->page_bytes);
    uint64_t dense = UINT64_MAX, sparse;

    if (rows > max_slots) return false;
    encoder->rows = rows;
    encoder->slots = rows;
    encoder->id_width = 0;
    encoder->holes = false;
    if (span == rows - 1) {
        plan_columns(encoder, stats, rows, rows);
        return page_cost(encoder, stats, rows, rows, 0) <= encoder->budget;
    }
    const uint8_t id_width = span <= 0xFFFFu ? 2 : (uint8_t)sb_width_of(span);
    plan_columns(encoder, stats, rows, rows);
    sparse = page_cost(encoder, stats, rows, rows, id_width);
    if (span < max_slots) {
        const uint32_t slots = (uint32_t)span + 1;
        plan_columns(encoder, stats, slots, rows);
        dense = page_cost(encoder, stats, slots, slots, 0);
    }
    /* Finding a row of a sparse leaf costs a binary search: worth a quarter of the bytes. */
    if (dense <= encoder->budget && dense <= sparse + sparse / 4) {
        encoder->slots = (uint32_t)span + 1;
        encoder->holes = true;
        return true;
    }
    plan_columns(encoder, stats, rows, rows);
    encoder->id_width = id_width;
    return sparse <= encoder->budget;
}

size_t sb_encoder__fit(sb_encoder *encoder, size_t from, size_t limit)
{
    const size_t columns = encoder->source->column_count;
    const uint32_t max_slots = sb_columnar__max_slots(encoder->page_bytes);
    size_t count = 0, step = encoder->hint > FIT_STEP ? encoder->hint : FIT_STEP;

    for (size_t k = 0; k < columns; k++)
        encoder->stats[k] = (sb_colstats){.min = UINT64_MAX};
    if (limit > max_slots) limit = max_slots;
    while (count < limit) {
        const size_t take = step < limit - count ? step : limit - count;
        add_rows(encoder, from + count, take);
        bool fits = plan_page(encoder, encoder->trial, from, (uint32_t)(count + take));
        if (!fits && count == 0 && take == 1) {
            encoder->budget = encoder->page_bytes < SB_COL_ARRAYS_LIMIT ? encoder->page_bytes
                                                                        : SB_COL_ARRAYS_LIMIT;
            fits = true; /* one prepared row fits a whole page */
        }
        if (fits) {
            sb_colstats *swap = encoder->stats;
            encoder->stats = encoder->trial;
            encoder->trial = swap;
            count += take;
            if (step > FIT_STEP) step = FIT_STEP;
        } else {
            if (take == 1) break;
            step = take > FIT_STEP ? take - take / 8 : take / 2;
            if (count != 0 && step > FIT_STEP) step = FIT_STEP;
        }
    }
    encoder->columns = 0;
    for (size_t k = 0; k < columns; k++)
        encoder->columns += encoder->stats[k].count != 0;
    const bool planned = plan_page(encoder, encoder->stats, from, (uint32_t)count);
    SB_ASSERT(planned);
    (void)planned;
    encoder->hint = count;
    return count;
}

/* ---- Writing -------------------------------------------------------------------------------------------- */

static uint32_t heap_put(uint8_t *page, uint32_t *heap_start, sb_bytes string)
{
    if (string.size == 0) return 0;
    *heap_start -= (uint32_t)string.size;
    memcpy(page + *heap_start, string.data, string.size);
    return *heap_start;
}

void sb_columnar__put_value(uint8_t *page, uint32_t *heap_start, const sb_colview *view,
                            uint32_t place, const sb_source_column *column, size_t row)
{
    if (view->class_ != SB_CLASS_BYTES) {
        if (view->width != 0) {
            const uint64_t base = view->class_ == SB_CLASS_INT ? view->base : 0;
            sb_store_width(page + view->values + (size_t)place * view->width, view->width,
                           column->words[row] - base);
        }
    } else if (!view->constant) {
        const uint32_t code = sb_source__code(column, row);
        sb_store_le16(page + view->values + (size_t)place * 2,
                      (uint16_t)heap_put(page, heap_start, column->bytes[row]));
        sb_store_width(page + view->lengths + (size_t)place * view->width, view->width,
                       code - view->base);
    }
}

void sb_columnar__rerank(uint8_t *page, const sb_colview *view, uint32_t word)
{
    const uint32_t words = (view->values - view->ranks) / 2;
    uint32_t rank = word == 0 ? 0 : sb_load_le16(page + view->ranks + (size_t)word * 2);
    for (; word < words; word++) {
        sb_store_le16(page + view->ranks + (size_t)word * 2, (uint16_t)rank);
        rank += sb_popcount64(sb_load_le64(page + view->map + (size_t)word * 8));
    }
}

/* Bits, positions, ranks and values of a column with absent rows or of a leaf with holes. */
static void write_scattered(const sb_encoder *encoder, uint32_t *heap_start, uint8_t *page,
                            const sb_colview *view, const sb_source_column *column, size_t from)
{
    const uint64_t *ids = encoder->source->ids;
    uint32_t next = 0;

    for (size_t row = from; row < from + encoder->rows; row++) {
        if (!sb_source__has(column, row)) continue;
        const uint32_t slot =
            encoder->holes ? (uint32_t)(ids[row] - ids[from]) : (uint32_t)(row - from);
        uint32_t place = slot;
        if (view->presence == SB_PRESENT_BITMAP) {
            sb_bit_set(page + view->map, slot);
        } else if (view->presence == SB_PRESENT_PACKED) {
            sb_bit_set(page + view->map, slot);
            place = next++;
        } else if (view->presence == SB_PRESENT_LIST) {
            sb_store_le16(page + view->map + (size_t)next * 2, (uint16_t)slot);
            place = next++;
        }
        sb_columnar__put_value(page, heap_start, view, place, column, row);
    }
    if (view->presence == SB_PRESENT_PACKED) sb_columnar__rerank(page, view, 0);
}

/* Offsets, length codes and bytes of strings that all rows have, inline. */
static void write_strings(uint32_t *heap_start, uint8_t *page, const sb_colview *view,
                          const sb_bytes *strings, uint32_t count)
{
    uint8_t *offsets = page + view->values, *lengths = page + view->lengths;

    for (uint32_t i = 0; i < count; i++) {
        sb_store_le16(offsets + (size_t)i * 2, (uint16_t)heap_put(page, heap_start, strings[i]));
        sb_store_width(lengths + (size_t)i * view->width, view->width,
                       strings[i].size - view->base);
    }
}

static void write_column(const sb_encoder *encoder, uint32_t *heap_start, uint8_t *page,
                         uint32_t index, const sb_source_column *column, size_t from)
{
    sb_colview view;
    sb_columnar__open(page, index, &view);
    if (view.presence == SB_PRESENT_ALL && !encoder->holes && view.class_ != SB_CLASS_BYTES) {
        if (view.width != 0)
            sb_columnar__store_words(page + view.values, view.width, column->words + from,
                                     encoder->rows, view.class_ == SB_CLASS_INT ? view.base : 0);
        return;
    }
    if (view.presence == SB_PRESENT_ALL && !encoder->holes && !view.constant &&
        column->present == NULL && column->overflow == NULL) {
        write_strings(heap_start, page, &view, column->bytes + from, encoder->rows);
        return;
    }
    write_scattered(encoder, heap_start, page, &view, column, from);
}

static void write_ids(const sb_encoder *encoder, size_t from, uint8_t *block)
{
    const uint64_t *ids = encoder->source->ids + from;
    if (encoder->id_width != 0) {
        sb_columnar__store_words(block, encoder->id_width, ids, encoder->rows, ids[0]);
    } else if (encoder->holes) {
        for (uint32_t i = 0; i < encoder->rows; i++)
            sb_bit_set(block, ids[i] - ids[0]);
    }
}

/* Slots to make room for: as many as the page takes when the rows to come are like those that are there. */
static uint32_t slack_capacity(sb_encoder *encoder, uint64_t first_id, const sb_col_fences *fences)
{
    uint32_t low = encoder->slots, high = sb_columnar__max_slots(encoder->page_bytes);
    if (encoder->id_width == 0 && !fences->no_high && fences->high - first_id < high)
        high = (uint32_t)(fences->high - first_id);
    while (low < high) {
        const uint32_t middle = high - (high - low) / 2;
        if (page_cost(encoder, encoder->stats, encoder->slots, middle, encoder->id_width) <=
            encoder->budget)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

void sb_columnar__write_empty(const sb_col_fences *fences, uint8_t *page, uint32_t page_bytes)
{
    memset(page + SB_PAGE_COMMON, 0, page_bytes - SB_PAGE_COMMON);
    sb_store_le16(page + SB_PAGE_FLAGS, 0);
    sb_columnar__put_fences(page, fences);
    sb_store_le32(page + SB_COL_ARRAYS_END, SB_COL_HEADER);
    sb_store_le32(page + SB_COL_HEAP_START, page_bytes);
}

void sb_encoder__write(sb_encoder *encoder, size_t from, bool slack, const sb_col_fences *fences,
                       uint8_t *page)
{
    const sb_source *source = encoder->source;
    const uint32_t capacity =
        slack ? slack_capacity(encoder, source->ids[from], fences) : encoder->slots;
    uint32_t heap_start = encoder->page_bytes, off, index = 0;

    /* The sizes of this capacity, places of packed columns above all. */
    (void)page_cost(encoder, encoder->stats, encoder->slots, capacity, encoder->id_width);
    sb_columnar__write_empty(fences, page, encoder->page_bytes);
    sb_store_le64(page + SB_COL_FIRST_ID, source->ids[from]);
    sb_store_le32(page + SB_COL_ROWS, encoder->rows);
    sb_store_le32(page + SB_COL_SLOTS, encoder->slots);
    sb_store_le32(page + SB_COL_CAPACITY, capacity);
    sb_store_le16(page + SB_COL_COLUMNS, (uint16_t)encoder->columns);
    page[SB_COL_ID_WIDTH] = encoder->id_width;

    uint32_t flags = sb_columnar__flags(page) | (encoder->holes ? SB_COL_HOLES : 0);
    off = sb_columnar__entry_off(encoder->columns);
    write_ids(encoder, from, page + off);
    off += sb_columnar__ids_bytes(capacity, encoder->id_width, encoder->holes);
    for (size_t k = 0; k < source->column_count; k++) {
        const sb_source_column *column = &source->columns[k];
        const sb_colplan *plan = &encoder->plans[k];
        if (encoder->stats[k].count == 0) continue;
        uint8_t *entry = page + sb_columnar__entry_off(index);
        const uint32_t code = plan->width == 0 ? 0 : sb_ctz64(plan->width) + 1;
        uint64_t base = plan->base;
        sb_colview view;

        if (plan->constant) {
            const sb_bytes string = column->bytes[encoder->stats[k].first];
            base = heap_put(page, &heap_start, string) | (uint64_t)string.size << 16;
        }
        sb_store_le32(entry + SB_COLENT_KEY, column->key);
        entry[SB_COLENT_TYPE] = column->type;
        entry[SB_COLENT_FORM] =
            (uint8_t)(code | (uint32_t)plan->presence << SB_FORM_PRESENCE_SHIFT |
                      (plan->constant ? SB_FORM_CONSTANT : 0));
        sb_store_le16(entry + SB_COLENT_OFF, (uint16_t)off);
        sb_store_le64(entry + SB_COLENT_BASE, base);
        if (plan->presence >= SB_PRESENT_PACKED) {
            sb_store_le16(page + off, (uint16_t)encoder->stats[k].count);
            sb_store_le16(page + off + 2, (uint16_t)plan->places);
        }
        if (column->key == SB_COLUMN_WIDE) flags |= SB_COL_WIDE;
        sb_columnar__open(page, index, &view);
        write_column(encoder, &heap_start, page, index, column, from);
        off = view.end;
        index++;
    }
    sb_store_le16(page + SB_PAGE_FLAGS, (uint16_t)flags);
    sb_store_le32(page + SB_COL_ARRAYS_END, off);
    sb_store_le32(page + SB_COL_HEAP_START, heap_start);
    SB_ASSERT(off <= heap_start);
}
