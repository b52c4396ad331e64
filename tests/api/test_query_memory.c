/* test_query_memory.c — typical statements, planned and run in several ways, whose n-th allocation fails, for n = 1, 2, 3, … from prepare to the
 * last row: the answer is SOMBRA_NOMEM with a message or the right rows, what an update did is undone, and nothing leaks. */
#include "support/unit.h"

#include "support/api_rig.h"

/* Their rows are compared, whatever the order. */
static const char *const reads[] = {
    "MATCH (n:P {i: 7}) RETURN n, n.s, n.l, properties(n)",
    "MATCH (a:P)-[r:R]->(b) WHERE a.i < 9 AND b.s CONTAINS 't' RETURN a.i, type(r), b.i ORDER BY "
    "b.i DESC, a.i SKIP 1 LIMIT 5",
    "MATCH (a:P) OPTIONAL MATCH (a)-[:S]->(b:Q) RETURN a.k, count(b), collect(DISTINCT b.i % 3), "
    "max(b.s)",
    "MATCH (a:P {i: 1})-[:R*1..]->(b) RETURN DISTINCT b.i",
    "MATCH (a:P {i: 1}), (b:P {i: 30}), p = shortestPath((a)-[*]-(b)) RETURN length(p), nodes(p)",
    "MATCH (a)-[:R]->(b)-[:R]->(c)-[:S]-(a) RETURN count(*), sum(a.i + c.i)",
    "MATCH (a:P), (b:Q) WHERE a.k = b.k RETURN a.i, b.i, a.s + b.s",
    "MATCH (a)-->(b)-->(c), (b)-[:R]->(d) RETURN count(*), count(DISTINCT a)",
    "MATCH (a:P {i: 2}) ((x)-[r:R]->(y) WHERE x.i < y.i){1,3} (b) RETURN [n IN y | n.i], size(r), "
    "b.i",
    "MATCH (a:P) WHERE EXISTS { (a)-[:R]->(:P) } AND NOT (a)-[:S]->(:P {i: 3}) "
    "RETURN a.i, COUNT { (a)--() }, COLLECT { MATCH (a)-->(b) RETURN b.s }, [(a)--(b) | b.i]",
    "UNWIND [1, 2, 3] AS x CALL { WITH x MATCH (n:P {i: x}) RETURN n.s AS s UNION MATCH (n:Q) "
    "RETURN n.s AS s } RETURN x, s",
    "UNWIND range(1, 40) AS x RETURN x % 3 AS k, avg(x), stDev(x), percentileCont(x, 0.4), "
    "sum(DISTINCT x % 7), collect('t' + x)[5]",
    "MATCH (n:P) RETURN DISTINCT n.k, n:P AND n.i > 3 UNION MATCH (n:$(['Q'])) RETURN DISTINCT n.k "
    "AS `n.k`, true AS `n:P AND n.i > 3`",
    "RETURN date('2024-02-29') + duration({days: 3}), datetime('2017-10-28T12:00+01:00'), "
    "point({x: 1, y: 2}), 'ab' =~ 'a.*', "
    "{a: [1, {b: 's'}]}.a[1], reduce(s = '', x IN split('a,b', ',') | s + x), any(x IN [1, 2] "
    "WHERE x > 1), CASE 1 WHEN 2 THEN 3 ELSE 4 END",
    "SHOW INDEXES YIELD name, properties RETURN name, properties",
    "CALL db.labels() YIELD label RETURN label",
    "EXPLAIN JSON MATCH (a:P)-[:R]->(b)<-[:S]-(c:Q) RETURN a, count(c)",
};

static const char *const updates[] = {
    "UNWIND range(1, 9) AS i CREATE (a:New {i: i, s: 'text ' + i})-[:T {w: 1.5}]->(:New:Other {l: "
    "[i, i]})",
    "UNWIND range(1, 9) AS i MERGE (n:P {i: i * 6}) ON CREATE SET n.made = true ON MATCH SET n.s = "
    "'seen' MERGE (n)-[:T]->(:New {i: i})",
    "MATCH (a:P)-[r:R]->(b) SET a += {s: 'new', x: b.i}, r.w = 7, b:Other REMOVE a.l, b:P",
    "MATCH (a:P) WHERE a.i % 2 = 0 DETACH DELETE a",
    "MATCH (a:P) WITH collect(a) AS l FOREACH (a IN l | SET a.k = null CREATE (a)-[:T]->(:New))",
    "MATCH (a:P) CALL { WITH a MATCH (a)-->(b) CREATE (b)-[:T]->(a) RETURN count(*) AS c } SET a.c "
    "= c",
    "CREATE INDEX other FOR (n:P) ON (n.s, n.i)",
    "CREATE CONSTRAINT only FOR (n:P) REQUIRE n.i IS UNIQUE",
    "DROP INDEX given",
};

typedef struct answer {
    uint64_t rows, hash; /* of the rows as a set */
    size_t writes;       /* of the statement: how much it changed */
} answer;

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 29;
}

static uint64_t hash_value(const sombra_value *v)
{
    uint64_t hash = mix(1, v->type);
    char text[128];
    size_t size;

    switch ((sombra_type)v->type) {
    case SOMBRA_TYPE_LIST:
        for (size_t i = 0; i < v->as.list.count; i++)
            hash = mix(hash, hash_value(&v->as.list.items[i]));
        return hash;
    case SOMBRA_TYPE_MAP:
        for (size_t i = 0; i < v->as.map.count; i++)
            hash = mix(hash, hash_value(&v->as.map.entries[i].value));
        return hash;
    case SOMBRA_TYPE_NODE:
    case SOMBRA_TYPE_REL: return mix(hash, v->as.id);
    case SOMBRA_TYPE_PATH: return mix(hash, v->as.path.length);
    default: break;
    }
    if (sombra_value_to_string(v, text, sizeof text, &size) != SOMBRA_OK) return hash;
    for (size_t i = 0; i < size && i < sizeof text; i++)
        hash = mix(hash, (uint8_t)text[i]);
    return hash;
}

static sombra_status add_row(sombra_stmt *stmt, answer *a)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < sombra_stmt_column_count(stmt); i++) {
        sombra_value value;
        const sombra_status status = sombra_stmt_column(stmt, i, &value);
        if (status != SOMBRA_OK) return status;
        hash = mix(hash, hash_value(&value));
    }
    a->rows++;
    a->hash += hash;
    return SOMBRA_ROW;
}

/* DONE, or what failed. n makes a text that the connection does not remember. */
static sombra_status run(api_rig *r, const char *query, size_t n, answer *a)
{
    char text[1024];
    sombra_stmt *stmt = NULL;
    sombra_stmt_changes changes;

    *a = (answer){0};
    assert_in_range(snprintf(text, sizeof text, "%s // %zu", query, n), 1, sizeof text - 1);
    sombra_status status = sombra_prepare(r->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL);
    if (status == SOMBRA_OK) status = SOMBRA_ROW;
    while (status == SOMBRA_ROW) {
        status = sombra_stmt_step(stmt);
        if (status == SOMBRA_ROW) status = add_row(stmt, a);
    }
    if (status == SOMBRA_DONE && sombra_stmt_get_changes(stmt, &changes) == SOMBRA_OK)
        a->writes = (size_t)(changes.nodes_created + changes.nodes_deleted + changes.rels_created +
                             changes.rels_deleted + changes.properties_set);
    if (status < 0) {
        assert_int_equal(sombra_error_of(r->conn)->status, status);
        assert_true(sombra_error_of(r->conn)->message[0] != '\0');
    }
    sombra_stmt_finalize(stmt);
    return status;
}

static void must(api_rig *r, const char *query)
{
    answer ignored;

    if (run(r, query, 0, &ignored) != SOMBRA_DONE)
        fail_msg("%s: %s", query, sombra_error_of(r->conn)->message);
}

static void rig_new(api_rig *r)
{
    api_rig_init(r);
    assert_int_equal(api_rig_open(r), SOMBRA_OK);
    must(r, "CREATE INDEX given FOR (n:P) ON (n.i)");
    must(r, "UNWIND range(1, 40) AS i CREATE (:P {i: i, k: i % 7, s: 'text ' + i, l: [i, 1]})");
    must(r, "UNWIND range(1, 20) AS i CREATE (:Q {i: i, k: i % 5, s: 'other'})");
    must(r, "MATCH (a:P), (b:P) WHERE b.i IN [a.i + 1, a.i * 2] CREATE (a)-[:R {w: a.i}]->(b)");
    must(r, "MATCH (a:P), (b) WHERE b.i = a.i % 9 + 2 CREATE (a)-[:S]->(b)");
}

static void rig_end(api_rig *r)
{
    assert_int_equal(api_rig_close(r), SOMBRA_OK);
    assert_int_equal(atomic_load(&r->memory.live_blocks), 0);
    api_rig_deinit(r);
}

/* ---- Ways to run them --------------------------------------------------------------------------- */

static void plainly(sombra_conn *conn)
{
    memset(&conn->trial, 0, sizeof conn->trial);
}
static void spilling(sombra_conn *conn)
{
    plainly(conn);
    conn->trial.force_spill = 3;
}
static void factorized(sombra_conn *conn)
{
    plainly(conn);
    conn->trial.plan.always_factor = true;
}
static void unpacking(sombra_conn *conn)
{
    plainly(conn);
    conn->trial.always_table = true;
}
static void in_parallel(sombra_conn *conn)
{
    plainly(conn);
    conn->trial.plan.threads = 2;
    conn->trial.plan.force_parallel = true;
}

static bool reached(const api_rig *r)
{
    return atomic_load(&r->memory.fail_at) <= atomic_load(&r->memory.alloc_count);
}

/* ---- Reading ---------------------------------------------------------------------------------------- */

static void fail_read(api_rig *r, const char *query, const answer *wanted, bool for_good)
{
    size_t failures = 0;
    bool more = true;

    for (size_t n = 1; more; n++) {
        answer got;
        api_rig_fail_memory(r, n, for_good);
        const sombra_status status = run(r, query, n, &got);
        more = reached(r);
        api_rig_fail_memory(r, 0, false);
        failures += status == SOMBRA_NOMEM;
        if (status != SOMBRA_NOMEM && status != SOMBRA_DONE)
            fail_msg("%s\nallocation %zu: %s: %s", query, n, sombra_status_name(status),
                     sombra_error_of(r->conn)->message);
        if (status == SOMBRA_DONE && (got.rows != wanted->rows || got.hash != wanted->hash))
            fail_msg("%s\nallocation %zu: other rows", query, n);
    }
    if (failures < 5) fail_msg("%s\n%zu failures", query, failures);
}

static void read_in(void (*way)(sombra_conn *conn))
{
    api_rig r;

    rig_new(&r);
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        answer wanted, again;

        plainly(r.conn);
        if (strncmp(reads[i], "EXPLAIN", 7) == 0) way(r.conn); /* shows the plan of that way */
        if (run(&r, reads[i], 0, &wanted) != SOMBRA_DONE)
            fail_msg("%s: %s", reads[i], sombra_error_of(r.conn)->message);
        if (wanted.rows == 0) fail_msg("%s\nno rows", reads[i]);
        way(r.conn);
        fail_read(&r, reads[i], &wanted, false);
        fail_read(&r, reads[i], &wanted, true);
        assert_int_equal(run(&r, reads[i], 0, &again), SOMBRA_DONE);
        assert_int_equal(again.hash, wanted.hash);
    }
    rig_end(&r);
}

static void test_api_query_memory__reads(void **state)
{
    (void)state;
    read_in(plainly);
}

static void test_api_query_memory__spilled(void **state)
{
    (void)state;
    read_in(spilling);
}

static void test_api_query_memory__factorized(void **state)
{
    (void)state;
    read_in(factorized);
}

static void test_api_query_memory__unpacking(void **state)
{
    (void)state;
    read_in(unpacking);
}
static void test_api_query_memory__in_parallel(void **state)
{
    (void)state;
    read_in(in_parallel);
}

/* ---- Writing ------------------------------------------------------------------------------------------ */

static void graph_now(api_rig *r, uint8_t digest[16], size_t *schemas)
{
    sombra_schema schema;
    bool more = true;

    assert_int_equal(sombra_digest(&r->conn->txn, digest), SOMBRA_OK);
    for (*schemas = 0; more; *schemas += more)
        assert_int_equal(sombra_schema_at(&r->conn->txn, *schemas, &schema, &more), SOMBRA_OK);
}

/* In a transaction that goes on, and is rolled back. False: nothing failed any more. */
static bool fail_update_at(api_rig *r, const char *query, const answer *wanted, size_t n,
                           bool for_good, size_t *failures)
{
    uint8_t before[16], after[16];
    size_t schemas, schemas_after;
    answer got;

    must(r, "BEGIN");
    must(r, "CREATE (:Before)");
    graph_now(r, before, &schemas);
    api_rig_fail_memory(r, n, for_good);
    const sombra_status status = run(r, query, n, &got);
    const bool more = reached(r);
    api_rig_fail_memory(r, 0, false);
    graph_now(r, after, &schemas_after);
    if (status == SOMBRA_NOMEM) {
        (*failures)++;
        if (memcmp(before, after, sizeof before) != 0 || schemas != schemas_after)
            fail_msg("%s\nallocation %zu: something stayed", query, n);
    } else if (status != SOMBRA_DONE || got.writes != wanted->writes) {
        fail_msg("%s\nallocation %zu: %s: %s", query, n, sombra_status_name(status),
                 sombra_error_of(r->conn)->message);
    }
    must(r, "ROLLBACK");
    return more;
}

static void update_in(void (*way)(sombra_conn *conn))
{
    api_rig r;

    rig_new(&r);
    way(r.conn);
    for (size_t i = 0; i < sizeof updates / sizeof *updates; i++)
        for (int for_good = 0; for_good < 2; for_good++) {
            size_t failures = 0;
            answer wanted;

            must(&r, "BEGIN");
            assert_int_equal(run(&r, updates[i], 0, &wanted), SOMBRA_DONE);
            must(&r, "ROLLBACK");
            for (size_t n = 1; fail_update_at(&r, updates[i], &wanted, n, for_good != 0, &failures);
                 n++)
                ;
            if (failures < 5) fail_msg("%s\n%zu failures", updates[i], failures);
        }
    rig_end(&r);
}

static void test_api_query_memory__updates(void **state)
{
    (void)state;
    update_in(plainly);
}

static void test_api_query_memory__updates_spilled(void **state)
{
    (void)state;
    update_in(spilling);
}

/* Room that planning a chain of so many nodes takes at most. */
static size_t planned(api_rig *r, size_t nodes, const char *node, const char *join)
{
    const size_t room = 32 + nodes * (strlen(node) + strlen(join));
    char *const query = malloc(room);
    size_t at = (size_t)snprintf(query, room, "EXPLAIN MATCH %s", node);
    sombra_stmt *stmt;

    for (size_t i = 1; i < nodes; i++)
        at += (size_t)snprintf(query + at, room - at, "%s%s", join, node);
    (void)snprintf(query + at, room - at, " RETURN count(*)");
    const size_t before = atomic_load(&r->memory.live_bytes);
    atomic_store(&r->memory.peak_bytes, before);
    assert_int_equal(sombra_prepare(r->conn, query, SOMBRA_NUL_TERMINATED, &stmt, NULL), SOMBRA_OK);
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    sombra_stmt_finalize(stmt);
    free(query);
    return atomic_load(&r->memory.peak_bytes) - before;
}

/* A chain twice as long takes four times as much: each step has all the steps before it, but makes no state for each node that could be begun with. */
static void test_api_query_memory__long_chains(void **state)
{
    static const char *const nodes[] = {"()", "(:P)"};
    api_rig r;

    (void)state;
    rig_new(&r);
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        const size_t once = planned(&r, 200, nodes[i], "-->"),
                     twice = planned(&r, 400, nodes[i], "-->");
        if (twice > once * 9 / 2) fail_msg("%s: %zu bytes, then %zu", nodes[i], once, twice);
    }
    (void)planned(&r, 400, nodes[1], ", "); /* whose product has more rows than a double can say */
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_api_query_memory__reads),           TEST(test_api_query_memory__spilled),
        TEST(test_api_query_memory__factorized),      TEST(test_api_query_memory__unpacking),
        TEST(test_api_query_memory__in_parallel),     TEST(test_api_query_memory__updates),
        TEST(test_api_query_memory__updates_spilled), TEST(test_api_query_memory__long_chains),
    };
    return cmocka_run_group_tests_name("api_query_memory", tests, NULL, NULL);
}
