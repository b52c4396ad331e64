/* live.c — which slots each operator's rows must still carry: what somebody above reads.
 * From the root down: an operator's input must carry what is live above it and what the operator itself reads. Slots that an input does not
 * have may be listed; they are simply not there. */
#include "cypher/plan/plan_priv.h"

typedef sb_status (*expr_fn)(void *ctx, sb_expr *expr);

static sb_status each_assign(const sb_plan_assign *items, uint32_t count, expr_fn visit, void *ctx)
{
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(visit(ctx, items[i].expr));
    return SB_OK;
}

static sb_status each_of(sb_expr *const *exprs, uint32_t count, expr_fn visit, void *ctx)
{
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(visit(ctx, exprs[i]));
    return SB_OK;
}

static sb_status each_set_item(const sb_plan_set_item *items, uint32_t count, expr_fn visit,
                               void *ctx)
{
    for (uint32_t i = 0; i < count; i++) {
        SB_TRY(visit(ctx, items[i].target));
        if (items[i].key_expr != NULL) SB_TRY(visit(ctx, items[i].key_expr));
        if (items[i].value != NULL) SB_TRY(visit(ctx, items[i].value));
    }
    return SB_OK;
}

static sb_status visit_some(expr_fn visit, void *ctx, sb_expr *a, sb_expr *b, sb_expr *c)
{
    if (a != NULL) SB_TRY(visit(ctx, a));
    if (b != NULL) SB_TRY(visit(ctx, b));
    return c == NULL ? SB_OK : visit(ctx, c);
}

static sb_status each_created(const sb_plan_create *create, expr_fn visit, void *ctx)
{
    for (uint32_t i = 0; i < create->node_count; i++)
        SB_TRY(visit_some(visit, ctx, create->nodes[i].props, create->nodes[i].dynamic, NULL));
    for (uint32_t i = 0; i < create->rel_count; i++)
        SB_TRY(visit_some(visit, ctx, create->rels[i].props, create->rels[i].dynamic, NULL));
    return SB_OK;
}

sb_status sb_plan__each_expr(const sb_plan *plan, expr_fn visit, void *ctx)
{
    switch (plan->kind) {
    case SB_PLAN_NODE_BY_ID: return visit_some(visit, ctx, plan->as.by_id.id, NULL, NULL);
    case SB_PLAN_INDEX_SEEK:
        SB_TRY(each_of(plan->as.seek.equal, plan->as.seek.equal_count, visit, ctx));
        return visit_some(visit, ctx, plan->as.seek.low.expr, plan->as.seek.high.expr,
                          plan->as.seek.prefix);
    case SB_PLAN_REL_SCAN:
    case SB_PLAN_EXPAND:
    case SB_PLAN_EXPAND_INTO:
    case SB_PLAN_VAR_EXPAND:
    case SB_PLAN_SHORTEST:
        return visit_some(visit, ctx, plan->as.expand.filter, plan->as.expand.path_filter,
                          plan->as.expand.start_filter);
    case SB_PLAN_FILTER: return visit(ctx, plan->as.filter.predicate);
    case SB_PLAN_PROJECT:
        return each_assign(plan->as.project.items, plan->as.project.count, visit, ctx);
    case SB_PLAN_UNWIND:
    case SB_PLAN_UNWIND_RANGE: return visit(ctx, plan->as.unwind.list);
    case SB_PLAN_SKIP:
    case SB_PLAN_LIMIT: return visit(ctx, plan->as.limit.count);
    case SB_PLAN_TOP: return visit_some(visit, ctx, plan->as.sort.skip, plan->as.sort.limit, NULL);
    case SB_PLAN_LOAD_CSV:
        return visit_some(visit, ctx, plan->as.load_csv.url, plan->as.load_csv.delimiter, NULL);
    case SB_PLAN_CALL:
        return each_of(plan->as.call.args, plan->as.call.procedure->arg_count, visit, ctx);
    case SB_PLAN_AGGREGATE:
        SB_TRY(each_assign(plan->as.aggregate.groups, plan->as.aggregate.group_count, visit, ctx));
        for (uint32_t i = 0; i < plan->as.aggregate.aggregate_count; i++)
            SB_TRY(each_of(plan->as.aggregate.aggregates[i].args,
                           plan->as.aggregate.aggregates[i].arg_count, visit, ctx));
        return SB_OK;
    case SB_PLAN_APPLY:
    case SB_PLAN_OPTIONAL_APPLY:
    case SB_PLAN_SUBQUERY_TRANSACTIONS:
        return visit_some(visit, ctx, plan->as.apply.batch_rows, NULL, NULL);
    case SB_PLAN_HASH_JOIN:
        SB_TRY(each_of(plan->as.join.input_keys, plan->as.join.count, visit, ctx));
        return each_of(plan->as.join.inner_keys, plan->as.join.count, visit, ctx);
    case SB_PLAN_FOREACH: return visit_some(visit, ctx, plan->as.foreach.list, NULL, NULL);
    case SB_PLAN_CREATE: return each_created(&plan->as.create, visit, ctx);
    case SB_PLAN_MERGE:
        SB_TRY(each_created(&plan->as.merge.create, visit, ctx));
        SB_TRY(each_set_item(plan->as.merge.on_create, plan->as.merge.on_create_count, visit, ctx));
        return each_set_item(plan->as.merge.on_match, plan->as.merge.on_match_count, visit, ctx);
    case SB_PLAN_SET: return each_set_item(plan->as.set.items, plan->as.set.count, visit, ctx);
    case SB_PLAN_DELETE:
        return each_of(plan->as.delete_.entities, plan->as.delete_.count, visit, ctx);
    default: return SB_OK;
    }
}

/* ---- Slots that an operator reads itself ------------------------------------------------------------------------------ */

typedef struct reader {
    sb_planner *p;
    sb_slot_set *set;
} reader;

static sb_status read_expr(void *ctx, sb_expr *expr)
{
    reader *r = ctx;
    return sb_plan__expr_slots(r->p, expr, r->set);
}

static sb_status read_var(const reader *r, const sb_var *var)
{
    return var == NULL ? SB_OK : sb_plan__set_add(r->p, r->set, var->slot);
}

static sb_status read_vars(const reader *r, const sb_var *const *vars, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(read_var(r, vars[i]));
    return SB_OK;
}

static sb_status read_expand(const reader *r, const sb_plan_expand *expand)
{
    SB_TRY(read_var(r, expand->from));
    if (expand->to_bound) SB_TRY(read_var(r, expand->to));
    if (expand->unlike_own != NULL) SB_TRY(read_vars(r, expand->unlike_own, expand->unlike_count));
    if (expand->unlike_starts == NULL) return read_vars(r, expand->unlike, expand->unlike_count);
    /* DEGREE only asks where those begin and end. */
    SB_TRY(read_vars(r, expand->unlike_starts, expand->unlike_count));
    return read_vars(r, expand->unlike_ends, expand->unlike_count);
}

static sb_status read_created(const reader *r, const sb_plan_create *create)
{
    for (uint32_t i = 0; i < create->rel_count; i++) {
        SB_TRY(read_var(r, create->rels[i].from));
        SB_TRY(read_var(r, create->rels[i].to));
    }
    return SB_OK;
}

sb_status sb_plan__reads(sb_planner *p, const sb_plan *plan, sb_slot_set *set)
{
    reader r = {p, set};

    SB_TRY(sb_plan__each_expr(plan, read_expr, &r));
    switch (plan->kind) {
    case SB_PLAN_NODE_BY_ID:
        return plan->as.by_id.bound ? read_var(&r, plan->as.by_id.node) : SB_OK;
    case SB_PLAN_EXPAND:
    case SB_PLAN_EXPAND_INTO:
    case SB_PLAN_RELATED:
    case SB_PLAN_VAR_EXPAND:
    case SB_PLAN_SHORTEST:
    case SB_PLAN_DEGREE: return read_expand(&r, &plan->as.expand);
    case SB_PLAN_INTERSECT:
        SB_TRY(read_expand(&r, &plan->as.intersect.sides[0]));
        return read_expand(&r, &plan->as.intersect.sides[1]);
    case SB_PLAN_QUANTIFIED:
        SB_TRY(read_var(&r, plan->as.quantified.from));
        if (plan->as.quantified.to_bound) SB_TRY(read_var(&r, plan->as.quantified.to));
        for (uint32_t i = 0; i < plan->as.quantified.pattern->group_count; i++)
            SB_TRY(read_var(&r, plan->as.quantified.pattern->groups[i].inner));
        SB_TRY(read_var(&r, plan->as.quantified.inner_to));
        return read_vars(&r, plan->as.quantified.unlike, plan->as.quantified.unlike_count);
    case SB_PLAN_AGGREGATE: return read_var(&r, plan->as.aggregate.weight);
    case SB_PLAN_WEIGH:
        for (uint32_t i = 0; i < plan->as.weigh.count; i++)
            SB_TRY(read_var(&r, plan->as.weigh.weights[i].node));
        return read_var(&r, plan->as.weigh.minus);
    case SB_PLAN_PATH: return read_vars(&r, plan->as.path.parts, plan->as.path.count);
    case SB_PLAN_SELECT_PATHS:
        SB_TRY(read_var(&r, plan->as.select.from));
        SB_TRY(read_var(&r, plan->as.select.to));
        return read_vars(&r, plan->as.select.parts, plan->as.select.part_count);
    case SB_PLAN_DISTINCT: return read_vars(&r, plan->as.distinct.vars, plan->as.distinct.count);
    case SB_PLAN_SORT:
    case SB_PLAN_TOP:
        for (uint32_t i = 0; i < plan->as.sort.count; i++)
            SB_TRY(read_var(&r, plan->as.sort.keys[i].var));
        return SB_OK;
    case SB_PLAN_APPLY:
    case SB_PLAN_OPTIONAL_APPLY: return read_var(&r, plan->as.apply.row);
    case SB_PLAN_UNION:
        SB_TRY(read_vars(&r, plan->as.union_.left, plan->as.union_.count));
        return read_vars(&r, plan->as.union_.right, plan->as.union_.count);
    case SB_PLAN_CREATE: return read_created(&r, &plan->as.create);
    case SB_PLAN_MERGE: return read_created(&r, &plan->as.merge.create);
    case SB_PLAN_RESULT: return read_vars(&r, plan->as.result.columns, plan->as.result.count);
    default: return SB_OK;
    }
}

/* ---- From the root down -------------------------------------------------------------------------------------------------- */

static sb_status store_live(sb_planner *p, sb_plan *plan, const sb_slot_set *above)
{
    const uint32_t count = sb_plan__set_count(above);
    uint32_t *live;
    uint32_t at = 0;

    plan->live_count = count;
    if (count == 0) return SB_OK;
    SB_TRY(sb_plan__alloc(p, count, sizeof *live, &live));
    for (uint32_t i = 0; i < above->word_count; i++)
        for (uint64_t word = above->words[i]; word != 0; word &= word - 1)
            live[at++] = i * 64 + sb_ctz64(word);
    plan->live = live;
    return SB_OK;
}

typedef struct nested {
    sb_planner *p;
    sb_status (*live)(sb_planner *p, sb_plan *plan, const sb_slot_set *above,
                      sb_slot_set *argument);
} nested;

/* The plan without paths on top of it that nobody above makes use of. */
static sb_plan *without_paths(sb_plan *plan, const sb_slot_set *above)
{
    while (plan != NULL && plan->kind == SB_PLAN_PATH &&
           !sb_plan__set_has(above, plan->as.path.path->slot))
        plan = plan->input;
    return plan;
}

/* Plans of sub-queries inside an expression have live slots of their own. */
static sb_status live_in_expr(void *ctx, sb_expr *e)
{
    const nested *n = ctx;
    sb_slot_set nothing = {NULL, 0};
    sb_slot_set argument = {NULL, 0};

    if (e == NULL) return SB_OK;
    if (e->plan != NULL) {
        e->plan = without_paths(e->plan, &nothing);
        return n->live(n->p, e->plan, &nothing, &argument);
    }
    for (uint32_t i = 0; i < e->arg_count; i++)
        SB_TRY(live_in_expr(ctx, e->args[i]));
    return SB_OK;
}

/* Do argument rows of an inner plan come from this operator's input (and not from the plan that it is part of)? */
static bool has_own_argument(sb_plan_kind kind)
{
    return kind != SB_PLAN_HASH_JOIN && kind != SB_PLAN_PRODUCT && kind != SB_PLAN_UNION;
}

/* argument gains what the ARGUMENT operators of this tree must carry. */
static sb_status live_tree(sb_planner *p, sb_plan *plan, const sb_slot_set *root_above,
                           sb_slot_set *argument)
{
    sb_slot_set above;
    nested n = {p, live_tree};

    SB_TRY(sb_plan__set_copy(p, root_above, &above));
    for (; plan != NULL; plan = plan->input) {
        SB_TRY(store_live(p, plan, &above));
        SB_TRY(sb_plan__each_expr(plan, live_in_expr, &n));
        SB_TRY(sb_plan__reads(p, plan, &above));
        if (plan->inner != NULL) {
            const sb_slot_set nothing = {NULL, 0};
            const bool silent = plan->kind == SB_PLAN_SEMI_APPLY || plan->kind == SB_PLAN_FOREACH;
            const sb_slot_set *above_inner = silent ? &nothing : &above;
            sb_slot_set own = {NULL, 0};

            plan->inner = without_paths(plan->inner, above_inner);
            SB_TRY(live_tree(p, plan->inner, above_inner,
                             silent || has_own_argument(plan->kind) ? &own : argument));
            SB_TRY(sb_plan__set_add_all(p, &above, &own));
        }
        plan->input = without_paths(plan->input, &above);
        if (plan->input == NULL) SB_TRY(sb_plan__set_add_all(p, argument, &above));
    }
    return SB_OK;
}

uint32_t sb_plan_live_place(const sb_plan *plan, uint32_t slot)
{
    uint32_t low = 0, high = plan->live_count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (plan->live[middle] == slot) return middle;
        if (plan->live[middle] < slot)
            low = middle + 1;
        else
            high = middle;
    }
    return UINT32_MAX;
}

sb_status sb_plan__live(sb_planner *p, sb_plan *root)
{
    sb_slot_set nothing = {NULL, 0};
    sb_slot_set argument = {NULL, 0};

    return live_tree(p, root, &nothing, &argument);
}
