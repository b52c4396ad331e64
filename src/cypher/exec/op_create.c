/* op_create.c — CREATE: for a batch of rows one list of changes, first all nodes, row by row, then all relationships. */
#include "cypher/exec/op_priv.h"
#include "cypher/exec/write.h"

/* ---- Making a pattern ----------------------------------------------------------------------------------------------- */

static sb_status open_things(sb_exec *run, sb_creator *c)
{
    const sb_plan_create *plan = c->plan;

    c->node_props = sb_exec__alloc_zero(run, plan->node_count, sizeof *c->node_props);
    c->rel_props = sb_exec__alloc_zero(run, plan->rel_count, sizeof *c->rel_props);
    c->node_outs = sb_exec__alloc_zero(run, plan->node_count, sizeof(sb_out));
    c->rel_outs = sb_exec__alloc_zero(run, plan->rel_count, sizeof(sb_out));
    c->node_dynamic = sb_exec__alloc_zero(run, plan->node_count, sizeof(sb_eval *));
    c->rel_dynamic = sb_exec__alloc_zero(run, plan->rel_count, sizeof(sb_eval *));
    if (c->node_props == NULL || c->rel_props == NULL || c->node_outs == NULL ||
        c->rel_outs == NULL || c->node_dynamic == NULL || c->rel_dynamic == NULL)
        return sb_exec__no_memory(run);
    for (uint32_t i = 0; i < plan->node_count; i++) {
        SB_TRY(sb_props__compile(run, plan->nodes[i].props, &c->node_props[i]));
        SB_TRY(sb_exec__compile_maybe(run, plan->nodes[i].dynamic, &c->node_dynamic[i]));
    }
    for (uint32_t i = 0; i < plan->rel_count; i++) {
        SB_TRY(sb_props__compile(run, plan->rels[i].props, &c->rel_props[i]));
        SB_TRY(sb_exec__compile_maybe(run, plan->rels[i].dynamic, &c->rel_dynamic[i]));
    }
    return SB_OK;
}

sb_status sb_creator__open(sb_exec *run, const sb_plan_create *plan, sb_creator *creator)
{
    creator->plan = plan;
    sb_changes__open(run, &creator->changes);
    sb_buffer_init(&creator->types, run->alloc);
    return open_things(run, creator);
}

void sb_creator__close(sb_creator *creator)
{
    sb_exec *run = creator->changes.run;

    if (run == NULL) return;
    sb_changes__close(&creator->changes);
    sb_buffer_deinit(&creator->types);
    for (uint32_t i = 0; creator->node_outs != NULL && i < creator->plan->node_count; i++)
        sb_exec__out_free(run, &creator->node_outs[i]);
    for (uint32_t i = 0; creator->rel_outs != NULL && i < creator->plan->rel_count; i++)
        sb_exec__out_free(run, &creator->rel_outs[i]);
}

static sb_status add_label(sb_exec *run, sb_plan_name name, sb_buffer *labels)
{
    uint32_t id;

    SB_TRY(sb_exec__name_make(run, &run->names[name], &id));
    return sb_buffer_append(labels, &id, sizeof id) == SB_OK ? SB_OK : sb_exec__no_memory(run);
}

/* Labels that expressions give this row's node, beside those that it has whatever the row is. */
static sb_status add_dynamic_labels(sb_exec *run, sb_creator *c, sb_eval *dynamic,
                                    const sb_batch *in, uint32_t row)
{
    sb_val list;

    SB_TRY(sb_exec__eval_row(dynamic, in, row, &list));
    return sb_exec__placed(
        dynamic, run, sb_exec__dynamic_ids(run, list, SB_NAME_LABEL, true, &c->changes.labels));
}

static sb_status add_node(sb_exec *run, sb_creator *c, uint32_t i, const sb_batch *in, uint32_t row,
                          sb_null_prop null)
{
    const sb_plan_create_node *node = &c->plan->nodes[i];

    if (sb_changes__add(&c->changes, SB_OP_CREATE_NODE, SB_NODE, 0) == NULL)
        return sb_exec__no_memory(run);
    for (uint32_t k = 0; k < node->label_count; k++)
        SB_TRY(add_label(run, node->labels[k], &c->changes.labels));
    if (c->node_dynamic[i] != NULL) SB_TRY(add_dynamic_labels(run, c, c->node_dynamic[i], in, row));
    return sb_props__append(run, &c->node_props[i], in, row, null, &c->changes.props);
}

/* An end of a relationship: a node made here for the same row, or one that the row has. */
static sb_status end_of(sb_exec *run, const sb_creator *c, const sb_var *var, const sb_batch *in,
                        uint32_t row, uint32_t made_row, sb_op_ref *ref)
{
    const sb_vector *column;

    for (uint32_t i = 0; i < c->plan->node_count; i++)
        if (c->plan->nodes[i].var->slot == var->slot) {
            *ref = (sb_op_ref){.result_of = (int64_t)made_row * c->plan->node_count + i};
            return SB_OK;
        }
    SB_TRY(sb_exec__column(run, in, var, &column));
    const sb_val v = sb_vector_at(column, row);
    if (v.kind != SB_VAL_NODE)
        return sb_exec__type_error(run, "the end of a new relationship", "a node", v);
    SB_TRY(sb_exec__still_there(run, SB_NODE, v.as.id));
    *ref = (sb_op_ref){.id = v.as.id, .result_of = -1};
    return SB_OK;
}

static sb_status ends_of(sb_exec *run, const sb_creator *c, const sb_plan_create_rel *rel,
                         const sb_batch *in, uint32_t row, uint32_t made_row, sb_op *op)
{
    sb_status status = end_of(run, c, rel->from, in, row, made_row, &op->source);

    if (status == SB_OK) status = end_of(run, c, rel->to, in, row, made_row, &op->target);
    if (status != SB_OK) sb_exec__place_at(run, rel->span);
    return status;
}

/* The one type that an expression gives. */
static sb_status dynamic_type(sb_exec *run, sb_creator *c, sb_eval *dynamic, const sb_batch *in,
                              uint32_t row, uint32_t *type)
{
    sb_val list;

    SB_TRY(sb_exec__eval_row(dynamic, in, row, &list));
    sb_buffer_reset(&c->types);
    SB_TRY(sb_exec__placed(dynamic, run,
                           sb_exec__dynamic_ids(run, list, SB_NAME_TYPE, true, &c->types)));
    if (c->types.size == sizeof *type) {
        memcpy(type, c->types.data, sizeof *type);
        return SB_OK;
    }
    return sb_exec__placed(
        dynamic, run,
        sb_cypher_fail_runtime(run->err, SB_CYPHER_INVALID_ARGUMENT_VALUE,
                               "a relationship has one type, the expression gives %zu",
                               c->types.size / sizeof *type));
}

static sb_status add_rel(sb_exec *run, sb_creator *c, uint32_t i, const sb_batch *in, uint32_t row,
                         uint32_t made_row, sb_null_prop null)
{
    const sb_plan_create_rel *rel = &c->plan->rels[i];
    sb_op *op = sb_changes__add(&c->changes, SB_OP_CREATE_REL, SB_REL, 0);

    if (op == NULL) return sb_exec__no_memory(run);
    SB_TRY(ends_of(run, c, rel, in, row, made_row, op));
    if (c->rel_dynamic[i] != NULL)
        SB_TRY(dynamic_type(run, c, c->rel_dynamic[i], in, row, &op->type));
    else
        SB_TRY(sb_exec__name_make(run, &run->names[rel->type], &op->type));
    return sb_props__append(run, &c->rel_props[i], in, row, null, &c->changes.props);
}

/* Ids of the i-th of each row's `per_row` things. */
static sb_status take_made(sb_exec *run, sb_out *out, sb_vector_kind kind, const uint64_t *ids,
                           uint32_t i, uint32_t per_row, uint32_t count)
{
    uint64_t *to = sb_exec__out_begin(run, out, kind, count);

    if (to == NULL) return sb_exec__no_memory(run);
    SB_ASSERT(ids != NULL || count == 0); /* per_row > i things were made for each row */
    for (uint32_t row = 0; row < count; row++)
        to[row] = ids[(size_t)row * per_row + i];
    return SB_OK;
}

sb_status sb_creator__run(sb_creator *c, const sb_batch *in, uint32_t first, uint32_t count,
                          sb_null_prop null, sb_batch *out)
{
    sb_exec *run = c->changes.run;
    const sb_plan_create *plan = c->plan;
    const uint64_t *ids;

    sb_changes__clear(&c->changes);
    for (uint32_t row = 0; row < count; row++)
        for (uint32_t i = 0; i < plan->node_count; i++)
            SB_TRY(add_node(run, c, i, in, first + row, null));
    for (uint32_t row = 0; row < count; row++)
        for (uint32_t i = 0; i < plan->rel_count; i++)
            SB_TRY(add_rel(run, c, i, in, first + row, row, null));
    SB_TRY(sb_changes__apply(&c->changes, &ids));
    for (uint32_t i = 0; i < plan->node_count; i++) {
        SB_TRY(take_made(run, &c->node_outs[i], SB_VECTOR_NODE, ids, i, plan->node_count, count));
        out->columns[plan->nodes[i].var->slot] = &c->node_outs[i].vector;
    }
    if (ids != NULL) ids += (size_t)count * plan->node_count;
    for (uint32_t i = 0; i < plan->rel_count; i++) {
        SB_TRY(take_made(run, &c->rel_outs[i], SB_VECTOR_REL, ids, i, plan->rel_count, count));
        out->columns[plan->rels[i].var->slot] = &c->rel_outs[i].vector;
    }
    return SB_OK;
}

/* ---- CREATE ---------------------------------------------------------------------------------------------------------- */

typedef struct sb_create_op {
    sb_operator op;
    sb_creator creator;
} sb_create_op;

static sb_status create_open(sb_operator *op)
{
    return sb_creator__open(op->run, &op->plan->as.create, &((sb_create_op *)op)->creator);
}

static void create_close(sb_operator *op)
{
    sb_creator__close(&((sb_create_op *)op)->creator);
}

static sb_status create_next(sb_operator *op, const sb_batch **batch)
{
    const sb_batch *in;

    *batch = NULL;
    SB_TRY(sb_exec__pull(op, &in));
    if (in == NULL) return SB_OK;
    sb_exec__pass(op, in);
    SB_TRY(sb_creator__run(&((sb_create_op *)op)->creator, in, 0, in->row_count, SB_NULL_IGNORED,
                           &op->out));
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__create = {.state_bytes = sizeof(sb_create_op),
                                         .open = create_open,
                                         .next = create_next,
                                         .close = create_close};
