/* profiling.c — what the profiling switch costs: the same load with it off and on, in interleaved pairs, and how often the
 * library reads a clock meanwhile. tools/profiling-overhead counts the instructions of one load (--once), and times it beside a build without
 * the switch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sombra_store.h"

#define WORKLOAD "profiling_overhead"

static const char *const USUAL[] = {"s20k", NULL};

/* Every timer, the profile's too, goes through the table of the file system: one that counts. (The time of day is read once a
 * commit: it is written in the file.) */
static _Atomic uint64_t clock_calls;
static const sb_vfs_ops *real_ops;

static uint64_t count_clock(sb_vfs *vfs)
{
    (void)atomic_fetch_add_explicit(&clock_calls, 1, memory_order_relaxed);
    return real_ops->monotonic_ns(vfs); /* the same for each: that of the system */
}

/* Make and commit the graph; the part that callgrind is told to count (its name is in tools/profiling-overhead). */
SB_NOINLINE __attribute__((used)) void bench_profiled_load(sombra_store *store,
                                                           const bench_graph *graph);
SB_NOINLINE __attribute__((used)) void bench_profiled_load(sombra_store *store,
                                                           const bench_graph *graph)
{
    bench_sombra.load(store, graph);
}

static sombra_store *open_store(const char *path, bool on)
{
    sombra_options options;
    sombra_store *store;

    sombra_options_init(&options);
    options.durability = SOMBRA_DURABLE_OFF; /* syncs would hide what is looked for */
    options.checkpoint_thread = false;
    options.autocheckpoint = 0;
    options.profile = on;
    store = bench_sombra_open(path, &options, 0);
    if (!on && store->db->profile.on)
        bench_fail("SOMBRA_PROFILE is set in the environment: without it, please");
    return store;
}

static uint64_t load_once(const char *path, const bench_graph *graph, bool on)
{
    sombra_store *store = open_store(path, on);
    const uint64_t started = bench_now_ns();
    uint64_t elapsed;

    bench_profiled_load(store, graph);
    elapsed = bench_now_ns() - started;
    bench_sombra_close(store);
    bench_remove(path);
    return elapsed;
}

/* Readings of a clock during one load. */
static uint64_t count_clock_calls(const bench_graph *graph, bool on)
{
    sombra_store *store = open_store(":memory:", on);
    sb_vfs *const pages = store->db->vfs, *const files = store->db->files;
    const sb_vfs_ops *const pages_ops = pages->ops;
    sb_vfs_ops counting_pages = *pages->ops, counting_files;

    real_ops = files->ops; /* the profile's clock */
    counting_files = *real_ops;
    counting_pages.monotonic_ns = counting_files.monotonic_ns = count_clock;
    pages->ops = &counting_pages;
    files->ops = &counting_files;
    atomic_store(&clock_calls, 0);
    bench_profiled_load(store, graph);
    files->ops = real_ops;
    pages->ops = pages_ops;
    bench_sombra_close(store);
    return atomic_load(&clock_calls);
}

static void run_pairs(const bench_graph *graph, unsigned pairs)
{
    char *path = bench_path("profiled");
    bench_samples off = {0}, on = {0}, change = {0};

    for (unsigned i = 0; i < pairs; i++) {
        /* The one that goes first changes, lest the order count. */
        double ns[2];
        const bool first = i % 2 != 0;
        ns[first] = (double)load_once(path, graph, first);
        ns[!first] = (double)load_once(path, graph, !first);
        bench_add(&off, ns[0] / 1e6);
        bench_add(&on, ns[1] / 1e6);
        bench_add(&change, ns[1] / ns[0]);
    }
    bench_report(WORKLOAD, graph->name, "sombra", "load_ms_off", &off, "ms", BENCH_LOWER);
    bench_report(WORKLOAD, graph->name, "sombra", "load_ms_on", &on, "ms", BENCH_LOWER);
    bench_report(WORKLOAD, graph->name, "sombra", "on_to_off", &change, "ratio", BENCH_LOWER);
    bench_ratio(WORKLOAD, graph->name, "on_to_off", bench_median(&change));
    bench_clear(&off);
    bench_clear(&on);
    bench_clear(&change);
    free(path);
}

void bench_run_profiling(const char *workload)
{
    (void)workload;
    if (!bench_engine_wanted("sombra")) return;
    for (const char *const *name = bench_graphs(USUAL); *name != NULL; name++) {
        bench_graph *graph = bench_graph_make(*name);
        const uint64_t off = count_clock_calls(graph, false), on = count_clock_calls(graph, true);
        run_pairs(graph, bench_rounds(30));
        bench_count(WORKLOAD, graph->name, "sombra", "clock_calls_off", (double)off, "calls");
        bench_count(WORKLOAD, graph->name, "sombra", "clock_calls_on", (double)on, "calls");
        if (off != 0)
            bench_fail("profiling is off and reads the clock %llu times", (unsigned long long)off);
#ifndef SOMBRA_NO_PROFILE
        if (on == 0) bench_fail("profiling is on and reads no clock: nothing was measured");
#endif
        bench_graph_free(graph);
    }
}

void bench_run_once(bool on)
{
    bench_graph *graph = bench_graph_make(*bench_graphs(USUAL));
    sombra_store *store = open_store(":memory:", on);
    sombra_counter counters[SB_COUNTER_KINDS];
    uint64_t sum = 0, nodes, edges;
    size_t count;
    const uint64_t started = bench_now_ns();

    bench_profiled_load(store, graph);
    const uint64_t elapsed = bench_now_ns() - started;
    bench_sombra.count(store, &nodes, &edges);
    bench_expect("nodes", nodes, graph->node_count);
    bench_expect("relationships", edges, graph->edge_count);
    bench_must(store,
               sombra_profile_snapshot(store->db, false, counters, SB_COUNTER_KINDS, &count));
    for (size_t i = 0; i < count && i < SB_COUNTER_KINDS; i++)
        sum += counters[i].value;
    printf(
        "loaded %llu nodes, %llu relationships, profiling %s; counters add up to %llu; %.3f ms\n",
        (unsigned long long)nodes, (unsigned long long)edges, on ? "on" : "off",
        (unsigned long long)sum, (double)elapsed / 1e6);
    bench_sombra_close(store);
    bench_graph_free(graph);
}
