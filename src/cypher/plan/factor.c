/* factor.c — counting rows without making them.
 * Below an AGGREGATE that only counts rows lies a chain of steps. An expansion whose end nobody else reads multiplies each row by a number
 * that depends on one node alone; so it is taken out of the chain (factor_walk.c) and becomes a factor of that node, with all that hangs on its own
 * end as its children (counts over acyclic joins, as in Olteanu and Závodný, "Size bounds for factorised representations of query results",
 * 2015). What is left of the chain gives fewer rows, with a weight each (WEIGH). Where the chain begins decides what can be taken. */
#include "cypher/plan/factor_priv.h"

#include <string.h>

#define ROWS_WORTH                                                                                 \
    256.0 /* estimated rows from which on one or two expansions are worth its setting up */
#define PREGROUP_WORTH 1000.0
#define NODES_PER_REL                                                                              \
    2.0 /* whose lists are looked up in the time that a row of a relationship is */

/* ---- The plan ------------------------------------------------------------------------------------------------------------- */

/* Are all aggregates numbers of rows? */
static bool counts_rows(const sb_plan *plan)
{
    for (uint32_t i = 0; i < plan->as.aggregate.aggregate_count; i++) {
        const sb_plan_aggregate *a = &plan->as.aggregate.aggregates[i];

        if (a->distinct || (a->function->flags & SB_FUNC_USER) != 0 ||
            strcmp(a->function->name, "count") != 0)
            return false;
        if (a->arg_count == 0) continue;
        const sb_expr *arg = a->args[0];
        if (arg->kind != SB_EXPR_VAR || arg->var->nullable ||
            (arg->var->kinds != SB_KIND_NODE && arg->var->kinds != SB_KIND_REL))
            return false;
    }
    return plan->as.aggregate.aggregate_count != 0;
}

/* A node or relationship that is counted is there in every row: nobody need carry it to where it is counted. */
static sb_status count_all(sb_planner *p, sb_plan *aggregate)
{
    const uint32_t count = aggregate->as.aggregate.aggregate_count;
    sb_plan_aggregate *all;

    SB_TRY(sb_plan__alloc(p, count, sizeof *all, &all));
    for (uint32_t i = 0; i < count; i++) {
        all[i] = aggregate->as.aggregate.aggregates[i];
        all[i].arg_count = 0;
    }
    aggregate->as.aggregate.aggregates = all;
    return SB_OK;
}

/* What stays, in order, on top of the first op that was not looked at. */
static sb_plan *relink(sb_factor_walk *w)
{
    sb_plan *below = w->ops[w->end];

    for (uint32_t i = w->end; i-- > 0;) {
        if (w->taken[i]) continue;
        w->ops[i]->input = below;
        below = w->ops[i];
    }
    return below;
}

/* Labels that a node has which is the end of either. */
static sb_status both_labels(sb_planner *p, const sb_label_expr *a, const sb_label_expr *b,
                             const sb_label_expr **both)
{
    sb_label_expr *made;

    *both = a == NULL ? b : a;
    if (a == NULL || b == NULL || sb_plan__same_labels(a, b)) return SB_OK;
    SB_TRY(sb_plan__alloc(p, 1, sizeof *made, &made));
    *made = (sb_label_expr){.op = SB_LABEL_AND, .left = a, .right = b};
    *both = made;
    return SB_OK;
}

/* The two factors across each other become the first weights, and what they have in common is counted below. */
static sb_status put_across(sb_factor_walk *w, sb_plan *weigh, sb_plan_weight *weights)
{
    sb_planner *p = w->p;
    sb_plan *common;
    sb_var *number;

    SB_TRY(sb_plan__new(p, SB_PLAN_INTERSECT, weigh->input, &common));
    SB_TRY(sb_plan__var(p, SB_KIND_INT, &number));
    sb_plan_expand *const sides = common->as.intersect.sides;
    for (uint32_t i = 0; i < w->loose_count; i++) {
        sb_factor_loose *one = &w->loose[i];
        sb_plan_weight *weight = &weights[weigh->as.weigh.count];
        const sb_plan_factor **factors;

        if (one->across == UINT32_MAX) continue;
        SB_TRY(sb_plan__alloc(p, 1, sizeof *factors, &factors));
        factors[0] = one->factor;
        *weight = (sb_plan_weight){.node = one->at, .factors = factors, .factor_count = 1};
        sides[weigh->as.weigh.count++] = one->factor->expand;
        one->used = true;
    }
    SB_TRY(both_labels(p, sides[0].to_labels, sides[1].to_labels, &sides[0].to_labels));
    sides[1].to_labels = NULL;
    sides[1].to = sides[0].to;
    sides[0].rel = sides[1].rel = NULL;
    common->as.intersect.weight = weigh->as.weigh.minus = number;
    common->rows = common->input->rows;
    common->cost = common->input->cost + common->rows;
    weigh->input = common;
    return SB_OK;
}

static sb_status put_weigh(sb_factor_walk *w, sb_plan *aggregate)
{
    sb_planner *p = w->p;
    sb_plan *weigh;
    sb_plan_weight *weights;
    sb_var *product;

    SB_TRY(sb_plan__alloc(p, w->loose_count, sizeof *weights, &weights));
    SB_TRY(sb_plan__var(p, SB_KIND_INT, &product));
    const double cost = aggregate->input->cost;
    SB_TRY(sb_plan__new(p, SB_PLAN_WEIGH, relink(w), &weigh));
    if (w->across) SB_TRY(put_across(w, weigh, weights));
    for (uint32_t i = 0; i < w->loose_count; i++) {
        sb_plan_weight *one = &weights[weigh->as.weigh.count];
        const sb_plan_factor **factors;

        if (w->loose[i].used) continue;
        one->node = w->loose[i].at;
        SB_TRY(sb_factor__children(w, one->node, &factors, &one->factor_count, NULL));
        one->factors = factors;
        weigh->as.weigh.count++;
    }
    weigh->as.weigh.weights = weights;
    weigh->as.weigh.product = product;
    weigh->as.weigh.one_by_one = p->options.always_factor && (p->options.shuffle_seed & 1) != 0;
    weigh->rows = weigh->input->rows;
    weigh->cost = cost < weigh->input->cost ? weigh->input->cost : cost;
    aggregate->input = weigh;
    aggregate->as.aggregate.weight = product;
    return sb_plan__set_count(&w->needed) == 0 ? sb_plan__root_factors(p, weigh) : SB_OK;
}

/* Is it what DEGREE does as well: the last expansion, with nothing but its list's length? */
static bool is_degree(const sb_factor_walk *w)
{
    if (w->loose_count > 2 || w->loose[0].op != 0) return false;
    for (uint32_t i = 0; i < w->loose_count; i++) {
        const sb_plan_factor *f = w->loose[i].factor;
        if (f->expand.to_labels != NULL || f->filter_count != 0 || f->optional ||
            f->expand.direction == SB_REL_EITHER)
            return false;
    }
    return w->loose_count == 1 || w->loose[1].factor->child_count == 1;
}

/* Slots that groups read; *possible false: a sub-query in one reads nobody knows what. */
static sb_status reads_of_groups(sb_planner *p, const sb_plan *aggregate, sb_slot_set *set,
                                 bool *possible)
{
    *possible = true;
    for (uint32_t i = 0; i < aggregate->as.aggregate.group_count; i++) {
        const sb_expr *e = aggregate->as.aggregate.groups[i].expr;

        *possible = *possible && !sb_factor__has_plan(e) && !sb_plan__expr_volatile(e);
        SB_TRY(sb_plan__expr_slots(p, e, set));
    }
    return SB_OK;
}

/* ---- Groups of nodes before groups of their values --------------------------------------------------------------------- */

/* The one variable in an expression. */
static const sb_var *var_in(const sb_expr *e)
{
    const sb_var *var = e == NULL || e->kind != SB_EXPR_VAR ? NULL : e->var;

    for (uint32_t i = 0; e != NULL && i < e->arg_count && var == NULL; i++)
        var = var_in(e->args[i]);
    return var;
}

/* What is grouped by values of one node is grouped by that node first, and each node's values are then read once. */
static sb_status group_by_node(sb_planner *p, sb_plan *aggregate, const sb_slot_set *slots)
{
    const sb_plan_assign *groups = aggregate->as.aggregate.groups;
    const sb_var *node = NULL;
    sb_plan *inner;
    sb_plan_assign *group;
    sb_plan_aggregate *count;
    sb_var *rows;

    if (sb_plan__set_count(slots) != 1 || aggregate->as.aggregate.group_count == 0 ||
        (aggregate->input->rows < PREGROUP_WORTH && !p->options.always_factor))
        return SB_OK;
    for (uint32_t i = 0; i < aggregate->as.aggregate.group_count; i++) {
        if (groups[i].expr->kind == SB_EXPR_VAR) return SB_OK;
        if (node == NULL) node = var_in(groups[i].expr);
    }
    const sb_plan *below = aggregate->input;
    if (node == NULL || node->kinds != SB_KIND_NODE || node->nullable ||
        !(sb_plan__is_row_wise(below) || below->kind == SB_PLAN_WEIGH) ||
        below->kind == SB_PLAN_PROJECT)
        return SB_OK;
    SB_TRY(sb_plan__new(p, SB_PLAN_AGGREGATE, aggregate->input, &inner));
    SB_TRY(sb_plan__alloc(p, 1, sizeof *group, &group));
    SB_TRY(sb_plan__alloc(p, 1, sizeof *count, &count));
    SB_TRY(sb_plan__var(p, SB_KIND_INT, &rows));
    SB_TRY(sb_plan__expr_var(p, node, &group->expr));
    group->var = node;
    count->function = sb_function_find(sb_bytes_of("count", 5));
    count->var = rows;
    inner->as.aggregate.groups = group;
    inner->as.aggregate.group_count = 1;
    inner->as.aggregate.aggregates = count;
    inner->as.aggregate.aggregate_count = 1;
    inner->as.aggregate.weight = aggregate->as.aggregate.weight;
    inner->rows = inner->input->rows / 4;
    inner->cost = inner->input->cost + inner->input->rows;
    aggregate->input = inner;
    aggregate->as.aggregate.weight = rows;
    return SB_OK;
}

/* Estimates know averages: where several expansions follow one another, rows may be many more. */
static bool is_worth(const sb_factor_walk *w)
{
    uint32_t expansions = 0;

    for (uint32_t i = 0; i < w->op_count; i++)
        expansions += w->ops[i]->kind == SB_PLAN_EXPAND;
    return expansions > 2 || w->ops[0]->rows >= ROWS_WORTH || w->p->options.always_factor;
}

/* ---- Nodes instead of relationships ------------------------------------------------------------------------------------ */

/* The place of the filter that wants a label of a node, above a scan; op_count: there is none. *other: one wants more than a label. */
static uint32_t label_filter(const sb_factor_walk *w, const sb_var *node, bool *other)
{
    uint32_t found = w->op_count;

    *other = false;
    for (uint32_t i = 0; i < w->end; i++) {
        const sb_label_expr *labels =
            w->ops[i]->kind == SB_PLAN_FILTER
                ? sb_factor__labels_of(w->ops[i]->as.filter.predicate, node)
                : NULL;
        if (labels == NULL) continue;
        *other = *other || labels->op != SB_LABEL_NAME || found != w->op_count;
        found = i;
    }
    return found;
}

/* A scan of nodes and an expansion, in place of a scan of relationships: `backward` from where those lead. */
static sb_status make_expansion(sb_planner *p, const sb_plan *rels, bool backward,
                                const sb_label_expr *labels, sb_plan **expand)
{
    const sb_plan_expand *e = &rels->as.expand;
    sb_plan *nodes;
    double count;

    SB_TRY(sb_plan__estimate_nodes(p, labels, &count));
    SB_TRY(sb_plan__new(p, labels == NULL ? SB_PLAN_ALL_NODES : SB_PLAN_LABEL_SCAN, rels->input,
                        &nodes));
    nodes->as.scan.node = backward ? e->to : e->from;
    nodes->as.scan.label_given = labels != NULL;
    if (labels != NULL)
        SB_TRY(sb_plan__name(p, SB_NAME_LABEL, labels->name, &nodes->as.scan.label));
    nodes->rows = rels->input->rows * count;
    nodes->cost = rels->input->cost + nodes->rows;
    SB_TRY(sb_plan__new(p, SB_PLAN_EXPAND, nodes, expand));
    (*expand)->as.expand = *e;
    if (backward) {
        (*expand)->as.expand.from = e->to;
        (*expand)->as.expand.to = e->from;
        (*expand)->as.expand.direction = sb_plan__turned(e->direction);
    }
    (*expand)->rows = rels->rows;
    (*expand)->cost = nodes->cost + rels->rows;
    return SB_OK;
}

/* Where the chain begins with relationships of which one end alone is read, and there are not many more such nodes, they are scanned, and
 * the relationships become a factor. *turned: the walk over the other chain, which is the aggregate's then. */
static sb_status scan_nodes(sb_factor_walk *w, sb_plan *aggregate, const sb_slot_set *needed,
                            bool backward, bool *turned)
{
    sb_plan *const rels = w->ops[w->end];
    const sb_plan_expand *e = &rels->as.expand;
    bool other;
    const uint32_t filter = label_filter(w, backward ? e->to : e->from, &other);
    const uint32_t place = w->end;
    sb_plan *expand;
    sb_factor_walk again;

    if (other || e->from == e->to) return SB_OK;
    SB_TRY(make_expansion(
        w->p, rels, backward,
        filter == w->op_count ? NULL : w->ops[filter]->as.filter.predicate->labels, &expand));
    if (expand->input->rows > SB_PLAN_SCAN_WORTH * rels->rows) return SB_OK;
    w->ops[place - 1]->input = expand;
    SB_TRY(sb_factor__open_walk(&again, w->p, aggregate->input));
    SB_TRY(sb_factor__walk_all(&again, needed));
    *turned = again.taken[place];
    if (!*turned) {
        w->ops[place - 1]->input = rels;
        return SB_OK;
    }
    if (filter != w->op_count) again.taken[filter] = true; /* the scan is about it */
    *w = again;
    return SB_OK;
}

/* Do steps that stay, or factors across each other, expand the scanned relationships, of which none reads more than the ends? An intersection has them in
 * an order of its own. */
static bool only_ends(const sb_factor_walk *w)
{
    const sb_plan *rels = w->ops[w->end];
    const sb_var *rel = rels->as.expand.rel;
    bool expands = w->across;

    if (rels->as.expand.direction == SB_REL_EITHER || rels->input->kind != SB_PLAN_ARGUMENT ||
        (rel != NULL && sb_plan__set_has(&w->needed, rel->slot)))
        return false;
    for (uint32_t i = 0; i < w->end; i++) {
        if (w->ops[i]->kind == SB_PLAN_INTERSECT ||
            (rel != NULL && w->waits[i] && sb_factor__is_about(w, i, rel)))
            return false;
        expands = expands || (w->ops[i]->kind == SB_PLAN_EXPAND && !w->taken[i]);
    }
    return expands;
}

/* Such relationships are read from the lists of the nodes at one end, one behind the other, where these are few enough: a row takes longer to find than an
 * entry (perf: 30 ns; 10 for a list in order, and 10 for an entry). */
static sb_status scan_ends(sb_factor_walk *w)
{
    sb_plan *const rels = w->ops[w->end];
    const sb_plan_expand *e = &rels->as.expand;
    uint32_t filter = w->op_count;
    sb_plan *best = NULL;

    if (e->from == e->to || !only_ends(w)) return SB_OK;
    for (unsigned end = 0; end < 2; end++) {
        bool other;
        const uint32_t found = label_filter(w, end == 0 ? e->from : e->to, &other);
        sb_plan *expand;

        if (other) continue;
        SB_TRY(make_expansion(
            w->p, rels, end != 0,
            found == w->op_count ? NULL : w->ops[found]->as.filter.predicate->labels, &expand));
        if (expand->input->rows > NODES_PER_REL * rels->rows ||
            (best != NULL && expand->input->rows >= best->input->rows))
            continue;
        best = expand;
        filter = found;
    }
    if (best == NULL) return SB_OK;
    w->ops[w->end] = w->ops[w->end - 1]->input = best;
    if (filter == w->op_count) return SB_OK;
    w->taken[filter] = true; /* the scan is about it */
    if (filter != 0) w->ops[filter - 1]->input = w->ops[filter]->input;
    return SB_OK;
}

/* ---- Factors across each other ------------------------------------------------------------------------------------------ */

/* A walk that keeps nodes in the rows for factors that wait for one across; *found: one came. */
static sb_status walk_hoping(sb_factor_walk *w, const sb_slot_set *needed, bool *found)
{
    w->hopes = true;
    SB_TRY(sb_factor__walk_all(w, needed));
    w->hopes = false;
    *found = w->across;
    return SB_OK;
}

/* The walk over a chain that begins with a scan of nodes and the expansion `first` instead of ops[place]; unless *found, all is left as it was. */
static sb_status try_first(sb_factor_walk *w, sb_plan *aggregate, const sb_slot_set *needed,
                           uint32_t place, sb_plan *first, bool *found)
{
    sb_plan *const before = w->ops[place];
    sb_factor_walk again;

    if (first->input->rows > SB_PLAN_SCAN_WORTH * before->rows) return SB_OK;
    w->ops[place - 1]->input = first;
    SB_TRY(sb_factor__open_walk(&again, w->p, aggregate->input));
    SB_TRY(walk_hoping(&again, needed, found));
    if (*found)
        *w = again;
    else
        w->ops[place - 1]->input = before;
    return SB_OK;
}

/* A chain that begins with the nodes at one end of an expansion begins with those at the other end: what is asked of the former may be asked of a factor
 * then. */
static sb_status turn_first(sb_factor_walk *w, sb_plan *aggregate, const sb_slot_set *needed,
                            bool *found)
{
    const uint32_t place = w->op_count - 3; /* behind it come the scan and ARGUMENT */
    const sb_plan *const first = w->ops[place], *const scan = first->input;
    const sb_plan_expand *e = &first->as.expand;
    const sb_label_expr *end_labels;
    sb_plan rels = *first, *turned;

    if (first->kind != SB_PLAN_EXPAND || e->to_bound || e->from == e->to ||
        (e->to_labels != NULL && e->to_labels->op != SB_LABEL_NAME) ||
        (scan->kind != SB_PLAN_LABEL_SCAN && scan->kind != SB_PLAN_ALL_NODES) ||
        scan->as.scan.node != e->from || scan->input->kind != SB_PLAN_ARGUMENT)
        return SB_OK;
    SB_TRY(sb_plan__scan_label(w->p, scan, &end_labels));
    rels.input = scan->input;
    SB_TRY(make_expansion(w->p, &rels, true, e->to_labels, &turned));
    turned->as.expand.to_labels = end_labels;
    return try_first(w, aggregate, needed, place, turned, found);
}

/* The same of one that begins with relationships. */
static sb_status expand_first(sb_factor_walk *w, sb_plan *aggregate, const sb_slot_set *needed,
                              bool *found)
{
    const uint32_t place = w->op_count - 2;
    const sb_plan *const rels = w->ops[place];
    const sb_plan_expand *e = &rels->as.expand;

    if (rels->kind != SB_PLAN_REL_SCAN || e->direction == SB_REL_EITHER || e->from == e->to)
        return SB_OK;
    for (unsigned end = 0; end < 2 && !*found; end++) {
        bool other;
        const uint32_t filter = label_filter(w, end == 0 ? e->from : e->to, &other);
        const bool labelled = filter != w->op_count;
        sb_plan *expand;

        if (other) continue;
        SB_TRY(make_expansion(w->p, rels, end != 0,
                              labelled ? w->ops[filter]->as.filter.predicate->labels : NULL,
                              &expand));
        SB_TRY(try_first(w, aggregate, needed, place, expand, found));
        if (*found && labelled) w->taken[filter] = true; /* the scan is about it */
    }
    return SB_OK;
}

/* With factors across each other, if there can be such. */
static sb_status walk_best(sb_factor_walk *w, sb_plan *aggregate, const sb_slot_set *needed)
{
    bool differ = false, found = false;

    for (uint32_t i = 0; i < w->op_count; i++)
        differ = differ || (w->ops[i]->kind == SB_PLAN_FILTER &&
                            sb_plan__is_difference(w->ops[i]->as.filter.predicate));
    if (differ) SB_TRY(walk_hoping(w, needed, &found));
    const bool turns = differ && !found && w->op_count > 3 && !w->p->options.no_reorder;
    if (turns) SB_TRY(turn_first(w, aggregate, needed, &found));
    if (turns && !found) SB_TRY(expand_first(w, aggregate, needed, &found));
    if (found) return SB_OK;
    memset(w->forbidden, 0, w->op_count * sizeof *w->forbidden);
    return sb_factor__walk_all(w, needed);
}

sb_status sb_plan__factor(sb_planner *p, sb_plan *aggregate)
{
    sb_slot_set slots = {NULL, 0};
    bool possible, turned = false;
    sb_factor_walk w;

    if (!counts_rows(aggregate) || aggregate->as.aggregate.weight != NULL) return SB_OK;
    SB_TRY(count_all(p, aggregate));
    SB_TRY(reads_of_groups(p, aggregate, &slots, &possible));
    if (!possible) return SB_OK;
    SB_TRY(sb_factor__open_walk(&w, p, aggregate->input));
    if (is_worth(&w)) {
        SB_TRY(walk_best(&w, aggregate, &slots));
        const bool from_rels = w.end != 0 && w.ops[w.end]->kind == SB_PLAN_REL_SCAN;
        if (from_rels) SB_TRY(scan_nodes(&w, aggregate, &slots, false, &turned));
        if (from_rels && !turned) SB_TRY(scan_nodes(&w, aggregate, &slots, true, &turned));
        if (from_rels && !turned) SB_TRY(scan_ends(&w));
        if (w.loose_count != 0 && (turned || p->options.always_factor || !is_degree(&w)))
            SB_TRY(put_weigh(&w, aggregate));
    }
    return group_by_node(p, aggregate, &slots);
}
