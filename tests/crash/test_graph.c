/* test_graph.c — a sample of power cuts under a graph; crash_sweep runs as many as wanted. */
#include "support/unit.h"

#include "graph_cut.h"

static void sample(sombra_durability durability, unsigned cuts, uint64_t fallback_seed)
{
    sb_random random = test_random(fallback_seed);
    uint8_t digests[GRAPH_CUT_STEPS + 1][16];
    graph_cut_case c = {.seed = random.state, .durability = durability};
    uint64_t events = 0, ignored = 0;
    sb_err err;

    sb_err_clear(&err);
    if (graph_cut_try(&c, digests, &events, &err) != SB_OK) fail_msg("no cut: %s", err.text);
    for (unsigned i = 0; i < cuts; i++) {
        c.cut = 1 + sb_random_below(&random, events);
        c.mode = (sb_crash_mode)sb_random_below(&random, 3);
        c.outcome_seed = sb_random_next(&random);
        if (graph_cut_try(&c, digests, &ignored, &err) != SB_OK)
            fail_msg("seed %llu, cut %llu, mode %d, outcome %llu: %s", (unsigned long long)c.seed,
                     (unsigned long long)c.cut, (int)c.mode, (unsigned long long)c.outcome_seed,
                     err.text);
    }
}

static void test_graph_cut__full(void **state)
{
    (void)state;
    sample(SOMBRA_DURABLE_FULL, 40, 21);
}

static void test_graph_cut__normal(void **state)
{
    (void)state;
    sample(SOMBRA_DURABLE_NORMAL, 40, 22);
}

/* Files that were made under another name are there when the call has returned: backup, vacuum into a file, recovery. */
static void test_graph_cut__files_made(void **state)
{
    (void)state;
    static const char *const names[] = {"backup", "vacuumed", "recovered"};
    const graph_cut_case c = {.seed = 25, .durability = SOMBRA_DURABLE_FULL};
    uint8_t digest[16], found[16];
    sb_vfs *vfs = NULL, *after = NULL;
    graph_cut_run r;
    sombra_txn *txn = NULL;
    sombra_error error;

    assert_int_equal(sb_vfs_crash_create(&sb_allocator_libc, &vfs, NULL), SB_OK);
    graph_cut_begin(&r, &c, vfs, NULL, false);
    assert_int_equal(graph_cut_open(&r), SOMBRA_OK);
    assert_int_equal(graph_cut_say(&r, "UNWIND range(1, 900) AS i CREATE (:P {id: i})-[:R]->(:Q)"),
                     SOMBRA_OK);
    assert_int_equal(graph_cut_digest(&r, digest), SOMBRA_OK);
    assert_int_equal(sombra_begin(r.conn, SOMBRA_READ, &txn), SOMBRA_OK);
    assert_int_equal(sombra_backup(txn, "backup"), SOMBRA_OK);
    sombra_rollback(txn);
    assert_int_equal(sombra_vacuum(r.conn, "vacuumed"), SOMBRA_OK);
    assert_int_equal(graph_cut_close(&r), SOMBRA_OK);
    assert_int_equal(
        sombra__recover("g", "recovered", &r.options, &r.base, NULL, NULL, NULL, &error),
        SOMBRA_OK);
    assert_int_equal(sb_vfs_crash_reboot(vfs, SB_CRASH_LOSE_ALL, 1, &after, NULL), SB_OK);
    r.base.vfs = after;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(graph_cut_open_file(&r, names[i]), SOMBRA_OK);
        assert_int_equal(graph_cut_digest(&r, found), SOMBRA_OK);
        assert_memory_equal(found, digest, sizeof digest);
        assert_int_equal(graph_cut_close(&r), SOMBRA_OK);
    }
    sb_vfs_destroy(after);
    sb_vfs_destroy(vfs);
}

static void test_graph_cut__changing_levels(void **state)
{
    (void)state;
    sample(GRAPH_CUT_CHANGES, 20, 23);
    sample(GRAPH_CUT_CHANGES, 20, 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_graph_cut__full),
        TEST(test_graph_cut__normal),
        TEST(test_graph_cut__changing_levels),
        TEST(test_graph_cut__files_made),
    };
    return cmocka_run_group_tests_name("graph_cut", tests, NULL, NULL);
}
