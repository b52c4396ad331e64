/* op_path.c — path values, from the nodes, relationships and lists of relationships of a pattern in their order.
 * Between two nodes of a pattern stands one relationship, or one list or several (of a quantified part: taken in turns). The nodes in
 * between are told by the relationships' ends. */
#include "cypher/exec/op_priv.h"

typedef struct sb_path_op {
    sb_operator op;
    sb_out *out;
    sb_val vals[SB_BATCH_ROWS];
} sb_path_op;

/* A path being made. */
typedef struct sb_path_maker {
    sb_exec *run;
    sb_arena *arena;
    uint64_t *nodes, *rels; /* room for `most` relationships */
    uint64_t length, most;
    uint64_t at; /* its last node; 0: not known, since nothing has come */
} sb_path_maker;

static sb_status path_open(sb_operator *op)
{
    SB_TRY(sb_exec__need_outs(op));
    ((sb_path_op *)op)->out = sb_exec__out_of(op, op->plan->as.path.path);
    return SB_OK;
}

static sb_status add_rel(sb_path_maker *m, uint64_t rel)
{
    uint64_t source, target;

    if (m->length % 4096 == 4095) SB_TRY(sb_exec__tick(m->run));
    SB_TRY(m->run->reader.ends(m->run->reader.ctx, sb_val_rel(rel), &source, &target, m->run->err));
    if (SB_NEVER(m->length == m->most || (source != m->at && target != m->at)))
        return SB_FAIL(m->run->err, SB_MISUSE, "the plan's path is none");
    m->rels[m->length++] = rel;
    m->at = source == m->at ? target : source;
    m->nodes[m->length] = m->at;
    return SB_OK;
}

static uint64_t list_count(sb_val v)
{
    return v.kind == SB_VAL_LIST ? v.as.list->count : 0;
}

/* Lists of one quantified part: parts [first, end), one item of each in turn. */
static sb_status add_lists(sb_path_maker *m, const sb_val *parts, uint32_t first, uint32_t end)
{
    for (uint64_t i = 0; i < list_count(parts[first]); i++)
        for (uint32_t p = first; p < end; p++) {
            if (i >= list_count(parts[p])) continue;
            const sb_val item = parts[p].as.list->items[i];
            if (item.kind == SB_VAL_REL) SB_TRY(add_rel(m, item.as.id));
            for (uint64_t k = 0; k < list_count(item); k++) /* variable length within a part */
                if (item.as.list->items[k].kind == SB_VAL_REL)
                    SB_TRY(add_rel(m, item.as.list->items[k].as.id));
        }
    return SB_OK;
}

static uint64_t count_rels(sb_val v)
{
    uint64_t count = 0;

    if (v.kind == SB_VAL_REL) return 1;
    for (uint64_t i = 0; i < list_count(v); i++)
        count += v.as.list->items[i].kind == SB_VAL_LIST ? list_count(v.as.list->items[i]) : 1;
    return count;
}

static sb_status fill_path(sb_path_maker *m, const sb_val *parts, uint32_t count)
{
    m->nodes[0] = m->at = parts[0].as.id;
    for (uint32_t i = 1; i < count;) {
        uint32_t end = i + 1;
        if (parts[i].kind == SB_VAL_REL) SB_TRY(add_rel(m, parts[i].as.id));
        if (parts[i].kind == SB_VAL_LIST) {
            while (end < count && parts[end].kind == SB_VAL_LIST)
                end++;
            SB_TRY(add_lists(m, parts, i, end));
        }
        i = end;
    }
    return SB_OK;
}

/* A part that is null makes the path null (OPTIONAL MATCH). */
static sb_status make_path(sb_path_op *p, const sb_batch *in, uint32_t row, sb_val *path)
{
    sb_operator *op = &p->op;
    const sb_plan *plan = op->plan;
    sb_path_maker m = {.run = op->run, .arena = op->step};
    sb_val *parts = sb_arena_alloc_array(op->step, plan->as.path.count, sizeof *parts);
    sb_val_path *made = sb_arena_alloc(op->step, sizeof *made);

    *path = SB_VAL_NULL_VALUE;
    if (parts == NULL || made == NULL) return sb_exec__no_memory(op->run);
    for (uint32_t i = 0; i < plan->as.path.count; i++) {
        const sb_vector *column;
        SB_TRY(sb_exec__column(op->run, in, plan->as.path.parts[i], &column));
        parts[i] = sb_vector_at(column, row);
        if (parts[i].kind == SB_VAL_NULL) return SB_OK;
        m.most += parts[i].kind == SB_VAL_NODE ? 0 : count_rels(parts[i]);
    }
    m.nodes = sb_arena_alloc_array(op->step, (size_t)m.most + 1, sizeof *m.nodes);
    m.rels = sb_arena_alloc_array(op->step, (size_t)m.most, sizeof *m.rels);
    if (m.nodes == NULL || m.rels == NULL) return sb_exec__no_memory(op->run);
    SB_TRY(fill_path(&m, parts, plan->as.path.count));
    *made = (sb_val_path){.length = m.length, .nodes = m.nodes, .rels = m.rels};
    *path = (sb_val){.kind = SB_VAL_PATH, .as.path = made};
    return SB_OK;
}

static sb_status path_next(sb_operator *op, const sb_batch **batch)
{
    sb_path_op *p = (sb_path_op *)op;
    const sb_batch *in;

    *batch = NULL;
    SB_TRY(sb_exec__pull(op, &in));
    if (in == NULL) return SB_OK;
    sb_exec__pass(op, in);
    if (p->out != NULL) {
        for (uint32_t row = 0; row < in->row_count; row++)
            SB_TRY(make_path(p, in, row, &p->vals[row]));
        p->out->vector = (sb_vector){.kind = SB_VECTOR_ANY, .as.vals = p->vals};
        sb_exec__bind(op, op->plan->as.path.path, p->out);
    }
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__path = {
    .state_bytes = sizeof(sb_path_op), .open = path_open, .next = path_next};
