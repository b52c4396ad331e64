/* test_val.c — values: making lists and maps, copies, the way from and to properties, texts; then the three relations, on tables of
 * cases and, for the laws of an order and of hashes, on all pairs and triples of a zoo of values. */
#include "func_fixture.h"

static void test_cypher_func_val__maps_keep_order_and_last_of_equal_keys(void **state)
{
    func_fixture f;

    (void)state;
    fixture_open(&f);
    assert_string_equal(fixture_show(&f, "{b: 1, a: 2, c: 3}"), "{b: 1, a: 2, c: 3}");
    assert_string_equal(fixture_show(&f, "{b: 1, a: 2, b: 3}"), "{b: 3, a: 2}");
    assert_string_equal(fixture_show(&f, "{a: 1, a: 2, a: 3}.a"), "3");
    assert_string_equal(fixture_show(&f, "{}.a"), "null");
    assert_string_equal(fixture_show(&f, "{a: 1, b: 1, a: 2, c: 1, b: 2, a: 3}"),
                        "{a: 3, b: 2, c: 1}");
    /* Many keys: sorted another way, found as fast. */
    char key[5000][8];
    sb_val v;
    sb_val_map *map = sb_val_map_make(f.ctx.arena, 5000);
    for (uint32_t i = 0; i < 5000; i++) {
        map->entries[i].key =
            sb_bytes_of(key[i], (size_t)snprintf(key[i], 8, "k%u", i * 7919 % 4000));
        map->entries[i].value = sb_val_int(i);
    }
    assert_int_equal(sb_val_map_seal(map, &v, &f.err), SB_OK);
    assert_int_equal(map->count, 4000);
    for (uint32_t i = 0; i < 5000; i++) {
        const sb_val *found = sb_val_map_get(map, sb_bytes_of(key[i], strlen(key[i])));
        assert_non_null(found);
        assert_int_equal(found->as.integer, i < 1000 ? i + 4000 : i);
    }
    assert_null(sb_val_map_get(map, sb_bytes_of("k4000", 5)));
    assert_null(sb_val_map_make(f.ctx.arena, UINT64_MAX));
    assert_null(sb_val_list_make(f.ctx.arena, UINT64_MAX / 8));
    fixture_close(&f);
}

static void test_cypher_func_val__depth_is_bounded(void **state)
{
    func_fixture f;
    sb_val v = sb_val_int(1);
    unsigned depth = 0;
    sb_status st = SB_OK;

    (void)state;
    fixture_open(&f);
    while (st == SB_OK && depth < 2000) {
        if (depth % 2 == 0) {
            sb_val_list *list = sb_val_list_make(f.ctx.arena, 1);
            list->items[0] = v;
            st = sb_val_list_seal(list, &v, &f.err);
        } else {
            sb_val_map *map = sb_val_map_make(f.ctx.arena, 1);
            map->entries[0] = (sb_val_entry){sb_bytes_of("k", 1), v};
            st = sb_val_map_seal(map, &v, &f.err);
        }
        if (st == SB_OK) {
            depth++;
            assert_int_equal(v.depth, depth);
        }
        if (depth == SB_VAL_DEPTH_MAX && st == SB_OK) {
            /* The deepest that there is can be walked by all. */
            sb_val copy;
            assert_int_equal(sb_val_copy(f.ctx.arena, v, &copy, &f.err), SB_OK);
            assert_int_equal(sb_val_equals(v, copy), SB_TRUE);
            assert_int_equal(sb_val_hash(v, 1), sb_val_hash(copy, 1));
            assert_int_equal(sb_val_order(v, copy), 0);
            assert_true(sb_val_bytes(v) > 0);
            assert_int_equal(sb_val_to_literal(v, &f.text, &f.err), SB_OK);
        }
    }
    assert_int_equal(depth, SB_VAL_DEPTH_MAX);
    assert_int_equal(st, SB_LIMIT);
    assert_int_equal(f.err.detail, SB_CYPHER_LIMIT_EXCEEDED);
    fixture_close(&f);
}

/* ---- Relations ------------------------------------------------------------------------------------------------- */

static void test_cypher_func_val__equality(void **state)
{
    static const fixture_case cases[] = {
        {"null = null", "null"},
        {"null <> null", "null"},
        {"1 = null", "null"},
        {"1 = 1.0", "true"},
        {"1 <> 1.0", "false"},
        {"9007199254740993 = 9007199254740992.0", "false"},
        {"NaN = NaN", "false"},
        {"NaN <> NaN", "true"},
        {"1 = NaN", "false"},
        {"0.0 = -0.0", "true"},
        {"'a' = 1", "false"},
        {"true = 1", "false"},
        {"'a' = 'a'", "true"},
        {"'' = ''", "true"},
        {"[1, 2] = [1]", "false"},
        {"[null] = [1]", "null"},
        {"[null] = [null]", "null"},
        {"['a'] = [1]", "false"},
        {"[] = []", "true"},
        {"[1] = [1.0]", "true"},
        {"[NaN] = [NaN]", "false"},
        {"[[1]] = [[1], [null]]", "false"},
        {"[[1], [2]] = [[1], [null]]", "null"},
        {"[[1], [2, 3]] = [[1], [null]]", "false"},
        {"[null, 1] = [null, 2]", "false"},
        {"{} = {}", "true"},
        {"{k: 1, l: 2} = {l: 2, k: 1}", "true"},
        {"{} = {k: null}", "false"},
        {"{k: 1} = {k: 1, l: null}", "false"},
        {"{k: null} = {k: null}", "null"},
        {"{k: 1} = {k: null}", "null"},
        {"{k: 1, l: null} = {k: null, l: 1}", "null"},
        {"{k: 1, l: null} = {k: 2, l: null}", "false"},
        {"{k: 1} = [1]", "false"},
    };
    func_fixture f;

    (void)state;
    fixture_open(&f);
    CHECK_CASES(&f, cases);
    fixture_close(&f);
}

static void test_cypher_func_val__less_and_greater(void **state)
{
    static const fixture_case cases[] = {
        {"1 < 2", "true"},
        {"2 <= 2.0", "true"},
        {"9007199254740993 > 9007199254740992.0", "true"},
        {"1 < Infinity", "true"},
        {"'a' < 'b'", "true"},
        {"'a' < 'B'", "false"},
        {"false < true", "true"},
        {"true > true", "false"},
        {"1 < 'a'", "null"},
        {"1 < null", "null"},
        {"null >= null", "null"},
        {"NaN < 1", "false"},
        {"NaN >= NaN", "false"},
        {"NaN > 'a'", "null"},
        {"[1, 0] >= [1]", "true"},
        {"[1, null] >= [1]", "true"},
        {"[1, 2] >= [1, null]", "null"},
        {"[1, 'a'] >= [1, null]", "null"},
        {"[1, 2] >= [3, null]", "false"},
        {"[1] < [NaN]", "false"},
        {"[1, 'a'] < [1, 2]", "null"},
        {"[{a: 1}, 1] < [{a: 1}, 2]", "true"},
        {"{a: 1} < {a: 2}", "null"},
        {"[] < [1]", "true"},
        {"[] <= []", "true"},
    };
    func_fixture f;

    (void)state;
    fixture_open(&f);
    CHECK_CASES(&f, cases);
    fixture_close(&f);
}

static const uint64_t PATH_NODES[] = {1, 2, 3}, PATH_RELS[] = {7, 8};
static const sb_val_path LONG_PATH = {2, PATH_NODES, PATH_RELS};
static const sb_val_path SHORT_PATH = {1, PATH_NODES, PATH_RELS};
static const sb_value ZONED = {
    .type = SB_TYPE_DATETIME, .extra = 5, .as.datetime = {469020674, 3600, 16, "Europe/Stockholm"}};
static const sb_value OFFSET_ONLY = {
    .type = SB_TYPE_DATETIME, .extra = 5, .as.datetime = {469020674, 3600, 0, NULL}};
static const sb_value A_MONTH = {.type = SB_TYPE_DURATION, .as.duration = {1, 0, 0, 0}};
static const sb_value THIRTY_DAYS = {.type = SB_TYPE_DURATION, .as.duration = {0, 30, 0, 0}};
static const sb_value A_POINT = {.type = SB_TYPE_POINT, .extra = 7203, .as.point = {1, 2, 0}};

/* In the order that ORDER BY gives; equal ones share a number. */
static size_t make_zoo(func_fixture *f, sb_val *zoo, int *places)
{
    static const struct {
        int place;
        const char *text;
    } texts[] = {
        {0, "{}"},
        {2, "{a: 1}"},
        {2, "{a: 1.0}"},
        {1, "{a: 'x'}"},
        {1, "{a: 'x'}"},
        {3, "{b: 0}"},
        {4, "{a: 1, b: 2}"},
        {4, "{b: 2, a: 1}"},
        {10, "[]"},
        {11, "['a']"},
        {12, "['a', 1]"},
        {13, "[1]"},
        {13, "[1.0]"},
        {14, "[1, 'a']"},
        {15, "[1, null]"},
        {16, "[null, 1]"},
        {17, "[null, 2]"},
        {60, "''"},
        {61, "'a'"},
        {62, "'ab'"},
        {63, "'b'"},
        {70, "false"},
        {71, "true"},
        {80, "-Infinity"},
        {81, "-1"},
        {82, "0"},
        {82, "0.0"},
        {82, "-0.0"},
        {83, "0.5"},
        {84, "1"},
        {84, "1.0"},
        {85, "9007199254740992.0"},
        {86, "9007199254740993"},
        {87, "9223372036854775807"},
        {88, "9223372036854775808.0"},
        {89, "Infinity"},
        {90, "NaN"},
        {99, "null"},
    };
    size_t count = 0;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        zoo[count] = fixture_eval(f, texts[i].text);
        places[count++] = texts[i].place;
    }
    const struct {
        int place;
        sb_val v;
    } others[] = {
        {5, sb_val_node(1)},
        {6, sb_val_node(2)},
        {7, sb_val_rel(1)},
        {8, sb_val_rel(UINT64_MAX)},
        {20, {.kind = SB_VAL_PATH, .as.path = &SHORT_PATH}},
        {21, {.kind = SB_VAL_PATH, .as.path = &LONG_PATH}},
        {25, {.kind = SB_VAL_POINT, .as.boxed = &A_POINT}},
        {30, {.kind = SB_VAL_DATETIME, .as.boxed = &OFFSET_ONLY}},
        {31, {.kind = SB_VAL_DATETIME, .as.boxed = &ZONED}},
        {32, {.kind = SB_VAL_LOCAL_DATETIME, .aux = 999, .as.integer = 5}},
        {33, {.kind = SB_VAL_LOCAL_DATETIME, .as.integer = 6}},
        {34, {.kind = SB_VAL_DATE, .as.integer = -1}},
        {35, {.kind = SB_VAL_DATE, .as.integer = 1}},
        {36, {.kind = SB_VAL_TIME, .aux = 86400 + 3600, .as.integer = 3600000000000}},
        {37, {.kind = SB_VAL_TIME, .aux = 86400, .as.integer = 1}},
        {38, {.kind = SB_VAL_LOCAL_TIME, .as.integer = 0}},
        {40, {.kind = SB_VAL_DURATION, .as.boxed = &THIRTY_DAYS}},
        {41, {.kind = SB_VAL_DURATION, .as.boxed = &A_MONTH}},
        {65, {.kind = SB_VAL_BYTES, .aux = 2, .as.text = (const uint8_t *)"\0\1"}},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        zoo[count] = others[i].v;
        places[count++] = others[i].place;
    }
    return count;
}

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void test_cypher_func_val__order_of_all_kinds(void **state)
{
    func_fixture f;
    sb_val zoo[80];
    int places[80], order;

    (void)state;
    fixture_open(&f);
    const size_t count = make_zoo(&f, zoo, places);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            const int expected = sign(places[i] - places[j]);
            if (sign(sb_val_order(zoo[i], zoo[j])) != expected)
                fail_msg("places %d, %d", places[i], places[j]);
            assert_int_equal(sb_val_same(zoo[i], zoo[j]), expected == 0);
            if (expected == 0)
                assert_int_equal(sb_val_hash(zoo[i], 42), sb_val_hash(zoo[j], 42));
            else
                assert_true(sb_val_hash(zoo[i], 42) != sb_val_hash(zoo[j], 42));
            /* What is equal is the same, what compares does so in the same direction. */
            if (sb_val_equals(zoo[i], zoo[j]) == SB_TRUE) assert_int_equal(expected, 0);
            assert_int_equal(sb_val_equals(zoo[i], zoo[j]), sb_val_equals(zoo[j], zoo[i]));
            if (sb_val_comparable(zoo[i], zoo[j], &order) == SB_TRUE && zoo[i].kind != SB_VAL_LIST)
                assert_int_equal(sign(order), expected);
        }
        assert_true(sb_val_hash(zoo[i], 1) != sb_val_hash(zoo[i], 2));
    }
    fixture_close(&f);
}

/* ---- Copies ------------------------------------------------------------------------------------------------------ */

static void test_cypher_func_val__copies_are_independent(void **state)
{
    func_fixture f;
    sb_val zoo[80], copies[80];
    int places[80];

    (void)state;
    fixture_open(&f);
    sb_arena *target = sb_arena_create(&sb_allocator_libc, NULL);
    const size_t count = make_zoo(&f, zoo, places);
    uint64_t hashes[80];
    for (size_t i = 0; i < count; i++) {
        hashes[i] = sb_val_hash(zoo[i], 3);
        assert_int_equal(sb_val_copy(target, zoo[i], &copies[i], &f.err), SB_OK);
        /* The promise about bytes, by an arena of its own. */
        sb_arena *own = sb_arena_create(&sb_allocator_libc, NULL);
        sb_val again;
        assert_int_equal(sb_val_copy(own, zoo[i], &again, &f.err), SB_OK);
        assert_true(sb_val_bytes(again) <= sb_arena_bytes(own));
        sb_arena_destroy(own);
    }
    sb_arena_destroy(f.ctx.arena); /* the originals are gone */
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sb_val_hash(copies[i], 3), hashes[i]);
    sb_arena_destroy(target);
    f.ctx.arena = NULL;
    fixture_close(&f);
}

static void test_cypher_func_val__copies_survive_lack_of_memory(void **state)
{
    func_fixture f;
    sb_val zoo[80], copy;
    int places[80];

    (void)state;
    fixture_open(&f);
    const size_t count = make_zoo(&f, zoo, places);
    sb_val_list *list = sb_val_list_make(f.ctx.arena, count + 1);
    memcpy(list->items, zoo, count * sizeof zoo[0]);
    char *big = sb_arena_alloc_zero(f.ctx.arena, 100000);
    list->items[count] = sb_val_string(sb_bytes_of(big, 100000));
    sb_val v;
    assert_int_equal(sb_val_list_seal(list, &v, &f.err), SB_OK);
    sb_counting_allocator counting;
    size_t fail_at = 1;
    for (sb_status st = SB_NOMEM; st != SB_OK; fail_at++) {
        sb_counting_allocator_init(&counting, &sb_allocator_libc);
        counting.fail_at = fail_at;
        sb_arena *target = sb_arena_create(&counting.base, NULL);
        sb_err_clear(&f.err);
        if (target != NULL) st = sb_val_copy(target, v, &copy, &f.err);
        if (target != NULL && st != SB_OK) assert_int_equal(f.err.code, SB_NOMEM);
        sb_arena_destroy(target);
        assert_int_equal(counting.live_bytes, 0);
    }
    assert_true(fail_at > 4);
    fixture_close(&f);
}

/* ---- Properties ---------------------------------------------------------------------------------------------------- */

static void test_cypher_func_val__property_values(void **state)
{
    static const struct {
        const char *text;
        bool storable;
    } cases[] = {
        {"null", true},   {"true", true},     {"1", true},         {"1.5", true},
        {"'x'", true},    {"[1, 'a']", true}, {"[]", true},        {"[null]", false},
        {"[[1]]", false}, {"{a: 1}", false},  {"[{a: 1}]", false},
    };
    func_fixture f;
    sb_val zoo[80], back;
    sb_value value;
    int places[80];

    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const sb_val v = fixture_eval(&f, cases[i].text);
        sb_err_clear(&f.err);
        const sb_status st = sb_val_to_value(f.ctx.arena, v, &value, &f.err);
        assert_int_equal(st, cases[i].storable ? SB_OK : SB_TYPE_MISMATCH);
        if (!cases[i].storable) {
            assert_int_equal(f.err.detail, SB_CYPHER_INVALID_PROPERTY_TYPE);
            continue;
        }
        assert_int_equal(sb_val_from_value(f.ctx.arena, &value, &back, &f.err), SB_OK);
        assert_true(sb_val_same(v, back));
        assert_int_equal(v.kind, back.kind);
    }
    const size_t count = make_zoo(&f, zoo, places);
    for (size_t i = 0; i < count; i++) {
        if (!sb_val_scalar_value(zoo[i], &value)) {
            assert_int_equal(value.type, SB_TYPE_NULL);
            continue;
        }
        assert_int_equal(value.type, zoo[i].kind);
        if (value.type != SB_TYPE_NULL) assert_int_equal(sb_value_check(&value, &f.err), SB_OK);
        assert_int_equal(sb_val_from_value(f.ctx.arena, &value, &back, &f.err), SB_OK);
        assert_int_equal(sb_val_hash(back, 1), sb_val_hash(zoo[i], 1));
    }
    fixture_close(&f);
}

static void test_cypher_func_val__kinds(void **state)
{
    func_fixture f;
    sb_val zoo[80];
    int places[80];
    uint32_t all = 0;

    (void)state;
    fixture_open(&f);
    const size_t count = make_zoo(&f, zoo, places);
    for (size_t i = 0; i < count; i++) {
        const uint32_t bit = sb_val_kind_bit(zoo[i]);
        assert_int_equal(bit & (bit - 1), 0);
        all |= bit;
    }
    assert_int_equal(all, SB_KIND_ANY);
    assert_string_equal(sb_val_kind_name(SB_VAL_INT), "INTEGER");
    assert_string_equal(sb_val_kind_name(SB_VAL_MAP), "MAP");
    assert_string_equal(sb_val_kind_name(SB_VAL_PATH), "PATH");
    assert_string_equal(sb_val_kind_name(18), "?");
    fixture_close(&f);
}

/* ---- Text ------------------------------------------------------------------------------------------------------------ */

static void test_cypher_func_val__floats(void **state)
{
    static const struct {
        double d;
        const char *text;
    } cases[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {1.5, "1.5"},
        {-2.25, "-2.25"},
        {0.1, "0.1"},
        {0.3, "0.3"},
        {0.1 + 0.2, "0.30000000000000004"},
        {0.001, "0.001"},
        {0.00099, "9.9E-4"},
        {9999999.0, "9999999.0"},
        {1e7, "1.0E7"},
        {12345678.9, "1.23456789E7"},
        {1e21, "1.0E21"},
        {123456.789, "123456.789"},
        {1.7976931348623157e308, "1.7976931348623157E308"},
        {2.2250738585072014e-308, "2.2250738585072014E-308"},
        {4.9e-324, "4.9E-324"},
        {1e100, "1.0E100"},
        {-1e-7, "-1.0E-7"},
        {100.0, "100.0"},
        {0.012, "0.012"},
        {5e-324 * 3, "1.5E-323"},
        {0x1p-24,
         "5.960464477539063E-8"}, /* the nearest decimal of as many digits is another double's */
        {0x1p-44, "5.684341886080802E-14"},
        {0x1p-1022, "2.2250738585072014E-308"},
    };
    sb_random random = test_random(5);
    sb_buffer text;

    (void)state;
    sb_buffer_init(&text, &sb_allocator_libc);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sb_buffer_reset(&text);
        assert_int_equal(sb_float_to_string(cases[i].d, &text), SB_OK);
        assert_int_equal(sb_buffer_append_byte(&text, 0), SB_OK);
        assert_string_equal((const char *)text.data, cases[i].text);
    }
    for (int i = 0; i < 20000; i++) {
        const uint64_t bits = sb_random_next(&random);
        double d;
        memcpy(&d, &bits, sizeof d);
        if (d != d || d - d != 0.0) continue;
        sb_buffer_reset(&text);
        assert_int_equal(sb_float_to_string(d, &text), SB_OK);
        assert_int_equal(sb_buffer_append_byte(&text, 0), SB_OK);
        assert_true(strtod((const char *)text.data, NULL) == d);
    }
    /* Decimals of few digits come back as they are, by whichever way. */
    for (int i = 0; i < 20000; i++) {
        const int decimals = 1 + (int)sb_random_below(&random, 9);
        char written[40];
        const long long whole = (long long)sb_random_below(&random, 1000000);
        char fraction[12];
        (void)snprintf(fraction, sizeof fraction, "%0*llu", decimals,
                       (unsigned long long)sb_random_below(&random, 1000000000) + 1);
        fraction[decimals] = '\0';
        size_t end = strlen(fraction);
        while (end > 1 && fraction[end - 1] == '0')
            fraction[--end] = '\0';
        (void)snprintf(written, sizeof written, "%lld.%s", whole + 1, fraction);
        sb_buffer_reset(&text);
        assert_int_equal(sb_float_to_string(strtod(written, NULL), &text), SB_OK);
        assert_int_equal(sb_buffer_append_byte(&text, 0), SB_OK);
        assert_string_equal((const char *)text.data, written);
    }
    sb_buffer_deinit(&text);
}

static void test_cypher_func_val__literals(void **state)
{
    func_fixture f;

    (void)state;
    fixture_open(&f);
    f.params[1] = sb_val_string(sb_bytes_of("a'b\\c\n\x01", 7));
    f.params[2] = sb_val_node(7);
    f.params[3] = sb_val_rel(8);
    f.params[4] = (sb_val){.kind = SB_VAL_PATH, .as.path = &LONG_PATH};
    f.params[5] = (sb_val){.kind = SB_VAL_BYTES, .aux = 2, .as.text = (const uint8_t *)"\x01\xff"};
    f.params[6] = (sb_val){.kind = SB_VAL_DATETIME, .as.boxed = &ZONED};
    f.params[7] = (sb_val){.kind = SB_VAL_POINT, .as.boxed = &A_POINT};
    f.params[8] = (sb_val){.kind = SB_VAL_DURATION, .as.boxed = &A_MONTH};
    static const fixture_case cases[] = {
        {"$1", "'a\\'b\\\\c\\n\\u0001'"},
        {"[$2, $3]", "[(7), [8]]"},
        {"$4", "(1)-[7]-(2)-[8]-(3)"},
        {"$5", "0x01ff"},
        {"$6", "datetime('1984-11-11T12:31:14.000000005+01:00[Europe/Stockholm]')"},
        {"$7", "point({srid: 7203, x: 1.0, y: 2.0})"},
        {"$8", "duration('P1M')"},
        {"[true, null, {}, []]", "[true, null, {}, []]"},
        {"[NaN, Infinity, -Infinity]", "[0.0 / 0.0, 1.0 / 0.0, -1.0 / 0.0]"},
    };
    CHECK_CASES(&f, cases);
    sb_val v;
    sb_val_map *map = sb_val_map_make(f.ctx.arena, 2);
    map->entries[0] = (sb_val_entry){sb_bytes_of("a b`", 4), sb_val_int(1)};
    map->entries[1] = (sb_val_entry){sb_bytes_of("", 0), sb_val_int(2)};
    assert_int_equal(sb_val_map_seal(map, &v, &f.err), SB_OK);
    f.params[1] = v;
    assert_string_equal(fixture_show(&f, "$1"), "{`a b```: 1, ``: 2}");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_func_val__maps_keep_order_and_last_of_equal_keys),
        TEST(test_cypher_func_val__depth_is_bounded),
        TEST(test_cypher_func_val__equality),
        TEST(test_cypher_func_val__less_and_greater),
        TEST(test_cypher_func_val__order_of_all_kinds),
        TEST(test_cypher_func_val__copies_are_independent),
        TEST(test_cypher_func_val__copies_survive_lack_of_memory),
        TEST(test_cypher_func_val__property_values),
        TEST(test_cypher_func_val__kinds),
        TEST(test_cypher_func_val__floats),
        TEST(test_cypher_func_val__literals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
