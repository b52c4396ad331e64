/* op_product.c — two inputs one beside or behind the other: product, union. */
#include "cypher/exec/op_priv.h"
#include "cypher/exec/table.h"

/* ---- PRODUCT: the inner side is read once and kept ------------------------------------------------------------------- */

typedef struct sb_product_op {
    sb_operator op;
    sb_kept kept;
    bool built;
    const sb_batch *in; /* NULL: take the next */
    uint32_t row;       /* of in */
    uint64_t at;        /* next row of kept for it */
    uint32_t rows[SB_BATCH_ROWS], partners[SB_BATCH_ROWS];
} sb_product_op;

static sb_status product_open(sb_operator *op)
{
    SB_TRY(sb_exec__need_outs(op));
    return sb_kept__open(op->run, 0, &((sb_product_op *)op)->kept);
}

static void product_close(sb_operator *op)
{
    sb_kept__close(&((sb_product_op *)op)->kept);
}

static void product_reset(sb_operator *op)
{
    sb_product_op *p = (sb_product_op *)op;

    sb_kept__clear(&p->kept);
    p->built = false;
    p->in = NULL;
}

/* Columns of the inner side: known with its first batch. */
static sb_status find_columns(sb_product_op *p, const sb_batch *inner)
{
    const sb_plan *plan = p->op.plan;

    if (p->kept.slots != NULL) return SB_OK;
    p->kept.slots = sb_exec__alloc_zero(p->op.run, plan->live_count, sizeof(uint32_t));
    if (p->kept.slots == NULL) return sb_exec__no_memory(p->op.run);
    for (uint32_t i = 0; i < plan->live_count; i++)
        if (inner->columns[plan->live[i]] != NULL) p->kept.slots[p->kept.width++] = plan->live[i];
    return SB_OK;
}

static sb_status product_build(sb_product_op *p)
{
    const sb_batch *inner;

    for (;;) {
        SB_TRY(sb_exec__next(p->op.inner, &inner));
        if (inner == NULL) break;
        SB_TRY(find_columns(p, inner));
        if (p->kept.count + inner->row_count >= UINT32_MAX)
            return SB_FAIL(p->op.run->err, SB_LIMIT, "more than %u rows to be paired", UINT32_MAX);
        SB_TRY(sb_kept__append(&p->kept, inner));
    }
    p->built = true;
    return SB_OK;
}

static uint32_t product_pairs(sb_product_op *p)
{
    uint32_t count = 0;

    while (count < SB_BATCH_ROWS && p->row < p->in->row_count) {
        p->rows[count] = p->row;
        p->partners[count++] = (uint32_t)p->at;
        if (++p->at < p->kept.count) continue;
        p->at = 0;
        p->row++;
    }
    return count;
}

/* As for a join, the inner side comes second. */
static sb_status product_next(sb_operator *op, const sb_batch **batch)
{
    sb_product_op *p = (sb_product_op *)op;
    uint32_t count;

    *batch = NULL;
    do {
        if (p->in == NULL || p->row >= p->in->row_count) {
            if (p->built && p->kept.count == 0 && !sb_exec__plan_writes(op->plan->input))
                return SB_OK;
            SB_TRY(sb_exec__pull(op, &p->in));
            if (p->in == NULL) return SB_OK;
            if (!p->built) SB_TRY(product_build(p));
            p->row = p->kept.count == 0 ? p->in->row_count : 0;
            p->at = 0;
        }
        count = product_pairs(p);
    } while (count == 0);
    SB_TRY(sb_exec__pass_rows(op, p->in, p->rows, count));
    SB_TRY(sb_kept__emit(op, &p->kept, 0, p->partners, count));
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__product = {.state_bytes = sizeof(sb_product_op),
                                          .open = product_open,
                                          .next = product_next,
                                          .reset = product_reset,
                                          .close = product_close};

/* ---- UNION: all rows of the input, then all of the inner side ------------------------------------------------------------ */

typedef struct sb_union_op {
    sb_operator op;
    bool second;
} sb_union_op;

static sb_status union_next(sb_operator *op, const sb_batch **batch)
{
    sb_union_op *u = (sb_union_op *)op;
    const sb_plan *plan = op->plan;
    const sb_batch *in = NULL;

    *batch = NULL;
    if (!u->second) {
        SB_TRY(sb_exec__next(op->input, &in));
        u->second = in == NULL;
    }
    if (u->second) SB_TRY(sb_exec__next(op->inner, &in));
    if (in == NULL) return SB_OK;
    sb_exec__pass(op, in);
    op->out.last = false;
    for (uint32_t i = 0; i < plan->as.union_.count; i++)
        SB_TRY(sb_exec__column(op->run, in,
                               (u->second ? plan->as.union_.right : plan->as.union_.left)[i],
                               &op->out.columns[plan->as.union_.vars[i]->slot]));
    *batch = &op->out;
    return SB_OK;
}

static void union_reset(sb_operator *op)
{
    ((sb_union_op *)op)->second = false;
}

const sb_operator_ops sb_exec__union = {
    .state_bytes = sizeof(sb_union_op), .next = union_next, .reset = union_reset};
