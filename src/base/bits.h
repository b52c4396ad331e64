/* bits.h — counting and scanning bits in words and in byte-addressed bitmaps (bit i is bit i%8 of
 * byte i/8, so bitmaps on disk read alike on every machine). */
#ifndef SB_BITS_H
#define SB_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

SB_INLINE unsigned sb_popcount64(uint64_t v)
{
    return (unsigned)__builtin_popcountll(v);
}
/* v != 0 */
SB_INLINE unsigned sb_ctz64(uint64_t v)
{
    return (unsigned)__builtin_ctzll(v);
}
/* v != 0 */
SB_INLINE unsigned sb_clz64(uint64_t v)
{
    return (unsigned)__builtin_clzll(v);
}
SB_INLINE bool sb_bit_get(const uint8_t *map, size_t i)
{
    return (map[i >> 3] >> (i & 7)) & 1;
}
SB_INLINE void sb_bit_set(uint8_t *map, size_t i)
{
    map[i >> 3] = (uint8_t)(map[i >> 3] | 1u << (i & 7));
}
SB_INLINE void sb_bit_clear(uint8_t *map, size_t i)
{
    map[i >> 3] = (uint8_t)(map[i >> 3] & ~(1u << (i & 7)));
}
/* Set count bits from `from` on. */
void sb_bits_fill(uint8_t *map, size_t from, size_t count);
/* Set bits in [0, count). */
size_t sb_bits_count(const uint8_t *map, size_t count);
/* First set bit at or after from and before count; count when there is none. */
size_t sb_bits_next(const uint8_t *map, size_t from, size_t count);
/* Smallest power of two not below v; v <= 2^63. */
SB_INLINE uint64_t sb_pow2_ceil(uint64_t v)
{
    return v <= 1 ? 1 : 1ull << (64 - sb_clz64(v - 1));
}

#endif
