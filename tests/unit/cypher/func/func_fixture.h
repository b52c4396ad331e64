/* func_fixture.h — a context for functions, and an evaluator of constant expressions that does without rows: so tests are tables of
 * text, "1 + 2" → "3". A failure gives "TypeError: InvalidArgumentType". $1, $2 … are values that the test sets, NaN and Infinity
 * are themselves. */
#ifndef TESTS_FUNC_FIXTURE_H
#define TESTS_FUNC_FIXTURE_H

#include "cypher/func/func_priv.h"
#include "cypher/parse/parse.h"
#include "support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct func_fixture {
    sb_counting_allocator counting;
    sb_func_context ctx;
    sb_err err;
    sb_val params[10];
    sb_buffer text;       /* of the last result */
    sb_arena *text_arena; /* of the expressions' trees */
    sb_status status;
} func_fixture;

static inline sb_status fixture_read_zone(void *ctx, const char *name, sb_buffer *out, bool *found,
                                          sb_err *err)
{
    char path[256], piece[4096];
    const char *folder = getenv("TZDIR");
    size_t bytes;

    (void)ctx;
    (void)snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "/usr/share/zoneinfo",
                   name);
    FILE *file = fopen(path, "rb");
    *found = file != NULL;
    if (file == NULL) return SB_OK;
    sb_status st = SB_OK;
    while (st == SB_OK && (bytes = fread(piece, 1, sizeof piece, file)) > 0)
        st = sb_buffer_append(out, piece, bytes);
    (void)fclose(file);
    return st == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
}

static inline void fixture_real_time(void *ctx, int64_t *seconds, uint32_t *nanos)
{
    (void)ctx;
    *seconds = 1700000002;
    *nanos = 5;
}

static inline void fixture_open(func_fixture *f)
{
    memset(f, 0, sizeof *f);
    sb_counting_allocator_init(&f->counting, &sb_allocator_libc);
    sb_err_clear(&f->err);
    f->ctx.alloc = &f->counting.base;
    f->ctx.arena = sb_arena_create(&f->counting.base, NULL);
    assert_non_null(f->ctx.arena);
    f->ctx.err = &f->err;
    f->ctx.default_zone = sb_bytes_of("Z", 1);
    f->ctx.now_seconds = 1700000000; /* 2023-11-14T22:13:20Z */
    f->ctx.now_nanos = 123456789;
    f->ctx.transaction_seconds = 1699999999;
    f->ctx.real_time = fixture_real_time;
    f->ctx.random[0] = 1;
    f->ctx.random[1] = 2;
    assert_int_equal(
        sb_zones_create(&f->counting.base, fixture_read_zone, NULL, &f->ctx.zones, &f->err), SB_OK);
    sb_buffer_init(&f->text, &sb_allocator_libc);
    f->text_arena = sb_arena_create(&sb_allocator_libc, NULL);
    assert_non_null(f->text_arena);
}

static inline void fixture_close(func_fixture *f)
{
    sb_func_context_deinit(&f->ctx);
    sb_zones_destroy(f->ctx.zones);
    sb_arena_destroy(f->ctx.arena);
    sb_buffer_deinit(&f->text);
    sb_arena_destroy(f->text_arena);
    assert_int_equal(f->counting.live_bytes, 0);
}

/* ---- Evaluating ------------------------------------------------------------------------------------------------ */

static inline sb_val fixture_value(func_fixture *f, const sb_expr *e);

static inline void fixture_note(func_fixture *f, sb_status st)
{
    if (f->status == SB_OK) f->status = st;
}

static inline sb_val fixture_list(func_fixture *f, const sb_expr *e)
{
    sb_val v = SB_VAL_NULL_VALUE;
    sb_val_list *list = sb_val_list_make(f->ctx.arena, e->arg_count);

    if (list == NULL) {
        fixture_note(f, SB_FAIL_NOMEM(&f->err));
        return v;
    }
    for (uint32_t i = 0; i < e->arg_count; i++)
        list->items[i] = fixture_value(f, e->args[i]);
    if (f->status == SB_OK) fixture_note(f, sb_val_list_seal(list, &v, &f->err));
    return v;
}

static inline sb_val fixture_map(func_fixture *f, const sb_expr *e)
{
    sb_val v = SB_VAL_NULL_VALUE;
    sb_val_map *map = sb_val_map_make(f->ctx.arena, e->arg_count);

    if (map == NULL) {
        fixture_note(f, SB_FAIL_NOMEM(&f->err));
        return v;
    }
    for (uint32_t i = 0; i < e->arg_count; i++)
        map->entries[i] = (sb_val_entry){e->keys[i], fixture_value(f, e->args[i])};
    if (f->status == SB_OK) fixture_note(f, sb_val_map_seal(map, &v, &f->err));
    return v;
}

/* Null in, null out: what the callers of functions do. */
static inline sb_val fixture_call(func_fixture *f, const sb_expr *e)
{
    const sb_function *function = sb_function_find(e->name);
    sb_val args[16], result = SB_VAL_NULL_VALUE;
    bool has_null = false;

    if (function == NULL)
        fail_msg("no function '%.*s'", (int)e->name.size, (const char *)e->name.data);
    assert_in_range(e->arg_count, function->min_args,
                    function->max_args < 16 ? function->max_args : 16);
    for (uint32_t i = 0; i < e->arg_count; i++) {
        args[i] = fixture_value(f, e->args[i]);
        has_null = has_null || args[i].kind == SB_VAL_NULL;
    }
    if (f->status != SB_OK || (has_null && (function->flags & SB_FUNC_NULL_IN_NULL_OUT) != 0))
        return result;
    fixture_note(f, function->call(&f->ctx, args, e->arg_count, &result));
    return result;
}

static inline sb_val fixture_variable(const sb_expr *e)
{
    if (sb_func__named(e->name, "NaN")) return sb_val_float((double)NAN);
    if (sb_func__named(e->name, "Infinity")) return sb_val_float((double)INFINITY);
    fail_msg("no value '%.*s'", (int)e->name.size, (const char *)e->name.data);
    return SB_VAL_NULL_VALUE;
}

/* Operators, whose sides are evaluated first. */
static inline sb_val fixture_operator(func_fixture *f, const sb_expr *e)
{
    sb_val sides[3] = {{0}}, v = SB_VAL_NULL_VALUE;

    for (uint32_t i = 0; i < e->arg_count; i++)
        if (e->args[i] != NULL) sides[i] = fixture_value(f, e->args[i]);
    if (f->status != SB_OK) return v;
    switch (e->kind) {
    case SB_EXPR_UNARY: fixture_note(f, sb_op_unary(&f->ctx, (sb_op1)e->op, sides[0], &v)); break;
    case SB_EXPR_BINARY:
        fixture_note(f, sb_op_binary(&f->ctx, (sb_op2)e->op, sides[0], sides[1], &v));
        break;
    case SB_EXPR_PROPERTY: fixture_note(f, sb_op_property(&f->ctx, sides[0], e->name, &v)); break;
    case SB_EXPR_INDEX: fixture_note(f, sb_op_index(&f->ctx, sides[0], sides[1], &v)); break;
    case SB_EXPR_SLICE:
        fixture_note(f, sb_op_slice(&f->ctx, sides[0], e->args[1] != NULL ? &sides[1] : NULL,
                                    e->args[2] != NULL ? &sides[2] : NULL, &v));
        break;
    case SB_EXPR_IS_TYPE: fixture_note(f, sb_op_is_type(&f->ctx, sides[0], e->type, &v)); break;
    case SB_EXPR_IS_NORMALIZED:
        fixture_note(f, sb_op_is_normalized(&f->ctx, sides[0], e->name, &v));
        break;
    default: fail_msg("expression of kind %d", e->kind);
    }
    if (e->negated && v.kind == SB_VAL_BOOL) v = sb_val_bool(!v.as.boolean);
    return v;
}

static inline sb_val fixture_value(func_fixture *f, const sb_expr *e)
{
    switch (e->kind) {
    case SB_EXPR_NULL: return SB_VAL_NULL_VALUE;
    case SB_EXPR_BOOL: return sb_val_bool(e->value.boolean);
    case SB_EXPR_INT: return sb_val_int(e->value.integer);
    case SB_EXPR_FLOAT: return sb_val_float(e->value.real);
    case SB_EXPR_STRING: return sb_val_string(e->name);
    case SB_EXPR_PARAM: return f->params[e->name.data[0] - '0'];
    case SB_EXPR_VAR: return fixture_variable(e);
    case SB_EXPR_LIST: return fixture_list(f, e);
    case SB_EXPR_MAP: return fixture_map(f, e);
    case SB_EXPR_CALL: return fixture_call(f, e);
    default: return fixture_operator(f, e);
    }
}

/* The expression behind RETURN in a statement of that alone; false: it is something else. */
static inline bool fixture_return(const sb_statement *statement, const sb_expr **e)
{
    const sb_query *query = statement->query;

    if (query == NULL || query->part_count != 1 || query->parts[0]->count != 1) return false;
    const sb_clause *clause = query->parts[0]->clauses[0];
    if (clause->kind != SB_CLAUSE_RETURN || clause->as.projection.item_count != 1) return false;
    *e = clause->as.projection.items[0].expr;
    return true;
}

/* Parsed with memory of its own: tests count what evaluation takes. */
static inline sb_val fixture_run(func_fixture *f, const char *text)
{
    sb_statement *statement;
    const sb_expr *e = NULL;
    size_t end;

    sb_err_clear(&f->err);
    if (sb_cypher_parse(f->text_arena, sb_bytes_of(text, strlen(text)), NULL, &statement, &end,
                        &f->err) != SB_OK)
        fail_msg("%s", f->err.text);
    assert_true(fixture_return(statement, &e));
    f->status = SB_OK;
    return fixture_value(f, e);
}

/* ---- Checking ---------------------------------------------------------------------------------------------------- */

/* The value; f->status tells of a failure. */
static inline sb_val fixture_eval(func_fixture *f, const char *expression)
{
    char text[2048];

    assert_in_range(snprintf(text, sizeof text, "RETURN %s AS x", expression), 0, sizeof text - 1);
    return fixture_run(f, text);
}

/* The value as a literal, or "TypeError: InvalidArgumentType". */
static inline const char *fixture_show(func_fixture *f, const char *expression)
{
    const sb_val v = fixture_eval(f, expression);

    sb_buffer_reset(&f->text);
    if (f->status == SB_OK) {
        assert_int_equal(sb_val_to_literal(v, &f->text, NULL), SB_OK);
    } else {
        assert_true(f->err.runtime);
        assert_int_equal(f->err.code, f->status);
        assert_int_equal(sb_buffer_printf(&f->text, "%s: %s", sb_cypher_error_type(f->err.detail),
                                          sb_cypher_error_name(f->err.detail)),
                         SB_OK);
    }
    assert_int_equal(sb_buffer_append_byte(&f->text, '\0'), SB_OK);
    return (const char *)f->text.data;
}

typedef struct fixture_case {
    const char *expression, *expected;
} fixture_case;

static inline void fixture_check(func_fixture *f, const fixture_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *shown = fixture_show(f, cases[i].expression);
        if (strcmp(shown, cases[i].expected) != 0)
            fail_msg("%s gives %s, not %s", cases[i].expression, shown, cases[i].expected);
    }
}

#define CHECK_CASES(f, cases) fixture_check((f), (cases), sizeof(cases) / sizeof((cases)[0]))

#define RUN_CASES(cases)                                                                           \
    do {                                                                                           \
        func_fixture fixture;                                                                      \
        (void)state;                                                                               \
        fixture_open(&fixture);                                                                    \
        CHECK_CASES(&fixture, cases);                                                              \
        fixture_close(&fixture);                                                                   \
    } while (0)

/* Each allocation of each expression fails once: SB_NOMEM, nothing leaks, and the context stays usable. */
static inline void fixture_starve(const char *const *expressions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool passed = false;
        for (size_t fail_at = 1; !passed; fail_at++) {
            func_fixture f;
            fixture_open(&f);
            f.counting.fail_at = f.counting.alloc_count + fail_at;
            (void)fixture_eval(&f, expressions[i]);
            passed = f.status == SB_OK;
            if (!passed) {
                assert_int_equal(f.status, SB_NOMEM);
                assert_int_equal(f.err.code, SB_NOMEM);
                (void)fixture_eval(&f, expressions[i]);
                assert_int_equal(f.status, SB_OK);
            }
            fixture_close(&f);
            assert_true(fail_at < 100);
        }
    }
}

#define TYPE_ERROR     "TypeError: InvalidArgumentType"
#define VALUE_ERROR    "TypeError: InvalidArgumentValue"
#define OVERFLOW_ERROR "ArithmeticError: IntegerOverflow"
#define RANGE_ERROR    "ArgumentError: NumberOutOfRange"
#define DIVISION_ERROR "ArithmeticError: DivisionByZero"

#endif
