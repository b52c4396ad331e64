/* raw_arrays.h — a graph as plain arrays in one block: lists in both directions, columns, and a hash table from key to node. The block
 * is also what lies in the raw engine's file, so that writing it is one copy, and opening it one mapping. */
#ifndef BENCH_RAW_ARRAYS_H
#define BENCH_RAW_ARRAYS_H

#include "bench.h"

/* Of the hash table; node: its number + 1, 0 in a free slot. */
typedef struct raw_slot {
    uint32_t key, node;
} raw_slot;

/* One direction; relationships in order of creation within a list. */
typedef struct raw_lists {
    uint32_t *ends;      /* of node: items [ends[node], ends[node + 1]) */
    uint32_t *neighbors; /* by item */
    uint32_t *rels;      /* by item: number of the relationship */
} raw_lists;

typedef struct raw_arrays {
    uint32_t node_count, edge_count;
    uint32_t slot_bits; /* of the hash table's number of slots */
    raw_lists out, in;
    uint8_t *weights; /* by relationship */
    uint32_t *keys;   /* by node */
    char (*names)[BENCH_NAME_BYTES];
    raw_slot *slots;
    uint8_t *block; /* owned: all of these */
    size_t bytes;
    bool mapped;
} raw_arrays;

/* Relationships that are not in the arrays yet. */
typedef struct raw_edges {
    const uint32_t *source, *target;
    const int64_t *weight;
    size_t count;
} raw_edges;

/* Zeroed: no graph. Those that make arrays set all of them. */
void raw_arrays_make(raw_arrays *arrays, const bench_graph *graph);
/* All arrays anew, with further relationships behind those of arrays. */
void raw_arrays_extend(raw_arrays *arrays, const raw_edges *more);
void raw_arrays_free(raw_arrays *arrays);
void raw_arrays_write(const raw_arrays *arrays, int file);
void raw_arrays_map(raw_arrays *arrays, const char *path);

/* Where the search for a key begins. */
SB_INLINE uint32_t raw_slot_of(const raw_arrays *arrays, uint32_t key)
{
    return (key * 2654435769u) >> (32 - arrays->slot_bits);
}

#endif
