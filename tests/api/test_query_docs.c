/* test_query_docs.c — docs/CYPHER.md: every example, run as a statement on an empty graph, gives the one value, or the failure, that stands
 * behind it; and every keyword of docs/grammar.ebnf occurs on the page. */
#include <strings.h>

#include "support/api_fixture.h"

/* One row of one column, as text that is equal for equal values of one type. */
static void describe(const sombra_value *value, char *text, size_t bytes);

static void append(char *text, size_t bytes, const char *more)
{
    (void)snprintf(text + strlen(text), bytes - strlen(text), "%s", more);
}

static void describe(const sombra_value *value, char *text, size_t bytes)
{
    char scalar[4096];
    size_t size;

    (void)snprintf(scalar, sizeof scalar, "%u:", value->type);
    append(text, bytes, scalar);
    switch (value->type) {
    case SOMBRA_TYPE_LIST:
        for (size_t i = 0; i < value->as.list.count; i++) {
            append(text, bytes, i == 0 ? "[" : ", ");
            describe(&value->as.list.items[i], text, bytes);
        }
        append(text, bytes, "]");
        return;
    case SOMBRA_TYPE_MAP:
        for (size_t i = 0; i < value->as.map.count; i++) {
            (void)snprintf(scalar, sizeof scalar, "%s%.*s: ", i == 0 ? "{" : ", ",
                           (int)value->as.map.entries[i].key_size, value->as.map.entries[i].key);
            append(text, bytes, scalar);
            describe(&value->as.map.entries[i].value, text, bytes);
        }
        append(text, bytes, "}");
        return;
    default: break;
    }
    if (sombra_value_to_string(value, scalar, sizeof scalar - 1, &size) != SOMBRA_OK) size = 0;
    assert_true(size < sizeof scalar);
    scalar[size] = '\0';
    append(text, bytes, scalar);
}

/* What a statement gives, or "Class: Detail". */
static void run(const char *query, char *text, size_t bytes)
{
    api_fixture f = {0};
    sombra_stmt *stmt;
    sombra_value value;
    sombra_status status;

    text[0] = '\0';
    assert_int_equal(sombra_open(":memory:", NULL, &f.db, &f.error), SOMBRA_OK);
    assert_int_equal(sombra_connect(f.db, &f.conn, &f.error), SOMBRA_OK);
    status = sombra_prepare(f.conn, query, SOMBRA_NUL_TERMINATED, &stmt, NULL);
    if (status == SOMBRA_OK && sombra_stmt_param_count(stmt) != 0) {
        const sombra_value seven = sombra_int(7);
        OK(&f, sombra_stmt_bind(stmt, "p", &seven));
    }
    if (status == SOMBRA_OK) status = sombra_stmt_step(stmt);
    if (status == SOMBRA_ROW) {
        assert_int_equal(sombra_stmt_column_count(stmt), 1);
        OK(&f, sombra_stmt_column(stmt, 0, &value));
        describe(&value, text, bytes);
        status = sombra_stmt_step(stmt);
    } else if (status == SOMBRA_DONE) {
        append(text, bytes, "(no row)");
    }
    if (status != SOMBRA_DONE) {
        const sombra_error *error = sombra_error_of(f.conn);

        /* What is refused is told, at its place. */
        assert_true(status == SOMBRA_ROW || strchr(error->message, '^') != NULL ||
                    error->detail == 32);
        (void)snprintf(text, bytes, "%s: %s",
                       status == SOMBRA_ROW ? "more than one row" : sombra_error_class(error),
                       sombra_error_detail(error));
    }
    sombra_stmt_finalize(stmt);
    sombra_disconnect(f.conn);
    assert_int_equal(sombra_close(f.db, NULL), SOMBRA_OK);
}

static void test_api_query_docs__examples(void **state)
{
    static char line[8192], got[65536], wanted[65536], promise[8192];
    FILE *file = fopen(SOMBRA_SOURCE_DIR "/docs/CYPHER.md", "r");
    bool inside = false;
    size_t count = 0, number = 0;
    (void)state;

    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        char *mark;

        number++;
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "```", 3) == 0) {
            inside = strcmp(line, "```cypher") == 0;
            continue;
        }
        if (!inside) continue;
        mark = strstr(line, " // ");
        if (mark == NULL)
            fail_msg("docs/CYPHER.md:%zu: no result stands behind the example", number);
        *mark = '\0';
        run(line, got, sizeof got);
        (void)snprintf(promise, sizeof promise, "RETURN %s", mark + 4);
        run(promise, wanted, sizeof wanted);
        if (strcmp(got, wanted) != 0 && strcmp(got, mark + 4) != 0)
            fail_msg("docs/CYPHER.md:%zu: %s gives %s, not %s", number, line, got, mark + 4);
        count++;
    }
    assert_int_equal(fclose(file), 0);
    assert_true(count > 200);
}

static size_t read_page(const char *name, char *text, size_t bytes)
{
    FILE *file = fopen(name, "r");

    assert_non_null(file);
    const size_t size = fread(text, 1, bytes - 1, file);
    assert_int_equal(fclose(file), 0);
    text[size] = '\0';
    return size;
}

static bool in_word(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* In capitals; or in any case, as a function. */
static bool on_page(const char *page, size_t size, const char *word)
{
    const size_t bytes = strlen(word);

    for (size_t i = 1; i + bytes < size; i++)
        if (!in_word(page[i - 1]) && !in_word(page[i + bytes]) &&
            (memcmp(page + i, word, bytes) == 0 ||
             (page[i + bytes] == '(' && strncasecmp(page + i, word, bytes) == 0)))
            return true;
    return false;
}

/* The keywords of docs/grammar.ebnf are what stands in double quotes and begins with a letter; comments and rules in words have none. */
static void test_api_query_docs__keywords(void **state)
{
    static char grammar[65536], page[262144];
    size_t count = 0, size;
    (void)state;

    (void)read_page(SOMBRA_SOURCE_DIR "/docs/grammar.ebnf", grammar, sizeof grammar);
    size = read_page(SOMBRA_SOURCE_DIR "/docs/CYPHER.md", page, sizeof page);
    for (const char *at = strchr(grammar, '"'); at != NULL; at = strchr(at, '"')) {
        const char *end = strchr(at + 1, '"');
        char word[32];

        assert_non_null(end);
        (void)snprintf(word, sizeof word, "%.*s", (int)(end - at - 1), at + 1);
        at = end + 1;
        if (!(word[0] >= 'A' && word[0] <= 'Z')) continue;
        if (!on_page(page, size, word)) fail_msg("docs/CYPHER.md does not have %s", word);
        count++;
    }
    assert_true(count > 250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_query_docs__examples),
        cmocka_unit_test(test_api_query_docs__keywords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
