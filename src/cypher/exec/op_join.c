/* op_join.c — HASH_JOIN: the inner side is kept, by its keys; rows of the input look theirs up. Within a sub-query that runs for each row it
 * is read in the first run alone.
 * When the inner side does not fit the memory, its rows and then those of the input are put aside by the hash of their keys, and each
 * partition is joined as the whole would have been. A partition that cannot be divided any more (its rows have equal keys) is joined in
 * pieces: as much of the inner side as fits, with all rows of the input, again and again; rows without a partner come last. */
#include "cypher/exec/op_priv.h"
#include "cypher/exec/partition.h"
#include "cypher/exec/table.h"

#define INNER 0u /* sides of the partitions */
#define INPUT 1u

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
    bool put_aside;     /* the inner side did not fit: what is kept is a part of it */
    const sb_batch *in; /* NULL: take the next */
    uint32_t at;        /* row of in */
    uint32_t match;     /* next partner of it; UINT32_MAX: none */
    bool looked;        /* match is set for row `at` */
    uint32_t rows[SB_BATCH_ROWS], partners[SB_BATCH_ROWS];
    /* rows put aside: */
    sb_partitions parts;
    sb_kept apart;      /* of the input: a batch; slots: what goes on of it */
    sb_kept apart_keys; /* their keys */
    sb_val *values;     /* one row of kept or apart */
    sb_arena *record;
    sb_batch apart_in;    /* for `in`: how many there are */
    uint64_t apart_first; /* number of the first of them in the partition */
    sb_spill_reader
        pieces; /* of the inner side, where it is joined in pieces; open: more of them come */
    bool in_pieces;
    bool last_piece; /* all of the inner side has been in memory */
    uint8_t *
        paired; /* a bit for each row of the partition's input: it has had a partner. Of outer joins in pieces */
    size_t paired_bytes;
} sb_join_op;

static uint32_t key_count(const sb_join_op *j)
{
    return j->op.plan->as.join.count;
}

static sb_status join_open(sb_operator *op)
{
    sb_join_op *j = (sb_join_op *)op;
    const sb_plan *plan = op->plan;
    const uint32_t count = plan->as.join.count;

    sb_buffer_init(&j->chains, op->run->alloc);
    sb_buffer_init(&j->next, op->run->alloc);
    sb_partitions__open(op, &j->parts);
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

static void forget_paired(sb_join_op *j)
{
    sb_free(j->op.run->alloc, j->paired, j->paired_bytes);
    j->paired = NULL;
    j->paired_bytes = 0;
}

static void forget_inner(sb_join_op *j)
{
    sb_kept__clear(&j->kept);
    sb_groups__clear(&j->groups);
    sb_exec__empty(j->op.run, &j->chains);
    sb_exec__empty(j->op.run, &j->next);
}

static void forget_parts(sb_join_op *j)
{
    sb_spill__read_close(&j->pieces);
    sb_partitions__clear(&j->parts);
    forget_paired(j);
    j->in_pieces = j->last_piece = false;
}

static void join_close(sb_operator *op)
{
    sb_join_op *j = (sb_join_op *)op;

    forget_parts(j);
    sb_kept__close(&j->kept);
    sb_kept__close(&j->apart);
    sb_kept__close(&j->apart_keys);
    sb_groups__close(&j->groups);
    sb_buffer_deinit(&j->chains);
    sb_buffer_deinit(&j->next);
    sb_arena_destroy(j->record);
}

/* An inner plan that runs again, for another row around it: the inner side does not know that row (order.c), and where nothing is written
 * in between it would give the same rows. What was put aside is used up. */
static bool may_keep(const sb_join_op *j)
{
    const sb_exec *run = j->op.run;

    return j->built && !run->fresh && j->op.plan->as.join.steady && !j->put_aside;
}

static void join_reset(sb_operator *op)
{
    sb_join_op *j = (sb_join_op *)op;

    j->in = NULL;
    if (may_keep(j)) return;
    forget_parts(j);
    forget_inner(j);
    sb_kept__clear(&j->apart);
    sb_kept__clear(&j->apart_keys);
    j->built = false;
}

static sb_status eval_keys(sb_join_op *j, sb_eval **evals, const sb_batch *in)
{
    for (uint32_t i = 0; i < key_count(j); i++)
        SB_TRY(sb_exec__eval(evals[i], in, &j->keys[i]));
    return SB_OK;
}

/* Is a key equal to itself? Null and NaN are not, so their rows have no partner. */
static bool is_joinable(sb_val v)
{
    return v.kind != SB_VAL_NULL && sb_val_equals(v, v) == SB_TRUE;
}

/* Keys of a row; false: it has no partner. */
static bool take_keys(sb_join_op *j, uint32_t row)
{
    bool joinable = true;

    for (uint32_t i = 0; i < key_count(j); i++) {
        j->row[i] = sb_vector_at(j->keys[i], row);
        j->op.run->func.work +=
            sb_val_work(j->row[i]); /* asked about by those who go through rows */
        joinable = joinable && is_joinable(j->row[i]);
    }
    return joinable;
}

static uint64_t hash_of(const sb_join_op *j)
{
    return sb_groups__hash(j->row, key_count(j));
}

static uint32_t *words_of(const sb_buffer *buffer)
{
    return (uint32_t *)(void *)buffer->data;
}

/* ---- The inner side ----------------------------------------------------------------------------------------------- */

/* Chain the row that was kept last to those of its keys. */
static sb_status chain_row(sb_join_op *j, uint64_t hash, uint32_t row)
{
    sb_exec *run = j->op.run;
    const uint32_t none = UINT32_MAX, pair[2] = {row, row};
    uint32_t group;
    bool made;

    if (sb_buffer_append(&j->next, &none, sizeof none) != SB_OK) return sb_exec__no_memory(run);
    SB_TRY(sb_groups__at(&j->groups, j->row, hash, &group, &made));
    if (made)
        return sb_buffer_append(&j->chains, pair, sizeof pair) == SB_OK ? SB_OK
                                                                        : sb_exec__no_memory(run);
    words_of(&j->next)[words_of(&j->chains)[2 * (size_t)group + 1]] = row;
    words_of(&j->chains)[2 * (size_t)group + 1] = row;
    return SB_OK;
}

static sb_held held_by(const sb_join_op *j)
{
    const size_t words = j->chains.capacity + j->next.capacity;

    return (sb_held){.bytes = sb_kept__bytes(&j->kept) + sb_groups__bytes(&j->groups) + words,
                     .growth = sb_kept__growth(&j->kept, SB_BATCH_ROWS) +
                               sb_groups__growth(&j->groups, SB_BATCH_ROWS) + words +
                               sb_partitions__growth(&j->parts),
                     .rows = j->kept.count};
}

static sb_status put_values(sb_spill_stream *stream, const sb_val *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(sb_spill__put(stream, values[i]));
    return SB_OK;
}

/* A row of the inner side, whose keys are in row, is put aside. */
static sb_status put_inner(sb_join_op *j, uint64_t hash, const sb_val *values)
{
    sb_spill_stream *stream = sb_partitions__stream(&j->parts, INNER, hash);

    SB_TRY(put_values(stream, j->row, key_count(j)));
    return put_values(stream, values, j->kept.width);
}

/* What is needed to read rows back. */
static sb_status open_parts(sb_join_op *j)
{
    sb_exec *run = j->op.run;
    const size_t most = (size_t)j->kept.width + j->op.plan->live_count + 1u;

    SB_TRY(sb_partitions__begin(&j->parts));
    if (j->record == NULL) j->record = sb_arena_create(run->alloc, NULL);
    if (j->values == NULL) j->values = sb_exec__alloc_zero(run, most, sizeof *j->values);
    return j->record != NULL && j->values != NULL ? SB_OK : sb_exec__no_memory(run);
}

/* All rows of the inner side that are in memory go to partitions, in their order within each key. */
static sb_status put_kept(sb_join_op *j)
{
    SB_TRY(open_parts(j));
    for (uint64_t group = 0; group < j->groups.keys.count; group++) {
        if (group % 1024 == 0) SB_TRY(sb_exec__tick(j->op.run));
        memcpy(j->row, sb_kept__row(&j->groups.keys, group), key_count(j) * sizeof *j->row);
        const uint64_t hash = hash_of(j);
        for (uint32_t at = words_of(&j->chains)[2 * (size_t)group]; at != UINT32_MAX;
             at = words_of(&j->next)[at])
            SB_TRY(put_inner(j, hash, sb_kept__row(&j->kept, at)));
    }
    forget_inner(j);
    return SB_OK;
}

/* The row that has been written behind the last is kept; its keys are in row. */
static sb_status keep_row(sb_join_op *j, uint64_t hash)
{
    j->kept.vals.size += j->kept.width * sizeof(sb_val);
    return chain_row(j, hash, (uint32_t)j->kept.count++);
}

static sb_status check_room(sb_join_op *j)
{
    if (j->kept.count < UINT32_MAX - 1) return SB_OK;
    return SB_FAIL(j->op.run->err, SB_LIMIT, "more than %u rows to be joined", UINT32_MAX - 1);
}

static sb_status build_row(sb_join_op *j, const sb_batch *inner, uint32_t row)
{
    const uint64_t hash = hash_of(j);
    sb_val *to;

    if (sb_partitions__is_writing(&j->parts)) {
        for (uint32_t c = 0; c < j->kept.width; c++)
            j->values[c] = sb_vector_at(inner->columns[j->kept.slots[c]], row);
        return put_inner(j, hash, j->values);
    }
    SB_TRY(check_room(j));
    SB_TRY(sb_kept__room(&j->kept, &to));
    for (uint32_t c = 0; c < j->kept.width; c++)
        SB_TRY(
            sb_kept__copy(&j->kept, sb_vector_at(inner->columns[j->kept.slots[c]], row), &to[c]));
    return keep_row(j, hash);
}

static sb_status put_when_due(sb_join_op *j)
{
    const sb_held held = held_by(j);

    return !sb_partitions__is_writing(&j->parts) && sb_spill__is_due(j->op.run, &held) ? put_kept(j)
                                                                                       : SB_OK;
}

static sb_status build_batch(sb_join_op *j, const sb_batch *inner)
{
    SB_TRY(eval_keys(j, j->inner_keys, inner));
    for (uint32_t i = 0; i < inner->row_count; i++) {
        if (!take_keys(j, i)) continue;
        SB_TRY(build_row(j, inner, i));
        if (j->op.run->options->force_spill != 0) SB_TRY(put_when_due(j));
    }
    return put_when_due(j);
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
    j->put_aside = sb_partitions__is_writing(&j->parts);
    return j->put_aside ? sb_partitions__flush(&j->parts, INNER) : SB_OK;
}

/* ---- Pairs --------------------------------------------------------------------------------------------------------- */

/* Partners of the row at hand. */
static void look_up(sb_join_op *j)
{
    j->looked = true;
    j->match = UINT32_MAX;
    if (j->in == &j->apart_in)
        memcpy(j->row, sb_kept__row(&j->apart_keys, j->at), key_count(j) * sizeof *j->row);
    else if (!take_keys(j, j->at))
        return;
    const uint32_t group = sb_groups__find(&j->groups, j->row, hash_of(j));
    if (group != SB_GROUP_NONE) j->match = words_of(&j->chains)[2 * (size_t)group];
}

/* The row at hand has no partner in memory: does it go on without one? */
static bool goes_alone(const sb_join_op *j)
{
    if (!j->op.plan->as.join.outer) return false;
    if (!j->in_pieces) return true;
    return j->last_piece && !sb_bit_get(j->paired, j->apart_first + j->at);
}

/* Pairs of rows, up to a batch. */
static sb_status pair_rows(sb_join_op *j, uint32_t *pairs)
{
    uint32_t count = 0;

    while (count < SB_BATCH_ROWS && j->at < j->in->row_count) {
        const bool first = !j->looked;
        SB_TRY(sb_func_work(&j->op.run->func, 0));
        if (first) look_up(j);
        if (j->match == UINT32_MAX) {
            if (first && goes_alone(j)) {
                j->rows[count] = j->at;
                j->partners[count++] = UINT32_MAX;
            }
            j->at++;
            j->looked = false;
            continue;
        }
        if (j->paired != NULL) sb_bit_set(j->paired, j->apart_first + j->at);
        j->rows[count] = j->at;
        j->partners[count++] = j->match;
        j->match = words_of(&j->next)[j->match];
    }
    *pairs = count;
    return SB_OK;
}

static void begin_pairs(sb_join_op *j, const sb_batch *in)
{
    j->in = in;
    j->at = 0;
    j->looked = false;
}

/* Pairs of the rows at hand; *batch NULL: they have had all of theirs. */
static sb_status emit_pairs(sb_join_op *j, const sb_batch **batch)
{
    *batch = NULL;
    if (j->in == NULL) return SB_OK;
    uint32_t count;
    SB_TRY(pair_rows(j, &count));
    if (count == 0) return SB_OK;
    if (j->in == &j->apart_in)
        SB_TRY(sb_kept__emit(&j->op, &j->apart, 0, j->rows, count));
    else
        SB_TRY(sb_exec__pass_rows(&j->op, j->in, j->rows, count));
    SB_TRY(sb_kept__emit(&j->op, &j->kept, 0, j->partners, count));
    *batch = &j->op.out;
    return SB_OK;
}

/* ---- Partitions ------------------------------------------------------------------------------------------------------ */

static bool is_bound(const sb_join_op *j, uint32_t slot)
{
    for (uint32_t i = 0; i < j->kept.width; i++)
        if (j->kept.slots[i] == slot) return true;
    return false;
}

/* Columns of the input that go on: known with its first batch. */
static sb_status open_apart(sb_join_op *j, const sb_batch *in)
{
    sb_exec *run = j->op.run;
    const sb_plan *plan = j->op.plan;

    if (j->apart.slots != NULL) return SB_OK;
    if (j->apart.run == NULL) SB_TRY(sb_kept__open(run, 0, &j->apart));
    if (j->apart_keys.run == NULL) SB_TRY(sb_kept__open(run, key_count(j), &j->apart_keys));
    uint32_t *slots = sb_exec__alloc_zero(run, plan->live_count + 1u, sizeof *slots);
    if (slots == NULL) return sb_exec__no_memory(run);
    for (uint32_t i = 0; i < plan->live_count; i++)
        if (in->columns[plan->live[i]] != NULL && !is_bound(j, plan->live[i]))
            slots[j->apart.width++] = plan->live[i];
    j->apart.slots = slots;
    return SB_OK;
}

static sb_status put_input(sb_join_op *j, const sb_val *values)
{
    sb_spill_stream *stream = sb_partitions__stream(&j->parts, INPUT, hash_of(j));

    SB_TRY(put_values(stream, j->row, key_count(j)));
    return put_values(stream, values, j->apart.width);
}

/* Rows of the input that can have a partner, or go on without one, join those of the inner side that are aside. */
static sb_status put_input_batch(sb_join_op *j, const sb_batch *in)
{
    SB_TRY(open_apart(j, in));
    SB_TRY(eval_keys(j, j->input_keys, in));
    for (uint32_t i = 0; i < in->row_count; i++) {
        if (!take_keys(j, i) && !j->op.plan->as.join.outer) continue;
        for (uint32_t c = 0; c < j->apart.width; c++)
            j->values[c] = sb_vector_at(in->columns[j->apart.slots[c]], i);
        SB_TRY(put_input(j, j->values));
    }
    return SB_OK;
}

/* All of the input, of which the first batch is at hand. */
static sb_status put_all_input(sb_join_op *j)
{
    const sb_batch *in = j->in;

    while (in != NULL) {
        if (in->row_count != 0) SB_TRY(put_input_batch(j, in));
        SB_TRY(sb_exec__pull(&j->op, &in));
    }
    j->in = NULL;
    return SB_OK;
}

static sb_status read_values(sb_join_op *j, sb_spill_reader *reader, sb_val *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(sb_spill__get(reader, j->record, &values[i]));
    return SB_OK;
}

/* The next rows of the partition's inner side, until they are all there or the memory is full. *full: it is. */
static sb_status read_inner(sb_join_op *j, sb_spill_reader *reader, bool *full)
{
    sb_val *to;

    *full = false;
    for (uint32_t n = 1; !*full && !sb_spill__at_end(reader); n++) {
        SB_TRY(check_room(j));
        sb_arena_reset(j->record);
        SB_TRY(read_values(j, reader, j->row, key_count(j)));
        SB_TRY(read_values(j, reader, j->values, j->kept.width));
        SB_TRY(sb_kept__room(&j->kept, &to));
        for (uint32_t c = 0; c < j->kept.width; c++)
            SB_TRY(sb_kept__copy(&j->kept, j->values[c], &to[c]));
        SB_TRY(keep_row(j, hash_of(j)));
        if (n % 32 != 0 && j->op.run->options->force_spill == 0) continue;
        if (n % 1024 == 0) SB_TRY(sb_exec__tick(j->op.run));
        const sb_held held = held_by(j);
        *full = sb_spill__is_due(j->op.run, &held);
    }
    return SB_OK;
}

/* The partition at hand is divided: what was read of it, and the rest, and its input. */
static sb_status divide(sb_join_op *j, sb_spill_reader *reader)
{
    SB_TRY(put_kept(j));
    while (!sb_spill__at_end(reader)) {
        sb_arena_reset(j->record);
        SB_TRY(read_values(j, reader, j->row, key_count(j)));
        SB_TRY(read_values(j, reader, j->values, j->kept.width));
        SB_TRY(put_inner(j, hash_of(j), j->values));
    }
    SB_TRY(sb_partitions__flush(&j->parts, INNER));
    reader = sb_partitions__reader(&j->parts, INPUT);
    while (!sb_spill__at_end(reader)) {
        sb_arena_reset(j->record);
        SB_TRY(read_values(j, reader, j->row, key_count(j)));
        SB_TRY(read_values(j, reader, j->values, j->apart.width));
        SB_TRY(put_input(j, j->values));
    }
    return SB_OK;
}

/* Bits for rows of the partition up to this one. */
static sb_status make_paired(sb_join_op *j, uint64_t row)
{
    const size_t bytes = (size_t)sb_pow2_ceil(row / 8 + 64);

    if (bytes <= j->paired_bytes) return SB_OK;
    uint8_t *grown = sb_resize(j->op.run->alloc, j->paired, j->paired_bytes, bytes);
    if (grown == NULL) return sb_exec__no_memory(j->op.run);
    memset(grown + j->paired_bytes, 0, bytes - j->paired_bytes);
    j->paired = grown;
    j->paired_bytes = bytes;
    return SB_OK;
}

/* The next piece of the inner side, in memory. */
static sb_status next_piece(sb_join_op *j)
{
    bool full;

    forget_inner(j);
    SB_TRY(read_inner(j, &j->pieces, &full));
    j->last_piece = sb_spill__at_end(&j->pieces);
    j->apart_first = 0;
    j->apart_in.row_count = 0;
    (void)sb_partitions__reader(&j->parts, INPUT);
    return SB_OK;
}

/* Begin with the partition that is at hand; *ready false: it has been divided, or can give nothing. */
static sb_status begin_part(sb_join_op *j, bool *ready)
{
    bool full;

    forget_inner(j);
    forget_paired(j);
    j->in_pieces = false;
    j->apart_first = 0;
    j->apart_in.row_count = 0;
    *ready = !sb_partitions__side_is_empty(&j->parts, INPUT) &&
             (j->op.plan->as.join.outer || !sb_partitions__side_is_empty(&j->parts, INNER));
    if (!*ready) return SB_OK;
    sb_spill_reader *reader = sb_partitions__reader(&j->parts, INNER);
    SB_TRY(read_inner(j, reader, &full));
    if (full && !sb_spill__at_end(reader)) {
        if (j->groups.keys.count > 1 && sb_partitions__divides(&j->parts)) {
            *ready = false;
            return divide(j, reader);
        }
        j->in_pieces = true;
        j->last_piece = false;
        j->pieces = *reader; /* and goes on later */
        *reader = (sb_spill_reader){.stream = NULL};
    }
    (void)sb_partitions__reader(&j->parts, INPUT);
    return SB_OK;
}

/* The next rows of the partition's input; none: there are no more of them, for this piece. */
static sb_status read_apart(sb_join_op *j)
{
    sb_spill_reader *reader = &j->parts.reader;
    sb_kept *kept = &j->apart, *keys = &j->apart_keys;
    sb_val *to, *to_keys;

    j->apart_first += j->apart_in.row_count;
    sb_kept__clear(kept);
    sb_kept__clear(keys);
    while (kept->count < SB_BATCH_ROWS && !sb_spill__at_end(reader)) {
        SB_TRY(sb_kept__room(kept, &to));
        SB_TRY(sb_kept__room(keys, &to_keys));
        for (uint32_t i = 0; i < key_count(j); i++)
            SB_TRY(sb_spill__get(reader, keys->arena, &to_keys[i]));
        for (uint32_t i = 0; i < kept->width; i++)
            SB_TRY(sb_spill__get(reader, kept->arena, &to[i]));
        kept->count++;
        keys->count++;
        kept->vals.size += kept->width * sizeof(sb_val);
        keys->vals.size += keys->width * sizeof(sb_val);
    }
    j->apart_in.row_count = (uint32_t)kept->count;
    if (j->in_pieces && j->op.plan->as.join.outer)
        SB_TRY(make_paired(j, j->apart_first + kept->count));
    begin_pairs(j, &j->apart_in);
    return SB_OK;
}

static sb_status next_apart(sb_join_op *j, const sb_batch **batch)
{
    bool more, ready;

    *batch = NULL;
    SB_TRY(sb_exec__begin_step(&j->op));
    for (;;) {
        if (j->in != NULL) {
            SB_TRY(emit_pairs(j, batch));
            if (*batch != NULL) return SB_OK;
            SB_TRY(read_apart(j));
            if (j->apart_in.row_count != 0) continue;
            j->in = NULL;
            if (j->in_pieces && !j->last_piece) {
                SB_TRY(next_piece(j));
                begin_pairs(j, &j->apart_in);
                continue;
            }
        }
        sb_spill__read_close(&j->pieces);
        SB_TRY(sb_partitions__next(&j->parts, &more));
        if (!more) return SB_OK;
        SB_TRY(begin_part(j, &ready));
        if (ready) begin_pairs(j, &j->apart_in);
    }
}

/* ---- Running ---------------------------------------------------------------------------------------------------------- */

/* Can nothing come, so that the input need not be read? */
static bool is_fruitless(const sb_join_op *j)
{
    const sb_plan *plan = j->op.plan;

    return j->built && j->kept.count == 0 && !plan->as.join.outer && !sb_plan_writes(plan->input);
}

/* The inner side is read after the first rows of the input have come: an update below has taken place by then. */
static sb_status join_next(sb_operator *op, const sb_batch **batch)
{
    sb_join_op *j = (sb_join_op *)op;

    if (sb_partitions__any(&j->parts)) return next_apart(j, batch);
    for (;;) {
        SB_TRY(emit_pairs(j, batch));
        if (*batch != NULL || is_fruitless(j)) return SB_OK;
        SB_TRY(sb_exec__pull(op, &j->in));
        if (j->in == NULL) return SB_OK;
        if (!j->built) SB_TRY(build(j));
        if (sb_partitions__is_writing(&j->parts)) {
            SB_TRY(put_all_input(j));
            return next_apart(j, batch);
        }
        SB_TRY(eval_keys(j, j->input_keys, j->in));
        begin_pairs(j, j->in);
    }
}

const sb_operator_ops sb_exec__hash_join = {.state_bytes = sizeof(sb_join_op),
                                            .open = join_open,
                                            .next = join_next,
                                            .reset = join_reset,
                                            .close = join_close};
