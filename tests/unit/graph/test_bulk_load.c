/* Goal: bulk load makes exactly the graph that the files describe, whatever the piece size, the number of threads and the
 * memory; every error has its code, file, line, column and value, and leaves nothing behind; rejects and skips are counted and
 * written.
 * Method: graphs are compared by their prints (bulk_fixture.h); the big cases against a model made from the same rows. */
#include "bulk_fixture.h"

#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

static void expect_graph(graph_fixture *f, const char *const *expected)
{
    lines printed = print_graph(f);
    size_t count = 0;

    while (expected[count] != NULL)
        count++;
    for (size_t i = 0; i < printed.count && i < count; i++)
        assert_string_equal(printed.items[i], expected[i]);
    assert_int_equal(printed.count, count);
    free_lines(&printed);
}

static const char *const people =
    "\xEF\xBB\xBF"
    "name:ID(Person),age:int,tags:string[],:LABEL,score:float,born:date,nick\r\n"
    "ann,41,a;b,,1.5,1983-02-01,\r\n"
    "\"bob \"\"b\"\"\",,,Employee:Boss,,,\"\"\r\n"
    "\"c,\nd\",-7,\"\",Employee,nan,,x\r\n";
static const char *const knows = ":START_ID(Person),:END_ID(Person),since:int,:TYPE\n"
                                 "ann,\"bob \"\"b\"\"\",2001,\n"
                                 "ann,ann,,LIKES\n"
                                 "\"c,\nd\",ann,1999,\n"
                                 "\"c,\nd\",ann,2000,\n";
static void test_graph_bulk_load__small(void **state)
{
    static const char *const expected[] = {
        "(:Employee:Person age=INTEGER(-7) name=STRING(c,\nd) nick=STRING(x) score=FLOAT(NaN) "
        "tags=LIST()):KNOWS(:Person age=INTEGER(41) born=DATE(1983-02-01) name=STRING(ann) "
        "score=FLOAT(1.5) tags=LIST(string:a;string:b)) since=INTEGER(1999)",
        "(:Employee:Person age=INTEGER(-7) name=STRING(c,\nd) nick=STRING(x) score=FLOAT(NaN) "
        "tags=LIST()):KNOWS(:Person age=INTEGER(41) born=DATE(1983-02-01) name=STRING(ann) "
        "score=FLOAT(1.5) tags=LIST(string:a;string:b)) since=INTEGER(2000)",
        "(:Person age=INTEGER(41) born=DATE(1983-02-01) name=STRING(ann) score=FLOAT(1.5) "
        "tags=LIST(string:a;string:b)):KNOWS(:Boss:Employee:Person name=STRING(bob \"b\") "
        "nick=STRING()) since=INTEGER(2001)",
        "(:Person age=INTEGER(41) born=DATE(1983-02-01) name=STRING(ann) score=FLOAT(1.5) "
        "tags=LIST(string:a;string:b)):LIKES(:Person age=INTEGER(41) born=DATE(1983-02-01) "
        "name=STRING(ann) score=FLOAT(1.5) tags=LIST(string:a;string:b))",
        ":Boss:Employee:Person name=STRING(bob \"b\") nick=STRING()",
        ":Employee:Person age=INTEGER(-7) name=STRING(c,\nd) nick=STRING(x) score=FLOAT(NaN) "
        "tags=LIST()",
        ":Person age=INTEGER(41) born=DATE(1983-02-01) name=STRING(ann) score=FLOAT(1.5) "
        "tags=LIST(string:a;string:b)",
        NULL};

    (void)state;
    for (size_t chunk = 1; chunk <= 65; chunk += chunk < 16 ? 1 : 7) {
        graph_fixture f;
        graph_fixture_open(&f, 0);
        put_text(&f, "people.csv", people);
        put_text(&f, "knows.csv", knows);
        begin_write(&f);
        job j = make_job(&f);
        j.options.chunk_bytes = chunk;
        j.options.threads = 1 + (unsigned)(chunk % 3);
        add_nodes(&j, "people.csv", "Person");
        add_rels(&j, "knows.csv", "KNOWS");
        OK(&f, run(&f, &j));
        assert_int_equal(j.result.nodes, 3);
        assert_int_equal(j.result.rels, 4);
        assert_int_equal(j.result.properties, 15);
        assert_int_equal(j.result.bytes_read, strlen(people) + strlen(knows));
        expect_graph(&f, expected);
        commit(&f);
        graph_reopen(&f);
        begin_read(&f);
        expect_graph(&f, expected);
        rollback(&f);
        graph_fixture_close(&f);
    }
}

/* ---- Errors --------------------------------------------------------------------------------------------------------- */

typedef struct failing {
    const char *nodes, *rels; /* NULL: a good file */
    sb_status status;
    const char *part; /* of the message */
    uint32_t line, column;
} failing;

static const failing failures[] = {
    {"id:ID,n:int\n1,2\n2,x\n", NULL, SB_TYPE_MISMATCH,
     "nodes.csv, line 3, column 2 (n): 'x' is not an INTEGER", 3, 2},
    {"id:ID,n:int\n1,99999999999999999999\n", NULL, SB_INVALID,
     "line 2, column 2 (n): 99999999999999999999 is out of the range", 2, 2},
    {"id:ID,n:date\n\"a\nb\",2024-01-01\n\nz,1.1.2024", NULL, SB_TYPE_MISMATCH,
     "nodes.csv, line 5, column 2 (n): '1.1.2024' is not a DATE", 5, 2},
    {"id:ID,n\n1,2\n1,3\n", NULL, SB_EXISTS,
     "nodes.csv, line 3, column 1 (id): '1' is the id of an earlier node", 3, 1},
    {"id:ID(G),n\na,2\nb,\na,3\n", "id\n", SB_EXISTS,
     "line 4, column 1 (id): 'a' is the id of an earlier node in group G", 4, 1},
    {"id:ID,n\n,2\n", NULL, SB_SYNTAX, "nodes.csv, line 2, column 1 (id): the node has no id", 2,
     1},
    {"id:ID,n\n1,2,3\n", NULL, SB_SYNTAX, "nodes.csv, line 2: 3 cells where the header has 2", 2,
     0},
    {"id:ID,n\n1\n", NULL, SB_SYNTAX, "line 2: 1 cell where the header has 2", 2, 0},
    {"id:ID,n\n1,a\"b\n", NULL, SB_SYNTAX,
     "nodes.csv, line 2, column 2 (n): there is a quote inside", 2, 2},
    {"id:ID,n\n1,\"a\"b\n", NULL, SB_SYNTAX,
     "line 2, column 2 (n): there is text behind the closing quote", 2, 2},
    {"id:ID,n\n1,\"a\n\n", NULL, SB_SYNTAX,
     "line 2, column 2 (n): a quoted cell has no closing quote", 2, 2},
    {"id:ID,n\n1,\xC3\x28\n", NULL, SB_SYNTAX, "line 2, column 2 (n): the cell is not valid UTF-8",
     2, 2},
    {"id:ID,n:number\n", NULL, SB_SYNTAX, "nodes.csv, line 1, column 2: there is no type 'number'",
     1, 2},
    {"", NULL, SB_SYNTAX, "nodes.csv, line 1: the header is empty", 1, 0},
    {"id:ID,n\r1,2\r3,4\r", NULL, SB_SYNTAX,
     "nodes.csv, line 1: there is a carriage return inside the header", 1, 0},
    {"id:ID,x:float\n1,1e999\n", NULL, SB_INVALID,
     "line 2, column 2 (x): 1e999 is out of the range", 2, 2},
    {"\"id:ID\n1", NULL, SB_SYNTAX,
     "nodes.csv, line 1, column 1: a quoted cell has no closing quote", 1, 1},
    {"\xFF\xFEi\n", NULL, SB_SYNTAX, "nodes.csv, line 1, column 1: the name is not valid UTF-8", 1,
     1},
    {"id:ID,n:int,n:string\n1,2,x\n", NULL, SB_SYNTAX,
     "line 2, column 3 (n): column 2 gives the same property already", 2, 3},
    {NULL, ":START_ID,:END_ID\n1,2\n2,77\n", SB_NOT_FOUND,
     "rels.csv, line 3, column 2 (:END_ID): '77' is the id of no node", 3, 2},
    {NULL, ":START_ID,:END_ID\n1,2\n02,1\n", SB_NOT_FOUND,
     "rels.csv, line 3, column 1 (:START_ID): '02' is the id of no node", 3, 1},
    {NULL, ":START_ID,:END_ID\n,2\n", SB_SYNTAX,
     "line 2, column 1 (:START_ID): the relationship has no start node", 2, 1},
    {NULL, ":START_ID(A),:END_ID\n", SB_SYNTAX,
     "rels.csv, line 1, column 1: no file of nodes has ids of group 'A'", 1, 1},
    {NULL, ":START_ID,x\n", SB_SYNTAX,
     "rels.csv, line 1: a file of relationships needs a :START_ID and an :END_ID", 1, 0},
    {NULL, ":START_ID,:END_ID,p:point\n1,2,\"{x: 1}\"\n", SB_TYPE_MISMATCH,
     "line 2, column 3 (p): '{x: 1}' is not a POINT", 2, 3},
};

static void test_graph_bulk_load__errors(void **state)
{
    static const char *const kept[] = {":Kept", NULL};
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    sb_node_id id;
    OK(&f, sb_graph_create_nodes(f.graph, set_of_label(&f, label(&f, "Kept")), 1, NULL, 0, &id,
                                 &f.err));
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        const failing *c = &failures[i];
        for (size_t chunk = 1; chunk <= 64; chunk *= 4) {
            put_text(&f, "nodes.csv", c->nodes != NULL ? c->nodes : "id:ID\n1\n2\n");
            put_text(&f, "rels.csv", c->rels != NULL ? c->rels : ":START_ID,:END_ID\n1,2\n");
            job j = make_job(&f);
            j.options.chunk_bytes = chunk;
            add_nodes(&j, "nodes.csv", "A");
            add_rels(&j, "rels.csv", "R");
            const sb_status st = run(&f, &j);
            if (st != c->status || strstr(f.err.text, c->part) == NULL)
                fail_msg("case %zu, piece %zu: %s: %s", i, chunk, sb_status_name(st), f.err.text);
            assert_int_equal(f.err.code, st);
            assert_int_equal(f.err.line, c->line);
            assert_int_equal(f.err.column, c->column);
            sb_err_clear(&f.err);
            expect_graph(&f, kept);
        }
    }
    commit(&f);
    begin_read(&f);
    expect_graph(&f, kept);
    rollback(&f);
    graph_fixture_close(&f);
}

static void test_graph_bulk_load__options(void **state)
{
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    put_text(&f, "n", "id:ID\n1\n");
    job j = make_job(&f);
    add_nodes(&j, "missing.csv", "");
    FAILS(&f, run(&f, &j), SB_CANT_OPEN, "missing.csv");
    j = make_job(&f);
    add_nodes(&j, "n", "");
    j.options.delimiter = '\n';
    FAILS(&f, run(&f, &j), SB_INVALID, "the delimiter");
    j.options.delimiter = '"';
    FAILS(&f, run(&f, &j), SB_INVALID, "the quote");
    j.options.delimiter = ',';
    j.options.array_delimiter = '\n';
    FAILS(&f, run(&f, &j), SB_INVALID, "the array delimiter");
    put_text(&f, "r", ":START_ID,:END_ID\n1,1\n");
    j = make_job(&f);
    add_nodes(&j, "n", "");
    add_rels(&j, "r", "");
    FAILS(&f, run(&f, &j), SB_SYNTAX, "no relationship type is known");
    rollback(&f);
    graph_fixture_close(&f);
}

/* A NUL byte: bare it is an error, quoted it is kept. */
static void test_graph_bulk_load__nul(void **state)
{
    static const char *const expected[] = {" id=STRING(1) n=STRING(a~b)", NULL};
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    put_file(&f, "n", "id:ID,n\n1,a\0b\n", 14);
    job j = make_job(&f);
    add_nodes(&j, "n", "");
    FAILS(&f, run(&f, &j), SB_SYNTAX, "n, line 2, column 2 (n): the cell holds a NUL byte");
    put_file(&f, "n", "id:ID,n\n1,\"a\0b\"\n", 16);
    OK(&f, run(&f, &j));
    expect_graph(&f, expected);
    rollback(&f);
    graph_fixture_close(&f);
}

static void test_graph_bulk_load__rejects(void **state)
{
    static const char *const expected[] = {
        "(:A id=STRING(1) n=INTEGER(1)):R(:A id=STRING(2) n=INTEGER(2))",
        ":A id=STRING(1) n=INTEGER(1)", ":A id=STRING(2) n=INTEGER(2)", NULL};
    graph_fixture f;

    (void)state;
    for (size_t chunk = 1; chunk <= 4096; chunk *= 8) {
        graph_fixture_open(&f, 0);
        begin_write(&f);
        put_text(&f, "n.csv", "id:ID,n:int\n1,1\nx,\"a \"\"b\"\"\"\n2,2\n2,3\n7\n");
        put_text(&f, "r.csv", ":START_ID,:END_ID\n1,2\n1,9\n8,2\n");
        put_text(&f, "rejected.csv", "what an earlier load left");
        job j = make_job(&f);
        j.options.chunk_bytes = chunk;
        j.options.reject_path = "rejected.csv";
        add_nodes(&j, "n.csv", "A");
        add_rels(&j, "r.csv", "R");
        OK(&f, run(&f, &j));
        assert_int_equal(j.result.rejected_rows, 5);
        assert_int_equal(j.result.nodes, 2);
        assert_int_equal(j.result.rels, 1);
        expect_graph(&f, expected);
        char *rejected = get_text(&f, "rejected.csv");
        static const char *const parts[] = {
            "x,\"a \"\"b\"\"\",\"n.csv, line 3, column 2 (n): 'a \"\"b\"\"' is not an INTEGER\"\n",
            "2,3,\"n.csv, line 5, column 1 (id): '2' is the id of an earlier node\"\n",
            "7,\"n.csv, line 6: 1 cell where the header has 2\"\n",
            "1,9,\"r.csv, line 3, column 2 (:END_ID): '9' is the id of no node\"\n",
            "8,2,\"r.csv, line 4, column 1 (:START_ID): '8' is the id of no node\"\n"};
        size_t bytes = 0;
        for (size_t i = 0; i < 5; i++) {
            if (strstr(rejected, parts[i]) == NULL)
                fail_msg("'%s' is not in '%s'", parts[i], rejected);
            bytes += strlen(parts[i]);
        }
        assert_int_equal(strlen(rejected), bytes);
        free(rejected);
        rollback(&f);
        begin_write(&f);
        j.options.max_rejects = 4;
        FAILS(&f, run(&f, &j), SB_REJECTED,
              "more than 4 rows are wrong; this one is r.csv, line 4, column 1 (:START_ID): '8'");
        j.options.reject_path = NULL;
        j.options.skip_duplicate_ids = j.options.skip_missing_endpoints = true;
        put_text(&f, "n.csv", "id:ID,n:int\n1,1\n2,2\n2,3\n1,7\n");
        OK(&f, run(&f, &j));
        assert_int_equal(j.result.skipped_rows, 4);
        assert_int_equal(j.result.rejected_rows, 0);
        expect_graph(&f, expected);
        rollback(&f);
        graph_fixture_close(&f);
    }
}

/* ---- Headers, nulls, types ------------------------------------------------------------------------------------------------- */

static void test_graph_bulk_load__plain_headers(void **state)
{
    static const char *const expected[] = {
        "(:P:Q key=STRING(a) n=INTEGER(1) ok=BOOLEAN(true) x=FLOAT(1.0) zip=STRING(01234)):T(:P "
        "key=STRING(b) n=INTEGER(2) when=DATE(2024-01-02) x=FLOAT(2.5) zip=STRING(7)) w=STRING(1.)",
        ":P key=STRING(b) n=INTEGER(2) when=DATE(2024-01-02) x=FLOAT(2.5) zip=STRING(7)",
        ":P:Q key=STRING(a) n=INTEGER(1) ok=BOOLEAN(true) x=FLOAT(1.0) zip=STRING(01234)", NULL};
    graph_fixture f;

    (void)state;
    for (size_t chunk = 1; chunk <= 64; chunk *= 2) {
        graph_fixture_open(&f, 0);
        begin_write(&f);
        put_text(&f, "n",
                 "key|kind|n|x|zip|ok|when|none\na|Q|1|1|01234|TRUE|NULL|\n b | "
                 "NULL|2|2.5|7|NULL|'2024-01-02'|NULL\n");
        put_text(&f, "r", "to|from|t|w\nb|a|T|1.\n");
        job j = make_job(&f);
        j.options.chunk_bytes = chunk;
        j.options.delimiter = '|';
        j.options.quote = '\'';
        j.options.id_column = "key";
        j.options.label_column = "kind";
        j.options.start_column = "from";
        j.options.end_column = "to";
        j.options.type_column = "t";
        j.options.null_text = "NULL";
        j.options.infer_types = true;
        j.options.trim = true;
        add_nodes(&j, "n", "P");
        add_rels(&j, "r", "");
        OK(&f, run(&f, &j));
        expect_graph(&f, expected);
        rollback(&f);
        graph_fixture_close(&f);
    }
}

/* Ids of digits keep them all: too long for an INTEGER, or for a FLOAT beside others, they are strings. */
static void test_graph_bulk_load__inferred_digits(void **state)
{
    static const char *const expected[] = {
        " beside=STRING(1.5) fits=FLOAT(2.5) least=FLOAT(0.5) long=STRING(7) most=INTEGER(7) "
        "real=FLOAT(1.0) zero=FLOAT(1.0)",
        " beside=STRING(9007199254740993) fits=FLOAT(9007199254740992.0) "
        "least=FLOAT(-9.223372036854776e+18) long=STRING(12345678901234567890) "
        "most=INTEGER(9223372036854775807) real=FLOAT(1.2345678901234567e+19) zero=FLOAT(-0.0)",
        NULL};
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    put_text(&f, "n",
             "long,most,beside,fits,least,real,zero\n"
             "12345678901234567890,9223372036854775807,9007199254740993,9007199254740992,"
             "-9223372036854775808,12345678901234567890.0,-0\n"
             "7,7,1.5,2.5,0.5,1,1\n");
    job j = make_job(&f);
    j.options.infer_types = true;
    add_nodes(&j, "n", "");
    OK(&f, run(&f, &j));
    expect_graph(&f, expected);
    rollback(&f);
    graph_fixture_close(&f);
}

static void test_graph_bulk_load__no_ids(void **state)
{
    static const char *const sets[] = {" n=INTEGER(1)", ":A:B n=INTEGER(3)",
                                       ":C;c:a:b n=INTEGER(2)", NULL};
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    /* Labels in double quotes may hold their delimiters. */
    put_text(&f, "n", ":LABEL,n:int\n,1\n\"\"\"a:b\"\";\"\"C;c\"\"\",2\nA:B;A,3\n");
    job j = make_job(&f);
    add_nodes(&j, "n", "");
    OK(&f, run(&f, &j));
    expect_graph(&f, sets);
    rollback(&f);
    graph_fixture_close(&f);
}

/* ---- Into a graph that is not empty ------------------------------------------------------------------------------------------ */

static void test_graph_bulk_load__into_full(void **state)
{
    graph_fixture f;
    sb_schema schema = {.kind = SB_SCHEMA_UNIQUE, .key_count = 1};
    uint32_t id;

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    schema.entity = label(&f, "Person");
    schema.keys[0] = key_of(&f, "name");
    schema.name = text("person_name");
    OK(&f, sb_graph_schema_create(f.graph, &schema, &id, &f.err));
    put_text(&f, "n", "x:ID,name\n1,eve\n2,eve\n");
    job j = make_job(&f);
    add_nodes(&j, "n", "Person");
    FAILS(&f, run(&f, &j), SB_CONSTRAINT, "'eve'");
    put_text(&f, "n", "name:ID,age:int\nann,1\nbob,2\n");
    put_text(&f, "r", ":START_ID,:END_ID,w:int\nann,bob,1\nbob,ann,2\n");
    add_rels(&j, "r", "KNOWS");
    OK(&f, run(&f, &j));
    commit(&f);
    begin_write(&f);
    FAILS(&f, run(&f, &j), SB_CONSTRAINT, "person_name");
    put_text(&f, "n", "name:ID,age:int\ncid,3\ndan,4\n");
    put_text(&f, "r", ":START_ID,:END_ID,w:int\ncid,dan,3\ndan,dan,4\n");
    OK(&f, run(&f, &j));
    static const char *const expected[] = {
        "(:Person age=INTEGER(1) name=STRING(ann)):KNOWS(:Person age=INTEGER(2) name=STRING(bob)) "
        "w=INTEGER(1)",
        "(:Person age=INTEGER(2) name=STRING(bob)):KNOWS(:Person age=INTEGER(1) name=STRING(ann)) "
        "w=INTEGER(2)",
        "(:Person age=INTEGER(3) name=STRING(cid)):KNOWS(:Person age=INTEGER(4) name=STRING(dan)) "
        "w=INTEGER(3)",
        "(:Person age=INTEGER(4) name=STRING(dan)):KNOWS(:Person age=INTEGER(4) name=STRING(dan)) "
        "w=INTEGER(4)",
        ":Person age=INTEGER(1) name=STRING(ann)",
        ":Person age=INTEGER(2) name=STRING(bob)",
        ":Person age=INTEGER(3) name=STRING(cid)",
        ":Person age=INTEGER(4) name=STRING(dan)",
        NULL};
    expect_graph(&f, expected);
    /* The index has them all. */
    static const char *const names[] = {"ann", "bob", "cid", "dan"};
    for (size_t i = 0; i < 4; i++) {
        const sb_value value = string(names[i]);
        uint64_t found;
        bool cut;
        OK(&f, sb_index_lookup(f.view, id, &value, 1, &found, &cut, &f.err));
        assert_int_not_equal(found, 0);
    }
    /* Two unique names in one load. */
    put_text(&f, "n", "x:ID,name\n1,eve\n2,eve\n");
    j.options.rel_file_count = 0;
    FAILS(&f, run(&f, &j), SB_CONSTRAINT, "'eve'");
    expect_graph(&f, expected);
    commit(&f);
    graph_fixture_close(&f);
}

/* ---- Constraints ---------------------------------------------------------------------------------------------------------------- */

/* Fails, and the message is exactly this. */
static void fails_with(graph_fixture *f, job *j, const char *message)
{
    assert_int_equal(run(f, j), SB_CONSTRAINT);
    assert_string_equal(f->err.text, message);
    sb_err_clear(&f->err);
}

/* Pieces of a few bytes, threads and temporary files between rows and ids. */
static void make_small(job *j)
{
    j->options.chunk_bytes = 8;
    j->options.memory_bytes = 64;
    j->options.split_count = 2;
    j->options.threads = 3;
}

/* A constraint that is broken names the row, and the other one as row or node, whatever comes between rows and ids: label sets, several files,
 * the order of relationships. */
static void test_graph_bulk_load__made_constraints_name_rows(void **state)
{
    static const struct {
        const char *schema, *message;
    } cases[] = {
        {"unique,nodes,P,k,,u\n", "s, line 2: n2, line 5, column 3 (k): its node and that of n1, "
                                  "line 2 both have :P(k) = 1 (constraint u)"},
        {"exists,nodes,P,k,,e\n",
         "s, line 2: n1, line 4, column 2 (k): its node has no :P(k) (constraint e)"},
        {"typed,nodes,P,k,STRING,t\n",
         "s, line 2: n1, line 2, column 2 (k): its node has :P(k) = 1, of type INTEGER, where only "
         "STRING may be (constraint t)"},
        {"unique,relationships,R,k,,r\n",
         "s, line 2: r, line 5, column 3 (k): its relationship and that of r, line 3 both have "
         "[:R(k)] = 8 (constraint r)"},
    };
    (void)state;
    for (int small = 0; small < 2; small++) {
        graph_fixture f;
        graph_fixture_open(&f, 0);
        put_text(&f, "n1", "i:ID,k:int\n1,1\n2,2\n3,\n");
        put_text(&f, "n2", "i:ID,:LABEL,k:int\n4,Q,4\n5,,5\n6,Q,6\n7,,1\n");
        put_text(&f, "r", ":START_ID,:END_ID,k:int\n7,1,7\n6,1,8\n7,2,9\n1,2,8\n");
        job j = make_job(&f);
        add_nodes(&j, "n1", "P");
        add_nodes(&j, "n2", "P");
        add_rels(&j, "r", "R");
        j.options.schema_path = "s";
        if (small) make_small(&j);
        begin_write(&f);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            char schema[200];
            (void)snprintf(schema, sizeof schema, "kind,of,on,keys,types,name\n%s",
                           cases[i].schema);
            put_text(&f, "s", schema);
            fails_with(&f, &j, cases[i].message);
        }
        rollback(&f);
        graph_fixture_close(&f);
    }
}

static void make_constraint(graph_fixture *f, sb_schema_kind kind, const char *of)
{
    const sb_schema schema = {.kind = (uint8_t)kind,
                              .entity = label(f, of),
                              .key_count = 1,
                              .keys = {key_of(f, "k")},
                              .value_types = kind == SB_SCHEMA_TYPED ? 1u << SB_TYPE_STRING : 0,
                              .name = text("u")};
    uint32_t id;
    OK(f, sb_graph_schema_create(f->graph, &schema, &id, &f->err));
}

static void test_graph_bulk_load__constraints_there_name_rows(void **state)
{
    (void)state;
    for (int small = 0; small < 2; small++) {
        graph_fixture f;
        graph_fixture_open(&f, 0);
        put_text(&f, "n1", "i:ID,k:int\n1,1\n2,2\n");
        put_text(&f, "n2", "i:ID,:LABEL,k:int\n3,Q,3\n4,,4\n5,Q,1\n");
        job j = make_job(&f);
        add_nodes(&j, "n1", "P");
        add_nodes(&j, "n2", "P");
        if (small) make_small(&j);
        begin_write(&f);
        make_constraint(&f, SB_SCHEMA_UNIQUE, "P");
        fails_with(&f, &j,
                   "n2, line 4, column 3 (k): its node and that of n1, line 2 both have "
                   ":P(k) = 1 (constraint u)");
        put_text(&f, "n2", "i:ID,:LABEL,k:int\n5,Q,5\n");
        OK(&f, run(&f, &j));
        put_text(&f, "n1", "i:ID,k:int\n6,6\n7,5\n");
        put_text(&f, "n2", "i:ID,:LABEL,k:int\n");
        assert_int_equal(run(&f, &j), SB_CONSTRAINT);
        if (strncmp(f.err.text, "n1, line 3, column 2 (k): its node and node ", 44) != 0)
            fail_msg("%s", f.err.text);
        assert_int_equal(f.err.line, 3);
        assert_int_equal(f.err.column, 2);
        sb_err_clear(&f.err);
        commit(&f);
        graph_fixture_close(&f);
    }
}

/* What is checked at commit only names the first row that breaks it, unless something was rolled back since: ids are given again then. */
static void test_graph_bulk_load__constraints_of_the_commit_name_rows(void **state)
{
    (void)state;
    for (int back = 0; back < 2; back++) {
        graph_fixture f;
        graph_fixture_open(&f, 0);
        put_text(&f, "n1", "i:ID,k:string\n20,a\n21,b\n");
        put_text(&f, "n2", "i:ID,j:int,k:int\n22,0,\n23,0,23\n24,0,24\n");
        job full = make_job(&f), j = make_job(&f);
        add_nodes(&full, "n1", "W");
        add_nodes(&j, "n1", "W");
        add_nodes(&j, "n2", "W");
        begin_write(&f);
        make_constraint(&f, SB_SCHEMA_TYPED, "W");
        OK(&f,
           run(&f, &full)); /* a table that is empty is built, and constraints are checked then */
        OK(&f, run(&f, &j));
        if (back) OK(&f, sb_txn_rollback_to(f.txn, savepoint(&f), &f.err));
        assert_int_equal(sb_txn_commit(f.txn, &f.err), SB_CONSTRAINT);
        if (back)
            assert_int_equal(strncmp(f.err.text, "node ", 5), 0);
        else
            assert_string_equal(f.err.text,
                                "n2, line 3, column 3 (k): its node has :W(k) = 23, of type "
                                "INTEGER, where only STRING may be (constraint u)");
        sb_err_clear(&f.err);
        graph_fixture_close(&f);
    }
}

/* Without files of nodes the endpoints are node ids. */
static void test_graph_bulk_load__graph_ids(void **state)
{
    graph_fixture f;
    sb_node_id ids[3];
    char rels[200];

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    OK(&f,
       sb_graph_create_nodes(f.graph, set_of_label(&f, label(&f, "A")), 2, NULL, 0, ids, &f.err));
    OK(&f, sb_graph_create_nodes(f.graph, set_of_label(&f, label(&f, "B")), 1, NULL, 0, ids + 2,
                                 &f.err));
    (void)snprintf(rels, sizeof rels, ":START_ID,:END_ID\n%llu,%llu\n%llu,%llu\n",
                   (unsigned long long)ids[0], (unsigned long long)ids[2],
                   (unsigned long long)ids[2], (unsigned long long)ids[1]);
    put_text(&f, "r", rels);
    job j = make_job(&f);
    add_rels(&j, "r", "R");
    OK(&f, run(&f, &j));
    static const char *const expected[] = {"(:A):R(:B)", "(:B):R(:A)", ":A", ":A", ":B", NULL};
    expect_graph(&f, expected);
    put_text(&f, "r", ":START_ID,:END_ID\n1,999\n");
    FAILS(&f, run(&f, &j), SB_NOT_FOUND, "r, line 2, column 2 (:END_ID): there is no node 999");
    put_text(&f, "r", ":START_ID,:END_ID\nx,1\n");
    FAILS(&f, run(&f, &j), SB_TYPE_MISMATCH, "'x' is no node id of the graph");
    commit(&f);
    graph_fixture_close(&f);
}

/* Without files of nodes, with keys: the ends are nodes by the text of a property. */
static void test_graph_bulk_load__graph_keys(void **state)
{
    graph_fixture f;
    bool passed = false;

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    put_text(&f, "p", "k:int,w:float,s\n1,1.5,a\n7,2.0,b\n-3,,\"1\"\n900000000000000000000,,c\n");
    job nodes = make_job(&f);
    add_nodes(&nodes, "p", "P");
    FAILS(&f, run(&f, &nodes), SB_INVALID, "line 5");
    put_text(&f, "p", "k:int,w:float,s\n1,1.5,a\n7,2.0,b\n-3,,1\n1000000000000000000,,a\n");
    OK(&f, run(&f, &nodes));
    assert_int_equal(nodes.result.labels, 4);
    put_text(&f, "q", "k,t:string[],d:date\n7,x,2024-02-29\n");
    nodes = make_job(&f);
    add_nodes(&nodes, "q", "Q");
    OK(&f, run(&f, &nodes));
    /* by an integer and a text, of a label and of any; the negative one, the large one */
    put_text(&f, "r",
             ":START_ID,:END_ID\n1,2024-02-29\n-3,2024-02-29\n1000000000000000000,2024-02-29\n");
    job j = make_job(&f);
    add_rels(&j, "r", "R");
    j.options.ends[0] = (sb_bulk_end){.label = text("P"), .key = text("k")};
    j.options.ends[1] = (sb_bulk_end){.key = text("d")};
    OK(&f, run(&f, &j));
    assert_int_equal(j.result.rels, 3);
    put_text(&f, "r", ":START_ID,:END_ID\n2.0,7\n");
    j.options.ends[0].key = text("w");
    j.options.ends[1] = (sb_bulk_end){.label = text("Q"), .key = text("k")};
    OK(&f, run(&f, &j));
    /* 7 is the k of a P and "7" that of a Q: of any label there are two; "a" is the s of two. Nobody asks for lists. */
    j.options.ends[1].label = text("");
    FAILS(&f, run(&f, &j), SB_NOT_FOUND,
          "r, line 2, column 2 (:END_ID): '7' is the k of several nodes");
    j.options.ends[0] = j.options.ends[1] = (sb_bulk_end){.label = text("P"), .key = text("s")};
    put_text(&f, "r", ":START_ID,:END_ID\nb,a\n");
    FAILS(&f, run(&f, &j), SB_NOT_FOUND, "'a' is the s of several nodes :P");
    put_text(&f, "r", ":START_ID,:END_ID\nb,nobody\n");
    FAILS(&f, run(&f, &j), SB_NOT_FOUND, "'nobody' is the s of no node :P");
    j.options.skip_missing_endpoints = true;
    OK(&f, run(&f, &j));
    assert_int_equal(j.result.skipped_rows, 1);
    put_text(&f, "r", ":START_ID,:END_ID\nb,x\n");
    j.options.ends[1] = (sb_bulk_end){.label = text("Nobody"), .key = text("s")};
    OK(&f, run(&f, &j));
    j.options.ends[1] = (sb_bulk_end){.key = text("t")};
    OK(&f, run(&f, &j));
    assert_int_equal(j.result.skipped_rows, 1);
    /* one key alone, or keys beside files of nodes, are no load */
    j.options.ends[1].key = text("");
    FAILS(&f, run(&f, &j), SB_MISUSE, "ends");
    j.options.ends[1].key = text("k");
    add_nodes(&j, "p", "P");
    FAILS(&f, run(&f, &j), SB_MISUSE, "ends");
    put_text(&f, "r", ":START_ID,:END_ID\n2.0,7\n");
    for (size_t at = 1; !passed; at++) {
        j = make_job(&f);
        add_rels(&j, "r", "R");
        j.options.threads = 1;
        j.options.ends[0] = (sb_bulk_end){.key = text("w")};
        j.options.ends[1] = (sb_bulk_end){.label = text("Q"), .key = text("k")};
        atomic_store(&f.alloc.fail_at, atomic_load(&f.alloc.alloc_count) + at);
        const sb_status st = run(&f, &j);
        atomic_store(&f.alloc.fail_at, 0);
        passed = st == SB_OK;
        if (!passed) assert_int_equal(st, SB_NOMEM);
        sb_err_clear(&f.err);
    }
    commit(&f);
    graph_fixture_close(&f);
}

/* ---- Compressed input --------------------------------------------------------------------------------------------------------- */

static void load_compressed(const void *data, size_t size, const char *damage_part)
{
    static const char *const expected[] = {":A id=STRING(1) n=STRING(x)",
                                           ":A id=STRING(2) n=STRING(y)", NULL};
    graph_fixture f;
    uint8_t *copy = malloc(size);

    graph_fixture_open(&f, 0);
    begin_write(&f);
    put_file(&f, "n", data, size);
    job j = make_job(&f);
    add_nodes(&j, "n", "A");
    OK(&f, run(&f, &j));
    expect_graph(&f, expected);
    assert_int_equal(j.result.bytes_read, size);
    rollback(&f);
    begin_write(&f);
    put_file(&f, "n", data, size - 3);
    FAILS(&f, run(&f, &j), SB_SYNTAX, damage_part);
    memcpy(copy, data, size);
    copy[size / 2] ^= 0x55;
    put_file(&f, "n", copy, size);
    if (run(&f, &j) != SB_OK) assert_int_equal(f.err.code, SB_SYNTAX);
    sb_err_clear(&f.err);
    rollback(&f);
    graph_fixture_close(&f);
    free(copy);
}

static void test_graph_bulk_load__compressed(void **state)
{
    static const char head[] = "id:ID,n\n1,x\n", tail[] = "2,y\n";

    (void)state;
    (void)head;
    (void)tail;
#ifdef HAVE_ZLIB
    {
        uint8_t out[400];
        size_t size = 0;
        for (int part = 0; part < 2; part++) { /* two members */
            z_stream z = {0};
            assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
            z.next_in = (Bytef *)(uintptr_t)(part == 0 ? head : tail);
            z.avail_in = (unsigned)strlen(part == 0 ? head : tail);
            z.next_out = out + size;
            z.avail_out = (unsigned)(sizeof out - size);
            assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
            size = sizeof out - z.avail_out;
            assert_int_equal(deflateEnd(&z), Z_OK);
        }
        load_compressed(out, size, "n: the gzip data is damaged");
    }
#endif
#ifdef HAVE_ZSTD
    {
        uint8_t out[400];
        size_t size = ZSTD_compress(out, sizeof out, head, strlen(head), 3);
        size += ZSTD_compress(out + size, sizeof out - size, tail, strlen(tail), 3);
        load_compressed(out, size, "n: the zstd data is damaged");
    }
#endif
}

/* ---- Big: threads, spilling, splitting ------------------------------------------------------------------------------------------- */

static void big_case(unsigned threads, size_t memory, uint64_t split, size_t chunk)
{
    enum { NODES = 5000, RELS = 30000 };
    sb_random random = {.state = 77};
    graph_fixture f;
    sb_buffer nodes, rels, line;
    lines expected = {0};

    graph_fixture_open(&f, 0);
    sb_buffer_init(&nodes, &sb_allocator_libc);
    sb_buffer_init(&rels, &sb_allocator_libc);
    sb_buffer_init(&line, &sb_allocator_libc);
    OK(&f, sb_buffer_printf(&nodes, "id:ID(X){id-type:int},:LABEL,name\n"));
    for (unsigned i = 0; i < NODES; i++) {
        const unsigned id = (unsigned)(((uint64_t)i * 7919) % NODES) * 3;
        OK(&f, sb_buffer_printf(&nodes, "%u,L%u,n%u\n", id, id % 5, id));
        sb_buffer_reset(&line);
        OK(&f, sb_buffer_printf(&line, ":L%u id=INTEGER(%u) name=STRING(n%u)", id % 5, id, id));
        add_line(&expected, &line);
    }
    OK(&f, sb_buffer_printf(&rels, ":START_ID(X),:TYPE,:END_ID(X),w:int,s\n"));
    for (unsigned i = 0; i < RELS; i++) {
        const unsigned a = (unsigned)sb_random_below(&random, i % 3 == 0 ? 10 : NODES) * 3;
        const unsigned b = (unsigned)sb_random_below(&random, i % 5 == 0 ? 10 : NODES) * 3;
        const unsigned t = (unsigned)sb_random_below(&random, 1 + sb_random_below(&random, 40));
        OK(&f, sb_buffer_printf(&rels, "%u,T%u,%u,%u,%s\n", a, t, b, i % 300,
                                i % 4 == 0 ? "\"a\nb\"" : ""));
        sb_buffer_reset(&line);
        OK(&f, sb_buffer_printf(&line,
                                "(:L%u id=INTEGER(%u) name=STRING(n%u)):T%u(:L%u id=INTEGER(%u) "
                                "name=STRING(n%u))%s w=INTEGER(%u)",
                                a % 5, a, a, t, b % 5, b, b, i % 4 == 0 ? " s=STRING(a\nb)" : "",
                                i % 300));
        add_line(&expected, &line);
    }
    qsort(expected.items, expected.count, sizeof *expected.items, compare_text);
    put_file(&f, "n", nodes.data, nodes.size);
    put_file(&f, "r", rels.data, rels.size);
    begin_write(&f);
    job j = make_job(&f);
    j.options.threads = threads;
    j.options.memory_bytes = memory;
    j.options.split_count = split;
    j.options.chunk_bytes = chunk;
    add_nodes(&j, "n", "");
    add_rels(&j, "r", "");
    OK(&f, run(&f, &j));
    assert_int_equal(j.result.nodes, NODES);
    assert_int_equal(j.result.rels, RELS);
    commit(&f);
    graph_reopen(&f);
    begin_read(&f);
    lines printed = print_graph(&f);
    same_lines(&printed, &expected);
    rollback(&f);
    free_lines(&printed);
    free_lines(&expected);
    sb_buffer_deinit(&nodes);
    sb_buffer_deinit(&rels);
    sb_buffer_deinit(&line);
    graph_fixture_close(&f);
}

static void test_graph_bulk_load__big(void **state)
{
    (void)state;
    big_case(1, 0, 0, 0);
    big_case(2, 0, 500, 10000);
    big_case(3, 1, 200, 5000); /* everything is spilled */
    big_case(2, 100000, 1, 20000);
}

/* ---- The page's example ---------------------------------------------------------------------------------------------------- */

/* The indented block behind marker in docs/IMPORT.md, without the indentation. */
static void put_example(graph_fixture *f, const char *marker, const char *path)
{
    FILE *page = fopen(SOMBRA_SOURCE_DIR "/docs/IMPORT.md", "r");
    char line[1000], content[4000] = "";
    bool behind = false, inside = false;

    assert_non_null(page);
    while (fgets(line, sizeof line, page) != NULL) {
        if (!behind) {
            behind = strncmp(line, marker, strlen(marker)) == 0;
            continue;
        }
        if (strncmp(line, "    ", 4) == 0) {
            inside = true;
            strncat(content, line + 4, sizeof content - strlen(content) - 1);
        } else if (inside) {
            break;
        }
    }
    (void)fclose(page);
    assert_true(inside);
    put_text(f, path, content);
}

static void test_graph_bulk_load__documented(void **state)
{
    static const char *const expected[] = {
        "(:Person age=INTEGER(41) id=STRING(1) name=STRING(Ann) "
        "tags=LIST(string:chess;string:go)):KNOWS(:Employee:Person id=STRING(2) name=STRING(Bob "
        "\"B\" Miller)) since=DATE(2001-05-17)",
        ":Employee:Person id=STRING(2) name=STRING(Bob \"B\" Miller)",
        ":Person age=INTEGER(41) id=STRING(1) name=STRING(Ann) tags=LIST(string:chess;string:go)",
        NULL};
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    put_example(&f, "`people.csv`:", "people.csv");
    put_example(&f, "`knows.csv`:", "knows.csv");
    job j = make_job(&f);
    add_nodes(&j, "people.csv", "Person");
    add_rels(&j, "knows.csv", "KNOWS");
    OK(&f, run(&f, &j));
    expect_graph(&f, expected);
    rollback(&f);
    graph_fixture_close(&f);
}

/* ---- Failing allocations and files -------------------------------------------------------------------------------------------------- */

static void test_graph_bulk_load__faults(void **state)
{
    graph_fixture f;
    bool passed = false;

    (void)state;
    graph_fixture_open(&f, 0);
    put_text(&f, "people.csv", people);
    put_text(&f, "knows.csv", knows);
    for (size_t at = 1; !passed; at += at < 100 ? 1 : 7) {
        begin_write(&f);
        job j = make_job(&f);
        j.options.threads = 1;
        j.options.chunk_bytes = 40;
        j.options.memory_bytes = 1;
        j.options.infer_types = true;
        add_nodes(&j, "people.csv", "Person");
        add_rels(&j, "knows.csv", "KNOWS");
        atomic_store(&f.alloc.fail_at, atomic_load(&f.alloc.alloc_count) + at);
        const sb_status st = run(&f, &j);
        atomic_store(&f.alloc.fail_at, 0);
        passed = st == SB_OK;
        if (!passed) assert_int_equal(st, SB_NOMEM);
        sb_err_clear(&f.err);
        rollback(&f);
    }
    begin_write(&f);
    lines printed = print_graph(&f);
    assert_int_equal(printed.count, 0);
    free_lines(&printed);
    rollback(&f);
    graph_fixture_close(&f);
}

static bool stop_at_once(void *ctx, uint64_t done, uint64_t total)
{
    uint64_t *seen = ctx;

    seen[0] = done;
    seen[1] = total;
    seen[2]++;
    return seen[3] == 0;
}

static void test_graph_bulk_load__progress(void **state)
{
    graph_fixture f;
    uint64_t seen[4] = {0, 0, 0, 0};

    (void)state;
    graph_fixture_open(&f, 0);
    f.settings.progress = stop_at_once;
    f.settings.progress_ctx = seen;
    OK(&f, sb_graph_configure(f.session, &f.settings, &f.err));
    put_text(&f, "people.csv", people);
    put_text(&f, "knows.csv", knows);
    begin_write(&f);
    job j = make_job(&f);
    j.options.chunk_bytes = 50;
    add_nodes(&j, "people.csv", "Person");
    add_rels(&j, "knows.csv", "KNOWS");
    OK(&f, run(&f, &j));
    assert_int_equal(seen[1], strlen(people) + strlen(knows));
    assert_int_equal(seen[0], seen[1]);
    assert_true(seen[2] > 5);
    rollback(&f);
    begin_write(&f);
    seen[3] = 1;
    FAILS(&f, run(&f, &j), SB_INTERRUPT, "cancelled");
    rollback(&f);
    graph_fixture_close(&f);
}

/* Groups are added while pieces of the files before are parsed, which look at theirs. */
static void test_graph_bulk_load__many_groups(void **state)
{
    enum { FILES = 70, ROWS = 40 };
    char names[FILES][12], text[1000];
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 0);
    sb_bulk_file files[FILES];
    for (unsigned i = 0; i < FILES; i++) {
        int at = snprintf(text, sizeof text, "n:ID(g%u)\n", i);
        for (unsigned row = 0; row < ROWS; row++)
            at += snprintf(text + at, sizeof text - (size_t)at, "text %u\n", row);
        (void)snprintf(names[i], sizeof names[i], "%u.csv", i);
        put_text(&f, names[i], text);
        files[i] = (sb_bulk_file){.path = names[i]};
    }
    begin_write(&f);
    job j = make_job(&f);
    j.options.chunk_bytes = 1;
    j.options.threads = 4;
    j.options.node_files = files;
    j.options.node_file_count = FILES;
    OK(&f, sb_graph_bulk_load(f.graph, &j.options, &j.result, &f.err));
    assert_int_equal(j.result.nodes, FILES * ROWS);
    rollback(&f);
    graph_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_graph_bulk_load__small),
        TEST(test_graph_bulk_load__errors),
        TEST(test_graph_bulk_load__options),
        TEST(test_graph_bulk_load__nul),
        TEST(test_graph_bulk_load__rejects),
        TEST(test_graph_bulk_load__plain_headers),
        TEST(test_graph_bulk_load__inferred_digits),
        TEST(test_graph_bulk_load__no_ids),
        TEST(test_graph_bulk_load__into_full),
        TEST(test_graph_bulk_load__made_constraints_name_rows),
        TEST(test_graph_bulk_load__constraints_there_name_rows),
        TEST(test_graph_bulk_load__constraints_of_the_commit_name_rows),
        TEST(test_graph_bulk_load__graph_ids),
        TEST(test_graph_bulk_load__graph_keys),
        TEST(test_graph_bulk_load__compressed),
        TEST(test_graph_bulk_load__big),
        TEST(test_graph_bulk_load__faults),
        TEST(test_graph_bulk_load__progress),
        TEST(test_graph_bulk_load__many_groups),
        TEST(test_graph_bulk_load__documented),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
