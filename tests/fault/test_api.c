/* test_api.c — a sample of the fault sweep of sombra.h; api_sweep is the whole. */
#include "support/unit.h"

#include "api_sweep.h"

/* Under sanitizers each fault takes seven times as long: every second of them. */
#define THINNED (SB_SANITIZED_MEMORY ? 2u : 1u)

static void sample(size_t way, uint64_t stride)
{
    sb_random random = test_random(11 + way);
    sweep_counts counts = {0};
    sweep_base base;
    assert_int_equal(sweep_prepare(&base), SOMBRA_OK);
    sweep_all(&sweep_ways[way], NULL, &base, &random, stride, &counts);
    sweep_free(&base);
    printf("%llu faults, %llu told\n", (unsigned long long)counts.runs,
           (unsigned long long)counts.seen);
    assert_int_equal(counts.failures, 0);
    assert_true(counts.runs > 200 && counts.seen > counts.runs / 2);
}

static void test_fault_api__full(void **state)
{
    (void)state;
    sample(0, 7 * THINNED);
}
static void test_fault_api__normal_cached(void **state)
{
    (void)state;
    sample(1, 14 * THINNED);
}
static void test_fault_api__off(void **state)
{
    (void)state;
    sample(2, 28);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fault_api__full),
        TEST(test_fault_api__normal_cached),
        TEST(test_fault_api__off),
    };
    return cmocka_run_group_tests_name("fault_api", tests, NULL, NULL);
}
