/* hint.c — USING INDEX, USING SCAN, USING JOIN: what the planner has to do although it would cost more.
 * A variable with a hint of INDEX or SCAN is reached by that access: all others, and expansions that lead to it, are so dear that they are taken only
 * where there is no way; then the hint is told as one that can't be fulfilled. With the options of tests, which shuffle plans and switch indexes
 * off, hints are not there. */
#include "cypher/plan/plan_priv.h"

static bool hints_are_off(const sb_planner *p)
{
    return p->options.no_indexes || p->options.no_reorder || p->options.shuffle_seed != 0;
}

const sb_hint *sb_plan__hint_of(const sb_pattern_graph *graph, const sb_var *var)
{
    for (uint32_t i = 0; var != NULL && i < graph->hint_count; i++)
        if (graph->hints[i].kind != SB_HINT_JOIN && graph->hints[i].vars[0] == var)
            return &graph->hints[i];
    return NULL;
}

/* Is it the index of the hint's label and keys? */
static bool is_hinted_index(const sb_planner *p, const sb_hint *hint, const sb_schema *schema)
{
    const sb_name_kind kind = schema->on_rels ? SB_NAME_TYPE : SB_NAME_LABEL;

    if (schema->key_count != hint->key_count ||
        !sb_bytes_equal(sb_name_of(p->view, kind, schema->entity), hint->labels->name))
        return false;
    for (uint32_t k = 0; k < hint->key_count; k++)
        if (!sb_bytes_equal(sb_name_of(p->view, SB_NAME_KEY, schema->keys[k]), hint->keys[k]))
            return false;
    return true;
}

bool sb_plan__may_seek(const sb_planner *p, const sb_pattern_graph *graph, const sb_var *var,
                       const sb_schema *schema)
{
    const sb_hint *hint = hints_are_off(p) ? NULL : sb_plan__hint_of(graph, var);

    return hint == NULL || (hint->kind == SB_HINT_INDEX && is_hinted_index(p, hint, schema));
}

bool sb_plan__follows(const sb_planner *p, const sb_hint *hint, const sb_plan *access)
{
    size_t count;
    const sb_schema *schemas = sb_schemas(p->view, &count);

    if (hint->kind == SB_HINT_SCAN)
        return access->kind == SB_PLAN_LABEL_SCAN && access->as.scan.node == hint->vars[0];
    if (access->kind != SB_PLAN_INDEX_SEEK || access->as.seek.entity != hint->vars[0]) return false;
    for (size_t i = 0; i < count; i++)
        if (schemas[i].id == access->as.seek.schema) return is_hinted_index(p, hint, &schemas[i]);
    return false;
}

/* A hash join by this variable: its keys on both sides are the variable, or one that was made to be equal to it. */
static bool joins_on(const sb_plan *plan, const sb_var *var)
{
    if (plan->kind != SB_PLAN_HASH_JOIN) return false;
    for (uint32_t i = 0; i < plan->as.join.count; i++)
        if ((plan->as.join.input_keys[i]->kind == SB_EXPR_VAR &&
             plan->as.join.input_keys[i]->var == var) ||
            (plan->as.join.inner_keys[i]->kind == SB_EXPR_VAR &&
             plan->as.join.inner_keys[i]->var == var))
            return true;
    return false;
}

/* Depth of plans in each other is bounded by the parser's. */
static bool is_in_plan(const sb_planner *p, const sb_hint *hint, const sb_var *var,
                       const sb_plan *plan)
{
    for (; plan != NULL; plan = plan->input) {
        if (hint->kind == SB_HINT_JOIN ? joins_on(plan, var) : sb_plan__follows(p, hint, plan))
            return true;
        if (plan->inner != NULL && is_in_plan(p, hint, var, plan->inner)) return true;
    }
    return false;
}

static const char *why_not(sb_hint_kind kind)
{
    switch (kind) {
    case SB_HINT_INDEX:
        return "there is no such index, no condition that it serves, or another hint is in its way";
    case SB_HINT_SCAN: return "the pattern does not ask for that label, or has the node already";
    default: return "this pattern is not put together by a join on that variable";
    }
}

sb_status sb_plan__check_hints(sb_planner *p, const sb_pattern_graph *graph, const sb_plan *plan)
{
    for (uint32_t i = 0; i < graph->hint_count && !hints_are_off(p); i++) {
        const sb_hint *hint = &graph->hints[i];

        for (uint32_t k = 0; k < hint->name_count; k++)
            if (!is_in_plan(p, hint, hint->vars[k], plan))
                return sb_cypher_fail(p->err, p->text, hint->span,
                                      SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
                                      "this hint can not be fulfilled: %s", why_not(hint->kind));
    }
    return SB_OK;
}
