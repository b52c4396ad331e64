/* test_admin.c — checkpoint, backup, restore, vacuum, verify, recover, digest, import, export and figures through
 * sombra.h. */
#include <stddef.h>
#include <sys/stat.h>

#include "support/api_fixture.h"
#include "support/api_rows.h"

#include "api/api_priv.h"

#define OTHER_PATH "other.sombra"

/* A small graph with an index, a constraint and a long value. */
static void fill(api_fixture *f)
{
    char *text = malloc(100000);
    uint32_t label, key, blob;
    uint64_t ids[300];

    memset(text, 'x', 100000);
    api_begin(f, SOMBRA_WRITE);
    for (int i = 0; i < 300; i++)
        ids[i] = api_node(f, i % 3 ? "Person" : "Animal", i);
    for (int i = 0; i < 300; i++)
        (void)api_rel(f, ids[i], i % 2 ? "KNOWS" : "LIKES", ids[(i * 7) % 300]);
    label = api_name(f, SOMBRA_LABEL, "Person");
    key = api_name(f, SOMBRA_KEY, "number");
    blob = api_name(f, SOMBRA_KEY, "blob");
    {
        const sombra_schema unique = {
            .kind = SOMBRA_UNIQUE, .entity = label, .keys = &key, .key_count = 1};
        const sombra_prop prop = {.key = blob, .value = sombra_string(text, 100000)};
        const sombra_op op = {
            .kind = SOMBRA_SET_PROPS, .entity = {ids[5], -1}, .props = &prop, .prop_count = 1};
        OK(f, sombra_schema_create(f->txn, &unique, NULL));
        OK(f, sombra_mutate(f->txn, &op, 1, NULL));
    }
    api_commit(f);
    free(text);
}

static void digest_of(api_fixture *f, uint8_t digest[16])
{
    api_begin(f, SOMBRA_READ);
    OK(f, sombra_digest(f->txn, digest));
    sombra_rollback(f->txn);
}

static void assert_equal_graph(api_fixture *f, const uint8_t wanted[16])
{
    uint8_t digest[16];
    digest_of(f, digest);
    assert_memory_equal(digest, wanted, 16);
    assert_int_equal(api_node_count(f), 300);
}

static void test_api_admin__checkpoint(void **state)
{
    api_fixture f;
    sombra_checkpoint_result result;
    sombra_info info;
    struct stat wal;
    (void)state;

    api_new(&f);
    f.options.autocheckpoint = 0;
    api_reopen(&f);
    fill(&f);
    for (int mode = SOMBRA_PASSIVE; mode <= SOMBRA_TRUNCATE; mode++) {
        OK(&f, sombra_checkpoint(f.conn, (sombra_checkpoint_mode)mode, &result));
        assert_true(result.backfilled_frames == result.wal_frames);
        api_begin(&f, SOMBRA_READ);
        OK(&f, sombra_get_info(f.txn, &info));
        assert_true(info.wal_backfilled == info.wal_frames);
        sombra_rollback(f.txn);
    }
    assert_int_equal(stat(API_PATH "-wal", &wal), 0);
    assert_true(wal.st_size < 4096);
    FAILS(&f, sombra_checkpoint(f.conn, (sombra_checkpoint_mode)4, &result), SOMBRA_MISUSE, "mode");
    assert_int_equal(sombra_checkpoint(NULL, SOMBRA_PASSIVE, NULL), SOMBRA_MISUSE);
    { /* a reader of an old state: passive does what it can, full says BUSY in the end */
        api_fixture g = f;
        OK_ERROR(&g, sombra_connect(f.db, &g.conn, &g.error));
        OK(&f, sombra_pragma(f.conn, "busy_timeout_ms", "50"));
        api_begin(&f, SOMBRA_WRITE);
        (void)api_node(&f, "Person", 1001);
        api_commit(&f);
        api_begin(&g, SOMBRA_READ);
        api_begin(&f, SOMBRA_WRITE);
        (void)api_node(&f, "Person", 1000);
        api_commit(&f);
        OK(&f, sombra_checkpoint(f.conn, SOMBRA_PASSIVE, &result));
        assert_true(result.backfilled_frames < result.wal_frames);
        const uint64_t moved = result.backfilled_frames;
        assert_true(moved > 0);
        for (int mode = SOMBRA_FULL_CHECKPOINT; mode <= SOMBRA_TRUNCATE; mode++) {
            /* a reader of this process */
            FAILS(&f, sombra_checkpoint(f.conn, (sombra_checkpoint_mode)mode, &result), SOMBRA_BUSY,
                  "holds up the checkpoint");
            assert_true(result.backfilled_frames == moved &&
                        result.backfilled_frames < result.wal_frames);
            assert_false(result.restarted);
        }
        sombra_rollback(g.txn);
        /* a reader of the newest state, in the WAL: all is moved, but the WAL can not begin anew */
        api_begin(&g, SOMBRA_READ);
        OK(&f, sombra_checkpoint(f.conn, SOMBRA_PASSIVE, &result));
        assert_true(result.backfilled_frames == result.wal_frames && !result.restarted);
        OK(&f, sombra_checkpoint(f.conn, SOMBRA_FULL_CHECKPOINT, &result));
        FAILS(&f, sombra_checkpoint(f.conn, SOMBRA_RESTART, &result), SOMBRA_BUSY,
              "holds up the restart");
        assert_true(result.backfilled_frames == result.wal_frames && !result.restarted);
        sombra_rollback(g.txn);
        sombra_disconnect(g.conn);
        OK(&f, sombra_checkpoint(f.conn, SOMBRA_RESTART, &result));
        assert_true(result.restarted);
    }
    api_end(&f);
}

static void test_api_admin__backup_and_restore(void **state)
{
    api_fixture f, memory, copy;
    uint8_t digest[16];
    (void)state;

    api_new(&f);
    fill(&f);
    digest_of(&f, digest);
    api_remove(OTHER_PATH);
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_backup(f.txn, OTHER_PATH));
    FAILS(&f, sombra_backup(f.txn, OTHER_PATH), SOMBRA_EXISTS, OTHER_PATH " exists already");
    FAILS(&f, sombra_backup(f.txn, ":memory:"), SOMBRA_INVALID, ":memory:");
    assert_false(api_exists(":memory:"));
    FAILS(&f, sombra_backup(f.txn, "no/such/directory/x.sombra"), SOMBRA_CANT_OPEN,
          "no/such/directory");
    FAILS(&f, sombra_backup(f.txn, NULL), SOMBRA_MISUSE, "path");
    sombra_rollback(f.txn);
    /* what is not committed is in part in memory: a copy of its pages would be damaged */
    api_begin(&f, SOMBRA_WRITE);
    (void)api_node(&f, "Uncommitted", 1);
    FAILS(&f, sombra_backup(f.txn, "uncommitted.sombra"), SOMBRA_MISUSE, "commit it first");
    assert_false(api_exists("uncommitted.sombra"));
    sombra_rollback(f.txn);

    memset(&copy, 0, sizeof copy);
    copy.options = f.options;
    api_open_at(&copy, OTHER_PATH);
    assert_equal_graph(&copy, digest);
    api_close(&copy);

    /* into memory, changed there, and out again */
    memset(&memory, 0, sizeof memory);
    sombra_options_init(&memory.options);
    api_open_at(&memory, ":memory:");
    api_begin(&memory, SOMBRA_WRITE);
    (void)api_node(&memory, "Replaced", 1);
    api_commit(&memory);
    OK(&memory, sombra_restore(memory.conn, OTHER_PATH));
    assert_equal_graph(&memory, digest);
    api_begin(&memory, SOMBRA_WRITE);
    (void)api_node(&memory, "Person", 5000);
    api_commit(&memory);
    api_remove(OTHER_PATH);
    api_begin(&memory, SOMBRA_READ);
    OK(&memory, sombra_backup(memory.txn, OTHER_PATH));
    sombra_rollback(memory.txn);
    FAILS(&memory, sombra_restore(memory.conn, "absent.sombra"), SOMBRA_CANT_OPEN, "absent.sombra");
    FAILS(&memory, sombra_restore(memory.conn, NULL), SOMBRA_MISUSE, "path");
    assert_int_equal(api_node_count(&memory), 301);
    api_close(&memory);
    assert_false(api_exists(":memory:"));
    OK(&f, sombra_restore(f.conn, OTHER_PATH));
    assert_int_equal(api_node_count(&f), 301);
    api_reopen(&f);
    assert_int_equal(api_node_count(&f), 301);
    api_remove(OTHER_PATH);
    api_end(&f);
}

static uint32_t page_size_of(api_fixture *f, uint64_t *sequence)
{
    sombra_info info;
    api_begin(f, SOMBRA_READ);
    OK(f, sombra_get_info(f->txn, &info));
    sombra_rollback(f->txn);
    *sequence = info.sequence;
    return info.page_size;
}

/* What a connection and its statements have found out about the old content does not outlive it. */
static void use_restored(api_fixture *memory, sombra_stmt *stmt, int64_t persons)
{
    sombra_value value;
    OK(memory, sombra_stmt_reset(stmt));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    OK(memory, sombra_stmt_column(stmt, 0, &value));
    assert_int_equal(value.as.integer, persons);
    OK(memory, sombra_stmt_reset(stmt));
}

/* ":memory:" takes over each page size, time after time; a file keeps its own. */
static void test_api_admin__restore_page_sizes(void **state)
{
    api_fixture f, memory, other;
    uint8_t digest[16];
    uint64_t before, after;
    (void)state;

    memset(&memory, 0, sizeof memory);
    sombra_options_init(&memory.options);
    api_open_at(&memory, ":memory:");
    OK(&memory, sombra_pragma(memory.conn, "busy_timeout_ms", "50"));
    api_begin(&memory, SOMBRA_WRITE);
    (void)api_node(&memory, "Other", 1);
    (void)api_node(&memory, "Person", 1);
    api_commit(&memory);
    sombra_stmt *stmt = NULL;
    OK(&memory, sombra_prepare(memory.conn, "MATCH (p:Person) RETURN count(*)",
                               SOMBRA_NUL_TERMINATED, &stmt, NULL));
    use_restored(&memory, stmt, 1);
    for (unsigned round = 0; round < 10; round++) {
        const uint32_t page_size = 4096u << round % 5;
        memset(&f, 0, sizeof f);
        api_remove(API_PATH);
        sombra_options_init(&f.options);
        f.options.durability = SOMBRA_DURABLE_OFF;
        f.options.page_size = page_size;
        api_open_at(&f, API_PATH);
        fill(&f);
        digest_of(&f, digest);
        api_close(&f); /* who reads in `full` sees what is on the disk */
        (void)page_size_of(&memory, &before);
        OK(&memory, sombra_restore(memory.conn, API_PATH));
        assert_int_equal(page_size_of(&memory, &after), page_size);
        assert_true(after > before);
        assert_equal_graph(&memory, digest);
        use_restored(&memory, stmt, 200);
        api_begin(&memory, SOMBRA_WRITE);
        (void)api_node(&memory, "Person", 5000);
        api_commit(&memory);
        use_restored(&memory, stmt, 201);
        api_remove(OTHER_PATH);
        api_begin(&memory, SOMBRA_READ);
        OK(&memory, sombra_backup(memory.txn, OTHER_PATH)); /* out again */
        sombra_rollback(memory.txn);
        memset(&other, 0, sizeof other);
        sombra_options_init(&other.options);
        api_open_at(&other, OTHER_PATH);
        assert_int_equal(page_size_of(&other, &after), page_size);
        assert_int_equal(api_node_count(&other), 301);
        api_close(&other);
        api_open_at(&f, API_PATH);
        OK(&f, sombra_restore(f.conn, OTHER_PATH)); /* of one size */
        assert_int_equal(api_node_count(&f), 301);
        api_close(&f);
    }
    /* not under another connection, and the content stays */
    memset(&f, 0, sizeof f);
    api_new(&f);
    other = memory;
    OK_ERROR(&other, sombra_connect(memory.db, &other.conn, &other.error));
    FAILS(&memory, sombra_restore(memory.conn, API_PATH), SOMBRA_INVALID,
          API_PATH
          " has pages of 8192 bytes, this database of 65536: close its other connections, or "
          "open it with page_size=8192");
    assert_int_equal(api_node_count(&other), 301);
    sombra_disconnect(other.conn);
    use_restored(&memory, stmt, 201);
    /* between files */
    FAILS(&f, sombra_restore(f.conn, OTHER_PATH), SOMBRA_INVALID,
          OTHER_PATH " has pages of 65536 bytes, " API_PATH " of 8192: restore it into a new file "
                     "that is made with page_size=65536, or copy it");
    OK(&memory, sombra_restore(memory.conn, API_PATH));
    use_restored(&memory, stmt, 0);
    sombra_stmt_finalize(stmt);
    api_close(&memory);
    api_remove(OTHER_PATH);
    api_end(&f);
}

static void test_api_admin__memory_is_private(void **state)
{
    api_fixture one = {0}, two = {0};
    (void)state;

    sombra_options_init(&one.options);
    sombra_options_init(&two.options);
    api_open_at(&one, ":memory:");
    api_open_at(&two, ":memory:");
    api_begin(&one, SOMBRA_WRITE);
    (void)api_node(&one, "Person", 1);
    api_commit(&one);
    assert_int_equal(api_node_count(&one), 1);
    assert_int_equal(api_node_count(&two), 0);
    api_close(&one);
    api_close(&two);
}

/* The last commit is one that nobody has synced, as that of a writer in `normal`, or of one killed before its sync. */
static void test_api_admin__vacuum_of_what_is_not_synced(void **state)
{
    api_fixture f, normal = {0};
    (void)state;

    api_new(&f);
    api_close(&f);
    f.options.durability = SOMBRA_DURABLE_FULL;
    api_open_at(&f, API_PATH);
    sombra_options_init(&normal.options);
    normal.options.durability = SOMBRA_DURABLE_NORMAL;
    api_open_at(&normal, API_PATH);
    api_begin(&normal, SOMBRA_WRITE);
    (void)api_node(&normal, "Person", 1);
    api_commit(&normal);
    assert_int_equal(api_node_count(&f), 0); /* in `full` only what is durable is shown */
    OK(&f, sombra_vacuum(f.conn, NULL));
    assert_int_equal(api_node_count(&f), 1);
    api_close(&normal);
    api_end(&f);
}

typedef struct beside_seen {
    char path[256];
    unsigned times;
    mode_t mode;
} beside_seen;

static bool see_beside(void *ctx, uint64_t done, uint64_t total)
{
    beside_seen *seen = ctx;
    struct stat found;

    (void)done;
    (void)total;
    if (stat(seen->path, &found) != 0) return true;
    seen->mode = found.st_mode & 0777u;
    seen->times++;
    return true;
}

/* The copy is the file's own: beside it, and with its mode, whatever link or relative name it was opened by. */
static void test_api_admin__vacuum_beside_the_file(void **state)
{
    api_fixture f;
    beside_seen seen = {.times = 0};
    char directory[200];
    struct stat found;
    (void)state;

    assert_non_null(getcwd(directory, sizeof directory));
    (void)snprintf(seen.path, sizeof seen.path, "%s/%s-vacuum", directory, API_PATH);
    api_new(&f);
    fill(&f);
    api_close(&f);
    assert_int_equal(chmod(API_PATH, 0600), 0);
    (void)mkdir("elsewhere", 0700);
    (void)unlink("elsewhere/link");
    assert_int_equal(symlink("../" API_PATH, "elsewhere/link"), 0);
    const mode_t mask = umask(022);
    api_open_at(&f, "elsewhere/link");
    sombra_set_progress(f.conn, see_beside, &seen);
    assert_int_equal(chdir("elsewhere"), 0);
    const sombra_status vacuumed = sombra_vacuum(f.conn, NULL);
    assert_int_equal(chdir(directory), 0);
    (void)umask(mask);
    OK(&f, vacuumed);
    assert_int_not_equal(seen.times, 0);
    assert_int_equal(seen.mode, 0600);
    assert_int_not_equal(stat(seen.path, &found), 0);
    assert_int_equal(api_node_count(&f), 300);
    api_end(&f);
    assert_int_equal(unlink("elsewhere/link"), 0);
    assert_int_equal(rmdir("elsewhere"), 0);
}

static void test_api_admin__vacuum(void **state)
{
    api_fixture f, copy;
    uint8_t digest[16];
    struct stat before, after;
    (void)state;

    api_new(&f);
    fill(&f);
    digest_of(&f, digest);
    api_begin(&f, SOMBRA_WRITE); /* something to leave out */
    {
        enum { MANY = 20000 };
        int64_t *numbers = calloc(MANY, sizeof *numbers);
        uint64_t *ids = calloc(MANY, sizeof *ids);
        sombra_op *ops = calloc(MANY, sizeof *ops);
        const sombra_column column = {.key = api_name(&f, SOMBRA_KEY, "number"),
                                      .type = SOMBRA_TYPE_INT,
                                      .integers = numbers};
        const uint32_t label = api_name(&f, SOMBRA_LABEL, "Animal");
        OK(&f, sombra_create_nodes(f.txn, &label, 1, MANY, &column, 1, ids));
        api_commit(&f);
        api_begin(&f, SOMBRA_WRITE);
        for (int i = 0; i < MANY; i++)
            ops[i] = (sombra_op){.kind = SOMBRA_DELETE_NODE, .entity = {ids[i], -1}};
        OK(&f, sombra_mutate(f.txn, ops, MANY, NULL));
        api_commit(&f);
        free(numbers);
        free(ids);
        free(ops);
    }
    assert_equal_graph(&f, digest);
    OK(&f, sombra_checkpoint(f.conn, SOMBRA_TRUNCATE, NULL));
    assert_int_equal(stat(API_PATH, &before), 0);
    api_remove(OTHER_PATH);
    OK(&f, sombra_vacuum(f.conn, OTHER_PATH));
    FAILS(&f, sombra_vacuum(f.conn, OTHER_PATH), SOMBRA_EXISTS, OTHER_PATH);
    memset(&copy, 0, sizeof copy);
    copy.options = f.options;
    api_open_at(&copy, OTHER_PATH);
    assert_equal_graph(&copy, digest);
    api_close(&copy);
    assert_int_equal(stat(OTHER_PATH, &after), 0);
    assert_true(after.st_size < before.st_size);
    OK(&f, sombra_vacuum(f.conn, NULL));
    assert_equal_graph(&f, digest);
    api_reopen(&f);
    assert_int_equal(stat(API_PATH, &after), 0);
    assert_true(after.st_size < before.st_size);
    assert_equal_graph(&f, digest);
    api_remove(OTHER_PATH);
    api_end(&f);
}

typedef struct finding_log {
    unsigned count, with_page;
    char first[512];
} finding_log;
static void on_finding(void *ctx, uint64_t page, const char *message)
{
    finding_log *log = ctx;
    if (log->count++ == 0) (void)snprintf(log->first, sizeof log->first, "%s", message);
    if (page != UINT64_MAX) log->with_page++;
}
static void on_lost(void *ctx, const char *message)
{
    on_finding(ctx, UINT64_MAX, message);
}

/* Does the command fail, naming the node? */
static void refuses(const char *command)
{
    char line[512];

    (void)snprintf(line, sizeof line, "%s >out.txt 2>&1", command);
    assert_int_not_equal(system(line), 0);
    assert_int_equal(system("grep -q 'node 7, which does not exist' out.txt"), 0);
    (void)unlink("out.txt");
}

/* As a wrong promise with trusted_endpoints leaves it: nothing writes what no import would take; copies are faithful, recover leaves it out. */
static void test_api_admin__relationship_to_nowhere(void **state)
{
    const uint64_t gone = 7;
    api_fixture f, saved;
    sombra_verify_result verified;
    sombra_recover_result recovered;
    uint8_t digest[16];
    size_t deleted;
    (void)state;

    api_new(&f);
    fill(&f);
    api_begin(&f, SOMBRA_WRITE);
    (void)api_rel(&f, 8, "KNOWS", gone);
    OK(&f, (sombra_status)sb_rows_delete(f.txn->txn, sb_node_table(f.txn->view), &gone, 1, &deleted,
                                         &f.conn->err));
    assert_int_equal(deleted, 1);
    api_commit(&f);
    api_begin(&f, SOMBRA_READ);
    FAILS(&f, sombra_export_csv(f.txn, "nowhere", NULL), SOMBRA_CORRUPT,
          "node 7, which does not exist");
    assert_false(api_exists("nowhere"));
    FAILS(&f, sombra_digest(f.txn, digest), SOMBRA_CORRUPT, "does not exist");
    sombra_rollback(f.txn);
    api_remove(OTHER_PATH);
    OK(&f, sombra_vacuum(f.conn, OTHER_PATH));
    api_close(&f);
#ifdef SOMBRA_COMMAND
    refuses(SOMBRA_COMMAND " export " API_PATH " nowhere");
    refuses(SOMBRA_COMMAND " export " API_PATH " nowhere.jsonl --as jsonl");
    refuses(SOMBRA_COMMAND " export " API_PATH " nowhere.graphml --as graphml");
    refuses(SOMBRA_COMMAND " export " API_PATH " nowhere.gexf --as gexf");
    refuses(SOMBRA_COMMAND " dump " API_PATH " nowhere.cypher");
    assert_false(api_exists("nowhere.jsonl"));
    (void)unlink(
        "nowhere.cypher"); /* a script that ends in an error message stays, as with any other error */
#endif
    saved = f;
    api_open_at(&saved, OTHER_PATH);
    api_begin(&saved, SOMBRA_READ);
    OK(&saved, sombra_verify(saved.txn, NULL, NULL, &verified));
    assert_int_not_equal(verified.findings, 0);
    sombra_rollback(saved.txn);
    api_close(&saved);
    api_remove(OTHER_PATH);
    OK_ERROR(&f, sombra_recover(API_PATH, OTHER_PATH, NULL, NULL, NULL, &recovered, &f.error));
    assert_int_not_equal(recovered.lost_rels, 0);
    api_open_at(&saved, OTHER_PATH);
    api_begin(&saved, SOMBRA_READ);
    api_verify(&saved);
    OK(&saved, sombra_digest(saved.txn, digest));
    sombra_rollback(saved.txn);
    api_close(&saved);
    api_remove(OTHER_PATH);
    api_remove(API_PATH);
}

static void overwrite(const char *path, long page)
{
    FILE *file = fopen(path, "r+b");

    assert_non_null(file);
    assert_int_equal(fseek(file, 8192 * page + 100, SEEK_SET), 0);
    assert_int_equal(fwrite("damage damage damage", 1, 20, file), 20);
    assert_int_equal(fclose(file), 0);
}

/* A page in the middle is overwritten: reading says where, verify lists it, recover saves the rest. */
static void test_api_admin__damage_is_named_and_recovered(void **state)
{
    api_fixture f, saved;
    finding_log log = {0};
    sombra_verify_result result;
    sombra_recover_result recovered;
    sombra_status status;
    (void)state;

    api_new(&f);
    fill(&f);
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_verify(f.txn, on_finding, &log, &result));
    assert_int_equal(log.count, 0);
    assert_true(result.nodes == 300 && result.rels == 300 && result.pages > 5 &&
                result.index_entries != 0);
    api_close(&f);
    overwrite(API_PATH, 5);

    api_open_at(&f, API_PATH);
    status = sombra_begin(f.conn, SOMBRA_READ, &f.txn);
    if (status == SOMBRA_OK) {
        status = sombra_verify(f.txn, on_finding, &log, &result);
        if (status == SOMBRA_OK) {
            assert_int_not_equal(log.count, 0);
            assert_true(result.findings >= log.count);
        }
    }
    if (status != SOMBRA_OK) {
        assert_int_equal(status, SOMBRA_CORRUPT);
        assert_true(sombra_error_of(f.conn)->page != UINT64_MAX);
    }
    api_close(&f);

    memset(&log, 0, sizeof log);
    api_remove(OTHER_PATH);
    OK_ERROR(&f, sombra_recover(API_PATH, OTHER_PATH, NULL, on_lost, &log, &recovered, &f.error));
    assert_true(recovered.damaged_pages != 0);
    assert_true(recovered.nodes + recovered.lost_nodes + recovered.rels + recovered.lost_rels != 0);
    memset(&saved, 0, sizeof saved);
    saved.options = f.options;
    api_open_at(&saved, OTHER_PATH);
    assert_int_equal(api_node_count(&saved), recovered.nodes); /* which verifies the new file */
    api_close(&saved);
    FAILS_ERROR(&f,
                sombra_recover("absent.sombra", "x.sombra", NULL, NULL, NULL, &recovered, &f.error),
                SOMBRA_CANT_OPEN, "absent.sombra");
    FAILS_ERROR(&f, sombra_recover(API_PATH, OTHER_PATH, NULL, NULL, NULL, &recovered, &f.error),
                SOMBRA_EXISTS, OTHER_PATH);
    api_remove(OTHER_PATH);
    api_remove(API_PATH);
}

/* A graph of many ids is salvaged within little memory, whether its trees are whole or not; too little is told. */
static void test_api_admin__recover_within_a_limit(void **state)
{
    sombra_recover_result recovered;
    sombra_options options;
    api_fixture f;
    (void)state;

    api_new(&f);
    gives(&f, "UNWIND range(1, 120000) AS i CREATE (:N {n: i})-[:R {w: i}]->(:N)", "");
    /* An index of more than the limit in all: it is sorted in parts. */
    gives(&f,
          "WITH reduce(s = '', i IN range(1, 60) | s + 'a long text') AS long "
          "UNWIND range(1, 24000) AS i CREATE (:T {text: reverse(toString(i)) + long})",
          "");
    gives(&f, "CREATE INDEX of_texts FOR (n:T) ON (n.text)", "");
    api_close(&f);
    sombra_options_init(&options);
    options.transaction_memory = 1u << 20;
    for (unsigned damaged = 0; damaged < 2; damaged++) {
        options.memory_limit = 16u << 20;
        api_remove(OTHER_PATH);
        OK_ERROR(&f,
                 sombra_recover(API_PATH, OTHER_PATH, &options, NULL, NULL, &recovered, &f.error));
        assert_int_equal(recovered.damaged_pages, 3 * damaged);
        assert_true(recovered.nodes > 200000 && recovered.rels > 80000);
        api_remove(OTHER_PATH);
        options.memory_limit = 2u << 20;
        FAILS_ERROR(&f, sombra_recover(API_PATH, OTHER_PATH, &options, NULL, NULL, NULL, &f.error),
                    SOMBRA_NOMEM, "memory_limit is 2097152 bytes");
        assert_false(api_exists(OTHER_PATH));
        for (long page = 100; damaged == 0 && page < 400; page += 100)
            overwrite(API_PATH, page);
    }
    options.memory_limit = 2; /* below what any database has */
    options.threads = 1000;
    FAILS_ERROR(&f, sombra_recover(API_PATH, OTHER_PATH, &options, NULL, NULL, NULL, &f.error),
                SOMBRA_INVALID, "threads");
    api_remove(API_PATH);
}

static bool refuse(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    (void)done;
    (void)total;
    return false;
}

static void test_api_admin__export_and_import(void **state)
{
    api_fixture f, loaded;
    sombra_export_result written;
    sombra_import_options options;
    sombra_import_result result;
    FILE *file;
    (void)state;

    api_new(&f);
    fill(&f);
    (void)system("rm -rf exported");
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_export_csv(f.txn, "exported", &written));
    assert_true(written.nodes == 300 && written.rels == 300 && written.files >= 4 &&
                written.bytes > 1000);
    FAILS(&f, sombra_export_csv(f.txn, NULL, &written), SOMBRA_MISUSE, "directory");
    /* A cancelled one leaves nothing, its directory neither. */
    sombra_set_progress(f.conn, refuse, NULL);
    FAILS(&f, sombra_export_csv(f.txn, "cancelled", &written), SOMBRA_INTERRUPT, "");
    sombra_set_progress(f.conn, NULL, NULL);
    assert_int_equal(access("cancelled", F_OK), -1);
    sombra_import_options_init(&options);
    FAILS(&f, sombra_import_csv(f.txn, &options, &result), SOMBRA_READ_ONLY, "read transaction");
    sombra_rollback(f.txn);

    file = fopen("people.csv", "w");
    assert_non_null(file);
    assert_true(fputs("id:ID,name,age:int\n1,Ada,36\n2,Grace,x\n3,Alan,41\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    file = fopen("knows.csv", "w");
    assert_non_null(file);
    assert_true(fputs(":START_ID,:END_ID\n1,3\n3,1\n1,99\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    memset(&loaded, 0, sizeof loaded);
    sombra_options_init(&loaded.options);
    api_open_at(&loaded, ":memory:");
    {
        const sombra_import_file nodes = {.path = "people.csv", .name = "Person"},
                                 rels = {.path = "knows.csv", .name = "KNOWS"};
        const sombra_import_file absent = {.path = "absent.csv", .name = "Person"};
        options.nodes = &nodes;
        options.node_file_count = 1;
        api_begin(&loaded, SOMBRA_WRITE);
        FAILS(&loaded, sombra_import_csv(loaded.txn, &options, &result), SOMBRA_TYPE_MISMATCH,
              "people.csv");
        assert_int_equal(sombra_error_of(loaded.conn)->line, 3);
        assert_int_equal(sombra_error_of(loaded.conn)->column, 3);
        assert_non_null(strstr(sombra_error_of(loaded.conn)->message, "x"));
        options.nodes = &absent;
        FAILS(&loaded, sombra_import_csv(loaded.txn, &options, &result), SOMBRA_CANT_OPEN,
              "absent.csv");
        options.nodes = &nodes;
        options.rels = &rels;
        options.rel_file_count = 1;
        options.reject_path = "rejected.csv";
        options.max_rejects = 1;
        FAILS(&loaded, sombra_import_csv(loaded.txn, &options, &result), SOMBRA_REJECTED, "");
        options.max_rejects = 2;
        OK(&loaded, sombra_import_csv(loaded.txn, &options, &result));
        assert_int_equal(result.nodes, 2);
        assert_int_equal(result.rels, 2);
        assert_int_equal(result.rejected_rows, 2);
        FAILS(&loaded, sombra_import_csv(loaded.txn, NULL, &result), SOMBRA_MISUSE, "options");
        options.struct_bytes = 3;
        FAILS(&loaded, sombra_import_csv(loaded.txn, &options, &result), SOMBRA_MISUSE,
              "struct_bytes");
        /* A program compiled with an older header: what its struct lacks has the defaults, and is not touched. */
        options.memory = 1;
        sombra_import_options_init_for(&options,
                                       (uint32_t)offsetof(sombra_import_options, max_rejects));
        assert_int_equal(options.memory, 1);
        options.nodes = &nodes;
        options.node_file_count = 1;
        FAILS(&loaded, sombra_import_csv(loaded.txn, &options, &result), SOMBRA_TYPE_MISMATCH,
              "people.csv");
        api_commit(&loaded);
        assert_int_equal(api_node_count(&loaded), 2);
    }
    api_close(&loaded);
    (void)unlink("people.csv");
    (void)unlink("knows.csv");
    (void)unlink("rejected.csv");
    (void)system("rm -rf exported");
    api_end(&f);
}

static void test_api_admin__figures(void **state)
{
    api_fixture f;
    sombra_info info;
    sombra_tree_info tree;
    sombra_writer_stats stats;
    bool more = true, nodes_seen = false;
    size_t count = 0;
    (void)state;

    api_new(&f);
    fill(&f);
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_get_info(f.txn, &info));
    assert_int_equal(info.page_size, 8192);
    assert_true(info.pages > 5 && info.nodes == 300 && info.rels == 300 && info.readers >= 1 &&
                info.sequence != 0);
    assert_int_equal(info.durability, SOMBRA_DURABLE_OFF);
    assert_false(info.poisoned);
    for (;; count++) {
        OK(&f, sombra_tree_at(f.txn, count, &tree, &more));
        if (!more) break;
        assert_true(strlen(tree.name) > 2);
        if (strcmp(tree.name, "nodes") == 0) {
            nodes_seen = true;
            assert_int_equal(tree.entries, 300);
        }
    }
    assert_true(nodes_seen && count >= 5);
    FAILS(&f, sombra_get_info(f.txn, NULL), SOMBRA_MISUSE, "info");
    FAILS(&f, sombra_tree_at(f.txn, 0, NULL, &more), SOMBRA_MISUSE, "info");
    FAILS(&f, sombra_digest(f.txn, NULL), SOMBRA_MISUSE, "digest");
    FAILS(&f, sombra_schema_digest(f.txn, NULL), SOMBRA_MISUSE, "digest");
    FAILS(&f, sombra_get_writer_stats(f.txn, NULL), SOMBRA_MISUSE, "stats");
    OK(&f, sombra_get_writer_stats(f.txn, &stats));
    assert_int_equal(stats.endpoint_checks, 0);
    api_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_admin__checkpoint),
        cmocka_unit_test(test_api_admin__backup_and_restore),
        cmocka_unit_test(test_api_admin__restore_page_sizes),
        cmocka_unit_test(test_api_admin__memory_is_private),
        cmocka_unit_test(test_api_admin__vacuum_of_what_is_not_synced),
        cmocka_unit_test(test_api_admin__vacuum_beside_the_file),
        cmocka_unit_test(test_api_admin__vacuum),
        cmocka_unit_test(test_api_admin__damage_is_named_and_recovered),
        cmocka_unit_test(test_api_admin__recover_within_a_limit),
        cmocka_unit_test(test_api_admin__relationship_to_nowhere),
        cmocka_unit_test(test_api_admin__export_and_import),
        cmocka_unit_test(test_api_admin__figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
