/* Goal: a buffer holds what was appended, doubles, and survives a failed allocation. */
#include "base/buffer.h"

#include "support/unit.h"

static void test_base_buffer__holds_what_was_appended(void **state)
{
    (void)state;
    sb_random random = test_random(21);
    sb_counting_allocator counting;
    sb_buffer buffer;
    static uint8_t expected[200000];
    size_t size = 0;
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    sb_buffer_init(&buffer, &counting.base);
    assert_null(buffer.data);
    while (size + 300 < sizeof expected) {
        uint8_t piece[300];
        const size_t bytes = (size_t)sb_random_below(&random, sizeof piece);
        for (size_t i = 0; i < bytes; i++)
            piece[i] = (uint8_t)sb_random_next(&random);
        assert_int_equal(sb_buffer_append(&buffer, piece, bytes), SB_OK);
        memcpy(expected + size, piece, bytes);
        size += bytes;
        assert_int_equal(sb_buffer_append_byte(&buffer, 42), SB_OK);
        expected[size++] = 42;
    }
    assert_int_equal(sb_buffer_bytes(&buffer).size, size);
    assert_memory_equal(buffer.data, expected, size);
    assert_in_range(counting.alloc_count, 1, 14); /* doubling: 64 bytes to 256 KiB */
    const size_t allocations = counting.alloc_count;
    sb_buffer_reset(&buffer);
    assert_int_equal(sb_buffer_append(&buffer, expected, size), SB_OK);
    assert_int_equal(counting.alloc_count, allocations);
    sb_buffer_deinit(&buffer);
    assert_null(buffer.data);
    assert_int_equal(counting.live_bytes, 0);
}

static void test_base_buffer__printf(void **state)
{
    (void)state;
    sb_buffer buffer;
    char expected[2000] = "";
    sb_buffer_init(&buffer, &sb_allocator_libc);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(sb_buffer_printf(&buffer, "%d:%s;", i, "xyz"), SB_OK);
        snprintf(expected + strlen(expected), 20, "%d:%s;", i, "xyz");
    }
    assert_int_equal(sb_buffer_printf(&buffer, "%s", ""), SB_OK);
    assert_int_equal(buffer.size, strlen(expected));
    assert_memory_equal(buffer.data, expected, buffer.size);
    sb_buffer_deinit(&buffer);
}

static void test_base_buffer__printf_leaves_room_for_its_nul(void **state)
{
    (void)state;
    for (int width = 1; width < 200; width++) {
        sb_buffer buffer;
        sb_buffer_init(&buffer, &sb_allocator_libc);
        assert_int_equal(sb_buffer_printf(&buffer, "%0*d", width, 7), SB_OK);
        assert_int_equal(buffer.size, width);
        assert_true(buffer.capacity > buffer.size);
        sb_buffer_deinit(&buffer);
    }
}

static void test_base_buffer__failure_changes_nothing(void **state)
{
    (void)state;
    sb_counting_allocator counting;
    sb_buffer buffer;
    uint8_t page[100] = {0};
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    sb_buffer_init(&buffer, &counting.base);
    counting.fail_at = 1;
    assert_int_equal(sb_buffer_append(&buffer, page, 10), SB_NOMEM);
    assert_int_equal(buffer.size, 0);
    assert_int_equal(sb_buffer_append(&buffer, "abcdefgh", 8), SB_OK);
    counting.fail_at = counting.alloc_count + 1;
    assert_int_equal(sb_buffer_append(&buffer, page, 100), SB_NOMEM);
    counting.fail_at = counting.alloc_count + 1;
    assert_int_equal(sb_buffer_printf(&buffer, "%0200d", 1), SB_NOMEM);
    counting.fail_at = counting.alloc_count + 1;
    assert_int_equal(sb_buffer_reserve(&buffer, 57), SB_NOMEM);
    assert_int_equal(sb_buffer_reserve(&buffer, SIZE_MAX), SB_NOMEM);
    assert_int_equal(sb_buffer_reserve(&buffer, SIZE_MAX - 8), SB_NOMEM);
    assert_int_equal(buffer.size, 8);
    assert_memory_equal(buffer.data, "abcdefgh", 8);
    assert_int_equal(sb_buffer_append(&buffer, NULL, 0), SB_OK);
    sb_buffer_deinit(&buffer);
    assert_int_equal(counting.live_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_base_buffer__holds_what_was_appended),
        TEST(test_base_buffer__printf),
        TEST(test_base_buffer__printf_leaves_room_for_its_nul),
        TEST(test_base_buffer__failure_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
