/* duration.c — durations: normalizing, sums, products, and their addition to instants.
 * A duration has three parts that do not convert into each other, months, days and seconds, each with its own sign. Only where a
 * fraction of a month or day has to go somewhere, an average month is 2,629,746 seconds and a day is 86,400. */
#include <math.h>

#include "cypher/func/func_priv.h"
#include "graph/text_value.h"

#define NANOS_PER_MONTH ((sb_i128)SB_FUNC_MONTH * SB_FUNC_NANOS)

static bool fits(sb_i128 v)
{
    return v >= INT64_MIN && v <= INT64_MAX;
}

sb_status sb_func__duration(sb_func_context *ctx, const sb_amounts *amounts, sb_val *result)
{
    sb_i128 seconds = amounts->nanos / SB_FUNC_NANOS;
    int64_t nanos = (int64_t)(amounts->nanos % SB_FUNC_NANOS);

    if (nanos < 0) {
        nanos += SB_FUNC_NANOS;
        seconds--;
    }
    if (!fits(amounts->months) || !fits(amounts->days) || !fits(seconds))
        return SB_FUNC_FAIL_OVERFLOW(ctx, "a DURATION with more months, days or seconds than fit "
                                          "64 bits");
    const sb_value value = {.type = SB_TYPE_DURATION,
                            .as.duration = {.months = (int64_t)amounts->months,
                                            .days = (int64_t)amounts->days,
                                            .seconds = (int64_t)seconds,
                                            .nanos = (int32_t)nanos}};
    return sb_func__boxed(ctx, &value, result);
}

sb_amounts sb_func__amounts_of(sb_val duration)
{
    const sb_value *value = duration.as.boxed;

    return (sb_amounts){.months = value->as.duration.months,
                        .days = value->as.duration.days,
                        .nanos = (sb_i128)value->as.duration.seconds * SB_FUNC_NANOS +
                                 value->as.duration.nanos};
}

/* ---- Products ------------------------------------------------------------------------------------------------- */

sb_amounts sb_func__amounts_divide(sb_amounts a, int64_t divisor)
{
    const sb_i128 month_rest = a.months % divisor * NANOS_PER_MONTH / divisor;
    sb_i128 day_rest;

    a.months /= divisor;
    day_rest = a.days % divisor * SB_FUNC_DAY_NANOS / divisor + month_rest % SB_FUNC_DAY_NANOS;
    a.days = a.days / divisor + month_rest / SB_FUNC_DAY_NANOS;
    a.nanos = a.nanos / divisor + day_rest;
    return a;
}

bool sb_func__amount_add(sb_amounts *sum, sb_amount_part part, double amount)
{
    double whole, fraction;

    /* Past 2^62 nothing fits; NaN neither. */
    if (!(amount > -SB_VAL_TWO_62 && amount < SB_VAL_TWO_62)) return false;
    fraction = modf(amount, &whole);
    switch (part) {
    case SB_AMOUNT_MONTHS: {
        const int64_t rest = llrint(fraction * (double)NANOS_PER_MONTH);
        sum->months += (int64_t)whole;
        sum->days += rest / SB_FUNC_DAY_NANOS;
        sum->nanos += rest % SB_FUNC_DAY_NANOS;
        return true;
    }
    case SB_AMOUNT_DAYS:
        sum->days += (int64_t)whole;
        sum->nanos += llrint(fraction * (double)SB_FUNC_DAY_NANOS);
        return true;
    case SB_AMOUNT_NANOS:
    default: sum->nanos += (int64_t)whole; return true;
    }
}

static double scaled(sb_i128 part, double factor, bool divide)
{
    const double number = (double)(int64_t)part;
    return divide ? number / factor : number * factor;
}

/* By a float: each part by itself, seconds and nanoseconds apart so that nanoseconds of long durations survive. */
static bool scale_by_real(sb_amounts a, double factor, bool divide, sb_amounts *sum)
{
    const double seconds = scaled(a.nanos / SB_FUNC_NANOS, factor, divide);
    double whole_seconds;
    const double rest = modf(seconds, &whole_seconds) * (double)SB_FUNC_NANOS;

    *sum = (sb_amounts){0};
    if (!(seconds > -SB_VAL_TWO_62 && seconds < SB_VAL_TWO_62)) return false;
    sum->nanos = (sb_i128)(int64_t)whole_seconds * SB_FUNC_NANOS + llrint(rest);
    return sb_func__amount_add(sum, SB_AMOUNT_MONTHS, scaled(a.months, factor, divide)) &&
           sb_func__amount_add(sum, SB_AMOUNT_DAYS, scaled(a.days, factor, divide)) &&
           sb_func__amount_add(sum, SB_AMOUNT_NANOS,
                               scaled(a.nanos % SB_FUNC_NANOS, factor, divide));
}

sb_status sb_func__duration_scale(sb_func_context *ctx, sb_val duration, sb_val factor, bool divide,
                                  sb_val *result)
{
    sb_amounts amounts = sb_func__amounts_of(duration);

    if (factor.kind == SB_VAL_INT && !divide) {
        amounts.months *= factor.as.integer;
        amounts.days *= factor.as.integer;
        /* 94 bits times 63 would not fit: what overflows later anyway is told apart first. */
        if (factor.as.integer != 0 && !fits(amounts.nanos / SB_FUNC_NANOS * factor.as.integer / 2))
            return SB_FUNC_FAIL_OVERFLOW(ctx, "the product of a DURATION and %lld is too long",
                                         (long long)factor.as.integer);
        amounts.nanos *= factor.as.integer;
        return sb_func__duration(ctx, &amounts, result);
    }
    if (factor.kind == SB_VAL_INT) {
        if (factor.as.integer == 0)
            return sb_cypher_fail_runtime(ctx->err, SB_CYPHER_DIVISION_BY_ZERO,
                                          "a DURATION divided by zero");
        amounts = sb_func__amounts_divide(amounts, factor.as.integer);
        return sb_func__duration(ctx, &amounts, result);
    }
    if (isnan(factor.as.real))
        return SB_FUNC_FAIL_OVERFLOW(ctx, "a DURATION can't be %s by NaN",
                                     divide ? "divided" : "multiplied");
    if (!scale_by_real(amounts, factor.as.real, divide, &amounts))
        return SB_FUNC_FAIL_OVERFLOW(ctx, "a DURATION %s by %g is too long",
                                     divide ? "divided" : "multiplied", factor.as.real);
    return sb_func__duration(ctx, &amounts, result);
}

/* ---- Sums ------------------------------------------------------------------------------------------------------- */

static sb_status fail_sum(sb_func_context *ctx, sb_val instant)
{
    return SB_FUNC_FAIL_OVERFLOW(ctx,
                                 "the sum of a %s and a DURATION lies outside of the years "
                                 "-999999999 to 999999999",
                                 sb_val_kind_name(instant.kind));
}

/* Seconds, days: of a sum that may be anything. False: no year has it. */
static bool within_time(sb_i128 days)
{
    return days < 400000000000LL && days > -400000000000LL;
}

/* Months first, then days, then what the seconds come to. */
static sb_status add_to_instant(sb_func_context *ctx, sb_val instant, const sb_amounts *amounts,
                                sb_val *result)
{
    const sb_i128 whole_days = amounts->nanos / SB_FUNC_DAY_NANOS;
    sb_moment moment;

    (void)sb_func__moment_of(instant, &moment);
    if (moment.has_date) {
        if (!fits(amounts->months) ||
            !sb_func__add_months(moment.days, (int64_t)amounts->months, &moment.days))
            return fail_sum(ctx, instant);
        /* A date knows whole days only. */
        const sb_i128 days = moment.days + amounts->days + (moment.has_time ? 0 : whole_days);
        if (!within_time(days) || !within_time(whole_days)) return fail_sum(ctx, instant);
        moment.days = (int64_t)days;
    }
    if (!moment.has_time) return sb_func__moment_val(ctx, SB_VAL_DATE, &moment, result);
    if (moment.has_date && moment.zone.size != 0) {
        /* Hours go by on the time line, so they are added behind the zone's offset on the new day. */
        SB_TRY(sb_func__moment_resolve(ctx, &moment));
        const sb_i128 sum = moment.ns % SB_FUNC_NANOS + amounts->nanos;
        const sb_i128 seconds = sum / SB_FUNC_NANOS - (sum % SB_FUNC_NANOS < 0);
        SB_TRY(sb_func__moment_at(ctx, sb_func__moment_seconds(&moment) + (int64_t)seconds,
                                  (int64_t)(sum - seconds * SB_FUNC_NANOS), &moment));
        return sb_func__moment_val(ctx, SB_VAL_DATETIME, &moment, result);
    }
    const int64_t rest = (int64_t)(amounts->nanos % SB_FUNC_DAY_NANOS) + moment.ns;
    if (moment.has_date) moment.days += (int64_t)whole_days + sb_floor_div(rest, SB_FUNC_DAY_NANOS);
    moment.ns = sb_floor_mod(rest, SB_FUNC_DAY_NANOS);
    return sb_func__moment_val(ctx, (sb_val_kind)instant.kind, &moment, result);
}

sb_status sb_func__duration_add(sb_func_context *ctx, sb_val a, sb_val b, bool subtract,
                                sb_val *result)
{
    sb_amounts amounts = sb_func__amounts_of(b);

    if (subtract) {
        amounts.months = -amounts.months;
        amounts.days = -amounts.days;
        amounts.nanos = -amounts.nanos;
    }
    if (a.kind != SB_VAL_DURATION) return add_to_instant(ctx, a, &amounts, result);
    const sb_amounts own = sb_func__amounts_of(a);
    amounts.months += own.months;
    amounts.days += own.days;
    amounts.nanos += own.nanos;
    return sb_func__duration(ctx, &amounts, result);
}
