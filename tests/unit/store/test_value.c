/* test_value.c — what may be stored, equality and order of values: single cases for each rule, then the laws of an
 * order on random triples. */
#include "support/unit.h"

#include "support/random_value.h"

static sb_value int_value(int64_t v)
{
    return (sb_value){.type = SB_TYPE_INT, .as.integer = v};
}

static sb_value real_value(double v)
{
    return (sb_value){.type = SB_TYPE_FLOAT, .as.real = v};
}

static sb_value text_value(const char *text)
{
    sb_value value = {.type = SB_TYPE_STRING};
    value.as.bytes.data = text;
    value.as.bytes.size = strlen(text);
    return value;
}

static void test_store_value__names(void **state)
{
    (void)state;
    assert_string_equal(sb_type_name(SB_TYPE_INT), "INTEGER");
    assert_string_equal(sb_type_name(SB_TYPE_LOCAL_DATETIME), "LOCAL DATETIME");
    assert_string_equal(sb_type_name(SB_TYPE_LIST), "LIST");
    assert_string_equal(sb_type_name(SB_TYPE_LIST + 1), "?");
    assert_string_equal(sb_type_name(UINT32_MAX), "?");
    assert_string_equal(sb_type_name(SB_TYPE_LIST_OF(SB_TYPE_DATETIME)), "LIST<DATETIME>");
    assert_string_equal(sb_type_name(SB_TYPE_LIST_OF(SB_TYPE_NULL)), "?");
    assert_string_equal(sb_type_name(SB_TYPE_NUMBERS), "?");
    assert_string_equal(sb_type_written(SB_TYPE_TIME), "ZONED TIME");
    assert_string_equal(sb_type_written(SB_TYPE_LIST), "LIST<ANY>");
    assert_string_equal(sb_type_written(SB_TYPE_LIST_OF(SB_TYPE_DATETIME)),
                        "LIST<ZONED DATETIME NOT NULL>");
}

static sb_status check(sb_value value)
{
    sb_err err;

    sb_err_clear(&err);
    const sb_status st = sb_value_check(&value, &err);
    assert_int_equal(err.code, st);
    return st;
}

static void test_store_value__check_ranges(void **state)
{
    sb_value v;

    (void)state;
    assert_int_equal(check(SB_VALUE_NULL), SB_TYPE_MISMATCH);
    assert_int_equal(check((sb_value){.type = 14}), SB_TYPE_MISMATCH);
    assert_int_equal(check(int_value(INT64_MIN)), SB_OK);
    assert_int_equal(check(real_value((double)NAN)), SB_OK);

    v = (sb_value){.type = SB_TYPE_DATE, .as.integer = SB_DATE_DAYS_MAX};
    assert_int_equal(check(v), SB_OK);
    v.as.integer++;
    assert_int_equal(check(v), SB_INVALID);
    v.as.integer = SB_DATE_DAYS_MIN - 1;
    assert_int_equal(check(v), SB_INVALID);

    v = (sb_value){.type = SB_TYPE_LOCAL_TIME, .as.integer = SB_NANOS_PER_DAY - 1};
    assert_int_equal(check(v), SB_OK);
    v.as.integer = SB_NANOS_PER_DAY;
    assert_int_equal(check(v), SB_INVALID);
    v.as.integer = -1;
    assert_int_equal(check(v), SB_INVALID);

    v = (sb_value){.type = SB_TYPE_TIME, .as.time = {.ns = 0, .offset = -64800}};
    assert_int_equal(check(v), SB_OK);
    v.as.time.offset = 64801;
    assert_int_equal(check(v), SB_INVALID);

    v = (sb_value){.type = SB_TYPE_DATETIME, .extra = 999999999};
    assert_int_equal(check(v), SB_OK);
    v.extra = 1000000000;
    assert_int_equal(check(v), SB_INVALID);
    v = (sb_value){.type = SB_TYPE_DATETIME, .as.datetime = {.zone = "", .zone_size = 0}};
    assert_int_equal(check(v), SB_INVALID);
    v.as.datetime.zone = "Europe/B\xC3";
    v.as.datetime.zone_size = 9;
    assert_int_equal(check(v), SB_INVALID);
    v.as.datetime.zone_size = 8;
    assert_int_equal(check(v), SB_OK);
    v.as.datetime.zone = "a]b";
    v.as.datetime.zone_size = 3;
    assert_int_equal(check(v), SB_INVALID);
    v.as.datetime.zone = "No/Such";
    v.as.datetime.zone_size = 7;
    assert_int_equal(check(v), SB_OK);
    for (int i = 0; i < 4; i++) { /* the third coordinate is 0 where there are two */
        static const uint32_t srids[] = {4326, 7203, 4979, 9157};
        const sb_value flat = {
            .type = SB_TYPE_POINT, .extra = srids[i], .as.point = {.x = 1, .y = 2, .z = 3}};
        assert_int_equal(check(flat), i < 2 ? SB_INVALID : SB_OK);
    }
    v.as.datetime.zone_size = 256;
    assert_int_equal(check(v), SB_LIMIT);

    v = (sb_value){.type = SB_TYPE_DURATION, .as.duration = {.nanos = -1}};
    assert_int_equal(check(v), SB_INVALID);

    v = (sb_value){.type = SB_TYPE_POINT, .extra = 4326, .as.point = {.x = 1, .y = 2}};
    assert_int_equal(check(v), SB_OK);
    v.extra = 4327;
    assert_int_equal(check(v), SB_INVALID);
    v.extra = 4326;
    v.as.point.y = (double)INFINITY;
    assert_int_equal(check(v), SB_INVALID);
    for (int i = 0; i < 4; i++) { /* degrees end, where there are some */
        static const sb_value at[] = {{.as.point = {180, -90, 0}},
                                      {.as.point = {-180, 90, 0}},
                                      {.as.point = {180.5, 1, 0}},
                                      {.as.point = {13, -90.5, 0}}};
        for (uint32_t j = 0; j < 4; j++) {
            v.extra = sb_value__srids[j];
            v.as.point = at[i].as.point;
            assert_int_equal(check(v),
                             i >= 2 && sb_value__srid_geographic(v.extra) ? SB_INVALID : SB_OK);
        }
    }
}

static void test_store_value__check_texts(void **state)
{
    sb_value v = text_value("na\xC3\xAFve");

    (void)state;
    assert_int_equal(check(v), SB_OK);
    v.as.bytes.size = 3;
    assert_int_equal(check(v), SB_INVALID);
    v.type = SB_TYPE_BYTES;
    assert_int_equal(check(v), SB_OK);
    v.as.bytes.size = (size_t)SB_VALUE_BYTES_MAX + 1;
    assert_int_equal(check(v), SB_LIMIT);
    v.as.bytes.data = NULL;
    v.as.bytes.size = 1;
    assert_int_equal(check(v), SB_INVALID);
    v.as.bytes.size = 0;
    assert_int_equal(check(v), SB_OK);
}

static void test_store_value__check_lists(void **state)
{
    sb_value items[3] = {int_value(1), text_value("a"), real_value(0.5)};
    sb_value list = {.type = SB_TYPE_LIST};

    (void)state;
    assert_int_equal(check(list), SB_OK);
    list.as.list.items = items;
    list.as.list.count = 3;
    assert_int_equal(check(list), SB_OK);
    items[1] = SB_VALUE_NULL;
    assert_int_equal(check(list), SB_TYPE_MISMATCH);
    items[1] = (sb_value){.type = SB_TYPE_LIST};
    assert_int_equal(check(list), SB_TYPE_MISMATCH);
    items[1] = (sb_value){.type = SB_TYPE_DATE, .as.integer = INT64_MAX};
    assert_int_equal(check(list), SB_INVALID);
    list.as.list.items = NULL;
    assert_int_equal(check(list), SB_INVALID);

    /* Three items of a gigabyte each are more than one value may have, though each is allowed. */
    for (size_t i = 0; i < 3; i++) {
        items[i] = (sb_value){.type = SB_TYPE_BYTES};
        items[i].as.bytes.data = "";
        items[i].as.bytes.size = 1u << 30;
    }
    list.as.list.items = items;
    assert_int_equal(check(list), SB_LIMIT);
}

static void test_store_value__utf8(void **state)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain ASCII text that is longer than one step", true},
        {"sixteen bytes.. \xC3\xA4 and more of it behind that", true},
        {"\xC2\x80", true},
        {"\xE0\xA0\x80", true},
        {"\xED\x9F\xBF", true},
        {"\xEE\x80\x80", true},
        {"\xF0\x90\x80\x80", true},
        {"\xF4\x8F\xBF\xBF", true},
        {"\x80", false},
        {"\xC1\x81", false},         /* overlong */
        {"\xE0\x9F\xBF", false},     /* overlong */
        {"\xF0\x8F\xBF\xBF", false}, /* overlong */
        {"\xED\xA0\x80", false},     /* surrogate */
        {"\xF4\x90\x80\x80", false}, /* past U+10FFFF */
        {"\xF5\x80\x80\x80", false},
        {"\xFF", false},
        {"\xE2\x82", false}, /* cut short */
        {"\xF0\x9F\x8C", false},
        {"0123456789abcdef\xC3", false},
        {"0123456789abcde\xC3\xA4", true}, /* across the step */
        {"\xE2\x28\xA1", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const bool valid = sb_utf8_valid(sb_bytes_of(cases[i].text, strlen(cases[i].text)));
        if (valid != cases[i].valid) fail_msg("case %zu", i);
    }
}

/* One byte that is none of ASCII in each place of texts of each length, so that each load over it is what sees it. */
static void test_store_value__utf8_ends(void **state)
{
    uint8_t text[48];

    (void)state;
    for (size_t size = 0; size <= sizeof text; size++) {
        memset(text, 'a', sizeof text);
        assert_true(sb_utf8_valid(sb_bytes_of(text, size)));
        for (size_t i = 0; i < size; i++) {
            text[i] = 0x80;
            assert_false(sb_utf8_valid(sb_bytes_of(text, size)));
            text[i] = 'a';
            if (i == 0) continue;
            memcpy(text + i - 1, "\xC3\xA4", 2);
            assert_true(sb_utf8_valid(sb_bytes_of(text, size)));
            memcpy(text + i - 1, "aa", 2);
        }
    }
}

static int compare(sb_value a, sb_value b)
{
    return sb_value_compare(&a, &b);
}

static bool equal(sb_value a, sb_value b)
{
    return sb_value_equal(&a, &b);
}

static void test_store_value__numbers(void **state)
{
    const double nan = (double)NAN;

    (void)state;
    assert_true(equal(int_value(1), real_value(1.0)));
    assert_true(equal(real_value(-0.0), int_value(0)));
    assert_false(equal(real_value(nan), real_value(nan)));
    assert_int_equal(compare(real_value(nan), real_value(-nan)), 0);
    assert_true(compare(real_value(nan), real_value((double)INFINITY)) > 0);
    /* Where doubles have gaps of two and more. */
    assert_true(compare(int_value((1LL << 53) + 1), real_value(0x1p53)) > 0);
    assert_true(compare(real_value(0x1p53), int_value((1LL << 53) + 1)) < 0);
    assert_true(compare(int_value(INT64_MAX), real_value(0x1p63)) < 0);
    assert_true(equal(int_value(INT64_MIN), real_value(-0x1p63)));
    assert_true(compare(int_value(INT64_MIN), real_value(-0x1.0000000000001p63)) > 0);
    assert_true(compare(int_value(-1), real_value(-1.5)) > 0);
    assert_true(compare(int_value(-1), real_value(-0.5)) < 0);
    assert_true(compare(int_value(0), real_value(5e-324)) < 0);
}

static void test_store_value__types_in_order(void **state)
{
    sb_value one = int_value(1);
    sb_value order[] = {
        {.type = SB_TYPE_LIST, .as.list = {.items = &one, .count = 1}},
        {.type = SB_TYPE_POINT, .extra = 4326},
        {.type = SB_TYPE_DATETIME},
        {.type = SB_TYPE_LOCAL_DATETIME},
        {.type = SB_TYPE_DATE},
        {.type = SB_TYPE_TIME},
        {.type = SB_TYPE_LOCAL_TIME},
        {.type = SB_TYPE_DURATION},
        text_value("text"),
        {.type = SB_TYPE_BYTES},
        {.type = SB_TYPE_BOOL},
        {.type = SB_TYPE_BOOL, .as.boolean = true},
        real_value(-(double)INFINITY),
        real_value(1.5),
        real_value((double)INFINITY),
        real_value((double)NAN),
        SB_VALUE_NULL,
    };
    const size_t count = sizeof order / sizeof order[0];

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++)
            assert_int_equal(compare(order[i], order[j]), (i > j) - (i < j));
    }
}

static void test_store_value__durations(void **state)
{
    sb_value month = {.type = SB_TYPE_DURATION, .as.duration = {.months = 1}};
    sb_value seconds = {.type = SB_TYPE_DURATION, .as.duration = {.seconds = 2629746}};
    sb_value longest = {.type = SB_TYPE_DURATION,
                        .as.duration = {INT64_MAX, INT64_MAX, INT64_MAX, 999999999}};
    sb_value shortest = {.type = SB_TYPE_DURATION,
                         .as.duration = {INT64_MIN, INT64_MIN, INT64_MIN, 0}};

    (void)state;
    assert_false(equal(month, seconds)); /* equal in length, not in parts */
    assert_true(compare(month, seconds) > 0);
    seconds.as.duration.seconds++;
    assert_true(compare(month, seconds) < 0);
    assert_true(compare(shortest, longest) < 0);
    assert_true(compare(shortest, month) < 0);
    assert_true(compare(month, longest) < 0);
}

static void test_store_value__lists(void **state)
{
    sb_value a[2] = {int_value(1), text_value("x")}, b[2] = {real_value(1.0), text_value("x")};
    sb_value list_a = {.type = SB_TYPE_LIST, .as.list = {.items = a, .count = 2}};
    sb_value list_b = {.type = SB_TYPE_LIST, .as.list = {.items = b, .count = 2}};

    (void)state;
    assert_true(equal(list_a, list_b));
    list_b.as.list.count = 1;
    assert_true(compare(list_b, list_a) < 0);
    a[1] = real_value((double)NAN);
    assert_false(equal(list_a, list_a));
    assert_int_equal(compare(list_a, list_a), 0);
    assert_true(equal(SB_VALUE_NULL, SB_VALUE_NULL));
}

/* Antisymmetric, transitive, equal values interchangeable; every random value may be stored. */
static void test_store_value__order_laws(void **state)
{
    sb_random random = test_random(20261122);
    sb_arena *arena = sb_arena_create(&sb_allocator_libc, NULL);

    (void)state;
    for (int round = 0; round < 100000; round++) {
        sb_value v[3];
        for (int i = 0; i < 3; i++) {
            v[i] = random_value(&random, arena);
            sb_err err;
            sb_err_clear(&err);
            if (sb_value_check(&v[i], &err) != SB_OK) fail_msg("round %d: %s", round, err.text);
        }
        const int ab = sb_value_compare(&v[0], &v[1]), bc = sb_value_compare(&v[1], &v[2]);
        const int ac = sb_value_compare(&v[0], &v[2]);
        assert_int_equal(sb_value_compare(&v[1], &v[0]), -ab);
        assert_int_equal(sb_value_compare(&v[0], &v[0]), 0);
        if (ab <= 0 && bc <= 0) assert_true(ac <= 0);
        if (ab >= 0 && bc >= 0) assert_true(ac >= 0);
        if (ab == 0) assert_int_equal(ac, bc);
        if (sb_value_equal(&v[0], &v[1])) assert_int_equal(ab, 0);
        sb_arena_reset(arena);
    }
    sb_arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_value__names),       TEST(test_store_value__check_ranges),
        TEST(test_store_value__check_texts), TEST(test_store_value__check_lists),
        TEST(test_store_value__utf8),        TEST(test_store_value__utf8_ends),
        TEST(test_store_value__numbers),     TEST(test_store_value__types_in_order),
        TEST(test_store_value__durations),   TEST(test_store_value__lists),
        TEST(test_store_value__order_laws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
