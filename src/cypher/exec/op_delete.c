/* op_delete.c — DELETE and DETACH DELETE.
 * Of a batch first all relationships go, then the nodes that have none left. A node that still has some waits: another row, or another
 * clause, may delete them. At the end of the statement it goes, or the statement fails. What was deleted is remembered, since expressions
 * still hold it. */
#include "cypher/exec/op_priv.h"

/* Relationships that are looked up in one go: a node may have more than there is memory for. */
#define PORTION 4096u
/* Things that are deleted in one go where nobody waits for it: a leaf that loses several is written once. Takes some 100 bytes for each. */
#define DELETED_AT_ONCE 16384u

typedef struct sb_delete_op {
    sb_operator op;
    sb_eval **entities;
    sb_buffer rels;      /* uint64_t: noted, and still there */
    sb_buffer nodes;     /* uint64_t: of the batch */
    sb_buffer neighbors; /* sb_neighbor: of a node being detached, a portion */
    uint32_t
        noted; /* entities, to look at the interrupt now and then: a batch may detach millions of relationships */
} sb_delete_op;

static sb_status delete_open(sb_operator *op)
{
    sb_delete_op *d = (sb_delete_op *)op;

    sb_buffer_init(&d->rels, op->run->alloc);
    sb_buffer_init(&d->nodes, op->run->alloc);
    sb_buffer_init(&d->neighbors, op->run->alloc);
    return sb_exec__compile_many(op->run, op->plan->as.delete_.entities, op->plan->as.delete_.count,
                                 &d->entities);
}

static void delete_close(sb_operator *op)
{
    sb_delete_op *d = (sb_delete_op *)op;

    sb_buffer_deinit(&d->rels);
    sb_buffer_deinit(&d->nodes);
    sb_buffer_deinit(&d->neighbors);
}

static void delete_reset(sb_operator *op)
{
    sb_buffer_reset(&((sb_delete_op *)op)->rels);
    sb_buffer_reset(&((sb_delete_op *)op)->nodes);
}

/* What was not noted before. */
static sb_status note_deleted(sb_delete_op *d, sb_deleted_ids *ids, uint64_t id, sb_type_id type)
{
    sb_exec *run = d->op.run;

    if (sb_deleted__put(ids, id, type) != SB_OK) return sb_exec__no_memory(run);
    run->any_deleted = true;
    return ++d->noted % 1024 == 0 ? sb_exec__tick(run) : SB_OK;
}

/* ids (uint64_t, all different) are none afterwards. */
static sb_status delete_all(sb_exec *run, sb_entity entity, sb_buffer *ids)
{
    const size_t count = ids->size / sizeof(uint64_t);

    if (count == 0) return SB_OK;
    SB_TRY(sb_graph_delete_enclosed(run->graph, entity, (const uint64_t *)(const void *)ids->data,
                                    count, run->err));
    *(entity == SB_REL ? &run->stats.rels_deleted : &run->stats.nodes_deleted) += count;
    sb_buffer_reset(ids);
    return SB_OK;
}

/* Once there are many. */
static sb_status add_doomed(sb_exec *run, sb_entity entity, uint64_t id, sb_buffer *ids)
{
    if (sb_buffer_append(ids, &id, sizeof id) != SB_OK) return sb_exec__no_memory(run);
    return ids->size < DELETED_AT_ONCE * sizeof id ? SB_OK : delete_all(run, entity, ids);
}

static sb_status delete_rel(sb_delete_op *d, uint64_t id)
{
    sb_exec *run = d->op.run;
    sb_rel_record record;
    bool found;

    if (sb_exec__is_deleted(run, SB_REL, id)) return SB_OK;
    SB_TRY(sb_graph_rel(run->graph, id, &record, &found, run->err));
    if (!found) return SB_OK; /* an earlier transaction of the statement has deleted it */
    SB_TRY(note_deleted(d, &run->deleted.rels, id, record.type));
    return add_doomed(run, SB_REL, id, &d->rels);
}

/* All relationships of a node, so that their types are known afterwards. */
static sb_status detach_node(sb_delete_op *d, uint64_t id)
{
    sb_exec *run = d->op.run;
    const sb_neighbors_options options = {.direction = SB_BOTH, .limit = PORTION};
    size_t count = 0;

    if (sb_buffer_reserve(&d->neighbors, PORTION * sizeof(sb_neighbor)) != SB_OK)
        return sb_exec__no_memory(run);
    const sb_neighbor *neighbors = (const sb_neighbor *)(const void *)d->neighbors.data;
    do {
        SB_TRY(sb_graph_neighbors(run->graph, id, &options,
                                  (sb_neighbor *)(void *)d->neighbors.data, PORTION, &count,
                                  run->err));
        for (size_t i = 0; i < count; i++)
            SB_TRY(delete_rel(d, neighbors[i].rel));
        /* Those behind them come first then. */
        if (count == PORTION) SB_TRY(delete_all(run, SB_REL, &d->rels));
    } while (count == PORTION);
    return SB_OK;
}

static sb_status delete_node(sb_delete_op *d, uint64_t id)
{
    sb_exec *run = d->op.run;
    sb_set_id set;
    const bool fresh = !sb_exec__is_deleted(run, SB_NODE, id);
    sb_type_id none;
    bool found;

    if (fresh) {
        SB_TRY(sb_graph_node_set(run->graph, id, &set, &found, run->err));
        if (!found) return SB_OK; /* as for relationships */
        SB_TRY(note_deleted(d, &run->deleted.nodes, id, 0));
        if (sb_buffer_append(&d->nodes, &id, sizeof id) != SB_OK) return sb_exec__no_memory(run);
    }
    if (!d->op.plan->as.delete_.detach) return SB_OK;
    /* One that an earlier DELETE left waiting may be detached now. */
    return fresh || sb_deleted__find(&run->deleted.pending, id, &none) ? detach_node(d, id) : SB_OK;
}

static sb_status delete_value(sb_delete_op *d, sb_val v)
{
    switch (v.kind) {
    case SB_VAL_NULL: return SB_OK;
    case SB_VAL_NODE: return delete_node(d, v.as.id);
    case SB_VAL_REL: return delete_rel(d, v.as.id);
    case SB_VAL_PATH:
        for (uint64_t i = 0; i < v.as.path->length; i++)
            SB_TRY(delete_rel(d, v.as.path->rels[i]));
        for (uint64_t i = 0; i <= v.as.path->length; i++)
            SB_TRY(delete_node(d, v.as.path->nodes[i]));
        return SB_OK;
    default: return sb_exec__type_error(d->op.run, "DELETE", "a node, relationship or path", v);
    }
}

/* Delete those nodes that have no relationships; the others wait. */
static sb_status settle_nodes(sb_delete_op *d)
{
    sb_exec *run = d->op.run;
    uint64_t *ids = (uint64_t *)(void *)d->nodes.data;
    const size_t count = d->nodes.size / sizeof *ids;
    size_t alone = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t degree;
        SB_TRY(sb_graph_degree(run->graph, ids[i], SB_BOTH, NULL, 0, &degree, run->err));
        if (degree == 0)
            ids[alone++] = ids[i];
        else if (sb_deleted__put(&run->deleted.pending, ids[i], 0) != SB_OK)
            return sb_exec__no_memory(run);
    }
    d->nodes.size = alone * sizeof *ids;
    return delete_all(run, SB_NODE, &d->nodes);
}

static sb_status delete_next(sb_operator *op, const sb_batch **batch)
{
    sb_delete_op *d = (sb_delete_op *)op;
    sb_val v;

    SB_TRY(sb_exec__pull(op, batch));
    if (*batch == NULL) return delete_all(op->run, SB_REL, &d->rels);
    sb_buffer_reset(&d->nodes);
    for (uint32_t row = 0; row < (*batch)->row_count; row++)
        for (uint32_t i = 0; i < op->plan->as.delete_.count; i++) {
            SB_TRY(sb_exec__eval_row(d->entities[i], *batch, row, &v));
            SB_TRY(sb_exec__placed(d->entities[i], op->run, delete_value(d, v)));
        }
    if (!op->plan->as.delete_.last) SB_TRY(delete_all(op->run, SB_REL, &d->rels));
    return settle_nodes(d);
}

const sb_operator_ops sb_exec__delete = {.state_bytes = sizeof(sb_delete_op),
                                         .open = delete_open,
                                         .next = delete_next,
                                         .reset = delete_reset,
                                         .close = delete_close};

/* ---- The end of the statement, or of one of its transactions -------------------------------------------------------------- */

static sb_status still_connected(sb_exec *run, uint64_t id, uint64_t degree)
{
    return sb_cypher_fail_runtime(
        run->err, SB_CYPHER_DELETE_CONNECTED_NODE,
        "node %llu still has %llu relationship%s: delete %s first, or use DETACH DELETE",
        (unsigned long long)id, (unsigned long long)degree, degree == 1 ? "" : "s",
        degree == 1 ? "it" : "them");
}

sb_status sb_exec__delete_pending(sb_exec *run)
{
    sb_deleted_walk walk = {.others = false};
    sb_buffer ids;
    sb_node_id id;
    sb_status status = SB_OK;

    if (!run->any_deleted) return SB_OK;
    sb_buffer_init(&ids, run->alloc);
    while (status == SB_OK && (id = sb_deleted__next(&run->deleted.pending, &walk)) != 0) {
        uint64_t degree;
        status = sb_graph_degree(run->graph, id, SB_BOTH, NULL, 0, &degree, run->err);
        if (status == SB_OK && degree != 0) status = still_connected(run, id, degree);
        if (status == SB_OK) status = add_doomed(run, SB_NODE, id, &ids);
    }
    if (status == SB_OK) status = delete_all(run, SB_NODE, &ids);
    sb_buffer_deinit(&ids);
    sb_deleted__clear(&run->deleted.pending, sb_exec__keeps(run));
    return status;
}

void sb_exec__forget_deleted(sb_exec *run)
{
    sb_deleted__clear(&run->deleted.nodes, sb_exec__keeps(run));
    sb_deleted__clear(&run->deleted.rels, sb_exec__keeps(run));
    sb_deleted__clear(&run->deleted.pending, sb_exec__keeps(run));
}
