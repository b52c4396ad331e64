/* op_expand.c — from nodes to their neighbors (EXPAND), and relationships between two nodes that are both known (EXPAND_INTO).
 * What is not wanted (used relationships, labels, other ends) is dropped before rows are made. */
#include "cypher/exec/held_list.h"
#include "cypher/exec/op_priv.h"

#include <stdlib.h>

/* ---- Types, relationships used ------------------------------------------------------------------------------------ */

sb_status sb_exec__types_open(sb_exec *run, const sb_plan_expand *e, sb_expand_types *types)
{
    types->ids = sb_exec__alloc_zero(run, e->type_count, sizeof *types->ids);
    return types->ids != NULL ? SB_OK : sb_exec__no_memory(run);
}

static int compare_types(const void *a, const void *b)
{
    const sb_type_id *left = a, *right = b;

    return *left < *right ? -1 : *left > *right;
}

void sb_exec__types_find(sb_exec *run, const sb_plan_expand *e, sb_expand_types *types)
{
    types->count = 0;
    for (uint32_t i = 0; i < e->type_count; i++) {
        const sb_type_id id = sb_exec__name(run, &run->names[e->types[i]]);
        bool known = id == 0;
        for (size_t k = 0; k < types->count && !known; k++)
            known = types->ids[k] == id;
        if (!known) types->ids[types->count++] = id;
    }
    types->any = e->type_count == 0 || types->count != 0;
    if (types->count > 1) qsort(types->ids, types->count, sizeof *types->ids, compare_types);
}

/* Also of lists: those of a relationship of variable length in a quantified part. */
static bool list_has_rel(const sb_val_list *list, uint64_t rel)
{
    for (uint64_t i = 0; i < list->count; i++) {
        const sb_val v = list->items[i];
        if (v.kind == SB_VAL_REL && v.as.id == rel) return true;
        if (v.kind == SB_VAL_LIST && list_has_rel(v.as.list, rel)) return true;
    }
    return false;
}

static void make_steps_local(sb_exec *run, const sb_plan_expand *e, bool is)
{
    for (uint32_t i = 0; i < e->step_rel_count; i++)
        sb_exec__local(run, e->step_rels[i], is);
    for (uint32_t i = 0; i < e->step_node_count; i++)
        sb_exec__local(run, e->step_nodes[i], is);
}

sb_status sb_exec__compile_steps(sb_exec *run, const sb_plan_expand *e, sb_eval **filter,
                                 sb_eval **start_filter)
{
    make_steps_local(run, e, true);
    sb_status status = sb_exec__compile_maybe(run, e->filter, filter);
    if (status == SB_OK) status = sb_exec__compile_maybe(run, e->start_filter, start_filter);
    make_steps_local(run, e, false);
    return status;
}

void sb_exec__set_step(sb_exec *run, const sb_plan_expand *e, uint64_t node, uint64_t rel)
{
    for (uint32_t i = 0; i < e->step_rel_count; i++)
        run->locals[e->step_rels[i]->slot] = sb_val_rel(rel);
    for (uint32_t i = 0; i < e->step_node_count; i++)
        run->locals[e->step_nodes[i]->slot] = sb_val_node(node);
}

sb_status sb_exec__may_start(sb_exec *run, const sb_plan_expand *e, sb_eval *start_filter,
                             const sb_batch *in, uint32_t row, uint64_t node, bool *may)
{
    *may = true;
    if (start_filter == NULL) return SB_OK;
    sb_exec__set_step(run, e, node, 0);
    return sb_exec__test(start_filter, in, row, may);
}

bool sb_exec__rel_used(const sb_var *const *unlike, uint32_t unlike_count, const sb_batch *in,
                       uint32_t row, uint64_t rel)
{
    for (uint32_t i = 0; i < unlike_count; i++) {
        const sb_vector *column = in->columns[unlike[i]->slot];
        if (column == NULL) continue;
        const sb_val v = sb_vector_at(column, row);
        if (v.kind == SB_VAL_REL && v.as.id == rel) return true;
        if (v.kind == SB_VAL_LIST && list_has_rel(v.as.list, rel)) return true;
    }
    return false;
}

sb_status sb_exec__asks_used(sb_exec *run, const sb_batch *in, const sb_plan_expand *e,
                             const uint64_t *nodes, sb_out *scratch, bool *asks)
{
    const uint64_t *own;
    uint64_t any; /* as wide as ids: several at once */

    *asks = false;
    for (uint32_t i = 0; i < e->unlike_count && !*asks; i++) {
        if (in->columns[e->unlike[i]->slot] == NULL) continue;
        const sb_var *var = e->unlike_own == NULL ? NULL : e->unlike_own[i];
        *asks = var == NULL || in->columns[var->slot] == NULL;
        if (*asks) break;
        SB_TRY(sb_exec__ids(run, in, var, SB_VECTOR_NODE, scratch, &own));
        any = 0;
        for (uint32_t row = 0; row < in->row_count; row++)
            any |= own[row] == nodes[row];
        *asks = any != 0;
    }
    return SB_OK;
}

/* ---- EXPAND --------------------------------------------------------------------------------------------------------- */

typedef struct sb_expand_op {
    sb_operator op;
    sb_out *to, *rel; /* NULL: nobody reads it */
    sb_expand_types types;
    sb_end_labels ends; /* of `to` */
    sb_expand *expand;  /* NULL until needed */
    uint64_t state;     /* run->state that types, ends and expand are of */
    sb_exec_ends give;  /* NULL: rows are made */
    void *give_ctx;
    const sb_batch *in; /* NULL: take the next */
    sb_out scratch, own_scratch, ends_scratch;
    const uint64_t *nodes; /* of in */
    bool asks_used;        /* lists of in may have relationships that its rows have used */
    const uint64_t *bound; /* `to` of in, when it is bound; NULL */
    /* rows that were read */
    uint32_t rows[SB_BATCH_ROWS];
    uint64_t ids[SB_BATCH_ROWS], rels[SB_BATCH_ROWS];
    uint32_t kept[SB_BATCH_ROWS];    /* places of those that stay */
    uint8_t labelled[SB_BATCH_ROWS]; /* by place */
} sb_expand_op;

static sb_status expand_open(sb_operator *op)
{
    sb_expand_op *x = (sb_expand_op *)op;
    const sb_plan_expand *e = &op->plan->as.expand;

    SB_TRY(sb_exec__need_outs(op));
    if (!e->to_bound) x->to = sb_exec__out_of(op, e->to);
    x->rel = sb_exec__out_of(op, e->rel);
    SB_TRY(sb_exec__types_open(op->run, e, &x->types));
    return sb_exec__labels_compile(op->run, e->to_labels, SB_NAME_LABEL, NULL, &x->ends.labels);
}

static void expand_close(sb_operator *op)
{
    sb_expand_op *x = (sb_expand_op *)op;

    sb_expand_close(x->expand);
    sb_exec__out_free(op->run, &x->scratch);
    sb_exec__out_free(op->run, &x->own_scratch);
    sb_exec__out_free(op->run, &x->ends_scratch);
}

static void expand_reset(sb_operator *op)
{
    sb_expand_op *x = (sb_expand_op *)op;

    x->in = NULL;
    if (x->expand != NULL) sb_expand_begin(x->expand, NULL, 0); /* lets go of the list at hand */
}

/* Which lists are read: found out once for a state of the graph, or with each batch where names may come to be. */
static sb_status find_lists(sb_expand_op *x)
{
    sb_exec *run = x->op.run;
    const sb_plan_expand *e = &x->op.plan->as.expand;

    if (x->state == run->state && !run->compiled->writes) return SB_OK;
    x->state = 0;
    sb_exec__types_find(run, e, &x->types);
    x->ends.rows = 0;
    x->ends.implied = false;
    const sb_expand_options options = {.direction = sb_exec__direction(e->direction),
                                       .types = x->types.ids,
                                       .type_count = x->types.count,
                                       .loops_once = true};
    if (x->types.any)
        SB_TRY(x->expand != NULL ? sb_expand_reopen(x->expand, run->graph, &options, run->err)
                                 : sb_expand_open(run->graph, &options, &x->expand, run->err));
    x->state = run->state; /* only now: a failed one is tried again */
    return SB_OK;
}

static sb_status next_input(sb_expand_op *x)
{
    sb_exec *run = x->op.run;
    const sb_plan_expand *e = &x->op.plan->as.expand;

    SB_TRY(sb_exec__pull(&x->op, &x->in));
    if (x->in == NULL) return SB_OK;
    SB_TRY(find_lists(x));
    SB_TRY(sb_exec__ids(run, x->in, e->from, SB_VECTOR_NODE, &x->scratch, &x->nodes));
    SB_TRY(sb_exec__asks_used(run, x->in, e, x->nodes, &x->own_scratch, &x->asks_used));
    if (x->types.any)
        SB_TRY(sb_exec__expand_begin(&x->op, x->expand, &x->types, sb_exec__direction(e->direction),
                                     x->rel != NULL || x->asks_used, x->nodes, x->in->row_count));
    if (!e->to_bound) return SB_OK;
    return sb_exec__ids(run, x->in, e->to, SB_VECTOR_NODE, &x->ends_scratch, &x->bound);
}

static void keep_all(sb_expand_op *x, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        x->kept[i] = i;
}

static uint32_t keep_bound(sb_expand_op *x, uint32_t count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        x->kept[kept] = i;
        kept += x->ids[i] == x->bound[x->rows[i]];
    }
    return kept;
}

static uint32_t keep_unused(sb_expand_op *x, uint32_t count)
{
    const sb_plan_expand *e = &x->op.plan->as.expand;
    const sb_vector *one = e->unlike_count == 1 ? x->in->columns[e->unlike[0]->slot] : NULL;
    uint32_t kept = 0;

    if (one != NULL && one->kind == SB_VECTOR_REL && !one->constant && one->nulls == NULL) {
        for (uint32_t k = 0; k < count; k++) {
            const uint32_t i = x->kept[k];
            x->kept[kept] = i;
            kept += one->as.ids[x->rows[i]] != x->rels[i];
        }
        return kept;
    }
    for (uint32_t k = 0; k < count; k++) {
        const uint32_t i = x->kept[k];
        x->kept[kept] = i;
        kept += !sb_exec__rel_used(e->unlike, e->unlike_count, x->in, x->rows[i], x->rels[i]);
    }
    return kept;
}

static sb_status keep_labelled(sb_expand_op *x, uint32_t *count)
{
    sb_exec *run = x->op.run;
    uint32_t kept = 0;
    bool implied;

    if (*count == 0) return SB_OK;
    SB_TRY(sb_exec__end_labels(run, &x->ends, &x->types,
                               sb_exec__direction(x->op.plan->as.expand.direction), *count,
                               &implied));
    if (implied) return SB_OK;
    /* of all rows: those dropped before are few */
    SB_TRY(sb_exec__labels_ask(run, x->ends.labels, x->ids, x->kept[*count - 1] + 1u, x->labelled));
    for (uint32_t k = 0; k < *count; k++) {
        const uint32_t i = x->kept[k];
        x->kept[kept] = i;
        kept += x->labelled[i];
    }
    *count = kept;
    return SB_OK;
}

/* Rows of labelled ends come together at the front: how many those are. */
SB_INLINE uint32_t pack_labelled(sb_expand_op *x, uint32_t count, bool rels)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        x->rows[kept] = x->rows[i];
        x->ids[kept] = x->ids[i];
        if (rels) x->rels[kept] = x->rels[i];
        kept += x->labelled[i];
    }
    return kept;
}

/* Where nothing but labels is asked: in one pass. */
static sb_status drop_unlabelled(sb_expand_op *x, uint32_t *count)
{
    bool implied;

    SB_TRY(sb_exec__end_labels(x->op.run, &x->ends, &x->types,
                               sb_exec__direction(x->op.plan->as.expand.direction), *count,
                               &implied));
    if (implied) return SB_OK;
    SB_TRY(sb_exec__labels_ask(x->op.run, x->ends.labels, x->ids, *count, x->labelled));
    *count = x->rel != NULL ? pack_labelled(x, *count, true) : pack_labelled(x, *count, false);
    return SB_OK;
}

/* Drop rows that the plan does not want: the others come together at the front. */
static sb_status drop_rows(sb_expand_op *x, uint32_t *count)
{
    const sb_plan_expand *e = &x->op.plan->as.expand;
    uint32_t kept = *count;

    if (!e->to_bound && !x->asks_used)
        return x->ends.labels == NULL ? SB_OK : drop_unlabelled(x, count);
    keep_all(x, kept);
    if (e->to_bound) kept = keep_bound(x, kept);
    if (x->asks_used) kept = keep_unused(x, kept);
    if (x->ends.labels != NULL) SB_TRY(keep_labelled(x, &kept));
    if (kept == *count) return SB_OK;
    for (uint32_t k = 0; k < kept; k++) {
        x->rows[k] = x->rows[x->kept[k]];
        x->ids[k] = x->ids[x->kept[k]];
        x->rels[k] = x->rels[x->kept[k]];
    }
    *count = kept;
    return SB_OK;
}

/* The rows as they lie here, which stay until the next call. */
static void bind_ids(sb_expand_op *x, sb_out *out, const sb_var *var, sb_vector_kind kind,
                     const uint64_t *ids)
{
    if (out == NULL) return;
    out->vector = (sb_vector){.kind = (uint8_t)kind, .as.ids = ids};
    sb_exec__bind(&x->op, var, out);
}

static sb_status expand_rows(sb_expand_op *x, uint32_t *count)
{
    const bool with_rels = x->rel != NULL || x->asks_used;
    const sb_expand_rows rows = {
        .from = x->rows, .neighbors = x->ids, .rels = with_rels ? x->rels : NULL};
    size_t read = 0;

    *count = 0;
    while (*count == 0) {
        SB_TRY(sb_exec__tick(x->op.run));
        SB_TRY(
            sb_expand_next(x->expand, &rows, sb_exec__rows_wanted(&x->op), &read, x->op.run->err));
        if (read == 0) return SB_OK;
        *count = (uint32_t)read;
        SB_TRY(drop_rows(x, count));
    }
    return SB_OK;
}

/* ---- Ends without rows ---- */

/* Ends after which AGGREGATE gets to look at its memory. */
#define ENDS_AT_ONCE 4096u

/* `first`, or the first entry from `from` on that is this relationship, or one of this list (of lists), if before. */
static uint32_t first_of(const sb_chunk *c, uint32_t from, sb_val used, uint32_t first)
{
    if (used.kind == SB_VAL_REL) {
        const uint32_t at = sb_chunk_find_rel(c, from, used.as.id);
        return at < first ? at : first;
    }
    for (uint64_t i = 0; used.kind == SB_VAL_LIST && i < used.as.list->count; i++)
        first = first_of(c, from, used.as.list->items[i], first);
    return first;
}

/* The first entry from `from` on whose relationship the row has used. */
static uint32_t first_used(const sb_expand_op *x, const sb_expand_piece *piece, uint32_t from)
{
    const sb_plan_expand *e = &x->op.plan->as.expand;
    const sb_chunk *c = &piece->entries;
    uint32_t first = c->count;

    for (uint32_t i = 0; x->asks_used && i < e->unlike_count; i++) {
        const sb_vector *column = x->in->columns[e->unlike[i]->slot];
        const sb_val v = column == NULL ? SB_VAL_NULL_VALUE : sb_vector_at(column, piece->from);
        first = first_of(c, from, v, first);
    }
    for (uint32_t i = from; piece->skipped != 0 && i < first; i++)
        if (sb_chunk_neighbor(c, i) == piece->skipped) return i;
    return first;
}

static sb_status give_piece(sb_expand_op *x, const sb_expand_piece *piece, uint32_t *given)
{
    const sb_chunk *c = &piece->entries;

    for (uint32_t from = 0, end; from < c->count; from = end + 1) {
        end = first_used(x, piece, from);
        sb_chunk part = *c;
        part.neighbors += (size_t)from * c->neighbor_width;
        part.rels += (size_t)from * c->rel_width;
        part.count = end - from;
        if (part.count != 0) SB_TRY(x->give(x->give_ctx, &part));
        *given += part.count;
    }
    return SB_OK;
}

static sb_status next_ends(sb_expand_op *x, const sb_batch **batch)
{
    sb_exec *run = x->op.run;
    uint32_t given = 0;

    while (given < ENDS_AT_ONCE) {
        sb_expand_piece piece;
        bool more = false;
        if (x->in == NULL) SB_TRY(next_input(x));
        if (x->in == NULL) break;
        SB_TRY(sb_exec__tick(run));
        if (x->types.any) SB_TRY(sb_expand_next_piece(x->expand, &piece, &more, run->err));
        if (more)
            SB_TRY(give_piece(x, &piece, &given));
        else
            x->in = NULL;
    }
    x->op.out.row_count = given;
    if (given != 0) *batch = &x->op.out;
    return SB_OK;
}

void sb_exec__expand_give_ends(sb_operator *expand, sb_exec_ends give, void *ctx)
{
    sb_expand_op *x = (sb_expand_op *)expand;

    x->give = give;
    x->give_ctx = ctx;
}

static sb_status expand_next(sb_operator *op, const sb_batch **batch)
{
    sb_expand_op *x = (sb_expand_op *)op;
    uint32_t count = 0;

    *batch = NULL;
    if (x->give != NULL) return next_ends(x, batch);
    while (count == 0) {
        if (x->in == NULL) SB_TRY(next_input(x));
        if (x->in == NULL) return SB_OK;
        if (x->types.any) SB_TRY(expand_rows(x, &count));
        if (count == 0) x->in = NULL;
    }
    if (x->in->row_count == 1)
        sb_exec__pass_row(op, x->in, 0, count);
    else
        SB_TRY(sb_exec__pass_rows(op, x->in, x->rows, count));
    bind_ids(x, x->to, op->plan->as.expand.to, SB_VECTOR_NODE, x->ids);
    bind_ids(x, x->rel, op->plan->as.expand.rel, SB_VECTOR_REL, x->rels);
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__expand = {.state_bytes = sizeof(sb_expand_op),
                                         .open = expand_open,
                                         .next = expand_next,
                                         .reset = expand_reset,
                                         .close = expand_close};

/* ---- EXPAND_INTO ------------------------------------------------------------------------------------------------------- */

typedef struct sb_into_op {
    sb_operator op;
    sb_out *rel;
    sb_expand_types types;
    const sb_batch *in; /* NULL: take the next */
    sb_out from_scratch, to_scratch;
    const uint64_t *from, *to; /* of in */
    uint32_t row;
    /* the list of a node that several rows in a row have */
    sb_expand *expand;
    uint64_t generation; /* of the run that expand is of */
    bool expand_turned;  /* it goes against the pattern: the node is the rows' `to` */
    uint64_t list_node;  /* 0: none */
    sb_held_list list;
    uint32_t list_at;  /* where the last row was looked up, */
    uint64_t list_key; /* whose other end it was: rows that come out of one list ask in its order */
    uint32_t list_end; /* rows below have that node */
    sb_buffer found;   /* relationships of the row, */
    size_t at;         /* handed on up to here */
    uint32_t count;
    uint32_t rows[SB_BATCH_ROWS];
    uint64_t rels[SB_BATCH_ROWS];
} sb_into_op;

static sb_status into_open(sb_operator *op)
{
    sb_into_op *x = (sb_into_op *)op;

    sb_buffer_init(&x->found, op->run->alloc);
    sb_exec__held_init(op->run, &x->list);
    SB_TRY(sb_exec__need_outs(op));
    x->rel = sb_exec__out_of(op, op->plan->as.expand.rel);
    return sb_exec__types_open(op->run, &op->plan->as.expand, &x->types);
}

static void into_close(sb_operator *op)
{
    sb_into_op *x = (sb_into_op *)op;

    sb_buffer_deinit(&x->found);
    sb_exec__held_free(&x->list);
    sb_expand_close(x->expand);
    sb_exec__out_free(op->run, &x->from_scratch);
    sb_exec__out_free(op->run, &x->to_scratch);
}

static void into_reset(sb_operator *op)
{
    sb_into_op *x = (sb_into_op *)op;

    x->in = NULL;
    x->at = 0;
    sb_buffer_reset(&x->found);
    if (x->expand != NULL) sb_expand_begin(x->expand, NULL, 0); /* lets go of the list at hand */
}

static sb_status into_input(sb_into_op *x)
{
    sb_exec *run = x->op.run;
    const sb_plan_expand *e = &x->op.plan->as.expand;

    SB_TRY(sb_exec__pull(&x->op, &x->in));
    if (x->in == NULL) return SB_OK;
    sb_exec__types_find(run, e, &x->types);
    x->list_node = 0;
    x->list_end = 0;
    x->row = x->types.any ? 0 : x->in->row_count;
    SB_TRY(sb_exec__ids(run, x->in, e->from, SB_VECTOR_NODE, &x->from_scratch, &x->from));
    return sb_exec__ids(run, x->in, e->to, SB_VECTOR_NODE, &x->to_scratch, &x->to);
}

/* ---- Rows that share a node: its list once, and the other ends looked up in it ---- */

uint32_t sb_exec__rows_sharing(const uint64_t *ids, uint32_t row, uint32_t end)
{
    uint32_t n = 1;

    while (row + n < end && ids[row + n] == ids[row])
        n++;
    return n;
}

uint32_t sb_exec__runs(const uint64_t *ids, uint32_t count)
{
    uint64_t runs = count != 0; /* as wide as ids: several at once */

    for (uint32_t i = 1; i < count; i++)
        runs += ids[i] != ids[i - 1];
    return (uint32_t)runs;
}

static sb_status open_list(sb_into_op *x, bool turned)
{
    sb_exec *run = x->op.run;
    const sb_direction direction = sb_exec__direction(x->op.plan->as.expand.direction);
    const sb_expand_options options = {.direction = !turned || direction == SB_BOTH ? direction
                                                    : direction == SB_OUT           ? SB_IN
                                                                                    : SB_OUT,
                                       .types = x->types.ids,
                                       .type_count = x->types.count,
                                       .loops_once = true};

    if (x->expand != NULL && x->generation == run->generation && x->expand_turned == turned &&
        !run->compiled->writes)
        return SB_OK;
    x->generation = run->generation;
    x->expand_turned = turned;
    if (x->expand != NULL) return sb_expand_reopen(x->expand, run->graph, &options, run->err);
    return sb_expand_open(run->graph, &options, &x->expand, run->err);
}

/* Make the list of the node that rows from here on share, when it is worth it: a list costs its length, a look-up of its own about as
 * much as this many entries. */
#define LOOKUP_ENTRIES 16u

static sb_status share_list(sb_into_op *x)
{
    const uint32_t end = x->in->row_count, by_from = sb_exec__rows_sharing(x->from, x->row, end),
                   by_to = sb_exec__rows_sharing(x->to, x->row, end);
    const bool turned = by_to > by_from;
    const uint32_t rows = turned ? by_to : by_from;
    const uint64_t node = turned ? x->to[x->row] : x->from[x->row];
    bool whole = true;

    x->list_end = x->row + rows;
    x->list_node = 0;
    if (rows < 2 || node == 0) return SB_OK;
    SB_TRY(open_list(x, turned));
    x->list_at = 0;
    x->list_key = 0;
    SB_TRY(sb_exec__held_read(&x->list, x->expand, node, (size_t)LOOKUP_ENTRIES * rows, &whole));
    if (whole) x->list_node = node;
    return SB_OK;
}

static sb_status look_up_row(sb_into_op *x)
{
    const sb_chunk *entries = &x->list.entries;
    const uint64_t other = x->expand_turned ? x->from[x->row] : x->to[x->row];

    if (other < x->list_key) x->list_at = 0; /* back to the beginning */
    x->list_key = other;
    x->list_at = sb_exec__entry_from(entries, x->list_at, other);
    for (uint32_t i = x->list_at; i < entries->count && sb_chunk_neighbor(entries, i) == other;
         i++) {
        const uint64_t rel = sb_chunk_rel(entries, i);
        if (sb_buffer_append(&x->found, &rel, sizeof rel) != SB_OK)
            return sb_exec__no_memory(x->op.run);
    }
    return SB_OK;
}

static sb_status rels_of_row(sb_into_op *x)
{
    sb_exec *run = x->op.run;
    const sb_expand_options options = {.direction =
                                           sb_exec__direction(x->op.plan->as.expand.direction),
                                       .types = x->types.ids,
                                       .type_count = x->types.count};
    const sb_rel_id *rels;
    size_t count;

    sb_buffer_reset(&x->found);
    x->at = 0;
    if (x->row >= x->list_end) SB_TRY(share_list(x));
    if (x->from[x->row] == 0 || x->to[x->row] == 0) return SB_OK;
    if (x->list_node != 0) return look_up_row(x);
    SB_TRY(sb_graph_rels_between(run->graph, x->from[x->row], x->to[x->row], &options, &rels,
                                 &count, run->err));
    if (count == 0) return SB_OK;
    if (sb_buffer_append(&x->found, rels, count * sizeof *rels) != SB_OK)
        return sb_exec__no_memory(run);
    return SB_OK;
}

/* Gather until there is a batch, or the input batch is done. */
static sb_status into_gather(sb_into_op *x)
{
    const sb_plan_expand *e = &x->op.plan->as.expand;

    const uint32_t most = sb_exec__rows_wanted(&x->op);

    x->count = 0;
    for (;;) {
        const size_t total = x->found.size / sizeof(uint64_t);
        for (; x->at < total && x->count < most; x->at++) {
            const uint64_t rel = ((const uint64_t *)(const void *)x->found.data)[x->at];
            if (sb_exec__rel_used(e->unlike, e->unlike_count, x->in, x->row - 1, rel)) continue;
            x->rows[x->count] = x->row - 1; /* row is the next to be asked for */
            x->rels[x->count++] = rel;
        }
        if (x->at < total || x->row >= x->in->row_count || x->count >= most) return SB_OK;
        SB_TRY(rels_of_row(x));
        x->row++;
    }
}

static sb_status into_next(sb_operator *op, const sb_batch **batch)
{
    sb_into_op *x = (sb_into_op *)op;

    *batch = NULL;
    x->count = 0;
    while (x->count == 0) {
        const bool done = x->in == NULL ||
                          (x->row >= x->in->row_count && x->at >= x->found.size / sizeof(uint64_t));
        if (done) SB_TRY(into_input(x));
        if (x->in == NULL) return SB_OK;
        SB_TRY(into_gather(x));
    }
    SB_TRY(sb_exec__pass_rows(op, x->in, x->rows, x->count));
    if (x->rel != NULL) {
        uint64_t *to = sb_exec__out_begin(op->run, x->rel, SB_VECTOR_REL, x->count);
        if (to == NULL) return sb_exec__no_memory(op->run);
        memcpy(to, x->rels, x->count * sizeof *to);
        sb_exec__bind(op, op->plan->as.expand.rel, x->rel);
    }
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__expand_into = {.state_bytes = sizeof(sb_into_op),
                                              .open = into_open,
                                              .next = into_next,
                                              .reset = into_reset,
                                              .close = into_close};
