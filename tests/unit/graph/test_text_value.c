/* Goal: every value's text reads back as the same value, every documented form is read, everything else is refused with a
 * message. Method: tables of texts; random values of all types written and read; decimals against strtod. */
#include <math.h>
#include <stdlib.h>

#include "support/unit.h"

#include "graph/graph.h"
#include "support/random_value.h"

typedef struct fixture {
    sb_counting_allocator alloc;
    sb_arena *arena;
    sb_buffer out;
    sb_err err;
} fixture;

static int set_up(void **state)
{
    fixture *f = test_malloc(sizeof *f);

    sb_counting_allocator_init(&f->alloc, &sb_allocator_libc);
    f->arena = sb_arena_create(&f->alloc.base, NULL);
    sb_buffer_init(&f->out, &f->alloc.base);
    sb_err_clear(&f->err);
    *state = f;
    return f->arena == NULL;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    sb_arena_destroy(f->arena);
    sb_buffer_deinit(&f->out);
    assert_int_equal(f->alloc.live_blocks, 0);
    test_free(f);
    return 0;
}

static sb_bytes of(const char *s)
{
    return sb_bytes_of(s, strlen(s));
}

static sb_status read_as(fixture *f, const char *type_name, sb_bytes text, sb_value *value)
{
    sb_text_type type;

    sb_err_clear(&f->err);
    assert_int_equal(sb_text_type_parse(of(type_name), &type, &f->err), SB_OK);
    return sb_text_to_value(&type, text, f->arena, value, &f->err);
}

/* text as type is written back as expected. */
static void check(fixture *f, const char *type, const char *text, const char *expected)
{
    sb_value value;

    if (read_as(f, type, of(text), &value) != SB_OK)
        fail_msg("%s '%s': %s", type, text, f->err.text);
    sb_buffer_reset(&f->out);
    assert_int_equal(sb_value_to_text(&value, &f->out), SB_OK);
    assert_int_equal(sb_buffer_append_byte(&f->out, 0), SB_OK);
    assert_string_equal((const char *)f->out.data, expected);
}

static void refuse(fixture *f, const char *type, const char *text, const char *part)
{
    sb_value value;

    if (read_as(f, type, of(text), &value) == SB_OK) fail_msg("%s '%s' was read", type, text);
    if (strstr(f->err.text, part) == NULL) fail_msg("'%s' is not in '%s'", part, f->err.text);
}

static void test_graph_text_value__types(void **state)
{
    fixture *f = *state;
    sb_text_type type;

    assert_int_equal(sb_text_type_parse(of("INTEGER"), &type, &f->err), SB_OK);
    assert_int_equal(type.type, SB_TYPE_INT);
    assert_false(type.list);
    assert_int_equal(sb_text_type_parse(of("LocalDateTime[]"), &type, &f->err), SB_OK);
    assert_int_equal(type.type, SB_TYPE_LOCAL_DATETIME);
    assert_true(type.list);
    assert_int_equal(sb_text_type_parse(of("number"), &type, &f->err), SB_SYNTAX);
    assert_non_null(strstr(f->err.text, "'number'"));
    for (uint32_t t = SB_TYPE_BOOL; t < SB_TYPE_LIST; t++) {
        assert_int_equal(sb_text_type_parse(of(sb_text_type_name(t)), &type, NULL), SB_OK);
        assert_int_equal(type.type, t);
    }
}

static void test_graph_text_value__numbers(void **state)
{
    fixture *f = *state;

    check(f, "int", "0", "0");
    check(f, "int", "+17", "17");
    check(f, "int", "-0", "0");
    check(f, "int", "0000000000000000000000012", "12");
    check(f, "int", "9223372036854775807", "9223372036854775807");
    check(f, "long", "-9223372036854775808", "-9223372036854775808");
    check(f, "byte", "-128", "-128");
    check(f, "short", "32767", "32767");
    refuse(f, "int", "9223372036854775808",
           "9223372036854775808 is out of the range of 64-bit integers");
    refuse(f, "int", "-9223372036854775809", "out of the range");
    refuse(f, "int", "99999999999999999999999", "out of the range");
    refuse(f, "byte", "128", "128 is out of the range of a byte");
    refuse(f, "short", "-32769", "a short");
    refuse(f, "int", "", "'' is not an INTEGER");
    refuse(f, "int", "-", "'-' is not");
    refuse(f, "int", "1.0", "'1.0' is not an INTEGER");
    refuse(f, "int", "12a", "'12a' is not an INTEGER");
    refuse(f, "int", " 1", "' 1' is not");
    check(f, "float", "1", "1.0");
    check(f, "float", "-0.0", "-0.0");
    check(f, "float", ".5", "0.5");
    check(f, "float", "5.", "5.0");
    check(f, "float", "1e3", "1000.0");
    check(f, "float", "1E-400", "0.0");
    refuse(f, "float", "1e400", "1e400 is out of the range of 64-bit floats");
    refuse(f, "float", "-2e308", "out of the range");
    check(f, "float", "Infinity", "Infinity");
    check(f, "float", "-inf", "-Infinity");
    check(f, "float", "NaN", "NaN");
    check(f, "float", "0.1", "0.1");
    check(f, "float", "179769313486231570000000000000000000000e270", "1.7976931348623157e+308");
    refuse(f, "double", "1e", "'1e' is not a FLOAT");
    refuse(f, "double", ".", "is not a FLOAT");
    refuse(f, "double", "1,5", "is not a FLOAT");
    refuse(f, "double", "0x10", "is not a FLOAT");
    check(f, "bool", "TRUE", "true");
    check(f, "boolean", "false", "false");
    refuse(f, "boolean", "yes", "'yes' is not a BOOLEAN");
    check(f, "bytes", "0x00fF", "00ff");
    check(f, "bytes", "", "");
    refuse(f, "bytes", "abc", "'abc' is not");
    refuse(f, "bytes", "zz", "'zz' is not");
}

/* Decimals of any length against the C library, in the C locale. */
static void test_graph_text_value__decimals(void **state)
{
    sb_random random = test_random(20261122);

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        char text[400];
        size_t size = 0;
        double read;
        const size_t digits =
            1 + sb_random_below(&random, sb_random_below(&random, 50) == 0 ? 300 : 30);
        const size_t point = sb_random_below(&random, digits + 1);
        if (sb_random_below(&random, 2) == 0) text[size++] = '-';
        for (size_t d = 0; d < digits; d++) {
            if (d == point) text[size++] = '.';
            text[size++] =
                (char)('0' + (sb_random_below(&random, 3) == 0 ? 0 : sb_random_below(&random, 10)));
        }
        if (sb_random_below(&random, 2) == 0)
            size +=
                (size_t)snprintf(text + size, 20, "e%d", (int)sb_random_below(&random, 700) - 350);
        text[size] = '\0';
        const double expected = strtod(text, NULL);
        const bool was_read = sb_text_to_real(sb_bytes_of(text, size), &read);
        if (was_read == (bool)isinf(expected)) fail_msg("'%s': read: %d", text, was_read);
        if (!was_read) continue;
        if (memcmp(&expected, &read, sizeof read) != 0)
            fail_msg("'%s': %a, not %a", text, read, expected);
    }
}

static void test_graph_text_value__times(void **state)
{
    fixture *f = *state;

    check(f, "date", "2024-02-29", "2024-02-29");
    check(f, "date", "20240229", "2024-02-29");
    check(f, "date", "2024-02", "2024-02-01");
    check(f, "date", "202402", "2024-02-01");
    check(f, "date", "2024", "2024-01-01");
    check(f, "date", "2024-W09-4", "2024-02-29");
    check(f, "date", "2024W094", "2024-02-29");
    check(f, "date", "2024-W01", "2024-01-01");
    check(f, "date", "2020-W53-7", "2021-01-03");
    check(f, "date", "2024-060", "2024-02-29");
    check(f, "date", "2024060", "2024-02-29");
    check(f, "date", "-0044-03-15", "-0044-03-15");
    check(f, "date", "+12345-06-07", "+12345-06-07");
    check(f, "date", "+999999999-12-31", "+999999999-12-31");
    check(f, "date", "-999999999-01-01", "-999999999-01-01");
    check(f, "date", "0000-02-29", "0000-02-29");
    refuse(f, "date", "2023-02-29", "'2023-02-29' is not a DATE");
    refuse(f, "date", "2100-02-29", "is not a DATE");
    refuse(f, "date", "2024-13-01", "is not a DATE");
    refuse(f, "date", "2021-W53-1", "is not a DATE");
    refuse(f, "date", "2024-366x", "is not a DATE");
    refuse(f, "date", "2023-366", "is not a DATE");
    refuse(f, "date", "29.02.2024", "is not a DATE");
    refuse(f, "date", "", "is not a DATE");
    refuse(f, "date", "+9999999999-01-01", "range");
    refuse(f, "date", "+99999999999-01-01", "is not a DATE");
    check(f, "localtime", "21:40:32.142", "21:40:32.142");
    check(f, "localtime", "214032.000000001", "21:40:32.000000001");
    check(f, "localtime", "2140", "21:40:00");
    check(f, "localtime", "21", "21:00:00");
    refuse(f, "localtime", "24:00", "'24:00' is not a LOCAL TIME");
    refuse(f, "localtime", "21:40:32.1234567891", "is not a LOCAL TIME");
    refuse(f, "localtime", "21:60", "is not a LOCAL TIME");
    refuse(f, "localtime", "21:40.5", "is not a LOCAL TIME");
    check(f, "time", "21:40Z", "21:40:00Z");
    check(f, "time", "21:40:00+0130", "21:40:00+01:30");
    check(f, "time", "21:40:00-01:00:30", "21:40:00-01:00:30");
    refuse(f, "time", "21:40", "is not a TIME");
    refuse(f, "time", "21:40+19:00", "is not a TIME");
    refuse(f, "time", "21:40+18:01", "range");
    check(f, "localdatetime", "2024-02-29T12:00:00", "2024-02-29T12:00:00");
    check(f, "localdatetime", "2024-02-29 12:00", "2024-02-29T12:00:00");
    check(f, "localdatetime", "20240229T1200", "2024-02-29T12:00:00");
    check(f, "localdatetime", "1969-12-31T23:59:59.5", "1969-12-31T23:59:59.5");
    refuse(f, "localdatetime", "2024-02-29T12:00Z", "is not a LOCAL DATETIME");
    check(f, "datetime", "2024-02-29T12:00:00+01:00[Europe/Berlin]",
          "2024-02-29T12:00:00+01:00[Europe/Berlin]");
    check(f, "datetime", "2024-01-01T00:30+01:00", "2024-01-01T00:30:00+01:00");
    refuse(f, "datetime", "2024-02-29T12:00:00", "is not a DATETIME");
    refuse(f, "datetime", "2024-02-29T12:00:00[Europe/Berlin]", "is not a DATETIME");
    refuse(f, "datetime", "2024-02-29T12:00:00Z[]", "is not a DATETIME");
    check(f, "duration", "P1Y2M3W4DT5H6M7.8S", "P1Y2M25DT5H6M7.8S");
    check(f, "duration", "P14M", "P1Y2M");
    check(f, "duration", "PT-0.5S", "PT-0.5S");
    check(f, "duration", "-P1DT1S", "P-1DT-1S");
    check(f, "duration", "P-1M", "P-1M");
    check(f, "duration", "PT0S", "PT0S");
    check(f, "duration", "PT90S", "PT1M30S");
    check(f, "duration", "PT-61.25S", "PT-1M-1.25S");
    refuse(f, "duration", "P", "'P' is not a DURATION");
    refuse(f, "duration", "P1DT", "is not a DURATION");
    refuse(f, "duration", "P1H", "is not a DURATION");
    refuse(f, "duration", "P1D2M", "is not a DURATION");
    refuse(f, "duration", "P1.5D", "is not a DURATION");
    refuse(f, "duration", "P9223372036854775807Y", "is not a DURATION");
    check(f, "point", "{x: 1, y: -2.5}", "{x: 1.0, y: -2.5}");
    check(f, "point", "point({latitude: 52.5, longitude: 13.4})",
          "{longitude: 13.4, latitude: 52.5}");
    check(f, "point", "{x:1,y:2,z:3,crs:'cartesian-3d'}", "{x: 1.0, y: 2.0, z: 3.0}");
    check(f, "point", "{x: 1, y: 2, srid: 4326}", "{longitude: 1.0, latitude: 2.0}");
    check(f, "point", "{longitude: 1, latitude: 2, height: 3}",
          "{longitude: 1.0, latitude: 2.0, height: 3.0}");
    check(f, "point", "{longitude: -190, latitude: -90}", "{longitude: 170.0, latitude: -90.0}");
    check(f, "point", "{x: 540, y: 91}", "{x: 540.0, y: 91.0}");
    refuse(f, "point", "{longitude: 52.5, latitude: 91}", "latitude 91 is not on the Earth");
    refuse(f, "point", "{x: 1, y: -90.5, crs: 'wgs-84'}", "is not on the Earth");
    refuse(f, "point", "{x: 1}", "is not a POINT");
    refuse(f, "point", "{x: 1, y: 2, latitude: 3}", "is not a POINT");
    refuse(f, "point", "{x: 1, y: 2, srid: 4979}", "is not a POINT");
    refuse(f, "point", "{x: 1, y: 2,}", "is not a POINT");
    refuse(f, "point", "{x: 1, x: 2, y: 3}", "is not a POINT");
    refuse(f, "point", "{x: inf, y: 3}", "range");
    refuse(f, "point", "1 2", "is not a POINT");
}

static void check_list(fixture *f, const char *type, const char *text, size_t count,
                       const char *expected)
{
    sb_value value;

    if (read_as(f, type, of(text), &value) != SB_OK)
        fail_msg("%s '%s': %s", type, text, f->err.text);
    assert_int_equal(value.type, SB_TYPE_LIST);
    assert_int_equal(value.as.list.count, count);
    sb_buffer_reset(&f->out);
    assert_int_equal(sb_list_to_text(&value, ';', strncmp(type, "any", 3) == 0, &f->out), SB_OK);
    assert_int_equal(sb_buffer_append_byte(&f->out, 0), SB_OK);
    assert_string_equal((const char *)f->out.data, expected);
}

static void test_graph_text_value__lists(void **state)
{
    fixture *f = *state;

    check_list(f, "int[]", "1;2;3", 3, "1;2;3");
    check_list(f, "int[]", "", 0, "");
    check_list(f, "string[]", "a;;b", 3, "a;\"\";b");
    check_list(f, "string[]", "a;", 2, "a;\"\"");
    check_list(f, "string[]", "\"\"", 1, "\"\"");
    check_list(f, "string[]", "\"a;b\";c", 2, "\"a;b\";c");
    check_list(f, "string[]", "\"say \"\"x\"\"\";c", 2, "say \"x\";c");
    check_list(f, "string[]", "\"a\"b;c", 2, "\"\"\"a\"\"b\";c");
    check_list(f, "any[]", "int:1;string:x;float:1", 3, "int:1;string:x;float:1.0");
    refuse(f, "int[]", "1;x", "'x' is not an INTEGER");
    refuse(f, "any[]", "int:1;x", "'x' does not begin with a type");
    refuse(f, "any[]", "list:1", "does not begin with a type");
}

/* Same bits, NaN included, −0.0 apart from 0.0. */
static bool same(const sb_value *a, const sb_value *b)
{
    if (a->type != b->type) return false;
    if (a->type == SB_TYPE_LIST) {
        if (a->as.list.count != b->as.list.count) return false;
        for (size_t i = 0; i < a->as.list.count; i++)
            if (!same(&a->as.list.items[i], &b->as.list.items[i])) return false;
        return true;
    }
    if (a->type == SB_TYPE_FLOAT)
        return isnan(a->as.real) ? isnan(b->as.real)
                                 : memcmp(&a->as.real, &b->as.real, sizeof a->as.real) == 0;
    return sb_value_compare(a, b) == 0 &&
           (a->type != SB_TYPE_DURATION || (a->as.duration.months == b->as.duration.months &&
                                            a->as.duration.days == b->as.duration.days));
}

static void test_graph_text_value__round_trip(void **state)
{
    fixture *f = *state;
    sb_random random = test_random(42);

    for (unsigned i = 0; i < 100000; i++) {
        sb_value value = random_value(&random, f->arena), again;
        sb_text_type type = {.type = value.type};
        if (sb_value_check(&value, NULL) != SB_OK) continue;
        sb_buffer_reset(&f->out);
        if (value.type == SB_TYPE_LIST) {
            type.type = sb_list_item_type(&value);
            type.list = true;
            assert_int_equal(sb_list_to_text(&value, ';', type.type == SB_TYPE_NULL, &f->out),
                             SB_OK);
        } else {
            assert_int_equal(sb_value_to_text(&value, &f->out), SB_OK);
        }
        sb_err_clear(&f->err);
        if (sb_text_to_value(&type, sb_buffer_bytes(&f->out), f->arena, &again, &f->err) != SB_OK)
            fail_msg("%s '%.*s': %s", sb_type_name(value.type), (int)f->out.size,
                     (const char *)f->out.data, f->err.text);
        if (!same(&value, &again))
            fail_msg("%s '%.*s' reads as another value", sb_type_name(value.type), (int)f->out.size,
                     (const char *)f->out.data);
        sb_arena_reset(f->arena);
    }
}

/* Any bytes: read or refused, with a message. */
static void test_graph_text_value__hostile(void **state)
{
    static const char pool[] = "0123456789-+.:eETZPWYMDHS{}[](),;\"' xyzlonatiudheg\xC3\xA4\xFF";
    fixture *f = *state;
    sb_random random = test_random(7);

    for (unsigned i = 0; i < 200000; i++) {
        uint8_t text[24];
        sb_value value;
        const size_t size = sb_random_below(&random, sizeof text);
        const sb_text_type type = {.type = (uint32_t)sb_random_below(&random, SB_TYPE_LIST),
                                   .list = sb_random_below(&random, 4) == 0};
        for (size_t k = 0; k < size; k++)
            text[k] = (uint8_t)pool[sb_random_below(&random, sizeof pool)];
        sb_err_clear(&f->err);
        const sb_status st =
            sb_text_to_value(&type, sb_bytes_of(text, size), f->arena, &value, &f->err);
        assert_int_equal(st, f->err.code);
        if (st == SB_OK && type.type != SB_TYPE_STRING && type.type != SB_TYPE_NULL)
            assert_int_equal(sb_value_check(&value, NULL), SB_OK);
        sb_arena_reset(f->arena);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_graph_text_value__types),    CASE(test_graph_text_value__numbers),
        CASE(test_graph_text_value__decimals), CASE(test_graph_text_value__times),
        CASE(test_graph_text_value__lists),    CASE(test_graph_text_value__round_trip),
        CASE(test_graph_text_value__hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
