/* text_format.c — values as text: shortest decimals that read back as the same double, ISO 8601, hex. */
#include "graph/text_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NANOS_PER_SECOND 1000000000LL

static sb_status append_text(sb_buffer *out, const char *text)
{
    return sb_buffer_append(out, text, strlen(text));
}

/* Without the locale's decimal point, and with a point or exponent so that it reads as no integer. */
static sb_status write_real(double real, sb_buffer *out)
{
    char text[40], fixed[48];
    size_t size = 0;
    bool is_real = false;

    if (isnan(real)) return append_text(out, "NaN");
    if (isinf(real)) return append_text(out, real < 0 ? "-Infinity" : "Infinity");
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(text, sizeof text, "%.*g", precision, real);
        if (strtod(text, NULL) == real) break;
    }
    for (const char *p = text; *p != '\0'; p++) {
        const bool plain = (*p >= '0' && *p <= '9') || *p == '-' || *p == '+' || *p == 'e';
        is_real = is_real || !plain || *p == 'e';
        if (plain)
            fixed[size++] = *p;
        else if (size == 0 || fixed[size - 1] != '.')
            fixed[size++] = '.'; /* a decimal point may be several bytes */
    }
    SB_TRY(sb_buffer_append(out, fixed, size));
    return is_real ? SB_OK : append_text(out, ".0");
}

static sb_status write_bytes(const sb_value *value, sb_buffer *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *data = value->as.bytes.data;
    size_t bytes;

    if (!sb_mul_size(value->as.bytes.size, 2, &bytes)) return SB_NOMEM;
    SB_TRY(sb_buffer_reserve(out, bytes));
    for (size_t i = 0; i < value->as.bytes.size; i++) {
        out->data[out->size++] = (uint8_t)digits[data[i] >> 4];
        out->data[out->size++] = (uint8_t)digits[data[i] & 15];
    }
    return SB_OK;
}

/* ---- Times -------------------------------------------------------------------------------------------------- */

static sb_status write_date(int64_t days, sb_buffer *out)
{
    int64_t year;
    unsigned month, day;

    sb_date_of_days(days, &year, &month, &day);
    if (year >= 0 && year <= 9999)
        return sb_buffer_printf(out, "%04lld-%02u-%02u", (long long)year, month, day);
    return sb_buffer_printf(out, "%c%04lld-%02u-%02u", year < 0 ? '-' : '+',
                            (long long)(year < 0 ? -year : year), month, day);
}

/* .5, .000000001, or nothing. */
static sb_status write_fraction(int64_t nanos, sb_buffer *out)
{
    int digits = 9;

    if (nanos == 0) return SB_OK;
    for (; nanos % 10 == 0; nanos /= 10)
        digits--;
    return sb_buffer_printf(out, ".%0*lld", digits, (long long)nanos);
}

static sb_status write_time(int64_t seconds, int64_t nanos, sb_buffer *out)
{
    SB_TRY(sb_buffer_printf(out, "%02d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60),
                            (int)(seconds % 60)));
    return write_fraction(nanos, out);
}

static sb_status write_offset(int32_t offset, sb_buffer *out)
{
    const int32_t size = offset < 0 ? -offset : offset;

    if (offset == 0) return append_text(out, "Z");
    SB_TRY(
        sb_buffer_printf(out, "%c%02d:%02d", offset < 0 ? '-' : '+', size / 3600, size / 60 % 60));
    return size % 60 == 0 ? SB_OK : sb_buffer_printf(out, ":%02d", size % 60);
}

static sb_status write_date_time(const sb_value *value, int32_t offset, sb_buffer *out)
{
    const int64_t local = value->as.datetime.seconds + offset;
    const int64_t seconds = (local % 86400 + 86400) % 86400;

    SB_TRY(write_date((local - seconds) / 86400, out));
    SB_TRY(append_text(out, "T"));
    return write_time(seconds, value->extra, out);
}

static sb_status write_zoned(const sb_value *value, sb_buffer *out)
{
    SB_TRY(write_date_time(value, value->as.datetime.offset, out));
    SB_TRY(write_offset(value->as.datetime.offset, out));
    if (value->as.datetime.zone_size == 0) return SB_OK;
    SB_TRY(append_text(out, "["));
    SB_TRY(sb_buffer_append(out, value->as.datetime.zone, value->as.datetime.zone_size));
    return append_text(out, "]");
}

static sb_status write_amount(int64_t amount, char unit, sb_buffer *out)
{
    return amount == 0 ? SB_OK : sb_buffer_printf(out, "%lld%c", (long long)amount, unit);
}

static sb_status write_duration(const sb_value *value, sb_buffer *out)
{
    int64_t seconds = value->as.duration.seconds, nanos = value->as.duration.nanos;
    const bool whole_negative = seconds < 0 && nanos > 0; /* -0.5 s is -1 s and 500,000,000 ns */
    const size_t begin = out->size;

    SB_TRY(append_text(out, "P"));
    SB_TRY(write_amount(value->as.duration.months / 12, 'Y', out));
    SB_TRY(write_amount(value->as.duration.months % 12, 'M', out));
    SB_TRY(write_amount(value->as.duration.days, 'D', out));
    if (seconds == 0 && nanos == 0) return out->size - begin > 1 ? SB_OK : append_text(out, "T0S");
    SB_TRY(append_text(out, "T"));
    if (whole_negative) {
        seconds++;
        nanos = NANOS_PER_SECOND - nanos;
    }
    SB_TRY(write_amount(seconds / 3600, 'H', out));
    SB_TRY(write_amount(seconds / 60 % 60, 'M', out));
    if (seconds % 60 == 0 && nanos == 0) return SB_OK;
    if (whole_negative) SB_TRY(append_text(out, "-"));
    SB_TRY(sb_buffer_printf(out, "%lld",
                            (long long)(whole_negative ? -(seconds % 60) : seconds % 60)));
    SB_TRY(write_fraction(nanos, out));
    return append_text(out, "S");
}

static sb_status write_point(const sb_value *value, sb_buffer *out)
{
    const bool geographic = value->extra == 4326 || value->extra == 4979;

    SB_TRY(append_text(out, geographic ? "{longitude: " : "{x: "));
    SB_TRY(write_real(value->as.point.x, out));
    SB_TRY(append_text(out, geographic ? ", latitude: " : ", y: "));
    SB_TRY(write_real(value->as.point.y, out));
    if (value->extra == 4979 || value->extra == 9157) {
        SB_TRY(append_text(out, geographic ? ", height: " : ", z: "));
        SB_TRY(write_real(value->as.point.z, out));
    }
    return append_text(out, "}");
}

/* ---- Any ----------------------------------------------------------------------------------------------------------- */

sb_status sb_value_to_text(const sb_value *value, sb_buffer *out)
{
    switch (value->type) {
    case SB_TYPE_BOOL: return append_text(out, value->as.boolean ? "true" : "false");
    case SB_TYPE_INT: return sb_buffer_printf(out, "%lld", (long long)value->as.integer);
    case SB_TYPE_FLOAT: return write_real(value->as.real, out);
    case SB_TYPE_STRING:
        return value->as.bytes.size == 0
                   ? SB_OK
                   : sb_buffer_append(out, value->as.bytes.data, value->as.bytes.size);
    case SB_TYPE_BYTES: return write_bytes(value, out);
    case SB_TYPE_DATE: return write_date(value->as.integer, out);
    case SB_TYPE_LOCAL_TIME:
        return write_time(value->as.integer / NANOS_PER_SECOND,
                          value->as.integer % NANOS_PER_SECOND, out);
    case SB_TYPE_TIME:
        SB_TRY(write_time(value->as.time.ns / NANOS_PER_SECOND,
                          value->as.time.ns % NANOS_PER_SECOND, out));
        return write_offset(value->as.time.offset, out);
    case SB_TYPE_LOCAL_DATETIME: return write_date_time(value, 0, out);
    case SB_TYPE_DATETIME: return write_zoned(value, out);
    case SB_TYPE_DURATION: return write_duration(value, out);
    case SB_TYPE_POINT: return write_point(value, out);
    default: return SB_TYPE_MISMATCH;
    }
}

uint32_t sb_list_item_type(const sb_value *list)
{
    uint32_t type = SB_TYPE_NULL;

    for (size_t i = 0; i < list->as.list.count; i++) {
        if (i != 0 && list->as.list.items[i].type != type) return SB_TYPE_NULL;
        type = list->as.list.items[i].type;
    }
    return type;
}

/* What can not stand bare: an item of nothing, one that begins with a quote, one that holds the delimiter. */
static bool needs_quotes(sb_bytes item, char delimiter)
{
    if (item.size == 0 || item.data[0] == '"') return true;
    return memchr(item.data, delimiter, item.size) != NULL;
}

sb_status sb_text_quote_item(sb_bytes item, char delimiter, sb_buffer *out)
{
    if (!needs_quotes(item, delimiter)) return sb_buffer_append(out, item.data, item.size);
    SB_TRY(sb_buffer_append_byte(out, '"'));
    for (size_t i = 0; i < item.size; i++) {
        SB_TRY(sb_buffer_append_byte(out, item.data[i]));
        if (item.data[i] == '"') SB_TRY(sb_buffer_append_byte(out, '"'));
    }
    return sb_buffer_append_byte(out, '"');
}

sb_status sb_list_to_text(const sb_value *list, char delimiter, bool typed, sb_buffer *out)
{
    sb_buffer item;
    sb_status st = SB_OK;

    sb_buffer_init(&item, out->alloc);
    for (size_t i = 0; i < list->as.list.count && st == SB_OK; i++) {
        const sb_value *value = &list->as.list.items[i];
        sb_buffer_reset(&item);
        if (typed) st = sb_buffer_printf(&item, "%s:", sb_text_type_name(value->type));
        if (st == SB_OK) st = sb_value_to_text(value, &item);
        if (st == SB_OK && i != 0) st = sb_buffer_append_byte(out, (uint8_t)delimiter);
        if (st == SB_OK) st = sb_text_quote_item(sb_buffer_bytes(&item), delimiter, out);
    }
    sb_buffer_deinit(&item);
    return st;
}
