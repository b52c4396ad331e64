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

static sombra_status never_called(sombra_call *call)
{
    (void)call;
    return SOMBRA_MISUSE;
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
    if (error.runtime) assert_int_equal(error.line, 0);
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
                                       never_called, NULL, &f.error));
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
    assert_int_equal(without, 2); /* what procedures and LOAD CSV meet outside */
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
        cmocka_unit_test(test_api_query_errors__change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
