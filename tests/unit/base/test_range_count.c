/* Goal: numbers in a range are counted right for each width, at every length around a block, and where a lane's counter would run over.
 * Method: random numbers and bounds, the bounds of the width among them, against counting one by one. */
#include "base/range_count.h"

#include <string.h>

#include "base/random.h"
#include "support/unit.h"

enum {
    MOST = 70000
}; /* more than 254 blocks of 64: the counters of one byte are emptied several times */

static size_t count_plainly(const uint8_t *in, unsigned width, size_t count, uint64_t low,
                            uint64_t span)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t value = 0;
        for (unsigned b = 0; b < width; b++)
            value |= (uint64_t)in[i * width + b] << (8 * b);
        found += value >= low && value - low <= span;
    }
    return found;
}

static void check_width(const uint8_t *bytes, unsigned width, sb_random *random)
{
    const uint64_t most = UINT64_MAX >> (64 - 8 * width);

    for (size_t t = 0; t < 600; t++) {
        const size_t count = t < 200 ? t : (size_t)sb_random_below(random, MOST);
        const uint64_t low = t % 7 == 0 ? 0 : sb_random_next(random) & most;
        const uint64_t span =
            t % 5 == 0 ? most - low : (sb_random_next(random) & most) % (most - low + (low != 0));
        assert_int_equal(sb_range_count(bytes, width, count, low, span),
                         count_plainly(bytes, width, count, low, span));
    }
}

static void test_range_count__as_one_by_one(void **state)
{
    uint8_t *bytes = malloc(8 * MOST);
    sb_random random = {29};

    (void)state;
    for (size_t i = 0; i < 8 * MOST; i++)
        bytes[i] = (uint8_t)sb_random_next(&random);
    for (unsigned width = 1; width <= 8; width *= 2)
        check_width(bytes, width, &random);
    free(bytes);
}

/* Every lane counts each block. */
static void test_range_count__all(void **state)
{
    uint8_t *bytes = calloc(8, MOST);

    (void)state;
    for (unsigned width = 1; width <= 8; width *= 2)
        assert_int_equal(sb_range_count(bytes, width, MOST, 0, 0), MOST);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range_count__as_one_by_one),
        cmocka_unit_test(test_range_count__all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
