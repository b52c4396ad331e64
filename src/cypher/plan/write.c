/* write.c — CREATE, MERGE, SET, REMOVE, DELETE.
 * What CREATE and DELETE ask of the graph (sub-queries, patterns) is computed below them: a barrier can then stand between, so that no row's
 * answer has in it what the clause has done for another (eager.c). MERGE and SET go row by row, and see it. */
#include "cypher/plan/plan_priv.h"

/* Variables that were made, and paths over them. */
static sb_status bind_created(sb_planner *p, const sb_pattern *pattern,
                              const sb_plan_create *create, sb_slot_set *bound, sb_plan **plan)
{
    for (uint32_t i = 0; i < create->node_count; i++)
        SB_TRY(sb_plan__set_add(p, bound, create->nodes[i].var->slot));
    for (uint32_t i = 0; i < create->rel_count; i++)
        SB_TRY(sb_plan__set_add(p, bound, create->rels[i].var->slot));
    for (uint32_t i = 0; i < pattern->part_count; i++) {
        const sb_pattern_part *part = pattern->parts[i];
        const sb_var **vars;

        if (part->var == NULL) continue;
        SB_TRY(sb_plan__alloc(p, 1 + 2 * (size_t)part->step_count, sizeof *vars, &vars));
        vars[0] = part->start->var;
        for (uint32_t k = 0; k < part->step_count; k++) {
            vars[1 + 2 * k] = part->steps[k].rel->var;
            vars[2 + 2 * k] = part->steps[k].node->var;
        }
        SB_TRY(sb_plan__new(p, SB_PLAN_PATH, *plan, plan));
        (*plan)->as.path.path = part->var;
        (*plan)->as.path.parts = vars;
        (*plan)->as.path.count = 1 + 2 * part->step_count;
        SB_TRY(sb_plan__set_add(p, bound, part->var->slot));
    }
    return SB_OK;
}

static sb_status plan_props(sb_planner *p, const sb_plan_create *create, const sb_slot_set *bound)
{
    for (uint32_t i = 0; i < create->node_count; i++) {
        SB_TRY(sb_plan__expr(p, create->nodes[i].props, bound));
        SB_TRY(sb_plan__expr(p, create->nodes[i].dynamic, bound));
    }
    for (uint32_t i = 0; i < create->rel_count; i++) {
        SB_TRY(sb_plan__expr(p, create->rels[i].props, bound));
        SB_TRY(sb_plan__expr(p, create->rels[i].dynamic, bound));
    }
    return SB_OK;
}

static bool asks_graph(const sb_expr *e)
{
    bool asks = e != NULL && (e->pattern != NULL || e->query != NULL);

    for (uint32_t i = 0; e != NULL && i < e->arg_count && !asks; i++)
        asks = asks_graph(e->args[i]);
    return asks;
}

/* Values that ask the graph become columns of a PROJECT. */
static sb_status ask_before(sb_planner *p, sb_expr **values, uint32_t count,
                            const sb_slot_set *bound, sb_plan **plan)
{
    sb_plan_assign *items;
    uint32_t asking = 0;

    for (uint32_t i = 0; i < count; i++)
        asking += asks_graph(values[i]);
    if (asking == 0) return SB_OK;
    SB_TRY(sb_plan__alloc(p, asking, sizeof *items, &items));
    asking = 0;
    for (uint32_t i = 0; i < count; i++) {
        sb_expr *const value = values[i];
        sb_var *var;

        if (!asks_graph(value)) continue;
        SB_TRY(sb_plan__expr(p, value, bound));
        SB_TRY(sb_plan__var(p, value->kinds, &var));
        var->name = sb_plan__written(p, value);
        var->span = value->span;
        var->items = value->items;
        items[asking++] = (sb_plan_assign){value, var};
        SB_TRY(sb_plan__expr_var(p, var, &values[i]));
    }
    SB_TRY(sb_plan__new(p, SB_PLAN_PROJECT, *plan, plan));
    (*plan)->as.project.items = items;
    (*plan)->as.project.count = asking;
    return SB_OK;
}

static sb_status ask_before_parts(sb_planner *p, sb_expr *e, const sb_slot_set *bound,
                                  sb_plan **plan)
{
    return e == NULL ? SB_OK : ask_before(p, e->args, e->arg_count, bound, plan);
}

static sb_status add_create(sb_planner *p, const sb_plan_create *create, const sb_slot_set *bound,
                            sb_plan **plan)
{
    const double rows = (*plan)->rows;

    for (uint32_t i = 0; i < create->node_count; i++) {
        SB_TRY(ask_before_parts(p, create->nodes[i].props, bound, plan));
        SB_TRY(ask_before_parts(p, create->nodes[i].dynamic, bound, plan));
    }
    for (uint32_t i = 0; i < create->rel_count; i++) {
        SB_TRY(ask_before_parts(p, create->rels[i].props, bound, plan));
        SB_TRY(ask_before_parts(p, create->rels[i].dynamic, bound, plan));
    }
    SB_TRY(sb_plan__new(p, SB_PLAN_CREATE, *plan, plan));
    (*plan)->as.create = *create;
    (*plan)->cost += rows * 5;
    return plan_props(p, create, bound);
}

/* Does a property read something that the same clause makes? */
static sb_status reads_own(sb_planner *p, const sb_plan_create *create, bool *reads)
{
    sb_slot_set made = {NULL, 0};
    sb_slot_set read = {NULL, 0};

    for (uint32_t i = 0; i < create->node_count; i++) {
        SB_TRY(sb_plan__set_add(p, &made, create->nodes[i].var->slot));
        if (create->nodes[i].props != NULL)
            SB_TRY(sb_plan__expr_slots(p, create->nodes[i].props, &read));
        if (create->nodes[i].dynamic != NULL)
            SB_TRY(sb_plan__expr_slots(p, create->nodes[i].dynamic, &read));
    }
    for (uint32_t i = 0; i < create->rel_count; i++) {
        SB_TRY(sb_plan__set_add(p, &made, create->rels[i].var->slot));
        if (create->rels[i].props != NULL)
            SB_TRY(sb_plan__expr_slots(p, create->rels[i].props, &read));
        if (create->rels[i].dynamic != NULL)
            SB_TRY(sb_plan__expr_slots(p, create->rels[i].dynamic, &read));
    }
    *reads = sb_plan__set_meets(&made, &read);
    return SB_OK;
}

/* Each part by itself, its nodes first: what a property reads has been made by then. */
static sb_status create_one_by_one(sb_planner *p, const sb_pattern *pattern, sb_slot_set *bound,
                                   sb_plan **plan)
{
    for (uint32_t i = 0; i < pattern->part_count; i++) {
        const sb_pattern part = {.parts = &pattern->parts[i], .part_count = 1};
        sb_plan_create create;

        SB_TRY(sb_plan__create_pattern(p, &part, bound, &create));
        for (uint32_t k = 0; k < create.node_count; k++) {
            const sb_plan_create node = {.nodes = &create.nodes[k], .node_count = 1};

            SB_TRY(add_create(p, &node, bound, plan));
            SB_TRY(sb_plan__set_add(p, bound, create.nodes[k].var->slot));
        }
        for (uint32_t k = 0; k < create.rel_count; k++) {
            const sb_plan_create rel = {.rels = &create.rels[k], .rel_count = 1};

            SB_TRY(add_create(p, &rel, bound, plan));
            SB_TRY(sb_plan__set_add(p, bound, create.rels[k].var->slot));
        }
    }
    return SB_OK;
}

static sb_status plan_create(sb_planner *p, sb_clause *clause, sb_plan *input, sb_slot_set *bound,
                             sb_plan **plan)
{
    const sb_pattern *pattern = &clause->as.create.pattern;
    sb_plan_create create;
    bool own;

    *plan = input;
    SB_TRY(sb_plan__create_pattern(p, pattern, bound, &create));
    SB_TRY(reads_own(p, &create, &own));
    SB_TRY(own ? create_one_by_one(p, pattern, bound, plan) : add_create(p, &create, bound, plan));
    return bind_created(p, pattern, &create, bound, plan);
}

static sb_status set_items(sb_planner *p, const sb_set_list *list, bool remove,
                           const sb_slot_set *bound, const sb_plan_set_item **items,
                           uint32_t *count)
{
    sb_plan_set_item *made;

    *count = list->count;
    *items = NULL;
    if (list->count == 0) return SB_OK;
    SB_TRY(sb_plan__alloc(p, list->count, sizeof *made, &made));
    for (uint32_t i = 0; i < list->count; i++) {
        const sb_set_item *item = &list->items[i];
        sb_plan_name *labels = NULL;

        SB_TRY(sb_plan__expr(p, item->target, bound));
        SB_TRY(sb_plan__expr(p, item->key_expr, bound));
        SB_TRY(sb_plan__expr(p, item->value, bound));
        made[i] = (sb_plan_set_item){.kind = item->kind,
                                     .remove = remove,
                                     .target = item->target,
                                     .key_expr = item->key_expr,
                                     .value = item->value,
                                     .label_count = item->label_count};
        if (item->kind == SB_SET_PROPERTY)
            SB_TRY(sb_plan__name(p, SB_NAME_KEY, item->key, &made[i].key));
        if (item->label_count != 0)
            SB_TRY(sb_plan__alloc(p, item->label_count, sizeof *labels, &labels));
        for (uint32_t k = 0; k < item->label_count; k++)
            SB_TRY(sb_plan__name(p, SB_NAME_LABEL, item->labels[k], &labels[k]));
        made[i].labels = labels;
    }
    *items = made;
    return SB_OK;
}

/* Of the properties of a pattern, those that would be another value each time: with what the row has in their place. */
static sb_status fix_values(sb_planner *p, const sb_slot_set *bound, sb_expr **props,
                            sb_plan_assign *items, uint32_t *count)
{
    sb_expr *fixed;

    if (*props == NULL || (*props)->kind != SB_EXPR_MAP || !sb_plan__expr_volatile(*props))
        return SB_OK;
    SB_TRY(sb_plan__alloc(p, 1, sizeof *fixed, &fixed));
    *fixed = **props;
    SB_TRY(sb_plan__alloc(p, fixed->arg_count, sizeof *fixed->args, &fixed->args));
    for (uint32_t i = 0; i < fixed->arg_count; i++) {
        sb_slot_set needs = {NULL, 0};
        sb_expr *const value = (*props)->args[i];
        sb_var *var;

        fixed->args[i] = value;
        SB_TRY(sb_plan__expr_needs(p, value, &needs));
        if (!sb_plan__expr_volatile(value) || !sb_plan__set_within(&needs, bound)) continue;
        SB_TRY(sb_plan__var(p, value->kinds == 0 ? SB_KIND_ANY : value->kinds, &var));
        var->name = sb_plan__written(p, value);
        items[(*count)++] = (sb_plan_assign){value, var};
        SB_TRY(sb_plan__expr_var(p, var, &fixed->args[i]));
    }
    *props = fixed;
    return SB_OK;
}

static uint32_t value_count(const sb_expr *props)
{
    return props == NULL ? 0 : props->arg_count;
}

static sb_status copy_node(sb_planner *p, sb_node_pattern **node)
{
    sb_node_pattern *copy;

    SB_TRY(sb_plan__alloc(p, 1, sizeof *copy, &copy));
    *copy = **node;
    *node = copy;
    return SB_OK;
}

/* MERGE looks for what it makes: a value that differs from call to call (rand()) is computed once for a row, below it. *part is another one then. */
static sb_status fix_part(sb_planner *p, sb_pattern_part **part, sb_slot_set *bound, sb_plan **plan)
{
    sb_pattern_part *fixed;
    sb_plan_assign *items;
    sb_step *steps;
    uint32_t most = value_count((*part)->start->props), count = 0;

    for (uint32_t i = 0; i < (*part)->step_count; i++)
        most +=
            value_count((*part)->steps[i].rel->props) + value_count((*part)->steps[i].node->props);
    SB_TRY(sb_plan__alloc(p, most + 1, sizeof *items, &items));
    SB_TRY(sb_plan__alloc(p, 1, sizeof *fixed, &fixed));
    SB_TRY(sb_plan__alloc(p, (*part)->step_count + 1, sizeof *steps, &steps));
    *fixed = **part;
    fixed->steps = steps;
    SB_TRY(copy_node(p, &fixed->start));
    SB_TRY(fix_values(p, bound, &fixed->start->props, items, &count));
    for (uint32_t i = 0; i < fixed->step_count; i++) {
        sb_rel_pattern *rel;

        steps[i] = (*part)->steps[i];
        SB_TRY(sb_plan__alloc(p, 1, sizeof *rel, &rel));
        *rel = *steps[i].rel;
        steps[i].rel = rel;
        SB_TRY(copy_node(p, &steps[i].node));
        SB_TRY(fix_values(p, bound, &rel->props, items, &count));
        SB_TRY(fix_values(p, bound, &steps[i].node->props, items, &count));
    }
    if (count != 0) *part = fixed;
    return sb_plan__project(p, *plan, items, count, bound, plan);
}

/* The match half of MERGE is a MATCH of the pattern for one row; what it lacks is made whole. */
static sb_status plan_merge(sb_planner *p, sb_clause *clause, sb_plan *input, sb_slot_set *bound,
                            sb_plan **plan)
{
    sb_pattern_part *part = clause->as.merge.part;
    sb_pattern_part unnamed; /* the path is made once, above */
    sb_pattern_part *inner_part = &unnamed;
    const sb_pattern pattern = {.parts = &part, .part_count = 1};
    const sb_pattern inner_pattern = {.parts = &inner_part, .part_count = 1};
    sb_slot_set inner_bound;
    sb_plan *inner;
    sb_plan *merge;

    SB_TRY(fix_part(p, &part, bound, &input));
    unnamed = *part;
    unnamed.var = NULL;
    SB_TRY(sb_plan__set_copy(p, bound, &inner_bound));
    SB_TRY(sb_plan__argument(p, 1, &inner));
    p->in_merge = true;
    SB_TRY(sb_plan__match(p, &inner_pattern, NULL, inner, &inner_bound, &inner));
    p->in_merge = false;
    SB_TRY(sb_plan__new(p, SB_PLAN_MERGE, input, &merge));
    merge->inner = inner;
    SB_TRY(sb_plan__create_pattern(p, &pattern, bound, &merge->as.merge.create));
    SB_TRY(plan_props(p, &merge->as.merge.create, bound));
    *plan = merge;
    merge->rows = input->rows * (inner->rows < 1 ? 1 : inner->rows);
    merge->cost = input->cost + input->rows * (inner->cost + 5);
    SB_TRY(bind_created(p, &pattern, &merge->as.merge.create, bound, plan));
    SB_TRY(set_items(p, &clause->as.merge.on_create, false, bound, &merge->as.merge.on_create,
                     &merge->as.merge.on_create_count));
    return set_items(p, &clause->as.merge.on_match, false, bound, &merge->as.merge.on_match,
                     &merge->as.merge.on_match_count);
}

static sb_status plan_update(sb_planner *p, sb_clause *clause, sb_plan *input, sb_slot_set *bound,
                             sb_plan **plan)
{
    switch (clause->kind) {
    case SB_CLAUSE_CREATE: return plan_create(p, clause, input, bound, plan);
    case SB_CLAUSE_MERGE: return plan_merge(p, clause, input, bound, plan);
    case SB_CLAUSE_DELETE:
        *plan = input;
        SB_TRY(ask_before(p, clause->as.delete_.entities, clause->as.delete_.count, bound, plan));
        for (uint32_t i = 0; i < clause->as.delete_.count; i++)
            SB_TRY(sb_plan__expr(p, clause->as.delete_.entities[i], bound));
        SB_TRY(sb_plan__new(p, SB_PLAN_DELETE, *plan, plan));
        (*plan)->as.delete_.entities = clause->as.delete_.entities;
        (*plan)->as.delete_.count = clause->as.delete_.count;
        (*plan)->as.delete_.detach = clause->as.delete_.detach;
        return SB_OK;
    default:
        SB_TRY(sb_plan__new(p, SB_PLAN_SET, input, plan));
        (*plan)->cost += input->rows * 3;
        return set_items(p, &clause->as.set, clause->kind == SB_CLAUSE_REMOVE, bound,
                         &(*plan)->as.set.items, &(*plan)->as.set.count);
    }
}

sb_status sb_plan__update(sb_planner *p, sb_clause *clause, sb_plan *input, sb_slot_set *bound,
                          sb_plan **plan)
{
    const bool unsteady = p->unsteady;

    p->unsteady = true; /* what it reads it may have changed for the row before */
    SB_TRY(plan_update(p, clause, input, bound, plan));
    p->unsteady = unsteady;
    return SB_OK;
}
