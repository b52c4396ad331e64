/* temporal_parse.c — temporal values from text. Dates and clock times are read by graph/text_value.h, which knows all forms of ISO 8601
 * that Cypher does; here are what it lacks: zones without offsets, and fractions in any part of a duration. */
#include <math.h>

#include "cypher/func/func_priv.h"
#include "graph/text_value.h"

static sb_status fail_parse(sb_func_context *ctx, sb_val_kind kind, sb_bytes text)
{
    return SB_FUNC_FAIL_VALUE(ctx, "'%.*s' is no %s", SB_FUNC_SHOWN(text), sb_val_kind_name(kind));
}

static bool read_part(uint32_t type, sb_bytes text, int64_t *number)
{
    const sb_text_type text_type = {.type = type};
    sb_value value;

    if (sb_text_to_value(&text_type, text, NULL, &value, NULL) != SB_OK) return false;
    *number = value.as.integer;
    return true;
}

/* Where one of a few characters comes first, or the size. */
static size_t find_any(sb_bytes text, const char *wanted)
{
    size_t i = 0;

    while (i < text.size && (text.data[i] == '\0' || strchr(wanted, text.data[i]) == NULL))
        i++;
    return i;
}

static sb_bytes cut(sb_bytes text, size_t from, size_t to)
{
    return sb_bytes_of(text.data + from, to - from);
}

/* Behind a clock time: offset, [zone], both or nothing. */
static sb_status read_zone(sb_func_context *ctx, sb_val_kind kind, sb_bytes whole, sb_bytes text,
                           sb_moment *moment)
{
    const size_t bracket = find_any(text, "[");

    if (text.size == 0) return sb_func__moment_set_zone(ctx, ctx->default_zone, moment);
    if (bracket == text.size) {
        SB_TRY(sb_func__moment_set_zone(ctx, text, moment));
        /* A name needs its brackets. */
        return moment->zone.size == 0 ? SB_OK : fail_parse(ctx, kind, whole);
    }
    if (kind != SB_VAL_DATETIME || text.data[text.size - 1] != ']')
        return fail_parse(ctx, kind, whole);
    const sb_bytes name = cut(text, bracket + 1, text.size - 1);
    if (bracket != 0) {
        SB_TRY(sb_func__moment_set_zone(ctx, cut(text, 0, bracket), moment));
        if (moment->zone.size != 0) return fail_parse(ctx, kind, whole);
    }
    const int32_t written = moment->offset;
    SB_TRY(sb_func__moment_set_zone(ctx, name, moment));
    if (moment->zone.size == 0) /* [+01:00] */
        return bracket == 0 || moment->offset == written ? SB_OK : fail_parse(ctx, kind, whole);
    moment->has_offset = bracket != 0;
    moment->offset = written;
    SB_TRY(sb_func__moment_resolve(ctx, moment));
    if (bracket != 0 && moment->offset != written)
        return SB_FUNC_FAIL_VALUE(ctx, "'%.*s': the time zone has another offset then",
                                  SB_FUNC_SHOWN(whole));
    return SB_OK;
}

static sb_status parse_instant(sb_func_context *ctx, sb_val_kind kind, sb_bytes text,
                               sb_val *result)
{
    const bool dated = kind != SB_VAL_TIME && kind != SB_VAL_LOCAL_TIME;
    const bool zoned = kind == SB_VAL_TIME || kind == SB_VAL_DATETIME;
    sb_moment moment = {.has_date = dated, .has_time = kind != SB_VAL_DATE};
    sb_bytes rest = text;

    if (dated) {
        const size_t end = moment.has_time ? find_any(text, "Tt") : text.size;
        if (!read_part(SB_TYPE_DATE, cut(text, 0, end), &moment.days))
            return fail_parse(ctx, kind, text);
        rest = cut(text, end < text.size ? end + 1 : end, text.size);
        if (end < text.size && rest.size == 0) return fail_parse(ctx, kind, text);
        if (end == text.size) moment.has_time = false;
    } else if (rest.size > 1 && (rest.data[0] == 'T' || rest.data[0] == 't')) {
        rest = cut(rest, 1, rest.size);
    }
    const size_t time_end = zoned ? find_any(rest, "Zz+-[") : rest.size;
    if (moment.has_time && !read_part(SB_TYPE_LOCAL_TIME, cut(rest, 0, time_end), &moment.ns))
        return fail_parse(ctx, kind, text);
    if (zoned) SB_TRY(read_zone(ctx, kind, text, cut(rest, time_end, rest.size), &moment));
    if (zoned && !moment.has_offset) SB_TRY(sb_func__moment_resolve(ctx, &moment));
    return sb_func__moment_val(ctx, kind, &moment, result);
}

sb_status sb_temporal_parse(sb_func_context *ctx, sb_val_kind kind, sb_bytes text, sb_val *result)
{
    *result = SB_VAL_NULL_VALUE;
    if (text.size == 0) return fail_parse(ctx, kind, text);
    if (kind == SB_VAL_DURATION) return sb_func__duration_parse(ctx, text, result);
    return parse_instant(ctx, kind, text, result);
}

/* ---- Durations --------------------------------------------------------------------------------------------------- */

typedef struct reader {
    const uint8_t *p, *end;
} reader;

static char upper(uint8_t c)
{
    return (char)(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
}

/* An upper-case letter stands for the lower-case one, too. */
static bool take(reader *r, const char *any)
{
    if (r->p == r->end || *r->p == '\0' || strchr(any, upper(*r->p)) == NULL) return false;
    r->p++;
    return true;
}

static bool at_digit(const reader *r)
{
    return r->p != r->end && *r->p >= '0' && *r->p <= '9';
}

/* Digits, and behind a point digits of a fraction; both with the sign. */
static bool take_amount(reader *r, bool negated, int64_t *whole, double *fraction)
{
    double scale = 1.0, digits = 0.0;
    bool negative = negated;

    if (r->p != r->end && *r->p == '-') negative = !negative;
    (void)take(r, "+-");
    const uint8_t *begin = r->p;
    while (at_digit(r))
        r->p++;
    if (!sb_text_to_int(sb_bytes_of(begin, (size_t)(r->p - begin)), whole)) return false;
    if (take(r, ".,")) {
        if (!at_digit(r)) return false;
        for (unsigned kept = 0; at_digit(r) && kept < 15; r->p++, kept++) {
            digits = digits * 10.0 + (*r->p - '0');
            scale *= 10.0;
        }
        while (at_digit(r))
            r->p++;
    }
    *fraction = negative ? -digits / scale : digits / scale;
    if (negative) *whole = -*whole;
    return true;
}

static const struct unit {
    char name;
    bool in_time;
    sb_amount_part part;
    int64_t scale;
} UNITS[] = {
    {'Y', false, SB_AMOUNT_MONTHS, 12},
    {'M', false, SB_AMOUNT_MONTHS, 1},
    {'W', false, SB_AMOUNT_DAYS, 7},
    {'D', false, SB_AMOUNT_DAYS, 1},
    {'H', true, SB_AMOUNT_NANOS, 3600 * SB_FUNC_NANOS},
    {'M', true, SB_AMOUNT_NANOS, 60 * SB_FUNC_NANOS},
    {'S', true, SB_AMOUNT_NANOS, SB_FUNC_NANOS},
};
#define UNIT_COUNT (sizeof UNITS / sizeof UNITS[0])

static bool add_amount(sb_amounts *sum, sb_amount_part part, int64_t scale, int64_t whole,
                       double fraction)
{
    sb_i128 *const place = part == SB_AMOUNT_MONTHS ? &sum->months
                           : part == SB_AMOUNT_DAYS ? &sum->days
                                                    : &sum->nanos;

    *place += (sb_i128)whole * scale;
    if (part == SB_AMOUNT_NANOS) {
        *place += llrint(fraction * (double)scale);
        return true;
    }
    return sb_func__amount_add(sum, part, fraction * (double)scale);
}

/* 1Y2M3W4DT5H6M7.8S: each unit once, in this order; *p stands behind the P. */
static bool read_units(reader *r, bool negated, sb_amounts *sum)
{
    size_t next = 0;
    bool in_time = false, any = false;

    while (r->p != r->end) {
        int64_t whole;
        double fraction;
        if (!in_time && take(r, "T")) in_time = true; /* an amount has to follow */
        if (!take_amount(r, negated, &whole, &fraction) || r->p == r->end) return false;
        while (next < UNIT_COUNT &&
               (UNITS[next].in_time != in_time || UNITS[next].name != upper(*r->p)))
            next++;
        if (next == UNIT_COUNT ||
            !add_amount(sum, UNITS[next].part, UNITS[next].scale, whole, fraction))
            return false;
        next++;
        r->p++;
        any = true;
    }
    return any;
}

/* 2012-02-02T14:37:21.545 behind the P: a date's numbers as amounts. */
static bool read_as_date(sb_bytes text, sb_amounts *sum)
{
    const size_t end = find_any(text, "Tt");
    const bool dashed = find_any(text, "-") < end;
    const size_t size = dashed ? 10 : 8, skip = dashed ? 1 : 0;
    int64_t year, month, day, ns = 0;

    if (end != size || (dashed && (text.data[4] != '-' || text.data[7] != '-'))) return false;
    if (!sb_text_to_int(cut(text, 0, 4), &year) ||
        !sb_text_to_int(cut(text, 4 + skip, 6 + skip), &month) ||
        !sb_text_to_int(cut(text, 6 + 2 * skip, 8 + 2 * skip), &day))
        return false;
    if (year < 0 || month < 0 || month > 12 || day < 0 || day > 31) return false;
    if (end < text.size && !read_part(SB_TYPE_LOCAL_TIME, cut(text, end + 1, text.size), &ns))
        return false;
    *sum = (sb_amounts){.months = year * 12 + month, .days = day, .nanos = ns};
    return true;
}

sb_status sb_func__duration_parse(sb_func_context *ctx, sb_bytes text, sb_val *result)
{
    reader r = {text.data, text.data + text.size};
    sb_amounts sum = {0};
    const bool negated = r.p != r.end && *r.p == '-';

    (void)take(&r, "+-");
    if (!take(&r, "P")) return fail_parse(ctx, SB_VAL_DURATION, text);
    const sb_bytes behind = sb_bytes_of(r.p, (size_t)(r.end - r.p));
    if (!(!negated && read_as_date(behind, &sum)) && !read_units(&r, negated, &sum))
        return fail_parse(ctx, SB_VAL_DURATION, text);
    return sb_func__duration(ctx, &sum, result);
}

/* ---- duration({…}) ------------------------------------------------------------------------------------------------- */

static const struct map_unit {
    const char *name;
    sb_amount_part part;
    int64_t scale;
} MAP_UNITS[] = {
    {"years", SB_AMOUNT_MONTHS, 12},
    {"quarters", SB_AMOUNT_MONTHS, 3},
    {"months", SB_AMOUNT_MONTHS, 1},
    {"weeks", SB_AMOUNT_DAYS, 7},
    {"days", SB_AMOUNT_DAYS, 1},
    {"hours", SB_AMOUNT_NANOS, 3600 * SB_FUNC_NANOS},
    {"minutes", SB_AMOUNT_NANOS, 60 * SB_FUNC_NANOS},
    {"seconds", SB_AMOUNT_NANOS, SB_FUNC_NANOS},
    {"milliseconds", SB_AMOUNT_NANOS, 1000000},
    {"microseconds", SB_AMOUNT_NANOS, 1000},
    {"nanoseconds", SB_AMOUNT_NANOS, 1},
};

static sb_status add_entry(sb_func_context *ctx, const sb_val_entry *entry, sb_amounts *sum)
{
    for (size_t i = 0; i < sizeof MAP_UNITS / sizeof MAP_UNITS[0]; i++) {
        const struct map_unit *unit = &MAP_UNITS[i];
        double whole, fraction;
        if (!sb_func__named(entry->key, unit->name)) continue;
        if (!sb_func__is_number(entry->value))
            return SB_FUNC_FAIL_VALUE(ctx, "duration(): %s is a number, not a value of type %s",
                                      unit->name, sb_val_kind_name(entry->value.kind));
        if (entry->value.kind == SB_VAL_INT) {
            (void)add_amount(sum, unit->part, unit->scale, entry->value.as.integer, 0.0);
            return SB_OK;
        }
        fraction = modf(entry->value.as.real, &whole);
        if (whole > -SB_VAL_TWO_62 && whole < SB_VAL_TWO_62 &&
            add_amount(sum, unit->part, unit->scale, (int64_t)whole, fraction))
            return SB_OK;
        return SB_FUNC_FAIL_OVERFLOW(ctx, "duration(): %g %s are too many", entry->value.as.real,
                                     unit->name);
    }
    return SB_FUNC_FAIL_VALUE(ctx, "duration(): there is no component '%.*s'",
                              SB_FUNC_SHOWN(entry->key));
}

sb_status sb_func__make_duration(sb_func_context *ctx, const sb_val *args, uint32_t count,
                                 sb_val *result)
{
    sb_amounts sum = {0};

    (void)count;
    *result = args[0];
    if (args[0].kind == SB_VAL_DURATION) return SB_OK;
    if (args[0].kind == SB_VAL_STRING)
        return sb_temporal_parse(ctx, SB_VAL_DURATION, sb_val_text(args[0]), result);
    if (args[0].kind != SB_VAL_MAP)
        return sb_func__fail_arg(ctx, "duration", "a STRING or MAP", args[0]);
    if (args[0].as.map->count == 0)
        return SB_FUNC_FAIL_VALUE(ctx, "duration() needs at least one component");
    for (uint32_t i = 0; i < args[0].as.map->count; i++)
        SB_TRY(add_entry(ctx, &args[0].as.map->entries[i], &sum));
    return sb_func__duration(ctx, &sum, result);
}
