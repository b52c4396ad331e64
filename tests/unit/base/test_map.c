/* Goal: the map agrees with a plain array. Method: random puts, finds and removes over few keys (so
 * that probe sequences run into each other and around the end), compared after each step. */
#include "base/map.h"

#include "support/unit.h"

enum { KEYS = 300 };

/* Keys that collide: sparse multiples and neighbors, 0 and the largest allowed. */
static uint64_t key_of(size_t i)
{
    if (i == 0) return 0;
    if (i == 1) return SB_MAP_EMPTY - 1;
    return i % 2 == 0 ? i : (uint64_t)i << 40;
}

typedef struct model {
    bool present[KEYS];
    uint64_t value[KEYS];
    size_t count;
} model;

static void assert_equal_to_model(const sb_map *map, const model *m)
{
    size_t seen = 0;
    size_t pos = 0;
    uint64_t key_sum = 0;
    assert_int_equal(map->count, m->count);
    for (size_t i = 0; i < KEYS; i++) {
        const uint64_t *value = sb_map_find(map, key_of(i));
        assert_int_equal(value != NULL, m->present[i]);
        if (value != NULL) assert_true(*value == m->value[i]);
        if (m->present[i]) key_sum += key_of(i);
    }
    for (const sb_map_entry *e; (e = sb_map_next(map, &pos)) != NULL; seen++)
        key_sum -= e->key;
    assert_int_equal(seen, m->count);
    assert_true(key_sum == 0);
}

static void test_base_map__agrees_with_model(void **state)
{
    (void)state;
    sb_random random = test_random(31);
    sb_counting_allocator counting;
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    for (int round = 0; round < 20; round++) {
        sb_map map;
        model m = {.count = 0};
        const uint64_t keys = 5 + sb_random_below(&random, KEYS - 5);
        sb_map_init(&map, &counting.base);
        if (round % 3 == 0) assert_int_equal(sb_map_reserve(&map, (size_t)keys), SB_OK);
        for (int step = 0; step < 3000; step++) {
            const size_t i = (size_t)sb_random_below(&random, keys);
            const uint64_t kind = sb_random_below(&random, 1000);
            if (kind < 400) {
                m.value[i] = sb_random_next(&random);
                m.count += !m.present[i];
                m.present[i] = true;
                assert_int_equal(sb_map_put(&map, key_of(i), m.value[i]), SB_OK);
            } else if (kind < 500) {
                bool inserted;
                uint64_t *value = sb_map_at(&map, key_of(i), &inserted);
                assert_non_null(value);
                assert_int_equal(inserted, !m.present[i]);
                if (inserted) assert_true(*value == 0);
                *value = (uint64_t)step;
                m.count += !m.present[i];
                m.present[i] = true;
                m.value[i] = (uint64_t)step;
            } else if (kind < 999) {
                assert_int_equal(sb_map_remove(&map, key_of(i)), m.present[i]);
                m.count -= m.present[i];
                m.present[i] = false;
            } else {
                sb_map_clear(&map);
                m = (model){.count = 0};
            }
            if (step % 16 == 0) assert_equal_to_model(&map, &m);
        }
        assert_equal_to_model(&map, &m);
        sb_map_deinit(&map);
        assert_int_equal(counting.live_bytes, 0);
    }
}

/* To empty a map costs what was in it: a block that is far larger than that goes. */
static void test_base_map__clearing(void **state)
{
    (void)state;
    sb_map map;

    sb_map_init(&map, &sb_allocator_libc);
    for (uint64_t i = 0; i < 100000; i++)
        assert_int_equal(sb_map_put(&map, i, i), SB_OK);
    const size_t capacity = map.capacity;
    sb_map_clear(&map);
    assert_int_equal(map.capacity, capacity);
    sb_map_clear(&map);
    assert_int_equal(map.capacity, capacity);
    assert_int_equal(sb_map_put(&map, 7, 8), SB_OK);
    sb_map_clear(&map);
    assert_int_equal(map.capacity, 0);
    assert_null(sb_map_find(&map, 7));
    assert_int_equal(sb_map_put(&map, 7, 9), SB_OK);
    sb_map_clear(&map);
    assert_in_range(map.capacity, 1, 1024);
    sb_map_deinit(&map);
}

static void test_base_map__reserve_is_enough(void **state)
{
    (void)state;
    for (size_t count = 0; count < 200; count++) {
        sb_counting_allocator counting;
        sb_map map;
        sb_counting_allocator_init(&counting, &sb_allocator_libc);
        sb_map_init(&map, &counting.base);
        assert_int_equal(sb_map_reserve(&map, count), SB_OK);
        const size_t before = counting.alloc_count;
        for (size_t i = 0; i < count; i++)
            assert_int_equal(sb_map_put(&map, i, i), SB_OK);
        assert_int_equal(counting.alloc_count, before);
        assert_true(4 * map.count <= 3 * map.capacity);
        sb_map_deinit(&map);
    }
}

static void test_base_map__failure_changes_nothing(void **state)
{
    (void)state;
    sb_counting_allocator counting;
    sb_map map;
    bool inserted = true;
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    sb_map_init(&map, &counting.base);
    counting.fail_at = 1;
    counting.fail_persistent = true;
    assert_int_equal(sb_map_put(&map, 1, 1), SB_NOMEM);
    assert_null(sb_map_at(&map, 1, &inserted));
    assert_false(inserted);
    assert_int_equal(sb_map_reserve(&map, 10), SB_NOMEM);
    counting.fail_at = 0;
    size_t filled = 0;
    for (; filled < 6; filled++)
        assert_int_equal(sb_map_put(&map, filled, filled), SB_OK);
    counting.fail_at = 1;
    assert_int_equal(sb_map_put(&map, 99, 1), SB_NOMEM);
    assert_int_equal(sb_map_put(&map, 3, 33), SB_OK); /* overwriting needs no memory */
    assert_null(sb_map_find(&map, 99));
    assert_int_equal(map.count, 6);
    assert_true(*sb_map_find(&map, 3) == 33);
    assert_int_equal(sb_map_reserve(&map, SIZE_MAX), SB_NOMEM);
    assert_null(sb_map_find(&map, SB_MAP_EMPTY));
    assert_false(sb_map_remove(&map, SB_MAP_EMPTY));
    sb_map_deinit(&map);
    assert_int_equal(counting.live_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_base_map__agrees_with_model),
        TEST(test_base_map__clearing),
        TEST(test_base_map__reserve_is_enough),
        TEST(test_base_map__failure_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
