/* value.c — names of types, what may be stored, equality, and the one order of all values.
 * The order is openCypher's orderability, so that an index scan can stand in for ORDER BY. Numbers compare by their
 * exact mathematical value: converting an int64 to double would make 2^53 and 2^53 + 1 equal. */
#include "store/value.h"

#include <math.h>
#include <string.h>

#include "store/value_priv.h"

const uint32_t sb_value__srids[4] = {4326, 4979, 7203, 9157};

/* X(type, name, name as Cypher writes it) */
#define SCALAR_TYPES(X)                                                                            \
    X(SB_TYPE_BOOL, "BOOLEAN", "BOOLEAN")                                                          \
    X(SB_TYPE_INT, "INTEGER", "INTEGER")                                                           \
    X(SB_TYPE_FLOAT, "FLOAT", "FLOAT")                                                             \
    X(SB_TYPE_STRING, "STRING", "STRING")                                                          \
    X(SB_TYPE_BYTES, "BYTES", "BYTES")                                                             \
    X(SB_TYPE_DATE, "DATE", "DATE")                                                                \
    X(SB_TYPE_LOCAL_TIME, "LOCAL TIME", "LOCAL TIME")                                              \
    X(SB_TYPE_TIME, "TIME", "ZONED TIME")                                                          \
    X(SB_TYPE_LOCAL_DATETIME, "LOCAL DATETIME", "LOCAL DATETIME")                                  \
    X(SB_TYPE_DATETIME, "DATETIME", "ZONED DATETIME")                                              \
    X(SB_TYPE_DURATION, "DURATION", "DURATION")                                                    \
    X(SB_TYPE_POINT, "POINT", "POINT")
#define NAME(type, name, written) [type] = (name), [SB_TYPE_LIST_OF(type)] = "LIST<" name ">",
#define WRITTEN(type, name, written)                                                               \
    [type] = (written), [SB_TYPE_LIST_OF(type)] = "LIST<" written " NOT NULL>",

static const char *const names[] = {
    [SB_TYPE_NULL] = "NULL", [SB_TYPE_LIST] = "LIST", SCALAR_TYPES(NAME)};
static const char *const written[] = {
    [SB_TYPE_NULL] = "NULL", [SB_TYPE_LIST] = "LIST<ANY>", SCALAR_TYPES(WRITTEN)};

static const char *name_in(const char *const *all, uint32_t type)
{
    return type < SB_TYPE_NUMBERS && all[type] != NULL ? all[type] : "?";
}

const char *sb_type_name(uint32_t type)
{
    return name_in(names, type);
}

const char *sb_type_written(uint32_t type)
{
    return name_in(written, type);
}

bool sb_types_admit(uint32_t types, const sb_value *value)
{
    if ((types >> value->type & 1) != 0) return true;
    if (value->type != SB_TYPE_LIST || types >> SB_TYPE_LIST_OF(SB_TYPE_NULL) == 0) return false;
    for (size_t i = 0; i < value->as.list.count; i++)
        if ((types >> SB_TYPE_LIST_OF(value->as.list.items[i].type) & 1) == 0) return false;
    return true;
}

int sb_value__srid_index(uint32_t srid)
{
    for (int i = 0; i < 4; i++) {
        if (sb_value__srids[i] == srid) return i;
    }
    return -1;
}

/* ---- What may be stored ------------------------------------------------------------------------ */

static bool nanos_valid(int64_t nanos)
{
    return nanos >= 0 && nanos < SB_NANOS_PER_SECOND;
}

static bool offset_valid(int32_t offset)
{
    return offset >= -SB_OFFSET_SECONDS_MAX && offset <= SB_OFFSET_SECONDS_MAX;
}

static bool seconds_valid(int64_t seconds)
{
    return seconds >= SB_DATETIME_SECONDS_MIN && seconds <= SB_DATETIME_SECONDS_MAX;
}

static bool zone_valid(const sb_value *value)
{
    if (value->as.datetime.zone == NULL) return value->as.datetime.zone_size == 0;
    return value->as.datetime.zone_size > 0;
}

static bool point_valid(const sb_value *value)
{
    return sb_value__srid_index(value->extra) >= 0 && isfinite(value->as.point.x) &&
           isfinite(value->as.point.y) && isfinite(value->as.point.z) &&
           (sb_value__srid_3d(value->extra) || value->as.point.z == 0.0);
}

sb_status sb_value__check_scalar(const sb_value *value)
{
    switch (value->type) {
    case SB_TYPE_BOOL:
    case SB_TYPE_INT:
    case SB_TYPE_FLOAT: return SB_OK;
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES:
        if (value->as.bytes.data == NULL && value->as.bytes.size != 0) return SB_INVALID;
        return value->as.bytes.size <= SB_VALUE_BYTES_MAX ? SB_OK : SB_LIMIT;
    case SB_TYPE_DATE: {
        const int64_t days = value->as.integer;
        return days >= SB_DATE_DAYS_MIN && days <= SB_DATE_DAYS_MAX ? SB_OK : SB_INVALID;
    }
    case SB_TYPE_LOCAL_TIME: {
        const int64_t ns = value->as.integer;
        return ns >= 0 && ns < SB_NANOS_PER_DAY ? SB_OK : SB_INVALID;
    }
    case SB_TYPE_TIME: {
        const int64_t ns = value->as.time.ns;
        const bool valid = ns >= 0 && ns < SB_NANOS_PER_DAY && offset_valid(value->as.time.offset);
        return valid ? SB_OK : SB_INVALID;
    }
    case SB_TYPE_LOCAL_DATETIME:
        return seconds_valid(value->as.datetime.seconds) && nanos_valid(value->extra) ? SB_OK
                                                                                      : SB_INVALID;
    case SB_TYPE_DATETIME:
        if (!seconds_valid(value->as.datetime.seconds) || !nanos_valid(value->extra) ||
            !offset_valid(value->as.datetime.offset) || !zone_valid(value))
            return SB_INVALID;
        return value->as.datetime.zone_size <= SB_ZONE_BYTES_MAX ? SB_OK : SB_LIMIT;
    case SB_TYPE_DURATION: return nanos_valid(value->as.duration.nanos) ? SB_OK : SB_INVALID;
    case SB_TYPE_POINT: return point_valid(value) ? SB_OK : SB_INVALID;
    default: return SB_TYPE_MISMATCH;
    }
}

/* The texts inside a scalar. */
static bool text_valid(const sb_value *value)
{
    if (value->type == SB_TYPE_STRING)
        return sb_utf8_valid(sb_bytes_of(value->as.bytes.data, value->as.bytes.size));
    if (value->type == SB_TYPE_DATETIME)
        return sb_utf8_valid(sb_bytes_of(value->as.datetime.zone, value->as.datetime.zone_size));
    return true;
}

static sb_status fail_check(const sb_value *value, sb_status code, const char *where, sb_err *err)
{
    const char *name = sb_type_name(value->type);

    if (code == SB_LIMIT && value->type == SB_TYPE_DATETIME)
        return SB_FAIL(err, code, "%sthe zone of a DATETIME has %u bytes; the limit is %u", where,
                       value->as.datetime.zone_size, SB_ZONE_BYTES_MAX);
    if (code == SB_LIMIT)
        return SB_FAIL(err, code, "%s%s is longer than a property may be: the limit is %u bytes",
                       where, name, SB_VALUE_BYTES_MAX);
    if (value->type > SB_TYPE_LIST)
        return SB_FAIL(err, code, "%sno value has the type number %u", where, value->type);
    if (code == SB_TYPE_MISMATCH)
        return SB_FAIL(err, code, "%s%s can not be stored as a property", where, name);
    return SB_FAIL(err, code, "%s%s is outside of its valid range", where, name);
}

/* Text forms put a zone's name between brackets. What files hold is read all the same. */
static bool zone_writable(const sb_value *value)
{
    return value->type != SB_TYPE_DATETIME || value->as.datetime.zone_size == 0 ||
           memchr(value->as.datetime.zone, ']', value->as.datetime.zone_size) == NULL;
}

/* Degrees, as Cypher's point() has them. What files hold is read all the same. */
static bool on_earth(const sb_value *value)
{
    return value->type != SB_TYPE_POINT || !sb_value__srid_geographic(value->extra) ||
           (fabs(value->as.point.x) <= 180.0 && fabs(value->as.point.y) <= 90.0);
}

static sb_status check_one(const sb_value *value, const char *where, sb_err *err)
{
    const sb_status st = sb_value__check_scalar(value);

    if (SB_UNLIKELY(st != SB_OK)) return fail_check(value, st, where, err);
    if (SB_UNLIKELY(!text_valid(value)))
        return SB_FAIL(err, SB_INVALID, "%s%s is not valid UTF-8", where,
                       sb_type_name(value->type));
    if (SB_UNLIKELY(!zone_writable(value)))
        return SB_FAIL(err, SB_INVALID, "%sthe zone of a DATETIME holds ']'", where);
    if (SB_UNLIKELY(!on_earth(value)))
        return SB_FAIL(err, SB_INVALID,
                       "%sthe POINT at longitude %g, latitude %g is not on the Earth: they lie "
                       "between -180 and 180, and -90 and 90",
                       where, value->as.point.x, value->as.point.y);
    return SB_OK;
}

sb_status sb_value_check(const sb_value *value, sb_err *err)
{
    if (value->type != SB_TYPE_LIST) return check_one(value, "", err);
    if (value->as.list.items == NULL && value->as.list.count != 0)
        return SB_FAIL(err, SB_INVALID, "a LIST of %zu items, which are NULL",
                       value->as.list.count);
    for (size_t i = 0; i < value->as.list.count; i++)
        SB_TRY(check_one(&value->as.list.items[i], "LIST item: ", err));
    /* Each item has at most 2 GiB here, so the sum of two can not overflow before it is looked at. */
    if (sb_value_cell_bytes(value) > SB_VALUE_BYTES_MAX)
        return fail_check(value, SB_LIMIT, "", err);
    return SB_OK;
}

/* ---- Comparing ----------------------------------------------------------------------------------- */

uint8_t sb_value__rank(const sb_value *value)
{
    static const uint8_t ranks[] = {
        [SB_TYPE_NULL] = SB_RANK_NULL,         [SB_TYPE_BOOL] = SB_RANK_BOOL,
        [SB_TYPE_INT] = SB_RANK_NUMBER,        [SB_TYPE_FLOAT] = SB_RANK_NUMBER,
        [SB_TYPE_STRING] = SB_RANK_STRING,     [SB_TYPE_BYTES] = SB_RANK_BYTES,
        [SB_TYPE_DATE] = SB_RANK_DATE,         [SB_TYPE_LOCAL_TIME] = SB_RANK_LOCAL_TIME,
        [SB_TYPE_TIME] = SB_RANK_TIME,         [SB_TYPE_LOCAL_DATETIME] = SB_RANK_LOCAL_DATETIME,
        [SB_TYPE_DATETIME] = SB_RANK_DATETIME, [SB_TYPE_DURATION] = SB_RANK_DURATION,
        [SB_TYPE_POINT] = SB_RANK_POINT,       [SB_TYPE_LIST] = SB_RANK_LIST,
    };

    if (value->type >= sizeof ranks) return SB_RANK_UNKNOWN;
    if (value->type == SB_TYPE_FLOAT && isnan(value->as.real)) return SB_RANK_NAN;
    return ranks[value->type];
}

void sb_value__key_class(const sb_value *value, uint8_t *first, uint8_t *behind)
{
    const uint8_t rank = sb_value__rank(value);

    *first = rank;
    if (rank == SB_RANK_BOOL) {
        *behind = rank + 2;
    } else if (rank == SB_RANK_NUMBER) {
        *behind = SB_RANK_NAN;
    } else {
        *behind = rank + 1;
    }
}

static int order_of(bool less, bool greater)
{
    return (int)greater - (int)less;
}

static int compare_int(int64_t a, int64_t b)
{
    return order_of(a<b, a> b);
}

static int compare_real(double a, double b)
{
    return order_of(a<b, a> b);
}

/* real is not NaN. */
static int compare_int_real(int64_t integer, double real)
{
    if (real >= 0x1p63) return -1;
    if (real < -0x1p63) return 1;
    const int64_t whole = (int64_t)real; /* toward zero, and exact from 2^53 on */
    if (integer != whole) return compare_int(integer, whole);
    return compare_real(0.0, real - (double)whole);
}

/* Neither is NaN. */
static int compare_numbers(const sb_value *a, const sb_value *b)
{
    if (a->type == SB_TYPE_INT && b->type == SB_TYPE_INT)
        return compare_int(a->as.integer, b->as.integer);
    if (a->type == SB_TYPE_FLOAT && b->type == SB_TYPE_FLOAT)
        return compare_real(a->as.real, b->as.real);
    if (a->type == SB_TYPE_INT) return compare_int_real(a->as.integer, b->as.real);
    return -compare_int_real(b->as.integer, a->as.real);
}

/* By the instant, then the offset. */
static int compare_times(const sb_value *a, const sb_value *b)
{
    const int64_t utc_a = a->as.time.ns - a->as.time.offset * SB_NANOS_PER_SECOND;
    const int64_t utc_b = b->as.time.ns - b->as.time.offset * SB_NANOS_PER_SECOND;

    if (utc_a != utc_b) return compare_int(utc_a, utc_b);
    return compare_int(a->as.time.offset, b->as.time.offset);
}

static int compare_local_datetimes(const sb_value *a, const sb_value *b)
{
    if (a->as.datetime.seconds != b->as.datetime.seconds)
        return compare_int(a->as.datetime.seconds, b->as.datetime.seconds);
    return compare_int(a->extra, b->extra);
}

/* By the instant, then the offset, then the zone name. */
static int compare_datetimes(const sb_value *a, const sb_value *b)
{
    const int instants = compare_local_datetimes(a, b);

    if (instants != 0) return instants;
    if (a->as.datetime.offset != b->as.datetime.offset)
        return compare_int(a->as.datetime.offset, b->as.datetime.offset);
    return sb_bytes_compare(sb_bytes_of(a->as.datetime.zone, a->as.datetime.zone_size),
                            sb_bytes_of(b->as.datetime.zone, b->as.datetime.zone_size));
}

/* Unsigned arithmetic modulo 2^128 is exact here: 64 bits of months times 22 bits stay below 2^87. */
sb_u128 sb_value__average_seconds(const sb_value *value)
{
    const sb_u128 months = (sb_u128)value->as.duration.months;
    const sb_u128 days = (sb_u128)value->as.duration.days;
    const sb_u128 seconds = (sb_u128)value->as.duration.seconds;

    return months * (sb_u128)SB_SECONDS_PER_MONTH + days * (sb_u128)SB_SECONDS_PER_DAY + seconds +
           ((sb_u128)1 << SB_DURATION_BIAS_BITS);
}

/* By the average length; of equal ones by nanoseconds, months, days, so that equal means equal in each part. */
static int compare_durations(const sb_value *a, const sb_value *b)
{
    const sb_u128 length_a = sb_value__average_seconds(a), length_b = sb_value__average_seconds(b);

    if (length_a != length_b) return order_of(length_a<length_b, length_a> length_b);
    if (a->as.duration.nanos != b->as.duration.nanos)
        return compare_int(a->as.duration.nanos, b->as.duration.nanos);
    if (a->as.duration.months != b->as.duration.months)
        return compare_int(a->as.duration.months, b->as.duration.months);
    return compare_int(a->as.duration.days, b->as.duration.days);
}

static int compare_points(const sb_value *a, const sb_value *b)
{
    if (a->extra != b->extra) return order_of(a->extra<b->extra, a->extra> b->extra);
    if (a->as.point.x != b->as.point.x) return compare_real(a->as.point.x, b->as.point.x);
    if (a->as.point.y != b->as.point.y) return compare_real(a->as.point.y, b->as.point.y);
    return sb_value__srid_3d(a->extra) ? compare_real(a->as.point.z, b->as.point.z) : 0;
}

/* Both of one rank, not lists. */
static int compare_same(const sb_value *a, const sb_value *b)
{
    switch (a->type) {
    case SB_TYPE_BOOL: return compare_int(a->as.boolean, b->as.boolean);
    case SB_TYPE_INT:
    case SB_TYPE_FLOAT: return compare_numbers(a, b);
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES:
        return sb_bytes_compare(sb_bytes_of(a->as.bytes.data, a->as.bytes.size),
                                sb_bytes_of(b->as.bytes.data, b->as.bytes.size));
    case SB_TYPE_DATE:
    case SB_TYPE_LOCAL_TIME: return compare_int(a->as.integer, b->as.integer);
    case SB_TYPE_TIME: return compare_times(a, b);
    case SB_TYPE_LOCAL_DATETIME: return compare_local_datetimes(a, b);
    case SB_TYPE_DATETIME: return compare_datetimes(a, b);
    case SB_TYPE_DURATION: return compare_durations(a, b);
    case SB_TYPE_POINT: return compare_points(a, b);
    default: return 0; /* nulls */
    }
}

static int compare_scalars(const sb_value *a, const sb_value *b)
{
    const uint8_t rank_a = sb_value__rank(a), rank_b = sb_value__rank(b);

    if (rank_a != rank_b) return order_of(rank_a<rank_b, rank_a> rank_b);
    return rank_a == SB_RANK_NAN ? 0 : compare_same(a, b);
}

/* Item by item; a list sorts behind its prefixes. Items are scalars: sb_value_check holds lists to that. */
static int compare_lists(const sb_value *a, const sb_value *b)
{
    const size_t count_a = a->as.list.count, count_b = b->as.list.count;
    const size_t shared = count_a < count_b ? count_a : count_b;

    for (size_t i = 0; i < shared; i++) {
        const int order = compare_scalars(&a->as.list.items[i], &b->as.list.items[i]);
        if (order != 0) return order;
    }
    return order_of(count_a<count_b, count_a> count_b);
}

int sb_value_compare(const sb_value *a, const sb_value *b)
{
    if (a->type == SB_TYPE_LIST && b->type == SB_TYPE_LIST) return compare_lists(a, b);
    return compare_scalars(a, b);
}

static bool is_nan(const sb_value *value)
{
    return value->type == SB_TYPE_FLOAT && isnan(value->as.real);
}

bool sb_value__has_nan(const sb_value *value)
{
    if (value->type != SB_TYPE_LIST) return is_nan(value);
    for (size_t i = 0; i < value->as.list.count; i++) {
        if (is_nan(&value->as.list.items[i])) return true;
    }
    return false;
}

bool sb_value_equal(const sb_value *a, const sb_value *b)
{
    if (a->type == SB_TYPE_NULL && b->type == SB_TYPE_NULL) return true;
    /* NaN of a equals NaN of b in the order: looking at one side is enough. */
    return sb_value_compare(a, b) == 0 && !sb_value__has_nan(a);
}
