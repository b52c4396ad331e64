/* factor_walk.c — which expansions of a chain become factors.
 * The chain is walked from the aggregation down. Conditions on one node go into its factor. That two nodes, or two relationships, must differ
 * is put right by subtracting those rows in which they are the same: where that is a sum over one list (sb_plan_apart), or where factors of two nodes of
 * a row lead to the two, by what an INTERSECT of both lists counts. An expansion that must differ in another way stays a step: it is forbidden, and
 * the walk begins again. */
#include "cypher/plan/factor_priv.h"

#include <string.h>

#define DEPTH_MAX 32u /* of factors within factors */

/* ---- Reads --------------------------------------------------------------------------------------------------------------- */

static sb_status reads_of_tree(sb_planner *p, const sb_plan *plan, sb_slot_set *set)
{
    for (; plan != NULL; plan = plan->input) {
        SB_TRY(sb_plan__reads(p, plan, set));
        if (plan->inner != NULL) SB_TRY(reads_of_tree(p, plan->inner, set));
    }
    return SB_OK;
}

static sb_status keep(sb_factor_walk *w, const sb_plan *op)
{
    SB_TRY(sb_plan__reads(w->p, op, &w->needed));
    return op->inner == NULL ? SB_OK : reads_of_tree(w->p, op->inner, &w->needed);
}

bool sb_factor__has_plan(const sb_expr *e)
{
    if (e == NULL) return false;
    if (e->plan != NULL) return true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (sb_factor__has_plan(e->args[i])) return true;
    return false;
}

const sb_label_expr *sb_factor__labels_of(const sb_expr *predicate, const sb_var *node)
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

static sb_status add_demand(sb_factor_walk *w, uint32_t of, const sb_var *other, bool of_node)
{
    if (w->demand_count == w->demand_capacity) {
        const uint32_t grown = w->demand_capacity == 0 ? 16 : 2 * w->demand_capacity;
        sb_factor_demand *more;

        SB_TRY(sb_plan__alloc(w->p, grown, sizeof *more, &more));
        if (w->demand_count != 0) memcpy(more, w->demands, w->demand_count * sizeof *more);
        w->demands = more;
        w->demand_capacity = grown;
    }
    w->demands[w->demand_count++] =
        (sb_factor_demand){.loose = of, .other = other, .of_node = of_node};
    return SB_OK;
}

/* Two factors of one node become a pair, if neither is in one yet. */
static bool pair_up(sb_factor_walk *w, uint32_t first, uint32_t second, sb_plan_apart apart)
{
    sb_factor_loose *a = &w->loose[first], *b = &w->loose[second];

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
static bool set_back(const sb_factor_loose *child, const sb_plan_expand *parent, bool of_node)
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
static bool is_plain(const sb_factor_walk *w, const sb_factor_loose *l)
{
    bool plain = !l->factor->optional && l->factor->filter_count == 0 &&
                 l->factor->child_count == 0 && l->factor->apart == SB_APART_NONE &&
                 !l->first_of_pair && l->across == UINT32_MAX;

    for (uint32_t i = 0; i < w->loose_count && plain; i++)
        plain = w->loose[i].used || w->loose[i].at != l->factor->expand.to;
    return plain;
}

/* Two factors of different nodes, both of the row from now on, lead to nodes that must differ: ends that are in both lists are subtracted. */
static sb_status pair_across(sb_factor_walk *w, uint32_t first, uint32_t second, bool *paired)
{
    sb_factor_loose *a = &w->loose[first], *b = &w->loose[second];

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
static sb_status meet_demands(sb_factor_walk *w, uint32_t newest, bool of_node)
{
    const sb_factor_loose *made = &w->loose[newest];
    const sb_plan_expand *e = &made->factor->expand;

    for (uint32_t i = 0; i < w->demand_count; i++) {
        sb_factor_demand *d = &w->demands[i];
        sb_factor_loose *one = &w->loose[d->loose];

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

bool sb_factor__is_about(const sb_factor_walk *w, uint32_t i, const sb_var *var)
{
    sb_slot_set slots = {NULL, 0};

    return sb_plan__expr_needs(w->p, w->ops[i]->as.filter.predicate, &slots) == SB_OK &&
           sb_plan__set_has(&slots, var->slot);
}

static bool can_take(const sb_factor_walk *w, uint32_t place)
{
    const sb_plan_expand *e = &w->ops[place]->as.expand;

    if (w->forbidden[place] || e->to_bound || e->from == e->to || e->filter != NULL ||
        sb_plan__set_has(&w->needed, e->to->slot))
        return false;
    if (e->rel == NULL) return true;
    if (sb_plan__set_has(&w->needed, e->rel->slot)) return false;
    for (uint32_t i = 0; i < place; i++)
        if (w->waits[i] && sb_factor__is_about(w, i, e->rel)) return false;
    return true;
}

/* Filters about the new factor's node become its own, or demands. */
static sb_status take_filters(sb_factor_walk *w, uint32_t place, uint32_t newest)
{
    sb_plan_factor *f = w->loose[newest].factor;

    SB_TRY(sb_plan__alloc(w->p, place + 1, sizeof *f->filters, &f->filters));
    for (uint32_t i = 0; i < place; i++) {
        sb_expr *predicate;

        if (!w->waits[i] || !sb_factor__is_about(w, i, f->expand.to)) continue;
        predicate = w->ops[i]->as.filter.predicate;
        w->waits[i] = false;
        w->taken[i] = true;
        if (sb_plan__is_difference(predicate)) {
            const sb_var *left = predicate->args[0]->var;
            SB_TRY(
                add_demand(w, newest, left == f->expand.to ? predicate->args[1]->var : left, true));
        } else if (sb_factor__labels_of(predicate, f->expand.to) != NULL &&
                   f->expand.to_labels == NULL) {
            f->expand.to_labels = predicate->labels;
        } else {
            f->filters[f->filter_count++] = predicate;
        }
    }
    return SB_OK;
}

sb_status sb_factor__children(sb_factor_walk *w, const sb_var *at, const sb_plan_factor ***children,
                              uint32_t *count, sb_factor_loose *parent)
{
    SB_TRY(sb_plan__alloc(w->p, w->loose_count + 1, sizeof **children, children));
    *count = 0;
    for (uint32_t i = 0; i < w->loose_count; i++) {
        sb_factor_loose *one = &w->loose[i];

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
static uint32_t too_many(const sb_factor_walk *w, const sb_var *at)
{
    uint32_t backs = 0, pairs = 0;

    for (uint32_t i = 0; i < w->loose_count; i++) {
        const sb_factor_loose *one = &w->loose[i];

        if (one->used || one->at != at) continue;
        backs +=
            one->factor->apart == SB_APART_BACK_REL || one->factor->apart == SB_APART_BACK_NODE;
        pairs += one->partner != UINT32_MAX;
        if (backs > 1 || pairs > 1) return one->op;
    }
    return UINT32_MAX;
}

/* Of a factor that becomes a child all demands must be met. UINT32_MAX, or the op that is to be forbidden. */
static uint32_t unmet_at(const sb_factor_walk *w, const sb_var *at)
{
    for (uint32_t i = 0; i < w->demand_count; i++) {
        const sb_factor_loose *one = &w->loose[w->demands[i].loose];
        if (!w->demands[i].met && !one->used && (at == NULL || one->at == at)) return one->op;
    }
    return UINT32_MAX;
}

/* Of a factor that waits for one across, the node that it hangs on stays in the rows: the step at `place`, which leads there, is forbidden instead. */
static void wait_for_one_across(const sb_factor_walk *w, uint32_t place, uint32_t *forbid)
{
    for (uint32_t i = 0; i < w->loose_count; i++)
        if (w->hopes && !w->across && w->loose[i].op == *forbid && is_plain(w, &w->loose[i])) {
            *forbid = place;
            return;
        }
}

static sb_status take(sb_factor_walk *w, uint32_t place, uint32_t *forbid)
{
    const sb_plan_expand *e = &w->ops[place]->as.expand;
    const uint32_t newest = w->loose_count++;
    sb_factor_loose *made = &w->loose[newest];
    const sb_plan_factor **children;

    *made =
        (sb_factor_loose){.at = e->from, .op = place, .partner = UINT32_MAX, .across = UINT32_MAX};
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
    SB_TRY(sb_factor__children(w, e->to, &children, &made->factor->child_count, made));
    made->factor->children = children;
    if (made->depth > DEPTH_MAX || (made->back_inside && made->first_of_pair)) *forbid = place;
    if (made->back_inside && made->factor->apart != SB_APART_NONE) *forbid = place;
    return SB_OK;
}

/* ---- The walk ------------------------------------------------------------------------------------------------------------- */

sb_status sb_factor__open_walk(sb_factor_walk *w, sb_planner *p, sb_plan *top)
{
    *w = (sb_factor_walk){.p = p};
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

static sb_status step_filter(sb_factor_walk *w, uint32_t place)
{
    const sb_expr *predicate = w->ops[place]->as.filter.predicate;
    sb_slot_set needs = {NULL, 0};

    if (!sb_factor__has_plan(predicate) && !sb_plan__expr_volatile(predicate)) {
        SB_TRY(sb_plan__expr_needs(w->p, predicate, &needs));
        w->waits[place] = sb_plan__set_count(&needs) == 1 || sb_plan__is_difference(predicate);
    }
    return w->waits[place] ? SB_OK : keep(w, w->ops[place]);
}

static sb_status walk_down(sb_factor_walk *w, const sb_slot_set *needed, uint32_t *forbid);

/* An optional part that is a tree on one node, and of which nobody reads anything. */
static sb_status take_optional(sb_factor_walk *w, uint32_t place, bool *took)
{
    const sb_plan *apply = w->ops[place];
    sb_factor_walk inside;
    uint32_t forbid, left = UINT32_MAX;

    *took = false;
    for (uint32_t i = 0; i < apply->as.apply.null_count; i++)
        if (sb_plan__set_has(&w->needed, apply->as.apply.nulls[i]->slot)) return SB_OK;
    for (uint32_t i = 0; i < place; i++) /* IS NULL, say */
        for (uint32_t k = 0; w->waits[i] && k < apply->as.apply.null_count; k++)
            if (sb_factor__is_about(w, i, apply->as.apply.nulls[k])) return SB_OK;
    for (uint32_t i = 0; i < w->loose_count; i++)
        for (uint32_t k = 0; !w->loose[i].used && k < apply->as.apply.null_count; k++)
            if (w->loose[i].at == apply->as.apply.nulls[k]) return SB_OK;
    SB_TRY(sb_factor__open_walk(&inside, w->p, apply->inner));
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
    sb_factor_loose *made = &w->loose[w->loose_count++];
    *made = inside.loose[left];
    made->factor->optional = true;
    made->op = place;
    w->taken[place] = true;
    *took = true;
    return SB_OK;
}

/* *forbid: an op that must stay a step, for which to begin again; UINT32_MAX: all is well. */
static sb_status walk_down(sb_factor_walk *w, const sb_slot_set *needed, uint32_t *forbid)
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

sb_status sb_factor__walk_all(sb_factor_walk *w, const sb_slot_set *needed)
{
    uint32_t forbid;

    do {
        SB_TRY(walk_down(w, needed, &forbid));
        if (forbid != UINT32_MAX) w->forbidden[forbid] = true;
    } while (forbid != UINT32_MAX);
    return SB_OK;
}
