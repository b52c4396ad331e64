/* text_time.c — dates, times and durations from ISO 8601 text.
 * Dates: 2024-02-29, 20240229, 2024-02, 2024, 2024-W09-4, 2024W094, 2024-W09, 2024-060, 2024060; years of more or fewer than
 * four digits, and negative ones, with a sign and dashes: -0044-03-15, +12345-06-07.
 * Times: 21:40:32.142, 214032.142, 21:40, 2140, 21. Offsets: Z, +01:00, +0100, +01, +01:00:30. Zone: [Europe/Berlin] behind.
 * Durations: P1Y2M3W4DT5H6M7.8S, a sign before any number or before the P. */
#include "graph/text_priv.h"

#define NANOS_PER_SECOND 1000000000LL
#define SECONDS_PER_DAY  86400LL

typedef struct reader {
    const uint8_t *p, *end;
} reader;

static size_t left(const reader *r)
{
    return (size_t)(r->end - r->p);
}

static bool at(const reader *r, char c)
{
    return r->p != r->end && *r->p == (uint8_t)c;
}

static bool take(reader *r, char c)
{
    if (!at(r, c)) return false;
    r->p++;
    return true;
}

static size_t digits_ahead(const reader *r)
{
    const uint8_t *p = r->p;

    while (p != r->end && *p >= '0' && *p <= '9')
        p++;
    return (size_t)(p - r->p);
}

/* Exactly count digits (at most 18). */
static bool take_number(reader *r, size_t count, int64_t *number)
{
    if (count == 0 || count > 18 || digits_ahead(r) < count) return false;
    *number = 0;
    for (size_t i = 0; i < count; i++)
        *number = *number * 10 + (*r->p++ - '0');
    return true;
}

/* ---- Dates -------------------------------------------------------------------------------------------------- */

/* Days from civil and back, after Hinnant (2014): years begin in March, 400 of them are an era of 146,097 days. */
int64_t sb_days_of_date(int64_t year, unsigned month, unsigned day)
{
    const int64_t y = year - (month <= 2);
    const int64_t era = (y >= 0 ? y : y - 399) / 400;
    const int64_t year_of_era = y - era * 400;
    const int64_t day_of_year =
        (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
    const int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

void sb_date_of_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    const int64_t z = days + 719468;
    const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    const int64_t day_of_era = z - era * 146097;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t shifted = (5 * day_of_year + 2) / 153;

    *day = (unsigned)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (unsigned)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool sb_days_of_calendar(int64_t year, int64_t month, int64_t day, int64_t *days)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (month < 1 || month > 12 || day < 1) return false;
    if (day > lengths[month - 1] + (month == 2 && is_leap(year))) return false;
    *days = sb_days_of_date(year, (unsigned)month, (unsigned)day);
    return true;
}

bool sb_days_of_ordinal(int64_t year, int64_t day, int64_t *days)
{
    if (day < 1 || day > 365 + is_leap(year)) return false;
    *days = sb_days_of_date(year, 1, 1) + day - 1;
    return true;
}

/* Week 1 holds January 4th. */
bool sb_days_of_week(int64_t year, int64_t week, int64_t weekday, int64_t *days)
{
    const int64_t fourth = sb_days_of_date(year, 1, 4),
                  next_fourth = sb_days_of_date(year + 1, 1, 4);
    /* 1970-01-01 was a Thursday. */
    const int64_t monday = fourth - ((fourth + 3) % 7 + 7) % 7;
    const int64_t next_monday = next_fourth - ((next_fourth + 3) % 7 + 7) % 7;

    if (week < 1 || weekday < 1 || weekday > 7) return false;
    *days = monday + (week - 1) * 7 + weekday - 1;
    return *days < next_monday;
}

bool sb_days_of_quarter(int64_t year, int64_t quarter, int64_t day, int64_t *days)
{
    if (quarter < 1 || quarter > 4 || day < 1) return false;
    const int64_t first = sb_days_of_date(year, (unsigned)quarter * 3 - 2, 1);
    const int64_t behind = quarter == 4 ? sb_days_of_date(year + 1, 1, 1)
                                        : sb_days_of_date(year, (unsigned)quarter * 3 + 1, 1);
    *days = first + day - 1;
    return *days < behind;
}

/* Behind a year and Q: the quarter, and perhaps its day, behind a dash if the year is. */
static bool read_quarter(reader *r, int64_t year, bool dashed, int64_t *days)
{
    int64_t quarter, day = 1;

    if (!take_number(r, 1, &quarter)) return false;
    if (dashed ? take(r, '-') : digits_ahead(r) != 0) {
        const size_t digits = digits_ahead(r);
        if (digits < 1 || digits > 2 || !take_number(r, digits, &day)) return false;
    }
    return sb_days_of_quarter(year, quarter, day, days);
}

/* Behind a year and a dash. */
static bool read_dashed(reader *r, int64_t year, int64_t *days)
{
    int64_t month, day = 1, week;

    if (take(r, 'W')) {
        if (!take_number(r, 2, &week)) return false;
        if (take(r, '-') && !take_number(r, 1, &day)) return false;
        return sb_days_of_week(year, week, day, days);
    }
    if (take(r, 'Q')) return read_quarter(r, year, true, days);
    if (digits_ahead(r) == 3) return take_number(r, 3, &day) && sb_days_of_ordinal(year, day, days);
    if (!take_number(r, 2, &month)) return false;
    if (take(r, '-') && !take_number(r, 2, &day)) return false;
    return sb_days_of_calendar(year, month, day, days);
}

static bool read_date(reader *r, int64_t *days)
{
    const bool negative = at(r, '-'), has_sign = negative || at(r, '+');
    int64_t year, month, day;

    if (has_sign) r->p++;
    const size_t digits = digits_ahead(r);
    if (has_sign) {
        /* Ten digits: local to an offset the last years reach over the range. */
        if (digits < 1 || digits > 10 || !take_number(r, digits, &year)) return false;
        if (negative) year = -year;
        return take(r, '-') ? read_dashed(r, year, days) : sb_days_of_calendar(year, 1, 1, days);
    }
    if (digits < 4 || !take_number(r, 4, &year)) return false;
    switch (digits) {
    case 4:
        if (take(r, '-')) return read_dashed(r, year, days);
        if (take(r, 'W')) {
            int64_t week, weekday = 1;
            if (!take_number(r, 2, &week)) return false;
            if (digits_ahead(r) == 1 && !take_number(r, 1, &weekday)) return false;
            return sb_days_of_week(year, week, weekday, days);
        }
        if (take(r, 'Q')) return read_quarter(r, year, false, days);
        return sb_days_of_calendar(year, 1, 1, days);
    case 6: return take_number(r, 2, &month) && sb_days_of_calendar(year, month, 1, days);
    case 7: return take_number(r, 3, &day) && sb_days_of_ordinal(year, day, days);
    case 8:
        return take_number(r, 2, &month) && take_number(r, 2, &day) &&
               sb_days_of_calendar(year, month, day, days);
    default: return false;
    }
}

bool sb_text__date(sb_bytes text, sb_value *value)
{
    reader r = {text.data, text.data + text.size};
    return text.size != 0 && read_date(&r, &value->as.integer) && r.p == r.end;
}

/* ---- Times --------------------------------------------------------------------------------------------------------- */

/* .142 as nanoseconds; more than nine digits are not exact and refused. */
static bool read_fraction(reader *r, int64_t *nanos)
{
    const size_t digits = digits_ahead(r);

    if (digits > 9 || !take_number(r, digits, nanos)) return false;
    for (size_t i = digits; i < 9; i++)
        *nanos *= 10;
    return true;
}

static bool read_time(reader *r, int64_t *ns)
{
    int64_t hour, minute = 0, second = 0, nanos = 0;
    bool has_second = false;

    if (!take_number(r, 2, &hour)) return false;
    if (take(r, ':')) {
        if (!take_number(r, 2, &minute)) return false;
        if (take(r, ':'))
            has_second = take_number(r, 2, &second);
        else if (at(r, '.'))
            return false;
    } else if (digits_ahead(r) == 2 || digits_ahead(r) == 4) {
        const bool both = digits_ahead(r) == 4;
        if (!take_number(r, 2, &minute)) return false;
        if (both) has_second = take_number(r, 2, &second);
    }
    if (has_second && (take(r, '.') || take(r, ',')) && !read_fraction(r, &nanos)) return false;
    if (hour > 23 || minute > 59 || second > 59) return false;
    *ns = ((hour * 60 + minute) * 60 + second) * NANOS_PER_SECOND + nanos;
    return true;
}

/* Z or ±hh[[:]mm[[:]ss]]. */
static bool read_offset(reader *r, int32_t *offset)
{
    int64_t hours, minutes = 0, seconds = 0;

    *offset = 0;
    if (take(r, 'Z') || take(r, 'z')) return true;
    const bool negative = at(r, '-');
    if (!negative && !at(r, '+')) return false;
    r->p++;
    if (!take_number(r, 2, &hours)) return false;
    if (take(r, ':') || digits_ahead(r) >= 2) {
        if (!take_number(r, 2, &minutes)) return false;
        if ((take(r, ':') || digits_ahead(r) >= 2) && !take_number(r, 2, &seconds)) return false;
    }
    if (minutes > 59 || seconds > 59 || hours > 18) return false;
    const int64_t all = (hours * 60 + minutes) * 60 + seconds;
    *offset = (int32_t)(negative ? -all : all);
    return true;
}

bool sb_text__local_time(sb_bytes text, sb_value *value)
{
    reader r = {text.data, text.data + text.size};
    return text.size != 0 && read_time(&r, &value->as.integer) && r.p == r.end;
}

bool sb_text__time(sb_bytes text, sb_value *value)
{
    reader r = {text.data, text.data + text.size};
    return text.size != 0 && read_time(&r, &value->as.time.ns) &&
           read_offset(&r, &value->as.time.offset) && r.p == r.end;
}

/* Date, T or a blank, time: as seconds since 1970 in whatever zone it is meant. */
static bool read_date_time(reader *r, sb_value *value)
{
    int64_t days, ns = 0;

    if (!read_date(r, &days)) return false;
    if ((take(r, 'T') || take(r, 't') || take(r, ' ')) && !read_time(r, &ns)) return false;
    value->as.datetime.seconds = days * SECONDS_PER_DAY + ns / NANOS_PER_SECOND;
    value->extra = (uint32_t)(ns % NANOS_PER_SECOND);
    value->as.datetime.offset = 0;
    value->as.datetime.zone = NULL;
    value->as.datetime.zone_size = 0;
    return true;
}

bool sb_text__local_datetime(sb_bytes text, sb_value *value)
{
    reader r = {text.data, text.data + text.size};
    return text.size != 0 && read_date_time(&r, value) && r.p == r.end;
}

bool sb_text__datetime(sb_bytes text, sb_value *value)
{
    reader r = {text.data, text.data + text.size};

    if (text.size == 0 || !read_date_time(&r, value) ||
        !read_offset(&r, &value->as.datetime.offset))
        return false;
    value->as.datetime.seconds -= value->as.datetime.offset;
    if (r.p == r.end) return true;
    if (left(&r) < 3 || !take(&r, '[') || r.end[-1] != ']') return false;
    value->as.datetime.zone = (const char *)r.p;
    value->as.datetime.zone_size = (uint32_t)(left(&r) - 1);
    return left(&r) - 1 <= UINT16_MAX;
}

/* ---- Durations ----------------------------------------------------------------------------------------------------------- */

typedef struct amounts {
    int64_t months, days, seconds, nanos;
} amounts;

static bool add_scaled(int64_t *sum, int64_t number, int64_t scale)
{
    if (number > INT64_MAX / scale || number < INT64_MIN / scale) return false;
    const int64_t product = number * scale;
    if (product > 0 ? *sum > INT64_MAX - product : *sum < INT64_MIN - product) return false;
    *sum += product;
    return true;
}

/* One number and its unit. order rises through Y M W D, T, H M S, so that no unit comes twice or late. */
static bool read_amount(reader *r, bool negated, bool in_time, int *order, amounts *sum)
{
    const bool minus = at(r, '-');
    int64_t number, nanos = 0;
    bool has_fraction = false;

    const uint8_t *begin = r->p;
    if (minus || at(r, '+')) r->p++;
    r->p += digits_ahead(r);
    if (!sb_text_to_int(sb_bytes_of(begin, (size_t)(r->p - begin)), &number)) return false;
    if (take(r, '.') || take(r, ',')) {
        has_fraction = true;
        if (!read_fraction(r, &nanos)) return false;
    }
    if (r->p == r->end) return false;
    if (negated) {
        if (number == INT64_MIN) return false;
        number = -number;
    }
    if (minus != negated) nanos = -nanos;
    const char unit = (char)*r->p++;
    const char *units = in_time ? "HMS" : "YMWD";
    const char *place = strchr(units, unit);
    if (unit == '\0' || place == NULL || (int)(place - units) < *order) return false;
    *order = (int)(place - units) + 1;
    if (has_fraction && !(in_time && unit == 'S')) return false;
    if (in_time) {
        sum->nanos += nanos;
        return add_scaled(&sum->seconds, number, unit == 'H' ? 3600 : unit == 'M' ? 60 : 1);
    }
    if (unit == 'Y' || unit == 'M') return add_scaled(&sum->months, number, unit == 'Y' ? 12 : 1);
    return add_scaled(&sum->days, number, unit == 'W' ? 7 : 1);
}

bool sb_text__duration(sb_bytes text, sb_value *value)
{
    reader r = {text.data, text.data + text.size};
    amounts sum = {0};
    int order = 0;
    bool in_time = false, any = false;

    if (text.size == 0) return false;
    const bool negated = take(&r, '-');
    if (!negated) (void)take(&r, '+');
    if (!take(&r, 'P')) return false;
    while (r.p != r.end) {
        if (!in_time && take(&r, 'T')) {
            in_time = true;
            order = 0;
            any = false; /* a T needs something behind it */
            continue;
        }
        if (!read_amount(&r, negated, in_time, &order, &sum)) return false;
        any = true;
    }
    if (!any) return false;
    if (sum.nanos < 0) {
        sum.nanos += NANOS_PER_SECOND;
        if (!add_scaled(&sum.seconds, -1, 1)) return false;
    }
    value->as.duration.months = sum.months;
    value->as.duration.days = sum.days;
    value->as.duration.seconds = sum.seconds;
    value->as.duration.nanos = (int32_t)sum.nanos;
    return true;
}
