/* path.c — shortest paths by number of relationships: breadth first from both ends, one level of the smaller side at a time.
 * While the two sides have not met, after a levels of one and b of the other, the distance is over a + b: a node a steps
 * down a shorter path would lie in both. So the first node at which they meet lies on a shortest path. */
#include "graph/traverse_priv.h"

/* Relationships between two looks at cancel and progress. */
#define TICK_RELS 65536u
#define NOWHERE   SIZE_MAX

/* A node reached from one side, by which relationship and from which node. */
typedef struct sb_reached {
    sb_node_id node;
    sb_rel_id rel;
    size_t parent; /* place in reached; of the end itself: NOWHERE */
} sb_reached;

typedef struct sb_path_side {
    sb_lanes lanes;
    sb_map places;       /* node → place in reached */
    sb_reached *reached; /* owned; levels one after the other */
    size_t count, capacity;
    size_t level_begin; /* the last level is [level_begin, count) */
    sb_node_id *nodes;  /* owned: ids of the level being expanded */
    size_t node_capacity;
    uint32_t depth;
} sb_path_side;

typedef struct sb_path_search {
    sb_graph *graph;
    const sb_bfs_options *options;
    sb_path_side sides[2];
    sb_path_side *growing, *other;
    size_t expanded_from; /* place of the first node being expanded */
    size_t met[2];        /* places on the two sides where they met */
    bool done;
    uint64_t rels_seen;
    uint64_t node_count; /* of the graph: what the two sides can reach in all */
    sb_err *err;
} sb_path_search;

static sb_status add_reached(sb_path_search *search, sb_path_side *side, sb_node_id node,
                             sb_rel_id rel, size_t parent)
{
    if (SB_UNLIKELY(sb_graph__grow(sb_lanes__alloc(&side->lanes), &side->reached,
                                   sizeof *side->reached, side->count + 1, &side->capacity,
                                   NULL) != SB_OK))
        return sb_lanes__no_memory(&side->lanes, search->err);
    side->reached[side->count++] = (sb_reached){.node = node, .rel = rel, .parent = parent};
    return SB_OK;
}

static sb_status reach_neighbors(void *ctx, uint64_t at, const sb_lane *lane, const sb_chunk *chunk)
{
    sb_path_search *search = ctx;
    sb_path_side *side = search->growing;

    (void)lane;
    for (uint32_t i = 0; i < chunk->count; i++) {
        const sb_node_id node = sb_chunk_neighbor(chunk, i);
        const uint64_t *meeting;
        uint64_t *place;
        bool fresh;
        if (SB_UNLIKELY(node > SB_ID_MAX)) return sb_lanes__stray(node, search->err);
        place = sb_map_at(&side->places, node, &fresh);
        if (SB_UNLIKELY(place == NULL)) return sb_lanes__no_memory(&side->lanes, search->err);
        if (!fresh) continue;
        *place = side->count;
        SB_TRY(add_reached(search, side, node, sb_chunk_rel(chunk, i),
                           search->expanded_from + (size_t)at));
        meeting = sb_map_find(&search->other->places, node);
        if (meeting == NULL) continue;
        search->met[side - search->sides] = side->count - 1;
        search->met[search->other - search->sides] = (size_t)*meeting;
        search->done = true;
        return SB_INTERRUPT; /* expand_level knows why */
    }
    const uint64_t ticks = search->rels_seen / TICK_RELS;
    search->rels_seen += chunk->count;
    return search->rels_seen / TICK_RELS == ticks
               ? SB_OK
               : sb_graph__tick(search->graph, search->sides[0].count + search->sides[1].count,
                                search->node_count, search->err);
}

static sb_status expand_level(sb_path_search *search)
{
    sb_path_side *side = search->growing;
    const size_t count = side->count - side->level_begin;
    sb_status status;

    if (sb_graph__grow(sb_lanes__alloc(&side->lanes), &side->nodes, sizeof *side->nodes, count,
                       &side->node_capacity, NULL) != SB_OK)
        return sb_lanes__no_memory(&side->lanes, search->err);
    for (size_t i = 0; i < count; i++)
        side->nodes[i] = side->reached[side->level_begin + i].node;
    search->expanded_from = side->level_begin;
    side->level_begin = side->count;
    side->depth++;
    status =
        sb_lanes__expand(&side->lanes, side->nodes, count, reach_neighbors, search, search->err);
    return search->done && status == SB_INTERRUPT ? SB_OK : status;
}

static bool may_go_on(const sb_path_search *search)
{
    const sb_path_side *sides = search->sides;
    const uint64_t most = search->options->max_visits;

    if (search->done || (uint64_t)sides[0].depth + sides[1].depth >= search->options->max_depth)
        return false;
    if (most != 0 && sides[0].count + sides[1].count >= most) return false;
    return sides[0].level_begin < sides[0].count && sides[1].level_begin < sides[1].count;
}

static sb_status search_both(sb_path_search *search)
{
    SB_TRY(sb_stats_nodes_of_label(search->graph->view, 0, &search->node_count, search->err));
    SB_TRY(sb_graph__tick(search->graph, 0, search->node_count, search->err));
    while (may_go_on(search)) {
        const sb_path_side *sides = search->sides;
        const size_t smaller =
            sides[1].count - sides[1].level_begin < sides[0].count - sides[0].level_begin;
        search->growing = &search->sides[smaller];
        search->other = &search->sides[1 - smaller];
        SB_TRY(expand_level(search));
    }
    return SB_OK;
}

static sb_status write_path(sb_path_search *search, sb_graph_path *path)
{
    const sb_path_side *from = &search->sides[0], *to = &search->sides[1];
    sb_arena *arena = sb_graph__results(search->graph);
    size_t head = 0, tail = 0, at;
    sb_node_id *nodes;
    sb_rel_id *rels;

    for (size_t i = search->met[0]; from->reached[i].parent != NOWHERE; i = from->reached[i].parent)
        head++;
    for (size_t i = search->met[1]; to->reached[i].parent != NOWHERE; i = to->reached[i].parent)
        tail++;
    nodes = sb_arena_alloc_array(arena, head + tail + 1, sizeof *nodes);
    rels = sb_arena_alloc_array(arena, head + tail, sizeof *rels);
    if (nodes == NULL || rels == NULL) return SB_FAIL_NOMEM(search->err);
    at = head;
    for (size_t i = search->met[0];; i = from->reached[i].parent) {
        nodes[at] = from->reached[i].node;
        if (from->reached[i].parent == NOWHERE) break;
        rels[--at] = from->reached[i].rel;
    }
    at = head;
    for (size_t i = search->met[1]; to->reached[i].parent != NOWHERE; i = to->reached[i].parent) {
        rels[at++] = to->reached[i].rel;
        nodes[at] = to->reached[to->reached[i].parent].node;
    }
    *path = (sb_graph_path){.nodes = nodes,
                            .rels = rels,
                            .length = head + tail,
                            .weight = (double)(head + tail),
                            .found = true};
    return SB_OK;
}

static sb_status open_side(sb_path_search *search, sb_path_side *side, sb_node_id end,
                           sb_direction direction)
{
    const sb_bfs_options *options = search->options;
    const sb_status status = sb_lanes__open(search->graph, direction, options->types,
                                            options->type_count, &side->lanes, search->err);

    sb_map_init(&side->places, sb_lanes__alloc(&side->lanes));
    SB_TRY(status);
    if (sb_map_put(&side->places, end, 0) != SB_OK)
        return sb_lanes__no_memory(&side->lanes, search->err);
    return add_reached(search, side, end, 0, NOWHERE);
}

static void close_side(sb_path_side *side)
{
    const sb_allocator *alloc = sb_lanes__alloc(&side->lanes);

    sb_map_deinit(&side->places);
    sb_free(alloc, side->reached, side->capacity * sizeof *side->reached);
    sb_free(alloc, side->nodes, side->node_capacity * sizeof *side->nodes);
    sb_lanes__close(&side->lanes);
}

sb_status sb_graph_shortest_path(sb_graph *graph, sb_node_id from, sb_node_id to,
                                 const sb_bfs_options *options, sb_graph_path *path, sb_err *err)
{
    static const sb_direction reverse[] = {[SB_OUT] = SB_IN, [SB_IN] = SB_OUT, [SB_BOTH] = SB_BOTH};
    sb_path_search search = {.graph = graph, .options = options, .err = err};
    sb_set_id set;
    sb_status status;

    *path = (sb_graph_path){0};
    SB_CHECK_ARG(err, options->direction <= SB_BOTH);
    SB_TRY(sb_graph__require_node(graph, from, &set, err));
    SB_TRY(sb_graph__require_node(graph, to, &set, err));
    status = open_side(&search, &search.sides[0], from, options->direction);
    if (status == SB_OK) {
        status = open_side(&search, &search.sides[1], to, reverse[options->direction]);
        if (status == SB_OK) {
            search.done = from == to;
            status = search_both(&search);
        }
        if (status == SB_OK && search.done) status = write_path(&search, path);
        close_side(&search.sides[1]);
    }
    close_side(&search.sides[0]);
    return status;
}
