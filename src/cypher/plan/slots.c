/* slots.c — which variables an expression, a pattern or a whole query mentions, and which of them it binds itself. */
#include "cypher/plan/plan_priv.h"

/* mentions: all variables; binds: those that the tree itself binds. Either may be NULL. */
typedef struct collector {
    sb_planner *p;
    sb_slot_set *mentions, *binds;
} collector;

static sb_status collect_query(collector *c, const sb_query *query);
static sb_status collect_clauses(collector *c, sb_clause *const *clauses, uint32_t count);

static sb_status use(collector *c, const sb_var *var)
{
    if (var == NULL || c->mentions == NULL) return SB_OK;
    return sb_plan__set_add(c->p, c->mentions, var->slot);
}

static sb_status bind(collector *c, const sb_var *var)
{
    if (var == NULL) return SB_OK;
    SB_TRY(use(c, var));
    return c->binds == NULL ? SB_OK : sb_plan__set_add(c->p, c->binds, var->slot);
}

static sb_status collect_part(collector *c, const sb_pattern_part *part);

static sb_status collect(collector *c, const sb_expr *e)
{
    if (e == NULL) return SB_OK;
    if (e->kind == SB_EXPR_VAR) return use(c, e->var);
    SB_TRY(bind(c, e->bound));
    SB_TRY(bind(c, e->bound2));
    for (uint32_t i = 0; i < e->arg_count; i++)
        SB_TRY(collect(c, e->args[i]));
    if (e->pattern != NULL) SB_TRY(collect_part(c, e->pattern));
    return e->query == NULL ? SB_OK : collect_query(c, e->query);
}

static sb_status collect_node(collector *c, const sb_node_pattern *node)
{
    SB_TRY(node->binds ? bind(c, node->var) : use(c, node->var));
    SB_TRY(collect(c, node->props));
    SB_TRY(collect(c, node->dynamic));
    return collect(c, node->where);
}

static sb_status collect_quantified(collector *c, const sb_quantified *q)
{
    SB_TRY(collect_part(c, q->part));
    SB_TRY(collect(c, q->where));
    for (uint32_t i = 0; i < q->group_count; i++) {
        SB_TRY(bind(c, q->groups[i].inner));
        SB_TRY(bind(c, q->groups[i].outer));
    }
    return SB_OK;
}

static sb_status collect_part(collector *c, const sb_pattern_part *part)
{
    SB_TRY(bind(c, part->var));
    SB_TRY(collect_node(c, part->start));
    for (uint32_t i = 0; i < part->step_count; i++) {
        const sb_step *step = &part->steps[i];

        if (step->rel != NULL) {
            SB_TRY(step->rel->binds ? bind(c, step->rel->var) : use(c, step->rel->var));
            SB_TRY(collect(c, step->rel->props));
            SB_TRY(collect(c, step->rel->dynamic));
            SB_TRY(collect(c, step->rel->where));
        } else {
            SB_TRY(collect_quantified(c, step->quantified));
        }
        SB_TRY(collect_node(c, step->node));
    }
    return collect(c, part->where);
}

static sb_status collect_pattern(collector *c, const sb_pattern *pattern)
{
    for (uint32_t i = 0; i < pattern->part_count; i++)
        SB_TRY(collect_part(c, pattern->parts[i]));
    return SB_OK;
}

static sb_status collect_projection(collector *c, const sb_projection *projection)
{
    for (uint32_t i = 0; i < projection->item_count; i++) {
        SB_TRY(collect(c, projection->items[i].expr));
        SB_TRY(bind(c, projection->items[i].var));
    }
    for (uint32_t i = 0; i < projection->order_count; i++)
        SB_TRY(collect(c, projection->order[i].expr));
    SB_TRY(collect(c, projection->skip));
    SB_TRY(collect(c, projection->limit));
    return collect(c, projection->where);
}

static sb_status collect_set(collector *c, const sb_set_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        SB_TRY(collect(c, list->items[i].target));
        SB_TRY(collect(c, list->items[i].key_expr));
        SB_TRY(collect(c, list->items[i].value));
    }
    return SB_OK;
}

static sb_status collect_call(collector *c, const sb_clause *clause)
{
    for (uint32_t i = 0; i < clause->as.call.arg_count; i++)
        SB_TRY(collect(c, clause->as.call.args[i]));
    for (uint32_t i = 0; i < clause->as.call.item_count; i++)
        SB_TRY(bind(c, clause->as.call.items[i].var));
    return collect(c, clause->as.call.where);
}

static sb_status collect_clause(collector *c, const sb_clause *clause)
{
    switch (clause->kind) {
    case SB_CLAUSE_MATCH:
        SB_TRY(collect_pattern(c, &clause->as.match.pattern));
        return collect(c, clause->as.match.where);
    case SB_CLAUSE_UNWIND:
        SB_TRY(collect(c, clause->as.unwind.list));
        return bind(c, clause->as.unwind.var);
    case SB_CLAUSE_WITH:
    case SB_CLAUSE_RETURN: return collect_projection(c, &clause->as.projection);
    case SB_CLAUSE_FINISH: return SB_OK;
    case SB_CLAUSE_CREATE: return collect_pattern(c, &clause->as.create.pattern);
    case SB_CLAUSE_MERGE:
        SB_TRY(collect_part(c, clause->as.merge.part));
        SB_TRY(collect_set(c, &clause->as.merge.on_create));
        return collect_set(c, &clause->as.merge.on_match);
    case SB_CLAUSE_SET:
    case SB_CLAUSE_REMOVE: return collect_set(c, &clause->as.set);
    case SB_CLAUSE_DELETE:
        for (uint32_t i = 0; i < clause->as.delete_.count; i++)
            SB_TRY(collect(c, clause->as.delete_.entities[i]));
        return SB_OK;
    case SB_CLAUSE_FOREACH:
        SB_TRY(collect(c, clause->as.foreach.list));
        SB_TRY(bind(c, clause->as.foreach.var));
        return collect_clauses(c, clause->as.foreach.clauses, clause->as.foreach.count);
    case SB_CLAUSE_CALL: return collect_call(c, clause);
    case SB_CLAUSE_SUBQUERY:
        SB_TRY(collect(c, clause->as.subquery.batch_rows));
        if (clause->as.subquery.status_var != NULL) SB_TRY(bind(c, clause->as.subquery.status_var));
        return collect_query(c, clause->as.subquery.query);
    case SB_CLAUSE_LOAD_CSV:
        SB_TRY(collect(c, clause->as.load_csv.url));
        SB_TRY(collect(c, clause->as.load_csv.delimiter));
        return bind(c, clause->as.load_csv.var);
    }
    return SB_OK;
}

static sb_status collect_clauses(collector *c, sb_clause *const *clauses, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(collect_clause(c, clauses[i]));
    return SB_OK;
}

static sb_status collect_query(collector *c, const sb_query *query)
{
    for (uint32_t i = 0; i < query->part_count; i++)
        SB_TRY(collect_clauses(c, query->parts[i]->clauses, query->parts[i]->count));
    for (uint32_t i = 0; i < query->column_count; i++)
        SB_TRY(bind(c, query->columns[i]));
    return SB_OK;
}

sb_status sb_plan__expr_slots(sb_planner *p, const sb_expr *expr, sb_slot_set *set)
{
    return collect(&(collector){p, set, NULL}, expr);
}

/* What was mentioned and not bound. */
static sb_status add_needs(const collector *c, sb_slot_set *set)
{
    sb_slot_set *const needs = c->mentions;

    for (uint32_t i = 0; i < needs->word_count && i < c->binds->word_count; i++)
        needs->words[i] &= ~c->binds->words[i];
    return sb_plan__set_add_all(c->p, set, needs);
}

sb_status sb_plan__expr_needs(sb_planner *p, const sb_expr *expr, sb_slot_set *set)
{
    sb_slot_set mentions = {NULL, 0};
    sb_slot_set binds = {NULL, 0};
    collector c = {p, &mentions, &binds};

    SB_TRY(collect(&c, expr));
    return add_needs(&c, set);
}

sb_status sb_plan__quantified_needs(sb_planner *p, const sb_quantified *q, sb_slot_set *set)
{
    sb_slot_set mentions = {NULL, 0};
    sb_slot_set binds = {NULL, 0};
    collector c = {p, &mentions, &binds};

    SB_TRY(collect_quantified(&c, q));
    return add_needs(&c, set);
}
