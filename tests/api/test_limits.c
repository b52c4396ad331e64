/* test_limits.c — the limits of docs/LIMITS.md that a program can reach: the last value works, the next says SOMBRA_LIMIT.
 * Those that no test can reach by use are in tests/unit/store and tests/unit/pager. */
#include <sys/mman.h>

#include "support/api_fixture.h"

#include "store/value.h"

static void test_api_limits__name_bytes(void **state)
{
    api_fixture f;
    char name[1026];
    uint32_t id;
    size_t size;
    (void)state;

    memset(name, 'n', sizeof name);
    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    for (int kind = SOMBRA_LABEL; kind <= SOMBRA_KEY; kind++) {
        OK(&f, sombra_name_intern(f.txn, (sombra_name_kind)kind, name, 1024, &id));
        FAILS(&f, sombra_name_intern(f.txn, (sombra_name_kind)kind, name, 1025, &id), SOMBRA_LIMIT,
              "1024");
        assert_int_equal(id, 0);
    }
    api_commit(&f);
    api_reopen(&f);
    api_begin(&f, SOMBRA_READ);
    assert_memory_equal(sombra_name_text(f.txn, SOMBRA_KEY, 1, &size), name, 1024);
    assert_int_equal(size, 1024);
    api_end(&f);
}

static void test_api_limits__name_of_an_index(void **state)
{
    api_fixture f;
    char name[1025];
    uint32_t id, key;
    sombra_schema index = {.kind = SOMBRA_INDEX, .keys = &key, .key_count = 1, .name = name};
    (void)state;

    memset(name, 'i', sizeof name);
    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    index.entity = api_name(&f, SOMBRA_LABEL, "L");
    key = api_name(&f, SOMBRA_KEY, "k");
    index.name_size = 1025;
    FAILS(&f, sombra_schema_create(f.txn, &index, &id), SOMBRA_LIMIT, "1024");
    index.name_size = 1024;
    OK(&f, sombra_schema_create(f.txn, &index, &id));
    api_commit(&f);
    api_end(&f);
}

static void test_api_limits__labels_of_a_node(void **state)
{
    enum { MOST = 26112 };
    api_fixture f;
    uint32_t *labels = calloc(MOST + 1, sizeof *labels);
    sombra_node node;
    bool found;
    uint64_t id;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    for (int i = 0; i <= MOST; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "L%d", i);
        labels[i] = api_name(&f, SOMBRA_LABEL, name);
    }
    FAILS(&f, sombra_create_nodes(f.txn, labels, MOST + 1, 1, NULL, 0, NULL), SOMBRA_LIMIT,
          "26112");
    OK(&f, sombra_create_nodes(f.txn, labels, MOST, 1, NULL, 0, &id));
    api_commit(&f);
    api_reopen(&f);
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_get_node(f.txn, id, &node, &found));
    assert_int_equal(node.label_count, MOST);
    assert_int_equal(node.labels[MOST - 1], labels[MOST - 1]);
    free(labels);
    api_end(&f);
}

/* 20 relationships, or one, to or from something that is no node, by each call that makes them. */
static void check_no_end(api_fixture *f, uint32_t type, uint64_t node, uint64_t none)
{
    uint64_t good[20], bad[20];
    sombra_op ops[20];
    sombra_builder *builder;

    for (int i = 0; i < 20; i++)
        good[i] = bad[i] = node;
    for (int i = 0; i < 20; i++)
        ops[i] = (sombra_op){
            .kind = SOMBRA_CREATE_REL, .type = type, .source = {node, -1}, .target = {node, -1}};
    FAILS(f, sombra_create_rels(f->txn, type, 1, &none, good, NULL, 0, NULL), SOMBRA_NOT_FOUND,
          "relationship 0: its source node");
    FAILS(f, sombra_create_rels(f->txn, type, 1, good, &none, NULL, 0, NULL), SOMBRA_NOT_FOUND,
          "relationship 0: its target node");
    bad[17] = none;
    FAILS(f, sombra_create_rels(f->txn, type, 20, bad, good, NULL, 0, NULL), SOMBRA_NOT_FOUND,
          "relationship 17: its source node");
    FAILS(f, sombra_create_rels(f->txn, type, 20, good, bad, NULL, 0, NULL), SOMBRA_NOT_FOUND,
          "relationship 17: its target node");
    ops[17].target.id = none;
    FAILS(f, sombra_mutate(f->txn, ops, 20, NULL), SOMBRA_NOT_FOUND, "op 17: its target node");
    ops[3].source.id = none;
    FAILS(f, sombra_mutate(f->txn, ops, 5, NULL), SOMBRA_NOT_FOUND, "op 3: its source node");
    OK(f, sombra_builder_open(f->txn, &builder));
    if (sombra_builder_rel(builder, sombra_ref_id(none), type, sombra_ref_id(node), NULL, 0) ==
        SOMBRA_OK) /* 0 waits until the execution */
        FAILS(f, sombra_builder_execute(builder, NULL), SOMBRA_NOT_FOUND, "its source node");
    sombra_builder_close(builder);
}

/* What is there is found by its id; what has no such id is not. */
static void check_no_entity(api_fixture *f, uint32_t label, uint32_t key, uint64_t none)
{
    static const sombra_op_kind kinds[] = {SOMBRA_SET_PROPS, SOMBRA_ADD_LABELS,
                                           SOMBRA_REMOVE_LABELS, SOMBRA_DELETE_NODE,
                                           SOMBRA_DELETE_REL};
    const sombra_prop prop = {.key = key, .value = sombra_int(1)};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int on_rel = 0; on_rel < (kinds[i] == SOMBRA_SET_PROPS ? 2 : 1); on_rel++) {
            const sombra_op op = {.kind = kinds[i],
                                  .entity = {none, -1},
                                  .on_rel = on_rel != 0,
                                  .labels = &label,
                                  .label_count = 1,
                                  .props = &prop,
                                  .prop_count = 1,
                                  .detach = true};
            FAILS(f, sombra_mutate(f->txn, &op, 1, NULL), SOMBRA_NOT_FOUND, "does not exist");
        }
}

/* An id is 40 bits; the bits above it would name another type's lists, where one tree holds those of several types. */
static void test_api_limits__ids_that_nothing_has(void **state)
{
    static const uint64_t past = UINT64_C(1) << 40;
    (void)state;

    for (int trusted = 0; trusted < 2; trusted++) {
        api_fixture f;
        uint64_t nodes[3], degree, rel;
        uint32_t types[2], label, key;
        const uint64_t last = past - 1;

        api_new(&f);
        f.options.trusted_endpoints = trusted != 0;
        api_reopen(&f);
        api_begin(&f, SOMBRA_WRITE);
        types[0] = api_name(&f, SOMBRA_TYPE, "T");
        types[1] = api_name(&f, SOMBRA_TYPE, "U");
        label = api_name(&f, SOMBRA_LABEL, "Person");
        key = api_name(&f, SOMBRA_KEY, "number");
        for (int i = 0; i < 3; i++)
            nodes[i] = api_node(&f, "Person", i);
        rel = api_rel(&f, nodes[0], "U", nodes[1]);
        api_commit(&f);
        api_begin(&f, SOMBRA_WRITE);
        {
            const uint64_t none[] = {0,          past,           past + nodes[0], 2 * past,
                                     UINT64_MAX, UINT64_MAX - 1, INT64_MAX};
            for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
                check_no_end(&f, types[0], nodes[2], none[i]);
                check_no_entity(&f, label, key, none[i]);
            }
        }
        api_commit(&f);
        api_begin(&f, SOMBRA_WRITE);
        for (int t = 0; t < 2; t++) {
            OK(&f, sombra_degree(f.txn, nodes[0], SOMBRA_OUT, &types[t], 1, &degree));
            assert_int_equal(degree, t);
        }
        OK(&f, sombra_rel_between(f.txn, nodes[0], nodes[1], types[1], &degree));
        assert_int_equal(degree, rel);
        api_verify(&f);
#ifdef NDEBUG
        if (trusted) { /* the last id is believed */
            OK(&f, sombra_create_rels(f.txn, types[0], 1, &last, &nodes[0], NULL, 0, NULL));
            OK(&f, sombra_degree(f.txn, nodes[0], SOMBRA_IN, types, 2, &degree));
            assert_int_equal(degree, 1);
            sombra_rollback(f.txn);
            api_end(&f);
            continue;
        }
#endif
        FAILS(&f, sombra_create_rels(f.txn, types[0], 1, &last, &nodes[0], NULL, 0, NULL),
              SOMBRA_NOT_FOUND, "1099511627775");
        sombra_rollback(f.txn);
        api_end(&f);
    }
}

static void test_api_limits__keys_of_an_index(void **state)
{
    api_fixture f;
    uint32_t label, keys[17], id;
    sombra_schema index = {.kind = SOMBRA_INDEX, .keys = keys, .key_count = 17};
    sombra_column columns[16];
    sombra_value values[16];
    uint64_t node, found;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    label = api_name(&f, SOMBRA_LABEL, "Wide");
    index.entity = label;
    for (int i = 0; i < 17; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "k%d", i);
        keys[i] = api_name(&f, SOMBRA_KEY, name);
        if (i == 16) break;
        values[i] = api_text(name);
        values[i].as.bytes.size = 1;
        columns[i] =
            (sombra_column){.key = keys[i], .type = SOMBRA_TYPE_NULL, .values = &values[i]};
        values[i] = sombra_int(i);
    }
    FAILS(&f, sombra_schema_create(f.txn, &index, &id), SOMBRA_LIMIT, "16 keys");
    index.key_count = 16;
    OK(&f, sombra_schema_create(f.txn, &index, &id));
    OK(&f, sombra_create_nodes(f.txn, &label, 1, 1, columns, 16, &node));
    OK(&f, sombra_lookup(f.txn, id, values, 16, &found));
    assert_int_equal(found, node);
    api_verify(&f);
    api_commit(&f);
    api_end(&f);
}

/* Index keys are cut at a quarter of a page: values may be longer, and are told apart all the same. */
static void test_api_limits__indexed_values_may_be_long(void **state)
{
    enum { BYTES = 50000 };
    api_fixture f;
    uint32_t label, key, id;
    char *texts[3];
    uint64_t ids[3], found;
    (void)state;

    api_new(&f);
    f.options.page_size = 4096;
    api_close(&f);
    api_remove(API_PATH);
    api_open_at(&f, API_PATH);
    api_begin(&f, SOMBRA_WRITE);
    label = api_name(&f, SOMBRA_LABEL, "Text");
    key = api_name(&f, SOMBRA_KEY, "text");
    {
        const sombra_schema unique = {
            .kind = SOMBRA_UNIQUE, .entity = label, .keys = &key, .key_count = 1};
        OK(&f, sombra_schema_create(f.txn, &unique, &id));
    }
    for (int i = 0; i < 3; i++) {
        sombra_value value;
        const sombra_column column = {.key = key, .type = SOMBRA_TYPE_NULL, .values = &value};
        texts[i] = malloc(BYTES);
        memset(texts[i], 'x', BYTES);
        texts[i][BYTES - 1] = (char)('a' + i); /* they differ in the last byte alone */
        value = sombra_string(texts[i], BYTES);
        OK(&f, sombra_create_nodes(f.txn, &label, 1, 1, &column, 1, &ids[i]));
        FAILS(&f, sombra_create_nodes(f.txn, &label, 1, 1, &column, 1, NULL), SOMBRA_CONSTRAINT,
              "text");
    }
    for (int i = 0; i < 3; i++) {
        const sombra_value value = sombra_string(texts[i], BYTES);
        OK(&f, sombra_lookup(f.txn, id, &value, 1, &found));
        assert_int_equal(found, ids[i]);
        free(texts[i]);
    }
    api_verify(&f);
    api_commit(&f);
    api_end(&f);
}

static sombra_status create_with(api_fixture *f, uint32_t key, const sombra_value *value)
{
    const sombra_column column = {.key = key, .type = SOMBRA_TYPE_NULL, .values = value};

    return sombra_create_nodes(f->txn, NULL, 0, 1, &column, 1, NULL);
}

/* What is as long as possible is checked, but not stored: that would take 2 GiB. */
static void test_api_limits__value_bytes(void **state)
{
    const size_t most = 2147483647;
    uint8_t *mapped =
        mmap(NULL, most + 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    api_fixture f;
    uint32_t key;
    (void)state;

    assert_true(mapped != MAP_FAILED);
    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    key = api_name(&f, SOMBRA_KEY, "data");
    {
        const sombra_value two = sombra_bytes(mapped, most + 1);
        const sombra_value items[2] = {sombra_bytes(mapped, most), sombra_bytes(mapped, most)};
        const sombra_value list = {.type = SOMBRA_TYPE_LIST, .as.list = {items, 2}};
        FAILS(&f, create_with(&f, key, &two), SOMBRA_LIMIT, "2147483647");
        FAILS(&f, create_with(&f, key, &list), SOMBRA_LIMIT, "2147483647");
    }
    {
        const sb_value whole = {.type = SB_TYPE_BYTES, .as.bytes = {mapped, most}};
        sb_value item = whole;
        sb_value list = {.type = SB_TYPE_LIST, .as.list = {&item, 1}};
        item.as.bytes.size -= sb_value_cell_bytes(&list) - most;
        assert_int_equal(sb_value_cell_bytes(&list), most);
        assert_int_equal(sb_value_check(&list, NULL), SB_OK);
        item.as.bytes.size++;
        assert_int_equal(sb_value_check(&list, NULL), SB_LIMIT);
        assert_int_equal(sb_value_check(&whole, NULL), SB_OK);
    }
    { /* a few megabytes are an everyday value */
        const sombra_text text = {(const char *)mapped, 5000001};
        const sombra_column column = {.key = key, .type = SOMBRA_TYPE_BYTES, .texts = &text};
        sombra_value back;
        bool found;
        uint64_t id;
        OK(&f, sombra_create_nodes(f.txn, NULL, 0, 1, &column, 1, &id));
        OK(&f, sombra_get_props(f.txn, SOMBRA_NODE, id, &key, 1, &back, &found));
        assert_int_equal(back.as.bytes.size, 5000001);
    }
    api_commit(&f);
    assert_int_equal(munmap(mapped, most + 1), 0);
    api_end(&f);
}

static void test_api_limits__zone_bytes(void **state)
{
    char zone[257];
    api_fixture f;
    uint32_t key;
    (void)state;

    memset(zone, 'z', sizeof zone);
    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    key = api_name(&f, SOMBRA_KEY, "when");
    {
        const sombra_value good = {.type = SOMBRA_TYPE_DATETIME, .as.datetime = {0, 0, 255, zone}};
        const sombra_value bad = {.type = SOMBRA_TYPE_DATETIME, .as.datetime = {0, 0, 256, zone}};
        OK(&f, create_with(&f, key, &good));
        FAILS(&f, create_with(&f, key, &bad), SOMBRA_LIMIT, "255");
    }
    api_verify(&f);
    api_commit(&f);
    api_end(&f);
}

#define DATE(n)                                                                                    \
    {                                                                                              \
        .type = SOMBRA_TYPE_DATE, .as.integer = (n)                                                \
    }
#define LOCAL_TIME(n)                                                                              \
    {                                                                                              \
        .type = SOMBRA_TYPE_LOCAL_TIME, .as.integer = (n)                                          \
    }
#define TIME(n, off)                                                                               \
    {                                                                                              \
        .type = SOMBRA_TYPE_TIME, .as.time = {(n), (off) }                                         \
    }
#define LOCAL(s, n)                                                                                \
    {                                                                                              \
        .type = SOMBRA_TYPE_LOCAL_DATETIME, .extra = (n), .as.datetime = {.seconds = (s) }         \
    }
#define ZONED(s, off)                                                                              \
    {                                                                                              \
        .type = SOMBRA_TYPE_DATETIME, .as.datetime = {.seconds = (s), .offset = (off) }            \
    }
#define DURATION(m, n)                                                                             \
    {                                                                                              \
        .type = SOMBRA_TYPE_DURATION, .as.duration = {(m), INT64_MIN, INT64_MAX, (n) }             \
    }

/* Days and seconds from 1970 to the first moment of the year -999,999,999, and to the last of 999,999,999. */
#define FIRST_DAY    (-365243219162)
#define LAST_DAY     365241780471
#define FIRST_SECOND (-31557014135596800)
#define LAST_SECOND  31556889832780799

static void test_api_limits__times(void **state)
{
    static const struct {
        sombra_value good, bad;
    } pairs[] = {
        {DATE(FIRST_DAY), DATE(FIRST_DAY - 1)},
        {DATE(LAST_DAY), DATE(LAST_DAY + 1)},
        {LOCAL(FIRST_SECOND, 0), LOCAL(FIRST_SECOND - 1, 0)},
        {LOCAL(LAST_SECOND, 999999999), LOCAL(LAST_SECOND + 1, 0)},
        {LOCAL(0, 999999999), LOCAL(0, 1000000000)},
        {ZONED(FIRST_SECOND, 0), ZONED(FIRST_SECOND - 1, 0)},
        {ZONED(LAST_SECOND, 0), ZONED(LAST_SECOND + 1, 0)},
        {ZONED(0, 64800), ZONED(0, 64801)},
        {ZONED(0, -64800), ZONED(0, -64801)},
        {TIME(0, 64800), TIME(0, 64801)},
        {TIME(0, -64800), TIME(0, -64801)},
        {TIME(86399999999999, 0), TIME(86400000000000, 0)},
        {LOCAL_TIME(0), LOCAL_TIME(-1)},
        {LOCAL_TIME(86399999999999), LOCAL_TIME(86400000000000)},
        {DURATION(INT64_MAX, 999999999), DURATION(0, 1000000000)},
    };
    api_fixture f;
    uint32_t key;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    key = api_name(&f, SOMBRA_KEY, "when");
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        OK(&f, create_with(&f, key, &pairs[i].good));
        FAILS(&f, create_with(&f, key, &pairs[i].bad), SOMBRA_INVALID, "range");
    }
    api_verify(&f);
    api_commit(&f);
    api_end(&f);
}

/* Connections of all processes share the reader slots of a file. */
static void test_api_limits__connections_of_a_file(void **state)
{
    api_fixture f;
    sombra_conn *conns[1000], *extra = NULL;
    (void)state;

    api_new(&f);
    conns[0] = f.conn;
    for (int i = 1; i < 1000; i++)
        OK_ERROR(&f, sombra_connect(f.db, &conns[i], &f.error));
    FAILS_ERROR(&f, sombra_connect(f.db, &extra, &f.error), SOMBRA_LIMIT, "1000");
    assert_null(extra);
    sombra_disconnect(conns[500]);
    OK_ERROR(&f, sombra_connect(f.db, &conns[500], &f.error));
    for (int i = 1; i < 1000; i++)
        sombra_disconnect(conns[i]);
    api_begin(&f, SOMBRA_WRITE);
    (void)api_node(&f, "Person", 1);
    api_commit(&f);
    api_end(&f);
}

/* Nothing of the lists is read before their length is refused. One less is refused for another reason, by which nothing of them is read
 * either. */
static void test_api_limits__items_of_one_call(void **state)
{
    api_fixture f;
    const size_t most = 4294967295, many = most + 1;
    const sombra_op op = {0};
    const uint64_t id = 1;
    const uint32_t unknown = 999;
    sombra_mutation done;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    FAILS(&f, sombra_create_nodes(f.txn, &unknown, 1, many, NULL, 0, NULL), SOMBRA_LIMIT,
          "4294967295");
    FAILS(&f, sombra_create_nodes(f.txn, &unknown, 1, most, NULL, 0, NULL), SOMBRA_INVALID, "999");
    FAILS(&f, sombra_create_rels(f.txn, unknown, many, &id, &id, NULL, 0, NULL), SOMBRA_LIMIT,
          "4294967295");
    FAILS(&f, sombra_create_rels(f.txn, unknown, most, &id, &id, NULL, 0, NULL), SOMBRA_INVALID,
          "999");
    FAILS(&f, sombra_mutate(f.txn, &op, many, &done), SOMBRA_LIMIT, "4294967295");
    FAILS(&f, sombra_mutate(f.txn, &op, most, &done), SOMBRA_NOMEM, "memory");
    assert_int_equal(sombra_create_nodes(f.txn, NULL, 0, 1, NULL, 0, NULL), SOMBRA_OK);
    api_commit(&f);
    api_end(&f);
}

/* Properties of a node, and of a graph: bounded by nothing that one meets. */
static void test_api_limits__many_properties(void **state)
{
    enum { KEYS = 3000 };
    api_fixture f;
    sombra_prop *props = calloc(KEYS, sizeof *props);
    sombra_mutation done;
    sombra_node node;
    bool found;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    for (int i = 0; i < KEYS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "key%d", i);
        props[i] = (sombra_prop){.key = api_name(&f, SOMBRA_KEY, name), .value = sombra_int(i)};
    }
    {
        const sombra_op op = {.kind = SOMBRA_CREATE_NODE, .props = props, .prop_count = KEYS};
        OK(&f, sombra_mutate(f.txn, &op, 1, &done));
    }
    OK(&f, sombra_get_node(f.txn, done.ids[0], &node, &found));
    assert_int_equal(node.prop_count, KEYS);
    assert_int_equal(node.props[KEYS - 1].value.as.integer, KEYS - 1);
    api_verify(&f);
    api_commit(&f);
    free(props);
    api_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_limits__name_bytes),
        cmocka_unit_test(test_api_limits__name_of_an_index),
        cmocka_unit_test(test_api_limits__labels_of_a_node),
        cmocka_unit_test(test_api_limits__ids_that_nothing_has),
        cmocka_unit_test(test_api_limits__keys_of_an_index),
        cmocka_unit_test(test_api_limits__indexed_values_may_be_long),
        cmocka_unit_test(test_api_limits__value_bytes),
        cmocka_unit_test(test_api_limits__zone_bytes),
        cmocka_unit_test(test_api_limits__times),
        cmocka_unit_test(test_api_limits__connections_of_a_file),
        cmocka_unit_test(test_api_limits__items_of_one_call),
        cmocka_unit_test(test_api_limits__many_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
