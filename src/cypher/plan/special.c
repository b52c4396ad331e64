/* special.c — rewrites of a finished plan that answer from statistics and list lengths instead of making rows. */
#include "cypher/plan/plan_priv.h"

#include <string.h>

static bool is_count(const sb_plan_aggregate *a)
{
    return !a->distinct && strcmp(a->function->name, "count") == 0;
}

/* count(*), or count of a variable that is never null in the rows. */
static bool counts_rows(const sb_plan_aggregate *a, const sb_var *never_null,
                        const sb_var *never_null_2)
{
    if (!is_count(a)) return false;
    if (a->arg_count == 0) return true;
    return a->args[0]->kind == SB_EXPR_VAR &&
           (a->args[0]->var == never_null || a->args[0]->var == never_null_2);
}

/* One row with one count, nothing else. */
static bool is_lone_count(const sb_plan *plan)
{
    return plan->kind == SB_PLAN_AGGREGATE && plan->as.aggregate.group_count == 0 &&
           plan->as.aggregate.aggregate_count == 1;
}

static bool begins(const sb_plan *scan)
{
    return scan->input != NULL && scan->input->kind == SB_PLAN_ARGUMENT;
}

/* MATCH (n:L) RETURN count(*), MATCH ()-[r:T]->() RETURN count(r): a number in the statistics. */
static sb_status count_from_statistics(sb_planner *p, sb_plan **plan)
{
    sb_plan *const scan = (*plan)->input;
    const sb_plan_aggregate *count = &(*plan)->as.aggregate.aggregates[0];
    sb_plan *made;

    if (!is_lone_count(*plan) || !begins(scan) || (*plan)->as.aggregate.weight != NULL)
        return SB_OK;
    if (scan->kind == SB_PLAN_ALL_NODES || scan->kind == SB_PLAN_LABEL_SCAN) {
        if (!counts_rows(count, scan->as.scan.node, NULL)) return SB_OK;
        SB_TRY(sb_plan__new(p, SB_PLAN_COUNT_NODES, scan->input, &made));
        made->as.scan = scan->as.scan;
        made->as.scan.node = count->var;
    } else if (scan->kind == SB_PLAN_REL_SCAN && scan->as.expand.direction != SB_REL_EITHER) {
        if (!counts_rows(count, scan->as.expand.rel, NULL)) return SB_OK;
        SB_TRY(sb_plan__new(p, SB_PLAN_COUNT_RELS, scan->input, &made));
        made->as.expand = scan->as.expand;
        made->as.expand.rel = count->var;
    } else {
        return SB_OK;
    }
    made->rows = 1;
    made->cost = 1;
    *plan = made;
    return SB_OK;
}

/* ---- Counting by list lengths ------------------------------------------------------------------------------------------ */

static void note_binder(const sb_planner *p, const sb_plan_expand *binder,
                        const sb_plan_expand **binders)
{
    const uint32_t place = binder->rel == NULL ? 0 : p->rel_places[binder->rel->slot];

    if (place != 0 && binders[place - 1] == NULL) binders[place - 1] = binder;
}

/* The expansions below that bind the relationships that e must not take again, the uppermost of each; NULL: it is bound otherwise. One way down for all of
 * them: in a long chain each step has all before it. */
static sb_status find_binders(sb_planner *p, const sb_plan *below, const sb_plan_expand *e,
                              const sb_plan_expand ***binders)
{
    if (p->rel_place_count < p->slot_count) {
        SB_TRY(sb_plan__alloc(p, p->slot_count, sizeof *p->rel_places, &p->rel_places));
        p->rel_place_count = p->slot_count;
    }
    SB_TRY(sb_plan__alloc(p, (size_t)e->unlike_count + 1, sizeof **binders, binders));
    for (uint32_t i = 0; i < e->unlike_count; i++)
        p->rel_places[e->unlike[i]->slot] = i + 1;
    for (; below != NULL && e->unlike_count != 0; below = below->input) {
        if (below->kind == SB_PLAN_EXPAND || below->kind == SB_PLAN_EXPAND_INTO ||
            below->kind == SB_PLAN_REL_SCAN)
            note_binder(p, &below->as.expand, *binders);
        for (unsigned s = 0; s < 2 && below->kind == SB_PLAN_INTERSECT; s++)
            note_binder(p, &below->as.intersect.sides[s], *binders);
    }
    for (uint32_t i = 0; i < e->unlike_count; i++)
        p->rel_places[e->unlike[i]->slot] = 0;
    return SB_OK;
}

bool sb_plan__same_types(const sb_plan_expand *a, const sb_plan_expand *b)
{
    return a->type_count == b->type_count &&
           (a->type_count == 0 ||
            memcmp(a->types, b->types, a->type_count * sizeof *a->types) == 0);
}

/* Where do the relationships that must not be counted again begin and end? False: it can't be told, or whether they have the right type. */
static sb_status find_ends(sb_planner *p, sb_plan_expand *degree, const sb_plan *below, bool *known)
{
    const sb_plan_expand **binders;

    *known = false;
    SB_TRY(find_binders(p, below, degree, &binders));
    SB_TRY(sb_plan__alloc(p, (size_t)degree->unlike_count + 1, sizeof *degree->unlike_starts,
                          &degree->unlike_starts));
    SB_TRY(sb_plan__alloc(p, (size_t)degree->unlike_count + 1, sizeof *degree->unlike_ends,
                          &degree->unlike_ends));
    for (uint32_t i = 0; i < degree->unlike_count; i++) {
        const sb_plan_expand *binder = binders[i];

        if (binder == NULL || binder->direction == SB_REL_EITHER ||
            (degree->type_count != 0 && !sb_plan__same_types(degree, binder)))
            return SB_OK;
        const bool outgoing = binder->direction == SB_REL_OUT;
        degree->unlike_starts[i] = outgoing ? binder->from : binder->to;
        degree->unlike_ends[i] = outgoing ? binder->to : binder->from;
    }
    *known = true;
    return SB_OK;
}

/* count(*) of the last step's rows is the sum of the lists' lengths. Only without groups: a group of nodes that have no neighbors would have a sum
 * of 0 where count(*) has no row at all. */
static sb_status count_by_lengths(sb_planner *p, sb_plan *plan)
{
    sb_plan *const expand = plan->input;
    sb_plan *degree;
    sb_plan_aggregate *sums;
    sb_var *length;
    bool known;

    if (plan->kind != SB_PLAN_AGGREGATE || plan->as.aggregate.group_count != 0 ||
        plan->as.aggregate.weight != NULL || expand->kind != SB_PLAN_EXPAND ||
        expand->as.expand.to_labels != NULL || expand->as.expand.direction == SB_REL_EITHER ||
        plan->as.aggregate.aggregate_count == 0)
        return SB_OK;
    for (uint32_t i = 0; i < plan->as.aggregate.aggregate_count; i++)
        if (!counts_rows(&plan->as.aggregate.aggregates[i], expand->as.expand.to,
                         expand->as.expand.rel))
            return SB_OK;

    SB_TRY(sb_plan__var(p, SB_KIND_INT, &length));
    SB_TRY(sb_plan__new(p, SB_PLAN_DEGREE, expand->input, &degree));
    degree->as.expand = expand->as.expand;
    degree->as.expand.rel = length;
    degree->as.expand.to = NULL;
    SB_TRY(find_ends(p, &degree->as.expand, expand->input, &known));
    if (!known) return SB_OK;
    SB_TRY(sb_plan__alloc(p, plan->as.aggregate.aggregate_count, sizeof *sums, &sums));
    for (uint32_t i = 0; i < plan->as.aggregate.aggregate_count; i++) {
        sums[i] = plan->as.aggregate.aggregates[i];
        sums[i].function = sb_function_find(sb_bytes_of("sum", 3));
        sums[i].arg_count = 1;
        SB_TRY(sb_plan__alloc(p, 1, sizeof *sums[i].args, &sums[i].args));
        SB_TRY(sb_plan__expr_var(p, length, &sums[i].args[0]));
    }
    plan->as.aggregate.aggregates = sums;
    plan->input = degree;
    return SB_OK;
}

/* A sub-query that asks for one relationship between two bound nodes: asked of the lists, without rows. */
static void ask_lists(sb_plan *semi)
{
    const sb_plan *into = semi->inner;
    const bool anti = semi->as.apply.anti;

    while (into != NULL && into->kind == SB_PLAN_RESULT)
        into = into->input;
    if (into == NULL || into->kind != SB_PLAN_EXPAND_INTO || into->as.expand.unlike_count != 0 ||
        into->as.expand.filter != NULL || into->input->kind != SB_PLAN_ARGUMENT)
        return;
    const sb_plan_expand expand = into->as.expand;
    semi->kind = SB_PLAN_RELATED;
    semi->inner = NULL;
    semi->as.related.expand = expand;
    semi->as.related.anti = anti;
}

/* ---- Rows that are groups ------------------------------------------------------------------------------------------------ */

/* The scan of a node below, where each node's rows come from that scan alone and are at most multiplied by the length of one list; NULL. */
static const sb_plan *scan_of(const sb_plan *below, const sb_var *node)
{
    const sb_plan_expand *const e = &below->as.expand;

    if (below->kind == SB_PLAN_EXPAND) {
        if (e->from != node || e->to == node || e->to_bound || e->to_labels != NULL ||
            e->unlike_count != 0)
            return NULL;
        below = below->input;
    } else if (below->kind == SB_PLAN_WEIGH) {
        below = below->input;
    }
    while (below->kind == SB_PLAN_FILTER)
        below = below->input;
    return (below->kind == SB_PLAN_LABEL_SCAN || below->kind == SB_PLAN_ALL_NODES) &&
                   below->as.scan.node == node && begins(below)
               ? below
               : NULL;
}

static bool is_unique(const sb_planner *p, sb_bytes label, sb_bytes key)
{
    const uint32_t label_id = sb_name_find(p->view, SB_NAME_LABEL, label),
                   key_id = sb_name_find(p->view, SB_NAME_KEY, key);
    size_t count;
    const sb_schema *schemas = sb_schemas(p->view, &count);

    for (size_t i = 0; i < count; i++)
        if ((schemas[i].kind == SB_SCHEMA_UNIQUE || schemas[i].kind == SB_SCHEMA_NODE_KEY) &&
            !schemas[i].on_rels && schemas[i].entity == label_id && schemas[i].key_count == 1 &&
            schemas[i].keys[0] == key_id)
            return true;
    return false;
}

/* Rows of a scan with the lengths of lists are one for each node: grouping them by that node first (factor.c) would change nothing, and where
 * a constraint tells the nodes' values apart, so does grouping by those. */
static void group_scanned(const sb_planner *p, sb_plan *aggregate)
{
    const sb_plan *const inner = aggregate->input;
    const sb_plan_assign *group = aggregate->as.aggregate.groups;

    if (aggregate->as.aggregate.group_count == 0 || inner->kind != SB_PLAN_AGGREGATE ||
        inner->as.aggregate.aggregate_count != 1 || inner->as.aggregate.group_count != 1 ||
        aggregate->as.aggregate.weight != inner->as.aggregate.aggregates[0].var)
        return;
    const sb_var *node = inner->as.aggregate.groups[0].var;
    const sb_plan *scan = scan_of(inner->input, node);
    if (scan == NULL) return;
    aggregate->as.aggregate.weight = inner->as.aggregate.weight;
    aggregate->input = inner->input;
    aggregate->as.aggregate.unique_keys =
        aggregate->as.aggregate.group_count == 1 && scan->kind == SB_PLAN_LABEL_SCAN &&
        group->expr->kind == SB_EXPR_PROPERTY && group->expr->args[0]->kind == SB_EXPR_VAR &&
        group->expr->args[0]->var == node &&
        is_unique(p, p->names[scan->as.scan.label].text, group->expr->name);
}

/* Of relationships of one direction that an expansion must not take again, it can meet one only where that one's own beginning (or end, against
 * its direction) is the node that is expanded: after a step, a loop. Which node that is the rows before know. */
static sb_status find_own(sb_planner *p, const sb_plan *below, sb_plan_expand *e)
{
    const sb_plan_expand **binders;
    const sb_var **own;
    bool any = false;

    if (e->direction == SB_REL_EITHER || e->unlike_count == 0) return SB_OK;
    SB_TRY(find_binders(p, below, e, &binders));
    SB_TRY(sb_plan__alloc(p, e->unlike_count, sizeof *own, &own));
    for (uint32_t i = 0; i < e->unlike_count; i++) {
        const sb_plan_expand *binder = binders[i];

        if (binder == NULL || binder->direction == SB_REL_EITHER) continue;
        const sb_var *node = binder->direction == e->direction ? binder->from : binder->to;
        if (node == e->from) continue;
        own[i] = node;
        any = true;
    }
    if (any) e->unlike_own = own;
    return SB_OK;
}

static sb_status find_between(sb_planner *p, sb_plan *plan)
{
    const sb_plan_expand *const sides = plan->as.intersect.sides;
    bool between = true;

    for (unsigned s = 0; s < 2; s++) {
        const sb_plan_expand **binders;

        SB_TRY(find_binders(p, plan->input, &sides[s], &binders));
        for (uint32_t i = 0; i < sides[s].unlike_count && between; i++) {
            const sb_plan_expand *binder = binders[i];
            between =
                binder != NULL && ((binder->from == sides[0].from && binder->to == sides[1].from) ||
                                   (binder->to == sides[0].from && binder->from == sides[1].from));
        }
    }
    plan->as.intersect.between = between;
    return SB_OK;
}

/* The end of a relationship bound before that is what `to` is to e's: where it leads, or where it comes from. NULL: it is not known which. */
static const sb_var *same_end(const sb_plan_expand *e, const sb_plan_expand *binder)
{
    if (binder == NULL || binder->direction == SB_REL_EITHER || e->direction == SB_REL_EITHER)
        return NULL;
    return binder->direction == e->direction ? binder->to : binder->from;
}

/* t <> u, asked of the rows of an expansion that leads to t: that its relationship is not the one that leads to u goes without saying. */
static sb_status drop_implied(sb_planner *p, const sb_plan *filter)
{
    const sb_expr *const *nodes = (const sb_expr *const *)filter->as.filter.predicate->args;
    sb_plan *below = filter->input;
    const sb_plan_expand **binders;
    const sb_var **left;
    uint32_t count = 0;

    while (below->kind == SB_PLAN_FILTER && sb_plan__is_difference(below->as.filter.predicate))
        below = below->input;
    sb_plan_expand *const e = &below->as.expand;
    if (below->kind != SB_PLAN_EXPAND || e->unlike_count == 0 || e->to_bound ||
        (nodes[0]->var != e->to && nodes[1]->var != e->to))
        return SB_OK;
    const sb_var *other = nodes[nodes[0]->var == e->to]->var;
    SB_TRY(find_binders(p, below->input, e, &binders));
    SB_TRY(sb_plan__alloc(p, e->unlike_count, sizeof *left, &left));
    for (uint32_t i = 0; i < e->unlike_count; i++)
        if (same_end(e, binders[i]) != other) left[count++] = e->unlike[i];
    e->unlike = left;
    e->unlike_count = count;
    return SB_OK;
}

/* ---- Rows in the order of nodes ---------------------------------------------------------------------------------------- */

/* More nodes than this for each relationship: most of their lists would be looked up in vain. */
#define NODES_PER_REL 4

/* The scan that gives the rows of an intersection, whatever is asked of them on the way. */
static sb_plan **scan_below(sb_plan *plan)
{
    sb_plan **at = &plan->input;

    while (*at != NULL && (*at)->kind == SB_PLAN_FILTER)
        at = &(*at)->input;
    return *at != NULL && (*at)->kind == SB_PLAN_REL_SCAN && begins(*at) ? at : NULL;
}

/* Relationships in order of id come to another node with each row, and an intersection holds the list of one: those of one node are
 * made to follow each other, by expanding all nodes. */
static sb_status scan_by_nodes(sb_planner *p, sb_plan *intersect)
{
    sb_plan **const at = scan_below(intersect), *nodes, *expand;
    double node_count;

    if (at == NULL) return SB_OK;
    const sb_plan_expand *const scan = &(*at)->as.expand;
    const sb_var *held = intersect->as.intersect.sides[0].from;
    if (held != scan->from && held != scan->to) held = intersect->as.intersect.sides[1].from;
    SB_TRY(sb_plan__estimate_nodes(p, NULL, &node_count));
    if (scan->direction == SB_REL_EITHER || scan->from == scan->to ||
        (held != scan->from && held != scan->to) || (*at)->rows * NODES_PER_REL < node_count)
        return SB_OK;
    SB_TRY(sb_plan__new(p, SB_PLAN_ALL_NODES, (*at)->input, &nodes));
    nodes->as.scan.node = held;
    nodes->rows = nodes->cost = node_count;
    SB_TRY(sb_plan__new(p, SB_PLAN_EXPAND, nodes, &expand));
    expand->as.expand = *scan;
    expand->rows = (*at)->rows;
    expand->cost = (*at)->cost;
    if (held == scan->to) {
        expand->as.expand.from = scan->to;
        expand->as.expand.to = scan->from;
        expand->as.expand.direction = scan->direction == SB_REL_OUT ? SB_REL_IN : SB_REL_OUT;
    }
    *at = expand;
    return SB_OK;
}

sb_status sb_plan__special(sb_planner *p, sb_plan **plan)
{
    for (sb_plan **at = plan; *at != NULL; at = &(*at)->input) {
        if ((*at)->inner != NULL) SB_TRY(sb_plan__special(p, &(*at)->inner));
        if ((*at)->kind == SB_PLAN_SEMI_APPLY) ask_lists(*at);
        if ((*at)->kind == SB_PLAN_AGGREGATE) SB_TRY(count_from_statistics(p, at));
        if ((*at)->kind == SB_PLAN_AGGREGATE) SB_TRY(sb_plan__factor(p, *at));
        if ((*at)->kind == SB_PLAN_AGGREGATE) group_scanned(p, *at);
        if ((*at)->kind == SB_PLAN_AGGREGATE) SB_TRY(count_by_lengths(p, *at));
        if ((*at)->kind == SB_PLAN_INTERSECT) SB_TRY(scan_by_nodes(p, *at));
        if ((*at)->kind == SB_PLAN_INTERSECT) SB_TRY(find_between(p, *at));
        if ((*at)->kind == SB_PLAN_FILTER && sb_plan__is_difference((*at)->as.filter.predicate))
            SB_TRY(drop_implied(p, *at));
        if ((*at)->kind == SB_PLAN_EXPAND) SB_TRY(find_own(p, (*at)->input, &(*at)->as.expand));
        for (unsigned s = 0; s < 2 && (*at)->kind == SB_PLAN_INTERSECT; s++)
            SB_TRY(find_own(p, (*at)->input, &(*at)->as.intersect.sides[s]));
    }
    return SB_OK;
}

/* ---- Reachability ------------------------------------------------------------------------------------------------------------- */

/* Does it drop duplicates of its input's rows, as far as its own rows can tell? */
static bool drops_duplicates(const sb_plan *plan)
{
    if (plan->kind == SB_PLAN_DISTINCT) return true;
    if (plan->kind != SB_PLAN_AGGREGATE) return false;
    for (uint32_t i = 0; i < plan->as.aggregate.aggregate_count; i++) {
        const char *name = plan->as.aggregate.aggregates[i].function->name;

        if (!plan->as.aggregate.aggregates[i].distinct && strcmp(name, "min") != 0 &&
            strcmp(name, "max") != 0)
            return false;
    }
    return true;
}

/* One row out for each row in, or none, or several, whatever rows came before. */
bool sb_plan__is_row_wise(const sb_plan *plan)
{
    return plan->kind == SB_PLAN_FILTER || plan->kind == SB_PLAN_PROJECT ||
           plan->kind == SB_PLAN_EXPAND || plan->kind == SB_PLAN_EXPAND_INTO ||
           plan->kind == SB_PLAN_INTERSECT || plan->kind == SB_PLAN_SEMI_APPLY ||
           plan->kind == SB_PLAN_RELATED || plan->kind == SB_PLAN_VAR_EXPAND;
}

bool sb_plan__is_live(const sb_plan *plan, const sb_var *var)
{
    return var != NULL && sb_plan_live_place(plan, var->slot) != UINT32_MAX;
}

/* In sub-queries of an expression: of one that asks whether there is a row, it matters no more how many there are. */
static sb_status reach_in_expr(void *ctx, sb_expr *e)
{
    if (e == NULL) return SB_OK;
    const bool asks = e->kind == SB_EXPR_EXISTS || e->kind == SB_EXPR_PATTERN;
    if (e->plan != NULL) return sb_plan__reach_only(e->plan, asks, asks);
    for (uint32_t i = 0; i < e->arg_count; i++)
        SB_TRY(reach_in_expr(ctx, e->args[i]));
    return SB_OK;
}

static sb_status note_volatile(void *ctx, sb_expr *e)
{
    bool *any = ctx;

    *any = *any || (e != NULL && sb_plan__expr_volatile(e));
    return SB_OK;
}

/* Does it, or a plan within, compute something that differs from call to call? */
static bool is_volatile(const sb_plan *plan)
{
    bool any = false;

    if (sb_plan__each_expr(plan, note_volatile, &any) != SB_OK) return true;
    for (const sb_plan *in = plan->inner; in != NULL && !any; in = in->input)
        any = is_volatile(in);
    return any;
}

/* Do equal rows of the input give equal rows, whatever rows came before? Then duplicates that are dropped above may be dropped below. */
static bool passes_duplicates(const sb_plan *plan)
{
    if (is_volatile(plan)) return false;
    switch ((int)plan->kind) {
    case SB_PLAN_ALL_NODES:
    case SB_PLAN_LABEL_SCAN:
    case SB_PLAN_NODE_BY_ID:
    case SB_PLAN_INDEX_SEEK:
    case SB_PLAN_REL_SCAN:
    case SB_PLAN_QUANTIFIED:
    case SB_PLAN_SHORTEST:
    case SB_PLAN_PATH:
    case SB_PLAN_UNWIND:
    case SB_PLAN_UNWIND_RANGE:
    case SB_PLAN_SORT:
    case SB_PLAN_HASH_JOIN:
    case SB_PLAN_PRODUCT:
    case SB_PLAN_UNION:
    case SB_PLAN_RESULT: return true;
    case SB_PLAN_APPLY:
    case SB_PLAN_OPTIONAL_APPLY: return !sb_plan_writes(plan->inner); /* for each row */
    default: return sb_plan__is_row_wise(plan);
    }
}

/* Does a VAR_EXPAND end where a search breadth first does? The walk to a node that repeats no other is a trail, and so is a directed one that closes at its
 * start. Undirected, going back over the first relationship closes a walk that is no trail, of which the search takes care (exec/op_var_expand.c).
 * One step leads to hardly an end twice: its list is sooner read than searched. */
static bool may_reach_only(const sb_plan *plan)
{
    return plan->kind == SB_PLAN_VAR_EXPAND && plan->as.expand.max > 1 &&
           plan->as.expand.min <= 1 && !sb_plan__is_live(plan, plan->as.expand.rel) &&
           !is_volatile(plan);
}

/* The same of a repeated part, where the shortest ways are trails: one of them to each end is enough. */
static bool may_reach_shortest(const sb_plan *plan)
{
    if (plan->kind != SB_PLAN_QUANTIFIED || plan->as.quantified.selector != SB_PATHS_ALL ||
        !plan->as.quantified.cuts_short || plan->as.quantified.pattern->max == 1)
        return false;
    for (uint32_t g = 0; g < plan->as.quantified.pattern->group_count; g++)
        if (sb_plan__is_live(plan, plan->as.quantified.pattern->groups[g].outer)) return false;
    return !is_volatile(plan);
}

/* Does it hand on its first rows without having read the last ones? */
static bool passes_first(const sb_plan *plan)
{
    return plan->kind == SB_PLAN_RESULT || plan->kind == SB_PLAN_LIMIT ||
           plan->kind == SB_PLAN_SKIP || plan->kind == SB_PLAN_DISTINCT ||
           sb_plan__is_row_wise(plan);
}

/* Paths that nobody reads, of which nobody counts how many there are: each end once is enough. */
sb_status sb_plan__reach_only(sb_plan *root, bool dropped, bool first)
{
    bool few = false; /* a LIMIT is above, and all between passes_first */

    for (sb_plan *plan = root; plan != NULL; plan = plan->input) {
        const bool asks = plan->kind == SB_PLAN_SEMI_APPLY,
                   keeps = plan->kind == SB_PLAN_HASH_JOIN || plan->kind == SB_PLAN_PRODUCT;
        const bool inner_dropped =
            dropped && plan->kind != SB_PLAN_QUANTIFIED && passes_duplicates(plan);

        /* What is read as a whole is not read for its first row. */
        if (plan->inner != NULL)
            SB_TRY(sb_plan__reach_only(plan->inner, asks || inner_dropped,
                                       asks || (first && inner_dropped && !keeps)));
        SB_TRY(sb_plan__each_expr(plan, reach_in_expr, NULL));
        if (dropped && may_reach_only(plan)) {
            plan->as.expand.reach_only = true;
            plan->as.expand.first_only = first;
        }
        if (dropped && may_reach_shortest(plan)) plan->as.quantified.selector = SB_PATHS_SHORTEST;
        if (drops_duplicates(plan) && !is_volatile(plan)) {
            dropped = true;
            first = few && plan->kind == SB_PLAN_DISTINCT;
        } else if (!passes_duplicates(plan)) {
            dropped = first = false;
        } else if (plan->kind == SB_PLAN_SORT) {
            first = false;
        }
        few = passes_first(plan) && (few || plan->kind == SB_PLAN_LIMIT);
    }
    return SB_OK;
}
