/* op_call.c — CALL of a procedure: for each row of the input its result rows. They are copied, since a procedure gives them one by one. */
#include "cypher/exec/op_priv.h"
#include "cypher/exec/table.h"

typedef struct sb_call_op {
    sb_operator op;
    sb_eval **args;
    sb_val *vals;       /* of a row's arguments */
    sb_out **outs;      /* of the results */
    sb_kept kept;       /* result rows: the fields that are asked for */
    sb_buffer rows;     /* uint32_t: the input row of each */
    const sb_batch *in; /* NULL: take the next */
    uint32_t row;       /* of in, the next to be called for */
    uint64_t at;        /* next of kept to hand on */
} sb_call_op;

static sb_status call_open(sb_operator *op)
{
    sb_call_op *c = (sb_call_op *)op;
    const sb_plan *plan = op->plan;
    const uint32_t arg_count = plan->as.call.procedure->arg_count,
                   results = plan->as.call.result_count;

    sb_buffer_init(&c->rows, op->run->alloc);
    SB_TRY(sb_exec__need_outs(op));
    SB_TRY(sb_kept__open(op->run, results, &c->kept));
    c->vals = sb_exec__alloc_zero(op->run, arg_count, sizeof *c->vals);
    c->outs = sb_exec__alloc_zero(op->run, results, sizeof(sb_out *));
    if (c->vals == NULL || c->outs == NULL) return sb_exec__no_memory(op->run);
    for (uint32_t i = 0; i < results; i++)
        c->outs[i] = sb_exec__out_of(op, plan->as.call.results[i]);
    return sb_exec__compile_many(op->run, plan->as.call.args, arg_count, &c->args);
}

static void call_close(sb_operator *op)
{
    sb_call_op *c = (sb_call_op *)op;

    sb_kept__close(&c->kept);
    sb_buffer_deinit(&c->rows);
}

static void call_reset(sb_operator *op)
{
    sb_call_op *c = (sb_call_op *)op;

    c->in = NULL;
    c->at = 0;
    sb_buffer_reset(&c->rows);
    sb_kept__clear(&c->kept);
}

static sb_status emit_result(void *ctx, const sb_val *result)
{
    sb_call_op *c = ctx;
    const sb_plan *plan = c->op.plan;
    const uint32_t row = c->row;
    sb_val *to;

    SB_TRY(sb_exec__tick(c->op.run));
    SB_TRY(sb_kept__room(&c->kept, &to));
    for (uint32_t i = 0; i < plan->as.call.result_count; i++)
        SB_TRY(sb_kept__copy(&c->kept, result[plan->as.call.fields[i]], &to[i]));
    c->kept.count++;
    c->kept.vals.size = (size_t)c->kept.count * c->kept.width * sizeof(sb_val);
    return sb_buffer_append(&c->rows, &row, sizeof row) == SB_OK ? SB_OK
                                                                 : sb_exec__no_memory(c->op.run);
}

/* An integer given for an argument that is a float becomes one. */
static void widen(const sb_procedure_field *field, sb_val *v)
{
    if (v->kind == SB_VAL_INT && (field->kinds & SB_KIND_FLOAT) != 0 &&
        (field->kinds & SB_KIND_INT) == 0)
        *v = sb_val_float((double)v->as.integer);
}

static sb_status check_arg(const sb_call_op *c, uint32_t i)
{
    const sb_procedure *procedure = c->op.plan->as.call.procedure;

    if (c->vals[i].kind == SB_VAL_NULL ||
        (sb_val_kind_bit(c->vals[i]) & procedure->args[i].kinds) != 0)
        return SB_OK;
    return sb_cypher_fail_runtime(c->op.run->err, SB_CYPHER_ARGUMENT_TYPE,
                                  "Argument %u of %.*s is %s, not %s", i + 1,
                                  (int)procedure->name.size, (const char *)procedure->name.data,
                                  procedure->args[i].type_text, sb_val_kind_name(c->vals[i].kind));
}

static sb_status call_row(sb_call_op *c)
{
    sb_exec *run = c->op.run;
    const sb_procedure *procedure = c->op.plan->as.call.procedure;
    const uint64_t before = c->kept.count;

    for (uint32_t i = 0; i < procedure->arg_count; i++) {
        SB_TRY(sb_exec__eval_row(c->args[i], c->in, c->row, &c->vals[i]));
        widen(&procedure->args[i], &c->vals[i]);
        SB_TRY(sb_exec__placed(c->args[i], run, check_arg(c, i)));
    }
    const sb_status status = procedure->call(procedure->ctx, &run->func, run, c->vals,
                                             procedure->arg_count, emit_result, c, run->err);
    if (status != SB_OK) sb_exec__place_at(run, c->op.plan->as.call.span);
    SB_TRY(status);
    sb_exec__use(&c->op);
    /* one without results lets its row through */
    if (procedure->result_count != 0 || c->kept.count != before) return SB_OK;
    c->kept.count++;
    return sb_buffer_append(&c->rows, &c->row, sizeof c->row) == SB_OK ? SB_OK
                                                                       : sb_exec__no_memory(run);
}

/* Results of input rows until there is a batch of them. */
static sb_status call_rows(sb_call_op *c)
{
    sb_kept__clear(&c->kept);
    sb_buffer_reset(&c->rows);
    c->at = 0;
    for (; c->row < c->in->row_count && c->kept.count < SB_BATCH_ROWS; c->row++)
        SB_TRY(call_row(c));
    return SB_OK;
}

static sb_status emit_results(sb_call_op *c, const sb_batch **batch)
{
    sb_operator *op = &c->op;
    const sb_plan *plan = op->plan;
    const uint64_t left = c->kept.count - c->at;
    const uint32_t count = left < SB_BATCH_ROWS ? (uint32_t)left : SB_BATCH_ROWS;
    const uint32_t *rows = (const uint32_t *)(const void *)c->rows.data + c->at;
    sb_val vals[SB_BATCH_ROWS];

    SB_TRY(sb_exec__pass_rows(op, c->in, rows, count));
    for (uint32_t i = 0; i < plan->as.call.result_count; i++) {
        if (c->outs[i] == NULL) continue;
        for (uint32_t k = 0; k < count; k++)
            vals[k] = sb_kept__row(&c->kept, c->at + k)[i];
        SB_TRY(sb_exec__out_from_vals(op->run, c->outs[i], vals, count));
        sb_exec__bind(op, plan->as.call.results[i], c->outs[i]);
    }
    c->at += count;
    *batch = &op->out;
    return SB_OK;
}

static sb_status call_next(sb_operator *op, const sb_batch **batch)
{
    sb_call_op *c = (sb_call_op *)op;

    *batch = NULL;
    sb_exec__use(op);
    while (c->at >= c->kept.count) {
        if (c->in == NULL || c->row >= c->in->row_count) {
            SB_TRY(sb_exec__pull(op, &c->in));
            if (c->in == NULL) return SB_OK;
            c->row = 0;
        }
        SB_TRY(call_rows(c));
    }
    return emit_results(c, batch);
}

const sb_operator_ops sb_exec__call = {.state_bytes = sizeof(sb_call_op),
                                       .open = call_open,
                                       .next = call_next,
                                       .reset = call_reset,
                                       .close = call_close};
