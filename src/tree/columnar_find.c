/* columnar_find.c — rows by id: the leaf through the leaf cache, the slot by arithmetic, the cell by the column's form.
 * Batches first bring the leaves' headers and cells on their way, so that their cache misses overlap. */
#include "tree/cache_priv.h"
#include "tree/columnar_priv.h"

/* Look-ups in flight: enough to hide the latency of memory; more only displaces what was fetched. */
#define BATCH 16u
/* Cells of a row that are prefetched: which ones will be read is not known. */
#define BATCH_COLUMNS 4u

SB_INLINE void init_row(sb_row *row, sb_txn *txn)
{
    *row = (sb_row){.txn = txn};
}

/* Locate a row in a held leaf. */
SB_INLINE sb_status locate(sb_row *row, uint64_t id, bool *found, sb_err *err)
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

/* Is page, which the cache remembers for id's block (or NULL), or the one beside it, the leaf that holds id? Then it is row's. */
SB_INLINE bool settle(const sb_leaves *leaves, uint64_t id, const uint8_t *page, sb_row *row)
{
    int side = 0;

    if (SB_UNLIKELY(page == NULL || !sb_leaves__is_one(leaves, page))) return false;
    side = sb_columnar__side(page, id);
    if (SB_UNLIKELY(side != 0)) {
        page = sb_leaves__find(leaves, id, side);
        if (page == NULL || !sb_leaves__is_one(leaves, page) || sb_columnar__side(page, id) != 0)
            return false;
    }
    row->page.bytes = page;
    row->pgno = sb_leaves__pgno(leaves, id, side);
    return true;
}

/* By the short way, held in row->page. */
SB_INLINE bool hold_by_short_way(const sb_txn *txn, const sb_tree *tree, uint64_t id, sb_row *row)
{
    sb_leaves leaves;

    if (SB_UNLIKELY(!sb_leaves__open(txn, tree, 0, &leaves))) return false;
    const uint8_t *page = sb_leaves__find(&leaves, id, 0);
    if (SB_LIKELY(page != NULL)) SB_PREFETCH(page + 64); /* with the header, not after it */
    if (SB_UNLIKELY(!settle(&leaves, id, page, row))) return false;
    sb_leaves__hit(&leaves, 1);
    return true;
}

sb_status sb_row_find(sb_txn *txn, const sb_tree *tree, uint64_t id, sb_row *row, bool *found,
                      sb_err *err)
{
    *found = false;
    init_row(row, txn);
    if (SB_UNLIKELY(!hold_by_short_way(txn, tree, id, row))) {
        if (tree->root == SB_PGNO_NONE) return SB_OK;
        SB_TRY(sb_tree__leaf_of_id(txn, tree, id, &row->page, &row->pgno, err));
    }
    const sb_status st = locate(row, id, found, err);
    if (SB_UNLIKELY(!*found || st != SB_OK)) sb_row_release(row);
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

/* The cell of a column in its commonest form, all rows having it: without taking its block apart. False: it has another form. */
SB_INLINE bool plain_cell(const uint8_t *page, const uint8_t *entry, uint32_t slot, sb_cell *cell)
{
    const uint32_t form = entry[SB_COLENT_FORM];
    const uint32_t width = (1u << (form & SB_FORM_WIDTH)) >> 1;
    const uint8_t *block = page + sb_load_le16(entry + SB_COLENT_OFF);
    const uint64_t base = sb_load_le64(entry + SB_COLENT_BASE);

    if (SB_UNLIKELY((form & ~SB_FORM_WIDTH) != SB_PRESENT_ALL << SB_FORM_PRESENCE_SHIFT))
        return false;
    cell->type = entry[SB_COLENT_TYPE];
    cell->overflow = false;
    if ((cell->type & SB_CLASS_MASK) == SB_CLASS_BYTES) {
        const uint8_t *lengths = block + 2 * (size_t)sb_columnar__capacity(page);
        const uint64_t length = base + sb_load_width(lengths + (size_t)slot * width, width);
        if (SB_UNLIKELY(length == SB_CODE_OVERFLOW)) return false;
        cell->word = length;
        cell->bytes = sb_bytes_of(page + sb_load_le16(block + 2 * (size_t)slot), (size_t)length);
        return true;
    }
    if (SB_UNLIKELY((cell->type & SB_CLASS_MASK) != SB_CLASS_INT)) return false;
    cell->word = base + sb_load_width(block + (size_t)slot * width, width);
    cell->bytes = (sb_bytes){0};
    return true;
}

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
        cell->key = key;
        if (SB_LIKELY(plain_cell(page, page + sb_columnar__entry_off(i), row->index, cell)))
            return true;
        sb_columnar__open(page, i, &view);
        if (!sb_columnar__place(page, &view, row->index, &place)) continue;
        sb_columnar__cell(page, &view, place, cell);
        return true;
    }
    return false;
}

/* Ask for a string of a column that lies where a leaf that was encoded at once has it, if all its strings have one length: in order from
 * the page's end down. So it comes with its offset, not after it. A wrong guess costs a line that nobody reads. */
SB_INLINE void prefetch_string(const uint8_t *page, uint32_t page_bytes, const uint8_t *entry,
                               uint64_t slot)
{
    const uint64_t length = sb_load_le64(entry + SB_COLENT_BASE);
    if (entry[SB_COLENT_TYPE] < SB_CLASS_BYTES || entry[SB_COLENT_FORM] != 0) return;
    if (length * (slot + 1) < page_bytes) SB_PREFETCH(page + page_bytes - length * (slot + 1));
}

bool sb_row_peek(sb_txn *txn, const sb_tree *tree, uint64_t id, const uint32_t *keys, size_t count,
                 sb_cell *cells, bool *found)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_leaves leaves;

    if (SB_UNLIKELY(!sb_leaves__open(txn, tree, 0, &leaves))) return false;
    const uint8_t *page = sb_leaves__find(&leaves, id, 0);
    if (SB_UNLIKELY(page == NULL)) return false;
    SB_PREFETCH(page + 64); /* with the header, not after it */
    /* A slot's id lies within the fences; the first slots of a leaf without holes are all rows. */
    const uint64_t slot = id - sb_columnar__first_id(page);
    if (SB_UNLIKELY(!sb_leaves__is_one(&leaves, page) || slot >= sb_columnar__slots(page) ||
                    page[SB_COL_ID_WIDTH] != 0 ||
                    (sb_columnar__flags(page) & (SB_COL_HOLES | SB_COL_WIDE)) != 0))
        return false;
    const uint8_t *const first = page + sb_columnar__entry_off(0);
    const uint8_t *const end = page + sb_columnar__entry_off(sb_columnar__columns(page));
    for (size_t i = 0; i < count; i++) {
        const uint8_t *entry = first;
        while (entry != end && sb_load_le32(entry + SB_COLENT_KEY) < keys[i])
            entry += SB_COLENT_BYTES;
        found[i] = entry != end && sb_load_le32(entry + SB_COLENT_KEY) == keys[i];
        if (found[i]) prefetch_string(page, page_bytes, entry, slot);
        if (found[i] && !plain_cell(page, entry, (uint32_t)slot, &cells[i])) return false;
    }
    sb_leaves__hit(&leaves, 1);
    return true;
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
        if (rows[i].page.pin != NULL) return i + 1;
    }
    return count;
}

/* The leaf of the id in row->page: the hinted one when it holds the id. */
static sb_status settle_hinted(sb_row *row, const sb_tree *tree, uint64_t id, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(row->txn));
    const uint8_t *page = row->page.bytes;
    if (SB_LIKELY(page != NULL && sb_tree__leaf_side(tree, page, page_bytes, id) == 0))
        return SB_OK;
    if (page != NULL) sb_page_release(row->txn, &row->page);
    return sb_tree__leaf_of_id(row->txn, tree, id, &row->page, &row->pgno, err);
}

/* The leaves of up to BATCH ids, held in rows; how many of them in *held, at least one. */
static sb_status hold_leaves(sb_txn *txn, const sb_tree *tree, const uint64_t *ids, size_t count,
                             sb_row *rows, size_t *held, sb_err *err)
{
    sb_leaves leaves;
    size_t missed = 0;

    *held = count;
    if (SB_UNLIKELY(!sb_leaves__open(txn, tree, 0, &leaves))) {
        *held = acquire_hinted(txn, tree, ids, count, rows);
        for (size_t i = 0; i < *held; i++) {
            SB_TRY(settle_hinted(&rows[i], tree, ids[i], err));
            if (SB_LIKELY(rows[i].page.pin == NULL)) continue;
            while (*held > i + 1) /* pins are few: those behind have their turn next */
                sb_row_release(&rows[--*held]);
        }
        return SB_OK;
    }
    for (size_t i = 0; i < count; i++) {
        init_row(&rows[i], txn);
        const uint8_t *page = sb_leaves__find(&leaves, ids[i], 0);
        rows[i].page.bytes = page;
        if (SB_UNLIKELY(page == NULL)) continue;
        SB_PREFETCH(page);
        SB_PREFETCH(page + 64);
    }
    bool open = true;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *page = rows[i].page.bytes;
        rows[i].page.bytes = NULL;
        if (SB_LIKELY(open && settle(&leaves, ids[i], page, &rows[i]))) continue;
        SB_TRY(sb_tree__leaf_of_id(txn, tree, ids[i], &rows[i].page, &rows[i].pgno, err));
        missed++;
        open = sb_leaves__open(txn, tree, 0, &leaves); /* the cache has learned */
    }
    sb_leaves__hit(&leaves, count - missed);
    return SB_OK;
}

sb_status sb_rows_find(sb_txn *txn, const sb_tree *tree, const uint64_t *ids, size_t count,
                       sb_row_visit visit, void *ctx, sb_err *err)
{
    sb_status st = SB_OK;
    sb_row rows[BATCH];
    size_t held;

    if (tree->root == SB_PGNO_NONE) {
        for (size_t i = 0; i < count && st == SB_OK; i++)
            st = visit(ctx, i, NULL);
        return st;
    }
    for (size_t from = 0; from < count && st == SB_OK; from += held) {
        const size_t most = count - from < BATCH ? count - from : BATCH;
        /* 1. The leaves. */
        st = hold_leaves(txn, tree, ids + from, most, rows, &held, err);
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
    }
    return st;
}

/* ---- One column of many rows ------------------------------------------------------------------------------- */

/* Ids that lie in one leaf, and what they take from its column. */
typedef struct leaf_run {
    const uint8_t *page;
    const uint64_t *ids; /* each within the slots of the leaf */
    size_t count;
    size_t at; /* place of the first in the arrays */
    sb_colview view;
} leaf_run;

SB_INLINE size_t slot_of_run(const leaf_run *run, size_t i)
{
    return (size_t)(run->ids[i] - sb_columnar__first_id(run->page));
}

/* A width known to the compiler makes these loops. */
SB_INLINE size_t take_words(const leaf_run *run, uint32_t width, uint64_t base, uint64_t *to)
{
    const uint8_t *const from = run->page + run->view.values;

    for (size_t i = 0; i < run->count; i++) {
        const uint64_t word = base + sb_load_width(from + slot_of_run(run, i) * width, width);
        memcpy(to + i, &word, sizeof word); /* they may be read as doubles */
    }
    return run->count;
}

/* How many: up to the first one that lies in overflow pages. */
SB_INLINE size_t take_strings(const leaf_run *run, uint32_t width, sb_bytes *to)
{
    const uint8_t *const offsets = run->page + run->view.values;
    const uint8_t *const lengths = run->page + run->view.lengths;
    size_t i = 0;

    for (; i < run->count; i++) {
        const size_t slot = slot_of_run(run, i);
        const uint64_t code = run->view.base + sb_load_width(lengths + slot * width, width);
        if (SB_UNLIKELY(code == SB_CODE_OVERFLOW)) break;
        to[i] = sb_bytes_of(run->page + sb_load_le16(offsets + 2 * slot), (size_t)code);
    }
    return i;
}

/* Every row of the leaf has the column, at the place that its slot is. */
static size_t take_all(const leaf_run *run, sb_rows_column *column)
{
    const sb_colview *const view = &run->view;
    const uint64_t base = view->class_ == SB_CLASS_INT || view->width == 0 ? view->base : 0;
    uint64_t *const words = column->words + run->at;
    size_t taken;

    if (view->class_ == SB_CLASS_BYTES)
        taken = view->width == 0   ? take_strings(run, 0, column->bytes + run->at)
                : view->width == 1 ? take_strings(run, 1, column->bytes + run->at)
                                   : take_strings(run, view->width, column->bytes + run->at);
    else
        taken = view->width == 1   ? take_words(run, 1, base, words)
                : view->width == 2 ? take_words(run, 2, base, words)
                : view->width == 4 ? take_words(run, 4, base, words)
                : view->width == 8 ? take_words(run, 8, base, words)
                                   : take_words(run, 0, base, words);
    sb_bits_fill(column->present, run->at, taken);
    column->present_count += taken;
    return taken;
}

/* Some rows do not have it, or are not there. */
static size_t take_some(const leaf_run *run, sb_rows_column *column)
{
    size_t i = 0;

    for (; i < run->count; i++) {
        const uint32_t slot = (uint32_t)slot_of_run(run, i);
        const size_t at = run->at + i;
        sb_cell cell;
        uint32_t place;
        if (!sb_columnar__live(run->page, slot) ||
            !sb_columnar__place(run->page, &run->view, slot, &place))
            continue;
        sb_columnar__cell(run->page, &run->view, place, &cell);
        if (SB_UNLIKELY(cell.overflow)) break;
        if (run->view.class_ == SB_CLASS_BYTES)
            column->bytes[at] = cell.bytes;
        else
            memcpy(column->words + at, &cell.word, sizeof cell.word);
        sb_bit_set(column->present, at);
        column->present_count++;
    }
    return i;
}

/* The cells of run's ids, as far as they are of the column's type; how many ids that settles. */
static size_t take_cells(leaf_run *run, uint32_t key, bool pinned, sb_rows_column *column)
{
    const uint8_t *const page = run->page;
    const uint32_t columns = sb_columnar__columns(page);
    const uint32_t index = sb_columnar__column_bound(page, key, 0);
    sb_colview *const view = &run->view;

    if (index == columns) return run->count;
    sb_columnar__open(page, index, view);
    if (view->key != key) return run->count;
    /* Of several types, or not of the one that there is. */
    if ((index + 1 < columns &&
         sb_load_le32(page + sb_columnar__entry_off(index + 1) + SB_COLENT_KEY) == key) ||
        (column->present_count != 0 && view->type != column->type))
        return 0;
    if (view->class_ == SB_CLASS_BYTES && (pinned || !column->borrows)) return 0;
    column->type = view->type;
    return view->presence == SB_PRESENT_ALL && !view->constant &&
                   (sb_columnar__flags(page) & SB_COL_HOLES) == 0
               ? take_all(run, column)
               : take_some(run, column);
}

/* How many of the ids, from the first on, are slots of the leaf. */
static size_t count_in_leaf(const uint8_t *page, const uint64_t *ids, size_t count)
{
    const uint64_t first = sb_columnar__first_id(page), slots = sb_columnar__slots(page);
    size_t n = 0;

    if (page[SB_COL_ID_WIDTH] != 0 || (sb_columnar__flags(page) & SB_COL_WIDE) != 0) return 0;
    while (n < count && ids[n] - first < slots)
        n++;
    return n;
}

sb_status sb_rows_take(sb_txn *txn, const sb_tree *tree, const uint64_t *ids, size_t count,
                       uint32_t key, sb_rows_column *column, size_t *done, sb_err *err)
{
    bool more = tree->root != SB_PGNO_NONE;

    for (*done = 0; *done < count && more;) {
        leaf_run run = {.ids = ids + *done, .at = *done};
        size_t taken = 0;
        sb_page page;
        sb_pgno pgno;
        SB_TRY(sb_tree__leaf_of_id(txn, tree, *run.ids, &page, &pgno, err));
        run.page = page.bytes;
        run.count = count_in_leaf(page.bytes, run.ids, count - *done);
        if (run.count != 0) taken = take_cells(&run, key, page.pin != NULL, column);
        sb_page_release(txn, &page);
        more = taken == run.count && taken != 0;
        *done += taken;
    }
    return SB_OK;
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
