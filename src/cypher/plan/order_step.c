/* order_step.c — one step further in matching a pattern: a node or relationship found, an edge expanded or closed, two of them
 * intersected; each with its estimate of rows and cost, and with the predicates that can be asked from then on. */
#include "cypher/plan/order_priv.h"

#include <string.h>

/* Costs for each row, in the unit of one row scanned. */
#define COST_EXPAND 1.5 /* finding a list */
#define COST_INTO   3.0 /* finding a place in a list */
#define COST_ENTRY  0.1 /* passing an entry of a list that is intersected */

#define STEPS_ESTIMATED 6u /* of a walk: longer ones are taken for as many */

sb_status sb_order__copy(sb_order_search *s, const sb_order_state *from, sb_order_state *to)
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

uint32_t sb_order__node_index(const sb_pattern_graph *graph, const sb_var *var)
{
    for (uint32_t i = 0; i < graph->node_count; i++)
        if (graph->nodes[i].var == var) return i;
    return UINT32_MAX;
}

static const sb_label_expr *labels_of(const sb_pattern_graph *graph, const sb_var *var)
{
    const uint32_t i = sb_order__node_index(graph, var);
    return i == UINT32_MAX ? NULL : graph->nodes[i].labels;
}

bool sb_order__is_bound(const sb_order_state *st, const sb_var *var)
{
    return sb_plan__set_has(&st->bound, var->slot);
}

/* ---- Predicates ------------------------------------------------------------------------------------------------------ */

/* Labels that most nodes have leave out little, and cost a look at each node: where an edge between the node and another bound one is still to be
 * looked up (but for `skipped`, which is at work), they are checked behind it. */
#define COMMON_LABELS 0.9

static sb_status labels_wait(sb_order_search *s, const sb_order_state *st, uint32_t node,
                             uint32_t skipped, bool *wait)
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
        *wait = (e->from == var && sb_order__is_bound(st, e->to)) ||
                (e->to == var && sb_order__is_bound(st, e->from));
    }
    if (!*wait) return SB_OK;
    SB_TRY(sb_plan__estimate_nodes(s->p, NULL, &all));
    SB_TRY(sb_plan__estimate_nodes(s->p, s->graph->nodes[node].labels, &with));
    *wait = with >= COMMON_LABELS * all;
    return SB_OK;
}

/* An edge that is dealt with and ends at a node: what the statistics know of such ends. */
static sb_status put_ends(sb_order_search *s, sb_order_state *st, const sb_pattern_node *node,
                          double *share)
{
    for (uint32_t i = 0; i < s->graph->edge_count; i++) {
        const sb_pattern_edge *e = &s->graph->edges[i];
        const bool forward = e->to == node->var;
        sb_plan_expand *ends;
        bool whole;

        if (!st->edge_done[i] || e->rel == NULL || e->rel->variable || e->shortest != NULL ||
            e->from == e->to || (!forward && e->from != node->var))
            continue;
        SB_TRY(sb_plan__alloc(s->p, 1, sizeof *ends, &ends));
        SB_TRY(sb_plan__type_names(s->p, e->rel->types, &ends->types, &ends->type_count, &whole));
        if (!whole) continue;
        ends->direction = forward ? e->rel->direction : sb_plan__turned(e->rel->direction);
        ends->to_labels = node->labels;
        st->plan->as.filter.ends = ends;
        return sb_plan__estimate_ends(s->p, e->rel, forward, node->labels, share);
    }
    return SB_OK;
}

sb_status sb_order__apply_predicates(sb_order_search *s, sb_order_state *st)
{
    sb_planner *p = s->p;
    sb_pattern_graph *g = s->graph;

    for (uint32_t l = 0; l < s->labelled_count; l++) {
        const uint32_t i = s->labelled[l];
        sb_expr *labels;
        double all;
        double with;
        bool wait;

        if (st->labels_done[i] || !sb_order__is_bound(st, g->nodes[i].var)) continue;
        SB_TRY(labels_wait(s, st, i, UINT32_MAX, &wait));
        if (wait) continue;
        SB_TRY(sb_plan__expr_labels(p, g->nodes[i].var, g->nodes[i].labels, &labels));
        SB_TRY(sb_plan__filter(p, st->plan, labels, &st->bound, &st->plan));
        SB_TRY(sb_plan__estimate_nodes(p, NULL, &all));
        SB_TRY(sb_plan__estimate_nodes(p, g->nodes[i].labels, &with));
        double share = with / all;
        SB_TRY(put_ends(s, st, &g->nodes[i], &share));
        st->plan->rows = st->plan->input->rows * share;
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
static void put_access(sb_order_state *st, sb_plan *access, uint64_t consumed,
                       uint32_t predicate_count)
{
    access->input = st->plan;
    access->cost = st->plan->cost + st->plan->rows * access->cost;
    access->rows *= st->plan->rows;
    st->plan = access;
    for (uint32_t i = 0; i < predicate_count && i < 64; i++)
        if ((consumed >> i & 1) != 0) st->predicate_done[i] = true;
}

sb_status sb_order__find_node(sb_order_search *s, const sb_order_state *from, uint32_t node,
                              double most, sb_order_state *to, bool *possible)
{
    const sb_pattern_node *pattern = &s->graph->nodes[node];
    sb_plan *access;
    uint64_t consumed;

    SB_TRY(sb_plan__access_node(s->p, s->graph, pattern, &from->bound, &access, &consumed));
    /* Filters only add to it. Seen before a state is made: one for each node of a long pattern, and each step, takes time and room. */
    const double cost = from->plan->cost + from->plan->rows * access->cost;
    *possible = !(cost > most || cost >= s->best); /* of many parts it may be infinite */
    if (!*possible) return SB_OK;
    SB_TRY(sb_order__copy(s, from, to));
    put_access(to, access, consumed, s->graph->predicate_count);
    SB_TRY(sb_plan__set_add(s->p, &to->bound, pattern->var->slot));
    /* A label that the access itself is about need not be checked again. */
    if ((access->kind == SB_PLAN_LABEL_SCAN || access->kind == SB_PLAN_INDEX_SEEK) &&
        pattern->labels != NULL && pattern->labels->op == SB_LABEL_NAME)
        to->labels_done[node] = true;
    SB_TRY(sb_order__apply_predicates(s, to));
    *possible = !(to->plan->cost > most);
    return SB_OK;
}

static void mark_edge(sb_order_state *st, uint32_t edge)
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

/* Relationships, or lists of them, or of such lists (of variable length within a quantified part). */
static bool is_of_rels(const sb_var *inner)
{
    return (inner->kinds & ((uint32_t)SB_KIND_REL | SB_KIND_LIST)) != 0;
}

/* Relationship variables of the clause that are bound already: a new one must be another. */
static sb_status set_unlike(sb_order_search *s, const sb_order_state *st, uint32_t edge,
                            const sb_var ***unlike, uint32_t *count)
{
    const sb_pattern_graph *g = s->graph;
    size_t most = 0;

    *count = 0;
    *unlike = NULL;
    if (g->edges[edge].shortest != NULL || g->repeatable) return SB_OK;
    for (uint32_t i = 0; i < g->edge_count; i++)
        most += g->edges[i].var != NULL ? 1 : g->edges[i].quantified->group_count;
    SB_TRY(sb_plan__alloc(s->p, most, sizeof **unlike, unlike));
    for (uint32_t i = 0; i < g->edge_count; i++) {
        if (i == edge || !st->edge_done[i] || g->edges[i].shortest != NULL ||
            g->edges[i].clause != g->edges[edge].clause)
            continue;
        if (types_disjoint(g->edges[i].rel, g->edges[edge].rel)) continue;
        if (g->edges[i].var != NULL) {
            (*unlike)[(*count)++] = g->edges[i].var;
            continue;
        }
        const sb_quantified *q = g->edges[i].quantified;
        for (uint32_t k = 0; k < q->group_count; k++)
            if (is_of_rels(q->groups[k].inner)) (*unlike)[(*count)++] = q->groups[k].outer;
    }
    return SB_OK;
}

static sb_status bind_edge(sb_order_search *s, sb_order_state *st, uint32_t edge)
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
static sb_status check_types(sb_order_search *s, sb_order_state *st, const sb_pattern_edge *e)
{
    sb_expr *types;

    SB_TRY(sb_plan__expr_labels(s->p, e->var, e->rel->types, &types));
    return sb_plan__filter(s->p, st->plan, types, &st->bound, &st->plan);
}

sb_status sb_order__check_uniqueness(sb_order_search *s, const sb_order_state *before,
                                     sb_order_state *st, uint32_t edge)
{
    const sb_var **unlike;
    uint32_t count;

    SB_TRY(set_unlike(s, before, edge, &unlike, &count));
    for (uint32_t i = 0; i < count; i++) {
        sb_expr *differ;

        SB_TRY(sb_plan__expr_unlike(s->p, s->graph->edges[edge].var, unlike[i], &differ));
        SB_TRY(sb_plan__filter(s->p, st->plan, differ, &st->bound, &st->plan));
    }
    return SB_OK;
}

/* Give an end of an access to a relationship: the node itself, or a new variable that must be equal to a bound one. */
static sb_status fresh_end(sb_order_search *s, const sb_order_state *st, const sb_var *end,
                           const sb_var **used, sb_expr **equal)
{
    sb_var *other;
    sb_expr *a;
    sb_expr *b;

    *used = end;
    *equal = NULL;
    if (!sb_order__is_bound(st, end)) return SB_OK;
    SB_TRY(sb_plan__var(s->p, SB_KIND_NODE, &other));
    *used = other;
    SB_TRY(sb_plan__expr_var(s->p, other, &a));
    SB_TRY(sb_plan__expr_var(s->p, end, &b));
    return sb_plan__expr_binary(s->p, SB_OP2_EQ, a, b, equal);
}

sb_status sb_order__find_edge(sb_order_search *s, const sb_order_state *from, uint32_t edge,
                              sb_order_state *to, bool *possible)
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
    SB_TRY(sb_order__copy(s, from, to));
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
        if (sb_order__is_bound(from, e->from) || sb_order__is_bound(from, e->to)) return SB_OK;
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
    SB_TRY(sb_order__check_uniqueness(s, from, to, edge));
    return sb_order__apply_predicates(s, to);
}

/* ---- Expanding --------------------------------------------------------------------------------------------------------------- */

/* Types, direction and what comes with them; forward: from the left end as written. */
static sb_status fill_expand(sb_order_search *s, const sb_order_state *from, uint32_t edge,
                             bool forward, sb_plan_expand *expand, bool *types_whole)
{
    const sb_pattern_edge *e = &s->graph->edges[edge];

    expand->from = forward ? e->from : e->to;
    expand->to = forward ? e->to : e->from;
    expand->rel = e->var;
    expand->direction = forward ? e->rel->direction : sb_plan__turned(e->rel->direction);
    expand->to_bound = sb_order__is_bound(from, expand->to) || expand->from == expand->to;
    expand->min = e->rel->variable ? e->rel->min : 1;
    expand->max = e->rel->variable ? e->rel->max : 1;
    expand->reversed = !forward;
    expand->repeatable = s->graph->repeatable;
    SB_TRY(
        sb_plan__type_names(s->p, e->rel->types, &expand->types, &expand->type_count, types_whole));
    return set_unlike(s, from, edge, &expand->unlike, &expand->unlike_count);
}

/* Estimated rows of an edge from each row of the state. */
static sb_status edge_rows(sb_order_search *s, uint32_t edge, bool forward, bool into, double *rows)
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
        const uint32_t steps = e->rel->max > STEPS_ESTIMATED ? STEPS_ESTIMATED : e->rel->max;

        for (uint32_t i = 1; i <= steps; i++) {
            walks *= degree;
            if (i >= e->rel->min) reached += walks;
        }
        degree = reached;
    }
    *rows = into ? degree / nodes : degree;
    return SB_OK;
}

sb_status sb_order__expand_rel(sb_order_search *s, const sb_order_state *from, uint32_t edge,
                               bool forward, sb_order_state *to)
{
    const sb_pattern_edge *e = &s->graph->edges[edge];
    sb_plan_expand expand = {0};
    bool whole;
    double rows, share = 1;
    sb_var *list = NULL;

    SB_TRY(sb_order__copy(s, from, to));
    SB_TRY(fill_expand(s, from, edge, forward, &expand, &whole));
    if (e->rel->variable) SB_TRY(sb_order__step_filter(s, to, edge, &expand, &share));
    const bool into = expand.to_bound && !e->rel->variable;
    sb_plan *plan;
    SB_TRY(sb_plan__new(s->p,
                        e->rel->variable ? SB_PLAN_VAR_EXPAND
                        : into           ? SB_PLAN_EXPAND_INTO
                                         : SB_PLAN_EXPAND,
                        to->plan, &plan));
    SB_TRY(edge_rows(s, edge, forward, expand.to_bound, &rows));
    /* Paths to one end are looked for among those to all ends. */
    double walked = 0;
    if (expand.to_bound && e->rel->variable) SB_TRY(edge_rows(s, edge, forward, false, &walked));
    if (e->var_bound) { /* a list of relationships that has a value: paths must be that one */
        SB_TRY(sb_plan__var(s->p, SB_KIND_LIST, &list));
        expand.rel = list;
    }
    const uint32_t target = sb_order__node_index(s->graph, expand.to);
    bool wait = true;
    if (!expand.to_bound && target != UINT32_MAX && s->graph->nodes[target].labels != NULL)
        SB_TRY(labels_wait(s, to, target, edge, &wait));
    if (!wait) {
        expand.to_labels = s->graph->nodes[target].labels;
        to->labels_done[target] = true;
    }
    plan->as.expand = expand;
    plan->rows = to->plan->rows * rows * share;
    plan->cost =
        to->plan->cost + to->plan->rows * ((into ? COST_INTO : COST_EXPAND) + walked) + plan->rows;
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
    return sb_order__apply_predicates(s, to);
}

/* ---- Intersecting ------------------------------------------------------------------------------------------------------------ */

/* From the bound end of an edge to the other, which is not bound; *possible false: not by intersecting lists. */
static sb_status intersect_side(sb_order_search *s, const sb_order_state *from, uint32_t edge,
                                sb_plan_expand *side, double *degree, bool *possible)
{
    const sb_pattern_edge *e = &s->graph->edges[edge];
    const bool forward = sb_order__is_bound(from, e->from);

    SB_TRY(fill_expand(s, from, edge, forward, side, possible));
    return edge_rows(s, edge, forward, false, degree);
}

sb_status sb_order__intersect(sb_order_search *s, const sb_order_state *from, uint32_t first,
                              uint32_t second, sb_order_state *to, bool *possible)
{
    const uint32_t edges[2] = {first, second};
    double degrees[2];
    double nodes;
    sb_plan *plan;

    SB_TRY(sb_plan__new(s->p, SB_PLAN_INTERSECT, from->plan, &plan));
    sb_plan_expand *const sides = plan->as.intersect.sides;
    for (unsigned i = 0; i < 2; i++) {
        SB_TRY(intersect_side(s, from, edges[i], &sides[i], &degrees[i], possible));
        *possible = *possible && sb_plan__hint_of(s->graph, sides[i].to) == NULL &&
                    sb_plan__hint_of(s->graph, sides[i].rel) == NULL;
        if (!*possible) return SB_OK;
    }
    if (degrees[1] < degrees[0]) { /* the shorter lists first */
        const sb_plan_expand side = sides[0];

        sides[0] = sides[1];
        sides[1] = side;
    }
    const uint32_t target = sb_order__node_index(s->graph, sides[0].to);
    plan->as.intersect.differ =
        !s->graph->repeatable && s->graph->edges[first].clause == s->graph->edges[second].clause &&
        !types_disjoint(s->graph->edges[first].rel, s->graph->edges[second].rel);
    SB_TRY(sb_plan__estimate_nodes(s->p, s->graph->nodes[target].labels, &nodes));
    plan->rows = from->plan->rows * degrees[0] * degrees[1] / nodes;
    plan->cost = from->plan->cost + plan->rows +
                 from->plan->rows * (COST_EXPAND + COST_ENTRY * (degrees[0] + degrees[1]));

    SB_TRY(sb_order__copy(s, from, to));
    to->plan = plan;
    for (unsigned i = 0; i < 2; i++)
        SB_TRY(bind_edge(s, to, edges[i]));
    bool wait = true;
    if (s->graph->nodes[target].labels != NULL)
        SB_TRY(labels_wait(s, to, target, UINT32_MAX, &wait));
    if (!wait) {
        sides[0].to_labels = s->graph->nodes[target].labels;
        to->labels_done[target] = true;
    }
    return sb_order__apply_predicates(s, to);
}

static bool has_conditions(const sb_node_pattern *node)
{
    return node->props != NULL || node->where != NULL;
}

/* Can a way that uses a relationship twice be cut short, so that the shortest ways are trails by themselves? Of repetitions of one relationship: what
 * lies between the two uses is left out. Of more, where each relationship has its place in the repetition by its type, and its direction, and no
 * condition is about two parts of it. */
static bool cuts_short(const sb_quantified *q)
{
    const sb_pattern_part *part = q->part;
    bool cuts = q->where == NULL && !has_conditions(part->start);

    if (part->step_count == 1) return part->steps[0].rel != NULL && !part->steps[0].rel->variable;
    for (uint32_t i = 0; i < part->step_count && cuts; i++) {
        const sb_rel_pattern *rel = part->steps[i].rel;

        cuts = rel != NULL && !rel->variable && rel->direction != SB_REL_EITHER &&
               rel->props == NULL && rel->where == NULL && !has_conditions(part->steps[i].node);
        for (uint32_t k = 0; k < i && cuts; k++)
            cuts = types_disjoint(rel, part->steps[k].rel);
    }
    return cuts;
}

/* Estimated ends of a quantified part from each row of the state, and how many repetitions are begun for them, of which each gives
 * `each` rows. */
static sb_status quantified_rows(sb_order_search *s, const sb_pattern_edge *e, bool into,
                                 double each, double *reached, double *begun)
{
    const sb_quantified *q = e->quantified;
    double nodes;
    double walks = 1;

    SB_TRY(sb_plan__estimate_nodes(s->p, NULL, &nodes));
    *reached = q->min == 0 ? 1 : 0;
    *begun = 0;
    for (uint32_t i = 1; i <= STEPS_ESTIMATED && i <= q->max; i++) {
        *begun += walks;
        walks *= each;
        if (i >= q->min) *reached += walks;
    }
    if (q->min > STEPS_ESTIMATED) *reached = walks;
    if (e->shortest != NULL) { /* breadth first: nodes are passed once */
        *begun = *begun < nodes ? *begun : nodes;
        *reached = *reached < nodes ? *reached : nodes;
    }
    if (into) *reached /= nodes;
    return SB_OK;
}

/* The inner plan of a quantified path pattern: one repetition from the end that is bound. */
sb_status sb_order__expand_quantified(sb_order_search *s, const sb_order_state *from, uint32_t edge,
                                      bool forward, sb_order_state *to)
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

    SB_TRY(sb_order__copy(s, from, to));
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
    plan->as.quantified.to_bound =
        sb_order__is_bound(from, plan->as.quantified.to) || e->from == e->to;
    plan->as.quantified.reversed = !forward;
    plan->as.quantified.repeatable = s->graph->repeatable;
    SB_TRY(
        set_unlike(s, from, edge, &plan->as.quantified.unlike, &plan->as.quantified.unlike_count));
    if (e->shortest != NULL) {
        plan->as.quantified.selector = e->shortest->selector;
        plan->as.quantified.selector_count = e->shortest->selector_count;
        plan->as.quantified.path = e->shortest->var;
    }
    plan->as.quantified.cuts_short = q->min <= 1 && cuts_short(q);
    plan->as.quantified.but_closed = q->min == 1 && part->step_count == 1 &&
                                     part->steps[0].rel != NULL &&
                                     part->steps[0].rel->direction == SB_REL_EITHER;
    double reached;
    double begun;
    SB_TRY(quantified_rows(s, e, plan->as.quantified.to_bound, inner->rows, &reached, &begun));
    plan->rows = to->plan->rows * reached;
    plan->cost = to->plan->cost + to->plan->rows * begun * (inner->cost + 1) + plan->rows;
    if (!plan->as.quantified.to_bound && sb_plan__hint_of(s->graph, plan->as.quantified.to) != NULL)
        plan->cost += SB_PLAN_UNHINTED;
    to->plan = plan;
    SB_TRY(bind_edge(s, to, edge));
    return sb_order__apply_predicates(s, to);
}

/* Predicates about the path or its relationships are part of what shortestPath() looks for; what comes with a GQL selector is
 * checked afterwards. */
static sb_status path_filter(sb_order_search *s, sb_order_state *to, const sb_pattern_edge *e,
                             sb_expr **filter)
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

sb_status sb_order__expand_shortest(sb_order_search *s, const sb_order_state *from, uint32_t edge,
                                    sb_order_state *to)
{
    const sb_pattern_edge *e = &s->graph->edges[edge];
    sb_plan *plan;
    bool whole;
    double share = 1;

    SB_ASSERT(e->shortest->step_count == 1 || e->shortest->selector_is_function);
    if (e->shortest->step_count != 1)
        return sb_cypher_fail(s->p->err, s->p->text, e->shortest->span, SB_CYPHER_UNEXPECTED_SYNTAX,
                              "shortestPath() takes a pattern of one relationship");
    SB_TRY(sb_order__copy(s, from, to));
    SB_TRY(sb_plan__new(s->p, SB_PLAN_SHORTEST, to->plan, &plan));
    SB_TRY(fill_expand(s, from, edge, true, &plan->as.expand, &whole));
    if (!whole)
        return sb_cypher_fail(s->p->err, s->p->text, e->rel->types->span,
                              SB_CYPHER_UNEXPECTED_SYNTAX,
                              "A shortest path takes a choice of types (A|B), not an expression");
    plan->as.expand.selector = e->shortest->selector;
    plan->as.expand.selector_count = e->shortest->selector_count;
    plan->as.expand.path = e->shortest->var;
    if (e->rel->variable) SB_TRY(sb_order__step_filter(s, to, edge, &plan->as.expand, &share));
    SB_TRY(path_filter(s, to, e, &plan->as.expand.path_filter));
    plan->cost = to->plan->cost + to->plan->rows * 1000;
    to->plan = plan;
    SB_TRY(bind_edge(s, to, edge));
    return sb_order__apply_predicates(s, to);
}
