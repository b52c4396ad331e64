/* test_model.c — random transactions against a plain model: commits, rollbacks, savepoints, spilling, bypassing,
 * free pages, checkpoints of all kinds, reopening, old snapshots; mapped and through an 8-frame cache;
 * in each durability. The model is in support/pager_model.h. */
#include "support/unit.h"

#include "support/pager_model.h"

typedef struct setup {
    sb_durability durability;
    sb_read_mode read_mode;
    bool thread;
    uint32_t page_bytes, autocheckpoint;
} setup;

#define CHECK(expr)                                                                                \
    do {                                                                                           \
        const sb_status check_status = (expr);                                                     \
        if (check_status != SB_OK) fail_msg("%s: %s (%d)", #expr, err.text, check_status);         \
    } while (0)

static void run(const setup *s, uint64_t fallback_seed, unsigned steps)
{
    static sb_profile profile;
    sb_err err;
    sb_vfs *vfs = NULL;
    sb_pager *pager = NULL;
    sb_session *writer = NULL, *reader = NULL;
    sb_txn *old = NULL;
    uint64_t old_seq = 0;
    model m;
    sb_counting_allocator alloc;
    sb_random seed = test_random(fallback_seed);
    model_init(&m, seed.state);
    sb_err_clear(&err);
    sb_counting_allocator_init(&alloc, &sb_allocator_libc);
    CHECK(sb_vfs_mem_create(&sb_allocator_libc, &vfs, &err));
    sb_pager_options options;
    sb_pager_options_init(&options);
    options.alloc = &alloc.base;
    options.vfs = vfs;
    options.profile = &profile;
    options.page_bytes = s->page_bytes;
    options.durability = s->durability;
    options.read_mode = s->read_mode;
    options.cache_pages = 8;
    options.checkpoint_thread = s->thread;
    options.autocheckpoint_pages = s->autocheckpoint;
    options.txn_memory_bytes = 16 * (uint64_t)s->page_bytes;
    options.busy_timeout_ns = 20000000;
    options.check = model_check;
    for (unsigned step = 0; step < steps; step++) {
        if (pager == NULL) {
            CHECK(sb_pager_open("m", &options, &pager, &err));
            CHECK(sb_session_open(pager, &writer, &err));
            CHECK(sb_session_open(pager, &reader, &err));
        }
        sb_status st = model_step(&m, pager, writer, &err);
        /* Checkpoints that wait for the old snapshot may give up. */
        if (st == SB_BUSY && old != NULL) {
            sb_err_clear(&err);
            st = SB_OK;
        }
        CHECK(st);
        const uint64_t dice = sb_random_below(&m.random, 16);
        if (dice == 0 && old == NULL) {
            CHECK(sb_txn_begin_read(reader, &old, &err));
            old_seq = sb_txn_seq(old);
            assert_int_equal(old_seq, m.committed);
        } else if (old != NULL && dice < 6) {
            bool same = false;
            CHECK(model_compare(old, &m.history[old_seq], &same, &err));
            assert_true(same);
            if (dice < 3) {
                sb_txn_rollback(old);
                old = NULL;
            }
        } else if (old == NULL && dice == 15) {
            sb_txn *txn = NULL;
            CHECK(sb_txn_begin_read(reader, &txn, &err));
            assert_int_equal(sb_txn_seq(txn), m.committed);
            CHECK(model_verify(txn, &m.history[m.committed], &err));
            sb_txn_rollback(txn);
            if (sb_random_below(&m.random, 3) != 0) continue;
            sb_session_close(writer);
            sb_session_close(reader);
            CHECK(sb_pager_close(pager, &err));
            pager = NULL;
            bool exists = true;
            CHECK(vfs->ops->exists(vfs, "m-wal", &exists, &err));
            assert_false(exists);
        }
    }
    sb_txn_rollback(old);
    if (pager != NULL) {
        sb_session_close(writer);
        sb_session_close(reader);
        CHECK(sb_pager_close(pager, &err));
    }
    CHECK(sb_pager_open("m", &options, &pager, &err));
    CHECK(sb_session_open(pager, &reader, &err));
    CHECK(sb_txn_begin_read(reader, &old, &err));
    assert_int_equal(sb_txn_seq(old), m.committed);
    assert_true(m.committed > steps / 2);
    CHECK(model_verify(old, &m.history[m.committed], &err));
    sb_txn_rollback(old);
    sb_session_close(reader);
    CHECK(sb_pager_close(pager, &err));
    sb_vfs_destroy(vfs);
    model_deinit(&m);
    assert_int_equal(alloc.live_blocks, 0);
}

static void test_pager_model__full(void **state)
{
    (void)state;
    run(&(setup){SB_DURABLE_FULL, SB_READ_MAP, false, 4096, 0}, 1, 400);
}
static void test_pager_model__automatic_checkpoints(void **state)
{
    (void)state;
    run(&(setup){SB_DURABLE_FULL, SB_READ_MAP, false, 4096, 20}, 2, 400);
    run(&(setup){SB_DURABLE_NORMAL, SB_READ_MAP, true, 4096, 20}, 3, 400);
}
static void test_pager_model__small_cache(void **state)
{
    (void)state;
    run(&(setup){SB_DURABLE_FULL, SB_READ_CACHE, false, 4096, 30}, 4, 400);
    run(&(setup){SB_DURABLE_OFF, SB_READ_CACHE, true, 4096, 10}, 5, 400);
}
static void test_pager_model__large_pages(void **state)
{
    (void)state;
    run(&(setup){SB_DURABLE_OFF, SB_READ_MAP, false, 65536, 40}, 6, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_model__full),
        TEST(test_pager_model__automatic_checkpoints),
        TEST(test_pager_model__small_cache),
        TEST(test_pager_model__large_pages),
    };
    return cmocka_run_group_tests_name("pager_model", tests, NULL, NULL);
}
