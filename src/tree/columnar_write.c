/* columnar_write.c — putting rows into columnar leaves. A batch is taken in runs, all rows of one leaf at once: as many as
 * possible in place; what does not go in place is merged with the leaf and written afresh, or, when it follows a
 * leaf that is full, starts new leaves encoded straight from the caller's arrays. */
#include "tree/columnar_priv.h"

/* A leaf with less than this share of the page free is full: rows that follow it begin a new leaf. */
#define FULL_EIGHTHS 7u
/* New leaves put into the parent by one call. */
#define PARTS 32u
/* Rows merged into the middle of a leaf at once. */
#define MERGE_ROWS 512u

/* ---- Checking what the caller gives ------------------------------------------------------------------ */

sb_status sb_columnar__check_rows(const sb_rows *rows, sb_err *err)
{
    uint64_t descents = 0;
    for (size_t i = 1; i < rows->row_count; i++)
        descents += rows->ids[i] <= rows->ids[i - 1];
    if (descents != 0) return SB_FAIL(err, SB_MISUSE, "row ids are not strictly ascending");
    for (size_t k = 0; k < rows->column_count; k++) {
        const sb_column *column = &rows->columns[k];
        const uint8_t class_ = column->type & SB_CLASS_MASK;
        if (column->key == SB_COLUMN_WIDE)
            return SB_FAIL(err, SB_MISUSE, "column key %u is reserved", column->key);
        if (k > 0 && sb_columnar__order(column->key, column->type) <=
                         sb_columnar__order(column[-1].key, column[-1].type))
            return SB_FAIL(err, SB_MISUSE,
                           "columns are not sorted by key and type: key %u, type %u", column->key,
                           column->type);
        if ((class_ == SB_CLASS_BYTES && column->bytes == NULL) ||
            ((class_ == SB_CLASS_INT || class_ == SB_CLASS_DOUBLE) && column->words == NULL))
            return SB_FAIL(err, SB_MISUSE, "column %u of type %u has no values", column->key,
                           column->type);
    }
    return SB_OK;
}

sb_status sb_columnar__source(sb_tree_txn *state, const sb_rows *rows, sb_source *source,
                              sb_buffer **memory, sb_err *err)
{
    SB_TRY(sb_tree__buffer_acquire(state, rows->column_count * sizeof(sb_source_column) + 1, memory,
                                   err));
    sb_source_column *columns = (sb_source_column *)(void *)(*memory)->data;
    for (size_t k = 0; k < rows->column_count; k++) {
        const sb_column *column = &rows->columns[k];
        columns[k] = (sb_source_column){.key = column->key,
                                        .type = column->type,
                                        .present = column->present,
                                        .words = column->words,
                                        .bytes = column->bytes};
    }
    *source = (sb_source){.ids = rows->ids,
                          .rows = rows->row_count,
                          .columns = columns,
                          .column_count = rows->column_count};
    return SB_OK;
}

/* ---- New leaves ------------------------------------------------------------------------------------------ */

static sb_status descend_to(sb_txn *txn, const sb_tree *tree, uint64_t id, sb_pgno pgno,
                            sb_path *path, sb_err *err)
{
    uint8_t key[SB_ROW_KEY_BYTES];
    sb_store_be64(key, id);
    SB_TRY(sb_tree__descend(txn, tree, sb_bytes_of(key, sizeof key), path, err));
    SB_CHECK_PAGE(err, pgno, path->leaf == pgno);
    return SB_OK;
}

/* New leaves that will follow one; their separators go into the parent together. */
typedef struct part_list {
    sb_part *parts;
    uint8_t (*lows)[SB_ROW_KEY_BYTES];
    size_t count;
} part_list;

static sb_status add_part(part_list *list, sb_txn *txn, const sb_tree *tree, uint64_t low,
                          uint8_t **bytes, sb_err *err)
{
    sb_part *part = &list->parts[list->count];
    sb_store_be64(list->lows[list->count], low);
    part->low = sb_bytes_of(list->lows[list->count], SB_ROW_KEY_BYTES);
    SB_TRY(sb_page_alloc(txn, SB_PAGE_COLUMNAR, tree->id, &part->pgno, bytes, err));
    list->count++;
    return SB_OK;
}

/* Rows [from, end) of a source follow the last row of a leaf: new leaves, each filled, straight from the source. */
static sb_status append_leaves(sb_txn *txn, sb_tree *tree, sb_encoder *encoder, uint8_t *page,
                               sb_pgno pgno, size_t from, size_t end, size_t *taken, sb_err *err)
{
    const uint64_t *ids = encoder->source->ids;
    uint8_t lows[PARTS][SB_ROW_KEY_BYTES];
    sb_part parts[PARTS] = {{.pgno = pgno}};
    part_list list = {.parts = parts, .lows = lows, .count = 1};
    sb_col_fences own = sb_columnar__get_fences(page), fences = own;
    uint64_t last = sb_columnar__last_id(page);
    sb_path path;

    SB_TRY(descend_to(txn, tree, last, pgno, &path, err));
    fences.no_low = false;
    fences.low = sb_columnar__separator(last, ids[from]);
    own.high = fences.low;
    own.no_high = false;
    for (*taken = 0; from + *taken < end && list.count < PARTS;) {
        const size_t start = from + *taken;
        const size_t count = sb_encoder__fit(encoder, start, end - start);
        const bool more = start + count < end && list.count + 1 < PARTS;
        sb_col_fences part = fences;
        uint8_t *bytes;
        if (more) {
            part.no_high = false;
            part.high = sb_columnar__separator(ids[start + count - 1], ids[start + count]);
        }
        SB_TRY(add_part(&list, txn, tree, part.low, &bytes, err));
        sb_encoder__write(encoder, start, !more, &part, bytes);
        fences.low = part.high;
        *taken += count;
        if (!more) break;
    }
    sb_columnar__put_fences(page, &own);
    return sb_tree__split(txn, tree, &path, parts, list.count, err);
}

/* ---- Rewriting one leaf ------------------------------------------------------------------------------------- */

sb_status sb_columnar__rewrite(sb_txn *txn, sb_tree *tree, uint8_t *page, sb_pgno pgno,
                               const sb_source *source, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_buffer *scratch = NULL, *part_memory = NULL;
    sb_col_fences fences = sb_columnar__get_fences(page);
    sb_encoder encoder;
    sb_tree_txn *state;
    sb_path path;
    sb_status st = SB_OK;

    SB_TRY(sb_tree__txn(txn, &state, err));
    SB_TRY(sb_tree__buffer_acquire(state, sb_encoder__memory(source->column_count), &scratch, err));
    sb_encoder__init(&encoder, source, page_bytes, page_bytes, scratch->data);
    sb_tree__count_rebuilds(state, 1);
    encoder.hint = source->rows;
    size_t leaves = 1, fitted = sb_encoder__fit(&encoder, 0, source->rows);
    if (fitted == source->rows) {
        sb_encoder__write(&encoder, 0, true, &fences, page);
        goto done;
    }

    /* Several leaves: as few as it takes, with about as many rows each. */
    for (; fitted < source->rows; leaves++)
        fitted += sb_encoder__fit(&encoder, fitted, source->rows - fitted);
    const size_t target = (source->rows + leaves - 1) / leaves;
    encoder.hint = target;
    const size_t most = source->rows;
    if ((st = sb_tree__buffer_acquire(state, most * (sizeof(sb_part) + SB_ROW_KEY_BYTES),
                                      &part_memory, err)) != SB_OK)
        goto done;
    part_list list = {.parts = (sb_part *)(void *)part_memory->data, .count = 1};
    list.lows = (uint8_t(*)[SB_ROW_KEY_BYTES])(void *)(part_memory->data + most * sizeof(sb_part));
    list.parts[0] = (sb_part){.pgno = pgno};
    if ((st = descend_to(txn, tree, source->ids[0], pgno, &path, err)) != SB_OK) goto done;
    for (size_t at = 0; at < source->rows;) {
        const size_t left = source->rows - at;
        const size_t count = sb_encoder__fit(&encoder, at, left < target ? left : target);
        sb_col_fences part = fences;
        uint8_t *bytes = page;
        if (count < left) {
            part.no_high = false;
            part.high =
                sb_columnar__separator(source->ids[at + count - 1], source->ids[at + count]);
        }
        if (at != 0 && (st = add_part(&list, txn, tree, part.low, &bytes, err)) != SB_OK) goto done;
        sb_encoder__write(&encoder, at, true, &part, bytes);
        fences.no_low = false;
        fences.low = part.high;
        at += count;
    }
    st = sb_tree__split(txn, tree, &path, list.parts, list.count, err);

done:
    sb_tree__buffer_release(state, part_memory);
    sb_tree__buffer_release(state, scratch);
    return st;
}

sb_status sb_columnar__free_refs(sb_txn *txn, const uint8_t *page, uint32_t slot, sb_err *err)
{
    const uint32_t columns = sb_columnar__columns(page);
    for (uint32_t i = 0; i < columns; i++) {
        sb_colview view;
        uint32_t place;
        bool overflow;
        sb_columnar__open(page, i, &view);
        if (view.class_ != SB_CLASS_BYTES || view.constant ||
            !sb_columnar__place(page, &view, slot, &place))
            continue;
        const sb_bytes ref = sb_columnar__string(page, &view, place, &overflow);
        if (overflow) SB_TRY(sb_overflow_free(txn, ref.data, err));
    }
    return SB_OK;
}

/* Merge rows [from, from + window) with the leaf. When they all follow its last row (append) the leaf is filled
 * and the rest is left to the next round; *taken 0: not one of them fits. */
static sb_status merge_leaf(sb_txn *txn, sb_tree *tree, const sb_source *source, size_t from,
                            size_t window, bool append, bool free_replaced, uint8_t *page,
                            sb_pgno pgno, size_t *taken, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_buffer *copy = NULL, *memory = NULL, *scratch = NULL;
    sb_tree_txn *state;
    sb_source merged;
    sb_status st;

    *taken = 0;
    SB_TRY(sb_tree__txn(txn, &state, err));
    SB_TRY(sb_tree__buffer_acquire(state, page_bytes, &copy, err));
    memcpy(copy->data, page, page_bytes);
    for (size_t i = 0; !append && free_replaced && i < window; i++) {
        const uint32_t slot = sb_columnar__slot_of(copy->data, source->ids[from + i]);
        if (slot != SB_SLOT_NONE &&
            (st = sb_columnar__free_refs(txn, copy->data, slot, err)) != SB_OK)
            goto done;
    }
    if ((st = sb_columnar__merge(state, copy->data, NULL, source, from, window, &merged, &memory,
                                 err)) != SB_OK)
        goto done;
    if (append) {
        const size_t before = sb_columnar__rows(copy->data);
        sb_encoder encoder;
        if ((st = sb_tree__buffer_acquire(state, sb_encoder__memory(merged.column_count), &scratch,
                                          err)) != SB_OK)
            goto done;
        sb_encoder__init(&encoder, &merged, page_bytes, page_bytes, scratch->data);
        encoder.hint = before;
        const size_t count = sb_encoder__fit(&encoder, 0, merged.rows);
        if (count > before) {
            const sb_col_fences fences = sb_columnar__get_fences(page);
            sb_encoder__write(&encoder, 0, count == merged.rows, &fences, page);
            sb_tree__count_rebuilds(state, 1);
            *taken = count - before;
            goto done;
        }
        if (count == before) goto done;
    }
    st = sb_columnar__rewrite(txn, tree, page, pgno, &merged, err);
    *taken = window;

done:
    sb_tree__buffer_release(state, scratch);
    sb_tree__buffer_release(state, memory);
    sb_tree__buffer_release(state, copy);
    return st;
}

/* ---- A batch ------------------------------------------------------------------------------------------------------ */

/* First of ids [from, count) that is not below the high fence, by doubling steps: batches mostly lie in one leaf or
 * pass over many. */
static size_t run_end(const uint64_t *ids, size_t from, size_t count, const sb_col_fences *fences)
{
    size_t step = 1, low = from, high;
    if (fences->no_high || ids[count - 1] < fences->high) return count;
    while (low + step < count && ids[low + step] < fences->high) {
        low += step;
        step *= 2;
    }
    high = low + step < count ? low + step : count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (ids[middle] < fences->high)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Put some of the rows from `from` on, all of one leaf; at least one. */
static sb_status put_some(sb_txn *txn, sb_tree *tree, sb_encoder *encoder, size_t from,
                          bool free_replaced, size_t *taken, sb_err *err)
{
    const sb_source *source = encoder->source;
    const uint32_t page_bytes = encoder->page_bytes;
    sb_tree_txn *state;
    sb_page held;
    sb_pgno pgno;
    uint8_t *page;

    SB_TRY(sb_tree__txn(txn, &state, err));
    if (tree->root == SB_PGNO_NONE) {
        const sb_col_fences open = {.no_low = true, .no_high = true};
        SB_TRY(sb_tree__plant(txn, tree, &pgno, &page, err));
        sb_columnar__write_empty(&open, page, page_bytes);
    } else {
        SB_TRY(sb_tree__leaf_of_id(txn, tree, source->ids[from], &held, &pgno, err));
        sb_page_release(txn, &held);
        SB_TRY(sb_page_mut(txn, pgno, &page, err));
    }
    const sb_col_fences fences = sb_columnar__get_fences(page);
    const size_t end = run_end(source->ids, from, source->rows, &fences);
    SB_CHECK_PAGE(err, pgno, end > from && (fences.no_low || source->ids[from] >= fences.low));

    *taken = 0;
    if (sb_columnar__rows(page) == 0) {
        *taken = sb_encoder__fit(encoder, from, end - from);
        sb_encoder__write(encoder, from, *taken == end - from, &fences, page);
        return SB_OK;
    }
    for (size_t put = 1; put != 0 && from + *taken < end; *taken += put)
        put = sb_columnar__insert(page, page_bytes, source, from + *taken, end - from - *taken);
    if (*taken != 0) {
        sb_tree__count_in_place(state, *taken);
        return SB_OK;
    }

    const uint32_t used = sb_columnar__used(page, page_bytes), rows = sb_columnar__rows(page);
    const bool append = source->ids[from] > sb_columnar__last_id(page);
    if (append && used >= page_bytes / 8 * FULL_EIGHTHS)
        return append_leaves(txn, tree, encoder, page, pgno, from, end, taken, err);
    size_t window = MERGE_ROWS;
    if (append) window = (size_t)((uint64_t)rows * page_bytes / used) + MERGE_ROWS;
    if (window > end - from) window = end - from;
    SB_TRY(
        merge_leaf(txn, tree, source, from, window, append, free_replaced, page, pgno, taken, err));
    if (*taken == 0) return append_leaves(txn, tree, encoder, page, pgno, from, end, taken, err);
    return SB_OK;
}

/* Rows that are fit for pages. */
static sb_status put_prepared(sb_txn *txn, sb_tree *tree, const sb_source *source,
                              bool free_replaced, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_buffer *scratch = NULL;
    sb_encoder encoder;
    sb_tree_txn *state;
    sb_status st = SB_OK;
    size_t taken = 0;

    SB_TRY(sb_tree__txn(txn, &state, err));
    SB_TRY(sb_tree__buffer_acquire(state, sb_encoder__memory(source->column_count), &scratch, err));
    sb_encoder__init(&encoder, source, page_bytes, page_bytes, scratch->data);
    for (size_t from = 0; from < source->rows && st == SB_OK; from += taken) {
        st = sb_txn_spill(txn, err); /* no page is held between two leaves */
        if (st == SB_OK) st = put_some(txn, tree, &encoder, from, free_replaced, &taken, err);
    }
    sb_tree__buffer_release(state, scratch);
    return st;
}

size_t sb_columnar__window(const sb_source *source)
{
    /* Bounds the memory of prepared rows to a few MiB whatever the number of columns. */
    const size_t rows = source->column_count == 0 ? 256 : 65536 / source->column_count;
    return rows < 1 ? 1 : rows < 256 ? rows : 256;
}

sb_status sb_columnar__put(sb_txn *txn, sb_tree *tree, const sb_source *source, bool free_replaced,
                           sb_err *err)
{
    sb_tree_txn *state;
    sb_status st = SB_OK;

    if (source->rows == 0) return SB_OK;
    if (sb_columnar__plain(source, sb_pager_page_bytes(sb_txn_pager(txn))))
        return put_prepared(txn, tree, source, free_replaced, err);
    SB_TRY(sb_tree__txn(txn, &state, err));
    const size_t window = sb_columnar__window(source);
    for (size_t from = 0; from < source->rows && st == SB_OK; from += window) {
        const size_t count = source->rows - from < window ? source->rows - from : window;
        sb_buffer *memory = NULL;
        sb_source prepared;
        st = sb_columnar__prepare(txn, tree->id, source, from, count, &prepared, &memory, err);
        if (st == SB_OK) st = put_prepared(txn, tree, &prepared, free_replaced, err);
        sb_tree__buffer_release(state, memory);
    }
    return st;
}

sb_status sb_rows_put(sb_txn *txn, sb_tree *tree, const sb_rows *rows, sb_err *err)
{
    sb_buffer *memory = NULL;
    sb_tree_txn *state;
    sb_source source;

    SB_CHECK_ARG(err, tree->kind == SB_TREE_COLUMNAR);
    SB_TRY(sb_columnar__check_rows(rows, err));
    SB_TRY(sb_tree__txn(txn, &state, err));
    SB_TRY(sb_columnar__source(state, rows, &source, &memory, err));
    const sb_status st = sb_columnar__put(txn, tree, &source, true, err);
    sb_tree__buffer_release(state, memory);
    return st;
}
