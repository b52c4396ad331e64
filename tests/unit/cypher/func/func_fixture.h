/* func_fixture.h — a context for functions, and a small reader of expressions, so that tests are tables of text: "1 + 2" → "3".
 * It knows literals, lists, maps, calls, postfix .key [i] [i..j], and binary operators from left to right without precedence
 * (parentheses group). A failure gives "TypeError: InvalidArgumentType". $1, $2 … are values that the test sets. */
#ifndef TESTS_FUNC_FIXTURE_H
#define TESTS_FUNC_FIXTURE_H

#include "cypher/func/func_priv.h"
#include "support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct func_fixture {
    sb_counting_allocator counting;
    sb_func_context ctx;
    sb_err err;
    sb_val params[10];
    sb_buffer text; /* of the last result */
    const char *p;  /* in the expression being read */
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
}

static inline void fixture_close(func_fixture *f)
{
    sb_func_context_deinit(&f->ctx);
    sb_zones_destroy(f->ctx.zones);
    sb_arena_destroy(f->ctx.arena);
    sb_buffer_deinit(&f->text);
    assert_int_equal(f->counting.live_bytes, 0);
}

/* ---- Reading ------------------------------------------------------------------------------------------------- */

static inline sb_val fixture_expression(func_fixture *f);

static inline void fixture_blank(func_fixture *f)
{
    while (*f->p == ' ')
        f->p++;
}

static inline bool fixture_take(func_fixture *f, const char *token)
{
    fixture_blank(f);
    if (strncmp(f->p, token, strlen(token)) != 0) return false;
    f->p += strlen(token);
    return true;
}

static inline void fixture_note(func_fixture *f, sb_status st)
{
    if (f->status == SB_OK) f->status = st;
}

static inline sb_val fixture_text(func_fixture *f, char quote)
{
    const char *begin = f->p;
    char *room = sb_arena_strndup(f->ctx.arena, begin, strlen(begin));
    size_t size = 0;

    if (room == NULL) {
        fixture_note(f, SB_FAIL_NOMEM(&f->err));
        while (*f->p != quote)
            f->p++;
        f->p++;
        return SB_VAL_NULL_VALUE;
    }
    for (; *f->p != quote; f->p++) {
        assert_true(*f->p != '\0');
        if (*f->p == '\\' && f->p[1] != '\0') f->p++;
        room[size++] = *f->p;
    }
    f->p++;
    return sb_val_string(sb_bytes_of(room, size));
}

static inline sb_bytes fixture_name(func_fixture *f)
{
    const char *begin;

    fixture_blank(f);
    begin = f->p;
    while ((*f->p >= 'a' && *f->p <= 'z') || (*f->p >= 'A' && *f->p <= 'Z') || *f->p == '_' ||
           (*f->p >= '0' && *f->p <= '9'))
        f->p++;
    assert_true(f->p != begin);
    return sb_bytes_of(begin, (size_t)(f->p - begin));
}

static inline sb_val fixture_list(func_fixture *f)
{
    sb_val items[64], v = SB_VAL_NULL_VALUE;
    uint64_t count = 0;

    while (!fixture_take(f, "]")) {
        assert_true(count < 64);
        items[count++] = fixture_expression(f);
        (void)fixture_take(f, ",");
    }
    sb_val_list *list = sb_val_list_make(f->ctx.arena, count);
    if (list == NULL) {
        fixture_note(f, SB_FAIL_NOMEM(&f->err));
        return v;
    }
    memcpy(list->items, items, count * sizeof items[0]);
    fixture_note(f, sb_val_list_seal(list, &v, &f->err));
    return v;
}

static inline sb_val fixture_map(func_fixture *f)
{
    sb_val_entry entries[64];
    uint64_t count = 0;
    sb_val v = SB_VAL_NULL_VALUE;

    while (!fixture_take(f, "}")) {
        assert_true(count < 64);
        entries[count].key = fixture_name(f);
        assert_true(fixture_take(f, ":"));
        entries[count++].value = fixture_expression(f);
        (void)fixture_take(f, ",");
    }
    sb_val_map *map = sb_val_map_make(f->ctx.arena, count);
    if (map == NULL) {
        fixture_note(f, SB_FAIL_NOMEM(&f->err));
        return v;
    }
    memcpy(map->entries, entries, count * sizeof entries[0]);
    fixture_note(f, sb_val_map_seal(map, &v, &f->err));
    return v;
}

static inline sb_val fixture_number(func_fixture *f)
{
    char *end;
    const size_t digits = strspn(f->p + (*f->p == '-'), "0123456789") + (*f->p == '-');
    const bool real = (f->p[digits] == '.' && f->p[digits + 1] >= '0' && f->p[digits + 1] <= '9') ||
                      f->p[digits] == 'e';
    const sb_val v =
        real ? sb_val_float(strtod(f->p, &end)) : sb_val_int((int64_t)strtoll(f->p, &end, 10));
    f->p = end;
    return v;
}

/* Null in, null out: what the callers of functions do. */
static inline sb_val fixture_apply(func_fixture *f, const sb_function *function, const sb_val *args,
                                   uint32_t count)
{
    sb_val result = SB_VAL_NULL_VALUE;

    if (f->status != SB_OK) return result;
    assert_in_range(count, function->min_args, function->max_args);
    if ((function->flags & SB_FUNC_NULL_IN_NULL_OUT) != 0)
        for (uint32_t i = 0; i < count; i++)
            if (args[i].kind == SB_VAL_NULL) return result;
    fixture_note(f, function->call(&f->ctx, args, count, &result));
    return result;
}

static inline sb_val fixture_call_or_word(func_fixture *f)
{
    char name[64] = "";
    sb_val args[16];
    uint32_t count = 0;

    for (;;) {
        const sb_bytes part = fixture_name(f);
        (void)strncat(name, (const char *)part.data, part.size);
        const bool word = strcmp(name, "null") == 0 || strcmp(name, "true") == 0;
        if (*f->p != '.' || f->p[1] == '.' || word) break;
        (void)strcat(name, ".");
        f->p++;
    }
    if (strcmp(name, "null") == 0) return SB_VAL_NULL_VALUE;
    if (strcmp(name, "true") == 0) return sb_val_bool(true);
    if (strcmp(name, "false") == 0) return sb_val_bool(false);
    if (strcmp(name, "NaN") == 0) return sb_val_float((double)NAN);
    if (strcmp(name, "Infinity") == 0) return sb_val_float((double)INFINITY);
    if (!fixture_take(f, "(")) fail_msg("no value: '%s'", name);
    while (!fixture_take(f, ")")) {
        assert_true(count < 16);
        args[count++] = fixture_expression(f);
        (void)fixture_take(f, ",");
    }
    const sb_function *function = sb_function_find(sb_bytes_of(name, strlen(name)));
    if (function == NULL) fail_msg("no function '%s'", name);
    return fixture_apply(f, function, args, count);
}

static inline sb_val fixture_primary(func_fixture *f)
{
    fixture_blank(f);
    if (fixture_take(f, "(")) {
        const sb_val v = fixture_expression(f);
        assert_true(fixture_take(f, ")"));
        return v;
    }
    if (fixture_take(f, "'")) return fixture_text(f, '\'');
    if (fixture_take(f, "[")) return fixture_list(f);
    if (fixture_take(f, "{")) return fixture_map(f);
    if (fixture_take(f, "$")) return f->params[*f->p++ - '0'];
    if ((*f->p >= '0' && *f->p <= '9') || (*f->p == '-' && f->p[1] >= '0' && f->p[1] <= '9'))
        return fixture_number(f);
    if (fixture_take(f, "-") || fixture_take(f, "NOT ")) {
        const sb_op1 op = f->p[-1] == '-' ? SB_OP1_MINUS : SB_OP1_NOT;
        sb_val v = fixture_primary(f), result = SB_VAL_NULL_VALUE;
        if (f->status == SB_OK) fixture_note(f, sb_op_unary(&f->ctx, op, v, &result));
        return result;
    }
    return fixture_call_or_word(f);
}

static inline sb_val fixture_brackets(func_fixture *f, sb_val v)
{
    sb_val from, to, result = SB_VAL_NULL_VALUE;
    bool has_from = false, has_to = false;

    if (!fixture_take(f, "..")) {
        from = fixture_expression(f);
        has_from = true;
        if (fixture_take(f, "]")) {
            if (f->status == SB_OK) fixture_note(f, sb_op_index(&f->ctx, v, from, &result));
            return result;
        }
        assert_true(fixture_take(f, ".."));
    }
    if (!fixture_take(f, "]")) {
        to = fixture_expression(f);
        has_to = true;
        assert_true(fixture_take(f, "]"));
    }
    if (f->status == SB_OK)
        fixture_note(
            f, sb_op_slice(&f->ctx, v, has_from ? &from : NULL, has_to ? &to : NULL, &result));
    return result;
}

static inline sb_val fixture_postfix(func_fixture *f)
{
    sb_val v = fixture_primary(f), result;

    for (;;) {
        if (f->p[0] == '.' && f->p[1] != '.') {
            f->p++;
            const sb_bytes key = fixture_name(f);
            result = SB_VAL_NULL_VALUE;
            if (f->status == SB_OK) fixture_note(f, sb_op_property(&f->ctx, v, key, &result));
            v = result;
        } else if (fixture_take(f, "[")) {
            v = fixture_brackets(f, v);
        } else if (fixture_take(f, "IS NULL")) {
            fixture_note(f, sb_op_unary(&f->ctx, SB_OP1_IS_NULL, v, &result));
            v = result;
        } else {
            return v;
        }
    }
}

static inline sb_val fixture_expression(func_fixture *f)
{
    static const struct {
        const char *text;
        sb_op2 op;
    } operators[] = {
        {"STARTS WITH ", SB_OP2_STARTS_WITH},
        {"ENDS WITH ", SB_OP2_ENDS_WITH},
        {"CONTAINS ", SB_OP2_CONTAINS},
        {"AND ", SB_OP2_AND},
        {"XOR ", SB_OP2_XOR},
        {"OR ", SB_OP2_OR},
        {"IN ", SB_OP2_IN},
        {"=~", SB_OP2_REGEX},
        {"||", SB_OP2_CONCAT},
        {"<>", SB_OP2_NE},
        {"<=", SB_OP2_LE},
        {">=", SB_OP2_GE},
        {"<", SB_OP2_LT},
        {">", SB_OP2_GT},
        {"=", SB_OP2_EQ},
        {"+", SB_OP2_ADD},
        {"-", SB_OP2_SUB},
        {"*", SB_OP2_MUL},
        {"/", SB_OP2_DIV},
        {"%", SB_OP2_MOD},
        {"^", SB_OP2_POW},
    };
    sb_val v = fixture_postfix(f);

    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (!fixture_take(f, operators[i].text)) continue;
        const sb_val right = fixture_postfix(f);
        sb_val result = SB_VAL_NULL_VALUE;
        if (f->status == SB_OK)
            fixture_note(f, sb_op_binary(&f->ctx, operators[i].op, v, right, &result));
        v = result;
        i = SIZE_MAX; /* from the beginning */
    }
    return v;
}

/* ---- Checking ---------------------------------------------------------------------------------------------------- */

/* The value; f->status tells of a failure. */
static inline sb_val fixture_eval(func_fixture *f, const char *expression)
{
    sb_err_clear(&f->err);
    f->status = SB_OK;
    f->p = expression;
    const sb_val v = fixture_expression(f);
    fixture_blank(f);
    if (f->status == SB_OK && *f->p != '\0') fail_msg("left of '%s': '%s'", expression, f->p);
    return v;
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
