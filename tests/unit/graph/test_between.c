/* Goal: all relationships between two nodes: parallel ones, loops, each direction, one type or all, committed and pending.
 * Method: a small random multigraph is kept beside; each answer is compared with what a look at all relationships gives. */
#include "support/graph_fixture.h"

#include <stdlib.h>

#define NODES 40u
#define RELS  3000u
#define TYPES 3u

typedef struct kept_rel {
    sb_rel_id id;
    sb_node_id source, target;
    sb_type_id type;
} kept_rel;

typedef struct world {
    graph_fixture f;
    sb_node_id nodes[NODES];
    sb_type_id types[TYPES];
    kept_rel rels[2 * RELS];
    size_t rel_count;
} world;

/* Types 1 and 2 have few relationships: they lie in the shared tree. */
static void add_rels(world *w, sb_random *random, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const size_t type = sb_random_below(random, 50) < 48 ? 0 : 1 + sb_random_below(random, 2);
        kept_rel *r = &w->rels[w->rel_count++];
        r->type = w->types[type];
        r->source = w->nodes[sb_random_below(random, NODES - 1)];
        r->target = w->nodes[sb_random_below(random, NODES - 1)];
        OK(&w->f, sb_graph_create_rels(w->f.graph, r->type, 1, &r->source, &r->target, NULL, 0,
                                       &r->id, &w->f.err));
    }
}

static void check(world *w, sb_direction direction, sb_type_id type, sb_node_id from, sb_node_id to)
{
    const sb_expand_options options = {
        .direction = direction, .types = &type, .type_count = type != 0};
    const sb_rel_id *rels;
    size_t count, expected = 0;

    OK(&w->f, sb_graph_rels_between(w->f.graph, from, to, &options, &rels, &count, &w->f.err));
    for (size_t i = 0; i < w->rel_count; i++) {
        const kept_rel *r = &w->rels[i];
        const bool out = r->source == from && r->target == to,
                   in = r->source == to && r->target == from;
        if (!((direction != SB_IN && out) || (direction != SB_OUT && in))) continue;
        if (type != 0 && r->type != type) continue;
        expected++;
        size_t times = 0;
        for (size_t k = 0; k < count; k++)
            times += rels[k] == r->id;
        assert_int_equal(times, 1);
    }
    assert_int_equal(count, expected);
}

static void check_all(world *w, sb_random *random)
{
    for (int direction = SB_OUT; direction <= SB_BOTH; direction++)
        for (size_t type = 0; type <= TYPES; type++) {
            const sb_type_id id = type < TYPES ? w->types[type] : 0;
            for (int i = 0; i < 50; i++)
                check(w, (sb_direction)direction, id, w->nodes[sb_random_below(random, NODES)],
                      w->nodes[sb_random_below(random, NODES)]);
            check(w, (sb_direction)direction, id, w->nodes[3], w->nodes[3]);
            check(w, (sb_direction)direction, id, 1u << 20, w->nodes[3]);
        }
}

static void test_graph_between__all(void **state)
{
    sb_random random = test_random(31);
    world *w = calloc(1, sizeof *w);
    (void)state;
    assert_non_null(w);
    graph_fixture_open(&w->f, 4096);
    begin_write(&w->f);
    w->types[0] = type_of(&w->f, "X");
    w->types[1] = type_of(&w->f, "Y");
    w->types[2] = type_of(&w->f, "Z");
    const sb_set_id set = set_of_label(&w->f, label(&w->f, "A"));
    OK(&w->f, sb_graph_create_nodes(w->f.graph, set, NODES, NULL, 0, w->nodes, &w->f.err));
    add_rels(w, &random, RELS);
    check_all(w, &random); /* all pending */
    commit(&w->f);
    begin_read(&w->f);
    check_all(w, &random);
    rollback(&w->f);
    begin_write(&w->f);
    add_rels(w, &random, 50);
    check_all(w, &random); /* some pending */
    rollback(&w->f);
    graph_fixture_close(&w->f);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_graph_between__all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
