/* test_arrow_in.c — nodes and relationships from Arrow record batches: every type, slices, dictionaries, ends by id and by key, producers that fail or
 * lie, all or none, memory that runs out. */
#include "support/api_fixture.h"

#include <errno.h>

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

/* ---- A producer: arrays on the test's stack ------------------------------------------------------------------------ */

enum { COLUMNS_MAX = 16 };

typedef struct producer {
    struct ArrowSchema schema, fields[COLUMNS_MAX], inner[COLUMNS_MAX];
    struct ArrowSchema *field_pointers[COLUMNS_MAX], *inner_pointers[COLUMNS_MAX];
    struct ArrowArray batch, columns[COLUMNS_MAX], parts[COLUMNS_MAX];
    struct ArrowArray *column_pointers[COLUMNS_MAX], *part_pointers[COLUMNS_MAX];
    const void *buffers[COLUMNS_MAX][5], *part_buffers[COLUMNS_MAX][3], *none[1];
    int batches, given, fail_at; /* the batch is given so often; get_next fails at this one */
    int released, live;          /* streams; schemas and arrays not released */
    struct ArrowArrayStream stream;
} producer;

static void release_schema(struct ArrowSchema *schema)
{
    ((producer *)schema->private_data)->live--;
    schema->release = NULL;
}
static void release_array(struct ArrowArray *array)
{
    ((producer *)array->private_data)->live--;
    array->release = NULL;
}
static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *schema)
{
    producer *p = stream->private_data;

    if (p->fail_at < 0) return -p->fail_at;
    *schema = p->schema;
    p->live++;
    return 0;
}
static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *array)
{
    producer *p = stream->private_data;

    memset(array, 0, sizeof *array);
    if (p->fail_at == p->given + 1) return EPERM;
    if (p->given == p->batches) return 0;
    p->given++;
    *array = p->batch;
    p->live++;
    return 0;
}
static const char *get_last_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return "no more paper";
}
static void release_stream(struct ArrowArrayStream *stream)
{
    ((producer *)stream->private_data)->released++;
    stream->release = NULL;
}

/* One batch of rows without columns. */
static void make(producer *p, int64_t length)
{
    memset(p, 0, sizeof *p);
    p->batches = 1;
    p->schema = (struct ArrowSchema){.format = "+s",
                                     .name = "",
                                     .children = p->field_pointers,
                                     .release = release_schema,
                                     .private_data = p};
    p->batch = (struct ArrowArray){.length = length,
                                   .n_buffers = 1,
                                   .buffers = p->none,
                                   .children = p->column_pointers,
                                   .release = release_array,
                                   .private_data = p};
    p->stream = (struct ArrowArrayStream){get_schema, get_next, get_last_error, release_stream, p};
}

/* A column of up to three buffers; returns its number. */
static int add(producer *p, const char *name, const char *format, const void *valid,
               const void *second, const void *third)
{
    const int i = (int)p->schema.n_children++;

    p->batch.n_children++;
    p->fields[i] = (struct ArrowSchema){.format = format, .name = name};
    p->field_pointers[i] = &p->fields[i];
    p->columns[i] = (struct ArrowArray){.length = p->batch.length,
                                        .null_count = valid == NULL ? 0 : -1,
                                        .n_buffers = third == NULL ? 2 : 3,
                                        .buffers = p->buffers[i]};
    p->column_pointers[i] = &p->columns[i];
    p->buffers[i][0] = valid;
    p->buffers[i][1] = second;
    p->buffers[i][2] = third;
    return i;
}

/* What a column is made of: its one child, or (as_dictionary) its dictionary. */
static struct ArrowArray *add_part(producer *p, int column, const char *format, int64_t length,
                                   const void *second, const void *third, bool as_dictionary)
{
    p->inner[column] = (struct ArrowSchema){.format = format, .name = "item"};
    p->inner_pointers[column] = &p->inner[column];
    p->part_buffers[column][1] = second;
    p->part_buffers[column][2] = third;
    p->parts[column] = (struct ArrowArray){
        .length = length, .n_buffers = third == NULL ? 2 : 3, .buffers = p->part_buffers[column]};
    p->part_pointers[column] = &p->parts[column];
    if (as_dictionary) {
        p->fields[column].dictionary = &p->inner[column];
        p->columns[column].dictionary = &p->parts[column];
    } else {
        p->fields[column].n_children = p->columns[column].n_children = 1;
        p->fields[column].children = &p->inner_pointers[column];
        p->columns[column].children = &p->part_pointers[column];
    }
    return &p->parts[column];
}

static void is_released(const producer *p)
{
    assert_int_equal(p->released, 1);
    assert_int_equal(p->live, 0);
    assert_null(p->stream.release);
}

/* The batch as nodes of a label, in a transaction of its own. */
static void load(api_fixture *f, producer *p, const char *label, size_t expected)
{
    const uint64_t *ids;
    size_t count;

    api_begin(f, SOMBRA_WRITE);
    const uint32_t id = api_name(f, SOMBRA_LABEL, label);
    OK(f, sombra_create_nodes_arrow(f->txn, &id, 1, &p->stream, &ids, &count));
    is_released(p);
    assert_int_equal(count, expected);
    for (size_t i = 1; i < count; i++)
        assert_true(ids[i] > ids[i - 1]);
    api_verify(f);
    api_commit(f);
}

/* It is refused, and nothing stays. */
static void refuse(api_fixture *f, producer *p, sombra_status status, const char *part)
{
    const uint64_t *ids;
    size_t count = 7;

    api_begin(f, SOMBRA_WRITE);
    FAILS(f, sombra_create_nodes_arrow(f->txn, NULL, 0, &p->stream, &ids, &count), status, part);
    is_released(p);
    assert_null(ids);
    assert_int_equal(count, 0);
    api_commit(f);
    assert_int_equal(api_node_count(f), 0);
}

/* The text that a query gives: its one row and column, as toString has it. */
static void gives(api_fixture *f, const char *query, const char *expected)
{
    sombra_stmt *stmt;
    sombra_value value;
    char text[512];
    size_t size = 0;

    OK(f, sombra_prepare(f->conn, query, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    const sombra_status status = sombra_stmt_step(stmt);
    if (status != SOMBRA_ROW) print_error("%s\n", sombra_error_of(f->conn)->message);
    assert_int_equal(status, SOMBRA_ROW);
    OK(f, sombra_stmt_column(stmt, 0, &value));
    assert_int_equal(value.type, SOMBRA_TYPE_STRING);
    size = value.as.bytes.size < sizeof text ? value.as.bytes.size : sizeof text - 1;
    memcpy(text, value.as.bytes.data, size);
    text[size] = '\0';
    assert_string_equal(text, expected);
    sombra_stmt_finalize(stmt);
}

/* All values of a key in the order of ids, nulls as "-". */
static void values_are(api_fixture *f, const char *label, const char *key, const char *expected)
{
    char query[300];

    (void)snprintf(
        query, sizeof query,
        "MATCH (n:%s) WITH n ORDER BY id(n) RETURN reduce(all = '', x IN collect(coalesce("
        "toString(n.%s), '-')) | all + x + ' ')",
        label, key);
    gives(f, query, expected);
}

/* ---- Types ---------------------------------------------------------------------------------------------------------------- */

static const uint8_t second_null[] = {0x05}; /* of three rows */

static void test_api_arrow_in__numbers(void **state)
{
    static const int64_t i64[] = {1, -2, INT64_MAX};
    static const uint64_t u64[] = {1, UINT64_MAX, 3};
    static const int32_t i32[] = {-1, 2, INT32_MIN};
    static const uint32_t u32[] = {1, 2, UINT32_MAX};
    static const int16_t i16[] = {-1, 2, INT16_MIN};
    static const uint16_t u16[] = {1, 2, UINT16_MAX};
    static const int8_t i8[] = {-1, 2, INT8_MIN};
    static const uint8_t u8[] = {1, 2, UINT8_MAX}, bits[] = {0x06};
    static const double g[] = {0.5, -1.5, 2.0};
    static const float f32[] = {0.5F, -1.5F, 2.0F};
    static const uint16_t f16[] = {0x3555, 0x8002, 0x7bff}, odd[] = {0xfc00, 0x7e00, 0x8000};
    api_fixture *f = *state;
    producer p;

    make(&p, 3);
    (void)add(&p, "l", "l", NULL, i64, NULL);
    (void)add(&p, "ul", "L", second_null, u64, NULL);
    (void)add(&p, "i", "i", NULL, i32, NULL);
    (void)add(&p, "ui", "I", NULL, u32, NULL);
    (void)add(&p, "s", "s", NULL, i16, NULL);
    (void)add(&p, "us", "S", NULL, u16, NULL);
    (void)add(&p, "c", "c", NULL, i8, NULL);
    (void)add(&p, "uc", "C", NULL, u8, NULL);
    (void)add(&p, "b", "b", second_null, bits, NULL);
    (void)add(&p, "g", "g", second_null, g, NULL);
    (void)add(&p, "f", "f", NULL, f32, NULL);
    (void)add(&p, "e", "e", NULL, f16, NULL);
    (void)add(&p, "eo", "e", NULL, odd, NULL);
    p.columns[add(&p, "n", "n", NULL, NULL, NULL)].n_buffers = 0;
    load(f, &p, "N", 3);
    values_are(f, "N", "l", "1 -2 9223372036854775807 ");
    values_are(f, "N", "ul", "1 - 3 ");
    values_are(f, "N", "i", "-1 2 -2147483648 ");
    values_are(f, "N", "ui", "1 2 4294967295 ");
    values_are(f, "N", "s", "-1 2 -32768 ");
    values_are(f, "N", "us", "1 2 65535 ");
    values_are(f, "N", "c", "-1 2 -128 ");
    values_are(f, "N", "uc", "1 2 255 ");
    values_are(f, "N", "b", "false - true ");
    values_are(f, "N", "g", "0.5 - 2.0 ");
    values_are(f, "N", "f", "0.5 -1.5 2.0 ");
    values_are(f, "N", "e", "0.333251953125 -1.1920928955078125E-7 65504.0 ");
    values_are(f, "N", "eo", "-Infinity NaN -0.0 ");
    values_are(f, "N", "n", "- - - ");
}

/* Slices: arrays, and batches, that begin behind their buffers' beginning, at no multiple of 8. */
static void test_api_arrow_in__slices(void **state)
{
    static const int64_t i64[] = {0, 1, 2, 3, 4, 5, 6};
    static const uint8_t valid[] = {0x5F}; /* row 5 is null */
    static const int32_t offsets[] = {0, 1, 3, 3, 4, 6, 6, 9};
    static uint8_t shifted[sizeof i64 + 1];
    api_fixture *f = *state;
    producer p;

    make(&p, 3);
    p.batch.offset = 1;
    const int l = add(&p, "l", "l", valid, i64, NULL);
    const int u = add(&p, "u", "u", valid, offsets, "abbdeeggg");
    const int odd = add(&p, "odd", "l", NULL, shifted + 1, NULL);
    memcpy(shifted + 1, i64, sizeof i64);
    p.columns[l].length = p.columns[u].length = 4;
    p.columns[l].offset = p.columns[u].offset = 2;
    p.columns[odd].length = 4;
    load(f, &p, "N", 3);
    values_are(f, "N", "l", "3 4 - ");
    values_are(f, "N", "u", "d ee - ");
    values_are(f, "N", "odd", "1 2 3 ");
}

static void test_api_arrow_in__texts(void **state)
{
    static const int32_t offsets[] = {0, 1, 1, 4};
    static const int64_t large[] = {0, 1, 1, 4};
    static const uint8_t views[48] = {3,  0, 0, 0, 'a', 'b', 'c', 0,   0, 0, 0, 0, 0, 0, 0, 0,
                                      0,  0, 0, 0, 0,   0,   0,   0,   0, 0, 0, 0, 0, 0, 0, 0,
                                      13, 0, 0, 0, 't', 'h', 'i', 's', 0, 0, 0, 0, 2, 0, 0, 0};
    static const int64_t sizes[] = {15};
    api_fixture *f = *state;
    producer p;

    make(&p, 3);
    (void)add(&p, "u", "u", NULL, offsets, "axyz");
    (void)add(&p, "U", "U", second_null, large, "axyz");
    (void)add(&p, "z", "z", NULL, offsets, "axyz");
    (void)add(&p, "Z", "Z", NULL, large, "axyz");
    (void)add(&p, "w", "w:2", NULL, "abcdef", NULL);
    const int vu = add(&p, "vu", "vu", second_null, views, "--this is long!");
    p.buffers[vu][3] = sizes;
    p.columns[vu].n_buffers = 4;
    load(f, &p, "N", 3);
    values_are(f, "N", "u", "a  xyz ");
    values_are(f, "N", "U", "a - xyz ");
    values_are(f, "N", "vu", "abc - this is long! ");
    gives(f,
          "MATCH (n:N) WHERE n.u = 'xyz' RETURN valueType(n.z) + valueType(n.w) + toString(n.Z = "
          "n.z)",
          "BYTES NOT NULLBYTES NOT NULLtrue");
}

static void test_api_arrow_in__temporal(void **state)
{
    static const int32_t days[] = {0, 1, -1}, seconds[] = {1, 2, 3}, months[] = {1, -2, 3};
    static const int64_t ms[] = {86400000, 0, -86400000}, one[] = {1500, -1500, 0};
    static const int64_t summer[] = {1719828000, 1711846799, 1711846800};
    static const int64_t ends[] = {INT64_MIN, INT64_MAX, -1};
    static const uint8_t all_present[] = {0x07};
    static const int32_t day_ms[] = {1, 1500, -1, -1500, 0, 0};
    static const struct {
        int32_t months, days;
        int64_t nanos;
    } tin[] = {{1, 2, 3500000000}, {0, 0, -1}, {0, 1, 0}};
    api_fixture *f = *state;
    producer p;

    make(&p, 3);
    (void)add(&p, "d", "tdD", second_null, days, NULL);
    (void)add(&p, "dm", "tdm", NULL, ms, NULL);
    (void)add(&p, "ts", "tts", NULL, seconds, NULL);
    (void)add(&p, "tm", "ttm", NULL, seconds, NULL);
    (void)add(&p, "l", "tsm:", second_null, one, NULL);
    (void)add(&p, "z", "tsm:UTC", NULL, one, NULL);
    (void)add(&p, "o", "tss:-01:30", NULL, one, NULL);
    (void)add(&p, "n", "tsu:Europe/Paris", NULL, one, NULL);
    (void)add(&p, "su", "tss:Europe/Berlin", second_null, summer, NULL);
    (void)add(&p, "du", "tDm", second_null, one, NULL);
    (void)add(&p, "im", "tiM", NULL, months, NULL);
    (void)add(&p, "id", "tiD", NULL, day_ms, NULL);
    (void)add(&p, "in", "tin", NULL, tin, NULL);
    (void)add(&p, "e", "tsm:", NULL, ends, NULL);
    p.batch.null_count = -1; /* not counted: there are none */
    p.none[0] = all_present;
    load(f, &p, "N", 3);
    values_are(f, "N", "d", "1970-01-01 - 1969-12-31 ");
    values_are(f, "N", "dm", "1970-01-02 1970-01-01 1969-12-31 ");
    values_are(f, "N", "ts", "00:00:01 00:00:02 00:00:03 ");
    values_are(f, "N", "tm", "00:00:00.001 00:00:00.002 00:00:00.003 ");
    values_are(f, "N", "l", "1970-01-01T00:00:01.500 - 1970-01-01T00:00 ");
    values_are(f, "N", "z", "1970-01-01T00:00:01.500Z 1969-12-31T23:59:58.500Z 1970-01-01T00:00Z ");
    values_are(f, "N", "o",
               "1969-12-31T22:55-01:30 1969-12-31T22:05-01:30 1969-12-31T22:30-01:30 ");
    values_are(f, "N", "n",
               "1970-01-01T01:00:00.001500+01:00[Europe/Paris] "
               "1970-01-01T00:59:59.998500+01:00[Europe/Paris] "
               "1970-01-01T01:00+01:00[Europe/Paris] ");
    values_are(f, "N", "su",
               "2024-07-01T12:00+02:00[Europe/Berlin] - 2024-03-31T03:00+02:00[Europe/Berlin] ");
    values_are(f, "N", "du", "PT1.5S - PT0S ");
    values_are(f, "N", "im", "P1M P-2M P3M ");
    values_are(f, "N", "id", "P1DT1.5S P-1DT-1.5S PT0S ");
    values_are(f, "N", "in", "P1M2DT3.5S PT-0.000000001S P1D ");
    values_are(
        f, "N", "e",
        "-292275055-05-16T16:47:04.192 +292278994-08-17T07:12:55.807 1969-12-31T23:59:59.999 ");
}

static void test_api_arrow_in__parts(void **state)
{
    static const int32_t offsets[] = {0, 2, 2, 3}, word_ends[] = {0, 1, 3, 6};
    static const int64_t items[] = {1, 2, 3, 4, 5, 6}, large[] = {0, 2, 2, 3};
    static const int8_t indexes[] = {2, 0, 1};
    static const int32_t days[] = {0, 1, 2};
    api_fixture *f = *state;
    producer p;

    make(&p, 3);
    (void)add_part(&p, add(&p, "l", "+l", NULL, offsets, NULL), "l", 3, items, NULL, false);
    (void)add_part(&p, add(&p, "L", "+L", second_null, large, NULL), "u", 3, word_ends, "abbccc",
                   false);
    const int w = add(&p, "w", "+w:2", second_null, NULL, NULL);
    p.columns[w].n_buffers = 1;
    (void)add_part(&p, w, "tdD", 6, items, NULL, false);
    (void)add_part(&p, add(&p, "d", "c", second_null, indexes, NULL), "u", 3, word_ends, "abbccc",
                   true);
    (void)add_part(&p, add(&p, "e", "c", NULL, indexes, NULL), "tdD", 3, days, NULL, true);
    load(f, &p, "N", 3);
    values_are(f, "N", "d", "ccc - bb ");
    values_are(f, "N", "e", "1970-01-03 1970-01-01 1970-01-02 ");
    gives(f,
          "MATCH (n:N) WITH n ORDER BY id(n) WITH collect(n) AS ns RETURN toString(ns[0].l = [1, "
          "2] AND "
          "ns[1].l = [] AND ns[2].l = [3] AND ns[0].L = ['a', 'bb'] AND ns[1].L IS NULL AND "
          "ns[2].L = "
          "['ccc'] AND ns[1].w IS NULL AND ns[0].w = [date('1970-01-02'), date('1970-01-01')])",
          "true");
}

/* What a statement gives comes back as it was. */
static void test_api_arrow_in__round_trip(void **state)
{
    static const char *const make_all =
        "UNWIND range(1, 3000) AS i CREATE (:P {i: i, f: i / 2.0, b: i % 2 = 0, s: 's' + i, "
        "d: date('2020-01-01') + duration({days: i}), lt: localtime('01:02:03.5'), t: "
        "time('01:02+03:00'), "
        "ldt: localdatetime('2020-01-01T01:02:03.123456789'), dt: "
        "datetime('2020-01-01T01:02:03Z'), "
        "du: duration('P1M2DT3.5S'), p2: point({x: 1, y: i}), p3: point({longitude: 1, latitude: "
        "2, height: 3}), "
        "z: datetime({epochSeconds: 1711846799 + i - 1500, timezone: 'Europe/Berlin'}), "
        "l: [i, i + 1], ls: ['a', 'b'], some: CASE WHEN i % 3 = 0 THEN i END})";
    static const char *const keys[] = {"i",  "f",  "b",  "s",  "d", "lt", "t",  "ldt",
                                       "dt", "du", "p2", "p3", "z", "l",  "ls", "some"};
    api_fixture *f = *state;
    sombra_conn *other;
    char text[1000] = "MATCH (p:P) RETURN ";
    char query[200];

    OK_ERROR(f, sombra_connect(f->db, &other, &f->error));
    sombra_stmt *stmt;
    OK(f, sombra_prepare(f->conn, make_all, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_DONE);
    sombra_stmt_finalize(stmt);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        (void)sprintf(text + strlen(text), "%sp.%s AS %s", i == 0 ? "" : ", ", keys[i], keys[i]);
    struct ArrowArrayStream stream;
    assert_int_equal(sombra_prepare(other, text, SOMBRA_NUL_TERMINATED, &stmt, NULL), SOMBRA_OK);
    assert_int_equal(sombra_stmt_arrow(stmt, 700, &stream), SOMBRA_OK);
    api_begin(f, SOMBRA_WRITE);
    const uint32_t label = api_name(f, SOMBRA_LABEL, "Q");
    size_t count;
    OK(f, sombra_create_nodes_arrow(f->txn, &label, 1, &stream, NULL, &count));
    assert_int_equal(count, 3000);
    api_verify(f);
    api_commit(f);
    sombra_stmt_finalize(stmt);
    sombra_disconnect(other);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        (void)snprintf(
            query, sizeof query,
            "MATCH (p:P), (q:Q {i: p.i}) WHERE p.%s = q.%s OR (p.%s IS NULL AND q.%s IS NULL) "
            "RETURN toString(count(*))",
            keys[i], keys[i], keys[i], keys[i]);
        gives(f, query, "3000");
    }
}

/* ---- Relationships ---------------------------------------------------------------------------------------------------------- */

static void test_api_arrow_in__rels(void **state)
{
    static const int32_t from_ends[] = {0, 1, 2, 3}, weights[] = {7, 8, 9};
    static const int64_t numbers[] = {30, 10, 20};
    api_fixture *f = *state;
    uint64_t ids[3];
    const uint64_t *made;
    size_t count;
    producer p;

    api_begin(f, SOMBRA_WRITE);
    const uint32_t label = api_name(f, SOMBRA_LABEL, "City");
    const uint32_t type = api_name(f, SOMBRA_TYPE, "ROAD");
    const uint32_t name = api_name(f, SOMBRA_KEY, "name"), key = api_name(f, SOMBRA_KEY, "number");
    const sombra_schema unique = {
        .kind = SOMBRA_UNIQUE, .entity = label, .keys = &name, .key_count = 1};
    const sombra_schema index = {
        .kind = SOMBRA_INDEX, .entity = label, .keys = &key, .key_count = 1};
    OK(f, sombra_schema_create(f->txn, &unique, NULL));
    OK(f, sombra_schema_create(f->txn, &index, NULL));
    static const sombra_text names[] = {{"a", 1}, {"b", 1}, {"c", 1}};
    static const int64_t own[] = {10, 20, 30};
    const sombra_column columns[] = {{.key = name, .type = SOMBRA_TYPE_STRING, .texts = names},
                                     {.key = key, .type = SOMBRA_TYPE_INT, .integers = own}};
    OK(f, sombra_create_nodes(f->txn, &label, 1, 3, columns, 2, ids));
    /* by id */
    const int64_t back[] = {(int64_t)ids[2], (int64_t)ids[1], (int64_t)ids[0]};
    make(&p, 3);
    (void)add(&p, "target", "l", NULL, back, NULL);
    (void)add(&p, "w", "i", NULL, weights, NULL);
    (void)add(&p, "source", "l", NULL, ids, NULL);
    OK(f, sombra_create_rels_arrow(f->txn, type, NULL, &p.stream, &made, &count));
    is_released(&p);
    assert_int_equal(count, 3);
    sombra_rel rel;
    bool found;
    OK(f, sombra_get_rel(f->txn, made[0], &rel, &found));
    assert_true(found);
    assert_int_equal(rel.source, ids[0]);
    assert_int_equal(rel.target, ids[2]);
    assert_int_equal(rel.prop_count, 1); /* the ends are no properties */
    assert_int_equal(rel.props[0].value.as.integer, 7);
    /* by keys: a text, and a number */
    sombra_arrow_ends ends = {.source = "from",
                              .target = "to",
                              .source_label = label,
                              .source_key = name,
                              .target_label = label,
                              .target_key = key};
    make(&p, 3);
    (void)add(&p, "from", "u", NULL, from_ends, "abc");
    (void)add(&p, "to", "l", NULL, numbers, NULL);
    OK(f, sombra_create_rels_arrow(f->txn, type, &ends, &p.stream, &made, &count));
    OK(f, sombra_get_rel(f->txn, made[1], &rel, &found));
    assert_int_equal(rel.source, ids[1]);
    assert_int_equal(rel.target, ids[0]);
    /* nobody has that key; null; no such column, index; one column for both */
    make(&p, 3);
    (void)add(&p, "from", "u", NULL, from_ends, "abx");
    (void)add(&p, "to", "l", NULL, numbers, NULL);
    FAILS(f, sombra_create_rels_arrow(f->txn, type, &ends, &p.stream, NULL, NULL), SOMBRA_NOT_FOUND,
          "batch 1: column 'from', row 2: no node has the key x");
    is_released(&p);
    make(&p, 3);
    (void)add(&p, "from", "u", second_null, from_ends, "abc");
    (void)add(&p, "to", "l", NULL, numbers, NULL);
    FAILS(f, sombra_create_rels_arrow(f->txn, type, &ends, &p.stream, NULL, NULL), SOMBRA_NOT_FOUND,
          "column 'from', row 1: it is null");
    make(&p, 3);
    (void)add(&p, "from", "u", NULL, from_ends, "abc");
    FAILS(f, sombra_create_rels_arrow(f->txn, type, &ends, &p.stream, NULL, NULL), SOMBRA_NOT_FOUND,
          "no column 'to'");
    make(&p, 3);
    (void)add(&p, "source", "l", NULL, ids, NULL);
    (void)add(&p, "target", "g", NULL, ids, NULL);
    FAILS(f, sombra_create_rels_arrow(f->txn, type, NULL, &p.stream, NULL, NULL),
          SOMBRA_TYPE_MISMATCH, "column 'target': ids");
    make(&p, 3);
    (void)add(&p, "source", "l", NULL, ids, NULL);
    (void)add(&p, "target", "l", NULL, own, NULL);
    FAILS(f, sombra_create_rels_arrow(f->txn, type, NULL, &p.stream, NULL, NULL), SOMBRA_NOT_FOUND,
          "batch 1");
    /* several have it, as an index may that is no constraint */
    const sombra_column twin = {.key = key, .type = SOMBRA_TYPE_INT, .integers = numbers + 2};
    uint64_t twin_id;
    OK(f, sombra_create_nodes(f->txn, &label, 1, 1, &twin, 1, &twin_id));
    make(&p, 3);
    (void)add(&p, "from", "u", NULL, from_ends, "abc");
    (void)add(&p, "to", "l", NULL, numbers, NULL);
    FAILS(f, sombra_create_rels_arrow(f->txn, type, &ends, &p.stream, NULL, NULL), SOMBRA_NOT_FOUND,
          "batch 1: column 'to', row 2: several nodes have the key 20");
    is_released(&p);
    ends.target = "from";
    make(&p, 3);
    (void)add(&p, "from", "u", NULL, from_ends, "abc");
    ends.target_key = name;
    FAILS(f, sombra_create_rels_arrow(f->txn, type, &ends, &p.stream, NULL, NULL), SOMBRA_INVALID,
          "same column");
    ends.target_key = type + 1000;
    make(&p, 3);
    (void)add(&p, "from", "u", NULL, from_ends, "abc");
    FAILS(f, sombra_create_rels_arrow(f->txn, type, &ends, &p.stream, NULL, NULL), SOMBRA_NOT_FOUND,
          "no index");
    ends.target_key = 0;
    make(&p, 3);
    FAILS(f, sombra_create_rels_arrow(f->txn, type, &ends, &p.stream, NULL, NULL), SOMBRA_MISUSE,
          "the targets have a label, but no key");
    is_released(&p);
    api_verify(f);
    uint64_t rels;
    OK(f, sombra_name_entities(f->txn, SOMBRA_TYPE, type, &rels));
    assert_int_equal(rels, 6);
    sombra_rollback(f->txn);
}

/* ---- All or none ----------------------------------------------------------------------------------------------------------------- */

static unsigned changes;
static void count_change(void *ctx, sombra_change change, uint64_t id)
{
    (void)ctx;
    (void)id;
    assert_int_equal(change, SOMBRA_NODE_CREATED);
    changes++;
}

static void test_api_arrow_in__all_or_none(void **state)
{
    static const int64_t i64[] = {1, 2, 3};
    api_fixture *f = *state;
    producer p;

    sombra_set_change_hook(f->conn, count_change, NULL);
    changes = 0;
    make(&p, 3);
    (void)add(&p, "i", "l", NULL, i64, NULL);
    p.batches = 4;
    p.fail_at = 4;
    refuse(f, &p, SOMBRA_IO, "the producer of the Arrow stream failed: no more paper");
    assert_int_equal(changes, 0);
    make(&p, 3);
    p.fail_at = -ENOMEM;
    refuse(f, &p, SOMBRA_NOMEM, "memory");
    make(&p, 3);
    (void)add(&p, "i", "l", NULL, i64, NULL);
    p.batches = 4;
    load(f, &p, "N", 12);
    assert_int_equal(changes, 12);
    sombra_set_change_hook(f->conn, NULL, NULL);
    assert_int_equal(api_node_count(f), 12);
    /* Constraints hold over all of the call. */
    api_begin(f, SOMBRA_WRITE);
    const uint32_t label = api_name(f, SOMBRA_LABEL, "U"), key = api_name(f, SOMBRA_KEY, "i");
    const sombra_schema unique = {
        .kind = SOMBRA_UNIQUE, .entity = label, .keys = &key, .key_count = 1};
    OK(f, sombra_schema_create(f->txn, &unique, NULL));
    make(&p, 3);
    (void)add(&p, "i", "l", NULL, i64, NULL);
    p.batches = 2;
    FAILS(f, sombra_create_nodes_arrow(f->txn, &label, 1, &p.stream, NULL, NULL), SOMBRA_CONSTRAINT,
          "batch 2: ");
    is_released(&p);
    api_commit(f);
    assert_int_equal(api_node_count(f), 12);
}

/* ---- Producers that lie, and misuse ------------------------------------------------------------------------------------------------ */

static void test_api_arrow_in__hostile(void **state)
{
    static const int64_t i64[] = {1, 2, INT64_MIN}, unordered[] = {0, 2, 1, 3};
    static const int64_t negative[] = {-1, 2, 2, 3}, sizes[] = {3};
    static const int32_t bad_view[] = {20, 0, 0, 0, 20, 0, 0, 0, 20, 0, 0, 0};
    static const int32_t far_view[] = {20, 0, 7, 0, 20, 0, 0, 0, 20, 0, 0, 0};
    static const uint8_t some[] = {0xF7};
    api_fixture *f = *state;
    producer p;

    make(&p, -1);
    refuse(f, &p, SOMBRA_INVALID, "batch 1: column '': the Arrow array is broken: length");
    make(&p, 3);
    p.batch.offset = INT64_MAX;
    refuse(f, &p, SOMBRA_INVALID, "length and offset");
    make(&p, 3);
    p.batch.length = INT64_MAX / 8;
    refuse(f, &p, SOMBRA_INVALID, "length and offset");
    make(&p, 3);
    p.batch.n_buffers = 0;
    refuse(f, &p, SOMBRA_INVALID, "too few buffers");
    make(&p, 3);
    p.batch.null_count = -1;
    p.batch.offset = 1;
    p.none[0] = some;
    refuse(f, &p, SOMBRA_INVALID, "rows that are null");
    make(&p, 3);
    (void)add(&p, "i", "l", NULL, i64, NULL);
    p.batch.n_children = 0;
    refuse(f, &p, SOMBRA_INVALID, "different children");
    make(&p, 3);
    (void)add(&p, "i", "l", NULL, i64, NULL);
    p.columns[0].length = 2;
    refuse(f, &p, SOMBRA_INVALID, "shorter");
    make(&p, 3);
    (void)add(&p, "i", "l", NULL, NULL, NULL);
    refuse(f, &p, SOMBRA_INVALID, "column 'i': the Arrow array is broken: a buffer is missing");
    make(&p, 3);
    (void)add(&p, "i", "L", NULL, i64, NULL);
    refuse(f, &p, SOMBRA_INVALID, "column 'i', row 2: 9223372036854775808 is greater");
    make(&p, 3);
    (void)add(&p, "i", "tdm", NULL, i64, NULL);
    refuse(f, &p, SOMBRA_INVALID, "column 'i', row 0: 1 is no DATE");
    make(&p, 3);
    (void)add(&p, "i", "ttu", NULL, i64, NULL);
    refuse(f, &p, SOMBRA_INVALID, "column 'i', row 2: -9223372036854775808 is no LOCAL TIME");
    make(&p, 3);
    (void)add(&p, "i", "U", NULL, unordered, "abc");
    refuse(f, &p, SOMBRA_INVALID, "offsets descend");
    make(&p, 3);
    (void)add(&p, "i", "U", NULL, negative, "abc");
    refuse(f, &p, SOMBRA_INVALID, "negative");
    make(&p, 3);
    (void)add(&p, "i", "u", NULL, i64, "\xff\xff\xff");
    p.columns[0].n_buffers = 2;
    refuse(f, &p, SOMBRA_INVALID, "too few buffers");
    make(&p, 1);
    static const int32_t three[] = {0, 3};
    (void)add(&p, "i", "u", NULL, three,
              "a\xff"
              "b");
    refuse(f, &p, SOMBRA_INVALID, "UTF-8");
    make(&p, 3);
    const int vu = add(&p, "i", "vu", NULL, bad_view, "abc");
    p.buffers[vu][3] = sizes;
    p.columns[vu].n_buffers = 4;
    refuse(f, &p, SOMBRA_INVALID, "out of its buffer");
    make(&p, 3);
    (void)add(&p, "i", "vu", NULL, far_view, "abc");
    p.buffers[0][3] = sizes;
    p.columns[0].n_buffers = 4;
    refuse(f, &p, SOMBRA_INVALID, "out of its buffer");
    make(&p, 3);
    (void)add_part(&p, add(&p, "i", "l", NULL, i64, NULL), "l", 2, i64, NULL, true);
    refuse(f, &p, SOMBRA_INVALID, "out of the dictionary");
    make(&p, 3);
    (void)add_part(&p, add(&p, "i", "+L", NULL, unordered, NULL), "l", 3, i64, NULL, false);
    refuse(f, &p, SOMBRA_INVALID, "offsets descend");
    make(&p, 3);
    (void)add_part(&p, add(&p, "i", "+L", NULL, unordered, NULL), "l", 1, i64, NULL, false);
    refuse(f, &p, SOMBRA_INVALID, "shorter than what refers to it");
    make(&p, 3);
    (void)add_part(&p, add(&p, "i", "+w:99999999999999999999", NULL, NULL, NULL), "l", 3, i64, NULL,
                   false);
    refuse(f, &p, SOMBRA_INVALID, "too long");
    make(&p, 3);
    (void)add_part(&p, add(&p, "i", "+s", NULL, NULL, NULL), "l", 3, i64, NULL, false);
    refuse(f, &p, SOMBRA_TYPE_MISMATCH, "only points");
    make(&p, 3);
    (void)add(&p, "i", "d:19,10", NULL, i64, NULL);
    refuse(f, &p, SOMBRA_TYPE_MISMATCH, "'d:19,10', a decimal: make it double");
    make(&p, 3);
    (void)add(&p, "i", "tss:Mars/Phobos", NULL, i64, NULL);
    refuse(f, &p, SOMBRA_INVALID, "column 'i': the system has no time zone 'Mars/Phobos'");
    make(&p, 3);
    (void)add(&p, "i", "tss:+19:00", NULL, i64, NULL);
    refuse(f, &p, SOMBRA_INVALID, "no time zone '+19:00'");
    make(&p, 3);
    (void)add(&p, "", "l", NULL, i64, NULL);
    refuse(f, &p, SOMBRA_INVALID, "has no name");
    make(&p, 3);
    (void)add(&p, "i", "l", NULL, i64, NULL);
    (void)add(&p, "i", "l", NULL, i64, NULL);
    refuse(f, &p, SOMBRA_INVALID, "once more");
    make(&p, 3);
    p.schema.format = "l";
    refuse(f, &p, SOMBRA_TYPE_MISMATCH, "record batches");
    /* Nested deeper than anything that a property could be. */
    struct ArrowSchema schemas[20], *schema_pointers[20];
    struct ArrowArray arrays[20], *array_pointers[20];
    make(&p, 3);
    (void)add(&p, "i", "+l", NULL, i64, NULL);
    for (int i = 0; i < 20; i++) {
        schemas[i] = p.fields[0];
        arrays[i] = p.columns[0];
        schemas[i].n_children = arrays[i].n_children = i == 19 ? 0 : 1;
        schema_pointers[i] = &schemas[i];
        array_pointers[i] = &arrays[i];
        schemas[i].children = &schema_pointers[i] + 1;
        arrays[i].children = &array_pointers[i] + 1;
    }
    p.field_pointers[0] = schemas;
    p.column_pointers[0] = arrays;
    refuse(f, &p, SOMBRA_INVALID, "too deep");
}

static bool stop(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    (void)total;
    return done < 6;
}

static void test_api_arrow_in__misuse(void **state)
{
    static const int64_t i64[] = {1, 2, 3};
    api_fixture *f = *state;
    struct ArrowArrayStream stream;
    producer p;

    make(&p, 3);
    assert_int_equal(sombra_create_nodes_arrow(NULL, NULL, 0, &p.stream, NULL, NULL),
                     SOMBRA_MISUSE);
    is_released(&p);
    api_begin(f, SOMBRA_READ);
    make(&p, 3);
    FAILS(f, sombra_create_nodes_arrow(f->txn, NULL, 0, &p.stream, NULL, NULL), SOMBRA_READ_ONLY,
          "read");
    is_released(&p);
    sombra_rollback(f->txn);
    api_begin(f, SOMBRA_WRITE);
    FAILS(f, sombra_create_nodes_arrow(f->txn, NULL, 0, NULL, NULL, NULL), SOMBRA_MISUSE, "stream");
    FAILS(f, sombra_create_nodes_arrow(f->txn, NULL, 0, &p.stream, NULL, NULL), SOMBRA_MISUSE,
          "stream"); /* released already */
    sombra_set_progress(f->conn, stop, NULL);
    make(&p, 3);
    (void)add(&p, "i", "l", NULL, i64, NULL);
    p.batches = 4;
    FAILS(f, sombra_create_nodes_arrow(f->txn, NULL, 0, &p.stream, NULL, NULL), SOMBRA_INTERRUPT,
          "cancelled");
    sombra_set_progress(f->conn, NULL, NULL);
    /* A statement of the same connection that still runs. */
    sombra_stmt *stmt;
    OK(f, sombra_prepare(f->conn, "UNWIND range(1, 5000) AS i RETURN i", SOMBRA_NUL_TERMINATED,
                         &stmt, NULL));
    OK(f, sombra_stmt_arrow(stmt, 1000, &stream));
    FAILS(f, sombra_create_nodes_arrow(f->txn, NULL, 0, &stream, NULL, NULL), SOMBRA_IO,
          "own statement");
    assert_null(stream.release);
    /* One whose rows are all there may be. */
    size_t count;
    OK(f, sombra_stmt_arrow(stmt, 0, &stream));
    OK(f, sombra_create_nodes_arrow(f->txn, NULL, 0, &stream, NULL, &count));
    assert_int_equal(count, 5000);
    sombra_stmt_finalize(stmt);
    /* No rows, no columns. */
    make(&p, 0);
    OK(f, sombra_create_nodes_arrow(f->txn, NULL, 0, &p.stream, NULL, &count));
    assert_int_equal(count, 0);
    make(&p, 3);
    OK(f, sombra_create_nodes_arrow(f->txn, NULL, 0, &p.stream, NULL, &count));
    assert_int_equal(count, 3);
    sombra_rollback(f->txn);
}

static void test_api_arrow_in__no_memory(void **state)
{
    static const int64_t i64[] = {1, 2, 3}, large[] = {0, 1, 1, 4};
    static const int32_t offsets[] = {0, 1, 2, 3};
    static const int8_t indexes[] = {2, 0, 1};
    sombra_status status = SOMBRA_NOMEM;
    api_rig r;
    size_t n = 0;

    (void)state;
    api_rig_init(&r);
    OK_ERROR(&r, api_rig_open(&r));
    while (status == SOMBRA_NOMEM) {
        producer p;
        uint32_t label;

        OK(&r, sombra_begin(r.conn, SOMBRA_WRITE, &r.txn));
        OK(&r, sombra_name_intern(r.txn, SOMBRA_LABEL, "N", 1, &label));
        make(&p, 3);
        (void)add(&p, "i", "l", NULL, i64, NULL);
        (void)add(&p, "j", "i", second_null, i64, NULL);
        (void)add(&p, "u", "U", NULL, large, "axyz");
        (void)add(&p, "t", "tsn:", second_null, i64, NULL);
        (void)add_part(&p, add(&p, "l", "+l", NULL, offsets, NULL), "l", 3, i64, NULL, false);
        (void)add_part(&p, add(&p, "d", "c", NULL, indexes, NULL), "l", 3, i64, NULL, true);
        p.batches = 3;
        api_rig_fail_memory(&r, ++n, false);
        status = sombra_create_nodes_arrow(r.txn, &label, 1, &p.stream, NULL, NULL);
        const bool failed = atomic_load(&r.memory.alloc_count) >= atomic_load(&r.memory.fail_at);
        api_rig_fail_memory(&r, 0, false);
        is_released(&p);
        if (status != SOMBRA_OK) assert_int_equal(status, SOMBRA_NOMEM);
        uint64_t count;
        OK(&r, sombra_name_entities(r.txn, SOMBRA_LABEL, label, &count));
        assert_int_equal(count, status == SOMBRA_OK ? 9 : 0);
        sombra_rollback(r.txn);
        if (status == SOMBRA_OK && failed) status = SOMBRA_NOMEM; /* one that was not needed */
    }
    assert_true(n > 5);
    OK_ERROR(&r, api_rig_close(&r));
    api_rig_deinit(&r);
    assert_int_equal(atomic_load(&r.memory.live_blocks), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_api_arrow_in__numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow_in__slices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow_in__texts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow_in__temporal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow_in__parts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow_in__round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow_in__rels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow_in__all_or_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow_in__hostile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_arrow_in__misuse, setup, teardown),
        cmocka_unit_test(test_api_arrow_in__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
