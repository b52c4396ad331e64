/* bytes.h — borrowed byte ranges, and explicit little- and big-endian loads and stores.
 * Never a struct laid over a page: the compiler turns each of these into one load. */
#ifndef SB_BYTES_H
#define SB_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

/* A borrowed range. data may be NULL only when size is 0. */
typedef struct sb_bytes {
    const uint8_t *data;
    size_t size;
} sb_bytes;

SB_INLINE sb_bytes sb_bytes_of(const void *data, size_t size)
{
    return (sb_bytes){.data = (const uint8_t *)data, .size = size};
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define SB_LE16(v) __builtin_bswap16(v)
#define SB_LE32(v) __builtin_bswap32(v)
#define SB_LE64(v) __builtin_bswap64(v)
#define SB_BE16(v) ((uint16_t)(v))
#define SB_BE32(v) ((uint32_t)(v))
#define SB_BE64(v) ((uint64_t)(v))
#else
#define SB_LE16(v) ((uint16_t)(v))
#define SB_LE32(v) ((uint32_t)(v))
#define SB_LE64(v) ((uint64_t)(v))
#define SB_BE16(v) __builtin_bswap16(v)
#define SB_BE32(v) __builtin_bswap32(v)
#define SB_BE64(v) __builtin_bswap64(v)
#endif

#define SB_DEFINE_LOAD_STORE(order, bits, ORDER)                                                   \
    SB_INLINE uint##bits##_t sb_load_##order##bits(const void *p)                                  \
    {                                                                                              \
        uint##bits##_t v;                                                                          \
        memcpy(&v, p, sizeof v);                                                                   \
        return ORDER##bits(v);                                                                     \
    }                                                                                              \
    SB_INLINE void sb_store_##order##bits(void *p, uint##bits##_t v)                               \
    {                                                                                              \
        v = ORDER##bits(v);                                                                        \
        memcpy(p, &v, sizeof v);                                                                   \
    }
SB_DEFINE_LOAD_STORE(le, 16, SB_LE)
SB_DEFINE_LOAD_STORE(le, 32, SB_LE)
SB_DEFINE_LOAD_STORE(le, 64, SB_LE)
SB_DEFINE_LOAD_STORE(be, 16, SB_BE)
SB_DEFINE_LOAD_STORE(be, 32, SB_BE)
SB_DEFINE_LOAD_STORE(be, 64, SB_BE)
#undef SB_DEFINE_LOAD_STORE

/* Unsigned byte order; a prefix sorts before what it begins. <0, 0, >0. Keys mostly differ in their first eight bytes. */
SB_INLINE int sb_bytes_compare(sb_bytes a, sb_bytes b)
{
    const size_t shared = a.size < b.size ? a.size : b.size;
    if (shared >= 8) {
        const uint64_t x = sb_load_be64(a.data), y = sb_load_be64(b.data);
        if (x != y) return x < y ? -1 : 1;
    }
    const int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    if (order != 0) return order;
    return a.size < b.size ? -1 : a.size > b.size ? 1 : 0;
}
SB_INLINE bool sb_bytes_equal(sb_bytes a, sb_bytes b)
{
    if (a.size != b.size) return false;
    if (a.size >= 8 && sb_load_le64(a.data) != sb_load_le64(b.data)) return false;
    return a.size == 0 || memcmp(a.data, b.data, a.size) == 0;
}
/* The first 8 bytes, filled up with zeros, as a number: of two ranges the lesser has not the greater one. */
SB_INLINE uint64_t sb_bytes_word(sb_bytes bytes)
{
    uint64_t word = 0;
    if (SB_LIKELY(bytes.size >= 8)) return sb_load_be64(bytes.data);
    for (size_t i = 0; i < bytes.size; i++)
        word |= (uint64_t)bytes.data[i] << (56 - 8 * i);
    return word;
}

/* Little-endian integer of width 0, 1, 2, 4 or 8 bytes (0 reads as 0 and stores nothing). */
SB_INLINE uint64_t sb_load_width(const void *p, unsigned width)
{
    switch (width) {
    case 0: return 0;
    case 1: return *(const uint8_t *)p;
    case 2: return sb_load_le16(p);
    case 4: return sb_load_le32(p);
    default: return sb_load_le64(p);
    }
}
SB_INLINE void sb_store_width(void *p, unsigned width, uint64_t v)
{
    switch (width) {
    case 0: break;
    case 1: *(uint8_t *)p = (uint8_t)v; break;
    case 2: sb_store_le16(p, (uint16_t)v); break;
    case 4: sb_store_le32(p, (uint32_t)v); break;
    default: sb_store_le64(p, v); break;
    }
}
/* Narrowest of 0, 1, 2, 4, 8 that holds v. */
SB_INLINE unsigned sb_width_of(uint64_t v)
{
    return v == 0 ? 0u : v <= 0xFFu ? 1u : v <= 0xFFFFu ? 2u : v <= 0xFFFFFFFFu ? 4u : 8u;
}

#endif
