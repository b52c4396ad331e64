/* test_slow_reader.c — what a reader that stays on an old state costs: the writer's wait for it, once (checkpoint.c I26, DESIGN §9 rule 4).
 * The clock is the test's: it moves only while somebody sleeps, so waiting is counted, not timed. */
#include "pager_fixture.h"

#include "pager/pager_priv.h"

#define LIMIT  10u /* pages: autocheckpoint */
#define SECOND 1000000000u

static struct {
    sb_vfs_ops ops;
    uint64_t now, slept;
    sb_txn *leaves; /* a reader that ends its transaction at leaves_at */
    uint64_t leaves_at;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_slow_reader__is_waited_for),
        TEST(test_slow_reader__once),
        TEST(test_slow_reader__not_past_busy_timeout),
    };
    return cmocka_run_group_tests_name("pager_slow_reader", tests, NULL, NULL);
}
