/* varint.c — LEB128: seven bits a byte from the lowest, the high bit set on all but the last. */
#include "base/varint.h"

#include "base/bits.h"

size_t sb_varint_bytes(uint64_t v)
{
    return v == 0 ? 1 : (70u - sb_clz64(v)) / 7u;
}

size_t sb_varint_encode(uint8_t *out, uint64_t v)
{
    size_t bytes = 0;

    while (v >= 0x80u) {
        out[bytes++] = (uint8_t)(v | 0x80u);
        v >>= 7;
    }
    out[bytes++] = (uint8_t)v;
    return bytes;
}

bool sb_varint_decode(const uint8_t **pos, const uint8_t *end, uint64_t *v)
{
    const uint8_t *p = *pos;
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 7 * SB_VARINT_MAX_BYTES; shift += 7) {
        if (p == end) return false;
        const uint8_t byte = *p++;
        /* The tenth byte holds bit 63 alone. */
        if (shift == 63 && byte > 1) return false;
        value |= (uint64_t)(byte & 0x7Fu) << shift;
        if (byte < 0x80u) {
            if (byte == 0 && shift != 0) return false; /* longer than needed */
            *pos = p;
            *v = value;
            return true;
        }
    }
    return false;
}
