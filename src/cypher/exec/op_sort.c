/* op_sort.c — SORT, TOP and EAGER: rows are kept, brought into order by number, and handed on.
 * A single key of integers is sorted by radix; anything else by merging, which keeps rows with equal keys in their order. TOP keeps up to
 * twice the rows that are wanted and drops the worse half when it is full, so each row costs a comparison with the worst kept so far.
 * Rows that do not fit go to a temporary file: EAGER's as they come, those of SORT and TOP in sorted runs, which are merged through a
 * heap. Runs that are too many to be read at once are first merged to fewer, longer ones. */
#include "cypher/exec/op_priv.h"
#include "cypher/exec/spill.h"
#include "cypher/exec/table.h"

typedef struct sb_sort_op {
    sb_operator op;
    sb_kept kept;
    uint32_t *columns; /* of the keys in kept */
    sb_buffer order;   /* sb_pair: value is the row's number */
    sb_buffer scratch;
    uint64_t count; /* rows to hand on */
    uint64_t next;
    bool done, drains;
    /* rows in a file */
    sb_spill spill;
    struct sb_sorted_run *runs; /* in order of their first rows in the input */
    uint32_t run_count, run_capacity;
    uint32_t *heap; /* runs that have a row, the least first; NULL: nothing is merged */
    uint32_t heap_count, heap_capacity;
    /* TOP */
    sb_eval *skip, *limit; /* of TOP */
    uint64_t wanted;
    bool full;     /* worst is set: rows behind it are of no use */
    sb_kept worst; /* one row of keys */
    uint32_t rows[SB_BATCH_ROWS];
} sb_sort_op;

/* A part of the file in order, and its next row. */
typedef struct sb_sorted_run {
    sb_spill_stream stream;
    sb_spill_reader reader;
    sb_arena *arena; /* of row; NULL: not being read */
    sb_val *row;
} sb_sorted_run;

static sb_status sort_open(sb_operator *op)
{
    sb_sort_op *s = (sb_sort_op *)op;
    const sb_plan *plan = op->plan;
    const bool sorts = plan->kind != SB_PLAN_EAGER;
    const uint32_t keys = sorts ? plan->as.sort.count : 0;
    const sb_var **vars = sb_exec__alloc_zero(op->run, keys, sizeof(const sb_var *));

    sb_spill__open(op, &s->spill);
    sb_buffer_init(&s->order, op->run->alloc);
    sb_buffer_init(&s->scratch, op->run->alloc);
    SB_TRY(sb_exec__need_outs(op));
    s->columns = sb_exec__alloc_zero(op->run, keys, sizeof *s->columns);
    if (vars == NULL || s->columns == NULL) return sb_exec__no_memory(op->run);
    for (uint32_t i = 0; i < keys; i++)
        vars[i] = plan->as.sort.keys[i].var;
    SB_TRY(sb_kept__open_rows(op, vars, keys, &s->kept));
    for (uint32_t i = 0; i < keys; i++)
        s->columns[i] = sb_kept__column(&s->kept, vars[i]);
    if (plan->kind != SB_PLAN_TOP) return SB_OK;
    s->drains = sb_plan_writes(plan->input);
    SB_TRY(sb_kept__open(op->run, keys, &s->worst));
    SB_TRY(sb_exec__compile_maybe(op->run, plan->as.sort.skip, &s->skip));
    return sb_exec__compile(op->run, plan->as.sort.limit, &s->limit);
}

static void stop_reading(sb_sorted_run *r)
{
    sb_spill__read_close(&r->reader);
    sb_arena_destroy(r->arena);
    r->arena = NULL;
}

static void free_heap(sb_sort_op *s)
{
    sb_free(s->op.run->alloc, s->heap, s->heap_capacity * sizeof *s->heap);
    s->heap = NULL;
    s->heap_count = s->heap_capacity = 0;
}

static void forget_runs(sb_sort_op *s)
{
    for (uint32_t i = 0; i < s->run_count; i++) {
        stop_reading(&s->runs[i]);
        sb_spill__stream_close(&s->runs[i].stream);
    }
    sb_free(s->op.run->alloc, s->runs, s->run_capacity * sizeof *s->runs);
    s->runs = NULL;
    s->run_count = s->run_capacity = 0;
    free_heap(s);
    sb_spill__close(&s->spill);
}

static void sort_close(sb_operator *op)
{
    sb_sort_op *s = (sb_sort_op *)op;

    forget_runs(s);
    sb_kept__close(&s->kept);
    sb_kept__close(&s->worst);
    sb_buffer_deinit(&s->order);
    sb_buffer_deinit(&s->scratch);
}

static void sort_reset(sb_operator *op)
{
    sb_sort_op *s = (sb_sort_op *)op;

    forget_runs(s);
    sb_kept__clear(&s->kept);
    sb_kept__clear(&s->worst);
    sb_exec__empty(s->op.run, &s->order);
    sb_exec__empty(s->op.run, &s->scratch);
    s->next = s->count = 0;
    s->done = s->full = false;
}

/* ---- Order ---------------------------------------------------------------------------------------------------------- */

static sb_pair *pairs_of(const sb_buffer *buffer)
{
    return (sb_pair *)(void *)buffer->data;
}

/* Bytes that comparing two values may go through. */
static uint64_t shorter(sb_val a, sb_val b)
{
    const uint64_t left = sb_val_work(a), right = left == 0 ? 0 : sb_val_work(b);

    return left < right ? left : right;
}

static int compare_keys(const sb_sort_op *s, const sb_val *a, const sb_val *b)
{
    const sb_plan *plan = s->op.plan;

    for (uint32_t i = 0; i < plan->as.sort.count; i++) {
        const sb_val left = a[s->columns[i]], right = b[s->columns[i]];
        /* counted here, asked about where rows are gone through */
        s->op.run->func.work += shorter(left, right);
        const int order = sb_val_order(left, right);
        if (order != 0) return plan->as.sort.keys[i].descending ? -order : order;
    }
    return 0;
}

static bool row_before(const sb_sort_op *s, const sb_pair *a, const sb_pair *b)
{
    const int order =
        compare_keys(s, sb_kept__row(&s->kept, a->value), sb_kept__row(&s->kept, b->value));

    return order != 0 ? order < 0 : a->value < b->value;
}

/* Rows merged, and keys moved, between two looks at cancel and time limit. */
#define TICK_ROWS 4096u
#define TICK_KEYS 131072u
/* Keys that are sorted at once: a few milliseconds. */
#define STEP_KEYS 524288u

static sb_status merge(const sb_sort_op *s, const sb_pair *from, sb_pair *to, uint64_t begin,
                       uint64_t middle, uint64_t end)
{
    uint64_t left = begin, right = middle;

    for (uint64_t at = begin; at < end; at++) {
        if (at % TICK_ROWS == 0) SB_TRY(sb_exec__tick(s->op.run));
        SB_TRY(sb_func_work(&s->op.run->func, 0));
        to[at] = left < middle && (right >= end || !row_before(s, &from[right], &from[left]))
                     ? from[left++]
                     : from[right++];
    }
    return SB_OK;
}

/* Bottom up; runs that are in order already are copied as they are. */
static sb_status merge_sort(sb_sort_op *s, uint64_t count)
{
    sb_pair *from = pairs_of(&s->order), *to = pairs_of(&s->scratch);

    for (uint64_t width = 1; width < count; width *= 2) {
        SB_TRY(sb_exec__tick(s->op.run));
        for (uint64_t begin = 0; begin < count; begin += 2 * width) {
            const uint64_t middle = begin + width < count ? begin + width : count;
            const uint64_t end = begin + 2 * width < count ? begin + 2 * width : count;
            SB_TRY(sb_func_work(&s->op.run->func, 0));
            if (middle == end || !row_before(s, &from[middle], &from[middle - 1]))
                memcpy(to + begin, from + begin, (size_t)(end - begin) * sizeof *to);
            else
                SB_TRY(merge(s, from, to, begin, middle, end));
        }
        sb_pair *swap = from;
        from = to;
        to = swap;
    }
    if (from != pairs_of(&s->order)) memcpy(to, from, (size_t)count * sizeof *to);
    return SB_OK;
}

/* One key of integers alone: their order as unsigned words. *are false: it is not so. */
static sb_status integer_keys(sb_sort_op *s, uint64_t count, bool *are)
{
    const sb_plan *plan = s->op.plan;
    sb_pair *pairs = pairs_of(&s->order);

    *are = false;
    if (plan->as.sort.count != 1) return SB_OK;
    const uint64_t turn = plan->as.sort.keys[0].descending ? UINT64_MAX : 0;
    for (uint64_t i = 0; i < count; i++) {
        if (i % TICK_KEYS == 0) SB_TRY(sb_exec__tick(s->op.run));
        const sb_val v = sb_kept__row(&s->kept, i)[s->columns[0]];
        if (v.kind != SB_VAL_INT) return SB_OK;
        pairs[i] = (sb_pair){.key = ((uint64_t)v.as.integer ^ 1ull << 63) ^ turn, .value = i};
    }
    *are = true;
    return SB_OK;
}

/* Pairs in order of their values, by key: radix sort in steps. What is too much for one step is divided by
 * the highest bits in which keys differ, so that each part has fewer of them: eight times at most. */
static sb_status sort_pairs(const sb_sort_op *s, sb_pair *pairs, sb_pair *scratch, uint64_t count)
{
    enum { BITS = 8, PARTS = 1 << BITS };
    uint64_t starts[PARTS + 1] = {0}, at[PARTS], any = 0, all = UINT64_MAX;

    SB_TRY(sb_exec__tick(s->op.run));
    if (count <= STEP_KEYS) {
        sb_pairs_sort(pairs, scratch, (size_t)count);
        return SB_OK;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (i % TICK_KEYS == 0) SB_TRY(sb_exec__tick(s->op.run));
        any |= pairs[i].key;
        all &= pairs[i].key;
    }
    if (any == all) return SB_OK;
    const unsigned top = 64 - sb_clz64(any & ~all), shift = top > BITS ? top - BITS : 0;
    for (uint64_t i = 0; i < count; i++) {
        if (i % TICK_KEYS == 0) SB_TRY(sb_exec__tick(s->op.run));
        starts[(pairs[i].key >> shift & (PARTS - 1)) + 1]++;
    }
    for (unsigned part = 0; part < PARTS; part++) {
        starts[part + 1] += starts[part];
        at[part] = starts[part];
    }
    for (uint64_t i = 0; i < count; i++) {
        if (i % TICK_KEYS == 0) SB_TRY(sb_exec__tick(s->op.run));
        scratch[at[pairs[i].key >> shift & (PARTS - 1)]++] = pairs[i];
    }
    for (unsigned part = 0; part < PARTS; part++) {
        const uint64_t first = starts[part], rows = starts[part + 1] - first;
        memcpy(pairs + first, scratch + first, (size_t)rows * sizeof *pairs);
        SB_TRY(sort_pairs(s, pairs + first, scratch + first, rows));
    }
    return SB_OK;
}

static sb_status sort_kept(sb_sort_op *s)
{
    const uint64_t count = s->kept.count;
    bool integers;
    size_t bytes;

    sb_buffer_reset(&s->order);
    sb_buffer_reset(&s->scratch);
    if (!sb_mul_size((size_t)count, sizeof(sb_pair), &bytes) ||
        sb_buffer_reserve(&s->order, bytes + 1) != SB_OK ||
        sb_buffer_reserve(&s->scratch, bytes + 1) != SB_OK)
        return sb_exec__no_memory(s->op.run);
    SB_TRY(integer_keys(s, count, &integers));
    if (integers) return sort_pairs(s, pairs_of(&s->order), pairs_of(&s->scratch), count);
    for (uint64_t i = 0; i < count; i++)
        pairs_of(&s->order)[i] = (sb_pair){.key = 0, .value = i};
    return merge_sort(s, count);
}

/* ---- Handing on ------------------------------------------------------------------------------------------------------- */

static sb_status emit_sorted(sb_sort_op *s, const sb_batch **batch)
{
    const uint64_t left = s->count - s->next;
    const uint32_t count = left < SB_BATCH_ROWS ? (uint32_t)left : SB_BATCH_ROWS;

    *batch = NULL;
    if (count == 0) return SB_OK;
    if (s->op.plan->kind == SB_PLAN_EAGER) {
        SB_TRY(sb_kept__emit(&s->op, &s->kept, s->next, NULL, count));
    } else {
        for (uint32_t i = 0; i < count; i++)
            s->rows[i] = (uint32_t)pairs_of(&s->order)[s->next + i].value;
        SB_TRY(sb_kept__emit(&s->op, &s->kept, 0, s->rows, count));
    }
    s->next += count;
    *batch = &s->op.out;
    return SB_OK;
}

/* ---- Rows in a file --------------------------------------------------------------------------------------------------- */

static bool in_order(const sb_sort_op *s)
{
    return s->op.plan->kind != SB_PLAN_EAGER;
}

static sb_status add_run(sb_sort_op *s)
{
    sb_exec *run = s->op.run;

    if (s->run_count == s->run_capacity) {
        const uint32_t grown = s->run_capacity == 0 ? 16 : 2 * s->run_capacity;
        sb_sorted_run *runs =
            sb_resize(run->alloc, s->runs, s->run_capacity * sizeof *runs, grown * sizeof *runs);
        if (runs == NULL) return sb_exec__no_memory(run);
        s->runs = runs;
        s->run_capacity = grown;
    }
    s->runs[s->run_count] = (sb_sorted_run){.arena = NULL};
    sb_spill__stream_open(&s->spill, &s->runs[s->run_count++].stream);
    return SB_OK;
}

static sb_status put_row(const sb_sort_op *s, sb_spill_stream *stream, const sb_val *row)
{
    for (uint32_t c = 0; c < s->kept.width; c++)
        SB_TRY(sb_spill__put(stream, row[c]));
    return SB_OK;
}

/* All rows kept so far become a run of the file; EAGER's lie all in one. Of TOP's the first that are wanted do. */
static sb_status spill_kept(sb_sort_op *s)
{
    uint64_t count = s->kept.count;

    if (count == 0) return SB_OK;
    if (in_order(s)) SB_TRY(sort_kept(s));
    if (s->op.plan->kind == SB_PLAN_TOP && count > s->wanted) count = s->wanted;
    if (in_order(s) || s->run_count == 0) SB_TRY(add_run(s));
    sb_spill_stream *stream = &s->runs[s->run_count - 1].stream;
    for (uint64_t i = 0; i < count; i++) {
        if (i % 4096 == 0) SB_TRY(sb_exec__tick(s->op.run));
        SB_TRY(put_row(s, stream,
                       sb_kept__row(&s->kept, in_order(s) ? pairs_of(&s->order)[i].value : i)));
    }
    SB_TRY(sb_spill__flush(stream));
    sb_kept__clear(&s->kept);
    sb_buffer_deinit(&s->order);
    sb_buffer_deinit(&s->scratch);
    return SB_OK;
}

/* The next row of a run; *more false: it has none, and is not read any more. */
static sb_status read_row(sb_sort_op *s, sb_sorted_run *r, bool *more)
{
    *more = !sb_spill__at_end(&r->reader);
    if (!*more) {
        stop_reading(r);
        return SB_OK;
    }
    sb_arena_reset(r->arena);
    r->row = sb_arena_alloc_array(r->arena, s->kept.width, sizeof *r->row);
    if (r->row == NULL) return sb_exec__no_memory(s->op.run);
    for (uint32_t c = 0; c < s->kept.width; c++)
        SB_TRY(sb_spill__get(&r->reader, r->arena, &r->row[c]));
    return SB_OK;
}

/* Rows of equal keys come in the order of their runs, and EAGER's runs one after the other. */
static bool run_before(const sb_sort_op *s, uint32_t a, uint32_t b)
{
    const int order = in_order(s) ? compare_keys(s, s->runs[a].row, s->runs[b].row) : 0;

    return order != 0 ? order < 0 : a < b;
}

static void sift_down(sb_sort_op *s, uint32_t at)
{
    for (;;) {
        uint32_t least = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < s->heap_count; child++)
            if (run_before(s, s->heap[child], s->heap[least])) least = child;
        if (least == at) return;
        const uint32_t swap = s->heap[at];
        s->heap[at] = s->heap[least];
        s->heap[least] = swap;
        at = least;
    }
}

/* The heap of `count` runs from first on, with a row each. */
static sb_status open_heap(sb_sort_op *s, uint32_t first, uint32_t count)
{
    sb_exec *run = s->op.run;
    bool more;

    free_heap(s);
    s->heap = sb_alloc_array(run->alloc, count, sizeof *s->heap);
    if (s->heap == NULL) return sb_exec__no_memory(run);
    s->heap_capacity = count;
    for (uint32_t i = first; i < first + count; i++) {
        sb_sorted_run *r = &s->runs[i];
        sb_spill__read(&r->stream, &r->reader);
        r->arena = sb_arena_create(run->alloc, NULL);
        if (r->arena == NULL) return sb_exec__no_memory(run);
        SB_TRY(read_row(s, r, &more));
        if (more) s->heap[s->heap_count++] = i;
    }
    for (uint32_t i = s->heap_count; i-- > 0;)
        sift_down(s, i);
    return SB_OK;
}

/* The least row has been taken: on to the next. */
static sb_status pop_row(sb_sort_op *s)
{
    bool more;

    SB_TRY(read_row(s, &s->runs[s->heap[0]], &more));
    if (!more) s->heap[0] = s->heap[--s->heap_count];
    sift_down(s, 0);
    return SB_OK;
}

/* Runs that are read at once: what is read of them takes a quarter of the budget. */
#define RUNS_MIN 4u
#define RUNS_MAX 128u
#define ROW_ROOM 4096u /* for the row of each */

static uint32_t runs_at_once(const sb_exec *run)
{
    const size_t count = run->budget.limit / 4 / (sb_spill__piece_bytes(run) + ROW_ROOM);

    if (run->options->force_spill != 0 || (run->budget.limit != 0 && count < RUNS_MIN))
        return RUNS_MIN;
    return run->budget.limit == 0 || count > RUNS_MAX ? RUNS_MAX : (uint32_t)count;
}

/* Runs from first on become one, at the end of the array. */
static sb_status merge_runs(sb_sort_op *s, uint32_t first, uint32_t count)
{
    SB_TRY(add_run(s));
    const uint32_t made = s->run_count - 1;
    SB_TRY(open_heap(s, first, count));
    for (uint64_t rows = 0; s->heap_count != 0; rows++) {
        if (s->op.plan->kind == SB_PLAN_TOP && rows == s->wanted) break;
        if (rows % 1024 == 0) SB_TRY(sb_exec__tick(s->op.run));
        SB_TRY(put_row(s, &s->runs[made].stream, s->runs[s->heap[0]].row));
        SB_TRY(pop_row(s));
    }
    for (uint32_t i = first; i < first + count; i++)
        stop_reading(&s->runs[i]);
    return sb_spill__flush(&s->runs[made].stream);
}

/* One pass over the runs: neighbors are merged, so that rows with equal keys stay in order. */
static sb_status merge_pass(sb_sort_op *s, uint32_t at_once)
{
    const uint32_t before = s->run_count;

    for (uint32_t first = 0; first < before; first += at_once)
        SB_TRY(merge_runs(s, first, before - first < at_once ? before - first : at_once));
    for (uint32_t i = 0; i < before; i++)
        sb_spill__stream_close(&s->runs[i].stream);
    s->run_count -= before;
    memmove(s->runs, s->runs + before, s->run_count * sizeof *s->runs);
    return SB_OK;
}

static sb_status begin_merge(sb_sort_op *s)
{
    const uint32_t at_once = runs_at_once(s->op.run);

    SB_TRY(spill_kept(s));
    while (s->run_count > at_once)
        SB_TRY(merge_pass(s, at_once));
    return open_heap(s, 0, s->run_count);
}

static sb_status emit_merged(sb_sort_op *s, const sb_batch **batch)
{
    const uint64_t most = s->op.plan->kind == SB_PLAN_TOP ? s->wanted - s->next : UINT64_MAX;
    sb_val *to;

    *batch = NULL;
    sb_kept__clear(&s->kept);
    while (s->heap_count != 0 && s->kept.count < SB_BATCH_ROWS && s->kept.count < most) {
        const sb_sorted_run *r = &s->runs[s->heap[0]];
        SB_TRY(sb_kept__room(&s->kept, &to));
        for (uint32_t c = 0; c < s->kept.width; c++)
            SB_TRY(sb_kept__copy(&s->kept, r->row[c], &to[c]));
        s->kept.count++;
        s->kept.vals.size = (size_t)s->kept.count * s->kept.width * sizeof(sb_val);
        SB_TRY(pop_row(s));
    }
    if (s->kept.count == 0) return SB_OK;
    s->next += s->kept.count;
    *batch = &s->op.out;
    return sb_kept__emit(&s->op, &s->kept, 0, NULL, (uint32_t)s->kept.count);
}

/* What sorting the rows will take counts as held. */
static sb_status spill_when_due(sb_sort_op *s)
{
    const uint64_t rows = s->kept.count;
    if (s->kept.width == 0)
        return SB_OK; /* a count of rows needs no room, and leaves no trace in a file */
    const size_t sorting = in_order(s) ? 2 * sizeof(sb_pair) : 0;
    sb_held held = {.bytes = sb_kept__bytes(&s->kept),
                    .growth = sb_kept__growth(&s->kept, SB_BATCH_ROWS),
                    .rows = rows};

    /* Buffers grow by doubling. */
    if (sorting != 0) held.bytes += (size_t)sb_pow2_ceil(rows * sorting + 1);
    return sb_spill__is_due(s->op.run, &held) ? spill_kept(s) : SB_OK;
}

/* Numbers of rows are 32 bits wide when they are handed on. */
static sb_status append_rows(sb_sort_op *s, const sb_batch *in)
{
    if (s->kept.count + in->row_count >= UINT32_MAX)
        return SB_FAIL(s->op.run->err, SB_LIMIT, "more than %u rows to be sorted", UINT32_MAX);
    SB_TRY(sb_kept__append(&s->kept, in));
    return spill_when_due(s);
}

static sb_status sort_next(sb_operator *op, const sb_batch **batch)
{
    sb_sort_op *s = (sb_sort_op *)op;
    const sb_batch *in;

    while (!s->done) {
        SB_TRY(sb_exec__pull(op, &in));
        if (in != NULL) {
            SB_TRY(append_rows(s, in));
            continue;
        }
        s->done = true;
        if (s->run_count != 0) SB_TRY(begin_merge(s));
        s->count = s->kept.count;
        if (s->run_count == 0 && op->plan->kind == SB_PLAN_SORT) SB_TRY(sort_kept(s));
    }
    return s->heap != NULL ? emit_merged(s, batch) : emit_sorted(s, batch);
}

const sb_operator_ops sb_exec__sort = {.state_bytes = sizeof(sb_sort_op),
                                       .open = sort_open,
                                       .next = sort_next,
                                       .reset = sort_reset,
                                       .close = sort_close};

/* ---- TOP -------------------------------------------------------------------------------------------------------------------- */

/* The first key of a row is an integer, and tells that the row is worse. */
static bool is_clearly_worse(const sb_sort_op *s, const sb_batch *in, uint32_t row)
{
    const sb_plan *plan = s->op.plan;
    const sb_vector *column = in->columns[plan->as.sort.keys[0].var->slot];
    const sb_val *worst = sb_kept__row(&s->worst, 0);

    if (column->kind != SB_VECTOR_INT || column->constant || column->nulls != NULL ||
        worst->kind != SB_VAL_INT)
        return false;
    return plan->as.sort.keys[0].descending ? column->as.integers[row] < worst->as.integer
                                            : column->as.integers[row] > worst->as.integer;
}

/* Is a row of the input, whose keys are these columns, before the worst one kept? */
static bool is_better(const sb_sort_op *s, const sb_batch *in, uint32_t row)
{
    const sb_plan *plan = s->op.plan;
    const sb_val *worst = sb_kept__row(&s->worst, 0);

    for (uint32_t i = 0; i < plan->as.sort.count; i++) {
        const sb_vector *column = in->columns[plan->as.sort.keys[i].var->slot];
        const sb_val v = sb_vector_at(column, row);
        s->op.run->func.work += shorter(v, worst[i]);
        const int order = sb_val_order(v, worst[i]);
        if (order != 0) return plan->as.sort.keys[i].descending ? order > 0 : order < 0;
    }
    return false; /* the earlier of equals stays */
}

static sb_status keep_row(sb_sort_op *s, const sb_batch *in, uint32_t row)
{
    sb_val *to;

    SB_TRY(sb_kept__room(&s->kept, &to));
    for (uint32_t c = 0; c < s->kept.width; c++)
        SB_TRY(sb_kept__copy(&s->kept, sb_kept__value(&s->kept, c, in, row), &to[c]));
    s->kept.count++;
    s->kept.vals.size = (size_t)s->kept.count * s->kept.width * sizeof(sb_val);
    return SB_OK;
}

/* Only the best `wanted` rows stay, in order; what they point at moves to a new arena, so that dropped rows take no memory. */
static sb_status drop_worse(sb_sort_op *s)
{
    sb_kept kept;
    sb_val *to;

    SB_TRY(sort_kept(s));
    const uint64_t count = s->kept.count < s->wanted ? s->kept.count : s->wanted;
    SB_TRY(sb_kept__open(s->op.run, s->kept.width, &kept));
    kept.slots = s->kept.slots;
    kept.here = s->kept.here;
    sb_status st = SB_OK;
    for (uint64_t i = 0; i < count && st == SB_OK; i++) {
        const sb_val *row = sb_kept__row(&s->kept, pairs_of(&s->order)[i].value);
        if (i % 4096 == 4095) st = sb_exec__tick(s->op.run);
        if (st == SB_OK) st = sb_kept__room(&kept, &to);
        for (uint32_t c = 0; c < kept.width && st == SB_OK; c++)
            st = sb_kept__copy(&kept, row[c], &to[c]);
        kept.count++;
        kept.vals.size = (size_t)kept.count * kept.width * sizeof(sb_val);
    }
    if (st != SB_OK) {
        sb_kept__close(&kept);
        return st;
    }
    sb_kept__close(&s->kept);
    s->kept = kept;
    return SB_OK;
}

static sb_status note_worst(sb_sort_op *s)
{
    const sb_plan *plan = s->op.plan;
    sb_val *to;

    s->full = s->kept.count >= s->wanted;
    if (!s->full) return SB_OK;
    sb_kept__clear(&s->worst);
    SB_TRY(sb_kept__room(&s->worst, &to));
    const sb_val *last = sb_kept__row(&s->kept, s->kept.count - 1);
    for (uint32_t i = 0; i < plan->as.sort.count; i++)
        SB_TRY(sb_kept__copy(&s->worst, last[s->columns[i]], &to[i]));
    return SB_OK;
}

/* Dropping rows takes a fixed time besides: about that of comparing so many. */
#define SLACK_MIN 64u
/* Twice as many are kept, and rows have numbers of 32 bits: of more, none is dropped before all are sorted. */
#define DROPPING_MOST (UINT32_MAX / 2)

static sb_status top_batch(sb_sort_op *s, const sb_batch *in)
{
    /* Twice the rows wanted, or a few more, before the worse ones go: the sooner it is known which the worst is, the fewer are kept and sorted. */
    const uint64_t most = s->wanted < SLACK_MIN ? s->wanted + SLACK_MIN : 2 * s->wanted;

    for (uint32_t i = 0; i < in->row_count; i++) {
        SB_TRY(sb_func_work(&s->op.run->func, 0));
        if (s->full && (is_clearly_worse(s, in, i) || !is_better(s, in, i))) continue;
        SB_TRY(keep_row(s, in, i));
        if (s->kept.count < most) continue;
        SB_TRY(drop_worse(s));
        SB_TRY(note_worst(s));
    }
    return spill_when_due(s);
}

static sb_status read_top(sb_sort_op *s)
{
    const sb_batch *in;

    SB_TRY(sb_exec__begin_step(&s->op));
    uint64_t skipped = 0;
    if (s->skip != NULL) SB_TRY(sb_exec__row_number(s->op.run, s->skip, "SKIP", &skipped));
    SB_TRY(sb_exec__row_number(s->op.run, s->limit, "LIMIT", &s->wanted));
    s->wanted += skipped; /* below 2^64: neither is more than an INTEGER */
    s->done = true;
    if (s->wanted == 0 && !s->drains) return SB_OK;
    for (;;) {
        SB_TRY(sb_exec__pull(&s->op, &in));
        if (in == NULL) break;
        if (s->wanted > DROPPING_MOST)
            SB_TRY(append_rows(s, in));
        else if (s->wanted != 0)
            SB_TRY(top_batch(s, in));
    }
    if (s->run_count != 0) return begin_merge(s);
    SB_TRY(sort_kept(s));
    s->count = s->kept.count < s->wanted ? s->kept.count : s->wanted;
    return SB_OK;
}

static sb_status top_next(sb_operator *op, const sb_batch **batch)
{
    sb_sort_op *s = (sb_sort_op *)op;

    if (!s->done) SB_TRY(read_top(s));
    return s->heap != NULL ? emit_merged(s, batch) : emit_sorted(s, batch);
}

const sb_operator_ops sb_exec__top = {.state_bytes = sizeof(sb_sort_op),
                                      .open = sort_open,
                                      .next = top_next,
                                      .reset = sort_reset,
                                      .close = sort_close};
