/* test_query_import.c — CALL sombra.import.*: CSV files into the graph from a query, as part of its transaction. */
#include "support/api_rows.h"

static void put_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, strlen(content), file), strlen(content));
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    static api_fixture fixture;

    api_new(&fixture);
    api_close(&fixture);
    strcpy(fixture.options.import_dirs, ".");
    fixture.options.profile = true;
    api_open_at(&fixture, API_PATH);
    put_file("people.csv", "id|name|age:int\n1|Ann|41\n2|Bob|\n3|Cid|x\n");
    put_file("knows.csv", "from,to,since:int,kind\n1,2,2001,LIKES\n2,1,2002,\n1,9,2003,\n");
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    static const char *const files[] = {"people.csv", "knows.csv", "more.csv", "head.csv"};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        (void)unlink(files[i]);
    api_end(*state);
    return 0;
}

#define PEOPLE                                                                                     \
    "CALL sombra.import.nodes('people.csv', {label: 'Person', id: 'id', delimiter: '|', "          \
    "max_rejects: 1}) "
#define KNOWS                                                                                      \
    "CALL sombra.import.relationships('knows.csv', {type: 'KNOWS', start: 'from', end: 'to', "     \
    "start_label: 'Person', start_key: 'id', end_label: 'Person', end_key: 'id'"

static void test_api_query_import__both(void **state)
{
    api_fixture *f = *state;
    sombra_stmt *stmt;
    sombra_stmt_changes changes;

    gives(f,
          PEOPLE "YIELD nodes, relationships, properties, skipped, rejected, errors RETURN nodes, "
                 "relationships, "
                 "properties, skipped, rejected, size(errors), errors[0] ENDS WITH 'people.csv, "
                 "line 4, column 3 (age): "
                 "\\'x\\' is not an INTEGER'",
          "2|0|5|0|1|1|true");
    gives(f, "MATCH (p:Person) RETURN p.id, p.name, p.age ORDER BY p.id", "1|Ann|41 2|Bob|null");
    OK(f, sombra_prepare(f->conn, KNOWS ", type_column: 'kind', skip_missing_endpoints: true})",
                         SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_int_equal(sombra_stmt_column_count(stmt), 6);
    assert_true(sombra_stmt_writes(stmt));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_DONE);
    OK(f, sombra_stmt_get_changes(stmt, &changes));
    assert_int_equal(changes.rels_created, 2);
    assert_int_equal(changes.properties_set, 2);
    sombra_stmt_finalize(stmt);
    gives(f, "MATCH (a)-[k]->(b) RETURN a.name, type(k), k.since, b.name ORDER BY k.since",
          "Ann|LIKES|2001|Bob Bob|KNOWS|2002|Ann");
    gives(f, "SHOW PROCEDURES YIELD name WHERE name STARTS WITH 'sombra.import' RETURN count(*)",
          "2");
}

/* What clauses of the same statement see, and what its transaction undoes. */
static void test_api_query_import__transactions(void **state)
{
    api_fixture *f = *state;
    char rows[200];

    gives(f, PEOPLE "YIELD nodes MATCH (p:Person) RETURN nodes, p.name ORDER BY p.name",
          "2|Ann 2|Bob");
    gives(f, "MATCH (p) DELETE p", "");
    gives(f,
          "UNWIND range(1, 3) AS i CREATE (:Seen {i: i}) WITH i " PEOPLE
          "YIELD nodes WITH count(*) AS n MATCH (p) RETURN n, count(p)",
          "3|9");
    gives(f, "MATCH (p) DELETE p", "");
    OK(f, sombra_begin(f->conn, SOMBRA_WRITE, &f->txn));
    gives(f, PEOPLE "YIELD nodes RETURN nodes", "2");
    /* It fails at its third row, and is undone alone. */
    FAILS(f, rows_of(f, KNOWS "})", rows, sizeof rows), SOMBRA_NOT_FOUND,
          "knows.csv, line 4, column 2 (to): '9' is the id of no node :Person");
    assert_int_equal(sombra_error_of(f->conn)->line, 0);
    gives(f, "MATCH (a:Person) RETURN count(a), COUNT { ()-->() }", "2|0");
    sombra_rollback(f->txn);
    gives(f, "MATCH (a) RETURN count(a)", "0");
}

static void test_api_query_import__options(void **state)
{
    api_fixture *f = *state;

    put_file("head.csv", "a:ID;b:string[];kinds;n\n");
    put_file("more.csv", "'1;1'; x-y ;'P:Q';7\n2;NIL;;8\n2;;;9\n");
    gives(f,
          "CALL sombra.import.nodes('more.csv', {header: 'file:///head.csv', delimiter: ';', "
          "quote: \"'\", "
          "array_delimiter: '-', null: 'NIL', trim: true, infer_types: true, label: 'L:M', "
          "label_column: 'kinds', "
          "store_ids: false, skip_duplicate_ids: true, id: null, max_rejects: 0}) "
          "YIELD nodes, skipped RETURN nodes, skipped",
          "2|1");
    gives(f, "MATCH (n) RETURN labels(n), n.a, n.b, n.n ORDER BY n.n",
          "[L,M,P,Q]|null|[x,y]|7 [L,M]|null|null|8");
    /* Headers with roles need no options, and ends that are node ids no keys. */
    put_file("more.csv", ":START_ID,:END_ID,:TYPE\n1,1,T\n");
    gives(f, "CALL sombra.import.relationships('more.csv')", "0|1|0|0|0|[]");
    gives(f, "MATCH (n)-[r]->(n) RETURN type(r)", "T");
}

static uint64_t tree_descents(api_fixture *f)
{
    sombra_counter counters[256];
    size_t count;

    assert_int_equal(sombra_profile_snapshot(f->db, true, counters, 256, &count), SOMBRA_OK);
    for (size_t i = 0; i < count; i++)
        if (strcmp(counters[i].name, "tree_descents") == 0) return counters[i].value;
    fail();
    return 0;
}

/* A file that is small beside the label asks an index for each end, and the nodes of the label otherwise: with the same outcome, for ids of all
 * types, for such as several nodes have or none, for nodes of the same transaction, and for NaN, which no index finds. */
static void test_api_query_import__ends_by_index(void **state)
{
    static const char link[] =
        "CALL sombra.import.relationships('more.csv', {type: 'T', start: 'a', end: 'b', "
        "start_label: 'P', start_key: 'k', end_label: 'P', end_key: 'k', max_rejects: 9}) "
        "YIELD relationships, skipped, rejected, errors RETURN relationships, rejected, errors";
    static const char count[] =
        "MATCH (a)-[:T]->(b) RETURN toString(a.k), toString(b.k) ORDER BY id(a), id(b)";
    api_fixture *f = *state;
    char rows[2][4000], links[2][4000];
    uint64_t descents[2];

    put_file("more.csv",
             "a,b\n7,8\n7.0,2024-01-01\ntrue,NaN\n\"a \"\"q\"\"\",new\n07,8\n8,none\n,8\n8,"
             "twice\n8,9,10\n900,new\n");
    gives(
        f,
        "UNWIND range(10, 3000) AS i CREATE (:P {k: i}) WITH count(*) AS n UNWIND [7, 8.0, 8, 7.0, "
        "date('2024-01-01'), true, 0.0 / 0.0, 'a \"q\"', 'twice', 'twice', [1]] AS k CREATE (:P "
        "{k: k})",
        "");
    for (unsigned i = 0; i < 2; i++) {
        if (i == 1) gives(f, "CREATE INDEX FOR (p:P) ON (p.k)", "");
        OK(f, sombra_begin(f->conn, SOMBRA_WRITE, &f->txn));
        gives(f, "CREATE (:P {k: 'new'})", "");
        (void)tree_descents(f);
        OK(f, rows_of(f, link, rows[i], sizeof rows[i]));
        descents[i] = tree_descents(f);
        OK(f, rows_of(f, count, links[i], sizeof links[i]));
        sombra_rollback(f->txn);
    }
    assert_string_equal(rows[0], rows[1]);
    assert_string_equal(links[0], links[1]);
    assert_memory_equal(rows[0], "5|5|[", 5);
    assert_true(descents[1] > descents[0]); /* each id goes down the index */
}

typedef struct refusal {
    const char *query;
    sombra_status status;
    const char *part;
} refusal;
static const refusal refusals[] = {
    {"CALL sombra.import.nodes('/etc/passwd')", SOMBRA_INVALID, "import_dirs"},
    {"CALL sombra.import.nodes('../people.csv')", SOMBRA_INVALID, "import_dirs"},
    {"CALL sombra.import.nodes('https://example.org/people.csv')", SOMBRA_INVALID,
     "only files are read"},
    {"CALL sombra.import.nodes('people.csv', {header: '/etc/passwd'})", SOMBRA_INVALID,
     "import_dirs"},
    {"CALL sombra.import.nodes()", SOMBRA_SYNTAX, "takes 1 to 2 arguments, here are 0"},
    {"CALL sombra.import.nodes('a', {}, 1)", SOMBRA_SYNTAX, "takes 1 to 2 arguments, here are 3"},
    {"CALL sombra.import.nodes(1)", SOMBRA_TYPE_MISMATCH, "is STRING"},
    {"CALL sombra.import.nodes(null)", SOMBRA_TYPE_MISMATCH, "expected a string"},
    {"CALL sombra.import.nodes('people.csv', [])", SOMBRA_TYPE_MISMATCH, "is MAP"},
    {"CALL sombra.import.nodes('people.csv', {labels: 'A'})", SOMBRA_INVALID,
     "'labels': there is no such option; did you mean 'label'?"},
    {"CALL sombra.import.nodes('people.csv', {start_key: 'A'})", SOMBRA_INVALID,
     "there is no such option"},
    {"CALL sombra.import.relationships('knows.csv', {id: 'A'})", SOMBRA_INVALID,
     "there is no such option"},
    {"CALL sombra.import.nodes('people.csv', {label: 1})", SOMBRA_INVALID,
     "'label': a string is expected"},
    {"CALL sombra.import.nodes('people.csv', {id: 'a\\u0000b'})", SOMBRA_INVALID, "without NUL"},
    {"CALL sombra.import.nodes('people.csv', {delimiter: '||'})", SOMBRA_INVALID,
     "one character of ASCII"},
    {"CALL sombra.import.nodes('people.csv', {delimiter: 'é'})", SOMBRA_INVALID,
     "one character of ASCII"},
    {"CALL sombra.import.nodes('people.csv', {delimiter: ''})", SOMBRA_INVALID,
     "the delimiter is one"},
    {"CALL sombra.import.nodes('people.csv', {trim: 1})", SOMBRA_INVALID, "'trim': true or false"},
    {"CALL sombra.import.nodes('people.csv', {max_rejects: -1})", SOMBRA_INVALID,
     "'max_rejects': an integer"},
    {"CALL sombra.import.nodes('people.csv', {max_rejects: 1.0})", SOMBRA_INVALID,
     "'max_rejects': an integer"},
    {"CALL sombra.import.nodes('people.csv', {id: 'key', delimiter: '|'})", SOMBRA_SYNTAX,
     "no column 'key'"},
    {"CALL sombra.import.nodes('people.csv', {delimiter: '|'})", SOMBRA_TYPE_MISMATCH,
     "people.csv, line 4, column 3 (age): 'x' is not an INTEGER"},
    {"CALL sombra.import.relationships('knows.csv', {type: 'T', start_label: 'P'})", SOMBRA_INVALID,
     "'start_key'"},
    {"CALL sombra.import.relationships('knows.csv', {type: 'T', start_key: 'P'})", SOMBRA_INVALID,
     "'end_key'"},
    {"CALL sombra.import.relationships('knows.csv', {type: 'T', end_key: 'P'})", SOMBRA_INVALID,
     "'start_key'"},
    {"CALL sombra.import.relationships('knows.csv', {start: 'from', end: 'to'})", SOMBRA_SYNTAX,
     "type"},
    {"CALL sombra.import.relationships('knows.csv', {type: 'T'})", SOMBRA_SYNTAX, ":START_ID"},
    {"CALL sombra.import.relationships('knows.csv', {type: 'T', start: 'from', end: 'to'})",
     SOMBRA_NOT_FOUND, "there is no node 1"},
};

static void test_api_query_import__refused(void **state)
{
    api_fixture *f = *state;

    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        refused(f, refusals[i].query, refusals[i].status, refusals[i].part);
    gives(f, "MATCH (n) RETURN count(n)", "0");
    api_close(f);
    f->options.import_dirs[0] = '\0';
    api_open_at(f, API_PATH);
    refused(f, "CALL sombra.import.nodes('people.csv')", SOMBRA_INVALID, "reading files is off");
    api_close(f);
    f->options.read_only = true;
    strcpy(f->options.import_dirs, ".");
    api_open_at(f, API_PATH);
    refused(f, "CALL sombra.import.nodes('people.csv')", SOMBRA_READ_ONLY, "");
    f->options.read_only = false;
}

/* Of many rejected rows the first hundred messages are given. */
static void test_api_query_import__rejects(void **state)
{
    api_fixture *f = *state;
    static char text[4000];
    size_t size = (size_t)sprintf(text, "n:int\n1\n");

    for (int i = 0; i < 150; i++)
        size += (size_t)sprintf(text + size, "x%d\n", i);
    put_file("more.csv", text);
    gives(f,
          "CALL sombra.import.nodes('more.csv', {max_rejects: 150}) YIELD nodes, rejected, errors "
          "RETURN nodes, rejected, size(errors), errors[99] CONTAINS 'line 102'",
          "1|150|100|true");
    refused(f, "CALL sombra.import.nodes('more.csv', {max_rejects: 149})", SOMBRA_REJECTED,
            "more than 149 rows are wrong");
}

typedef struct watcher {
    uint64_t calls, done, total;
    bool stop;
} watcher;

static bool watch(void *ctx, uint64_t done, uint64_t total)
{
    watcher *w = ctx;

    w->calls++;
    w->done = done;
    if (total > w->total) w->total = total;
    return !w->stop;
}

static void test_api_query_import__progress(void **state)
{
    api_fixture *f = *state;
    watcher w = {0};

    sombra_set_progress(f->conn, watch, &w);
    gives(f, PEOPLE "YIELD nodes RETURN nodes", "2");
    assert_true(w.calls != 0);
    assert_int_equal(w.total, strlen("id|name|age:int\n1|Ann|41\n2|Bob|\n3|Cid|x\n"));
    w.stop = true;
    refused(f, PEOPLE "YIELD nodes RETURN nodes", SOMBRA_INTERRUPT, "cancelled");
    sombra_set_progress(f->conn, NULL, NULL);
    gives(f, "MATCH (n) RETURN count(n)", "2");
}

static bool stop_when_known(void *ctx, uint64_t done, uint64_t total)
{
    watcher *w = ctx;

    w->done = done;
    w->total = total;
    return total == 0;
}

/* LOAD CSV tells how much of the file is done: of rows that have been worked off. */
static void test_api_query_import__load_csv_progress(void **state)
{
    api_fixture *f = *state;
    static char text[20000];
    watcher w = {0};

    memset(text, '1', sizeof text - 1);
    for (size_t i = 4; i < sizeof text; i += 5)
        text[i] = '\n';
    text[sizeof text - 1] = '\0';
    put_file("more.csv", text);
    sombra_set_progress(f->conn, stop_when_known, &w);
    refused(f,
            "LOAD CSV FROM 'more.csv' AS row UNWIND range(1, 20000) AS x WITH x WHERE x % 7 = 8 "
            "RETURN count(*)",
            SOMBRA_INTERRUPT, "cancelled");
    sombra_set_progress(f->conn, NULL, NULL);
    assert_int_equal(w.total, strlen(text));
    assert_int_equal(w.done, 1024 * 5);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(test_api_query_import__##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(both),    CASE(transactions), CASE(options),           CASE(refused),
        CASE(rejects), CASE(progress),     CASE(load_csv_progress), CASE(ends_by_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
