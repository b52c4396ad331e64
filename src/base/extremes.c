/* extremes.c — a word at a time, or four where the processor has AVX2. */
#include "base/extremes.h"

#include "base/compiler.h"

void sb_extremes_portable(const uint64_t *words, size_t count, uint64_t bias, uint64_t *min,
                          uint64_t *max)
{
    uint64_t least = *min, most = *max;

    for (size_t i = 0; i < count; i++) {
        const uint64_t word = words[i] ^ bias;
        least = word < least ? word : least;
        most = word > most ? word : most;
    }
    *min = least;
    *max = most;
}

#if defined(__x86_64__)

#include <immintrin.h>

#define WIDE __attribute__((target("avx2")))
#define FOUR 4u
#define SIGN 0x8000000000000000ull
/* Fewer are looked at before four are in step. */
#define LEAST 16u

/* Lanes are compared as signed numbers, so words have their sign turned. */
typedef struct lanes {
    __m256i least, most;
} lanes;

WIDE SB_INLINE lanes widen(lanes l, const uint64_t *words, __m256i turn)
{
    const __m256i four =
        _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(const void *)words), turn);
    l.least = _mm256_blendv_epi8(l.least, four, _mm256_cmpgt_epi64(l.least, four));
    l.most = _mm256_blendv_epi8(l.most, four, _mm256_cmpgt_epi64(four, l.most));
    return l;
}

/* count >= LEAST. The last four may be seen twice, which changes nothing. */
WIDE static void extremes_with_avx2(const uint64_t *words, size_t count, uint64_t bias,
                                    uint64_t *min, uint64_t *max)
{
    const __m256i turn = _mm256_set1_epi64x((long long)(bias ^ SIGN));
    const __m256i first = _mm256_xor_si256(_mm256_set1_epi64x((long long)words[0]), turn);
    lanes a = {first, first}, b = {first, first};
    uint64_t ends[2 * FOUR];
    size_t i = 0;

    for (; i + 2 * FOUR <= count; i += 2 * FOUR) {
        a = widen(a, words + i, turn);
        b = widen(b, words + i + FOUR, turn);
    }
    if (i + FOUR <= count) a = widen(a, words + i, turn);
    b = widen(b, words + count - FOUR, turn);
    a.least = _mm256_blendv_epi8(a.least, b.least, _mm256_cmpgt_epi64(a.least, b.least));
    a.most = _mm256_blendv_epi8(a.most, b.most, _mm256_cmpgt_epi64(b.most, a.most));
    _mm256_storeu_si256((__m256i *)(void *)ends, a.least);
    _mm256_storeu_si256((__m256i *)(void *)(ends + FOUR), a.most);
    sb_extremes_portable(ends, 2 * FOUR, SIGN, min, max);
}

void sb_extremes(const uint64_t *words, size_t count, uint64_t bias, uint64_t *min, uint64_t *max)
{
    if (SB_LIKELY(count >= LEAST && __builtin_cpu_supports("avx2")))
        extremes_with_avx2(words, count, bias, min, max);
    else
        sb_extremes_portable(words, count, bias, min, max);
}

#else

void sb_extremes(const uint64_t *words, size_t count, uint64_t bias, uint64_t *min, uint64_t *max)
{
    sb_extremes_portable(words, count, bias, min, max);
}

#endif
