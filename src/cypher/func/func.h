/* func.h — functions of the language: one table, found by name, called for each row.
 * Hides:    strings and Unicode (utf8proc), regular expressions (PCRE2), temporal arithmetic, time zones, aggregation states.
 * Promises: a function that fails says what it was given; none keeps state between calls but through its context.
 * To add a function: one row in func/table.def, its C function in the file of its family, a line in docs/CYPHER.md.
 * Tests:    tests/unit/cypher/func */
#ifndef SB_CYPHER_FUNC_H
#define SB_CYPHER_FUNC_H

#include "cypher/func/val.h"
#include "cypher/parse/ast.h"
#include "graph/graph.h"

/* What functions may ask of the graph: the executor implements it (func/ knows no transaction). */
typedef struct sb_entity_reader {
    void *ctx;
    /* EntityNotFound DeletedEntityAccess where the entity is gone. Texts are borrowed until the statement's step ends. */
    sb_status (*property)(void *ctx, sb_val entity, sb_bytes key, sb_val *value, sb_err *err);
    sb_status (*properties)(void *ctx, sb_val entity, sb_val *map, sb_err *err);
    sb_status (*labels)(void *ctx, sb_val node, sb_val *list, sb_err *err);
    sb_status (*type)(void *ctx, sb_val rel, sb_val *name, sb_err *err);
    sb_status (*ends)(void *ctx, sb_val rel, uint64_t *start, uint64_t *end, sb_err *err);
    sb_status (*degree)(void *ctx, sb_val node, int direction, sb_bytes type, uint64_t *degree,
                        sb_err *err);
} sb_entity_reader;

/* Of one run of a statement. */
typedef struct sb_func_context {
    sb_arena *arena; /* results are made here */
    const sb_allocator *alloc;
    const sb_entity_reader *reader;
    sb_zones *zones; /* time zones read so far; NULL: offsets alone are known */
    /* the clock of the statement and of the transaction: read once (datetime(), timestamp()) */
    int64_t now_seconds;
    uint32_t now_nanos;
    int64_t transaction_seconds;
    uint32_t transaction_nanos;
    /* now for the real-time clock: datetime.realtime() */
    void (*real_time)(void *ctx, int64_t *seconds, uint32_t *nanos);
    void *real_time_ctx;
    sb_bytes default_zone; /* "Z" unless the connection says otherwise */
    uint64_t random[2];    /* state of rand(), randomUUID(): seeded by the executor */
    /* Asked now and then by what takes long (cancel, time limit): not SB_OK ends it with that status. May be NULL. */
    sb_status (*poll)(void *ctx);
    void *poll_ctx;
    uint32_t rounds; /* of loops, that were gone through between two polls */
    uint64_t work;   /* bytes of long values that were gone through since then (sb_func_work) */
    struct sb_regexes
        *regexes; /* patterns of =~ compiled so far: NULL at first, sb_func_context_deinit */
    const struct sb_function *function; /* being called: set by the caller for SB_FUNC_USER ones */
    sb_err *err;
} sb_func_context;

/* Bytes of texts and lists that may be gone through between two polls: some 0.1 ms where they are compared or copied. */
#define SB_FUNC_WORK_BYTES ((uint64_t)1 << 20)
/* So many bytes are to be gone through: asks when it is time. An operation on one value is not divided, a statement ends within one. */
SB_MUST_CHECK SB_INLINE sb_status sb_func_work(sb_func_context *ctx, uint64_t bytes)
{
    ctx->work += bytes;
    if (SB_LIKELY(ctx->work < SB_FUNC_WORK_BYTES)) return SB_OK;
    ctx->work = 0;
    return ctx->poll == NULL ? SB_OK : ctx->poll(ctx->poll_ctx);
}
/* A value that is not long, where there may be many. */
#define SB_WORK_OF_A_VALUE 64u
/* What going through a value takes, in bytes about: of nested lists and maps as far as a few hundred values tell. */
SB_INLINE uint64_t sb_val_work(sb_val v)
{
    if (SB_LIKELY(v.kind < SB_VAL_LIST && v.kind != SB_VAL_STRING && v.kind != SB_VAL_BYTES))
        return 0;
    return v.kind == SB_VAL_STRING || v.kind == SB_VAL_BYTES ? v.aux : sb_val_work_nested(v);
}

/* Free what functions kept in the context (not zones, not the arena). A zeroed context needs nothing before its first use but its
 * fields set. */
void sb_func_context_deinit(sb_func_context *ctx);

typedef enum sb_func_flag {
    SB_FUNC_AGGREGATE = 1 << 0,
    SB_FUNC_NULL_IN_NULL_OUT =
        1 << 1, /* any null argument gives null: the caller checks, the function sees none */
    SB_FUNC_VOLATILE = 1 << 2, /* rand(), realtime clocks: not folded, not shared */
    SB_FUNC_USER = 1 << 3,     /* registered at run time */
    SB_FUNC_CLOCK = 1 << 4,    /* may read the clock of the statement or of the transaction */
    SB_FUNC_FIRST =
        1 << 5 /* the first argument that is not null: those behind it are not computed */
} sb_func_flag;

typedef sb_status (*sb_func_call)(sb_func_context *ctx, const sb_val *args, uint32_t arg_count,
                                  sb_val *result);

/* Aggregation: state of state_bytes, zeroed, 16-byte aligned; values it keeps are copied into arena. update sees no nulls unless count(*). */
typedef struct sb_aggregate {
    size_t state_bytes;
    sb_status (*update)(sb_func_context *ctx, sb_arena *arena, void *state, const sb_val *args,
                        uint32_t arg_count);
    sb_status (*merge)(sb_func_context *ctx, sb_arena *arena, void *state,
                       const void *other); /* the states of rows, and of those behind them */
    sb_status (*finish)(sb_func_context *ctx, void *state, sb_val *result);
    /* NULL: a state is bytes alone (but for sum), which may be moved to a file and back. Else: give(ctx, …) the arguments of each of the updates that
     * make an empty state the same as this one. */
    sb_status (*replay)(const void *state, sb_status (*give)(void *ctx, const sb_val *args),
                        void *ctx);
    bool any_order; /* the order of updates does not matter (but for the rounding of stDev) */
    bool inexact;   /* merged states may differ in the last bits from one of all rows */
    /* NULL, or: the sum in a state without replay, whose digits go to the file and come back with it. */
    sb_exact_sum *(*sum)(void *state);
} sb_aggregate;

typedef struct sb_function {
    const char *name;           /* canonical: "toUpper", "duration.between" */
    uint16_t flags;             /* sb_func_flag */
    uint8_t min_args, max_args; /* max 255: any number */
    /* masks that sema checks where kinds are known: min(max_args, 8) of them, where any number is taken max(min_args, 1); the last one is
     * that of all arguments behind; NULL: any */
    const uint32_t *arg_kinds;
    uint32_t result_kinds;
    sb_func_call call;             /* NULL for aggregates */
    const sb_aggregate *aggregate; /* NULL for others */
    const char *signature, *help;  /* SHOW FUNCTIONS, docs */
    const char *category;
    void *user_ctx; /* of functions registered from C */
} sb_function;

/* By name, ignoring case (names are case-insensitive); NULL when there is none. */
const sb_function *sb_function_find(sb_bytes name);
const sb_function *
sb_function_at(size_t i); /* NULL past the last: for SHOW FUNCTIONS and suggestions */

/* What range() of these arguments, none of them null, has: first, first + step, …, count of them. The function makes a list of it. */
typedef struct sb_func_range {
    int64_t first, step;
    uint64_t count; /* UINT64_MAX stands for 2^64, too */
} sb_func_range;
SB_MUST_CHECK sb_status sb_func_range_of(sb_func_context *ctx, const sb_val *args,
                                         uint32_t arg_count, sb_func_range *range);

/* What elementId() gives, read back: a NODE or RELATIONSHIP that may or may not exist. False: no entity has this text. */
bool sb_element_id_parse(sb_bytes text, sb_val *entity);

/* ---- Operators: the same for constants, rows and vectors' fallback --------------------------------------------- */

SB_MUST_CHECK sb_status sb_op_unary(sb_func_context *ctx, sb_op1 op, sb_val a, sb_val *result);
/* All of sb_op2 but AND, OR, XOR with unevaluated sides (those the evaluator does). */
SB_MUST_CHECK sb_status sb_op_binary(sb_func_context *ctx, sb_op2 op, sb_val a, sb_val b,
                                     sb_val *result);
sb_ternary sb_ternary_of(sb_val v,
                         bool *is_bool); /* *is_bool false: neither boolean nor null: a TypeError */
/* a.key for maps, entities, temporal values (components), points; TypeError for others; null for null. */
SB_MUST_CHECK sb_status sb_op_property(sb_func_context *ctx, sb_val a, sb_bytes key,
                                       sb_val *result);
SB_MUST_CHECK sb_status sb_op_index(sb_func_context *ctx, sb_val a, sb_val index, sb_val *result);
/* bounds with kind NULL and given false are open */
SB_MUST_CHECK sb_status sb_op_slice(sb_func_context *ctx, sb_val a, const sb_val *from,
                                    const sb_val *to, sb_val *result);
SB_MUST_CHECK sb_status sb_op_is_type(sb_func_context *ctx, sb_val a, const sb_type_spec *type,
                                      sb_val *result);
SB_MUST_CHECK sb_status sb_op_is_normalized(sb_func_context *ctx, sb_val a, sb_bytes form,
                                            sb_val *result);

/* ---- Temporal values ------------------------------------------------------------------------------------------ */

/* Text to temporal values as property values, for literals read elsewhere (CSV, JSON parameters): kind is DATE … DURATION. */
SB_MUST_CHECK sb_status sb_temporal_parse(sb_func_context *ctx, sb_val_kind kind, sb_bytes text,
                                          sb_val *result);

#endif
