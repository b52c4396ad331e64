/* op_sort.c — SORT, TOP and EAGER: rows are kept, brought into order by number, and handed on.
 * A single key of integers is sorted by radix; anything else by merging, which keeps rows with equal keys in their order. TOP keeps up to
 * twice the rows that are wanted and drops the worse half when it is full, so each row costs a comparison with the worst kept so far. */
#include "cypher/exec/op_priv.h"
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
    /* TOP */
    sb_eval *limit;
    uint64_t wanted;
    bool full;     /* worst is set: rows behind it are of no use */
    sb_kept worst; /* one row of keys */
    uint32_t rows[SB_BATCH_ROWS];
} sb_sort_op;

static sb_status sort_open(sb_operator *op)
{
    sb_sort_op *s = (sb_sort_op *)op;
    const sb_plan *plan = op->plan;
    const bool sorts = plan->kind != SB_PLAN_EAGER;
    const uint32_t keys = sorts ? plan->as.sort.count : 0;
    const sb_var **vars = sb_exec__alloc_zero(op->run, keys, sizeof(const sb_var *));

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
    s->drains = sb_exec__plan_writes(plan->input);
    SB_TRY(sb_kept__open(op->run, keys, &s->worst));
    return sb_exec__compile(op->run, plan->as.sort.limit, &s->limit);
}

static void sort_close(sb_operator *op)
{
    sb_sort_op *s = (sb_sort_op *)op;

    sb_kept__close(&s->kept);
    sb_kept__close(&s->worst);
    sb_buffer_deinit(&s->order);
    sb_buffer_deinit(&s->scratch);
}

static void sort_reset(sb_operator *op)
{
    sb_sort_op *s = (sb_sort_op *)op;

    sb_kept__clear(&s->kept);
    sb_kept__clear(&s->worst);
    s->next = s->count = 0;
    s->done = s->full = false;
}

/* ---- Order ---------------------------------------------------------------------------------------------------------- */

static sb_pair *pairs_of(const sb_buffer *buffer)
{
    return (sb_pair *)(void *)buffer->data;
}

static int compare_keys(const sb_sort_op *s, const sb_val *a, const sb_val *b)
{
    const sb_plan *plan = s->op.plan;

    for (uint32_t i = 0; i < plan->as.sort.count; i++) {
        const int order = sb_val_order(a[s->columns[i]], b[s->columns[i]]);
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

static void merge(const sb_sort_op *s, const sb_pair *from, sb_pair *to, uint64_t begin,
                  uint64_t middle, uint64_t end)
{
    uint64_t left = begin, right = middle;

    for (uint64_t at = begin; at < end; at++)
        to[at] = left < middle && (right >= end || !row_before(s, &from[right], &from[left]))
                     ? from[left++]
                     : from[right++];
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
            if (middle == end || !row_before(s, &from[middle], &from[middle - 1]))
                memcpy(to + begin, from + begin, (size_t)(end - begin) * sizeof *to);
            else
                merge(s, from, to, begin, middle, end);
        }
        sb_pair *swap = from;
        from = to;
        to = swap;
    }
    if (from != pairs_of(&s->order)) memcpy(to, from, (size_t)count * sizeof *to);
    return SB_OK;
}

/* One key of integers alone: their order as unsigned words. False: it is not so. */
static bool integer_keys(sb_sort_op *s, uint64_t count)
{
    const sb_plan *plan = s->op.plan;
    sb_pair *pairs = pairs_of(&s->order);

    if (plan->as.sort.count != 1) return false;
    const uint64_t turn = plan->as.sort.keys[0].descending ? UINT64_MAX : 0;
    for (uint64_t i = 0; i < count; i++) {
        const sb_val v = sb_kept__row(&s->kept, i)[s->columns[0]];
        if (v.kind != SB_VAL_INT) return false;
        pairs[i] = (sb_pair){.key = ((uint64_t)v.as.integer ^ 1ull << 63) ^ turn, .value = i};
    }
    return true;
}

static sb_status sort_kept(sb_sort_op *s)
{
    const uint64_t count = s->kept.count;
    size_t bytes;

    sb_buffer_reset(&s->order);
    sb_buffer_reset(&s->scratch);
    if (!sb_mul_size((size_t)count, sizeof(sb_pair), &bytes) ||
        sb_buffer_reserve(&s->order, bytes + 1) != SB_OK ||
        sb_buffer_reserve(&s->scratch, bytes + 1) != SB_OK)
        return sb_exec__no_memory(s->op.run);
    if (integer_keys(s, count)) {
        sb_pairs_sort(pairs_of(&s->order), pairs_of(&s->scratch), (size_t)count);
        return SB_OK;
    }
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

/* Numbers of rows are 32 bits wide when they are handed on. */
static sb_status append_rows(sb_sort_op *s, const sb_batch *in)
{
    if (s->kept.count + in->row_count >= UINT32_MAX)
        return SB_FAIL(s->op.run->err, SB_LIMIT, "more than %u rows to be sorted", UINT32_MAX);
    return sb_kept__append(&s->kept, in);
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
        s->count = s->kept.count;
        if (op->plan->kind == SB_PLAN_SORT) SB_TRY(sort_kept(s));
    }
    return emit_sorted(s, batch);
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
        const int order = sb_val_order(sb_vector_at(column, row), worst[i]);
        if (order != 0) return plan->as.sort.keys[i].descending ? order > 0 : order < 0;
    }
    return false; /* the earlier of equals stays */
}

static sb_status keep_row(sb_sort_op *s, const sb_batch *in, uint32_t row)
{
    sb_val *to;

    SB_TRY(sb_kept__room(&s->kept, &to));
    for (uint32_t c = 0; c < s->kept.width; c++) {
        const sb_vector *column = in->columns[s->kept.slots[c]];
        const sb_val v = column != NULL ? sb_vector_at(column, row) : SB_VAL_NULL_VALUE;
        SB_TRY(sb_kept__copy(&s->kept, v, &to[c]));
    }
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
    sb_status st = SB_OK;
    for (uint64_t i = 0; i < count && st == SB_OK; i++) {
        const sb_val *row = sb_kept__row(&s->kept, pairs_of(&s->order)[i].value);
        st = sb_kept__room(&kept, &to);
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

static sb_status top_batch(sb_sort_op *s, const sb_batch *in)
{
    /* Twice the rows wanted, and at least a batch, before the worse ones go. */
    const uint64_t most = s->wanted < SB_BATCH_ROWS ? s->wanted + SB_BATCH_ROWS : 2 * s->wanted;

    for (uint32_t i = 0; i < in->row_count; i++) {
        if (s->full && (is_clearly_worse(s, in, i) || !is_better(s, in, i))) continue;
        SB_TRY(keep_row(s, in, i));
        if (s->kept.count < most) continue;
        SB_TRY(drop_worse(s));
        SB_TRY(note_worst(s));
    }
    return SB_OK;
}

static sb_status read_top(sb_sort_op *s)
{
    const sb_batch *in;

    SB_TRY(sb_exec__begin_step(&s->op));
    SB_TRY(sb_exec__row_number(s->op.run, s->limit, "LIMIT", &s->wanted));
    if (s->wanted > UINT32_MAX / 2)
        s->wanted = UINT32_MAX / 2; /* no more rows are kept than that */
    s->done = true;
    if (s->wanted == 0 && !s->drains) return SB_OK;
    for (;;) {
        SB_TRY(sb_exec__pull(&s->op, &in));
        if (in == NULL) break;
        if (s->wanted != 0) SB_TRY(top_batch(s, in));
    }
    SB_TRY(sort_kept(s));
    s->count = s->kept.count < s->wanted ? s->kept.count : s->wanted;
    return SB_OK;
}

static sb_status top_next(sb_operator *op, const sb_batch **batch)
{
    sb_sort_op *s = (sb_sort_op *)op;

    if (!s->done) SB_TRY(read_top(s));
    return emit_sorted(s, batch);
}

const sb_operator_ops sb_exec__top = {.state_bytes = sizeof(sb_sort_op),
                                      .open = sort_open,
                                      .next = top_next,
                                      .reset = sort_reset,
                                      .close = sort_close};
