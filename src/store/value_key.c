/* value_key.c — the order-preserving index key of a value, and back (docs/format/indexes.md, section 15).
 *
 * K1  memcmp order of whole keys is sb_value_compare order; values that compare equal have the same key.
 * K2  No whole key is a prefix of another: fixed-width parts have a length that their first byte tells, texts end
 *     with 0, lists with 0. So keys can be put one behind the other, and what follows never decides.
 * K3  A cut key is the first limit - 16 bytes of the whole one and a hash. Whole keys fit into those first bytes,
 *     so with the limit known a reader can tell: a cut key has not ended there.
 *
 * Numbers. A number is its magnitude m.f (m < 2^63) and its sign. The word e = 2m + (f != 0) is written in as few bytes
 * as it needs, big-endian, behind a byte that tells how many (0x90 + n); the low bit of e says whether the eight bytes
 * of f as a double follow. So 1 and 1.0 are the same two bytes, 1.5 lies between 1 and 2, and small integers
 * are short, which a key of doubles would not be. From 2^63 on every number is a double, and is written as its bits. Negative
 * numbers have the bytes of their magnitude inverted, behind 0x90 - n. */
#include <math.h>

#define XXH_INLINE_ALL /* inlined, the memory sanitizer sees into it */
#include <xxhash.h>

#include "store/value.h"
#include "store/value_priv.h"

/* Longest key of anything but strings, bytes, lists and zone names: a duration. */
#define FIXED_KEY_MAX (1u + 11u + 5u + 9u + 9u)
_Static_assert(FIXED_KEY_MAX <= SB_KEY_FIRST_BYTES(SB_KEY_LIMIT_MIN),
               "scalars of fixed size are never cut");

#define NUMBER_ZERO           0x90u /* + n: positive with n bytes; - n: negative */
#define NUMBER_BIG            0x99u /* 2^63 and more */
#define NUMBER_MINUS          0x87u /* -2^63 and less */
#define INTEGER_ZERO          0x80u /* the same for parts that are plain integers */
#define TEXT_END              0x00u /* below every byte of a text, since 0 and 1 are escaped */
#define TEXT_ESCAPE           0x01u /* then byte + 1 */
#define LIST_END              0x00u /* below every rank */
#define SIGN_BIT              0x8000000000000000ull
#define DURATION_LENGTH_BYTES 11u

/* ---- Writing ---------------------------------------------------------------------------------------- */

/* Room for the first bytes of a key. What does not fit is dropped, and full is set. */
typedef struct key_out {
    uint8_t *pos, *end;
    bool full;
} key_out;

static void put_byte(key_out *out, uint8_t byte)
{
    if (SB_LIKELY(out->pos != out->end)) {
        *out->pos++ = byte;
    } else {
        out->full = true;
    }
}

/* The low count bytes of v, highest first; count <= 8. */
static void put_big_endian(key_out *out, uint64_t v, unsigned count)
{
    if (SB_LIKELY((size_t)(out->end - out->pos) >= 8)) {
        if (count == 0) return;
        sb_store_be64(out->pos, v << (64 - 8 * count));
        out->pos += count;
        return;
    }
    for (unsigned i = count; i > 0; i--)
        put_byte(out, (uint8_t)(v >> (8 * (i - 1))));
}

static unsigned byte_count(uint64_t v)
{
    return v == 0 ? 0 : (71u - sb_clz64(v)) / 8u;
}

static uint64_t real_bits(double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static double bits_real(uint64_t bits)
{
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

/* The word e of a number, behind its length: how many of the NUMBER_BYTES at `to` are taken. */
#define NUMBER_BYTES 9u
static unsigned number_at(uint8_t *to, bool negative, uint64_t e)
{
    const unsigned n = byte_count(e);

    *to = (uint8_t)(negative ? NUMBER_ZERO - n : NUMBER_ZERO + n);
    if (n != 0) sb_store_be64(to + 1, (negative ? ~e : e) << (64 - 8 * n));
    return 1 + n;
}

/* magnitude < 2^63; fraction in [0, 1). */
static void put_number(key_out *out, bool negative, uint64_t magnitude, double fraction)
{
    const uint64_t e = magnitude << 1 | (uint64_t)(fraction != 0);

    if (SB_LIKELY((size_t)(out->end - out->pos) >= NUMBER_BYTES)) {
        out->pos += number_at(out->pos, negative, e);
    } else {
        uint8_t bytes[NUMBER_BYTES];
        const unsigned n = number_at(bytes, negative, e);
        for (unsigned i = 0; i < n; i++)
            put_byte(out, bytes[i]);
    }
    if (fraction != 0)
        put_big_endian(out, negative ? ~real_bits(fraction) : real_bits(fraction), 8);
}

/* |v| >= 2^63. */
static void put_big_number(key_out *out, double v)
{
    const bool negative = v < 0;

    put_byte(out, negative ? NUMBER_MINUS : NUMBER_BIG);
    put_big_endian(out, negative ? ~real_bits(-v) : real_bits(v), 8);
}

static void put_int(key_out *out, int64_t v)
{
    const uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    if (SB_UNLIKELY(v == INT64_MIN)) {
        put_big_number(out, -0x1p63);
    } else {
        put_number(out, v < 0, magnitude, 0);
    }
}

static void put_real(key_out *out, double v)
{
    const double magnitude = fabs(v);

    if (isnan(v)) {
        put_byte(out, SB_RANK_NAN);
    } else if (magnitude >= 0x1p63) {
        put_big_number(out, v);
    } else {
        const uint64_t whole = (uint64_t)magnitude;
        put_number(out, v < 0, whole, magnitude - (double)whole); /* exact: both share their bits */
    }
}

/* An integer inside a key of another type: its length in bytes, then as many. */
static void put_part(key_out *out, int64_t v)
{
    const uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    const unsigned n = byte_count(magnitude);

    put_byte(out, (uint8_t)(v < 0 ? INTEGER_ZERO - n : INTEGER_ZERO + n));
    put_big_endian(out, v < 0 ? ~magnitude : magnitude, n);
}

/* Finite; -0.0 is 0.0. Order of the bits is the order of values once negative ones are inverted and the sign turned. */
static void put_ordered_real(key_out *out, double v)
{
    const uint64_t bits = real_bits(v + 0.0); /* -0.0 + 0.0 is 0.0 */

    put_big_endian(out, (bits & SIGN_BIT) != 0 ? ~bits : bits | SIGN_BIT, 8);
}

static void put_text(key_out *out, const void *data, size_t size)
{
    const uint8_t *p = data;
    size_t done = 0;

    while (done < size && !out->full) {
        const size_t left = size - done, room = (size_t)(out->end - out->pos);
        const size_t most = left < room ? left : room;
        size_t run = 0;
        while (run < most && p[done + run] > TEXT_ESCAPE)
            run++;
        if (run != 0) memcpy(out->pos, p + done, run);
        out->pos += run;
        done += run;
        if (done == size) break;
        if (p[done] > TEXT_ESCAPE) { /* no room is left */
            out->full = true;
            return;
        }
        put_byte(out, TEXT_ESCAPE);
        put_byte(out, (uint8_t)(p[done++] + 1));
    }
    put_byte(out, TEXT_END);
}

static void put_duration(key_out *out, const sb_value *value)
{
    const sb_u128 length = sb_value__average_seconds(value);

    put_byte(out, SB_RANK_DURATION);
    put_big_endian(out, (uint64_t)(length >> 64), DURATION_LENGTH_BYTES - 8);
    put_big_endian(out, (uint64_t)length, 8);
    put_part(out, value->as.duration.nanos);
    put_part(out, value->as.duration.months);
    put_part(out, value->as.duration.days);
}

static void put_point(key_out *out, const sb_value *value)
{
    put_byte(out, SB_RANK_POINT);
    put_byte(out, (uint8_t)sb_value__srid_index(value->extra));
    put_ordered_real(out, value->as.point.x);
    put_ordered_real(out, value->as.point.y);
    if (sb_value__srid_3d(value->extra)) put_ordered_real(out, value->as.point.z);
}

static void put_scalar(key_out *out, const sb_value *value)
{
    switch (value->type) {
    case SB_TYPE_INT: put_int(out, value->as.integer); return;
    case SB_TYPE_FLOAT: put_real(out, value->as.real); return;
    case SB_TYPE_DURATION: put_duration(out, value); return;
    case SB_TYPE_POINT: put_point(out, value); return;
    default: break;
    }
    const uint8_t rank = sb_value__rank(value);
    put_byte(out, (uint8_t)(rank + (value->type == SB_TYPE_BOOL && value->as.boolean)));
    switch (value->type) {
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES: put_text(out, value->as.bytes.data, value->as.bytes.size); break;
    case SB_TYPE_DATE:
    case SB_TYPE_LOCAL_TIME: put_part(out, value->as.integer); break;
    case SB_TYPE_TIME:
        put_part(out, value->as.time.ns - value->as.time.offset * SB_NANOS_PER_SECOND);
        put_part(out, value->as.time.offset);
        break;
    case SB_TYPE_LOCAL_DATETIME:
    case SB_TYPE_DATETIME:
        put_part(out, value->as.datetime.seconds);
        put_part(out, value->extra);
        if (value->type == SB_TYPE_LOCAL_DATETIME) break;
        put_part(out, value->as.datetime.offset);
        put_text(out, value->as.datetime.zone, value->as.datetime.zone_size);
        break;
    default: /* booleans and nulls are their first byte */ break;
    }
}

static void put_value(key_out *out, const sb_value *value)
{
    if (value->type != SB_TYPE_LIST) {
        put_scalar(out, value);
        return;
    }
    put_byte(out, SB_RANK_LIST);
    for (size_t i = 0; i < value->as.list.count && !out->full; i++)
        put_scalar(out, &value->as.list.items[i]);
    put_byte(out, LIST_END);
}

/* ---- Hashes of cut keys -------------------------------------------------------------------------------- */

/* Equal values have equal hashes: texts are hashed as they are, which no other type equals, the rest by its key. */
static XXH128_hash_t hash_scalar(const sb_value *value)
{
    uint8_t bytes[FIXED_KEY_MAX + 2 * SB_ZONE_BYTES_MAX];
    key_out out = {.pos = bytes, .end = bytes + sizeof bytes};

    if (value->type == SB_TYPE_STRING || value->type == SB_TYPE_BYTES)
        return XXH3_128bits_withSeed(value->as.bytes.data, value->as.bytes.size,
                                     sb_value__rank(value));
    put_scalar(&out, value);
    return XXH3_128bits(bytes, (size_t)(out.pos - bytes));
}

/* A list's hash is a chain over its items' hashes: a list of any length needs no memory. */
static void hash_value(const sb_value *value, uint8_t hash[SB_KEY_HASH_BYTES])
{
    XXH128_canonical_t chain[2] = {{{0}}, {{0}}};

    if (value->type != SB_TYPE_LIST) {
        XXH128_canonicalFromHash(&chain[0], hash_scalar(value));
    } else {
        for (size_t i = 0; i < value->as.list.count; i++) {
            XXH128_canonicalFromHash(&chain[1], hash_scalar(&value->as.list.items[i]));
            XXH128_canonicalFromHash(&chain[0], XXH3_128bits(chain, sizeof chain));
        }
    }
    memcpy(hash, chain[0].digest, SB_KEY_HASH_BYTES);
}

/* ---- Appending ------------------------------------------------------------------------------------------ */

static size_t text_key_bytes(const uint8_t *data, size_t size)
{
    size_t bytes = size + 2;

    for (size_t i = 0; i < size; i++)
        bytes += data[i] <= TEXT_ESCAPE;
    return bytes;
}

/* At least the bytes of the key; exact for texts. */
static size_t scalar_key_bytes(const sb_value *value)
{
    if (value->type == SB_TYPE_STRING || value->type == SB_TYPE_BYTES)
        return text_key_bytes(value->as.bytes.data, value->as.bytes.size);
    if (value->type == SB_TYPE_DATETIME)
        return FIXED_KEY_MAX + 2 * (size_t)value->as.datetime.zone_size;
    return FIXED_KEY_MAX;
}

/* As scalar_key_bytes, but may stop counting past most. */
static size_t key_bytes(const sb_value *value, size_t most)
{
    size_t bytes = 2;

    if (value->type != SB_TYPE_LIST) {
        /* A text that is too long by itself need not be read through. */
        const bool text = value->type == SB_TYPE_STRING || value->type == SB_TYPE_BYTES;
        return text && value->as.bytes.size >= most ? value->as.bytes.size
                                                    : scalar_key_bytes(value);
    }
    for (size_t i = 0; i < value->as.list.count && bytes < most; i++)
        bytes += scalar_key_bytes(&value->as.list.items[i]);
    return bytes;
}

/* What most keys are, without a watch on where the room ends. */
static sb_status append_int(int64_t v, sb_buffer *key, sb_err *err)
{
    const uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    if (SB_UNLIKELY(sb_buffer_reserve(key, NUMBER_BYTES) != SB_OK)) return SB_FAIL_NOMEM(err);
    key->size += number_at(key->data + key->size, v < 0, magnitude << 1);
    return SB_OK;
}

sb_status sb_value_append_key(const sb_value *value, size_t limit, sb_buffer *key, bool *cut,
                              sb_err *err)
{
    *cut = false;
    if (SB_UNLIKELY(limit != 0 && limit < SB_KEY_LIMIT_MIN))
        return SB_FAIL(err, SB_MISUSE, "an index key of %zu bytes is too short", limit);
    if (value->type == SB_TYPE_INT && value->as.integer != INT64_MIN)
        return append_int(value->as.integer, key, err);
    const size_t window = limit == 0 ? SIZE_MAX : SB_KEY_FIRST_BYTES(limit);
    const size_t wanted = key_bytes(value, window);
    const size_t bytes = wanted < window ? wanted : window;
    if (SB_UNLIKELY(sb_buffer_reserve(key, bytes + SB_KEY_HASH_BYTES) != SB_OK))
        return SB_FAIL_NOMEM(err);

    uint8_t *start = key->data + key->size;
    key_out out = {.pos = start, .end = start + bytes};
    put_value(&out, value);
    if (SB_UNLIKELY(out.full)) {
        SB_ASSERT(limit != 0 && out.pos == out.end);
        hash_value(value, out.pos);
        out.pos += SB_KEY_HASH_BYTES;
        *cut = true;
    }
    key->size += (size_t)(out.pos - start);
    return SB_OK;
}

bool sb_value__key_word(const sb_value *value, sb_tree_word *key)
{
    if (value->type != SB_TYPE_INT) return false;
    const bool negative = value->as.integer < 0;
    const uint64_t whole = (uint64_t)value->as.integer;
    const uint64_t e = (negative ? 0 - whole : whole) << 1;
    if (SB_UNLIKELY(e == 0 || e >> 56 != 0)) return false; /* of the least integer e is 0, too */
    const unsigned n = byte_count(e);
    key->size = 1 + n;
    key->word = (uint64_t)(negative ? NUMBER_ZERO - n : NUMBER_ZERO + n) << 56 |
                (negative ? ~e : e) << (64 - 8 * n) >> 8;
    return true;
}

/* ---- Reading back ------------------------------------------------------------------------------------------ */

typedef enum key_read {
    KEY_OK,
    KEY_SHORT, /* the bytes end inside the value */
    KEY_BAD    /* no value has these bytes */
} key_read;

typedef struct key_in {
    const uint8_t *pos, *end;
} key_in;

static key_read get_byte(key_in *in, uint8_t *byte)
{
    if (in->pos == in->end) return KEY_SHORT;
    *byte = *in->pos++;
    return KEY_OK;
}

/* Counterpart of put_big_endian. */
static key_read get_big_endian(key_in *in, unsigned count, uint64_t *v)
{
    *v = 0;
    if ((size_t)(in->end - in->pos) < count) return KEY_SHORT;
    for (unsigned i = 0; i < count; i++)
        *v = *v << 8 | *in->pos++;
    return KEY_OK;
}

static uint64_t low_bytes(unsigned count)
{
    return count == 8 ? UINT64_MAX : (1ull << (8 * count)) - 1;
}

/* count bytes, inverted when negative, that must all be needed. */
static key_read get_counted(key_in *in, unsigned count, bool negative, uint64_t *v)
{
    const key_read read = get_big_endian(in, count, v);

    if (read != KEY_OK) return read;
    if (negative) *v ^= low_bytes(count);
    return byte_count(*v) == count ? KEY_OK : KEY_BAD;
}

static key_read get_big_number(key_in *in, bool negative, sb_value *value)
{
    uint64_t bits;
    const key_read read = get_big_endian(in, 8, &bits);

    if (read != KEY_OK) return read;
    const double magnitude = bits_real(negative ? ~bits : bits);
    if (!(magnitude >= 0x1p63)) return KEY_BAD;
    if (negative && magnitude == 0x1p63) {
        *value = (sb_value){.type = SB_TYPE_INT, .as.integer = INT64_MIN};
    } else {
        *value = (sb_value){.type = SB_TYPE_FLOAT, .as.real = negative ? -magnitude : magnitude};
    }
    return KEY_OK;
}

static key_read get_number(key_in *in, uint8_t tag, sb_value *value)
{
    const bool negative = tag < NUMBER_ZERO;
    const unsigned n = negative ? NUMBER_ZERO - tag : tag - NUMBER_ZERO;
    uint64_t e, bits;

    key_read read = get_counted(in, n, negative, &e);
    if (read != KEY_OK) return read;
    const uint64_t magnitude = e >> 1;
    if ((e & 1) == 0) {
        const int64_t v = negative ? -(int64_t)magnitude : (int64_t)magnitude;
        *value = (sb_value){.type = SB_TYPE_INT, .as.integer = v};
        return KEY_OK;
    }
    read = get_big_endian(in, 8, &bits);
    if (read != KEY_OK) return read;
    const double fraction = bits_real(negative ? ~bits : bits);
    if (!(fraction > 0 && fraction < 1)) return KEY_BAD;
    /* Only a sum that keeps every bit of both comes from a double. */
    const double sum = (double)magnitude + fraction;
    if (magnitude >= 1ull << 53 || sum - (double)magnitude != fraction) return KEY_BAD;
    *value = (sb_value){.type = SB_TYPE_FLOAT, .as.real = negative ? -sum : sum};
    return KEY_OK;
}

static key_read get_part(key_in *in, int64_t *v)
{
    uint8_t tag = 0;
    uint64_t magnitude;

    key_read read = get_byte(in, &tag);
    if (read != KEY_OK) return read;
    const bool negative = tag < INTEGER_ZERO;
    const unsigned n = negative ? INTEGER_ZERO - (unsigned)tag : (unsigned)tag - INTEGER_ZERO;
    if (n > 8) return KEY_BAD;
    read = get_counted(in, n, negative, &magnitude);
    if (read != KEY_OK) return read;
    if (magnitude > (negative ? SIGN_BIT : SIGN_BIT - 1)) return KEY_BAD;
    *v = (int64_t)(negative ? 0 - magnitude : magnitude);
    return KEY_OK;
}

static key_read get_part_within(key_in *in, int64_t low, int64_t high, int64_t *v)
{
    const key_read read = get_part(in, v);

    if (read != KEY_OK) return read;
    return *v >= low && *v <= high ? KEY_OK : KEY_BAD;
}

static key_read get_ordered_real(key_in *in, double *v)
{
    uint64_t bits;
    const key_read read = get_big_endian(in, 8, &bits);

    if (read != KEY_OK) return read;
    *v = bits_real((bits & SIGN_BIT) != 0 ? bits & ~SIGN_BIT : ~bits);
    if (*v == 0 && bits != SIGN_BIT) return KEY_BAD; /* -0.0 */
    return KEY_OK;
}

/* The text into arena. *failed: no memory. */
static key_read get_text(key_in *in, sb_arena *arena, sb_bytes *text, bool *failed)
{
    const uint8_t *p = in->pos;
    size_t escapes = 0;

    for (;; p++) {
        if (p == in->end) return KEY_SHORT;
        if (*p == TEXT_END) break;
        if (*p != TEXT_ESCAPE) continue;
        if (++p == in->end) return KEY_SHORT;
        if (*p != 1 && *p != 2) return KEY_BAD;
        escapes++;
    }
    const size_t size = (size_t)(p - in->pos) - escapes;
    uint8_t *copy = sb_arena_alloc(arena, size);
    if (copy == NULL) {
        *failed = true;
        return KEY_BAD;
    }
    *text = sb_bytes_of(copy, size);
    while (in->pos != p) {
        if (*in->pos == TEXT_ESCAPE) {
            *copy++ = (uint8_t)(in->pos[1] - 1);
            in->pos += 2;
        } else {
            *copy++ = *in->pos++;
        }
    }
    in->pos++;
    return KEY_OK;
}

static key_read get_time(key_in *in, sb_value *value)
{
    int64_t utc = 0, offset = 0;
    key_read read = get_part_within(in, -2 * SB_NANOS_PER_DAY, 2 * SB_NANOS_PER_DAY, &utc);

    if (read == KEY_OK)
        read = get_part_within(in, -SB_OFFSET_SECONDS_MAX, SB_OFFSET_SECONDS_MAX, &offset);
    value->as.time.ns = utc + offset * SB_NANOS_PER_SECOND;
    value->as.time.offset = (int32_t)offset;
    return read;
}

static key_read get_datetime(key_in *in, sb_arena *arena, sb_value *value, bool *failed)
{
    int64_t nanos = 0, offset = 0;
    sb_bytes zone = {0};
    key_read read = get_part(in, &value->as.datetime.seconds);

    if (read == KEY_OK) read = get_part_within(in, 0, SB_NANOS_PER_SECOND - 1, &nanos);
    value->extra = (uint32_t)nanos;
    if (read != KEY_OK || value->type == SB_TYPE_LOCAL_DATETIME) return read;
    read = get_part_within(in, -SB_OFFSET_SECONDS_MAX, SB_OFFSET_SECONDS_MAX, &offset);
    if (read == KEY_OK) read = get_text(in, arena, &zone, failed);
    if (read != KEY_OK) return read;
    if (zone.size > SB_ZONE_BYTES_MAX || !sb_utf8_valid(zone)) return KEY_BAD;
    value->as.datetime.offset = (int32_t)offset;
    value->as.datetime.zone = zone.size != 0 ? (const char *)zone.data : NULL;
    value->as.datetime.zone_size = (uint32_t)zone.size;
    return KEY_OK;
}

/* Seconds are what is left of the length when months and days are taken off. */
static key_read get_duration(key_in *in, sb_value *value)
{
    uint64_t high = 0, low = 0;
    int64_t nanos = 0;
    key_read read = get_big_endian(in, DURATION_LENGTH_BYTES - 8, &high);

    if (read == KEY_OK) read = get_big_endian(in, 8, &low);
    if (read == KEY_OK) read = get_part_within(in, 0, SB_NANOS_PER_SECOND - 1, &nanos);
    if (read == KEY_OK) read = get_part(in, &value->as.duration.months);
    if (read == KEY_OK) read = get_part(in, &value->as.duration.days);
    if (read != KEY_OK) return read;
    value->as.duration.nanos = (int32_t)nanos;
    const sb_u128 length = (sb_u128)high << 64 | low;
    value->as.duration.seconds = 0;
    value->as.duration.seconds = (int64_t)(uint64_t)(length - sb_value__average_seconds(value));
    return sb_value__average_seconds(value) == length ? KEY_OK : KEY_BAD;
}

static key_read get_point(key_in *in, sb_value *value)
{
    uint8_t srid = 0;
    key_read read = get_byte(in, &srid);

    if (read != KEY_OK) return read;
    if (srid > 3) return KEY_BAD;
    value->extra = sb_value__srids[srid];
    read = get_ordered_real(in, &value->as.point.x);
    if (read == KEY_OK) read = get_ordered_real(in, &value->as.point.y);
    if (read == KEY_OK && sb_value__srid_3d(value->extra))
        read = get_ordered_real(in, &value->as.point.z);
    return read;
}

static key_read get_string(key_in *in, sb_arena *arena, sb_value *value, bool *failed)
{
    sb_bytes text = {0};
    const key_read read = get_text(in, arena, &text, failed);

    value->as.bytes.data = text.data;
    value->as.bytes.size = text.size;
    if (read != KEY_OK || value->type == SB_TYPE_BYTES) return read;
    return sb_utf8_valid(text) ? KEY_OK : KEY_BAD;
}

/* Type by the first byte of a key; NULL for numbers, NaN and what is none. */
static uint32_t type_of_rank(uint8_t rank)
{
    switch (rank) {
    case SB_RANK_POINT: return SB_TYPE_POINT;
    case SB_RANK_DATETIME: return SB_TYPE_DATETIME;
    case SB_RANK_LOCAL_DATETIME: return SB_TYPE_LOCAL_DATETIME;
    case SB_RANK_DATE: return SB_TYPE_DATE;
    case SB_RANK_TIME: return SB_TYPE_TIME;
    case SB_RANK_LOCAL_TIME: return SB_TYPE_LOCAL_TIME;
    case SB_RANK_DURATION: return SB_TYPE_DURATION;
    case SB_RANK_STRING: return SB_TYPE_STRING;
    case SB_RANK_BYTES: return SB_TYPE_BYTES;
    default: return SB_TYPE_NULL;
    }
}

/* tag is the byte that was just read. */
static key_read get_scalar(key_in *in, uint8_t tag, sb_arena *arena, sb_value *value, bool *failed)
{
    key_read read;

    *value = (sb_value){.type = type_of_rank(tag)};
    switch (value->type) {
    case SB_TYPE_POINT: read = get_point(in, value); break;
    case SB_TYPE_DATETIME:
    case SB_TYPE_LOCAL_DATETIME: read = get_datetime(in, arena, value, failed); break;
    case SB_TYPE_DATE:
    case SB_TYPE_LOCAL_TIME: read = get_part(in, &value->as.integer); break;
    case SB_TYPE_TIME: read = get_time(in, value); break;
    case SB_TYPE_DURATION: read = get_duration(in, value); break;
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES: return get_string(in, arena, value, failed);
    default:
        if (tag == NUMBER_MINUS || tag == NUMBER_BIG)
            return get_big_number(in, tag == NUMBER_MINUS, value);
        if (tag > NUMBER_MINUS && tag < NUMBER_BIG) return get_number(in, tag, value);
        if (tag == SB_RANK_NAN) {
            *value = (sb_value){.type = SB_TYPE_FLOAT, .as.real = (double)NAN};
            return KEY_OK;
        }
        if (tag == SB_RANK_BOOL || tag == SB_RANK_BOOL + 1) {
            *value = (sb_value){.type = SB_TYPE_BOOL, .as.boolean = tag != SB_RANK_BOOL};
            return KEY_OK;
        }
        return tag == SB_RANK_NULL ? KEY_OK : KEY_BAD;
    }
    if (read == KEY_OK && sb_value__check_scalar(value) != SB_OK) return KEY_BAD;
    return read;
}

/* Two passes: the first counts, since an arena can not grow an array in place. */
static key_read get_list(key_in *in, sb_arena *arena, sb_value *value, bool *failed)
{
    const sb_arena_mark mark = sb_arena_get_mark(arena);
    const uint8_t *start = in->pos;
    sb_value *items = NULL, item;
    size_t count = 0;

    for (;;) {
        uint8_t tag = 0;
        key_read read = get_byte(in, &tag);
        if (read != KEY_OK) return read;
        if (tag == LIST_END) {
            if (items != NULL) break;
            sb_arena_rewind(arena, mark);
            items = sb_arena_alloc_array(arena, count, sizeof *items);
            if (items == NULL) {
                *failed = true;
                return KEY_BAD;
            }
            in->pos = start;
            count = 0;
            continue;
        }
        read = get_scalar(in, tag, arena, items != NULL ? &items[count] : &item, failed);
        if (read != KEY_OK) return read;
        count++;
    }
    *value = (sb_value){.type = SB_TYPE_LIST};
    value->as.list.items = items;
    value->as.list.count = count;
    return KEY_OK;
}

sb_status sb_value_from_key(const uint8_t **pos, const uint8_t *end, size_t limit, sb_arena *arena,
                            sb_value *value, bool *whole, sb_err *err)
{
    const uint8_t *start = *pos;
    const size_t left = (size_t)(end - start);
    const bool windowed = limit >= SB_KEY_LIMIT_MIN && left >= limit;
    key_in in = {.pos = start, .end = windowed ? start + SB_KEY_FIRST_BYTES(limit) : end};
    uint8_t tag = 0;
    bool failed = false;

    *whole = false;
    *value = SB_VALUE_NULL;
    key_read read = get_byte(&in, &tag);
    if (read == KEY_OK)
        read = tag == SB_RANK_LIST ? get_list(&in, arena, value, &failed)
                                   : get_scalar(&in, tag, arena, value, &failed);
    if (read == KEY_OK) {
        *pos = in.pos;
        *whole = true;
        return SB_OK;
    }
    *value = SB_VALUE_NULL;
    if (failed) return SB_FAIL_NOMEM(err);
    if (read == KEY_SHORT && windowed) {
        *pos = start + limit;
        return SB_OK;
    }
    return SB_FAIL(err, SB_CORRUPT,
                   "index key: no value is encoded as byte 0x%02x and what follows", tag);
}
