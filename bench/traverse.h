/* traverse.h — two hops, three hops and a breadth-first search over any engine that can list the neighbors of a node. */
#ifndef BENCH_TRAVERSE_H
#define BENCH_TRAVERSE_H

#include "bench.h"

/* Working memory of traversals over node_count nodes. */
typedef struct bench_walk {
    uint32_t node_count, stamp;
    uint32_t *stamps;         /* by node: the last search that saw it */
    uint32_t *first, *second; /* lists, grown as needed */
    size_t first_room, second_room;
    uint32_t *queue;
} bench_walk;
void bench_walk_init(bench_walk *walk, uint32_t node_count);
void bench_walk_deinit(bench_walk *walk);
/* Room for count numbers in *list, whose content is kept. */
void bench_walk_room(uint32_t **list, size_t *room, size_t count);
/* A new search begins: no node is seen. */
void bench_walk_next(bench_walk *walk);
SB_INLINE bool bench_walk_see(bench_walk *walk, uint32_t node)
{
    const bool fresh = walk->stamps[node] != walk->stamp;
    walk->stamps[node] = walk->stamp;
    return fresh;
}

/* Append the outgoing neighbors of node to (*list)[*count …]. */
typedef void (*bench_expand)(void *store, uint32_t node, uint32_t **list, size_t *room,
                             size_t *count);
uint64_t bench_two_hop(void *store, bench_walk *walk, bench_expand expand, const uint32_t *nodes,
                       size_t count);
/* Ends of the walks of three steps: their number and the sum of the ends, or (by_lengths) their number alone. */
uint64_t bench_three_hop(void *store, bench_walk *walk, bench_expand expand, const uint32_t *nodes,
                         size_t count);
uint64_t bench_breadth_first(void *store, bench_walk *walk, bench_expand expand, uint32_t start,
                             uint64_t *edges);

#endif
