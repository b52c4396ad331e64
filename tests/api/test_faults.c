/* test_faults.c — the status codes of disks and machines that fail, through sombra.h: what is told, what stays, and that the
 * handle goes on. The sweep over every call is tests/fault. */
#include "support/api_fixture.h"

#include <errno.h>

#include "support/api_rig.h"

/* The rig's calls, with the fixture's words. */
static void begin(api_rig *r, sombra_mode mode)
{
    OK(r, sombra_begin(r->conn, mode, &r->txn));
}

static sombra_status add_nodes(api_rig *r, size_t count)
{
    uint32_t label = 0;
    sombra_status status =
        sombra_name_intern(r->txn, SOMBRA_LABEL, "Person", SOMBRA_NUL_TERMINATED, &label);
    if (status == SOMBRA_OK) status = sombra_create_nodes(r->txn, &label, 1, count, NULL, 0, NULL);
    return status;
}

static uint64_t count_nodes(api_rig *r)
{
    uint64_t count = 0;
    sombra_txn *txn = NULL;
    OK(r, sombra_begin(r->conn, SOMBRA_READ, &txn));
    OK(r, sombra_name_entities(txn, SOMBRA_LABEL, sombra_name_count(txn, SOMBRA_LABEL), &count));
    sombra_rollback(txn);
    return count;
}

static void rig_new(api_rig *r)
{
    api_rig_init(r);
    OK_ERROR(r, api_rig_open(r));
    begin(r, SOMBRA_WRITE);
    OK(r, add_nodes(r, 10));
    OK(r, sombra_commit(r->txn));
}
static void rig_end(api_rig *r)
{
    OK_ERROR(r, api_rig_close(r));
    api_rig_deinit(r);
    assert_int_equal(atomic_load(&r->memory.live_blocks), 0);
}

/* A write that fails: the commit is rolled back, the errno value told, and the next one succeeds. */
static void fails_to_write(sb_status injected, sombra_status expected, int os_error)
{
    api_rig r;
    rig_new(&r);
    begin(&r, SOMBRA_WRITE);
    OK(&r, add_nodes(&r, 5));
    api_rig_fail_files(&r, 1, SB_IO_WRITE, injected, true, true);
    FAILS(&r, sombra_commit(r.txn), expected, "write");
    assert_int_equal(sombra_error_of(r.conn)->os_error, os_error);
    api_rig_fail_files(&r, 0, 0, injected, false, false);
    assert_int_equal(count_nodes(&r), 10);
    begin(&r, SOMBRA_WRITE);
    OK(&r, add_nodes(&r, 7));
    OK(&r, sombra_commit(r.txn));
    OK_ERROR(&r, api_rig_close(&r));
    OK_ERROR(&r, api_rig_open(&r));
    assert_int_equal(count_nodes(&r), 17);
    rig_end(&r);
}

static void test_api_faults__io(void **state)
{
    (void)state;
    fails_to_write(SB_IO, SOMBRA_IO, EIO);
}
static void test_api_faults__full(void **state)
{
    (void)state;
    fails_to_write(SB_FULL, SOMBRA_FULL, ENOSPC);
}

static uint64_t length_of(sb_vfs *vfs, const char *path)
{
    sb_file *file = NULL;
    sb_file_info info;
    assert_int_equal(sb_vfs_open(vfs, path, SB_OPEN_READ_ONLY, &file, NULL), SB_OK);
    assert_int_equal(file->ops->info(file, &info, NULL), SB_OK);
    sb_file_close(file);
    return info.bytes;
}

/* An import that fills the disk: nothing of it stays, and the disk has its room back. */
static void test_api_faults__import_fills_the_disk(void **state)
{
    const sombra_import_file nodes = {.path = "nodes.csv", .name = "Person"};
    sombra_import_options options;
    sb_file *file = NULL;
    api_rig r;
    enum { ROWS = 20000, ROW_BYTES = 40 };
    char *text = malloc(ROWS * ROW_BYTES + 20);
    size_t used = (size_t)sprintf(text, "story\n");
    (void)state;
    for (unsigned i = 0; i < ROWS; i++)
        used += (size_t)sprintf(text + used, "a story of its own numbered %u\n", i);
    rig_new(&r);
    assert_int_equal(sb_vfs_open(r.inner, "nodes.csv", SB_OPEN_CREATE, &file, NULL), SB_OK);
    assert_int_equal(sb_file_write_all(file, 0, text, used, NULL), SB_OK);
    sb_file_close(file);
    free(text);
    OK(&r, sombra_checkpoint(r.conn, SOMBRA_RESTART, NULL));
    const uint64_t before = length_of(r.inner, RIG_PATH);
    sombra_import_options_init(&options);
    options.nodes = &nodes;
    options.node_file_count = 1;
    options.threads = 1;
    /* The first write, of pages past the end, still fits. */
    api_rig_fail_files(&r, 2, SB_IO_WRITE, SB_FULL, true, true);
    begin(&r, SOMBRA_WRITE);
    sombra_status status = sombra_import_csv(r.txn, &options, NULL);
    if (status == SOMBRA_OK)
        status = sombra_commit(r.txn);
    else
        sombra_rollback(r.txn);
    assert_int_equal(status, SOMBRA_FULL);
    assert_true(r.fault->failed > 0);
    assert_int_equal(length_of(r.inner, RIG_PATH), before);
    api_rig_fail_files(&r, 0, 0, SB_FULL, false, false);
    assert_int_equal(count_nodes(&r), 10);
    begin(&r, SOMBRA_WRITE);
    OK(&r, sombra_import_csv(r.txn, &options, NULL));
    OK(&r, sombra_commit(r.txn));
    assert_int_equal(count_nodes(&r), 10 + ROWS);
    assert_true(length_of(r.inner, RIG_PATH) > before);
    rig_end(&r);
}

/* A sync that fails poisons: it is not known whether the commit stands. Nobody writes until all is closed and opened again. */
static void test_api_faults__poisoned(void **state)
{
    api_rig r;
    sombra_info info;
    (void)state;
    rig_new(&r);
    begin(&r, SOMBRA_WRITE);
    OK(&r, add_nodes(&r, 5));
    api_rig_fail_files(&r, 1, SB_IO_SYNC, SB_IO, false, false);
    FAILS(&r, sombra_commit(r.txn), SOMBRA_POISONED, "close it everywhere");
    api_rig_fail_files(&r, 0, 0, SB_IO, false, false);
    FAILS(&r, sombra_begin(r.conn, SOMBRA_WRITE, &r.txn), SOMBRA_POISONED,
          "sync of the database failed");
    assert_int_equal(count_nodes(&r), 10);
    begin(&r, SOMBRA_READ);
    OK(&r, sombra_get_info(r.txn, &info));
    assert_true(info.poisoned);
    sombra_rollback(r.txn);
    OK_ERROR(&r, api_rig_close(&r));
    OK_ERROR(&r, api_rig_open(&r));
    begin(&r, SOMBRA_WRITE); /* the frames were there: the commit stands */
    OK(&r, add_nodes(&r, 1));
    OK(&r, sombra_commit(r.txn));
    assert_int_equal(count_nodes(&r), 16);
    rig_end(&r);
}

/* A file system whose files can not be mapped. */
static void test_api_faults__no_maps(void **state)
{
    api_rig r;
    (void)state;
    api_rig_init(&r);
    api_rig_fail_files(&r, 1, SB_IO_MAP, SB_UNSUPPORTED, true, false);
    assert_int_equal(api_rig_open(&r), SOMBRA_UNSUPPORTED);
    assert_int_equal(r.error.status, SOMBRA_UNSUPPORTED);
    assert_null(r.db);
    api_rig_deinit(&r);
    assert_int_equal(atomic_load(&r.memory.live_blocks), 0);
}

/* Packed input that no build, or not this one, can read is told, and not read as noise. */
static void test_api_faults__packed_input(void **state)
{
    static const struct {
        const char *name, *bytes;
        bool here; /* this build reads it, and finds it damaged */
    } cases[] = {
        {"xz",
         "\xfd"
         "7zXZ\0\0\4",
         false},
        {"bzip2", "BZh91AY&SY", false},
        {"lz4", "\x04\x22\x4d\x18\x64\x40\xa7\x00", false},
        {"zip", "PK\x03\x04\x14\x00\x00\x00", false},
#ifdef HAVE_ZLIB
        {"gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00", true},
#else
        {"gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00", false},
#endif
#ifdef HAVE_ZSTD
        {"zstd", "\x28\xb5\x2f\xfd\x04\x00\x00\x00", true},
#else
        {"zstd", "\x28\xb5\x2f\xfd\x04\x00\x00\x00", false},
#endif
    };
    api_rig r;
    (void)state;
    rig_new(&r);
    begin(&r, SOMBRA_WRITE);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const sombra_import_file nodes = {.path = "packed", .name = "Person"};
        sombra_import_options options;
        sb_file *file = NULL;
        assert_int_equal(sb_vfs_open(r.inner, "packed", SB_OPEN_CREATE, &file, NULL), SB_OK);
        assert_int_equal(sb_file_write_all(file, 0, cases[i].bytes, 8, NULL), SB_OK);
        sb_file_close(file);
        sombra_import_options_init(&options);
        options.nodes = &nodes;
        options.node_file_count = 1;
        FAILS(&r, sombra_import_csv(r.txn, &options, NULL),
              cases[i].here ? SOMBRA_SYNTAX : SOMBRA_UNSUPPORTED, cases[i].name);
    }
    sombra_rollback(r.txn);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_faults__io),
        cmocka_unit_test(test_api_faults__full),
        cmocka_unit_test(test_api_faults__import_fills_the_disk),
        cmocka_unit_test(test_api_faults__poisoned),
        cmocka_unit_test(test_api_faults__no_maps),
        cmocka_unit_test(test_api_faults__packed_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
