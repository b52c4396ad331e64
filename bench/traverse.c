/* traverse.c — traversals in plain form, for engines that have none of their own. */
#include "traverse.h"

#include <stdlib.h>
#include <string.h>

void bench_walk_init(bench_walk *walk, uint32_t node_count)
{
    *walk = (bench_walk){.node_count = node_count};
    walk->stamps = bench_alloc(node_count, sizeof *walk->stamps);
    walk->queue = bench_alloc(node_count, sizeof *walk->queue);
}

void bench_walk_deinit(bench_walk *walk)
{
    free(walk->stamps);
    free(walk->queue);
    free(walk->first);
    free(walk->second);
    memset(walk, 0, sizeof *walk);
}

void bench_walk_room(uint32_t **list, size_t *room, size_t count)
{
    uint32_t *grown;

    if (count <= *room) return;
    *room = count + count / 2 + 64;
    grown = realloc(*list, *room * sizeof **list);
    if (grown == NULL) bench_fail("out of memory");
    *list = grown;
}

void bench_walk_next(bench_walk *walk)
{
    walk->stamp++;
}

uint64_t bench_two_hop(void *store, bench_walk *walk, bench_expand expand, const uint32_t *nodes,
                       size_t count)
{
    uint64_t distinct = 0;

    for (size_t i = 0; i < count; i++) {
        size_t firsts = 0;
        bench_walk_next(walk);
        expand(store, nodes[i], &walk->first, &walk->first_room, &firsts);
        for (size_t j = 0; j < firsts; j++) {
            size_t seconds = 0;
            expand(store, walk->first[j], &walk->second, &walk->second_room, &seconds);
            for (size_t k = 0; k < seconds; k++)
                distinct += bench_walk_see(walk, walk->second[k]);
        }
    }
    return distinct;
}

uint64_t bench_three_hop(void *store, bench_walk *walk, bench_expand expand, const uint32_t *nodes,
                         size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        size_t firsts = 0, seconds = 0;
        expand(store, nodes[i], &walk->first, &walk->first_room, &firsts);
        for (size_t j = 0; j < firsts; j++)
            expand(store, walk->first[j], &walk->second, &walk->second_room, &seconds);
        for (size_t j = 0; j < seconds; j++) {
            size_t thirds = 0;
            expand(store, walk->second[j], &walk->first, &walk->first_room, &thirds);
            for (size_t k = 0; k < thirds; k++)
                sum += (uint64_t)walk->first[k] + 1;
        }
    }
    return sum;
}

uint64_t bench_breadth_first(void *store, bench_walk *walk, bench_expand expand, uint32_t start,
                             uint64_t *edges)
{
    size_t head = 0, tail = 0;

    *edges = 0;
    bench_walk_next(walk);
    (void)bench_walk_see(walk, start);
    walk->queue[tail++] = start;
    while (head < tail) {
        size_t count = 0;
        expand(store, walk->queue[head++], &walk->first, &walk->first_room, &count);
        *edges += count;
        for (size_t i = 0; i < count; i++) {
            if (bench_walk_see(walk, walk->first[i])) walk->queue[tail++] = walk->first[i];
        }
    }
    return tail;
}
