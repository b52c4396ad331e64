/* Goal: CRC-32C is the standard's, on every path and alignment; sb_hash_bytes spreads and depends on
 * every byte, the length and the seed. Method: published vectors, a bit-by-bit reference, avalanche
 * counts. */
#include "base/crc32c.h"
#include "base/hash.h"

#include "support/unit.h"

static uint32_t reference_crc(uint32_t crc, const uint8_t *p, size_t bytes)
{
    uint32_t c = ~crc;
    for (size_t i = 0; i < bytes; i++) {
        c ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            c = (c >> 1) ^ ((c & 1) != 0 ? 0x82F63B78u : 0);
    }
    return ~c;
}

static void test_base_hash__crc_known_vectors(void **state)
{
    (void)state;
    /* RFC 3720, appendix B.4, and the check value of the catalogs. */
    uint8_t data[32];
    uint32_t (*const functions[])(uint32_t, const void *, size_t) = {sb_crc32c, sb_crc32c_portable};
    for (size_t f = 0; f < 2; f++) {
        assert_int_equal(functions[f](0, "123456789", 9), 0xE3069283u);
        assert_int_equal(functions[f](0, NULL, 0), 0);
        memset(data, 0, 32);
        assert_int_equal(functions[f](0, data, 32), 0x8A9136AAu);
        memset(data, 0xFF, 32);
        assert_int_equal(functions[f](0, data, 32), 0x62A8AB43u);
        for (uint8_t i = 0; i < 32; i++)
            data[i] = i;
        assert_int_equal(functions[f](0, data, 32), 0x46DD794Eu);
        for (uint8_t i = 0; i < 32; i++)
            data[i] = (uint8_t)(31 - i);
        assert_int_equal(functions[f](0, data, 32), 0x113FDB5Cu);
    }
}

static void test_base_hash__crc_all_lengths_and_alignments(void **state)
{
    (void)state;
    enum { MOST = 20000 };
    sb_random random = test_random(8);
    uint8_t *data = test_malloc(MOST + 16);
    for (size_t i = 0; i < MOST + 16; i++)
        data[i] = (uint8_t)sb_random_next(&random);
    for (size_t round = 0; round < 1500; round++) {
        const size_t at = (size_t)sb_random_below(&random, 16);
        const size_t bytes = round < 1000 ? round : (size_t)sb_random_below(&random, MOST);
        const uint32_t start = (uint32_t)sb_random_next(&random);
        const uint32_t expected = reference_crc(start, data + at, bytes);
        assert_int_equal(sb_crc32c(start, data + at, bytes), expected);
        assert_int_equal(sb_crc32c_portable(start, data + at, bytes), expected);
        const size_t cut = (size_t)sb_random_below(&random, bytes + 1);
        const uint32_t part = sb_crc32c(start, data + at, cut);
        assert_int_equal(sb_crc32c(part, data + at + cut, bytes - cut), expected);
    }
    test_free(data);
}

static void test_base_hash__bytes_all_count(void **state)
{
    (void)state;
    sb_random random = test_random(9);
    uint64_t flipped_bits = 0;
    uint64_t trials = 0;
    for (size_t bytes = 0; bytes <= 80; bytes++) {
        uint8_t *data = test_malloc(bytes + 1);
        for (size_t i = 0; i < bytes; i++)
            data[i] = (uint8_t)sb_random_next(&random);
        const uint64_t hash = sb_hash_bytes(data, bytes, 1);
        assert_true(hash == sb_hash_bytes(data, bytes, 1));
        assert_true(hash != sb_hash_bytes(data, bytes, 2));
        for (size_t bit = 0; bit < 8 * bytes; bit++) {
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            const uint64_t other = sb_hash_bytes(data, bytes, 1);
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_true(other != hash);
            flipped_bits += (uint64_t)__builtin_popcountll(other ^ hash);
            trials++;
        }
        test_free(data);
    }
    /* Half of 64 bits flip on average. */
    assert_in_range(flipped_bits * 100 / trials, 3150, 3250);
}

static void test_base_hash__lengths_of_zeros_differ(void **state)
{
    (void)state;
    const uint8_t zeros[100] = {0};
    uint64_t hashes[100];
    for (size_t i = 0; i < 100; i++) {
        hashes[i] = sb_hash_bytes(zeros, i, 0);
        for (size_t j = 0; j < i; j++)
            assert_true(hashes[i] != hashes[j]);
    }
    assert_true(sb_hash_bytes(NULL, 0, 0) == hashes[0]);
}

static void test_base_hash__small_integers_spread(void **state)
{
    (void)state;
    size_t buckets[256] = {0};
    for (uint64_t i = 0; i < 65536; i++) {
        uint8_t raw[8];
        memcpy(raw, &i, 8);
        buckets[sb_hash_bytes(raw, 8, 0) & 255]++;
    }
    for (size_t i = 0; i < 256; i++)
        assert_in_range(buckets[i], 150, 370);
    assert_true(sb_hash_u64(1) != sb_hash_u64(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_base_hash__crc_known_vectors),
        TEST(test_base_hash__crc_all_lengths_and_alignments),
        TEST(test_base_hash__bytes_all_count),
        TEST(test_base_hash__lengths_of_zeros_differ),
        TEST(test_base_hash__small_integers_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
