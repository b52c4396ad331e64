/* op_seek.c — nodes and relationships by id, and by an index: equal values, a range, a prefix.
 * What is found for a row of the input is gathered for many rows before it goes on, so that a batch of look-ups becomes a batch of
 * rows. */
#include "cypher/exec/op_priv.h"

#include <stdlib.h>

typedef struct sb_seek_op {
    sb_operator op;
    const sb_var *entity, *from_var, *to_var;
    bool on_rels, either;
    sb_out *found, *from, *to;
    /* the input row at hand */
    const sb_batch *in; /* NULL: take the next */
    uint32_t row;
    /* rows gathered */
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
    sb_index_scan *scan; /* under way; NULL: none */
    sb_value low_value, high_value;
    bool of_lists; /* the range at hand */
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
    return s->either ? SB_BATCH_ROWS / 2 : SB_BATCH_ROWS;
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

/* Digits alone, as elementId() gives them; 0 when they are no id. */
static uint64_t id_of_text(sb_bytes text)
{
    uint64_t id = 0;

    if (text.size == 0 || text.size > 13) return 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return 0;
        id = id * 10 + (uint64_t)(text.data[i] - '0');
    }
    return id > SB_ID_MAX ? 0 : id;
}

static uint64_t id_of(sb_val v)
{
    switch (v.kind) {
    case SB_VAL_INT:
        return v.as.integer > 0 && v.as.integer <= (int64_t)SB_ID_MAX ? (uint64_t)v.as.integer : 0;
    case SB_VAL_FLOAT: /* 1.0 = 1 */
        return v.as.real >= 1 && v.as.real <= (double)SB_ID_MAX &&
                       v.as.real == (double)(uint64_t)v.as.real
                   ? (uint64_t)v.as.real
                   : 0;
    case SB_VAL_STRING: return id_of_text(sb_val_text(v));
    default: return 0;
    }
}

static sb_status list_of_ids(sb_seek_op *s, const sb_val_list *list)
{
    sb_exec *run = s->op.run;
    uint64_t *scratch = sb_arena_alloc_array(s->op.step, list->count, sizeof *scratch);

    s->wanted = sb_arena_alloc_array(s->op.step, list->count, sizeof *s->wanted);
    if (s->wanted == NULL || scratch == NULL) return sb_exec__no_memory(run);
    for (uint64_t i = 0; i < list->count; i++) {
        const uint64_t id = id_of(list->items[i]);
        if (id != 0) s->wanted[s->wanted_count++] = id;
    }
    sb_u64_sort(s->wanted, scratch, s->wanted_count);
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
    return want_id(s, id_of(v));
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
    const uint64_t left = s->wanted_count - s->wanted_at;
    const uint32_t room = room_of(s) - s->count, n = left < room ? (uint32_t)left : room;
    const uint64_t *ids = s->wanted + s->wanted_at;

    if (n != 0) SB_TRY(which_exist(s, ids, n));
    for (uint32_t i = 0; i < n; i++)
        if (sb_bit_get(s->exist, i)) {
            s->rows[s->count] = s->row;
            s->ids[s->count++] = ids[i];
        }
    s->wanted_at += n;
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

static sb_status eval_value(sb_seek_op *s, sb_eval *e, sb_value *value, bool *matches)
{
    sb_val v;

    SB_TRY(sb_exec__eval_row(e, s->in, s->row, &v));
    return index_value(s, v, value, matches);
}

/* Texts that begin with prefix lie below the least one that is above all of them; *bounded false: there is none. */
static sb_status above_prefix(sb_seek_op *s, const sb_value *prefix, sb_value *above, bool *bounded)
{
    size_t size = prefix->as.bytes.size;
    const uint8_t *data = prefix->as.bytes.data;

    while (size > 0 && data[size - 1] == 0xFF)
        size--;
    *bounded = size > 0;
    if (size == 0) return SB_OK;
    char *copy = sb_arena_strndup(s->op.step, (const char *)data, size);
    if (copy == NULL) return sb_exec__no_memory(s->op.run);
    copy[size - 1] = (char)((uint8_t)copy[size - 1] + 1);
    *above = (sb_value){.type = SB_TYPE_STRING, .as.bytes = {copy, size}};
    return SB_OK;
}

/* A bound's value. What the language has no order for (durations, points) is neither above nor below one, where the index has it. */
static sb_status eval_bound(sb_seek_op *s, sb_eval *e, sb_value *value, bool *matches)
{
    SB_TRY(eval_value(s, e, value, matches));
    if (!*matches) return SB_OK;
    *matches = value->type != SB_TYPE_DURATION && value->type != SB_TYPE_POINT;
    s->of_lists = value->type == SB_TYPE_LIST;
    return SB_OK;
}

/* Bounds of the row at hand. *matches false: nothing is in them. */
static sb_status make_range(sb_seek_op *s, sb_index_range *range, bool *matches)
{
    const sb_plan *plan = s->op.plan;

    *range = (sb_index_range){.equal = s->values,
                              .equal_count = plan->as.seek.equal_count,
                              .low_inclusive = plan->as.seek.low.inclusive,
                              .high_inclusive = plan->as.seek.high.inclusive};
    *matches = true;
    s->of_lists = false;
    if (s->prefix != NULL) {
        bool bounded;
        SB_TRY(eval_value(s, s->prefix, &s->low_value, matches));
        if (!*matches || s->low_value.type != SB_TYPE_STRING) {
            *matches = false;
            return SB_OK;
        }
        SB_TRY(above_prefix(s, &s->low_value, &s->high_value, &bounded));
        range->low = &s->low_value;
        range->low_inclusive = true;
        range->high = bounded ? &s->high_value : NULL;
        range->high_inclusive = false;
        return SB_OK;
    }
    if (s->low != NULL) {
        SB_TRY(eval_bound(s, s->low, &s->low_value, matches));
        range->low = &s->low_value;
    }
    if (*matches && s->high != NULL) {
        SB_TRY(eval_bound(s, s->high, &s->high_value, matches));
        range->high = &s->high_value;
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

    *matches = true;
    for (uint32_t i = 0; i < plain && *matches; i++)
        SB_TRY(eval_value(s, s->equal[i], &s->values[i], matches));
    if (!*matches || !plan->as.seek.in_list) return SB_OK;
    sb_val v;
    SB_TRY(sb_exec__eval_row(s->equal[plain], s->in, s->row, &v));
    *matches = v.kind == SB_VAL_LIST;
    if (v.kind != SB_VAL_LIST && v.kind != SB_VAL_NULL)
        return sb_exec__placed(s->equal[plain], run, sb_exec__type_error(run, "IN", "a list", v));
    if (*matches) s->list = v.as.list;
    return SB_OK;
}

static int order_vals(const void *a, const void *b)
{
    const sb_val *x = a, *y = b;

    return sb_val_order(*x, *y);
}

/* Each alternative once, whatever stands in the list: sorted, so that equal ones are neighbors (1 and 1.0 are equal). */
static sb_status unique_list(sb_seek_op *s)
{
    uint64_t kept = 0;
    sb_val_list *sorted = sb_val_list_make(s->op.step, s->list->count);

    if (sorted == NULL) return sb_exec__no_memory(s->op.run);
    if (s->list->count != 0)
        memcpy(sorted->items, s->list->items, s->list->count * sizeof *sorted->items);
    if (s->list->count > 1) qsort(sorted->items, s->list->count, sizeof *sorted->items, order_vals);
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

/* Is a stored value on the right side (1: above, -1: below) of a bound? The index has an order for all lists, the language for those
 * whose items can be compared. */
static sb_status is_beyond(sb_seek_op *s, const sb_value *stored, const sb_value *bound, int side,
                           bool inclusive, bool *is)
{
    sb_exec *run = s->op.run;
    int order;

    *is = true;
    if (bound->type == SB_TYPE_LIST) {
        sb_val a, b;
        SB_TRY(sb_val_from_value(s->op.step, stored, &a, run->err));
        SB_TRY(sb_val_from_value(s->op.step, bound, &b, run->err));
        *is = sb_val_comparable(a, b, &order) == SB_TRUE;
    } else {
        order = sb_value_compare(stored, bound);
    }
    *is = *is && (order * side > 0 || (order == 0 && inclusive));
    return SB_OK;
}

/* Does a row have the values asked for? Where a long value's key was cut, and in a range of lists, its entry does not tell. */
static sb_status check_row(sb_seek_op *s, uint64_t id, bool *matches)
{
    sb_exec *run = s->op.run;
    const sb_plan *plan = s->op.plan;
    const uint32_t equal = plan->as.seek.equal_count;
    sb_value stored[SB_SCHEMA_KEYS_MAX];
    sb_index_range range;

    SB_TRY(sb_graph_get_props(run->graph, s->on_rels ? SB_REL : SB_NODE, id, s->schema->keys,
                              s->schema->key_count, stored, matches, run->err));
    for (uint32_t i = 0; i < equal && *matches; i++)
        *matches = sb_value_equal(&stored[i], &s->values[i]);
    if (!*matches || equal == s->schema->key_count) return SB_OK;
    SB_TRY(make_range(s, &range, matches));
    if (*matches && range.low != NULL)
        SB_TRY(is_beyond(s, &stored[equal], range.low, 1, range.low_inclusive, matches));
    if (*matches && range.high != NULL)
        SB_TRY(is_beyond(s, &stored[equal], range.high, -1, range.high_inclusive, matches));
    return SB_OK;
}

static sb_status fill_from_scan(sb_seek_op *s, bool *more)
{
    sb_exec *run = s->op.run;
    const uint32_t begin = s->count;
    size_t count;

    SB_TRY(
        sb_index_scan_next(s->scan, s->ids + begin, NULL, SB_BATCH_ROWS - begin, &count, run->err));
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
