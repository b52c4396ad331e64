/* test_wal_space.c — the WAL's space is written before commits need it (wal.c, extend_ahead).
 * Method: commits follow one another without a pause, and none may make the file longer by its own frames. */
#include "pager_fixture.h"

#include "pager/pager_priv.h"

/* Commits until so much of the WAL is used: how often the file grew, and the least that was left behind a commit. */
static unsigned fill_wal(fixture *f, uint64_t bytes, uint64_t *least_left)
{
    sb_pager_info info;
    uint64_t length = 0;
    unsigned grown = 0;

    *least_left = UINT64_MAX;
    for (uint32_t version = 1; length == 0 || info.wal_used_bytes < bytes; version++) {
        CHECK(f, fixture_put(f, f->session, 1, 1, version));
        CHECK(f, sb_pager_get_info(f->pager, &info, &f->err));
        const uint64_t left = info.wal_bytes - SB_WAL_HEADER_BYTES - info.wal_used_bytes;
        if (left < *least_left) *least_left = left;
        grown += length != 0 && info.wal_bytes != length;
        length = info.wal_bytes;
    }
    return grown;
}

static void test_pager_wal_space__ahead_of_commits(void **state)
{
    (void)state;
    for (unsigned thread = 0; thread < 2; thread++) {
        fixture f;
        uint64_t left;
        fixture_options(&f, fixture_memory());
        f.options.checkpoint_thread = thread == 1;
        fixture_open(&f, "x");
        const unsigned grown = fill_wal(&f, 8u << 20, &left);
        assert_true(left > (240u << 10)); /* 256 KiB less one commit */
        assert_int_equal(grown, 5);       /* 1 MiB to 2, 4, 6, 8 and 10 */
        fixture_close(&f);
        sb_vfs_destroy(f.vfs);
    }
}

/* Who does not sync each commit needs no space written before. */
static void test_pager_wal_space__not_without_syncs(void **state)
{
    fixture f;
    uint64_t left;
    (void)state;
    fixture_options(&f, fixture_memory());
    f.options.durability = SB_DURABLE_NORMAL;
    fixture_open(&f, "x");
    (void)fill_wal(&f, 2u << 20, &left);
    assert_int_equal(left, 0);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* After the WAL was cut to nothing, the next commit writes its space anew. */
static void test_pager_wal_space__after_truncation(void **state)
{
    fixture f;
    sb_pager_info info;
    (void)state;
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 1, 1));
    CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_TRUNCATE, NULL, &f.err));
    CHECK(&f, sb_pager_get_info(f.pager, &info, &f.err));
    assert_int_equal(info.wal_bytes, 0);
    CHECK(&f, fixture_put(&f, f.session, 1, 1, 2));
    CHECK(&f, sb_pager_get_info(f.pager, &info, &f.err));
    assert_int_equal(info.wal_bytes, 1u << 20);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pager_wal_space__ahead_of_commits),
        cmocka_unit_test(test_pager_wal_space__not_without_syncs),
        cmocka_unit_test(test_pager_wal_space__after_truncation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
