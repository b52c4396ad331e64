/* arrow_in.c — Arrow arrays as columns of a typed batch.
 * 64-bit integers, doubles and bitmaps without an offset are used where they lie; texts become pointers into the array's bytes; the rest is converted
 * into the arena. Types of their own (dates with times, durations, points, lists) become mixed values. */
#include <math.h>
#include <string.h>

#include "api/arrow_in.h"

#define ARROW_IN_DEPTH_MAX 16u /* arrays within each other */

/* ---- Shape -------------------------------------------------------------------------------------------------------- */

SB_COLD static sb_status in_invalid(const sombra_arrow_in *in, const char *what)
{
    return SB_FAIL(in->err, SB_INVALID, "column '%.100s': the Arrow array is broken: %s",
                   in->column, what);
}
#define in_invalid(in, what) sb_err_failed(in_invalid((in), (what)))

static bool in_starts(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Run-end encoding and unions: without a bitmap of nulls, and not supported. */
static bool in_has_no_nulls(const char *format)
{
    return in_starts(format, "+r") || in_starts(format, "+u");
}

/* Buffers that a format has; 0: as its values need, which is checked where they are read. */
static int64_t in_buffer_count(const char *format)
{
    if (strcmp(format, "n") == 0 || in_has_no_nulls(format)) return 0;
    if (in_starts(format, "+s") || in_starts(format, "+w")) return 1;
    if (in_starts(format, "v")) return 3;
    if (format[0] == 'u' || format[0] == 'U' || format[0] == 'z' || format[0] == 'Z') return 3;
    return 2;
}

static sb_status in_check(const sombra_arrow_in *in, const struct ArrowSchema *schema,
                          const struct ArrowArray *array, unsigned depth)
{
    if (depth > ARROW_IN_DEPTH_MAX) return in_invalid(in, "it is nested too deep");
    if (schema == NULL || array == NULL || schema->format == NULL)
        return in_invalid(in, "a part is missing");
    if (array->length < 0 || array->offset < 0 || array->length > INT64_MAX - array->offset ||
        (uint64_t)array->length + (uint64_t)array->offset > SIZE_MAX / 64)
        return in_invalid(in, "length and offset can't be");
    if (array->n_buffers < in_buffer_count(schema->format) ||
        (array->n_buffers > 0 && array->buffers == NULL))
        return in_invalid(in, "it has too few buffers");
    if (schema->n_children < 0 || schema->n_children != array->n_children ||
        (schema->n_children != 0 && (schema->children == NULL || array->children == NULL)))
        return in_invalid(in, "schema and array have different children");
    if ((schema->dictionary == NULL) != (array->dictionary == NULL))
        return in_invalid(in, "schema and array differ about a dictionary");
    if (schema->dictionary != NULL)
        SB_TRY(in_check(in, schema->dictionary, array->dictionary, depth + 1));
    for (int64_t i = 0; i < schema->n_children; i++)
        SB_TRY(in_check(in, schema->children[i], array->children[i], depth + 1));
    return SB_OK;
}

/* Is a row of a record batch null? */
static bool in_any_null(const struct ArrowArray *batch)
{
    const uint8_t *const valid = batch->buffers[0];

    for (int64_t i = 0; i < batch->length && valid != NULL && batch->null_count != 0; i++)
        if (!sb_bit_get(valid, (size_t)(batch->offset + i))) return true;
    return false;
}

sb_status sombra__arrow_in_check_batch(const sombra_arrow_in *in, const struct ArrowSchema *schema,
                                       const struct ArrowArray *array)
{
    SB_TRY(in_check(in, schema, array, 0));
    if (strcmp(schema->format, "+s") != 0)
        return SB_FAIL(in->err, SB_TYPE_MISMATCH,
                       "record batches are needed: the stream's type is '%.30s', not a struct",
                       schema->format);
    if (in_any_null(array)) return in_invalid(in, "a record batch has rows that are null");
    for (int64_t i = 0; i < array->n_children; i++)
        if (array->children[i]->length - array->offset < array->length)
            return in_invalid(in, "a column is shorter than its batch");
    return SB_OK;
}

/* Where rows lie: the array's buffers from entry `at` on. */
typedef struct in_rows {
    const sombra_arrow_in *in;
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    size_t at, count;
    bool are_parts; /* items of lists, fields, or values of a dictionary */
} in_rows;

/* "column '%.100s', %s %zu": where entry i is. */
#define IN_PLACE(r, i)                                                                             \
    (r)->in->column, (r)->are_parts ? "item" : "row", (r)->are_parts ? (i) : (r)->in->first + (i)

static sb_status in_rows_of(const sombra_arrow_in *in, const struct ArrowSchema *schema,
                            const struct ArrowArray *array, size_t start, size_t count,
                            in_rows *rows)
{
    *rows = (in_rows){in, schema, array, (size_t)array->offset + start, count, false};
    if (start > (size_t)array->length || count > (size_t)array->length - start)
        return in_invalid(in, "it is shorter than what refers to it");
    return SB_OK;
}

static sb_status in_buffer(const in_rows *r, int64_t i, const void **buffer)
{
    *buffer = r->array->buffers[i];
    return *buffer != NULL || r->count == 0 ? SB_OK : in_invalid(r->in, "a buffer is missing");
}

static sb_status in_take(const in_rows *r, size_t count, size_t size, void *place)
{
    void *block = sb_arena_alloc_array(r->in->arena, count, size);

    memcpy(place, &block, sizeof block);
    return block == NULL ? SB_FAIL_NOMEM(r->in->err) : SB_OK;
}

/* ---- Nulls --------------------------------------------------------------------------------------------------------- */

/* A bitmap that begins at a bit of its own. */
static sb_status in_shift_bits(const in_rows *r, const uint8_t *bits, uint8_t **shifted)
{
    SB_TRY(in_take(r, (r->count + 7) / 8, 1, shifted));
    memset(*shifted, 0, (r->count + 7) / 8);
    for (size_t i = 0; i < r->count; i++)
        if (sb_bit_get(bits, r->at + i)) sb_bit_set(*shifted, i);
    return SB_OK;
}

static sb_status in_present(const in_rows *r, sb_prop_column *column)
{
    const uint8_t *bits = r->array->buffers[0];
    uint8_t *shifted;

    column->present = NULL;
    if (bits == NULL || r->array->null_count == 0) return SB_OK;
    if (r->at % 8 == 0) {
        column->present = bits + r->at / 8;
        return SB_OK;
    }
    SB_TRY(in_shift_bits(r, bits, &shifted));
    column->present = shifted;
    return SB_OK;
}

static bool in_is_present(const sb_prop_column *column, size_t row)
{
    return column->present == NULL || sb_bit_get(column->present, row);
}

/* Every row is null. */
static sb_status in_all_null(const in_rows *r, sb_prop_column *column)
{
    uint8_t *present;
    int64_t *zeros;

    SB_TRY(in_take(r, (r->count + 7) / 8, 1, &present));
    SB_TRY(in_take(r, r->count, sizeof *zeros, &zeros));
    memset(present, 0, (r->count + 7) / 8);
    memset(zeros, 0, r->count * sizeof *zeros);
    *column = (sb_prop_column){.type = SB_TYPE_INT, .present = present, .integers = zeros};
    return SB_OK;
}

/* ---- Integers -------------------------------------------------------------------------------------------------------- */

/* Entry i of integers in a format; memory of producers need not be aligned. 64 bits without a sign come as they are. */
static int64_t in_int(const void *data, char format, size_t i)
{
    const uint8_t *const bytes = data;
    uint16_t u16;
    uint32_t u32;
    int64_t all;

    switch (format) {
    case 'c': return (int8_t)bytes[i];
    case 'C': return bytes[i];
    case 's': memcpy(&u16, bytes + i * 2, 2); return (int16_t)u16;
    case 'S': memcpy(&u16, bytes + i * 2, 2); return u16;
    case 'i': memcpy(&u32, bytes + i * 4, 4); return (int32_t)u32;
    case 'I': memcpy(&u32, bytes + i * 4, 4); return u32;
    default: memcpy(&all, bytes + i * 8, 8); return all;
    }
}

static bool in_is_int_format(const char *format)
{
    return format[0] != '\0' && format[1] == '\0' && strchr("cCsSiIlL", format[0]) != NULL;
}

/* Integers of a format, each times `scale`, or (negative) by it and without a rest. */
static sb_status in_integers(const in_rows *r, char format, int64_t scale, uint32_t type,
                             sb_prop_column *column)
{
    const void *data;
    int64_t *out;

    column->type = type;
    SB_TRY(in_buffer(r, 1, &data));
    if (format == 'l' && scale == 1 && (uintptr_t)data % sizeof(int64_t) == 0) {
        column->integers = data == NULL ? NULL : (const int64_t *)data + r->at;
        if (data != NULL) return SB_OK;
    }
    SB_TRY(in_take(r, r->count, sizeof *out, &out));
    column->integers = out;
    for (size_t i = 0; i < r->count; i++) {
        const int64_t v = in_int(data, format, r->at + i);

        out[i] = 0;
        if (!in_is_present(column, i)) continue;
        if (format == 'L' && v < 0)
            return SB_FAIL(r->in->err, SB_INVALID,
                           "column '%.100s', %s %zu: %llu is greater than 2^63 - 1", IN_PLACE(r, i),
                           (unsigned long long)v);
        if (scale < 0 ? v % -scale != 0 : SB_MUL_OVERFLOWS(v, scale, &out[i]))
            return SB_FAIL(r->in->err, SB_INVALID, "column '%.100s', %s %zu: %lld is no %s",
                           IN_PLACE(r, i), (long long)v, sb_type_name(type));
        if (scale < 0) out[i] = v / -scale;
    }
    return SB_OK;
}

static sb_status in_bools(const in_rows *r, sb_prop_column *column)
{
    const void *bits;
    int64_t *out;

    SB_TRY(in_buffer(r, 1, &bits));
    SB_TRY(in_take(r, r->count, sizeof *out, &out));
    for (size_t i = 0; i < r->count; i++)
        out[i] = sb_bit_get(bits, r->at + i);
    column->type = SB_TYPE_BOOL;
    column->integers = out;
    return SB_OK;
}

/* IEEE 754's 16 bits. */
static double in_half(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double magnitude = exponent == 31  ? (double)(fraction == 0 ? INFINITY : NAN)
                             : exponent == 0 ? ldexp(fraction, -24)
                                             : ldexp(1024 + fraction, exponent - 25);

    return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

/* Entry i of e, f or g; memory of producers need not be aligned. */
static double in_real(const void *data, char format, size_t i)
{
    uint16_t half;
    float narrow;
    double real;

    switch (format) {
    case 'e': memcpy(&half, (const uint8_t *)data + i * 2, 2); return in_half(half);
    case 'f': memcpy(&narrow, (const uint8_t *)data + i * 4, 4); return (double)narrow;
    default: memcpy(&real, (const uint8_t *)data + i * 8, 8); return real;
    }
}

static sb_status in_reals(const in_rows *r, char format, sb_prop_column *column)
{
    const void *data;
    double *out;

    column->type = SB_TYPE_FLOAT;
    SB_TRY(in_buffer(r, 1, &data));
    if (format == 'g' && data != NULL && (uintptr_t)data % sizeof(double) == 0) {
        column->reals = (const double *)data + r->at;
        return SB_OK;
    }
    SB_TRY(in_take(r, r->count, sizeof *out, &out));
    column->reals = out;
    for (size_t i = 0; i < r->count; i++)
        out[i] = in_real(data, format, r->at + i);
    return SB_OK;
}

/* ---- Texts -------------------------------------------------------------------------------------------------------------- */

/* An entry of 32-bit or 64-bit offsets. */
static int64_t in_offset(const void *offsets, bool is_large, size_t i)
{
    return in_int(offsets, is_large ? 'l' : 'i', i);
}

static sb_status in_texts(const in_rows *r, bool is_large, uint32_t type, sb_prop_column *column)
{
    const void *offsets;
    const uint8_t *const data = r->array->buffers[2];
    int64_t end;
    sb_bytes *out;

    SB_TRY(in_buffer(r, 1, &offsets));
    SB_TRY(in_take(r, r->count, sizeof *out, &out));
    column->type = type;
    column->bytes = out;
    if (r->count == 0) return SB_OK;
    end = in_offset(offsets, is_large, r->at);
    if (end < 0) return in_invalid(r->in, "an offset is negative");
    for (size_t i = 0; i < r->count; i++) {
        const int64_t start = end;

        end = in_offset(offsets, is_large, r->at + i + 1);
        if (end < start) return in_invalid(r->in, "offsets descend");
        if (end != start && data == NULL) return in_invalid(r->in, "a buffer is missing");
        out[i] = sb_bytes_of(end == start ? NULL : data + start, (size_t)(end - start));
    }
    return SB_OK;
}

static sb_status in_fixed_texts(const in_rows *r, sb_prop_column *column)
{
    const char *digit = r->schema->format + 2; /* w:N */
    const void *data;
    size_t width = 0;
    sb_bytes *out;

    for (; *digit >= '0' && *digit <= '9' && width < INT32_MAX / 16; digit++)
        width = 10 * width + (size_t)(*digit - '0');
    if (*digit != '\0' || digit == r->schema->format + 2)
        return in_invalid(r->in, "its format has no width");
    SB_TRY(in_buffer(r, 1, &data));
    SB_TRY(in_take(r, r->count, sizeof *out, &out));
    for (size_t i = 0; i < r->count; i++)
        out[i] = sb_bytes_of((const uint8_t *)data + (r->at + i) * width, width);
    column->type = SB_TYPE_BYTES;
    column->bytes = out;
    return SB_OK;
}

/* Views of 16 bytes: a size, and up to 12 bytes in place, or the number of a buffer and an offset in it. The last buffer tells the others' sizes. */
static sb_status in_views(const in_rows *r, uint32_t type, sb_prop_column *column)
{
    const int64_t buffer_count = r->array->n_buffers - 3;
    const void *sizes = r->array->buffers[r->array->n_buffers - 1];
    const void *views;
    sb_bytes *out;

    SB_TRY(in_buffer(r, 1, &views));
    SB_TRY(in_take(r, r->count, sizeof *out, &out));
    column->type = type;
    column->bytes = out;
    for (size_t i = 0; i < r->count; i++) {
        const uint8_t *const view = (const uint8_t *)views + (r->at + i) * 16;
        const int64_t size = in_int(view, 'i', 0);

        out[i] = sb_bytes_of(NULL, 0);
        if (!in_is_present(column, i)) continue;
        if (size < 0) return in_invalid(r->in, "a text's size is negative");
        if (size <= 12) {
            out[i] = sb_bytes_of(view + 4, (size_t)size);
            continue;
        }
        const int64_t buffer = in_int(view, 'i', 2);
        const int64_t at = in_int(view, 'i', 3);
        if (buffer < 0 || buffer >= buffer_count || at < 0 || sizes == NULL ||
            r->array->buffers[2 + buffer] == NULL || in_int(sizes, 'l', (size_t)buffer) - at < size)
            return in_invalid(r->in, "a text lies out of its buffer");
        out[i] = sb_bytes_of((const uint8_t *)r->array->buffers[2 + buffer] + at, (size_t)size);
    }
    return SB_OK;
}

/* ---- Values of their own ---------------------------------------------------------------------------------------------------- */

static sb_status in_make_values(const in_rows *r, sb_prop_column *column, sb_value **values)
{
    SB_TRY(in_take(r, r->count, sizeof **values, values));
    memset(*values, 0, r->count * sizeof **values);
    column->type = SB_TYPE_NULL;
    column->values = *values;
    return SB_OK;
}

/* Parts of a second that a unit has; 0: no such unit. */
static int64_t in_unit(char unit)
{
    switch (unit) {
    case 's': return 1;
    case 'm': return 1000;
    case 'u': return 1000000;
    case 'n': return 1000000000;
    default: return 0;
    }
}

/* Whole seconds, downward, and the nanoseconds behind them. */
static void in_split(int64_t all, int64_t unit, int64_t *seconds, int64_t *nanos)
{
    const int64_t rest = all % unit;

    *seconds = all / unit - (rest < 0);
    *nanos = (rest < 0 ? rest + unit : rest) * (1000000000 / unit);
}

/* The zone of a column of timestamps. */
typedef struct in_zone {
    const char *name; /* borrowed from the schema; NULL: an offset alone */
    uint32_t name_size;
    const sb_zone *history; /* of a name */
    int32_t offset;         /* without: seconds east of UTC */
} in_zone;

/* +HH:MM. */
static bool in_read_offset(const char *text, int32_t *offset)
{
    if (strlen(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return false;
    for (size_t i = 1; i < 6; i++)
        if (i != 3 && (text[i] < '0' || text[i] > '9')) return false;
    const int32_t seconds =
        ((text[1] - '0') * 10 + text[2] - '0') * 3600 + ((text[4] - '0') * 10 + text[5] - '0') * 60;
    *offset = text[0] == '-' ? -seconds : seconds;
    return seconds <= 18 * 3600;
}

static sb_status in_find_zone(const sombra_arrow_in *in, const char *text, in_zone *zone)
{
    bool damaged;

    *zone = (in_zone){.name = NULL};
    if (strcmp(text, "UTC") == 0 || strcmp(text, "Z") == 0 || in_read_offset(text, &zone->offset))
        return SB_OK;
    const sb_bytes name = sb_bytes_of((const uint8_t *)text, strlen(text));
    SB_TRY(sb_zones_find(in->zones, name, &zone->history, &damaged, in->err));
    zone->name = text;
    zone->name_size = (uint32_t)name.size;
    return zone->history != NULL
               ? SB_OK
               : SB_FAIL(in->err, SB_INVALID,
                         "column '%.100s': %s time zone '%.60s': convert it to UTC", in->column,
                         damaged ? "the system has a damaged" : "the system has no", text);
}

/* ts[smun]:ZONE */
static sb_status in_timestamps(const in_rows *r, sb_prop_column *column)
{
    const char *const format = r->schema->format;
    const int64_t unit = in_unit(format[2]);
    const bool zoned = format[4] != '\0';
    const void *data;
    in_zone zone = {.name = NULL};
    sb_value *out;

    if (zoned) SB_TRY(in_find_zone(r->in, format + 4, &zone));
    SB_TRY(in_buffer(r, 1, &data));
    SB_TRY(in_make_values(r, column, &out));
    for (size_t i = 0; i < r->count; i++) {
        int64_t seconds, nanos;

        if (!in_is_present(column, i)) continue;
        in_split(in_int(data, 'l', r->at + i), unit, &seconds, &nanos);
        out[i].type = zoned ? SB_TYPE_DATETIME : SB_TYPE_LOCAL_DATETIME;
        out[i].extra = (uint32_t)nanos;
        out[i].as.datetime.seconds = seconds;
        out[i].as.datetime.offset =
            zone.history == NULL ? zone.offset : sb_zone_offset_at(zone.history, seconds);
        out[i].as.datetime.zone_size = zone.name_size;
        out[i].as.datetime.zone = zone.name;
    }
    return SB_OK;
}

/* tD[smun]: a length of time; ti[MDn]: months, days and milliseconds, or months, days and nanoseconds. */
static sb_status in_durations(const in_rows *r, sb_prop_column *column)
{
    const char kind = r->schema->format[1], part = r->schema->format[2];
    const void *data;
    sb_value *out;

    SB_TRY(in_buffer(r, 1, &data));
    SB_TRY(in_make_values(r, column, &out));
    for (size_t i = 0; i < r->count; i++) {
        const size_t at = r->at + i;
        int64_t nanos = 0;

        if (!in_is_present(column, i)) continue;
        out[i].type = SB_TYPE_DURATION;
        if (kind == 'D') {
            in_split(in_int(data, 'l', at), in_unit(part), &out[i].as.duration.seconds, &nanos);
        } else if (part == 'M') {
            out[i].as.duration.months = in_int(data, 'i', at);
        } else if (part == 'D') {
            out[i].as.duration.days = in_int(data, 'i', 2 * at);
            in_split(in_int(data, 'i', 2 * at + 1), 1000, &out[i].as.duration.seconds, &nanos);
        } else {
            out[i].as.duration.months = in_int(data, 'i', 4 * at);
            out[i].as.duration.days = in_int(data, 'i', 4 * at + 1);
            in_split(in_int(data, 'l', 2 * at + 1), 1000000000, &out[i].as.duration.seconds,
                     &nanos);
        }
        out[i].as.duration.nanos = (int32_t)nanos;
    }
    return SB_OK;
}

sb_status sombra__arrow_in_values(const sombra_arrow_in *in, const sb_prop_column *column,
                                  size_t count, const sb_value **values)
{
    sb_value *out;

    if (column->values != NULL && column->present == NULL) {
        *values = column->values;
        return SB_OK;
    }
    out = sb_arena_alloc_array(in->arena, count, sizeof *out);
    *values = out;
    if (out == NULL) return SB_FAIL_NOMEM(in->err);
    if (count != 0) memset(out, 0, count * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        if (!in_is_present(column, i)) continue;
        if (column->values != NULL) {
            out[i] = column->values[i];
            continue;
        }
        out[i].type = column->type;
        if (column->type == SB_TYPE_BOOL)
            out[i].as.boolean = column->integers[i] != 0;
        else if (column->integers != NULL)
            out[i].as.integer = column->integers[i];
        else if (column->reals != NULL)
            out[i].as.real = column->reals[i];
        else if (column->bytes != NULL) {
            out[i].as.bytes.data = column->bytes[i].data;
            out[i].as.bytes.size = column->bytes[i].size;
        }
    }
    return SB_OK;
}

/* ---- What has parts ------------------------------------------------------------------------------------------------------------ */

static sb_status in_any(const in_rows *r, unsigned depth, sb_prop_column *column);

/* All entries of a child or dictionary that the rows may refer to, as values. */
static sb_status in_part(const in_rows *r, const struct ArrowSchema *schema,
                         const struct ArrowArray *array, size_t start, size_t count, unsigned depth,
                         const sb_value **values)
{
    sb_prop_column part;
    in_rows rows;

    SB_TRY(in_rows_of(r->in, schema, array, start, count, &rows));
    rows.are_parts = true;
    SB_TRY(in_any(&rows, depth + 1, &part));
    return sombra__arrow_in_values(r->in, &part, count, values);
}

/* Lists: items from … to of the one child, for each row. */
static sb_status in_lists(const in_rows *r, unsigned depth, sb_prop_column *column)
{
    const char *const format = r->schema->format;
    const bool is_large = format[1] == 'L', is_fixed = format[1] == 'w';
    const sb_value *items;
    const void *offsets = NULL;
    int64_t width = 0, first, last;
    sb_value *out;

    if (r->schema->n_children != 1) return in_invalid(r->in, "a list has not one child");
    SB_TRY(in_make_values(r, column, &out));
    if (r->count == 0) return SB_OK;
    if (is_fixed) {
        for (const char *digit = format + 3; *digit >= '0' && *digit <= '9'; digit++)
            width = width > INT32_MAX ? width : 10 * width + (*digit - '0');
        if (width > INT32_MAX || (int64_t)(r->at + r->count) > INT64_MAX / (width + 1))
            return in_invalid(r->in, "its lists are too long");
        first = (int64_t)r->at * width;
        last = (int64_t)(r->at + r->count) * width;
    } else {
        SB_TRY(in_buffer(r, 1, &offsets));
        first = in_offset(offsets, is_large, r->at);
        last = in_offset(offsets, is_large, r->at + r->count);
    }
    if (first < 0 || last < first) return in_invalid(r->in, "offsets descend");
    SB_TRY(in_part(r, r->schema->children[0], r->array->children[0], (size_t)first,
                   (size_t)(last - first), depth, &items));
    int64_t end = first;
    for (size_t i = 0; i < r->count; i++) {
        const int64_t start = end;

        end = is_fixed ? start + width : in_offset(offsets, is_large, r->at + i + 1);
        if (end < start || end > last) return in_invalid(r->in, "offsets descend");
        if (!in_is_present(column, i)) continue;
        out[i].type = SB_TYPE_LIST;
        out[i].as.list.items = end == start ? NULL : items + (start - first);
        out[i].as.list.count = (size_t)(end - start);
    }
    return SB_OK;
}

/* The field of a struct, or NULL. */
static const sb_value *in_field(const char *const *names, const sb_value *const *fields,
                                size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (names[i] != NULL && strcmp(names[i], name) == 0) return fields[i];
    return NULL;
}

static bool in_is(const sb_value *values, size_t i, uint32_t type)
{
    return values != NULL && values[i].type == type;
}

/* Points and zoned times, as sombra_stmt_arrow gives them. */
static sb_status in_structs(const in_rows *r, unsigned depth, sb_prop_column *column)
{
    const sb_value *fields[4], *srid, *x, *y, *z, *time, *offset;
    const char *names[4];
    const size_t count = (size_t)r->schema->n_children;
    sb_value *out;

    SB_TRY(in_make_values(r, column, &out));
    for (size_t i = 0; i < count && count <= 4; i++) {
        names[i] = r->schema->children[i]->name;
        SB_TRY(in_part(r, r->schema->children[i], r->array->children[i], r->at, r->count, depth,
                       &fields[i]));
    }
    srid = count == 4 ? in_field(names, fields, count, "srid") : NULL;
    x = count == 4 ? in_field(names, fields, count, "x") : NULL;
    y = count == 4 ? in_field(names, fields, count, "y") : NULL;
    z = count == 4 ? in_field(names, fields, count, "z") : NULL;
    time = count == 2 ? in_field(names, fields, count, "time") : NULL;
    offset = count == 2 ? in_field(names, fields, count, "offset") : NULL;
    if ((srid == NULL || x == NULL || y == NULL || z == NULL) && (time == NULL || offset == NULL))
        return SB_FAIL(r->in->err, SB_TYPE_MISMATCH,
                       "column '%.100s': of structs only points {srid, x, y, z} and times {time, "
                       "offset} can be properties: take its fields as columns",
                       r->in->column);
    for (size_t i = 0; i < r->count; i++) {
        if (!in_is_present(column, i)) continue;
        if (srid != NULL && in_is(srid, i, SB_TYPE_INT) && in_is(x, i, SB_TYPE_FLOAT) &&
            in_is(y, i, SB_TYPE_FLOAT) && srid[i].as.integer >= 0 &&
            srid[i].as.integer <= UINT32_MAX) {
            out[i].type = SB_TYPE_POINT;
            out[i].extra = (uint32_t)srid[i].as.integer;
            out[i].as.point.x = x[i].as.real;
            out[i].as.point.y = y[i].as.real;
            out[i].as.point.z = in_is(z, i, SB_TYPE_FLOAT) ? z[i].as.real : 0;
        } else if (in_is(time, i, SB_TYPE_LOCAL_TIME) && in_is(offset, i, SB_TYPE_INT) &&
                   offset[i].as.integer >= -86400 && offset[i].as.integer <= 86400) {
            out[i].type = SB_TYPE_TIME;
            out[i].as.time.ns = time[i].as.integer;
            out[i].as.time.offset = (int32_t)offset[i].as.integer;
        } else {
            return SB_FAIL(r->in->err, SB_INVALID,
                           "column '%.100s', %s %zu: a point or time lacks a part", IN_PLACE(r, i));
        }
    }
    return SB_OK;
}

/* Indexes into other values, which are converted once. */
static sb_status in_dictionary(const in_rows *r, unsigned depth, sb_prop_column *column)
{
    const struct ArrowArray *const dictionary = r->array->dictionary;
    const size_t length = (size_t)dictionary->length;
    sb_prop_column all = {.key = 0};
    in_rows rows;
    const int64_t *indexes;

    if (!in_is_int_format(r->schema->format))
        return in_invalid(r->in, "the indexes of a dictionary are no integers");
    SB_TRY(in_integers(r, r->schema->format[0], 1, SB_TYPE_INT, column));
    indexes = column->integers;
    column->integers = NULL;
    for (size_t i = 0; i < r->count; i++)
        if (in_is_present(column, i) && (indexes[i] < 0 || (uint64_t)indexes[i] >= length))
            return in_invalid(r->in, "an index is out of the dictionary");
    SB_TRY(in_rows_of(r->in, r->schema->dictionary, dictionary, 0, length, &rows));
    rows.are_parts = true;
    SB_TRY(in_any(&rows, depth + 1, &all));
    if (all.bytes != NULL && all.present == NULL) { /* what dictionaries are for */
        sb_bytes *out;

        SB_TRY(in_take(r, r->count, sizeof *out, &out));
        for (size_t i = 0; i < r->count; i++)
            out[i] = in_is_present(column, i) ? all.bytes[indexes[i]] : sb_bytes_of(NULL, 0);
        column->type = all.type;
        column->bytes = out;
        return SB_OK;
    }
    const sb_value *values;
    sb_value *out;
    SB_TRY(sombra__arrow_in_values(r->in, &all, length, &values));
    SB_TRY(in_make_values(r, column, &out));
    for (size_t i = 0; i < r->count; i++)
        if (in_is_present(column, i)) out[i] = values[indexes[i]];
    return SB_OK;
}

/* ---- By format --------------------------------------------------------------------------------------------------------------------- */

SB_COLD static sb_status in_unsupported(const in_rows *r)
{
    return SB_FAIL(r->in->err, SB_TYPE_MISMATCH,
                   "column '%.100s': properties can't have the Arrow type '%.30s'%s", r->in->column,
                   r->schema->format,
                   in_starts(r->schema->format, "d:") ? ", a decimal: make it double or text" : "");
}
#define in_unsupported(r) sb_err_failed(in_unsupported(r))

/* t…: dates, times, timestamps, durations, intervals. */
static sb_status in_temporal(const in_rows *r, sb_prop_column *column)
{
    const char *const format = r->schema->format;

    if (strcmp(format, "tdD") == 0) return in_integers(r, 'i', 1, SB_TYPE_DATE, column);
    if (strcmp(format, "tdm") == 0) return in_integers(r, 'l', -86400000, SB_TYPE_DATE, column);
    if (strcmp(format, "tts") == 0)
        return in_integers(r, 'i', 1000000000, SB_TYPE_LOCAL_TIME, column);
    if (strcmp(format, "ttm") == 0) return in_integers(r, 'i', 1000000, SB_TYPE_LOCAL_TIME, column);
    if (strcmp(format, "ttu") == 0) return in_integers(r, 'l', 1000, SB_TYPE_LOCAL_TIME, column);
    if (strcmp(format, "ttn") == 0) return in_integers(r, 'l', 1, SB_TYPE_LOCAL_TIME, column);
    if (format[1] == 's' && in_unit(format[2]) != 0 && format[3] == ':')
        return in_timestamps(r, column);
    if ((format[1] == 'D' && in_unit(format[2]) != 0 && format[3] == '\0') ||
        strcmp(format, "tiM") == 0 || strcmp(format, "tiD") == 0 || strcmp(format, "tin") == 0)
        return in_durations(r, column);
    return in_unsupported(r);
}

static sb_status in_any(const in_rows *r, unsigned depth, sb_prop_column *column)
{
    const char *const format = r->schema->format;

    *column = (sb_prop_column){.key = 0};
    if (strcmp(format, "n") == 0) return in_all_null(r, column);
    if (in_has_no_nulls(format)) return in_unsupported(r);
    SB_TRY(in_present(r, column));
    if (r->schema->dictionary != NULL) return in_dictionary(r, depth, column);
    if (in_is_int_format(format)) return in_integers(r, format[0], 1, SB_TYPE_INT, column);
    if (strcmp(format, "b") == 0) return in_bools(r, column);
    if (strcmp(format, "e") == 0 || strcmp(format, "f") == 0 || strcmp(format, "g") == 0)
        return in_reals(r, format[0], column);
    if (strcmp(format, "u") == 0 || strcmp(format, "U") == 0)
        return in_texts(r, format[0] == 'U', SB_TYPE_STRING, column);
    if (strcmp(format, "z") == 0 || strcmp(format, "Z") == 0)
        return in_texts(r, format[0] == 'Z', SB_TYPE_BYTES, column);
    if (strcmp(format, "vu") == 0) return in_views(r, SB_TYPE_STRING, column);
    if (strcmp(format, "vz") == 0) return in_views(r, SB_TYPE_BYTES, column);
    if (in_starts(format, "w:")) return in_fixed_texts(r, column);
    if (format[0] == 't') return in_temporal(r, column);
    if (strcmp(format, "+l") == 0 || strcmp(format, "+L") == 0 || in_starts(format, "+w:"))
        return in_lists(r, depth, column);
    if (strcmp(format, "+s") == 0) return in_structs(r, depth, column);
    return in_unsupported(r);
}

sb_status sombra__arrow_in_column(const sombra_arrow_in *in, const struct ArrowSchema *schema,
                                  const struct ArrowArray *array, size_t start, size_t count,
                                  sb_prop_column *column)
{
    in_rows rows;

    SB_TRY(in_rows_of(in, schema, array, start, count, &rows));
    return in_any(&rows, 0, column);
}
