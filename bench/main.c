/* main.c — sombra-bench: the options, the workloads, and the directory that they work in. */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define TMPFS_KIND                                                                                 \
    0x01021994 /* statfs f_type of a file system in memory: syncs cost nothing there */

#define THREADS_MAX 1024u /* each has its part of the raw file's log, and a connection */

bench_options bench = {.threads = 1, .scale = 1, .seed = 20261122};

static const bench_workload WORKLOADS[] = {
    {"bulk_edge_creation", "nodes and relationships in one durable transaction",
     bench_run_bulk_edges, false, false},
    {"exists_cache", "look-ups of endpoints, by capacity of the node-existence cache",
     bench_run_exists_cache, false, false},
    {"put_many_allocations", "heap allocations for each 1,000 items put", bench_run_put_many, false,
     false},
    {"profiling_overhead", "one load with profiling off and on", bench_run_profiling, false, false},
    {"seed_ablation", "parts of the write path switched off", bench_run_ablation, false, false},
    {"lookup_id", "two properties of a node by its id", bench_run_reads, false, false},
    {"lookup_key", "two properties of a node by a unique indexed one", bench_run_reads, false,
     false},
    {"lookup_autocommit", "lookup_id, each in a snapshot of its own", bench_run_reads, false,
     false},
    {"neighbors", "the neighbors of random nodes", bench_run_reads, false, false},
    {"two_hop_distinct", "distinct nodes two steps away", bench_run_reads, false, false},
    {"three_hop_count", "walks of three steps, ends enumerated, or by list lengths",
     bench_run_reads, false, false},
    {"bfs", "breadth first over everything that is reached", bench_run_reads, false, false},
    {"scan_filter", "one property filtered by scanning", bench_run_reads, false, false},
    {"scan_filter_wide", "the same over 10 M random values of 64 bits", bench_run_wide_scan, false,
     false},
    {"commit_each", "one node per durable commit", bench_run_commit_each, false, false},
    {"mixed", "four reads of neighbors, one update in its own commit", bench_run_mixed, false,
     false},
    {"bulk_load", "CSV files into a new, synced file", bench_run_bulk_load, true, false},
    {"small_sets", "bytes of 10,000 types with one relationship each, of 1,000 label sets",
     bench_run_small_sets, true, false},
    {"query", "statements of bench/queries, prepared, results read to the end", bench_run_query,
     false, true},
    {"edge_insert", "one relationship per durable commit into a large graph", bench_run_edge_insert,
     false, false},
    {"bulk_into_full", "80,000 scattered relationships into a large graph",
     bench_run_bulk_into_full, false, false},
    /* The last one of those that share loaded stores: it takes them. */
    {"open", "a fresh process opens and answers one look-up", bench_run_open, false, false},
};
#define WORKLOAD_COUNT (sizeof WORKLOADS / sizeof *WORKLOADS)

/* ---- What workloads use ------------------------------------------------------------------------- */

static char *directory; /* ours, removed at the end */

static void remove_directory(void)
{
    DIR *open;
    struct dirent *entry;

    if (directory == NULL || (open = opendir(directory)) == NULL) return;
    while ((entry = readdir(open)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char *path = bench_path(entry->d_name);
        (void)unlink(path);
        free(path);
    }
    (void)closedir(open);
    (void)rmdir(directory);
    free(directory);
    directory = NULL;
}

void bench_fail(const char *format, ...)
{
    va_list list;

    fprintf(stderr, "sombra-bench: ");
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fprintf(stderr, "\n");
    remove_directory();
    exit(1);
}

void bench_expect(const char *what, uint64_t got, uint64_t wanted)
{
    if (got != wanted)
        bench_fail("%s: %llu where %llu was expected", what, (unsigned long long)got,
                   (unsigned long long)wanted);
}

void *bench_alloc(size_t count, size_t size)
{
    void *block = calloc(count == 0 ? 1 : count, size);
    if (block == NULL) bench_fail("out of memory");
    return block;
}

uint64_t bench_now_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

unsigned bench_rounds(unsigned usual)
{
    return bench.rounds != 0 ? bench.rounds : usual;
}

char *bench_path(const char *name)
{
    const size_t size = strlen(directory) + strlen(name) + 2;
    char *path = bench_alloc(size, 1);
    (void)snprintf(path, size, "%s/%s", directory, name);
    return path;
}

void bench_remove(const char *path)
{
    static const char *const SUFFIXES[] = {"", "-wal", "-shm", "-lock", "-journal"};
    char *name = bench_alloc(strlen(path) + 16, 1);

    for (size_t i = 0; i < sizeof SUFFIXES / sizeof *SUFFIXES; i++) {
        (void)sprintf(name, "%s%s", path, SUFFIXES[i]);
        (void)unlink(name);
    }
    free(name);
}

uint64_t bench_file_bytes(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

bool bench_listed(const char *list, const char *name)
{
    const size_t size = strlen(name);

    if (list == NULL) return true;
    for (const char *at = list; (at = strstr(at, name)) != NULL; at += size) {
        if ((at == list || at[-1] == ',') && (at[size] == '\0' || at[size] == ',')) return true;
    }
    return false;
}

bool bench_engine_wanted(const char *name)
{
    return bench_listed(bench.engines, name);
}

const bench_engine *const *bench_engines(size_t *count)
{
    static const bench_engine *const ALL[] = {
        &bench_sombra,
#ifdef HAVE_SQLITE3
        &bench_sqlite,
#endif
#ifdef HAVE_LMDB
        &bench_lmdb,
#endif
        &bench_raw,
    };
    static const bench_engine *wanted[sizeof ALL / sizeof *ALL];

    *count = 0;
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++) {
        if (bench_engine_wanted(ALL[i]->name)) wanted[(*count)++] = ALL[i];
    }
    return wanted;
}

/* ---- The command line --------------------------------------------------------------------------- */

static const char USAGE[] =
    "sombra-bench [--list] [WORKLOAD …] [options]: workloads on Sombra and its peers in one run\n"
    "  --list            name the workloads\n"
    "  --graph NAME,…    s1k, s5k, s20k, m100k, b1m (default: the workload's own);\n"
    "                    w10k, w1m: 200 labels, 500 types; bulk_load into Sombra only\n"
    "                    social: persons, forums, messages and tags; query only\n"
    "  --engine NAME,…   sombra, sqlite, lmdb, raw (default: all)\n"
    "  --row NAME,…      of query: these alone, not all of them\n"
    "  --csv DIR         of query: write the social graph into DIR, for bench/peers.py\n"
    "  --threads N       committing threads, and of each statement (default 1)\n"
    "  --scale N         graphs N times as large (default 1)\n"
    "  --rounds N        rounds for each figure (default: the workload's own); an engine gets no "
    "more\n"
    "                    of them once they have taken 10 s\n"
    "  --limit N         stop a statement of SQLite's after N seconds (default: never)\n"
    "  --seed N          of graphs and orders\n"
    "  --dir PATH        make the databases in a new directory below PATH, on a real disk\n"
    "  --json            one JSON line for each figure, the last one a summary of ratios\n"
    "  --once off|on     one load in memory with profiling off or on, for "
    "tools/profiling-overhead\n";

static void list_workloads(void)
{
    for (size_t i = 0; i < WORKLOAD_COUNT; i++)
        printf("%-22s %s\n", WORKLOADS[i].name, WORKLOADS[i].text);
}

static bool is_workload(const char *name)
{
    for (size_t i = 0; i < WORKLOAD_COUNT; i++) {
        if (strcmp(WORKLOADS[i].name, name) == 0) return true;
    }
    return false;
}

static void take_graphs(char *names)
{
    for (char *name = strtok(names, ","); name != NULL; name = strtok(NULL, ",")) {
        if (!bench_graph_known(name)) bench_fail("there is no graph %s", name);
        for (size_t i = 0; i < bench.graph_count; i++) {
            if (strcmp(bench.graphs[i], name) == 0) bench_fail("%s is named twice", name);
        }
        if (bench.graph_count + 1 >= sizeof bench.graphs / sizeof *bench.graphs)
            bench_fail("too many graphs");
        bench.graphs[bench.graph_count++] = name;
    }
}

static void check_engines(void)
{
    static const char *const NAMES[] = {"sombra", "sqlite", "lmdb", "raw"};
    char *names = strdup(bench.engines == NULL ? "" : bench.engines);

    if (names == NULL) bench_fail("out of memory");
    for (char *name = strtok(names, ","); name != NULL; name = strtok(NULL, ",")) {
        bool known = false;
        for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
            known = known || strcmp(NAMES[i], name) == 0;
        if (!known) bench_fail("there is no engine %s", name);
    }
    free(names);
}

static uint64_t number(const char *option, const char *text, uint64_t most)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value == 0 || value > most)
        bench_fail("%s needs a number from 1 to %llu, not '%s'", option, (unsigned long long)most,
                   text);
    return value;
}

/* A list that names nothing would be none at all, or everything. */
static void check_list(const char *option, const char *list)
{
    if (list[strspn(list, ",")] == '\0') bench_fail("%s names nothing", option);
}

/* True when the option takes a value, which is then taken. */
static bool take_valued(const char *option, char *value)
{
    if (strcmp(option, "--graph") == 0 || strcmp(option, "--engine") == 0 ||
        strcmp(option, "--row") == 0)
        check_list(option, value);
    if (strcmp(option, "--graph") == 0)
        take_graphs(value);
    else if (strcmp(option, "--engine") == 0)
        bench.engines = value;
    else if (strcmp(option, "--threads") == 0)
        bench.threads = (unsigned)number(option, value, THREADS_MAX);
    else if (strcmp(option, "--scale") == 0)
        bench.scale = (unsigned)number(option, value, UINT32_MAX);
    else if (strcmp(option, "--rounds") == 0)
        bench.rounds = (unsigned)number(option, value, UINT32_MAX);
    else if (strcmp(option, "--limit") == 0)
        bench.limit = (unsigned)number(option, value, UINT32_MAX);
    else if (strcmp(option, "--seed") == 0)
        bench.seed = number(option, value, UINT64_MAX);
    else if (strcmp(option, "--dir") == 0)
        bench.dir = value;
    else if (strcmp(option, "--row") == 0)
        bench.rows = value;
    else if (strcmp(option, "--csv") == 0)
        bench.csv = value;
    else if (strcmp(option, "--once") == 0)
        bench.once = value;
    else
        return false;
    return true;
}

/* Workloads named on the line are moved to the front of arguments; returns how many. */
static size_t take_arguments(int count, char **arguments)
{
    size_t named = 0;

    for (int i = 1; i < count; i++) {
        char *argument = arguments[i];
        if (strcmp(argument, "--help") == 0) {
            fputs(USAGE, stdout);
            exit(0);
        } else if (strcmp(argument, "--list") == 0) {
            list_workloads();
            exit(0);
        } else if (strcmp(argument, "--json") == 0) {
            bench.json = true;
        } else if (argument[0] != '-') {
            if (!is_workload(argument))
                bench_fail("there is no workload %s; --list names them", argument);
            arguments[named++] = argument;
        } else if (i + 1 >= count || !take_valued(argument, arguments[i + 1])) {
            fprintf(stderr, "sombra-bench: %s: unknown, or without its value\n%s", argument, USAGE);
            exit(2);
        } else {
            i++;
        }
    }
    check_engines();
    return named;
}

/* Before anything runs: no run ends in the middle because of a graph. */
static void check_graphs(const bench_workload *workload)
{
    for (size_t i = 0; i < bench.graph_count; i++) {
        if (bench_graph_wide(bench.graphs[i]) && !workload->wide)
            bench_fail("%s does not take %s, which has many labels and types; bulk_load does",
                       workload->name, bench.graphs[i]);
        if (bench_graph_social(bench.graphs[i]) && !workload->social)
            bench_fail("%s does not take the social graph; query does", workload->name);
    }
}

/* Options that a run would not look at are mistakes. */
static void check_query_options(bool query)
{
    bool social = bench.graph_count == 0;

    for (size_t i = 0; i < bench.graph_count; i++)
        social = social || bench_graph_social(bench.graphs[i]);
    if (!query && bench.rows != NULL) bench_fail("--row is query's, which is not to run");
    if (bench.csv != NULL && (!query || !social))
        bench_fail("--csv is for query on the social graph, which is not to run");
}

static bool is_wanted(const bench_workload *workload, char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], workload->name) == 0) return true;
    }
    return count == 0;
}

/* False: it printed no figure, and said so. */
static bool run_one(const bench_workload *workload)
{
    const uint64_t started = bench_now_ns();
    const size_t before = bench_figures();

    workload->run(workload->name);
    bench_elapsed(workload->name, bench_now_ns() - started);
    if (bench_figures() != before) return true;
    fprintf(stderr,
            "sombra-bench: no figure of %s: %s has no form of it, none for these graphs, or was "
            "stopped\n",
            workload->name, bench.engines == NULL ? "this program" : bench.engines);
    return false;
}

static void make_directory(void)
{
    const char *parent = bench.dir;
    struct stat info;
    struct statfs system;
    size_t size;

    if (parent == NULL && stat("build", &info) == 0 && S_ISDIR(info.st_mode)) parent = "build";
    if (parent == NULL) parent = getenv("TMPDIR");
    if (parent == NULL) parent = ".";
    if (statfs(parent, &system) == 0 && system.f_type == TMPFS_KIND)
        fprintf(stderr, "sombra-bench: %s is in memory: syncs cost nothing there\n", parent);
    size = strlen(parent) + sizeof "/sombra-bench-XXXXXX";
    directory = bench_alloc(size, 1);
    (void)snprintf(directory, size, "%s/sombra-bench-XXXXXX", parent);
    if (mkdtemp(directory) == NULL) {
        fprintf(stderr, "sombra-bench: can not make %s: %s\n", directory, strerror(errno));
        exit(1);
    }
}

int main(int count, char **arguments)
{
    size_t named;
    bool right = true, query = false;

    if (count > 2 && strcmp(arguments[1], "--child") == 0) {
        bench_child(count - 2, arguments + 2);
        return 0;
    }
    named = take_arguments(count, arguments);
    if (bench.once != NULL) {
        if (strcmp(bench.once, "on") != 0 && strcmp(bench.once, "off") != 0)
            bench_fail("--once is off or on, not '%s'", bench.once);
        bench_run_once(strcmp(bench.once, "on") == 0);
        return 0;
    }
    for (size_t i = 0; i < WORKLOAD_COUNT; i++) {
        if (!is_wanted(&WORKLOADS[i], arguments, named)) continue;
        check_graphs(&WORKLOADS[i]);
        query = query || WORKLOADS[i].run == bench_run_query;
    }
    check_query_options(query);
    make_directory();
    for (size_t i = 0; i < WORKLOAD_COUNT; i++) {
        if (!is_wanted(&WORKLOADS[i], arguments, named)) continue;
        /* Of all workloads an engine may lack some; of those named on the line it may not. */
        if (!run_one(&WORKLOADS[i]) && named != 0) right = false;
    }
    if (bench_figures() == 0) right = false;
    bench_stores_close();
    bench_summary();
    remove_directory();
    return right ? 0 : 1;
}
