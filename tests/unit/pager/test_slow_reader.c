/* test_slow_reader.c — what a reader that stays on an old state costs: the writer's wait for it, once, and a message; and what is
 * told of a checkpoint that failed (checkpoint.c I26, DESIGN §9 rule 4).
 * The clock is the test's: it moves only while somebody sleeps, so waiting is counted, not timed. */
#include "pager_fixture.h"

#include "pager/pager_priv.h"
#include "support/child.h"

#define LIMIT  10u /* pages: autocheckpoint */
#define SECOND 1000000000u

static struct {
    sb_vfs_ops ops;
    uint64_t now, slept;
    sb_txn *leaves; /* a reader that ends its transaction at leaves_at */
    uint64_t leaves_at;
    unsigned messages;
    char message[SB_ERR_TEXT_BYTES];
} world;

static uint64_t world_now(sb_vfs *vfs)
{
    (void)vfs;
    return world.now;
}

static void world_sleep(sb_vfs *vfs, uint64_t ns)
{
    (void)vfs;
    world.now += ns;
    world.slept += ns;
    if (world.leaves == NULL || world.slept < world.leaves_at) return;
    sb_txn_rollback(world.leaves);
    world.leaves = NULL;
}

static void world_log(void *ctx, sb_log_level level, const char *message)
{
    (void)ctx;
    if (level != SB_LOG_WARNING) return;
    world.messages++;
    (void)snprintf(world.message, sizeof world.message, "%s", message);
}

/* vfs gets the test's clock. */
static sb_vfs *with_clock(sb_vfs *vfs)
{
    memset(&world, 0, sizeof world);
    world.ops = *vfs->ops;
    world.ops.monotonic_ns = world_now;
    world.ops.sleep_ns = world_sleep;
    vfs->ops = &world.ops;
    return vfs;
}

static void begin(fixture *f, sb_vfs *vfs, uint64_t busy_timeout_ns)
{
    fixture_options(f, vfs);
    f->options.durability = SB_DURABLE_NORMAL;
    f->options.autocheckpoint_pages = LIMIT;
    f->options.busy_timeout_ns = busy_timeout_ns;
    f->options.log = world_log;
    fixture_open(f, "t");
    CHECK(f, fixture_put(f, f->session, 1, 3, 0));
}

static void finish(fixture *f)
{
    fixture_close(f);
    sb_vfs_destroy(f->vfs);
}

static uint64_t wal_frames(const fixture *f)
{
    const uint64_t used = sb_mark_pos(atomic_load(&f->pager->shm->appended)) - SB_WAL_START;
    return used / (4096 / SB_WAL_UNIT + 1);
}

/* Commits of one page; the most frames that the WAL had. */
static uint64_t commit_many(fixture *f, unsigned count)
{
    uint64_t most = 0;
    for (unsigned i = 0; i < count; i++) {
        CHECK(f, fixture_put(f, f->session, 1, 1, i));
        if (wal_frames(f) > most) most = wal_frames(f);
    }
    return most;
}

static sb_session *begin_reading(fixture *f, sb_txn **txn)
{
    sb_session *session = NULL;
    CHECK(f, sb_session_open(f->pager, &session, &f->err));
    CHECK(f, sb_txn_begin_read(session, txn, &f->err));
    return session;
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* However slow the machine makes a short reader, up to a second: the WAL keeps to rule 4's number. */
static void test_slow_reader__is_waited_for(void **state)
{
    (void)state;
    fixture f;
    begin(&f, with_clock(fixture_memory()), 5ull * SECOND);
    for (unsigned round = 0; round < 5; round++) {
        commit_many(&f, round); /* it reads in the WAL, or the main file alone */
        sb_session *session = begin_reading(&f, &world.leaves);
        world.leaves_at = world.slept + SECOND * 9ull / 10;
        const uint64_t most = commit_many(&f, 100);
        assert_null(world.leaves);
        assert_true(most >= 3 * LIMIT); /* it was in the way */
        assert_true(most < 4 * LIMIT);
        sb_session_close(session);
    }
    assert_int_equal(world.messages, 0);
    finish(&f);
}

/* In all, a second for each snapshot and a glance of 5 ms now and then. */
static void test_slow_reader__once(void **state)
{
    (void)state;
    fixture f;
    sb_txn *txn = NULL;
    begin(&f, with_clock(fixture_memory()), 5ull * SECOND);
    for (unsigned round = 1; round <= 2; round++) {
        sb_session *session = begin_reading(&f, &txn);
        assert_true(commit_many(&f, 300) > 300);
        assert_true(world.slept >= (uint64_t)round * SECOND);
        assert_true(world.slept < (uint64_t)round * SECOND + SECOND / 10);
        sb_txn_rollback(txn);
        sb_session_close(session);
        commit_many(&f, LIMIT);
        assert_true(wal_frames(&f) <= LIMIT); /* the WAL began anew */
    }
    finish(&f);
}

static void test_slow_reader__not_past_busy_timeout(void **state)
{
    (void)state;
    fixture f;
    sb_txn *txn = NULL;
    begin(&f, with_clock(fixture_memory()), 0);
    sb_session *session = begin_reading(&f, &txn);
    assert_true(commit_many(&f, 100) > 100);
    assert_int_equal(world.slept, 0);
    sb_txn_rollback(txn);
    sb_session_close(session);
    finish(&f);
}

/* ---- Messages -------------------------------------------------------------------------------- */

static void test_slow_reader__is_told_once(void **state)
{
    (void)state;
    fixture f;
    sb_txn *txn = NULL;
    char told[160];
    begin(&f, with_clock(fixture_memory()), 5ull * SECOND);
    sb_session *session = begin_reading(&f, &txn);
    assert_in_range(commit_many(&f, 34), 3 * LIMIT, 4 * LIMIT);
    assert_int_equal(world.messages, 0); /* not longer than that yet */
    world.now += 60ull * SECOND;
    commit_many(&f, 10);
    assert_int_equal(world.messages, 1);
    (void)snprintf(told, sizeof told, "a reader in this process %llu (",
                   (unsigned long long)sb_os_process_id());
    assert_non_null(strstr(world.message, told));
    /* 35 commits of 70 units of the WAL, of which a page has 65 */
    assert_non_null(strstr(world.message, "open for at least 61 s, keeps 37 frames in the WAL, "
                                          "which is longer than 4 times autocheckpoint"));
    commit_many(&f, 100);
    assert_int_equal(world.messages, 1);
    /* The next snapshot is another one. */
    sb_txn_rollback(txn);
    CHECK(&f, sb_txn_begin_read(session, &txn, &f.err));
    commit_many(&f, 10 * LIMIT);
    assert_int_equal(world.messages, 2);
    sb_txn_rollback(txn);
    sb_session_close(session);
    finish(&f);
}

/* One that was never slow is not told of because another one has left a long WAL. */
static void test_slow_reader__short_ones_are_not_told(void **state)
{
    (void)state;
    fixture f;
    sb_txn *txn = NULL;
    begin(&f, with_clock(fixture_memory()), 0);
    sb_session *session = begin_reading(&f, &txn);
    commit_many(&f, 5 * LIMIT);
    for (unsigned i = 0; i < 50; i++) {
        sb_txn_rollback(txn);
        CHECK(&f, sb_txn_begin_read(session, &txn, &f.err));
        commit_many(&f, 1);
        world.now += SECOND / 10;
    }
    assert_true(wal_frames(&f) > 5 * LIMIT);
    assert_int_equal(world.messages, 0);
    sb_txn_rollback(txn);
    sb_session_close(session);
    finish(&f);
}

static void test_slow_reader__of_another_process(void **state)
{
    (void)state;
    fixture f;
    sb_vfs *vfs = NULL;
    char told[160];
    assert_int_equal(sb_vfs_posix_create(&sb_allocator_libc, &vfs, NULL), SB_OK);
    (void)unlink("t");
    (void)unlink("t-wal");
    (void)unlink("t-shm");
    begin(&f, with_clock(vfs), 5ull * SECOND);
    const pid_t pid = child_in_transaction("t", &f.options, false);
    commit_many(&f, 6 * LIMIT);
    child_end(pid);
    assert_int_equal(world.messages, 1);
    (void)snprintf(told, sizeof told, "a reader in process %d (", (int)pid);
    assert_non_null(strstr(world.message, told));
    commit_many(&f, LIMIT);
    assert_true(wal_frames(&f) <= LIMIT); /* the dead hold nothing */
    finish(&f);
}

/* A commit is acknowledged though the checkpoint that it started fails; the log tells of that. */
static void test_slow_reader__failed_checkpoint(void **state)
{
    (void)state;
    for (unsigned before = 0; before < 2; before++) {
        fixture f;
        sb_vfs *memory = with_clock(fixture_memory()), *vfs = NULL;
        assert_int_equal(sb_vfs_fault_create(&sb_allocator_libc, memory, &vfs, NULL), SB_OK);
        begin(&f, vfs, 0);
        sb_vfs_fault *fault = sb_vfs_fault_state(vfs);
        sb_pager_set_autocheckpoint(f.pager, 0);
        commit_many(&f, 5 * LIMIT);
        fault->kinds = SB_IO_WRITE;
        fault->status = SB_IO;
        if (before == 0) { /* the automatic one: the commit's own write comes first */
            fault->fail_at = fault->calls + 2;
            fault->persistent = true;
            sb_pager_set_autocheckpoint(f.pager, 2 * 5 * LIMIT / 3); /* less than half of the WAL */
        } else { /* the writer's, which finds the WAL too long */
            fault->fail_at = fault->calls + 1;
            sb_pager_set_autocheckpoint(f.pager, LIMIT);
        }
        CHECK(&f, fixture_put(&f, f.session, 1, 1, 77));
        assert_int_equal(world.messages, 1);
        assert_true(strncmp(world.message,
                            before == 0 ? "automatic checkpoint: " : "checkpoint before a write: ",
                            before == 0 ? 22 : 27) == 0);
        assert_int_equal(fault->failed, 1);
        fault->fail_at = 0;
        assert_true(fixture_reads(&f, f.session, 1, 1, 77));
        finish(&f);
        sb_vfs_destroy(memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_slow_reader__is_waited_for),           TEST(test_slow_reader__once),
        TEST(test_slow_reader__not_past_busy_timeout),   TEST(test_slow_reader__is_told_once),
        TEST(test_slow_reader__short_ones_are_not_told), TEST(test_slow_reader__of_another_process),
        TEST(test_slow_reader__failed_checkpoint),
    };
    return cmocka_run_group_tests_name("pager_slow_reader", tests, NULL, NULL);
}
