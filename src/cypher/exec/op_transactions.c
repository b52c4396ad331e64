/* op_transactions.c — CALL { … } IN TRANSACTIONS: the inner plan for each row of the input, with a commit each n rows.
 * A commit ends what is borrowed from the graph. So the whole input is read first and kept, and so are the results of n rows. */
#include "cypher/exec/op_priv.h"
#include "cypher/exec/table.h"

#define ROWS_BY_DEFAULT 1000u

typedef struct sb_transactions_op {
    sb_operator op;
    sb_eval *rows; /* NULL: the default */
    uint64_t each;
    sb_kept input; /* all of it; columns: what the inner plan and those above read */
    sb_kept results;
    bool read;
    uint64_t next; /* input row */
    uint64_t at;   /* results handed on */
    sb_batch row;  /* the input row at hand: constants */
    sb_vector *vectors;
    sb_batch both; /* and a batch of the inner plan beside it */
} sb_transactions_op;

/* Slots of the input that the inner plan's arguments take. */
static sb_status open_input(sb_transactions_op *t)
{
    sb_operator *op = &t->op;
    const sb_inner *inner = op->nested;
    const uint32_t count = inner->needed_count;
    sb_var *vars = sb_exec__alloc_zero(op->run, count, sizeof *vars);
    const sb_var **list = sb_exec__alloc_zero(op->run, count, sizeof(const sb_var *));

    if (vars == NULL || list == NULL) return sb_exec__no_memory(op->run);
    for (uint32_t i = 0; i < count; i++) {
        vars[i].slot = inner->needed[i];
        list[i] = &vars[i];
    }
    return sb_kept__open_rows(op, list, count, &t->input);
}

static sb_status transactions_open(sb_operator *op)
{
    sb_transactions_op *t = (sb_transactions_op *)op;
    const uint32_t slots = op->run->compiled->slot_count;

    SB_TRY(sb_exec__need_outs(op));
    SB_TRY(open_input(t));
    SB_TRY(sb_kept__open_rows(op, NULL, 0, &t->results));
    t->row.columns = sb_exec__alloc_zero(op->run, slots, sizeof *t->row.columns);
    t->both.columns = sb_exec__alloc_zero(op->run, slots, sizeof *t->both.columns);
    t->vectors = sb_exec__alloc_zero(op->run, t->input.width, sizeof *t->vectors);
    if (t->row.columns == NULL || t->both.columns == NULL || t->vectors == NULL)
        return sb_exec__no_memory(op->run);
    t->row.row_count = 1;
    return sb_exec__compile_maybe(op->run, op->plan->as.apply.batch_rows, &t->rows);
}

static void transactions_close(sb_operator *op)
{
    sb_transactions_op *t = (sb_transactions_op *)op;

    sb_kept__close(&t->input);
    sb_kept__close(&t->results);
}

static void transactions_reset(sb_operator *op)
{
    sb_transactions_op *t = (sb_transactions_op *)op;

    sb_kept__clear(&t->input);
    sb_kept__clear(&t->results);
    t->read = false;
    t->next = t->at = 0;
}

static sb_status read_input(sb_transactions_op *t)
{
    sb_exec *run = t->op.run;
    const sb_batch *in;

    t->each = ROWS_BY_DEFAULT;
    sb_exec__use(&t->op);
    if (t->rows != NULL) SB_TRY(sb_exec__row_number(run, t->rows, "IN TRANSACTIONS", &t->each));
    if (t->each == 0)
        return sb_exec__placed(
            t->rows, run,
            sb_cypher_fail_runtime(run->err, SB_CYPHER_NEGATIVE_INTEGER_ARGUMENT,
                                   "IN TRANSACTIONS: expected at least one row, got 0"));
    if (run->options.next_transaction == NULL)
        return SB_FAIL(run->err, SB_MISUSE,
                       "CALL { … } IN TRANSACTIONS needs a statement of its own: commit the "
                       "transaction first");
    for (;;) {
        SB_TRY(sb_exec__pull(&t->op, &in));
        if (in == NULL) break;
        SB_TRY(sb_kept__append(&t->input, in));
    }
    t->read = true;
    return SB_OK;
}

static void take_row(sb_transactions_op *t)
{
    sb_val *vals = sb_kept__row(&t->input, t->next++);

    for (uint32_t c = 0; c < t->input.width; c++) {
        t->vectors[c] = (sb_vector){.kind = SB_VECTOR_ANY, .constant = true, .as.vals = &vals[c]};
        t->row.columns[t->input.slots[c]] = &t->vectors[c];
    }
}

static sb_status keep_results(sb_transactions_op *t, const sb_batch *inner)
{
    const uint32_t slots = t->op.run->compiled->slot_count;

    for (uint32_t slot = 0; slot < slots; slot++)
        t->both.columns[slot] =
            inner->columns[slot] != NULL ? inner->columns[slot] : t->row.columns[slot];
    t->both.row_count = inner->row_count;
    return sb_kept__append(&t->results, &t->both);
}

static sb_status run_row(sb_transactions_op *t)
{
    const sb_plan *plan = t->op.plan;
    const sb_batch *inner;

    take_row(t);
    SB_TRY(sb_exec__inner_row(t->op.nested, &t->row, 0));
    for (;;) {
        SB_TRY(sb_exec__next(t->op.nested->root, &inner));
        if (inner == NULL) break;
        if (plan->as.apply.null_count != 0) SB_TRY(keep_results(t, inner));
    }
    /* one that returns nothing lets its row through */
    return plan->as.apply.null_count != 0 ? SB_OK : sb_kept__append(&t->results, &t->row);
}

/* What operators below hold of the graph. */
static void let_go(sb_operator *op)
{
    for (; op != NULL; op = op->input) {
        if (op->ops->reset != NULL) op->ops->reset(op);
        if (op->inner != NULL) let_go(op->inner);
        if (op->nested != NULL) let_go(op->nested->root);
    }
}

/* Commit, and look everything up again in the next transaction. */
static sb_status commit(sb_transactions_op *t)
{
    sb_exec *run = t->op.run;

    SB_TRY(sb_exec__delete_pending(run));
    run->generation++;
    let_go(t->op.nested->root);
    let_go(t->op.input);
    SB_TRY(run->options.next_transaction(run->options.next_transaction_ctx, &run->graph, run->err));
    run->view = sb_graph_view(run->graph);
    for (sb_name_ref *name = run->all_names; name != NULL; name = name->next)
        (void)sb_exec__find_name(run, name);
    return SB_OK;
}

static sb_status run_rows(sb_transactions_op *t)
{
    const uint64_t left = t->input.count - t->next, count = left < t->each ? left : t->each;

    sb_kept__clear(&t->results);
    t->at = 0;
    for (uint64_t i = 0; i < count; i++)
        SB_TRY(run_row(t));
    return commit(t);
}

static sb_status transactions_next(sb_operator *op, const sb_batch **batch)
{
    sb_transactions_op *t = (sb_transactions_op *)op;

    *batch = NULL;
    if (!t->read) SB_TRY(read_input(t));
    while (t->at >= t->results.count) {
        if (t->next >= t->input.count) return SB_OK;
        SB_TRY(run_rows(t));
    }
    const uint64_t left = t->results.count - t->at;
    const uint32_t count = left < SB_BATCH_ROWS ? (uint32_t)left : SB_BATCH_ROWS;
    SB_TRY(sb_kept__emit(op, &t->results, t->at, NULL, count));
    t->at += count;
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__transactions = {.state_bytes = sizeof(sb_transactions_op),
                                               .inner_runs = true,
                                               .open = transactions_open,
                                               .next = transactions_next,
                                               .reset = transactions_reset,
                                               .close = transactions_close};
