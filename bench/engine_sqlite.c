/* engine_sqlite.c — SQLite: tables of nodes and relationships, indexed as Sombra's are, prepared statements, WAL. */
#include "bench.h"

#ifdef HAVE_SQLITE3
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "social.h"
#include "sombra.h"
#include "traverse.h"

enum statement {
    BEGIN,
    READ,
    COMMIT,
    ADD_NODE,
    ADD_EDGE,
    COUNT_NODES,
    COUNT_EDGES,
    UPDATE_NODE,
    BY_ID,
    BY_KEY,
    NEIGHBORS,
    SCAN_NODES,
    SCAN_EDGES,
    THREE_HOP,
    STATEMENTS
};

/* The label's and the type's columns and their place in indexes are what Sombra keeps too: a label index, lists by
 * type in both directions. */
static const char TABLES[] =
    "CREATE TABLE nodes(id INTEGER PRIMARY KEY, label INTEGER, key INTEGER, name TEXT, note "
    "INTEGER);"
    "CREATE TABLE edges(id INTEGER PRIMARY KEY, source INTEGER, target INTEGER, type INTEGER,"
    " weight INTEGER);";
static const char INDEXES[] = "CREATE UNIQUE INDEX nodes_key ON nodes(key);"
                              "CREATE INDEX nodes_label ON nodes(label);"
                              "CREATE INDEX edges_out ON edges(source, type, target);"
                              "CREATE INDEX edges_in ON edges(target, type, source);";
static const char NO_INDEXES[] =
    "DROP INDEX nodes_key; DROP INDEX nodes_label; DROP INDEX edges_out; DROP INDEX edges_in;";

static const char *const TEXTS[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [READ] = "BEGIN",
    [COMMIT] = "COMMIT",
    [ADD_NODE] = "INSERT INTO nodes(label, key, name) VALUES(1, ?, ?)",
    [ADD_EDGE] = "INSERT INTO edges(source, target, type, weight) VALUES(?, ?, 1, ?)",
    [COUNT_NODES] = "SELECT count(*) FROM nodes",
    [COUNT_EDGES] = "SELECT count(*) FROM edges",
    [BY_ID] = "SELECT key, name FROM nodes WHERE id = ?",
    [BY_KEY] = "SELECT key, name FROM nodes WHERE key = ?",
    [NEIGHBORS] = "SELECT target FROM edges WHERE source = ? AND type = 1",
    [SCAN_NODES] = "SELECT count(*) FROM nodes NOT INDEXED WHERE key BETWEEN ? AND ?",
    [SCAN_EDGES] = "SELECT count(*) FROM edges NOT INDEXED WHERE weight BETWEEN ? AND ?",
    [THREE_HOP] = "SELECT sum(c.target) FROM edges a CROSS JOIN edges b CROSS JOIN edges c"
                  " WHERE a.source = ? AND a.type = 1 AND b.source = a.target AND b.type = 1"
                  " AND c.source = b.target AND c.type = 1",
    [UPDATE_NODE] = "UPDATE nodes SET note = ? WHERE id = ?",
};

typedef struct sqlite_store {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    bench_walk walk;
    char *path;
    uint64_t deadline; /* of the query that runs */
} sqlite_store;

static void must(sqlite_store *store, bool right)
{
    if (!right) bench_fail("sqlite: %s", sqlite3_errmsg(store->db));
}

static void execute(sqlite_store *store, const char *text)
{
    must(store, sqlite3_exec(store->db, text, NULL, NULL, NULL) == SQLITE_OK);
}

/* Run a statement without rows, and make it ready for the next time. */
static void run(sqlite_store *store, enum statement which)
{
    must(store, sqlite3_step(store->statements[which]) == SQLITE_DONE);
    (void)sqlite3_reset(store->statements[which]);
}

static sqlite_store *open_file(const char *path, bench_sync sync)
{
    static const char *const SYNCS[] = {"PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL",
                                        "PRAGMA synchronous=OFF"};
    sqlite_store *store = bench_alloc(1, sizeof *store);

    /* Each thread has a connection of its own, and nobody asks what memory SQLite has: neither needs a lock. (Not the first time:
     * refused, and in force.) */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    must(store, sqlite3_open_v2(path, &store->db,
                                SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                NULL) == SQLITE_OK);
    execute(store, "PRAGMA page_size=8192");
    execute(store, "PRAGMA journal_mode=WAL");
    execute(store, SYNCS[sync]);
    execute(store, "PRAGMA cache_size=-4000000");
    execute(store, "PRAGMA mmap_size=17179869184");
    store->path = bench_alloc(strlen(path) + 1, 1);
    memcpy(store->path, path, strlen(path));
    return store;
}

static void prepare_all(sqlite_store *store)
{
    for (int i = 0; i < STATEMENTS; i++)
        must(store, sqlite3_prepare_v3(store->db, TEXTS[i], -1, SQLITE_PREPARE_PERSISTENT,
                                       &store->statements[i], NULL) == SQLITE_OK);
}

static void *open_store(const char *path, bench_sync sync)
{
    sqlite_store *store = open_file(path, sync);

    execute(store, TABLES);
    execute(store, INDEXES);
    prepare_all(store);
    return store;
}

/* Only the statements of the first look-up are prepared, and what counts. */
static void *reopen_store(const char *path)
{
    static const int NEEDED[] = {READ, COMMIT, BY_KEY, COUNT_NODES, COUNT_EDGES};
    sqlite_store *store = open_file(path, BENCH_FULL);

    for (size_t i = 0; i < sizeof NEEDED / sizeof *NEEDED; i++)
        must(store, sqlite3_prepare_v3(store->db, TEXTS[NEEDED[i]], -1, 0,
                                       &store->statements[NEEDED[i]], NULL) == SQLITE_OK);
    return store;
}

static void close_store(void *object)
{
    sqlite_store *store = object;

    for (int i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(store->statements[i]);
    bench_walk_deinit(&store->walk);
    must(store, sqlite3_close(store->db) == SQLITE_OK);
    free(store->path);
    free(store);
}

/* The lock is another connection's: a look again soon. SQLite's own handler sleeps for milliseconds. */
static int wait_a_little(void *unused, int tries)
{
    (void)unused, (void)tries;
    (void)usleep(20);
    return 1;
}

static void *connect_store(void *object, unsigned index, unsigned count)
{
    sqlite_store *store = open_file(((sqlite_store *)object)->path, BENCH_FULL);

    (void)index, (void)count;
    must(store, sqlite3_busy_handler(store->db, wait_a_little, NULL) == SQLITE_OK);
    prepare_all(store);
    return store;
}

static void add_node(sqlite_store *store, int64_t key, bench_text name)
{
    sqlite3_stmt *statement = store->statements[ADD_NODE];

    must(store, sqlite3_bind_int64(statement, 1, key) == SQLITE_OK &&
                    sqlite3_bind_text(statement, 2, name.data, (int)name.size, SQLITE_STATIC) ==
                        SQLITE_OK);
    run(store, ADD_NODE);
}

static void add_edges(sqlite_store *store, const uint32_t *source, const uint32_t *target,
                      const int64_t *weight, size_t count)
{
    sqlite3_stmt *statement = store->statements[ADD_EDGE];

    for (size_t i = 0; i < count; i++) {
        (void)sqlite3_bind_int64(statement, 1, (int64_t)source[i] + 1);
        (void)sqlite3_bind_int64(statement, 2, (int64_t)target[i] + 1);
        (void)sqlite3_bind_int64(statement, 3, weight[i]);
        run(store, ADD_EDGE);
    }
}

/* ---- The social graph: a table for each label and each kind of relationship, indexed both ways ------------------- */

static const char SOCIAL_VIEWS[] =
    "CREATE VIEW message AS SELECT * FROM Post UNION ALL SELECT * FROM Comment;"
    "CREATE VIEW message_tag AS SELECT a, b FROM Post_HAS_TAG_Tag UNION ALL SELECT a, b FROM "
    "Comment_HAS_TAG_Tag;"
    "CREATE VIEW message_creator AS SELECT a, b FROM Post_HAS_CREATOR_Person UNION ALL SELECT a, b "
    "FROM Comment_HAS_CREATOR_Person;"
    "CREATE VIEW likes AS SELECT a, b FROM Person_LIKES_Post UNION ALL SELECT a, b FROM "
    "Person_LIKES_Comment;"
    "CREATE VIEW reply AS SELECT a, b FROM Comment_REPLY_OF_Post UNION ALL SELECT a, b FROM "
    "Comment_REPLY_OF_Comment;"
    "CREATE VIEW knows AS SELECT a, b, day FROM Person_KNOWS_Person UNION ALL SELECT b, a, day "
    "FROM Person_KNOWS_Person;"
    "CREATE VIEW person_country AS SELECT l.a, p.b FROM Person_IS_LOCATED_IN_City l JOIN "
    "City_IS_PART_OF_Country p ON p.a = l.b;"
    "ANALYZE;";

static void load_kind(sqlite_store *store, const bench_graph *graph, const social_nodes *kind)
{
    sqlite3_stmt *add;
    char text[200];

    (void)snprintf(text, sizeof text,
                   "CREATE TABLE %s(id INTEGER PRIMARY KEY, name TEXT, day INTEGER)", kind->label);
    execute(store, text);
    (void)snprintf(text, sizeof text, "INSERT INTO %s VALUES(?, ?, ?)", kind->label);
    must(store, sqlite3_prepare_v2(store->db, text, -1, &add, NULL) == SQLITE_OK);
    for (uint32_t i = kind->first; i < kind->first + kind->count; i++) {
        (void)sqlite3_bind_int64(add, 1, graph->key[i]);
        (void)sqlite3_bind_text(add, 2, graph->names[i].data, (int)graph->names[i].size,
                                SQLITE_STATIC);
        (void)sqlite3_bind_int64(add, 3, graph->social->day[i]);
        must(store, sqlite3_step(add) == SQLITE_DONE && sqlite3_reset(add) == SQLITE_OK);
    }
    (void)sqlite3_finalize(add);
}

static void load_table(sqlite_store *store, const bench_graph *graph, const social_rels *rels)
{
    const social_nodes *kinds = graph->social->kinds;
    sqlite3_stmt *add;
    char name[100], text[600];

    (void)snprintf(name, sizeof name, "%s_%s_%s", kinds[rels->from].label, rels->type,
                   kinds[rels->to].label);
    (void)snprintf(text, sizeof text, "CREATE TABLE %s(a INTEGER, b INTEGER, day INTEGER)", name);
    execute(store, text);
    (void)snprintf(text, sizeof text, "INSERT INTO %s VALUES(?, ?, ?)", name);
    must(store, sqlite3_prepare_v2(store->db, text, -1, &add, NULL) == SQLITE_OK);
    for (uint32_t i = rels->first; i < rels->first + rels->count; i++) {
        (void)sqlite3_bind_int64(add, 1, graph->key[graph->source[i]]);
        (void)sqlite3_bind_int64(add, 2, graph->key[graph->target[i]]);
        (void)sqlite3_bind_int64(add, 3, graph->weight[i]);
        must(store, sqlite3_step(add) == SQLITE_DONE && sqlite3_reset(add) == SQLITE_OK);
    }
    (void)sqlite3_finalize(add);
    (void)snprintf(text, sizeof text,
                   "CREATE INDEX %s_out ON %s(a, b); CREATE INDEX %s_in ON %s(b, a)", name, name,
                   name, name);
    execute(store, text);
}

static void load_social(sqlite_store *store, const bench_graph *graph)
{
    run(store, BEGIN);
    for (int k = 0; k < SOCIAL_KINDS; k++)
        load_kind(store, graph, &graph->social->kinds[k]);
    for (uint32_t t = 0; t < SOCIAL_TABLES; t++)
        load_table(store, graph, &graph->social->tables[t]);
    run(store, COMMIT);
    execute(store, SOCIAL_VIEWS);
}

/* Indexes are made after the rows: at 25,000 elements 0.5 to 0.8 of the time, at 5,000 about the same. */
static void load(void *object, const bench_graph *graph)
{
    sqlite_store *store = object;

    if (graph->social != NULL) {
        load_social(store, graph);
        return;
    }
    if (store->walk.stamps == NULL) bench_walk_init(&store->walk, graph->node_count);
    run(store, BEGIN);
    execute(store, NO_INDEXES);
    for (uint32_t i = 0; i < graph->node_count; i++)
        add_node(store, graph->key[i], graph->names[i]);
    add_edges(store, graph->source, graph->target, graph->weight, graph->edge_count);
    execute(store, INDEXES);
    run(store, COMMIT);
}

static void load_csv(const char *path, const char *csv)
{
    bench_graph *graph = bench_graph_from_csv(csv);
    void *store = open_store(path, BENCH_FULL);

    load(store, graph);
    close_store(store);
    bench_graph_free(graph);
}

static void insert_edges(void *object, const uint32_t *source, const uint32_t *target,
                         const int64_t *weight, size_t count)
{
    sqlite_store *store = object;

    run(store, BEGIN);
    add_edges(store, source, target, weight, count);
    run(store, COMMIT);
}

/* One statement is a transaction of its own. */
static void commit_node(void *object, int64_t key, bench_text name)
{
    add_node(object, key, name);
}

static void commit_update(void *object, uint32_t node, int64_t value)
{
    sqlite_store *store = object;

    (void)sqlite3_bind_int64(store->statements[UPDATE_NODE], 1, value);
    (void)sqlite3_bind_int64(store->statements[UPDATE_NODE], 2, (int64_t)node + 1);
    run(store, UPDATE_NODE);
}

static uint64_t one_number(sqlite_store *store, enum statement which)
{
    uint64_t number;

    must(store, sqlite3_step(store->statements[which]) == SQLITE_ROW);
    number = (uint64_t)sqlite3_column_int64(store->statements[which], 0);
    (void)sqlite3_reset(store->statements[which]);
    return number;
}

static void count_all(void *object, uint64_t *nodes, uint64_t *edges)
{
    *nodes = one_number(object, COUNT_NODES);
    *edges = one_number(object, COUNT_EDGES);
}

/* ---- Reading ------------------------------------------------------------------------------------ */

static void read_begin(void *object)
{
    run(object, READ);
}

static void read_end(void *object)
{
    run(object, COMMIT);
}

static uint64_t read_row(sqlite_store *store, enum statement which, int64_t value)
{
    sqlite3_stmt *statement = store->statements[which];
    uint64_t sum;

    (void)sqlite3_bind_int64(statement, 1, value);
    must(store, sqlite3_step(statement) == SQLITE_ROW);
    sum = (uint64_t)sqlite3_column_int64(statement, 0) + sqlite3_column_text(statement, 1)[0];
    (void)sqlite3_reset(statement);
    return sum;
}

static uint64_t lookup_id(void *object, const uint32_t *nodes, size_t count, bool batch)
{
    uint64_t sum = 0;

    (void)batch;
    for (size_t i = 0; i < count; i++)
        sum += read_row(object, BY_ID, (int64_t)nodes[i] + 1);
    return sum;
}

/* Outside of a transaction each statement is one. */
static uint64_t lookup_autocommit(void *object, const uint32_t *nodes, size_t count)
{
    return lookup_id(object, nodes, count, false);
}

static uint64_t lookup_key(void *object, const int64_t *keys, size_t count, bool batch)
{
    uint64_t sum = 0;

    (void)batch;
    for (size_t i = 0; i < count; i++)
        sum += read_row(object, BY_KEY, keys[i]);
    return sum;
}

static uint64_t neighbors(void *object, const uint32_t *nodes, size_t count, bool batch)
{
    sqlite_store *store = object;
    sqlite3_stmt *statement = store->statements[NEIGHBORS];
    uint64_t sum = 0;

    (void)batch;
    for (size_t i = 0; i < count; i++) {
        (void)sqlite3_bind_int64(statement, 1, (int64_t)nodes[i] + 1);
        while (sqlite3_step(statement) == SQLITE_ROW)
            sum += (uint64_t)sqlite3_column_int64(statement, 0);
        must(store, sqlite3_reset(statement) == SQLITE_OK);
    }
    return sum;
}

static void expand(void *object, uint32_t node, uint32_t **list, size_t *room, size_t *count)
{
    sqlite_store *store = object;
    sqlite3_stmt *statement = store->statements[NEIGHBORS];

    (void)sqlite3_bind_int64(statement, 1, (int64_t)node + 1);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        bench_walk_room(list, room, *count + 1);
        (*list)[(*count)++] = (uint32_t)(sqlite3_column_int64(statement, 0) - 1);
    }
    must(store, sqlite3_reset(statement) == SQLITE_OK);
}

static uint64_t two_hop(void *object, const uint32_t *nodes, size_t count)
{
    return bench_two_hop(object, &((sqlite_store *)object)->walk, expand, nodes, count);
}

#define STEPS_PER_LOOK                                                                             \
    100000 /* of SQLite's machine, between two looks at the clock: about a millisecond */

static int is_late(void *object)
{
    return bench_now_ns() > ((sqlite_store *)object)->deadline;
}

/* From here on a statement that takes longer than --limit is stopped. */
static void start_limit(sqlite_store *store)
{
    store->deadline = bench_now_ns() + bench.limit * (uint64_t)1000000000;
    if (bench.limit != 0) sqlite3_progress_handler(store->db, STEPS_PER_LOOK, is_late, store);
}

/* Sum of the ends of walks: targets are one more than nodes, as the sums of the others. */
static uint64_t three_hop(void *object, const uint32_t *nodes, size_t count, bool by_lengths)
{
    sqlite_store *store = object;
    sqlite3_stmt *statement = store->statements[THREE_HOP];
    uint64_t sum = 0;
    int step = SQLITE_ROW;

    if (by_lengths) bench_fail("sqlite: no walks by lengths");
    start_limit(store);
    for (size_t i = 0; i < count && step == SQLITE_ROW; i++) {
        (void)sqlite3_bind_int64(statement, 1, (int64_t)nodes[i] + 1);
        step = sqlite3_step(statement);
        must(store, step == SQLITE_ROW || step == SQLITE_INTERRUPT);
        sum += (uint64_t)sqlite3_column_int64(statement, 0);
        (void)sqlite3_reset(statement);
    }
    sqlite3_progress_handler(store->db, 0, NULL, NULL);
    return step == SQLITE_ROW ? sum : BENCH_STOPPED;
}

static uint64_t breadth_first(void *object, uint32_t start, uint64_t *edges)
{
    return bench_breadth_first(object, &((sqlite_store *)object)->walk, expand, start, edges);
}

static uint64_t scan(void *object, bool nodes, int64_t low, int64_t high)
{
    sqlite_store *store = object;
    const enum statement which = nodes ? SCAN_NODES : SCAN_EDGES;

    (void)sqlite3_bind_int64(store->statements[which], 1, low);
    (void)sqlite3_bind_int64(store->statements[which], 2, high);
    return one_number(store, which);
}

/* ---- Queries ------------------------------------------------------------------------------------ */

static sqlite3_stmt *prepare_query(sqlite_store *store, const bench_query *query)
{
    sqlite3_stmt *statement;

    must(store, sqlite3_prepare_v3(store->db, query->text, -1,
                                   query->prepare_each ? 0 : SQLITE_PREPARE_PERSISTENT, &statement,
                                   NULL) == SQLITE_OK);
    return statement;
}

static uint64_t add_row(sqlite3_stmt *statement, int columns, uint64_t sum)
{
    for (int i = 0; i < columns; i++) {
        uint64_t value;
        if (sqlite3_column_type(statement, i) == SQLITE_TEXT) {
            const unsigned char *text = sqlite3_column_text(statement, i);
            value = (uint64_t)sqlite3_column_bytes(statement, i) + text[0];
        } else {
            value = (uint64_t)sqlite3_column_int64(statement, i);
        }
        sum = bench_row_add(sum, (size_t)i, value);
    }
    return sum;
}

/* False: the deadline passed. */
static bool run_query(sqlite_store *store, sqlite3_stmt *statement, const int64_t *values,
                      size_t count, uint64_t *total)
{
    const int columns = sqlite3_column_count(statement);
    uint64_t sum = 0;
    int step;

    for (size_t i = 0; i < count; i++)
        must(store, sqlite3_bind_int64(statement, (int)i + 1, values[i]) == SQLITE_OK);
    while ((step = sqlite3_step(statement)) == SQLITE_ROW)
        sum = add_row(statement, columns, sum);
    must(store, step == SQLITE_DONE || step == SQLITE_INTERRUPT);
    must(store, sqlite3_reset(statement) == step || step == SQLITE_DONE);
    *total += sum;
    return step == SQLITE_DONE;
}

static uint64_t query_all(void *object, const bench_query *query)
{
    sqlite_store *store = object;
    sqlite3_stmt *statement = query->prepare_each ? NULL : prepare_query(store, query);
    uint64_t sum = 0;
    bool ended = true;

    /* Reads alone, which are inside a transaction: to stop a write would undo it. */
    if (!query->as_list && !sqlite3_get_autocommit(store->db)) start_limit(store);
    if (query->as_list) run(store, BEGIN);
    for (size_t i = 0; i < query->runs && ended; i++) {
        if (query->prepare_each) statement = prepare_query(store, query);
        ended = run_query(store, statement, query->values + i * query->param_count,
                          query->param_count, &sum);
        if (query->prepare_each) (void)sqlite3_finalize(statement);
    }
    if (query->as_list) run(store, COMMIT);
    if (!query->prepare_each) (void)sqlite3_finalize(statement);
    sqlite3_progress_handler(store->db, 0, NULL, NULL);
    return ended ? sum : BENCH_STOPPED;
}

const bench_engine bench_sqlite = {
    .name = "sqlite",
    .open = open_store,
    .close = close_store,
    .load = load,
    .reopen = reopen_store,
    .load_csv = load_csv,
    .count = count_all,
    .insert_edges = insert_edges,
    .commit_node = commit_node,
    .connect = connect_store,
    .disconnect = close_store,
    .commit_update = commit_update,
    .read_begin = read_begin,
    .read_end = read_end,
    .reads_alone = true,
    .lookup_id = lookup_id,
    .lookup_key = lookup_key,
    .lookup_autocommit = lookup_autocommit,
    .neighbors = neighbors,
    .two_hop = two_hop,
    .three_hop = three_hop,
    .bfs = breadth_first,
    .scan = scan,
    .query = query_all,
};
#else
/* A file with nothing in it is not C. */
extern const bench_engine bench_sqlite;
#endif
