/* Goal: a map in parts agrees with a plain array, and no put has much to move. Method: random puts and finds compared with a model; the
 * bytes that each of many puts asks for are counted. */
#include "base/split_map.h"

#include "support/unit.h"

static void test_base_split_map__agrees_with_model(void **state)
{
    (void)state;
    enum { KEYS = 5000 };
    static uint64_t model[KEYS];
    sb_random random = test_random(77);
    sb_counting_allocator counting;
    sb_split_map map;

    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    sb_split_map_init(&map, &counting.base);
    assert_null(sb_split_map_find(&map, 0));
    for (unsigned round = 0; round < 4; round++) {
        size_t expected = 0, seen = 0, part = 0, pos = 0;
        memset(model, 0, sizeof model);
        for (unsigned step = 0; step < 8000; step++) {
            const uint64_t key = sb_random_below(&random, KEYS);
            const uint64_t value = 1 + sb_random_below(&random, 1000);
            expected += model[key] == 0;
            model[key] = value;
            assert_int_equal(sb_split_map_put(&map, key << 20, value), SB_OK);
        }
        assert_int_equal(map.count, expected);
        for (uint64_t key = 0; key < KEYS; key++) {
            const uint64_t *value = sb_split_map_find(&map, key << 20);
            assert_int_equal(value == NULL ? 0 : *value, model[key]);
        }
        for (const sb_map_entry *e; (e = sb_split_map_next(&map, &part, &pos)) != NULL; seen++)
            assert_int_equal(e->value, model[e->key >> 20]);
        assert_int_equal(seen, expected);
        sb_split_map_clear(&map, round % 2 == 0 ? 0 : SIZE_MAX);
        assert_int_equal(map.count, 0);
        assert_null(sb_split_map_find(&map, 1u << 20));
        if (round % 2 == 0)
            assert_int_equal(counting.live_bytes, SB_SPLIT_MAP_PARTS * sizeof(sb_map));
        else
            assert_true(counting.live_bytes > expected * sizeof(sb_map_entry));
    }
    sb_split_map_deinit(&map);
    assert_int_equal(counting.live_bytes, 0);
}

static void test_base_split_map__grows_in_parts(void **state)
{
    (void)state;
    sb_counting_allocator counting;
    sb_split_map map;
    uint64_t longest = 0;

    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    sb_split_map_init(&map, &counting.base);
    for (uint64_t key = 0; key < 300000; key++) {
        const uint64_t before = counting.live_bytes;
        assert_int_equal(sb_split_map_put(&map, key, 0), SB_OK);
        if (counting.live_bytes - before > longest) longest = counting.live_bytes - before;
    }
    assert_true(longest <= counting.live_bytes / 32);
    sb_split_map_deinit(&map);
}

static void test_base_split_map__failure_changes_nothing(void **state)
{
    (void)state;
    sb_counting_allocator counting;
    sb_split_map map;

    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    sb_split_map_init(&map, &counting.base);
    for (unsigned failing = 0; failing < 2; failing++) { /* the parts; the first places of one */
        counting.fail_at = counting.alloc_count + 1;
        assert_int_equal(sb_split_map_put(&map, 7, 1), SB_NOMEM);
        assert_int_equal(map.count, 0);
        assert_null(sb_split_map_find(&map, 7));
        counting.fail_at = 0;
        if (failing == 0) assert_int_equal(sb_split_map_put(&map, 7, 1), SB_OK);
        sb_split_map_clear(&map, 0);
    }
    sb_split_map_deinit(&map);
    assert_int_equal(counting.live_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_base_split_map__agrees_with_model),
        TEST(test_base_split_map__grows_in_parts),
        TEST(test_base_split_map__failure_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
