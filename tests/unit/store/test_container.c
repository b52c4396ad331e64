/* test_container.c — containers against a plain array of bools: every form comes up, each is the smallest, reading agrees
 * with the reference, damaged bytes are refused or read without harm. */
#include "support/unit.h"

#include "store/index_priv.h"

typedef struct reference {
    bool has[SB_CONTAINER_IDS];
} reference;

/* Densities and run lengths from one id to all of them. */
static void random_reference(sb_random *random, reference *r)
{
    const uint64_t density = 1ull << sb_random_below(random, 13);
    const uint64_t run = 1 + sb_random_below(random, 1ull << sb_random_below(random, 8));

    memset(r, 0, sizeof *r);
    for (size_t i = 0; i < SB_CONTAINER_IDS; i++) {
        if (sb_random_below(random, density * run) != 0) continue;
        for (size_t j = i; j < i + run && j < SB_CONTAINER_IDS; j++)
            r->has[j] = true;
    }
}

static size_t encode(const reference *r, uint8_t out[SB_CONTAINER_BYTES_MAX])
{
    sb_container container = {{0}};

    for (uint32_t i = 0; i < SB_CONTAINER_IDS; i++) {
        if (r->has[i]) sb_container__set(&container, i);
    }
    return sb_container__encode(&container, out);
}

static void test_store_container__forms(void **state)
{
    sb_random random = test_random(20261122);
    uint8_t bytes[SB_CONTAINER_BYTES_MAX];
    uint64_t ids[SB_CONTAINER_IDS];
    int forms[4] = {0};
    static reference r;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        random_reference(&random, &r);
        const size_t size = encode(&r, bytes);
        size_t count = 0, runs = 0;
        for (size_t i = 0; i < SB_CONTAINER_IDS; i++) {
            count += r.has[i];
            runs += r.has[i] && (i == 0 || !r.has[i - 1]);
        }
        size_t least = 512;
        if (2 * count < least) least = 2 * count;
        if (4 * runs < least) least = 4 * runs;
        assert_int_equal(size, count == 0 ? 0 : 1 + least);
        if (count == 0) continue;
        forms[bytes[0]]++;

        sb_container back;
        assert_true(sb_container__decode(sb_bytes_of(bytes, size), &back));
        for (uint32_t i = 0; i < SB_CONTAINER_IDS; i++) {
            bool has;
            assert_int_equal(sb_container__get(&back, i), r.has[i]);
            assert_true(sb_container__has(sb_bytes_of(bytes, size), i, &has));
            assert_int_equal(has, r.has[i]);
        }
        const uint32_t from = (uint32_t)sb_random_below(&random, SB_CONTAINER_IDS + 1);
        const size_t capacity =
            sb_random_below(&random, 2) == 0 ? SB_CONTAINER_IDS : sb_random_below(&random, 100);
        size_t read, at = 0;
        assert_true(
            sb_container__read(sb_bytes_of(bytes, size), from, 1ull << 40, ids, capacity, &read));
        for (uint32_t i = from; i < SB_CONTAINER_IDS && at < capacity; i++) {
            if (!r.has[i]) continue;
            assert_true(at < read);
            assert_int_equal(ids[at++], (1ull << 40) + i);
        }
        assert_int_equal(read, at);
    }
    assert_true(forms[1] > 100 && forms[2] > 100 && forms[3] > 100);
}

static void test_store_container__changes(void **state)
{
    sb_random random = test_random(20261122);
    sb_container container = {{0}};
    static reference r;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        const uint32_t low = (uint32_t)sb_random_below(&random, SB_CONTAINER_IDS);
        if (sb_random_below(&random, 3) != 0) {
            sb_container__set(&container, low);
            r.has[low] = true;
        } else {
            sb_container__clear(&container, low);
            r.has[low] = false;
        }
        assert_int_equal(sb_container__get(&container, low), r.has[low]);
    }
    uint8_t a[SB_CONTAINER_BYTES_MAX], b[SB_CONTAINER_BYTES_MAX];
    const size_t size = sb_container__encode(&container, a);
    assert_int_equal(size, encode(&r, b));
    assert_memory_equal(a, b, size);
}

/* What the short way writes is what the long one would; it is taken only where the last run ends just before. */
static void test_store_container__extend(void **state)
{
    sb_random random = test_random(20261128);
    uint8_t before[SB_CONTAINER_BYTES_MAX], after[SB_CONTAINER_BYTES_MAX],
        out[SB_CONTAINER_BYTES_MAX];
    unsigned extended = 0, refused = 0;
    static reference r;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        random_reference(&random, &r);
        uint32_t end = SB_CONTAINER_IDS;
        while (end > 0 && !r.has[end - 1])
            end--;
        const uint32_t skip = (uint32_t)sb_random_below(&random, 2),
                       more = 1 + (uint32_t)sb_random_below(&random, 100);
        if (end == 0 || end + skip + more > SB_CONTAINER_IDS) continue;
        const size_t size = encode(&r, before);
        const uint32_t first = end + skip, last = first + more - 1;
        const bool is_run = before[0] == 3;
        assert_int_equal(sb_container__extend(sb_bytes_of(before, size), first, last, out),
                         is_run && skip == 0);
        refused += skip != 0 || !is_run;
        if (skip != 0 || !is_run) continue;
        for (uint32_t i = first; i <= last; i++)
            r.has[i] = true;
        assert_int_equal(encode(&r, after), size);
        assert_memory_equal(out, after, size);
        extended++;
    }
    assert_true(extended > 50 && refused > 50);
}

static void test_store_container__small(void **state)
{
    uint8_t bytes[SB_CONTAINER_BYTES_MAX];
    sb_container container = {{0}};

    (void)state;
    assert_int_equal(sb_container__encode(&container, bytes), 0);
    sb_container__set(&container, 4095);
    assert_int_equal(sb_container__encode(&container, bytes), 3);
    memset(&container, 0xFF, sizeof container);
    assert_int_equal(sb_container__encode(&container, bytes), 5); /* one run */
    sb_container back;
    assert_true(sb_container__decode(sb_bytes_of(bytes, 5), &back));
    assert_memory_equal(&back, &container, sizeof back);
}

static void test_store_container__damaged(void **state)
{
    static const struct {
        uint8_t bytes[9];
        size_t size;
    } cases[] = {
        {{0}, 0},
        {{1}, 1},       /* nothing in it */
        {{0, 1, 0}, 3}, /* unknown kind */
        {{4, 1, 0}, 3},
        {{1, 1, 0, 2}, 4},                /* half an id */
        {{1, 0, 16}, 3},                  /* 4096 */
        {{1, 2, 0, 1, 0}, 5},             /* out of order */
        {{1, 2, 0, 2, 0}, 5},             /* twice */
        {{2, 1, 0}, 3},                   /* not 512 bytes */
        {{3, 1, 0, 2}, 4},                /* not a run */
        {{3, 2, 0, 1, 0}, 5},             /* ends before it begins */
        {{3, 1, 0, 0, 16}, 5},            /* ends past the last */
        {{3, 1, 0, 3, 0, 2, 0, 5, 0}, 9}, /* overlapping */
        {{3, 1, 0, 3, 0, 4, 0, 5, 0}, 9}, /* should be one */
    };
    sb_container container;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (sb_container__decode(sb_bytes_of(cases[i].bytes, cases[i].size), &container))
            fail_msg("case %zu", i);
    }
}

/* Never out of bounds; ids ascend and lie in the container, whatever the bytes. */
static void test_store_container__hostile(void **state)
{
    sb_random random = test_random(20261122);
    uint64_t ids[SB_CONTAINER_IDS];
    sb_container container;
    static reference r;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[SB_CONTAINER_BYTES_MAX];
        random_reference(&random, &r);
        size_t size = encode(&r, bytes);
        if (sb_random_below(&random, 3) == 0) size = sb_random_below(&random, size + 1);
        uint8_t *copy = malloc(size + (size == 0));
        memcpy(copy, bytes, size);
        for (uint64_t i = sb_random_below(&random, 5); i > 0 && size > 0; i--)
            copy[sb_random_below(&random, size)] = (uint8_t)sb_random_next(&random);
        const sb_bytes hostile = sb_bytes_of(copy, size);
        size_t count;
        bool has;
        const bool valid = sb_container__decode(hostile, &container);
        const uint32_t from = (uint32_t)sb_random_below(&random, SB_CONTAINER_IDS);
        (void)!sb_container__has(hostile, from, &has);
        const bool read = sb_container__read(hostile, from, 0, ids, SB_CONTAINER_IDS, &count);
        if (valid) assert_true(read);
        for (size_t i = 0; read && i < count; i++)
            assert_true(ids[i] >= (i > 0 ? ids[i - 1] + 1 : from) && ids[i] < SB_CONTAINER_IDS);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_container__forms),   TEST(test_store_container__changes),
        TEST(test_store_container__extend),  TEST(test_store_container__small),
        TEST(test_store_container__damaged), TEST(test_store_container__hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
