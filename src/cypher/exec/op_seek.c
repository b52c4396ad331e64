/* op_seek.c — nodes and relationships by id, and by an index: equal values, a range, a prefix.
 * What is found for a row of the input is gathered for many rows before it goes on, so that a batch of look-ups becomes a batch of
 * rows. */
#include "cypher/exec/op_priv.h"

/* A bound of a range as the language has it, and as the index does. */
typedef struct sb_seek_bound {
    sb_val val;
    sb_value value;
    bool given;
} sb_seek_bound;

typedef struct sb_seek_op {
    sb_operator op;
    const sb_var *entity, *from_var, *to_var;
    bool on_rels, either;
    sb_out *found, *from, *to;
    /* the input row at hand */
    const sb_batch *in; /* NULL: take the next */
    uint32_t row;
    /* rows gathered */
    uint32_t most; /* rows of the batch that is being made */
    uint32_t count;
    uint32_t rows[SB_BATCH_ROWS];
    uint64_t ids[SB_BATCH_ROWS];
    uint64_t sources[SB_BATCH_ROWS], targets[SB_BATCH_ROWS]; /* of relationships */
    uint8_t exist[SB_BATCH_ROWS / 8];
    /* by id: the ids of the row, not yet looked at */
    sb_eval *id;
    uint64_t *wanted; /* step arena, or: */
    uint64_t one;
    uint64_t wanted_count, wanted_at;
    /* by index */
    sb_eval **equal;
    sb_eval *low, *high, *prefix;
    sb_value *values;        /* equal_count of them */
    const sb_val_list *list; /* the last equal value's alternatives; NULL: not in_list */
    uint64_t list_at;
    sb_index_scan *scan;                 /* under way; NULL: none */
    sb_seek_bound low_bound, high_bound; /* of the row at hand */
    bool of_lists;                       /* one of them is a list */
    const sb_schema *schema;
    uint64_t state; /* run->state that schema is of */
} sb_seek_op;

static sb_status open_outs(sb_seek_op *s)
{
    SB_TRY(sb_exec__need_outs(&s->op));
    s->found = sb_exec__out_of(&s->op, s->entity);
    s->from = sb_exec__out_of(&s->op, s->from_var);
    s->to = sb_exec__out_of(&s->op, s->to_var);
    return SB_OK;
}

/* Rows that can be gathered: where each becomes two, half a batch. */
static uint32_t room_of(const sb_seek_op *s)
{
    return s->either && s->most > 1 ? s->most / 2 : s->most;
}

/* Each relationship again, the other way round, unless it is a loop. Ends are there. */
static void add_turned(sb_seek_op *s)
{
    uint32_t count = s->count;

    for (uint32_t i = 0; i < s->count; i++)
        count += s->sources[i] != s->targets[i];
    for (uint32_t i = s->count, to = s->count = count; i-- > 0;) {
        const uint64_t source = s->sources[i], target = s->targets[i];
        const uint32_t copies = source == target ? 1 : 2;
        for (uint32_t k = copies;
             k-- > 0;) { /* from the end: nothing is overwritten before it is read */
            to--;
            s->rows[to] = s->rows[i];
            s->ids[to] = s->ids[i];
            s->sources[to] = k == 0 ? source : target;
            s->targets[to] = k == 0 ? target : source;
        }
    }
}

static sb_status find_ends(sb_seek_op *s)
{
    sb_exec *run = s->op.run;

    if (!s->on_rels || (s->from == NULL && s->to == NULL && !s->either)) return SB_OK;
    SB_TRY(sb_graph_fetch_ends(run->graph, s->ids, s->count, s->sources, s->targets, NULL, s->exist,
                               run->err));
    if (s->either) add_turned(s);
    return SB_OK;
}

/* Ids as they lie here, which stay until the next call. */
static void bind_ids(sb_seek_op *s, sb_out *out, const sb_var *var, sb_vector_kind kind,
                     const uint64_t *ids)
{
    if (out == NULL) return;
    out->vector = (sb_vector){.kind = (uint8_t)kind, .as.ids = ids};
    sb_exec__bind(&s->op, var, out);
}

static sb_status emit(sb_seek_op *s, const sb_batch **batch)
{
    sb_operator *op = &s->op;

    SB_TRY(find_ends(s));
    if (s->in->row_count == 1)
        sb_exec__pass_row(op, s->in, 0, s->count);
    else
        SB_TRY(sb_exec__pass_rows(op, s->in, s->rows, s->count));
    op->out.last = s->in->last && s->row >= s->in->row_count;
    bind_ids(s, s->found, s->entity, s->on_rels ? SB_VECTOR_REL : SB_VECTOR_NODE, s->ids);
    if (s->on_rels) {
        bind_ids(s, s->from, s->from_var, SB_VECTOR_NODE, s->sources);
        bind_ids(s, s->to, s->to_var, SB_VECTOR_NODE, s->targets);
    }
    *batch = &op->out;
    return SB_OK;
}

/* fill(s) adds to what is gathered for row s->row of s->in until there is no room (*more true) or the row is done. */
static sb_status gather_rows(sb_seek_op *s, sb_status (*begin)(sb_seek_op *s),
                             sb_status (*fill)(sb_seek_op *s, bool *more), const sb_batch **batch)
{
    *batch = NULL;
    s->count = 0;
    s->most = sb_exec__rows_wanted(&s->op);
    sb_exec__use(&s->op);
    while (s->count == 0) {
        SB_TRY(sb_exec__tick(s->op.run)); /* a range gives many batches for one row */
        if (s->in == NULL) {
            SB_TRY(sb_exec__pull(&s->op, &s->in));
            if (s->in == NULL) return SB_OK;
            s->row = 0;
            if (s->in->row_count != 0) SB_TRY(begin(s));
        }
        while (s->row < s->in->row_count) {
            bool more;
            SB_TRY(fill(s, &more));
            if (more) break;
            if (++s->row < s->in->row_count) SB_TRY(begin(s));
        }
        if (s->count != 0) return emit(s, batch);
        s->in = NULL;
    }
    return SB_OK;
}

/* The batch at hand has no more rows: known when the next call comes, since what goes on borrows from it. */
static void drop_finished(sb_seek_op *s)
{
    if (s->in != NULL && s->row >= s->in->row_count) s->in = NULL;
}

static void seek_reset(sb_operator *op)
{
    sb_seek_op *s = (sb_seek_op *)op;

    s->in = NULL;
    sb_index_scan_close(s->scan);
    s->scan = NULL;
}

/* ---- By id -------------------------------------------------------------------------------------------------------- */

static sb_status by_id_open(sb_operator *op)
{
    sb_seek_op *s = (sb_seek_op *)op;
    const sb_plan *plan = op->plan;

    s->entity = plan->as.by_id.node;
    s->on_rels = plan->as.by_id.on_rels;
    s->either = plan->as.by_id.either;
    s->from_var = plan->as.by_id.from;
    s->to_var = plan->as.by_id.to;
    SB_TRY(open_outs(s));
    if (plan->as.by_id.bound) s->found = NULL; /* it has its column already */
    return sb_exec__compile_maybe(op->run, plan->as.by_id.id, &s->id);
}

/* The id that is equal to v, or whose elementId() is; 0: none. */
static uint64_t id_of(const sb_seek_op *s, sb_val v)
{
    sb_val entity;

    if (s->op.plan->as.by_id.of_element) {
        if (v.kind != SB_VAL_STRING || !sb_element_id_parse(sb_val_text(v), &entity) ||
            entity.kind != (s->on_rels ? SB_VAL_REL : SB_VAL_NODE))
            return 0;
        return entity.as.id <= SB_ID_MAX ? entity.as.id : 0;
    }
    if (v.kind == SB_VAL_FLOAT) /* 1.0 = 1 */
        return v.as.real >= 1 && v.as.real <= (double)SB_ID_MAX &&
                       v.as.real == (double)(uint64_t)v.as.real
                   ? (uint64_t)v.as.real
                   : 0;
    return v.kind == SB_VAL_INT && v.as.integer > 0 && v.as.integer <= (int64_t)SB_ID_MAX
               ? (uint64_t)v.as.integer
               : 0;
}

static sb_status list_of_ids(sb_seek_op *s, const sb_val_list *list)
{
    sb_exec *run = s->op.run;
    uint64_t *scratch = sb_arena_alloc_array(s->op.step, list->count, sizeof *scratch);
    const sb_sort_poll poll = {.call = sb_exec__tick_of, .ctx = run};

    s->wanted = sb_arena_alloc_array(s->op.step, list->count, sizeof *s->wanted);
    if (s->wanted == NULL || scratch == NULL) return sb_exec__no_memory(run);
    for (uint64_t i = 0; i < list->count; i++) {
        const uint64_t id = id_of(s, list->items[i]);
        SB_TRY(sb_exec__tick_item(run));
        if (id != 0) s->wanted[s->wanted_count++] = id;
    }
    SB_TRY(sb_u64_sort_polled(s->wanted, scratch, s->wanted_count, &poll));
    s->wanted_count = sb_u64_unique(s->wanted, s->wanted_count);
    return SB_OK;
}

/* 0: none. */
static sb_status want_id(sb_seek_op *s, uint64_t id)
{
    if (id == 0) return SB_OK;
    s->wanted = &s->one;
    s->one = id;
    s->wanted_count = 1;
    return SB_OK;
}

static sb_status by_id_begin(sb_seek_op *s)
{
    sb_exec *run = s->op.run;
    sb_val v;

    s->wanted_at = s->wanted_count = 0;
    if (s->op.plan->as.by_id.bound) {
        const sb_vector *column;
        SB_TRY(sb_exec__column(run, s->in, s->entity, &column));
        v = sb_vector_at(column, s->row);
        return v.kind == SB_VAL_REL ? want_id(s, v.as.id) : SB_OK;
    }
    SB_TRY(sb_exec__eval_row(s->id, s->in, s->row, &v));
    if (s->op.plan->as.by_id.list) {
        if (v.kind == SB_VAL_NULL) return SB_OK;
        if (v.kind != SB_VAL_LIST)
            return sb_exec__placed(s->id, run, sb_exec__type_error(run, "IN", "a list", v));
        return list_of_ids(s, v.as.list);
    }
    return want_id(s, id_of(s, v));
}

static sb_status which_exist(sb_seek_op *s, const uint64_t *ids, size_t count)
{
    sb_exec *run = s->op.run;

    if (s->on_rels)
        return sb_graph_fetch_ends(run->graph, ids, count, NULL, NULL, NULL, s->exist, run->err);
    return sb_graph_nodes_exist(run->graph, ids, count, s->exist, run->err);
}

static sb_status by_id_fill(sb_seek_op *s, bool *more)
{
    const uint32_t most = room_of(s);

    /* None of a batch of ids need be there, and those behind it may. */
    while (s->wanted_at < s->wanted_count && s->count < most) {
        const uint64_t left = s->wanted_count - s->wanted_at;
        const uint32_t room = most - s->count, n = left < room ? (uint32_t)left : room;
        const uint64_t *ids = s->wanted + s->wanted_at;
        SB_TRY(sb_exec__tick(s->op.run));
        SB_TRY(which_exist(s, ids, n));
        for (uint32_t i = 0; i < n; i++)
            if (sb_bit_get(s->exist, i)) {
                s->rows[s->count] = s->row;
                s->ids[s->count++] = ids[i];
            }
        s->wanted_at += n;
    }
    *more = s->wanted_at < s->wanted_count;
    return SB_OK;
}

static sb_status by_id_next(sb_operator *op, const sb_batch **batch)
{
    drop_finished((sb_seek_op *)op);
    return gather_rows((sb_seek_op *)op, by_id_begin, by_id_fill, batch);
}

const sb_operator_ops sb_exec__by_id = {
    .state_bytes = sizeof(sb_seek_op), .open = by_id_open, .next = by_id_next, .reset = seek_reset};

/* ---- By index -------------------------------------------------------------------------------------------------------- */

static sb_status seek_open(sb_operator *op)
{
    sb_seek_op *s = (sb_seek_op *)op;
    sb_exec *run = op->run;
    const sb_plan *plan = op->plan;

    s->entity = plan->as.seek.entity;
    s->either = plan->as.seek.either;
    s->from_var = plan->as.seek.from;
    s->to_var = plan->as.seek.to;
    SB_TRY(open_outs(s));
    SB_TRY(sb_exec__compile_many(run, plan->as.seek.equal, plan->as.seek.equal_count, &s->equal));
    SB_TRY(sb_exec__compile_maybe(run, plan->as.seek.low.expr, &s->low));
    SB_TRY(sb_exec__compile_maybe(run, plan->as.seek.high.expr, &s->high));
    SB_TRY(sb_exec__compile_maybe(run, plan->as.seek.prefix, &s->prefix));
    s->values = sb_exec__alloc_zero(run, plan->as.seek.equal_count + 1u, sizeof *s->values);
    return s->values != NULL ? SB_OK : sb_exec__no_memory(run);
}

/* The index's definition: looked up again where it may have been made again meanwhile. */
static sb_status find_schema(sb_seek_op *s)
{
    sb_exec *run = s->op.run;
    size_t count;

    if (SB_LIKELY(s->schema != NULL && s->state == run->state)) return SB_OK;
    s->state = run->state;
    s->schema = NULL;
    const sb_schema *all = sb_schemas(run->view, &count);
    for (size_t i = 0; i < count; i++)
        if (all[i].id == s->op.plan->as.seek.schema) {
            s->schema = &all[i];
            s->on_rels = all[i].on_rels;
            return SB_OK;
        }
    return SB_FAIL(run->err, SB_BUSY_SNAPSHOT, "the query's index is gone: prepare it again");
}

/* A value as the index has it; *matches false: nothing stored is equal to it. */
static sb_status index_value(sb_seek_op *s, sb_val v, sb_value *value, bool *matches)
{
    *matches = false;
    if (v.kind == SB_VAL_NULL || v.kind >= SB_VAL_MAP) return SB_OK;
    if (v.kind == SB_VAL_INT) {
        *value = (sb_value){.type = SB_TYPE_INT, .as.integer = v.as.integer};
    } else if (v.kind == SB_VAL_STRING) {
        *value = (sb_value){.type = SB_TYPE_STRING, .as.bytes = {v.as.text, v.aux}};
    } else {
        sb_err err;
        sb_err_clear(&err);
        const sb_status st = sb_val_to_value(s->op.step, v, value, &err);
        if (st == SB_NOMEM) return sb_exec__no_memory(s->op.run);
        if (st != SB_OK) return SB_OK; /* a list that can not be stored */
        if (value->type == SB_TYPE_NULL) return SB_OK;
    }
    *matches = true;
    return SB_OK;
}

/* Texts that begin with prefix lie below the least one that is above all of them; there may be none. */
static sb_status above_prefix(sb_seek_op *s, sb_bytes prefix, sb_seek_bound *above)
{
    size_t size = prefix.size;

    while (size > 0 && prefix.data[size - 1] == 0xFF)
        size--;
    if (size == 0) return SB_OK;
    char *copy = sb_arena_strndup(s->op.step, (const char *)prefix.data, size);
    if (copy == NULL) return sb_exec__no_memory(s->op.run);
    copy[size - 1] = (char)((uint8_t)copy[size - 1] + 1);
    above->given = true;
    above->val = sb_val_string(sb_bytes_of(copy, size));
    above->value = (sb_value){.type = SB_TYPE_STRING, .as.bytes = {copy, size}};
    return SB_OK;
}

/* STARTS WITH as a range. */
static sb_status prefix_bounds(sb_seek_op *s, sb_index_range *range, bool *matches)
{
    sb_seek_bound *const low = &s->low_bound;

    SB_TRY(sb_exec__eval_row(s->prefix, s->in, s->row, &low->val));
    *matches = low->val.kind == SB_VAL_STRING;
    if (!*matches) return SB_OK;
    low->given = true;
    SB_TRY(index_value(s, low->val, &low->value, matches));
    SB_TRY(above_prefix(s, sb_val_text(low->val), &s->high_bound));
    range->low = &low->value;
    range->high = s->high_bound.given ? &s->high_bound.value : NULL;
    return SB_OK;
}

/* *end: where the index ends the range; left alone by a list that no value there equals (of a null, a map, NaN), which may be above one list that is
 * stored and below another. What the language has no order for (durations, points) is neither above nor below a bound, where the index has it. */
static sb_status eval_bound(sb_seek_op *s, sb_eval *e, sb_seek_bound *bound, const sb_value **end,
                            bool *matches)
{
    SB_TRY(sb_exec__eval_row(e, s->in, s->row, &bound->val));
    bound->given = true;
    SB_TRY(index_value(s, bound->val, &bound->value, matches));
    if (bound->val.kind == SB_VAL_LIST) {
        s->of_lists = true;
        if (*matches && sb_value_equal(&bound->value, &bound->value)) *end = &bound->value;
        *matches = true;
        return SB_OK;
    }
    *matches =
        *matches && bound->value.type != SB_TYPE_DURATION && bound->value.type != SB_TYPE_POINT;
    *end = &bound->value;
    return SB_OK;
}

/* Bounds of the row at hand, which stay until it is done. *matches false: nothing is in them. */
static sb_status make_range(sb_seek_op *s, sb_index_range *range, bool *matches)
{
    static const sb_value first_list = {.type = SB_TYPE_LIST};
    const sb_plan *plan = s->op.plan;

    *range = (sb_index_range){.equal = s->values,
                              .equal_count = plan->as.seek.equal_count,
                              .low_inclusive = s->prefix != NULL || plan->as.seek.low.inclusive,
                              .high_inclusive = plan->as.seek.high.inclusive};
    *matches = true;
    s->of_lists = false;
    s->low_bound.given = s->high_bound.given = false;
    if (s->prefix != NULL) return prefix_bounds(s, range, matches);
    if (s->low != NULL) SB_TRY(eval_bound(s, s->low, &s->low_bound, &range->low, matches));
    if (*matches && s->high != NULL)
        SB_TRY(eval_bound(s, s->high, &s->high_bound, &range->high, matches));
    if (s->of_lists && range->low == NULL) {
        range->low = &first_list;
        range->low_inclusive = true;
    }
    return SB_OK;
}

static sb_status open_scan(sb_seek_op *s)
{
    sb_exec *run = s->op.run;
    sb_index_range range;
    bool matches;

    SB_TRY(make_range(s, &range, &matches));
    if (!matches) return SB_OK;
    return sb_index_scan_open(run->view, s->schema->id, &range, &s->scan, run->err);
}

/* One entity at most has these values, which are all of the index's. */
static bool is_lookup(const sb_seek_op *s)
{
    const sb_plan *plan = s->op.plan;

    return plan->as.seek.unique && plan->as.seek.equal_count == s->schema->key_count;
}

static sb_status look_up(sb_seek_op *s)
{
    sb_exec *run = s->op.run;
    const size_t count = s->schema->key_count;
    uint64_t id;
    bool cut;

    SB_TRY(sb_index_lookup(run->view, s->schema->id, s->values, count, &id, &cut, run->err));
    if (SB_UNLIKELY(cut))
        SB_TRY(sb_graph_lookup_cut(run->graph, s->schema->id, s->values, count, &id, run->err));
    if (id == 0) return SB_OK;
    s->rows[s->count] = s->row;
    s->ids[s->count++] = id;
    return SB_OK;
}

/* Values of the row at hand. *matches false: nothing is equal to one of them. */
static sb_status seek_values(sb_seek_op *s, bool *matches)
{
    sb_exec *run = s->op.run;
    const sb_plan *plan = s->op.plan;
    const uint32_t plain = plan->as.seek.equal_count - plan->as.seek.in_list;
    sb_val v;

    *matches = true;
    for (uint32_t i = 0; i < plain && *matches; i++) {
        SB_TRY(sb_exec__eval_row(s->equal[i], s->in, s->row, &v));
        SB_TRY(index_value(s, v, &s->values[i], matches));
    }
    if (!*matches || !plan->as.seek.in_list) return SB_OK;
    SB_TRY(sb_exec__eval_row(s->equal[plain], s->in, s->row, &v));
    *matches = v.kind == SB_VAL_LIST;
    if (v.kind != SB_VAL_LIST && v.kind != SB_VAL_NULL)
        return sb_exec__placed(s->equal[plain], run, sb_exec__type_error(run, "IN", "a list", v));
    if (*matches) s->list = v.as.list;
    return SB_OK;
}

/* Runs of `width` values, each of them sorted, merged two by two; asks whether to go on. */
static sb_status merge_runs(sb_seek_op *s, const sb_val *from, sb_val *to, uint64_t count,
                            uint64_t width)
{
    sb_func_context *func = &s->op.run->func;

    for (uint64_t begin = 0; begin < count; begin += 2 * width) {
        const uint64_t left = count - begin, middle = begin + (left < width ? left : width),
                       end = begin + (left < 2 * width ? left : 2 * width);
        uint64_t a = begin, b = middle;
        for (uint64_t i = begin; i < end; i++) {
            const bool first = b == end || (a < middle && sb_val_order(from[a], from[b]) <= 0);
            to[i] = first ? from[a++] : from[b++];
            SB_TRY(sb_func_work(func, SB_WORK_OF_A_VALUE + sb_val_work(to[i])));
        }
    }
    return SB_OK;
}

/* A sorted copy of a list, which may be as long as memory allows. */
static sb_status sort_list(sb_seek_op *s, const sb_val_list *list, sb_val_list **sorted)
{
    sb_val_list *scratch = sb_val_list_make(s->op.step, list->count);

    *sorted = sb_val_list_make(s->op.step, list->count);
    if (*sorted == NULL || scratch == NULL) return sb_exec__no_memory(s->op.run);
    if (list->count != 0) memcpy((*sorted)->items, list->items, list->count * sizeof *list->items);
    for (uint64_t width = 1; width < list->count; width *= 2) {
        sb_val_list *const merged = scratch;
        SB_TRY(merge_runs(s, (*sorted)->items, merged->items, list->count, width));
        scratch = *sorted;
        *sorted = merged;
    }
    return SB_OK;
}

/* Each alternative once, whatever stands in the list: sorted, so that equal ones are neighbors (1 and 1.0 are equal). */
static sb_status unique_list(sb_seek_op *s)
{
    uint64_t kept = 0;
    sb_val_list *sorted;

    SB_TRY(sort_list(s, s->list, &sorted));
    for (uint64_t i = 0; i < s->list->count; i++)
        if (kept == 0 || !sb_val_same(sorted->items[kept - 1], sorted->items[i]))
            sorted->items[kept++] = sorted->items[i];
    sorted->count = kept;
    s->list = sorted;
    return SB_OK;
}

static sb_status seek_begin(sb_seek_op *s)
{
    bool matches;

    s->list = NULL;
    s->list_at = 0;
    SB_TRY(find_schema(s));
    SB_TRY(seek_values(s, &matches));
    if (!matches) return SB_OK;
    if (s->list != NULL) return unique_list(s);
    return is_lookup(s) ? look_up(s) : open_scan(s);
}

/* Is a stored value on the right side (1: above, -1: below) of a bound? */
static sb_status is_beyond(sb_seek_op *s, const sb_value *stored, const sb_seek_bound *bound,
                           int side, bool inclusive, bool *is)
{
    sb_val v;
    int order;

    *is = true;
    if (!bound->given) return SB_OK;
    SB_TRY(sb_val_from_value(s->op.step, stored, &v, s->op.run->err));
    *is = sb_val_comparable(v, bound->val, &order) == SB_TRUE &&
          (order * side > 0 || (order == 0 && inclusive));
    return SB_OK;
}

/* Does a row have the values asked for? Where a long value's key was cut, and in a range of lists, its entry does not tell: the index has
 * an order for all lists, the language for those whose items can be compared. What is stored may lie in the graph's result arena:
 * nothing is evaluated while it is needed. */
static sb_status check_row(sb_seek_op *s, uint64_t id, bool *matches)
{
    sb_exec *run = s->op.run;
    const sb_plan *plan = s->op.plan;
    const uint32_t equal = plan->as.seek.equal_count;
    sb_value stored[SB_SCHEMA_KEYS_MAX];

    SB_TRY(sb_graph_get_props(run->graph, s->on_rels ? SB_REL : SB_NODE, id, s->schema->keys,
                              s->schema->key_count, stored, matches, run->err));
    for (uint32_t i = 0; i < equal && *matches; i++)
        *matches = sb_value_equal(&stored[i], &s->values[i]);
    if (!*matches || equal == s->schema->key_count) return SB_OK;
    SB_TRY(is_beyond(s, &stored[equal], &s->low_bound, 1,
                     s->prefix != NULL || plan->as.seek.low.inclusive, matches));
    if (*matches)
        SB_TRY(is_beyond(s, &stored[equal], &s->high_bound, -1, plan->as.seek.high.inclusive,
                         matches));
    return SB_OK;
}

static sb_status fill_from_scan(sb_seek_op *s, bool *more)
{
    sb_exec *run = s->op.run;
    const uint32_t begin = s->count;
    size_t count;

    SB_TRY(sb_index_scan_next(s->scan, s->ids + begin, NULL, room_of(s) - begin, &count, run->err));
    *more = count != 0;
    const bool check = s->of_lists || sb_index_scan_cut(s->scan);
    for (size_t i = 0; i < count; i++) {
        const uint64_t id = s->ids[begin + i];
        bool matches = true;
        if (check) SB_TRY(check_row(s, id, &matches));
        if (!matches) continue;
        s->rows[s->count] = s->row;
        s->ids[s->count++] = id;
    }
    if (*more) return SB_OK;
    sb_index_scan_close(s->scan);
    s->scan = NULL;
    return SB_OK;
}

static sb_status next_of_list(sb_seek_op *s)
{
    bool matches;

    SB_TRY(sb_exec__tick_item(s->op.run)); /* thousands that nothing equals make no batch */
    SB_TRY(index_value(s, s->list->items[s->list_at++],
                       &s->values[s->op.plan->as.seek.equal_count - 1], &matches));
    if (!matches) return SB_OK;
    return is_lookup(s) ? look_up(s) : open_scan(s);
}

static sb_status seek_fill(sb_seek_op *s, bool *more)
{
    for (*more = true; s->count < room_of(s);) {
        if (s->scan != NULL) {
            bool scanned;
            SB_TRY(fill_from_scan(s, &scanned));
        } else if (s->list != NULL && s->list_at < s->list->count) {
            SB_TRY(next_of_list(s));
        } else {
            *more = false;
            return SB_OK;
        }
    }
    return SB_OK;
}

static sb_status seek_next(sb_operator *op, const sb_batch **batch)
{
    drop_finished((sb_seek_op *)op);
    return gather_rows((sb_seek_op *)op, seek_begin, seek_fill, batch);
}

const sb_operator_ops sb_exec__seek = {.state_bytes = sizeof(sb_seek_op),
                                       .open = seek_open,
                                       .next = seek_next,
                                       .reset = seek_reset,
                                       .close = seek_reset};
