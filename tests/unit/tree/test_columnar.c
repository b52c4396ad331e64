/* Goal: columnar trees as the layers above use them: put, set, delete, find, batches, scans, filters, bulk build,
 * for plain rows, sparse ids, long values and wide rows.
 * Method: random operations against a plain table, with the whole tree verified, scanned and looked up after each,
 * savepoints rolled back, commits and reopens in between; then single rules, and allocations that fail.
 * SOMBRA_TEST_OPS sets how many rows each run of the model puts, sets and deletes (default: thousands). */
#include "support/unit.h"

#include <stdlib.h>

#include "tree/columnar_priv.h"

#define MOST_ROWS 4000u
#define KEYS      8u
#define TEXT      60000u

/* One cell of the reference; type 0: absent. */
typedef struct value {
    uint8_t type;
    uint64_t word;
    sb_bytes bytes;
} value;

typedef struct model_row {
    uint64_t id;
    value values[KEYS];
} model_row;

typedef struct world {
    sb_counting_allocator alloc;
    sb_profile profile;
    sb_vfs *vfs;
    sb_pager *pager;
    sb_session *session;
    sb_txn *txn;
    sb_tree tree;
    model_row *rows; /* what the tree must hold, by id */
    size_t count;
    model_row *merged;
    uint32_t page_bytes;
    size_t operations; /* rows put, set and deleted so far */
} world;

static sb_err err;
static uint8_t text[TEXT];

static void assert_ok(sb_status status)
{
    if (status != SB_OK)
        fail_msg("%s: %s (line %u)", sb_status_name(status), err.text, err.source_line);
}

static void open_pager(world *w)
{
    sb_pager_options options;

    sb_pager_options_init(&options);
    options.alloc = &w->alloc.base;
    options.vfs = w->vfs;
    options.profile = &w->profile;
    options.page_bytes = w->page_bytes;
    options.create = true;
    options.durability = SB_DURABLE_OFF;
    options.read_mode = w->page_bytes == 4096 ? SB_READ_CACHE : SB_READ_MAP;
    options.cache_pages = 16;
    options.check = sb_tree_check_page;
    assert_ok(sb_pager_open("rows", &options, &w->pager, &err));
    assert_ok(sb_session_open(w->pager, &w->session, &err));
}

static world *make_world(uint32_t page_bytes)
{
    world *w = (world *)calloc(1, sizeof *w);
    sb_random random = {.state = 3};

    assert_non_null(w);
    for (size_t i = 0; i < TEXT; i++)
        text[i] = (uint8_t)('a' + sb_random_below(&random, 26));
    sb_err_clear(&err);
    w->page_bytes = page_bytes;
    sb_counting_allocator_init(&w->alloc, &sb_allocator_libc);
    assert_ok(sb_vfs_mem_create(&sb_allocator_libc, &w->vfs, &err));
    open_pager(w);
    assert_ok(sb_txn_begin_write(w->session, &w->txn, &err));
    w->tree = (sb_tree){.id = 9, .kind = SB_TREE_COLUMNAR};
    w->rows = (model_row *)calloc(2 * MOST_ROWS, sizeof *w->rows);
    w->merged = (model_row *)calloc(2 * MOST_ROWS, sizeof *w->merged);
    assert_non_null(w->rows);
    assert_non_null(w->merged);
    return w;
}

static void close_pager(world *w)
{
    sb_session_close(w->session);
    assert_ok(sb_pager_close(w->pager, &err));
}

static void free_world(world *w)
{
    sb_txn_rollback(w->txn);
    close_pager(w);
    sb_vfs_destroy(w->vfs);
    assert_int_equal(w->alloc.live_blocks, 0);
    free(w->rows);
    free(w->merged);
    free(w);
}

/* ---- Making rows ---------------------------------------------------------------------------------- */

/* Keys 1 to 7 and one system key; what a key mostly holds depends on it. */
static uint32_t key_of(size_t k)
{
    return k == KEYS - 1 ? SB_COLUMN_SYSTEM : (uint32_t)(k * 3 + 1);
}

static value random_value(sb_random *random, const world *w, size_t k)
{
    value v = {0};
    const uint64_t dice = sb_random_below(random, 1000);

    switch (k) {
    case 0: v = (value){.type = 0x41, .word = sb_random_below(random, 200)}; break;
    case 1: v = (value){.type = 0x41, .word = sb_random_below(random, 1000000) - 500000}; break;
    case 2: v = dice < 900 ? (value){.type = 0xC1, .bytes = {.size = 12}} : (value){0}; break;
    case 3:
        v = dice < 300 ? (value){.type = 0x81, .word = sb_random_next(random)} : (value){0};
        break;
    case 4: v = dice < 60 ? (value){.type = 0x01} : (value){0}; break;
    case 5:
        v = dice < 400   ? (value){.type = 0x42, .word = sb_random_next(random)}
            : dice < 600 ? (value){.type = 0xC2, .bytes = {.size = dice % 90}}
                         : (value){0};
        break;
    case 6:
        if (dice < 3)
            v = (value){.type = 0xC3, .bytes = {.size = 20000 + dice}};
        else if (dice < 8)
            v = (value){.type = 0xC3, .bytes = {.size = w->page_bytes / 9}};
        else if (dice < 14)
            v = (value){.type = 0xC4, .bytes = {.size = w->page_bytes / 8 + dice}};
        break;
    default: v = (value){.type = 0x40, .word = 5 + (dice < 5)}; break;
    }
    /* Rows that are wide: several strings just below the inline limit. */
    if ((k == 2 || k == 5) && sb_random_below(random, 60) == 0)
        v = (value){.type = 0xC2, .bytes = {.size = w->page_bytes / 8 - 3}};
    v.bytes.data = text + sb_random_below(random, TEXT - 25000);
    return v;
}

static void random_row(sb_random *random, const world *w, uint64_t id, model_row *row)
{
    row->id = id;
    for (size_t k = 0; k < KEYS; k++)
        row->values[k] = random_value(random, w, k);
}

/* Batch of model rows as columns: one for each (key, type) that occurs. */
typedef struct batch {
    sb_rows rows;
    uint64_t ids[MOST_ROWS];
    sb_column columns[KEYS * 4];
    uint8_t present[KEYS * 4][MOST_ROWS / 8 + 1];
    uint64_t words[KEYS * 4][MOST_ROWS];
    sb_bytes bytes[KEYS * 4][MOST_ROWS];
} batch;

static batch *make_batch(const model_row *rows, size_t count)
{
    batch *b = (batch *)calloc(1, sizeof *b);
    size_t columns = 0;

    assert_non_null(b);
    for (size_t i = 0; i < count; i++)
        b->ids[i] = rows[i].id;
    for (size_t k = 0; k < KEYS; k++) {
        for (unsigned type = 1; type < 256; type++) {
            bool any = false, all = true;
            for (size_t i = 0; i < count; i++) {
                const value *v = &rows[i].values[k];
                if (v->type != type) {
                    all = false;
                    continue;
                }
                any = true;
                sb_bit_set(b->present[columns], i);
                b->words[columns][i] = v->word;
                b->bytes[columns][i] = v->bytes;
            }
            if (!any) continue;
            b->columns[columns] = (sb_column){.key = key_of(k),
                                              .type = (uint8_t)type,
                                              .present = all ? NULL : b->present[columns],
                                              .words = b->words[columns],
                                              .bytes = b->bytes[columns]};
            columns++;
        }
    }
    b->rows = (sb_rows){
        .ids = b->ids, .row_count = count, .columns = b->columns, .column_count = columns};
    return b;
}

static size_t find(const world *w, uint64_t id)
{
    size_t low = 0, high = w->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (w->rows[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool holds(const world *w, uint64_t id)
{
    const size_t at = find(w, id);
    return at < w->count && w->rows[at].id == id;
}

static void model_put(world *w, const model_row *rows, size_t count)
{
    size_t a = 0, b = 0, out = 0;
    while (a < w->count || b < count) {
        if (b == count || (a < w->count && w->rows[a].id < rows[b].id)) {
            w->merged[out++] = w->rows[a++];
        } else {
            if (a < w->count && w->rows[a].id == rows[b].id) a++;
            w->merged[out++] = rows[b++];
        }
    }
    model_row *swap = w->rows;
    w->rows = w->merged;
    w->merged = swap;
    w->count = out;
}

/* ---- Comparing --------------------------------------------------------------------------------------- */

static void print_finding(void *ctx, sb_pgno pgno, const char *message)
{
    (void)ctx;
    printf("page %u: %s\n", (unsigned)pgno, message);
}

static void assert_cell(world *w, const sb_cell *cell, size_t k, const value *want,
                        sb_buffer *buffer)
{
    assert_int_equal(cell->key, key_of(k));
    assert_int_equal(cell->type, want->type);
    if ((want->type & SB_CLASS_MASK) == SB_CLASS_BYTES) {
        assert_true(cell->word == want->bytes.size);
        sb_buffer_reset(buffer);
        assert_ok(sb_cell_read(w->txn, cell, buffer, &err));
        assert_true(sb_bytes_equal(sb_buffer_bytes(buffer), want->bytes));
    } else if ((want->type & SB_CLASS_MASK) != SB_CLASS_NULL) {
        assert_true(cell->word == want->word);
    }
}

static void assert_row(world *w, const sb_row *row, const model_row *want, sb_buffer *buffer)
{
    size_t pos = 0;
    sb_cell cell;
    for (size_t k = 0; k < KEYS; k++) {
        assert_int_equal(sb_row_cell(row, key_of(k), &cell), want->values[k].type != 0);
        if (want->values[k].type == 0) continue;
        assert_cell(w, &cell, k, &want->values[k], buffer);
        assert_true(sb_row_next_cell(row, &pos, &cell));
        assert_cell(w, &cell, k, &want->values[k], buffer);
    }
    assert_false(sb_row_next_cell(row, &pos, &cell));
}

typedef struct visit_state {
    world *w;
    const uint64_t *ids;
    sb_buffer *buffer;
    size_t seen;
} visit_state;

static sb_status visit_row(void *ctx, size_t i, const sb_row *row)
{
    visit_state *state = (visit_state *)ctx;
    assert_int_equal(i, state->seen);
    state->seen++;
    assert_int_equal(row != NULL, holds(state->w, state->ids[i]));
    if (row != NULL)
        assert_row(state->w, row, &state->w->rows[find(state->w, state->ids[i])], state->buffer);
    return SB_OK;
}

static void assert_finds(world *w, sb_random *random, sb_buffer *buffer)
{
    enum { IDS = 50 };
    uint64_t ids[IDS];
    uint8_t found[IDS / 8 + 1];
    visit_state state = {.w = w, .ids = ids, .buffer = buffer};

    for (size_t i = 0; i < IDS; i++) {
        sb_row row;
        bool there;
        ids[i] = w->count != 0 && i % 2 == 0 ? w->rows[sb_random_below(random, w->count)].id
                                             : sb_random_below(random, 20000);
        assert_ok(sb_row_find(w->txn, &w->tree, ids[i], &row, &there, &err));
        assert_int_equal(there, holds(w, ids[i]));
        if (there) assert_row(w, &row, &w->rows[find(w, ids[i])], buffer);
        sb_row_release(&row);
    }
    assert_ok(sb_rows_find(w->txn, &w->tree, ids, IDS, visit_row, &state, &err));
    assert_int_equal(state.seen, IDS);
    assert_ok(sb_rows_exist(w->txn, &w->tree, ids, IDS, found, &err));
    for (size_t i = 0; i < IDS; i++)
        assert_int_equal(sb_bit_get(found, i), holds(w, ids[i]));
}

/* Every column of the leaf, decoded and filtered, against rows [at, at + count) of the model. */
static void assert_leaf(world *w, sb_row_scan *scan, sb_random *random, size_t at, size_t count,
                        sb_buffer *buffer)
{
    static const uint8_t types[] = {0x41, 0x41, 0xC1, 0x81, 0x01, 0x42, 0xC4, 0x40};
    static uint64_t words[32768];
    static uint8_t bits[4096];
    const uint64_t *ids = sb_row_scan_ids(scan);
    bool any;

    for (size_t i = 0; i < count; i++)
        assert_true(ids[i] == w->rows[at + i].id);
    for (size_t i = 0; i < count; i += 1 + sb_random_below(random, 9))
        assert_row(w, sb_row_scan_row(scan, i), &w->rows[at + i], buffer);
    for (size_t k = 0; k < KEYS; k++) {
        bool want_any = false;
        assert_ok(sb_row_scan_words(scan, key_of(k), types[k], words, bits, &any, &err));
        for (size_t i = 0; i < count; i++) {
            const value *v = &w->rows[at + i].values[k];
            const bool has = v->type == types[k];
            assert_int_equal(any && sb_bit_get(bits, i), has);
            want_any = want_any || has;
            if (!has || types[k] == 0x01) continue;
            assert_true(words[i] == (types[k] >= 0xC0 ? v->bytes.size : v->word));
        }
        assert_int_equal(any, want_any);
        if ((types[k] & SB_CLASS_MASK) != SB_CLASS_INT) continue;
        const model_row *pick = &w->rows[at + sb_random_below(random, count)];
        const int64_t low =
            sb_random_below(random, 8) == 0 ? INT64_MIN : (int64_t)pick->values[k].word;
        const int64_t high = sb_random_below(random, 8) == 0 ? INT64_MAX
                             : low > INT64_MAX - 200         ? INT64_MAX
                                                     : low + (int64_t)sb_random_below(random, 200);
        size_t matched, want = 0;
        assert_ok(
            sb_row_scan_filter_int(scan, key_of(k), types[k], low, high, bits, &matched, &err));
        for (size_t i = 0; i < count; i++) {
            const value *v = &w->rows[at + i].values[k];
            const bool matches =
                v->type == types[k] && (int64_t)v->word >= low && (int64_t)v->word <= high;
            assert_int_equal(sb_bit_get(bits, i), matches);
            want += matches;
        }
        assert_int_equal(matched, want);
        if (!sb_row_scan_count_int(scan, key_of(k), types[k], low, high, &matched)) continue;
        assert_int_equal(matched, want);
    }
}

static void assert_scan(world *w, sb_random *random, uint64_t first, uint64_t last,
                        sb_buffer *buffer)
{
    sb_row_scan *scan;
    size_t at = find(w, first), count;

    assert_ok(sb_row_scan_open(w->txn, &w->tree, first, last, &scan, &err));
    for (;;) {
        assert_ok(sb_row_scan_next(scan, &count, &err));
        if (count == 0) break;
        assert_true(at + count <= w->count);
        assert_true(w->rows[at + count - 1].id <= last);
        assert_leaf(w, scan, random, at, count, buffer);
        at += count;
    }
    assert_true(at == w->count || w->rows[at].id > last);
    assert_ok(sb_row_scan_next(scan, &count, &err));
    assert_int_equal(count, 0);
    sb_row_scan_close(scan);
}

static void assert_same(world *w, sb_random *random)
{
    sb_tree_stats stats;
    uint64_t findings = 0;
    sb_buffer buffer;

    sb_buffer_init(&buffer, &sb_allocator_libc);
    assert_ok(sb_tree_verify(w->txn, &w->tree, NULL, print_finding, NULL, &stats, &findings, &err));
    assert_int_equal(findings, 0);
    assert_int_equal(stats.entries, w->count);
    assert_int_equal(stats.leaf_pages, w->tree.leaf_count);
    assert_scan(w, random, 0, UINT64_MAX, &buffer);
    const uint64_t first = sb_random_below(random, 20000);
    assert_scan(w, random, first, first + sb_random_below(random, 5000), &buffer);
    assert_finds(w, random, &buffer);
    sb_buffer_deinit(&buffer);
}

/* Every page of the file is in the tree or free: nothing was lost on the way. */
static void assert_no_lost_pages(world *w)
{
    uint64_t findings = 0, more = 0;
    sb_tree_stats stats;
    uint8_t *used = (uint8_t *)calloc(1, sb_txn_page_count(w->txn) / 8 + 1);

    assert_non_null(used);
    assert_ok(sb_tree_verify(w->txn, &w->tree, used, print_finding, NULL, &stats, &findings, &err));
    assert_ok(sb_pager_verify(w->txn, used, print_finding, NULL, NULL, NULL, &more, &err));
    assert_int_equal(findings + more, 0);
    free(used);
}

/* ---- Random operations ------------------------------------------------------------------------------------ */

static void put_random(world *w, sb_random *random)
{
    static model_row rows[MOST_ROWS];
    const uint64_t shape = sb_random_below(random, 4);
    const size_t most = shape == 0 ? 3 : shape == 1 ? 400 : 60;
    const size_t room = w->count < MOST_ROWS ? MOST_ROWS - w->count : 1;
    size_t count = 1 + sb_random_below(random, most < room ? most : room);
    uint64_t id = sb_random_below(random, 20000);

    if (shape < 2 && w->count != 0)
        id = w->rows[w->count - 1].id + 1 +
             (sb_random_below(random, 5) == 0 ? sb_random_below(random, 300) : 0);
    for (size_t i = 0; i < count; i++) {
        random_row(random, w, id, &rows[i]);
        id += shape == 3 ? 1 + sb_random_below(random, 40) : 1;
    }
    batch *b = make_batch(rows, count);
    assert_ok(sb_rows_put(w->txn, &w->tree, &b->rows, &err));
    free(b);
    model_put(w, rows, count);
    w->operations += count;
}

static void set_random(world *w, sb_random *random)
{
    for (unsigned i = 0; i < 20; i++, w->operations++) {
        sb_cell cells[KEYS];
        size_t count = 0;
        bool found;
        const uint64_t id = w->count == 0 || i == 0 ? sb_random_below(random, 30000)
                                                    : w->rows[sb_random_below(random, w->count)].id;
        model_row *row = holds(w, id) ? &w->rows[find(w, id)] : NULL;
        for (size_t k = 0; k < KEYS; k++) {
            if (sb_random_below(random, 3) != 0) continue;
            value v = random_value(random, w, k);
            if (sb_random_below(random, 6) == 0) v = (value){0};
            cells[count++] =
                (sb_cell){.key = key_of(k), .type = v.type, .word = v.word, .bytes = v.bytes};
            if (row != NULL) row->values[k] = v;
        }
        if (count > 1 && i % 4 == 0) { /* order does not matter */
            const sb_cell swap = cells[0];
            cells[0] = cells[count - 1];
            cells[count - 1] = swap;
        }
        assert_ok(sb_row_set(w->txn, &w->tree, id, cells, count, &found, &err));
        assert_int_equal(found, row != NULL);
    }
}

static void delete_random(world *w, sb_random *random)
{
    static uint64_t ids[MOST_ROWS];
    const uint64_t step = sb_random_below(random, 3) == 0 ? 1 : 1 + sb_random_below(random, 30);
    const size_t most = sb_random_below(random, 4) == 0 ? 1500 : 60;
    uint64_t id = sb_random_below(random, 20000);
    size_t count = 0, deleted, want = 0, out = 0;

    for (; count < most; count++) {
        ids[count] = id;
        want += holds(w, id);
        id += 1 + sb_random_below(random, step);
    }
    assert_ok(sb_rows_delete(w->txn, &w->tree, ids, count, &deleted, &err));
    assert_int_equal(deleted, want);
    w->operations += count;
    for (size_t i = 0, at = 0; i < w->count; i++) {
        while (at < count && ids[at] < w->rows[i].id)
            at++;
        if (at < count && ids[at] == w->rows[i].id) continue;
        w->rows[out++] = w->rows[i];
    }
    w->count = out;
}

static void change(world *w, sb_random *random)
{
    const uint64_t dice = sb_random_below(random, 10);
    if (dice < 5)
        put_random(w, random);
    else if (dice < 8)
        set_random(w, random);
    else
        delete_random(w, random);
}

static void run_model(uint32_t page_bytes, uint64_t seed, size_t operations)
{
    world *w = make_world(page_bytes);
    sb_random random = test_random(seed);
    model_row *saved = (model_row *)calloc(2 * MOST_ROWS, sizeof *saved);

    while (w->operations < operations) {
        const uint64_t dice = sb_random_below(&random, 12);
        if (dice == 0) { /* undo */
            const sb_tree tree = w->tree;
            const size_t count = w->count;
            uint32_t savepoint;
            memcpy(saved, w->rows, count * sizeof *saved);
            assert_ok(sb_txn_savepoint(w->txn, &savepoint, &err));
            change(w, &random);
            change(w, &random);
            assert_ok(sb_txn_rollback_to(w->txn, savepoint, &err));
            assert_ok(sb_txn_release(w->txn, savepoint, &err));
            w->tree = tree;
            w->count = count;
            memcpy(w->rows, saved, count * sizeof *saved);
        } else if (dice == 1) {
            assert_ok(sb_txn_commit(w->txn, &err));
            w->txn = NULL;
            if (sb_random_below(&random, 2) == 0) {
                close_pager(w);
                open_pager(w);
            }
            assert_ok(sb_txn_begin_read(w->session, &w->txn, &err));
            assert_no_lost_pages(w);
            sb_txn_rollback(w->txn);
            assert_ok(sb_txn_begin_write(w->session, &w->txn, &err));
        } else {
            change(w, &random);
        }
        assert_same(w, &random);
    }
    /* What is cleared leaves nothing behind. */
    assert_ok(sb_tree_clear(w->txn, &w->tree, NULL, NULL, &err));
    w->count = 0;
    assert_same(w, &random);
    test_operations_done(w->operations);
    free(saved);
    free_world(w);
}

static void test_tree_columnar__model_4k(void **state)
{
    (void)state;
    run_model(4096, 41, test_operations(15000));
}

static void test_tree_columnar__model_8k(void **state)
{
    (void)state;
    run_model(8192, 42, test_operations(15000));
}

static void test_tree_columnar__model_64k(void **state)
{
    (void)state;
    run_model(65536, 43, test_operations(6000));
}

/* ---- Single rules ---------------------------------------------------------------------------------------------- */

/* Plain rows: three integer columns. */
typedef struct plain {
    sb_rows rows;
    sb_column columns[3];
    uint64_t *ids, *words[3];
} plain;

static void make_plain(plain *p, size_t count, uint64_t first)
{
    sb_random random = {.state = 8};
    p->ids = (uint64_t *)malloc(count * 8);
    for (size_t k = 0; k < 3; k++) {
        p->words[k] = (uint64_t *)malloc(count * 8);
        p->columns[k] = (sb_column){.key = (uint32_t)k + 1, .type = 0x41, .words = p->words[k]};
    }
    for (size_t i = 0; i < count; i++) {
        p->ids[i] = first + i;
        p->words[0][i] = i / 10;
        p->words[1][i] = sb_random_below(&random, 1000000);
        p->words[2][i] = sb_random_below(&random, 256);
    }
    p->rows =
        (sb_rows){.ids = p->ids, .row_count = count, .columns = p->columns, .column_count = 3};
}

static void free_plain(plain *p)
{
    free(p->ids);
    for (size_t k = 0; k < 3; k++)
        free(p->words[k]);
}

static void assert_misuse(sb_status status)
{
    assert_int_equal(status, SB_MISUSE);
    sb_err_clear(&err);
}

static void test_tree_columnar__misuse(void **state)
{
    world *w = make_world(8192);
    uint64_t ids[] = {4, 4}, words[] = {1, 2};
    sb_column columns[] = {{.key = 5, .type = 0x41, .words = words},
                           {.key = 5, .type = 0x41, .words = words}};
    sb_rows rows = {.ids = ids, .row_count = 2, .columns = columns, .column_count = 1};
    const sb_cell twice[] = {{.key = 1, .type = 0x41}, {.key = 1, .type = 0x42}};
    size_t deleted;
    bool found;

    (void)state;
    assert_misuse(sb_rows_put(w->txn, &w->tree, &rows, &err));
    ids[0] = 3;
    rows.column_count = 2;
    assert_misuse(sb_rows_put(w->txn, &w->tree, &rows, &err));
    columns[1].key = SB_COLUMN_WIDE;
    assert_misuse(sb_rows_put(w->txn, &w->tree, &rows, &err));
    columns[1] = (sb_column){.key = 6, .type = 0xC1};
    assert_misuse(sb_rows_put(w->txn, &w->tree, &rows, &err));
    rows.column_count = 1;
    assert_ok(sb_rows_put(w->txn, &w->tree, &rows, &err));
    assert_misuse(sb_row_set(w->txn, &w->tree, 3, twice, 2, &found, &err));
    ids[1] = 3;
    assert_misuse(sb_rows_delete(w->txn, &w->tree, ids, 2, &deleted, &err));
    free_world(w);
}

/* Rows added one at a time at the right edge go in place, and leave full leaves behind. */
static void test_tree_columnar__append_one_by_one(void **state)
{
    enum { ROWS = 6000 };
    world *w = make_world(8192);
    plain p;

    (void)state;
    make_plain(&p, ROWS, 1000);
    for (size_t i = 0; i < ROWS; i++) {
        sb_column columns[3];
        for (size_t k = 0; k < 3; k++)
            columns[k] = (sb_column){.key = (uint32_t)k + 1, .type = 0x41, .words = &p.words[k][i]};
        const sb_rows one = {
            .ids = &p.ids[i], .row_count = 1, .columns = columns, .column_count = 3};
        assert_ok(sb_rows_put(w->txn, &w->tree, &one, &err));
    }
    const sb_tree_counters *counters = sb_tree_counters_get(w->txn);
    print_message("leaves %llu, in place %llu, rebuilds %llu\n",
                  (unsigned long long)w->tree.leaf_count, (unsigned long long)counters->in_place,
                  (unsigned long long)counters->rebuilds);
    assert_true(w->tree.leaf_count <= 7);
    assert_true(counters->in_place > ROWS - 200);
    free_plain(&p);
    free_world(w);
}

/* One row deleted from each full leaf splits none; rows deleted throughout merge leaves. */
static void test_tree_columnar__delete_shrinks(void **state)
{
    enum { ROWS = 20000 };
    world *w = make_world(8192);
    plain p;
    size_t deleted;

    (void)state;
    make_plain(&p, ROWS, 1);
    assert_ok(sb_rows_put(w->txn, &w->tree, &p.rows, &err));
    const uint64_t leaves = w->tree.leaf_count;
    assert_true(leaves <= 17);
    for (uint64_t id = 500; id < ROWS; id += 500) {
        assert_ok(sb_rows_delete(w->txn, &w->tree, &id, 1, &deleted, &err));
        assert_int_equal(deleted, 1);
    }
    assert_int_equal(w->tree.leaf_count, leaves);
    for (uint64_t id = 1; id <= ROWS; id++) {
        if (id % 20 == 0) continue;
        assert_ok(sb_rows_delete(w->txn, &w->tree, &id, 1, &deleted, &err));
    }
    print_message("leaves %llu, then %llu\n", (unsigned long long)leaves,
                  (unsigned long long)w->tree.leaf_count);
    assert_true(w->tree.leaf_count <= 4);
    assert_ok(sb_rows_delete(w->txn, &w->tree, p.ids, ROWS, &deleted, &err));
    assert_int_equal(w->tree.root, SB_PGNO_NONE);
    free_plain(&p);
    free_world(w);
}

/* 200 columns, each in every 50th row: listed or packed, and far smaller than a place per row. */
static void test_tree_columnar__sparse_columns(void **state)
{
    enum { ROWS = 2000, COLUMNS = 200 };
    world *w = make_world(8192);
    sb_column columns[COLUMNS];
    uint64_t ids[ROWS], *words = (uint64_t *)malloc(ROWS * 8);
    uint8_t *maps = (uint8_t *)calloc(COLUMNS, ROWS / 8);

    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        ids[i] = 10 + i;
        words[i] = 1000 + i % 200;
        for (size_t k = i % 50; k < COLUMNS; k += 50)
            sb_bit_set(maps + k * (ROWS / 8), i);
    }
    for (size_t k = 0; k < COLUMNS; k++)
        columns[k] = (sb_column){
            .key = (uint32_t)k, .type = 0x41, .present = maps + k * (ROWS / 8), .words = words};
    const sb_rows rows = {
        .ids = ids, .row_count = ROWS, .columns = columns, .column_count = COLUMNS};
    assert_ok(sb_rows_put(w->txn, &w->tree, &rows, &err));
    print_message("%.1f bytes per cell\n", (double)w->tree.leaf_count * 8192 / (ROWS * 4));
    assert_true(w->tree.leaf_count * 8192 < 10 * ROWS * 4);
    for (size_t i = 0; i < ROWS; i += 7) {
        sb_row row;
        sb_cell cell;
        bool found;
        assert_ok(sb_row_find(w->txn, &w->tree, ids[i], &row, &found, &err));
        assert_true(found);
        for (size_t k = 0; k < COLUMNS; k++) {
            assert_int_equal(sb_row_cell(&row, (uint32_t)k, &cell), k % 50 == i % 50);
            if (k % 50 == i % 50) assert_true(cell.word == words[i]);
        }
        sb_row_release(&row);
    }
    free(words);
    free(maps);
    free_world(w);
}

/* A row of 2,000 cells and some long strings, as wide row; changed, shrunk to a plain row, and gone with its pages. */
static void test_tree_columnar__wide_row(void **state)
{
    enum { COLUMNS = 2000 };
    world *w = make_world(4096);
    sb_column *columns = (sb_column *)calloc(COLUMNS, sizeof *columns);
    sb_cell *cells = (sb_cell *)calloc(COLUMNS, sizeof *cells);
    uint64_t id = 77, word = 5;
    sb_bytes string = {.data = text, .size = 3000}, shorter = {.data = text, .size = 30};
    sb_row row;
    sb_cell cell;
    sb_tree_stats stats;
    uint64_t findings = 0;
    bool found;
    size_t pos = 0, count = 0, deleted;

    (void)state;
    for (size_t k = 0; k < COLUMNS; k++)
        columns[k] = (sb_column){.key = (uint32_t)k,
                                 .type = k % 40 == 0 ? 0xC1 : 0x41,
                                 .words = &word,
                                 .bytes = &string};
    const sb_rows rows = {.ids = &id, .row_count = 1, .columns = columns, .column_count = COLUMNS};
    assert_ok(sb_rows_put(w->txn, &w->tree, &rows, &err));
    assert_ok(sb_row_find(w->txn, &w->tree, id, &row, &found, &err));
    assert_true(found && row.wide);
    while (sb_row_next_cell(&row, &pos, &cell)) {
        assert_int_equal(cell.key, count);
        assert_true(cell.word == (count % 40 == 0 ? 3000u : 5u));
        count++;
    }
    assert_int_equal(count, COLUMNS);
    assert_false(sb_row_cell(&row, SB_COLUMN_WIDE, &cell));
    sb_row_release(&row);

    const sb_cell set[] = {{.key = 3, .type = 0xC1, .bytes = shorter},
                           {.key = 80, .type = 0x41, .word = 1}};
    assert_ok(sb_row_set(w->txn, &w->tree, id, set, 2, &found, &err));
    assert_ok(sb_row_find(w->txn, &w->tree, id, &row, &found, &err));
    assert_true(sb_row_cell(&row, 3, &cell) && cell.bytes.size == 30);
    assert_true(sb_row_cell(&row, 80, &cell) && cell.word == 1);
    assert_true(sb_row_cell(&row, 1999, &cell) && cell.word == 5);
    sb_row_release(&row);

    for (size_t k = 1; k < COLUMNS; k++)
        cells[k - 1] = (sb_cell){.key = (uint32_t)k};
    assert_ok(sb_row_set(w->txn, &w->tree, id, cells, COLUMNS - 1, &found, &err));
    assert_ok(sb_row_find(w->txn, &w->tree, id, &row, &found, &err));
    assert_false(row.wide);
    pos = 0;
    assert_true(sb_row_next_cell(&row, &pos, &cell));
    assert_true(cell.overflow && cell.word == 3000);
    assert_false(sb_row_next_cell(&row, &pos, &cell));
    sb_row_release(&row);
    assert_ok(sb_tree_verify(w->txn, &w->tree, NULL, print_finding, NULL, &stats, &findings, &err));
    assert_int_equal(findings, 0);
    assert_int_equal(stats.overflow_pages, 1);
    assert_ok(sb_rows_delete(w->txn, &w->tree, &id, 1, &deleted, &err));
    assert_int_equal(deleted, 1);
    assert_int_equal(w->tree.root, SB_PGNO_NONE);
    free(columns);
    free(cells);
    free_world(w);
}

/* A column of which every value lies in overflow pages, through the merges of leaves that have it. */
static void test_tree_columnar__all_overflow(void **state)
{
    enum { ROWS = 40 };
    world *w = make_world(8192);
    const sb_bytes string = {.data = text, .size = 3000};
    uint64_t findings = 0;
    sb_tree_stats stats;

    (void)state;
    for (uint64_t i = 0; i < ROWS; i++) { /* even ids, then odd ones between them */
        const uint64_t id = 2 * (i % (ROWS / 2)) + 2 * i / ROWS;
        const sb_column column = {.key = 1, .type = 0xC1, .bytes = &string};
        const sb_rows rows = {.ids = &id, .row_count = 1, .columns = &column, .column_count = 1};
        assert_ok(sb_rows_put(w->txn, &w->tree, &rows, &err));
    }
    for (uint64_t id = 0; id < ROWS; id++) {
        sb_row row;
        sb_cell cell;
        bool found;
        assert_ok(sb_row_find(w->txn, &w->tree, id, &row, &found, &err));
        assert_true(found && sb_row_cell(&row, 1, &cell));
        assert_true(cell.overflow && cell.word == string.size);
        sb_row_release(&row);
    }
    assert_ok(sb_tree_verify(w->txn, &w->tree, NULL, print_finding, NULL, &stats, &findings, &err));
    assert_int_equal(findings, 0);
    assert_int_equal(stats.overflow_pages, ROWS);
    free_world(w);
}

/* A batch at the right edge allocates for its leaves, not for its rows. */
static void test_tree_columnar__append_allocations(void **state)
{
    enum { ROWS = 20000 };
    world *w = make_world(8192);
    plain p;

    (void)state;
    make_plain(&p, 2 * ROWS, 1);
    p.rows.row_count = ROWS;
    assert_ok(sb_rows_put(w->txn, &w->tree, &p.rows, &err));
    const size_t before = w->alloc.alloc_count;
    sb_rows next = p.rows;
    sb_column columns[3];
    for (size_t k = 0; k < 3; k++) {
        columns[k] = p.columns[k];
        columns[k].words += ROWS;
    }
    next.ids += ROWS;
    next.columns = columns;
    assert_ok(sb_rows_put(w->txn, &w->tree, &next, &err));
    print_message("%zu allocations for %u rows\n", (size_t)w->alloc.alloc_count - before,
                  (unsigned)ROWS);
    assert_true(w->alloc.alloc_count - before < 80);
    free_plain(&p);
    free_world(w);
}

/* Every allocation of a run of all operations fails once: SB_NOMEM, rolled back, and nothing leaks. */
static void test_tree_columnar__no_memory(void **state)
{
    world *w = make_world(4096);
    sb_random random = test_random(77);
    size_t failed = 0;

    (void)state;
    w->count = 0;
    static model_row rows[200];
    for (size_t i = 0; i < 200; i++)
        random_row(&random, w, 100 + i * (i % 3 + 1) * 2 + i, &rows[i]);
    for (size_t i = 1; i < 200; i++)
        rows[i].id = rows[i - 1].id + 1 + i % 4;
    batch *b = make_batch(rows, 200);
    const sb_cell set = {.key = 2, .type = 0xC9, .bytes = {.data = text, .size = 2000}};
    for (size_t at = 1;; at++) {
        const sb_tree tree = w->tree;
        size_t deleted, rows_seen;
        bool found;
        sb_row row = {0};
        sb_row_scan *scan = NULL;
        w->alloc.fail_at = w->alloc.alloc_count + at;
        sb_status st = sb_rows_put(w->txn, &w->tree, &b->rows, &err);
        if (st == SB_OK) st = sb_row_set(w->txn, &w->tree, rows[7].id, &set, 1, &found, &err);
        if (st == SB_OK) st = sb_row_find(w->txn, &w->tree, rows[9].id, &row, &found, &err);
        if (st == SB_OK) sb_row_release(&row);
        if (st == SB_OK) st = sb_row_scan_open(w->txn, &w->tree, 0, UINT64_MAX, &scan, &err);
        for (rows_seen = 1; st == SB_OK && rows_seen != 0;)
            st = sb_row_scan_next(scan, &rows_seen, &err);
        sb_row_scan_close(scan);
        if (st == SB_OK) st = sb_rows_delete(w->txn, &w->tree, b->ids, 150, &deleted, &err);
        w->alloc.fail_at = 0;
        const bool done = st == SB_OK;
        if (!done) assert_int_equal(st, SB_NOMEM);
        failed += !done;
        sb_err_clear(&err);
        sb_txn_rollback(w->txn);
        assert_ok(sb_txn_begin_write(w->session, &w->txn, &err));
        w->tree = tree;
        if (done && at > 200) break;
    }
    print_message("%zu allocations failed\n", failed);
    assert_true(failed > 5);
    free(b);
    free_world(w);
}

/* Bulk build gives the same rows as putting them, in full leaves, however the input is cut. */
static void run_build(uint32_t page_bytes, unsigned fill_percent, size_t piece)
{
    enum { ROWS = 3000 };
    world *w = make_world(page_bytes);
    sb_random random = test_random(page_bytes + piece);
    sb_build *build;
    uint64_t id = 5;

    for (size_t i = 0; i < ROWS; i++) {
        random_row(&random, w, id, &w->rows[i]);
        id += i % 100 == 0 ? 1 + sb_random_below(&random, 500) : 1;
    }
    assert_ok(sb_build_open(w->txn, &w->tree, fill_percent, &build, &err));
    for (size_t i = 0; i < ROWS;) {
        size_t count = piece == 1 ? 1 : 1 + sb_random_below(&random, piece);
        if (count > ROWS - i) count = ROWS - i;
        batch *b = make_batch(w->rows + i, count);
        assert_ok(sb_build_rows(build, &b->rows, &err));
        if (i == 0) assert_misuse(sb_build_rows(build, &b->rows, &err));
        free(b);
        i += count;
    }
    assert_ok(sb_build_finish(build, &err));
    w->count = ROWS;
    assert_same(w, &random);
    for (unsigned i = 0; i < 10; i++) {
        change(w, &random);
        assert_same(w, &random);
    }
    free_world(w);
}

static void test_tree_columnar__build(void **state)
{
    (void)state;
    run_build(4096, 100, 1);
    run_build(8192, 100, 3000);
    run_build(8192, 70, 50);
    run_build(65536, 100, 400);
}

static void test_tree_columnar__build_aborts(void **state)
{
    world *w = make_world(8192);
    sb_build *build;
    plain p;

    (void)state;
    make_plain(&p, 3000, 1);
    assert_ok(sb_build_open(w->txn, &w->tree, 100, &build, &err));
    assert_ok(sb_build_rows(build, &p.rows, &err));
    sb_build_abort(build);
    free_plain(&p);
    free_world(w);
}

/* Counting dense columns of every width, in pages that stay and in pinned ones, in part of a table and in all of it. */
static void counts_of_width(uint32_t page_bytes, unsigned bits)
{
    enum { ROWS = 30000 };
    static uint64_t ids[ROWS], words[ROWS];
    const uint64_t mask = bits == 64 ? UINT64_MAX : (1ull << bits) - 1;
    const sb_column column = {.key = 7, .type = SB_CLASS_INT | 2, .words = words};
    const sb_rows rows = {.ids = ids, .row_count = ROWS, .columns = &column, .column_count = 1};
    sb_random random = test_random(40 + bits);
    world *w = make_world(page_bytes);

    for (size_t i = 0; i < ROWS; i++) {
        ids[i] = 100 + i;
        words[i] = (uint64_t)-50 + (sb_random_next(&random) & mask);
    }
    assert_ok(sb_rows_put(w->txn, &w->tree, &rows, &err));
    assert_ok(sb_txn_commit(w->txn, &err));
    assert_ok(sb_txn_begin_read(w->session, &w->txn, &err));
    for (unsigned round = 0; round < 12; round++) {
        const int64_t a = (int64_t)words[sb_random_below(&random, ROWS)],
                      b = (int64_t)words[sb_random_below(&random, ROWS)];
        const int64_t low = round == 0 ? INT64_MIN : a, high = round == 1 ? INT64_MAX : b;
        const size_t from = round % 3 == 0 ? 0 : (size_t)sb_random_below(&random, ROWS);
        size_t want = 0, got = 0, row_count, matches;
        sb_row_scan *scan;

        for (size_t i = from; i < ROWS; i++)
            want += (int64_t)words[i] >= low && (int64_t)words[i] <= high;
        assert_ok(sb_row_scan_open(w->txn, &w->tree, ids[from], UINT64_MAX, &scan, &err));
        do {
            assert_ok(sb_row_scan_next(scan, &row_count, &err));
            assert_true(sb_row_scan_count_int(scan, 7, SB_CLASS_INT | 2, low, high, &matches));
            got += matches;
            assert_true(sb_row_scan_count_int(scan, 8, SB_CLASS_INT | 2, low, high, &matches));
            assert_int_equal(matches, 0);
        } while (row_count != 0);
        sb_row_scan_close(scan);
        assert_int_equal(got, want);
    }
    free_world(w);
}

static void test_tree_columnar__counts(void **state)
{
    static const unsigned BITS[] = {0, 7, 8, 15, 16, 31, 32, 64};

    (void)state;
    for (size_t i = 0; i < sizeof BITS / sizeof *BITS; i++) {
        counts_of_width(4096, BITS[i]);
        counts_of_width(8192, BITS[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tree_columnar__misuse),         TEST(test_tree_columnar__append_one_by_one),
        TEST(test_tree_columnar__delete_shrinks), TEST(test_tree_columnar__sparse_columns),
        TEST(test_tree_columnar__wide_row),       TEST(test_tree_columnar__append_allocations),
        TEST(test_tree_columnar__model_4k),       TEST(test_tree_columnar__model_8k),
        TEST(test_tree_columnar__model_64k),      TEST(test_tree_columnar__build),
        TEST(test_tree_columnar__build_aborts),   TEST(test_tree_columnar__no_memory),
        TEST(test_tree_columnar__counts),         TEST(test_tree_columnar__all_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
