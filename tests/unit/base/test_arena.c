/* Goal: memory of an arena is aligned, disjoint and freed together; callbacks and children go newest
 * first. Method: random allocations filled with their number and read back, with resets and rewinds
 * between; a log of callbacks; every allocation failed in turn. */
#include "base/arena.h"

#include "support/unit.h"

typedef struct block {
    uint8_t *data;
    size_t bytes;
    uint8_t fill;
} block;

static void assert_blocks_intact(const block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t b = 0; b < blocks[i].bytes; b++) {
            assert_int_equal(blocks[i].data[b], blocks[i].fill);
        }
    }
}

static void test_base_arena__random_allocations_stay_apart(void **state)
{
    (void)state;
    enum { MOST = 600 };
    sb_random random = test_random(11);
    sb_counting_allocator counting;
    static block blocks[MOST];
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    sb_arena *arena = sb_arena_create(&counting.base, NULL);
    assert_non_null(arena);

    for (int round = 0; round < 30; round++) {
        size_t count = 0;
        size_t marked_count = 0;
        sb_arena_mark mark = sb_arena_get_mark(arena);
        while (count < MOST) {
            const uint64_t kind = sb_random_below(&random, 100);
            if (kind == 0) {
                mark = sb_arena_get_mark(arena);
                marked_count = count;
            } else if (kind == 1) {
                assert_blocks_intact(blocks, count);
                sb_arena_rewind(arena, mark);
                count = marked_count;
                if (sb_random_below(&random, 3) == 0) break;
            } else {
                const size_t bytes = (size_t)sb_random_below(&random, kind < 5 ? 9000 : 120);
                uint8_t *p = sb_arena_alloc(arena, bytes);
                assert_non_null(p);
                assert_int_equal((uintptr_t)p % 16, 0);
                blocks[count] = (block){p, bytes, (uint8_t)sb_random_next(&random)};
                memset(p, blocks[count].fill, bytes);
                count++;
            }
        }
        assert_blocks_intact(blocks, count);
        sb_arena_reset(arena);
        assert_true(sb_arena_bytes(arena) <= 80 * 1024);
    }
    sb_arena_destroy(arena);
    assert_int_equal(counting.live_bytes, 0);
    assert_int_equal(counting.live_blocks, 0);
}

static void test_base_arena__reset_keeps_its_blocks(void **state)
{
    (void)state;
    sb_counting_allocator counting;
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    sb_arena *arena = sb_arena_create(&counting.base, NULL);
    assert_non_null(arena);
    size_t after_first = 0;
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 100; i++)
            assert_non_null(sb_arena_alloc(arena, 200));
        if (round == 0) after_first = counting.alloc_count;
        sb_arena_reset(arena);
    }
    assert_int_equal(counting.alloc_count, after_first); /* steady state allocates nothing */
    sb_arena_destroy(arena);
    assert_int_equal(counting.live_blocks, 0);
}

static void test_base_arena__zeroed_arrays_and_strings(void **state)
{
    (void)state;
    sb_arena *arena = sb_arena_create(&sb_allocator_libc, NULL);
    assert_non_null(arena);
    memset(sb_arena_alloc(arena, 500), 0xAA, 500);
    sb_arena_reset(arena);
    const uint8_t *zeros = sb_arena_alloc_zero(arena, 500);
    for (size_t i = 0; i < 500; i++)
        assert_int_equal(zeros[i], 0);
    assert_null(sb_arena_alloc_array(arena, SIZE_MAX / 4, 8));
    assert_null(sb_arena_alloc(arena, SIZE_MAX));
    assert_null(sb_arena_alloc(arena, SIZE_MAX - 40));
    assert_null(sb_arena_strndup(arena, "x", SIZE_MAX));
    assert_string_equal(sb_arena_strndup(arena, "tortoise", 4), "tort");
    assert_string_equal(sb_arena_strndup(arena, NULL, 0), "");
    assert_ptr_not_equal(sb_arena_alloc(arena, 0), sb_arena_alloc(arena, 0));
    sb_arena_destroy(arena);
    sb_arena_destroy(NULL);
}

static char event_log[64];

static void log_event(void *ctx)
{
    strcat(event_log, ctx);
}

static void register_event(sb_arena *arena, const char *name)
{
    assert_int_equal(sb_arena_on_release(arena, log_event, (void *)(uintptr_t)name), SB_OK);
}

static void test_base_arena__tree_dies_newest_first(void **state)
{
    (void)state;
    sb_counting_allocator counting;
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    sb_arena *root = sb_arena_create(&counting.base, NULL);
    sb_arena *first = sb_arena_create(&counting.base, root);
    sb_arena *second = sb_arena_create(&counting.base, root);
    sb_arena *third = sb_arena_create(&counting.base, root);
    sb_arena *grandchild = sb_arena_create(&counting.base, first);
    register_event(root, "a");
    register_event(root, "b");
    register_event(first, "c");
    register_event(second, "d");
    register_event(third, "e");
    register_event(grandchild, "f");

    event_log[0] = '\0';
    sb_arena_destroy(second); /* out of the middle of the list */
    assert_string_equal(event_log, "d");
    sb_arena_reset(root);
    assert_string_equal(event_log, "defcba");
    event_log[0] = '\0';
    sb_arena_reset(root); /* callbacks run once */
    assert_string_equal(event_log, "");
    register_event(root, "g");
    sb_arena_destroy(root);
    assert_string_equal(event_log, "g");
    assert_int_equal(counting.live_bytes, 0);
}

static void test_base_arena__every_failure_leaves_it_usable(void **state)
{
    (void)state;
    for (size_t fail_at = 1; fail_at < 12; fail_at++) {
        sb_counting_allocator counting;
        size_t failures = 0;
        sb_counting_allocator_init(&counting, &sb_allocator_libc);
        counting.fail_at = fail_at;
        sb_arena *arena = sb_arena_create(&counting.base, NULL);
        if (arena == NULL) {
            assert_int_equal(fail_at, 1);
            assert_int_equal(counting.live_blocks, 0);
            continue;
        }
        event_log[0] = '\0';
        size_t registered = 0;
        for (size_t i = 0; i < 40; i++) {
            uint8_t *p = sb_arena_alloc(arena, 700);
            if (p != NULL)
                memset(p, 1, 700);
            else
                failures++;
            if (i % 10 == 0) {
                if (sb_arena_on_release(arena, log_event, (void *)(uintptr_t) "x") == SB_OK)
                    registered++;
                else
                    failures++;
            }
        }
        assert_int_equal(failures, counting.alloc_count >= fail_at ? 1 : 0);
        sb_arena_destroy(arena);
        assert_int_equal(strlen(event_log), registered);
        assert_int_equal(counting.live_bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_base_arena__random_allocations_stay_apart),
        TEST(test_base_arena__reset_keeps_its_blocks),
        TEST(test_base_arena__zeroed_arrays_and_strings),
        TEST(test_base_arena__tree_dies_newest_first),
        TEST(test_base_arena__every_failure_leaves_it_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
