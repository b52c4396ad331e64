/* weigh_all.c — the numbers that op_weigh.c works out, for all nodes at once.
 * Looking a list up takes ten times as long as passing it by. So where the sums of so many nodes have been asked for that looking their lists up has
 * taken a part of what reading all lists takes, the lists of the factor's types are read from the first to the last, and the sums of all
 * nodes kept; and likewise the values, which are products of sums of nodes that have a label. Where all ends have one and the same value, only the
 * lengths of lists are read. Whoever asks for few nodes pays for these
 * alone, and whoever asks for all little more than for the best way (as the ski rental problem has it). */
#include "cypher/exec/weigh_priv.h"

#include <assert.h>

/* A list, or value, that is looked up costs as much as this many that are passed by (perf: 32 ns each, against 2 to 4). */
#define LOOK_UP_COST 16u

static_assert(SB_LIST_BLOCK <= SB_BATCH_ROWS, "a block's entries fit the scratch");

/* ---- Numbers of all nodes -------------------------------------------------------------------------------------------- */

/* The page of a node, made when it is not there; NULL: there is no room for it. */
static int64_t *page_of(sb_exec *run, sb_node_numbers *all, uint64_t id)
{
    const uint64_t at = id / SB_WEIGH_PAGE;

    if (SB_UNLIKELY(at >= SB_WEIGH_PAGES_MAX)) return NULL;
    if (SB_UNLIKELY(at >= all->page_count)) {
        const uint32_t wanted = (uint32_t)sb_pow2_ceil(at + 1);
        int64_t **pages = sb_resize(run->alloc, all->pages, all->page_count * sizeof *pages,
                                    wanted * sizeof *pages);
        if (pages == NULL) return NULL;
        memset(pages + all->page_count, 0, (wanted - all->page_count) * sizeof(int64_t *));
        all->pages = pages;
        all->page_count = wanted;
    }
    if (SB_UNLIKELY(all->pages[at] == NULL))
        all->pages[at] = sb_alloc_zero(run->alloc, SB_WEIGH_PAGE * sizeof(int64_t));
    return all->pages[at];
}

static void free_page(sb_exec *run, sb_node_numbers *all, uint32_t at)
{
    if (all->pages[at] != all->none)
        sb_free(run->alloc, all->pages[at], SB_WEIGH_PAGE * sizeof(int64_t));
    all->pages[at] = NULL;
}

void sb_exec__weigh_forget_all(sb_exec *run, sb_node_numbers *all)
{
    for (uint32_t i = 0; i < all->page_count && !all->borrowed; i++)
        free_page(run, all, i);
    if (!all->borrowed) {
        sb_free(run->alloc, all->pages, all->page_count * sizeof *all->pages);
        sb_free(run->alloc, all->none, SB_WEIGH_PAGE * sizeof *all->none);
    }
    *all = (sb_node_numbers){.never = all->never};
}

/* Pages that are not there become one of zeros; false: there is no room for it. */
static bool put_none(sb_exec *run, sb_node_numbers *all)
{
    if (all->none == NULL) all->none = sb_alloc_zero(run->alloc, SB_WEIGH_PAGE * sizeof *all->none);
    for (uint32_t i = 0; i < all->page_count && all->none != NULL; i++)
        if (all->pages[i] == NULL) all->pages[i] = all->none;
    return all->none != NULL;
}

static bool is_due(const sb_weigh_op *x, sb_node_numbers *all, uint64_t count, double expected,
                   uint64_t cost)
{
    all->asked += count;
    return !all->known && !all->never &&
           sb_exec__is_due(x->op.run, all->asked, expected, cost / LOOK_UP_COST);
}

/* The end of working them out. What failed may be about nodes that nobody asks for: those that are, are worked out one by one. */
static sb_status settle(sb_exec *run, sb_node_numbers *all, sb_status status)
{
    all->known = status == SB_OK && !all->never && put_none(run, all);
    if (all->known || (status != SB_OK && !run->err->runtime)) return status;
    if (status != SB_OK) sb_err_clear(run->err); /* benign */
    all->never = true;
    sb_exec__weigh_forget_all(run, all);
    return SB_OK;
}

/* ---- Sums ------------------------------------------------------------------------------------------------------------ */

/* A pass over all lists of a factor's types in one direction. */
typedef struct pass {
    sb_weigh_op *x;
    sb_weigh_tree *t;
    bool loops_done; /* loops were seen in the other direction */
    int64_t times;   /* what each entry counts, where all count the same */
} pass;

/* The sums of a node and those around it, from `*first` on; NULL: there is no room for them, and none will be kept. */
static int64_t *sums_around(pass *p, uint64_t node, uint64_t *first)
{
    int64_t *page = page_of(p->x->op.run, &p->t->all_sums, node);

    *first = node / SB_WEIGH_PAGE * SB_WEIGH_PAGE;
    if (page == NULL) p->t->all_sums.never = true;
    return page;
}

/* Lengths alone: no entry is read. There are fewer relationships than fit 64 bits. */
static sb_status pass_lengths(void *ctx, const sb_list_block *block)
{
    pass *p = ctx;
    const uint64_t *const nodes = block->nodes;
    const int64_t times = p->times;
    bool overflows = false;
    uint64_t first;

    SB_TRY(sb_exec__tick(p->x->op.run));
    for (uint32_t i = 0; i < block->count;) {
        int64_t *const sums = sums_around(p, nodes[i], &first), more;
        if (SB_UNLIKELY(sums == NULL)) return SB_OK;
        for (; times == 1 && i < block->count && nodes[i] - first < SB_WEIGH_PAGE; i++)
            sums[nodes[i] - first] += block->lengths[i];
        for (; times != 1 && i < block->count && nodes[i] - first < SB_WEIGH_PAGE; i++) {
            int64_t *sum = &sums[nodes[i] - first];
            overflows |= SB_MUL_OVERFLOWS((int64_t)block->lengths[i], times, &more);
            overflows |= SB_ADD_OVERFLOWS(*sum, more, sum);
        }
    }
    return overflows ? sb_exec__too_many_rows(p->x->op.run) : SB_OK;
}

/* Entries that go back to the node itself do not count. */
static void leave_loops_out(const sb_list_block *block, const uint64_t *ends, int64_t *values)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < block->count; i++)
        for (const uint32_t end = at + block->lengths[i]; at < end; at++)
            if (ends[at] == block->nodes[i]) values[at] = 0;
}

/* The sums of values up to each. Lists are short, and their lengths not foreseen: a difference for each costs less than a loop. */
static sb_status sum_up(sb_exec *run, const int64_t *values, uint32_t count, int64_t *sums)
{
    sums[0] = 0;
    for (uint32_t i = 0; i < count; i++)
        if (SB_UNLIKELY(SB_ADD_OVERFLOWS(sums[i], values[i], &sums[i + 1])))
            return sb_exec__too_many_rows(run);
    return SB_OK;
}

/* Has each list one entry? */
static bool are_singles(const sb_list_block *block)
{
    bool are = block->count == block->entries.count;

    for (uint32_t i = 0; i < block->count && are; i++)
        are = block->lengths[i] == 1;
    return are;
}

static sb_status pass_singles(pass *p, const sb_list_block *block)
{
    const uint64_t *const nodes = block->nodes;
    const int64_t *const values = p->t->end_values;
    bool overflows = false;
    uint64_t first;

    for (uint32_t i = 0; i < block->count;) {
        int64_t *const sums = sums_around(p, nodes[i], &first);
        if (SB_UNLIKELY(sums == NULL)) return SB_OK;
        for (; i < block->count && nodes[i] - first < SB_WEIGH_PAGE; i++)
            overflows |=
                SB_ADD_OVERFLOWS(sums[nodes[i] - first], values[i], &sums[nodes[i] - first]);
    }
    return overflows ? sb_exec__too_many_rows(p->x->op.run) : SB_OK;
}

static sb_status pass_values(void *ctx, const sb_list_block *block)
{
    pass *p = ctx;
    sb_weigh_tree *t = p->t;
    const uint32_t count = block->entries.count;
    const uint64_t *const nodes = block->nodes;
    int64_t sums[SB_LIST_BLOCK + 1];
    bool overflows = false;
    uint64_t first;
    uint32_t at = 0;

    SB_TRY(sb_exec__tick(p->x->op.run));
    if (t->all_sums.never) return SB_OK;
    sb_chunk_neighbors(&block->entries, 0, count, t->end_ids);
    for (uint32_t i = 0; p->times != 0 && i < count; i++)
        t->end_values[i] = p->times;
    if (p->times == 0)
        SB_TRY(sb_exec__weigh_values(p->x, t, t->end_ids, count, t->end_values, NULL));
    if (p->loops_done) leave_loops_out(block, t->end_ids, t->end_values);
    if (are_singles(block)) return pass_singles(p, block);
    SB_TRY(sum_up(p->x->op.run, t->end_values, count, sums));
    for (uint32_t i = 0; i < block->count;) {
        int64_t *const all = sums_around(p, nodes[i], &first);
        if (SB_UNLIKELY(all == NULL)) return SB_OK;
        for (; i < block->count && nodes[i] - first < SB_WEIGH_PAGE; i++) {
            const int64_t before = sums[at];
            at += block->lengths[i];
            overflows |=
                SB_ADD_OVERFLOWS(all[nodes[i] - first], sums[at] - before, &all[nodes[i] - first]);
        }
    }
    return overflows ? sb_exec__too_many_rows(p->x->op.run) : SB_OK;
}

static sb_status pass_lists(pass *p, sb_direction direction)
{
    sb_exec *run = p->x->op.run;
    const sb_weigh_tree *t = p->t;
    const bool lengths = p->times != 0 && !p->loops_done;

    for (size_t i = 0; i < (t->types.count == 0 ? 1 : t->types.count); i++)
        SB_TRY(sb_graph_scan_lists(run->graph, direction, t->types.count == 0 ? 0 : t->types.ids[i],
                                   lengths ? pass_lengths : pass_values, p, run->err));
    return SB_OK;
}

/* Nodes of a label as long as their values are equal. */
static sb_status scan_equal(sb_weigh_op *x, const sb_node_numbers *all, sb_scan *scan,
                            int64_t *value, bool *are)
{
    sb_exec *run = x->op.run;
    uint64_t ids[256];
    size_t count;
    bool any = false;

    do {
        SB_TRY(sb_exec__tick(run));
        SB_TRY(sb_scan_next(scan, ids, sizeof ids / sizeof *ids, &count, run->err));
        if (!any && count != 0) *value = sb_exec__weigh_number(all, ids[0]);
        any = any || count != 0;
        for (size_t i = 0; i < count && *are; i++)
            *are = sb_exec__weigh_number(all, ids[i]) == *value;
    } while (*are && count != 0);
    return SB_OK;
}

/* The value of all ends, where it is the same one: those that have it are all nodes of a label, which all ends have (persons of one city each, which lies
 * in one country, say). 0: it is not, or not known to be. */
static sb_status find_equal(sb_weigh_op *x, const sb_weigh_tree *t, int64_t *value)
{
    sb_exec *run = x->op.run;
    sb_scan_options options = {.entity = SB_NODE};
    bool are = true;
    uint64_t nodes;
    sb_scan *scan;

    *value = 0;
    if (!t->all_values.known || t->ends.labels == NULL || !t->ends.implied ||
        !sb_exec__labels_one(run, t->ends.labels, &options.name) || options.name == 0)
        return SB_OK;
    SB_TRY(sb_stats_nodes_of_label(run->view, options.name, &nodes, run->err));
    if (nodes > t->entries || !sb_label_indexed(run->view, options.name))
        return SB_OK; /* the lists are as quickly read */
    SB_TRY(sb_scan_open(run->graph, &options, &scan, run->err));
    const sb_status status = scan_equal(x, &t->all_values, scan, value, &are);
    sb_scan_close(scan);
    if (!are) *value = 0;
    return status;
}

/* What a pass reads: entries, or one number for each node. */
static uint64_t lists_of(const sb_weigh_tree *t)
{
    return t->only_length && t->nodes < t->entries ? t->nodes : t->entries;
}

static sb_status pass_directions(sb_weigh_op *x, sb_weigh_tree *t)
{
    const sb_rel_direction direction = t->plan->expand.direction;
    pass p = {.x = x, .t = t, .times = t->only_length};

    /* The ends may be nearly all nodes: what costs no more than the pass itself is done first. */
    for (uint32_t i = 0; i < t->child_count; i++)
        if (lists_of(&t->children[i]) <= t->entries)
            SB_TRY(sb_exec__weigh_expect_sums(x, &t->children[i], t->entries));
    if (!t->only_length) SB_TRY(sb_exec__weigh_expect_values(x, t, t->entries));
    if (p.times == 0) SB_TRY(find_equal(x, t, &p.times));
    if (direction != SB_REL_EITHER) return pass_lists(&p, sb_exec__direction(direction));
    SB_TRY(pass_lists(&p, SB_OUT));
    p.loops_done = true;
    return pass_lists(&p, SB_IN);
}

sb_status sb_exec__weigh_expect_sums(sb_weigh_op *x, sb_weigh_tree *t, uint64_t count)
{
    if (!t->any || !is_due(x, &t->all_sums, count, t->expected, lists_of(t))) return SB_OK;
    SB_TRY(settle(x->op.run, &t->all_sums, pass_directions(x, t)));
    /* values may have been left half done */
    if (!t->all_sums.known) sb_exec__weigh_forget(x->op.run, t);
    return SB_OK;
}

sb_status sb_exec__weigh_begin_all(sb_weigh_op *x, sb_weigh_tree *t)
{
    sb_exec *run = x->op.run;

    t->entries = 0;
    t->all_sums.never = t->all_values.never =
        x->op.plan->as.weigh.one_by_one || sb_txn_writable(sb_graph_txn(run->graph));
    SB_TRY(sb_stats_nodes_of_label(run->view, 0, &t->nodes, run->err));
    for (size_t i = 0; t->plan != NULL && i < (t->types.count == 0 ? 1 : t->types.count); i++) {
        uint64_t more;
        SB_TRY(sb_stats_rels_of_type(run->view, t->types.count == 0 ? 0 : t->types.ids[i], &more,
                                     run->err));
        t->entries += t->plan->expand.direction == SB_REL_EITHER ? 2 * more : more;
    }
    return SB_OK;
}

/* ---- Values ---------------------------------------------------------------------------------------------------------- */

/* 1 for each node of a label. */
static sb_status mark_label(sb_weigh_op *x, sb_node_numbers *all, sb_label_id label)
{
    sb_exec *run = x->op.run;
    const sb_scan_options options = {.entity = SB_NODE, .name = label};
    sb_scan *scan;
    size_t count = 0;
    uint64_t ids[256];

    if (label == 0) return SB_OK; /* nobody has it */
    SB_TRY(sb_scan_open(run->graph, &options, &scan, run->err));
    sb_status status = SB_OK;
    do {
        status = sb_exec__tick(run);
        if (status == SB_OK)
            status = sb_scan_next(scan, ids, sizeof ids / sizeof *ids, &count, run->err);
        for (size_t i = 0; status == SB_OK && i < count && !all->never; i++) {
            int64_t *page = page_of(run, all, ids[i]);
            all->never = page == NULL;
            if (page != NULL) page[ids[i] % SB_WEIGH_PAGE] = 1;
        }
    } while (status == SB_OK && count != 0 && !all->never);
    sb_scan_close(scan);
    return status;
}

static void copy_numbers(sb_exec *run, sb_node_numbers *all, const sb_node_numbers *from)
{
    for (uint32_t i = 0; i < from->page_count && !all->never; i++) {
        if (from->pages[i] == from->none) continue;
        int64_t *page = page_of(run, all, (uint64_t)i * SB_WEIGH_PAGE);
        all->never = page == NULL;
        if (page != NULL) memcpy(page, from->pages[i], SB_WEIGH_PAGE * sizeof *page);
    }
}

static sb_status multiply_wide(sb_exec *run, int64_t *page, const int64_t *by, bool optional)
{
    const int64_t none = optional ? 1 : 0; /* what no row counts as */
    bool overflows = false;

    for (uint32_t i = 0; i < SB_WEIGH_PAGE; i++)
        overflows |= SB_MUL_OVERFLOWS(page[i], by[i] == 0 ? none : by[i], &page[i]);
    return overflows ? sb_exec__too_many_rows(run) : SB_OK;
}

/* Numbers that fit 31 bits need no look at each product. No number is negative. */
static sb_status multiply_page(sb_exec *run, int64_t *page, const int64_t *by, bool optional)
{
    int64_t bits = 0;

    for (uint32_t i = 0; i < SB_WEIGH_PAGE; i++)
        bits |= page[i] | by[i];
    if (bits > INT32_MAX) return multiply_wide(run, page, by, optional);
    for (uint32_t i = 0; optional && i < SB_WEIGH_PAGE; i++)
        page[i] *= by[i] + (by[i] == 0);
    for (uint32_t i = 0; !optional && i < SB_WEIGH_PAGE; i++)
        page[i] = (int64_t)((uint64_t)(uint32_t)page[i] * (uint32_t)by[i]);
    return SB_OK;
}

static sb_status multiply_numbers(sb_exec *run, sb_node_numbers *all, const sb_weigh_tree *child)
{
    const sb_node_numbers *by = &child->all_sums;
    const bool optional = child->plan->optional;

    for (uint32_t i = 0; i < all->page_count; i++) {
        const bool there = i < by->page_count && by->pages[i] != by->none;
        if (all->pages[i] == NULL || (!there && optional)) continue;
        if (there)
            SB_TRY(multiply_page(run, all->pages[i], by->pages[i], optional));
        else
            free_page(run, all, i);
    }
    return SB_OK;
}

/* The child whose sums values begin with, when no label tells where they are not 0: a place, or child_count. */
static uint32_t first_factor(const sb_weigh_tree *t)
{
    uint32_t i = 0;

    while (i < t->child_count && t->children[i].plan->optional)
        i++;
    return i;
}

/* Have all nodes at which lists of a factor begin the labels that are asked of t's nodes, so that who lacks them has a sum of 0 anyway? */
static sb_status begins_labelled(sb_weigh_op *x, const sb_weigh_tree *t, bool *are)
{
    sb_end_labels ends = {.labels = t->ends.labels};

    *are = false;
    for (uint32_t i = 0; i < t->child_count && !*are; i++) {
        const sb_weigh_tree *child = &t->children[i];
        const sb_rel_direction direction = child->plan->expand.direction;
        if (child->plan->optional || direction == SB_REL_EITHER) continue;
        ends.rows = 0;
        SB_TRY(sb_exec__end_labels(x->op.run, &ends, &child->types,
                                   direction == SB_REL_OUT ? SB_IN : SB_OUT, UINT32_MAX, are));
    }
    return SB_OK;
}

/* Are values products of sums and of whether a label is there (*label, if labeled), and of nothing else? */
static bool are_products(sb_weigh_op *x, const sb_weigh_tree *t, bool labeled, sb_label_id *label)
{
    *label = 0;
    if (t->back >= 0 || (t->plan != NULL && t->plan->filter_count != 0) ||
        (labeled && !sb_exec__labels_one(x->op.run, t->ends.labels, label)) ||
        (!labeled && first_factor(t) == t->child_count))
        return false;
    for (uint32_t i = 0; i < t->child_count; i++)
        if (!t->children[i].any || t->children[i].back >= 0 ||
            t->children[i].plan->apart != SB_APART_NONE)
            return false;
    return true;
}

static sb_status multiply_all(sb_weigh_op *x, sb_weigh_tree *t, bool labeled, sb_label_id label)
{
    sb_node_numbers *all = &t->all_values;
    const uint32_t first = labeled ? t->child_count : first_factor(t);

    if (!labeled && t->child_count == 1) {
        *all = t->children[first].all_sums;
        all->borrowed = true;
        return SB_OK;
    }
    if (labeled)
        SB_TRY(mark_label(x, all, label));
    else
        copy_numbers(x->op.run, all, &t->children[first].all_sums);
    for (uint32_t i = 0; i < t->child_count && !all->never; i++)
        if (i != first) SB_TRY(multiply_numbers(x->op.run, all, &t->children[i]));
    return SB_OK;
}

sb_status sb_exec__weigh_expect_values(sb_weigh_op *x, sb_weigh_tree *t, uint64_t count)
{
    bool labeled = t->ends.labels != NULL && !t->ends.implied, begins = false;
    sb_label_id label;

    if (!is_due(x, &t->all_values, count, 0, t->nodes)) return SB_OK;
    if (labeled) SB_TRY(begins_labelled(x, t, &begins));
    labeled = labeled && !begins;
    if (!are_products(x, t, labeled, &label)) {
        t->all_values.never = true;
        return SB_OK;
    }
    for (uint32_t i = 0; i < t->child_count; i++)
        if (!t->children[i].all_sums.known) return SB_OK; /* later, perhaps */
    return settle(x->op.run, &t->all_values, multiply_all(x, t, labeled, label));
}
