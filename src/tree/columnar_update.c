/* columnar_update.c — changing and deleting rows of columnar leaves: in place where the layout allows it, else by decoding
 * the leaf and writing it afresh. */
#include "tree/columnar_priv.h"

static uint64_t cell_order(const sb_cell *cell)
{
    return sb_columnar__order(cell->key, cell->type);
}

/* ---- Setting cells of a row ----------------------------------------------------------------------- */

/* Heapsort by key: cells mostly come sorted, and then this is not called. */
static void sort_cells(sb_cell *cells, size_t count)
{
    for (size_t start = count / 2, end = count; end > 1;) {
        sb_cell moved;
        if (start > 0) {
            moved = cells[--start];
        } else {
            moved = cells[--end];
            cells[end] = cells[0];
        }
        size_t at = start;
        for (size_t child = 2 * at + 1; child < end; child = 2 * at + 1) {
            if (child + 1 < end && cell_order(&cells[child + 1]) > cell_order(&cells[child]))
                child++;
            if (cell_order(&cells[child]) <= cell_order(&moved)) break;
            cells[at] = cells[child];
            at = child;
        }
        cells[at] = moved;
    }
}

/* Cells sorted by key, in a buffer of the pool when the caller's are not. */
static sb_status sorted_cells(sb_tree_txn *state, const sb_cell **cells, size_t count,
                              sb_buffer **memory, sb_err *err)
{
    bool sorted = true;
    for (size_t i = 1; i < count; i++)
        sorted = sorted && (*cells)[i].key > (*cells)[i - 1].key;
    if (!sorted) {
        SB_TRY(sb_tree__buffer_acquire(state, count * sizeof(sb_cell), memory, err));
        sb_cell *own = (sb_cell *)(void *)(*memory)->data;
        memcpy(own, *cells, count * sizeof(sb_cell));
        sort_cells(own, count);
        *cells = own;
    }
    for (size_t i = 0; i < count; i++) {
        const sb_cell *cell = &(*cells)[i];
        if (i > 0 && cell->key == cell[-1].key)
            return SB_FAIL(err, SB_MISUSE, "key %u is set twice in one row", cell->key);
        if (cell->key == SB_COLUMN_WIDE)
            return SB_FAIL(err, SB_MISUSE, "column key %u is reserved", cell->key);
        if (cell->overflow)
            return SB_FAIL(err, SB_MISUSE, "the value of key %u is a reference, not bytes",
                           cell->key);
    }
    return SB_OK;
}

/* The row as a source of one row, with the cells set; refs of what went away are freed. Strings lie in page. */
static sb_status changed_row(sb_txn *txn, sb_row *row, const sb_cell *cells, size_t count,
                             uint8_t *memory, sb_source *source, sb_err *err)
{
    static const uint8_t overflow_bit = 1;
    const size_t most = source->column_count;
    sb_source_column *columns = (sb_source_column *)(void *)memory;
    sb_bytes *strings = (sb_bytes *)(void *)(columns + most);
    uint64_t *words = (uint64_t *)(void *)(strings + most);
    size_t pos = 0, set = 0, used = 0;
    sb_cell old;
    bool more = sb_row_next_cell(row, &pos, &old);

    while (more || set < count) {
        const sb_cell *cell = &old;
        if (set < count && (!more || cells[set].key <= old.key)) {
            /* The new cell takes the place of all of its key. */
            cell = &cells[set++];
            while (more && old.key == cell->key) {
                if (old.overflow) SB_TRY(sb_overflow_free(txn, old.bytes.data, err));
                more = sb_row_next_cell(row, &pos, &old);
            }
            if (cell->type == SB_CLASS_NULL) continue;
        }
        SB_ASSERT(used < most);
        strings[used] = cell->bytes;
        words[used] = cell->word;
        columns[used] = (sb_source_column){.key = cell->key,
                                           .type = cell->type,
                                           .words = &words[used],
                                           .bytes = &strings[used],
                                           .overflow = cell->overflow ? &overflow_bit : NULL};
        used++;
        if (cell == &old) more = sb_row_next_cell(row, &pos, &old);
    }
    source->columns = columns;
    source->column_count = used;
    return SB_OK;
}

/* The general way: the row is taken out with all its cells, and put back changed. */
static sb_status set_by_rewrite(sb_txn *txn, sb_tree *tree, uint64_t id, const sb_cell *cells,
                                size_t count, const uint8_t *page, uint32_t slot, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_row row = {.index = slot, .txn = txn};
    sb_buffer *copy = NULL, *memory = NULL;
    sb_tree_txn *state;
    sb_status st;

    SB_TRY(sb_tree__txn(txn, &state, err));
    SB_TRY(sb_tree__buffer_acquire(state, page_bytes, &copy, err));
    memcpy(copy->data, page, page_bytes);
    row.page.bytes = copy->data;
    if ((st = sb_columnar__load_wide(txn, copy->data, slot, &row.wide_data, &row.wide_bytes,
                                     err)) != SB_OK)
        goto done;
    row.wide = row.wide_data != NULL;
    if (row.wide) {
        sb_colview view;
        uint32_t place;
        bool overflow;
        sb_columnar__open(copy->data, sb_columnar__columns(copy->data) - 1, &view);
        (void)sb_columnar__place(copy->data, &view, slot, &place);
        if ((st = sb_overflow_free(
                 txn, sb_columnar__string(copy->data, &view, place, &overflow).data, err)) != SB_OK)
            goto done;
    }
    sb_source source = {
        .ids = &id, .rows = 1, .column_count = sb_columnar__columns(copy->data) + count};
    if (row.wide) source.column_count += sb_load_le32(row.wide_data);
    const size_t bytes =
        source.column_count * (sizeof(sb_source_column) + sizeof(sb_bytes) + sizeof(uint64_t)) + 1;
    if ((st = sb_tree__buffer_acquire(state, bytes, &memory, err)) != SB_OK) goto done;
    if ((st = changed_row(txn, &row, cells, count, memory->data, &source, err)) != SB_OK) goto done;
    st = sb_columnar__put(txn, tree, &source, false, err);

done:
    sb_free(sb_pager_alloc(sb_txn_pager(txn)), row.wide_data, row.wide_bytes);
    sb_tree__buffer_release(state, memory);
    sb_tree__buffer_release(state, copy);
    return st;
}

/* Without writing the leaf afresh. False: cells may be set in part, and the general way sets them all. */
static bool set_in_leaf(uint8_t *page, uint32_t page_bytes, const sb_cell *cells, size_t count,
                        uint32_t slot, uint8_t *scratch)
{
    if (sb_columnar__set_cells(page, page_bytes, cells, count, slot)) return true;
    for (size_t i = 0; i < count; i++)
        if (!sb_columnar__set_cells(page, page_bytes, &cells[i], 1, slot) &&
            !sb_columnar__reshape(page, page_bytes, &cells[i], slot, scratch))
            return false;
    return true;
}

sb_status sb_row_set(sb_txn *txn, sb_tree *tree, uint64_t id, const sb_cell *cells, size_t count,
                     bool *found, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_buffer *memory = NULL;
    sb_tree_txn *state;
    sb_page held = {0};
    sb_pgno pgno;
    uint8_t *page;
    sb_status st;

    *found = false;
    SB_CHECK_ARG(err, tree->kind == SB_TREE_COLUMNAR);
    SB_TRY(sb_tree__txn(txn, &state, err));
    if ((st = sorted_cells(state, &cells, count, &memory, err)) != SB_OK) goto done;
    if (tree->root == SB_PGNO_NONE) goto done;
    if ((st = sb_tree__leaf_of_id(txn, tree, id, &held, &pgno, err)) != SB_OK) goto done;
    const uint32_t slot = sb_columnar__slot_of(held.bytes, id);
    sb_page_release(txn, &held);
    if (slot == SB_SLOT_NONE) goto done;
    *found = true;
    if (count == 0) goto done;
    if ((st = sb_page_mut(txn, pgno, &page, err)) != SB_OK) goto done;
    bool in_place = true;
    for (size_t i = 0; i < count; i++)
        in_place = in_place && ((cells[i].type & SB_CLASS_MASK) != SB_CLASS_BYTES ||
                                cells[i].bytes.size <= sb_columnar__inline_limit(page_bytes));
    if (in_place && (sb_columnar__flags(page) & SB_COL_WIDE) != 0) {
        sb_colview view;
        uint32_t place;
        sb_columnar__open(page, sb_columnar__columns(page) - 1, &view);
        in_place = !sb_columnar__place(page, &view, slot, &place);
    }
    if (in_place) {
        sb_buffer *scratch = NULL;
        if ((st = sb_tree__buffer_acquire(state, sb_columnar__reshape_bytes(page_bytes), &scratch,
                                          err)) != SB_OK)
            goto done;
        const bool is_set = set_in_leaf(page, page_bytes, cells, count, slot, scratch->data);
        sb_tree__buffer_release(state, scratch);
        if (is_set) {
            sb_tree__count_in_place(state, 1);
            goto done;
        }
    }
    st = set_by_rewrite(txn, tree, id, cells, count, page, slot, err);

done:
    sb_tree__buffer_release(state, memory);
    return st;
}

/* ---- Deleting --------------------------------------------------------------------------------------------- */

/* Rows that can not be punched out: the leaf is written afresh without them. */
static sb_status rewrite_without(sb_txn *txn, sb_tree *tree, uint8_t *page, sb_pgno pgno,
                                 const uint8_t *dropped, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_buffer *copy = NULL, *memory = NULL;
    sb_tree_txn *state;
    sb_source rows;
    sb_status st;

    SB_TRY(sb_tree__txn(txn, &state, err));
    SB_TRY(sb_tree__buffer_acquire(state, page_bytes, &copy, err));
    memcpy(copy->data, page, page_bytes);
    if ((st = sb_columnar__merge(state, copy->data, dropped, NULL, 0, 0, &rows, &memory, err)) !=
        SB_OK)
        goto done;
    if (rows.rows != 0) {
        st = sb_columnar__rewrite(txn, tree, page, pgno, &rows, err);
    } else {
        const sb_col_fences fences = sb_columnar__get_fences(page);
        sb_columnar__write_empty(&fences, page, page_bytes);
    }

done:
    sb_tree__buffer_release(state, memory);
    sb_tree__buffer_release(state, copy);
    return st;
}

/* Delete those of the ids, all within the leaf's fences, that are there. */
static sb_status delete_from_leaf(sb_txn *txn, sb_tree *tree, uint8_t *page, sb_pgno pgno,
                                  const uint64_t *ids, size_t count, size_t *deleted, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn)),
                   slots = sb_columnar__slots(page);
    sb_buffer *dropped = NULL;
    sb_tree_txn *state;
    sb_status st;
    bool rest = false;

    SB_TRY(sb_tree__txn(txn, &state, err));
    SB_TRY(sb_tree__buffer_acquire(state, (slots + 7) / 8 + 1, &dropped, err));
    memset(dropped->data, 0, (slots + 7) / 8 + 1);
    for (size_t i = 0; i < count; i++) {
        const uint32_t slot = sb_columnar__slot_of(page, ids[i]);
        if (slot == SB_SLOT_NONE) continue;
        if ((st = sb_columnar__free_refs(txn, page, slot, err)) != SB_OK) goto done;
        ++*deleted;
        if (sb_columnar__punch(page, page_bytes, slot)) {
            sb_tree__count_in_place(state, 1);
            continue;
        }
        sb_bit_set(dropped->data, slot);
        rest = true;
    }
    st = SB_OK;
    if (rest) st = rewrite_without(txn, tree, page, pgno, dropped->data, err);

done:
    sb_tree__buffer_release(state, dropped);
    return st;
}

/* A leaf that has become empty goes; one that is under-full is merged. */
static sb_status shrink_leaf(sb_txn *txn, sb_tree *tree, const uint8_t *page, uint64_t id,
                             sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    const bool empty = sb_columnar__rows(page) == 0;
    uint8_t key[SB_ROW_KEY_BYTES];
    sb_path path;

    if (!empty && sb_columnar__used(page, page_bytes) >= page_bytes / 4) return SB_OK;
    sb_store_be64(key, id);
    SB_TRY(sb_tree__descend(txn, tree, sb_bytes_of(key, sizeof key), &path, err));
    return empty ? sb_tree__remove_leaf(txn, tree, &path, err)
                 : sb_tree__merge(txn, tree, &path, err);
}

sb_status sb_rows_delete(sb_txn *txn, sb_tree *tree, const uint64_t *ids, size_t count,
                         size_t *deleted, sb_err *err)
{
    *deleted = 0;
    SB_CHECK_ARG(err, tree->kind == SB_TREE_COLUMNAR);
    for (size_t i = 1; i < count; i++)
        if (ids[i] <= ids[i - 1])
            return SB_FAIL(err, SB_MISUSE, "row ids are not strictly ascending");
    for (size_t from = 0, end; from < count && tree->root != SB_PGNO_NONE; from = end) {
        sb_page held;
        sb_pgno pgno;
        uint8_t *page;
        bool any = false;

        SB_TRY(sb_tree__leaf_of_id(txn, tree, ids[from], &held, &pgno, err));
        const sb_col_fences fences = sb_columnar__get_fences(held.bytes);
        for (end = from; end < count && (end == from || fences.no_high || ids[end] < fences.high);
             end++)
            any = any || sb_columnar__slot_of(held.bytes, ids[end]) != SB_SLOT_NONE;
        sb_page_release(txn, &held);
        if (!any) continue;
        SB_TRY(sb_page_mut(txn, pgno, &page, err));
        SB_TRY(delete_from_leaf(txn, tree, page, pgno, ids + from, end - from, deleted, err));
        SB_TRY(shrink_leaf(txn, tree, page, ids[from], err));
    }
    return SB_OK;
}
