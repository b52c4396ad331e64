/* op_limit.c — SKIP and LIMIT. Their number is computed when the first row is asked for, and once in a run of the plan. */
#include "cypher/exec/op_priv.h"

static sb_status number_of_rows(sb_exec *run, sb_val v, const char *what, uint64_t *number)
{
    if (v.kind != SB_VAL_INT)
        return sb_cypher_fail_runtime(run->err, SB_CYPHER_INVALID_ARGUMENT_TYPE,
                                      "%s: expected an integer, got %s", what,
                                      sb_val_kind_name(v.kind));
    if (v.as.integer < 0)
        return sb_cypher_fail_runtime(run->err, SB_CYPHER_NEGATIVE_INTEGER_ARGUMENT,
                                      "%s: expected a number of rows, got %lld", what,
                                      (long long)v.as.integer);
    *number = (uint64_t)v.as.integer;
    return SB_OK;
}

sb_status sb_exec__row_number(sb_exec *run, sb_eval *eval, const char *what, uint64_t *number)
{
    sb_val v;

    *number = 0;
    SB_TRY(sb_exec__eval_constant(eval, &v));
    return sb_exec__placed(eval, run, number_of_rows(run, v, what, number));
}

typedef struct sb_limit_op {
    sb_operator op;
    sb_eval *count;
    uint64_t left; /* rows to skip, or to let through */
    bool begun;
    bool drains; /* LIMIT: what is below writes, and must come to its end */
    uint32_t rows[SB_BATCH_ROWS];
} sb_limit_op;

static sb_status limit_open(sb_operator *op)
{
    sb_limit_op *limit = (sb_limit_op *)op;

    limit->drains = op->plan->kind == SB_PLAN_LIMIT && sb_plan_writes(op->plan->input);
    SB_TRY(sb_exec__need_outs(op));
    return sb_exec__compile(op->run, op->plan->as.limit.count, &limit->count);
}

static void limit_reset(sb_operator *op)
{
    ((sb_limit_op *)op)->begun = false;
}

static sb_status begin(sb_limit_op *limit, const char *what)
{
    if (limit->begun) return SB_OK;
    limit->begun = true;
    SB_TRY(sb_exec__begin_step(&limit->op));
    return sb_exec__row_number(limit->op.run, limit->count, what, &limit->left);
}

/* Rows [first, first + count) of the input. */
static sb_status pass_range(sb_limit_op *limit, const sb_batch *in, uint32_t first, uint32_t count,
                            const sb_batch **batch)
{
    for (uint32_t i = 0; i < count; i++)
        limit->rows[i] = first + i;
    *batch = &limit->op.out;
    return sb_exec__pass_rows(&limit->op, in, limit->rows, count);
}

static sb_status skip_next(sb_operator *op, const sb_batch **batch)
{
    sb_limit_op *limit = (sb_limit_op *)op;

    SB_TRY(begin(limit, "SKIP"));
    for (;;) {
        SB_TRY(sb_exec__pull(op, batch));
        if (*batch == NULL || limit->left == 0) return SB_OK;
        const uint32_t rows = (*batch)->row_count;
        if (rows > limit->left) {
            const uint32_t first = (uint32_t)limit->left;
            limit->left = 0;
            return pass_range(limit, *batch, first, rows - first, batch);
        }
        limit->left -= rows;
    }
}

const sb_operator_ops sb_exec__skip = {.state_bytes = sizeof(sb_limit_op),
                                       .open = limit_open,
                                       .next = skip_next,
                                       .reset = limit_reset};

static sb_status limit_next(sb_operator *op, const sb_batch **batch)
{
    sb_limit_op *limit = (sb_limit_op *)op;

    *batch = NULL;
    SB_TRY(begin(limit, "LIMIT"));
    if (limit->left == 0) {
        if (!limit->drains) return SB_OK;
        do {
            SB_TRY(sb_exec__pull(op, batch));
        } while (*batch != NULL);
        return SB_OK;
    }
    SB_TRY(sb_exec__pull(op, batch));
    if (*batch == NULL) return SB_OK;
    if ((*batch)->row_count > limit->left) {
        const uint32_t count = (uint32_t)limit->left;
        limit->left = 0;
        return pass_range(limit, *batch, 0, count, batch);
    }
    limit->left -= (*batch)->row_count;
    return SB_OK;
}

const sb_operator_ops sb_exec__limit = {.state_bytes = sizeof(sb_limit_op),
                                        .open = limit_open,
                                        .next = limit_next,
                                        .reset = limit_reset};
