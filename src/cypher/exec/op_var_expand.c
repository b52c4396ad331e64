/* op_var_expand.c — paths of variable length: trails, depth first; and what can be reached, breadth first.
 * A trail never uses a relationship twice. The stack holds, for each node on the way, what is left of its neighbors; so a path costs its
 * last step, and memory the lists along one path. */
#include "cypher/exec/closing.h"
#include "cypher/exec/op_priv.h"

/* Longer paths look relationships up in a map. */
#define SHORT_PATH 16u

/* Nodes that are visited at first, where one that can be reached may be enough, and how many times as many when it was not. */
#define FIRST_VISITS 64u
#define MORE_VISITS  16u

typedef struct sb_way { /* a step that may be taken */
    uint64_t node, rel;
} sb_way;

/* A node that was come to, by a way that begins with the relationship root. */
typedef struct sb_arrival {
    uint64_t node, root;
    uint32_t depth;
} sb_arrival;

/* In `arrived`: another way to the node, which begins otherwise, is gone on with, too. */
#define COME_TWICE (UINT64_C(1) << 63)

/* The steps out of a node on the path: ways [begin, end) of the stack, those before `at` taken. */
typedef struct sb_stop {
    size_t at, end;
    uint64_t rel; /* that led to the node; 0: it is the first */
} sb_stop;

typedef struct sb_trail_op {
    sb_operator op;
    sb_out *to, *rel; /* NULL: nobody reads it */
    sb_expand_types types;
    sb_labels *labels;
    sb_eval *filter, *start_filter; /* of a step, and of where the first one begins; NULL */
    sb_expand *expand;
    uint64_t generation;
    bool reach;         /* each end once */
    bool by_steps;      /* and each step is looked at for itself */
    const sb_batch *in; /* NULL: take the next */
    sb_out scratch, ends_scratch;
    const uint64_t *nodes, *bound; /* from and, when it is bound, to */
    uint32_t row;                  /* of in: whose paths are at hand */
    bool begun;                    /* the row's first path has been looked at */
    uint64_t steps;                /* between two looks at the clock */
    sb_buffer ways, stops;         /* sb_way, sb_stop: the stack */
    sb_map used;                   /* relationships of the path */
    sb_buffer reached;             /* uint64_t: what can be reached, */
    size_t reached_at;             /* handed on up to here */
    uint64_t visits;               /* as far as was looked; 0: all of it */
    bool unfinished;               /* there is more than that */
    sb_buffer arrivals; /* sb_arrival: by steps, in the order in which they are gone on from */
    sb_map arrived;     /* node → place of the first in arrivals, COME_TWICE */
    bool closed;        /* the start is among what was reached, */
    bool found;         /* the end that is bound is */
    /* rows made */
    uint32_t count, most; /* of the batch at hand: rows, and rows wanted, */
    uint64_t listed;      /* and relationships in their lists */
    uint32_t rows[SB_BATCH_ROWS];
    uint64_t ends[SB_BATCH_ROWS];
    sb_val lists[SB_BATCH_ROWS];
    uint32_t kept[SB_BATCH_ROWS];
    uint8_t labelled[SB_BATCH_ROWS];
    /* of one fetch */
    uint32_t from[SB_BATCH_ROWS];
    uint64_t fetched[SB_BATCH_ROWS], fetched_rels[SB_BATCH_ROWS];
} sb_trail_op;

static sb_status trail_open(sb_operator *op)
{
    sb_trail_op *t = (sb_trail_op *)op;
    sb_exec *run = op->run;
    const sb_plan_expand *e = &op->plan->as.expand;

    sb_buffer_init(&t->ways, run->alloc);
    sb_buffer_init(&t->stops, run->alloc);
    sb_buffer_init(&t->reached, run->alloc);
    sb_buffer_init(&t->arrivals, run->alloc);
    sb_map_init(&t->used, run->alloc);
    sb_map_init(&t->arrived, run->alloc);
    SB_TRY(sb_exec__need_outs(op));
    if (!e->to_bound) t->to = sb_exec__out_of(op, e->to);
    t->rel = sb_exec__out_of(op, e->rel);
    t->reach = e->reach_only && t->rel == NULL;
    t->by_steps = e->filter != NULL || e->unlike_count != 0;
    SB_TRY(sb_exec__types_open(run, e, &t->types));
    SB_TRY(sb_exec__labels_compile(run, e->to_labels, SB_NAME_LABEL, NULL, &t->labels));
    return sb_exec__compile_steps(run, e, &t->filter, &t->start_filter);
}

static void trail_close(sb_operator *op)
{
    sb_trail_op *t = (sb_trail_op *)op;

    sb_expand_close(t->expand);
    sb_buffer_deinit(&t->ways);
    sb_buffer_deinit(&t->stops);
    sb_buffer_deinit(&t->reached);
    sb_buffer_deinit(&t->arrivals);
    sb_map_deinit(&t->used);
    sb_map_deinit(&t->arrived);
    sb_exec__out_free(op->run, &t->scratch);
    sb_exec__out_free(op->run, &t->ends_scratch);
}

static void trail_reset(sb_operator *op)
{
    sb_trail_op *t = (sb_trail_op *)op;

    t->in = NULL;
    if (t->expand != NULL) sb_expand_begin(t->expand, NULL, 0); /* lets go of the list at hand */
}

/* ---- Input ------------------------------------------------------------------------------------------------------ */

static sb_status find_lists(sb_trail_op *t)
{
    sb_exec *run = t->op.run;
    const sb_plan_expand *e = &t->op.plan->as.expand;

    if (t->generation == run->generation && !run->compiled->writes) return SB_OK;
    t->generation = run->generation;
    sb_exec__types_find(run, e, &t->types);
    if (!t->types.any) return SB_OK;
    const sb_expand_options options = {.direction = sb_exec__direction(e->direction),
                                       .types = t->types.ids,
                                       .type_count = t->types.count,
                                       .loops_once = true};
    if (t->expand != NULL) return sb_expand_reopen(t->expand, run->graph, &options, run->err);
    return sb_expand_open(run->graph, &options, &t->expand, run->err);
}

static sb_status trail_input(sb_trail_op *t)
{
    sb_exec *run = t->op.run;
    const sb_plan_expand *e = &t->op.plan->as.expand;

    SB_TRY(sb_exec__pull(&t->op, &t->in));
    if (t->in == NULL) return SB_OK;
    t->row = 0;
    t->begun = false;
    SB_TRY(find_lists(t));
    SB_TRY(sb_exec__ids(run, t->in, e->from, SB_VECTOR_NODE, &t->scratch, &t->nodes));
    if (!e->to_bound) return SB_OK;
    return sb_exec__ids(run, t->in, e->to, SB_VECTOR_NODE, &t->ends_scratch, &t->bound);
}

/* ---- The stack ---------------------------------------------------------------------------------------------------- */

static sb_way *ways_of(const sb_trail_op *t)
{
    return (sb_way *)(void *)t->ways.data;
}

static size_t depth_of(const sb_trail_op *t)
{
    return t->stops.size / sizeof(sb_stop);
}

static sb_stop *stop_at(const sb_trail_op *t, size_t i)
{
    return (sb_stop *)(void *)t->stops.data + i;
}

static bool is_used(const sb_trail_op *t, uint64_t rel)
{
    const size_t depth = depth_of(t);

    if (t->op.plan->as.expand.repeatable) return false;
    if (t->op.plan->as.expand.max > SHORT_PATH) return sb_map_find(&t->used, rel) != NULL;
    for (size_t i = 1; i < depth; i++)
        if (stop_at(t, i)->rel == rel) return true;
    return false;
}

/* All steps out of a node, onto the stack. */
static sb_status add_ways(sb_trail_op *t, uint64_t node)
{
    sb_exec *run = t->op.run;
    const sb_expand_rows rows = {.from = t->from, .neighbors = t->fetched, .rels = t->fetched_rels};
    size_t count;

    sb_expand_begin(t->expand, &node, 1);
    for (;;) {
        SB_TRY(sb_expand_next(t->expand, &rows, SB_BATCH_ROWS, &count, run->err));
        if (count == 0) return SB_OK;
        if (sb_buffer_reserve(&t->ways, count * sizeof(sb_way)) != SB_OK)
            return sb_exec__no_memory(run);
        sb_way *to = ways_of(t) + t->ways.size / sizeof(sb_way);
        for (size_t i = 0; i < count; i++)
            to[i] = (sb_way){t->fetched[i], t->fetched_rels[i]};
        t->ways.size += count * sizeof(sb_way);
    }
}

/* Put the node that rel leads to on the path, with the steps out of it unless the path ends there. */
static sb_status push(sb_trail_op *t, uint64_t node, uint64_t rel)
{
    sb_exec *run = t->op.run;
    const sb_plan_expand *e = &t->op.plan->as.expand;
    sb_stop stop = {.at = t->ways.size / sizeof(sb_way), .rel = rel};

    if (rel != 0 && e->max > SHORT_PATH && sb_map_put(&t->used, rel, 1) != SB_OK)
        return sb_exec__no_memory(run);
    if (depth_of(t) < e->max && t->types.any) SB_TRY(add_ways(t, node));
    stop.end = t->ways.size / sizeof(sb_way);
    return sb_buffer_append(&t->stops, &stop, sizeof stop) == SB_OK ? SB_OK
                                                                    : sb_exec__no_memory(run);
}

static void pop(sb_trail_op *t)
{
    const sb_stop *stop = stop_at(t, depth_of(t) - 1);

    if (stop->rel != 0 && t->op.plan->as.expand.max > SHORT_PATH)
        (void)sb_map_remove(&t->used, stop->rel);
    t->stops.size -= sizeof(sb_stop);
    t->ways.size = depth_of(t) == 0 ? 0 : stop_at(t, depth_of(t) - 1)->end * sizeof(sb_way);
}

/* May the path go on over this step? */
static sb_status may_take(sb_trail_op *t, const sb_way *way, bool *may)
{
    sb_exec *run = t->op.run;
    const sb_plan_expand *e = &t->op.plan->as.expand;

    *may = !is_used(t, way->rel) &&
           !sb_exec__rel_used(e->unlike, e->unlike_count, t->in, t->row, way->rel);
    if (!*may || t->filter == NULL) return SB_OK;
    sb_exec__set_step(run, e, way->node, way->rel);
    return sb_exec__test(t->filter, t->in, t->row, may);
}

/* May paths begin there? */
static sb_status may_start(sb_trail_op *t, uint64_t start, bool *may)
{
    *may = start != 0;
    if (!*may) return SB_OK;
    return sb_exec__may_start(t->op.run, &t->op.plan->as.expand, t->start_filter, t->in, t->row,
                              start, may);
}

/* ---- Rows ------------------------------------------------------------------------------------------------------------ */

/* The relationships of the path, in the order of the pattern. */
static sb_status path_list(sb_trail_op *t, sb_val *list)
{
    const size_t length = depth_of(t) - 1;
    sb_val_list *made = sb_val_list_make(t->op.step, length);

    if (made == NULL) return sb_exec__no_memory(t->op.run);
    t->listed += length;
    for (size_t i = 0; i < length; i++)
        made->items[t->op.plan->as.expand.reversed ? length - 1 - i : i] =
            sb_val_rel(stop_at(t, i + 1)->rel);
    *list = sb_val_flat_list(made);
    return SB_OK;
}

static bool is_full(const sb_trail_op *t)
{
    return t->count >= t->most || t->listed >= SB_PATH_ITEMS_MAX;
}

/* The path at hand ends at node: a row, if it is one that is asked for. */
static sb_status add_row(sb_trail_op *t, uint64_t node)
{
    const sb_plan_expand *e = &t->op.plan->as.expand;

    if (e->to_bound && node != t->bound[t->row]) return SB_OK;
    if (t->rel != NULL) SB_TRY(path_list(t, &t->lists[t->count]));
    t->rows[t->count] = t->row;
    t->ends[t->count++] = node;
    return SB_OK;
}

/* One step on: down, or back up. */
static sb_status advance(sb_trail_op *t)
{
    const sb_plan_expand *e = &t->op.plan->as.expand;
    sb_stop *stop = stop_at(t, depth_of(t) - 1);
    bool may;

    if (++t->steps % 4096 == 0) {
        SB_TRY(sb_exec__tick(t->op.run));
        if (t->count == 0) sb_arena_reset(t->op.step); /* what the filter has left there */
    }
    if (stop->at == stop->end) {
        pop(t);
        return SB_OK;
    }
    const sb_way way = ways_of(t)[stop->at++];
    SB_TRY(may_take(t, &way, &may));
    if (!may) return SB_OK;
    SB_TRY(push(t, way.node, way.rel));
    return depth_of(t) - 1 >= e->min ? add_row(t, way.node) : SB_OK;
}

/* Paths of the row at hand until there is a batch; *done: there are no more. */
static sb_status walk(sb_trail_op *t, bool *done)
{
    const sb_plan_expand *e = &t->op.plan->as.expand;
    const uint64_t start = t->nodes[t->row];
    bool may;

    if (!t->begun) {
        t->begun = true;
        sb_buffer_reset(&t->ways);
        sb_buffer_reset(&t->stops);
        sb_map_clear(&t->used);
        SB_TRY(may_start(t, start, &may));
        if (may) {
            SB_TRY(push(t, start, 0));
            if (e->min == 0) SB_TRY(add_row(t, start));
        }
    }
    while (!is_full(t) && depth_of(t) != 0)
        SB_TRY(advance(t));
    *done = depth_of(t) == 0;
    return SB_OK;
}

/* ---- Reaching -------------------------------------------------------------------------------------------------------- */

static sb_status note_reached(void *ctx, const sb_node_id *nodes, size_t count, uint32_t depth)
{
    sb_trail_op *t = ctx;

    if (depth < t->op.plan->as.expand.min) return SB_OK; /* the start, by itself */
    if (sb_buffer_append(&t->reached, nodes, count * sizeof *nodes) != SB_OK)
        return sb_exec__no_memory(t->op.run);
    return sb_exec__tick(t->op.run);
}

/* Is what leads back to the start no trail by itself? Undirected, going back over the first relationship is none. */
static bool asks_closing(const sb_plan_expand *e)
{
    return e->direction == SB_REL_EITHER && e->min != 0 && !e->repeatable;
}

/* What is reached over relationships of the row's node, `visits` of it. */
static sb_status search_lists(sb_trail_op *t, uint64_t start)
{
    sb_exec *run = t->op.run;
    const sb_plan_expand *e = &t->op.plan->as.expand;
    const sb_bfs_options options = {.direction = sb_exec__direction(e->direction),
                                    .types = t->types.ids,
                                    .type_count = t->types.count,
                                    .max_depth = e->max,
                                    .max_visits = t->visits,
                                    .steps_only = e->min != 0 && !asks_closing(e),
                                    .any_side = true};
    sb_bfs_result result;
    bool closes = false;

    SB_TRY(sb_graph_bfs(run->graph, start, &options, note_reached, t, &result, run->err));
    t->unfinished = result.truncated;
    if (asks_closing(e) && !t->unfinished)
        SB_TRY(sb_exec__closes(run, t->expand, start, e->max, &closes));
    return closes ? note_reached(t, &start, 1, e->min) : SB_OK;
}

static sb_arrival *arrival_at(const sb_trail_op *t, size_t i)
{
    return (sb_arrival *)(void *)t->arrivals.data + i;
}

/* Whoever asks for one end gets no other. */
static sb_status note_end(sb_trail_op *t, uint64_t node, uint32_t depth)
{
    if (t->op.plan->as.expand.to_bound && node != t->bound[t->row]) return SB_OK;
    t->found = t->op.plan->as.expand.to_bound;
    return note_reached(t, &node, 1, depth);
}

/* The first way to a node is gone on with. Where the way back to the start is asked for, its two halves may reach a node one after the other:
 * they begin with different relationships, so the first way that begins otherwise is gone on with, too. */
static sb_status note_arrival(sb_trail_op *t, const sb_arrival *arrival)
{
    bool fresh;
    uint64_t *place = sb_map_at(&t->arrived, arrival->node, &fresh);

    if (place == NULL) return sb_exec__no_memory(t->op.run);
    if (fresh) {
        *place = t->arrivals.size / sizeof *arrival;
    } else {
        if (!asks_closing(&t->op.plan->as.expand) || (*place & COME_TWICE) != 0 ||
            arrival_at(t, *place)->root == arrival->root)
            return SB_OK;
        *place |= COME_TWICE;
    }
    if (sb_buffer_append(&t->arrivals, arrival, sizeof *arrival) != SB_OK)
        return sb_exec__no_memory(t->op.run);
    return fresh ? note_end(t, arrival->node, arrival->depth) : SB_OK;
}

/* The start is not gone on from again: what that leads to has been found by shorter ways. */
static sb_status note_closing(sb_trail_op *t, const sb_arrival *from, const sb_way *way)
{
    const bool goes_back =
        asks_closing(&t->op.plan->as.expand) && from->depth != 0 && way->rel == from->root;

    if (t->closed || goes_back) return SB_OK;
    t->closed = true;
    return note_end(t, way->node, from->depth + 1);
}

static sb_status take_steps(sb_trail_op *t, const sb_arrival *from)
{
    bool may;

    sb_buffer_reset(&t->ways);
    SB_TRY(add_ways(t, from->node));
    for (size_t i = 0; i < t->ways.size / sizeof(sb_way) && !t->found; i++) {
        const sb_way way = ways_of(t)[i];
        const sb_arrival next = {.node = way.node,
                                 .root = from->depth == 0 ? way.rel : from->root,
                                 .depth = from->depth + 1};

        if (++t->steps % 4096 == 0) {
            SB_TRY(sb_exec__tick(t->op.run));
            sb_arena_reset(t->op.step); /* what the filter has left there */
        }
        SB_TRY(may_take(t, &way, &may));
        if (may)
            SB_TRY(way.node == t->nodes[t->row] ? note_closing(t, from, &way)
                                                : note_arrival(t, &next));
    }
    return SB_OK;
}

/* What is reached over steps of which a condition, or the relationships of the rest of the clause, may forbid some. */
static sb_status search_steps(sb_trail_op *t, uint64_t start)
{
    const sb_plan_expand *e = &t->op.plan->as.expand;
    const sb_arrival first = {.node = start};

    sb_buffer_reset(&t->arrivals);
    sb_map_clear(&t->arrived);
    t->found = false;
    t->closed = e->min == 0;
    if (t->closed) SB_TRY(note_end(t, start, 0));
    if (sb_buffer_append(&t->arrivals, &first, sizeof first) != SB_OK)
        return sb_exec__no_memory(t->op.run);
    for (size_t at = 0; at < t->arrivals.size / sizeof first && !t->found; at++) {
        const sb_arrival from = *arrival_at(t, at);

        t->unfinished = t->visits != 0 && at >= t->visits;
        if (t->unfinished) break;
        if (from.depth < e->max) SB_TRY(take_steps(t, &from));
    }
    return SB_OK;
}

/* All that can be reached from it. */
static sb_status search_reach(sb_trail_op *t)
{
    const uint64_t start = t->nodes[t->row];
    bool may;

    t->reached_at = 0;
    t->unfinished = false;
    sb_buffer_reset(&t->reached);
    SB_TRY(may_start(t, start, &may));
    if (!may) return SB_OK;
    if (t->types.any && t->by_steps) return search_steps(t, start);
    if (t->types.any) {
        const sb_status status = search_lists(t, start);
        if (status != SB_NOT_FOUND) return status;
        sb_err_clear(t->op.run->err); /* a node that has been deleted has no relationships */
    }
    return t->op.plan->as.expand.min == 0 ? note_reached(t, &start, 1, 0) : SB_OK;
}

/* Ends of the row that are yet to be handed on; *left 0: there are none. Whoever asks for the first ones alone may see some again with more. */
static sb_status find_reached(sb_trail_op *t, size_t *left)
{
    if (!t->begun) {
        t->begun = true;
        t->visits = t->op.plan->as.expand.first_only ? FIRST_VISITS : 0;
        SB_TRY(search_reach(t));
    }
    while (t->reached_at == t->reached.size / sizeof(uint64_t) && t->unfinished) {
        t->visits *= MORE_VISITS;
        SB_TRY(search_reach(t));
    }
    *left = t->reached.size / sizeof(uint64_t) - t->reached_at;
    return SB_OK;
}

static const uint64_t *reached_of(const sb_trail_op *t)
{
    return (const uint64_t *)(const void *)t->reached.data;
}

static sb_status reach(sb_trail_op *t, bool *done)
{
    size_t left = 0;

    *done = false;
    while (t->count < t->most) {
        SB_TRY(find_reached(t, &left));
        *done = left == 0;
        if (*done) break;
        for (; left != 0 && t->count < t->most; left--)
            SB_TRY(add_row(t, reached_of(t)[t->reached_at++]));
    }
    return SB_OK;
}

/* ---- Handing on -------------------------------------------------------------------------------------------------------- */

static sb_status keep_labelled(sb_trail_op *t)
{
    sb_exec *run = t->op.run;
    uint32_t kept = 0;

    if (t->labels == NULL || t->count == 0) return SB_OK;
    SB_TRY(sb_exec__labels_ask(run, t->labels, t->ends, t->count, t->labelled));
    for (uint32_t i = 0; i < t->count; i++) {
        if (!t->labelled[i]) continue;
        t->rows[kept] = t->rows[i];
        t->ends[kept] = t->ends[i];
        t->lists[kept++] = t->lists[i];
    }
    t->count = kept;
    return SB_OK;
}

static sb_status emit_trails(sb_trail_op *t, const sb_batch **batch)
{
    sb_operator *op = &t->op;
    const sb_plan_expand *e = &op->plan->as.expand;

    SB_TRY(sb_exec__pass_rows(op, t->in, t->rows, t->count));
    if (t->to != NULL) {
        t->to->vector = (sb_vector){.kind = SB_VECTOR_NODE, .as.ids = t->ends};
        sb_exec__bind(op, e->to, t->to);
    }
    if (t->rel != NULL) {
        t->rel->vector = (sb_vector){.kind = SB_VECTOR_ANY, .as.vals = t->lists};
        sb_exec__bind(op, e->rel, t->rel);
    }
    *batch = &op->out;
    return SB_OK;
}

/* What one row reaches, as it lies there. */
static sb_status next_reached(sb_trail_op *t, const sb_batch **batch)
{
    sb_operator *op = &t->op;

    for (;;) {
        if (t->in == NULL || t->row >= t->in->row_count) SB_TRY(trail_input(t));
        if (t->in == NULL) return SB_OK;
        size_t left;

        SB_TRY(find_reached(t, &left));
        const uint32_t count = (uint32_t)(left < t->most ? left : t->most);
        if (count == 0) {
            t->row++;
            t->begun = false;
            continue;
        }
        sb_exec__pass_row(op, t->in, t->row, count);
        if (t->to != NULL) {
            t->to->vector =
                (sb_vector){.kind = SB_VECTOR_NODE, .as.ids = reached_of(t) + t->reached_at};
            sb_exec__bind(op, op->plan->as.expand.to, t->to);
        }
        t->reached_at += count;
        *batch = &op->out;
        return SB_OK;
    }
}

static sb_status trail_next(sb_operator *op, const sb_batch **batch)
{
    sb_trail_op *t = (sb_trail_op *)op;
    bool done;

    *batch = NULL;
    SB_TRY(sb_exec__begin_step(op));
    SB_TRY(sb_exec__tick(op->run));
    t->most = sb_exec__rows_wanted(op);
    if (t->reach && !op->plan->as.expand.to_bound && t->labels == NULL)
        return next_reached(t, batch);
    t->count = 0;
    while (t->count == 0) {
        t->listed = 0;
        if (t->in == NULL || t->row >= t->in->row_count) SB_TRY(trail_input(t));
        if (t->in == NULL) return SB_OK;
        while (t->row < t->in->row_count && !is_full(t)) {
            SB_TRY(t->reach ? reach(t, &done) : walk(t, &done));
            if (!done) break;
            t->row++;
            t->begun = false;
        }
        SB_TRY(keep_labelled(t));
        if (t->count == 0) t->most = sb_exec__rows_wanted(op);
        if (t->count == 0) sb_arena_reset(op->step); /* the lists of those that are left out */
    }
    return emit_trails(t, batch);
}

const sb_operator_ops sb_exec__var_expand = {.state_bytes = sizeof(sb_trail_op),
                                             .open = trail_open,
                                             .next = trail_next,
                                             .reset = trail_reset,
                                             .close = trail_close};
