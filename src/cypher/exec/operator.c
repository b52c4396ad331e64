/* operator.c — the tree of operators: opening it, its inner plans, handing columns on. What an operator does is in its op_….c. */
#include "cypher/exec/op_priv.h"

#include "cypher/lex/stack.h"

/* Kind of plan → what runs it. */
static const sb_operator_ops *const operators[SB_PLAN_KINDS] = {
#define SB_OPERATOR(kind, ops) [SB_PLAN_##kind] = &(ops),
#include "cypher/exec/operators.def"
#undef SB_OPERATOR
};

/* ---- Opening ---------------------------------------------------------------------------------------------------- */

static sb_status open_operator(sb_inner *tree, const sb_plan *plan, sb_operator **opened);

static sb_status open_children(sb_operator *op)
{
    const sb_plan *plan = op->plan, *input = plan->input;

    if (op->ops->input_plan != NULL) SB_TRY(op->ops->input_plan(op, &input));
    if (input != NULL) SB_TRY(open_operator(op->tree, input, &op->input));
    if (plan->inner == NULL) return SB_OK;
    if (op->ops->inner_runs) return sb_exec__inner_open(op->run, plan->inner, &op->nested);
    return open_operator(op->tree, plan->inner, &op->inner);
}

static sb_status make_operator(sb_inner *tree, const sb_plan *plan, sb_operator **made)
{
    sb_exec *run = tree->run;
    const sb_operator_ops *ops = operators[plan->kind];

    *made = NULL;
    if (SB_NEVER(ops == NULL))
        return SB_FAIL(run->err, SB_UNSUPPORTED, "operator %u of the plan can not be run",
                       (unsigned)plan->kind);
    sb_operator *op = sb_exec__alloc_zero(run, 1, ops->state_bytes);

    *made = op;
    if (op == NULL) return sb_exec__no_memory(run);
    op->ops = ops;
    op->plan = plan;
    op->run = run;
    op->tree = tree;
    op->older = run->newest;
    run->newest = op;
    op->step = sb_arena_create(run->alloc, NULL);
    op->out.columns = sb_exec__alloc_zero(run, run->compiled->slot_count, sizeof *op->out.columns);
    return op->step != NULL && op->out.columns != NULL ? SB_OK : sb_exec__no_memory(run);
}

static sb_status open_operator(sb_inner *tree, const sb_plan *plan, sb_operator **opened)
{
    sb_exec *run = tree->run;

    *opened = NULL;
    if (run->depth >= SB_EXEC_DEPTH_MAX)
        return SB_FAIL(run->err, SB_LIMIT, "the query's plan is more than %u operators deep",
                       SB_EXEC_DEPTH_MAX);
    if (run->depth % SB_STACK_OPERATOR_FREE == 0)
        SB_TRY(sb_cypher_stack_check(run->depth, SB_STACK_OPERATOR_FREE, SB_STACK_OPERATOR,
                                     "a plan", run->err));
    run->depth++;
    if (run->depth > run->deepest) run->deepest = run->depth;
    SB_TRY(make_operator(tree, plan, opened));
    SB_TRY(open_children(*opened));
    if ((*opened)->ops->open != NULL) SB_TRY((*opened)->ops->open(*opened));
    run->depth--;
    return SB_OK;
}

void sb_exec__operator_close(sb_operator *op)
{
    if (op->ops->close != NULL) op->ops->close(op);
    if (op->outs != NULL)
        for (uint32_t i = 0; i < op->plan->live_count; i++)
            sb_exec__out_free(op->run, &op->outs[i]);
    if (op->tree->root == op) sb_exec__out_free(op->run, &op->tree->numbers);
    sb_arena_destroy(op->step);
}

/* ---- Running ------------------------------------------------------------------------------------------------------ */

void sb_exec__reset(sb_operator *op)
{
    if (op->ops->reset != NULL) op->ops->reset(op);
    op->rows_wanted = 1;
    if (op->input != NULL) sb_exec__reset(op->input);
    if (op->inner != NULL) sb_exec__reset(op->inner);
}

static uint64_t page_reads(const sb_exec *run)
{
    return run->options->page_reads == NULL
               ? 0
               : atomic_load_explicit(run->options->page_reads, memory_order_relaxed);
}

sb_status sb_exec__next_profiled(sb_operator *op, const sb_batch **batch)
{
    sb_exec *run = op->run;
    sb_vfs *vfs = run->options->vfs;
    sb_exec_operator_profile *profile = &run->profile[op->plan->number];
    const uint64_t begin = vfs->ops->monotonic_ns(vfs);
    const uint64_t pages = page_reads(run);

    SB_TRY(op->ops->next(op, batch));
    profile->time_ns += vfs->ops->monotonic_ns(vfs) - begin;
    profile->pages += page_reads(run) - pages;
    if (*batch != NULL) {
        profile->batches++;
        profile->rows += (*batch)->row_count;
    }
    return SB_OK;
}

sb_status sb_exec__begin_step(sb_operator *op)
{
    if (sb_arena_bytes(op->step) != 0) sb_arena_reset(op->step);
    sb_exec__use(op);
    return SB_OK;
}

sb_status sb_exec__pull(sb_operator *op, const sb_batch **in)
{
    if (sb_arena_bytes(op->step) != 0) sb_arena_reset(op->step);
    SB_TRY(sb_exec__next(op->input, in));
    sb_exec__use(op);
    return SB_OK;
}

/* ---- Columns --------------------------------------------------------------------------------------------------------- */

sb_status sb_exec__need_outs(sb_operator *op)
{
    op->outs = sb_exec__alloc_zero(op->run, op->plan->live_count, sizeof *op->outs);
    return op->outs != NULL ? SB_OK : sb_exec__no_memory(op->run);
}

uint32_t sb_exec__live_place(const sb_operator *op, const sb_var *var)
{
    return var == NULL ? UINT32_MAX : sb_plan_live_place(op->plan, var->slot);
}

sb_out *sb_exec__out_of(sb_operator *op, const sb_var *var)
{
    const uint32_t place = sb_exec__live_place(op, var);

    return place == UINT32_MAX ? NULL : &op->outs[place];
}

sb_status sb_exec__column(sb_exec *run, const sb_batch *in, const sb_var *var,
                          const sb_vector **column)
{
    *column = in->columns[var->slot];
    if (SB_LIKELY(*column != NULL)) return SB_OK;
    return SB_FAIL(run->err, SB_MISUSE, "the plan does not carry variable '%.*s' (slot %u)",
                   (int)var->name.size, (const char *)var->name.data, var->slot);
}

void sb_exec__pass(sb_operator *op, const sb_batch *in)
{
    const sb_plan *plan = op->plan;

    for (uint32_t i = 0; i < plan->live_count; i++) {
        const sb_vector *column = in->columns[plan->live[i]];
        if (column != NULL) op->out.columns[plan->live[i]] = column;
    }
    op->out.row_count = in->row_count;
    op->out.last = in->last;
}

sb_status sb_exec__pass_rows(sb_operator *op, const sb_batch *in, const uint32_t *rows,
                             uint32_t count)
{
    const sb_plan *plan = op->plan;

    for (uint32_t i = 0; i < plan->live_count; i++) {
        const sb_vector *column = in->columns[plan->live[i]];
        if (column == NULL) continue;
        SB_TRY(sb_exec__gather(op->run, &op->outs[i], column, rows, count));
        op->out.columns[plan->live[i]] = &op->outs[i].vector;
    }
    op->out.row_count = count;
    op->out.last = false;
    return SB_OK;
}

void sb_exec__pass_row(sb_operator *op, const sb_batch *in, uint32_t row, uint32_t count)
{
    const sb_plan *plan = op->plan;

    for (uint32_t i = 0; i < plan->live_count; i++) {
        const sb_vector *column = in->columns[plan->live[i]];
        if (column == NULL) continue;
        op->outs[i].vector = sb_exec__row_view(column, row);
        op->out.columns[plan->live[i]] = &op->outs[i].vector;
    }
    op->out.row_count = count;
    op->out.last = false;
}

/* ---- Inner plans --------------------------------------------------------------------------------------------------------- */

/* local: what expressions around the plan bind. */
static sb_status open_inner(sb_inner *inner, const sb_plan *plan, const bool *local)
{
    sb_exec *run = inner->run;
    const uint32_t slots = run->compiled->slot_count;
    uint32_t count = 0;

    inner->argument.columns = sb_exec__alloc_zero(run, slots, sizeof *inner->argument.columns);
    inner->needs = sb_exec__alloc_zero(run, slots, sizeof *inner->needs);
    if (inner->argument.columns == NULL || inner->needs == NULL) return sb_exec__no_memory(run);
    SB_TRY(open_operator(inner, plan, &inner->root));
    for (uint32_t i = 0; i < slots; i++)
        count += inner->needs[i];
    inner->needed = sb_exec__alloc_zero(run, count, sizeof *inner->needed);
    inner->views = sb_exec__alloc_zero(run, count, sizeof *inner->views);
    inner->local = sb_exec__alloc_zero(run, count, sizeof *inner->local);
    if (inner->needed == NULL || inner->views == NULL || inner->local == NULL)
        return sb_exec__no_memory(run);
    for (uint32_t i = 0; i < slots; i++)
        if (inner->needs[i]) {
            inner->local[inner->needed_count] = local[i];
            inner->needed[inner->needed_count++] = i;
        }
    return SB_OK;
}

sb_status sb_exec__inner_open(sb_exec *run, const sb_plan *plan, sb_inner **inner)
{
    bool *const local = run->local;
    sb_status status = SB_OK;

    *inner = sb_exec__alloc_zero(run, 1, sizeof **inner);
    if (*inner == NULL) return sb_exec__no_memory(run);
    (*inner)->run = run;
    /* What an expression around binds is a column in here. */
    run->local = sb_exec__alloc_zero(run, run->compiled->slot_count, sizeof *run->local);
    if (run->local == NULL) status = sb_exec__no_memory(run);
    if (status == SB_OK) status = open_inner(*inner, plan, local);
    run->local = local;
    return status;
}

sb_status sb_exec__inner_row(sb_inner *inner, const sb_batch *in, uint32_t row)
{
    sb_exec *run = inner->run;

    /* A plan may read nothing but its argument, as CREATE in a FOREACH does. The statement's own is begun before its first step. */
    if (inner != run->root) SB_TRY(sb_exec__tick(run));
    for (uint32_t i = 0; i < inner->needed_count; i++) {
        const uint32_t slot = inner->needed[i];
        const sb_vector *column = in->columns[slot];
        /* What the row does not have the plan binds itself: no column may stand in its way. */
        inner->argument.columns[slot] = NULL;
        /* What an expression binds no row has. */
        if (inner->local[i])
            inner->views[i] =
                (sb_vector){.kind = SB_VECTOR_ANY, .constant = true, .as.vals = &run->locals[slot]};
        else if (column != NULL)
            inner->views[i] = sb_exec__row_view(column, row);
        else
            continue;
        inner->argument.columns[slot] = &inner->views[i];
    }
    inner->argument.row_count = 1;
    inner->argument.last = true;
    sb_exec__reset(inner->root);
    return SB_OK;
}

sb_status sb_exec__inner_batch(sb_inner *inner, const sb_batch *in, const sb_var *row)
{
    int64_t *numbers =
        sb_exec__out_begin(inner->run, &inner->numbers, SB_VECTOR_INT, in->row_count);

    if (numbers == NULL) return sb_exec__no_memory(inner->run);
    for (uint32_t i = 0; i < in->row_count; i++)
        numbers[i] = i;
    for (uint32_t i = 0; i < inner->needed_count; i++)
        inner->argument.columns[inner->needed[i]] = in->columns[inner->needed[i]];
    inner->argument.columns[row->slot] = &inner->numbers.vector;
    inner->argument.row_count = in->row_count;
    inner->argument.last = true;
    sb_exec__reset(inner->root);
    return SB_OK;
}
