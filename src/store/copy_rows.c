/* copy_rows.c — a columnar tree's rows as batches of columns, for rebuilding it: leaf by leaf, in pieces that bound the
 * memory (rows, columns × rows, bytes of long values). Overflow values are read whole; the builder gives them pages of
 * their own again. */
#include "store/store_priv.h"

#define ROWS_MAX       1024u
#define CELLS_MAX      (256u * 1024u) /* columns × rows */
#define LONG_BYTES_MAX (16u * 1024u * 1024u)

typedef struct row_copy {
    sb_txn *txn;
    const sb_allocator *alloc;
    sb_row_scan *scan;
    sb_build *build;
    sb_err *err;
    sb_map index;      /* key << 8 | type → column */
    sb_buffer order;   /* sb_pair[]: (key << 8 | type, column), then as much scratch */
    sb_buffer words;   /* uint64_t[column][row] */
    sb_buffer bytes;   /* sb_bytes[column][row] */
    sb_buffer present; /* bitmap of row_count bits, rounded up to bytes, for each column */
    sb_buffer columns; /* sb_column[] */
    sb_buffer values;  /* long values of the piece; reserved before it is filled */
} row_copy;

static uint64_t column_key(const sb_cell *cell)
{
    return (uint64_t)cell->key << 8 | cell->type;
}

/* Columns of one more row; *long_bytes grows by its overflow values. */
static sb_status count_row(row_copy *c, const sb_row *row, size_t *column_count,
                           uint64_t *long_bytes)
{
    sb_cell cell;

    for (size_t pos = 0; sb_row_next_cell(row, &pos, &cell);) {
        bool inserted;
        uint64_t *place = sb_map_at(&c->index, column_key(&cell), &inserted);
        if (place == NULL) return SB_FAIL_NOMEM(c->err);
        if (inserted) {
            const sb_pair pair = {.key = column_key(&cell), .value = *column_count};
            *place = (*column_count)++;
            if (sb_buffer_append(&c->order, &pair, sizeof pair) != SB_OK)
                return SB_FAIL_NOMEM(c->err);
        }
        if (!cell.overflow) continue;
        SB_TRY(sb_overflow_fits(c->txn, cell.word, c->err));
        *long_bytes += cell.word;
        SB_TRY(sb_overflow_fits(c->txn, *long_bytes, c->err));
    }
    return SB_OK;
}

/* How many rows from begin on make the next piece, and their columns. */
static sb_status measure(row_copy *c, size_t begin, size_t leaf_rows, size_t *row_count,
                         size_t *column_count, uint64_t *long_bytes)
{
    sb_map_clear(&c->index);
    sb_buffer_reset(&c->order);
    *row_count = *column_count = 0;
    *long_bytes = 0;
    while (begin + *row_count < leaf_rows && *row_count < ROWS_MAX &&
           *column_count * (*row_count + 1) < CELLS_MAX && *long_bytes < LONG_BYTES_MAX) {
        SB_TRY(
            count_row(c, sb_row_scan_row(c->scan, begin + *row_count), column_count, long_bytes));
        ++*row_count;
    }
    return SB_OK;
}

static sb_status reserve_zero(sb_buffer *buffer, size_t count, size_t size)
{
    size_t bytes;

    sb_buffer_reset(buffer);
    if (!sb_mul_size(count, size, &bytes)) return SB_NOMEM;
    SB_TRY(sb_buffer_reserve(buffer, bytes));
    if (bytes != 0) memset(buffer->data, 0, bytes);
    return SB_OK;
}

static sb_status fill_row(row_copy *c, const sb_row *row, size_t i, size_t row_count)
{
    uint64_t *words = (uint64_t *)(void *)c->words.data;
    sb_bytes *bytes = (sb_bytes *)(void *)c->bytes.data;
    sb_cell cell;

    for (size_t pos = 0; sb_row_next_cell(row, &pos, &cell);) {
        const size_t column = (size_t)*sb_map_find(&c->index, column_key(&cell));
        sb_bit_set(c->present.data + column * ((row_count + 7) / 8), i);
        words[column * row_count + i] = cell.word;
        bytes[column * row_count + i] = cell.bytes;
        if (!cell.overflow) continue;
        const size_t off = c->values.size; /* reserved: the block does not move */
        SB_TRY(sb_cell_read(c->txn, &cell, &c->values, c->err));
        bytes[column * row_count + i] = sb_bytes_of(c->values.data + off, c->values.size - off);
    }
    return SB_OK;
}

/* The columns in order of (key, type), over the filled arrays. */
static sb_status list_columns(row_copy *c, size_t row_count, size_t column_count)
{
    sb_pair *order;

    if (sb_buffer_reserve(&c->order, column_count * sizeof *order) != SB_OK ||
        reserve_zero(&c->columns, column_count, sizeof(sb_column)) != SB_OK) {
        return SB_FAIL_NOMEM(c->err);
    }
    order = (sb_pair *)(void *)c->order.data;
    if (column_count > 1) sb_pairs_sort(order, order + column_count, column_count);
    sb_column *columns = (sb_column *)(void *)c->columns.data;
    for (size_t i = 0; i < column_count; i++) {
        const size_t column = (size_t)order[i].value;
        const uint8_t *present = c->present.data + column * ((row_count + 7) / 8);
        columns[i] = (sb_column){
            .key = (uint32_t)(order[i].key >> 8),
            .type = (uint8_t)order[i].key,
            .present = sb_bits_count(present, row_count) == row_count ? NULL : present,
            .words = (const uint64_t *)(const void *)c->words.data + column * row_count,
            .bytes = (const sb_bytes *)(const void *)c->bytes.data + column * row_count};
    }
    return SB_OK;
}

static sb_status copy_piece(row_copy *c, size_t begin, size_t leaf_rows, size_t *row_count)
{
    size_t column_count;
    uint64_t long_bytes;

    SB_TRY(measure(c, begin, leaf_rows, row_count, &column_count, &long_bytes));
    if (long_bytes > SIZE_MAX / 2 ||
        reserve_zero(&c->words, column_count * *row_count, sizeof(uint64_t)) != SB_OK ||
        reserve_zero(&c->bytes, column_count * *row_count, sizeof(sb_bytes)) != SB_OK ||
        reserve_zero(&c->present, column_count, (*row_count + 7) / 8) != SB_OK) {
        return SB_FAIL_NOMEM(c->err);
    }
    sb_buffer_reset(&c->values);
    if (sb_buffer_reserve(&c->values, (size_t)long_bytes) != SB_OK) return SB_FAIL_NOMEM(c->err);
    for (size_t i = 0; i < *row_count; i++) {
        SB_TRY(fill_row(c, sb_row_scan_row(c->scan, begin + i), i, *row_count));
    }
    SB_TRY(list_columns(c, *row_count, column_count));
    const sb_rows rows = {.ids = sb_row_scan_ids(c->scan) + begin,
                          .row_count = *row_count,
                          .columns = (const sb_column *)(const void *)c->columns.data,
                          .column_count = column_count};
    return sb_build_rows(c->build, &rows, c->err);
}

static sb_status copy_leaves(row_copy *c, sb_status (*leaf_done)(void *ctx), void *ctx)
{
    size_t leaf_rows;

    for (;;) {
        SB_TRY(sb_row_scan_next(c->scan, &leaf_rows, c->err));
        if (leaf_rows == 0) return SB_OK;
        for (size_t begin = 0, count; begin < leaf_rows; begin += count) {
            SB_TRY(copy_piece(c, begin, leaf_rows, &count));
        }
        SB_TRY(leaf_done(ctx));
    }
}

sb_status sb_store__copy_rows(sb_view *from, const sb_tree *source, sb_build *build,
                              sb_status (*leaf_done)(void *ctx), void *ctx, sb_err *err)
{
    row_copy c = {.txn = from->txn, .alloc = from->alloc, .build = build, .err = err};

    SB_TRY(sb_row_scan_open(from->txn, source, 0, UINT64_MAX, &c.scan, err));
    sb_map_init(&c.index, c.alloc);
    sb_buffer *const buffers[] = {&c.order, &c.words, &c.bytes, &c.present, &c.columns, &c.values};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        sb_buffer_init(buffers[i], c.alloc);
    }
    const sb_status st = copy_leaves(&c, leaf_done, ctx);
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        sb_buffer_deinit(buffers[i]);
    }
    sb_map_deinit(&c.index);
    sb_row_scan_close(c.scan);
    return st;
}
