/* Goal: a statement read by several threads gives what one thread gives: rows, their order, every bit of a sum, and the error; cancelling
 * stops it, memory and threads that are not to be had are done without, a child after fork is refused, and sessions are given back. Method: queries of many shapes over a
 * graph of a few thousand nodes, with parallel plans forced, written out and compared with one thread's text; failures of each allocation.
 * Made for the thread sanitizer. */
#define _GNU_SOURCE 1 /* RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/api_fixture.h"

#include "api/api_priv.h"
#include "support/api_rig.h"

enum { NODES = 3000 };

/* ---- Running --------------------------------------------------------------------------------------------------- */

static void set_threads(sombra_conn *conn, unsigned threads)
{
    conn->trial.plan.threads = threads;
    conn->trial.plan.force_parallel = threads > 1;
}

static void write_value(FILE *out, const sombra_value *v)
{
    switch (v->type) {
    case SOMBRA_TYPE_NULL: (void)fputs("null", out); break;
    case SOMBRA_TYPE_BOOL: (void)fputs(v->as.boolean ? "true" : "false", out); break;
    case SOMBRA_TYPE_INT: (void)fprintf(out, "%lld", (long long)v->as.integer); break;
    case SOMBRA_TYPE_FLOAT: (void)fprintf(out, "%a", v->as.real); break;
    case SOMBRA_TYPE_STRING:
        (void)fprintf(out, "'%.*s'", (int)v->as.bytes.size, (const char *)v->as.bytes.data);
        break;
    case SOMBRA_TYPE_LIST:
        (void)fputc('[', out);
        for (size_t i = 0; i < v->as.list.count; i++) {
            if (i != 0) (void)fputs(", ", out);
            write_value(out, &v->as.list.items[i]);
        }
        (void)fputc(']', out);
        break;
    default: (void)fprintf(out, "%s %llu", sombra_type_name(v->type), (unsigned long long)v->as.id);
    }
}

/* Rows up to the end or the failure, and which; the caller frees the text. */
static char *text_of(sombra_conn *conn, const char *query, int times)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    sombra_stmt *stmt = NULL;
    sombra_status status = sombra_prepare(conn, query, SOMBRA_NUL_TERMINATED, &stmt, NULL);

    assert_non_null(out);
    for (int i = 0; status == SOMBRA_OK && i < times; i++) {
        while ((status = sombra_stmt_step(stmt)) == SOMBRA_ROW) {
            for (size_t c = 0; c < sombra_stmt_column_count(stmt); c++) {
                sombra_value value;
                assert_int_equal(sombra_stmt_column(stmt, c, &value), SOMBRA_OK);
                if (c != 0) (void)fputc('|', out);
                write_value(out, &value);
            }
            (void)fputc('\n', out);
        }
        if (status == SOMBRA_DONE) status = sombra_stmt_reset(stmt);
    }
    if (status != SOMBRA_OK)
        (void)fprintf(out, "%s: %s\n", sombra_status_name(status), sombra_error_of(conn)->message);
    sombra_stmt_finalize(stmt);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void execute(sombra_conn *conn, const char *query)
{
    char *text = text_of(conn, query, 1);

    assert_string_equal(text, "");
    free(text);
}

static bool is_parallel(sombra_conn *conn, const char *query)
{
    char explain[2000];

    (void)snprintf(explain, sizeof explain, "EXPLAIN %s", query);
    char *text = text_of(conn, explain, 1);
    const bool is = strstr(text, "+Gather") != NULL;
    free(text);
    return is;
}

static void all_idle(sombra_db *db)
{
    const sb_workers_counts counts = sb_workers_count(db->workers);

    assert_int_equal(counts.sessions, counts.idle_sessions);
}

/* The same with 1, 2, 3 and 4 threads, run twice. */
static void same_text(api_fixture *f, const char *query, bool parallel)
{
    set_threads(f->conn, 1);
    assert_false(is_parallel(f->conn, query));
    char *wanted = text_of(f->conn, query, 2);
    for (unsigned threads = 2; threads <= 4; threads++) {
        set_threads(f->conn, threads);
        if (is_parallel(f->conn, query) != parallel)
            fail_msg("%s is %s", query, parallel ? "not parallel" : "parallel");
        char *got = text_of(f->conn, query, 2);
        if (strcmp(got, wanted) != 0)
            fail_msg("%s on %u threads:\n%.3000s\ninstead of\n%.3000s", query, threads, got,
                     wanted);
        free(got);
        all_idle(f->db);
    }
    free(wanted);
}

/* ---- The graph ----------------------------------------------------------------------------------------------------- */

static void make_graph(sombra_conn *conn)
{
    execute(conn, "UNWIND range(0, 2999) AS i CREATE (n:P {i: i, x: i * 7919 % 101, y: i * 0.1, "
                  "name: 'n' + (i * 31 % 500)}) "
                  "FOREACH (_ IN CASE WHEN i % 3 = 0 THEN [1] ELSE [] END | SET n:Q) "
                  "FOREACH (_ IN CASE WHEN i % 7 = 0 THEN [1] ELSE [] END | SET n.z = "
                  "CASE WHEN i % 2 = 0 THEN i % 5 ELSE toFloat(i % 5) END)");
    execute(conn, "CREATE INDEX p_i FOR (n:P) ON (n.i)");
    execute(conn,
            "UNWIND range(0, 2999) AS i MATCH (a:P {i: i}) UNWIND [1, 2, 3] AS k "
            "MATCH (b:P {i: (i * k * 37 + k) % 3000}) CREATE (a)-[:R {w: (i + k) % 10}]->(b)");
    execute(conn, "UNWIND range(0, 999) AS i MATCH (a:P {i: i}), (b:P {i: i * 3 % 3000}) "
                  "CREATE (a)-[:S {w: i * 0.25}]->(b)");
    execute(conn, "MATCH (n:P) WHERE n.i % 11 = 5 AND NOT (n)--() DELETE n");
}

static int setup(void **state)
{
    static api_fixture fixture;

    api_new(&fixture);
    make_graph(fixture.conn);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    api_end(*state);
    return 0;
}

/* ---- Tests -------------------------------------------------------------------------------------------------------------- */

static void test_api_query_parallel__aggregates(void **state)
{
    static const char *const queries[] = {
        "MATCH (n:P) RETURN count(*), count(n.z), sum(n.i), avg(n.x), min(n.name), max(n.name)",
        "MATCH (n:P) RETURN sum(n.y), avg(n.y), sum(n.z), avg(n.z), sum(n.y * 1e300 * n.x)",
        "MATCH (n:P) RETURN min(n.z), max(n.z), count(DISTINCT n.z), sum(DISTINCT n.z)",
        "MATCH (n:P) RETURN collect(n.i), collect(DISTINCT n.x), collect(DISTINCT n.name)",
        "MATCH (n:P) RETURN percentileCont(n.y, 0.3), percentileDisc(n.x, 0.7)",
        "MATCH (n:P) WHERE n.x < 0 RETURN count(*), sum(n.y), min(n.x), collect(n.x)",
        "MATCH (n:P) RETURN n.x, count(*), sum(n.y), avg(n.y), collect(n.i), max(n.name)",
        "MATCH (n:P) RETURN n.z, count(*), collect(DISTINCT n.x)",
        "MATCH (n:P) RETURN n.name, n.x % 3, count(DISTINCT n.z), min(n.y)",
        "MATCH (n) RETURN labels(n), count(*)",
        "MATCH (n:Q) RETURN n.i % 10 AS k, count(*) AS c ORDER BY c DESC, k LIMIT 5",
        "MATCH (n:P)-[:R]->(m) RETURN n, count(*), count(DISTINCT m)",
        "MATCH (n:P)-[r:R]->(m) RETURN m.x, count(*), sum(r.w), collect(n.i)",
        "MATCH (n:P)-[:R]->(m)-[:S]->(o) RETURN count(*), count(DISTINCT o), sum(o.y)",
        "MATCH (n:P)-[:R]->(m)-[:R]->(o) WHERE n.x < 30 RETURN o.x, count(*), count(DISTINCT m)",
        "MATCH ()-[r:R]->() RETURN r.w, count(*)",
        "MATCH (a)-[r:S]->(b) RETURN count(*), sum(r.w), max(b.i)",
        "MATCH ()-[r]->() RETURN type(r), count(*), sum(r.w)",
        "MATCH (a)-[r:R]->() RETURN a, count(r)",
        "MATCH (n:P) OPTIONAL MATCH (n)-[:S]->(m) RETURN n.x % 5, count(m), sum(m.i)",
        "MATCH (n:P)-[:R*1..2]->(m) WHERE n.x = 3 RETURN count(*), count(DISTINCT m), sum(m.y)",
        "MATCH (n:P) WHERE EXISTS { (n)-[:S]->(:Q) } RETURN count(*), collect(n.i)",
        "MATCH (n:P) RETURN sum(COUNT { (n)-[:S]->() }), sum(size([(n)-[:R]->(m:Q) | m.i]))",
        "MATCH (n:P) UNWIND [1, 2] AS k WITH n.x + k AS v RETURN v, count(*)",
        "MATCH (n:P) WITH n.x AS x, count(*) AS c WHERE c > 10 RETURN sum(c), collect(x)",
        "MATCH (n:P) CALL (n) { MATCH (n)-[:S]->(m) RETURN count(m) AS c } RETURN sum(c), max(c)",
        "MATCH p = (n:P)-[:S]->(m) RETURN sum(length(p)), count(p)",
        "MATCH (a:P)-[:R]->(b)-[:R]->(c), (a)-[:S]->(c) RETURN count(*)",
        "MATCH (a:P)-[:R]->(b)-[:R]->(c)-[:R]->(a) RETURN count(*), sum(b.x)",
        "MATCH (a:P)-[:R]->(b)-[:R]->(c)-[:R]->(a) RETURN a.x, count(*), collect(c.i)",
    };

    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        same_text(*state, queries[i], true);
}

static void test_api_query_parallel__rows(void **state)
{
    static const char *const queries[] = {
        "MATCH (n:P) RETURN n.i, n.y",
        "MATCH (n:P) WHERE n.x = 17 RETURN n, n.name",
        "MATCH (n) WHERE n.name CONTAINS '99' RETURN n.i",
        "MATCH (n:P) WHERE n.x = -1 RETURN n",
        "MATCH (n:Q)-[r:R]->(m) RETURN n.i, m.i, r.w",
        "MATCH (n:P) RETURN n.name AS a, n.i AS b ORDER BY a DESC",
        "MATCH (n:P) RETURN n.x AS a, n.i AS b ORDER BY a LIMIT 20",
        "MATCH (n:P) RETURN n.x AS a, n.i AS b ORDER BY a DESC, b SKIP 7 LIMIT 20",
        "MATCH (n:P)-[:R]->(m) RETURN DISTINCT n.x, m.x",
        "MATCH (n:P) RETURN DISTINCT n.z",
        "MATCH (n:P) RETURN n.z AS z ORDER BY z LIMIT 900",
        "MATCH (n:P) WITH n ORDER BY n.x, n.i LIMIT 50 MATCH (n)-[:R]->(m) RETURN n.i, m.i",
        "MATCH (n:P) RETURN stDev(n.y), stDevP(n.x)",
        "MATCH (n:P) RETURN n.x % 2, stDev(n.y)",
        ("MATCH (n:P) WITH n.i AS i WHERE i % 100 = 0 RETURN collect(i) AS l UNION ALL "
         "MATCH (m:Q) WITH m.i AS i WHERE i % 90 = 0 RETURN collect(i) AS l"),
        "MATCH (n:P) RETURN n.i AS i UNION MATCH (m:Q) RETURN m.x AS i",
        "MATCH (a:P), (b:Q) WHERE a.x = 5 AND b.x = 6 RETURN a.i, b.i",
        "MATCH (a:P), (b:Q) WHERE a.name = b.name AND a.i < b.i RETURN count(*)",
        "MATCH (n:P) WHERE n.x < 50 RETURN [(n)-[:R]->(m) WHERE m.x > 50 | m.i]",
    };

    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        same_text(*state, queries[i], true);
}

/* What must stay on one thread, or is not worth another. */
static void test_api_query_parallel__not_divided(void **state)
{
    static const char *const queries[] = {
        "MATCH (n:P) RETURN n.i LIMIT 3",
        "MATCH (n:P {i: 7}) RETURN n.x",
        "MATCH ()-[r:R|S]->() RETURN count(r), sum(r.w)",
        "MATCH (a)-[r:S]-(b) RETURN a.i, b.i",
        "UNWIND range(1, 2000) AS i RETURN sum(i)",
        "MATCH (n:P) RETURN count(*)",
        "MATCH (n:P) WITH n.i AS i LIMIT 10 RETURN sum(i)",
    };
    api_fixture *f = *state;

    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        same_text(f, queries[i], false);
    set_threads(f->conn, 4);
    assert_false(is_parallel(f->conn, "MATCH (n:P) SET n.same = n.x RETURN count(n.x)"));
    /* What differs from call to call is asked above. */
    static const char *const volatile_queries[] = {
        "EXPLAIN MATCH (n:P) WHERE rand() >= 0 RETURN count(n.x)",
        "EXPLAIN MATCH (n:P) WHERE EXISTS { MATCH (n)-->(m) WHERE rand() < 2 } RETURN count(n.x)",
    };
    for (size_t i = 0; i < 2; i++) {
        char *text = text_of(f->conn, volatile_queries[i], 1);
        assert_true(strstr(text, "rand()") < strstr(text, "+Gather"));
        free(text);
    }
    assert_true(is_parallel(f->conn, "MATCH (n:P) RETURN sum(n.x)"));
    /* By its cost, a graph of this size is none for several threads. */
    f->conn->trial.plan.force_parallel = false;
    assert_false(is_parallel(f->conn, "MATCH (n:P) RETURN sum(n.x)"));
    assert_true(is_parallel(f->conn, "MATCH (n:P), (m:P) WHERE n.x + m.x = 7 RETURN sum(n.x)"));
}

static sombra_status twice(sombra_call *call)
{
    const sombra_value value = sombra_int(2 * sombra_call_arg(call, 0)->as.integer);

    return sombra_call_result(call, &value);
}

static void test_api_query_parallel__functions_of_the_program(void **state)
{
    api_fixture *f = *state;

    OK_ERROR(f, sombra_register_function(f->db, "my.twice(x :: INTEGER?) :: INTEGER?", twice, NULL,
                                         &f->error));
    same_text(f, "MATCH (n:P) WITH my.twice(n.x) AS t RETURN sum(t), collect(t)", true);
    set_threads(f->conn, 4);
    /* It is called above the GATHER, by the statement's own thread. */
    char *text = text_of(f->conn, "EXPLAIN MATCH (n:P) WHERE my.twice(n.x) > 4 RETURN n.i", 1);
    assert_true(strstr(text, "my.twice") < strstr(text, "+Gather"));
    free(text);
}

/* Of several failures the first in order is told, whoever comes upon it first. */
static void test_api_query_parallel__first_failure(void **state)
{
    static const char *const queries[] = {
        "MATCH (n:P) RETURN sum(CASE WHEN n.i % 1000 = 7 THEN date('bad ' + n.i) ELSE 1 END)",
        "MATCH (n:P) RETURN sum(CASE WHEN n.i > 2900 THEN date('bad ' + n.i) ELSE 1 END)",
        "MATCH (n:P) WHERE CASE WHEN n.i IN [40, 41, 2500] THEN date('bad ' + n.i) > 1 ELSE true "
        "END RETURN n.x, collect(n.i)",
        "MATCH (n:P) WHERE CASE WHEN n.i > 1700 THEN date('bad ' + n.i) > 1 ELSE true END "
        "RETURN DISTINCT n.x",
        "MATCH (n:P) WITH n ORDER BY n.i / (n.x - 5) RETURN n.i",
    };

    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        same_text(*state, queries[i], true);
}

static void test_api_query_parallel__settings(void **state)
{
    api_fixture *f = *state;

    f->conn->trial.plan.force_parallel = true;
    OK(f, sombra_pragma(f->conn, "threads", "1"));
    assert_false(is_parallel(f->conn, "MATCH (n:P) RETURN sum(n.x)"));
    OK(f, sombra_pragma(f->conn, "threads", "3"));
    char *text = text_of(f->conn, "EXPLAIN MATCH (n:P) RETURN sum(n.x)", 1);
    assert_non_null(strstr(text, "up to 3 threads"));
    free(text);
    OK(f, sombra_pragma(f->conn, "threads", "0"));
    assert_int_equal(f->conn->trial.plan.threads, sb_os_cpu_count());
    FAILS(f, sombra_pragma(f->conn, "threads", "257"), SOMBRA_INVALID, "threads");
    OK_ERROR(f, sombra_options_set(&f->options, "threads", "2", &f->error));
    assert_int_equal(f->options.threads, 2);
    FAILS_ERROR(f, sombra_options_set(&f->options, "threads", "-1", &f->error), SOMBRA_INVALID,
                "threads");
    api_reopen(f);
    assert_int_equal(f->conn->trial.plan.threads, 2);
    assert_int_equal(sb_workers_count(f->db->workers).threads, 0); /* none before there is work */
    set_threads(f->conn, 2);
    free(text_of(f->conn, "MATCH (n:P) RETURN sum(n.x)", 1));
    assert_int_equal(sb_workers_count(f->db->workers).threads, 1);
    f->options.threads = 0;
}

/* The rows that operators have counted, of all threads. */
static void test_api_query_parallel__profile(void **state)
{
    static const char *const queries[] = {
        "PROFILE JSON MATCH (n:P)-[:R]->(m) WHERE m.x < 50 RETURN n.x, count(*), sum(m.y)",
        "PROFILE JSON MATCH (n:P) WHERE n.x < 50 RETURN n.i",
    };
    api_fixture *f = *state;

    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        char *texts[2];
        for (unsigned t = 0; t < 2; t++) {
            set_threads(f->conn, t == 0 ? 1 : 4);
            texts[t] = text_of(f->conn, queries[i], 1);
        }
        /* each operator of the plain plan has its rows in the parallel one, too */
        size_t found = 0;
        for (const char *at = texts[0]; (at = strstr(at, "\"operator\":\"")) != NULL; at++) {
            char name[64];
            const char *rows = strstr(at, "\"rows\":");
            const size_t size = strcspn(at, ",");
            assert_true(size < sizeof name && rows != NULL);
            (void)snprintf(name, sizeof name, "%.*s", (int)size, at);
            if (strstr(name, "Argument") != NULL) continue; /* once a morsel */
            const char *other = strstr(texts[1], name);
            assert_non_null(other);
            const char *other_rows = strstr(other, "\"rows\":");
            assert_non_null(other_rows);
            assert_memory_equal(rows, other_rows, strcspn(rows, ",") + 1);
            found++;
        }
        assert_true(found >= 4);
        assert_non_null(strstr(texts[1], "Gather"));
        free(texts[0]);
        free(texts[1]);
    }
    all_idle(f->db);
}

/* A transaction that writes reads what it wrote: on one thread. A statement that is left half-way lets go of everything. */
static void test_api_query_parallel__transactions(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *first, *second;
    sombra_value value;

    set_threads(f->conn, 4);
    api_begin(f, SOMBRA_WRITE);
    execute(f->conn, "CREATE (:P {i: 5000, x: 1000000})");
    char *text =
        text_of(f->conn, "MATCH (n:P) WHERE n.i >= 0 RETURN max(n.x), collect(n.i)[-1]", 1);
    assert_string_equal(text, "1000000|5000\n");
    free(text);
    sombra_rollback(f->txn);
    OK(f, sombra_prepare(f->conn, "MATCH (n:P) RETURN n.i", SOMBRA_NUL_TERMINATED, &first, NULL));
    OK(f, sombra_prepare(f->conn, "MATCH (n:Q) RETURN n.i", SOMBRA_NUL_TERMINATED, &second, NULL));
    for (int i = 0; i < 1500; i++) {
        assert_int_equal(sombra_stmt_step(first), SOMBRA_ROW);
        OK(f, sombra_stmt_column(first, 0, &value));
        assert_int_equal(value.as.integer, i);
        if (i % 3 != 0 || i >= 900) continue;
        assert_int_equal(sombra_stmt_step(second), SOMBRA_ROW);
        OK(f, sombra_stmt_column(second, 0, &value));
        assert_int_equal(value.as.integer, i);
    }
    assert_true(sb_workers_count(f->db->workers).sessions > 0);
    OK(f, sombra_stmt_reset(first));
    sombra_stmt_finalize(second);
    all_idle(f->db);
    /* Its transaction ends under it. */
    api_begin(f, SOMBRA_READ);
    assert_int_equal(sombra_stmt_step(first), SOMBRA_ROW);
    sombra_rollback(f->txn);
    all_idle(f->db);
    assert_int_equal(sombra_stmt_step(first), SOMBRA_MISUSE);
    sombra_stmt_finalize(first);
    all_idle(f->db);
}

typedef struct interrupter {
    sombra_conn *conn;
    atomic_bool stop;
} interrupter;

static void *interrupt_on(void *context)
{
    interrupter *i = context;

    while (!atomic_load(&i->stop)) {
        const struct timespec moment = {.tv_nsec = 20000000};
        (void)nanosleep(&moment, NULL);
        sombra_interrupt(i->conn);
    }
    return NULL;
}

static void test_api_query_parallel__cancel(void **state)
{
    static const char *const queries[] = {
        "MATCH (a:P), (b:P), (c:P) WHERE a.x + b.x + c.x = -1 RETURN count(*), sum(a.y)",
        "MATCH (a:P), (b:P), (c:P) WHERE a.x + b.x + c.x = -1 RETURN a.i",
        "MATCH (a:P), (b:P), (c:P) RETURN a.i + b.i + c.i AS s ORDER BY s DESC LIMIT 3",
    };
    api_fixture *f = *state;
    interrupter i = {.conn = f->conn};
    pthread_t thread;

    set_threads(f->conn, 4);
    for (size_t q = 0; q < sizeof queries / sizeof *queries; q++) {
        atomic_store(&i.stop, false);
        assert_true(is_parallel(f->conn, queries[q]));
        assert_int_equal(pthread_create(&thread, NULL, interrupt_on, &i), 0);
        char *text = text_of(f->conn, queries[q], 1);
        atomic_store(&i.stop, true);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_non_null(strstr(text, "INTERRUPT"));
        free(text);
        all_idle(f->db);
        sombra_set_time_limit(f->conn, 30);
        text = text_of(f->conn, queries[q], 1);
        assert_non_null(strstr(text, "TIMEOUT"));
        free(text);
        sombra_set_time_limit(f->conn, 0);
        all_idle(f->db);
    }
    same_text(f, "MATCH (n:P) RETURN sum(n.x)", true);
}

/* Connections that work at the same time share the threads. */
static void *ask_often(void *context)
{
    sombra_db *const db = context;
    sombra_conn *conn;
    sombra_error error;

    if (sombra_connect(db, &conn, &error) != SOMBRA_OK) return context;
    set_threads(conn, 3);
    for (int i = 0; i < 20; i++) {
        char *text =
            text_of(conn, "MATCH (n:P) WHERE n.i < 100 RETURN sum(n.i), collect(n.i)[7]", 2);
        const bool right = strcmp(text, "4950|7\n4950|7\n") == 0;
        free(text);
        if (!right) return context;
        text = text_of(conn, "MATCH (n:P) WHERE n.i IN [5, 6] RETURN n.i", 1);
        const bool rows_right = strcmp(text, "5\n6\n") == 0;
        free(text);
        if (!rows_right) return context;
    }
    sombra_disconnect(conn);
    return NULL;
}

static void test_api_query_parallel__connections(void **state)
{
    api_fixture *f = *state;
    pthread_t threads[3];

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, f->db), 0);
    for (size_t i = 0; i < 3; i++) {
        void *complaint;
        assert_int_equal(pthread_join(threads[i], &complaint), 0);
        assert_null(complaint);
    }
    assert_true(sb_workers_count(f->db->workers).threads <= 3);
    all_idle(f->db);
}

/* ---- Lack of memory ------------------------------------------------------------------------------------------------------ */

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Groups that were spilled come in another order: lines are compared as sets. Both texts are taken apart. */
static bool same_lines(char *a, char *b)
{
    enum { LINES_MAX = 20000 };
    static char *lines[2][LINES_MAX];
    size_t counts[2] = {0, 0};

    for (size_t i = 0; i < 2; i++)
        for (char *line = strtok(i == 0 ? a : b, "\n"); line != NULL; line = strtok(NULL, "\n")) {
            assert_true(counts[i] < LINES_MAX);
            lines[i][counts[i]++] = line;
        }
    if (counts[0] != counts[1]) return false;
    for (size_t i = 0; i < 2; i++)
        qsort(lines[i], counts[i], sizeof *lines[i], compare_lines);
    for (size_t k = 0; k < counts[0]; k++)
        if (strcmp(lines[0][k], lines[1][k]) != 0) return false;
    return true;
}

/* What does not fit on several threads is done on one, which may spill; what does not fit there fails. */
static void test_api_query_parallel__budget(void **state)
{
    static const char *const queries[] = {
        "MATCH (n:P)-[:R]->(m) RETURN n, m, count(*), collect(m.name)",
        "MATCH (n:P)-[:R]->(m) RETURN n.i, m.i, n.name, m.name",
        "MATCH (n:P)-[:R]->(m) RETURN n.i AS a, m.i AS b ORDER BY b, a",
    };
    api_fixture f;
    (void)state;

    memset(&f, 0, sizeof f);
    sombra_options_init(&f.options);
    for (uint64_t megabytes = 1; megabytes <= 64; megabytes *= 2) {
        f.options.memory_limit = megabytes << 20;
        api_open_at(&f, API_PATH);
        for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
            set_threads(f.conn, 1);
            char *wanted = text_of(f.conn, queries[i], 1);
            set_threads(f.conn, 4);
            char *got = text_of(f.conn, queries[i], 1);
            /* It may need less than one thread does, never more in the end. */
            if (strstr(wanted, "LIMIT") == NULL && strstr(wanted, "NOMEM") == NULL &&
                strcmp(got, wanted) != 0 && !(i == 0 && same_lines(got, wanted)))
                fail_msg("%llu MB: %s", (unsigned long long)megabytes, queries[i]);
            free(got);
            free(wanted);
            all_idle(f.db);
        }
        api_close(&f);
    }
}

static void fail_each_allocation(const char *query)
{
    api_rig r;
    size_t failures = 0, n = 1;
    bool done = false;

    api_rig_init(&r);
    assert_int_equal(api_rig_open(&r), SOMBRA_OK);
    execute(r.conn, "UNWIND range(0, 199) AS i CREATE (:P {i: i, x: i % 7, y: i * 0.5})");
    set_threads(r.conn, 1);
    char *wanted = text_of(r.conn, query, 1);
    for (; !done; n += n < 400 ? 1 : 7) {
        for (int persistent = 0; persistent < 2; persistent++) {
            set_threads(r.conn, 2);
            api_rig_fail_memory(&r, n, persistent != 0);
            char *text = text_of(r.conn, query, 1);
            const bool reached =
                atomic_load(&r.memory.fail_at) <= atomic_load(&r.memory.alloc_count);
            api_rig_fail_memory(&r, 0, false);
            if (strcmp(text, wanted) != 0) {
                if (strstr(text, "NOMEM") == NULL) fail_msg("allocation %zu: %s", n, text);
                failures++;
            }
            free(text);
            all_idle(r.db);
            done = !reached;
        }
        /* the next begins with a new pool, and a statement that is not remembered */
        assert_int_equal(api_rig_close(&r), SOMBRA_OK);
        assert_int_equal(api_rig_open(&r), SOMBRA_OK);
    }
    assert_true(failures > 10);
    free(wanted);
    assert_int_equal(api_rig_close(&r), SOMBRA_OK);
    assert_int_equal(atomic_load(&r.memory.live_blocks), 0);
    api_rig_deinit(&r);
}

static void test_api_query_parallel__no_memory(void **state)
{
    (void)state;
    fail_each_allocation("MATCH (n:P) RETURN n.x, sum(n.y), collect(n.i)[1], count(DISTINCT n.y)");
    fail_each_allocation("MATCH (n:P) WHERE n.x = 3 AND n.i > 150 RETURN n.i");
}

/* ---- Threads that can not be started --------------------------------------------------------------------------------- */

static struct {
    _Atomic int calls, fail_at; /* 0: none fails */
    bool for_good;
} starts;

/* In the place of the system's, which it calls. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *ctx)
{
    int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    void *const symbol = dlsym(RTLD_NEXT, "pthread_create");
    const int call = atomic_fetch_add(&starts.calls, 1) + 1, fail_at = atomic_load(&starts.fail_at);

    if (fail_at != 0 && (call == fail_at || (starts.for_good && call > fail_at))) return EAGAIN;
    memcpy(&next, &symbol, sizeof next);
    return next(thread, attributes, run, ctx);
}

static void fail_start(int n, bool for_good)
{
    atomic_store(&starts.calls, 0);
    starts.for_good = for_good;
    atomic_store(&starts.fail_at, n);
}

/* Whichever thread of the pool can not be started, the answer is the same, on those that there are. */
static void test_api_query_parallel__no_threads(void **state)
{
    static const char *const queries[] = {
        "MATCH (n:P)-[r:R]->(m) RETURN m.x, count(*), sum(r.w), collect(n.i)",
        "MATCH (n:P) RETURN n.name AS a, n.i AS b ORDER BY a DESC",
        "MATCH (n:P) WITH n ORDER BY n.i / (n.x - 5) RETURN n.i",
    };
    api_fixture *f = *state;
    char *wanted[3];

    set_threads(f->conn, 1);
    for (size_t i = 0; i < 3; i++)
        wanted[i] = text_of(f->conn, queries[i], 2);
    for (int for_good = 0; for_good < 2; for_good++) {
        bool reached = true;
        for (int n = 1; reached; n++) {
            api_reopen(f); /* with an empty pool */
            set_threads(f->conn, 4);
            fail_start(n, for_good == 1);
            for (size_t i = 0; i < 3; i++) {
                char *got = text_of(f->conn, queries[i], 2);
                assert_string_equal(got, wanted[i]);
                free(got);
                all_idle(f->db);
            }
            reached = atomic_load(&starts.calls) >= n;
            const unsigned threads = sb_workers_count(f->db->workers).threads;
            assert_in_range(threads, reached ? n - 1 : 3, reached && for_good == 1 ? n - 1 : 3);
            fail_start(0, false);
        }
    }
    for (size_t i = 0; i < 3; i++)
        free(wanted[i]);
}

static int use_in_child(api_fixture *f, sombra_stmt *open)
{
    sombra_stmt *stmt = NULL;

    (void)alarm(60); /* a child that waits for its parent's threads ends so */
    sombra_status status;
    while ((status = sombra_stmt_step(open)) == SOMBRA_ROW) { /* those at hand */
    }
    if (status != SOMBRA_MISUSE) return 1;
    status =
        sombra_prepare(f->conn, "MATCH (n:P) RETURN sum(n.x)", SOMBRA_NUL_TERMINATED, &stmt, NULL);
    if (status == SOMBRA_OK) status = sombra_stmt_step(stmt);
    if (status != SOMBRA_MISUSE) return 2;
    if (strstr(sombra_error_of(f->conn)->message, "fork") == NULL) return 3;
    sombra_stmt_finalize(stmt);
    sombra_stmt_finalize(open);
    sombra_disconnect(f->conn);
    (void)sombra_close(f->db, NULL);
    return 0;
}

/* The pool's threads are not in the child: it is told so, and closing does not wait for them. */
static void test_api_query_parallel__fork(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt;
    int status = 0;
    uint64_t rows = 1;

    set_threads(f->conn, 4);
    OK(f,
       sombra_prepare(f->conn, "MATCH (n:P) RETURN n.i, n.y", SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    assert_true(sb_workers_count(f->db->workers).threads > 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(use_in_child(f, stmt));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    while (sombra_stmt_step(stmt) == SOMBRA_ROW)
        rows++;
    assert_int_equal(rows, NODES);
    sombra_stmt_finalize(stmt);
    all_idle(f->db);
}

/* A clock that has passed every limit from its n-th reading on, and that other threads read slowly then, so that the statement's own waits. */
static _Atomic uint64_t readings, over_from;
static pthread_t own_thread;
static uint64_t read_until(sb_vfs *vfs)
{
    (void)vfs;
    if (atomic_fetch_add(&readings, 1) + 1 < over_from) return 1;
    if (!pthread_equal(pthread_self(), own_thread)) (void)usleep(10000);
    return UINT64_C(1) << 60;
}

/* Threads find the time over in another order each time, in ways of their own; what is told is the status that the call gives. */
static void test_api_query_parallel__time_limit(void **state)
{
    static const char *const queries[] = {
        "MATCH (n:P)-[:R*1..5]-(m) RETURN n.i, count(DISTINCT m) AS c ORDER BY c DESC LIMIT 3",
        "MATCH (n:P)-[:R*1..3]-(m) WITH DISTINCT n, m RETURN n.i, m.i"};
    api_rig r;
    (void)state;
    api_rig_init(&r);
    r.options.threads = 2;
    sb_vfs_ops ops = *r.vfs->ops;
    ops.monotonic_ns = read_until;
    r.vfs->ops = &ops;
    own_thread = pthread_self();
    atomic_store(&over_from, UINT64_MAX);
    assert_int_equal(api_rig_open(&r), SOMBRA_OK);
    execute(r.conn, "UNWIND range(1, 100) AS i CREATE (:P {i: i})");
    execute(r.conn,
            "MATCH (a:P), (b:P) WHERE b.i = a.i % 37 OR b.i = a.i % 89 CREATE (a)-[:R]->(b)");
    set_threads(r.conn, 2);
    sombra_set_time_limit(r.conn, 1000);
    for (uint64_t i = 0, n = 2; i < 2; n++) {
        sombra_stmt *stmt = NULL;
        sombra_status status;
        atomic_store(&over_from, UINT64_MAX);
        assert_int_equal(sombra_prepare(r.conn, queries[i], SOMBRA_NUL_TERMINATED, &stmt, NULL),
                         SOMBRA_OK);
        atomic_store(&readings, 0);
        atomic_store(&over_from, n);
        do
            status = sombra_stmt_step(stmt);
        while (status == SOMBRA_ROW);
        if (status == SOMBRA_DONE) {
            i++;
            n = 1;
        } else {
            assert_int_equal(status, SOMBRA_TIMEOUT);
            assert_int_equal(sombra_error_of(r.conn)->status, status);
        }
        sombra_stmt_finalize(stmt);
    }
    api_rig_close(&r);
    api_rig_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_query_parallel__time_limit),
        cmocka_unit_test(test_api_query_parallel__aggregates),
        cmocka_unit_test(test_api_query_parallel__rows),
        cmocka_unit_test(test_api_query_parallel__not_divided),
        cmocka_unit_test(test_api_query_parallel__functions_of_the_program),
        cmocka_unit_test(test_api_query_parallel__first_failure),
        cmocka_unit_test(test_api_query_parallel__profile),
        cmocka_unit_test(test_api_query_parallel__transactions),
        cmocka_unit_test(test_api_query_parallel__cancel),
        cmocka_unit_test(test_api_query_parallel__connections),
        cmocka_unit_test(test_api_query_parallel__settings),
        cmocka_unit_test(test_api_query_parallel__budget),
        cmocka_unit_test(test_api_query_parallel__no_memory),
        cmocka_unit_test(test_api_query_parallel__no_threads),
        cmocka_unit_test(test_api_query_parallel__fork),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
