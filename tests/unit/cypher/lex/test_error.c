/* Goal: an error of a query says what, where, and shows the place; near names are found. Method: places in lines of one and more
 * characters wide, long lines, ends of texts; pairs of names with known distances. */
#include "cypher/lex/error.h"

#include "support/unit.h"

static sb_bytes of(const char *text)
{
    return sb_bytes_of(text, strlen(text));
}

static sb_err fail_at(const char *query, uint32_t at)
{
    sb_err err;
    sb_err_clear(&err);
    assert_int_equal(sb_cypher_fail(&err, of(query), (sb_span){at, at + 1},
                                    SB_CYPHER_UNDEFINED_VARIABLE, "no '%s'", "x"),
                     SB_SYNTAX);
    assert_int_equal(err.detail, SB_CYPHER_UNDEFINED_VARIABLE);
    assert_false(err.runtime);
    return err;
}

static void test_cypher_error__every_number_has_its_row(void **state)
{
    (void)state;
    uint32_t last = 0;
#define SB_CYPHER_ERROR(name, number, error_type, status, text)                                    \
    assert_int_equal((number), ++last);                                                            \
    assert_string_equal(sb_cypher_error_type(number), error_type);                                 \
    assert_string_equal(sb_cypher_error_name(number), text);
#include "cypher/lex/error.def"
#undef SB_CYPHER_ERROR
    assert_string_equal(sb_cypher_error_type(0), "");
    assert_string_equal(sb_cypher_error_name(last + 1), "");
    assert_string_equal(sb_cypher_error_name(UINT32_MAX), "");
}

static void test_cypher_error__shows_line_and_caret(void **state)
{
    (void)state;
    sb_err err = fail_at("RETURN x", 7);
    assert_string_equal(err.text, "no 'x' (line 1, column 8)\nRETURN x\n       ^");
    assert_int_equal(err.line, 1);
    assert_int_equal(err.column, 8);

    err = fail_at("MATCH (n)\nRETURN x\r\nLIMIT 1", 17);
    assert_string_equal(err.text, "no 'x' (line 2, column 8)\nRETURN x\n       ^");

    err = fail_at("RETURN 'ä変' + x",
                  16); /* columns are characters, the caret stands below the column on screen */
    assert_int_equal(err.column, 14);
    assert_string_equal(err.text, "no 'x' (line 1, column 14)\nRETURN 'ä変' + x\n              ^");

    err = fail_at("RETURN\tx", 7);
    assert_string_equal(err.text, "no 'x' (line 1, column 8)\nRETURN x\n       ^");
}

static void test_cypher_error__ends_of_texts(void **state)
{
    (void)state;
    sb_err err = fail_at("RETURN ", 7);
    assert_string_equal(err.text, "no 'x' (line 1, column 8)\nRETURN \n       ^");
    err = fail_at("RETURN 1\n", 100);
    assert_string_equal(err.text, "no 'x' (line 2, column 1)\n\n^");
    err = fail_at("", 0);
    assert_string_equal(err.text, "no 'x' (line 1, column 1)");
    err =
        fail_at("a\xFF\xFEx", 3); /* no UTF-8: each byte is a place of its own, shown as a space */
    assert_string_equal(err.text, "no 'x' (line 1, column 4)\na  x\n   ^");
}

static void test_cypher_error__long_lines_are_cut_around_the_place(void **state)
{
    (void)state;
    char query[400];
    memset(query, 'a', sizeof query);
    query[sizeof query - 1] = '\0';
    query[200] = 'X';
    const sb_err err = fail_at(query, 200);
    const char *line = strchr(err.text, '\n') + 1;
    const char *caret = strchr(line, '\n') + 1;
    assert_int_equal(strncmp(line, "…a", 4), 0);
    /* The mark of what was cut is three bytes and one column. */
    assert_int_equal(line[strcspn(caret, "^") + 2], 'X');
    assert_non_null(strstr(line, "…\n"));
    assert_true(strlen(line) < 200);
}

static void test_cypher_error__a_long_message_leaves_room_for_the_place(void **state)
{
    (void)state;
    char words[600];
    sb_err err;
    for (size_t i = 0; i + 2 < sizeof words; i += 2)
        memcpy(words + i, "ä", 2);
    words[sizeof words - 2] = words[sizeof words - 1] = '\0';
    sb_err_clear(&err);
    assert_int_equal(sb_cypher_fail(&err, of("RETURN x"), (sb_span){7, 8},
                                    SB_CYPHER_INVALID_ARGUMENT_TYPE, "%s", words),
                     SB_TYPE_MISMATCH);
    assert_non_null(strstr(err.text, "ä… (line 1, column 8)\nRETURN x\n       ^"));
}

static void test_cypher_error__the_first_one_wins(void **state)
{
    (void)state;
    sb_err err = fail_at("RETURN x", 7);
    assert_int_equal(
        sb_cypher_fail(&err, of("y"), (sb_span){0, 1}, SB_CYPHER_INTEGER_OVERFLOW, "other"),
        SB_SYNTAX);
    assert_int_equal(sb_cypher_fail_runtime(&err, SB_CYPHER_DIVISION_BY_ZERO, "other"), SB_INVALID);
    assert_int_equal(err.detail, SB_CYPHER_UNDEFINED_VARIABLE);
    assert_int_equal(sb_cypher_fail(NULL, of("y"), (sb_span){0, 1}, SB_CYPHER_INTEGER_OVERFLOW,
                                    "nobody listens"),
                     SB_SYNTAX);
}

static void test_cypher_error__at_run_time_there_is_no_place(void **state)
{
    (void)state;
    sb_err err;
    sb_err_clear(&err);
    assert_int_equal(sb_cypher_fail_runtime(&err, SB_CYPHER_DIVISION_BY_ZERO, "%d by zero", 3),
                     SB_INVALID);
    assert_string_equal(err.text, "3 by zero");
    assert_true(err.runtime);
    assert_int_equal(err.line, 0);
    assert_string_equal(sb_cypher_error_type(err.detail), "ArithmeticError");
}

static sb_bytes next_name(void *ctx, size_t i)
{
    const char *const *names = ctx;
    return names[i] != NULL ? of(names[i]) : (sb_bytes){0};
}

static void assert_nearest(const char *name, const char *wanted)
{
    static const char *const names[] = {
        "person",
        "Friend",
        "größe",
        "n",
        "a.very.long.name.that.goes.on.and.on.and.on.and.on.and.on.and.on.on",
        "toUpper",
        "toLower",
        NULL};
    sb_bytes nearest;
    const bool found = sb_cypher_nearest(of(name), next_name, (void *)names, &nearest);
    assert_int_equal(found, wanted != NULL);
    if (wanted != NULL) assert_true(sb_bytes_equal(nearest, of(wanted)));
    if (wanted == NULL) assert_int_equal(nearest.size, 0);
}

static void test_cypher_error__near_names(void **state)
{
    (void)state;
    assert_nearest("persn", "person");
    assert_nearest("presno", "person"); /* two swaps: 2 of 6 is a third */
    assert_nearest("presna", NULL);
    assert_nearest("PERSON", "person");
    assert_nearest("fiend", "Friend");
    assert_nearest("GRÖSSE", "größe");
    assert_nearest("gröse", "größe");
    assert_nearest("toUper", "toUpper");
    assert_nearest("m", NULL); /* one letter for another is no misspelling */
    assert_nearest("N", "n");
    assert_nearest("nn", "n");
    assert_nearest("something", NULL);
    assert_nearest("a.very.long.name.that.goes.on.and.on.and.on.and.on.and.on.and.on.o", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_error__every_number_has_its_row),
        TEST(test_cypher_error__shows_line_and_caret),
        TEST(test_cypher_error__ends_of_texts),
        TEST(test_cypher_error__long_lines_are_cut_around_the_place),
        TEST(test_cypher_error__a_long_message_leaves_room_for_the_place),
        TEST(test_cypher_error__the_first_one_wins),
        TEST(test_cypher_error__at_run_time_there_is_no_place),
        TEST(test_cypher_error__near_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
