/* exec_fixture.h — plans made by hand on a small graph: expressions, operators, runs and their rows as text.
 * Every plan but ARGUMENT hands on all slots, unless the test says less. Rows come back as "1|'a'|null" joined by newlines. */
#ifndef TESTS_EXEC_FIXTURE_H
#define TESTS_EXEC_FIXTURE_H

#include "support/graph_fixture.h"

#include "cypher/exec/exec_priv.h"

#include <stdio.h>

#define MAX_SLOTS 64u
#define MAX_NAMES 32u
#define MAX_PLANS 128u

typedef struct exec_fixture {
    graph_fixture g;
    sb_arena *arena; /* of plans */
    sb_plan_name_text names[MAX_NAMES];
    uint32_t name_count, slot_count;
    sb_plan *plans[MAX_PLANS];
    uint32_t plan_count;
    sb_statement statement;
    sb_bytes params[8];
    sb_val values[8];
    uint32_t param_count;
    sb_compiled compiled;
    sb_exec_options options;
    sb_exec *exec;
    sb_exec_stats stats;
    sb_buffer text; /* rows of the last run */
    bool writes;
} exec_fixture;

static inline void exec_open(exec_fixture *f)
{
    memset(f, 0, sizeof *f);
    graph_fixture_open(&f->g, 4096);
    f->arena = sb_arena_create(&sb_allocator_libc, NULL);
    assert_non_null(f->arena);
    sb_buffer_init(&f->text, &sb_allocator_libc);
}

static inline void exec_close(exec_fixture *f)
{
    sb_exec_close(f->exec);
    if (f->g.txn != NULL) rollback(&f->g);
    sb_arena_destroy(f->arena);
    sb_buffer_deinit(&f->text);
    graph_fixture_close(&f->g);
}

/* Forget the plan made so far. */
static inline void exec_clear(exec_fixture *f)
{
    sb_exec_close(f->exec);
    f->exec = NULL;
    sb_arena_reset(f->arena);
    f->name_count = f->slot_count = f->plan_count = f->param_count = 0;
}

static inline void *zeroed(exec_fixture *f, size_t bytes)
{
    void *p = sb_arena_alloc_zero(f->arena, bytes);
    assert_non_null(p);
    return p;
}

/* ---- Expressions ------------------------------------------------------------------------------------------------ */

static inline sb_var *var(exec_fixture *f, uint32_t kinds)
{
    sb_var *v = zeroed(f, sizeof *v);
    v->slot = f->slot_count++;
    v->kinds = kinds;
    v->name = text("v");
    assert_true(f->slot_count <= MAX_SLOTS);
    return v;
}

static inline sb_expr *expr(exec_fixture *f, sb_expr_kind kind, uint32_t arg_count, ...)
{
    sb_expr *e = zeroed(f, sizeof *e);
    va_list list;

    e->kind = (uint8_t)kind;
    e->kinds = SB_KIND_ANY;
    e->arg_count = arg_count;
    e->args = zeroed(f, (arg_count + 1) * sizeof *e->args);
    va_start(list, arg_count);
    for (uint32_t i = 0; i < arg_count; i++)
        e->args[i] = va_arg(list, sb_expr *);
    va_end(list);
    return e;
}

static inline sb_expr *null_(exec_fixture *f)
{
    return expr(f, SB_EXPR_NULL, 0);
}
static inline sb_expr *num(exec_fixture *f, int64_t v)
{
    sb_expr *e = expr(f, SB_EXPR_INT, 0);
    e->value.integer = v;
    e->kinds = SB_KIND_INT;
    return e;
}
static inline sb_expr *dec(exec_fixture *f, double v)
{
    sb_expr *e = expr(f, SB_EXPR_FLOAT, 0);
    e->value.real = v;
    e->kinds = SB_KIND_FLOAT;
    return e;
}
static inline sb_expr *boolean(exec_fixture *f, bool v)
{
    sb_expr *e = expr(f, SB_EXPR_BOOL, 0);
    e->value.boolean = v;
    e->kinds = SB_KIND_BOOL;
    return e;
}
static inline sb_expr *str(exec_fixture *f, const char *s)
{
    sb_expr *e = expr(f, SB_EXPR_STRING, 0);
    e->name = text(s);
    e->kinds = SB_KIND_STRING;
    return e;
}
static inline sb_expr *ref(exec_fixture *f, sb_var *v)
{
    sb_expr *e = expr(f, SB_EXPR_VAR, 0);
    e->var = v;
    e->name = v->name;
    e->kinds = v->kinds;
    return e;
}
static inline sb_expr *op2(exec_fixture *f, sb_op2 op, sb_expr *a, sb_expr *b)
{
    sb_expr *e = expr(f, SB_EXPR_BINARY, 2, a, b);
    e->op = (uint8_t)op;
    if (op <= SB_OP2_GE) e->kinds = (uint32_t)SB_KIND_BOOL | SB_KIND_NULL;
    return e;
}
static inline sb_expr *op1(exec_fixture *f, sb_op1 op, sb_expr *a)
{
    sb_expr *e = expr(f, SB_EXPR_UNARY, 1, a);
    e->op = (uint8_t)op;
    if (op != SB_OP1_MINUS && op != SB_OP1_PLUS) e->kinds = (uint32_t)SB_KIND_BOOL | SB_KIND_NULL;
    return e;
}
static inline sb_expr *prop(exec_fixture *f, sb_expr *of, const char *key)
{
    sb_expr *e = expr(f, SB_EXPR_PROPERTY, 1, of);
    e->name = text(key);
    return e;
}
/* [from, from + 1, … to] as a literal */
static inline sb_expr *range(exec_fixture *f, int64_t from, int64_t to)
{
    sb_expr *e = expr(f, SB_EXPR_LIST, 0);
    e->arg_count = to < from ? 0 : (uint32_t)(to - from + 1);
    e->args = zeroed(f, (e->arg_count + 1) * sizeof *e->args);
    for (uint32_t i = 0; i < e->arg_count; i++)
        e->args[i] = num(f, from + i);
    e->kinds = SB_KIND_LIST;
    return e;
}
/* A map of one or two entries; b NULL: one. */
static inline sb_expr *map_(exec_fixture *f, const char *a_key, sb_expr *a, const char *b_key,
                            sb_expr *b)
{
    sb_expr *e = expr(f, SB_EXPR_MAP, b == NULL ? 1 : 2, a, b);
    sb_bytes *keys = zeroed(f, 2 * sizeof *keys);
    keys[0] = text(a_key);
    if (b != NULL) keys[1] = text(b_key);
    e->keys = keys;
    e->kinds = SB_KIND_MAP;
    return e;
}
static inline sb_expr *param(exec_fixture *f, const char *name_text, sb_val value)
{
    sb_expr *e = expr(f, SB_EXPR_PARAM, 0);
    e->name = text(name_text);
    f->params[f->param_count] = e->name;
    f->values[f->param_count++] = value;
    return e;
}
static inline const sb_label_expr *labelled(exec_fixture *f, const char *s)
{
    sb_label_expr *l = zeroed(f, sizeof *l);
    l->op = SB_LABEL_NAME;
    l->name = text(s);
    return l;
}

/* ---- Plans ---------------------------------------------------------------------------------------------------------- */

static inline sb_plan *plan(exec_fixture *f, sb_plan_kind kind, sb_plan *input)
{
    sb_plan *p = zeroed(f, sizeof *p);
    p->kind = kind;
    p->input = input;
    p->number = f->plan_count;
    assert_true(f->plan_count < MAX_PLANS);
    f->plans[f->plan_count++] = p;
    return p;
}

static inline sb_plan_name plan_name(exec_fixture *f, sb_name_kind kind, const char *s)
{
    assert_true(f->name_count < MAX_NAMES);
    f->names[f->name_count] = (sb_plan_name_text){.kind = kind, .text = text(s)};
    return f->name_count++;
}
static inline const sb_plan_name *plan_names(exec_fixture *f, sb_name_kind kind, const char *s)
{
    sb_plan_name *n = zeroed(f, sizeof *n);
    *n = plan_name(f, kind, s);
    return n;
}

/* vars up to NULL */
static inline const sb_var **vars(exec_fixture *f, uint32_t *count, ...)
{
    const sb_var **list = zeroed(f, MAX_SLOTS * sizeof *list);
    va_list args;

    *count = 0;
    va_start(args, count);
    for (sb_var *v; (v = va_arg(args, sb_var *)) != NULL;)
        list[(*count)++] = v;
    va_end(args);
    return list;
}

static inline void set_live(exec_fixture *f, sb_plan *p, const sb_var *const *list, uint32_t count)
{
    uint32_t *live = zeroed(f, (MAX_SLOTS + 1) * sizeof *live);

    p->live_count = 0;
    for (uint32_t slot = 0; slot < f->slot_count; slot++)
        for (uint32_t i = 0; i < count; i++)
            if (list[i]->slot == slot) live[p->live_count++] = slot;
    p->live = live;
}

/* An ARGUMENT that hands on the variables given (up to NULL). */
static inline sb_plan *argument(exec_fixture *f, ...)
{
    sb_plan *p = plan(f, SB_PLAN_ARGUMENT, NULL);
    const sb_var *list[MAX_SLOTS];
    uint32_t count = 0;
    va_list args;

    va_start(args, f);
    for (sb_var *v; (v = va_arg(args, sb_var *)) != NULL;)
        list[count++] = v;
    va_end(args);
    set_live(f, p, list, count);
    return p;
}

static inline sb_plan *unwind(exec_fixture *f, sb_plan *input, sb_expr *list, sb_var *v)
{
    sb_plan *p = plan(f, SB_PLAN_UNWIND, input);
    p->as.unwind.list = list;
    p->as.unwind.var = v;
    return p;
}
static inline sb_plan *filter(exec_fixture *f, sb_plan *input, sb_expr *predicate)
{
    sb_plan *p = plan(f, SB_PLAN_FILTER, input);
    p->as.filter.predicate = predicate;
    return p;
}
static inline sb_plan *project(exec_fixture *f, sb_plan *input, sb_var *v, sb_expr *e)
{
    sb_plan *p = plan(f, SB_PLAN_PROJECT, input);
    sb_plan_assign *item = zeroed(f, sizeof *item);
    *item = (sb_plan_assign){.expr = e, .var = v};
    p->as.project.items = item;
    p->as.project.count = 1;
    return p;
}
static inline sb_plan *limit(exec_fixture *f, sb_plan_kind kind, sb_plan *input, sb_expr *count)
{
    sb_plan *p = plan(f, kind, input);
    p->as.limit.count = count;
    return p;
}

/* ---- Runs ----------------------------------------------------------------------------------------------------------- */

/* The statement: input with these columns (up to NULL). Live slots that were not set are all. */
static inline void statement(exec_fixture *f, sb_plan *input, ...)
{
    sb_plan *root = plan(f, SB_PLAN_RESULT, input);
    uint32_t *all = zeroed(f, (MAX_SLOTS + 1) * sizeof *all);
    const sb_var **list = zeroed(f, MAX_SLOTS * sizeof *list);
    va_list args;

    va_start(args, input);
    for (sb_var *v; (v = va_arg(args, sb_var *)) != NULL;)
        list[root->as.result.count++] = v;
    va_end(args);
    root->as.result.columns = list;
    for (uint32_t i = 0; i < f->slot_count; i++)
        all[i] = i;
    for (uint32_t i = 0; i < f->plan_count; i++)
        if (f->plans[i]->live == NULL) {
            f->plans[i]->live = all;
            f->plans[i]->live_count = f->slot_count;
        }
    f->statement = (sb_statement){.params = f->params, .param_count = f->param_count};
    f->compiled = (sb_compiled){.statement = &f->statement,
                                .root = root,
                                .names = f->names,
                                .name_count = f->name_count,
                                .slot_count = f->slot_count,
                                .plan_count = f->plan_count,
                                .writes = f->writes};
    f->options.alloc = &f->g.alloc.base;
    f->options.graph = f->g.graph;
    f->options.vfs = f->g.vfs;
    f->options.params = f->values;
}

static inline void append_row(exec_fixture *f, uint32_t row)
{
    const uint32_t count = f->compiled.root->as.result.count;

    for (uint32_t c = 0; c < count; c++) {
        if (c > 0) assert_int_equal(sb_buffer_append_byte(&f->text, '|'), SB_OK);
        OK(&f->g, sb_val_to_literal(sb_exec_value(f->exec, c, row), &f->text, &f->g.err));
    }
    assert_int_equal(sb_buffer_append_byte(&f->text, '\n'), SB_OK);
}

/* All rows of the run under way, in f->text. */
static inline sb_status fetch_rows(exec_fixture *f)
{
    uint32_t count;

    sb_buffer_reset(&f->text);
    do {
        SB_TRY(sb_exec_next(f->exec, &count, &f->g.err));
        assert_true(count <= SB_BATCH_ROWS);
        for (uint32_t row = 0; row < count; row++)
            append_row(f, row);
    } while (count != 0);
    sb_exec_stats_get(f->exec, &f->stats);
    return SB_OK;
}

static inline sb_status run(exec_fixture *f)
{
    sb_exec_close(f->exec);
    f->exec = NULL;
    SB_TRY(sb_exec_open(&f->compiled, &f->options, &f->exec, &f->g.err));
    return fetch_rows(f);
}

static inline const char *rows_text(exec_fixture *f)
{
    assert_int_equal(sb_buffer_append_byte(&f->text, '\0'), SB_OK);
    f->text.size--;
    return (const char *)f->text.data;
}

/* The statement's rows are these. */
static inline void gives(exec_fixture *f, const char *rows)
{
    OK(&f->g, run(f));
    assert_string_equal(rows_text(f), rows);
    /* and again, prepared */
    if (f->writes) return;
    OK(&f->g, sb_exec_reset(f->exec, &f->options, &f->g.err));
    OK(&f->g, fetch_rows(f));
    assert_string_equal(rows_text(f), rows);
}

static inline void fails(exec_fixture *f, sb_status status, uint32_t detail, const char *part)
{
    assert_int_equal(run(f), status);
    assert_int_equal(f->g.err.detail, detail);
    assert_true(f->g.err.runtime);
    if (strstr(f->g.err.text, part) == NULL)
        print_error("'%s' is not in '%s'\n", part, f->g.err.text);
    assert_non_null(strstr(f->g.err.text, part));
    sb_err_clear(&f->g.err);
}

#endif
