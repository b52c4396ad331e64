/* Goal: codes, their texts, and what stays in an sb_err. Method: the table itself, and errors made
 * to overflow their text at every byte of a multi-byte character. */
#include "base/status.h"

#include "support/unit.h"

static void test_base_status__every_code_has_name_and_text(void **state)
{
    (void)state;
#define SB_STATUS(code, value, class, words)                                                       \
    assert_string_equal(sb_status_name(SB_##code), "SOMBRA_" #code);                               \
    assert_string_equal(sb_status_text(SB_##code), words);                                         \
    assert_int_equal(sb_status_exit_code(SB_##code), class);                                       \
    assert_int_equal((int)SB_##code, value);
#include "base/status.def"
#undef SB_STATUS
}

static void test_base_status__unknown_codes_are_answered(void **state)
{
    (void)state;
    const int strange[] = {1, 2, -999, INT32_MAX, INT32_MIN + 1};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        assert_string_equal(sb_status_text((sb_status)strange[i]), "unknown status");
        assert_string_equal(sb_status_name((sb_status)strange[i]), "SOMBRA_UNKNOWN");
        assert_int_equal(sb_status_exit_code((sb_status)strange[i]), 1);
    }
}

static void test_base_status__first_failure_wins(void **state)
{
    (void)state;
    sb_err err;
    sb_err_clear(&err);
    assert_int_equal(err.code, SB_OK);
    assert_true(err.pgno == SB_NO_PGNO);

    assert_int_equal(SB_FAIL_OS(&err, SB_IO, 5, "read of %s failed", "x"), SB_IO);
    assert_int_equal(SB_FAIL_PAGE(&err, 7, "later"), SB_CORRUPT);
    assert_int_equal(err.code, SB_IO);
    assert_int_equal(err.os_error, 5);
    assert_true(err.pgno == SB_NO_PGNO);
    assert_string_equal(err.text, "read of x failed");
    assert_non_null(strstr(err.source_file, "test_status.c"));
    assert_true(err.source_line > 0);

    sb_err_clear(&err);
    assert_int_equal(SB_FAIL_PAGE(&err, 7, "now"), SB_CORRUPT);
    assert_true(err.pgno == 7);
    assert_int_equal(SB_FAIL(NULL, SB_BUSY, "nobody listens"), SB_BUSY);
}

static sb_status check_even(sb_err *err, unsigned n)
{
    SB_CHECK_PAGE(err, n, n % 2 == 0);
    return SB_OK;
}

static sb_status check_twice(sb_err *err, unsigned n)
{
    SB_TRY(check_even(err, n));
    SB_CHECK_ARG(err, n < 10);
    return SB_OK;
}

static void test_base_status__checks_return_and_name_the_rule(void **state)
{
    (void)state;
    sb_err err;
    sb_err_clear(&err);
    assert_int_equal(check_twice(&err, 4), SB_OK);
    assert_int_equal(check_twice(&err, 5), SB_CORRUPT);
    assert_string_equal(err.text, "page 5: n % 2 == 0 does not hold");
    sb_err_clear(&err);
    assert_int_equal(check_twice(&err, 12), SB_MISUSE);
    assert_string_equal(err.text, "check_twice: n < 10 does not hold");
}

static void test_base_status__messages_are_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"caf\xC3\xA9 \xE6\x97\xA5 \xF0\x9F\x98\x80 \x7F",
         "caf\xC3\xA9 \xE6\x97\xA5 \xF0\x9F\x98\x80 \x7F"},
        {"\xE6\x97 \xE6 \xC3 \xF0\x9F\x98 \xF0", "? ? ? ? ?"}, /* cut */
        {"caf\xE9.csv \xA9\xA9 \xFF", "caf?.csv ? ?"},
        {"\xC0\x80 \xC1\xBF \xE0\x9F\xBF \xF0\x8F\xBF\xBF", "? ? ? ?"}, /* longer than need be */
        {"\xED\x9F\xBF \xED\xA0\x80 \xF4\x8F\xBF\xBF \xF4\x90\x80\x80 \xF5\x80\x80\x80",
         "\xED\x9F\xBF ? \xF4\x8F\xBF\xBF ? ?"}, /* no characters */
    };
    sb_err err;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sb_err_clear(&err);
        assert_int_equal(SB_FAIL(&err, SB_INVALID, "%s", cases[i].text), SB_INVALID);
        assert_string_equal(err.text, cases[i].told);
    }
    sb_err_clear(&err);
    assert_int_equal(SB_FAIL(&err, SB_INVALID, "'%.4s'", "\xE6\x97\xA5\xE6\x97\xA5"), SB_INVALID);
    assert_string_equal(err.text, "'\xE6\x97\xA5?'");
}

/* True when text is whole UTF-8 made of ASCII and 2-, 3- and 4-byte characters. */
static bool is_whole_utf8(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    while (*p != 0) {
        const int more = *p < 0x80 ? 0 : *p < 0xE0 ? 1 : *p < 0xF0 ? 2 : 3;
        if (*p >= 0x80 && *p < 0xC0) return false;
        p++;
        for (int i = 0; i < more; i++, p++) {
            if ((*p & 0xC0) != 0x80) return false;
        }
    }
    return true;
}

static void test_base_status__texts_are_cut_on_a_character(void **state)
{
    (void)state;
    static const char *const CHARACTERS[] = {"\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x90\xA2"};
    for (size_t c = 0; c < 3; c++) {
        for (size_t shift = 0; shift < 4; shift++) {
            char text[2 * SB_ERR_TEXT_BYTES];
            sb_err err;
            memset(text, 'a', shift);
            text[shift] = '\0';
            while (strlen(text) < SB_ERR_TEXT_BYTES + 20)
                strcat(text, CHARACTERS[c]);
            sb_err_clear(&err);
            assert_int_equal(SB_FAIL(&err, SB_SYNTAX, "%s", text), SB_SYNTAX);
            assert_true(is_whole_utf8(err.text));
            assert_in_range(strlen(err.text), SB_ERR_TEXT_BYTES - 4, SB_ERR_TEXT_BYTES - 1);
            assert_memory_equal(err.text, text, strlen(err.text));

            sb_err_prefix(&err, "%s", "xy");
            assert_memory_equal(err.text, "xy: ", 4);
            assert_true(is_whole_utf8(err.text));
            sb_err_prefix(&err, "%s", text); /* a prefix that leaves no room */
            assert_true(is_whole_utf8(err.text));
            assert_true(strlen(err.text) < SB_ERR_TEXT_BYTES);
            assert_non_null(strstr(err.text, ": "));
        }
    }
}

static void test_base_status__prefix_goes_in_front(void **state)
{
    (void)state;
    sb_err err;
    sb_err_clear(&err);
    sb_err_prefix(&err, "nothing");
    assert_string_equal(err.text, "");
    sb_err_prefix(NULL, "nothing");
    (void)SB_FAIL_NOMEM(&err);
    sb_err_prefix(&err, "loading %s", "people.csv");
    assert_string_equal(err.text, "loading people.csv: out of memory");
    assert_int_equal(err.code, SB_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_base_status__every_code_has_name_and_text),
        TEST(test_base_status__unknown_codes_are_answered),
        TEST(test_base_status__first_failure_wins),
        TEST(test_base_status__checks_return_and_name_the_rule),
        TEST(test_base_status__messages_are_utf8),
        TEST(test_base_status__texts_are_cut_on_a_character),
        TEST(test_base_status__prefix_goes_in_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
