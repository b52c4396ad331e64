/* op_shortest.c — shortest paths between two nodes that are both known.
 * Three searches, from the cheapest on:
 *   native   one path, no conditions: the graph's own, from both ends;
 *   layers   breadth first from the start: of each node all relationships by which it is first reached. The shortest paths are read off
 *            from the end backwards. A shortest path repeats no node, so it is a trail by itself;
 *   trails   all trails, shorter ones first, as a tree: for what layers can not tell (more than the shortest, conditions on whole
 *            paths that no shortest one meets, a least length, a path that comes back to its start).
 * Conditions on whole paths (path_filter) are tried on the shortest paths first. */
#include "cypher/exec/op_priv.h"

typedef enum sb_search_phase {
    SB_SEARCH_BEGIN,
    SB_SEARCH_LAYERS, /* reading paths off */
    SB_SEARCH_TRAILS,
    SB_SEARCH_DONE
} sb_search_phase;

/* layers */
typedef struct sb_reached {
    uint64_t node;
    uint32_t depth;
    uint32_t edge; /* first of those that lead here; NONE */
} sb_reached;
typedef struct sb_edge_back {
    uint64_t rel;
    uint32_t from; /* place in reached */
    uint32_t next; /* another edge to the same node; NONE */
} sb_edge_back;
/* trails */
typedef struct sb_branch {
    uint64_t node, rel;
    uint32_t parent; /* NONE: the start */
    uint32_t length;
} sb_branch;
#define NONE UINT32_MAX

typedef struct sb_shortest_op {
    sb_operator op;
    sb_out *rel, *path;
    sb_expand_types types;
    sb_eval *filter, *start_filter, *path_filter;
    sb_expand *expand;
    uint64_t generation;
    const sb_batch *in; /* NULL: take the next */
    sb_out from_scratch, to_scratch;
    const uint64_t *from, *to;
    uint32_t row;
    sb_search_phase phase;
    uint64_t steps;
    uint64_t taken;        /* paths of the row that went on */
    uint64_t groups;       /* lengths among them */
    uint64_t group_length; /* the last of these */
    sb_buffer reached, edges,
        way; /* sb_reached, sb_edge_back, uint32_t: edges of the path being read, from the end */
    sb_map places;            /* node → place in reached */
    uint32_t end;             /* place of the end in reached */
    sb_buffer branches, hits; /* sb_branch; uint32_t: those that end where they should */
    size_t branch_at, hit_at;
    sb_buffer nodes, rels; /* uint64_t: of the path at hand */
    /* rows made */
    uint32_t count;
    uint64_t listed; /* relationships of the paths of the batch at hand */
    uint32_t rows[SB_BATCH_ROWS];
    sb_val lists[SB_BATCH_ROWS], paths[SB_BATCH_ROWS];
    /* of one fetch */
    uint32_t at[SB_BATCH_ROWS];
    uint64_t fetched[SB_BATCH_ROWS], fetched_rels[SB_BATCH_ROWS], frontier[SB_BATCH_ROWS];
} sb_shortest_op;

static sb_status compile_filters(sb_shortest_op *s)
{
    sb_exec *run = s->op.run;
    const sb_plan_expand *e = &s->op.plan->as.expand;
    sb_status status;

    SB_TRY(sb_exec__compile_steps(run, e, &s->filter, &s->start_filter));
    sb_exec__local(run, e->rel, true);
    sb_exec__local(run, e->path, true);
    status = sb_exec__compile_maybe(run, e->path_filter, &s->path_filter);
    sb_exec__local(run, e->rel, false);
    sb_exec__local(run, e->path, false);
    return status;
}

static sb_status shortest_open(sb_operator *op)
{
    sb_shortest_op *s = (sb_shortest_op *)op;
    const sb_plan_expand *e = &op->plan->as.expand;
    sb_buffer *buffers[] = {&s->reached, &s->edges, &s->way, &s->branches,
                            &s->hits,    &s->nodes, &s->rels};

    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        sb_buffer_init(buffers[i], op->run->alloc);
    sb_map_init(&s->places, op->run->alloc);
    SB_TRY(sb_exec__need_outs(op));
    s->rel = sb_exec__out_of(op, e->rel);
    s->path = sb_exec__out_of(op, e->path);
    SB_TRY(sb_exec__types_open(op->run, e, &s->types));
    return compile_filters(s);
}

static void shortest_close(sb_operator *op)
{
    sb_shortest_op *s = (sb_shortest_op *)op;
    sb_buffer *buffers[] = {&s->reached, &s->edges, &s->way, &s->branches,
                            &s->hits,    &s->nodes, &s->rels};

    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        sb_buffer_deinit(buffers[i]);
    sb_map_deinit(&s->places);
    sb_expand_close(s->expand);
    sb_exec__out_free(op->run, &s->from_scratch);
    sb_exec__out_free(op->run, &s->to_scratch);
}

static void shortest_reset(sb_operator *op)
{
    sb_shortest_op *s = (sb_shortest_op *)op;

    s->in = NULL;
    if (s->expand != NULL) sb_expand_begin(s->expand, NULL, 0); /* lets go of the list at hand */
}

static sb_status shortest_input(sb_shortest_op *s)
{
    sb_exec *run = s->op.run;
    const sb_plan_expand *e = &s->op.plan->as.expand;

    SB_TRY(sb_exec__pull(&s->op, &s->in));
    if (s->in == NULL) return SB_OK;
    s->row = 0;
    s->phase = SB_SEARCH_BEGIN;
    SB_TRY(sb_exec__ids(run, s->in, e->from, SB_VECTOR_NODE, &s->from_scratch, &s->from));
    SB_TRY(sb_exec__ids(run, s->in, e->to, SB_VECTOR_NODE, &s->to_scratch, &s->to));
    if (s->generation == run->generation && !run->compiled->writes) return SB_OK;
    s->generation = run->generation;
    sb_exec__types_find(run, e, &s->types);
    if (!s->types.any) return SB_OK;
    const sb_expand_options options = {.direction = sb_exec__direction(e->direction),
                                       .types = s->types.ids,
                                       .type_count = s->types.count,
                                       .loops_once = true};
    if (s->expand != NULL) return sb_expand_reopen(s->expand, run->graph, &options, run->err);
    return sb_expand_open(run->graph, &options, &s->expand, run->err);
}

/* ---- A path that was found ------------------------------------------------------------------------------------------ */

static sb_status push_word(sb_shortest_op *s, sb_buffer *buffer, uint64_t word)
{
    return sb_buffer_append(buffer, &word, sizeof word) == SB_OK ? SB_OK
                                                                 : sb_exec__no_memory(s->op.run);
}

/* The path in nodes and rels as values of the step arena. */
static sb_status path_values(sb_shortest_op *s, sb_val *list, sb_val *path)
{
    sb_arena *arena = s->op.step;
    const size_t length = s->rels.size / sizeof(uint64_t);
    uint64_t *words = sb_arena_alloc(arena, s->nodes.size + s->rels.size);
    sb_val_path *made = sb_arena_alloc(arena, sizeof *made);
    sb_val_list *items = sb_val_list_make(arena, length);

    if (words == NULL || made == NULL || items == NULL) return sb_exec__no_memory(s->op.run);
    memcpy(words, s->nodes.data, s->nodes.size);
    if (length != 0) memcpy(words + length + 1, s->rels.data, s->rels.size);
    *made = (sb_val_path){.length = length, .nodes = words, .rels = words + length + 1};
    for (size_t i = 0; i < length; i++)
        items->items[i] = sb_val_rel(made->rels[i]);
    *list = sb_val_flat_list(items);
    *path = (sb_val){.kind = SB_VAL_PATH, .as.path = made};
    return SB_OK;
}

/* The path at hand becomes a row unless its condition says no. */
static sb_status take_path(sb_shortest_op *s)
{
    sb_exec *run = s->op.run;
    const sb_plan_expand *e = &s->op.plan->as.expand;
    const uint64_t length = s->rels.size / sizeof(uint64_t);
    sb_val list, path;
    bool is = true;

    SB_TRY(sb_exec__tick(run)); /* paths may be long */
    SB_TRY(path_values(s, &list, &path));
    if (s->path_filter != NULL) {
        if (e->rel != NULL) run->locals[e->rel->slot] = list;
        if (e->path != NULL) run->locals[e->path->slot] = path;
        SB_TRY(sb_exec__test(s->path_filter, s->in, s->row, &is));
    }
    if (!is) return SB_OK;
    if (s->taken == 0 || length != s->group_length) s->groups++;
    s->group_length = length;
    s->taken++;
    s->listed += length;
    s->rows[s->count] = s->row;
    s->lists[s->count] = list;
    s->paths[s->count++] = path;
    return SB_OK;
}

static bool is_full(const sb_shortest_op *s)
{
    return s->count == SB_BATCH_ROWS || s->listed >= SB_PATH_ITEMS_MAX;
}

/* Are there enough paths, or would one of this length be too many? */
static bool is_enough(const sb_shortest_op *s, uint64_t length)
{
    const sb_plan_expand *e = &s->op.plan->as.expand;
    const uint64_t wanted = e->selector_count == 0 ? 1 : e->selector_count;

    switch ((int)e->selector) {
    case SB_PATHS_ALL_SHORTEST: return s->taken != 0 && length != s->group_length;
    case SB_PATHS_SHORTEST_GROUPS: return s->groups >= wanted && length != s->group_length;
    case SB_PATHS_SHORTEST: return s->taken != 0;
    default: return s->taken >= wanted;
    }
}

static sb_status may_step(sb_shortest_op *s, uint64_t node, uint64_t rel, bool *may)
{
    sb_exec *run = s->op.run;
    const sb_plan_expand *e = &s->op.plan->as.expand;

    if (++s->steps % 4096 == 0) {
        SB_TRY(sb_exec__tick(run));
        if (s->count == 0) sb_arena_reset(s->op.step); /* what the filter has left there */
    }
    *may = !sb_exec__rel_used(e->unlike, e->unlike_count, s->in, s->row, rel);
    if (!*may || s->filter == NULL) return SB_OK;
    sb_exec__set_step(run, e, node, rel);
    return sb_exec__test(s->filter, s->in, s->row, may);
}

/* ---- Native --------------------------------------------------------------------------------------------------------- */

static sb_status search_native(sb_shortest_op *s)
{
    sb_exec *run = s->op.run;
    const sb_plan_expand *e = &s->op.plan->as.expand;
    const sb_bfs_options options = {.direction = sb_exec__direction(e->direction),
                                    .types = s->types.ids,
                                    .type_count = s->types.count,
                                    .max_depth = e->max};
    sb_graph_path path;

    SB_TRY(sb_graph_shortest_path(run->graph, s->from[s->row], s->to[s->row], &options, &path,
                                  run->err));
    if (!path.found) return SB_OK;
    sb_buffer_reset(&s->nodes);
    sb_buffer_reset(&s->rels);
    for (size_t i = 0; i <= path.length; i++)
        SB_TRY(push_word(s, &s->nodes, path.nodes[i]));
    for (size_t i = 0; i < path.length; i++)
        SB_TRY(push_word(s, &s->rels, path.rels[i]));
    return take_path(s);
}

/* ---- Layers ---------------------------------------------------------------------------------------------------------- */

static sb_reached *reached_at(const sb_shortest_op *s, size_t i)
{
    return (sb_reached *)(void *)s->reached.data + i;
}

static sb_edge_back *edge_at(const sb_shortest_op *s, size_t i)
{
    return (sb_edge_back *)(void *)s->edges.data + i;
}

static sb_status add_reached(sb_shortest_op *s, uint64_t node, uint32_t depth, uint32_t *place,
                             bool *made)
{
    sb_exec *run = s->op.run;
    const sb_reached r = {.node = node, .depth = depth, .edge = NONE};
    uint64_t *known = sb_map_at(&s->places, node, made);

    if (known == NULL) return sb_exec__no_memory(run);
    if (*made) {
        *known = s->reached.size / sizeof r;
        if (*known >= NONE) return SB_FAIL(run->err, SB_LIMIT, "more than %u nodes reached", NONE);
        if (sb_buffer_append(&s->reached, &r, sizeof r) != SB_OK) return sb_exec__no_memory(run);
    }
    *place = (uint32_t)*known;
    return SB_OK;
}

/* A step from reached[from]: remembered where it is a shortest one. */
static sb_status add_step(sb_shortest_op *s, uint32_t from, uint32_t depth, uint64_t node,
                          uint64_t rel)
{
    uint32_t place;
    bool may, made;

    SB_TRY(may_step(s, node, rel, &may));
    if (!may) return SB_OK;
    SB_TRY(add_reached(s, node, depth, &place, &made));
    if (reached_at(s, place)->depth != depth) return SB_OK;
    if (s->edges.size / sizeof(sb_edge_back) >= NONE)
        return SB_FAIL(s->op.run->err, SB_LIMIT, "more than %u steps of shortest paths", NONE);
    const sb_edge_back edge = {.rel = rel, .from = from, .next = reached_at(s, place)->edge};
    reached_at(s, place)->edge = (uint32_t)(s->edges.size / sizeof edge);
    return sb_buffer_append(&s->edges, &edge, sizeof edge) == SB_OK ? SB_OK
                                                                    : sb_exec__no_memory(s->op.run);
}

/* All steps out of reached[begin … end), which are of one depth. */
static sb_status expand_layer(sb_shortest_op *s, uint32_t begin, uint32_t end, uint32_t depth)
{
    const sb_expand_rows rows = {.from = s->at, .neighbors = s->fetched, .rels = s->fetched_rels};
    size_t count;

    for (uint32_t first = begin; first < end; first += SB_BATCH_ROWS) {
        const uint32_t n = end - first < SB_BATCH_ROWS ? end - first : SB_BATCH_ROWS;
        for (uint32_t i = 0; i < n; i++)
            s->frontier[i] = reached_at(s, first + i)->node;
        sb_expand_begin(s->expand, s->frontier, n);
        for (;;) {
            SB_TRY(sb_expand_next(s->expand, &rows, SB_BATCH_ROWS, &count, s->op.run->err));
            if (count == 0) break;
            for (size_t i = 0; i < count; i++)
                SB_TRY(add_step(s, first + s->at[i], depth, s->fetched[i], s->fetched_rels[i]));
        }
    }
    return SB_OK;
}

static sb_status search_layers(sb_shortest_op *s, bool *found)
{
    const sb_plan_expand *e = &s->op.plan->as.expand;
    uint32_t begin = 0, end = 1, place;
    bool made;

    *found = false;
    sb_buffer_reset(&s->reached);
    sb_buffer_reset(&s->edges);
    sb_buffer_reset(&s->way);
    sb_map_clear(&s->places);
    SB_TRY(add_reached(s, s->from[s->row], 0, &place, &made));
    for (uint32_t depth = 1; depth <= e->max && begin < end; depth++) {
        SB_TRY(expand_layer(s, begin, end, depth));
        const uint64_t *target = sb_map_find(&s->places, s->to[s->row]);
        if (target != NULL) {
            s->end = (uint32_t)*target;
            *found = true;
            return SB_OK;
        }
        begin = end;
        end = (uint32_t)(s->reached.size / sizeof(sb_reached));
    }
    return SB_OK;
}

static uint32_t *way_of(const sb_shortest_op *s)
{
    return (uint32_t *)(void *)s->way.data;
}

/* From the last edge of the way back to the start, by first edges. */
static sb_status descend(sb_shortest_op *s, uint32_t place)
{
    while (reached_at(s, place)->depth != 0) {
        const uint32_t edge = reached_at(s, place)->edge;
        if (sb_buffer_append(&s->way, &edge, sizeof edge) != SB_OK)
            return sb_exec__no_memory(s->op.run);
        place = edge_at(s, edge)->from;
    }
    return SB_OK;
}

/* The next shortest path; *more false: there is none. */
static sb_status next_layered(sb_shortest_op *s, bool first, bool *more)
{
    *more = true;
    if (first) return descend(s, s->end);
    while (s->way.size != 0) {
        uint32_t *last = way_of(s) + s->way.size / sizeof(uint32_t) - 1;
        *last = edge_at(s, *last)->next;
        if (*last != NONE) return descend(s, edge_at(s, *last)->from);
        s->way.size -= sizeof(uint32_t);
    }
    *more = false;
    return SB_OK;
}

static sb_status take_layered(sb_shortest_op *s)
{
    const size_t length = s->way.size / sizeof(uint32_t);

    sb_buffer_reset(&s->nodes);
    sb_buffer_reset(&s->rels);
    SB_TRY(push_word(s, &s->nodes, s->from[s->row]));
    for (size_t i = length; i-- > 0;) {
        SB_TRY(push_word(s, &s->rels, edge_at(s, way_of(s)[i])->rel));
        SB_TRY(push_word(s, &s->nodes,
                         i == 0 ? s->to[s->row]
                                : reached_at(s, edge_at(s, way_of(s)[i - 1])->from)->node));
    }
    return take_path(s);
}

/* ---- Trails ------------------------------------------------------------------------------------------------------------- */

static sb_branch *branch_at(const sb_shortest_op *s, size_t i)
{
    return (sb_branch *)(void *)s->branches.data + i;
}

static bool on_trail(const sb_shortest_op *s, uint32_t at, uint64_t rel)
{
    for (; at != NONE; at = branch_at(s, at)->parent)
        if (branch_at(s, at)->rel == rel) return true;
    return false;
}

static sb_status add_branch(sb_shortest_op *s, uint32_t parent, uint64_t node, uint64_t rel)
{
    sb_exec *run = s->op.run;
    const sb_plan_expand *e = &s->op.plan->as.expand;
    const uint32_t place = (uint32_t)(s->branches.size / sizeof(sb_branch));
    const sb_branch branch = {.node = node,
                              .rel = rel,
                              .parent = parent,
                              .length = parent == NONE ? 0 : branch_at(s, parent)->length + 1};

    if (s->branches.size / sizeof branch >= NONE)
        return SB_FAIL(run->err, SB_LIMIT, "more than %u paths looked at for the shortest", NONE);
    if (sb_buffer_append(&s->branches, &branch, sizeof branch) != SB_OK)
        return sb_exec__no_memory(run);
    if (node == s->to[s->row] && branch.length >= e->min &&
        sb_buffer_append(&s->hits, &place, sizeof place) != SB_OK)
        return sb_exec__no_memory(run);
    return SB_OK;
}

static sb_status begin_trails(sb_shortest_op *s)
{
    sb_buffer_reset(&s->branches);
    sb_buffer_reset(&s->hits);
    s->branch_at = s->hit_at = 0;
    s->phase = SB_SEARCH_TRAILS;
    return add_branch(s, NONE, s->from[s->row], 0);
}

static sb_status grow_branch(sb_shortest_op *s, uint32_t at)
{
    const sb_plan_expand *e = &s->op.plan->as.expand;
    const sb_expand_rows rows = {.from = s->at, .neighbors = s->fetched, .rels = s->fetched_rels};
    const uint64_t node = branch_at(s, at)->node;
    size_t count;

    if (branch_at(s, at)->length >= e->max || !s->types.any) return SB_OK;
    sb_expand_begin(s->expand, &node, 1);
    for (;;) {
        SB_TRY(sb_expand_next(s->expand, &rows, SB_BATCH_ROWS, &count, s->op.run->err));
        if (count == 0) return SB_OK;
        for (size_t i = 0; i < count; i++) {
            bool may = !on_trail(s, at, s->fetched_rels[i]);
            if (may) SB_TRY(may_step(s, s->fetched[i], s->fetched_rels[i], &may));
            if (may) SB_TRY(add_branch(s, at, s->fetched[i], s->fetched_rels[i]));
        }
    }
}

static sb_status take_branch(sb_shortest_op *s, uint32_t at)
{
    const size_t length = branch_at(s, at)->length;

    sb_buffer_reset(&s->nodes);
    sb_buffer_reset(&s->rels);
    if (sb_buffer_reserve(&s->nodes, (length + 1) * sizeof(uint64_t)) != SB_OK ||
        sb_buffer_reserve(&s->rels, (length + 1) * sizeof(uint64_t)) != SB_OK)
        return sb_exec__no_memory(s->op.run);
    s->nodes.size = (length + 1) * sizeof(uint64_t);
    s->rels.size = length * sizeof(uint64_t);
    for (size_t i = length;; i--) {
        ((uint64_t *)(void *)s->nodes.data)[i] = branch_at(s, at)->node;
        if (i == 0) break;
        ((uint64_t *)(void *)s->rels.data)[i - 1] = branch_at(s, at)->rel;
        at = branch_at(s, at)->parent;
    }
    return take_path(s);
}

/* Trails in order of length, until there is a batch or nothing more is asked for. */
static sb_status search_trails(sb_shortest_op *s)
{
    while (!is_full(s)) {
        if (s->hit_at < s->hits.size / sizeof(uint32_t)) {
            const uint32_t hit = ((const uint32_t *)(const void *)s->hits.data)[s->hit_at++];
            if (is_enough(s, branch_at(s, hit)->length)) break;
            SB_TRY(take_branch(s, hit));
        } else if (s->branch_at < s->branches.size / sizeof(sb_branch)) {
            const uint32_t at = (uint32_t)s->branch_at++;
            if (is_enough(s, (uint64_t)branch_at(s, at)->length + 1)) break;
            SB_TRY(grow_branch(s, at));
        } else {
            break;
        }
    }
    if (!is_full(s)) s->phase = SB_SEARCH_DONE;
    return SB_OK;
}

/* ---- A row of the input -------------------------------------------------------------------------------------------------- */

/* Do layers tell all that is asked for, but for conditions on whole paths? */
static bool layers_do(const sb_shortest_op *s)
{
    const sb_plan_expand *e = &s->op.plan->as.expand;
    const bool one = e->selector_count <= 1;

    return e->min <= 1 && s->from[s->row] != s->to[s->row] &&
           (e->selector == SB_PATHS_SHORTEST || e->selector == SB_PATHS_ALL_SHORTEST || one);
}

static bool native_does(const sb_shortest_op *s)
{
    const sb_plan_expand *e = &s->op.plan->as.expand;

    return layers_do(s) && s->filter == NULL && s->path_filter == NULL && e->unlike_count == 0 &&
           e->selector != SB_PATHS_ALL_SHORTEST && e->selector != SB_PATHS_SHORTEST_GROUPS;
}

static sb_status begin_search(sb_shortest_op *s)
{
    bool found, may;

    s->taken = s->groups = 0;
    s->phase = SB_SEARCH_DONE;
    if (s->from[s->row] == 0 || s->to[s->row] == 0) return SB_OK;
    SB_TRY(sb_exec__may_start(s->op.run, &s->op.plan->as.expand, s->start_filter, s->in, s->row,
                              s->from[s->row], &may));
    if (!may) return SB_OK;
    if (!layers_do(s)) return begin_trails(s);
    if (!s->types.any) return SB_OK;
    if (native_does(s)) {
        const sb_status status = search_native(s);
        if (status != SB_NOT_FOUND) return status;
        sb_err_clear(s->op.run->err); /* a node has been deleted: it has no relationships */
    }
    SB_TRY(search_layers(s, &found));
    if (found) s->phase = SB_SEARCH_LAYERS;
    return SB_OK;
}

static sb_status search_on(sb_shortest_op *s)
{
    bool more = true;

    if (s->phase == SB_SEARCH_TRAILS) return search_trails(s);
    while (!is_full(s)) {
        SB_TRY(next_layered(s, s->way.size == 0, &more));
        if (!more || is_enough(s, reached_at(s, s->end)->depth)) break;
        SB_TRY(take_layered(s));
    }
    if (is_full(s)) return SB_OK;
    s->phase = SB_SEARCH_DONE;
    /* none of the shortest paths meets the condition: perhaps a longer one does */
    return s->taken == 0 && s->path_filter != NULL ? begin_trails(s) : SB_OK;
}

static sb_status emit_shortest(sb_shortest_op *s, const sb_batch **batch)
{
    sb_operator *op = &s->op;
    const sb_plan_expand *e = &op->plan->as.expand;

    SB_TRY(sb_exec__pass_rows(op, s->in, s->rows, s->count));
    if (s->rel != NULL) {
        s->rel->vector = (sb_vector){.kind = SB_VECTOR_ANY, .as.vals = s->lists};
        sb_exec__bind(op, e->rel, s->rel);
    }
    if (s->path != NULL) {
        s->path->vector = (sb_vector){.kind = SB_VECTOR_ANY, .as.vals = s->paths};
        sb_exec__bind(op, e->path, s->path);
    }
    *batch = &op->out;
    return SB_OK;
}

static sb_status shortest_next(sb_operator *op, const sb_batch **batch)
{
    sb_shortest_op *s = (sb_shortest_op *)op;

    *batch = NULL;
    SB_TRY(sb_exec__tick(op->run));
    SB_TRY(sb_exec__begin_step(op));
    s->count = 0;
    s->listed = 0;
    while (s->count == 0) {
        if (s->in == NULL || s->row >= s->in->row_count) SB_TRY(shortest_input(s));
        if (s->in == NULL) return SB_OK;
        while (s->row < s->in->row_count && !is_full(s)) {
            if (s->phase == SB_SEARCH_BEGIN) SB_TRY(begin_search(s));
            while (s->phase != SB_SEARCH_DONE && !is_full(s))
                SB_TRY(search_on(s));
            if (s->phase != SB_SEARCH_DONE) break;
            s->row++;
            s->phase = SB_SEARCH_BEGIN;
        }
    }
    return emit_shortest(s, batch);
}

const sb_operator_ops sb_exec__shortest = {.state_bytes = sizeof(sb_shortest_op),
                                           .open = shortest_open,
                                           .next = shortest_next,
                                           .reset = shortest_reset,
                                           .close = shortest_close};
