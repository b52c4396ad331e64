/* Goal: the create builder's references, its errors, and that a failed execute keeps what was collected. */
#include "support/graph_fixture.h"

#define handle(value) (&(const sb_ref){.kind = SB_REF_HANDLE, .id = (value)})
#define id_of(value)  (&(const sb_ref){.kind = SB_REF_ID, .id = (value)})
#define alias(name)   (&(const sb_ref){.kind = SB_REF_ALIAS, .alias = text(name)})

typedef struct fixture {
    graph_fixture f;
    sb_builder *b;
    sb_label_id person, city;
    sb_type_id knows, lives_in;
    sb_key_id name, tags;
} fixture;

static void open_builder(fixture *x)
{
    graph_fixture_open(&x->f, 4096);
    begin_write(&x->f);
    x->person = label(&x->f, "Person");
    x->city = label(&x->f, "City");
    x->knows = type_of(&x->f, "KNOWS");
    x->lives_in = type_of(&x->f, "LIVES_IN");
    x->name = key_of(&x->f, "name");
    x->tags = key_of(&x->f, "tags");
    OK(&x->f, sb_builder_open(x->f.graph, &x->b, &x->f.err));
}

static void close_builder(fixture *x)
{
    sb_builder_close(x->b);
    commit(&x->f);
    graph_fixture_close(&x->f);
}

static uint64_t add(fixture *x, const sb_label_id *labels, size_t count, const char *alias_of,
                    const char *name_of)
{
    const sb_prop prop = {x->name, string(name_of)};
    uint64_t made;
    OK(&x->f, sb_builder_node(x->b, labels, count, text(alias_of), &prop, 1, &made, &x->f.err));
    return made;
}

static sb_node_id only_neighbor(fixture *x, sb_node_id id, sb_type_id type)
{
    const sb_neighbors_options options = {.direction = SB_OUT, .types = &type, .type_count = 1};
    sb_neighbor neighbor = {0};
    size_t count;
    OK(&x->f, sb_graph_neighbors(x->f.graph, id, &options, &neighbor, 1, &count, &x->f.err));
    assert_int_equal(count, 1);
    return neighbor.node;
}

static void test_graph_builder__references(void **state)
{
    fixture x;
    sb_builder_result result;
    sb_node_id found_id;
    bool found;
    const sb_value tags[] = {string("a"), integer(2)};
    sb_prop props[] = {{0, {.type = SB_TYPE_LIST, .as.list = {tags, 2}}}};

    (void)state;
    open_builder(&x);
    const sb_label_id mixed[] = {x.city, x.person, x.city}; /* any order, doubles */
    /* an alias may be used before it is given */
    const uint64_t ada = add(&x, &x.person, 1, "", "Ada");
    OK(&x.f, sb_builder_rel(x.b, handle(ada), x.lives_in, alias("london"), NULL, 0, &x.f.err));
    add(&x, mixed, 3, "london", "London");
    props[0].key = x.tags;
    OK(&x.f, sb_builder_rel(x.b, alias("london"), x.knows, handle(ada), props, 1, &x.f.err));
    OK(&x.f, sb_builder_execute(x.b, &result, &x.f.err));
    assert_int_equal(result.node_count, 2);
    assert_int_equal(result.rel_count, 2);
    OK(&x.f, sb_builder_alias(x.b, text("london"), &found_id, &found));
    assert_true(found);
    assert_int_equal(found_id, result.node_ids[1]);
    OK(&x.f, sb_builder_alias(x.b, text("paris"), &found_id, &found));
    assert_false(found);
    assert_int_equal(only_neighbor(&x, result.node_ids[0], x.lives_in), result.node_ids[1]);
    assert_int_equal(only_neighbor(&x, result.node_ids[1], x.knows), result.node_ids[0]);
    sb_value value;
    OK(&x.f, sb_graph_get_props(x.f.graph, SB_REL, result.rel_ids[1], &x.tags, 1, &value, &found,
                                &x.f.err));
    assert_true(sb_value_equal(&value, &props[0].value));
    bool has;
    OK(&x.f, sb_label_index_has(x.f.view, x.person, result.node_ids[1], &has, &x.f.err));
    assert_true(has);
    /* an existing node, in the next execute; handles count from 0 again, aliases are forgotten */
    const sb_node_id london = result.node_ids[1];
    assert_int_equal(add(&x, &x.person, 1, "london", "Alan"), 0);
    OK(&x.f, sb_builder_rel(x.b, alias("london"), x.lives_in, id_of(london), NULL, 0, &x.f.err));
    OK(&x.f, sb_builder_execute(x.b, &result, &x.f.err));
    assert_int_equal(result.node_count, 1);
    assert_int_equal(only_neighbor(&x, result.node_ids[0], x.lives_in), london);
    OK(&x.f, sb_builder_execute(x.b, &result, &x.f.err)); /* nothing to do */
    assert_int_equal(result.node_count + result.rel_count, 0);
    close_builder(&x);
}

static void test_graph_builder__errors_keep_what_was_collected(void **state)
{
    fixture x;
    sb_builder_result result;
    uint64_t made, count;
    const sb_label_id no_label = 99;

    (void)state;
    open_builder(&x);
    const sb_prop bad[] = {{x.name, {.type = SB_TYPE_STRING, .as.bytes = {"\xc0", 1}}}};
    const sb_prop bad_list[] = {
        {x.name, {.type = SB_TYPE_LIST, .as.list = {(const sb_value[]){SB_VALUE_NULL}, 1}}}};
    const sb_prop no_key[] = {{99, integer(1)}};
    add(&x, NULL, 0, "a", "A"); /* no labels: a node all the same */
    FAILS(&x.f, sb_builder_node(x.b, NULL, 0, text("a"), NULL, 0, &made, &x.f.err), SB_EXISTS,
          "'a'");
    FAILS(&x.f, sb_builder_node(x.b, &no_label, 1, text(""), NULL, 0, &made, &x.f.err), SB_INVALID,
          "label 99");
    FAILS(&x.f, sb_builder_node(x.b, NULL, 0, text(""), no_key, 1, &made, &x.f.err), SB_INVALID,
          "key 99");
    FAILS(&x.f, sb_builder_node(x.b, NULL, 0, text(""), bad_list, 1, &made, &x.f.err),
          SB_TYPE_MISMATCH, "LIST item");
    FAILS(&x.f, sb_builder_rel(x.b, handle(1), x.knows, handle(0), NULL, 0, &x.f.err), SB_NOT_FOUND,
          "handle 1");
    FAILS(&x.f, sb_builder_rel(x.b, handle(0), 99, handle(0), NULL, 0, &x.f.err), SB_INVALID,
          "type 99");
    FAILS(&x.f, sb_builder_rel(x.b, handle(0), x.knows, alias(""), NULL, 0, &x.f.err), SB_INVALID,
          "empty");
    FAILS(&x.f, sb_builder_rel(x.b, handle(0), x.knows, id_of(UINT64_MAX), NULL, 0, &x.f.err),
          SB_NOT_FOUND, "does not exist");
    OK(&x.f, sb_builder_rel(x.b, handle(0), x.knows, alias("b"), NULL, 0, &x.f.err));
    FAILS(&x.f, sb_builder_execute(x.b, &result, &x.f.err), SB_NOT_FOUND,
          "relationship 0: no node has its target alias 'b'");
    OK(&x.f, sb_stats_nodes_of_label(x.f.view, 0, &count, &x.f.err));
    assert_int_equal(count, 0);
    add(&x, NULL, 0, "b", "B"); /* now it can */
    OK(&x.f, sb_builder_execute(x.b, &result, &x.f.err));
    assert_int_equal(result.node_count, 2);
    OK(&x.f,
       sb_builder_rel(x.b, id_of(result.node_ids[0]), x.knows, id_of(4242), NULL, 0, &x.f.err));
    FAILS(&x.f, sb_builder_execute(x.b, &result, &x.f.err), SB_NOT_FOUND,
          "relationship 0: its target node 4242");
    sb_builder_close(x.b);
    OK(&x.f, sb_builder_open(x.f.graph, &x.b, &x.f.err));
    add(&x, NULL, 0, "", "C");
    OK(&x.f, sb_builder_node(x.b, &x.person, 1, text(""), bad, 1, &made, &x.f.err));
    FAILS(&x.f, sb_builder_execute(x.b, &result, &x.f.err), SB_INVALID, "node 1, property name");
    OK(&x.f, sb_stats_nodes_of_label(x.f.view, 0, &count, &x.f.err));
    assert_int_equal(count, 2);
    close_builder(&x);
}

/* Every allocation of a builder's life fails once: nothing leaks, and the transaction goes on. */
static void test_graph_builder__no_memory(void **state)
{
    fixture x;
    size_t failures = 0;

    (void)state;
    open_builder(&x);
    sb_builder_close(x.b);
    x.b = NULL;
    for (size_t fail_at = 1;; fail_at++) {
        const sb_prop props[] = {{x.name, string("somebody")},
                                 {x.tags, {.type = SB_TYPE_LIST, .as.list = {NULL, 0}}}};
        sb_builder_result result;
        sb_builder *b = NULL;
        uint64_t first = 0, second = 0, before, after;
        OK(&x.f, sb_stats_nodes_of_label(x.f.view, 0, &before, &x.f.err));
        x.f.alloc.fail_at = x.f.alloc.alloc_count + fail_at;
        sb_status st = sb_builder_open(x.f.graph, &b, &x.f.err);
        if (st == SB_OK)
            st = sb_builder_node(b, &x.person, 1, text("a"), props, 2, &first, &x.f.err);
        if (st == SB_OK)
            st = sb_builder_node(b, &x.city, 1, text("b"), props, 1, &second, &x.f.err);
        if (st == SB_OK)
            st = sb_builder_rel(b, alias("a"), x.knows, handle(second), props, 2, &x.f.err);
        if (st == SB_OK) st = sb_builder_execute(b, &result, &x.f.err);
        const bool reached = x.f.alloc.alloc_count >= x.f.alloc.fail_at;
        x.f.alloc.fail_at = 0;
        sb_builder_close(b);
        sb_err_clear(&x.f.err);
        OK(&x.f, sb_stats_nodes_of_label(x.f.view, 0, &after, &x.f.err));
        assert_int_equal(after, before + (st == SB_OK ? 2 : 0));
        if (!reached) break;
        if (st != SB_OK) assert_int_equal(st, SB_NOMEM);
        failures += st != SB_OK;
    }
    assert_true(failures > 5);
    close_builder(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_graph_builder__references),
        TEST(test_graph_builder__errors_keep_what_was_collected),
        TEST(test_graph_builder__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
