/* traverse_priv.h — what the traversals share: the lists that a search follows, and expanding many nodes over them.
 * A traversal's memory goes through an allocator of its own that stops at the session's limit; when it is exceeded, the
 * message says so. Pending relationships are flushed before a traversal begins, so that list trees have all there is. */
#ifndef SB_GRAPH_TRAVERSE_PRIV_H
#define SB_GRAPH_TRAVERSE_PRIV_H

#include "graph/graph_priv.h"

/* ---- frontier.c ---------------------------------------------------------------------------------------------- */

/* The lists of one type in one direction. */
typedef struct sb_lane {
    const sb_tree *tree; /* borrowed from the view */
    uint64_t bias;       /* id in tree = node + bias */
    sb_type_id type;
    sb_direction direction; /* OUT or IN */
} sb_lane;

/* Lanes that a traversal follows, in order of type, OUT before IN. */
typedef struct sb_lanes {
    sb_graph *graph;              /* borrowed */
    sb_counting_allocator memory; /* of the traversal; it must not move */
    sb_lane *items;               /* owned */
    size_t count, capacity;
    /* Past a few lanes most nodes have lists in few of them, and a node's label set tells in which: sets × (1 + count)
     * bytes; of a set: whether its row is filled in, then a flag for each lane. NULL: all lanes are asked. */
    uint8_t *at_set;
    size_t set_count;
    uint64_t *scratch; /* owned: ids in the tree, label sets and places of a batch; NULL until
                        * needed */
} sb_lanes;

/* at: the node's place in the caller's array (expand), or the node (walk). Called again for each piece of a long list.
 * Pages are held meanwhile: read nothing else. Non-zero stops and is returned. */
typedef sb_status (*sb_lanes_visit)(void *ctx, uint64_t at, const sb_lane *lane,
                                    const sb_chunk *chunk);

/* types NULL and count 0: all that occur. Flushes. close is due whatever open returns. */
SB_MUST_CHECK sb_status sb_lanes__open(sb_graph *graph, sb_direction direction,
                                       const sb_type_id *types, size_t type_count, sb_lanes *lanes,
                                       sb_err *err);
void sb_lanes__close(sb_lanes *lanes);
/* Every list of some nodes, in any order of nodes and lanes; look-ups overlap. Ids are at most SB_ID_MAX. */
SB_MUST_CHECK sb_status sb_lanes__expand(sb_lanes *lanes, const sb_node_id *nodes, size_t count,
                                         sb_lanes_visit visit, void *ctx, sb_err *err);
/* Every list of the nodes in [first, last], lane by lane in order of id: each leaf is read once. */
SB_MUST_CHECK sb_status sb_lanes__walk(sb_lanes *lanes, sb_node_id first, sb_node_id last,
                                       sb_lanes_visit visit, void *ctx, sb_err *err);
/* SB_NOMEM, by the session's limit or the machine's. */
SB_COLD sb_status sb_lanes__no_memory(const sb_lanes *lanes, sb_err *err);
SB_INLINE const sb_allocator *sb_lanes__alloc(const sb_lanes *lanes)
{
    return &lanes->memory.base;
}

/* SB_CORRUPT: a list leads to a node that was never made. */
SB_COLD sb_status sb_lanes__stray(uint64_t node, sb_err *err);

/* ---- neighbors.c ----------------------------------------------------------------------------------------------- */

/* Append a whole list, pending relationships included, to neighbors, and its relationships to rels (may be NULL). */
SB_MUST_CHECK sb_status sb_neighbors__append(sb_graph *graph, sb_type_id type,
                                             sb_direction direction, sb_node_id node,
                                             sb_buffer *neighbors, sb_buffer *rels, sb_err *err);
/* Types to ask, ascending, none twice: the caller's, or those that occur at the node's label set. few: room for
 * 16. Free with sb_types__free, whatever gather returns. */
typedef struct sb_types {
    sb_type_id few[16];
    sb_type_id *ids;
    size_t count, capacity;
} sb_types;
SB_MUST_CHECK sb_status sb_types__gather(sb_graph *graph, sb_types *types, sb_set_id set,
                                         sb_direction direction, const sb_type_id *wanted,
                                         size_t wanted_count, sb_err *err);
void sb_types__free(sb_graph *graph, sb_types *types);
/* Label set of a node. SB_NOT_FOUND names one that does not exist. */
SB_MUST_CHECK sb_status sb_graph__require_node(sb_graph *graph, sb_node_id id, sb_set_id *set,
                                               sb_err *err);

#endif
