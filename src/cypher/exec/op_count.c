/* op_count.c — numbers that are known without making rows: from the statistics, and from the lengths of lists. */
#include <string.h>

#include "cypher/exec/op_priv.h"

typedef struct sb_count_op {
    sb_operator op;
    sb_out *out;
    sb_out nodes; /* DEGREE: ids of a batch, where they must be made */
    sb_expand_types types;
    uint64_t degrees[SB_BATCH_ROWS], of_type[SB_BATCH_ROWS];
} sb_count_op;

static const sb_var *result_of(const sb_plan *plan)
{
    return plan->kind == SB_PLAN_COUNT_NODES ? plan->as.scan.node : plan->as.expand.rel;
}

static sb_status count_open(sb_operator *op)
{
    sb_count_op *count = (sb_count_op *)op;

    SB_TRY(sb_exec__need_outs(op));
    count->out = sb_exec__out_of(op, result_of(op->plan));
    return op->plan->kind == SB_PLAN_COUNT_NODES
               ? SB_OK
               : sb_exec__types_open(op->run, &op->plan->as.expand, &count->types);
}

static void count_close(sb_operator *op)
{
    sb_exec__out_free(op->run, &((sb_count_op *)op)->nodes);
}

static sb_status count_nodes(sb_count_op *count, uint64_t *number)
{
    sb_exec *const run = count->op.run;
    const sb_plan *plan = count->op.plan;
    uint32_t label = 0;

    *number = 0;
    if (plan->as.scan.label_given) {
        label = sb_exec__name(run, &run->names[plan->as.scan.label]);
        if (label == 0) return SB_OK; /* nothing was ever called that */
    }
    return sb_stats_nodes_of_label(run->view, label, number, run->err);
}

static sb_status count_rels(sb_count_op *count, uint64_t *number)
{
    sb_exec *const run = count->op.run;

    *number = 0;
    sb_exec__types_find(run, &count->op.plan->as.expand, &count->types);
    if (!count->types.any) return SB_OK;
    if (count->types.count == 0) return sb_stats_rels_of_type(run->view, 0, number, run->err);
    for (size_t i = 0; i < count->types.count; i++) {
        uint64_t of_type;

        SB_TRY(sb_stats_rels_of_type(run->view, count->types.ids[i], &of_type, run->err));
        *number += of_type;
    }
    return SB_OK;
}

static sb_status count_next(sb_operator *op, const sb_batch **batch)
{
    sb_count_op *count = (sb_count_op *)op;
    const sb_batch *in;
    uint64_t number;

    *batch = NULL;
    SB_TRY(sb_exec__pull(op, &in));
    if (in == NULL) return SB_OK;
    sb_exec__pass(op, in);
    *batch = &op->out;
    if (count->out == NULL) return SB_OK;
    SB_TRY(op->plan->kind == SB_PLAN_COUNT_NODES ? count_nodes(count, &number)
                                                 : count_rels(count, &number));
    SB_TRY(sb_exec__out_constant(op->run, count->out, sb_val_int((int64_t)number)));
    sb_exec__bind(op, result_of(op->plan), count->out);
    return SB_OK;
}

const sb_operator_ops sb_exec__count = {.state_bytes = sizeof(sb_count_op),
                                        .open = count_open,
                                        .next = count_next,
                                        .close = count_close};

/* ---- DEGREE ------------------------------------------------------------------------------------------------------ */

/* Relationships of the row's pattern that are among the node's own have been used already. */
static sb_status take_used_off(sb_count_op *count, const sb_batch *in, const uint64_t *from)
{
    const sb_plan_expand *e = &count->op.plan->as.expand;

    for (uint32_t i = 0; i < e->unlike_count; i++) {
        const sb_var *var = e->direction == SB_REL_OUT ? e->unlike_starts[i] : e->unlike_ends[i];
        const sb_vector *ends;

        SB_TRY(sb_exec__column(count->op.run, in, var, &ends));
        for (uint32_t row = 0; row < in->row_count; row++) {
            const sb_val end = sb_vector_at(ends, row);

            if (end.kind == SB_VAL_NODE && end.as.id == from[row] && count->degrees[row] != 0)
                count->degrees[row]--;
        }
    }
    return SB_OK;
}

/* Lengths of the lists of all types that are asked for. */
static sb_status add_degrees(sb_count_op *count, const uint64_t *from, uint32_t rows)
{
    sb_exec *const run = count->op.run;
    const sb_direction direction = sb_exec__direction(count->op.plan->as.expand.direction);
    const size_t types =
        count->types.count == 0 ? 1 : count->types.count; /* one call for all of them */

    memset(count->degrees, 0, rows * sizeof *count->degrees);
    if (!count->types.any) return SB_OK;
    for (size_t t = 0; t < types; t++) {
        SB_TRY(sb_graph_degrees(run->graph, from, rows, direction,
                                count->types.count == 0 ? 0 : count->types.ids[t], count->of_type,
                                run->err));
        for (uint32_t row = 0; row < rows; row++)
            count->degrees[row] += count->of_type[row];
    }
    return SB_OK;
}

static sb_status degree_next(sb_operator *op, const sb_batch **batch)
{
    sb_count_op *count = (sb_count_op *)op;
    sb_exec *const run = op->run;
    const sb_plan_expand *e = &op->plan->as.expand;
    const sb_batch *in;
    const uint64_t *from;

    *batch = NULL;
    SB_TRY(sb_exec__pull(op, &in));
    if (in == NULL) return SB_OK;
    sb_exec__pass(op, in);
    *batch = &op->out;
    if (count->out == NULL) return SB_OK;
    SB_TRY(sb_exec__ids(run, in, e->from, SB_VECTOR_NODE, &count->nodes, &from));
    sb_exec__types_find(run, e, &count->types);
    int64_t *const lengths = sb_exec__out_begin(run, count->out, SB_VECTOR_INT, in->row_count);
    if (lengths == NULL) return sb_exec__no_memory(run);
    SB_TRY(add_degrees(count, from, in->row_count));
    SB_TRY(take_used_off(count, in, from));
    for (uint32_t row = 0; row < in->row_count; row++)
        lengths[row] = (int64_t)count->degrees[row];
    sb_exec__bind(op, e->rel, count->out);
    return SB_OK;
}

const sb_operator_ops sb_exec__degree = {.state_bytes = sizeof(sb_count_op),
                                         .open = count_open,
                                         .next = degree_next,
                                         .close = count_close};
