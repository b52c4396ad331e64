/* Goal: texts become the trees that they mean, and faults are told where they are. Method: queries of every construct against their
 * canonical print, which shows structure by its parentheses; faults with detail, column and words of the message; limits; all bytes of all
 * queries changed; each allocation failed. */
#include "cypher/lex/lex.h"

#include "unit/cypher/cypher_fixture.h"

typedef struct query {
    const char *text, *printed;
} query;

static const query QUERIES[] = {
#define QUERY(text, printed) {text, printed},
#include "unit/cypher/queries.def"
#undef QUERY
};
#define QUERY_COUNT (sizeof QUERIES / sizeof QUERIES[0])

static void test_cypher_parse__every_construct(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    for (size_t i = 0; i < QUERY_COUNT; i++) {
        const char *wanted = QUERIES[i].printed != NULL ? QUERIES[i].printed : QUERIES[i].text;
        cypher_parsed(&f, QUERIES[i].text);
        assert_string_equal(cypher_print(&f), wanted);
        /* What is printed is read again as what prints the same. */
        cypher_parsed(&f, wanted);
        assert_string_equal(cypher_print(&f), wanted);
    }
    cypher_deinit(&f);
}

/* ---- Trees --------------------------------------------------------------------------------------------------------- */

static void test_cypher_parse__chains_share_their_middle(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    cypher_parsed(&f, "RETURN a < b <= c");
    const sb_expr *e = cypher_returned(&f, 0);
    assert_int_equal(e->op, SB_OP2_AND);
    assert_ptr_equal(e->args[0]->args[1], e->args[1]->args[0]);
    assert_int_equal(e->args[0]->op, SB_OP2_LT);
    assert_int_equal(e->args[1]->op, SB_OP2_LE);
    assert_int_equal(e->weight, 7);
    cypher_deinit(&f);
}

static void test_cypher_parse__runs_are_balanced(void **state)
{
    (void)state;
    cypher_fixture f;
    char text[16384] = "RETURN a";
    cypher_init(&f);
    for (int i = 0; i < 1000; i++)
        strcat(text, " OR a");
    cypher_parsed(&f, text);
    assert_int_equal(cypher_returned(&f, 0)->depth, 11);
    assert_string_equal(cypher_print(&f), text);
    cypher_deinit(&f);
}

static void test_cypher_parse__columns_are_called_as_written(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    cypher_parsed(&f, "RETURN  n . x+1 , `a b`, (c), count( * ) AS d, x");
    const sb_projection *p = &f.statement->query->parts[0]->clauses[0]->as.projection;
    assert_bytes(p->items[0].name, "n . x+1");
    assert_bytes(p->items[1].name, "a b");
    assert_bytes(p->items[2].name, "(c)");
    assert_bytes(p->items[3].name, "d");
    assert_true(p->items[3].aliased);
    assert_bytes(p->items[4].name, "x");
    assert_false(p->items[4].aliased);
    cypher_parsed(&f, "WITH n.x, m RETURN 1");
    p = &f.statement->query->parts[0]->clauses[0]->as.projection;
    assert_int_equal(p->items[0].name.size, 0);
    assert_bytes(p->items[1].name, "m");
    cypher_deinit(&f);
}

static void test_cypher_parse__spans(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    cypher_parsed(&f, "RETURN 1 + f(x) . y * 2");
    const sb_expr *e = cypher_returned(&f, 0);
    assert_int_equal(e->span.start, 7);
    assert_int_equal(e->span.end, 23);
    const sb_expr *property = e->args[1]->args[0];
    assert_int_equal(property->kind, SB_EXPR_PROPERTY);
    assert_int_equal(property->span.start, 11);
    assert_int_equal(property->span.end, 19);
    cypher_deinit(&f);
}

static void test_cypher_parse__parameters_are_listed_once(void **state)
{
    (void)state;
    cypher_fixture f;
    char text[8192] = "RETURN [$b, $a, $b, $`a`, $0";
    cypher_init(&f);
    for (int i = 0; i < 500; i++)
        (void)sprintf(text + strlen(text), ", $p%d", i % 250);
    strcat(text, "]");
    cypher_parsed(&f, text);
    assert_int_equal(f.statement->param_count, 253);
    assert_bytes(f.statement->params[0], "b");
    assert_bytes(f.statement->params[1], "a");
    assert_bytes(f.statement->params[2], "0");
    assert_bytes(f.statement->params[252], "p249");
    cypher_deinit(&f);
}

static void test_cypher_parse__the_text_is_the_statements_own(void **state)
{
    (void)state;
    cypher_fixture f;
    char text[] = "RETURN 'abc' AS name, $p";
    cypher_init(&f);
    assert_int_equal(cypher_parse(&f, text), SB_OK);
    memset(text, 'x', sizeof text - 1);
    assert_string_equal(cypher_print(&f), "RETURN 'abc' AS name, $p");
    assert_bytes(f.statement->text, "RETURN 'abc' AS name, $p");
    cypher_deinit(&f);
}

static void test_cypher_parse__statements_of_a_script(void **state)
{
    (void)state;
    cypher_fixture f;
    static const char script[] = " RETURN ';' ; // one\n ; /* none */ MATCH (n) RETURN n";
    size_t at = 0;
    cypher_init(&f);
    assert_int_equal(cypher_parse(&f, script), SB_OK);
    assert_string_equal(cypher_print(&f), "RETURN ';'");
    at += f.end;
    assert_int_equal(script[at], ';'); /* of an empty statement, which is passed over */
    assert_int_equal(cypher_parse(&f, script + at), SB_OK);
    assert_string_equal(cypher_print(&f), "MATCH (n) RETURN n");
    assert_int_equal(at + f.end, strlen(script));
    assert_int_equal(cypher_parse(&f, " // nothing"), SB_OK);
    assert_null(f.statement);
    assert_int_equal(cypher_parse(&f, ""), SB_OK);
    assert_null(f.statement);
    assert_int_equal(cypher_parse(&f, " ;; /* a */ ;"), SB_OK);
    assert_null(f.statement);
    assert_int_equal(f.end, 13);
    cypher_deinit(&f);
}

static void test_cypher_parse__standalone_calls(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    cypher_parsed(&f, "CALL a.b");
    assert_true(f.statement->query->parts[0]->clauses[0]->as.call.standalone);
    cypher_parsed(&f, "CALL a.b() YIELD x RETURN x");
    assert_false(f.statement->query->parts[0]->clauses[0]->as.call.standalone);
    cypher_deinit(&f);
}

/* Each keyword may be a variable, label, type, key, property, alias, function and parameter. */
static void test_cypher_parse__keywords_are_names(void **state)
{
    (void)state;
    cypher_fixture f;
    char text[512];
    cypher_init(&f);
    for (unsigned k = 1; k < SB_KEYWORDS; k++) {
        const char *w = sb_keyword_text(k);
        (void)snprintf(text, sizeof text,
                       "MATCH (a:%s {%s: $%s})-[:%s]->() SET a.%s = 1 WITH a.%s AS %s RETURN "
                       "x.%s(1), {%s: 2} AS %s",
                       w, w, w, w, w, w, w, w, w, w);
        cypher_parsed(&f, text);
        (void)snprintf(text, sizeof text, "MATCH (%s)-[%s]->(), %s = () RETURN 1", w, w, w);
        cypher_parsed(&f, text);
        (void)snprintf(text, sizeof text, "UNWIND [%s IN [1] | 2] AS %s RETURN `%s`", w, w, w);
        cypher_parsed(&f, text);
        (void)snprintf(text, sizeof text, "RETURN %s, %s", w, w);
        cypher_parsed(&f, text);
    }
    cypher_deinit(&f);
}

/* ---- Faults ---------------------------------------------------------------------------------------------------------- */

typedef struct fault {
    const char *text;
    uint32_t column;
    sb_cypher_error detail;
    const char *part;
} fault;

#define SYNTAX SB_CYPHER_UNEXPECTED_SYNTAX

static const fault FAULTS[] = {
    {"MATCH (n RETURN n", 10, SYNTAX, "unexpected 'RETURN': expected {properties}, ')', ':'"},
    {"MATCH (n) RETRUN n", 11, SYNTAX, "unexpected 'RETRUN': did you mean RETURN?"},
    {"MTACH (n) RETURN n", 1, SYNTAX, "did you mean MATCH?"},
    {"MATCH (n) WHERE n.a LIKE 'x' RETURN n", 21, SYNTAX,
     "unexpected 'LIKE': strings are searched with"},
    {"MATCH (n) RETURN n.a, count(*) group by n.a", 32, SYNTAX,
     "unexpected 'group': rows are grouped by"},
    {"MATCH (n) RETURN n.a HAVING 1", 22, SYNTAX, "WITH ... WHERE"},
    {"SELECT * FROM n", 1, SYNTAX, "begins with what it matches"},
    {"START n = node(1) RETURN n", 1, SYNTAX, "MATCH ... WHERE"},
    {"USE neo4j MATCH (n) RETURN n", 1, SYNTAX, "a database is one file"},
    {"USING PERIODIC COMMIT LOAD CSV FROM 'a' AS r RETURN r", 1, SYNTAX, "IN TRANSACTIONS"},
    {"CREATE FULLTEXT INDEX i FOR (n:A) ON EACH [n.x]", 8, SYNTAX, "indexes of values only"},
    {"CREATE VECTOR INDEX i FOR (n:A) ON n.x", 8, SYNTAX, "indexes of values only"},
    {"CREATE LOOKUP INDEX FOR (n) ON EACH labels(n)", 8, SYNTAX, "without one"},
    {"CYPHER 5 runtime = {} RETURN 1", 20, SYNTAX, "expected a value"},
    {"RETURN count(* AS c", 16, SYNTAX, "unexpected 'AS': expected ')'"},
    {"MATCH (n) RETURN", 17, SYNTAX, "unexpected the end of the query: expected an expression"},
    {"MATCH (n) RETURN n,", 20, SYNTAX, "an expression"},
    {"RETURN 1 +", 11, SYNTAX, "an expression"},
    {"RETURN 'abc' 'def'", 14, SYNTAX, "unexpected ''def''"},
    {"RETURN 1 'a string that is so long that nobody wants it in a message'", 10, SYNTAX,
     "unexpected a string"},
    {"RETURN a != b", 10, SYNTAX, "<>"},
    {"RETURN a == b", 10, SYNTAX, "unexpected '==': 'equal' is written ="},
    {"MATCH (n) RETURN n MATCH (m) RETURN m", 20, SYNTAX, "unexpected 'MATCH'"},
    {"RETURN (1", 10, SYNTAX, "')'"},
    {"RETURN [1, 2", 13, SYNTAX, "']'"},
    {"RETURN [, ]", 9, SYNTAX, "an expression"},
    {"RETURN {a: 1, 2}", 15, SYNTAX, "a key"},
    {"RETURN {a.b: 1}", 10, SYNTAX, "':'"},
    {"RETURN {1a: 1}", 9, SYNTAX, "unexpected '1a': expected a key"},
    {"RETURN 1a", 8, SB_CYPHER_INVALID_NUMBER_LITERAL, "no number"},
    {"MATCH ()-[:R*-2]->() RETURN 1", 14, SB_CYPHER_INVALID_RELATIONSHIP_PATTERN, "from 0 on"},
    {"MATCH ()-[:R*1..-2]->() RETURN 1", 17, SB_CYPHER_INVALID_RELATIONSHIP_PATTERN, "from 0 on"},
    {"MATCH ()-[*1.5]->() RETURN 1", 12, SB_CYPHER_INVALID_RELATIONSHIP_PATTERN, "from 0 on"},
    {"RETURN {a 1}", 11, SYNTAX, "':'"},
    {"RETURN a.", 10, SYNTAX, "a property's name"},
    {"RETURN a IS", 12, SYNTAX, "NULL"},
    {"RETURN a IS NULL + 1", 18, SYNTAX, "unexpected '+'"},
    {"RETURN a = b IS NULL * 2", 22, SYNTAX, "unexpected '*'"},
    {"MATCH ()-[r WHERE r.x]->* RETURN 1", 27, SYNTAX, "'('"},
    {"RETURN a IS NOT x", 17, SYNTAX, "NORMALIZED"},
    {"RETURN a IS :: FOO", 16, SYNTAX, "a type"},
    {"RETURN a IS :: TIME", 20, SYNTAX, "WITHOUT"},
    {"RETURN a IS NFC", 16, SYNTAX, "NORMALIZED"},
    {"RETURN a STARTS x", 10, SYNTAX, "unexpected 'STARTS'"},
    {"RETURN CASE 1 END", 15, SYNTAX, "WHEN"},
    {"RETURN CASE WHEN 1 ELSE 2 END", 20, SYNTAX, "THEN"},
    {"RETURN CASE WHEN 1 THEN 2", 26, SYNTAX, "END"},
    {"RETURN all(x IN l)", 18, SYNTAX, "WHERE"},
    {"RETURN reduce(a = 0, x IN l)", 28, SYNTAX, "'|'"},
    {"RETURN [x IN l | ]", 18, SYNTAX, "an expression"},
    {"RETURN [(a)-->(b) WHERE a.x]", 28, SYNTAX, "'|'"},
    {"RETURN n {.}", 12, SYNTAX, "a property's name"},
    {"RETURN f(1,)", 12, SYNTAX, "an expression"},
    {"RETURN COUNT { RETURN 1", 24, SYNTAX, "'}'"},
    {"MATCH (a) WHERE (a)-->{1,3}() RETURN a", 23, SYNTAX, "EXISTS { "},
    {"MATCH (a) WHERE NOT (a)<--()-[r:R]->+(:B) RETURN a", 37, SYNTAX, "EXISTS { "},
    {"MATCH (a) RETURN [(a)-->(b)-->*(c) | b]", 31, SYNTAX, "no quantifier"},
    {"RETURN (a)-->{,2}()", 14, SYNTAX, "no quantifier"},
    {"RETURN EXISTS { }", 17, SYNTAX, "a pattern"},
    {"RETURN COLLECT { (a) }", 18, SYNTAX, "MATCH"},
    {"RETURN 9223372036854775808", 8, SB_CYPHER_INTEGER_OVERFLOW, "9223372036854775807"},
    {"RETURN -(9223372036854775808)", 10, SB_CYPHER_INTEGER_OVERFLOW, "9223372036854775807"},
    {"RETURN -9223372036854775808.x", 9, SB_CYPHER_INTEGER_OVERFLOW, "9223372036854775807"},
    {"RETURN 1 # 2", 10, SYNTAX, "'#'"},
    {"RETURN (1 # 2", 11, SYNTAX, "'#'"},
    {"RETURN ) '", 8, SYNTAX, "unexpected ')'"},
    {"MATCH n RETURN n", 7, SYNTAX, "a pattern"},
    {"MATCH (n)-(m) RETURN n", 11, SYNTAX, "'-'"},
    {"MATCH (n)-[:R]>(m) RETURN n", 15, SYNTAX, "'-'"},
    {"MATCH (n)-->() (m) RETURN n", 16, SYNTAX, "a relationship"},
    {"MATCH (n:) RETURN n", 10, SYNTAX, "a label or type"},
    {"MATCH (n:A|) RETURN n", 12, SYNTAX, "a label or type"},
    {"MATCH (n:(A) RETURN n", 14, SYNTAX, "')'"},
    {"MATCH ()-[:A:B]->() RETURN 1", 13, SYNTAX, "']'"},
    {"MATCH ()-[:R..]->() RETURN 1", 13, SB_CYPHER_INVALID_RELATIONSHIP_PATTERN, "*1..3"},
    {"MATCH ()-[*1]->{2}() RETURN 1", 9, SB_CYPHER_INVALID_RELATIONSHIP_PATTERN, "not both"},
    {"MATCH ()-[]->{0}() RETURN 1", 9, SYNTAX, "at least 1"},
    {"MATCH ()-[]->{}() RETURN 1", 15, SYNTAX, "an integer"},
    {"MATCH ((a)-->(b)){,0} RETURN 1", 7, SYNTAX, "at least 1"},
    {"MATCH ((a)-->(b)){3,2} RETURN 1", 7, SYNTAX, "at least its lower bound"},
    {"MATCH ()-->{2,1}() RETURN 1", 9, SYNTAX, "at least its lower bound"},
    {"MATCH ((a)){2} RETURN 1", 7, SYNTAX, "at least one relationship"},
    {"MATCH (((a)-->(b)){2}-->(c)){2} RETURN 1", 7, SYNTAX, "in each other"},
    {"MATCH (x)((a)-->(b)) RETURN 1", 22, SYNTAX, "'+'"},
    {"MATCH SHORTEST (a)-->(b) RETURN 1", 16, SYNTAX, "an integer"},
    {"MATCH SHORTEST 0 (a)-->(b) RETURN 1", 16, SYNTAX, "at least 1"},
    {"MATCH p = RETURN 1", 11, SYNTAX, "a pattern"},
    {"OPTIONAL (n)", 10, SYNTAX, "MATCH"},
    {"OPTIONAL CALL x()", 15, SYNTAX, "'{'"},
    {"LOAD x", 6, SYNTAX, "CSV"},
    {"LOAD CSV x", 10, SYNTAX, "FROM"},
    {"LOAD CSV WITH x", 15, SYNTAX, "HEADERS"},
    {"LOAD CSV FROM 'x' RETURN 1", 19, SYNTAX, "AS"},
    {"DETACH n", 8, SYNTAX, "DELETE"},
    {"UNWIND [1] RETURN 1", 12, SYNTAX, "AS"},
    {"WITH 1 AS RETURN 1", 18, SYNTAX, "WHERE"},
    {"RETURN 1 AS 2", 13, SYNTAX, "a name"},
    {"RETURN 1 ORDER 1", 16, SYNTAX, "BY"},
    {"RETURN 1 WHERE 2", 10, SYNTAX, "unexpected 'WHERE'"},
    {"MERGE (a) ON SET a.x = 1", 14, SYNTAX, "MATCH"},
    {"MERGE (a) ON CREATE a.x = 1", 21, SYNTAX, "SET"},
    {"SET n", 6, SYNTAX, "'='"},
    {"SET n.x + 1", 9, SYNTAX, "'='"},
    {"SET n: RETURN 1", 15, SYNTAX, "unexpected '1'"},
    {"REMOVE n", 9, SYNTAX, "a property or label"},
    {"REMOVE (n.x)", 13, SYNTAX, "a property or label"},
    {"FOREACH (x IN l)", 16, SYNTAX, "'|'"},
    {"FOREACH (x IN l | )", 19, SYNTAX, "CREATE"},
    {"CALL", 5, SYNTAX, "a procedure"},
    {"CALL x(", 8, SYNTAX, "an expression"},
    {"CALL x() YIELD", 15, SYNTAX, "a result's name"},
    {"CALL (a { RETURN 1 }", 9, SYNTAX, "')'"},
    {"CALL { RETURN 1 } IN", 21, SYNTAX, "TRANSACTIONS"},
    {"CALL { RETURN 1 } IN x", 23, SYNTAX, "CONCURRENT"},
    {"CALL { RETURN 1 } IN TRANSACTIONS ON ERROR", 43, SYNTAX, "CONTINUE"},
    {"LET x", 6, SYNTAX, "'='"},
    {"MATCH (n:$none(x)) RETURN n", 10, SYNTAX, "$any("},
    {"MATCH (n:$(x) RETURN n", 15, SYNTAX, "')'"},
    {"RETURN $(x)", 8, SYNTAX, "an expression"},
    {"FILTER", 7, SYNTAX, "an expression"},
    {"RETURN trim(BOTH 'x')", 21, SYNTAX, "FROM"},
    {"CALL { RETURN 1 } IN TRANSACTIONS OF 1", 39, SYNTAX, "ROWS"},
    {"CALL { RETURN 1 } IN TRANSACTIONS OF 1 ROW ON ERROR FAIL OF 1 ROW", 58, SYNTAX, "OF"},
    {"RETURN 1 AS a UNION RETURN 2 AS a UNION ALL RETURN 3 AS a", 35,
     SB_CYPHER_INVALID_CLAUSE_COMPOSITION, "mixed"},
    {"RETURN 1 UNION", 15, SYNTAX, "RETURN"},
    {"EXPLAIN", 8, SYNTAX, "MATCH"},
    {"EXPLAIN SHOW INDEXES", 9, SYNTAX, "unexpected 'SHOW'"},
    {"USING x", 1, SYNTAX, "SHOW"},
    {"DROP x", 1, SYNTAX, "unexpected 'DROP'"},
    {"CREATE INDEX FOR n:A ON (n.x)", 18, SYNTAX, "'('"},
    {"CREATE INDEX FOR (n:A) ON n.x", 27, SYNTAX, "'('"},
    {"CREATE INDEX FOR (n:A) ON (m.x)", 28, SB_CYPHER_UNDEFINED_VARIABLE, "'n'"},
    {"CREATE INDEX FOR (n:A) ON (n)", 29, SYNTAX, "'.'"},
    {"CREATE INDEX IF EXISTS FOR (n:A) ON (n.x)", 17, SYNTAX, "NOT"},
    {"CREATE CONSTRAINT FOR (n:A) REQUIRE n.x IS x", 44, SYNTAX, "KEY"},
    {"MATCH (a) (p=(x)-->(y)){1,2} RETURN 1", 12, SYNTAX, "a path variable names a whole pattern"},
    {"MATCH (p = (a)-->(b)) RETURN 1", 8, SYNTAX, "a path variable names a whole pattern"},
    {"RETURN 1_000.5", 8, SB_CYPHER_INVALID_NUMBER_LITERAL, "'1_000.5': the digits of a float"},
    {"RETURN '\\x41'", 9, SYNTAX, "'\\x': no such escape"},
    {"RETURN '\\é'", 9, SYNTAX, "'\\é': no such escape"},
    {"RETURN '\\\n'", 9, SYNTAX, "'\\': no such escape"},
    {"CREATE CONSTRAINT FOR (n:A) REQUIRE n.x IS NODE x", 49, SYNTAX, "KEY"},
    {"CREATE CONSTRAINT FOR (n:A) REQUIRE (n.x, n.y) IS NOT NULL", 37, SYNTAX, "one property"},
    {"CREATE CONSTRAINT FOR (n:A) ASSERT n.x IS UNIQUE", 29, SYNTAX, "REQUIRE"},
    {"DROP INDEX", 11, SYNTAX, "an index's name"},
    {"DROP CONSTRAINT c IF x", 22, SYNTAX, "EXISTS"},
    {"SHOW x", 6, SYNTAX, "INDEXES"},
    {"SHOW UNIQUE INDEXES", 6, SYNTAX, "unexpected 'UNIQUE'"},
    {"SHOW BUILT x", 6, SYNTAX, "unexpected 'BUILT'"},
    {"SHOW INDEXES ORDER BY name", 14, SYNTAX, "YIELD"},
    {"SHOW INDEXES YIELD * LIMIT", 27, SYNTAX, "an expression"},
    {"CREATE INDEX FOR (n:A) ON (n.x) OPTIONS {a: 1}", 42, SYNTAX, "have no options"},
    {"CREATE CONSTRAINT FOR (n:A) REQUIRE n.x IS UNIQUE OPTIONS $o", 59, SYNTAX, "'{'"},
    {"SHOW INDEXES RETURN 1", 14, SYNTAX, "unexpected 'RETURN'"},
    {"BEGIN x", 7, SYNTAX, "TRANSACTION"},
    {"MATCH (n) USING INDEX n:A RETURN n", 27, SYNTAX, "'('"},
    {"MATCH (n) USING n:A RETURN n", 17, SYNTAX, "INDEX"},
    {"RETURN a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q()", 8, SB_CYPHER_LIMIT_EXCEEDED, "16 parts"},
};

static void test_cypher_parse__faults_are_told_where_they_are(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
        const fault *x = &FAULTS[i];
        const sb_status st = cypher_parse(&f, x->text);
        if (st == SB_OK) print_error("parsed: %s\n", x->text);
        assert_int_not_equal(st, SB_OK);
        assert_null(f.statement);
        cypher_assert_error(&f, x->text, x->detail, x->part);
        if (f.err.column != x->column) print_error("%s\n%s\n", x->text, f.err.text);
        assert_int_equal(f.err.column, x->column);
    }
    cypher_deinit(&f);
}

/* ---- Limits ------------------------------------------------------------------------------------------------------------ */

/* head, count times repeated, middle, count times closed, tail */
static sb_status parse_nested(cypher_fixture *f, const char *head, const char *repeated,
                              const char *middle, const char *closed, size_t count)
{
    sb_buffer text;
    sb_buffer_init(&text, &sb_allocator_libc);
    assert_int_equal(sb_buffer_append(&text, head, strlen(head)), SB_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sb_buffer_append(&text, repeated, strlen(repeated)), SB_OK);
    assert_int_equal(sb_buffer_append(&text, middle, strlen(middle)), SB_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sb_buffer_append(&text, closed, strlen(closed)), SB_OK);
    const sb_status st = cypher_parse_bytes(f, text.data, text.size);
    sb_buffer_deinit(&text);
    return st;
}

static void test_cypher_parse__nesting_is_bounded(void **state)
{
    (void)state;
    static const char *const nests[][4] = {
        {"RETURN ", "(", "1", ")"},
        {"RETURN ", "[", "1", "]"},
        {"RETURN ", "{a: ", "1", "}"},
        {"RETURN ", "f(", "1", ")"},
        {"RETURN ", "NOT ", "true", ""},
        {"RETURN ", "a = NOT ", "true", ""},
        {"RETURN ", "-", "a", ""},
        {"RETURN ", "- +", "a", ""},
        {"RETURN 1", " + 1", "", ""},
        {"RETURN 1", " ^ 1", "", ""},
        {"RETURN a", ".b", "", ""},
        {"RETURN a", "[0]", "", ""},
        {"RETURN a", " IS NULL", "", ""},
        {"RETURN ", "CASE WHEN a THEN ", "1", " END"},
        {"RETURN ", "[x IN ", "l", "]"},
        {"RETURN ", "[x IN l WHERE ", "a", "]"},
        {"RETURN ", "[(a)-->({x: ", "1", "}) | 1]"},
        {"RETURN ", "EXISTS { MATCH (a) WHERE ", "true", "}"},
        {"RETURN ", "(a)-->({x: ", "1", "})"},
        {"RETURN a:", "!", "A", ""},
        {"RETURN a:", "(", "A", ")"},
        {"RETURN a IS :: ", "LIST<", "INT", ">"},
        {"RETURN a IS :: ", "ANY<", "INT", ">"},
        {"RETURN a IS :: INT", " LIST", "", ""},
        {"MATCH ", "(", "(a)", ")"},
        {"", "CALL { ", "RETURN 1", " }"},
        {"", "FOREACH (x IN l | ", "CREATE ()", ")"},
        {"RETURN ", "(a.x < ", "1", " < 1)"},
    };
    cypher_fixture f;
    cypher_init(&f);
    for (size_t i = 0; i < sizeof nests / sizeof nests[0]; i++) {
        const char *const *nest = nests[i];
        const sb_status st = parse_nested(&f, nest[0], nest[1], nest[2], nest[3], 50000);
        if (st != SB_LIMIT) print_error("%s%s: %s\n", nest[0], nest[1], f.err.text);
        assert_int_equal(st, SB_LIMIT);
        cypher_assert_error(&f, nest[1], SB_CYPHER_LIMIT_EXCEEDED, "");
        assert_int_equal(parse_nested(&f, nest[0], nest[1], nest[2], nest[3], 3), SB_OK);
    }
    cypher_deinit(&f);
}

/* Things that stand beside each other are not nested. */
static void test_cypher_parse__lists_are_as_long_as_the_text(void **state)
{
    (void)state;
    static const char *const lists[][3] = {
        {"RETURN [1", ", 1", "]"},
        {"RETURN 1", ", 1", ""},
        {"RETURN a", " AND a", ""},
        {"RETURN a:A", "|A", ""},
        {"MATCH (a)", "-->(a)", " RETURN 1"},
        {"MATCH (a)", ", (a)", " RETURN 1"},
        {"MATCH (a)", " MATCH (a)", " RETURN 1"},
        {"RETURN 1", " UNION RETURN 1", ""},
        {"RETURN a < 1", " < 1", ""},
    };
    cypher_fixture f;
    cypher_init(&f);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const sb_status st = parse_nested(&f, lists[i][0], lists[i][1], lists[i][2], "", 20000);
        if (st != SB_OK) print_error("%s\n", f.err.text);
        assert_int_equal(st, SB_OK);
        (void)cypher_print(&f);
    }
    cypher_deinit(&f);
}

/* (x < (x < (x < … < 1) < 1) < 1): each level would double the work of every walk. */
static void test_cypher_parse__chains_in_chains_are_bounded(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    assert_int_equal(parse_nested(&f, "RETURN ", "(x < ", "1", " < 1)", 5), SB_OK);
    assert_int_equal(parse_nested(&f, "RETURN ", "(x < ", "1", " < 1)", 30), SB_LIMIT);
    cypher_assert_error(&f, "chains", SB_CYPHER_LIMIT_EXCEEDED, "chained");
    cypher_deinit(&f);
}

static void test_cypher_parse__length_is_bounded(void **state)
{
    (void)state;
    cypher_fixture f;
    const size_t bytes = SB_CYPHER_TEXT_MAX + 1;
    char *text = malloc(bytes);
    assert_non_null(text);
    memset(text, ' ', bytes);
    memcpy(text, "RETURN 1", 8);
    cypher_init(&f);
    assert_int_equal(cypher_parse_bytes(&f, text, bytes - 1), SB_OK);
    assert_int_equal(cypher_parse_bytes(&f, text, bytes), SB_LIMIT);
    assert_int_equal(f.err.detail, SB_CYPHER_LIMIT_EXCEEDED);
    cypher_deinit(&f);
    free(text);
}

/* ---- Hostile input --------------------------------------------------------------------------------------------------------- */

/* Either a tree whose print is stable, or an error with a place. */
static void check_any(cypher_fixture *f, const uint8_t *text, size_t bytes)
{
    const sb_status st = cypher_parse_bytes(f, text, bytes);

    assert_true(f->end <= bytes);
    if (st != SB_OK) {
        assert_null(f->statement);
        assert_true(f->err.detail != 0 && f->err.line > 0);
        return;
    }
    if (f->statement == NULL) return;
    char *printed = strdup(cypher_print(f));
    assert_non_null(printed);
    cypher_parsed(f, printed);
    assert_string_equal(cypher_print(f), printed);
    free(printed);
}

static void test_cypher_parse__changed_bytes(void **state)
{
    (void)state;
    cypher_fixture f;
    sb_random random = test_random(17);
    static const char pieces[] = "()[]{}<>-=+*/|&!:;,.$`'\"\\ \n0aAx\xC3\xE2\xFF";
    uint8_t text[1024];
    cypher_init(&f);
    for (size_t i = 0; i < QUERY_COUNT; i++) {
        const size_t bytes = strlen(QUERIES[i].text);
        assert_true(bytes <= sizeof text);
        for (size_t cut = 0; cut < bytes; cut++)
            check_any(&f, (const uint8_t *)QUERIES[i].text, cut);
        for (size_t round = 0; round < 300; round++) {
            memcpy(text, QUERIES[i].text, bytes);
            for (size_t k = 0; k < 1 + round % 3; k++)
                text[sb_random_below(&random, bytes)] =
                    (uint8_t)pieces[sb_random_below(&random, sizeof pieces - 1)];
            check_any(&f, text, bytes);
        }
    }
    cypher_deinit(&f);
}

/* Tokens of two queries, cut and put together. */
static void test_cypher_parse__spliced_queries(void **state)
{
    (void)state;
    cypher_fixture f;
    sb_random random = test_random(18);
    char text[4096];
    cypher_init(&f);
    for (size_t round = 0; round < 20000; round++) {
        const char *a = QUERIES[sb_random_below(&random, QUERY_COUNT)].text;
        const char *b = QUERIES[sb_random_below(&random, QUERY_COUNT)].text;
        const size_t a_bytes = sb_random_below(&random, strlen(a) + 1);
        const size_t b_from = sb_random_below(&random, strlen(b) + 1);
        (void)snprintf(text, sizeof text, "%.*s %s", (int)a_bytes, a, b + b_from);
        check_any(&f, (const uint8_t *)text, strlen(text));
    }
    cypher_deinit(&f);
}

/* One failing allocation of parsing and printing; false: there were fewer. The arena asks for memory when a block is full: a filler moves
 * each of its allocations there in turn. */
static bool fails_at(const char *text, size_t fill, size_t fail_at)
{
    cypher_fixture f;
    sb_statement *statement;

    cypher_init(&f);
    assert_non_null(sb_arena_alloc(f.arena, fill));
    f.alloc.fail_at = f.alloc.alloc_count + fail_at;
    sb_status st = sb_cypher_parse(f.arena, BYTES(text), NULL, &statement, &f.end, &f.err);
    if (st == SB_OK) st = sb_statement_print(statement, &f.out);
    const bool reached = f.alloc.alloc_count >= f.alloc.fail_at;
    f.alloc.fail_at = 0;
    assert_int_equal(st, reached ? SB_NOMEM : SB_OK);
    cypher_deinit(&f);
    return reached;
}

static void test_cypher_parse__each_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < QUERY_COUNT; i++)
        for (size_t fill = 0; fill < 2048; fill += i % 4 == 0 ? 16 : 512)
            for (size_t fail_at = 1; fails_at(QUERIES[i].text, fill, fail_at);)
                fail_at++;
}

/* ---- The watch --------------------------------------------------------------------------------------------------------------- */

typedef struct asked {
    size_t times, stop_at; /* 0: never */
} asked;

static sb_status ask(void *ctx, sb_err *err)
{
    asked *a = ctx;

    return ++a->times == a->stop_at ? SB_FAIL(err, SB_INTERRUPT, "enough") : SB_OK;
}

/* A long text is read, and then parsed, with looks at the watch, which ends either. */
static void test_cypher_parse__asks_the_watch(void **state)
{
    asked a = {0};
    sb_cypher_watch watch = {.poll = ask, .ctx = &a};
    sb_statement *statement;
    sb_tokens tokens;
    cypher_fixture f;
    sb_buffer text;

    (void)state;
    cypher_init(&f);
    sb_buffer_init(&text, &sb_allocator_libc);
    assert_int_equal(sb_buffer_printf(&text, "RETURN [1"), SB_OK);
    for (int i = 1; i < 50000; i++)
        assert_int_equal(sb_buffer_append(&text, ", 1", 3), SB_OK);
    assert_int_equal(sb_buffer_printf(&text, "]"), SB_OK);
    assert_int_equal(sb_lex_tokens(f.arena, sb_buffer_bytes(&text), &watch, &tokens, &f.err),
                     SB_OK);
    const size_t read = a.times;
    assert_true(read >= 5); /* 100,000 tokens */
    a.times = watch.work = 0;
    assert_int_equal(
        sb_cypher_parse(f.arena, sb_buffer_bytes(&text), &watch, &statement, &f.end, &f.err),
        SB_OK);
    const size_t all = a.times;
    assert_true(all >= read + 5);
    for (a.stop_at = 1; a.stop_at <= all; a.stop_at++) {
        a.times = watch.work = 0;
        assert_int_equal(
            sb_cypher_parse(f.arena, sb_buffer_bytes(&text), &watch, &statement, &f.end, &f.err),
            SB_INTERRUPT);
        assert_null(statement);
        assert_int_equal(a.times, a.stop_at);
        sb_err_clear(&f.err);
    }
    sb_buffer_deinit(&text);
    cypher_deinit(&f);
}

/* ---- Walking --------------------------------------------------------------------------------------------------------------- */

static bool count_params(void *ctx, sb_expr *e)
{
    if (e->kind == SB_EXPR_PARAM) ++*(int *)ctx;
    return e->kind != SB_EXPR_LIST;
}

static int params_in(cypher_fixture *f, const char *expression, bool deep)
{
    char text[512];
    int count = 0;
    (void)snprintf(text, sizeof text, "RETURN %s", expression);
    cypher_parsed(f, text);
    sb_expr_walk(cypher_returned(f, 0), deep, count_params, &count);
    return count;
}

static void test_cypher_parse__walking(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    assert_int_equal(params_in(&f, "$a + f($b, {x: $c}) + CASE WHEN $d THEN $e END", false), 5);
    assert_int_equal(params_in(&f, "$a + [$b]", false), 1); /* visit said no to the list */
    static const char deep[] =
        "EXISTS { MATCH (a {x: $a} WHERE $b)-[r {x: $c} WHERE $d]->({x: $e})((x {x: $f})--(y) "
        "WHERE $g){1,2}(b) WHERE $h UNWIND $i AS u LOAD CSV FROM $j AS v FIELDTERMINATOR $k "
        "CALL x($l) YIELD y WHERE $m CALL { CREATE (n $n) } IN TRANSACTIONS OF $o ROWS "
        "FOREACH (z IN $p | DELETE $q) MERGE (c $r) ON CREATE SET c.x = $s ON MATCH SET c[$t] = $u "
        "REMOVE c[$v] WITH $w AS g ORDER BY $x SKIP $y LIMIT $z WHERE $aa RETURN $ab }";
    assert_int_equal(params_in(&f, deep, true), 28);
    assert_int_equal(params_in(&f, deep, false), 0);
    assert_int_equal(params_in(&f, "[(a {x: $a})-->(b) WHERE $b | $c]", true), 3);
    assert_int_equal(params_in(&f, "[(a {x: $a})-->(b) WHERE $b | $c]", false), 2);
    cypher_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_parse__every_construct),
        TEST(test_cypher_parse__chains_share_their_middle),
        TEST(test_cypher_parse__runs_are_balanced),
        TEST(test_cypher_parse__columns_are_called_as_written),
        TEST(test_cypher_parse__spans),
        TEST(test_cypher_parse__parameters_are_listed_once),
        TEST(test_cypher_parse__the_text_is_the_statements_own),
        TEST(test_cypher_parse__statements_of_a_script),
        TEST(test_cypher_parse__standalone_calls),
        TEST(test_cypher_parse__keywords_are_names),
        TEST(test_cypher_parse__faults_are_told_where_they_are),
        TEST(test_cypher_parse__nesting_is_bounded),
        TEST(test_cypher_parse__lists_are_as_long_as_the_text),
        TEST(test_cypher_parse__chains_in_chains_are_bounded),
        TEST(test_cypher_parse__length_is_bounded),
        TEST(test_cypher_parse__changed_bytes),
        TEST(test_cypher_parse__spliced_queries),
        TEST(test_cypher_parse__each_allocation_may_fail),
        TEST(test_cypher_parse__asks_the_watch),
        TEST(test_cypher_parse__walking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
