/* hash.c — bytes to 64 bits: each 16 bytes are two words, keyed, multiplied to 128 bits and folded.
 * The fold of a wide product spreads every input bit over the whole word in one multiplication. */
#include "base/hash.h"

#include "base/bytes.h"

/* The fractional parts of the square roots of 2, 3, 5 and 7, made odd. */
#define KEY_A 0x6a09e667f3bcc909ull
#define KEY_B 0xbb67ae8584caa73bull
#define KEY_C 0x3c6ef372fe94f82bull
#define KEY_D 0xa54ff53a5f1d36f1ull

static uint64_t fold(uint64_t a, uint64_t b)
{
    const sb_u128 product = (sb_u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Up to 8 bytes, zero above. */
static uint64_t load_tail(const uint8_t *p, size_t bytes)
{
    uint64_t v = 0;

    if (bytes >= 8) return sb_load_le64(p);
    if (bytes >= 4) {
        /* Two overlapping halves cover 4 to 7 bytes. */
        return sb_load_le32(p) | (uint64_t)sb_load_le32(p + bytes - 4) << 32;
    }
    for (size_t i = 0; i < bytes; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint64_t sb_hash_bytes(const void *data, size_t bytes, uint64_t seed)
{
    const uint8_t *p = data;
    size_t left = bytes;
    uint64_t h = seed ^ KEY_A;

    while (left > 16) {
        /* Adding h turned keeps it when the product happens to be zero. */
        h = fold(sb_load_le64(p) ^ KEY_B ^ h, sb_load_le64(p + 8) ^ KEY_C) + (h << 29 | h >> 35);
        p += 16;
        left -= 16;
    }
    const uint64_t low = left != 0 ? load_tail(p, left) : 0;
    const uint64_t high = left > 8 ? load_tail(p + 8, left - 8) : 0;
    /* The length tells apart inputs that differ in trailing zero bytes only. */
    h = fold(low ^ KEY_B ^ h, high ^ KEY_D ^ (uint64_t)bytes) + (h << 29 | h >> 35);
    return sb_hash_u64(h);
}
