/* Goal: the allocators keep their books, and fail exactly when told to. Method: small scripts of
 * calls against expected counters; threads on one counting allocator. */
#include "base/alloc.h"

#include <pthread.h>

#include "support/unit.h"

static void test_base_alloc__zero_bytes_is_a_block(void **state)
{
    (void)state;
    void *a = sb_alloc(&sb_allocator_libc, 0);
    void *b = sb_alloc(&sb_allocator_libc, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    sb_free(&sb_allocator_libc, a, 0);
    sb_free(&sb_allocator_libc, b, 0);
    sb_free(&sb_allocator_libc, NULL, 0);
}

static void test_base_alloc__sizes_are_checked(void **state)
{
    (void)state;
    size_t out = 7;
    assert_false(sb_mul_size(SIZE_MAX, 2, &out));
    assert_false(sb_add_size(SIZE_MAX, 1, &out));
    assert_int_equal(out, 7);
    assert_true(sb_mul_size(6, 7, &out));
    assert_int_equal(out, 42);
    assert_true(sb_add_size(SIZE_MAX - 1, 1, &out));
    assert_true(out == SIZE_MAX);
    assert_null(sb_alloc_array(&sb_allocator_libc, SIZE_MAX / 8, 16));
}

static void test_base_alloc__zeroed_and_resized(void **state)
{
    (void)state;
    uint8_t *p = sb_alloc_zero(&sb_allocator_libc, 100);
    assert_non_null(p);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    memset(p, 9, 100);
    p = sb_resize(&sb_allocator_libc, p, 100, 1000);
    assert_non_null(p);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(p[i], 9);
    sb_free(&sb_allocator_libc, p, 1000);
    p = sb_resize(&sb_allocator_libc, NULL, 0, 10);
    assert_non_null(p);
    sb_free(&sb_allocator_libc, p, 10);
}

static void test_base_alloc__books_are_kept(void **state)
{
    (void)state;
    sb_counting_allocator counting;
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    const sb_allocator *alloc = &counting.base;

    void *a = sb_alloc(alloc, 100);
    void *b = sb_alloc_array(alloc, 10, 5);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(counting.live_bytes, 150);
    assert_int_equal(counting.live_blocks, 2);
    assert_int_equal(counting.alloc_count, 2);
    a = sb_resize(alloc, a, 100, 300);
    assert_non_null(a);
    assert_int_equal(counting.live_bytes, 350);
    assert_int_equal(counting.alloc_count, 3);
    a = sb_resize(alloc, a, 300, 20);
    assert_non_null(a);
    assert_int_equal(counting.live_bytes, 70);
    assert_int_equal(counting.alloc_count, 3); /* shrinking is no allocation */
    assert_int_equal(counting.peak_bytes, 350);
    sb_free(alloc, a, 20);
    sb_free(alloc, b, 50);
    assert_int_equal(counting.live_bytes, 0);
    assert_int_equal(counting.live_blocks, 0);
}

static void test_base_alloc__limit_holds(void **state)
{
    (void)state;
    sb_counting_allocator counting;
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    counting.limit_bytes = 100;

    void *a = sb_alloc(&counting.base, 60);
    assert_non_null(a);
    assert_null(sb_alloc(&counting.base, 41));
    assert_null(sb_alloc(&counting.base, SIZE_MAX - 10)); /* the sum wraps around */
    assert_null(sb_resize(&counting.base, a, 60, 101));
    assert_int_equal(counting.live_bytes, 60);
    assert_int_equal(counting.live_blocks, 1);
    a = sb_resize(&counting.base, a, 60, 100);
    assert_non_null(a);
    sb_free(&counting.base, a, 100);
    assert_int_equal(counting.live_bytes, 0);
}

static unsigned limits_found;

static size_t find_hundred(void)
{
    limits_found++;
    return 100;
}

static void test_base_alloc__limit_is_found_when_it_matters(void **state)
{
    (void)state;
    sb_counting_allocator counting;
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    assert_int_equal(sb_counting_allocator_limit(&counting), 0);
    limits_found = 0;
    sb_counting_allocator_limit_later(&counting, 50, find_hundred);
    void *a = sb_alloc(&counting.base, 50);
    assert_non_null(a);
    assert_int_equal(limits_found, 0);
    void *b = sb_alloc(&counting.base, 50);
    assert_non_null(b);
    assert_int_equal(limits_found, 1);
    assert_null(sb_alloc(&counting.base, 1));
    assert_int_equal(sb_counting_allocator_limit(&counting), 100);
    assert_int_equal(limits_found, 1);
    sb_free(&counting.base, a, 50);
    sb_free(&counting.base, b, 50);
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    sb_counting_allocator_limit_later(&counting, 50, find_hundred);
    assert_int_equal(sb_counting_allocator_limit(&counting), 100); /* somebody asks */
    assert_int_equal(limits_found, 2);
}

static void test_base_alloc__fails_when_told(void **state)
{
    (void)state;
    for (int persistent = 0; persistent < 2; persistent++) {
        sb_counting_allocator counting;
        sb_counting_allocator_init(&counting, &sb_allocator_libc);
        counting.fail_at = 3;
        counting.fail_persistent = persistent == 1;
        bool got[6];
        for (size_t i = 0; i < 6; i++) {
            void *p = sb_alloc(&counting.base, 8);
            got[i] = p != NULL;
            sb_free(&counting.base, p, 8);
        }
        assert_true(got[0] && got[1]);
        assert_false(got[2]);
        for (size_t i = 3; i < 6; i++)
            assert_int_equal(got[i], persistent == 0);
        assert_int_equal(counting.live_bytes, 0);
    }
}

static void *churn(void *ctx)
{
    const sb_allocator *alloc = ctx;
    for (size_t i = 0; i < 20000; i++) {
        const size_t bytes = i % 97;
        void *p = sb_alloc(alloc, bytes);
        sb_free(alloc, p, bytes);
    }
    return NULL;
}

static void test_base_alloc__counters_survive_threads(void **state)
{
    (void)state;
    sb_counting_allocator counting;
    pthread_t threads[4];
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &counting.base), 0);
    }
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(counting.alloc_count, 80000);
    assert_int_equal(counting.live_bytes, 0);
    assert_int_equal(counting.live_blocks, 0);
    assert_in_range(counting.peak_bytes, 1, 4 * 97);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_base_alloc__zero_bytes_is_a_block),
        TEST(test_base_alloc__sizes_are_checked),
        TEST(test_base_alloc__zeroed_and_resized),
        TEST(test_base_alloc__books_are_kept),
        TEST(test_base_alloc__limit_holds),
        cmocka_unit_test(test_base_alloc__limit_is_found_when_it_matters),
        TEST(test_base_alloc__fails_when_told),
        TEST(test_base_alloc__counters_survive_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
