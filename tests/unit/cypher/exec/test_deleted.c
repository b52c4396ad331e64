/* Goal: what was deleted is found, with its type, and nothing else is; ids that lie together take about a byte each. Method: random ids and types
 * compared with a model, types mixed within 32 ids and not; bytes of the allocator are counted. */
#include "cypher/exec/deleted.h"

#include "support/unit.h"

enum { IDS = 4000 };

static void check_model(const sb_deleted_ids *ids, const sb_type_id *model)
{
    sb_deleted_walk walk = {.others = false};
    unsigned count = 0, walked = 0;
    uint64_t last;

    while ((last = sb_deleted__next(ids, &walk)) != 0) {
        assert_true(last < IDS && model[last] != 0);
        walked++;
    }
    for (uint64_t id = 0; id < IDS; id++)
        count += model[id] != 0;
    assert_int_equal(walked, count);
    for (uint64_t id = 0; id < IDS; id++) {
        sb_type_id type = 0;
        assert_int_equal(sb_deleted__find(ids, id, &type), model[id] != 0);
        assert_int_equal(type, model[id]);
    }
}

static void test_cypher_exec_deleted__agrees_with_model(void **state)
{
    static sb_type_id model[IDS];
    sb_random random = test_random(91);
    sb_counting_allocator counting;
    sb_deleted_ids ids;

    (void)state;
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    sb_deleted__init(&ids, &counting.base);
    for (uint64_t types = 1; types < 4; types++) {
        memset(model, 0, sizeof model);
        for (unsigned step = 0; step < IDS; step++) {
            const uint64_t id = 1 + sb_random_below(&random, IDS - 1);
            if (model[id] != 0) continue;
            model[id] = (sb_type_id)((1u << 24) - 1 - sb_random_below(&random, types));
            assert_int_equal(sb_deleted__put(&ids, id, model[id]), SB_OK);
        }
        check_model(&ids, model);
        sb_deleted__clear(&ids, types == 1 ? SIZE_MAX : 0);
        memset(model, 0, sizeof model);
        check_model(&ids, model);
    }
    sb_deleted__deinit(&ids);
    assert_int_equal(counting.live_bytes, 0);
}

static void test_cypher_exec_deleted__takes_a_byte_for_each(void **state)
{
    const uint64_t count = 1000000;
    sb_counting_allocator counting;
    sb_deleted_ids ids;

    (void)state;
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    sb_deleted__init(&ids, &counting.base);
    for (uint64_t id = 1; id <= count; id++)
        assert_int_equal(sb_deleted__put(&ids, id, 7), SB_OK);
    assert_in_range(counting.live_bytes, 1, 2 * count);
    sb_deleted__deinit(&ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_exec_deleted__agrees_with_model),
        TEST(test_cypher_exec_deleted__takes_a_byte_for_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
