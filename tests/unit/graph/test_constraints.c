/* Goal: indexes and constraints, on empty and full stores, their messages, and when they are checked: unique ones at the
 * end of a call, the others at commit. */
#include "support/graph_fixture.h"

typedef struct fixture {
    graph_fixture f;
    sb_label_id person;
    sb_type_id knows;
    sb_key_id email, age;
    sb_node_id nodes[3];
} fixture;

/* Three persons with emails a, b, c and ages 0, 1, 2. */
static void open_persons(fixture *x)
{
    graph_fixture_open(&x->f, 4096);
    begin_write(&x->f);
    x->person = label(&x->f, "Person");
    x->knows = type_of(&x->f, "KNOWS");
    x->email = key_of(&x->f, "email");
    x->age = key_of(&x->f, "age");
    const sb_bytes emails[] = {text("a@b.c"), text("b@b.c"), text("c@b.c")};
    const int64_t ages[] = {0, 1, 2};
    const sb_prop_column columns[] = {{.key = x->email, .type = SB_TYPE_STRING, .bytes = emails},
                                      {.key = x->age, .type = SB_TYPE_INT, .integers = ages}};
    OK(&x->f, sb_graph_create_nodes(x->f.graph, set_of_label(&x->f, x->person), 3, columns, 2,
                                    x->nodes, &x->f.err));
    commit(&x->f);
    begin_write(&x->f);
}

static sb_schema define(const fixture *x, sb_schema_kind kind, sb_key_id key, const char *s)
{
    return (sb_schema){
        .kind = (uint8_t)kind, .entity = x->person, .key_count = 1, .keys = {key}, .name = text(s)};
}

static uint32_t create(fixture *x, sb_schema_kind kind, sb_key_id key, const char *s)
{
    const sb_schema definition = define(x, kind, key, s);
    uint32_t id;
    OK(&x->f, sb_graph_schema_create(x->f.graph, &definition, &id, &x->f.err));
    return id;
}

static sb_op set_prop(sb_node_id node, const sb_prop *prop)
{
    return (sb_op){.kind = SB_OP_SET_PROPS,
                   .entity = SB_NODE,
                   .target_entity = {.id = node, .result_of = -1},
                   .props = prop,
                   .prop_count = 1};
}

static sb_node_id look_up(fixture *x, uint32_t schema, sb_value value)
{
    uint64_t id;
    bool cut;
    OK(&x->f, sb_index_lookup(x->f.view, schema, &value, 1, &id, &cut, &x->f.err));
    return id;
}

static void test_graph_constraints__unique_message(void **state)
{
    fixture x;
    sb_node_id id;
    char expected[128];

    (void)state;
    open_persons(&x);
    create(&x, SB_SCHEMA_UNIQUE, x.email, "person_email");
    const sb_bytes emails[] = {text("z@b.c"), text("b@b.c")};
    const sb_prop_column column = {.key = x.email, .type = SB_TYPE_STRING, .bytes = emails};
    sb_node_id ids[2];
    snprintf(expected, sizeof expected,
             "node %llu both have :Person(email) = 'b@b.c' (constraint person_email)",
             (unsigned long long)x.nodes[1]);
    FAILS(&x.f,
          sb_graph_create_nodes(x.f.graph, set_of_label(&x.f, x.person), 2, &column, 1, ids,
                                &x.f.err),
          SB_CONSTRAINT, expected);
    /* within one batch */
    const sb_bytes same[] = {text("y@b.c"), text("y@b.c")};
    const sb_prop_column twice = {.key = x.email, .type = SB_TYPE_STRING, .bytes = same};
    FAILS(
        &x.f,
        sb_graph_create_nodes(x.f.graph, set_of_label(&x.f, x.person), 2, &twice, 1, ids, &x.f.err),
        SB_CONSTRAINT, "'y@b.c'");
    /* other labels, and nodes without the key, are exempt */
    OK(&x.f, sb_graph_create_nodes(x.f.graph, 0, 2, &twice, 1, ids, &x.f.err));
    OK(&x.f,
       sb_graph_create_nodes(x.f.graph, set_of_label(&x.f, x.person), 1, NULL, 0, &id, &x.f.err));
    OK(&x.f,
       sb_graph_create_nodes(x.f.graph, set_of_label(&x.f, x.person), 1, NULL, 0, &id, &x.f.err));
    /* a label joins the constraint */
    const sb_op join = {.kind = SB_OP_ADD_LABELS,
                        .target_entity = {.id = ids[0], .result_of = -1},
                        .labels = &x.person,
                        .label_count = 1};
    sb_op both[] = {join, join};
    sb_mutation result;
    both[1].target_entity.id = ids[1];
    OK(&x.f, sb_graph_mutate(x.f.graph, both, 1, &result, &x.f.err));
    FAILS(&x.f, sb_graph_mutate(x.f.graph, both + 1, 1, &result, &x.f.err), SB_CONSTRAINT,
          "'y@b.c'");
    commit(&x.f);
    graph_fixture_close(&x.f);
}

static void test_graph_constraints__two_values_swap(void **state)
{
    fixture x;
    sb_mutation result;

    (void)state;
    open_persons(&x);
    const uint32_t unique = create(&x, SB_SCHEMA_UNIQUE, x.email, "person_email");
    const sb_prop a = {x.email, string("a@b.c")}, b = {x.email, string("b@b.c")};
    const sb_op swap[] = {set_prop(x.nodes[0], &b), set_prop(x.nodes[1], &a)};
    FAILS(&x.f, sb_graph_mutate(x.f.graph, swap, 1, &result, &x.f.err), SB_CONSTRAINT,
          "person_email");
    assert_int_equal(look_up(&x, unique, b.value), x.nodes[1]);
    OK(&x.f, sb_graph_mutate(x.f.graph, swap, 2, &result, &x.f.err));
    assert_int_equal(look_up(&x, unique, a.value), x.nodes[1]);
    assert_int_equal(look_up(&x, unique, b.value), x.nodes[0]);
    /* made and given up in one list */
    const sb_op take[] = {
        {.kind = SB_OP_CREATE_NODE,
         .target_entity.result_of = -1,
         .labels = &x.person,
         .label_count = 1,
         .props = &a,
         .prop_count = 1},
        {.kind = SB_OP_DELETE_NODE, .target_entity = {.id = x.nodes[1], .result_of = -1}}};
    FAILS(&x.f, sb_graph_mutate(x.f.graph, take, 1, &result, &x.f.err), SB_CONSTRAINT,
          "person_email");
    OK(&x.f, sb_graph_mutate(x.f.graph, take, 2, &result, &x.f.err));
    assert_int_equal(look_up(&x, unique, a.value), result.ids[0]);
    commit(&x.f);
    graph_fixture_close(&x.f);
}

/* 1 and 1.0 are one key, -0.0 is 0.0, NaN equals nothing; long values are compared whole. */
static void test_graph_constraints__what_is_equal(void **state)
{
    fixture x;
    sb_mutation result;
    char one[3000], other[3000];

    (void)state;
    open_persons(&x);
    create(&x, SB_SCHEMA_UNIQUE, x.age, "person_age");
    const sb_prop one_real = {x.age, real(1.0)}, zero = {x.age, real(-0.0)},
                  nan = {x.age, real(0.0 / 0.0)};
    FAILS(&x.f,
          sb_graph_mutate(x.f.graph, (sb_op[]){set_prop(x.nodes[2], &one_real)}, 1, &result,
                          &x.f.err),
          SB_CONSTRAINT, "(age) = 1");
    FAILS(&x.f,
          sb_graph_mutate(x.f.graph, (sb_op[]){set_prop(x.nodes[2], &zero)}, 1, &result, &x.f.err),
          SB_CONSTRAINT, "person_age");
    const sb_op nans[] = {set_prop(x.nodes[0], &nan), set_prop(x.nodes[1], &nan)};
    OK(&x.f, sb_graph_mutate(x.f.graph, nans, 2, &result, &x.f.err));
    const double more[] = {0.0 / 0.0, 0.0 / 0.0};
    const sb_prop_column column = {.key = x.age, .type = SB_TYPE_FLOAT, .reals = more};
    sb_node_id ids[2];
    OK(&x.f, sb_graph_create_nodes(x.f.graph, set_of_label(&x.f, x.person), 2, &column, 1, ids,
                                   &x.f.err));
    create(&x, SB_SCHEMA_UNIQUE, x.email, "person_email");
    memset(one, 'x', sizeof one);
    memset(other, 'x', sizeof other);
    other[2999] = 'y';
    const sb_prop first = {x.email, {.type = SB_TYPE_STRING, .as.bytes = {one, sizeof one}}};
    const sb_prop second = {x.email, {.type = SB_TYPE_STRING, .as.bytes = {other, sizeof other}}};
    OK(&x.f, sb_graph_mutate(x.f.graph,
                             (sb_op[]){set_prop(x.nodes[0], &first), set_prop(x.nodes[1], &second)},
                             2, &result, &x.f.err));
    FAILS(
        &x.f,
        sb_graph_mutate(x.f.graph, (sb_op[]){set_prop(x.nodes[2], &second)}, 1, &result, &x.f.err),
        SB_CONSTRAINT, "'xxx");
    commit(&x.f);
    graph_fixture_close(&x.f);
}

static void test_graph_constraints__existence_and_types_at_commit(void **state)
{
    fixture x;
    sb_mutation result;

    (void)state;
    open_persons(&x);
    create(&x, SB_SCHEMA_EXISTS, x.email, "has_email");
    sb_schema typed = define(&x, SB_SCHEMA_TYPED, x.age, "age_is_number");
    uint32_t id;
    typed.value_types = 1u << SB_TYPE_INT | 1u << SB_TYPE_FLOAT;
    OK(&x.f, sb_graph_schema_create(x.f.graph, &typed, &id, &x.f.err));
    commit(&x.f);

    const sb_prop no_email = {x.email, SB_VALUE_NULL}, word = {x.age, string("old")},
                  years = {x.age, real(3.5)};
    begin_write(&x.f);
    OK(&x.f, sb_graph_mutate(x.f.graph, (sb_op[]){set_prop(x.nodes[0], &no_email)}, 1, &result,
                             &x.f.err));
    FAILS(&x.f, sb_txn_commit(x.f.txn, &x.f.err), SB_CONSTRAINT,
          "has no :Person(email) (constraint has_email)");

    begin_write(&x.f);
    OK(&x.f,
       sb_graph_mutate(x.f.graph, (sb_op[]){set_prop(x.nodes[1], &word)}, 1, &result, &x.f.err));
    FAILS(&x.f, sb_txn_commit(x.f.txn, &x.f.err), SB_CONSTRAINT,
          "has :Person(age) = 'old', of type STRING, where only INTEGER or FLOAT may be "
          "(constraint age_is_number)");

    begin_write(
        &x.f); /* broken and mended within the transaction; deleted; rolled back to a savepoint */
    OK(&x.f,
       sb_graph_mutate(x.f.graph, (sb_op[]){set_prop(x.nodes[1], &word)}, 1, &result, &x.f.err));
    OK(&x.f,
       sb_graph_mutate(x.f.graph, (sb_op[]){set_prop(x.nodes[1], &years)}, 1, &result, &x.f.err));
    OK(&x.f, sb_graph_mutate(x.f.graph, (sb_op[]){set_prop(x.nodes[2], &no_email)}, 1, &result,
                             &x.f.err));
    OK(&x.f, sb_graph_mutate(x.f.graph,
                             (sb_op[]){{.kind = SB_OP_DELETE_NODE,
                                        .target_entity = {.id = x.nodes[2], .result_of = -1}}},
                             1, &result, &x.f.err));
    const uint32_t before = savepoint(&x.f);
    OK(&x.f, sb_graph_mutate(x.f.graph, (sb_op[]){set_prop(x.nodes[0], &no_email)}, 1, &result,
                             &x.f.err));
    OK(&x.f, sb_txn_rollback_to(x.f.txn, before, &x.f.err));
    commit(&x.f);

    begin_write(&x.f); /* a batch: one row lacks the key */
    const sb_bytes emails[] = {text("d@b.c"), text("e@b.c")};
    const uint8_t present = 1;
    const sb_prop_column column = {
        .key = x.email, .type = SB_TYPE_STRING, .bytes = emails, .present = &present};
    sb_node_id ids[2];
    OK(&x.f, sb_graph_create_nodes(x.f.graph, set_of_label(&x.f, x.person), 2, &column, 1, ids,
                                   &x.f.err));
    FAILS(&x.f, sb_txn_commit(x.f.txn, &x.f.err), SB_CONSTRAINT, "has_email");
    graph_fixture_close(&x.f);
}

static void test_graph_constraints__on_a_full_store(void **state)
{
    fixture x;
    uint32_t id;
    sb_mutation result;

    (void)state;
    open_persons(&x);
    const sb_prop same = {x.email, string("a@b.c")}, gone = {x.age, SB_VALUE_NULL};
    OK(&x.f, sb_graph_mutate(x.f.graph,
                             (sb_op[]){set_prop(x.nodes[2], &same), set_prop(x.nodes[1], &gone)}, 2,
                             &result, &x.f.err));
    sb_schema definition = define(&x, SB_SCHEMA_UNIQUE, x.email, "unique");
    FAILS(&x.f, sb_graph_schema_create(x.f.graph, &definition, &id, &x.f.err), SB_CONSTRAINT,
          "both have :Person(email) = 'a@b.c' (constraint unique)");
    definition = define(&x, SB_SCHEMA_EXISTS, x.age, "exists");
    FAILS(&x.f, sb_graph_schema_create(x.f.graph, &definition, &id, &x.f.err), SB_CONSTRAINT,
          "has no :Person(age)");
    definition = define(&x, SB_SCHEMA_NODE_KEY, x.age, "key");
    FAILS(&x.f, sb_graph_schema_create(x.f.graph, &definition, &id, &x.f.err), SB_CONSTRAINT,
          "has no :Person(age)");
    definition.on_rels = true;
    FAILS(&x.f, sb_graph_schema_create(x.f.graph, &definition, &id, &x.f.err), SB_INVALID,
          "on nodes");
    size_t count;
    sb_schemas(x.f.view, &count);
    assert_int_equal(count, 0); /* nothing of them stayed */
    const uint32_t index = create(&x, SB_SCHEMA_INDEX, x.age, "ages");
    definition = define(&x, SB_SCHEMA_INDEX, x.age, "ages_again");
    FAILS(&x.f, sb_graph_schema_create(x.f.graph, &definition, &id, &x.f.err), SB_EXISTS, "ages");
    assert_int_equal(look_up(&x, index, integer(2)), x.nodes[2]);
    assert_non_null(sb_graph_index_for(x.f.graph, SB_NODE, x.person, &x.age, 1));
    assert_null(sb_graph_index_for(x.f.graph, SB_NODE, x.person, &x.email, 1));
    assert_null(sb_graph_index_for(x.f.graph, SB_REL, x.person, &x.age, 1));
    OK(&x.f, sb_graph_schema_drop(x.f.graph, index, &x.f.err));
    FAILS(&x.f, sb_graph_schema_drop(x.f.graph, index, &x.f.err), SB_NOT_FOUND, "number");
    commit(&x.f);
    graph_fixture_close(&x.f);
}

static void test_graph_constraints__label_index(void **state)
{
    fixture x;
    uint32_t id;
    size_t count;
    sb_node_id ids[10], more;

    (void)state;
    open_persons(&x);
    sb_schema definition = {.kind = SB_SCHEMA_LABEL_INDEX, .entity = x.person};
    FAILS(&x.f, sb_graph_schema_create(x.f.graph, &definition, &id, &x.f.err), SB_EXISTS, "Person");
    OK(&x.f, sb_graph_schema_drop(x.f.graph, 0x80000000u | x.person, &x.f.err));
    FAILS(&x.f, sb_graph_schema_drop(x.f.graph, 0x80000000u | x.person, &x.f.err), SB_NOT_FOUND,
          "Person");
    FAILS(&x.f, sb_graph_schema_drop(x.f.graph, 0x80000000u | 99, &x.f.err), SB_INVALID,
          "label 99");
    const sb_schema *marker = sb_schemas(x.f.view, &count);
    assert_int_equal(count, 1);
    FAILS(&x.f, sb_graph_schema_drop(x.f.graph, marker->id, &x.f.err), SB_NOT_FOUND,
          "number"); /* the marker is no schema */
    OK(&x.f,
       sb_graph_create_nodes(x.f.graph, set_of_label(&x.f, x.person), 1, NULL, 0, &more, &x.f.err));
    commit(&x.f);
    begin_write(&x.f);
    OK(&x.f, sb_label_index_scan(x.f.view, x.person, 0, ids, 10, &count, &x.f.err));
    assert_int_equal(count, 0);
    OK(&x.f, sb_graph_schema_create(x.f.graph, &definition, &id, &x.f.err));
    assert_int_equal(id, 0x80000000u | x.person);
    OK(&x.f, sb_label_index_scan(x.f.view, x.person, 0, ids, 10, &count, &x.f.err));
    assert_int_equal(count, 4);
    commit(&x.f);
    graph_fixture_close(&x.f);
}

static size_t count_range(fixture *x, uint32_t schema, const sb_index_range *range)
{
    sb_index_scan *scan;
    uint64_t batch[512];
    size_t count, seen = 0;

    OK(&x->f, sb_index_scan_open(x->f.view, schema, range, &scan, &x->f.err));
    do {
        OK(&x->f, sb_index_scan_next(scan, batch, NULL, 512, &count, &x->f.err));
        seen += count;
    } while (count != 0);
    sb_index_scan_close(scan);
    return seen;
}

/* The original's B8: more than a thousand nodes of one indexed value in one transaction failed. Enough for several runs of a
 * later index, and for one built bottom-up. */
static void test_graph_constraints__many_equal_values(void **state)
{
    fixture x;
    enum { MANY = 50000 };
    int64_t *ages = calloc(MANY, sizeof *ages);
    sb_node_id *ids = calloc(MANY, sizeof *ids);

    (void)state;
    open_persons(&x);
    const uint32_t index = create(&x, SB_SCHEMA_INDEX, x.age, "ages");
    for (size_t i = 0; i < MANY; i++)
        ages[i] = i < 5000 ? 7 : (int64_t)i;
    const sb_prop_column column = {.key = x.age, .type = SB_TYPE_INT, .integers = ages};
    OK(&x.f, sb_graph_create_nodes(x.f.graph, set_of_label(&x.f, x.person), MANY, &column, 1, ids,
                                   &x.f.err));
    const sb_value seven = integer(7);
    for (int round = 0; round < 3; round++) {
        const uint32_t used = round == 0 ? index : create(&x, SB_SCHEMA_INDEX, x.age, "ages");
        const sb_index_range sevens = {.equal = &seven, .equal_count = 1}, all = {.equal_count = 0};
        assert_int_equal(count_range(&x, used, &sevens), 5000);
        assert_int_equal(count_range(&x, used, &all), MANY + 3);
        assert_int_equal(look_up(&x, used, integer(MANY - 1)), ids[MANY - 1]);
        OK(&x.f, sb_graph_schema_drop(x.f.graph, used, &x.f.err));
        x.f.settings.memory_bytes = 1; /* the next ones are made in several runs */
        OK(&x.f, sb_graph_configure(x.f.session, &x.f.settings, &x.f.err));
    }
    commit(&x.f);
    free(ages);
    free(ids);
    graph_fixture_close(&x.f);
}

static bool stop(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    assert_true(done <= total);
    return false;
}

static void test_graph_constraints__cancel(void **state)
{
    fixture x;
    enum { MANY = 10000 };
    sb_node_id *ids = calloc(MANY, sizeof *ids);
    int64_t *ages = calloc(MANY, sizeof *ages);
    uint32_t id;

    (void)state;
    open_persons(&x);
    const sb_prop_column column = {.key = x.age, .type = SB_TYPE_INT, .integers = ages};
    OK(&x.f, sb_graph_create_nodes(x.f.graph, set_of_label(&x.f, x.person), MANY, &column, 1, ids,
                                   &x.f.err));
    x.f.settings.progress = stop;
    OK(&x.f, sb_graph_configure(x.f.session, &x.f.settings, &x.f.err));
    const sb_schema definition = define(&x, SB_SCHEMA_INDEX, x.age, "ages");
    FAILS(&x.f, sb_graph_schema_create(x.f.graph, &definition, &id, &x.f.err), SB_INTERRUPT,
          "progress");
    _Atomic bool cancel = true;
    x.f.settings.progress = NULL;
    x.f.settings.cancel = &cancel;
    OK(&x.f, sb_graph_configure(x.f.session, &x.f.settings, &x.f.err));
    FAILS(&x.f, sb_graph_schema_create(x.f.graph, &definition, &id, &x.f.err), SB_INTERRUPT,
          "cancelled");
    cancel = false;
    OK(&x.f, sb_graph_schema_create(x.f.graph, &definition, &id, &x.f.err));
    commit(&x.f);
    /* Dropping one can be cancelled, too, and making one that none of the many nodes is in. */
    const uint32_t labels = SB_GRAPH_LABEL_INDEX | x.person;
    begin_write(&x.f);
    const sb_label_id other = label(&x.f, "Other");
    sb_node_id one;
    OK(&x.f,
       sb_graph_create_nodes(x.f.graph, set_of_label(&x.f, other), 1, NULL, 0, &one, &x.f.err));
    const sb_schema of_other = {.kind = SB_SCHEMA_INDEX,
                                .entity = other,
                                .key_count = 1,
                                .keys = {x.age},
                                .name = text("other ages")};
    uint32_t none;
    cancel = true;
    FAILS(&x.f, sb_graph_schema_create(x.f.graph, &of_other, &none, &x.f.err), SB_INTERRUPT,
          "cancelled");
    FAILS(&x.f, sb_graph_schema_drop(x.f.graph, id, &x.f.err), SB_INTERRUPT, "cancelled");
    FAILS(&x.f, sb_graph_schema_drop(x.f.graph, labels, &x.f.err), SB_INTERRUPT, "cancelled");
    cancel = false;
    OK(&x.f, sb_graph_schema_drop(x.f.graph, id, &x.f.err));
    OK(&x.f, sb_graph_schema_drop(x.f.graph, labels, &x.f.err));
    commit(&x.f);
    free(ids);
    free(ages);
    graph_fixture_close(&x.f);
}

/* Relationships: composite index, unique, kept through changes. */
static void test_graph_constraints__on_relationships(void **state)
{
    fixture x;
    uint32_t id, composite;
    sb_mutation result;

    (void)state;
    open_persons(&x);
    sb_schema definition = {.kind = SB_SCHEMA_UNIQUE,
                            .on_rels = true,
                            .entity = x.knows,
                            .key_count = 1,
                            .keys = {x.age},
                            .name = text("since")};
    OK(&x.f, sb_graph_schema_create(x.f.graph, &definition, &id, &x.f.err));
    definition.kind = SB_SCHEMA_INDEX;
    definition.key_count = 2;
    definition.keys[1] = x.email;
    definition.name = text("both");
    OK(&x.f, sb_graph_schema_create(x.f.graph, &definition, &composite, &x.f.err));
    const sb_prop props[] = {{x.age, integer(1999)}, {x.email, string("e")}};
    const sb_op make = {.kind = SB_OP_CREATE_REL,
                        .target_entity.result_of = -1,
                        .source = {.id = x.nodes[0], .result_of = -1},
                        .target = {.id = x.nodes[1], .result_of = -1},
                        .type = x.knows,
                        .props = props,
                        .prop_count = 2};
    OK(&x.f, sb_graph_mutate(x.f.graph, &make, 1, &result, &x.f.err));
    const sb_rel_id rel = result.ids[0];
    FAILS(&x.f, sb_graph_mutate(x.f.graph, &make, 1, &result, &x.f.err), SB_CONSTRAINT,
          "both have [:KNOWS(age)] = 1999 (constraint since)");
    const sb_value values[] = {integer(1999), string("e")};
    uint64_t found;
    bool cut;
    OK(&x.f, sb_index_lookup(x.f.view, composite, values, 2, &found, &cut, &x.f.err));
    assert_int_equal(found, rel);
    const sb_prop no_email = {x.email, SB_VALUE_NULL};
    sb_op change = set_prop(rel, &no_email);
    change.entity = SB_REL;
    OK(&x.f, sb_graph_mutate(x.f.graph, &change, 1, &result, &x.f.err));
    OK(&x.f, sb_index_lookup(x.f.view, composite, values, 2, &found, &cut, &x.f.err));
    assert_int_equal(found, 0);
    assert_int_equal(look_up(&x, id, integer(1999)), rel);
    const sb_op away = {.kind = SB_OP_DELETE_NODE,
                        .target_entity = {.id = x.nodes[1], .result_of = -1},
                        .detach = true};
    OK(&x.f, sb_graph_mutate(x.f.graph, &away, 1, &result, &x.f.err));
    assert_int_equal(look_up(&x, id, integer(1999)), 0);
    commit(&x.f);
    graph_fixture_close(&x.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_graph_constraints__unique_message),
        TEST(test_graph_constraints__two_values_swap),
        TEST(test_graph_constraints__what_is_equal),
        TEST(test_graph_constraints__existence_and_types_at_commit),
        TEST(test_graph_constraints__on_a_full_store),
        TEST(test_graph_constraints__label_index),
        TEST(test_graph_constraints__many_equal_values),
        TEST(test_graph_constraints__cancel),
        TEST(test_graph_constraints__on_relationships),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
