/* Goal: counters by name, snapshots. */
#include "base/profile.h"

#include "support/unit.h"

static void test_base_profile__names(void **state)
{
    (void)state;
    assert_string_equal(sb_counter_name(SB_COUNT_PAGES_READ), "pages_read");
    assert_string_equal(sb_counter_name((sb_counter)9999), "unknown");
    for (unsigned i = 0; i < SB_COUNTER_KINDS; i++) {
        assert_non_null(sb_counter_name((sb_counter)i));
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(sb_counter_name((sb_counter)i), sb_counter_name((sb_counter)j));
        }
    }
}

static uint64_t ticking_clock(void *ctx)
{
    uint64_t *ticks = ctx;
    return *ticks += 10;
}

static void test_base_profile__counts_only_while_on(void **state)
{
    (void)state;
    static sb_profile profile;
    uint64_t out[SB_COUNTER_KINDS];
    uint64_t ticks = 0;
    profile.clock_ns = ticking_clock;
    profile.clock_ctx = &ticks;

    for (int on = 0; on < 2; on++) {
        profile.on = on == 1;
        SB_PROFILE_ADD(&profile, PAGES_READ, 3);
        SB_PROFILE_ADD(&profile, PAGES_READ, 4);
        const uint64_t started = SB_PROFILE_START(&profile);
        SB_PROFILE_STOP(&profile, COMMIT_NS, started);
        sb_profile_read(&profile, false, out);
#ifdef SOMBRA_NO_PROFILE
        const uint64_t expected = 0;
#else
        const uint64_t expected = (uint64_t)on;
#endif
        assert_true(out[SB_COUNT_PAGES_READ] == 7 * expected);
        assert_true(out[SB_COUNT_COMMIT_NS] == 10 * expected);
        assert_true(ticks == 20 * expected); /* off reads no clock */
        assert_true(out[SB_COUNT_WAL_BYTES] == 0);
    }
    sb_profile_read(&profile, true, out);
    sb_profile_read(&profile, false, out);
    for (size_t i = 0; i < SB_COUNTER_KINDS; i++)
        assert_true(out[i] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_base_profile__names),
        TEST(test_base_profile__counts_only_while_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
