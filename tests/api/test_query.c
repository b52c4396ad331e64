/* test_query.c — statements through sombra.h: preparing, parameters, rows, transactions, errors with their details, plans, and functions of the
 * program's own. What the language means is tested elsewhere. */
#include "support/api_fixture.h"

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

static sombra_stmt *prepare(api_fixture *f, const char *text)
{
    sombra_stmt *stmt;

    OK(f, sombra_prepare(f->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_non_null(stmt);
    return stmt;
}

static void step_row(api_fixture *f, sombra_stmt *stmt)
{
    const sombra_status status = sombra_stmt_step(stmt);

    if (status != SOMBRA_ROW) print_error("%s\n", sombra_error_of(f->conn)->message);
    assert_int_equal(status, SOMBRA_ROW);
}

static void step_done(api_fixture *f, sombra_stmt *stmt)
{
    const sombra_status status = sombra_stmt_step(stmt);

    if (status != SOMBRA_DONE) print_error("%s\n", sombra_error_of(f->conn)->message);
    assert_int_equal(status, SOMBRA_DONE);
}

static int64_t integer_at(api_fixture *f, sombra_stmt *stmt, size_t column)
{
    sombra_value value;

    OK(f, sombra_stmt_column(stmt, column, &value));
    assert_int_equal(value.type, SOMBRA_TYPE_INT);
    return value.as.integer;
}

/* The one integer that a query gives. */
static int64_t query_int(api_fixture *f, const char *text)
{
    sombra_stmt *stmt = prepare(f, text);

    step_row(f, stmt);
    const int64_t result = integer_at(f, stmt, 0);
    step_done(f, stmt);
    sombra_stmt_finalize(stmt);
    return result;
}

static void gives_text(api_fixture *f, const char *text, const char *wanted)
{
    sombra_stmt *stmt = prepare(f, text);
    sombra_value value;

    step_row(f, stmt);
    OK(f, sombra_stmt_column(stmt, 0, &value));
    assert_int_equal(value.as.bytes.size, strlen(wanted));
    assert_memory_equal(value.as.bytes.data, wanted, strlen(wanted));
    step_done(f, stmt);
    sombra_stmt_finalize(stmt);
}

/* Three people by the graph interface: names Ada, Bob, Cid, ages 1, 2, 3; Ada knows Bob. */
static void make_people(api_fixture *f)
{
    static const int64_t ages[] = {1, 2, 3};
    static const sombra_text names[] = {{"Ada", 3}, {"Bob", 3}, {"Cid", 3}};
    uint32_t person, knows, name, age;
    uint64_t ids[3];

    OK(f, sombra_begin(f->conn, SOMBRA_WRITE, &f->txn));
    OK(f, sombra_name_intern(f->txn, SOMBRA_LABEL, "Person", 6, &person));
    OK(f, sombra_name_intern(f->txn, SOMBRA_TYPE, "KNOWS", 5, &knows));
    OK(f, sombra_name_intern(f->txn, SOMBRA_KEY, "name", 4, &name));
    OK(f, sombra_name_intern(f->txn, SOMBRA_KEY, "age", 3, &age));
    const sombra_column columns[] = {{.key = name, .type = SOMBRA_TYPE_STRING, .texts = names},
                                     {.key = age, .type = SOMBRA_TYPE_INT, .integers = ages}};
    OK(f, sombra_create_nodes(f->txn, &person, 1, 3, columns, 2, ids));
    OK(f, sombra_create_rels(f->txn, knows, 1, &ids[0], &ids[1], NULL, 0, NULL));
    OK(f, sombra_commit(f->txn));
    f->txn = NULL;
}

static void test_api_query__rows(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt;
    sombra_value value;
    size_t size;

    make_people(f);
    stmt = prepare(f, "MATCH (p:Person) WHERE p.age > $least RETURN p.name AS name, p.age * 2 AS "
                      "twice ORDER BY name");
    assert_int_equal(sombra_stmt_column_count(stmt), 2);
    assert_memory_equal(sombra_stmt_column_name(stmt, 0, &size), "name", 4);
    assert_int_equal(size, 4);
    assert_null(sombra_stmt_column_name(stmt, 2, &size));
    assert_int_equal(sombra_stmt_param_count(stmt), 1);
    assert_memory_equal(sombra_stmt_param(stmt, 0, &size), "least", 5);
    assert_false(sombra_stmt_writes(stmt));
    for (int round = 0; round < 3; round++) {
        value = sombra_int(round);
        OK(f, sombra_stmt_bind(stmt, "least", &value));
        for (int row = round; row < 3; row++) {
            static const char *const names[] = {"Ada", "Bob", "Cid"};
            step_row(f, stmt);
            OK(f, sombra_stmt_column(stmt, 0, &value));
            assert_int_equal(value.type, SOMBRA_TYPE_STRING);
            assert_memory_equal(value.as.bytes.data, names[row], 3);
            assert_int_equal(integer_at(f, stmt, 1), 2 * (row + 1));
        }
        step_done(f, stmt);
        FAILS(f, sombra_stmt_step(stmt), SOMBRA_MISUSE, "reset");
        OK(f, sombra_stmt_reset(stmt));
    }
    FAILS(f, sombra_stmt_column(stmt, 0, &value), SOMBRA_MISUSE, "no row");
    sombra_stmt_finalize(stmt);
}

static void test_api_query__values(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt = prepare(f, "RETURN $v AS v, [$v, null] AS list, {a: $v, b: [1]} AS map");
    const sombra_value nested[] = {sombra_int(1), sombra_null(), sombra_string("x", 1)};
    sombra_value values[6], value;

    values[0] = sombra_null();
    values[1] = sombra_bool(true);
    values[2] = sombra_float(2.5);
    values[3] = sombra_string("text", 4);
    values[4] = (sombra_value){.type = SOMBRA_TYPE_LIST, .as.list = {nested, 3}};
    values[5] = (sombra_value){.type = SOMBRA_TYPE_DURATION, .as.duration = {1, 2, 3, 4}};
    for (size_t i = 0; i < 6; i++) {
        OK(f, sombra_stmt_bind_at(stmt, 0, &values[i]));
        step_row(f, stmt);
        OK(f, sombra_stmt_column(stmt, 0, &value));
        assert_int_equal(value.type, values[i].type);
        OK(f, sombra_stmt_column(stmt, 1, &value));
        assert_int_equal(value.type, SOMBRA_TYPE_LIST);
        assert_int_equal(value.as.list.count, 2);
        assert_int_equal(value.as.list.items[0].type, values[i].type);
        assert_int_equal(value.as.list.items[1].type, SOMBRA_TYPE_NULL);
        OK(f, sombra_stmt_column(stmt, 2, &value));
        assert_int_equal(value.type, SOMBRA_TYPE_MAP);
        assert_int_equal(value.as.map.count, 2);
        assert_memory_equal(value.as.map.entries[0].key, "a", 1);
        assert_int_equal(value.as.map.entries[0].value.type, values[i].type);
        assert_int_equal(value.as.map.entries[1].value.as.list.items[0].as.integer, 1);
        step_done(f, stmt);
        OK(f, sombra_stmt_reset(stmt));
    }
    value = sombra_string("\xff", 1);
    FAILS(f, sombra_stmt_bind(stmt, "v", &value), SOMBRA_INVALID, "UTF-8");
    FAILS(f, sombra_stmt_bind(stmt, "w", &values[0]), SOMBRA_NOT_FOUND, "$w");
    FAILS(f, sombra_stmt_bind_at(stmt, 1, &values[0]), SOMBRA_NOT_FOUND, "1 parameters");
    OK(f, sombra_stmt_clear(stmt));
    FAILS(f, sombra_stmt_step(stmt), SOMBRA_NOT_FOUND, "$v");
    assert_string_equal(sombra_error_detail(sombra_error_of(f->conn)), "MissingParameter");
    sombra_stmt_finalize(stmt);
}

static void test_api_query__depth(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt = prepare(f, "RETURN $v");
    static sombra_value levels[200];

    levels[0] = sombra_int(1);
    for (size_t i = 1; i < 200; i++)
        levels[i] = (sombra_value){.type = SOMBRA_TYPE_LIST, .as.list = {&levels[i - 1], 1}};
    OK(f, sombra_stmt_bind(stmt, "v", &levels[100]));
    FAILS(f, sombra_stmt_bind(stmt, "v", &levels[101]), SOMBRA_LIMIT, "nested");
    sombra_stmt_finalize(stmt);
}

static void test_api_query__entities(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt;
    sombra_value value;
    sombra_node node;
    sombra_rel rel;
    bool found;
    size_t size;

    make_people(f);
    stmt = prepare(f, "MATCH path = (a:Person {name: 'Ada'})-[r:KNOWS]->(b) RETURN a, r, path");
    step_row(f, stmt);
    OK(f, sombra_stmt_column(stmt, 0, &value));
    assert_int_equal(value.type, SOMBRA_TYPE_NODE);
    OK(f, sombra_stmt_node(stmt, value.as.id, &node, &found));
    assert_true(found);
    assert_int_equal(node.label_count, 1);
    assert_memory_equal(sombra_stmt_name_text(stmt, SOMBRA_LABEL, node.labels[0], &size), "Person",
                        6);
    assert_int_equal(node.prop_count, 2);
    OK(f, sombra_stmt_column(stmt, 1, &value));
    assert_int_equal(value.type, SOMBRA_TYPE_REL);
    OK(f, sombra_stmt_rel(stmt, value.as.id, &rel, &found));
    assert_true(found);
    assert_int_equal(rel.source, node.id);
    OK(f, sombra_stmt_column(stmt, 2, &value));
    assert_int_equal(value.type, SOMBRA_TYPE_PATH);
    assert_int_equal(value.as.path.length, 1);
    assert_int_equal(value.as.path.nodes[0], rel.source);
    assert_int_equal(value.as.path.nodes[1], rel.target);
    assert_int_equal(value.as.path.rels[0], rel.id);
    step_done(f, stmt);
    assert_int_equal(sombra_stmt_node(stmt, node.id, &node, &found), SOMBRA_MISUSE);
    sombra_stmt_finalize(stmt);
}

static void test_api_query__errors(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt;
    const sombra_error *error;

    FAILS(f, sombra_prepare(f->conn, "RETURN 1 +\n  , 2", SOMBRA_NUL_TERMINATED, &stmt, NULL),
          SOMBRA_SYNTAX, "^");
    error = sombra_error_of(f->conn);
    assert_null(stmt);
    assert_int_equal(error->line, 2);
    assert_int_equal(error->column, 3);
    assert_false(error->runtime);
    assert_string_equal(sombra_error_class(error), "SyntaxError");
    assert_string_equal(sombra_error_detail(error), "UnexpectedSyntax");
    FAILS(
        f,
        sombra_prepare(f->conn, "MATCH (person) RETURN persn", SOMBRA_NUL_TERMINATED, &stmt, NULL),
        SOMBRA_SYNTAX, "did you mean");
    assert_string_equal(sombra_error_detail(sombra_error_of(f->conn)), "UndefinedVariable");
    FAILS(f, sombra_prepare(f->conn, "RETURN toUper('a')", SOMBRA_NUL_TERMINATED, &stmt, NULL),
          SOMBRA_NOT_FOUND, "toUpper");
    FAILS(f, sombra_prepare(f->conn, "RETURN 1; RETURN 2", SOMBRA_NUL_TERMINATED, &stmt, NULL),
          SOMBRA_SYNTAX, "more than one statement");
    assert_string_equal(sombra_error_detail(NULL), "");
    stmt = prepare(f, "LOAD CSV FROM 'file:///x.csv' AS row RETURN row");
    FAILS(f, sombra_stmt_step(stmt), SOMBRA_INVALID, "import_dirs");
    sombra_stmt_finalize(stmt);
    stmt = prepare(f, "UNWIND [0] AS x RETURN 1 / x");
    FAILS(f, sombra_stmt_step(stmt), SOMBRA_INVALID, "zero");
    error = sombra_error_of(f->conn);
    assert_true(error->runtime);
    assert_string_equal(sombra_error_class(error), "ArithmeticError");
    FAILS(f, sombra_stmt_step(stmt), SOMBRA_MISUSE, "reset");
    sombra_stmt_finalize(stmt);
    assert_int_equal(sombra_stmt_step(NULL), SOMBRA_MISUSE);
    assert_int_equal(sombra_prepare(NULL, "RETURN 1", 8, &stmt, NULL), SOMBRA_MISUSE);
}

static void test_api_query__script(void **state)
{
    api_fixture *f = *state;
    const char *script = "RETURN 1 AS a; // first\n RETURN 2 AS a;\n /* nothing more */ ";
    size_t at = 0;
    size_t used;
    sombra_stmt *stmt;

    for (int64_t i = 1; i <= 2; i++) {
        OK(f, sombra_prepare(f->conn, script + at, strlen(script) - at, &stmt, &used));
        step_row(f, stmt);
        assert_int_equal(integer_at(f, stmt, 0), i);
        sombra_stmt_finalize(stmt); /* in the middle of its run */
        at += used;
    }
    OK(f, sombra_prepare(f->conn, script + at, strlen(script) - at, &stmt, &used));
    assert_null(stmt);
}

/* Ids seen are bits at first; from a batch with a null on they are hashed, and those of before stay seen. */
static void test_api_query__distinct_ids(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt = prepare(f, "UNWIND range(0, 1499) AS i CREATE (:N {i: i})-[:T]->()");

    step_done(f, stmt);
    sombra_stmt_finalize(stmt);
    for (unsigned again = 0; again < 2; again++) { /* the same statement, reset */
        assert_int_equal(query_int(f, "MATCH (n:N) UNWIND [1, 2] AS x RETURN count(DISTINCT n)"),
                         1500);
        assert_int_equal(query_int(f, "MATCH (n:N)-[r]->(m) UNWIND [1, 2] AS x "
                                      "RETURN count(DISTINCT r) + size(collect(DISTINCT m))"),
                         3000);
        assert_int_equal(query_int(f,
                                   "UNWIND range(0, 3999) AS i OPTIONAL MATCH (n:N {i: i % 2000}) "
                                   "RETURN count(DISTINCT n)"),
                         1500);
        assert_int_equal(query_int(f, "MATCH (n:N) RETURN count(DISTINCT n)"), 1500);
    }
}

/* Of a list of ids those count that are there, wherever they stand among those that are not. */
static void test_api_query__ids_that_are_gone(void **state)
{
    api_fixture *f = *state;

    for (unsigned i = 0; i < 2; i++) {
        sombra_stmt *stmt =
            prepare(f, i == 0 ? "UNWIND range(1, 5000) AS i CREATE (:N {i: i})-[:R {i: i}]->(:M)"
                              : "MATCH (n) WHERE n.i < 5000 DETACH DELETE n");
        step_done(f, stmt);
        sombra_stmt_finalize(stmt);
    }
    assert_int_equal(query_int(f, "MATCH (n) WHERE id(n) IN range(1, 20000) RETURN count(n)"),
                     5001);
    assert_int_equal(
        query_int(f,
                  "UNWIND [1, 2] AS x MATCH (n:N) WHERE id(n) IN range(1, 20000) RETURN sum(n.i)"),
        10000);
    assert_int_equal(
        query_int(f, "MATCH ()-[r]->() WHERE id(r) IN range(1, 20000) RETURN sum(r.i)"), 5000);
    assert_int_equal(query_int(f, "MATCH ()-[r]-() WHERE id(r) IN range(1, 20000) RETURN sum(r.i)"),
                     10000);
    assert_int_equal(
        query_int(f, "MATCH (n:N) WITH id(n) AS i "
                     "RETURN toInteger(EXISTS { MATCH (m) WHERE id(m) IN [i - 1, i - 2, i] })"),
        1);
}

static void test_api_query__transactions(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *all, *begin, *commit;
    sombra_value value;

    make_people(f);
    /* A snapshot lasts as long as the run. */
    all = prepare(f, "MATCH (p:Person) RETURN p.age");
    step_row(f, all);
    FAILS(f, sombra_begin(f->conn, SOMBRA_WRITE, &f->txn), SOMBRA_MISUSE, "transaction open");
    OK(f, sombra_stmt_reset(all));
    /* In a transaction of the caller's, which sees its own changes. */
    OK(f, sombra_begin(f->conn, SOMBRA_WRITE, &f->txn));
    OK(f, sombra_create_nodes(f->txn, NULL, 0, 2, NULL, 0, NULL));
    assert_int_equal(query_int(f, "MATCH (n) RETURN count(*)"), 5);
    sombra_rollback(f->txn);
    f->txn = NULL;
    assert_int_equal(query_int(f, "MATCH (n) RETURN count(*)"), 3);
    /* A statement that fails leaves nothing, and the transaction as it was. */
    OK(f, sombra_begin(f->conn, SOMBRA_WRITE, &f->txn));
    OK(f, sombra_create_nodes(f->txn, NULL, 0, 1, NULL, 0, NULL));
    begin = prepare(f, "UNWIND range(3000, 0, -1) AS x CREATE (h:Half {x: x}) SET h.y = 1 / x");
    FAILS(f, sombra_stmt_step(begin), SOMBRA_INVALID, "zero");
    assert_int_equal(query_int(f, "MATCH (n) RETURN count(*)"), 4);
    assert_int_equal(query_int(f, "MATCH (n:Half) RETURN count(*)"), 0);
    OK(f, sombra_commit(f->txn));
    f->txn = NULL;
    sombra_stmt_finalize(begin);
    assert_int_equal(query_int(f, "MATCH (n) RETURN count(*)"), 4);
    /* The transaction ends under a run. */
    OK(f, sombra_begin(f->conn, SOMBRA_READ, &f->txn));
    step_row(f, all);
    sombra_rollback(f->txn);
    f->txn = NULL;
    FAILS(f, sombra_stmt_column(all, 0, &value), SOMBRA_MISUSE, "no row");
    FAILS(f, sombra_stmt_step(all), SOMBRA_MISUSE, "has ended");
    sombra_stmt_finalize(all);
    /* As statements. */
    begin = prepare(f, "BEGIN");
    commit = prepare(f, "COMMIT");
    FAILS(f, sombra_stmt_step(commit), SOMBRA_MISUSE, "no transaction");
    OK(f, sombra_stmt_reset(commit));
    step_done(f, begin);
    OK(f, sombra_stmt_reset(begin));
    FAILS(f, sombra_stmt_step(begin), SOMBRA_MISUSE, "transaction open");
    step_done(f, commit);
    sombra_stmt_finalize(begin);
    sombra_stmt_finalize(commit);
}

static void test_api_query__schema(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt;
    const char *text;
    size_t size;

    make_people(f);
    stmt = prepare(f, "CREATE CONSTRAINT person_name FOR (p:Person) REQUIRE p.name IS UNIQUE");
    assert_true(sombra_stmt_writes(stmt));
    step_done(f, stmt);
    sombra_stmt_finalize(stmt);
    stmt = prepare(f, "SHOW CONSTRAINTS");
    step_row(f, stmt);
    sombra_value value;
    OK(f, sombra_stmt_column(stmt, 0, &value));
    assert_memory_equal(value.as.bytes.data, "person_name", 11);
    step_done(f, stmt);
    sombra_stmt_finalize(stmt);
    gives_text(f, "SHOW CONSTRAINTS YIELD ownedIndex", "person_name");
    gives_text(f, "SHOW INDEXES YIELD owningConstraint", "person_name");
    gives_text(f, "SHOW INDEXES YIELD state", "ONLINE");
    stmt = prepare(f, "MATCH (p:Person {name: 'Bob'}) RETURN p.age");
    OK(f, sombra_stmt_explain(stmt, false, &text, &size));
    assert_non_null(memmem(text, size, "UniqueIndexSeek", 15));
    OK(f, sombra_stmt_explain(stmt, true, &text, &size));
    assert_non_null(memmem(text, size, "\"operator\":\"UniqueIndexSeek\"", 28));
    step_row(f, stmt);
    assert_int_equal(integer_at(f, stmt, 0), 2);
    step_done(f, stmt);
    sombra_stmt_finalize(stmt);
    stmt = prepare(f, "DROP CONSTRAINT person_name");
    step_done(f, stmt);
    OK(f, sombra_stmt_reset(stmt));
    FAILS(f, sombra_stmt_step(stmt), SOMBRA_NOT_FOUND, "person_name");
    sombra_stmt_finalize(stmt);
    stmt = prepare(f, "DROP CONSTRAINT person_name IF EXISTS");
    step_done(f, stmt);
    sombra_stmt_finalize(stmt);
    stmt = prepare(f, "CREATE INDEX FOR (p:Person) ON (p.age)");
    step_done(f, stmt);
    OK(f, sombra_stmt_reset(stmt));
    FAILS(f, sombra_stmt_step(stmt), SOMBRA_EXISTS, "age");
    sombra_stmt_finalize(stmt);
    stmt = prepare(f, "CREATE INDEX IF NOT EXISTS FOR (p:Person) ON (p.age)");
    step_done(f, stmt);
    sombra_stmt_finalize(stmt);
    stmt = prepare(f, "DROP INDEX Person_age"); /* a name is made up */
    step_done(f, stmt);
    sombra_stmt_finalize(stmt);
    /* The same text is planned anew without the index. */
    stmt = prepare(f, "MATCH (p:Person {name: 'Bob'}) RETURN p.age");
    OK(f, sombra_stmt_explain(stmt, false, &text, &size));
    assert_null(memmem(text, size, "IndexSeek", 9));
    sombra_stmt_finalize(stmt);
}

/* What is buffered can be stepped to; at a batch's end nothing is. */
static void test_api_query__buffered(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt = prepare(f, "UNWIND range(1, 3000) AS x RETURN x");
    size_t rows = 0, before = 0, boundaries = 0;

    assert_int_equal(sombra_stmt_buffered(NULL), 0);
    assert_int_equal(sombra_stmt_buffered(stmt), 0);
    while (sombra_stmt_step(stmt) == SOMBRA_ROW) {
        const size_t buffered = sombra_stmt_buffered(stmt);

        if (before != 0) assert_int_equal(buffered, before - 1);
        if (buffered == 0) boundaries++;
        before = buffered;
        rows++;
    }
    assert_int_equal(rows, 3000);
    assert_true(boundaries > 1);
    assert_int_equal(sombra_stmt_buffered(stmt), 0);
    sombra_stmt_finalize(stmt);
}

static void test_api_query__explain(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt;
    sombra_value value;

    make_people(f);
    stmt = prepare(f, "EXPLAIN MATCH (p:Person)-[:KNOWS]->(q) RETURN q.name");
    assert_true(sombra_stmt_is_explain(stmt));
    assert_int_equal(sombra_stmt_column_count(stmt), 1);
    step_row(f, stmt);
    OK(f, sombra_stmt_column(stmt, 0, &value));
    assert_non_null(memmem(value.as.bytes.data, value.as.bytes.size, "KNOWS", 5));
    step_done(f, stmt);
    sombra_stmt_finalize(stmt);
    stmt = prepare(f, "PROFILE MATCH (p:Person) RETURN p.name");
    step_row(f, stmt);
    OK(f, sombra_stmt_column(stmt, 0, &value));
    assert_non_null(memmem(value.as.bytes.data, value.as.bytes.size, "NodeByLabelScan", 15));
    assert_null(
        memmem(value.as.bytes.data, value.as.bytes.size, "pages", 5)); /* without profile=on */
    step_done(f, stmt);
    sombra_stmt_finalize(stmt);
    stmt = prepare(f, "BEGIN");
    const char *text;
    size_t size;
    FAILS(f, sombra_stmt_explain(stmt, false, &text, &size), SOMBRA_MISUSE, "only queries");
    sombra_stmt_finalize(stmt);
    stmt = prepare(f, "MATCH (p:Person) USING INDEX p:Person(name) WHERE p.name = '' RETURN p");
    FAILS(f, sombra_stmt_explain(stmt, false, &text, &size), SOMBRA_SYNTAX, "this hint");
    sombra_stmt_finalize(stmt);
}

/* What a run has counted is told although it has made the graph so large that it would be planned anew. */
static void test_api_query__profile_of_growth(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt = prepare(f, "PROFILE UNWIND range(1, 12345) AS i CREATE (:New)");
    const char *text;
    sombra_value value;
    size_t size;

    step_row(f, stmt);
    OK(f, sombra_stmt_column(stmt, 0, &value));
    assert_non_null(memmem(value.as.bytes.data, value.as.bytes.size, "12345 |", 7));
    step_done(f, stmt);
    OK(f, sombra_stmt_explain(stmt, true, &text, &size));
    assert_non_null(memmem(text, size, "12345,", 6));
    sombra_stmt_finalize(stmt);
}

static bool plan_has(api_fixture *f, sombra_stmt *stmt, const char *words)
{
    const char *text;
    size_t size;

    OK(f, sombra_stmt_explain(stmt, false, &text, &size));
    return memmem(text, size, words, strlen(words)) != NULL;
}

static void run(api_fixture *f, const char *text)
{
    sombra_stmt *stmt = prepare(f, text);

    step_done(f, stmt);
    sombra_stmt_finalize(stmt);
}

static void fails(api_fixture *f, const char *text, sombra_status status, const char *words)
{
    sombra_stmt *stmt;
    sombra_status got = sombra_prepare(f->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL);

    if (got == SOMBRA_OK) {
        got = sombra_stmt_step(stmt);
        sombra_stmt_finalize(stmt);
    }
    assert_int_equal(got, status);
    if (strstr(sombra_error_of(f->conn)->message, words) == NULL)
        fail_msg("%s: %s", text, sombra_error_of(f->conn)->message);
}

/* Constraints on types know the items of lists; SHOW CONSTRAINTS and messages write types as the language does. */
static void test_api_query__types_of_properties(void **state)
{
    api_fixture *f = *state;

    run(f, "CREATE CONSTRAINT c FOR (n:A) REQUIRE n.x IS :: LIST<INTEGER NOT NULL>");
    run(f, "CREATE CONSTRAINT d FOR (n:B) REQUIRE n.x IS :: BOOLEAN | LIST<STRING> | "
           "LIST<FLOAT> | ZONED DATETIME");
    run(f, "CREATE CONSTRAINT e FOR ()-[r:R]-() REQUIRE r.x IS :: LIST<ANY>");
    run(f, "CREATE (:A {x: [1, 2]}), (:A {x: []}), (:A), (:B {x: ['a', 1.5]}), (:B {x: true}), "
           "(:B {x: datetime('2020-01-01T00:00Z')})-[:R {x: [1, 'a']}]->()");
    fails(f, "CREATE (:A {x: ['a']})", SOMBRA_CONSTRAINT,
          "of type LIST<STRING NOT NULL>, where only LIST<INTEGER NOT NULL> may be");
    fails(f, "CREATE (:A {x: [1, 'a']})", SOMBRA_CONSTRAINT,
          "of type LIST<INTEGER NOT NULL> or LIST<STRING NOT NULL>, where");
    fails(f, "CREATE (:A {x: 1})", SOMBRA_CONSTRAINT, "of type INTEGER, where");
    fails(f, "MATCH (n:A) SET n.x = [1.5]", SOMBRA_CONSTRAINT, "LIST<FLOAT NOT NULL>, where");
    fails(f, "UNWIND [['a'], ['b', 1]] AS l CREATE (:B {x: l})", SOMBRA_CONSTRAINT,
          "BOOLEAN or ZONED DATETIME or LIST<FLOAT NOT NULL> or LIST<STRING NOT NULL> may be");
    fails(f, "CREATE (:B {x: time('10:00Z')})", SOMBRA_CONSTRAINT, "of type ZONED TIME, where");
    fails(f, "CREATE (:B {x: []}), (:R)-[:R {x: 1}]->()", SOMBRA_CONSTRAINT,
          "of type INTEGER, where only LIST<ANY> may be");
    fails(f, "CREATE CONSTRAINT FOR (n:A) REQUIRE n.x IS :: LIST<STRING>", SOMBRA_CONSTRAINT,
          "where only LIST<STRING NOT NULL> may be");
    gives_text(f, "SHOW CONSTRAINTS YIELD name, propertyType WHERE name = 'c' RETURN propertyType",
               "LIST<INTEGER NOT NULL>");
    gives_text(f, "SHOW CONSTRAINTS YIELD name, propertyType WHERE name = 'd' RETURN propertyType",
               "BOOLEAN | ZONED DATETIME | LIST<FLOAT NOT NULL> | LIST<STRING NOT NULL>");
    run(f, "CREATE CONSTRAINT u FOR (n:A) REQUIRE n.u IS UNIQUE");
    gives_text(f, "SHOW CONSTRAINTS YIELD name, propertyType AS t WHERE t IS NULL RETURN name",
               "u");
    static const char *const never[] = {"MAP",        "NULL",           "NODE",
                                        "NOTHING",    "LIST<MAP>",      "INTEGER | MAP",
                                        "LIST<NULL>", "LIST<LIST<INT>>"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "CREATE CONSTRAINT FOR (n:A) REQUIRE n.x IS :: %s",
                       never[i]);
        fails(f, text, SOMBRA_SYNTAX, "no property has a value of this type");
        assert_int_equal(sombra_error_of(f->conn)->column, 47);
    }
    fails(f, "CREATE CONSTRAINT FOR (n:A) REQUIRE n.x IS :: INTEGER NOT NULL", SOMBRA_SYNTAX,
          "IS NOT NULL");
    fails(f, "CREATE CONSTRAINT FOR (n:A) REQUIRE n.x :: LIST<INTEGER>!", SOMBRA_SYNTAX,
          "IS NOT NULL");
}

/* What a SET leaves with two for a while is no fault: across batches, within and around other SETs, for nodes and relationships, in
 * a statement of several transactions. What is left when it is over is; and so it is in a sub-query, for each row around it. */
static void test_api_query__unique_when_set(void **state)
{
    api_fixture *f = *state;

    run(f, "CREATE CONSTRAINT u FOR (n:A) REQUIRE n.k IS UNIQUE");
    run(f, "CREATE CONSTRAINT v FOR ()-[r:R]-() REQUIRE r.k IS UNIQUE");
    run(f, "UNWIND range(1, 3000) AS i CREATE (:A {k: i})-[:R {k: i}]->()");
    run(f, "MATCH (n:A)-[r:R]->() SET n.k = n.k + 1, r.k = 3001 - r.k");
    gives_text(
        f,
        "MATCH (n:A)-[r:R]->() RETURN min(n.k) + ' ' + max(n.k) + ' ' + count(DISTINCT n.k) "
        "+ ' ' + count(DISTINCT r.k) + ' ' + sum(CASE n.k + r.k WHEN 3002 THEN 0 ELSE 1 END)",
        "2 3001 3000 3000 0");
    run(f, "MATCH (n:A) SET n.k = 3003 - n.k FOREACH (i IN [1] | SET n.x = i) SET n.y = 1");
    run(f, "MATCH (n:A {k: 2}), (m:A {k: 3}) WITH n, m, n.k AS k SET n.k = m.k, m.k = k");
    gives_text(f, "MATCH (n:A) WHERE n.x = 1 AND n.y = 1 RETURN toString(count(DISTINCT n.k))",
               "3000");
    fails(f, "MATCH (n:A) SET n.k = n.k / 2", SOMBRA_CONSTRAINT, "both have :A(k) = ");
    fails(f, "MATCH (n:A) SET n.k = 7 RETURN n.k LIMIT 1", SOMBRA_CONSTRAINT, ":A(k) = 7");
    /* Whoever reads on behind a SET never sees a value twice. */
    fails(f, "MATCH (n:A {k: 2}) SET n.k = 3 WITH n MATCH (m:A {k: 3}) SET m.k = 2",
          SOMBRA_CONSTRAINT, ":A(k) = 3");
    fails(f, "MATCH (n:A) CALL (n) { SET n.k = 3 }", SOMBRA_CONSTRAINT, ":A(k) = 3");
    gives_text(
        f,
        "MATCH (n:A) CALL (n) { SET n.k = 9 } IN TRANSACTIONS OF 2000 ROWS ON ERROR CONTINUE "
        "REPORT STATUS AS s WITH s.errorMessage AS m, count(*) AS c WHERE m CONTAINS "
        "':A(k) = 9' RETURN toString(sum(c))",
        "3000");
    gives_text(f, "MATCH (n:A) RETURN toString(count(DISTINCT n.k))", "3000");
}

/* A row has one value for a pattern of MERGE, also where each call gives another one. */
static void test_api_query__merge_of_chance(void **state)
{
    api_fixture *f = *state;

    gives_text(f,
               "UNWIND range(1, 40) AS x MERGE (v:V {r: toInteger(rand() * 3)}) RETURN "
               "toString(count(*)) + ' ' + toString(count(DISTINCT v) <= 3)",
               "40 true");
    gives_text(f,
               "MERGE (a:A) WITH a UNWIND range(1, 40) AS x MERGE (a)-[r:R {w: toInteger(rand() * "
               "3)}]->(a) RETURN toString(count(*)) + ' ' + toString(count(DISTINCT r) <= 3)",
               "40 true");
    gives_text(
        f,
        "MERGE (v:V {r: 7 + toInteger(rand())})-[:R {w: 1}]->(w:W {r: 8 + toInteger(rand())}) "
        "RETURN toString(v.r) + toString(w.r)",
        "78");
}

/* DROP INDEX is for indexes, DROP CONSTRAINT for constraints; the old forms go by what they are about. */
static void test_api_query__dropping(void **state)
{
    api_fixture *f = *state;

    run(f, "CREATE CONSTRAINT c FOR (n:A) REQUIRE n.x IS UNIQUE");
    run(f, "CREATE INDEX i FOR (n:A) ON (n.y)");
    fails(f, "DROP INDEX c", SOMBRA_INVALID,
          "'c' is a constraint: it goes with DROP CONSTRAINT (line 1, column 12)");
    fails(f, "DROP INDEX c IF EXISTS", SOMBRA_INVALID, "DROP CONSTRAINT");
    fails(f, "DROP CONSTRAINT i", SOMBRA_INVALID, "'i' is an index: it goes with DROP INDEX");
    fails(f, "DROP INDEX z", SOMBRA_NOT_FOUND, "no index named 'z' (line 1, column 12)");
    fails(f, "DROP CONSTRAINT z", SOMBRA_NOT_FOUND, "no constraint named 'z'");
    fails(f, "DROP INDEX ON :A(x)", SOMBRA_NOT_FOUND, "no such index on 'A' (line 1, column 16)");
    fails(f, "CREATE INDEX i FOR (n:A) ON (n.z)", SOMBRA_EXISTS,
          "'i' exists already (line 1, column 14)");
    fails(f, "CREATE INDEX j FOR (n:A) ON (n.y)", SOMBRA_EXISTS, "'i' (line 1, column 14)");
    fails(f, "CREATE INDEX FOR (n:A) ON (n.y)", SOMBRA_EXISTS, "'i' (line 1, column 21)");
    fails(f, "DROP INDEX ON :Z(x)", SOMBRA_NOT_FOUND, "no such index on 'Z'");
    run(f, "DROP INDEX ON :A(y)");
    fails(f, "DROP INDEX i", SOMBRA_NOT_FOUND, "'i'");
    run(f, "CREATE INDEX ON :A(y, z)");
    run(f, "DROP INDEX ON :A(y, z)");
    fails(f, "DROP CONSTRAINT ON (n:A) ASSERT exists(n.x)", SOMBRA_NOT_FOUND,
          "no such constraint on 'A'");
    run(f, "DROP CONSTRAINT ON (n:A) ASSERT n.x IS UNIQUE");
    fails(f, "DROP CONSTRAINT c", SOMBRA_NOT_FOUND, "'c'");
}

static bool has_label_index(api_fixture *f, const char *label)
{
    sombra_schema like = {.kind = SOMBRA_LABEL_INDEX};
    uint32_t id;

    OK(f, sombra_begin(f->conn, SOMBRA_READ, &f->txn));
    OK(f, sombra_name_find(f->txn, SOMBRA_LABEL, label, SOMBRA_NUL_TERMINATED, &like.entity));
    OK(f, sombra_schema_find(f->txn, &like, &id));
    sombra_rollback(f->txn);
    f->txn = NULL;
    return id != 0;
}

/* The index that every label has of its nodes goes and comes by statements, too. */
static void test_api_query__label_index(void **state)
{
    api_fixture *f = *state;

    run(f, "CREATE (:A {x: 1}), (:B)");
    run(f, "DROP INDEX ON :A");
    assert_false(has_label_index(f, "A"));
    assert_true(has_label_index(f, "B"));
    fails(f, "DROP INDEX ON :A", SOMBRA_NOT_FOUND, "the label index of A is dropped already");
    assert_int_equal(query_int(f, "SHOW INDEXES YIELD name RETURN count(*)"), 0);
    run(f, "CREATE (:A {x: 2})");
    run(f, "CREATE INDEX ON :A");
    assert_true(has_label_index(f, "A"));
    fails(f, "CREATE INDEX ON :A", SOMBRA_EXISTS, "the label index of A is there already");
    run(f, "DROP INDEX ON :`nobody has it`");
    assert_false(has_label_index(f, "nobody has it"));
}

/* A prepared statement is planned again when an index comes or goes, when the graph has grown, and, a little later, when it has shrunk in
 * its pages; whether it is run in between or not. */
static void test_api_query__planned_again(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt;

    run(f, "UNWIND range(1, 1000) AS i CREATE (:N {x: i})");
    stmt = prepare(f, "MATCH (n:N) WHERE n.x = 7 RETURN n.x");
    assert_true(plan_has(f, stmt, " 1000\n"));
    run(f, "CREATE INDEX nx FOR (n:N) ON (n.x)");
    assert_true(plan_has(f, stmt, "IndexSeek"));
    step_row(f, stmt);
    assert_int_equal(integer_at(f, stmt, 0), 7);
    step_done(f, stmt);
    OK(f, sombra_stmt_reset(stmt));
    run(f, "DROP INDEX nx");
    step_row(f, stmt);
    assert_int_equal(integer_at(f, stmt, 0), 7);
    step_done(f, stmt);
    assert_true(plan_has(f, stmt, " 1000\n"));
    run(f, "UNWIND range(1001, 20000) AS i CREATE (:N {x: i})");
    assert_true(plan_has(f, stmt, " 20000\n"));
    run(f, "MATCH (n:N) WHERE n.x > 10 DELETE n");
    for (int i = 0; i < 64; i++)
        run(f, "MATCH (n:N {x: 1}) SET n.y = coalesce(n.y, 0) + 1");
    assert_true(plan_has(f, stmt, " 10\n"));
    sombra_stmt_finalize(stmt);
}

/* Functions of the clock tell the time, also where those before them in the transaction did not ask; the transaction's stays. */
static void test_api_query__clock(void **state)
{
    static const char *const dates[] = {"date()",
                                        "date.transaction()",
                                        "date.statement()",
                                        "date.truncate('day')",
                                        "localdatetime()",
                                        "localdatetime.transaction()",
                                        "localdatetime.truncate('day')",
                                        "datetime()",
                                        "datetime.statement()",
                                        "datetime.transaction()",
                                        "datetime.truncate('day')",
                                        "datetime({timezone: 'Europe/Paris'})",
                                        "datetime({epochMillis: timestamp()})"};
    api_fixture *f = *state;
    char text[100];

    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        (void)snprintf(text, sizeof text, "RETURN (%s).year", dates[i]);
        assert_true(query_int(f, text) > 2000);
    }
    OK(f, sombra_begin(f->conn, SOMBRA_READ, &f->txn));
    assert_int_equal(query_int(f, "RETURN 1"), 1);
    const int64_t transaction = query_int(f, "RETURN datetime.transaction().epochMillis");
    const int64_t statement = query_int(f, "RETURN timestamp()");
    assert_true(transaction > 0 && transaction <= statement);
    assert_int_equal(query_int(f, "RETURN datetime.transaction().epochMillis"), transaction);
    sombra_rollback(f->txn);
    f->txn = NULL;
}

/* What a query warns of, joined by '|': each up to its first line's place. */
static void warnings_of(api_fixture *f, const char *text, char *joined, size_t bytes)
{
    sombra_stmt *stmt = prepare(f, text);
    sombra_error warning;
    sombra_status status;
    size_t i = 0;

    joined[0] = '\0';
    while (sombra_stmt_step(stmt) == SOMBRA_ROW) {
    }
    for (; (status = sombra_stmt_warning(stmt, i, &warning)) == SOMBRA_OK; i++) {
        assert_int_equal(warning.status, SOMBRA_NOT_FOUND);
        assert_int_equal(warning.detail, 0);
        assert_non_null(strchr(warning.message, '^'));
        (void)snprintf(joined + strlen(joined), bytes - strlen(joined), "%s%.*s@%u:%u",
                       i == 0 ? "" : "|",
                       (int)(strstr(warning.message, " (line") - warning.message), warning.message,
                       warning.line, warning.column);
    }
    assert_int_equal(status, SOMBRA_NOT_FOUND);
    assert_int_equal(sombra_error_of(f->conn)->status, SOMBRA_OK);
    sombra_stmt_finalize(stmt);
}

static void test_api_query__warnings(void **state)
{
    static const struct {
        const char *text, *warnings;
    } cases[] = {
        {"MATCH (p:Person)-[:KNOWS]->(q {name: 'Bob'}) WHERE q:Person RETURN p.name, p.age", ""},
        {"MATCH (p:Persn) RETURN p", "no node has the label 'Persn'; did you mean 'Person'?@1:10"},
        {"MATCH (p:Xyz|Person)\nWHERE p:Xyz RETURN p", "no node has the label 'Xyz'@1:10"},
        {"MATCH ()-[r:KNOWN]->() RETURN r",
         "no relationship has the type 'KNOWN'; did you mean 'KNOWS'?@1:13"},
        {"MATCH (p:Person {nam: 1}) RETURN p.agee",
         "no node or relationship has the property 'nam'; did you mean 'name'?@1:17|"
         "no node or relationship has the property 'agee'; did you mean 'age'?@1:34"},
        {"MATCH (p) WHERE EXISTS { (p)-[:LIKES]->(:Person) } RETURN p",
         "no relationship has the type 'LIKES'@1:32"},
        /* Maps have keys of their own; what is made is not asked for. */
        {"UNWIND [{foo: 1}] AS row RETURN row.foo", ""},
        {"MATCH (p:Nobody) CREATE (:New {fresh: 1})-[:MADE]->(p) SET p.other = 1, p:More",
         "no node has the label 'Nobody'@1:10"},
        {"MERGE (p:Another {key: 1}) RETURN p", ""},
    };
    api_fixture *f = *state;
    char text[1024];
    sombra_txn *txn;

    make_people(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        warnings_of(f, cases[i].text, text, sizeof text);
        assert_string_equal(text, cases[i].warnings);
    }
    /* In a transaction that is open, and before the first step. */
    OK(f, sombra_begin(f->conn, SOMBRA_WRITE, &txn));
    sombra_stmt *stmt = prepare(f, "MATCH (p:Persn) RETURN p");
    sombra_error warning;
    OK(f, sombra_stmt_warning(stmt, 0, &warning));
    FAILS(f, sombra_stmt_warning(stmt, 0, NULL), SOMBRA_MISUSE, "warning is needed");
    assert_int_equal(sombra_stmt_warning(NULL, 0, &warning), SOMBRA_MISUSE);
    sombra_stmt_finalize(stmt);
    sombra_rollback(txn);
    /* Sixteen are text. */
    warnings_of(f, "MATCH (:A1|A2|A3|A4|A5|A6|A7|A8|A9|B1|B2|B3|B4|B5|B6|B7|B8|B9) RETURN 1", text,
                sizeof text);
    assert_non_null(strstr(text, "'B7'"));
    assert_null(strstr(text, "'B8'"));
}

/* ---- Functions and procedures of the program's own --------------------------------------------------------------------- */

static sombra_status add_up(sombra_call *call)
{
    const sombra_value *a = sombra_call_arg(call, 0), *b = sombra_call_arg(call, 1);
    const int64_t *bonus = sombra_call_context(call);

    assert_int_equal(sombra_call_arg_count(call), 2);
    assert_null(sombra_call_arg(call, 2));
    if (a->type == SOMBRA_TYPE_NULL)
        return sombra_call_fail(call, SOMBRA_INVALID, "nothing to add to");
    const sombra_value sum = sombra_int(a->as.integer + b->as.integer + *bonus);
    return sombra_call_result(call, &sum);
}

static sombra_status longest_step(sombra_call *call)
{
    int64_t *longest = sombra_call_state(call);
    const sombra_value *text = sombra_call_arg(call, 0);

    if ((int64_t)text->as.bytes.size > *longest) *longest = (int64_t)text->as.bytes.size;
    return SOMBRA_OK;
}

static sombra_status longest_finish(sombra_call *call)
{
    const sombra_value result = sombra_int(*(int64_t *)sombra_call_state(call));
    return sombra_call_result(call, &result);
}

static sombra_status count_up(sombra_call *call)
{
    for (int64_t i = 1; i <= sombra_call_arg(call, 0)->as.integer; i++) {
        const sombra_value row[] = {sombra_int(i), sombra_string("x", 1)};
        const sombra_status status = sombra_call_emit(call, row);
        if (status != SOMBRA_OK) return status;
    }
    return SOMBRA_OK;
}

/* Stop at the second call. */
static bool stop_soon(void *ctx, uint64_t done, uint64_t total)
{
    unsigned *calls = ctx;

    assert_true(total == 0 ? done == 0 : done <= total); /* no row is given */
    return ++*calls < 2;
}

typedef struct watched {
    uint64_t done, total; /* of the first call that knew how far it is */
    unsigned unknown;     /* calls before it */
    bool endless;         /* it is never known: stop at the third call */
} watched;

static bool stop_when_known(void *ctx, uint64_t done, uint64_t total)
{
    watched *w = ctx;

    if (total == 0) return !(++w->unknown == 3 && w->endless);
    w->done = done;
    w->total = total;
    return false;
}

/* Statements that would take hours tell how far they are, of what they read. */
static void test_api_query__progress_of_input(void **state)
{
#define SLOWLY " UNWIND range(1, 20000) AS x WITH x WHERE x % 7 = 8 RETURN count(*)"
    static const struct {
        const char *query;
        uint64_t total;
    } cases[] = {
        {"MATCH (n:A)" SLOWLY, 3000},
        {"MATCH (n)" SLOWLY, 5000},
        {"MATCH ()-[r:R]->()" SLOWLY, 2999},
        {"MATCH ()-[r]-()" SLOWLY, 2999},
        {"UNWIND range(1, 7000) AS y" SLOWLY, 7000},
        {"MATCH (a:A), (b:B) WHERE a.i = b.i UNWIND range(1, 20) AS z" SLOWLY, 5000},
        {"MATCH (b:B) RETURN 1 AS x UNION ALL MATCH (a:A)" SLOWLY " AS x", 5000},
        /* No part of a scan is done before the statement is: the first clause has one row, and others are read again and again. */
        {"MATCH (n:B) WHERE id(n) = 3001 WITH n MATCH (m:A)" SLOWLY, 0},
        {"UNWIND [1] AS y" SLOWLY, 0},
        {"RETURN [x IN range(1, 2000000) WHERE x % 7 = 8 | [y IN range(1, 20) | y]]", 0},
    };
    api_fixture *f = *state;

    query_int(f, "UNWIND range(1, 3000) AS i CREATE (:A {i: i}) RETURN count(*)");
    query_int(f, "UNWIND range(1, 2000) AS i CREATE (:B {i: i}) RETURN count(*)");
    query_int(f, "MATCH (a:A), (b:A {i: a.i + 1}) CREATE (a)-[:R]->(b) RETURN count(*)");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        watched w = {.endless = cases[i].total == 0};
        sombra_stmt *stmt = prepare(f, cases[i].query);
        sombra_set_progress(f->conn, stop_when_known, &w);
        sombra_status status = sombra_stmt_step(stmt);
        while (status == SOMBRA_ROW)
            status = sombra_stmt_step(stmt);
        sombra_set_progress(f->conn, NULL, NULL);
        if (w.total != cases[i].total) print_error("%s\n", cases[i].query);
        assert_int_equal(w.total, cases[i].total);
        assert_true(w.done <= w.total && (w.total == 0 || w.done != 0));
        if (w.total != 0) assert_int_equal(status, SOMBRA_INTERRUPT);
        sombra_stmt_finalize(stmt);
    }
}

static void test_api_query__progress(void **state)
{
    static const char *const text = "UNWIND range(1, 10000) AS a UNWIND range(1, 100000) AS x WITH "
                                    "x WHERE x % 7 = 8 RETURN count(*)";
    api_fixture *f = *state;
    unsigned calls = 0;
    sombra_stmt *stmt;

    sombra_set_progress(f->conn, stop_soon, &calls);
    stmt = prepare(f, text);
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_INTERRUPT);
    assert_int_equal(calls, 2);
    sombra_stmt_finalize(stmt);
    sombra_set_progress(f->conn, NULL, NULL);
    assert_int_equal(query_int(f, "RETURN 7"), 7);
}

static sombra_status give_back(sombra_call *call)
{
    ++*(unsigned *)sombra_call_context(call);
    return sombra_call_result(call, sombra_call_arg(call, 0));
}

static sombra_status give_text(sombra_call *call)
{
    const sombra_value text = sombra_string("x", 1);

    (void)sombra_call_result(call, &text); /* what it says is told without the callback */
    return SOMBRA_OK;
}

static sombra_status emit_text(sombra_call *call)
{
    const sombra_value row[] = {sombra_string("x", 1)};

    return sombra_call_emit(call, row);
}

static sombra_status step_nothing(sombra_call *call)
{
    (void)call;
    return SOMBRA_OK;
}

static void fails_at_step(api_fixture *f, const char *text, sombra_status status,
                          const char *message)
{
    sombra_stmt *stmt = prepare(f, text);

    FAILS(f, sombra_stmt_step(stmt), status, message);
    sombra_stmt_finalize(stmt);
}

static void fails_at_run(api_fixture *f, const char *text, const char *message)
{
    fails_at_step(f, text, SOMBRA_TYPE_MISMATCH, message);
}

static void test_api_query__signatures_hold(void **state)
{
    static const char *const refused[] = {"my.dup(a :: ANY, a :: ANY) :: ANY",
                                          "case(x :: ANY) :: ANY",
                                          "all(x :: ANY) :: ANY",
                                          "not(x :: ANY) :: ANY",
                                          "my.a(x :: LIST<INTEGRE>) :: ANY",
                                          "my.a(x :: INTEGER;) :: ANY",
                                          "my.\xE2\x82\xAC(x :: ANY) :: ANY",
                                          "my.a(\xE2\x82\xAC :: ANY) :: ANY",
                                          "my.a(x :: INTEGER) :: ANY OPTIONS {}",
                                          "my.a(x :: NOTHING) :: ANY"};
    api_fixture *f = *state;
    unsigned calls = 0;

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        FAILS_ERROR(f, sombra_register_function(f->db, refused[i], give_back, &calls, &f->error),
                    SOMBRA_SYNTAX, "signature");
    OK_ERROR(f, sombra_register_function(f->db, "sig.int(n :: INTEGER) :: INTEGER", give_back,
                                         &calls, &f->error));
    OK_ERROR(f, sombra_register_function(f->db, "sig.real(n :: FLOAT?) :: FLOAT", give_back, &calls,
                                         &f->error));
    OK_ERROR(f, sombra_register_function(f->db, "sig.set(n :: INTEGER NOT NULL) :: ANY", give_back,
                                         &calls, &f->error));
    OK_ERROR(f, sombra_register_function(f->db, "sig.list(n :: LIST<INTEGER>) :: LIST<INTEGER>",
                                         give_back, &calls, &f->error));
    OK_ERROR(f, sombra_register_function(f->db, "sig.zoned(t :: ZONED DATETIME?) :: ZONED DATETIME",
                                         give_back, &calls, &f->error));
    OK_ERROR(f, sombra_register_function(f->db, "sig.\xC3\xA4(\xC3\xB6 :: ANY?) :: ANY", give_back,
                                         &calls, &f->error));
    OK_ERROR(f,
             sombra_register_function(f->db, "sig.text() :: INTEGER", give_text, NULL, &f->error));
    OK_ERROR(f, sombra_register_procedure(f->db, "sig.rows() :: (n :: INTEGER)", emit_text, NULL,
                                          &f->error));
    OK_ERROR(f,
             sombra_register_aggregate(f->db, "sig.agg(n :: INTEGER) :: INTEGER", sizeof(int64_t),
                                       step_nothing, give_text, NULL, &f->error));
    fails_at_run(f, "WITH {v: 1.5} AS m WITH m.v AS x RETURN sig.int(x)",
                 "sig.int: argument n is INTEGER, not a value of type FLOAT");
    fails_at_run(f, "WITH {v: 'a'} AS m WITH m.v AS x RETURN sig.real(x)", "argument n is FLOAT");
    fails_at_run(f, "WITH {v: null} AS m WITH m.v AS x RETURN sig.set(x)", "INTEGER NOT NULL");
    fails_at_run(f, "WITH {v: [1, 'a']} AS m WITH m.v AS x RETURN sig.list(x)", "LIST<INTEGER>");
    fails_at_run(f, "WITH {v: localdatetime()} AS m WITH m.v AS x RETURN sig.zoned(x)",
                 "ZONED DATETIME");
    fails_at_run(f, "WITH {v: 'a'} AS m WITH m.v AS x RETURN sig.agg(x)",
                 "sig.agg: argument n is INTEGER");
    assert_int_equal(calls, 0);
    fails_at_run(f, "RETURN sig.text()", "sig.text: result is INTEGER, not a value of type STRING");
    fails_at_run(f, "CALL sig.rows() YIELD n RETURN n", "sig.rows: result n is INTEGER");
    fails_at_run(f, "WITH {v: 1} AS m WITH m.v AS x RETURN sig.agg(x)",
                 "sig.agg: result is INTEGER");
    assert_int_equal(query_int(f, "UNWIND [7] AS x RETURN sig.int(x)"), 7);
    assert_int_equal(
        query_int(f, "UNWIND [null] AS x RETURN CASE WHEN sig.int(x) IS NULL THEN 1 END"), 1);
    assert_int_equal(query_int(f, "UNWIND [2] AS x RETURN toInteger(sig.real(x) / 4 * 10)"), 5);
    assert_int_equal(query_int(f, "UNWIND [[1, 2]] AS x RETURN size(sig.list(x))"), 2);
    assert_int_equal(
        query_int(f, "UNWIND [datetime()] AS x RETURN CASE WHEN sig.zoned(x) = x THEN 1 END"), 1);
    assert_int_equal(query_int(f, "CREATE p = (:SigA)-[:R]->(:SigB) WITH p, sig.\xC3\xA4(p) AS q "
                                  "RETURN CASE WHEN p = q THEN length(q) END"),
                     1);
    assert_int_equal(
        query_int(f, "SHOW FUNCTIONS YIELD name WHERE name STARTS WITH 'sig.' RETURN count(*)"), 8);
    assert_int_equal(
        query_int(f, "SHOW PROCEDURES YIELD name WHERE name STARTS WITH 'sig.' RETURN count(*)"),
        1);
    assert_int_equal(
        query_int(f, "CALL show.functions() YIELD name WHERE name = 'sig.int' RETURN count(*)"), 1);
}

/* Callbacks that go on after an error: with a call that is refused, whose error is recorded in the same place. */
static api_fixture *going_on;

static sombra_status go_on(void)
{
    sombra_stmt *stmt;

    assert_int_equal(sombra_prepare(going_on->conn, "RETURN 1", SOMBRA_NUL_TERMINATED, &stmt, NULL),
                     SOMBRA_MISUSE);
    return SOMBRA_OK;
}

static sombra_status give_broken(sombra_call *call)
{
    const sombra_value text = sombra_string("\xFF", 1);

    assert_int_equal(sombra_call_result(call, &text), SOMBRA_INVALID);
    return go_on();
}

static sombra_status give_none(sombra_call *call)
{
    assert_int_equal(sombra_call_result(call, NULL), SOMBRA_MISUSE);
    return go_on();
}

static sombra_status fail_aloud(sombra_call *call)
{
    assert_int_equal(sombra_call_fail(call, SOMBRA_NOT_FOUND, "nowhere"), SOMBRA_NOT_FOUND);
    return go_on();
}

static sombra_status emit_broken(sombra_call *call)
{
    const sombra_value row[] = {sombra_string("\xFF", 1)};

    assert_int_equal(sombra_call_emit(call, row), SOMBRA_INVALID);
    return go_on();
}

static sombra_status emit_in_function(sombra_call *call)
{
    assert_int_equal(sombra_call_emit(call, NULL), SOMBRA_MISUSE);
    return go_on();
}

static sombra_status only_refused(sombra_call *call)
{
    (void)call;
    return go_on();
}

static void test_api_query__errors_of_callbacks_are_kept(void **state)
{
    api_fixture *f = *state;

    going_on = f;
    OK_ERROR(f,
             sombra_register_function(f->db, "on.broken() :: ANY", give_broken, NULL, &f->error));
    OK_ERROR(f, sombra_register_function(f->db, "on.none() :: ANY", give_none, NULL, &f->error));
    OK_ERROR(f, sombra_register_function(f->db, "on.fails() :: ANY", fail_aloud, NULL, &f->error));
    OK_ERROR(
        f, sombra_register_function(f->db, "on.emits() :: ANY", emit_in_function, NULL, &f->error));
    OK_ERROR(f, sombra_register_function(f->db, "on.well() :: ANY", only_refused, NULL, &f->error));
    OK_ERROR(f, sombra_register_procedure(f->db, "on.rows() :: (n :: ANY)", emit_broken, NULL,
                                          &f->error));
    OK_ERROR(f, sombra_register_aggregate(f->db, "on.agg(n :: ANY) :: ANY", sizeof(int64_t),
                                          step_nothing, give_broken, NULL, &f->error));
    OK_ERROR(f, sombra_register_aggregate(f->db, "on.step(n :: ANY) :: ANY", sizeof(int64_t),
                                          fail_aloud, only_refused, NULL, &f->error));
    fails_at_step(f, "RETURN on.broken()", SOMBRA_INVALID, "UTF-8");
    fails_at_step(f, "RETURN on.none()", SOMBRA_MISUSE, "sombra_call_result");
    fails_at_step(f, "RETURN on.fails()", SOMBRA_NOT_FOUND, "nowhere");
    fails_at_step(f, "RETURN on.emits()", SOMBRA_MISUSE, "sombra_call_emit");
    fails_at_step(f, "CALL on.rows() YIELD n RETURN n", SOMBRA_INVALID, "UTF-8");
    fails_at_step(f, "UNWIND [1] AS x RETURN on.agg(x)", SOMBRA_INVALID, "UTF-8");
    fails_at_step(f, "UNWIND [1] AS x RETURN on.step(x)", SOMBRA_NOT_FOUND, "nowhere");
    assert_int_equal(query_int(f, "RETURN CASE WHEN on.well() IS NULL THEN 1 END"), 1);
}

/* Whether there is any row is known with the first: what is below makes few at a time. */
static sombra_status is_asked(sombra_call *call)
{
    const sombra_value yes = sombra_bool(true);

    ++*(unsigned *)sombra_call_context(call);
    return sombra_call_result(call, &yes);
}

static void test_api_query__existence_stops(void **state)
{
    static const char *const conditions[] = {
        "EXISTS { MATCH (p)-[:F]->(x) WHERE few.asked(x) }",
        "EXISTS { MATCH (p)-[:F*1..4]->(x) WHERE few.asked(x) }",
        "EXISTS { MATCH (p)-[r:F*2..4]->(x) WHERE few.asked(r) }",
        "EXISTS { UNWIND range(1, 100) AS x WITH x WHERE few.asked(x) RETURN x }",
        "EXISTS { MATCH (x:Few) WHERE few.asked(x) AND few.asked(p) }",
        ("EXISTS { MATCH (p)-[:F]->(a) WHERE EXISTS { MATCH (a)-[:F]->(b) WHERE EXISTS { "
         "MATCH (b)-[:F]->(c) WHERE few.asked(c) } } }"),
    };
    enum { NODES = 6 };
    api_fixture *f = *state;
    unsigned calls = 0;
    char text[400];

    OK_ERROR(f, sombra_register_function(f->db, "few.asked(x :: ANY) :: BOOLEAN", is_asked, &calls,
                                         &f->error));
    assert_int_equal(query_int(f, "UNWIND range(1, 6) AS i CREATE (:Few {i: i}) RETURN count(*)"),
                     NODES);
    assert_int_equal(query_int(f, "MATCH (a:Few), (b:Few) WHERE a <> b CREATE (a)-[:F]->(b) RETURN "
                                  "count(*)"),
                     NODES * (NODES - 1));
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        calls = 0;
        (void)snprintf(text, sizeof text, "MATCH (p:Few) WHERE %s RETURN count(*)", conditions[i]);
        assert_int_equal(query_int(f, text), NODES);
        if (calls > 2 * NODES) print_error("%s: %u calls\n", text, calls);
        assert_true(calls <= 2 * NODES);
    }
}

static void test_api_query__edges_of_numbers(void **state)
{
    static const char *const query = "UNWIND [3, 1, 2] AS x WITH x ORDER BY x SKIP 1 LIMIT "
                                     "9223372036854775807 RETURN sum(x)";
    api_fixture *f = *state;

    assert_int_equal(query_int(f, query), 5); /* together more than an INTEGER */
    assert_int_equal(query_int(f, "UNWIND [1e308, 1e308, 1e308] AS x WITH avg(x) AS a RETURN "
                                  "CASE a WHEN 1e308 THEN 1 END"),
                     1);
    fails_at_step(f, "WITH {v: 0.0} AS m RETURN toInteger(m.v / m.v)", SOMBRA_INVALID, "(NaN)");
    fails_at_step(f, "WITH {v: []} AS m RETURN toInteger(m.v)", SOMBRA_INVALID,
                  "a STRING, number or BOOLEAN");
}

static void test_api_query__registered(void **state)
{
    api_fixture *f = *state;
    static int64_t bonus = 100;
    sombra_stmt *stmt;

    OK_ERROR(f, sombra_register_function(f->db, "my.add(a :: INTEGER?, b :: INTEGER?) :: INTEGER?",
                                         add_up, &bonus, &f->error));
    OK_ERROR(f, sombra_register_aggregate(f->db, "my.longest(text :: STRING?) :: INTEGER?",
                                          sizeof(int64_t), longest_step, longest_finish, NULL,
                                          &f->error));
    OK_ERROR(f, sombra_register_procedure(
                    f->db, "my.count(n :: INTEGER?) :: (i :: INTEGER?, x :: STRING?)", count_up,
                    NULL, &f->error));
    FAILS_ERROR(f,
                sombra_register_function(f->db, "my.ADD(a :: INTEGER?) :: INTEGER?", add_up, NULL,
                                         &f->error),
                SOMBRA_EXISTS, "my.ADD");
    FAILS_ERROR(
        f,
        sombra_register_function(f->db, "size(a :: INTEGER?) :: INTEGER?", add_up, NULL, &f->error),
        SOMBRA_EXISTS, "size");
    FAILS_ERROR(f,
                sombra_register_function(f->db, "my.bad(a : INTEGER?) :: INTEGER?", add_up, NULL,
                                         &f->error),
                SOMBRA_SYNTAX, "::");
    FAILS_ERROR(f,
                sombra_register_function(f->db, "my.bad(a :: INTEGRE) :: INTEGER?", add_up, NULL,
                                         &f->error),
                SOMBRA_SYNTAX, "a type");
    FAILS_ERROR(f,
                sombra_register_procedure(f->db, "my.bad() :: INTEGER", count_up, NULL, &f->error),
                SOMBRA_SYNTAX, "parentheses");
    FAILS_ERROR(f, sombra_register_procedure(f->db, "my.count() :: ()", count_up, NULL, &f->error),
                SOMBRA_EXISTS, "my.count");
    FAILS_ERROR(f,
                sombra_register_aggregate(f->db, "my.huge(x :: ANY) :: ANY", SIZE_MAX - 3,
                                          longest_step, longest_finish, NULL, &f->error),
                SOMBRA_LIMIT, "2 GiB");
    assert_int_equal(query_int(f, "RETURN my.add(1, 2)"), 103);
    assert_int_equal(query_int(f, "UNWIND [1, 2] AS i RETURN sum(my.add(i, i))"), 206);
    assert_int_equal(query_int(f, "UNWIND ['a', 'abc', 'ab'] AS t RETURN my.longest(t)"), 3);
    assert_int_equal(query_int(f, "CALL my.count(4) YIELD i RETURN sum(i)"), 10);
    stmt = prepare(f, "RETURN my.add(null, 2)");
    FAILS(f, sombra_stmt_step(stmt), SOMBRA_INVALID, "nothing to add to");
    sombra_stmt_finalize(stmt);
    FAILS(f, sombra_prepare(f->conn, "RETURN my.add(1)", SOMBRA_NUL_TERMINATED, &stmt, NULL),
          SOMBRA_SYNTAX, "my.add");
}

static void test_api_query__built_in_procedures(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt;
    sombra_value value;

    make_people(f);
    assert_int_equal(
        query_int(f, "CALL db.labels() YIELD label WHERE label = 'Person' RETURN count(*)"), 1);
    assert_int_equal(
        query_int(f, "CALL db.relationshipTypes() YIELD relationshipType RETURN count(*)"), 1);
    assert_int_equal(query_int(f, "CALL db.propertyKeys() YIELD propertyKey RETURN count(*)"), 2);
    stmt = prepare(f, "CALL dbms.components()");
    step_row(f, stmt);
    OK(f, sombra_stmt_column(stmt, 1, &value));
    assert_int_equal(value.as.list.items[0].as.bytes.size, strlen(sombra_version()));
    assert_memory_equal(value.as.list.items[0].as.bytes.data, sombra_version(),
                        strlen(sombra_version()));
    sombra_stmt_finalize(stmt);
}

static void test_api_query__value_text(void **state)
{
    char text[64];
    size_t size;
    const sombra_value date = {.type = SOMBRA_TYPE_DATE, .as.integer = 0};
    const sombra_value number = sombra_float(1);
    const sombra_value list = {.type = SOMBRA_TYPE_LIST};
    (void)state;

    assert_int_equal(sombra_value_to_string(&date, text, sizeof text, &size), SOMBRA_OK);
    assert_int_equal(size, 10);
    assert_memory_equal(text, "1970-01-01", 10);
    assert_int_equal(sombra_value_to_string(&number, text, 1, &size), SOMBRA_OK);
    assert_int_equal(size, 3);
    assert_int_equal(sombra_value_to_string(&list, text, sizeof text, &size), SOMBRA_TYPE_MISMATCH);
    assert_int_equal(sombra_value_to_string(NULL, text, sizeof text, &size), SOMBRA_MISUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_api_query__rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__depth, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__entities, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__script, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__distinct_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__ids_that_are_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__transactions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__schema, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__types_of_properties, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__unique_when_set, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__merge_of_chance, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__dropping, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__label_index, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__buffered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__explain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__profile_of_growth, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__planned_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__clock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__warnings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__progress, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__progress_of_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__registered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__edges_of_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__signatures_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__errors_of_callbacks_are_kept, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_api_query__existence_stops, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query__built_in_procedures, setup, teardown),
        cmocka_unit_test(test_api_query__value_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
