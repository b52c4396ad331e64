/* Goal: rows have the cells that RFC 4180 gives them, problems are found where they are, and splitting text into pieces at any
 * size gives the same rows as reading it whole. Method: golden rows; then random text of the characters that matter, cut
 * wherever the splitter allows for every piece size from 1 to 64 bytes, against the whole. */
#include <limits.h>
#include <stdlib.h>

#include "support/unit.h"

#include "graph/csv_priv.h"

#define CELLS 16u

typedef struct fixture {
    sb_counting_allocator alloc;
    sb_arena *arena;
} fixture;

static int set_up(void **state)
{
    fixture *f = test_malloc(sizeof *f);

    sb_counting_allocator_init(&f->alloc, &sb_allocator_libc);
    f->arena = sb_arena_create(&f->alloc.base, NULL);
    *state = f;
    return f->arena == NULL;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    sb_arena_destroy(f->arena);
    assert_int_equal(f->alloc.live_blocks, 0);
    test_free(f);
    return 0;
}

/* Rows of text as one printable string: line:cell|'quoted'|…!problem@cell; */
static void print_rows(fixture *f, const sb_csv_dialect *dialect, const uint8_t *text, size_t size,
                       uint32_t first_line, sb_buffer *out, uint32_t *lines)
{
    sb_csv_cell cells[CELLS];
    uint8_t *padded = test_malloc(size + SB_CSV_PADDING);
    sb_csv_reader reader = {.dialect = dialect,
                            .pos = padded,
                            .end = padded + size,
                            .arena = f->arena,
                            .cells = cells,
                            .capacity = CELLS};

    if (size != 0) memcpy(padded, text, size);
    memset(padded + size, '\n', SB_CSV_PADDING);
    while (sb_csv__next_row(&reader)) {
        assert_true(reader.row >= padded && reader.row + reader.row_bytes <= reader.end);
        assert_int_equal(sb_buffer_printf(out, "%u:", first_line + reader.line), SB_OK);
        for (size_t i = 0; i < reader.cell_count && i < CELLS; i++) {
            assert_int_equal(sb_buffer_printf(out, i == 0 ? "" : "|"), SB_OK);
            if (cells[i].quoted) assert_int_equal(sb_buffer_append_byte(out, '\''), SB_OK);
            if (cells[i].size != 0)
                assert_int_equal(sb_buffer_append(out, cells[i].data, cells[i].size), SB_OK);
            if (cells[i].quoted) assert_int_equal(sb_buffer_append_byte(out, '\''), SB_OK);
        }
        if (reader.problem != NULL)
            assert_int_equal(
                sb_buffer_printf(out, "!%.20s@%zu", reader.problem, reader.problem_cell), SB_OK);
        assert_int_equal(sb_buffer_append_byte(out, ';'), SB_OK);
    }
    assert_int_equal(reader.status, SB_OK);
    if (lines != NULL) *lines = reader.next_line;
    test_free(padded);
}

static const sb_csv_dialect plain = {.delimiter = ',', .quote = '"'};

static void check(fixture *f, const sb_csv_dialect *dialect, const char *text, const char *expected)
{
    sb_buffer out;

    sb_buffer_init(&out, &f->alloc.base);
    print_rows(f, dialect, (const uint8_t *)text, strlen(text), 1, &out, NULL);
    assert_int_equal(sb_buffer_append_byte(&out, 0), SB_OK);
    assert_string_equal((const char *)out.data, expected);
    sb_buffer_deinit(&out);
}

static void test_graph_csv_rows__golden(void **state)
{
    fixture *f = *state;
    const sb_csv_dialect pipes = {.delimiter = '|', .quote = '\''}, bare = {.delimiter = ','},
                         trim = {.delimiter = ',', .quote = '"', .trim = true},
                         tabs = {.delimiter = '\t', .quote = '"', .trim = true};

    check(f, &plain, "a,b\n1,2\n", "1:a|b;2:1|2;");
    check(f, &plain, "a,b\r\n1,2\r\n", "1:a|b;2:1|2;");
    check(f, &plain, "a,b", "1:a|b;");
    check(f, &plain, "a,b\r\n\r\n\n1,", "1:a|b;4:1|;");
    check(f, &plain, "\"a\",\"\",\n", "1:'a'|''|;");
    check(f, &plain, "\"a\"\"b\",\"\"\"\"\n", "1:'a\"b'|'\"';");
    check(f, &plain, "\"x\ny\",2\n3,4", "1:'x\ny'|2;3:3|4;");
    check(f, &plain, "\"x\r\ny\"\r\nz", "1:'x\r\ny';3:z;");
    check(f, &plain, "abcdefghijklmnopqrst,uvwxyz0123456789",
          "1:abcdefghijklmnopqrst|uvwxyz0123456789;");
    check(f, &plain, ",,\n,", "1:||;2:|;");
    check(f, &plain, "a\rb,c\n", "1:a\rb|c;");
    check(f, &plain, "\"a\"", "1:'a';");
    check(f, &plain, "\"a\",", "1:'a'|;");
    check(f, &pipes, "a,\"|'b|c'|d\n", "1:a,\"|'b|c'|d;");
    check(f, &bare, "\"a,b\"\n", "1:\"a|b\";");
    check(f, &trim, "  a b , \"c \" \t, d\n", "1:a b|'c '|d;");
    check(f, &trim, " \n,", "1:;2:|;");
    check(f, &tabs, "a\t b\t\t c\n", "1:a|b||c;");
    check(f, &plain, " \"a\",b\n", "1: \"a\"|b!there is a quote ins@0;");
}

static void test_graph_csv_rows__problems(void **state)
{
    fixture *f = *state;

    check(f, &plain, "a,5\" disk\nb,c\n", "1:a|5\" disk!there is a quote ins@1;2:b|c;");
    check(f, &plain, "\"a\"b,c\nd\n", "1:'a'|c!there is text behind@0;2:d;");
    check(f, &plain, "a,\"b\nc\nd", "1:a|'b\nc\nd'!a quoted cell has no@1;");
    check(f, &plain, "\"", "1:''!a quoted cell has no@0;");
    check(f, &plain, "a\"\n\"b\"\n", "1:a\"!there is a quote ins@0;2:'b';");
}

/* Cut text as bulk load does, in pieces of about piece bytes. */
static void print_pieces(fixture *f, const sb_csv_dialect *dialect, const uint8_t *text,
                         size_t size, size_t piece, sb_buffer *out)
{
    uint32_t line = 1;

    while (size != 0) {
        size_t window = piece, end = 0;
        sb_csv_split split = {0};
        for (;; window *= 2) {
            if (window > size) window = size;
            end = sb_csv__last_end(dialect, text, window);
            assert_int_equal(sb_csv__last_end_from(dialect, &split, text, window), end);
            if (end != 0 || window == size) break;
        }
        if (end == 0) end = size;
        uint32_t lines;
        print_rows(f, dialect, text, end, line, out, &lines);
        line += lines;
        text += end;
        size -= end;
    }
}

static void test_graph_csv_rows__pieces(void **state)
{
    static const char pool[] = "aaa\"\"\"\n\n,, \r";
    fixture *f = *state;
    sb_random random = test_random(99);
    sb_buffer whole, pieces;

    sb_buffer_init(&whole, &f->alloc.base);
    sb_buffer_init(&pieces, &f->alloc.base);
    for (unsigned i = 0; i < 20000; i++) {
        const sb_csv_dialect dialect = {
            .delimiter = ',', .quote = i % 7 == 0 ? 0 : '"', .trim = i % 3 == 0};
        uint8_t text[80];
        const size_t size = sb_random_below(&random, sizeof text);
        for (size_t k = 0; k < size; k++)
            text[k] = (uint8_t)pool[sb_random_below(&random, sizeof pool - 1)];
        sb_buffer_reset(&whole);
        print_rows(f, &dialect, text, size, 1, &whole, NULL);
        for (size_t piece = 1; piece <= 64; piece += 1 + sb_random_below(&random, 5)) {
            sb_buffer_reset(&pieces);
            print_pieces(f, &dialect, text, size, piece, &pieces);
            if (!sb_bytes_equal(sb_buffer_bytes(&whole), sb_buffer_bytes(&pieces)))
                fail_msg("text '%.*s' in pieces of %zu:\n%.*s\nwhole:\n%.*s", (int)size,
                         (const char *)text, piece, (int)pieces.size, (const char *)pieces.data,
                         (int)whole.size, (const char *)whole.data);
        }
        sb_arena_reset(f->arena);
    }
    sb_buffer_deinit(&whole);
    sb_buffer_deinit(&pieces);
}

static void test_graph_csv_rows__first_end(void **state)
{
    (void)state;
    assert_int_equal(sb_csv__first_end(&plain, (const uint8_t *)"a,b\nc", 5), 4);
    assert_int_equal(sb_csv__first_end(&plain, (const uint8_t *)"\"a\n\",b\nc\n", 9), 7);
    assert_int_equal(sb_csv__first_end(&plain, (const uint8_t *)"a\"\nb\n", 5), 3);
    assert_int_equal(sb_csv__first_end(&plain, (const uint8_t *)"a,\"b\n", 5), 0);
    assert_int_equal(sb_csv__first_end(&plain, (const uint8_t *)"a,b", 3), 0);
    assert_int_equal(
        sb_csv__first_end(&plain, (const uint8_t *)"\"a\n\",b\"\",\"c\n\",\"\"\nd\n", 19), 17);
}

/* ---- Headers ------------------------------------------------------------------------------------------------ */

static sb_status header(fixture *f, const sb_bulk_options *options, sb_entity entity,
                        const char *text, sb_csv_column *columns, size_t *count, sb_err *err)
{
    sb_csv_cell *cells = sb_arena_alloc_array(f->arena, CELLS, sizeof *cells);
    const size_t size = strlen(text);
    uint8_t *padded = sb_arena_alloc(f->arena, size + SB_CSV_PADDING);
    sb_csv_reader reader = {.dialect = &plain,
                            .pos = padded,
                            .end = padded + size,
                            .arena = f->arena,
                            .cells = cells,
                            .capacity = CELLS};

    memcpy(padded, text, size);
    memset(padded + size, '\n', SB_CSV_PADDING);
    assert_true(sb_csv__next_row(&reader));
    *count = reader.cell_count;
    sb_err_clear(err);
    sb_csv_context context = {.options = options, .arena = f->arena, .alloc = &f->alloc.base};
    return sb_csv__header(&context, entity, cells, reader.cell_count, columns, err);
}

static void test_graph_csv_rows__headers(void **state)
{
    fixture *f = *state;
    sb_csv_column c[CELLS];
    sb_bulk_options options;
    sb_err err;
    size_t count;

    sb_bulk_options_init(&options);
    assert_int_equal(
        header(f, &options, SB_NODE,
               "name:ID(Person),age:INT,tags:string[],:LABEL,x:ignore,dc:title:string,plain", c,
               &count, &err),
        SB_OK);
    assert_int_equal(count, 7);
    assert_int_equal(c[0].role, SB_CSV_ID);
    assert_true(c[0].is_property);
    assert_true(sb_bytes_equal(c[0].name, sb_bytes_of("name", 4)));
    assert_true(sb_bytes_equal(c[0].group, sb_bytes_of("Person", 6)));
    assert_int_equal(c[1].type.type, SB_TYPE_INT);
    assert_true(c[2].type.list);
    assert_int_equal(c[3].role, SB_CSV_LABEL);
    assert_int_equal(c[4].role, SB_CSV_IGNORE);
    assert_true(sb_bytes_equal(c[5].name, sb_bytes_of("dc:title", 8)));
    assert_int_equal(c[6].type.type, SB_TYPE_STRING);
    assert_false(c[6].infer);

    assert_int_equal(
        header(f, &options, SB_NODE, "id:ID(a:b){id-type: int},x:ID(y):string", c, &count, &err),
        SB_OK);
    assert_true(sb_bytes_equal(c[0].group, sb_bytes_of("a:b", 3)));
    assert_int_equal(c[0].type.type, SB_TYPE_INT);
    assert_true(sb_bytes_equal(c[1].name, sb_bytes_of("x:ID(y)", 7)));
    assert_int_equal(
        header(f, &options, SB_NODE, "id:ID(P){label:Person;id-type:long},n", c, &count, &err),
        SB_OK);
    assert_int_equal(c[0].type.type, SB_TYPE_INT);
    assert_int_equal(header(f, &options, SB_NODE, "a:ID(G),:ID(G),b:int", c, &count, &err), SB_OK);
    assert_int_equal(c[0].role, SB_CSV_ID);
    assert_int_equal(c[1].role, SB_CSV_ID);
    assert_true(c[0].is_property);
    assert_false(c[1].is_property);
    options.store_ids = false;
    assert_int_equal(header(f, &options, SB_NODE, "id:ID", c, &count, &err), SB_OK);
    assert_false(c[0].is_property);
    options.id_column = "key";
    assert_int_equal(header(f, &options, SB_NODE, "key,x:ID", c, &count, &err), SB_SYNTAX);
    assert_non_null(strstr(err.text, "column 1 has the same meaning"));
    options.label_column = "kind";
    options.infer_types = true;
    assert_int_equal(header(f, &options, SB_NODE, "key,kind,n", c, &count, &err), SB_OK);
    assert_int_equal(c[0].role, SB_CSV_ID);
    assert_int_equal(c[1].role, SB_CSV_LABEL);
    assert_true(c[2].infer);
    options.start_column = "from";
    options.end_column = "to";
    options.type_column = "kind";
    assert_int_equal(header(f, &options, SB_REL, "from,to,kind,since:date", c, &count, &err),
                     SB_OK);
    assert_int_equal(c[0].role, SB_CSV_START);
    assert_int_equal(c[1].role, SB_CSV_END);
    assert_int_equal(c[2].role, SB_CSV_TYPE);
    assert_int_equal(c[3].type.type, SB_TYPE_DATE);
}

static sb_status count_tick(void *ctx, sb_err *err)
{
    unsigned *left = ctx;

    return (*left)-- == 0 ? SB_FAIL(err, SB_INTERRUPT, "cancelled") : SB_OK;
}

/* Many columns are each compared with those of their name alone, and reading them hears a cancel. */
static void test_graph_csv_rows__many_columns(void **state)
{
    enum { COLUMNS = 100000, NAME_BYTES = 24 };
    fixture *f = *state;
    char(*names)[NAME_BYTES] = test_malloc(COLUMNS * sizeof *names);
    sb_csv_cell *cells = test_malloc(COLUMNS * sizeof *cells);
    sb_csv_column *columns = test_malloc(COLUMNS * sizeof *columns);
    sb_bulk_options options;
    sb_err err;
    unsigned ticks = UINT_MAX;
    sb_csv_context context = {.options = &options,
                              .arena = f->arena,
                              .alloc = &f->alloc.base,
                              .tick = count_tick,
                              .tick_ctx = &ticks};

    sb_bulk_options_init(&options);
    for (size_t i = 0; i < COLUMNS; i++) {
        const int size = snprintf(names[i], NAME_BYTES, "name %zu:%s", i % (COLUMNS / 2),
                                  i < COLUMNS / 2 ? "int" : "float");
        cells[i] = (sb_csv_cell){.data = (const uint8_t *)names[i], .size = (size_t)size};
    }
    sb_err_clear(&err);
    assert_int_equal(sb_csv__header(&context, SB_NODE, cells, COLUMNS, columns, &err), SB_OK);
    assert_int_equal(context.compared, COLUMNS / 2);
    assert_int_equal(UINT_MAX - ticks, COLUMNS / SB_CSV_TICK_COLUMNS + 1);
    assert_int_equal(columns[0].before, SB_CSV_NO_COLUMN);
    assert_int_equal(columns[COLUMNS - 1].before, COLUMNS / 2 - 1);
    ticks = 3;
    assert_int_equal(sb_csv__header(&context, SB_NODE, cells, COLUMNS, columns, &err),
                     SB_INTERRUPT);
    assert_int_equal(context.compared, COLUMNS / 2);
    test_free(columns);
    test_free(cells);
    test_free(names);
}

static void test_graph_csv_rows__bad_headers(void **state)
{
    static const struct {
        sb_entity entity;
        const char *text, *part;
        uint32_t column;
    } bad[] = {
        {SB_NODE, "a:ID(G),b:ID", "of one group: that of column 1 is 'G'", 2},
        {SB_NODE, "a:ID,x,b:ID{id-type: int}", "column 1 is a part of the id, too", 3},
        {SB_NODE, "a:ID{id-type: int},b:ID", "without {id-type: …}", 2},
        {SB_NODE, "a:ID,x:number", "no type 'number'", 2},
        {SB_NODE, "a,,b", "the column has no name", 2},
        {SB_NODE, "a:int,a:int", "column 1 is the same property", 2},
        {SB_NODE, "b,a:int,a:int[],c,a:int", "column 2 is the same property", 5},
        {SB_REL, "x,:START_ID,:END_ID,:START_ID",
         "column 2 has the same meaning: an id of several columns stands in one", 4},
        {SB_REL, ":START_ID,:END_ID,:TYPE,:TYPE", "column 3 has the same meaning", 4},
        {SB_REL, ":START_ID:int,:END_ID", "an :END_ID column, with no type", 0},
        {SB_NODE, ":START_ID", "a file of nodes has no :START_ID", 1},
        {SB_REL, ":START_ID,:END_ID,:LABEL", "a file of relationships has no :ID or :LABEL", 3},
        {SB_REL, ":START_ID,x", "needs a :START_ID and an :END_ID", 0},
        {SB_NODE, "a:ID{id-type: float}", "int or string", 1},
        {SB_NODE, "a:ID{space: x}", "'{space: x}' is not known", 1},
        {SB_NODE, "a:int{x}", "'{x}' is not {name: value}", 1},
        {SB_NODE, "a:int{crs: wgs-84}", "'crs' is no option of the type int", 1},
        {SB_NODE, "a:point{crs: moon}", "'moon' is no coordinate system", 1},
        {SB_NODE, "a:datetime{timezone: Europe/Berlin}", "there is no time zone",
         1}, /* none here */
    };
    fixture *f = *state;
    sb_csv_column c[CELLS];
    sb_bulk_options options;
    sb_err err;
    size_t count;

    sb_bulk_options_init(&options);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (header(f, &options, bad[i].entity, bad[i].text, c, &count, &err) == SB_OK)
            fail_msg("'%s' was accepted", bad[i].text);
        if (strstr(err.text, bad[i].part) == NULL)
            fail_msg("'%s': '%s' is not in '%s'", bad[i].text, bad[i].part, err.text);
        assert_int_equal(err.column, bad[i].column);
    }
}

/* A column that an option names and the header lacks is no silent nothing. */
static void test_graph_csv_rows__named_columns(void **state)
{
    fixture *f = *state;
    sb_csv_column c[CELLS];
    sb_bulk_options options;
    sb_err err;
    size_t count;

    for (int i = 0; i < 5; i++) {
        const sb_entity entity = i < 2 ? SB_NODE : SB_REL;
        const char *head = i < 2    ? "a,b"
                           : i == 2 ? "a,:END_ID"
                           : i == 3 ? ":START_ID,a"
                                    : ":START_ID,:END_ID,a";
        sb_bulk_options_init(&options);
        const char **const names[5] = {&options.id_column, &options.label_column,
                                       &options.start_column, &options.end_column,
                                       &options.type_column};
        *names[i] = "nope";
        assert_int_equal(header(f, &options, entity, head, c, &count, &err), SB_SYNTAX);
        assert_non_null(strstr(err.text, "there is no column 'nope'"));
        /* A file that marks its own column does not need the option's. */
        assert_int_equal(header(f, &options, entity,
                                i < 2 ? ":ID,:LABEL" : ":START_ID,:END_ID,:TYPE", c, &count, &err),
                         SB_OK);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_graph_csv_rows__golden),        CASE(test_graph_csv_rows__problems),
        CASE(test_graph_csv_rows__pieces),        CASE(test_graph_csv_rows__first_end),
        CASE(test_graph_csv_rows__headers),       CASE(test_graph_csv_rows__bad_headers),
        CASE(test_graph_csv_rows__named_columns), CASE(test_graph_csv_rows__many_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
