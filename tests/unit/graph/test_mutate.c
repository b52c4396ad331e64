/* Goal: each operation of a mutation list, its summary, its errors by position, and what is left behind: nothing when the
 * call fails. Method: small cases by hand; tests/model does the mixes. */
#include "support/graph_fixture.h"

#include "base/bytes.h"

typedef struct names {
    sb_label_id person, city;
    sb_type_id knows, lives_in;
    sb_key_id name, age, email;
} names;

static names begin_named(graph_fixture *f)
{
    begin_write(f);
    return (names){.person = label(f, "Person"),
                   .city = label(f, "City"),
                   .knows = type_of(f, "KNOWS"),
                   .lives_in = type_of(f, "LIVES_IN"),
                   .name = key_of(f, "name"),
                   .age = key_of(f, "age"),
                   .email = key_of(f, "email")};
}

static sb_op_ref ref(uint64_t id)
{
    return (sb_op_ref){.id = id, .result_of = -1};
}

static sb_op_ref made_by(int64_t op)
{
    return (sb_op_ref){.result_of = op};
}

static sb_op create_node(const sb_label_id *labels, size_t count, const sb_prop *props,
                         size_t prop_count)
{
    return (sb_op){.kind = SB_OP_CREATE_NODE,
                   .target_entity.result_of = -1,
                   .labels = labels,
                   .label_count = count,
                   .props = props,
                   .prop_count = prop_count};
}

static sb_op create_rel(sb_op_ref source, sb_type_id type, sb_op_ref target)
{
    return (sb_op){.kind = SB_OP_CREATE_REL,
                   .target_entity.result_of = -1,
                   .source = source,
                   .type = type,
                   .target = target};
}

static sb_op delete_node(sb_op_ref node, bool detach)
{
    return (sb_op){.kind = SB_OP_DELETE_NODE, .target_entity = node, .detach = detach};
}

static sb_op set_props(sb_entity entity, sb_op_ref whom, const sb_prop *props, size_t count)
{
    return (sb_op){.kind = SB_OP_SET_PROPS,
                   .entity = entity,
                   .target_entity = whom,
                   .props = props,
                   .prop_count = count};
}

static sb_mutation mutate(graph_fixture *f, const sb_op *ops, size_t count)
{
    sb_mutation result;
    OK(f, sb_graph_mutate(f->graph, ops, count, &result, &f->err));
    return result;
}

static uint64_t node_count(graph_fixture *f)
{
    uint64_t count;
    OK(f, sb_stats_nodes_of_label(f->view, 0, &count, &f->err));
    return count;
}

static uint64_t rel_count(graph_fixture *f)
{
    uint64_t count;
    OK(f, sb_stats_rels_of_type(f->view, 0, &count, &f->err));
    return count;
}

static bool node_exists(graph_fixture *f, sb_node_id id)
{
    sb_set_id set;
    bool found;
    OK(f, sb_graph_node_set(f->graph, id, &set, &found, &f->err));
    return found;
}

static uint64_t degree(graph_fixture *f, sb_node_id id)
{
    uint64_t count;
    OK(f, sb_graph_degree(f->graph, id, SB_BOTH, NULL, 0, &count, &f->err));
    return count;
}

static uint64_t no_time(void *ctx)
{
    (void)ctx;
    return 0;
}

static uint64_t pages_copied(graph_fixture *f)
{
    uint64_t counts[SB_COUNTER_KINDS];
    sb_profile_read(&f->profile, false, counts);
    return counts[SB_COUNT_PAGES_COPIED];
}

/* Enclosed calls copy a page once for all of them, and leave to the caller what a failing one has done. */
static void test_graph_mutate__enclosed(void **state)
{
    graph_fixture f;
    uint32_t savepoint;
    sb_mutation result;

    (void)state;
    graph_fixture_open(&f, 4096);
    f.profile.clock_ns = no_time;
    f.profile.on = true;
    const names n = begin_named(&f);
    const sb_op make = create_node(&n.person, 1, NULL, 0);
    (void)mutate(&f, &make, 1);
    OK(&f, sb_txn_savepoint(f.txn, &savepoint, &f.err));
    OK(&f, sb_graph_mutate_enclosed(f.graph, &make, 1, NULL, &result, &f.err));
    assert_int_equal(node_count(&f), 2);
    const uint64_t copied = pages_copied(&f);
    OK(&f, sb_graph_mutate_enclosed(f.graph, &make, 1, NULL, &result, &f.err));
    assert_int_equal(pages_copied(&f), copied);
    const sb_op failing[] = {make, delete_node(ref(result.ids[0] + 1), false),
                             delete_node(ref(result.ids[0] + 1), false)};
    FAILS(&f, sb_graph_mutate_enclosed(f.graph, failing, 3, NULL, &result, &f.err), SB_NOT_FOUND,
          "node 4 does not exist");
    assert_null(strstr(f.err.text, "op 2"));
    OK(&f, sb_txn_rollback_to(f.txn, savepoint, &f.err));
    assert_int_equal(node_count(&f), 1);
    (void)mutate(&f, &make, 1);
    assert_true(pages_copied(&f) > copied);
    commit(&f);
    begin_read(&f);
    assert_int_equal(node_count(&f), 2);
    rollback(&f);
    graph_fixture_close(&f);
}

/* The original's B4: a deletion must see relationships made by the same list, and in the same transaction. */
static void test_graph_mutate__delete_sees_what_is_pending(void **state)
{
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 4096);
    const names n = begin_named(&f);
    const sb_op made[] = {create_node(&n.person, 1, NULL, 0), create_node(&n.person, 1, NULL, 0),
                          create_rel(made_by(0), n.knows, made_by(1)),
                          delete_node(made_by(0), false)};
    sb_mutation result;
    FAILS(&f, sb_graph_mutate(f.graph, made, 4, &result, &f.err), SB_CONSTRAINT, "op 3: node");
    assert_int_equal(node_count(&f), 0);
    assert_int_equal(rel_count(&f), 0);
    result = mutate(&f, made, 3);
    const sb_node_id first = result.ids[0], second = result.ids[1];
    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){delete_node(ref(first), false)}, 1, &result, &f.err),
          SB_CONSTRAINT, "still has relationships");
    assert_int_equal(degree(&f, second), 1);
    result = mutate(&f, (sb_op[]){delete_node(ref(first), true)}, 1);
    assert_int_equal(result.nodes_deleted, 1);
    assert_int_equal(result.rels_deleted, 1); /* B20: detached ones are counted */
    assert_int_equal(degree(&f, second), 0);
    assert_false(node_exists(&f, first));
    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){create_rel(ref(second), n.knows, ref(first))}, 1,
                          &result, &f.err),
          SB_NOT_FOUND, "op 0: its target node");
    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){delete_node(ref(first), true)}, 1, &result, &f.err),
          SB_NOT_FOUND, "op 0: node");
    commit(&f);
    begin_read(&f);
    assert_int_equal(node_count(&f), 1);
    assert_int_equal(rel_count(&f), 0);
    rollback(&f);
    graph_fixture_close(&f);
}

static void test_graph_mutate__loops_and_parallels_go_once(void **state)
{
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 4096);
    const names n = begin_named(&f);
    const sb_op made[] = {create_node(&n.person, 1, NULL, 0),
                          create_node(NULL, 0, NULL, 0),
                          create_rel(made_by(0), n.knows, made_by(0)),
                          create_rel(made_by(0), n.knows, made_by(0)),
                          create_rel(made_by(0), n.knows, made_by(1)),
                          create_rel(made_by(0), n.knows, made_by(1)),
                          create_rel(made_by(1), n.lives_in, made_by(0))};
    sb_mutation result = mutate(&f, made, 7);
    assert_int_equal(result.rels_created, 5);
    const sb_node_id first = result.ids[0], second = result.ids[1];
    const sb_rel_id parallel = result.ids[5];
    assert_int_equal(degree(&f, first), 7);
    commit(&f);
    begin_write(&f);
    result = mutate(&f, (sb_op[]){{.kind = SB_OP_DELETE_REL, .target_entity = ref(parallel)}}, 1);
    assert_int_equal(result.rels_deleted, 1);
    assert_int_equal(degree(&f, second), 2);
    FAILS(&f,
          sb_graph_mutate(f.graph,
                          (sb_op[]){{.kind = SB_OP_DELETE_REL, .target_entity = ref(parallel)}}, 1,
                          &result, &f.err),
          SB_NOT_FOUND, "relationship");
    result = mutate(&f, (sb_op[]){delete_node(ref(first), true)}, 1);
    assert_int_equal(result.rels_deleted, 4);
    assert_int_equal(degree(&f, second), 0);
    assert_int_equal(rel_count(&f), 0);
    commit(&f);
    graph_fixture_close(&f);
}

static void test_graph_mutate__only_real_changes_count(void **state)
{
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 4096);
    const names n = begin_named(&f);
    char longer[5000];
    memset(longer, 'x', sizeof longer);
    const sb_value long_text = {.type = SB_TYPE_STRING, .as.bytes = {longer, sizeof longer}};
    const sb_prop props[] = {{n.name, long_text}, {n.age, integer(36)}, {n.email, SB_VALUE_NULL}};
    sb_mutation result = mutate(&f, (sb_op[]){create_node(&n.person, 1, props, 3)}, 1);
    assert_int_equal(result.properties_set, 2);
    const sb_op_ref ada = ref(result.ids[0]);
    result = mutate(&f, (sb_op[]){set_props(SB_NODE, ada, props, 3)}, 1); /* B20 */
    assert_int_equal(result.properties_set, 0);
    assert_int_equal(result.properties_removed, 0);
    assert_int_equal(result.ids[0], ada.id);
    const sb_prop as_real[] = {{n.age, real(36.0)}}; /* equal, but another type */
    result = mutate(&f, (sb_op[]){set_props(SB_NODE, ada, as_real, 1)}, 1);
    assert_int_equal(result.properties_set, 1);
    longer[4999] = 'y';
    sb_op replace = set_props(SB_NODE, ada, props, 1);
    replace.replace = true;
    result = mutate(&f, &replace, 1);
    assert_int_equal(result.properties_set, 1);
    assert_int_equal(result.properties_removed, 1); /* age */
    sb_op labels = {
        .kind = SB_OP_ADD_LABELS, .target_entity = ada, .labels = &n.person, .label_count = 1};
    result = mutate(&f, &labels, 1);
    assert_int_equal(result.labels_added, 0);
    const sb_label_id both[] = {n.city, n.person, n.city};
    labels.labels = both;
    labels.label_count = 3;
    result = mutate(&f, &labels, 1);
    assert_int_equal(result.labels_added, 1);
    labels.kind = SB_OP_REMOVE_LABELS;
    result = mutate(&f, &labels, 1);
    assert_int_equal(result.labels_removed, 2);
    commit(&f);
    graph_fixture_close(&f);
}

static void test_graph_mutate__errors_name_the_position(void **state)
{
    graph_fixture f;
    sb_mutation result;

    (void)state;
    graph_fixture_open(&f, 4096);
    const names n = begin_named(&f);
    const sb_op good = create_node(&n.person, 1, NULL, 0);
    const sb_prop bad_value[] = {{n.name, {.type = SB_TYPE_STRING, .as.bytes = {"\xff", 1}}}};
    const sb_prop twice[] = {{n.age, integer(1)}, {n.age, integer(2)}};
    const sb_prop no_key[] = {{99, integer(1)}};
    const sb_label_id no_label = 99;

    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){good, good, create_node(NULL, 0, bad_value, 1)}, 3,
                          &result, &f.err),
          SB_INVALID, "op 2, property name");
    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){good, create_node(NULL, 0, twice, 2)}, 2, &result,
                          &f.err),
          SB_INVALID, "op 1: property age is given twice");
    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){good, create_node(&no_label, 1, NULL, 0)}, 2, &result,
                          &f.err),
          SB_INVALID, "op 1: there is no label 99");
    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){good, create_rel(made_by(0), 99, made_by(0))}, 2,
                          &result, &f.err),
          SB_INVALID, "op 1: there is no relationship type 99");
    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){good, create_rel(made_by(0), n.knows, made_by(1))}, 2,
                          &result, &f.err),
          SB_INVALID, "op 1: op 1 is none before");
    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){good, create_rel(made_by(0), n.knows, ref(77))}, 2,
                          &result, &f.err),
          SB_NOT_FOUND, "op 1: its target node 77");
    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){good, set_props(SB_NODE, made_by(0), bad_value, 1)}, 2,
                          &result, &f.err),
          SB_INVALID, "op 1: property name");
    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){good, set_props(SB_NODE, made_by(0), twice, 2)}, 2,
                          &result, &f.err),
          SB_INVALID, "op 1: property age is given twice");
    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){good, set_props(SB_NODE, made_by(0), no_key, 1)}, 2,
                          &result, &f.err),
          SB_INVALID, "op 1: there is no property key 99");
    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){good, set_props(SB_REL, ref(5), twice, 1)}, 2, &result,
                          &f.err),
          SB_NOT_FOUND, "op 1: relationship 5 does not exist");
    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){good, set_props(SB_REL, made_by(0), twice, 1)}, 2,
                          &result, &f.err),
          SB_INVALID, "creates a relationship");
    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){{.kind = (sb_op_kind)50, .target_entity = ref(1)}}, 1,
                          &result, &f.err),
          SB_MISUSE, "op 0");
    assert_int_equal(node_count(&f), 0);
    assert_int_equal(result.id_count, 0);
    mutate(&f, &good, 1);
    assert_int_equal(node_count(&f), 1);
    /* What is checked when all are done: the op that made or changed one last. */
    const sb_schema unique = {.kind = SB_SCHEMA_UNIQUE,
                              .entity = n.person,
                              .key_count = 1,
                              .keys = {n.age},
                              .name = text("once")};
    const sb_prop age[] = {{n.age, integer(5)}};
    const sb_op aged = create_node(&n.person, 1, age, 1);
    uint32_t schema, savepoint;
    OK(&f, sb_graph_schema_create(f.graph, &unique, &schema, &f.err));
    FAILS(&f, sb_graph_mutate(f.graph, (sb_op[]){aged, good, aged}, 3, &result, &f.err),
          SB_CONSTRAINT, "op 2: its node and that of op 0 both have :Person(age) = 5");
    const sb_node_id there = mutate(&f, &aged, 1).ids[0];
    char message[128];
    snprintf(message, sizeof message, "op 1: its node and node %llu both have :Person(age) = 5",
             (unsigned long long)there);
    FAILS(&f,
          sb_graph_mutate(f.graph, (sb_op[]){good, set_props(SB_NODE, made_by(0), age, 1), good}, 3,
                          &result, &f.err),
          SB_CONSTRAINT, message);
    OK(&f, sb_txn_savepoint(f.txn, &savepoint, &f.err));
    FAILS(&f, sb_graph_mutate_enclosed(f.graph, &aged, 1, NULL, &result, &f.err), SB_CONSTRAINT,
          "both have");
    assert_null(strstr(f.err.text, "op ")); /* they are the caller's own matter */
    OK(&f, sb_txn_rollback_to(f.txn, savepoint, &f.err));
    commit(&f);
    graph_fixture_close(&f);
}

/* The original took at most 255. */
static void test_graph_mutate__many_labels(void **state)
{
    graph_fixture f;
    enum { MANY = 300 };
    sb_label_id labels[MANY];
    char text_of[16];

    (void)state;
    graph_fixture_open(&f, 8192);
    begin_write(&f);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(text_of, sizeof text_of, "L%u", i);
        labels[MANY - 1 - i] = label(&f, text_of);
    }
    sb_mutation result = mutate(&f, (sb_op[]){create_node(labels, MANY, NULL, 0)}, 1);
    const sb_op_ref node = ref(result.ids[0]);
    for (unsigned i = 0; i < MANY; i++) {
        bool has;
        OK(&f, sb_label_index_has(f.view, labels[i], node.id, &has, &f.err));
        assert_true(has);
    }
    result = mutate(&f,
                    (sb_op[]){{.kind = SB_OP_REMOVE_LABELS,
                               .target_entity = node,
                               .labels = labels,
                               .label_count = MANY - 1}},
                    1);
    assert_int_equal(result.labels_removed, MANY - 1);
    commit(&f);
    begin_read(&f);
    for (unsigned i = 0; i < MANY; i++) {
        uint64_t count;
        bool has;
        OK(&f, sb_label_index_has(f.view, labels[i], node.id, &has, &f.err));
        OK(&f, sb_stats_nodes_of_label(f.view, labels[i], &count, &f.err));
        assert_int_equal(has, i == MANY - 1);
        assert_int_equal(count, i == MANY - 1);
    }
    rollback(&f);
    graph_fixture_close(&f);
}

/* A hub with more relationships than are deleted in one portion. */
static void test_graph_mutate__detach_a_hub(void **state)
{
    graph_fixture f;
    enum { SPOKES = 40000 };
    sb_node_id *ids = calloc(SPOKES + 1, sizeof *ids), *hub = calloc(SPOKES, sizeof *hub);
    sb_rel_id *rels = calloc(SPOKES, sizeof *rels);

    (void)state;
    graph_fixture_open(&f, 0);
    const names n = begin_named(&f);
    OK(&f, sb_graph_create_nodes(f.graph, set_of_label(&f, n.person), SPOKES + 1, NULL, 0, ids,
                                 &f.err));
    for (size_t i = 0; i < SPOKES; i++)
        hub[i] = ids[SPOKES];
    OK(&f, sb_graph_create_rels(f.graph, n.knows, SPOKES, hub, ids, NULL, 0, rels, &f.err));
    OK(&f, sb_graph_create_rels(f.graph, n.lives_in, SPOKES, ids, hub, NULL, 0, rels, &f.err));
    commit(&f);
    begin_write(&f);
    const sb_mutation result = mutate(&f, (sb_op[]){delete_node(ref(hub[0]), true)}, 1);
    assert_int_equal(result.rels_deleted, 2 * SPOKES);
    assert_int_equal(rel_count(&f), 0);
    assert_int_equal(degree(&f, ids[7]), 0);
    rollback(&f);
    begin_read(&f);
    assert_int_equal(rel_count(&f), 2 * SPOKES);
    assert_int_equal(degree(&f, hub[0]), 2 * SPOKES);
    rollback(&f);
    graph_fixture_close(&f);
    free(ids);
    free(hub);
    free(rels);
}

static bool count_calls(void *ctx, uint64_t done, uint64_t total)
{
    (void)done;
    (void)total;
    ++*(unsigned *)ctx;
    return true;
}

/* Deletions, and a node's relationships, are watched every few hundred or thousand of them. */
static void test_graph_mutate__deletes_are_watched(void **state)
{
    enum { MANY = 20000 };
    graph_fixture f;
    sb_node_id *ids = calloc(MANY, sizeof *ids), *hub = calloc(MANY, sizeof *hub);
    sb_rel_id *rels = calloc(MANY, sizeof *rels);
    sb_op *ops = calloc(MANY, sizeof *ops);
    unsigned calls = 0;

    (void)state;
    graph_fixture_open(&f, 0);
    f.settings.progress = count_calls;
    f.settings.progress_ctx = &calls;
    OK(&f, sb_graph_configure(f.session, &f.settings, &f.err));
    const names n = begin_named(&f);
    OK(&f, sb_graph_create_nodes(f.graph, set_of_label(&f, n.person), MANY, NULL, 0, ids, &f.err));
    for (size_t i = 0; i < MANY; i++)
        hub[i] = ids[0];
    OK(&f, sb_graph_create_rels(f.graph, n.knows, MANY, hub, ids, NULL, 0, rels, &f.err));
    calls = 0;
    (void)mutate(&f, (sb_op[]){delete_node(ref(ids[0]), true)}, 1);
    assert_true(calls >= MANY / 4096);
    for (size_t i = 1; i < MANY; i++)
        ops[i - 1] = delete_node(ref(ids[i]), false);
    calls = 0;
    assert_int_equal(mutate(&f, ops, 10000).nodes_deleted, 10000);
    assert_true(calls >= 3 * (10000 / 256)); /* looked at, out of indexes, out of the table */
    commit(&f);
    graph_fixture_close(&f);
    free(ids);
    free(hub);
    free(rels);
    free(ops);
}

/* Entities with hardly a key in common must not make columns of the product of both. */
static void test_graph_mutate__a_key_for_each_node(void **state)
{
    graph_fixture f;
    enum { NODES = 3000 };
    sb_op *ops = calloc(NODES, sizeof *ops);
    sb_prop *props = calloc(NODES, sizeof *props);
    char text_of[16];

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    for (unsigned i = 0; i < NODES; i++) {
        snprintf(text_of, sizeof text_of, "key%u", i);
        props[i] = (sb_prop){.key = key_of(&f, text_of), .value = integer(i)};
        ops[i] = create_node(NULL, 0, &props[i], 1);
    }
    const size_t before = f.alloc.peak_bytes;
    const sb_mutation result = mutate(&f, ops, NODES);
    assert_true(f.alloc.peak_bytes - before < 40u << 20);
    for (unsigned i = 0; i < NODES; i += 97) {
        sb_value value;
        bool found;
        OK(&f, sb_graph_get_props(f.graph, SB_NODE, result.ids[i], &props[i].key, 1, &value, &found,
                                  &f.err));
        assert_true(found);
        assert_true(sb_value_equal(&value, &props[i].value));
    }
    commit(&f);
    graph_fixture_close(&f);
    free(ops);
    free(props);
}

typedef sb_status (*faulty_call)(graph_fixture *f, const names *n, const sb_node_id *nodes);

static sb_status call_mutate(graph_fixture *f, const names *n, const sb_node_id *nodes)
{
    const sb_prop props[] = {
        {n->name, string("somebody")}, {n->email, string("x@y.z")}, {n->age, real(0.5)}};
    const sb_op ops[] = {create_node(&n->person, 1, props, 3),
                         create_rel(made_by(0), n->knows, ref(nodes[0])),
                         create_rel(ref(nodes[1]), n->lives_in, made_by(0)),
                         set_props(SB_NODE, ref(nodes[1]), props, 1),
                         {.kind = SB_OP_ADD_LABELS,
                          .target_entity = ref(nodes[2]),
                          .labels = &n->city,
                          .label_count = 1},
                         {.kind = SB_OP_REMOVE_LABELS,
                          .target_entity = ref(nodes[2]),
                          .labels = &n->person,
                          .label_count = 1},
                         delete_node(ref(nodes[3]), true)};
    sb_mutation result;
    return sb_graph_mutate(f->graph, ops, sizeof ops / sizeof *ops, &result, &f->err);
}

static sb_status call_create_rels(graph_fixture *f, const names *n, const sb_node_id *nodes)
{
    sb_rel_id ids[20];
    int64_t ages[20] = {0};
    const sb_prop_column column = {.key = n->age, .type = SB_TYPE_INT, .integers = ages};
    const sb_status st =
        sb_graph_create_rels(f->graph, n->knows, 20, nodes, nodes + 20, &column, 1, ids, &f->err);
    return st == SB_OK ? sb_graph_flush(f->graph, &f->err) : st;
}

static sb_status call_schema(graph_fixture *f, const names *n, const sb_node_id *nodes)
{
    const sb_schema definition = {.kind = SB_SCHEMA_UNIQUE,
                                  .entity = n->person,
                                  .key_count = 1,
                                  .keys = {n->age},
                                  .name = text("unique_age")};
    uint32_t id;
    (void)nodes;
    return sb_graph_schema_create(f->graph, &definition, &id, &f->err);
}

/* Every allocation of a call fails once: the call leaves nothing, and the transaction goes on. */
static void sweep(faulty_call call)
{
    graph_fixture f;
    sb_node_id ids[40];
    int64_t ages[40];
    size_t failures = 0;

    graph_fixture_open(&f, 4096);
    const names n = begin_named(&f);
    for (int i = 0; i < 40; i++)
        ages[i] = i;
    const sb_prop_column column = {.key = n.age, .type = SB_TYPE_INT, .integers = ages};
    const sb_schema definition = {.kind = SB_SCHEMA_UNIQUE,
                                  .entity = n.person,
                                  .key_count = 1,
                                  .keys = {n.email},
                                  .name = text("unique_email")};
    uint32_t id;
    OK(&f, sb_graph_schema_create(f.graph, &definition, &id, &f.err));
    OK(&f, sb_graph_create_nodes(f.graph, set_of_label(&f, n.person), 40, &column, 1, ids, &f.err));
    OK(&f, call_create_rels(&f, &n, ids));
    commit(&f);
    for (size_t fail_at = 1;; fail_at++) {
        bool reached;
        graph_reopen(&f); /* no buffers kept from before */
        begin_write(&f);
        f.alloc.fail_at = f.alloc.alloc_count + fail_at;
        sb_status st = call(&f, &n, ids);
        reached = f.alloc.alloc_count >= f.alloc.fail_at;
        f.alloc.fail_at = 0;
        if (reached && st != SB_OK) {
            assert_int_equal(st, SB_NOMEM);
            failures++;
            sb_err_clear(&f.err);
            if (call != call_create_rels) { /* which is two calls */
                assert_int_equal(node_count(&f), 40);
                assert_int_equal(rel_count(&f), 20);
            }
            assert_int_equal(degree(&f, ids[3]), 1 + (rel_count(&f) - 20) / 20);
            OK(&f, call(&f, &n, ids));
        }
        rollback(&f);
        if (!reached) break;
    }
    assert_true(failures > 3);
    graph_fixture_close(&f);
}

/* A row whose type there is not is damage of the file, and no misuse. Found by the campaign of damaged files. */
static void test_graph_mutate__delete_of_a_damaged_row(void **state)
{
    graph_fixture f;
    sb_mutation result;
    bool found;

    (void)state;
    graph_fixture_open(&f, 4096);
    const names n = begin_named(&f);
    result = mutate(
        &f,
        (sb_op[]){create_node(&n.person, 1, NULL, 0), create_rel(made_by(0), n.knows, made_by(0))},
        2);
    const sb_rel_id rel = result.ids[1];
    for (uint64_t type = 0; type < 200; type += 150) {
        const sb_cell cell = {.key = SB_COLUMN_TYPE, .type = SB_CELL_INT, .word = type};
        const sb_op op = {.kind = SB_OP_DELETE_REL, .target_entity = ref(rel)};
        OK(&f, sb_row_set(f.txn, sb_rel_table(f.view), rel, &cell, 1, &found, &f.err));
        FAILS(&f, sb_graph_mutate(f.graph, &op, 1, &result, &f.err), SB_CORRUPT,
              "lacks its ends or its type");
    }
    rollback(&f);
    graph_fixture_close(&f);
}

#define HUB_RELS 3000u

/* Offset in a leaf of lists (docs/format/list.md): how many entries of its last list lie in the leaves behind it. */
#define LIST_REST 72u

/* The one leaf that says that its last list goes on says it of so many entries. */
static void say_rest(graph_fixture *f, uint64_t rest)
{
    unsigned said = 0;

    for (sb_pgno i = 1; i < sb_txn_page_count(f->txn); i++) {
        sb_page page;
        uint8_t *bytes;
        OK(f, sb_page_acquire(f->txn, i, &page, &f->err));
        const bool goes_on =
            page.bytes[SB_PAGE_KIND] == SB_PAGE_LIST && sb_load_le64(page.bytes + LIST_REST) != 0;
        sb_page_release(f->txn, &page);
        if (!goes_on) continue;
        OK(f, sb_page_mut(f->txn, i, &bytes, &f->err));
        sb_store_le64(bytes + LIST_REST, rest);
        said++;
    }
    assert_int_equal(said, 1);
}

/* A list over several leaves that is longer than its home says, or says to be longer than any can be, is damage: nothing is
 * written past the room that was made for it. */
static void test_graph_mutate__lists_of_false_length(void **state)
{
    static sb_node_id ids[HUB_RELS + 1], sources[HUB_RELS];
    const sb_node_id *const hub = ids + 1;
    static const uint64_t rests[] = {1, 3, (uint64_t)1 << 61, INT64_MAX};
    const sb_neighbors_options all = {.direction = SB_OUT};
    const sb_node_id *read;
    graph_fixture f;
    size_t count;

    (void)state;
    graph_fixture_open(&f, 4096);
    const names n = begin_named(&f);
    OK(&f, sb_graph_create_nodes(f.graph, set_of_label(&f, n.person), HUB_RELS + 1, NULL, 0, ids,
                                 &f.err));
    /* What lies before the hub leaves little room in its home: a portion is to hold more than that. */
    for (size_t i = 0; i < HUB_RELS; i++)
        sources[i] = i < HUB_RELS / 10 ? ids[0] : *hub;
    OK(&f,
       sb_graph_create_rels(f.graph, n.knows, HUB_RELS, sources, ids + 1, NULL, 0, NULL, &f.err));
    commit(&f);
    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
        const sb_op detach = delete_node(ref(*hub), true);
        sb_mutation result;
        begin_write(&f);
        say_rest(&f, rests[i]);
        FAILS(&f, sb_graph_mutate(f.graph, &detach, 1, &result, &f.err), SB_CORRUPT, "of node");
        FAILS(&f, sb_graph_neighbors(f.graph, *hub, &all, NULL, 0, &count, &f.err), SB_CORRUPT,
              "of node");
        FAILS(&f, sb_graph_neighbor_ids(f.graph, *hub, SB_OUT, n.knows, &read, &count, &f.err),
              SB_CORRUPT, "of node");
        FAILS(&f,
              sb_graph_neighbor_ids_many(f.graph, hub, 2, SB_OUT, n.knows, &read, (size_t[2]){0},
                                         &f.err),
              SB_CORRUPT, "of node");
        rollback(&f);
    }
    graph_fixture_close(&f);
}

static void test_graph_mutate__no_memory(void **state)
{
    (void)state;
    sweep(call_mutate);
    sweep(call_create_rels);
    sweep(call_schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_graph_mutate__enclosed),
        TEST(test_graph_mutate__delete_sees_what_is_pending),
        TEST(test_graph_mutate__loops_and_parallels_go_once),
        TEST(test_graph_mutate__only_real_changes_count),
        TEST(test_graph_mutate__errors_name_the_position),
        TEST(test_graph_mutate__many_labels),
        TEST(test_graph_mutate__detach_a_hub),
        TEST(test_graph_mutate__deletes_are_watched),
        TEST(test_graph_mutate__a_key_for_each_node),
        TEST(test_graph_mutate__delete_of_a_damaged_row),
        TEST(test_graph_mutate__lists_of_false_length),
        TEST(test_graph_mutate__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
