/* test_callbacks.c — every call on a connection is refused while one of its callbacks runs, whichever callback that is; nothing of
 * the call under way is disturbed by that, and afterwards all handles work as before. */
#include "support/api_rows.h"

#include "api/api_priv.h"

typedef struct world {
    api_fixture f, other; /* other: a connection of the same database */
    sombra_builder *builder;
    sombra_scan *scan;
    sombra_stmt *idle, *running; /* running has given its first row of several */
    uint64_t nodes[100];
    uint32_t savepoint;
    unsigned tried; /* callbacks that have tried everything */
} world;

static world w; /* the callbacks of registered functions have no other way to it that is as short */

#define REFUSED(call) FAILS(&w.f, (call), SOMBRA_MISUSE, "a callback of this connection runs")

/* Calls without a result do nothing. */
#define DOES_NOTHING(call)                                                                         \
    do {                                                                                           \
        (call);                                                                                    \
        assert_int_equal(sombra_error_of(w.f.conn)->status, SOMBRA_MISUSE);                        \
    } while (0)

static bool say_no(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    (void)done;
    (void)total;
    return false;
}
static sombra_status refuse_commit(void *ctx)
{
    (void)ctx;
    return SOMBRA_CONSTRAINT;
}

static void try_transactions(void)
{
    sombra_txn *txn;
    uint32_t id;
    uint64_t count;
    sombra_value value;

    REFUSED(sombra_begin(w.f.conn, SOMBRA_READ, &txn));
    REFUSED(sombra_commit(w.f.txn));
    DOES_NOTHING(sombra_rollback(w.f.txn));
    REFUSED(sombra_upgrade(w.f.txn));
    REFUSED(sombra_savepoint(w.f.txn, &id));
    REFUSED(sombra_rollback_to(w.f.txn, w.savepoint));
    REFUSED(sombra_release(w.f.txn, w.savepoint));
    REFUSED(sombra_name_find(w.f.txn, SOMBRA_LABEL, "L", 1, &id));
    REFUSED(sombra_name_intern(w.f.txn, SOMBRA_LABEL, "L", 1, &id));
    assert_null(sombra_name_text(w.f.txn, SOMBRA_LABEL, 1, NULL));
    assert_int_equal(sombra_name_count(w.f.txn, SOMBRA_LABEL), 0);
    REFUSED(sombra_name_entities(w.f.txn, SOMBRA_LABEL, 0, &count));
    REFUSED(sombra_value_from_text(w.f.txn, "int", "1", 1, &value));
    DOES_NOTHING(sombra_disconnect(w.f.conn));
    DOES_NOTHING(sombra_set_progress(w.f.conn, say_no, NULL));
    DOES_NOTHING(sombra_set_time_limit(w.f.conn, 1));
    DOES_NOTHING(sombra_set_commit_hook(w.f.conn, refuse_commit, NULL));
    DOES_NOTHING(sombra_set_change_hook(w.f.conn, NULL, NULL));
    REFUSED(sombra_pragma(w.f.conn, "threads", "1"));
    FAILS_ERROR(&w.f, sombra_close(w.f.db, &w.f.error), SOMBRA_MISUSE, "connections");
}

static void try_changes(void)
{
    const sombra_op op = {.kind = SOMBRA_DELETE_NODE, .entity = {1, -1}};
    const uint32_t key = 1;
    const sombra_schema schema = {.kind = SOMBRA_INDEX, .entity = 1, .keys = &key, .key_count = 1};
    sombra_import_options import;
    sombra_builder *builder;
    uint32_t id;

    REFUSED(sombra_create_nodes(w.f.txn, NULL, 0, 1, NULL, 0, NULL));
    REFUSED(sombra_create_rels(w.f.txn, 1, 1, w.nodes, w.nodes, NULL, 0, NULL));
    REFUSED(sombra_builder_open(w.f.txn, &builder));
    REFUSED(sombra_mutate(w.f.txn, &op, 1, NULL));
    REFUSED(sombra_schema_create(w.f.txn, &schema, &id));
    REFUSED(sombra_schema_drop(w.f.txn, 1));
    REFUSED(sombra_schema_find(w.f.txn, &schema, &id));
    sombra_import_options_init(&import);
    REFUSED(sombra_import_csv(w.f.txn, &import, NULL));
}

static void try_reading(void)
{
    const sombra_scan_options all = {.entity = SOMBRA_NODE};
    const sombra_neighbor *neighbors;
    const uint64_t *ids;
    sombra_list list;
    sombra_value value;
    sombra_node node;
    sombra_rel rel;
    sombra_scan *scan;
    sombra_path path;
    sombra_schema schema;
    uint32_t key = 1;
    uint64_t number, numbers[1];
    uint8_t bits[1];
    size_t count, ends[1];
    bool found;

    REFUSED(sombra_get_props(w.f.txn, SOMBRA_NODE, 1, &key, 1, &value, &found));
    REFUSED(sombra_get_props_many(w.f.txn, SOMBRA_NODE, w.nodes, 1, &key, 1, &value, bits));
    REFUSED(sombra_get_node(w.f.txn, 1, &node, &found));
    REFUSED(sombra_get_rel(w.f.txn, 1, &rel, &found));
    REFUSED(sombra_nodes_exist(w.f.txn, w.nodes, 1, bits));
    REFUSED(sombra_neighbors(w.f.txn, 1, NULL, &neighbors, &count));
    REFUSED(sombra_neighbor_ids(w.f.txn, 1, SOMBRA_OUT, 0, &ids, &count));
    REFUSED(sombra_neighbor_ids_many(w.f.txn, w.nodes, 1, SOMBRA_OUT, 0, &ids, ends));
    REFUSED(sombra_neighbor_list(w.f.txn, 1, SOMBRA_OUT, 0, &list));
    REFUSED(sombra_neighbor_lists(w.f.txn, w.nodes, 1, SOMBRA_OUT, 0, &list));
    REFUSED(sombra_degree(w.f.txn, 1, SOMBRA_OUT, NULL, 0, &number));
    REFUSED(sombra_degrees_many(w.f.txn, w.nodes, 1, SOMBRA_OUT, 0, numbers));
    REFUSED(sombra_rel_between(w.f.txn, 1, 2, 0, &number));
    REFUSED(sombra_scan_open(w.f.txn, &all, &scan));
    REFUSED(sombra_count(w.f.txn, &all, &number));
    REFUSED(sombra_lookup(w.f.txn, 1, &value, 1, &number));
    REFUSED(sombra_lookup_many(w.f.txn, 1, &value, 1, 1, numbers));
    REFUSED(sombra_bfs(w.f.txn, 1, NULL, NULL, NULL, NULL));
    REFUSED(sombra_shortest_path(w.f.txn, 1, 2, NULL, &path));
    REFUSED(sombra_weighted_path(w.f.txn, 1, 2, NULL, 1, 1.0, &path));
    REFUSED(sombra_schema_at(w.f.txn, 0, &schema, &found));
}

static void try_statements(void)
{
    const sombra_value one = sombra_int(1);
    struct ArrowArrayStream stream;
    sombra_error warning;
    sombra_stmt *stmt;
    const char *text;
    size_t size;

    REFUSED(sombra_prepare(w.f.conn, "RETURN 1", SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_null(stmt);
    REFUSED(sombra_stmt_step(w.idle));
    REFUSED(sombra_stmt_bind(w.idle, "x", &one));
    REFUSED(sombra_stmt_bind_at(w.idle, 0, &one));
    REFUSED(sombra_stmt_clear(w.idle));
    REFUSED(sombra_stmt_warning(w.idle, 0, &warning));
    REFUSED(sombra_stmt_explain(w.idle, false, &text, &size));
    REFUSED(sombra_stmt_arrow(w.idle, 0, &stream));
}

/* What must be closed before its transaction ends. */
static void try_open_handles(void)
{
    uint64_t handle, ids[2];
    sombra_value value;
    sombra_node node;
    size_t count;
    bool found;

    REFUSED(sombra_builder_node(w.builder, NULL, 0, NULL, 0, NULL, 0, &handle));
    REFUSED(sombra_builder_rel(w.builder, sombra_ref_id(1), 1, sombra_ref_id(1), NULL, 0));
    REFUSED(sombra_builder_execute(w.builder, NULL));
    REFUSED(sombra_builder_alias(w.builder, "a", 1, &handle));
    DOES_NOTHING(sombra_builder_close(w.builder));
    REFUSED(sombra_scan_next(w.scan, ids, 2, &count));
    DOES_NOTHING(sombra_scan_close(w.scan));
    REFUSED(sombra_stmt_step(w.running)); /* to a row that is there */
    REFUSED(sombra_stmt_column(w.running, 0, &value));
    REFUSED(sombra_stmt_node(w.running, 1, &node, &found));
    REFUSED(sombra_stmt_reset(w.running));
    DOES_NOTHING(sombra_stmt_finalize(w.running));
}

static void try_administration(void)
{
    sombra_verify_result verified;
    sombra_writer_stats stats;
    sombra_tree_info tree;
    sombra_info info;
    uint8_t digest[16];
    bool more;

    REFUSED(sombra_checkpoint(w.f.conn, SOMBRA_PASSIVE, NULL));
    REFUSED(sombra_backup(w.f.txn, "callbacks.copy"));
    REFUSED(sombra_restore(w.f.conn, "callbacks.copy"));
    REFUSED(sombra_vacuum(w.f.conn, NULL));
    REFUSED(sombra_verify(w.f.txn, NULL, NULL, &verified));
    REFUSED(sombra_digest(w.f.txn, digest));
    REFUSED(sombra_get_info(w.f.txn, &info));
    REFUSED(sombra_tree_at(w.f.txn, 0, &tree, &more));
    REFUSED(sombra_get_writer_stats(w.f.txn, &stats));
    REFUSED(sombra_export_csv(w.f.txn, "callbacks.csv", NULL));
}

/* Once in each kind of callback; others are free meanwhile. */
static void try_all(void)
{
    if (w.tried++ != 0) return;
    try_transactions();
    try_changes();
    try_reading();
    try_statements();
    if (w.scan != NULL) try_open_handles();
    try_administration();
    gives(&w.other, "RETURN 1", "1");
}

/* ---- The callbacks ------------------------------------------------------------------------------------------------ */

static bool on_progress(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    (void)done;
    (void)total;
    try_all();
    return true;
}

static sombra_status on_commit(void *ctx)
{
    (void)ctx;
    try_all();
    return SOMBRA_OK;
}

static void on_change(void *ctx, sombra_change change, uint64_t id)
{
    (void)ctx;
    (void)change;
    (void)id;
    try_all();
}

static bool on_visit(void *ctx, uint64_t node, uint32_t depth)
{
    (void)ctx;
    (void)node;
    (void)depth;
    try_all();
    return true;
}

static void on_finding(void *ctx, uint64_t page, const char *message)
{
    (void)ctx;
    (void)page;
    (void)message;
    try_all();
}

static sombra_status on_call(sombra_call *call)
{
    try_all();
    return sombra_call_result(call, sombra_call_arg(call, 0));
}

static sombra_status on_step(sombra_call *call)
{
    (void)call;
    try_all();
    return SOMBRA_OK;
}

static sombra_status on_finish(sombra_call *call)
{
    const sombra_value one = sombra_int(1);
    return sombra_call_result(call, &one);
}

static sombra_status on_procedure(sombra_call *call)
{
    try_all();
    return sombra_call_emit(call, sombra_call_arg(call, 0));
}

/* A stream of another connection's, which tries everything before it gives the next batch. */
static struct ArrowArrayStream source;

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *schema)
{
    (void)stream;
    try_all();
    return source.get_schema(&source, schema);
}
static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *array)
{
    (void)stream;
    try_all();
    return source.get_next(&source, array);
}
static const char *get_last_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return source.get_last_error(&source);
}
static void release(struct ArrowArrayStream *stream)
{
    source.release(&source);
    stream->release = NULL;
}

/* ---- The world that they try to disturb --------------------------------------------------------------------------- */

static void register_all(void)
{
    OK_ERROR(&w.f, sombra_register_function(w.f.db, "my.same(x :: ANY?) :: ANY?", on_call, NULL,
                                            &w.f.error));
    OK_ERROR(&w.f, sombra_register_aggregate(w.f.db, "my.some(x :: ANY?) :: ANY?", 8, on_step,
                                             on_finish, NULL, &w.f.error));
    OK_ERROR(&w.f, sombra_register_procedure(w.f.db, "my.rows(x :: ANY?) :: (y :: ANY?)",
                                             on_procedure, NULL, &w.f.error));
}

static void set_up(void)
{
    memset(&w, 0, sizeof w);
    api_new(&w.f);
    register_all();
    w.other = w.f;
    OK_ERROR(&w.other, sombra_connect(w.f.db, &w.other.conn, &w.other.error));
    api_begin(&w.f, SOMBRA_WRITE);
    const uint32_t label = api_name(&w.f, SOMBRA_LABEL, "L");
    OK(&w.f, sombra_create_nodes(w.f.txn, &label, 1, 100, NULL, 0, w.nodes));
    OK(&w.f, sombra_create_rels(w.f.txn, api_name(&w.f, SOMBRA_TYPE, "T"), 99, w.nodes, w.nodes + 1,
                                NULL, 0, NULL));
    api_commit(&w.f);
    api_begin(&w.f, SOMBRA_WRITE);
    const sombra_scan_options all = {.entity = SOMBRA_NODE};
    OK(&w.f, sombra_savepoint(w.f.txn, &w.savepoint));
    OK(&w.f, sombra_builder_open(w.f.txn, &w.builder));
    OK(&w.f, sombra_builder_node(w.builder, NULL, 0, "a", 1, NULL, 0, NULL));
    OK(&w.f, sombra_scan_open(w.f.txn, &all, &w.scan));
    OK(&w.f, sombra_prepare(w.f.conn, "RETURN $x", SOMBRA_NUL_TERMINATED, &w.idle, NULL));
    OK(&w.f, sombra_prepare(w.f.conn, "MATCH (n:L) RETURN id(n)", SOMBRA_NUL_TERMINATED, &w.running,
                            NULL));
    assert_int_equal(sombra_stmt_step(w.running), SOMBRA_ROW);
}

/* The call went well, everything was tried within, and nothing of that is left. */
static void is_undisturbed(sombra_status status)
{
    assert_int_equal(status, SOMBRA_OK);
    assert_int_equal(sombra_error_of(w.f.conn)->status, SOMBRA_OK);
    assert_true(w.tried != 0);
}

/* All handles of the transaction work, and end it. */
static void tear_down(uint64_t nodes)
{
    uint64_t ids[200];
    size_t count;
    sombra_value value;

    OK(&w.f, sombra_scan_next(w.scan, ids, 200, &count));
    assert_true(count >= 99);
    sombra_scan_close(w.scan);
    assert_int_equal(sombra_stmt_step(w.running), SOMBRA_ROW);
    OK(&w.f, sombra_stmt_column(w.running, 0, &value));
    sombra_stmt_finalize(w.running);
    OK(&w.f, sombra_builder_execute(w.builder, NULL));
    sombra_builder_close(w.builder);
    w.scan = NULL;
    OK(&w.f, sombra_release(w.f.txn, w.savepoint));
    api_commit(&w.f);
    assert_int_equal(sombra_error_of(w.f.conn)->status, SOMBRA_OK);
    sombra_stmt_finalize(w.idle);
    api_begin(&w.f, SOMBRA_READ);
    uint64_t there;
    OK(&w.f, sombra_name_entities(w.f.txn, SOMBRA_LABEL, 0, &there));
    assert_int_equal(there, nodes + 1);
    sombra_rollback(w.f.txn);
    sombra_disconnect(w.other.conn);
    api_end(&w.f);
}

/* ---- One test for each kind ------------------------------------------------------------------------------------------ */

static void test_api_callbacks__progress(void **state)
{
    (void)state;

    set_up();
    (void)unlink("callbacks.copy");
    sombra_set_progress(w.f.conn, on_progress, NULL);
    is_undisturbed(sombra_backup(w.f.txn, "callbacks.copy"));
    (void)unlink("callbacks.copy");
    sombra_set_progress(w.f.conn, NULL, NULL);
    tear_down(100);
}

static void test_api_callbacks__change_hook(void **state)
{
    (void)state;

    set_up();
    sombra_set_change_hook(w.f.conn, on_change, NULL);
    is_undisturbed(sombra_create_nodes(w.f.txn, NULL, 0, 3, NULL, 0, NULL));
    assert_int_equal(w.tried, 3);
    w.tried = 0;
    gives(&w.f, "CREATE (:L)", "");
    is_undisturbed(SOMBRA_OK);
    tear_down(104);
}

/* The transaction is there until the hook has answered, and no handle of it is used any more behind. */
static void test_api_callbacks__commit_hook(void **state)
{
    (void)state;

    set_up();
    sombra_set_commit_hook(w.f.conn, on_commit, NULL);
    OK(&w.f, sombra_create_nodes(w.f.txn, NULL, 0, 5, NULL, 0, NULL));
    tear_down(105);
    assert_int_equal(w.tried, 1);
}

static void test_api_callbacks__bfs(void **state)
{
    sombra_bfs_result result;
    (void)state;

    set_up();
    is_undisturbed(sombra_bfs(w.f.txn, w.nodes[0], NULL, on_visit, NULL, &result));
    assert_int_equal(result.visited, 100);
    assert_int_equal(w.tried, 100);
    tear_down(100);
}

/* A node's row is taken away under its relationships, which verify finds. */
static void test_api_callbacks__verify(void **state)
{
    sombra_verify_result result;
    size_t deleted;
    (void)state;

    set_up();
    OK(&w.f, (sombra_status)sb_rows_delete(w.f.txn->txn, sb_node_table(w.f.txn->view), w.nodes, 1,
                                           &deleted, &w.f.conn->err));
    is_undisturbed(sombra_verify(w.f.txn, on_finding, NULL, &result));
    assert_true(result.findings != 0);
    tear_down(100); /* by the statistics */
}

static void test_api_callbacks__functions(void **state)
{
    static const char *const queries[] = {
        "RETURN my.same(1)", "UNWIND [1, 2] AS x RETURN my.some(x)", "CALL my.rows(1)"};
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        set_up();
        gives(&w.f, queries[i], "1");
        is_undisturbed(SOMBRA_OK);
        tear_down(100);
    }
}

static void test_api_callbacks__arrow(void **state)
{
    struct ArrowArrayStream stream = {.get_schema = get_schema,
                                      .get_next = get_next,
                                      .get_last_error = get_last_error,
                                      .release = release};
    sombra_stmt *stmt;
    (void)state;

    set_up();
    OK(&w.other, sombra_prepare(w.other.conn, "UNWIND range(1, 50) AS i RETURN i",
                                SOMBRA_NUL_TERMINATED, &stmt, NULL));
    OK(&w.other, sombra_stmt_arrow(stmt, 10, &source));
    is_undisturbed(sombra_create_nodes_arrow(w.f.txn, NULL, 0, &stream, NULL, NULL));
    sombra_stmt_finalize(stmt);
    tear_down(150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_callbacks__progress),
        cmocka_unit_test(test_api_callbacks__change_hook),
        cmocka_unit_test(test_api_callbacks__commit_hook),
        cmocka_unit_test(test_api_callbacks__bfs),
        cmocka_unit_test(test_api_callbacks__verify),
        cmocka_unit_test(test_api_callbacks__functions),
        cmocka_unit_test(test_api_callbacks__arrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
