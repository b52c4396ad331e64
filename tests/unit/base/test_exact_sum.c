/* Goal: the sum of doubles is exact and rounded once, in whatever order and parts they are added. Method: sums known by hand at the edges
 * of the format; random values with 128-bit integers as the oracle; random values of all magnitudes in two orders and in merged parts,
 * which must agree to the bit; an arena that gives nothing. */
#include "base/exact_sum.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/random.h"
#include "support/unit.h"

enum { MOST = 400 };

static double sum_of(const double *values, size_t count)
{
    sb_arena *arena = sb_arena_create(&sb_allocator_libc, NULL);
    sb_exact_sum sum = {.high = 0};

    assert_non_null(arena);
    for (size_t i = 0; i < count; i++)
        assert_true(sb_exact_sum_add(&sum, arena, values[i]));
    const double value = sb_exact_sum_value(&sum);
    sb_arena_destroy(arena);
    return value;
}

/* In parts of this many values, merged from the last to the first. */
static double sum_of_parts(const double *values, size_t count, size_t part)
{
    sb_arena *arena = sb_arena_create(&sb_allocator_libc, NULL);
    sb_exact_sum sum = {.high = 0};

    assert_non_null(arena);
    for (size_t end = count; end != 0;) {
        const size_t begin = end < part ? 0 : end - part;
        sb_exact_sum one = {.high = 0};
        for (size_t i = begin; i < end; i++)
            assert_true(sb_exact_sum_add(&one, arena, values[i]));
        assert_true(sb_exact_sum_merge(&sum, arena, &one));
        end = begin;
    }
    const double value = sb_exact_sum_value(&sum);
    sb_arena_destroy(arena);
    return value;
}

/* The mean of numbers whose sum no double holds. */
static void test_exact_sum__mean(void **state)
{
    sb_arena *arena = sb_arena_create(&sb_allocator_libc, NULL);
    sb_exact_sum sum = {.high = 0}, plain = {.high = 0};

    (void)state;
    assert_non_null(arena);
    for (int i = 0; i < 1000; i++)
        assert_true(sb_exact_sum_add(&sum, arena, i % 2 == 0 ? DBL_MAX : DBL_MAX / 2));
    assert_true(sb_exact_sum_value(&sum) > DBL_MAX);
    assert_true(sb_exact_sum_mean(&sum, 1000) == DBL_MAX / 4 * 3);
    assert_true(sb_exact_sum_add(&plain, arena, 3.0));
    assert_true(sb_exact_sum_mean(&plain, 2) == 1.5);
    assert_true(sb_exact_sum_add(&sum, arena, (double)INFINITY));
    assert_true(sb_exact_sum_mean(&sum, 1001) > DBL_MAX);
    sb_arena_destroy(arena);
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void test_exact_sum__edges(void **state)
{
    static const struct {
        double values[6], sum;
    } cases[] = {
        {{0}, 0.0},
        {{-0.0}, 0.0},
        {{1e100, 1.0, -1e100}, 1.0},
        {{1e308, 1e308, -1e308}, 1e308},
        {{DBL_MAX, DBL_MAX, -DBL_MAX, -DBL_MAX, 5e-324}, 5e-324},
        {{DBL_MAX, DBL_MAX}, (double)INFINITY},
        {{-DBL_MAX, -DBL_MAX}, -(double)INFINITY},
        {{1.0, 0x1p-53}, 1.0},                      /* half way, to even */
        {{1.0, 0x1p-53, 0x1p-1074}, 1.0 + 0x1p-52}, /* a little more than half */
        {{1.0 + 0x1p-52, 0x1p-53}, 1.0 + 0x1p-51},  /* half way, to even, upwards */
        {{-1.0, -0x1p-53, -0x1p-1074}, -1.0 - 0x1p-52},
        {{1.0, -0x1p-54, -0x1p-1074}, 1.0 - 0x1p-53},
        {{0x1p-1074, 0x1p-1074, 1e300, -1e300}, 0x1p-1073},
        {{0x1p-1022, -0x1p-1074, 1e300, -1e300}, 0x1p-1022 - 0x1p-1074},
        {{(double)INFINITY, -1.0, 1e308}, (double)INFINITY},
        {{0x1p1023, 0x1p1023, -0x1p971}, DBL_MAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!same_bits(sum_of(cases[i].values, 6), cases[i].sum))
            fail_msg("case %zu: %a, not %a", i, sum_of(cases[i].values, 6), cases[i].sum);
        for (size_t part = 1; part <= 6; part++)
            assert_true(same_bits(sum_of_parts(cases[i].values, 6, part), cases[i].sum));
    }
    const double none[] = {(double)INFINITY, -(double)INFINITY},
                 nan[] = {1.0, (double)NAN, (double)INFINITY};
    assert_true(isnan(sum_of(none, 2)) && isnan(sum_of(nan, 3)));
    assert_true(isnan(sum_of_parts(none, 2, 1)) && isnan(sum_of_parts(nan, 3, 1)));
}

static void test_exact_sum__integers(void **state)
{
    sb_random random = test_random(31);
    double values[MOST];

    (void)state;
    for (int round = 0; round < 2000; round++) {
        const size_t count = 1 + (size_t)sb_random_below(&random, MOST);
        const unsigned spread = 1 + (unsigned)sb_random_below(&random, 60);
        sb_i128 exact = 0;
        for (size_t i = 0; i < count; i++) {
            const int64_t mantissa = (int64_t)(sb_random_next(&random) >> 11) - (INT64_C(1) << 52);
            const unsigned shift = (unsigned)sb_random_below(&random, spread);
            values[i] = ldexp((double)mantissa, (int)shift);
            exact += (sb_i128)mantissa * ((sb_i128)1 << shift);
        }
        if (!same_bits(sum_of(values, count), (double)exact))
            fail_msg("%a, not %a", sum_of(values, count), (double)exact);
    }
}

static void test_exact_sum__order_and_parts(void **state)
{
    sb_random random = test_random(32);
    double values[MOST], turned[MOST];

    (void)state;
    for (int round = 0; round < 1000; round++) {
        const size_t count = 1 + (size_t)sb_random_below(&random, MOST);
        const bool wide = sb_random_below(&random, 2) != 0;
        for (size_t i = 0; i < count; i++) {
            const uint64_t bits = sb_random_next(&random);
            memcpy(&values[i], &bits, sizeof bits);
            if (!isfinite(values[i])) values[i] = 0.1;
            if (!wide) values[i] = (double)(bits % 1000000) / 100.0 - 5000.0;
            turned[count - 1 - i] = values[i];
        }
        const double sum = sum_of(values, count);
        assert_true(same_bits(sum, sum_of(turned, count)));
        assert_true(same_bits(sum, sum_of_parts(values, count, 1)));
        assert_true(same_bits(sum, sum_of_parts(values, count, 7)));
        assert_true(same_bits(sum, sum_of_parts(values, count, count)));
    }
}

static void test_exact_sum__no_memory(void **state)
{
    sb_counting_allocator counting;
    sb_exact_sum sum = {.high = 0}, other = {.high = 0};

    (void)state;
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    sb_arena *arena = sb_arena_create(&counting.base, NULL);
    assert_non_null(arena);
    assert_true(sb_exact_sum_add(&sum, arena, 1e300));
    assert_true(sb_exact_sum_add(&sum, arena, 1.0)); /* two doubles hold it */
    assert_null(sum.digits);
    assert_true(sb_exact_sum_add(&other, arena, 1e-300));
    atomic_store(&counting.fail_persistent, true);
    atomic_store(&counting.fail_at, atomic_load(&counting.alloc_count) + 1);
    sb_exact_sum again = sum;
    assert_false(sb_exact_sum_add(&again, arena, 1e-300));
    assert_false(sb_exact_sum_merge(&sum, arena, &other));
    sb_arena_destroy(arena);
    assert_int_equal(atomic_load(&counting.live_blocks), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_sum__edges),
        cmocka_unit_test(test_exact_sum__mean),
        cmocka_unit_test(test_exact_sum__integers),
        cmocka_unit_test(test_exact_sum__order_and_parts),
        cmocka_unit_test(test_exact_sum__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
