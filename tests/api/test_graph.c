/* test_graph.c — names, creating, changing, reading, scanning, traversing and schema through sombra.h, with the failures
 * of each and what they say. */
#include <math.h>

#include "support/api_rows.h"

/* ---- Names ----------------------------------------------------------------------------------------------------- */

static void test_api_graph__names(void **state)
{
    static const sombra_name_kind kinds[] = {SOMBRA_LABEL, SOMBRA_TYPE, SOMBRA_KEY};
    api_fixture f;
    uint32_t id;
    size_t size;
    uint64_t count;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    for (size_t i = 0; i < 3; i++) {
        OK(&f, sombra_name_find(f.txn, kinds[i], "Äpfel und Birnen", SOMBRA_NUL_TERMINATED, &id));
        assert_int_equal(id, SOMBRA_NO_NAME);
        assert_int_equal(sombra_name_count(f.txn, kinds[i]), 0);
        assert_int_equal(api_name(&f, kinds[i], "Äpfel und Birnen"), 1);
        assert_int_equal(api_name(&f, kinds[i], "second"), 2);
        assert_int_equal(api_name(&f, kinds[i], "Äpfel und Birnen"), 1);
        OK(&f, sombra_name_intern(f.txn, kinds[i], "secondary", 6, &id));
        assert_int_equal(id, 2);
        assert_int_equal(sombra_name_count(f.txn, kinds[i]), 2);
        assert_memory_equal(sombra_name_text(f.txn, kinds[i], 2, &size), "second", 6);
        assert_int_equal(size, 6);
        assert_null(sombra_name_text(f.txn, kinds[i], 3, &size));
        assert_null(sombra_name_text(f.txn, kinds[i], 0, &size));
        assert_int_equal(size, 0);
        FAILS(&f, sombra_name_intern(f.txn, kinds[i], "", 0, &id), SOMBRA_INVALID, "name");
        FAILS(&f, sombra_name_intern(f.txn, kinds[i], "a\xFFz", 3, &id), SOMBRA_INVALID, "UTF-8");
        FAILS(&f, sombra_name_intern(f.txn, kinds[i], NULL, 0, &id), SOMBRA_MISUSE, "name");
        assert_int_equal(id, 0);
    }
    FAILS(&f, sombra_name_intern(f.txn, (sombra_name_kind)3, "x", 1, &id), SOMBRA_MISUSE,
          "sombra_name_intern: kind is 3, which is no kind of name");
    FAILS(&f, sombra_name_find(f.txn, (sombra_name_kind)3, "x", 1, &id), SOMBRA_MISUSE,
          "sombra_name_find: kind is 3, which is no kind of name");
    assert_null(sombra_name_text(f.txn, (sombra_name_kind)9, 1, NULL));
    assert_int_equal(sombra_name_count(f.txn, (sombra_name_kind)9), 0);
    FAILS(&f, sombra_name_entities(f.txn, SOMBRA_KEY, 1, &count), SOMBRA_INVALID,
          "labels and types");
    (void)api_node(&f, "second", 1);
    (void)api_rel(&f, 1, "second", 1);
    OK(&f, sombra_name_entities(f.txn, SOMBRA_LABEL, 2, &count));
    assert_int_equal(count, 1);
    OK(&f, sombra_name_entities(f.txn, SOMBRA_LABEL, 1, &count));
    assert_int_equal(count, 0);
    OK(&f, sombra_name_entities(f.txn, SOMBRA_TYPE, 0, &count));
    assert_int_equal(count, 1);
    api_commit(&f);
    api_end(&f);
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

#define VALUE_COUNT 15
static void all_values(sombra_value values[VALUE_COUNT])
{
    static sombra_value items[2];
    memset(values, 0, VALUE_COUNT * sizeof *values);
    items[0] = sombra_int(1);
    items[1] = sombra_int(-2);
    values[0] = sombra_bool(true);
    values[1] = sombra_int(INT64_MIN);
    values[2] = sombra_float(-0.25);
    values[3] = api_text("Grüße");
    values[4] = sombra_bytes("\0\xFF\1", 3);
    values[5] = (sombra_value){.type = SOMBRA_TYPE_DATE, .as.integer = 19000};
    values[6] = (sombra_value){.type = SOMBRA_TYPE_LOCAL_TIME, .as.integer = 86399999999999};
    values[7] = (sombra_value){.type = SOMBRA_TYPE_TIME, .as.time = {1000, 7200}};
    values[8] =
        (sombra_value){.type = SOMBRA_TYPE_LOCAL_DATETIME, .extra = 5, .as.datetime.seconds = -1};
    values[9] = (sombra_value){.type = SOMBRA_TYPE_DATETIME,
                               .extra = 999999999,
                               .as.datetime = {1700000000, 3600, 13, "Europe/Berlin"}};
    values[10] = (sombra_value){.type = SOMBRA_TYPE_DURATION, .as.duration = {14, -3, 7, 8}};
    values[11] =
        (sombra_value){.type = SOMBRA_TYPE_POINT, .extra = 7203, .as.point = {1.5, -2.5, 0}};
    values[12] =
        (sombra_value){.type = SOMBRA_TYPE_POINT, .extra = 4979, .as.point = {13.4, 52.5, 34}};
    values[13] = (sombra_value){.type = SOMBRA_TYPE_LIST, .as.list = {items, 2}};
    values[14] = sombra_string(NULL, 0);
}

static void assert_same_value(const sombra_value *a, const sombra_value *b)
{
    char one[256], two[256];
    size_t m, n;
    assert_int_equal(a->type, b->type);
    assert_int_equal(sombra_value_to_text(a, one, sizeof one, &m), SOMBRA_OK);
    assert_int_equal(sombra_value_to_text(b, two, sizeof two, &n), SOMBRA_OK);
    assert_int_equal(m, n);
    assert_memory_equal(one, two, m);
}

/* Every type, on nodes and relationships, back by single key, whole record and after a reopening. */
static void test_api_graph__values_round_trip(void **state)
{
    api_fixture f;
    sombra_value values[VALUE_COUNT], back[VALUE_COUNT];
    uint32_t keys[VALUE_COUNT], label, type;
    sombra_column columns[VALUE_COUNT];
    uint64_t node, rel;
    (void)state;

    api_new(&f);
    all_values(values);
    api_begin(&f, SOMBRA_WRITE);
    label = api_name(&f, SOMBRA_LABEL, "All");
    type = api_name(&f, SOMBRA_TYPE, "ALL");
    for (int i = 0; i < VALUE_COUNT; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "key%d", i);
        keys[i] = api_name(&f, SOMBRA_KEY, name);
        columns[i] =
            (sombra_column){.key = keys[i], .type = SOMBRA_TYPE_NULL, .values = &values[i]};
    }
    OK(&f, sombra_create_nodes(f.txn, &label, 1, 1, columns, VALUE_COUNT, &node));
    OK(&f, sombra_create_rels(f.txn, type, 1, &node, &node, columns, VALUE_COUNT, &rel));
    api_commit(&f);
    api_reopen(&f);
    api_begin(&f, SOMBRA_READ);
    for (int on_rel = 0; on_rel < 2; on_rel++) {
        const sombra_entity entity = on_rel ? SOMBRA_REL : SOMBRA_NODE;
        const sombra_prop *props;
        size_t prop_count;
        sombra_node whole_node;
        sombra_rel whole_rel;
        uint8_t present;
        bool found;
        uint64_t ids[2];
        sombra_value many[2 * VALUE_COUNT];

        OK(&f,
           sombra_get_props(f.txn, entity, on_rel ? rel : node, keys, VALUE_COUNT, back, &found));
        assert_true(found);
        for (int i = 0; i < VALUE_COUNT; i++)
            assert_same_value(&values[i], &back[i]);
        ids[0] = 4711;
        ids[1] = on_rel ? rel : node;
        OK(&f, sombra_get_props_many(f.txn, entity, ids, 2, keys, VALUE_COUNT, many, &present));
        assert_int_equal(present & 3, 2);
        for (int i = 0; i < VALUE_COUNT; i++)
            assert_same_value(&values[i], &many[VALUE_COUNT + i]);
        if (on_rel) {
            OK(&f, sombra_get_rel(f.txn, rel, &whole_rel, &found));
            assert_true(found && whole_rel.id == rel && whole_rel.source == node &&
                        whole_rel.target == node && whole_rel.type == type);
            props = whole_rel.props;
            prop_count = whole_rel.prop_count;
        } else {
            OK(&f, sombra_get_node(f.txn, node, &whole_node, &found));
            assert_true(found && whole_node.id == node && whole_node.label_count == 1 &&
                        whole_node.labels[0] == label);
            props = whole_node.props;
            prop_count = whole_node.prop_count;
        }
        assert_int_equal(prop_count, VALUE_COUNT);
        for (int i = 0; i < VALUE_COUNT; i++) {
            assert_int_equal(props[i].key, keys[i]);
            assert_same_value(&values[i], &props[i].value);
        }
        OK(&f, sombra_get_props(f.txn, entity, 4711, keys, 1, back, &found));
        assert_false(found);
        FAILS(&f, sombra_get_props(f.txn, (sombra_entity)2, 1, keys, 1, back, &found),
              SOMBRA_MISUSE, "sombra_get_props: entity is 2, which is no kind of entity");
        FAILS(&f, sombra_get_props(f.txn, entity, 1, NULL, 3, back, &found), SOMBRA_MISUSE,
              "sombra_get_props: keys is NULL, and key_count is 3");
    }
    api_verify(&f);
    api_end(&f);
}

static void test_api_graph__values_refused(void **state)
{
    static const sombra_value null_item = {0};
    api_fixture f;
    uint32_t key;
    struct {
        sombra_value value;
        sombra_status status;
    } bad[] = {
        {{.type = 77}, SOMBRA_TYPE_MISMATCH},
        {{.type = SOMBRA_TYPE_STRING, .as.bytes = {"\xC0\x80", 2}}, SOMBRA_INVALID},
        {{.type = SOMBRA_TYPE_STRING, .as.bytes = {NULL, 5}}, SOMBRA_INVALID},
        {{.type = SOMBRA_TYPE_LOCAL_TIME, .as.integer = 86400000000000}, SOMBRA_INVALID},
        {{.type = SOMBRA_TYPE_POINT, .extra = 1}, SOMBRA_INVALID},
        {{.type = SOMBRA_TYPE_LIST, .as.list = {&null_item, 1}}, SOMBRA_TYPE_MISMATCH},
    };
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    key = api_name(&f, SOMBRA_KEY, "key");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const sombra_column column = {
            .key = key, .type = SOMBRA_TYPE_NULL, .values = &bad[i].value};
        const sombra_prop prop = {.key = key, .value = bad[i].value};
        const sombra_op op = {.kind = SOMBRA_CREATE_NODE, .props = &prop, .prop_count = 1};
        uint64_t id = 3;
        FAILS(&f, sombra_create_nodes(f.txn, NULL, 0, 1, &column, 1, &id), bad[i].status, "key");
        assert_int_equal(id, 0);
        FAILS(&f, sombra_mutate(f.txn, &op, 1, NULL), bad[i].status, "op 0");
    }
    {
        const sombra_op ops[] = {{.kind = SOMBRA_CREATE_NODE},
                                 {.kind = SOMBRA_CREATE_NODE, .label_count = 1},
                                 {.kind = SOMBRA_CREATE_NODE, .prop_count = 2}};
        FAILS(&f, sombra_mutate(f.txn, ops, 2, NULL), SOMBRA_MISUSE, "op 1: labels");
        FAILS(&f, sombra_mutate(f.txn, &ops[2], 1, NULL), SOMBRA_MISUSE, "op 0: props");
    }
    {
        const int64_t two = 2;
        const sombra_column wrong[] = {{.key = 99, .type = SOMBRA_TYPE_INT, .integers = &two},
                                       {.key = key, .type = SOMBRA_TYPE_BOOL, .integers = &two},
                                       {.key = key, .type = SOMBRA_TYPE_FLOAT, .integers = &two},
                                       {.key = key, .type = SOMBRA_TYPE_INT}};
        const double half = 0.5;
        const uint64_t one = 1;
        const sombra_column both = {
            .key = key, .type = SOMBRA_TYPE_INT, .integers = &two, .reals = &half};
        FAILS(&f, sombra_create_nodes(f.txn, NULL, 0, 1, &both, 1, NULL), SOMBRA_MISUSE,
              "exactly one");
        FAILS(&f, sombra_create_rels(f.txn, 1, 1, &one, &one, &both, 1, NULL), SOMBRA_MISUSE,
              "exactly one");
        for (size_t i = 0; i < 4; i++) {
            const sombra_status status = sombra_create_nodes(f.txn, NULL, 0, 1, &wrong[i], 1, NULL);
            assert_true(status == SOMBRA_INVALID || status == SOMBRA_MISUSE);
            assert_true(sombra_error_of(f.conn)->message[0] != '\0');
        }
    }
    api_commit(&f);
    assert_int_equal(api_node_count(&f), 0);
    api_end(&f);
}

static void test_api_graph__values_as_text(void **state)
{
    static const char *const types[VALUE_COUNT] = {
        "boolean",       "int",      "float",    "string", "bytes", "date",  "localtime", "time",
        "localdatetime", "datetime", "duration", "point",  "point", "int[]", NULL};
    api_fixture f;
    sombra_value values[VALUE_COUNT], back;
    char text[256];
    size_t size;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_READ);
    all_values(values);
    for (int i = 0; i < VALUE_COUNT; i++) {
        if (types[i] == NULL) continue;
        assert_int_equal(sombra_value_to_text(&values[i], text, sizeof text, &size), SOMBRA_OK);
        OK(&f, sombra_value_from_text(f.txn, types[i], text, size, &back));
        assert_same_value(&values[i], &back);
        assert_true(strlen(sombra_type_name(values[i].type)) > 2);
    }
    values[0] = sombra_int(123456);
    assert_int_equal(sombra_value_to_text(&values[0], text, 3, &size), SOMBRA_OK);
    assert_int_equal(size, 6);
    assert_memory_equal(text, "123", 3);
    values[0] = sombra_null();
    assert_int_equal(sombra_value_to_text(&values[0], text, 3, &size), SOMBRA_TYPE_MISMATCH);
    values[0] = (sombra_value){.type = SOMBRA_TYPE_DURATION, .as.duration = {.nanos = -1}};
    assert_int_equal(sombra_value_to_text(&values[0], text, 3, &size), SOMBRA_INVALID);
    assert_int_equal(size, 0);
    values[0] = (sombra_value){.type = 77};
    assert_int_equal(sombra_value_to_text(&values[0], text, 3, &size), SOMBRA_TYPE_MISMATCH);
    values[0] = sombra_bytes("\x01\xAB", 2);
    assert_int_equal(sombra_value_to_text(&values[0], text, sizeof text, &size), SOMBRA_OK);
    assert_non_null(memchr(text, 'b', size)); /* hexadecimal */
    assert_int_equal(sombra_value_to_text(NULL, text, 3, &size), SOMBRA_MISUSE);
    FAILS(&f, sombra_value_from_text(f.txn, "quux", "1", 1, &back), SOMBRA_SYNTAX, "quux");
    FAILS(&f, sombra_value_from_text(f.txn, "int", "12x", 3, &back), SOMBRA_TYPE_MISMATCH, "12x");
    FAILS(&f, sombra_value_from_text(f.txn, "date", "2023-02-30", 10, &back), SOMBRA_TYPE_MISMATCH,
          "2023-02-30");
    assert_int_equal(back.type, SOMBRA_TYPE_NULL);
    assert_string_equal(sombra_type_name(SOMBRA_TYPE_INT), "INTEGER");
    assert_non_null(sombra_type_name(4711));
    api_end(&f);
}

/* ---- Creating ------------------------------------------------------------------------------------------------------ */

static void test_api_graph__create(void **state)
{
    api_fixture f;
    uint32_t labels[2], type;
    uint64_t ids[3], rels[2], sources[2], targets[2];
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    labels[0] = api_name(&f, SOMBRA_LABEL, "A");
    labels[1] = api_name(&f, SOMBRA_LABEL, "B");
    type = api_name(&f, SOMBRA_TYPE, "T");
    OK(&f, sombra_create_nodes(f.txn, labels, 2, 3, NULL, 0, ids));
    assert_true(ids[0] != 0 && ids[0] < ids[1] && ids[1] < ids[2]);
    OK(&f, sombra_create_nodes(f.txn, NULL, 0, 0, NULL, 0, NULL));
    OK(&f, sombra_create_nodes(f.txn, NULL, 0, 2, NULL, 0, NULL)); /* without labels */
    {
        const uint32_t twice[2] = {labels[0], labels[0]}, unknown = 77;
        FAILS(&f, sombra_create_nodes(f.txn, twice, 2, 1, NULL, 0, NULL), SOMBRA_INVALID, "twice");
        FAILS(&f, sombra_create_nodes(f.txn, &unknown, 1, 1, NULL, 0, NULL), SOMBRA_INVALID, "77");
        FAILS(&f, sombra_create_nodes(f.txn, NULL, 1, 1, NULL, 0, NULL), SOMBRA_MISUSE, "labels");
    }
    sources[0] = ids[0];
    targets[0] = ids[1];
    sources[1] = ids[0];
    targets[1] = 987654;
    FAILS(&f, sombra_create_rels(f.txn, type, 2, sources, targets, NULL, 0, rels), SOMBRA_NOT_FOUND,
          "987654");
    assert_non_null(strstr(sombra_error_of(f.conn)->message, "1"));
    assert_true(rels[0] == 0 && rels[1] == 0);
    sources[1] = 0;
    targets[1] = ids[0];
    FAILS(&f, sombra_create_rels(f.txn, type, 2, sources, targets, NULL, 0, rels), SOMBRA_NOT_FOUND,
          "0");
    FAILS(&f, sombra_create_rels(f.txn, 9, 1, sources, targets, NULL, 0, rels), SOMBRA_INVALID,
          "type 9");
    FAILS(&f, sombra_create_rels(f.txn, type, 1, NULL, targets, NULL, 0, rels), SOMBRA_MISUSE,
          "sources");
    sources[1] = ids[0];
    OK(&f, sombra_create_rels(f.txn, type, 2, sources, targets, NULL, 0,
                              rels)); /* one of them a loop */
    {
        uint64_t degree;
        OK(&f, sombra_degree(f.txn, ids[0], SOMBRA_OUT, &type, 1, &degree));
        assert_int_equal(degree, 2);
        OK(&f, sombra_degree(f.txn, ids[0], SOMBRA_BOTH, NULL, 0, &degree));
        assert_int_equal(degree, 3);
    }
    api_verify(&f);
    api_commit(&f);
    api_begin(&f, SOMBRA_READ);
    FAILS(&f, sombra_create_nodes(f.txn, labels, 1, 1, NULL, 0, ids), SOMBRA_READ_ONLY,
          "read transaction");
    FAILS(&f, sombra_create_rels(f.txn, type, 1, sources, targets, NULL, 0, ids), SOMBRA_READ_ONLY,
          "read transaction");
    FAILS(&f, sombra_mutate(f.txn, NULL, 0, NULL), SOMBRA_READ_ONLY, "read transaction");
    {
        sombra_builder *builder;
        FAILS(&f, sombra_builder_open(f.txn, &builder), SOMBRA_READ_ONLY, "read transaction");
        assert_null(builder);
    }
    api_end(&f);
}

static void test_api_graph__builder(void **state)
{
    api_fixture f;
    sombra_builder *builder;
    sombra_created made;
    uint32_t label, type, key;
    uint64_t handle, id, old;
    sombra_prop prop;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    old = api_node(&f, "Person", 1);
    label = api_name(&f, SOMBRA_LABEL, "Person");
    type = api_name(&f, SOMBRA_TYPE, "KNOWS");
    key = api_name(&f, SOMBRA_KEY, "name");
    prop = (sombra_prop){.key = key, .value = api_text("Ada")};
    OK(&f, sombra_builder_open(f.txn, &builder));
    OK(&f,
       sombra_builder_node(builder, &label, 1, "ada", SOMBRA_NUL_TERMINATED, &prop, 1, &handle));
    assert_int_equal(handle, 0);
    OK(&f, sombra_builder_node(builder, NULL, 0, NULL, 0, NULL, 0, &handle));
    assert_int_equal(handle, 1);
    FAILS(&f, sombra_builder_node(builder, &label, 1, "ada", 3, NULL, 0, &handle), SOMBRA_EXISTS,
          "ada");
    OK(&f, sombra_builder_rel(builder, sombra_ref_alias("ada", 3), type, sombra_ref_handle(1),
                              &prop, 1));
    OK(&f, sombra_builder_rel(builder, sombra_ref_handle(1), type, sombra_ref_id(old), NULL, 0));
    FAILS(&f, sombra_builder_rel(builder, sombra_ref_handle(17), type, sombra_ref_id(old), NULL, 0),
          SOMBRA_NOT_FOUND, "17");
    const sombra_ref wrong = {.kind = (sombra_ref_kind)3, .id = old};
    FAILS(&f, sombra_builder_rel(builder, wrong, type, sombra_ref_id(old), NULL, 0), SOMBRA_MISUSE,
          "no kind of reference");
    FAILS(&f, sombra_builder_rel(builder, sombra_ref_id(old), type, wrong, NULL, 0), SOMBRA_MISUSE,
          "no kind of reference");
    OK(&f, sombra_builder_rel(builder, sombra_ref_alias("grace", 5), type, sombra_ref_id(old), NULL,
                              0));
    FAILS(&f, sombra_builder_execute(builder, &made), SOMBRA_NOT_FOUND, "grace");
    assert_int_equal(made.node_count, 0);
    OK(&f, sombra_builder_node(builder, &label, 1, "grace", 5, NULL, 0,
                               NULL)); /* it kept all: now it is complete */
    OK(&f, sombra_builder_execute(builder, &made));
    assert_int_equal(made.node_count, 3);
    assert_int_equal(made.rel_count, 3);
    OK(&f, sombra_builder_alias(builder, "grace", 5, &id));
    assert_int_equal(id, made.node_ids[2]);
    FAILS(&f, sombra_builder_alias(builder, "alan", 4, &id), SOMBRA_NOT_FOUND, "alan");
    assert_int_equal(id, 0);
    OK(&f, sombra_builder_rel(builder, sombra_ref_id(old), type, sombra_ref_id(424242), NULL, 0));
    FAILS(&f, sombra_builder_execute(builder, &made), SOMBRA_NOT_FOUND, "424242");
    sombra_builder_close(builder);
    sombra_builder_close(NULL);
    api_verify(&f);
    OK(&f, sombra_builder_open(f.txn, &builder));
    OK(&f, sombra_builder_node(builder, &label, 1, NULL, 0, NULL, 0, &handle));
    api_commit(&f);
    api_begin(&f, SOMBRA_WRITE);
    FAILS(&f, sombra_builder_execute(builder, &made), SOMBRA_MISUSE,
          "ended"); /* of an earlier transaction */
    assert_int_equal(sombra_builder_execute(NULL, &made), SOMBRA_MISUSE);
    sombra_builder_close(builder);
    sombra_rollback(f.txn);
    assert_int_equal(api_node_count(&f), 4);
    api_end(&f);
}

/* ---- Changing -------------------------------------------------------------------------------------------------------- */

static void test_api_graph__mutate(void **state)
{
    api_fixture f;
    uint32_t person, admin, key, other, type;
    sombra_prop set, unset, replacement;
    sombra_mutation done;
    bool found;
    sombra_node node;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    person = api_name(&f, SOMBRA_LABEL, "Person");
    admin = api_name(&f, SOMBRA_LABEL, "Admin");
    key = api_name(&f, SOMBRA_KEY, "name");
    other = api_name(&f, SOMBRA_KEY, "other");
    type = api_name(&f, SOMBRA_TYPE, "KNOWS");
    set = (sombra_prop){.key = key, .value = api_text("Ada")};
    unset = (sombra_prop){.key = key, .value = sombra_null()};
    replacement = (sombra_prop){.key = other, .value = sombra_int(1)};
    {
        const sombra_op ops[] = {
            {.kind = SOMBRA_CREATE_NODE,
             .labels = &person,
             .label_count = 1,
             .props = &set,
             .prop_count = 1},
            {.kind = SOMBRA_CREATE_NODE, .labels = &person, .label_count = 1},
            {.kind = SOMBRA_CREATE_REL,
             .source = {.result_of = 0},
             .target = {.result_of = 1},
             .type = type,
             .props = &set,
             .prop_count = 1},
            {.kind = SOMBRA_ADD_LABELS,
             .entity = {.result_of = 0},
             .labels = &admin,
             .label_count = 1},
            {.kind = SOMBRA_SET_PROPS,
             .entity = {.result_of = 0},
             .props = &set,
             .prop_count = 1}, /* no change */
            {.kind = SOMBRA_SET_PROPS,
             .entity = {.result_of = 1},
             .props = &replacement,
             .prop_count = 1},
            {.kind = SOMBRA_SET_PROPS,
             .on_rel = true,
             .entity = {.result_of = 2},
             .props = &replacement,
             .prop_count = 1,
             .replace = true},
            {.kind = SOMBRA_REMOVE_LABELS,
             .entity = {.result_of = 1},
             .labels = &admin,
             .label_count = 1}, /* has it not */
        };
        OK(&f, sombra_mutate(f.txn, ops, 8, &done));
        assert_int_equal(done.nodes_created, 2);
        assert_int_equal(done.rels_created, 1);
        assert_int_equal(done.labels_added, 3); /* with those of the nodes made */
        assert_int_equal(done.labels_removed, 0);
        assert_int_equal(done.properties_set, 4);
        assert_int_equal(done.properties_removed, 1);
        assert_int_equal(done.id_count, 8);
        assert_int_equal(done.ids[3], done.ids[0]);
    }
    OK(&f, sombra_get_node(f.txn, 1, &node, &found));
    assert_true(found && node.label_count == 2 && node.prop_count == 1);
    {
        const sombra_op forward[] = {{.kind = SOMBRA_SET_PROPS, .entity = {.result_of = 1}},
                                     {.kind = SOMBRA_CREATE_NODE}};
        const sombra_op missing[] = {
            {.kind = SOMBRA_CREATE_NODE},
            {.kind = SOMBRA_SET_PROPS, .entity = {99, -1}, .props = &unset, .prop_count = 1}};
        const sombra_op gone[] = {{.kind = SOMBRA_DELETE_REL, .entity = {1, -1}},
                                  {.kind = SOMBRA_DELETE_REL, .entity = {1, -1}}};
        const sombra_op restricted = {.kind = SOMBRA_DELETE_NODE, .entity = {1, -1}};
        const sombra_op strange = {.kind = (sombra_op_kind)42, .entity = {1, -1}};
        const sombra_op detach = {.kind = SOMBRA_DELETE_NODE, .entity = {1, -1}, .detach = true};
        uint64_t count;
        FAILS(&f, sombra_mutate(f.txn, forward, 2, &done), SOMBRA_INVALID, "op 0");
        FAILS(&f, sombra_mutate(f.txn, missing, 2, &done), SOMBRA_NOT_FOUND, "op 1: node 99");
        FAILS(&f, sombra_mutate(f.txn, gone, 2, &done), SOMBRA_NOT_FOUND, "op 1: relationship 1");
        FAILS(&f, sombra_mutate(f.txn, &restricted, 1, &done), SOMBRA_CONSTRAINT, "node 1");
        FAILS(&f, sombra_mutate(f.txn, NULL, 3, &done), SOMBRA_MISUSE, "ops");
        assert_int_not_equal(sombra_mutate(f.txn, &strange, 1, &done), SOMBRA_OK);
        OK(&f, sombra_name_entities(f.txn, SOMBRA_LABEL, 0, &count));
        assert_int_equal(count, 2);
        OK(&f, sombra_mutate(f.txn, &detach, 1, &done));
        assert_int_equal(done.nodes_deleted, 1);
        assert_int_equal(done.rels_deleted, 1);
        FAILS(&f, sombra_mutate(f.txn, &detach, 1, NULL), SOMBRA_NOT_FOUND, "node 1");
        OK(&f, sombra_mutate(f.txn, NULL, 0, &done));
    }
    api_verify(&f);
    api_commit(&f);
    api_end(&f);
}

/* ---- Reading and traversing -------------------------------------------------------------------------------------------- */

/* A ring of ten: i → i + 1 (NEXT, weight 1), and 1 → 6 (JUMP, weight 10). */
static void make_ring(api_fixture *f)
{
    uint64_t ids[10];
    api_begin(f, SOMBRA_WRITE);
    for (int i = 0; i < 10; i++)
        ids[i] = api_node(f, i % 2 ? "Odd" : "Even", i);
    for (int i = 0; i < 10; i++)
        (void)api_rel(f, ids[i], "NEXT", ids[(i + 1) % 10]);
    {
        const int64_t weight = 10;
        const sombra_column column = {
            .key = api_name(f, SOMBRA_KEY, "weight"), .type = SOMBRA_TYPE_INT, .integers = &weight};
        OK(f, sombra_create_rels(f->txn, api_name(f, SOMBRA_TYPE, "JUMP"), 1, &ids[0], &ids[5],
                                 &column, 1, NULL));
    }
    api_commit(f);
}

static bool stop_at_three(void *ctx, uint64_t node, uint32_t depth)
{
    unsigned *seen = ctx;
    assert_int_not_equal(node, 0);
    assert_true(depth <= ++*seen);
    return *seen < 3;
}

static void test_api_graph__reading(void **state)
{
    api_fixture f;
    uint32_t next, jump, weight;
    const sombra_neighbor *neighbors;
    const uint64_t *ids;
    uint64_t degree, rel, ends[2], first[2], numbers[10];
    size_t count;
    sombra_path path;
    sombra_bfs_result reached;
    (void)state;

    api_new(&f);
    make_ring(&f);
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_name_find(f.txn, SOMBRA_TYPE, "NEXT", 4, &next));
    OK(&f, sombra_name_find(f.txn, SOMBRA_TYPE, "JUMP", 4, &jump));
    OK(&f, sombra_name_find(f.txn, SOMBRA_KEY, "weight", 6, &weight));
    { /* ids by number: the two labels have blocks of their own */
        const uint32_t keys[1] = {1};
        for (uint64_t id = 1, left = 10; left != 0; id++) {
            sombra_value value;
            bool found;
            assert_true(id < 100000);
            OK(&f, sombra_get_props(f.txn, SOMBRA_NODE, id, keys, 1, &value, &found));
            if (found) numbers[value.as.integer] = id, left--;
        }
    }
    OK(&f, sombra_neighbors(f.txn, numbers[0], NULL, &neighbors, &count));
    assert_int_equal(count, 2);
    assert_int_equal(neighbors[0].type, next);
    assert_int_equal(neighbors[0].node, numbers[1]);
    assert_true(neighbors[0].outgoing && neighbors[0].rel != 0);
    {
        sombra_neighbors_options in = {
            .direction = SOMBRA_IN, .types = &next, .type_count = 1, .limit = 1};
        OK(&f, sombra_neighbors(f.txn, numbers[5], &in, &neighbors, &count));
        assert_int_equal(count, 1);
        assert_int_equal(neighbors[0].node, numbers[4]);
        assert_false(neighbors[0].outgoing);
        in.direction = (sombra_direction)3;
        FAILS(&f, sombra_neighbors(f.txn, numbers[5], &in, &neighbors, &count), SOMBRA_MISUSE,
              "direction");
    }
    FAILS(&f, sombra_neighbors(f.txn, 99999, NULL, &neighbors, &count), SOMBRA_NOT_FOUND, "99999");
    assert_null(neighbors);
    assert_int_equal(count, 0);
    OK(&f, sombra_neighbor_ids(f.txn, numbers[0], SOMBRA_BOTH, 0, &ids, &count));
    assert_int_equal(count, 3);
    OK(&f, sombra_neighbor_ids(f.txn, 99999, SOMBRA_OUT, 0, &ids, &count));
    assert_int_equal(count, 0);
    FAILS(&f, sombra_neighbor_ids(f.txn, 1, (sombra_direction)-1, 0, &ids, &count), SOMBRA_MISUSE,
          "direction");
    first[0] = numbers[0];
    first[1] = numbers[5];
    OK(&f, sombra_neighbor_ids_many(f.txn, first, 2, SOMBRA_OUT, 0, &ids, (size_t *)ends));
    assert_int_equal(ends[0], 2);
    assert_int_equal(ends[1], 3);
    FAILS(&f, sombra_neighbor_ids_many(f.txn, NULL, 2, SOMBRA_OUT, 0, &ids, (size_t *)ends),
          SOMBRA_MISUSE, "nodes");
    {
        sombra_list lists[2], list;
        uint64_t degrees[2];
        OK(&f, sombra_neighbor_lists(f.txn, first, 2, SOMBRA_OUT, 0, lists));
        OK(&f, sombra_neighbor_list(f.txn, numbers[5], SOMBRA_OUT, 0, &list));
        assert_int_equal(lists[0].count, 2);
        assert_int_equal(lists[1].count, 1);
        assert_int_equal(list.count, 1);
        assert_int_equal(sombra_list_id(&list, 0), numbers[6]);
        FAILS(&f, sombra_neighbor_list(f.txn, numbers[5], (sombra_direction)7, 0, &list),
              SOMBRA_MISUSE, "direction");
        assert_int_equal(list.count, 0);
        FAILS(&f, sombra_neighbor_lists(f.txn, NULL, 2, SOMBRA_OUT, 0, lists), SOMBRA_MISUSE,
              "nodes");
        OK(&f, sombra_degrees_many(f.txn, first, 2, SOMBRA_BOTH, 0, degrees));
        assert_int_equal(degrees[0], 3);
        FAILS(&f, sombra_degrees_many(f.txn, first, 2, SOMBRA_BOTH, 0, NULL), SOMBRA_MISUSE,
              "degrees");
    }
    OK(&f, sombra_degree(f.txn, numbers[0], SOMBRA_BOTH, NULL, 0, &degree));
    assert_int_equal(degree, 3);
    FAILS(&f, sombra_degree(f.txn, 99999, SOMBRA_OUT, NULL, 0, &degree), SOMBRA_NOT_FOUND, "99999");
    OK(&f, sombra_rel_between(f.txn, numbers[0], numbers[5], 0, &rel));
    assert_int_not_equal(rel, 0);
    OK(&f, sombra_rel_between(f.txn, numbers[0], numbers[5], next, &rel));
    assert_int_equal(rel, 0);
    {
        sombra_bfs_options bounded = {.max_depth = 2};
        unsigned seen = 0;
        OK(&f, sombra_bfs(f.txn, numbers[0], NULL, NULL, NULL, &reached));
        assert_int_equal(reached.visited, 10);
        OK(&f, sombra_bfs(f.txn, numbers[0], &bounded, NULL, NULL, &reached));
        assert_int_equal(reached.visited, 5); /* itself; 1, 5; 2, 6 */
        OK(&f, sombra_bfs(f.txn, numbers[0], NULL, stop_at_three, &seen, &reached));
        assert_int_equal(seen, 3);
        assert_int_equal(reached.visited, 3);
        assert_false(reached.truncated); /* the caller knows that it stopped */
        bounded = (sombra_bfs_options){.max_visits = 10};
        OK(&f, sombra_bfs(f.txn, numbers[0], &bounded, NULL, NULL, &reached));
        assert_int_equal(reached.visited, 10);
        assert_false(reached.truncated); /* that many there are */
        bounded.max_visits = 9;
        OK(&f, sombra_bfs(f.txn, numbers[0], &bounded, NULL, NULL, &reached));
        assert_int_equal(reached.visited, 9);
        assert_true(reached.truncated);
        bounded = (sombra_bfs_options){.max_visits = 5, .max_depth = 2};
        OK(&f, sombra_bfs(f.txn, numbers[0], &bounded, NULL, NULL, &reached));
        assert_int_equal(reached.depth, 2);
        assert_false(reached.truncated); /* what lies deeper max_depth leaves out */
        bounded.max_depth = 3;
        OK(&f, sombra_bfs(f.txn, numbers[0], &bounded, NULL, NULL, &reached));
        assert_int_equal(reached.depth, 2); /* as far as was visited */
        assert_true(reached.truncated);
        bounded.max_visits = 2;
        OK(&f, sombra_bfs(f.txn, numbers[0], &bounded, NULL, NULL, &reached));
        assert_int_equal(reached.visited, 2);
        assert_true(reached.truncated);
        bounded.direction = (sombra_direction)9;
        FAILS(&f, sombra_bfs(f.txn, numbers[0], &bounded, NULL, NULL, &reached), SOMBRA_MISUSE,
              "direction");
        FAILS(&f, sombra_bfs(f.txn, 99999, NULL, NULL, NULL, &reached), SOMBRA_NOT_FOUND, "99999");
        bounded = (sombra_bfs_options){.type_count = 2};
        FAILS(&f, sombra_bfs(f.txn, 1, &bounded, NULL, NULL, &reached), SOMBRA_MISUSE, "types");
    }
    OK(&f, sombra_shortest_path(f.txn, numbers[0], numbers[7], NULL, &path));
    assert_true(path.found && path.length == 3 && path.nodes[0] == numbers[0] &&
                path.nodes[1] == numbers[5] && path.nodes[3] == numbers[7]);
    OK(&f, sombra_weighted_path(f.txn, numbers[0], numbers[7], NULL, weight, 1.0, &path));
    assert_true(path.found && path.length == 7 && path.weight > 6.9 && path.weight < 7.1);
    {
        const sombra_bfs_options jumps = {.types = &jump, .type_count = 1};
        OK(&f, sombra_shortest_path(f.txn, numbers[1], numbers[7], &jumps, &path));
        assert_false(path.found);
        FAILS(&f, sombra_shortest_path(f.txn, numbers[1], 99999, &jumps, &path), SOMBRA_NOT_FOUND,
              "99999");
        FAILS(&f, sombra_weighted_path(f.txn, numbers[0], numbers[7], NULL, weight, -1.0, &path),
              SOMBRA_INVALID, "weight");
        FAILS(&f,
              sombra_weighted_path(f.txn, numbers[0], numbers[7], NULL, weight, (double)NAN, &path),
              SOMBRA_INVALID, "weight");
    }
    sombra_rollback(f.txn);
    api_end(&f);
}

/* 100 nodes of a label by a key. */
static void make_numbers(api_fixture *f, uint32_t *label, uint32_t *key)
{
    int64_t numbers[100];
    sombra_column column = {.type = SOMBRA_TYPE_INT, .integers = numbers};

    *label = api_name(f, SOMBRA_LABEL, "L");
    column.key = *key = api_name(f, SOMBRA_KEY, "k");
    for (int64_t i = 0; i < 100; i++)
        numbers[i] = i;
    OK(f, sombra_create_nodes(f->txn, label, 1, 100, &column, 1, NULL));
}

/* Open, and ten ids taken. */
static sombra_scan *begun_scan(api_fixture *f, uint32_t label, uint32_t key)
{
    const sombra_value low = sombra_int(0);
    const sombra_scan_options options = {
        .name = label, .key = key, .low = key == 0 ? NULL : &low, .low_inclusive = true};
    uint64_t ids[10];
    size_t count;
    sombra_scan *scan;

    OK(f, sombra_scan_open(f->txn, &options, &scan));
    OK(f, sombra_scan_next(scan, ids, 10, &count));
    assert_int_equal(count, 10);
    return scan;
}

static void ends(api_fixture *f, sombra_scan *scan, size_t rest)
{
    uint64_t ids[7];
    size_t count, all = 0;

    do {
        OK(f, sombra_scan_next(scan, ids, 7, &count));
        all += count;
    } while (count != 0);
    assert_int_equal(all, rest);
    sombra_scan_close(scan);
}

/* What a scan reads is not dropped under it. */
static void test_api_graph__scans_hold_indexes(void **state)
{
    api_fixture f;
    uint32_t label, key, index, label_index;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    make_numbers(&f, &label, &key);
    const sombra_schema by_key = {
        .kind = SOMBRA_INDEX, .entity = label, .keys = &key, .key_count = 1};
    const sombra_schema by_label = {.kind = SOMBRA_LABEL_INDEX, .entity = label};
    OK(&f, sombra_schema_create(f.txn, &by_key, &index));
    OK(&f, sombra_schema_find(f.txn, &by_label, &label_index));
    sombra_scan *first = begun_scan(&f, label, key), *second = begun_scan(&f, label, 0);
    for (int open = 2; open > 0; open--) {
        FAILS(&f, sombra_schema_drop(f.txn, index), SOMBRA_MISUSE, "a scan is open");
        FAILS(&f, sombra_schema_drop(f.txn, label_index), SOMBRA_MISUSE, "a scan is open");
        refused(&f, "DROP INDEX L_k", SOMBRA_MISUSE, "a scan is open");
        ends(&f, open == 2 ? first : second, 90);
    }
    OK(&f, sombra_schema_drop(f.txn, index));
    OK(&f, sombra_schema_drop(f.txn, label_index));
    first = begun_scan(&f, label, 0);
    api_commit(&f);
    api_begin(&f, SOMBRA_WRITE); /* what the last one left open is not this one's */
    OK(&f, sombra_schema_create(f.txn, &by_key, &index));
    OK(&f, sombra_schema_drop(f.txn, index));
    sombra_rollback(f.txn);
    sombra_scan_close(first);
    api_end(&f);
}

static bool stop(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    (void)done;
    (void)total;
    return false;
}

/* A scan that is interrupted never goes on without what it had read by then: by rows, by label, by index, in either transaction. */
static void test_api_graph__a_scan_ends_with_a_failure(void **state)
{
    api_fixture f;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    for (int i = 0; i < 100; i++)
        (void)api_node(&f, "Person", 1);
    const uint32_t person = api_name(&f, SOMBRA_LABEL, "Person");
    const uint32_t number = api_name(&f, SOMBRA_KEY, "number");
    const sombra_schema index = {
        .kind = SOMBRA_INDEX, .entity = person, .keys = &number, .key_count = 1};
    OK(&f, sombra_schema_create(f.txn, &index, NULL));
    api_commit(&f);
    for (int i = 0; i < 6; i++) {
        const sombra_value one = sombra_int(1);
        const sombra_scan_options options = {
            .name = i % 3 == 0 ? 0 : person,
            .key = i % 3 == 2 ? number : 0,
            .equal = i % 3 == 2 ? &one : NULL,
        };
        sombra_scan *scan;
        uint64_t ids[10];
        size_t count;
        api_begin(&f, i < 3 ? SOMBRA_READ : SOMBRA_WRITE);
        OK(&f, sombra_scan_open(f.txn, &options, &scan));
        assert_int_equal(sombra_scan_indexed(scan), i % 3 == 2);
        sombra_set_progress(f.conn, stop, NULL);
        FAILS(&f, sombra_scan_next(scan, ids, 10, &count), SOMBRA_INTERRUPT, "");
        assert_int_equal(count, 0);
        sombra_set_progress(f.conn, NULL, NULL);
        FAILS(&f, sombra_scan_next(scan, ids, 10, &count), SOMBRA_MISUSE, "failed");
        assert_int_equal(count, 0);
        assert_int_equal(sombra_scan_indexed(scan), i % 3 == 2);
        sombra_scan_close(scan);
        sombra_rollback(f.txn);
    }
    api_end(&f);
}

/* A scan ends when its transaction goes back, which may take its index; and a transaction begins to write when none is open. */
static void test_api_graph__scans_end(void **state)
{
    api_fixture f;
    uint32_t label, key, index, savepoint;
    uint64_t id;
    size_t count;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    make_numbers(&f, &label, &key);
    const sombra_schema by_key = {
        .kind = SOMBRA_INDEX, .entity = label, .keys = &key, .key_count = 1};
    OK(&f, sombra_savepoint(f.txn, &savepoint));
    OK(&f, sombra_schema_create(f.txn, &by_key, &index));
    sombra_scan *old = begun_scan(&f, label, key);
    OK(&f, sombra_rollback_to(f.txn, savepoint));
    FAILS(&f, sombra_scan_next(old, &id, 1, &count), SOMBRA_MISUSE, "savepoint");
    OK(&f, sombra_schema_create(f.txn, &by_key, &index));
    sombra_scan *scan = begun_scan(&f, label, key);
    sombra_scan_close(old);
    FAILS(&f, sombra_schema_drop(f.txn, index), SOMBRA_MISUSE, "a scan is open");
    ends(&f, scan, 90);
    api_commit(&f);
    api_begin(&f, SOMBRA_READ);
    scan = begun_scan(&f, label, 0);
    FAILS(&f, sombra_upgrade(f.txn), SOMBRA_MISUSE, "a scan is open");
    ends(&f, scan, 90);
    OK(&f, sombra_upgrade(f.txn));
    sombra_rollback(f.txn);
    api_end(&f);
}

/* Made-up names are cut between two characters, wherever the cut falls. */
static void test_api_graph__names_made_up(void **state)
{
    api_fixture f;
    char name[400];
    uint32_t id, label;
    sombra_schema schema;
    bool more;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    const uint32_t key = api_name(&f, SOMBRA_KEY, "k");
    for (size_t ascii = 0; ascii < 4; ascii++) {
        memset(name, 'a', ascii);
        for (size_t i = 0; i < 80; i++)
            memcpy(name + ascii + 4 * i, "\xF0\x9F\x98\x80", 4);
        OK(&f, sombra_name_intern(f.txn, SOMBRA_LABEL, name, ascii + 320, &label));
        const sombra_schema definition = {
            .kind = SOMBRA_INDEX, .entity = label, .keys = &key, .key_count = 1};
        OK(&f, sombra_schema_create(f.txn, &definition, &id));
        OK(&f, sombra_schema_at(f.txn, ascii, &schema, &more));
        assert_true(more);
        const size_t whole = ascii == 0 ? 256 : ascii + 252;
        assert_true(schema.name_size >= whole);
        assert_memory_equal(schema.name, name, whole);
    }
    api_commit(&f);
    api_end(&f);
}

/* Labels, types and keys that were there when they were noted, and are not any more. */
static void test_api_graph__builder_of_names_rolled_back(void **state)
{
    api_fixture f;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    for (int kind = SOMBRA_LABEL; kind <= SOMBRA_KEY; kind++) {
        sombra_builder *builder;
        uint64_t handle;
        uint32_t savepoint;
        OK(&f, sombra_savepoint(f.txn, &savepoint));
        const uint32_t name = api_name(&f, (sombra_name_kind)kind, "new");
        const sombra_prop prop = {.key = name, .value = sombra_int(1)};
        OK(&f, sombra_builder_open(f.txn, &builder));
        OK(&f, sombra_builder_node(builder, &name, kind == SOMBRA_LABEL, NULL, 0, &prop,
                                   kind == SOMBRA_KEY, &handle));
        if (kind == SOMBRA_TYPE)
            OK(&f, sombra_builder_rel(builder, sombra_ref_handle(handle), name,
                                      sombra_ref_handle(handle), NULL, 0));
        OK(&f, sombra_rollback_to(f.txn, savepoint));
        FAILS(&f, sombra_builder_execute(builder, NULL), SOMBRA_INVALID, "there is no");
        sombra_builder_close(builder);
    }
    api_verify(&f);
    api_commit(&f);
    api_end(&f);
}

static void test_api_graph__scans(void **state)
{
    api_fixture f;
    uint32_t even, key, index = 0;
    uint64_t ids[16], count = 0;
    size_t got;
    const sombra_value four = sombra_int(4), two = sombra_int(2), eight = sombra_float(8.0);
    sombra_scan *scan;
    (void)state;

    api_new(&f);
    make_ring(&f);
    api_begin(&f, SOMBRA_WRITE);
    even = api_name(&f, SOMBRA_LABEL, "Even");
    key = api_name(&f, SOMBRA_KEY, "number");
    for (int indexed = 0; indexed < 2; indexed++) {
        const sombra_scan_options
            all = {.entity = SOMBRA_NODE},
            rels = {.entity = SOMBRA_REL}, by_label = {.entity = SOMBRA_NODE, .name = even},
            equal = {.entity = SOMBRA_NODE, .name = even, .key = key, .equal = &four},
            range = {.entity = SOMBRA_NODE,
                     .name = even,
                     .key = key,
                     .low = &two,
                     .high = &eight,
                     .high_inclusive = true},
            forced = {
                .entity = SOMBRA_NODE, .name = even, .key = key, .equal = &four, .no_index = true};
        const struct {
            const sombra_scan_options *options;
            uint64_t count;
            bool index;
        } cases[] = {{&all, 10, false}, {&rels, 11, false}, {&by_label, 5, false},
                     {&equal, 1, true}, {&range, 3, true},  {&forced, 1, false}};
        if (indexed) {
            const sombra_schema definition = {
                .kind = SOMBRA_INDEX, .entity = even, .keys = &key, .key_count = 1};
            OK(&f, sombra_schema_create(f.txn, &definition, &index));
        }
        for (size_t i = 0; i < 6; i++) {
            uint64_t total = 0;
            OK(&f, sombra_count(f.txn, cases[i].options, &count));
            assert_int_equal(count, cases[i].count);
            OK(&f, sombra_scan_open(f.txn, cases[i].options, &scan));
            assert_int_equal(sombra_scan_indexed(scan), indexed && cases[i].index);
            do {
                OK(&f, sombra_scan_next(scan, ids, 2, &got));
                total += got;
            } while (got != 0);
            assert_int_equal(total, cases[i].count);
            FAILS(&f, sombra_scan_next(scan, ids, 0, &got), SOMBRA_MISUSE, "capacity");
            sombra_scan_close(scan);
        }
    }
    sombra_scan_close(NULL);
    assert_false(sombra_scan_indexed(NULL));
    assert_int_equal(sombra_scan_next(NULL, ids, 1, &got), SOMBRA_MISUSE);
    FAILS(&f, sombra_scan_open(f.txn, NULL, &scan), SOMBRA_MISUSE, "options");
    OK(&f, sombra_lookup(f.txn, index, &four, 1, &count));
    assert_int_not_equal(count, 0);
    {
        const sombra_value none = sombra_int(5);
        OK(&f, sombra_lookup(f.txn, index, &none, 1, &count));
        assert_int_equal(count, 0);
        FAILS(&f, sombra_lookup(f.txn, 4242, &none, 1, &count), SOMBRA_NOT_FOUND, "4242");
        const sombra_value both[2] = {four, none};
        uint64_t found[2], one;
        OK(&f, sombra_lookup(f.txn, index, &four, 1, &one));
        OK(&f, sombra_lookup_many(f.txn, index, both, 1, 2, found));
        assert_int_equal(found[0], one);
        assert_int_equal(found[1], 0);
        FAILS(&f, sombra_lookup_many(f.txn, 4242, both, 1, 2, found), SOMBRA_NOT_FOUND, "4242");
        FAILS(&f, sombra_lookup_many(f.txn, index, both, 1, 2, NULL), SOMBRA_MISUSE, "ids");
    }
    {
        const sombra_value text = {.type = SOMBRA_TYPE_STRING, .as.bytes.size = 1},
                           list = {.type = SOMBRA_TYPE_LIST, .as.list = {&text, 1}};
        const sombra_scan_options scans[] = {
            {.entity = SOMBRA_NODE, .name = even, .key = key, .equal = &text},
            {.entity = SOMBRA_NODE, .name = even, .key = key, .high = &list, .no_index = true}};
        for (size_t i = 0; i < 2; i++)
            FAILS(&f, sombra_scan_open(f.txn, &scans[i], &scan), SOMBRA_INVALID, "has a size");
        FAILS(&f, sombra_lookup(f.txn, index, &list, 1, &count), SOMBRA_INVALID, "value 0");
        FAILS(&f, sombra_lookup_many(f.txn, index, &text, 1, 1, &count), SOMBRA_INVALID, "value 0");
    }
    api_verify(&f);
    api_commit(&f);
    api_end(&f);
}

/* ---- Schema ---------------------------------------------------------------------------------------------------------- */

static void test_api_graph__schema(void **state)
{
    api_fixture f;
    uint32_t label, type, keys[2], id, found_id;
    sombra_schema seen;
    size_t places = 0;
    bool more = true;
    (void)state;

    api_new(&f);
    make_ring(&f);
    api_begin(&f, SOMBRA_WRITE);
    label = api_name(&f, SOMBRA_LABEL, "Even");
    type = api_name(&f, SOMBRA_TYPE, "JUMP");
    keys[0] = api_name(&f, SOMBRA_KEY, "number");
    keys[1] = api_name(&f, SOMBRA_KEY, "weight");
    {
        const sombra_schema unique = {.kind = SOMBRA_UNIQUE,
                                      .entity = label,
                                      .keys = keys,
                                      .key_count = 1,
                                      .name = "even_number",
                                      .name_size = SOMBRA_NUL_TERMINATED};
        const sombra_schema pair = {
            .kind = SOMBRA_INDEX, .entity = label, .keys = keys, .key_count = 2};
        const sombra_schema on_rel = {.kind = SOMBRA_INDEX,
                                      .on_rels = true,
                                      .entity = type,
                                      .keys = &keys[1],
                                      .key_count = 1};
        const sombra_schema existence = {
            .kind = SOMBRA_EXISTENCE, .entity = label, .keys = keys, .key_count = 1};
        const sombra_schema missing = {
            .kind = SOMBRA_EXISTENCE, .entity = label, .keys = &keys[1], .key_count = 1};
        const sombra_schema typed = {.kind = SOMBRA_TYPED,
                                     .entity = label,
                                     .keys = keys,
                                     .key_count = 1,
                                     .value_types = 1u << SOMBRA_TYPE_INT};
        const sombra_schema mistyped = {.kind = SOMBRA_TYPED,
                                        .entity = label,
                                        .keys = keys,
                                        .key_count = 1,
                                        .value_types = 1u << SOMBRA_TYPE_STRING};
        sombra_schema untyped = {
            .kind = SOMBRA_TYPED, .entity = label, .keys = keys, .key_count = 1};
        const sombra_schema labels = {.kind = SOMBRA_LABEL_INDEX, .entity = label};
        const sombra_schema strange = {
            .kind = (sombra_schema_kind)77, .entity = label, .keys = keys, .key_count = 1};
        const sombra_schema keyless = {.kind = SOMBRA_INDEX, .entity = label};
        const sombra_schema unknown = {
            .kind = SOMBRA_INDEX, .entity = 99, .keys = keys, .key_count = 1};
        const int64_t four = 4;
        const sombra_column column = {.key = keys[0], .type = SOMBRA_TYPE_INT, .integers = &four};
        const sombra_value text = api_text("four");
        const sombra_column wrong = {.key = keys[0], .type = SOMBRA_TYPE_NULL, .values = &text};

        OK(&f, sombra_schema_create(f.txn, &unique, &id));
        OK(&f, sombra_schema_find(f.txn, &unique, &found_id));
        assert_int_equal(id, found_id);
        FAILS(&f, sombra_schema_create(f.txn, &unique, &found_id), SOMBRA_EXISTS, "even_number");
        assert_int_equal(found_id, 0);
        FAILS(&f, sombra_create_nodes(f.txn, &label, 1, 1, &column, 1, NULL), SOMBRA_CONSTRAINT,
              "number");
        assert_non_null(strstr(sombra_error_of(f.conn)->message, "Even"));
        assert_non_null(strstr(sombra_error_of(f.conn)->message, "4"));
        OK(&f, sombra_schema_create(f.txn, &pair, NULL));
        OK(&f, sombra_schema_create(f.txn, &on_rel, NULL));
        OK(&f, sombra_schema_create(f.txn, &existence, NULL));
        FAILS(&f, sombra_schema_create(f.txn, &missing, NULL), SOMBRA_CONSTRAINT, "weight");
        OK(&f, sombra_schema_create(f.txn, &typed, NULL));
        FAILS(&f, sombra_schema_create(f.txn, &mistyped, NULL), SOMBRA_CONSTRAINT, "number");
        for (unsigned bit = 0; bit < 32; bit++) { /* no bit, and those of no type */
            untyped.value_types = bit == 1 ? 0 : 1u << SOMBRA_TYPE_INT | 1u << bit;
            if ((bit >= 2 && bit <= SOMBRA_TYPE_LIST) ||
                (bit >= SOMBRA_TYPE_LIST_OF(SOMBRA_TYPE_BOOL) &&
                 bit <= SOMBRA_TYPE_LIST_OF(SOMBRA_TYPE_POINT)))
                continue;
            FAILS(&f, sombra_schema_create(f.txn, &untyped, NULL), SOMBRA_INVALID, "");
        }
        FAILS(&f, sombra_schema_create(f.txn, &strange, NULL), SOMBRA_INVALID, "");
        FAILS(&f, sombra_schema_create(f.txn, &keyless, NULL), SOMBRA_INVALID, "key");
        FAILS(&f, sombra_schema_create(f.txn, &unknown, NULL), SOMBRA_INVALID, "does not exist");
        FAILS(&f, sombra_schema_create(f.txn, NULL, NULL), SOMBRA_MISUSE, "definition");
        FAILS(&f, sombra_schema_create(f.txn, &labels, NULL), SOMBRA_EXISTS, "Even");
        OK(&f, sombra_schema_find(f.txn, &labels, &found_id));
        OK(&f, sombra_schema_drop(f.txn, found_id));
        FAILS(&f, sombra_schema_drop(f.txn, found_id), SOMBRA_NOT_FOUND, "Even");
        OK(&f, sombra_schema_find(f.txn, &labels, &found_id));
        assert_int_equal(found_id, 0);
        OK(&f, sombra_schema_create(f.txn, &labels, &found_id));
        assert_int_not_equal(found_id, 0);
        for (; more; places++)
            OK(&f, sombra_schema_at(f.txn, places, &seen, &more));
        assert_int_equal(places - 1,
                         7); /* unique, pair, on_rel, existence, typed, two label indexes */
        OK(&f, sombra_schema_at(f.txn, 0, &seen, &more));
        assert_true(more && seen.id == id && seen.kind == SOMBRA_UNIQUE && seen.entity == label &&
                    seen.key_count == 1 && seen.keys[0] == keys[0]);
        assert_int_equal(seen.name_size, 11);
        assert_memory_equal(seen.name, "even_number", 11);
        api_verify(&f);
        OK(&f, sombra_schema_drop(f.txn, id));
        FAILS(&f, sombra_schema_drop(f.txn, id), SOMBRA_NOT_FOUND, "");
        /* existence and type are looked at when the transaction commits */
        if (sombra_create_nodes(f.txn, &label, 1, 1, &wrong, 1, NULL) == SOMBRA_OK) {
            FAILS(&f, sombra_commit(f.txn), SOMBRA_CONSTRAINT, "number");
        } else {
            assert_int_equal(sombra_error_of(f.conn)->status, SOMBRA_CONSTRAINT);
            sombra_rollback(f.txn);
        }
    }
    assert_int_equal(api_node_count(&f), 10);
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_schema_at(f.txn, 0, &seen, &more));
    assert_int_equal(seen.kind, SOMBRA_LABEL_INDEX); /* all else went with the transaction */
    {
        const sombra_schema index = {
            .kind = SOMBRA_INDEX, .entity = label, .keys = keys, .key_count = 1};
        FAILS(&f, sombra_schema_create(f.txn, &index, &id), SOMBRA_READ_ONLY, "read transaction");
        FAILS(&f, sombra_schema_drop(f.txn, 1), SOMBRA_READ_ONLY, "read transaction");
    }
    api_end(&f);
}

/* A label, type or key that nothing has finds nothing, by whichever number: that of a look-up, or one that never was anybody's (those past 24 bits
 * must not be taken for what is left of them). */
static void test_api_graph__unknown_names(void **state)
{
    static const uint32_t nobody[] = {SOMBRA_NO_NAME, 77, 0x1000000, 0x1000001};
    const sombra_value one = sombra_int(1);
    api_fixture f;
    uint32_t id = 0;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    const uint64_t a = api_node(&f, "A", 1), b = api_node(&f, "A", 1);
    (void)api_rel(&f, a, "T", b);
    for (int kind = SOMBRA_LABEL; kind <= SOMBRA_KEY; kind++) {
        OK(&f, sombra_name_find(f.txn, (sombra_name_kind)kind, "Nope", 4, &id));
        assert_int_equal(id, SOMBRA_NO_NAME);
    }
    assert_null(sombra_name_text(f.txn, SOMBRA_LABEL, SOMBRA_NO_NAME, NULL));
    for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
        const uint32_t no = nobody[i];
        const sombra_scan_options scans[] = {{.name = no},
                                             {.entity = SOMBRA_REL, .name = no},
                                             {.key = no, .equal = &one},
                                             {.name = 1, .key = no, .low = &one}};
        const sombra_neighbors_options types = {.types = &no, .type_count = 1};
        const sombra_bfs_options walk = {.types = &no, .type_count = 1};
        const sombra_schema like = {.entity = no, .keys = &no, .key_count = 1};
        const sombra_schema index = {
            .kind = SOMBRA_INDEX, .entity = no, .keys = &no, .key_count = 1};
        const sombra_neighbor *neighbors;
        const uint64_t *ids;
        sombra_bfs_result reached;
        sombra_list list;
        sombra_path path;
        sombra_value value = one;
        uint64_t count = 7;
        size_t listed = 7;
        bool found;

        OK(&f, sombra_name_entities(f.txn, SOMBRA_LABEL, no, &count));
        assert_int_equal(count, 0);
        OK(&f, sombra_name_entities(f.txn, SOMBRA_TYPE, no, &count));
        assert_int_equal(count, 0);
        for (size_t k = 0; k < 4; k++) {
            sombra_scan *scan;
            OK(&f, sombra_count(f.txn, &scans[k], &count));
            assert_int_equal(count, 0);
            OK(&f, sombra_scan_open(f.txn, &scans[k], &scan));
            OK(&f, sombra_scan_next(scan, &count, 1, &listed));
            assert_int_equal(listed, 0);
            sombra_scan_close(scan);
        }
        OK(&f, sombra_neighbors(f.txn, a, &types, &neighbors, &listed));
        assert_int_equal(listed, 0);
        OK(&f, sombra_neighbor_ids(f.txn, a, SOMBRA_OUT, no, &ids, &listed));
        assert_int_equal(listed, 0);
        OK(&f, sombra_neighbor_list(f.txn, a, SOMBRA_OUT, no, &list));
        assert_int_equal(list.count, 0);
        OK(&f, sombra_degree(f.txn, a, SOMBRA_OUT, &no, 1, &count));
        assert_int_equal(count, 0);
        OK(&f, sombra_degrees_many(f.txn, &a, 1, SOMBRA_OUT, no, &count));
        assert_int_equal(count, 0);
        OK(&f, sombra_rel_between(f.txn, a, b, no, &count));
        assert_int_equal(count, 0);
        OK(&f, sombra_bfs(f.txn, a, &walk, NULL, NULL, &reached));
        assert_int_equal(reached.visited, 1);
        OK(&f, sombra_weighted_path(f.txn, a, b, NULL, no, 2.0, &path));
        assert_true(path.found && path.weight == 2.0);
        OK(&f, sombra_get_props(f.txn, SOMBRA_NODE, a, &no, 1, &value, &found));
        assert_true(found && value.type == SOMBRA_TYPE_NULL);
        OK(&f, sombra_schema_find(f.txn, &like, &id));
        assert_int_equal(id, 0);
        FAILS(&f, sombra_create_nodes(f.txn, &no, 1, 1, NULL, 0, NULL), SOMBRA_INVALID, "label");
        FAILS(&f, sombra_create_rels(f.txn, no, 1, &a, &b, NULL, 0, NULL), SOMBRA_INVALID, "");
        FAILS(&f, sombra_schema_create(f.txn, &index, &id), SOMBRA_INVALID, "");
    }
    const uint32_t label = api_name(&f, SOMBRA_LABEL, "Kind"),
                   key = api_name(&f, SOMBRA_KEY, "kind");
    const sombra_schema unknown = {.kind = (sombra_schema_kind)(256 + SOMBRA_INDEX),
                                   .entity = label,
                                   .keys = &key,
                                   .key_count = 1};
    FAILS(&f, sombra_schema_create(f.txn, &unknown, NULL), SOMBRA_INVALID, "kind is unknown");
    api_verify(&f);
    sombra_rollback(f.txn);
    api_end(&f);
}

/* A value to find needs a key: without one all would be found. */
static void test_api_graph__values_without_a_key(void **state)
{
    const sombra_value one = sombra_int(1);
    const sombra_scan_options scans[] = {{.equal = &one}, {.low = &one}, {.high = &one}};
    api_fixture f;
    sombra_scan *scan;
    uint64_t count;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    (void)api_node(&f, "A", 1);
    for (size_t i = 0; i < 3; i++) {
        FAILS(&f, sombra_count(f.txn, &scans[i], &count), SOMBRA_MISUSE, "key");
        FAILS(&f, sombra_scan_open(f.txn, &scans[i], &scan), SOMBRA_MISUSE, "key");
        assert_null(scan);
    }
    const uint32_t key = api_name(&f, SOMBRA_KEY, "k");
    const sombra_scan_options two[] = {{.key = key, .equal = &one, .low = &one},
                                       {.key = key, .equal = &one, .high = &one}};
    for (size_t i = 0; i < 2; i++) {
        FAILS(&f, sombra_count(f.txn, &two[i], &count), SOMBRA_MISUSE, "range");
        FAILS(&f, sombra_scan_open(f.txn, &two[i], &scan), SOMBRA_MISUSE, "range");
    }
    sombra_rollback(f.txn);
    api_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_graph__names),
        cmocka_unit_test(test_api_graph__unknown_names),
        cmocka_unit_test(test_api_graph__values_without_a_key),
        cmocka_unit_test(test_api_graph__values_round_trip),
        cmocka_unit_test(test_api_graph__values_refused),
        cmocka_unit_test(test_api_graph__values_as_text),
        cmocka_unit_test(test_api_graph__create),
        cmocka_unit_test(test_api_graph__builder),
        cmocka_unit_test(test_api_graph__mutate),
        cmocka_unit_test(test_api_graph__reading),
        cmocka_unit_test(test_api_graph__scans),
        cmocka_unit_test(test_api_graph__scans_hold_indexes),
        cmocka_unit_test(test_api_graph__scans_end),
        cmocka_unit_test(test_api_graph__a_scan_ends_with_a_failure),
        cmocka_unit_test(test_api_graph__names_made_up),
        cmocka_unit_test(test_api_graph__builder_of_names_rolled_back),
        cmocka_unit_test(test_api_graph__schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
