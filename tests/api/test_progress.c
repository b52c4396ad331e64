/* test_progress.c — what the progress callback hears of each long call: never less than before, of one total, and all of it at the end. And that
 * each can be cancelled from it. */
#include "support/api_fixture.h"

#define NODES     70000u
#define BATCH_IDS 50000u

typedef struct heard {
    uint64_t done, total;
    unsigned calls, stop_at; /* 0: never */
    bool wrong;
} heard;

static bool on_progress(void *ctx, uint64_t done, uint64_t total)
{
    heard *h = ctx;

    h->calls++;
    if (total == h->total && done < h->done) h->wrong = true;
    if (h->total != 0 && total != h->total) h->wrong = true;
    if (total != 0 && done > total) h->wrong = true;
    h->done = done;
    h->total = total;
    return h->calls != h->stop_at;
}

/* A graph to work on: a binary tree of NODES nodes, node i the parent of 2i and 2i + 1. */
typedef struct world {
    api_fixture f;
    sombra_conn *other; /* whose statements' streams are loaded */
    uint32_t label, type, key, index;
    uint64_t *ids;
    heard heard;
} world;

static int64_t *numbers_to(size_t count)
{
    int64_t *numbers = malloc(count * sizeof *numbers);

    for (size_t i = 0; i < count; i++)
        numbers[i] = (int64_t)(i * 7919 % count);
    return numbers;
}

static void build(world *w)
{
    int64_t *numbers = numbers_to(NODES);
    uint64_t *ends = malloc(2 * NODES * sizeof *ends);

    memset(w, 0, sizeof *w);
    api_new(&w->f);
    OK_ERROR(&w->f, sombra_connect(w->f.db, &w->other, &w->f.error));
    api_begin(&w->f, SOMBRA_WRITE);
    w->label = api_name(&w->f, SOMBRA_LABEL, "P");
    w->type = api_name(&w->f, SOMBRA_TYPE, "R");
    w->key = api_name(&w->f, SOMBRA_KEY, "n");
    const sombra_column column = {.key = w->key, .type = SOMBRA_TYPE_INT, .integers = numbers};
    const sombra_schema schema = {
        .kind = SOMBRA_INDEX, .entity = w->label, .keys = &w->key, .key_count = 1};
    w->ids = malloc(NODES * sizeof *w->ids);
    OK(&w->f, sombra_create_nodes(w->f.txn, &w->label, 1, NODES, &column, 1, w->ids));
    for (size_t i = 1; i < NODES; i++) {
        ends[i - 1] = w->ids[(i - 1) / 2];
        ends[NODES + i - 1] = w->ids[i];
    }
    OK(&w->f, sombra_create_rels(w->f.txn, w->type, NODES - 1, ends, ends + NODES, NULL, 0, NULL));
    OK(&w->f, sombra_schema_create(w->f.txn, &schema, &w->index));
    api_commit(&w->f);
    free(numbers);
    free(ends);
}

static void clear(world *w)
{
    static const char *const made[] = {"copy.sombra", "copied/nodes-P.csv",
                                       "copied/relationships-R.csv", "copied/schema.csv"};

    free(w->ids);
    sombra_disconnect(w->other);
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        (void)unlink(made[i]);
    (void)rmdir("copied");
    api_end(&w->f);
}

/* ---- The calls --------------------------------------------------------------------------------------------------------- */

static sombra_status create_nodes(world *w)
{
    return sombra_create_nodes(w->f.txn, &w->label, 1, 2 * NODES, NULL, 0, NULL);
}

static sombra_status create_rels(world *w)
{
    return sombra_create_rels(w->f.txn, w->type, NODES, w->ids, w->ids, NULL, 0, NULL);
}

static sombra_status execute_builder(world *w)
{
    sombra_builder *builder;
    sombra_created created;

    OK(&w->f, sombra_builder_open(w->f.txn, &builder));
    for (size_t i = 0; i < NODES; i++)
        OK(&w->f, sombra_builder_node(builder, &w->label, 1, NULL, 0, NULL, 0, NULL));
    const sombra_status status = sombra_builder_execute(builder, &created);
    sombra_builder_close(builder);
    return status;
}

static sombra_status mutate(world *w)
{
    sombra_op *ops = calloc(NODES, sizeof *ops);

    for (size_t i = 0; i < NODES; i++)
        ops[i] = (sombra_op){.kind = SOMBRA_DELETE_NODE, .entity = {w->ids[i], -1}, .detach = true};
    const sombra_status status = sombra_mutate(w->f.txn, ops, NODES, NULL);
    free(ops);
    return status;
}

static sombra_status load_arrow(world *w, const char *query, bool rels)
{
    struct ArrowArrayStream stream;
    const uint64_t *ids;
    sombra_stmt *stmt;
    size_t count;

    OK(&w->f, sombra_prepare(w->other, query, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    OK(&w->f, sombra_stmt_arrow(stmt, 10000, &stream));
    const sombra_status status =
        rels ? sombra_create_rels_arrow(w->f.txn, w->type, NULL, &stream, &ids, &count)
             : sombra_create_nodes_arrow(w->f.txn, &w->label, 1, &stream, &ids, &count);
    if (stream.release != NULL) stream.release(&stream);
    sombra_stmt_finalize(stmt);
    return status;
}

static sombra_status load_nodes(world *w)
{
    return load_arrow(w, "UNWIND range(1, 60000) AS n RETURN n", false);
}

static sombra_status load_rels(world *w)
{
    return load_arrow(w, "UNWIND range(1, 60000) AS source RETURN source, source AS target", true);
}

static sombra_status get_props(world *w)
{
    sombra_value *values = malloc(BATCH_IDS * sizeof *values);
    uint8_t *found = malloc(BATCH_IDS / 8 + 1);
    const sombra_status status =
        sombra_get_props_many(w->f.txn, SOMBRA_NODE, w->ids, BATCH_IDS, &w->key, 1, values, found);

    for (size_t i = 0; status == SOMBRA_OK && i < BATCH_IDS; i++) {
        assert_true(found[i / 8] >> i % 8 & 1);
        assert_int_equal(values[i].as.integer, i * 7919 % NODES);
    }
    free(values);
    free(found);
    return status;
}

static sombra_status nodes_exist(world *w)
{
    uint8_t *exist = calloc(1, BATCH_IDS / 8 + 1);
    uint64_t *asked = malloc(BATCH_IDS * sizeof *asked);

    for (size_t i = 0; i < BATCH_IDS; i++)
        asked[i] = i % 3 == 0 ? 1000000000 : w->ids[i];
    const sombra_status status = sombra_nodes_exist(w->f.txn, asked, BATCH_IDS, exist);
    for (size_t i = 0; status == SOMBRA_OK && i < BATCH_IDS; i++)
        assert_int_equal(exist[i / 8] >> i % 8 & 1, i % 3 != 0);
    free(exist);
    free(asked);
    return status;
}

static size_t degree_of(size_t i) /* node number i from 0 */
{
    return 2 * i + 2 < NODES ? 2 : 2 * i + 1 < NODES;
}

static sombra_status neighbors_of(world *w, uint32_t type)
{
    size_t *ends = malloc(BATCH_IDS * sizeof *ends), end = 0;
    const uint64_t *ids;
    const sombra_status status =
        sombra_neighbor_ids_many(w->f.txn, w->ids, BATCH_IDS, SOMBRA_OUT, type, &ids, ends);

    for (size_t i = 0; status == SOMBRA_OK && i < BATCH_IDS; i++) {
        for (size_t k = 0; k < degree_of(i); k++)
            assert_int_equal(ids[end + k], w->ids[2 * i + 1 + k]);
        end += degree_of(i);
        assert_int_equal(ends[i], end);
    }
    free(ends);
    return status;
}

static sombra_status neighbors(world *w)
{
    return neighbors_of(w, w->type);
}

static sombra_status lists(world *w)
{
    sombra_list *found = malloc(BATCH_IDS * sizeof *found);
    const sombra_status status =
        sombra_neighbor_lists(w->f.txn, w->ids, BATCH_IDS, SOMBRA_OUT, w->type, found);

    for (size_t i = 0; status == SOMBRA_OK && i < BATCH_IDS; i++) {
        assert_int_equal(found[i].count, degree_of(i));
        if (found[i].count != 0) assert_int_equal(sombra_list_id(&found[i], 0), w->ids[2 * i + 1]);
    }
    free(found);
    return status;
}

static sombra_status degrees(world *w)
{
    uint64_t *found = malloc(BATCH_IDS * sizeof *found);
    const sombra_status status =
        sombra_degrees_many(w->f.txn, w->ids, BATCH_IDS, SOMBRA_BOTH, w->type, found);

    for (size_t i = 0; status == SOMBRA_OK && i < BATCH_IDS; i++)
        assert_int_equal(found[i], degree_of(i) + (i != 0));
    free(found);
    return status;
}

static sombra_status lookups(world *w)
{
    sombra_value *values = malloc(BATCH_IDS * sizeof *values);
    uint64_t *found = malloc(BATCH_IDS * sizeof *found);

    for (size_t i = 0; i < BATCH_IDS; i++)
        values[i] = sombra_int(i % 2 == 0 ? (int64_t)(i * 7919 % NODES) : -1);
    const sombra_status status =
        sombra_lookup_many(w->f.txn, w->index, values, 1, BATCH_IDS, found);
    for (size_t i = 0; status == SOMBRA_OK && i < BATCH_IDS; i++)
        assert_int_equal(found[i], i % 2 == 0 ? w->ids[i] : 0);
    free(values);
    free(found);
    return status;
}

static sombra_status scan(world *w)
{
    const sombra_scan_options options = {.entity = SOMBRA_REL};
    uint64_t ids[1000];
    size_t count = 1, all = 0;
    sombra_scan *opened;
    sombra_status status;

    OK(&w->f, sombra_scan_open(w->f.txn, &options, &opened));
    do {
        status = sombra_scan_next(opened, ids, 1000, &count);
        all += count;
    } while (status == SOMBRA_OK && count != 0);
    if (status == SOMBRA_OK) assert_int_equal(all, NODES - 1);
    sombra_scan_close(opened);
    return status;
}

static sombra_status count_nodes(world *w)
{
    const sombra_value low = sombra_int(5);
    const sombra_scan_options options = {
        .name = w->label, .key = w->key, .low = &low, .no_index = true};
    uint64_t count;

    return sombra_count(w->f.txn, &options, &count);
}

static sombra_status bfs(world *w)
{
    sombra_bfs_result result;

    return sombra_bfs(w->f.txn, w->ids[0], NULL, NULL, NULL, &result);
}

static sombra_status shortest(world *w)
{
    sombra_path path;

    return sombra_shortest_path(w->f.txn, w->ids[0], w->ids[NODES - 1], NULL, &path);
}

static sombra_status cheapest(world *w)
{
    sombra_path path;

    return sombra_weighted_path(w->f.txn, w->ids[0], w->ids[NODES - 1], NULL, 0, 1, &path);
}

static sombra_status drop_index(world *w)
{
    return sombra_schema_drop(w->f.txn, w->index);
}

/* Which another call needs to be gone: that one is listened to. */
static void without_index(world *w)
{
    sombra_set_progress(w->f.conn, NULL, NULL);
    OK(&w->f, drop_index(w));
    sombra_set_progress(w->f.conn, on_progress, &w->heard);
}

static sombra_status create_index(world *w)
{
    const sombra_schema schema = {
        .kind = SOMBRA_UNIQUE, .entity = w->label, .keys = &w->key, .key_count = 1};

    without_index(w);
    return sombra_schema_create(w->f.txn, &schema, NULL);
}

static sombra_status step_statement(world *w)
{
    sombra_stmt *stmt;
    sombra_status status;

    OK(&w->f, sombra_prepare(w->f.conn,
                             "MATCH (p:P) WHERE p.n + reduce(s = 0, i IN range(1, 100) | s + i) < "
                             "0 RETURN p",
                             SOMBRA_NUL_TERMINATED, &stmt, NULL));
    status = sombra_stmt_step(stmt);
    sombra_stmt_finalize(stmt);
    return status == SOMBRA_DONE ? SOMBRA_OK : status;
}

static sombra_status export_csv(world *w)
{
    return sombra_export_csv(w->f.txn, "copied", NULL);
}

static sombra_status import_csv(world *w)
{
    const sombra_import_file nodes = {"copied/nodes-P.csv", NULL},
                             rels = {"copied/relationships-R.csv", NULL};
    sombra_import_options options;

    without_index(w);
    sombra_import_options_init(&options);
    options.nodes = &nodes;
    options.rels = &rels;
    options.node_file_count = options.rel_file_count = 1;
    options.schema_path = "copied/schema.csv";
    return sombra_import_csv(w->f.txn, &options, NULL);
}

static sombra_status verify(world *w)
{
    sombra_verify_result result = {0};
    const sombra_status status = sombra_verify(w->f.txn, NULL, NULL, &result);

    assert_int_equal(result.findings, 0);
    return status;
}

static sombra_status digest(world *w)
{
    uint8_t bytes[16];

    return sombra_digest(w->f.txn, bytes);
}

static sombra_status backup(world *w)
{
    (void)unlink("copy.sombra");
    return sombra_backup(w->f.txn, "copy.sombra");
}

static sombra_status restore(world *w)
{
    return sombra_restore(w->f.conn, "copy.sombra");
}

static sombra_status vacuum(world *w)
{
    return sombra_vacuum(w->f.conn, NULL);
}

static sombra_status vacuum_into(world *w)
{
    (void)unlink("copy.sombra");
    return sombra_vacuum(w->f.conn, "copy.sombra");
}

static sombra_status checkpoint(world *w)
{
    sombra_stmt *stmt;

    sombra_set_progress(w->f.conn, NULL, NULL);
    OK(&w->f, sombra_pragma(w->f.conn, "autocheckpoint", "0"));
    OK(&w->f, sombra_prepare(w->f.conn, "MATCH (p:P) WHERE p.n % 50 = 0 SET p.m = 1",
                             SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_DONE);
    sombra_stmt_finalize(stmt);
    sombra_set_progress(w->f.conn, on_progress, &w->heard);
    return sombra_checkpoint(w->f.conn, SOMBRA_PASSIVE, NULL);
}

/* Later ones work on what earlier ones left. */
static const struct long_call {
    const char *name;
    sombra_status (*run)(world *w);
    enum { READS, WRITES, ALONE } in; /* the transaction that it is given */
    bool timed;                       /* told by the clock: perhaps not at all */
    bool unknown;                     /* how much there is to do depends on what is found */
} long_calls[] = {
    {"checkpoint", checkpoint, ALONE, false, false},
    {"create_nodes", create_nodes, WRITES, false, true},
    {"create_rels", create_rels, WRITES, false, true},
    {"builder_execute", execute_builder, WRITES, false, true},
    {"mutate", mutate, WRITES, false, true},
    {"create_nodes_arrow", load_nodes, WRITES, false, true},
    {"create_rels_arrow", load_rels, WRITES, false, true},
    {"get_props_many", get_props, READS, false, false},
    {"nodes_exist", nodes_exist, READS, false, false},
    {"neighbor_ids_many", neighbors, READS, false, false},
    {"neighbor_lists", lists, READS, false, false},
    {"degrees_many", degrees, READS, false, false},
    {"lookup_many", lookups, READS, false, false},
    {"scan_next", scan, READS, false, false},
    {"count", count_nodes, READS, false, false},
    {"bfs", bfs, READS, false, false},
    {"shortest_path", shortest, READS, false, false},
    {"weighted_path", cheapest, READS, false, false},
    {"schema_create", create_index, WRITES, false, false},
    {"schema_drop", drop_index, WRITES, false, false},
    {"stmt_step", step_statement, READS, true, false},
    {"export_csv", export_csv, READS, false, false},
    {"import_csv", import_csv, WRITES, false, false},
    {"verify", verify, READS, false, false},
    {"digest", digest, READS, false, false},
    {"backup", backup, READS, false, false},
    {"restore", restore, ALONE, false, false},
    {"vacuum", vacuum, ALONE, false, false},
    {"vacuum into", vacuum_into, ALONE, false, false},
};

static sombra_status run_call(world *w, const struct long_call *call, unsigned stop_at)
{
    if (call->in != ALONE) api_begin(&w->f, call->in == READS ? SOMBRA_READ : SOMBRA_WRITE);
    w->heard = (heard){.stop_at = stop_at};
    sombra_set_progress(w->f.conn, on_progress, &w->heard);
    const sombra_status status = call->run(w);
    sombra_set_progress(w->f.conn, NULL, NULL);
    if (call->in != ALONE) sombra_rollback(w->f.txn);
    return status;
}

static void test_api_progress__of_each_long_call(void **state)
{
    world w;
    (void)state;

    build(&w);
    for (size_t i = 0; i < sizeof long_calls / sizeof *long_calls; i++) {
        const struct long_call *call = &long_calls[i];
        const sombra_status cancelled = run_call(&w, call, 1);
        if (cancelled != SOMBRA_INTERRUPT && !call->timed)
            fail_msg("%s was not cancelled: %s", call->name, sombra_status_name(cancelled));
        if (call->run == export_csv) assert_false(api_exists("copied/nodes-P.csv"));
        OK(&w.f, run_call(&w, call, 0));
        if (call->timed && w.heard.calls == 0) continue;
        if (w.heard.wrong) fail_msg("%s: its progress goes back, or past its total", call->name);
        if (w.heard.calls == 0) fail_msg("%s tells no progress", call->name);
        /* A clock decides when a statement tells: perhaps only before its input is known. */
        if (!call->timed && call->unknown != (w.heard.total == 0))
            fail_msg("%s: total %llu", call->name, (unsigned long long)w.heard.total);
        if (w.heard.total != 0 && w.heard.done != w.heard.total)
            fail_msg("%s ends at %llu of %llu", call->name, (unsigned long long)w.heard.done,
                     (unsigned long long)w.heard.total);
    }
    clear(&w);
}

/* Of each row that a digest reads, and not only at its end. */
static void test_api_progress__of_a_digest_rises_with_its_rows(void **state)
{
    world w;
    (void)state;

    build(&w);
    OK(&w.f, run_call(&w, &(struct long_call){"digest", digest, READS, false, false}, 0));
    assert_int_equal(w.heard.total, NODES + 4 * (NODES - 1)); /* nodes, three rounds, the sum */
    assert_int_equal(w.heard.calls, w.heard.total / 8192 + 1);
    clear(&w);
}

/* Over all types a node costs several look-ups, so fewer of them come between two looks. */
static void test_api_progress__of_lists_over_all_types(void **state)
{
    world w;
    (void)state;

    build(&w);
    api_begin(&w.f, SOMBRA_WRITE);
    const uint32_t second = api_name(&w.f, SOMBRA_TYPE, "S");
    OK(&w.f, sombra_create_rels(w.f.txn, second, 1, w.ids + NODES - 1, w.ids, NULL, 0, NULL));
    api_commit(&w.f);
    api_begin(&w.f, SOMBRA_READ);
    sombra_set_progress(w.f.conn, on_progress, &w.heard);
    OK(&w.f, neighbors_of(&w, 0));
    assert_true(w.heard.calls >= BATCH_IDS / 1024);
    assert_false(w.heard.wrong);
    sombra_set_progress(w.f.conn, NULL, NULL);
    sombra_rollback(w.f.txn);
    clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_progress__of_each_long_call),
        cmocka_unit_test(test_api_progress__of_a_digest_rises_with_its_rows),
        cmocka_unit_test(test_api_progress__of_lists_over_all_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
