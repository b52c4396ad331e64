/* Goal: properties and records as they were written: some keys, many ids, whole nodes and relationships, ids that are not
 * there, long values, in mapped mode and from a cache of few pages.
 * Method: random properties are kept beside and compared after each way of reading them. */
#include "support/graph_fixture.h"

#define NODES 1500u
#define KEYS  4u

typedef struct kept {
    sb_node_id ids[NODES];
    sb_value values[NODES][KEYS];
    sb_rel_id rels[NODES];
    char *texts[NODES];
    sb_key_id keys[KEYS];
    sb_set_id sets[2];
    sb_type_id type;
} kept;

static sb_value some_value(kept *k, size_t node, sb_random *random)
{
    const size_t size = sb_random_below(random, 40) == 0 ? 9000 : sb_random_below(random, 30);

    switch (sb_random_below(random, 5)) {
    case 0: return integer((int64_t)sb_random_next(random));
    case 1: return real((double)sb_random_below(random, 1000) / 8);
    case 2: return SB_VALUE_NULL;
    case 3:
        return (sb_value){.type = SB_TYPE_DATETIME,
                          .as.datetime = {.seconds = 5, .zone = "Europe/Paris", .zone_size = 12}};
    default:
        if (k->texts[node] != NULL) return SB_VALUE_NULL;
        k->texts[node] = malloc(size + 1);
        memset(k->texts[node], 'a' + (int)(node % 26), size);
        k->texts[node][size] = '\0';
        return string(k->texts[node]);
    }
}

static void fill(graph_fixture *f, kept *k)
{
    sb_random random = test_random(21);
    sb_value columns[KEYS][NODES];
    sb_prop_column props[KEYS];

    begin_write(f);
    k->sets[0] = set_of_label(f, label(f, "A"));
    k->sets[1] = set_of_label(f, label(f, "B"));
    k->type = type_of(f, "T");
    k->keys[0] = key_of(f, "k0");
    k->keys[1] = key_of(f, "k1");
    k->keys[2] = key_of(f, "k2");
    k->keys[3] = key_of(f, "k3");
    for (size_t i = 0; i < NODES; i++)
        for (size_t key = 0; key < KEYS; key++)
            columns[key][i] = k->values[i][key] = some_value(k, i, &random);
    for (unsigned half = 0; half < 2; half++) {
        for (size_t key = 0; key < KEYS; key++)
            props[key] =
                (sb_prop_column){.key = k->keys[key], .values = columns[key] + half * NODES / 2};
        OK(f, sb_graph_create_nodes(f->graph, k->sets[half], NODES / 2, props, KEYS,
                                    k->ids + half * NODES / 2, &f->err));
    }
    for (size_t key = 0; key < KEYS; key++)
        props[key].values = columns[key];
    OK(f, sb_graph_create_rels(f->graph, k->type, NODES - 1, k->ids, k->ids + 1, props, KEYS,
                               k->rels, &f->err));
}

static void same(const sb_value *a, const sb_value *b)
{
    assert_int_equal(a->type, b->type);
    if (a->type != SB_TYPE_NULL) assert_true(sb_value_equal(a, b));
}

static void check(graph_fixture *f, kept *k)
{
    static sb_value values[(NODES + 1) * KEYS];
    uint64_t ids[NODES + 1];
    uint8_t present[NODES / 8 + 2];
    bool found;

    for (size_t i = 0; i < NODES; i++) {
        sb_node_record node;
        sb_rel_record rel;
        sb_set_id set;
        size_t expected = 0;
        OK(f, sb_graph_get_props(f->graph, SB_NODE, k->ids[i], k->keys, KEYS, values, &found,
                                 &f->err));
        assert_true(found);
        for (size_t key = 0; key < KEYS; key++)
            same(&values[key], &k->values[i][key]);
        OK(f, sb_graph_node(f->graph, k->ids[i], &node, &found, &f->err));
        assert_true(found);
        assert_int_equal(node.set, k->sets[i >= NODES / 2]);
        OK(f, sb_graph_node_set(f->graph, k->ids[i], &set, &found, &f->err));
        assert_int_equal(set, node.set);
        OK(f, sb_graph_node(f->graph, k->ids[i], &node, &found, &f->err));
        for (size_t key = 0; key < KEYS; key++) {
            if (k->values[i][key].type == SB_TYPE_NULL) continue;
            assert_true(expected < node.prop_count);
            assert_int_equal(node.props[expected].key, k->keys[key]);
            same(&node.props[expected++].value, &k->values[i][key]);
        }
        assert_int_equal(node.prop_count, expected);
        if (i == NODES - 1) break;
        OK(f, sb_graph_rel(f->graph, k->rels[i], &rel, &found, &f->err));
        assert_true(found && rel.source == k->ids[i] && rel.target == k->ids[i + 1] &&
                    rel.type == k->type);
        assert_int_equal(rel.prop_count, expected);
    }
    for (size_t i = 0; i < NODES; i++)
        ids[i] = k->ids[(i * 977) % NODES];
    ids[NODES] = 123456789;
    OK(f, sb_graph_get_props_many(f->graph, SB_NODE, ids, NODES + 1, k->keys, KEYS, values, present,
                                  &f->err));
    for (size_t i = 0; i < NODES; i++) {
        assert_true(sb_bit_get(present, i));
        for (size_t key = 0; key < KEYS; key++)
            same(&values[i * KEYS + key], &k->values[(i * 977) % NODES][key]);
    }
    assert_false(sb_bit_get(present, NODES));
    assert_int_equal(values[NODES * KEYS].type, SB_TYPE_NULL);
    memset(present, 0, sizeof present);
    OK(f, sb_graph_nodes_exist(f->graph, ids, NODES + 1, present, &f->err));
    assert_int_equal(sb_bits_count(present, NODES + 1), NODES);
}

static void check_absent(graph_fixture *f, const kept *k)
{
    const sb_key_id odd[2] = {SB_COLUMN_SET, 4000};
    sb_node_record node;
    sb_rel_record rel;
    sb_value values[2];
    bool found;

    OK(f, sb_graph_get_props(f->graph, SB_NODE, k->ids[0], odd, 2, values, &found, &f->err));
    /* columns of the store stay hidden */
    assert_true(found && values[0].type == SB_TYPE_NULL && values[1].type == SB_TYPE_NULL);
    OK(f, sb_graph_get_props(f->graph, SB_NODE, 0, k->keys, 2, values, &found, &f->err));
    assert_false(found);
    OK(f, sb_graph_get_props(f->graph, SB_REL, UINT64_MAX, k->keys, 2, values, &found, &f->err));
    assert_true(!found && values[1].type == SB_TYPE_NULL);
    OK(f, sb_graph_node(f->graph, 987654321, &node, &found, &f->err));
    assert_false(found);
    OK(f, sb_graph_rel(f->graph, 987654321, &rel, &found, &f->err));
    assert_false(found);
}

static void test_graph_read__as_written(void **state)
{
    kept *k = calloc(1, sizeof *k);
    sb_pager_options options;
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 4096);
    fill(&f, k);
    check(&f, k); /* own pages */
    commit(&f);
    begin_read(&f);
    check(&f, k);
    check_absent(&f, k);
    commit(&f);
    graph_close_file(&f);
    sb_pager_options_init(&options);
    options.alloc = &f.alloc.base;
    options.vfs = f.vfs;
    options.profile = &f.profile;
    options.durability = SB_DURABLE_OFF;
    options.check = sb_tree_check_page;
    options.read_mode = SB_READ_CACHE;
    options.cache_pages = 8;
    OK(&f, sb_pager_open("test.sombra", &options, &f.pager, &f.err));
    OK(&f, sb_session_open(f.pager, &f.session, &f.err));
    begin_read(&f);
    check(&f, k);
    check_absent(&f, k);
    commit(&f);
    for (size_t i = 0; i < NODES; i++)
        free(k->texts[i]);
    free(k);
    graph_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_graph_read__as_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
