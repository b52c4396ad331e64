/* factor_root.c — at which node of a tree of factors to begin.
 * The sum over all nodes of a label is the same whichever node of the tree it is taken at. Where many nodes are weighed, each factor's lists are read in
 * order, and what they lead to is looked up at random: so the nodes that are most are scanned, and what is looked up is of few. A step
 * from one root to the next turns the factor between them round. */
#include "cypher/plan/plan_priv.h"

#include <string.h>

sb_status sb_plan__scan_label(sb_planner *p, const sb_plan *scan, const sb_label_expr **labels)
{
    sb_label_expr *made;

    *labels = NULL;
    if (!scan->as.scan.label_given) return SB_OK;
    SB_TRY(sb_plan__alloc(p, 1, sizeof *made, &made));
    *made = (sb_label_expr){.op = SB_LABEL_NAME, .name = p->names[scan->as.scan.label].text};
    *labels = made;
    return SB_OK;
}

static sb_status count_rels(sb_planner *p, const sb_plan_expand *e, double *count)
{
    *count = 0;
    for (uint32_t i = 0; i < (e->type_count == 0 ? 1 : e->type_count); i++) {
        sb_type_id type = 0;
        uint64_t more = 0;
        if (e->type_count != 0)
            type = sb_name_find(p->view, SB_NAME_TYPE, p->names[e->types[i]].text);
        if (e->type_count == 0 || type != 0)
            SB_TRY(sb_stats_rels_of_type(p->view, type, &more, p->err));
        *count += (double)more;
    }
    return SB_OK;
}

/* Does another factor depend on this one's place in the tree? */
static bool is_free(const sb_plan_weight *w, uint32_t place)
{
    const sb_plan_factor *f = w->factors[place];
    const sb_plan_factor *next = place + 1 < w->factor_count ? w->factors[place + 1] : NULL;

    if (f->optional || f->apart != SB_APART_NONE || f->filter_count != 0 ||
        f->expand.to_labels == NULL || f->expand.to_labels->op != SB_LABEL_NAME)
        return false;
    for (uint32_t i = 0; i < f->child_count; i++)
        if (f->children[i]->apart == SB_APART_BACK_REL ||
            f->children[i]->apart == SB_APART_BACK_NODE)
            return false;
    return next == NULL || next->apart == SB_APART_NONE;
}

/* The factor that leads to the most nodes, more than *nodes of the root: its place; factor_count: there is none. */
static sb_status largest(sb_planner *p, const sb_plan_weight *w, double *nodes, uint32_t *place)
{
    *place = w->factor_count;
    for (uint32_t i = 0; i < w->factor_count; i++) {
        double count;
        double rels;

        if (!is_free(w, i)) continue;
        SB_TRY(sb_plan__estimate_nodes(p, w->factors[i]->expand.to_labels, &count));
        SB_TRY(count_rels(p, &w->factors[i]->expand, &rels));
        if (count <= *nodes || count > SB_PLAN_SCAN_WORTH * rels) continue;
        *nodes = count;
        *place = i;
    }
    return SB_OK;
}

/* The node that the factor at `place` leads to becomes the root, and labels those of its scan. */
static sb_status turn(sb_planner *p, sb_plan_weight *w, uint32_t place,
                      const sb_label_expr **labels)
{
    const sb_plan_factor *f = w->factors[place];
    const sb_plan_factor **factors, **others;
    sb_plan_factor *back;

    SB_TRY(sb_plan__alloc(p, 1, sizeof *back, &back));
    SB_TRY(sb_plan__alloc(p, (size_t)f->child_count + 1, sizeof *factors, &factors));
    SB_TRY(sb_plan__alloc(p, (size_t)w->factor_count, sizeof *others, &others));
    back->expand = f->expand;
    back->expand.from = f->expand.to;
    back->expand.to = f->expand.from;
    back->expand.direction = sb_plan__turned(f->expand.direction);
    back->expand.to_labels = *labels;
    for (uint32_t i = 0; i < w->factor_count; i++)
        if (i != place) others[back->child_count++] = w->factors[i];
    back->children = others;
    for (uint32_t i = 0; i < f->child_count; i++)
        factors[i] = f->children[i];
    factors[f->child_count] = back;
    *labels = f->expand.to_labels;
    *w = (sb_plan_weight){
        .node = f->expand.to, .factors = factors, .factor_count = f->child_count + 1};
    return SB_OK;
}

sb_status sb_plan__root_factors(sb_planner *p, sb_plan *weigh)
{
    const sb_plan *scan = weigh->input;
    const sb_label_expr *labels;
    sb_plan_weight w, *weights;
    double nodes;
    uint32_t place;
    sb_plan *again;

    if ((scan->kind != SB_PLAN_LABEL_SCAN && scan->kind != SB_PLAN_ALL_NODES) ||
        scan->input->kind != SB_PLAN_ARGUMENT || weigh->as.weigh.count != 1 ||
        p->options.no_reorder)
        return SB_OK;
    SB_TRY(sb_plan__scan_label(p, scan, &labels));
    SB_TRY(sb_plan__estimate_nodes(p, labels, &nodes));
    w = weigh->as.weigh.weights[0];
    SB_TRY(largest(p, &w, &nodes, &place));
    if (place == w.factor_count) return SB_OK;
    while (place != w.factor_count) {
        SB_TRY(turn(p, &w, place, &labels));
        SB_TRY(largest(p, &w, &nodes, &place));
    }
    SB_TRY(sb_plan__new(p, SB_PLAN_LABEL_SCAN, scan->input, &again));
    again->as.scan.node = w.node;
    again->as.scan.label_given = true;
    SB_TRY(sb_plan__name(p, SB_NAME_LABEL, labels->name, &again->as.scan.label));
    again->rows = scan->input->rows * nodes;
    again->cost = scan->input->cost + again->rows;
    SB_TRY(sb_plan__alloc(p, 1, sizeof *weights, &weights));
    *weights = w;
    weigh->input = again;
    weigh->as.weigh.weights = weights;
    weigh->rows = again->rows;
    if (weigh->cost < again->cost) weigh->cost = again->cost;
    return SB_OK;
}
