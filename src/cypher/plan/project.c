/* project.c — WITH and RETURN: projection, aggregation, DISTINCT, ORDER BY, SKIP, LIMIT, and WHERE behind them.
 * Aggregation: the items without aggregates are the groups. In the others, each aggregate becomes a value of AGGREGATE, and what is left of
 * the expression is computed from these and the groups. */
#include "cypher/plan/plan_priv.h"

#include <math.h>
#include <string.h>

#define UNITS_OF_AN_EXPRESSION 16u /* hashed (sb_plan__work) */

typedef struct aggregation {
    sb_planner *p;
    sb_plan_assign *groups;
    uint32_t group_count;
    sb_plan_index group_index; /* of their expressions */
    sb_plan_aggregate *aggregates;
    sb_expr **sources; /* the expression of each aggregate: equal ones are computed once */
    sb_plan_index source_index;
    uint32_t count, capacity;
} aggregation;

static bool is_aggregate(const sb_expr *e)
{
    return e->kind == SB_EXPR_COUNT_STAR || (e->kind == SB_EXPR_CALL && e->function != NULL &&
                                             (e->function->flags & SB_FUNC_AGGREGATE) != 0);
}

static sb_status add_aggregate(aggregation *a, sb_expr *e, const sb_var **var)
{
    sb_var *made;

    SB_TRY(sb_plan__work(a->p, (size_t)e->weight * UNITS_OF_AN_EXPRESSION));
    const uint64_t hash = sb_plan__expr_hash(e);
    for (uint32_t i = sb_plan__index_find(&a->source_index, hash); i != SB_PLAN_NONE;
         i = sb_plan__index_next(&a->source_index, i)) {
        if (!sb_plan__expr_same(a->sources[i], e)) continue;
        *var = a->aggregates[i].var;
        return SB_OK;
    }
    SB_TRY(sb_plan__index_add(a->p, &a->source_index, hash));
    if (a->count == a->capacity) {
        const uint32_t grown = a->capacity == 0 ? 4 : a->capacity * 2;
        sb_plan_aggregate *aggregates;
        sb_expr **sources;

        SB_TRY(sb_plan__alloc(a->p, grown, sizeof *aggregates, &aggregates));
        SB_TRY(sb_plan__alloc(a->p, grown, sizeof *sources, &sources));
        if (a->count != 0) {
            memcpy(aggregates, a->aggregates, a->count * sizeof *aggregates);
            memcpy(sources, a->sources, a->count * sizeof *sources);
        }
        a->aggregates = aggregates;
        a->sources = sources;
        a->capacity = grown;
    }
    SB_TRY(sb_plan__var(a->p, e->kinds == 0 ? SB_KIND_ANY : e->kinds, &made));
    made->name = sb_plan__written(a->p, e);
    const sb_function *function =
        e->kind == SB_EXPR_COUNT_STAR ? sb_function_find(sb_bytes_of("count", 5)) : e->function;
    a->sources[a->count] = e;
    a->aggregates[a->count++] =
        (sb_plan_aggregate){function, e->args, e->arg_count, e->distinct, made};
    *var = made;
    return SB_OK;
}

/* The group that an expression is; NULL: none. */
static sb_status find_group(const aggregation *a, const sb_expr *e, const sb_var **var)
{
    *var = NULL;
    if (a->group_count == 0) return SB_OK;
    SB_TRY(sb_plan__work(a->p, (size_t)e->weight * UNITS_OF_AN_EXPRESSION));
    for (uint32_t i = sb_plan__index_find(&a->group_index, sb_plan__expr_hash(e));
         i != SB_PLAN_NONE && *var == NULL; i = sb_plan__index_next(&a->group_index, i))
        if (sb_plan__expr_same(a->groups[i].expr, e)) *var = a->groups[i].var;
    return SB_OK;
}

/* e with aggregates replaced by their values, and what is equal to a group by that group. */
static sb_status rewrite(aggregation *a, sb_expr *e, sb_expr **result)
{
    sb_expr *copy;
    bool changed = false;

    *result = e;
    if (e == NULL) return SB_OK;
    if (is_aggregate(e)) {
        const sb_var *var;

        SB_TRY(add_aggregate(a, e, &var));
        return sb_plan__expr_var(a->p, var, result);
    }
    const sb_var *group;
    SB_TRY(find_group(a, e, &group));
    if (group != NULL) return sb_plan__expr_var(a->p, group, result);
    if (e->arg_count == 0) return SB_OK;
    SB_TRY(sb_plan__alloc(a->p, 1, sizeof *copy, &copy));
    *copy = *e;
    SB_TRY(sb_plan__alloc(a->p, e->arg_count, sizeof *copy->args, &copy->args));
    for (uint32_t i = 0; i < e->arg_count; i++) {
        SB_TRY(rewrite(a, e->args[i], &copy->args[i]));
        changed = changed || copy->args[i] != e->args[i];
    }
    if (changed) *result = copy;
    return SB_OK;
}

sb_status sb_plan__project(sb_planner *p, sb_plan *input, sb_plan_assign *items, uint32_t count,
                           sb_slot_set *bound, sb_plan **plan)
{
    *plan = input;
    if (count == 0) return SB_OK;
    const double runs = sb_plan__run_for_each(p, input->rows);
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(sb_plan__expr(p, items[i].expr, bound));
    p->runs = runs;
    SB_TRY(sb_plan__new(p, SB_PLAN_PROJECT, input, plan));
    (*plan)->as.project.items = items;
    (*plan)->as.project.count = count;
    (*plan)->cost += input->rows * 0.2;
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(sb_plan__set_add(p, bound, items[i].var->slot));
    return SB_OK;
}

/* Items without aggregates become groups; the rest of the items and the order are rewritten in place. */
static sb_status aggregate(sb_planner *p, sb_projection *projection, sb_plan *input,
                           sb_slot_set *bound, sb_plan **plan)
{
    aggregation a = {.p = p};
    sb_plan_assign *after;
    uint32_t after_count = 0;

    SB_TRY(sb_plan__alloc(p, projection->item_count + 1, sizeof *a.groups, &a.groups));
    SB_TRY(sb_plan__alloc(p, 2 * projection->item_count + 1, sizeof *after, &after));
    const double runs = sb_plan__run_for_each(p, input->rows);
    for (uint32_t i = 0; i < projection->item_count; i++) {
        sb_projection_item *item = &projection->items[i];

        if (item->expr->aggregates) continue;
        SB_TRY(sb_plan__expr(p, item->expr, bound));
        SB_TRY(sb_plan__index_add(p, &a.group_index, sb_plan__expr_hash(item->expr)));
        a.groups[a.group_count++] = (sb_plan_assign){item->expr, item->var};
    }
    /* What was grouped by as a whole stays known by its old name, for patterns and sub-queries that mention it. */
    for (uint32_t i = 0; i < a.group_count; i++) {
        if (a.groups[i].expr->kind != SB_EXPR_VAR) continue;
        after[after_count].var = a.groups[i].expr->var;
        SB_TRY(sb_plan__expr_var(p, a.groups[i].var, &after[after_count++].expr));
    }
    for (uint32_t i = 0; i < projection->item_count; i++) {
        sb_projection_item *item = &projection->items[i];

        if (!item->expr->aggregates) continue;
        after[after_count].var = item->var;
        SB_TRY(rewrite(&a, item->expr, &after[after_count++].expr));
    }
    for (uint32_t i = 0; i < projection->order_count; i++)
        SB_TRY(rewrite(&a, projection->order[i].expr, &projection->order[i].expr));
    for (uint32_t i = 0; i < a.count; i++)
        for (uint32_t k = 0; k < a.aggregates[i].arg_count; k++)
            SB_TRY(sb_plan__expr(p, a.aggregates[i].args[k], bound));
    p->runs = runs;

    SB_TRY(sb_plan__new(p, SB_PLAN_AGGREGATE, input, plan));
    (*plan)->as.aggregate.groups = a.groups;
    (*plan)->as.aggregate.group_count = a.group_count;
    (*plan)->as.aggregate.aggregates = a.aggregates;
    (*plan)->as.aggregate.aggregate_count = a.count;
    (*plan)->rows = a.group_count == 0 ? 1 : sqrt(input->rows);
    (*plan)->cost = input->cost + input->rows;
    sb_slot_set known;
    SB_TRY(sb_plan__set_copy(p, p->around, &known));
    for (uint32_t i = 0; i < a.group_count; i++)
        SB_TRY(sb_plan__set_add(p, &known, a.groups[i].var->slot));
    for (uint32_t i = 0; i < a.count; i++)
        SB_TRY(sb_plan__set_add(p, &known, a.aggregates[i].var->slot));
    *bound = known;
    return sb_plan__project(p, *plan, after, after_count, bound, plan);
}

/* Does LIMIT leave less than half of the rows, as far as that is known? */
static bool limit_is_small(const sb_projection *projection, const sb_plan *input)
{
    double rows = 0;

    if (projection->limit == NULL) return false;
    if (projection->skip != NULL && projection->skip->kind == SB_EXPR_INT)
        rows = (double)projection->skip->value.integer;
    if (projection->limit->kind == SB_EXPR_INT) rows += (double)projection->limit->value.integer;
    return rows * 2 < input->rows;
}

/* Is an item better computed of the rows that LIMIT leaves? Where it costs something, and reads no more than the order has to keep anyway, or
 * little: a property, or a sub-query. */
static bool is_costly(const sb_expr *e)
{
    return !sb_plan__expr_volatile(e) &&
           ((e->kind == SB_EXPR_PROPERTY && e->args[0]->kind == SB_EXPR_VAR) ||
            !sb_plan__is_plain(e));
}

/* The items, of which `late` gets those that can wait until LIMIT has left few rows. What reads them is above, or nobody: rows that are left out
 * need no values. In a statement that has written by then, values are those of before the next row. */
static sb_status plain_items(sb_planner *p, sb_projection *projection, sb_plan *input,
                             sb_slot_set *bound, sb_plan_assign *late, uint32_t *late_count,
                             sb_plan **plan)
{
    const bool wait = !p->options.no_special && !projection->distinct &&
                      limit_is_small(projection, input) && !sb_plan_writes(input);
    sb_slot_set ordered = {NULL, 0};
    sb_plan_assign *items;
    uint32_t count = 0;

    for (uint32_t i = 0; wait && i < projection->order_count; i++)
        SB_TRY(sb_plan__expr_needs(p, projection->order[i].expr, &ordered));
    SB_TRY(sb_plan__alloc(p, projection->item_count + 1, sizeof *items, &items));
    for (uint32_t i = 0; i < projection->item_count; i++) {
        const sb_plan_assign item = {projection->items[i].expr, projection->items[i].var};

        if (wait && is_costly(item.expr) && !sb_plan__set_has(&ordered, item.var->slot))
            late[(*late_count)++] = item;
        else
            items[count++] = item;
    }
    return sb_plan__project(p, input, items, count, bound, plan);
}

static sb_status distinct(sb_planner *p, const sb_projection *projection, sb_plan **plan)
{
    const sb_var **vars;

    SB_TRY(sb_plan__alloc(p, projection->item_count + 1, sizeof *vars, &vars));
    for (uint32_t i = 0; i < projection->item_count; i++)
        vars[i] = projection->items[i].var;
    SB_TRY(sb_plan__new(p, SB_PLAN_DISTINCT, *plan, plan));
    (*plan)->as.distinct.vars = vars;
    (*plan)->as.distinct.count = projection->item_count;
    (*plan)->cost += (*plan)->rows;
    return SB_OK;
}

/* Is the sum of SKIP and LIMIT known before? Each is computed once more by its own operator. */
static bool is_top(const sb_planner *p, const sb_projection *projection)
{
    return projection->limit != NULL && !p->options.no_special &&
           (projection->skip == NULL || (!sb_plan__expr_volatile(projection->skip) &&
                                         !sb_plan__expr_volatile(projection->limit)));
}

/* SORT, or TOP when there is a limit: of the first skip + limit rows. */
static sb_status sort(sb_planner *p, const sb_projection *projection, sb_slot_set *bound,
                      sb_plan **plan)
{
    sb_plan_assign *values;
    uint32_t value_count = 0;
    sb_plan_sort_key *keys;

    SB_TRY(sb_plan__alloc(p, projection->order_count, sizeof *values, &values));
    SB_TRY(sb_plan__alloc(p, projection->order_count, sizeof *keys, &keys));
    for (uint32_t i = 0; i < projection->order_count; i++) {
        sb_expr *const e = projection->order[i].expr;
        sb_var *var;

        keys[i].descending = projection->order[i].descending;
        if (e->kind == SB_EXPR_VAR) {
            keys[i].var = e->var;
            continue;
        }
        SB_TRY(sb_plan__var(p, e->kinds == 0 ? SB_KIND_ANY : e->kinds, &var));
        var->name = sb_plan__written(p, e);
        values[value_count++] = (sb_plan_assign){e, var};
        keys[i].var = var;
    }
    SB_TRY(sb_plan__project(p, *plan, values, value_count, bound, plan));
    const bool top = is_top(p, projection);
    SB_TRY(sb_plan__new(p, top ? SB_PLAN_TOP : SB_PLAN_SORT, *plan, plan));
    (*plan)->as.sort.keys = keys;
    (*plan)->as.sort.count = projection->order_count;
    (*plan)->as.sort.skip = top ? projection->skip : NULL;
    (*plan)->as.sort.limit = top ? projection->limit : NULL;
    (*plan)->cost += (*plan)->rows * (top ? 1 : log2((*plan)->rows + 2));
    return SB_OK;
}

/* TOP without SKIP sees to its LIMIT itself. */
static sb_status limit_rows(sb_planner *p, sb_plan_kind kind, sb_expr *count,
                            const sb_slot_set *bound, sb_plan **plan)
{
    if (count == NULL) return SB_OK;
    SB_TRY(sb_plan__expr(p, count, bound));
    if ((*plan)->kind != SB_PLAN_TOP || (*plan)->as.sort.limit != count) {
        SB_TRY(sb_plan__new(p, kind, *plan, plan));
        (*plan)->as.limit.count = count;
    }
    if (kind == SB_PLAN_LIMIT && count->kind == SB_EXPR_INT &&
        (double)count->value.integer < (*plan)->rows)
        (*plan)->rows = (double)count->value.integer;
    return SB_OK;
}

sb_status sb_plan__projection(sb_planner *p, sb_projection *projection, sb_plan *input,
                              sb_slot_set *bound, sb_plan **plan)
{
    sb_plan_assign *late;
    uint32_t late_count = 0;

    SB_TRY(sb_plan__alloc(p, projection->item_count + 1, sizeof *late, &late));
    if (projection->aggregates)
        SB_TRY(aggregate(p, projection, input, bound, plan));
    else
        SB_TRY(plain_items(p, projection, input, bound, late, &late_count, plan));
    if (projection->distinct) SB_TRY(distinct(p, projection, plan));
    if (projection->order_count != 0) SB_TRY(sort(p, projection, bound, plan));
    SB_TRY(limit_rows(p, SB_PLAN_SKIP, projection->skip, bound, plan));
    SB_TRY(limit_rows(p, SB_PLAN_LIMIT, projection->limit, bound, plan));
    SB_TRY(sb_plan__project(p, *plan, late, late_count, bound, plan));
    if (projection->where != NULL)
        SB_TRY(sb_plan__filter(p, *plan, projection->where, bound, plan));
    return SB_OK;
}
