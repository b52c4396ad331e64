/* op_apply.c — an inner plan for each row of the input: APPLY, OPTIONAL_APPLY, SEMI_APPLY.
 * Row by row, the input row goes on as constants beside the inner plan's batches. Batched, the inner plan runs once for all rows of a
 * batch and says of each of its rows which one it belongs to. */
#include "cypher/exec/op_priv.h"

typedef struct sb_apply_op {
    sb_operator op;
    bool optional,
        ordered;        /* ordered: a batched inner plan's rows come in order of their input rows */
    const sb_batch *in; /* NULL: take the next */
    uint32_t row;       /* of in, next to be run for; batched: unused */
    bool running;       /* the inner plan has a batch to come */
    bool any;           /* it has had a row for the one at hand */
    sb_out null;        /* one null */
    /* batched: */
    const sb_batch *inner; /* whose rows go on piece by piece; NULL: take the next */
    uint32_t at;           /* next row of it */
    uint32_t missing;      /* input rows below have had theirs */
    uint8_t seen[SB_BATCH_ROWS / 8];
    uint32_t rows[SB_BATCH_ROWS];       /* input rows that go on, */
    uint32_t inner_rows[SB_BATCH_ROWS]; /* with these of inner; UINT32_MAX: nulls */
} sb_apply_op;

/* Kinds that give their rows in another order than their argument's. */
static bool keeps_order(const sb_plan *plan)
{
    for (; plan != NULL; plan = plan->input) {
        switch ((int)plan->kind) {
        case SB_PLAN_AGGREGATE:
        case SB_PLAN_DISTINCT:
        case SB_PLAN_HASH_JOIN: /* these two when they spill */
        case SB_PLAN_PRODUCT:
        case SB_PLAN_SELECT_PATHS:
        case SB_PLAN_SORT:
        case SB_PLAN_TOP:
        case SB_PLAN_UNION: return false;
        default: break;
        }
    }
    return true;
}

static sb_status apply_open(sb_operator *op)
{
    sb_apply_op *a = (sb_apply_op *)op;

    a->optional = op->plan->kind == SB_PLAN_OPTIONAL_APPLY;
    a->ordered = keeps_order(op->plan->inner);
    SB_TRY(sb_exec__need_outs(op));
    return sb_exec__out_constant(op->run, &a->null, SB_VAL_NULL_VALUE);
}

static void apply_close(sb_operator *op)
{
    sb_exec__out_free(op->run, &((sb_apply_op *)op)->null);
}

static void apply_reset(sb_operator *op)
{
    sb_apply_op *a = (sb_apply_op *)op;

    a->in = NULL;
    a->inner = NULL;
    a->running = false;
}

static sb_status apply_input(sb_apply_op *a)
{
    do {
        SB_TRY(sb_exec__pull(&a->op, &a->in));
    } while (a->in != NULL && a->in->row_count == 0);
    a->row = 0;
    return SB_OK;
}

/* Live columns of the inner batch as they are, over those of the input. */
static void take_inner(sb_apply_op *a, const sb_batch *inner)
{
    const sb_plan *plan = a->op.plan;

    for (uint32_t i = 0; i < plan->live_count; i++)
        if (inner->columns[plan->live[i]] != NULL)
            a->op.out.columns[plan->live[i]] = inner->columns[plan->live[i]];
}

/* ---- Row by row --------------------------------------------------------------------------------------------------- */

static void null_row(sb_apply_op *a, uint32_t row)
{
    const sb_plan *plan = a->op.plan;

    sb_exec__pass_row(&a->op, a->in, row, 1);
    for (uint32_t i = 0; i < plan->as.apply.null_count; i++)
        a->op.out.columns[plan->as.apply.nulls[i]->slot] = &a->null.vector;
}

static sb_status by_row(sb_apply_op *a, const sb_batch **batch)
{
    sb_operator *op = &a->op;
    const sb_batch *inner;

    *batch = NULL;
    for (;;) {
        if (!a->running) {
            if (a->in == NULL || a->row >= a->in->row_count) SB_TRY(apply_input(a));
            if (a->in == NULL) return SB_OK;
            op->nested->few = op->tree->few;
            SB_TRY(sb_exec__inner_row(op->nested, a->in, a->row++));
            a->running = true;
            a->any = false;
        }
        SB_TRY(sb_exec__next(op->nested->root, &inner));
        if (inner == NULL) {
            a->running = false;
            if (a->any || !a->optional) continue;
            null_row(a, a->row - 1);
            break;
        }
        if (inner->row_count == 0) continue;
        if (inner->last) a->running = false;
        a->any = true;
        sb_exec__pass_row(op, a->in, a->row - 1, inner->row_count);
        take_inner(a, inner);
        break;
    }
    *batch = &op->out;
    return SB_OK;
}

/* ---- Batched ---------------------------------------------------------------------------------------------------------- */

static sb_status next_inner(sb_apply_op *a)
{
    sb_operator *op = &a->op;

    a->at = 0;
    do {
        SB_TRY(sb_exec__next(op->nested->root, &a->inner));
    } while (a->inner != NULL && a->inner->row_count == 0);
    return SB_OK;
}

/* Input rows in [missing, end) that had no inner row: into rows, as far as there is room. */
static void add_missing(sb_apply_op *a, uint32_t end, uint32_t *count)
{
    for (; a->missing < end && *count < SB_BATCH_ROWS; a->missing++) {
        if (sb_bit_get(a->seen, a->missing)) continue;
        a->rows[*count] = a->missing;
        a->inner_rows[(*count)++] = UINT32_MAX;
    }
}

/* Fill rows and inner_rows; *whole: they are the inner batch as it is. */
static sb_status pair_rows(sb_apply_op *a, uint32_t *count, bool *whole)
{
    const uint32_t row_slot = a->op.plan->as.apply.row->slot;
    const sb_vector *numbers = a->inner->columns[row_slot];
    const uint32_t begin = a->at;

    *count = 0;
    if (SB_NEVER(numbers == NULL))
        return SB_FAIL(a->op.run->err, SB_MISUSE, "the inner plan does not carry its row number");
    for (; a->at < a->inner->row_count && *count < SB_BATCH_ROWS; a->at++) {
        const uint32_t row = (uint32_t)sb_vector_at(numbers, a->at).as.integer;
        if (a->optional && a->ordered) {
            add_missing(a, row, count);
            if (*count == SB_BATCH_ROWS) break;
        }
        sb_bit_set(a->seen, row);
        a->rows[*count] = row;
        a->inner_rows[(*count)++] = a->at;
    }
    *whole = begin == 0 && a->at == a->inner->row_count && *count == a->inner->row_count;
    return SB_OK;
}

/* Does the inner plan alone bind it? The input may have a column of nulls there (live.c). */
static bool is_inner(const sb_apply_op *a, uint32_t slot)
{
    const sb_plan *plan = a->op.plan;

    if (a->in->columns[slot] == NULL) return true;
    for (uint32_t i = 0; i < plan->as.apply.null_count; i++)
        if (plan->as.apply.nulls[i]->slot == slot) return true;
    return false;
}

static sb_status gather_inner(sb_apply_op *a, uint32_t count)
{
    sb_operator *op = &a->op;
    const sb_plan *plan = op->plan;

    for (uint32_t i = 0; i < plan->live_count; i++) {
        const uint32_t slot = plan->live[i];
        const sb_vector *column = a->inner->columns[slot];
        if (column == NULL || (a->optional && !is_inner(a, slot))) continue;
        SB_TRY(sb_exec__gather_nulls(op->run, &op->outs[i], column, a->inner_rows, count));
        op->out.columns[slot] = &op->outs[i].vector;
    }
    return SB_OK;
}

/* Rows without a partner, after the inner plan has come to its end. */
static sb_status emit_missing(sb_apply_op *a, uint32_t count)
{
    const sb_plan *plan = a->op.plan;

    SB_TRY(sb_exec__pass_rows(&a->op, a->in, a->rows, count));
    for (uint32_t i = 0; i < plan->as.apply.null_count; i++)
        a->op.out.columns[plan->as.apply.nulls[i]->slot] = &a->null.vector;
    return SB_OK;
}

static sb_status batched(sb_apply_op *a, const sb_batch **batch)
{
    sb_operator *op = &a->op;
    uint32_t count = 0;
    bool whole = false;

    *batch = NULL;
    while (count == 0) {
        if (a->in == NULL) {
            SB_TRY(apply_input(a));
            if (a->in == NULL) return SB_OK;
            op->nested->few = op->tree->few;
            SB_TRY(sb_exec__inner_batch(op->nested, a->in, op->plan->as.apply.row));
            memset(a->seen, 0, sizeof a->seen);
            a->missing = 0;
            a->inner = NULL;
            a->running = true;
        }
        if (a->running && (a->inner == NULL || a->at >= a->inner->row_count)) {
            SB_TRY(next_inner(a));
            a->running = a->inner != NULL;
        }
        if (a->running) {
            SB_TRY(pair_rows(a, &count, &whole));
            if (count == 0) continue;
            SB_TRY(sb_exec__pass_rows(op, a->in, a->rows, count));
            if (whole)
                take_inner(a, a->inner);
            else
                SB_TRY(gather_inner(a, count));
        } else {
            if (a->optional) add_missing(a, a->in->row_count, &count);
            if (count != 0)
                SB_TRY(emit_missing(a, count));
            else
                a->in = NULL;
        }
    }
    *batch = &op->out;
    return SB_OK;
}

static sb_status apply_next(sb_operator *op, const sb_batch **batch)
{
    return op->plan->as.apply.batched ? batched((sb_apply_op *)op, batch)
                                      : by_row((sb_apply_op *)op, batch);
}

const sb_operator_ops sb_exec__apply = {.state_bytes = sizeof(sb_apply_op),
                                        .inner_runs = true,
                                        .open = apply_open,
                                        .next = apply_next,
                                        .reset = apply_reset,
                                        .close = apply_close};

/* ---- SEMI_APPLY ---------------------------------------------------------------------------------------------------------- */

typedef struct sb_semi_op {
    sb_operator op;
    uint8_t seen[SB_BATCH_ROWS / 8];
    uint32_t rows[SB_BATCH_ROWS];
} sb_semi_op;

static sb_status semi_open(sb_operator *op)
{
    return sb_exec__need_outs(op);
}

static sb_status mark_each(sb_semi_op *s, const sb_batch *in)
{
    const sb_batch *inner;

    s->op.nested->few = true;
    for (uint32_t row = 0; row < in->row_count; row++) {
        SB_TRY(sb_exec__inner_row(s->op.nested, in, row));
        do {
            SB_TRY(sb_exec__next(s->op.nested->root, &inner));
        } while (inner != NULL && inner->row_count == 0);
        if (inner != NULL) sb_bit_set(s->seen, row);
    }
    return SB_OK;
}

static sb_status mark_batched(sb_semi_op *s, const sb_batch *in)
{
    const sb_var *row = s->op.plan->as.apply.row;
    const sb_batch *inner;
    uint32_t left = in->row_count; /* rows that have had none */

    s->op.nested->few = s->op.tree->few;
    SB_TRY(sb_exec__inner_batch(s->op.nested, in, row));
    while (left != 0) {
        SB_TRY(sb_exec__next(s->op.nested->root, &inner));
        if (inner == NULL) return SB_OK;
        for (uint32_t i = 0; i < inner->row_count; i++) {
            const size_t at = (size_t)sb_vector_at(inner->columns[row->slot], i).as.integer;
            left -= !sb_bit_get(s->seen, at);
            sb_bit_set(s->seen, at);
        }
    }
    return SB_OK;
}

static sb_status semi_next(sb_operator *op, const sb_batch **batch)
{
    sb_semi_op *s = (sb_semi_op *)op;
    const sb_batch *in;
    uint32_t count;

    do {
        SB_TRY(sb_exec__pull(op, &in));
        *batch = in;
        if (in == NULL) return SB_OK;
        memset(s->seen, 0, sizeof s->seen);
        SB_TRY(op->plan->as.apply.batched ? mark_batched(s, in) : mark_each(s, in));
        count = 0;
        for (uint32_t i = 0; i < in->row_count; i++)
            if (sb_bit_get(s->seen, i) != op->plan->as.apply.anti) s->rows[count++] = i;
    } while (count == 0);
    if (count == in->row_count) return SB_OK;
    *batch = &op->out;
    return sb_exec__pass_rows(op, in, s->rows, count);
}

const sb_operator_ops sb_exec__semi_apply = {
    .state_bytes = sizeof(sb_semi_op), .inner_runs = true, .open = semi_open, .next = semi_next};
