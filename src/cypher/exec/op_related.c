/* op_related.c — rows whose two nodes have, or have not, a relationship: what a pattern in WHERE asks.
 * Rows in a row that share a node are asked in its list, which is held; where few share one, or its list is long, each is looked up: in tables
 * of the lists, once many have been (list_tables.c). */
#include "cypher/exec/held_list.h"
#include "cypher/exec/op_priv.h"

#define LOOKUP_ENTRIES 16u /* entries of a list that cost as much to hold as one look-up */
#define ROWS_HELD      4u  /* that share a node, from which on holding its list beats tables */

typedef struct sb_related_op {
    sb_operator op;
    sb_expand_types types;
    sb_expand *expands[2]; /* of from, of to; NULL until needed */
    sb_held_list list;
    unsigned held;      /* which end's */
    uint64_t held_node; /* 0: none */
    uint64_t generation;
    sb_out scratch[2];
    const uint64_t *nodes[2]; /* from, to of the batch */
    bool in_tables;           /* lists of from are in these, by direction; NULL: not asked */
    const sb_list_table *tables[2];
    uint32_t rows[SB_BATCH_ROWS];
} sb_related_op;

static sb_status related_open(sb_operator *op)
{
    sb_related_op *x = (sb_related_op *)op;

    sb_exec__held_init(op->run, &x->list);
    SB_TRY(sb_exec__need_outs(op));
    return sb_exec__types_open(op->run, &op->plan->as.related.expand, &x->types);
}

static void related_close(sb_operator *op)
{
    sb_related_op *x = (sb_related_op *)op;

    sb_exec__held_free(&x->list);
    for (unsigned i = 0; i < 2; i++) {
        sb_expand_close(x->expands[i]);
        sb_exec__out_free(op->run, &x->scratch[i]);
    }
}

static void forget(sb_related_op *x)
{
    sb_exec__held_forget(&x->list);
    x->held_node = 0;
}

static void related_reset(sb_operator *op)
{
    sb_related_op *x = (sb_related_op *)op;

    forget(x);
    for (unsigned i = 0; i < 2; i++) /* lets go of the list at hand */
        if (x->expands[i] != NULL) sb_expand_begin(x->expands[i], NULL, 0);
}

static sb_expand_options options_of(const sb_related_op *x, unsigned end)
{
    const sb_direction direction = sb_exec__direction(x->op.plan->as.related.expand.direction);

    return (sb_expand_options){.direction = end == 0 || direction == SB_BOTH ? direction
                                            : direction == SB_OUT            ? SB_IN
                                                                             : SB_OUT,
                               .types = x->types.ids,
                               .type_count = x->types.count,
                               .loops_once = true};
}

/* Which lists are read: found out once in a run, or with each batch where names may come to be. */
static sb_status find_lists(sb_related_op *x)
{
    sb_exec *run = x->op.run;

    if (x->generation == run->generation && !run->compiled->writes) return SB_OK;
    x->generation = run->generation;
    forget(x);
    sb_exec__types_find(run, &x->op.plan->as.related.expand, &x->types);
    for (unsigned i = 0; i < 2 && x->types.any; i++) {
        const sb_expand_options options = options_of(x, i);
        if (x->expands[i] != NULL)
            SB_TRY(sb_expand_reopen(x->expands[i], run->graph, &options, run->err));
        else
            SB_TRY(sb_expand_open(run->graph, &options, &x->expands[i], run->err));
    }
    return SB_OK;
}

/* Hold the list of a node that `rows` rows share, if that is worth it. */
static sb_status hold(sb_related_op *x, unsigned end, uint64_t node, uint32_t rows)
{
    bool whole;

    if (x->held_node == node && x->held == end) return SB_OK;
    x->held_node = 0;
    x->held = end;
    if (rows < 2 || node == 0) return SB_OK;
    SB_TRY(
        sb_exec__held_read(&x->list, x->expands[end], node, (size_t)LOOKUP_ENTRIES * rows, &whole));
    if (!whole) return SB_OK;
    x->held_node = node;
    return sb_exec__held_filter(&x->list);
}

/* Are the lists of `from` in tables? Where each one's is asked for by many rows, holding it is better. */
static sb_status find_tables(sb_related_op *x, uint32_t count, uint32_t runs)
{
    const sb_direction direction = sb_exec__direction(x->op.plan->as.related.expand.direction);

    x->in_tables = x->types.count == 1 && runs > count / ROWS_HELD;
    for (unsigned d = SB_OUT; d < SB_BOTH; d++) {
        x->tables[d] = NULL;
        if (!x->in_tables || (direction != SB_BOTH && direction != (sb_direction)d)) continue;
        SB_TRY(sb_exec__list_table(&x->op, x->types.ids[0], (sb_direction)d, false, count,
                                   &x->tables[d]));
        x->in_tables = x->in_tables && x->tables[d] != NULL;
    }
    return SB_OK;
}

static bool is_in_tables(const sb_related_op *x, uint32_t row)
{
    bool is = false;

    for (unsigned d = SB_OUT; d < SB_BOTH; d++)
        if (x->tables[d] != NULL)
            is |= sb_list_table_has(x->tables[d], x->nodes[0][row], x->nodes[1][row]);
    return is;
}

/* Without a branch on the answers, which nobody foresees. */
static uint32_t ask_tables(sb_related_op *x, uint32_t row_count)
{
    const bool anti = x->op.plan->as.related.anti;
    uint32_t count = 0;

    for (uint32_t row = 0; row < row_count; row++) {
        x->rows[count] = row;
        count += is_in_tables(x, row) != anti;
    }
    return count;
}

static sb_status look_up(sb_related_op *x, uint32_t row, bool *is)
{
    const sb_expand_options options = options_of(x, 0);
    const sb_rel_id *rels;
    size_t count;

    *is = false;
    if (x->nodes[0][row] == 0 || x->nodes[1][row] == 0) return SB_OK;
    SB_TRY(sb_graph_rels_between(x->op.run->graph, x->nodes[0][row], x->nodes[1][row], &options,
                                 &rels, &count, x->op.run->err));
    *is = count != 0;
    return SB_OK;
}

/* Is it a neighbor in the held list? *at: where the last one was looked up, if that was not above it. */
static bool is_held(const sb_related_op *x, uint64_t id, uint64_t *last, uint32_t *at)
{
    const sb_chunk *entries = &x->list.entries;

    if (entries->count == 0 || !sb_exec__held_passes(&x->list, id)) return false;
    if (id < *last) *at = 0;
    *last = id;
    *at = sb_exec__entry_from(entries, *at, id);
    return *at < entries->count && sb_chunk_neighbor(entries, *at) == id;
}

/* Rows of the batch that are wanted. */
static sb_status ask(sb_related_op *x, const sb_batch *in, uint32_t *count)
{
    const bool anti = x->op.plan->as.related.anti;
    const uint32_t from_runs = sb_exec__runs(x->nodes[0], in->row_count),
                   to_runs = sb_exec__runs(x->nodes[1], in->row_count),
                   runs = to_runs < from_runs ? to_runs : from_runs;
    const unsigned end = to_runs < from_runs ? 1 : 0;
    uint64_t last;
    uint32_t at;
    bool is;

    *count = 0;
    if (x->types.any) SB_TRY(find_tables(x, in->row_count, runs));
    if (x->types.any && x->in_tables) {
        SB_TRY(sb_exec__tick(x->op.run));
        *count = ask_tables(x, in->row_count);
        return SB_OK;
    }
    for (uint32_t row = 0; row < in->row_count;) {
        const uint32_t rows = sb_exec__rows_sharing(x->nodes[end], row, in->row_count);
        SB_TRY(sb_exec__tick(x->op.run));
        if (x->types.any) SB_TRY(hold(x, end, x->nodes[end][row], rows));
        last = UINT64_MAX; /* so the first one begins at the front */
        at = 0;
        for (const uint32_t stop = row + rows; row < stop; row++) {
            is = false;
            if (x->types.any && x->held_node != 0)
                is = is_held(x, x->nodes[1 - end][row], &last, &at);
            else if (x->types.any)
                SB_TRY(look_up(x, row, &is));
            if (is != anti) x->rows[(*count)++] = row;
        }
    }
    return SB_OK;
}

static sb_status related_next(sb_operator *op, const sb_batch **batch)
{
    sb_related_op *x = (sb_related_op *)op;
    const sb_plan_expand *e = &op->plan->as.related.expand;
    const sb_batch *in;
    uint32_t count;

    do {
        SB_TRY(sb_exec__pull(op, &in));
        *batch = in;
        if (in == NULL) {
            forget(x);
            return SB_OK;
        }
        SB_TRY(find_lists(x));
        SB_TRY(sb_exec__ids(op->run, in, e->from, SB_VECTOR_NODE, &x->scratch[0], &x->nodes[0]));
        SB_TRY(sb_exec__ids(op->run, in, e->to, SB_VECTOR_NODE, &x->scratch[1], &x->nodes[1]));
        SB_TRY(ask(x, in, &count));
    } while (count == 0);
    if (count == in->row_count) return SB_OK;
    *batch = &op->out;
    return sb_exec__pass_rows(op, in, x->rows, count);
}

const sb_operator_ops sb_exec__related = {.state_bytes = sizeof(sb_related_op),
                                          .open = related_open,
                                          .next = related_next,
                                          .reset = related_reset,
                                          .close = related_close};
