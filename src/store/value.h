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
    uint32_t extra; /* nanoseconds of LOCAL_DATETIME, DATETIME; SRID of POINT (4326, 4979, 7203,
                     * 9157); else 0 */
    /* One kind a line. */
    union {
        /* clang-format off */
        bool boolean;
        int64_t integer; /* INT, DATE (days), LOCAL_TIME (ns) */
        double real;
        /* STRING (UTF-8, not terminated), BYTES; borrowed */
        struct { const void *data; size_t size; } bytes;
        /* TIME: ns since local midnight; offset in seconds east */
        struct { int64_t ns; int32_t offset; } time;
        /* seconds are UTC for DATETIME (zone NULL: offset only), local for LOCAL_DATETIME */
        struct { int64_t seconds; int32_t offset; uint32_t zone_size; const char *zone; } datetime;
        struct { int64_t months, days, seconds; int32_t nanos; } duration;
        struct { double x, y, z; } point;
        /* borrowed; no nulls, no lists inside lists */
        struct { const struct sb_value *items; size_t count; } list;
        /* clang-format on */
    } as;
} SB_MAY_ALIAS sb_value;

#define SB_VALUE_NULL      ((sb_value){.type = SB_TYPE_NULL})
#define SB_VALUE_BYTES_MAX 0x7FFFFFFFu /* over 2 GiB is refused: SB_LIMIT */

/* Where types are bits of a mask (sb_schema.value_types), lists of one type of items have numbers, too: a list of integers and strings is in both
 * bits' lists. SB_TYPE_LIST is all lists. The numbers between are those of values that are no properties (sombra.h). */
#define SB_TYPE_LIST_OF(item) (18u + (uint32_t)(item))
#define SB_TYPE_NUMBERS       (SB_TYPE_LIST_OF(SB_TYPE_POINT) + 1u) /* behind the last */

const char *sb_type_name(uint32_t type); /* "INTEGER", "LOCAL DATETIME", "LIST<INTEGER>", …; "?"
                                          * for an unknown one */
/* The same as Cypher writes it: "ZONED DATETIME", "LIST<INTEGER NOT NULL>". */
const char *sb_type_written(uint32_t type);
/* Is a value (not a null) of one of the types? */
bool sb_types_admit(uint32_t types, const sb_value *value);

/* Can it be stored? Ranges, UTF-8, sizes; list items are any scalars, mixed types allowed. SB_TYPE_MISMATCH (null, lists in
 * lists, unknown type), SB_LIMIT or SB_INVALID. */
SB_MUST_CHECK sb_status sb_value_check(const sb_value *value, sb_err *err);

/* Equal as a property: numbers compare numerically, NaN is not equal to NaN, null to null, lists item by item. */
bool sb_value_equal(const sb_value *a, const sb_value *b);
/* Total order for sorting and indexes, which is openCypher's ORDER BY: lists, points, DATETIME, LOCAL DATETIME, DATE, TIME,
 * LOCAL TIME, durations, strings, bytes, booleans, numbers, NaN, null; then by value. */
int sb_value_compare(const sb_value *a, const sb_value *b);

/* Types of cells: storage class and logical type. A LOCAL_DATETIME or DATETIME is an INT cell when it fits (see
 * docs/format/indexes.md, section 14), else a BYTES cell. */
#define SB_CELL_BOOL           (SB_CLASS_INT | SB_TYPE_BOOL)
#define SB_CELL_INT            (SB_CLASS_INT | SB_TYPE_INT)
#define SB_CELL_FLOAT          (SB_CLASS_DOUBLE | SB_TYPE_FLOAT)
#define SB_CELL_STRING         (SB_CLASS_BYTES | SB_TYPE_STRING)
#define SB_CELL_BYTES          (SB_CLASS_BYTES | SB_TYPE_BYTES)
#define SB_CELL_DATE           (SB_CLASS_INT | SB_TYPE_DATE)
#define SB_CELL_LOCAL_TIME     (SB_CLASS_INT | SB_TYPE_LOCAL_TIME)
#define SB_CELL_TIME           (SB_CLASS_INT | SB_TYPE_TIME)
#define SB_CELL_LOCAL_DATETIME (SB_CLASS_INT | SB_TYPE_LOCAL_DATETIME)
#define SB_CELL_DATETIME       (SB_CLASS_INT | SB_TYPE_DATETIME)
/* Type of the cell that value goes into: what sb_value_to_cell writes. value is storable. */
uint8_t sb_value_cell_type(const sb_value *value);
/* To a table cell: type (storage class and logical type), word or bytes. Encoded bytes (temporal, list, point) are
 * appended to scratch and borrowed from it (scratch must have had sb_value_cell_bytes(value) reserved, which is 0 for what
 * needs no encoding; scratch may then be NULL). value has passed sb_value_check. */
size_t sb_value_cell_bytes(const sb_value *value);
SB_MUST_CHECK sb_status sb_value_to_cell(const sb_value *value, uint32_t key, sb_buffer *scratch,
                                         sb_cell *cell, sb_err *err);
/* From a cell: strings and bytes are borrowed from the cell where they lie in the page; overflow values, and
 * lists, are made in arena. SB_CORRUPT for bytes that no value encodes to. */
SB_MUST_CHECK sb_status sb_value_from_cell(sb_txn *txn, const sb_cell *cell, sb_arena *arena,
                                           sb_value *value, sb_err *err);
/* From the word of an INT or DOUBLE cell, as column scans give it; false for a type or word that no value has. */
SB_MUST_CHECK bool sb_value_from_word(uint8_t cell_type, uint64_t word, sb_value *value);

/* Append the order-preserving index key of a value: memcmp order of keys is sb_value_compare order, and no
 * key is a prefix of another. Integers of small magnitude are short. A key that would be longer than limit bytes is cut to its
 * first limit - 16 and a 128-bit hash (XXH3) of the value; *cut tells, and look-ups then check the row. Keys that are cut and
 * agree in their first bytes are not in order, all others are. limit 0: none (sort keys); else at least SB_KEY_LIMIT_MIN, where
 * only strings, bytes, lists and zone names are ever cut. */
#define SB_KEY_LIMIT_MIN 56u
SB_MUST_CHECK sb_status sb_value_append_key(const sb_value *value, size_t limit, sb_buffer *key,
                                            bool *cut, sb_err *err);
/* Read a key back, with the limit that it was made with: for indexes that cover a query. *pos moves behind it. *whole false:
 * a cut key (value NULL). Numbers come back as they compare: 1.0 as the integer 1. Strings are made in arena. */
SB_MUST_CHECK sb_status sb_value_from_key(const uint8_t **pos, const uint8_t *end, size_t limit,
                                          sb_arena *arena, sb_value *value, bool *whole,
                                          sb_err *err);

#endif
