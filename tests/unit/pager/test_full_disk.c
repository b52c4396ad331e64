/* test_full_disk.c — a disk without room: the WAL is used again before a commit is refused, a refused one is rolled back,
 * and what a rolled-back transaction wrote to the main file gives its room back. */
#include "pager/pager_priv.h"

#include "pager_fixture.h"

typedef struct rig {
    fixture f;
    sb_vfs *inner;
    sb_vfs_fault *fault;
} rig;

static void rig_open(rig *r)
{
    sb_vfs *vfs = NULL;
    r->inner = fixture_memory();
    assert_int_equal(sb_vfs_fault_create(&sb_allocator_libc, r->inner, &vfs, NULL), SB_OK);
    r->fault = sb_vfs_fault_state(vfs);
    fixture_options(&r->f, vfs);
    fixture_open(&r->f, "x");
}
static void rig_close(rig *r)
{
    fixture_close(&r->f);
    sb_vfs_destroy(r->f.vfs);
    sb_vfs_destroy(r->inner);
}
static uint64_t length(rig *r, const char *path)
{
    sb_file *file = NULL;
    sb_file_info info;
    assert_int_equal(sb_vfs_open(r->inner, path, SB_OPEN_READ_ONLY, &file, NULL), SB_OK);
    assert_int_equal(file->ops->info(file, &info, NULL), SB_OK);
    sb_file_close(file);
    return info.bytes;
}

/* Commits go on for as long as they fit the WAL there is: 1 MiB, which is back-filled and begun anew by the commit that
 * finds no room. */
static void test_pager_full_disk__wal_is_used_again(void **state)
{
    (void)state;
    rig r;
    rig_open(&r);
    CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 20, 1));
    CHECK(&r.f, sb_pager_checkpoint(r.f.pager, SB_CHECKPOINT_RESTART, NULL, &r.f.err));
    r.fault->no_room = true;
    for (uint32_t version = 2; version < 200; version++) {
        CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 20, version));
        assert_true(fixture_reads(&r.f, r.f.session, 1, 20, version));
    }
    assert_true(r.fault->failed >= 10); /* 20 pages 198 times are 16 times the WAL */
    assert_int_equal(length(&r, "x-wal"), 1u << 20);
    r.fault->no_room = false; /* opening makes the shared memory */
    fixture_close(&r.f);
    fixture_open(&r.f, "x");
    assert_true(fixture_reads(&r.f, r.f.session, 1, 20, 199));
    rig_close(&r);
}

/* A reader holds the WAL: the commit is refused, and the next ones succeed when the reader has let go. */
static void test_pager_full_disk__readers_hold_the_wal(void **state)
{
    (void)state;
    rig r;
    sb_session *reader = NULL;
    sb_txn *txn = NULL;
    uint32_t version = 2;
    rig_open(&r);
    CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 20, 1));
    CHECK(&r.f, sb_pager_checkpoint(r.f.pager, SB_CHECKPOINT_RESTART, NULL, &r.f.err));
    CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 20, 1));
    CHECK(&r.f, sb_session_open(r.f.pager, &reader, &r.f.err));
    CHECK(&r.f, sb_txn_begin_read(reader, &txn, &r.f.err));
    r.fault->no_room = true;
    sb_status st = SB_OK;
    while (version < 100 && (st = fixture_put(&r.f, r.f.session, 1, 20, version)) == SB_OK)
        version++;
    assert_int_equal(st, SB_FULL);
    assert_int_equal(r.f.err.os_error, 28); /* ENOSPC */
    sb_err_clear(&r.f.err);
    assert_true(fixture_sees(&r.f, txn, 1, 20, 1));
    assert_true(fixture_reads(&r.f, r.f.session, 1, 20, version - 1));
    assert_int_equal(fixture_put(&r.f, r.f.session, 1, 20, version), SB_FULL);
    sb_err_clear(&r.f.err);
    sb_txn_rollback(txn);
    sb_session_close(reader);
    for (; version < 120; version++)
        CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 20, version));
    assert_true(fixture_reads(&r.f, r.f.session, 1, 20, 119));
    rig_close(&r);
}

/* A transaction that spilled can not begin the WAL anew; the one after it finds it so. */
static void test_pager_full_disk__after_a_spill(void **state)
{
    (void)state;
    rig r;
    sb_txn *txn = NULL;
    rig_open(&r);
    CHECK(&r.f,
          fixture_put(&r.f, r.f.session, 1, 200, 1)); /* past the WAL: they are in the main file */
    CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 150, 2));
    r.fault->no_room = true;
    CHECK(&r.f, sb_txn_begin_write(r.f.session, &txn, &r.f.err));
    sb_status st = SB_OK;
    for (sb_pgno pgno = 1; pgno <= 200 && st == SB_OK; pgno++) {
        uint8_t *bytes = NULL;
        CHECK(&r.f, sb_page_mut(txn, pgno, &bytes, &r.f.err));
        model_fill(bytes, 4096, pgno, 3);
        if (pgno % 50 == 0) st = sb_pager__own_spill(txn, 0, &r.f.err);
    }
    assert_int_equal(st, SB_FULL);
    sb_err_clear(&r.f.err);
    sb_txn_rollback(txn);
    assert_true(fixture_reads(&r.f, r.f.session, 1, 150, 2));
    CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 200, 5));
    assert_true(fixture_reads(&r.f, r.f.session, 1, 200, 5));
    assert_int_equal(length(&r, "x-wal"), 1u << 20);
    rig_close(&r);
}

/* Pages past the extent, written by a transaction that fails or is rolled back, are cut off again. */
static void test_pager_full_disk__main_file_gets_short_again(void **state)
{
    (void)state;
    rig r;
    sb_txn *txn = NULL;
    sb_pgno first = 0;
    rig_open(&r);
    CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 40, 1));
    const uint64_t before = length(&r, "x");
    uint8_t *pages = calloc(500, 4096);
    assert_non_null(pages);
    for (unsigned fails = 0; fails < 2; fails++) {
        CHECK(&r.f, sb_txn_begin_write(r.f.session, &txn, &r.f.err));
        CHECK(&r.f, sb_page_alloc_run(txn, 1000, &first, &r.f.err));
        for (uint32_t i = 0; i < 500; i++)
            model_fill(pages + (size_t)i * 4096, 4096, first + i, 7);
        CHECK(&r.f, sb_page_write_fresh(txn, first, pages, 500, &r.f.err));
        assert_int_equal(length(&r, "x"), before + 500 * 4096);
        if (fails) {
            r.fault->no_room = true;
            assert_int_equal(sb_page_write_fresh(txn, first + 500, pages, 500, &r.f.err), SB_FULL);
            sb_err_clear(&r.f.err);
            r.fault->no_room = false;
        }
        sb_txn_rollback(txn);
        assert_int_equal(length(&r, "x"), before);
        assert_true(fixture_reads(&r.f, r.f.session, 1, 40, 1));
    }
    /* What a process that was killed left is cut by the last close after a commit. */
    sb_file *file = NULL;
    assert_int_equal(sb_vfs_open(r.inner, "x", 0, &file, NULL), SB_OK);
    assert_int_equal(sb_file_write_all(file, before + 64 * 4096, pages, 4096, NULL), SB_OK);
    sb_file_close(file);
    free(pages);
    CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 5, 8));
    fixture_close(&r.f);
    assert_int_equal(length(&r, "x"), before);
    fixture_open(&r.f, "x");
    assert_true(fixture_reads(&r.f, r.f.session, 1, 5, 8));
    rig_close(&r);
}

/* Who only reads does without shared memory, and leaves none behind; who writes is refused, and leaves none either. */
static void test_pager_full_disk__no_empty_shared_memory(void **state)
{
    (void)state;
    rig r;
    bool exists = true;
    rig_open(&r);
    CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 20, 1));
    fixture_close(&r.f);
    r.fault->no_room = true;
    assert_int_equal(sb_pager_open("x", &r.f.options, &r.f.pager, &r.f.err), SB_FULL);
    assert_int_equal(r.inner->ops->exists(r.inner, "x-shm", &exists, NULL), SB_OK);
    assert_false(exists);
    sb_err_clear(&r.f.err);
    r.f.options.read_only = true;
    fixture_open(&r.f, "x");
    assert_true(fixture_reads(&r.f, r.f.session, 1, 20, 1));
    assert_int_equal(r.inner->ops->exists(r.inner, "x-shm", &exists, NULL), SB_OK);
    assert_false(exists);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_full_disk__wal_is_used_again),
        TEST(test_pager_full_disk__readers_hold_the_wal),
        TEST(test_pager_full_disk__after_a_spill),
        TEST(test_pager_full_disk__main_file_gets_short_again),
        TEST(test_pager_full_disk__no_empty_shared_memory),
    };
    return cmocka_run_group_tests_name("pager_full_disk", tests, NULL, NULL);
}
