/* op_product.c — two inputs one beside or behind the other: product, union. */
#include "cypher/exec/op_priv.h"
#include "cypher/exec/spill.h"

/* ---- PRODUCT: the inner side is read once and kept, within a sub-query that runs for each row, too -------------------- */

/* What of it does not fit the memory lies in a file, which is read once for each batch of the input. */

typedef struct sb_product_op {
    sb_operator op;
    sb_kept kept;
    bool built, is_empty;
    const sb_batch *in; /* NULL: take the next */
    uint32_t row;       /* of in */
    uint64_t at;        /* next row of kept for it */
    /* all of the inner side, if it was too large; kept holds a piece of it then */
    sb_spill spill;
    sb_spill_stream stream; /* open: it was */
    sb_spill_reader reader;
    uint32_t rows[SB_BATCH_ROWS], partners[SB_BATCH_ROWS];
} sb_product_op;

static sb_status product_open(sb_operator *op)
{
    sb_product_op *p = (sb_product_op *)op;

    sb_spill__open(op, &p->spill);
    SB_TRY(sb_exec__need_outs(op));
    return sb_kept__open(op->run, 0, &p->kept);
}

static void forget_file(sb_product_op *p)
{
    sb_spill__read_close(&p->reader);
    sb_spill__stream_close(&p->stream);
    sb_spill__close(&p->spill);
}

static void product_close(sb_operator *op)
{
    sb_product_op *p = (sb_product_op *)op;

    forget_file(p);
    sb_kept__close(&p->kept);
}

/* An inner plan that runs again, for another row around it, of which the inner side knows nothing (op_join.c): what is kept would be made again. A
 * file of it is read from its beginning. */
static void product_reset(sb_operator *op)
{
    sb_product_op *p = (sb_product_op *)op;

    p->in = NULL;
    if (p->built && !op->run->fresh && op->plan->as.join.steady) return;
    forget_file(p);
    sb_kept__clear(&p->kept);
    p->built = false;
}

/* Is this what the inner side has made? The row around, which both sides are handed on, may be another when the rows are kept. */
static bool is_of_inner(const sb_product_op *p, const sb_batch *inner, uint32_t slot)
{
    return inner->columns[slot] != NULL && p->in->columns[slot] == NULL;
}

static uint32_t count_columns(const sb_product_op *p, const sb_batch *inner)
{
    const sb_plan *plan = p->op.plan;
    uint32_t count = 0;

    for (uint32_t i = 0; i < plan->live_count; i++)
        count += is_of_inner(p, inner, plan->live[i]);
    return count;
}

/* Columns of the inner side: known with its first batch, and the same in all; one that came later would be missing. */
static sb_status find_columns(sb_product_op *p, const sb_batch *inner)
{
    const sb_plan *plan = p->op.plan;
    const uint32_t count = count_columns(p, inner);

    SB_ASSERT(p->kept.slots == NULL || count == p->kept.width);
    if (p->kept.slots != NULL) return SB_OK;
    p->kept.slots = sb_exec__alloc_zero(p->op.run, count, sizeof(uint32_t));
    if (p->kept.slots == NULL) return sb_exec__no_memory(p->op.run);
    for (uint32_t i = 0; i < plan->live_count; i++)
        if (is_of_inner(p, inner, plan->live[i])) p->kept.slots[p->kept.width++] = plan->live[i];
    return SB_OK;
}

static sb_status product_build(sb_product_op *p)
{
    const sb_batch *inner;

    for (;;) {
        SB_TRY(sb_exec__next(p->op.inner, &inner));
        sb_exec__use(&p->op);
        if (inner == NULL) break;
        SB_TRY(find_columns(p, inner));
        if (p->kept.count + inner->row_count >= UINT32_MAX)
            return SB_FAIL(p->op.run->err, SB_LIMIT, "more than %u rows to be paired", UINT32_MAX);
        SB_TRY(sb_kept__append(&p->kept, inner));
        SB_TRY(sb_spill__put_due_rows(&p->spill, &p->stream, &p->kept));
    }
    p->built = true;
    p->is_empty = p->kept.count == 0 && p->stream.spill == NULL;
    if (p->stream.spill == NULL) return SB_OK;
    SB_TRY(sb_spill__put_rows(&p->spill, &p->stream, &p->kept));
    return sb_spill__flush(&p->stream);
}

/* The next rows of the file; none: it has been read. */
static sb_status read_piece(sb_product_op *p)
{
    p->row = 0;
    p->at = 0;
    return sb_spill__get_rows(&p->reader, SB_BATCH_ROWS, &p->kept);
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

/* The next rows of the input, with all of the inner side or the first piece of it. *more false: the end. */
static sb_status next_input(sb_product_op *p, bool *more)
{
    *more = false;
    if (p->built && p->is_empty && !sb_plan_writes(p->op.plan->input)) return SB_OK;
    SB_TRY(sb_exec__pull(&p->op, &p->in));
    if (p->in == NULL) return SB_OK;
    *more = true;
    if (!p->built) SB_TRY(product_build(p));
    p->row = p->is_empty ? p->in->row_count : 0;
    p->at = 0;
    if (p->stream.spill == NULL) return SB_OK;
    sb_spill__read_close(&p->reader);
    sb_spill__read(&p->stream, &p->reader);
    return read_piece(p);
}

/* As for a join, the inner side comes second. */
static sb_status product_next(sb_operator *op, const sb_batch **batch)
{
    sb_product_op *p = (sb_product_op *)op;
    uint32_t count;
    bool more;

    *batch = NULL;
    do {
        if (p->in != NULL && p->row >= p->in->row_count && p->stream.spill != NULL) {
            SB_TRY(read_piece(p));
            if (p->kept.count == 0) p->in = NULL;
        }
        if (p->in == NULL || p->row >= p->in->row_count) {
            SB_TRY(next_input(p, &more));
            if (!more) return SB_OK;
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
