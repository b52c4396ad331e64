/* temporal_make.c — date(), localtime(), time(), localdatetime(), datetime(): from the clock, texts, maps and other temporal values,
 * and their truncate().
 * Maps: a base (date:, time:, datetime:) gives what the other components leave open. Components of a date come in one of four forms:
 * month and day, week and dayOfWeek, ordinalDay, quarter and dayOfQuarter. A zone given beside a time that has one converts. */
#include "cypher/func/func_priv.h"
#include "graph/text_value.h"

/* ---- Fields of a map ------------------------------------------------------------------------------------------- */

typedef enum field {
    YEAR,
    QUARTER,
    MONTH,
    WEEK,
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
    EPOCH_SECONDS,
    EPOCH_MILLIS,
    NUMBERS, /* those before are integers */
    TIMEZONE = NUMBERS,
    DATE,
    TIME,
    DATETIME,
    FIELDS
} field;

static const char *const FIELD_NAMES[FIELDS] = {
    "year",         "quarter",     "month",    "week",   "day",         "ordinalDay",  "dayOfWeek",
    "dayOfQuarter", "hour",        "minute",   "second", "millisecond", "microsecond", "nanosecond",
    "epochSeconds", "epochMillis", "timezone", "date",   "time",        "datetime",
};

#define BIT(field) (1u << (field))
#define DATE_FIELDS                                                                                \
    (BIT(YEAR) | BIT(QUARTER) | BIT(MONTH) | BIT(WEEK) | BIT(DAY) | BIT(ORDINAL_DAY) |             \
     BIT(DAY_OF_WEEK) | BIT(DAY_OF_QUARTER))
#define SUBSECONDS  (BIT(MILLISECOND) | BIT(MICROSECOND) | BIT(NANOSECOND))
#define TIME_FIELDS (BIT(HOUR) | BIT(MINUTE) | BIT(SECOND) | SUBSECONDS)
#define EPOCHS      (BIT(EPOCH_SECONDS) | BIT(EPOCH_MILLIS))

typedef struct fields {
    const char *function; /* for messages */
    sb_val_kind kind;
    uint32_t given; /* BIT of each */
    int64_t number[NUMBERS];
    sb_val other[FIELDS - NUMBERS];
} fields;

static const char *function_name(sb_val_kind kind)
{
    static const char *const names[] = {"date", "localtime", "time", "localdatetime", "datetime"};

    return names[kind - SB_VAL_DATE];
}

static bool dated(sb_val_kind kind)
{
    return kind == SB_VAL_DATE || kind == SB_VAL_LOCAL_DATETIME || kind == SB_VAL_DATETIME;
}

static bool zoned(sb_val_kind kind)
{
    return kind == SB_VAL_TIME || kind == SB_VAL_DATETIME;
}

static uint32_t fields_of(sb_val_kind kind)
{
    uint32_t allowed = BIT(TIMEZONE);

    if (dated(kind)) allowed |= DATE_FIELDS | BIT(DATE) | BIT(DATETIME);
    if (kind != SB_VAL_DATE) allowed |= TIME_FIELDS | BIT(TIME) | BIT(DATETIME);
    if (kind == SB_VAL_DATETIME) allowed |= EPOCHS;
    return allowed;
}

static bool has(const fields *f, field which)
{
    return (f->given & BIT(which)) != 0;
}

static sb_status read_field(sb_func_context *ctx, const sb_val_entry *entry, uint32_t allowed,
                            fields *f)
{
    for (unsigned i = 0; i < FIELDS; i++) {
        if (!sb_func__named(entry->key, FIELD_NAMES[i]) || (allowed & BIT(i)) == 0) continue;
        const bool fits = i < NUMBERS     ? entry->value.kind == SB_VAL_INT
                          : i == TIMEZONE ? entry->value.kind == SB_VAL_STRING
                                          : sb_func__is_instant(entry->value);
        if (!fits)
            return SB_FUNC_FAIL_VALUE(ctx, "%s(): %s can't be a value of type %s", f->function,
                                      FIELD_NAMES[i], sb_val_kind_name(entry->value.kind));
        f->given |= BIT(i);
        if (i < NUMBERS)
            f->number[i] = entry->value.as.integer;
        else
            f->other[i - NUMBERS] = entry->value;
        return SB_OK;
    }
    return SB_FUNC_FAIL_VALUE(ctx, "%s(): there is no component '%.*s'", f->function,
                              SB_FUNC_SHOWN(entry->key));
}

static sb_status read_fields(sb_func_context *ctx, const sb_val_map *map, sb_val_kind kind,
                             uint32_t allowed, fields *f)
{
    *f = (fields){.function = function_name(kind), .kind = kind};
    for (uint32_t i = 0; i < map->count; i++)
        SB_TRY(read_field(ctx, &map->entries[i], allowed, f));
    return SB_OK;
}

/* ---- Dates ------------------------------------------------------------------------------------------------------- */

static sb_status fail_field(sb_func_context *ctx, const fields *f, field which)
{
    return SB_FUNC_FAIL_VALUE(ctx, "%s(): there is no %s %lld in this", f->function,
                              FIELD_NAMES[which], (long long)f->number[which]);
}

/* The number that was given, or that of the base. */
static int64_t number_or(const fields *f, field which, int64_t otherwise)
{
    return has(f, which) ? f->number[which] : otherwise;
}

static sb_status by_month(sb_func_context *ctx, const fields *f, const sb_calendar *base,
                          int64_t year, int64_t *days)
{
    const int64_t month = number_or(f, MONTH, base->month);
    int64_t day = number_or(f, DAY, base->day);

    if (month < 1 || month > 12) return fail_field(ctx, f, MONTH);
    if (!has(f, DAY)) {
        /* January 31st with month 2 is the last of February. */
        const unsigned last = sb_func__month_length(year, (unsigned)month);
        if (day > last) day = last;
    }
    return sb_days_of_calendar(year, month, day, days) ? SB_OK : fail_field(ctx, f, DAY);
}

static sb_status by_quarter(sb_func_context *ctx, const fields *f, const sb_calendar *base,
                            int64_t year, int64_t *days)
{
    const int64_t quarter = number_or(f, QUARTER, base->quarter);
    int64_t day = number_or(f, DAY_OF_QUARTER, base->day_of_quarter);

    if (quarter < 1 || quarter > 4) return fail_field(ctx, f, QUARTER);
    if (!has(f, DAY_OF_QUARTER)) {
        /* December 31st with quarter 1 is the last of March. */
        unsigned last = 0;
        for (unsigned month = 0; month < 3; month++)
            last += sb_func__month_length(year, (unsigned)quarter * 3 - month);
        if (day > last) day = last;
    }
    return sb_days_of_quarter(year, quarter, day, days) ? SB_OK
                                                        : fail_field(ctx, f, DAY_OF_QUARTER);
}

/* Components of one form only, and none without the one above it. */
static sb_status check_form(sb_func_context *ctx, const fields *f, bool has_base)
{
    const uint32_t forms[] = {BIT(MONTH) | BIT(DAY), BIT(WEEK) | BIT(DAY_OF_WEEK), BIT(ORDINAL_DAY),
                              BIT(QUARTER) | BIT(DAY_OF_QUARTER)};
    unsigned used = 0;

    for (size_t i = 0; i < 4; i++)
        used += (f->given & forms[i]) != 0;
    if (used > 1)
        return SB_FUNC_FAIL_VALUE(
            ctx, "%s(): months, weeks, quarters and ordinal days don't go together", f->function);
    if (has_base) return SB_OK;
    if (!has(f, YEAR)) return SB_FUNC_FAIL_VALUE(ctx, "%s() needs a year", f->function);
    if ((has(f, DAY) && !has(f, MONTH)) || (has(f, DAY_OF_WEEK) && !has(f, WEEK)) ||
        (has(f, DAY_OF_QUARTER) && !has(f, QUARTER)))
        return SB_FUNC_FAIL_VALUE(ctx, "%s(): a day needs its month, week or quarter", f->function);
    return SB_OK;
}

/* base: days that the fields leave open, when has_base. */
static sb_status make_date(sb_func_context *ctx, const fields *f, bool has_base, int64_t *days)
{
    sb_calendar base = {
        .month = 1, .day = 1, .week = 1, .day_of_week = 1, .quarter = 1, .day_of_quarter = 1};

    SB_TRY(check_form(ctx, f, has_base));
    if (has_base) sb_func__calendar(*days, &base);
    const int64_t year = number_or(f, YEAR, base.year);
    if (year > SB_FUNC_YEAR_MAX || year < -SB_FUNC_YEAR_MAX) return fail_field(ctx, f, YEAR);
    if (has(f, WEEK) || has(f, DAY_OF_WEEK)) {
        const int64_t week = number_or(f, WEEK, base.week);
        const int64_t week_year = number_or(f, YEAR, base.week_year);
        return sb_days_of_week(week_year, week, number_or(f, DAY_OF_WEEK, base.day_of_week), days)
                   ? SB_OK
                   : fail_field(ctx, f, has(f, WEEK) ? WEEK : DAY_OF_WEEK);
    }
    if (has(f, ORDINAL_DAY))
        return sb_days_of_ordinal(year, f->number[ORDINAL_DAY], days)
                   ? SB_OK
                   : fail_field(ctx, f, ORDINAL_DAY);
    if (has(f, QUARTER) || has(f, DAY_OF_QUARTER)) return by_quarter(ctx, f, &base, year, days);
    return by_month(ctx, f, &base, year, days);
}

/* ---- Clock times ---------------------------------------------------------------------------------------------------- */

/* Each of the three counts what the one above leaves: millisecond 123, microsecond 456, nanosecond 789. */
static sb_status make_subseconds(sb_func_context *ctx, const fields *f, int64_t *nanos)
{
    const bool ms = has(f, MILLISECOND), us = has(f, MICROSECOND);
    const int64_t limits[3] = {1000, ms ? 1000 : 1000000, us ? 1000 : ms ? 1000000 : SB_FUNC_NANOS};
    static const int64_t scales[3] = {1000000, 1000, 1};

    *nanos = 0;
    for (int i = 0; i < 3; i++) {
        const field which = (field)(MILLISECOND + i);
        if (!has(f, which)) continue;
        if (f->number[which] < 0 || f->number[which] >= limits[i]) return fail_field(ctx, f, which);
        *nanos += f->number[which] * scales[i];
    }
    return SB_OK;
}

/* Without a time of day as the base a part needs the one above it, the hour first: {hour: 12, second: 3} leaves a gap. */
static sb_status check_clock(sb_func_context *ctx, const fields *f)
{
    for (field which = MINUTE; which <= MILLISECOND; which++) {
        const uint32_t parts = which == MILLISECOND ? SUBSECONDS : BIT(which);
        if ((f->given & parts) != 0 && !has(f, which - 1))
            return SB_FUNC_FAIL_VALUE(ctx, "%s(): %s needs its %s", f->function,
                                      which == MILLISECOND ? "a part of a second"
                                                           : FIELD_NAMES[which],
                                      FIELD_NAMES[which - 1]);
    }
    return SB_OK;
}

/* *ns: of the base, 0 without one. add: sub-seconds count on top of the base's (truncate). */
static sb_status make_time(sb_func_context *ctx, const fields *f, bool add, int64_t *ns)
{
    static const int64_t limits[3] = {24, 60, 60};
    int64_t parts[3] = {*ns / (3600 * SB_FUNC_NANOS), *ns / (60 * SB_FUNC_NANOS) % 60,
                        *ns / SB_FUNC_NANOS % 60};
    int64_t nanos = *ns % SB_FUNC_NANOS, given;

    for (int i = 0; i < 3; i++) {
        const field which = (field)(HOUR + i);
        parts[i] = number_or(f, which, parts[i]);
        if (parts[i] < 0 || parts[i] >= limits[i]) return fail_field(ctx, f, which);
    }
    if ((f->given & SUBSECONDS) != 0) {
        SB_TRY(make_subseconds(ctx, f, &given));
        nanos = add ? nanos + given : given;
        if (nanos >= SB_FUNC_NANOS) return fail_field(ctx, f, NANOSECOND);
    }
    *ns = ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * SB_FUNC_NANOS + nanos;
    return SB_OK;
}

/* ---- Clocks ----------------------------------------------------------------------------------------------------------- */

typedef enum clock_kind { CLOCK_STATEMENT, CLOCK_TRANSACTION, CLOCK_REAL } clock_kind;

static sb_status read_clock(sb_func_context *ctx, clock_kind clock, sb_bytes zone,
                            sb_moment *moment)
{
    int64_t seconds = clock == CLOCK_TRANSACTION ? ctx->transaction_seconds : ctx->now_seconds;
    uint32_t nanos = clock == CLOCK_TRANSACTION ? ctx->transaction_nanos : ctx->now_nanos;

    if (clock == CLOCK_REAL) ctx->real_time(ctx->real_time_ctx, &seconds, &nanos);
    *moment = (sb_moment){.has_date = true, .has_time = true};
    SB_TRY(sb_func__moment_set_zone(ctx, zone, moment));
    return sb_func__moment_at(ctx, seconds, nanos, moment);
}

static sb_status from_clock(sb_func_context *ctx, sb_val_kind kind, clock_kind clock,
                            const sb_val *args, uint32_t count, sb_val *result)
{
    sb_moment moment;

    if (count != 0 && args[0].kind != SB_VAL_STRING)
        return sb_func__fail_arg(ctx, function_name(kind), "the name of a time zone", args[0]);
    SB_TRY(read_clock(ctx, clock, count != 0 ? sb_val_text(args[0]) : ctx->default_zone, &moment));
    return sb_func__moment_val(ctx, kind, &moment, result);
}

/* ---- From other temporal values ------------------------------------------------------------------------------------------ */

/* The part that a base is asked for. */
static sb_status take_base(sb_func_context *ctx, const fields *f, field which, bool need_date,
                           bool need_time, sb_moment *base)
{
    const sb_val v = f->other[which - NUMBERS];

    (void)sb_func__moment_of(v, base);
    if ((need_date && !base->has_date) || (need_time && !base->has_time))
        return SB_FUNC_FAIL_VALUE(ctx, "%s(): %s can't be a value of type %s", f->function,
                                  FIELD_NAMES[which], sb_val_kind_name(v.kind));
    return SB_OK;
}

/* Offset and zone from the base, from the map, or the default; given beside the base's own, it converts. */
static sb_status apply_zone(sb_func_context *ctx, const fields *f, bool convert, sb_moment *moment)
{
    const bool was_zoned = moment->has_offset;
    sb_moment target = *moment;

    if (!has(f, TIMEZONE)) {
        if (!was_zoned) SB_TRY(sb_func__moment_set_zone(ctx, ctx->default_zone, moment));
        return sb_func__moment_resolve(ctx, moment);
    }
    const sb_bytes name = sb_val_text(f->other[TIMEZONE - NUMBERS]);
    SB_TRY(sb_func__moment_set_zone(ctx, name, &target));
    if (was_zoned && convert) {
        SB_TRY(sb_func__moment_resolve(ctx, moment));
        SB_TRY(sb_func__moment_at(ctx, sb_func__moment_seconds(moment), moment->ns % SB_FUNC_NANOS,
                                  &target));
        *moment = target;
        return SB_OK;
    }
    *moment = target;
    return sb_func__moment_resolve(ctx, moment);
}

/* A time of day has an offset and no zone: it is the zone's on the day of the statement. */
static sb_status zone_of_time(sb_func_context *ctx, const fields *f, bool convert,
                              sb_moment *moment)
{
    sb_moment now;
    const bool undated = !moment->has_date;

    if (undated) {
        SB_TRY(read_clock(ctx, CLOCK_STATEMENT, ctx->default_zone, &now));
        moment->days = now.days;
    }
    SB_TRY(apply_zone(ctx, f, convert, moment));
    if (undated) moment->days = 0;
    return SB_OK;
}

static sb_status from_epoch(sb_func_context *ctx, const fields *f, sb_val *result)
{
    const uint32_t others = f->given & ~(EPOCHS | SUBSECONDS | BIT(TIMEZONE));
    const bool millis = has(f, EPOCH_MILLIS);
    const int64_t epoch = f->number[millis ? EPOCH_MILLIS : EPOCH_SECONDS];
    sb_moment moment = {.has_date = true, .has_time = true};
    int64_t nanos;

    if (others != 0 || (f->given & EPOCHS) == EPOCHS || (millis && has(f, MILLISECOND)))
        return SB_FUNC_FAIL_VALUE(
            ctx, "datetime(): %s goes with a timezone and smaller parts of a second only",
            FIELD_NAMES[millis ? EPOCH_MILLIS : EPOCH_SECONDS]);
    SB_TRY(make_subseconds(ctx, f, &nanos));
    if (millis) nanos += sb_floor_mod(epoch, 1000) * 1000000;
    if (nanos >= SB_FUNC_NANOS) return fail_field(ctx, f, NANOSECOND);
    const int64_t seconds = millis ? sb_floor_div(epoch, 1000) : epoch;
    /* Far outside of all years; near the limits moment_val looks. */
    if (seconds > INT64_MAX / 2 || seconds < INT64_MIN / 2)
        return fail_field(ctx, f, EPOCH_SECONDS);
    SB_TRY(sb_func__moment_set_zone(
        ctx, has(f, TIMEZONE) ? sb_val_text(f->other[TIMEZONE - NUMBERS]) : ctx->default_zone,
        &moment));
    SB_TRY(sb_func__moment_at(ctx, seconds, nanos, &moment));
    return sb_func__moment_val(ctx, SB_VAL_DATETIME, &moment, result);
}

/* What the bases give, before components: a date, a time of day, a zone. */
static sb_status take_bases(sb_func_context *ctx, const fields *f, sb_moment *moment)
{
    sb_moment base;

    *moment = (sb_moment){.has_time = f->kind != SB_VAL_DATE};
    if (has(f, DATETIME) && (has(f, DATE) || has(f, TIME)))
        return SB_FUNC_FAIL_VALUE(ctx, "%s(): datetime does not go with date or time", f->function);
    if (has(f, DATETIME)) {
        SB_TRY(take_base(ctx, f, DATETIME, true, true, &base));
        *moment = base;
        return SB_OK;
    }
    if (has(f, DATE)) {
        SB_TRY(take_base(ctx, f, DATE, true, false, &base));
        moment->has_date = true;
        moment->days = base.days;
    }
    if (has(f, TIME)) {
        SB_TRY(take_base(ctx, f, TIME, false, true, &base));
        if (!dated(f->kind)) { /* the day tells the offset of a zone */
            moment->has_date = base.has_date;
            moment->days = base.days;
        }
        moment->ns = base.ns;
        moment->has_offset = base.has_offset;
        moment->offset = base.offset;
        moment->zone = base.zone;
    }
    return SB_OK;
}

static sb_status from_map(sb_func_context *ctx, sb_val_kind kind, const sb_val_map *map,
                          sb_val *result)
{
    sb_moment moment;
    fields f;

    SB_TRY(read_fields(ctx, map, kind, fields_of(kind), &f));
    if (f.given == 0) return SB_FUNC_FAIL_VALUE(ctx, "%s() needs components", f.function);
    if (f.given == BIT(TIMEZONE))
        return from_clock(ctx, kind, CLOCK_STATEMENT, &f.other[TIMEZONE - NUMBERS], 1, result);
    if ((f.given & EPOCHS) != 0) return from_epoch(ctx, &f, result);
    if (has(&f, TIMEZONE) && !zoned(kind))
        return SB_FUNC_FAIL_VALUE(ctx, "%s() has no timezone", f.function);
    SB_TRY(take_bases(ctx, &f, &moment));
    if (dated(kind)) {
        SB_TRY(make_date(ctx, &f, moment.has_date, &moment.days));
        moment.has_date = true;
    }
    if (!has(&f, TIME) && !has(&f, DATETIME)) SB_TRY(check_clock(ctx, &f));
    SB_TRY(make_time(ctx, &f, false, &moment.ns));
    if (zoned(kind)) {
        /* The base's offset was that of another time: let the zone tell again. */
        SB_TRY(dated(kind) ? apply_zone(ctx, &f, true, &moment)
                           : zone_of_time(ctx, &f, true, &moment));
    }
    return sb_func__moment_val(ctx, kind, &moment, result);
}

/* The part of another temporal value that a kind has. */
static sb_status convert(sb_func_context *ctx, sb_val_kind kind, sb_val other, sb_moment *moment)
{
    (void)sb_func__moment_of(other, moment);
    if ((dated(kind) && !moment->has_date) ||
        ((kind == SB_VAL_TIME || kind == SB_VAL_LOCAL_TIME) && !moment->has_time))
        return SB_FUNC_FAIL_VALUE(ctx, "%s() can't be made from a value of type %s",
                                  function_name(kind), sb_val_kind_name(other.kind));
    if (zoned(kind) && !moment->has_offset) {
        SB_TRY(sb_func__moment_set_zone(ctx, ctx->default_zone, moment));
        SB_TRY(sb_func__moment_resolve(ctx, moment));
    }
    return SB_OK;
}

static sb_status make(sb_func_context *ctx, sb_val_kind kind, const sb_val *args, uint32_t count,
                      sb_val *result)
{
    sb_moment moment;

    if (count == 0) return from_clock(ctx, kind, CLOCK_STATEMENT, args, 0, result);
    if (args[0].kind == SB_VAL_STRING)
        return sb_temporal_parse(ctx, kind, sb_val_text(args[0]), result);
    if (args[0].kind == SB_VAL_MAP) return from_map(ctx, kind, args[0].as.map, result);
    if (!sb_func__is_instant(args[0]))
        return sb_func__fail_arg(ctx, function_name(kind), "a STRING, MAP or temporal value",
                                 args[0]);
    SB_TRY(convert(ctx, kind, args[0], &moment));
    return sb_func__moment_val(ctx, kind, &moment, result);
}

/* ---- Truncating -------------------------------------------------------------------------------------------------------- */

typedef enum unit {
    MILLENNIUM,
    CENTURY,
    DECADE,
    UNIT_YEAR,
    WEEK_YEAR,
    UNIT_QUARTER,
    UNIT_MONTH,
    UNIT_WEEK,
    UNIT_DAY,
    UNIT_HOUR,
    UNIT_MINUTE,
    UNIT_SECOND,
    UNIT_MILLISECOND,
    UNIT_MICROSECOND,
    UNITS
} unit;

static sb_status find_unit(sb_func_context *ctx, sb_val_kind kind, sb_val text, unit *found)
{
    static const char *const names[UNITS] = {
        "millennium", "century", "decade", "year",   "weekYear", "quarter",     "month",
        "week",       "day",     "hour",   "minute", "second",   "millisecond", "microsecond",
    };

    if (text.kind != SB_VAL_STRING)
        return sb_func__fail_arg(ctx, "truncate", "the name of a unit", text);
    for (unsigned i = 0; i < UNITS; i++) {
        if (!sb_func__named(sb_val_text(text), names[i])) continue;
        if ((kind == SB_VAL_DATE && i > UNIT_DAY) || (!dated(kind) && i < UNIT_DAY)) break;
        *found = (unit)i;
        return SB_OK;
    }
    return SB_FUNC_FAIL_VALUE(ctx, "%s.truncate() has no unit '%.*s'", function_name(kind),
                              SB_FUNC_SHOWN(sb_val_text(text)));
}

static int64_t truncate_date(unit to, int64_t days)
{
    sb_calendar c;

    sb_func__calendar(days, &c);
    switch ((int)to) {
    case MILLENNIUM: return sb_days_of_date(c.year - sb_floor_mod(c.year, 1000), 1, 1);
    case CENTURY: return sb_days_of_date(c.year - sb_floor_mod(c.year, 100), 1, 1);
    case DECADE: return sb_days_of_date(c.year - sb_floor_mod(c.year, 10), 1, 1);
    case UNIT_YEAR: return sb_days_of_date(c.year, 1, 1);
    case WEEK_YEAR: return days - ((int64_t)c.week - 1) * 7 - c.day_of_week + 1;
    case UNIT_QUARTER: return sb_days_of_date(c.year, c.quarter * 3 - 2, 1);
    case UNIT_MONTH: return sb_days_of_date(c.year, c.month, 1);
    case UNIT_WEEK: return days - c.day_of_week + 1;
    default: return days;
    }
}

static int64_t truncate_time(unit to, int64_t ns)
{
    static const int64_t nanos[] = {3600 * SB_FUNC_NANOS, 60 * SB_FUNC_NANOS, SB_FUNC_NANOS,
                                    1000000, 1000};

    return to <= UNIT_DAY ? 0 : ns - ns % nanos[to - UNIT_HOUR];
}

static sb_status truncate_moment(sb_func_context *ctx, sb_val_kind kind, const sb_val *args,
                                 uint32_t count, sb_val *result)
{
    sb_moment moment;
    unit to = UNIT_DAY;
    fields f = {.function = function_name(kind), .kind = kind};

    SB_TRY(find_unit(ctx, kind, args[0], &to));
    if (count > 2 && args[2].kind != SB_VAL_MAP)
        return sb_func__fail_arg(ctx, "truncate", "a MAP of components", args[2]);
    if (count > 2)
        SB_TRY(read_fields(ctx, args[2].as.map, kind,
                           fields_of(kind) & (DATE_FIELDS | TIME_FIELDS | BIT(TIMEZONE)), &f));
    if (has(&f, TIMEZONE) && !zoned(kind))
        return SB_FUNC_FAIL_VALUE(ctx, "%s() has no timezone", f.function);
    if (count == 1) {
        SB_TRY(read_clock(ctx, CLOCK_STATEMENT, ctx->default_zone, &moment));
    } else {
        if (!sb_func__is_instant(args[1]))
            return sb_func__fail_arg(ctx, "truncate", "a temporal value", args[1]);
        SB_TRY(convert(ctx, kind, args[1], &moment));
    }
    if (dated(kind)) {
        moment.days = truncate_date(to, moment.days);
        if ((f.given & DATE_FIELDS) != 0) SB_TRY(make_date(ctx, &f, true, &moment.days));
    }
    moment.ns = truncate_time(to, moment.ns);
    SB_TRY(make_time(ctx, &f, true, &moment.ns));
    if (zoned(kind))
        SB_TRY(dated(kind) ? apply_zone(ctx, &f, false, &moment)
                           : zone_of_time(ctx, &f, false, &moment));
    return sb_func__moment_val(ctx, kind, &moment, result);
}

/* ---- The functions of the table ------------------------------------------------------------------------------------------- */

#define CONSTRUCTORS(instant, kind)                                                                \
    sb_status sb_func__make_##instant(sb_func_context *ctx, const sb_val *args, uint32_t count,    \
                                      sb_val *result)                                              \
    {                                                                                              \
        return make(ctx, kind, args, count, result);                                               \
    }                                                                                              \
    sb_status sb_func__make_##instant##_transaction(sb_func_context *ctx, const sb_val *args,      \
                                                    uint32_t count, sb_val *result)                \
    {                                                                                              \
        return from_clock(ctx, kind, CLOCK_TRANSACTION, args, count, result);                      \
    }                                                                                              \
    sb_status sb_func__make_##instant##_statement(sb_func_context *ctx, const sb_val *args,        \
                                                  uint32_t count, sb_val *result)                  \
    {                                                                                              \
        return from_clock(ctx, kind, CLOCK_STATEMENT, args, count, result);                        \
    }                                                                                              \
    sb_status sb_func__make_##instant##_realtime(sb_func_context *ctx, const sb_val *args,         \
                                                 uint32_t count, sb_val *result)                   \
    {                                                                                              \
        return from_clock(ctx, kind, CLOCK_REAL, args, count, result);                             \
    }                                                                                              \
    sb_status sb_func__make_##instant##_truncate(sb_func_context *ctx, const sb_val *args,         \
                                                 uint32_t count, sb_val *result)                   \
    {                                                                                              \
        return truncate_moment(ctx, kind, args, count, result);                                    \
    }

CONSTRUCTORS(date, SB_VAL_DATE)
CONSTRUCTORS(localtime, SB_VAL_LOCAL_TIME)
CONSTRUCTORS(time, SB_VAL_TIME)
CONSTRUCTORS(localdatetime, SB_VAL_LOCAL_DATETIME)
CONSTRUCTORS(datetime, SB_VAL_DATETIME)

static sb_status of_epoch(sb_func_context *ctx, field which, sb_val epoch, sb_val nanos,
                          sb_val *result)
{
    fields f = {.function = "datetime.fromepoch",
                .kind = SB_VAL_DATETIME,
                .given = BIT(which) | BIT(NANOSECOND)};

    if (epoch.kind != SB_VAL_INT || nanos.kind != SB_VAL_INT)
        return sb_func__fail_arg(ctx, f.function, "INTEGERs",
                                 epoch.kind == SB_VAL_INT ? nanos : epoch);
    f.number[which] = epoch.as.integer;
    f.number[NANOSECOND] = nanos.as.integer;
    return from_epoch(ctx, &f, result);
}

sb_status sb_func__datetime_from_epoch(sb_func_context *ctx, const sb_val *args, uint32_t count,
                                       sb_val *result)
{
    (void)count;
    return of_epoch(ctx, EPOCH_SECONDS, args[0], args[1], result);
}

sb_status sb_func__datetime_from_epoch_millis(sb_func_context *ctx, const sb_val *args,
                                              uint32_t count, sb_val *result)
{
    (void)count;
    return of_epoch(ctx, EPOCH_MILLIS, args[0], sb_val_int(0), result);
}

sb_status sb_func__timestamp(sb_func_context *ctx, const sb_val *args, uint32_t count,
                             sb_val *result)
{
    (void)args;
    (void)count;
    *result = sb_val_int(ctx->now_seconds * 1000 + ctx->now_nanos / 1000000);
    return SB_OK;
}
