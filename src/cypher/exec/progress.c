/* progress.c — how far a statement has come: of the scans that are read once (at the bottom of the plan, and of what joins and unions read
 * beside it) how many entities are done, of all that the statistics count. Without such scans: rows of the list, or bytes of the file, that
 * the plan begins with. What an operator has handed on counts when it is asked for more: only then has it been worked off. */
#include "cypher/exec/exec_priv.h"

static bool is_scan(const sb_plan *plan)
{
    return plan->kind == SB_PLAN_ALL_NODES || plan->kind == SB_PLAN_LABEL_SCAN ||
           plan->kind == SB_PLAN_REL_SCAN;
}

static bool begins(const sb_plan *plan)
{
    return plan->input == NULL || plan->input->kind == SB_PLAN_ARGUMENT;
}

static bool reads_inner_once(const sb_plan *plan)
{
    return plan->kind == SB_PLAN_HASH_JOIN || plan->kind == SB_PLAN_PRODUCT ||
           plan->kind == SB_PLAN_UNION;
}

/* The next scan that is read once behind `after` (NULL: the first), in any fixed order; NULL: there is none. *found: after was met. */
static const sb_plan *next_scan(const sb_plan *plan, const sb_plan *after, bool *found)
{
    for (; plan != NULL; plan = plan->input) {
        if (is_scan(plan) && begins(plan)) {
            if (*found) return plan;
            *found = plan == after;
        }
        if (!reads_inner_once(plan)) continue;
        const sb_plan *scan = next_scan(plan->inner, after, found);
        if (scan != NULL) return scan;
    }
    return NULL;
}

bool sb_exec__is_input(const sb_exec *run, const sb_plan *plan)
{
    const sb_plan *root = run->compiled->root, *scan = NULL;
    bool found = true;

    if (!begins(plan)) return false;
    while ((scan = next_scan(root, scan, &found)) != NULL && scan != plan)
        found = false;
    if (scan != NULL || is_scan(plan)) return scan == plan;
    found = true;
    if (next_scan(root, NULL, &found) != NULL) return false;
    while (!begins(root))
        root = root->input;
    return root == plan;
}

static sb_status count_scan(sb_exec *run, const sb_plan *plan, uint64_t *count)
{
    const sb_plan_expand *e = &plan->as.expand;

    *count = 0;
    if (plan->kind != SB_PLAN_REL_SCAN) {
        const bool any = !plan->as.scan.label_given;
        const sb_label_id label = any ? 0 : run->names[plan->as.scan.label].id;
        if (!any && label == 0) return SB_OK;
        return sb_stats_nodes_of_label(run->view, label, count, run->err);
    }
    if (e->type_count == 0) return sb_stats_rels_of_type(run->view, 0, count, run->err);
    for (uint32_t i = 0; i < e->type_count; i++) {
        uint64_t rels = 0;
        const sb_type_id type = run->names[e->types[i]].id;
        if (type != 0) SB_TRY(sb_stats_rels_of_type(run->view, type, &rels, run->err));
        *count += rels;
    }
    return SB_OK;
}

static sb_status ask_total(sb_exec *run)
{
    const sb_plan *scan = NULL;
    bool found = true;

    while ((scan = next_scan(run->compiled->root, scan, &found)) != NULL) {
        uint64_t count;
        SB_TRY(count_scan(run, scan, &count));
        run->input->total += count;
        found = false;
    }
    run->input->asked = true;
    return SB_OK;
}

sb_status sb_exec__tell_progress(sb_exec *run)
{
    const sb_exec_options *o = run->options;
    const sb_input_count *input = run->input;

    if (!input->asked) SB_TRY(ask_total(run));
    const uint64_t done = atomic_load_explicit(&input->done, memory_order_relaxed);
    const bool known = input->total != 0 && done != 0;
    if (o->progress(o->progress_ctx,
                    !known                ? run->rows
                    : done < input->total ? done
                                          : input->total,
                    known ? input->total : 0))
        return SB_OK;
    return SB_FAIL(run->err, SB_INTERRUPT, "the query was cancelled by its progress callback");
}
