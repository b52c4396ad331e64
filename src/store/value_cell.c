/* value_cell.c — a value in a table cell, and back (docs/format/indexes.md, section 14).
 * What fits one word is an INT or DOUBLE cell, so that it lies in a column of numbers; strings and bytes are their own
 * BYTES cell; durations, points, lists and what does not fit a word are encoded into a BYTES cell. Each value has
 * exactly one form, and reading refuses every other: that is what makes equal cells equal values. */
#include <math.h>

#include "store/value.h"
#include "store/value_priv.h"

/* ---- Values in one word ------------------------------------------------------------------------- */

/* TIME: nanoseconds × the number of offsets + offset, shifted so that the whole range is used from INT64_MIN on:
 * 8.64e13 × 129,601 = 1.12e19 < 2^64. */
#define OFFSET_COUNT (2u * SB_OFFSET_SECONDS_MAX + 1u)
/* DATETIME: microseconds × 145 + quarter hours of offset (-72 to 72): fits for 2,015 years either side of 1970. */
#define QUARTER_SECONDS       900
#define QUARTER_COUNT         145
#define QUARTER_BIAS          72
#define DATETIME_WORD_SECONDS 63600000000LL
/* LOCAL DATETIME: nanoseconds since 1970, for 292 years either side. */
#define LOCAL_WORD_SECONDS 9223372035LL
#define SIGN_BIT           0x8000000000000000ull

static bool within(int64_t v, int64_t bound)
{
    return v >= -bound && v <= bound;
}

static bool local_datetime_fits(const sb_value *value)
{
    return within(value->as.datetime.seconds, LOCAL_WORD_SECONDS);
}

static bool datetime_fits(const sb_value *value)
{
    return value->as.datetime.zone_size == 0 && value->extra % 1000 == 0 &&
           value->as.datetime.offset % QUARTER_SECONDS == 0 &&
           within(value->as.datetime.seconds, DATETIME_WORD_SECONDS);
}

static uint64_t time_word(const sb_value *value)
{
    const uint64_t offset = (uint64_t)((int64_t)value->as.time.offset + SB_OFFSET_SECONDS_MAX);

    return ((uint64_t)value->as.time.ns * OFFSET_COUNT + offset) ^ SIGN_BIT;
}

static uint64_t local_datetime_word(const sb_value *value)
{
    return (uint64_t)(value->as.datetime.seconds * SB_NANOS_PER_SECOND + value->extra);
}

static uint64_t datetime_word(const sb_value *value)
{
    const int64_t micros = value->as.datetime.seconds * 1000000 + value->extra / 1000;
    const int64_t quarters = value->as.datetime.offset / QUARTER_SECONDS + QUARTER_BIAS;

    return (uint64_t)(micros * QUARTER_COUNT + quarters);
}

/* Quotient toward minus infinity, and what is left, never negative. divisor > 0. */
static int64_t floor_divide(int64_t v, int64_t divisor, int64_t *rest)
{
    int64_t quotient = v / divisor;

    *rest = v % divisor;
    if (*rest < 0) {
        *rest += divisor;
        quotient--;
    }
    return quotient;
}

static void read_time_word(uint64_t word, sb_value *value)
{
    const uint64_t packed = word ^ SIGN_BIT;

    value->as.time.ns = (int64_t)(packed / OFFSET_COUNT);
    value->as.time.offset = (int32_t)(packed % OFFSET_COUNT) - SB_OFFSET_SECONDS_MAX;
}

static void read_datetime_word(int64_t word, sb_value *value)
{
    int64_t quarters, micros;
    const int64_t all_micros = floor_divide(word, QUARTER_COUNT, &quarters);

    value->as.datetime.seconds = floor_divide(all_micros, 1000000, &micros);
    value->as.datetime.offset = (int32_t)(quarters - QUARTER_BIAS) * QUARTER_SECONDS;
    value->extra = (uint32_t)micros * 1000u;
}

bool sb_value_from_word(uint8_t cell_type, uint64_t word, sb_value *value)
{
    int64_t nanos;

    /* The commonest first: no table, no range to check. */
    if (SB_LIKELY(cell_type == SB_CELL_INT)) {
        value->type = SB_TYPE_INT;
        value->extra = 0;
        value->as.integer = (int64_t)word;
        return true;
    }
    *value = (sb_value){.type = cell_type & ~SB_CLASS_MASK};
    switch (cell_type) {
    case SB_CELL_FLOAT: memcpy(&value->as.real, &word, sizeof word); return true;
    case SB_CELL_BOOL: value->as.boolean = word != 0; return word <= 1;
    case SB_CELL_DATE:
    case SB_CELL_LOCAL_TIME: value->as.integer = (int64_t)word; break;
    case SB_CELL_TIME: read_time_word(word, value); break;
    case SB_CELL_LOCAL_DATETIME:
        value->as.datetime.seconds = floor_divide((int64_t)word, SB_NANOS_PER_SECOND, &nanos);
        value->extra = (uint32_t)nanos;
        return local_datetime_fits(value);
    case SB_CELL_DATETIME: read_datetime_word((int64_t)word, value); return datetime_fits(value);
    default: *value = SB_VALUE_NULL; return false;
    }
    return sb_value__check_scalar(value) == SB_OK;
}

/* ---- Encoded values: a body per type, which knows its own end -------------------------------------- */

/* A list's first byte when its items differ in type: each item then begins with its own. */
#define LIST_MIXED 0u

static size_t signed_bytes(int64_t v)
{
    return sb_varint_bytes(sb_zigzag(v));
}

static size_t body_bytes(const sb_value *value)
{
    switch (value->type) {
    case SB_TYPE_BOOL: return 1;
    case SB_TYPE_INT:
    case SB_TYPE_DATE:
    case SB_TYPE_LOCAL_TIME: return signed_bytes(value->as.integer);
    case SB_TYPE_FLOAT: return 8;
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES: return sb_varint_bytes(value->as.bytes.size) + value->as.bytes.size;
    case SB_TYPE_TIME: return signed_bytes(value->as.time.ns) + signed_bytes(value->as.time.offset);
    case SB_TYPE_LOCAL_DATETIME:
        return signed_bytes(value->as.datetime.seconds) + sb_varint_bytes(value->extra);
    case SB_TYPE_DATETIME:
        return signed_bytes(value->as.datetime.seconds) + sb_varint_bytes(value->extra) +
               signed_bytes(value->as.datetime.offset) +
               sb_varint_bytes(value->as.datetime.zone_size) + value->as.datetime.zone_size;
    case SB_TYPE_DURATION:
        return signed_bytes(value->as.duration.months) + signed_bytes(value->as.duration.days) +
               signed_bytes(value->as.duration.seconds) + signed_bytes(value->as.duration.nanos);
    case SB_TYPE_POINT: return sb_value__srid_3d(value->extra) ? 25 : 17;
    default: return 0; /* never in a checked list */
    }
}

static uint8_t *write_signed(uint8_t *out, int64_t v)
{
    return out + sb_varint_encode(out, sb_zigzag(v));
}

static uint8_t *write_real(uint8_t *out, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    sb_store_le64(out, bits);
    return out + 8;
}

static uint8_t *write_sized(uint8_t *out, const void *data, size_t size)
{
    out += sb_varint_encode(out, size);
    if (size != 0) memcpy(out, data, size);
    return out + size;
}

/* Writes exactly body_bytes. */
static uint8_t *write_body(uint8_t *out, const sb_value *value)
{
    switch (value->type) {
    case SB_TYPE_BOOL: *out = value->as.boolean; return out + 1;
    case SB_TYPE_INT:
    case SB_TYPE_DATE:
    case SB_TYPE_LOCAL_TIME: return write_signed(out, value->as.integer);
    case SB_TYPE_FLOAT: return write_real(out, value->as.real);
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES: return write_sized(out, value->as.bytes.data, value->as.bytes.size);
    case SB_TYPE_TIME:
        out = write_signed(out, value->as.time.ns);
        return write_signed(out, value->as.time.offset);
    case SB_TYPE_LOCAL_DATETIME:
        out = write_signed(out, value->as.datetime.seconds);
        return out + sb_varint_encode(out, value->extra);
    case SB_TYPE_DATETIME:
        out = write_signed(out, value->as.datetime.seconds);
        out += sb_varint_encode(out, value->extra);
        out = write_signed(out, value->as.datetime.offset);
        return write_sized(out, value->as.datetime.zone, value->as.datetime.zone_size);
    case SB_TYPE_DURATION:
        out = write_signed(out, value->as.duration.months);
        out = write_signed(out, value->as.duration.days);
        out = write_signed(out, value->as.duration.seconds);
        return write_signed(out, value->as.duration.nanos);
    case SB_TYPE_POINT:
        *out++ = (uint8_t)sb_value__srid_index(value->extra);
        out = write_real(out, value->as.point.x);
        out = write_real(out, value->as.point.y);
        return sb_value__srid_3d(value->extra) ? write_real(out, value->as.point.z) : out;
    default: return out;
    }
}

/* The one type of all items, or LIST_MIXED. An empty list is mixed. */
static uint8_t common_type(const sb_value *list)
{
    const size_t count = list->as.list.count;
    const sb_value *items = list->as.list.items;

    if (count == 0) return LIST_MIXED;
    for (size_t i = 1; i < count; i++) {
        if (items[i].type != items[0].type) return LIST_MIXED;
    }
    return (uint8_t)items[0].type;
}

/* Stops adding past what may be stored, so that the sum can not overflow. */
static size_t list_bytes(const sb_value *list)
{
    const bool mixed = common_type(list) == LIST_MIXED;
    size_t bytes = 1 + sb_varint_bytes(list->as.list.count);

    for (size_t i = 0; i < list->as.list.count && bytes <= SB_VALUE_BYTES_MAX; i++)
        bytes += (size_t)mixed + body_bytes(&list->as.list.items[i]);
    return bytes;
}

static uint8_t *write_list(uint8_t *out, const sb_value *list)
{
    const uint8_t type = common_type(list);

    *out++ = type;
    out += sb_varint_encode(out, list->as.list.count);
    for (size_t i = 0; i < list->as.list.count; i++) {
        if (type == LIST_MIXED) *out++ = (uint8_t)list->as.list.items[i].type;
        out = write_body(out, &list->as.list.items[i]);
    }
    return out;
}

/* ---- To a cell -------------------------------------------------------------------------------------- */

uint8_t sb_value_cell_type(const sb_value *value)
{
    switch (value->type) {
    case SB_TYPE_FLOAT: return SB_CELL_FLOAT;
    case SB_TYPE_LOCAL_DATETIME:
        if (local_datetime_fits(value)) return SB_CELL_LOCAL_DATETIME;
        break;
    case SB_TYPE_DATETIME:
        if (datetime_fits(value)) return SB_CELL_DATETIME;
        break;
    case SB_TYPE_BOOL:
    case SB_TYPE_INT:
    case SB_TYPE_DATE:
    case SB_TYPE_LOCAL_TIME:
    case SB_TYPE_TIME: return (uint8_t)(SB_CLASS_INT | value->type);
    default: break;
    }
    return (uint8_t)(SB_CLASS_BYTES | value->type);
}

static uint64_t word_of(const sb_value *value, uint8_t cell_type)
{
    uint64_t bits;

    switch (cell_type) {
    case SB_CELL_BOOL: return value->as.boolean;
    case SB_CELL_FLOAT: memcpy(&bits, &value->as.real, sizeof bits); return bits;
    case SB_CELL_TIME: return time_word(value);
    case SB_CELL_LOCAL_DATETIME: return local_datetime_word(value);
    case SB_CELL_DATETIME: return datetime_word(value);
    default: return (uint64_t)value->as.integer;
    }
}

size_t sb_value_cell_bytes(const sb_value *value)
{
    if (value->type == SB_TYPE_LIST) return list_bytes(value);
    if (value->type == SB_TYPE_STRING || value->type == SB_TYPE_BYTES) return 0;
    return (sb_value_cell_type(value) & SB_CLASS_MASK) == SB_CLASS_BYTES ? body_bytes(value) : 0;
}

sb_status sb_value_to_cell(const sb_value *value, uint32_t key, sb_buffer *scratch, sb_cell *cell,
                           sb_err *err)
{
    *cell = (sb_cell){.key = key};
    if (value->type > SB_TYPE_LIST)
        return SB_FAIL(err, SB_TYPE_MISMATCH, "no value has the type number %u", value->type);
    if (value->type == SB_TYPE_NULL)
        return SB_FAIL(err, SB_TYPE_MISMATCH, "%s can not be stored as a property",
                       sb_type_name(value->type));
    cell->type = sb_value_cell_type(value);
    if ((cell->type & SB_CLASS_MASK) != SB_CLASS_BYTES) {
        cell->word = word_of(value, cell->type);
        return SB_OK;
    }
    if (cell->type == SB_CELL_STRING || cell->type == SB_CELL_BYTES) {
        cell->bytes = sb_bytes_of(value->as.bytes.data, value->as.bytes.size);
    } else {
        const size_t bytes = sb_value_cell_bytes(value);
        if (scratch->capacity - scratch->size < bytes)
            return SB_FAIL(err, SB_MISUSE, "%s: %zu bytes are not reserved", __func__, bytes);
        uint8_t *out = scratch->data + scratch->size;
        uint8_t *end =
            value->type == SB_TYPE_LIST ? write_list(out, value) : write_body(out, value);
        SB_ASSERT((size_t)(end - out) == bytes);
        scratch->size += (size_t)(end - out);
        cell->bytes = sb_bytes_of(out, bytes);
    }
    cell->word = cell->bytes.size;
    return SB_OK;
}

/* ---- From a cell ---------------------------------------------------------------------------------------- */

static bool read_signed(const uint8_t **pos, const uint8_t *end, int64_t *v)
{
    uint64_t word;

    if (!sb_varint_decode(pos, end, &word)) return false;
    *v = sb_unzigzag(word);
    return true;
}

static bool read_signed32(const uint8_t **pos, const uint8_t *end, int32_t *v)
{
    int64_t wide;

    if (!read_signed(pos, end, &wide) || wide < INT32_MIN || wide > INT32_MAX) return false;
    *v = (int32_t)wide;
    return true;
}

static bool read_nanos(const uint8_t **pos, const uint8_t *end, uint32_t *v)
{
    uint64_t wide;

    if (!sb_varint_decode(pos, end, &wide) || wide >= (uint64_t)SB_NANOS_PER_SECOND) return false;
    *v = (uint32_t)wide;
    return true;
}

static bool read_real(const uint8_t **pos, const uint8_t *end, double *v)
{
    if ((size_t)(end - *pos) < 8) return false;
    const uint64_t bits = sb_load_le64(*pos);
    memcpy(v, &bits, sizeof bits);
    *pos += 8;
    return true;
}

/* A text or bytes with their length in front; borrowed. */
static bool read_sized(const uint8_t **pos, const uint8_t *end, sb_bytes *bytes)
{
    uint64_t size;

    if (!sb_varint_decode(pos, end, &size) || size > (uint64_t)(end - *pos)) return false;
    *bytes = sb_bytes_of(*pos, (size_t)size);
    *pos += size;
    return true;
}

static bool read_datetime(const uint8_t **pos, const uint8_t *end, sb_value *value)
{
    sb_bytes zone;

    if (!read_signed(pos, end, &value->as.datetime.seconds) ||
        !read_nanos(pos, end, &value->extra) ||
        !read_signed32(pos, end, &value->as.datetime.offset) || !read_sized(pos, end, &zone) ||
        zone.size > SB_ZONE_BYTES_MAX || !sb_utf8_valid(zone))
        return false;
    value->as.datetime.zone = zone.size != 0 ? (const char *)zone.data : NULL;
    value->as.datetime.zone_size = (uint32_t)zone.size;
    return true;
}

static bool read_point(const uint8_t **pos, const uint8_t *end, sb_value *value)
{
    if (*pos == end || **pos > 3) return false;
    value->extra = sb_value__srids[*(*pos)++];
    return read_real(pos, end, &value->as.point.x) && read_real(pos, end, &value->as.point.y) &&
           (!sb_value__srid_3d(value->extra) || read_real(pos, end, &value->as.point.z));
}

static bool read_text(const uint8_t **pos, const uint8_t *end, sb_value *value)
{
    sb_bytes bytes;

    if (!read_sized(pos, end, &bytes)) return false;
    value->as.bytes.data = bytes.data;
    value->as.bytes.size = bytes.size;
    return value->type == SB_TYPE_BYTES || sb_utf8_valid(bytes);
}

/* The counterpart of write_body for value->type; all else in value is 0. False: no value has these bytes. Strings
 * are borrowed from the bytes. */
static bool read_body(const uint8_t **pos, const uint8_t *end, sb_value *value)
{
    bool read = false;

    switch (value->type) {
    case SB_TYPE_BOOL:
        if (*pos == end || **pos > 1) return false;
        value->as.boolean = *(*pos)++ != 0;
        return true;
    case SB_TYPE_INT: return read_signed(pos, end, &value->as.integer);
    case SB_TYPE_FLOAT: return read_real(pos, end, &value->as.real);
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES: return read_text(pos, end, value);
    case SB_TYPE_DATE:
    case SB_TYPE_LOCAL_TIME: read = read_signed(pos, end, &value->as.integer); break;
    case SB_TYPE_TIME:
        read = read_signed(pos, end, &value->as.time.ns) &&
               read_signed32(pos, end, &value->as.time.offset);
        break;
    case SB_TYPE_LOCAL_DATETIME:
        read = read_signed(pos, end, &value->as.datetime.seconds) &&
               read_nanos(pos, end, &value->extra);
        break;
    case SB_TYPE_DATETIME: read = read_datetime(pos, end, value); break;
    case SB_TYPE_DURATION:
        read = read_signed(pos, end, &value->as.duration.months) &&
               read_signed(pos, end, &value->as.duration.days) &&
               read_signed(pos, end, &value->as.duration.seconds) &&
               read_signed32(pos, end, &value->as.duration.nanos);
        break;
    case SB_TYPE_POINT: read = read_point(pos, end, value); break;
    default: break;
    }
    return read && sb_value__check_scalar(value) == SB_OK;
}

static sb_status fail_cell(const sb_cell *cell, sb_err *err)
{
    return SB_FAIL(err, SB_CORRUPT, "property key %u: not a valid %s (cell type 0x%02x)", cell->key,
                   sb_type_name(cell->type & ~SB_CLASS_MASK), cell->type);
}

/* Items in arena; their strings are borrowed from bytes. Each item has at least one byte, which bounds the count
 * before anything is allocated for it. */
static sb_status read_list(const sb_cell *cell, sb_bytes bytes, sb_arena *arena, sb_value *value,
                           sb_err *err)
{
    uint64_t count;

    if (bytes.size == 0) return fail_cell(cell, err);
    const uint8_t *pos = bytes.data, *end = pos + bytes.size;
    const uint8_t common = *pos++;
    if (!sb_varint_decode(&pos, end, &count) || count > (uint64_t)(end - pos) ||
        (count == 0 && common != LIST_MIXED))
        return fail_cell(cell, err);
    sb_value *items = sb_arena_alloc_array(arena, (size_t)count, sizeof *items);
    if (items == NULL) return SB_FAIL_NOMEM(err);
    for (size_t i = 0; i < count; i++) {
        items[i] = (sb_value){.type = common};
        if (common == LIST_MIXED) {
            if (pos == end) return fail_cell(cell, err);
            items[i].type = *pos++;
        }
        if (!read_body(&pos, end, &items[i])) return fail_cell(cell, err);
    }
    value->as.list.items = items;
    value->as.list.count = (size_t)count;
    if (pos != end || common_type(value) != common) return fail_cell(cell, err);
    return SB_OK;
}

/* A buffer's memory from an arena, for bytes that an overflow chain is read into. */
static void *alloc_in_arena(void *ctx, size_t bytes)
{
    return sb_arena_alloc(ctx, bytes);
}

static void *resize_in_arena(void *ctx, void *block, size_t old_bytes, size_t new_bytes)
{
    void *grown = sb_arena_alloc(ctx, new_bytes);

    if (grown != NULL && old_bytes != 0)
        memcpy(grown, block, old_bytes < new_bytes ? old_bytes : new_bytes);
    return grown;
}

static void free_in_arena(void *ctx, void *block, size_t bytes)
{
    (void)ctx;
    (void)block;
    (void)bytes;
}

/* Room is made in advance, so that the arena holds the bytes once. */
static sb_status read_overflow(sb_txn *txn, const sb_cell *cell, sb_arena *arena, sb_bytes *bytes,
                               sb_err *err)
{
    const sb_allocator in_arena = {
        .ctx = arena, .alloc = alloc_in_arena, .resize = resize_in_arena, .free = free_in_arena};
    sb_buffer buffer;

    if (cell->word > SB_VALUE_BYTES_MAX) return fail_cell(cell, err);
    SB_TRY(sb_overflow_fits(txn, cell->word, err));
    sb_buffer_init(&buffer, &in_arena);
    buffer.data = sb_arena_alloc(arena, (size_t)cell->word);
    if (buffer.data == NULL) return SB_FAIL_NOMEM(err);
    buffer.capacity = (size_t)cell->word;
    SB_TRY(sb_cell_read(txn, cell, &buffer, err));
    *bytes = sb_buffer_bytes(&buffer);
    return SB_OK;
}

/* A type that has both forms must be in the BYTES form only when it does not fit a word. */
static bool read_encoded(sb_bytes bytes, sb_value *value)
{
    if (bytes.size == 0) return false;
    const uint8_t *pos = bytes.data, *end = pos + bytes.size;
    switch (value->type) {
    case SB_TYPE_LOCAL_DATETIME:
    case SB_TYPE_DATETIME:
    case SB_TYPE_DURATION:
    case SB_TYPE_POINT:
        return read_body(&pos, end, value) && pos == end &&
               (sb_value_cell_type(value) & SB_CLASS_MASK) == SB_CLASS_BYTES;
    default: return false;
    }
}

sb_status sb_value_from_cell(sb_txn *txn, const sb_cell *cell, sb_arena *arena, sb_value *value,
                             sb_err *err)
{
    sb_bytes bytes = cell->bytes;

    if ((cell->type & SB_CLASS_MASK) != SB_CLASS_BYTES)
        return SB_LIKELY(sb_value_from_word(cell->type, cell->word, value)) ? SB_OK
                                                                            : fail_cell(cell, err);
    *value = (sb_value){.type = cell->type & ~SB_CLASS_MASK};
    if (cell->overflow) SB_TRY(read_overflow(txn, cell, arena, &bytes, err));
    switch (cell->type) {
    case SB_CELL_STRING:
    case SB_CELL_BYTES:
        value->as.bytes.data = bytes.data;
        value->as.bytes.size = bytes.size;
        if (cell->type == SB_CELL_BYTES || SB_LIKELY(sb_utf8_valid(bytes))) return SB_OK;
        return fail_cell(cell, err);
    case SB_CLASS_BYTES | SB_TYPE_LIST: return read_list(cell, bytes, arena, value, err);
    default: return read_encoded(bytes, value) ? SB_OK : fail_cell(cell, err);
    }
}
