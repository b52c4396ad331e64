/* op_scan.c — all nodes, nodes of a label, all relationships of some types. For each row of the input the whole scan: its rows go on
 * with the input's as constants. */
#include "cypher/exec/op_priv.h"

/* ---- What scans share: one input row at a time ------------------------------------------------------------------- */

typedef struct sb_scan_op {
    sb_operator op;
    sb_out *node;       /* what is bound; NULL: nobody reads it */
    const sb_batch *in; /* NULL: take the next */
    uint32_t row;       /* of in */
    sb_scan *scan;      /* of that row; NULL: none under way */
    /* NULL: all ids; else each range for the input row at hand, which is the only one */
    sb_id_ranges *ranges;
    uint64_t first_id, last_id; /* of the range; 0, 0: all */
    bool is_input;              /* of the statement (progress.c) */
    uint32_t handed_on;         /* entities, not yet counted as done */
    uint64_t ids[SB_BATCH_ROWS];
    /* relationships */
    sb_out *rel, *from, *to;
    sb_name_ref **types;
    uint32_t type;    /* place among types */
    uint32_t pending; /* ids whose other orientation is still to come */
    uint64_t sources[SB_BATCH_ROWS], targets[SB_BATCH_ROWS];
    uint8_t found[SB_BATCH_ROWS / 8];
} sb_scan_op;

static void scan_reset(sb_operator *op)
{
    sb_scan_op *s = (sb_scan_op *)op;

    sb_scan_close(s->scan);
    s->scan = NULL;
    s->in = NULL;
    s->pending = 0;
    s->handed_on = 0;
}

/* What was handed on has been worked off, and count entities are next. */
static void hand_on(sb_scan_op *s, size_t count)
{
    if (s->handed_on != 0) sb_exec__input_done(s->op.run, s->handed_on);
    s->handed_on = s->is_input ? (uint32_t)count : 0;
}

bool sb_exec__scan_ranges(sb_operator *op, sb_id_ranges *ranges, sb_entity *entity)
{
    const sb_plan *plan = op->plan;

    if (op->ops != &sb_exec__node_scan &&
        (op->ops != &sb_exec__rel_scan || plan->as.expand.type_count > 1 ||
         plan->as.expand.direction == SB_REL_EITHER))
        return false;
    *entity = op->ops == &sb_exec__node_scan ? SB_NODE : SB_REL;
    ((sb_scan_op *)op)->ranges = ranges;
    ((sb_scan_op *)op)->first_id = ((sb_scan_op *)op)->last_id = 0;
    return true;
}

/* An input row to scan for, or a range of ids to scan for it; *more false: there is none. */
static sb_status next_row(sb_scan_op *s, bool *more)
{
    *more = true;
    if (s->in == NULL || (s->ranges == NULL && ++s->row >= s->in->row_count)) {
        do {
            SB_TRY(sb_exec__pull(&s->op, &s->in));
        } while (s->in != NULL && s->in->row_count == 0);
        s->row = 0;
        *more = s->in != NULL;
    }
    if (SB_UNLIKELY(s->ranges != NULL) && *more)
        *more = s->ranges->next(s->ranges, &s->first_id, &s->last_id);
    return SB_OK;
}

static sb_status put_ids(sb_operator *op, sb_out *out, const sb_var *var, sb_vector_kind kind,
                         const uint64_t *ids, uint32_t count)
{
    if (out == NULL) return SB_OK;
    uint64_t *to = sb_exec__out_begin(op->run, out, kind, count);
    if (to == NULL) return sb_exec__no_memory(op->run);
    memcpy(to, ids, count * sizeof *to);
    sb_exec__bind(op, var, out);
    return SB_OK;
}

/* ---- Nodes ----------------------------------------------------------------------------------------------------------- */

static sb_status node_scan_open(sb_operator *op)
{
    SB_TRY(sb_exec__need_outs(op));
    ((sb_scan_op *)op)->node = sb_exec__out_of(op, op->plan->as.scan.node);
    ((sb_scan_op *)op)->is_input = sb_exec__is_input(op->run, op->plan);
    return SB_OK;
}

/* *any false: there is no such label. */
static sb_status begin_nodes(sb_scan_op *s, bool *any)
{
    sb_exec *run = s->op.run;
    const sb_plan *plan = s->op.plan;
    sb_scan_options options = {.entity = SB_NODE, .first_id = s->first_id, .last_id = s->last_id};

    *any = true;
    if (plan->as.scan.label_given) {
        options.name = sb_exec__name(run, &run->names[plan->as.scan.label]);
        *any = options.name != 0;
    }
    return *any ? sb_scan_open(run->graph, &options, &s->scan, run->err) : SB_OK;
}

static sb_status node_scan_next(sb_operator *op, const sb_batch **batch)
{
    sb_scan_op *s = (sb_scan_op *)op;
    size_t count = 0;

    *batch = NULL;
    hand_on(s, 0);
    for (;;) {
        if (s->scan == NULL) {
            bool more, any = false;
            SB_TRY(next_row(s, &more));
            if (!more) return SB_OK;
            SB_TRY(begin_nodes(s, &any));
            if (!any) continue;
        }
        SB_TRY(sb_exec__tick(op->run));
        SB_TRY(sb_scan_next(s->scan, s->ids, sb_exec__rows_wanted(op), &count, op->run->err));
        if (count != 0) break;
        sb_scan_close(s->scan);
        s->scan = NULL;
    }
    hand_on(s, count);
    sb_exec__pass_row(op, s->in, s->row, (uint32_t)count);
    *batch = &op->out;
    return put_ids(op, s->node, op->plan->as.scan.node, SB_VECTOR_NODE, s->ids, (uint32_t)count);
}

const sb_operator_ops sb_exec__node_scan = {.state_bytes = sizeof(sb_scan_op),
                                            .open = node_scan_open,
                                            .next = node_scan_next,
                                            .reset = scan_reset,
                                            .close = scan_reset};

/* ---- Relationships ------------------------------------------------------------------------------------------------------ */

static sb_status rel_scan_open(sb_operator *op)
{
    sb_scan_op *s = (sb_scan_op *)op;
    const sb_plan_expand *e = &op->plan->as.expand;

    SB_TRY(sb_exec__need_outs(op));
    s->rel = sb_exec__out_of(op, e->rel);
    s->from = sb_exec__out_of(op, e->from);
    s->to = sb_exec__out_of(op, e->to);
    s->is_input = sb_exec__is_input(op->run, op->plan);
    return SB_OK;
}

/* The next type's scan of the row at hand; *more false: there is none. Types given twice count once. */
static sb_status next_type(sb_scan_op *s, bool *more)
{
    sb_exec *run = s->op.run;
    const sb_plan_expand *e = &s->op.plan->as.expand;
    sb_scan_options options = {.entity = SB_REL, .first_id = s->first_id, .last_id = s->last_id};
    bool usable = false;

    while (!usable && s->type < (e->type_count == 0 ? 1 : e->type_count)) {
        const uint32_t place = s->type++;
        usable = true;
        if (e->type_count == 0) break;
        options.name = sb_exec__name(run, &run->names[e->types[place]]);
        usable = options.name != 0;
        for (uint32_t i = 0; i < place; i++)
            usable = usable && e->types[i] != e->types[place];
    }
    *more = usable;
    return usable ? sb_scan_open(run->graph, &options, &s->scan, run->err) : SB_OK;
}

static sb_status more_rels(sb_scan_op *s, size_t *count)
{
    sb_exec *run = s->op.run;

    for (*count = 0; *count == 0;) {
        if (s->scan == NULL) {
            bool more = false;
            if (s->in != NULL) SB_TRY(next_type(s, &more));
            if (!more) {
                SB_TRY(next_row(s, &more));
                if (!more) return SB_OK;
                s->type = 0;
                continue;
            }
        }
        SB_TRY(sb_exec__tick(run));
        SB_TRY(sb_scan_next(s->scan, s->ids, sb_exec__rows_wanted(&s->op), count, run->err));
        if (*count == 0) {
            sb_scan_close(s->scan);
            s->scan = NULL;
        }
    }
    return sb_graph_fetch_ends(run->graph, s->ids, *count, s->sources, s->targets, NULL, s->found,
                               run->err);
}

/* For the second orientation a loop is no match of its own. */
static uint32_t drop_loops(sb_scan_op *s, uint32_t count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (s->sources[i] == s->targets[i]) continue;
        s->ids[kept] = s->ids[i];
        s->sources[kept] = s->sources[i];
        s->targets[kept++] = s->targets[i];
    }
    return kept;
}

static sb_status rel_scan_next(sb_operator *op, const sb_batch **batch)
{
    sb_scan_op *s = (sb_scan_op *)op;
    const sb_plan_expand *e = &op->plan->as.expand;
    bool reversed = e->direction == SB_REL_IN;
    uint32_t count = 0;

    *batch = NULL;
    if (s->pending != 0) {
        count = drop_loops(s, s->pending);
        s->pending = 0;
        reversed = true;
    }
    if (count == 0) {
        size_t scanned;
        hand_on(s, 0);
        SB_TRY(more_rels(s, &scanned));
        hand_on(s, scanned);
        if (scanned == 0) return SB_OK;
        count = (uint32_t)scanned;
        reversed = e->direction == SB_REL_IN;
        if (e->direction == SB_REL_EITHER) s->pending = count;
    }
    sb_exec__pass_row(op, s->in, s->row, count);
    SB_TRY(put_ids(op, s->rel, e->rel, SB_VECTOR_REL, s->ids, count));
    SB_TRY(
        put_ids(op, s->from, e->from, SB_VECTOR_NODE, reversed ? s->targets : s->sources, count));
    SB_TRY(put_ids(op, s->to, e->to, SB_VECTOR_NODE, reversed ? s->sources : s->targets, count));
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__rel_scan = {.state_bytes = sizeof(sb_scan_op),
                                           .open = rel_scan_open,
                                           .next = rel_scan_next,
                                           .reset = scan_reset,
                                           .close = scan_reset};
