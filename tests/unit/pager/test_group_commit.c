/* test_group_commit.c — several threads wait for syncs at once (sync.c, I8, I9, I20).
 * Method: commits from four threads on a disk that loses power, behind a front whose syncs take a while and can be
 * made to fail. Each commit counts a version up; what a returned commit says must be on the disk afterwards. */
#include "pager_fixture.h"

#define THREADS 4u

typedef struct group {
    fixture f;
    unsigned rounds;
    _Atomic uint32_t acknowledged;              /* greatest version whose commit has returned */
    _Atomic uint32_t commits, poisoned, others; /* how calls ended */
} group;

static sb_status count_up(group *g, sb_session *session, sb_err *err)
{
    sb_txn *txn = NULL;
    uint8_t *bytes = NULL;
    SB_TRY(sb_txn_begin_write(session, &txn, err));
    const uint32_t version = sb_load_le32(sb_txn_meta(txn)) + 1;
    sb_store_le32(sb_txn_meta_mut(txn), version);
    const sb_status st = sb_page_mut(txn, 1, &bytes, err);
    if (st != SB_OK) {
        sb_txn_rollback(txn);
        return st;
    }
    model_fill(bytes, 4096, 1, version);
    SB_TRY(sb_txn_commit(txn, err));
    uint32_t seen = atomic_load(&g->acknowledged);
    while (seen < version && !atomic_compare_exchange_weak(&g->acknowledged, &seen, version)) {
    }
    return SB_OK;
}

static void commit_loop(void *ctx)
{
    group *g = ctx;
    sb_session *session = NULL;
    sb_err err;
    sb_err_clear(&err);
    if (sb_session_open(g->f.pager, &session, &err) != SB_OK) return;
    for (unsigned i = 0; i < g->rounds; i++) {
        sb_err_clear(&err);
        const sb_status st = count_up(g, session, &err);
        atomic_fetch_add(st == SB_OK         ? &g->commits
                         : st == SB_POISONED ? &g->poisoned
                                             : &g->others,
                         1);
        if (st != SB_OK) break;
    }
    sb_session_close(session);
}

/* Four threads commit, the sync number fail_at (0: none) fails, the power goes; the version that is left. */
static uint32_t run_group(group *g, unsigned rounds, uint64_t fail_at, unsigned *at_once)
{
    sb_vfs *disk = NULL, *front = NULL, *after = NULL;
    sb_thread *threads[THREADS];
    sb_txn *txn = NULL;
    memset(g, 0, sizeof *g);
    assert_int_equal(sb_vfs_crash_create(&sb_allocator_libc, &disk, NULL), SB_OK);
    assert_int_equal(sb_vfs_fault_create(&sb_allocator_libc, disk, &front, NULL), SB_OK);
    fixture_options(&g->f, front);
    g->f.options.busy_timeout_ns = 20000000000u;
    g->rounds = rounds;
    fixture_open(&g->f, "g");
    CHECK(&g->f, fixture_put(&g->f, g->f.session, 1, 1, 0));
    sb_vfs_fault *fault = sb_vfs_fault_state(front);
    fault->kinds = SB_IO_SYNC;
    fault->status = SB_IO;
    fault->fail_at = fail_at == 0 ? 0 : fault->calls + fail_at;
    fault->sync_ns = 300000;
    for (unsigned i = 0; i < THREADS; i++)
        CHECK(&g->f, sb_thread_create(&sb_allocator_libc, commit_loop, g, &threads[i], &g->f.err));
    for (unsigned i = 0; i < THREADS; i++)
        sb_thread_join(threads[i]);
    *at_once = fault->syncs_at_once;
    assert_int_equal(g->others, 0);
    sb_vfs_crash_set_cut(disk, sb_vfs_crash_events(disk) + 1);
    sb_session_close(g->f.session);
    /* The power is off: to close fails, unless it is poisoned and nothing is left to do. */
    const sb_status closed = sb_pager_close(g->f.pager, NULL);
    assert_true(closed != SB_OK || fail_at != 0);
    assert_int_equal(sb_vfs_crash_reboot(disk, SB_CRASH_LOSE_ALL, 1, &after, NULL), SB_OK);
    g->f.options.vfs = after;
    fixture_open(&g->f, "g");
    CHECK(&g->f, sb_txn_begin_read(g->f.session, &txn, &g->f.err));
    const uint32_t left = sb_load_le32(sb_txn_meta(txn));
    assert_true(fixture_sees(&g->f, txn, 1, 1, left));
    sb_txn_rollback(txn);
    fixture_close(&g->f);
    sb_vfs_destroy(after);
    sb_vfs_destroy(front);
    sb_vfs_destroy(disk);
    return left;
}

/* Two syncs overlap, never three; each commit is durable when it returns. */
static void test_pager_group__two_at_once(void **state)
{
    (void)state;
    static group g;
    unsigned at_once = 0;
    const uint32_t left = run_group(&g, 40, 0, &at_once);
    assert_int_equal(g.commits, THREADS * 40);
    assert_int_equal(left, THREADS * 40);
    assert_int_equal(at_once, 2);
}

/* Whichever sync fails, and whatever runs beside it: all threads are told, and nothing acknowledged is lost. */
static void test_pager_group__a_failed_sync_poisons(void **state)
{
    (void)state;
    static group g;
    unsigned at_once = 0;
    for (uint64_t fail_at = 1; fail_at <= 30; fail_at++) {
        const uint32_t left = run_group(&g, 1000, fail_at, &at_once);
        assert_int_equal(g.poisoned, THREADS);
        assert_true(left >= g.acknowledged);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_group__two_at_once),
        TEST(test_pager_group__a_failed_sync_poisons),
    };
    return cmocka_run_group_tests_name("pager_group_commit", tests, NULL, NULL);
}
