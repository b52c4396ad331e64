/* op_count.c — numbers without rows: nodes and relationships from the statistics, degrees from the lengths of lists. */
#include "cypher/exec/op_priv.h"

typedef struct sb_count_op {
    sb_operator op;
    sb_out *out;
    sb_labels *labels; /* COUNT_RELS: of the end; NULL: any */
    sb_expand_types types;
    sb_out scratch;
    sb_out *unlike; /* DEGREE: scratch for the ends of each: two */
    uint64_t degrees[SB_BATCH_ROWS], more[SB_BATCH_ROWS];
} sb_count_op;

/* ---- From the statistics --------------------------------------------------------------------------------------------- */

static sb_status count_nodes_open(sb_operator *op)
{
    SB_TRY(sb_exec__need_outs(op));
    ((sb_count_op *)op)->out = sb_exec__out_of(op, op->plan->as.scan.node);
    return SB_OK;
}

static sb_status emit_count(sb_count_op *c, const sb_batch *in, const sb_var *var, uint64_t count,
                            const sb_batch **batch)
{
    sb_exec__pass(&c->op, in);
    if (c->out != NULL) {
        SB_TRY(sb_exec__out_constant(c->op.run, c->out, sb_val_int((int64_t)count)));
        sb_exec__bind(&c->op, var, c->out);
    }
    *batch = &c->op.out;
    return SB_OK;
}

static sb_status count_nodes_next(sb_operator *op, const sb_batch **batch)
{
    sb_exec *run = op->run;
    const sb_plan *plan = op->plan;
    sb_label_id label = 0;
    uint64_t count = 0;
    const sb_batch *in;

    *batch = NULL;
    SB_TRY(sb_exec__pull(op, &in));
    if (in == NULL) return SB_OK;
    if (plan->as.scan.label_given) label = sb_exec__name(run, &run->names[plan->as.scan.label]);
    if (!plan->as.scan.label_given || label != 0)
        SB_TRY(sb_stats_nodes_of_label(run->view, label, &count, run->err));
    return emit_count((sb_count_op *)op, in, plan->as.scan.node, count, batch);
}

const sb_operator_ops sb_exec__count_nodes = {
    .state_bytes = sizeof(sb_count_op), .open = count_nodes_open, .next = count_nodes_next};

static sb_status count_rels_open(sb_operator *op)
{
    sb_count_op *c = (sb_count_op *)op;

    SB_TRY(sb_exec__need_outs(op));
    c->out = sb_exec__out_of(op, op->plan->as.expand.rel);
    SB_TRY(sb_exec__types_open(op->run, &op->plan->as.expand, &c->types));
    return sb_exec__labels_compile(op->run, op->plan->as.expand.to_labels, SB_NAME_LABEL, NULL,
                                   &c->labels);
}

/* Relationships of the types whose end has one of the labels: one pass over the statistics. */
typedef struct sb_end_count {
    sb_count_op *c;
    uint64_t count;
} sb_end_count;

static sb_status add_statistic(void *ctx, int kind, sb_set_id set, sb_type_id type,
                               sb_direction direction, uint64_t count)
{
    sb_end_count *e = ctx;
    const sb_count_op *c = e->c;
    /* `to` is where a relationship leads: its target, or its source when the pattern goes against it */
    const sb_direction end = c->op.plan->as.expand.direction == SB_REL_IN ? SB_OUT : SB_IN;
    bool wanted = c->types.count == 0;

    if (kind != 1 || direction != end) return SB_OK;
    for (size_t i = 0; i < c->types.count; i++)
        wanted = wanted || c->types.ids[i] == type;
    if (wanted && sb_exec__labels_match_set(c->op.run, c->labels, set)) e->count += count;
    return SB_OK;
}

static sb_status count_rels(sb_count_op *c, uint64_t *count)
{
    sb_exec *run = c->op.run;
    sb_end_count ends = {.c = c};

    *count = 0;
    if (!c->types.any) return SB_OK;
    if (c->labels != NULL) {
        SB_TRY(sb_stats_each(run->view, add_statistic, &ends, run->err));
        *count = ends.count;
        return SB_OK;
    }
    for (size_t i = 0; i < (c->types.count == 0 ? 1 : c->types.count); i++) {
        uint64_t more;
        SB_TRY(sb_stats_rels_of_type(run->view, c->types.count == 0 ? 0 : c->types.ids[i], &more,
                                     run->err));
        *count += more;
    }
    return SB_OK;
}

static sb_status count_rels_next(sb_operator *op, const sb_batch **batch)
{
    sb_count_op *c = (sb_count_op *)op;
    uint64_t count = 0;
    const sb_batch *in;

    *batch = NULL;
    SB_TRY(sb_exec__pull(op, &in));
    if (in == NULL) return SB_OK;
    sb_exec__types_find(op->run, &op->plan->as.expand, &c->types);
    SB_TRY(count_rels(c, &count));
    return emit_count(c, in, op->plan->as.expand.rel, count, batch);
}

const sb_operator_ops sb_exec__count_rels = {
    .state_bytes = sizeof(sb_count_op), .open = count_rels_open, .next = count_rels_next};

/* ---- DEGREE ----------------------------------------------------------------------------------------------------------- */

static sb_status degree_open(sb_operator *op)
{
    sb_count_op *c = (sb_count_op *)op;
    const sb_plan_expand *e = &op->plan->as.expand;

    SB_TRY(sb_exec__need_outs(op));
    c->out = sb_exec__out_of(op, e->rel);
    c->unlike = sb_exec__alloc_zero(op->run, 2 * (size_t)e->unlike_count, sizeof *c->unlike);
    if (c->unlike == NULL) return sb_exec__no_memory(op->run);
    return sb_exec__types_open(op->run, e, &c->types);
}

static void degree_close(sb_operator *op)
{
    sb_count_op *c = (sb_count_op *)op;

    sb_exec__out_free(op->run, &c->scratch);
    for (uint32_t i = 0; c->unlike != NULL && i < 2 * op->plan->as.expand.unlike_count; i++)
        sb_exec__out_free(op->run, &c->unlike[i]);
}

/* A loop is in both lists of its node: it counts once. */
static sb_status drop_loops(sb_count_op *c, const uint64_t *nodes, uint32_t count)
{
    sb_exec *run = c->op.run;
    const sb_expand_options options = {
        .direction = SB_OUT, .types = c->types.ids, .type_count = c->types.count};

    for (uint32_t i = 0; i < count; i++) {
        const sb_rel_id *loops;
        size_t loop_count;
        if (c->degrees[i] == 0) continue;
        SB_TRY(sb_graph_rels_between(run->graph, nodes[i], nodes[i], &options, &loops, &loop_count,
                                     run->err));
        c->degrees[i] -= loop_count;
    }
    return SB_OK;
}

/* A relationship used before does not count where it is one of the node's own. */
static sb_status drop_used(sb_count_op *c, const sb_batch *in, const uint64_t *nodes)
{
    sb_exec *run = c->op.run;
    const sb_plan_expand *e = &c->op.plan->as.expand;

    for (uint32_t u = 0; u < e->unlike_count; u++) {
        const uint64_t *starts, *ends;
        SB_TRY(
            sb_exec__ids(run, in, e->unlike_starts[u], SB_VECTOR_NODE, &c->unlike[2 * u], &starts));
        SB_TRY(
            sb_exec__ids(run, in, e->unlike_ends[u], SB_VECTOR_NODE, &c->unlike[2 * u + 1], &ends));
        for (uint32_t i = 0; i < in->row_count; i++) {
            const bool own = (e->direction != SB_REL_IN && starts[i] == nodes[i]) ||
                             (e->direction != SB_REL_OUT && ends[i] == nodes[i]);
            if (own && c->degrees[i] != 0) c->degrees[i]--;
        }
    }
    return SB_OK;
}

static sb_status find_degrees(sb_count_op *c, const sb_batch *in, const uint64_t *nodes)
{
    sb_exec *run = c->op.run;
    const sb_plan_expand *e = &c->op.plan->as.expand;
    const sb_direction direction = sb_exec__direction(e->direction);
    const uint32_t count = in->row_count;

    memset(c->degrees, 0, count * sizeof *c->degrees);
    if (!c->types.any) return SB_OK;
    for (size_t t = 0; t < (c->types.count == 0 ? 1 : c->types.count); t++) {
        SB_TRY(sb_graph_degrees(run->graph, nodes, count, direction,
                                c->types.count == 0 ? 0 : c->types.ids[t], c->more, run->err));
        for (uint32_t i = 0; i < count; i++)
            c->degrees[i] += c->more[i];
    }
    if (direction == SB_BOTH) SB_TRY(drop_loops(c, nodes, count));
    return drop_used(c, in, nodes);
}

static sb_status degree_next(sb_operator *op, const sb_batch **batch)
{
    sb_count_op *c = (sb_count_op *)op;
    const sb_plan_expand *e = &op->plan->as.expand;
    const uint64_t *nodes;
    const sb_batch *in;

    *batch = NULL;
    SB_TRY(sb_exec__pull(op, &in));
    if (in == NULL) return SB_OK;
    sb_exec__types_find(op->run, e, &c->types);
    SB_TRY(sb_exec__ids(op->run, in, e->from, SB_VECTOR_NODE, &c->scratch, &nodes));
    SB_TRY(find_degrees(c, in, nodes));
    sb_exec__pass(op, in);
    if (c->out != NULL) {
        c->out->vector =
            (sb_vector){.kind = SB_VECTOR_INT, .as.integers = (const int64_t *)c->degrees};
        sb_exec__bind(op, e->rel, c->out);
    }
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__degree = {.state_bytes = sizeof(sb_count_op),
                                         .open = degree_open,
                                         .next = degree_next,
                                         .close = degree_close};
