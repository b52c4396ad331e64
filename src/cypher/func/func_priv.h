/* func_priv.h — what the files of func/ share: failures in one voice, temporal values taken apart, small arithmetic. */
#ifndef SB_FUNC_PRIV_H
#define SB_FUNC_PRIV_H

#include "cypher/func/func.h"
#include "cypher/lex/error.h"

#define SB_FUNC_NANOS     1000000000LL /* in a second */
#define SB_FUNC_DAY       86400LL      /* seconds */
#define SB_FUNC_DAY_NANOS (SB_FUNC_DAY * SB_FUNC_NANOS)
#define SB_FUNC_MONTH     2629746LL /* seconds of an average month, a twelfth of 365.2425 days */
/* What a date may be: years -999,999,999 to 999,999,999, as properties may (store/). */
#define SB_FUNC_YEAR_MAX 999999999LL
/* Items of a list that a function makes of nothing: 4 GiB of values. */
#define SB_FUNC_LIST_MAX (1ull << 28)

/* ---- Failing --------------------------------------------------------------------------------------------------- */

/* TypeError InvalidArgumentType, which is what operators give: "IN needs a LIST on its right, not a value of type INTEGER". */
sb_status sb_func__fail_type(sb_func_context *ctx, const char *what, const char *needs,
                             sb_val got) SB_COLD;
/* The same with InvalidArgumentValue, which is what functions give: "labels() needs a NODE, not a value of type INTEGER". */
sb_status sb_func__fail_arg(sb_func_context *ctx, const char *what, const char *needs,
                            sb_val got) SB_COLD;
#define sb_func__fail_type(ctx, ...) sb_err_failed(sb_func__fail_type(ctx, __VA_ARGS__))
#define sb_func__fail_arg(ctx, ...)  sb_err_failed(sb_func__fail_arg(ctx, __VA_ARGS__))
/* TypeError InvalidArgumentValue, ArithmeticError IntegerOverflow, ArgumentError NumberOutOfRange with a text. */
#define SB_FUNC_FAIL_VALUE(ctx, ...)                                                               \
    sb_cypher_fail_runtime((ctx)->err, SB_CYPHER_INVALID_ARGUMENT_VALUE, __VA_ARGS__)
#define SB_FUNC_FAIL_OVERFLOW(ctx, ...)                                                            \
    sb_cypher_fail_runtime((ctx)->err, SB_CYPHER_ARITHMETIC_OVERFLOW, __VA_ARGS__)
#define SB_FUNC_FAIL_RANGE(ctx, ...)                                                               \
    sb_cypher_fail_runtime((ctx)->err, SB_CYPHER_NUMBER_OUT_OF_RANGE, __VA_ARGS__)
/* For %.*s of a text from a user: at most 60 bytes of it. */
#define SB_FUNC_SHOWN(bytes)                                                                       \
    (int)((bytes).size < 60 ? (bytes).size : 60), (const char *)(bytes).data

/* For the body of a loop: asks once in 16,384 rounds, some 0.1 ms, of all loops of the run, since each may be short. */
#define SB_FUNC_POLL(ctx)                                                                          \
    do {                                                                                           \
        if (SB_UNLIKELY(++(ctx)->rounds % 16384 == 0) && (ctx)->poll != NULL)                      \
            SB_TRY((ctx)->poll((ctx)->poll_ctx));                                                  \
    } while (0)

/* For work that goes through a text: asks at each 64 KiB of it, up to 1 ms apart. *asked: where it last did; begins as 0. */
SB_INLINE sb_status sb_func__poll_at(const sb_func_context *ctx, size_t at, size_t *asked)
{
    if (SB_LIKELY(at - *asked < 65536)) return SB_OK;
    *asked = at;
    return ctx->poll == NULL ? SB_OK : ctx->poll(ctx->poll_ctx);
}

/* A place of a text where something may stand: it is looked at by itself. */
#define SB_WORK_OF_A_PLACE 16u
/* *at: where part, which is not empty, begins in text from `from` on; text.size when it does not. Asks now and then. */
SB_MUST_CHECK sb_status sb_func__find(sb_func_context *ctx, sb_bytes text, sb_bytes part,
                                      size_t from, size_t *at);

/* ---- Making ------------------------------------------------------------------------------------------------------ */

/* A copy of text in the context's arena. */
SB_MUST_CHECK sb_status sb_func__string(sb_func_context *ctx, sb_bytes text, sb_val *result);
/* bytes of room in the arena for a result of at most SB_VALUE_BYTES_MAX. */
SB_MUST_CHECK sb_status sb_func__room(sb_func_context *ctx, size_t bytes, uint8_t **room);
SB_MUST_CHECK sb_status sb_func__list(sb_func_context *ctx, uint64_t count, sb_val_list **list);
/* Put items at a place of a list that is being made. *depth: of the deepest, if that is more. Asks now and then whether to go on. */
SB_MUST_CHECK sb_status sb_func__fill(sb_func_context *ctx, sb_val_list *list, uint64_t at,
                                      const sb_val *items, uint64_t count, unsigned *depth);
SB_MUST_CHECK sb_status sb_func__boxed(sb_func_context *ctx, const sb_value *value, sb_val *result);
/* What toString() gives, in the arena; *has false: the kind has no text. */
SB_MUST_CHECK sb_status sb_func__to_string(sb_func_context *ctx, sb_val v, sb_val *result,
                                           bool *has);

/* ---- Points ---------------------------------------------------------------------------------------------------- */

SB_INLINE bool sb_func__srid_geographic(uint32_t srid)
{
    return srid == 4326 || srid == 4979;
}
SB_INLINE bool sb_func__srid_3d(uint32_t srid)
{
    return srid == 4979 || srid == 9157;
}
/* x, y, longitude, crs …: false when a point of its kind has no such component. */
bool sb_func__point_component(const sb_value *point, sb_bytes key, sb_val *result);

/* ---- Temporal values ------------------------------------------------------------------------------------------------ */

/* A date, time or both, as a clock on the wall shows it. */
typedef struct sb_moment {
    bool has_date, has_time, has_offset;
    int64_t days;   /* since 1970-01-01; 0 without date */
    int64_t ns;     /* of the day; 0 without time */
    int32_t offset; /* seconds east */
    sb_bytes zone;  /* its name; empty: offset only */
} sb_moment;

/* False: v is no date or time. */
bool sb_func__moment_of(sb_val v, sb_moment *moment);
/* A value of kind DATE … DATETIME from the parts that it has; what it lacks is dropped, offset and zone as they stand.
 * ArithmeticError: outside of the years that there are. */
SB_MUST_CHECK sb_status sb_func__moment_val(sb_func_context *ctx, sb_val_kind kind,
                                            const sb_moment *moment, sb_val *result);
/* Seconds since 1970-01-01T00:00Z, of a moment with an offset. */
int64_t sb_func__moment_seconds(const sb_moment *moment);
/* The local date and time of an instant in moment's zone (or fixed offset). */
SB_MUST_CHECK sb_status sb_func__moment_at(sb_func_context *ctx, int64_t seconds, int64_t nanos,
                                           sb_moment *moment);
/* Find the offset of a local date and time in its zone. The offset that is there stays when it is one of two that the hour
 * comes with; a time that a clock skips moves on by what it skips. Fixed offsets stay. */
SB_MUST_CHECK sb_status sb_func__moment_resolve(sb_func_context *ctx, sb_moment *moment);
/* Set zone or offset from 'Z', '+01:00' or a name that exists, without touching the local time. */
SB_MUST_CHECK sb_status sb_func__moment_set_zone(sb_func_context *ctx, sb_bytes text,
                                                 sb_moment *moment);
/* Component of a DATE … DATETIME, DURATION. InvalidArgumentValue: it has none of that name. */
SB_MUST_CHECK sb_status sb_func__temporal_component(sb_func_context *ctx, sb_val v, sb_bytes key,
                                                    sb_val *result);
SB_INLINE bool sb_func__is_instant(sb_val v)
{
    return v.kind >= SB_VAL_DATE && v.kind <= SB_VAL_DATETIME;
}
/* "+01:00", "Z" */
SB_MUST_CHECK sb_status sb_func__write_offset(int32_t offset, sb_buffer *out);

/* A day in the calendars that Cypher knows. */
typedef struct sb_calendar {
    int64_t year, week_year;
    unsigned month, day, week, day_of_week, ordinal_day, quarter, day_of_quarter;
} sb_calendar;
void sb_func__calendar(int64_t days, sb_calendar *calendar);
unsigned sb_func__month_length(int64_t year, unsigned month);
/* days moved by months, a day past the month's end becoming its last. False: outside of the years that there are. */
bool sb_func__add_months(int64_t days, int64_t months, int64_t *sum);

/* ---- Durations ------------------------------------------------------------------------------------------------------ */

/* A duration's parts before they are normalized. */
typedef struct sb_amounts {
    sb_i128 months, days, nanos;
} sb_amounts;
/* ArithmeticError IntegerOverflow when a part does not fit. */
SB_MUST_CHECK sb_status sb_func__duration(sb_func_context *ctx, const sb_amounts *amounts,
                                          sb_val *result);
sb_amounts sb_func__amounts_of(sb_val duration);
/* Exactly, toward zero: what is left of months goes to days, of days to nanoseconds. */
sb_amounts sb_func__amounts_divide(sb_amounts a, int64_t divisor);
/* Add a number of months, days or nanoseconds that may have a fraction: that of a month becomes days and nanoseconds, that of a day
 * nanoseconds, that of a nanosecond nothing. False: too large. */
typedef enum sb_amount_part { SB_AMOUNT_MONTHS, SB_AMOUNT_DAYS, SB_AMOUNT_NANOS } sb_amount_part;
SB_MUST_CHECK bool sb_func__amount_add(sb_amounts *sum, sb_amount_part part, double amount);
/* a ± b, where b is a duration and a is one or an instant. */
SB_MUST_CHECK sb_status sb_func__duration_add(sb_func_context *ctx, sb_val a, sb_val b,
                                              bool subtract, sb_val *result);
/* duration × factor, duration ÷ factor; factor is a number. */
SB_MUST_CHECK sb_status sb_func__duration_scale(sb_func_context *ctx, sb_val duration,
                                                sb_val factor, bool divide, sb_val *result);

/* What duration() reads from a text and a map. */
SB_MUST_CHECK sb_status sb_func__duration_parse(sb_func_context *ctx, sb_bytes text,
                                                sb_val *result);

/* ---- Regular expressions, Unicode --------------------------------------------------------------------------------------- */

/* Does the whole of text match? Compiled patterns are kept in the context. */
SB_MUST_CHECK sb_status sb_func__regex(sb_func_context *ctx, sb_bytes text, sb_bytes pattern,
                                       bool *matches);
/* form: NFC, NFD, NFKC, NFKD (in any case). */
SB_MUST_CHECK sb_status sb_func__normalize(sb_func_context *ctx, sb_bytes text, sb_bytes form,
                                           sb_val *result);
/* Number of characters. */
size_t sb_func__length(sb_bytes text);
/* Byte where character index begins, or the size. */
size_t sb_func__at(sb_bytes text, uint64_t index);

/* Shortest decimal that reads back as a finite magnitude: digits without zeros at their end, and the decimal exponent of the first. */
typedef struct sb_decimal {
    char digits[18];
    int count, exponent;
} sb_decimal;
sb_decimal sb_func__decimal(double magnitude);

SB_INLINE bool sb_func__is_number(sb_val v)
{
    return v.kind == SB_VAL_INT || v.kind == SB_VAL_FLOAT;
}
SB_INLINE double sb_func__real(sb_val v)
{
    return v.kind == SB_VAL_INT ? (double)v.as.integer : v.as.real;
}
/* key is exactly name. */
SB_INLINE bool sb_func__named(sb_bytes key, const char *name)
{
    return key.size == strlen(name) && memcmp(key.data, name, key.size) == 0;
}

/* ---- The functions and aggregates of table.def ---------------------------------------------------------------------------- */

#define SB_FUNCTION(name, symbol, ...)                                                             \
    sb_status sb_func__##symbol(sb_func_context *ctx, const sb_val *args, uint32_t count,          \
                                sb_val *result);
#define SB_FUNCTION_ALIAS(name, symbol, ...)
#define SB_AGGREGATE(name, symbol, ...) extern const sb_aggregate sb_func__##symbol;
#include "cypher/func/table.def"
#undef SB_FUNCTION
#undef SB_FUNCTION_ALIAS
#undef SB_AGGREGATE

#endif
