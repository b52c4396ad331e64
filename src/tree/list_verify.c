/* list_verify.c — what only a walk over all leaves of a list tree shows: that each leaf begins where the one
 * before ends, and that the lengths kept for lists over several leaves (list L3) are true. */
#include "tree/list_priv.h"

#include <stdio.h>

/* A list that goes on behind its home, while its entries are counted. */
typedef struct rest_count {
    bool open;
    uint64_t node, expected, seen;
    sb_pgno home;
} rest_count;

typedef struct report {
    sb_finding finding;
    void *ctx;
    uint64_t *findings;
} report;

static void report_text(const report *to, sb_pgno pgno, const char *message)
{
    (*to->findings)++;
    if (to->finding != NULL) to->finding(to->ctx, pgno, message);
}

static void report_rest(const report *to, const rest_count *rest)
{
    char message[160];

    if (rest->expected == rest->seen) return;
    (void)snprintf(message, sizeof message,
                   "list of node %llu: %llu entries behind its first leaf, %llu by its header",
                   (unsigned long long)rest->node, (unsigned long long)rest->seen,
                   (unsigned long long)rest->expected);
    report_text(to, rest->home, message);
}

/* Count one leaf. */
static void count_leaf(const uint8_t *page, sb_pgno pgno, const sb_list_range *range,
                       rest_count *rest, const report *to)
{
    sb_list_view view;
    uint32_t slot;

    sb_list__view(page, &view);
    if (rest->open && sb_list__begins_inside(range, rest->node)) {
        if (sb_list__find_slot(&view, rest->node, &slot)) {
            rest->seen += sb_list__end(page, slot + 1) - sb_list__end(page, slot);
        }
        if (sb_list__continues(range) && range->high.node == rest->node) return;
    }
    if (rest->open) report_rest(to, rest);
    rest->open = sb_list__is_home(range);
    if (rest->open) {
        *rest = (rest_count){.open = true,
                             .node = range->high.node,
                             .expected = sb_load_le64(page + SB_LIST_REST),
                             .home = pgno};
    }
}

sb_status sb_list__verify_tree(sb_txn *txn, const sb_tree *tree, sb_finding finding, void *ctx,
                               uint64_t *findings, sb_err *err)
{
    const report to = {.finding = finding, .ctx = ctx, .findings = findings};
    const uint8_t smallest[1] = {0};
    rest_count rest = {.open = false};
    sb_list_range before = {.has_high = false};
    bool found = true, first = true;
    sb_path path;

    if (tree->root == SB_PGNO_NONE) return SB_OK;
    SB_TRY(sb_tree__descend(txn, tree, sb_bytes_of(smallest, sizeof smallest), &path, err));
    while (found) {
        sb_list_range range;
        sb_page page;

        SB_TRY(sb_page_acquire(txn, path.leaf, &page, err));
        sb_list__range(page.bytes, &range);
        if (first ? range.has_low : !sb_list__follows(&range, &before)) {
            report_text(&to, path.leaf, "the leaf does not begin where the one before ends");
        }
        count_leaf(page.bytes, path.leaf, &range, &rest, &to);
        sb_page_release(txn, &page);
        before = range;
        first = false;
        SB_TRY(sb_tree__path_next(txn, tree, &path, &found, err));
    }
    if (rest.open) report_rest(&to, &rest);
    if (before.has_high) report_text(&to, path.leaf, "the last leaf has a high fence");
    return SB_OK;
}
