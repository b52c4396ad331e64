/* columnar_scan.c — scanning columnar leaves in id order. Columns are decoded and filtered as arrays: a filter compares
 * values in their coded form, so that a one-byte column is read at one byte a row. */
#include "tree/columnar_priv.h"
#include "tree/core_priv.h"

/* Leaves asked for ahead of the scan. */
#define AHEAD 16u
/* Rows filtered at once: their flags stay in the first-level cache. */
#define FILTER_BLOCK 1024u

typedef struct wide_row {
    uint32_t row; /* of the current leaf's rows */
    uint8_t *data;
    size_t bytes;
} wide_row;

struct sb_row_scan {
    sb_txn *txn; /* borrowed */
    sb_tree tree;
    uint64_t first_id, last_id;
    sb_path path;
    bool started, ended, ids_known;
    uint64_t border; /* high fence of the leaf at hand, where the next one begins */
    sb_pgno
        ahead[AHEAD]; /* leaves that follow path.leaf under its parent: those from ahead_at on */
    uint32_t ahead_at, ahead_count;
    uint32_t asked;      /* of them: asked for so far */
    const uint8_t *next; /* the next leaf, where it stays; NULL: not known */
    sb_page page;        /* held */
    uint32_t from, to;   /* slots of the current leaf in the range */
    uint32_t rows;       /* of them live */
    bool holes;
    sb_row row;     /* handed out by sb_row_scan_row */
    wide_row *wide; /* owned, in row order */
    size_t wide_count, wide_capacity;
    uint32_t max_slots;
    uint64_t *ids;   /* owned: max_slots */
    uint16_t *slots; /* owned: max_slots; filled when there are holes */
    uint8_t *bits;   /* owned: max_slots bits */
};

sb_status sb_row_scan_open(sb_txn *txn, const sb_tree *tree, uint64_t first_id, uint64_t last_id,
                           sb_row_scan **scan, sb_err *err)
{
    const sb_allocator *alloc = sb_pager_alloc(sb_txn_pager(txn));
    const uint32_t max_slots = sb_columnar__max_slots(sb_pager_page_bytes(sb_txn_pager(txn)));

    *scan = NULL;
    SB_CHECK_ARG(err, tree->kind == SB_TREE_COLUMNAR);
    sb_row_scan *made = sb_alloc_zero(alloc, sizeof *made);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->txn = txn;
    made->tree = *tree;
    made->first_id = first_id;
    made->last_id = last_id;
    made->max_slots = max_slots;
    made->ended = tree->root == SB_PGNO_NONE || first_id > last_id;
    made->ids = sb_alloc_array(alloc, max_slots, sizeof *made->ids);
    made->slots = sb_alloc_array(alloc, max_slots, sizeof *made->slots);
    made->bits = sb_alloc_zero(alloc, max_slots / 8 + 8);
    if (made->ids == NULL || made->slots == NULL || made->bits == NULL) {
        sb_row_scan_close(made);
        return SB_FAIL_NOMEM(err);
    }
    *scan = made;
    return SB_OK;
}

static void drop_wide(sb_row_scan *scan)
{
    const sb_allocator *alloc = sb_pager_alloc(sb_txn_pager(scan->txn));
    for (size_t i = 0; i < scan->wide_count; i++)
        sb_free(alloc, scan->wide[i].data, scan->wide[i].bytes);
    scan->wide_count = 0;
}

static void leave_leaf(sb_row_scan *scan)
{
    drop_wide(scan);
    if (scan->page.bytes != NULL) sb_page_release(scan->txn, &scan->page);
    scan->page = (sb_page){0};
    scan->rows = 0;
    scan->ids_known = false;
}

void sb_row_scan_close(sb_row_scan *scan)
{
    if (scan == NULL) return;
    const sb_allocator *alloc = sb_pager_alloc(sb_txn_pager(scan->txn));
    leave_leaf(scan);
    sb_free(alloc, scan->wide, scan->wide_capacity * sizeof *scan->wide);
    sb_free(alloc, scan->ids, scan->max_slots * sizeof *scan->ids);
    sb_free(alloc, scan->slots, scan->max_slots * sizeof *scan->slots);
    sb_free(alloc, scan->bits, scan->max_slots / 8 + 8);
    sb_free(alloc, scan, sizeof *scan);
}

/* ---- Stepping ------------------------------------------------------------------------------------------ */

static uint32_t slot_of_row(const sb_row_scan *scan, size_t row)
{
    return scan->holes ? scan->slots[row] : scan->from + (uint32_t)row;
}

/* Blobs of the leaf's wide rows, so that handing out rows and columns can not fail. */
static sb_status load_wide_rows(sb_row_scan *scan, sb_err *err)
{
    const sb_allocator *alloc = sb_pager_alloc(sb_txn_pager(scan->txn));

    if ((sb_columnar__flags(scan->page.bytes) & SB_COL_WIDE) == 0) return SB_OK;
    for (uint32_t row = 0; row < scan->rows; row++) {
        if (scan->wide_count == scan->wide_capacity) {
            const size_t capacity = scan->wide_capacity == 0 ? 8 : scan->wide_capacity * 2;
            wide_row *grown = sb_resize(alloc, scan->wide, scan->wide_capacity * sizeof *grown,
                                        capacity * sizeof *grown);
            if (grown == NULL) return SB_FAIL_NOMEM(err);
            scan->wide = grown;
            scan->wide_capacity = capacity;
        }
        wide_row *wide = &scan->wide[scan->wide_count];
        wide->row = row;
        SB_TRY(sb_columnar__load_wide(scan->txn, scan->page.bytes, slot_of_row(scan, row),
                                      &wide->data, &wide->bytes, err));
        scan->wide_count += wide->data != NULL;
    }
    return SB_OK;
}

/* The leaves that follow under the same parent, when those known are used up. */
static void look_ahead(sb_row_scan *scan)
{
    size_t count = AHEAD;

    if (scan->ahead_at < scan->ahead_count) return;
    scan->ahead_at = scan->ahead_count = scan->asked = 0;
    /* benign: read-ahead only saves time */
    if (sb_tree__path_siblings(scan->txn, &scan->path, scan->ahead, &count, NULL) == SB_OK)
        scan->ahead_count = (uint32_t)count;
}

/* Ask for the known leaves from the file, half of them at a time, and hold on to where the next one is. */
static void read_ahead(sb_row_scan *scan)
{
    sb_page page;

    look_ahead(scan);
    if (scan->asked < scan->ahead_count && scan->asked < scan->ahead_at + AHEAD / 2) {
        const uint32_t more = scan->ahead_count - scan->asked;
        sb_page_prefetch(scan->txn, scan->ahead + scan->asked, more);
        scan->asked += more;
    }
    scan->next = NULL;
    if (sb_txn_addresses(scan->txn) == 0 || scan->ahead_at == scan->ahead_count) return;
    /* benign: the same, and what is wrong with the page is told when it has its turn */
    if (sb_page_acquire(scan->txn, scan->ahead[scan->ahead_at], &page, NULL) != SB_OK) return;
    if (page.pin == NULL) scan->next = page.bytes;
    sb_page_release(scan->txn, &page);
    if (scan->next == NULL) return;
    SB_PREFETCH(scan->next);
    SB_PREFETCH(scan->next + 64);
}

/* To the leaf behind the path's. */
static sb_status step(sb_row_scan *scan, bool *more, sb_err *err)
{
    *more = true;
    if (scan->ahead_at < scan->ahead_count) {
        scan->path.steps[scan->path.height - 2].slot++;
        scan->path.leaf = scan->ahead[scan->ahead_at++];
        return SB_OK;
    }
    return sb_tree__path_next(scan->txn, &scan->tree, &scan->path, more, err);
}

sb_status sb_row_scan_next(sb_row_scan *scan, size_t *row_count, sb_err *err)
{
    *row_count = 0;
    leave_leaf(scan);
    while (!scan->ended && scan->rows == 0) {
        const bool first = !scan->started;
        bool more = true;
        leave_leaf(scan);
        if (!scan->started) {
            uint8_t key[SB_ROW_KEY_BYTES];
            sb_store_be64(key, scan->first_id);
            SB_TRY(sb_tree__descend(scan->txn, &scan->tree, sb_bytes_of(key, sizeof key),
                                    &scan->path, err));
            scan->started = true;
        } else {
            SB_TRY(step(scan, &more, err));
        }
        if (!more) {
            scan->ended = true;
            return SB_OK;
        }
        SB_TRY(sb_page_acquire(scan->txn, scan->path.leaf, &scan->page, err));
        read_ahead(scan);
        const uint8_t *page = scan->page.bytes;
        SB_CHECK_PAGE(err, scan->path.leaf,
                      page[SB_PAGE_KIND] == SB_PAGE_COLUMNAR &&
                          sb_load_le32(page + SB_PAGE_TREE) == scan->tree.id);
        const sb_col_fences fences = sb_columnar__get_fences(page);
        if (SB_UNLIKELY(!first && (fences.no_low || fences.low != scan->border)))
            return sb_tree__fail_border(scan->path.leaf, err);
        scan->border = fences.high;
        scan->ended = fences.no_high || fences.high > scan->last_id;
        scan->holes = (sb_columnar__flags(page) & SB_COL_HOLES) != 0;
        scan->from = sb_columnar__slot_bound(page, scan->first_id);
        scan->to = scan->last_id == UINT64_MAX ? sb_columnar__slots(page)
                                               : sb_columnar__slot_bound(page, scan->last_id + 1);
        if (scan->to > scan->from)
            scan->rows = scan->holes
                             ? sb_columnar__list_rows(page, scan->from, scan->to, NULL, scan->slots)
                             : scan->to - scan->from;
    }
    if (scan->rows == 0) return SB_OK;
    SB_TRY(load_wide_rows(scan, err));
    *row_count = scan->rows;
    return SB_OK;
}

const uint64_t *sb_row_scan_ids(sb_row_scan *scan)
{
    if (!scan->ids_known && scan->rows != 0)
        (void)sb_columnar__list_rows(scan->page.bytes, scan->from, scan->to, scan->ids, NULL);
    scan->ids_known = true;
    return scan->ids;
}

/* The blob of a row, NULL when it is not wide. */
static const uint8_t *wide_of(const sb_row_scan *scan, size_t row)
{
    size_t low = 0, count = scan->wide_count;
    while (count > 0) {
        const size_t half = count / 2;
        const bool below = scan->wide[low + half].row < row;
        low += below ? half + 1 : 0;
        count = below ? count - half - 1 : half;
    }
    return low < scan->wide_count && scan->wide[low].row == row ? scan->wide[low].data : NULL;
}

const sb_row *sb_row_scan_row(sb_row_scan *scan, size_t i)
{
    uint8_t *blob = scan->wide_count == 0 ? NULL : (uint8_t *)(uintptr_t)wide_of(scan, i);
    scan->row = (sb_row){.page = scan->page,
                         .index = slot_of_row(scan, i),
                         .pgno = scan->path.leaf,
                         .wide = blob != NULL,
                         .wide_data = blob,
                         .txn = scan->txn};
    return &scan->row;
}

/* ---- Columns ------------------------------------------------------------------------------------------------ */

/* The leaf's column, if it has one. */
static bool find_column(const sb_row_scan *scan, uint32_t key, uint8_t type, sb_colview *view)
{
    const uint8_t *page = scan->page.bytes;
    const uint32_t index = sb_columnar__column_bound(page, key, type);
    if (index == sb_columnar__columns(page)) return false;
    sb_columnar__open(page, index, view);
    return view->key == key && view->type == type;
}

static uint64_t place_word(const uint8_t *page, const sb_colview *view, uint32_t place)
{
    sb_cell cell;
    if (view->class_ != SB_CLASS_BYTES) return sb_columnar__word(page, view, place);
    sb_columnar__cell(page, view, place, &cell);
    return cell.word;
}

static void leaf_words(const sb_row_scan *scan, const sb_colview *view, uint64_t *words,
                       uint8_t *present, bool *any)
{
    const uint8_t *page = scan->page.bytes;
    const bool by_slot =
        view->presence <= SB_PRESENT_BITMAP && !scan->holes && view->class_ != SB_CLASS_BYTES;

    if (by_slot) {
        const uint64_t base = view->class_ == SB_CLASS_INT || view->width == 0 ? view->base : 0;
        sb_columnar__load_words(words, page + view->values + (size_t)scan->from * view->width,
                                view->width, scan->rows, base);
        if (view->presence == SB_PRESENT_ALL)
            sb_columnar__set_bits(present, scan->rows);
        else
            sb_columnar__copy_bits(present, page + view->map, scan->from, scan->rows);
        *any =
            view->presence == SB_PRESENT_ALL || sb_bits_next(present, 0, scan->rows) < scan->rows;
        return;
    }
    for (uint32_t row = 0; row < scan->rows; row++) {
        uint32_t place;
        words[row] = 0;
        if (!sb_columnar__place(page, view, slot_of_row(scan, row), &place)) continue;
        words[row] = place_word(page, view, place);
        sb_bit_set(present, row);
        *any = true;
    }
}

sb_status sb_row_scan_words(sb_row_scan *scan, uint32_t key, uint8_t type, uint64_t *words,
                            uint8_t *present, bool *any, sb_err *err)
{
    sb_colview view;
    (void)err;
    *any = false;
    if (scan->rows == 0) return SB_OK;
    memset(present, 0, (scan->rows + 7) / 8);
    if (find_column(scan, key, type, &view)) leaf_words(scan, &view, words, present, any);
    for (size_t i = 0; i < scan->wide_count; i++) {
        sb_cell cell;
        if (!sb_columnar__wide_seek(scan->wide[i].data, sb_columnar__order(key, type), &cell) ||
            cell.key != key || cell.type != type)
            continue;
        words[scan->wide[i].row] = cell.word;
        sb_bit_set(present, scan->wide[i].row);
        *any = true;
    }
    return SB_OK;
}

/* ---- Filter --------------------------------------------------------------------------------------------------- */

/* flags[i] = coded value i lies in [low, low + span]. One loop per width, which the compiler turns into vectors. */
static void flag_values(uint8_t *flags, const uint8_t *in, unsigned width, size_t count,
                        uint64_t low, uint64_t span)
{
    switch (width) {
    case 1: {
        const uint8_t low8 = (uint8_t)low, span8 = (uint8_t)span;
        for (size_t i = 0; i < count; i++)
            flags[i] = (uint8_t)(in[i] - low8) <= span8;
        break;
    }
    case 2: {
        const uint16_t low16 = (uint16_t)low, span16 = (uint16_t)span;
        for (size_t i = 0; i < count; i++)
            flags[i] = (uint16_t)(sb_load_le16(in + i * 2) - low16) <= span16;
        break;
    }
    case 4: {
        const uint32_t low32 = (uint32_t)low, span32 = (uint32_t)span;
        for (size_t i = 0; i < count; i++)
            flags[i] = sb_load_le32(in + i * 4) - low32 <= span32;
        break;
    }
    default:
        for (size_t i = 0; i < count; i++)
            flags[i] = sb_load_le64(in + i * 8) - low <= span;
        break;
    }
}

/* Eight flags (bytes 0 or 1) to the bits of a byte: each is multiplied to its own place in the top byte, and no two
 * products meet on the way, so nothing carries. */
static void pack_flags(uint8_t *out, uint8_t *flags, size_t count)
{
    const size_t bytes = (count + 7) / 8;
    memset(flags + count, 0, bytes * 8 - count);
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)((sb_load_le64(flags + i * 8) * 0x0102040810204080ull) >> 56);
}

typedef enum range_kind { RANGE_NONE, RANGE_SOME, RANGE_ALL } range_kind;

/* [low, high] in a column's code: nothing, everything, or from *first to *last. */
static range_kind coded_range(const sb_colview *view, int64_t low, int64_t high, uint64_t *first,
                              uint64_t *last)
{
    const int64_t base = (int64_t)view->base;
    const uint64_t most = view->width == 8 ? UINT64_MAX : (1ull << (view->width * 8)) - 1;

    *first = low <= base ? 0 : (uint64_t)low - view->base;
    *last = (uint64_t)high - view->base;
    if (high < base || low > high || *first > most) return RANGE_NONE;
    if (*last > most) *last = most;
    return *first == 0 && *last == most ? RANGE_ALL : RANGE_SOME;
}

/* Bits for value places [from, from + count) of a column in [low, high], compared as coded. */
static void filter_places(const uint8_t *page, const sb_colview *view, uint32_t from,
                          uint32_t count, int64_t low, int64_t high, uint8_t *out)
{
    uint8_t flags[FILTER_BLOCK];
    uint64_t first, last;
    const range_kind kind = coded_range(view, low, high, &first, &last);

    memset(out, 0, (count + 7) / 8);
    if (kind == RANGE_NONE) return;
    if (kind == RANGE_ALL) {
        sb_columnar__set_bits(out, count);
        return;
    }
    for (uint32_t done = 0; done < count; done += FILTER_BLOCK) {
        const uint32_t take = count - done < FILTER_BLOCK ? count - done : FILTER_BLOCK;
        flag_values(flags, page + view->values + (size_t)(from + done) * view->width, view->width,
                    take, first, last - first);
        pack_flags(out + done / 8, flags, take);
    }
}

static void and_bits(uint8_t *out, const uint8_t *map, size_t count)
{
    for (size_t i = 0; i < (count + 7) / 8; i++)
        out[i] = (uint8_t)(out[i] & map[i]);
}

static void filter_leaf(sb_row_scan *scan, const sb_colview *view, int64_t low, int64_t high,
                        uint8_t *matches)
{
    const uint8_t *page = scan->page.bytes;

    if (view->presence <= SB_PRESENT_BITMAP && !scan->holes) {
        filter_places(page, view, scan->from, scan->rows, low, high, matches);
        if (view->presence == SB_PRESENT_BITMAP) {
            sb_columnar__copy_bits(scan->bits, page + view->map, scan->from, scan->rows);
            and_bits(matches, scan->bits, scan->rows);
        }
        return;
    }
    filter_places(page, view, 0, view->presence <= SB_PRESENT_BITMAP ? scan->to : view->count, low,
                  high, scan->bits);
    for (uint32_t row = 0; row < scan->rows; row++) {
        uint32_t place;
        if (sb_columnar__place(page, view, slot_of_row(scan, row), &place) &&
            sb_bit_get(scan->bits, place))
            sb_bit_set(matches, row);
    }
}

sb_status sb_row_scan_filter_int(sb_row_scan *scan, uint32_t key, uint8_t type, int64_t low,
                                 int64_t high, uint8_t *matches, size_t *match_count, sb_err *err)
{
    sb_colview view;

    *match_count = 0;
    SB_CHECK_ARG(err, (type & SB_CLASS_MASK) == SB_CLASS_INT);
    if (scan->rows == 0) return SB_OK;
    memset(matches, 0, (scan->rows + 7) / 8);
    if (find_column(scan, key, type, &view)) filter_leaf(scan, &view, low, high, matches);
    for (size_t i = 0; i < scan->wide_count; i++) {
        sb_cell cell;
        if (!sb_columnar__wide_seek(scan->wide[i].data, sb_columnar__order(key, type), &cell) ||
            cell.key != key || cell.type != type)
            continue;
        if ((int64_t)cell.word >= low && (int64_t)cell.word <= high)
            sb_bit_set(matches, scan->wide[i].row);
    }
    *match_count = sb_bits_count(matches, scan->rows);
    return SB_OK;
}

/* ---- Counting ------------------------------------------------------------------------------------------------- */

/* Bytes of a column between requests for the next leaf's: as many lines as can be on their way at once. */
#define SLICE_BYTES 1024u

/* The leaf's values in [low, high], compared as coded. Meanwhile as much of the next leaf is asked for as this one's take, at the same
 * place: leaves of a table that was loaded at once are alike. */
static size_t count_values(const sb_row_scan *scan, const sb_colview *view, int64_t low,
                           int64_t high)
{
    const size_t off = view->values + (size_t)scan->from * view->width;
    uint64_t first, last;
    size_t matches = 0;

    switch (coded_range(view, low, high, &first, &last)) {
    case RANGE_NONE: return 0;
    case RANGE_ALL: return scan->rows;
    case RANGE_SOME:
    default: break;
    }
    const uint32_t slice = SLICE_BYTES / view->width;
    for (uint32_t done = 0; done < scan->rows; done += slice) {
        const uint32_t take = scan->rows - done < slice ? scan->rows - done : slice;
        const size_t at = off + (size_t)done * view->width;
        for (size_t k = 0; scan->next != NULL && k < (size_t)take * view->width; k += 64)
            SB_PREFETCH(scan->next + at + k);
        matches += sb_range_count(scan->page.bytes + at, view->width, take, first, last - first);
    }
    return matches;
}

bool sb_row_scan_count_int(sb_row_scan *scan, uint32_t key, uint8_t type, int64_t low, int64_t high,
                           size_t *match_count)
{
    const uint8_t *page = scan->page.bytes;
    sb_colview view;

    *match_count = 0;
    if (scan->rows == 0) return true;
    if (scan->holes || scan->wide_count != 0) return false;
    const uint32_t columns = sb_columnar__columns(page);
    uint32_t index = sb_columnar__column_bound(page, key, 0), of_key = 0;
    for (uint32_t i = index; i < columns; i++, of_key++)
        if (sb_load_le32(page + sb_columnar__entry_off(i) + SB_COLENT_KEY) != key) break;
    if (of_key == 0) return true;
    sb_columnar__open(page, index, &view);
    if (of_key > 1 || view.type != type || view.presence != SB_PRESENT_ALL) return false;
    *match_count = count_values(scan, &view, low, high);
    return true;
}
