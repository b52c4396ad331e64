/* test_limits.c — the pager's limits of docs/LIMITS.md, which are too far away to be reached by use: the counters are set
 * just below them, and what comes next must be SB_LIMIT with all else as it was. */
#include "pager_fixture.h"

#include "pager/pager_priv.h"

static void test_pager_limits__pages(void **state)
{
    fixture f;
    sb_txn *txn = NULL;
    sb_pgno pgno;
    uint8_t *bytes;
    (void)state;

    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    txn->now.page_count = 4294967279;
    CHECK(&f, sb_page_alloc(txn, SB_PAGE_OVERFLOW, 1, &pgno, &bytes, &f.err));
    assert_int_equal(pgno, 4294967279);
    assert_int_equal(txn->now.page_count, 4294967280);
    assert_int_equal(sb_page_alloc(txn, SB_PAGE_OVERFLOW, 1, &pgno, &bytes, &f.err), SB_LIMIT);
    txn->now.page_count = 4294967275;
    assert_int_equal(sb_page_alloc_run(txn, 6, &pgno, &f.err), SB_LIMIT);
    CHECK(&f, sb_page_alloc_run(txn, 5, &pgno, &f.err));
    sb_txn_rollback(txn);
    CHECK(&f, fixture_put(&f, f.session, 1, 3, 100));
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* Each statement makes one, so a long transaction comes to the end of their ids, which must not come again. */
static void test_pager_limits__savepoints(void **state)
{
    fixture f;
    sb_txn *txn = NULL;
    uint32_t first, last;
    (void)state;

    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    CHECK(&f, sb_txn_savepoint(txn, &first, &f.err));
    txn->last_savepoint = 4294967294;
    CHECK(&f, sb_txn_savepoint(txn, &last, &f.err));
    assert_int_equal(last, 4294967295);
    CHECK(&f, sb_txn_release(txn, last, &f.err));
    assert_int_equal(sb_txn_savepoint(txn, &last, &f.err), SB_LIMIT);
    CHECK(&f, sb_txn_rollback_to(txn, first, &f.err));
    sb_txn_rollback(txn);
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    CHECK(&f, sb_txn_savepoint(txn, &first, &f.err));
    assert_int_equal(first, 1);
    sb_txn_rollback(txn);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* A commit whose frames begin at a position (in units of 64 bytes), on a disk that takes none. */
static sb_status commit_at(fixture *f, uint32_t pos)
{
    sb_vfs_fault *fault = sb_vfs_fault_state(f->vfs);
    sb_txn *txn = NULL;
    sb_status status;
    uint8_t *bytes;

    CHECK(f, sb_txn_begin_write(f->session, &txn, &f->err));
    CHECK(f, sb_page_mut(txn, 1, &bytes, &f->err));
    model_fill(bytes, 4096, 1, 200);
    CHECK(f, sb_pager__append_begin(txn, &f->err)); /* sets the tail, which stays for the commit */
    txn->tail.pos = pos;
    fault->kinds = SB_IO_WRITE;
    fault->status = SB_IO;
    fault->fail_at = fault->calls + 1;
    status = sb_txn_commit(txn, &f->err);
    fault->fail_at = 0;
    return status;
}

static void test_pager_limits__write_ahead_log(void **state)
{
    sb_vfs *memory = fixture_memory(), *vfs = NULL;
    fixture f;
    sb_txn *txn = NULL;
    (void)state;

    assert_int_equal(sb_vfs_fault_create(&sb_allocator_libc, memory, &vfs, NULL), SB_OK);
    fixture_options(&f, vfs);
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 3, 100));
    /* Frames may begin up to 4 MiB before 256 GiB: that of the commit, 65 units behind that of the page. */
    assert_int_equal(commit_at(&f, 4294901695), SB_LIMIT);
    assert_non_null(strstr(f.err.text, "256 GiB"));
    sb_err_clear(&f.err);
    /* Nothing of it stays, and the log goes on. */
    CHECK(&f, fixture_put(&f, f.session, 2, 1, 300));
    fixture_close(&f);
    fixture_open(&f, "x");
    CHECK(&f, sb_txn_begin_read(f.session, &txn, &f.err));
    assert_int_equal(sb_txn_seq(txn), 2);
    sb_txn_rollback(txn);
    CHECK(&f, fixture_put(&f, f.session, 3, 1, 400)); /* writes the header of a new log */
    assert_int_equal(commit_at(&f, 4294901694), SB_IO);
    sb_err_clear(&f.err);
    fixture_close(&f);
    sb_vfs_destroy(vfs);
    sb_vfs_destroy(memory);
}

/* The page cache is a part of what the database may have: its pages are the allocator's, who can refuse them. */
static void test_pager_limits__page_cache(void **state)
{
    enum { PAGES = 40 };
    fixture f;
    sb_counting_allocator memory;
    sb_txn *txn = NULL;
    sb_page page;
    (void)state;

    sb_counting_allocator_init(&memory, &sb_allocator_libc);
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, PAGES, 1));
    fixture_close(&f);
    f.options.alloc = &memory.base;
    f.options.read_mode = SB_READ_CACHE;
    fixture_open(&f, "x");
    CHECK(&f, sb_txn_begin_read(f.session, &txn, &f.err));
    const size_t before = memory.live_bytes;
    for (sb_pgno pgno = 1; pgno <= PAGES; pgno++) {
        CHECK(&f, sb_page_acquire(txn, pgno, &page, &f.err));
        sb_page_release(txn, &page);
    }
    assert_true(memory.live_bytes >= before + (size_t)PAGES * 4096);
    sb_txn_rollback(txn);
    fixture_close(&f);
    assert_int_equal(memory.live_bytes, 0);
    sb_vfs_destroy(f.vfs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pager_limits__pages),
        cmocka_unit_test(test_pager_limits__savepoints),
        cmocka_unit_test(test_pager_limits__write_ahead_log),
        cmocka_unit_test(test_pager_limits__page_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
