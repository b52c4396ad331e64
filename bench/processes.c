/* processes.c — what is measured in a process of its own: loading CSV files (with the peak of its memory), and opening a database
 * up to the first answered look-up, after a clean close and after kill -9. The benchmark starts itself again for these. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sombra_store.h"

#define DIRTY_BYTES ((uint64_t)10 << 20) /* WAL left behind by the process that is killed */
#define SCATTER     2654435761u          /* a prime: times it, numbers in a row lie far apart */

/* ---- Children ----------------------------------------------------------------------------------- */

typedef struct child_result {
    double number; /* printed by the child: nanoseconds, or bytes */
    uint64_t wall_ns;
    bool killed;
} child_result;

/* Run this program with four words; what it prints is a number. */
static child_result run_child(const char *task, const char *engine, const char *path,
                              const char *more)
{
    child_result result = {0};
    int ends[2], status;
    char text[64] = {0};
    const uint64_t started = bench_now_ns();
    pid_t child;

    if (pipe(ends) != 0 || (child = fork()) < 0) bench_fail("no process: %s", strerror(errno));
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)execl("/proc/self/exe", "sombra-bench", "--child", task, engine, path, more,
                    (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    if (read(ends[0], text, sizeof text - 1) < 0) bench_fail("the child says nothing");
    (void)close(ends[0]);
    if (waitpid(child, &status, 0) != child) bench_fail("the child is lost");
    result.wall_ns = bench_now_ns() - started;
    result.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!result.killed && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        bench_fail("%s of %s failed", task, engine);
    result.number = strtod(text, NULL);
    return result;
}

static const bench_engine *engine_named(const char *name)
{
    size_t count;
    const bench_engine *const *engines = bench_engines(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(engines[i]->name, name) == 0) return engines[i];
    }
    bench_fail("there is no engine %s", name);
}

/* Open a database that is there, answer one look-up by key, say how long that took. */
static void child_open(const bench_engine *engine, const char *path, int64_t key)
{
    const uint64_t started = bench_now_ns();
    void *store = engine->reopen(path);
    uint64_t sum, elapsed;

    engine->read_begin(store);
    sum = engine->lookup_key(store, &key, 1, false);
    elapsed = bench_now_ns() - started;
    engine->read_end(store);
    if (sum <= (uint64_t)key) bench_fail("the look-up found nothing");
    printf("%llu\n", (unsigned long long)elapsed);
    fflush(stdout);
    engine->close(store);
}

/* Commit updates of nodes all over the graph until the WAL holds DIRTY_BYTES, then die. */
static void child_dirty(const char *path, uint32_t node_count)
{
    sombra_options options;
    sombra_store *store;
    sb_pager_info info;
    sb_err err;

    sombra_options_init(&options);
    options.autocheckpoint = 0;
    options.durability = SOMBRA_DURABLE_NORMAL;
    store = bench_sombra_reopen(path, &options);
    for (uint64_t i = 0;; i++) {
        bench_sombra.commit_update(store, (uint32_t)(i * SCATTER % node_count), (int64_t)i);
        if (sb_pager_get_info(store->db->pager, &info, &err) != SB_OK)
            bench_fail("sombra: no information");
        if (info.wal_used_bytes >= DIRTY_BYTES) (void)raise(SIGKILL);
    }
}

/* The most memory that this process has held. (What wait4 says is no less than its parent held at the fork.) */
static uint64_t peak_bytes(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    unsigned long long kib = 0;

    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        if (sscanf(line, "VmHWM: %llu kB", &kib) == 1) break;
    }
    if (status == NULL || kib == 0) bench_fail("/proc does not tell the peak of memory");
    (void)fclose(status);
    return (uint64_t)kib * 1024;
}

static void child_load(const bench_engine *engine, const char *path, const char *csv)
{
    engine->load_csv(path, csv);
    printf("%llu\n", (unsigned long long)peak_bytes());
}

void bench_child(int count, char **words)
{
    if (count != 4) bench_fail("--child is for the benchmark itself");
    if (strcmp(words[0], "open") == 0)
        child_open(engine_named(words[1]), words[2], strtoll(words[3], NULL, 10));
    else if (strcmp(words[0], "dirty") == 0)
        child_dirty(words[2], (uint32_t)strtoul(words[3], NULL, 10));
    else if (strcmp(words[0], "load") == 0)
        child_load(engine_named(words[1]), words[2], words[3]);
    else
        bench_fail("--child: no task %s", words[0]);
}

/* ---- open --------------------------------------------------------------------------------------- */

void bench_run_open(const char *workload)
{
    static const char *const USUAL[] = {"b1m", "m100k", NULL};

    for (const char *const *name = bench_graphs(USUAL); *name != NULL; name++) {
        const bench_graph *graph = bench_graph_of(*name);
        size_t count;
        const bench_engine *const *engines = bench_engines(&count);
        char key[32], nodes[32];

        (void)snprintf(nodes, sizeof nodes, "%u", graph->node_count);
        (void)snprintf(key, sizeof key, "%lld", (long long)graph->key[graph->node_count / 2]);
        for (size_t e = 0; e < count; e++) {
            char *path = bench_store_take(engines[e], graph);
            bench_samples clean = {0}, dirty = {0};
            for (unsigned round = 0; round < bench_rounds(15); round++)
                bench_add(&clean, run_child("open", engines[e]->name, path, key).number / 1e3);
            bench_report(workload, graph->name, engines[e]->name, "first_lookup_us", &clean, "us",
                         BENCH_LOWER);
            bench_clear(&clean);
            if (engines[e] == &bench_sombra) {
                for (unsigned round = 0; round < bench_rounds(5); round++) {
                    if (!run_child("dirty", "sombra", path, nodes).killed)
                        bench_fail("the writer was not killed");
                    bench_add(&dirty, run_child("open", "sombra", path, key).number / 1e3);
                }
                bench_report(workload, graph->name, "sombra", "first_lookup_us_after_kill", &dirty,
                             "us", BENCH_LOWER);
                bench_clear(&dirty);
            }
            bench_remove(path);
            free(path);
        }
    }
}

/* ---- bulk_load ---------------------------------------------------------------------------------- */

static FILE *create_file(const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) bench_fail("can not make %s", path);
    return file;
}

static void close_file(FILE *file)
{
    if (fflush(file) != 0 || fsync(fileno(file)) != 0 || fclose(file) != 0)
        bench_fail("can not write a CSV file");
}

static void write_labels(FILE *file, const uint8_t *labels)
{
    for (uint32_t i = 0; i < BENCH_NODE_LABELS && labels[i] != BENCH_NO_LABEL; i++)
        fprintf(file, "%cLabel_%u", i == 0 ? ',' : ';', labels[i]);
}

/* The header cells that importers of graphs know. */
static void write_csv(const bench_graph *graph, const char *nodes, const char *edges)
{
    FILE *file = create_file(nodes);

    fprintf(file, "key:ID,name%s\n", graph->labels == NULL ? "" : ",:LABEL");
    for (uint32_t i = 0; i < graph->node_count; i++) {
        fprintf(file, "%lld,%.*s", (long long)graph->key[i], (int)graph->names[i].size,
                (const char *)graph->names[i].data);
        if (graph->labels != NULL)
            write_labels(file, graph->labels + (size_t)i * BENCH_NODE_LABELS);
        (void)fputc('\n', file);
    }
    close_file(file);
    file = create_file(edges);
    fprintf(file, ":START_ID,:END_ID,weight:int%s\n", graph->type == NULL ? "" : ",:TYPE");
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        fprintf(file, "%lld,%lld,%lld", (long long)graph->key[graph->source[i]],
                (long long)graph->key[graph->target[i]], (long long)graph->weight[i]);
        if (graph->type != NULL) fprintf(file, ",TYPE_%u", graph->type[i]);
        (void)fputc('\n', file);
    }
    close_file(file);
}

/* By its name: a type's own tree ("relationships TYPE out", or in), or one that small types share. The table is called
 * "relationships" alone. */
static bool holds_lists(const char *tree)
{
    return strncmp(tree, "relationships ", 14) == 0 || strncmp(tree, "shared lists ", 13) == 0;
}

/* What the trees with lists of relationships take, of every relationship in each direction. */
static void report_adjacency(const char *workload, const bench_graph *graph, sombra_store *store)
{
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_READ);
    sombra_info info;
    sombra_tree_info tree;
    uint64_t pages = 0, trees = 0, all = 0;
    bool more;

    bench_must(store, sombra_get_info(txn, &info));
    for (;; all++) {
        bench_must(store, sombra_tree_at(txn, all, &tree, &more));
        if (!more) break;
        if (!holds_lists(tree.name)) continue;
        pages += tree.inner_pages + tree.leaf_pages + tree.overflow_pages;
        trees++;
    }
    sombra_rollback(txn);
    if (trees == 0) bench_fail("none of %llu trees holds lists", (unsigned long long)all);
    bench_count(workload, graph->name, "sombra", "adjacency_trees", (double)trees, "trees");
    bench_figure(workload, graph->name, "sombra", "adjacency_bytes_per_relationship_and_direction",
                 (double)(pages * info.page_size) / (2.0 * graph->edge_count), 0, 0, 0, "bytes",
                 BENCH_LOWER);
}

/* Engines that load it: of a graph with many labels and types Sombra alone. */
static const bench_engine *const *loading_engines(const bench_graph *graph, size_t *count)
{
    static const bench_engine *const SOMBRA_ALONE[] = {&bench_sombra};

    if (graph->labels == NULL) return bench_engines(count);
    if (!bench_engine_wanted("sombra"))
        bench_fail("%s is loaded by sombra alone: the peers store one label and one type",
                   graph->name);
    bench_note("(%s: sombra alone, the peers store one label and one type)", graph->name);
    *count = 1;
    return SOMBRA_ALONE;
}

/* The loads of one engine. */
typedef struct loading {
    const bench_engine *engine;
    bench_samples seconds, rates, peaks;
    uint64_t bytes, total_ns;
} loading;

static void load_once(const char *workload, const bench_graph *graph, loading *into,
                      const char *csv)
{
    char *path = bench_path("loaded");
    const child_result result = run_child("load", into->engine->name, path, csv);
    uint64_t nodes, edges;
    void *store;

    into->total_ns += result.wall_ns;
    bench_add(&into->seconds, (double)result.wall_ns / 1e9);
    bench_add(&into->rates, (double)graph->edge_count / (double)result.wall_ns * 1e9);
    bench_add(&into->peaks, result.number);
    into->bytes = bench_file_bytes(path);
    store = into->engine->reopen(path);
    into->engine->count(store, &nodes, &edges);
    bench_expect("nodes loaded", nodes, graph->node_count);
    bench_expect("relationships loaded", edges, graph->edge_count);
    if (into->engine == &bench_sombra && into->seconds.count == 1)
        report_adjacency(workload, graph, store);
    into->engine->close(store);
    bench_remove(path);
    free(path);
}

static void report_loads(const char *workload, const bench_graph *graph, loading *of)
{
    const char *engine = of->engine->name;

    bench_report(workload, graph->name, engine, "seconds", &of->seconds, "s", BENCH_LOWER);
    bench_report(workload, graph->name, engine, "relationships_per_s", &of->rates, "1/s",
                 BENCH_HIGHER);
    bench_report(workload, graph->name, engine, "peak_memory_bytes", &of->peaks, "bytes",
                 BENCH_LOWER);
    bench_figure(workload, graph->name, engine, "file_bytes", (double)of->bytes, 0, 0, 0, "bytes",
                 BENCH_LOWER);
    bench_clear(&of->seconds);
    bench_clear(&of->rates);
    bench_clear(&of->peaks);
}

void bench_run_bulk_load(const char *workload)
{
    static const char *const USUAL[] = {"b1m", "m100k", NULL};

    for (const char *const *name = bench_graphs(USUAL); *name != NULL; name++) {
        const bench_graph *graph = bench_graph_of(*name);
        char *csv = bench_path("csv"), *nodes = bench_path("csv-nodes"),
             *edges = bench_path("csv-edges");
        size_t count;
        const bench_engine *const *engines = loading_engines(graph, &count);
        const unsigned rounds = bench_rounds(3);
        loading loads[4] = {0};

        for (size_t e = 0; e < count; e++)
            loads[e].engine = engines[e];
        write_csv(graph, nodes, edges);
        for (unsigned round = 0; round < rounds; round++) {
            for (size_t e = 0; e < count; e++) {
                if (loads[e].total_ns < BENCH_ENOUGH_NS) load_once(workload, graph, &loads[e], csv);
            }
        }
        for (size_t e = 0; e < count; e++)
            report_loads(workload, graph, &loads[e]);
        bench_remove(nodes);
        bench_remove(edges);
        free(csv);
        free(nodes);
        free(edges);
    }
}

/* ---- CSV for engines without an import ------------------------------------------------------------ */

static int64_t take_number(const char **at)
{
    int64_t value = 0;
    while (**at >= '0' && **at <= '9')
        value = 10 * value + (*(*at)++ - '0');
    (*at)++; /* comma or end of line */
    return value;
}

/* The whole file, with a zero behind it; owned. */
static char *read_file(const char *csv, const char *suffix)
{
    char name[512];
    FILE *file;
    uint64_t bytes;
    char *text;

    (void)snprintf(name, sizeof name, "%s%s", csv, suffix);
    bytes = bench_file_bytes(name);
    text = bench_alloc(bytes + 1, 1);
    if ((file = fopen(name, "r")) == NULL || fread(text, 1, bytes, file) != bytes)
        bench_fail("can not read %s", name);
    (void)fclose(file);
    return text;
}

static uint32_t count_lines(const char *text)
{
    uint32_t lines = 0;
    for (; (text = strchr(text, '\n')) != NULL; text++)
        lines++;
    return lines;
}

/* Keys are in a row, so a key is a node's number. */
bench_graph *bench_graph_from_csv(const char *csv)
{
    bench_graph *graph = bench_alloc(1, sizeof *graph);
    char *nodes = read_file(csv, "-nodes"), *edges = read_file(csv, "-edges");
    const char *at = strchr(nodes, '\n') + 1;

    graph->name = "csv";
    graph->node_count = count_lines(nodes) - 1;
    graph->edge_count = count_lines(edges) - 1;
    graph->key = bench_alloc(graph->node_count, sizeof *graph->key);
    graph->names = bench_alloc(graph->node_count, sizeof *graph->names);
    graph->source = bench_alloc(graph->edge_count, sizeof *graph->source);
    graph->target = bench_alloc(graph->edge_count, sizeof *graph->target);
    graph->weight = bench_alloc(graph->edge_count, sizeof *graph->weight);
    for (uint32_t i = 0; i < graph->node_count; i++) {
        graph->key[i] = take_number(&at);
        graph->names[i] = (bench_text){.data = at, .size = BENCH_NAME_BYTES};
        at += BENCH_NAME_BYTES + 1;
    }
    graph->name_bytes = nodes;
    at = strchr(edges, '\n') + 1;
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        graph->source[i] = (uint32_t)(take_number(&at) - graph->key[0]);
        graph->target[i] = (uint32_t)(take_number(&at) - graph->key[0]);
        graph->weight[i] = take_number(&at);
    }
    free(edges);
    return graph;
}
