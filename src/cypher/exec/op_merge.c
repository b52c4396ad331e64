/* op_merge.c — MERGE, and inner plans that are run for their effects: FOREACH, sub-queries that return nothing.
 * MERGE goes row by row: what one row makes, the next one matches. */
#include "cypher/exec/op_priv.h"
#include "cypher/exec/write.h"

/* ---- MERGE ----------------------------------------------------------------------------------------------------------- */

typedef struct sb_merge_op {
    sb_operator op;
    sb_creator creator;
    sb_setter on_create, on_match;
    const sb_batch *in; /* NULL: take the next */
    uint32_t row;       /* of in, the next */
    bool running;       /* the match has a batch to come */
    bool any;           /* it has had a row */
    /* all columns of the rows at hand, for ON CREATE and ON MATCH: more than those that go on */
    sb_batch with;
    sb_vector *views; /* of the input row, by slot */
} sb_merge_op;

static sb_status merge_open(sb_operator *op)
{
    sb_merge_op *m = (sb_merge_op *)op;
    const sb_plan *plan = op->plan;

    SB_TRY(sb_exec__need_outs(op));
    m->with.columns =
        sb_exec__alloc_zero(op->run, op->run->compiled->slot_count, sizeof *m->with.columns);
    m->views = sb_exec__alloc_zero(op->run, op->run->compiled->slot_count, sizeof *m->views);
    if (m->with.columns == NULL || m->views == NULL) return sb_exec__no_memory(op->run);
    SB_TRY(sb_creator__open(op->run, &plan->as.merge.create, &m->creator));
    SB_TRY(sb_setter__open(op->run, plan->as.merge.on_create, plan->as.merge.on_create_count,
                           &m->on_create));
    SB_TRY(sb_setter__join(&m->on_create, &m->creator));
    return sb_setter__open(op->run, plan->as.merge.on_match, plan->as.merge.on_match_count,
                           &m->on_match);
}

static void merge_close(sb_operator *op)
{
    sb_merge_op *m = (sb_merge_op *)op;

    sb_creator__close(&m->creator);
    sb_setter__close(&m->on_create);
    sb_setter__close(&m->on_match);
}

static void merge_reset(sb_operator *op)
{
    sb_merge_op *m = (sb_merge_op *)op;

    m->in = NULL;
    m->running = false;
}

static sb_status begin_row(sb_merge_op *m, bool *more)
{
    *more = true;
    if (m->in == NULL || m->row >= m->in->row_count) {
        do {
            SB_TRY(sb_exec__pull(&m->op, &m->in));
        } while (m->in != NULL && m->in->row_count == 0);
        m->row = 0;
    }
    *more = m->in != NULL;
    if (!*more) return SB_OK;
    m->running = true;
    m->any = false;
    return sb_exec__inner_row(m->op.nested, m->in, m->row++);
}

/* All columns of the input row, count times. */
static void begin_with(sb_merge_op *m, uint32_t count)
{
    for (uint32_t slot = 0; slot < m->op.run->compiled->slot_count; slot++) {
        const sb_vector *column = m->in->columns[slot];
        m->with.columns[slot] = NULL;
        if (column == NULL) continue;
        m->views[slot] = sb_exec__row_view(column, m->row - 1);
        m->with.columns[slot] = &m->views[slot];
    }
    m->with.row_count = count;
}

/* What goes on: the live ones. */
static void hand_on(sb_merge_op *m)
{
    sb_exec__pass(&m->op, &m->with);
}

/* A batch of matches beside the input row. */
static sb_status take_matches(sb_merge_op *m, const sb_batch *inner)
{
    begin_with(m, inner->row_count);
    for (uint32_t slot = 0; slot < m->op.run->compiled->slot_count; slot++)
        if (inner->columns[slot] != NULL) m->with.columns[slot] = inner->columns[slot];
    hand_on(m);
    return sb_setter__run(&m->on_match, &m->with);
}

static sb_status create_row(sb_merge_op *m)
{
    begin_with(m, 1);
    SB_TRY(sb_creator__run(&m->creator, m->in, m->row - 1, 1, SB_NULL_REFUSED, &m->with));
    hand_on(m);
    return sb_setter__run(&m->on_create, &m->with);
}

static sb_status merge_next(sb_operator *op, const sb_batch **batch)
{
    sb_merge_op *m = (sb_merge_op *)op;
    const sb_batch *inner;
    bool more = true;

    *batch = NULL;
    for (;;) {
        if (!m->running) SB_TRY(begin_row(m, &more));
        if (!more) return SB_OK;
        SB_TRY(sb_exec__next(op->nested->root, &inner));
        sb_exec__use(op);
        if (inner != NULL && inner->row_count != 0) {
            m->any = true;
            SB_TRY(take_matches(m, inner));
            break;
        }
        if (inner != NULL) continue;
        m->running = false;
        if (m->any) continue;
        SB_TRY(create_row(m));
        break;
    }
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__merge = {.state_bytes = sizeof(sb_merge_op),
                                        .inner_runs = true,
                                        .open = merge_open,
                                        .next = merge_next,
                                        .reset = merge_reset,
                                        .close = merge_close};

/* ---- FOREACH ------------------------------------------------------------------------------------------------------------ */

typedef struct sb_foreach_op {
    sb_operator op;
    sb_eval *list; /* NULL: once for each row */
    sb_batch with; /* the input row and the item */
    sb_val item;
    sb_vector item_vector;
} sb_foreach_op;

static sb_status foreach_open(sb_operator *op)
{
    sb_foreach_op *f = (sb_foreach_op *)op;

    f->with.columns =
        sb_exec__alloc_zero(op->run, op->run->compiled->slot_count, sizeof *f->with.columns);
    if (f->with.columns == NULL) return sb_exec__no_memory(op->run);
    f->item_vector = (sb_vector){.kind = SB_VECTOR_ANY, .constant = true, .as.vals = &f->item};
    return sb_exec__compile_maybe(op->run, op->plan->as.foreach.list, &f->list);
}

static sb_status run_inner(sb_foreach_op *f, const sb_batch *in, uint32_t row)
{
    const sb_batch *inner;

    SB_TRY(sb_exec__inner_row(f->op.nested, in, row));
    do {
        SB_TRY(sb_exec__next(f->op.nested->root, &inner));
    } while (inner != NULL);
    sb_exec__use(&f->op);
    return SB_OK;
}

static sb_status for_each_item(sb_foreach_op *f, const sb_batch *in, uint32_t row)
{
    sb_exec *run = f->op.run;
    sb_val list;

    SB_TRY(sb_exec__eval_row(f->list, in, row, &list));
    if (list.kind == SB_VAL_NULL) return SB_OK;
    if (list.kind != SB_VAL_LIST)
        return sb_exec__placed(f->list, run, sb_exec__type_error(run, "FOREACH", "a list", list));
    memcpy(f->with.columns, in->columns, run->compiled->slot_count * sizeof *in->columns);
    f->with.columns[f->op.plan->as.foreach.var->slot] = &f->item_vector;
    f->with.row_count = in->row_count;
    for (uint64_t i = 0; i < list.as.list->count; i++) {
        f->item = list.as.list->items[i];
        SB_TRY(run_inner(f, &f->with, row));
    }
    return SB_OK;
}

static sb_status foreach_next(sb_operator *op, const sb_batch **batch)
{
    sb_foreach_op *f = (sb_foreach_op *)op;

    SB_TRY(sb_exec__pull(op, batch));
    if (*batch == NULL) return SB_OK;
    for (uint32_t row = 0; row < (*batch)->row_count; row++)
        SB_TRY(f->list != NULL ? for_each_item(f, *batch, row) : run_inner(f, *batch, row));
    return SB_OK;
}

const sb_operator_ops sb_exec__foreach = {.state_bytes = sizeof(sb_foreach_op),
                                          .inner_runs = true,
                                          .open = foreach_open,
                                          .next = foreach_next};
