/* test_columnar_page.c — columnar leaves as bytes: random rows encoded, read back, extended, changed, reshaped and punched in
 * place, each step against a plain table and the structure check; and damaged pages, which the check must refuse or which
 * must be safe to read. */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "tree/columnar_priv.h"

#define MAX_ROWS    600u
#define MAX_COLUMNS 24u

/* The reference: a value per row and column. */
typedef struct table {
    size_t rows, columns;
    uint64_t ids[MAX_ROWS];
    uint32_t keys[MAX_COLUMNS];
    uint8_t types[MAX_COLUMNS];
    unsigned density[MAX_COLUMNS]; /* percent of rows that have it */
    uint64_t spread[MAX_COLUMNS];
    bool present[MAX_COLUMNS][MAX_ROWS];
    uint64_t words[MAX_COLUMNS][MAX_ROWS];
    sb_bytes bytes[MAX_COLUMNS][MAX_ROWS];
    uint8_t maps[MAX_COLUMNS][MAX_ROWS / 8 + 1];
    sb_source_column source_columns[MAX_COLUMNS];
    sb_source source;
} table;

static uint8_t text[8192];

static uint64_t random_word(sb_random *random, const table *t, size_t k)
{
    const uint64_t base = k % 3 == 0 ? (uint64_t)INT64_MIN : k % 3 == 1 ? 1000 : (uint64_t)-50;
    return t->spread[k] == UINT64_MAX ? sb_random_next(random)
                                      : base + sb_random_below(random, t->spread[k] + 1);
}

static sb_bytes random_string(sb_random *random, const table *t, size_t k)
{
    const size_t size =
        t->spread[k] > 100 ? 12 : (size_t)sb_random_below(random, 1 + t->spread[k] % 40);
    const size_t from = t->spread[k] == 3 ? 0 : (size_t)sb_random_below(random, 4000);
    return sb_bytes_of(text + from, size);
}

static void make_value(sb_random *random, table *t, size_t k, size_t row)
{
    t->present[k][row] = sb_random_below(random, 100) < t->density[k];
    t->words[k][row] = random_word(random, t, k);
    if ((t->types[k] & SB_CLASS_MASK) == SB_CLASS_DOUBLE && t->spread[k] == 0)
        t->words[k][row] = 77;
    t->bytes[k][row] = random_string(random, t, k);
}

static void refresh_source(table *t)
{
    for (size_t k = 0; k < t->columns; k++) {
        memset(t->maps[k], 0, sizeof t->maps[k]);
        bool all = true;
        for (size_t row = 0; row < t->rows; row++) {
            if (t->present[k][row]) sb_bit_set(t->maps[k], row);
            all = all && t->present[k][row];
        }
        t->source_columns[k] = (sb_source_column){.key = t->keys[k],
                                                  .type = t->types[k],
                                                  .present = all ? NULL : t->maps[k],
                                                  .words = t->words[k],
                                                  .bytes = t->bytes[k]};
    }
    t->source = (sb_source){
        .ids = t->ids, .rows = t->rows, .columns = t->source_columns, .column_count = t->columns};
}

static void make_table(sb_random *random, table *t)
{
    static const unsigned densities[] = {100, 100, 100, 90, 55, 45, 20, 5, 1};
    static const uint64_t spreads[] = {0,   0,     3,     200,        255,
                                       256, 60000, 70000, 1ull << 40, UINT64_MAX};
    const uint64_t gap = sb_random_below(random, 3) == 0 ? 1 + sb_random_below(random, 5) : 1;
    uint64_t id = sb_random_below(random, 1000);

    t->columns = sb_random_below(random, 4) == 0 ? sb_random_below(random, MAX_COLUMNS)
                                                 : sb_random_below(random, 5);
    t->rows = 1 + sb_random_below(random, MAX_ROWS);
    for (size_t k = 0; k < t->columns; k++) {
        t->keys[k] = (uint32_t)(k / 2 * 7 + 1);
        t->types[k] = (uint8_t)(k % 2 == 0 ? sb_random_below(random, 4) * 0x40 + 1 : 0xC0 + 5);
        if (k % 2 == 1 && t->types[k - 1] >= 0xC0) t->types[k - 1] = 0x41;
        t->density[k] = densities[sb_random_below(random, 9)];
        t->spread[k] = spreads[sb_random_below(random, 10)];
    }
    for (size_t row = 0; row < t->rows; row++) {
        t->ids[row] = id;
        id += gap == 1 ? 1 : 1 + sb_random_below(random, gap * (row % 64 == 0 ? 500 : 1));
        for (size_t k = 0; k < t->columns; k++)
            make_value(random, t, k, row);
    }
    refresh_source(t);
}

/* The page holds exactly rows [from, from + count) of the table that are not dead. */
static void assert_holds(const uint8_t *page, uint32_t page_bytes, const table *t, size_t from,
                         size_t count, const bool *dead)
{
    sb_err err;
    uint32_t live = 0;
    sb_err_clear(&err);
    const sb_status st = sb_leaf_ops_columnar.check(page, page_bytes, 7, &err);
    if (st != SB_OK) print_message("%s\n", err.text);
    assert_int_equal(st, SB_OK);
    for (size_t row = from; row < from + count; row++) {
        sb_row found = {.page.bytes = page, .index = sb_columnar__slot_of(page, t->ids[row])};
        sb_cell cell;
        if (dead != NULL && dead[row]) {
            assert_int_equal(found.index, SB_SLOT_NONE);
            continue;
        }
        live++;
        assert_int_not_equal(found.index, SB_SLOT_NONE);
        assert_true(sb_columnar__id_at(page, found.index) == t->ids[row]);
        size_t pos = 0;
        for (size_t k = 0; k < t->columns; k++) {
            if (!t->present[k][row]) continue;
            assert_true(sb_row_next_cell(&found, &pos, &cell));
            assert_int_equal(cell.key, t->keys[k]);
            assert_int_equal(cell.type, t->types[k]);
            if ((cell.type & SB_CLASS_MASK) == SB_CLASS_BYTES)
                assert_true(sb_bytes_equal(cell.bytes, t->bytes[k][row]));
            else if ((cell.type & SB_CLASS_MASK) != SB_CLASS_NULL)
                assert_true(cell.word == t->words[k][row]);
        }
        assert_false(sb_row_next_cell(&found, &pos, &cell));
        assert_false(sb_row_cell(&found, 0x7777, &cell));
    }
    assert_int_equal(sb_columnar__rows(page), live);
}

typedef struct fixture {
    table t;
    uint8_t *page, *scratch;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    sb_random random = {.state = 1};
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)('a' + sb_random_below(&random, 26));
    f->page = calloc(1, 65536);
    f->scratch = malloc(sb_encoder__memory(MAX_COLUMNS));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    free(f->page);
    free(f->scratch);
    free(f);
    return 0;
}

static const uint32_t page_sizes[] = {4096, 8192, 65536};

static void test_tree_columnar_page__encode(void **state)
{
    fixture *f = *state;
    sb_random random = test_random(20261122);
    const sb_col_fences open = {.no_low = true, .no_high = true};

    for (unsigned round = 0; round < 400; round++) {
        const uint32_t page_bytes = page_sizes[round % 3];
        sb_encoder encoder;
        make_table(&random, &f->t);
        sb_encoder__init(&encoder, &f->t.source, page_bytes, page_bytes, f->scratch);
        for (size_t from = 0; from < f->t.rows;) {
            const size_t count = sb_encoder__fit(&encoder, from, f->t.rows - from);
            assert_true(count > 0 && from + count <= f->t.rows);
            sb_encoder__write(&encoder, from, round % 2 == 0, &open, f->page);
            assert_holds(f->page, page_bytes, &f->t, from, count, NULL);
            assert_true(sb_columnar__used(f->page, page_bytes) <= page_bytes);
            from += count;
        }
    }
}

/* Rows that come after, in place as long as they fit; then rows punched out, and put back. */
static void test_tree_columnar_page__in_place(void **state)
{
    fixture *f = *state;
    sb_random random = test_random(20261123);
    const sb_col_fences open = {.no_low = true, .no_high = true};
    uint64_t inserted = 0, punched = 0, refilled = 0, set = 0, reshaped = 0;
    uint64_t *scratch = calloc(1, sb_columnar__reshape_bytes(65536));
    assert_non_null(scratch);

    for (unsigned round = 0; round < 600; round++) {
        const uint32_t page_bytes = page_sizes[round % 3];
        table *t = &f->t;
        bool dead[MAX_ROWS] = {false};
        sb_encoder encoder;
        make_table(&random, t);
        sb_encoder__init(&encoder, &t->source, page_bytes, page_bytes, f->scratch);
        size_t count = sb_encoder__fit(&encoder, 0, 1 + t->rows / 3);
        sb_encoder__write(&encoder, 0, true, &open, f->page);
        for (size_t more = 1; more != 0 && count < t->rows; count += more) {
            more = sb_columnar__insert(f->page, page_bytes, &t->source, count,
                                       1 + sb_random_below(&random, t->rows - count));
            inserted += more;
            assert_holds(f->page, page_bytes, t, 0, count + more, dead);
        }
        for (unsigned i = 0; i < 20 && sb_columnar__rows(f->page) > 1; i++) {
            const size_t row = sb_random_below(&random, count);
            if (dead[row] || !sb_columnar__punch(f->page, page_bytes,
                                                 sb_columnar__slot_of(f->page, t->ids[row])))
                continue;
            dead[row] = true;
            punched++;
        }
        assert_holds(f->page, page_bytes, t, 0, count, dead);
        for (size_t row = 0; row < count; row++) {
            if (!dead[row] || sb_columnar__insert(f->page, page_bytes, &t->source, row, 1) != 1)
                continue;
            dead[row] = false;
            refilled++;
        }
        assert_holds(f->page, page_bytes, t, 0, count, dead);
        for (unsigned i = 0; i < 60 && t->columns != 0; i++) {
            const size_t row = sb_random_below(&random, count),
                         k = sb_random_below(&random, t->columns);
            if (dead[row]) continue;
            const bool removal = sb_random_below(&random, 4) == 0;
            const sb_cell cell = {.key = t->keys[k],
                                  .type = removal ? 0 : t->types[k],
                                  .word = random_word(&random, t, k),
                                  .bytes = random_string(&random, t, k)};
            const uint32_t slot = sb_columnar__slot_of(f->page, t->ids[row]);
            if (sb_columnar__set_cells(f->page, page_bytes, &cell, 1, slot))
                set++;
            else if (sb_columnar__reshape(f->page, page_bytes, &cell, slot, (uint8_t *)scratch))
                reshaped++;
            else
                continue;
            for (size_t j = 0; j < t->columns; j++)
                if (t->keys[j] == t->keys[k]) t->present[j][row] = false;
            if (removal) continue;
            t->present[k][row] = true;
            t->words[k][row] = cell.word;
            t->bytes[k][row] = cell.bytes;
        }
        assert_holds(f->page, page_bytes, t, 0, count, dead);
    }
    free(scratch);
    print_message("inserted %llu, punched %llu, refilled %llu, set %llu, reshaped %llu\n",
                  (unsigned long long)inserted, (unsigned long long)punched,
                  (unsigned long long)refilled, (unsigned long long)set,
                  (unsigned long long)reshaped);
    assert_true(inserted > 1000 && punched > 100 && refilled > 100 && set > 1000);
    assert_true(reshaped > 200);
}

/* Read everything that a page offers; under the address sanitizer this fails when the check let something by. */
static uint64_t read_all(const uint8_t *page, uint32_t page_bytes)
{
    uint64_t sum = sb_columnar__used(page, page_bytes);
    const uint32_t slots = sb_columnar__slots(page);
    for (uint32_t slot = 0; slot < slots; slot++) {
        if (!sb_columnar__live(page, slot)) continue;
        const sb_row row = {.page.bytes = page, .index = slot};
        sb_cell cell;
        size_t pos = 0;
        sum += sb_columnar__slot_of(page, sb_columnar__id_at(page, slot));
        while (sb_row_next_cell(&row, &pos, &cell)) {
            sum += cell.word;
            for (size_t i = 0; i < cell.bytes.size; i++)
                sum += cell.bytes.data[i];
        }
    }
    return sum;
}

static void test_tree_columnar_page__damage(void **state)
{
    fixture *f = *state;
    sb_random random = test_random(20261124);
    const sb_col_fences open = {.no_low = true, .no_high = true};
    const uint32_t page_bytes = 4096;
    uint8_t *exact = malloc(page_bytes);
    uint64_t refused = 0, accepted = 0, sum = 0;

    for (unsigned round = 0; round < 60; round++) {
        sb_encoder encoder;
        make_table(&random, &f->t);
        sb_encoder__init(&encoder, &f->t.source, page_bytes, page_bytes, f->scratch);
        (void)sb_encoder__fit(&encoder, 0, f->t.rows);
        sb_encoder__write(&encoder, 0, round % 2 == 0, &open, f->page);
        for (unsigned i = 0; i < 400; i++) {
            memcpy(exact, f->page, page_bytes);
            const unsigned flips = 1 + (unsigned)sb_random_below(&random, 3);
            for (unsigned j = 0; j < flips; j++) {
                /* Header and directory most of the time: that is where harm could come from. */
                const size_t range = i % 4 == 0 ? page_bytes : sb_columnar__ids_off(f->page);
                const uint64_t byte = i % 3 == 0 ? sb_random_next(&random)
                                                 : 0xFF00u >> (1 + sb_random_below(&random, 8));
                exact[sb_random_below(&random, range)] = (uint8_t)byte;
            }
            if (sb_leaf_ops_columnar.check(exact, page_bytes, 7, NULL) != SB_OK) {
                refused++;
                continue;
            }
            accepted++;
            sum += read_all(exact, page_bytes);
            /* Writing in place must stay inside too, and leave a page that can be read. */
            (void)sb_columnar__insert(exact, page_bytes, &f->t.source,
                                      encoder.rows < f->t.rows ? encoder.rows : 0, 1);
            for (size_t k = 0; k < f->t.columns; k++) {
                const sb_cell cell = {.key = f->t.keys[k],
                                      .type = f->t.types[k],
                                      .word = random_word(&random, &f->t, k),
                                      .bytes = random_string(&random, &f->t, k)};
                if (sb_columnar__live(exact, 0) && sb_columnar__slots(exact) > 0)
                    (void)sb_columnar__set_cells(exact, page_bytes, &cell, 1, 0);
            }
            assert_int_equal(sb_leaf_ops_columnar.check(exact, page_bytes, 7, NULL), SB_OK);
            sum += read_all(exact, page_bytes);
        }
    }
    print_message("refused %llu, accepted %llu (%llx)\n", (unsigned long long)refused,
                  (unsigned long long)accepted, (unsigned long long)sum);
    assert_true(refused > 1000);
    free(exact);
}

/* The layouts that docs/FORMAT.md and the size targets promise, in bytes per row of a full page. */
static void test_tree_columnar_page__size(void **state)
{
    fixture *f = *state;
    enum { ROWS = 4000 };
    sb_random random = {.state = 5};
    uint64_t *ids = malloc(ROWS * 8), *source = malloc(ROWS * 8), *target = malloc(ROWS * 8),
             *weight = malloc(ROWS * 8), *type = malloc(ROWS * 8);
    sb_bytes *names = malloc(ROWS * sizeof *names);
    const sb_col_fences open = {.no_low = true, .no_high = true};
    sb_encoder encoder;

    for (size_t i = 0; i < ROWS; i++) {
        ids[i] = 5000 + i;
        source[i] = 777 + i / 10;
        target[i] = sb_random_below(&random, 1000000);
        weight[i] = sb_random_below(&random, 256);
        type[i] = 3;
        names[i] = sb_bytes_of(text + sb_random_below(&random, 4000), 12);
    }
    const sb_source_column relationship[] = {
        {.key = 1, .type = 0x41, .words = weight},
        {.key = SB_COLUMN_SYSTEM, .type = 0x40, .words = source},
        {.key = SB_COLUMN_SYSTEM + 1, .type = 0x40, .words = target},
        {.key = SB_COLUMN_SYSTEM + 2, .type = 0x40, .words = type}};
    sb_source rows = {.ids = ids, .rows = ROWS, .columns = relationship, .column_count = 4};
    sb_encoder__init(&encoder, &rows, 8192, 8192, f->scratch);
    size_t count = sb_encoder__fit(&encoder, 0, ROWS);
    print_message("relationship row: %.2f bytes\n", 8192.0 / (double)count);
    assert_true(8192.0 / (double)count <= 6.25);

    const sb_source_column node[] = {{.key = 1, .type = 0x41, .words = target},
                                     {.key = 2, .type = 0xC1, .bytes = names},
                                     {.key = SB_COLUMN_SYSTEM, .type = 0x40, .words = type}};
    rows.columns = node;
    rows.column_count = 3;
    sb_encoder__init(&encoder, &rows, 8192, 8192, f->scratch);
    count = sb_encoder__fit(&encoder, 0, ROWS);
    sb_encoder__write(&encoder, 0, false, &open, f->page);
    assert_int_equal(sb_leaf_ops_columnar.check(f->page, 8192, 7, NULL), SB_OK);
    print_message("node row: %.2f bytes\n", 8192.0 / (double)count);
    assert_true(8192.0 / (double)count <= 21.0);
    free(ids), free(source), free(target), free(weight), free(type), free(names);
}

/* A value below base whose difference wraps around to a small one is refused: filters compare differences. */
static void test_tree_columnar_page__wrapping_value(void **state)
{
    fixture *f = *state;
    const uint64_t ids[] = {1, 2, 3}, words[] = {(uint64_t)INT64_MAX - 2, (uint64_t)INT64_MAX,
                                                 (uint64_t)INT64_MIN + 1};
    const sb_source_column column = {.key = 1, .type = 0x41, .words = words};
    const sb_source rows = {.ids = ids, .rows = 3, .columns = &column, .column_count = 1};
    const sb_col_fences open = {.no_low = true, .no_high = true};
    const sb_cell cell = {.key = 1, .type = 0x41, .word = words[2]};
    sb_encoder encoder;

    sb_encoder__init(&encoder, &rows, 4096, 4096, f->scratch);
    assert_int_equal(sb_encoder__fit(&encoder, 0, 2), 2);
    sb_encoder__write(&encoder, 0, true, &open, f->page);
    assert_int_equal(sb_columnar__insert(f->page, 4096, &rows, 2, 1), 0);
    assert_false(sb_columnar__set_cells(f->page, 4096, &cell, 1, 0));
}

static void test_tree_columnar_page__separator(void **state)
{
    (void)state;
    assert_true(sb_columnar__separator(0xFF, 0x100) == 0x100);
    assert_true(sb_columnar__separator(0x1234, 0x12345) == 0x10000);
    assert_true(sb_columnar__separator(8, 9) == 9);
    assert_true(sb_columnar__separator(0, UINT64_MAX) == 0xFF00000000000000ull);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tree_columnar_page__encode, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tree_columnar_page__in_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tree_columnar_page__damage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tree_columnar_page__size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tree_columnar_page__wrapping_value, setup, teardown),
        cmocka_unit_test(test_tree_columnar_page__separator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
