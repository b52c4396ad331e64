/* order.c — in which order a pattern is matched.
 * A state is a plan so far with what it has bound, which edges and predicates it has dealt with. From a state one goes on by expanding an
 * edge from a bound end, by closing an edge whose ends are both bound, by intersecting the lists of two bound nodes, or by finding a new
 * node or relationship (order_step.c). For up to
 * EXHAUSTIVE_EDGES edges all orders are looked at by dynamic programming over the sets of edges dealt with (Selinger et al., 1979, with
 * left-deep plans); beyond, each step takes the candidate that costs least.
 * Parts of a pattern that are not connected with each other are planned by themselves, and joined: by hash where an equality
 * of both is asked for, else as a product. */
#include "cypher/plan/order_priv.h"

#include <math.h>
#include <string.h>

#define EXHAUSTIVE_EDGES 8u
#define KEY_BITS         64u /* nodes and edges that a state's key may have */

/* Costs for each row, in the unit of one row scanned. */
#define CHEAP_START 8.0 /* rows: a second beginning of a part may cost this much for each row */
#define COST_HASH   2.0 /* one row into a hash table, or one probe */

#define UNITS_OF_A_NODE 4u /* looked at (sb_plan__work) */

/* ---- Candidates ------------------------------------------------------------------------------------------------------------------ */

typedef sb_status (*candidate_fn)(void *ctx, const sb_order_state *candidate);

/* Every way to go on with an edge whose beginning, or both ends, are bound. */
static sb_status try_edge(sb_order_search *s, const sb_order_state *from, uint32_t edge,
                          candidate_fn visit, void *ctx)
{
    const sb_pattern_edge *e = &s->graph->edges[edge];
    const bool left = sb_order__is_bound(from, e->from);
    const bool right = sb_order__is_bound(from, e->to);
    sb_order_state to;
    bool possible;

    if (e->var_bound && !e->rel->variable) {
        SB_TRY(sb_order__find_edge(s, from, edge, &to, &possible));
        return possible ? visit(ctx, &to) : SB_OK;
    }
    if (e->shortest != NULL && e->rel != NULL) {
        if (!left || !right) return SB_OK;
        SB_TRY(sb_order__expand_shortest(s, from, edge, &to));
        return visit(ctx, &to);
    }
    for (unsigned side = 0; side < 2; side++) {
        const bool forward = side == 0;

        if (!(forward ? left : right)) continue;
        if (e->rel == NULL)
            SB_TRY(sb_order__expand_quantified(s, from, edge, forward, &to));
        else
            SB_TRY(sb_order__expand_rel(s, from, edge, forward, &to));
        SB_TRY(visit(ctx, &to));
        if (left && right && e->from == e->to) break;
    }
    return SB_OK;
}

/* Something to begin with where nothing is bound; cheap: only what an index or an id gives a few of. */
static sb_status try_starts(sb_order_search *s, const sb_order_state *from, bool cheap,
                            candidate_fn visit, void *ctx)
{
    const sb_pattern_graph *g = s->graph;
    const double most = from->plan->cost + CHEAP_START * (1 + from->plan->rows);

    for (uint32_t i = 0; i < g->node_count; i++) {
        sb_order_state to;
        bool possible;

        if (!s->node_in[i] || sb_order__is_bound(from, g->nodes[i].var)) continue;
        SB_TRY(sb_order__find_node(s, from, i, cheap ? most : HUGE_VAL, &to, &possible));
        if (!possible) continue;
        SB_TRY(visit(ctx, &to));
        if (s->p->options.no_reorder) break;
    }
    for (uint32_t i = 0; i < g->edge_count && !cheap && !s->p->options.no_reorder; i++) {
        sb_order_state to;
        bool possible;

        if (!s->edge_in[i] || from->edge_done[i]) continue;
        SB_TRY(sb_order__find_edge(s, from, i, &to, &possible));
        if (possible) SB_TRY(visit(ctx, &to));
    }
    return SB_OK;
}

/* All nodes of the part bound, all edges done? */
static bool is_whole(const sb_order_search *s, const sb_order_state *st)
{
    for (uint32_t i = 0; i < s->graph->edge_count; i++)
        if (s->edge_in[i] && !st->edge_done[i]) return false;
    for (uint32_t i = 0; i < s->graph->node_count; i++)
        if (s->node_in[i] && !sb_order__is_bound(st, s->graph->nodes[i].var)) return false;
    return true;
}

/* A relationship by itself between a bound node and another one that is not, which is *free_end. */
static bool leads_away(const sb_order_search *s, const sb_order_state *from, uint32_t edge,
                       const sb_var **free_end)
{
    const sb_pattern_edge *e = &s->graph->edges[edge];

    if (!s->edge_in[edge] || from->edge_done[edge] || e->rel == NULL || e->rel->variable ||
        e->shortest != NULL || e->var_bound)
        return false;
    *free_end = sb_order__is_bound(from, e->from) ? e->to : e->from;
    return sb_order__is_bound(from, e->from) != sb_order__is_bound(from, e->to);
}

/* Each two edges that lead to the same node. */
static sb_status try_intersections(sb_order_search *s, const sb_order_state *from,
                                   candidate_fn visit, void *ctx)
{
    const sb_var *end;
    const sb_var *other;
    sb_order_state to;
    bool possible;

    for (uint32_t i = 0; i < s->graph->edge_count; i++) {
        if (!leads_away(s, from, i, &end)) continue;
        for (uint32_t k = i + 1; k < s->graph->edge_count; k++) {
            if (!leads_away(s, from, k, &other) || other != end) continue;
            SB_TRY(sb_order__intersect(s, from, i, k, &to, &possible));
            if (possible) SB_TRY(visit(ctx, &to));
        }
    }
    return SB_OK;
}

static sb_status each_candidate(sb_order_search *s, const sb_order_state *from, candidate_fn visit,
                                void *ctx)
{
    const sb_pattern_graph *g = s->graph;
    bool starts = true;

    for (uint32_t i = 0; i < g->edge_count; i++) {
        const sb_pattern_edge *e = &g->edges[i];

        if (!s->edge_in[i] || from->edge_done[i] || !sb_plan__set_within(&e->needs, &from->bound))
            continue;
        /* A relationship that has a value gives its ends; a list of them is what a path from one end is compared with. */
        const bool ready = sb_order__is_bound(from, e->from) || sb_order__is_bound(from, e->to) ||
                           (e->var_bound && !e->rel->variable);
        const bool both = sb_order__is_bound(from, e->from) && sb_order__is_bound(from, e->to);
        if (ready && (both || e->shortest == NULL || e->rel == NULL)) {
            SB_TRY(try_edge(s, from, i, visit, ctx));
            starts = false;
            if (s->p->options.no_reorder) return SB_OK;
        }
    }
    if (!s->p->options.no_reorder) SB_TRY(try_intersections(s, from, visit, ctx));
    return try_starts(s, from, !starts, visit, ctx);
}

/* ---- Search --------------------------------------------------------------------------------------------------------------------------- */

typedef struct best {
    sb_order_search *s;
    sb_order_state state;
    bool any;
    uint64_t random;
    uint32_t seen;
} best;

/* Keep the cheapest; with shuffle_seed, any. */
static sb_status keep_best(void *ctx, const sb_order_state *candidate)
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

/* Only properties of relationships of variable length, and repeated parts, that read each other, or themselves, can wait for ever. */
static sb_status fail_no_order(const sb_order_search *s, const sb_order_state *st)
{
    for (uint32_t i = 0; i < s->graph->edge_count; i++) {
        const sb_pattern_edge *e = &s->graph->edges[i];

        if (!s->edge_in[i] || st->edge_done[i] || sb_plan__set_within(&e->needs, &st->bound))
            continue;
        return sb_cypher_fail(
            s->p->err, s->p->text, e->rel != NULL ? e->rel->props->span : e->quantified->span,
            SB_CYPHER_UNDEFINED_VARIABLE, "%s what is only known behind it",
            e->rel != NULL ? "the properties of a relationship of variable length read"
                           : "a repeated part reads");
    }
    return SB_FAIL(s->p->err, SB_MISUSE, "a pattern has no order");
}

/* Of one step: what can not be better any more need not be made. */
static sb_status keep_better(void *ctx, const sb_order_state *candidate)
{
    const best *b = ctx;

    SB_TRY(keep_best(ctx, candidate));
    if (b->s->p->options.shuffle_seed == 0) b->s->best = b->state.plan->cost + b->state.plan->rows;
    return SB_OK;
}

static sb_status search_greedily(sb_order_search *s, sb_order_state *st)
{
    while (!is_whole(s, st)) {
        best b = {.s = s, .random = s->p->random};

        SB_TRY(each_candidate(s, st, keep_better, &b));
        s->best = (double)NAN;
        s->p->random = b.random;
        if (!b.any) return fail_no_order(s, st);
        *st = b.state;
    }
    return SB_OK;
}

/* States by what they have dealt with: bits of edges, then of nodes. Open addressing over the keys. */
typedef struct table {
    sb_order_search *s;
    sb_order_state *states;
    uint64_t *keys;   /* of states */
    uint32_t *places; /* index + 1 into states, 0: free; place_count of them, a power of two */
    uint32_t count, capacity, place_count;
} table;

static uint64_t key_of(const sb_order_search *s, const sb_order_state *st)
{
    const sb_pattern_graph *g = s->graph;
    uint64_t key = 0;

    for (uint32_t i = 0; i < g->edge_count; i++)
        if (st->edge_done[i]) key |= UINT64_C(1) << i;
    for (uint32_t i = 0; i < g->node_count; i++)
        if (sb_order__is_bound(st, g->nodes[i].var)) key |= UINT64_C(1) << (g->edge_count + i);
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
    sb_order_state *states;
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

static sb_status keep_in_table(void *ctx, const sb_order_state *candidate)
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
static sb_status search_exhaustively(sb_order_search *s, sb_order_state *st)
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
    if (!whole.any) return search_greedily(s, st); /* which tells what waits for ever */
    *st = whole.state;
    return SB_OK;
}

static sb_status search_part(sb_order_search *s, sb_order_state *st)
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

/* Does it bind what is needed? */
static bool gives(const sb_pattern_edge *edge, const sb_slot_set *needs)
{
    if (edge->var != NULL) return sb_plan__set_has(needs, edge->var->slot);
    for (uint32_t i = 0; edge->quantified != NULL && i < edge->quantified->group_count; i++)
        if (sb_plan__set_has(needs, edge->quantified->groups[i].outer->slot)) return true;
    return false;
}

/* Does an edge connect the node: is it an end, or does the edge need it or a relationship that ends there? */
static bool connects(const sb_pattern_graph *g, const sb_pattern_edge *edge, const sb_var *node)
{
    if (edge->from == node || edge->to == node || sb_plan__set_has(&edge->needs, node->slot))
        return true;
    if (edge->needs.word_count == 0) return false;
    for (uint32_t i = 0; i < g->edge_count; i++)
        if ((g->edges[i].from == node || g->edges[i].to == node) &&
            gives(&g->edges[i], &edge->needs))
            return true;
    return false;
}

/* Give all nodes that an edge connects the least of their numbers. True: one of them had another. */
static bool join_parts(const sb_pattern_graph *g, const sb_pattern_edge *edge, uint32_t *node_part)
{
    uint32_t least = edge->var_bound ? 0 : UINT32_MAX;
    bool changed = false;

    for (uint32_t i = 0; i < g->node_count; i++)
        if (node_part[i] < least && connects(g, edge, g->nodes[i].var)) least = node_part[i];
    for (uint32_t i = 0; i < g->node_count; i++)
        if (node_part[i] != least && connects(g, edge, g->nodes[i].var)) {
            node_part[i] = least;
            changed = true;
        }
    return changed;
}

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
            SB_TRY(sb_plan__work(p, (size_t)g->node_count * UNITS_OF_A_NODE));
            changed = join_parts(g, &g->edges[e], *node_part) || changed;
        }
    }
    *part_count = 1;
    for (uint32_t i = 0; i < g->node_count; i++)
        if ((*node_part)[i] == i + 1) (*part_count)++;
    return SB_OK;
}

/* An equality between a value of the part and one of what is planned already: what a hash join needs. */
static sb_status find_join_keys(sb_order_search *s, const sb_order_state *st,
                                const sb_slot_set *own, sb_expr **outer_key, sb_expr **inner_key,
                                uint32_t *predicate)
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

static sb_status merge_states(sb_order_search *s, sb_order_state *into, const sb_order_state *part)
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
static sb_status differ_across(sb_order_search *s, sb_order_state *st, const sb_order_state *left,
                               const sb_order_state *right)
{
    const sb_pattern_graph *g = s->graph;

    for (uint32_t i = 0; i < g->edge_count; i++) {
        if (!right->edge_done[i] || left->edge_done[i] || g->edges[i].var == NULL ||
            g->edges[i].shortest != NULL)
            continue;
        sb_order_state seen = *left;

        SB_TRY(sb_order__copy(s, left, &seen));
        if ((g->edges[i].var->kinds & SB_KIND_REL) != 0)
            SB_TRY(sb_order__check_uniqueness(s, &seen, st, i));
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

/* Plan a part by itself and join it to what is there; *hashed: by keys. */
static sb_status join_part(sb_order_search *s, sb_order_state *st, const sb_slot_set *own,
                           sb_order_state *joined, bool *hashed)
{
    sb_order_state part = {0};
    sb_order_state empty = {0};
    sb_expr *outer_key = NULL;
    sb_expr *inner_key = NULL;
    uint32_t predicate;
    sb_plan *join;

    SB_TRY(sb_order__copy(s, &empty, &part));
    SB_TRY(sb_plan__argument(s->p, 1, &part.plan));
    SB_TRY(search_part(s, &part));
    SB_TRY(find_join_keys(s, st, own, &outer_key, &inner_key, &predicate));
    *hashed = predicate != UINT32_MAX;
    SB_TRY(sb_order__copy(s, st, joined));
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
    join->as.join.steady = !s->p->unsteady;
    /* the part's rows are kept from run to run */
    const double kept = (part.plan->cost + COST_HASH * part.plan->rows) / s->p->runs;
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
        join->cost = st->plan->cost + COST_HASH * st->plan->rows + join->rows + kept;
    } else if (join->as.join.steady && s->p->runs > 1) {
        join->cost = st->plan->cost + join->rows + kept;
    }
    joined->plan = join;
    SB_TRY(merge_states(s, joined, &part));
    SB_TRY(differ_across(s, joined, st, &part));
    return sb_order__apply_predicates(s, joined);
}

/* An operator finds one node, and one or two edges. */
static sb_status check_size(sb_planner *p, const sb_pattern_graph *g, const sb_slot_set *bound)
{
    uint32_t free_nodes = 0;

    for (uint32_t i = 0; i < g->node_count; i++)
        free_nodes += !sb_plan__set_has(bound, g->nodes[i].var->slot);
    return free_nodes > SB_PLAN_OPERATORS_MAX || g->edge_count / 2 > SB_PLAN_OPERATORS_MAX
               ? sb_plan__too_many(p)
               : SB_OK;
}

static sb_status plan_part(sb_order_search *s, sb_order_state *st, const uint32_t *node_part,
                           uint32_t part)
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
        edge_in[i] = node_part[sb_order__node_index(g, g->edges[i].from)] == part;
        if (edge_in[i] && g->edges[i].var != NULL)
            SB_TRY(sb_plan__set_add(p, &own, g->edges[i].var->slot));
    }
    s->node_in = node_in;
    s->edge_in = edge_in;
    sb_order_state nested;
    SB_TRY(sb_order__copy(s, st, &nested));
    SB_TRY(search_part(s, &nested));
    /* One row in, once: a scan for each row is a scan. */
    if (part != 0 && st->plan->rows * p->runs > 1 && !has_list_edge(g, edge_in) &&
        !part_differs(g, &own)) {
        sb_order_state joined;
        bool hashed;

        SB_TRY(join_part(s, st, &own, &joined, &hashed));
        /* … and for each run, unless that ends with the first row. */
        const bool again = joined.plan->as.join.steady && p->runs > 1 && !p->asks;
        if ((hashed || st->plan->rows > 1 || again) && joined.plan->cost < nested.plan->cost)
            nested = joined;
    }
    *st = nested;
    return SB_OK;
}

/* Of a long pattern without labels no step looks at all nodes for them. */
static sb_status find_labelled(sb_order_search *s)
{
    uint32_t *labelled;

    SB_TRY(sb_plan__alloc(s->p, (size_t)s->graph->node_count + 1, sizeof *labelled, &labelled));
    for (uint32_t i = 0; i < s->graph->node_count; i++)
        if (s->graph->nodes[i].labels != NULL) labelled[s->labelled_count++] = i;
    s->labelled = labelled;
    return SB_OK;
}

sb_status sb_plan__order(sb_planner *p, sb_pattern_graph *graph, sb_plan *input, sb_slot_set *bound,
                         sb_plan **plan)
{
    sb_order_search s = {.p = p, .graph = graph, .best = (double)NAN};
    sb_order_state st = {.plan = input, .bound = *bound};
    sb_order_state start;
    uint32_t *node_part;
    uint32_t part_count;

    SB_TRY(check_size(p, graph, bound));
    SB_TRY(find_labelled(&s));
    SB_TRY(sb_order__copy(&s, &st, &start));
    SB_TRY(sb_order__apply_predicates(&s, &start));
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
