/* op_aggregate.c — grouping with aggregation.
 * For each batch: the group of each row, then each aggregate over the column of its arguments. States lie one after the other, a
 * group's together; counts are kept without calling the function. What does not fit the memory is aggregate_spill.c's. */
#include "cypher/exec/aggregate.h"
#include "cypher/exec/morsel.h"
#include "cypher/exec/op_priv.h"

void sb_aggregate__free_bits(sb_aggregate_op *a, sb_aggregate_item *item)
{
    sb_seen__free(&item->seen_ids, a->op.run->alloc);
    item->seen_ids.given_up = true;
}

/* ---- Opening, closing ---- */

static sb_status open_item(sb_aggregate_op *a, const sb_plan_aggregate *plan,
                           sb_aggregate_item *item)
{
    sb_exec *run = a->op.run;

    item->plan = plan;
    item->counts = sb_exec__is_count(plan->function);
    item->off = a->state_bytes;
    item->state_bytes = item->counts ? sizeof(int64_t) : plan->function->aggregate->state_bytes;
    item->any_order = item->counts || plan->function->aggregate->any_order;
    item->is_plain = !plan->distinct && (item->counts || plan->function->aggregate->replay == NULL);
    if (!item->is_plain) a->grows = true;
    a->state_bytes += (item->state_bytes + 15) & ~(size_t)15;
    sb_partitions__open(&a->op, &item->aside);
    item->out = sb_exec__out_of(&a->op, plan->var);
    item->columns = sb_exec__alloc_zero(run, plan->arg_count, sizeof(const sb_vector *));
    item->vals = sb_exec__alloc_zero(run, plan->arg_count + 1u, sizeof *item->vals);
    if (item->columns == NULL || item->vals == NULL) return sb_exec__no_memory(run);
    if (plan->distinct) SB_TRY(sb_groups__open(run, plan->arg_count + 1u, &item->seen));
    return sb_exec__compile_many(run, plan->args, plan->arg_count, &item->args);
}

/* A GATHER is done here: what is below it is the input of this operator, or of those that read parts of it. */
static bool is_gathered(const sb_operator *op)
{
    const sb_plan *input = op->plan->input;

    return input->kind == SB_PLAN_GATHER && input->as.gather.merged;
}

static sb_status aggregate_input(sb_operator *op, const sb_plan **input)
{
    sb_aggregate_op *a = (sb_aggregate_op *)op;

    if (is_gathered(op)) *input = op->plan->input->input;
    a->weight = op->plan->as.aggregate.weight;
    return a->weight != NULL ? SB_OK : sb_exec__degree_plan(op, input, &a->weight);
}

static void note_reads(const sb_expr *e, bool *is_read)
{
    if (e == NULL) return;
    if (e->kind == SB_EXPR_VAR) is_read[e->var->slot] = true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        note_reads(e->args[i], is_read);
}

static sb_status open_weighted(sb_aggregate_op *a)
{
    sb_exec *run = a->op.run;
    const sb_plan *plan = a->op.plan;
    const uint32_t slots = run->compiled->slot_count;

    a->heavy.columns = sb_exec__alloc_zero(run, slots, sizeof *a->heavy.columns);
    a->heavy_outs = sb_exec__alloc_zero(run, slots, sizeof *a->heavy_outs);
    a->is_read = sb_exec__alloc_zero(run, slots, sizeof *a->is_read);
    if (a->heavy.columns == NULL || a->heavy_outs == NULL || a->is_read == NULL)
        return sb_exec__no_memory(run);
    for (uint32_t i = 0; i < plan->as.aggregate.group_count; i++)
        note_reads(plan->as.aggregate.groups[i].expr, a->is_read);
    return SB_OK;
}

/* Does it count the distinct ends of an expansion, and nothing else? */
static bool counts_ends(const sb_aggregate_op *a)
{
    const sb_plan *plan = a->op.plan, *input = a->op.input->plan;
    const sb_plan_aggregate *item = &plan->as.aggregate.aggregates[0];

    return plan->as.aggregate.group_count == 0 && plan->as.aggregate.aggregate_count == 1 &&
           input->kind == SB_PLAN_EXPAND && !input->as.expand.to_bound &&
           input->as.expand.to_labels == NULL && sb_exec__is_count(item->function) &&
           item->distinct && item->arg_count == 1 && item->args[0]->kind == SB_EXPR_VAR &&
           item->args[0]->var == input->as.expand.to;
}

/* Below: rows. */
static sb_status see_ends(void *ctx, const sb_chunk *chunk);

static sb_status aggregate_open(sb_operator *op)
{
    sb_aggregate_op *a = (sb_aggregate_op *)op;
    const sb_plan *plan = op->plan;
    const uint32_t groups = plan->as.aggregate.group_count,
                   items = plan->as.aggregate.aggregate_count;

    sb_buffer_init(&a->states, op->run->alloc);
    sb_partitions__open(op, &a->parts);
    a->by_row = op->run->options->force_spill != 0;
    a->row_weight = 1;
    SB_TRY(sb_exec__need_outs(op));
    a->arena = sb_arena_create(op->run->alloc, NULL);
    a->keys = sb_exec__alloc_zero(op->run, groups, sizeof(sb_eval *));
    a->key_outs = sb_exec__alloc_zero(op->run, groups, sizeof(sb_out *));
    a->items = sb_exec__alloc_zero(op->run, items, sizeof *a->items);
    if (a->arena == NULL || a->keys == NULL || a->key_outs == NULL || a->items == NULL)
        return sb_exec__no_memory(op->run);
    SB_TRY(sb_grouping__open(op->run, groups, &a->grouping));
    SB_TRY(sb_exec__scan_count_open(op, &a->scan_count));
    if (a->weight != NULL) SB_TRY(open_weighted(a));
    for (uint32_t i = 0; i < groups; i++) {
        a->key_outs[i] = sb_exec__out_of(op, plan->as.aggregate.groups[i].var);
        SB_TRY(sb_exec__compile(op->run, plan->as.aggregate.groups[i].expr, &a->keys[i]));
    }
    for (uint32_t i = 0; i < items; i++)
        SB_TRY(open_item(a, &plan->as.aggregate.aggregates[i], &a->items[i]));
    a->unique_keys = plan->as.aggregate.unique_keys && a->weight != NULL && !is_gathered(op);
    a->by_ends = !a->by_row && counts_ends(a);
    if (a->by_ends) sb_exec__expand_give_ends(op->input, see_ends, a);
    return SB_OK;
}

static void aggregate_close(sb_operator *op)
{
    sb_aggregate_op *a = (sb_aggregate_op *)op;

    sb_grouping__close(&a->grouping);
    if (a->items != NULL)
        for (uint32_t i = 0; i < op->plan->as.aggregate.aggregate_count; i++) {
            sb_groups__close(&a->items[i].seen);
            sb_seen__free(&a->items[i].seen_ids, op->run->alloc);
            sb_partitions__clear(&a->items[i].aside);
        }
    sb_partitions__clear(&a->parts);
    for (uint32_t i = 0; a->heavy_outs != NULL && i < op->run->compiled->slot_count; i++)
        sb_exec__out_free(op->run, &a->heavy_outs[i]);
    sb_buffer_deinit(&a->states);
    sb_arena_destroy(a->arena);
    sb_arena_destroy(a->record);
}

void sb_aggregate__clear(sb_aggregate_op *a)
{
    sb_grouping__clear(&a->grouping);
    for (uint32_t i = 0; i < a->op.plan->as.aggregate.aggregate_count; i++) {
        sb_aggregate_item *item = &a->items[i];
        sb_groups__clear(&item->seen);
        sb_seen__clear(&item->seen_ids, a->op.run);
        sb_partitions__clear(&item->aside);
        item->frozen = false;
    }
    sb_exec__empty(a->op.run, &a->states);
    if (sb_arena_bytes(a->arena) != 0) sb_arena_reset(a->arena);
    a->next = 0;
}

static void aggregate_reset(sb_operator *op)
{
    sb_aggregate_op *a = (sb_aggregate_op *)op;

    sb_aggregate__clear(a);
    sb_partitions__clear(&a->parts);
    a->done = a->frozen = a->evicted = false;
    a->by_row = op->run->options->force_spill != 0;
}

sb_status sb_aggregate__make_states(sb_aggregate_op *a, uint64_t groups)
{
    const size_t have = a->states.size;
    size_t bytes;

    if (!sb_mul_size((size_t)groups, a->state_bytes, &bytes)) return sb_exec__no_memory(a->op.run);
    if (bytes <= have) return SB_OK;
    if (sb_buffer_reserve(&a->states, bytes - have) != SB_OK) return sb_exec__no_memory(a->op.run);
    memset(a->states.data + have, 0, bytes - have);
    a->states.size = bytes;
    return SB_OK;
}

/* The same when no more of them are kept: values that are not there are put aside. */
static sb_status is_fresh_frozen(sb_aggregate_op *a, sb_aggregate_item *item, bool *fresh)
{
    sb_seen_ids *bits = &item->seen_ids;
    const uint32_t count = item->plan->arg_count + 1u;
    const uint64_t hash = sb_groups__hash(item->vals, count);

    *fresh = false;
    if (bits->words != NULL) {
        const uint8_t kind = bits->kind == SB_VECTOR_NODE ? SB_VAL_NODE : SB_VAL_REL;
        const sb_val v = item->vals[1];
        if (v.kind == kind && v.as.id / 64 < bits->word_count) {
            *fresh = sb_seen__add(bits, v.as.id);
            return SB_OK;
        }
    }
    return sb_groups__find(&item->seen, item->vals, hash) != SB_GROUP_NONE
               ? SB_OK
               : sb_aggregate__put_value(a, item, hash);
}

/* Has this group had these arguments? */
static sb_status is_fresh(sb_aggregate_op *a, sb_aggregate_item *item, uint32_t group, bool *fresh)
{
    const uint32_t count = item->plan->arg_count + 1u;
    uint32_t number;

    item->vals[0] = sb_val_int(group);
    if (item->frozen) return is_fresh_frozen(a, item, fresh);
    return sb_groups__at(&item->seen, item->vals, sb_groups__hash(item->vals, count), &number,
                         fresh);
}

/* The arguments in item->vals are new to the group. */
static sb_status update_fresh(sb_aggregate_op *a, sb_aggregate_item *item, uint32_t group)
{
    sb_exec *run = a->op.run;
    void *state = sb_aggregate__state(a, group, item);

    if (item->counts) {
        *(int64_t *)state += a->row_weight;
        return SB_OK;
    }
    run->func.function = item->plan->function;
    return sb_exec__placed(item->plan->arg_count != 0 ? item->args[0] : NULL, run,
                           item->plan->function->aggregate->update(
                               &run->func, a->arena, state, item->vals + 1, item->plan->arg_count));
}

/* The arguments in item->vals, for their group. */
SB_INLINE sb_status update_item_vals(sb_aggregate_op *a, sb_aggregate_item *item, uint32_t group)
{
    bool fresh = true;

    if (item->plan->arg_count != 0 && item->vals[1].kind == SB_VAL_NULL) return SB_OK;
    if (item->plan->distinct) SB_TRY(is_fresh(a, item, group, &fresh));
    return fresh ? update_fresh(a, item, group) : SB_OK;
}

sb_status sb_aggregate__update(sb_aggregate_op *a, sb_aggregate_item *item, uint32_t group)
{
    return update_item_vals(a, item, group);
}

static void load_args(sb_aggregate_item *item, uint32_t row)
{
    for (uint32_t k = 0; k < item->plan->arg_count; k++)
        item->vals[k + 1] = sb_vector_at(item->columns[k], row);
}

/* Bytes that an id takes when it is hashed, at most. */
#define HASHED_BYTES 96u

sb_status sb_aggregate__give_up_bits(sb_aggregate_op *a, sb_aggregate_item *item)
{
    sb_seen_ids *seen = &item->seen_ids;
    bool fresh;

    if (item->any_order && seen->words != NULL &&
        !sb_spill__affords(a->op.run, (size_t)seen->rows * HASHED_BYTES))
        return sb_aggregate__freeze_item(item);
    seen->given_up = true;
    for (size_t w = 0; seen->words != NULL && w < seen->word_count; w++) {
        for (uint64_t left = seen->words[w]; left != 0; left &= left - 1) {
            const uint64_t id = w * 64 + sb_ctz64(left);
            item->vals[1] = seen->kind == SB_VECTOR_NODE ? sb_val_node(id) : sb_val_rel(id);
            SB_TRY(is_fresh(a, item, 0, &fresh));
        }
    }
    sb_seen__free(seen, a->op.run->alloc);
    return SB_OK;
}

/* An EXPAND's ends, as they lie in a list, for the one count of those that differ. */
static sb_status see_ends(void *ctx, const sb_chunk *chunk)
{
    sb_aggregate_op *a = ctx;
    sb_aggregate_item *item = &a->items[0];

    if (!item->seen_ids.given_up && !item->frozen) {
        if (sb_seen__room(&item->seen_ids, a->op.run, SB_VECTOR_NODE, sb_chunk_most(chunk),
                          chunk->count)) {
            *(int64_t *)sb_aggregate__state(a, 0, item) +=
                sb_seen__add_chunk(&item->seen_ids, chunk);
            return SB_OK;
        }
        SB_TRY(sb_aggregate__give_up_bits(a, item));
    }
    for (uint32_t i = 0; i < chunk->count; i++) {
        item->vals[1] = sb_val_node(sb_chunk_neighbor(chunk, i));
        SB_TRY(update_item_vals(a, item, 0));
    }
    return SB_OK;
}

static sb_status update_ids(sb_aggregate_op *a, sb_aggregate_item *item, uint32_t row_count)
{
    const sb_vector *v = item->columns[0];

    if (item->counts) {
        int64_t fresh = 0;
        for (uint32_t i = 0; i < row_count; i++)
            fresh += sb_seen__add(&item->seen_ids, v->as.ids[i]);
        *(int64_t *)sb_aggregate__state(a, 0, item) += fresh;
        return SB_OK;
    }
    for (uint32_t i = 0; i < row_count; i++) {
        if (!sb_seen__add(&item->seen_ids, v->as.ids[i])) continue;
        item->vals[1] = sb_vector_at(v, i);
        SB_TRY(update_fresh(a, item, 0));
    }
    return SB_OK;
}

/* count(*) and count(x) without DISTINCT. */
static void count_rows(sb_aggregate_op *a, const sb_aggregate_item *item, uint32_t row_count)
{
    const sb_vector *column = item->plan->arg_count != 0 ? item->columns[0] : NULL;
    const bool nulls = column != NULL && (column->kind == SB_VECTOR_ANY || column->nulls != NULL);

    if (!nulls && a->grouping.key_count == 0) {
        *(int64_t *)sb_aggregate__state(a, 0, item) += row_count;
        return;
    }
    for (uint32_t i = 0; i < row_count; i++)
        if (!nulls || !sb_vector_is_null(column, i))
            ++*(int64_t *)sb_aggregate__state(a, a->grouping.of[i], item);
}

/* The same where each row stands for several, of which none is null. */
static sb_status count_weights(sb_aggregate_op *a, const sb_aggregate_item *item,
                               const int64_t *weights, uint32_t row_count)
{
    bool overflows = false;

    if (a->grouping.key_count == 0) {
        int64_t *const state = sb_aggregate__state(a, 0, item), sum = *state;
        for (uint32_t i = 0; i < row_count; i++)
            overflows |= SB_ADD_OVERFLOWS(sum, weights[i], &sum);
        *state = sum;
    } else {
        for (uint32_t i = 0; i < row_count; i++) {
            int64_t *const state = sb_aggregate__state(a, a->grouping.of[i], item);
            overflows |= SB_ADD_OVERFLOWS(*state, weights[i], state);
        }
    }
    return overflows ? sb_exec__too_many_rows(a->op.run) : SB_OK;
}

static sb_status update_item(sb_aggregate_op *a, sb_aggregate_item *item, const sb_batch *in)
{
    for (uint32_t k = 0; k < item->plan->arg_count; k++)
        SB_TRY(sb_exec__eval(item->args[k], in, &item->columns[k]));
    if (item->counts && !item->plan->distinct) {
        count_rows(a, item, in->row_count);
        return SB_OK;
    }
    if (item->plan->distinct && item->plan->arg_count == 1 && a->grouping.key_count == 0 &&
        !item->seen_ids.given_up && !item->frozen) {
        if (sb_seen__room_for(&item->seen_ids, a->op.run, item->columns[0], in->row_count))
            return update_ids(a, item, in->row_count);
        SB_TRY(sb_aggregate__give_up_bits(a, item));
    }
    for (uint32_t i = 0; i < in->row_count; i++) {
        load_args(item, i);
        SB_TRY(update_item_vals(a, item, a->grouping.of[i]));
    }
    return SB_OK;
}

/* Leave out rows that stand for none: they make no group. The batch is the
 * aggregation's own, of columns that keys read. */
static sb_status drop_weightless(sb_aggregate_op *a, const sb_batch **in)
{
    const sb_vector *weights;
    const uint32_t rows = (*in)->row_count;
    uint32_t *kept = sb_arena_alloc_array(a->op.step, rows, sizeof *kept), count = 0;

    if (kept == NULL) return sb_exec__no_memory(a->op.run);
    SB_TRY(sb_exec__column(a->op.run, *in, a->weight, &weights));
    for (uint32_t i = 0; i < rows; i++) {
        kept[count] = i;
        count += weights->as.integers[i] != 0;
    }
    if (count == rows) return SB_OK;
    for (uint32_t slot = 0; slot < a->op.run->compiled->slot_count; slot++) {
        const sb_vector *column = (*in)->columns[slot];
        a->heavy.columns[slot] = NULL;
        if (column == NULL || (!a->is_read[slot] && slot != a->weight->slot)) continue;
        SB_TRY(sb_exec__gather(a->op.run, &a->heavy_outs[slot], column, kept, count));
        a->heavy.columns[slot] = &a->heavy_outs[slot].vector;
    }
    a->heavy.row_count = count;
    *in = &a->heavy;
    return SB_OK;
}

/* Rows one by one, where groups are frozen. */
static sb_status read_by_row(sb_aggregate_op *a, const sb_batch *in)
{
    sb_exec *run = a->op.run;
    const uint32_t items = a->op.plan->as.aggregate.aggregate_count;
    sb_grouping *g = &a->grouping;
    const sb_vector *weights = NULL;

    if (a->weight != NULL) SB_TRY(sb_exec__column(run, in, a->weight, &weights));
    for (uint32_t k = 0; k < g->key_count; k++)
        SB_TRY(sb_exec__eval(a->keys[k], in, &g->keys[k]));
    for (uint32_t k = 0; k < items; k++)
        for (uint32_t arg = 0; arg < a->items[k].plan->arg_count; arg++)
            SB_TRY(sb_exec__eval(a->items[k].args[arg], in, &a->items[k].columns[arg]));
    for (uint32_t i = 0; i < in->row_count; i++) {
        for (uint32_t k = 0; k < g->key_count; k++)
            g->row[k] = sb_vector_at(g->keys[k], i);
        for (uint32_t k = 0; k < items; k++)
            load_args(&a->items[k], i);
        a->row_weight = weights == NULL ? 1 : weights->as.integers[i];
        SB_TRY(sb_aggregate__row(a));
        if (run->options->force_spill == 0 && i % 128 != 127) continue;
        const sb_held held = sb_aggregate__held(a);
        if (sb_spill__is_due(run, &held)) SB_TRY(sb_aggregate__relieve(a, &held));
    }
    return SB_OK;
}

static sb_status read_weighted(sb_aggregate_op *a, const sb_batch *in)
{
    const sb_plan *plan = a->op.plan;
    sb_grouping *g = &a->grouping;
    const sb_vector *weights;

    if (g->key_count != 0) SB_TRY(drop_weightless(a, &in));
    if (in->row_count == 0) return SB_OK;
    if (a->by_row) return read_by_row(a, in);
    SB_TRY(sb_exec__column(a->op.run, in, a->weight, &weights));
    for (uint32_t i = 0; i < g->key_count; i++)
        SB_TRY(sb_exec__eval(a->keys[i], in, &g->keys[i]));
    if (g->key_count != 0) {
        SB_TRY(sb_grouping__rows(g, in->row_count));
        SB_TRY(sb_aggregate__make_states(a, g->groups.keys.count));
    }
    for (uint32_t i = 0; i < plan->as.aggregate.aggregate_count; i++)
        SB_TRY(count_weights(a, &a->items[i], weights->as.integers, in->row_count));
    return SB_OK;
}

static sb_status read_batch(sb_aggregate_op *a, const sb_batch *in)
{
    const sb_plan *plan = a->op.plan;
    sb_grouping *g = &a->grouping;

    for (uint32_t i = 0; i < g->key_count; i++)
        SB_TRY(sb_exec__eval(a->keys[i], in, &g->keys[i]));
    if (g->key_count != 0) {
        SB_TRY(sb_grouping__rows(g, in->row_count));
        SB_TRY(sb_aggregate__make_states(a, g->groups.keys.count));
    }
    for (uint32_t i = 0; i < plan->as.aggregate.aggregate_count; i++)
        SB_TRY(update_item(a, &a->items[i], in));
    return SB_OK;
}

/* The graph's own count, where there is one. */
static sb_status read_scan_count(sb_aggregate_op *a, bool *known)
{
    uint64_t rows;

    *known = false;
    if (a->scan_count.scan == NULL || a->op.tree->argument.row_count != 1) return SB_OK;
    sb_exec__use(&a->op);
    SB_TRY(sb_exec__scan_count(a->op.run, &a->scan_count, &rows, known));
    for (uint32_t i = 0; *known && i < a->op.plan->as.aggregate.aggregate_count; i++)
        *(int64_t *)sb_aggregate__state(a, 0, &a->items[i]) = (int64_t)rows;
    return SB_OK;
}

static sb_status read_input(sb_aggregate_op *a)
{
    const sb_batch *in;

    if (a->grouping.key_count == 0) { /* one group, also of no rows */
        memset(a->grouping.of, 0, sizeof a->grouping.of);
        SB_TRY(sb_aggregate__make_states(a, 1));
    }
    /* Bits do not tell in which order ids came, which other aggregates than counts are merged by. */
    for (uint32_t i = 0; is_gathered(&a->op) && i < a->op.plan->as.aggregate.aggregate_count; i++)
        a->items[i].seen_ids.given_up = !a->items[i].counts;
    for (;;) {
        SB_TRY(sb_exec__pull(&a->op, &in));
        if (in == NULL) break;
        if (in->row_count == 0) continue;
        if (a->weight != NULL)
            SB_TRY(read_weighted(a, in));
        else if (!a->by_ends) /* else see_ends has had them */
            SB_TRY(a->by_row ? read_by_row(a, in) : read_batch(a, in));
        const sb_held held = sb_aggregate__held(a);
        if (sb_spill__is_due(a->op.run, &held)) SB_TRY(sb_aggregate__relieve(a, &held));
    }
    return SB_OK;
}

static sb_status aggregate_read(sb_operator *op)
{
    return read_input((sb_aggregate_op *)op);
}

/* From the graph's own count, by this operator, or in parts. */
static sb_status read_all(sb_aggregate_op *a)
{
    if (a->grouping.key_count == 0) {
        SB_TRY(sb_aggregate__make_states(a, 1));
        SB_TRY(read_scan_count(a, &a->done));
        if (a->done) return SB_OK;
    }
    SB_TRY(is_gathered(&a->op) ? sb_exec__read_divided(&a->op) : read_input(a));
    a->done = true;
    return sb_aggregate__settle(a);
}

static sb_status emit_counts(sb_aggregate_op *a, sb_aggregate_item *item, uint32_t count)
{
    int64_t *to = sb_exec__out_begin(a->op.run, item->out, SB_VECTOR_INT, count);

    if (to == NULL) return sb_exec__no_memory(a->op.run);
    for (uint32_t i = 0; i < count; i++)
        to[i] = *(int64_t *)sb_aggregate__state(a, a->next + i, item);
    sb_exec__bind(&a->op, item->plan->var, item->out);
    return SB_OK;
}

static sb_status emit_item(sb_aggregate_op *a, sb_aggregate_item *item, uint32_t count)
{
    sb_exec *run = a->op.run;
    sb_val vals[SB_BATCH_ROWS];

    if (item->out == NULL) return SB_OK;
    if (item->counts) return emit_counts(a, item, count);
    run->func.function = item->plan->function;
    for (uint32_t i = 0; i < count; i++) {
        void *state = sb_aggregate__state(a, a->next + i, item);
        SB_TRY(
            sb_exec__placed(item->plan->arg_count != 0 ? item->args[0] : NULL, run,
                            item->plan->function->aggregate->finish(&run->func, state, &vals[i])));
    }
    SB_TRY(sb_exec__out_from_vals(run, item->out, vals, count));
    sb_exec__bind(&a->op, item->plan->var, item->out);
    return SB_OK;
}

/* Keys that are all of one kind. */
static sb_status emit_direct(sb_aggregate_op *a, uint32_t count)
{
    uint64_t *to = sb_exec__out_begin(a->op.run, a->key_outs[0],
                                      (sb_vector_kind)a->grouping.direct_kind, count);

    if (to == NULL) return sb_exec__no_memory(a->op.run);
    for (uint32_t i = 0; i < count; i++)
        to[i] = sb_kept__row(&a->grouping.groups.keys, a->next + i)->as.id;
    sb_exec__bind(&a->op, a->op.plan->as.aggregate.groups[0].var, a->key_outs[0]);
    return SB_OK;
}

static sb_status emit_keys(sb_aggregate_op *a, uint32_t count)
{
    const sb_plan *plan = a->op.plan;
    sb_val vals[SB_BATCH_ROWS];

    if (a->grouping.direct) return a->key_outs[0] == NULL ? SB_OK : emit_direct(a, count);
    for (uint32_t k = 0; k < a->grouping.key_count; k++) {
        if (a->key_outs[k] == NULL) continue;
        for (uint32_t i = 0; i < count; i++)
            vals[i] = sb_kept__row(&a->grouping.groups.keys, a->next + i)[k];
        SB_TRY(sb_exec__out_from_vals(a->op.run, a->key_outs[k], vals, count));
        sb_exec__bind(&a->op, plan->as.aggregate.groups[k].var, a->key_outs[k]);
    }
    return SB_OK;
}

/* What is read above and was there before the sub-query that this is in: the same for all rows. What groups have is bound over it. */
static void pass_argument(sb_operator *op)
{
    for (uint32_t i = 0; i < op->plan->live_count; i++) {
        const uint32_t slot = op->plan->live[i];
        const sb_vector *column = op->tree->argument.columns[slot];
        op->out.columns[slot] = column != NULL && column->constant ? column : NULL;
    }
}

/* Lists of groups are copied into the step: fewer groups at once where they are long. */
static uint32_t groups_at_once(const sb_aggregate_op *a, uint64_t left)
{
    const sb_exec *run = a->op.run;
    uint64_t most = SB_BATCH_ROWS;

    if (a->grows && run->budget.limit != 0) {
        const uint64_t each = sb_arena_bytes(a->arena) / (a->next + left) + 1;
        const uint64_t room = run->budget.limit / 16 / each;
        if (room < most) most = room == 0 ? 1 : room;
    }
    return (uint32_t)(left < most ? left : most);
}

static void hand_on(sb_aggregate_op *a, sb_out *out, const sb_var *var, const sb_vector *column)
{
    if (out == NULL) return;
    out->vector = *column;
    sb_exec__bind(&a->op, var, out);
}

/* Rows that are groups are handed on as they come; *batch NULL: all have been read, and others are grouped. */
static sb_status next_unique(sb_aggregate_op *a, const sb_batch **batch)
{
    const sb_plan *plan = a->op.plan;
    const sb_vector *key, *weights;
    const sb_batch *in;

    for (;;) {
        SB_TRY(sb_exec__pull(&a->op, &in));
        if (in == NULL) break;
        SB_TRY(drop_weightless(a, &in));
        if (in->row_count == 0) continue;
        SB_TRY(sb_exec__column(a->op.run, in, a->weight, &weights));
        SB_TRY(sb_exec__eval(a->keys[0], in, &key));
        if (key->kind == SB_VECTOR_INT && !key->constant && key->nulls == NULL) {
            hand_on(a, a->key_outs[0], plan->as.aggregate.groups[0].var, key);
            for (uint32_t i = 0; i < plan->as.aggregate.aggregate_count; i++)
                hand_on(a, a->items[i].out, a->items[i].plan->var, weights);
            a->op.out.row_count = in->row_count;
            a->op.out.last = false;
            *batch = &a->op.out;
            return SB_OK;
        }
        SB_TRY(read_weighted(a, in)); /* nulls, and kinds that may be the same value or not */
        const sb_held held = sb_aggregate__held(a);
        if (sb_spill__is_due(a->op.run, &held)) SB_TRY(sb_aggregate__relieve(a, &held));
    }
    a->done = true;
    return sb_aggregate__settle(a);
}

static sb_status aggregate_next(sb_operator *op, const sb_batch **batch)
{
    sb_aggregate_op *a = (sb_aggregate_op *)op;
    const bool keyed = a->grouping.key_count != 0;
    bool more;

    *batch = NULL;
    if (!a->done && a->unique_keys && op->tree->argument.row_count == 1) {
        SB_TRY(next_unique(a, batch));
        if (*batch != NULL) return SB_OK;
    }
    if (!a->done) SB_TRY(read_all(a));
    SB_TRY(sb_exec__begin_step(op));
    while (a->next == (keyed ? a->grouping.groups.keys.count : 1)) {
        SB_TRY(sb_aggregate__next_part(a, &more));
        if (!more) return SB_OK;
    }
    const uint64_t total = keyed ? a->grouping.groups.keys.count : 1;
    const uint32_t count = groups_at_once(a, total - a->next);
    SB_TRY(sb_exec__tick(op->run));
    pass_argument(op);
    SB_TRY(emit_keys(a, count));
    for (uint32_t i = 0; i < op->plan->as.aggregate.aggregate_count; i++)
        SB_TRY(emit_item(a, &a->items[i], count));
    a->next += count;
    op->out.row_count = count;
    op->out.last = a->next == total && !sb_partitions__any(&a->parts);
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__aggregate = {.state_bytes = sizeof(sb_aggregate_op),
                                            .input_plan = aggregate_input,
                                            .open = aggregate_open,
                                            .next = aggregate_next,
                                            .reset = aggregate_reset,
                                            .read = aggregate_read,
                                            .merge = sb_aggregate__merge,
                                            .close = aggregate_close};
