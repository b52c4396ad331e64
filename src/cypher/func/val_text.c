/* val_text.c — values as text: what toString() gives, and Cypher literals. Independent of the process's locale.
 * Floats are the shortest decimals that read back as the same double, with Java's choice between the two notations, which is what
 * users of Cypher know: 0.001 to 9999999.0 plain, others as 1.0E-4. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cypher/func/func_priv.h"
#include "graph/text_value.h"

static sb_status append(sb_buffer *out, const char *text)
{
    return sb_buffer_append(out, text, strlen(text));
}

/* ---- Floats ---------------------------------------------------------------------------------------------------- */

/* Six decimals and at most 15 digits in all, as most numbers have that people write: no two such decimals are one double, so when the
 * nearest one reads back as it, it is the shortest. False: not so. */
static bool short_decimal(double magnitude, sb_decimal *result)
{
    char digits[20];
    int count = 0;

    if (!(magnitude >= 1e-6 && magnitude < 1e9)) return false;
    uint64_t scaled = (uint64_t)(magnitude * 1e6 + 0.5);
    if ((double)scaled / 1e6 != magnitude) return false;
    for (; scaled != 0; scaled /= 10)
        digits[count++] = (char)('0' + scaled % 10);
    result->count = count;
    result->exponent = count - 7;
    for (int i = 0; i < count; i++)
        result->digits[i] = digits[count - 1 - i];
    return true;
}

/* The next greater decimal of as many digits; false: it needs another exponent. */
static bool next_decimal(char *text)
{
    char *p = strchr(text, 'e');

    while (p != text) {
        if (*--p < '0' || *p > '9') continue; /* the point */
        if (++*p <= '9') return true;
        *p = '0';
    }
    return false;
}

static void any_decimal(double magnitude, sb_decimal *result)
{
    char text[40];
    const char *p;
    /* Fifteen digits give back every decimal of as few, so zeros can be cut. Not so below the normal numbers. */
    int precision = magnitude < 0x1p-1022 ? 1 : 14;

    for (;; precision++) {
        (void)snprintf(text, sizeof text, "%.*e", precision, magnitude);
        if (precision == 16 || strtod(text, NULL) == magnitude) break;
        /* Below a power of two doubles are twice as close as above it: the nearest decimal may be another one's, and the next one its. */
        if (next_decimal(text) && strtod(text, NULL) == magnitude) break;
    }
    for (p = text; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9') result->digits[result->count++] = *p;
    result->exponent = (int)strtol(p + 1, NULL, 10);
}

sb_decimal sb_func__decimal(double magnitude)
{
    sb_decimal result = {.count = 0};

    if (!short_decimal(magnitude, &result)) any_decimal(magnitude, &result);
    while (result.count > 1 && result.digits[result.count - 1] == '0')
        result.count--;
    return result;
}

static sb_status write_plain(const sb_decimal *number, sb_buffer *out)
{
    const int whole = number->exponent + 1; /* digits before the point */

    if (whole <= 0) {
        SB_TRY(sb_buffer_printf(out, "0.%.*s", -whole, "000000"));
        return sb_buffer_append(out, number->digits, (size_t)number->count);
    }
    for (int i = 0; i < whole; i++)
        SB_TRY(sb_buffer_append_byte(out, i < number->count ? (uint8_t)number->digits[i] : '0'));
    if (number->count <= whole) return append(out, ".0");
    SB_TRY(sb_buffer_append_byte(out, '.'));
    return sb_buffer_append(out, number->digits + whole, (size_t)(number->count - whole));
}

sb_status sb_float_to_string(double d, sb_buffer *out)
{
    if (isnan(d)) return append(out, "NaN");
    if (signbit(d)) SB_TRY(sb_buffer_append_byte(out, '-'));
    if (isinf(d)) return append(out, "Infinity");
    if (d == 0.0) return append(out, "0.0");
    const double magnitude = fabs(d);
    const sb_decimal number = sb_func__decimal(magnitude);
    if (magnitude >= 1e-3 && magnitude < 1e7) return write_plain(&number, out);
    SB_TRY(sb_buffer_printf(out, "%c.", number.digits[0]));
    if (number.count == 1)
        SB_TRY(sb_buffer_append_byte(out, '0'));
    else
        SB_TRY(sb_buffer_append(out, number.digits + 1, (size_t)(number.count - 1)));
    return sb_buffer_printf(out, "E%d", number.exponent);
}

/* ---- Times ------------------------------------------------------------------------------------------------------- */

/* hh:mm[:ss[.fff[fff[fff]]]] */
static sb_status write_time(int64_t ns, sb_buffer *out)
{
    const int seconds = (int)(ns / SB_FUNC_NANOS), nanos = (int)(ns % SB_FUNC_NANOS);

    SB_TRY(sb_buffer_printf(out, "%02d:%02d", seconds / 3600, seconds / 60 % 60));
    if (seconds % 60 == 0 && nanos == 0) return SB_OK;
    SB_TRY(sb_buffer_printf(out, ":%02d", seconds % 60));
    if (nanos == 0) return SB_OK;
    if (nanos % 1000000 == 0) return sb_buffer_printf(out, ".%03d", nanos / 1000000);
    if (nanos % 1000 == 0) return sb_buffer_printf(out, ".%06d", nanos / 1000);
    return sb_buffer_printf(out, ".%09d", nanos);
}

static sb_status write_date_time(int64_t local_seconds, uint32_t nanos, sb_buffer *out)
{
    const int64_t second_of_day = sb_floor_mod(local_seconds, 86400);
    const sb_value date = {.type = SB_TYPE_DATE,
                           .as.integer = (local_seconds - second_of_day) / 86400};

    SB_TRY(sb_value_to_text(&date, out));
    SB_TRY(sb_buffer_append_byte(out, 'T'));
    return write_time(second_of_day * SB_FUNC_NANOS + nanos, out);
}

sb_status sb_func__write_offset(int32_t offset, sb_buffer *out)
{
    const int32_t size = offset < 0 ? -offset : offset;

    if (offset == 0) return append(out, "Z");
    SB_TRY(
        sb_buffer_printf(out, "%c%02d:%02d", offset < 0 ? '-' : '+', size / 3600, size / 60 % 60));
    return size % 60 == 0 ? SB_OK : sb_buffer_printf(out, ":%02d", size % 60);
}

static sb_status write_zoned(const sb_value *v, sb_buffer *out)
{
    SB_TRY(write_date_time(v->as.datetime.seconds + v->as.datetime.offset, v->extra, out));
    SB_TRY(sb_func__write_offset(v->as.datetime.offset, out));
    if (v->as.datetime.zone_size == 0) return SB_OK;
    SB_TRY(sb_buffer_append_byte(out, '['));
    SB_TRY(sb_buffer_append(out, v->as.datetime.zone, v->as.datetime.zone_size));
    return sb_buffer_append_byte(out, ']');
}

static sb_status write_point(const sb_value *v, sb_buffer *out)
{
    const char *const format = sb_func__srid_geographic(v->extra) ? "longitude: " : "x: ";

    SB_TRY(sb_buffer_printf(out, "point({srid: %u, %s", v->extra, format));
    SB_TRY(sb_float_to_string(v->as.point.x, out));
    SB_TRY(append(out, sb_func__srid_geographic(v->extra) ? ", latitude: " : ", y: "));
    SB_TRY(sb_float_to_string(v->as.point.y, out));
    if (sb_func__srid_3d(v->extra)) {
        SB_TRY(append(out, sb_func__srid_geographic(v->extra) ? ", height: " : ", z: "));
        SB_TRY(sb_float_to_string(v->as.point.z, out));
    }
    return append(out, "})");
}

/* ---- toString ------------------------------------------------------------------------------------------------------ */

static sb_status write_scalar(sb_val v, sb_buffer *out, bool *has)
{
    *has = true;
    switch (v.kind) {
    case SB_VAL_BOOL: return append(out, v.as.boolean ? "true" : "false");
    case SB_VAL_INT: return sb_buffer_printf(out, "%lld", (long long)v.as.integer);
    case SB_VAL_FLOAT: return sb_float_to_string(v.as.real, out);
    case SB_VAL_STRING: return v.aux == 0 ? SB_OK : sb_buffer_append(out, v.as.text, v.aux);
    case SB_VAL_LOCAL_TIME: return write_time(v.as.integer, out);
    case SB_VAL_TIME:
        SB_TRY(write_time(v.as.integer, out));
        return sb_func__write_offset((int32_t)v.aux - 86400, out);
    case SB_VAL_LOCAL_DATETIME: return write_date_time(v.as.integer, v.aux, out);
    case SB_VAL_DATETIME: return write_zoned(v.as.boxed, out);
    case SB_VAL_POINT: return write_point(v.as.boxed, out);
    case SB_VAL_DATE:
    case SB_VAL_DURATION: {
        sb_value value;
        (void)sb_val_scalar_value(v, &value);
        return sb_value_to_text(&value, out);
    }
    case SB_VAL_NULL:
    case SB_VAL_BYTES:
    case SB_VAL_LIST:
    case SB_VAL_MAP:
    case SB_VAL_NODE:
    case SB_VAL_REL:
    case SB_VAL_PATH:
    default: *has = false; return SB_OK;
    }
}

sb_status sb_val_to_string(sb_val v, sb_buffer *out, bool *has, sb_err *err)
{
    return write_scalar(v, out, has) == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
}

/* ---- Literals -------------------------------------------------------------------------------------------------------- */

static sb_status write_quoted(sb_bytes text, uint8_t quote, sb_buffer *out)
{
    SB_TRY(sb_buffer_append_byte(out, quote));
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        if (c == quote || (c == '\\' && quote == '\'')) {
            /* A backtick is doubled, a quote escaped. */
            SB_TRY(sb_buffer_append_byte(out, quote == '\'' ? '\\' : quote));
            SB_TRY(sb_buffer_append_byte(out, c));
        } else if (quote == '\'' && c < 0x20) {
            const char *named = c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : NULL;
            SB_TRY(named != NULL ? append(out, named) : sb_buffer_printf(out, "\\u%04x", c));
        } else {
            SB_TRY(sb_buffer_append_byte(out, c));
        }
    }
    return sb_buffer_append_byte(out, quote);
}

static bool is_plain_name(sb_bytes name)
{
    if (name.size == 0 || (name.data[0] >= '0' && name.data[0] <= '9')) return false;
    for (size_t i = 0; i < name.size; i++) {
        const uint8_t c = name.data[i], lower = c | 0x20;
        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '_') return false;
    }
    return true;
}

static sb_status write_any(sb_val v, sb_buffer *out);

static sb_status write_map(const sb_val_map *map, sb_buffer *out)
{
    SB_TRY(sb_buffer_append_byte(out, '{'));
    for (uint32_t i = 0; i < map->count; i++) {
        const sb_val_entry *entry = &map->entries[i];
        if (i != 0) SB_TRY(append(out, ", "));
        if (is_plain_name(entry->key))
            SB_TRY(sb_buffer_append(out, entry->key.data, entry->key.size));
        else
            SB_TRY(write_quoted(entry->key, '`', out));
        SB_TRY(append(out, ": "));
        SB_TRY(write_any(entry->value, out));
    }
    return sb_buffer_append_byte(out, '}');
}

static sb_status write_list(const sb_val_list *list, sb_buffer *out)
{
    SB_TRY(sb_buffer_append_byte(out, '['));
    for (uint64_t i = 0; i < list->count; i++) {
        if (i != 0) SB_TRY(append(out, ", "));
        SB_TRY(write_any(list->items[i], out));
    }
    return sb_buffer_append_byte(out, ']');
}

static sb_status write_path(const sb_val_path *path, sb_buffer *out)
{
    SB_TRY(sb_buffer_printf(out, "(%llu)", (unsigned long long)path->nodes[0]));
    for (uint64_t i = 0; i < path->length; i++)
        SB_TRY(sb_buffer_printf(out, "-[%llu]-(%llu)", (unsigned long long)path->rels[i],
                                (unsigned long long)path->nodes[i + 1]));
    return SB_OK;
}

static const char *constructor(unsigned kind)
{
    switch ((int)kind) {
    case SB_VAL_DATE: return "date";
    case SB_VAL_LOCAL_TIME: return "localtime";
    case SB_VAL_TIME: return "time";
    case SB_VAL_LOCAL_DATETIME: return "localdatetime";
    case SB_VAL_DATETIME: return "datetime";
    default: return "duration";
    }
}

/* What has no numeral: NaN is 0.0 / 0.0. */
static sb_status write_float(double d, sb_buffer *out)
{
    if (isnan(d)) return append(out, "0.0 / 0.0");
    if (isinf(d)) return append(out, d < 0 ? "-1.0 / 0.0" : "1.0 / 0.0");
    return sb_float_to_string(d, out);
}

static sb_status write_any(sb_val v, sb_buffer *out)
{
    bool has;

    switch (v.kind) {
    case SB_VAL_NULL: return append(out, "null");
    case SB_VAL_FLOAT: return write_float(v.as.real, out);
    case SB_VAL_STRING: return write_quoted(sb_val_text(v), '\'', out);
    case SB_VAL_BYTES: {
        const sb_value bytes = {.type = SB_TYPE_BYTES, .as.bytes = {v.as.text, v.aux}};
        SB_TRY(append(out, "0x"));
        return sb_value_to_text(&bytes, out);
    }
    case SB_VAL_DATE:
    case SB_VAL_LOCAL_TIME:
    case SB_VAL_TIME:
    case SB_VAL_LOCAL_DATETIME:
    case SB_VAL_DATETIME:
    case SB_VAL_DURATION:
        SB_TRY(sb_buffer_printf(out, "%s('", constructor(v.kind)));
        SB_TRY(write_scalar(v, out, &has));
        return append(out, "')");
    case SB_VAL_LIST: return write_list(v.as.list, out);
    case SB_VAL_MAP: return write_map(v.as.map, out);
    case SB_VAL_NODE: return sb_buffer_printf(out, "(%llu)", (unsigned long long)v.as.id);
    case SB_VAL_REL: return sb_buffer_printf(out, "[%llu]", (unsigned long long)v.as.id);
    case SB_VAL_PATH: return write_path(v.as.path, out);
    case SB_VAL_BOOL:
    case SB_VAL_INT:
    case SB_VAL_POINT:
    default: return write_scalar(v, out, &has);
    }
}

sb_status sb_val_to_literal(sb_val v, sb_buffer *out, sb_err *err)
{
    return write_any(v, out) == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
}
