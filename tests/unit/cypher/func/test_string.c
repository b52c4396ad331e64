/* test_string.c — functions of strings and conversions: tables of cases, with characters of several bytes, empty texts, nulls and wrong types. */
#include "func_fixture.h"

static void test_cypher_func_string__parts(void **state)
{
    static const fixture_case cases[] = {
        {"left('abc', 2)", "'ab'"},
        {"left('abc', 9)", "'abc'"},
        {"left('äbc', 1)", "'ä'"},
        {"left('', 1)", "''"},
        {"left('abc', 0)", "''"},
        {"left(null, 1)", "null"},
        {"left('abc', null)", "null"},
        {"left('abc', -1)", RANGE_ERROR},
        {"left(1, 1)", VALUE_ERROR},
        {"left('abc', 1.0)", VALUE_ERROR},
        {"right('abc', 2)", "'bc'"},
        {"right('abcä', 1)", "'ä'"},
        {"right('abc', 9223372036854775807)", "'abc'"},
        {"right('abc', 0)", "''"},
        {"right('abc', -1)", RANGE_ERROR},
        {"substring('abcde', 1)", "'bcde'"},
        {"substring('abcde', 1, 2)", "'bc'"},
        {"substring('äöü', 1, 1)", "'ö'"},
        {"substring('abc', 3)", "''"},
        {"substring('abc', 9223372036854775807, 9223372036854775807)", "''"},
        {"substring('abc', -1)", RANGE_ERROR},
        {"substring('abc', 0, -1)", RANGE_ERROR},
        {"substring('abc', 0, null)", "null"},
        {"substring('abc', 'x')", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_string__trimming(void **state)
{
    static const fixture_case cases[] = {
        {"trim('  a b  ')", "'a b'"},
        {"trim('')", "''"},
        {"trim('   ')", "''"},
        {"trim(' a ')", "'a'"},
        {"trim(null)", "null"},
        {"trim(1)", VALUE_ERROR},
        {"trim('xyaxy', 'xy')", "'a'"},
        {"btrim('xxaxx', 'x')", "'a'"},
        {"ltrim('xxaxx', 'x')", "'axx'"},
        {"rtrim('xxaxx', 'x')", "'xxa'"},
        {"ltrim('  a ')", "'a '"},
        {"rtrim('  a ')", "'  a'"},
        {"trim('äaä', 'ä')", "'a'"},
        {"trim('aaa', '')", "'aaa'"},
        {"trim('a', null)", "null"},
        {"trim('a', 1)", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_string__case_(void **state)
{
    static const fixture_case cases[] = {
        {"toUpper('abcXYZ1')", "'ABCXYZ1'"},
        {"toUpper('äöé')", "'ÄÖÉ'"},
        {"toLower('ABCÄÖ')", "'abcäö'"},
        {"upper('a')", "'A'"},
        {"lower('A')", "'a'"},
        {"toUpper('')", "''"},
        {"toUpper(null)", "null"},
        {"toUpper(1)", VALUE_ERROR},
        {"toLower([1])", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_string__searching(void **state)
{
    static const fixture_case cases[] = {
        {"replace('hello', 'l', 'w')", "'hewwo'"},
        {"replace('hello', 'l', '')", "'heo'"},
        {"replace('hello', 'x', 'y')", "'hello'"},
        {"replace('aaa', 'aa', 'b')", "'ba'"},
        {"replace('ababac', 'abac', 'x')", "'abx'"},
        {"replace('äb', '', '-')", "'-ä-b-'"},
        {"replace('', '', '-')", "'-'"},
        {"replace('', 'a', 'b')", "''"},
        {"replace('abc', 'abc', '')", "''"},
        {"replace(null, 'a', 'b')", "null"},
        {"replace('a', 'b', null)", "null"},
        {"replace('a', 1, 'b')", VALUE_ERROR},
        {"split('one,two', ',')", "['one', 'two']"},
        {"split(',a,', ',')", "['', 'a', '']"},
        {"split('abc', '')", "['a', 'b', 'c']"},
        {"split('äbc', '')", "['ä', 'b', 'c']"},
        {"split('', '')", "['']"},
        {"split('', ',')", "['']"},
        {"split('a--b', '--')", "['a', 'b']"},
        {"split('a,b;c', [',', ';'])", "['a', 'b', 'c']"},
        {"split('a::b:c', [':', '::'])", "['a', 'b', 'c']"},
        {"split('ab', [])", "['a', 'b']"},
        {"split('a;b', ['', ';'])", "['a', 'b']"},
        {"split('xabcx', ['b', 'abc', 'ab', 'cx'])", "['x', 'x']"},
        {"split('aaa', ['a', 'aa'])", "['', '', '']"},
        {"split(null, ',')", "null"},
        {"split('a', null)", "null"},
        {"split('a', [1])", VALUE_ERROR},
        {"split(1, ',')", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_string__others(void **state)
{
    static const fixture_case cases[] = {
        {"char_length('äöü')", "3"},
        {"character_length('')", "0"},
        {"char_length(1)", VALUE_ERROR},
        {"size('日本')", "2"},
        {"reverse('äbc')", "'cbä'"},
        {"reverse('')", "''"},
        {"reverse([1, [2], 'x'])", "['x', [2], 1]"},
        {"reverse({a: 1})", VALUE_ERROR},
        {"normalize('ä') = 'ä'", "true"},
        {"normalize('ﬁ', 'NFKC')", "'fi'"},
        {"normalize('a', 'NFX')", VALUE_ERROR},
        {"replace('aXbXc', 'X', '')", "'abc'"},
        {"replace('abc', 'abcd', 'x')", "'abc'"},
        {"replace('abab', 'ab', 'x')", "'xx'"},
        {"replace('xab', 'ab', 'y')", "'xy'"},
        {"normalize('abc', 'nfd')", "'abc'"},
        {"normalize(1)", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_string__conversion(void **state)
{
    static const fixture_case cases[] = {
        {"toInteger('42')", "42"},
        {"toInteger('-7')", "-7"},
        {"toInteger('1.7')", "1"},
        {"toInteger('1e3')", "1000"},
        {"toInteger('')", "null"},
        {"toInteger('abc')", "null"},
        {"toInteger('9223372036854775807')", "9223372036854775807"},
        {"toInteger('9223372036854775808')", "null"},
        {"toInteger('1e400')", "null"},
        {"toInteger(2.9)", "2"},
        {"toInteger(-2.9)", "-2"},
        {"toInteger(true)", "1"},
        {"toInteger(null)", "null"},
        {"toInteger(1e300)", RANGE_ERROR},
        {"toInteger(NaN)", RANGE_ERROR},
        {"toInteger(9223372036854775808.0)", RANGE_ERROR},
        {"toInteger(-9223372036854775808.0)", "-9223372036854775808"},
        {"toInteger([])", VALUE_ERROR},
        {"toInteger({})", VALUE_ERROR},
        {"toIntegerOrNull([])", "null"},
        {"toIntegerOrNull(1e300)", "null"},
        {"toIntegerOrNull('5')", "5"},
        {"toIntegerList(['1', 2.5, 'x', null, []])", "[1, 2, null, null, null]"},
        {"toIntegerList(1)", VALUE_ERROR},
        {"toFloat('1.5')", "1.5"},
        {"toFloat('5')", "5.0"},
        {"toFloat('foo')", "null"},
        {"toFloat('')", "null"},
        {"toFloat(3)", "3.0"},
        {"toFloat(true)", VALUE_ERROR},
        {"toFloatOrNull(true)", "null"},
        {"toFloatList([1, 'x', 2.5])", "[1.0, null, 2.5]"},
        {"toBoolean('true')", "true"},
        {"toBoolean('FALSE')", "false"},
        {"toBoolean(' tru ')", "null"},
        {"toBoolean('')", "null"},
        {"toBoolean(0)", "false"},
        {"toBoolean(2)", "true"},
        {"toBoolean(1.0)", VALUE_ERROR},
        {"toBoolean([])", VALUE_ERROR},
        {"toBooleanOrNull(1.0)", "null"},
        {"toBooleanList(['true', 1, 1.5])", "[true, true, null]"},
        {"toString(42)", "'42'"},
        {"toString(1.0)", "'1.0'"},
        {"toString(true)", "'true'"},
        {"toString('a')", "'a'"},
        {"toString(1e10)", "'1.0E10'"},
        {"toString(date('2020-01-02'))", "'2020-01-02'"},
        {"toString(point({x: 1, y: 2}))", "'point({srid: 7203, x: 1.0, y: 2.0})'"},
        {"toString(point({longitude: 1, latitude: 2, height: 3}))",
         "'point({srid: 4979, longitude: 1.0, latitude: 2.0, height: 3.0})'"},
        {"toString([1])", VALUE_ERROR},
        {"toString({})", VALUE_ERROR},
        {"toStringOrNull([1])", "null"},
        {"toStringList([1, 'a', [2]])", "['1', 'a', null]"},
        {"fromText('int', '42')", "42"},
        {"fromText('string[]', 'a;b')", "['a', 'b']"},
        {"valueType(fromText('bytes', '0x00ff'))", "'BYTES NOT NULL'"},
        {"toString(fromText('datetime', '2020-01-01T00:00+02:00[Nowhere/None]'))",
         "'2020-01-01T00:00+02:00[Nowhere/None]'"},
        {"fromText('date', null)", "null"},
        {"fromText('integer[', '1')", VALUE_ERROR},
        {"fromText('date', 'yesterday')", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

/* A text of about `size` bytes, each character from those that combine, compose, take each other's place or come apart in some form. It begins with an
 * ASCII character, so that several in a row have the normal forms of each in a row. */
static size_t write_mixture(char *out, size_t size, uint32_t seed)
{
    static const char *const characters[] = {"e",
                                             "E",
                                             " ",
                                             "\xCC\x81",
                                             "\xCC\xA3",
                                             "\xC3\xA9",
                                             "\xEF\xAC\x81",
                                             "\xE1\x84\x80",
                                             "\xE1\x85\xA1",
                                             "\xE1\x86\xA8",
                                             "\xEA\xB0\x80",
                                             "\xE0\xA7\x87",
                                             "\xE0\xA6\xBE",
                                             "\xEF\xBE\x9E",
                                             "\xEF\xBD\xB6",
                                             "\xE4\xB8\xAD",
                                             "\xE3\x85\x8F",
                                             "\xC5\xBF",
                                             "\xCA\xB0",
                                             "\xE2\x84\xAB"};
    size_t at = 1;

    out[0] = 'a';
    while (at + 4 < size) {
        seed = seed * 1664525u + 1013904223u;
        const char *one = characters[(seed >> 16) % (sizeof characters / sizeof characters[0])];
        memcpy(out + at, one, strlen(one));
        at += strlen(one);
    }
    return at;
}

/* Long texts are brought into a normal form piece by piece. */
static void test_cypher_func_string__normal_forms_of_long_texts(void **state)
{
    static const char *const forms[] = {"NFC", "NFD", "NFKC", "NFKD"};
    enum { ONE = 60000, TIMES = 8 };
    char *text = malloc((size_t)ONE * TIMES);
    func_fixture f;

    (void)state;
    assert_non_null(text);
    fixture_open(&f);
    for (uint32_t round = 0; round < 32; round++) {
        const sb_bytes form = sb_bytes_of(forms[round % 4], strlen(forms[round % 4]));
        const size_t one = write_mixture(text, ONE - round * 17, round);
        sb_val short_one, long_one;

        for (size_t i = 1; i < TIMES; i++)
            memcpy(text + i * one, text, one);
        assert_int_equal(sb_func__normalize(&f.ctx, sb_bytes_of(text, one), form, &short_one),
                         SB_OK);
        assert_int_equal(
            sb_func__normalize(&f.ctx, sb_bytes_of(text, one * TIMES), form, &long_one), SB_OK);
        const sb_bytes part = sb_val_text(short_one), whole = sb_val_text(long_one);
        assert_int_equal(whole.size, part.size * TIMES);
        for (size_t i = 0; i < TIMES; i++)
            assert_memory_equal(whole.data + i * part.size, part.data, part.size);
        sb_arena_reset(f.ctx.arena);
    }
    fixture_close(&f);
    free(text);
}

static void test_cypher_func_string__lack_of_memory(void **state)
{
    static const char *const expressions[] = {
        "toUpper('abcdefäöü')",
        "replace('abcabc', 'b', 'xyz')",
        "replace('abc', '', 'x')",
        "split('a,b,c', ',')",
        "reverse('abcdef')",
        "normalize('ä', 'NFD')",
        "toString([1][0])",
        "toStringList([1, 2.5, 'a'])",
        "fromText('any[]', 'int:1;point:{x: 1, y: 2}')",
        "valueType([1, [2]])",
    };

    (void)state;
    fixture_starve(expressions, sizeof expressions / sizeof expressions[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_func_string__parts),
        TEST(test_cypher_func_string__trimming),
        TEST(test_cypher_func_string__case_),
        TEST(test_cypher_func_string__searching),
        TEST(test_cypher_func_string__others),
        TEST(test_cypher_func_string__conversion),
        TEST(test_cypher_func_string__normal_forms_of_long_texts),
        TEST(test_cypher_func_string__lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
