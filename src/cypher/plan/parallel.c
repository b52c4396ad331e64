/* parallel.c — where a plan is done by several threads: a GATHER on top of a chain of operators that begins with one scan and treats each row
 * of it for itself, so that what comes of a part of the scanned ids is that part of the whole (exec/morsel.h).
 * What stands on the chain decides how parts come together: an aggregation merges states; the first rows of a sort, and distinct rows, are found
 * in each part and then among those found; else rows are handed on in their order. It is only done where the work is worth more than waking
 * threads, and never below a LIMIT that may not want all of it. */
#include "cypher/plan/plan_priv.h"

/* Least cost (about rows of work) that is worth it; the part of it that a thread takes at least. */
#define COST_WORTH  100000.0
#define COST_MORSEL 8192.0
/* Rows are copied from thread to thread: the work for each must be worth that. */
#define COST_ROW 4.0

/* Operators of a chain that are looked at; a longer one is left as it is. */
#define CHAIN_MAX 64u

/* ---- What may be done on any thread ------------------------------------------------------------------------------- */

static bool is_safe_plan(const sb_plan *plan);

/* SB_UNSUPPORTED for what gives other values each time, or is not ours. */
static sb_status check_expr(void *ctx, sb_expr *e)
{
    if (e == NULL) return SB_OK;
    if (e->kind == SB_EXPR_CALL && (e->function->flags & (SB_FUNC_VOLATILE | SB_FUNC_USER)) != 0)
        return SB_UNSUPPORTED;
    if (e->plan != NULL) return is_safe_plan(e->plan) ? SB_OK : SB_UNSUPPORTED;
    for (uint32_t i = 0; i < e->arg_count; i++)
        SB_TRY(check_expr(ctx, e->args[i]));
    return SB_OK;
}

static bool has_safe_exprs(const sb_plan *plan)
{
    return sb_plan__each_expr(plan, check_expr, NULL) == SB_OK;
}

/* Plans within plans, which a part runs as a whole. They read only: the statement does. */
static bool is_safe_plan(const sb_plan *plan)
{
    for (; plan != NULL; plan = plan->input) {
        if (plan->kind == SB_PLAN_CALL || plan->kind == SB_PLAN_LOAD_CSV || !has_safe_exprs(plan) ||
            (plan->inner != NULL && !is_safe_plan(plan->inner)))
            return false;
        for (uint32_t i = 0;
             plan->kind == SB_PLAN_AGGREGATE && i < plan->as.aggregate.aggregate_count; i++)
            if ((plan->as.aggregate.aggregates[i].function->flags & SB_FUNC_USER) != 0)
                return false;
    }
    return true;
}

/* Relationships side by side come in an order that depends on the batch: of no matter where nobody reads them. */
static bool reads_no_rels(const sb_plan *intersect)
{
    for (unsigned side = 0; side < 2; side++)
        if (sb_plan__is_live(intersect, intersect->as.intersect.sides[side].rel)) return false;
    return true;
}

/* Rows for each row, in the same order whatever rows come before. */
static bool is_row_wise(const sb_plan *plan)
{
    switch ((int)plan->kind) {
    case SB_PLAN_INTERSECT: return reads_no_rels(plan);
    case SB_PLAN_ALL_NODES:
    case SB_PLAN_LABEL_SCAN:
    case SB_PLAN_REL_SCAN:
    case SB_PLAN_NODE_BY_ID:
    case SB_PLAN_INDEX_SEEK:
    case SB_PLAN_EXPAND:
    case SB_PLAN_EXPAND_INTO:
    case SB_PLAN_RELATED:
    case SB_PLAN_VAR_EXPAND:
    case SB_PLAN_QUANTIFIED:
    case SB_PLAN_SHORTEST:
    case SB_PLAN_FILTER:
    case SB_PLAN_PROJECT:
    case SB_PLAN_PATH:
    case SB_PLAN_UNWIND:
    case SB_PLAN_UNWIND_RANGE:
    case SB_PLAN_DEGREE:
    case SB_PLAN_APPLY:
    case SB_PLAN_OPTIONAL_APPLY:
    case SB_PLAN_SEMI_APPLY:
        return has_safe_exprs(plan) && (plan->inner == NULL || is_safe_plan(plan->inner));
    default: return false;
    }
}

/* Can its ids be divided, each part giving its rows in the order of the whole? */
static bool is_dividable(const sb_plan *scan)
{
    switch ((int)scan->kind) {
    case SB_PLAN_ALL_NODES:
    case SB_PLAN_LABEL_SCAN: return true;
    case SB_PLAN_REL_SCAN:
        return scan->as.expand.type_count <= 1 && scan->as.expand.direction != SB_REL_EITHER;
    default: return false;
    }
}

static bool merges_exactly(const sb_plan *plan)
{
    for (uint32_t i = 0; i < plan->as.aggregate.aggregate_count; i++) {
        const sb_aggregate *a = plan->as.aggregate.aggregates[i].function->aggregate;
        if (a->merge == NULL || a->inexact) return false;
    }
    return has_safe_exprs(plan);
}

/* Is not every row asked for that the chain from `from` on makes? cut: of the chain's own rows. */
static bool is_cut_short(sb_plan **const *chain, uint32_t from, bool cut)
{
    for (uint32_t i = from; i-- > 0;)
        switch ((int)(*chain[i])->kind) {
        case SB_PLAN_LIMIT:
        case SB_PLAN_SKIP: return true;
        case SB_PLAN_AGGREGATE:
        case SB_PLAN_SORT:
        case SB_PLAN_TOP:
        case SB_PLAN_EAGER: return false;
        default: break;
        }
    return cut;
}

/* ---- Putting it in ---------------------------------------------------------------------------------------------------- */

/* Fewer ids when each is much work, more where few of them are scanned. */
static sb_status find_morsel_ids(sb_planner *p, const sb_plan *scan, double cost, uint64_t *ids)
{
    double all;

    *ids = 1;
    if (p->options.force_parallel) return SB_OK;
    if (scan->kind == SB_PLAN_REL_SCAN)
        SB_TRY(sb_plan__estimate_rels(p, NULL, &all));
    else
        SB_TRY(sb_plan__estimate_nodes(p, NULL, &all));
    const double wanted = all * COST_MORSEL / cost;
    if (wanted > 1) *ids = wanted < 1e9 ? (uint64_t)wanted : 1000000000u;
    return SB_OK;
}

static sb_status put_gather(sb_planner *p, sb_plan **at, const sb_plan *scan, bool merged)
{
    sb_plan *const input = *at;
    sb_plan *gather;

    SB_TRY(sb_plan__new(p, SB_PLAN_GATHER, input, &gather));
    gather->rows = input->rows;
    gather->live = input->live;
    gather->live_count = input->live_count;
    gather->as.gather.merged = merged;
    gather->as.gather.threads = p->options.threads;
    SB_TRY(find_morsel_ids(p, scan, input->cost, &gather->as.gather.morsel_ids));
    *at = gather;
    return SB_OK;
}

/* The same operator below the GATHER, for each part. */
static sb_status put_partial(sb_planner *p, const sb_plan *whole, sb_plan **at)
{
    sb_plan *partial;

    SB_TRY(sb_plan__new(p, whole->kind, *at, &partial));
    partial->as = whole->as;
    partial->rows = whole->rows;
    partial->cost = whole->cost;
    partial->live = (*at)->live;
    partial->live_count = (*at)->live_count;
    *at = partial;
    return SB_OK;
}

/* chain[i]: where the i-th operator from the root hangs; count: behind the scan. */
static sb_status divide_chain(sb_planner *p, sb_plan **const *chain, uint32_t count, bool cut)
{
    const sb_plan *const scan = *chain[count - 1];
    uint32_t top = count - 1;

    if (!is_dividable(scan)) return SB_OK;
    while (top > 0 && is_row_wise(*chain[top - 1]))
        top--;
    sb_plan *const highest = *chain[top];
    sb_plan *const above = top == 0 ? NULL : *chain[top - 1];
    if (highest->cost < COST_WORTH && !p->options.force_parallel) return SB_OK;
    if (above != NULL && above->kind == SB_PLAN_AGGREGATE && above->as.aggregate.unique_keys &&
        !p->options.force_parallel)
        return SB_OK; /* rows pass through: to merge them as groups takes longer */
    if (above != NULL && above->kind == SB_PLAN_AGGREGATE && merges_exactly(above))
        return put_gather(p, chain[top], scan, true);
    if (is_cut_short(chain, top, cut)) return SB_OK;
    if (above != NULL && has_safe_exprs(above) &&
        (above->kind == SB_PLAN_TOP || above->kind == SB_PLAN_DISTINCT)) {
        SB_TRY(put_partial(p, above, chain[top]));
        return put_gather(p, chain[top], scan, false);
    }
    if (highest->cost < COST_ROW * highest->rows && !p->options.force_parallel) return SB_OK;
    return put_gather(p, chain[top], scan, false);
}

static bool shares_argument(const sb_plan *plan)
{
    return plan->kind == SB_PLAN_HASH_JOIN || plan->kind == SB_PLAN_PRODUCT ||
           plan->kind == SB_PLAN_UNION;
}

/* A chain of inputs down to an ARGUMENT that gives the statement's one empty row; cut: it may be left before its end. */
static sb_status divide_tree(sb_planner *p, sb_plan **root, bool cut)
{
    sb_plan **chain[CHAIN_MAX];
    uint32_t count = 0;

    for (sb_plan **at = root; (*at)->kind != SB_PLAN_ARGUMENT; at = &(*at)->input) {
        if (count == CHAIN_MAX || (*at)->input == NULL) return SB_OK;
        if (shares_argument(*at)) {
            const bool whole = (*at)->kind != SB_PLAN_UNION; /* kept before it is used */
            SB_TRY(divide_tree(p, &(*at)->inner, !whole && is_cut_short(chain, count, cut)));
        }
        chain[count++] = at;
    }
    return count == 0 ? SB_OK : divide_chain(p, chain, count, cut);
}

sb_status sb_plan__parallel(sb_planner *p, sb_plan *root)
{
    if (p->options.threads < 2) return SB_OK;
    if (root->cost < COST_WORTH && !p->options.force_parallel) return SB_OK;
    return divide_tree(p, &root->input, false);
}
