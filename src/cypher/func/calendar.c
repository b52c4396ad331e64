/* calendar.c — temporal values taken apart and put together, and their components.
 * A sb_moment is what the clock on the wall shows; sums and differences in seconds are made on the time line, in UTC. */
#include "cypher/func/func_priv.h"
#include "graph/text_value.h"

#define DAYS_MIN (-365243219162LL) /* -999,999,999-01-01 */
#define DAYS_MAX 365241780471LL    /* 999,999,999-12-31 */

/* ---- Days ---------------------------------------------------------------------------------------------------- */

unsigned sb_func__month_length(int64_t year, unsigned month)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return month == 2 && leap ? 29 : lengths[month - 1];
}

void sb_func__calendar(int64_t days, sb_calendar *calendar)
{
    int64_t week_begin;

    sb_date_of_days(days, &calendar->year, &calendar->month, &calendar->day);
    calendar->day_of_week = (unsigned)sb_floor_mod(days + 3, 7) + 1; /* 1970-01-01: a Thursday */
    calendar->ordinal_day = (unsigned)(days - sb_days_of_date(calendar->year, 1, 1)) + 1;
    calendar->quarter = (calendar->month + 2) / 3;
    calendar->day_of_quarter =
        (unsigned)(days - sb_days_of_date(calendar->year, calendar->quarter * 3 - 2, 1)) + 1;
    /* The week belongs to the year that its Thursday is in. */
    const int64_t thursday = days - calendar->day_of_week + 4;
    unsigned month, day;
    sb_date_of_days(thursday, &calendar->week_year, &month, &day);
    week_begin = sb_days_of_date(calendar->week_year, 1, 1);
    calendar->week = (unsigned)((thursday - week_begin) / 7) + 1;
}

bool sb_func__add_months(int64_t days, int64_t months, int64_t *sum)
{
    int64_t year, all;
    unsigned month, day;

    sb_date_of_days(days, &year, &month, &day);
    /* No sum of years that there are is longer than this. */
    if (months > 25 * SB_FUNC_YEAR_MAX || months < -25 * SB_FUNC_YEAR_MAX) return false;
    all = year * 12 + (int64_t)month - 1 + months;
    year = sb_floor_div(all, 12);
    month = (unsigned)sb_floor_mod(all, 12) + 1;
    if (year > SB_FUNC_YEAR_MAX || year < -SB_FUNC_YEAR_MAX) return false;
    const unsigned last = sb_func__month_length(year, month);
    *sum = sb_days_of_date(year, month, day < last ? day : last);
    return true;
}

/* ---- Moments ---------------------------------------------------------------------------------------------------- */

static void split_seconds(int64_t seconds, int64_t nanos, sb_moment *moment)
{
    moment->days = sb_floor_div(seconds, SB_FUNC_DAY);
    moment->ns = sb_floor_mod(seconds, SB_FUNC_DAY) * SB_FUNC_NANOS + nanos;
}

bool sb_func__moment_of(sb_val v, sb_moment *moment)
{
    *moment = (sb_moment){.has_date = true, .has_time = true};
    switch (v.kind) {
    case SB_VAL_DATE:
        moment->has_time = false;
        moment->days = v.as.integer;
        return true;
    case SB_VAL_TIME:
        moment->has_offset = true;
        moment->offset = (int32_t)v.aux - (int32_t)SB_FUNC_DAY;
        moment->has_date = false;
        moment->ns = v.as.integer;
        return true;
    case SB_VAL_LOCAL_TIME:
        moment->has_date = false;
        moment->ns = v.as.integer;
        return true;
    case SB_VAL_LOCAL_DATETIME: split_seconds(v.as.integer, v.aux, moment); return true;
    case SB_VAL_DATETIME:
        moment->has_offset = true;
        moment->offset = v.as.boxed->as.datetime.offset;
        moment->zone = sb_bytes_of(v.as.boxed->as.datetime.zone, v.as.boxed->as.datetime.zone_size);
        split_seconds(v.as.boxed->as.datetime.seconds + moment->offset, v.as.boxed->extra, moment);
        return true;
    default: return false;
    }
}

int64_t sb_func__moment_seconds(const sb_moment *moment)
{
    return moment->days * SB_FUNC_DAY + moment->ns / SB_FUNC_NANOS - moment->offset;
}

static sb_status make_datetime(sb_func_context *ctx, const sb_moment *moment, sb_val *result)
{
    sb_value value = {
        .type = SB_TYPE_DATETIME,
        .extra = (uint32_t)(moment->ns % SB_FUNC_NANOS),
        .as.datetime = {.seconds = sb_func__moment_seconds(moment), .offset = moment->offset}};
    sb_val zone;

    if (moment->zone.size != 0) {
        SB_TRY(sb_func__string(ctx, moment->zone, &zone));
        value.as.datetime.zone = (const char *)zone.as.text;
        value.as.datetime.zone_size = zone.aux;
    }
    if (sb_floor_div(value.as.datetime.seconds, SB_FUNC_DAY) < DAYS_MIN ||
        sb_floor_div(value.as.datetime.seconds, SB_FUNC_DAY) > DAYS_MAX)
        return SB_FUNC_FAIL_OVERFLOW(ctx,
                                     "a DATETIME outside of the years -999999999 to 999999999");
    return sb_func__boxed(ctx, &value, result);
}

sb_status sb_func__moment_val(sb_func_context *ctx, sb_val_kind kind, const sb_moment *moment,
                              sb_val *result)
{
    *result = (sb_val){.kind = (uint8_t)kind};
    if (moment->days < DAYS_MIN || moment->days > DAYS_MAX)
        return SB_FUNC_FAIL_OVERFLOW(ctx, "a %s outside of the years -999999999 to 999999999",
                                     sb_val_kind_name(kind));
    switch ((int)kind) {
    case SB_VAL_DATE: result->as.integer = moment->days; return SB_OK;
    case SB_VAL_LOCAL_TIME: result->as.integer = moment->ns; return SB_OK;
    case SB_VAL_TIME:
        result->as.integer = moment->ns;
        result->aux = (uint32_t)(moment->offset + (int32_t)SB_FUNC_DAY);
        return SB_OK;
    case SB_VAL_LOCAL_DATETIME:
        result->as.integer = moment->days * SB_FUNC_DAY + moment->ns / SB_FUNC_NANOS;
        result->aux = (uint32_t)(moment->ns % SB_FUNC_NANOS);
        return SB_OK;
    default: return make_datetime(ctx, moment, result);
    }
}

/* ---- Components ---------------------------------------------------------------------------------------------------- */

typedef enum component {
    YEAR,
    QUARTER,
    MONTH,
    WEEK,
    WEEK_YEAR,
    DAY,
    ORDINAL_DAY,
    DAY_OF_WEEK,
    DAY_OF_QUARTER,
    HOUR,
    MINUTE,
    SECOND,
    MILLISECOND,
    MICROSECOND,
    NANOSECOND,
    TIMEZONE,
    OFFSET,
    OFFSET_MINUTES,
    OFFSET_SECONDS,
    EPOCH_SECONDS,
    EPOCH_MILLIS
} component;

/* Which are there: for values with date, with time, with offset, with all. */
typedef enum need { NEEDS_DATE, NEEDS_TIME, NEEDS_OFFSET, NEEDS_ALL } need;

static const struct component_row {
    const char *name;
    component component;
    need needs;
} COMPONENTS[] = {
    {"year", YEAR, NEEDS_DATE},
    {"quarter", QUARTER, NEEDS_DATE},
    {"month", MONTH, NEEDS_DATE},
    {"week", WEEK, NEEDS_DATE},
    {"weekYear", WEEK_YEAR, NEEDS_DATE},
    {"day", DAY, NEEDS_DATE},
    {"ordinalDay", ORDINAL_DAY, NEEDS_DATE},
    {"dayOfWeek", DAY_OF_WEEK, NEEDS_DATE},
    {"weekDay", DAY_OF_WEEK, NEEDS_DATE},
    {"dayOfQuarter", DAY_OF_QUARTER, NEEDS_DATE},
    {"quarterDay", DAY_OF_QUARTER, NEEDS_DATE},
    {"hour", HOUR, NEEDS_TIME},
    {"minute", MINUTE, NEEDS_TIME},
    {"second", SECOND, NEEDS_TIME},
    {"millisecond", MILLISECOND, NEEDS_TIME},
    {"microsecond", MICROSECOND, NEEDS_TIME},
    {"nanosecond", NANOSECOND, NEEDS_TIME},
    {"timezone", TIMEZONE, NEEDS_OFFSET},
    {"offset", OFFSET, NEEDS_OFFSET},
    {"offsetMinutes", OFFSET_MINUTES, NEEDS_OFFSET},
    {"offsetSeconds", OFFSET_SECONDS, NEEDS_OFFSET},
    {"epochSeconds", EPOCH_SECONDS, NEEDS_ALL},
    {"epochMillis", EPOCH_MILLIS, NEEDS_ALL},
};

static bool has_component(const sb_moment *moment, need needs)
{
    switch ((int)needs) {
    case NEEDS_DATE: return moment->has_date;
    case NEEDS_TIME: return moment->has_time;
    case NEEDS_OFFSET: return moment->has_offset;
    case NEEDS_ALL:
    default: return moment->has_date && moment->has_time && moment->has_offset;
    }
}

static int64_t date_number(int64_t days, component wanted)
{
    sb_calendar calendar;

    sb_func__calendar(days, &calendar);
    switch ((int)wanted) {
    case YEAR: return calendar.year;
    case QUARTER: return calendar.quarter;
    case MONTH: return calendar.month;
    case WEEK: return calendar.week;
    case WEEK_YEAR: return calendar.week_year;
    case DAY: return calendar.day;
    case ORDINAL_DAY: return calendar.ordinal_day;
    case DAY_OF_WEEK: return calendar.day_of_week;
    default: return calendar.day_of_quarter;
    }
}

static int64_t time_number(const sb_moment *moment, component wanted)
{
    switch ((int)wanted) {
    case HOUR: return moment->ns / (3600 * SB_FUNC_NANOS);
    case MINUTE: return moment->ns / (60 * SB_FUNC_NANOS) % 60;
    case SECOND: return moment->ns / SB_FUNC_NANOS % 60;
    case MILLISECOND: return moment->ns % SB_FUNC_NANOS / 1000000;
    case MICROSECOND: return moment->ns % SB_FUNC_NANOS / 1000;
    case NANOSECOND: return moment->ns % SB_FUNC_NANOS;
    case OFFSET_MINUTES: return moment->offset / 60;
    case OFFSET_SECONDS: return moment->offset;
    default: return sb_func__moment_seconds(moment);
    }
}

/* There are years enough for more milliseconds than 64 bits hold. */
static sb_status epoch_millis(sb_func_context *ctx, const sb_moment *moment, sb_val *result)
{
    int64_t millis;

    if (SB_MUL_OVERFLOWS(sb_func__moment_seconds(moment), (int64_t)1000, &millis) ||
        SB_ADD_OVERFLOWS(millis, moment->ns % SB_FUNC_NANOS / 1000000, &millis))
        return SB_FUNC_FAIL_OVERFLOW(ctx, "the epochMillis of this moment do not fit 64 bits");
    *result = sb_val_int(millis);
    return SB_OK;
}

static sb_status offset_text(sb_func_context *ctx, int32_t offset, sb_val *result)
{
    sb_buffer text;

    sb_buffer_init(&text, ctx->alloc);
    sb_status st = sb_func__write_offset(offset, &text);
    if (st != SB_OK) (void)SB_FAIL_NOMEM(ctx->err);
    if (st == SB_OK) st = sb_func__string(ctx, sb_buffer_bytes(&text), result);
    sb_buffer_deinit(&text);
    return st;
}

/* Parts of a duration: of months, days, seconds or nanoseconds, divided, then the rest of a division. */
static const struct duration_row {
    const char *name;
    char
        part; /* M, D, S: seconds, N: nanoseconds of all seconds, F: of the second, which are never negative */
    int64_t divisor, modulus;
} DURATION_PARTS[] = {
    {"years", 'M', 12, 0},
    {"quarters", 'M', 3, 0},
    {"months", 'M', 1, 0},
    {"weeks", 'D', 7, 0},
    {"days", 'D', 1, 0},
    {"hours", 'S', 3600, 0},
    {"minutes", 'S', 60, 0},
    {"seconds", 'S', 1, 0},
    {"milliseconds", 'N', 1000000, 0},
    {"microseconds", 'N', 1000, 0},
    {"nanoseconds", 'N', 1, 0},
    {"quartersOfYear", 'M', 3, 4},
    {"monthsOfQuarter", 'M', 1, 3},
    {"monthsOfYear", 'M', 1, 12},
    {"daysOfWeek", 'D', 1, 7},
    {"minutesOfHour", 'S', 60, 60},
    {"secondsOfMinute", 'S', 1, 60},
    {"millisecondsOfSecond", 'F', 1000000, 0},
    {"microsecondsOfSecond", 'F', 1000, 0},
    {"nanosecondsOfSecond", 'F', 1, 0},
};

static sb_i128 duration_part(const sb_value *value, char part)
{
    switch (part) {
    case 'M': return value->as.duration.months;
    case 'D': return value->as.duration.days;
    case 'S': return value->as.duration.seconds;
    case 'N': return (sb_i128)value->as.duration.seconds * SB_FUNC_NANOS + value->as.duration.nanos;
    default: return value->as.duration.nanos;
    }
}

static sb_status duration_component(sb_func_context *ctx, const sb_value *value, sb_bytes key,
                                    sb_val *result)
{
    for (size_t i = 0; i < sizeof DURATION_PARTS / sizeof DURATION_PARTS[0]; i++) {
        const struct duration_row *row = &DURATION_PARTS[i];
        if (!sb_func__named(key, row->name)) continue;
        const sb_i128 amount = duration_part(value, row->part);
        sb_i128 number = amount / row->divisor;
        /* As many as the seconds have, and those of the second on top of them. */
        if (row->part == 'N' && amount % row->divisor < 0) number--;
        if (row->modulus != 0) number %= row->modulus;
        if (number > INT64_MAX || number < INT64_MIN)
            return SB_FUNC_FAIL_OVERFLOW(ctx, "the %s of this duration do not fit 64 bits",
                                         row->name);
        *result = sb_val_int((int64_t)number);
        return SB_OK;
    }
    return SB_FUNC_FAIL_VALUE(ctx, "a DURATION has no component '%.*s'", SB_FUNC_SHOWN(key));
}

sb_status sb_func__temporal_component(sb_func_context *ctx, sb_val v, sb_bytes key, sb_val *result)
{
    sb_moment moment;

    if (!sb_func__moment_of(v, &moment)) return duration_component(ctx, v.as.boxed, key, result);
    for (size_t i = 0; i < sizeof COMPONENTS / sizeof COMPONENTS[0]; i++) {
        const struct component_row *row = &COMPONENTS[i];
        if (!sb_func__named(key, row->name) || !has_component(&moment, row->needs)) continue;
        if (row->component == TIMEZONE && moment.zone.size != 0)
            return sb_func__string(ctx, moment.zone, result);
        if (row->component == TIMEZONE || row->component == OFFSET)
            return offset_text(ctx, moment.offset, result);
        if (row->component == EPOCH_MILLIS) return epoch_millis(ctx, &moment, result);
        *result = sb_val_int(row->needs == NEEDS_DATE ? date_number(moment.days, row->component)
                                                      : time_number(&moment, row->component));
        return SB_OK;
    }
    return SB_FUNC_FAIL_VALUE(ctx, "a %s has no component '%.*s'", sb_val_kind_name(v.kind),
                              SB_FUNC_SHOWN(key));
}
