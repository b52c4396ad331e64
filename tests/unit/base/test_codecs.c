/* Goal: bytes.h, bits.h, varint.h and random.h. Method: known values, round trips on edge values,
 * every cut and every overlong form refused, bitmaps against a loop over single bits. */
#include "base/bits.h"
#include "base/bytes.h"
#include "base/varint.h"

#include "support/unit.h"

static void test_base_codecs__loads_and_stores(void **state)
{
    (void)state;
    uint8_t raw[9] = {0xFF, 1, 2, 3, 4, 5, 6, 7, 8};
    assert_int_equal(sb_load_le16(raw + 1), 0x0201);
    assert_int_equal(sb_load_be16(raw + 1), 0x0102);
    assert_int_equal(sb_load_le32(raw + 1), 0x04030201);
    assert_int_equal(sb_load_be32(raw + 1), 0x01020304);
    assert_true(sb_load_le64(raw + 1) == 0x0807060504030201ull);
    assert_true(sb_load_be64(raw + 1) == 0x0102030405060708ull);
    sb_store_be64(raw + 1, 0x1122334455667788ull);
    assert_int_equal(raw[1], 0x11);
    assert_true(sb_load_le64(raw + 1) == 0x8877665544332211ull);
    assert_int_equal(raw[0], 0xFF);
}

static void test_base_codecs__widths(void **state)
{
    (void)state;
    const uint64_t values[] = {0,       1,           0xFF,           0x100,     0xFFFF,
                               0x10000, 0xFFFFFFFFu, 0x100000000ull, UINT64_MAX};
    const unsigned widths[] = {0, 1, 1, 2, 2, 4, 4, 8, 8};
    for (size_t i = 0; i < 9; i++) {
        uint8_t raw[10];
        memset(raw, 0xEE, sizeof raw);
        assert_int_equal(sb_width_of(values[i]), widths[i]);
        sb_store_width(raw + 1, widths[i], values[i]);
        assert_true(sb_load_width(raw + 1, widths[i]) == values[i]);
        assert_int_equal(raw[0], 0xEE);
        assert_int_equal(raw[1 + widths[i]], 0xEE);
    }
}

static void test_base_codecs__byte_order(void **state)
{
    (void)state;
    const sb_bytes ordered[] = {sb_bytes_of(NULL, 0),  sb_bytes_of("\x00", 1),
                                sb_bytes_of("a", 1),   sb_bytes_of("a\x00", 2),
                                sb_bytes_of("ab", 2),  sb_bytes_of("b", 1),
                                sb_bytes_of("\x80", 1)};
    for (size_t i = 0; i < 7; i++) {
        for (size_t j = 0; j < 7; j++) {
            const int order = sb_bytes_compare(ordered[i], ordered[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
            assert_int_equal(sb_bytes_equal(ordered[i], ordered[j]), i == j);
        }
    }
}

static void test_base_codecs__varint_round_trip(void **state)
{
    (void)state;
    sb_random random = test_random(3);
    for (size_t i = 0; i < 20000; i++) {
        uint8_t raw[SB_VARINT_MAX_BYTES];
        uint64_t v = sb_random_next(&random) >> sb_random_below(&random, 64);
        if (i < 64) v = 1ull << i;
        if (i >= 64 && i < 128) v = (1ull << (i - 64)) - 1;
        if (i == 128) v = UINT64_MAX;
        const size_t bytes = sb_varint_encode(raw, v);
        assert_int_equal(bytes, sb_varint_bytes(v));
        for (size_t cut = 0; cut <= bytes; cut++) {
            const uint8_t *pos = raw;
            uint64_t back = 77;
            const bool ok = sb_varint_decode(&pos, raw + cut, &back);
            assert_int_equal(ok, cut == bytes);
            assert_ptr_equal(pos, ok ? raw + bytes : raw);
            assert_true(back == (ok ? v : 77));
        }
    }
}

static void test_base_codecs__varint_refuses_other_forms(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        {"\x80\x00", 2},                                      /* 0 in two bytes */
        {"\xFF\x80\x00", 3},                                  /* 127 in three */
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10},     /* bit 64 */
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x81\x00", 11}, /* eleven bytes */
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 10},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const uint8_t *pos = (const uint8_t *)bad[i].bytes;
        uint64_t v;
        assert_false(sb_varint_decode(&pos, pos + bad[i].size, &v));
        assert_ptr_equal(pos, bad[i].bytes);
    }
}

static void test_base_codecs__zigzag(void **state)
{
    (void)state;
    const int64_t values[] = {0, -1, 1, -2, INT64_MAX, INT64_MIN};
    const uint64_t coded[] = {0, 1, 2, 3, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < 6; i++) {
        assert_true(sb_zigzag(values[i]) == coded[i]);
        assert_true(sb_unzigzag(coded[i]) == values[i]);
    }
}

static void test_base_codecs__bitmaps(void **state)
{
    (void)state;
    sb_random random = test_random(5);
    for (size_t round = 0; round < 400; round++) {
        const size_t count = (size_t)sb_random_below(&random, 300);
        const size_t bytes = (count + 7) / 8;
        const uint64_t density = 1 + sb_random_below(&random, 64);
        uint8_t *map = test_malloc(bytes + 1); /* its end is checked */
        memset(map, 0, bytes);
        for (size_t i = 0; i < 8 * bytes; i++) {
            if (sb_random_below(&random, density) == 0) sb_bit_set(map, i);
        }
        if (count > 0) {
            const size_t i = (size_t)sb_random_below(&random, count);
            const bool before = sb_bit_get(map, i);
            sb_bit_clear(map, i);
            assert_false(sb_bit_get(map, i));
            if (before) sb_bit_set(map, i);
            assert_int_equal(sb_bit_get(map, i), before);
        }
        size_t expected = 0;
        for (size_t i = 0; i < count; i++)
            expected += sb_bit_get(map, i);
        assert_int_equal(sb_bits_count(map, count), expected);
        for (size_t from = 0; from <= count + 2; from++) {
            size_t next = from;
            while (next < count && !sb_bit_get(map, next))
                next++;
            assert_int_equal(sb_bits_next(map, from, count), next < count ? next : count);
        }
        test_free(map);
    }
}

static void test_base_codecs__words(void **state)
{
    (void)state;
    assert_int_equal(sb_popcount64(UINT64_MAX), 64);
    assert_int_equal(sb_ctz64(1ull << 63), 63);
    assert_int_equal(sb_clz64(1), 63);
    assert_true(sb_pow2_ceil(0) == 1);
    assert_true(sb_pow2_ceil(1) == 1);
    assert_true(sb_pow2_ceil(3) == 4);
    assert_true(sb_pow2_ceil(4) == 4);
    assert_true(sb_pow2_ceil((1ull << 62) + 1) == 1ull << 63);
    assert_true(sb_pow2_ceil(1ull << 63) == 1ull << 63);
}

static void test_base_codecs__random_is_repeatable_and_bounded(void **state)
{
    (void)state;
    sb_random zero = {0};
    /* First outputs of splitmix64 from state 0, as its authors publish them. */
    assert_true(sb_random_next(&zero) == 0xe220a8397b1dcdafull);
    assert_true(sb_random_next(&zero) == 0x6e789e6aa1b965f4ull);
    assert_true(sb_random_next(&zero) == 0x06c45d188009454full);
    size_t hits[10] = {0};
    for (size_t i = 0; i < 100000; i++)
        hits[sb_random_below(&zero, 10)]++;
    for (size_t i = 0; i < 10; i++)
        assert_in_range(hits[i], 9500, 10500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_base_codecs__loads_and_stores),
        TEST(test_base_codecs__widths),
        TEST(test_base_codecs__byte_order),
        TEST(test_base_codecs__varint_round_trip),
        TEST(test_base_codecs__varint_refuses_other_forms),
        TEST(test_base_codecs__zigzag),
        TEST(test_base_codecs__bitmaps),
        TEST(test_base_codecs__words),
        TEST(test_base_codecs__random_is_repeatable_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
