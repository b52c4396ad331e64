/* test_query_limits.c — the limits of the language in docs/LIMITS.md: what stands before the limit works, what lies beyond says SOMBRA_LIMIT
 * with the number, and the connection goes on. */
#include "support/api_fixture.h"

static int setup(void **state)
{
    static api_fixture fixture;

    api_new(&fixture);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    api_end(*state);
    return 0;
}

/* first, `count` times part, in which # is the number of the time, then last. The caller frees it. */
static char *repeat(const char *first, const char *part, size_t count, const char *last)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    (void)fputs(first, out);
    for (size_t i = 0; i < count; i++)
        for (const char *at = part; *at != '\0'; at++)
            if (*at == '#')
                (void)fprintf(out, "%zu", i);
            else
                (void)fputc(*at, out);
    (void)fputs(last, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* Prepares and runs query to its end, and frees it; the first failure. */
static sombra_status run(api_fixture *f, char *query)
{
    sombra_stmt *stmt;
    sombra_status status = sombra_prepare(f->conn, query, SOMBRA_NUL_TERMINATED, &stmt, NULL);

    free(query);
    if (status != SOMBRA_OK) return status;
    while ((status = sombra_stmt_step(stmt)) == SOMBRA_ROW) {
    }
    sombra_stmt_finalize(stmt);
    return status;
}

/* It works. */
static void works(api_fixture *f, char *query)
{
    const sombra_status status = run(f, query);

    if (status != SOMBRA_DONE) print_error("%s\n", sombra_error_of(f->conn)->message);
    assert_int_equal(status, SOMBRA_DONE);
}

/* It is too much, and the message has number; the connection works on. */
static void exceeds(api_fixture *f, char *query, const char *number)
{
    FAILS(f, run(f, query), SOMBRA_LIMIT, number);
    works(f, strdup("RETURN 1"));
}

static void test_api_query_limits__text_bytes(void **state)
{
    enum { MOST = 16 << 20, SHORT = sizeof "RETURN 1" - 1 };

    works(*state, repeat("RETURN 1", " ", MOST - SHORT, ""));
    exceeds(*state, repeat("RETURN 1", " ", MOST - SHORT + 1, ""), "16777216");
    exceeds(*state, repeat("RETURN ';", " ", MOST, "'; RETURN 1"), "16777216");
}

/* The limit is a statement's: of a script, however long, each is prepared by itself. */
static void test_api_query_limits__text_bytes_behind_a_statement(void **state)
{
    enum { MOST = 16 << 20 };
    api_fixture *f = *state;
    char *script = repeat("RETURN 1; RETURN 2 /*", " ", MOST - 100, "*/; RETURN 3; $");
    sombra_stmt *stmt;
    size_t at = 0, tail;

    assert_true(strlen(script) > MOST - 100);
    char *longer = repeat(script, " ", 1000, "");
    free(script);
    for (int i = 0; i < 3; i++, at += tail) {
        assert_int_equal(sombra_prepare(f->conn, longer + at, strlen(longer) - at, &stmt, &tail),
                         SOMBRA_OK);
        assert_non_null(stmt);
        sombra_stmt_finalize(stmt);
    }
    FAILS(f, sombra_prepare(f->conn, longer + at, strlen(longer) - at, &stmt, &tail), SOMBRA_SYNTAX,
          "no name follows");
    free(longer);
}

/* `(((1)))`, lists of lists, sub-queries within sub-queries; expressions whose operators hang on each other. */
static void test_api_query_limits__depth_of_the_text(void **state)
{
    char *open = repeat("RETURN ", "(", 495, "1");

    works(*state, repeat(open, ")", 495, ""));
    free(open);
    open = repeat("RETURN ", "(", 501, "1");
    exceeds(*state, repeat(open, ")", 501, ""), "500");
    free(open);
    works(*state, repeat("RETURN 1", " + 1", 499, ""));
    exceeds(*state, repeat("RETURN 1", " + 1", 500, ""), "500");
    exceeds(*state, repeat("RETURN ", "[", 100000, ""), "500");
    exceeds(*state, repeat("RETURN EXISTS { ", "MATCH (n) WHERE EXISTS { ", 501, ""), "500");
}

/* A sub-query within an expression within a sub-query is one operator more, not as many again. */
static void test_api_query_limits__depth_of_sub_queries(void **state)
{
    char *open = repeat("RETURN ", "[(n#)-->(m#) | ", 40, "0");

    works(*state, repeat(open, "]", 40, ""));
    free(open);
    open = repeat("RETURN ", "[(n#)-->(m#) WHERE 0 < size(", 40, "[1]");
    works(*state, repeat(open, ") | 1]", 40, ""));
    free(open);
}

static void test_api_query_limits__operators(void **state)
{
    works(*state, repeat("", "UNWIND [#] AS a# ", 1900, "RETURN 1"));
    exceeds(*state, repeat("", "UNWIND [#] AS a# ", 2001, "RETURN 1"), "2000");
    exceeds(*state, repeat("", "UNWIND [#] AS a# ", 4001, "RETURN 1"), "4000");
}

/* A long pattern is planned in time that grows with the cube of its length: that ends with the time limit, too. */
static void test_api_query_limits__time_of_planning(void **state)
{
    api_fixture *f = *state;
    char *text = repeat("EXPLAIN MATCH (a)", "-->()", 600, " RETURN 1");

    sombra_set_time_limit(f->conn, 1);
    FAILS(f, run(f, text), SOMBRA_TIMEOUT, "time limit");
    sombra_set_time_limit(f->conn, 0);
    works(f, strdup("RETURN 1"));
}

/* The limit of a run is none of the call that asks for its plan later. */
static void test_api_query_limits__time_of_explaining(void **state)
{
    api_fixture *f = *state;
    char *text = repeat("MATCH (a)", "-->()", 100, " RETURN 1");
    const char *plan;
    sombra_stmt *stmt;
    size_t size;

    OK(f, sombra_prepare(f->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    sombra_set_time_limit(f->conn, 1);
    FAILS(f, sombra_stmt_step(stmt), SOMBRA_TIMEOUT, "time limit");
    sombra_set_time_limit(f->conn, 0);
    OK(f, sombra_stmt_explain(stmt, false, &plan, &size));
    sombra_stmt_finalize(stmt);
    free(text);
}

/* So does looking up each of a long list, of which nothing comes. */
static void test_api_query_limits__time_of_a_long_list(void **state)
{
    enum { COUNT = 300000 };
    api_fixture *f = *state;
    sombra_value *items = calloc(COUNT, sizeof *items);
    const sombra_value list = {.type = SOMBRA_TYPE_LIST, .as.list = {items, COUNT}};
    sombra_stmt *stmt;

    assert_non_null(items);
    works(f, strdup("CREATE INDEX FOR (a:A) ON (a.x)"));
    works(f, strdup("CREATE (:A {x: 0})"));
    for (int64_t i = 0; i < COUNT; i++)
        items[i] = sombra_int(COUNT - i);
    OK(f, sombra_prepare(f->conn, "MATCH (a:A) USING INDEX a:A(x) WHERE a.x IN $list RETURN a.x",
                         SOMBRA_NUL_TERMINATED, &stmt, NULL));
    OK(f, sombra_stmt_bind(stmt, "list", &list));
    sombra_set_time_limit(f->conn, 1);
    FAILS(f, sombra_stmt_step(stmt), SOMBRA_TIMEOUT, "time limit");
    sombra_set_time_limit(f->conn, 0);
    OK(f, sombra_stmt_reset(stmt));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_DONE);
    sombra_stmt_finalize(stmt);
    free(items);
}

/* What is there once for each of them must not go through all of them: that would take minutes. */
static void test_api_query_limits__many_columns(void **state)
{
    works(*state, repeat("UNWIND [1] AS x RETURN x", ", x + # AS c#", 20000, " ORDER BY c1, c7"));
    works(*state, repeat("UNWIND [1] AS x RETURN x", ", sum(x + #) + x AS c#", 20000, ""));
    works(*state, repeat("UNWIND [1] AS x RETURN x", ", x + # AS c#", 20000, ", count(*) AS n"));
    works(*state, repeat("MATCH (n) RETURN n.c", ", n.c#", 20000, ""));
    works(*state, repeat("UNWIND [1] AS x RETURN {c: x", ", c#: x + #", 20000, "} AS m"));
}

/* Nor must the look for a parameter, in whatever order they are bound. */
static void test_api_query_limits__many_parameters(void **state)
{
    api_fixture *f = *state;
    enum { COUNT = 20000 };
    char *query = repeat("RETURN [$p0", ", $p#", COUNT, ", $p0] AS l");
    sombra_stmt *stmt;
    sombra_value all;
    char name[16];

    OK(f, sombra_prepare(f->conn, query, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    free(query);
    assert_int_equal(sombra_stmt_param_count(stmt), COUNT);
    for (int backwards = 0; backwards < 2; backwards++) {
        for (int i = 0; i < COUNT; i++) {
            const int param = backwards != 0 && i < 100 ? 99 - i : i;
            const sombra_value value = sombra_int(2 * param + backwards);
            (void)snprintf(name, sizeof name, "p%d", param);
            OK(f, sombra_stmt_bind(stmt, name, &value));
        }
        FAILS(f, sombra_stmt_bind(stmt, "q", &(sombra_value){.type = SOMBRA_TYPE_NULL}),
              SOMBRA_NOT_FOUND, "$q");
        assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
        OK(f, sombra_stmt_column(stmt, 0, &all));
        assert_int_equal(all.as.list.count, COUNT + 2);
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(all.as.list.items[i + 1].as.integer, 2 * i + backwards);
        assert_int_equal(all.as.list.items[COUNT + 1].as.integer, backwards);
        OK(f, sombra_stmt_reset(stmt));
    }
    sombra_stmt_finalize(stmt);
}

/* The reading of a long text is within the time limit, behind the statement, too. */
static void test_api_query_limits__time_of_reading(void **state)
{
    api_fixture *f = *state;

    sombra_set_time_limit(f->conn, 1);
    FAILS(f, run(f, repeat("RETURN [1", ", 1", 1000000, "]")), SOMBRA_TIMEOUT, "time limit");
    FAILS(f, run(f, repeat("RETURN 1; RETURN [1", ", 1", 1000000, "]")), SOMBRA_TIMEOUT,
          "time limit");
    sombra_set_time_limit(f->conn, 0);
    works(f, strdup("RETURN 1"));
}

static void test_api_query_limits__depth_of_values(void **state)
{
    api_fixture *f = *state;
    sombra_value nested[102];
    sombra_stmt *stmt;

    works(f, strdup("RETURN reduce(l = [], i IN range(1, 999) | [l])"));
    exceeds(f, strdup("RETURN reduce(l = [], i IN range(1, 1000) | [l])"), "1000");
    exceeds(f, strdup("RETURN reduce(l = {}, i IN range(1, 1000) | {l: l})"), "1000");
    OK(f, sombra_prepare(f->conn, "RETURN $deep", SOMBRA_NUL_TERMINATED, &stmt, NULL));
    nested[0] = sombra_int(1);
    for (size_t i = 1; i < 102; i++) {
        nested[i] = (sombra_value){.type = SOMBRA_TYPE_LIST};
        nested[i].as.list.items = &nested[i - 1];
        nested[i].as.list.count = 1;
    }
    OK(f, sombra_stmt_bind(stmt, "deep", &nested[100]));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    OK(f, sombra_stmt_reset(stmt));
    FAILS(f, sombra_stmt_bind(stmt, "deep", &nested[101]), SOMBRA_LIMIT, "100");
    sombra_stmt_finalize(stmt);
}

static void test_api_query_limits__parts_of_a_name(void **state)
{
    api_fixture *f = *state;

    FAILS(f, run(f, repeat("CALL a", ".p#", 15, "()")), SOMBRA_NOT_FOUND, "no procedure");
    exceeds(f, repeat("CALL a", ".p#", 16, "()"), "16");
}

static void test_api_query_limits__items_of_a_range(void **state)
{
    works(*state, strdup("RETURN size(range(1, 1000000))"));
    exceeds(*state, strdup("RETURN size(range(0, 268435456))"), "268435456");
    exceeds(*state, strdup("RETURN range(-9223372036854775807, 9223372036854775807)"), "268435456");
}

/* Each letter more doubles the steps of the first, and adds a place to come back to to the second. */
static void test_api_query_limits__steps_of_a_regular_expression(void **state)
{
    works(*state, strdup("UNWIND ['aaaaaaaaaaaaaaaaaaaac'] AS t RETURN t =~ '(a+)+[bd]'"));
    exceeds(*state, strdup("UNWIND ['aaaaaaaaaaaaaaaaaaaaac'] AS t RETURN t =~ '(a+)+[bd]'"),
            "too many steps");
    works(*state, repeat("RETURN '", "a", 40000, "' =~ '(a|b)*'"));
    exceeds(*state, repeat("RETURN '", "a", 200000, "' =~ '(a|b)*'"), "too many steps");
}

static void test_api_query_limits__bytes_of_a_regular_expression(void **state)
{
    works(*state, repeat("RETURN 'a' =~ '(?x) a", " ", (1u << 18) - 6, "'"));
    exceeds(*state, repeat("RETURN 'a' =~ '(?x) a", " ", (1u << 18) - 5, "'"),
            "too long (262145 bytes)");
    works(*state, repeat("RETURN 'a' =~ '", "a", 32000, "'"));
    exceeds(*state, repeat("RETURN 'a' =~ '", "a", 33000, "'"), "too long (33000 bytes)");
}

static sombra_status never_called(sombra_call *call)
{
    (void)call;
    return SOMBRA_MISUSE;
}

static void test_api_query_limits__signatures(void **state)
{
    api_fixture *f = *state;
    char *text = repeat("my.wide(first :: INTEGER?", ", a# :: INTEGER?", 63, ") :: INTEGER?");

    OK_ERROR(f, sombra_register_function(f->db, text, never_called, NULL, &f->error));
    free(text);
    text = repeat("my.wider(first :: INTEGER?", ", a# :: INTEGER?", 64, ") :: INTEGER?");
    FAILS_ERROR(f, sombra_register_function(f->db, text, never_called, NULL, &f->error),
                SOMBRA_LIMIT, "64");
    free(text);
    text = repeat("m", "y", 254, "() :: INTEGER?");
    OK_ERROR(f, sombra_register_function(f->db, text, never_called, NULL, &f->error));
    free(text);
    text = repeat("m", "y", 255, "() :: INTEGER?");
    FAILS_ERROR(f, sombra_register_function(f->db, text, never_called, NULL, &f->error),
                SOMBRA_LIMIT, "255");
    free(text);
}

/* Columns, parameters, entries of maps and lists, labels of patterns: as many as one likes. */
static void test_api_query_limits__many_of_a_kind(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt;
    sombra_value value;
    char *text = repeat("RETURN $p0 AS c0", ", $p# AS c#x", 3000, "");

    OK(f, sombra_prepare(f->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    free(text);
    assert_int_equal(sombra_stmt_column_count(stmt), 3001);
    assert_int_equal(sombra_stmt_param_count(stmt), 3000);
    for (size_t i = 0; i < 3000; i++) {
        value = sombra_int((int64_t)i);
        OK(f, sombra_stmt_bind_at(stmt, i, &value));
    }
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    OK(f, sombra_stmt_column(stmt, 3000, &value));
    assert_int_equal(value.as.integer, 2999);
    sombra_stmt_finalize(stmt);
    works(f, repeat("RETURN {first: 0", ", k#: #", 3000, "}"));
    works(f, repeat("RETURN size([0", ", #", 30000, "])"));
    works(f, repeat("MATCH (n:First", ":L#", 300, ") RETURN n"));
}

static void open_with(api_fixture *f, uint64_t memory_limit)
{
    memset(f, 0, sizeof *f);
    sombra_options_init(&f->options);
    f->options.memory_limit = memory_limit;
    OK_ERROR(f, sombra_open(":memory:", &f->options, &f->db, &f->error));
    OK_ERROR(f, sombra_connect(f->db, &f->conn, &f->error));
}

/* Too many operators are told before the work is done, whose memory grows with the square of their number. */
static void test_api_query_limits__operators_within_memory(void **state)
{
    api_fixture f;
    (void)state;

    open_with(&f, 128u << 20);
    exceeds(&f, repeat("RETURN 1 AS x", " UNION ALL RETURN 1 AS x", 10000, ""), "4000");
    exceeds(&f, repeat("MATCH (a)", ", (a#)", 10000, " RETURN 1"), "4000");
    exceeds(&f, repeat("MATCH (a)", "-->()", 8002, " RETURN 1"), "4000");
    exceeds(&f, repeat("", "CREATE (:A) ", 50000, ""), "4000");
    api_close(&f);
}

static void test_api_query_limits__memory(void **state)
{
    api_fixture f;
    (void)state;

    open_with(&f, 64u << 20);
    works(&f, strdup("UNWIND range(1, 1000) AS n RETURN collect(n)"));
    exceeds(&f, strdup("UNWIND range(1, 100) AS m UNWIND range(1, 1000000) AS n RETURN collect(n)"),
            "memory_limit");
    /* Paths that the label of their end leaves out, a million with a list each, are not kept. */
    works(&f, strdup("FOREACH (i IN range(1, 7) | CREATE (:A {i: i})) "
                     "FOREACH (i IN range(1, 500) | CREATE (:B))"));
    works(&f, strdup("MATCH (a:A), (b:A) WHERE a.i <> b.i CREATE (a)-[:T]->(b)"));
    works(&f, strdup("MATCH (:A {i: 1})-[r*1..8]->(:B) RETURN r"));
    api_close(&f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_api_query_limits__text_bytes),
        TEST(test_api_query_limits__text_bytes_behind_a_statement),
        TEST(test_api_query_limits__depth_of_the_text),
        TEST(test_api_query_limits__depth_of_sub_queries),
        TEST(test_api_query_limits__operators),
        TEST(test_api_query_limits__time_of_planning),
        TEST(test_api_query_limits__time_of_explaining),
        TEST(test_api_query_limits__time_of_a_long_list),
        TEST(test_api_query_limits__time_of_reading),
        TEST(test_api_query_limits__many_columns),
        TEST(test_api_query_limits__many_parameters),
        TEST(test_api_query_limits__depth_of_values),
        TEST(test_api_query_limits__parts_of_a_name),
        TEST(test_api_query_limits__items_of_a_range),
        TEST(test_api_query_limits__steps_of_a_regular_expression),
        TEST(test_api_query_limits__bytes_of_a_regular_expression),
        TEST(test_api_query_limits__signatures),
        TEST(test_api_query_limits__many_of_a_kind),
        cmocka_unit_test(test_api_query_limits__operators_within_memory),
        cmocka_unit_test(test_api_query_limits__memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
