/* frontier.c — expanding sets of nodes over the lists of several types and directions. */
#include "graph/traverse_priv.h"

/* Nodes whose lists are asked for together: enough for the prefetching, small enough for the first-level cache. */
#define BATCH 512u
/* More lanes than this are worth a look at the label set of each node. */
#define LANES_ASKED_ALL 4u

/* ---- Opening ------------------------------------------------------------------------------------------------- */

sb_status sb_lanes__no_memory(const sb_lanes *lanes, sb_err *err)
{
    const size_t limit = sb_graph__memory(lanes->graph);

    if (limit == 0) return SB_FAIL_NOMEM(err);
    return SB_FAIL(
        err, SB_NOMEM,
        "this search needs more than the session's memory limit of %zu bytes: raise the limit, "
        "or bound the search by depth or visits",
        limit);
}

sb_status sb_lanes__stray(uint64_t node, sb_err *err)
{
    return SB_FAIL(err, SB_CORRUPT, "a relationship leads to node %llu, which was never made",
                   (unsigned long long)node);
}

static sb_status add_lanes(sb_lanes *lanes, sb_type_id type, sb_direction direction, sb_err *err)
{
    for (int d = SB_OUT; d <= SB_IN; d++) {
        uint64_t bias;
        const sb_tree *tree;
        if (direction != SB_BOTH && direction != (sb_direction)d) continue;
        tree = sb_adjacency_tree(lanes->graph->view, type, (sb_direction)d, &bias);
        if (tree == NULL || tree->root == SB_PGNO_NONE) continue;
        if (sb_graph__grow(sb_lanes__alloc(lanes), &lanes->items, sizeof *lanes->items,
                           lanes->count + 1, &lanes->capacity, NULL) != SB_OK)
            return sb_lanes__no_memory(lanes, err);
        lanes->items[lanes->count++] =
            (sb_lane){.tree = tree, .bias = bias, .type = type, .direction = (sb_direction)d};
    }
    return SB_OK;
}

static bool has_type(const sb_lanes *lanes, sb_type_id type)
{
    for (size_t i = 0; i < lanes->count; i++)
        if (lanes->items[i].type == type) return true;
    return false;
}

sb_status sb_lanes__open(sb_graph *graph, sb_direction direction, const sb_type_id *types,
                         size_t type_count, sb_lanes *lanes, sb_err *err)
{
    *lanes = (sb_lanes){.graph = graph};
    sb_counting_allocator_init(&lanes->memory, graph->alloc);
    atomic_store_explicit(&lanes->memory.limit_bytes, sb_graph__memory(graph),
                          memory_order_relaxed);
    SB_TRY(sb_graph_flush(graph, err));
    if (type_count != 0) {
        for (size_t i = 0; i < type_count; i++)
            if (!has_type(lanes, types[i])) SB_TRY(add_lanes(lanes, types[i], direction, err));
    } else {
        const uint32_t names = sb_name_count(graph->view, SB_NAME_TYPE);
        for (sb_type_id type = 1; type <= names; type++)
            SB_TRY(add_lanes(lanes, type, direction, err));
    }
    if (lanes->count <= LANES_ASKED_ALL) return SB_OK;
    lanes->set_count = sb_set_count(graph->view);
    size_t bytes;
    if (sb_mul_size(lanes->set_count, 1 + lanes->count, &bytes))
        lanes->at_set = sb_alloc_zero(sb_lanes__alloc(lanes), bytes);
    return SB_OK; /* benign: without at_set all lanes are asked */
}

#define SCRATCH_WORDS ((size_t)3 * BATCH)

void sb_lanes__close(sb_lanes *lanes)
{
    const sb_allocator *alloc = sb_lanes__alloc(lanes);

    sb_free(alloc, lanes->items, lanes->capacity * sizeof *lanes->items);
    sb_free(alloc, lanes->at_set, lanes->set_count * (1 + lanes->count));
    sb_free(alloc, lanes->scratch, SCRATCH_WORDS * sizeof *lanes->scratch);
    SB_ASSERT(atomic_load_explicit(&lanes->memory.live_bytes, memory_order_relaxed) == 0);
}

/* ---- Expanding --------------------------------------------------------------------------------------------------- */

typedef struct sb_expansion {
    const sb_lane *lane;
    const uint64_t *places; /* of the nodes asked for in the caller's array; NULL: first + i */
    size_t first;
    sb_lanes_visit visit;
    void *ctx;
    sb_err *err;
} sb_expansion;

static sb_status visit_list(void *ctx, size_t i, sb_list *list)
{
    const sb_expansion *expansion = ctx;
    const uint64_t at = expansion->places == NULL ? expansion->first + i : expansion->places[i];
    bool more = list->chunk.count != 0;

    while (more) {
        SB_TRY(expansion->visit(expansion->ctx, at, expansion->lane, &list->chunk));
        if (SB_LIKELY(list->remaining == 0)) break;
        SB_TRY(sb_list_next(list, &more, expansion->err));
    }
    return SB_OK;
}

/* Label sets of a batch; a node that does not exist counts for the empty one, which has no lists. */
static sb_status note_set(void *ctx, size_t i, const sb_row *row)
{
    uint64_t *sets = ctx;
    sb_cell cell;

    sets[i] = row != NULL && sb_row_cell(row, SB_COLUMN_SET, &cell) && cell.type == SB_CELL_INT
                  ? cell.word
                  : 0;
    return SB_OK;
}

/* Flags of a set's lanes, filled in when it is met for the first time; NULL: a set that is not there. */
static sb_status lanes_of_set(sb_lanes *lanes, uint64_t set, const uint8_t **flags, sb_err *err)
{
    uint8_t *row;

    *flags = NULL;
    if (set >= lanes->set_count) return SB_OK;
    row = lanes->at_set + (size_t)set * (1 + lanes->count);
    for (int d = SB_OUT; row[0] == 0 && d <= SB_IN; d++) {
        const sb_type_id *types;
        size_t count, lane = 0;
        SB_TRY(sb_stats_types_at(lanes->graph->view, (sb_set_id)set, (sb_direction)d, &types,
                                 &count, err));
        for (lane = 0; lane < lanes->count; lane++) {
            if (lanes->items[lane].direction != (sb_direction)d) continue;
            for (size_t i = 0; i < count && row[1 + lane] == 0; i++)
                row[1 + lane] = types[i] == lanes->items[lane].type;
        }
    }
    row[0] = 1;
    *flags = row + 1;
    return SB_OK;
}

/* A batch in each lane where its label set has lists. */
static sb_status expand_by_set(sb_lanes *lanes, const sb_node_id *nodes, size_t count,
                               sb_expansion *expansion, sb_err *err)
{
    uint64_t *ids = lanes->scratch, *sets = ids + BATCH, *places = sets + BATCH;

    SB_TRY(sb_rows_find(lanes->graph->txn, sb_node_table(lanes->graph->view), nodes, count,
                        note_set, sets, err));
    for (size_t l = 0; l < lanes->count; l++) {
        size_t asked = 0;
        for (size_t i = 0; i < count; i++) {
            const uint8_t *flags;
            SB_TRY(lanes_of_set(lanes, sets[i], &flags, err));
            if (flags == NULL || flags[l] == 0) continue;
            ids[asked] = nodes[i] + lanes->items[l].bias;
            places[asked++] = expansion->first + i;
        }
        expansion->lane = &lanes->items[l];
        expansion->places = places;
        SB_TRY(sb_lists_open(lanes->graph->txn, lanes->items[l].tree, ids, asked, visit_list,
                             expansion, err));
    }
    return SB_OK;
}

static sb_status expand_batch(sb_lanes *lanes, const sb_node_id *nodes, size_t count,
                              sb_expansion *expansion, sb_err *err)
{
    for (size_t l = 0; l < lanes->count; l++) {
        const sb_lane *lane = &lanes->items[l];
        const uint64_t *ids = nodes;
        if (lane->bias != 0) {
            for (size_t i = 0; i < count; i++)
                lanes->scratch[i] = nodes[i] + lane->bias;
            ids = lanes->scratch;
        }
        expansion->lane = lane;
        SB_TRY(
            sb_lists_open(lanes->graph->txn, lane->tree, ids, count, visit_list, expansion, err));
    }
    return SB_OK;
}

sb_status sb_lanes__expand(sb_lanes *lanes, const sb_node_id *nodes, size_t count,
                           sb_lanes_visit visit, void *ctx, sb_err *err)
{
    sb_expansion expansion = {.visit = visit, .ctx = ctx, .err = err};

    if (lanes->scratch == NULL)
        lanes->scratch =
            sb_alloc_array(sb_lanes__alloc(lanes), SCRATCH_WORDS, sizeof *lanes->scratch);
    if (lanes->scratch == NULL) return sb_lanes__no_memory(lanes, err);
    for (size_t at = 0; at < count; at += BATCH) {
        const size_t take = count - at < BATCH ? count - at : BATCH;
        expansion.first = at;
        SB_TRY(lanes->at_set != NULL ? expand_by_set(lanes, nodes + at, take, &expansion, err)
                                     : expand_batch(lanes, nodes + at, take, &expansion, err));
    }
    return SB_OK;
}

/* ---- Walking ------------------------------------------------------------------------------------------------------- */

typedef struct sb_walk {
    const sb_lane *lane;
    sb_lanes_visit visit;
    void *ctx;
} sb_walk;

static sb_status visit_walked(void *ctx, uint64_t node, const sb_chunk *chunk, bool starts)
{
    const sb_walk *walk = ctx;

    (void)starts;
    return walk->visit(walk->ctx, node - walk->lane->bias, walk->lane, chunk);
}

sb_status sb_lanes__walk(sb_lanes *lanes, sb_node_id first, sb_node_id last, sb_lanes_visit visit,
                         void *ctx, sb_err *err)
{
    for (size_t l = 0; l < lanes->count; l++) {
        const sb_lane *lane = &lanes->items[l];
        sb_walk walk = {.lane = lane, .visit = visit, .ctx = ctx};
        SB_TRY(sb_lists_scan(lanes->graph->txn, lane->tree, first + lane->bias, last + lane->bias,
                             visit_walked, &walk, err));
    }
    return SB_OK;
}
