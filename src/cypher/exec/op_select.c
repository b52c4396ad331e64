/* op_select.c — a path selector over a pattern of several parts: of all its paths between two nodes the first, or the shortest ones.
 * All rows of the input are read and kept, and gone through by length; the order in which they came decides between equals. */
#include "cypher/exec/op_priv.h"
#include "cypher/exec/table.h"

/* What was taken of the paths between two nodes. */
typedef struct sb_selected {
    uint64_t taken, lengths, last; /* paths, different lengths, the length of the last */
} sb_selected;

typedef struct sb_select_op {
    sb_operator op;
    sb_kept kept;
    sb_groups groups;  /* by both ends */
    sb_buffer lengths; /* sb_pair: length, row; as much again behind for sorting */
    sb_buffer states;  /* sb_selected of each group */
    sb_buffer rows;    /* uint32_t: those that are handed on */
    uint32_t at;
    bool read;
} sb_select_op;

static sb_status select_open(sb_operator *op)
{
    sb_select_op *s = (sb_select_op *)op;
    const sb_plan *plan = op->plan;
    const uint32_t count = plan->as.select.part_count;
    const sb_var **all = sb_exec__alloc_zero(op->run, count + 2, sizeof(const sb_var *));

    sb_buffer_init(&s->lengths, op->run->alloc);
    sb_buffer_init(&s->states, op->run->alloc);
    sb_buffer_init(&s->rows, op->run->alloc);
    if (all == NULL) return sb_exec__no_memory(op->run);
    for (uint32_t i = 0; i < count; i++)
        all[i] = plan->as.select.parts[i];
    all[count] = plan->as.select.from;
    all[count + 1] = plan->as.select.to;
    SB_TRY(sb_exec__need_outs(op));
    SB_TRY(sb_groups__open(op->run, 2, &s->groups));
    return sb_kept__open_rows(op, all, count + 2, &s->kept);
}

static void select_close(sb_operator *op)
{
    sb_select_op *s = (sb_select_op *)op;

    sb_kept__close(&s->kept);
    sb_groups__close(&s->groups);
    sb_buffer_deinit(&s->lengths);
    sb_buffer_deinit(&s->states);
    sb_buffer_deinit(&s->rows);
}

static void select_reset(sb_operator *op)
{
    sb_select_op *s = (sb_select_op *)op;

    sb_kept__clear(&s->kept);
    sb_groups__clear(&s->groups);
    sb_buffer_reset(&s->states);
    sb_buffer_reset(&s->rows);
    s->at = 0;
    s->read = false;
}

/* Relationships in a value: one, or those of a list, whose items may be lists. */
static uint64_t relationships_in(sb_val v)
{
    uint64_t count = 0;

    if (v.kind == SB_VAL_REL) return 1;
    for (uint64_t i = 0; v.kind == SB_VAL_LIST && i < v.as.list->count; i++)
        count += relationships_in(v.as.list->items[i]);
    return count;
}

static sb_status measure_rows(sb_select_op *s)
{
    sb_exec *run = s->op.run;
    const sb_plan *plan = s->op.plan;
    const size_t count = (size_t)s->kept.count;
    const sb_sort_poll poll = {.call = sb_exec__tick_of, .ctx = run};

    if (s->kept.count >= UINT32_MAX)
        return SB_FAIL(run->err, SB_LIMIT, "a path selector has more than %u paths to choose from",
                       UINT32_MAX);
    sb_buffer_reset(&s->lengths);
    if (sb_buffer_reserve(&s->lengths, 2 * count * sizeof(sb_pair)) != SB_OK ||
        sb_buffer_reserve(&s->rows, count * sizeof(uint32_t)) != SB_OK)
        return sb_exec__no_memory(run);
    sb_pair *pairs = (sb_pair *)(void *)s->lengths.data;
    for (size_t i = 0; i < count; i++) {
        const sb_val *row = sb_kept__row(&s->kept, i);

        SB_TRY(sb_exec__tick_item(run));
        pairs[i] = (sb_pair){.key = 0, .value = i};
        for (uint32_t k = 0; k < plan->as.select.part_count; k++)
            pairs[i].key +=
                relationships_in(row[sb_kept__column(&s->kept, plan->as.select.parts[k])]);
    }
    return count == 0 ? SB_OK : sb_pairs_sort_polled(pairs, pairs + count, count, &poll);
}

/* Is a path of this length one of those that are wanted? Paths come in the order of their lengths. */
static bool is_wanted(const sb_plan *plan, sb_selected *seen, uint64_t length)
{
    const uint64_t k = plan->as.select.count;

    seen->lengths += seen->taken == 0 || seen->last != length;
    seen->last = length;
    switch (plan->as.select.selector) {
    case SB_PATHS_SHORTEST: return seen->taken++ == 0;
    case SB_PATHS_ALL_SHORTEST: seen->taken++; return seen->lengths == 1;
    case SB_PATHS_SHORTEST_GROUPS: seen->taken++; return seen->lengths <= k;
    case SB_PATHS_SHORTEST_K:
    case SB_PATHS_ANY: return seen->taken++ < k;
    case SB_PATHS_ALL: break;
    }
    return true;
}

static sb_status choose_rows(sb_select_op *s)
{
    static const sb_selected nothing = {0, 0, 0};
    sb_exec *run = s->op.run;
    const sb_plan *plan = s->op.plan;
    const sb_pair *pairs = (const sb_pair *)(const void *)s->lengths.data;
    const uint32_t from = sb_kept__column(&s->kept, plan->as.select.from),
                   to = sb_kept__column(&s->kept, plan->as.select.to);

    for (uint64_t i = 0; i < s->kept.count; i++) {
        const sb_val *row = sb_kept__row(&s->kept, pairs[i].value);
        const sb_val ends[2] = {row[from], row[to]};
        const uint32_t number = (uint32_t)pairs[i].value;
        uint32_t group;
        bool made;

        if ((i + 1) % 4096 == 0) SB_TRY(sb_exec__tick(run));
        SB_TRY(sb_groups__at(&s->groups, ends, sb_groups__hash(ends, 2), &group, &made));
        if (made && sb_buffer_append(&s->states, &nothing, sizeof nothing) != SB_OK)
            return sb_exec__no_memory(run);
        if (!is_wanted(plan, &((sb_selected *)(void *)s->states.data)[group], pairs[i].key))
            continue;
        if (sb_buffer_append(&s->rows, &number, sizeof number) != SB_OK)
            return sb_exec__no_memory(run);
    }
    return SB_OK;
}

static sb_status select_next(sb_operator *op, const sb_batch **batch)
{
    sb_select_op *s = (sb_select_op *)op;
    const sb_batch *in;

    *batch = NULL;
    while (!s->read) {
        SB_TRY(sb_exec__pull(op, &in));
        s->read = in == NULL;
        if (!s->read)
            SB_TRY(sb_kept__append(&s->kept, in));
        else
            SB_TRY(measure_rows(s));
        if (s->read) SB_TRY(choose_rows(s));
    }
    const uint32_t left = (uint32_t)(s->rows.size / sizeof(uint32_t)) - s->at;
    const uint32_t count = left < SB_BATCH_ROWS ? left : SB_BATCH_ROWS;
    if (count == 0) return SB_OK;
    SB_TRY(sb_kept__emit(op, &s->kept, 0, (const uint32_t *)(const void *)s->rows.data + s->at,
                         count));
    s->at += count;
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__select_paths = {.state_bytes = sizeof(sb_select_op),
                                               .open = select_open,
                                               .next = select_next,
                                               .reset = select_reset,
                                               .close = select_close};
