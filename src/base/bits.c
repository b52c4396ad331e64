/* bits.c — counting and scanning in byte-addressed bitmaps, a word at a time. */
#include "base/bits.h"

#include <string.h>

void sb_bits_fill(uint8_t *map, size_t from, size_t count)
{
    const size_t end = from + count;

    for (; from < end && (from & 7) != 0; from++)
        sb_bit_set(map, from);
    if (end - from >= 8) memset(map + from / 8, 0xFF, (end - from) / 8);
    for (from += (end - from) & ~(size_t)7; from < end; from++)
        sb_bit_set(map, from);
}

size_t sb_bits_count(const uint8_t *map, size_t count)
{
    size_t total = 0;
    size_t i = 0;

    for (; i + 64 <= count; i += 64)
        total += sb_popcount64(sb_load_le64(map + i / 8));
    for (; i + 8 <= count; i += 8)
        total += sb_popcount64(map[i / 8]);
    if (i < count) total += sb_popcount64(map[i / 8] & ((1u << (count - i)) - 1u));
    return total;
}

size_t sb_bits_next(const uint8_t *map, size_t from, size_t count)
{
    size_t i = from;

    /* Up to a byte border bit by bit, then whole words: a byte past the one that holds bit
     * count - 1 is never read, so the map may end there. */
    for (; i < count && (i & 7) != 0; i++) {
        if (sb_bit_get(map, i)) return i;
    }
    for (; i < count && count - i >= 64; i += 64) {
        const uint64_t word = sb_load_le64(map + i / 8);
        if (word != 0) return i + sb_ctz64(word);
    }
    for (; i < count; i += 8) {
        const uint64_t byte = map[i / 8];
        if (byte != 0) {
            const size_t found = i + sb_ctz64(byte);
            return found < count ? found : count;
        }
    }
    return count;
}
