/* test_query_errors.c — the table of query errors in docs/ERRORS.md: it says what error.def says, and each of its examples fails as it tells. */
#include "support/api_fixture.h"

typedef struct error_row {
    unsigned number;
    const char *class, *detail, *status;
} error_row;
static const error_row rows[] = {
#define SB_CYPHER_ERROR(name, number, class, status, text) {number, class, text, #status},
#include "cypher/lex/error.def"
#undef SB_CYPHER_ERROR
};
#define ROWS (sizeof rows / sizeof *rows)

static sombra_status fail_always(sombra_call *call)
{
    return sombra_call_fail(call, SOMBRA_INVALID, "an odd number has no half");
}

/* Prepares and runs query to its end; the first failure. */
static sombra_status run(api_fixture *f, const char *query)
{
    sombra_stmt *stmt;
    sombra_status status = sombra_prepare(f->conn, query, SOMBRA_NUL_TERMINATED, &stmt, NULL);

    if (status != SOMBRA_OK) return status;
    while ((status = sombra_stmt_step(stmt)) == SOMBRA_ROW) {
    }
    sombra_stmt_finalize(stmt);
    return status;
}

/* when: "compile", "run" or both. */
static void check_example(api_fixture *f, const error_row *row, const char *when, const char *query)
{
    char status[32];

    assert_true(run(f, query) < 0);
    const sombra_error error = *sombra_error_of(f->conn);
    const char *found = error.runtime ? "run" : "compile";
    if (error.detail != row->number || strstr(when, found) == NULL)
        print_error("%s: %s: %s\n", query, found, error.message);
    assert_int_equal(error.detail, row->number);
    assert_string_equal(sombra_error_class(&error), row->class);
    assert_string_equal(sombra_error_detail(&error), row->detail);
    (void)snprintf(status, sizeof status, "SOMBRA_%s", row->status + strlen("SB_"));
    assert_string_equal(sombra_status_name(error.status), status);
    assert_non_null(strstr(when, found));
    /* Both kinds say where, but for what belongs to the statement as a whole. */
    if (error.line == 0) print_error("%s: %s\n", query, error.message);
    assert_true(error.line != 0 || error.detail == 32);
    if (error.line != 0) assert_non_null(strstr(error.message, "^"));
    assert_int_equal(run(f, "MATCH (n) RETURN n"), SOMBRA_DONE);
}

static void test_api_query_errors__documented(void **state)
{
    char line[1024];
    size_t at = 0, without = 0;
    api_fixture f;
    FILE *file = fopen(SOMBRA_SOURCE_DIR "/docs/ERRORS.md", "r");
    (void)state;

    assert_non_null(file);
    api_new(&f);
    OK_ERROR(&f,
             sombra_register_procedure(f.db, "fixture.half(n :: INTEGER?) :: (half :: INTEGER?)",
                                       fail_always, NULL, &f.error));
    while (fgets(line, sizeof line, file) != NULL) {
        char wanted[256];
        if (strncmp(line, "| ", 2) != 0 || line[2] < '0' || line[2] > '9') continue;
        assert_true(at < ROWS);
        const int length =
            snprintf(wanted, sizeof wanted, "| %u | %s | %s | %s | ", rows[at].number,
                     rows[at].class, rows[at].detail, rows[at].status + strlen("SB_"));
        const char *when = line + length;
        char *query = strstr(line, " | `"), *end = strrchr(line, '`');
        if (strncmp(line, wanted, (size_t)length) != 0) print_error("%s, not %s\n", wanted, line);
        assert_int_equal(strncmp(line, wanted, (size_t)length), 0);
        if (query != NULL) {
            *query = *end = '\0';
            *strchr(when, '|') = '\0';
            check_example(&f, &rows[at], when, query + strlen(" | `"));
        } else {
            without++;
        }
        at++;
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(at, ROWS);
    assert_int_equal(without, 1); /* what LOAD CSV meets outside */
    api_end(&f);
}

/* Where an error at run time is: the innermost expression that failed, in rows and in whole columns, in every clause. */
static void test_api_query_errors__places(void **state)
{
    static const struct {
        const char *query;
        unsigned line, column;
    } cases[] = {
        {"RETURN 1 + 2 / 0", 1, 12},
        {"UNWIND [1, 0] AS n\nRETURN n,\n       10 % n AS x", 3, 8},
        {"UNWIND range(1, 5000) AS n WITH n WHERE 1 / (n - 4000) = 7 RETURN n", 1, 41},
        {"UNWIND [9223372036854775807, 1] AS n RETURN n * 2", 1, 45},
        {"UNWIND [1, 'a'] AS n WITH n WHERE n RETURN n", 1, 35},
        {"WITH {a: 1} AS m RETURN CASE WHEN m.a THEN 1 END", 1, 35},
        {"WITH {a: 1} AS m RETURN true AND m.a", 1, 34},
        {"WITH [1, 'x'] AS l RETURN [i IN l | abs(i)]", 1, 37},
        {"WITH [1, 'x'] AS l RETURN reduce(s = 0, i IN l | s + 1 / size(i))", 1, 58},
        {"UNWIND [0, 1] AS i RETURN sum(date('2020-01-0' + i))", 1, 31},
        {"UNWIND [1, 'x'] AS i RETURN sum(i)", 1, 33},
        {"UNWIND [0] AS i CREATE (n {a: 1, b: 1 / i})", 1, 37},
        {"UNWIND [{a: 1}] AS m CREATE (n {a: 1, b: m})", 1, 42},
        {"UNWIND [1] AS m CREATE (n) SET n.x = {a: m}", 1, 38},
        {"UNWIND [1] AS m CREATE (n) SET n = m", 1, 36},
        {"UNWIND [1] AS m SET m.x = 1", 1, 21},
        {"UNWIND [1] AS m DELETE m", 1, 24},
        {"UNWIND [1] AS m FOREACH (i IN m | CREATE ())", 1, 31},
        {"WITH 1 AS a\n/* é */ RETURN 1 LIMIT toInteger('-1')", 2, 24},
        {"MATCH (n) WHERE n.x = 1 / 0 RETURN n", 1, 23},
        {"RETURN EXISTS { UNWIND [0] AS i WITH i WHERE 1 / i = 1 RETURN i } AS e", 1, 46},
        {"CALL fixture.half(1 / 0)", 1, 19},
        {"MATCH p = (a)((b)-[r]->(c) WHERE length(p) > 1)+(d) RETURN p", 1, 14},
    };
    api_fixture f;
    unsigned wrong = 0;
    (void)state;

    api_new(&f);
    OK_ERROR(&f, sombra_register_procedure(f.db, "fixture.half(n :: ANY?) :: (half :: INTEGER?)",
                                           fail_always, NULL, &f.error));
    OK_ERROR(&f, sombra_register_function(f.db, "fixture.third(n :: ANY?) :: INTEGER?", fail_always,
                                          NULL, &f.error));
    assert_int_equal(run(&f, "CREATE ()"), SOMBRA_DONE);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (run(&f, cases[i].query) >= 0) print_error("%s\n", cases[i].query);
        const sombra_error error = *sombra_error_of(f.conn);
        const bool right = error.line == cases[i].line && error.column == cases[i].column;
        wrong += !right;
        if (!right)
            print_error("%s: %u, %u\n%s\n", cases[i].query, error.line, error.column,
                        error.message);
        assert_int_not_equal(error.status, SOMBRA_OK);
        if (right) assert_non_null(strstr(error.message, "^"));
    }
    assert_int_equal(wrong, 0);
    /* What functions and procedures of the program's own say. */
    FAILS(&f, run(&f, "UNWIND [1] AS x RETURN 1 + fixture.third(x)"), SOMBRA_INVALID,
          "an odd number has no half (line 1, column 28)");
    assert_string_equal(sombra_error_detail(sombra_error_of(f.conn)), "ProcedureCallFailed");
    assert_true(sombra_error_of(f.conn)->runtime);
    FAILS(&f, run(&f, "UNWIND [1] AS x\nCALL fixture.half(x) YIELD half RETURN half"),
          SOMBRA_INVALID, "an odd number has no half (line 2, column 1)");
    assert_string_equal(sombra_error_detail(sombra_error_of(f.conn)), "ProcedureCallFailed");
    api_end(&f);
}

/* The examples leave nothing behind: a statement that fails takes its changes back. */
static void test_api_query_errors__change_nothing(void **state)
{
    static const char *const queries[] = {
        "CREATE (a)-[:T]->() DELETE a",
        "UNWIND [1, 0] AS n CREATE (:Person {age: 1 / n})",
        "CREATE (n {age: 1}) DELETE n RETURN n.age",
    };
    api_fixture f;
    (void)state;

    api_new(&f);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        sombra_stmt *stmt;
        sombra_value count;

        assert_true(run(&f, queries[i]) < 0);
        assert_true(sombra_error_of(f.conn)->runtime);
        OK(&f,
           sombra_prepare(f.conn, "MATCH (n) RETURN count(n)", SOMBRA_NUL_TERMINATED, &stmt, NULL));
        assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
        OK(&f, sombra_stmt_column(stmt, 0, &count));
        assert_int_equal(count.as.integer, 0);
        sombra_stmt_finalize(stmt);
    }
    api_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_query_errors__documented),
        cmocka_unit_test(test_api_query_errors__places),
        cmocka_unit_test(test_api_query_errors__change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
