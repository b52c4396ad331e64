/* writes.c — small durable commits: one node, one relationship into a large graph, updates among reads; and 80,000 scattered
 * relationships in one transaction. The raw figure is a write and a sync of space that was written before; of many relationships, all
 * arrays made anew with them, written and synced. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "sombra_store.h"

#define ENGINES_MAX 4

static const char *const LARGE[] = {"b1m", "m100k", NULL};

static bench_text name_of(uint64_t i, char name[BENCH_NAME_BYTES])
{
    for (size_t c = 0; c < BENCH_NAME_BYTES; c++)
        name[c] = (char)('a' + (i >> (2 * c)) % 26);
    return (bench_text){.data = name, .size = BENCH_NAME_BYTES};
}

/* Median, 99th percentile and longest of commits, in microseconds. */
static void report_times(const char *workload, const char *graph, const char *engine,
                         bench_samples *times)
{
    bench_report(workload, graph, engine, "median_us", times, "us", BENCH_LOWER);
    bench_figure(workload, graph, engine, "p99_us", bench_quantile(times, 0.99), 0, 0, 0, "us",
                 BENCH_LOWER);
    bench_figure(workload, graph, engine, "longest_us", bench_quantile(times, 1), 0, 0, 0, "us",
                 BENCH_LOWER);
}

/* ---- commit_each -------------------------------------------------------------------------------- */

#define COMMITS 200u /* in a round */

typedef struct committer {
    const bench_engine *engine;
    void *connection;
    uint64_t first, count;
    pthread_t thread;
} committer;

/* One node a commit. */
static void *commit_nodes(void *object)
{
    committer *self = object;

    for (uint64_t i = self->first; i < self->first + self->count; i++) {
        char name[BENCH_NAME_BYTES];
        self->engine->commit_node(self->connection, (int64_t)i, name_of(i, name));
    }
    return NULL;
}

/* Commits per second with count threads, each with a connection of its own. */
static double run_threads(const bench_engine *engine, void *store, unsigned count, uint64_t *next)
{
    committer *threads = bench_alloc(count, sizeof *threads);
    uint64_t started, elapsed;

    for (unsigned i = 0; i < count; i++) {
        threads[i] = (committer){.engine = engine,
                                 .connection = engine->connect(store, i, count),
                                 .first = *next,
                                 .count = COMMITS};
        *next += COMMITS;
    }
    started = bench_now_ns();
    for (unsigned i = 0; i < count; i++) {
        if (pthread_create(&threads[i].thread, NULL, commit_nodes, &threads[i]) != 0)
            bench_fail("no thread");
    }
    for (unsigned i = 0; i < count; i++)
        (void)pthread_join(threads[i].thread, NULL);
    elapsed = bench_now_ns() - started;
    for (unsigned i = 0; i < count; i++)
        engine->disconnect(threads[i].connection);
    free(threads);
    return (double)count * COMMITS / (double)elapsed * 1e9;
}

/* One engine's rates in rounds. */
typedef struct group {
    const bench_engine *engine;
    char *path;
    void *store;
    uint64_t next;
    bench_samples one, many, gain;
} group;

static void run_group_round(group *of)
{
    const double alone = run_threads(of->engine, of->store, 1, &of->next);
    const double together = run_threads(of->engine, of->store, bench.threads, &of->next);

    bench_add(&of->one, alone);
    bench_add(&of->many, together);
    bench_add(&of->gain, together / alone);
}

static void end_group(const char *workload, group *of)
{
    const char *engine = of->engine->name;
    uint64_t nodes, edges;
    char metric[64];

    of->engine->count(of->store, &nodes, &edges);
    bench_expect("nodes committed", nodes, of->next - 1);
    bench_report(workload, "none", engine, "commits_per_s_1_thread", &of->one, "1/s", BENCH_HIGHER);
    (void)snprintf(metric, sizeof metric, "commits_per_s_%u_threads", bench.threads);
    bench_report(workload, "none", engine, metric, &of->many, "1/s", BENCH_HIGHER);
    if (of->engine == &bench_sombra)
        bench_ratio(workload, "none", "threads_to_one_thread", bench_median(&of->gain));
    bench_clear(&of->one);
    bench_clear(&of->many);
    bench_clear(&of->gain);
    of->engine->close(of->store);
    bench_remove(of->path);
    free(of->path);
}

static void run_group_commit(const char *workload)
{
    size_t count;
    const bench_engine *const *engines = bench_engines(&count);
    group groups[ENGINES_MAX] = {{0}};

    for (size_t i = 0; i < count; i++) {
        groups[i] = (group){.engine = engines[i], .path = bench_path(engines[i]->name), .next = 1};
        groups[i].store = engines[i]->open(groups[i].path, BENCH_FULL);
    }
    for (unsigned round = 0; round < bench_rounds(5); round++) {
        for (size_t i = 0; i < count; i++)
            run_group_round(&groups[i]);
    }
    for (size_t i = 0; i < count; i++)
        end_group(workload, &groups[i]);
}

void bench_run_commit_each(const char *workload)
{
    size_t count;
    const bench_engine *const *engines = bench_engines(&count);
    const unsigned rounds = bench_rounds(10);
    bench_samples times[ENGINES_MAX] = {{0}};
    void *stores[ENGINES_MAX];
    char *paths[ENGINES_MAX];
    uint64_t next = 0;

    for (size_t i = 0; i < count; i++) {
        paths[i] = bench_path(engines[i]->name);
        stores[i] = engines[i]->open(paths[i], BENCH_FULL);
    }
    for (unsigned round = 0; round < rounds; round++, next += COMMITS) {
        for (size_t i = 0; i < count; i++) {
            for (uint64_t j = 0; j < COMMITS; j++) {
                char name[BENCH_NAME_BYTES];
                const bench_text text = name_of(next + j, name);
                const uint64_t started = bench_now_ns();
                engines[i]->commit_node(stores[i], (int64_t)(next + j), text);
                bench_add(&times[i], (double)(bench_now_ns() - started) / 1e3);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t nodes, edges;
        engines[i]->count(stores[i], &nodes, &edges);
        bench_expect("nodes committed", nodes, next);
        engines[i]->close(stores[i]);
        bench_remove(paths[i]);
        free(paths[i]);
        report_times(workload, "none", engines[i]->name, &times[i]);
        bench_clear(&times[i]);
    }
    if (bench.threads > 1) run_group_commit(workload);
}

/* ---- Into a large graph ------------------------------------------------------------------------- */

typedef struct scattered {
    uint32_t *source, *target;
    int64_t *weight;
    size_t count;
} scattered;

static scattered make_scattered(const bench_graph *graph, size_t count, uint64_t seed)
{
    scattered made = {bench_alloc(count, sizeof *made.source),
                      bench_alloc(count, sizeof *made.target),
                      bench_alloc(count, sizeof *made.weight), count};
    sb_random random = {seed};

    for (size_t i = 0; i < count; i++) {
        made.source[i] = (uint32_t)sb_random_below(&random, graph->node_count);
        made.target[i] = (uint32_t)sb_random_below(&random, graph->node_count);
        made.weight[i] = (int64_t)sb_random_below(&random, 256);
    }
    return made;
}

static void free_scattered(scattered *made)
{
    free(made->source);
    free(made->target);
    free(made->weight);
}

void bench_run_edge_insert(const char *workload)
{
    for (const char *const *name = bench_graphs(LARGE); *name != NULL; name++) {
        const bench_graph *graph = bench_graph_of(*name);
        size_t count;
        const bench_engine *const *engines = bench_engines(&count);
        const unsigned rounds = bench_rounds(10);
        bench_samples times[ENGINES_MAX] = {{0}};
        scattered edges = make_scattered(graph, (size_t)COMMITS * rounds, bench.seed + 2);

        for (size_t i = 0; i < edges.count; i += COMMITS) {
            for (size_t e = 0; e < count; e++) {
                void *store = bench_store_of(engines[e], graph);
                for (size_t j = i; j < i + COMMITS; j++) {
                    const uint64_t started = bench_now_ns();
                    engines[e]->insert_edges(store, edges.source + j, edges.target + j,
                                             edges.weight + j, 1);
                    bench_add(&times[e], (double)(bench_now_ns() - started) / 1e3);
                }
            }
        }
        for (size_t e = 0; e < count; e++) {
            report_times(workload, graph->name, engines[e]->name, &times[e]);
            bench_clear(&times[e]);
        }
        free_scattered(&edges);
    }
}

/* Bytes that a Sombra store has in its WAL. */
static uint64_t wal_bytes(sombra_store *store)
{
    sb_pager_info info;
    sb_err err;

    if (sb_pager_get_info(store->db->pager, &info, &err) != SB_OK)
        bench_fail("sombra: no information");
    return info.wal_used_bytes;
}

/* Lists of random nodes a second, one call each, once the graph has taken scattered relationships in. */
static void read_after(const char *workload, const bench_graph *graph,
                       const bench_engine *const *engines, size_t count)
{
    enum { READ = 100000 };
    uint32_t *nodes = bench_alloc(READ, sizeof *nodes);
    sb_random random = {bench.seed + 4};
    uint64_t right = 0;

    for (size_t i = 0; i < READ; i++)
        nodes[i] = (uint32_t)sb_random_below(&random, graph->node_count);
    for (size_t e = 0; e < count; e++) {
        void *store = bench_store_of(engines[e], graph);
        bench_samples rates = {0};
        for (unsigned round = 0; round < bench_rounds(5); round++) {
            const uint64_t started = bench_now_ns();
            engines[e]->read_begin(store);
            const uint64_t sum = engines[e]->neighbors(store, nodes, READ, false);
            engines[e]->read_end(store);
            bench_add(&rates, READ / (double)(bench_now_ns() - started) * 1e9);
            if (right == 0) right = sum;
            bench_expect("sum of the neighbors", sum, right);
        }
        bench_report(workload, graph->name, engines[e]->name, "then_neighbors_of_nodes_per_s",
                     &rates, "1/s", BENCH_HIGHER);
        bench_clear(&rates);
    }
    free(nodes);
}

/* What an engine showed in its rounds. */
typedef struct inserting {
    bench_samples rates, checkpointed;
    uint64_t wal; /* most bytes of it after a batch; Sombra's alone, as checkpointed */
} inserting;

static void checkpoint(sombra_store *store)
{
    bench_must(store, sombra_checkpoint(store->conn, SOMBRA_TRUNCATE, NULL));
}

/* One batch. Sombra's thread brings it from the WAL into the main file later, as SQLite does in the commit itself: how long both take together
 * is told, too. */
static void insert_batch(const bench_engine *engine, void *store, const scattered *edges,
                         inserting *shown)
{
    const double count = (double)edges->count;
    uint64_t before[2], after[2], elapsed;

    engine->count(store, &before[0], &before[1]);
    const uint64_t started = bench_now_ns();
    engine->insert_edges(store, edges->source, edges->target, edges->weight, edges->count);
    elapsed = bench_now_ns() - started;
    bench_add(&shown->rates, count / (double)elapsed * 1e9);
    if (engine == &bench_sombra) {
        if (wal_bytes(store) > shown->wal) shown->wal = wal_bytes(store);
        checkpoint(store);
        elapsed = bench_now_ns() - started;
        bench_add(&shown->checkpointed, count / (double)elapsed * 1e9);
    }
    engine->count(store, &after[0], &after[1]);
    bench_expect("relationships inserted", after[1] - before[1], edges->count);
}

static void report_batches(const char *workload, const char *graph, const bench_engine *engine,
                           inserting *shown)
{
    bench_report(workload, graph, engine->name, "relationships_per_s", &shown->rates, "1/s",
                 BENCH_HIGHER);
    if (engine == &bench_sombra) {
        bench_count(workload, graph, "sombra", "wal_bytes", (double)shown->wal, "bytes");
        bench_report(workload, graph, "sombra", "checkpointed_relationships_per_s",
                     &shown->checkpointed, "1/s", BENCH_HIGHER);
    }
    bench_clear(&shown->rates);
    bench_clear(&shown->checkpointed);
}

void bench_run_bulk_into_full(const char *workload)
{
    enum { INSERTED = 80000 };

    for (const char *const *name = bench_graphs(LARGE); *name != NULL; name++) {
        const bench_graph *graph = bench_graph_of(*name);
        size_t count;
        const bench_engine *const *engines = bench_engines(&count);
        inserting shown[ENGINES_MAX] = {{.wal = 0}};

        for (size_t e = 0; e < count; e++) /* of what the load left in the WAL */
            if (engines[e] == &bench_sombra) checkpoint(bench_store_of(engines[e], graph));
        for (unsigned round = 0; round < bench_rounds(5); round++) {
            scattered edges = make_scattered(graph, INSERTED, bench.seed + 3 + round);
            for (size_t e = 0; e < count; e++)
                insert_batch(engines[e], bench_store_of(engines[e], graph), &edges, &shown[e]);
            free_scattered(&edges);
        }
        for (size_t e = 0; e < count; e++)
            report_batches(workload, graph->name, engines[e], &shown[e]);
        read_after(workload, graph, engines, count);
    }
}

/* ---- mixed ------------------------------------------------------------------------------------------ */

#define OPERATIONS                                                                                 \
    5000u /* in a round: four of five read the neighbors of a node, the fifth updates one */

static double run_mixed(const bench_engine *engine, void *store, const bench_graph *graph,
                        uint64_t seed, uint64_t *sum)
{
    sb_random random = {seed};
    const uint64_t started = bench_now_ns();

    *sum = 0;
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        const uint32_t node = (uint32_t)sb_random_below(&random, graph->node_count);
        if (i % 5 == 4) {
            engine->commit_update(store, node, (int64_t)(seed + i));
        } else {
            if (!engine->reads_alone) engine->read_begin(store);
            *sum += engine->neighbors(store, &node, 1, false);
            if (!engine->reads_alone) engine->read_end(store);
        }
    }
    return OPERATIONS / (double)(bench_now_ns() - started) * 1e9;
}

/* Those that have it: the raw file's commits are syncs, and LMDB syncs each commit's data without MDB_NOSYNC, so that it has no
 * `normal`. */
static size_t engines_of_sync(const bench_engine **engines, bench_sync sync)
{
    size_t all, count = 0;
    const bench_engine *const *wanted = bench_engines(&all);

    for (size_t i = 0; i < all; i++) {
        if (sync != BENCH_FULL && wanted[i] == &bench_raw) continue;
        if (sync == BENCH_NORMAL && strcmp(wanted[i]->name, "lmdb") == 0) continue;
        engines[count++] = wanted[i];
    }
    return count;
}

static void run_mixed_sync(const char *workload, const bench_graph *graph, bench_sync sync)
{
    static const char *const METRICS[] = {"full_operations_per_s", "normal_operations_per_s",
                                          "off_operations_per_s"};
    const bench_engine *engines[ENGINES_MAX];
    const size_t count = engines_of_sync(engines, sync);
    bench_samples rates[ENGINES_MAX] = {{0}};
    void *stores[ENGINES_MAX];
    char *paths[ENGINES_MAX];

    for (size_t e = 0; e < count; e++) {
        paths[e] = bench_path(engines[e]->name);
        stores[e] = engines[e]->open(paths[e], sync);
        engines[e]->load(stores[e], graph);
    }
    for (unsigned round = 0; round < bench_rounds(5); round++) {
        uint64_t right = 0;
        for (size_t e = 0; e < count; e++) {
            uint64_t sum;
            bench_add(&rates[e], run_mixed(engines[e], stores[e], graph, bench.seed + round, &sum));
            if (right == 0) right = sum;
            bench_expect("sum of what was read", sum, right);
        }
    }
    for (size_t e = 0; e < count; e++) {
        bench_report(workload, graph->name, engines[e]->name, METRICS[sync], &rates[e], "1/s",
                     BENCH_HIGHER);
        bench_clear(&rates[e]);
        engines[e]->close(stores[e]);
        bench_remove(paths[e]);
        free(paths[e]);
    }
}

void bench_run_mixed(const char *workload)
{
    static const char *const USUAL[] = {"m100k", NULL};

    for (const char *const *name = bench_graphs(USUAL); *name != NULL; name++) {
        const bench_graph *graph = bench_graph_of(*name);
        for (int sync = BENCH_FULL; sync <= BENCH_OFF; sync++)
            run_mixed_sync(workload, graph, (bench_sync)sync);
    }
}
