/* test_query_shapes.c — circles, stars and trees whose rows are counted, or found, by reading lists: on graphs with hubs, loops and
 * relationships side by side, against numbers worked out by hand. (Small random graphs: tests/cypher/metamorphic.py.) */
#include "support/api_fixture.h"
#include "support/seed.h"

#include "api/api_priv.h"

static int setup(void **state)
{
    static api_fixture fixture;

    api_new(&fixture);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    api_end(*state);
    return 0;
}

/* The one row of one column that a query gives. */
static sombra_stmt *first_row(api_fixture *f, const char *text, sombra_value *value)
{
    sombra_stmt *stmt;

    OK(f, sombra_prepare(f->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    const sombra_status status = sombra_stmt_step(stmt);
    if (status != SOMBRA_ROW) print_error("%s\n", sombra_error_of(f->conn)->message);
    assert_int_equal(status, SOMBRA_ROW);
    OK(f, sombra_stmt_column(stmt, 0, value));
    return stmt;
}

static int64_t number_of(api_fixture *f, const char *text)
{
    sombra_value value;
    sombra_stmt *stmt = first_row(f, text, &value);

    assert_int_equal(value.type, SOMBRA_TYPE_INT);
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_DONE);
    sombra_stmt_finalize(stmt);
    return value.as.integer;
}

static void run(api_fixture *f, const char *text)
{
    sombra_stmt *stmt;

    OK(f, sombra_prepare(f->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_DONE);
    sombra_stmt_finalize(stmt);
}

static void is_planned(api_fixture *f, const char *text, const char *name)
{
    char explain[400];
    sombra_value value;

    snprintf(explain, sizeof explain, "EXPLAIN %s", text);
    sombra_stmt *stmt = first_row(f, explain, &value);
    if (memmem(value.as.bytes.data, value.as.bytes.size, name, strlen(name)) == NULL)
        fail_msg("no %s in\n%.*s", name, (int)value.as.bytes.size,
                 (const char *)value.as.bytes.data);
    sombra_stmt_finalize(stmt);
}

static void counts(api_fixture *f, const char *text, const char *plan, int64_t expected)
{
    if (plan != NULL) is_planned(f, text, plan);
    assert_int_equal(number_of(f, text), expected);
}

/* ---- Two lists --------------------------------------------------------------------------------------------------------------- */

/* A hub with 5,000 neighbors, one node with 10 of them: 3 relationships to the first, to which the hub has 2. */
static void test_api_query_shapes__hub(void **state)
{
    api_fixture *f = *state;

    run(f, "CREATE (:Hub), (:Few) WITH 1 AS one UNWIND range(0, 4999) AS i CREATE (:X {i: i})");
    run(f, "MATCH (h:Hub), (x:X) CREATE (h)-[:H]->(x)");
    run(f, "MATCH (f:Few), (x:X) WHERE x.i % 500 = 0 CREATE (f)-[:F]->(x)");
    run(f,
        "MATCH (f:Few), (h:Hub), (x:X {i: 0}) CREATE (f)-[:F]->(x), (f)-[:F]->(x), (h)-[:H]->(x)");
    /* ends that many others have, so that lists are short on the whole */
    run(f, "UNWIND range(1, 3000) AS i CREATE (:Y)-[:H]->(:Z)");
    run(f, "UNWIND range(1, 3000) AS i CREATE (:Y)-[:F]->(:Z)");
    counts(f, "MATCH (h:Hub), (f:Few) WITH h, f MATCH (h)-[:H]->(c)<-[:F]-(f) RETURN count(*)",
           "Intersect", 15);
    counts(f, "MATCH (h:Hub), (f:Few) WITH h, f MATCH (h)-[:H]->(c:X)<-[:F]-(f) RETURN count(c)",
           NULL, 15);
    counts(f, "MATCH (h:Hub), (f:Few) WITH h, f MATCH (h)-[:H]->(c:Y)<-[:F]-(f) RETURN count(c)",
           NULL, 0);
    counts(f, "MATCH (h:Hub), (f:Few) WITH h, f MATCH (h)-[:H]->(c)<-[:F]-(f) RETURN sum(c.i)",
           "Intersect", 22500);
    counts(f, "MATCH (h:Hub), (f:Few) WITH h, f MATCH (h)-[r]-(c)--(f) RETURN count(DISTINCT r)",
           "Intersect", 11);
    counts(f,
           "MATCH (h:Hub), (f:Few) WITH h, f MATCH (h)--(c)--(f) WHERE c.i > 900 RETURN count(*)",
           "Intersect", 8);
    counts(f, "MATCH (f:Few), (g:Few) WITH f, g MATCH (f)-->(c)<--(g) RETURN count(*)", "Intersect",
           6);
    counts(f,
           "MATCH (h:Hub), (f:Few) WITH h, f MATCH (h)-[:H]->(c)<-[:F]-(f) WITH h, count(*) AS n "
           "RETURN n",
           "Intersect", 15);
}

/* All of 60 nodes with relationships to all later ones, each way; the first with a loop. */
static void test_api_query_shapes__cliques(void **state)
{
    api_fixture *f = *state;

    run(f, "UNWIND range(0, 59) AS i CREATE (:N {i: i})");
    run(f, "MATCH (a:N), (b:N) WHERE a.i < b.i CREATE (a)-[:T]->(b), (b)-[:T]->(a)");
    counts(f, "MATCH (a)-->(b)-->(c)-->(a) RETURN count(*)", "Intersect", INT64_C(60) * 59 * 58);
    run(f, "MATCH (a:N {i: 0}) CREATE (a)-[:T]->(a)");
    /* with the loop: a=b, b=c or c=a is the first node, the other one any of 59 */
    counts(f, "MATCH (a)-->(b)-->(c)-->(a) RETURN count(*)", "Intersect",
           INT64_C(60) * 59 * 58 + INT64_C(3) * 59);
    counts(f,
           "MATCH (a)-->(b)-->(c)-->(a), (a)-->(d), (b)-->(d), (c)-->(d) WHERE a.i < b.i AND b.i < "
           "c.i RETURN count(*)",
           "Intersect", 60 * 59 * 58 / 6 * 57);
    counts(f,
           "MATCH (a)-[:T]->(b)-[:T]->(d), (a)-[:T]->(c)-[:T]->(d) WHERE a.i < b.i AND b.i < c.i "
           "AND c.i < d.i RETURN count(*)",
           "Intersect", INT64_C(60) * 59 * 58 * 57 / 24);
}

/* ---- Trees ------------------------------------------------------------------------------------------------------------------- */

/* The number of rows, counted and made: a sum is no count, so that its rows are made. */
static void counts_as_made(api_fixture *f, const char *match, const char *plan)
{
    char counted[600], made[600];

    snprintf(counted, sizeof counted, "%s RETURN count(*)", match);
    snprintf(made, sizeof made, "%s RETURN sum(1)", match);
    if (plan != NULL) is_planned(f, counted, plan);
    const int64_t rows = number_of(f, made);
    if (number_of(f, counted) != rows)
        fail_msg("%s: %lld rows, counted %lld", match, (long long)rows,
                 (long long)number_of(f, counted));
    assert_true(rows > 0);
    snprintf(counted, sizeof counted,
             "%s WITH b.g AS g, count(*) AS n RETURN sum(n * (g + 1) * (g + 1))", match);
    snprintf(made, sizeof made, "%s RETURN sum((b.g + 1) * (b.g + 1))", match);
    if (number_of(f, counted) != number_of(f, made)) fail_msg("%s: by groups", match);
}

/* Put two relationships where the two ~ are. */
static void fill_in(char *match, const char *pattern, const char *first, const char *second)
{
    const char *rel = first;

    for (; *pattern != '\0'; pattern++) {
        if (*pattern != '~') {
            *match++ = *pattern;
            continue;
        }
        strcpy(match, rel);
        match += strlen(rel);
        rel = second;
    }
    *match = '\0';
}

/* Twelve nodes with one, two or three relationships K between most of them, loops among them, and some L. */
/* A relationship may close the circle that it opened, where it is allowed to. */
static void test_api_query_shapes__repeatable(void **state)
{
    api_fixture *f = *state;

    run(f, "CREATE (a)-[:R]->(b), (a)-[:R]->(b)");
    counts(f,
           "MATCH REPEATABLE ELEMENTS (x)-[:R]->(y)<-[:R]-(z)-[:R]->(w)<-[:R]-(x) RETURN count(*)",
           "Intersect", 16);
    counts(f, "MATCH (x)-[:R]->(y)<-[:R]-(z)-[:R]->(w)<-[:R]-(x) RETURN count(*)", NULL, 0);
    counts(f, "MATCH REPEATABLE ELEMENTS (x)-[:R]->(y)<-[:R]-(z) RETURN count(*)", NULL, 4);
    counts(f, "MATCH (x)-[:R]->(y)<-[:R]-(z) RETURN count(*)", NULL, 2);
}

static void test_api_query_shapes__trees(void **state)
{
    /* ~ is a relationship of K */
    static const char *const matches[] = {
        "MATCH (a:N)~(b)~(c)",
        "MATCH (a:N)~(b)~(c) WHERE a <> c",
        "MATCH (a:N)~(b)~(c)-[:L]->(d) WHERE a <> c",
        "MATCH (a:N)~(b)~(c:M)-[:L]->(d)",
        "MATCH (b)~(a), (b)~(c) WHERE a <> c",
        "MATCH (a:N)~(b), (b)~(c:M), (b)-[:L]->(d) WHERE c <> a",
        "MATCH (a)-[:L]->(b), (b)~(c)~(d:M) WHERE d <> b AND d.g > 1",
        "MATCH (a:M)~(b) MATCH (b)~(c)",
        "MATCH (a)~(b)~(c) OPTIONAL MATCH (c)-[:L]->(d)-[:L]->(e:M)",
        ("MATCH (a)~(b)~(c) OPTIONAL MATCH (a)-[:L]->(d) WHERE d.g > 2 OPTIONAL MATCH "
         "(b)-[:L]->(e)"),
    };
    static const char *const rels[] = {"-[:K]-", "-[:K]->", "<-[:K]-"};
    api_fixture *f = *state;
    char match[300];

    run(f, "UNWIND range(0, 11) AS i CREATE (n:N {i: i, g: i % 4})");
    run(f, "MATCH (n:N) WHERE n.i % 3 <> 1 SET n:M");
    run(f,
        "MATCH (a:N), (b:N) UNWIND range(0, (a.i * 5 + b.i * 3) % 4) AS k WITH a, b, k WHERE k > 0 "
        "CREATE (a)-[:K]->(b)");
    run(f, "MATCH (a:N), (b:N) WHERE (a.i + 2 * b.i) % 5 = 0 CREATE (a)-[:L]->(b)");
    for (size_t i = 0; i < sizeof matches / sizeof *matches; i++)
        for (size_t k = 0; k < 9; k++) {
            fill_in(match, matches[i], rels[k / 3], rels[k % 3]);
            counts_as_made(f, match, k == 0 ? "Weigh" : NULL);
        }
    run(f, "MATCH (a:N {i: 0}) DETACH DELETE a"); /* the same statements on another graph */
    counts_as_made(f, "MATCH (a:N)-[:K]-(b)-[:K]-(c)-[:L]->(d) WHERE a <> c", "Weigh");
}

/* So many nodes that at first some are looked up, and then the numbers of all are worked out; the plan's root is the label of most. */
static void test_api_query_shapes__whole(void **state)
{
    static const struct {
        const char *match, *root;
    } cases[] = {
        {"MATCH (a:G)<-[:IN]-(b:P)-[:L]->(c:Q)", "b:P"},
        {"MATCH (a:G)<-[:IN]-(b:P) MATCH (b)-[:L]-(c:Q)-[:L]-(d)", "b:P"},
        {"MATCH (a:G)<-[:IN]-(b:P) OPTIONAL MATCH (b)<-[:L]-(c:Q)-[:IN]->(d:G)", "b:P"},
        /* relationships of which one end is read are lists of that one */
        {"MATCH (a)<-[:M]-(b:P) MATCH (b)-[:L]->(c) MATCH (b)<-[:L]-(d)", "AllNodesScan"},
        {"MATCH (a:Q)-[:L]->(b:Q)-[:IN]->(c:G)", "Weigh"},
        /* values that are no products: a filter, two that differ, a way that is not gone back */
        {"MATCH (a:G)<-[:IN]-(b:P) MATCH (b)-[:L]->(c) WHERE c.i % 7 < 3", "Weigh"},
        {"MATCH (a:P)-[:L]->(b)-[:L]->(c)-[:IN]->(d)", "Weigh"},
        {"MATCH (b:P) MATCH (b)-[:L]->(a)-[:IN]->(d), (b)-[:L]->(c)", "Weigh"},
        {"MATCH (a:P)-[:L]-(b)-[:L]-(c) WHERE a <> c", "Weigh"},
        /* all E begin at Q, so that Q need not be asked of who has some; but of others it must be, and F begin at Q or end there */
        {"MATCH (a:P)-[:L]->(b:Q)-[:E]->(c)", "Weigh"},
        {"MATCH (a:P)-[:L]->(b:Q)-[:E]->(c) MATCH (b)-[:IN]->(d)", "Weigh"},
        {"MATCH (a:P)-[:L]->(b:Q)-[:IN]->(c) OPTIONAL MATCH (b)-[:E]->(d)", "Weigh"},
        {"MATCH (a:P)-[:L]->(b:Q)-[:F]-(c)", "Weigh"},
        {"MATCH (a:P)-[:L]->(b:Q)<-[:F]-(c)", "Weigh"},
    };
    api_fixture *f = *state;

    run(f, "UNWIND range(0, 2) AS i CREATE (:G {i: i})");
    run(f, "CREATE INDEX FOR (n:P) ON (n.i)");
    run(f, "UNWIND range(0, 5999) AS i MATCH (g:G {i: i % 3}) CREATE (:P {i: i, g: i % "
           "4})-[:IN]->(g)");
    run(f, "MATCH (p:P) WHERE p.i % 2 = 0 SET p:Q");
    run(f, "UNWIND range(0, 5999) AS i MATCH (p:P {i: i}) UNWIND range(1, i % 4) AS k MATCH (q:P "
           "{i: (i * k) % 6000}) CREATE (p)-[:L]->(q)");
    run(f, "MATCH (p:P) WHERE p.i % 11 = 0 CREATE (p)-[:L]->(p)");
    run(f, "MATCH (p:P), (g:G) WHERE p.i % 3 = 1 AND g.i = p.i % 2 CREATE (p)-[:M]->(g)");
    run(f, "MATCH (p:Q), (g:G) WHERE p.i % 5 = 1 AND g.i < 2 CREATE (p)-[:E]->(g)");
    run(f, "MATCH (p:P) WHERE p.i % 2 = 1 MATCH (q:P {i: p.i - 1}) CREATE (p)-[:F]->(q)");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        counts_as_made(f, cases[i].match, cases[i].root);
}

/* Ends that all count the same, so that their number is enough: until one does not, or one has lost the label by which they are known. */
static void test_api_query_shapes__equal_ends(void **state)
{
    static const char *const matches[] = {
        "MATCH (a:P)-[:L]->(b:P)-[:IN]->(c:G)",
        "MATCH (a:P)-[:L]->(b:P)-[:IN]->(c:G)<-[:IN]-(d:P)",
        "MATCH (a:P)-[:L]-(b:P)-[:IN]->(c:G)",
        "MATCH (a:P)-[:L]->(b:Q)-[:IN]->(c:G)",
        "MATCH (a:P) OPTIONAL MATCH (a)-[:L]->(b:P)-[:IN]->(c:G)",
    };
    static const char *const changes[] = {
        "MATCH (p:P {i: 10}), (g:G {i: 0}) CREATE (p)-[:IN]->(g)",
        "MATCH (p:P {i: 10})-[r:IN]->() DELETE r",
        "MATCH (p:P) WHERE p.i < 600 MATCH (p)-[:IN]->(g) CREATE (p)-[:IN]->(g)",
        "MATCH (p:P {i: 20}) REMOVE p:P:Q",
    };
    api_fixture *f = *state;

    run(f, "UNWIND range(0, 2) AS i CREATE (:G {i: i})");
    run(f, "UNWIND range(0, 599) AS i MATCH (g:G {i: i % 3}) CREATE (p:P {i: i})-[:IN]->(g) "
           "FOREACH (k IN CASE WHEN i % 2 = 0 THEN [1] ELSE [] END | SET p:Q)");
    run(f, "MATCH (p:P), (q:P) WHERE p.i <> q.i AND p.i * 7 % 600 = q.i * 11 % 200 "
           "CREATE (p)-[:L]->(q)");
    run(f, "MATCH (p:P) WHERE p.i % 11 = 0 CREATE (p)-[:L]->(p)");
    for (size_t k = 0;; k++) {
        for (size_t i = 0; i < sizeof matches / sizeof *matches; i++)
            counts_as_made(f, matches[i], k == 0 ? "Weigh" : NULL);
        if (k == sizeof changes / sizeof *changes) break;
        run(f, changes[k]);
    }
}

/* What is worked out for all nodes may fail at one that nobody asks for, which must not show. */
static void test_api_query_shapes__aside(void **state)
{
    static const char text[] = "MATCH (s:S)-[:A]->(x) MATCH (x)-[:E]->(a) MATCH (x)-[:E]->(b) "
                               "MATCH (x)-[:E]->(c) MATCH (x)-[:E]->(d) RETURN count(*)";
    static const char deep[] = "MATCH (r:R)-[:B]->(s) MATCH (s)-[:A]->(x) MATCH (x)-[:E]->(a) "
                               "MATCH (x)-[:E]->(b) MATCH (x)-[:E]->(c) MATCH (x)-[:E]->(d) "
                               "RETURN count(*)";
    api_fixture *f = *state;

    run(f, "CREATE (x:X), (y:Y) WITH x, y UNWIND range(1, 70000) AS i CREATE (x)-[:E]->(y)");
    run(f, "MATCH (y:Y) UNWIND range(1, 3000) AS i CREATE (:R)-[:B]->(:S)-[:A]->(:Z)-[:E]->(y)");
    counts(f, text, "Weigh", 3000);
    counts(f, deep, "Weigh", 3000);
    run(f, "MATCH (x:X), (s:S) WITH x, s LIMIT 1 CREATE (s)-[:A]->(x)"); /* now one asks */
    sombra_stmt *stmt;
    OK(f, sombra_prepare(f->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    FAILS(f, sombra_stmt_step(stmt), SOMBRA_INVALID, "does not fit 64 bits");
    sombra_stmt_finalize(stmt);
}

/* 70,000^4 rows are too many to count in 64 bits. */
static void test_api_query_shapes__overflow(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt;

    run(f, "CREATE (:Mid), (:End) WITH 1 AS one UNWIND range(1, 2000) AS i CREATE (:Other)");
    run(f, "MATCH (m:Mid), (e:End) UNWIND range(1, 70000) AS i CREATE (m)-[:E]->(e)");
    is_planned(
        f,
        "MATCH (m:Mid) MATCH (m)-[:E]->(a) MATCH (m)-[:E]->(b) MATCH (m)-[:E]->(c) RETURN count(*)",
        "Weigh");
    assert_int_equal(number_of(f, "MATCH (m:Mid) MATCH (m)-[:E]->(a) MATCH (m)-[:E]->(b) MATCH "
                                  "(m)-[:E]->(c) RETURN count(*)"),
                     INT64_C(70000) * 70000 * 70000);
    OK(f, sombra_prepare(f->conn,
                         "MATCH (m:Mid) MATCH (m)-[:E]->(a) MATCH (m)-[:E]->(b) MATCH "
                         "(m)-[:E]->(c) MATCH (m)-[:E]->(d) RETURN count(*)",
                         SOMBRA_NUL_TERMINATED, &stmt, NULL));
    FAILS(f, sombra_stmt_step(stmt), SOMBRA_INVALID, "does not fit 64 bits");
    sombra_stmt_finalize(stmt);

    /* and so are those of two nodes together, of which each has few enough */
    run(f, "MATCH (m:Mid), (e:End) UNWIND range(1, 20000) AS i CREATE (m)-[:F]->(e)");
    run(f, "CREATE (m:Mid) WITH m MATCH (e:End) UNWIND range(1, 70000) AS i CREATE (m)-[:E]->(e) "
           "WITH m, e, i WHERE i <= 20000 CREATE (m)-[:F]->(e)");
    OK(f, sombra_prepare(f->conn,
                         "MATCH (m:Mid) MATCH (m)-[:E]->(a) MATCH (m)-[:E]->(b) MATCH "
                         "(m)-[:E]->(c) MATCH (m)-[:F]->(d) RETURN count(*)",
                         SOMBRA_NUL_TERMINATED, &stmt, NULL));
    FAILS(f, sombra_stmt_step(stmt), SOMBRA_INVALID, "does not fit 64 bits");
    sombra_stmt_finalize(stmt);
}

/* ---- Distinct ends, and groups -------------------------------------------------------------------------------------------------- */

/* A hub whose list of 6,000 lies in several leaves. What a relationship leads to, and only one that was used leads to, is no end. */
static void test_api_query_shapes__ends(void **state)
{
    static const char ends[] = "MATCH (x:X {i: 7})<-[:H]-(h)-[:H]->(y) RETURN count(DISTINCT y)";
    api_fixture *f = *state;

    run(f, "CREATE (:Hub), (:L) WITH 1 AS one UNWIND range(0, 5999) AS i CREATE (:X {i: i})");
    run(f, "MATCH (h:Hub), (x:X) CREATE (h)-[:H]->(x)");
    counts(f, ends, NULL, 5999);
    run(f, "MATCH (h:Hub), (x:X {i: 7}) CREATE (h)-[:H]->(x)");
    counts(f, ends, NULL, 6000);
    counts(f, "MATCH (x:X {i: 7})--(h)--(y) RETURN count(DISTINCT y)", NULL, 6000);
    counts(f, "MATCH (x:X {i: 9})--(h)--(y) RETURN count(DISTINCT y)", NULL, 5999);
    counts(f, "MATCH (x:X) WHERE x.i > 5990 MATCH (x)<-[:H]-(h)-[:H]->(y) RETURN count(DISTINCT y)",
           NULL, 6000);
    /* one loop leads nowhere twice, two lead back */
    run(f, "MATCH (l:L) CREATE (l)-[:T]->(l), (l)-[:T]->()-[:T]->()");
    counts(f, "MATCH (l:L)-[:T]->()-[:T]->(c) RETURN count(DISTINCT c)", NULL, 2);
    counts(f, "MATCH (l:L)-[:T]-()-[:T]-(c) RETURN count(DISTINCT c)", NULL, 2);
    run(f, "MATCH (l:L) CREATE (l)-[:T]->(l)");
    counts(f, "MATCH (l:L)-[:T]->()-[:T]->(c) RETURN count(DISTINCT c)", NULL, 3);
    counts(f, "MATCH (l:L)-[:T]-()-[:T]-(c) RETURN count(DISTINCT c)", NULL, 3);
    /* … also as rows */
    counts(f, "MATCH (l:L)-[:T]->()-[:T]->(c) WITH c, 1 AS one RETURN sum(one)", NULL, 5);
    /* what the statement itself has made, and no input at all */
    counts(f,
           "MATCH (h:Hub) CREATE (h)-[:H]->(:New) WITH count(*) AS one MATCH (:Hub)-[:H]->(y) "
           "RETURN count(DISTINCT y)",
           NULL, 6001);
    counts(f, "MATCH (x:X {i: -1})<-[:H]-()-[:H]->(y) RETURN count(DISTINCT y)", NULL, 0);
    counts(f, "MATCH (x:X {i: 7})<-[:None]-()-[:H]->(y) RETURN count(DISTINCT y)", NULL, 0);
}

/* How often a leaf was looked for, since the last time. */
static uint64_t look_ups(api_fixture *f)
{
    sombra_counter counters[256];
    size_t count;
    uint64_t sum = 0;

    assert_int_equal(sombra_profile_snapshot(f->db, true, counters, 256, &count), SOMBRA_OK);
    for (size_t i = 0; i < count; i++)
        if (strncmp(counters[i].name, "leaf_cache_", strlen("leaf_cache_")) == 0)
            sum += counters[i].value;
    return sum;
}

/* Who wants some of what can be reached, each once, has it searched for as far as it takes. */
static void test_api_query_shapes__first_reached(void **state)
{
    static const char all[] =
        "MATCH (:X {i: 1})-[:T*]->(b) WITH DISTINCT b RETURN count(b.i) AS ends";
    static const char few[] =
        "MATCH (:X {i: 1})-[:T*]->(b) WITH DISTINCT b LIMIT 5 RETURN count(b.i) AS ends";
    static const char later[] =
        "MATCH (:X {i: 1})-[:T*]->(b) WITH DISTINCT b SKIP 1 LIMIT 5 WITH b.i AS i "
        "RETURN count(i) AS ends";
    api_fixture *f = *state;

    f->options.profile = true;
    api_reopen(f);
    run(f, "CREATE INDEX FOR (x:X) ON (x.i)");
    run(f, "UNWIND range(1, 8000) AS i CREATE (:X {i: i})");
    run(f, "MATCH (x:X) WHERE x.i > 1 MATCH (y:X {i: x.i / 2}) CREATE (y)-[:T]->(x)");
    (void)look_ups(f);
    counts(f, all, NULL, 7999);
#ifndef SOMBRA_NO_PROFILE
    const uint64_t whole = look_ups(f);
#endif
    counts(f, few, NULL, 5);
    counts(f, later, NULL, 5);
#ifndef SOMBRA_NO_PROFILE
    assert_in_range(look_ups(f), 1, whole / 10);
#endif
    /* what the order does not need waits until few rows are left */
    counts(f,
           "MATCH (x:X) RETURN COUNT { (x)-[:T*2]->(y WHERE y.i > 0) } AS c ORDER BY x.i LIMIT 1",
           NULL, 4);
    counts(f, "MATCH (x:X) RETURN COUNT { (x)-[:T*2]->(y WHERE y.i > 0) } + 4 AS c LIMIT 1", NULL,
           8);
#ifndef SOMBRA_NO_PROFILE
    assert_in_range(look_ups(f), 1, whole / 10);
#endif
    counts(f,
           "MATCH (x:X) RETURN COUNT { (x)-[:T*2]->(y WHERE y.i > 0) } AS c ORDER BY c DESC, x.i "
           "DESC SKIP 3 LIMIT 1",
           NULL, 4);
    /* more than the first search finds, and more than there are; each once */
    counts(f, "MATCH (:X {i: 1})-[:T*]->(b) WITH DISTINCT b LIMIT 3000 RETURN count(b)", NULL,
           3000);
    counts(f, "MATCH (:X {i: 1})-[:T*]->(b) WITH DISTINCT b LIMIT 9000 RETURN count(DISTINCT b)",
           NULL, 7999);
    counts(f, "MATCH (:X {i: 1})-[:T*]-(b) WITH DISTINCT b SKIP 1000 LIMIT 9000 RETURN count(b)",
           NULL, 6999);
    /* what needs all of them still has all */
    counts(f, "MATCH (:X {i: 1})-[:T*]->(b) WITH DISTINCT b ORDER BY b.i DESC LIMIT 1 RETURN b.i",
           NULL, 8000);
}

/* A repeated part of one relationship, of whose nodes nobody reads the lists, is planned as one of variable length: its ends are searched breadth
 * first. There are more trails here than could ever be walked. */
static void test_api_query_shapes__repeated_relationship(void **state)
{
    api_fixture *f = *state;

    run(f, "UNWIND range(1, 60) AS i CREATE (:D {i: i})");
    run(f, "MATCH (a:D), (b:D) WHERE a.i < b.i CREATE (a)-[:E]->(b)");
    run(f, "MATCH (a:D {i: 60}) CREATE (a)-[:F]->(:Last)");
    sombra_set_time_limit(f->conn, 20000);
    counts(f, "MATCH (:D {i: 1})((x)-[:E]->(y))+(c) RETURN count(DISTINCT c)", NULL, 59);
    counts(f, "MATCH (c)((x)<-[:E]-(y))*(:D {i: 1}) RETURN count(DISTINCT c)", NULL, 60);
    counts(f, "MATCH (:D {i: 1})(()-[r:E|F]->())+(c) RETURN count(DISTINCT c)", NULL, 60);
    counts(f, "MATCH (a:D) WHERE EXISTS { (a)((x)-[]->(y))+(:Last) } RETURN count(a)", NULL, 60);
    /* with conditions, too; one end that is bound, or any */
    counts(f, "MATCH (:D {i: 1})((x)-[:E]->(y) WHERE y.i <> 30)+(c) RETURN count(DISTINCT c)", NULL,
           58);
    counts(f, "MATCH (c)((x)<-[:E]-(y:D WHERE y.i <> 30))*(:D {i: 1}) RETURN count(DISTINCT c)",
           NULL, 60);
    counts(f, "MATCH (:D {i: 1})((x:D)-[r:E|F]-(y))+(c) WITH DISTINCT c RETURN count(c)", NULL, 61);
    counts(f, "MATCH (a:D) WHERE EXISTS { (a)((x:D)-[]->(y))+(:Last) } RETURN count(a)", NULL, 60);
    counts(f,
           "MATCH (s:D {i: 1}), (e:D) WHERE EXISTS { (s)((x)-[:E]->(y) WHERE x.i <> 1 OR y.i > "
           "40)+(e) } RETURN count(e)",
           NULL, 20);
    counts(f,
           "MATCH (:D {i: 1})-[q:E]->(:D {i: 2})((x)-[r:E]->(y) WHERE y.i < 50)+(c) RETURN "
           "count(DISTINCT c)",
           NULL, 47);
    sombra_set_time_limit(f->conn, 0);
    /* where they are read, or there is more to say about them, every trail counts */
    counts(f, "MATCH (:D {i: 57})((x)-[:E]->(y))+(c) RETURN count(*)", NULL, 7);
    counts(f, "MATCH (:D {i: 57})((x)-[r:E]->(y))+(c) RETURN sum(size(x) * 10 + size(r))", NULL,
           132);
    counts(f, "MATCH (:D {i: 57})((x)-[r:E]->(y))+(c) WITH * RETURN sum(size(y))", NULL, 12);
    counts(f, "MATCH (:D {i: 57})((x)-[r:E]->(y))+(c) RETURN sum(size(r))", NULL, 12);
    counts(f, "MATCH (:D {i: 57})((x)-[r:E]->(y) WHERE y.i > x.i + 1)+(c) RETURN count(*)", NULL,
           2);
    counts(f, "MATCH (:D {i: 57})((x:D)-[r:E]->(y {i: 60}))+(c) RETURN count(*)", NULL, 1);
    counts(f, "MATCH (:D {i: 57})((x)-[r:E]->(x))+(c) RETURN count(*)", NULL, 0);
    counts(f, "MATCH p = (:D {i: 57})((x)-[r:E]->(y))+(c) RETURN sum(length(p))", NULL, 12);
    counts(f, "MATCH ANY SHORTEST (:D {i: 57})((x)-[r:E]->(y))+(c) RETURN count(*)", NULL, 3);
}

/* What all() and none() demand of a path's relationships or nodes is asked of each step: none is gone on with that can not become a row. Of whole
 * paths there are more here than could ever be walked. */
static void test_api_query_shapes__steps(void **state)
{
    api_fixture *f = *state;

    run(f, "UNWIND range(1, 60) AS i CREATE (:D {i: i})");
    run(f, "MATCH (a:D), (b:D) WHERE a.i < b.i CREATE (a)-[:E {w: b.i - a.i}]->(b)");
    sombra_set_time_limit(f->conn, 20000);
    counts(f,
           "MATCH p = shortestPath((:D {i: 1})-[:E*]->(:D {i: 60})) WHERE all(r IN "
           "relationships(p) WHERE r.w = 1) RETURN length(p)",
           NULL, 59);
    counts(f,
           "MATCH p = shortestPath((:D {i: 1})-[:E*]-(:D {i: 60})) WHERE none(n IN nodes(p) WHERE "
           "n.i IN [2, 40]) AND all(r IN relationships(p) WHERE r.w <= 2) RETURN length(p)",
           NULL, 30);
    counts(f,
           "MATCH p = allShortestPaths((:D {i: 1})-[r:E*]->(:D {i: 6})) WHERE none(x IN r WHERE "
           "x.w > 2) RETURN count(*)",
           NULL, 3);
    counts(f,
           "MATCH p = shortestPath((:D {i: 1})-[:E*]->(:D {i: 60})) WHERE all(n IN nodes(p) WHERE "
           "n.i > 1) RETURN count(*)",
           NULL, 0);
    counts(f, "MATCH (:D {i: 1})-[r:E*]->(b) WHERE all(x IN r WHERE x.w = 1) RETURN count(*)", NULL,
           59);
    counts(f,
           "MATCH p = (:D {i: 1})-[:E*0..]->(b) WHERE none(x IN relationships(p) WHERE x.w <> 1) "
           "RETURN count(p)",
           NULL, 60);
    counts(f,
           "MATCH p = (:D {i: 1})-[:E*]->(b) WHERE all(x IN relationships(p) WHERE x.w < 3) RETURN "
           "count(DISTINCT b)",
           NULL, 59);
    counts(f,
           "MATCH p = (b)<-[:E*]-(:D {i: 1}) WHERE none(n IN nodes(p) WHERE n.i > 40) WITH "
           "DISTINCT b RETURN count(b)",
           NULL, 39);
    counts(f,
           "MATCH p = (:D {i: 1})-[q:E]->()-[r:E*]->(b) WHERE all(x IN relationships(p) WHERE x.w "
           "= 1) RETURN count(*)",
           NULL, 58);
    counts(f,
           "MATCH (c:D {i: 3}) MATCH p = (:D {i: 1})-[:E*]->() WHERE all(n IN nodes(p) WHERE n.i "
           "<= c.i) RETURN count(*)",
           NULL, 3);
    /* the start, and nothing at all, is asked as well */
    counts(f,
           "MATCH p = (:D {i: 1})-[:E*0..]->(b) WHERE all(n IN nodes(p) WHERE n.i > 1) RETURN "
           "count(*)",
           NULL, 0);
    counts(f, "MATCH (:D {i: 1})-[r:E*0..]->(b) WHERE all(x IN r WHERE x.none = 1) RETURN count(*)",
           NULL, 1);
    counts(f, "MATCH (:D {i: 1})-[r:E*]->(b) WHERE none(x IN r WHERE x.none = 1) RETURN count(*)",
           NULL, 0);
    counts(f,
           "OPTIONAL MATCH p = (:D {i: 1})-[r:E*1..2 {w: 1}]->(b) WHERE all(x IN r WHERE x.w = 1 "
           "AND all(y IN r WHERE y.w = x.w)) RETURN count(p)",
           NULL, 2);
    counts(f,
           "MATCH p = shortestPath((:D {i: 1})-[:E*]->(:D {i: 60})) WHERE NOT any(r IN "
           "relationships(p) WHERE r.w > 2) RETURN length(p)",
           NULL, 30);
    counts(f,
           "MATCH p = ANY SHORTEST ((a:D {i: 1})-[:E]->+(b:D) WHERE b.i > 50 AND a.i < b.i) RETURN "
           "count(b)",
           NULL, 10);
    counts(f,
           "MATCH (a:D {i: 1}) MATCH p = ALL SHORTEST ((a)((x)-[r:E]->(y))+(b:D) WHERE b.i = a.i + "
           "59), (c:D {i: 2}) RETURN count(p) + sum(c.i)",
           NULL, 3);
    counts(f,
           "CALL { MATCH (:D {i: 1})-[:E*]->(b) RETURN b UNION MATCH (:D {i: 2})-[:E*]->(b) "
           "RETURN b } RETURN count(b)",
           NULL, 59);
    counts(f,
           "CALL { MATCH (:D {i: 1})-[:E*]->(b) RETURN b UNION ALL MATCH (:D {i: 2})-[:E*]->(b) "
           "RETURN b } RETURN count(DISTINCT b)",
           NULL, 59);
    counts(f, "MATCH (a:D) WHERE COUNT { (a)-[:E*]->() } > 0 RETURN count(a)", NULL, 59);
    counts(f, "MATCH (a:D) WHERE 0 = COUNT { (a)-[:E*]->() } RETURN count(a)", NULL, 1);
    counts(f, "MATCH (a:D) WHERE 1 <= COUNT { (a)-[:E*]->() } RETURN count(a)", NULL, 59);
    counts(f, "MATCH (a:D) WITH a WHERE COUNT { (a)<-[:E*]-() } <> 0 RETURN count(a)", NULL, 59);
    counts(f, "MATCH (a:D) WHERE COUNT { (a)-[:E*]->() } < 1 RETURN a.i", NULL, 60);
    sombra_set_time_limit(f->conn, 0);
    counts(f, "MATCH (a:D) WHERE COUNT { (a)-[:E]->() } > 1 RETURN count(a)", NULL, 58);
    counts(f, "MATCH (a:D) WHERE COUNT { (a)-[:E]->() } = 1 RETURN a.i", NULL, 59);
    /* what is selected first is asked afterwards */
    counts(f,
           "MATCH p = ANY SHORTEST (:D {i: 57})-[r:E*]->(:D {i: 60}) WHERE all(x IN r WHERE x.w = "
           "1) RETURN count(*)",
           NULL, 0);
    counts(f,
           "MATCH p = ANY SHORTEST ((:D {i: 57})-[r:E*]->(:D {i: 60}) WHERE all(x IN r WHERE x.w = "
           "1)) RETURN length(p)",
           NULL, 3);
    is_planned(f, "MATCH (:D)-[r:E*]->(b) WHERE all(x IN r WHERE x.w = 1) RETURN count(*)",
               "WHERE x.w = 1");
}

/* A batch of long paths is no larger than a batch: 1,024 of these would take some 57 MB, where a query may use 32. */
static void test_api_query_shapes__long_paths(void **state)
{
    api_fixture *f = *state;

    f->options.memory_limit = 64u << 20;
    api_reopen(f);
    run(f, "UNWIND range(0, 3999) AS i CREATE (:N {i: i})");
    run(f, "CREATE INDEX FOR (n:N) ON (n.i)");
    run(f, "MATCH (a:N) MATCH (b:N {i: a.i + 1}) CREATE (a)-[:R]->(b)");
    counts(f, "MATCH p = (:N {i: 0})-[:R*]->() RETURN max(length(p)) + count(p)", NULL, 2 * 3999);
    counts(f, "MATCH (:N {i: 0})((a)-[r:R]->(b WHERE b.i > 0))+() RETURN max(size(r)) + count(a)",
           NULL, 2 * 3999);
    counts(f, "MATCH p = ANY SHORTEST (:N {i: 0})-[:R]->+() RETURN max(length(p)) + count(p)", NULL,
           2 * 3999);
    counts(f,
           "MATCH (a:N {i: 0}), (b:N) WHERE b.i > 2800 MATCH p = shortestPath((a)-[:R*]->(b)) "
           "RETURN max(length(p)) + count(p)",
           NULL, 3999 + 1199);
}

/* Labels of ends, of which no statistic knows that all have them, are asked by bits when they are many, and in rows while there are changes. */
static void test_api_query_shapes__labels(void **state)
{
    static const struct {
        const char *labels;
        int64_t rows;
    } cases[] = {{"X", 3000},    {"Y", 2000}, {"X&Y", 1000},     {"X|Y", 4000},
                 {"!X", 2000},   {"Z", 1},    {"(X&Y)|Z", 1001}, {"%", 4001},
                 {"X&!Y", 2000}, {"None", 0}, {"None|Z", 1},     {"X&None", 0}};
    api_fixture *f = *state;
    char text[200];

    f->options.profile = true;
    api_reopen(f);
    run(f, "CREATE (:Hub {i: 0}) WITH 1 AS one UNWIND range(1, 5000) AS i CREATE (x {i: i}) "
           "FOREACH (k IN CASE WHEN i <= 3000 THEN [1] ELSE [] END | SET x:X) "
           "FOREACH (k IN CASE WHEN i > 2000 AND i <= 4000 THEN [1] ELSE [] END | SET x:Y) "
           "FOREACH (k IN CASE WHEN i = 5000 THEN [1] ELSE [] END | SET x:Z)");
    run(f, "MATCH (h:Hub), (x) WHERE x.i > 0 CREATE (h)-[:H]->(x)");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text,
                 "MATCH (:Hub)-[:H]->(x:%s) RETURN sum(x.i) - sum(x.i) + count(x.i)",
                 cases[i].labels);
        counts(f, text, NULL, cases[i].rows);
    }
    static const char y[] = "MATCH (:Hub)-[:H]->(x:Y) WITH x, 1 AS one RETURN sum(one)";
    (void)look_ups(f);
    counts(f, y, NULL, 2000);
#ifndef SOMBRA_NO_PROFILE
    assert_in_range(look_ups(f), 1, 1000);
#endif
    /* changes of the transaction show, in it and after it */
    api_begin(f, SOMBRA_WRITE);
    run(f, "MATCH (x:X) WHERE x.i <= 10 SET x:Y");
    run(f, "MATCH (y:Y) WHERE y.i > 3990 REMOVE y:Y");
    run(f, "MATCH (y:Y) WHERE y.i = 3000 DETACH DELETE y");
    counts(f, y, NULL, 1999);
    counts(f,
           "MATCH (h:Hub)-[:H]->(x:Y) WITH h, count(*) AS before MATCH (n:Z) SET n:Y "
           "WITH h, before MATCH (h)-[:H]->(x:Y) WITH before, count(x) AS after "
           "RETURN before * 10000 + after",
           NULL, 19992000);
    api_commit(f);
    counts(f, y, NULL, 2000);
    /* without its index, too */
    uint32_t label, index;
    api_begin(f, SOMBRA_WRITE);
    assert_int_equal(sombra_name_find(f->txn, SOMBRA_LABEL, "Y", 1, &label), SOMBRA_OK);
    const sombra_schema like = {.kind = SOMBRA_LABEL_INDEX, .entity = label};
    assert_int_equal(sombra_schema_find(f->txn, &like, &index), SOMBRA_OK);
    assert_int_equal(sombra_schema_drop(f->txn, index), SOMBRA_OK);
    api_commit(f);
    counts(f, y, NULL, 2000);
}

/* Lists that are looked up by the thousand are unpacked, whichever steps of a statement ask for them: in the same order, with the same answers, also with
 * entries aside; and what a transaction has written shows. */
static void test_api_query_shapes__tables(void **state)
{
    static const char rows[] = "MATCH (a:A)-[:R]->(b)-[:R]->(c) WITH a, b, c RETURN "
                               "sum(a.i + 3 * b.i + 7 * c.i)";
    static const char open[] = "MATCH (a:A)-[:R]->(b)-[:R]->(c) WHERE NOT (c)-[:R]->(a) AND NOT "
                               "(a)-[:R]-(c) WITH a, c RETURN sum(a.i * c.i)";
    static const char closed[] = "MATCH (a:A)-[:R]->(b)-[:R]->(c)-[:R]->(a) WITH a, b, c RETURN "
                                 "sum(a.i + b.i + c.i)";
    static const char ones[] = "MATCH (a:A)-[:R]->(b)-[:R]->(c) WITH a, c, 1 AS one "
                               "RETURN sum(one)";
    static const char *const texts[] = {rows, open, closed};
    api_fixture *f = *state;
    int64_t before[3];

    f->options.profile = true;
    api_reopen(f);
    run(f, "UNWIND range(0, 4999) AS i CREATE (:A {i: i})");
    run(f, "CREATE INDEX FOR (n:A) ON (n.i)");
    run(f, "UNWIND range(0, 4999) AS i MATCH (a:A {i: i}) UNWIND range(1, i % 4) AS k "
           "MATCH (b:A {i: (i * (k + 2) + k) % 5000}) CREATE (a)-[:R]->(b)");
    run(f, "MATCH (a:A) WHERE a.i % 50 = 0 MATCH (b:A {i: (a.i + 1) % 5000}), "
           "(c:A {i: (a.i + 2) % 5000}) CREATE (a)-[:R]->(b)-[:R]->(c)-[:R]->(a), (a)-[:R]->(b)");
    for (size_t i = 0; i < 3; i++) {
        api_begin(f, SOMBRA_WRITE); /* here nothing is unpacked */
        before[i] = number_of(f, texts[i]);
        sombra_rollback(f->txn);
        counts(f, texts[i], NULL, before[i]);
        f->conn->trial.always_table = true;
        counts(f, texts[i], NULL, before[i]);
        f->conn->trial.always_table = false;
    }
    const int64_t paths = number_of(f, "MATCH (a:A)-[:R]->(b)-[:R]->(c) RETURN count(*)");
    (void)look_ups(f);
    counts(f, ones, NULL, paths); /* 15,800 look-ups without tables */
#ifndef SOMBRA_NO_PROFILE
    assert_in_range(look_ups(f), 1, 12000);
#endif
    api_begin(f, SOMBRA_WRITE);
    run(f, "MATCH (a:A {i: 0})-[r:R]->() DELETE r");
    assert_int_not_equal(number_of(f, rows), before[0]);
    sombra_rollback(f->txn);
    counts(f, rows, NULL, before[0]);
}

/* Lists that are intersected a batch of rows at a time, since they are short: what is in both, as often as there are relationships for it. */
static void test_api_query_shapes__short_lists(void **state)
{
    static const struct {
        const char *text;
        int64_t rows;
    } cases[] = {
        {"MATCH (a:P)-[:F]->(b)-[:F]->(c)<-[:F]-(a) RETURN count(*)", 3000},
        {"MATCH (a:P)-[:F]->(b)-[:F]->(c)<-[:F]-(a) WITH a, b, c RETURN sum(a.i + b.i + c.i)",
         INT64_C(3) * 3000 * 2999 / 2},
        {"MATCH (a:P)-[:F]->(b)-[:F]->(c:Even)<-[:F]-(a) RETURN count(*)", 1500},
        {"MATCH (a:P)-[:F]-(b)-[:F]-(c)-[:F]-(a) RETURN count(*)", 18000},
        /* side by side, 40 each: a hit has more rows than a batch; and over a loop at z */
        {"MATCH (a:P)-[:F]->(:P {i: 0})-[:F]->(b) MATCH (x:X)-[:G]->(y)-[:G]->(z)<-[:G]-(x) "
         "WITH x, y, z RETURN sum(x.i + y.i + z.i)",
         INT64_C(4) * (40 * 40 * 40 * 6 + 40 * 39 * 7)},
        {"MATCH (x:X)-[:G]->(y)-[:G]->(z)<-[:G]-(x) RETURN count(*)", 40 * 40 * 40 + 40 * 39},
        /* a loop at z, which both ends of a row meet: it is one relationship */
        {"MATCH (y {i: 2})-[:G]->(z)-[:G]->(w)<-[:G]-(y) RETURN count(*)", 40 * 39},
        {"MATCH (y {i: 2})-[:G]->(z)-[:G]-(w)-[:G]-(y) WHERE w = z RETURN count(*)", 40 * 39},
        {"OPTIONAL MATCH (n:None) WITH n MATCH (n)-[:F]->(b)-[:F]->(c)<-[:F]-(n) RETURN count(*)",
         0},
        {"MATCH (a:P) OPTIONAL MATCH (n:P {i: a.i + 1500}) WITH a, n "
         "MATCH (a)-[:F]->(c)<-[:F]-(n) RETURN count(*)",
         0},
    };
    api_fixture *f = *state;

    run(f, "UNWIND range(0, 2999) AS i CREATE (p:P {i: i}) "
           "FOREACH (k IN CASE WHEN i % 2 = 0 THEN [1] ELSE [] END | SET p:Even)");
    run(f, "CREATE INDEX FOR (n:P) ON (n.i)");
    run(f, "UNWIND range(0, 2999) AS i MATCH (a:P {i: i}), (b:P {i: (i + 1) % 3000}), "
           "(c:P {i: (i + 2) % 3000}) CREATE (a)-[:F]->(b), (a)-[:F]->(c)");
    run(f, "CREATE (x:X {i: 1}), (y {i: 2}), (z {i: 3}) WITH x, y, z "
           "UNWIND range(1, 40) AS k CREATE (x)-[:G]->(y), (y)-[:G]->(z), (x)-[:G]->(z)");
    run(f, "MATCH (z {i: 3}) CREATE (z)-[:G]->(z)");
    for (unsigned pass = 0; pass < 2; pass++) {
        f->conn->trial.always_table = pass != 0; /* from the first batch on */
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            counts(f, cases[i].text, NULL, cases[i].rows);
        api_begin(f, SOMBRA_WRITE); /* what the transaction has changed shows */
        run(f, "MATCH (:P {i: 10})-[r:F]->(:P {i: 11}) DELETE r");
        run(f, "MATCH (a:P {i: 20}), (b:P {i: 21}) CREATE (a)-[:F]->(b)");
        counts(f, cases[0].text, "Intersect", 3000 - 2 + 2);
        sombra_rollback(f->txn);
        counts(f, cases[0].text, "Intersect", 3000);
    }
    f->conn->trial.always_table = false;
    /* a hub, to which 2998 and 2999 come twice */
    run(f, "MATCH (h:P {i: 0}), (b:P) WHERE b.i > 2 CREATE (b)-[:F]->(h)");
    counts(f, cases[0].text, "Intersect", 3000 + 2 * 2993 + 3 + 4 + 4);
}

/* That the nodes differ says it of the relationships that lead to them, but not where others differ: as two clauses, in which relationships may be
 * the same one, say it. */
static void test_api_query_shapes__differences(void **state)
{
    static const char *const ends[][2] = {{"(m)-[r:T]->(t)", "(c)-[s:T]->(u)"},
                                          {"(t)<-[r:T]-(m)", "(c)-[s:T]->(u)"},
                                          {"(m)-[r:T]->(t)", "(c)<-[s:T]-(u)"},
                                          {"(m)-[r:T]-(t)", "(c)-[s:T]->(u)"},
                                          {"(m)-[r:T]-(t)", "(c)-[s:T]-(u)"}};
    static const char *const differ[] = {"t <> u", "u <> t", "t <> c",
                                         "m <> c", "m <> u", "t <> u AND m <> c"};
    api_fixture *f = *state;
    char together[300], apart[300];

    run(f, "CREATE (a:N), (b:N), (c:N), (a)-[:T]->(b), (a)-[:T]->(b), (b)-[:T]->(c), "
           "(c)-[:T]->(a), (b)-[:T]->(a), (a)-[:T]->(a), (c)-[:T]->(c), (c)-[:T]->(c), "
           "(a)-[:K]->(b), (b)-[:K]->(b), (b)-[:K]->(c), (c)-[:K]->(a)");
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        for (size_t k = 0; k < sizeof differ / sizeof *differ; k++) {
            snprintf(together, sizeof together,
                     "MATCH %s, (m)-[:K]->(c), %s WHERE %s WITH r, s RETURN sum(id(r) + 7 * id(s))",
                     ends[i][0], ends[i][1], differ[k]);
            snprintf(apart, sizeof apart,
                     "MATCH %s MATCH (m)-[:K]->(c) MATCH %s WHERE %s AND r <> s WITH r, s RETURN "
                     "sum(id(r) + 7 * id(s))",
                     ends[i][0], ends[i][1], differ[k]);
            counts(f, together, NULL, number_of(f, apart));
        }
}

/* Lists of two nodes of a row that lead to nodes which must differ: what they have in common is subtracted, where nothing else is asked of those nodes but
 * labels; beside other factors, with relationships side by side, with short lists and long ones. */
static void test_api_query_shapes__across(void **state)
{
    static const struct {
        const char *match;
        bool subtracted;
    } cases[] = {
        {"MATCH (t)<-[:T]-(m)-[:K]->(b)-[:T]->(u) WHERE t <> u", true},
        {"MATCH (t:M)<-[:T]-(m)-[:K]->(b)-[:T]->(u) WHERE t <> u", true},
        {"MATCH (t:M)<-[:T]-(m)-[:K]->(b)-[:T]->(u:O) WHERE u <> t", true},
        {"MATCH (t)-[:T]->(m)-[:K]->(b)<-[:T]-(u) WHERE t <> u", true},
        {"MATCH (t)<-[:T]-(m)-[:K]->(b)<-[:L]-(u) WHERE t <> u", true},
        {"MATCH (t)<-[:T]-(m)-[:K]->(b)-[:T]->(u), (m)-[:L]->(v), (b)<-[:L]-(w) WHERE t <> u",
         true},
        {"MATCH (t)<-[:T]-(m)-[:K]->(b)-[:L]->(c)-[:T]->(u) WHERE t <> u", false},
        {"MATCH (t)-[:T]-(m)-[:K]->(b)-[:T]-(u) WHERE t <> u", false},
        {"MATCH (t)<-[:T]-(m)-[:K]->(b)<-[:T]-(u) WHERE t <> u", false},
        {"MATCH (t)<-[:T]-(m)-[:K]->(b)-[:T]->(u)-[:L]->(v) WHERE t <> u", false},
        {"MATCH (t)<-[:T]-(m)-[:K]->(b)-[:T]->(u) WHERE t <> u AND u.g < 3", false},
        {"MATCH (t)<-[:T]-(m)-[:K]->(b)-[:T]->(u), (m)-[:T]->(v) WHERE t <> u AND u <> v", false},
        {"MATCH (t)<-[:T]-(m)-[:K]->(b)-[:T]->(u) WHERE t <> u AND t <> b AND u <> m", false},
    };
    api_fixture *f = *state;

    run(f, "UNWIND range(0, 99) AS i CREATE (n:N {i: i, g: i % 5}) "
           "FOREACH (k IN CASE WHEN i % 3 <> 1 THEN [1] ELSE [] END | SET n:M) "
           "FOREACH (k IN CASE WHEN i % 4 <> 2 THEN [1] ELSE [] END | SET n:O)");
    run(f, "CREATE INDEX FOR (n:N) ON (n.i)");
    run(f, "UNWIND range(0, 99) AS i MATCH (a:N {i: i}) UNWIND range(1, CASE i % 50 WHEN 0 THEN "
           "70 WHEN 7 THEN 12 ELSE i % 4 END) AS k "
           "MATCH (b:N {i: (i + k * k) % 100}) CREATE (a)-[:T]->(b)");
    run(f, "UNWIND range(0, 99) AS i MATCH (a:N {i: i}), (b:N {i: (i * 7 + 3) % 100}), "
           "(c:N {i: i - i % 50}) CREATE (a)-[:K]->(b), (a)-[:K]->(c), (b)-[:L]->(a)");
    for (unsigned pass = 0; pass < 2; pass++) {
        f->conn->trial.always_table = pass != 0;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            counts_as_made(f, cases[i].match, cases[i].subtracted ? " AS count " : NULL);
        api_begin(f, SOMBRA_WRITE); /* without tables; what the transaction has changed shows */
        run(f, "MATCH (:N {i: 3})-[r:T]->() DELETE r");
        counts_as_made(f, cases[0].match, " AS count ");
        sombra_rollback(f->txn);
    }
}

/* Circles are counted without a look at relationships, but for those over a loop, or from a node to itself: however far ids lie apart. */
static void test_api_query_shapes__circles(void **state)
{
    static const char *const matches[] = {
        "MATCH (a:C)-[:T]-(b:C)-[:T]-(c:C)-[:T]-(a)",
        "MATCH (a:C)-[:T]->(b:C)-[:T]-(c:C)<-[:T]-(a)",
        "MATCH (a:C {i: 5})-[:T]-(b:C)-[:T]-(c:C)-[:T]-(d:C)-[:T]-(a)",
        "MATCH (a:C)-[:S]->(b:C) MATCH (a)-[:T]-(c:C)-[:T]-(b)",
        "MATCH (a:C)-[:S]->(b:C) MATCH (a)-[:T]-(c:C)-[:S]->(b)",
        "MATCH (a:C)-[:S]->(b:C)-[:T]-(c:C)-[:S|T]-(a)",
    };
    static const char *const changes[] = {
        "MATCH (a:C {i: 0}), (b:C {i: 2}) CREATE (a)-[:T]->(b)",    /* side by side */
        "MATCH (a:C {i: 3}) CREATE (a)-[:S]->(a)",                  /* a node twice in a row */
        "MATCH (a:C {i: 1}) CREATE (a)-[:T]->(a)",                  /* a loop */
        "UNWIND range(1, 70000) AS i CREATE (:X)",                  /* ids far apart: */
        "MATCH (a:C) CREATE (z:C {i: -1}), (a)-[:T]->(z)-[:S]->(a)" /* no bit for each */
    };
    api_fixture *f = *state;

    run(f, "UNWIND range(0, 39) AS i CREATE (:C {i: i, g: i % 3})");
    run(f, "MATCH (a:C), (b:C) WHERE a.i < b.i AND (a.i * b.i + a.i + b.i) % 4 <> 0 AND "
           "(a.i + b.i) % 3 <> 1 CREATE (a)-[:T]->(b)");
    run(f, "MATCH (a:C), (b:C) WHERE (a.i * 3 + b.i) % 11 = 5 AND a <> b CREATE (a)-[:S]->(b)");
    for (size_t step = 0; step <= sizeof changes / sizeof *changes; step++) {
        for (size_t i = 0; i < sizeof matches / sizeof *matches; i++)
            for (unsigned pass = 0; pass < 2; pass++) {
                f->conn->trial.always_table = pass != 0;
                counts_as_made(f, matches[i], i == 0 ? "Intersect" : NULL);
            }
        if (step < sizeof changes / sizeof *changes) run(f, changes[step]);
    }
}

/* Keys that are too far from 0 for the first rows get places once there are more rows; a negative one, or one of another kind, ends that. */
static void test_api_query_shapes__far_keys(void **state)
{
    api_fixture *f = *state;

    counts(f,
           "UNWIND range(1, 50000) AS i WITH i % 1000 + 100000 AS k, count(*) AS n WHERE n = 50 "
           "RETURN count(DISTINCT k)",
           NULL, 1000);
    counts(f,
           "UNWIND range(1, 50000) AS i WITH CASE WHEN i > 49000 THEN -(i % 7) - 1 ELSE i % 1000 + "
           "100000 END AS k, sum(i) AS s RETURN sum(s)",
           NULL, INT64_C(25000) * 50001);
    counts(f,
           "UNWIND range(1, 50000) AS i WITH CASE WHEN i > 49000 THEN -(i % 7) - 1 ELSE i % 1000 + "
           "100000 END AS k, count(*) AS n RETURN count(*)",
           NULL, 1007);
    counts(f,
           "UNWIND range(1, 50000) AS i WITH CASE WHEN i % 2 = 1 AND i > 40000 THEN toString(i % "
           "10) ELSE i % 1000 + 100000 END AS k, count(*) AS n RETURN count(*)",
           NULL, 1005);
    counts(f, "UNWIND range(1, 50000) AS i WITH DISTINCT i % 1000 + 100000 AS k RETURN count(*)",
           NULL, 1000);
}

/* Values that a constraint tells apart are groups as they come, but for those that it does not: null, NaN. */
static void test_api_query_shapes__unique_keys(void **state)
{
    static const char groups[] =
        "MATCH (a:N)-[:T]->() WITH a.key AS k, count(*) AS n RETURN count(*)";
    static const char rows[] =
        "MATCH (a:N)-[:T]->() WITH a.key AS k, count(*) AS n RETURN sum(n * CASE WHEN k IS NULL "
        "THEN 7 ELSE 1 END)";
    api_fixture *f = *state;

    run(f, "CREATE CONSTRAINT nk FOR (n:N) REQUIRE n.key IS UNIQUE");
    run(f, "UNWIND range(0, 2999) AS i CREATE (:N {key: i, g: i % 10})");
    run(f, "MATCH (n:N), (m:N {key: n.key % 7}) UNWIND range(1, n.key % 4 * 8) AS i CREATE "
           "(n)-[:T]->(m)");
    counts(f, groups, "NodeByLabelScan", 2250);
    counts(f, rows, NULL, 36000);
    run(f, "UNWIND range(1, 5) AS i CREATE (n:N)-[:T]->(), (n)-[:T]->()");
    run(f, "UNWIND [1.5, 'x', 0.0 / 0.0, 0.0 / 0.0, true] AS k CREATE (:N {key: k})-[:T]->()");
    counts(f, groups, NULL, 2255);
    counts(f, rows, NULL, 36000 + 7 * 10 + 5);
    /* keys that others have too, or that are more than one */
    counts(f, "MATCH (a:N)-[:T]->() WITH a.g AS k, count(*) AS n RETURN count(*)",
           "NodeByLabelScan", 11);
    counts(f, "MATCH (a:N)-[:T]->() WITH a.g AS g, a.key AS k, count(*) AS n RETURN count(*)", NULL,
           2255);
    counts(f, "MATCH (a:N)<-[:T]-() WITH a.key AS k, count(*) AS n RETURN max(n)", NULL, 5160);
    /* the rows of several arguments */
    counts(
        f,
        "UNWIND [1, 2] AS i CALL (i) { MATCH (a:N)-[:T]->() WITH a.key AS k, count(*) AS n RETURN "
        "count(*) AS c } RETURN sum(c)",
        NULL, 2 * 2255);
}

/* ---- What is reached in either direction -------------------------------------------------------------------------------------------- */

#define SMALL_GRAPHS    4000 /* at most */
#define SMALL_NODES     6    /* of each, and */
#define SMALL_RELS_MOST 7

/* Graphs of a few nodes, with loops and relationships side by side, of which some are trees and some have several circles. */
static void make_small_graphs(api_fixture *f, size_t graphs)
{
    static uint64_t nodes[SMALL_GRAPHS * SMALL_NODES];
    static uint64_t from[SMALL_GRAPHS * SMALL_RELS_MOST], to[SMALL_GRAPHS * SMALL_RELS_MOST];
    sb_random random = test_random(71);
    size_t count = 0;

    api_begin(f, SOMBRA_WRITE);
    const uint32_t label = api_name(f, SOMBRA_LABEL, "N"), type = api_name(f, SOMBRA_TYPE, "R");
    OK(f, sombra_create_nodes(f->txn, &label, 1, graphs * SMALL_NODES, NULL, 0, nodes));
    for (size_t g = 0; g < graphs; g++) {
        const uint64_t used = 1 + sb_random_below(&random, SMALL_NODES),
                       most = 1 + sb_random_below(&random, SMALL_RELS_MOST);
        for (uint64_t i = 0; i < most; i++) {
            from[count] = nodes[g * SMALL_NODES + sb_random_below(&random, used)];
            to[count++] = nodes[g * SMALL_NODES + sb_random_below(&random, used)];
        }
    }
    OK(f, sombra_create_rels(f->txn, type, count, from, to, NULL, 0, NULL));
    api_commit(f);
}

/* Both give the same rows: so many. */
static int64_t same_rows(api_fixture *f, const char *const texts[2])
{
    sombra_stmt *stmts[2];
    sombra_status status;
    int64_t count = 0;

    for (unsigned k = 0; k < 2; k++)
        OK(f, sombra_prepare(f->conn, texts[k], SOMBRA_NUL_TERMINATED, &stmts[k], NULL));
    while ((status = sombra_stmt_step(stmts[0])) == SOMBRA_ROW) {
        sombra_value values[2];
        assert_int_equal(sombra_stmt_step(stmts[1]), SOMBRA_ROW);
        for (unsigned k = 0; k < 2; k++)
            OK(f, sombra_stmt_column(stmts[k], 0, &values[k]));
        if (values[0].as.integer != values[1].as.integer)
            fail_msg("%s: %lld, %s: %lld", texts[0], (long long)values[0].as.integer, texts[1],
                     (long long)values[1].as.integer);
        count++;
    }
    assert_int_equal(status, SOMBRA_DONE);
    assert_int_equal(sombra_stmt_step(stmts[1]), SOMBRA_DONE);
    for (unsigned k = 0; k < 2; k++)
        sombra_stmt_finalize(stmts[k]);
    return count;
}

/* Each end once, by a search breadth first: those of all trails, which are walked where somebody reads them. The start is one where a trail closes. */
static void test_api_query_shapes__either_way(void **state)
{
    static const char *const bounds[] = {"1..1", "1..2", "1..3", "1..4", "1..5",
                                         "1..6", "1..7", "1..",  "0..3", "0.."};
    api_fixture *f = *state;
    int64_t count = 0;

    make_small_graphs(f, SMALL_GRAPHS);
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        char reached[200], walked[200];
        snprintf(
            reached, sizeof reached,
            "MATCH (a)-[:R*%s]-(b) RETURN DISTINCT id(a) * 100000 + id(b) AS ends ORDER BY ends",
            bounds[i]);
        snprintf(walked, sizeof walked,
                 "MATCH (a)-[r:R*%s]-(b) WHERE size(r) >= 0 RETURN DISTINCT id(a) * 100000 + "
                 "id(b) AS ends ORDER BY ends",
                 bounds[i]);
        const int64_t more = same_rows(f, (const char *const[2]){reached, walked});
        assert_true(more > SMALL_GRAPHS && (i == 0 || i == 8 || more >= count));
        count = more;
    }
}

#define FEW_GRAPHS 300

/* The same where steps must meet conditions, or be none that the rest of the clause has taken: looked at on the way, and of whole paths. */
static void test_api_query_shapes__each_step(void **state)
{
    static const char *const bounds[] = {"1..1", "1..2", "1..4", "1..", "0..3", "0.."};
    /* -[ name :R* bounds rest WHERE RETURN */
    static const char *const steps[][3] = {
        {"MATCH (a)-[", " {w: false}]-(b)", "id(a) * 100000 + id(b)"},
        {"MATCH (a)-[", " {w: false}]->(b)", "id(a) * 100000 + id(b)"},
        {"MATCH (x)-[q:R]-(a)-[", "]-(b)", "id(q) * 100000 + id(b)"},
        {"MATCH (x)-[q:R]->(a)-[", "]->(b)", "id(q) * 100000 + id(b)"},
        {"MATCH (x)-[q:R]-(a)-[", "]-(x)", "id(q)"},
        {"MATCH (x)-[q:R]-(a)-[", "]-(a)", "id(q)"},
        {"MATCH (x)-[q:R]-(a)-[", "]->(x)", "id(q)"},
        {"MATCH (x)-[", " {w: false}]-(x)", "id(x)"}};
    static const char *const demands[][2] = {
        {"all(x IN relationships(p) WHERE NOT x.w)",
         "size([x IN relationships(p) WHERE NOT x.w]) = size(r)"},
        {"none(x IN r WHERE x.w)", "size([x IN r WHERE x.w]) = 0"},
        {"all(n IN nodes(p) WHERE id(n) % 3 <> 1)",
         "size([n IN nodes(p) WHERE id(n) % 3 <> 1]) = size(nodes(p))"},
        {"none(n IN nodes(p) WHERE id(n) % 3 = id(a) % 4) AND all(x IN r WHERE id(x) % 5 < 4)",
         "size([n IN nodes(p) WHERE id(n) % 3 = id(a) % 4]) + size([x IN r WHERE id(x) % 5 = "
         "4]) = 0"},
        {"all(n IN nodes(p) WHERE id(n) <= id(a))",
         "size([n IN nodes(p) WHERE id(n) > id(a)]) = 0"}};
    static const char *const repeats[] = {"{1,2}", "{1,3}", "{1,6}", "+", "{0,3}", "*", "{2,4}"};
    api_fixture *f = *state;

    make_small_graphs(f, FEW_GRAPHS);
    run(f, "MATCH ()-[r:R]->() SET r.w = id(r) % 4 = 0");
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            char texts[2][240];
            for (unsigned way = 0; way < 2; way++)
                snprintf(texts[way], sizeof texts[way],
                         "%s%s:R*%s%s%s RETURN DISTINCT %s AS e ORDER BY e", steps[k][0],
                         way == 0 ? "" : "r", bounds[i], steps[k][1],
                         way == 0 ? "" : " WHERE size(r) >= 0", steps[k][2]);
            assert_true(same_rows(f, (const char *const[2]){texts[0], texts[1]}) > FEW_GRAPHS / 8);
        }
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        for (size_t k = 0; k < sizeof demands / sizeof *demands; k++)
            for (unsigned kind = 0; kind < 3; kind++) {
                static const char *const columns[] = {"id(a) * 100000 + id(b) + 0 *",
                                                      "DISTINCT id(a) * 100000 + id(b) + 0 *", ""};
                char texts[2][500];
                for (unsigned way = 0; way < 2; way++)
                    snprintf(texts[way], sizeof texts[way],
                             "MATCH p = (a)-[r:R*%s]-(b) WHERE %s RETURN %s %s AS e ORDER BY e",
                             bounds[i], demands[k][way], columns[kind],
                             kind == 2 ? "id(a) * 100000 + size(r)" : "1");
                assert_true(same_rows(f, (const char *const[2]){texts[0], texts[1]}) >
                            FEW_GRAPHS / 8);
            }
    for (size_t i = 0; i < sizeof repeats / sizeof *repeats; i++)
        for (unsigned way = 0; way < 2; way++) {
            char texts[2][240];
            for (unsigned k = 0; k < 2; k++)
                snprintf(texts[k], sizeof texts[k],
                         "MATCH (a)((x)-[r:R]-%s(y) WHERE id(x) %% 3 <> id(y) %% 3)%s(b)%s RETURN "
                         "DISTINCT id(a) * 100000 + id(b) AS ends ORDER BY ends",
                         way == 0 ? "" : ">", repeats[i], k == 0 ? "" : " WHERE size(r) >= 0");
            assert_true(same_rows(f, (const char *const[2]){texts[0], texts[1]}) > FEW_GRAPHS);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_api_query_shapes__hub, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__cliques, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__trees, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__repeatable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__equal_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__aside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__overflow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__first_reached, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__repeated_relationship, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__steps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__long_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__labels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__tables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__short_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__differences, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__across, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__circles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__far_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__unique_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__either_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_shapes__each_step, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
