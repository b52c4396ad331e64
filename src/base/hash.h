/* hash.h — hash functions of the hot paths (not for hostile keys without the seed). */
#ifndef SB_HASH_H
#define SB_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* Mixes a 64-bit word: the finaliser of MurmurHash3 (Appleby), a bijection. */
SB_INLINE uint64_t sb_hash_u64(uint64_t v)
{
    v ^= v >> 33;
    v *= 0xff51afd7ed558ccdull;
    v ^= v >> 33;
    v *= 0xc4ceb9fe1a85ec53ull;
    v ^= v >> 33;
    return v;
}
/* Bytes with a seed. */
uint64_t sb_hash_bytes(const void *data, size_t bytes, uint64_t seed);

#endif
