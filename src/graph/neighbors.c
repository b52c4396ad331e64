/* neighbors.c — neighbors, degrees, and whether two nodes are related.
 * A node's list of one type and direction is what its list tree has, merged with what is pending of it in the same write
 * transaction; both are sorted by (neighbor, rel). */
#include "graph/traverse_priv.h"

#include <stdlib.h>

/* ---- One list --------------------------------------------------------------------------------------------- */

/* A list being read: its tree part, and its pending part. */
typedef struct sb_adjacent {
    sb_list list; /* total 0 when the tree has none */
    bool open;
    const sb_triple *pending;
    size_t pending_count;
} sb_adjacent;

static sb_status adjacent_open(sb_graph *graph, sb_type_id type, sb_direction direction,
                               sb_node_id node, sb_adjacent *adjacent, sb_err *err)
{
    uint64_t bias;
    const sb_tree *tree = sb_adjacency_tree(graph->view, type, direction, &bias);

    adjacent->open = false;
    adjacent->list.total = 0;
    adjacent->list.chunk.count = 0;
    adjacent->pending_count = 0;
    if (sb_graph__has_pending(graph))
        SB_TRY(sb_graph__pending_list(graph, type, direction, node, &adjacent->pending,
                                      &adjacent->pending_count, err));
    if (tree == NULL || node > SB_ID_MAX) return SB_OK;
    SB_TRY(sb_list_open(graph->txn, tree, node + bias, &adjacent->list, err));
    adjacent->open = true;
    return SB_OK;
}

static void adjacent_close(sb_adjacent *adjacent)
{
    if (adjacent->open) sb_list_close(&adjacent->list);
}

/* Merge sorted pending triples into the last `count` entries of the two arrays, which have room; from the end, so that
 * nothing is overwritten before it is moved. */
static void merge_pending(uint64_t *neighbors, uint64_t *rels, size_t count,
                          const sb_triple *pending, size_t pending_count)
{
    size_t out = count + pending_count;

    while (pending_count > 0) {
        const sb_triple *last = &pending[pending_count - 1];
        const bool take_listed =
            count > 0 && (neighbors[count - 1] > last->neighbor ||
                          (neighbors[count - 1] == last->neighbor && rels[count - 1] > last->rel));
        out--;
        if (take_listed) {
            count--;
            neighbors[out] = neighbors[count];
            rels[out] = rels[count];
        } else {
            pending_count--;
            neighbors[out] = last->neighbor;
            rels[out] = last->rel;
        }
    }
}

static uint64_t *words_of(const sb_buffer *buffer)
{
    return (uint64_t *)(void *)buffer->data;
}

/* Make room for a whole list: of a length that is no damage. */
static sb_status reserve_list(const sb_list *list, size_t more, sb_buffer *buffer, sb_err *err)
{
    if (SB_UNLIKELY(list->total > SB_ID_MAX))
        return SB_FAIL(err, SB_CORRUPT, "the list of node %llu says that it has %llu entries",
                       (unsigned long long)list->node, (unsigned long long)list->total);
    if (SB_UNLIKELY(sb_buffer_reserve(buffer, ((size_t)list->total + more) * sizeof(uint64_t)) !=
                    SB_OK))
        return SB_FAIL_NOMEM(err);
    return SB_OK;
}

/* Append a whole list to neighbors, and its relationships to rels. rels NULL: they are not wanted, but pending ones need them to be
 * merged in order. */
static sb_status append_adjacent(sb_graph *graph, sb_adjacent *adjacent, sb_buffer *neighbors,
                                 sb_buffer *rels, sb_err *err)
{
    const size_t pending_count = adjacent->pending_count;
    size_t at = 0, start, rel_start;
    bool more = adjacent->list.chunk.count != 0;

    if (rels == NULL && pending_count != 0) {
        rels = &graph->rel_ids;
        sb_buffer_reset(rels);
    }
    start = neighbors->size / sizeof(uint64_t);
    rel_start = rels == NULL ? 0 : rels->size / sizeof(uint64_t);
    SB_TRY(reserve_list(&adjacent->list, pending_count, neighbors, err));
    if (rels != NULL) SB_TRY(reserve_list(&adjacent->list, pending_count, rels, err));
    while (more) {
        const sb_chunk *chunk = &adjacent->list.chunk;
        sb_chunk_neighbors(chunk, 0, chunk->count, words_of(neighbors) + start + at);
        if (rels != NULL) sb_chunk_rels(chunk, 0, chunk->count, words_of(rels) + rel_start + at);
        at += chunk->count;
        if (at == adjacent->list.total) break;
        SB_TRY(sb_list_next(&adjacent->list, &more, err));
    }
    if (pending_count != 0)
        merge_pending(words_of(neighbors) + start, words_of(rels) + rel_start, at,
                      adjacent->pending, pending_count);
    neighbors->size += (at + pending_count) * sizeof(uint64_t);
    if (rels != NULL) rels->size += (at + pending_count) * sizeof(uint64_t);
    return SB_OK;
}

sb_status sb_neighbors__append(sb_graph *graph, sb_type_id type, sb_direction direction,
                               sb_node_id node, sb_buffer *neighbors, sb_buffer *rels, sb_err *err)
{
    sb_adjacent adjacent;
    sb_status status;

    SB_TRY(adjacent_open(graph, type, direction, node, &adjacent, err));
    status = append_adjacent(graph, &adjacent, neighbors, rels, err);
    adjacent_close(&adjacent);
    return status;
}

/* Ids alone, to graph->neighbor_ids. */
static sb_status append_ids(sb_graph *graph, sb_type_id type, sb_direction direction,
                            sb_node_id node, sb_err *err)
{
    return sb_neighbors__append(graph, type, direction, node, &graph->neighbor_ids, NULL, err);
}

/* ---- Types to ask ---------------------------------------------------------------------------------------------- */

static int compare_types(const void *a, const void *b)
{
    const sb_type_id *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

void sb_types__free(sb_graph *graph, sb_types *types)
{
    if (types->ids != types->few)
        sb_free(graph->alloc, types->ids, types->capacity * sizeof *types->ids);
}

static sb_status types_add(sb_graph *graph, sb_types *types, const sb_type_id *ids, size_t count,
                           sb_err *err)
{
    if (types->count + count > types->capacity) {
        const size_t capacity = 2 * (types->count + count);
        sb_type_id *grown = sb_alloc_array(graph->alloc, capacity, sizeof *grown);
        if (grown == NULL) return SB_FAIL_NOMEM(err);
        memcpy(grown, types->ids, types->count * sizeof *grown);
        sb_types__free(graph, types);
        types->ids = grown;
        types->capacity = capacity;
    }
    if (count != 0) memcpy(types->ids + types->count, ids, count * sizeof *ids);
    types->count += count;
    return SB_OK;
}

sb_status sb_types__gather(sb_graph *graph, sb_types *types, sb_set_id set, sb_direction direction,
                           const sb_type_id *wanted, size_t wanted_count, sb_err *err)
{
    size_t unique = 0;

    types->ids = types->few;
    types->count = 0;
    types->capacity = sizeof types->few / sizeof *types->few;
    if (wanted_count != 0) {
        SB_TRY(types_add(graph, types, wanted, wanted_count, err));
    } else {
        for (int d = SB_OUT; d <= SB_IN; d++) {
            const sb_type_id *occurring;
            size_t count;
            if (direction != SB_BOTH && direction != (sb_direction)d) continue;
            SB_TRY(sb_stats_types_at(graph->view, set, (sb_direction)d, &occurring, &count, err));
            SB_TRY(types_add(graph, types, occurring, count, err));
        }
    }
    if (types->count > 1) qsort(types->ids, types->count, sizeof *types->ids, compare_types);
    for (size_t i = 0; i < types->count; i++)
        if (i == 0 || types->ids[i] != types->ids[unique - 1]) types->ids[unique++] = types->ids[i];
    types->count = unique;
    return SB_OK;
}

sb_status sb_graph__require_node(sb_graph *graph, sb_node_id id, sb_set_id *set, sb_err *err)
{
    bool found;

    SB_TRY(sb_graph_node_set(graph, id, set, &found, err));
    if (!found) return SB_FAIL(err, SB_NOT_FOUND, "there is no node %llu", (unsigned long long)id);
    return SB_OK;
}

/* ---- Neighbors with their relationships ---------------------------------------------------------------------------- */

typedef struct sb_gathering {
    const sb_neighbors_options *options;
    sb_neighbor *out;
    size_t capacity, count;
    sb_map *seen; /* NULL unless distinct */
} sb_gathering;

static bool gathered_all(const sb_gathering *gathering)
{
    return gathering->options->limit != 0 && gathering->count >= gathering->options->limit;
}

static sb_status gather_list(sb_graph *graph, sb_gathering *gathering, sb_type_id type,
                             sb_direction direction, sb_node_id node, sb_err *err)
{
    sb_buffer_reset(&graph->neighbor_ids);
    sb_buffer_reset(&graph->rel_ids);
    SB_TRY(sb_neighbors__append(graph, type, direction, node, &graph->neighbor_ids, &graph->rel_ids,
                                err));
    for (size_t i = 0, count = graph->neighbor_ids.size / sizeof(uint64_t);
         i < count && !gathered_all(gathering); i++) {
        const sb_node_id neighbor = words_of(&graph->neighbor_ids)[i];
        bool fresh = true;
        if (gathering->seen != NULL && sb_map_at(gathering->seen, neighbor, &fresh) == NULL)
            return SB_FAIL_NOMEM(err);
        if (!fresh) continue;
        if (gathering->count < gathering->capacity)
            gathering->out[gathering->count] = (sb_neighbor){.node = neighbor,
                                                             .rel = words_of(&graph->rel_ids)[i],
                                                             .type = type,
                                                             .outgoing = direction == SB_OUT};
        gathering->count++;
    }
    return SB_OK;
}

static sb_status gather_types(sb_graph *graph, sb_gathering *gathering, const sb_types *types,
                              sb_node_id id, sb_err *err)
{
    const sb_direction direction = gathering->options->direction;

    for (size_t i = 0; i < types->count; i++)
        for (int d = SB_OUT; d <= SB_IN; d++)
            if ((direction == SB_BOTH || direction == (sb_direction)d) && !gathered_all(gathering))
                SB_TRY(gather_list(graph, gathering, types->ids[i], (sb_direction)d, id, err));
    return SB_OK;
}

sb_status sb_graph_neighbors(sb_graph *graph, sb_node_id id, const sb_neighbors_options *options,
                             sb_neighbor *neighbors, size_t capacity, size_t *count, sb_err *err)
{
    sb_gathering gathering = {.options = options, .out = neighbors, .capacity = capacity};
    sb_set_id set;
    sb_types types;
    sb_map seen;
    sb_status status;

    *count = 0;
    SB_TRY(sb_graph__require_node(graph, id, &set, err));
    sb_map_init(&seen, graph->alloc);
    if (options->distinct) gathering.seen = &seen;
    status = sb_types__gather(graph, &types, set, options->direction, options->types,
                              options->type_count, err);
    if (status == SB_OK) status = gather_types(graph, &gathering, &types, id, err);
    if (status == SB_OK) *count = gathering.count;
    sb_types__free(graph, &types);
    sb_map_deinit(&seen);
    return status;
}

/* ---- Ids alone --------------------------------------------------------------------------------------------------------- */

/* Lists of a node over all types: ids only. A missing node has none. */
static sb_status append_all_types(sb_graph *graph, sb_node_id id, sb_direction direction,
                                  sb_err *err)
{
    sb_set_id set;
    sb_types types;
    bool found;
    sb_status status;

    SB_TRY(sb_graph_node_set(graph, id, &set, &found, err));
    if (!found) return SB_OK;
    status = sb_types__gather(graph, &types, set, direction, NULL, 0, err);
    for (size_t i = 0; status == SB_OK && i < types.count; i++)
        for (int d = SB_OUT; status == SB_OK && d <= SB_IN; d++)
            if (direction == SB_BOTH || direction == (sb_direction)d)
                status = append_ids(graph, types.ids[i], (sb_direction)d, id, err);
    sb_types__free(graph, &types);
    return status;
}

/* A type asked for, or the only one that there is; 0: several. */
static sb_type_id single_type(sb_graph *graph, sb_type_id type)
{
    return type == 0 && sb_name_count(graph->view, SB_NAME_TYPE) == 1 ? 1 : type;
}

static sb_status append_node(sb_graph *graph, sb_node_id id, sb_direction direction,
                             sb_type_id type, sb_err *err)
{
    if (type == 0) return append_all_types(graph, id, direction, err);
    if (direction != SB_BOTH) return append_ids(graph, type, direction, id, err);
    SB_TRY(append_ids(graph, type, SB_OUT, id, err));
    return append_ids(graph, type, SB_IN, id, err);
}

/* The tree that alone has the lists of a type in a direction; NULL: there are several, or something is pending. */
static const sb_tree *only_tree(sb_graph *graph, sb_type_id type, sb_direction direction,
                                uint64_t *bias)
{
    if (type == 0 || direction == SB_BOTH || sb_graph__has_pending(graph)) return NULL;
    return sb_adjacency_tree(graph->view, type, direction, bias);
}

/* The list as it lies in the file; run->width SB_ID_LIST_NONE: it has to be put together. */
SB_INLINE sb_status find_run(sb_graph *graph, sb_node_id id, sb_direction direction,
                             sb_type_id type, sb_id_list *run, sb_err *err)
{
    uint64_t bias = 0;
    const sb_tree *tree = only_tree(graph, type, direction, &bias);

    run->width = SB_ID_LIST_NONE;
    if (SB_UNLIKELY(tree == NULL || id > SB_ID_MAX)) return SB_OK;
    return sb_list_run(graph->txn, tree, id + bias, run, err);
}

sb_status sb_graph_neighbor_ids(sb_graph *graph, sb_node_id id, sb_direction direction,
                                sb_type_id type, const sb_node_id **ids, size_t *count, sb_err *err)
{
    sb_buffer *out = &graph->neighbor_ids;
    sb_id_list run;

    *ids = NULL;
    *count = 0;
    type = single_type(graph, type);
    sb_buffer_reset(out);
    SB_TRY(find_run(graph, id, direction, type, &run, err));
    if (SB_LIKELY(run.width != SB_ID_LIST_NONE)) {
        if (SB_UNLIKELY(sb_buffer_reserve(out, run.count * sizeof(uint64_t)) != SB_OK))
            return SB_FAIL_NOMEM(err);
        sb_id_list_decode(&run, words_of(out));
        *count = run.count;
    } else {
        SB_TRY(append_node(graph, id, direction, type, err));
        *count = out->size / sizeof(uint64_t);
    }
    *ids = words_of(out);
    return SB_OK;
}

/* ---- Lists in place ------------------------------------------------------------------------------------------------- */

/* Put together as numbers of 8 bytes, which an sb_id_list has in little-endian order. */
static sb_status compose_run(sb_graph *graph, sb_node_id id, sb_direction direction,
                             sb_type_id type, sb_id_list *run, sb_err *err)
{
    const size_t start = graph->neighbor_ids.size;

    SB_TRY(append_node(graph, id, direction, type, err));
    *run = (sb_id_list){.count = (graph->neighbor_ids.size - start) / sizeof(uint64_t), .width = 8};
    for (size_t at = start; at < graph->neighbor_ids.size; at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, graph->neighbor_ids.data + at, sizeof word);
        sb_store_le64(graph->neighbor_ids.data + at, word);
    }
    return SB_OK;
}

sb_status sb_graph_list(sb_graph *graph, sb_node_id id, sb_direction direction, sb_type_id type,
                        sb_id_list *list, sb_err *err)
{
    type = single_type(graph, type);
    SB_TRY(find_run(graph, id, direction, type, list, err));
    if (SB_LIKELY(list->width != SB_ID_LIST_NONE)) return SB_OK;
    sb_buffer_reset(&graph->neighbor_ids);
    SB_TRY(compose_run(graph, id, direction, type, list, err));
    list->words = graph->neighbor_ids.data;
    return SB_OK;
}

/* Nodes whose lists are asked for at a time. */
#define GROUP 64u

/* Keys of nodes in a tree with a bias; a node that can not exist gets one that has no list. */
static const uint64_t *list_keys(const sb_node_id *nodes, size_t count, uint64_t bias,
                                 uint64_t keys[GROUP])
{
    if (bias == 0) return nodes;
    for (size_t i = 0; i < count; i++)
        keys[i] = nodes[i] <= SB_ID_MAX ? nodes[i] + bias : UINT64_MAX;
    return keys;
}

/* Runs of up to GROUP nodes; *others: of them have to be put together. */
static sb_status find_runs(sb_graph *graph, const sb_tree *tree, uint64_t bias,
                           const sb_node_id *nodes, size_t count, sb_id_list *runs, size_t *others,
                           sb_err *err)
{
    uint64_t keys[GROUP];

    *others = tree == NULL ? count : 0;
    if (tree == NULL) {
        for (size_t i = 0; i < count; i++)
            runs[i].width = SB_ID_LIST_NONE;
        return SB_OK;
    }
    SB_TRY(sb_lists_runs(graph->txn, tree, list_keys(nodes, count, bias, keys), count, runs, err));
    for (size_t i = 0; i < count; i++)
        *others += runs[i].width == SB_ID_LIST_NONE;
    return SB_OK;
}

/* When a call for many nodes looks at cancel and progress: after so many nodes, or as many ids of neighbors as are as much work. */
typedef struct sb_looks {
    size_t step, count; /* nodes */
    size_t next, next_bytes;
} sb_looks;

static void look_first(sb_looks *looks, size_t count, sb_type_id type)
{
    looks->step = type == 0 ? SB_GRAPH_MANY_TREES : SB_GRAPH_MANY;
    looks->count = count;
    looks->next = looks->step;
    looks->next_bytes = SB_GRAPH_STEP * sizeof(uint64_t);
}

/* `done` nodes are worked off. */
SB_INLINE sb_status look(sb_graph *graph, sb_looks *looks, size_t done, sb_err *err)
{
    const size_t bytes = graph->neighbor_ids.size;

    if (SB_LIKELY(done < looks->next && bytes < looks->next_bytes)) return SB_OK;
    looks->next = done + looks->step;
    looks->next_bytes = bytes + SB_GRAPH_STEP * sizeof(uint64_t);
    return sb_graph__tick(graph, done, looks->count, err);
}

sb_status sb_graph_lists(sb_graph *graph, const sb_node_id *nodes, size_t node_count,
                         sb_direction direction, sb_type_id type, sb_id_list *lists, sb_err *err)
{
    uint64_t bias = 0;
    const sb_tree *tree = only_tree(graph, single_type(graph, type), direction, &bias);
    size_t composed = 0, place = 0;
    sb_looks many;

    sb_buffer_reset(&graph->neighbor_ids);
    look_first(&many, node_count, type);
    for (size_t at = 0; at < node_count; at += GROUP) {
        const size_t size = sb_graph__slice(at, node_count, GROUP);
        size_t others;
        SB_TRY(look(graph, &many, at, err));
        SB_TRY(find_runs(graph, tree, bias, nodes + at, size, lists + at, &others, err));
        composed += others;
        for (size_t i = at; others != 0 && i < at + size; i++) {
            if (lists[i].width != SB_ID_LIST_NONE) continue;
            SB_TRY(
                compose_run(graph, nodes[i], direction, single_type(graph, type), &lists[i], err));
            lists[i].words = NULL;
        }
    }
    /* Now that the buffer grows no more: those without a place lie in it one after the other. */
    for (size_t i = 0; composed != 0 && i < node_count; i++) {
        if (lists[i].words != NULL || lists[i].width != 8) continue;
        lists[i].words = graph->neighbor_ids.data + place;
        place += lists[i].count * sizeof(uint64_t);
        composed--;
    }
    return SB_OK;
}

/* ---- Ids of many ----------------------------------------------------------------------------------------------------- */

typedef struct sb_many_lists {
    sb_graph *graph;
    size_t *ends;
    sb_looks looks;
    sb_err *err;
} sb_many_lists;

static sb_status append_one_of_many(void *ctx, size_t i, sb_list *list)
{
    sb_many_lists *many = ctx;
    sb_buffer *out = &many->graph->neighbor_ids;
    uint64_t at = 0;
    bool more = list->chunk.count != 0;

    SB_TRY(look(many->graph, &many->looks, i, many->err));
    SB_TRY(reserve_list(list, 0, out, many->err));
    while (more) {
        sb_chunk_neighbors(&list->chunk, 0, list->chunk.count,
                           words_of(out) + out->size / sizeof(uint64_t));
        out->size += list->chunk.count * sizeof(uint64_t);
        at += list->chunk.count;
        if (at == list->total) break;
        SB_TRY(sb_list_next(list, &more, many->err));
    }
    many->ends[i] = out->size / sizeof(uint64_t);
    return SB_OK;
}

/* Append the runs of a group, and the lists that are none. */
static sb_status append_runs(sb_graph *graph, const sb_node_id *nodes, size_t count,
                             sb_direction direction, sb_type_id type, const sb_id_list *runs,
                             size_t *ends, sb_err *err)
{
    sb_buffer *out = &graph->neighbor_ids;

    for (size_t i = 0; i < count; i++) {
        if (SB_UNLIKELY(runs[i].width == SB_ID_LIST_NONE)) {
            SB_TRY(append_node(graph, nodes[i], direction, type, err));
        } else {
            const size_t bytes = runs[i].count * sizeof(uint64_t);
            if (SB_UNLIKELY(sb_buffer_reserve(out, bytes) != SB_OK)) return SB_FAIL_NOMEM(err);
            sb_id_list_decode(&runs[i], words_of(out) + out->size / sizeof(uint64_t));
            out->size += bytes;
        }
        ends[i] = out->size / sizeof(uint64_t);
    }
    return SB_OK;
}

sb_status sb_graph_neighbor_ids_many(sb_graph *graph, const sb_node_id *nodes, size_t node_count,
                                     sb_direction direction, sb_type_id type,
                                     const sb_node_id **ids, size_t *ends, sb_err *err)
{
    sb_many_lists many = {.graph = graph, .ends = ends, .err = err};
    uint64_t bias = 0;
    const sb_tree *tree;
    sb_id_list runs[GROUP];
    size_t others;

    *ids = NULL;
    type = single_type(graph, type);
    tree = only_tree(graph, type, direction, &bias);
    sb_buffer_reset(&graph->neighbor_ids);
    look_first(&many.looks, node_count, type);
    if (tree != NULL && bias == 0 && sb_txn_addresses(graph->txn) == 0) {
        SB_TRY(sb_lists_open(graph->txn, tree, nodes, node_count, append_one_of_many, &many, err));
    } else {
        for (size_t at = 0; at < node_count; at += GROUP) {
            const size_t size = sb_graph__slice(at, node_count, GROUP);
            SB_TRY(look(graph, &many.looks, at, err));
            SB_TRY(find_runs(graph, tree, bias, nodes + at, size, runs, &others, err));
            SB_TRY(append_runs(graph, nodes + at, size, direction, type, runs, ends + at, err));
        }
    }
    *ids = words_of(&graph->neighbor_ids);
    return SB_OK;
}

/* ---- Degree, existence ---------------------------------------------------------------------------------------------------- */

static sb_status list_length(sb_graph *graph, sb_type_id type, sb_direction direction,
                             sb_node_id node, uint64_t *length, sb_err *err)
{
    uint64_t bias;
    const sb_tree *tree = sb_adjacency_tree(graph->view, type, direction, &bias);
    const sb_triple *pending;
    size_t pending_count = 0;

    *length = 0;
    if (tree != NULL && node <= SB_ID_MAX)
        SB_TRY(sb_list_degree(graph->txn, tree, node + bias, length, err));
    if (sb_graph__has_pending(graph))
        SB_TRY(sb_graph__pending_list(graph, type, direction, node, &pending, &pending_count, err));
    *length += pending_count;
    return SB_OK;
}

static sb_status sum_lengths(sb_graph *graph, const sb_types *types, sb_node_id id,
                             sb_direction direction, uint64_t *degree, sb_err *err)
{
    for (size_t i = 0; i < types->count; i++)
        for (int d = SB_OUT; d <= SB_IN; d++) {
            uint64_t length;
            if (direction != SB_BOTH && direction != (sb_direction)d) continue;
            SB_TRY(list_length(graph, types->ids[i], (sb_direction)d, id, &length, err));
            *degree += length;
        }
    return SB_OK;
}

sb_status sb_graph_degree(sb_graph *graph, sb_node_id id, sb_direction direction,
                          const sb_type_id *types, size_t type_count, uint64_t *degree, sb_err *err)
{
    sb_types asked;
    sb_set_id set;
    sb_status status;

    *degree = 0;
    SB_TRY(sb_graph__require_node(graph, id, &set, err));
    status = sb_types__gather(graph, &asked, set, direction, types, type_count, err);
    if (status == SB_OK) status = sum_lengths(graph, &asked, id, direction, degree, err);
    sb_types__free(graph, &asked);
    return status;
}

/* Over all types; a missing node has none. */
static sb_status count_all_types(sb_graph *graph, sb_node_id id, sb_direction direction,
                                 uint64_t *degree, sb_err *err)
{
    sb_types types;
    sb_set_id set;
    sb_status status;
    bool found;

    *degree = 0;
    SB_TRY(sb_graph_node_set(graph, id, &set, &found, err));
    if (!found) return SB_OK;
    status = sb_types__gather(graph, &types, set, direction, NULL, 0, err);
    if (status == SB_OK) status = sum_lengths(graph, &types, id, direction, degree, err);
    sb_types__free(graph, &types);
    return status;
}

/* Add the lengths of many lists of one type and direction. */
static sb_status add_lengths(sb_graph *graph, const sb_node_id *nodes, size_t node_count,
                             sb_type_id type, sb_direction direction, uint64_t *degrees,
                             sb_err *err)
{
    uint64_t keys[GROUP], lengths[GROUP], bias = 0;
    const sb_tree *tree = only_tree(graph, type, direction, &bias);

    for (size_t at = 0; at < node_count; at += GROUP) {
        const size_t size = sb_graph__slice(at, node_count, GROUP);
        if (tree != NULL)
            SB_TRY(sb_lists_degrees(graph->txn, tree, list_keys(nodes + at, size, bias, keys), size,
                                    lengths, err));
        for (size_t i = 0; i < size; i++) {
            if (tree == NULL)
                SB_TRY(list_length(graph, type, direction, nodes[at + i], &lengths[i], err));
            degrees[at + i] += lengths[i];
        }
    }
    return SB_OK;
}

static sb_status count_many(sb_graph *graph, const sb_node_id *nodes, size_t count,
                            sb_direction direction, sb_type_id type, uint64_t *degrees, sb_err *err)
{
    for (size_t i = 0; i < count; i++) {
        degrees[i] = 0;
        if (type == 0) SB_TRY(count_all_types(graph, nodes[i], direction, &degrees[i], err));
    }
    for (int d = SB_OUT; type != 0 && d <= SB_IN; d++)
        if (direction == SB_BOTH || direction == (sb_direction)d)
            SB_TRY(add_lengths(graph, nodes, count, type, (sb_direction)d, degrees, err));
    return SB_OK;
}

sb_status sb_graph_degrees(sb_graph *graph, const sb_node_id *nodes, size_t node_count,
                           sb_direction direction, sb_type_id type, uint64_t *degrees, sb_err *err)
{
    type = single_type(graph, type);
    const size_t step = type == 0 ? SB_GRAPH_MANY_TREES : SB_GRAPH_MANY;
    for (size_t at = 0; at < node_count; at += step) {
        const size_t size = sb_graph__slice(at, node_count, step);
        if (at != 0) SB_TRY(sb_graph__tick(graph, at, node_count, err));
        SB_TRY(count_many(graph, nodes + at, size, direction, type, degrees + at, err));
    }
    return SB_OK;
}

/* The first relationship source → target of a type: a descent into the source's list, however long it is. */
static sb_status first_between(sb_graph *graph, sb_type_id type, sb_node_id source,
                               sb_node_id target, sb_rel_id *rel, sb_err *err)
{
    uint64_t bias;
    const sb_tree *tree = sb_adjacency_tree(graph->view, type, SB_OUT, &bias);

    *rel = 0;
    if (tree != NULL && source <= SB_ID_MAX) {
        sb_list list;
        SB_TRY(sb_list_seek(graph->txn, tree, source + bias, target, 0, &list, err));
        if (list.chunk.count != 0 && sb_chunk_neighbor(&list.chunk, 0) == target)
            *rel = sb_chunk_rel(&list.chunk, 0);
        sb_list_close(&list);
    }
    if (*rel != 0 || !sb_graph__has_pending(graph)) return SB_OK; /* pending ones have higher ids */
    sb_buffer_reset(&graph->writer.scratch);
    SB_TRY(sb_graph__pending_between(graph, type, source, target, &graph->writer.scratch, err));
    if (graph->writer.scratch.size != 0)
        *rel = *(const sb_rel_id *)(const void *)graph->writer.scratch.data;
    return SB_OK;
}

sb_status sb_graph_rel_between(sb_graph *graph, sb_node_id source, sb_node_id target,
                               sb_type_id type, sb_rel_id *rel, sb_err *err)
{
    sb_set_id set;
    sb_types types;
    bool found;
    sb_status status;

    *rel = 0;
    type = single_type(graph, type);
    if (type != 0) return first_between(graph, type, source, target, rel, err);
    SB_TRY(sb_graph_node_set(graph, source, &set, &found, err));
    if (!found) return SB_OK;
    status = sb_types__gather(graph, &types, set, SB_OUT, NULL, 0, err);
    for (size_t i = 0; status == SB_OK && *rel == 0 && i < types.count; i++)
        status = first_between(graph, types.ids[i], source, target, rel, err);
    sb_types__free(graph, &types);
    return status;
}
