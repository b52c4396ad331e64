/* val.h — a value while a query runs: 16 bytes, what is longer lies in an arena.
 * It is what sb_value (store/) is for properties, and more: nested lists with nulls, maps, nodes, relationships, paths.
 * Ownership: a val is copied freely; what it points at belongs to the arena that it was made in ("arena"), or is borrowed from a page
 *            of the snapshot. sb_val_copy makes it independent.
 * Semantics: openCypher's: sb_val_equals is ternary (null, NaN, lists with nulls), sb_val_compare_order is ORDER BY's total order,
 *            sb_val_same and sb_val_hash are those of DISTINCT and grouping (null equals null, NaN equals NaN, 1 equals 1.0). */
#ifndef SB_CYPHER_VAL_H
#define SB_CYPHER_VAL_H

#include "base/base.h"
#include "store/value.h"

/* In decimal, for cppcheck does not read 0x1p63. */
#define SB_VAL_TWO_62 4611686018427387904.0
#define SB_VAL_TWO_63 9223372036854775808.0

/* Kinds up to LIST have the numbers of sb_type. */
/* Lists in lists, maps in maps. */
#define SB_VAL_DEPTH_MAX 1000u

typedef enum sb_val_kind {
    SB_VAL_NULL = SB_TYPE_NULL,
    SB_VAL_BOOL = SB_TYPE_BOOL,
    SB_VAL_INT = SB_TYPE_INT,
    SB_VAL_FLOAT = SB_TYPE_FLOAT,
    SB_VAL_STRING = SB_TYPE_STRING,
    SB_VAL_BYTES = SB_TYPE_BYTES,
    SB_VAL_DATE = SB_TYPE_DATE,
    SB_VAL_LOCAL_TIME = SB_TYPE_LOCAL_TIME,
    SB_VAL_TIME = SB_TYPE_TIME,
    SB_VAL_LOCAL_DATETIME = SB_TYPE_LOCAL_DATETIME,
    SB_VAL_DATETIME = SB_TYPE_DATETIME,
    SB_VAL_DURATION = SB_TYPE_DURATION,
    SB_VAL_POINT = SB_TYPE_POINT,
    SB_VAL_LIST = SB_TYPE_LIST,
    SB_VAL_MAP = 14,
    SB_VAL_NODE = 15,
    SB_VAL_REL = 16,
    SB_VAL_PATH = 17
} sb_val_kind;

typedef struct sb_val {
    uint8_t kind; /* sb_val_kind */
    uint8_t reserved;
    uint16_t
        depth; /* LIST, MAP: 1 + that of the deepest item; others 0. At most SB_VAL_DEPTH_MAX: what walks values recurses */
    uint32_t
        aux; /* STRING, BYTES: size in bytes; TIME: offset in seconds + 86,400; LOCAL_DATETIME: nanoseconds; else 0 */
    union {
        bool boolean;
        int64_t
            integer; /* INT, DATE (days), LOCAL_TIME and TIME (ns of the local day), LOCAL_DATETIME (seconds) */
        double real;
        const uint8_t *text; /* STRING, BYTES; not terminated */
        uint64_t id;         /* NODE, REL */
        const struct sb_val_list *list;
        const struct sb_val_map *map;
        const struct sb_val_path *path;
        const sb_value *boxed; /* DATETIME, DURATION, POINT: as a property value */
    } as;
} sb_val;

typedef struct sb_val_list {
    uint64_t count;
    sb_val items[];
} sb_val_list;
/* Keys in the order in which they were given; none twice (the last of equal ones wins). */
typedef struct sb_val_entry {
    sb_bytes key;
    sb_val value;
} sb_val_entry;
typedef struct sb_val_map {
    uint32_t count;
    bool sealed;
    uint32_t *order; /* numbers of the entries, by key: look-ups, comparing, hashing */
    sb_val_entry entries[];
} sb_val_map;
/* nodes[0] rels[0] nodes[1] … as walked: rels' own direction may be the other. */
typedef struct sb_val_path {
    uint64_t length;       /* relationships */
    const uint64_t *nodes; /* length + 1 */
    const uint64_t *rels;
} sb_val_path;

#define SB_VAL_NULL_VALUE ((sb_val){.kind = SB_VAL_NULL})
SB_INLINE sb_val sb_val_bool(bool b)
{
    return (sb_val){.kind = SB_VAL_BOOL, .as.boolean = b};
}
SB_INLINE sb_val sb_val_int(int64_t i)
{
    return (sb_val){.kind = SB_VAL_INT, .as.integer = i};
}
SB_INLINE sb_val sb_val_float(double d)
{
    return (sb_val){.kind = SB_VAL_FLOAT, .as.real = d};
}
/* Borrows the text; at most SB_VALUE_BYTES_MAX bytes. */
SB_INLINE sb_val sb_val_string(sb_bytes text)
{
    return (sb_val){.kind = SB_VAL_STRING, .aux = (uint32_t)text.size, .as.text = text.data};
}
SB_INLINE sb_val sb_val_node(uint64_t id)
{
    return (sb_val){.kind = SB_VAL_NODE, .as.id = id};
}
SB_INLINE sb_val sb_val_rel(uint64_t id)
{
    return (sb_val){.kind = SB_VAL_REL, .as.id = id};
}
SB_INLINE sb_bytes sb_val_text(sb_val v)
{
    return sb_bytes_of(v.as.text, v.aux);
}

/* A list or map with room for count items in arena, count set, items to be filled in and then sealed. NULL: no memory, or too long.
 * A list's maker may lower its count. */
sb_val_list *sb_val_list_make(sb_arena *arena, uint64_t count);
sb_val_map *sb_val_map_make(sb_arena *arena, uint64_t count);
/* The filled list or map as a value. A map drops entries whose key comes again later. SB_LIMIT: nested too deep. */
SB_MUST_CHECK sb_status sb_val_list_seal(sb_val_list *list, sb_val *v, sb_err *err);
/* The same where the depth of its deepest item is known: a long list is looked through part by part. */
unsigned sb_val_deepest(const sb_val *items, uint64_t count);
SB_MUST_CHECK sb_status sb_val_list_seal_at(sb_val_list *list, unsigned depth, sb_val *v,
                                            sb_err *err);
SB_MUST_CHECK sb_status sb_val_map_seal(sb_val_map *map, sb_val *v, sb_err *err);
/* The value of a list of scalars and entities, which needs no look at its items. */
SB_INLINE sb_val sb_val_flat_list(const sb_val_list *list)
{
    return (sb_val){.kind = SB_VAL_LIST, .depth = 1, .as.list = list};
}
/* The value of a key of a sealed map; NULL when the map lacks it. */
const sb_val *sb_val_map_get(const sb_val_map *map, sb_bytes key);

/* "INTEGER", "LIST", "NODE": for messages and valueType. */
const char *sb_val_kind_name(unsigned kind);
/* sb_kind (parse/ast.h) bit of a value. */
uint32_t sb_val_kind_bit(sb_val v);

/* Deep copy into arena. */
SB_MUST_CHECK sb_status sb_val_copy(sb_arena *arena, sb_val v, sb_val *copy, sb_err *err);
/* Bytes that a deep copy takes. */
size_t sb_val_bytes(sb_val v);

/* From a property: strings and zone names stay borrowed, the rest is made in arena. */
SB_MUST_CHECK sb_status sb_val_from_value(sb_arena *arena, const sb_value *value, sb_val *v,
                                          sb_err *err);
/* To a property, texts borrowed from v, lists made in arena. TypeError InvalidPropertyType for what can't be stored (maps, entities,
 * lists of lists, lists with nulls). Null gives a value of SB_TYPE_NULL. */
SB_MUST_CHECK sb_status sb_val_to_value(sb_arena *arena, sb_val v, sb_value *value, sb_err *err);

/* The same for a scalar, which needs no memory; false for lists, maps and entities. Texts stay borrowed from v. */
bool sb_val_scalar_value(sb_val v, sb_value *value);

/* Bytes about that are gone through to compare, hash or copy a list or map, as far as its first few hundred values tell. */
uint64_t sb_val_work_nested(sb_val v);

/* ---- Comparing ------------------------------------------------------------------------------------------- */

typedef enum sb_ternary { SB_FALSE = 0, SB_TRUE = 1, SB_UNKNOWN = 2 } sb_ternary;
/* a = b. Values of different kinds are not equal; null, NaN and lists, maps that hold nulls as the standard says. */
sb_ternary sb_val_equals(sb_val a, sb_val b);
/* a < b, a <= b …: *order <0, 0, >0; SB_UNKNOWN: not comparable (null); SB_FALSE: NaN, every comparison but <> is false. */
sb_ternary sb_val_comparable(sb_val a, sb_val b, int *order);
/* ORDER BY, min, max: total over all kinds: map, node, relationship, list, path, date-time, …, string, boolean, number, NaN, null. */
int sb_val_order(sb_val a, sb_val b);
/* DISTINCT, GROUP BY, hash joins. */
bool sb_val_same(sb_val a, sb_val b);
uint64_t sb_val_hash(sb_val v, uint64_t seed);

/* ---- Text -------------------------------------------------------------------------------------------------- */

/* What toString() gives for scalars, temporal values and points (canonical, see docs/CYPHER.md). *has false: the kind has none. */
SB_MUST_CHECK sb_status sb_val_to_string(sb_val v, sb_buffer *out, bool *has, sb_err *err);
/* Shortest text that reads back as the same double, as Cypher writes it: 1.0, 1.5E-7, NaN, Infinity. */
SB_MUST_CHECK sb_status sb_float_to_string(double d, sb_buffer *out);
/* Any value as a Cypher literal, strings in single quotes and escaped. Entities, whose contents the caller knows, as (7), [7]. */
SB_MUST_CHECK sb_status sb_val_to_literal(sb_val v, sb_buffer *out, sb_err *err);

#endif
