/* test_pager.c — a sample of power cuts under the pager; crash_sweep runs as many as wanted. */
#include "support/unit.h"

#include "pager_cut.h"

static void sample(sb_durability durability, unsigned cuts, unsigned modes, uint64_t fallback_seed)
{
    sb_random random = test_random(fallback_seed);
    sb_err err;
    uint64_t events = 0, ignored = 0;
    cut_case c = {.seed = random.state, .durability = durability};
    sb_err_clear(&err);
    assert_int_equal(cut_run(&c, &events, &err), SB_OK);
    for (unsigned i = 0; i < cuts; i++) {
        c.cut = 1 + sb_random_below(&random, events);
        c.mode = (sb_crash_mode)sb_random_below(&random, modes);
        c.outcome_seed = sb_random_next(&random);
        if (cut_run(&c, &ignored, &err) != SB_OK)
            fail_msg("seed %llu, cut %llu, %s, outcome %llu: %s", (unsigned long long)c.seed,
                     (unsigned long long)c.cut, cut_mode_name(c.mode),
                     (unsigned long long)c.outcome_seed, err.text);
    }
}

static void test_pager_cut__full(void **state)
{
    (void)state;
    sample(SB_DURABLE_FULL, 150, 3, 11);
}
static void test_pager_cut__normal(void **state)
{
    (void)state;
    sample(SB_DURABLE_NORMAL, 150, 3, 12);
}
static void test_pager_cut__changing_levels(void **state)
{
    (void)state;
    for (uint64_t seed = 14; seed < 17; seed++)
        sample(CUT_CHANGES, 60, 3, seed);
}
/* off promises nothing after a power cut, but that what was written is there if it happens to survive. */
static void test_pager_cut__off_keeps_what_survives(void **state)
{
    (void)state;
    sb_err err;
    uint64_t events = 0, ignored = 0;
    cut_case c = {.seed = 13, .durability = SB_DURABLE_OFF, .mode = SB_CRASH_KEEP_ALL};
    sb_err_clear(&err);
    assert_int_equal(cut_run(&c, &events, &err), SB_OK);
    for (c.cut = 1; c.cut < events; c.cut += 3)
        if (cut_run(&c, &ignored, &err) != SB_OK)
            fail_msg("cut %llu: %s", (unsigned long long)c.cut, err.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_cut__full),
        TEST(test_pager_cut__normal),
        TEST(test_pager_cut__changing_levels),
        TEST(test_pager_cut__off_keeps_what_survives),
    };
    return cmocka_run_group_tests_name("pager_cut", tests, NULL, NULL);
}
