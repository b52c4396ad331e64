/* estimate.c — how many: from the store's exact statistics where it has them, else rules of thumb.
 * The statistics are sums per label set (store/store.h); a label of very many sets is estimated from totals, so that planning stays
 * quick on any graph. */
#include "cypher/plan/plan_priv.h"

#define SETS_SUMMED_MAX 256u /* label sets whose statistics one estimate reads */

/* Rules of thumb for predicates about which nothing is known. */
#define SELECT_EQUAL  0.1
#define SELECT_RANGE  0.3
#define SELECT_PREFIX 0.1
#define SELECT_NULL   0.1
#define SELECT_OTHER  0.5

static uint32_t name_id(sb_planner *p, sb_name_kind kind, sb_bytes name)
{
    return sb_name_find(p->view, kind, name);
}

static sb_status all_nodes(sb_planner *p, double *count)
{
    uint64_t nodes;

    SB_TRY(sb_stats_nodes_of_label(p->view, 0, &nodes, p->err));
    *count = (double)nodes;
    return SB_OK;
}

static sb_status estimate_labels(sb_planner *p, const sb_label_expr *labels, double all,
                                 double *count)
{
    double left;
    double right;
    uint64_t exact = 0;

    *count = all;
    if (labels == NULL || all == 0) return SB_OK;
    switch (labels->op) {
    case SB_LABEL_NAME: {
        const sb_label_id id = name_id(p, SB_NAME_LABEL, labels->name);

        if (id != 0) SB_TRY(sb_stats_nodes_of_label(p->view, id, &exact, p->err));
        *count = (double)exact;
        return SB_OK;
    }
    case SB_LABEL_DYNAMIC: /* is a predicate by now */
    case SB_LABEL_ANY: return SB_OK;
    case SB_LABEL_NOT:
        SB_TRY(estimate_labels(p, labels->left, all, &left));
        *count = all - left;
        return SB_OK;
    case SB_LABEL_AND:
    case SB_LABEL_OR:
        SB_TRY(estimate_labels(p, labels->left, all, &left));
        SB_TRY(estimate_labels(p, labels->right, all, &right));
        if (labels->op == SB_LABEL_AND)
            *count = left * right / all;
        else
            *count = left + right < all ? left + right : all;
        return SB_OK;
    }
    return SB_OK;
}

sb_status sb_plan__estimate_nodes(sb_planner *p, const sb_label_expr *labels, double *count)
{
    double all;

    SB_TRY(all_nodes(p, &all));
    SB_TRY(estimate_labels(p, labels, all, count));
    if (*count < 1) *count = 1;
    return SB_OK;
}

static sb_status rels_of_types(sb_planner *p, const sb_label_expr *types, double all, double *count)
{
    double left;
    double right;
    uint64_t exact = 0;

    *count = all;
    if (types == NULL) return SB_OK;
    switch (types->op) {
    case SB_LABEL_NAME: {
        const sb_type_id id = name_id(p, SB_NAME_TYPE, types->name);

        if (id != 0) SB_TRY(sb_stats_rels_of_type(p->view, id, &exact, p->err));
        *count = (double)exact;
        return SB_OK;
    }
    case SB_LABEL_DYNAMIC: /* is a predicate by now */
    case SB_LABEL_ANY: return SB_OK;
    case SB_LABEL_NOT:
        SB_TRY(rels_of_types(p, types->left, all, &left));
        *count = all - left;
        return SB_OK;
    case SB_LABEL_AND: *count = 0; return SB_OK; /* a relationship has one type */
    case SB_LABEL_OR:
        SB_TRY(rels_of_types(p, types->left, all, &left));
        SB_TRY(rels_of_types(p, types->right, all, &right));
        *count = left + right < all ? left + right : all;
        return SB_OK;
    }
    return SB_OK;
}

sb_status sb_plan__estimate_rels(sb_planner *p, const sb_label_expr *types, double *count)
{
    uint64_t all;

    SB_TRY(sb_stats_rels_of_type(p->view, 0, &all, p->err));
    return rels_of_types(p, types, (double)all, count);
}

/* Relationships of a single type at the nodes of a label, seen in direction; *known false: too many sets, or not one name each. */
static sb_status rels_at_label(sb_planner *p, const sb_label_expr *labels,
                               const sb_label_expr *types, sb_direction direction, double *count,
                               bool *known)
{
    size_t set_count;
    uint64_t sum = 0;

    *known = false;
    if (labels == NULL || labels->op != SB_LABEL_NAME || types == NULL ||
        types->op != SB_LABEL_NAME)
        return SB_OK;
    const sb_label_id label = name_id(p, SB_NAME_LABEL, labels->name);
    const sb_type_id type = name_id(p, SB_NAME_TYPE, types->name);
    *count = 0;
    *known = true;
    if (label == 0 || type == 0) return SB_OK;
    const sb_set_id *sets = sb_label_sets(p->view, label, &set_count);
    if (set_count > SETS_SUMMED_MAX) {
        *known = false;
        return SB_OK;
    }
    for (size_t i = 0; i < set_count; i++) {
        uint64_t here;

        SB_TRY(sb_stats_rels_of(p->view, sets[i], type, direction, &here, p->err));
        sum += here;
    }
    *count = (double)sum;
    return SB_OK;
}

/* The same in the direction that relationships are followed in; either: in both. */
static sb_status rels_followed(sb_planner *p, const sb_label_expr *labels,
                               const sb_rel_pattern *rel, sb_direction direction, double *count,
                               bool *known)
{
    double other;

    SB_TRY(rels_at_label(p, labels, rel->types, direction, count, known));
    if (!*known || rel->direction != SB_REL_EITHER) return SB_OK;
    SB_TRY(
        rels_at_label(p, labels, rel->types, direction == SB_OUT ? SB_IN : SB_OUT, &other, known));
    *count += other;
    return SB_OK;
}

sb_status sb_plan__estimate_degree(sb_planner *p, const sb_label_expr *from_labels,
                                   const sb_rel_pattern *rel, bool forward,
                                   const sb_label_expr *to_labels, double *degree)
{
    const bool either = rel->direction == SB_REL_EITHER;
    const bool outgoing = (rel->direction == SB_REL_OUT) == forward;
    double from_count;
    double rels;
    double at_from;
    double at_to;
    bool known;

    SB_TRY(sb_plan__estimate_nodes(p, from_labels, &from_count));
    SB_TRY(sb_plan__estimate_rels(p, rel->types, &rels));
    SB_TRY(rels_followed(p, from_labels, rel, outgoing ? SB_OUT : SB_IN, &at_from, &known));
    if (!known) {
        double all;

        SB_TRY(all_nodes(p, &all));
        at_from = all < 1 ? 0 : rels * from_count / all;
        if (either) at_from *= 2;
    }
    *degree = at_from / from_count;
    if (to_labels == NULL || rels < 1) return SB_OK;
    SB_TRY(rels_followed(p, to_labels, rel, outgoing ? SB_IN : SB_OUT, &at_to, &known));
    if (known) {
        *degree *= at_to / (either ? 2 * rels : rels);
    } else {
        double to_count;
        double all;

        SB_TRY(all_nodes(p, &all));
        SB_TRY(sb_plan__estimate_nodes(p, to_labels, &to_count));
        if (all >= 1) *degree *= to_count / all;
    }
    return SB_OK;
}

double sb_plan__selectivity(const sb_expr *e)
{
    double left;

    if (e->kind == SB_EXPR_BOOL) return e->value.boolean ? 1 : 0;
    if (e->kind == SB_EXPR_UNARY && e->op == SB_OP1_NOT)
        return 1 - sb_plan__selectivity(e->args[0]);
    if (e->kind == SB_EXPR_UNARY && e->op == SB_OP1_IS_NULL) return SELECT_NULL;
    if (e->kind == SB_EXPR_UNARY && e->op == SB_OP1_IS_NOT_NULL) return 1 - SELECT_NULL;
    if (e->kind != SB_EXPR_BINARY) return SELECT_OTHER;
    switch ((sb_op2)e->op) {
    case SB_OP2_AND: return sb_plan__selectivity(e->args[0]) * sb_plan__selectivity(e->args[1]);
    case SB_OP2_OR:
        left = sb_plan__selectivity(e->args[0]);
        return left + (1 - left) * sb_plan__selectivity(e->args[1]);
    case SB_OP2_EQ: return SELECT_EQUAL;
    case SB_OP2_NE: return 1 - SELECT_EQUAL;
    case SB_OP2_IN: return SELECT_EQUAL * 2;
    case SB_OP2_LT:
    case SB_OP2_LE:
    case SB_OP2_GT:
    case SB_OP2_GE: return SELECT_RANGE;
    case SB_OP2_STARTS_WITH: return SELECT_PREFIX;
    default: return SELECT_OTHER;
    }
}

sb_status sb_plan__estimate_ends(sb_planner *p, const sb_rel_pattern *rel, bool forward,
                                 const sb_label_expr *labels, double *share)
{
    const bool outgoing = (rel->direction == SB_REL_OUT) == forward;
    double rels;
    double at;
    bool known;

    *share = 1;
    SB_TRY(sb_plan__estimate_rels(p, rel->types, &rels));
    SB_TRY(rels_followed(p, labels, rel, outgoing ? SB_IN : SB_OUT, &at, &known));
    if (rels < 1) return SB_OK;
    if (known) {
        *share = at / (rel->direction == SB_REL_EITHER ? 2 * rels : rels);
        return SB_OK;
    }
    double all;
    double with;
    SB_TRY(sb_plan__estimate_nodes(p, NULL, &all));
    SB_TRY(sb_plan__estimate_nodes(p, labels, &with));
    *share = with / all;
    return SB_OK;
}
