/* test_query_stack.c — a thread with a small stack: what is nested too deep for it is told so, what is not works, and nothing overflows.
 * Method: texts, plans and values that are nested as deep as docs/LIMITS.md lets them be run in threads with stacks of several sizes; one
 * that overflows ends the program by its guard page. */
#include "support/api_fixture.h"

#include <pthread.h>

#include "cypher/lex/stack.h"

/* The stack that docs/LIMITS.md asks for, and the one in which all that the language allows has room. */
#define LEAST_BYTES  ((size_t)128 * 1024 * SB_STACK_SCALE)
#define ENOUGH_BYTES ((size_t)2048 * 1024 * SB_STACK_SCALE)

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

/* first, count times part, middle, count times close, last; # is the number of the time. */
typedef struct shape {
    const char *first, *part;
    size_t count;
    const char *middle, *close, *last;
} shape;

static const shape shapes[] = {
    {"RETURN ", "(", 490, "1", ")", ""},
    {"RETURN ", "[", 490, "1", "]", ""},
    {"RETURN ", "{a: ", 490, "1", "}", ""},
    {"RETURN ", "NOT ", 490, "true", "", ""},
    {"RETURN 1", " + 1", 490, "", "", ""},
    {"RETURN ", "abs(", 490, "1", ")", ""},
    {"RETURN ", "CASE WHEN true THEN ", 490, "1", " END", ""},
    {"RETURN ", "[x# IN [1] | ", 490, "1", "]", ""},
    {"RETURN ", "reduce(a# = 0, x# IN [1] | ", 240, "1", ")", ""},
    {"RETURN ", "EXISTS { MATCH (n#) WHERE ", 160, "true", " }", ""},
    {"RETURN ", "COLLECT { RETURN ", 160, "1", " }", ""},
    {"", "CALL { ", 160, "RETURN 1 AS x", " } RETURN x", ""},
    {"", "FOREACH (x# IN [1] | ", 240, "CREATE (:Z)", ")", ""},
    {"EXPLAIN RETURN ", "[x# IN [1] | ", 490, "1", "]", ""},
    {"", "UNWIND [#] AS a# ", 1900, "RETURN 1", "", ""},
    {"PROFILE ", "UNWIND [#] AS a# ", 1900, "RETURN 1", "", ""},
    {"MATCH (n) WITH count(*) AS c ", "WITH c, count(*) AS d# ", 600, "RETURN c", "", ""},
    {"RETURN reduce(l = [], i IN range(1, 990) | [l])", "", 0, "", "", ""},
    {"UNWIND [1, 2] AS k WITH k, reduce(l = {}, i IN range(1, 990) | {l: l}) AS m RETURN m, "
     "count(*), "
     "m = m, max(m) ORDER BY m",
     "", 0, "", "", ""},
    {"RETURN 'a' =~ '", "(", 240, "a", ")", "'"},
};

static char *make_text(const shape *s)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    (void)fputs(s->first, out);
    for (size_t half = 0; half < 2; half++) {
        for (size_t i = 0; i < s->count; i++)
            for (const char *at = half == 0 ? s->part : s->close; *at != '\0'; at++)
                (void)(*at == '#' ? fprintf(out, "%zu", i) : fputc(*at, out));
        (void)fputs(half == 0 ? s->middle : s->last, out);
    }
    assert_int_equal(fclose(out), 0);
    return text;
}

typedef struct job {
    api_fixture *f;
    const char *text;
    sombra_stmt *stmt; /* made ready by another thread, or NULL */
    sombra_status status;
} job;

/* Every value of every row as text, too. */
static void *run(void *ctx)
{
    job *j = ctx;
    sombra_value value;
    char text[64];
    size_t bytes;

    j->status = SOMBRA_OK;
    if (j->stmt == NULL)
        j->status = sombra_prepare(j->f->conn, j->text, SOMBRA_NUL_TERMINATED, &j->stmt, NULL);
    while (j->status == SOMBRA_OK || j->status == SOMBRA_ROW) {
        j->status = sombra_stmt_step(j->stmt);
        for (size_t i = 0; j->status == SOMBRA_ROW && i < sombra_stmt_column_count(j->stmt); i++)
            if (sombra_stmt_column(j->stmt, i, &value) == SOMBRA_OK)
                (void)sombra_value_to_string(&value, text, sizeof text, &bytes);
    }
    sombra_stmt_finalize(j->stmt);
    return NULL;
}

static void run_in_stack(job *j, void *(*work)(void *), size_t bytes)
{
    pthread_attr_t attributes;
    pthread_t thread;

    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, bytes), 0);
    assert_int_equal(pthread_create(&thread, &attributes, work, j), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)pthread_attr_destroy(&attributes);
}

/* Done, or too deep for the stack; the connection works on. */
static bool is_done(const job *j)
{
    api_fixture *f = j->f;

    if (j->status == SOMBRA_DONE) return true;
    if (j->status != SOMBRA_LIMIT || strstr(sombra_error_of(f->conn)->message, "stack") == NULL)
        fail_msg("%.60s …: %s", j->text, sombra_error_of(f->conn)->message);
    job small = {.f = f, .text = "RETURN 1"};
    run_in_stack(&small, run, LEAST_BYTES);
    assert_int_equal(small.status, SOMBRA_DONE);
    return false;
}

static void test_api_query_stack__every_depth_in_every_stack(void **state)
{
    unsigned done = 0, refused = 0;

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        char *text = make_text(&shapes[i]);
        for (size_t bytes = LEAST_BYTES; bytes <= ENOUGH_BYTES; bytes *= 2) {
            job j = {.f = *state, .text = text};
            run_in_stack(&j, run, bytes);
            if (is_done(&j))
                done++;
            else if (bytes < ENOUGH_BYTES)
                refused++;
            else
                fail_msg("%.60s …: %s", text, sombra_error_of(j.f->conn)->message);
        }
        free(text);
    }
    if (done < 40 || refused < 20) fail_msg("%u done, %u refused", done, refused);
}

/* Made ready in a thread with enough, run in one that has less. */
static void test_api_query_stack__prepared_elsewhere(void **state)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        char *text = make_text(&shapes[i]);
        job j = {.f = *state, .text = text};
        OK(j.f, sombra_prepare(j.f->conn, text, SOMBRA_NUL_TERMINATED, &j.stmt, NULL));
        run_in_stack(&j, run, LEAST_BYTES);
        (void)is_done(&j);
        free(text);
    }
}

/* The calls that are not of the language: in and out, looked through, walked. */
static void *use(void *ctx)
{
    job *j = ctx;
    api_fixture *f = j->f;
    sombra_txn *txn;
    sombra_import_options options;
    sombra_import_result imported;
    sombra_export_result exported;
    sombra_verify_result verified;
    sombra_recover_result recovered;
    sombra_bfs_result reached;
    sombra_path path;
    uint8_t digest[16];
    const sombra_import_file nodes = {.path = "stack-in.csv", .name = "P"},
                             rels = {.path = "stack-rels.csv", .name = "K"};

    sombra_import_options_init(&options);
    options.nodes = &nodes;
    options.rels = &rels;
    options.node_file_count = options.rel_file_count = 1;
    OK(f, sombra_begin(f->conn, SOMBRA_WRITE, &txn));
    OK(f, sombra_import_csv(txn, &options, &imported));
    OK(f, sombra_commit(txn));
    OK(f, sombra_begin(f->conn, SOMBRA_READ, &txn));
    OK(f, sombra_bfs(txn, 1, NULL, NULL, NULL, &reached));
    OK(f, sombra_shortest_path(txn, 1, 2, NULL, &path));
    OK(f, sombra_verify(txn, NULL, NULL, &verified));
    OK(f, sombra_digest(txn, digest));
    OK(f, sombra_export_csv(txn, "stack-out", &exported));
    OK(f, sombra_backup(txn, "stack-copy"));
    sombra_rollback(txn);
    OK(f, sombra_checkpoint(f->conn, SOMBRA_TRUNCATE, NULL));
    OK(f, sombra_vacuum(f->conn, NULL));
    OK_ERROR(f,
             sombra_recover("stack-copy", "stack-saved", NULL, NULL, NULL, &recovered, &f->error));
    j->status = SOMBRA_DONE;
    return NULL;
}

static void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void test_api_query_stack__other_calls(void **state)
{
    static const char *const made[] = {"stack-copy",
                                       "stack-saved",
                                       "stack-in.csv",
                                       "stack-rels.csv",
                                       "stack-out/nodes-P.csv",
                                       "stack-out/relationships-K.csv",
                                       "stack-out/schema.csv",
                                       "stack-out"};
    job j = {.f = *state};

    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        (void)remove(made[i]);
    put_file("stack-in.csv", "id:ID,name,born:date\n1,a,2020-01-01\n2,b,\n");
    put_file("stack-rels.csv", ":START_ID,:END_ID\n1,2\n2,1\n");
    run_in_stack(&j, use, LEAST_BYTES);
    assert_int_equal(j.status, SOMBRA_DONE);
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        (void)remove(made[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_api_query_stack__every_depth_in_every_stack, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_api_query_stack__prepared_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_api_query_stack__other_calls, setup, teardown),
    };
    return cmocka_run_group_tests_name("api_query_stack", tests, NULL, NULL);
}
