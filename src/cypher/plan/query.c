/* query.c — a query clause by clause, and the plans of sub-queries inside expressions. */
#include <string.h>

#include "cypher/plan/plan_priv.h"

double sb_plan__run_for_each(sb_planner *p, double rows)
{
    const double before = p->runs;

    if (!p->unsteady && rows > 1) p->runs *= rows;
    return before;
}

sb_status sb_plan__argument(sb_planner *p, double rows, sb_plan **plan)
{
    SB_TRY(sb_plan__new(p, SB_PLAN_ARGUMENT, NULL, plan));
    (*plan)->rows = rows;
    return SB_OK;
}

static sb_status result_of(sb_planner *p, sb_plan *input, const sb_var **columns, uint32_t count,
                           sb_plan **plan)
{
    SB_TRY(sb_plan__new(p, SB_PLAN_RESULT, input, plan));
    (*plan)->as.result.columns = columns;
    (*plan)->as.result.count = count;
    return SB_OK;
}

/* ---- Sub-queries of expressions ----------------------------------------------------------------------------------- */

/* A pattern, its predicate, and the value to collect (NULL: the rows alone matter). */
static sb_status plan_pattern(sb_planner *p, sb_expr *e, sb_expr *where, sb_expr *value,
                              const sb_slot_set *bound)
{
    sb_pattern pattern = {.parts = &e->pattern, .part_count = 1};
    sb_slot_set inner;
    sb_plan *plan;
    const sb_var **columns = NULL;

    if (e->bound != NULL) e->pattern->var = e->bound;
    SB_TRY(sb_plan__set_copy(p, bound, &inner));
    SB_TRY(sb_plan__argument(p, 1, &plan));
    SB_TRY(sb_plan__match(p, &pattern, where, plan, &inner, &plan));
    if (value != NULL) {
        sb_var *var;
        sb_plan_assign *assign;

        SB_TRY(sb_plan__var(p, value->kinds, &var));
        SB_TRY(sb_plan__alloc(p, 1, sizeof *columns, &columns));
        columns[0] = var;
        SB_TRY(sb_plan__expr(p, value, &inner));
        SB_TRY(sb_plan__alloc(p, 1, sizeof *assign, &assign));
        *assign = (sb_plan_assign){value, var};
        SB_TRY(sb_plan__new(p, SB_PLAN_PROJECT, plan, &plan));
        plan->as.project.items = assign;
        plan->as.project.count = 1;
    }
    SB_TRY(result_of(p, plan, columns, value == NULL ? 0 : 1, &plan));
    e->plan = plan;
    e->bound = NULL; /* a path variable is a column of the plan, not a local of the expression */
    return SB_OK;
}

/* shortestPath(…) as a value: the path, or all of them. */
static sb_status plan_shortest(sb_planner *p, sb_expr *e, const sb_slot_set *bound)
{
    sb_expr *value;

    SB_ASSERT(e->pattern != NULL);
    if (e->pattern->var == NULL) SB_TRY(sb_plan__var(p, SB_KIND_PATH, &e->pattern->var));
    SB_TRY(sb_plan__expr_var(p, e->pattern->var, &value));
    return plan_pattern(p, e, NULL, value, bound);
}

static sb_status plan_query_of(sb_planner *p, sb_expr *e, const sb_slot_set *bound)
{
    const bool collects = e->kind == SB_EXPR_COLLECT, asks = p->asks;
    const sb_var **columns = NULL;
    sb_plan *plan = NULL;

    p->asks = e->kind == SB_EXPR_EXISTS;
    SB_TRY(sb_plan__query(p, e->query, bound, &plan));
    p->asks = asks;
    if (collects) {
        SB_TRY(sb_plan__alloc(p, 1, sizeof *columns, &columns));
        columns[0] = e->query->columns[0];
    }
    SB_TRY(result_of(p, plan, columns, collects ? 1 : 0, &plan));
    e->plan = plan;
    return SB_OK;
}

sb_status sb_plan__expr(sb_planner *p, sb_expr *e, const sb_slot_set *bound)
{
    sb_slot_set with = *bound;

    if (e == NULL) return SB_OK;
    if (e->bound != NULL || e->bound2 != NULL) {
        SB_TRY(sb_plan__set_copy(p, bound, &with));
        /* The path variable of a comprehension is bound by its own pattern. */
        if (e->bound != NULL && e->pattern == NULL)
            SB_TRY(sb_plan__set_add(p, &with, e->bound->slot));
        if (e->bound2 != NULL) SB_TRY(sb_plan__set_add(p, &with, e->bound2->slot));
    }
    if (e->pattern == NULL) {
        for (uint32_t i = 0; i < e->arg_count; i++)
            SB_TRY(sb_plan__expr(p, e->args[i], &with));
    }
    if (e->plan != NULL) return SB_OK;
    switch ((sb_expr_kind)e->kind) {
    case SB_EXPR_PATTERN_COMPREHENSION: return plan_pattern(p, e, e->args[0], e->args[1], &with);
    case SB_EXPR_PATTERN: return plan_pattern(p, e, NULL, NULL, &with);
    case SB_EXPR_SHORTEST: return plan_shortest(p, e, &with);
    case SB_EXPR_EXISTS:
    case SB_EXPR_COUNT:
    case SB_EXPR_COLLECT: return plan_query_of(p, e, &with);
    default: return SB_OK;
    }
}

/* ---- Filters --------------------------------------------------------------------------------------------------------- */

sb_status sb_plan__ask_existence(sb_planner *p, sb_expr **predicate)
{
    const sb_expr *e = *predicate;
    sb_expr *made;

    if (p->options.no_special || e->kind != SB_EXPR_BINARY) return SB_OK;
    const bool turned = e->args[1]->kind == SB_EXPR_COUNT;
    const sb_expr *count = e->args[turned], *number = e->args[!turned];
    if (count->kind != SB_EXPR_COUNT || number->kind != SB_EXPR_INT) return SB_OK;
    const sb_op2 op = turned ? sb_op2_turned((sb_op2)e->op) : (sb_op2)e->op;
    const int64_t n = number->value.integer;
    const bool is = (op == SB_OP2_GT && n == 0) || (op == SB_OP2_GE && n == 1) ||
                    (op == SB_OP2_NE && n == 0),
               is_not = (op == SB_OP2_EQ && n == 0) || (op == SB_OP2_LT && n == 1) ||
                        (op == SB_OP2_LE && n == 0);
    if (!is && !is_not) return SB_OK;
    SB_TRY(sb_plan__alloc(p, 1, sizeof *made, &made));
    *made = *count;
    made->kind = SB_EXPR_EXISTS;
    made->kinds = SB_KIND_BOOL;
    *predicate = made;
    return is ? SB_OK : sb_plan__expr_not(p, made, predicate);
}

sb_status sb_plan__filter(sb_planner *p, sb_plan *input, sb_expr *predicate,
                          const sb_slot_set *bound, sb_plan **plan)
{
    SB_TRY(sb_plan__ask_existence(p, &predicate));
    const bool negated = predicate->kind == SB_EXPR_UNARY && predicate->op == SB_OP1_NOT;
    sb_expr *const inside = negated ? predicate->args[0] : predicate;
    sb_plan *filter;

    const double runs = sb_plan__run_for_each(p, input->rows);
    SB_TRY(sb_plan__expr(p, predicate, bound));
    p->runs = runs;
    if (!p->options.no_special &&
        (inside->kind == SB_EXPR_EXISTS || inside->kind == SB_EXPR_PATTERN)) {
        SB_TRY(sb_plan__new(p, SB_PLAN_SEMI_APPLY, input, &filter));
        filter->inner = inside->plan;
        filter->as.apply.anti = negated;
        filter->cost = input->cost + input->rows * (inside->plan->cost + 1);
    } else {
        SB_TRY(sb_plan__new(p, SB_PLAN_FILTER, input, &filter));
        filter->as.filter.predicate = predicate;
        filter->cost = input->cost + input->rows * 0.3;
    }
    filter->rows = input->rows * sb_plan__selectivity(predicate);
    *plan = filter;
    return SB_OK;
}

/* ---- Clauses ------------------------------------------------------------------------------------------------------------ */

static sb_status add_var(sb_planner *p, sb_slot_set *seen, const sb_var *var, const sb_var **vars,
                         uint32_t *count)
{
    if (var == NULL || sb_plan__set_has(seen, var->slot)) return SB_OK;
    vars[(*count)++] = var;
    return sb_plan__set_add(p, seen, var->slot);
}

/* Variables of a pattern that are not bound: what an optional clause binds. */
static sb_status collect_pattern_vars(sb_planner *p, const sb_pattern *pattern,
                                      const sb_slot_set *bound, const sb_var ***vars,
                                      uint32_t *count)
{
    uint32_t capacity = 0;
    sb_slot_set seen;

    for (uint32_t i = 0; i < pattern->part_count; i++) {
        capacity += 2;
        for (uint32_t k = 0; k < pattern->parts[i]->step_count; k++) {
            const sb_quantified *q = pattern->parts[i]->steps[k].quantified;
            capacity += 2 + (q == NULL ? 0 : q->group_count);
        }
    }
    *count = 0;
    SB_TRY(sb_plan__alloc(p, capacity, sizeof **vars, vars));
    SB_TRY(sb_plan__set_copy(p, bound, &seen));
    for (uint32_t i = 0; i < pattern->part_count; i++) {
        const sb_pattern_part *part = pattern->parts[i];

        SB_TRY(add_var(p, &seen, part->var, *vars, count));
        SB_TRY(add_var(p, &seen, part->start->var, *vars, count));
        for (uint32_t k = 0; k < part->step_count; k++) {
            if (part->steps[k].rel != NULL)
                SB_TRY(add_var(p, &seen, part->steps[k].rel->var, *vars, count));
            SB_TRY(add_var(p, &seen, part->steps[k].node->var, *vars, count));
            const sb_quantified *q = part->steps[k].quantified;
            for (uint32_t g = 0; q != NULL && g < q->group_count; g++)
                SB_TRY(add_var(p, &seen, q->groups[g].outer, *vars, count));
        }
    }
    return SB_OK;
}

/* Can a plan be run for many argument rows at once, each row of it carrying the number of the one it comes from? */
static bool is_streaming(const sb_plan *plan)
{
    for (; plan->kind != SB_PLAN_ARGUMENT; plan = plan->input) {
        switch (plan->kind) {
        case SB_PLAN_ALL_NODES:
        case SB_PLAN_LABEL_SCAN:
        case SB_PLAN_NODE_BY_ID:
        case SB_PLAN_INDEX_SEEK:
        case SB_PLAN_REL_SCAN:
        case SB_PLAN_EXPAND:
        case SB_PLAN_EXPAND_INTO:
        case SB_PLAN_INTERSECT:
        case SB_PLAN_RELATED:
        case SB_PLAN_VAR_EXPAND:
        case SB_PLAN_FILTER:
        case SB_PLAN_SEMI_APPLY:
        case SB_PLAN_PROJECT:
        case SB_PLAN_PATH:
        case SB_PLAN_UNWIND:
        case SB_PLAN_UNWIND_RANGE: break;
        default: return false;
        }
        if (plan->input == NULL) return false;
    }
    return true;
}

static sb_status batch_apply(sb_planner *p, sb_plan *apply)
{
    sb_plan *argument = apply->inner;
    sb_var *row;

    if (!is_streaming(apply->inner)) return SB_OK;
    while (argument->kind != SB_PLAN_ARGUMENT)
        argument = argument->input;
    SB_TRY(sb_plan__var(p, SB_KIND_INT, &row));
    argument->as.argument.row = row;
    apply->as.apply.batched = true;
    apply->as.apply.row = row;
    return SB_OK;
}

static sb_status plan_optional(sb_planner *p, sb_clause *clause, sb_plan *input, sb_slot_set *bound,
                               sb_plan **plan)
{
    sb_plan *inner;
    sb_plan *apply;
    const sb_var **nulls;
    uint32_t null_count;

    const double runs = sb_plan__run_for_each(p, input->rows);

    SB_TRY(collect_pattern_vars(p, &clause->as.match.pattern, bound, &nulls, &null_count));
    SB_TRY(sb_plan__argument(p, 1, &inner));
    SB_TRY(
        sb_plan__match(p, &clause->as.match.pattern, clause->as.match.where, inner, bound, &inner));
    p->runs = runs;
    SB_TRY(sb_plan__new(p, SB_PLAN_OPTIONAL_APPLY, input, &apply));
    apply->inner = inner;
    apply->as.apply.nulls = nulls;
    apply->as.apply.null_count = null_count;
    SB_TRY(batch_apply(p, apply));
    apply->rows = input->rows * (inner->rows < 1 ? 1 : inner->rows);
    apply->cost = input->cost + input->rows * (inner->cost + 1);
    *plan = apply;
    return SB_OK;
}

static bool is_range(const sb_expr *list)
{
    return list->kind == SB_EXPR_CALL && (list->function->flags & SB_FUNC_USER) == 0 &&
           strcmp(list->function->name, "range") == 0;
}

/* Items of a list: those that are written down, or a guess. */
static double item_count(const sb_expr *list)
{
    const sb_expr *const *args = (const sb_expr *const *)list->args;

    if (list->kind == SB_EXPR_LIST) return list->arg_count;
    if (!is_range(list) || list->arg_count != 2 || args[0]->kind != SB_EXPR_INT ||
        args[1]->kind != SB_EXPR_INT)
        return 10;
    const double items = (double)args[1]->value.integer - (double)args[0]->value.integer + 1;
    return items < 0 ? 0 : items;
}

static sb_status plan_unwind(sb_planner *p, sb_clause *clause, sb_plan *input, sb_slot_set *bound,
                             sb_plan **plan)
{
    sb_expr *const list = clause->as.unwind.list;

    SB_TRY(sb_plan__expr(p, list, bound));
    SB_TRY(sb_plan__new(p, is_range(list) ? SB_PLAN_UNWIND_RANGE : SB_PLAN_UNWIND, input, plan));
    (*plan)->as.unwind.list = list;
    (*plan)->as.unwind.var = clause->as.unwind.var;
    (*plan)->rows = input->rows * item_count(list);
    (*plan)->cost = input->cost + (*plan)->rows;
    return sb_plan__set_add(p, bound, clause->as.unwind.var->slot);
}

static sb_status plan_call(sb_planner *p, sb_clause *clause, sb_plan *input, sb_slot_set *bound,
                           sb_plan **plan)
{
    const sb_procedure *procedure = clause->as.call.procedure;
    const uint32_t count = clause->as.call.item_count;
    const bool unsteady = p->unsteady;
    const sb_var **results = NULL;
    uint32_t *fields = NULL;

    p->unsteady = unsteady || procedure->writes;
    for (uint32_t i = 0; i < clause->as.call.arg_count; i++)
        SB_TRY(sb_plan__expr(p, clause->as.call.args[i], bound));
    p->unsteady = unsteady;
    SB_TRY(sb_plan__new(p, SB_PLAN_CALL, input, plan));
    (*plan)->as.call.procedure = procedure;
    (*plan)->as.call.span = clause->span;
    (*plan)->as.call.args = clause->as.call.args;
    if (count != 0) {
        SB_TRY(sb_plan__alloc(p, count, sizeof *results, &results));
        SB_TRY(sb_plan__alloc(p, count, sizeof *fields, &fields));
    }
    for (uint32_t i = 0; i < count; i++) {
        results[i] = clause->as.call.items[i].var;
        while (!sb_bytes_equal(procedure->results[fields[i]].name, clause->as.call.items[i].field))
            fields[i]++;
        SB_TRY(sb_plan__set_add(p, bound, results[i]->slot));
    }
    (*plan)->as.call.results = results;
    (*plan)->as.call.fields = fields;
    (*plan)->as.call.result_count = count;
    (*plan)->rows = procedure->result_count == 0 ? input->rows : input->rows * 10;
    (*plan)->cost = input->cost + (*plan)->rows;
    if (clause->as.call.where == NULL) return SB_OK;
    return sb_plan__filter(p, *plan, clause->as.call.where, bound, plan);
}

static sb_status plan_subquery(sb_planner *p, sb_clause *clause, sb_plan *input, sb_slot_set *bound,
                               sb_plan **plan)
{
    sb_query *const query = clause->as.subquery.query;
    sb_plan *inner = NULL;
    sb_plan *apply;
    sb_plan_kind kind = SB_PLAN_APPLY;
    const sb_var **columns = NULL;

    const bool unsteady = p->unsteady, between = clause->as.subquery.in_transactions;

    /* Between transactions others may write, so what comes behind is not the same either. */
    p->unsteady = unsteady || query->writes || between;
    const double runs = sb_plan__run_for_each(p, input->rows);
    SB_TRY(sb_plan__query(p, query, bound, &inner));
    SB_ASSERT(inner != NULL);
    p->runs = runs;
    p->unsteady = unsteady || between;
    SB_TRY(sb_plan__expr(p, clause->as.subquery.batch_rows, bound));
    SB_TRY(sb_plan__expr(p, clause->as.subquery.concurrent, bound));
    if (clause->as.subquery.in_transactions)
        kind = SB_PLAN_SUBQUERY_TRANSACTIONS;
    else if (query->column_count == 0)
        kind = SB_PLAN_FOREACH;
    else if (clause->as.subquery.optional)
        kind = SB_PLAN_OPTIONAL_APPLY;
    SB_TRY(sb_plan__new(p, kind, input, &apply));
    apply->inner = inner;
    if (query->column_count != 0)
        SB_TRY(sb_plan__alloc(p, query->column_count, sizeof *columns, &columns));
    for (uint32_t i = 0; i < query->column_count; i++) {
        columns[i] = query->columns[i];
        SB_TRY(sb_plan__set_add(p, bound, columns[i]->slot));
    }
    if (kind != SB_PLAN_FOREACH) {
        apply->as.apply.nulls = columns;
        apply->as.apply.null_count = query->column_count;
        apply->as.apply.batch_rows = clause->as.subquery.batch_rows;
        apply->as.apply.on_error = clause->as.subquery.on_error;
        apply->as.apply.status = clause->as.subquery.status_var;
    }
    if (clause->as.subquery.status_var != NULL)
        SB_TRY(sb_plan__set_add(p, bound, clause->as.subquery.status_var->slot));
    apply->rows = input->rows * (query->column_count == 0 ? 1 : inner->rows);
    apply->cost = input->cost + input->rows * (inner->cost + 1);
    *plan = apply;
    return SB_OK;
}

static sb_status plan_foreach(sb_planner *p, sb_clause *clause, sb_plan *input, sb_slot_set *bound,
                              sb_plan **plan)
{
    const bool unsteady = p->unsteady;
    sb_slot_set inner_bound;
    sb_plan *inner;

    p->unsteady = true;
    SB_TRY(sb_plan__expr(p, clause->as.foreach.list, bound));
    SB_TRY(sb_plan__set_copy(p, bound, &inner_bound));
    SB_TRY(sb_plan__set_add(p, &inner_bound, clause->as.foreach.var->slot));
    SB_TRY(sb_plan__argument(p, 1, &inner));
    SB_TRY(sb_plan__clauses(p, clause->as.foreach.clauses, clause->as.foreach.count, inner,
                            &inner_bound, &inner));
    p->unsteady = unsteady;
    SB_TRY(sb_plan__new(p, SB_PLAN_FOREACH, input, plan));
    (*plan)->inner = inner;
    (*plan)->as.foreach.list = clause->as.foreach.list;
    (*plan)->as.foreach.var = clause->as.foreach.var;
    (*plan)->cost = input->cost + input->rows * 10 * (inner->cost + 1);
    return SB_OK;
}

static sb_status plan_load_csv(sb_planner *p, sb_clause *clause, sb_plan *input, sb_slot_set *bound,
                               sb_plan **plan)
{
    SB_TRY(sb_plan__expr(p, clause->as.load_csv.url, bound));
    SB_TRY(sb_plan__new(p, SB_PLAN_LOAD_CSV, input, plan));
    (*plan)->as.load_csv.url = clause->as.load_csv.url;
    (*plan)->as.load_csv.delimiter = clause->as.load_csv.delimiter;
    (*plan)->as.load_csv.headers = clause->as.load_csv.headers;
    (*plan)->as.load_csv.var = clause->as.load_csv.var;
    (*plan)->rows = input->rows * 1000;
    (*plan)->cost = input->cost + (*plan)->rows * 5;
    return sb_plan__set_add(p, bound, clause->as.load_csv.var->slot);
}

static sb_status plan_clause(sb_planner *p, sb_clause *clause, sb_plan *input, sb_slot_set *bound,
                             sb_plan **plan)
{
    switch (clause->kind) {
    case SB_CLAUSE_MATCH: return plan_optional(p, clause, input, bound, plan);
    case SB_CLAUSE_UNWIND: return plan_unwind(p, clause, input, bound, plan);
    case SB_CLAUSE_WITH:
    case SB_CLAUSE_RETURN:
        return sb_plan__projection(p, &clause->as.projection, input, bound, plan);
    case SB_CLAUSE_FINISH: *plan = input; return SB_OK;
    case SB_CLAUSE_CALL: return plan_call(p, clause, input, bound, plan);
    case SB_CLAUSE_SUBQUERY: return plan_subquery(p, clause, input, bound, plan);
    case SB_CLAUSE_FOREACH: return plan_foreach(p, clause, input, bound, plan);
    case SB_CLAUSE_LOAD_CSV: return plan_load_csv(p, clause, input, bound, plan);
    case SB_CLAUSE_CREATE:
    case SB_CLAUSE_MERGE:
    case SB_CLAUSE_SET:
    case SB_CLAUSE_REMOVE:
    case SB_CLAUSE_DELETE: return sb_plan__update(p, clause, input, bound, plan);
    }
    return SB_OK;
}

sb_status sb_plan__clauses(sb_planner *p, sb_clause *const *clauses, uint32_t count, sb_plan *input,
                           sb_slot_set *bound, sb_plan **plan)
{
    uint32_t operators = 0;
    uint32_t taken;

    *plan = input;
    for (uint32_t i = 0; i < count; i += taken) {
        const sb_plan *const before = *plan;

        taken = 1;
        if (clauses[i]->kind == SB_CLAUSE_MATCH && !clauses[i]->as.match.optional)
            SB_TRY(sb_plan__matches(p, clauses + i, count - i, *plan, bound, &taken, plan));
        else
            SB_TRY(plan_clause(p, clauses[i], *plan, bound, plan));
        SB_ASSERT(*plan != NULL);
        for (const sb_plan *made = *plan; made != before && made != NULL; made = made->input)
            operators++;
        /* What comes later takes some of them out, but not every second one. */
        if (operators > 2 * SB_PLAN_OPERATORS_MAX) return sb_plan__too_many(p);
    }
    return SB_OK;
}

/* ---- Queries ---------------------------------------------------------------------------------------------------------------- */

/* The variables of a part's RETURN, in order. */
static sb_status part_columns(sb_planner *p, const sb_single_query *part, uint32_t count,
                              const sb_var ***columns)
{
    const sb_clause *last = part->clauses[part->count - 1];

    SB_TRY(sb_plan__alloc(p, count == 0 ? 1 : count, sizeof **columns, columns));
    for (uint32_t i = 0; i < count; i++)
        (*columns)[i] = last->as.projection.items[i].var;
    return SB_OK;
}

static sb_status plan_single(sb_planner *p, sb_single_query *part, const sb_slot_set *bound,
                             sb_plan **plan)
{
    const sb_slot_set *const around = p->around;
    sb_slot_set inner;

    SB_TRY(sb_plan__set_copy(p, bound, &inner));
    SB_TRY(sb_plan__argument(p, 1, plan));
    p->around = bound;
    SB_TRY(sb_plan__clauses(p, part->clauses, part->count, *plan, &inner, plan));
    p->around = around;
    return SB_OK;
}

static sb_status plan_union(sb_planner *p, sb_query *query, const sb_slot_set *bound,
                            sb_plan **plan)
{
    const sb_var **columns;
    const sb_var **left;
    const uint32_t count = query->column_count;

    if (query->part_count > SB_PLAN_OPERATORS_MAX) return sb_plan__too_many(p);
    SB_TRY(sb_plan__alloc(p, count == 0 ? 1 : count, sizeof *columns, &columns));
    for (uint32_t i = 0; i < count; i++)
        columns[i] = query->columns[i];
    SB_TRY(plan_single(p, query->parts[0], bound, plan));
    SB_TRY(part_columns(p, query->parts[0], count, &left));
    for (uint32_t i = 1; i < query->part_count; i++) {
        sb_plan *join;
        sb_plan *inner;
        const sb_var **right;

        SB_TRY(plan_single(p, query->parts[i], bound, &inner));
        SB_TRY(part_columns(p, query->parts[i], count, &right));
        SB_TRY(sb_plan__new(p, SB_PLAN_UNION, *plan, &join));
        join->inner = inner;
        join->as.union_.left = left;
        join->as.union_.right = right;
        join->as.union_.vars = columns;
        join->as.union_.count = count;
        join->rows = (*plan)->rows + inner->rows;
        join->cost = (*plan)->cost + inner->cost;
        *plan = join;
        left = columns;
    }
    if (query->union_all || count == 0) return SB_OK;
    SB_TRY(sb_plan__new(p, SB_PLAN_DISTINCT, *plan, plan));
    (*plan)->as.distinct.vars = columns;
    (*plan)->as.distinct.count = count;
    return SB_OK;
}

sb_status sb_plan__query(sb_planner *p, sb_query *query, const sb_slot_set *bound, sb_plan **plan)
{
    if (query->part_count == 1) return plan_single(p, query->parts[0], bound, plan);
    return plan_union(p, query, bound, plan);
}
