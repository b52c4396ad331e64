/* op_range.c — UNWIND range(…): the numbers one batch after the other, of a list that is never made. */
#include <string.h>

#include "cypher/exec/op_priv.h"

#define ARGS_MAX 3u

typedef struct sb_range_op {
    sb_operator op;
    sb_eval **args;
    uint32_t arg_count;
    sb_out *out;
    const sb_batch *in;              /* NULL: take the next */
    const sb_vector *vals[ARGS_MAX]; /* the arguments for in */
    uint32_t row;                    /* of in: the next to begin with */
    sb_func_range range;             /* what is left of that of the row before */
    bool is_input;                   /* of the statement (progress.c) */
    uint32_t handed_on;              /* items, not yet counted as done */
    uint32_t rows[SB_BATCH_ROWS];
    int64_t items[SB_BATCH_ROWS];
} sb_range_op;

static sb_status range_open(sb_operator *op)
{
    sb_range_op *r = (sb_range_op *)op;
    const sb_expr *call = op->plan->as.unwind.list;

    SB_TRY(sb_exec__need_outs(op));
    r->out = sb_exec__out_of(op, op->plan->as.unwind.var);
    r->is_input = sb_exec__is_input(op->run, op->plan);
    r->arg_count = call->arg_count;
    return sb_exec__compile_many(op->run, call->args, call->arg_count, &r->args);
}

static sb_status take_input(sb_range_op *r)
{
    SB_TRY(sb_exec__pull(&r->op, &r->in));
    r->row = 0;
    for (uint32_t i = 0; i < r->arg_count && r->in != NULL; i++)
        SB_TRY(sb_exec__eval(r->args[i], r->in, &r->vals[i]));
    return SB_OK;
}

/* The range of the next row; nothing where an argument is null. */
static sb_status begin_range(sb_range_op *r)
{
    sb_exec *run = r->op.run;
    const uint32_t row = r->row++;
    sb_val args[ARGS_MAX];
    bool null = false;

    for (uint32_t i = 0; i < r->arg_count; i++) {
        args[i] = sb_vector_at(r->vals[i], row);
        null = null || args[i].kind == SB_VAL_NULL;
    }
    if (null) return SB_OK;
    const sb_status status = sb_func_range_of(&run->func, args, r->arg_count, &r->range);
    if (SB_UNLIKELY(status != SB_OK))
        sb_exec__place_at(run, r->op.plan->as.unwind.list->span);
    else if (r->is_input && row == 0)
        run->input->total = r->range.count;
    return status;
}

static uint32_t take_items(sb_range_op *r, uint32_t n, uint32_t most)
{
    sb_func_range *range = &r->range;
    const uint64_t room = most - n;
    const uint32_t count = (uint32_t)(range->count < room ? range->count : room);

    for (uint32_t i = 0; i < count; i++) {
        r->rows[n + i] = r->row - 1;
        r->items[n + i] = (int64_t)((uint64_t)range->first + i * (uint64_t)range->step);
    }
    range->first = (int64_t)((uint64_t)range->first + count * (uint64_t)range->step);
    range->count -= count;
    return n + count;
}

static sb_status emit(sb_range_op *r, uint32_t count)
{
    sb_operator *op = &r->op;

    if (r->is_input) r->handed_on = count;
    SB_TRY(sb_exec__pass_rows(op, r->in, r->rows, count));
    if (r->out == NULL) return SB_OK;
    int64_t *to = sb_exec__out_begin(op->run, r->out, SB_VECTOR_INT, count);
    if (to == NULL) return sb_exec__no_memory(op->run);
    memcpy(to, r->items, count * sizeof *to);
    sb_exec__bind(op, op->plan->as.unwind.var, r->out);
    return SB_OK;
}

static sb_status range_next(sb_operator *op, const sb_batch **batch)
{
    sb_range_op *r = (sb_range_op *)op;
    uint32_t count = 0;

    *batch = NULL;
    if (r->handed_on != 0) sb_exec__input_done(op->run, r->handed_on);
    r->handed_on = 0;
    const uint32_t most = sb_exec__rows_wanted(op);
    SB_TRY(sb_exec__tick(op->run));
    while (count == 0) {
        if (r->in == NULL) SB_TRY(take_input(r));
        if (r->in == NULL) return SB_OK;
        sb_exec__use(op);
        count = take_items(r, 0, most);
        while (count < most && r->row < r->in->row_count) {
            SB_TRY(begin_range(r));
            count = take_items(r, count, most);
        }
        if (count == 0) r->in = NULL;
    }
    SB_TRY(emit(r, count));
    *batch = &op->out;
    return SB_OK;
}

static void range_reset(sb_operator *op)
{
    sb_range_op *r = (sb_range_op *)op;

    r->in = NULL;
    r->range.count = 0;
    r->handed_on = 0;
}

const sb_operator_ops sb_exec__range = {.state_bytes = sizeof(sb_range_op),
                                        .open = range_open,
                                        .next = range_next,
                                        .reset = range_reset};
