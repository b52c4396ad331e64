/* random.h — a small seeded generator (splitmix64, Steele, Lea and Flood 2014) for tests, benchmarks
 * and hash seeds. Not for secrets. */
#ifndef SB_RANDOM_H
#define SB_RANDOM_H

#include <stdint.h>

#include "base/compiler.h"

typedef struct sb_random {
    uint64_t state;
} sb_random;

SB_INLINE uint64_t sb_random_next(sb_random *random)
{
    uint64_t z = (random->state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}
/* Uniform in [0, bound); bound > 0. (Lemire 2019, without the rejection step: bias below 2^-32 for
 * bounds below 2^32.) */
SB_INLINE uint64_t sb_random_below(sb_random *random, uint64_t bound)
{
    return (uint64_t)(((sb_u128)sb_random_next(random) * bound) >> 64);
}

#endif
