/* Goal: statements get their meaning — variables, slots, kinds, columns — or the error that the language says, at its place. Method: queries
 * with the columns that they give, or detail, column and words of the error; trees looked into; all queries of the parser's list, changed
 * at random; each allocation failed. */
#include <stdio.h>

#include "cypher/sema/sema.h"

#include "unit/cypher/cypher_fixture.h"

/* ---- Procedures of the tests ------------------------------------------------------------------------------------------ */

#define FIELD(text, field_kinds, type)                                                             \
    {                                                                                              \
        .name = {(const uint8_t *)(text), sizeof(text) - 1},                                       \
        .kinds = (field_kinds) | SB_KIND_NULL, .type_text = (type)                                 \
    }
#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static const sb_procedure_field IN_FIELD[] = {FIELD("in", SB_KIND_INT, "INTEGER?")};
static const sb_procedure_field OUT_FIELD[] = {FIELD("out", SB_KIND_INT, "INTEGER?")};
static const sb_procedure_field REAL_FIELD[] = {FIELD("r", SB_KIND_FLOAT, "FLOAT?")};
static const sb_procedure_field SHOW_FIELDS[] = {FIELD("name", SB_KIND_STRING, "STRING?"),
                                                 FIELD("type", SB_KIND_STRING, "STRING?")};
static const sb_procedure PROCEDURES[] = {
    {.name = NAME("test.one"),
     .args = IN_FIELD,
     .arg_count = 1,
     .results = OUT_FIELD,
     .result_count = 1},
    {.name = NAME("test.real"),
     .args = REAL_FIELD,
     .arg_count = 1,
     .results = REAL_FIELD,
     .result_count = 1},
    {.name = NAME("test.none")},
    {.name = NAME("test.write"),
     .args = IN_FIELD,
     .arg_count = 1,
     .results = OUT_FIELD,
     .result_count = 1,
     .writes = true},
    {.name = NAME("show.indexes"), .results = SHOW_FIELDS, .result_count = 2},
};

static const sb_procedure *procedure_at(void *ctx, size_t i)
{
    (void)ctx;
    return i < sizeof PROCEDURES / sizeof PROCEDURES[0] ? &PROCEDURES[i] : NULL;
}

static const sb_procedure *find_procedure(void *ctx, sb_bytes name)
{
    for (size_t i = 0; procedure_at(ctx, i) != NULL; i++)
        if (sb_bytes_equal(PROCEDURES[i].name, name)) return &PROCEDURES[i];
    return NULL;
}

static const sb_sema_env ENV = {.find_procedure = find_procedure, .procedure_at = procedure_at};

static sb_status analyze(cypher_fixture *f, const char *text, uint32_t *slots)
{
    if (cypher_parse(f, text) != SB_OK) return f->err.code;
    assert_non_null(f->statement);
    return sb_sema_analyze(f->arena, f->statement, &ENV, NULL, slots, &f->err);
}

static void analyzed(cypher_fixture *f, const char *text)
{
    uint32_t slots;
    if (analyze(f, text, &slots) != SB_OK) print_error("%s\n%s\n", text, f->err.text);
    assert_int_equal(f->err.code, SB_OK);
}

/* ---- Tables ------------------------------------------------------------------------------------------------------------- */

typedef struct meaning {
    const char *text;
    const char *columns; /* separated by '|' */
} meaning;

static const meaning MEANINGS[] = {
    {"WITH 1 AS a, 2 AS b RETURN *", "a|b"},
    {"MATCH (a)-[r*2]->(b) RETURN r[0].x", "r[0].x"},
    {"MATCH (n) RETURN n.name AS a ORDER BY n.age", "a"},
    {"MATCH (n) RETURN n.name, count(*) ORDER BY n.name, count(*) DESC", "n.name|count(*)"},
    {"MATCH (n) RETURN n, count(*) ORDER BY n.x + count(*)", "n|count(*)"},
    {"MATCH (n) RETURN n.x, count(*) + n.x", "n.x|count(*) + n.x"},
    {"MATCH (n) RETURN n, count(*) + n.x", "n|count(*) + n.x"},
    {"MATCH (n) RETURN n, count(*) > 0 AND EXISTS { (n)-->() }",
     "n|count(*) > 0 AND EXISTS { (n)-->() }"},
    {"MATCH (n) CALL { WITH n MATCH (n)-->(m) RETURN m } RETURN n, m", "n|m"},
    {"MATCH (n) CALL { MATCH (n)-->(m) RETURN m } RETURN n, m", "n|m"},
    {"MATCH (n) CALL { WITH n RETURN n AS k UNION WITH n RETURN 1 AS k } RETURN k", "k"},
    {"MATCH (n) CALL { WITH * RETURN n.x AS x } RETURN x", "x"},
    {"MATCH (n) CALL (n) { WITH 1 AS y RETURN n.x AS z } RETURN z", "z"},
    {"MATCH (n) CALL (*) { RETURN n.x AS z } RETURN z", "z"},
    {"MATCH (n) WHERE EXISTS { MATCH (n)-->(m) WHERE m.x = n.x } RETURN n", "n"},
    {"MATCH (n) WHERE EXISTS { WITH 1 AS k MATCH (n)-->(m) WHERE m.x = k RETURN m } RETURN n", "n"},
    {"MATCH (a) ((x)-[r]->(y) WHERE x.n < y.n){1,3} (b) RETURN x, r, y, size(r)", "x|r|y|size(r)"},
    {"MATCH ((x)-[r]->(x)){1,3} RETURN x", "x"},
    {"MATCH ()-[r]->() MATCH (a)-[r]->(b) RETURN a", "a"},
    {"MATCH (a), (b) RETURN shortestPath((a)-[*]-(b)) AS p", "p"},
    {"MATCH (a) WHERE exists((a)-->()) AND NOT (a)<--() RETURN CASE WHEN (a)-->() THEN 1 END",
     "CASE WHEN (a)-->() THEN 1 END"},
    {"CREATE (a {x: 1})-[:R {y: a.x}]->(b {z: a.x})", ""},
    {"CREATE (a)-[:R]->(a)", ""},
    {"CREATE (a)-[:R]->(b), (a)-[:S]->(b)", ""},
    {"MERGE (a {x: $p})", ""},
    {"WITH null AS a MATCH (a) RETURN a", "a"},
    {"UNWIND $list AS a MATCH (a) RETURN a", "a"},
    {"MATCH (n) WITH collect(n) AS ns UNWIND ns AS m MATCH (m)-->(k) RETURN k", "k"},
    {"MATCH (n) WITH head(collect(n)) AS m MATCH (m)-->(k) RETURN k", "k"},
    {"RETURN date() + duration('P1D'), duration('P1D') * 2, date() - duration('P1D')",
     "date() + duration('P1D')|duration('P1D') * 2|date() - duration('P1D')"},
    {"RETURN -$p", "-$p"},
    {"RETURN 1 IN null", "1 IN null"},
    {"WITH 'x' AS s RETURN s[0..1]", "s[0..1]"},
    {"RETURN toUpper($p)", "toUpper($p)"},
    {"RETURN rand() + count(*)", "rand() + count(*)"},
    {"RETURN 1 LIMIT $n + 1", "1"},
    {"RETURN 1 LIMIT size([x IN [1, 2] | x])", "1"},
    {"RETURN 1 LIMIT toInteger(rand() * 3)", "1"},
    {"MATCH (n) DELETE [n][0]", ""},
    {"WITH {a: 1} AS m DELETE m.a", ""},
    {"MATCH (n) WHERE n.x RETURN n", "n"},
    {"WITH * RETURN 1", "1"},
    {"MATCH (n) RETURN n.x AS x, count(*) AS n ORDER BY n.x", "x|n"},
    {"MATCH (n) WITH n ORDER BY n.x LIMIT 1 WHERE n.y RETURN n", "n"},
    {"MATCH (a)-[r {x: b.y}]->(b) WHERE r.z = a.z RETURN r", "r"},
    {"OPTIONAL MATCH (a) WITH a MATCH (a)-->(b) RETURN b", "b"},
    {"MATCH (a) RETURN a IS :: INTEGER", "a IS :: INTEGER"},
    {"MATCH (n) WITH n AS m, count(*) AS c ORDER BY n RETURN c", "c"},
    {"MATCH (n) RETURN n.a.b, count(*) + n.a.b", "n.a.b|count(*) + n.a.b"},
    {"MATCH (n) RETURN COUNT { MATCH (m) WHERE m.x = n.x RETURN DISTINCT m.y } AS c", "c"},
    {"MATCH (n) WITH n.x AS x WHERE n.y > 1 RETURN x", "x"},
    {"MATCH (n) CALL test.one(n.x) YIELD out RETURN n, out", "n|out"},
    {"CALL test.one(1)", "out"},
    {"CALL test.one", "out"},
    {"CALL test.real(1) YIELD r RETURN r", "r"},
    {"CALL test.none()", ""},
    {"MATCH (n) CALL test.none() RETURN n", "n"},
    {"CALL test.one(1) YIELD *", "out"},
    {"CALL test.one(1) YIELD out WHERE out > 1 RETURN out", "out"},
    {"MATCH (n) CALL { CREATE (m) } IN TRANSACTIONS OF $rows ROWS", ""},
    {"SHOW INDEXES", "name|type"},
    {"SHOW INDEXES YIELD name AS n WHERE n = 'x' RETURN n, count(*) ORDER BY n", "n|count(*)"},
    {"CREATE INDEX FOR (n:A) ON (n.x)", ""},
    {"BEGIN", ""},
    {"MATCH (n) RETURN [(n)-[r]->(m) WHERE r.x = m.x | r.y] AS l", "l"},
    {"MATCH (n) RETURN [p = (n)-->() | length(p)] AS l", "l"},
    {"LOAD CSV WITH HEADERS FROM $url AS row RETURN row.x", "row.x"},
    {"MATCH (n) SET n[$k] = 2", ""},
    {"MATCH (n) OPTIONAL CALL (n) { MATCH (n)-->(m) RETURN m } RETURN m.x", "m.x"},
    {"UNWIND [1, 'a'] AS x RETURN x + 1", "x + 1"},
    {"RETURN [1, 2] + 'a', [1] || [2], 'a' || 'b'", "[1, 2] + 'a'|[1] || [2]|'a' || 'b'"},
    {"RETURN coalesce(1, null, 'a'), range(1, 2), keys({a: 1})",
     "coalesce(1, null, 'a')|range(1, 2)|keys({a: 1})"},
    {"MATCH (n) RETURN n.x AS x ORDER BY toLower(n.x), x, n.y", "x"},
    {"MATCH (n) RETURN DISTINCT n.x + 1 ORDER BY n.x + 1", "n.x + 1"},
    {"MATCH (n) RETURN n.x, count(*) AS c ORDER BY n.x + count(*)", "n.x|c"},
    {"MATCH (n) RETURN n.x, count(*) AS c ORDER BY toString(count(*)) + c", "n.x|c"},
    {"MATCH (n) RETURN n:A AS a, count(*) ORDER BY n:A", "a|count(*)"},
    {"MATCH (n) WITH DISTINCT n.x AS x WHERE n.x = 1 RETURN x", "x"},
    {"MATCH (n WHERE n.x > 1)-[r WHERE r.x = n.x]->(m:A|B) RETURN m", "m"},
    {"MATCH ANY SHORTEST ((a)-[:R]->+(b) WHERE a.x = b.x) RETURN a", "a"},
    {"WITH {x: 1} AS m RETURN m.x.y AS z", "z"},
    {"RETURN CASE 1 WHEN 'a' THEN 2 ELSE [] END + 1", "CASE 1 WHEN 'a' THEN 2 ELSE [] END + 1"},
    {"MATCH (n) DELETE n FINISH", ""},
    {"MATCH (n) RETURN n UNION ALL MATCH (n) RETURN n UNION ALL RETURN 1 AS n", "n"},
    {"CALL { RETURN 1 AS a UNION RETURN 'x' AS a } RETURN a + 1", "a + 1"},
};

static const char *columns_of(cypher_fixture *f)
{
    const sb_query *query = f->statement->query;
    sb_buffer_reset(&f->out);
    for (uint32_t i = 0; query != NULL && i < query->column_count; i++) {
        const sb_bytes name = query->columns[i]->name;
        if (i != 0) assert_int_equal(sb_buffer_append_byte(&f->out, '|'), SB_OK);
        assert_int_equal(sb_buffer_append(&f->out, name.data, name.size), SB_OK);
    }
    assert_int_equal(sb_buffer_append_byte(&f->out, 0), SB_OK);
    return (const char *)f->out.data;
}

static void test_cypher_sema__queries_have_their_columns(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    for (size_t i = 0; i < sizeof MEANINGS / sizeof MEANINGS[0]; i++) {
        analyzed(&f, MEANINGS[i].text);
        if (strcmp(columns_of(&f), MEANINGS[i].columns) != 0) print_error("%s\n", MEANINGS[i].text);
        assert_string_equal(columns_of(&f), MEANINGS[i].columns);
    }
    cypher_deinit(&f);
}

typedef struct fault {
    const char *text;
    uint32_t column;
    sb_cypher_error detail;
    const char *part;
} fault;

static const fault FAULTS[] = {
    {"MATCH (n) RETURN m", 18, SB_CYPHER_UNDEFINED_VARIABLE, "the variable 'm' is not defined"},
    {"MATCH (person) RETURN persn.name", 23, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'persn' is not defined: did"},
    {"MATCH (n) WITH n.x AS x RETURN n", 32, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'n' is not defined any more"},
    {"MATCH (n) RETURN DISTINCT n.name AS a ORDER BY n.age", 48, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'n' is not defined any more"},
    {"MATCH (n) RETURN n.name, count(*) AS c ORDER BY sum(n.x)", 53, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'n' is not defined any more"},
    {"MATCH (n) WITH 1 AS a RETURN [n IN [1] | n] + n", 47, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'n' is not defined any more"},
    {"MATCH (n) RETURN DISTINCT n.x AS n UNION RETURN n", 49, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'n' is not defined (line"},
    {"MATCH (n) ORDER BY n.x LIMIT 1", 11, SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
     "a query does not end with this clause:"},
    {"RETURN toBoolean(1.5)", 18, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "toBoolean() takes BOOLEAN, INTEGER or STRING here, this is FLOAT"},
    {"RETURN toString([1])", 17, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "toString() takes a value of another type here, this is LIST"},
    {"MATCH (n) RETURN n.x + 1, count(*) + n.x", 38, SB_CYPHER_AMBIGUOUS_AGGREGATION,
     "'n' stands beside an aggregation without"},
    {"MATCH (n) RETURN collect(n.x) + [x IN n.list | x]", 39, SB_CYPHER_AMBIGUOUS_AGGREGATION,
     "'n' stands beside an aggregation without"},
    {"MATCH (n) RETURN [x IN collect(n) | x.y + size(collect(n))]", 48,
     SB_CYPHER_INVALID_AGGREGATION, "an aggregation stands in the items of WITH"},
    {"MATCH (n) RETURN count(*) > 0 AND EXISTS { (n)-->() }", 44, SB_CYPHER_AMBIGUOUS_AGGREGATION,
     "'n' stands beside an aggregation without"},
    {"MATCH (n) RETURN size([(n)-->(m) | m]) + count(*)", 24, SB_CYPHER_AMBIGUOUS_AGGREGATION,
     "'n' stands beside an aggregation without"},
    {"MATCH (n) CALL { WITH n WITH 1 AS y RETURN n } RETURN 1", 44, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'n' is not defined any more"},
    {"MATCH (n) CALL (n) { RETURN n } RETURN 1", 29, SB_CYPHER_VARIABLE_ALREADY_BOUND,
     "the variable 'n' is bound already"},
    {"MATCH (n) CALL (q) { RETURN 1 AS z } RETURN 1", 11, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'q' is not defined"},
    {"MATCH (n) CALL () { RETURN n.x AS z } RETURN z", 28, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'n' is outside of CALL { }"},
    {"CALL { CALL { RETURN 1 AS x } IN TRANSACTIONS RETURN 2 AS y } RETURN y", 8,
     SB_CYPHER_INVALID_CLAUSE_COMPOSITION, "CALL { } IN TRANSACTIONS can not stand in"},
    {"MATCH (n) WHERE EXISTS { CREATE (m) } RETURN n", 26, SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
     "EXISTS, COUNT and COLLECT only read: they"},
    {"MATCH (n) RETURN COLLECT { MATCH (m) RETURN m.x, m.y }", 28,
     SB_CYPHER_INVALID_CLAUSE_COMPOSITION, "COLLECT { } takes a query that returns one"},
    {"MATCH (n) RETURN COLLECT { MATCH (m) }", 28, SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
     "a query does not end with this clause:"},
    {"MATCH (n)", 1, SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
     "a query does not end with this clause:"},
    {"MATCH (n) WITH n", 11, SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
     "a query does not end with this clause:"},
    {"UNWIND [1] AS x", 1, SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
     "a query does not end with this clause:"},
    {"CREATE (n) WITH n MATCH (m) CREATE (m)", 36, SB_CYPHER_VARIABLE_ALREADY_BOUND,
     "the variable 'm' is bound already"},
    {"RETURN 1 AS a UNION RETURN 2 AS a, 3 AS b", 21, SB_CYPHER_DIFFERENT_COLUMNS_IN_UNION,
     "the parts of a UNION return columns of the"},
    {"RETURN 1 AS a, 2 AS b UNION RETURN 2 AS b, 1 AS a", 29, SB_CYPHER_DIFFERENT_COLUMNS_IN_UNION,
     "the parts of a UNION return columns of the"},
    {"FOREACH (x IN [1] | MATCH (n) DELETE n)", 21, SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
     "in FOREACH stand CREATE, MERGE, SET,"},
    {"FOREACH (x IN [1] | CREATE (n {x: x})) RETURN n", 47, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'n' is not defined"},
    {"MATCH (n) FOREACH (n IN [1] | CREATE (m))", 20, SB_CYPHER_VARIABLE_ALREADY_BOUND,
     "the variable 'n' is bound already"},
    {"UNWIND [1] AS x UNWIND [2] AS x RETURN x", 31, SB_CYPHER_VARIABLE_ALREADY_BOUND,
     "the variable 'x' is bound already"},
    {"MATCH (n) LOAD CSV FROM 'x' AS n RETURN n", 32, SB_CYPHER_VARIABLE_ALREADY_BOUND,
     "the variable 'n' is bound already"},
    {"MATCH (a) ((a)-[r]->(y)){1,3} (b) RETURN a", 12, SB_CYPHER_VARIABLE_ALREADY_BOUND,
     "the variable 'a' is bound already"},
    {"MATCH (a)-[r]->(b), (c)-[r]->(d) RETURN r", 24, SB_CYPHER_RELATIONSHIP_UNIQUENESS_VIOLATION,
     "'r' is two relationships of one pattern,"},
    {"MATCH ()-[r]->() MATCH (a)-[r]->(b)-[r]->() RETURN a", 36,
     SB_CYPHER_RELATIONSHIP_UNIQUENESS_VIOLATION, "'r' is two relationships of one pattern,"},
    {"MATCH ()-[r]->() MATCH ()-[r*]->() RETURN 1", 26, SB_CYPHER_VARIABLE_TYPE_CONFLICT,
     "the variable 'r' is RELATIONSHIP, so it can"},
    {"MATCH p = shortestPath((a)-[*]-(b)-->(c)) RETURN p", 7, SB_CYPHER_UNEXPECTED_SYNTAX,
     "shortestPath takes a pattern of one"},
    {"MATCH (a) RETURN shortestPath((a)-[*]-(b)) AS p", 18, SB_CYPHER_UNDEFINED_VARIABLE,
     "shortestPath as a value needs both of its"},
    {"RETURN size((a)-->(b))", 13, SB_CYPHER_UNEXPECTED_SYNTAX,
     "a pattern is a predicate: it stands in"},
    {"MATCH (n) RETURN (n)-->()", 18, SB_CYPHER_UNEXPECTED_SYNTAX,
     "a pattern is a predicate: it stands in"},
    {"MATCH (n) SET n.x = (n)-->()", 21, SB_CYPHER_UNEXPECTED_SYNTAX,
     "a pattern is a predicate: it stands in"},
    {"CREATE (a:A|B)", 11, SB_CYPHER_UNEXPECTED_SYNTAX,
     "CREATE gives a node labels, :A:B: there is"},
    {"CREATE (a WHERE true)", 17, SB_CYPHER_UNEXPECTED_SYNTAX, "a pattern of CREATE has no WHERE"},
    {"MERGE (a WHERE a.x = 1)", 16, SB_CYPHER_UNEXPECTED_SYNTAX, "a pattern of MERGE has no WHERE"},
    {"MERGE (a)-[r:R WHERE r.x = 1]->()", 22, SB_CYPHER_UNEXPECTED_SYNTAX,
     "a pattern of MERGE has no WHERE"},
    {"UNWIND [1] AS x CALL { WITH x AS z RETURN z AS y } RETURN y", 29,
     SB_CYPHER_UNDEFINED_VARIABLE, "the variable 'x' is outside of CALL { }"},
    {"UNWIND [1] AS x CALL { RETURN x + 1 AS y } RETURN y", 31, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'x' is outside of CALL { }"},
    {"CREATE CONSTRAINT FOR ()-[r:R]-() REQUIRE r.x IS RELATIONSHIP KEY", 43,
     SB_CYPHER_UNEXPECTED_SYNTAX, "relationships have no keys"},
    {"CREATE CONSTRAINT FOR ()-[r:R]-() REQUIRE (r.x, r.y) IS KEY", 43, SB_CYPHER_UNEXPECTED_SYNTAX,
     "relationships have no keys"},
    {"CREATE CONSTRAINT FOR ()-[r:R]-() REQUIRE r.x IS NODE UNIQUE", 43,
     SB_CYPHER_UNEXPECTED_SYNTAX, "the pattern is of a relationship, the"},
    {"CREATE CONSTRAINT FOR (n:N) REQUIRE n.x IS RELATIONSHIP UNIQUE", 37,
     SB_CYPHER_UNEXPECTED_SYNTAX, "the pattern is of a node, the constraint of"},
    {"CREATE (a)-[:R*2]->()", 11, SB_CYPHER_CREATING_VAR_LENGTH,
     "CREATE makes single relationships, none of"},
    {"CREATE (a)-[:R]->{2}()", 11, SB_CYPHER_CREATING_VAR_LENGTH,
     "CREATE makes single relationships, none of"},
    {"CREATE ((a)-[:R]->(b)){2}", 8, SB_CYPHER_CREATING_VAR_LENGTH,
     "CREATE makes single relationships, none of"},
    {"CREATE (a {x: a.y})", 15, SB_CYPHER_UNDEFINED_VARIABLE, "the variable 'a' is not defined"},
    {"CREATE (a), (a)", 13, SB_CYPHER_VARIABLE_ALREADY_BOUND, "the variable 'a' is bound already"},
    {"MERGE (a)-[:R]->(b) ON CREATE SET b.x = c", 41, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'c' is not defined"},
    {"MERGE (a)-[r:R|S]->(b)", 10, SB_CYPHER_NO_SINGLE_RELATIONSHIP_TYPE,
     "MERGE needs the one type of the"},
    {"MERGE (a $p)", 10, SB_CYPHER_INVALID_PARAMETER_USE,
     "properties of a pattern are written out,"},
    {"WITH 1 AS a CREATE (a)-[:R]->()", 20, SB_CYPHER_VARIABLE_TYPE_CONFLICT,
     "the variable 'a' is INTEGER, so it can not"},
    {"WITH [1] AS a MATCH (a) RETURN a", 21, SB_CYPHER_VARIABLE_TYPE_CONFLICT,
     "the variable 'a' is LIST, so it can not be"},
    {"MATCH (n) WITH collect(n.x) AS xs UNWIND xs AS x MATCH (x) RETURN x", 56,
     SB_CYPHER_VARIABLE_TYPE_CONFLICT, "the variable 'x' is a value of another"},
    {"MATCH (n) RETURN n + 1", 18, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "there is no + of NODE and INTEGER"},
    {"RETURN 'a' * 2", 8, SB_CYPHER_INVALID_ARGUMENT_TYPE, "there is no * of STRING and INTEGER"},
    {"RETURN true + 1", 8, SB_CYPHER_INVALID_ARGUMENT_TYPE, "there is no + of BOOLEAN and INTEGER"},
    {"RETURN date() - date()", 8, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "there is no - of DATE and DATE"},
    {"RETURN -'a'", 9, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "- needs INTEGER, FLOAT or DURATION, this is"},
    {"RETURN 1 AND true", 8, SB_CYPHER_INVALID_ARGUMENT_TYPE, "AND needs BOOLEAN, this is INTEGER"},
    {"RETURN $p AND 1", 15, SB_CYPHER_INVALID_ARGUMENT_TYPE, "AND needs BOOLEAN, this is INTEGER"},
    {"RETURN 1 IN 2", 13, SB_CYPHER_INVALID_ARGUMENT_TYPE, "IN needs LIST, this is INTEGER"},
    {"RETURN [1, 2].x", 8, SB_CYPHER_ARGUMENT_TYPE, "this is LIST, which has no properties"},
    {"WITH 'x' AS s RETURN s[0]", 22, SB_CYPHER_ARGUMENT_TYPE,
     "this is STRING, which has no items"},
    {"RETURN {a: 1}[0]", 15, SB_CYPHER_MAP_ELEMENT_ACCESS_BY_NON_STRING,
     "a MAP is indexed by a STRING, this is"},
    {"RETURN [1]['a']", 12, SB_CYPHER_LIST_ELEMENT_ACCESS_BY_NON_INTEGER,
     "a LIST is indexed by an INTEGER, this is"},
    {"RETURN toUper('x')", 8, SB_CYPHER_UNKNOWN_FUNCTION,
     "there is no function 'toUper': did you mean"},
    {"RETURN toUpper(1, 2)", 8, SB_CYPHER_INVALID_NUMBER_OF_ARGUMENTS,
     "toUpper() takes 1 argument, here are 2"},
    {"RETURN coalesce()", 8, SB_CYPHER_INVALID_NUMBER_OF_ARGUMENTS,
     "coalesce() takes at least 1 argument, here are 0"},
    {"RETURN substring('a')", 8, SB_CYPHER_INVALID_NUMBER_OF_ARGUMENTS,
     "substring() takes 2 to 3 arguments, here is 1"},
    {"RETURN toUpper(1)", 16, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "toUpper() takes STRING here, this is INTEGER"},
    {"RETURN count(DISTINCT 1), toUpper(DISTINCT 'x')", 27, SB_CYPHER_UNEXPECTED_SYNTAX,
     "DISTINCT is for aggregations, toUpper() is"},
    {"RETURN sum(count(*))", 12, SB_CYPHER_NESTED_AGGREGATION,
     "an aggregation can not be in the argument"},
    {"RETURN count(rand())", 14, SB_CYPHER_NON_CONSTANT_EXPRESSION,
     "rand() gives another value each time: it"},
    {"MATCH (n) WHERE count(*) > 1 RETURN n", 17, SB_CYPHER_INVALID_AGGREGATION,
     "an aggregation stands in the items of WITH"},
    {"MATCH (n) SET n.x = count(*)", 21, SB_CYPHER_INVALID_AGGREGATION,
     "an aggregation stands in the items of WITH"},
    {"UNWIND collect(1) AS x RETURN x", 8, SB_CYPHER_INVALID_AGGREGATION,
     "an aggregation stands in the items of WITH"},
    {"MATCH (n) DELETE count(n)", 18, SB_CYPHER_INVALID_AGGREGATION,
     "an aggregation stands in the items of WITH"},
    {"RETURN 1 SKIP 1 LIMIT -1", 23, SB_CYPHER_NEGATIVE_INTEGER_ARGUMENT,
     "LIMIT is a number of rows, from 0 on"},
    {"RETURN 1 LIMIT 1.5", 16, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "LIMIT needs INTEGER, this is FLOAT"},
    {"RETURN 1 LIMIT null", 16, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "LIMIT needs INTEGER, this is null"},
    {"RETURN 1 LIMIT 'a'", 16, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "LIMIT needs INTEGER, this is STRING"},
    {"RETURN 1 AS x LIMIT x", 21, SB_CYPHER_NON_CONSTANT_EXPRESSION,
     "LIMIT is one number for all rows: it can"},
    {"RETURN 1 LIMIT EXISTS { MATCH (n) }", 16, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "LIMIT needs INTEGER, this is BOOLEAN"},
    {"MATCH (n) DELETE n.x", 18, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "DELETE needs NODE, RELATIONSHIP or PATH,"},
    {"MATCH (n) DELETE n:A", 18, SB_CYPHER_INVALID_DELETE,
     "DELETE is for nodes and relationships;"},
    {"MATCH (n) REMOVE n.x, n:A SET n = 1", 35, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "SET needs MAP, NODE or RELATIONSHIP, this"},
    {"MATCH ()-[r]->() SET r:A", 22, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "SET needs NODE, this is RELATIONSHIP"},
    {"WITH 1 AS x SET x.y = 2", 17, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "SET needs NODE or RELATIONSHIP, this is"},
    {"MATCH (n) SET n += [1]", 20, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "SET needs MAP, NODE or RELATIONSHIP, this"},
    {"MATCH (n) WHERE n RETURN n", 17, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "a predicate needs BOOLEAN, this is NODE"},
    {"MATCH (n) WHERE 1 RETURN n", 17, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "a predicate needs BOOLEAN, this is INTEGER"},
    {"MATCH (n) RETURN n {.x, y: m.z}", 28, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'm' is not defined"},
    {"MATCH (n) RETURN 1 {.x}", 20, SB_CYPHER_UNEXPECTED_SYNTAX,
     "unexpected '{': expected the end of the"},
    {"WITH 1 AS x RETURN x {.y}", 20, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "a map projection needs MAP, NODE or RELATIONSHIP"},
    {"RETURN CASE WHEN 1 THEN 2 END", 18, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "WHEN needs BOOLEAN, this is INTEGER"},
    {"RETURN reduce(s = 0, x IN [1] | s + y)", 37, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'y' is not defined"},
    {"RETURN [x IN [1] WHERE x]", 24, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "a predicate needs BOOLEAN, this is INTEGER"},
    {"RETURN all(x IN 1 WHERE x)", 17, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "a quantifier needs LIST, this is INTEGER"},
    {"RETURN [x IN [1] | x] AS x, x", 29, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'x' is not defined"},
    {"WITH 1 AS x, 2 AS x RETURN x", 19, SB_CYPHER_COLUMN_NAME_CONFLICT,
     "there are two columns 'x'"},
    {"RETURN 1, 1", 11, SB_CYPHER_COLUMN_NAME_CONFLICT, "there are two columns '1'"},
    {"RETURN *", 1, SB_CYPHER_NO_VARIABLES_IN_SCOPE,
     "RETURN * needs variables, and there are none"},
    {"MATCH (n) WITH n, n.x RETURN n", 19, SB_CYPHER_NO_EXPRESSION_ALIAS,
     "in WITH an expression needs a name: … AS"},
    {"MATCH (n) RETURN *, 1 AS n", 26, SB_CYPHER_COLUMN_NAME_CONFLICT, "there are two columns 'n'"},
    {"EXPLAIN MATCH (n) RETURN k", 26, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'k' is not defined"},
    {"MATCH (n) RETURN n:A OR n.x:B", 25, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "a label needs NODE or RELATIONSHIP, this is"},
    {"RETURN 1:A", 8, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "a label needs NODE or RELATIONSHIP, this is"},
    {"MATCH p = (a)-->(b) RETURN p.x", 28, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "this is PATH, which has no properties"},
    {"MATCH (n) WITH count(n) AS x WHERE n.y > 1 RETURN x", 36, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'n' is not defined"},
    {"MATCH (n) WITH n, count(*) AS c WHERE count(*) > 1 RETURN c", 39,
     SB_CYPHER_INVALID_AGGREGATION, "an aggregation stands in the items of WITH"},
    {"MATCH (n) CALL test.one YIELD out RETURN out", 11, SB_CYPHER_INVALID_ARGUMENT_PASSING_MODE,
     "test.one takes arguments: within a query"},
    {"CALL test.one(1, 2)", 1, SB_CYPHER_INVALID_NUMBER_OF_ARGUMENTS,
     "test.one takes 1 argument, here are 2"},
    {"CALL test.one('x') YIELD out RETURN out", 15, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "the argument 'in' of test.one is INTEGER?,"},
    {"CALL test.one(1.5)", 15, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "the argument 'in' of test.one is INTEGER?,"},
    {"CALL test.onne(1)", 1, SB_CYPHER_PROCEDURE_NOT_FOUND,
     "there is no procedure 'test.onne': did you"},
    {"CALL nothing.like.it()", 1, SB_CYPHER_PROCEDURE_NOT_FOUND,
     "there is no procedure 'nothing.like.it'"},
    {"CALL test.one(1) YIELD ot RETURN ot", 24, SB_CYPHER_UNDEFINED_VARIABLE,
     "test.one has no result 'ot': did you mean"},
    {"CALL test.one(1) YIELD foo RETURN foo", 24, SB_CYPHER_UNDEFINED_VARIABLE,
     "test.one has no result 'foo'"},
    {"CALL test.one(1) YIELD out AS a, out AS a RETURN a", 41, SB_CYPHER_VARIABLE_ALREADY_BOUND,
     "the variable 'a' is bound already"},
    {"WITH 1 AS out CALL test.one(1) YIELD out RETURN out", 38, SB_CYPHER_VARIABLE_ALREADY_BOUND,
     "the variable 'out' is bound already"},
    {"CALL test.one(1) YIELD * RETURN out", 1, SB_CYPHER_UNEXPECTED_SYNTAX,
     "YIELD * is for a CALL that is the whole"},
    {"CALL test.one(count(*)) YIELD out RETURN out", 15, SB_CYPHER_INVALID_AGGREGATION,
     "an aggregation stands in the items of WITH"},
    {"CALL test.one(1) YIELD out WHERE x > 1 RETURN out", 34, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'x' is not defined"},
    {"CALL test.one(1) RETURN out", 25, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'out' is not defined"},
    {"MATCH (n) CALL { CREATE (m) } IN TRANSACTIONS OF n.x ROWS", 50,
     SB_CYPHER_NON_CONSTANT_EXPRESSION, "the number can not depend on a row"},
    {"MATCH (n) CALL { CREATE (m) } IN TRANSACTIONS OF 0 ROWS", 50,
     SB_CYPHER_NEGATIVE_INTEGER_ARGUMENT, "the number is at least 1"},
    {"CALL { CREATE () } IN 0 CONCURRENT TRANSACTIONS", 23, SB_CYPHER_NEGATIVE_INTEGER_ARGUMENT,
     "the number is at least 1"},
    {"CALL { CREATE () } IN TRANSACTIONS REPORT STATUS AS s", 53,
     SB_CYPHER_INVALID_CLAUSE_COMPOSITION, "ON ERROR CONTINUE"},
    {"WITH 1 AS s CALL { CREATE () } IN TRANSACTIONS ON ERROR BREAK REPORT STATUS AS s RETURN s",
     80, SB_CYPHER_VARIABLE_ALREADY_BOUND, "s"},
    {"MATCH (n:$(1)) RETURN n", 12, SB_CYPHER_INVALID_ARGUMENT_TYPE, "dynamic label"},
    {"MATCH (n:$(x)) RETURN n", 12, SB_CYPHER_UNDEFINED_VARIABLE, "x"},
    {"CREATE (n:$(n.x))", 13, SB_CYPHER_UNDEFINED_VARIABLE, "n"},
    {"CREATE (n:$any(['a']))", 11, SB_CYPHER_UNEXPECTED_SYNTAX, "nothing to choose"},
    {"CREATE ()-[:$any(['a'])]->()", 10, SB_CYPHER_NO_SINGLE_RELATIONSHIP_TYPE, "one type"},
    {"MATCH (a)-[:$('R')*1..2]->(b) RETURN a", 13, SB_CYPHER_INVALID_RELATIONSHIP_PATTERN,
     "variable length"},
    {"MATCH (n) SET n:$(1)", 19, SB_CYPHER_INVALID_ARGUMENT_TYPE, "dynamic label"},
    {"MATCH REPEATABLE ELEMENTS (a)-[*]->(b) RETURN a", 30, SB_CYPHER_INVALID_RELATIONSHIP_PATTERN,
     "upper bound"},
    {"MATCH REPEATABLE ELEMENTS (a)-->+(b) RETURN a", 30, SB_CYPHER_INVALID_RELATIONSHIP_PATTERN,
     "upper bound"},
    {"MATCH REPEATABLE ELEMENTS ANY SHORTEST (a)-->{1,3}(b) RETURN a", 27,
     SB_CYPHER_INVALID_CLAUSE_COMPOSITION, "selector"},
    {"MATCH (n) LET m = count(n) RETURN m", 19, SB_CYPHER_INVALID_AGGREGATION, "count"},
    {"MATCH (n) LET n = 1 RETURN n", 15, SB_CYPHER_COLUMN_NAME_CONFLICT, "n"},
    {"LET x = 1, y = x RETURN y", 16, SB_CYPHER_UNDEFINED_VARIABLE, "x"},
    {"MATCH (n) FILTER count(n) > 1 RETURN n", 18, SB_CYPHER_INVALID_AGGREGATION, "count"},
    {"MATCH (n) CALL { CREATE (m) } IN TRANSACTIONS OF 'x' ROWS", 50,
     SB_CYPHER_INVALID_ARGUMENT_TYPE, "IN TRANSACTIONS OF needs INTEGER, this is"},
    {"SHOW INDEXES YIELD nam", 20, SB_CYPHER_UNDEFINED_VARIABLE,
     "show.indexes has no result 'nam': did you"},
    {"SHOW FUNCTIONS", 1, SB_CYPHER_PROCEDURE_NOT_FOUND, "there is no procedure 'show.functions'"},
    {"MATCH (n) WHERE (n)-[r]->() RETURN n", 20, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'r' is not defined"},
    {"MATCH (n), (p) RETURN [p = (n)-->() | 1]", 28, SB_CYPHER_VARIABLE_ALREADY_BOUND,
     "the variable 'p' is bound already"},
    {"MATCH (n) RETURN [(n)-->(m $p) | 1]", 28, SB_CYPHER_INVALID_PARAMETER_USE,
     "properties of a pattern are written out,"},
    {"MATCH (n) RETURN [(n)-->(m) | m], m", 35, SB_CYPHER_UNDEFINED_VARIABLE,
     "the variable 'm' is not defined"},
    {"LOAD CSV FROM 1 AS row RETURN row", 15, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "LOAD CSV needs STRING, this is INTEGER"},
    {"LOAD CSV FROM 'x' AS row FIELDTERMINATOR 1 RETURN row", 42, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "FIELDTERMINATOR needs STRING, this is"},
    {"MATCH (n) SET n[1] = 2", 17, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "a property's name needs STRING, this is"},
    {"RETURN [1] || 2", 8, SB_CYPHER_INVALID_ARGUMENT_TYPE, "there is no || of LIST and INTEGER"},
    {"RETURN none(x IN ['a'] WHERE x % 2 = 0)", 30, SB_CYPHER_INVALID_ARGUMENT_TYPE,
     "there is no % of STRING and INTEGER"},
    {"MATCH (n) RETURN n.x + 1, count(*) AS c ORDER BY n.x + 1 + count(*)", 50,
     SB_CYPHER_AMBIGUOUS_AGGREGATION, "beside an aggregation stand variables and"},
    {"MATCH (n) RETURN n.x, count(*) AS c ORDER BY min(c)", 46, SB_CYPHER_INVALID_AGGREGATION,
     "ORDER BY can not aggregate: make it a"},
    {"MATCH (n) RETURN n.x ORDER BY count(*)", 31, SB_CYPHER_INVALID_AGGREGATION,
     "an aggregation stands in the items of WITH"},
    {"MATCH (n) RETURN COUNT(*), Count(*) AS b ORDER BY cOUNT(n), b", 57,
     SB_CYPHER_UNDEFINED_VARIABLE, "the variable 'n' is not defined"},
    {"MATCH (a)-->(b) MATCH p = (a)-->(b) MATCH p = (b)-->(a) RETURN p", 43,
     SB_CYPHER_VARIABLE_ALREADY_BOUND, "the variable 'p' is bound already"},
    {"RETURN $p.x[0][1..2].y, $p:A", 8, SB_CYPHER_ARGUMENT_TYPE,
     "this is STRING or LIST, which has no"},
    {"MATCH (n WHERE count(*) > 1) RETURN n", 16, SB_CYPHER_INVALID_AGGREGATION,
     "an aggregation stands in the items of WITH"},
    {"MATCH ANY SHORTEST (p = (a)-->(b)) RETURN a", 21, SB_CYPHER_UNEXPECTED_SYNTAX,
     "a path variable names a whole pattern"},
    {"MATCH ANY SHORTEST ((a)-[:R]->+(b) WHERE a.x = c.x) RETURN a", 48,
     SB_CYPHER_UNDEFINED_VARIABLE, "the variable 'c' is not defined"},
    {"MATCH (n) WHERE EXISTS { CALL test.write(1) YIELD out RETURN out } RETURN n", 26,
     SB_CYPHER_INVALID_CLAUSE_COMPOSITION, "only read"},
};

static void test_cypher_sema__faults_are_told_where_they_are(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
        const fault *x = &FAULTS[i];
        uint32_t slots;
        const sb_status st = analyze(&f, x->text, &slots);
        if (st == SB_OK) print_error("no error: %s\n", x->text);
        assert_int_not_equal(st, SB_OK);
        cypher_assert_error(&f, x->text, x->detail, x->part);
        if (f.err.column != x->column) print_error("%s\n%s\n", x->text, f.err.text);
        assert_int_equal(f.err.column, x->column);
    }
    cypher_deinit(&f);
}

/* ---- What trees get ------------------------------------------------------------------------------------------------------- */

static sb_clause *clause_at(const cypher_fixture *f, uint32_t i)
{
    assert_true(i < f->statement->query->parts[0]->count);
    return f->statement->query->parts[0]->clauses[i];
}

static void test_cypher_sema__places_bind_or_read(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    analyzed(&f, "MATCH (a)-[r]->(b)-->(a) MATCH (b)-[r]->(c) RETURN a");
    const sb_pattern_part *first = clause_at(&f, 0)->as.match.pattern.parts[0];
    const sb_pattern_part *second = clause_at(&f, 1)->as.match.pattern.parts[0];
    assert_true(first->start->binds);
    assert_true(first->steps[0].rel->binds);
    assert_true(first->steps[1].rel->binds); /* anonymous */
    assert_false(first->steps[1].node->binds);
    assert_ptr_equal(first->steps[1].node->var, first->start->var);
    assert_false(second->start->binds);
    assert_ptr_equal(second->start->var, first->steps[0].node->var);
    assert_false(second->steps[0].rel->binds);
    assert_ptr_equal(second->steps[0].rel->var, first->steps[0].rel->var);
    assert_true(second->steps[0].node->binds);
    assert_int_equal(first->steps[0].rel->var->kinds, SB_KIND_REL);
    cypher_deinit(&f);
}

/* Each variable has a slot of its own, and slots have no gaps. */
static void test_cypher_sema__slots_count_up(void **state)
{
    (void)state;
    cypher_fixture f;
    uint32_t slots;
    cypher_init(&f);
    assert_int_equal(
        analyze(&f, "MATCH (a)-[r*]->() WITH a, [x IN r | x] AS l UNWIND l AS u RETURN a, u",
                &slots),
        SB_OK);
    /* a, r, the anonymous node; x; a, l of WITH; u; a, u of RETURN */
    assert_int_equal(slots, 9);
    const sb_projection *with = &clause_at(&f, 1)->as.projection;
    assert_ptr_not_equal(with->items[0].var, with->items[0].expr->var);
    assert_int_equal(clause_at(&f, 2)->as.unwind.var->kinds, SB_KIND_REL);
    cypher_deinit(&f);
}

static void test_cypher_sema__new_variables_take_the_next_slot(void **state)
{
    (void)state;
    cypher_fixture f;
    uint32_t slots = 5;
    cypher_init(&f);
    const sb_var *var = sb_sema_new_var(f.arena, &slots, SB_KIND_INT | SB_KIND_NULL);
    assert_non_null(var);
    assert_int_equal(var->slot, 5);
    assert_int_equal(slots, 6);
    assert_true(var->nullable);
    cypher_deinit(&f);
}

static void test_cypher_sema__optional_matches_may_be_null(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    analyzed(&f, "MATCH (a) OPTIONAL MATCH p = (a)-[r]->(b) RETURN *");
    const sb_pattern_part *part = clause_at(&f, 1)->as.match.pattern.parts[0];
    assert_false(part->start->var->nullable);
    assert_true(part->steps[0].rel->var->nullable);
    assert_true(part->steps[0].node->var->nullable);
    assert_true(part->var->nullable);
    assert_int_equal(part->var->kinds, SB_KIND_PATH | SB_KIND_NULL);
    cypher_deinit(&f);
}

static void test_cypher_sema__quantified_parts_have_group_variables(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    analyzed(
        &f,
        "MATCH (a) ((x {k: a.k})-[r]->(y) WHERE x.n < y.n){1,3} (b) WHERE size(r) > 1 RETURN x");
    const sb_clause *match = clause_at(&f, 0);
    const sb_quantified *q = match->as.match.pattern.parts[0]->steps[0].quantified;
    assert_int_equal(q->group_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(q->groups[i].outer->kinds, SB_KIND_LIST);
        assert_int_equal(q->groups[i].outer->items,
                         i == 0 ? SB_KIND_REL : SB_KIND_NODE); /* r, x, y */
        assert_true(sb_bytes_equal(q->groups[i].outer->name, q->groups[i].inner->name));
    }
    assert_ptr_equal(q->where->args[0]->args[0]->var, q->groups[1].inner);
    assert_ptr_equal(match->as.match.where->args[0]->args[0]->var, q->groups[0].outer);
    assert_ptr_equal(cypher_returned(&f, 0)->var, q->groups[1].outer);
    cypher_deinit(&f);
}

static void test_cypher_sema__imports_are_shared(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    analyzed(
        &f,
        "MATCH (a), (b), (c) CALL { WITH b, a RETURN 1 AS x UNION WITH a RETURN 2 AS x } RETURN x");
    sb_clause *call = clause_at(&f, 1);
    assert_int_equal(call->as.subquery.import_var_count, 2);
    assert_bytes(call->as.subquery.import_vars[0]->name, "a");
    assert_bytes(call->as.subquery.import_vars[1]->name, "b");
    analyzed(&f, "MATCH (a), (b) CALL (b) { RETURN b.x AS x } RETURN x");
    call = clause_at(&f, 1);
    assert_int_equal(call->as.subquery.import_var_count, 1);
    const sb_projection *inner = &call->as.subquery.query->parts[0]->clauses[0]->as.projection;
    assert_ptr_equal(inner->items[0].expr->args[0]->var, call->as.subquery.import_vars[0]);
    assert_ptr_equal(call->as.subquery.query->columns[0], inner->items[0].var);
    cypher_deinit(&f);
}

static void test_cypher_sema__stars_are_expanded_by_name(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    analyzed(&f, "MATCH (b)-->(a) WITH *, a.x AS c RETURN *, 1 AS z");
    assert_string_equal(columns_of(&f), "a|b|c|z");
    assert_int_equal(clause_at(&f, 1)->as.projection.star_count, 2);
    assert_string_equal(cypher_print(&f), "MATCH (b)-->(a) WITH *, a.x AS c RETURN *, 1 AS z");
    cypher_deinit(&f);
}

static void test_cypher_sema__unions_have_columns_of_their_own(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    analyzed(&f, "RETURN 1 AS a UNION RETURN 'x' AS a");
    const sb_query *query = f.statement->query;
    assert_int_equal(query->columns[0]->kinds, SB_KIND_INT | SB_KIND_STRING);
    for (uint32_t i = 0; i < 2; i++)
        assert_ptr_not_equal(query->columns[0],
                             query->parts[i]->clauses[0]->as.projection.items[0].var);
    cypher_deinit(&f);
}

static void test_cypher_sema__order_reads_columns(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    analyzed(&f, "MATCH (n) RETURN n.x, count(*) AS c ORDER BY count(*) + n.x, n.x");
    const sb_projection *p = &clause_at(&f, 1)->as.projection;
    assert_true(p->aggregates);
    assert_ptr_equal(p->order[0].expr->args[0]->var, p->items[1].var);
    assert_ptr_equal(p->order[0].expr->args[1]->var, p->items[0].var);
    assert_ptr_equal(p->order[1].expr->var, p->items[0].var);
    /* Where all is seen, a column hides the variable of its name. */
    analyzed(&f, "MATCH (a), (b) RETURN a.x AS b ORDER BY b, a.y");
    p = &clause_at(&f, 1)->as.projection;
    assert_ptr_equal(p->order[0].expr->var, p->items[0].var);
    assert_ptr_equal(p->order[1].expr->args[0]->var,
                     clause_at(&f, 0)->as.match.pattern.parts[0]->start->var);
    cypher_deinit(&f);
}

static void assert_kinds(cypher_fixture *f, const char *expression, uint32_t kinds, uint32_t items)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "MATCH (n)-[r]->() OPTIONAL MATCH (o) WITH n, r, o, 1 AS i, 'x' AS s RETURN %s",
                   expression);
    analyzed(f, text);
    const sb_expr *e = cypher_returned(f, 0);
    if (e->kinds != kinds) print_error("%s: %x\n", expression, (unsigned)e->kinds);
    assert_int_equal(e->kinds, kinds);
    if (items != 0) assert_int_equal(e->items, items);
}

static void test_cypher_sema__kinds(void **state)
{
    (void)state;
    cypher_fixture f;
    const uint32_t null = SB_KIND_NULL;
    cypher_init(&f);
    assert_kinds(&f, "null", null, 0);
    assert_kinds(&f, "1 + 1", SB_KIND_INT, 0);
    assert_kinds(&f, "1 + 1.0", SB_KIND_FLOAT, 0);
    assert_kinds(&f, "1 / 2", SB_KIND_INT, 0);
    assert_kinds(&f, "2 ^ 2", SB_KIND_FLOAT, 0);
    assert_kinds(&f, "$p * 2", SB_KIND_NUMBER | SB_KIND_DURATION | null, 0);
    assert_kinds(&f, "s + i", SB_KIND_STRING, 0);
    assert_kinds(&f, "[1, 's']", SB_KIND_LIST, SB_KIND_INT | SB_KIND_STRING);
    assert_kinds(&f, "[1] + 's'", SB_KIND_LIST | SB_KIND_STRING, SB_KIND_INT | SB_KIND_STRING);
    assert_kinds(&f, "[n][0]", SB_KIND_NODE | null, 0);
    assert_kinds(&f, "o", SB_KIND_NODE | null, 0);
    assert_kinds(&f, "o.x IS NULL", SB_KIND_BOOL, 0);
    assert_kinds(&f, "NOT (i = 1)", SB_KIND_BOOL | null, 0);
    assert_kinds(&f, "i = 1 AND true", SB_KIND_BOOL | null, 0);
    assert_kinds(&f, "n:A", SB_KIND_BOOL, 0);
    assert_kinds(&f, "o:A", SB_KIND_BOOL | null, 0);
    assert_kinds(&f, "CASE WHEN i = 1 THEN 1 ELSE 's' END", SB_KIND_INT | SB_KIND_STRING, 0);
    assert_kinds(&f, "CASE i WHEN 1 THEN 1 END", SB_KIND_INT | null, 0);
    assert_kinds(&f, "[x IN [1] | x + 0.5]", SB_KIND_LIST, SB_KIND_FLOAT);
    assert_kinds(&f, "[x IN [1] WHERE x > 1]", SB_KIND_LIST, SB_KIND_INT);
    assert_kinds(&f, "[(n)-->(m) | m]", SB_KIND_LIST, SB_KIND_NODE);
    assert_kinds(&f, "[p = (n)-->() | p]", SB_KIND_LIST, SB_KIND_PATH);
    assert_kinds(&f, "EXISTS { (n)-->() }", SB_KIND_BOOL, 0);
    assert_kinds(&f, "COUNT { (n)-->() }", SB_KIND_INT, 0);
    assert_kinds(&f, "COLLECT { MATCH (m) RETURN m }", SB_KIND_LIST, SB_KIND_NODE);
    assert_kinds(&f, "collect(n)", SB_KIND_LIST | null, SB_KIND_NODE);
    assert_kinds(&f, "head(collect(r))", SB_KIND_REL | null, 0);
    assert_kinds(&f, "coalesce(o, 1)", SB_KIND_NODE | SB_KIND_INT | null, 0);
    assert_kinds(&f, "count(*)", SB_KIND_INT, 0);
    assert_kinds(&f, "n {.x}", SB_KIND_MAP, 0);
    assert_kinds(&f, "-i", SB_KIND_INT, 0);
    assert_kinds(&f, "[1, 2][0..1]", SB_KIND_LIST | null, SB_KIND_INT);
    cypher_deinit(&f);
}

static void test_cypher_sema__constants(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    analyzed(
        &f,
        "MATCH (n) RETURN 1 + $p, [1, {a: $b}], toUpper('x'), n.x, rand(), [x IN [1] | 2], n:A");
    for (uint32_t i = 0; i < 7; i++)
        assert_int_equal(cypher_returned(&f, i)->constant, i < 3);
    cypher_deinit(&f);
}

static void test_cypher_sema__writes(void **state)
{
    (void)state;
    static const char *const writing[] = {"CREATE (n)",
                                          "MERGE (n)",
                                          "MATCH (n) SET n.x = 1",
                                          "MATCH (n) REMOVE n.x",
                                          "MATCH (n) DELETE n",
                                          "FOREACH (x IN [1] | CREATE (n))",
                                          "CALL test.write(1)",
                                          "MATCH (n) CALL { CREATE (m) } RETURN n",
                                          "RETURN 1 AS a UNION CREATE (n) RETURN 2 AS a"};
    cypher_fixture f;
    cypher_init(&f);
    for (size_t i = 0; i < sizeof writing / sizeof writing[0]; i++) {
        analyzed(&f, writing[i]);
        assert_true(f.statement->query->writes);
    }
    analyzed(&f, "MATCH (n) CALL { RETURN 1 AS x } CALL test.one(1) YIELD out RETURN n");
    assert_false(f.statement->query->writes);
    cypher_deinit(&f);
}

static void test_cypher_sema__implicit_arguments_are_parameters(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    analyzed(&f, "CALL test.one");
    assert_int_equal(f.statement->param_count, 1);
    assert_bytes(f.statement->params[0], "in");
    const sb_clause *call = clause_at(&f, 0);
    assert_int_equal(call->as.call.arg_count, 1);
    assert_int_equal(call->as.call.args[0]->kind, SB_EXPR_PARAM);
    assert_ptr_equal(call->as.call.procedure, &PROCEDURES[0]);
    cypher_deinit(&f);
}

static void test_cypher_sema__exists_of_a_pattern_is_the_pattern(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    analyzed(&f, "MATCH (n) RETURN Exists((n)-->()), exists(n.x)");
    assert_int_equal(cypher_returned(&f, 0)->kind, SB_EXPR_PATTERN);
    assert_int_equal(cypher_returned(&f, 1)->kind, SB_EXPR_CALL);
    cypher_deinit(&f);
}

static void count_reads(void *ctx, const sb_var *var, sb_span span)
{
    (void)span;
    if (sb_bytes_equal(var->name, sb_bytes_of("n", 1))) ++*(int *)ctx;
}

static void test_cypher_sema__reads_of_variables(void **state)
{
    (void)state;
    cypher_fixture f;
    int count = 0;
    cypher_init(&f);
    analyzed(
        &f,
        "MATCH (n) RETURN n.x + [n IN [n] | n][0] > COUNT { MATCH (n)-->(m {x: n.x}) CALL (n) { "
        "RETURN n.z AS z } RETURN z }");
    sb_expr_read_vars(cypher_returned(&f, 0), count_reads, &count);
    /* n.x, [n], the comprehension's own n, the place in the pattern, {x: n.x}, the import, n.z */
    assert_int_equal(count, 7);
    cypher_deinit(&f);
}

/* ---- Robustness ---------------------------------------------------------------------------------------------------------------- */

static const char *const QUERIES[] = {
#define QUERY(text, printed) text,
#include "unit/cypher/queries.def"
#undef QUERY
};
#define QUERY_COUNT (sizeof QUERIES / sizeof QUERIES[0])

/* Every answer but a crash, a leak, an error without a place. */
static void check_any(cypher_fixture *f, const char *text)
{
    uint32_t slots;

    if (cypher_parse(f, text) != SB_OK || f->statement == NULL) return;
    const sb_status st = sb_sema_analyze(f->arena, f->statement, &ENV, NULL, &slots, &f->err);
    assert_int_equal(st, f->err.code);
    if (st != SB_OK) assert_true(f->err.detail != 0 && f->err.line > 0);
}

static void test_cypher_sema__spliced_queries(void **state)
{
    (void)state;
    cypher_fixture f;
    sb_random random = test_random(21);
    char text[4096];
    cypher_init(&f);
    for (size_t i = 0; i < QUERY_COUNT; i++)
        check_any(&f, QUERIES[i]);
    for (size_t round = 0; round < 30000; round++) {
        const meaning *a =
            &MEANINGS[sb_random_below(&random, sizeof MEANINGS / sizeof MEANINGS[0])];
        const char *b = QUERIES[sb_random_below(&random, QUERY_COUNT)];
        const size_t a_bytes = sb_random_below(&random, strlen(a->text) + 1);
        const size_t b_from = sb_random_below(&random, strlen(b) + 1);
        (void)snprintf(text, sizeof text, "%.*s %s", (int)a_bytes, a->text, b + b_from);
        check_any(&f, text);
    }
    cypher_deinit(&f);
}

static void test_cypher_sema__many_variables(void **state)
{
    (void)state;
    cypher_fixture f;
    sb_buffer text;
    uint32_t slots;
    cypher_init(&f);
    sb_buffer_init(&text, &sb_allocator_libc);
    assert_int_equal(sb_buffer_printf(&text, "WITH 0 AS v0"), SB_OK);
    for (int i = 1; i < 5000; i++)
        assert_int_equal(sb_buffer_printf(&text, ", %d AS v%d", i, i), SB_OK);
    assert_int_equal(sb_buffer_printf(&text, " WITH * WHERE v17 = 17 RETURN v4999 + v0"), SB_OK);
    assert_int_equal(cypher_parse_bytes(&f, text.data, text.size), SB_OK);
    assert_int_equal(sb_sema_analyze(f.arena, f.statement, &ENV, NULL, &slots, &f.err), SB_OK);
    assert_int_equal(slots, 10001);
    sb_buffer_deinit(&text);
    cypher_deinit(&f);
}

static sb_status refuse(void *ctx, sb_err *err)
{
    ++*(size_t *)ctx;
    return SB_FAIL(err, SB_INTERRUPT, "enough");
}

/* The watch is asked, and ends the analysis of a long statement. */
static void test_cypher_sema__asks_the_watch(void **state)
{
    size_t times = 0;
    sb_cypher_watch watch = {.poll = refuse, .ctx = &times};
    cypher_fixture f;
    sb_buffer text;
    uint32_t slots;

    (void)state;
    cypher_init(&f);
    sb_buffer_init(&text, &sb_allocator_libc);
    assert_int_equal(sb_buffer_printf(&text, "RETURN [1"), SB_OK);
    for (int i = 1; i < 20000; i++)
        assert_int_equal(sb_buffer_append(&text, ", 1", 3), SB_OK);
    assert_int_equal(sb_buffer_printf(&text, "]"), SB_OK);
    assert_int_equal(cypher_parse_bytes(&f, text.data, text.size), SB_OK);
    assert_int_equal(sb_sema_analyze(f.arena, f.statement, &ENV, &watch, &slots, &f.err),
                     SB_INTERRUPT);
    assert_int_equal(times, 1);
    sb_buffer_deinit(&text);
    cypher_deinit(&f);
}

/* What the parser lets through is never too deep for the analysis. */
static void test_cypher_sema__deepest_queries(void **state)
{
    (void)state;
    static const char *const nests[][3] = {
        {"(", "1", ")"},
        {"[x IN ", "[1]", " | x]"},
        {"NOT ", "true", ""},
        {"EXISTS { MATCH (a) WHERE ", "true", " }"},
        {"COUNT { MATCH (a {x: ", "1", "}) }"},
    };
    cypher_fixture f;
    sb_buffer text;
    cypher_init(&f);
    sb_buffer_init(&text, &sb_allocator_libc);
    for (size_t i = 0; i < sizeof nests / sizeof nests[0]; i++) {
        for (int depth = 10; depth < 520; depth += 20) {
            sb_buffer_reset(&text);
            assert_int_equal(sb_buffer_printf(&text, "RETURN "), SB_OK);
            for (int k = 0; k < depth; k++)
                assert_int_equal(sb_buffer_printf(&text, "%s", nests[i][0]), SB_OK);
            assert_int_equal(sb_buffer_printf(&text, "%s", nests[i][1]), SB_OK);
            for (int k = 0; k < depth; k++)
                assert_int_equal(sb_buffer_printf(&text, "%s", nests[i][2]), SB_OK);
            assert_int_equal(sb_buffer_append_byte(&text, 0), SB_OK);
            check_any(&f, (const char *)text.data);
            if (depth < 100) assert_int_equal(f.err.code, SB_OK);
        }
    }
    sb_buffer_deinit(&text);
    cypher_deinit(&f);
}

/* The arena asks for memory when a block is full: fillers of all sizes move each of its allocations there. */
static void test_cypher_sema__each_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof MEANINGS / sizeof MEANINGS[0]; i++) {
        for (size_t fill = 0; fill < 2048; fill += i % 4 == 0 ? 16 : 512) {
            for (size_t fail_at = 1;; fail_at++) {
                cypher_fixture f;
                uint32_t slots;
                cypher_init(&f);
                cypher_parsed(&f, MEANINGS[i].text);
                assert_non_null(sb_arena_alloc(f.arena, fill));
                f.alloc.fail_at = f.alloc.alloc_count + fail_at;
                const sb_status st =
                    sb_sema_analyze(f.arena, f.statement, &ENV, NULL, &slots, &f.err);
                const bool reached = f.alloc.alloc_count >= f.alloc.fail_at;
                f.alloc.fail_at = 0;
                assert_int_equal(st, reached ? SB_NOMEM : SB_OK);
                cypher_deinit(&f);
                if (!reached) break;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_sema__queries_have_their_columns),
        TEST(test_cypher_sema__faults_are_told_where_they_are),
        TEST(test_cypher_sema__places_bind_or_read),
        TEST(test_cypher_sema__slots_count_up),
        TEST(test_cypher_sema__new_variables_take_the_next_slot),
        TEST(test_cypher_sema__optional_matches_may_be_null),
        TEST(test_cypher_sema__quantified_parts_have_group_variables),
        TEST(test_cypher_sema__imports_are_shared),
        TEST(test_cypher_sema__stars_are_expanded_by_name),
        TEST(test_cypher_sema__unions_have_columns_of_their_own),
        TEST(test_cypher_sema__order_reads_columns),
        TEST(test_cypher_sema__kinds),
        TEST(test_cypher_sema__constants),
        TEST(test_cypher_sema__writes),
        TEST(test_cypher_sema__implicit_arguments_are_parameters),
        TEST(test_cypher_sema__exists_of_a_pattern_is_the_pattern),
        TEST(test_cypher_sema__reads_of_variables),
        TEST(test_cypher_sema__spliced_queries),
        TEST(test_cypher_sema__many_variables),
        TEST(test_cypher_sema__asks_the_watch),
        TEST(test_cypher_sema__deepest_queries),
        TEST(test_cypher_sema__each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
