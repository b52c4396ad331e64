/* crc32c.c — the instruction in three interleaved streams, or eight tables.
 *
 * The crc32 instruction takes three cycles and one can start each cycle, so one stream of 8-byte
 * steps reaches a third of what the unit can do. Three neighboring ranges of n bytes are therefore
 * summed side by side and then joined: with checksums a, b, c of the three,
 *     crc(ABC) = a · x^(16n) + b · x^(8n) + c   (mod P)
 * where the product with a constant is one carry-less multiplication and its reduction is the crc32
 * instruction itself: crc32(0, clmul(a, k)) = a · k · x^33 mod P, hence constants x^(8n - 33).
 * (The idea is in Gopal et al., "Fast CRC Computation for iSCSI Polynomial Using CRC32 Instruction",
 * Intel 2011.) Streams of 2,048, 512 and 128 bytes leave at most 383 bytes to a single stream. */
#include "base/crc32c.h"

#include "base/bytes.h"
#include "base/crc32c_table.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#define HAVE_CRC_INSTRUCTION 1
#define CRC_TARGET           __attribute__((target("sse4.2,pclmul")))
#define CRC_STEP_64(crc, v)  ((uint32_t)_mm_crc32_u64((crc), (v)))
#define CRC_STEP_8(crc, v)   _mm_crc32_u8((crc), (v))
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define HAVE_CRC_INSTRUCTION 1
#define CRC_TARGET
#define CRC_STEP_64(crc, v) __crc32cd((crc), (v))
#define CRC_STEP_8(crc, v)  __crc32cb((crc), (v))
#endif

uint32_t sb_crc32c_portable(uint32_t crc, const void *data, size_t bytes)
{
    const uint8_t *p = data;
    uint32_t c = ~crc;

    for (; bytes >= 8; p += 8, bytes -= 8) {
        const uint64_t v = sb_load_le64(p) ^ c;
        c = TABLE[7][v & 0xFF] ^ TABLE[6][(v >> 8) & 0xFF] ^ TABLE[5][(v >> 16) & 0xFF] ^
            TABLE[4][(v >> 24) & 0xFF] ^ TABLE[3][(v >> 32) & 0xFF] ^ TABLE[2][(v >> 40) & 0xFF] ^
            TABLE[1][(v >> 48) & 0xFF] ^ TABLE[0][v >> 56];
    }
    for (; bytes > 0; p++, bytes--)
        c = (c >> 8) ^ TABLE[0][(c ^ *p) & 0xFF];
    return ~c;
}

#ifdef HAVE_CRC_INSTRUCTION

/* Product of two polynomials over GF(2); bit i + j of the result for bits i and j. */
#if defined(__x86_64__)
CRC_TARGET static uint64_t multiply(uint32_t a, uint32_t b)
{
    const __m128i product =
        _mm_clmulepi64_si128(_mm_cvtsi32_si128((int)a), _mm_cvtsi32_si128((int)b), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}
#else
/* Not the polynomial-multiply instruction, which is an option of its own: 32 steps, once in 1,536
 * bytes at the least. */
static uint64_t multiply(uint32_t a, uint32_t b)
{
    uint64_t product = 0;

    for (unsigned bit = 0; bit < 32; bit++)
        product ^= (0 - (uint64_t)((b >> bit) & 1)) & ((uint64_t)a << bit);
    return product;
}
#endif

/* Sums 3 × n bytes at p; far and near are the constants of 2n and n bytes. n is divisible by 8. */
CRC_TARGET static uint32_t sum_three(uint32_t crc, const uint8_t *p, size_t n, uint32_t far,
                                     uint32_t near)
{
    uint32_t a = crc;
    uint32_t b = 0;
    uint32_t c = 0;

    for (const uint8_t *end = p + n; p != end; p += 8) {
        a = CRC_STEP_64(a, sb_load_le64(p));
        b = CRC_STEP_64(b, sb_load_le64(p + n));
        c = CRC_STEP_64(c, sb_load_le64(p + 2 * n));
    }
    return c ^ CRC_STEP_64(0, multiply(a, far) ^ multiply(b, near));
}

CRC_TARGET static uint32_t sum_with_instruction(uint32_t crc, const uint8_t *p, size_t bytes)
{
    uint32_t c = ~crc;

    for (; bytes >= 3 * 2048; p += 3 * 2048, bytes -= 3 * 2048) {
        c = sum_three(c, p, 2048, CRC32C_SHIFT_2X2048, CRC32C_SHIFT_2048);
    }
    for (; bytes >= 3 * 512; p += 3 * 512, bytes -= 3 * 512) {
        c = sum_three(c, p, 512, CRC32C_SHIFT_2X512, CRC32C_SHIFT_512);
    }
#if defined(__x86_64__) /* too short to pay for multiply() without an instruction */
    for (; bytes >= 3 * 128; p += 3 * 128, bytes -= 3 * 128) {
        c = sum_three(c, p, 128, CRC32C_SHIFT_2X128, CRC32C_SHIFT_128);
    }
#endif
    for (; bytes >= 8; p += 8, bytes -= 8)
        c = CRC_STEP_64(c, sb_load_le64(p));
    for (; bytes > 0; p++, bytes--)
        c = CRC_STEP_8(c, *p);
    return ~c;
}

uint32_t sb_crc32c(uint32_t crc, const void *data, size_t bytes)
{
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("pclmul")) {
        return sb_crc32c_portable(crc, data, bytes);
    }
#endif
    return sum_with_instruction(crc, data, bytes);
}

#else

uint32_t sb_crc32c(uint32_t crc, const void *data, size_t bytes)
{
    return sb_crc32c_portable(crc, data, bytes);
}

#endif
