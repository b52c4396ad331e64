/* Goal: the radix sorts order every input as qsort does and keep every row. Method: random arrays of
 * many sizes and value ranges (few values, high bits only, whole words, sorted, reversed), compared
 * with qsort row by row. */
#include "base/sort.h"

#include <stdlib.h>

#include "support/unit.h"

enum { MOST = 9000 };

static int compare_u64(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, 8);
    memcpy(&y, b, 8);
    return (x > y) - (x < y);
}

static int compare_pairs(const void *a, const void *b)
{
    const int order = compare_u64(a, b);
    return order != 0 ? order : compare_u64((const char *)a + 8, (const char *)b + 8);
}

static int compare_triples(const void *a, const void *b)
{
    const int order = compare_pairs(a, b);
    return order != 0 ? order : compare_u64((const char *)a + 16, (const char *)b + 16);
}

/* A word of one of several shapes. */
static uint64_t draw(sb_random *random, unsigned shape, size_t i, size_t count)
{
    switch (shape) {
    case 0: return sb_random_next(random);
    case 1: return sb_random_below(random, 3);
    case 2: return sb_random_below(random, 1u << 20);
    case 3: return sb_random_below(random, 16) << 60 | 5;
    case 4: return i;
    case 5: return count - i;
    case 6: return UINT64_MAX - sb_random_below(random, 1000);
    case 7: return (sb_random_next(random) & 1) << 63 | (sb_random_next(random) & 1);
    default: return 42;
    }
}

enum { SHAPES = 9 };

static size_t draw_count(sb_random *random, int round)
{
    if (round < 130) return (size_t)round;
    return (size_t)sb_random_below(random, round % 5 == 0 ? MOST : 600);
}

static void test_base_sort__triples(void **state)
{
    (void)state;
    static sb_triple items[MOST], expected[MOST], scratch[MOST];
    sb_random random = test_random(41);
    for (int round = 0; round < 700; round++) {
        const size_t count = draw_count(&random, round);
        const unsigned shapes = (unsigned)sb_random_below(&random, SHAPES * SHAPES * SHAPES);
        for (size_t i = 0; i < count; i++) {
            items[i].node = draw(&random, shapes % SHAPES, i, count);
            items[i].neighbor = draw(&random, shapes / SHAPES % SHAPES, i, count);
            items[i].rel = draw(&random, shapes / SHAPES / SHAPES, i, count);
        }
        memcpy(expected, items, sizeof items);
        qsort(expected, count, sizeof *expected, compare_triples);
        const bool was_sorted = count == 0 || memcmp(items, expected, count * sizeof *items) == 0;
        assert_int_equal(sb_triples_sorted(items, count), was_sorted);
        sb_triples_sort(items, scratch, count);
        if (count != 0) assert_memory_equal(items, expected, count * sizeof *items);
        assert_true(sb_triples_sorted(items, count));
    }
}

static void draw_ascending(sb_random *random, sb_triple *items, size_t count)
{
    const unsigned shapes = (unsigned)sb_random_below(random, SHAPES * SHAPES);
    uint64_t rel = sb_random_next(random) >> sb_random_below(random, 64);

    for (size_t i = 0; i < count; i++) {
        items[i] = (sb_triple){draw(random, shapes % SHAPES, i, count),
                               draw(random, shapes / SHAPES, i, count), rel};
        rel += sb_random_below(random, 3);
    }
}

/* Packed, sorted, turned and read: the same triples in order of both directions, as qsort has them. */
static void test_base_sort__packed(void **state)
{
    (void)state;
    static sb_triple items[MOST], expected[MOST], got[MOST];
    static uint64_t room[2 * MOST];
    sb_random random = test_random(45);
    unsigned packed = 0;
    for (int round = 0; round < 500; round++) {
        const size_t count = 1 + draw_count(&random, round);
        sb_packed p;
        bool fit;
        draw_ascending(&random, items, count);
        assert_int_equal(sb_packed_measure(items, count, &p, &fit, NULL), SB_OK);
        packed += fit;
        if (!fit) continue;
        assert_int_equal(sb_packed_fill(&p, items, room, NULL), SB_OK);
        sb_packed_read(&p, 0, count, false, got);
        assert_memory_equal(got, items, count * sizeof *got);
        assert_int_equal(sb_packed_sort(&p, NULL), SB_OK);
        memcpy(expected, items, count * sizeof *items);
        qsort(expected, count, sizeof *expected, compare_triples);
        sb_packed_read(&p, 0, count, false, got);
        assert_memory_equal(got, expected, count * sizeof *got);
        assert_int_equal(sb_packed_turn(&p, NULL), SB_OK);
        for (size_t i = 0; i < count; i++)
            expected[i] = (sb_triple){items[i].neighbor, items[i].node, items[i].rel};
        qsort(expected, count, sizeof *expected, compare_triples);
        sb_packed_read(&p, 0, count / 2, true, got);
        sb_packed_read(&p, count / 2, count - count / 2, true, got + count / 2);
        assert_memory_equal(got, expected, count * sizeof *got);
    }
    assert_in_range(packed, 100, 499); /* some fit, others take more than a word */
    items[0].rel = 2;                  /* not in order: what is equal could change places */
    items[1].rel = 1;
    sb_packed p;
    bool fit;
    assert_int_equal(sb_packed_measure(items, 2, &p, &fit, NULL), SB_OK);
    assert_false(fit);
    assert_int_equal(sb_packed_measure(items, 0, &p, &fit, NULL), SB_OK);
    assert_false(fit);
}

typedef struct asked {
    unsigned calls, stop_at;
} asked;

static sb_status count_calls(void *ctx)
{
    asked *a = ctx;
    return ++a->calls == a->stop_at ? SB_INTERRUPT : SB_OK;
}

/* Packed and not: each walk over the items asks after each step but the last, and an answer ends the sort. */
static void test_base_sort__polled(void **state)
{
    (void)state;
    enum { MANY = 3 * 65536 + 1 };
    sb_triple *items = calloc(MANY, sizeof *items), *scratch = calloc(MANY, sizeof *scratch);
    sb_random random = test_random(44);

    for (unsigned packed = 0; packed < 2; packed++) {
        asked a = {.calls = 0};
        const sb_sort_poll poll = {.call = count_calls, .ctx = &a};
        for (unsigned stop = 0; stop < 25; stop += 4) {
            for (size_t i = 0; i < MANY; i++)
                items[i] = (sb_triple){sb_random_below(&random, 1u << 20),
                                       sb_random_below(&random, 1u << 20), packed ? i : MANY - i};
            a = (asked){.stop_at = stop};
            const sb_status st = sb_triples_sort_polled(items, scratch, MANY, &poll);
            assert_int_equal(st, stop == 0 ? SB_OK : SB_INTERRUPT);
            if (stop != 0)
                assert_int_equal(a.calls, stop);
            else /* 3 steps in a walk for each pass of 11 bits at most, of 40 bits, and in some more */
                assert_true(a.calls >= 3 * 4 + 3 * 3);
            if (stop == 0) assert_true(sb_triples_sorted(items, MANY));
        }
    }
    free(items);
    free(scratch);
}

/* The same of pairs and of words, in random order. */
static void test_base_sort__polled_pairs_and_words(void **state)
{
    (void)state;
    enum { MANY = 3 * 65536 + 1 };
    static sb_pair pairs[MANY], pair_scratch[MANY];
    static uint64_t words[MANY], word_scratch[MANY];
    sb_random random = test_random(45);
    asked a;
    const sb_sort_poll poll = {.call = count_calls, .ctx = &a};

    for (unsigned stop = 0; stop < 13; stop += 4) {
        for (size_t i = 0; i < MANY; i++) {
            words[i] = sb_random_below(&random, 1u << 20);
            pairs[i] = (sb_pair){.key = words[i], .value = i};
        }
        a = (asked){.stop_at = stop};
        assert_int_equal(sb_pairs_sort_polled(pairs, pair_scratch, MANY, &poll),
                         stop == 0 ? SB_OK : SB_INTERRUPT);
        assert_true(stop == 0 ? a.calls >= 3 * 2 * 2 : a.calls == stop);
        a = (asked){.stop_at = stop};
        assert_int_equal(sb_u64_sort_polled(words, word_scratch, MANY, &poll),
                         stop == 0 ? SB_OK : SB_INTERRUPT);
        assert_true(stop == 0 ? a.calls >= 3 * 2 * 2 : a.calls == stop);
        if (stop != 0) continue;
        assert_true(sb_pairs_sorted(pairs, MANY));
        assert_true(sb_u64_sorted(words, MANY));
    }
}

static void test_base_sort__pairs(void **state)
{
    (void)state;
    static sb_pair items[MOST], expected[MOST], scratch[MOST];
    sb_random random = test_random(42);
    for (int round = 0; round < 500; round++) {
        const size_t count = draw_count(&random, round);
        const unsigned shapes = (unsigned)sb_random_below(&random, SHAPES * SHAPES);
        for (size_t i = 0; i < count; i++) {
            items[i].key = draw(&random, shapes % SHAPES, i, count);
            items[i].value = draw(&random, shapes / SHAPES, i, count);
        }
        memcpy(expected, items, sizeof items);
        qsort(expected, count, sizeof *expected, compare_pairs);
        const bool was_sorted = count == 0 || memcmp(items, expected, count * sizeof *items) == 0;
        assert_int_equal(sb_pairs_sorted(items, count), was_sorted);
        sb_pairs_sort(items, scratch, count);
        if (count != 0) assert_memory_equal(items, expected, count * sizeof *items);
    }
}

static void test_base_sort__words_and_unique(void **state)
{
    (void)state;
    static uint64_t items[MOST], expected[MOST], scratch[MOST];
    sb_random random = test_random(43);
    for (int round = 0; round < 500; round++) {
        const size_t count = draw_count(&random, round);
        const unsigned shape = (unsigned)sb_random_below(&random, SHAPES);
        for (size_t i = 0; i < count; i++)
            items[i] = draw(&random, shape, i, count);
        memcpy(expected, items, sizeof items);
        qsort(expected, count, sizeof *expected, compare_u64);
        const bool was_sorted = count == 0 || memcmp(items, expected, count * sizeof *items) == 0;
        assert_int_equal(sb_u64_sorted(items, count), was_sorted);
        sb_u64_sort(items, scratch, count);
        if (count != 0) assert_memory_equal(items, expected, count * sizeof *items);

        size_t distinct = 0;
        for (size_t i = 0; i < count; i++) {
            if (i == 0 || expected[i] != expected[i - 1]) expected[distinct++] = expected[i];
        }
        assert_int_equal(sb_u64_unique(items, count), distinct);
        if (distinct != 0) assert_memory_equal(items, expected, distinct * sizeof *items);
    }
}

static void test_base_sort__nothing_past_the_end_is_touched(void **state)
{
    (void)state;
    for (size_t count = 0; count < 200; count++) {
        /* cmocka's blocks have guards around them. */
        sb_triple *items = test_malloc(count * sizeof *items + 1);
        sb_triple *scratch = test_malloc(count * sizeof *scratch + 1);
        for (size_t i = 0; i < count; i++)
            items[i] = (sb_triple){count - i, i * 7 % 5, i};
        sb_triples_sort(items, scratch, count);
        assert_true(sb_triples_sorted(items, count));
        test_free(items);
        test_free(scratch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_base_sort__triples),
        TEST(test_base_sort__packed),
        TEST(test_base_sort__polled),
        TEST(test_base_sort__polled_pairs_and_words),
        TEST(test_base_sort__pairs),
        TEST(test_base_sort__words_and_unique),
        TEST(test_base_sort__nothing_past_the_end_is_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
