/* op_weigh.c — how many rows trees of expansions would make of a row, without making them.
 * A tree's value at a node is the product of the sums of its factors; a factor's sum at a node is that of the values at the ends of the node's
 * relationships. Values are worked out for many nodes at once and kept, so that each node of each level is looked at once, however many rows lead
 * there: all of it takes as long as reading the lists once. Where many nodes are asked for, it is done for all of them (weigh_all.c).
 *
 * Rows in which two nodes, or relationships, are the same although they must not (sb_plan_apart) are subtracted: they lie in one list.
 * W1  A tree's node is never worked out within its own working out: sums ask children alone, corrections come after the sums. So each node has
 *     scratch of its own, and recursion is as deep as the tree (bounded by the planner). */
#include "cypher/exec/weigh_priv.h"

static sb_status multiply(sb_exec *run, int64_t *to, int64_t by)
{
    return SB_MUL_OVERFLOWS(*to, by, to) ? sb_exec__too_many_rows(run) : SB_OK;
}

/* to += a × b */
static sb_status add_product(sb_exec *run, int64_t *to, int64_t a, int64_t b)
{
    int64_t product;
    return SB_MUL_OVERFLOWS(a, b, &product) || SB_ADD_OVERFLOWS(*to, product, to)
               ? sb_exec__too_many_rows(run)
               : SB_OK;
}

/* ---- Opening and closing ------------------------------------------------------------------------------------------ */

static sb_status open_tree(sb_weigh_op *x, sb_weigh_tree *t, const sb_plan_factor *plan,
                           const sb_plan_factor *const *children, uint32_t child_count)
{
    sb_exec *run = x->op.run;

    t->plan = plan;
    t->back = -1;
    t->keeps = true;
    sb_exec__held_init(run, &t->list);
    t->children = sb_exec__alloc_zero(run, child_count, sizeof *t->children);
    if (t->children == NULL) return sb_exec__no_memory(run);
    for (; t->child_count < child_count; t->child_count++) {
        const sb_plan_factor *child = children[t->child_count];
        if (child->apart == SB_APART_BACK_REL || child->apart == SB_APART_BACK_NODE)
            t->back = (int32_t)t->child_count;
        SB_TRY(
            open_tree(x, &t->children[t->child_count], child, child->children, child->child_count));
    }
    if (plan == NULL) return SB_OK;
    SB_TRY(sb_exec__types_open(run, &plan->expand, &t->types));
    SB_TRY(
        sb_exec__labels_compile(run, plan->expand.to_labels, SB_NAME_LABEL, NULL, &t->ends.labels));
    t->columns = sb_exec__alloc_zero(run, run->compiled->slot_count, sizeof *t->columns);
    if (t->columns == NULL) return sb_exec__no_memory(run);
    return sb_exec__compile_many(run, plan->filters, plan->filter_count, &t->filters);
}

/* Of the weights from which a number is subtracted the lists are intersected below: they soon are in a table, where a length is found as quickly as a
 * number that was kept. */
static bool is_across(const sb_plan *weigh, uint32_t weight)
{
    return weigh->as.weigh.minus != NULL && weight < 2;
}

static sb_status weigh_open(sb_operator *op)
{
    sb_weigh_op *x = (sb_weigh_op *)op;
    const sb_plan *plan = op->plan;

    SB_TRY(sb_exec__need_outs(op));
    x->product = sb_exec__out_of(op, plan->as.weigh.product);
    x->arena = sb_arena_create(op->run->alloc, NULL);
    x->scratch = sb_exec__alloc_zero(op->run, plan->as.weigh.count, sizeof *x->scratch);
    x->roots = sb_exec__alloc_zero(op->run, plan->as.weigh.count, sizeof *x->roots);
    if (x->arena == NULL || x->scratch == NULL || x->roots == NULL)
        return sb_exec__no_memory(op->run);
    for (uint32_t i = 0; i < plan->as.weigh.count; i++) {
        const sb_plan_weight *w = &plan->as.weigh.weights[i];
        SB_TRY(open_tree(x, &x->roots[i], NULL, w->factors, w->factor_count));
        /* a scan gives each node once */
        x->roots[i].keeps = plan->input->kind != SB_PLAN_ALL_NODES &&
                            plan->input->kind != SB_PLAN_LABEL_SCAN && !is_across(plan, i);
    }
    return SB_OK;
}

void sb_exec__weigh_forget(sb_exec *run, sb_weigh_tree *t)
{
    sb_exec__weigh_forget_all(run, &t->all_sums);
    sb_exec__weigh_forget_all(run, &t->all_values);
    for (uint32_t i = 0; i < t->page_count; i++) {
        sb_value_page *page = t->pages[i];
        if (page == NULL) continue;
        if (page->bases != NULL)
            sb_free(run->alloc, page->bases, SB_WEIGH_PAGE * sizeof *page->bases);
        sb_free(run->alloc, page, sizeof *page);
    }
    if (t->pages != NULL) sb_free(run->alloc, t->pages, t->page_count * sizeof *t->pages);
    t->pages = NULL;
    t->page_count = 0;
    for (uint32_t i = 0; i < t->child_count; i++)
        sb_exec__weigh_forget(run, &t->children[i]);
}

static void close_tree(sb_weigh_tree *t)
{
    sb_expand_close(t->expand);
    if (t->list.run != NULL) sb_exec__held_free(&t->list);
    for (uint32_t i = 0; i < t->child_count; i++)
        close_tree(&t->children[i]);
}

static void weigh_close(sb_operator *op)
{
    sb_weigh_op *x = (sb_weigh_op *)op;

    for (uint32_t i = 0; i < op->plan->as.weigh.count; i++) {
        if (x->scratch != NULL) sb_exec__out_free(op->run, &x->scratch[i]);
        if (x->roots == NULL) continue;
        sb_exec__weigh_forget(op->run, &x->roots[i]);
        close_tree(&x->roots[i]);
    }
    sb_arena_destroy(x->arena);
}

/* ---- Kept values ------------------------------------------------------------------------------------------------------- */

static bool make_room(sb_exec *run, sb_weigh_tree *t, uint64_t page)
{
    const size_t wanted = (size_t)sb_pow2_ceil(page + 1);
    sb_value_page **pages =
        sb_resize(run->alloc, t->pages, t->page_count * sizeof *pages, wanted * sizeof *pages);

    if (pages == NULL) return false;
    memset(pages + t->page_count, 0, (wanted - t->page_count) * sizeof *pages);
    t->pages = pages;
    t->page_count = (uint32_t)wanted;
    return true;
}

/* The page of a node, made when it is not there. */
static sb_status find_page(sb_exec *run, sb_weigh_tree *t, uint64_t id, sb_value_page **page)
{
    const uint64_t at = id / SB_WEIGH_PAGE;

    if (SB_UNLIKELY(at >= t->page_count) && !make_room(run, t, at)) return sb_exec__no_memory(run);
    *page = t->pages[at];
    if (SB_LIKELY(*page != NULL)) return SB_OK;
    *page = sb_alloc_zero(run->alloc, sizeof **page);
    if (*page == NULL) return sb_exec__no_memory(run);
    t->pages[at] = *page;
    if (t->back < 0) return SB_OK;
    (*page)->bases = sb_alloc_zero(run->alloc, SB_WEIGH_PAGE * sizeof *(*page)->bases);
    return (*page)->bases != NULL ? SB_OK : sb_exec__no_memory(run);
}

/* ---- Sums and values ------------------------------------------------------------------------------------------------------ */

/* The table that has a factor's lists, if there is one by now; NULL. */
static const sb_list_table *table_of(const sb_weigh_op *x, const sb_weigh_tree *t)
{
    if (!t->only_length || t->types.count != 1 || t->plan->expand.direction == SB_REL_EITHER)
        return NULL;
    return sb_exec__list_table_made(x->op.run, t->types.ids[0],
                                    sb_exec__direction(t->plan->expand.direction));
}

/* Lengths of lists in one direction. */
static sb_status sum_lengths(sb_weigh_op *x, sb_weigh_tree *t, const uint64_t *ids, uint32_t count,
                             int64_t *sums)
{
    sb_exec *run = x->op.run;
    const sb_direction direction = sb_exec__direction(t->plan->expand.direction);

    for (size_t i = 0; i < (t->types.count == 0 ? 1 : t->types.count); i++) {
        SB_TRY(sb_graph_degrees(run->graph, ids, count, direction,
                                t->types.count == 0 ? 0 : t->types.ids[i], t->degrees, run->err));
        for (uint32_t k = 0; k < count; k++)
            sums[k] += (int64_t)t->degrees[k];
    }
    return SB_OK;
}

static sb_status sum_ends(sb_weigh_op *x, sb_weigh_tree *t, const uint64_t *ids, uint32_t count,
                          int64_t *sums)
{
    sb_exec *run = x->op.run;
    const sb_expand_rows rows = {.from = t->rows, .neighbors = t->end_ids};
    size_t read;

    sb_expand_begin(t->expand, ids, count);
    for (;;) {
        SB_TRY(sb_exec__tick(run));
        SB_TRY(sb_expand_next(t->expand, &rows, SB_BATCH_ROWS, &read, run->err));
        if (read == 0) return SB_OK;
        if (!t->only_length)
            SB_TRY(sb_exec__weigh_values(x, t, t->end_ids, (uint32_t)read, t->end_values, NULL));
        for (size_t i = 0; i < read; i++)
            if (SB_ADD_OVERFLOWS(sums[t->rows[i]], t->only_length ? 1 : t->end_values[i],
                                 &sums[t->rows[i]]))
                return sb_exec__too_many_rows(run);
    }
}

/* The neighbors in a held list from `at` on, each once, with how often: up to a batch of them. */
static uint32_t next_neighbors(sb_weigh_tree *t, uint32_t *at)
{
    const sb_chunk *c = &t->list.entries;
    uint32_t made = 0;

    for (; *at < c->count; (*at)++) {
        const uint64_t id = sb_chunk_neighbor(c, *at);
        if (made != 0 && t->end_ids[made - 1] == id) {
            t->times[made - 1]++;
            continue;
        }
        if (made == SB_BATCH_ROWS) break;
        t->end_ids[made] = id;
        t->times[made++] = 1;
    }
    return made;
}

static sb_status hold_list(sb_weigh_op *x, sb_weigh_tree *t, uint64_t id)
{
    bool whole;

    SB_TRY(sb_exec__tick(x->op.run));
    return sb_exec__held_read(&t->list, t->expand, id, SIZE_MAX, &whole);
}

/* Rows of a factor t at node id that go back where they come from: each as often as the way there may be chosen. */
static sb_status count_back(sb_weigh_op *x, sb_weigh_tree *t, uint64_t id, int64_t *back)
{
    const sb_plan_factor *child = t->children[t->back].plan;
    /* along the same direction only a loop leads back over itself */
    const bool loops = child->apart == SB_APART_BACK_REL &&
                       child->expand.direction != SB_REL_EITHER &&
                       child->expand.direction == t->plan->expand.direction;
    uint32_t made, at = 0;

    *back = 0;
    SB_TRY(hold_list(x, t, id));
    while ((made = next_neighbors(t, &at)) != 0) {
        SB_TRY(sb_exec__weigh_values(x, t, t->end_ids, made, t->end_values, t->end_bases));
        for (uint32_t i = 0; i < made; i++) {
            if (loops && t->end_ids[i] != id) continue;
            const int64_t ways =
                child->apart == SB_APART_BACK_NODE ? t->times[i] * t->times[i] : t->times[i];
            SB_TRY(add_product(x->op.run, back, ways, t->end_bases[i]));
        }
    }
    return SB_OK;
}

static sb_status subtract_back(sb_weigh_op *x, sb_weigh_tree *t, const uint64_t *ids,
                               uint32_t count, int64_t *sums)
{
    int64_t back;

    SB_TRY(sb_exec__weigh_values(x, &t->children[t->back], ids, count, t->other_sums, NULL));
    for (uint32_t i = 0; i < count; i++) {
        if (t->other_sums[i] == 0 || sums[i] == 0) continue;
        SB_TRY(count_back(x, t, ids[i], &back));
        SB_TRY(add_product(x->op.run, &sums[i], -t->other_sums[i], back));
    }
    return SB_OK;
}

/* The sums of a factor at nodes: how many rows it makes of each. */
static sb_status sums_of(sb_weigh_op *x, sb_weigh_tree *t, const uint64_t *ids, uint32_t count,
                         int64_t *sums)
{
    const sb_list_table *const table = table_of(x, t);

    memset(sums, 0, count * sizeof *sums);
    if (table != NULL) {
        for (uint32_t i = 0; i < count; i++)
            sums[i] = sb_list_table_length(table, ids[i]);
    } else if (t->any) {
        SB_TRY(sb_exec__weigh_expect_sums(x, t, count));
        if (t->all_sums.known)
            for (uint32_t i = 0; i < count; i++)
                sums[i] = sb_exec__weigh_number(&t->all_sums, ids[i]);
        else if (t->only_length && t->plan->expand.direction != SB_REL_EITHER)
            SB_TRY(sum_lengths(x, t, ids, count, sums));
        else
            SB_TRY(sum_ends(x, t, ids, count, sums));
        if (t->back >= 0) SB_TRY(subtract_back(x, t, ids, count, sums));
    }
    for (uint32_t i = 0; i < count && t->plan->optional; i++)
        if (sums[i] == 0) sums[i] = 1;
    return SB_OK;
}

/* Rows of two factors over the same lists that have the same relationship, or node. */
static sb_status count_same(sb_weigh_op *x, sb_weigh_tree *first, sb_weigh_tree *second,
                            uint64_t id, int64_t *same)
{
    uint32_t made, at = 0;

    *same = 0;
    SB_TRY(hold_list(x, second, id));
    while ((made = next_neighbors(second, &at)) != 0) {
        SB_TRY(sb_exec__weigh_values(x, first, second->end_ids, made, second->end_bases, NULL));
        SB_TRY(sb_exec__weigh_values(x, second, second->end_ids, made, second->end_values, NULL));
        for (uint32_t i = 0; i < made; i++) {
            int64_t ways = second->times[i];
            if (second->plan->apart == SB_APART_SIBLING_NODE) ways *= ways;
            SB_TRY(multiply(x->op.run, &ways, second->end_values[i]));
            SB_TRY(add_product(x->op.run, same, ways, second->end_bases[i]));
        }
    }
    return SB_OK;
}

/* sums of second become those of both together, of which first has sums in other_sums of the parent. */
static sb_status pair_sums(sb_weigh_op *x, sb_weigh_tree *first, sb_weigh_tree *second,
                           const uint64_t *ids, uint32_t count, const int64_t *first_sums,
                           int64_t *sums)
{
    int64_t same;

    for (uint32_t i = 0; i < count; i++) {
        if (sums[i] == 0 || first_sums[i] == 0) {
            sums[i] = 0;
            continue;
        }
        SB_TRY(multiply(x->op.run, &sums[i], first_sums[i]));
        SB_TRY(count_same(x, first, second, ids[i], &same));
        sums[i] -= same;
    }
    return SB_OK;
}

/* Labels and filters: 1 or 0 for each. */
static sb_status ask_nodes(sb_weigh_op *x, sb_weigh_tree *t, const uint64_t *ids, uint32_t count,
                           int64_t *are)
{
    sb_exec *run = x->op.run;
    const bool labels = t->ends.labels != NULL && !t->ends.implied;
    const sb_vector nodes = {.kind = SB_VECTOR_NODE, .as.ids = ids};
    const sb_batch batch = {.row_count = count, .columns = t->columns};
    uint32_t chosen;

    if (labels) SB_TRY(sb_exec__labels_ask(run, t->ends.labels, ids, count, t->labelled));
    for (uint32_t i = 0; i < count; i++)
        are[i] = !labels || t->labelled[i];
    if (t->plan->filter_count == 0) return SB_OK;
    t->columns[t->plan->expand.to->slot] = &nodes;
    sb_arena_reset(x->arena);
    run->func.arena = x->arena;
    for (uint32_t f = 0; f < t->plan->filter_count; f++) {
        SB_TRY(sb_exec__select(t->filters[f], &batch, t->chosen, &chosen));
        uint32_t at = 0;
        for (uint32_t i = 0; i < count; i++) {
            const bool is = at < chosen && t->chosen[at] == i;
            at += is;
            are[i] = is ? are[i] : 0;
        }
    }
    sb_exec__use(&x->op);
    t->columns[t->plan->expand.to->slot] = NULL;
    return SB_OK;
}

/* The values of nodes, worked out. */
static sb_status work_out(sb_weigh_op *x, sb_weigh_tree *t, const uint64_t *ids, uint32_t count)
{
    sb_exec *run = x->op.run;

    if (t->plan != NULL)
        SB_TRY(ask_nodes(x, t, ids, count, t->bases));
    else
        for (uint32_t i = 0; i < count; i++)
            t->bases[i] = 1;
    for (uint32_t c = 0; c < t->child_count; c++) {
        sb_weigh_tree *child = &t->children[c];
        const bool first_of_pair =
            c + 1 < t->child_count && (t->children[c + 1].plan->apart == SB_APART_SIBLING_REL ||
                                       t->children[c + 1].plan->apart == SB_APART_SIBLING_NODE);
        if ((int32_t)c == t->back) continue;
        SB_TRY(sums_of(x, child, ids, count, t->sums));
        if (first_of_pair) {
            memcpy(t->values, t->sums, count * sizeof *t->values);
            continue;
        }
        if (child->plan->apart != SB_APART_NONE)
            SB_TRY(pair_sums(x, &t->children[c - 1], child, ids, count, t->values, t->sums));
        for (uint32_t i = 0; i < count; i++)
            SB_TRY(multiply(run, &t->bases[i], t->sums[i]));
    }
    memcpy(t->values, t->bases, count * sizeof *t->values);
    if (t->back < 0) return SB_OK;
    SB_TRY(sums_of(x, &t->children[t->back], ids, count, t->sums));
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(multiply(run, &t->values[i], t->sums[i]));
    return SB_OK;
}

/* Nodes whose values are not kept for any reason: one by one or all at once, without looking whether one comes twice. */
static sb_status values_anew(sb_weigh_op *x, sb_weigh_tree *t, const uint64_t *ids, uint32_t count,
                             int64_t *values, int64_t *bases)
{
    SB_TRY(work_out(x, t, ids, count));
    memcpy(values, t->values, count * sizeof *values);
    if (bases != NULL) memcpy(bases, t->bases, count * sizeof *bases);
    return SB_OK;
}

/* Work the missing ones out, and keep them. */
static sb_status fill_missing(sb_weigh_op *x, sb_weigh_tree *t, uint32_t count)
{
    sb_value_page *page;

    SB_TRY(work_out(x, t, t->missing, count));
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t id = t->missing[i];
        SB_TRY(find_page(x->op.run, t, id, &page));
        page->values[id % SB_WEIGH_PAGE] = t->values[i];
        if (page->bases != NULL) page->bases[id % SB_WEIGH_PAGE] = t->bases[i];
    }
    return SB_OK;
}

/* A value that is being worked out: none is negative. */
#define PENDING (-1)

/* bases: without the child that may not go back; NULL: not wanted. */
sb_status sb_exec__weigh_values(sb_weigh_op *x, sb_weigh_tree *t, const uint64_t *ids,
                                uint32_t count, int64_t *values, int64_t *bases)
{
    uint32_t missing = 0, later = 0;
    sb_value_page *page;
    bool keeps = t->keeps;

    SB_TRY(sb_exec__weigh_expect_values(x, t, count));
    if (t->all_values.known) {
        for (uint32_t i = 0; i < count; i++)
            values[i] = sb_exec__weigh_number(&t->all_values, ids[i]);
        if (bases != NULL) memcpy(bases, values, count * sizeof *bases);
        return SB_OK;
    }
    for (uint32_t i = 0; i < count && keeps; i++)
        keeps = ids[i] / SB_WEIGH_PAGE < SB_WEIGH_PAGES_MAX;
    if (!keeps) return values_anew(x, t, ids, count, values, bases);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t place = ids[i] % SB_WEIGH_PAGE, bit = UINT64_C(1) << (place & 63);
        SB_TRY(find_page(x->op.run, t, ids[i], &page));
        if (SB_LIKELY((page->known[place / 64] & bit) != 0)) {
            values[i] = page->values[place];
            if (bases != NULL) bases[i] = page->bases[place];
            if (SB_LIKELY(values[i] != PENDING)) continue;
        } else {
            page->known[place / 64] |= bit;
            page->values[place] = PENDING;
            t->missing[missing++] = ids[i];
        }
        t->later[later++] = i;
    }
    if (missing == 0) return SB_OK;
    SB_TRY(fill_missing(x, t, missing));
    for (uint32_t k = 0; k < later; k++) {
        const uint32_t i = t->later[k];
        page = t->pages[ids[i] / SB_WEIGH_PAGE];
        values[i] = page->values[ids[i] % SB_WEIGH_PAGE];
        if (bases != NULL) bases[i] = page->bases[ids[i] % SB_WEIGH_PAGE];
    }
    return SB_OK;
}

/* ---- Batches ---------------------------------------------------------------------------------------------------------- */

/* Types, labels and lists as the graph has them now. */
static sb_status begin_tree(sb_weigh_op *x, sb_weigh_tree *t)
{
    sb_exec *run = x->op.run;

    for (uint32_t i = 0; i < t->child_count; i++)
        SB_TRY(begin_tree(x, &t->children[i]));
    if (t->plan == NULL) return sb_exec__weigh_begin_all(x, t);
    const sb_plan_expand *e = &t->plan->expand;
    bool implied = true;
    sb_exec__types_find(run, e, &t->types);
    t->any = t->types.any;
    if (!t->any) return SB_OK;
    t->ends.rows = 0;
    t->ends.implied = false;
    if (t->ends.labels != NULL) /* of very many nodes, which is why they are weighed */
        SB_TRY(sb_exec__end_labels(run, &t->ends, &t->types, sb_exec__direction(e->direction),
                                   UINT32_MAX, &implied));
    t->only_length = implied && t->plan->filter_count == 0 && t->child_count == 0;
    const sb_expand_options options = {.direction = sb_exec__direction(e->direction),
                                       .types = t->types.ids,
                                       .type_count = t->types.count,
                                       .loops_once = true};
    SB_TRY(sb_exec__weigh_begin_all(x, t));
    if (t->expand != NULL) return sb_expand_reopen(t->expand, run->graph, &options, run->err);
    return sb_expand_open(run->graph, &options, &t->expand, run->err);
}

static sb_status begin(sb_weigh_op *x)
{
    sb_exec *run = x->op.run;

    if (x->generation == run->generation && !run->compiled->writes) return SB_OK;
    x->generation = run->generation;
    for (uint32_t i = 0; i < x->op.plan->as.weigh.count; i++) {
        sb_weigh_tree *root = &x->roots[i];
        const double rows = x->op.plan->input->rows;
        sb_exec__weigh_forget(run, root);
        SB_TRY(begin_tree(x, root));
        for (uint32_t c = 0; c < root->child_count; c++)
            root->children[c].expected = rows < (double)root->nodes ? rows : (double)root->nodes;
        if (is_across(x->op.plan, i))
            root->all_values.never = root->children->all_sums.never = true;
    }
    return SB_OK;
}

/* The numbers that are subtracted. */
static sb_status minus_of(sb_weigh_op *x, const sb_batch *in, const int64_t **minus)
{
    const sb_vector *column;

    SB_TRY(sb_exec__column(x->op.run, in, x->op.plan->as.weigh.minus, &column));
    *minus = column->as.integers;
    if (column->kind == SB_VECTOR_INT && !column->constant) return SB_OK;
    for (uint32_t i = 0; i < in->row_count; i++)
        x->values[i] = sb_vector_at(column, i).as.integer;
    *minus = x->values;
    return SB_OK;
}

/* Products become those of one more weight. */
static sb_status multiply_weight(sb_weigh_op *x, const sb_batch *in, uint32_t weight)
{
    const sb_var *node = x->op.plan->as.weigh.weights[weight].node;
    const uint64_t *ids;

    SB_TRY(sb_exec__ids(x->op.run, in, node, SB_VECTOR_NODE, &x->scratch[weight], &ids));
    SB_TRY(sb_exec__weigh_values(x, &x->roots[weight], ids, in->row_count, x->values, NULL));
    for (uint32_t i = 0; i < in->row_count; i++)
        SB_TRY(multiply(x->op.run, &x->products[i], x->values[i]));
    return SB_OK;
}

/* Products become those of the first two weights, where both are lengths of lists in tables; *known false: they are not. */
static sb_status multiply_lengths(sb_weigh_op *x, const sb_batch *in, bool *known)
{
    const sb_list_table *tables[2];
    const uint64_t *ids[2];
    bool overflows = false;

    for (uint32_t w = 0; w < 2; w++) {
        tables[w] = table_of(x, x->roots[w].children);
        SB_TRY(sb_exec__ids(x->op.run, in, x->op.plan->as.weigh.weights[w].node, SB_VECTOR_NODE,
                            &x->scratch[w], &ids[w]));
    }
    *known = tables[0] != NULL && tables[1] != NULL;
    for (uint32_t i = 0; i < in->row_count && *known; i++)
        overflows |=
            SB_MUL_OVERFLOWS((int64_t)sb_list_table_length(tables[0], ids[0][i]),
                             (int64_t)sb_list_table_length(tables[1], ids[1][i]), &x->products[i]);
    return overflows ? sb_exec__too_many_rows(x->op.run) : SB_OK;
}

/* Products of the first two weights, less the rows of them that are none. */
static sb_status multiply_across(sb_weigh_op *x, const sb_batch *in)
{
    const int64_t *minus;
    bool known;

    SB_TRY(multiply_lengths(x, in, &known));
    for (uint32_t w = 0; w < 2 && !known; w++)
        SB_TRY(multiply_weight(x, in, w));
    SB_TRY(minus_of(x, in, &minus));
    for (uint32_t i = 0; i < in->row_count; i++)
        x->products[i] -= minus[i];
    return SB_OK;
}

static sb_status weigh_next(sb_operator *op, const sb_batch **batch)
{
    sb_weigh_op *x = (sb_weigh_op *)op;
    const sb_plan *plan = op->plan;
    const sb_batch *in;

    *batch = NULL;
    SB_TRY(sb_exec__pull(op, &in));
    if (in == NULL) return SB_OK;
    SB_TRY(begin(x));
    for (uint32_t i = 0; i < in->row_count; i++)
        x->products[i] = 1;
    const uint32_t across = plan->as.weigh.minus != NULL ? 2 : 0;
    if (across != 0) SB_TRY(multiply_across(x, in));
    for (uint32_t w = across; w < plan->as.weigh.count; w++)
        SB_TRY(multiply_weight(x, in, w));
    sb_exec__pass(op, in);
    if (x->product != NULL) {
        x->product->vector = (sb_vector){.kind = SB_VECTOR_INT, .as.integers = x->products};
        sb_exec__bind(op, plan->as.weigh.product, x->product);
    }
    *batch = &op->out;
    return SB_OK;
}

static void weigh_reset(sb_operator *op)
{
    sb_weigh_op *x = (sb_weigh_op *)op;

    /* What was kept may be of another run, of which a failed one left some of it unfinished; a statement that has ended keeps nothing. */
    if (x->generation != op->run->generation || op->run->ended)
        for (uint32_t i = 0; i < op->plan->as.weigh.count; i++)
            sb_exec__weigh_forget(op->run, &x->roots[i]);
}

const sb_operator_ops sb_exec__weigh = {.state_bytes = sizeof(sb_weigh_op),
                                        .open = weigh_open,
                                        .next = weigh_next,
                                        .reset = weigh_reset,
                                        .close = weigh_close};
