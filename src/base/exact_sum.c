/* exact_sum.c — two doubles as long as their sum is exact (error-free transformation: Knuth, "The Art of Computer Programming" vol. 2,
 * 4.2.2), then a fixed-point number wide enough for every double, with carries put off (the small superaccumulator of Neal, "Fast exact
 * summation using small and large superaccumulators", 2015, in digits of 32 bits). */
#include "base/exact_sum.h"

#include "base/bits.h"

#include <math.h>
#include <string.h>

/* Doubles are multiples of 2^-1074 below 2^1024: 2,098 bits; 64 more are room for sums, and one digit for the carry. */
#define DIGITS       SB_EXACT_SUM_DIGITS
#define LOWEST       1074
#define MANTISSA     53
#define DIGIT_BITS   32u
#define DIGIT_MASK   INT64_C(0xFFFFFFFF)
#define PENDING_MOST (1u << 29) /* an addition changes a digit by less than 2^33 */

/* a + b and what rounding took from it, exactly, unless the sum overflows. */
static double add_error_free(double a, double b, double *error)
{
    const double sum = a + b, b_part = sum - a;

    *error = (a - (sum - b_part)) + (b - b_part);
    return sum;
}

/* Digits in [0, 2^32), but the last, which keeps the sign. */
static void take_carries(int64_t *digits)
{
    for (uint32_t i = 0; i + 1 < DIGITS; i++) {
        const int64_t low = digits[i] & DIGIT_MASK;
        digits[i + 1] += (digits[i] - low) / (DIGIT_MASK + 1); /* exact */
        digits[i] = low;
    }
}

static void add_digits(sb_exact_sum *sum, double value)
{
    int exponent;

    if (value == 0.0) return;
    if (sum->pending == PENDING_MOST) {
        take_carries(sum->digits);
        sum->pending = 0;
    }
    sum->pending++;
    /* value = mantissa × 2^place in units; of small values the mantissa has zeros at its end. */
    const double fraction = frexp(fabs(value), &exponent);
    uint64_t mantissa = (uint64_t)ldexp(fraction, MANTISSA);
    int place = exponent - MANTISSA + LOWEST;
    if (place < 0) {
        mantissa >>= (unsigned)-place;
        place = 0;
    }
    const uint32_t at = (uint32_t)place / DIGIT_BITS, shift = (uint32_t)place % DIGIT_BITS;
    const uint64_t low = (mantissa & (uint64_t)DIGIT_MASK) << shift, high = (mantissa >> DIGIT_BITS)
                                                                            << shift;
    const int64_t parts[3] = {
        (int64_t)(low & (uint64_t)DIGIT_MASK),
        (int64_t)((low >> DIGIT_BITS) + (high & (uint64_t)DIGIT_MASK)), /* below 2^33 */
        (int64_t)(high >> DIGIT_BITS)};
    for (uint32_t i = 0; i < 3; i++)
        sum->digits[at + i] += value < 0 ? -parts[i] : parts[i];
}

static bool make_digits(sb_exact_sum *sum, sb_arena *arena)
{
    if (sum->digits != NULL) return true;
    sum->digits = sb_arena_alloc_zero(arena, DIGITS * sizeof *sum->digits);
    if (sum->digits == NULL) return false;
    sum->pending = 0;
    add_digits(sum, sum->high);
    add_digits(sum, sum->low);
    return true;
}

bool sb_exact_sum_add(sb_exact_sum *sum, sb_arena *arena, double value)
{
    double error, lost;

    if (SB_UNLIKELY(!isfinite(value))) {
        sum->special = sum->any_special ? sum->special + value : value;
        sum->any_special = true;
        return true;
    }
    if (SB_LIKELY(sum->digits == NULL)) {
        const double high = add_error_free(sum->high, value, &error);
        const double low = add_error_free(sum->low, error, &lost);
        if (SB_LIKELY(lost == 0.0 && isfinite(high))) { /* NaN where it overflowed */
            sum->high = high;
            sum->low = low;
            return true;
        }
        if (!make_digits(sum, arena)) return false;
    }
    add_digits(sum, value);
    return true;
}

bool sb_exact_sum_merge(sb_exact_sum *sum, sb_arena *arena, const sb_exact_sum *other)
{
    if (other->any_special && !sb_exact_sum_add(sum, arena, other->special)) return false;
    if (other->digits == NULL)
        return sb_exact_sum_add(sum, arena, other->high) &&
               sb_exact_sum_add(sum, arena, other->low);
    if (!make_digits(sum, arena)) return false;
    /* Each is below 2^63 ÷ 2 away from 0. */
    take_carries(sum->digits);
    for (uint32_t i = 0; i < DIGITS; i++)
        sum->digits[i] += other->digits[i];
    take_carries(sum->digits);
    sum->pending = 0;
    return true;
}

/* Bits from `from` (counted from the lowest digit) up, 53 of them at most; digits are not negative. */
static uint64_t bits_from(const int64_t *digits, uint32_t from)
{
    const uint32_t at = from / DIGIT_BITS, shift = from % DIGIT_BITS;
    uint64_t bits = (uint64_t)digits[at] >> shift;

    for (uint32_t i = 1; i <= 2 && at + i < DIGITS; i++) {
        const uint32_t place = i * DIGIT_BITS - shift;
        if (place < 64) bits |= (uint64_t)digits[at + i] << place;
    }
    return bits & ((UINT64_C(1) << MANTISSA) - 1);
}

/* To nearest even. digits are not negative, and not all 0. */
static double round_digits(const int64_t *digits)
{
    uint32_t top = DIGITS - 1, bit;

    while (digits[top] == 0)
        top--;
    bit = top * DIGIT_BITS + 63u - sb_clz64((uint64_t)digits[top]);
    if (bit < MANTISSA) return ldexp((double)bits_from(digits, 0), -LOWEST);
    const uint32_t from = bit + 1 - MANTISSA, half = from - 1;
    uint64_t mantissa = bits_from(digits, from);
    if (from != 0 && ((uint64_t)digits[half / DIGIT_BITS] >> half % DIGIT_BITS & 1) != 0) {
        bool more = (mantissa & 1) != 0 ||
                    (digits[half / DIGIT_BITS] & ((INT64_C(1) << half % DIGIT_BITS) - 1)) != 0;
        for (uint32_t i = 0; i < half / DIGIT_BITS; i++)
            more = more || digits[i] != 0;
        mantissa += more;
    }
    return ldexp((double)mantissa, (int)from - LOWEST);
}

/* Of the digits from number `first` on, as if they were the lowest. */
static double value_from(const sb_exact_sum *sum, uint32_t first)
{
    int64_t digits[DIGITS];
    bool any = false;

    memcpy(digits, sum->digits, sizeof digits);
    take_carries(digits);
    const bool negative = digits[DIGITS - 1] < 0;
    for (uint32_t i = 0; i < DIGITS; i++) {
        if (negative) digits[i] = -digits[i];
        any = any || digits[i] != 0;
    }
    if (!any) return 0.0;
    take_carries(digits);
    memmove(digits, digits + first, (DIGITS - first) * sizeof *digits);
    memset(digits + DIGITS - first, 0, first * sizeof *digits);
    return negative ? -round_digits(digits) : round_digits(digits);
}

double sb_exact_sum_value(const sb_exact_sum *sum)
{
    if (sum->any_special) return sum->special;
    return sum->digits == NULL ? sum->high + sum->low : value_from(sum, 0);
}

double sb_exact_sum_mean(const sb_exact_sum *sum, uint64_t count)
{
    const double value = sb_exact_sum_value(sum);

    if (!isinf(value) || sum->any_special || sum->digits == NULL) return value / (double)count;
    return ldexp(value_from(sum, 2) / (double)count, 2 * DIGIT_BITS);
}
