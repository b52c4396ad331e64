/* op_quantified.c — quantified path patterns: an inner plan, one repetition, is run again from where the one before ended.
 * Repetitions are branches of a tree. All trails: depth first, and a branch whose continuations are done is forgotten. With a selector
 * (ANY SHORTEST …), or where each end once is enough (plan/special.c): breadth first, so that shorter paths come first; nodes that were
 * reached before by as short a path are not gone on from where that can not matter. Without a direction the shortest way back to the start
 * is a circle, whose two halves may reach a node one after the other: they begin with different relationships, so of each node the first
 * ways of two beginnings are gone on with. */
#include "cypher/exec/op_priv.h"

#define NONE UINT32_MAX

typedef struct sb_repetition {
    uint64_t node;
    uint32_t parent; /* NONE: no repetition yet */
    uint32_t depth;  /* repetitions until here */
    uint64_t root;   /* the relationship that the way here begins with; of ways that may close */
    bool done;       /* its continuations are there */
    bool dead;       /* nobody goes on from here */
} sb_repetition;

/* The first ways to a node: when they came, and for ways that may close when the first with another beginning did. */
typedef struct sb_arrival {
    uint64_t root;
    uint32_t depth, other_depth; /* NONE: there was none */
} sb_arrival;

/* How far the selection of paths to one end is. */
typedef struct sb_selection {
    uint64_t taken, groups, length;
} sb_selection;

typedef struct sb_quantified_op {
    sb_operator op;
    sb_out *to, *path;
    sb_out **groups; /* of pattern->groups; NULL entries: nobody reads it */
    uint32_t *steps; /* group of each step's relationship in the pattern; NONE */
    sb_batch with;   /* the input row and where the repetition begins */
    sb_val begin;
    sb_vector begin_vector;
    const sb_batch *in; /* NULL: take the next */
    sb_out scratch, ends_scratch;
    const uint64_t *nodes, *bound;
    uint32_t row;
    bool begun;
    sb_arena *arena;      /* values of the row's branches */
    sb_buffer branches;   /* sb_repetition */
    sb_buffer vals;       /* sb_val: group_count for each branch */
    size_t at;            /* breadth first: next branch */
    sb_map ends;          /* with a selector: node → place in selections + 1 */
    sb_buffer selections; /* sb_selection */
    sb_map visited;       /* node → place in arrivals */
    sb_buffer arrivals;   /* sb_arrival */
    uint32_t count;
    uint64_t listed; /* items of the lists and paths of the batch at hand */
    uint32_t rows[SB_BATCH_ROWS];
    uint64_t to_ids[SB_BATCH_ROWS];
    sb_val paths[SB_BATCH_ROWS];
    sb_val *lists; /* SB_BATCH_ROWS for each group */
    sb_val *tried; /* of each group: the repetition that is looked at */
} sb_quantified_op;

static sb_status quantified_open(sb_operator *op)
{
    sb_quantified_op *q = (sb_quantified_op *)op;
    sb_exec *run = op->run;
    const sb_plan *plan = op->plan;
    const sb_quantified *pattern = plan->as.quantified.pattern;

    sb_buffer_init(&q->branches, run->alloc);
    sb_buffer_init(&q->vals, run->alloc);
    sb_buffer_init(&q->selections, run->alloc);
    sb_buffer_init(&q->arrivals, run->alloc);
    sb_map_init(&q->ends, run->alloc);
    sb_map_init(&q->visited, run->alloc);
    SB_TRY(sb_exec__need_outs(op));
    if (!plan->as.quantified.to_bound) q->to = sb_exec__out_of(op, plan->as.quantified.to);
    q->path = sb_exec__out_of(op, plan->as.quantified.path);
    q->arena = sb_arena_create(run->alloc, NULL);
    q->groups = sb_exec__alloc_zero(run, pattern->group_count, sizeof(sb_out *));
    q->steps = sb_exec__alloc_zero(run, pattern->part->step_count, sizeof *q->steps);
    q->lists =
        sb_exec__alloc_zero(run, (size_t)pattern->group_count * SB_BATCH_ROWS, sizeof *q->lists);
    q->tried = sb_exec__alloc_zero(run, pattern->group_count, sizeof *q->tried);
    q->with.columns = sb_exec__alloc_zero(run, run->compiled->slot_count, sizeof *q->with.columns);
    if (q->arena == NULL || q->groups == NULL || q->steps == NULL || q->lists == NULL ||
        q->tried == NULL || q->with.columns == NULL)
        return sb_exec__no_memory(run);
    q->begin_vector = (sb_vector){.kind = SB_VECTOR_ANY, .constant = true, .as.vals = &q->begin};
    for (uint32_t g = 0; g < pattern->group_count; g++)
        q->groups[g] = sb_exec__out_of(op, pattern->groups[g].outer);
    for (uint32_t k = 0; k < pattern->part->step_count; k++) {
        const sb_rel_pattern *rel = pattern->part->steps[k].rel;
        q->steps[k] = NONE;
        for (uint32_t g = 0; g < pattern->group_count; g++)
            if (rel != NULL && pattern->groups[g].inner == rel->var) q->steps[k] = g;
    }
    return SB_OK;
}

static void quantified_close(sb_operator *op)
{
    sb_quantified_op *q = (sb_quantified_op *)op;

    sb_buffer_deinit(&q->branches);
    sb_buffer_deinit(&q->vals);
    sb_buffer_deinit(&q->selections);
    sb_buffer_deinit(&q->arrivals);
    sb_map_deinit(&q->ends);
    sb_map_deinit(&q->visited);
    sb_arena_destroy(q->arena);
    sb_exec__out_free(op->run, &q->scratch);
    sb_exec__out_free(op->run, &q->ends_scratch);
}

static void quantified_reset(sb_operator *op)
{
    ((sb_quantified_op *)op)->in = NULL;
}

static sb_status quantified_input(sb_quantified_op *q)
{
    sb_exec *run = q->op.run;
    const sb_plan *plan = q->op.plan;

    SB_TRY(sb_exec__pull(&q->op, &q->in));
    if (q->in == NULL) return SB_OK;
    q->row = 0;
    q->begun = false;
    memcpy(q->with.columns, q->in->columns, run->compiled->slot_count * sizeof *q->in->columns);
    q->with.columns[plan->as.quantified.inner_from->slot] = &q->begin_vector;
    q->with.row_count = q->in->row_count;
    SB_TRY(
        sb_exec__ids(run, q->in, plan->as.quantified.from, SB_VECTOR_NODE, &q->scratch, &q->nodes));
    if (!plan->as.quantified.to_bound) return SB_OK;
    return sb_exec__ids(run, q->in, plan->as.quantified.to, SB_VECTOR_NODE, &q->ends_scratch,
                        &q->bound);
}

/* ---- Branches ------------------------------------------------------------------------------------------------------- */

static uint32_t group_count(const sb_quantified_op *q)
{
    return q->op.plan->as.quantified.pattern->group_count;
}

static sb_repetition *branch_at(const sb_quantified_op *q, size_t i)
{
    return (sb_repetition *)(void *)q->branches.data + i;
}

static sb_val *vals_of(const sb_quantified_op *q, size_t i)
{
    return (sb_val *)(void *)q->vals.data + i * group_count(q);
}

static size_t branch_count(const sb_quantified_op *q)
{
    return q->branches.size / sizeof(sb_repetition);
}

/* Is a relationship among a value: a relationship or a list of them? */
static bool has_rel(sb_val v, uint64_t rel)
{
    if (v.kind == SB_VAL_REL) return v.as.id == rel;
    if (v.kind != SB_VAL_LIST) return false;
    for (uint64_t i = 0; i < v.as.list->count; i++)
        if (v.as.list->items[i].kind == SB_VAL_REL && v.as.list->items[i].as.id == rel) return true;
    return false;
}

static bool rel_is_used(const sb_quantified_op *q, uint32_t branch, uint64_t rel)
{
    const sb_plan *plan = q->op.plan;

    if (plan->as.quantified.repeatable) return false;
    for (; branch_at(q, branch)->parent != NONE; branch = branch_at(q, branch)->parent)
        for (uint32_t g = 0; g < group_count(q); g++)
            if (has_rel(vals_of(q, branch)[g], rel)) return true;
    return sb_exec__rel_used(plan->as.quantified.unlike, plan->as.quantified.unlike_count, q->in,
                             q->row, rel);
}

/* Does a repetition behind `branch` use no relationship again? */
static bool is_trail(const sb_quantified_op *q, uint32_t branch, const sb_val *vals)
{
    for (uint32_t g = 0; g < group_count(q); g++) {
        if (vals[g].kind == SB_VAL_REL && rel_is_used(q, branch, vals[g].as.id)) return false;
        if (vals[g].kind != SB_VAL_LIST) continue;
        for (uint64_t i = 0; i < vals[g].as.list->count; i++)
            if (vals[g].as.list->items[i].kind == SB_VAL_REL &&
                rel_is_used(q, branch, vals[g].as.list->items[i].as.id))
                return false;
    }
    return true;
}

/* Is what the row asks for perhaps a way back to its start, which is no trail if it goes back as it came? */
static bool may_close(const sb_quantified_op *q)
{
    const sb_plan *plan = q->op.plan;

    return plan->as.quantified.but_closed &&
           (!plan->as.quantified.to_bound || q->bound[q->row] == q->nodes[q->row]);
}

/* Where a node was reached before. all: as short ways as the first ones are all gone on with, else the first alone. */
static bool leads_nowhere_new(const sb_quantified_op *q, sb_arrival *first,
                              const sb_repetition *branch, bool all)
{
    if (!may_close(q)) return !all || first->depth < branch->depth;
    if (branch->node == q->nodes[q->row]) return true;
    if (branch->root == first->root) return !all || first->depth < branch->depth;
    if (first->other_depth == NONE) {
        first->other_depth = branch->depth;
        return false;
    }
    return !all || first->other_depth < branch->depth;
}

/* With a selector of one path, or of all shortest ones, an end that was reached by a shorter path (or, for one path, by as short a
 * one) leads nowhere new. */
static sb_status may_prune(sb_quantified_op *q, sb_repetition *branch)
{
    const sb_plan *plan = q->op.plan;
    const sb_selector selector = plan->as.quantified.selector;
    const bool one = plan->as.quantified.selector_count <= 1;
    const bool groups = selector == SB_PATHS_ALL_SHORTEST || selector == SB_PATHS_SHORTEST_GROUPS;
    bool fresh;

    if (selector == SB_PATHS_ALL || !plan->as.quantified.cuts_short ||
        (!one && selector != SB_PATHS_SHORTEST && selector != SB_PATHS_ALL_SHORTEST))
        return SB_OK;
    uint64_t *place = sb_map_at(&q->visited, branch->node, &fresh);
    if (place == NULL) return sb_exec__no_memory(q->op.run);
    if (fresh) {
        const sb_arrival first = {
            .root = branch->root, .depth = branch->depth, .other_depth = NONE};
        *place = q->arrivals.size / sizeof first;
        return sb_buffer_append(&q->arrivals, &first, sizeof first) == SB_OK
                   ? SB_OK
                   : sb_exec__no_memory(q->op.run);
    }
    branch->dead =
        leads_nowhere_new(q, (sb_arrival *)(void *)q->arrivals.data + *place, branch, groups);
    return SB_OK;
}

/* What the way to a branch begins with: only asked of repetitions of one relationship. */
static uint64_t root_of(const sb_quantified_op *q, uint32_t parent, const sb_val *vals)
{
    if (parent == NONE || !q->op.plan->as.quantified.but_closed) return 0;
    return branch_at(q, parent)->depth == 0 ? vals[q->steps[0]].as.id : branch_at(q, parent)->root;
}

static sb_status add_branch(sb_quantified_op *q, uint32_t parent, uint64_t node, const sb_val *vals)
{
    sb_exec *run = q->op.run;
    sb_repetition branch = {.node = node,
                            .parent = parent,
                            .depth = parent == NONE ? 0 : branch_at(q, parent)->depth + 1,
                            .root = root_of(q, parent, vals)};

    if (branch_count(q) >= NONE)
        return SB_FAIL(run->err, SB_LIMIT, "more than %u repetitions at a time", NONE);
    SB_TRY(may_prune(q, &branch));
    if (sb_buffer_append(&q->branches, &branch, sizeof branch) != SB_OK ||
        sb_buffer_reserve(&q->vals, (group_count(q) + 1) * sizeof *vals) != SB_OK)
        return sb_exec__no_memory(run);
    sb_val *to = vals_of(q, branch_count(q) - 1);
    for (uint32_t g = 0; g < group_count(q); g++) {
        if (vals == NULL)
            to[g] = SB_VAL_NULL_VALUE;
        else
            SB_TRY(sb_val_copy(q->arena, vals[g], &to[g], run->err));
    }
    q->vals.size += group_count(q) * sizeof *vals;
    return SB_OK;
}

/* One row of the inner plan: a branch, unless it uses a relationship again. */
static sb_status add_inner_row(sb_quantified_op *q, uint32_t parent, const sb_batch *inner,
                               uint32_t row)
{
    sb_exec *run = q->op.run;
    const sb_plan *plan = q->op.plan;
    const sb_quantified *pattern = plan->as.quantified.pattern;
    const sb_vector *column;
    sb_val *const vals = q->tried;

    for (uint32_t g = 0; g < pattern->group_count; g++) {
        SB_TRY(sb_exec__column(run, inner, pattern->groups[g].inner, &column));
        vals[g] = sb_vector_at(column, row);
    }
    if (!is_trail(q, parent, vals)) return SB_OK;
    SB_TRY(sb_exec__column(run, inner, plan->as.quantified.inner_to, &column));
    return add_branch(q, parent, sb_vector_at(column, row).as.id, vals);
}

/* Branches [first, …) the other way round: the first is to be taken first from a stack. */
static void turn_round(sb_quantified_op *q, size_t first)
{
    for (size_t a = first, b = branch_count(q); a + 1 < b; a++) {
        b--;
        const sb_repetition swap = *branch_at(q, a);
        *branch_at(q, a) = *branch_at(q, b);
        *branch_at(q, b) = swap;
        for (uint32_t g = 0; g < group_count(q); g++) {
            const sb_val v = vals_of(q, a)[g];
            vals_of(q, a)[g] = vals_of(q, b)[g];
            vals_of(q, b)[g] = v;
        }
    }
}

/* All continuations of a branch. */
static sb_status grow(sb_quantified_op *q, uint32_t branch)
{
    const sb_plan *plan = q->op.plan;
    const sb_batch *inner;
    const size_t first = branch_count(q);

    branch_at(q, branch)->done = true;
    if (branch_at(q, branch)->dead ||
        branch_at(q, branch)->depth >= plan->as.quantified.pattern->max)
        return SB_OK;
    q->begin = sb_val_node(branch_at(q, branch)->node);
    SB_TRY(sb_exec__inner_row(q->op.nested, &q->with, q->row));
    for (;;) {
        SB_TRY(sb_exec__next(q->op.nested->root, &inner));
        sb_exec__use(&q->op);
        if (inner == NULL) break;
        for (uint32_t row = 0; row < inner->row_count; row++)
            SB_TRY(add_inner_row(q, branch, inner, row));
    }
    if (plan->as.quantified.selector == SB_PATHS_ALL) turn_round(q, first);
    return SB_OK;
}

/* ---- Rows ------------------------------------------------------------------------------------------------------------- */

/* Values of a group along the way to a branch, in the order of the pattern. */
static sb_status group_list(sb_quantified_op *q, uint32_t branch, uint32_t g, sb_val *list)
{
    sb_exec *run = q->op.run;
    const uint32_t depth = branch_at(q, branch)->depth;
    sb_val_list *made = sb_val_list_make(q->op.step, depth);

    if (made == NULL) return sb_exec__no_memory(run);
    q->listed += depth;
    for (uint32_t i = depth; i-- > 0; branch = branch_at(q, branch)->parent)
        SB_TRY(sb_val_copy(q->op.step, vals_of(q, branch)[g],
                           &made->items[q->op.plan->as.quantified.reversed ? depth - 1 - i : i],
                           run->err));
    return sb_val_list_seal(made, list, run->err);
}

static uint64_t rels_in(sb_val v)
{
    return v.kind == SB_VAL_REL ? 1 : v.kind == SB_VAL_LIST ? v.as.list->count : 0;
}

static sb_status add_to_path(sb_quantified_op *q, sb_val rel, uint64_t *nodes, uint64_t *rels,
                             uint64_t *length)
{
    sb_exec *run = q->op.run;
    uint64_t source, target;

    SB_TRY(run->reader.ends(run->reader.ctx, rel, &source, &target, run->err));
    rels[*length] = rel.as.id;
    nodes[*length + 1] = source == nodes[*length] ? target : source;
    ++*length;
    return SB_OK;
}

/* The path to a branch, as the pattern is written. */
static sb_status path_value(sb_quantified_op *q, uint32_t branch, sb_val *path)
{
    sb_exec *run = q->op.run;
    const sb_plan *plan = q->op.plan;
    const uint32_t depth = branch_at(q, branch)->depth,
                   steps = plan->as.quantified.pattern->part->step_count;
    uint32_t *order = sb_arena_alloc_array(q->op.step, depth, sizeof *order);
    sb_val_path *made = sb_arena_alloc(q->op.step, sizeof *made);
    uint64_t most = 0, length = 0;

    if (order == NULL || made == NULL) return sb_exec__no_memory(run);
    const uint64_t end = branch_at(q, branch)->node;
    for (uint32_t i = depth; i-- > 0; branch = branch_at(q, branch)->parent) {
        order[plan->as.quantified.reversed ? depth - 1 - i : i] = branch;
        for (uint32_t k = 0; k < steps; k++)
            if (q->steps[k] != NONE) most += rels_in(vals_of(q, branch)[q->steps[k]]);
    }
    uint64_t *nodes = sb_arena_alloc_array(q->op.step, 2 * (size_t)most + 1, sizeof *nodes);
    if (nodes == NULL) return sb_exec__no_memory(run);
    uint64_t *rels = nodes + most + 1;
    nodes[0] = plan->as.quantified.reversed ? end : q->nodes[q->row];
    for (uint32_t i = 0; i < depth; i++)
        for (uint32_t k = 0; k < steps; k++) {
            if (q->steps[k] == NONE) continue;
            const sb_val v = vals_of(q, order[i])[q->steps[k]];
            if (v.kind == SB_VAL_REL) SB_TRY(add_to_path(q, v, nodes, rels, &length));
            for (uint64_t n = 0; v.kind == SB_VAL_LIST && n < v.as.list->count; n++)
                SB_TRY(add_to_path(q, v.as.list->items[n], nodes, rels, &length));
        }
    q->listed += length;
    *made = (sb_val_path){.length = length, .nodes = nodes, .rels = rels};
    *path = (sb_val){.kind = SB_VAL_PATH, .as.path = made};
    return SB_OK;
}

/* Does the selector take one more path of this length to this end? */
static sb_status is_selected(sb_quantified_op *q, uint64_t node, uint64_t length, bool *is)
{
    sb_exec *run = q->op.run;
    const sb_plan *plan = q->op.plan;
    const uint64_t k =
        plan->as.quantified.selector_count == 0 ? 1 : plan->as.quantified.selector_count;
    bool fresh;

    *is = true;
    if (plan->as.quantified.selector == SB_PATHS_ALL) return SB_OK;
    uint64_t *place = sb_map_at(&q->ends, node, &fresh);
    if (place == NULL) return sb_exec__no_memory(run);
    if (fresh) {
        const sb_selection none = {.taken = 0};
        *place = q->selections.size / sizeof none;
        if (sb_buffer_append(&q->selections, &none, sizeof none) != SB_OK)
            return sb_exec__no_memory(run);
    }
    sb_selection *s = (sb_selection *)(void *)q->selections.data + *place;
    const uint64_t groups = s->groups + (s->taken == 0 || s->length != length);
    switch ((int)plan->as.quantified.selector) {
    case SB_PATHS_ALL_SHORTEST: *is = groups <= 1; break;
    case SB_PATHS_SHORTEST_GROUPS: *is = groups <= k; break;
    case SB_PATHS_SHORTEST: *is = s->taken == 0; break;
    default: *is = s->taken < k; break;
    }
    if (!*is) return SB_OK;
    s->groups = groups;
    s->length = length;
    s->taken++;
    return SB_OK;
}

/* A branch is come to: a row, if the path may end here. */
static sb_status visit_branch(sb_quantified_op *q, uint32_t branch)
{
    const sb_plan *plan = q->op.plan;
    const sb_repetition *b = branch_at(q, branch);
    bool is;

    if (b->depth < plan->as.quantified.pattern->min ||
        (plan->as.quantified.to_bound && b->node != q->bound[q->row]))
        return SB_OK;
    SB_TRY(is_selected(q, b->node, b->depth, &is));
    if (!is) return SB_OK;
    for (uint32_t g = 0; g < group_count(q); g++)
        if (q->groups[g] != NULL)
            SB_TRY(group_list(q, branch, g, &q->lists[(size_t)g * SB_BATCH_ROWS + q->count]));
    if (q->path != NULL) SB_TRY(path_value(q, branch, &q->paths[q->count]));
    q->rows[q->count] = q->row;
    q->to_ids[q->count++] = b->node;
    return SB_OK;
}

static void drop_last(sb_quantified_op *q)
{
    q->branches.size -= sizeof(sb_repetition);
    q->vals.size = branch_count(q) * group_count(q) * sizeof(sb_val);
}

static sb_status begin_row(sb_quantified_op *q)
{
    q->begun = true;
    q->at = 0;
    sb_buffer_reset(&q->branches);
    sb_buffer_reset(&q->vals);
    sb_buffer_reset(&q->selections);
    sb_buffer_reset(&q->arrivals);
    sb_map_clear(&q->ends);
    sb_map_clear(&q->visited);
    if (sb_arena_bytes(q->arena) != 0) sb_arena_reset(q->arena);
    return q->nodes[q->row] == 0 ? SB_OK : add_branch(q, NONE, q->nodes[q->row], NULL);
}

static bool is_full(const sb_quantified_op *q)
{
    return q->count == SB_BATCH_ROWS || q->listed >= SB_PATH_ITEMS_MAX;
}

/* One path is asked for, to the end that is bound, and it is there. */
static bool has_the_one(const sb_quantified_op *q)
{
    const sb_plan *plan = q->op.plan;

    return plan->as.quantified.to_bound && plan->as.quantified.selector == SB_PATHS_SHORTEST &&
           q->selections.size != 0;
}

/* Paths of the row at hand until there is a batch; *done: there are no more. */
static sb_status find_paths(sb_quantified_op *q, bool *done)
{
    const bool depth_first = q->op.plan->as.quantified.selector == SB_PATHS_ALL;

    if (!q->begun) SB_TRY(begin_row(q));
    while (!is_full(q)) {
        const size_t count = branch_count(q);
        SB_TRY(sb_exec__tick(q->op.run));
        if (depth_first ? count == 0 : q->at == count) break;
        const uint32_t branch = (uint32_t)(depth_first ? count - 1 : q->at++);
        if (branch_at(q, branch)->done) {
            drop_last(q);
            continue;
        }
        SB_TRY(visit_branch(q, branch));
        if (has_the_one(q))
            q->at = count;
        else
            SB_TRY(grow(q, branch));
    }
    *done = depth_first ? branch_count(q) == 0 : q->at == branch_count(q);
    return SB_OK;
}

static void bind_vals(sb_operator *op, sb_out *out, const sb_var *var, const sb_val *vals)
{
    if (out == NULL) return;
    out->vector = (sb_vector){.kind = SB_VECTOR_ANY, .as.vals = vals};
    sb_exec__bind(op, var, out);
}

static sb_status quantified_next(sb_operator *op, const sb_batch **batch)
{
    sb_quantified_op *q = (sb_quantified_op *)op;
    const sb_plan *plan = op->plan;
    bool done;

    *batch = NULL;
    SB_TRY(sb_exec__begin_step(op));
    q->count = 0;
    q->listed = 0;
    while (q->count == 0) {
        if (q->in == NULL || q->row >= q->in->row_count) SB_TRY(quantified_input(q));
        if (q->in == NULL) return SB_OK;
        while (q->row < q->in->row_count && !is_full(q)) {
            SB_TRY(find_paths(q, &done));
            if (!done) break;
            q->row++;
            q->begun = false;
        }
    }
    SB_TRY(sb_exec__pass_rows(op, q->in, q->rows, q->count));
    if (q->to != NULL) {
        q->to->vector = (sb_vector){.kind = SB_VECTOR_NODE, .as.ids = q->to_ids};
        sb_exec__bind(op, plan->as.quantified.to, q->to);
    }
    for (uint32_t g = 0; g < group_count(q); g++)
        bind_vals(op, q->groups[g], plan->as.quantified.pattern->groups[g].outer,
                  q->lists + (size_t)g * SB_BATCH_ROWS);
    bind_vals(op, q->path, plan->as.quantified.path, q->paths);
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__quantified = {.state_bytes = sizeof(sb_quantified_op),
                                             .inner_runs = true,
                                             .open = quantified_open,
                                             .next = quantified_next,
                                             .reset = quantified_reset,
                                             .close = quantified_close};
