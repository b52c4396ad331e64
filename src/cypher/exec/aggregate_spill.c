/* aggregate_spill.c — AGGREGATE when its groups do not fit the memory.
 *
 * G1  While memory lasts all groups are made. When it is short they are *frozen*: rows of groups that are there go on being taken, others
 *     are put aside by the hash of their keys. Those groups are handed on first; then each partition is read as the input was.
 * G2  Groups whose states grow with each row (lists, distinct values) may take too much even so. Then they are *evicted*: their states
 *     go to the partitions, as bytes or as the arguments that make them again, and all rows follow. A group's rows so come back behind
 *     its state and in their order, and no two states of one group ever have to be merged: results are the same to the bit.
 * G3  What a single group keeps to tell distinct values cannot be divided by the group's keys. It is frozen for itself, and values that
 *     it lacks are put aside by their own hash, to be told apart when all rows have come. The function must not mind their order.
 * G4  What remains must fit: the states of one group, so the list of a collect(). */
#include "cypher/exec/aggregate.h"

/* Records in a partition: a number, the group's keys, and what the kind needs. */
#define RECORD_ROW   0 /* the weight, if there are weights; all items' arguments */
#define RECORD_STATE 1 /* the states that are plain bytes */
#define RECORD_ITEM  2 /* 2 + i: arguments for item i alone */
/* Records read between looks at the memory held. */
#define RECORDS_AT_ONCE 32u

/* ---- What is held ----------------------------------------------------------------------------------------------- */

static uint32_t item_count(const sb_aggregate_op *a)
{
    return a->op.plan->as.aggregate.aggregate_count;
}

static size_t seen_bytes(const sb_aggregate_item *item)
{
    return sb_groups__bytes(&item->seen) + item->seen_ids.word_count * sizeof(uint64_t);
}

sb_held sb_aggregate__held(const sb_aggregate_op *a)
{
    const size_t batch = SB_BATCH_ROWS * a->state_bytes;
    sb_held held = {.bytes = sb_grouping__bytes(&a->grouping) + sb_arena_bytes(a->arena) +
                             a->states.capacity,
                    .growth = sb_grouping__growth(&a->grouping, SB_BATCH_ROWS),
                    .rows = a->grouping.groups.keys.count};

    if (a->grouping.key_count != 0) held.growth += sb_partitions__growth(&a->parts);
    /* Lists grow by doubling: those of groups that get rows in turn all at once. */
    if (a->grows) held.growth += sb_arena_next_bytes(a->arena) + sb_arena_bytes(a->arena);
    if (a->grouping.key_count != 0 && a->states.size + batch > a->states.capacity)
        held.growth += a->states.capacity > batch ? a->states.capacity : batch;
    for (uint32_t i = 0; a->grows && i < item_count(a); i++) {
        const sb_aggregate_item *item = &a->items[i];
        if (!item->plan->distinct) continue;
        const uint64_t values =
            item->seen_ids.words != NULL ? item->seen_ids.rows : item->seen.keys.count;
        held.bytes += seen_bytes(item);
        held.growth += sb_partitions__growth(&item->aside);
        if (!item->frozen) held.growth += sb_groups__growth(&item->seen, SB_BATCH_ROWS);
        if (held.rows < values) held.rows = values;
    }
    return held;
}

/* ---- Putting aside ------------------------------------------------------------------------------------------------ */

static uint64_t hash_keys(const sb_aggregate_op *a)
{
    return sb_groups__hash(a->grouping.row, a->grouping.key_count);
}

/* The head of a record, of the keys in grouping.row. */
static sb_status put_head(const sb_aggregate_op *a, uint64_t hash, uint32_t kind,
                          sb_spill_stream **stream)
{
    *stream = sb_partitions__stream(&a->parts, 0, hash);
    SB_TRY(sb_spill__put(*stream, sb_val_int(kind)));
    for (uint32_t i = 0; i < a->grouping.key_count; i++)
        SB_TRY(sb_spill__put(*stream, a->grouping.row[i]));
    return SB_OK;
}

static sb_status put_args(sb_spill_stream *stream, const sb_val *args, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(sb_spill__put(stream, args[i]));
    return SB_OK;
}

static sb_status put_row(const sb_aggregate_op *a, uint64_t hash)
{
    sb_spill_stream *stream;

    SB_TRY(put_head(a, hash, RECORD_ROW, &stream));
    if (a->weight != NULL) SB_TRY(sb_spill__put(stream, sb_val_int(a->row_weight)));
    for (uint32_t i = 0; i < item_count(a); i++)
        SB_TRY(put_args(stream, a->items[i].vals + 1, a->items[i].plan->arg_count));
    return SB_OK;
}

static sb_exact_sum *exact_sum(const sb_aggregate_item *item, void *state)
{
    const sb_function *function = item->plan->function;

    if (item->counts || function->aggregate->sum == NULL) return NULL;
    return function->aggregate->sum(state);
}

static sb_val bytes_of(const void *data, size_t size)
{
    return (sb_val){.kind = SB_VAL_BYTES, .aux = (uint32_t)size, .as.text = data};
}

/* A state becomes the item's plain. */
static void save_plain(sb_aggregate_item *item, void *state)
{
    const sb_exact_sum *sum = exact_sum(item, state);

    item->plain = bytes_of(state, item->state_bytes);
    item->digits = SB_VAL_NULL_VALUE;
    if (sum != NULL && sum->digits != NULL)
        item->digits = bytes_of(sum->digits, SB_EXACT_SUM_DIGITS * sizeof *sum->digits);
}

/* And back. */
static sb_status load_plain(sb_aggregate_op *a, const sb_aggregate_item *item, void *state)
{
    if (item->state_bytes != 0) memcpy(state, item->plain.as.text, item->state_bytes);
    sb_exact_sum *sum = exact_sum(item, state);
    if (sum == NULL || item->digits.kind == SB_VAL_NULL) return SB_OK;
    sum->digits = sb_arena_alloc(a->arena, item->digits.aux);
    if (sum->digits == NULL) return sb_exec__no_memory(a->op.run);
    memcpy(sum->digits, item->digits.as.text, item->digits.aux);
    return SB_OK;
}

static sb_status put_plain(sb_spill_stream *stream, const sb_aggregate_item *item)
{
    SB_TRY(sb_spill__put(stream, item->plain));
    return sb_spill__put(stream, item->digits);
}

/* The states in the items' plain. */
static sb_status put_state(const sb_aggregate_op *a, uint64_t hash)
{
    sb_spill_stream *stream;

    SB_TRY(put_head(a, hash, RECORD_STATE, &stream));
    for (uint32_t i = 0; i < item_count(a); i++)
        if (a->items[i].is_plain) SB_TRY(put_plain(stream, &a->items[i]));
    return SB_OK;
}

static sb_status put_item(const sb_aggregate_op *a, uint64_t hash, const sb_aggregate_item *item,
                          const sb_val *args)
{
    sb_spill_stream *stream;

    SB_TRY(put_head(a, hash, RECORD_ITEM + (uint32_t)(item - a->items), &stream));
    return put_args(stream, args, item->plan->arg_count);
}

sb_status sb_aggregate__put_value(sb_aggregate_op *a, sb_aggregate_item *item, uint64_t hash)
{
    (void)a;
    return put_args(sb_partitions__stream(&item->aside, 0, hash), item->vals,
                    item->plan->arg_count + 1u);
}

/* ---- Freezing, evicting --------------------------------------------------------------------------------------------- */

static sb_status freeze(sb_aggregate_op *a)
{
    SB_TRY(sb_partitions__begin(&a->parts));
    a->frozen = a->by_row = true;
    a->frozen_bytes = sb_aggregate__held(a).bytes;
    return SB_OK;
}

sb_status sb_aggregate__freeze_item(sb_aggregate_item *item)
{
    item->frozen = true;
    return sb_partitions__begin(&item->aside);
}

static void load_keys(sb_aggregate_op *a, uint64_t group)
{
    if (a->grouping.key_count != 0)
        memcpy(a->grouping.row, sb_kept__row(&a->grouping.groups.keys, group),
               a->grouping.key_count * sizeof(sb_val));
}

typedef struct replayed {
    sb_aggregate_op *a;
    const sb_aggregate_item *item;
    uint64_t hash;
} replayed;

static sb_status put_replayed(void *ctx, const sb_val *args)
{
    const replayed *r = ctx;

    return put_item(r->a, r->hash, r->item, args);
}

static sb_status evict_group(sb_aggregate_op *a, uint64_t group)
{
    load_keys(a, group);
    const uint64_t hash = hash_keys(a);
    for (uint32_t i = 0; i < item_count(a); i++) {
        sb_aggregate_item *item = &a->items[i];
        if (item->is_plain) save_plain(item, sb_aggregate__state(a, group, item));
    }
    SB_TRY(put_state(a, hash));
    for (uint32_t i = 0; i < item_count(a); i++) {
        sb_aggregate_item *item = &a->items[i];
        replayed r = {a, item, hash};
        if (!item->is_plain && !item->plan->distinct)
            SB_TRY(item->plan->function->aggregate->replay(sb_aggregate__state(a, group, item),
                                                           put_replayed, &r));
    }
    return SB_OK;
}

/* A distinct value, in item->vals, goes where its group does. */
static sb_status evict_value(sb_aggregate_op *a, const sb_aggregate_item *item, const sb_val *vals)
{
    load_keys(a, (uint64_t)vals[0].as.integer);
    return put_item(a, hash_keys(a), item, vals + 1);
}

static sb_status read_vals(sb_aggregate_op *a, sb_spill_reader *reader, sb_val *vals,
                           uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(sb_spill__get(reader, a->record, &vals[i]));
    return SB_OK;
}

static sb_status open_record(sb_aggregate_op *a)
{
    if (a->record == NULL) a->record = sb_arena_create(a->op.run->alloc, NULL);
    return a->record != NULL ? SB_OK : sb_exec__no_memory(a->op.run);
}

static sb_status evict_values(sb_aggregate_op *a, sb_aggregate_item *item)
{
    bool more;

    for (uint64_t i = 0; i < item->seen.keys.count; i++)
        SB_TRY(evict_value(a, item, sb_kept__row(&item->seen.keys, i)));
    if (!sb_partitions__any(&item->aside)) return SB_OK;
    SB_TRY(open_record(a));
    for (;;) {
        SB_TRY(sb_partitions__next(&item->aside, &more));
        if (!more) return SB_OK;
        sb_spill_reader *reader = sb_partitions__reader(&item->aside, 0);
        while (!sb_spill__at_end(reader)) {
            sb_arena_reset(a->record);
            SB_TRY(read_vals(a, reader, item->vals, item->plan->arg_count + 1u));
            SB_TRY(evict_value(a, item, item->vals));
        }
    }
}

static sb_status evict(sb_aggregate_op *a)
{
    const uint64_t groups = a->grouping.groups.keys.count;

    for (uint64_t i = 0; i < groups; i++) {
        if (i % SB_BATCH_ROWS == 0) SB_TRY(sb_exec__tick(a->op.run));
        SB_TRY(evict_group(a, i));
    }
    for (uint32_t i = 0; i < item_count(a); i++)
        if (a->items[i].plan->distinct) SB_TRY(evict_values(a, &a->items[i]));
    sb_aggregate__clear(a);
    a->evicted = true;
    return SB_OK;
}

/* G3: not before groups are frozen, where that can be; what takes little stays as it is. */
static sb_status freeze_values(sb_aggregate_op *a, size_t held)
{
    const bool forced = a->op.run->options->force_spill != 0;

    for (uint32_t i = 0; i < item_count(a); i++) {
        sb_aggregate_item *item = &a->items[i];
        if (item->plan->distinct && item->any_order && !item->frozen &&
            sb_partitions__divides(&item->aside) && (forced || seen_bytes(item) > held / 8))
            SB_TRY(sb_aggregate__freeze_item(item));
    }
    return SB_OK;
}

sb_status sb_aggregate__relieve(sb_aggregate_op *a, const sb_held *held)
{
    const bool keyed = a->grouping.key_count != 0, forced = a->op.run->options->force_spill != 0;

    if (a->evicted) return SB_OK;
    if (keyed && !a->frozen && sb_partitions__divides(&a->parts)) return freeze(a);
    if (!a->grows) return SB_OK;
    if (!a->frozen || a->grouping.groups.keys.count < 2) return freeze_values(a, held->bytes);
    return forced || held->bytes > a->frozen_bytes + a->frozen_bytes / 4 ||
                   sb_spill__is_urgent(a->op.run, held)
               ? evict(a)
               : SB_OK;
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------- */

/* The group of the keys in grouping.row; SB_GROUP_NONE: it is to be put aside. */
static sb_status group_of(sb_aggregate_op *a, uint64_t hash, uint32_t *group)
{
    sb_grouping *g = &a->grouping;
    bool made;

    *group = 0;
    if (g->key_count == 0) return SB_OK;
    if (a->frozen) {
        *group = a->evicted ? SB_GROUP_NONE : sb_grouping__find(g, hash);
        return SB_OK;
    }
    SB_TRY(sb_grouping__hash(g));
    SB_TRY(sb_grouping__at(g, hash, group, &made));
    return made ? sb_aggregate__make_states(a, g->groups.keys.count) : SB_OK;
}

sb_status sb_aggregate__row(sb_aggregate_op *a)
{
    const uint64_t hash = hash_keys(a);
    uint32_t group;

    SB_TRY(group_of(a, hash, &group));
    if (group == SB_GROUP_NONE) return put_row(a, hash);
    for (uint32_t i = 0; i < item_count(a); i++)
        SB_TRY(sb_aggregate__update(a, &a->items[i], group));
    return SB_OK;
}

/* ---- Reading back ---------------------------------------------------------------------------------------------------- */

static sb_status take_row(sb_aggregate_op *a, sb_spill_reader *reader)
{
    sb_val weight;

    if (a->weight != NULL) {
        SB_TRY(read_vals(a, reader, &weight, 1));
        a->row_weight = weight.as.integer;
    }
    for (uint32_t i = 0; i < item_count(a); i++)
        SB_TRY(read_vals(a, reader, a->items[i].vals + 1, a->items[i].plan->arg_count));
    return sb_aggregate__row(a);
}

static sb_status take_state(sb_aggregate_op *a, sb_spill_reader *reader)
{
    const uint64_t hash = hash_keys(a);
    uint32_t group;

    for (uint32_t i = 0; i < item_count(a); i++)
        if (a->items[i].is_plain) {
            SB_TRY(read_vals(a, reader, &a->items[i].plain, 1));
            SB_TRY(read_vals(a, reader, &a->items[i].digits, 1));
        }
    SB_TRY(group_of(a, hash, &group));
    if (group == SB_GROUP_NONE) return put_state(a, hash);
    for (uint32_t i = 0; i < item_count(a); i++) {
        const sb_aggregate_item *item = &a->items[i];
        if (item->is_plain) SB_TRY(load_plain(a, item, sb_aggregate__state(a, group, item)));
    }
    return SB_OK;
}

static sb_status take_item(sb_aggregate_op *a, sb_aggregate_item *item, sb_spill_reader *reader)
{
    const uint64_t hash = hash_keys(a);
    uint32_t group;

    SB_TRY(read_vals(a, reader, item->vals + 1, item->plan->arg_count));
    SB_TRY(group_of(a, hash, &group));
    return group == SB_GROUP_NONE ? put_item(a, hash, item, item->vals + 1)
                                  : sb_aggregate__update(a, item, group);
}

static sb_status take_record(sb_aggregate_op *a, sb_spill_reader *reader)
{
    sb_val kind;

    sb_arena_reset(a->record);
    SB_TRY(read_vals(a, reader, &kind, 1));
    SB_TRY(read_vals(a, reader, a->grouping.row, a->grouping.key_count));
    switch (kind.as.integer) {
    case RECORD_ROW: return take_row(a, reader);
    case RECORD_STATE: return take_state(a, reader);
    default: return take_item(a, &a->items[kind.as.integer - RECORD_ITEM], reader);
    }
}

static sb_status read_part(sb_aggregate_op *a)
{
    sb_exec *run = a->op.run;
    sb_spill_reader *reader = sb_partitions__reader(&a->parts, 0);

    SB_TRY(open_record(a));
    for (uint32_t n = 1; !sb_spill__at_end(reader); n++) {
        SB_TRY(take_record(a, reader));
        if (n % RECORDS_AT_ONCE != 0 && run->options->force_spill == 0) continue;
        if (n % (32 * RECORDS_AT_ONCE) == 0) SB_TRY(sb_exec__tick(run));
        const sb_held held = sb_aggregate__held(a);
        if (sb_spill__is_due(run, &held)) SB_TRY(sb_aggregate__relieve(a, &held));
    }
    return sb_aggregate__settle(a);
}

/* Values of one partition; those that do not fit are put aside once more. */
static sb_status settle_part(sb_aggregate_op *a, sb_aggregate_item *item)
{
    sb_exec *run = a->op.run;
    sb_spill_reader *reader = sb_partitions__reader(&item->aside, 0);

    sb_groups__clear(&item->seen);
    item->frozen = false;
    for (uint32_t n = 1; !sb_spill__at_end(reader); n++) {
        sb_arena_reset(a->record);
        SB_TRY(read_vals(a, reader, item->vals, item->plan->arg_count + 1u));
        SB_TRY(sb_aggregate__update(a, item, (uint32_t)item->vals[0].as.integer));
        if (n % RECORDS_AT_ONCE != 0 && run->options->force_spill == 0) continue;
        if (n % (32 * RECORDS_AT_ONCE) == 0) SB_TRY(sb_exec__tick(run));
        const sb_held held = sb_aggregate__held(a);
        if (!item->frozen && sb_partitions__divides(&item->aside) && sb_spill__is_due(run, &held))
            SB_TRY(sb_aggregate__freeze_item(item));
    }
    return SB_OK;
}

sb_status sb_aggregate__settle(sb_aggregate_op *a)
{
    bool more;

    for (uint32_t i = 0; a->grows && i < item_count(a); i++) {
        sb_aggregate_item *item = &a->items[i];
        if (!sb_partitions__any(&item->aside)) continue;
        SB_TRY(open_record(a));
        sb_aggregate__free_bits(a, item);
        for (;;) {
            SB_TRY(sb_partitions__next(&item->aside, &more));
            if (!more) break;
            SB_TRY(settle_part(a, item));
        }
        sb_groups__clear(&item->seen);
        item->frozen = false;
    }
    return SB_OK;
}

sb_status sb_aggregate__next_part(sb_aggregate_op *a, bool *more)
{
    *more = false;
    if (!sb_partitions__any(&a->parts)) return SB_OK;
    sb_aggregate__clear(a);
    a->frozen = a->evicted = false;
    SB_TRY(sb_partitions__next(&a->parts, more));
    return *more ? read_part(a) : SB_OK;
}
