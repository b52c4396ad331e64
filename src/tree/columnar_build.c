/* columnar_build.c — bulk build of columnar trees. Rows that do not fill a page collect in one page buffer of ours; full
 * leaves are encoded straight from the caller's arrays into the core's buffers. */
#include "tree/columnar_priv.h"

struct sb_columnar_build {
    sb_txn *txn; /* borrowed, as tree and core */
    sb_tree *tree;
    sb_build_core *core;
    uint32_t page_bytes;
    uint32_t budget; /* bytes of a leaf to fill */
    uint64_t low;    /* low fence of the next leaf; none before the first */
    bool no_low;
    bool any;         /* last_id is valid */
    uint64_t last_id; /* of all rows so far */
    uint8_t *page;    /* owned: rows not yet handed to the core */
    size_t hint;      /* rows of the last full leaf */
};

sb_status sb_columnar__build_open(sb_txn *txn, sb_tree *tree, sb_build_core *core,
                                  unsigned fill_percent, sb_columnar_build **build, sb_err *err)
{
    const sb_allocator *alloc = sb_pager_alloc(sb_txn_pager(txn));
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    const sb_col_fences open = {.no_low = true, .no_high = true};

    *build = NULL;
    sb_columnar_build *made = sb_alloc_zero(alloc, sizeof *made);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    *made = (sb_columnar_build){
        .txn = txn, .tree = tree, .core = core, .page_bytes = page_bytes, .no_low = true};
    made->budget =
        fill_percent == 0 || fill_percent >= 100 ? page_bytes : page_bytes / 100 * fill_percent;
    made->page = sb_alloc_zero(alloc, page_bytes);
    if (made->page == NULL) {
        sb_free(alloc, made, sizeof *made);
        return SB_FAIL_NOMEM(err);
    }
    sb_columnar__write_empty(&open, made->page, page_bytes);
    *build = made;
    return SB_OK;
}

void sb_columnar__build_free(sb_columnar_build *build)
{
    if (build == NULL) return;
    const sb_allocator *alloc = sb_pager_alloc(sb_txn_pager(build->txn));
    sb_free(alloc, build->page, build->page_bytes);
    sb_free(alloc, build, sizeof *build);
}

/* Fences of the leaf that ends with row last; next_id as in emit_page. */
static sb_col_fences next_fences(sb_columnar_build *build, const uint64_t *next_id, uint64_t last)
{
    sb_col_fences fences = {.low = build->low, .no_low = build->no_low, .no_high = next_id == NULL};
    if (next_id == NULL) return fences;
    fences.high = sb_columnar__separator(last, *next_id);
    build->low = fences.high;
    build->no_low = false;
    return fences;
}

static sb_status leaf_end(sb_columnar_build *build, const sb_col_fences *fences, sb_err *err)
{
    uint8_t key[SB_ROW_KEY_BYTES];
    sb_store_be64(key, fences->low);
    return sb_build__leaf_end(build->core, sb_bytes_of(key, fences->no_low ? 0 : sizeof key), err);
}

/* Hand the page buffer's rows over as a leaf; next_id: what begins the next one, NULL: nothing. */
static sb_status emit_page(sb_columnar_build *build, const uint64_t *next_id, sb_err *err)
{
    const sb_col_fences open = {.no_low = true, .no_high = true};
    const sb_col_fences fences = next_fences(build, next_id, sb_columnar__last_id(build->page));
    uint8_t *bytes;
    sb_pgno pgno;

    SB_TRY(sb_build__leaf_begin(build->core, &bytes, &pgno, err));
    memcpy(bytes + SB_PAGE_COMMON, build->page + SB_PAGE_COMMON,
           build->page_bytes - SB_PAGE_COMMON);
    sb_store_le16(bytes + SB_PAGE_FLAGS, (uint16_t)sb_columnar__flags(build->page));
    sb_columnar__put_fences(bytes, &fences);
    sb_columnar__write_empty(&open, build->page, build->page_bytes);
    return leaf_end(build, &fences, err);
}

/* Rows from `from` on into an empty page buffer, or as a leaf when they fill one. */
static sb_status start_page(sb_columnar_build *build, sb_encoder *encoder, size_t from,
                            size_t *taken, sb_err *err)
{
    const sb_source *source = encoder->source;
    uint8_t *bytes;
    sb_pgno pgno;

    *taken = sb_encoder__fit(encoder, from, source->rows - from);
    if (from + *taken == source->rows) {
        const sb_col_fences open = {.no_low = true, .no_high = true};
        sb_encoder__write(encoder, from, true, &open, build->page);
        return SB_OK;
    }
    const sb_col_fences fences =
        next_fences(build, &source->ids[from + *taken], source->ids[from + *taken - 1]);
    SB_TRY(sb_build__leaf_begin(build->core, &bytes, &pgno, err));
    sb_encoder__write(encoder, from, false, &fences, bytes);
    return leaf_end(build, &fences, err);
}

/* Rows from `from` on join those in the page buffer. */
static sb_status extend_page(sb_columnar_build *build, const sb_source *source, size_t from,
                             size_t *taken, sb_err *err)
{
    const size_t before = sb_columnar__rows(build->page), left = source->rows - from;
    const uint32_t used = sb_columnar__used(build->page, build->page_bytes);
    size_t window = (size_t)((uint64_t)before * build->page_bytes / used) + 256;
    sb_buffer *copy = NULL, *memory = NULL, *scratch = NULL;
    sb_tree_txn *state;
    sb_source merged;
    sb_encoder encoder;
    sb_status st;

    *taken = 0;
    if (window > left) window = left;
    SB_TRY(sb_tree__txn(build->txn, &state, err));
    SB_TRY(sb_tree__buffer_acquire(state, build->page_bytes, &copy, err));
    memcpy(copy->data, build->page, build->page_bytes);
    if ((st = sb_columnar__merge(state, copy->data, NULL, source, from, window, &merged, &memory,
                                 err)) != SB_OK)
        goto done;
    if ((st = sb_tree__buffer_acquire(state, sb_encoder__memory(merged.column_count), &scratch,
                                      err)) != SB_OK)
        goto done;
    sb_encoder__init(&encoder, &merged, build->page_bytes, build->budget, scratch->data);
    encoder.hint = before;
    const size_t count = sb_encoder__fit(&encoder, 0, merged.rows);
    if (count > before) {
        const sb_col_fences open = {.no_low = true, .no_high = true};
        sb_encoder__write(&encoder, 0, count == merged.rows, &open, build->page);
        *taken = count - before;
        if (count < merged.rows) st = emit_page(build, &source->ids[from + *taken], err);
    } else {
        st = emit_page(build, &source->ids[from], err);
    }

done:
    sb_tree__buffer_release(state, scratch);
    sb_tree__buffer_release(state, memory);
    sb_tree__buffer_release(state, copy);
    return st;
}

static sb_status add_rows(sb_columnar_build *build, const sb_source *source, sb_err *err)
{
    sb_buffer *scratch = NULL;
    sb_encoder encoder;
    sb_tree_txn *state;
    sb_status st = SB_OK;

    SB_TRY(sb_tree__txn(build->txn, &state, err));
    SB_TRY(sb_tree__buffer_acquire(state, sb_encoder__memory(source->column_count), &scratch, err));
    sb_encoder__init(&encoder, source, build->page_bytes, build->budget, scratch->data);
    encoder.hint = build->hint;
    for (size_t from = 0, taken = 0; from < source->rows && st == SB_OK; from += taken) {
        if (sb_columnar__rows(build->page) == 0) {
            st = start_page(build, &encoder, from, &taken, err);
            continue;
        }
        taken =
            sb_columnar__insert(build->page, build->page_bytes, source, from, source->rows - from);
        if (taken == 0) st = extend_page(build, source, from, &taken, err);
    }
    build->hint = encoder.hint;
    sb_tree__buffer_release(state, scratch);
    return st;
}

sb_status sb_columnar__build_rows(sb_columnar_build *build, const sb_rows *rows, sb_err *err)
{
    sb_buffer *memory = NULL;
    sb_tree_txn *state;
    sb_source source;
    sb_status st;

    if (rows->row_count == 0) return SB_OK;
    SB_TRY(sb_columnar__check_rows(rows, err));
    if (build->any && rows->ids[0] <= build->last_id)
        return SB_FAIL(err, SB_MISUSE, "row ids are not strictly ascending");
    build->any = true;
    build->last_id = rows->ids[rows->row_count - 1];
    SB_TRY(sb_tree__txn(build->txn, &state, err));
    SB_TRY(sb_columnar__source(state, rows, &source, &memory, err));
    if (sb_columnar__plain(&source, build->page_bytes)) {
        st = add_rows(build, &source, err);
    } else {
        const size_t window = sb_columnar__window(&source);
        st = SB_OK;
        for (size_t from = 0; from < source.rows && st == SB_OK; from += window) {
            const size_t count = source.rows - from < window ? source.rows - from : window;
            sb_buffer *prepared_memory = NULL;
            sb_source prepared;
            st = sb_columnar__prepare(build->txn, build->tree->id, &source, from, count, &prepared,
                                      &prepared_memory, err);
            if (st == SB_OK) st = add_rows(build, &prepared, err);
            sb_tree__buffer_release(state, prepared_memory);
        }
    }
    sb_tree__buffer_release(state, memory);
    return st;
}

sb_status sb_columnar__build_finish(sb_columnar_build *build, sb_err *err)
{
    return sb_columnar__rows(build->page) == 0 ? SB_OK : emit_page(build, NULL, err);
}
