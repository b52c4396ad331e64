/* query.c — the statements of bench/queries on Sombra, on SQLite, as native calls and as loops over raw arrays; all must give the
 * same rows. Beside the time stands the most memory that Sombra's database took meanwhile. A statement's file begins with the
 * parameters: lines of "// $name: where values come from". */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "raw_store.h"
#include "social.h"
#include "sombra_store.h"

#define PARAMS_MAX  4u
#define ENGINES_MAX 4u

static const char *const USUAL[] = {"m100k", "b1m", "social", NULL};

typedef enum row_kind { READ, COMMIT, BULK } row_kind;

typedef struct query_row {
    const char *name, *file; /* of bench/queries, without its suffix */
    const char *metric;
    const char *unit;
    size_t runs; /* in a round; of reads at most the number of nodes */
    unsigned rounds;
    uint32_t most_nodes; /* left out on larger graphs; 0: on none */
    row_kind kind;
    bool prepare_each;
    bool social; /* of the social graph alone; others are of the others */
} query_row;

#define READS(name, runs, rounds)                                                                  \
    {                                                                                              \
#name, #name, "queries_per_s", "1/s", runs, rounds, 0, READ, false, false                  \
    }
#define ONCE(name, rounds, most)                                                                   \
    {                                                                                              \
#name, #name, "ms", "ms", 1, rounds, most, READ, false, false                              \
    }
#define COUNTS(number)                                                                             \
    {                                                                                              \
        "lsqb_" #number, "social/lsqb_" #number, "ms", "ms", 1, 5, 0, READ, true, true             \
    }
#define SOCIAL(name, runs)                                                                         \
    {                                                                                              \
#name, "social/" #name, "queries_per_s", "1/s", runs, 3, 0, READ, false, true              \
    }
#define COMMITS(name)                                                                              \
    {                                                                                              \
#name, #name, "commits_per_s", "1/s", 50, 9, 0, COMMIT, false, false                       \
    }

static const query_row ROWS[] = {
    READS(point_lookup, 200000, 5),
    {"point_lookup_text", "point_lookup", "queries_per_s", "1/s", 200000, 5, 0, READ, true, false},
    READS(one_hop, 100000, 5),
    READS(two_hop_distinct, 500, 5),
    READS(three_hop_count, 20, 3),
    ONCE(reachable_distinct, 3, 0),
    READS(shortest_path, 200, 5),
    ONCE(triangles, 3, 100000),
    ONCE(top_out_degree, 5, 0),
    ONCE(rel_filter_count, 7, 0),
    ONCE(two_hop_filtered_count, 5, 0),
    ONCE(two_hop_filtered_grouped, 5, 0),
    COUNTS(1),
    COUNTS(2),
    COUNTS(3),
    COUNTS(4),
    COUNTS(5),
    COUNTS(6),
    COUNTS(7),
    COUNTS(8),
    COUNTS(9),
    SOCIAL(profile, 20000),
    SOCIAL(friends, 2000),
    SOCIAL(own_messages, 1000),
    SOCIAL(friends_messages, 50),
    SOCIAL(friends_of_friends, 100),
    SOCIAL(friends_tags, 50),
    SOCIAL(friends_forums, 100),
    SOCIAL(tags_beside, 1000),
    SOCIAL(replies, 500),
    SOCIAL(experts, 50),
    SOCIAL(acquaintance, 1000),
    SOCIAL(countries, 5),
    COMMITS(create_commit),
    COMMITS(merge_commit),
    COMMITS(set_commit),
    {"unwind_merge", "unwind_merge", "rows_per_s", "1/s", 100000, 3, 0, BULK, false, false},
};
#define ROW_COUNT (sizeof ROWS / sizeof *ROWS)

/* ---- Files -------------------------------------------------------------------------------------- */

/* NULL: there is none. */
static char *read_text(const char *name, const char *suffix)
{
    char path[4096], *text;
    FILE *file;
    size_t size;

    (void)snprintf(path, sizeof path, "%s/%s%s", BENCH_QUERIES, name, suffix);
    file = fopen(path, "rb");
    if (file == NULL && errno == ENOENT) return NULL;
    if (file == NULL) bench_fail("can not open %s", path);
    text = bench_alloc(sizeof path, 1);
    size = fread(text, 1, sizeof path - 1, file);
    if (ferror(file) || size == sizeof path - 1) bench_fail("can not read %s whole", path);
    (void)fclose(file);
    return text;
}

/* Texts of a row in both languages, and its parameters: name and source, within cypher. */
typedef struct query_file {
    char *cypher, *sql;
    char *head; /* lines of parameters, cut up */
    const char *names[PARAMS_MAX], *sources[PARAMS_MAX];
    size_t param_count;
} query_file;

/* Take a line "// $name: source" from the head. */
static void take_param(query_file *file, const char *name, char *line)
{
    char *colon = strstr(line, ": ");

    if (strncmp(line, "// $", 4) != 0 || colon == NULL || file->param_count == PARAMS_MAX)
        bench_fail("%s.cypher: '%s' is no parameter", name, line);
    *colon = '\0';
    file->names[file->param_count] = line + 4;
    file->sources[file->param_count++] = colon + 2;
}

static void open_query(query_file *file, const char *name)
{
    char *line;

    *file = (query_file){.head = read_text(name, ".cypher"), .sql = read_text(name, ".sql")};
    if (file->head == NULL) bench_fail("%s/%s.cypher is not there", BENCH_QUERIES, name);
    for (line = file->head; strncmp(line, "//", 2) == 0;) {
        char *end = strchr(line, '\n');
        if (end == NULL) bench_fail("%s.cypher: there is no statement", name);
        *end = '\0';
        take_param(file, name, line);
        line = end + 1;
    }
    file->cypher = line;
}

static void close_query(query_file *file)
{
    free(file->head);
    free(file->sql);
}

/* ---- Parameters --------------------------------------------------------------------------------- */

/* A label of the social graph: the id of one of its nodes. 0: it has none such. */
static int64_t id_with_label(const char *label, const bench_graph *graph, sb_random *random)
{
    for (int k = 0; graph->social != NULL && k < SOCIAL_KINDS; k++) {
        const social_nodes *kind = &graph->social->kinds[k];
        if (strcmp(kind->label, label) == 0)
            return graph->key[kind->first + (uint32_t)sb_random_below(random, kind->count)];
    }
    return 0;
}

/* random: key of a random node; other: of another one than the parameter before; start: of a node with relationships; node N: of
 * that one, or the last; new: no node's yet, and never given twice; pairs: new keys in random order, each of them twice; or a number. */
static int64_t value_of(const char *source, const bench_graph *graph, sb_random *random,
                        int64_t before, int64_t *next)
{
    const int64_t first = graph->key[0];
    const uint32_t count = graph->node_count;
    char *end;
    long long number;

    if ((number = id_with_label(source, graph, random)) != 0) return number;
    if (strcmp(source, "random") == 0) return first + (int64_t)sb_random_below(random, count);
    if (strcmp(source, "other") == 0)
        return first +
               (before - first + 1 + (int64_t)sb_random_below(random, count - 1)) % (int64_t)count;
    if (strcmp(source, "start") == 0) return graph->key[graph->source[0]];
    if (strcmp(source, "new") == 0) return (*next)++;
    if (strncmp(source, "node ", 5) == 0) {
        number = strtoll(source + 5, &end, 10);
        if (*end == '\0' && number >= 0)
            return graph->key[number < count ? number : (long long)count - 1];
    }
    number = strtoll(source, &end, 10);
    if (*end != '\0' || end == source) bench_fail("'%s' gives no value", source);
    return number;
}

static void make_pairs(int64_t *values, size_t count, sb_random *random, int64_t *next)
{
    for (size_t i = 0; i < count; i++) {
        const size_t j = (size_t)sb_random_below(random, i + 1);
        values[i] = values[j];
        values[j] = *next + (int64_t)(i / 2);
    }
    *next += (int64_t)(count / 2 + 1);
}

/* Values of all runs; the same for each engine. Owned by the caller. */
static int64_t *make_values(const query_file *file, const bench_graph *graph, size_t runs,
                            sb_random *random, int64_t *next)
{
    const size_t count = file->param_count;
    int64_t *values = bench_alloc(runs * count, sizeof *values);

    if (count == 1 && strcmp(file->sources[0], "pairs") == 0) {
        make_pairs(values, runs, random, next);
        return values;
    }
    for (size_t i = 0; i < runs * count; i++)
        values[i] =
            value_of(file->sources[i % count], graph, random, i == 0 ? 0 : values[i - 1], next);
    return values;
}

/* ---- Runs --------------------------------------------------------------------------------------- */

/* One side of the comparison: an engine's table with query, or native calls on Sombra's. */
typedef struct side {
    const bench_engine *engine;
    const char *name;
    uint64_t (*query)(void *store, const bench_query *query);
    bool sql;
    void *store;
    bench_samples samples;
    uint64_t total_ns;
    bool stopped; /* by the limit: there is no figure */
} side;

static size_t find_sides(const query_row *row, const query_file *file, side *sides)
{
    size_t all, count = 0;
    const bench_engine *const *wanted = bench_engines(&all);

    for (size_t i = 0; i < all; i++) {
        const bool sql = strcmp(wanted[i]->name, "sqlite") == 0;
        if (wanted[i]->query == NULL || (sql && file->sql == NULL) || wanted[i] == &bench_raw)
            continue;
        sides[count++] = (side){
            .engine = wanted[i], .name = wanted[i]->name, .query = wanted[i]->query, .sql = sql};
    }
    if (row->kind == READ && !row->prepare_each && bench_engine_wanted("sombra") &&
        bench_native_can(row->name))
        sides[count++] =
            (side){.engine = &bench_sombra, .name = "native", .query = bench_native_query};
    if (row->kind == READ && bench_engine_wanted("raw") && bench_raw_can(row->name))
        sides[count++] = (side){.engine = &bench_raw, .name = "raw", .query = bench_raw.query};
    return count;
}

static uint64_t time_query(side *one, const query_row *row, const query_file *file,
                           const int64_t *values, size_t runs, uint64_t *sum)
{
    const bench_query query = {.name = row->name,
                               .text = one->sql ? file->sql : file->cypher,
                               .params = file->names,
                               .param_count = file->param_count,
                               .runs = runs,
                               .values = values,
                               .prepare_each = row->prepare_each,
                               .as_list = row->kind == BULK};
    uint64_t started, elapsed;

    if (row->kind == READ) one->engine->read_begin(one->store);
    started = bench_now_ns();
    *sum = one->query(one->store, &query);
    elapsed = bench_now_ns() - started;
    one->total_ns += elapsed;
    one->stopped = *sum == BENCH_STOPPED;
    if (row->kind == READ) one->engine->read_end(one->store);
    if (row->kind == READ && *sum == 0) bench_fail("%s on %s reads nothing", row->name, one->name);
    return elapsed;
}

static void keep_sample(side *one, const query_row *row, size_t runs, uint64_t elapsed)
{
    bench_add(&one->samples, strcmp(row->unit, "ms") == 0 ? (double)elapsed / 1e6
                                                          : (double)runs / (double)elapsed * 1e9);
}

/* What was needed before is forgotten. */
static void forget_peaks(side *sides, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sides[i].query != NULL && sides[i].engine->memory_peak != NULL)
            (void)sides[i].engine->memory_peak(sides[i].store);
}

static void report_peak(const char *workload, const query_row *row, const char *graph,
                        const side *one)
{
    char metric[96];

    if (one->query != one->engine->query || one->engine->memory_peak == NULL) return;
    (void)snprintf(metric, sizeof metric, "%s_peak_memory_bytes", row->name);
    bench_count(workload, graph, one->name, metric, (double)one->engine->memory_peak(one->store),
                "bytes");
}

/* Sombra alone divides a statement among threads: the name of its metric says so. */
static void report_sides(const char *workload, const query_row *row, const char *graph, side *sides,
                         size_t count)
{
    char metric[96];

    for (size_t i = 0; i < count; i++) {
        const bool divided = bench.threads > 1 && sides[i].query == bench_sombra.query;
        if (divided)
            (void)snprintf(metric, sizeof metric, BENCH_THREADS "%u_%s_%s", bench.threads,
                           row->name, row->metric);
        else
            (void)snprintf(metric, sizeof metric, "%s_%s", row->name, row->metric);
        if (sides[i].stopped) {
            bench_stopped(workload, graph, sides[i].name, metric, bench.limit);
            continue;
        }
        bench_report(workload, graph, sides[i].name, metric, &sides[i].samples, row->unit,
                     strcmp(row->unit, "ms") == 0 ? BENCH_LOWER : BENCH_HIGHER);
        bench_clear(&sides[i].samples);
        report_peak(workload, row, graph, &sides[i]);
    }
}

/* What the first one that ended found: a limit may have stopped those before it. */
typedef struct expected {
    const char *name; /* NULL: none has ended */
    uint64_t sum;
} expected;

static void expect_same(const query_row *row, const char *name, uint64_t sum, expected *right)
{
    if (right->name == NULL) *right = (expected){name, sum};
    if (sum != right->sum)
        bench_fail("%s: %s finds %llu, %s %llu", row->name, name, (unsigned long long)sum,
                   right->name, (unsigned long long)right->sum);
}

/* The first round warms caches up, and is kept only where it is the one. What a limit stopped was slow enough to get no other. */
static void run_reads(const char *workload, const query_row *row, const bench_graph *graph)
{
    side sides[ENGINES_MAX];
    query_file file;
    sb_random random = {bench.seed + 2};
    const size_t runs = row->runs < graph->node_count ? row->runs : graph->node_count;
    const unsigned rounds = bench_rounds(row->rounds);
    int64_t next = 0, *values;
    expected right = {0};
    size_t count;

    open_query(&file, row->file);
    count = find_sides(row, &file, sides);
    values = make_values(&file, graph, runs, &random, &next);
    for (size_t i = 0; i < count; i++)
        sides[i].store = bench_store_of(sides[i].engine, graph);
    forget_peaks(sides, count);
    for (unsigned round = 0; round <= rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            uint64_t sum, elapsed;
            if (sides[i].stopped || sides[i].total_ns >= BENCH_ENOUGH_NS) continue;
            elapsed = time_query(&sides[i], row, &file, values, runs, &sum);
            if (sides[i].stopped) continue;
            expect_same(row, sides[i].name, sum, &right);
            if (round != 0 || sides[i].total_ns >= BENCH_ENOUGH_NS)
                keep_sample(&sides[i], row, runs, elapsed);
        }
    }
    report_sides(workload, row, graph->name, sides, count);
    free(values);
    close_query(&file);
}

/* ---- Writes ------------------------------------------------------------------------------------- */

/* Nodes there are, with the sums of their properties. */
static uint64_t sum_written(const side *one)
{
    query_file file;
    bench_query query = {.name = "written", .runs = 1};
    uint64_t sum;

    open_query(&file, "written");
    query.text = one->sql ? file.sql : file.cypher;
    sum = one->query(one->store, &query);
    close_query(&file);
    return sum;
}

/* Commits of the raw file: a write and a sync each. */
static void add_raw_commits(const query_row *row, side *raw, size_t runs)
{
    const uint64_t started = bench_now_ns();
    for (size_t i = 0; i < runs; i++)
        raw->engine->commit_update(raw->store, (uint32_t)i, (int64_t)i);
    keep_sample(raw, row, runs, bench_now_ns() - started);
}

static void write_round(const query_row *row, const query_file *file, const bench_graph *graph,
                        side *sides, size_t count, sb_random *random, int64_t *next)
{
    int64_t *values = make_values(file, graph, row->runs, random, next);
    expected right = {0};

    for (size_t i = 0; i < count; i++) {
        uint64_t sum;
        if (sides[i].query == NULL) {
            add_raw_commits(row, &sides[i], row->runs);
            continue;
        }
        keep_sample(&sides[i], row, row->runs,
                    time_query(&sides[i], row, file, values, row->runs, &sum));
        expect_same(row, sides[i].name, sum_written(&sides[i]), &right);
    }
    free(values);
}

/* Into stores of their own, which begin with the nodes of a graph. */
static void run_writes(const char *workload, const query_row *row)
{
    const bench_graph *graph = bench_graph_of("s1k");
    side sides[ENGINES_MAX];
    char *paths[ENGINES_MAX];
    query_file file;
    sb_random random = {bench.seed + 2};
    int64_t next = 10000000;
    size_t count;

    open_query(&file, row->file);
    count = find_sides(row, &file, sides);
    if (row->kind == COMMIT && bench_engine_wanted("raw"))
        sides[count++] = (side){.engine = &bench_raw, .name = "raw"};
    for (size_t i = 0; i < count; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s-query", sides[i].name);
        paths[i] = bench_path(name);
        sides[i].store = sides[i].engine->open(paths[i], BENCH_FULL);
        sides[i].engine->load(sides[i].store, graph);
    }
    forget_peaks(sides, count);
    for (unsigned round = 0; round < bench_rounds(row->rounds); round++)
        write_round(row, &file, graph, sides, count, &random, &next);
    report_sides(workload, row, "none", sides, count);
    for (size_t i = 0; i < count; i++) {
        sides[i].engine->close(sides[i].store);
        bench_remove(paths[i]);
        free(paths[i]);
    }
    close_query(&file);
}

/* ---- The workload ------------------------------------------------------------------------------- */

static void check_rows(void)
{
    char *names = strdup(bench.rows == NULL ? "" : bench.rows);

    if (names == NULL) bench_fail("out of memory");
    for (char *name = strtok(names, ","); name != NULL; name = strtok(NULL, ",")) {
        bool known = false;
        for (size_t i = 0; i < ROW_COUNT; i++)
            known = known || strcmp(ROWS[i].name, name) == 0;
        if (!known) bench_fail("query has no row %s", name);
    }
    free(names);
}

void bench_run_query(const char *workload)
{
    check_rows();
    for (const char *const *name = bench_graphs(USUAL); *name != NULL; name++) {
        const bench_graph *graph = bench_graph_of(*name);
        if (graph->social != NULL && bench.csv != NULL) bench_social_write(graph, bench.csv);
        for (size_t i = 0; i < ROW_COUNT; i++) {
            const query_row *row = &ROWS[i];
            const bool fits = (row->most_nodes == 0 || graph->node_count <= row->most_nodes) &&
                              row->social == (graph->social != NULL);
            if (row->kind == READ && fits && bench_listed(bench.rows, row->name))
                run_reads(workload, row, graph);
        }
    }
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (ROWS[i].kind != READ && bench_listed(bench.rows, ROWS[i].name))
            run_writes(workload, &ROWS[i]);
    }
}
