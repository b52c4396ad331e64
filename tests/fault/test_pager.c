/* test_pager.c — every call to the file system and every allocation of a workload fails once (and once more
 * from there on): the status says so, what was committed stays, nothing leaks, and the store goes on, or,
 * after a failed sync, refuses to until it was reopened (DESIGN §9 rule 5). */
#include "support/unit.h"

#include "support/pager_model.h"

#define STEPS 10u

typedef struct rig {
    sb_counting_allocator alloc;
    sb_profile profile;
    sb_vfs *inner, *vfs;
    sb_pager_options options;
    sb_pager *pager;
    sb_session *session;
    model m;
    bool close_was_due; /* the workload had come to its end */
} rig;

static void rig_init(rig *r, uint64_t seed, sb_durability durability, sb_read_mode read_mode)
{
    sb_err err;
    sb_err_clear(&err);
    memset(r, 0, sizeof *r);
    sb_counting_allocator_init(&r->alloc, &sb_allocator_libc);
    model_init(&r->m, seed);
    assert_int_equal(sb_vfs_mem_create(&sb_allocator_libc, &r->inner, &err), SB_OK);
    assert_int_equal(sb_vfs_fault_create(&sb_allocator_libc, r->inner, &r->vfs, &err), SB_OK);
    sb_pager_options_init(&r->options);
    r->options.alloc = &r->alloc.base;
    r->options.vfs = r->vfs;
    r->options.profile = &r->profile;
    r->options.page_bytes = 4096;
    r->options.durability = durability;
    r->options.read_mode = read_mode;
    r->options.cache_pages = 8;
    r->options.checkpoint_thread = false;
    r->options.autocheckpoint_pages = 30;
    r->options.txn_memory_bytes = 6 * 4096;
    r->options.busy_timeout_ns = 0;
    r->options.check = model_check;
}

static void rig_deinit(rig *r)
{
    model_deinit(&r->m);
    sb_vfs_destroy(r->vfs);
    sb_vfs_destroy(r->inner);
    assert_int_equal(r->alloc.live_blocks, 0);
}

static sb_status rig_open(rig *r, sb_err *err)
{
    if (r->pager == NULL) SB_TRY(sb_pager_open("f", &r->options, &r->pager, err));
    if (r->session == NULL) SB_TRY(sb_session_open(r->pager, &r->session, err));
    return SB_OK;
}

static sb_status rig_close(rig *r, sb_err *err)
{
    sb_session_close(r->session);
    r->session = NULL;
    sb_pager *pager = r->pager;
    r->pager = NULL;
    return pager == NULL ? SB_OK : sb_pager_close(pager, err);
}

/* Open, work, close; stops at the first failure and leaves things as they are then. */
static sb_status rig_work(rig *r, unsigned steps, sb_err *err)
{
    SB_TRY(rig_open(r, err));
    for (unsigned step = 0; step < steps; step++)
        SB_TRY(model_step(&r->m, r->pager, r->session, err));
    r->close_was_due = true;
    return rig_close(r, err);
}

static void check_content(rig *r, bool undecided, const char *when, uint64_t n)
{
    sb_err err;
    sb_txn *txn = NULL;
    sb_err_clear(&err);
    sb_status st = sb_txn_begin_read(r->session, &txn, &err);
    if (st == SB_OK) {
        const uint64_t seq = sb_txn_seq(txn);
        if (seq != r->m.committed && !(undecided && seq == r->m.attempted))
            fail_msg("fault %llu, %s: commit %llu instead of %llu", (unsigned long long)n, when,
                     (unsigned long long)seq, (unsigned long long)r->m.committed);
        st = model_verify(txn, &r->m.history[seq], &err);
        r->m.committed = r->m.attempted = seq;
        r->m.now = r->m.history[seq];
    }
    sb_txn_rollback(txn);
    if (st != SB_OK) fail_msg("fault %llu, %s: %s", (unsigned long long)n, when, err.text);
}

/* The fault has been: what is there must be sound, and usable unless poisoned. */
static void check_after(rig *r, sb_status st, const sb_err *cause, uint64_t n)
{
    sb_err err;
    sb_err_clear(&err);
    const bool in_close = r->close_was_due;
    const bool poisoned = st == SB_POISONED;
    const uint64_t undecided_seq = r->m.attempted;
    if (in_close)
        assert_null(r->pager); /* it failed in closing: the pager is gone, the file is whole */
    sb_status opened = rig_open(r, &err);
    if (opened != SB_OK)
        fail_msg("fault %llu (%s): open: %s", (unsigned long long)n, cause->text, err.text);
    check_content(r, false, "at once", n);
    if (poisoned && !in_close) {
        sb_txn *txn = NULL;
        assert_int_equal(sb_txn_begin_write(r->session, &txn, NULL), SB_POISONED);
    } else {
        const sb_status more = model_step(&r->m, r->pager, r->session, &err);
        if (more != SB_OK)
            fail_msg("fault %llu (%s): going on: %s", (unsigned long long)n, cause->text, err.text);
    }
    assert_int_equal(rig_close(r, &err), SB_OK);
    assert_int_equal(rig_open(r, &err), SB_OK);
    if (poisoned) r->m.attempted = undecided_seq;
    check_content(r, poisoned, "reopened", n);
    const sb_status more = rig_work(r, 3, &err);
    if (more != SB_OK)
        fail_msg("fault %llu (%s): after all: %s", (unsigned long long)n, cause->text, err.text);
    assert_int_equal(rig_open(r, &err), SB_OK);
    check_content(r, false, "in the end", n);
    assert_int_equal(rig_close(r, &err), SB_OK);
}

static bool io_status_allowed(sb_status st, sb_status injected)
{
    return st == injected || st == SB_POISONED || st == SB_CANT_OPEN || st == SB_IO;
}

static void sweep_io(uint64_t seed, sb_durability durability, sb_read_mode read_mode,
                     sb_status status, bool persistent, bool short_write)
{
    uint64_t n = 1, failed = 1, seen = 0;
    for (; failed != 0; n++) {
        rig r;
        sb_err err;
        sb_err_clear(&err);
        rig_init(&r, seed, durability, read_mode);
        sb_vfs_fault *fault = sb_vfs_fault_state(r.vfs);
        fault->kinds = SB_IO_ALL;
        fault->status = status;
        fault->persistent = persistent;
        fault->short_write = short_write;
        fault->fail_at = n;
        const sb_status st = rig_work(&r, STEPS, &err);
        failed = fault->failed;
        seen += st != SB_OK;
        fault->fail_at = 0;
        fault->persistent = false;
        if (st != SB_OK && !io_status_allowed(st, status))
            fail_msg("fault %llu: %s (%d)", (unsigned long long)n, err.text, st);
        check_after(&r, st, &err, n);
        rig_deinit(&r);
    }
    printf("%llu calls failed, %llu seen by the caller\n", (unsigned long long)n - 2,
           (unsigned long long)seen);
    assert_true(n > 100 && seen > n / 2);
}

static void sweep_memory(uint64_t seed, sb_read_mode read_mode, bool persistent)
{
    uint64_t n = 1, seen = 0;
    for (;; n++) {
        rig r;
        sb_err err;
        sb_err_clear(&err);
        rig_init(&r, seed, SB_DURABLE_FULL, read_mode);
        r.alloc.fail_persistent = persistent;
        r.alloc.fail_at = n;
        const sb_status st = rig_work(&r, STEPS, &err);
        const bool reached = r.alloc.alloc_count >= n;
        seen += st != SB_OK;
        r.alloc.fail_at = 0;
        r.alloc.fail_persistent = false;
        if (st != SB_OK && st != SB_NOMEM)
            fail_msg("allocation %llu: %s (%d)", (unsigned long long)n, err.text, st);
        check_after(&r, st, &err, n);
        rig_deinit(&r);
        if (!reached) break;
    }
    printf("%llu allocations failed, %llu seen by the caller\n", (unsigned long long)n - 1,
           (unsigned long long)seen);
    assert_true(n > 30 && seen > n / 2);
}

static void test_pager_fault__io_once(void **state)
{
    (void)state;
    sweep_io(21, SB_DURABLE_FULL, SB_READ_MAP, SB_IO, false, false);
}
static void test_pager_fault__io_once_cache(void **state)
{
    (void)state;
    sweep_io(22, SB_DURABLE_NORMAL, SB_READ_CACHE, SB_IO, false, true);
}
static void test_pager_fault__disk_full_for_good(void **state)
{
    (void)state;
    sweep_io(23, SB_DURABLE_FULL, SB_READ_MAP, SB_FULL, true, true);
}
static void test_pager_fault__memory(void **state)
{
    (void)state;
    sweep_memory(24, SB_READ_MAP, false);
    sweep_memory(25, SB_READ_CACHE, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_fault__io_once),
        TEST(test_pager_fault__io_once_cache),
        TEST(test_pager_fault__disk_full_for_good),
        TEST(test_pager_fault__memory),
    };
    return cmocka_run_group_tests_name("pager_fault", tests, NULL, NULL);
}
