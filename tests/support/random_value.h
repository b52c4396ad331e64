/* random_value.h — random values of every type for the tests of store and graph: mostly from small pools of special cases, so
 * that equal and nearly equal pairs come up often. */
#ifndef SB_TEST_RANDOM_VALUE_H
#define SB_TEST_RANDOM_VALUE_H

#include <math.h>

#include "store/value_priv.h"

static inline int64_t random_int(sb_random *random)
{
    static const int64_t special[] = {
        0,
        1,
        -1,
        127,
        128,
        -127,
        -128,
        255,
        256,
        32767,
        32768,
        -32768,
        1000000,
        INT32_MAX,
        INT32_MIN,
        1LL << 53,
        (1LL << 53) + 1,
        -(1LL << 53) - 1,
        INT64_MAX,
        INT64_MAX - 1,
        INT64_MIN,
        INT64_MIN + 1,
    };

    switch (sb_random_below(random, 4)) {
    case 0: return special[sb_random_below(random, sizeof special / sizeof special[0])];
    case 1: return (int64_t)sb_random_below(random, 40) - 20;
    case 2: return (int64_t)sb_random_next(random) >> sb_random_below(random, 63);
    default: return (1LL << sb_random_below(random, 63)) + (int64_t)sb_random_below(random, 5) - 2;
    }
}

static inline double random_real(sb_random *random)
{
    static const double special[] = {
        0.0,
        -0.0,
        0.5,
        -0.5,
        1.5,
        -1.5,
        0x1p53,
        0x1p63,
        -0x1p63,
        0x1.fffffffffffffp62,
        0x1p64,
        1e300,
        5e-324,
        -5e-324,
        1e-300,
        (double)INFINITY,
        -(double)INFINITY,
        (double)NAN,
        4503599627370496.5,
        0.1,
        -0.1,
        0x1.fffffffffffffp-1,
        255.5,
        256.25,
        -255.5,
    };

    switch (sb_random_below(random, 4)) {
    case 0: return special[sb_random_below(random, sizeof special / sizeof special[0])];
    case 1: return (double)random_int(random);
    case 2: return (double)((int64_t)sb_random_below(random, 400) - 200) / 8.0;
    default: {
        const uint64_t bits = sb_random_next(random);
        double v;
        memcpy(&v, &bits, sizeof v);
        return v;
    }
    }
}

static inline double random_finite(sb_random *random)
{
    double v;

    do {
        v = random_real(random);
    } while (!isfinite(v));
    return v;
}

static inline size_t random_size(sb_random *random)
{
    return sb_random_below(random, 8) == 0 ? sb_random_below(random, 200)
                                           : sb_random_below(random, 6);
}

static inline void random_bytes_value(sb_random *random, sb_arena *arena, sb_value *value)
{
    static const uint8_t pool[] = {0, 0, 1, 2, 3, 'a', 'b', 0x7F, 0x80, 0xFE, 0xFF};
    const size_t size = random_size(random);
    uint8_t *data = sb_arena_alloc(arena, size + 1);

    for (size_t i = 0; i < size; i++)
        data[i] = pool[sb_random_below(random, sizeof pool)];
    value->as.bytes.data = size == 0 && sb_random_below(random, 2) == 0 ? NULL : data;
    value->as.bytes.size = size;
}

static inline sb_bytes random_text(sb_random *random, sb_arena *arena, size_t pieces)
{
    static const struct {
        const char *text;
        size_t size;
    } pool[] = {{"\0", 1},
                {"\1", 1},
                {"\2", 1},
                {"a", 1},
                {"a", 1},
                {"b", 1},
                {"\xC3\xA4", 2},
                {"\xE2\x82\xAC", 3},
                {"\xF0\x9F\x8C\xB3", 4}};
    uint8_t *data = sb_arena_alloc(arena, 4 * pieces + 1);
    size_t size = 0;

    for (size_t i = 0; i < pieces; i++) {
        const size_t k = sb_random_below(random, sizeof pool / sizeof pool[0]);
        memcpy(data + size, pool[k].text, pool[k].size);
        size += pool[k].size;
    }
    return sb_bytes_of(data, size);
}

static inline void random_datetime(sb_random *random, sb_arena *arena, sb_value *value)
{
    static const int64_t seconds[] = {0,
                                      1,
                                      -1,
                                      1700000000,
                                      -2000000000,
                                      9223372035,
                                      9223372036,
                                      -9223372035,
                                      -9223372036,
                                      63600000000,
                                      63600000001,
                                      -63600000000,
                                      -63600000001,
                                      SB_DATETIME_SECONDS_MIN,
                                      SB_DATETIME_SECONDS_MAX};
    static const uint32_t nanos[] = {0, 1000, 999999000, 999999999, 1};
    static const int32_t offsets[] = {0, 3600, -3600, 900, 901, 64800, -64800};

    value->as.datetime.seconds =
        seconds[sb_random_below(random, sizeof seconds / sizeof seconds[0])];
    value->extra = nanos[sb_random_below(random, 5)];
    if (value->type == SB_TYPE_LOCAL_DATETIME) return;
    value->as.datetime.offset = offsets[sb_random_below(random, 7)];
    if (sb_random_below(random, 3) != 0) return;
    const sb_bytes zone = random_text(random, arena, 1 + sb_random_below(random, 60));
    value->as.datetime.zone = (const char *)zone.data;
    value->as.datetime.zone_size = (uint32_t)zone.size;
}

/* Wholes of an hour's order, so that different parts often have the same average length. */
static inline void random_duration(sb_random *random, sb_value *value)
{
    value->as.duration.months = (int64_t)sb_random_below(random, 3) - 1;
    value->as.duration.days = (int64_t)sb_random_below(random, 3) - 1;
    value->as.duration.seconds = ((int64_t)sb_random_below(random, 5) - 2) * 86400;
    value->as.duration.nanos = (int32_t)sb_random_below(random, 2) * 999999999;
    if (sb_random_below(random, 4) != 0) return;
    value->as.duration.months = random_int(random);
    value->as.duration.days = random_int(random);
    value->as.duration.seconds = random_int(random);
}

static inline sb_value random_scalar(sb_random *random, sb_arena *arena)
{
    sb_value value = {.type = 1 + (uint32_t)sb_random_below(random, SB_TYPE_POINT)};
    sb_bytes text;

    switch (value.type) {
    case SB_TYPE_BOOL: value.as.boolean = sb_random_below(random, 2) != 0; break;
    case SB_TYPE_INT: value.as.integer = random_int(random); break;
    case SB_TYPE_FLOAT: value.as.real = random_real(random); break;
    case SB_TYPE_STRING:
        text = random_text(random, arena, random_size(random));
        value.as.bytes.data = text.data;
        value.as.bytes.size = text.size;
        break;
    case SB_TYPE_BYTES: random_bytes_value(random, arena, &value); break;
    case SB_TYPE_DATE: value.as.integer = random_int(random) % SB_DATE_DAYS_MAX; break;
    case SB_TYPE_LOCAL_TIME:
        value.as.integer = (int64_t)sb_random_below(random, (uint64_t)SB_NANOS_PER_DAY);
        break;
    case SB_TYPE_TIME: /* few instants, several offsets */
        value.as.time.offset =
            ((int32_t)sb_random_below(random, 5) - 2) * (SB_OFFSET_SECONDS_MAX / 2);
        value.as.time.ns = 43200 * SB_NANOS_PER_SECOND +
                           value.as.time.offset / 2 * SB_NANOS_PER_SECOND +
                           (int64_t)sb_random_below(random, 3);
        break;
    case SB_TYPE_LOCAL_DATETIME:
    case SB_TYPE_DATETIME: random_datetime(random, arena, &value); break;
    case SB_TYPE_DURATION: random_duration(random, &value); break;
    default:
        value.extra = sb_value__srids[sb_random_below(random, 4)];
        value.as.point.x = random_finite(random);
        value.as.point.y = random_finite(random);
        if (sb_value__srid_geographic(value.extra)) {
            value.as.point.x = remainder(value.as.point.x, 360.0);
            value.as.point.y = remainder(value.as.point.y, 180.0);
        }
        if (sb_value__srid_3d(value.extra)) value.as.point.z = random_finite(random);
        break;
    }
    return value;
}

/* All memory is from arena. */
static inline sb_value random_value(sb_random *random, sb_arena *arena)
{
    if (sb_random_below(random, 8) != 0) return random_scalar(random, arena);

    sb_value list = {.type = SB_TYPE_LIST};
    const bool same = sb_random_below(random, 2) != 0;
    list.as.list.count = random_size(random) / 4;
    sb_value *items = sb_arena_alloc_array(arena, list.as.list.count, sizeof *items);
    for (size_t i = 0; i < list.as.list.count; i++) {
        do {
            items[i] = random_scalar(random, arena);
        } while (same && items[i].type != items[0].type);
    }
    list.as.list.items = items;
    return list;
}

#endif
