/* eval_plan.c — expressions that run a plan for each row: EXISTS, COUNT, COLLECT, pattern predicates and comprehensions, shortestPath.
 * The plan's argument row is the row at hand; what expressions around bind is in it too. The planner ends the plan of COLLECT, of a
 * pattern comprehension and of shortestPath in a RESULT of one column; of the others only the number of rows counts. */
#include "cypher/exec/eval_priv.h"

/* The plan's operators make values in their own arenas: ours is put back behind each call. */
static sb_status next_batch(sb_eval *e, const sb_batch **batch)
{
    sb_exec *run = e->run;
    sb_arena *arena = run->func.arena;
    const sb_status status = sb_exec__next(e->plan->root, batch);

    run->func.arena = arena;
    return status;
}

static sb_status next_rows(sb_eval *e, const sb_batch **batch)
{
    do {
        SB_TRY(next_batch(e, batch));
    } while (*batch != NULL && (*batch)->row_count == 0);
    return SB_OK;
}

sb_status sb_exec__plan_exists(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    const sb_batch *batch;

    e->plan->few = true;
    SB_TRY(sb_exec__inner_row(e->plan, in, row));
    SB_TRY(next_rows(e, &batch));
    *value = sb_val_bool(batch != NULL);
    return SB_OK;
}

sb_status sb_exec__plan_count(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    const sb_batch *batch;
    int64_t count = 0;

    SB_TRY(sb_exec__inner_row(e->plan, in, row));
    for (;;) {
        SB_TRY(next_batch(e, &batch));
        if (batch == NULL) break;
        count += batch->row_count;
        if (batch->last) break;
    }
    *value = sb_val_int(count);
    return SB_OK;
}

static sb_status result_slot(const sb_eval *e, uint32_t *slot)
{
    const sb_plan *plan = e->plan->root->plan;

    *slot = 0;
    if (SB_NEVER(plan->kind != SB_PLAN_RESULT || plan->as.result.count != 1))
        return SB_FAIL(e->run->err, SB_MISUSE, "the plan of a list has no result column");
    *slot = plan->as.result.columns[0]->slot;
    return SB_OK;
}

/* Append a column's values to a list that grows in the arena; what it leaves behind is a fraction of it. */
static sb_status append_values(sb_exec *run, const sb_vector *column, uint32_t count,
                               sb_val_list **list, uint64_t *capacity)
{
    sb_arena *arena = run->func.arena;
    sb_val_list *to = *list;

    if (to == NULL || *capacity - to->count < count) {
        const uint64_t have = to != NULL ? to->count : 0;
        const uint64_t wanted = sb_pow2_ceil(have + count);
        sb_val_list *grown = sb_val_list_make(arena, wanted);
        if (grown == NULL) return sb_exec__no_memory(run);
        if (have != 0) memcpy(grown->items, to->items, have * sizeof *to->items);
        grown->count = have;
        *list = to = grown;
        *capacity = wanted;
    }
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(sb_val_copy(arena, sb_vector_at(column, i), &to->items[to->count++], run->err));
    return SB_OK;
}

sb_status sb_exec__plan_collect(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_exec *run = e->run;
    sb_val_list *list = sb_val_list_make(run->func.arena, 0);
    uint64_t capacity = 0;
    const sb_batch *batch;
    uint32_t slot;

    if (list == NULL) return sb_exec__no_memory(run);
    SB_TRY(result_slot(e, &slot));
    SB_TRY(sb_exec__inner_row(e->plan, in, row));
    for (;;) {
        SB_TRY(next_batch(e, &batch));
        if (batch == NULL) break;
        if (batch->row_count != 0)
            SB_TRY(append_values(run, batch->columns[slot], batch->row_count, &list, &capacity));
        if (batch->last) break;
    }
    return sb_val_list_seal(list, value, run->err);
}

/* shortestPath: the first row's path, or null; allShortestPaths: a list of them. */
sb_status sb_exec__plan_shortest(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_exec *run = e->run;
    const sb_batch *batch;
    uint32_t slot;

    if (e->expr->pattern->selector != SB_PATHS_SHORTEST)
        return sb_exec__plan_collect(e, in, row, value);
    SB_TRY(result_slot(e, &slot));
    SB_TRY(sb_exec__inner_row(e->plan, in, row));
    SB_TRY(next_rows(e, &batch));
    *value = SB_VAL_NULL_VALUE;
    if (batch == NULL) return SB_OK;
    return sb_val_copy(run->func.arena, sb_vector_at(batch->columns[slot], 0), value, run->err);
}
