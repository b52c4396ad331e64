/* op_transactions.c — CALL { … } IN TRANSACTIONS: the inner plan for each row of the input, with a commit each n rows.
 * A commit ends what is borrowed from the graph. So the whole input is read first and kept, in a file where it does not fit the memory, and so are
 * the results of n rows.
 * With ON ERROR CONTINUE or BREAK what a transaction has done is taken back when it fails, its rows have nulls, and the next one begins, or none. */
#include <stdio.h>
#include <string.h>

#include "cypher/exec/op_priv.h"
#include "cypher/exec/spill.h"

#define ROWS_BY_DEFAULT 1000u

typedef struct sb_transactions_op {
    sb_operator op;
    sb_eval *rows; /* NULL: the default */
    uint64_t each;
    sb_kept input; /* columns: what the inner plan and those above read. All rows, or, */
    sb_spill spill;
    sb_spill_stream stream; /* when this is open, */
    sb_spill_reader reader;
    uint64_t first; /* from this one on those of the transaction at hand */
    uint64_t count; /* rows of the input */
    sb_kept results;
    bool read;
    uint64_t next; /* input row */
    uint64_t at;   /* results handed on */
    sb_batch row;  /* the input row at hand: constants */
    sb_vector *vectors;
    sb_batch both; /* and a batch of the inner plan beside it */
    sb_vector null;
    bool committing; /* what fails now is the commit: it has ended the transaction */
    bool broken;     /* ON ERROR BREAK: no other transaction begins */
    sb_arena *status_arena;
    sb_val status; /* of the transaction whose results are handed on */
} sb_transactions_op;

static const sb_val null_of_failed = {.kind = SB_VAL_NULL};

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

    sb_spill__open(op, &t->spill);
    SB_TRY(sb_exec__need_outs(op));
    SB_TRY(open_input(t));
    SB_TRY(sb_kept__open_rows(op, NULL, 0, &t->results));
    t->row.columns = sb_exec__alloc_zero(op->run, slots, sizeof *t->row.columns);
    t->both.columns = sb_exec__alloc_zero(op->run, slots, sizeof *t->both.columns);
    t->vectors = sb_exec__alloc_zero(op->run, t->input.width, sizeof *t->vectors);
    if (t->row.columns == NULL || t->both.columns == NULL || t->vectors == NULL)
        return sb_exec__no_memory(op->run);
    t->row.row_count = 1;
    t->null = (sb_vector){.kind = SB_VECTOR_ANY, .constant = true, .as.vals = &null_of_failed};
    t->status_arena = sb_arena_create(op->run->alloc, NULL);
    if (t->status_arena == NULL) return sb_exec__no_memory(op->run);
    return sb_exec__compile_maybe(op->run, op->plan->as.apply.batch_rows, &t->rows);
}

static void forget_file(sb_transactions_op *t)
{
    sb_spill__read_close(&t->reader);
    sb_spill__stream_close(&t->stream);
    sb_spill__close(&t->spill);
}

static void transactions_close(sb_operator *op)
{
    sb_transactions_op *t = (sb_transactions_op *)op;

    forget_file(t);
    sb_kept__close(&t->input);
    sb_kept__close(&t->results);
    sb_arena_destroy(t->status_arena);
}

static void transactions_reset(sb_operator *op)
{
    sb_transactions_op *t = (sb_transactions_op *)op;

    forget_file(t);
    sb_kept__clear(&t->input);
    sb_kept__clear(&t->results);
    t->read = t->broken = false;
    t->next = t->at = t->first = t->count = 0;
}

static sb_status end_input(sb_transactions_op *t)
{
    t->read = true;
    if (t->stream.spill == NULL) return SB_OK;
    SB_TRY(sb_spill__put_rows(&t->spill, &t->stream, &t->input));
    SB_TRY(sb_spill__flush(&t->stream));
    sb_spill__read(&t->stream, &t->reader);
    return SB_OK;
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
    if (run->options->next_transaction == NULL)
        return SB_FAIL(run->err, SB_MISUSE,
                       "CALL { … } IN TRANSACTIONS needs a statement of its own: commit the "
                       "transaction first");
    for (;;) {
        SB_TRY(sb_exec__pull(&t->op, &in));
        if (in == NULL) break;
        SB_TRY(sb_kept__append(&t->input, in));
        t->count += in->row_count;
        SB_TRY(sb_spill__put_due_rows(&t->spill, &t->stream, &t->input));
    }
    return end_input(t);
}

static void take_row(sb_transactions_op *t)
{
    sb_val *vals = sb_kept__row(&t->input, t->next++ - t->first);

    for (uint32_t c = 0; c < t->input.width; c++) {
        if (!t->input.here[c]) continue;
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

/* Everything is looked up again: names, too, may be gone or have other numbers. Constants are made anew, and nobody above reads the old ones: rows come
 * from what is kept here. */
static void look_again(sb_exec *run)
{
    sb_exec__forget_deleted(run);
    if (sb_arena_bytes(run->constants) != 0) sb_arena_reset(run->constants);
    sb_unique_doubts_clear(&run->doubts);
    run->generation++;
    run->state++;
    for (sb_name_ref *name = run->all_names; name != NULL; name = name->next)
        (void)sb_exec__find_name(run, name);
}

static sb_status next_transaction(sb_transactions_op *t)
{
    sb_exec *run = t->op.run;

    t->committing = true;
    let_go(t->op.nested->root);
    let_go(t->op.input);
    SB_TRY(
        run->options->next_transaction(run->options->next_transaction_ctx, &run->graph, run->err));
    t->committing = false;
    run->view = sb_graph_view(run->graph);
    look_again(run);
    return SB_OK;
}

/* ---- Failures --------------------------------------------------------------------------------------------------- */

/* Faults of the query and of its data, not those of the machine or of who has cancelled it. */
static bool may_go_on(const sb_exec *run, sb_status status)
{
    switch ((int)status) {
    case SB_INVALID:
    case SB_NOT_FOUND:
    case SB_EXISTS:
    case SB_CONSTRAINT:
    case SB_TYPE_MISMATCH: return true;
    case SB_LIMIT: /* not that of memory */
        return !atomic_load_explicit(&run->budget.exceeded, memory_order_relaxed);
    default: return false;
    }
}

/* Take back what the transaction has done; its failure is told by its status alone. */
static sb_status undo(sb_transactions_op *t, const sb_exec_stats *before)
{
    sb_exec *run = t->op.run;

    sb_err_clear(run->err);
    run->budget.exceeded = false;
    if (t->committing) {
        SB_TRY(next_transaction(t));
    } else {
        let_go(t->op.nested->root);
        let_go(t->op.input);
        SB_TRY(run->options->undo_transaction(run->options->next_transaction_ctx, run->err));
        look_again(run);
    }
    run->stats = *before;
    return SB_OK;
}

/* The rows of a transaction that failed, or was not begun: nulls for what the query returns. */
static sb_status keep_nulls(sb_transactions_op *t, uint64_t first, uint64_t count)
{
    const sb_plan *plan = t->op.plan;

    sb_kept__clear(&t->results);
    t->next = first;
    for (uint64_t i = 0; i < count; i++) {
        take_row(t);
        for (uint32_t k = 0; k < plan->as.apply.null_count; k++)
            t->row.columns[plan->as.apply.nulls[k]->slot] = &t->null;
        SB_TRY(sb_kept__append(&t->results, &t->row));
    }
    for (uint32_t k = 0; k < plan->as.apply.null_count; k++)
        t->row.columns[plan->as.apply.nulls[k]->slot] = NULL;
    return SB_OK;
}

static sb_val text_val(sb_arena *arena, const char *text)
{
    const size_t size = strlen(text);
    char *copy = sb_arena_strndup(arena, text, size);

    return copy == NULL ? SB_VAL_NULL_VALUE : sb_val_string(sb_bytes_of(copy, size));
}

/* {started, committed, transactionId, errorMessage} */
static sb_status make_status(sb_transactions_op *t, bool started, bool committed, uint64_t number,
                             const char *message)
{
    static const char *const keys[] = {"started", "committed", "transactionId", "errorMessage"};
    sb_exec *run = t->op.run;
    char text[32];

    if (t->op.plan->as.apply.status == NULL) return SB_OK;
    sb_arena_reset(t->status_arena);
    sb_val_map *map = sb_val_map_make(t->status_arena, 4);
    if (map == NULL) return sb_exec__no_memory(run);
    for (uint32_t i = 0; i < 4; i++)
        map->entries[i].key = sb_bytes_of(keys[i], strlen(keys[i]));
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    map->entries[0].value = sb_val_bool(started);
    map->entries[1].value = sb_val_bool(committed);
    map->entries[2].value = started ? text_val(t->status_arena, text) : SB_VAL_NULL_VALUE;
    map->entries[3].value =
        message != NULL ? text_val(t->status_arena, message) : SB_VAL_NULL_VALUE;
    return sb_val_map_seal(map, &t->status, run->err);
}

/* ---- Rows --------------------------------------------------------------------------------------------------------- */

static sb_status run_transaction(sb_transactions_op *t, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        SB_TRY(run_row(t));
    SB_TRY(sb_exec__settle(t->op.run));
    return next_transaction(t);
}

static sb_status run_rows(sb_transactions_op *t)
{
    sb_exec *run = t->op.run;
    const sb_on_error on_error = t->op.plan->as.apply.on_error;
    const uint64_t left = t->count - t->next, count = left < t->each ? left : t->each;
    const uint64_t first = t->next, number = first / t->each + 1;
    const sb_exec_stats before = run->stats;
    char message[SB_ERR_TEXT_BYTES];

    sb_kept__clear(&t->results);
    t->at = 0;
    if (t->stream.spill != NULL) {
        t->first = first;
        SB_TRY(sb_spill__get_rows(&t->reader, count, &t->input));
    }
    if (t->broken) {
        SB_TRY(make_status(t, false, false, number, NULL));
        return keep_nulls(t, first, count);
    }
    if (on_error != SB_ON_ERROR_FAIL) {
        /* What was deleted before the first one is not taken back with it. */
        SB_TRY(sb_exec__settle(run));
        SB_TRY(run->options->mark_transaction(run->options->next_transaction_ctx, run->err));
    }
    const sb_status status = run_transaction(t, count);
    if (status == SB_OK) return make_status(t, true, true, number, NULL);
    if (on_error == SB_ON_ERROR_FAIL || !may_go_on(t->op.run, status)) return status;
    memcpy(message, run->err->text, sizeof message);
    SB_TRY(undo(t, &before));
    t->broken = on_error == SB_ON_ERROR_BREAK;
    SB_TRY(make_status(t, true, false, number, message));
    return keep_nulls(t, first, count);
}

static sb_status emit_status(sb_transactions_op *t)
{
    const sb_var *var = t->op.plan->as.apply.status;
    sb_out *out = var == NULL ? NULL : sb_exec__out_of(&t->op, var);

    if (out == NULL) return SB_OK;
    SB_TRY(sb_exec__out_constant(t->op.run, out, t->status));
    sb_exec__bind(&t->op, var, out);
    return SB_OK;
}

static sb_status transactions_next(sb_operator *op, const sb_batch **batch)
{
    sb_transactions_op *t = (sb_transactions_op *)op;

    *batch = NULL;
    if (!t->read) SB_TRY(read_input(t));
    while (t->at >= t->results.count) {
        if (t->next >= t->count) return SB_OK;
        SB_TRY(run_rows(t));
    }
    const uint64_t left = t->results.count - t->at;
    const uint32_t count = left < SB_BATCH_ROWS ? (uint32_t)left : SB_BATCH_ROWS;
    SB_TRY(sb_kept__emit(op, &t->results, t->at, NULL, count));
    SB_TRY(emit_status(t));
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
