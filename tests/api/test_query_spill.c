/* test_query_spill.c — queries whose rows do not fit memory_limit: the same results as with plenty of it, memory that stays within the limit,
 * and files or memory that fail in the middle. Each query is run in two databases with the same graph, one of which has little memory. */
#include "support/api_fixture.h"

#include <math.h>

#include "support/api_rig.h"

#define PLENTY (1u << 30)
#define LITTLE (6u << 20) /* a query may have half of it */

static const char *const graph[] = {
    "UNWIND range(1, 40000) AS i CREATE (:A {k: i % 25000, i: i, text: 'the text of a node ' + i})",
    ("UNWIND range(1, 40000) AS i CREATE (:B {k: CASE WHEN i % 5 = 0 THEN null ELSE i END, i: i, "
     "f: toFloat(i) / 7, text: 'another text, of ' + i})"),
    "UNWIND range(1, 60) AS i CREATE (:Same {k: 1, i: i})",
    "MATCH (a:A), (b:B) WHERE a.i = b.i CREATE (a)-[:R {n: a.i % 10}]->(b)",
};

/* Numbers from 1 to thousands × 1000, without a list of all of them. */
#define MANY(thousands)                                                                            \
    "UNWIND range(1, " thousands ") AS a UNWIND range(1, 1000) AS b WITH (a - 1) * 1000 + b AS i "

/* Queries that spill; their rows' order does not matter. */
static const char *const queries[] = {
    /* AGGREGATE: groups, then groups that grow, then a group with many distinct values */
    MANY("120") "RETURN i % 50000 AS k, count(*), sum(i), avg(i / 3.0), stDev(i)",
    MANY("60") "RETURN 'key ' + (i % 30000) AS k, min('t' + i), max('t' + i), count(i)",
    MANY("120") "WITH i % 9000 AS k, collect('a text ' + i) AS l RETURN k, size(l), reduce(h = 0, "
                "t IN l | (h * 31 + toInteger(substring(t, 7))) % 1000003)",
    MANY("120") "WITH i ORDER BY i DESC WITH i % 30 AS k, collect(i) AS l RETURN k, size(l), l[0], "
                "l[-1], l[777]",
    MANY("120") "RETURN count(DISTINCT 'text ' + i % 90001)",
    MANY("120") "RETURN i % 4 AS k, count(DISTINCT 'text ' + i % 90001), sum(DISTINCT i % 70001), "
                "min(DISTINCT 't' + i), avg(DISTINCT i % 1000), collect(DISTINCT i % 13)[5]",
    MANY("80") "RETURN i % 20000 AS k, percentileCont(i, 0.3), percentileDisc(i * 1.0, 0.9), "
               "count(DISTINCT i % 7)",
    MANY("90") "RETURN [i % 30000, 'a'] AS k, {a: i % 30000} AS m, count(*)",
    MANY("90") "WITH i - 1 AS i RETURN CASE i % 6 WHEN 0 THEN i % 20000 WHEN 1 THEN toFloat((i - "
               "1) % 20000) WHEN 2 THEN null WHEN 3 THEN 0.0 / 0.0 WHEN 4 THEN '' + i % 20000 ELSE "
               "i % 20000 = 5 END AS k, count(*), sum(i), collect(i % 4)[1]",
    "MATCH (n) RETURN count(DISTINCT n), count(DISTINCT n.text)",
    /* DISTINCT, UNION */
    MANY("120") "RETURN DISTINCT i % 60000 AS k, 'x' + i % 60000 AS t",
    MANY("120") "WITH i - 1 AS i RETURN DISTINCT CASE i % 3 WHEN 0 THEN i % 70000 WHEN 1 THEN "
                "toFloat(i % 70000) ELSE null END AS k",
    MANY("70") "RETURN i AS x, 'left' AS t UNION " MANY(
        "55") "WITH i + 34999 AS i RETURN toFloat(i) AS x, 'left' AS t",
    /* HASH_JOIN */
    "MATCH (a:A), (b:B) WHERE a.k = b.k RETURN a.i, b.i, a.text, b.text",
    "MATCH (a:A), (b:B) WHERE toFloat(a.k) = b.k RETURN count(*), sum(a.i), sum(b.i)",
    /* SORT, TOP */
    MANY("100") "WITH i, 'text ' + (i * 7919) % 100003 AS t ORDER BY t, i SKIP 90000 RETURN i, t",
    MANY("100") "WITH i, 'text ' + (i * 7919) % 100003 AS t ORDER BY t LIMIT 60000 RETURN i, t",
    /* more than it keeps in part: all are sorted */
    MANY("100") "WITH i, 'text ' + (i * 7919) % 100003 AS t ORDER BY t, i SKIP 90000 LIMIT "
                "2147483648 "
                "RETURN i, t",
    MANY("100") "WITH i, 'text ' + (i * 7919) % 100003 AS t ORDER BY t LIMIT 9223372036854775807 "
                "RETURN i, t",
    /* several at once */
    MANY("90") "WITH DISTINCT i % 45000 AS k, 'x' + i % 45000 AS t WITH k % 40000 AS k, collect(t) "
               "AS l WITH k, l ORDER BY l[0] RETURN DISTINCT k, l[0]",
};

typedef struct sum {
    uint64_t rows, hash;
} sum;

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 29;
}

static uint64_t hash_text(uint64_t hash, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = mix(hash, ((const uint8_t *)data)[i]);
    return hash;
}

static uint64_t hash_value(const sombra_value *v)
{
    uint64_t hash = mix(1, v->type);

    switch (v->type) {
    case SOMBRA_TYPE_NULL: return hash;
    case SOMBRA_TYPE_STRING: return hash_text(hash, v->as.bytes.data, v->as.bytes.size);
    /* Sums of floats differ in their last bits where the values came in another order. */
    case SOMBRA_TYPE_FLOAT:
        return isnan(v->as.real) ? hash : mix(hash, (uint64_t)llround(v->as.real * 100));
    case SOMBRA_TYPE_LIST:
        for (size_t i = 0; i < v->as.list.count; i++)
            hash = mix(hash, hash_value(&v->as.list.items[i]));
        return hash;
    case SOMBRA_TYPE_MAP:
        for (size_t i = 0; i < v->as.map.count; i++)
            hash = mix(hash_text(hash, v->as.map.entries[i].key, v->as.map.entries[i].key_size),
                       hash_value(&v->as.map.entries[i].value));
        return hash;
    case SOMBRA_TYPE_BOOL: return mix(hash, v->as.boolean);
    default: return mix(hash, v->as.id);
    }
}

/* The rows of a query as a set. */
static sombra_status run(sombra_conn *conn, const char *query, sum *total)
{
    sombra_stmt *stmt;
    sombra_status status = sombra_prepare(conn, query, SOMBRA_NUL_TERMINATED, &stmt, NULL);

    *total = (sum){0, 0};
    if (status != SOMBRA_OK) return status;
    while ((status = sombra_stmt_step(stmt)) == SOMBRA_ROW) {
        uint64_t hash = 0;
        for (size_t i = 0; i < sombra_stmt_column_count(stmt); i++) {
            sombra_value value;
            assert_int_equal(sombra_stmt_column(stmt, i, &value), SOMBRA_OK);
            hash = mix(hash, hash_value(&value));
        }
        total->rows++;
        total->hash += hash;
    }
    sombra_stmt_finalize(stmt);
    return status;
}

static void runs(api_rig *r, const char *query, sum *total)
{
    const sombra_status status = run(r->conn, query, total);

    if (status != SOMBRA_DONE) print_error("%s\n%s\n", query, sombra_error_of(r->conn)->message);
    assert_int_equal(status, SOMBRA_DONE);
}

/* The graph in memory, with a limit. */
static void rig_new(api_rig *r, uint64_t limit)
{
    sum total;

    api_rig_init(r);
    OK_ERROR(r, api_rig_open(r));
    for (size_t i = 0; i < sizeof graph / sizeof *graph; i++)
        runs(r, graph[i], &total);
    OK_ERROR(r, api_rig_close(r));
    r->options.memory_limit = limit;
    OK_ERROR(r, api_rig_open(r));
}

static void rig_end(api_rig *r)
{
    api_rig_fail_memory(r, 0, false);
    OK_ERROR(r, api_rig_close(r));
    api_rig_deinit(r);
    assert_int_equal(atomic_load(&r->memory.live_blocks), 0);
}

/* Bytes that PROFILE says were spilled by all operators. */
static uint64_t spilled(api_rig *r, const char *query)
{
    char text[1024];
    sombra_stmt *stmt;
    sombra_value value;
    uint64_t bytes = 0;

    (void)snprintf(text, sizeof text, "PROFILE JSON %s", query);
    OK(r, sombra_prepare(r->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    OK(r, sombra_stmt_column(stmt, 0, &value));
    char *plan = strndup((const char *)value.as.bytes.data, value.as.bytes.size);
    static const char word[] = "\"spilled_bytes\":";
    for (const char *at = plan; (at = strstr(at, word)) != NULL; at += sizeof word)
        bytes += strtoull(at + sizeof word - 1, NULL, 10);
    free(plan);
    sombra_stmt_finalize(stmt);
    return bytes;
}

static void test_api_query_spill__same_results(void **state)
{
    api_rig plenty, little;
    (void)state;

    rig_new(&plenty, PLENTY);
    rig_new(&little, LITTLE);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        sum a, b;

        runs(&plenty, queries[i], &a);
        runs(&little, queries[i], &b);
        if (a.rows != b.rows || a.hash != b.hash)
            print_error("%s\n%llu rows, %llu\n", queries[i], (unsigned long long)a.rows,
                        (unsigned long long)b.rows);
        assert_int_equal(a.rows, b.rows);
        assert_int_equal(a.hash, b.hash);
        assert_int_equal(spilled(&plenty, queries[i]), 0);
        if (spilled(&little, queries[i]) <= 100000) print_error("%s\n", queries[i]);
        assert_true(spilled(&little, queries[i]) > 100000);
    }
    assert_true(atomic_load(&little.db->memory.peak_bytes) <= LITTLE);
    rig_end(&plenty);
    rig_end(&little);
}

/* Values of which some are equal, but of another type: whichever comes first stands for them, spilled or not. */
#define EQUALS                                                                                     \
    "UNWIND range(1, 600) AS i WITH i, CASE (i * 7919 / 13) % 4 WHEN 0 THEN i % 5 WHEN 1 THEN "    \
    "toFloat(i % 5) WHEN 2 THEN 4 - i % 3 ELSE 4.0 - i % 3 END AS x "

/* Every row by its own way, in the small: each operator keeps one, two or three. */
static void test_api_query_spill__forced(void **state)
{
    static const char *const small[] = {
        "UNWIND range(1, 400) AS i RETURN i % 60 AS k, count(*), collect(i)[2], count(DISTINCT i % "
        "9), percentileDisc(i, 0.5)",
        "UNWIND range(1, 400) AS i RETURN count(DISTINCT i % 90), sum(DISTINCT i % 50), "
        "collect(DISTINCT i)[300]",
        "UNWIND range(1, 400) AS i RETURN DISTINCT i % 77 AS k",
        /* sums that two doubles do not hold exactly */
        "UNWIND range(1, 900) AS i RETURN i / 10 % 30 AS k, collect(i)[2], avg(i * 1e-200), "
        "sum(CASE "
        "i % 3 WHEN 0 THEN 1e300 WHEN 1 THEN i / 7.0 ELSE -1e300 END)",
        "UNWIND range(1, 300) AS i WITH i % 40 AS k, collect(DISTINCT i % 7) AS l, min('t' + i) AS "
        "m RETURN k, size(l), m",
        "UNWIND range(1, 5000) AS i WITH i ORDER BY i % 31, i DESC RETURN collect(i)[4321]",
        EQUALS "RETURN i % 60 AS k, min(x), max(x), sum(x), collect(x)[0]",
        EQUALS "RETURN i / 9 % 60 AS k, min(DISTINCT x), max(DISTINCT x), sum(DISTINCT x), "
               "collect(DISTINCT x), count(DISTINCT x), avg(x)",
        EQUALS "RETURN min(x), max(x), sum(x), min([x]), max({a: x}), sum(DISTINCT x), "
               "collect(DISTINCT [x]), min(DISTINCT [i % 2, x]), count(DISTINCT i)",
        EQUALS "RETURN [x, i % 40] AS k, count(*), min(x), max(x)",
        EQUALS "RETURN DISTINCT x, [i % 30, x]",
        EQUALS "RETURN DISTINCT [x, i % 9] AS l",
        EQUALS "WITH x ORDER BY x RETURN collect(x)",
        EQUALS "WITH x ORDER BY x DESC LIMIT 200 RETURN collect(x)",
        EQUALS "WITH x, i ORDER BY i DESC WITH x, collect(x) AS l RETURN x, l, min(l)",
        EQUALS "RETURN [x, i % 40] AS l UNION " EQUALS
               "WITH x, i ORDER BY i DESC RETURN [x, i % 40] AS l",
        "MATCH (a:A)-[r:R]->(b) WHERE a.i < 500 RETURN b, count(*), max(r.n)",
        "MATCH (a:A)-[:R]->(b) RETURN a.k % 100 AS k, count(*)",
        "MATCH (a:A), (b:B) WHERE a.k = b.k AND a.i < 90 AND b.i < 200 RETURN a.i, b.i",
        "MATCH (a:Same), (b:Same) WHERE a.k = b.k AND a.i < 30 AND b.i < 40 RETURN a.i, b.i",
        "MATCH (a:Same), (b:Same) WHERE a.i < 30 AND b.i < 40 RETURN a.i, b.i, b.k",
    };
    api_rig r;
    (void)state;

    rig_new(&r, PLENTY);
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        sum free_run, forced;

        runs(&r, small[i], &free_run);
        for (r.conn->trial.force_spill = 1; r.conn->trial.force_spill <= 20;
             r.conn->trial.force_spill += 1 + r.conn->trial.force_spill / 3) {
            runs(&r, small[i], &forced);
            if (free_run.hash != forced.hash) print_error("%s\n", small[i]);
            assert_int_equal(free_run.rows, forced.rows);
            assert_int_equal(free_run.hash, forced.hash);
            if (spilled(&r, small[i]) == 0) print_error("%s\n", small[i]);
            assert_true(spilled(&r, small[i]) > 0);
        }
        r.conn->trial.force_spill = 0;
    }
    rig_end(&r);
}

/* ---- Faults ---- */

typedef enum fault { MEMORY, MEMORY_FOR_GOOD, EIO_ONCE, FULL, FAULTS } fault;

static void inject(api_rig *r, fault kind, uint64_t n)
{
    if (kind <= MEMORY_FOR_GOOD)
        api_rig_fail_memory(r, (size_t)n, kind == MEMORY_FOR_GOOD);
    else
        api_rig_fail_files(r, n, SB_IO_OPEN | SB_IO_READ | SB_IO_WRITE,
                           kind == FULL ? SB_FULL : SB_IO, kind == FULL, kind == FULL);
}

static bool is_told(fault kind, sombra_status status)
{
    if (kind <= MEMORY_FOR_GOOD) return status == SOMBRA_NOMEM;
    return status == (kind == FULL ? SOMBRA_FULL : SOMBRA_IO);
}

/* Statements that change something by rows that were spilled. What they change is undone when they fail; what the transaction did before
 * stays. */
static const char *const updates[] = {
    "UNWIND range(1, 90) AS i WITH DISTINCT i % 31 AS k, 't' + i % 31 AS t CREATE (:Made {k: k, t: "
    "t})",
    "UNWIND range(1, 90) AS i WITH i % 13 AS k, collect('t' + i) AS l, count(DISTINCT i % 7) AS c, "
    "max('m' + i) AS m "
    "CREATE (:Made {k: k, t: l[3] + m, c: c})",
    "UNWIND range(1, 90) AS i WITH count(DISTINCT 't' + i % 40) AS c, sum(DISTINCT i) AS s CREATE "
    "(:Made {c: c, s: s})",
    "MATCH (a:Same), (b:Same) WHERE a.k = b.k AND a.i < 12 AND b.i < 9 CREATE (:Made {a: a.i, b: "
    "b.i})",
    "UNWIND range(1, 90) AS i WITH i ORDER BY i % 7, i LIMIT 80 CREATE (:Made {i: i})",
};

static uint64_t made(api_rig *r, const char *label)
{
    char query[64];
    sombra_stmt *stmt;
    sombra_value value;

    (void)snprintf(query, sizeof query, "MATCH (n:%s) RETURN count(n)", label);
    OK(r, sombra_prepare(r->conn, query, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    OK(r, sombra_stmt_column(stmt, 0, &value));
    const uint64_t count = value.as.id;
    sombra_stmt_finalize(stmt);
    return count;
}

/* One transaction: a node, then the update whose n-th call fails. */
static sombra_status update_with_fault(api_rig *r, const char *query, fault kind, uint64_t n)
{
    sum ignored;

    runs(r, "BEGIN", &ignored);
    runs(r, "CREATE (:Before)", &ignored);
    inject(r, kind, n);
    const sombra_status status = run(r->conn, query, &ignored);
    inject(r, MEMORY, 0);
    inject(r, FULL, 0);
    assert_int_equal(made(r, "Before"), 1);
    if (status != SOMBRA_DONE) {
        if (!is_told(kind, status))
            print_error("%s\nfault %d, call %llu: %s: %s\n", query, (int)kind,
                        (unsigned long long)n, sombra_status_name(status),
                        sombra_error_of(r->conn)->message);
        assert_true(is_told(kind, status));
        assert_int_equal(made(r, "Made"), 0);
    }
    runs(r, "ROLLBACK", &ignored);
    return status;
}

static void test_api_query_spill__faults(void **state)
{
    api_rig r;
    (void)state;

    rig_new(&r, PLENTY);
    for (int kind = 0; kind < FAULTS; kind++)
        for (size_t i = 0; i < sizeof updates / sizeof *updates; i++) {
            uint64_t faults = 0;
            /* Some allocations can be done without: the end is where many calls in a row hit nothing. */
            for (uint64_t n = 1, quiet = 0; quiet < 30; n++) {
                r.conn->trial.force_spill = 5;
                const bool done = update_with_fault(&r, updates[i], (fault)kind, n) == SOMBRA_DONE;
                faults += !done;
                quiet = done ? quiet + 1 : 0;
            }
            assert_true(faults >= (kind <= MEMORY_FOR_GOOD ? 10 : 3));
        }
    sum total;
    r.conn->trial.force_spill = 5;
    for (size_t i = 0; i < sizeof updates / sizeof *updates; i++)
        runs(&r, updates[i], &total);
    assert_int_equal(made(&r, "Made"), 31 + 13 + 1 + 11 * 8 + 80);
    rig_end(&r);
}

/* What a node has is deleted in portions: all of it at once would take more than the memory there is. */
static void test_api_query_spill__detach_a_hub(void **state)
{
    api_rig r;
    sum total;
    (void)state;

    rig_new(&r, LITTLE);
    runs(&r, "CREATE (:Hub)", &total);
    runs(&r,
         "MATCH (h:Hub) UNWIND range(1, 40000) AS i CREATE (h)-[:SPOKE]->(:Rim {i: i}), "
         "(h)-[:LOOP]->(h)",
         &total);
    FAILS(&r, run(r.conn, "MATCH (n:Hub|Rim) DELETE n", &total), SOMBRA_CONSTRAINT, "DETACH");
    runs(&r, "MATCH (h:Hub) DETACH DELETE h, h", &total);
    runs(&r, "MATCH (n:Rim) RETURN 1", &total);
    assert_int_equal(total.rows, 40000);
    runs(&r, "MATCH ()-[r:SPOKE|LOOP]-() RETURN 1", &total);
    assert_int_equal(total.rows, 0);
    assert_true(atomic_load(&r.db->memory.peak_bytes) <= LITTLE);
    rig_end(&r);
}

/* ---- What cannot be spilled ---- */

static void test_api_query_spill__limit(void **state)
{
    static const struct {
        const char *query, *operator;
    } cases[] = {
        {MANY("300") "RETURN size(collect('text ' + i))", "Aggregat"},
        {"UNWIND range(1, 2000000) AS i RETURN percentileCont(i, 0.5)", "Aggregat"},
        {MANY("300") "RETURN i % 2 AS k, size(collect(DISTINCT 'text ' + i))", "Aggregat"},
        {"UNWIND range(1, 100000000) + [0] AS i RETURN i", "memory"},
        {"UNWIND [1] AS x WITH x ORDER BY x "
         "RETURN size(reduce(l = [], i IN range(1, 100) | l + range(1, 20000)))",
         "Projection"},
    };
    api_rig r;
    sum total;
    (void)state;

    rig_new(&r, LITTLE);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FAILS(&r, run(r.conn, cases[i].query, &total), SOMBRA_LIMIT, cases[i].operator);
        assert_non_null(strstr(sombra_error_of(r.conn)->message, "raise that, or ask for less"));
        runs(&r, "RETURN 1", &total);
        assert_int_equal(total.rows, 1);
    }
    assert_true(atomic_load(&r.db->memory.peak_bytes) <= LITTLE);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_query_spill__same_results),
        cmocka_unit_test(test_api_query_spill__forced),
        cmocka_unit_test(test_api_query_spill__faults),
        cmocka_unit_test(test_api_query_spill__detach_a_hub),
        cmocka_unit_test(test_api_query_spill__limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
