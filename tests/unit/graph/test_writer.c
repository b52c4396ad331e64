/* Goal: the typed batch and the writer behind it: how often the node table is asked for endpoints (the table of figures of
 * the seed's part 2), what is pending and how it rolls back, sorts that do not happen.
 * Method: figures are read from the writer's counters; results from the trees and the statistics. */
#include "support/graph_fixture.h"

#include "graph/graph_priv.h"

#define NODES 20000u
#define RELS  80000u

typedef struct rels {
    sb_node_id *sources, *targets;
    sb_rel_id *ids;
    int64_t *numbers;
    size_t count;
} rels;

static rels make_rels(size_t count)
{
    return (rels){.sources = calloc(count, sizeof(sb_node_id)),
                  .targets = calloc(count, sizeof(sb_node_id)),
                  .ids = calloc(count, sizeof(sb_rel_id)),
                  .numbers = calloc(count, sizeof(int64_t)),
                  .count = count};
}

static void free_rels(rels *r)
{
    free(r->sources);
    free(r->targets);
    free(r->ids);
    free(r->numbers);
}

/* Each node at least once as a source and once as a target, then shuffled. */
static void fill_rels(rels *r, const sb_node_id *nodes, size_t node_count, uint64_t seed)
{
    sb_random random = test_random(seed);

    for (size_t i = 0; i < r->count; i++) {
        r->sources[i] = i < node_count ? nodes[i] : nodes[sb_random_below(&random, node_count)];
        r->targets[i] = i < node_count ? nodes[node_count - 1 - i]
                                       : nodes[sb_random_below(&random, node_count)];
        r->numbers[i] = (int64_t)sb_random_below(&random, 256);
    }
    for (size_t i = r->count; i-- > 1;) {
        const size_t j = (size_t)sb_random_below(&random, i + 1);
        const sb_node_id source = r->sources[i], target = r->targets[i];
        r->sources[i] = r->sources[j];
        r->targets[i] = r->targets[j];
        r->sources[j] = source;
        r->targets[j] = target;
    }
}

static void make_nodes(graph_fixture *f, sb_node_id *ids, size_t count)
{
    const sb_label_id person = label(f, "Person");
    const sb_key_id number = key_of(f, "number");
    int64_t *numbers = malloc(count * sizeof *numbers);
    const sb_prop_column column = {.key = number, .type = SB_TYPE_INT, .integers = numbers};

    for (size_t i = 0; i < count; i++)
        numbers[i] = (int64_t)i;
    OK(f,
       sb_graph_create_nodes(f->graph, set_of_label(f, person), count, &column, 1, ids, &f->err));
    free(numbers);
}

static void create_all(graph_fixture *f, rels *r, sb_type_id type, size_t per_call)
{
    for (size_t i = 0; i < r->count; i += per_call)
        OK(f, sb_graph_create_rels(f->graph, type, per_call, r->sources + i, r->targets + i, NULL,
                                   0, r->ids + i, &f->err));
}

static sb_writer_stats count_lookups(uint32_t capacity, size_t per_call, bool cache_off)
{
    graph_fixture f;
    sb_writer_stats stats;
    sb_node_id *nodes = malloc(NODES * sizeof *nodes);
    rels r = make_rels(RELS);

    graph_fixture_open(&f, 0);
    f.settings.edge_cache_capacity = capacity;
    OK(&f, sb_graph_configure(f.session, &f.settings, &f.err));
    if (cache_off) f.profile.switched_off = SB_SEED_EXISTS_CACHE;
    begin_write(&f);
    make_nodes(&f, nodes, NODES);
    commit(&f);
    fill_rels(&r, nodes, NODES, 4711);
    begin_write(&f);
    create_all(&f, &r, type_of(&f, "KNOWS"), per_call);
    sb_graph_writer_stats(f.graph, &stats);
    commit(&f);
    graph_fixture_close(&f);
    free_rels(&r);
    free(nodes);
    printf("capacity %5u, %5zu a call%s: checks %llu, hits %llu, misses %llu, look-ups %llu\n",
           capacity, per_call, cache_off ? ", switched off" : "",
           (unsigned long long)stats.endpoint_checks, (unsigned long long)stats.cache_hits,
           (unsigned long long)stats.cache_misses, (unsigned long long)stats.node_lookups);
    return stats;
}

static void test_graph_writer__lookups(void **state)
{
    static const uint32_t capacities[] = {0, 1024, 8192, 32768};
    sb_writer_stats stats;

    (void)state;
    stats = count_lookups(0, RELS, true);
    assert_int_equal(stats.node_lookups, 2 * RELS);
    for (size_t i = 0; i < 4; i++) { /* one batch: once per distinct endpoint, whatever the cache */
        stats = count_lookups(capacities[i], RELS, false);
        assert_int_equal(stats.endpoint_checks, 2 * RELS);
        assert_int_equal(stats.node_lookups, NODES);
    }
    stats = count_lookups(0, 1, false);
    assert_int_equal(stats.node_lookups, 2 * RELS);
    for (size_t i = 1; i < 4; i++) {
        stats = count_lookups(capacities[i], 1, false);
        assert_int_equal(stats.cache_hits + stats.cache_misses, 2 * RELS);
        assert_int_equal(stats.node_lookups, stats.cache_misses);
    }
    assert_true(stats.cache_hits > RELS); /* more places than nodes */
}

static void test_graph_writer__made_in_transaction(void **state)
{
    graph_fixture f;
    sb_writer_stats stats;
    sb_node_id nodes[100];
    rels r = make_rels(400);

    (void)state;
    graph_fixture_open(&f, 4096);
    begin_write(&f);
    make_nodes(&f, nodes, 100);
    fill_rels(&r, nodes, 100, 1);
    create_all(&f, &r, type_of(&f, "KNOWS"), 400);
    sb_graph_writer_stats(f.graph, &stats);
    assert_int_equal(stats.node_lookups, 0);
    assert_int_equal(stats.known_in_txn, 800);
    create_all(&f, &r, type_of(&f, "LIKES"), 1);
    sb_graph_writer_stats(f.graph, &stats);
    assert_int_equal(stats.node_lookups, 0);
    commit(&f);
    free_rels(&r);
    graph_fixture_close(&f);
}

static uint64_t rel_count(graph_fixture *f, sb_type_id type)
{
    uint64_t count;
    OK(f, sb_stats_rels_of_type(f->view, type, &count, &f->err));
    return count;
}

/* Pairs (neighbor, rel) of a node, from tree and pending. */
static size_t neighbors(graph_fixture *f, sb_type_id type, sb_direction direction, sb_node_id node,
                        sb_triple *out, size_t capacity)
{
    uint64_t bias;
    const sb_tree *tree = sb_adjacency_tree(f->view, type, direction, &bias);
    const sb_triple *pending;
    size_t pending_count, count = 0;

    if (tree != NULL) {
        sb_list list;
        bool more = true;
        OK(f, sb_list_open(f->txn, tree, node + bias, &list, &f->err));
        while (more && list.chunk.count != 0) {
            for (uint32_t i = 0; i < list.chunk.count && count < capacity; i++)
                out[count++] = (sb_triple){node, sb_chunk_neighbor(&list.chunk, i),
                                           sb_chunk_rel(&list.chunk, i)};
            OK(f, sb_list_next(&list, &more, &f->err));
        }
        sb_list_close(&list);
    }
    OK(f,
       sb_graph__pending_list(f->graph, type, direction, node, &pending, &pending_count, &f->err));
    for (size_t i = 0; i < pending_count && count < capacity; i++)
        out[count++] = pending[i];
    return count;
}

static void test_graph_writer__missing_endpoint(void **state)
{
    graph_fixture f;
    sb_node_id nodes[20], sources[20], targets[20];
    sb_rel_id ids[20];
    sb_triple found[20];

    (void)state;
    graph_fixture_open(&f, 4096);
    begin_write(&f);
    make_nodes(&f, nodes, 20);
    const sb_type_id knows = type_of(&f, "KNOWS");
    commit(&f);
    begin_write(&f);
    for (size_t i = 0; i < 20; i++) {
        sources[i] = nodes[i];
        targets[i] = nodes[19 - i];
    }
    OK(&f, sb_graph_create_rels(f.graph, knows, 20, sources, targets, NULL, 0, ids, &f.err));
    targets[13] = 999;
    FAILS(&f, sb_graph_create_rels(f.graph, knows, 20, sources, targets, NULL, 0, ids, &f.err),
          SB_NOT_FOUND, "relationship 13: its target node 999 does not exist");
    FAILS(&f, sb_graph_create_rels(f.graph, knows, 1, targets + 13, sources, NULL, 0, ids, &f.err),
          SB_NOT_FOUND, "relationship 0: its source node 999 does not exist");
    targets[13] = UINT64_MAX;
    FAILS(&f, sb_graph_create_rels(f.graph, knows, 20, sources, targets, NULL, 0, ids, &f.err),
          SB_NOT_FOUND, "does not exist");
    targets[13] = 0;
    FAILS(&f, sb_graph_create_rels(f.graph, knows, 20, sources, targets, NULL, 0, ids, &f.err),
          SB_NOT_FOUND, "node 0 does not exist");
    assert_int_equal(rel_count(&f, knows), 20);
    assert_int_equal(neighbors(&f, knows, SB_OUT, nodes[3], found, 20), 1);
    commit(&f);
    begin_read(&f);
    assert_int_equal(rel_count(&f, knows), 20);
    assert_int_equal(neighbors(&f, knows, SB_OUT, nodes[3], found, 20), 1);
    assert_int_equal(found[0].neighbor, nodes[16]);
    assert_int_equal(neighbors(&f, knows, SB_IN, nodes[3], found, 20), 1);
    assert_int_equal(found[0].neighbor, nodes[16]);
    rollback(&f);
    graph_fixture_close(&f);
}

static void test_graph_writer__trusted(void **state)
{
    graph_fixture f;
    sb_node_id nodes[20], sources[20], targets[20];
    sb_rel_id ids[20];
    sb_writer_stats stats;
    uint64_t count;

    (void)state;
    graph_fixture_open(&f, 4096);
    f.settings.trusted_endpoints = true;
    OK(&f, sb_graph_configure(f.session, &f.settings, &f.err));
    begin_write(&f);
    make_nodes(&f, nodes, 20);
    const sb_type_id knows = type_of(&f, "KNOWS");
    commit(&f);
    begin_write(&f);
    for (size_t i = 0; i < 20; i++) {
        sources[i] = nodes[i];
        targets[i] = nodes[19 - i];
    }
    OK(&f, sb_graph_create_rels(f.graph, knows, 20, sources, targets, NULL, 0, ids, &f.err));
    sb_graph_writer_stats(f.graph, &stats);
#ifdef NDEBUG
    assert_int_equal(stats.node_lookups, 0); /* one label set: nothing to look up */
    assert_int_equal(stats.trusted, 40);
#else
    targets[7] = 999; /* the validator of debug builds */
    FAILS(&f, sb_graph_create_rels(f.graph, knows, 20, sources, targets, NULL, 0, ids, &f.err),
          SB_NOT_FOUND, "999");
#endif
    OK(&f, sb_stats_rels_of(f.view, set_of_label(&f, label(&f, "Person")), knows, SB_OUT, &count,
                            &f.err));
    assert_int_equal(count, 20);
    commit(&f);
    graph_fixture_close(&f);
}

static void test_graph_writer__sorted_input_is_not_sorted(void **state)
{
    graph_fixture f;
    sb_node_id nodes[1000], sources[1000], targets[1000];
    sb_rel_id ids[1000];
    sb_writer_stats stats;

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    make_nodes(&f, nodes, 1000);
    const sb_type_id knows = type_of(&f, "KNOWS"), likes = type_of(&f, "LIKES");
    for (size_t i = 0; i < 1000; i++)
        sources[i] = targets[i] = nodes[i]; /* loops: sorted both ways */
    OK(&f, sb_graph_create_rels(f.graph, knows, 1000, sources, targets, NULL, 0, ids, &f.err));
    OK(&f, sb_graph_flush(f.graph, &f.err));
    sb_graph_writer_stats(f.graph, &stats);
    assert_int_equal(stats.forward_sorts, 0);
    assert_int_equal(stats.reverse_sorts, 0);
    assert_int_equal(stats.flushed_rels, 1000);
    for (size_t i = 0; i < 1000; i++)
        targets[i] = nodes[999 - i];
    OK(&f, sb_graph_create_rels(f.graph, likes, 1000, sources, targets, NULL, 0, ids, &f.err));
    OK(&f, sb_graph_flush(f.graph, &f.err));
    sb_graph_writer_stats(f.graph, &stats);
    assert_int_equal(stats.forward_sorts, 0);
    assert_int_equal(stats.reverse_sorts, 1);
    f.profile.switched_off = SB_SEED_SORT_GUARD;
    OK(&f, sb_graph_create_rels(f.graph, knows, 1000, sources, sources, NULL, 0, ids, &f.err));
    OK(&f, sb_graph_flush(f.graph, &f.err));
    sb_graph_writer_stats(f.graph, &stats);
    assert_int_equal(stats.forward_sorts, 1);
    assert_int_equal(stats.reverse_sorts, 2);
    commit(&f);
    graph_fixture_close(&f);
}

/* Entries of a property index: values that rise with the ids are in order already. */
static void test_graph_writer__sorted_values_are_not_sorted(void **state)
{
    graph_fixture f;
    sb_node_id nodes[1000];
    int64_t values[1000];
    sb_writer_stats stats;
    uint32_t id;

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    const sb_label_id person = label(&f, "Person");
    const sb_key_id age = key_of(&f, "age");
    const sb_schema index = {
        .kind = SB_SCHEMA_INDEX, .entity = person, .key_count = 1, .keys = {age}};
    const sb_prop_column column = {.key = age, .type = SB_TYPE_INT, .integers = values};
    OK(&f, sb_graph_schema_create(f.graph, &index, &id, &f.err));
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < 1000; i++)
            values[i] = (int64_t)(round == 0 ? i : i * 7919 % 1000);
        OK(&f, sb_graph_create_nodes(f.graph, set_of_label(&f, person), 1000, &column, 1, nodes,
                                     &f.err));
        sb_graph_writer_stats(f.graph, &stats);
        assert_int_equal(stats.index_sorts, round);
    }
    commit(&f);
    graph_fixture_close(&f);
}

/* How the ends of relationship i of count depend on it. */
static void draw_ends(unsigned order, size_t i, size_t count, const sb_node_id *nodes, size_t ends,
                      sb_node_id *source, sb_node_id *target)
{
    const size_t scattered = (i * 7919 + i / 13) % ends, rising = i * ends / count;

    switch (order) {
    case 0: *source = nodes[scattered], *target = nodes[(i * 31 + 7) % ends]; break;
    case 1: *source = nodes[rising], *target = nodes[ends - 1 - rising]; break; /* by source */
    case 2: *source = nodes[ends - 1 - rising], *target = nodes[rising]; break; /* by target */
    case 3: *source = *target = nodes[rising]; break;                           /* both */
    default: *source = nodes[5], *target = nodes[scattered]; break;             /* one long list */
    }
}

/* Lists are right in both directions whatever order relationships come in, few or many at a time. */
static void test_graph_writer__orders(void **state)
{
    enum { ENDS = 700, MANY = 150000 };
    static const size_t counts[] = {100, 5000, MANY};
    sb_node_id nodes[ENDS];
    sb_node_id *ends = calloc(2 * MANY, sizeof *ends);
    sb_rel_id *ids = calloc(MANY, sizeof *ids);

    (void)state;
    for (unsigned order = 0; order < 5; order++) {
        graph_fixture f;
        sb_writer_stats stats;
        sb_verify_result result;

        graph_fixture_open(&f, 0);
        begin_write(&f);
        make_nodes(&f, nodes, ENDS);
        for (size_t c = 0; c < 3; c++) {
            const char name[] = {'T', (char)('0' + c), '\0'};
            for (size_t i = 0; i < counts[c]; i++)
                draw_ends(order, i, counts[c], nodes, ENDS, &ends[i], &ends[MANY + i]);
            OK(&f, sb_graph_create_rels(f.graph, type_of(&f, name), counts[c], ends, ends + MANY,
                                        NULL, 0, ids, &f.err));
            OK(&f, sb_graph_flush(f.graph, &f.err));
        }
        sb_graph_writer_stats(f.graph, &stats);
        assert_int_equal(stats.forward_sorts, order == 1 || order == 3 ? 0 : 3);
        assert_int_equal(stats.reverse_sorts, order == 2 || order == 3 ? 0 : 3);
        commit(&f);
        begin_read(&f);
        OK(&f, sb_graph_verify(f.graph, NULL, NULL, &result, &f.err));
        assert_int_equal(result.findings, 0);
        rollback(&f);
        graph_fixture_close(&f);
    }
    free(ends);
    free(ids);
}

typedef struct asked {
    unsigned calls, stop_at;
} asked;

static bool stop_at(void *ctx, uint64_t done, uint64_t total)
{
    asked *a = ctx;
    (void)done;
    (void)total;
    return ++a->calls != a->stop_at;
}

/* Looking at the order, turning, sorting and entering relationships ask every 65,536 of them whether to go on; stopped anywhere, all
 * are pending still. */
static void test_graph_writer__flush_is_watched(void **state)
{
    enum { MANY = 150000, ENDS = 1000 };
    graph_fixture f;
    sb_node_id nodes[ENDS];
    sb_node_id *ends = calloc(2 * MANY, sizeof *ends);
    sb_rel_id *ids = calloc(MANY, sizeof *ids);
    asked a = {.calls = 0};
    sb_writer_stats stats;

    (void)state;
    graph_fixture_open(&f, 0);
    f.settings.progress = stop_at;
    f.settings.progress_ctx = &a;
    OK(&f, sb_graph_configure(f.session, &f.settings, &f.err));
    begin_write(&f);
    make_nodes(&f, nodes, ENDS);
    for (size_t i = 0; i < 2 * MANY; i++)
        ends[i] = nodes[(i * 7919 + i / 1000) % ENDS];
    OK(&f, sb_graph_create_rels(f.graph, type_of(&f, "KNOWS"), MANY, ends, ends + MANY, NULL, 0,
                                ids, &f.err));
    for (unsigned stop = 1; stop <= 16; stop++) {
        a = (asked){.stop_at = stop};
        FAILS(&f, sb_graph_flush(f.graph, &f.err), SB_INTERRUPT, "progress");
        sb_graph_writer_stats(f.graph, &stats);
        assert_int_equal(stats.flushed_rels, 0);
    }
    a = (asked){.calls = 0};
    OK(&f, sb_graph_flush(f.graph, &f.err));
    /* Two steps for each walk of both sorts, of which there are seven; entering alone would ask four times. */
    assert_in_range(a.calls, 2 * 7 + 4, 40);
    sb_graph_writer_stats(f.graph, &stats);
    assert_int_equal(stats.flushed_rels, MANY);
    commit(&f);
    begin_read(&f);
    sb_verify_result result;
    OK(&f, sb_graph_verify(f.graph, NULL, NULL, &result, &f.err));
    assert_int_equal(result.findings, 0);
    rollback(&f);
    graph_fixture_close(&f);
    free(ends);
    free(ids);
}

static void test_graph_writer__savepoints(void **state)
{
    graph_fixture f;
    sb_node_id nodes[4], more[2], sources[3], targets[3];
    sb_rel_id ids[3];
    sb_triple found[20];

    (void)state;
    graph_fixture_open(&f, 4096);
    begin_write(&f);
    make_nodes(&f, nodes, 4);
    const sb_type_id knows = type_of(&f, "KNOWS");
    for (size_t i = 0; i < 3; i++) {
        sources[i] = nodes[0];
        targets[i] = nodes[3 - i];
    }
    OK(&f, sb_graph_create_rels(f.graph, knows, 3, sources, targets, NULL, 0, ids, &f.err));
    assert_int_equal(neighbors(&f, knows, SB_OUT, nodes[0], found, 20), 3);
    assert_int_equal(found[0].neighbor, nodes[1]); /* sorted */
    const uint32_t outer = savepoint(&f);
    make_nodes(&f, more, 2);
    sources[0] = more[0];
    OK(&f, sb_graph_create_rels(f.graph, knows, 3, sources, targets, NULL, 0, ids, &f.err));
    assert_int_equal(neighbors(&f, knows, SB_OUT, nodes[0], found, 20), 5);
    const uint32_t inner = savepoint(&f);
    OK(&f, sb_graph_flush(f.graph, &f.err)); /* what lay before both savepoints too */
    assert_int_equal(neighbors(&f, knows, SB_OUT, nodes[0], found, 20), 5);
    OK(&f, sb_txn_rollback_to(f.txn, inner, &f.err));
    assert_int_equal(neighbors(&f, knows, SB_OUT, nodes[0], found, 20), 5);
    OK(&f, sb_graph_flush(f.graph, &f.err));
    OK(&f, sb_txn_rollback_to(f.txn, outer, &f.err));
    assert_int_equal(neighbors(&f, knows, SB_OUT, nodes[0], found, 20), 3);
    assert_int_equal(neighbors(&f, knows, SB_IN, nodes[3], found, 20), 1);
    assert_int_equal(rel_count(&f, knows), 3);
    FAILS(&f, sb_graph_create_rels(f.graph, knows, 3, sources, targets, NULL, 0, ids, &f.err),
          SB_NOT_FOUND, "its source node"); /* more[0] is gone */
    /* Also one of another block of ids. */
    const sb_set_id labeled = set_of_label(&f, label(&f, "Labeled"));
    const uint32_t third = savepoint(&f);
    OK(&f, sb_graph_create_nodes(f.graph, labeled, 1, NULL, 0, sources, &f.err));
    OK(&f, sb_txn_rollback_to(f.txn, third, &f.err));
    FAILS(&f, sb_graph_create_rels(f.graph, knows, 1, sources, targets, NULL, 0, ids, &f.err),
          SB_NOT_FOUND, "its source node");
    OK(&f, sb_txn_release(f.txn, outer, &f.err));
    commit(&f);
    begin_read(&f);
    assert_int_equal(neighbors(&f, knows, SB_OUT, nodes[0], found, 20), 3);
    rollback(&f);
    graph_fixture_close(&f);
}

/* Under a savepoint of the caller each call has one of its own: what is logged, and kept of what was flushed, is for the caller's alone. */
static void test_graph_writer__calls_under_a_savepoint(void **state)
{
    enum { CALLS = 200, EACH = 50 };
    graph_fixture f;
    sb_node_id nodes[EACH];
    rels r = make_rels(EACH);
    (void)state;

    graph_fixture_open(&f, 4096);
    begin_write(&f);
    make_nodes(&f, nodes, EACH);
    fill_rels(&r, nodes, EACH, 1);
    const sb_type_id types[] = {type_of(&f, "KNOWS"), type_of(&f, "LIKES")};
    create_all(&f, &r, types[0], EACH);
    const uint32_t outer = savepoint(&f);
    for (unsigned i = 0; i < CALLS; i++) {
        create_all(&f, &r, types[i % 2], EACH);
        if (i % 3 == 0) OK(&f, sb_graph_flush(f.graph, &f.err));
        assert_in_range(f.graph->writer.log_count, 1, 2);
    }
    OK(&f, sb_graph_flush(f.graph, &f.err));
    for (size_t i = 0; i < f.graph->writer.pending_count; i++)
        assert_in_range(f.graph->writer.pending[i].capacity, 0, 8 * EACH);
    assert_int_equal(rel_count(&f, types[0]), EACH + CALLS / 2 * EACH);
    OK(&f, sb_txn_rollback_to(f.txn, outer, &f.err));
    assert_int_equal(rel_count(&f, types[0]), EACH);
    assert_int_equal(rel_count(&f, types[1]), 0);
    commit(&f);
    graph_fixture_close(&f);
    free_rels(&r);
}

/* Savepoints in one another, opened, gone back to and released at random: what is there afterwards is what was there then. */
static void test_graph_writer__nested_savepoints(void **state)
{
    enum { STEPS = 3000, DEPTH = 6, EACH = 5 };
    graph_fixture f;
    sb_node_id nodes[EACH];
    rels r = make_rels(EACH);
    uint32_t marks[DEPTH];
    uint64_t counts[DEPTH + 1][2] = {{0}};
    unsigned depth = 0;
    sb_random random = test_random(4711);
    (void)state;

    graph_fixture_open(&f, 4096);
    begin_write(&f);
    make_nodes(&f, nodes, EACH);
    fill_rels(&r, nodes, EACH, 1);
    const sb_type_id types[] = {type_of(&f, "KNOWS"), type_of(&f, "LIKES")};
    for (unsigned i = 0; i < STEPS; i++) {
        const uint64_t what = sb_random_below(&random, 10), type = sb_random_below(&random, 2);
        if (what < 4) {
            create_all(&f, &r, types[type], EACH);
            counts[depth][type] += EACH;
        } else if (what == 4) {
            OK(&f, sb_graph_flush(f.graph, &f.err));
        } else if (what < 7 && depth < DEPTH) {
            marks[depth++] = savepoint(&f);
            memcpy(counts[depth], counts[depth - 1], sizeof *counts);
        } else if (what < 9 && depth != 0) {
            const unsigned to = (unsigned)sb_random_below(&random, depth);
            OK(&f, sb_txn_rollback_to(f.txn, marks[to], &f.err));
            depth = to + 1;
            memcpy(counts[depth], counts[to], sizeof *counts);
        } else if (depth != 0) {
            const unsigned to = (unsigned)sb_random_below(&random, depth);
            OK(&f, sb_txn_release(f.txn, marks[to], &f.err));
            memcpy(counts[to], counts[depth], sizeof *counts);
            depth = to;
        }
        for (unsigned t = 0; t < 2; t++) {
            uint64_t got = 0;
            for (size_t k = 0; k < EACH; k++) {
                uint64_t degree;
                OK(&f, sb_graph_degree(f.graph, nodes[k], SB_OUT, &types[t], 1, &degree, &f.err));
                got += degree;
            }
            assert_int_equal(got, counts[depth][t]);
        }
    }
    commit(&f);
    begin_read(&f);
    sb_verify_result result;
    OK(&f, sb_graph_verify(f.graph, NULL, NULL, &result, &f.err));
    assert_int_equal(result.findings, 0);
    rollback(&f);
    graph_fixture_close(&f);
    free_rels(&r);
}

/* The original's B17: after a transaction that failed, commits must be right, in every mode of durability. */
static void test_graph_writer__abort_then_commit(void **state)
{
    static const sb_durability modes[] = {SB_DURABLE_FULL, SB_DURABLE_NORMAL, SB_DURABLE_OFF};

    (void)state;
    for (size_t m = 0; m < 3; m++) {
        graph_fixture f;
        sb_node_id nodes[5], node;
        sb_rel_id rel;
        uint64_t count;
        graph_fixture_open(&f, 4096);
        f.durability = modes[m];
        graph_reopen(&f);
        for (int step = 0; step < 4; step++) {
            begin_write(&f); /* abort behind each step */
            if (step > 0) make_nodes(&f, nodes, 5);
            if (step > 1)
                OK(&f, sb_graph_create_rels(f.graph, type_of(&f, "KNOWS"), 1, nodes, nodes + 1,
                                            NULL, 0, &rel, &f.err));
            if (step > 2) {
                node = 12345;
                FAILS(&f,
                      sb_graph_create_rels(f.graph, type_of(&f, "KNOWS"), 1, nodes, &node, NULL, 0,
                                           &rel, &f.err),
                      SB_NOT_FOUND, "12345");
            }
            rollback(&f);
            begin_write(&f);
            make_nodes(&f, &node, 1);
            commit(&f);
            begin_read(&f);
            OK(&f, sb_stats_nodes_of_label(f.view, 0, &count, &f.err));
            assert_int_equal(count, step + 1);
            rollback(&f);
        }
        graph_reopen(&f);
        begin_read(&f);
        OK(&f, sb_stats_nodes_of_label(f.view, 0, &count, &f.err));
        assert_int_equal(count, 4);
        rollback(&f);
        graph_fixture_close(&f);
    }
}

static void test_graph_writer__read_only(void **state)
{
    graph_fixture f;
    sb_node_id node;

    (void)state;
    graph_fixture_open(&f, 4096);
    begin_write(&f);
    make_nodes(&f, &node, 1);
    commit(&f);
    begin_read(&f);
    FAILS(&f, sb_graph_create_nodes(f.graph, 0, 1, NULL, 0, &node, &f.err), SB_READ_ONLY, "read");
    rollback(&f);
    graph_fixture_close(&f);
}

static void test_graph_writer__bad_columns(void **state)
{
    graph_fixture f;
    sb_node_id ids[3];
    const int64_t booleans[] = {0, 1, 2};
    const sb_bytes texts[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"\xff", 1}, {NULL, 0}};
    uint64_t count;

    (void)state;
    graph_fixture_open(&f, 4096);
    begin_write(&f);
    const sb_key_id a = key_of(&f, "a"), b = key_of(&f, "b");
    sb_prop_column column = {.key = a, .type = SB_TYPE_BOOL, .integers = booleans};
    FAILS(&f, sb_graph_create_nodes(f.graph, 0, 3, &column, 1, ids, &f.err), SB_INVALID,
          "row 2, property a");
    column = (sb_prop_column){.key = b, .type = SB_TYPE_STRING, .bytes = texts};
    FAILS(&f, sb_graph_create_nodes(f.graph, 0, 3, &column, 1, ids, &f.err), SB_INVALID,
          "row 1, property b");
    column = (sb_prop_column){.key = 77, .type = SB_TYPE_STRING, .bytes = texts};
    FAILS(&f, sb_graph_create_nodes(f.graph, 0, 3, &column, 1, ids, &f.err), SB_INVALID, "key 77");
    const sb_prop_column twice[] = {{.key = a, .type = SB_TYPE_INT, .integers = booleans},
                                    {.key = a, .type = SB_TYPE_INT, .integers = booleans}};
    FAILS(&f, sb_graph_create_nodes(f.graph, 0, 3, twice, 2, ids, &f.err), SB_INVALID, "once more");
    FAILS(&f, sb_graph_create_nodes(f.graph, 99, 3, NULL, 0, ids, &f.err), SB_INVALID,
          "label set 99");
    OK(&f, sb_stats_nodes_of_label(f.view, 0, &count, &f.err));
    assert_int_equal(count, 0);
    OK(&f, sb_graph_create_nodes(f.graph, 0, 3, twice, 1, ids, &f.err));
    const sb_type_id knows = type_of(&f, "KNOWS");
    sb_node_id targets[4] = {ids[0], ids[1], ids[2], 0};
    FAILS(&f, sb_graph_create_rels(f.graph, knows, 3, ids, targets, NULL, 0, targets + 1, &f.err),
          SB_MISUSE, "sources or targets");
    commit(&f);
    graph_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_graph_writer__lookups),
        TEST(test_graph_writer__made_in_transaction),
        TEST(test_graph_writer__missing_endpoint),
        TEST(test_graph_writer__trusted),
        TEST(test_graph_writer__sorted_input_is_not_sorted),
        TEST(test_graph_writer__sorted_values_are_not_sorted),
        TEST(test_graph_writer__orders),
        TEST(test_graph_writer__flush_is_watched),
        TEST(test_graph_writer__savepoints),
        TEST(test_graph_writer__calls_under_a_savepoint),
        TEST(test_graph_writer__nested_savepoints),
        TEST(test_graph_writer__abort_then_commit),
        TEST(test_graph_writer__read_only),
        TEST(test_graph_writer__bad_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
