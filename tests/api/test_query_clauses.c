/* test_query_clauses.c — clauses whose meaning shows over several statements and transactions: CALL { } IN TRANSACTIONS with ON ERROR, match modes,
 * dynamic labels and types, hints. */
#include "support/api_rows.h"

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

/* The plan has this operator. */
static void plans(api_fixture *f, const char *query, const char *operator, bool has)
{
    char explain[600], rows[8000];

    (void)snprintf(explain, sizeof explain, "EXPLAIN %s", query);
    const sombra_status status = rows_of(f, explain, rows, sizeof rows);
    if (status != SOMBRA_OK) print_error("%s\n", sombra_error_of(f->conn)->message);
    assert_int_equal(status, SOMBRA_OK);
    if ((strstr(rows, operator) != NULL) != has) print_error("%s\n%s\n", query, rows);
    assert_int_equal(strstr(rows, operator) != NULL, has);
}

/* Queries may use 4 MB. */
static void open_small(api_fixture *f)
{
    memset(f, 0, sizeof *f);
    sombra_options_init(&f->options);
    f->options.memory_limit = 8u << 20;
    OK_ERROR(f, sombra_open(":memory:", &f->options, &f->db, &f->error));
    OK_ERROR(f, sombra_connect(f->db, &f->conn, &f->error));
}

/* ---- CALL { } IN TRANSACTIONS --------------------------------------------------------------------------------------- */

static void test_api_query_clauses__on_error(void **state)
{
    api_fixture *f = *state;

    /* What came before the failure stays; the rest does not happen. */
    refused(
        f, "UNWIND [1, 2, 0, 4] AS i CALL (i) { CREATE (:P {x: 10 / i}) } IN TRANSACTIONS OF 1 ROW",
        SOMBRA_INVALID, "division by zero");
    gives(f, "MATCH (p:P) RETURN p.x", "10 5");
    gives(f, "MATCH (p:P) DETACH DELETE p", "");
    /* CONTINUE: a whole transaction is lost, with both of its rows. */
    gives(f,
          "UNWIND [1, 2, 5, 0, 4, 10] AS i CALL (i) { CREATE (p:P {x: 10 / i}) RETURN p.x AS x } "
          "IN TRANSACTIONS OF 2 ROWS ON ERROR CONTINUE RETURN i, x",
          "1|10 2|5 5|null 0|null 4|2 10|1");
    gives(f, "MATCH (p:P) RETURN p.x", "10 5 2 1");
    gives(f, "MATCH (p:P) DETACH DELETE p", "");
    /* BREAK: nothing begins behind the failure, but the statement ends well. */
    gives(f,
          "UNWIND [1, 0, 4] AS i CALL (i) { CREATE (p:P {x: 10 / i}) RETURN p.x AS x } "
          "IN TRANSACTIONS OF 1 ROWS ON ERROR BREAK REPORT STATUS AS s "
          "RETURN i, x, s.started, s.committed, s.transactionId, s.errorMessage CONTAINS 'zero'",
          "1|10|true|true|1|null 0|null|true|false|2|true 4|null|false|false|null|null");
    gives(f, "MATCH (p:P) RETURN p.x", "10");
    /* Without RETURN rows go through; CONCURRENT runs them one after the other. */
    gives(f,
          "UNWIND range(1, 5) AS i CALL (i) { CREATE (:Q {x: 6 / (i - 3)}) } "
          "IN 4 CONCURRENT TRANSACTIONS OF 1 ROW ON ERROR CONTINUE REPORT STATUS AS s "
          "RETURN i, s.committed",
          "1|true 2|true 3|false 4|true 5|true");
    gives(f, "MATCH (q:Q) RETURN count(q)", "4");
    gives(f, "MATCH (n) RETURN count(n)", "5");
    /* Nobody reads the status. */
    gives(f,
          "UNWIND [0, 1] AS i CALL (i) { CREATE (:R {x: 1 / i}) } IN TRANSACTIONS OF 1 ROW "
          "ON ERROR CONTINUE REPORT STATUS AS s RETURN count(*)",
          "2");
    api_begin(f, SOMBRA_READ);
    api_verify(f);
    sombra_rollback(f->txn);
}

/* What fails at the commit, constraints, deletions that are taken back, names that the lost transaction made. */
static void test_api_query_clauses__on_error_undone(void **state)
{
    api_fixture *f = *state;

    gives(f, "CREATE CONSTRAINT c FOR (n:Must) REQUIRE n.k IS NOT NULL", "");
    gives(f,
          "UNWIND [1, null, 3] AS k CALL (k) { CREATE (m:Must {k: k}) RETURN m.k AS made } "
          "IN TRANSACTIONS OF 1 ROW ON ERROR CONTINUE REPORT STATUS AS s "
          "RETURN k, made, s.committed",
          "1|1|true null|null|false 3|3|true");
    gives(f, "MATCH (m:Must) RETURN m.k", "1 3");
    gives(f, "CREATE CONSTRAINT u FOR (n:One) REQUIRE n.k IS UNIQUE", "");
    gives(f,
          "UNWIND [1, 1, 2] AS k CALL (k) { CREATE (:One {k: k}) } "
          "IN TRANSACTIONS OF 1 ROW ON ERROR CONTINUE REPORT STATUS AS s RETURN k, s.committed",
          "1|true 1|false 2|true");
    /* What was deleted in vain can be read and deleted again. */
    gives(f, "CREATE (:D {n: 1}), (:D {n: 2}), (:D {n: 3})", "");
    gives(f,
          "MATCH (d:D) WITH d ORDER BY d.n CALL (d) { WITH d, d.n AS n DELETE d WITH n "
          "CREATE (:E {x: 1 / (n - 2)}) } IN TRANSACTIONS OF 1 ROW ON ERROR CONTINUE "
          "WITH count(*) AS c MATCH (d:D) RETURN c, d.n",
          "3|2");
    gives(f,
          "MATCH (d:D) CALL (d) { WITH d DELETE d WITH 1 AS one CREATE (:F {x: 1 / (one - 1)}) } "
          "IN TRANSACTIONS OF 1 ROW ON ERROR CONTINUE RETURN d.n",
          "2");
    /* A connected node fails at the end of its transaction. */
    gives(f, "CREATE (:G {n: 1})-[:R]->(), (:G {n: 2})", "");
    gives(f,
          "MATCH (g:G) WITH g, g.n AS n ORDER BY n CALL (g) { DELETE g } IN TRANSACTIONS OF 1 ROW "
          "ON ERROR CONTINUE REPORT STATUS AS s RETURN n, s.committed",
          "1|false 2|true");
    /* A name that a lost transaction made is made anew. */
    gives(f,
          "UNWIND [0, 1] AS i CALL (i) { CREATE (:Fresh {brandNew: i}) WITH i "
          "CREATE (:Fresh2 {x: 1 / i}) } IN TRANSACTIONS OF 1 ROW ON ERROR CONTINUE RETURN i",
          "0 1");
    gives(f, "MATCH (n:Fresh) RETURN n.brandNew", "1");
    gives(f, "MATCH (n:Fresh2) RETURN n.x", "1");
    /* Faults of others are no reason to go on. */
    api_begin(f, SOMBRA_WRITE);
    refused(f,
            "UNWIND [0] AS i CALL (i) { CREATE (:Z {x: 1 / i}) } IN TRANSACTIONS ON ERROR CONTINUE",
            SOMBRA_MISUSE, "open transaction");
    api_verify(f);
    sombra_rollback(f->txn);
}

/* One that only reads is begun anew and taken back, too. What memory does not suffice for ends the statement, and constants are made for one transaction
 * at a time. */
static void test_api_query_clauses__memory_in_transactions(void **state)
{
    api_fixture f;
    (void)state;

    open_small(&f);
    refused(&f,
            "UNWIND [1000000, 1] AS i CALL (i) { RETURN size(range(1, i)) AS s } "
            "IN TRANSACTIONS OF 1 ROW ON ERROR CONTINUE RETURN s",
            SOMBRA_LIMIT, "memory_limit");
    gives(&f,
          "UNWIND range(1, 20) AS i CALL (i) { WITH i WHERE i IN range(1, 30000) CREATE (:A) } "
          "IN TRANSACTIONS OF 1 ROW RETURN count(i)",
          "20");
    /* 7 MB of input rows lie in a file; those of the transaction that fails are given with nulls. */
    gives(&f,
          "UNWIND range(1, 20000) AS i WITH i, range(i, i + 20) AS l "
          "CALL (i, l) { RETURN l[3] / (i - 5500) AS x } IN TRANSACTIONS OF 1000 ROWS "
          "ON ERROR CONTINUE RETURN count(*), count(x), sum(l[20])",
          "20000|19000|200410000");
    gives(&f,
          "UNWIND range(1, 20000) AS i WITH i, range(i, i + 20) AS l "
          "CALL (i, l) { RETURN l[3] / (i - 5500) AS x } IN TRANSACTIONS OF 1000 ROWS "
          "ON ERROR BREAK RETURN count(*), count(x), sum(l[20])",
          "20000|5000|200410000");
    api_close(&f);
}

/* What a transaction has deleted is known until it ends, no longer; deleting it once more does nothing. */
static void test_api_query_clauses__deleted_in_transactions(void **state)
{
    api_fixture *f = *state;

    gives(f, "UNWIND range(1, 3) AS i CREATE (:A {i: i})-[:R {i: i}]->(:B)", "");
    gives(f,
          "MATCH (a:A)-[r]->(b) WITH a, r, b, a.i AS i ORDER BY i UNWIND [1, 2, 3] AS k "
          "CALL (a, r, b) { DELETE r DETACH DELETE a DELETE b } IN TRANSACTIONS OF 2 ROWS "
          "RETURN count(DISTINCT i), count(*)",
          "3|9");
    gives(f, "MATCH (n) RETURN count(n)", "0");
    gives(f,
          "CREATE (:A)-[:R]->() WITH 1 AS x MATCH (a:A)-[r]->() CALL (r) { DELETE r RETURN "
          "type(r) AS t } IN TRANSACTIONS RETURN t",
          "R");
    refused(f, "MATCH (a:A) CALL (a) { DELETE a } IN TRANSACTIONS RETURN a.i", SOMBRA_NOT_FOUND,
            "was deleted");
    refused(f, "CREATE (a:A) WITH a CALL (a) { DELETE a } IN TRANSACTIONS SET a.i = 1",
            SOMBRA_NOT_FOUND, "was deleted");
    refused(f, "CREATE (a:A) WITH a CALL (a) { DELETE a } IN TRANSACTIONS CREATE (a)-[:R]->(:B)",
            SOMBRA_NOT_FOUND, "was deleted");
    gives(f, "MATCH (n) DETACH DELETE n", "");
    /* What the rows were made with is no part of the transaction that is taken back. */
    gives(f, "CREATE (:A)-[:R]->(:B)", "");
    refused(f,
            "MATCH (a:A) DELETE a WITH 0 AS i CALL (i) { CREATE (:C {x: 1 / i}) } IN TRANSACTIONS "
            "ON ERROR CONTINUE RETURN i",
            SOMBRA_CONSTRAINT, "still has 1 relationship");
    gives(f, "MATCH (n) RETURN count(n)", "2");
}

/* A query that only reads has transactions that do: nothing is taken back, and no writer is waited for. */
static void test_api_query_clauses__reads_in_transactions(void **state)
{
    static const char breaks[] = "MATCH (p:P) WITH p ORDER BY p.x CALL (p) { RETURN 6 / p.x AS y } "
                                 "IN TRANSACTIONS OF 1 ROW ON ERROR BREAK RETURN p.x, y";
    api_fixture *f = *state, other = *f;
    sombra_txn *txn;

    gives(f, "CREATE (:P {x: 2}), (:P {x: 0})", "");
    OK_ERROR(&other, sombra_connect(f->db, &other.conn, &other.error));
    OK(&other, sombra_begin(other.conn, SOMBRA_WRITE, &txn));
    gives(f,
          "UNWIND [1, 0, 2] AS i CALL (i) { MATCH (p:P {x: i * 2}) RETURN 6 / p.x AS y } "
          "IN TRANSACTIONS OF 1 ROW ON ERROR CONTINUE REPORT STATUS AS s RETURN i, y, s.committed",
          "1|3|true 0|null|false");
    gives(f, breaks, "0|null 2|null");
    sombra_rollback(txn);
    sombra_disconnect(other.conn);
    api_close(f);
    f->options.read_only = true;
    api_open_at(f, API_PATH);
    gives(f, breaks, "0|null 2|null");
    f->options.read_only = false;
}

/* Of what has been deleted nothing leads on, however that is looked for. */
static void test_api_query_clauses__paths_of_deleted(void **state)
{
    api_fixture *f = *state;

    gives(f, "CREATE (:P {i: 1})-[:R]->(:P {i: 2})", "");
    for (size_t i = 0; i < 2; i++) {
        const char *arrow = i == 0 ? "->" : "-";
        char text[200];
        snprintf(text, sizeof text,
                 "CREATE (x:X) WITH x DELETE x WITH x OPTIONAL MATCH (x)-[:R*]%s(y) RETURN "
                 "count(DISTINCT y)",
                 arrow);
        gives(f, text, "0");
        snprintf(text, sizeof text,
                 "CREATE (x:X) WITH x DELETE x WITH x MATCH (x)-[:R*0..]%s(y) WITH DISTINCT y "
                 "RETURN count(*)",
                 arrow);
        gives(f, text, "1");
        snprintf(text, sizeof text,
                 "CREATE (x:X) WITH x DELETE x WITH x MATCH (p:P {i: 2}) OPTIONAL MATCH s = "
                 "shortestPath((x)-[:R*]%s(p)) RETURN s",
                 arrow);
        gives(f, text, "null");
    }
    gives(f, "MATCH (p:P) DETACH DELETE p", "");
}

static void test_api_query_clauses__many_deleted_in_transactions(void **state)
{
    api_fixture f;
    (void)state;

    open_small(&f);
    gives(
        &f,
        "UNWIND range(1, 60000) AS i CALL (i) { CREATE (:P {i: i}) } IN TRANSACTIONS OF 5000 ROWS",
        "");
    gives(&f, "MATCH (p:P) CALL (p) { DETACH DELETE p } IN TRANSACTIONS OF 5000 ROWS", "");
    gives(&f, "MATCH (p:P) RETURN count(p)", "0");
    api_close(&f);
}

/* ---- UNWIND range() -------------------------------------------------------------------------------------------------------- */

/* The same as of the list, which a call in a list comprehension makes. */
static void test_api_query_clauses__unwind_range(void **state)
{
    api_fixture *f = *state;
    static const char *const calls[] = {"1, 3000",
                                        "10, 1, -4",
                                        "5, 1",
                                        "x, 5",
                                        "x, null",
                                        "1, x * 1000",
                                        "0, x, x",
                                        "-x, x",
                                        ("9223372036854775800, "
                                         "9223372036854775807, x")};

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char query[512];
        (void)snprintf(query, sizeof query,
                       "UNWIND [3, null, 1, 2] AS x UNWIND range(%s) AS y WITH x, y WHERE x > 0 "
                       "WITH x, collect(y) AS l, [z IN range(%s) | z] AS m "
                       "WITH x, l, m WHERE l <> m RETURN x, l, m",
                       calls[i], calls[i]);
        gives(f, query, "");
    }
    gives(f, "UNWIND range(1, 3000) AS x UNWIND range(1, x % 3) AS y RETURN count(*), sum(y)",
          "3000|4000");
    gives(f, "UNWIND [1, 2, 3] AS x RETURN COUNT { UNWIND range(x, 3) AS y RETURN y }", "3 2 1");
    gives(f, "UNWIND range(1, 9223372036854775807) AS x RETURN x LIMIT 2", "1 2");
    gives(f, "UNWIND [1, null] AS x UNWIND range(x, 2) AS y RETURN x, y", "1|1 1|2");
    refused(f, "UNWIND [1, 0] AS s UNWIND range(1, 3, s) AS x RETURN x", SOMBRA_INVALID,
            "line 1, column 27");
    refused(f, "UNWIND [1, 'a'] AS s UNWIND range(1, s) AS x RETURN x", SOMBRA_INVALID,
            "needs INTEGERs");
    plans(f, "UNWIND range(1, 500) AS x RETURN x", "range(1, 500) AS x", true);
    plans(f, "UNWIND range(1, 500) AS x RETURN x", "UnwindRange", true);
    plans(f, "UNWIND [1, 500] AS x RETURN x", "UnwindRange", false);
}

/* No list of 48 MB is made. */
static void test_api_query_clauses__unwind_range_memory(void **state)
{
    api_fixture f;
    (void)state;

    open_small(&f);
    gives(&f, "UNWIND range(1, 3000000) AS x RETURN sum(x)", "4500001500000");
    api_close(&f);
}

/* ---- Match modes ---------------------------------------------------------------------------------------------------------- */

static void test_api_query_clauses__match_modes(void **state)
{
    api_fixture *f = *state;

    /* a → b twice over, b → a once */
    gives(
        f,
        "CREATE (a:N {n: 1})-[:R {k: 1}]->(b:N {n: 2}), (a)-[:R {k: 2}]->(b), (b)-[:R {k: 3}]->(a)",
        "");
    gives(f, "MATCH (x)-[r]-(y)-[s]-(z) RETURN count(*)", "12");
    gives(f, "MATCH DIFFERENT RELATIONSHIPS (x)-[r]-(y)-[s]-(z) RETURN count(*)", "12");
    gives(f, "MATCH REPEATABLE ELEMENTS (x)-[r]-(y)-[s]-(z) RETURN count(*)", "18");
    gives(f, "MATCH REPEATABLE ELEMENTS (x)-[r]->(y), (z)-[s]->(w) RETURN count(*)", "9");
    gives(f, "MATCH (x)-[r]->(y), (z)-[s]->(w) RETURN count(*)", "6");
    /* Walks a → b → a → b …: 3 of length 1, 2·1 + 1·2 of 2, 2·1·2 + 1·2·1 of 3. */
    gives(f,
          "MATCH REPEATABLE ELEMENTS (x)-[r:R*1..3]->(y) RETURN size(r) AS l, count(*) ORDER BY l",
          "1|3 2|4 3|6");
    gives(f, "MATCH (x)-[r:R*1..3]->(y) RETURN size(r) AS l, count(*) ORDER BY l", "1|3 2|4 3|2");
    gives(f,
          "MATCH REPEATABLE ELEMENTS (x) ((u)-[r:R]->(v)){1,3} (y) RETURN size(r) AS l, count(*) "
          "ORDER BY l",
          "1|3 2|4 3|6");
    gives(f,
          "MATCH REPEATABLE ELEMENTS (x) ((u)-[r:R]->(v)-[s:R]->(w)){1,2} (y) RETURN size(r) AS l, "
          "count(*) "
          "ORDER BY l",
          "1|4 2|8");
    gives(f,
          "MATCH REPEATABLE ELEMENTS p = (x)-[r:R*4..20]->(y {n: 1}) WHERE x.n = 1 RETURN count(p) "
          "> 0",
          "true");
    gives(f, "RETURN COUNT { REPEATABLE ELEMENTS (x)-->(y)<--(z) }, COUNT { (x)-->(y)<--(z) }",
          "5|2");
}

/* ---- Dynamic labels and types ---------------------------------------------------------------------------------------------- */

static void test_api_query_clauses__dynamic_labels(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt;
    sombra_stmt_changes changes;

    /* CREATE: a string, lists, both, what is given twice; by row. */
    OK(f, sombra_prepare(f->conn,
                         "UNWIND [['A', 1], ['B', 2]] AS row "
                         "CREATE (n:N:$(row[0]):$([row[0], 'L'])&$(['L']) {k: row[1]})-[:$('T' + "
                         "row[1])]->(:$([]))",
                         SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_DONE);
    OK(f, sombra_stmt_get_changes(stmt, &changes));
    assert_int_equal(changes.labels_added, 6);
    sombra_stmt_finalize(stmt);
    gives(f, "MATCH (n:N)-[r]->(m) RETURN n.k, labels(n), type(r), labels(m) ORDER BY n.k",
          "1|[N,A,L]|T1|[] 2|[N,L,B]|T2|[]");
    /* MATCH: all, any, with others, negated, from an earlier row, of relationships. */
    gives(f, "UNWIND ['A', 'B', 'Nobody'] AS l MATCH (n:$(l)) RETURN l, n.k", "A|1 B|2");
    gives(f, "MATCH (n:$(['N', 'A'])) RETURN n.k", "1");
    gives(f, "MATCH (n:$all(['N', 'A'])) RETURN n.k", "1");
    gives(f, "MATCH (n:$any(['Nobody', 'A', 'B'])) RETURN n.k ORDER BY n.k", "1 2");
    gives(f, "MATCH (n:N&!$('A')) RETURN n.k", "2");
    gives(f, "MATCH (n:$('A')|B) RETURN n.k ORDER BY n.k", "1 2");
    gives(f, "MATCH (n:N:$([])) RETURN count(n)", "2");
    gives(f, "MATCH (n:N:$any([])) RETURN count(n)", "0");
    gives(f, "MATCH (n:N) WHERE n:$('A') RETURN n.k", "1");
    gives(f, "MATCH (n:N) RETURN n.k, n:$any(['B', 'C']) ORDER BY n.k", "1|false 2|true");
    gives(f, "UNWIND ['T1', 'T2', 'T3'] AS t MATCH (n)-[:$(t)]->() RETURN t, n.k", "T1|1 T2|2");
    gives(f, "MATCH (n)-[r:$any(['T1', 'T2'])]->() RETURN n.k ORDER BY n.k", "1 2");
    gives(f, "MATCH (n)-[r:$(['T1', 'T2'])]->() RETURN n.k", "");
    gives(f, "MATCH (n)-[:$('T1')]->{1,2}(m) RETURN n.k", "1");
    gives(f,
          "MATCH (n:N) RETURN n.k, EXISTS { (n)-[:$('T' + n.k)]->() }, size([(n)-[:$('T1')]->(m) | "
          "m]) "
          "ORDER BY n.k",
          "1|true|1 2|true|0");
    gives(f, "OPTIONAL MATCH (n:$('Nobody')) RETURN n", "null");
    /* MERGE finds what it made. */
    gives(f,
          "UNWIND ['M1', 'M2', 'M1'] AS l MERGE (m:M:$(l)) ON CREATE SET m.fresh = true "
          "ON MATCH SET m.again = true RETURN l, m.again",
          "M1|true M2|null M1|true");
    gives(f, "MATCH (m:M) RETURN count(m)", "2");
    gives(f,
          "MATCH (a:M1), (b:M2) UNWIND ['R1', 'R1', 'R2'] AS t MERGE (a)-[r:$(t)]->(b) "
          "RETURN count(DISTINCT r)",
          "2");
    /* SET and REMOVE. */
    gives(f, "MATCH (m:M) SET m:$(['X', 'Y']):Z:$(labels(m)[1]) RETURN labels(m) = labels(m)",
          "true true");
    gives(f, "MATCH (m:X&Y&Z&M) RETURN count(m)", "2");
    gives(f,
          "MATCH (m:M) REMOVE m:$('X'):$(['Y', 'Nobody']) WITH m MATCH (m:!X&!Y&Z) RETURN count(m)",
          "2");
    gives(f, "MATCH (m:M) WITH m, labels(m) AS l REMOVE m:$(l) RETURN labels(m)", "[] []");
    /* A row sees what the one before it has made: no more and no less. */
    gives(f, "CREATE (:C0)", "");
    gives(f, "MATCH (n:$any(['C0', 'C1'])) CREATE (:$('C1')) RETURN count(*)", "1");
    gives(f, "MATCH (n:$any(['C0', 'C1'])) RETURN count(*)", "2");
    /* What is no name. */
    refused(f, "UNWIND [1] AS x MATCH (n:$(x)) RETURN n", SOMBRA_TYPE_MISMATCH,
            "line 1, column 28");
    refused(f, "UNWIND [null] AS x MATCH (n:$(x)) RETURN n", SOMBRA_TYPE_MISMATCH, "string");
    refused(f, "UNWIND [['a', null]] AS x CREATE (n:$(x))", SOMBRA_TYPE_MISMATCH, "string");
    refused(f, "UNWIND [''] AS x CREATE (n:$(x))", SOMBRA_INVALID, "empty");
    refused(f, "UNWIND [['a', 'b'], []] AS x CREATE ()-[:$(x)]->()", SOMBRA_INVALID, "gives 2");
    refused(f, "UNWIND [[]] AS x CREATE ()-[:$(x)]->()", SOMBRA_INVALID, "gives 0");
    refused(f, "MATCH (n:N) SET n:$(n.k)", SOMBRA_TYPE_MISMATCH, "string");
    api_begin(f, SOMBRA_READ);
    api_verify(f);
    sombra_rollback(f->txn);
}

/* ---- SET, row by row -------------------------------------------------------------------------------------------------- */

/* Where a value reads an entity, the rows of a batch come one after the other. */
static void test_api_query_clauses__set_row_by_row(void **state)
{
    api_fixture *f = *state;

    gives(f, "CREATE (:Q {n: 1})", "");
    gives(f, "MATCH (a:Q) UNWIND [1, 2, 3] AS i SET a.n = a.n + i RETURN a.n", "7 7 7");
    gives(f, "MATCH (a:Q) UNWIND ['x', 'y'] AS k SET a[k] = size(keys(a)) RETURN a.x, a.y",
          "1|2 1|2");
    gives(f, "MATCH (a:Q) UNWIND ['U', 'V'] AS l SET a:$(l), a[l] = labels(a) RETURN a.U, a.V",
          "[Q,U]|[Q,U,V] [Q,U]|[Q,U,V]");
    gives(f, "MATCH (a:Q) UNWIND [1, 2] AS i SET a += {n: properties(a).n * 2} RETURN a.n",
          "28 28");
    gives(f,
          "MATCH (a:Q) UNWIND [1, 2] AS i SET a.c = COUNT { (b:Q) WHERE b.n >= 28 } + "
          "coalesce(a.c, 0), "
          "a.n = 27 + i RETURN a.c, a.n",
          "2|29 2|29");
}

/* ---- Path selectors over several parts ------------------------------------------------------------------------------------------ */

static void test_api_query_clauses__selectors(void **state)
{
    api_fixture *f = *state;

    /* a → b over x (2), over y and z (3), over u and v (3); and a → c over x (2) */
    gives(f,
          "CREATE (a:S {n: 'a'}), (b:E {n: 'b'}), (c:E {n: 'c'}), (x {n: 'x'}), (y {n: 'y'}), (z "
          "{n: 'z'}), "
          "(u {n: 'u'}), (v {n: 'v'}), (a)-[:F]->(x)-[:R]->(b), (a)-[:F]->(y)-[:R]->(z)-[:R]->(b), "
          "(a)-[:F]->(u)-[:R]->(v)-[:R]->(b), (x)-[:R]->(c)",
          "");
    gives(f,
          "MATCH p = ANY SHORTEST (s:S)-[:F]->(m)-[:R]->{1,3}(e:E) RETURN e.n, length(p), m.n "
          "ORDER BY e.n",
          "b|2|x c|2|x");
    gives(f,
          "MATCH p = SHORTEST 2 (s:S)-[:F]->(m)-[:R]->{1,3}(e:E) RETURN e.n, length(p) ORDER BY "
          "e.n, length(p)",
          "b|2 b|3 c|2");
    gives(f,
          "MATCH p = ALL SHORTEST (s:S)-[:F]->()-[:R]->()-[:R]->{1,3}(e:E) RETURN e.n, length(p)",
          "b|3 b|3");
    gives(
        f,
        "MATCH p = ALL SHORTEST (s:S)-[:F]->()-[:R]->{1,3}(e:E) RETURN e.n, length(p) ORDER BY e.n",
        "b|2 c|2");
    gives(f,
          "MATCH p = SHORTEST 2 GROUPS (s:S)-[:F]->()-[:R]->{1,3}(e:E) RETURN e.n, length(p) ORDER "
          "BY e.n, length(p)",
          "b|2 b|3 b|3 c|2");
    gives(f, "MATCH ANY 2 (s:S)-[:F]->(m)-[:R]->{1,3}(e:E) RETURN e.n, count(*) ORDER BY e.n",
          "b|2 c|1");
    gives(f,
          "MATCH ANY (s:S)-[f:F]->(m)-[r:R]->{1,3}(e:E {n: 'b'}) RETURN size(r) = 1, type(f), "
          "size([f] + r) > 1",
          "true|F|true");
    /* A condition in the pattern comes before the choice, one behind it after; one on the ends does not matter. */
    gives(f,
          "MATCH ANY SHORTEST (s:S)-[:F]->(m WHERE m.n <> 'x')-[:R]->{1,3}(e) WHERE e.n = 'b' "
          "RETURN m.n IN ['y', 'u']",
          "true");
    gives(f, "MATCH ANY SHORTEST ((s:S)-[:F]->(m)-[:R]->{1,3}(e:E) WHERE m.n = 'u') RETURN m.n",
          "u");
    gives(f, "MATCH ANY SHORTEST (s:S)-[:F]->(m)-[:R]->{1,3}(e:E) WHERE m.n <> 'x' RETURN m.n", "");
    /* For each row by itself, with nodes that are bound, optional, and as a condition. */
    gives(f,
          "UNWIND [1, 2] AS i MATCH (e:E) MATCH ANY SHORTEST (s:S)-[:F]->(m)-[:R]->{1,3}(e) "
          "RETURN i, e.n, m.n ORDER BY i, e.n",
          "1|b|x 1|c|x 2|b|x 2|c|x");
    gives(f, "MATCH (e:S) OPTIONAL MATCH p = ANY SHORTEST (s:S)-[:F]->(m)-[:R]->{1,3}(e) RETURN p",
          "null");
    gives(f, "RETURN COUNT { MATCH ALL SHORTEST (:S)-[:F]->()-[:R]->()-[:R]->{1,3}(:E) }", "2");
    gives(f,
          "MATCH p = ANY SHORTEST (s:S)-[:F]->(m) ((q)-[r:R]->(t)){1,3} (e:E {n: 'c'}) RETURN "
          "size(q), t[0].n, length(p)",
          "1|c|2");
    refused(f, "MATCH ANY SHORTEST (s)-[:F]->(m)-[:R]->(e), (z) RETURN s", SOMBRA_SYNTAX,
            "MATCH of its own");
    /* More paths than a batch. */
    gives(f,
          "UNWIND range(1, 3000) AS i MATCH (s:S) CREATE (s)-[:F]->({n: i})-[:R]->(:Many {i: i % "
          "1500})",
          "");
    gives(f,
          "MATCH (m:Many) WITH m.i AS i, collect(m) AS ms WITH ms[0] AS first, ms[1] AS second "
          "CREATE (second)-[:R]->(first)",
          "");
    gives(
        f,
        "MATCH p = SHORTEST 2 (s:S)-[:F]->(m)-[:R]->{1,3}(e:Many) RETURN count(*), max(length(p))",
        "4500|3");
}

/* ---- Hints -------------------------------------------------------------------------------------------------------------------- */

static void test_api_query_clauses__hints(void **state)
{
    api_fixture *f = *state;

    gives(f, "CREATE INDEX ax FOR (n:A) ON (n.x)", "");
    gives(f, "CREATE INDEX axy FOR (n:A) ON (n.x, n.y)", "");
    gives(f, "CREATE INDEX by FOR (n:B) ON (n.y)", "");
    gives(f, "CREATE INDEX rz FOR ()-[r:R]-() ON (r.z)", "");
    gives(f,
          "UNWIND range(1, 1000) AS i CREATE (:A {x: i % 10, y: i})-[:R {z: i}]->(:B {y: i % 100})",
          "");
    gives(f, "CREATE (:C {x: 1}), (:A:C {x: 2})", "");
    /* SCAN although there is an index; INDEX although there is a better one. */
    plans(f, "MATCH (n:A) WHERE n.x = 1 RETURN n", "IndexSeek", true);
    plans(f, "MATCH (n:A) USING SCAN n:A WHERE n.x = 1 RETURN n", "IndexSeek", false);
    plans(f, "MATCH (n:A) USING SCAN n:A WHERE n.x = 1 RETURN n", "NodeByLabelScan", true);
    plans(f, "MATCH (n:A:C) USING SCAN n:A RETURN n", "n:A", true);
    plans(f, "MATCH (n:A) USING INDEX n:A(x) WHERE n.x = 1 AND n.y = 5 RETURN n", "ax n:A(x)",
          true);
    plans(f, "MATCH (n:A) USING INDEX n:A(x, y) WHERE n.x = 1 AND n.y = 5 RETURN n",
          "axy n:A(x, y)", true);
    plans(f, "MATCH (n:A) USING RANGE INDEX n:A(x) WHERE n.x > 1 RETURN n", "ax n:A(x)", true);
    /* Where the walk begins. */
    plans(f, "MATCH (a:A {y: 1, x: 1})-[r:R]->(b:B) USING INDEX b:B(y) WHERE b.y > 1 RETURN a",
          "by b:B(y)", true);
    plans(f, "MATCH (a:A {y: 1, x: 1})-[r:R]->(b:B) USING SCAN b:B RETURN a", "NodeByLabelScan",
          true);
    plans(f, "MATCH (a:A {x: 1, y: 1})-[r:R]->(b:B) USING INDEX r:R(z) WHERE r.z = 7 RETURN a",
          "rz (a)-[r:R(z)]->(b)", true);
    /* What the plan says of an index. */
    plans(f, "MATCH (n:A) USING INDEX n:A(x, y) WHERE n.x = 1 AND n.y IN [5, 6] RETURN n",
          "axy n:A(x, y) WHERE x = 1 AND y IN [5, 6]", true);
    plans(f, "MATCH (n:A {x: 1}) USING INDEX n:A(x, y) WHERE n.y > 2 AND n.y <= 5 RETURN n",
          "axy n:A(x, y) WHERE x = 1 AND y > 2 AND y <= 5", true);
    plans(f, "MATCH (n:B) WHERE n.y STARTS WITH 'b' RETURN n", "by n:B(y) WHERE y STARTS WITH 'b'",
          true);
    plans(f, "MATCH ()-[r:R {z: 7}]-() RETURN r", "-[r:R(z)]-(", true);
    gives(f,
          "MATCH (a:A)-[r:R]->(b:B) USING INDEX b:B(y) WHERE b.y = 7 AND a.x = 7 RETURN count(*)",
          "10");
    gives(f, "MATCH (a:A)-[r:R]->(b:B) USING SCAN a:A WHERE b.y = 7 AND a.x = 7 RETURN count(*)",
          "10");
    gives(f,
          "MATCH (a:A), (b:B) USING INDEX a:A(x) USING INDEX b:B(y) WHERE a.x = 1 AND b.y = 2 "
          "RETURN count(*)",
          "1000");
    plans(f,
          "MATCH (a:A {x: 1, y: 1})-[:R]->(b:B)<-[:R]-(c:A {x: 2, y: 2}) USING SCAN b:B RETURN b",
          "NodeByLabelScan", true);
    plans(f, "MATCH (a:A {x: 1, y: 1}) ((q)-[:R]->(t)){1,2} (b:B) USING SCAN b:B RETURN b",
          "NodeByLabelScan", true);
    /* What can't be. */
    refused(f, "MATCH (n:A) USING INDEX n:A(z) WHERE n.z = 1 RETURN n", SOMBRA_SYNTAX,
            "line 1, column 13");
    refused(f, "MATCH (n:A) USING INDEX n:A(x) RETURN n", SOMBRA_SYNTAX, "can not be fulfilled");
    refused(f, "MATCH (n:A) USING SCAN n:B RETURN n", SOMBRA_SYNTAX, "can not be fulfilled");
    refused(f, "MATCH (n:A) WITH n MATCH (n:A) USING SCAN n:A RETURN n", SOMBRA_SYNTAX,
            "can not be fulfilled");
    refused(f, "MATCH (a:A)-->(b:B) USING INDEX a:A(x) USING JOIN ON b WHERE a.x = 1 RETURN a",
            SOMBRA_SYNTAX, "join");
    refused(f, "MATCH (n:A) USING SCAN m:A RETURN n", SOMBRA_SYNTAX, "m");
    refused(f, "MATCH (m) MATCH (n:A) USING SCAN m:A RETURN n", SOMBRA_SYNTAX,
            "pattern that the hint");
    refused(f, "MATCH (n:A) USING SCAN n:A|B RETURN n", SOMBRA_SYNTAX, "one label");
}

/* ---- IN with long lists ---------------------------------------------------------------------------------------------------- */

/* By hash and one by one it is the same: the second list is made anew for each row. */
static void test_api_query_clauses__in_a_long_list(void **state)
{
    static const char *const lists[] = {
        "range(1, 100)",
        "[i IN range(1, 100) | i * 1.0]",
        "[i IN range(1, 100) | 'k' + i]",
        "range(1, 50) + ['k7', true, date('2020-01-07'), 0.0 / 0.0, 3.0, localtime('01:00')]",
        "range(1, 50) + [null, 'k7']",
        "range(1, 50) + [[7], {a: 7}]",
        "range(1, 50) + [[null]]",
        "[i IN range(1, 40) | date('2020-01-01') + duration({days: i})]",
        "[i IN range(1, 40) | time('01:00+01:00')] + [7]",
        "[i IN range(1, 40) | null]",
        "[i IN range(1, 40) | 0.0 / 0.0]",
        "[9223372036854775807, 9007199254740993] + range(1, 20)"};
    api_fixture *f = *state;
    char query[1000];

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        (void)snprintf(
            query, sizeof query,
            "UNWIND [1, 7, 7.0, 7.5, 100, 101, -1, 'k7', 'x', true, false, null, 0.0 / 0.0, [7], "
            "[null], "
            "{a: 7}, date('2020-01-07'), time('00:00Z'), time('01:00+01:00'), localtime('01:00'), "
            "9007199254740992.0, 9007199254740993, 9223372036854775807.0] AS x "
            "WITH x, x IN %s AS a, x IN [y IN %s WHERE x IS NULL OR true] AS b "
            "WHERE (a <> b) OR (a IS NULL) <> (b IS NULL) RETURN count(*)",
            lists[i], lists[i]);
        gives(f, query, "0");
    }
    gives(f, "UNWIND range(1, 3000) AS x WITH x WHERE x IN range(2, 4000, 2) RETURN count(*)",
          "1500");
    gives(f,
          "UNWIND range(1, 3000) AS x WITH x WHERE NOT x IN range(2, 4000, 2) + [null] RETURN "
          "count(*)",
          "0");
    /* Entities, and another list in the next run. */
    gives(f, "UNWIND range(1, 50) AS i CREATE (:P {i: i})", "");
    gives(f, "MATCH (p:P) WITH collect(p) AS all MATCH (q:P) WHERE q IN all RETURN count(q)", "50");
    sombra_value items[20], list = {.type = SOMBRA_TYPE_LIST, .as.list = {items, 20}}, count;
    sombra_stmt *stmt;
    OK(f, sombra_prepare(f->conn, "MATCH (p:P) WHERE p.i + 0 IN $list RETURN count(*)",
                         SOMBRA_NUL_TERMINATED, &stmt, NULL));
    for (int64_t first = 1; first < 60; first += 15) {
        for (size_t i = 0; i < 20; i++)
            items[i] = sombra_int(first + (int64_t)i);
        OK(f, sombra_stmt_bind(stmt, "list", &list));
        assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
        OK(f, sombra_stmt_column(stmt, 0, &count));
        assert_int_equal(count.as.integer, first + 19 <= 50 ? 20 : 51 - first);
        OK(f, sombra_stmt_reset(stmt));
    }
    sombra_stmt_finalize(stmt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_api_query_clauses__on_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_clauses__on_error_undone, setup, teardown),
        cmocka_unit_test(test_api_query_clauses__memory_in_transactions),
        cmocka_unit_test_setup_teardown(test_api_query_clauses__deleted_in_transactions, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_api_query_clauses__reads_in_transactions, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_api_query_clauses__paths_of_deleted, setup, teardown),
        cmocka_unit_test(test_api_query_clauses__many_deleted_in_transactions),
        cmocka_unit_test_setup_teardown(test_api_query_clauses__unwind_range, setup, teardown),
        cmocka_unit_test(test_api_query_clauses__unwind_range_memory),
        cmocka_unit_test_setup_teardown(test_api_query_clauses__match_modes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_clauses__dynamic_labels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_clauses__set_row_by_row, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_clauses__selectors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_clauses__hints, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_clauses__in_a_long_list, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
