/* bulk_edges.c — bulk_edge_creation: a graph made in one durable transaction, by typed batch and by builder. The same without
 * syncs tells the cost of the elements themselves, which must stay flat as the graph grows. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sombra_store.h"

#define WORKLOAD "bulk_edge_creation"

static const char *const USUAL[] = {"s1k", "s5k", "s20k", NULL};

/* Nanoseconds of one load into a fresh store, and the syncs of Sombra's pager. */
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
    *syncs = after.syncs - before.syncs;
    engine->count(store, &nodes, &edges);
    bench_expect("nodes", nodes, graph->node_count);
    bench_expect("relationships", edges, graph->edge_count);
    if (engine == &bench_sombra && sync == BENCH_OFF) bench_sombra_check(store, graph);
    engine->close(store);
    bench_remove(path);
    free(path);
    return elapsed;
}

/* ---- A process for each engine ------------------------------------------------------------------ */

/* Memory that one engine gave back to malloc makes the next load of another one cheaper, by more than a load takes: so each
 * engine has a process of its own, which lives for all rounds of a graph. Parent and child speak in these. */
typedef struct order {
    bench_sync sync;
    bool builder;
} order;

typedef struct answer {
    uint64_t ns, syncs;
} answer;

typedef struct worker {
    const bench_engine *engine;
    pid_t process;
    int orders, answers; /* ends of the pipes */
} worker;

static SB_NORETURN void serve(const bench_engine *engine, const bench_graph *graph, int orders,
                              int answers)
{
    order next;

    while (read(orders, &next, sizeof next) == (ssize_t)sizeof next) {
        answer done;
        done.ns = load_once(engine, graph, next.sync, next.builder, &done.syncs);
        if (write(answers, &done, sizeof done) != (ssize_t)sizeof done) break;
    }
    _exit(0);
}

static worker start_worker(const bench_engine *engine, const bench_graph *graph)
{
    worker made = {.engine = engine};
    int orders[2], answers[2];

    fflush(NULL);
    if (pipe(orders) != 0 || pipe(answers) != 0 || (made.process = fork()) < 0)
        bench_fail("no process: %s", strerror(errno));
    if (made.process == 0) {
        (void)close(orders[1]);
        (void)close(answers[0]);
        serve(engine, graph, orders[0], answers[1]);
    }
    (void)close(orders[0]);
    (void)close(answers[1]);
    made.orders = orders[1];
    made.answers = answers[0];
    return made;
}

static answer ask(const worker *of, bench_sync sync, bool builder)
{
    const order next = {.sync = sync, .builder = builder};
    answer done;

    if (write(of->orders, &next, sizeof next) != (ssize_t)sizeof next ||
        read(of->answers, &done, sizeof done) != (ssize_t)sizeof done)
        bench_fail("%s: the process that loads ended", of->engine->name);
    return done;
}

/* A process has the pipes of those before it, too: all are closed before one is waited for. */
static void end_workers(const worker *workers, size_t count)
{
    int status;

    for (size_t i = 0; i < count; i++) {
        (void)close(workers[i].orders);
        (void)close(workers[i].answers);
    }
    for (size_t i = 0; i < count; i++) {
        if (waitpid(workers[i].process, &status, 0) != workers[i].process || status != 0)
            bench_fail("%s: the process that loads failed", workers[i].engine->name);
    }
}

/* ---- Rounds --------------------------------------------------------------------------------------- */

/* One way of making the graph. */
typedef struct variant {
    const worker *worker;
    bool builder;
    uint64_t syncs_max;
    bench_samples rate, each, without_sync;
} variant;

static void run_round(const bench_graph *graph, variant *way)
{
    const double elements = (double)graph->node_count + (double)graph->edge_count;
    const answer full = ask(way->worker, BENCH_FULL, way->builder),
                 off = ask(way->worker, BENCH_OFF, way->builder);

    if (full.syncs > way->syncs_max) way->syncs_max = full.syncs;
    bench_add(&way->rate, elements / (double)full.ns * 1e9);
    bench_add(&way->each, (double)full.ns / elements);
    bench_add(&way->without_sync, (double)off.ns / elements);
}

static void report(const bench_graph *graph, variant *way)
{
    const bench_engine *engine = way->worker->engine;
    const char *prefix = way->builder ? "builder_" : "";
    char metric[64];

    (void)snprintf(metric, sizeof metric, "%selements_per_s", prefix);
    bench_report(WORKLOAD, graph->name, engine->name, metric, &way->rate, "1/s", BENCH_HIGHER);
    (void)snprintf(metric, sizeof metric, "%sns_per_element", prefix);
    bench_report(WORKLOAD, graph->name, engine->name, metric, &way->each, "ns", BENCH_LOWER);
    (void)snprintf(metric, sizeof metric, "%sns_per_element_without_sync", prefix);
    bench_report(WORKLOAD, graph->name, engine->name, metric, &way->without_sync, "ns",
                 BENCH_LOWER);
    if (engine != &bench_sombra) return;
    (void)snprintf(metric, sizeof metric, "%ssyncs", prefix);
    bench_count(WORKLOAD, graph->name, engine->name, metric, (double)way->syncs_max, "syncs");
}

/* Rounds go over all variants in turn, so that a slow moment of the machine meets all of them; one before them warms up. Returns
 * the median cost without sync of Sombra's typed batch, 0 when it does not run. */
static double run_graph(const bench_graph *graph, unsigned rounds)
{
    worker workers[4];
    variant ways[8];
    size_t count, way_count = 0;
    const bench_engine *const *engines = bench_engines(&count);
    double cost = 0;

    for (size_t i = 0; i < count; i++) {
        workers[i] = start_worker(engines[i], graph);
        ways[way_count++] = (variant){.worker = &workers[i]};
        if (engines[i]->load_builder != NULL)
            ways[way_count++] = (variant){.worker = &workers[i], .builder = true};
        (void)ask(&workers[i], BENCH_OFF, false);
    }
    for (unsigned round = 0; round < rounds; round++) {
        for (size_t i = 0; i < way_count; i++)
            run_round(graph, &ways[i]);
    }
    for (size_t i = 0; i < way_count; i++) {
        report(graph, &ways[i]);
        if (ways[i].worker->engine == &bench_sombra && !ways[i].builder)
            cost = bench_median(&ways[i].without_sync);
        bench_clear(&ways[i].rate);
        bench_clear(&ways[i].each);
        bench_clear(&ways[i].without_sync);
    }
    end_workers(workers, count);
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
