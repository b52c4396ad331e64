/* test_query_plans.c — which plans the planner chooses, as EXPLAIN shows them, on a graph whose counts are known: 10,000 :A (x all different, y one of 10),
 * 100 :B (k unique), 10 :C, no :D (k unique); 10,000 :R from A to B, 100 :S from B to C, 10 :T from C to A; indexes on A(x), R(w), constraints on B(k),
 * D(k). Each case is there for a rule, which its comment tells; operators that every plan has are left out. */
#include "support/api_rows.h"

static const char *const made[] = {
    "CREATE INDEX ax FOR (n:A) ON (n.x)",
    "CREATE CONSTRAINT bk FOR (n:B) REQUIRE n.k IS UNIQUE",
    "CREATE CONSTRAINT dk FOR (n:D) REQUIRE n.k IS UNIQUE",
    "CREATE INDEX rw FOR ()-[r:R]-() ON (r.w)",
    "UNWIND range(0, 99) AS i CREATE (:B {k: i})",
    "UNWIND range(0, 9) AS i CREATE (:C {k: i})",
    ("UNWIND range(0, 9999) AS i MATCH (b:B {k: i % 100}) CREATE (:A {x: i, y: i % 10})-[:R {w: "
     "i}]->(b)"),
    "MATCH (b:B), (c:C {k: b.k % 10}) CREATE (b)-[:S]->(c)",
    "MATCH (c:C), (a:A {x: c.k}) CREATE (c)-[:T]->(a)",
};

static int group_setup(void **state)
{
    static api_fixture fixture;

    api_new(&fixture);
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        sombra_stmt *stmt;

        OK(&fixture, sombra_prepare(fixture.conn, made[i], SOMBRA_NUL_TERMINATED, &stmt, NULL));
        assert_int_equal(sombra_stmt_step(stmt), SOMBRA_DONE);
        sombra_stmt_finalize(stmt);
    }
    *state = &fixture;
    return 0;
}

static int group_teardown(void **state)
{
    api_end(*state);
    return 0;
}

/* What every plan has, or says nothing about the choice. */
static bool is_plain(const char *name)
{
    return strcmp(name, "ProduceResults") == 0 || strcmp(name, "Projection") == 0 ||
           strcmp(name, "Argument") == 0;
}

/* The operators from the root to the leaf; those of inner plans have a '|' before them. */
static void operators_of(api_fixture *f, const char *query, char *out, size_t room)
{
    char text[1000];
    sombra_stmt *stmt;
    sombra_value plan;
    size_t at = 0;

    (void)snprintf(text, sizeof text, "EXPLAIN %s", query);
    OK(f, sombra_prepare(f->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    OK(f, sombra_stmt_column(stmt, 0, &plan));
    const char *from = plan.as.bytes.data, *end = from + plan.as.bytes.size;
    out[0] = '\0';
    while (from < end) {
        const char *line_end = memchr(from, '\n', (size_t)(end - from));
        const char *plus = memchr(from, '+', (size_t)((line_end == NULL ? end : line_end) - from));
        char name[64];

        if (plus != NULL && sscanf(plus + 1, "%63[A-Za-z]", name) == 1 && !is_plain(name))
            at += (size_t)snprintf(out + at, room - at, "%s%s%s", at == 0 ? "" : " ",
                                   plus == from ? "" : "|", name);
        from = line_end == NULL ? end : line_end + 1;
    }
    sombra_stmt_finalize(stmt);
}

typedef struct plan_case {
    const char *query, *operators;
} plan_case;

static void check(void **state, const plan_case *cases, size_t count)
{
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++) {
        char found[1000];

        operators_of(*state, cases[i].query, found, sizeof found);
        if (strcmp(found, cases[i].operators) == 0) continue;
        wrong++;
        print_error("%s\n  wanted %s\n  found  %s\n", cases[i].query, cases[i].operators, found);
    }
    assert_int_equal(wrong, 0);
}
#define CHECK(state, cases) check((state), (cases), sizeof(cases) / sizeof *(cases))

static void test_api_query_plans__access(void **state)
{
    static const plan_case cases[] = {
        /* an index where one serves the condition, the label else */
        {"MATCH (a:A) WHERE a.x = 5 RETURN a", "IndexSeek"},
        {"MATCH (a:A) WHERE a.y = 5 RETURN a", "Filter NodeByLabelScan"},
        {"MATCH (a:A) WHERE a.x > 5 RETURN a.y", "IndexSeek"},
        {"MATCH (a:A) WHERE a.x IN [1, 2] RETURN a", "IndexSeek"},
        {"UNWIND [1, 2] AS x MATCH (a:A {x: x}) RETURN a", "IndexSeek Unwind"},
        /* one row at most */
        {"MATCH (b:B {k: 1}) RETURN b", "UniqueIndexSeek"},
        /* of relationships, which bind their ends */
        {"MATCH ()-[r:R]->() WHERE r.w = 1 RETURN r", "IndexSeek"},
        /* an id is better than any */
        {"MATCH (a:A {x: 1}) WHERE id(a) = 3 RETURN a", "Filter Filter NodeById"},
        /* the rarer of two labels; a choice of labels has no scan of its own */
        {"MATCH (a:A&C) RETURN a", "Filter NodeByLabelScan"},
        {"MATCH (a:A|C) RETURN a", "Filter AllNodesScan"},
    };

    CHECK(state, cases);
}

static void test_api_query_plans__order(void **state)
{
    static const plan_case cases[] = {
        /* from the end that has fewer, whichever way it is written */
        {"MATCH (a:A {x: 5})-[:R]->(b:B) RETURN b", "Expand IndexSeek"},
        {"MATCH (b:B {k: 1})<-[:R]-(a:A) RETURN a", "Expand UniqueIndexSeek"},
        {"MATCH (a:A)-[:R]->(b:B {k: 1}) RETURN a", "Expand UniqueIndexSeek"},
        /* all of a type: from the label that has fewer; the statistics know that what is found has the other one */
        {"MATCH (a:A)-[:R]->(b:B) RETURN a, b", "Expand NodeByLabelScan"},
        {"MATCH (a:A)-[:R]->(b:B)-[:S]->(c:C) RETURN a", "Expand Expand NodeByLabelScan"},
        /* a cycle is closed by looking the last relationship up */
        {"MATCH (a)-[:R]->(b)-[:S]->(c)-[:T]->(a) RETURN count(*)",
         "Aggregation ExpandInto Expand RelationshipScan"},
        /* of repeated parts first those that lead back, which few do */
        {"MATCH (c:C) (()-[:T]->()){1,2} (c), (c) (()--()--())+ (d) RETURN d",
         "Repeat |Expand |Expand VarLengthExpand NodeByLabelScan"},
        {"MATCH (d) (()--()--())+ (c:C) (()-[:T]->()){1,2} (c) RETURN d",
         "Repeat |Expand |Expand VarLengthExpand NodeByLabelScan"},
        /* … and of those of one relationship, of whose nodes somebody reads the lists */
        {"MATCH (c:C) ((x)-[:T]->()){1,2} (c), (c) (()--()--())+ (d) RETURN d, x",
         "Repeat |Expand |Expand Repeat |Expand NodeByLabelScan"},
        /* clauses are planned together: from the one node that there surely is */
        {"MATCH (a:A {x: 1}), (b:B {k: 2}) MATCH (a)-[:R]->(b) RETURN b",
         "Filter Expand UniqueIndexSeek"},
        /* unconnected parts: a look-up where there is an index, a hash join else, all pairs only without a condition */
        {"MATCH (a:A), (b:B) WHERE a.x = b.k RETURN a, b", "UniqueIndexSeek NodeByLabelScan"},
        {"MATCH (a:A), (c:C) WHERE a.y = c.k RETURN a, c",
         "HashJoin |NodeByLabelScan NodeByLabelScan"},
        /* … within a sub-query that runs for each row, too, since the inner side is read once for all */
        {"MATCH (a:A) OPTIONAL MATCH (c:C) WHERE c.k = a.y RETURN a, c",
         "OptionalApply |HashJoin |NodeByLabelScan NodeByLabelScan"},
        {"MATCH (a:A) WHERE EXISTS { MATCH (c:C) WHERE c.k = a.y } RETURN a",
         "SemiApply |HashJoin |NodeByLabelScan NodeByLabelScan"},
        {"MATCH (a:A) CALL (a) { MATCH (c:C) WHERE c.k = a.y RETURN count(c) AS n } RETURN n",
         "Apply |Aggregation |HashJoin |NodeByLabelScan NodeByLabelScan"},
        {"MATCH (b:B {k: 1}) OPTIONAL MATCH (c:C) WHERE c.k = b.k RETURN b, c",
         "OptionalApply |Filter |NodeByLabelScan UniqueIndexSeek"},
        /* … in a statement that writes, too: all of it before or behind */
        {"MATCH (a:A) OPTIONAL MATCH (c:C) WHERE c.k = a.y SET a.z = c.k",
         "Set OptionalApply |HashJoin |NodeByLabelScan NodeByLabelScan"},
        {"MATCH (a:A) OPTIONAL MATCH (c:C) WHERE c.k = a.y SET a.k = c.k",
         "Set Eager OptionalApply |HashJoin |NodeByLabelScan NodeByLabelScan"},
        {"MATCH (a:A) SET a.k = 1 WITH a WHERE EXISTS { MATCH (c:C) WHERE c.k = a.y } DELETE a",
         "Delete Eager SemiApply |HashJoin |NodeByLabelScan Eager Set NodeByLabelScan"},
        /* … but not where it is written from run to run */
        {"MATCH (a:A) SET a.k = COUNT { MATCH (c:C) WHERE c.k = a.y }", "Set NodeByLabelScan"},
        {"MATCH (a:A) CALL (a) { MATCH (c:C) WHERE c.k = a.y SET c.k = a.x }",
         "Foreach |Set |Eager |Filter |NodeByLabelScan NodeByLabelScan"},
    };

    CHECK(state, cases);
}

static void test_api_query_plans__shortcuts(void **state)
{
    static const plan_case cases[] = {
        /* counts that are kept */
        {"MATCH (a:A) RETURN count(a)", "NodeCountFromStatistics"},
        {"MATCH (n) RETURN count(*)", "NodeCountFromStatistics"},
        {"MATCH ()-[r:R]->() RETURN count(r)", "RelationshipCountFromStatistics"},
        /* … but not of some of them */
        {"MATCH (a:A) WHERE a.y = 1 RETURN count(a)", "Aggregation Filter NodeByLabelScan"},
        /* the first rows of an order need no sort of all */
        {"MATCH (a:A) RETURN a.x ORDER BY a.y LIMIT 3", "Top NodeByLabelScan"},
        {"MATCH (a:A) RETURN a.x ORDER BY a.y SKIP 1 LIMIT 3", "Limit Skip Top NodeByLabelScan"},
        {"MATCH (a:A) WITH a ORDER BY a.y LIMIT 3 RETURN a LIMIT 2", "Limit Top NodeByLabelScan"},
        {"MATCH (a:A) RETURN a.x ORDER BY a.y SKIP toInteger(rand()) LIMIT 3",
         "Limit Skip Sort NodeByLabelScan"},
        {"MATCH (a:A) RETURN a.x ORDER BY a.y", "Sort NodeByLabelScan"},
        /* a condition that is a pattern stops at the first hit */
        {"MATCH (a:A) WHERE EXISTS { (a)-[:R]->(:B) } RETURN a",
         "SemiApply |Expand NodeByLabelScan"},
        {"MATCH (a:A) WHERE NOT (a)-[:R]->() RETURN a", "AntiSemiApply |Expand NodeByLabelScan"},
        {"MATCH (a:A) OPTIONAL MATCH (a)-[:R]->(b) RETURN a, b",
         "OptionalApply |Expand NodeByLabelScan"},
        /* two lists intersected: the one that is held changes with each node, not with each relationship */
        {"MATCH (a)-[:R]->(b)<-[:R]-(c)-[:R]->(a) RETURN count(*)",
         "Aggregation Intersect Expand AllNodesScan"},
        /* … but for a few relationships not all nodes are looked at */
        {"MATCH (a)-[:S]->(b)-[:R|S]->(c)<-[:R|S]-(a) RETURN count(*)",
         "Aggregation Intersect RelationshipScan"},
        /* relationships that are expanded further, of which no more than the ends is read: from lists, of the label that has fewer */
        {"MATCH (a:A)-[:R]->(b) MATCH (b)<-[:R]-(c) WHERE a.y < b.k + c.y RETURN count(*)",
         "Aggregation Filter Expand Expand AllNodesScan"},
        /* … but rows of relationships where these are read, or have to differ, and where there are many more nodes */
        {"MATCH (a:A)-[r:R]->(b) MATCH (b)<-[s:R]-(c) WHERE a.y < r.w + s.w RETURN count(*)",
         "Aggregation Filter Expand RelationshipScan"},
        {"MATCH (a:A)-[:R]->(b)<-[:R]-(c) WHERE a.y < b.k + c.y RETURN count(*)",
         "Aggregation Filter Expand RelationshipScan"},
        {"MATCH (a)-[:S]->(b)<-[:S]-(c)<-[:R]-(d) WHERE a.k < b.k + c.k + d.y RETURN count(*)",
         "Aggregation Filter Expand Expand RelationshipScan"},
        /* one row for each node, with the length of its list: no groups of nodes before those of values */
        {"MATCH (b:B)<-[:R]-() RETURN b.k, count(*)", "Aggregation Expand NodeByLabelScan"},
        /* paths */
        {"MATCH (a:A {x: 1})-[:R*1..3]->(b) RETURN b", "VarLengthExpand IndexSeek"},
        {"MATCH p = shortestPath((a:A {x: 1})-[*]-(b:A {x: 2})) RETURN p",
         "ShortestPath IndexSeek IndexSeek"},
        /* a sub-query that no row changes */
        {"CALL { MATCH (a:A) RETURN a LIMIT 1 } RETURN a", "Apply |Limit |NodeByLabelScan"},
    };

    CHECK(state, cases);
}

static void test_api_query_plans__eager(void **state)
{
    static const plan_case cases[] = {
        /* what is written is not what is read */
        {"MATCH (a:A) SET a.z = 1", "Set NodeByLabelScan"},
        {"MATCH (a:A) SET a.x = a.y", "Set NodeByLabelScan"},
        {"UNWIND [1, 2] AS x CREATE (:A {x: x})", "Create Unwind"},
        {"UNWIND [1, 2] AS x MERGE (a:A {x: x})", "Merge |IndexSeek Unwind"},
        {"MATCH (a:A {x: 1}) MERGE (a)-[:R]->(:B {k: 1})", "Merge |Filter |Expand IndexSeek"},
        /* few nodes are scanned, unless MERGE is about to make more of them */
        {"MATCH (d:D {k: 1}) RETURN d", "Filter NodeByLabelScan"},
        {"UNWIND [1, 2] AS x MERGE (d:D {k: x})", "Merge |UniqueIndexSeek Unwind"},
        /* it is: a barrier below the update, whatever found the rows */
        {"MATCH (a:A) CREATE (:A)", "Create Eager NodeByLabelScan"},
        {"MATCH (a:A) WHERE a.z = 1 SET a.z = a.z + 1", "Set Eager Filter NodeByLabelScan"},
        {"MATCH (a:A) WHERE a.x > 1 SET a.x = a.x + 1", "Set Eager IndexSeek"},
        {"MATCH (a:A) DELETE a", "Delete Eager NodeByLabelScan"},
        {"MATCH (a:A) SET a:$(a.l)", "Set Eager NodeByLabelScan"},
        {"MATCH (a:A) CREATE (:$('x'))", "Create Eager NodeByLabelScan"},
        {"UNWIND [1, 2] AS x MATCH (n) WHERE id(n) = x CREATE (:C)",
         "Create Eager NodeById Unwind"},
        {"UNWIND [1, 2] AS x MATCH (n) WHERE id(n) = x CREATE (n)-[:R]->(n)",
         "Create NodeById Unwind"},
        {"UNWIND [1, 2] AS x CREATE (:C {k: COUNT { (:C) }})", "Create Eager Unwind"},
        {"UNWIND [1, 2] AS x CREATE (:C {k: COUNT { (:D) }})", "Create Unwind"},
        /* a relationship has ends that another row may have deleted; a node by itself has not */
        {"MATCH (a:A)-[:R]->(b) DETACH DELETE b CREATE (a)-[:S]->()",
         "Create Eager Delete Eager Filter RelationshipScan"},
        {"MATCH (a:A)-[:R]->(b) DETACH DELETE b CREATE (:C)",
         "Create Delete Eager Filter RelationshipScan"},
        /* whoever gets a node reads its properties as all rows have left them, but what was made stays as it was made */
        {"MATCH (a:A) SET a.z = 1 RETURN a", "Eager Set NodeByLabelScan"},
        {"MATCH (a:A) SET a.z = 1 RETURN a.y, labels(a)", "Set NodeByLabelScan"},
        {"UNWIND [1, 2] AS x CREATE (a:A {x: x}) RETURN a", "Create Unwind"},
        /* an update, then a clause that reads what it has changed: all rows are through first */
        {"MATCH (a:A {x: 1})-[r:R]->() DELETE r WITH a MATCH (a)-[q:R]->() RETURN q",
         "Expand Eager Delete Eager Expand IndexSeek"},
        {"UNWIND [1] AS x CREATE (:A {x: x}) WITH x MATCH (a:A {x: x}) RETURN a",
         "IndexSeek Eager Create Unwind"},
        /* … and not when it reads other things */
        {"UNWIND [1] AS x CREATE (:C {z: x}) WITH x MATCH (a:A {x: x}) RETURN a",
         "IndexSeek Create Unwind"},
    };

    CHECK(state, cases);
}

/* The only value of a run. */
static int64_t run_again(api_fixture *f, sombra_stmt *stmt, int64_t add)
{
    sombra_value value = sombra_int(add);

    OK(f, sombra_stmt_bind(stmt, "add", &value));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    OK(f, sombra_stmt_column(stmt, 0, &value));
    OK(f, sombra_stmt_reset(stmt));
    return value.as.integer;
}

/* What the first run of a sub-query has read is for the other ones of this run of the statement alone. */
static void test_api_query_plans__inner_sides(void **state)
{
    static const char *const texts[] = {
        "MATCH (a:A) OPTIONAL MATCH (c:C) WHERE c.k + $add = a.y RETURN count(c)",
        "MATCH (a:A) WHERE EXISTS { MATCH (c:C) WHERE c.k + $add = a.y } RETURN count(*)",
        "MATCH (a:A) RETURN sum(COUNT { MATCH (c:C) WHERE c.k + $add = a.y })",
        ("MATCH (a:A) CALL (a) { MATCH (c:C) WHERE c.k + $add = a.y RETURN count(c) AS n } RETURN "
         "sum(n)")};
    api_fixture *f = *state;
    sombra_stmt *stmt;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        OK(f, sombra_prepare(f->conn, texts[i], SOMBRA_NUL_TERMINATED, &stmt, NULL));
        assert_int_equal(run_again(f, stmt, 0), 10000);
        assert_int_equal(run_again(f, stmt, 7), 3000);
        gives(f, "MATCH (c:C {k: 1}) SET c.k = 100", "");
        assert_int_equal(run_again(f, stmt, 0), 9000);
        gives(f, "MATCH (c:C {k: 100}) SET c.k = 1", "");
        assert_int_equal(run_again(f, stmt, 0), 10000);
        sombra_stmt_finalize(stmt);
    }
}

/* Of paths that nobody counts, only the ends are looked for: of the paths here there are more than could be walked. */
static void test_api_query_plans__reach(void **state)
{
    api_fixture *f = *state;

    gives(f, "UNWIND range(0, 60) AS i CREATE (:Step {i: i})", "");
    gives(f,
          "MATCH (a:Step), (b:Step) WHERE b.i = a.i + 1 UNWIND [1, 2] AS x CREATE (a)-[:TO]->(b)",
          "");
    gives(f, "MATCH (a:Step {i: 0}) OPTIONAL MATCH (a)-[:TO*]->(b) RETURN count(DISTINCT b)", "60");
    gives(f, "MATCH (a:Step {i: 0}), (b:Step) WHERE (a)-[:TO*]->(b) RETURN count(*)", "60");
    gives(f, "MATCH (a:Step {i: 9}), (b:Step) WHERE NOT EXISTS { (a)-[:TO*]->(b) } RETURN count(*)",
          "10");
    gives(f, "MATCH (a:Step {i: 1}), (b:Step {i: 0}) RETURN EXISTS { (a)-[:TO*]->(b) }", "false");
    gives(f, "MATCH (a:Step {i: 0}) RETURN COUNT { MATCH (a)-[:TO*]->(b) RETURN DISTINCT b }",
          "60");
    gives(f,
          "MATCH (a:Step {i: 0}) CALL (a) { MATCH (a)-[:TO*]->(b) RETURN b } RETURN count(DISTINCT "
          "b)",
          "60");
    /* in either direction, too: the start is an end, over two relationships side by side */
    gives(f, "MATCH (a:Step {i: 30})-[:TO*]-(b) RETURN count(DISTINCT b)", "61");
    gives(f, "MATCH (a:Step {i: 30})-[:TO*1..30]-(b) RETURN count(DISTINCT b)", "61");
    gives(f, "MATCH (a:Step {i: 30}), (b:Step) WHERE (a)-[:TO*..20]-(b) RETURN count(*)", "41");
    /* they are counted here */
    gives(f, "MATCH (a:Step {i: 57}) OPTIONAL MATCH (a)-[:TO*]->(b) RETURN count(b)", "14");
    gives(f, "MATCH (a:Step {i: 57}) RETURN COUNT { (a)-[:TO*]->(b) }", "14");
    gives(f,
          "MATCH (a:Step {i: 57}) CALL (a) { MATCH (a)-[:TO*]->(b) RETURN b LIMIT 5 } RETURN "
          "count(DISTINCT b), count(b)",
          "3|5");
    gives(f, "MATCH (a:Step) DETACH DELETE a", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_query_plans__access),
        cmocka_unit_test(test_api_query_plans__order),
        cmocka_unit_test(test_api_query_plans__shortcuts),
        cmocka_unit_test(test_api_query_plans__eager),
        cmocka_unit_test(test_api_query_plans__inner_sides),
        cmocka_unit_test(test_api_query_plans__reach),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
