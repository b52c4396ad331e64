/* exists_cache.c — how many endpoints a write transaction looks up in the node table: nodes committed earlier, relationships
 * shuffled from the seed; by capacity of the node-existence cache, in one batch and with one create call each. */
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "sombra_store.h"

#define WORKLOAD "exists_cache"
/* The writer's cache and its batched checks both off. */
#define WITHOUT UINT32_MAX

static const uint32_t CAPACITIES[] = {WITHOUT, 0, 1024, 8192, 32768};
static const char *const USUAL[] = {"s20k", NULL};

/* Every node has four relationships out, to anywhere, in a shuffled order. */
static bench_graph *make_graph(const char *name)
{
    bench_graph *graph = bench_graph_make(name);
    sb_random random = {bench.seed};

    for (uint32_t i = 0; i < graph->edge_count; i++) {
        graph->source[i] = i % graph->node_count;
        graph->target[i] = (uint32_t)sb_random_below(&random, graph->node_count);
    }
    for (uint32_t i = graph->edge_count; i > 1; i--) {
        const uint32_t j = (uint32_t)sb_random_below(&random, i);
        const uint32_t source = graph->source[i - 1], target = graph->target[i - 1];
        graph->source[i - 1] = graph->source[j];
        graph->target[i - 1] = graph->target[j];
        graph->source[j] = source;
        graph->target[j] = target;
    }
    return graph;
}

/* All relationships in one transaction, step at a time, undone at the end. */
static sombra_writer_stats create_all(sombra_store *store, const bench_graph *graph, size_t step,
                                      uint64_t *elapsed)
{
    sombra_writer_stats stats;
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_WRITE);
    const uint64_t started = bench_now_ns();

    for (size_t i = 0; i < graph->edge_count; i += step)
        bench_sombra_rels(store, txn, graph, i, step);
    *elapsed = bench_now_ns() - started;
    bench_must(store, sombra_get_writer_stats(txn, &stats));
    bench_expect("endpoints", stats.endpoint_checks, 2 * (uint64_t)graph->edge_count);
    sombra_rollback(txn);
    return stats;
}

static void report(const bench_graph *graph, uint32_t capacity, bool single,
                   const sombra_writer_stats *stats, bench_samples *times)
{
    const char *how = single ? "single" : "batch";
    char metric[64], with[32];

    (void)snprintf(with, sizeof with, "%s_capacity_%u", how, capacity);
    if (capacity == WITHOUT) (void)snprintf(with, sizeof with, "%s_without", how);
    (void)snprintf(metric, sizeof metric, "node_lookups_%s", with);
    bench_count(WORKLOAD, graph->name, "sombra", metric, (double)stats->node_lookups, "look-ups");
    (void)snprintf(metric, sizeof metric, "cache_hits_%s", with);
    bench_count(WORKLOAD, graph->name, "sombra", metric, (double)stats->cache_hits, "hits");
    (void)snprintf(metric, sizeof metric, "ns_per_relationship_%s", with);
    bench_report(WORKLOAD, graph->name, "sombra", metric, times, "ns", BENCH_LOWER);
}

static void run_capacity(const bench_graph *graph, uint32_t capacity)
{
    const uint32_t off = capacity == WITHOUT ? SB_SEED_EXISTS_CACHE : 0;
    const unsigned rounds = bench_rounds(5);
    char *path = bench_path("exists");
    sombra_options options;
    sombra_store *store;
    sombra_txn *txn;

    sombra_options_init(&options);
    options.durability = SOMBRA_DURABLE_OFF;
    if (capacity != WITHOUT) options.edge_cache_capacity = capacity;
    store = bench_sombra_open(path, &options, off);
    txn = bench_sombra_begin(store, SOMBRA_WRITE);
    bench_sombra_nodes(store, txn, graph);
    bench_must(store, sombra_commit(txn));
    for (int single = 0; single < 2; single++) {
        sombra_writer_stats stats = {0};
        bench_samples times = {0};
        for (unsigned round = 0; round < rounds; round++) {
            uint64_t elapsed;
            stats = create_all(store, graph, single ? 1 : graph->edge_count, &elapsed);
            bench_add(&times, (double)elapsed / (double)graph->edge_count);
        }
        report(graph, capacity, single, &stats, &times);
        bench_clear(&times);
    }
    bench_sombra_close(store);
    bench_remove(path);
    free(path);
}

/* Nodes of the same transaction are known without a look-up. */
static void run_same_transaction(const bench_graph *graph)
{
    sombra_store *store = bench_sombra_open(":memory:", NULL, 0);
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_WRITE);
    sombra_writer_stats stats;

    bench_sombra_nodes(store, txn, graph);
    bench_sombra_rels(store, txn, graph, 0, graph->edge_count);
    bench_must(store, sombra_get_writer_stats(txn, &stats));
    bench_count(WORKLOAD, graph->name, "sombra", "node_lookups_same_transaction",
                (double)stats.node_lookups, "look-ups");
    bench_count(WORKLOAD, graph->name, "sombra", "known_in_same_transaction",
                (double)stats.known_in_txn, "endpoints");
    sombra_rollback(txn);
    bench_sombra_close(store);
}

/* Their two ends are one: looked up once, even by a call of its own and without a cache. */
static uint64_t count_loops(const bench_graph *graph)
{
    uint64_t loops = 0;

    for (uint32_t i = 0; i < graph->edge_count; i++)
        loops += graph->source[i] == graph->target[i];
    return loops;
}

static uint64_t count_distinct(const bench_graph *graph)
{
    uint8_t *seen = bench_alloc(graph->node_count, 1);
    uint64_t distinct = 0;

    for (uint32_t i = 0; i < graph->edge_count; i++) {
        const uint32_t ends[2] = {graph->source[i], graph->target[i]};
        for (int end = 0; end < 2; end++) {
            distinct += seen[ends[end]] == 0;
            seen[ends[end]] = 1;
        }
    }
    free(seen);
    return distinct;
}

static void run_graph(const bench_graph *graph)
{
    bench_note("exists_cache: %u nodes, %u relationships shuffled with seed %llu",
               graph->node_count, graph->edge_count, (unsigned long long)bench.seed);
    bench_count(WORKLOAD, graph->name, "sombra", "seed", (double)bench.seed, "");
    bench_count(WORKLOAD, graph->name, "sombra", "distinct_endpoints",
                (double)count_distinct(graph), "nodes");
    bench_count(WORKLOAD, graph->name, "sombra", "loops", (double)count_loops(graph),
                "relationships");
    for (size_t i = 0; i < sizeof CAPACITIES / sizeof *CAPACITIES; i++)
        run_capacity(graph, CAPACITIES[i]);
    run_same_transaction(graph);
}

void bench_run_exists_cache(const char *workload)
{
    (void)workload;
    if (!bench_engine_wanted("sombra")) return;
    for (const char *const *name = bench_graphs(USUAL); *name != NULL; name++) {
        bench_graph *graph = make_graph(*name);
        run_graph(graph);
        bench_graph_free(graph);
    }
}
