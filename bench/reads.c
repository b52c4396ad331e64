/* reads.c — look-ups, neighbors, traversals and scans of a loaded graph, warm, one thread; all engines must compute the same sums.
 * Reads run inside one read transaction, but for lookup_autocommit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "bench.h"

static const char *const USUAL[] = {"b1m", "m100k", NULL};

/* What is read: random nodes, and their keys. */
typedef struct queries {
    const bench_graph *graph;
    const bench_graph *stored; /* the same, or its nodes with keys in random order */
    uint32_t *nodes;
    int64_t *keys;
    size_t count;
} queries;

typedef uint64_t (*read_once)(const bench_engine *engine, void *store, const queries *asked);

/* One figure: how it is read, and which engines can. */
typedef struct reading {
    const char *workload, *metric, *unit;
    size_t count; /* queries in a round */
    unsigned rounds;
    bool in_transaction, seconds,
        once; /* seconds: report time, not rate; once: rate of what is returned */
    bool (*can)(const bench_engine *engine);
    read_once read;
    bool shuffled; /* reads the nodes with keys in random order */
} reading;

#define CAN(name, condition)                                                                       \
    static bool can_##name(const bench_engine *engine)                                             \
    {                                                                                              \
        return condition;                                                                          \
    }
CAN(id, engine->lookup_id != NULL)
CAN(id_batch, engine->lookup_id != NULL && engine == &bench_sombra)
CAN(key, engine->lookup_key != NULL)
CAN(key_batch, engine->lookup_key != NULL && engine == &bench_sombra)
CAN(autocommit, engine->lookup_autocommit != NULL)
CAN(neighbors, engine->neighbors != NULL)
CAN(neighbors_batch, engine->neighbors != NULL && engine->batches)
CAN(in_place, engine->neighbors_in_place != NULL)
CAN(two_hop, engine->two_hop != NULL)
CAN(two_hop_ahead, engine->two_hop_ahead != NULL)
CAN(three_hop_ahead, engine->three_hop_ahead != NULL)
CAN(three_hop, engine->three_hop != NULL)
CAN(lengths, engine->three_hop != NULL && engine->batches)
CAN(bfs, engine->bfs != NULL)
CAN(bfs_in_order, engine->bfs_in_order != NULL)
CAN(scan, engine->scan != NULL)

static uint64_t read_id(const bench_engine *engine, void *store, const queries *asked)
{
    return engine->lookup_id(store, asked->nodes, asked->count, false);
}
static uint64_t read_id_batch(const bench_engine *engine, void *store, const queries *asked)
{
    return engine->lookup_id(store, asked->nodes, asked->count, true);
}
static uint64_t read_key(const bench_engine *engine, void *store, const queries *asked)
{
    return engine->lookup_key(store, asked->keys, asked->count, false);
}
static uint64_t read_key_batch(const bench_engine *engine, void *store, const queries *asked)
{
    return engine->lookup_key(store, asked->keys, asked->count, true);
}
static uint64_t read_autocommit(const bench_engine *engine, void *store, const queries *asked)
{
    return engine->lookup_autocommit(store, asked->nodes, asked->count);
}
static uint64_t read_neighbors(const bench_engine *engine, void *store, const queries *asked)
{
    return engine->neighbors(store, asked->nodes, asked->count, false);
}
static uint64_t read_neighbors_batch(const bench_engine *engine, void *store, const queries *asked)
{
    return engine->neighbors(store, asked->nodes, asked->count, true);
}
static uint64_t read_in_place(const bench_engine *engine, void *store, const queries *asked)
{
    return engine->neighbors_in_place(store, asked->nodes, asked->count, false);
}
static uint64_t read_in_place_batch(const bench_engine *engine, void *store, const queries *asked)
{
    return engine->neighbors_in_place(store, asked->nodes, asked->count, true);
}
static uint64_t read_two_hop(const bench_engine *engine, void *store, const queries *asked)
{
    return engine->two_hop(store, asked->nodes, asked->count);
}
static uint64_t read_two_hop_ahead(const bench_engine *engine, void *store, const queries *asked)
{
    return engine->two_hop_ahead(store, asked->nodes, asked->count);
}
static uint64_t read_three_hop_ahead(const bench_engine *engine, void *store, const queries *asked)
{
    return engine->three_hop_ahead(store, asked->nodes, asked->count);
}
static uint64_t read_three_hop(const bench_engine *engine, void *store, const queries *asked)
{
    return engine->three_hop(store, asked->nodes, asked->count, false);
}
static uint64_t read_lengths(const bench_engine *engine, void *store, const queries *asked)
{
    return engine->three_hop(store, asked->nodes, asked->count, true);
}
static uint64_t read_bfs(const bench_engine *engine, void *store, const queries *asked)
{
    uint64_t edges, visited = engine->bfs(store, asked->graph->source[0], &edges);
    if (visited < asked->graph->node_count / 10)
        bench_fail("bfs reaches %llu nodes: too few to measure", (unsigned long long)visited);
    return edges;
}
static uint64_t read_bfs_in_order(const bench_engine *engine, void *store, const queries *asked)
{
    uint64_t edges;
    (void)engine->bfs_in_order(store, asked->graph->source[0], &edges);
    return edges;
}
static uint64_t read_scan_edges(const bench_engine *engine, void *store, const queries *asked)
{
    (void)asked;
    return engine->scan(store, false, 100, 131);
}
static uint64_t read_scan_nodes(const bench_engine *engine, void *store, const queries *asked)
{
    const int64_t first = asked->graph->key[0], count = asked->graph->node_count;
    return engine->scan(store, true, first + count / 4, first + count / 2);
}

static const reading READINGS[] = {
    {"lookup_id", "lookups_per_s", "1/s", 1000000, 5, true, false, false, can_id, read_id, false},
    {"lookup_id", "batch_lookups_per_s", "1/s", 1000000, 5, true, false, false, can_id_batch,
     read_id_batch, false},
    {"lookup_key", "lookups_per_s", "1/s", 500000, 5, true, false, false, can_key, read_key, false},
    {"lookup_key", "batch_lookups_per_s", "1/s", 500000, 5, true, false, false, can_key_batch,
     read_key_batch, false},
    {"lookup_autocommit", "lookups_per_s", "1/s", 500000, 5, false, false, false, can_autocommit,
     read_autocommit, false},
    {"neighbors", "nodes_per_s", "1/s", 500000, 5, true, false, false, can_neighbors,
     read_neighbors, false},
    {"neighbors", "batch_nodes_per_s", "1/s", 500000, 5, true, false, false, can_neighbors_batch,
     read_neighbors_batch, false},
    {"neighbors", "in_place_nodes_per_s", "1/s", 500000, 5, true, false, false, can_in_place,
     read_in_place, false},
    {"neighbors", "batch_in_place_nodes_per_s", "1/s", 500000, 5, true, false, false, can_in_place,
     read_in_place_batch, false},
    {"two_hop_distinct", "nodes_per_s", "1/s", 2000, 5, true, false, false, can_two_hop,
     read_two_hop, false},
    {"two_hop_distinct", "ahead_nodes_per_s", "1/s", 2000, 5, true, false, false, can_two_hop_ahead,
     read_two_hop_ahead, false},
    {"three_hop_count", "nodes_per_s", "1/s", 50, 3, true, false, false, can_three_hop,
     read_three_hop, false},
    {"three_hop_count", "ahead_nodes_per_s", "1/s", 50, 3, true, false, false, can_three_hop_ahead,
     read_three_hop_ahead, false},
    {"three_hop_count", "lengths_nodes_per_s", "1/s", 50, 3, true, false, false, can_lengths,
     read_lengths, false},
    {"bfs", "relationships_per_s", "1/s", 1, 5, true, false, true, can_bfs, read_bfs, false},
    {"bfs", "in_order_relationships_per_s", "1/s", 1, 5, true, false, true, can_bfs_in_order,
     read_bfs_in_order, false},
    {"scan_filter", "relationships_ms", "ms", 1, 7, true, true, false, can_scan, read_scan_edges,
     false},
    {"scan_filter", "nodes_ms", "ms", 1, 7, true, true, false, can_scan, read_scan_nodes, false},
    {"scan_filter", "shuffled_nodes_ms", "ms", 1, 7, true, true, false, can_scan, read_scan_nodes,
     true},
};
#define READING_COUNT (sizeof READINGS / sizeof *READINGS)

static queries make_queries(const reading *what, const bench_graph *graph)
{
    const size_t count = what->count;
    queries asked = {graph, what->shuffled ? bench_shuffled_of(graph) : graph,
                     bench_alloc(count, sizeof *asked.nodes),
                     bench_alloc(count, sizeof *asked.keys), count};
    sb_random random = {bench.seed + 1};

    for (size_t i = 0; i < count; i++) {
        asked.nodes[i] = (uint32_t)sb_random_below(&random, graph->node_count);
        asked.keys[i] = graph->key[asked.nodes[i]];
    }
    return asked;
}

/* An engine, and what it has shown of one figure. */
typedef struct reader {
    const bench_engine *engine;
    bench_samples samples;
    uint64_t total_ns;
    bool stopped; /* by the limit: there is no figure */
} reader;

/* One round; the sum of what was read. The first round warms caches up: it is kept only where it is the one. */
static uint64_t measure(const reading *what, reader *one, const queries *asked, bool first)
{
    const bench_engine *engine = one->engine;
    void *store = bench_store_of(engine, asked->stored);
    uint64_t started, elapsed, sum;
    double value;

    if (what->in_transaction) engine->read_begin(store);
    started = bench_now_ns();
    sum = what->read(engine, store, asked);
    elapsed = bench_now_ns() - started;
    if (what->in_transaction) engine->read_end(store);
    if (sum == 0) bench_fail("%s on %s read nothing", what->workload, engine->name);
    one->total_ns += elapsed;
    one->stopped = sum == BENCH_STOPPED;
    if (one->stopped) return sum;
    value = what->seconds
                ? (double)elapsed / 1e6
                : (what->once ? (double)sum : (double)asked->count) / (double)elapsed * 1e9;
    if (!first || one->total_ns >= BENCH_ENOUGH_NS) bench_add(&one->samples, value);
    return sum;
}

static void run_reading(const reading *what, const bench_graph *graph)
{
    enum { ENGINES_MAX = 4 };
    reader readers[ENGINES_MAX] = {{0}};
    queries asked = make_queries(what, graph);
    size_t all, count = 0;
    const bench_engine *const *wanted = bench_engines(&all);
    uint64_t right = 0;

    for (size_t i = 0; i < all; i++) {
        if (what->can(wanted[i])) readers[count++].engine = wanted[i];
    }
    for (unsigned round = 0; round <= bench_rounds(what->rounds); round++) {
        for (size_t i = 0; i < count; i++) {
            if (readers[i].stopped || readers[i].total_ns >= BENCH_ENOUGH_NS) continue;
            const uint64_t sum = measure(what, &readers[i], &asked, round == 0);
            if (readers[i].stopped) continue;
            if (right == 0) right = sum;
            if (sum != right)
                bench_fail("%s: %s finds %llu, %s %llu", what->workload, readers[i].engine->name,
                           (unsigned long long)sum, readers[0].engine->name,
                           (unsigned long long)right);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (readers[i].stopped)
            bench_stopped(what->workload, graph->name, readers[i].engine->name, what->metric,
                          bench.limit);
        else
            bench_report(what->workload, graph->name, readers[i].engine->name, what->metric,
                         &readers[i].samples, what->unit,
                         what->seconds ? BENCH_LOWER : BENCH_HIGHER);
        bench_clear(&readers[i].samples);
    }
    free(asked.nodes);
    free(asked.keys);
}

void bench_run_reads(const char *workload)
{
    for (const char *const *name = bench_graphs(USUAL); *name != NULL; name++) {
        const bench_graph *graph = bench_graph_of(*name);
        for (size_t i = 0; i < READING_COUNT; i++) {
            if (strcmp(READINGS[i].workload, workload) == 0) run_reading(&READINGS[i], graph);
        }
    }
}
