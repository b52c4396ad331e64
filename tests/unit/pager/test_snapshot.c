/* test_snapshot.c — who sees what, and who holds up whom (DESIGN §9 rules 3, 4, 5, 10, 14): readers, the writer,
 * back-fills and restarts of the WAL, two opens of one file, poison. */
#include "pager_fixture.h"

static sb_status checkpoint(fixture *f, sb_checkpoint_mode mode)
{
    sb_err_clear(&f->err);
    return sb_pager_checkpoint(f->pager, mode, NULL, &f->err);
}

/* Rule 4: a reader in the WAL holds back back-fills past its mark, and sees its state throughout. */
static void test_pager_snapshot__reader_holds_backfill(void **state)
{
    (void)state;
    fixture f;
    sb_session *reader = NULL;
    sb_txn *old = NULL;
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, sb_session_open(f.pager, &reader, &f.err));
    CHECK(&f, fixture_put(&f, f.session, 1, 10, 100));
    CHECK(&f, sb_txn_begin_read(reader, &old, &f.err));
    CHECK(&f, fixture_put(&f, f.session, 1, 10, 200));
    assert_int_equal(checkpoint(&f, SB_CHECKPOINT_FULL), SB_BUSY);
    CHECK(&f, checkpoint(&f, SB_CHECKPOINT_PASSIVE));
    assert_true(fixture_sees(&f, old, 1, 10, 100));
    assert_true(fixture_reads(&f, f.session, 1, 10, 200));
    sb_txn_rollback(old);
    CHECK(&f, checkpoint(&f, SB_CHECKPOINT_FULL));
    assert_true(fixture_reads(&f, f.session, 1, 10, 200));
    sb_session_close(reader);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* Rule 4: the WAL restarts only when nobody has a mark in it, even if all is back-filled. */
static void test_pager_snapshot__reader_holds_restart(void **state)
{
    (void)state;
    fixture f;
    sb_session *reader = NULL;
    sb_txn *old = NULL;
    sb_pager_info info;
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, sb_session_open(f.pager, &reader, &f.err));
    CHECK(&f, fixture_put(&f, f.session, 1, 10, 100));
    CHECK(&f, sb_txn_begin_read(reader, &old, &f.err));
    assert_true(fixture_sees(&f, old, 1, 5, 100)); /* pages 6 to 10 are touched later */
    CHECK(&f, checkpoint(&f, SB_CHECKPOINT_FULL));
    assert_int_equal(checkpoint(&f, SB_CHECKPOINT_RESTART), SB_BUSY);
    for (uint32_t i = 0; i < 5; i++)
        CHECK(&f, fixture_put(&f, f.session, 1, 10, 200 + i));
    assert_true(fixture_sees(&f, old, 1, 10, 100));
    sb_txn_rollback(old);
    CHECK(&f, checkpoint(&f, SB_CHECKPOINT_FULL));
    CHECK(&f, fixture_put(&f, f.session, 1, 1, 300)); /* the writer restarts the WAL by itself */
    CHECK(&f, sb_pager_get_info(f.pager, &info, &f.err));
    assert_int_equal(info.wal_frames, 1);
    sb_session_close(reader);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* A reader of the main file alone does not hold up restarts, only back-fills. */
static void test_pager_snapshot__main_only_reader(void **state)
{
    (void)state;
    fixture f;
    sb_session *reader = NULL;
    sb_txn *old = NULL;
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, sb_session_open(f.pager, &reader, &f.err));
    CHECK(&f, fixture_put(&f, f.session, 1, 10, 100));
    CHECK(&f, checkpoint(&f, SB_CHECKPOINT_FULL));
    CHECK(&f, sb_txn_begin_read(reader, &old, &f.err));
    sb_checkpoint_result result;
    CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_RESTART, &result, &f.err));
    assert_true(result.restarted);
    CHECK(&f, fixture_put(&f, f.session, 1, 10, 200));
    assert_int_equal(checkpoint(&f, SB_CHECKPOINT_FULL), SB_BUSY);
    assert_true(fixture_sees(&f, old, 1, 10, 100));
    assert_int_equal(sb_txn_seq(old), 1);
    sb_txn_rollback(old);
    CHECK(&f, checkpoint(&f, SB_CHECKPOINT_TRUNCATE));
    assert_true(fixture_reads(&f, reader, 1, 10, 200));
    CHECK(&f, fixture_put(&f, f.session, 1, 10, 300));
    assert_true(fixture_reads(&f, reader, 1, 10, 300));
    sb_session_close(reader);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* A shared transaction sees the state of the one that it was made from, whatever was committed since, and holds it: in the WAL, and in the
 * main file alone. */
static void test_pager_snapshot__shared(void **state)
{
    (void)state;
    fixture f;
    sb_session *reader = NULL, *helper = NULL;
    sb_txn *old = NULL, *shared = NULL, *writer = NULL;
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, sb_session_open(f.pager, &reader, &f.err));
    CHECK(&f, sb_session_open(f.pager, &helper, &f.err));
    CHECK(&f, fixture_put(&f, f.session, 1, 10, 100));
    for (int main_only = 0; main_only < 2; main_only++) {
        const uint32_t base = main_only == 0 ? 100 : 300;
        if (main_only != 0) CHECK(&f, checkpoint(&f, SB_CHECKPOINT_FULL));
        CHECK(&f, sb_txn_begin_read(reader, &old, &f.err));
        CHECK(&f, fixture_put(&f, f.session, 1, 10, base + 100));
        CHECK(&f, sb_txn_begin_shared(helper, old, &shared, &f.err));
        assert_int_equal(sb_txn_seq(shared), sb_txn_seq(old));
        assert_int_equal(sb_txn_addresses(shared), sb_txn_addresses(old));
        assert_int_equal(sb_txn_page_count(shared), sb_txn_page_count(old));
        CHECK(&f, fixture_put(&f, f.session, 1, 10, base + 200));
        assert_int_equal(checkpoint(&f, SB_CHECKPOINT_FULL), SB_BUSY);
        assert_true(fixture_sees(&f, shared, 1, 10, base));
        assert_true(fixture_sees(&f, old, 1, 10, base));
        assert_int_equal(sb_txn_begin_shared(helper, old, &writer, NULL), SB_MISUSE);
        sb_txn_rollback(shared);
        sb_txn_rollback(old);
        /* and the session goes on with states of its own */
        assert_true(fixture_reads(&f, helper, 1, 10, base + 200));
    }
    CHECK(&f, sb_txn_begin_write(f.session, &writer, &f.err));
    assert_int_equal(sb_txn_begin_shared(helper, writer, &shared, NULL), SB_MISUSE);
    assert_null(shared);
    sb_txn_rollback(writer);
    sb_session_close(helper);
    sb_session_close(reader);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* Rule 10. */
static void test_pager_snapshot__upgrade(void **state)
{
    (void)state;
    fixture f;
    sb_session *other = NULL;
    sb_txn *txn = NULL;
    uint8_t *bytes = NULL;
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, sb_session_open(f.pager, &other, &f.err));
    CHECK(&f, fixture_put(&f, f.session, 1, 3, 100));
    CHECK(&f, sb_txn_begin_read(other, &txn, &f.err));
    CHECK(&f, fixture_put(&f, f.session, 1, 3, 200));
    assert_int_equal(sb_txn_upgrade(txn, NULL), SB_BUSY_SNAPSHOT);
    assert_true(fixture_sees(&f, txn, 1, 3, 100));
    sb_txn_rollback(txn);
    /* The same state is the same, though the WAL has begun anew. */
    CHECK(&f, checkpoint(&f, SB_CHECKPOINT_FULL));
    CHECK(&f, sb_txn_begin_read(other, &txn, &f.err));
    CHECK(&f, checkpoint(&f, SB_CHECKPOINT_RESTART));
    CHECK(&f, sb_txn_upgrade(txn, &f.err));
    assert_int_equal(sb_txn_begin_write(f.session, &(sb_txn *){NULL}, NULL), SB_BUSY);
    CHECK(&f, sb_page_mut(txn, 1, &bytes, &f.err));
    model_fill(bytes, 4096, 1, 300);
    CHECK(&f, sb_txn_commit(txn, &f.err));
    assert_true(fixture_reads(&f, f.session, 1, 1, 300));
    assert_true(fixture_reads(&f, f.session, 2, 2, 200));
    sb_session_close(other);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* Two opens of one file share one state, and exclude each other as writers. */
static void test_pager_snapshot__two_opens(void **state)
{
    (void)state;
    fixture a, b;
    sb_txn *txn = NULL;
    fixture_options(&a, fixture_memory());
    fixture_options(&b, a.vfs);
    fixture_open(&a, "x");
    fixture_open(&b, "x");
    for (uint32_t i = 1; i < 40; i++) {
        fixture *writer = i % 2 == 0 ? &a : &b, *reader = i % 2 == 0 ? &b : &a;
        CHECK(writer, fixture_put(writer, writer->session, 1, 5, i));
        assert_true(fixture_reads(reader, reader->session, 1, 5, i));
        assert_true(fixture_reads(writer, writer->session, 1, 5, i));
        if (i % 5 == 0) CHECK(&a, checkpoint(&a, (sb_checkpoint_mode)(i / 5 % 4)));
        assert_true(fixture_reads(reader, reader->session, 1, 5, i));
    }
    CHECK(&a, sb_txn_begin_write(a.session, &txn, &a.err));
    assert_int_equal(fixture_put(&b, b.session, 1, 1, 1), SB_BUSY);
    assert_non_null(strstr(b.err.text, "locked by another writer of this process"));
    sb_err_clear(&b.err);
    sb_txn_rollback(txn);
    CHECK(&b, fixture_put(&b, b.session, 1, 5, 50));
    fixture_close(&a); /* not the last: leaves the WAL to the other */
    assert_true(fixture_reads(&b, b.session, 1, 5, 50));
    fixture_close(&b);
    fixture_open(&a, "x");
    assert_true(fixture_reads(&a, a.session, 1, 5, 50));
    fixture_close(&a);
    sb_vfs_destroy(a.vfs);
}

/* An open that has not looked at the WAL yet can checkpoint, sync and upgrade like any other; a reader in full
 * that finds itself behind commits nobody synced is brought up by trying to write. */
static void test_pager_snapshot__mixed_durability(void **state)
{
    (void)state;
    fixture a, b;
    sb_txn *txn = NULL;
    fixture_options(&a, fixture_memory());
    fixture_options(&b, a.vfs);
    a.options.durability = SB_DURABLE_NORMAL;
    fixture_open(&a, "x");
    fixture_open(&b, "x");
    CHECK(&a, fixture_put(&a, a.session, 1, 5, 100));
    assert_true(fixture_reads(&a, a.session, 1, 5, 100));
    CHECK(&b, sb_txn_begin_read(b.session, &txn, &b.err));
    assert_int_equal(sb_txn_seq(txn), 0);
    assert_int_equal(sb_txn_upgrade(txn, NULL), SB_BUSY_SNAPSHOT);
    sb_txn_rollback(txn);
    assert_true(fixture_reads(&b, b.session, 1, 5, 100));
    CHECK(&a, fixture_put(&a, a.session, 1, 5, 101));
    fixture_close(&b);
    fixture_open(&b, "x");
    CHECK(&b, checkpoint(&b, SB_CHECKPOINT_FULL));
    assert_true(fixture_reads(&b, b.session, 1, 5, 101));
    CHECK(&a, fixture_put(&a, a.session, 1, 5, 102));
    CHECK(&a, sb_pager_set_durability(a.pager, SB_DURABLE_FULL, &a.err));
    assert_true(fixture_reads(&b, b.session, 1, 5, 102));
    fixture_close(&a);
    fixture_close(&b);
    sb_vfs_destroy(a.vfs);
}

/* Rule 5: a failed sync poisons, in every open; nobody sees what was not acknowledged; recovery decides. */
static void test_pager_snapshot__poison(void **state)
{
    (void)state;
    fixture a, b;
    sb_vfs *inner = fixture_memory(), *vfs = NULL;
    sb_txn *txn = NULL;
    sb_pager_info info;
    assert_int_equal(sb_vfs_fault_create(&sb_allocator_libc, inner, &vfs, NULL), SB_OK);
    fixture_options(&a, vfs);
    fixture_options(&b, vfs);
    fixture_open(&a, "x");
    fixture_open(&b, "x");
    CHECK(&a, fixture_put(&a, a.session, 1, 5, 100));
    sb_vfs_fault *fault = sb_vfs_fault_state(vfs);
    fault->kinds = SB_IO_SYNC;
    fault->status = SB_IO;
    fault->fail_at = fault->calls + 1;
    assert_int_equal(fixture_put(&a, a.session, 1, 5, 200), SB_POISONED);
    assert_int_equal(fault->failed, 1);
    fault->fail_at = 0;
    assert_true(fixture_reads(&a, a.session, 1, 5, 100));
    assert_true(fixture_reads(&b, b.session, 1, 5, 100));
    assert_int_equal(sb_txn_begin_write(a.session, &txn, NULL), SB_POISONED);
    assert_int_equal(sb_txn_begin_write(b.session, &txn, NULL), SB_POISONED);
    assert_int_equal(sb_pager_checkpoint(b.pager, SB_CHECKPOINT_PASSIVE, NULL, NULL), SB_POISONED);
    CHECK(&a, sb_pager_get_info(a.pager, &info, &a.err));
    assert_true(info.poisoned);
    sb_err_clear(&a.err);
    fixture_close(&a);
    fixture_close(&b);
    fixture_open(&a, "x");
    assert_true(fixture_reads(&a, a.session, 1, 5, 100) || fixture_reads(&a, a.session, 1, 5, 200));
    CHECK(&a, fixture_put(&a, a.session, 1, 5, 300));
    assert_true(fixture_reads(&a, a.session, 1, 5, 300));
    fixture_close(&a);
    sb_vfs_destroy(vfs);
    sb_vfs_destroy(inner);
}

/* Rule 4: if the main file's sync fails the mark stays, and a later try writes every frame again. */
static void test_pager_snapshot__failed_backfill_is_repeated(void **state)
{
    (void)state;
    fixture f;
    sb_vfs *inner = fixture_memory(), *vfs = NULL;
    sb_checkpoint_result result;
    assert_int_equal(sb_vfs_fault_create(&sb_allocator_libc, inner, &vfs, NULL), SB_OK);
    fixture_options(&f, vfs);
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 100));
    sb_vfs_fault *fault = sb_vfs_fault_state(vfs);
    fault->kinds = SB_IO_SYNC;
    fault->status = SB_IO;
    fault->fail_at = fault->calls + 1;
    assert_int_equal(checkpoint(&f, SB_CHECKPOINT_PASSIVE), SB_IO);
    fault->fail_at = 0;
    sb_err_clear(&f.err);
    CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_PASSIVE, &result, &f.err));
    assert_int_equal(result.pages_written, 20);
    assert_int_equal(result.backfilled_frames, result.wal_frames);
    assert_true(fixture_reads(&f, f.session, 1, 20, 100));
    fixture_close(&f);
    sb_vfs_destroy(vfs);
    sb_vfs_destroy(inner);
}

/* Plain promises of the interface. */
static void test_pager_snapshot__limits_and_misuse(void **state)
{
    (void)state;
    static sb_session *sessions[1000];
    fixture f;
    sb_txn *txn = NULL, *second = NULL;
    sb_session *extra = NULL;
    sb_pager_info before, after;
    sb_page page;
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 3, 100));
    CHECK(&f, sb_txn_begin_read(f.session, &txn, &f.err));
    assert_int_equal(sb_txn_begin_read(f.session, &second, NULL), SB_MISUSE);
    assert_int_equal(sb_page_acquire(txn, 0, &page, NULL), SB_CORRUPT);
    assert_int_equal(sb_page_acquire(txn, 4, &page, NULL), SB_CORRUPT);
    sb_txn_rollback(txn);
    /* A write transaction that changed nothing appends nothing. */
    CHECK(&f, sb_pager_get_info(f.pager, &before, &f.err));
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    assert_false(sb_txn_dirty(txn));
    (void)sb_txn_meta_mut(txn);
    CHECK(&f, sb_txn_commit(txn, &f.err));
    CHECK(&f, sb_pager_get_info(f.pager, &after, &f.err));
    assert_int_equal(before.wal_used_bytes, after.wal_used_bytes);
    assert_int_equal(before.commit_seq, after.commit_seq);
    assert_int_equal(before.syncs, after.syncs);
    for (unsigned i = 0; i < 999; i++)
        CHECK(&f, sb_session_open(f.pager, &sessions[i], &f.err));
    assert_int_equal(sb_session_open(f.pager, &extra, NULL), SB_LIMIT);
    assert_int_equal(sb_pager_close(f.pager, NULL), SB_MISUSE);
    for (unsigned i = 0; i < 999; i++)
        sb_session_close(sessions[i]);
    CHECK(&f, sb_session_open(f.pager, &extra, &f.err));
    sb_session_close(extra);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* One commit is one write and one sync, once the WAL is there. */
static void test_pager_snapshot__one_write_one_sync(void **state)
{
    (void)state;
    fixture f;
    sb_vfs *inner = fixture_memory(), *vfs = NULL;
    assert_int_equal(sb_vfs_fault_create(&sb_allocator_libc, inner, &vfs, NULL), SB_OK);
    fixture_options(&f, vfs);
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 3, 100));
    sb_vfs_fault *fault = sb_vfs_fault_state(vfs);
    fault->kinds = SB_IO_WRITE | SB_IO_SYNC | SB_IO_TRUNCATE;
    const uint64_t before = fault->calls;
    for (uint32_t i = 0; i < 20; i++)
        CHECK(&f, fixture_put(&f, f.session, 1, 3, 200 + i));
    assert_int_equal(fault->calls - before, 40);
    fixture_close(&f);
    sb_vfs_destroy(vfs);
    sb_vfs_destroy(inner);
}

/* Small commits and reads allocate nothing once the session is warm. */
static void test_pager_snapshot__steady_commits_allocate_nothing(void **state)
{
    (void)state;
    fixture f;
    sb_counting_allocator alloc;
    sb_counting_allocator_init(&alloc, &sb_allocator_libc);
    fixture_options(&f, fixture_memory());
    f.options.alloc = &alloc.base;
    fixture_open(&f, "x");
    for (uint32_t i = 0; i < 4; i++) {
        CHECK(&f, fixture_put(&f, f.session, 1, 3, 100 + i));
        assert_true(fixture_reads(&f, f.session, 1, 3, 100 + i));
    }
    const size_t before = alloc.alloc_count;
    for (uint32_t i = 0; i < 30; i++) {
        CHECK(&f, fixture_put(&f, f.session, 1, 3, 200 + i));
        assert_true(fixture_reads(&f, f.session, 1, 3, 200 + i));
    }
    assert_int_equal(alloc.alloc_count, before);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    assert_int_equal(alloc.live_blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_snapshot__reader_holds_backfill),
        TEST(test_pager_snapshot__reader_holds_restart),
        TEST(test_pager_snapshot__main_only_reader),
        TEST(test_pager_snapshot__shared),
        TEST(test_pager_snapshot__upgrade),
        TEST(test_pager_snapshot__two_opens),
        TEST(test_pager_snapshot__mixed_durability),
        TEST(test_pager_snapshot__poison),
        TEST(test_pager_snapshot__failed_backfill_is_repeated),
        TEST(test_pager_snapshot__limits_and_misuse),
        TEST(test_pager_snapshot__one_write_one_sync),
        TEST(test_pager_snapshot__steady_commits_allocate_nothing),
    };
    return cmocka_run_group_tests_name("pager_snapshot", tests, NULL, NULL);
}
