/* eval.c — expressions, compiled once per run into evaluators; the ones that work row by row. */
#include "cypher/exec/eval_priv.h"

/* ---- Leaves -------------------------------------------------------------------------------------------------- */

static sb_status row_literal(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    (void)in;
    (void)row;
    *value = e->folded;
    return SB_OK;
}

static sb_status row_param(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    (void)in;
    (void)row;
    *value = e->run->options->params[e->param];
    return SB_OK;
}

static sb_status row_column(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    const sb_vector *column;

    SB_TRY(sb_exec__column(e->run, in, e->expr->var, &column));
    *value = sb_vector_at(column, row);
    return SB_OK;
}

static sb_status row_local(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    (void)in;
    (void)row;
    *value = e->run->locals[e->slot];
    return SB_OK;
}

/* V2 */
static sb_status row_folded(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_exec *run = e->run;

    if (e->folded_at != run->generation) {
        sb_arena *arena = run->func.arena;
        run->func.arena = run->constants;
        const sb_status status = e->unfolded(e, in, row, &e->folded);
        run->func.arena = arena;
        SB_TRY(status);
        e->folded_at = run->generation;
    }
    *value = e->folded;
    return SB_OK;
}

/* ---- Properties, containers ------------------------------------------------------------------------------------- */

static sb_status row_property(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_exec *run = e->run;
    sb_val of;

    SB_TRY(sb_exec__part(e, 0, in, row, &of));
    if (of.kind == SB_VAL_NODE || of.kind == SB_VAL_REL)
        return sb_exec__property(run, of.kind == SB_VAL_NODE ? SB_NODE : SB_REL, of.as.id,
                                 sb_exec__name(run, e->name), value);
    return sb_op_property(&run->func, of, e->expr->name, value);
}

static sb_status row_list(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_val_list *list = sb_val_list_make(e->run->func.arena, e->arg_count);

    if (list == NULL) return sb_exec__no_memory(e->run);
    for (uint32_t i = 0; i < e->arg_count; i++)
        SB_TRY(sb_exec__part(e, i, in, row, &list->items[i]));
    return sb_val_list_seal(list, value, e->run->err);
}

static sb_status row_map(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_val_map *map = sb_val_map_make(e->run->func.arena, e->arg_count);

    if (map == NULL) return sb_exec__no_memory(e->run);
    for (uint32_t i = 0; i < e->arg_count; i++) {
        map->entries[i].key = e->expr->keys[i];
        SB_TRY(sb_exec__part(e, i, in, row, &map->entries[i].value));
    }
    return sb_val_map_seal(map, value, e->run->err);
}

static sb_status row_index(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_val of, index;

    SB_TRY(sb_exec__part(e, 0, in, row, &of));
    SB_TRY(sb_exec__part(e, 1, in, row, &index));
    return sb_op_index(&e->run->func, of, index, value);
}

static sb_status row_slice(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_val of, from, to;

    SB_TRY(sb_exec__part(e, 0, in, row, &of));
    if (e->args[1] != NULL) SB_TRY(sb_exec__part(e, 1, in, row, &from));
    if (e->args[2] != NULL) SB_TRY(sb_exec__part(e, 2, in, row, &to));
    return sb_op_slice(&e->run->func, of, e->args[1] != NULL ? &from : NULL,
                       e->args[2] != NULL ? &to : NULL, value);
}

/* ---- Operators ----------------------------------------------------------------------------------------------------- */

static sb_status row_unary(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_val a;

    SB_TRY(sb_exec__part(e, 0, in, row, &a));
    return sb_op_unary(&e->run->func, (sb_op1)e->expr->op, a, value);
}

static sb_status row_binary(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_val a, b;

    SB_TRY(sb_exec__part(e, 0, in, row, &a));
    SB_TRY(sb_exec__part(e, 1, in, row, &b));
    return sb_op_binary(&e->run->func, (sb_op2)e->expr->op, a, b, value);
}

static sb_status part_ternary(sb_eval *e, uint32_t i, const sb_batch *in, uint32_t row,
                              sb_ternary *ternary)
{
    bool is_bool;
    sb_val v;

    SB_TRY(sb_exec__part(e, i, in, row, &v));
    *ternary = sb_ternary_of(v, &is_bool);
    return is_bool
               ? SB_OK
               : sb_exec__placed(e->args[i], e->run,
                                 sb_exec__type_error(e->run, "logical operator", "a boolean", v));
}

static sb_val val_of_ternary(sb_ternary t)
{
    return t == SB_UNKNOWN ? SB_VAL_NULL_VALUE : sb_val_bool(t == SB_TRUE);
}

/* AND and OR: the right side is asked only where the left does not decide. */
static sb_status row_logic(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    const sb_ternary decides = e->expr->op == SB_OP2_AND ? SB_FALSE : SB_TRUE;
    sb_ternary left, right;

    SB_TRY(part_ternary(e, 0, in, row, &left));
    if (left == decides) {
        *value = val_of_ternary(left);
        return SB_OK;
    }
    SB_TRY(part_ternary(e, 1, in, row, &right));
    *value = val_of_ternary(right == decides ? decides : left == SB_UNKNOWN ? left : right);
    return SB_OK;
}

static sb_status row_xor(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_ternary left, right;

    SB_TRY(part_ternary(e, 0, in, row, &left));
    SB_TRY(part_ternary(e, 1, in, row, &right));
    *value =
        left == SB_UNKNOWN || right == SB_UNKNOWN ? SB_VAL_NULL_VALUE : sb_val_bool(left != right);
    return SB_OK;
}

static sb_status row_is_type(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_val a;

    SB_TRY(sb_exec__part(e, 0, in, row, &a));
    SB_TRY(sb_op_is_type(&e->run->func, a, e->expr->type, value));
    if (e->expr->negated && value->kind == SB_VAL_BOOL) value->as.boolean = !value->as.boolean;
    return SB_OK;
}

static sb_status row_is_normalized(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_val a;

    SB_TRY(sb_exec__part(e, 0, in, row, &a));
    SB_TRY(sb_op_is_normalized(&e->run->func, a, e->expr->name, value));
    if (e->expr->negated && value->kind == SB_VAL_BOOL) value->as.boolean = !value->as.boolean;
    return SB_OK;
}

static sb_status row_has_labels(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_exec *run = e->run;
    sb_set_id set;
    sb_type_id type;
    sb_val of;

    SB_TRY(sb_exec__part(e, 0, in, row, &of));
    for (uint32_t i = 1; i < e->arg_count && of.kind != SB_VAL_NULL; i++) {
        SB_TRY(sb_exec__part(e, i, in, row, &e->dynamic[i - 1]));
        SB_TRY(sb_exec__placed(e->args[i], run, sb_exec__check_dynamic(run, e->dynamic[i - 1])));
    }
    if (of.kind == SB_VAL_NODE) {
        SB_TRY(sb_exec__node_set(run, of.as.id, &set));
        *value = sb_val_bool(sb_exec__labels_match_set(run, e->labels[0], set));
    } else if (of.kind == SB_VAL_REL) {
        SB_TRY(sb_exec__rel_type(run, of.as.id, &type));
        *value = sb_val_bool(sb_exec__labels_match_type(run, e->labels[1], type));
    } else if (of.kind == SB_VAL_NULL) {
        *value = of;
    } else {
        return sb_exec__type_error(run, "label predicate", "a node or relationship", of);
    }
    return SB_OK;
}

/* ---- Functions, CASE ---------------------------------------------------------------------------------------------------- */

/* Arguments of calls lie on the stack up to here. */
#define FEW_ARGS 8u

static sb_status row_call(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_exec *run = e->run;
    const sb_function *function = e->expr->function;
    sb_val few[FEW_ARGS], *args = few;

    if (e->arg_count > FEW_ARGS) {
        args = sb_arena_alloc_array(run->func.arena, e->arg_count, sizeof *args);
        if (args == NULL) return sb_exec__no_memory(run);
    }
    bool null = false;
    for (uint32_t i = 0; i < e->arg_count; i++) {
        SB_TRY(sb_exec__part(e, i, in, row, &args[i]));
        null |= args[i].kind == SB_VAL_NULL;
        SB_TRY(sb_func_work(&run->func, sb_val_work(args[i])));
    }
    if (null && (function->flags & SB_FUNC_NULL_IN_NULL_OUT) != 0) {
        *value = SB_VAL_NULL_VALUE;
        return SB_OK;
    }
    run->func.function = function;
    return function->call(&run->func, args, e->arg_count, value);
}

static sb_status row_first(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    *value = SB_VAL_NULL_VALUE;
    for (uint32_t i = 0; i < e->arg_count && value->kind == SB_VAL_NULL; i++)
        SB_TRY(sb_exec__part(e, i, in, row, value));
    return SB_OK;
}

static sb_status row_case(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    const bool simple = e->args[0] != NULL;
    const uint32_t last = e->arg_count - 1;
    sb_val operand = SB_VAL_NULL_VALUE;

    if (simple) SB_TRY(sb_exec__part(e, 0, in, row, &operand));
    for (uint32_t i = 1; i + 1 < e->arg_count; i += 2) {
        bool taken;
        sb_val when;
        SB_TRY(sb_exec__part(e, i, in, row, &when));
        if (simple) {
            SB_TRY(sb_func_work(&e->run->func, sb_val_work(when)));
            taken = sb_val_equals(operand, when) == SB_TRUE;
        } else {
            bool is_bool;
            taken = sb_ternary_of(when, &is_bool) == SB_TRUE;
            if (!is_bool)
                return sb_exec__placed(e->args[i], e->run,
                                       sb_exec__type_error(e->run, "CASE", "a boolean", when));
        }
        if (taken) return sb_exec__part(e, i + 1, in, row, value);
    }
    if (e->args[last] != NULL) return sb_exec__part(e, last, in, row, value);
    *value = SB_VAL_NULL_VALUE;
    return SB_OK;
}

/* ---- Compiling -------------------------------------------------------------------------------------------------------------- */

static sb_eval_row binary_row(uint8_t op)
{
    switch (op) {
    case SB_OP2_AND:
    case SB_OP2_OR: return row_logic;
    case SB_OP2_XOR: return row_xor;
    default: return row_binary;
    }
}

static sb_eval_row row_function(const sb_expr *expr)
{
    switch ((sb_expr_kind)expr->kind) {
    case SB_EXPR_NULL:
    case SB_EXPR_BOOL:
    case SB_EXPR_INT:
    case SB_EXPR_FLOAT:
    case SB_EXPR_STRING: return row_literal;
    case SB_EXPR_PARAM: return row_param;
    case SB_EXPR_VAR: return row_column;
    case SB_EXPR_PROPERTY: return row_property;
    case SB_EXPR_LIST: return row_list;
    case SB_EXPR_MAP: return row_map;
    case SB_EXPR_MAP_PROJECTION: return sb_exec__map_projection;
    case SB_EXPR_INDEX: return row_index;
    case SB_EXPR_SLICE: return row_slice;
    case SB_EXPR_UNARY: return row_unary;
    case SB_EXPR_BINARY: return binary_row(expr->op);
    case SB_EXPR_CALL: return (expr->function->flags & SB_FUNC_FIRST) != 0 ? row_first : row_call;
    case SB_EXPR_CASE: return row_case;
    case SB_EXPR_LIST_COMPREHENSION: return sb_exec__list_comprehension;
    case SB_EXPR_QUANTIFIER: return sb_exec__quantifier;
    case SB_EXPR_REDUCE: return sb_exec__reduce;
    case SB_EXPR_PATTERN:
    case SB_EXPR_EXISTS: return sb_exec__plan_exists;
    case SB_EXPR_COUNT: return sb_exec__plan_count;
    case SB_EXPR_PATTERN_COMPREHENSION:
    case SB_EXPR_COLLECT: return sb_exec__plan_collect;
    case SB_EXPR_SHORTEST: return sb_exec__plan_shortest;
    case SB_EXPR_HAS_LABELS: return row_has_labels;
    case SB_EXPR_IS_TYPE: return row_is_type;
    case SB_EXPR_IS_NORMALIZED: return row_is_normalized;
    case SB_EXPR_COUNT_STAR: break;
    }
    return NULL;
}

/* Kinds whose parts are in the plan that they run. */
static bool runs_plan(const sb_expr *expr)
{
    switch ((int)expr->kind) {
    case SB_EXPR_PATTERN_COMPREHENSION:
    case SB_EXPR_PATTERN:
    case SB_EXPR_SHORTEST:
    case SB_EXPR_EXISTS:
    case SB_EXPR_COUNT:
    case SB_EXPR_COLLECT: return true;
    default: return false;
    }
}

static sb_val literal_of(const sb_expr *expr)
{
    switch ((int)expr->kind) {
    case SB_EXPR_BOOL: return sb_val_bool(expr->value.boolean);
    case SB_EXPR_INT: return sb_val_int(expr->value.integer);
    case SB_EXPR_FLOAT: return sb_val_float(expr->value.real);
    case SB_EXPR_STRING: return sb_val_string(expr->name);
    default: return SB_VAL_NULL_VALUE;
    }
}

/* Parts come in the order in which they are bound: what a list comprehension binds is not seen by its list. */
static sb_status compile_parts(sb_exec *run, sb_eval *e)
{
    const sb_expr *expr = e->expr;
    /* The first part that sees the bound variables. */
    const uint32_t inside = expr->kind == SB_EXPR_REDUCE ? 2 : 1;

    e->args = sb_exec__alloc_zero(run, expr->arg_count, sizeof *e->args);
    if (e->args == NULL) return sb_exec__no_memory(run);
    e->arg_count = expr->arg_count;
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        if (i == inside) {
            sb_exec__local(run, expr->bound, true);
            sb_exec__local(run, expr->bound2, true);
        }
        if (expr->args[i] != NULL) SB_TRY(sb_exec__compile_part(run, expr->args[i], &e->args[i]));
    }
    sb_exec__local(run, expr->bound, false);
    sb_exec__local(run, expr->bound2, false);
    return SB_OK;
}

/* What depends on the kind alone; parts are compiled. */
static sb_status compile_kind(sb_exec *run, sb_eval *e)
{
    const sb_expr *expr = e->expr;

    switch ((int)expr->kind) {
    case SB_EXPR_NULL:
    case SB_EXPR_BOOL:
    case SB_EXPR_INT:
    case SB_EXPR_FLOAT:
    case SB_EXPR_STRING: e->folded = literal_of(expr); break;
    case SB_EXPR_PARAM: e->param = (uint32_t)expr->value.integer; break;
    case SB_EXPR_VAR:
        e->slot = expr->var->slot;
        if (run->local[e->slot]) {
            e->row = row_local;
            e->vector = NULL;
        }
        break;
    case SB_EXPR_PROPERTY: return sb_exec__name_add(run, SB_NAME_KEY, expr->name, &e->name);
    case SB_EXPR_BINARY:
        if (expr->op != SB_OP2_IN || !e->args[1]->fixed || e->args[0]->fixed) break;
        e->row = sb_exec__in;
        return sb_exec__in_open(run, &e->in_set);
    case SB_EXPR_HAS_LABELS:
        e->dynamic = sb_exec__alloc_zero(run, expr->arg_count, sizeof *e->dynamic);
        if (e->dynamic == NULL) return sb_exec__no_memory(run);
        SB_TRY(
            sb_exec__labels_compile(run, expr->labels, SB_NAME_LABEL, e->dynamic, &e->labels[0]));
        return sb_exec__labels_compile(run, expr->labels, SB_NAME_TYPE, e->dynamic, &e->labels[1]);
    default: break;
    }
    return SB_OK;
}

/* Comparisons give null where they can not compare; logic of what is known to be logical does not fail either. */
static bool op_is_safe(const sb_expr *expr)
{
    const uint32_t logical = (uint32_t)SB_KIND_BOOL | SB_KIND_NULL;

    if (expr->kind == SB_EXPR_UNARY)
        return expr->op == SB_OP1_IS_NULL || expr->op == SB_OP1_IS_NOT_NULL ||
               (expr->op == SB_OP1_NOT && (expr->args[0]->kinds & ~logical) == 0);
    if (expr->op >= SB_OP2_EQ && expr->op <= SB_OP2_GE) return true;
    return expr->op <= SB_OP2_AND &&
           ((expr->args[0]->kinds | expr->args[1]->kinds) & ~logical) == 0;
}

static bool is_safe(const sb_eval *e)
{
    const uint32_t entities = (uint32_t)SB_KIND_NODE | SB_KIND_REL | SB_KIND_MAP | SB_KIND_NULL;

    switch ((int)e->expr->kind) {
    case SB_EXPR_NULL:
    case SB_EXPR_BOOL:
    case SB_EXPR_INT:
    case SB_EXPR_FLOAT:
    case SB_EXPR_STRING:
    case SB_EXPR_PARAM:
    case SB_EXPR_VAR: return true;
    case SB_EXPR_PROPERTY: /* of what was deleted in this run it fails */
        return !e->run->compiled->writes && (e->expr->args[0]->kinds & ~entities) == 0 &&
               e->args[0]->safe;
    case SB_EXPR_UNARY: return op_is_safe(e->expr) && e->args[0]->safe;
    case SB_EXPR_BINARY: return op_is_safe(e->expr) && e->args[0]->safe && e->args[1]->safe;
    default: return false;
    }
}

static void settle(sb_eval *e)
{
    const sb_expr *expr = e->expr;
    bool fixed = e->row != row_column && e->row != row_local && e->plan == NULL &&
                 expr->bound == NULL && expr->bound2 == NULL;
    bool per_row = e->plan != NULL;

    if (expr->kind == SB_EXPR_CALL && (expr->function->flags & (SB_FUNC_VOLATILE | SB_FUNC_USER))) {
        fixed = false;
        per_row = true;
    }
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (e->args[i] != NULL) {
            fixed = fixed && e->args[i]->fixed;
            per_row = per_row || e->args[i]->per_row;
        }
    e->fixed = fixed;
    e->per_row = per_row || e->row == row_local;
    e->safe = is_safe(e);
    if (fixed && e->row != row_literal && e->row != row_param) {
        e->unfolded = e->row;
        e->row = row_folded;
    }
}

sb_status sb_exec__compile_part(sb_exec *run, const sb_expr *expr, sb_eval **eval)
{
    sb_eval *e = sb_exec__alloc_zero(run, 1, sizeof *e);

    *eval = e;
    if (e == NULL) return sb_exec__no_memory(run);
    e->expr = expr;
    e->run = run;
    e->row = row_function(expr);
    if (SB_NEVER(e->row == NULL))
        return SB_FAIL(run->err, SB_MISUSE, "count(*) stands outside of an aggregation");
    if (expr->kind == SB_EXPR_VAR) e->vector = sb_exec__vector_var;
    if (runs_plan(expr))
        SB_TRY(sb_exec__inner_open(run, expr->plan, &e->plan));
    else
        SB_TRY(compile_parts(run, e));
    SB_TRY(compile_kind(run, e));
    settle(e);
    if (!e->fixed && e->vector == NULL && e->row != row_local) e->vector = sb_exec__kernel_for(e);
    e->older = run->evals;
    run->evals = e;
    return SB_OK;
}

sb_status sb_exec__compile(sb_exec *run, const sb_expr *expr, sb_eval **eval)
{
    return sb_exec__compile_part(run, expr, eval);
}

sb_status sb_exec__compile_maybe(sb_exec *run, const sb_expr *expr, sb_eval **eval)
{
    *eval = NULL;
    return expr == NULL ? SB_OK : sb_exec__compile_part(run, expr, eval);
}

sb_status sb_exec__compile_many(sb_exec *run, sb_expr *const *exprs, uint32_t count,
                                sb_eval ***evals)
{
    *evals = sb_exec__alloc_zero(run, count, sizeof **evals);
    if (*evals == NULL) return sb_exec__no_memory(run);
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(sb_exec__compile_maybe(run, exprs[i], &(*evals)[i]));
    return SB_OK;
}

void sb_exec__local(sb_exec *run, const sb_var *var, bool is)
{
    if (var != NULL) run->local[var->slot] = is;
}

void sb_exec__evals_close(sb_exec *run)
{
    for (sb_eval *e = run->evals; e != NULL; e = e->older)
        sb_exec__out_free(run, &e->out);
}

/* ---- Evaluating ---------------------------------------------------------------------------------------------------------------- */

void sb_exec__place_at(sb_exec *run, sb_span span)
{
    sb_err *const err = run->err;

    /* What the planner has made stands nowhere. */
    if (span.end != 0 && err->code != SB_OK && err->detail != 0 && err->line == 0)
        sb_cypher_place(err, run->compiled->statement->text, span);
}

void sb_exec__place(const sb_eval *eval, sb_exec *run)
{
    if (eval != NULL) sb_exec__place_at(run, eval->expr->span);
}

sb_status sb_exec__eval_row(sb_eval *eval, const sb_batch *in, uint32_t row, sb_val *value)
{
    return sb_exec__placed(eval, eval->run, eval->row(eval, in, row, value));
}

sb_status sb_exec__eval_constant(sb_eval *eval, sb_val *value)
{
    return sb_exec__eval_row(eval, &eval->run->no_columns, 0, value);
}

/* Does the value differ between rows at all, as far as its columns tell? */
static bool varies(const sb_eval *e, const sb_batch *in)
{
    if (e->per_row) return true;
    if (e->fixed) return false;
    if (e->expr->kind == SB_EXPR_VAR) {
        const sb_vector *column = in->columns[e->slot];
        return column == NULL || !column->constant;
    }
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (e->args[i] != NULL && varies(e->args[i], in)) return true;
    return false;
}

static sb_status eval_once(sb_eval *e, const sb_batch *in, const sb_vector **vector)
{
    sb_val value;

    SB_TRY(e->row(e, in, 0, &value));
    SB_TRY(sb_exec__out_constant(e->run, &e->out, value));
    *vector = &e->out.vector;
    return SB_OK;
}

static sb_status eval_by_rows(sb_eval *e, const sb_batch *in, const sb_vector **vector)
{
    sb_val *vals = sb_exec__out_begin(e->run, &e->out, SB_VECTOR_ANY, in->row_count);

    if (vals == NULL) return sb_exec__no_memory(e->run);
    for (uint32_t i = 0; i < in->row_count; i++)
        SB_TRY(e->row(e, in, i, &vals[i]));
    SB_TRY(sb_exec__out_from_vals(e->run, &e->out, vals, in->row_count));
    *vector = &e->out.vector;
    return SB_OK;
}

static sb_status eval_all(sb_eval *e, const sb_batch *in, const sb_vector **vector)
{
    if (e->expr->kind == SB_EXPR_VAR && e->vector != NULL) return e->vector(e, in, vector);
    if (in->row_count == 1) return eval_once(e, in, vector);
    if (in->row_count == 0) {
        if (sb_exec__out_begin(e->run, &e->out, SB_VECTOR_ANY, 0) == NULL)
            return sb_exec__no_memory(e->run);
        *vector = &e->out.vector;
        return SB_OK;
    }
    if (!varies(e, in)) return eval_once(e, in, vector);
    return e->vector != NULL ? e->vector(e, in, vector) : eval_by_rows(e, in, vector);
}

sb_status sb_exec__eval(sb_eval *e, const sb_batch *in, const sb_vector **vector)
{
    return sb_exec__placed(e, e->run, eval_all(e, in, vector));
}

static sb_status is_true(sb_exec *run, sb_val v, bool *is)
{
    bool is_bool;

    *is = sb_ternary_of(v, &is_bool) == SB_TRUE;
    return is_bool ? SB_OK : sb_exec__type_error(run, "WHERE", "a boolean", v);
}

sb_status sb_exec__test(sb_eval *eval, const sb_batch *in, uint32_t row, bool *is)
{
    sb_val v;

    SB_TRY(sb_exec__eval_row(eval, in, row, &v));
    return sb_exec__placed(eval, eval->run, is_true(eval->run, v, is));
}

static uint32_t all_rows(uint32_t *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        rows[i] = i;
    return count;
}

static sb_status select_from(sb_exec *run, const sb_vector *v, uint32_t row_count, uint32_t *rows,
                             uint32_t *count)
{
    uint32_t n = 0;

    if (v->kind == SB_VECTOR_BOOL && !v->constant) {
        for (uint32_t i = 0; i < row_count; i++) {
            rows[n] = i;
            n += v->as.bools[i];
        }
        if (v->nulls != NULL) { /* of nulls the value may be anything */
            const uint32_t candidates = n;
            n = 0;
            for (uint32_t i = 0; i < candidates; i++) {
                const uint32_t row = rows[i];
                rows[n] = row;
                n += !sb_bit_get(v->nulls, row);
            }
        }
        *count = n;
        return SB_OK;
    }
    if (v->constant) {
        bool is;
        SB_TRY(is_true(run, sb_vector_at(v, 0), &is));
        *count = is ? all_rows(rows, row_count) : 0;
        return SB_OK;
    }
    for (uint32_t i = 0; i < row_count; i++) {
        bool is;
        SB_TRY(is_true(run, sb_vector_at(v, i), &is));
        rows[n] = i;
        n += is;
    }
    *count = n;
    return SB_OK;
}

sb_status sb_exec__select(sb_eval *eval, const sb_batch *in, uint32_t *rows, uint32_t *count)
{
    const sb_vector *v;

    *count = 0;
    if (in->row_count == 0) return SB_OK;
    SB_TRY(sb_exec__eval(eval, in, &v));
    return sb_exec__placed(eval, eval->run, select_from(eval->run, v, in->row_count, rows, count));
}
