/* test_zone.c — time zones: rules behind the last transition (on files made here), gaps and overlaps, names that lead out of the
 * folder, shared histories, damaged files, lack of memory. */
#include "func_fixture.h"

/* ---- Files made here --------------------------------------------------------------------------------------------- */

typedef struct made_zone {
    uint8_t bytes[65536];
    size_t size;
    unsigned reads; /* of its file */
} made_zone;

static const char TABLE[] = "# comment\n\n"
                            "AA,BB\t+0000+00000\tTest/Made\n"
                            "CC\t+0000+00000\tTest/One\tcomment\n"
                            "CC\t+0000+00000\tTest/Two\n"
                            "DD\t+0000+00000\tTest/Gone\n";
static const char ZONES[] = "AA\t+0000+00000\tTest/Made\n"
                            "BB\t+0000+00000\tTest/Alias\n"
                            "CC\t+0000+00000\tTest/Unclear\n"
                            "DD\t+0000+00000\tTest/Lost\n"
                            "broken row";

static sb_status read_made(void *ctx, const char *name, sb_buffer *out, bool *found, sb_err *err)
{
    made_zone *made = ctx;
    sb_status st = SB_OK;

    *found = true;
    if (strcmp(name, "zone1970.tab") == 0)
        st = sb_buffer_append(out, TABLE, sizeof TABLE - 1);
    else if (strcmp(name, "zone.tab") == 0)
        st = sb_buffer_append(out, ZONES, sizeof ZONES - 1);
    else if (strcmp(name, "Test/Made") == 0 || strcmp(name, "Test/Lost") == 0) {
        made->reads++;
        st = made->size == 0 ? SB_OK : sb_buffer_append(out, made->bytes, made->size);
    } else
        *found = false;
    return st == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
}

static void put(made_zone *made, const void *data, size_t bytes)
{
    memcpy(made->bytes + made->size, data, bytes);
    made->size += bytes;
}

static void put_be32(made_zone *made, uint32_t v)
{
    uint8_t bytes[4];
    sb_store_be32(bytes, v);
    put(made, bytes, 4);
}

static void put_header(made_zone *made, uint32_t times, uint32_t types)
{
    static const uint8_t rest[15] = {0};
    put(made, "TZif2", 5);
    put(made, rest, 15);
    put_be32(made, 0);
    put_be32(made, 0);
    put_be32(made, 0);
    put_be32(made, times);
    put_be32(made, types);
    put_be32(made, 1);
}

/* Types of the given offsets, transitions to them in turns, a rule behind. */
static void make_zone(made_zone *made, const int64_t *times, uint32_t time_count,
                      const int32_t *offsets, uint32_t type_count, const char *rule)
{
    made->size = 0;
    put_header(made, 0, 1);
    put(made, "\0\0\0\0\0\0", 7);
    put_header(made, time_count, type_count);
    for (uint32_t i = 0; i < time_count; i++) {
        uint8_t bytes[8];
        sb_store_be64(bytes, (uint64_t)times[i]);
        put(made, bytes, 8);
    }
    for (uint32_t i = 0; i < time_count; i++) {
        const uint8_t to = (uint8_t)((i + 1) % type_count);
        put(made, &to, 1);
    }
    for (uint32_t i = 0; i < type_count; i++) {
        put_be32(made, (uint32_t)offsets[i]);
        put(made, "\0", 2);
    }
    put(made, "", 1);
    put(made, "\n", 1);
    put(made, rule, strlen(rule));
    put(made, "\n", 1);
}

static void open_made(func_fixture *f, made_zone *made)
{
    fixture_open(f);
    sb_zones_destroy(f->ctx.zones);
    assert_int_equal(sb_zones_create(&f->counting.base, read_made, made, &f->ctx.zones, &f->err),
                     SB_OK);
}

/* The offset that a local time has, as text: "+01:00". */
static void check_offset(made_zone *made, const char *local, const char *offset)
{
    func_fixture f;
    char expression[100], expected[20];

    open_made(&f, made);
    (void)snprintf(expression, sizeof expression, "datetime('%s[Test/Made]').offset", local);
    (void)snprintf(expected, sizeof expected, "'%s'", offset);
    const char *shown = fixture_show(&f, expression);
    if (strcmp(shown, expected) != 0) fail_msg("%s has offset %s, not %s", local, shown, expected);
    fixture_close(&f);
}

/* ---- Tests ------------------------------------------------------------------------------------------------------------ */

static void test_cypher_func_zone__rules(void **state)
{
    static const struct {
        const char *rule, *local, *offset;
    } cases[] = {
        {"XXX3", "2020-07-01T00:00", "-03:00"},
        {"XXX-5:30", "2020-07-01T00:00", "+05:30"},
        {"<+0330>-3:30:15", "2020-07-01T00:00", "+03:30:15"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2030-03-31T01:59", "+01:00"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2030-03-31T03:00", "+02:00"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2030-10-27T02:59", "+02:00"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2030-10-27T03:00", "+01:00"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "+999999998-07-01T00:00", "+02:00"},
        {"EST5EDT,M3.2.0,M11.1.0", "2030-03-10T03:00", "-04:00"},
        {"EST5EDT,M3.2.0,M11.1.0", "2030-11-03T02:00", "-05:00"},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2030-01-01T00:00", "+11:00"},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2030-07-01T00:00", "+10:00"},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2030-01-01T00:00", "Z"},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2030-07-01T00:00", "+01:00"},
        {"XXX0YYY-2,J60/0,J300/0", "2020-02-29T12:00", "Z"},
        {"XXX0YYY-2,J60/0,J300/0", "2020-03-01T12:00", "+02:00"},
        {"XXX0YYY-2,J60/0,J300/0", "2019-03-01T12:00", "+02:00"},
        {"XXX0YYY-2,59/0,300/0", "2020-02-29T12:00", "+02:00"},
        {"XXX0YYY-2,59/0,300/0", "2019-03-01T12:00", "+02:00"},
        {"XXX0YYY-2,59/0,300/0", "2019-02-28T12:00", "Z"},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2030-03-30T22:30", "-02:00"},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2030-03-31T00:00", "-01:00"},
        {"XXX3YYY,0/0,J365/25", "2030-12-31T23:59", "-02:00"},
        {"XXX3YYY,0/0,J365/25", "2030-01-01T00:30", "-02:00"},
    };
    static const int32_t offsets[] = {3600};
    made_zone made;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* One transition long ago: what comes later is the rule's. */
        static const int64_t times[] = {-1000000000000};
        make_zone(&made, times, 1, offsets, 1, cases[i].rule);
        check_offset(&made, cases[i].local, cases[i].offset);
    }
}

static void test_cypher_func_zone__transitions(void **state)
{
    /* +01:00 until 1970-01-01T00:00Z, then +02:00, from 2000-01-01T00:00Z on +01:00. */
    static const int64_t times[] = {0, 946684800};
    static const int32_t offsets[] = {3600, 7200};
    static const char *const bad_rules[] = {"XX",
                                            "XXX",
                                            "XXX1Y",
                                            "XXX1YYY",
                                            "XXX1YYY,M13.1.0,M1.1.0",
                                            "XXX1YYY,M1.6.0,M1.1.0",
                                            "XXX1YYY,M1.1.7,M1.1.0",
                                            "XXX1YYY,J0,J1",
                                            "XXX1YYY,J366,J1",
                                            "XXX1YYY,M1.1.0",
                                            "XXX168",
                                            "XXX1YYY,M1.1.0,M2.1.0x",
                                            "<XXX1",
                                            "5",
                                            "XXX19",
                                            "XXX-18:00:01",
                                            "XXX1YYY19,J1,J2"};
    made_zone made = {.reads = 0};

    (void)state;
    make_zone(&made, times, 2, offsets, 2, "");
    check_offset(&made, "1960-01-01T00:00", "+01:00");
    check_offset(&made, "1970-01-01T00:59", "+01:00");
    check_offset(&made, "1970-01-01T02:00", "+02:00");
    check_offset(&made, "2000-01-01T00:59", "+02:00");
    check_offset(&made, "2000-01-01T02:00", "+01:00");
    check_offset(&made, "2090-01-01T02:00", "+01:00");
    /* The hour that is not there moves on; of one that is there twice the earlier counts, unless said. */
    static const fixture_case cases[] = {
        {"datetime('1970-01-01T01:30[Test/Made]')",
         "datetime('1970-01-01T02:30+02:00[Test/Made]')"},
        {"datetime('2000-01-01T01:30[Test/Made]')",
         "datetime('2000-01-01T01:30+02:00[Test/Made]')"},
        {"datetime('2000-01-01T01:30+01:00[Test/Made]')",
         "datetime('2000-01-01T01:30+01:00[Test/Made]')"},
        {"datetime('2000-01-01T01:30+03:00[Test/Made]')", VALUE_ERROR},
        {"datetime('1970-01-01T01:30+01:00[Test/Made]')", VALUE_ERROR},
        {"datetime('2000-01-01T01:30[Test/Made]') + duration('PT1H')",
         "datetime('2000-01-01T01:30+01:00[Test/Made]')"},
    };
    func_fixture f;
    open_made(&f, &made);
    CHECK_CASES(&f, cases);
    assert_int_equal(made.reads, 1 + 6); /* kept once read; the six checks before had their own */
    fixture_close(&f);
    for (size_t i = 0; i < sizeof bad_rules / sizeof bad_rules[0]; i++) {
        make_zone(&made, times, 2, offsets, 2, bad_rules[i]);
        open_made(&f, &made);
        assert_string_equal(fixture_show(&f, "datetime('2020-01-01T00:00[Test/Made]')"),
                            VALUE_ERROR);
        fixture_close(&f);
    }
}

static void test_cypher_func_zone__shared_histories(void **state)
{
    static const int32_t offsets[] = {3600};
    static const fixture_case cases[] = {
        {"datetime('2020-01-01T00:00[Test/Alias]')",
         "datetime('2020-01-01T00:00+01:00[Test/Alias]')"},
        {"datetime('2020-01-01T00:00[Test/Lost]')",
         "datetime('2020-01-01T00:00+01:00[Test/Lost]')"},
        {"datetime('2020-01-01T00:00[Test/Unclear]')", VALUE_ERROR},
        {"datetime('2020-01-01T00:00[Test/Nowhere]')", VALUE_ERROR},
    };
    made_zone made = {.reads = 0};
    func_fixture f;

    (void)state;
    make_zone(&made, NULL, 0, offsets, 1, "");
    open_made(&f, &made);
    CHECK_CASES(&f, cases);
    fixture_close(&f);
}

static void test_cypher_func_zone__names(void **state)
{
    static const char *const names[] = {
        "",
        "/etc/passwd",
        "../Made",
        "Test/../Made",
        ".",
        "Test/Made/.",
        "Te st",
        "Test\\\\Made",
        "Test:Made",
        "Test/Made\\n",
        "zone.tab",
        "Test/M\xc3\xa4x",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    static const int32_t offsets[] = {3600};
    made_zone made = {.reads = 0};
    func_fixture f;
    char expression[200];

    (void)state;
    make_zone(&made, NULL, 0, offsets, 1, "");
    open_made(&f, &made);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(expression, sizeof expression, "datetime({year: 2020, timezone: '%s'})",
                       names[i]);
        assert_string_equal(fixture_show(&f, expression), VALUE_ERROR);
    }
    assert_int_equal(made.reads, 0);
    assert_string_equal(fixture_show(&f, "datetime({year: 2020, timezone: '+18:00'})"),
                        "datetime('2020-01-01T00:00+18:00')");
    assert_string_equal(fixture_show(&f, "datetime({year: 2020, timezone: '+18:01'})"),
                        VALUE_ERROR);
    assert_string_equal(fixture_show(&f, "datetime({year: 2020, timezone: 'z'})"),
                        "datetime('2020-01-01T00:00Z')");
    /* Without zones of the system only offsets are known. */
    sb_zones_destroy(f.ctx.zones);
    f.ctx.zones = NULL;
    assert_string_equal(fixture_show(&f, "datetime({year: 2020, timezone: 'Test/Made'})"),
                        VALUE_ERROR);
    fixture_close(&f);
}

/* A file cut anywhere or with any byte changed gives a value or an error. */
static void test_cypher_func_zone__damaged_files(void **state)
{
    static const int64_t times[] = {-100, 0, 946684800};
    static const int32_t offsets[] = {3600, 7200};
    static const uint8_t changes[] = {0x01, 0x80, 0xFF};
    made_zone whole, made;

    (void)state;
    make_zone(&whole, times, 3, offsets, 2, "CET-1CEST,M3.5.0,M10.5.0/3");
    for (size_t i = 0; i < whole.size * (1 + sizeof changes); i++) {
        func_fixture f;
        made = whole;
        if (i < whole.size)
            made.size = i;
        else
            made.bytes[i % whole.size] ^= changes[i / whole.size - 1];
        open_made(&f, &made);
        const char *shown = fixture_show(&f, "datetime('2020-07-01T00:00[Test/Made]').offset");
        assert_true(shown[0] == '\'' || strcmp(shown, VALUE_ERROR) == 0);
        if (i < whole.size) assert_string_equal(shown, VALUE_ERROR);
        fixture_close(&f);
    }
    /* Times in disorder, a type that is not there, an offset of more than 18 hours. */
    static const int64_t disorder[] = {0, 0};
    static const int32_t day[] = {64801};
    func_fixture f;
    make_zone(&made, disorder, 2, offsets, 2, "");
    open_made(&f, &made);
    assert_string_equal(fixture_show(&f, "datetime('2020-07-01T00:00[Test/Made]')"), VALUE_ERROR);
    make_zone(&made, NULL, 0, day, 1, "");
    assert_string_equal(fixture_show(&f, "datetime('2020-07-01T00:00[Test/Made]')"), VALUE_ERROR);
    make_zone(&made, NULL, 0, offsets, 1, "");
    assert_string_equal(fixture_show(&f, "datetime('2020-07-01T00:00[Test/Made]').offset"),
                        "'+01:00'"); /* a failure is not kept */
    fixture_close(&f);
}

/* The system's own zones, where it has them: known changes of clocks. */
static void test_cypher_func_zone__of_the_system(void **state)
{
    static const fixture_case cases[] = {
        {"datetime('2300-07-01T00:00[Europe/Stockholm]').offset", "'+02:00'"},
        {"datetime('2300-01-01T00:00[Australia/Sydney]').offset", "'+11:00'"},
        {"datetime('1818-07-21T21:40:32.142[Europe/Stockholm]').offset", "'+00:53:28'"},
        {"datetime('2017-10-29T02:30[Europe/Stockholm]').offset", "'+02:00'"},
        {"datetime('2017-03-26T02:30[Europe/Stockholm]')",
         "datetime('2017-03-26T03:30+02:00[Europe/Stockholm]')"},
        {"datetime('2011-12-30T12:00[Pacific/Apia]')",
         "datetime('2011-12-31T12:00+14:00[Pacific/Apia]')"}, /* a day that was left out */
        {"datetime('2020-06-01T00:00[UTC]')", "datetime('2020-06-01T00:00Z[UTC]')"},
    };
    func_fixture f;

    (void)state;
    fixture_open(&f);
    (void)fixture_show(&f, "datetime('2020-01-01T00:00[Europe/Stockholm]')");
    if (f.status != SB_OK) {
        fixture_close(&f);
        skip();
    }
    CHECK_CASES(&f, cases);
    fixture_close(&f);
}

static void test_cypher_func_zone__lack_of_memory(void **state)
{
    static const int64_t times[] = {0};
    static const int32_t offsets[] = {3600, 7200};
    made_zone made;
    bool passed = false;

    (void)state;
    make_zone(&made, times, 1, offsets, 2, "");
    for (size_t fail_at = 1; !passed; fail_at++) {
        func_fixture f;
        open_made(&f, &made);
        f.counting.fail_at = f.counting.alloc_count + fail_at;
        for (int again = 0; again < 2; again++) {
            (void)fixture_eval(&f, "datetime('2020-07-01T00:00[Test/Made]')");
            if (again == 0) passed = f.status == SB_OK;
            assert_int_equal(f.status, again == 0 && !passed ? SB_NOMEM : SB_OK);
        }
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_func_zone__rules),
        TEST(test_cypher_func_zone__transitions),
        TEST(test_cypher_func_zone__shared_histories),
        TEST(test_cypher_func_zone__names),
        TEST(test_cypher_func_zone__damaged_files),
        TEST(test_cypher_func_zone__of_the_system),
        TEST(test_cypher_func_zone__lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
