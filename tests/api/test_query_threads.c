/* test_query_threads.c — connections on threads of their own: readers run queries while one writes. Each query sees one state: what a statement
 * has made is seen whole or not at all. Made for the thread sanitizer. */
#include <pthread.h>
#include <stdatomic.h>

#include "support/api_fixture.h"

enum { READERS = 3, ROUNDS = 200, PAIRS = 20 };

typedef struct worker {
    sombra_db *db;
    const char *const *queries; /* each gives one integer */
    size_t query_count;
    atomic_bool *stop;
    unsigned rounds;       /* done */
    int64_t last;          /* what the first query gave */
    const char *complaint; /* NULL: none */
} worker;

/* The one integer that a query gives; -1 and a complaint when it fails. */
static int64_t ask(worker *w, sombra_conn *conn, const char *query)
{
    sombra_stmt *stmt;
    sombra_value value = sombra_int(-1);

    if (sombra_prepare(conn, query, SOMBRA_NUL_TERMINATED, &stmt, NULL) != SOMBRA_OK ||
        sombra_stmt_step(stmt) != SOMBRA_ROW || sombra_stmt_column(stmt, 0, &value) != SOMBRA_OK ||
        value.type != SOMBRA_TYPE_INT || sombra_stmt_step(stmt) != SOMBRA_DONE)
        w->complaint = query;
    sombra_stmt_finalize(stmt);
    return w->complaint == NULL ? value.as.integer : -1;
}

static void *read_on(void *context)
{
    worker *w = context;
    sombra_conn *conn;
    sombra_error error;

    if (sombra_connect(w->db, &conn, &error) != SOMBRA_OK) {
        w->complaint = "sombra_connect";
        return NULL;
    }
    do {
        const int64_t pairs = ask(w, conn, w->queries[0]);
        if (pairs < w->last || pairs % PAIRS != 0) w->complaint = "a statement seen in part";
        w->last = pairs;
        for (size_t i = 1; i < w->query_count; i++)
            if (ask(w, conn, w->queries[i]) != 0) w->complaint = w->queries[i];
        w->rounds++;
    } while (w->complaint == NULL && !atomic_load(w->stop));
    sombra_disconnect(conn);
    return NULL;
}

static void execute(api_fixture *f, const char *text)
{
    sombra_stmt *stmt;
    sombra_status status;

    OK(f, sombra_prepare(f->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    while ((status = sombra_stmt_step(stmt)) == SOMBRA_ROW) {
    }
    if (status != SOMBRA_DONE) print_error("%s: %s\n", text, sombra_error_of(f->conn)->message);
    assert_int_equal(status, SOMBRA_DONE);
    sombra_stmt_finalize(stmt);
}

static void test_api_query_threads__read_while_one_writes(void **state)
{
    static const char *const queries[] = {
        "MATCH (:Left)-[r:PAIR]->(:Right) RETURN count(r)",
        "MATCH (a:Left) WHERE NOT (a)-[:PAIR]->() RETURN count(a)",
        "MATCH (a:Left)-[:PAIR]->(b) WITH a.n AS n, b.n AS m WHERE n <> m RETURN count(*)",
        "MATCH (a:Left {n: 3})-[:PAIR]->(b:Right) WHERE b.text =~ 'no .*' RETURN count(b)",
        "UNWIND range(1, 50) AS i OPTIONAL MATCH (a:Left {n: i + 1000}) RETURN count(a)",
    };
    api_fixture f;
    atomic_bool stop = false;
    pthread_t threads[READERS];
    worker workers[READERS];
    (void)state;

    api_new(&f);
    execute(&f, "CREATE INDEX left_n FOR (a:Left) ON (a.n)");
    for (size_t i = 0; i < READERS; i++) {
        workers[i] = (worker){.db = f.db,
                              .queries = queries,
                              .query_count = sizeof queries / sizeof *queries,
                              .stop = &stop};
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &workers[i]), 0);
    }
    for (int round = 0; round < ROUNDS; round++) {
        /* new names in the middle, so that readers' statements are compiled against names that grow */
        if (round == ROUNDS / 2) execute(&f, "MATCH (a:Left) SET a:Half, a.half = true");
        execute(&f, "UNWIND range(0, 19) AS n "
                    "CREATE (:Left {n: n})-[:PAIR {at: n}]->(:Right {n: n, text: 'yes ' + n})");
    }
    execute(&f, "MATCH (a:Left)-[r:PAIR]->(b) WHERE a.n = -1 DETACH DELETE a, b");
    atomic_store(&stop, true);
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (workers[i].complaint != NULL) print_error("reader %zu: %s\n", i, workers[i].complaint);
        assert_null(workers[i].complaint);
        assert_true(workers[i].rounds > 0);
        assert_true(workers[i].last <= (int64_t)ROUNDS * PAIRS);
    }
    workers[0].last = ask(&workers[0], f.conn, queries[0]);
    assert_null(workers[0].complaint);
    assert_int_equal(workers[0].last, ROUNDS * PAIRS);
    api_end(&f);
}

/* Writers wait for each other: every increment counts. */
static void *count_up(void *context)
{
    worker *w = context;
    sombra_conn *conn;
    sombra_error error;

    if (sombra_connect(w->db, &conn, &error) != SOMBRA_OK) {
        w->complaint = "sombra_connect";
        return NULL;
    }
    for (; w->rounds < ROUNDS && w->complaint == NULL; w->rounds++)
        (void)ask(w, conn, w->queries[0]);
    sombra_disconnect(conn);
    return NULL;
}

static void test_api_query_threads__writers_wait(void **state)
{
    static const char *const queries[] = {
        "MERGE (c:Counter) ON CREATE SET c.n = 1 ON MATCH SET c.n = c.n + 1 RETURN c.n",
    };
    api_fixture f;
    pthread_t threads[READERS];
    worker workers[READERS];
    (void)state;

    api_new(&f);
    for (size_t i = 0; i < READERS; i++) {
        workers[i] = (worker){.db = f.db, .queries = queries, .query_count = 1};
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, &workers[i]), 0);
    }
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (workers[i].complaint != NULL) print_error("writer %zu: %s\n", i, workers[i].complaint);
        assert_null(workers[i].complaint);
    }
    assert_int_equal(ask(&workers[0], f.conn, "MATCH (c:Counter) RETURN c.n"), READERS * ROUNDS);
    api_end(&f);
}

static sombra_status give_nothing(sombra_call *call)
{
    (void)call;
    return SOMBRA_OK;
}

/* Functions and procedures that come while others are looked up are seen whole or not at all. */
static void test_api_query_threads__registered_meanwhile(void **state)
{
    static const char *const queries[] = {
        "SHOW FUNCTIONS YIELD name WHERE name STARTS WITH 'on.' RETURN count(*) * 20 AS n",
        "SHOW PROCEDURES YIELD name, signature WHERE name STARTS WITH 'on.' AND NOT signature "
        "STARTS WITH name RETURN count(*) AS n",
    };
    enum { COUNT = 50 };
    api_fixture f;
    atomic_bool stop = false;
    pthread_t thread;
    char signature[64];
    (void)state;

    api_new(&f);
    worker reader = {.db = f.db, .queries = queries, .query_count = 2, .stop = &stop};
    assert_int_equal(pthread_create(&thread, NULL, read_on, &reader), 0);
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(signature, sizeof signature, "on.f%d() :: ANY", i);
        OK_ERROR(&f, sombra_register_function(f.db, signature, give_nothing, NULL, &f.error));
        (void)snprintf(signature, sizeof signature, "on.p%d() :: ()", i);
        OK_ERROR(&f, sombra_register_procedure(f.db, signature, give_nothing, NULL, &f.error));
    }
    atomic_store(&stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    if (reader.complaint != NULL) print_error("reader: %s\n", reader.complaint);
    assert_null(reader.complaint);
    assert_int_equal(ask(&reader, f.conn, queries[0]), COUNT * 20);
    api_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_query_threads__read_while_one_writes),
        cmocka_unit_test(test_api_query_threads__writers_wait),
        cmocka_unit_test(test_api_query_threads__registered_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
