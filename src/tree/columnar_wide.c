/* columnar_wide.c — values and rows too large for a leaf. A string past the inline limit goes to overflow pages of its
 * own. A row whose cells take more than the row limit becomes a wide row: its cells lie in one blob in overflow pages,
 * which column SB_COLUMN_WIDE refers to. Fixed-width system columns stay in the leaf (scans of labels need them), and so do
 * the first long strings (finding the row must not read them).
 *
 * Blob: u32 count, u32 zero, then per cell, in order of (key, type): u32 key, u8 type, 3 zero bytes, u64 word (for
 * BYTES the length), u64 offset of the string from blob start (0 otherwise); then the strings. */
#include "tree/columnar_priv.h"

#define BLOB_HEADER     8u
#define BLOB_ENTRY      24u
#define BLOB_ENTRY_TYPE 4u
#define BLOB_ENTRY_WORD 8u
#define BLOB_ENTRY_OFF  16u
static_assert(BLOB_ENTRY == BLOB_ENTRY_OFF + 8, "blob entry abuts");

/* System cells and long strings that a wide row keeps in its leaf, of each at most. With 16 of each the leaf part
 * of a row stays below a quarter of the smallest page. */
#define WIDE_KEPT 16u

/* ---- Reading ----------------------------------------------------------------------------------------- */

static sb_status check_blob(const uint8_t *data, size_t bytes, sb_err *err)
{
    const uint64_t count = bytes >= BLOB_HEADER ? sb_load_le32(data) : 0;
    const uint64_t strings = BLOB_HEADER + count * BLOB_ENTRY;
    uint64_t order = 0;
    bool good = bytes >= BLOB_HEADER && strings <= bytes;

    for (uint64_t i = 0; good && i < count; i++) {
        const uint8_t *entry = data + BLOB_HEADER + i * BLOB_ENTRY;
        const uint8_t type = entry[BLOB_ENTRY_TYPE];
        const uint64_t own = sb_columnar__order(sb_load_le32(entry), type);
        good = (i == 0 || own > order) && sb_load_le32(entry) != SB_COLUMN_WIDE;
        order = own;
        if ((type & SB_CLASS_MASK) != SB_CLASS_BYTES) continue;
        const uint64_t off = sb_load_le64(entry + BLOB_ENTRY_OFF),
                       length = sb_load_le64(entry + BLOB_ENTRY_WORD);
        good = good && off >= strings && off <= bytes && length <= bytes - off;
    }
    if (!good)
        return SB_FAIL(err, SB_CORRUPT,
                       "a wide row is damaged: its list of cells does not fit its %zu bytes",
                       bytes);
    return SB_OK;
}

sb_status sb_columnar__load_wide(sb_txn *txn, const uint8_t *page, uint32_t slot, uint8_t **data,
                                 size_t *bytes, sb_err *err)
{
    sb_buffer blob;
    sb_colview view;
    uint32_t place;
    bool overflow;
    sb_status st;

    *data = NULL;
    *bytes = 0;
    if ((sb_columnar__flags(page) & SB_COL_WIDE) == 0) return SB_OK;
    sb_columnar__open(page, sb_columnar__columns(page) - 1, &view);
    if (!sb_columnar__place(page, &view, slot, &place)) return SB_OK;
    const sb_bytes ref = sb_columnar__string(page, &view, place, &overflow);
    sb_buffer_init(&blob, sb_pager_alloc(sb_txn_pager(txn)));
    st = sb_overflow_read(txn, ref.data, &blob, err);
    if (st == SB_OK) st = check_blob(blob.data, blob.size, err);
    if (st != SB_OK) {
        sb_buffer_deinit(&blob);
        return st;
    }
    *data = blob.data;
    *bytes = blob.capacity;
    return SB_OK;
}

bool sb_columnar__wide_seek(const uint8_t *data, uint64_t order, sb_cell *cell)
{
    const uint32_t total = sb_load_le32(data);
    uint32_t low = 0, count = total;

    while (count > 0) {
        const uint32_t half = count / 2;
        const uint8_t *entry = data + BLOB_HEADER + (size_t)(low + half) * BLOB_ENTRY;
        const bool below = sb_columnar__order(sb_load_le32(entry), entry[BLOB_ENTRY_TYPE]) < order;
        low += below ? half + 1 : 0;
        count = below ? count - half - 1 : half;
    }
    if (low == total) return false;
    const uint8_t *entry = data + BLOB_HEADER + (size_t)low * BLOB_ENTRY;
    *cell = (sb_cell){.key = sb_load_le32(entry),
                      .type = entry[BLOB_ENTRY_TYPE],
                      .word = sb_load_le64(entry + BLOB_ENTRY_WORD)};
    if ((cell->type & SB_CLASS_MASK) == SB_CLASS_BYTES)
        cell->bytes = sb_bytes_of(data + sb_load_le64(entry + BLOB_ENTRY_OFF), (size_t)cell->word);
    return true;
}

/* ---- Writing ------------------------------------------------------------------------------------------- */

bool sb_columnar__plain(const sb_source *source, uint32_t page_bytes)
{
    uint64_t row = 0;
    for (size_t k = 0; k < source->column_count; k++) {
        const sb_source_column *column = &source->columns[k];
        row += SB_COL_CELL_COST;
        if (row > sb_columnar__row_limit(page_bytes)) return false;
        if ((column->type & SB_CLASS_MASK) != SB_CLASS_BYTES) continue;
        size_t longest = 0;
        for (size_t i = 0; i < source->rows; i++)
            if (sb_source__has(column, i) && column->bytes[i].size > longest)
                longest = column->bytes[i].size;
        if (longest > sb_columnar__inline_limit(page_bytes)) return false;
        row += longest;
    }
    return row <= sb_columnar__row_limit(page_bytes);
}

/* A window of rows being prepared. */
typedef struct prepare {
    sb_txn *txn;
    uint32_t tree, inline_limit;
    const sb_source *source;
    size_t from, count;
    sb_source_column *columns; /* as the source's, then WIDE */
    uint8_t *wide;             /* bitmap: rows that become wide */
    sb_bytes *wide_refs;       /* per row */
    uint8_t *refs;             /* next free place for a reference */
} prepare;

static bool is_strings(const sb_source_column *column)
{
    return (column->type & SB_CLASS_MASK) == SB_CLASS_BYTES;
}

static bool is_ref(const sb_source_column *column, size_t row)
{
    return column->overflow != NULL && sb_bit_get(column->overflow, row);
}

/* Put a string out, leaving its reference in the window. */
static sb_status put_out(prepare *p, size_t i, sb_bytes value, sb_bytes *ref, sb_err *err)
{
    SB_TRY(sb_overflow_write(p->txn, p->tree, p->source->ids[p->from + i], value, p->refs, err));
    *ref = sb_bytes_of(p->refs, SB_OVERFLOW_REF_BYTES);
    p->refs += SB_OVERFLOW_REF_BYTES;
    return SB_OK;
}

/* Is cell k of row i kept in the leaf, though the row is wide? Counts what was kept. */
static bool keeps(const prepare *p, const sb_source_column *column, size_t row,
                  uint32_t *system_kept, uint32_t *long_kept)
{
    if (!is_strings(column)) return column->key >= SB_COLUMN_SYSTEM && (*system_kept)++ < WIDE_KEPT;
    return (is_ref(column, row) || column->bytes[row].size > p->inline_limit) &&
           (*long_kept)++ < WIDE_KEPT;
}

static sb_status blob_add(prepare *p, sb_buffer *blob, size_t entry_at,
                          const sb_source_column *column, size_t row, sb_err *err)
{
    uint8_t entry[BLOB_ENTRY] = {0};
    const size_t off = blob->size;

    sb_store_le32(entry, column->key);
    entry[BLOB_ENTRY_TYPE] = column->type;
    if (!is_strings(column)) {
        if ((column->type & SB_CLASS_MASK) != SB_CLASS_NULL) {
            SB_ASSERT(column->words != NULL);
            sb_store_le64(entry + BLOB_ENTRY_WORD, column->words[row]);
        }
    } else {
        if (is_ref(column, row)) {
            SB_TRY(sb_overflow_read(p->txn, column->bytes[row].data, blob, err));
            SB_TRY(sb_overflow_free(p->txn, column->bytes[row].data, err));
        } else if (sb_buffer_append(blob, column->bytes[row].data, column->bytes[row].size) !=
                   SB_OK) {
            return SB_FAIL_NOMEM(err);
        }
        sb_store_le64(entry + BLOB_ENTRY_WORD, blob->size - off);
        sb_store_le64(entry + BLOB_ENTRY_OFF, off);
    }
    memcpy(blob->data + entry_at, entry, sizeof entry);
    return SB_OK;
}

/* Write the blob of row i and mark its cells absent in the window's columns. */
static sb_status make_wide(prepare *p, size_t i, sb_buffer *blob, sb_err *err)
{
    const size_t row = p->from + i;
    uint32_t count = 0, system_kept = 0, long_kept = 0;

    for (size_t k = 0; k < p->source->column_count; k++) {
        const sb_source_column *column = &p->source->columns[k];
        if (sb_source__has(column, row) && !keeps(p, column, row, &system_kept, &long_kept))
            count++;
    }
    sb_buffer_reset(blob);
    const size_t strings = BLOB_HEADER + (size_t)count * BLOB_ENTRY;
    if (sb_buffer_reserve(blob, strings) != SB_OK) return SB_FAIL_NOMEM(err);
    memset(blob->data, 0, strings);
    sb_store_le32(blob->data, count);
    blob->size = strings;

    size_t entry_at = BLOB_HEADER;
    system_kept = long_kept = 0;
    for (size_t k = 0; k < p->source->column_count; k++) {
        const sb_source_column *column = &p->source->columns[k];
        if (!sb_source__has(column, row) || keeps(p, column, row, &system_kept, &long_kept))
            continue;
        SB_TRY(blob_add(p, blob, entry_at, column, row, err));
        entry_at += BLOB_ENTRY;
        uint8_t *present = (uint8_t *)(uintptr_t)p->columns[k].present;
        sb_bit_clear(present, i);
    }
    sb_bit_set(p->wide, i);
    return put_out(p, i, sb_buffer_bytes(blob), &p->wide_refs[i], err);
}

/* Long strings that stay in the leaf go out by themselves. */
static sb_status put_long_strings(prepare *p, size_t k, sb_bytes *bytes, uint8_t *overflow,
                                  sb_err *err)
{
    const sb_source_column *column = &p->source->columns[k];
    bool any = false;
    for (size_t i = 0; i < p->count; i++) {
        const size_t row = p->from + i;
        if (!sb_bit_get(p->columns[k].present, i)) continue;
        bytes[i] = column->bytes[row];
        if (is_ref(column, row)) {
            memcpy(p->refs, column->bytes[row].data, SB_OVERFLOW_REF_BYTES);
            bytes[i] = sb_bytes_of(p->refs, SB_OVERFLOW_REF_BYTES);
            p->refs += SB_OVERFLOW_REF_BYTES;
        } else if (bytes[i].size > p->inline_limit) {
            SB_TRY(put_out(p, i, column->bytes[row], &bytes[i], err));
        } else {
            continue;
        }
        sb_bit_set(overflow, i);
        any = true;
    }
    p->columns[k].overflow = any ? overflow : NULL;
    return SB_OK;
}

#define ROUND16(bytes) (((bytes) + 15) & ~(size_t)15)

static void *carve(uint8_t **at, size_t bytes)
{
    void *block = *at;
    *at += ROUND16(bytes);
    return block;
}

sb_status sb_columnar__prepare(sb_txn *txn, uint32_t tree, const sb_source *source, size_t from,
                               size_t count, sb_source *prepared, sb_buffer **memory, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    const size_t columns = source->column_count, map_bytes = (count + 7) / 8;
    size_t bytes = ROUND16((columns + 1) * sizeof(sb_source_column)) +
                   (columns * 2 + 1) * ROUND16(map_bytes) + ROUND16(count * sizeof(uint32_t)) +
                   ROUND16(count * sizeof(sb_bytes)) + count * SB_OVERFLOW_REF_BYTES;
    sb_tree_txn *state;
    sb_buffer *blob = NULL;
    sb_status st;

    SB_TRY(sb_tree__txn(txn, &state, err));
    for (size_t k = 0; k < columns; k++)
        if (is_strings(&source->columns[k]))
            bytes += ROUND16(count * sizeof(sb_bytes)) + count * SB_OVERFLOW_REF_BYTES;
    SB_TRY(sb_tree__buffer_acquire(state, bytes, memory, err));
    if ((st = sb_tree__buffer_acquire(state, page_bytes, &blob, err)) != SB_OK) return st;

    uint8_t *at = (*memory)->data;
    prepare p = {.txn = txn,
                 .tree = tree,
                 .inline_limit = sb_columnar__inline_limit(page_bytes),
                 .source = source,
                 .from = from,
                 .count = count};
    p.columns = carve(&at, (columns + 1) * sizeof *p.columns);
    uint32_t *costs = carve(&at, count * sizeof *costs);
    p.wide = carve(&at, map_bytes);
    p.wide_refs = carve(&at, count * sizeof *p.wide_refs);
    memset(costs, 0, count * sizeof *costs);
    memset(p.wide, 0, map_bytes);

    /* 1. Presence of the window, and what each row takes in the leaf. */
    for (size_t k = 0; k < columns; k++) {
        const sb_source_column *column = &source->columns[k];
        uint8_t *present = carve(&at, map_bytes);
        if (column->present == NULL)
            sb_columnar__set_bits(present, count);
        else
            sb_columnar__copy_bits(present, column->present, from, count);
        p.columns[k] =
            (sb_source_column){.key = column->key,
                               .type = column->type,
                               .present = present,
                               .words = column->words == NULL ? NULL : column->words + from};
        for (size_t i = sb_bits_next(present, 0, count); i < count;
             i = sb_bits_next(present, i + 1, count)) {
            costs[i] += SB_COL_CELL_COST;
            if (!is_strings(column)) continue;
            const size_t length = column->bytes[from + i].size;
            costs[i] += is_ref(column, from + i) || length > p.inline_limit ? SB_OVERFLOW_REF_BYTES
                                                                            : (uint32_t)length;
        }
    }
    p.refs = carve(&at, count * SB_OVERFLOW_REF_BYTES);

    /* 2. Rows that are too large for a leaf. */
    bool any_wide = false;
    for (size_t i = 0; i < count && st == SB_OK; i++) {
        if (costs[i] <= sb_columnar__row_limit(page_bytes)) continue;
        any_wide = true;
        st = make_wide(&p, i, blob, err);
    }

    /* 3. Long strings of what is left. */
    for (size_t k = 0; k < columns && st == SB_OK; k++) {
        if (!is_strings(&source->columns[k])) continue;
        sb_bytes *strings = carve(&at, count * sizeof *strings);
        uint8_t *overflow = carve(&at, map_bytes);
        p.refs = carve(&at, count * SB_OVERFLOW_REF_BYTES);
        memset(overflow, 0, map_bytes);
        p.columns[k].bytes = strings;
        st = put_long_strings(&p, k, strings, overflow, err);
    }
    if (any_wide)
        p.columns[columns] = (sb_source_column){.key = SB_COLUMN_WIDE,
                                                .type = SB_CLASS_BYTES,
                                                .present = p.wide,
                                                .bytes = p.wide_refs,
                                                .overflow = p.wide};
    *prepared = (sb_source){.ids = source->ids + from,
                            .rows = count,
                            .columns = p.columns,
                            .column_count = columns + any_wide};
    sb_tree__buffer_release(state, blob);
    return st;
}
