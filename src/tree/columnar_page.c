/* columnar_page.c — a columnar leaf as bytes: look-ups, decode loops, the structure check, and the table by
 * which the core knows this kind of leaf. Layout and invariants: columnar_priv.h. */
#include "tree/columnar_priv.h"

#include <stdio.h>

/* ---- Look-ups ---------------------------------------------------------------------------------- */

uint32_t sb_columnar__sparse_bound(const uint8_t *page, uint64_t id)
{
    const uint64_t first = sb_columnar__first_id(page);
    const uint32_t width = page[SB_COL_ID_WIDTH];
    const uint8_t *diffs = page + sb_columnar__ids_off(page);
    uint32_t low = 0, count = sb_columnar__slots(page);

    if (id <= first) return 0;
    while (count > 0) {
        const uint32_t half = count / 2;
        const bool below = sb_load_width(diffs + (size_t)(low + half) * width, width) < id - first;
        low += below ? half + 1 : 0;
        count = below ? count - half - 1 : half;
    }
    return low;
}

uint32_t sb_columnar__list_bound(const uint8_t *page, const sb_colview *view, uint32_t slot)
{
    uint32_t low = 0, count = view->count;
    while (count > 0) {
        const uint32_t half = count / 2;
        const bool below = sb_load_le16(page + view->map + (size_t)(low + half) * 2) < slot;
        low += below ? half + 1 : 0;
        count = below ? count - half - 1 : half;
    }
    return low;
}

uint32_t sb_columnar__column_bound(const uint8_t *page, uint32_t key, uint8_t type)
{
    const uint64_t order = sb_columnar__order(key, type);
    uint32_t low = 0, count = sb_columnar__columns(page);
    while (count > 0) {
        const uint32_t half = count / 2;
        const uint8_t *entry = page + sb_columnar__entry_off(low + half);
        const bool below =
            sb_columnar__order(sb_load_le32(entry + SB_COLENT_KEY), entry[SB_COLENT_TYPE]) < order;
        low += below ? half + 1 : 0;
        count = below ? count - half - 1 : half;
    }
    return low;
}

uint32_t sb_columnar__slot_bound(const uint8_t *page, uint64_t id)
{
    const uint64_t first = sb_columnar__first_id(page);
    const uint32_t slots = sb_columnar__slots(page);
    if (page[SB_COL_ID_WIDTH] != 0) return sb_columnar__sparse_bound(page, id);
    return id <= first ? 0 : id - first < slots ? (uint32_t)(id - first) : slots;
}

uint64_t sb_columnar__last_id(const uint8_t *page)
{
    uint32_t slot = sb_columnar__slots(page) - 1;
    while (slot > 0 && !sb_columnar__live(page, slot))
        slot--;
    return sb_columnar__id_at(page, slot);
}

/* ---- Loops over arrays ----------------------------------------------------------------------------- */

void sb_columnar__copy_bits(uint8_t *out, const uint8_t *map, size_t from, size_t count)
{
    const size_t bytes = (count + 7) / 8, shift = from & 7;
    const uint8_t *in = map + from / 8;

    if (count == 0) return;
    if (shift == 0) {
        memcpy(out, in, bytes);
    } else {
        const size_t in_bytes = (shift + count + 7) / 8;
        for (size_t i = 0; i < bytes; i++) {
            const unsigned next = i + 1 < in_bytes ? in[i + 1] : 0u;
            out[i] = (uint8_t)((unsigned)in[i] >> shift | next << (8 - shift));
        }
    }
    if ((count & 7) != 0) out[bytes - 1] = (uint8_t)(out[bytes - 1] & ((1u << (count & 7)) - 1));
}

void sb_columnar__set_bits(uint8_t *out, size_t count)
{
    if (count == 0) return;
    memset(out, 0xFF, (count + 7) / 8);
    if ((count & 7) != 0) out[count / 8] = (uint8_t)((1u << (count & 7)) - 1);
}

uint32_t sb_columnar__list_rows(const uint8_t *page, uint32_t from, uint32_t to, uint64_t *ids,
                                uint16_t *slots)
{
    const uint32_t width = page[SB_COL_ID_WIDTH];
    const uint64_t first = sb_columnar__first_id(page);
    const uint8_t *block = page + sb_columnar__ids_off(page);
    uint32_t count = 0;

    if (from >= to) return 0;
    if ((sb_columnar__flags(page) & SB_COL_HOLES) != 0) {
        for (size_t slot = sb_bits_next(block, from, to); slot < to;
             slot = sb_bits_next(block, slot + 1, to)) {
            if (ids != NULL) ids[count] = first + slot;
            if (slots != NULL) slots[count] = (uint16_t)slot;
            count++;
        }
        return count;
    }
    count = to - from;
    if (ids != NULL) {
        if (width == 0)
            for (uint32_t i = 0; i < count; i++)
                ids[i] = first + from + i;
        else
            sb_columnar__load_words(ids, block + (size_t)from * width, width, count, first);
    }
    if (slots != NULL)
        for (uint32_t i = 0; i < count; i++)
            slots[i] = (uint16_t)(from + i);
    return count;
}

void sb_columnar__load_words(uint64_t *values, const uint8_t *in, unsigned width, size_t count,
                             uint64_t base)
{
    switch (width) {
    case 0:
        for (size_t i = 0; i < count; i++)
            values[i] = base;
        break;
    case 1:
        for (size_t i = 0; i < count; i++)
            values[i] = base + in[i];
        break;
    case 2:
        for (size_t i = 0; i < count; i++)
            values[i] = base + sb_load_le16(in + i * 2);
        break;
    case 4:
        for (size_t i = 0; i < count; i++)
            values[i] = base + sb_load_le32(in + i * 4);
        break;
    default:
        for (size_t i = 0; i < count; i++)
            values[i] = base + sb_load_le64(in + i * 8);
        break;
    }
}

void sb_columnar__store_words(uint8_t *out, unsigned width, const uint64_t *values, size_t count,
                              uint64_t base)
{
    switch (width) {
    case 0: break;
    case 1:
        for (size_t i = 0; i < count; i++)
            out[i] = (uint8_t)(values[i] - base);
        break;
    case 2:
        for (size_t i = 0; i < count; i++)
            sb_store_le16(out + i * 2, (uint16_t)(values[i] - base));
        break;
    case 4:
        for (size_t i = 0; i < count; i++)
            sb_store_le32(out + i * 4, (uint32_t)(values[i] - base));
        break;
    default:
        for (size_t i = 0; i < count; i++)
            sb_store_le64(out + i * 8, values[i] - base);
        break;
    }
}

/* ---- Fences, sizes ------------------------------------------------------------------------------------- */

sb_col_fences sb_columnar__get_fences(const uint8_t *page)
{
    const uint32_t flags = sb_columnar__flags(page);
    return (sb_col_fences){.low = sb_load_le64(page + SB_COL_LOW),
                           .high = sb_load_le64(page + SB_COL_HIGH),
                           .no_low = (flags & SB_COL_NO_LOW) != 0,
                           .no_high = (flags & SB_COL_NO_HIGH) != 0};
}

void sb_columnar__put_fences(uint8_t *page, const sb_col_fences *fences)
{
    uint32_t flags = sb_columnar__flags(page) & ~(SB_COL_NO_LOW | SB_COL_NO_HIGH);
    flags |= (fences->no_low ? SB_COL_NO_LOW : 0) | (fences->no_high ? SB_COL_NO_HIGH : 0);
    sb_store_le16(page + SB_PAGE_FLAGS, (uint16_t)flags);
    sb_store_le64(page + SB_COL_LOW, fences->no_low ? 0 : fences->low);
    sb_store_le64(page + SB_COL_HIGH, fences->no_high ? 0 : fences->high);
}

uint64_t sb_columnar__separator(uint64_t last, uint64_t first)
{
    for (unsigned bytes = 7; bytes > 0; bytes--) {
        const uint64_t cut = first & ~((1ull << (bytes * 8)) - 1);
        if (cut > last) return cut;
    }
    return first;
}

uint32_t sb_columnar__used(const uint8_t *page, uint32_t page_bytes)
{
    const uint32_t slots = sb_columnar__slots(page), columns = sb_columnar__columns(page),
                   rows = sb_columnar__rows(page);
    uint32_t used = sb_columnar__ids_off(page) +
                    sb_columnar__ids_bytes(slots, page[SB_COL_ID_WIDTH],
                                           (sb_columnar__flags(page) & SB_COL_HOLES) != 0);
    for (uint32_t i = 0; i < columns; i++) {
        sb_colview view;
        sb_columnar__open(page, i, &view);
        const uint32_t place_bytes =
            view.width + (view.class_ == SB_CLASS_BYTES && !view.constant ? 2u : 0u);
        const uint32_t places = view.presence >= SB_PRESENT_PACKED ? view.count : rows;
        used += places * place_bytes;
        if (view.presence == SB_PRESENT_BITMAP) used += (slots + 7) / 8;
        if (view.presence == SB_PRESENT_PACKED) used += SB_BLOCK_HEAD + (slots + 63) / 64 * 10;
        if (view.presence == SB_PRESENT_LIST) used += SB_BLOCK_HEAD + places * 2;
    }
    return used + page_bytes - sb_load_le32(page + SB_COL_HEAP_START) -
           sb_load_le32(page + SB_COL_HEAP_DEAD);
}

/* ---- Structure check ------------------------------------------------------------------------------------- */

/* No bit at or past count in a bitmap of `bytes` bytes. */
static bool bits_end(const uint8_t *map, size_t count, size_t bytes)
{
    if ((count & 7) != 0 && map[count / 8] >> (count & 7) != 0) return false;
    for (size_t i = (count + 7) / 8; i < bytes; i++)
        if (map[i] != 0) return false;
    return true;
}

static bool string_inside(const uint8_t *page, uint32_t page_bytes, uint32_t off, uint64_t code)
{
    const uint32_t bytes = code == SB_CODE_OVERFLOW ? SB_OVERFLOW_REF_BYTES : (uint32_t)code;
    if (code > SB_CODE_OVERFLOW) return false;
    if (bytes == 0) return true;
    return off >= sb_load_le32(page + SB_COL_HEAP_START) && off + bytes <= page_bytes;
}

/* Are the strings of all cells inside the heap? */
static bool strings_inside(const uint8_t *page, uint32_t page_bytes, const sb_colview *view)
{
    const uint32_t slots = sb_columnar__slots(page);
    if (view->constant)
        return view->base >> 32 == 0 && view->base >> 16 < SB_CODE_OVERFLOW &&
               string_inside(page, page_bytes, (uint32_t)(view->base & 0xFFFFu), view->base >> 16);
    if (view->base > SB_CODE_OVERFLOW) return false;
    const bool by_slot = view->presence <= SB_PRESENT_BITMAP;
    const uint32_t count = by_slot ? slots : view->count;
    for (uint32_t i = 0; i < count; i++) {
        if (by_slot && !sb_columnar__live(page, i)) continue;
        if (view->presence == SB_PRESENT_BITMAP && !sb_bit_get(page + view->map, i)) continue;
        const uint64_t code =
            view->base + sb_load_width(page + view->lengths + (size_t)i * view->width, view->width);
        if (!string_inside(page, page_bytes, sb_load_le16(page + view->values + (size_t)i * 2),
                           code))
            return false;
        if (view->key == SB_COLUMN_WIDE && code != SB_CODE_OVERFLOW) return false;
    }
    return true;
}

/* C3 for one column: bits, positions, ranks and count agree, and lie in live slots. */
static bool presence_holds(const uint8_t *page, const sb_colview *view)
{
    const uint32_t slots = sb_columnar__slots(page), capacity = sb_columnar__capacity(page);
    const bool holes = (sb_columnar__flags(page) & SB_COL_HOLES) != 0;
    const uint8_t *live = page + sb_columnar__ids_off(page);

    if (view->presence == SB_PRESENT_ALL) return true;
    if (view->presence == SB_PRESENT_LIST) {
        uint32_t next = 0;
        for (uint32_t i = 0; i < view->count; i++) {
            const uint32_t slot = sb_load_le16(page + view->map + (size_t)i * 2);
            if (slot < next || slot >= slots || (holes && !sb_bit_get(live, slot))) return false;
            next = slot + 1;
        }
        return true;
    }
    const size_t bytes =
        view->presence == SB_PRESENT_BITMAP ? (capacity + 7) / 8 : (capacity + 63) / 64 * 8;
    if (!bits_end(page + view->map, slots, bytes)) return false;
    if (holes)
        for (size_t i = 0; i < (slots + 7) / 8; i++)
            if ((page[view->map + i] & ~live[i]) != 0) return false;
    if (view->presence == SB_PRESENT_PACKED) {
        uint32_t rank = 0;
        for (uint32_t word = 0; word < (capacity + 63) / 64; word++) {
            if (sb_load_le16(page + view->ranks + (size_t)word * 2) != rank) return false;
            rank += sb_popcount64(sb_load_le64(page + view->map + (size_t)word * 8));
        }
        if (rank != view->count) return false;
    }
    return true;
}

static sb_status check_ids(const uint8_t *page, sb_pgno pgno, sb_err *err)
{
    const uint32_t slots = sb_columnar__slots(page), rows = sb_columnar__rows(page),
                   width = page[SB_COL_ID_WIDTH];
    const uint64_t first = sb_columnar__first_id(page);
    const uint8_t *block = page + sb_columnar__ids_off(page);
    const uint32_t flags = sb_columnar__flags(page);
    const sb_col_fences fences = sb_columnar__get_fences(page);

    SB_CHECK_PAGE(err, pgno, fences.no_low || fences.no_high || fences.low < fences.high);
    if ((flags & SB_COL_HOLES) != 0) {
        SB_CHECK_PAGE(err, pgno, width == 0);
        SB_CHECK_PAGE(err, pgno, bits_end(block, slots, (sb_columnar__capacity(page) + 7) / 8));
        SB_CHECK_PAGE(err, pgno, sb_bits_count(block, slots) == rows);
    } else {
        SB_CHECK_PAGE(err, pgno, rows == slots);
    }
    if (width != 0) {
        uint64_t last = 0;
        for (uint32_t i = 0; i < slots; i++) {
            const uint64_t diff = sb_load_width(block + (size_t)i * width, width);
            SB_CHECK_PAGE(err, pgno, i == 0 ? diff == 0 : diff > last);
            last = diff;
        }
        SB_CHECK_PAGE(err, pgno, last <= UINT64_MAX - first);
    }
    if (rows != 0) {
        SB_CHECK_PAGE(err, pgno, width != 0 || first <= UINT64_MAX - (slots - 1));
        size_t front = 0;
        if ((flags & SB_COL_HOLES) != 0) front = sb_bits_next(block, 0, slots);
        SB_CHECK_PAGE(err, pgno, fences.no_low || first + front >= fences.low);
        SB_CHECK_PAGE(err, pgno, fences.no_high || sb_columnar__last_id(page) < fences.high);
    }
    return SB_OK;
}

static sb_status check_column(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno,
                              uint32_t index, uint32_t *end, sb_err *err)
{
    const uint8_t *entry = page + sb_columnar__entry_off(index);
    const uint32_t form = entry[SB_COLENT_FORM], off = sb_load_le16(entry + SB_COLENT_OFF);
    const uint32_t arrays_end = sb_load_le32(page + SB_COL_ARRAYS_END);
    sb_colview view;

    SB_CHECK_PAGE(err, pgno, (form & ~SB_FORM_MASK) == 0 && (form & SB_FORM_WIDTH) <= 4);
    SB_CHECK_PAGE(err, pgno, off >= *end && off <= arrays_end);
    if ((form >> SB_FORM_PRESENCE_SHIFT & SB_FORM_PRESENCE) >= SB_PRESENT_PACKED)
        SB_CHECK_PAGE(err, pgno, off + SB_BLOCK_HEAD <= arrays_end);
    sb_columnar__open(page, index, &view);
    SB_CHECK_PAGE(err, pgno, view.end <= arrays_end);
    SB_CHECK_PAGE(err, pgno,
                  view.presence <= SB_PRESENT_BITMAP ||
                      (view.count <= view.places && view.places <= sb_columnar__capacity(page)));
    *end = view.end;
    switch (view.class_) {
    case SB_CLASS_NULL: SB_CHECK_PAGE(err, pgno, view.width == 0 && !view.constant); break;
    case SB_CLASS_INT:
        SB_CHECK_PAGE(err, pgno, !view.constant && (view.width != 8 || view.base == 1ull << 63));
        break;
    case SB_CLASS_DOUBLE:
        SB_CHECK_PAGE(err, pgno, !view.constant && (view.width == 0 || view.width == 8));
        break;
    default:
        SB_CHECK_PAGE(err, pgno, view.width <= 2 && (!view.constant || view.width == 0));
        break;
    }
    if (index > 0) {
        const uint8_t *prev = entry - SB_COLENT_BYTES;
        SB_CHECK_PAGE(err, pgno,
                      sb_columnar__order(sb_load_le32(prev + SB_COLENT_KEY), prev[SB_COLENT_TYPE]) <
                          sb_columnar__order(view.key, view.type));
    }
    if (view.key == SB_COLUMN_WIDE) {
        SB_CHECK_PAGE(err, pgno, view.type == SB_CLASS_BYTES && !view.constant);
        SB_CHECK_PAGE(err, pgno, (sb_columnar__flags(page) & SB_COL_WIDE) != 0);
    }
    SB_CHECK_PAGE(err, pgno, presence_holds(page, &view));
    if (view.class_ == SB_CLASS_BYTES)
        SB_CHECK_PAGE(err, pgno, strings_inside(page, page_bytes, &view));
    return SB_OK;
}

static sb_status check_leaf(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno, sb_err *err)
{
    const uint32_t slots = sb_columnar__slots(page), capacity = sb_columnar__capacity(page);
    const uint32_t arrays_end = sb_load_le32(page + SB_COL_ARRAYS_END),
                   heap_start = sb_load_le32(page + SB_COL_HEAP_START);
    const uint32_t width = page[SB_COL_ID_WIDTH], flags = sb_columnar__flags(page),
                   columns = sb_columnar__columns(page);

    SB_CHECK_PAGE(err, pgno, page[SB_PAGE_LEVEL] == 0);
    SB_CHECK_PAGE(err, pgno, (flags & ~SB_COL_FLAGS) == 0);
    SB_CHECK_PAGE(err, pgno, slots <= capacity && capacity <= sb_columnar__max_slots(page_bytes));
    SB_CHECK_PAGE(err, pgno, sb_columnar__rows(page) <= slots);
    SB_CHECK_PAGE(err, pgno, width == 0 || width == 2 || width == 4 || width == 8);
    SB_CHECK_PAGE(err, pgno,
                  arrays_end <= heap_start && heap_start <= page_bytes &&
                      arrays_end <= SB_COL_ARRAYS_LIMIT);
    SB_CHECK_PAGE(err, pgno, sb_load_le32(page + SB_COL_HEAP_DEAD) <= page_bytes - heap_start);
    SB_CHECK_PAGE(err, pgno, sb_columnar__ids_off(page) <= arrays_end);
    uint32_t end = sb_columnar__ids_off(page) +
                   sb_columnar__ids_bytes(capacity, width, (flags & SB_COL_HOLES) != 0);
    SB_CHECK_PAGE(err, pgno, end <= arrays_end);
    SB_TRY(check_ids(page, pgno, err));
    for (uint32_t i = 0; i < columns; i++)
        SB_TRY(check_column(page, page_bytes, pgno, i, &end, err));
    if ((flags & SB_COL_WIDE) != 0) {
        SB_CHECK_PAGE(err, pgno, columns > 0);
        SB_CHECK_PAGE(err, pgno,
                      sb_load_le32(page + sb_columnar__entry_off(columns - 1)) == SB_COLUMN_WIDE);
    }
    return SB_OK;
}

/* ---- The table for the core --------------------------------------------------------------------------------- */

static void leaf_fences(const uint8_t *page, uint32_t page_bytes, sb_fences *fences)
{
    const sb_col_fences own = sb_columnar__get_fences(page);
    (void)page_bytes;
    sb_store_be64(fences->buf, own.low);
    sb_store_be64(fences->buf + SB_ROW_KEY_BYTES, own.high);
    fences->low = sb_bytes_of(fences->buf, own.no_low ? 0 : SB_ROW_KEY_BYTES);
    fences->high = sb_bytes_of(fences->buf + SB_ROW_KEY_BYTES, own.no_high ? 0 : SB_ROW_KEY_BYTES);
}

/* A key that may be cut short, filled up with zero bytes. */
static uint64_t id_of_key(sb_bytes key)
{
    uint8_t full[SB_ROW_KEY_BYTES] = {0};
    if (key.size != 0) memcpy(full, key.data, key.size < sizeof full ? key.size : sizeof full);
    return sb_load_be64(full);
}

static sb_status leaf_set_fences(sb_txn *txn, uint8_t *page, sb_bytes low, sb_bytes high,
                                 bool *fits, sb_err *err)
{
    const sb_col_fences fences = {.low = id_of_key(low),
                                  .high = id_of_key(high),
                                  .no_low = low.size == 0,
                                  .no_high = high.size == 0};
    (void)txn;
    (void)err;
    sb_columnar__put_fences(page, &fences);
    *fits = true;
    return SB_OK;
}

static int side_of(const uint8_t *page, uint64_t id)
{
    return sb_columnar__side(page, id);
}

static uint32_t leaf_entries(const uint8_t *page)
{
    return sb_columnar__rows(page);
}

/* Both leaves decoded into one source and written afresh. */
static sb_status leaf_merge(sb_txn *txn, uint8_t *left, const uint8_t *right, bool *fits,
                            sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_buffer *copy = NULL, *right_memory = NULL, *memory = NULL, *scratch = NULL;
    sb_tree_txn *state;
    sb_source right_rows, rows;
    sb_encoder encoder;
    sb_status st;

    *fits = false;
    SB_TRY(sb_tree__txn(txn, &state, err));
    if ((st = sb_tree__buffer_acquire(state, page_bytes, &copy, err)) != SB_OK) goto done;
    memcpy(copy->data, left, page_bytes);
    if ((st = sb_columnar__merge(state, right, NULL, NULL, 0, 0, &right_rows, &right_memory,
                                 err)) != SB_OK)
        goto done;
    if ((st = sb_columnar__merge(state, copy->data, NULL, &right_rows, 0, right_rows.rows, &rows,
                                 &memory, err)) != SB_OK)
        goto done;
    if ((st = sb_tree__buffer_acquire(state, sb_encoder__memory(rows.column_count), &scratch,
                                      err)) != SB_OK)
        goto done;
    sb_col_fences fences = sb_columnar__get_fences(left);
    const sb_col_fences right_fences = sb_columnar__get_fences(right);
    fences.high = right_fences.high;
    fences.no_high = right_fences.no_high;
    if (rows.rows == 0) {
        sb_columnar__write_empty(&fences, left, page_bytes);
        *fits = true;
        goto done;
    }
    sb_encoder__init(&encoder, &rows, page_bytes, page_bytes, scratch->data);
    if (sb_encoder__fit(&encoder, 0, rows.rows) == rows.rows) {
        sb_encoder__write(&encoder, 0, true, &fences, left);
        *fits = true;
    }

done:
    sb_tree__buffer_release(state, scratch);
    sb_tree__buffer_release(state, memory);
    sb_tree__buffer_release(state, right_memory);
    sb_tree__buffer_release(state, copy);
    return st;
}

static sb_status
leaf_overflow_refs(const uint8_t *page, uint32_t page_bytes,
                   sb_status (*visit)(void *ctx, const uint8_t *ref, uint64_t owner), void *ctx)
{
    const uint32_t columns = sb_columnar__columns(page), slots = sb_columnar__slots(page);
    (void)page_bytes;
    for (uint32_t i = 0; i < columns; i++) {
        sb_colview view;
        sb_columnar__open(page, i, &view);
        if (view.class_ != SB_CLASS_BYTES || view.constant ||
            (view.width < 2 && view.base + 0xFF < SB_CODE_OVERFLOW))
            continue;
        for (uint32_t slot = 0; slot < slots; slot++) {
            uint32_t place;
            bool overflow;
            if (!sb_columnar__live(page, slot) || !sb_columnar__place(page, &view, slot, &place))
                continue;
            const sb_bytes ref = sb_columnar__string(page, &view, place, &overflow);
            if (overflow) SB_TRY(visit(ctx, ref.data, sb_columnar__id_at(page, slot)));
        }
    }
    return SB_OK;
}

/* What the structure check does not need for safety: no row has a key under two types, and no dead column. */
static sb_status leaf_verify(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno,
                             sb_finding finding, void *ctx, uint64_t *findings, sb_err *err)
{
    const uint32_t columns = sb_columnar__columns(page), slots = sb_columnar__slots(page);
    (void)page_bytes;
    (void)err;
    for (uint32_t i = 1; i < columns; i++) {
        sb_colview view, before;
        sb_columnar__open(page, i, &view);
        for (uint32_t back = i; back-- > 0;) {
            sb_columnar__open(page, back, &before);
            if (before.key != view.key) break;
            for (uint32_t slot = 0; slot < slots; slot++) {
                uint32_t place;
                if (!sb_columnar__live(page, slot) ||
                    !sb_columnar__place(page, &view, slot, &place) ||
                    !sb_columnar__place(page, &before, slot, &place))
                    continue;
                char text[160];
                (void)snprintf(text, sizeof text, "row %llu has key %u under two types, %u and %u",
                               (unsigned long long)sb_columnar__id_at(page, slot), view.key,
                               before.type, view.type);
                ++*findings;
                if (finding != NULL) finding(ctx, pgno, text);
            }
        }
    }
    if (sb_columnar__rows(page) == 0) {
        ++*findings;
        if (finding != NULL) finding(ctx, pgno, "columnar leaf without rows");
    }
    return SB_OK;
}

const sb_leaf_ops sb_leaf_ops_columnar = {
    .page_kind = SB_PAGE_COLUMNAR,
    .fences = leaf_fences,
    .set_fences = leaf_set_fences,
    .entries = leaf_entries,
    .used_bytes = sb_columnar__used,
    .side = side_of,
    .merge = leaf_merge,
    .check = check_leaf,
    .overflow_refs = leaf_overflow_refs,
    .verify = leaf_verify,
};
