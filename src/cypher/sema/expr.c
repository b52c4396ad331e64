/* expr.c — expressions: names get their variables and functions, kinds go up from the leaves, aggregations and patterns stand where they may. */
#include "cypher/sema/sema_priv.h"

#include <math.h>
#include <string.h>

/* ---- Parts of expressions -------------------------------------------------------------------------------------------------- */

static sb_status analyze_args(sb_sema *s, sb_expr *e, bool predicate)
{
    e->constant = true;
    for (uint32_t i = 0; i < e->arg_count; i++) {
        if (e->args[i] == NULL) continue;
        SB_TRY(sb_sema__expr(s, e->args[i], predicate));
        e->aggregates = e->aggregates || e->args[i]->aggregates;
        e->constant = e->constant && e->args[i]->constant;
    }
    return SB_OK;
}

/* Where no aggregation may be. */
static sb_status without_aggregation(sb_sema *s, sb_expr *e, bool predicate)
{
    const sb_aggregation before = s->aggregation;

    s->aggregation = SB_AGGREGATION_NO;
    SB_TRY(sb_sema__expr(s, e, predicate));
    s->aggregation = before;
    return SB_OK;
}

sb_status sb_sema__plain(sb_sema *s, sb_expr *e)
{
    return e != NULL ? without_aggregation(s, e, false) : SB_OK;
}

sb_status sb_sema__predicate(sb_sema *s, sb_expr *e)
{
    if (e == NULL) return SB_OK;
    SB_TRY(without_aggregation(s, e, true));
    return sb_sema__want(s, e, SB_KIND_BOOL, "a predicate");
}

static uint32_t known(uint32_t kinds)
{
    return kinds != 0 ? kinds : SB_KIND_ANY;
}

/* ---- Leaves ------------------------------------------------------------------------------------------------------------------ */

static sb_status analyze_variable(sb_sema *s, sb_expr *e)
{
    if (e->var == NULL) e->var = sb_sema__find(s, e->name); /* made by the analysis: it is known */
    if (e->var == NULL) return sb_sema__fail_undefined(s, e->name, e->span);
    e->kinds = e->var->kinds | (e->var->nullable ? SB_KIND_NULL : 0);
    e->items = e->var->items;
    return SB_OK;
}

static sb_status analyze_list(sb_sema *s, sb_expr *e)
{
    SB_TRY(analyze_args(s, e, false));
    e->kinds = SB_KIND_LIST;
    for (uint32_t i = 0; i < e->arg_count; i++)
        e->items |= e->args[i]->kinds;
    return SB_OK;
}

static sb_status analyze_map_projection(sb_sema *s, sb_expr *e)
{
    SB_TRY(analyze_args(s, e, false));
    e->kinds = SB_KIND_MAP | (e->args[0]->kinds & SB_KIND_NULL);
    return sb_sema__want(s, e->args[0], SB_KIND_ENTITY | SB_KIND_MAP, "a map projection");
}

/* ---- CASE ---------------------------------------------------------------------------------------------------------------------- */

static sb_status analyze_case(sb_sema *s, sb_expr *e)
{
    const bool tests = e->args[0] == NULL;
    const uint32_t last = e->arg_count - 1;

    SB_TRY(analyze_args(s, e, tests));
    if (e->args[last] == NULL) e->kinds = SB_KIND_NULL;
    for (uint32_t i = 1; i < last; i += 2) {
        if (tests) SB_TRY(sb_sema__want(s, e->args[i], SB_KIND_BOOL, "WHEN"));
        e->kinds |= e->args[i + 1]->kinds;
        e->items |= e->args[i + 1]->items;
    }
    if (e->args[last] != NULL) {
        e->kinds |= e->args[last]->kinds;
        e->items |= e->args[last]->items;
    }
    return SB_OK;
}

/* ---- Calls ----------------------------------------------------------------------------------------------------------------------- */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool same_word(sb_bytes a, sb_bytes b)
{
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower(a.data[i]) != lower(b.data[i])) return false;
    return true;
}

/* INF, INFINITY and NaN are floats where no variable has that name: then e is one. */
static bool is_float_word(const sb_sema *s, sb_expr *e)
{
    static const char *const words[] = {"INF", "INFINITY", "NAN"};

    if (e->var != NULL || sb_sema__find(s, e->name) != NULL) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!same_word(e->name, sb_bytes_of(words[i], strlen(words[i])))) continue;
        e->kind = SB_EXPR_FLOAT;
        e->kinds = SB_KIND_FLOAT;
        e->value.real = words[i][0] == 'I' ? (double)INFINITY : (double)NAN;
        return true;
    }
    return false;
}

const sb_function *sb_sema__find_function(const sb_sema *s, sb_bytes name)
{
    if (s->env != NULL && s->env->find_function != NULL)
        return s->env->find_function(s->env->ctx, name);
    return sb_function_find(name);
}

static sb_bytes next_function(void *ctx, size_t i)
{
    const sb_sema *s = ctx;
    const sb_function *function = s->env != NULL && s->env->function_at != NULL
                                      ? s->env->function_at(s->env->ctx, i)
                                      : sb_function_at(i);
    return function != NULL ? sb_bytes_of(function->name, strlen(function->name)) : (sb_bytes){0};
}

static sb_status fail_function(sb_sema *s, const sb_expr *e)
{
    sb_bytes near;

    if (sb_cypher_nearest(e->name, next_function, s, &near))
        return SB_SEMA_FAIL(s, e->span, SB_CYPHER_UNKNOWN_FUNCTION,
                            "there is no function '%.*s': did you mean '%.*s'?",
                            SB_SEMA_SHOWN(e->name), SB_SEMA_SHOWN(near));
    return SB_SEMA_FAIL(s, e->span, SB_CYPHER_UNKNOWN_FUNCTION, "there is no function '%.*s'",
                        SB_SEMA_SHOWN(e->name));
}

static sb_status check_count(sb_sema *s, const sb_expr *e)
{
    const sb_function *f = e->function;
    const bool any = f->max_args == UINT8_MAX;

    if (e->arg_count >= f->min_args && (any || e->arg_count <= f->max_args)) return SB_OK;
    const char *const plural = f->min_args == 1 ? "" : "s";
    const char *const are = e->arg_count == 1 ? "is" : "are";
    if (any)
        return SB_SEMA_FAIL(s, e->span, SB_CYPHER_INVALID_NUMBER_OF_ARGUMENTS,
                            "%s() takes at least %u argument%s, here %s %u", f->name, f->min_args,
                            plural, are, (unsigned)e->arg_count);
    if (f->min_args == f->max_args)
        return SB_SEMA_FAIL(s, e->span, SB_CYPHER_INVALID_NUMBER_OF_ARGUMENTS,
                            "%s() takes %u argument%s, here %s %u", f->name, f->min_args, plural,
                            are, (unsigned)e->arg_count);
    return SB_SEMA_FAIL(s, e->span, SB_CYPHER_INVALID_NUMBER_OF_ARGUMENTS,
                        "%s() takes %u to %u arguments, here %s %u", f->name, f->min_args,
                        f->max_args, are, (unsigned)e->arg_count);
}

/* Enter the arguments of an aggregation; *before is to be restored. */
static sb_status begin_aggregation(sb_sema *s, const sb_expr *e, sb_aggregation *before)
{
    *before = s->aggregation;
    if (s->aggregation == SB_AGGREGATION_NO)
        return SB_SEMA_FAIL(s, e->span, SB_CYPHER_INVALID_AGGREGATION,
                            "an aggregation stands in the items of WITH or RETURN, not here");
    if (s->aggregation == SB_AGGREGATION_INSIDE)
        return SB_SEMA_FAIL(s, e->span, SB_CYPHER_NESTED_AGGREGATION,
                            "an aggregation can not be in the argument of another one");
    s->aggregation = SB_AGGREGATION_INSIDE;
    return SB_OK;
}

static sb_status analyze_aggregate(sb_sema *s, sb_expr *e)
{
    sb_aggregation before;

    SB_TRY(begin_aggregation(s, e, &before));
    SB_TRY(analyze_args(s, e, false));
    s->aggregation = before;
    e->aggregates = true;
    e->constant = false;
    return SB_OK;
}

static sb_status analyze_call(sb_sema *s, sb_expr *e)
{
    /* exists((a)-->(b)), the old form, is the pattern as a predicate. */
    if (e->arg_count == 1 && e->args[0]->kind == SB_EXPR_PATTERN &&
        same_word(e->name, sb_bytes_of("exists", 6))) {
        const sb_span span = e->span;
        *e = *e->args[0];
        e->span = span;
        return sb_sema__expr(s, e, true);
    }
    e->function = sb_sema__find_function(s, e->name);
    if (e->function == NULL) return fail_function(s, e);
    SB_TRY(check_count(s, e));
    if ((e->function->flags & SB_FUNC_AGGREGATE) != 0) {
        SB_TRY(analyze_aggregate(s, e));
    } else {
        if (e->distinct)
            return SB_SEMA_FAIL(s, e->span, SB_CYPHER_UNEXPECTED_SYNTAX,
                                "DISTINCT is for aggregations, %s() is none", e->function->name);
        SB_TRY(analyze_args(s, e, false));
    }
    if ((e->function->flags & SB_FUNC_CLOCK) != 0) s->statement->reads_clock = true;
    if ((e->function->flags & SB_FUNC_VOLATILE) != 0) {
        if (s->aggregation == SB_AGGREGATION_INSIDE && (e->function->flags & SB_FUNC_USER) == 0)
            return SB_SEMA_FAIL(s, e->span, SB_CYPHER_NON_CONSTANT_EXPRESSION,
                                "%s() gives another value each time: it can not be aggregated",
                                e->function->name);
        e->constant = false;
    }
    return sb_sema__call_kinds(s, e);
}

static sb_status analyze_count_star(sb_sema *s, sb_expr *e)
{
    sb_aggregation before;

    SB_TRY(begin_aggregation(s, e, &before));
    s->aggregation = before;
    e->aggregates = true;
    e->kinds = SB_KIND_INT;
    return SB_OK;
}

/* ---- Comprehensions ---------------------------------------------------------------------------------------------------------------- */

/* The list that a variable goes through: *list's items become the variable's kinds. */
static sb_status analyze_source(sb_sema *s, sb_expr *e, sb_expr *list, const char *what)
{
    SB_TRY(sb_sema__expr(s, list, false));
    e->aggregates = e->aggregates || list->aggregates;
    return sb_sema__want(s, list, SB_KIND_LIST, what);
}

static sb_status bind_item(sb_sema *s, sb_expr *e, const sb_expr *list)
{
    const bool is_list = (list->kinds & ~(uint32_t)SB_KIND_NULL) == SB_KIND_LIST;

    return sb_sema__declare(s, e->bound_name, e->span, is_list ? known(list->items) : SB_KIND_ANY,
                            &e->bound);
}

/* Inside of a comprehension there is no row to aggregate over. */
static sb_status analyze_inner(sb_sema *s, sb_expr *e, bool predicate)
{
    if (e == NULL) return SB_OK;
    return predicate ? sb_sema__predicate(s, e) : without_aggregation(s, e, false);
}

static sb_status analyze_list_comprehension(sb_sema *s, sb_expr *e)
{
    sb_frame frame;

    SB_TRY(analyze_source(s, e, e->args[0], "a list comprehension"));
    sb_sema__push(s, &frame, false);
    SB_TRY(bind_item(s, e, e->args[0]));
    SB_TRY(analyze_inner(s, e->args[1], true));
    SB_TRY(analyze_inner(s, e->args[2], false));
    sb_sema__pop(s);
    e->kinds = SB_KIND_LIST | (e->args[0]->kinds & SB_KIND_NULL);
    e->items = e->args[2] != NULL ? e->args[2]->kinds : e->args[0]->items;
    return SB_OK;
}

static sb_status analyze_quantifier(sb_sema *s, sb_expr *e)
{
    sb_frame frame;

    SB_TRY(analyze_source(s, e, e->args[0], "a quantifier"));
    sb_sema__push(s, &frame, false);
    SB_TRY(bind_item(s, e, e->args[0]));
    SB_TRY(analyze_inner(s, e->args[1], true));
    sb_sema__pop(s);
    e->kinds = SB_KIND_BOOL | SB_KIND_NULL;
    return SB_OK;
}

static sb_status analyze_reduce(sb_sema *s, sb_expr *e)
{
    sb_frame frame;

    SB_TRY(sb_sema__expr(s, e->args[0], false));
    e->aggregates = e->args[0]->aggregates;
    SB_TRY(analyze_source(s, e, e->args[1], "reduce"));
    sb_sema__push(s, &frame, false);
    /* Its kind may change on the way, so that nothing is known of it. */
    SB_TRY(sb_sema__declare(s, e->bound2_name, e->span, SB_KIND_ANY, &e->bound2));
    SB_TRY(bind_item(s, e, e->args[1]));
    SB_TRY(analyze_inner(s, e->args[2], false));
    sb_sema__pop(s);
    e->kinds = SB_KIND_ANY;
    e->items = SB_KIND_ANY;
    return SB_OK;
}

/* ---- Patterns and sub-queries --------------------------------------------------------------------------------------------------------- */

static sb_status analyze_pattern(sb_sema *s, sb_expr *e, sb_pattern_use use)
{
    const sb_aggregation before = s->aggregation;
    const sb_pattern pattern = {.parts = &e->pattern, .part_count = 1};

    s->aggregation = SB_AGGREGATION_NO;
    SB_TRY(sb_sema__pattern(s, &pattern, use, false));
    s->aggregation = before;
    return SB_OK;
}

static sb_status analyze_pattern_predicate(sb_sema *s, sb_expr *e, bool predicate)
{
    if (!predicate)
        return SB_SEMA_FAIL(s, e->span, SB_CYPHER_UNEXPECTED_SYNTAX,
                            "a pattern is a predicate: it stands in WHERE, EXISTS { }, COUNT { } "
                            "or a pattern comprehension [(a)-->(b) | b]");
    e->kinds = SB_KIND_BOOL;
    return analyze_pattern(s, e, SB_PATTERN_PREDICATE);
}

static sb_status analyze_pattern_comprehension(sb_sema *s, sb_expr *e)
{
    sb_frame frame;

    sb_sema__push(s, &frame, false);
    SB_TRY(analyze_pattern(s, e, SB_PATTERN_INNER));
    if (e->bound_name.size != 0)
        SB_TRY(sb_sema__declare_new(s, e->bound_name, e->pattern->span, SB_KIND_PATH, &e->bound));
    SB_TRY(analyze_inner(s, e->args[0], true));
    SB_TRY(analyze_inner(s, e->args[1], false));
    sb_sema__pop(s);
    e->kinds = SB_KIND_LIST;
    e->items = e->args[1]->kinds;
    return SB_OK;
}

static sb_status analyze_shortest(sb_sema *s, sb_expr *e)
{
    const bool all = e->pattern->selector == SB_PATHS_ALL_SHORTEST;
    sb_frame frame;

    sb_sema__push(s, &frame, false);
    SB_TRY(analyze_pattern(s, e, SB_PATTERN_INNER));
    if (e->pattern->start->binds || e->pattern->steps[0].node->binds)
        return SB_SEMA_FAIL(s, e->span, SB_CYPHER_UNDEFINED_VARIABLE,
                            "shortestPath as a value needs both of its nodes bound before");
    sb_sema__pop(s);
    e->kinds = all ? SB_KIND_LIST : SB_KIND_PATH | SB_KIND_NULL;
    e->items = SB_KIND_PATH;
    return SB_OK;
}

static sb_status analyze_subquery(sb_sema *s, sb_expr *e)
{
    const sb_aggregation before = s->aggregation;
    const bool read_only = s->read_only;
    const bool collect = e->kind == SB_EXPR_COLLECT;

    s->read_only = true;
    SB_TRY(sb_sema__query(s, e->query, collect ? SB_QUERY_COLLECT : SB_QUERY_TEST));
    s->read_only = read_only;
    s->aggregation = before;
    e->kinds = e->kind == SB_EXPR_EXISTS  ? SB_KIND_BOOL
               : e->kind == SB_EXPR_COUNT ? SB_KIND_INT
                                          : SB_KIND_LIST;
    if (collect) e->items = known(e->query->columns[0]->kinds);
    return SB_OK;
}

/* ---- All of them ------------------------------------------------------------------------------------------------------------------------ */

static sb_status analyze_operator(sb_sema *s, sb_expr *e)
{
    const bool logic = e->kind == SB_EXPR_UNARY
                           ? e->op == SB_OP1_NOT
                           : e->op == SB_OP2_OR || e->op == SB_OP2_XOR || e->op == SB_OP2_AND;

    SB_TRY(analyze_args(s, e, logic));
    return e->kind == SB_EXPR_UNARY ? sb_sema__unary_kinds(s, e) : sb_sema__binary_kinds(s, e);
}

static sb_status analyze_has_labels(sb_sema *s, sb_expr *e)
{
    SB_TRY(analyze_args(s, e, false));
    SB_TRY(sb_sema__ask_has_labels(s, e));
    e->kinds = SB_KIND_BOOL | (e->args[0]->kinds & SB_KIND_NULL);
    SB_TRY(sb_sema__dynamic(s, e->args + 1, e->arg_count - 1));
    return sb_sema__want(s, e->args[0], SB_KIND_ENTITY, "a label");
}

static sb_status analyze(sb_sema *s, sb_expr *e, bool predicate)
{
    switch ((sb_expr_kind)e->kind) {
    case SB_EXPR_NULL: e->kinds = SB_KIND_NULL; break;
    case SB_EXPR_BOOL: e->kinds = SB_KIND_BOOL; break;
    case SB_EXPR_INT: e->kinds = SB_KIND_INT; break;
    case SB_EXPR_FLOAT: e->kinds = SB_KIND_FLOAT; break;
    case SB_EXPR_STRING: e->kinds = SB_KIND_STRING; break;
    case SB_EXPR_PARAM: e->kinds = e->items = SB_KIND_ANY; break;
    case SB_EXPR_VAR:
        if (is_float_word(s, e)) break;
        return analyze_variable(s, e);
    case SB_EXPR_PROPERTY:
        SB_TRY(analyze_args(s, e, false));
        SB_TRY(sb_sema__ask_property(s, e));
        return sb_sema__access_kinds(s, e);
    case SB_EXPR_INDEX:
    case SB_EXPR_SLICE: SB_TRY(analyze_args(s, e, false)); return sb_sema__access_kinds(s, e);
    case SB_EXPR_LIST: return analyze_list(s, e);
    case SB_EXPR_MAP:
        SB_TRY(analyze_args(s, e, false));
        e->kinds = SB_KIND_MAP;
        return SB_OK;
    case SB_EXPR_MAP_PROJECTION: return analyze_map_projection(s, e);
    case SB_EXPR_UNARY:
    case SB_EXPR_BINARY: return analyze_operator(s, e);
    case SB_EXPR_CALL: return analyze_call(s, e);
    case SB_EXPR_COUNT_STAR: return analyze_count_star(s, e);
    case SB_EXPR_CASE: return analyze_case(s, e);
    case SB_EXPR_LIST_COMPREHENSION: return analyze_list_comprehension(s, e);
    case SB_EXPR_QUANTIFIER: return analyze_quantifier(s, e);
    case SB_EXPR_REDUCE: return analyze_reduce(s, e);
    case SB_EXPR_PATTERN_COMPREHENSION: return analyze_pattern_comprehension(s, e);
    case SB_EXPR_PATTERN: return analyze_pattern_predicate(s, e, predicate);
    case SB_EXPR_SHORTEST: return analyze_shortest(s, e);
    case SB_EXPR_EXISTS:
    case SB_EXPR_COUNT:
    case SB_EXPR_COLLECT: return analyze_subquery(s, e);
    case SB_EXPR_HAS_LABELS: return analyze_has_labels(s, e);
    case SB_EXPR_IS_TYPE:
    case SB_EXPR_IS_NORMALIZED:
        SB_TRY(analyze_args(s, e, false));
        e->kinds = SB_KIND_BOOL | SB_KIND_NULL;
        return SB_OK;
    }
    e->constant = true; /* a literal or parameter */
    return SB_OK;
}

#define UNITS_OF_AN_EXPRESSION 64u /* sb_cypher_work */

sb_status sb_sema__expr(sb_sema *s, sb_expr *e, bool predicate)
{
    /* The middle of a chain a < b < c is met twice. */
    if (e->kinds != 0) return SB_OK;
    SB_TRY(sb_cypher_work(s->watch, UNITS_OF_AN_EXPRESSION, s->err));
    return analyze(s, e, predicate);
}

/* ---- Equality ---------------------------------------------------------------------------------------------------------------------------- */

static bool same_literal(const sb_expr *a, const sb_expr *b)
{
    switch (a->kind) {
    case SB_EXPR_BOOL: return a->value.boolean == b->value.boolean;
    case SB_EXPR_INT: return a->value.integer == b->value.integer;
    case SB_EXPR_FLOAT: /* 0.0 and -0.0 are two */
        return a->value.real == b->value.real && signbit(a->value.real) == signbit(b->value.real);
    case SB_EXPR_CALL: return same_word(a->name, b->name) && a->distinct == b->distinct;
    default: return sb_bytes_equal(a->name, b->name);
    }
}

static bool same_keys(const sb_expr *a, const sb_expr *b)
{
    if (a->kind != SB_EXPR_MAP && a->kind != SB_EXPR_MAP_PROJECTION) return true;
    for (uint32_t i = 0; i < a->arg_count; i++)
        if (!sb_bytes_equal(a->keys[i], b->keys[i])) return false;
    return true;
}

static sb_bytes source(const sb_sema *s, const sb_expr *e)
{
    return sb_bytes_of(s->text.data + e->span.start, e->span.end - e->span.start);
}

bool sb_sema__same_expr(const sb_sema *s, const sb_expr *a, const sb_expr *b)
{
    if (a == NULL || b == NULL) return a == b;
    if (a->kind != b->kind || a->weight != b->weight || a->arg_count != b->arg_count) return false;
    if (a->op != b->op || a->star != b->star || a->negated != b->negated) return false;
    /* What has a pattern, query, labels or a type is the same when it is written the same. */
    if (a->pattern != NULL || a->query != NULL || a->labels != NULL || a->type != NULL)
        return sb_bytes_equal(source(s, a), source(s, b));
    if (!same_literal(a, b) || !same_keys(a, b)) return false;
    if (!sb_bytes_equal(a->bound_name, b->bound_name) ||
        !sb_bytes_equal(a->bound2_name, b->bound2_name))
        return false;
    for (uint32_t i = 0; i < a->arg_count; i++)
        if (!sb_sema__same_expr(s, a->args[i], b->args[i])) return false;
    return true;
}
