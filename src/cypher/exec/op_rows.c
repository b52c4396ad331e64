/* op_rows.c — operators that look at one batch at a time: argument, filter, projection, unwinding a list, the result. */
#include "cypher/exec/op_priv.h"

/* ---- ARGUMENT: the rows that the plan is run for ---------------------------------------------------------------- */

typedef struct sb_argument_op {
    sb_operator op;
    bool done;
} sb_argument_op;

static sb_status argument_open(sb_operator *op)
{
    const sb_plan *plan = op->plan;

    for (uint32_t i = 0; i < plan->live_count; i++)
        if (plan->as.argument.row == NULL || plan->live[i] != plan->as.argument.row->slot)
            op->tree->needs[plan->live[i]] = true;
    return SB_OK;
}

static sb_status argument_next(sb_operator *op, const sb_batch **batch)
{
    sb_argument_op *argument = (sb_argument_op *)op;

    *batch = NULL;
    if (argument->done) return SB_OK;
    argument->done = true;
    sb_exec__pass(op, &op->tree->argument);
    *batch = &op->out;
    return SB_OK;
}

static void argument_reset(sb_operator *op)
{
    ((sb_argument_op *)op)->done = false;
}

const sb_operator_ops sb_exec__argument = {.state_bytes = sizeof(sb_argument_op),
                                           .open = argument_open,
                                           .next = argument_next,
                                           .reset = argument_reset};

/* ---- RESULT: the root of a statement, or of a plan in an expression ------------------------------------------------- */

static sb_status result_next(sb_operator *op, const sb_batch **batch)
{
    /* A statement without columns is run for its effects alone; of a plan in an expression the rows count. */
    const bool silent = op->plan->as.result.count == 0 && op->tree == op->run->root;

    do {
        SB_TRY(sb_exec__next(op->input, batch));
    } while (*batch != NULL && (silent || (*batch)->row_count == 0));
    return SB_OK;
}

const sb_operator_ops sb_exec__result = {.state_bytes = sizeof(sb_operator), .next = result_next};

/* ---- FILTER ------------------------------------------------------------------------------------------------------------ */

typedef struct sb_filter_op {
    sb_operator op;
    sb_eval *predicate;
    sb_end_labels ends; /* labels NULL: the predicate is another one */
    sb_expand_types types;
    uint64_t generation; /* of the run that types and ends are of */
    uint32_t rows[SB_BATCH_ROWS];
} sb_filter_op;

static sb_status filter_open(sb_operator *op)
{
    sb_filter_op *filter = (sb_filter_op *)op;
    const sb_plan_expand *ends = op->plan->as.filter.ends;

    SB_TRY(sb_exec__need_outs(op));
    if (ends != NULL) {
        SB_TRY(sb_exec__types_open(op->run, ends, &filter->types));
        SB_TRY(sb_exec__labels_compile(op->run, ends->to_labels, SB_NAME_LABEL, NULL,
                                       &filter->ends.labels));
    }
    return sb_exec__compile(op->run, op->plan->as.filter.predicate, &filter->predicate);
}

/* Do all ends have the labels by the statistics? */
static sb_status ends_implied(sb_filter_op *filter, uint32_t rows, bool *implied)
{
    sb_exec *run = filter->op.run;
    const sb_plan_expand *ends = filter->op.plan->as.filter.ends;

    *implied = false;
    if (ends == NULL) return SB_OK;
    if (filter->generation != run->generation) {
        filter->generation = run->generation;
        filter->ends.rows = 0;
        filter->ends.implied = false;
        sb_exec__types_find(run, ends, &filter->types);
    }
    return sb_exec__end_labels(run, &filter->ends, &filter->types,
                               sb_exec__direction(ends->direction), rows, implied);
}

static sb_status filter_next(sb_operator *op, const sb_batch **batch)
{
    sb_filter_op *filter = (sb_filter_op *)op;
    const sb_batch *in;
    uint32_t count;
    bool implied;

    do {
        SB_TRY(sb_exec__pull(op, &in));
        *batch = in;
        if (in == NULL) return SB_OK;
        SB_TRY(ends_implied(filter, in->row_count, &implied));
        if (implied) return SB_OK;
        SB_TRY(sb_exec__select(filter->predicate, in, filter->rows, &count));
    } while (count == 0);
    if (count == in->row_count) return SB_OK;
    SB_TRY(sb_exec__pass_rows(op, in, filter->rows, count));
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__filter = {
    .state_bytes = sizeof(sb_filter_op), .open = filter_open, .next = filter_next};

/* ---- PROJECT ------------------------------------------------------------------------------------------------------------- */

typedef struct sb_project_op {
    sb_operator op;
    sb_eval **items; /* NULL: nobody reads it */
} sb_project_op;

static sb_status project_open(sb_operator *op)
{
    sb_project_op *project = (sb_project_op *)op;
    const sb_plan *plan = op->plan;

    project->items = sb_exec__alloc_zero(op->run, plan->as.project.count, sizeof *project->items);
    if (project->items == NULL) return sb_exec__no_memory(op->run);
    for (uint32_t i = 0; i < plan->as.project.count; i++)
        if (sb_exec__live_place(op, plan->as.project.items[i].var) != UINT32_MAX)
            SB_TRY(sb_exec__compile(op->run, plan->as.project.items[i].expr, &project->items[i]));
    return SB_OK;
}

static sb_status project_next(sb_operator *op, const sb_batch **batch)
{
    const sb_project_op *project = (const sb_project_op *)op;
    const sb_plan *plan = op->plan;
    const sb_batch *in;

    *batch = NULL;
    SB_TRY(sb_exec__pull(op, &in));
    if (in == NULL) return SB_OK;
    sb_exec__pass(op, in);
    for (uint32_t i = 0; i < plan->as.project.count; i++)
        if (project->items[i] != NULL)
            SB_TRY(sb_exec__eval(project->items[i], in,
                                 &op->out.columns[plan->as.project.items[i].var->slot]));
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__project = {
    .state_bytes = sizeof(sb_project_op), .open = project_open, .next = project_next};

/* ---- UNWIND ---------------------------------------------------------------------------------------------------------------- */

typedef struct sb_unwind_op {
    sb_operator op;
    sb_eval *list;
    sb_out *out;
    const sb_batch *in;     /* NULL: take the next */
    const sb_vector *lists; /* of in */
    uint32_t row;           /* of in */
    uint64_t item;          /* of its list */
    bool is_input;          /* of the statement (progress.c) */
    uint32_t handed_on;     /* items, not yet counted as done */
    uint32_t rows[SB_BATCH_ROWS];
    sb_val vals[SB_BATCH_ROWS];
} sb_unwind_op;

static sb_status unwind_open(sb_operator *op)
{
    sb_unwind_op *unwind = (sb_unwind_op *)op;

    SB_TRY(sb_exec__need_outs(op));
    unwind->out = sb_exec__out_of(op, op->plan->as.unwind.var);
    unwind->is_input = sb_exec__is_input(op->run, op->plan);
    return sb_exec__compile(op->run, op->plan->as.unwind.list, &unwind->list);
}

/* Up to a batch of items. What is no list stands for a list of itself, null for an empty one. */
static uint32_t take_items(sb_unwind_op *unwind)
{
    const uint32_t most = sb_exec__rows_wanted(&unwind->op);
    uint32_t n = 0;

    while (n < most && unwind->row < unwind->in->row_count) {
        const sb_val v = sb_vector_at(unwind->lists, unwind->row);
        const bool single = v.kind != SB_VAL_LIST && v.kind != SB_VAL_NULL;
        const uint64_t count = v.kind == SB_VAL_LIST ? v.as.list->count : single;
        while (n < most && unwind->item < count) {
            unwind->rows[n] = unwind->row;
            unwind->vals[n++] = single ? v : v.as.list->items[unwind->item];
            unwind->item++;
        }
        if (unwind->item < count) break;
        unwind->item = 0;
        unwind->row++;
    }
    return n;
}

/* Its one list is the statement's input. */
static void begin_input(sb_unwind_op *unwind)
{
    const sb_val v = sb_vector_at(unwind->lists, 0);

    if (v.kind == SB_VAL_LIST) unwind->op.run->input->total = v.as.list->count;
}

static sb_status unwind_next(sb_operator *op, const sb_batch **batch)
{
    sb_unwind_op *unwind = (sb_unwind_op *)op;
    uint32_t count;

    *batch = NULL;
    if (unwind->handed_on != 0) sb_exec__input_done(op->run, unwind->handed_on);
    unwind->handed_on = 0;
    for (;;) {
        if (unwind->in == NULL) {
            SB_TRY(sb_exec__pull(op, &unwind->in));
            if (unwind->in == NULL) return SB_OK;
            unwind->row = 0;
            unwind->item = 0;
            SB_TRY(sb_exec__eval(unwind->list, unwind->in, &unwind->lists));
            if (unwind->is_input && unwind->in->row_count != 0) begin_input(unwind);
        }
        SB_TRY(sb_exec__tick(op->run));
        count = take_items(unwind);
        if (count != 0) break;
        unwind->in = NULL;
    }
    if (unwind->is_input) unwind->handed_on = count;
    SB_TRY(sb_exec__pass_rows(op, unwind->in, unwind->rows, count));
    if (unwind->out != NULL) {
        SB_TRY(sb_exec__out_from_vals(op->run, unwind->out, unwind->vals, count));
        sb_exec__bind(op, op->plan->as.unwind.var, unwind->out);
    }
    *batch = &op->out;
    return SB_OK;
}

static void unwind_reset(sb_operator *op)
{
    ((sb_unwind_op *)op)->in = NULL;
    ((sb_unwind_op *)op)->handed_on = 0;
}

const sb_operator_ops sb_exec__unwind = {.state_bytes = sizeof(sb_unwind_op),
                                         .open = unwind_open,
                                         .next = unwind_next,
                                         .reset = unwind_reset};
