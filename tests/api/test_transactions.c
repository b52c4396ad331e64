/* test_transactions.c — transactions, savepoints, hooks, locks between handles and processes, and what is there after
 * a commit, an abort and a reopening: through sombra.h alone. */
#include <sys/wait.h>
#include <time.h>

#include "support/api_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- One connection ----------------------------------------------------------------------------------------- */

static void test_api_transactions__misuse(void **state)
{
    api_fixture f;
    sombra_txn *other;
    sombra_txn *ended;
    uint32_t id;
    uint64_t count = 7;
    (void)state;

    api_new(&f);
    assert_int_equal(sombra_error_of(NULL)->status, SOMBRA_MISUSE);
    assert_int_equal(sombra_begin(NULL, SOMBRA_READ, &other), SOMBRA_MISUSE);
    assert_null(other);
    assert_int_equal(sombra_commit(NULL), SOMBRA_MISUSE);
    sombra_rollback(NULL);
    FAILS(&f, sombra_begin(f.conn, (sombra_mode)7, &other), SOMBRA_MISUSE, "mode");
    api_begin(&f, SOMBRA_READ);
    FAILS(&f, sombra_begin(f.conn, SOMBRA_READ, &other), SOMBRA_MISUSE, "transaction open");
    assert_null(other);
    FAILS(&f, sombra_checkpoint(f.conn, SOMBRA_PASSIVE, NULL), SOMBRA_MISUSE, "transaction");
    FAILS(&f, sombra_name_intern(f.txn, SOMBRA_LABEL, "Person", 6, &id), SOMBRA_READ_ONLY,
          "Person");
    ended = f.txn;
    api_commit(&f);
    FAILS(&f, sombra_name_entities(ended, SOMBRA_LABEL, 0, &count), SOMBRA_MISUSE, "ended");
    assert_int_equal(count, 0);
    FAILS(&f, sombra_commit(ended), SOMBRA_MISUSE, "ended");
    sombra_rollback(ended);
    assert_int_equal(sombra_txn_sequence(NULL), 0);
    /* a success clears the error */
    api_begin(&f, SOMBRA_READ);
    assert_int_equal(sombra_error_of(f.conn)->status, SOMBRA_OK);
    assert_string_equal(sombra_error_of(f.conn)->message, "");
    FAILS_ERROR(&f, sombra_close(f.db, &f.error), SOMBRA_MISUSE, "1 connections");
    api_end(&f); /* an open transaction ends with its connection */
}

static void test_api_transactions__commit_and_rollback(void **state)
{
    api_fixture f;
    uint64_t before;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    before = sombra_txn_sequence(f.txn);
    (void)api_node(&f, "Person", 1);
    api_commit(&f);
    api_begin(&f, SOMBRA_WRITE);
    assert_int_equal(sombra_txn_sequence(f.txn), before + 1);
    (void)api_node(&f, "Person", 2);
    (void)api_name(&f, SOMBRA_LABEL, "Forgotten");
    sombra_rollback(f.txn);
    assert_int_equal(api_node_count(&f), 1);
    api_reopen(&f);
    assert_int_equal(api_node_count(&f), 1);
    api_begin(&f, SOMBRA_READ);
    assert_int_equal(sombra_name_count(f.txn, SOMBRA_LABEL), 1);
    sombra_rollback(f.txn);
    api_end(&f);
}

static void test_api_transactions__savepoints(void **state)
{
    api_fixture f;
    uint32_t first, second, third = 9;
    uint64_t a, b, ids[2];
    uint8_t exist = 0;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    a = api_node(&f, "Person", 1);
    OK(&f, sombra_savepoint(f.txn, &first));
    assert_int_not_equal(first, 0);
    b = api_node(&f, "Person", 2);
    (void)api_rel(&f, a, "KNOWS", b);
    OK(&f, sombra_savepoint(f.txn, &second));
    (void)api_node(&f, "Animal", 3);
    OK(&f, sombra_rollback_to(f.txn, second));
    (void)api_node(&f, "Animal", 4); /* a savepoint stays after rolling back to it */
    OK(&f, sombra_rollback_to(f.txn, first));
    FAILS(&f, sombra_rollback_to(f.txn, second), SOMBRA_MISUSE, "savepoint");
    ids[0] = a;
    ids[1] = b;
    OK(&f, sombra_nodes_exist(f.txn, ids, 2, &exist));
    assert_int_equal(exist, 1);
    b = api_node(&f, "Person", 5);
    OK(&f, sombra_release(f.txn, first));
    FAILS(&f, sombra_release(f.txn, first), SOMBRA_MISUSE, "savepoint");
    api_commit(&f);
    api_reopen(&f);
    assert_int_equal(api_node_count(&f), 2);
    api_begin(&f, SOMBRA_READ);
    FAILS(&f, sombra_savepoint(f.txn, &third), SOMBRA_READ_ONLY, "");
    assert_int_equal(third, 0);
    sombra_rollback(f.txn);
    api_end(&f);
}

/* ---- Upgrade --------------------------------------------------------------------------------------------------- */

static void test_api_transactions__upgrade(void **state)
{
    api_fixture f;
    api_fixture g;
    uint64_t count;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    (void)api_node(&f, "Person", 1);
    api_commit(&f);
    g = f;
    OK_ERROR(&g, sombra_connect(f.db, &g.conn, &g.error));

    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_upgrade(f.txn));
    (void)api_node(&f, "Person", 2);
    (void)api_rel(&f, 1, "LIKES", 1);
    api_commit(&f);

    api_begin(&f, SOMBRA_READ);
    api_begin(&g, SOMBRA_WRITE);
    (void)api_node(&g, "Person", 3);
    api_commit(&g);
    FAILS(&f, sombra_upgrade(f.txn), SOMBRA_BUSY_SNAPSHOT, "");
    OK(&f, sombra_name_entities(f.txn, SOMBRA_LABEL, 0, &count)); /* and goes on reading */
    assert_int_equal(count, 2);
    sombra_rollback(f.txn);
    sombra_disconnect(g.conn);
    assert_int_equal(api_node_count(&f), 3);
    api_end(&f);
}

/* ---- Snapshots, locks ------------------------------------------------------------------------------------------ */

static void test_api_transactions__two_handles(void **state)
{
    api_fixture f, g;
    uint64_t count;
    (void)state;

    api_new(&f);
    f.options.busy_timeout_ms = 0;
    api_reopen(&f);
    memset(&g, 0, sizeof g);
    g.options = f.options;
    api_open_at(&g, API_PATH); /* a second handle of the same file in the same process */
    api_begin(&f, SOMBRA_WRITE);
    (void)api_node(&f, "Person", 1);
    FAILS(&g, sombra_begin(g.conn, SOMBRA_WRITE, &g.txn), SOMBRA_BUSY, "");
    assert_null(g.txn);
    api_begin(&g, SOMBRA_READ);
    api_commit(&f);
    OK(&g, sombra_name_entities(g.txn, SOMBRA_LABEL, 0, &count));
    assert_int_equal(count, 0);
    sombra_rollback(g.txn);
    assert_int_equal(api_node_count(&g), 1);
    api_begin(&g, SOMBRA_WRITE);
    (void)api_node(&g, "Person", 2);
    api_commit(&g);
    api_close(&g);
    assert_int_equal(api_node_count(&f), 2);
    api_end(&f);
}

static double now_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The writer of another process holds the lock: it is named, after busy_timeout_ms and not before. */
static void test_api_transactions__busy_names_the_process(void **state)
{
    api_fixture f;
    int ready[2], done[2];
    char byte = 0, text[32];
    double began;
    pid_t child;
    (void)state;

    api_new(&f);
    api_close(&f);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(done), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sombra_db *db;
        sombra_conn *conn;
        sombra_txn *txn;
        const bool good = sombra_open(API_PATH, NULL, &db, NULL) == SOMBRA_OK &&
                          sombra_connect(db, &conn, NULL) == SOMBRA_OK &&
                          sombra_begin(conn, SOMBRA_WRITE, &txn) == SOMBRA_OK;
        byte = good ? 'y' : 'n';
        if (write(ready[1], &byte, 1) != 1 || read(done[0], &byte, 1) != 1) _exit(1);
        sombra_rollback(txn);
        sombra_disconnect(conn);
        _exit(sombra_close(db, NULL) == SOMBRA_OK ? 0 : 2);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    f.options.busy_timeout_ms = 200;
    api_open_at(&f, API_PATH);
    (void)snprintf(text, sizeof text, "%ld", (long)child);
    began = now_seconds();
    FAILS(&f, sombra_begin(f.conn, SOMBRA_WRITE, &f.txn), SOMBRA_BUSY, text);
    assert_true(now_seconds() - began >= 0.19);
    OK(&f, sombra_pragma(f.conn, "busy_timeout_ms", "0"));
    began = now_seconds();
    FAILS(&f, sombra_begin(f.conn, SOMBRA_WRITE, &f.txn), SOMBRA_BUSY, text);
    assert_true(now_seconds() - began < 0.19);
    assert_int_equal(write(done[1], "x", 1), 1);
    {
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    api_begin(&f, SOMBRA_WRITE);
    api_commit(&f);
    for (int i = 0; i < 2; i++) {
        (void)close(ready[i]);
        (void)close(done[i]);
    }
    api_end(&f);
}

/* In the child of fork() the parent's handles answer MISUSE, give their memory back, and leave the files alone. */
static void test_api_transactions__fork(void **state)
{
    api_fixture f;
    pid_t child;
    int status = 0;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    (void)api_node(&f, "Person", 1);
    api_commit(&f);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sombra_txn *txn;
        sombra_conn *conn;
        sombra_error error;
        if (sombra_begin(f.conn, SOMBRA_READ, &txn) != SOMBRA_MISUSE) _exit(1);
        if (strstr(sombra_error_of(f.conn)->message, "fork") == NULL) _exit(2);
        if (sombra_begin(f.conn, SOMBRA_WRITE, &txn) != SOMBRA_MISUSE) _exit(3);
        if (sombra_connect(f.db, &conn, &error) != SOMBRA_MISUSE || conn != NULL) _exit(4);
        if (sombra_checkpoint(f.conn, SOMBRA_TRUNCATE, NULL) != SOMBRA_MISUSE) _exit(5);
        sombra_disconnect(f.conn);
        (void)sombra_close(f.db, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    api_begin(&f, SOMBRA_WRITE);
    (void)api_node(&f, "Person", 2);
    api_commit(&f);
    assert_int_equal(api_node_count(&f), 2);
    api_reopen(&f);
    assert_int_equal(api_node_count(&f), 2);
    api_end(&f);
}

/* The same for a transaction that is open at the fork: the child's calls answer MISUSE and its pages don't get into the parent's log, where
 * they would lie on those of the parent's commit. */
static void test_api_transactions__fork_within(void **state)
{
    static char text[100000];
    const sombra_text texts[] = {{text, sizeof text}};
    sombra_column column = {.type = SOMBRA_TYPE_STRING, .texts = texts};
    api_fixture f;
    int to_child[2], status = 0;
    sombra_stmt *stmt;
    char byte = 0;
    pid_t child;
    (void)state;

    api_new(&f);
    f.options.transaction_memory = 1u << 20;
    api_reopen(&f);
    api_begin(&f, SOMBRA_WRITE);
    column.key = api_name(&f, SOMBRA_KEY, "text");
    memset(text, 'p', sizeof text);
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(sombra_create_nodes(f.txn, NULL, 0, 1, &column, 1, NULL), SOMBRA_OK);
    assert_int_equal(
        sombra_prepare(f.conn, "MATCH (n) RETURN n", SOMBRA_NUL_TERMINATED, &stmt, NULL),
        SOMBRA_OK);
    assert_int_equal(pipe(to_child), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sombra_bfs_result reached;
        uint64_t count;
        uint32_t savepoint;
        bool refused = true;
        (void)close(to_child[1]);
        if (read(to_child[0], &byte, 1) != 1) _exit(1);
        memset(text, 'c', sizeof text);
        for (unsigned i = 0; i < 60; i++)
            refused &= sombra_create_nodes(f.txn, NULL, 0, 1, &column, 1, NULL) == SOMBRA_MISUSE;
        if (!refused) _exit(2);
        if (strstr(sombra_error_of(f.conn)->message, "fork") == NULL) _exit(3);
        if (sombra_name_entities(f.txn, SOMBRA_LABEL, 0, &count) != SOMBRA_MISUSE) _exit(4);
        if (sombra_bfs(f.txn, 1, NULL, NULL, NULL, &reached) != SOMBRA_MISUSE) _exit(5);
        if (sombra_savepoint(f.txn, &savepoint) != SOMBRA_MISUSE) _exit(6);
        if (sombra_pragma(f.conn, "durability", "off") != SOMBRA_MISUSE) _exit(7);
        if (sombra_stmt_step(stmt) != SOMBRA_MISUSE) _exit(8);
        if (sombra_commit(f.txn) != SOMBRA_MISUSE) _exit(9);
        _exit(0);
    }
    memset(text, 'q', sizeof text);
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(sombra_create_nodes(f.txn, NULL, 0, 1, &column, 1, NULL), SOMBRA_OK);
    assert_int_equal(write(to_child[1], &byte, 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    (void)close(to_child[0]);
    (void)close(to_child[1]);
    sombra_stmt_finalize(stmt);
    api_commit(&f);
    assert_int_equal(api_node_count(&f), 80); /* and it is whole */
    assert_int_equal(status, 0);
    api_end(&f);
}

/* ---- Hooks -------------------------------------------------------------------------------------------------------- */

#define HOOK_LOG_MAX 64u

typedef struct hook_log {
    unsigned commits, changes;
    sombra_status refuse;
    struct {
        sombra_change change;
        uint64_t id;
    } seen[HOOK_LOG_MAX];
} hook_log;

static sombra_status on_commit(void *ctx)
{
    hook_log *log = ctx;
    log->commits++;
    return log->refuse;
}

static void on_change(void *ctx, sombra_change change, uint64_t id)
{
    hook_log *log = ctx;
    if (log->changes < HOOK_LOG_MAX) {
        log->seen[log->changes].change = change;
        log->seen[log->changes].id = id;
    }
    log->changes++;
}

static void test_api_transactions__commit_hook(void **state)
{
    api_fixture f;
    hook_log log = {0};
    (void)state;

    api_new(&f);
    sombra_set_commit_hook(f.conn, on_commit, &log);
    api_begin(&f, SOMBRA_WRITE);
    api_commit(&f); /* nothing changed */
    api_begin(&f, SOMBRA_READ);
    api_commit(&f);
    assert_int_equal(log.commits, 0);
    api_begin(&f, SOMBRA_WRITE);
    (void)api_node(&f, "Person", 1);
    api_commit(&f);
    assert_int_equal(log.commits, 1);
    api_begin(&f, SOMBRA_WRITE);
    (void)api_name(&f, SOMBRA_LABEL, "Animal"); /* a name alone is a change, too */
    api_commit(&f);
    assert_int_equal(log.commits, 2);
    log.refuse = SOMBRA_CONSTRAINT;
    api_begin(&f, SOMBRA_WRITE);
    (void)api_node(&f, "Person", 2);
    FAILS(&f, sombra_commit(f.txn), SOMBRA_CONSTRAINT, "commit hook");
    assert_int_equal(log.commits, 3);
    /* a number that is no failure is one all the same */
    for (int i = 0; i < 2; i++) {
        log.refuse = (sombra_status)(i == 0 ? 7 : -99);
        api_begin(&f, SOMBRA_WRITE);
        (void)api_node(&f, "Person", 2);
        FAILS(&f, sombra_commit(f.txn), SOMBRA_CONSTRAINT, "no sombra_status");
    }
    sombra_set_commit_hook(f.conn, NULL, NULL);
    assert_int_equal(api_node_count(&f), 1);
    api_end(&f);
}

static void test_api_transactions__change_hook(void **state)
{
    api_fixture f;
    hook_log log = {0};
    sombra_mutation done;
    uint64_t a, b, c, rel, loop, other;
    uint32_t key;
    (void)state;

    api_new(&f);
    sombra_set_change_hook(f.conn, on_change, &log);
    api_begin(&f, SOMBRA_WRITE);
    a = api_node(&f, "Person", 1);
    b = api_node(&f, "Person", 2);
    c = api_node(&f, "Person", 3);
    rel = api_rel(&f, a, "KNOWS", b);
    loop = api_rel(&f, b, "KNOWS", b);
    other = api_rel(&f, c, "LIKES", b);
    assert_int_equal(log.changes, 6);
    assert_int_equal(log.seen[0].change, SOMBRA_NODE_CREATED);
    assert_int_equal(log.seen[0].id, a);
    assert_int_equal(log.seen[4].change, SOMBRA_REL_CREATED);
    assert_int_equal(log.seen[4].id, loop);
    api_commit(&f);

    log.changes = 0;
    api_begin(&f, SOMBRA_WRITE);
    key = api_name(&f, SOMBRA_KEY, "number");
    {
        const sombra_prop prop = {.key = key, .value = sombra_int(9)};
        const sombra_op good[] = {
            {.kind = SOMBRA_SET_PROPS, .entity = {a, -1}, .props = &prop, .prop_count = 1},
            {.kind = SOMBRA_SET_PROPS,
             .on_rel = true,
             .entity = {rel, -1},
             .props = &prop,
             .prop_count = 1},
            {.kind = SOMBRA_DELETE_NODE, .entity = {b, -1}, .detach = true},
            {.kind = SOMBRA_DELETE_NODE, .entity = {c, -1}},
        };
        const sombra_op bad[] = {good[2], {.kind = SOMBRA_DELETE_NODE, .entity = {999999, -1}}};
        uint64_t sum = 0;

        FAILS(&f, sombra_mutate(f.txn, bad, 2, NULL), SOMBRA_NOT_FOUND, "op 1");
        assert_int_equal(log.changes, 0); /* of what was undone nobody hears */
        OK(&f, sombra_mutate(f.txn, good, 4, &done));
        assert_int_equal(done.rels_deleted, 3);
        assert_int_equal(log.changes, 7);
        assert_int_equal(log.seen[0].change, SOMBRA_NODE_CHANGED);
        assert_int_equal(log.seen[1].change, SOMBRA_REL_CHANGED);
        for (unsigned i = 2; i < 5; i++) {
            assert_int_equal(log.seen[i].change, SOMBRA_REL_DELETED);
            sum += log.seen[i].id;
        }
        assert_int_equal(sum, rel + loop + other);
        assert_int_equal(log.seen[5].change, SOMBRA_NODE_DELETED);
        assert_int_equal(log.seen[5].id, b);
        assert_int_equal(log.seen[6].id, c);
    }
    api_commit(&f);
    api_end(&f);
}

static sombra_status run_text(api_fixture *f, const char *text)
{
    sombra_stmt *stmt = NULL;
    sombra_status st = sombra_prepare(f->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL);
    while (st == SOMBRA_OK || st == SOMBRA_ROW)
        st = sombra_stmt_step(stmt);
    sombra_stmt_finalize(stmt);
    return st;
}

static unsigned count_changes(hook_log *log, sombra_change change)
{
    unsigned count = 0;
    for (unsigned i = 0; i < log->changes && i < HOOK_LOG_MAX; i++)
        count += log->seen[i].change == change;
    return count;
}

/* What ON CREATE gives to what MERGE makes is made with it, so there is one change, unless it depends on what was made, or comes in
 * another way. What is there afterwards is the same. */
static void test_api_transactions__change_hook_of_merge(void **state)
{
    static const struct {
        const char *text;
        size_t changes;
        const char *then; /* what must match one row */
    } cases[] = {
        {"MERGE (n:A {x: 1}) ON CREATE SET n.y = 2, n.z = 'z'", 1, "(n:A {x: 1, y: 2, z: 'z'})"},
        {"UNWIND [{a: 5}] AS m MERGE (n:B {x: 1}) ON CREATE SET n.y = m.a", 1, "(n:B {y: 5})"},
        {"MERGE (n:C {x: 1}) ON CREATE SET n.y = null ON MATCH SET n.y = 1", 1,
         "(n:C {x: 1}) WHERE n.y IS NULL"},
        {"MERGE (n:D {x: 1}) ON CREATE SET n.x = 2", 2, "(n:D {x: 2})"},
        {"MERGE (n:E {x: 1}) ON CREATE SET n.y = 1, n.y = 2", 3, "(n:E {y: 2})"},
        {"MERGE (n:F {x: 1}) ON CREATE SET n.y = n.x + 1", 2, "(n:F {y: 2})"},
        {"MERGE (n:G {x: 1}) ON CREATE SET n.y = COUNT { (:G) }", 2, "(n:G {y: 1})"},
        {"MERGE (n:H {x: 1}) ON CREATE SET n:I", 2, "(n:H:I)"},
        {"MERGE (n:J {x: 1}) ON CREATE SET n += {y: 1}", 2, "(n:J {y: 1})"},
        {"MERGE (n:K)-[r:R {x: 1}]->(m:L {x: 1}) ON CREATE SET r.y = 1, m.z = 2", 3,
         "(:K)-[:R {x: 1, y: 1}]->(:L {x: 1, z: 2})"},
        {"MATCH (a:A) MERGE (a)-[:S]->(n:M) ON CREATE SET a.t = 1, n.t = 1", 4,
         "(:A {t: 1})-[:S]->(:M {t: 1})"},
    };
    api_fixture f;
    hook_log log = {0};
    char text[300];

    (void)state;
    api_new(&f);
    sombra_set_change_hook(f.conn, on_change, &log);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        log.changes = 0;
        assert_int_equal(run_text(&f, cases[i].text), SOMBRA_DONE);
        if (log.changes != cases[i].changes)
            fail_msg("case %zu: %zu changes", i, (size_t)log.changes);
        (void)snprintf(text, sizeof text, "MATCH %s WITH count(*) AS n RETURN 1 / n",
                       cases[i].then);
        if (run_text(&f, text) != SOMBRA_DONE) fail_msg("case %zu: not found", i);
    }
    log.changes = 0; /* no property of these is null, as those of the pattern may not be */
    assert_int_equal(run_text(&f, "MERGE (n:N {x: null}) ON CREATE SET n.y = 1"), SOMBRA_INVALID);
    assert_int_equal(log.changes, 0);
    api_end(&f);
}

/* Statements are heard of when they have come to their end, and only of what they have really changed. */
static void test_api_transactions__change_hook_of_statements(void **state)
{
    api_fixture f;
    hook_log log = {0};
    sombra_stmt *stmt = NULL;
    (void)state;

    api_new(&f);
    sombra_set_change_hook(f.conn, on_change, &log);
    assert_int_equal(run_text(&f, "CREATE (a:A {x: 1})-[:R {y: 1}]->(b:B), (b)-[:R]->(a)"),
                     SOMBRA_DONE);
    assert_int_equal(log.changes, 4);
    assert_int_equal(count_changes(&log, SOMBRA_NODE_CREATED), 2);
    assert_int_equal(count_changes(&log, SOMBRA_REL_CREATED), 2);
    log.changes = 0;
    /* What is so already is no change. */
    assert_int_equal(run_text(&f, "MATCH (a:A)-[r]->(b) SET a.x = 1, r.y = 1, b:B, a.none = null"),
                     SOMBRA_DONE);
    assert_int_equal(run_text(&f, "MERGE (a:A {x: 1}) ON CREATE SET a.z = 1 REMOVE a:C"),
                     SOMBRA_DONE);
    assert_int_equal(run_text(&f, "MATCH (a:A) RETURN a"), SOMBRA_DONE);
    assert_int_equal(log.changes, 0);
    assert_int_equal(run_text(&f, "MATCH (a:A)-[r]->(b) SET a.x = 2, r.y = null, b:C"),
                     SOMBRA_DONE);
    assert_int_equal(log.changes, 3);
    assert_int_equal(count_changes(&log, SOMBRA_NODE_CHANGED), 2);
    assert_int_equal(count_changes(&log, SOMBRA_REL_CHANGED), 1);
    log.changes = 0;
    /* A failure tells nothing, whatever it had done. */
    assert_int_equal(
        run_text(&f, "UNWIND range(2000, 0, -1) AS x CREATE (n:N {x: x}) SET n.y = 1 / x"),
        SOMBRA_INVALID);
    assert_int_equal(log.changes, 0);
    /* A run that is given up is undone, and nobody hears of it. */
    api_begin(&f, SOMBRA_WRITE);
    OK(&f, sombra_prepare(f.conn, "UNWIND range(1, 5) AS x CREATE (n:N {x: x}) RETURN n",
                          SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    assert_int_equal(log.changes, 0);
    OK(&f, sombra_stmt_reset(stmt));
    assert_int_equal(log.changes, 0);
    /* Nor of one that is under way, until it has come to its end. */
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    FAILS(&f, sombra_commit(f.txn), SOMBRA_MISUSE, "under way");
    assert_int_equal(log.changes, 0);
    while (sombra_stmt_step(stmt) == SOMBRA_ROW) {
    }
    assert_int_equal(log.changes, 5);
    api_commit(&f);
    sombra_stmt_finalize(stmt);
    assert_int_equal(log.changes, 5);
    log.changes = 0;
    /* Calls of the graph interface between the steps of one that reads are heard of at once. */
    api_begin(&f, SOMBRA_WRITE);
    OK(&f, sombra_prepare(f.conn, "MATCH (n:N) RETURN n", SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    (void)api_node(&f, "Between", 1);
    assert_int_equal(log.changes, 1);
    while (sombra_stmt_step(stmt) == SOMBRA_ROW) {
    }
    sombra_stmt_finalize(stmt);
    assert_int_equal(log.changes, 1);
    sombra_rollback(f.txn);
    log.changes = 0;
    /* Detached relationships before their node. */
    assert_int_equal(run_text(&f, "MATCH (a:A) DETACH DELETE a"), SOMBRA_DONE);
    assert_int_equal(log.changes, 3);
    assert_int_equal(log.seen[0].change, SOMBRA_REL_DELETED);
    assert_int_equal(log.seen[1].change, SOMBRA_REL_DELETED);
    assert_int_equal(log.seen[2].change, SOMBRA_NODE_DELETED);
    log.changes = 0;
    /* Each commit of its own: what was committed before a failure is told. */
    assert_int_equal(run_text(&f, "UNWIND [1, 2, 3, 4, 0, 5] AS x CALL { WITH x CREATE (:T {x: 1 / "
                                  "x}) } IN TRANSACTIONS OF 2 ROWS"),
                     SOMBRA_INVALID);
    assert_int_equal(log.changes, 4);
    log.changes = 0;
    assert_int_equal(
        run_text(&f, "UNWIND [1, 2, 3, 0, 5, 6] AS x CALL { WITH x CREATE (:T {x: 1 / x}) } "
                     "IN TRANSACTIONS OF 2 ROWS ON ERROR CONTINUE"),
        SOMBRA_DONE);
    assert_int_equal(log.changes, 4); /* not of the rows with the error, which were undone */
    log.changes = 0;
    assert_int_equal(run_text(&f, "UNWIND range(1, 5000) AS x CREATE (:Many {x: x})"), SOMBRA_DONE);
    assert_int_equal(log.changes, 5000);
    sombra_set_change_hook(f.conn, NULL, NULL);
    assert_int_equal(run_text(&f, "CREATE (:Unheard)"), SOMBRA_DONE);
    assert_int_equal(log.changes, 5000);
    api_end(&f);
}

/* ---- Cancelling --------------------------------------------------------------------------------------------------- */

typedef struct long_call {
    sombra_conn *conn;
    unsigned calls, stop_at;
    bool interrupt;
} long_call;

static bool on_progress(void *ctx, uint64_t done, uint64_t total)
{
    long_call *call = ctx;
    (void)done;
    (void)total;
    if (++call->calls < call->stop_at) return true;
    if (call->interrupt) sombra_interrupt(call->conn);
    return call->interrupt;
}

static void test_api_transactions__interrupt_and_progress(void **state)
{
    enum { NODES = 20000 };
    api_fixture f;
    long_call call = {0};
    sombra_verify_result result;
    uint32_t label;
    int64_t *numbers = calloc(NODES, sizeof *numbers);
    (void)state;

    api_new(&f);
    call.conn = f.conn;
    api_begin(&f, SOMBRA_WRITE);
    label = api_name(&f, SOMBRA_LABEL, "Person");
    {
        const sombra_column column = {.key = api_name(&f, SOMBRA_KEY, "number"),
                                      .type = SOMBRA_TYPE_INT,
                                      .integers = numbers};
        OK(&f, sombra_create_nodes(f.txn, &label, 1, NODES, &column, 1, NULL));
    }
    free(numbers);
    api_commit(&f);
    sombra_interrupt(f.conn); /* no call is running: nothing happens */
    sombra_interrupt(NULL);
    sombra_set_progress(f.conn, on_progress, &call);
    api_begin(&f, SOMBRA_READ);
    call.stop_at = UINT32_MAX;
    OK(&f, sombra_verify(f.txn, NULL, NULL, &result));
    assert_true(call.calls > 2);
    for (int by_interrupt = 0; by_interrupt < 2; by_interrupt++) {
        call.calls = 0;
        call.stop_at = 2;
        call.interrupt = by_interrupt != 0;
        FAILS(&f, sombra_verify(f.txn, NULL, NULL, &result), SOMBRA_INTERRUPT, "cancel");
    }
    /* the next call is a new one */
    call.stop_at = UINT32_MAX;
    OK(&f, sombra_verify(f.txn, NULL, NULL, &result));
    assert_int_equal(result.nodes, NODES);
    sombra_rollback(f.txn);
    /* a cancelled write leaves nothing of its call */
    api_begin(&f, SOMBRA_WRITE);
    {
        const uint32_t key = api_name(&f, SOMBRA_KEY, "number");
        const sombra_schema index = {
            .kind = SOMBRA_INDEX, .entity = label, .keys = &key, .key_count = 1};
        uint32_t id = 7;
        call.calls = 0;
        call.stop_at = 1;
        call.interrupt = false;
        FAILS(&f, sombra_schema_create(f.txn, &index, &id), SOMBRA_INTERRUPT, "");
        assert_int_equal(id, 0);
        OK(&f, sombra_schema_find(f.txn, &index, &id));
        assert_int_equal(id, 0);
        sombra_set_progress(f.conn, NULL, NULL);
        OK(&f, sombra_schema_create(f.txn, &index, &id));
        assert_int_not_equal(id, 0);
    }
    api_verify(&f);
    api_commit(&f);
    api_end(&f);
}

/* Each way to write much in one call can be cancelled, leaves nothing, and the transaction goes on. */
static sombra_status write_much(api_fixture *f, unsigned way, uint32_t label, uint32_t type)
{
    enum { MANY = 200000 };
    const uint64_t first = 1;
    sombra_status status = SOMBRA_OK;

    if (way == 0) {
        status = sombra_create_nodes(f->txn, &label, 1, MANY, NULL, 0, NULL);
    } else if (way == 1) {
        uint64_t *ends = malloc(MANY * sizeof *ends);
        for (size_t i = 0; i < MANY; i++)
            ends[i] = first;
        status = sombra_create_rels(f->txn, type, MANY, ends, ends, NULL, 0, NULL);
        free(ends);
    } else if (way == 2) {
        sombra_builder *builder;
        sombra_created created;
        OK(f, sombra_builder_open(f->txn, &builder));
        for (size_t i = 0; i < MANY; i++)
            OK(f, sombra_builder_node(builder, &label, 1, NULL, 0, NULL, 0, NULL));
        status = sombra_builder_execute(builder, &created);
        sombra_builder_close(builder);
    } else {
        sombra_op *ops = calloc(MANY, sizeof *ops);
        sombra_mutation summary;
        for (size_t i = 0; i < MANY; i++) {
            ops[i].kind = way == 3 ? SOMBRA_CREATE_NODE : SOMBRA_ADD_LABELS;
            ops[i].entity.id = way == 3 ? 0 : first;
            ops[i].entity.result_of = -1;
            ops[i].labels = &label;
            ops[i].label_count = 1;
        }
        status = sombra_mutate(f->txn, ops, MANY, &summary);
        free(ops);
    }
    return status;
}

static void test_api_transactions__long_writes_are_cancelled(void **state)
{
    api_fixture f;
    long_call call = {0};
    uint32_t label, type;
    (void)state;

    api_new(&f);
    call.conn = f.conn;
    api_begin(&f, SOMBRA_WRITE);
    label = api_name(&f, SOMBRA_LABEL, "Person");
    type = api_name(&f, SOMBRA_TYPE, "KNOWS");
    (void)api_node(&f, "Person", 1);
    api_commit(&f);
    sombra_set_progress(f.conn, on_progress, &call);
    for (unsigned way = 0; way < 5; way++) {
        api_begin(&f, SOMBRA_WRITE);
        for (int by_interrupt = 0; by_interrupt < 2; by_interrupt++) {
            call.calls = 0;
            call.stop_at = 2;
            call.interrupt = by_interrupt != 0;
            FAILS(&f, write_much(&f, way, label, type), SOMBRA_INTERRUPT, "cancel");
        }
        call.calls = 0;
        call.stop_at = UINT32_MAX;
        OK(&f, write_much(&f, way, label, type));
        assert_true(call.calls >= 3);
        sombra_rollback(f.txn);
        assert_int_equal(api_node_count(&f), 1);
    }
    /* what is cancelled is undone, and a commit is never cancelled */
    api_begin(&f, SOMBRA_WRITE);
    call.calls = 0;
    call.stop_at = 2;
    FAILS(&f, write_much(&f, 1, label, type), SOMBRA_INTERRUPT, "cancel");
    call.stop_at = UINT32_MAX;
    OK(&f, write_much(&f, 1, label, type));
    call.calls = 0;
    call.stop_at = 1;
    api_commit(&f);
    assert_int_equal(call.calls, 0);
    sombra_set_progress(f.conn, NULL, NULL);
    api_begin(&f, SOMBRA_READ);
    api_verify(&f);
    sombra_rollback(f.txn);
    api_end(&f);
}

/* The upkeep of an index in one large batch hears a cancel wherever it comes: while keys are made, sorted (here with long runs
 * of keys that begin alike), checked and put. */
static void test_api_transactions__index_upkeep_is_cancelled(void **state)
{
    enum { MANY = 60000 };
    api_fixture f;
    long_call call = {0};
    uint32_t label, keys[2], id;
    sombra_value *values = calloc(MANY, sizeof *values);
    char *texts = malloc((size_t)MANY * 32);
    unsigned cancelled = 0;
    sombra_status status = SOMBRA_INTERRUPT;
    (void)state;

    api_new(&f);
    call.conn = f.conn;
    api_begin(&f, SOMBRA_WRITE);
    label = api_name(&f, SOMBRA_LABEL, "Person");
    keys[0] = api_name(&f, SOMBRA_KEY, "name");
    keys[1] = api_name(&f, SOMBRA_KEY, "number");
    for (unsigned i = 0; i < 2; i++) {
        const sombra_schema schema = {.kind = i == 0 ? SOMBRA_UNIQUE : SOMBRA_INDEX,
                                      .entity = label,
                                      .keys = &keys[i],
                                      .key_count = 1};
        OK(&f, sombra_schema_create(f.txn, &schema, &id));
    }
    for (unsigned i = 0; i < MANY; i++) {
        const int size =
            sprintf(texts + (size_t)i * 32, "person with number %08u", (i * 7919u) % MANY * 3);
        values[i] = sombra_string(texts + (size_t)i * 32, (size_t)size);
    }
    int64_t *numbers = calloc(MANY, sizeof *numbers);
    for (unsigned i = 0; i < MANY; i++)
        numbers[i] = (int64_t)(i * 104729u % 1000);
    const sombra_column columns[2] = {
        {.key = keys[0], .values = values},
        {.key = keys[1], .type = SOMBRA_TYPE_INT, .integers = numbers}};
    sombra_set_progress(f.conn, on_progress, &call);
    while (status == SOMBRA_INTERRUPT) {
        call.calls = 0;
        call.stop_at = ++cancelled;
        status = sombra_create_nodes(f.txn, &label, 1, MANY, columns, 2, NULL);
    }
    OK(&f, status);
    assert_true(cancelled > 10); /* a look for each few thousand entries of two indexes */
    sombra_set_progress(f.conn, NULL, NULL);
    api_verify(&f);
    FAILS(&f, sombra_create_nodes(f.txn, &label, 1, 1, columns, 2, NULL), SOMBRA_CONSTRAINT,
          "name");
    api_commit(&f);
    assert_int_equal(api_node_count(&f), MANY);
    free(values);
    free(texts);
    free(numbers);
    api_end(&f);
}

/* ---- Time limits --------------------------------------------------------------------------------------------------- */

static bool sleepy(void *ctx, uint64_t done, uint64_t total)
{
    unsigned *calls = ctx;
    (void)done;
    (void)total;
    (*calls)++;
    (void)usleep(3000);
    return true;
}

static void limit(api_fixture *f, uint64_t ms, unsigned *calls)
{
    *calls = 0;
    sombra_set_progress(f->conn, ms == 0 ? NULL : sleepy, calls);
    sombra_set_time_limit(f->conn, ms);
}

/* Every long call answers a time limit like a cancel: nothing of it stays, and the transaction goes on. */
static void test_api_transactions__time_limit(void **state)
{
    enum { NODES = 200000 };
    api_fixture f;
    sombra_verify_result verified;
    sombra_bfs_result reached;
    uint32_t label, type, key, id;
    uint64_t *ids = malloc(NODES * sizeof *ids);
    int64_t *numbers = calloc(NODES, sizeof *numbers);
    uint8_t digest[16];
    unsigned calls;
    (void)state;

    api_new(&f);
    sombra_set_time_limit(NULL, 1);
    api_begin(&f, SOMBRA_WRITE);
    label = api_name(&f, SOMBRA_LABEL, "Person");
    type = api_name(&f, SOMBRA_TYPE, "KNOWS");
    key = api_name(&f, SOMBRA_KEY, "number");
    const sombra_column column = {.key = key, .type = SOMBRA_TYPE_INT, .integers = numbers};
    limit(&f, 3600000, &calls); /* an hour: in time */
    OK(&f, sombra_create_nodes(f.txn, &label, 1, NODES, &column, 1, ids));
    assert_true(calls > 0);
    OK(&f, sombra_create_rels(f.txn, type, NODES - 1, ids, ids + 1, NULL, 0, NULL));
    api_commit(&f);
    api_begin(&f, SOMBRA_WRITE);
    limit(&f, 1, &calls);
    for (unsigned way = 0; way < 5; way++)
        FAILS(&f, write_much(&f, way, label, type), SOMBRA_TIMEOUT, "time limit of 1 ms");
    const sombra_schema index = {
        .kind = SOMBRA_INDEX, .entity = label, .keys = &key, .key_count = 1};
    FAILS(&f, sombra_schema_create(f.txn, &index, &id), SOMBRA_TIMEOUT, "time limit");
    FAILS(&f, sombra_verify(f.txn, NULL, NULL, &verified), SOMBRA_TIMEOUT, "time limit");
    FAILS(&f, sombra_digest(f.txn, digest), SOMBRA_TIMEOUT, "time limit");
    FAILS(&f, sombra_bfs(f.txn, ids[0], NULL, NULL, NULL, &reached), SOMBRA_TIMEOUT, "time limit");
    sombra_rollback(f.txn);
    api_begin(&f, SOMBRA_READ);
    FAILS(&f, sombra_backup(f.txn, "backup.sombra"), SOMBRA_TIMEOUT, "time limit");
    assert_false(api_exists("backup.sombra"));
    /* the limit is one for each call, and 0 is none */
    limit(&f, 0, &calls);
    OK(&f, sombra_verify(f.txn, NULL, NULL, &verified));
    assert_int_equal(verified.findings, 0);
    assert_int_equal(verified.nodes, NODES);
    OK(&f, sombra_backup(f.txn, "backup.sombra"));
    sombra_rollback(f.txn);
    limit(&f, 1, &calls);
    FAILS(&f, sombra_restore(f.conn, "backup.sombra"), SOMBRA_TIMEOUT, "time limit");
    FAILS(&f, sombra_vacuum(f.conn, NULL), SOMBRA_TIMEOUT, "time limit");
    FAILS(&f, sombra_vacuum(f.conn, "other.sombra"), SOMBRA_TIMEOUT, "time limit");
    assert_false(api_exists("other.sombra"));
    limit(&f, 0, &calls);
    assert_int_equal(api_node_count(&f), NODES);
    api_remove("backup.sombra");
    free(ids);
    free(numbers);
    api_end(&f);
}

/* ---- Read-only, immutable ------------------------------------------------------------------------------------------ */

static void test_api_transactions__read_only(void **state)
{
    api_fixture f;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    (void)api_node(&f, "Person", 1);
    api_commit(&f);
    api_close(&f);
    for (int immutable = 0; immutable < 2; immutable++) {
        f.options.read_only = immutable == 0;
        f.options.immutable = immutable != 0;
        api_open_at(&f, API_PATH);
        FAILS(&f, sombra_begin(f.conn, SOMBRA_WRITE, &f.txn), SOMBRA_READ_ONLY, "");
        if (immutable) {
            assert_false(api_exists(API_PATH "-wal"));
            assert_false(api_exists(API_PATH "-shm"));
        }
        assert_int_equal(api_node_count(&f), 1);
        api_begin(&f, SOMBRA_READ);
        FAILS(&f, sombra_upgrade(f.txn), SOMBRA_READ_ONLY, "");
        sombra_rollback(f.txn);
        FAILS(&f, sombra_restore(f.conn, API_PATH), SOMBRA_READ_ONLY, "");
        FAILS(&f, sombra_vacuum(f.conn, NULL), SOMBRA_READ_ONLY, "");
        api_close(&f);
    }
    f.options.immutable = false;
    f.options.read_only = true;
    api_remove("absent.sombra");
    FAILS_ERROR(&f, sombra_open("absent.sombra", &f.options, &f.db, &f.error), SOMBRA_CANT_OPEN,
                "absent.sombra");
    api_remove(API_PATH);
}

/* ---- Abort, then go on (bug B17 of the original) --------------------------------------------------------------------- */

/* One transaction of several steps, left after `steps` of them. */
static void do_steps(api_fixture *f, unsigned steps)
{
    uint64_t a = 0, b = 0;
    uint32_t savepoint = 0;

    for (unsigned step = 0; step < steps; step++)
        switch (step) {
        case 0: (void)api_name(f, SOMBRA_LABEL, "Aborted"); break;
        case 1: a = api_node(f, "Aborted", 1); break;
        case 2: b = api_node(f, "Person", 2); break;
        case 3: (void)api_rel(f, a, "ABORTED", b); break;
        case 4: OK(f, sombra_savepoint(f->txn, &savepoint)); break;
        case 5: {
            const uint32_t label = api_name(f, SOMBRA_LABEL, "Person"),
                           key = api_name(f, SOMBRA_KEY, "aborted");
            const sombra_schema index = {
                .kind = SOMBRA_INDEX, .entity = label, .keys = &key, .key_count = 1};
            OK(f, sombra_schema_create(f->txn, &index, NULL));
            break;
        }
        case 6: {
            const sombra_op op = {.kind = SOMBRA_DELETE_NODE, .entity = {1, -1}, .detach = true};
            OK(f, sombra_mutate(f->txn, &op, 1, NULL));
            break;
        }
        case 7: { /* a call that fails by itself */
            const uint64_t nobody = 123456789;
            FAILS(f,
                  sombra_create_rels(f->txn, api_name(f, SOMBRA_TYPE, "ABORTED"), 1, &a, &nobody,
                                     NULL, 0, NULL),
                  SOMBRA_NOT_FOUND, "123456789");
            break;
        }
        case 8: OK(f, sombra_rollback_to(f->txn, savepoint)); break;
        default: break;
        }
}

static void test_api_transactions__abort_at_each_step(void **state)
{
    static const char *const levels[] = {"full", "normal", "off"};
    (void)state;

    for (uint8_t level = 0; level < 3; level++) {
        api_fixture f;
        uint64_t expected = 0;

        memset(&f, 0, sizeof f);
        api_remove(API_PATH);
        sombra_options_init(&f.options);
        OK_ERROR(&f, sombra_options_set(&f.options, "durability", levels[level], &f.error));
        api_open_at(&f, API_PATH);
        api_begin(&f, SOMBRA_WRITE);
        assert_int_equal(api_node(&f, "Person", 0), 1);
        api_commit(&f);
        expected = 1;
        for (unsigned steps = 0; steps <= 9; steps++) {
            api_begin(&f, SOMBRA_WRITE);
            do_steps(&f, steps);
            sombra_rollback(f.txn);
            for (int after = 0; after < 3;
                 after++) { /* every commit behind the abort succeeds, and stays */
                api_begin(&f, SOMBRA_WRITE);
                (void)api_node(&f, "Person", after);
                api_commit(&f);
                expected++;
            }
            assert_int_equal(api_node_count(&f), expected);
            if (steps % 3 == 0) api_reopen(&f);
            assert_int_equal(api_node_count(&f), expected);
            api_begin(&f, SOMBRA_READ);
            {
                uint32_t id = 7;
                OK(&f,
                   sombra_name_find(f.txn, SOMBRA_LABEL, "Aborted", SOMBRA_NUL_TERMINATED, &id));
                assert_int_equal(id, SOMBRA_NO_NAME);
            }
            sombra_rollback(f.txn);
        }
        api_end(&f);
    }
}

/* ---- Commits and checkpoints that are cancelled ------------------------------------------------------------------- */

static void run_query(api_fixture *f, const char *text)
{
    sombra_stmt *stmt;

    OK(f, sombra_prepare(f->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_DONE);
    sombra_stmt_finalize(stmt);
}

static struct {
    sombra_conn *conn;
    _Atomic bool stop;
} interrupted;

static void *keep_interrupting(void *unused)
{
    (void)unused;
    while (!atomic_load(&interrupted.stop))
        sombra_interrupt(interrupted.conn);
    return NULL;
}

/* By another thread, as often as it can: the transaction is gone. The next one is whole. */
static void test_api_transactions__commit_is_cancelled(void **state)
{
    static const char fill[] = "UNWIND range(1, 30000) AS i CREATE (:P {t: 'text ' + i})-[:R]->(:P "
                               "{t: 'other text ' + i})";
    api_fixture f;
    sombra_verify_result result;
    sombra_status status = SOMBRA_OK;
    (void)state;

    api_new(&f);
    interrupted.conn = f.conn;
    for (unsigned tries = 0; tries < 100 && status == SOMBRA_OK; tries++) {
        pthread_t thread;
        api_begin(&f, SOMBRA_WRITE);
        run_query(&f, fill);
        atomic_store(&interrupted.stop, false);
        assert_int_equal(pthread_create(&thread, NULL, keep_interrupting, NULL), 0);
        status = sombra_commit(f.txn);
        atomic_store(&interrupted.stop, true);
        assert_int_equal(pthread_join(thread, NULL), 0);
        if (status == SOMBRA_OK) { /* the thread did not come to run */
            run_query(&f, "MATCH (p:P) DETACH DELETE p");
            continue;
        }
        FAILS(&f, status, SOMBRA_INTERRUPT, "cancelled");
    }
    assert_int_equal(status, SOMBRA_INTERRUPT);
    assert_int_equal(api_node_count(&f), 0);
    api_begin(&f, SOMBRA_WRITE);
    run_query(&f, fill);
    sombra_set_time_limit(f.conn, 1); /* does not hold for it */
    api_commit(&f);
    sombra_set_time_limit(f.conn, 0);
    assert_int_equal(api_node_count(&f), 60000);
    api_reopen(&f);
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_verify(f.txn, NULL, NULL, &result));
    assert_int_equal(result.nodes, 60000);
    sombra_rollback(f.txn);
    api_end(&f);
}

static void test_api_transactions__checkpoint_is_cancelled(void **state)
{
    api_fixture f;
    sombra_checkpoint_result done;
    uint64_t cancelled = 0;
    (void)state;

    api_new(&f);
    OK(&f, sombra_pragma(f.conn, "autocheckpoint", "0"));
    run_query(&f, "UNWIND range(1, 20000) AS i CREATE (:P {i: i, t: 'text ' + i})");
    OK(&f, sombra_checkpoint(f.conn, SOMBRA_RESTART, NULL));
    run_query(&f, "MATCH (p:P) SET p.t = p.t + ', longer'");
    for (unsigned at = 1; at != 0; at++) {
        long_call call = {.conn = f.conn, .stop_at = at, .interrupt = at % 2 != 0};
        sombra_set_progress(f.conn, on_progress, &call);
        const sombra_status status = sombra_checkpoint(f.conn, SOMBRA_RESTART, &done);
        sombra_set_progress(f.conn, NULL, NULL);
        assert_int_equal(api_node_count(&f), 20000);
        if (status == SOMBRA_OK) break;
        assert_int_equal(status, SOMBRA_INTERRUPT);
        assert_false(done.restarted);
        cancelled++;
    }
    assert_true(cancelled >= 2);
    assert_true(done.restarted);
    api_reopen(&f);
    api_begin(&f, SOMBRA_READ);
    sombra_verify_result result;
    OK(&f, sombra_verify(f.txn, NULL, NULL, &result));
    assert_int_equal(result.nodes, 20000);
    sombra_rollback(f.txn);
    api_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_transactions__misuse),
        cmocka_unit_test(test_api_transactions__commit_and_rollback),
        cmocka_unit_test(test_api_transactions__savepoints),
        cmocka_unit_test(test_api_transactions__upgrade),
        cmocka_unit_test(test_api_transactions__two_handles),
        cmocka_unit_test(test_api_transactions__busy_names_the_process),
        cmocka_unit_test(test_api_transactions__fork),
        cmocka_unit_test(test_api_transactions__fork_within),
        cmocka_unit_test(test_api_transactions__commit_hook),
        cmocka_unit_test(test_api_transactions__change_hook),
        cmocka_unit_test(test_api_transactions__change_hook_of_merge),
        cmocka_unit_test(test_api_transactions__change_hook_of_statements),
        cmocka_unit_test(test_api_transactions__interrupt_and_progress),
        cmocka_unit_test(test_api_transactions__index_upkeep_is_cancelled),
        cmocka_unit_test(test_api_transactions__time_limit),
        cmocka_unit_test(test_api_transactions__commit_is_cancelled),
        cmocka_unit_test(test_api_transactions__checkpoint_is_cancelled),
        cmocka_unit_test(test_api_transactions__long_writes_are_cancelled),
        cmocka_unit_test(test_api_transactions__read_only),
        cmocka_unit_test(test_api_transactions__abort_at_each_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
