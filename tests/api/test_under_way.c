/* test_under_way.c — a statement that has given rows and not come to its end, while its transaction is to change, end, or go back: it is undone
 * alone or with all, never in part, and what would do that is refused. */
#include "support/api_rows.h"

#define NODES 3000u /* several batches of rows */
#define WRITE "MATCH (n:L) CREATE (:M) RETURN n"
#define READ  "MATCH (n:L) RETURN n"

static sombra_stmt *begun(api_fixture *f, const char *text)
{
    sombra_stmt *stmt;

    OK(f, sombra_prepare(f->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    return stmt;
}

/* A transaction with nodes and a savepoint behind them. */
static void make(api_fixture *f, uint32_t *savepoint)
{
    api_new(f);
    api_begin(f, SOMBRA_WRITE);
    const uint32_t label = api_name(f, SOMBRA_LABEL, "L");
    (void)api_name(f, SOMBRA_LABEL, "M");
    OK(f, sombra_create_nodes(f->txn, &label, 1, NODES, NULL, 0, NULL));
    OK(f, sombra_savepoint(f->txn, savepoint));
}

static void has(api_fixture *f, const char *l, const char *m)
{
    gives(f, "MATCH (n:L) RETURN count(*)", l);
    gives(f, "MATCH (n:M) RETURN count(*)", m);
}

static void refuses_ends(api_fixture *f, uint32_t savepoint)
{
    uint32_t inner = 1;

    FAILS(f, sombra_savepoint(f->txn, &inner), SOMBRA_MISUSE, "under way");
    assert_int_equal(inner, 0);
    FAILS(f, sombra_rollback_to(f->txn, savepoint), SOMBRA_MISUSE, "under way");
    FAILS(f, sombra_release(f->txn, savepoint), SOMBRA_MISUSE, "under way");
    FAILS(f, sombra_commit(f->txn), SOMBRA_MISUSE, "under way");
    refused(f, "COMMIT", SOMBRA_MISUSE, "under way");
}

static void refuses_changes(api_fixture *f, sombra_builder *builder)
{
    const uint32_t label = 1;
    const sombra_op op = {.kind = SOMBRA_DELETE_NODE, .entity = {1, -1}};
    const uint64_t end = 1;
    const sombra_schema schema = {
        .kind = SOMBRA_INDEX, .entity = 1, .keys = &label, .key_count = 1};
    sombra_import_options import;
    sombra_builder *another;
    uint32_t id;

    FAILS(f, sombra_create_nodes(f->txn, &label, 1, 1, NULL, 0, NULL), SOMBRA_MISUSE, "under way");
    FAILS(f, sombra_create_rels(f->txn, 1, 1, &end, &end, NULL, 0, NULL), SOMBRA_MISUSE,
          "under way");
    FAILS(f, sombra_mutate(f->txn, &op, 1, NULL), SOMBRA_MISUSE, "under way");
    FAILS(f, sombra_builder_open(f->txn, &another), SOMBRA_MISUSE, "under way");
    FAILS(f, sombra_builder_execute(builder, NULL), SOMBRA_MISUSE, "under way");
    FAILS(f, sombra_name_intern(f->txn, SOMBRA_LABEL, "New", 3, &id), SOMBRA_MISUSE, "under way");
    FAILS(f, sombra_schema_create(f->txn, &schema, &id), SOMBRA_MISUSE, "under way");
    FAILS(f, sombra_schema_drop(f->txn, 1), SOMBRA_MISUSE, "under way");
    sombra_import_options_init(&import);
    FAILS(f, sombra_import_csv(f->txn, &import, NULL), SOMBRA_MISUSE, "under way");
    refused(f, "CREATE (:M)", SOMBRA_MISUSE, "under way");
    refused(f, "CREATE INDEX FOR (n:L) ON (n.x)", SOMBRA_MISUSE, "under way");
    OK(f, sombra_name_intern(f->txn, SOMBRA_LABEL, "L", 1, &id)); /* makes none */
}

static void test_api_under_way__is_undone_alone(void **state)
{
    api_fixture f;
    uint32_t savepoint;
    sombra_builder *builder;
    (void)state;

    make(&f, &savepoint);
    OK(&f, sombra_builder_open(f.txn, &builder));
    OK(&f, sombra_builder_node(builder, NULL, 0, NULL, 0, NULL, 0, NULL));
    sombra_stmt *stmt = begun(&f, WRITE);
    refuses_ends(&f, savepoint);
    refuses_changes(&f, builder);
    gives(&f, "MATCH (n:L) RETURN count(*)", "3000"); /* reading goes on */
    OK(&f, sombra_stmt_reset(stmt));
    has(&f, "3000", "0");
    OK(&f, sombra_builder_execute(builder, NULL));
    sombra_builder_close(builder);
    OK(&f, sombra_release(f.txn, savepoint));
    api_commit(&f);
    has(&f, "3000", "0");
    assert_int_equal(api_node_count(&f), NODES + 1);
    sombra_stmt_finalize(stmt);
    api_end(&f);
}

static void test_api_under_way__comes_to_its_end(void **state)
{
    api_fixture f;
    uint32_t savepoint;
    sombra_status status;
    (void)state;

    make(&f, &savepoint);
    sombra_stmt *stmt = begun(&f, WRITE);
    refuses_ends(&f, savepoint);
    while ((status = sombra_stmt_step(stmt)) == SOMBRA_ROW)
        ;
    assert_int_equal(status, SOMBRA_DONE);
    has(&f, "3000", "3000");
    OK(&f, sombra_rollback_to(f.txn, savepoint)); /* is there still */
    has(&f, "3000", "0");
    OK(&f, sombra_stmt_reset(stmt));
    sombra_stmt_finalize(stmt);
    api_commit(&f);
    has(&f, "3000", "0");
    api_end(&f);
}

/* A transaction that reads becomes one that writes when nothing reads in it. */
static void test_api_under_way__is_not_upgraded(void **state)
{
    api_fixture f;
    uint32_t savepoint;
    (void)state;

    make(&f, &savepoint);
    api_commit(&f);
    api_begin(&f, SOMBRA_READ);
    sombra_stmt *stmt = begun(&f, READ);
    FAILS(&f, sombra_upgrade(f.txn), SOMBRA_MISUSE, "under way");
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    OK(&f, sombra_stmt_reset(stmt));
    OK(&f, sombra_upgrade(f.txn));
    OK(&f, sombra_create_nodes(f.txn, NULL, 0, 1, NULL, 0, NULL));
    sombra_stmt_finalize(stmt);
    api_commit(&f);
    api_end(&f);
}

/* What was under way in a transaction that has been rolled back keeps nobody from anything. */
static void test_api_under_way__rolled_back(void **state)
{
    api_fixture f;
    uint32_t savepoint;
    (void)state;

    make(&f, &savepoint);
    api_commit(&f);
    api_begin(&f, SOMBRA_WRITE);
    sombra_stmt *stmt = begun(&f, WRITE);
    sombra_rollback(f.txn);
    api_begin(&f, SOMBRA_WRITE);
    gives(&f, "CREATE (:M)", "");
    OK(&f, sombra_savepoint(f.txn, &savepoint));
    FAILS(&f, sombra_stmt_step(stmt), SOMBRA_MISUSE, "has ended");
    OK(&f, sombra_stmt_reset(stmt));
    has(&f, "3000", "1");
    api_commit(&f);
    has(&f, "3000", "1");
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    sombra_stmt_finalize(stmt); /* undone: it has not come to its end */
    has(&f, "3000", "1");
    api_end(&f);
}

/* Its plan is asked for behind a run whose savepoint went with the transaction. */
static void test_api_under_way__explained_later(void **state)
{
    api_fixture f;
    uint32_t savepoint;
    const char *text;
    size_t size;
    (void)state;

    make(&f, &savepoint);
    sombra_stmt *stmt = begun(&f, WRITE);
    sombra_rollback(f.txn);
    OK(&f, sombra_stmt_reset(stmt));
    api_begin(&f, SOMBRA_WRITE);
    OK(&f, sombra_stmt_explain(stmt, false, &text, &size));
    api_commit(&f);
    sombra_stmt_finalize(stmt);
    api_end(&f);
}

/* While a run is under way its own plan is told: to make another one, which the graph would have now, would end it; and behind its
 * transaction there is no graph to plan for. */
static void test_api_under_way__explained(void **state)
{
    api_fixture f;
    uint32_t savepoint;
    const char *text;
    size_t size;
    (void)state;

    make(&f, &savepoint);
    sombra_stmt *stmt = begun(&f, READ);
    gives(&f, "UNWIND range(1, 30000) AS i CREATE (:M)", "");
    OK(&f, sombra_stmt_explain(stmt, false, &text, &size));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    gives(&f, "CREATE INDEX FOR (n:L) ON (n.x)", "");
    OK(&f, sombra_stmt_explain(stmt, false, &text, &size));
    assert_non_null(memmem(text, size, "NodeByLabelScan", 15));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    sombra_rollback(f.txn);
    OK(&f, sombra_stmt_explain(stmt, true, &text, &size));
    assert_non_null(memmem(text, size, "NodeByLabelScan", 15));
    FAILS(&f, sombra_stmt_step(stmt), SOMBRA_MISUSE, "has ended");
    sombra_stmt_finalize(stmt);
    api_end(&f);
}

/* Rows of a state that is undone are none: a statement that reads ends. */
static void test_api_under_way__readers_end_at_a_savepoint(void **state)
{
    api_fixture f;
    uint32_t savepoint;
    sombra_value value;
    (void)state;

    make(&f, &savepoint);
    sombra_stmt *stmt = begun(&f, READ);
    FAILS(&f, sombra_rollback_to(f.txn, savepoint + 1000), SOMBRA_MISUSE, "savepoint");
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW); /* what fails ends nothing */
    gives(&f, "CREATE (:L)", "");
    OK(&f, sombra_rollback_to(f.txn, savepoint));
    FAILS(&f, sombra_stmt_column(stmt, 0, &value), SOMBRA_MISUSE, "no row");
    FAILS(&f, sombra_stmt_step(stmt), SOMBRA_MISUSE, "rolled back to a savepoint");
    OK(&f, sombra_stmt_reset(stmt));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    sombra_stmt_finalize(stmt);
    has(&f, "3000", "0");
    api_commit(&f);
    api_end(&f);
}

/* What a statement has changed is seen beside it: label sets, a label, and places in an index that others get when it is undone. */
#define CHANGES "MATCH (n:L) SET n:New, n.x = n.x + 100000 RETURN n"

static void test_api_under_way__who_saw_what_is_undone_ends(void **state)
{
    api_fixture f;
    sombra_scan_options options = {0};
    sombra_scan *scan, *by_index;
    uint64_t ids[100];
    size_t count;
    (void)state;

    api_new(&f);
    gives(&f, "UNWIND range(1, 3000) AS i CREATE (:L {x: i})", "");
    gives(&f, "CREATE INDEX FOR (n:L) ON (n.x)", "");
    api_begin(&f, SOMBRA_WRITE);
    const sombra_value low = sombra_int(0);
    options.name = api_name(&f, SOMBRA_LABEL, "L");
    options.key = api_name(&f, SOMBRA_KEY, "x");
    options.low = &low;
    OK(&f, sombra_scan_open(f.txn, &options, &by_index));
    assert_true(sombra_scan_indexed(by_index));
    sombra_stmt *before = begun(&f, READ);
    sombra_stmt *writing = begun(&f, CHANGES);
    OK(&f, sombra_stmt_reset(writing)); /* nobody has read beside it */
    OK(&f, sombra_scan_next(by_index, ids, 100, &count));
    assert_int_equal(count, 100);
    assert_int_equal(sombra_stmt_step(writing), SOMBRA_ROW);
    OK(&f, sombra_scan_next(by_index, ids, 100, &count));
    sombra_stmt *within = begun(&f, "MATCH (n:New) RETURN labels(n)");
    OK(&f, sombra_name_find(f.txn, SOMBRA_LABEL, "New", SOMBRA_NUL_TERMINATED, &options.name));
    options.no_index = true;
    OK(&f, sombra_scan_open(f.txn, &options, &scan));
    OK(&f, sombra_stmt_reset(writing));
    gives(&f, "UNWIND range(1, 5000) AS i CREATE (:Other {x: i})", "");
    FAILS(&f, sombra_stmt_step(within), SOMBRA_MISUSE, "has seen");
    FAILS(&f, sombra_scan_next(scan, ids, 100, &count), SOMBRA_MISUSE, "under way");
    FAILS(&f, sombra_scan_next(by_index, ids, 100, &count), SOMBRA_MISUSE, "under way");
    for (unsigned rows = 1; rows < NODES; rows++)
        assert_int_equal(sombra_stmt_step(before), SOMBRA_ROW);
    assert_int_equal(sombra_stmt_step(before), SOMBRA_DONE);
    OK(&f, sombra_stmt_reset(within));
    assert_int_equal(sombra_stmt_step(within), SOMBRA_DONE);
    sombra_stmt_finalize(writing);
    sombra_stmt_finalize(before);
    sombra_stmt_finalize(within);
    sombra_scan_close(scan);
    sombra_scan_close(by_index);
    api_commit(&f);
    api_end(&f);
}

/* Rows come by an index: it stays until they have come. */
static void test_api_under_way__indexes_stay(void **state)
{
    const sombra_schema like = {.name = "by_x", .name_size = 4};
    api_fixture f;
    unsigned rows = 1;
    uint32_t id;
    (void)state;

    api_new(&f);
    gives(&f, "UNWIND range(1, 3000) AS i CREATE (:L {x: i})", "");
    gives(&f, "CREATE INDEX by_x FOR (n:L) ON (n.x)", "");
    api_begin(&f, SOMBRA_WRITE);
    OK(&f, sombra_schema_find(f.txn, &like, &id));
    sombra_stmt *stmt = begun(&f, "MATCH (n:L) WHERE n.x > 0 RETURN n.x + 1");
    FAILS(&f, sombra_schema_drop(f.txn, id), SOMBRA_MISUSE, "under way");
    refused(&f, "DROP INDEX by_x", SOMBRA_MISUSE, "under way");
    gives(&f, "CREATE INDEX FOR (n:L) ON (n.y)", "");
    while (sombra_stmt_step(stmt) == SOMBRA_ROW)
        rows++;
    assert_int_equal(rows, 3000);
    gives(&f, "DROP INDEX by_x", "");
    sombra_stmt_finalize(stmt);
    api_commit(&f);
    api_end(&f);
}

static void test_api_under_way__plans_and_streams(void **state)
{
    api_fixture f;
    uint32_t savepoint;
    struct ArrowArrayStream stream;
    sombra_stmt *stmt;
    (void)state;

    make(&f, &savepoint);
    stmt = begun(&f, "EXPLAIN " WRITE); /* writes nothing */
    OK(&f, sombra_release(f.txn, savepoint));
    sombra_stmt_finalize(stmt);
    stmt = begun(&f, "PROFILE " WRITE);
    FAILS(&f, sombra_commit(f.txn), SOMBRA_MISUSE, "under way");
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_DONE);
    sombra_stmt_finalize(stmt);
    has(&f, "3000", "3000");
    OK(&f, sombra_prepare(f.conn, WRITE, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    OK(&f, sombra_stmt_arrow(stmt, 100, &stream));
    FAILS(&f, sombra_commit(f.txn), SOMBRA_MISUSE, "under way");
    stream.release(&stream);
    sombra_stmt_finalize(stmt);
    api_commit(&f);
    has(&f, "3000", "3000");
    api_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_under_way__is_undone_alone),
        cmocka_unit_test(test_api_under_way__comes_to_its_end),
        cmocka_unit_test(test_api_under_way__is_not_upgraded),
        cmocka_unit_test(test_api_under_way__rolled_back),
        cmocka_unit_test(test_api_under_way__explained_later),
        cmocka_unit_test(test_api_under_way__explained),
        cmocka_unit_test(test_api_under_way__readers_end_at_a_savepoint),
        cmocka_unit_test(test_api_under_way__who_saw_what_is_undone_ends),
        cmocka_unit_test(test_api_under_way__indexes_stay),
        cmocka_unit_test(test_api_under_way__plans_and_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
