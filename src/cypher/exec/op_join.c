/* op_join.c — two inputs: hash join, product, union. */
#include "cypher/exec/op_priv.h"
#include "cypher/exec/table.h"

/* ---- HASH_JOIN: the inner side is kept, by its keys; rows of the input look theirs up ---------------------------- */

typedef struct sb_join_op {
    sb_operator op;
    sb_eval **input_keys, **inner_keys;
    const sb_vector **keys; /* of a batch */
    sb_val *row;            /* one row's keys */
    sb_kept kept;           /* rows of the inner side, */
    sb_groups groups;       /* their keys: */
    sb_buffer chains;       /* uint32_t[groups × 2]: first and last row of each, */
    sb_buffer next;         /* uint32_t[rows]: the next of the same keys; UINT32_MAX: none */
    bool built;
    const sb_batch *in; /* NULL: take the next */
    uint32_t at;        /* row of in */
    uint32_t match;     /* next partner of it; UINT32_MAX: none */
    bool looked;        /* match is set for row `at` */
    uint32_t rows[SB_BATCH_ROWS], partners[SB_BATCH_ROWS];
} sb_join_op;

static sb_status join_open(sb_operator *op)
{
    sb_join_op *j = (sb_join_op *)op;
    const sb_plan *plan = op->plan;
    const uint32_t count = plan->as.join.count;

    sb_buffer_init(&j->chains, op->run->alloc);
    sb_buffer_init(&j->next, op->run->alloc);
    SB_TRY(sb_exec__need_outs(op));
    j->keys = sb_exec__alloc_zero(op->run, count, sizeof(const sb_vector *));
    j->row = sb_exec__alloc_zero(op->run, count, sizeof *j->row);
    if (j->keys == NULL || j->row == NULL) return sb_exec__no_memory(op->run);
    SB_TRY(sb_kept__open(op->run, 0, &j->kept));
    j->kept.slots = sb_exec__alloc_zero(op->run, plan->as.join.bound_count, sizeof(uint32_t));
    if (j->kept.slots == NULL) return sb_exec__no_memory(op->run);
    for (uint32_t i = 0; i < plan->as.join.bound_count; i++)
        if (sb_exec__live_place(op, plan->as.join.bound[i]) != UINT32_MAX)
            j->kept.slots[j->kept.width++] = plan->as.join.bound[i]->slot;
    SB_TRY(sb_groups__open(op->run, count, &j->groups));
    SB_TRY(sb_exec__compile_many(op->run, plan->as.join.input_keys, count, &j->input_keys));
    return sb_exec__compile_many(op->run, plan->as.join.inner_keys, count, &j->inner_keys);
}

static void join_close(sb_operator *op)
{
    sb_join_op *j = (sb_join_op *)op;

    sb_kept__close(&j->kept);
    sb_groups__close(&j->groups);
    sb_buffer_deinit(&j->chains);
    sb_buffer_deinit(&j->next);
}

static void join_reset(sb_operator *op)
{
    sb_join_op *j = (sb_join_op *)op;

    sb_kept__clear(&j->kept);
    sb_groups__clear(&j->groups);
    sb_buffer_reset(&j->chains);
    sb_buffer_reset(&j->next);
    j->built = false;
    j->in = NULL;
}

static sb_status eval_keys(sb_join_op *j, sb_eval **evals, const sb_batch *in)
{
    for (uint32_t i = 0; i < j->op.plan->as.join.count; i++)
        SB_TRY(sb_exec__eval(evals[i], in, &j->keys[i]));
    return SB_OK;
}

/* Keys of a row; false: one is not equal to itself (null, NaN), so it has no partner. */
static bool take_keys(sb_join_op *j, uint32_t row)
{
    for (uint32_t i = 0; i < j->op.plan->as.join.count; i++) {
        const sb_val v = sb_vector_at(j->keys[i], row);
        if (v.kind == SB_VAL_NULL || sb_val_equals(v, v) != SB_TRUE) return false;
        j->row[i] = v;
    }
    return true;
}

static uint32_t *words_of(const sb_buffer *buffer)
{
    return (uint32_t *)(void *)buffer->data;
}

/* Chain the row that was kept last to those of its keys. */
static sb_status chain_row(sb_join_op *j, uint32_t row)
{
    sb_exec *run = j->op.run;
    const uint32_t none = UINT32_MAX, pair[2] = {row, row};
    uint32_t group;
    bool made;

    if (sb_buffer_append(&j->next, &none, sizeof none) != SB_OK) return sb_exec__no_memory(run);
    SB_TRY(sb_groups__at(&j->groups, j->row, sb_groups__hash(j->row, j->groups.keys.width), &group,
                         &made));
    if (made)
        return sb_buffer_append(&j->chains, pair, sizeof pair) == SB_OK ? SB_OK
                                                                        : sb_exec__no_memory(run);
    words_of(&j->next)[words_of(&j->chains)[2 * (size_t)group + 1]] = row;
    words_of(&j->chains)[2 * (size_t)group + 1] = row;
    return SB_OK;
}

static sb_status build_batch(sb_join_op *j, const sb_batch *inner)
{
    sb_exec *run = j->op.run;
    sb_val *to;

    SB_TRY(eval_keys(j, j->inner_keys, inner));
    for (uint32_t i = 0; i < inner->row_count; i++) {
        if (!take_keys(j, i)) continue;
        if (j->kept.count >= UINT32_MAX - 1)
            return SB_FAIL(run->err, SB_LIMIT, "more than %u rows to be joined", UINT32_MAX - 1);
        SB_TRY(sb_kept__room(&j->kept, &to));
        for (uint32_t c = 0; c < j->kept.width; c++)
            SB_TRY(
                sb_kept__copy(&j->kept, sb_vector_at(inner->columns[j->kept.slots[c]], i), &to[c]));
        j->kept.vals.size += j->kept.width * sizeof(sb_val);
        SB_TRY(chain_row(j, (uint32_t)j->kept.count++));
    }
    return SB_OK;
}

static sb_status build(sb_join_op *j)
{
    const sb_batch *inner;

    for (;;) {
        SB_TRY(sb_exec__begin_step(&j->op));
        SB_TRY(sb_exec__next(j->op.inner, &inner));
        sb_exec__use(&j->op);
        if (inner == NULL) break;
        if (inner->row_count != 0) SB_TRY(build_batch(j, inner));
    }
    j->built = true;
    return SB_OK;
}

/* Partners of the row at hand. */
static void look_up(sb_join_op *j)
{
    j->looked = true;
    j->match = UINT32_MAX;
    if (!take_keys(j, j->at)) return;
    const uint32_t group =
        sb_groups__find(&j->groups, j->row, sb_groups__hash(j->row, j->groups.keys.width));
    if (group != SB_GROUP_NONE) j->match = words_of(&j->chains)[2 * (size_t)group];
}

/* Pairs of rows, up to a batch. */
static uint32_t pair_rows(sb_join_op *j)
{
    const bool outer = j->op.plan->as.join.outer;
    uint32_t count = 0;

    while (count < SB_BATCH_ROWS && j->at < j->in->row_count) {
        const bool first = !j->looked;
        if (first) look_up(j);
        if (j->match == UINT32_MAX) {
            if (first && outer) {
                j->rows[count] = j->at;
                j->partners[count++] = UINT32_MAX;
            }
            j->at++;
            j->looked = false;
            continue;
        }
        j->rows[count] = j->at;
        j->partners[count++] = j->match;
        j->match = words_of(&j->next)[j->match];
    }
    return count;
}

/* Can nothing come, so that the input need not be read? */
static bool is_fruitless(const sb_join_op *j)
{
    const sb_plan *plan = j->op.plan;

    return j->built && j->kept.count == 0 && !plan->as.join.outer &&
           !sb_exec__plan_writes(plan->input);
}

/* The inner side is read after the first rows of the input have come: an update below has taken place by then. */
static sb_status join_next(sb_operator *op, const sb_batch **batch)
{
    sb_join_op *j = (sb_join_op *)op;
    uint32_t count;

    *batch = NULL;
    do {
        if (j->in == NULL || j->at >= j->in->row_count) {
            if (is_fruitless(j)) return SB_OK;
            SB_TRY(sb_exec__pull(op, &j->in));
            if (j->in == NULL) return SB_OK;
            if (!j->built) SB_TRY(build(j));
            j->at = 0;
            j->looked = false;
            SB_TRY(eval_keys(j, j->input_keys, j->in));
        }
        count = pair_rows(j);
    } while (count == 0);
    SB_TRY(sb_exec__pass_rows(op, j->in, j->rows, count));
    SB_TRY(sb_kept__emit(op, &j->kept, 0, j->partners, count));
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__hash_join = {.state_bytes = sizeof(sb_join_op),
                                            .open = join_open,
                                            .next = join_next,
                                            .reset = join_reset,
                                            .close = join_close};

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
