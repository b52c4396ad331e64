/* test_docs.c — docs/CYPHER.md: what its examples of constant expressions promise is what they give, and every function has a line and
 * an example. (Statements that need a graph are run by the tests of the statement interface.) */
#include "func_fixture.h"

static char *read_doc(size_t *size)
{
    char path[1000];
    const char *root = getenv("SOMBRA_SOURCE_DIR");

    assert_non_null(root);
    (void)snprintf(path, sizeof path, "%s/docs/CYPHER.md", root);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = malloc(1 << 20);
    assert_non_null(text);
    *size = fread(text, 1, (1 << 20) - 1, file);
    assert_true(*size > 1000 && *size < (1 << 20) - 1);
    text[*size] = '\0';
    (void)fclose(file);
    return text;
}

/* "RETURN 1 + 1 // 2": both sides evaluated, the same value of the same kind; or the failure's name. */
static void check_line(func_fixture *f, char *line)
{
    char *const mark = strstr(line, " // ");
    char right[2048];

    assert_non_null(mark);
    *mark = '\0';
    const char *expected = mark + 4;
    const sb_val v = fixture_run(f, line);
    if (f->status != SB_OK) {
        (void)snprintf(right, sizeof right, "%s: %s", sb_cypher_error_type(f->err.detail),
                       sb_cypher_error_name(f->err.detail));
        if (strcmp(right, expected) != 0) fail_msg("%s gives %s, not %s", line, right, expected);
        return;
    }
    (void)snprintf(right, sizeof right, "RETURN %s", expected);
    const sb_val promised = fixture_run(f, right);
    assert_int_equal(f->status, SB_OK);
    if (v.kind == promised.kind && sb_val_same(v, promised)) return;
    assert_int_equal(sb_val_to_literal(v, &f->text, NULL), SB_OK);
    fail_msg("%s gives %.*s, not %s", line, (int)f->text.size, (const char *)f->text.data,
             expected);
}

static void test_cypher_func_docs__examples(void **state)
{
    func_fixture f;
    size_t size, lines = 0;
    bool inside = false;

    (void)state;
    fixture_open(&f);
    char *text = read_doc(&size);
    for (char *line = text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) *next++ = '\0';
        if (strncmp(line, "```", 3) == 0) {
            inside = strcmp(line, "```cypher") == 0;
        } else if (inside && strncmp(line, "RETURN ", 7) == 0) {
            check_line(&f, line);
            lines++;
        }
    }
    assert_true(lines > 150);
    free(text);
    fixture_close(&f);
}

static void test_cypher_func_docs__every_function(void **state)
{
    const sb_function *function;
    char row[600], call[100];
    size_t size;

    (void)state;
    char *text = read_doc(&size);
    for (size_t i = 0; (function = sb_function_at(i)) != NULL; i++) {
        (void)snprintf(row, sizeof row, "\n- `%s`: %s\n", function->signature, function->help);
        if (strstr(text, row) == NULL) fail_msg("docs/CYPHER.md lacks this line:%s", row);
        /* The line that begins a list is no example. */
        (void)snprintf(call, sizeof call, "%s(", function->name);
        bool example = false;
        for (const char *at = text; !example && (at = strstr(at, call)) != NULL; at++)
            example = at[-1] == ' ' || at[-1] == '(';
        if (!example) fail_msg("docs/CYPHER.md has no example of %s()", function->name);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_func_docs__examples),
        TEST(test_cypher_func_docs__every_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
