/* labels.c — label expressions against label sets and relationship types. */
#include "cypher/exec/exec_priv.h"

/* A tree as the parser made it (its depth is bounded there), with names looked up by each run. */
struct sb_labels {
    sb_label_op op;
    sb_name_ref *name;
    sb_labels *left, *right;
};

sb_status sb_exec__labels_compile(sb_exec *run, const sb_label_expr *expr, sb_name_kind kind,
                                  sb_labels **labels)
{
    sb_labels *made;

    *labels = NULL;
    if (expr == NULL) return SB_OK;
    made = sb_exec__alloc_zero(run, 1, sizeof *made);
    if (made == NULL) return sb_exec__no_memory(run);
    made->op = expr->op;
    if (expr->op == SB_LABEL_NAME) SB_TRY(sb_exec__name_add(run, kind, expr->name, &made->name));
    SB_TRY(sb_exec__labels_compile(run, expr->left, kind, &made->left));
    SB_TRY(sb_exec__labels_compile(run, expr->right, kind, &made->right));
    *labels = made;
    return SB_OK;
}

bool sb_exec__labels_match_set(sb_exec *run, const sb_labels *labels, sb_set_id set)
{
    uint32_t id;

    switch (labels->op) {
    case SB_LABEL_NAME:
        id = sb_exec__name(run, labels->name);
        return id != 0 && sb_set_has(run->view, set, id);
    case SB_LABEL_AND:
        return sb_exec__labels_match_set(run, labels->left, set) &&
               sb_exec__labels_match_set(run, labels->right, set);
    case SB_LABEL_OR:
        return sb_exec__labels_match_set(run, labels->left, set) ||
               sb_exec__labels_match_set(run, labels->right, set);
    case SB_LABEL_NOT: return !sb_exec__labels_match_set(run, labels->left, set);
    case SB_LABEL_ANY: break;
    }
    return set != 0; /* set 0 is that of nodes without labels */
}

bool sb_exec__labels_match_type(sb_exec *run, const sb_labels *labels, sb_type_id type)
{
    switch (labels->op) {
    case SB_LABEL_NAME: return sb_exec__name(run, labels->name) == type;
    case SB_LABEL_AND:
        return sb_exec__labels_match_type(run, labels->left, type) &&
               sb_exec__labels_match_type(run, labels->right, type);
    case SB_LABEL_OR:
        return sb_exec__labels_match_type(run, labels->left, type) ||
               sb_exec__labels_match_type(run, labels->right, type);
    case SB_LABEL_NOT: return !sb_exec__labels_match_type(run, labels->left, type);
    case SB_LABEL_ANY: break;
    }
    return true;
}
