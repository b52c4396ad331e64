/* columnar_find.c — rows by id: the leaf through the leaf cache, the slot by arithmetic, the cell by the column's form.
 * Batches first bring the leaves' headers and cells on their way, so that their cache misses overlap. */
#include "tree/columnar_priv.h"

/* Look-ups in flight: enough to hide the latency of memory; more only displaces what was fetched. */
#define BATCH 16u
/* Cells of a row that are prefetched: which ones will be read is not known. */
#define BATCH_COLUMNS 4u

static void init_row(sb_row *row, sb_txn *txn)
{
    *row = (sb_row){.txn = txn};
}

/* Locate a row in a held leaf. */
static sb_status locate(sb_row *row, uint64_t id, bool *found, sb_err *err)
{
    const uint32_t slot = sb_columnar__slot_of(row->page.bytes, id);
    *found = slot != SB_SLOT_NONE;
    row->index = slot;
    if (SB_LIKELY((sb_columnar__flags(row->page.bytes) & SB_COL_WIDE) == 0) || !*found)
        return SB_OK;
    SB_TRY(sb_columnar__load_wide(row->txn, row->page.bytes, slot, &row->wide_data,
                                  &row->wide_bytes, err));
    row->wide = row->wide_data != NULL;
    return SB_OK;
}

/* ---- Leaves --------------------------------------------------------------------------------------------- */

SB_INLINE bool is_leaf_of(const sb_tree *tree, const uint8_t *page)
{
    return page[SB_PAGE_KIND] == SB_PAGE_COLUMNAR && sb_load_le32(page + SB_PAGE_TREE) == tree->id;
}

/* Is page, which the cache remembers for id's block (or NULL), or the one beside it, the leaf that holds id? Then it is row's. */
SB_INLINE bool settle(const sb_leaves *leaves, const sb_tree *tree, uint64_t id,
                      const uint8_t *page, sb_row *row)
{
    int side = 0;

    if (SB_UNLIKELY(page == NULL || !is_leaf_of(tree, page))) return false;
    side = sb_columnar__side(page, id);
    if (SB_UNLIKELY(side != 0)) {
        page = sb_tree__leaves_find(leaves, id, side);
        if (page == NULL || !is_leaf_of(tree, page) || sb_columnar__side(page, id) != 0)
            return false;
    }
    row->page = (sb_page){.bytes = page};
    row->pgno = sb_tree__leaves_pgno(leaves, id, side);
    return true;
}

/* The leaf that holds id (where it would be), held in row->page. The tree is not empty. */
static sb_status hold_leaf(sb_txn *txn, const sb_tree *tree, uint64_t id, sb_row *row, sb_err *err)
{
    sb_leaves leaves;

    if (SB_LIKELY(sb_tree__leaves_open(txn, tree, &leaves)) &&
        SB_LIKELY(settle(&leaves, tree, id, sb_tree__leaves_find(&leaves, id, 0), row))) {
        sb_tree__leaves_hit(&leaves, 1);
        return SB_OK;
    }
    return sb_tree__leaf_of_id(txn, tree, id, &row->page, &row->pgno, err);
}

sb_status sb_row_find(sb_txn *txn, const sb_tree *tree, uint64_t id, sb_row *row, bool *found,
                      sb_err *err)
{
    *found = false;
    init_row(row, txn);
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(hold_leaf(txn, tree, id, row, err));
    const sb_status st = locate(row, id, found, err);
    if (!*found || st != SB_OK) sb_row_release(row);
    return st;
}

void sb_row_release(sb_row *row)
{
    if (row->wide_data != NULL)
        sb_free(sb_pager_alloc(sb_txn_pager(row->txn)), row->wide_data, row->wide_bytes);
    row->wide_data = NULL;
    row->wide = false;
    if (row->page.bytes != NULL) sb_page_release(row->txn, &row->page);
    row->page = (sb_page){0};
}

/* ---- Cells ------------------------------------------------------------------------------------------- */

bool sb_row_cell(const sb_row *row, uint32_t key, sb_cell *cell)
{
    const uint8_t *page = row->page.bytes;
    const uint32_t columns = sb_columnar__columns(page);
    uint32_t i = 0;

    if (SB_UNLIKELY(row->wide)) {
        if (sb_columnar__wide_seek(row->wide_data, sb_columnar__order(key, 0), cell) &&
            cell->key == key)
            return true;
        if (key == SB_COLUMN_WIDE) return false;
    }
    if (columns > 8) {
        i = sb_columnar__column_bound(page, key, 0);
    } else {
        while (i < columns && sb_load_le32(page + sb_columnar__entry_off(i) + SB_COLENT_KEY) < key)
            i++;
    }
    for (; i < columns && sb_load_le32(page + sb_columnar__entry_off(i) + SB_COLENT_KEY) == key;
         i++) {
        sb_colview view;
        uint32_t place;
        sb_columnar__open(page, i, &view);
        if (!sb_columnar__place(page, &view, row->index, &place)) continue;
        sb_columnar__cell(page, &view, place, cell);
        return true;
    }
    return false;
}

/* Next cell of the leaf from column *index on; the blob's reference is not one. */
static bool next_in_leaf(const sb_row *row, size_t *index, sb_cell *cell)
{
    const uint8_t *page = row->page.bytes;
    const size_t columns = sb_columnar__columns(page);
    while (*index < columns) {
        sb_colview view;
        uint32_t place;
        sb_columnar__open(page, (uint32_t)(*index)++, &view);
        if (view.key == SB_COLUMN_WIDE || !sb_columnar__place(page, &view, row->index, &place))
            continue;
        sb_columnar__cell(page, &view, place, cell);
        return true;
    }
    return false;
}

bool sb_row_next_cell(const sb_row *row, size_t *pos, sb_cell *cell)
{
    sb_cell leaf_cell;

    if (SB_LIKELY(!row->wide)) return next_in_leaf(row, pos, cell);
    /* Of a wide row *pos is the least (key, type) that may follow: cells come from blob and leaf. */
    const uint64_t order = *pos;
    size_t index =
        sb_columnar__column_bound(row->page.bytes, (uint32_t)(order >> 8), (uint8_t)order);
    const bool in_blob = order >> 40 == 0 && sb_columnar__wide_seek(row->wide_data, order, cell);
    const bool in_leaf = order >> 40 == 0 && next_in_leaf(row, &index, &leaf_cell);
    if (!in_blob && !in_leaf) return false;
    if (!in_blob || (in_leaf && sb_columnar__order(leaf_cell.key, leaf_cell.type) <
                                    sb_columnar__order(cell->key, cell->type)))
        *cell = leaf_cell;
    *pos = (size_t)sb_columnar__order(cell->key, cell->type) + 1;
    return true;
}

sb_status sb_cell_read(sb_txn *txn, const sb_cell *cell, sb_buffer *out, sb_err *err)
{
    if (cell->overflow) return sb_overflow_read(txn, cell->bytes.data, out, err);
    if (sb_buffer_append(out, cell->bytes.data, cell->bytes.size) != SB_OK)
        return SB_FAIL_NOMEM(err);
    return SB_OK;
}

/* ---- Batches -------------------------------------------------------------------------------------------- */

/* Bring the first cells of a row on their way; the second time, with the offsets of strings there, the strings. */
static void prefetch_cells(const uint8_t *page, uint64_t id, bool strings)
{
    const uint32_t columns = sb_columnar__columns(page);
    const uint64_t slot = id - sb_columnar__first_id(page);
    if (page[SB_COL_ID_WIDTH] != 0 || slot >= sb_columnar__slots(page)) return;
    for (uint32_t i = 0; i < columns && i < BATCH_COLUMNS; i++) {
        const uint8_t *entry = page + sb_columnar__entry_off(i);
        if (strings && entry[SB_COLENT_TYPE] < SB_CLASS_BYTES) continue;
        sb_colview view;
        sb_columnar__open(page, i, &view);
        if (view.presence >= SB_PRESENT_PACKED) continue;
        if (strings) {
            if (!view.constant) SB_PREFETCH(page + sb_load_le16(page + view.values + slot * 2));
        } else {
            SB_PREFETCH(page + view.values +
                        slot * (view.class_ == SB_CLASS_BYTES ? 2u : view.width));
        }
    }
}

/* Acquire the leaves that the cache remembers for the ids, without looking into them yet, and bring their headers and
 * directories on their way. Pages of the read cache are pinned, and pins are few: one at a time there. */
static size_t acquire_hinted(sb_txn *txn, const sb_tree *tree, const uint64_t *ids, size_t count,
                             sb_row *rows)
{
    for (size_t i = 0; i < count; i++) {
        init_row(&rows[i], txn);
        rows[i].pgno = sb_tree__leaf_hint(txn, tree, ids[i]);
        if (rows[i].pgno == SB_PGNO_NONE) continue;
        /* benign: the look-up proper acquires it again and reports what is wrong with it */
        if (sb_page_acquire(txn, rows[i].pgno, &rows[i].page, NULL) != SB_OK) continue;
        SB_PREFETCH(rows[i].page.bytes);
        SB_PREFETCH(rows[i].page.bytes + 64);
        SB_PREFETCH(rows[i].page.bytes + 128);
        if (rows[i].page.pin != NULL) return i + 1;
    }
    return count;
}

/* The leaf of the id in row->page: the hinted one when it holds the id. */
static sb_status settle_leaf(sb_row *row, const sb_tree *tree, uint64_t id, sb_err *err)
{
    const uint8_t *page = row->page.bytes;
    if (SB_LIKELY(page != NULL && page[SB_PAGE_KIND] == SB_PAGE_COLUMNAR &&
                  sb_load_le32(page + SB_PAGE_TREE) == tree->id && sb_columnar__covers(page, id)))
        return SB_OK;
    if (page != NULL) sb_page_release(row->txn, &row->page);
    return sb_tree__leaf_of_id(row->txn, tree, id, &row->page, &row->pgno, err);
}

sb_status sb_rows_find(sb_txn *txn, const sb_tree *tree, const uint64_t *ids, size_t count,
                       sb_row_visit visit, void *ctx, sb_err *err)
{
    sb_status st = SB_OK;

    if (tree->root == SB_PGNO_NONE) {
        for (size_t i = 0; i < count && st == SB_OK; i++)
            st = visit(ctx, i, NULL);
        return st;
    }
    for (size_t from = 0; from < count && st == SB_OK;) {
        const size_t most = count - from < BATCH ? count - from : BATCH;
        sb_row rows[BATCH];
        /* 1. The leaves. */
        size_t held = acquire_hinted(txn, tree, ids + from, most, rows);
        for (size_t i = 0; i < held && st == SB_OK; i++) {
            st = settle_leaf(&rows[i], tree, ids[from + i], err);
            if (SB_LIKELY(rows[i].page.pin == NULL)) continue;
            while (held > i + 1) /* pins are few: those behind have their turn next */
                sb_row_release(&rows[--held]);
        }
        /* 2. The cells. */
        for (size_t i = 0; i < held && held > 1 && st == SB_OK; i++)
            prefetch_cells(rows[i].page.bytes, ids[from + i], false);
        for (size_t i = 0; i < held && held > 1 && st == SB_OK; i++)
            prefetch_cells(rows[i].page.bytes, ids[from + i], true);
        /* 3. The visits. */
        for (size_t i = 0; i < held; i++) {
            bool found = false;
            if (st == SB_OK) st = locate(&rows[i], ids[from + i], &found, err);
            if (st == SB_OK) st = visit(ctx, from + i, found ? &rows[i] : NULL);
            sb_row_release(&rows[i]);
        }
        from += held;
    }
    return st;
}

sb_status sb_rows_exist(sb_txn *txn, const sb_tree *tree, const uint64_t *ids, size_t count,
                        uint8_t *found, sb_err *err)
{
    sb_page page = {0};
    sb_pgno pgno;

    if (count != 0) memset(found, 0, (count + 7) / 8);
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    for (size_t i = 0; i < count; i++) {
        if (page.bytes == NULL || !sb_columnar__covers(page.bytes, ids[i])) {
            if (page.bytes != NULL) sb_page_release(txn, &page);
            page = (sb_page){0};
            SB_TRY(sb_tree__leaf_of_id(txn, tree, ids[i], &page, &pgno, err));
        }
        if (sb_columnar__slot_of(page.bytes, ids[i]) != SB_SLOT_NONE) sb_bit_set(found, i);
    }
    if (page.bytes != NULL) sb_page_release(txn, &page);
    return SB_OK;
}
