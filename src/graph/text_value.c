/* text_value.c — reading values from text: numbers, booleans, bytes, points, lists, and what dispatches by type.
 * Dates, times and durations are in text_time.c, writing in text_format.c. */
#include "graph/text_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Names of types ---------------------------------------------------------------------------------------- */

typedef struct type_name {
    const char *name;
    uint32_t type;
    uint8_t narrow;
} type_name;

/* The first name of each type is the one that is written. */
static const type_name TYPE_NAMES[] = {
    {"any", SB_TYPE_NULL, 0},          {"boolean", SB_TYPE_BOOL, 0},
    {"int", SB_TYPE_INT, 0},           {"float", SB_TYPE_FLOAT, 0},
    {"string", SB_TYPE_STRING, 0},     {"bytes", SB_TYPE_BYTES, 0},
    {"date", SB_TYPE_DATE, 0},         {"localtime", SB_TYPE_LOCAL_TIME, 0},
    {"time", SB_TYPE_TIME, 0},         {"localdatetime", SB_TYPE_LOCAL_DATETIME, 0},
    {"datetime", SB_TYPE_DATETIME, 0}, {"duration", SB_TYPE_DURATION, 0},
    {"point", SB_TYPE_POINT, 0},       {"bool", SB_TYPE_BOOL, 0},
    {"long", SB_TYPE_INT, 0},          {"integer", SB_TYPE_INT, 0},
    {"byte", SB_TYPE_INT, 1},          {"short", SB_TYPE_INT, 2},
    {"double", SB_TYPE_FLOAT, 0},      {"char", SB_TYPE_STRING, 0},
    {"text", SB_TYPE_STRING, 0},
};

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool sb_text__same(sb_bytes text, const char *name)
{
    size_t i = 0;

    for (; i < text.size && name[i] != '\0'; i++)
        if (lower(text.data[i]) != lower((uint8_t)name[i])) return false;
    return i == text.size && name[i] == '\0';
}

sb_status sb_text_type_parse(sb_bytes name, sb_text_type *type, sb_err *err)
{
    sb_bytes item = name;

    *type = (sb_text_type){.delimiter = ';'};
    if (item.size > 2 && item.data[item.size - 2] == '[' && item.data[item.size - 1] == ']') {
        type->list = true;
        item.size -= 2;
    }
    for (size_t i = 0; i < sizeof TYPE_NAMES / sizeof TYPE_NAMES[0]; i++) {
        if (!sb_text__same(item, TYPE_NAMES[i].name)) continue;
        type->type = TYPE_NAMES[i].type;
        type->narrow = TYPE_NAMES[i].narrow;
        return SB_OK;
    }
    return SB_FAIL(err, SB_SYNTAX,
                   "there is no type '%.*s': use int, float, boolean, string, bytes, date, time, "
                   "localtime, datetime, "
                   "localdatetime, duration or point, with [] behind for lists",
                   (int)(name.size < 60 ? name.size : 60), (const char *)name.data);
}

const char *sb_text_type_name(uint32_t type)
{
    for (size_t i = 0; i < sizeof TYPE_NAMES / sizeof TYPE_NAMES[0]; i++)
        if (TYPE_NAMES[i].type == type) return TYPE_NAMES[i].name;
    return "any";
}

/* ---- Numbers --------------------------------------------------------------------------------------------------- */

bool sb_text_to_int(sb_bytes text, int64_t *value)
{
    uint64_t sum = 0;
    bool negative = false;

    if (text.size == 0) return false;
    const uint8_t *p = text.data, *end = p + text.size;
    if (*p == '-' || *p == '+') negative = *p++ == '-';
    if (p == end) return false;
    while (end - p > 1 && *p == '0')
        p++;
    if (end - p > 19) return false;
    for (; p != end; p++) {
        const unsigned digit = (unsigned)*p - '0';
        if (digit > 9) return false;
        sum = sum * 10 + digit; /* 19 digits fit 64 bits */
    }
    if (sum > (uint64_t)INT64_MAX + negative) return false;
    *value = (int64_t)(negative ? 0 - sum : sum);
    return true;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Parts of a decimal number: up to 19 significant digits and a power of ten. */
typedef struct decimal {
    uint64_t digits;
    int64_t exponent;
    int64_t written_exponent; /* the one behind the e */
    unsigned count;           /* significant digits seen, at most 20 */
    bool negative;
} decimal;

static void add_digit(decimal *number, uint8_t c, bool is_fraction)
{
    if (number->digits == 0 && c == '0') {
        number->exponent -= is_fraction;
        return;
    }
    if (number->count < 20) number->count++;
    if (number->count <= 19) {
        number->digits = number->digits * 10 + (uint64_t)(c - '0');
        number->exponent -= is_fraction;
    } else {
        number->exponent += !is_fraction;
    }
}

/* [+-] digits [. digits] [e [+-] digits], at least one digit before the exponent. */
static bool scan_decimal(sb_bytes text, decimal *number)
{
    const uint8_t *p = text.data, *end = p + text.size;
    bool any = false, exponent_negative = false;
    int64_t exponent = 0;

    *number = (decimal){0};
    if (p != end && (*p == '-' || *p == '+')) number->negative = *p++ == '-';
    for (; p != end && is_digit(*p); p++, any = true)
        add_digit(number, *p, false);
    if (p != end && *p == '.') {
        p++;
        for (; p != end && is_digit(*p); p++, any = true)
            add_digit(number, *p, true);
    }
    if (!any) return false;
    if (p == end) return true;
    if (*p != 'e' && *p != 'E') return false;
    p++;
    if (p != end && (*p == '-' || *p == '+')) exponent_negative = *p++ == '-';
    if (p == end) return false;
    for (; p != end; p++) {
        if (!is_digit(*p)) return false;
        if (exponent < 1000000) exponent = exponent * 10 + (*p - '0');
    }
    number->written_exponent = exponent_negative ? -exponent : exponent;
    number->exponent += number->written_exponent;
    return true;
}

/* By the C library, from an integer and an exponent, which no locale writes in another way. Past 120 digits
 * what follows can only break a tie, so a 1 stands for it. */
static double convert_slowly(const decimal *number, sb_bytes text)
{
    char copy[160];
    size_t digits = 0;
    int64_t scale = number->written_exponent;
    bool sticky = false, in_fraction = false;

    for (size_t i = 0; i < text.size && text.data[i] != 'e' && text.data[i] != 'E'; i++) {
        const uint8_t c = text.data[i];
        if (c == '.') in_fraction = true;
        if (!is_digit(c)) continue;
        if (digits == 120) {
            sticky = sticky || c != '0';
            scale += !in_fraction;
            continue;
        }
        scale -= in_fraction;
        if (digits != 0 || c != '0') copy[digits++] = (char)c;
    }
    if (digits == 0) copy[digits++] = '0';
    if (sticky) {
        copy[digits++] = '1';
        scale--;
    }
    /* Far past what any double needs: strtod gives infinity or zero. */
    scale = scale > 2000000 ? 2000000 : scale < -2000000 ? -2000000 : scale;
    (void)snprintf(copy + digits, sizeof copy - digits, "e%lld", (long long)scale);
    return number->negative ? -strtod(copy, NULL) : strtod(copy, NULL);
}

bool sb_text_to_real(sb_bytes text, double *value)
{
    /* Powers of ten that a double holds exactly: with at most 2^53 in the digits one operation rounds once
     * (Clinger 1990). */
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    sb_bytes word = text;
    decimal number;

    if (text.size == 0) return false;
    if (scan_decimal(text, &number)) {
        if (number.digits <= (1ull << 53) && number.count <= 19 && number.exponent >= -22 &&
            number.exponent <= 22) {
            double real = (double)number.digits;
            real = number.exponent < 0 ? real / powers[-number.exponent]
                                       : real * powers[number.exponent];
            *value = number.negative ? -real : real;
            return true;
        }
        *value = convert_slowly(&number, text);
        return !isinf(*value); /* only the word is infinite */
    }
    const bool negative = word.size != 0 && word.data[0] == '-';
    if (word.size != 0 && (word.data[0] == '-' || word.data[0] == '+')) {
        word.data++;
        word.size--;
    }
    if (sb_text__same(word, "inf") || sb_text__same(word, "infinity")) {
        *value = negative ? -(double)INFINITY : (double)INFINITY;
        return true;
    }
    if (sb_text__same(word, "nan")) {
        *value = (double)NAN;
        return true;
    }
    return false;
}

/* ---- Bytes --------------------------------------------------------------------------------------------------------- */

static int hex_digit(uint8_t c)
{
    if (is_digit(c)) return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_bytes(sb_bytes text, sb_arena *arena, sb_value *value, bool *nomem)
{
    const uint8_t *p = text.data;
    size_t size = text.size;

    if (size >= 2 && p[0] == '0' && lower(p[1]) == 'x') {
        p += 2;
        size -= 2;
    }
    if (size % 2 != 0) return false;
    uint8_t *out = sb_arena_alloc(arena, size / 2);
    *nomem = out == NULL;
    if (out == NULL) return false;
    for (size_t i = 0; i < size / 2; i++) {
        const int high = hex_digit(p[2 * i]), low = hex_digit(p[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    value->as.bytes.data = out;
    value->as.bytes.size = size / 2;
    return true;
}

/* ---- Points --------------------------------------------------------------------------------------------------------- */

typedef struct point_parts {
    double x, y, z;
    bool has_x, has_y, has_z, is_geographic, is_cartesian;
    uint32_t srid; /* 0: not given */
} point_parts;

static sb_bytes trimmed(sb_bytes text)
{
    while (text.size != 0 && (*text.data == ' ' || *text.data == '\t')) {
        text.data++;
        text.size--;
    }
    while (text.size != 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

static sb_bytes unquoted(sb_bytes text)
{
    const bool quoted = text.size >= 2 && (text.data[0] == '\'' || text.data[0] == '"') &&
                        text.data[text.size - 1] == text.data[0];
    return quoted ? sb_bytes_of(text.data + 1, text.size - 2) : text;
}

static bool read_system(sb_bytes name, point_parts *parts)
{
    static const struct {
        const char *name;
        uint32_t srid;
    } systems[] = {{"wgs-84", 4326},    {"wgs-84-2d", 4326},    {"wgs-84-3d", 4979},
                   {"cartesian", 7203}, {"cartesian-2d", 7203}, {"cartesian-3d", 9157}};

    for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++)
        if (sb_text__same(name, systems[i].name)) parts->srid = systems[i].srid;
    return parts->srid != 0;
}

static bool read_point_part(sb_bytes name, sb_bytes text, point_parts *parts)
{
    int64_t srid;

    if (sb_text__same(name, "crs")) return read_system(unquoted(text), parts);
    if (sb_text__same(name, "srid")) {
        if (!sb_text_to_int(text, &srid) || srid < 1 || srid > UINT32_MAX) return false;
        parts->srid = (uint32_t)srid;
        return true;
    }
    const bool longitude = sb_text__same(name, "longitude"),
               latitude = sb_text__same(name, "latitude"), height = sb_text__same(name, "height"),
               x = sb_text__same(name, "x"), y = sb_text__same(name, "y"),
               z = sb_text__same(name, "z");
    parts->is_geographic = parts->is_geographic || longitude || latitude || height;
    parts->is_cartesian = parts->is_cartesian || x || y || z;
    if ((longitude || x) && !parts->has_x)
        return (parts->has_x = true) && sb_text_to_real(text, &parts->x);
    if ((latitude || y) && !parts->has_y)
        return (parts->has_y = true) && sb_text_to_real(text, &parts->y);
    if ((height || z) && !parts->has_z)
        return (parts->has_z = true) && sb_text_to_real(text, &parts->z);
    return false;
}

/* {x: 1, y: 2}, point({longitude: 1, latitude: 2, height: 3}), with crs or srid if wanted; system: what it is without these. */
static bool read_point(sb_bytes text, sb_bytes system, sb_value *value)
{
    sb_bytes body = trimmed(text);
    point_parts parts = {0};

    if (body.size > 7 && sb_text__same(sb_bytes_of(body.data, 6), "point(") &&
        body.data[body.size - 1] == ')')
        body = trimmed(sb_bytes_of(body.data + 6, body.size - 7));
    if (body.size < 2 || body.data[0] != '{' || body.data[body.size - 1] != '}') return false;
    body = sb_bytes_of(body.data + 1, body.size - 2);
    while (body.size != 0) {
        const uint8_t *comma = memchr(body.data, ',', body.size);
        const size_t size = comma == NULL ? body.size : (size_t)(comma - body.data);
        const uint8_t *colon = memchr(body.data, ':', size);
        if (colon == NULL) return false;
        const size_t name_size = (size_t)(colon - body.data);
        const sb_bytes name = unquoted(trimmed(sb_bytes_of(body.data, name_size)));
        const sb_bytes part = trimmed(sb_bytes_of(colon + 1, size - name_size - 1));
        if (!read_point_part(name, part, &parts)) return false;
        body.data += comma == NULL ? size : size + 1;
        body.size -= comma == NULL ? size : size + 1;
        if (comma != NULL && body.size == 0) return false;
    }
    if (parts.srid == 0 && system.size != 0 && !read_system(system, &parts)) return false;
    const bool geographic =
        parts.srid == 0 ? parts.is_geographic : parts.srid == 4326 || parts.srid == 4979;
    const uint32_t wanted = geographic ? (parts.has_z ? 4979 : 4326) : (parts.has_z ? 9157 : 7203);
    if (!parts.has_x || !parts.has_y ||
        (parts.is_geographic && (parts.is_cartesian || !geographic)))
        return false;
    if (parts.srid != 0 && parts.srid != wanted) return false;
    value->extra = wanted;
    /* Longitudes go round, as in point(); what else is off the Earth is refused with every value. */
    value->as.point.x = geographic && fabs(parts.x) > 180.0 ? remainder(parts.x, 360.0) : parts.x;
    value->as.point.y = parts.y;
    value->as.point.z = parts.z;
    return true;
}

/* timezone: an offset, or for date-times the name of a zone. */
static sb_status set_zone(sb_text_type *type, sb_bytes *value, sb_zones *zones, sb_err *err)
{
    uint8_t text[32] = "00:00:00";
    sb_value probe = {0};
    bool damaged;

    if (sb_text__same(*value, "UTC") || sb_text__same(*value, "GMT")) *value = sb_bytes_of("Z", 1);
    /* Whether it is an offset is seen by reading a time with it. */
    if (value->size != 0 && value->size <= sizeof text - 9) {
        memcpy(text + 8, value->data, value->size);
        if (sb_text__time(sb_bytes_of(text, 8 + value->size), &probe)) return SB_OK;
    }
    if (type->type == SB_TYPE_TIME)
        return SB_FAIL(err, SB_SYNTAX,
                       "the time zone of a column of times is an offset from UTC, as +02:00 "
                       "or Z: a named one has different ones over the year");
    SB_TRY(sb_zones_find(zones, *value, &type->zone, &damaged, err));
    return type->zone != NULL
               ? SB_OK
               : SB_FAIL(err, SB_SYNTAX, "%s time zone '%.*s'",
                         damaged ? "the system has a damaged" : "there is no",
                         (int)(value->size < 60 ? value->size : 60), (const char *)value->data);
}

sb_status sb_text_type_option(sb_text_type *type, sb_bytes name, sb_bytes value, sb_zones *zones,
                              sb_err *err)
{
    const bool zoned = type->type == SB_TYPE_TIME || type->type == SB_TYPE_DATETIME;
    point_parts parts = {0};

    value = unquoted(value);
    if (type->type == SB_TYPE_POINT && sb_text__same(name, "crs")) {
        if (!read_system(value, &parts))
            return SB_FAIL(err, SB_SYNTAX,
                           "'%.*s' is no coordinate system: wgs-84, wgs-84-3d, "
                           "cartesian or cartesian-3d",
                           (int)(value.size < 60 ? value.size : 60), (const char *)value.data);
    } else if (zoned && sb_text__same(name, "timezone")) {
        SB_TRY(set_zone(type, &value, zones, err));
    } else {
        return SB_FAIL(err, SB_SYNTAX, "'%.*s' is no option of the type %s",
                       (int)(name.size < 60 ? name.size : 60), (const char *)name.data,
                       sb_text_type_name(type->type));
    }
    type->fallback = value;
    return SB_OK;
}

/* ---- Lists -------------------------------------------------------------------------------------------------------------- */

static bool is_delimiter(uint8_t c, const char *delimiters)
{
    return c == (uint8_t)delimiters[0] ||
           (delimiters[0] != '\0' && delimiters[1] != '\0' && c == (uint8_t)delimiters[1]);
}

/* End of an item in double quotes that begins at from: behind the closing one, or from when it is none. */
static size_t quoted_end(sb_bytes text, size_t from, const char *delimiters, bool *doubled)
{
    *doubled = false;
    for (size_t i = from + 1; i < text.size; i++) {
        if (text.data[i] != '"') continue;
        if (i + 1 == text.size || is_delimiter(text.data[i + 1], delimiters)) return i + 1;
        if (text.data[i + 1] != '"') return from;
        *doubled = true;
        i++;
    }
    return from;
}

bool sb_text_next_item(sb_bytes text, size_t *pos, const char *delimiters, sb_arena *arena,
                       sb_bytes *item, bool *nomem)
{
    const size_t from = *pos;
    size_t end = from;
    bool doubled;

    *nomem = false;
    *item = sb_bytes_of(NULL, 0);
    /* One past the size marks that the last item is done; a delimiter at the end leaves an empty item. */
    if (from > text.size || text.size == 0) return false;
    if (from < text.size && text.data[from] == '"')
        end = quoted_end(text, from, delimiters, &doubled);
    if (end == from) {
        while (end < text.size && !is_delimiter(text.data[end], delimiters))
            end++;
        *item = sb_bytes_of(text.data + from, end - from);
        *pos = end + 1;
        return true;
    }
    *pos = end + 1;
    *item = sb_bytes_of(text.data + from + 1, end - from - 2);
    if (!doubled) return true;
    uint8_t *copy = sb_arena_alloc(arena, item->size);
    size_t size = 0;
    *nomem = copy == NULL;
    if (copy == NULL) return false;
    for (size_t i = 0; i < item->size; i++) {
        copy[size++] = item->data[i];
        if (item->data[i] == '"') i++;
    }
    *item = sb_bytes_of(copy, size);
    return true;
}

static sb_status read_list(const sb_text_type *type, sb_bytes text, sb_arena *arena,
                           sb_value *value, sb_err *err)
{
    const char delimiters[2] = {type->delimiter == '\0' ? ';' : type->delimiter, '\0'};
    sb_text_type item_type = *type;
    sb_value *items = NULL;
    size_t count = 0, capacity = 0, pos = 0;
    sb_bytes item;
    bool nomem;

    item_type.list = false;
    while (sb_text_next_item(text, &pos, delimiters, arena, &item, &nomem)) {
        if (count == capacity) {
            size_t bytes;
            capacity = capacity == 0 ? 8 : capacity * 2;
            if (!sb_mul_size(capacity, sizeof *items, &bytes)) return SB_FAIL_NOMEM(err);
            sb_value *grown = sb_arena_alloc(arena, bytes);
            if (grown == NULL) return SB_FAIL_NOMEM(err);
            if (count != 0) memcpy(grown, items, count * sizeof *items);
            items = grown;
        }
        SB_TRY(sb_text_to_value(&item_type, item, arena, &items[count], err));
        count++;
    }
    if (nomem) return SB_FAIL_NOMEM(err);
    *value = (sb_value){.type = SB_TYPE_LIST};
    value->as.list.items = items;
    value->as.list.count = count;
    return SB_OK;
}

/* ---- Any type ---------------------------------------------------------------------------------------------------------------- */

static sb_status fail_type(sb_bytes text, const char *wanted, sb_err *err)
{
    const int shown = (int)(text.size < 80 ? text.size : 80);

    return SB_FAIL(err, SB_TYPE_MISMATCH, "'%.*s'%s is not %s %s", shown, (const char *)text.data,
                   text.size > 80 ? "…" : "", strchr("AEIOU", wanted[0]) != NULL ? "an" : "a",
                   wanted);
}

static sb_status read_any(sb_bytes text, sb_arena *arena, sb_value *value, sb_err *err)
{
    const uint8_t *colon = text.size == 0 ? NULL : memchr(text.data, ':', text.size);
    sb_text_type type;

    if (colon == NULL ||
        sb_text_type_parse(sb_bytes_of(text.data, (size_t)(colon - text.data)), &type, NULL) !=
            SB_OK ||
        type.type == SB_TYPE_NULL || type.list)
        return SB_FAIL(err, SB_TYPE_MISMATCH,
                       "'%.*s' does not begin with a type and a colon, as in int:7",
                       (int)(text.size < 80 ? text.size : 80), (const char *)text.data);
    return sb_text_to_value(&type,
                            sb_bytes_of(colon + 1, text.size - (size_t)(colon - text.data) - 1),
                            arena, value, err);
}

static bool is_narrow(int64_t v, unsigned bytes)
{
    return bytes == 0 || (bytes == 1 && v >= INT8_MIN && v <= INT8_MAX) ||
           (bytes == 2 && v >= INT16_MIN && v <= INT16_MAX);
}

/* Does it look like an integer, so that only its size is wrong? */
static bool is_integer(sb_bytes text)
{
    decimal number;
    return text.size != 0 && memchr(text.data, '.', text.size) == NULL &&
           scan_decimal(text, &number) && number.written_exponent == 0;
}

/* A date-time without an offset, in a zone. */
static bool read_in_zone(const sb_zone *zone, sb_bytes name, sb_bytes text, sb_value *value)
{
    int32_t skipped;

    if (!sb_text__local_datetime(text, value)) return false;
    const int64_t local = value->as.datetime.seconds;
    value->as.datetime.offset = sb_zone_offset_of(zone, local, &skipped);
    value->as.datetime.seconds = local + skipped - value->as.datetime.offset;
    value->as.datetime.zone = (const char *)name.data;
    value->as.datetime.zone_size = (uint32_t)name.size;
    return true;
}

/* 2018-05-10T10:30[Europe/Berlin] */
static sb_status read_with_zone(sb_zones *zones, sb_bytes text, sb_value *value, bool *ok,
                                sb_err *err)
{
    const uint8_t *open = memchr(text.data, '[', text.size);
    const sb_zone *zone;
    bool damaged;

    if (zones == NULL || open == NULL || text.data[text.size - 1] != ']') return SB_OK;
    const size_t local = (size_t)(open - text.data);
    const sb_bytes name = sb_bytes_of(open + 1, text.size - local - 2);
    SB_TRY(sb_zones_find(zones, name, &zone, &damaged, err));
    *ok = zone != NULL && read_in_zone(zone, name, sb_bytes_of(text.data, local), value);
    return SB_OK;
}

/* A time or date-time; the type's offset or zone completes one that has none. */
static bool read_zoned(bool (*read)(sb_bytes text, sb_value *value), const sb_text_type *type,
                       sb_bytes text, sb_value *value)
{
    uint8_t both[96];

    if (read(text, value)) return true;
    if (type->zone != NULL) return read_in_zone(type->zone, type->fallback, text, value);
    if (type->fallback.size == 0 || text.size == 0 || text.size + type->fallback.size > sizeof both)
        return false;
    memcpy(both, text.data, text.size);
    memcpy(both + text.size, type->fallback.data, type->fallback.size);
    return read(sb_bytes_of(both, text.size + type->fallback.size), value);
}

sb_status sb_text_to_value(const sb_text_type *type, sb_bytes text, sb_arena *arena,
                           sb_value *value, sb_err *err)
{
    bool ok = false, nomem = false;
    decimal number;

    if (text.size == 0) text.data = (const uint8_t *)""; /* the readers do arithmetic with it */
    if (type->list) return read_list(type, text, arena, value, err);
    *value = (sb_value){.type = type->type};
    switch (type->type) {
    case SB_TYPE_NULL: return read_any(text, arena, value, err);
    case SB_TYPE_BOOL:
        value->as.boolean = sb_text__same(text, "true");
        ok = value->as.boolean || sb_text__same(text, "false");
        break;
    case SB_TYPE_INT:
        ok = sb_text_to_int(text, &value->as.integer);
        if (ok ? !is_narrow(value->as.integer, type->narrow) : is_integer(text))
            return SB_FAIL(err, SB_INVALID, "%.*s is out of the range of %s",
                           (int)(text.size < 80 ? text.size : 80), (const char *)text.data,
                           type->narrow == 1   ? "a byte"
                           : type->narrow == 2 ? "a short"
                                               : "64-bit integers");
        break;
    case SB_TYPE_FLOAT:
        ok = sb_text_to_real(text, &value->as.real);
        if (!ok && text.size != 0 && scan_decimal(text, &number))
            return SB_FAIL(err, SB_INVALID, "%.*s is out of the range of 64-bit floats",
                           (int)(text.size < 80 ? text.size : 80), (const char *)text.data);
        break;
    case SB_TYPE_STRING:
        value->as.bytes.data = text.data;
        value->as.bytes.size = text.size;
        ok = true;
        break;
    case SB_TYPE_BYTES: ok = read_bytes(text, arena, value, &nomem); break;
    case SB_TYPE_DATE: ok = sb_text__date(text, value); break;
    case SB_TYPE_LOCAL_TIME: ok = sb_text__local_time(text, value); break;
    case SB_TYPE_TIME: ok = read_zoned(sb_text__time, type, text, value); break;
    case SB_TYPE_LOCAL_DATETIME: ok = sb_text__local_datetime(text, value); break;
    case SB_TYPE_DATETIME:
        ok = read_zoned(sb_text__datetime, type, text, value);
        if (!ok) SB_TRY(read_with_zone(type->zones, text, value, &ok, err));
        break;
    case SB_TYPE_DURATION: ok = sb_text__duration(text, value); break;
    case SB_TYPE_POINT: ok = read_point(text, type->fallback, value); break;
    default: break;
    }
    if (nomem) return SB_FAIL_NOMEM(err);
    if (!ok) return fail_type(text, sb_type_name(type->type), err);
    if (type->type == SB_TYPE_STRING) return SB_OK;
    return sb_value_check(value, err);
}
