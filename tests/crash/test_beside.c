/* test_beside.c — a sample of power cuts and failing syncs beside each other; crash_beside runs as many as wanted. */
#include "support/unit.h"

#include "beside_cut.h"

static void sample(uint64_t fail_one_in, uint64_t fallback_seed)
{
    sb_random random = test_random(fallback_seed);
    beside_counts counts = {0};

#ifdef __SANITIZE_THREAD__
    skip(); /* it looks at what a thread has written that sleeps, which that sanitizer does not take for an order */
#endif
    for (unsigned i = 0; i < 4; i++) {
        const uint64_t seed = sb_random_next(&random);
        sb_err err;

        sb_err_clear(&err);
        if (beside_try(seed, fail_one_in, &counts, &err) != SB_OK)
            fail_msg("seed %llu: %s", (unsigned long long)seed, err.text);
    }
    assert_true(counts.checks > 100 && counts.beside > 5);
    assert_true((counts.failed_syncs != 0) == (fail_one_in != 0));
}

static void test_beside__power_cuts(void **state)
{
    (void)state;
    sample(0, 61);
}
static void test_beside__failing_syncs(void **state)
{
    (void)state;
    sample(12, 62);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_beside__power_cuts),
                                       TEST(test_beside__failing_syncs)};
    return cmocka_run_group_tests_name("beside", tests, NULL, NULL);
}
