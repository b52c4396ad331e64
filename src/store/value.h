/* value.h — a property value: its types, its order, its form in a table cell and in an index key.
 * Part of store's front door (store.h includes it). sombra_value in include/sombra.h has the same layout.
 * Numbers: 1 and 1.0 are equal and have one index key, −0.0 is 0.0, NaN equals nothing (not even in an index:
 * it has a key, behind +infinity, that no look-up asks for); order over int64 and double is exact. */
#ifndef SB_VALUE_H
#define SB_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "tree/tree.h"

/* Values are part of ABI and file format: never renumber. */
typedef enum sb_type {
    SB_TYPE_NULL = 0, /* absent; never stored */
    SB_TYPE_BOOL = 1,
    SB_TYPE_INT = 2,
    SB_TYPE_FLOAT = 3,
    SB_TYPE_STRING = 4,
    SB_TYPE_BYTES = 5,
    SB_TYPE_DATE = 6,           /* days since 1970-01-01 */
    SB_TYPE_LOCAL_TIME = 7,     /* nanoseconds since midnight */
    SB_TYPE_TIME = 8,           /* the same with an offset */
    SB_TYPE_LOCAL_DATETIME = 9, /* seconds since 1970-01-01T00:00:00 and nanoseconds */
    SB_TYPE_DATETIME = 10,      /* the same in UTC, with an offset and, if any, a zone name */
    SB_TYPE_DURATION = 11,      /* months, days, seconds, nanoseconds */
    SB_TYPE_POINT = 12,         /* 2-D or 3-D, by its reference system */
    SB_TYPE_LIST = 13
} sb_type;

typedef struct sb_value {
    uint32_t type;  /* sb_type */
    uint32_t extra; /* nanoseconds of LOCAL_DATETIME, DATETIME; SRID of POINT (4326, 4979, 7203, 9157); else 0 */
    union {
        bool boolean;
        int64_t integer; /* INT, DATE (days), LOCAL_TIME (ns) */
        double real;
        struct { const void *data; size_t size; } bytes; /* STRING (UTF-8, not terminated), BYTES; borrowed */
        struct { int64_t ns; int32_t offset; } time;     /* TIME: ns since local midnight; offset in seconds east */
        struct { int64_t seconds; int32_t offset; uint32_t zone_size; const char *zone; } datetime; /* seconds are UTC
                     * for DATETIME (zone NULL: offset only), local for LOCAL_DATETIME */
        struct { int64_t months, days, seconds; int32_t nanos; } duration;
        struct { double x, y, z; } point;
        struct { const struct sb_value *items; size_t count; } list; /* borrowed; no nulls, no lists inside lists */
    } as;
} SB_MAY_ALIAS sb_value;

#define SB_VALUE_NULL ((sb_value){.type = SB_TYPE_NULL})
#define SB_VALUE_BYTES_MAX 0x7FFFFFFFu /* over 2 GiB is refused: SB_LIMIT */

const char *sb_type_name(uint32_t type); /* "INTEGER", "LOCAL DATETIME", …; "?" for an unknown one */

/* Ranges, UTF-8, list items (any storable scalar type, mixed types allowed), sizes. SB_TYPE_MISMATCH or SB_LIMIT or SB_INVALID. */
SB_MUST_CHECK sb_status sb_value_check(const sb_value *value, sb_err *err);

/* Equal as a property: numbers compare numerically, NaN is not equal to NaN, lists item by item. */
bool sb_value_equal(const sb_value *a, const sb_value *b);
/* Total order for sorting and indexes: by type class (numbers are one class), then value. */
int sb_value_compare(const sb_value *a, const sb_value *b);

/* To a table cell: type (storage class and logical type), word or bytes. Encoded bytes (temporal, list, point) are
 * appended to scratch and borrowed from it (scratch must have had sb_value_cell_bytes(value) reserved). */
size_t sb_value_cell_bytes(const sb_value *value);
SB_MUST_CHECK sb_status sb_value_to_cell(const sb_value *value, uint32_t key, sb_buffer *scratch, sb_cell *cell, sb_err *err);
/* From a cell: strings and bytes are borrowed from the cell where they lie in the page; overflow values, and
 * lists, are made in arena. SB_CORRUPT for bytes that no value encodes to. */
SB_MUST_CHECK sb_status sb_value_from_cell(sb_txn *txn, const sb_cell *cell, sb_arena *arena, sb_value *value, sb_err *err);

/* Append the order-preserving index key of a value: memcmp order of keys is sb_value_compare order, and no
 * key is a prefix of another. Integers of small magnitude are short. Keys that would pass limit bytes in all are cut to
 * their first bytes and a 128-bit hash (XXH3); *cut tells, and look-ups then check the row. */
SB_MUST_CHECK sb_status sb_value_append_key(const sb_value *value, size_t limit, sb_buffer *key, bool *cut, sb_err *err);
/* Read a key back: for indexes that cover a query. *pos moves behind it. False for a cut key (value NULL). */
SB_MUST_CHECK sb_status sb_value_from_key(const uint8_t **pos, const uint8_t *end, sb_arena *arena, sb_value *value, bool *whole, sb_err *err);

#endif
