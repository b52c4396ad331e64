/* Goal: the least and greatest of words are found whatever their number, signs and places. Method: random arrays, with the extremes put
 * at each place of short ones, against one look at each word; both ways of looking. */
#include "base/extremes.h"

#include "support/unit.h"

enum { MOST = 300 };

typedef void (*look_at)(const uint64_t *words, size_t count, uint64_t bias, uint64_t *min,
                        uint64_t *max);

static void compare(const uint64_t *words, size_t count, uint64_t bias)
{
    static const look_at ways[] = {sb_extremes, sb_extremes_portable};

    for (size_t way = 0; way < 2; way++) {
        uint64_t min = 1000, max = 1000, least = 1000, most = 1000; /* as of words before */
        for (size_t i = 0; i < count; i++) {
            const uint64_t word = words[i] ^ bias;
            if (word < least) least = word;
            if (word > most) most = word;
        }
        ways[way](words, count, bias, &min, &max);
        assert_int_equal(min, least);
        assert_int_equal(max, most);
    }
}

static void test_base_extremes__places(void **state)
{
    uint64_t words[40];

    (void)state;
    for (size_t count = 0; count <= 40; count++)
        for (size_t i = 0; i < count; i++)
            for (unsigned sign = 0; sign < 2; sign++) {
                for (size_t k = 0; k < count; k++)
                    words[k] = 1000;
                words[i] = sign != 0 ? UINT64_MAX - 5 : 7;
                compare(words, count, 0);
                compare(words, count, 1ull << 63);
            }
}

static void test_base_extremes__random(void **state)
{
    static uint64_t words[MOST];
    sb_random random = test_random(46);

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        const size_t count = (size_t)sb_random_below(&random, MOST);
        const unsigned shift = (unsigned)sb_random_below(&random, 64);
        for (size_t i = 0; i < count; i++)
            words[i] = sb_random_next(&random) >> shift;
        compare(words, count, 0);
        compare(words, count, 1ull << 63);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_base_extremes__places),
        TEST(test_base_extremes__random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
