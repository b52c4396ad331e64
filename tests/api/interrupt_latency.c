/* interrupt_latency.c — how long after sombra_interrupt a call returns, whatever it is doing.
 * Usage: interrupt_latency [SECONDS FOR EACH CALL]   (default 2)
 * Another thread interrupts each call again and again, at random times within what the call takes. Printed are the calls that were
 * interrupted, and the median and longest time until they returned; first what the processor worked in that time, which tells more than the
 * clock where others work too, or the disk. A measurement, not a test. */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "support/api_fixture.h"

#include "base/random.h"

#define PATH  "latency.sombra"
#define MOST  20000u
#define LIMIT (64ull << 20) /* memory_limit of those that spill */

static const char *const build[] = {
    "UNWIND range(1, 200000) AS i CREATE (:P {i: i, k: i % 1000, f: (i * 7919) % 200003 / 7.0, t: "
    "'the name of number ' + i})",
    "MATCH (p:P) WITH collect(p) AS l UNWIND range(0, 999999) AS i "
    "WITH l[i % 200000] AS a, l[toInteger(rand() * 200000)] AS b CREATE (a)-[:R {w: 1}]->(b)",
    "CREATE INDEX FOR (p:P) ON (p.i)",
    "UNWIND range(1, 20000) AS i CREATE (n:N) WITH collect(n) AS l UNWIND range(0, 19998) AS i "
    "WITH l[i] AS a, l[i + 1] AS b CREATE (a)-[:NEXT]->(b)",
};

typedef struct subject {
    const char *name, *text; /* text NULL: a call, below */
    bool small;              /* with little memory */
} subject;

/* They return a row at most: an interrupt between two calls does nothing. */
static const subject subjects[] = {
    {"scan, filter", "MATCH (p:P) WHERE p.t ENDS WITH 'x' RETURN p", false},
    {"expand", "MATCH (a:P)-->(b)-->(c) WHERE c.i < 0 RETURN c", false},
    {"expand into", "MATCH (a:P)-->(b)-->(c)-->(a) RETURN count(*)", false},
    {"reachable", "MATCH (a:P {i: 1})-[:R*1..]->(b) WITH DISTINCT b RETURN sum(b.i)", false},
    {"paths", "MATCH p = (a:P {i: 1})-[:R*1..7]->(b) WHERE b.i < 0 RETURN p", false},
    {"long paths", "MATCH p = (:N)-[:NEXT*]->(:N) RETURN max(length(p))", false},
    {"shortest",
     "MATCH (a:P {i: 1}), (b:P) WHERE b.i > 5 MATCH p = shortestPath((a)-[:R*]->(b)) RETURN "
     "sum(length(p))",
     false},
    {"all shortest",
     "MATCH (a:P {i: 1}), (b:P) WHERE b.i > 5 MATCH p = allShortestPaths((a)-[:R*]->(b)) RETURN "
     "count(p)",
     false},
    {"quantified", "MATCH ((a:P {i: 1})-[r:R]->(b)){1,6}(c) RETURN count(*)", false},
    {"look up a list", "WITH range(1, 3000000) AS l MATCH (p:P) WHERE p.i IN l RETURN sum(p.k)",
     false},
    {"look up ids",
     "WITH [i IN range(1, 3000000) | (i * 7919) % 3000017] AS l UNWIND range(1, 20) AS k MATCH "
     "(p:P) WHERE id(p) IN l AND p.k = k RETURN count(*)",
     false},
    {"sort integers",
     "UNWIND range(1, 3000000) AS i WITH (i * 7919) % 3000017 AS k ORDER BY k SKIP 2999999 RETURN "
     "k",
     false},
    {"sort texts", "MATCH (p:P) WITH p.t AS t, p.f AS f ORDER BY f, t SKIP 199999 RETURN t", false},
    {"sort, spilled",
     "MATCH (p:P)-->(q) WITH p.t AS t, q.f AS f ORDER BY f, t SKIP 999999 RETURN t", true},
    {"top", "MATCH (p:P)-->(q) WITH p, q ORDER BY q.f LIMIT 100000 RETURN sum(p.i)", false},
    {"group", "MATCH (p:P)-->(q) WITH p.t AS t, count(*) AS c, sum(q.f) AS s RETURN max(t)", false},
    {"group, spilled",
     "MATCH (p:P)-->(q) WITH p.t AS t, count(*) AS c, collect(q.t) AS l RETURN max(t), "
     "sum(size(l))",
     true},
    {"group by number",
     "UNWIND range(1, 3000000) AS i WITH (i * 7919) % 3000017 AS k, count(*) AS c RETURN sum(c), "
     "max(k)",
     false},
    {"distinct", "MATCH (p:P)-->(q) WITH DISTINCT p.t AS t, q.k AS k RETURN count(*)", false},
    {"distinct, spilled", "MATCH (p:P)-->(q) WITH DISTINCT p.t AS t, q.k AS k RETURN count(*)",
     true},
    {"distinct values, spilled", "MATCH (p:P)-->(q) RETURN count(DISTINCT p.t + q.t)", true},
    {"join", "MATCH (a:P), (b:P) WHERE a.f = b.f AND a.t < b.t RETURN count(*)", false},
    {"join, one key", "MATCH (a:P), (b:P) WHERE a.k = b.k AND a.t < b.t RETURN count(*)", false},
    {"join, spilled", "MATCH (a:P)-->(x), (b:P)-->(y) WHERE a.t + x.k = b.t + y.k RETURN count(*)",
     true},
    {"product", "MATCH (a:P), (b:P) WHERE a.k + b.k < 0 RETURN count(*)", false},
    {"percentile", "UNWIND range(1, 3000000) AS i RETURN percentileCont((i * 7919) % 3000017, 0.5)",
     false},
    {"collect", "UNWIND range(1, 3000000) AS i WITH collect(i) AS l RETURN size(l)", false},
    {"list", "RETURN size([i IN range(1, 5000000) WHERE i % 7 = 0 | 't' + i])", false},
    {"reduce", "RETURN reduce(s = 0, i IN range(1, 5000000) | s + i)", false},
    {"range", "RETURN size(range(1, 9000000) + range(1, 9000000))", false},
    {"create", "UNWIND range(1, 500000) AS i CREATE (:N {i: i, t: 'a' + i})", false},
    {"create relationships", "MATCH (a:P)-->(b) CREATE (b)-[:S]->(a)", false},
    {"merge", "UNWIND range(1, 500000) AS i MERGE (n:P {i: i})", false},
    {"foreach, create", "FOREACH (i IN range(1, 500000) | CREATE (:N {i: i}))", false},
    {"foreach, set", "MATCH (p:P {i: 1}) FOREACH (i IN range(1, 500000) | SET p.x = i, p:L)",
     false},
    {"set", "MATCH (p:P) SET p.x = p.i + 1, p.t = p.t + 'x'", false},
    {"delete", "MATCH (p:P) DETACH DELETE p", false},
    {"commit", NULL, false},
    {"checkpoint", NULL, false},
    {"get_props_many", NULL, false},
    {"nodes_exist", NULL, false},
    {"neighbor_ids_many", NULL, false},
    {"degrees_many", NULL, false},
    {"lookup_many", NULL, false},
};

/* What the batch calls ask about, made when the first of them is called. */
#define IDS   2000000u
#define NODES 200000u
static struct {
    sombra_txn *txn; /* of the call under way */
    uint64_t *ids, *found_ids;
    sombra_value *values, *found_values;
    size_t *ends;
    uint8_t *bits;
    uint32_t key, type, index;
} batch;

static struct {
    pthread_mutex_t lock;
    sombra_conn *conn;
    uint64_t at_ns; /* when to interrupt; 0: not */
    uint64_t done_ns, done_cpu_ns;
    clockid_t cpu; /* of the thread that calls */
    bool stop;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t read_clock(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static void *interrupter(void *unused)
{
    (void)unused;
    for (;;) {
        const struct timespec pause = {.tv_nsec = 50000};

        (void)nanosleep(&pause, NULL);
        pthread_mutex_lock(&watch.lock);
        if (watch.stop) break;
        if (watch.at_ns != 0 && now_ns() >= watch.at_ns) {
            watch.at_ns = 0;
            watch.done_ns = now_ns();
            watch.done_cpu_ns = read_clock(watch.cpu);
            sombra_interrupt(watch.conn);
        }
        pthread_mutex_unlock(&watch.lock);
    }
    pthread_mutex_unlock(&watch.lock);
    return NULL;
}

static void interrupt_at(uint64_t at_ns)
{
    pthread_mutex_lock(&watch.lock);
    watch.at_ns = at_ns;
    watch.done_ns = 0;
    pthread_mutex_unlock(&watch.lock);
}

static sombra_status run(sombra_conn *conn, const char *text)
{
    sombra_stmt *stmt;
    sombra_status status = sombra_prepare(conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL);

    if (status != SOMBRA_OK) return status;
    while ((status = sombra_stmt_step(stmt)) == SOMBRA_ROW) {
    }
    sombra_stmt_finalize(stmt);
    return status;
}

static bool is_batch(const subject *s)
{
    return s->text == NULL && strcmp(s->name, "commit") != 0 && strcmp(s->name, "checkpoint") != 0;
}

static void make_batch(void)
{
    sb_random random = {.state = 2};
    sombra_schema like = {.kind = SOMBRA_INDEX, .keys = &batch.key, .key_count = 1};

    (void)sombra_name_find(batch.txn, SOMBRA_LABEL, "P", 1, &like.entity);
    (void)sombra_name_find(batch.txn, SOMBRA_KEY, "i", 1, &batch.key);
    (void)sombra_name_find(batch.txn, SOMBRA_TYPE, "R", 1, &batch.type);
    (void)sombra_schema_find(batch.txn, &like, &batch.index);
    if (batch.ids != NULL) return;
    batch.ids = malloc(IDS * sizeof *batch.ids);
    batch.found_ids = malloc(IDS * sizeof *batch.found_ids);
    batch.values = malloc(IDS * sizeof *batch.values);
    batch.found_values = malloc(IDS * sizeof *batch.found_values);
    batch.ends = malloc(IDS * sizeof *batch.ends);
    batch.bits = calloc(1, IDS / 8 + 1);
    for (size_t i = 0; i < IDS; i++) {
        batch.ids[i] = 1 + sb_random_below(&random, NODES);
        batch.values[i] = sombra_int((int64_t)batch.ids[i]);
    }
}

static sombra_status call_batch(const char *name)
{
    const uint64_t *neighbors;

    if (strcmp(name, "get_props_many") == 0)
        return sombra_get_props_many(batch.txn, SOMBRA_NODE, batch.ids, IDS, &batch.key, 1,
                                     batch.found_values, batch.bits);
    if (strcmp(name, "nodes_exist") == 0)
        return sombra_nodes_exist(batch.txn, batch.ids, IDS, batch.bits);
    if (strcmp(name, "neighbor_ids_many") == 0)
        return sombra_neighbor_ids_many(batch.txn, batch.ids, IDS, SOMBRA_OUT, batch.type,
                                        &neighbors, batch.ends);
    if (strcmp(name, "degrees_many") == 0)
        return sombra_degrees_many(batch.txn, batch.ids, IDS, SOMBRA_BOTH, batch.type,
                                   batch.found_ids);
    return sombra_lookup_many(batch.txn, batch.index, batch.values, 1, IDS, batch.found_ids);
}

/* Before the call that is measured. */
static void prepare(sombra_conn *conn, const subject *s)
{
    if (is_batch(s)) {
        if (sombra_begin(conn, SOMBRA_READ, &batch.txn) == SOMBRA_OK) make_batch();
        return;
    }
    if (s->text == NULL && strcmp(s->name, "commit") == 0) {
        (void)run(conn, "BEGIN");
        (void)run(conn, "MATCH (a:P)-->(b) CREATE (b)-[:S]->(a)");
    } else if (s->text == NULL) {
        (void)run(conn, "MATCH (p:P) SET p.x = p.i + rand(), p.t = p.t + 'x'");
    } else {
        (void)run(conn, "BEGIN");
    }
}

static sombra_status call(sombra_conn *conn, const subject *s)
{
    if (s->text != NULL) return run(conn, s->text);
    if (is_batch(s)) return call_batch(s->name);
    return strcmp(s->name, "commit") == 0 ? run(conn, "COMMIT")
                                          : sombra_checkpoint(conn, SOMBRA_RESTART, NULL);
}

/* And behind it. */
static void finish(sombra_conn *conn, const subject *s)
{
    if (is_batch(s))
        sombra_rollback(batch.txn);
    else
        (void)run(conn, "ROLLBACK");
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void measure(sombra_conn *conn, const subject *s, double seconds, sb_random *random)
{
    static uint64_t took[MOST], worked[MOST];
    size_t count = 0, calls = 0;

    prepare(conn, s);
    sombra_set_time_limit(conn, 2000);
    uint64_t begin = now_ns();
    sombra_status status = call(conn, s);
    const uint64_t whole = now_ns() - begin, until = now_ns() + (uint64_t)(seconds * 1e9);
    sombra_set_time_limit(conn, 0);
    finish(conn, s);
    if (status < 0 && status != SOMBRA_TIMEOUT)
        printf("%-26s %s: %s\n", s->name, sombra_status_name(status),
               sombra_error_of(conn)->message);
    while (now_ns() < until && count < MOST) {
        prepare(conn, s);
        begin = now_ns();
        interrupt_at(begin + 1 + sb_random_below(random, whole));
        status = call(conn, s);
        const uint64_t end = now_ns(), cpu = read_clock(watch.cpu);
        pthread_mutex_lock(&watch.lock);
        watch.at_ns = 0;
        if (watch.done_ns != 0 && status == SOMBRA_INTERRUPT) {
            took[count] = end - watch.done_ns;
            worked[count++] = cpu - watch.done_cpu_ns;
        }
        pthread_mutex_unlock(&watch.lock);
        finish(conn, s);
        calls++;
    }
    qsort(took, count, sizeof *took, by_size);
    qsort(worked, count, sizeof *worked, by_size);
    printf("%-26s %9.1f %6zu %6zu", s->name, (double)whole / 1e6, calls, count);
    if (count != 0)
        printf(" %9.3f %9.3f %9.3f %9.3f", (double)worked[count / 2] / 1e6,
               (double)worked[count - 1] / 1e6, (double)took[count / 2] / 1e6,
               (double)took[count - 1] / 1e6);
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
    const char *only = argc > 2 ? argv[2] : "";
    sb_random random = {.state = 1};
    sombra_options options;
    sombra_db *db;
    sombra_conn *conn;
    sombra_error error;
    pthread_t thread;

    api_remove(PATH);
    sombra_options_init(&options);
    options.durability = SOMBRA_DURABLE_OFF;
    options.autocheckpoint = 0;
    if (sombra_open(PATH, &options, &db, &error) != SOMBRA_OK ||
        sombra_connect(db, &conn, &error) != SOMBRA_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    for (size_t i = 0; i < sizeof build / sizeof *build; i++)
        if (run(conn, build[i]) != SOMBRA_DONE) {
            fprintf(stderr, "%s\n", sombra_error_of(conn)->message);
            return 1;
        }
    (void)pthread_getcpuclockid(pthread_self(), &watch.cpu);
    if (pthread_create(&thread, NULL, interrupter, NULL) != 0) return 1;
    printf("%-26s %9s %6s %6s %9s %9s %9s %9s\n", "", "whole ms", "calls", "hit", "work", "most",
           "clock", "most");
    for (int small = 0; small < 2; small++) {
        sombra_disconnect(conn);
        (void)sombra_close(db, NULL);
        options.memory_limit = small == 1 ? LIMIT : 0;
        if (sombra_open(PATH, &options, &db, &error) != SOMBRA_OK ||
            sombra_connect(db, &conn, &error) != SOMBRA_OK)
            return 1;
        watch.conn = conn;
        for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
            if (subjects[i].small == (small == 1) && strstr(subjects[i].name, only) != NULL)
                measure(conn, &subjects[i], seconds, &random);
    }
    pthread_mutex_lock(&watch.lock);
    watch.stop = true;
    pthread_mutex_unlock(&watch.lock);
    (void)pthread_join(thread, NULL);
    sombra_disconnect(conn);
    (void)sombra_close(db, NULL);
    api_remove(PATH);
    return 0;
}
