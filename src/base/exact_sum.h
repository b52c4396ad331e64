/* exact_sum.h — the sum of doubles, exact, so that it does not depend on the order in which they come: parts that several threads add up
 * have the sum of the whole to the bit.
 * Promises: the value is the exact sum of all finite values, rounded once, to nearest even; infinities and NaN give what adding them gives.
 * Memory:   while two doubles hold the exact sum none; then 552 bytes of the arena.
 * Tests:    tests/unit/base/test_exact_sum.c */
#ifndef SB_EXACT_SUM_H
#define SB_EXACT_SUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#define SB_EXACT_SUM_DIGITS 69u

/* Zeroed: no values. */
typedef struct sb_exact_sum {
    double high, low; /* while digits is NULL: their sum is exact */
    double special;   /* the sum of infinities and NaN */
    bool any_special;
    uint32_t pending; /* additions to digits since their carries were taken */
    int64_t *digits;  /* NULL, or the sum in units of 2^-1074, digit i times 2^(32 i) */
} sb_exact_sum;

/* False: the arena has no memory; the sum is lost then. */
SB_MUST_CHECK bool sb_exact_sum_add(sb_exact_sum *sum, sb_arena *arena, double value);
/* Add all that other has; other is not kept. */
SB_MUST_CHECK bool sb_exact_sum_merge(sb_exact_sum *sum, sb_arena *arena,
                                      const sb_exact_sum *other);
double sb_exact_sum_value(const sb_exact_sum *sum);
/* The sum divided by count: a double where all values are, though their sum may be none. */
double sb_exact_sum_mean(const sb_exact_sum *sum, uint64_t count);

#endif
