/* order.c — in which order a pattern is matched.
 * A state is a plan so far with what it has bound, which edges and predicates it has dealt with. From a state one goes on by expanding an
 * edge from a bound end, by closing an edge whose ends are both bound, or by finding a new node or relationship. For up to
 * EXHAUSTIVE_EDGES edges all orders are looked at by dynamic programming over the sets of edges dealt with (Selinger et al., 1979, with
 * left-deep plans); beyond, each step takes the candidate that costs least.
 * Parts of a pattern that are not connected with each other are planned by themselves, and joined: by hash where an equality
 * of both is asked for, else as a product. */
#include "cypher/plan/plan_priv.h"

#include <string.h>

#define EXHAUSTIVE_EDGES 8u
#define KEY_BITS         64u /* nodes and edges that a state's key may have */

/* Costs for each row, in the unit of one row scanned. */
#define COST_EXPAND 1.5 /* finding a list */
#define COST_INTO   3.0 /* finding a place in a list */
#define COST_FILTER 0.3
#define CHEAP_START 8.0 /* rows: a second beginning of a part may cost this much for each row */
#define COST_HASH   2.0 /* one row into a hash table, or one probe */

typedef struct state {
    sb_plan *plan;
    sb_slot_set bound;
    bool *edge_done;      /* edge_count */
    bool *labels_done;    /* node_count: the labels of a node are checked */
    bool *predicate_done; /* predicate_count */
    uint32_t edges_done;
} state;

typedef struct search {
    sb_planner *p;
    sb_pattern_graph *graph;
    /* the part of the graph that is planned now */
    const bool *edge_in, *node_in;
} search;

static sb_status copy_state(search *s, const state *from, state *to)
{
    sb_planner *p = s->p;
    const sb_pattern_graph *g = s->graph;

    *to = *from;
    SB_TRY(sb_plan__set_copy(p, &from->bound, &to->bound));
    SB_TRY(sb_plan__alloc(p, g->edge_count + g->node_count + g->predicate_count + 1, sizeof(bool),
                          &to->edge_done));
    to->labels_done = to->edge_done + g->edge_count;
    to->predicate_done = to->labels_done + g->node_count;
    if (from->edge_done == NULL) return SB_OK;
    memcpy(to->edge_done, from->edge_done, g->edge_count);
    memcpy(to->labels_done, from->labels_done, g->node_count);
    memcpy(to->predicate_done, from->predicate_done, g->predicate_count);
    return SB_OK;
}

static uint32_t node_index(const sb_pattern_graph *graph, const sb_var *var)
{
    for (uint32_t i = 0; i < graph->node_count; i++)
        if (graph->nodes[i].var == var) return i;
    return UINT32_MAX;
}

static const sb_label_expr *labels_of(const sb_pattern_graph *graph, const sb_var *var)
{
    const uint32_t i = node_index(graph, var);
    return i == UINT32_MAX ? NULL : graph->nodes[i].labels;
}

static bool is_bound(const state *st, const sb_var *var)
{
    return sb_plan__set_has(&st->bound, var->slot);
}

/* ---- Predicates ------------------------------------------------------------------------------------------------------ */

/* Labels that most nodes have leave out little, and cost a look at each node: where an edge between the node and another bound one is still to be
 * looked up (but for `skipped`, which is at work), they are checked behind it. */
#define COMMON_LABELS 0.9

static sb_status labels_wait(search *s, const state *st, uint32_t node, uint32_t skipped,
                             bool *wait)
{
    const sb_var *var = s->graph->nodes[node].var;
    double all;
    double with;

    *wait = false;
    for (uint32_t i = 0; i < s->graph->edge_count && !*wait; i++) {
        const sb_pattern_edge *e = &s->graph->edges[i];

        if (i == skipped || st->edge_done[i] || e->rel == NULL || e->rel->variable ||
            e->shortest != NULL || e->from == e->to)
            continue;
        *wait = (e->from == var && is_bound(st, e->to)) || (e->to == var && is_bound(st, e->from));
    }
    if (!*wait) return SB_OK;
    SB_TRY(sb_plan__estimate_nodes(s->p, NULL, &all));
    SB_TRY(sb_plan__estimate_nodes(s->p, s->graph->nodes[node].labels, &with));
    *wait = with >= COMMON_LABELS * all;
    return SB_OK;
}

/* Put what can be checked now on top of the plan. */
static sb_status apply_predicates(search *s, state *st)
{
    sb_planner *p = s->p;
    sb_pattern_graph *g = s->graph;

    for (uint32_t i = 0; i < g->node_count; i++) {
        sb_expr *labels;
        double all;
        double with;
        bool wait;

        if (st->labels_done[i] || g->nodes[i].labels == NULL || !is_bound(st, g->nodes[i].var))
            continue;
        SB_TRY(labels_wait(s, st, i, UINT32_MAX, &wait));
        if (wait) continue;
        SB_TRY(sb_plan__expr_labels(p, g->nodes[i].var, g->nodes[i].labels, &labels));
        SB_TRY(sb_plan__filter(p, st->plan, labels, &st->bound, &st->plan));
        SB_TRY(sb_plan__estimate_nodes(p, NULL, &all));
        SB_TRY(sb_plan__estimate_nodes(p, g->nodes[i].labels, &with));
        st->plan->rows = st->plan->input->rows * with / all;
        st->labels_done[i] = true;
    }
    for (uint32_t i = 0; i < g->predicate_count; i++) {
        if (st->predicate_done[i] || !sb_plan__set_within(&g->predicates[i].needs, &st->bound))
            continue;
        SB_TRY(sb_plan__filter(p, st->plan, g->predicates[i].expr, &st->bound, &st->plan));
        st->predicate_done[i] = true;
    }
    return SB_OK;
}

/* ---- Finding something new ----------------------------------------------------------------------------------------------- */

/* Run an access for each row of the state's plan. */
static void put_access(state *st, sb_plan *access, uint64_t consumed, uint32_t predicate_count)
{
    access->input = st->plan;
    access->cost = st->plan->cost + st->plan->rows * access->cost;
    access->rows *= st->plan->rows;
    st->plan = access;
    for (uint32_t i = 0; i < predicate_count && i < 64; i++)
        if ((consumed >> i & 1) != 0) st->predicate_done[i] = true;
}

static sb_status find_node(search *s, const state *from, uint32_t node, state *to)
{
    const sb_pattern_node *pattern = &s->graph->nodes[node];
    sb_plan *access;
    uint64_t consumed;

    SB_TRY(copy_state(s, from, to));
    SB_TRY(sb_plan__access_node(s->p, s->graph, pattern, &from->bound, &access, &consumed));
    put_access(to, access, consumed, s->graph->predicate_count);
    SB_TRY(sb_plan__set_add(s->p, &to->bound, pattern->var->slot));
    /* A label that the access itself is about need not be checked again. */
    if ((access->kind == SB_PLAN_LABEL_SCAN || access->kind == SB_PLAN_INDEX_SEEK) &&
        pattern->labels != NULL && pattern->labels->op == SB_LABEL_NAME)
        to->labels_done[node] = true;
    return apply_predicates(s, to);
}

static void mark_edge(state *st, uint32_t edge)
{
    st->edge_done[edge] = true;
    st->edges_done++;
}

/* Names of a choice of types, at most TYPES_COMPARED; false: more than that, or an expression. */
#define TYPES_COMPARED 8u
static bool type_choice(const sb_label_expr *types, sb_bytes *names, uint32_t *count)
{
    *count = 0;
    for (const sb_label_expr *e = types; e != NULL; e = e->op == SB_LABEL_OR ? e->left : NULL) {
        const sb_label_expr *name = e->op == SB_LABEL_OR ? e->right : e;

        if (name->op != SB_LABEL_NAME || *count == TYPES_COMPARED) return false;
        names[(*count)++] = name->name;
    }
    return *count != 0;
}

/* Can no relationship match both edges, because they have no type in common? */
static bool types_disjoint(const sb_rel_pattern *a, const sb_rel_pattern *b)
{
    sb_bytes left[TYPES_COMPARED];
    sb_bytes right[TYPES_COMPARED];
    uint32_t left_count;
    uint32_t right_count;

    if (a == NULL || b == NULL || !type_choice(a->types, left, &left_count) ||
        !type_choice(b->types, right, &right_count))
        return false;
    for (uint32_t i = 0; i < left_count; i++)
        for (uint32_t k = 0; k < right_count; k++)
            if (sb_bytes_equal(left[i], right[k])) return false;
    return true;
}

/* Relationship variables of the clause that are bound already: a new one must be another. */
static sb_status set_unlike(search *s, const state *st, uint32_t edge, const sb_var ***unlike,
                            uint32_t *count)
{
    const sb_pattern_graph *g = s->graph;

    *count = 0;
    *unlike = NULL;
    if (g->edges[edge].shortest != NULL || g->repeatable) return SB_OK;
    SB_TRY(sb_plan__alloc(s->p, g->edge_count + g->edge_count, sizeof **unlike, unlike));
    for (uint32_t i = 0; i < g->edge_count; i++) {
        if (i == edge || !st->edge_done[i] || g->edges[i].shortest != NULL) continue;
        if (types_disjoint(g->edges[i].rel, g->edges[edge].rel)) continue;
        if (g->edges[i].var != NULL) {
            (*unlike)[(*count)++] = g->edges[i].var;
            continue;
        }
        const sb_quantified *q = g->edges[i].quantified;
        for (uint32_t k = 0; k < q->group_count && *count < 2 * g->edge_count; k++)
            if ((q->groups[k].inner->kinds & SB_KIND_REL) != 0)
                (*unlike)[(*count)++] = q->groups[k].outer;
    }
    return SB_OK;
}

static sb_status bind_edge(search *s, state *st, uint32_t edge)
{
    const sb_pattern_edge *e = &s->graph->edges[edge];

    if (e->var != NULL) SB_TRY(sb_plan__set_add(s->p, &st->bound, e->var->slot));
    if (e->quantified != NULL)
        for (uint32_t k = 0; k < e->quantified->group_count; k++)
            SB_TRY(sb_plan__set_add(s->p, &st->bound, e->quantified->groups[k].outer->slot));
    SB_TRY(sb_plan__set_add(s->p, &st->bound, e->from->slot));
    SB_TRY(sb_plan__set_add(s->p, &st->bound, e->to->slot));
    if (e->shortest != NULL && e->shortest->var != NULL)
        SB_TRY(sb_plan__set_add(s->p, &st->bound, e->shortest->var->slot));
    mark_edge(st, edge);
    return SB_OK;
}

/* Types of a relationship as a predicate, where they are more than a choice of names. */
static sb_status check_types(search *s, state *st, const sb_pattern_edge *e)
{
    sb_expr *types;

    SB_TRY(sb_plan__expr_labels(s->p, e->var, e->rel->types, &types));
    return sb_plan__filter(s->p, st->plan, types, &st->bound, &st->plan);
}

static sb_status check_uniqueness(search *s, const state *before, state *st, uint32_t edge)
{
    const sb_var **unlike;
    uint32_t count;

    SB_TRY(set_unlike(s, before, edge, &unlike, &count));
    for (uint32_t i = 0; i < count; i++) {
        sb_expr *a;
        sb_expr *b;
        sb_expr *differ;

        SB_TRY(sb_plan__expr_var(s->p, s->graph->edges[edge].var, &a));
        SB_TRY(sb_plan__expr_var(s->p, unlike[i], &b));
        SB_TRY(sb_plan__expr_binary(
            s->p, (unlike[i]->kinds & SB_KIND_REL) != 0 ? SB_OP2_NE : SB_OP2_IN, a, b, &differ));
        if (differ->op == SB_OP2_IN) {
            sb_expr *inside = differ;

            SB_TRY(sb_plan__expr_not(s->p, inside, &differ));
        }
        SB_TRY(sb_plan__filter(s->p, st->plan, differ, &st->bound, &st->plan));
    }
    return SB_OK;
}

/* Give an end of an access to a relationship: the node itself, or a new variable that must be equal to a bound one. */
static sb_status fresh_end(search *s, const state *st, const sb_var *end, const sb_var **used,
                           sb_expr **equal)
{
    sb_var *other;
    sb_expr *a;
    sb_expr *b;

    *used = end;
    *equal = NULL;
    if (!is_bound(st, end)) return SB_OK;
    SB_TRY(sb_plan__var(s->p, SB_KIND_NODE, &other));
    *used = other;
    SB_TRY(sb_plan__expr_var(s->p, other, &a));
    SB_TRY(sb_plan__expr_var(s->p, end, &b));
    return sb_plan__expr_binary(s->p, SB_OP2_EQ, a, b, equal);
}

/* Go on with a relationship that has a value already (from an earlier clause), or that an index or a scan finds: its ends follow. */
static sb_status find_edge(search *s, const state *from, uint32_t edge, state *to, bool *possible)
{
    const sb_pattern_edge *e = &s->graph->edges[edge];
    const bool backward = e->rel != NULL && e->rel->direction == SB_REL_IN;
    sb_plan *access = NULL;
    uint64_t consumed = 0;
    sb_expr *equal[2] = {NULL, NULL};
    const sb_plan_name *types;
    uint32_t type_count;
    bool whole = true;

    *possible = false;
    if (e->rel == NULL || e->rel->variable || e->shortest != NULL) return SB_OK;
    SB_TRY(copy_state(s, from, to));
    if (e->var_bound) {
        const sb_var *start = backward ? e->to : e->from;
        const sb_var *end = backward ? e->from : e->to;

        SB_TRY(sb_plan__new(s->p, SB_PLAN_NODE_BY_ID, NULL, &access));
        access->as.by_id.node = e->var;
        access->as.by_id.on_rels = true;
        access->as.by_id.either = e->rel->direction == SB_REL_EITHER;
        access->as.by_id.bound = true;
        SB_TRY(fresh_end(s, from, start, &access->as.by_id.from, &equal[0]));
        if (start == end) {
            sb_var *other;
            sb_expr *a;
            sb_expr *b;

            SB_TRY(sb_plan__var(s->p, SB_KIND_NODE, &other));
            access->as.by_id.to = other;
            SB_TRY(sb_plan__expr_var(s->p, other, &a));
            SB_TRY(sb_plan__expr_var(s->p, end, &b));
            SB_TRY(sb_plan__expr_binary(s->p, SB_OP2_EQ, a, b, &equal[1]));
        } else {
            SB_TRY(fresh_end(s, from, end, &access->as.by_id.to, &equal[1]));
        }
        access->rows = 1;
        access->cost = 1.5;
    } else {
        if (is_bound(from, e->from) || is_bound(from, e->to)) return SB_OK;
        SB_TRY(sb_plan__access_edge(s->p, s->graph, e, &from->bound, &access, &consumed));
        if (access == NULL) return SB_OK;
    }
    *possible = true;
    put_access(to, access, consumed, s->graph->predicate_count);
    SB_TRY(bind_edge(s, to, edge));
    for (unsigned i = 0; i < 2; i++) {
        if (equal[i] == NULL) continue;
        sb_slot_set with;

        SB_TRY(sb_plan__set_copy(s->p, &to->bound, &with));
        SB_TRY(sb_plan__filter(s->p, to->plan, equal[i], &with, &to->plan));
    }
    SB_TRY(sb_plan__type_names(s->p, e->rel->types, &types, &type_count, &whole));
    /* A scan by types knows them; a relationship found otherwise must be asked. */
    if (e->rel->types != NULL && (!whole || access->kind == SB_PLAN_NODE_BY_ID))
        SB_TRY(check_types(s, to, e));
    SB_TRY(check_uniqueness(s, from, to, edge));
    return apply_predicates(s, to);
}

/* ---- Expanding --------------------------------------------------------------------------------------------------------------- */

/* Properties and WHERE of a variable-length relationship, for each step: on a variable of its own. */
static sb_status step_filter(search *s, const sb_rel_pattern *rel, sb_plan_expand *expand)
{
    sb_planner *p = s->p;
    sb_var *step;

    if (rel->props == NULL || rel->props->arg_count == 0) return SB_OK;
    SB_TRY(sb_plan__var(p, SB_KIND_REL, &step));
    expand->step_rel = step;
    for (uint32_t i = 0; i < rel->props->arg_count; i++) {
        sb_expr *property;
        sb_expr *equal;

        SB_TRY(sb_plan__expr_property(p, step, rel->props->keys[i], rel->props->args[i]->span,
                                      &property));
        SB_TRY(sb_plan__expr_binary(p, SB_OP2_EQ, property, rel->props->args[i], &equal));
        if (expand->filter == NULL)
            expand->filter = equal;
        else
            SB_TRY(sb_plan__expr_binary(p, SB_OP2_AND, expand->filter, equal, &expand->filter));
    }
    return SB_OK;
}

static sb_rel_direction turned(sb_rel_direction direction)
{
    return direction == SB_REL_OUT  ? SB_REL_IN
           : direction == SB_REL_IN ? SB_REL_OUT
                                    : SB_REL_EITHER;
}

/* Types, direction and what comes with them; forward: from the left end as written. */
static sb_status fill_expand(search *s, const state *from, uint32_t edge, bool forward,
                             sb_plan_expand *expand, bool *types_whole)
{
    const sb_pattern_edge *e = &s->graph->edges[edge];

    expand->from = forward ? e->from : e->to;
    expand->to = forward ? e->to : e->from;
    expand->rel = e->var;
    expand->direction = forward ? e->rel->direction : turned(e->rel->direction);
    expand->to_bound = is_bound(from, expand->to) || expand->from == expand->to;
    expand->min = e->rel->variable ? e->rel->min : 1;
    expand->max = e->rel->variable ? e->rel->max : 1;
    expand->reversed = !forward;
    expand->repeatable = s->graph->repeatable;
    SB_TRY(
        sb_plan__type_names(s->p, e->rel->types, &expand->types, &expand->type_count, types_whole));
    SB_TRY(set_unlike(s, from, edge, &expand->unlike, &expand->unlike_count));
    if (e->rel->variable) SB_TRY(step_filter(s, e->rel, expand));
    return SB_OK;
}

/* Estimated rows of an edge from each row of the state. */
static sb_status edge_rows(search *s, uint32_t edge, bool forward, bool into, double *rows)
{
    const sb_pattern_edge *e = &s->graph->edges[edge];
    const sb_label_expr *here = labels_of(s->graph, forward ? e->from : e->to);
    const sb_label_expr *there = labels_of(s->graph, forward ? e->to : e->from);
    double degree;
    double nodes;

    SB_TRY(sb_plan__estimate_degree(s->p, here, e->rel, forward, e->rel->variable ? NULL : there,
                                    &degree));
    SB_TRY(sb_plan__estimate_nodes(s->p, there, &nodes));
    if (e->rel->variable) {
        double reached = e->rel->min == 0 ? 1 : 0;
        double walks = 1;
        const uint32_t steps = e->rel->max > 6 ? 6 : e->rel->max;

        for (uint32_t i = 1; i <= steps; i++) {
            walks *= degree;
            if (i >= e->rel->min) reached += walks;
        }
        degree = reached;
    }
    *rows = into ? degree / nodes : degree;
    return SB_OK;
}

static sb_status expand_rel(search *s, const state *from, uint32_t edge, bool forward, state *to)
{
    const sb_pattern_edge *e = &s->graph->edges[edge];
    sb_plan_expand expand = {0};
    bool whole;
    double rows;
    sb_var *list = NULL;

    SB_TRY(copy_state(s, from, to));
    SB_TRY(fill_expand(s, from, edge, forward, &expand, &whole));
    const bool into = expand.to_bound && !e->rel->variable;
    sb_plan *plan;
    SB_TRY(sb_plan__new(s->p,
                        e->rel->variable ? SB_PLAN_VAR_EXPAND
                        : into           ? SB_PLAN_EXPAND_INTO
                                         : SB_PLAN_EXPAND,
                        to->plan, &plan));
    SB_TRY(edge_rows(s, edge, forward, expand.to_bound, &rows));
    if (e->var_bound) { /* a list of relationships that has a value: paths must be that one */
        SB_TRY(sb_plan__var(s->p, SB_KIND_LIST, &list));
        expand.rel = list;
    }
    const uint32_t target = node_index(s->graph, expand.to);
    bool wait = true;
    if (!expand.to_bound && target != UINT32_MAX && s->graph->nodes[target].labels != NULL)
        SB_TRY(labels_wait(s, to, target, edge, &wait));
    if (!wait) {
        expand.to_labels = s->graph->nodes[target].labels;
        to->labels_done[target] = true;
    }
    plan->as.expand = expand;
    plan->rows = to->plan->rows * rows;
    plan->cost = to->plan->cost + to->plan->rows * (into ? COST_INTO : COST_EXPAND) + plan->rows;
    if ((!expand.to_bound && sb_plan__hint_of(s->graph, expand.to) != NULL) ||
        sb_plan__hint_of(s->graph, e->var) != NULL)
        plan->cost += SB_PLAN_UNHINTED;
    to->plan = plan;
    SB_TRY(bind_edge(s, to, edge));
    if (list != NULL) {
        sb_expr *a;
        sb_expr *b;
        sb_expr *equal;

        SB_TRY(sb_plan__expr_var(s->p, list, &a));
        SB_TRY(sb_plan__expr_var(s->p, e->var, &b));
        SB_TRY(sb_plan__expr_binary(s->p, SB_OP2_EQ, a, b, &equal));
        SB_TRY(sb_plan__filter(s->p, to->plan, equal, &to->bound, &to->plan));
    }
    if (!whole && !e->rel->variable) SB_TRY(check_types(s, to, e));
    if (!whole && e->rel->variable)
        return sb_cypher_fail(
            s->p->err, s->p->text, e->rel->types->span, SB_CYPHER_UNEXPECTED_SYNTAX,
            "A variable-length relationship takes a choice of types (A|B), not an expression");
    return apply_predicates(s, to);
}

/* The inner plan of a quantified path pattern: one repetition from the end that is bound. */
static sb_status expand_quantified(search *s, const state *from, uint32_t edge, bool forward,
                                   state *to)
{
    const sb_pattern_edge *e = &s->graph->edges[edge];
    sb_quantified *q = e->quantified;
    sb_pattern_part *part = q->part;
    sb_var *const inner_from = part->start->var;
    sb_var *const inner_to = part->steps[part->step_count - 1].node->var;
    sb_pattern inner_pattern = {
        .parts = &part, .part_count = 1, .repeatable = s->graph->repeatable};
    sb_slot_set inner_bound;
    sb_plan *plan;
    sb_plan *inner;

    SB_TRY(copy_state(s, from, to));
    SB_TRY(sb_plan__new(s->p, SB_PLAN_QUANTIFIED, to->plan, &plan));
    SB_TRY(sb_plan__set_copy(s->p, &from->bound, &inner_bound));
    SB_TRY(sb_plan__set_add(s->p, &inner_bound, (forward ? inner_from : inner_to)->slot));
    SB_TRY(sb_plan__argument(s->p, 1, &inner));
    SB_TRY(sb_plan__match(s->p, &inner_pattern, q->where, inner, &inner_bound, &inner));
    plan->inner = inner;
    plan->as.quantified.pattern = q;
    plan->as.quantified.from = forward ? e->from : e->to;
    plan->as.quantified.to = forward ? e->to : e->from;
    plan->as.quantified.inner_from = forward ? inner_from : inner_to;
    plan->as.quantified.inner_to = forward ? inner_to : inner_from;
    plan->as.quantified.to_bound = is_bound(from, plan->as.quantified.to) || e->from == e->to;
    plan->as.quantified.reversed = !forward;
    plan->as.quantified.repeatable = s->graph->repeatable;
    SB_TRY(
        set_unlike(s, from, edge, &plan->as.quantified.unlike, &plan->as.quantified.unlike_count));
    if (e->shortest != NULL) {
        plan->as.quantified.selector = e->shortest->selector;
        plan->as.quantified.selector_count = e->shortest->selector_count;
        plan->as.quantified.path = e->shortest->var;
    }
    plan->rows = to->plan->rows * 10;
    plan->cost = to->plan->cost + plan->rows * (inner->cost + 1);
    to->plan = plan;
    SB_TRY(bind_edge(s, to, edge));
    return apply_predicates(s, to);
}

/* Predicates about the path or its relationships are part of what shortestPath() looks for; what comes with a GQL selector is
 * checked afterwards. */
static sb_status path_filter(search *s, state *to, const sb_pattern_edge *e, sb_expr **filter)
{
    sb_pattern_graph *g = s->graph;
    sb_slot_set with;

    *filter = NULL;
    if (!e->shortest->selector_is_function) return SB_OK;
    SB_TRY(sb_plan__set_copy(s->p, &to->bound, &with));
    if (e->var != NULL) SB_TRY(sb_plan__set_add(s->p, &with, e->var->slot));
    if (e->shortest->var != NULL) SB_TRY(sb_plan__set_add(s->p, &with, e->shortest->var->slot));
    for (uint32_t i = 0; i < g->predicate_count; i++) {
        if (to->predicate_done[i] || !sb_plan__set_within(&g->predicates[i].needs, &with)) continue;
        if (sb_plan__set_within(&g->predicates[i].needs, &to->bound)) continue;
        SB_TRY(sb_plan__expr(s->p, g->predicates[i].expr, &with));
        if (*filter == NULL)
            *filter = g->predicates[i].expr;
        else
            SB_TRY(sb_plan__expr_binary(s->p, SB_OP2_AND, *filter, g->predicates[i].expr, filter));
        to->predicate_done[i] = true;
    }
    return SB_OK;
}

static sb_status expand_shortest(search *s, const state *from, uint32_t edge, state *to)
{
    const sb_pattern_edge *e = &s->graph->edges[edge];
    sb_plan *plan;
    bool whole;

    if (e->shortest->step_count != 1)
        return sb_cypher_fail(
            s->p->err, s->p->text, e->shortest->span, SB_CYPHER_UNEXPECTED_SYNTAX,
            "A path selector takes a pattern of one relationship or one quantified part");
    SB_TRY(copy_state(s, from, to));
    SB_TRY(sb_plan__new(s->p, SB_PLAN_SHORTEST, to->plan, &plan));
    SB_TRY(fill_expand(s, from, edge, true, &plan->as.expand, &whole));
    if (!whole)
        return sb_cypher_fail(s->p->err, s->p->text, e->rel->types->span,
                              SB_CYPHER_UNEXPECTED_SYNTAX,
                              "A shortest path takes a choice of types (A|B), not an expression");
    plan->as.expand.selector = e->shortest->selector;
    plan->as.expand.selector_count = e->shortest->selector_count;
    plan->as.expand.path = e->shortest->var;
    SB_TRY(path_filter(s, to, e, &plan->as.expand.path_filter));
    plan->cost = to->plan->cost + to->plan->rows * 1000;
    to->plan = plan;
    SB_TRY(bind_edge(s, to, edge));
    return apply_predicates(s, to);
}

/* ---- Candidates ------------------------------------------------------------------------------------------------------------------ */

typedef sb_status (*candidate_fn)(void *ctx, const state *candidate);

/* Every way to go on with an edge whose beginning, or both ends, are bound. */
static sb_status try_edge(search *s, const state *from, uint32_t edge, candidate_fn visit,
                          void *ctx)
{
    const sb_pattern_edge *e = &s->graph->edges[edge];
    const bool left = is_bound(from, e->from);
    const bool right = is_bound(from, e->to);
    state to;
    bool possible;

    if (e->var_bound && !e->rel->variable) {
        SB_TRY(find_edge(s, from, edge, &to, &possible));
        return possible ? visit(ctx, &to) : SB_OK;
    }
    if (e->shortest != NULL && e->rel != NULL) {
        if (!left || !right) return SB_OK;
        SB_TRY(expand_shortest(s, from, edge, &to));
        return visit(ctx, &to);
    }
    for (unsigned side = 0; side < 2; side++) {
        const bool forward = side == 0;

        if (!(forward ? left : right)) continue;
        if (e->rel == NULL)
            SB_TRY(expand_quantified(s, from, edge, forward, &to));
        else
            SB_TRY(expand_rel(s, from, edge, forward, &to));
        SB_TRY(visit(ctx, &to));
        if (left && right && e->from == e->to) break;
    }
    return SB_OK;
}

/* Something to begin with where nothing is bound; cheap: only what an index or an id gives a few of. */
static sb_status try_starts(search *s, const state *from, bool cheap, candidate_fn visit, void *ctx)
{
    const sb_pattern_graph *g = s->graph;

    for (uint32_t i = 0; i < g->node_count; i++) {
        state to;

        if (!s->node_in[i] || is_bound(from, g->nodes[i].var)) continue;
        SB_TRY(find_node(s, from, i, &to));
        if (cheap && to.plan->cost > from->plan->cost + CHEAP_START * (1 + from->plan->rows))
            continue;
        SB_TRY(visit(ctx, &to));
        if (s->p->options.no_reorder) break;
    }
    for (uint32_t i = 0; i < g->edge_count && !cheap && !s->p->options.no_reorder; i++) {
        state to;
        bool possible;

        if (!s->edge_in[i] || from->edge_done[i]) continue;
        SB_TRY(find_edge(s, from, i, &to, &possible));
        if (possible) SB_TRY(visit(ctx, &to));
    }
    return SB_OK;
}

/* All nodes of the part bound, all edges done? */
static bool is_whole(const search *s, const state *st)
{
    for (uint32_t i = 0; i < s->graph->edge_count; i++)
        if (s->edge_in[i] && !st->edge_done[i]) return false;
    for (uint32_t i = 0; i < s->graph->node_count; i++)
        if (s->node_in[i] && !is_bound(st, s->graph->nodes[i].var)) return false;
    return true;
}

static sb_status each_candidate(search *s, const state *from, candidate_fn visit, void *ctx)
{
    const sb_pattern_graph *g = s->graph;
    bool starts = true;

    for (uint32_t i = 0; i < g->edge_count; i++) {
        const sb_pattern_edge *e = &g->edges[i];

        if (!s->edge_in[i] || from->edge_done[i]) continue;
        const bool ready = is_bound(from, e->from) || is_bound(from, e->to) || e->var_bound;
        const bool both = is_bound(from, e->from) && is_bound(from, e->to);
        if (ready && (both || e->shortest == NULL || e->rel == NULL)) {
            SB_TRY(try_edge(s, from, i, visit, ctx));
            starts = false;
            if (s->p->options.no_reorder) return SB_OK;
        }
    }
    return try_starts(s, from, !starts, visit, ctx);
}

/* ---- Search --------------------------------------------------------------------------------------------------------------------------- */

typedef struct best {
    search *s;
    state state;
    bool any;
    uint64_t random;
    uint32_t seen;
} best;

/* Keep the cheapest; with shuffle_seed, any. */
static sb_status keep_best(void *ctx, const state *candidate)
{
    best *b = ctx;

    b->seen++;
    if (b->s->p->options.shuffle_seed != 0) {
        b->random = b->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        if (b->any && (b->random >> 33) % b->seen != 0) return SB_OK;
    } else if (b->any && b->state.plan->cost + b->state.plan->rows <=
                             candidate->plan->cost + candidate->plan->rows) {
        return SB_OK;
    }
    b->state = *candidate;
    b->any = true;
    return SB_OK;
}

static sb_status search_greedily(search *s, state *st)
{
    while (!is_whole(s, st)) {
        best b = {.s = s, .random = s->p->random};

        SB_TRY(each_candidate(s, st, keep_best, &b));
        s->p->random = b.random;
        if (SB_NEVER(!b.any)) return SB_FAIL(s->p->err, SB_MISUSE, "a pattern has no order");
        *st = b.state;
    }
    return SB_OK;
}

/* States by what they have dealt with: bits of edges, then of nodes. Open addressing over the keys. */
typedef struct table {
    search *s;
    state *states;
    uint64_t *keys;   /* of states */
    uint32_t *places; /* index + 1 into states, 0: free; place_count of them, a power of two */
    uint32_t count, capacity, place_count;
} table;

static uint64_t key_of(const search *s, const state *st)
{
    const sb_pattern_graph *g = s->graph;
    uint64_t key = 0;

    for (uint32_t i = 0; i < g->edge_count; i++)
        if (st->edge_done[i]) key |= UINT64_C(1) << i;
    for (uint32_t i = 0; i < g->node_count; i++)
        if (is_bound(st, g->nodes[i].var)) key |= UINT64_C(1) << (g->edge_count + i);
    return key;
}

static uint32_t *place_of(const table *t, uint64_t key)
{
    uint32_t at = (uint32_t)sb_hash_u64(key) & (t->place_count - 1);

    while (t->places[at] != 0 && t->keys[t->places[at] - 1] != key)
        at = (at + 1) & (t->place_count - 1);
    return &t->places[at];
}

static sb_status grow_table(table *t)
{
    sb_planner *p = t->s->p;
    const uint32_t grown = t->capacity == 0 ? 32 : t->capacity * 2;
    state *states;
    uint64_t *keys;

    SB_TRY(sb_plan__alloc(p, grown, sizeof *states, &states));
    SB_TRY(sb_plan__alloc(p, grown, sizeof *keys, &keys));
    SB_TRY(sb_plan__alloc(p, 2 * (size_t)grown, sizeof *t->places, &t->places));
    if (t->count != 0) {
        memcpy(states, t->states, t->count * sizeof *states);
        memcpy(keys, t->keys, t->count * sizeof *keys);
    }
    t->states = states;
    t->keys = keys;
    t->capacity = grown;
    t->place_count = 2 * grown;
    for (uint32_t i = 0; i < t->count; i++)
        *place_of(t, keys[i]) = i + 1;
    return SB_OK;
}

static sb_status keep_in_table(void *ctx, const state *candidate)
{
    table *t = ctx;
    const uint64_t key = key_of(t->s, candidate);

    if (t->count == t->capacity) SB_TRY(grow_table(t));
    uint32_t *const place = place_of(t, key);
    if (*place == 0) {
        t->keys[t->count] = key;
        t->states[t->count++] = *candidate;
        *place = t->count;
    } else if (t->states[*place - 1].plan->cost > candidate->plan->cost) {
        t->states[*place - 1] = *candidate;
    }
    return SB_OK;
}

/* Level by level: every way to go on from every state of the last level. A step deals with one edge or binds one node, so a state never
 * meets one of an earlier level again. */
static sb_status search_exhaustively(search *s, state *st)
{
    table level = {.s = s};
    best whole = {.s = s};

    SB_TRY(keep_in_table(&level, st));
    while (level.count != 0) {
        table next = {.s = s};

        for (uint32_t i = 0; i < level.count; i++) {
            if (is_whole(s, &level.states[i]))
                SB_TRY(keep_best(&whole, &level.states[i]));
            else
                SB_TRY(each_candidate(s, &level.states[i], keep_in_table, &next));
        }
        level = next;
    }
    if (SB_NEVER(!whole.any)) return SB_FAIL(s->p->err, SB_MISUSE, "a pattern has no order");
    *st = whole.state;
    return SB_OK;
}

static sb_status search_part(search *s, state *st)
{
    uint32_t edges = 0;

    for (uint32_t i = 0; i < s->graph->edge_count; i++)
        edges += s->edge_in[i] && !st->edge_done[i];
    if (edges > EXHAUSTIVE_EDGES || s->graph->edge_count + s->graph->node_count > KEY_BITS ||
        s->p->options.no_reorder || s->p->options.shuffle_seed != 0)
        return search_greedily(s, st);
    return search_exhaustively(s, st);
}

/* ---- Parts that are not connected ----------------------------------------------------------------------------------------------------- */

/* Number the connected parts of the graph from 1; all that touches what is bound already is part 0. */
static sb_status number_parts(sb_planner *p, const sb_pattern_graph *g, const sb_slot_set *bound,
                              uint32_t **node_part, uint32_t *part_count)
{
    bool changed = true;

    SB_TRY(sb_plan__alloc(p, g->node_count + 1, sizeof **node_part, node_part));
    for (uint32_t i = 0; i < g->node_count; i++)
        (*node_part)[i] = sb_plan__set_has(bound, g->nodes[i].var->slot) ? 0 : i + 1;
    while (changed) { /* labels sink to the least of each part */
        changed = false;
        for (uint32_t e = 0; e < g->edge_count; e++) {
            uint32_t *const a = &(*node_part)[node_index(g, g->edges[e].from)];
            uint32_t *const b = &(*node_part)[node_index(g, g->edges[e].to)];
            const uint32_t least = g->edges[e].var_bound ? 0 : *a < *b ? *a : *b;

            if (*a == least && *b == least) continue;
            *a = *b = least;
            changed = true;
        }
    }
    *part_count = 1;
    for (uint32_t i = 0; i < g->node_count; i++)
        if ((*node_part)[i] == i + 1) (*part_count)++;
    return SB_OK;
}

/* An equality between a value of the part and one of what is planned already: what a hash join needs. */
static sb_status find_join_keys(search *s, const state *st, const sb_slot_set *own,
                                sb_expr **outer_key, sb_expr **inner_key, uint32_t *predicate)
{
    const sb_pattern_graph *g = s->graph;

    *predicate = UINT32_MAX;
    for (uint32_t i = 0; i < g->predicate_count; i++) {
        sb_expr *const e = g->predicates[i].expr;

        if (st->predicate_done[i] || e->kind != SB_EXPR_BINARY || e->op != SB_OP2_EQ) continue;
        for (unsigned side = 0; side < 2; side++) {
            sb_slot_set inner = {NULL, 0};
            sb_slot_set outer = {NULL, 0};

            SB_TRY(sb_plan__expr_needs(s->p, e->args[side], &inner));
            SB_TRY(sb_plan__expr_needs(s->p, e->args[1 - side], &outer));
            if (sb_plan__set_count(&inner) == 0 || !sb_plan__set_within(&inner, own)) continue;
            if (sb_plan__set_count(&outer) == 0 || !sb_plan__set_within(&outer, &st->bound))
                continue;
            *inner_key = e->args[side];
            *outer_key = e->args[1 - side];
            *predicate = i;
            return SB_OK;
        }
    }
    return SB_OK;
}

static sb_status merge_states(search *s, state *into, const state *part)
{
    const sb_pattern_graph *g = s->graph;

    SB_TRY(sb_plan__set_add_all(s->p, &into->bound, &part->bound));
    for (uint32_t i = 0; i < g->edge_count; i++)
        into->edge_done[i] = into->edge_done[i] || part->edge_done[i];
    for (uint32_t i = 0; i < g->node_count; i++)
        into->labels_done[i] = into->labels_done[i] || part->labels_done[i];
    for (uint32_t i = 0; i < g->predicate_count; i++)
        into->predicate_done[i] = into->predicate_done[i] || part->predicate_done[i];
    return SB_OK;
}

/* Relationships of two parts of one MATCH must differ, too. */
static sb_status differ_across(search *s, state *st, const state *left, const state *right)
{
    const sb_pattern_graph *g = s->graph;

    for (uint32_t i = 0; i < g->edge_count; i++) {
        if (!right->edge_done[i] || left->edge_done[i] || g->edges[i].var == NULL ||
            g->edges[i].shortest != NULL)
            continue;
        state seen = *left;

        SB_TRY(copy_state(s, left, &seen));
        if ((g->edges[i].var->kinds & SB_KIND_REL) != 0) SB_TRY(check_uniqueness(s, &seen, st, i));
    }
    return SB_OK;
}

/* Is a predicate about the part asked anew for each row? Then its rows can't be made once for all. */
static bool part_differs(const sb_pattern_graph *g, const sb_slot_set *own)
{
    for (uint32_t i = 0; i < g->predicate_count; i++)
        if (g->predicates[i].differs && sb_plan__set_meets(&g->predicates[i].needs, own))
            return true;
    return false;
}

static bool has_list_edge(const sb_pattern_graph *g, const bool *edge_in)
{
    for (uint32_t i = 0; i < g->edge_count; i++)
        if (edge_in[i] && (g->edges[i].quantified != NULL || g->edges[i].rel->variable))
            return true;
    return false;
}

/* Plan a part by itself and join it to what is there. */
static sb_status join_part(search *s, state *st, const sb_slot_set *own, state *joined)
{
    state part = {0};
    state empty = {0};
    sb_expr *outer_key = NULL;
    sb_expr *inner_key = NULL;
    uint32_t predicate;
    sb_plan *join;

    SB_TRY(copy_state(s, &empty, &part));
    SB_TRY(sb_plan__argument(s->p, 1, &part.plan));
    SB_TRY(search_part(s, &part));
    SB_TRY(find_join_keys(s, st, own, &outer_key, &inner_key, &predicate));
    SB_TRY(copy_state(s, st, joined));
    SB_TRY(sb_plan__new(s->p, predicate != UINT32_MAX ? SB_PLAN_HASH_JOIN : SB_PLAN_PRODUCT,
                        st->plan, &join));
    join->inner = part.plan;
    join->rows = st->plan->rows * part.plan->rows;
    join->cost = st->plan->cost + part.plan->cost + join->rows;
    const sb_var **vars;
    uint32_t var_count = 0;
    SB_TRY(
        sb_plan__alloc(s->p, s->graph->node_count + 2 * s->graph->edge_count, sizeof *vars, &vars));
    for (uint32_t i = 0; i < s->graph->node_count; i++)
        if (s->node_in[i]) vars[var_count++] = s->graph->nodes[i].var;
    for (uint32_t i = 0; i < s->graph->edge_count; i++)
        if (s->edge_in[i] && s->graph->edges[i].var != NULL)
            vars[var_count++] = s->graph->edges[i].var;
    join->as.join.bound = vars;
    join->as.join.bound_count = var_count;
    if (predicate != UINT32_MAX) {
        SB_TRY(
            sb_plan__alloc(s->p, 1, sizeof *join->as.join.input_keys, &join->as.join.input_keys));
        SB_TRY(
            sb_plan__alloc(s->p, 1, sizeof *join->as.join.inner_keys, &join->as.join.inner_keys));
        join->as.join.input_keys[0] = outer_key;
        join->as.join.inner_keys[0] = inner_key;
        join->as.join.count = 1;
        joined->predicate_done[predicate] = true;
        join->rows *= 0.1;
        join->cost = st->plan->cost + part.plan->cost +
                     COST_HASH * (st->plan->rows + part.plan->rows) + join->rows;
    }
    joined->plan = join;
    SB_TRY(merge_states(s, joined, &part));
    SB_TRY(differ_across(s, joined, st, &part));
    return apply_predicates(s, joined);
}

static sb_status plan_part(search *s, state *st, const uint32_t *node_part, uint32_t part)
{
    sb_planner *p = s->p;
    sb_pattern_graph *g = s->graph;
    bool *node_in;
    bool *edge_in;
    sb_slot_set own = {NULL, 0};

    SB_TRY(sb_plan__alloc(p, g->node_count + g->edge_count + 1, sizeof *node_in, &node_in));
    edge_in = node_in + g->node_count;
    for (uint32_t i = 0; i < g->node_count; i++) {
        node_in[i] = node_part[i] == part;
        if (node_in[i]) SB_TRY(sb_plan__set_add(p, &own, g->nodes[i].var->slot));
    }
    for (uint32_t i = 0; i < g->edge_count; i++) {
        edge_in[i] = node_part[node_index(g, g->edges[i].from)] == part;
        if (edge_in[i] && g->edges[i].var != NULL)
            SB_TRY(sb_plan__set_add(p, &own, g->edges[i].var->slot));
    }
    s->node_in = node_in;
    s->edge_in = edge_in;
    state nested;
    SB_TRY(copy_state(s, st, &nested));
    SB_TRY(search_part(s, &nested));
    /* One row in: a scan for each row is a scan. */
    if (part != 0 && st->plan->rows > 1 && !has_list_edge(g, edge_in) && !part_differs(g, &own)) {
        state joined;

        SB_TRY(join_part(s, st, &own, &joined));
        if (joined.plan->cost < nested.plan->cost) nested = joined;
    }
    *st = nested;
    return SB_OK;
}

sb_status sb_plan__order(sb_planner *p, sb_pattern_graph *graph, sb_plan *input, sb_slot_set *bound,
                         sb_plan **plan)
{
    search s = {.p = p, .graph = graph};
    state st = {.plan = input, .bound = *bound};
    state start;
    uint32_t *node_part;
    uint32_t part_count;

    SB_TRY(copy_state(&s, &st, &start));
    SB_TRY(apply_predicates(&s, &start));
    SB_TRY(number_parts(p, graph, bound, &node_part, &part_count));
    SB_TRY(plan_part(&s, &start, node_part, 0));
    for (uint32_t i = 0; i < graph->node_count; i++)
        if (node_part[i] == i + 1) SB_TRY(plan_part(&s, &start, node_part, i + 1));
    for (uint32_t i = 0; i < graph->predicate_count; i++)
        graph->predicates[i].used = start.predicate_done[i];
    *bound = start.bound;
    *plan = start.plan;
    return SB_OK;
}
