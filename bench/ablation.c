/* ablation.c — seed_ablation: each part of the write path's first table (base/profile.h, sb_seed_part) switched off
 * alone, then all of them. Three ways of writing, because each part shows in another one: a graph in one
 * transaction, relationships onto nodes committed earlier, and these with one create call each. */
#include <stdio.h>
#include <stdlib.h>

#include "sombra_store.h"

#define WORKLOAD "seed_ablation"

typedef struct part {
    const char *name;
    uint32_t mask;
} part;

static const part PARTS[] = {
    {"none", 0},
    {"exists_cache", SB_SEED_EXISTS_CACHE},
    {"sort_guard", SB_SEED_SORT_GUARD},
    {"buffer_pool", SB_SEED_BUFFER_POOL},
    {"inline_snapshot", SB_SEED_INLINE_SNAPSHOT},
    {"put_reuse", SB_SEED_PUT_REUSE},
    {"leaf_reuse", SB_SEED_LEAF_REUSE},
    {"profile_off", SB_SEED_PROFILE_OFF},
    {"all", SB_SEED_ALL},
};
#define PART_COUNT (sizeof PARTS / sizeof *PARTS)

typedef enum way { WHOLE, COMMITTED, SINGLE, WAYS } way;
static const char *const WAY_NAMES[WAYS] = {"whole_graph", "onto_committed", "one_call_each"};
static const char *const USUAL[] = {"s20k", NULL};

static uint64_t write_once(const bench_graph *graph, uint32_t mask, way how)
{
    char *path = bench_path("ablation");
    const size_t step = how == SINGLE ? 1 : graph->edge_count;
    sombra_options options;
    sombra_store *store;
    sombra_txn *txn;
    uint64_t started, elapsed, nodes, edges;

    sombra_options_init(&options);
    options.durability = SOMBRA_DURABLE_OFF;
    options.autocheckpoint = 0;
    options.checkpoint_thread = false;
    store = bench_sombra_open(path, &options, mask);
    if (how != WHOLE) {
        txn = bench_sombra_begin(store, SOMBRA_WRITE);
        bench_sombra_nodes(store, txn, graph);
        bench_must(store, sombra_commit(txn));
    }
    started = bench_now_ns();
    txn = bench_sombra_begin(store, SOMBRA_WRITE);
    if (how == WHOLE) bench_sombra_nodes(store, txn, graph);
    for (size_t i = 0; i < graph->edge_count; i += step)
        bench_sombra_rels(store, txn, graph, i, step);
    bench_must(store, sombra_commit(txn));
    elapsed = bench_now_ns() - started;
    bench_sombra.count(store, &nodes, &edges);
    bench_expect("nodes", nodes, graph->node_count);
    bench_expect("relationships", edges, graph->edge_count);
    bench_sombra_close(store);
    bench_remove(path);
    free(path);
    return elapsed;
}

/* Each part once, in random order: what a part leaves behind (memory given back, cold caches) falls to another one each round. */
static void write_round(const bench_graph *graph, way how, sb_random *random,
                        uint64_t elapsed[PART_COUNT])
{
    size_t order[PART_COUNT];

    for (size_t i = 0; i < PART_COUNT; i++) {
        const size_t j = (size_t)sb_random_below(random, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (size_t i = 0; i < PART_COUNT; i++)
        elapsed[order[i]] = write_once(graph, PARTS[order[i]].mask, how);
}

/* The ratio is that of each round to the same round's "none": drift of the machine falls out. */
static void run_way(const bench_graph *graph, way how, unsigned rounds)
{
    const double elements =
        (double)graph->edge_count + (how == WHOLE ? (double)graph->node_count : 0);
    bench_samples times[PART_COUNT] = {{0}}, ratios[PART_COUNT] = {{0}};
    sb_random random = {bench.seed};
    char metric[96];

    for (unsigned round = 0; round < rounds; round++) {
        uint64_t elapsed[PART_COUNT];
        write_round(graph, how, &random, elapsed);
        for (size_t i = 0; i < PART_COUNT; i++) {
            bench_add(&times[i], (double)elapsed[i] / elements);
            bench_add(&ratios[i], (double)elapsed[i] / (double)elapsed[0]);
        }
    }
    for (size_t i = 0; i < PART_COUNT; i++) {
        (void)snprintf(metric, sizeof metric, "%s_ns_per_element_without_%s", WAY_NAMES[how],
                       PARTS[i].name);
        bench_report(WORKLOAD, graph->name, "sombra", metric, &times[i], "ns", BENCH_LOWER);
        (void)snprintf(metric, sizeof metric, "%s_without_%s_to_none", WAY_NAMES[how],
                       PARTS[i].name);
        if (i != 0) {
            bench_report(WORKLOAD, graph->name, "sombra", metric, &ratios[i], "ratio", BENCH_LOWER);
            bench_ratio(WORKLOAD, graph->name, metric, bench_median(&ratios[i]));
        }
        bench_clear(&times[i]);
        bench_clear(&ratios[i]);
    }
}

void bench_run_ablation(const char *workload)
{
    (void)workload;
    if (!bench_engine_wanted("sombra")) return;
    for (const char *const *name = bench_graphs(USUAL); *name != NULL; name++) {
        bench_graph *graph = bench_graph_make(*name);
        for (int how = 0; how < WAYS; how++)
            run_way(graph, (way)how, bench_rounds(15));
        bench_graph_free(graph);
    }
}
