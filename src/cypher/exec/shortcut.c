/* shortcut.c — which aggregations have a shorter way, and the way. */
#include "cypher/exec/shortcut.h"

bool sb_exec__is_count(const sb_function *function)
{
    return (function->flags & SB_FUNC_USER) == 0 && strcmp(function->name, "count") == 0;
}

/* Are all aggregates counts of rows: count(*), or of a variable that no row has null? c may be NULL. */
static bool counts_rows(const sb_plan *plan, const sb_var *a, const sb_var *b, const sb_var *c)
{
    for (uint32_t i = 0; i < plan->as.aggregate.aggregate_count; i++) {
        const sb_plan_aggregate *item = &plan->as.aggregate.aggregates[i];
        if (!sb_exec__is_count(item->function) || item->distinct) return false;
        if (item->arg_count == 0) continue;
        const sb_var *var = item->args[0]->kind == SB_EXPR_VAR ? item->args[0]->var : NULL;
        if (var == NULL || (var != a && var != b && var != c)) return false;
    }
    return plan->as.aggregate.aggregate_count != 0;
}

/* ---- Scans ------------------------------------------------------------------------------------------------------- */

static const sb_var *scanned(const sb_plan *scan)
{
    switch ((int)scan->kind) {
    case SB_PLAN_ALL_NODES:
    case SB_PLAN_LABEL_SCAN: return scan->as.scan.node;
    case SB_PLAN_REL_SCAN:
        return scan->as.expand.direction != SB_REL_EITHER && scan->as.expand.type_count <= 1
                   ? scan->as.expand.rel
                   : NULL;
    default: return NULL;
    }
}

static bool is_fixed(const sb_expr *e)
{
    return e->kind <= SB_EXPR_PARAM;
}

static bool is_property_of(const sb_expr *e, const sb_var *var)
{
    return e->kind == SB_EXPR_PROPERTY && e->args[0]->kind == SB_EXPR_VAR && e->args[0]->var == var;
}

/* A condition of the form n.key op constant becomes a bound; *is false: it is none, or a second of its kind. */
static sb_status take_condition(sb_exec *run, const sb_expr *e, const sb_var *var,
                                sb_scan_count *count, bool *is)
{
    const sb_expr *property, *bound;
    sb_eval **place;
    sb_op2 op = (sb_op2)e->op;

    *is = false;
    if (e->kind != SB_EXPR_BINARY || op < SB_OP2_EQ || op > SB_OP2_GE || op == SB_OP2_NE)
        return SB_OK;
    if (is_property_of(e->args[0], var) && is_fixed(e->args[1])) {
        property = e->args[0];
        bound = e->args[1];
    } else if (is_property_of(e->args[1], var) && is_fixed(e->args[0])) {
        property = e->args[1];
        bound = e->args[0];
        op = sb_op2_turned(op);
    } else {
        return SB_OK;
    }
    if (count->key == NULL)
        SB_TRY(sb_exec__name_add(run, SB_NAME_KEY, property->name, &count->key));
    place = op == SB_OP2_EQ                      ? &count->equal
            : op == SB_OP2_GT || op == SB_OP2_GE ? &count->low
                                                 : &count->high;
    *is = sb_bytes_equal(count->key->text, property->name) && *place == NULL;
    if (!*is) return SB_OK;
    if (op == SB_OP2_GE) count->low_inclusive = true;
    if (op == SB_OP2_LE) count->high_inclusive = true;
    return sb_exec__compile(run, bound, place);
}

static sb_status take_predicate(sb_exec *run, const sb_expr *e, const sb_var *var,
                                sb_scan_count *count, bool *is)
{
    if (e->kind == SB_EXPR_BINARY && e->op == SB_OP2_AND) {
        SB_TRY(take_predicate(run, e->args[0], var, count, is));
        return *is ? take_predicate(run, e->args[1], var, count, is) : SB_OK;
    }
    return take_condition(run, e, var, count, is);
}

sb_status sb_exec__scan_count_open(sb_operator *op, sb_scan_count *count)
{
    const sb_plan *plan = op->plan;
    const sb_plan *input = plan->input->kind == SB_PLAN_GATHER ? plan->input->input : plan->input;
    const sb_plan *scan = input;
    bool is = true;

    *count = (sb_scan_count){.scan = NULL};
    if (plan->as.aggregate.group_count != 0 || plan->as.aggregate.weight != NULL) return SB_OK;
    while (scan->kind == SB_PLAN_FILTER)
        scan = scan->input;
    const sb_var *var = scanned(scan);
    if (var == NULL || scan->input->kind != SB_PLAN_ARGUMENT || !counts_rows(plan, var, NULL, NULL))
        return SB_OK;
    for (const sb_plan *filter = input; filter != scan && is; filter = filter->input)
        SB_TRY(take_predicate(op->run, filter->as.filter.predicate, var, count, &is));
    /* an equality beside a range is left to rows */
    if (is && (count->equal == NULL || (count->low == NULL && count->high == NULL)))
        count->scan = scan;
    return SB_OK;
}

/* *none: nothing compares with it (null, NaN). */
static sb_status bound_value(sb_eval *eval, sb_value *value, const sb_value **bound, bool *known,
                             bool *none)
{
    sb_val v;

    if (eval == NULL || !*known) return SB_OK;
    SB_TRY(sb_exec__eval_constant(eval, &v));
    *none = *none || v.kind == SB_VAL_NULL;
    *known = v.kind == SB_VAL_NULL || v.kind == SB_VAL_BOOL || v.kind == SB_VAL_INT ||
             v.kind == SB_VAL_FLOAT || v.kind == SB_VAL_STRING;
    if (*known) *known = sb_val_scalar_value(v, value);
    *bound = value;
    return SB_OK;
}

/* Label or type of the scan; *none: there is none of that name. */
static void scan_name(sb_exec *run, const sb_plan *scan, sb_scan_options *options, bool *none)
{
    const bool rels = scan->kind == SB_PLAN_REL_SCAN;
    const bool named = rels ? scan->as.expand.type_count != 0 : scan->as.scan.label_given;

    options->entity = rels ? SB_REL : SB_NODE;
    if (!named) return;
    options->name =
        sb_exec__name(run, &run->names[rels ? scan->as.expand.types[0] : scan->as.scan.label]);
    *none = *none || options->name == 0;
}

sb_status sb_exec__scan_count(sb_exec *run, const sb_scan_count *count, uint64_t *rows, bool *known)
{
    sb_scan_options options = {.low_inclusive = count->low_inclusive,
                               .high_inclusive = count->high_inclusive};
    sb_value values[3];
    bool none = false;

    *rows = 0;
    *known = true;
    SB_TRY(bound_value(count->equal, &values[0], &options.equal, known, &none));
    SB_TRY(bound_value(count->low, &values[1], &options.low, known, &none));
    SB_TRY(bound_value(count->high, &values[2], &options.high, known, &none));
    if (!*known) return SB_OK;
    scan_name(run, count->scan, &options, &none);
    if (count->key != NULL) {
        options.key = sb_exec__name(run, count->key);
        none = none || options.key == 0;
    }
    return none ? SB_OK : sb_graph_count(run->graph, &options, rows, run->err);
}

/* ---- Expansions ----------------------------------------------------------------------------------------------------- */

static bool mentions(const sb_expr *e, const sb_var *a, const sb_var *b)
{
    if (e == NULL) return false;
    /* a plan may read anything */
    if (e->plan != NULL || (e->kind == SB_EXPR_VAR && (e->var == a || e->var == b))) return true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (mentions(e->args[i], a, b)) return true;
    return false;
}

static bool groups_mention(const sb_plan *plan, const sb_var *a, const sb_var *b)
{
    for (uint32_t i = 0; i < plan->as.aggregate.group_count; i++)
        if (mentions(plan->as.aggregate.groups[i].expr, a, b)) return true;
    return false;
}

/* A copy of a plan that binds what `live` says and one more slot, instead of another. */
static sb_status make_plan(sb_exec *run, const sb_plan *like, sb_plan_kind kind,
                           const sb_var *instead_of, const sb_var *bound, sb_plan **made)
{
    sb_plan *plan = sb_exec__alloc_zero(run, 1, sizeof *plan);
    uint32_t *live = sb_exec__alloc_zero(run, like->live_count + 1u, sizeof *live);

    *made = plan;
    if (plan == NULL || live == NULL) return sb_exec__no_memory(run);
    *plan = *like;
    plan->kind = kind;
    plan->live = live;
    plan->live_count = 0;
    for (uint32_t i = 0; i < like->live_count; i++)
        if (like->live[i] != bound->slot &&
            (instead_of == NULL || like->live[i] != instead_of->slot))
            live[plan->live_count++] = like->live[i];
    uint32_t place = plan->live_count++;
    for (; place != 0 && live[place - 1] > bound->slot; place--)
        live[place] = live[place - 1];
    live[place] = bound->slot;
    return SB_OK;
}

/* All relationships of some types, grouped by one of their ends: instead, all nodes with the lengths of their lists. */
static sb_status scan_by_nodes(sb_operator *op, const sb_plan *scan, sb_plan **by_nodes, bool *is)
{
    sb_exec *run = op->run;
    const sb_plan_expand *e = &scan->as.expand;
    const bool from = !groups_mention(op->plan, e->to, e->rel),
               to = !from && !groups_mention(op->plan, e->from, e->rel);
    const sb_var *node = from ? e->from : e->to;
    sb_plan *nodes;
    uint64_t count;

    *is = false;
    if ((!from && !to) || op->plan->as.aggregate.group_count == 0 || e->from == e->to ||
        run->view == NULL)
        return SB_OK;
    SB_TRY(sb_stats_nodes_of_label(run->view, 0, &count, run->err));
    if (scan->rows * 4 < (double)count) return SB_OK; /* few relationships among many nodes */
    SB_TRY(make_plan(run, scan, SB_PLAN_ALL_NODES, from ? e->to : e->from, node, &nodes));
    nodes->as.scan.node = node;
    nodes->as.scan.label_given = false;
    SB_TRY(make_plan(run, scan, SB_PLAN_EXPAND, NULL, node, by_nodes));
    (*by_nodes)->input = nodes;
    (*by_nodes)->as.expand.from = node;
    (*by_nodes)->as.expand.to = from ? e->to : e->from;
    if (to && e->direction != SB_REL_EITHER)
        (*by_nodes)->as.expand.direction = e->direction == SB_REL_OUT ? SB_REL_IN : SB_REL_OUT;
    *is = true;
    return SB_OK;
}

/* Nodes beside two others: each row with how many there are. */
static sb_status weigh_intersection(sb_operator *op, const sb_plan **input, const sb_var **weight)
{
    const sb_plan *plan = *input;
    const sb_plan_expand *a = &plan->as.intersect.sides[0], *b = &plan->as.intersect.sides[1];
    sb_plan *weighed;

    if (!counts_rows(op->plan, a->to, a->rel, b->rel) || groups_mention(op->plan, a->to, a->rel) ||
        groups_mention(op->plan, a->to, b->rel))
        return SB_OK;
    SB_TRY(make_plan(op->run, plan, SB_PLAN_INTERSECT, a->rel, a->to, &weighed));
    weighed->as.intersect.weight = a->to;
    *input = weighed;
    *weight = a->to;
    return SB_OK;
}

sb_status sb_exec__degree_plan(sb_operator *op, const sb_plan **input, const sb_var **weight)
{
    const sb_plan *expand = *input;
    sb_plan *by_nodes, *degree;

    *weight = NULL;
    if (expand->kind == SB_PLAN_INTERSECT) return weigh_intersection(op, input, weight);
    if ((expand->kind != SB_PLAN_EXPAND && expand->kind != SB_PLAN_REL_SCAN) ||
        !counts_rows(op->plan, expand->as.expand.to, expand->as.expand.rel, NULL))
        return SB_OK;
    if (expand->kind == SB_PLAN_REL_SCAN) {
        bool is;
        SB_TRY(scan_by_nodes(op, expand, &by_nodes, &is));
        if (!is) return SB_OK;
        expand = by_nodes;
    }
    const sb_plan_expand *e = &expand->as.expand;
    if (e->to_bound || e->to_labels != NULL || e->unlike_count != 0 || e->to == e->from ||
        groups_mention(op->plan, e->to, e->rel))
        return SB_OK;
    SB_TRY(make_plan(op->run, expand, SB_PLAN_DEGREE, e->rel, e->to, &degree));
    degree->as.expand.rel = e->to;
    degree->as.expand.to = NULL;
    *input = degree;
    *weight = e->to;
    return SB_OK;
}
