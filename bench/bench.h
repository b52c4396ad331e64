/* bench.h — what the files of the benchmark share: options, figures, graphs, engines.
 * A benchmark stops the process at the first thing that goes wrong: its figures would mean nothing. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* ---- Options and time --------------------------------------------------------------------------- */

typedef struct bench_options {
    const char *graphs[8]; /* of --graph; none: each workload's own choice */
    size_t graph_count;
    const char *engines; /* comma-separated; NULL: all */
    const char *dir;     /* where the databases lie; a directory of our own, removed at the end */
    const char *rows;    /* comma-separated, of query; NULL: all */
    const char *csv;     /* query writes the social graph there, too; NULL: nowhere */
    const char *once;    /* "off" or "on": one profiled load and nothing else, for callgrind */
    unsigned threads;    /* of commit_each, and of Sombra's statements */
    unsigned scale;      /* multiplies the sizes of the graphs */
    unsigned rounds;     /* 0: each workload's own number */
    unsigned limit;      /* seconds after which a statement of SQLite's is stopped; 0: never */
    uint64_t seed;
    bool json;
} bench_options;
extern bench_options bench;

uint64_t bench_now_ns(void);
void bench_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Fails unless the two are equal: engines must agree on what they computed. */
void bench_expect(const char *what, uint64_t got, uint64_t wanted);
void *bench_alloc(size_t count, size_t size);
/* Is name one of a comma-separated list? NULL: of everything. */
bool bench_listed(const char *list, const char *name);
bool bench_engine_wanted(const char *name);
/* Rounds to run: --rounds, else usual. */
unsigned bench_rounds(unsigned usual);
/* An engine whose rounds of one figure took this long together gets no more of them: a slow peer has one round, not five. */
#define BENCH_ENOUGH_NS 10000000000u
/* Path of a file in the benchmark's directory; owned by the caller. */
char *bench_path(const char *name);
/* Remove a database: the file, and what lies beside it under its name and a suffix. */
void bench_remove(const char *path);
uint64_t bench_file_bytes(const char *path);

/* ---- Samples ------------------------------------------------------------------------------------ */

/* Values of one figure, one from each round. Zeroed: empty. */
typedef struct bench_samples {
    double *values;
    size_t count, capacity;
} bench_samples;
void bench_add(bench_samples *samples, double value);
/* Value below which share (0…1) of the samples lie; sorts them. */
double bench_quantile(bench_samples *samples, double share);
double bench_median(bench_samples *samples);
void bench_clear(bench_samples *samples);

/* ---- Figures ------------------------------------------------------------------------------------ */

typedef enum bench_better { BENCH_HIGHER, BENCH_LOWER, BENCH_COUNT } bench_better;
/* Print one figure, as JSON when its workload has ended, and keep it for the summary. Strings are copied. low and high: the quartiles of the
 * rounds; rounds 0: a count, exact. */
void bench_figure(const char *workload, const char *graph, const char *engine, const char *metric,
                  double value, double low, double high, unsigned rounds, const char *unit,
                  bench_better better);
/* The same from samples. */
void bench_report(const char *workload, const char *graph, const char *engine, const char *metric,
                  bench_samples *samples, const char *unit, bench_better better);
void bench_count(const char *workload, const char *graph, const char *engine, const char *metric,
                 double value, const char *unit);
/* Begins the names of metrics of several threads: "threads_2_…". */
#define BENCH_THREADS "threads_"
/* No figure: the engine was stopped after that many seconds. */
void bench_stopped(const char *workload, const char *graph, const char *engine, const char *metric,
                   unsigned seconds);
/* How long a workload took, loading what it needs included. */
void bench_elapsed(const char *workload, uint64_t ns);
/* A ratio of our own for the summary, beside those between Sombra and each peer. */
void bench_ratio(const char *workload, const char *graph, const char *name, double value);
/* A line for people; not in JSON output. */
void bench_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* How many figures there are so far. */
size_t bench_figures(void);
/* The last line: ratios, above 1 where Sombra is ahead. Frees the figures. */
void bench_summary(void);

/* ---- Graphs ------------------------------------------------------------------------------------- */

typedef struct sombra_text bench_text;
#define BENCH_NAME_BYTES  12u
#define BENCH_NODE_LABELS 4u    /* at most */
#define BENCH_NO_LABEL    0xffu /* behind the last one of a node with fewer */

/* What the graph named social has besides: bench/social.h. */
typedef struct bench_social bench_social;

/* Nodes 0 … node_count - 1 with a unique key and a name; relationships with a weight below 256. */
typedef struct bench_graph {
    const char *name;
    uint32_t node_count, edge_count, type_count;
    uint32_t *source, *target; /* by relationship */
    uint16_t *type;            /* by relationship; NULL: all of one type */
    uint8_t *labels;           /* BENCH_NODE_LABELS by node; NULL: all under one label */
    int64_t *weight;
    int64_t *key; /* by node; ascending */
    bench_text *names;
    char *name_bytes;
    bench_social *
        social; /* NULL but for that graph, of which key is the property id, and weight the property day */
} bench_graph;

/* s1k, s5k, s20k, m100k, b1m: R-MAT degrees, ids permuted, seeded; w10k, w1m: the same with many labels and types.
 * Owned by the caller. */
bench_graph *bench_graph_make(const char *name);
void bench_graph_free(bench_graph *graph);
/* The nodes of a graph with their keys in random order, without relationships. Owned by the caller. */
bench_graph *bench_graph_shuffled(const bench_graph *graph, const char *name);
/* The social graph into an empty one; what it has besides, freed (accepts NULL). */
void bench_social_make(bench_graph *graph);
void bench_social_free(bench_social *social);
bool bench_graph_social(const char *name);
/* The graph in files that bulk_load wrote, for engines that read no CSV. */
bench_graph *bench_graph_from_csv(const char *csv);
bool bench_graph_known(const char *name);
/* Whether it has many labels and types, which most workloads and the peers do not take. */
bool bench_graph_wide(const char *name);
/* Nodes and relationships of a graph at the scale of this run; 0: there is no such graph. */
uint64_t bench_graph_elements(const char *name);
/* The graphs of a workload: those of --graph, else of the list; the list ends with NULL. */
const char *const *bench_graphs(const char *const *usual);

/* ---- Engines ------------------------------------------------------------------------------------ */

typedef enum bench_sync { BENCH_FULL, BENCH_NORMAL, BENCH_OFF } bench_sync;

/* A statement, run for each of its sets of parameters. */
typedef struct bench_query {
    const char *name, *text;   /* text: in the engine's language */
    const char *const *params; /* their names, in the order of values; SQL numbers them from 1 */
    size_t param_count, runs;
    const int64_t *values; /* param_count for each run */
    bool prepare_each;     /* from its text in each run */
    bool
        as_list; /* all runs are one transaction: the one parameter is the list of their values, where there are lists */
} bench_query;

#define BENCH_STOPPED UINT64_MAX /* the sum of what did not end within the limit */

/* What a row adds to the sum of a query: its columns weighed by their place. Text counts by its size and first byte. */
SB_INLINE uint64_t bench_row_add(uint64_t sum, size_t column, uint64_t value)
{
    return sum + (column + 1) * value;
}

/* One store with the data of a bench_graph. Functions are NULL where an engine lacks them. Each loops over
 * its arguments itself, so that no call through the table is timed for each of them. */
typedef struct bench_engine {
    const char *name;
    /* An empty store with its schema: unique index on the key, relationships indexed both ways. */
    void *(*open)(const char *path, bench_sync sync);
    void (*close)(void *store);
    /* Make room for the caller's own arrays of a load, outside of what is timed; may be NULL. */
    void (*prepare)(void *store, const bench_graph *graph);
    /* The whole graph as one durable transaction. */
    void (*load)(void *store, const bench_graph *graph);
    void (*load_builder)(void *store, const bench_graph *graph);
    /* A database that is there. */
    void *(*reopen)(const char *path);
    /* A new database from the files csv-nodes and csv-edges, synced and closed. */
    void (*load_csv)(const char *path, const char *csv);
    /* Nodes and relationships there are, counted from the tables. */
    void (*count)(void *store, uint64_t *nodes, uint64_t *edges);
    /* Relationships between nodes that are there, one transaction. */
    void (*insert_edges)(void *store, const uint32_t *source, const uint32_t *target,
                         const int64_t *weight, size_t count);
    /* One node in a transaction of its own. */
    void (*commit_node)(void *store, int64_t key, bench_text name);
    /* Further use of a store by a thread of its own: number index of count, taken where commit_node takes a store. */
    void *(*connect)(void *store, unsigned index, unsigned count);
    void (*disconnect)(void *connection);
    /* New value for the weight-like property of a node, in a transaction of its own. */
    void (*commit_update)(void *store, uint32_t node, int64_t value);
    void (*read_begin)(void *store);
    void (*read_end)(void *store);
    bool
        reads_alone; /* a read outside of a transaction is one of its own, for less than with the two calls */
    /* Sums of what was read; batch: through the engine's call for many, where it has one. */
    uint64_t (*lookup_id)(void *store, const uint32_t *nodes, size_t count, bool batch);
    uint64_t (*lookup_key)(void *store, const int64_t *keys, size_t count, bool batch);
    uint64_t (*lookup_autocommit)(void *store, const uint32_t *nodes, size_t count);
    uint64_t (*neighbors)(void *store, const uint32_t *nodes, size_t count, bool batch);
    /* The same from where lists lie, without a copy. */
    uint64_t (*neighbors_in_place)(void *store, const uint32_t *nodes, size_t count, bool batch);
    uint64_t (*two_hop)(void *store, const uint32_t *nodes, size_t count);
    /* The same, and ends of three steps, with lists asked for before they are read, as Sombra does in any case. */
    uint64_t (*two_hop_ahead)(void *store, const uint32_t *nodes, size_t count);
    uint64_t (*three_hop_ahead)(void *store, const uint32_t *nodes, size_t count);
    /* Ends of walks of three steps; BENCH_STOPPED where the limit passed. */
    uint64_t (*three_hop)(void *store, const uint32_t *nodes, size_t count, bool by_lengths);
    /* Nodes reached; *edges: relationships seen. */
    uint64_t (*bfs)(void *store, uint32_t start, uint64_t *edges);
    /* The same by the algorithm that Sombra has for whole graphs: frontiers as bitmaps, walked in order of nodes. */
    uint64_t (*bfs_in_order)(void *store, uint32_t start, uint64_t *edges);
    /* Relationships whose weight, nodes whose key, lies in [low, high]; by scanning. */
    uint64_t (*scan)(void *store, bool nodes, int64_t low, int64_t high);
    /* Run a query, its results read to the end: the sum of bench_row_add over all rows, or BENCH_STOPPED. */
    uint64_t (*query)(void *store, const bench_query *query);
    /* Most bytes of memory that the database has had since this was last called, above what it had then. */
    uint64_t (*memory_peak)(void *store);
    bool batches; /* the calls with batch true differ */
} bench_engine;

extern const bench_engine bench_sombra, bench_sqlite, bench_lmdb, bench_raw;
/* Engines to run, in order: sombra, sqlite, lmdb, raw; *count of them. */
const bench_engine *const *bench_engines(size_t *count);

/* A graph, and a store of an engine with it, that workloads share: borrowed until bench_stores_close. Reads only. */
const bench_graph *bench_graph_of(const char *name);
const bench_graph *bench_shuffled_of(const bench_graph *graph);
void *bench_store_of(const bench_engine *engine, const bench_graph *graph);
/* The file of such a store, closed and no longer shared; the caller removes it and owns the path. */
char *bench_store_take(const bench_engine *engine, const bench_graph *graph);
void bench_stores_close(void);

/* ---- Workloads ---------------------------------------------------------------------------------- */

typedef struct bench_workload {
    const char *name, *text;
    void (*run)(const char *name);
    bool wide;   /* takes graphs with many labels and types */
    bool social; /* takes the social graph */
} bench_workload;

void bench_run_bulk_edges(const char *name);
void bench_run_exists_cache(const char *name);
void bench_run_put_many(const char *name);
void bench_run_profiling(const char *name);
void bench_run_ablation(const char *name);
void bench_run_reads(const char *name);
void bench_run_wide_scan(const char *name);
void bench_run_commit_each(const char *name);
void bench_run_edge_insert(const char *name);
void bench_run_bulk_into_full(const char *name);
void bench_run_mixed(const char *name);
void bench_run_open(const char *name);
void bench_run_bulk_load(const char *name);
void bench_run_small_sets(const char *name);
void bench_run_query(const char *name);
/* What a process that run_child started does: words are task, engine, path and one more. */
void bench_child(int count, char **words);
/* One load in memory with profiling off or on: what callgrind counts. */
void bench_run_once(bool on);

#endif
