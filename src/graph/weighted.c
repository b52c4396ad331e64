/* weighted.c — cheapest paths: Dijkstra's search with a binary heap. Nothing is decreased in the heap: a cheaper way to a node
 * is one more label of it, and of a node's labels the first taken counts.
 * With a bound on the number of relationships a dearer way with fewer of them may be the one that arrives. Then a
 * node's label counts when it has fewer than all that were taken of it before. */
#include <math.h>

#include "graph/traverse_priv.h"

/* Relationships between two looks at cancel and progress. */
#define TICK_RELS 65536u
#define NOWHERE   UINT32_MAX

/* A way to a node. */
typedef struct sb_way {
    double weight;
    sb_node_id node;
    sb_rel_id rel;   /* its last relationship */
    uint32_t parent; /* the way before it; NOWHERE: none */
    uint32_t hops;
} sb_way;

typedef struct sb_heap_item {
    double weight;
    uint32_t way;
} sb_heap_item;

/* What is known of a node. */
typedef struct sb_known_node {
    double weight; /* of the cheapest way to it so far */
    uint32_t hops; /* the fewest of the ways taken; UINT32_MAX: none was */
} sb_known_node;

typedef struct sb_dijkstra {
    sb_graph *graph;
    sb_lanes lanes;
    const sb_bfs_options *options;
    sb_key_id key;
    double default_weight;
    bool bounded;         /* by max_depth */
    sb_map places;        /* node → place in known */
    sb_known_node *known; /* these arrays are owned */
    size_t known_count, known_capacity;
    sb_way *ways;
    size_t way_count, way_capacity;
    sb_heap_item *heap;
    size_t heap_count, heap_capacity;
    /* Of the node being expanded: */
    uint64_t *neighbors, *rels;
    double *weights;
    size_t edge_count, neighbor_capacity, rel_capacity, weight_capacity;
    uint64_t work, taken;
    uint64_t node_count; /* of the graph */
    sb_err *err;
} sb_dijkstra;

static sb_status grow(sb_dijkstra *search, void *array, size_t size, size_t count, size_t *capacity)
{
    if (SB_LIKELY(count <= *capacity)) return SB_OK;
    if (sb_graph__grow(sb_lanes__alloc(&search->lanes), array, size, count, capacity, NULL) ==
        SB_OK)
        return SB_OK;
    return sb_lanes__no_memory(&search->lanes, search->err);
}

/* ---- Heap -------------------------------------------------------------------------------------------------------- */

static sb_status push(sb_dijkstra *search, sb_heap_item item)
{
    size_t at = search->heap_count;

    SB_TRY(grow(search, &search->heap, sizeof *search->heap, at + 1, &search->heap_capacity));
    search->heap_count++;
    while (at > 0 && search->heap[(at - 1) / 2].weight > item.weight) {
        search->heap[at] = search->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    search->heap[at] = item;
    return SB_OK;
}

static sb_heap_item pop(sb_dijkstra *search)
{
    sb_heap_item *heap = search->heap;
    const sb_heap_item least = heap[0], last = heap[--search->heap_count];
    const size_t count = search->heap_count;
    size_t at = 0;

    while (2 * at + 1 < count) {
        size_t child = 2 * at + 1;
        if (child + 1 < count && heap[child + 1].weight < heap[child].weight) child++;
        if (heap[child].weight >= last.weight) break;
        heap[at] = heap[child];
        at = child;
    }
    if (count != 0) heap[at] = last;
    return least;
}

/* ---- Ways ---------------------------------------------------------------------------------------------------------- */

static sb_status know(sb_dijkstra *search, sb_node_id node, sb_known_node **known)
{
    bool fresh;
    uint64_t *place = sb_map_at(&search->places, node, &fresh);

    if (SB_UNLIKELY(place == NULL)) return sb_lanes__no_memory(&search->lanes, search->err);
    if (fresh) {
        *place = search->known_count;
        SB_TRY(grow(search, &search->known, sizeof *search->known, search->known_count + 1,
                    &search->known_capacity));
        search->known[search->known_count++] =
            (sb_known_node){.weight = (double)NAN, .hops = UINT32_MAX};
    }
    *known = &search->known[*place];
    return SB_OK;
}

/* Note a way, unless one known is as good. */
static sb_status add_way(sb_dijkstra *search, const sb_way *way)
{
    sb_known_node *known = NULL;

    SB_TRY(know(search, way->node, &known));
    SB_ASSERT(known != NULL);
    const bool cheaper = !(known->weight <= way->weight); /* also when none is known: NaN */
    if (search->bounded ? !cheaper && way->hops >= known->hops : !cheaper) return SB_OK;
    if (cheaper) known->weight = way->weight;
    if (SB_UNLIKELY(search->way_count >= NOWHERE))
        return SB_FAIL(search->err, SB_LIMIT, "this search has more than %u ways to follow",
                       NOWHERE);
    SB_TRY(grow(search, &search->ways, sizeof *search->ways, search->way_count + 1,
                &search->way_capacity));
    search->ways[search->way_count] = *way;
    return push(search,
                (sb_heap_item){.weight = way->weight, .way = (uint32_t)search->way_count++});
}

/* So many relationships were seen, or ways looked at. */
static sb_status work(sb_dijkstra *search, size_t count)
{
    const uint64_t ticks = search->work / TICK_RELS;

    search->work += count;
    return search->work / TICK_RELS == ticks
               ? SB_OK
               : sb_graph__tick(search->graph, search->taken, search->node_count, search->err);
}

/* ---- Weights ------------------------------------------------------------------------------------------------------- */

static sb_status collect_edges(void *ctx, uint64_t at, const sb_lane *lane, const sb_chunk *chunk)
{
    sb_dijkstra *search = ctx;
    const size_t count = search->edge_count + chunk->count;

    (void)at;
    (void)lane;
    SB_TRY(grow(search, &search->neighbors, sizeof *search->neighbors, count,
                &search->neighbor_capacity));
    SB_TRY(grow(search, &search->rels, sizeof *search->rels, count, &search->rel_capacity));
    sb_chunk_neighbors(chunk, 0, chunk->count, search->neighbors + search->edge_count);
    sb_chunk_rels(chunk, 0, chunk->count, search->rels + search->edge_count);
    search->edge_count = count;
    return work(search, chunk->count);
}

SB_COLD static sb_status bad_weight(sb_dijkstra *search, sb_rel_id rel, const sb_cell *cell)
{
    char name[64];
    const unsigned type = cell->type & ~SB_CLASS_MASK;
    double real;

    (void)sb_graph__name(search->graph, SB_NAME_KEY, search->key, name, sizeof name);
    if (type != SB_TYPE_FLOAT && type != SB_TYPE_INT)
        return SB_FAIL(search->err, SB_TYPE_MISMATCH,
                       "relationship %llu: its %s is %s; a weight must be a number",
                       (unsigned long long)rel, name, sb_type_name(type));
    memcpy(&real, &cell->word, sizeof real);
    if (type == SB_TYPE_INT) real = (double)(int64_t)cell->word;
    return SB_FAIL(search->err, SB_INVALID,
                   "relationship %llu: its %s is %g; a weight must not be negative or NaN",
                   (unsigned long long)rel, name, real);
}

static sb_status note_weight(void *ctx, size_t i, const sb_row *row)
{
    sb_dijkstra *search = ctx;
    double weight = search->default_weight;
    sb_cell cell;

    if (SB_UNLIKELY(row == NULL))
        return SB_FAIL(search->err, SB_CORRUPT, "relationship %llu is in a list but has no row",
                       (unsigned long long)search->rels[i]);
    if (sb_row_cell(row, search->key, &cell)) {
        if (cell.type == SB_CELL_FLOAT)
            memcpy(&weight, &cell.word, sizeof weight);
        else if (cell.type == SB_CELL_INT)
            weight = (double)(int64_t)cell.word;
        else
            return bad_weight(search, search->rels[i], &cell);
        if (!(weight >= 0)) return bad_weight(search, search->rels[i], &cell);
    }
    search->weights[i] = weight;
    return work(search, 1);
}

static sb_status read_weights(sb_dijkstra *search)
{
    SB_TRY(grow(search, &search->weights, sizeof *search->weights, search->edge_count,
                &search->weight_capacity));
    if (search->key != 0)
        return sb_rows_find(search->graph->txn, sb_rel_table(search->graph->view), search->rels,
                            search->edge_count, note_weight, search, search->err);
    for (size_t i = 0; i < search->edge_count; i++)
        search->weights[i] = search->default_weight;
    return SB_OK;
}

/* ---- Searching ------------------------------------------------------------------------------------------------------- */

/* Take a way to a node: the ways that go on from there. */
static sb_status expand_way(sb_dijkstra *search, uint32_t index)
{
    const sb_way way = search->ways[index];

    search->edge_count = 0;
    SB_TRY(sb_lanes__expand(&search->lanes, &way.node, 1, collect_edges, search, search->err));
    SB_TRY(read_weights(search));
    for (size_t i = 0; i < search->edge_count; i++) {
        if (SB_UNLIKELY(search->neighbors[i] > SB_ID_MAX))
            return sb_lanes__stray(search->neighbors[i], search->err);
        SB_TRY(add_way(search, &(sb_way){.weight = way.weight + search->weights[i],
                                         .node = search->neighbors[i],
                                         .rel = search->rels[i],
                                         .parent = index,
                                         .hops = way.hops + 1}));
        SB_TRY(work(search, 1));
    }
    return SB_OK;
}

/* *arrived: the cheapest way to `to`, or NOWHERE. */
static sb_status search_from(sb_dijkstra *search, sb_node_id from, sb_node_id to, uint32_t *arrived)
{
    SB_TRY(sb_stats_nodes_of_label(search->graph->view, 0, &search->node_count, search->err));
    SB_TRY(sb_graph__tick(search->graph, 0, search->node_count, search->err));
    SB_TRY(add_way(search, &(sb_way){.node = from, .parent = NOWHERE}));
    while (search->heap_count > 0) {
        const sb_heap_item item = pop(search);
        const sb_way *way = &search->ways[item.way];
        sb_known_node *known = NULL;
        SB_TRY(work(search, 1));
        if (way->node == to) {
            *arrived = item.way;
            return SB_OK;
        }
        SB_TRY(know(search, way->node, &known));
        SB_ASSERT(known != NULL);
        if (search->bounded ? way->hops >= known->hops : known->hops != UINT32_MAX) continue;
        known->hops = way->hops;
        if (way->hops >= search->options->max_depth) continue;
        if (search->options->max_visits != 0 && search->taken >= search->options->max_visits)
            return SB_OK;
        search->taken++;
        SB_TRY(expand_way(search, item.way));
    }
    return SB_OK;
}

static sb_status write_path(sb_dijkstra *search, uint32_t arrived, sb_graph_path *path)
{
    const sb_way *ways = search->ways;
    const size_t length = ways[arrived].hops;
    sb_arena *arena = sb_graph__results(search->graph);
    sb_node_id *nodes = sb_arena_alloc_array(arena, length + 1, sizeof *nodes);
    sb_rel_id *rels = sb_arena_alloc_array(arena, length, sizeof *rels);
    uint32_t way = arrived;

    if (nodes == NULL || rels == NULL) return SB_FAIL_NOMEM(search->err);
    for (size_t i = length; i > 0; i--, way = ways[way].parent) {
        nodes[i] = ways[way].node;
        rels[i - 1] = ways[way].rel;
    }
    nodes[0] = ways[way].node;
    *path = (sb_graph_path){.nodes = nodes,
                            .rels = rels,
                            .length = length,
                            .weight = ways[arrived].weight,
                            .found = true};
    return SB_OK;
}

static void free_search(sb_dijkstra *search)
{
    const sb_allocator *alloc = sb_lanes__alloc(&search->lanes);

    sb_map_deinit(&search->places);
    sb_free(alloc, search->known, search->known_capacity * sizeof *search->known);
    sb_free(alloc, search->ways, search->way_capacity * sizeof *search->ways);
    sb_free(alloc, search->heap, search->heap_capacity * sizeof *search->heap);
    sb_free(alloc, search->neighbors, search->neighbor_capacity * sizeof *search->neighbors);
    sb_free(alloc, search->rels, search->rel_capacity * sizeof *search->rels);
    sb_free(alloc, search->weights, search->weight_capacity * sizeof *search->weights);
    sb_lanes__close(&search->lanes);
}

sb_status sb_graph_weighted_path(sb_graph *graph, sb_node_id from, sb_node_id to,
                                 const sb_bfs_options *options, sb_key_id weight,
                                 double default_weight, sb_graph_path *path, sb_err *err)
{
    sb_dijkstra search = {.graph = graph,
                          .options = options,
                          .key = weight < SB_COLUMN_SYSTEM ? weight : 0,
                          .default_weight = default_weight,
                          .bounded = options->max_depth != UINT32_MAX,
                          .err = err};
    uint32_t arrived = NOWHERE;
    sb_set_id set;
    sb_status status;

    *path = (sb_graph_path){0};
    if (!(default_weight >= 0))
        return SB_FAIL(err, SB_INVALID,
                       "the default weight is %g; a weight must not be negative or NaN",
                       default_weight);
    SB_TRY(sb_graph__require_node(graph, from, &set, err));
    SB_TRY(sb_graph__require_node(graph, to, &set, err));
    status = sb_lanes__open(graph, options->direction, options->types, options->type_count,
                            &search.lanes, err);
    sb_map_init(&search.places, sb_lanes__alloc(&search.lanes));
    if (status == SB_OK) status = search_from(&search, from, to, &arrived);
    if (status == SB_OK && arrived != NOWHERE) status = write_path(&search, arrived, path);
    free_search(&search);
    return status;
}
