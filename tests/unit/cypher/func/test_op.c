/* test_op.c — operators: tables of expressions and results, with nulls, limits and failures; then lack of memory in each of them. */
#include "func_fixture.h"

static void test_cypher_func_op__logic(void **state)
{
    static const fixture_case cases[] = {
        {"true AND true", "true"},   {"true AND false", "false"}, {"true AND null", "null"},
        {"false AND null", "false"}, {"null AND false", "false"}, {"null AND null", "null"},
        {"true OR null", "true"},    {"null OR true", "true"},    {"false OR null", "null"},
        {"false OR false", "false"}, {"true XOR true", "false"},  {"true XOR false", "true"},
        {"true XOR null", "null"},   {"null XOR null", "null"},   {"NOT true", "false"},
        {"NOT null", "null"},        {"1 AND true", TYPE_ERROR},  {"true OR 'x'", TYPE_ERROR},
        {"null XOR 1", TYPE_ERROR},  {"NOT 0", TYPE_ERROR},       {"null IS NULL", "true"},
        {"0 IS NULL", "false"},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_op__arithmetic(void **state)
{
    static const fixture_case cases[] = {
        {"1 + 2", "3"},
        {"1 + 2.0", "3.0"},
        {"1 - 3", "-2"},
        {"7 / 2", "3"},
        {"-7 / 2", "-3"},
        {"7 / 2.0", "3.5"},
        {"7 % 3", "1"},
        {"-7 % 3", "-1"},
        {"7.5 % 2", "1.5"},
        {"2 ^ 3", "8.0"},
        {"2 ^ -1", "0.5"},
        {"4 ^ 0.5", "2.0"},
        {"9223372036854775807 + 1", OVERFLOW_ERROR},
        {"9223372036854775807 + 0", "9223372036854775807"},
        {"-9223372036854775807 - 2", OVERFLOW_ERROR},
        {"4611686018427387904 * 2", OVERFLOW_ERROR},
        {"4611686018427387904 * -2", "-9223372036854775808"},
        {"(-9223372036854775807 - 1) / -1", OVERFLOW_ERROR},
        {"(-9223372036854775807 - 1) % -1", "0"},
        {"-(-9223372036854775807 - 1)", OVERFLOW_ERROR},
        {"1 / 0", DIVISION_ERROR},
        {"1 % 0", DIVISION_ERROR},
        {"1 / 0.0", "1.0 / 0.0"},
        {"0.0 / 0.0", "0.0 / 0.0"},
        {"1.0 % 0", "0.0 / 0.0"},
        {"null + 1", "null"},
        {"1 * null", "null"},
        {"null ^ null", "null"},
        {"[1] + null", "null"},
        {"-null", "null"},
        {"-(2.5)", "-2.5"},
        {"true + 1", TYPE_ERROR},
        {"1 - 'a'", TYPE_ERROR},
        {"'a' * 2", TYPE_ERROR},
        {"{a: 1} + 1", TYPE_ERROR},
        {"-'a'", TYPE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_op__concatenation(void **state)
{
    static const fixture_case cases[] = {
        {"'a' + 'b'", "'ab'"},
        {"'' + ''", "''"},
        {"'a' + 1", "'a1'"},
        {"1.5 + 'a'", "'1.5a'"},
        {"'a' + true", "'atrue'"},
        {"'a' + {b: 1}", TYPE_ERROR},
        {"[1] + [2, 'x']", "[1, 2, 'x']"},
        {"[1] + 2", "[1, 2]"},
        {"'a' + [1]", "['a', 1]"},
        {"[] + []", "[]"},
        {"[1] + [[2]]", "[1, [2]]"},
        {"'a' || 'b'", "'ab'"},
        {"[1] || [2]", "[1, 2]"},
        {"null || 'a'", "null"},
        {"'a' || 1", TYPE_ERROR},
        {"[1] || 1", TYPE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_op__in(void **state)
{
    static const fixture_case cases[] = {
        {"1 IN [1, 2]", "true"},    {"3 IN [1, 2]", "false"},     {"3 IN [1, null]", "null"},
        {"1 IN [null, 1]", "true"}, {"null IN [1]", "null"},      {"null IN []", "false"},
        {"1 IN null", "null"},      {"[1] IN [[1]]", "true"},     {"[null] IN [[1]]", "null"},
        {"[1] IN [1]", "false"},    {"1.0 IN [1]", "true"},       {"NaN IN [NaN]", "false"},
        {"1 IN 1", TYPE_ERROR},     {"'a' IN 'abc'", TYPE_ERROR}, {"1 IN {a: 1}", TYPE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_op__strings(void **state)
{
    static const fixture_case cases[] = {
        {"'abc' STARTS WITH 'ab'", "true"},
        {"'abc' STARTS WITH 'abcd'", "false"},
        {"'abc' STARTS WITH ''", "true"},
        {"'' STARTS WITH ''", "true"},
        {"'abc' ENDS WITH 'bc'", "true"},
        {"'abc' ENDS WITH 'ab'", "false"},
        {"'aabab' CONTAINS 'aba'", "true"},
        {"'abc' CONTAINS 'd'", "false"},
        {"'ab' CONTAINS 'abc'", "false"},
        {"'abc' CONTAINS ''", "true"},
        {"'abc' STARTS WITH null", "null"},
        {"null CONTAINS 'a'", "null"},
        {"1 ENDS WITH '1'", "null"},
        {"['a'] CONTAINS 'a'", "null"},
        {"'abc' =~ 'a.c'", "true"},
        {"'xabcx' =~ 'abc'", "false"},
        {"'abc' =~ 'a|abc'", "true"},
        {"'ABC' =~ '(?i)abc'", "true"},
        {"'' =~ ''", "true"},
        {"'ä' =~ '.'", "true"},
        {"'日本' =~ '\\\\p{Han}+'", "true"},
        {"null =~ 'a'", "null"},
        {"'a' =~ null", "null"},
        {"1 =~ 'a'", "null"},
        {"'a' =~ '('", VALUE_ERROR},
        {"'a' =~ '[z-a]'", VALUE_ERROR},
        {"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' =~ '(a+)+c'", "false"},
        {"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' =~ '(a|aa)+$'",
         "SyntaxError: LimitExceeded"},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_op__patterns_are_kept_and_replaced(void **state)
{
    func_fixture f;
    char text[64];

    (void)state;
    fixture_open(&f);
    assert_string_equal(fixture_show(&f, "'a' =~ 'a'"), "true");
    const size_t allocations = f.counting.alloc_count;
    sb_val v;
    sb_val a = sb_val_string(sb_bytes_of("a", 1));
    assert_int_equal(sb_op_binary(&f.ctx, SB_OP2_REGEX, a, a, &v), SB_OK);
    assert_int_equal(f.counting.alloc_count, allocations);
    /* More patterns than are kept, in turns; each is itself every time. */
    for (int i = 0; i < 100; i++) {
        (void)snprintf(text, sizeof text, "'x%d' =~ 'x%d'", i % 11, i % 13);
        assert_string_equal(fixture_show(&f, text), i % 11 == i % 13 ? "true" : "false");
    }
    fixture_close(&f);
}

/* Machine code, interpreter and the watched match agree; each pattern is used until it has all three. */
static void test_cypher_func_op__patterns_used_often(void **state)
{
    static const fixture_case cases[] = {
        {"'abc' =~ 'a.c'", "true"},
        {"'abcd' =~ 'a.c'", "false"},
        {"'xabc' =~ 'a.c'", "false"},
        {"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' =~ '(a|aa)+$'", "SyntaxError: LimitExceeded"},
        {"'日本' =~ '\\\\p{Han}{2}'", "true"},
    };
    func_fixture f;

    (void)state;
    fixture_open(&f);
    for (int i = 0; i < 3; i++)
        CHECK_CASES(&f, cases);
    for (int i = 0; i < 100; i++) {
        assert_string_equal(fixture_show(&f, "'abc' =~ 'a.c'"), "true");
        assert_string_equal(fixture_show(&f, "'abcd' =~ 'a.c'"), "false");
        assert_string_equal(fixture_show(&f, "'abc' =~ '(a|aa)+$'"), "false");
    }
    CHECK_CASES(&f, cases);
    fixture_close(&f);
}

typedef struct countdown {
    int left;
    sb_err *err;
} countdown;

static sb_status count_down(void *ctx)
{
    countdown *c = ctx;

    if (--c->left > 0) return SB_OK;
    return SB_FAIL(c->err, SB_INTERRUPT, "cancelled");
}

/* 400,000 bytes or some more of a text over and over. */
static sb_val repeated(func_fixture *f, const char *text)
{
    const size_t size = strlen(text), times = 400000 / size + 1;
    uint8_t *room = sb_arena_alloc(f->ctx.arena, times * size);

    assert_non_null(room);
    for (size_t i = 0; i < times; i++)
        memcpy(room + i * size, text, size);
    return sb_val_string(sb_bytes_of(room, times * size));
}

/* What takes long asks whether it shall go on, and stops when not. */
static void test_cypher_func_op__long_work_is_interrupted(void **state)
{
    static const char *const expressions[] = {
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' =~ '(a|aa)+$'",
        "left($2, 10000) =~ '(?:(?=a*+b)|.)*'", /* few steps, each through all of the text */
        "left($2, 20000) =~ '(a{10000}(?=a{10000}b)|.)*'",
        "range(1, 100000)",
        "200001 IN $1",
        "toStringList($1)",
        "size($1 + $1 + $1 + $1)",
        "size(($1 + $1 + $1)[1..])",
        "size(reverse($1))",
        "toUpper($2)",
        "toLower($3)",
        "replace($2, 'a', 'bc')",
        "replace($2, 'x', 'bc')",
        "replace($2, '', '-')",
        "size(split($2, 'b'))",
        "size(split($2, ''))",
        "reverse($3)",
        "trim($4)",
        "ltrim($4)",
        "rtrim($4)",
        "trim($2, 'a')",
        "trim(right($3, 3000), $2 + 'e\xCC\x81 ')",
        "valueType($1)",
        "$1 IS :: LIST<INTEGER>",
        "normalize($3)",
        "normalize($3, 'NFKD')",
        "$2 CONTAINS (right($2, 2000) + 'b')",
        "replace($2, right($2, 2000) + 'b', '')",
        "size(split($2, [right($2, 2000) + 'b', 'b']))",
        "$2 + 'a' = $2 + 'b' OR $2 + 'c' > $2 + 'd' OR $2 + 'e' = $2 + 'f' OR $2 + 'g' = $2",
        "$2 IN [$2 + 'a', $2 + 'b', $2 + 'c', $2 + 'd', $2 + 'e', $2 + 'f', $2 + 'g', $2]",
    };
    static const char *const texts[] = {"a", "e\xCC\x81 ", " "};

    (void)state;
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++) {
        func_fixture f;
        fixture_open(&f);
        f.params[1] = fixture_eval(&f, "range(1, 200000)");
        for (int k = 2; k < 5; k++)
            f.params[k] = repeated(&f, texts[k - 2]);
        countdown c = {.left = 3, .err = &f.err};
        f.ctx.poll = count_down;
        f.ctx.poll_ctx = &c;
        (void)fixture_eval(&f, expressions[i]);
        if (f.status != SB_INTERRUPT) print_error("%s\n", expressions[i]);
        assert_int_equal(f.status, SB_INTERRUPT);
        assert_int_equal(c.left, 0);
        /* Asked without saying no, it comes to its end. */
        c.left = 1000000;
        (void)fixture_eval(&f, expressions[i]);
        assert_int_equal(f.status, i == 0 ? SB_LIMIT : SB_OK);
        assert_true(c.left < 1000000);
        fixture_close(&f);
    }
}

static sb_status count_polls(void *ctx)
{
    ++*(unsigned *)ctx;
    return SB_OK;
}

/* What is looked for in a text takes time linear in it, whatever both are: counted by how often it asks whether to go on. */
static void test_cypher_func_op__searches_are_linear(void **state)
{
    static const char *const expressions[] = {
        "$2 CONTAINS (right($2, 2000) + 'b')",
        "$2 CONTAINS (right($2, 200000) + 'b')",
        "$2 CONTAINS ('b' + right($2, 200000))",
        "trim($2, replace($2, 'a', 'b') + 'a')",
        "size(replace($2, right($2, 200000) + 'b', ''))",
        "size(split($2, right($2, 200000) + 'b'))",
        "size(split($2, [right($2, 200000) + 'b', 'b' + right($2, 100000)]))",
    };
    func_fixture f;
    unsigned polls;

    (void)state;
    fixture_open(&f);
    f.params[2] = repeated(&f, "a");
    f.ctx.poll = count_polls;
    f.ctx.poll_ctx = &polls;
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++) {
        polls = 0;
        (void)fixture_eval(&f, expressions[i]);
        assert_int_equal(f.status, SB_OK);
        assert_in_range(polls, 1, 50);
    }
    f.ctx.poll = NULL;
    fixture_close(&f);
}

/* Long texts are looked through piece by piece before PCRE2 has them whole, wherever a character lies across two pieces. */
static void test_cypher_func_op__patterns_on_long_texts(void **state)
{
    enum { BYTES = 6u << 20 };
    static const struct {
        const char *pattern;
        bool matches[2]; /* what ends in "ä", and in "äx" */
    } cases[] = {
        {".*", {true, true}},       {"x*", {false, false}},
        {".*foo.*", {true, true}},  {"(?:.*+b|.*+c|.*ä)", {true, false}},
        {".*f", {false, false}},    {"", {false, false}},
        {"foo[xä]+", {true, true}}, {"(?i)FOO[^x]+X", {false, true}},
    };
    func_fixture f;
    unsigned polls;
    sb_val v;

    (void)state;
    fixture_open(&f);
    uint8_t *text = sb_arena_alloc(f.ctx.arena, BYTES);
    assert_non_null(text);
    memcpy(text, "foo", 3);
    for (size_t i = 3; i < BYTES;
         i++) /* "ä" begins at odd places: each border of pieces lies within one */
        text[i] = i % 2 == 1 ? 0xC3 : 0xA4;
    text[BYTES - 1] = 'x';
    memcpy(text + BYTES - 3, "\xC3\xA4", 2);
    f.ctx.poll = count_polls;
    f.ctx.poll_ctx = &polls;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const sb_bytes pattern = sb_bytes_of(cases[i].pattern, strlen(cases[i].pattern));
        for (size_t x = 0; x < 2; x++) {
            const sb_val whole = sb_val_string(sb_bytes_of(text, BYTES - 1 + x));
            polls = 0;
            assert_int_equal(sb_op_binary(&f.ctx, SB_OP2_REGEX, whole, sb_val_string(pattern), &v),
                             SB_OK);
            assert_int_equal(v.as.boolean, cases[i].matches[x]);
            assert_in_range(polls, 5, 2 * BYTES);
        }
    }
    /* A text that is none, which no value is, is an error at worst. */
    text[BYTES / 2] = 0xFF;
    assert_int_not_equal(sb_op_binary(&f.ctx, SB_OP2_REGEX, sb_val_string(sb_bytes_of(text, BYTES)),
                                      sb_val_string(sb_bytes_of(".*", 2)), &v),
                         SB_OK);
    f.ctx.poll = NULL;
    fixture_close(&f);
}

/* So does much short work. */
static void test_cypher_func_op__short_work_is_counted(void **state)
{
    static const char *const expressions[] = {"range(1, 100)", "101 IN $1", "toStringList($1)"};
    enum { ROUNDS = 1000, ITEMS = 100 };

    (void)state;
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++) {
        func_fixture f;
        fixture_open(&f);
        f.params[1] = fixture_eval(&f, "range(1, 100)");
        countdown c = {.left = ROUNDS, .err = &f.err};
        f.ctx.poll = count_down;
        f.ctx.poll_ctx = &c;
        for (int round = 0; round < ROUNDS; round++) {
            (void)fixture_eval(&f, expressions[i]);
            assert_int_equal(f.status, SB_OK);
        }
        assert_int_equal(ROUNDS - c.left, (ROUNDS + 1) * ITEMS / 16384);
        fixture_close(&f);
    }
}

static void test_cypher_func_op__index_and_slice(void **state)
{
    static const fixture_case cases[] = {
        {"[1, 2, 3][0]", "1"},
        {"[1, 2, 3][-1]", "3"},
        {"[1, 2, 3][-3]", "1"},
        {"[1, 2, 3][3]", "null"},
        {"[1, 2, 3][-4]", "null"},
        {"[1][9223372036854775807]", "null"},
        {"[1][-9223372036854775808]", "null"},
        {"[][0]", "null"},
        {"null[0]", "null"},
        {"[1][null]", "null"},
        {"[1]['a']", "TypeError: ListElementAccessByNonInteger"},
        {"[1][1.0]", "TypeError: ListElementAccessByNonInteger"},
        {"{a: 1}['a']", "1"},
        {"{a: 1}['b']", "null"},
        {"{a: 1}[null]", "null"},
        {"{a: 1}[0]", "TypeError: MapElementAccessByNonString"},
        {"'abc'[0]", TYPE_ERROR},
        {"1[0]", TYPE_ERROR},
        {"true['a']", TYPE_ERROR},
        {"[1, 2, 3][1..]", "[2, 3]"},
        {"[1, 2, 3][..2]", "[1, 2]"},
        {"[1, 2, 3][..]", "[1, 2, 3]"},
        {"[1, 2, 3][-3..-1]", "[1, 2]"},
        {"[1, 2, 3][-5..5]", "[1, 2, 3]"},
        {"[1, 2, 3][3..1]", "[]"},
        {"[1, 2, 3][null..2]", "null"},
        {"[1, 2, 3][1..null]", "null"},
        {"null[1..2]", "null"},
        {"[1][-9223372036854775808..9223372036854775807]", "[1]"},
        {"'äbcd'[1..3]", "'bc'"},
        {"'äbcd'[..-1]", "'äbc'"},
        {"1[1..2]", TYPE_ERROR},
        {"[1]['a'..]", TYPE_ERROR},
        {"{a: {b: 2}}.a.b", "2"},
        {"null.a", "null"},
        {"1.a", TYPE_ERROR},
        {"[1].a", TYPE_ERROR},
    };
    RUN_CASES(cases);
}

static sb_status fake_property(void *ctx, sb_val entity, sb_bytes key, sb_val *value, sb_err *err)
{
    assert_ptr_equal(ctx, &fake_property);
    assert_int_equal(entity.as.id, 7);
    if (key.size == 4) return sb_cypher_fail_runtime(err, SB_CYPHER_DELETED_ENTITY_ACCESS, "gone");
    *value = sb_val_int((int64_t)key.size);
    return SB_OK;
}

static void test_cypher_func_op__properties_of_entities(void **state)
{
    static const fixture_case cases[] = {
        {"$1.abc", "3"},
        {"$2['ab']", "2"},
        {"$1['gone']", "EntityNotFound: DeletedEntityAccess"},
        {"$1[1]", "TypeError: MapElementAccessByNonString"},
        {"$1[null]", "null"},
        {"$1 = $1", "true"},
        {"$1 = $2", "false"},
        {"$1 + $1", TYPE_ERROR},
    };
    union {
        sb_status (*function)(void *, sb_val, sb_bytes, sb_val *, sb_err *);
        void *pointer;
    } self = {.function = fake_property};
    func_fixture f;
    const sb_entity_reader reader = {.ctx = self.pointer, .property = fake_property};

    (void)state;
    fixture_open(&f);
    f.ctx.reader = &reader;
    f.params[1] = sb_val_node(7);
    f.params[2] = sb_val_rel(7);
    CHECK_CASES(&f, cases);
    fixture_close(&f);
}

static void test_cypher_func_op__types(void **state)
{
    static const sb_type_spec number = {.kinds = SB_KIND_NUMBER};
    static const sb_type_spec number_or_null = {.kinds = SB_KIND_NUMBER | SB_KIND_NULL};
    static const sb_type_spec numbers = {.kinds = SB_KIND_LIST, .items = &number};
    static const sb_type_spec lists = {.kinds = SB_KIND_LIST, .items = &numbers};
    static const sb_type_spec any_list = {.kinds = SB_KIND_LIST | SB_KIND_NULL};
    static const struct {
        const char *value;
        const sb_type_spec *type;
        bool is;
    } cases[] = {
        {"1", &number, true},
        {"1.5", &number, true},
        {"'a'", &number, false},
        {"null", &number, false},
        {"null", &number_or_null, true},
        {"[1, 2.0]", &numbers, true},
        {"[1, null]", &numbers, false},
        {"[]", &numbers, true},
        {"['a']", &any_list, true},
        {"[[1], []]", &lists, true},
        {"[[1], ['a']]", &lists, false},
        {"{}", &any_list, false},
    };
    func_fixture f;
    sb_val result;

    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const sb_val v = fixture_eval(&f, cases[i].value);
        assert_int_equal(sb_op_is_type(&f.ctx, v, cases[i].type, &result), SB_OK);
        assert_int_equal(result.as.boolean, cases[i].is);
    }
    fixture_close(&f);
}

static void test_cypher_func_op__normalized(void **state)
{
    static const struct {
        const char *text, *form;
        int is; /* 2: null, 3: an error */
    } cases[] = {
        {"'abc'", "NFC", 1},
        {"'\xc3\xa4'", "NFC", 1},
        {"'\xc3\xa4'", "NFD", 0},
        {"'a\xcc\x88'", "NFC", 0},
        {"'a\xcc\x88'", "nfd", 1},
        {"'\xef\xac\x81'", "NFC", 1},
        {"'\xef\xac\x81'", "NFKC", 0},
        {"'\xef\xac\x81'", "NFKD", 0},
        {"null", "NFC", 2},
        {"1", "NFC", 2},
        {"'a'", "NFX", 3},
        {"'a'", "", 3},
    };
    func_fixture f;
    sb_val result;

    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const sb_val v = fixture_eval(&f, cases[i].text);
        sb_err_clear(&f.err);
        const sb_status st = sb_op_is_normalized(
            &f.ctx, v, sb_bytes_of(cases[i].form, strlen(cases[i].form)), &result);
        assert_int_equal(st, cases[i].is == 3 ? SB_INVALID : SB_OK);
        if (cases[i].is >= 2)
            assert_int_equal(result.kind, SB_VAL_NULL);
        else
            assert_int_equal(result.as.boolean, cases[i].is);
    }
    fixture_close(&f);
}

static void test_cypher_func_op__lack_of_memory(void **state)
{
    static const char *const expressions[] = {
        "'abcdef' + 'ghi'", "'abc' + 1.5",        "[1, 2, 3] + [4, 5]",
        "[1, 2, 3][1..]",   "'abc' =~ 'a(b|x)c'", "{a: [1, 2], b: {c: 'x'}}['b']",
    };

    (void)state;
    fixture_starve(expressions, sizeof expressions / sizeof expressions[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_func_op__logic),
        TEST(test_cypher_func_op__arithmetic),
        TEST(test_cypher_func_op__concatenation),
        TEST(test_cypher_func_op__in),
        TEST(test_cypher_func_op__strings),
        TEST(test_cypher_func_op__patterns_are_kept_and_replaced),
        TEST(test_cypher_func_op__patterns_used_often),
        TEST(test_cypher_func_op__searches_are_linear),
        TEST(test_cypher_func_op__patterns_on_long_texts),
        TEST(test_cypher_func_op__long_work_is_interrupted),
        TEST(test_cypher_func_op__short_work_is_counted),
        TEST(test_cypher_func_op__index_and_slice),
        TEST(test_cypher_func_op__properties_of_entities),
        TEST(test_cypher_func_op__types),
        TEST(test_cypher_func_op__normalized),
        TEST(test_cypher_func_op__lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
