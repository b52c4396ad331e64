/* unpack.c — a loop for each width, which the compiler turns into vectors; where the processor has AVX2, one that widens four numbers by an
 * instruction. There what is left of four is done with the four that end with it, most of which were done before, so that short lists need
 * no loop of single numbers at their end. */
#include "base/unpack.h"

#include "base/bytes.h"
#include "base/compiler.h"

SB_INLINE void unpack_width(const uint8_t *in, uint64_t base, size_t count, unsigned width,
                            uint64_t *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = base + sb_load_width(in + i * width, width);
}

void sb_unpack_portable(const uint8_t *in, uint64_t base, size_t count, unsigned width,
                        uint64_t *out)
{
    switch (width) {
    case 0: unpack_width(in, base, count, 0, out); break;
    case 1: unpack_width(in, base, count, 1, out); break;
    case 2: unpack_width(in, base, count, 2, out); break;
    case 4: unpack_width(in, base, count, 4, out); break;
    default: unpack_width(in, base, count, 8, out); break;
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE __attribute__((target("avx2")))
#define FOUR 4u

/* The FOUR numbers of width bytes at in, each in 64 bits. */
WIDE SB_INLINE __m256i widen(const uint8_t *in, unsigned width)
{
    switch (width) {
    case 1: return _mm256_cvtepu8_epi64(_mm_cvtsi32_si128((int)sb_load_le32(in)));
    case 2: return _mm256_cvtepu16_epi64(_mm_loadl_epi64((const __m128i *)(const void *)in));
    default: return _mm256_cvtepu32_epi64(_mm_loadu_si128((const __m128i *)(const void *)in));
    }
}

WIDE SB_INLINE void unpack_four(const uint8_t *in, __m256i bases, size_t at, unsigned width,
                                uint64_t *out)
{
    _mm256_storeu_si256((__m256i *)(void *)(out + at),
                        _mm256_add_epi64(widen(in + at * width, width), bases));
}

/* count >= FOUR; width is 1, 2 or 4. */
WIDE SB_INLINE void unpack_wide(const uint8_t *in, uint64_t base, size_t count, unsigned width,
                                uint64_t *out)
{
    const __m256i bases = _mm256_set1_epi64x((long long)base);
    size_t i = 0;

    for (; i + 2 * FOUR <= count; i += 2 * FOUR) {
        unpack_four(in, bases, i, width, out);
        unpack_four(in, bases, i + FOUR, width, out);
    }
    if (i + FOUR <= count) unpack_four(in, bases, i, width, out);
    if (count % FOUR != 0) unpack_four(in, bases, count - FOUR, width, out);
}

WIDE static void unpack_with_avx2(const uint8_t *in, uint64_t base, size_t count, unsigned width,
                                  uint64_t *out)
{
    switch (width) {
    case 1: unpack_wide(in, base, count, 1, out); break;
    case 2: unpack_wide(in, base, count, 2, out); break;
    default: unpack_wide(in, base, count, 4, out); break;
    }
}

void sb_unpack(const uint8_t *in, uint64_t base, size_t count, unsigned width, uint64_t *out)
{
    if (SB_LIKELY(count >= FOUR && width - 1 < 4 && __builtin_cpu_supports("avx2")))
        unpack_with_avx2(in, base, count, width, out);
    else
        sb_unpack_portable(in, base, count, width, out);
}

#else

void sb_unpack(const uint8_t *in, uint64_t base, size_t count, unsigned width, uint64_t *out)
{
    sb_unpack_portable(in, base, count, width, out);
}

#endif
