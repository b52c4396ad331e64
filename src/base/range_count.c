/* range_count.c — one loop for each width, which the compiler turns into vectors. */
#include "base/range_count.h"

#include "base/bytes.h"
#include "base/compiler.h"

#define LANES 64u /* counters side by side; the compiler makes vectors of them */

/* The last numbers of an array are counted as the end of a block of LANES, most of which was counted before: from place n on, n ones
 * are the last of LANES flags. */
#define NONE_OF_16 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define ALL_OF_16  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
static const uint8_t LAST_LANES[2 * LANES] = {NONE_OF_16, NONE_OF_16, NONE_OF_16, NONE_OF_16,
                                              ALL_OF_16,  ALL_OF_16,  ALL_OF_16,  ALL_OF_16};

/* Of LANES bytes, by words: pairs to 16 bits, which hold LANES / 4 times 255. */
SB_INLINE size_t sum_bytes(const uint8_t *lanes)
{
    const uint64_t low = 0x00ff00ff00ff00ffu;
    uint64_t sum = 0;
    for (size_t k = 0; k < LANES; k += 8) {
        const uint64_t word = sb_load_le64(lanes + k);
        sum += (word & low) + ((word >> 8) & low);
    }
    return (size_t)((sum * 0x0001000100010001u) >> 48);
}
#define SUM_LOOP(name, word)                                                                       \
    SB_INLINE size_t name(const word *lanes)                                                       \
    {                                                                                              \
        size_t sum = 0;                                                                            \
        for (size_t k = 0; k < LANES; k++)                                                         \
            sum += lanes[k];                                                                       \
        return sum;                                                                                \
    }
SUM_LOOP(sum_halves, uint16_t)
SUM_LOOP(sum_words, uint32_t)
SB_INLINE uint8_t load_byte(const uint8_t *in)
{
    return *in;
}

/* Counters have the width of the numbers, so that a vector's lanes need no widening: they are emptied before they run over. */
#define COUNT_LOOP(name, word, load, sum, most)                                                    \
    static size_t name(const uint8_t *in, size_t count, word low, word span)                       \
    {                                                                                              \
        size_t matches = 0, i = 0;                                                                 \
        if (count < LANES) {                                                                       \
            for (; i < count; i++)                                                                 \
                matches += (word)(load(in + i * sizeof(word)) - low) <= span;                      \
            return matches;                                                                        \
        }                                                                                          \
        while (i < count) {                                                                        \
            const size_t left = (count - i) / LANES, turns = left < (most) ? left : (most);        \
            word lanes[LANES] = {0};                                                               \
            for (size_t t = 0; t < turns; t++, i += LANES)                                         \
                for (size_t k = 0; k < LANES; k++)                                                 \
                    lanes[k] = (word)(lanes[k] +                                                   \
                                      ((word)(load(in + (i + k) * sizeof(word)) - low) <= span));  \
            if (count - i < LANES) {                                                               \
                const uint8_t *const end = in + (count - LANES) * sizeof(word);                    \
                const uint8_t *const last = LAST_LANES + (count - i);                              \
                for (size_t k = 0; k < LANES; k++)                                                 \
                    lanes[k] =                                                                     \
                        (word)(lanes[k] +                                                          \
                               (last[k] & ((word)(load(end + k * sizeof(word)) - low) <= span)));  \
                i = count;                                                                         \
            }                                                                                      \
            matches += sum(lanes);                                                                 \
        }                                                                                          \
        return matches;                                                                            \
    }
/* `most` blocks, and what is left of one. */
COUNT_LOOP(count_8, uint8_t, load_byte, sum_bytes, 254u)
COUNT_LOOP(count_16, uint16_t, sb_load_le16, sum_halves, 65534u)
COUNT_LOOP(count_32, uint32_t, sb_load_le32, sum_words, UINT32_MAX - 1)
/* One at a time: vectors without an unsigned compare of 64 bits (SSE2) take longer over it. */
static size_t count_64(const uint8_t *in, size_t count, uint64_t low, uint64_t span)
{
    size_t even = 0, odd = 0, i = 0;
    for (; i + 2 <= count; i += 2) {
        even += sb_load_le64(in + i * 8) - low <= span;
        odd += sb_load_le64(in + i * 8 + 8) - low <= span;
    }
    if (i < count) even += sb_load_le64(in + i * 8) - low <= span;
    return even + odd;
}

size_t sb_range_count(const uint8_t *in, unsigned width, size_t count, uint64_t low, uint64_t span)
{
    switch (width) {
    case 1: return count_8(in, count, (uint8_t)low, (uint8_t)span);
    case 2: return count_16(in, count, (uint16_t)low, (uint16_t)span);
    case 4: return count_32(in, count, (uint32_t)low, (uint32_t)span);
    default: return count_64(in, count, low, span);
    }
}
