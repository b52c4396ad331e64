/* factor.c — counting rows without making them.
 * Below an AGGREGATE that only counts rows lies a chain of steps. An expansion whose end nobody else reads multiplies each row by a number
 * that depends on one node alone; so it is taken out of the chain and becomes a factor of that node, with all that hangs on its own end as
 * its children (counts over acyclic joins, as in Olteanu and Závodný, "Size bounds for factorised representations of query results",
 * 2015). What is left of the chain gives fewer rows, with a weight each (WEIGH).
 *
 * The chain is walked from the aggregation down. Conditions on one node go into its factor. That two nodes, or two relationships, must differ
 * is put right by subtracting those rows in which they are the same: where that is a sum over one list (sb_plan_apart), or where factors of two nodes of
 * a row lead to the two, by what an INTERSECT of both lists counts. An expansion that must differ in another way stays a step: it is forbidden, and
 * the walk begins again. */
#include "cypher/plan/plan_priv.h"

#include <string.h>

#define DEPTH_MAX 32u /* of factors within factors */
#define ROWS_WORTH                                                                                 \
    256.0 /* estimated rows from which on one or two expansions are worth its setting up */
#define PREGROUP_WORTH 1000.0
#define NODES_PER_REL                                                                              \
    2.0 /* whose lists are looked up in the time that a row of a relationship is */

/* An expansion that was taken out, and hangs on a node whose binder is not yet met. */
typedef struct loose {
    sb_plan_factor *factor;
    const sb_var *at;
    uint32_t op, depth; /* op: place in the chain, for forbidding */
    uint32_t partner;   /* of the pair that it is the second of; UINT32_MAX: none */
    uint32_t across; /* the one of another node whose node must differ from its; UINT32_MAX: none */
    bool first_of_pair, used; /* used: it is another one's child now */
    bool back_inside;         /* one of its children may not go back */
} loose;

/* A loose factor's node, or relationship, must differ from that of a slot. */
typedef struct demand {
    uint32_t loose;
    const sb_var *other;
    bool of_node, met;
} demand;

typedef struct walk {
    sb_planner *p;
    sb_plan **ops; /* from the top */
    uint32_t op_count;
    bool *forbidden, *taken; /* by op; taken: no step any more */
    bool *waits;        /* a FILTER about one node, or that two differ, which may be taken yet */
    sb_slot_set needed; /* slots that steps which stay, or the aggregation, read */
    loose *loose;
    uint32_t loose_count;
    demand *demands;
    uint32_t demand_count, demand_capacity;
    bool
        across; /* two factors are across each other: at most two, as WEIGH subtracts one number; */
    bool hopes; /* till then, a factor whose node must differ waits for one that it may be across */
    uint32_t end; /* steps below this place are not looked at */
} walk;

/* ---- Reads --------------------------------------------------------------------------------------------------------------- */

static sb_status reads_of_tree(sb_planner *p, const sb_plan *plan, sb_slot_set *set)
{
    for (; plan != NULL; plan = plan->input) {
        SB_TRY(sb_plan__reads(p, plan, set));
        if (plan->inner != NULL) SB_TRY(reads_of_tree(p, plan->inner, set));
    }
    return SB_OK;
}

static sb_status keep(walk *w, const sb_plan *op)
{
    SB_TRY(sb_plan__reads(w->p, op, &w->needed));
    return op->inner == NULL ? SB_OK : reads_of_tree(w->p, op->inner, &w->needed);
}

static bool has_plan(const sb_expr *e)
{
    if (e == NULL) return false;
    if (e->plan != NULL) return true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (has_plan(e->args[i])) return true;
    return false;
}

/* The labels that a predicate wants of a node, when it is about nothing else; NULL: it is another one. */
static const sb_label_expr *labels_of(const sb_expr *predicate, const sb_var *node)
{
    const bool is = predicate->kind == SB_EXPR_HAS_LABELS && predicate->arg_count == 1 &&
                    predicate->args[0]->kind == SB_EXPR_VAR && predicate->args[0]->var == node;
    return is ? predicate->labels : NULL;
}

/* ---- Lists ----------------------------------------------------------------------------------------------------------------- */

static bool same_lists(const sb_plan_expand *a, const sb_plan_expand *b)
{
    return a->direction == b->direction && sb_plan__same_types(a, b);
}

/* Does b's list of where a leads have a's relationship, too? */
static bool opposite_lists(const sb_plan_expand *a, const sb_plan_expand *b)
{
    return b->direction == sb_plan__turned(a->direction) && sb_plan__same_types(a, b);
}

/* ---- Demands ---------------------------------------------------------------------------------------------------------------- */

static sb_status add_demand(walk *w, uint32_t of, const sb_var *other, bool of_node)
{
    if (w->demand_count == w->demand_capacity) {
        const uint32_t grown = w->demand_capacity == 0 ? 16 : 2 * w->demand_capacity;
        demand *more;

        SB_TRY(sb_plan__alloc(w->p, grown, sizeof *more, &more));
        if (w->demand_count != 0) memcpy(more, w->demands, w->demand_count * sizeof *more);
        w->demands = more;
        w->demand_capacity = grown;
    }
    w->demands[w->demand_count++] = (demand){.loose = of, .other = other, .of_node = of_node};
    return SB_OK;
}

/* Two factors of one node become a pair, if neither is in one yet. */
static bool pair_up(walk *w, uint32_t first, uint32_t second, sb_plan_apart apart)
{
    loose *a = &w->loose[first], *b = &w->loose[second];

    if (!same_lists(&a->factor->expand, &b->factor->expand) || a->first_of_pair ||
        b->first_of_pair || a->factor->apart != SB_APART_NONE ||
        b->factor->apart != SB_APART_NONE || a->factor->optional || b->factor->optional ||
        a->back_inside || b->back_inside || a->across != UINT32_MAX || b->across != UINT32_MAX)
        return false;
    b->factor->apart = apart;
    b->partner = first;
    a->first_of_pair = true;
    return true;
}

/* `child` hangs on the node that `parent` leads to: may it not go back? */
static bool set_back(const loose *child, const sb_plan_expand *parent, bool of_node)
{
    const sb_plan_expand *e = &child->factor->expand;

    if (child->factor->apart != SB_APART_NONE || child->first_of_pair || child->back_inside ||
        child->factor->optional || child->across != UINT32_MAX)
        return false;
    if (of_node && !opposite_lists(parent, e)) return false;
    if (!of_node && !opposite_lists(parent, e) &&
        !(same_lists(parent, e) && e->direction != SB_REL_EITHER))
        return false;
    child->factor->apart = of_node ? SB_APART_BACK_NODE : SB_APART_BACK_REL;
    return true;
}

/* Does a factor count the ends of one list, but for their labels, and nothing else? */
static bool is_plain(const walk *w, const loose *l)
{
    bool plain = !l->factor->optional && l->factor->filter_count == 0 &&
                 l->factor->child_count == 0 && l->factor->apart == SB_APART_NONE &&
                 !l->first_of_pair && l->across == UINT32_MAX;

    for (uint32_t i = 0; i < w->loose_count && plain; i++)
        plain = w->loose[i].used || w->loose[i].at != l->factor->expand.to;
    return plain;
}

/* Two factors of different nodes, both of the row from now on, lead to nodes that must differ: ends that are in both lists are subtracted. */
static sb_status pair_across(walk *w, uint32_t first, uint32_t second, bool *paired)
{
    loose *a = &w->loose[first], *b = &w->loose[second];

    *paired = !w->across && is_plain(w, a) && is_plain(w, b);
    if (!*paired) return SB_OK;
    a->across = second;
    b->across = first;
    w->across = true;
    SB_TRY(sb_plan__set_add(w->p, &w->needed, a->at->slot));
    return sb_plan__set_add(w->p, &w->needed, b->at->slot);
}

/* Is it enough that the nodes differ? One relationship leads to one node. */
static bool tells_rels_apart(const sb_plan_expand *a, const sb_plan_expand *b)
{
    return a->direction == b->direction && a->direction != SB_REL_EITHER;
}

/* Try to meet demands between the newest factor and those that hang on the same node, or on the one that it leads to, or else on another. */
static sb_status meet_demands(walk *w, uint32_t newest, bool of_node)
{
    const loose *made = &w->loose[newest];
    const sb_plan_expand *e = &made->factor->expand;

    for (uint32_t i = 0; i < w->demand_count; i++) {
        demand *d = &w->demands[i];
        loose *one = &w->loose[d->loose];

        if (d->met || d->of_node != of_node || d->loose == newest) continue;
        if (!of_node && d->other != e->rel) continue;
        if (one->at == made->at && (!of_node || d->other == e->to)) {
            const bool paired = one->partner == newest || made->partner == d->loose;
            d->met = paired || pair_up(w, newest, d->loose,
                                       of_node ? SB_APART_SIBLING_NODE : SB_APART_SIBLING_REL);
        } else if (one->at == e->to && (!of_node || d->other == e->from)) {
            /* that the nodes differ says it of the relationships */
            d->met = one->factor->apart == SB_APART_BACK_NODE || set_back(one, e, of_node);
        } else if (of_node && d->other == e->to && one->at != e->to) {
            SB_TRY(pair_across(w, newest, d->loose, &d->met));
        } else if (!of_node && made->across == d->loose) {
            d->met = tells_rels_apart(e, &one->factor->expand);
        }
    }
    return SB_OK;
}

/* ---- Taking an expansion ------------------------------------------------------------------------------------------------ */

/* Is the FILTER at place i, which waits, about var? */
static bool is_about(const walk *w, uint32_t i, const sb_var *var)
{
    sb_slot_set slots = {NULL, 0};

    return sb_plan__expr_needs(w->p, w->ops[i]->as.filter.predicate, &slots) == SB_OK &&
           sb_plan__set_has(&slots, var->slot);
}

static bool can_take(const walk *w, uint32_t place)
{
    const sb_plan_expand *e = &w->ops[place]->as.expand;

    if (w->forbidden[place] || e->to_bound || e->from == e->to || e->filter != NULL ||
        sb_plan__set_has(&w->needed, e->to->slot))
        return false;
    if (e->rel == NULL) return true;
    if (sb_plan__set_has(&w->needed, e->rel->slot)) return false;
    for (uint32_t i = 0; i < place; i++)
        if (w->waits[i] && is_about(w, i, e->rel)) return false;
    return true;
}

/* Filters about the new factor's node become its own, or demands. */
static sb_status take_filters(walk *w, uint32_t place, uint32_t newest)
{
    sb_plan_factor *f = w->loose[newest].factor;

    SB_TRY(sb_plan__alloc(w->p, place + 1, sizeof *f->filters, &f->filters));
    for (uint32_t i = 0; i < place; i++) {
        sb_expr *predicate;

        if (!w->waits[i] || !is_about(w, i, f->expand.to)) continue;
        predicate = w->ops[i]->as.filter.predicate;
        w->waits[i] = false;
        w->taken[i] = true;
        if (sb_plan__is_difference(predicate)) {
            const sb_var *left = predicate->args[0]->var;
            SB_TRY(
                add_demand(w, newest, left == f->expand.to ? predicate->args[1]->var : left, true));
        } else if (labels_of(predicate, f->expand.to) != NULL && f->expand.to_labels == NULL) {
            f->expand.to_labels = predicate->labels;
        } else {
            f->filters[f->filter_count++] = predicate;
        }
    }
    return SB_OK;
}

/* A pair of factors lies side by side, in order. */
static sb_status order_children(walk *w, const sb_var *at, const sb_plan_factor ***children,
                                uint32_t *count, loose *parent)
{
    SB_TRY(sb_plan__alloc(w->p, w->loose_count + 1, sizeof **children, children));
    *count = 0;
    for (uint32_t i = 0; i < w->loose_count; i++) {
        loose *one = &w->loose[i];

        if (one->used || one->at != at || one->first_of_pair) continue;
        if (one->partner != UINT32_MAX) {
            (*children)[(*count)++] = w->loose[one->partner].factor;
            w->loose[one->partner].used = true;
        }
        (*children)[(*count)++] = one->factor;
        one->used = true;
        if (parent == NULL) continue;
        const bool back =
            one->factor->apart == SB_APART_BACK_REL || one->factor->apart == SB_APART_BACK_NODE;
        if (one->depth >= parent->depth) parent->depth = one->depth + 1;
        if (one->partner != UINT32_MAX && w->loose[one->partner].depth >= parent->depth)
            parent->depth = w->loose[one->partner].depth + 1;
        parent->back_inside = parent->back_inside || back;
    }
    return SB_OK;
}

/* Are there more differences among what hangs on a node than are put right? */
static uint32_t too_many(const walk *w, const sb_var *at)
{
    uint32_t backs = 0, pairs = 0;

    for (uint32_t i = 0; i < w->loose_count; i++) {
        const loose *one = &w->loose[i];

        if (one->used || one->at != at) continue;
        backs +=
            one->factor->apart == SB_APART_BACK_REL || one->factor->apart == SB_APART_BACK_NODE;
        pairs += one->partner != UINT32_MAX;
        if (backs > 1 || pairs > 1) return one->op;
    }
    return UINT32_MAX;
}

/* Of a factor that becomes a child all demands must be met. UINT32_MAX, or the op that is to be forbidden. */
static uint32_t unmet_at(const walk *w, const sb_var *at)
{
    for (uint32_t i = 0; i < w->demand_count; i++) {
        const loose *one = &w->loose[w->demands[i].loose];
        if (!w->demands[i].met && !one->used && (at == NULL || one->at == at)) return one->op;
    }
    return UINT32_MAX;
}

/* Of a factor that waits for one across, the node that it hangs on stays in the rows: the step at `place`, which leads there, is forbidden instead. */
static void wait_for_one_across(const walk *w, uint32_t place, uint32_t *forbid)
{
    for (uint32_t i = 0; i < w->loose_count; i++)
        if (w->hopes && !w->across && w->loose[i].op == *forbid && is_plain(w, &w->loose[i])) {
            *forbid = place;
            return;
        }
}

static sb_status take(walk *w, uint32_t place, uint32_t *forbid)
{
    const sb_plan_expand *e = &w->ops[place]->as.expand;
    const uint32_t newest = w->loose_count++;
    loose *made = &w->loose[newest];
    const sb_plan_factor **children;

    *made = (loose){.at = e->from, .op = place, .partner = UINT32_MAX, .across = UINT32_MAX};
    SB_TRY(sb_plan__alloc(w->p, 1, sizeof *made->factor, &made->factor));
    made->factor->expand = *e;
    made->factor->expand.unlike_count = 0;
    w->taken[place] = true;
    SB_TRY(take_filters(w, place, newest));
    for (uint32_t i = 0; i < e->unlike_count; i++)
        SB_TRY(add_demand(w, newest, e->unlike[i], false));
    SB_TRY(meet_demands(w, newest, true));
    SB_TRY(meet_demands(w, newest, false));
    *forbid = unmet_at(w, e->to);
    wait_for_one_across(w, place, forbid);
    if (*forbid == UINT32_MAX) *forbid = too_many(w, e->to);
    if (*forbid != UINT32_MAX) return SB_OK;
    SB_TRY(order_children(w, e->to, &children, &made->factor->child_count, made));
    made->factor->children = children;
    if (made->depth > DEPTH_MAX || (made->back_inside && made->first_of_pair)) *forbid = place;
    if (made->back_inside && made->factor->apart != SB_APART_NONE) *forbid = place;
    return SB_OK;
}

/* ---- The walk ------------------------------------------------------------------------------------------------------------- */

static sb_status open_walk(walk *w, sb_planner *p, sb_plan *top)
{
    *w = (walk){.p = p};
    for (sb_plan *op = top; op != NULL; op = op->input)
        w->op_count++;
    const size_t count = (size_t)w->op_count + 1;
    SB_TRY(sb_plan__alloc(p, count, sizeof(sb_plan *), &w->ops));
    SB_TRY(sb_plan__alloc(p, count, sizeof(bool), &w->forbidden));
    SB_TRY(sb_plan__alloc(p, count, sizeof(bool), &w->taken));
    SB_TRY(sb_plan__alloc(p, count, sizeof(bool), &w->waits));
    SB_TRY(sb_plan__alloc(p, count, sizeof *w->loose, &w->loose));
    w->op_count = 0;
    for (sb_plan *op = top; op != NULL; op = op->input)
        w->ops[w->op_count++] = op;
    return SB_OK;
}

static sb_status step_filter(walk *w, uint32_t place)
{
    const sb_expr *predicate = w->ops[place]->as.filter.predicate;
    sb_slot_set needs = {NULL, 0};

    if (!has_plan(predicate) && !sb_plan__expr_volatile(predicate)) {
        SB_TRY(sb_plan__expr_needs(w->p, predicate, &needs));
        w->waits[place] = sb_plan__set_count(&needs) == 1 || sb_plan__is_difference(predicate);
    }
    return w->waits[place] ? SB_OK : keep(w, w->ops[place]);
}

static sb_status walk_down(walk *w, const sb_slot_set *needed, uint32_t *forbid);

/* An optional part that is a tree on one node, and of which nobody reads anything. */
static sb_status take_optional(walk *w, uint32_t place, bool *took)
{
    const sb_plan *apply = w->ops[place];
    walk inside;
    uint32_t forbid, left = UINT32_MAX;

    *took = false;
    for (uint32_t i = 0; i < apply->as.apply.null_count; i++)
        if (sb_plan__set_has(&w->needed, apply->as.apply.nulls[i]->slot)) return SB_OK;
    for (uint32_t i = 0; i < place; i++) /* IS NULL, say */
        for (uint32_t k = 0; w->waits[i] && k < apply->as.apply.null_count; k++)
            if (is_about(w, i, apply->as.apply.nulls[k])) return SB_OK;
    for (uint32_t i = 0; i < w->loose_count; i++)
        for (uint32_t k = 0; !w->loose[i].used && k < apply->as.apply.null_count; k++)
            if (w->loose[i].at == apply->as.apply.nulls[k]) return SB_OK;
    SB_TRY(open_walk(&inside, w->p, apply->inner));
    SB_TRY(walk_down(&inside, &w->needed, &forbid));
    if (forbid != UINT32_MAX || inside.end + 1 != inside.op_count ||
        inside.ops[inside.end]->kind != SB_PLAN_ARGUMENT)
        return SB_OK;
    for (uint32_t i = 0; i < inside.end; i++)
        if (!inside.taken[i]) return SB_OK;
    for (uint32_t i = 0; i < inside.loose_count; i++) {
        if (inside.loose[i].used) continue;
        if (left != UINT32_MAX) return SB_OK; /* several trees: none of their rows, or all pairs */
        left = i;
    }
    if (left == UINT32_MAX || inside.loose[left].factor->apart != SB_APART_NONE) return SB_OK;
    loose *made = &w->loose[w->loose_count++];
    *made = inside.loose[left];
    made->factor->optional = true;
    made->op = place;
    w->taken[place] = true;
    *took = true;
    return SB_OK;
}

/* *forbid: an op that must stay a step, for which to begin again; UINT32_MAX: all is well. */
static sb_status walk_down(walk *w, const sb_slot_set *needed, uint32_t *forbid)
{
    bool took;

    *forbid = UINT32_MAX;
    SB_TRY(sb_plan__set_copy(w->p, needed, &w->needed));
    w->loose_count = w->demand_count = 0;
    w->across = false;
    memset(w->taken, 0, w->op_count * sizeof *w->taken);
    memset(w->waits, 0, w->op_count * sizeof *w->waits);
    for (w->end = 0; w->end < w->op_count && *forbid == UINT32_MAX; w->end++) {
        const sb_plan *op = w->ops[w->end];

        if (op->kind == SB_PLAN_FILTER) {
            SB_TRY(step_filter(w, w->end));
        } else if (op->kind == SB_PLAN_EXPAND && can_take(w, w->end)) {
            SB_TRY(take(w, w->end, forbid));
        } else if (op->kind == SB_PLAN_OPTIONAL_APPLY) {
            SB_TRY(take_optional(w, w->end, &took));
            if (!took) break;
        } else if (op->kind == SB_PLAN_EXPAND || op->kind == SB_PLAN_EXPAND_INTO ||
                   op->kind == SB_PLAN_INTERSECT || op->kind == SB_PLAN_RELATED ||
                   op->kind == SB_PLAN_SEMI_APPLY) {
            SB_TRY(keep(w, op));
        } else {
            break;
        }
    }
    if (*forbid == UINT32_MAX) *forbid = unmet_at(w, NULL);
    for (uint32_t i = 0; i < w->loose_count && *forbid == UINT32_MAX; i++)
        if (!w->loose[i].used) *forbid = too_many(w, w->loose[i].at);
    for (uint32_t i = 0; i < w->loose_count && *forbid == UINT32_MAX; i++)
        if (!w->loose[i].used && (w->loose[i].factor->apart == SB_APART_BACK_REL ||
                                  w->loose[i].factor->apart == SB_APART_BACK_NODE))
            *forbid = w->loose[i].op;
    return SB_OK;
}

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
static sb_plan *relink(walk *w)
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
static sb_status put_across(walk *w, sb_plan *weigh, sb_plan_weight *weights)
{
    sb_planner *p = w->p;
    sb_plan *common;
    sb_var *number;

    SB_TRY(sb_plan__new(p, SB_PLAN_INTERSECT, weigh->input, &common));
    SB_TRY(sb_plan__var(p, SB_KIND_INT, &number));
    sb_plan_expand *const sides = common->as.intersect.sides;
    for (uint32_t i = 0; i < w->loose_count; i++) {
        loose *one = &w->loose[i];
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

static sb_status put_weigh(walk *w, sb_plan *aggregate)
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
        SB_TRY(order_children(w, one->node, &factors, &one->factor_count, NULL));
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
static bool is_degree(const walk *w)
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

        *possible = *possible && !has_plan(e) && !sb_plan__expr_volatile(e);
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
static bool is_worth(const walk *w)
{
    uint32_t expansions = 0;

    for (uint32_t i = 0; i < w->op_count; i++)
        expansions += w->ops[i]->kind == SB_PLAN_EXPAND;
    return expansions > 2 || w->ops[0]->rows >= ROWS_WORTH || w->p->options.always_factor;
}

static sb_status walk_all(walk *w, const sb_slot_set *needed)
{
    uint32_t forbid;

    do {
        SB_TRY(walk_down(w, needed, &forbid));
        if (forbid != UINT32_MAX) w->forbidden[forbid] = true;
    } while (forbid != UINT32_MAX);
    return SB_OK;
}

/* ---- Nodes instead of relationships ------------------------------------------------------------------------------------ */

/* The place of the filter that wants a label of a node, above a scan; op_count: there is none. *other: one wants more than a label. */
static uint32_t label_filter(const walk *w, const sb_var *node, bool *other)
{
    uint32_t found = w->op_count;

    *other = false;
    for (uint32_t i = 0; i < w->end; i++) {
        const sb_label_expr *labels = w->ops[i]->kind == SB_PLAN_FILTER
                                          ? labels_of(w->ops[i]->as.filter.predicate, node)
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
static sb_status scan_nodes(walk *w, sb_plan *aggregate, const sb_slot_set *needed, bool backward,
                            bool *turned)
{
    sb_plan *const rels = w->ops[w->end];
    const sb_plan_expand *e = &rels->as.expand;
    bool other;
    const uint32_t filter = label_filter(w, backward ? e->to : e->from, &other);
    const uint32_t place = w->end;
    sb_plan *expand;
    walk again;

    if (other || e->from == e->to) return SB_OK;
    SB_TRY(make_expansion(
        w->p, rels, backward,
        filter == w->op_count ? NULL : w->ops[filter]->as.filter.predicate->labels, &expand));
    if (expand->input->rows > SB_PLAN_SCAN_WORTH * rels->rows) return SB_OK;
    w->ops[place - 1]->input = expand;
    SB_TRY(open_walk(&again, w->p, aggregate->input));
    SB_TRY(walk_all(&again, needed));
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
static bool only_ends(const walk *w)
{
    const sb_plan *rels = w->ops[w->end];
    const sb_var *rel = rels->as.expand.rel;
    bool expands = w->across;

    if (rels->as.expand.direction == SB_REL_EITHER || rels->input->kind != SB_PLAN_ARGUMENT ||
        (rel != NULL && sb_plan__set_has(&w->needed, rel->slot)))
        return false;
    for (uint32_t i = 0; i < w->end; i++) {
        if (w->ops[i]->kind == SB_PLAN_INTERSECT ||
            (rel != NULL && w->waits[i] && is_about(w, i, rel)))
            return false;
        expands = expands || (w->ops[i]->kind == SB_PLAN_EXPAND && !w->taken[i]);
    }
    return expands;
}

/* Such relationships are read from the lists of the nodes at one end, one behind the other, where these are few enough: a row takes longer to find than an
 * entry (perf: 30 ns; 10 for a list in order, and 10 for an entry). */
static sb_status scan_ends(walk *w)
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
static sb_status walk_hoping(walk *w, const sb_slot_set *needed, bool *found)
{
    w->hopes = true;
    SB_TRY(walk_all(w, needed));
    w->hopes = false;
    *found = w->across;
    return SB_OK;
}

/* The walk over a chain that begins with a scan of nodes and the expansion `first` instead of ops[place]; unless *found, all is left as it was. */
static sb_status try_first(walk *w, sb_plan *aggregate, const sb_slot_set *needed, uint32_t place,
                           sb_plan *first, bool *found)
{
    sb_plan *const before = w->ops[place];
    walk again;

    if (first->input->rows > SB_PLAN_SCAN_WORTH * before->rows) return SB_OK;
    w->ops[place - 1]->input = first;
    SB_TRY(open_walk(&again, w->p, aggregate->input));
    SB_TRY(walk_hoping(&again, needed, found));
    if (*found)
        *w = again;
    else
        w->ops[place - 1]->input = before;
    return SB_OK;
}

/* A chain that begins with the nodes at one end of an expansion begins with those at the other end: what is asked of the former may be asked of a factor
 * then. */
static sb_status turn_first(walk *w, sb_plan *aggregate, const sb_slot_set *needed, bool *found)
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
static sb_status expand_first(walk *w, sb_plan *aggregate, const sb_slot_set *needed, bool *found)
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
static sb_status walk_best(walk *w, sb_plan *aggregate, const sb_slot_set *needed)
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
    return walk_all(w, needed);
}

sb_status sb_plan__factor(sb_planner *p, sb_plan *aggregate)
{
    sb_slot_set slots = {NULL, 0};
    bool possible, turned = false;
    walk w;

    if (!counts_rows(aggregate) || aggregate->as.aggregate.weight != NULL) return SB_OK;
    SB_TRY(count_all(p, aggregate));
    SB_TRY(reads_of_groups(p, aggregate, &slots, &possible));
    if (!possible) return SB_OK;
    SB_TRY(open_walk(&w, p, aggregate->input));
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
