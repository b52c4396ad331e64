/* varint.h — LEB128 varints of at most 10 bytes, and zigzag. Decoding checks every byte. */
#ifndef SB_VARINT_H
#define SB_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

#define SB_VARINT_MAX_BYTES 10u

/* Writes 1 to 10 bytes, returns how many. */
size_t sb_varint_encode(uint8_t *out, uint64_t v);
size_t sb_varint_bytes(uint64_t v);
/* False when the bytes end inside it, it is longer than needed, or does not fit 64 bits. */
SB_MUST_CHECK bool sb_varint_decode(const uint8_t **pos, const uint8_t *end, uint64_t *v);
SB_INLINE uint64_t sb_zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}
SB_INLINE int64_t sb_unzigzag(uint64_t v)
{
    return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

#endif
