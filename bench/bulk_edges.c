/* bulk_edges.c — bulk_edge_creation: a graph made in one durable transaction, by typed batch and by builder. The same without
 * syncs tells the cost of the elements themselves, which must stay flat as the graph grows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sombra_store.h"

#define WORKLOAD "bulk_edge_creation"

static const char *const USUAL[] = {"s1k", "s5k", "s20k", NULL};

/* Nanoseconds of one load into a fresh store; syncs (of Sombra's pager) may be NULL. */
static uint64_t load_once(const bench_engine *engine, const bench_graph *graph, bench_sync sync,
                          bool builder, uint64_t *syncs)
{
    char *path = bench_path("bulk");
    void *store = engine->open(path, sync);
    uint64_t started, elapsed, nodes, edges;
    sb_pager_info before, after;
    sb_err err;

    memset(&before, 0, sizeof before);
    memset(&after, 0, sizeof after);
    if (engine == &bench_sombra &&
        sb_pager_get_info(((sombra_store *)store)->db->pager, &before, &err) != SB_OK)
        bench_fail("sombra: no information about the file");
    if (engine->prepare != NULL) engine->prepare(store, graph);
    started = bench_now_ns();
    (builder ? engine->load_builder : engine->load)(store, graph);
    elapsed = bench_now_ns() - started;
    if (engine == &bench_sombra &&
        sb_pager_get_info(((sombra_store *)store)->db->pager, &after, &err) != SB_OK)
        bench_fail("sombra: no information about the file");
    if (syncs != NULL) *syncs = after.syncs - before.syncs;
    engine->count(store, &nodes, &edges);
    bench_expect("nodes", nodes, graph->node_count);
    bench_expect("relationships", edges, graph->edge_count);
    if (engine == &bench_sombra && sync == BENCH_OFF) bench_sombra_check(store, graph);
    engine->close(store);
    bench_remove(path);
    free(path);
    return elapsed;
}

/* One way of making the graph. */
typedef struct variant {
    const bench_engine *engine;
    bool builder;
    uint64_t syncs_max;
    bench_samples rate, each, without_sync;
} variant;

static void report(const bench_graph *graph, variant *way)
{
    const char *engine = way->engine->name, *prefix = way->builder ? "builder_" : "";
    char metric[64];

    (void)snprintf(metric, sizeof metric, "%selements_per_s", prefix);
    bench_report(WORKLOAD, graph->name, engine, metric, &way->rate, "1/s", BENCH_HIGHER);
    (void)snprintf(metric, sizeof metric, "%sns_per_element", prefix);
    bench_report(WORKLOAD, graph->name, engine, metric, &way->each, "ns", BENCH_LOWER);
    (void)snprintf(metric, sizeof metric, "%sns_per_element_without_sync", prefix);
    bench_report(WORKLOAD, graph->name, engine, metric, &way->without_sync, "ns", BENCH_LOWER);
    if (way->engine != &bench_sombra) return;
    (void)snprintf(metric, sizeof metric, "%ssyncs", prefix);
    bench_count(WORKLOAD, graph->name, engine, metric, (double)way->syncs_max, "syncs");
}

/* Rounds go over all variants in turn, so that a slow moment of the machine meets all of them. Returns the median cost
 * without sync of Sombra's typed batch, 0 when it does not run. */
static double run_graph(const bench_graph *graph, unsigned rounds)
{
    const double elements = (double)graph->node_count + (double)graph->edge_count;
    variant ways[8];
    size_t count, way_count = 0;
    const bench_engine *const *engines = bench_engines(&count);
    double cost = 0;

    for (size_t i = 0; i < count; i++) {
        ways[way_count++] = (variant){.engine = engines[i]};
        if (engines[i]->load_builder != NULL)
            ways[way_count++] = (variant){.engine = engines[i], .builder = true};
    }
    for (unsigned round = 0; round < rounds; round++) {
        for (size_t i = 0; i < way_count; i++) {
            variant *way = &ways[i];
            uint64_t syncs = 0;
            double ns = (double)load_once(way->engine, graph, BENCH_FULL, way->builder, &syncs);
            if (syncs > way->syncs_max) way->syncs_max = syncs;
            bench_add(&way->rate, elements / ns * 1e9);
            bench_add(&way->each, ns / elements);
            ns = (double)load_once(way->engine, graph, BENCH_OFF, way->builder, NULL);
            bench_add(&way->without_sync, ns / elements);
        }
    }
    for (size_t i = 0; i < way_count; i++) {
        report(graph, &ways[i]);
        if (ways[i].engine == &bench_sombra && !ways[i].builder)
            cost = bench_median(&ways[i].without_sync);
        bench_clear(&ways[i].rate);
        bench_clear(&ways[i].each);
        bench_clear(&ways[i].without_sync);
    }
    return cost;
}

void bench_run_bulk_edges(const char *workload)
{
    const char *const *names = bench_graphs(USUAL);
    double least = 0, most = 0;
    size_t costs = 0;

    (void)workload;
    for (; *names != NULL; names++) {
        bench_graph *graph = bench_graph_make(*names);
        const unsigned usual = graph->edge_count <= 100000    ? 15
                               : graph->edge_count <= 1000000 ? 5
                                                              : 3;
        const double cost = run_graph(graph, bench_rounds(usual));
        if (cost > 0) {
            costs++;
            if (least == 0 || cost < least) least = cost;
            if (cost > most) most = cost;
        }
        bench_graph_free(graph);
    }
    if (costs > 1)
        bench_ratio(WORKLOAD, "all", "largest_to_smallest_cost_without_sync", most / least);
}
