/* test_arrow.c — results as Arrow record batches, and record batches as nodes and relationships: types, nulls, batches, ownership, misuse, memory that
 * runs out. The consumer here reads the structs as the specification of the C data interface lays them down. */
#include "support/api_fixture.h"

#include <errno.h>
#include <math.h>

#include "support/api_rig.h"

static int setup(void **state)
{
    static api_fixture fixture;

    api_new(&fixture);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    api_end(*state);
    return 0;
}

/* ---- A consumer ------------------------------------------------------------------------------------------------- */

typedef struct struct_of_months { /* month_day_nano */
    int32_t months, days;
    int64_t nanos;
} struct_of_months;

static sombra_stmt *prepare(api_fixture *f, const char *text)
{
    sombra_stmt *stmt;

    OK(f, sombra_prepare(f->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_non_null(stmt);
    return stmt;
}

static void run(api_fixture *f, const char *text)
{
    sombra_stmt *stmt = prepare(f, text);
    sombra_status status;

    while ((status = sombra_stmt_step(stmt)) == SOMBRA_ROW) {
    }
    if (status != SOMBRA_DONE) print_error("%s\n", sombra_error_of(f->conn)->message);
    assert_int_equal(status, SOMBRA_DONE);
    sombra_stmt_finalize(stmt);
}

static bool is_valid(const struct ArrowArray *a, int64_t row)
{
    const uint8_t *bits = a->n_buffers == 0 ? NULL : a->buffers[0];

    if (a->n_buffers == 0) return false; /* type null */
    return bits == NULL || (bits[row / 8] >> (row % 8) & 1) != 0;
}

static int64_t int_at(const struct ArrowArray *a, int64_t row)
{
    assert_true(is_valid(a, row));
    return ((const int64_t *)a->buffers[1])[row];
}
static int32_t int32_at(const struct ArrowArray *a, int64_t row)
{
    assert_true(is_valid(a, row));
    return ((const int32_t *)a->buffers[1])[row];
}
static double real_at(const struct ArrowArray *a, int64_t row)
{
    assert_true(is_valid(a, row));
    return ((const double *)a->buffers[1])[row];
}
static bool bool_at(const struct ArrowArray *a, int64_t row)
{
    assert_true(is_valid(a, row));
    return (((const uint8_t *)a->buffers[1])[row / 8] >> (row % 8) & 1) != 0;
}

static void text_is(const struct ArrowArray *a, int64_t row, const char *expected)
{
    const int32_t *offsets = a->buffers[1];
    const char *data = a->buffers[2];
    const int32_t size = offsets[row + 1] - offsets[row];

    assert_true(is_valid(a, row));
    if (size != (int32_t)strlen(expected) || memcmp(data + offsets[row], expected, (size_t)size))
        print_error("'%.*s' is not '%s'\n", size, data + offsets[row], expected);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(data + offsets[row], expected, (size_t)size);
}

/* A statement's stream, its schema and first batch. */
typedef struct reading {
    sombra_stmt *stmt;
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray batch;
} reading;

static void next_batch(reading *r)
{
    if (r->batch.release != NULL) r->batch.release(&r->batch);
    const int failed = r->stream.get_next(&r->stream, &r->batch);
    if (failed != 0) print_error("%s\n", r->stream.get_last_error(&r->stream));
    assert_int_equal(failed, 0);
}

static void read_begin(api_fixture *f, reading *r, const char *text, size_t rows)
{
    memset(r, 0, sizeof *r);
    r->stmt = prepare(f, text);
    OK(f, sombra_stmt_arrow(r->stmt, rows, &r->stream));
    assert_int_equal(r->stream.get_schema(&r->stream, &r->schema), 0);
    assert_null(r->stream.get_last_error(&r->stream));
    assert_string_equal(r->schema.format, "+s");
    next_batch(r);
}

static void read_end(reading *r)
{
    if (r->batch.release != NULL) r->batch.release(&r->batch);
    if (r->schema.release != NULL) r->schema.release(&r->schema);
    if (r->stream.release != NULL) r->stream.release(&r->stream);
    assert_null(r->stream.release);
    sombra_stmt_finalize(r->stmt);
}

/* Nothing but the first batch. */
static void read_all(reading *r)
{
    next_batch(r);
    assert_null(r->batch.release);
    read_end(r);
}

static const struct ArrowSchema *field(const reading *r, int64_t column, const char *name,
                                       const char *format)
{
    const struct ArrowSchema *schema = r->schema.children[column];

    assert_true(column < r->schema.n_children);
    assert_string_equal(schema->name, name);
    assert_string_equal(schema->format, format);
    assert_int_equal(schema->flags, ARROW_FLAG_NULLABLE);
    return schema;
}

static const struct ArrowArray *column(const reading *r, int64_t i)
{
    assert_int_equal(r->batch.children[i]->length, r->batch.length);
    assert_int_equal(r->batch.children[i]->offset, 0);
    return r->batch.children[i];
}

/* ---- Types ---------------------------------------------------------------------------------------------------------- */

static void test_api_arrow__scalars(void **state)
{
    api_fixture *f = *state;
    reading r;

    read_begin(
        f, &r,
        "RETURN 7 AS i, 1.5 AS f, true AS b, 'Zoë' AS s, null AS n, date('1970-01-11') AS d, "
        "localtime('00:00:01') AS lt, time('01:00:00+02:00') AS t, "
        "localdatetime('1970-01-01T00:00:02.000000003') AS ldt, "
        "datetime('1970-01-01T01:00:00+01:00') AS dt, duration('P1M2DT3.5S') AS du, "
        "point({x: 1, y: 2}) AS p2, point({longitude: 1, latitude: 2, height: 3}) AS p3",
        0);
    assert_int_equal(r.schema.n_children, 13);
    assert_int_equal(r.batch.length, 1);
    assert_int_equal(r.batch.null_count, 0);
    field(&r, 0, "i", "l");
    assert_int_equal(int_at(column(&r, 0), 0), 7);
    field(&r, 1, "f", "g");
    assert_true(real_at(column(&r, 1), 0) == 1.5);
    field(&r, 2, "b", "b");
    assert_true(bool_at(column(&r, 2), 0));
    field(&r, 3, "s", "u");
    text_is(column(&r, 3), 0, "Zoë");
    field(&r, 4, "n", "n");
    assert_int_equal(column(&r, 4)->null_count, 1);
    assert_int_equal(column(&r, 4)->n_buffers, 0);
    field(&r, 5, "d", "tdD");
    assert_int_equal(int32_at(column(&r, 5), 0), 10);
    field(&r, 6, "lt", "ttn");
    assert_int_equal(int_at(column(&r, 6), 0), 1000000000);
    assert_string_equal(field(&r, 7, "t", "+s")->children[0]->format, "ttn");
    assert_int_equal(int_at(column(&r, 7)->children[0], 0), 3600000000000);
    assert_int_equal(int32_at(column(&r, 7)->children[1], 0), 7200);
    field(&r, 8, "ldt", "tsn:");
    assert_int_equal(int_at(column(&r, 8), 0), 2000000003);
    field(&r, 9, "dt", "tsn:UTC");
    assert_int_equal(int_at(column(&r, 9), 0), 0);
    field(&r, 10, "du", "tin");
    const struct_of_months *du = column(&r, 10)->buffers[1];
    assert_int_equal(du->months, 1);
    assert_int_equal(du->days, 2);
    assert_int_equal(du->nanos, 3500000000);
    field(&r, 11, "p2", "+s");
    assert_int_equal(int32_at(column(&r, 11)->children[0], 0), 7203);
    assert_true(real_at(column(&r, 11)->children[2], 0) == 2);
    assert_false(is_valid(column(&r, 11)->children[3], 0));
    assert_true(real_at(column(&r, 12)->children[3], 0) == 3);
    read_all(&r);
}

/* Kinds that only the rows tell: those of properties. */
static void test_api_arrow__properties(void **state)
{
    api_fixture *f = *state;
    reading r;

    run(f,
        "UNWIND range(0, 99) AS i CREATE (:P {i: i, f: toFloat(i), b: i % 2 = 0, s: 's' + i, "
        "some: CASE WHEN i % 3 = 0 THEN i END, num: CASE WHEN i % 2 = 0 THEN i ELSE i + 0.5 END, "
        "mix: CASE WHEN i % 2 = 0 THEN i ELSE 'x\"y' END, l: [i, i + 1], l2: ['a', i], "
        "late: CASE WHEN i > 50 THEN date('1970-01-02') END})");
    read_begin(
        f, &r,
        "MATCH (p:P) RETURN p.i, p.f, p.b, p.s, p.some, p.num, p.mix, p.l, p.l2, p.late, p.no "
        "ORDER BY p.i",
        0);
    assert_int_equal(r.batch.length, 100);
    field(&r, 0, "p.i", "l");
    field(&r, 1, "p.f", "g");
    field(&r, 2, "p.b", "b");
    field(&r, 3, "p.s", "u");
    field(&r, 4, "p.some", "l");
    field(&r, 5, "p.num", "g");
    field(&r, 6, "p.mix", "u");
    assert_string_equal(field(&r, 7, "p.l", "+l")->children[0]->format, "l");
    assert_string_equal(field(&r, 8, "p.l2", "+l")->children[0]->format, "u");
    field(&r, 9, "p.late", "tdD");
    field(&r, 10, "p.no", "n");
    assert_int_equal(column(&r, 4)->null_count, 66);
    assert_int_equal(column(&r, 0)->null_count, 0);
    assert_null(column(&r, 0)->buffers[0]);
    for (int64_t i = 0; i < 100; i++) {
        char text[16];

        assert_int_equal(int_at(column(&r, 0), i), i);
        assert_true(real_at(column(&r, 1), i) == (double)i);
        assert_int_equal(bool_at(column(&r, 2), i), i % 2 == 0);
        (void)snprintf(text, sizeof text, "s%d", (int)i);
        text_is(column(&r, 3), i, text);
        assert_int_equal(is_valid(column(&r, 4), i), i % 3 == 0);
        if (i % 3 == 0) assert_int_equal(int_at(column(&r, 4), i), i);
        assert_true(real_at(column(&r, 5), i) == (double)i + (i % 2 == 0 ? 0 : 0.5));
        (void)snprintf(text, sizeof text, "%d", (int)i);
        text_is(column(&r, 6), i, i % 2 == 0 ? text : "\"x\\\"y\"");
        const int32_t *offsets = column(&r, 7)->buffers[1];
        assert_int_equal(offsets[i + 1] - offsets[i], 2);
        assert_int_equal(int_at(column(&r, 7)->children[0], offsets[i] + 1), i + 1);
        text_is(column(&r, 8)->children[0], 2 * i, "\"a\"");
        assert_int_equal(is_valid(column(&r, 9), i), i > 50);
    }
    read_all(&r);
}

/* Lists of lists, empty ones, lists with nulls; and deeper ones than types go. */
static void test_api_arrow__lists(void **state)
{
    api_fixture *f = *state;
    reading r;

    read_begin(f, &r,
               "UNWIND [[[1], []], [], null, [null, [2, null, 3]]] AS l "
               "RETURN l, [l] AS ll, [x IN range(1, 2) | toString(x)] AS s",
               0);
    assert_string_equal(field(&r, 0, "l", "+l")->children[0]->children[0]->format, "l");
    assert_string_equal(r.schema.children[0]->children[0]->name, "item");
    assert_int_equal(r.batch.length, 4);
    assert_int_equal(column(&r, 0)->null_count, 1);
    assert_int_equal(((const int32_t *)column(&r, 0)->buffers[1])[4], 4);
    assert_int_equal(column(&r, 0)->children[0]->null_count, 1);
    assert_int_equal(column(&r, 0)->children[0]->children[0]->length, 4);
    assert_int_equal(column(&r, 0)->children[0]->children[0]->null_count, 1);
    assert_int_equal(int_at(column(&r, 0)->children[0]->children[0], 3), 3);
    text_is(column(&r, 2)->children[0], 7, "2");
    read_all(&r);
    read_begin(f, &r, "RETURN reduce(l = [7], i IN range(1, 30) | [l]) AS deep", 0);
    const struct ArrowSchema *schema = r.schema.children[0];
    const struct ArrowArray *array = column(&r, 0);
    unsigned depth = 0;
    for (; schema->n_children == 1; depth++) {
        schema = schema->children[0];
        array = array->children[0];
    }
    assert_int_equal(depth, 16);
    text_is(array, 0, "[[[[[[[[[[[[[[[7]]]]]]]]]]]]]]]");
    read_all(&r);
}

static void test_api_arrow__entities(void **state)
{
    api_fixture *f = *state;
    char expected[400];
    reading r;

    run(f, "CREATE (:A:B {n: 1, s: 'q\"\\\\\\n'})-[:R {w: 0.5}]->(:C)");
    read_begin(f, &r,
               "MATCH p = (a)-[r]->(c) RETURN a, r, p, {k: [a.n, null], d: date('2020-02-29'), "
               "nan: 0.0 / 0.0, pt: point({x: 1, y: 2})} AS m, [a, c] AS ns, [r, c, p] AS mix",
               0);
    assert_int_equal(r.batch.length, 1);
    assert_string_equal(field(&r, 0, "a", "+s")->children[1]->format, "+l");
    const long long a = int_at(column(&r, 0)->children[0], 0);
    const long long c = int_at(column(&r, 4)->children[0]->children[0], 1);
    const long long rel = int_at(column(&r, 1)->children[0], 0);
    text_is(column(&r, 0)->children[1]->children[0], 0, "A");
    text_is(column(&r, 0)->children[1]->children[0], 1, "B");
    text_is(column(&r, 0)->children[2], 0, "{\"n\":1,\"s\":\"q\\\"\\\\\\u000a\"}");
    text_is(column(&r, 1)->children[1], 0, "R");
    assert_int_equal(int_at(column(&r, 1)->children[2], 0), a);
    assert_int_equal(int_at(column(&r, 1)->children[3], 0), c);
    text_is(column(&r, 1)->children[4], 0, "{\"w\":0.5}");
    assert_int_equal(column(&r, 2)->children[0]->children[0]->length, 2);
    assert_int_equal(column(&r, 2)->children[1]->children[0]->length, 1);
    text_is(column(&r, 2)->children[0]->children[0]->children[2], 1, "{}");
    text_is(column(&r, 3), 0,
            "{\"k\":[1,null],\"d\":\"2020-02-29\",\"nan\":\"NaN\","
            "\"pt\":\"point({srid: 7203, x: 1.0, y: 2.0})\"}");
    assert_int_equal(column(&r, 4)->children[0]->length, 2);
    (void)snprintf(expected, sizeof expected,
                   "{\"~id\":%lld,\"~type\":\"R\",\"~start\":%lld,\"~end\":%lld,\"w\":0.5}", rel, a,
                   c);
    text_is(column(&r, 5)->children[0], 0, expected);
    (void)snprintf(expected, sizeof expected, "{\"~id\":%lld,\"~labels\":[\"C\"]}", c);
    text_is(column(&r, 5)->children[0], 1, expected);
    (void)snprintf(
        expected, sizeof expected,
        "{\"~nodes\":[{\"~id\":%lld,\"~labels\":[\"A\",\"B\"],\"n\":1,\"s\":\"q\\\"\\\\\\u000a\"},"
        "{\"~id\":%lld,\"~labels\":[\"C\"]}],\"~relationships\":[{\"~id\":%lld,\"~type\":\"R\","
        "\"~start\":%lld,\"~end\":%lld,\"w\":0.5}]}",
        a, c, rel, a, c);
    text_is(column(&r, 5)->children[0], 2, expected);
    read_all(&r);
}

/* What the statement has deleted has its id alone. */
static void test_api_arrow__deleted(void **state)
{
    api_fixture *f = *state;
    char expected[100];
    reading r;

    run(f, "CREATE (:A {n: 1})-[:R {w: 1}]->(:B)");
    read_begin(f, &r, "MATCH (a:A)-[r]->() DETACH DELETE a RETURN a, r, {a: a, r: r} AS m", 0);
    assert_false(is_valid(column(&r, 0)->children[1], 0));
    assert_false(is_valid(column(&r, 0)->children[2], 0));
    assert_false(is_valid(column(&r, 1)->children[1], 0));
    (void)snprintf(expected, sizeof expected,
                   "{\"a\":{\"~id\":%lld,\"~labels\":[]},\"r\":{\"~id\":%lld}}",
                   (long long)int_at(column(&r, 0)->children[0], 0),
                   (long long)int_at(column(&r, 1)->children[0], 0));
    text_is(column(&r, 2), 0, expected);
    read_all(&r);
    assert_int_equal(api_node_count(f), 1);
}

/* Nanoseconds reach from 1677 to 2262; with others in the first batch it is microseconds, and what neither holds is told. */
static void test_api_arrow__far_times(void **state)
{
    api_fixture *f = *state;
    reading r;
    struct ArrowArray batch;

    read_begin(f, &r,
               "UNWIND ['1970-01-01T00:00:01', '9999-12-31T00:00:00', null, "
               "'1677-09-21T00:12:43.145224192'] AS t "
               "RETURN localdatetime(left(t, 19)) AS l, datetime(left(t, 19) + 'Z') AS z, "
               "CASE WHEN t < '1971' THEN localdatetime(t) END AS n",
               0);
    field(&r, 0, "l", "tsu:");
    field(&r, 1, "z", "tsu:UTC");
    field(&r, 2, "n", "tsn:");
    assert_int_equal(int_at(column(&r, 0), 0), 1000000);
    assert_int_equal(int_at(column(&r, 0), 1), 253402214400000000);
    assert_int_equal(int_at(column(&r, 2), 3), INT64_MIN);
    read_all(&r);
    memset(&r, 0, sizeof r);
    r.stmt = prepare(f, "RETURN date('+999999999-01-01') AS d");
    FAILS(f, sombra_stmt_arrow(r.stmt, 0, &r.stream), SOMBRA_LIMIT, "column 'd': a DATE");
    assert_null(r.stream.release);
    sombra_stmt_finalize(r.stmt);
    r.stmt = prepare(
        f, "UNWIND range(1, 3000) AS i RETURN "
           "localdatetime(CASE WHEN i > 2500 THEN '2500-01-01' ELSE '1970-01-01' END) AS l");
    OK(f, sombra_stmt_arrow(r.stmt, 100, &r.stream));
    int failed;
    while ((failed = r.stream.get_next(&r.stream, &batch)) == 0)
        batch.release(&batch);
    assert_int_equal(failed, EINVAL);
    assert_non_null(strstr(r.stream.get_last_error(&r.stream), "toString()"));
    r.stream.release(&r.stream);
    sombra_stmt_finalize(r.stmt);
    r.stmt = prepare(f, "RETURN duration({months: 3000000000}) AS d");
    FAILS(f, sombra_stmt_arrow(r.stmt, 0, &r.stream), SOMBRA_LIMIT, "column 'd': a DURATION");
    sombra_stmt_finalize(r.stmt);
}

/* The zone that all date-times of a column have is its type's; the first batch decides. */
static void test_api_arrow__zones(void **state)
{
    api_fixture *f = *state;
    struct ArrowSchema outlives;
    reading r;

    read_begin(f, &r,
               "UNWIND [null, 0, 1] AS i WITH i, CASE WHEN i >= 0 THEN datetime({epochSeconds: i, "
               "timezone: 'Europe/Berlin'}) END AS z RETURN z, CASE WHEN i >= 0 THEN "
               "datetime({epochSeconds: i, timezone: ['Europe/Berlin', 'Asia/Tokyo'][i]}) END AS "
               "two, "
               "CASE i WHEN 0 THEN z WHEN 1 THEN datetime('1970-01-01T00:00:01+01:00') END AS o, "
               "CASE i WHEN 0 THEN z WHEN 1 THEN datetime('9999-07-01T00:00[Europe/Berlin]') END "
               "AS far, [z, z] AS l, CASE i WHEN 0 THEN z WHEN 1 THEN 7 END AS any, "
               "CASE i WHEN 0 THEN 7 WHEN 1 THEN z END AS late",
               0);
    field(&r, 0, "z", "tsn:Europe/Berlin");
    assert_int_equal(int_at(column(&r, 0), 2), 1000000000);
    field(&r, 1, "two", "tsn:UTC");
    assert_int_equal(int_at(column(&r, 1), 2), 1000000000);
    field(&r, 2, "o", "tsn:UTC");
    assert_int_equal(int_at(column(&r, 2), 2), -3599000000000);
    field(&r, 3, "far", "tsu:Europe/Berlin");
    assert_int_equal(int_at(column(&r, 3), 1), 0);
    assert_int_equal(int_at(column(&r, 3), 2), 253386396000000000);
    assert_string_equal(field(&r, 4, "l", "+l")->children[0]->format, "tsn:Europe/Berlin");
    field(&r, 5, "any", "u");
    field(&r, 6, "late", "u");
    outlives = *r.schema.children[3];
    r.schema.children[3]->release = NULL;
    read_all(&r);
    assert_string_equal(outlives.format, "tsu:Europe/Berlin");
    outlives.release(&outlives);

    read_begin(f, &r,
               "UNWIND range(0, 2999) AS i RETURN datetime({epochSeconds: i, timezone: CASE WHEN "
               "i < 2500 THEN 'Europe/Berlin' ELSE 'Asia/Tokyo' END}) AS z",
               1500);
    field(&r, 0, "z", "tsn:Europe/Berlin");
    next_batch(&r);
    assert_int_equal(int_at(column(&r, 0), 1499), 2999000000000);
    read_all(&r);
}

/* ---- Batches ------------------------------------------------------------------------------------------------------------ */

/* Every batch but the last has as many rows as were asked for, whatever the executor's batches are. */
static void test_api_arrow__batches(void **state)
{
    static const size_t sizes[] = {0, 1, 7, 1000, 1023, 1024, 1025, 5000, 10000, SIZE_MAX};
    api_fixture *f = *state;
    reading r;

    run(f, "UNWIND range(1, 10000) AS i CREATE (:P {i: i, n: CASE WHEN i % 7 <> 0 THEN i END, s: "
           "CASE WHEN i % 5 <> 0 THEN 's' + i END})");
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const int64_t wanted = sizes[k] == 0 || sizes[k] > 10000 ? 10000 : (int64_t)sizes[k];
        int64_t at = 0;

        read_begin(
            f, &r,
            "MATCH (p:P) WITH p ORDER BY p.i RETURN p.i AS i, p.i > 5 AS b, p.s AS s, p.n AS n",
            sizes[k]);
        for (; r.batch.release != NULL; next_batch(&r)) {
            assert_int_equal(r.batch.length, 10000 - at < wanted ? 10000 - at : wanted);
            for (int64_t i = 0; i < r.batch.length; i++, at++) {
                char text[16];

                assert_int_equal(int_at(column(&r, 0), i), at + 1);
                assert_int_equal(bool_at(column(&r, 1), i), at + 1 > 5);
                assert_int_equal(is_valid(column(&r, 2), i), (at + 1) % 5 != 0);
                (void)snprintf(text, sizeof text, "s%d", (int)at + 1);
                if (is_valid(column(&r, 2), i)) text_is(column(&r, 2), i, text);
                assert_int_equal(is_valid(column(&r, 3), i), (at + 1) % 7 != 0);
            }
        }
        assert_int_equal(at, 10000);
        next_batch(&r); /* the end stays the end */
        assert_null(r.batch.release);
        read_end(&r);
    }
}

/* A statement that stands on its first row gives that one, too: with types known and not, in one batch of the executor's and several, and a plan. */
static void test_api_arrow__from_first_row(void **state)
{
    static const struct {
        const char *text;
        int64_t rows;
    } cases[] = {{"UNWIND range(0, 2999) AS i RETURN i", 3000},
                 {"UNWIND range(0, 2999) AS i WITH {i: i} AS m RETURN m.i AS i", 3000},
                 {"RETURN 0 AS i", 1}};
    api_fixture *f = *state;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    sombra_stmt *stmt;

    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        int64_t at = 0;

        stmt = prepare(f, cases[k].text);
        assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
        OK(f, sombra_stmt_arrow(stmt, 700, &stream));
        while (stream.get_next(&stream, &batch) == 0 && batch.release != NULL) {
            for (int64_t i = 0; i < batch.length; i++, at++)
                assert_int_equal(int_at(batch.children[0], i), at);
            batch.release(&batch);
        }
        assert_int_equal(at, cases[k].rows);
        stream.release(&stream);
        sombra_stmt_finalize(stmt);
    }
    stmt = prepare(f, "EXPLAIN RETURN 1");
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    OK(f, sombra_stmt_arrow(stmt, 0, &stream));
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_int_equal(batch.length, 1);
    batch.release(&batch);
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_null(batch.release);
    stream.release(&stream);
    sombra_stmt_finalize(stmt);
}

static void test_api_arrow__no_rows(void **state)
{
    static const char *const texts[] = {"CREATE (:X)", "BEGIN", "COMMIT",
                                        "CREATE INDEX i FOR (n:X) ON (n.k)"};
    api_fixture *f = *state;
    reading r;

    read_begin(f, &r, "MATCH (n:Nobody) RETURN n, n.x", 0);
    assert_null(r.batch.release);
    assert_string_equal(field(&r, 0, "n", "+s")->children[2]->name, "properties");
    field(&r, 1, "n.x", "n");
    read_end(&r);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        read_begin(f, &r, texts[i], 0);
        assert_null(r.batch.release);
        assert_int_equal(r.schema.n_children, 0);
        read_end(&r);
    }
    assert_int_equal(api_node_count(f), 1);
    read_begin(f, &r, "EXPLAIN RETURN 1", 0);
    field(&r, 0, "plan", "u");
    assert_int_equal(r.batch.length, 1);
    read_all(&r);
    read_begin(f, &r, "PROFILE UNWIND range(1, 3000) AS i RETURN i", 0);
    assert_int_equal(r.batch.length, 1);
    read_all(&r);
    read_begin(f, &r, "SHOW FUNCTIONS", 10);
    assert_int_equal(r.batch.length, 10);
    read_end(&r);
}

/* A value that the types of the first batch do not hold. */
static void test_api_arrow__misfit(void **state)
{
    static const struct {
        const char *first, *later, *part;
    } cases[] = {{"1", "2.5", "column 'x': a FLOAT after rows that had only INTEGER values"},
                 {"null", "'a'", "column 'x': a STRING after rows that had no values"},
                 {"[]", "[1]", "column 'x': an INTEGER after rows that had no values"},
                 {"[1]", "1", "column 'x': an INTEGER after rows that had only LIST values"},
                 {"1", "[1]", "column 'x': a LIST after rows that had only INTEGER values"}};
    api_fixture *f = *state;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    reading r;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        int failed;

        (void)snprintf(text, sizeof text,
                       "WITH {a: %s, b: %s} AS m UNWIND range(1, 5000) AS i "
                       "RETURN m[CASE WHEN i < 4000 THEN 'a' ELSE 'b' END] AS x",
                       cases[i].first, cases[i].later);
        sombra_stmt *stmt = prepare(f, text);
        OK(f, sombra_stmt_arrow(stmt, 1500, &stream));
        while ((failed = stream.get_next(&stream, &batch)) == 0)
            batch.release(&batch);
        assert_int_equal(failed, EINVAL);
        assert_null(batch.release);
        if (strstr(stream.get_last_error(&stream), cases[i].part) == NULL)
            print_error("%s\n", stream.get_last_error(&stream));
        assert_non_null(strstr(stream.get_last_error(&stream), cases[i].part));
        assert_int_equal(sombra_error_of(f->conn)->status, SOMBRA_TYPE_MISMATCH);
        assert_int_equal(stream.get_next(&stream, &batch), EINVAL); /* again */
        stream.release(&stream);
        sombra_stmt_finalize(stmt);
        read_begin(f, &r, text, SIZE_MAX);
        assert_int_equal(r.batch.length, 5000);
        read_all(&r);
    }
    /* Integers fit a column of floats that comes first. */
    read_begin(f, &r,
               "UNWIND range(1, 5000) AS i RETURN CASE WHEN i < 4000 THEN 2.5 ELSE i END AS x",
               4000);
    next_batch(&r);
    assert_true(real_at(column(&r, 0), 999) == 5000.0);
    read_all(&r);
}

/* ---- Ownership ------------------------------------------------------------------------------------------------------------ */

/* Whoever holds a batch or a stream keeps it, whatever ends before. */
static void test_api_arrow__outlives(void **state)
{
    api_fixture *f = *state;
    struct ArrowArray batch, moved, end;
    struct ArrowSchema schema, name;
    reading r;

    read_begin(f, &r, "UNWIND range(1, 3000) AS i RETURN i, 's' + i AS s, [i] AS l", 1000);
    batch = r.batch;
    r.batch.release = NULL;
    schema = r.schema;
    r.schema.release = NULL;
    moved = *batch.children[1];
    batch.children[1]->release = NULL;
    name = *schema.children[2];
    schema.children[2]->release = NULL;
    OK(f, sombra_stmt_reset(r.stmt));
    assert_int_equal(r.stream.get_next(&r.stream, &end), EINVAL);
    assert_non_null(strstr(r.stream.get_last_error(&r.stream), "reset"));
    /* The statement goes on without it. */
    assert_int_equal(sombra_stmt_step(r.stmt), SOMBRA_ROW);
    sombra_stmt_finalize(r.stmt);
    api_close(f);
    assert_int_equal(int_at(batch.children[0], 999), 1000);
    text_is(&moved, 999, "s1000");
    batch.release(&batch);
    assert_null(batch.release);
    schema.release(&schema);
    text_is(&moved, 0, "s1");
    moved.release(&moved);
    assert_string_equal(name.children[0]->format, "l");
    name.release(&name);
    assert_int_equal(r.stream.get_schema(&r.stream, &schema), 0);
    assert_int_equal(schema.n_children, 3);
    schema.release(&schema);
    r.stream.release(&r.stream);
    api_open_at(f, API_PATH);
    /* Finalized under the stream, its first batch not fetched. */
    sombra_stmt *stmt = prepare(f, "UNWIND range(1, 3000) AS i RETURN i");
    OK(f, sombra_stmt_arrow(stmt, 1000, &r.stream));
    sombra_stmt_finalize(stmt);
    assert_int_equal(r.stream.get_next(&r.stream, &batch), 0);
    assert_int_equal(int_at(batch.children[0], 999), 1000);
    moved = batch;
    assert_int_equal(r.stream.get_next(&r.stream, &batch), EINVAL);
    r.stream.release(&r.stream);
    /* Behind its stream: nothing of that is needed any more (the sanitizer would see it). */
    assert_int_equal(int_at(moved.children[0], 0), 1);
    moved.release(&moved);
}

static void test_api_arrow__misuse(void **state)
{
    api_fixture *f = *state;
    struct ArrowArrayStream stream, second;
    struct ArrowArray batch;
    sombra_value value;

    assert_int_equal(sombra_stmt_arrow(NULL, 0, &stream), SOMBRA_MISUSE);
    assert_null(stream.release);
    sombra_stmt *stmt = prepare(f, "UNWIND range(1, 3000) AS i RETURN i");
    FAILS(f, sombra_stmt_arrow(stmt, 0, NULL), SOMBRA_MISUSE, "stream");
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW); /* past the first row */
    FAILS(f, sombra_stmt_arrow(stmt, 0, &stream), SOMBRA_MISUSE, "reset");
    OK(f, sombra_stmt_reset(stmt));
    OK(f, sombra_stmt_arrow(stmt, 100, &stream));
    FAILS(f, sombra_stmt_step(stmt), SOMBRA_MISUSE, "Arrow stream");
    FAILS(f, sombra_stmt_column(stmt, 0, &value), SOMBRA_MISUSE, "no row");
    FAILS(f, sombra_stmt_arrow(stmt, 0, &second), SOMBRA_MISUSE, "reset");
    stream.release(&stream); /* before its end: the run is over */
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    assert_int_equal(sombra_stmt_reset(stmt), SOMBRA_OK);
    OK(f, sombra_stmt_arrow(stmt, 0, &stream));
    FAILS(f, sombra_stmt_arrow(stmt, 0, &second), SOMBRA_MISUSE, "reset"); /* at its end, too */
    stream.release(&stream);
    /* The transaction of the run ends under it. */
    api_begin(f, SOMBRA_READ);
    OK(f, sombra_stmt_arrow(stmt, 100, &stream));
    sombra_rollback(f->txn);
    assert_int_equal(stream.get_next(&stream, &batch), 0); /* was made before */
    batch.release(&batch);
    assert_int_equal(stream.get_next(&stream, &batch), EINVAL);
    assert_non_null(strstr(stream.get_last_error(&stream), "transaction"));
    stream.release(&stream);
    sombra_stmt_finalize(stmt);
    /* Errors of the run are the statement's. */
    stmt = prepare(f, "UNWIND [1, 0] AS i RETURN 1 / i");
    FAILS(f, sombra_stmt_arrow(stmt, 0, &stream), SOMBRA_INVALID, "zero");
    assert_string_equal(sombra_error_detail(sombra_error_of(f->conn)), "DivisionByZero");
    assert_null(stream.release);
    OK(f, sombra_stmt_reset(stmt));
    sombra_stmt_finalize(stmt);
}

/* A statement that writes is whole when its stream has come to its end, and undone when that is released before. */
static void test_api_arrow__writes(void **state)
{
    api_fixture *f = *state;
    reading r;

    read_begin(f, &r, "UNWIND range(1, 5000) AS i CREATE (n:P {i: i}) RETURN n, n.i", 1000);
    read_end(&r);
    assert_int_equal(api_node_count(f), 0);
    read_begin(f, &r, "UNWIND range(1, 5000) AS i CREATE (n:P {i: i}) RETURN n, n.i", 1000);
    for (int i = 0; i < 4; i++)
        next_batch(&r);
    text_is(column(&r, 0)->children[2], 999, "{\"i\":5000}");
    assert_int_equal(api_node_count(f), 5000);
    read_all(&r);
    /* All at once: the commit is before the first get_next. */
    memset(&r, 0, sizeof r);
    r.stmt = prepare(f, "CREATE (n:Q) RETURN n");
    OK(f, sombra_stmt_arrow(r.stmt, 0, &r.stream));
    assert_int_equal(api_node_count(f), 5001);
    read_end(&r);
    /* Within a transaction: back to its savepoint. */
    api_begin(f, SOMBRA_WRITE);
    read_begin(f, &r, "UNWIND range(1, 5000) AS i CREATE (n:P {i: i}) RETURN n.i", 1000);
    read_end(&r);
    run(f, "CREATE (:P)");
    api_commit(f);
    assert_int_equal(api_node_count(f), 5002);
}

static bool stop(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    (void)total;
    return done < 100000;
}

static void test_api_arrow__cancelled(void **state)
{
    api_fixture *f = *state;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    int status;

    sombra_set_progress(f->conn, stop, NULL);
    sombra_stmt *stmt = prepare(f, "UNWIND range(1, 1000000) AS i RETURN i");
    OK(f, sombra_stmt_arrow(stmt, 10000, &stream));
    while ((status = stream.get_next(&stream, &batch)) == 0) {
        assert_non_null(batch.release);
        batch.release(&batch);
    }
    assert_int_equal(status, ECANCELED);
    assert_int_equal(sombra_error_of(f->conn)->status, SOMBRA_INTERRUPT);
    stream.release(&stream);
    FAILS(f, sombra_stmt_arrow(stmt, SIZE_MAX, &stream), SOMBRA_INTERRUPT, "cancelled");
    sombra_set_progress(f->conn, NULL, NULL);
    OK(f, sombra_stmt_reset(stmt));
    sombra_set_time_limit(f->conn, 1);
    assert_int_equal(sombra_stmt_arrow(stmt, SIZE_MAX, &stream), SOMBRA_TIMEOUT);
    sombra_set_time_limit(f->conn, 0);
    sombra_stmt_finalize(stmt);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------------------ */

static const char *const swept[] = {
    "MATCH p = (a:P)-[r]->(b) RETURN a, r, p, a.i, a.s, a.l, {x: a} AS m, [a.i, 's'] AS mix",
    "UNWIND range(1, 3000) AS i RETURN i, 's' + i AS s, [[i], null] AS l, i * 0.5 AS f",
    "CREATE (n:Q {s: 'x'}) RETURN n, n.s, date('2020-01-01') AS d"};

/* All batches of a statement; the status of what failed. */
static sombra_status sweep_once(api_rig *r, const char *text)
{
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray batch;
    sombra_stmt *stmt;
    sombra_status status = sombra_prepare(r->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL);
    int failed = 0;

    if (status != SOMBRA_OK) return status;
    status = sombra_stmt_arrow(stmt, 1000, &stream);
    if (status == SOMBRA_OK) {
        failed = stream.get_schema(&stream, &schema);
        if (failed == 0) schema.release(&schema);
        while (failed == 0 && (failed = stream.get_next(&stream, &batch)) == 0 &&
               batch.release != NULL)
            batch.release(&batch);
        if (failed != 0) {
            assert_int_equal(failed, ENOMEM);
            assert_non_null(strstr(stream.get_last_error(&stream), "memory"));
            status = SOMBRA_NOMEM;
        }
        stream.release(&stream);
    } else {
        assert_null(stream.release);
    }
    sombra_stmt_finalize(stmt);
    return status;
}

static void test_api_arrow__no_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof swept / sizeof *swept; i++) {
        sombra_status status = SOMBRA_NOMEM;
        api_rig r;
        size_t n = 0;

        api_rig_init(&r);
        OK_ERROR(&r, api_rig_open(&r));
        assert_int_equal(sweep_once(&r,
                                    "UNWIND range(1, 30) AS i CREATE (:P {i: i, s: 's', l: [i]})"
                                    "-[:R {w: i}]->(:P)"),
                         SOMBRA_OK);
        while (status == SOMBRA_NOMEM) {
            api_rig_fail_memory(&r, ++n, false);
            status = sweep_once(&r, swept[i]);
            if (status != SOMBRA_OK) assert_int_equal(status, SOMBRA_NOMEM);
            if (status == SOMBRA_OK && atomic_load(&r.memory.fail_at) != 0 &&
                atomic_load(&r.memory.alloc_count) >= atomic_load(&r.memory.fail_at))
                status = SOMBRA_NOMEM; /* one that was not needed: go on */
        }
        assert_true(n > 20);
        api_rig_fail_memory(&r, 0, false);
        OK_ERROR(&r, api_rig_close(&r));
        api_rig_deinit(&r);
        assert_int_equal(atomic_load(&r.memory.live_blocks), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_api_arrow__scalars, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow__properties, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow__lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow__entities, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow__deleted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow__far_times, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow__zones, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow__batches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow__from_first_row, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow__no_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow__misfit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow__outlives, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow__misuse, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow__writes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow__cancelled, setup, teardown),
        cmocka_unit_test(test_api_arrow__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
