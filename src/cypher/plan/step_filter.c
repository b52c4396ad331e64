/* step_filter.c — what each step of a path of variable length must meet: the properties that its relationship is written with, and what all(),
 * none() and NOT any() of the path's relationships or nodes demand. It is asked on the way, so that no path is gone on with that can not become a row;
 * asked of whole paths, it would be of all there are. */
#include "cypher/plan/order_priv.h"

#include <string.h>

/* What a list in a predicate holds. */
typedef struct step_list {
    bool nodes; /* or relationships */
    bool whole; /* of the edge alone: what its steps meet, the list does */
} step_list;

static bool is_named(const sb_expr *call, const char *name)
{
    return call->function != NULL && (call->function->flags & SB_FUNC_USER) == 0 &&
           strcmp(call->function->name, name) == 0;
}

/* Is the edge a part of the path? *whole: the only one. */
static bool is_on_path(const sb_pattern_graph *graph, const sb_pattern_edge *e, const sb_var *path,
                       bool *whole)
{
    *whole = true;
    if (e->shortest != NULL) return e->shortest->var == path;
    for (uint32_t i = 0; i < graph->path_count; i++) {
        if (graph->paths[i].var != path) continue;
        *whole = graph->paths[i].count == 3; /* two nodes, and what is between them */
        for (uint32_t k = 0; k < graph->paths[i].count; k++)
            if (graph->paths[i].parts[k] == e->var) return true;
    }
    return false;
}

/* r of -[r*]-, relationships(p) or nodes(p)? */
static bool is_step_list(const sb_pattern_graph *graph, const sb_pattern_edge *e,
                         const sb_expr *list, step_list *steps)
{
    *steps = (step_list){.whole = true};
    if (list->kind == SB_EXPR_VAR) return list->var == e->var;
    if (list->kind != SB_EXPR_CALL || list->arg_count != 1 || list->args[0]->kind != SB_EXPR_VAR)
        return false;
    steps->nodes = is_named(list, "nodes");
    return (steps->nodes || is_named(list, "relationships")) &&
           is_on_path(graph, e, list->args[0]->var, &steps->whole);
}

static sb_status add_condition(sb_planner *p, sb_expr *condition, sb_expr **filter)
{
    if (*filter != NULL) return sb_plan__expr_binary(p, SB_OP2_AND, *filter, condition, filter);
    *filter = condition;
    return SB_OK;
}

static sb_status add_var(sb_planner *p, const sb_var *var, const sb_var ***vars, uint32_t *count)
{
    const sb_var **more;

    SB_TRY(sb_plan__alloc(p, *count + 1, sizeof *more, &more));
    if (*count != 0) memcpy(more, *vars, *count * sizeof *more);
    more[(*count)++] = var;
    *vars = more;
    return SB_OK;
}

/* The properties of a relationship of variable length, on a variable of their own. */
static sb_status add_properties(sb_planner *p, const sb_rel_pattern *rel, sb_plan_expand *expand)
{
    sb_var *step;

    if (rel->props == NULL || rel->props->arg_count == 0) return SB_OK;
    SB_TRY(sb_plan__var(p, SB_KIND_REL, &step));
    SB_TRY(add_var(p, step, &expand->step_rels, &expand->step_rel_count));
    for (uint32_t i = 0; i < rel->props->arg_count; i++) {
        sb_expr *property;
        sb_expr *equal;

        SB_TRY(sb_plan__expr_property(p, step, rel->props->keys[i], rel->props->args[i]->span,
                                      &property));
        SB_TRY(sb_plan__expr_binary(p, SB_OP2_EQ, property, rel->props->args[i], &equal));
        SB_TRY(add_condition(p, equal, &expand->filter));
    }
    return SB_OK;
}

/* The condition of all(), none() or NOT any() for one item, if the edge's steps are among them and it reads nothing besides that has no value yet;
 * *condition NULL: it is not so. */
static sb_status step_condition(sb_order_search *s, const sb_order_state *st,
                                const sb_pattern_edge *e, const sb_predicate *predicate,
                                step_list *steps, const sb_var **item, sb_expr **condition)
{
    const bool negated =
        predicate->expr->kind == SB_EXPR_UNARY && predicate->expr->op == SB_OP1_NOT;
    const sb_expr *expr = negated ? predicate->expr->args[0] : predicate->expr;
    sb_slot_set needs = {NULL, 0}, with;

    *condition = NULL;
    if (expr->kind != SB_EXPR_QUANTIFIER ||
        (negated ? expr->op != SB_ANY : expr->op != SB_ALL && expr->op != SB_NONE) ||
        predicate->differs || !is_step_list(s->graph, e, expr->args[0], steps) ||
        !sb_plan__is_plain(expr->args[1]))
        return SB_OK;
    SB_TRY(sb_plan__set_copy(s->p, &st->bound, &with));
    SB_TRY(sb_plan__set_add(s->p, &with, expr->bound->slot));
    SB_TRY(sb_plan__expr_needs(s->p, expr->args[1], &needs));
    if (!sb_plan__set_within(&needs, &with)) return SB_OK;
    *item = expr->bound;
    if (expr->op != SB_ALL) return sb_plan__expr_not(s->p, expr->args[1], condition);
    *condition = expr->args[1];
    return SB_OK;
}

sb_status sb_order__step_filter(sb_order_search *s, sb_order_state *st, uint32_t edge,
                                sb_plan_expand *expand, double *share)
{
    const sb_pattern_edge *e = &s->graph->edges[edge];

    *share = 1;
    SB_TRY(add_properties(s->p, e->rel, expand));
    /* What stands beside a selector of GQL is asked of what that has selected. */
    if (e->var_bound || (e->shortest != NULL && !e->shortest->selector_is_function)) return SB_OK;
    for (uint32_t i = 0; i < s->graph->predicate_count; i++) {
        const sb_predicate *predicate = &s->graph->predicates[i];
        const sb_var *item;
        step_list steps;
        sb_expr *condition;

        if (st->predicate_done[i]) continue;
        SB_TRY(step_condition(s, st, e, predicate, &steps, &item, &condition));
        if (condition == NULL) continue;
        SB_TRY(add_condition(s->p, condition, &expand->filter));
        if (steps.nodes) {
            SB_TRY(add_var(s->p, item, &expand->step_nodes, &expand->step_node_count));
            SB_TRY(add_condition(s->p, condition, &expand->start_filter));
        } else {
            SB_TRY(add_var(s->p, item, &expand->step_rels, &expand->step_rel_count));
        }
        if (!steps.whole) continue;
        st->predicate_done[i] = true;
        *share *= sb_plan__selectivity(predicate->expr);
    }
    return SB_OK;
}
