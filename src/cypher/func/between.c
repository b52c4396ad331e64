/* between.c — duration.between() and its kin: from one instant to another in months, days and seconds.
 * What one of the two lacks it takes from the other: a date, the time zone; a missing time is midnight. Months and days are counted
 * on the calendar of the first one's zone, what is left in seconds on the time line, so that a day with a change of clocks has the
 * hours that it has. */
#include "cypher/func/func_priv.h"

typedef struct span {
    sb_moment from, to; /* both dated, timed, in one zone */
    bool dated;         /* both had a date themselves */
} span;

static sb_status read_span(sb_func_context *ctx, const char *name, const sb_val *args, span *s)
{
    for (int i = 0; i < 2; i++)
        if (!sb_func__is_instant(args[i]))
            return sb_func__fail_arg(ctx, name, "two temporal values", args[i]);
    (void)sb_func__moment_of(args[0], &s->from);
    (void)sb_func__moment_of(args[1], &s->to);
    s->dated = s->from.has_date && s->to.has_date;
    if (!s->from.has_date) s->from.days = s->to.days;
    if (!s->to.has_date) s->to.days = s->from.days;
    if (s->from.has_offset && s->to.has_offset) {
        /* The second as a clock beside the first shows it. */
        const int64_t seconds = sb_func__moment_seconds(&s->to), nanos = s->to.ns % SB_FUNC_NANOS;
        s->to.zone = s->from.zone;
        s->to.offset = s->from.offset;
        return sb_func__moment_at(ctx, seconds, nanos, &s->to);
    }
    sb_moment *lacking = s->from.has_offset ? &s->to : &s->from;
    const sb_moment *zoned = s->from.has_offset ? &s->from : &s->to;
    lacking->zone = zoned->zone;
    lacking->offset = zoned->offset;
    return sb_func__moment_resolve(ctx, lacking);
}

/* Whole days from one local time to another, toward zero. */
static int64_t days_between(const sb_moment *from, const sb_moment *to)
{
    const int64_t days = to->days - from->days;

    if (days > 0 && to->ns < from->ns) return days - 1;
    if (days < 0 && to->ns > from->ns) return days + 1;
    return days;
}

/* Whole months, toward zero, such that from plus them does not pass to. */
static int64_t months_between(const sb_moment *from, const sb_moment *to)
{
    sb_calendar a, b;

    sb_func__calendar(from->days, &a);
    sb_func__calendar(to->days, &b);
    int64_t months = (b.year - a.year) * 12 + (int64_t)b.month - a.month;
    /* Days of the month are compared as they stand: from the 31st to the 30th a month is not over. */
    const bool later_in_month = a.day != b.day ? a.day > b.day : from->ns > to->ns;
    const bool earlier_in_month = a.day != b.day ? a.day < b.day : from->ns < to->ns;
    if (months > 0 && later_in_month) months--;
    if (months < 0 && earlier_in_month) months++;
    return months;
}

static sb_i128 nanos_between(const sb_moment *from, const sb_moment *to)
{
    return (sb_i128)(sb_func__moment_seconds(to) - sb_func__moment_seconds(from)) * SB_FUNC_NANOS +
           to->ns % SB_FUNC_NANOS - from->ns % SB_FUNC_NANOS;
}

sb_status sb_func__duration_between(sb_func_context *ctx, const sb_val *args, uint32_t count,
                                    sb_val *result)
{
    sb_amounts amounts = {0};
    span s;

    (void)count;
    SB_TRY(read_span(ctx, "duration.between", args, &s));
    if (s.dated) {
        amounts.months = months_between(&s.from, &s.to);
        /* Not outside of the years: it lies between the two. */
        (void)sb_func__add_months(s.from.days, (int64_t)amounts.months, &s.from.days);
        amounts.days = days_between(&s.from, &s.to);
        s.from.days += (int64_t)amounts.days;
        SB_TRY(sb_func__moment_resolve(ctx, &s.from));
    }
    amounts.nanos = nanos_between(&s.from, &s.to);
    return sb_func__duration(ctx, &amounts, result);
}

sb_status sb_func__duration_in_months(sb_func_context *ctx, const sb_val *args, uint32_t count,
                                      sb_val *result)
{
    sb_amounts amounts = {0};
    span s;

    (void)count;
    SB_TRY(read_span(ctx, "duration.inMonths", args, &s));
    if (s.dated) amounts.months = months_between(&s.from, &s.to);
    return sb_func__duration(ctx, &amounts, result);
}

sb_status sb_func__duration_in_days(sb_func_context *ctx, const sb_val *args, uint32_t count,
                                    sb_val *result)
{
    sb_amounts amounts = {0};
    span s;

    (void)count;
    SB_TRY(read_span(ctx, "duration.inDays", args, &s));
    if (s.dated) amounts.days = days_between(&s.from, &s.to);
    return sb_func__duration(ctx, &amounts, result);
}

sb_status sb_func__duration_in_seconds(sb_func_context *ctx, const sb_val *args, uint32_t count,
                                       sb_val *result)
{
    sb_amounts amounts = {0};
    span s;

    (void)count;
    SB_TRY(read_span(ctx, "duration.inSeconds", args, &s));
    amounts.nanos = nanos_between(&s.from, &s.to);
    return sb_func__duration(ctx, &amounts, result);
}
