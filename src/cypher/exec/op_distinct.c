/* op_distinct.c — DISTINCT: rows whose values have not been there before.
 * Rows go on as they come. When the values that are known take too much memory no more are remembered: rows with others are put aside,
 * by the hash of their values, and each partition goes on, once the input has ended, as the input did. */
#include "cypher/exec/grouping.h"
#include "cypher/exec/op_priv.h"
#include "cypher/exec/partition.h"

typedef struct sb_distinct_op {
    sb_operator op;
    sb_grouping grouping;
    sb_partitions parts;
    bool frozen;        /* no more values are remembered */
    sb_kept rows_apart; /* rows read from a file; its slots: the values', then what else goes on */
    sb_val *values;     /* one row of it */
    sb_arena *record;
    uint32_t rows[SB_BATCH_ROWS];
} sb_distinct_op;

static sb_status distinct_open(sb_operator *op)
{
    sb_distinct_op *d = (sb_distinct_op *)op;
    const sb_plan *plan = op->plan;

    sb_partitions__open(op, &d->parts);
    SB_TRY(sb_exec__need_outs(op));
    return sb_grouping__open(op->run, plan->as.distinct.count, &d->grouping);
}

static void distinct_close(sb_operator *op)
{
    sb_distinct_op *d = (sb_distinct_op *)op;

    sb_grouping__close(&d->grouping);
    sb_partitions__clear(&d->parts);
    sb_kept__close(&d->rows_apart);
    sb_arena_destroy(d->record);
}

static void distinct_reset(sb_operator *op)
{
    sb_distinct_op *d = (sb_distinct_op *)op;

    sb_grouping__clear(&d->grouping);
    sb_partitions__clear(&d->parts);
    sb_kept__clear(&d->rows_apart);
    d->frozen = false;
}

/* ---- Putting aside ---- */

/* The columns of rows that are put aside: the values are the first of them. */
static sb_status open_apart(sb_distinct_op *d)
{
    sb_exec *run = d->op.run;
    const sb_plan *plan = d->op.plan;
    sb_kept *rows = &d->rows_apart;

    if (rows->slots != NULL) return SB_OK;
    if (rows->run == NULL) SB_TRY(sb_kept__open(run, 0, rows));
    uint32_t *slots = sb_exec__alloc_zero(
        run, (size_t)plan->live_count + plan->as.distinct.count + 1u, sizeof *slots);
    if (d->record == NULL) d->record = sb_arena_create(run->alloc, NULL);
    if (slots == NULL || d->record == NULL) return sb_exec__no_memory(run);
    for (uint32_t i = 0; i < plan->as.distinct.count; i++)
        slots[rows->width++] = plan->as.distinct.vars[i]->slot;
    for (uint32_t i = 0; i < plan->live_count; i++) {
        bool known = false;
        for (uint32_t k = 0; k < plan->as.distinct.count; k++)
            known = known || slots[k] == plan->live[i];
        if (!known) slots[rows->width++] = plan->live[i];
    }
    rows->slots = slots;
    rows->here = sb_exec__alloc_zero(run, rows->width + 1u, sizeof *rows->here);
    d->values = sb_exec__alloc_zero(run, rows->width + 1u, sizeof *d->values);
    return d->values != NULL && rows->here != NULL ? SB_OK : sb_exec__no_memory(run);
}

static sb_held held_by(const sb_distinct_op *d)
{
    return (sb_held){.bytes = sb_grouping__bytes(&d->grouping),
                     .growth = sb_grouping__growth(&d->grouping, SB_BATCH_ROWS) +
                               sb_partitions__growth(&d->parts),
                     .rows = d->grouping.groups.keys.count};
}

static sb_status freeze_when_due(sb_distinct_op *d)
{
    const sb_held held = held_by(d);

    if (d->frozen || !sb_spill__is_due(d->op.run, &held) || !sb_partitions__divides(&d->parts))
        return SB_OK;
    SB_TRY(open_apart(d));
    d->frozen = true;
    return sb_partitions__begin(&d->parts);
}

/* Is the row, whose values are in grouping.row, a new one? All its columns are in d->values if it has to be put aside. */
static sb_status is_new(sb_distinct_op *d, uint64_t hash, bool *fresh, bool *aside)
{
    uint32_t group;

    *fresh = *aside = false;
    if (d->frozen) {
        *aside = sb_grouping__find(&d->grouping, hash) == SB_GROUP_NONE;
        return SB_OK;
    }
    SB_TRY(sb_grouping__hash(&d->grouping));
    return sb_grouping__at(&d->grouping, hash, &group, fresh);
}

static sb_status put_values(sb_distinct_op *d, uint64_t hash)
{
    sb_spill_stream *stream = sb_partitions__stream(&d->parts, 0, hash);

    for (uint32_t i = 0; i < d->rows_apart.width; i++)
        SB_TRY(sb_spill__put(stream, d->values[i]));
    return SB_OK;
}

/* ---- The input ---- */

/* Row by row: values are frozen, or a test wants it. */
static sb_status take_rows(sb_distinct_op *d, const sb_batch *in, uint32_t *count)
{
    sb_grouping *g = &d->grouping;
    bool fresh, aside;

    for (uint32_t i = 0; i < in->row_count; i++) {
        for (uint32_t k = 0; k < g->key_count; k++)
            g->row[k] = sb_vector_at(g->keys[k], i);
        const uint64_t hash = sb_groups__hash(g->row, g->key_count);
        SB_TRY(is_new(d, hash, &fresh, &aside));
        if (fresh) d->rows[(*count)++] = i;
        if (aside) {
            for (uint32_t c = 0; c < d->rows_apart.width; c++)
                d->values[c] = sb_kept__value(&d->rows_apart, c, in, i);
            SB_TRY(put_values(d, hash));
        }
        if (d->op.run->options->force_spill != 0) SB_TRY(freeze_when_due(d));
    }
    return SB_OK;
}

static sb_status take_batch(sb_distinct_op *d, const sb_batch *in, uint32_t *count)
{
    const sb_plan *plan = d->op.plan;

    *count = 0;
    for (uint32_t i = 0; i < plan->as.distinct.count; i++)
        SB_TRY(sb_exec__column(d->op.run, in, plan->as.distinct.vars[i], &d->grouping.keys[i]));
    if (d->frozen || d->op.run->options->force_spill != 0) return take_rows(d, in, count);
    SB_TRY(sb_grouping__rows(&d->grouping, in->row_count));
    for (uint32_t i = 0; i < in->row_count; i++)
        if (d->grouping.made[i]) d->rows[(*count)++] = i;
    return freeze_when_due(d);
}

/* ---- Partitions ---- */

/* New rows of the partition at hand, up to a batch. */
static sb_status read_rows(sb_distinct_op *d)
{
    sb_kept *kept = &d->rows_apart;
    sb_spill_reader *reader = &d->parts.reader;
    bool fresh, aside;
    sb_val *to;

    sb_kept__clear(kept);
    while (kept->count < SB_BATCH_ROWS && !sb_spill__at_end(reader)) {
        sb_arena_reset(d->record);
        for (uint32_t i = 0; i < kept->width; i++)
            SB_TRY(sb_spill__get(reader, d->record, &d->values[i]));
        memcpy(d->grouping.row, d->values, d->grouping.key_count * sizeof(sb_val));
        const uint64_t hash = sb_groups__hash(d->grouping.row, d->grouping.key_count);
        SB_TRY(is_new(d, hash, &fresh, &aside));
        if (aside) SB_TRY(put_values(d, hash));
        if (!fresh) continue;
        SB_TRY(sb_kept__room(kept, &to));
        for (uint32_t i = 0; i < kept->width; i++)
            SB_TRY(sb_kept__copy(kept, d->values[i], &to[i]));
        kept->count++;
        kept->vals.size += kept->width * sizeof(sb_val);
        if (kept->count % 32 == 0 || d->op.run->options->force_spill != 0)
            SB_TRY(freeze_when_due(d));
    }
    return SB_OK;
}

static sb_status next_apart(sb_distinct_op *d, const sb_batch **batch)
{
    bool more;

    *batch = NULL;
    while (sb_partitions__any(&d->parts)) {
        if (d->parts.reader.stream != NULL && !sb_spill__at_end(&d->parts.reader)) {
            SB_TRY(read_rows(d));
            if (d->rows_apart.count == 0) continue;
            *batch = &d->op.out;
            return sb_kept__emit(&d->op, &d->rows_apart, 0, NULL, (uint32_t)d->rows_apart.count);
        }
        sb_grouping__clear(&d->grouping);
        d->frozen = false;
        SB_TRY(sb_partitions__next(&d->parts, &more));
        if (more) (void)sb_partitions__reader(&d->parts, 0);
    }
    return SB_OK;
}

static sb_status distinct_next(sb_operator *op, const sb_batch **batch)
{
    sb_distinct_op *d = (sb_distinct_op *)op;
    const sb_batch *in;
    uint32_t count;

    if (d->parts.open != NULL) return next_apart(d, batch);
    do {
        SB_TRY(sb_exec__pull(op, &in));
        *batch = in;
        if (in == NULL) return next_apart(d, batch);
        SB_TRY(take_batch(d, in, &count));
    } while (count == 0);
    if (count == in->row_count) return SB_OK;
    *batch = &op->out;
    return sb_exec__pass_rows(op, in, d->rows, count);
}

const sb_operator_ops sb_exec__distinct = {.state_bytes = sizeof(sb_distinct_op),
                                           .open = distinct_open,
                                           .next = distinct_next,
                                           .reset = distinct_reset,
                                           .close = distinct_close};
