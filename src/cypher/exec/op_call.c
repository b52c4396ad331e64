/* op_call.c — CALL: a procedure for each row, whose result rows come behind the row's own columns. */
#include <string.h>

#include "cypher/exec/op_priv.h"

typedef struct sb_call_op {
    sb_operator op;
    sb_eval **args;
    sb_out **outs;      /* one for each result; NULL: nobody reads it */
    sb_val *vals;       /* of the call under way: arg_count */
    const sb_batch *in; /* NULL: take the next */
    uint32_t row;       /* of in: the next to call for */
    /* Result rows that are not handed out yet: result_count values each, in the step arena. */
    sb_val *results;
    size_t result_rows, result_capacity, handed_out;
    sb_val column[SB_BATCH_ROWS];
} sb_call_op;

static sb_status call_open(sb_operator *op)
{
    sb_call_op *call = (sb_call_op *)op;
    const sb_plan *plan = op->plan;
    const sb_procedure *procedure = plan->as.call.procedure;

    SB_TRY(sb_exec__need_outs(op));
    SB_TRY(sb_exec__compile_many(op->run, plan->as.call.args, procedure->arg_count, &call->args));
    call->outs =
        sb_exec__alloc_zero(op->run, (size_t)plan->as.call.result_count + 1, sizeof(sb_out *));
    call->vals = sb_exec__alloc_zero(op->run, (size_t)procedure->arg_count + 1, sizeof *call->vals);
    if (call->outs == NULL || call->vals == NULL) return sb_exec__no_memory(op->run);
    for (uint32_t i = 0; i < plan->as.call.result_count; i++)
        call->outs[i] = sb_exec__out_of(op, plan->as.call.results[i]);
    return SB_OK;
}

/* A result row of the procedure; a procedure without results has one row of none. */
static sb_status take_row(void *ctx, const sb_val *row)
{
    sb_call_op *call = ctx;
    const uint32_t width = call->op.plan->as.call.procedure->result_count;

    if (call->result_rows == call->result_capacity) {
        const size_t grown = call->result_capacity == 0 ? 16 : call->result_capacity * 2;
        sb_val *more = sb_arena_alloc_array(call->op.step, grown, width * sizeof *more);

        if (more == NULL) return sb_exec__no_memory(call->op.run);
        if (call->result_rows != 0)
            memcpy(more, call->results, call->result_rows * width * sizeof *more);
        call->results = more;
        call->result_capacity = grown;
    }
    if (width != 0) memcpy(call->results + call->result_rows * width, row, width * sizeof *row);
    call->result_rows++;
    return sb_exec__tick(call->op.run);
}

/* An argument as the procedure declares it: an integer given for a float is one. */
static sb_status take_arg(sb_call_op *call, uint32_t i, uint32_t row)
{
    const sb_procedure *procedure = call->op.plan->as.call.procedure;
    const uint32_t kinds = procedure->args[i].kinds;
    sb_val *const value = &call->vals[i];

    SB_TRY(sb_exec__eval_row(call->args[i], call->in, row, value));
    if (value->kind == SB_VAL_INT && (kinds & SB_KIND_INT) == 0 && (kinds & SB_KIND_FLOAT) != 0)
        *value = sb_val_float((double)value->as.integer);
    if (value->kind == SB_VAL_NULL || (sb_val_kind_bit(*value) & kinds) != 0) return SB_OK;
    return sb_cypher_fail_runtime(call->op.run->err, SB_CYPHER_ARGUMENT_TYPE,
                                  "Argument %u of %.*s is %s, not %s", i + 1,
                                  (int)procedure->name.size, (const char *)procedure->name.data,
                                  procedure->args[i].type_text, sb_val_kind_name(value->kind));
}

static sb_status call_procedure(sb_call_op *call, uint32_t row)
{
    sb_exec *const run = call->op.run;
    const sb_procedure *procedure = call->op.plan->as.call.procedure;

    call->result_rows = call->handed_out = call->result_capacity = 0;
    for (uint32_t i = 0; i < procedure->arg_count; i++)
        SB_TRY(take_arg(call, i, row));
    SB_TRY(procedure->call(procedure->ctx, &run->func, run->graph, call->vals, procedure->arg_count,
                           take_row, call, run->err));
    return procedure->result_count == 0 && call->result_rows == 0 ? take_row(call, NULL) : SB_OK;
}

static sb_status hand_out(sb_call_op *call, const sb_batch **batch)
{
    sb_operator *const op = &call->op;
    const sb_plan *plan = op->plan;
    const uint32_t width = plan->as.call.procedure->result_count;
    const size_t left = call->result_rows - call->handed_out;
    const uint32_t count = left < SB_BATCH_ROWS ? (uint32_t)left : SB_BATCH_ROWS;

    sb_exec__pass_row(op, call->in, call->row - 1, count);
    for (uint32_t i = 0; i < plan->as.call.result_count; i++) {
        const sb_val *from = call->results + call->handed_out * width + plan->as.call.fields[i];

        if (call->outs[i] == NULL) continue;
        for (uint32_t k = 0; k < count; k++)
            call->column[k] = from[(size_t)k * width];
        SB_TRY(sb_exec__out_from_vals(op->run, call->outs[i], call->column, count));
        sb_exec__bind(op, plan->as.call.results[i], call->outs[i]);
    }
    call->handed_out += count;
    *batch = &op->out;
    return SB_OK;
}

static sb_status call_next(sb_operator *op, const sb_batch **batch)
{
    sb_call_op *call = (sb_call_op *)op;

    *batch = NULL;
    while (call->handed_out == call->result_rows) {
        if (call->in == NULL || call->row == call->in->row_count) {
            call->result_rows = call->handed_out = 0;
            SB_TRY(sb_exec__pull(op, &call->in));
            if (call->in == NULL) return SB_OK;
            call->row = 0;
        }
        SB_TRY(call_procedure(call, call->row++));
    }
    return hand_out(call, batch);
}

static void call_reset(sb_operator *op)
{
    sb_call_op *call = (sb_call_op *)op;

    call->in = NULL;
    call->result_rows = call->handed_out = 0;
}

const sb_operator_ops sb_exec__call = {
    .state_bytes = sizeof(sb_call_op), .open = call_open, .next = call_next, .reset = call_reset};
