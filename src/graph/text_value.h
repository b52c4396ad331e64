/* text_value.h — property values as text, both ways: for CSV cells and for the command line.
 * Part of graph's front door (graph.h includes it). docs/IMPORT.md lists the forms; each text that
 * sb_value_to_text writes is read back by sb_text_to_value as the same value.
 * Independent of the process's locale. */
#ifndef SB_TEXT_VALUE_H
#define SB_TEXT_VALUE_H

#include "base/base.h"
#include "graph/zone.h"
#include "store/store.h"

/* What a text is to be read as. */
typedef struct sb_text_type {
    uint32_t type;  /* sb_type of the value, or of the items; SB_TYPE_NULL: any, each text says
                     * "type:text" */
    bool list;      /* items between delimiters */
    char delimiter; /* of list items; ';' when 0 */
    uint8_t narrow; /* integers: 1, 2, 4 bytes wide only (byte, short, int32); 0: all of 64 bits */
    sb_bytes
        fallback; /* for times and date-times without an offset: the offset; for points without a
                        * system: its name; empty: none. Borrowed */
    const sb_zone *
        zone; /* whose name fallback is, and that date-times without an offset are in; NULL: none */
    sb_zones *zones; /* of date-times that name a zone and no offset; NULL: they are refused */
} sb_text_type;

/* "int", "Float[]", "point", …: SB_SYNTAX when no type has that name. Case does not matter. */
SB_MUST_CHECK sb_status sb_text_type_parse(sb_bytes name, sb_text_type *type, sb_err *err);
/* Set fallback by a header's option, timezone or crs: SB_SYNTAX when the type has no such option, or it says nothing known. */
SB_MUST_CHECK sb_status sb_text_type_option(sb_text_type *type, sb_bytes name, sb_bytes value,
                                            sb_zones *zones, sb_err *err);
/* Name for a header cell: "int", "localdatetime"; "any" for SB_TYPE_NULL and lists of mixed items. */
const char *sb_text_type_name(uint32_t type);

/* Strings are borrowed from text where they stand there as they are; everything else is arena. SB_TYPE_MISMATCH: "'x' is not an
 * INTEGER"; SB_INVALID: out of range, not UTF-8; SB_NOMEM. */
SB_MUST_CHECK sb_status sb_text_to_value(const sb_text_type *type, sb_bytes text, sb_arena *arena,
                                         sb_value *value, sb_err *err);
/* Append the text of a storable value that is no list. */
SB_MUST_CHECK sb_status sb_value_to_text(const sb_value *value, sb_buffer *out);
/* Append a list as a cell: items between delimiters, in double quotes where they would be read as something else. typed: each
 * item as "type:text" (read as a list of any). */
SB_MUST_CHECK sb_status sb_list_to_text(const sb_value *list, char delimiter, bool typed,
                                        sb_buffer *out);
/* The type that all items of a list have, or SB_TYPE_NULL: none, or several. */
uint32_t sb_list_item_type(const sb_value *list);
/* Append one item, in double quotes when it needs them among delimiters. */
SB_MUST_CHECK sb_status sb_text_quote_item(sb_bytes item, char delimiter, sb_buffer *out);
/* The next item of a list's text from *pos on; false at the end. An item in double quotes is unquoted, into arena when it holds
 * doubled ones. *nomem: why it is false, if so. An empty text has no items. delimiters: 1 or 2 characters that end items. */
bool sb_text_next_item(sb_bytes text, size_t *pos, const char *delimiters, sb_arena *arena,
                       sb_bytes *item, bool *nomem);

/* divisor > 0; the remainder is never negative. */
SB_INLINE int64_t sb_floor_mod(int64_t a, int64_t divisor)
{
    const int64_t rest = a % divisor;
    return rest < 0 ? rest + divisor : rest;
}
SB_INLINE int64_t sb_floor_div(int64_t a, int64_t divisor)
{
    return a / divisor - (a % divisor < 0);
}
/* Day number of 1970-01-01 is 0; proleptic Gregorian calendar. */
int64_t sb_days_of_date(int64_t year, unsigned month, unsigned day);
void sb_date_of_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);
/* The same with checks: false when there is no such day. Years within ±(10^9 + 1). */
bool sb_days_of_calendar(int64_t year, int64_t month, int64_t day, int64_t *days);
bool sb_days_of_ordinal(int64_t year, int64_t day, int64_t *days);
bool sb_days_of_quarter(int64_t year, int64_t quarter, int64_t day, int64_t *days);
bool sb_days_of_week(int64_t year, int64_t week, int64_t weekday, int64_t *days);

/* Fast paths of the above: false when text is no such number. */
bool sb_text_to_int(sb_bytes text, int64_t *value);
bool sb_text_to_real(sb_bytes text, double *value);

#endif
