/* sort.h — "already sorted?" guards and radix sort of the records that ingest sorts.
 * Least-significant-digit radix sort over the bits that differ, at most 11 a pass. */
#ifndef SB_SORT_H
#define SB_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/status.h"

/* One relationship end for adjacency: ordered by (node, neighbor, rel). */
typedef struct sb_triple {
    uint64_t node, neighbor, rel;
} sb_triple;
/* A pair ordered by (key, value). */
typedef struct sb_pair {
    uint64_t key, value;
} sb_pair;

/* n - 1 comparisons at most, stops at the first descent. */
bool sb_triples_sorted(const sb_triple *items, size_t count);
bool sb_pairs_sorted(const sb_pair *items, size_t count);
bool sb_u64_sorted(const uint64_t *items, size_t count);
/* Asked each SB_SORT_STEP items of a pass: what is not SB_OK ends the sort, which leaves the items in any order, some twice. */
#define SB_SORT_STEP ((size_t)65536)
typedef struct sb_sort_poll {
    sb_status (*call)(void *ctx);
    void *ctx;
} sb_sort_poll;
SB_MUST_CHECK sb_status sb_triples_sort_polled(sb_triple *items, sb_triple *scratch, size_t count,
                                               const sb_sort_poll *poll);
SB_MUST_CHECK sb_status sb_pairs_sort_polled(sb_pair *items, sb_pair *scratch, size_t count,
                                             const sb_sort_poll *poll);
SB_MUST_CHECK sb_status sb_u64_sort_polled(uint64_t *items, uint64_t *scratch, size_t count,
                                           const sb_sort_poll *poll);
/* Sort in place with scratch of the same count (caller's). Falls back to insertion sort for few. */
void sb_triples_sort(sb_triple *items, sb_triple *scratch, size_t count);
void sb_pairs_sort(sb_pair *items, sb_pair *scratch, size_t count);
void sb_u64_sort(uint64_t *items, uint64_t *scratch, size_t count);

/* ---- Triples packed into a word each, which sort at a third of the bytes -------------------------- */

/* Of fewer it is not worth the further walks over them. */
#define SB_PACKED_LEAST 512u
/* node, neighbor and rel, each less the least of all, in as many bits as they take. */
typedef struct sb_packed {
    uint64_t *words; /* borrowed; as `other`: change places as they are sorted */
    uint64_t *other;
    size_t count;
    sb_triple least;
    unsigned node_bits, neighbor_bits, rel_bits;
} sb_packed;
/* fit: they can be packed; not when relationships do not ascend from one to the next, or with more than 64 bits in all. */
SB_MUST_CHECK sb_status sb_packed_measure(const sb_triple *items, size_t count, sb_packed *p,
                                          bool *fit, const sb_sort_poll *poll);
/* The items measured, in their order, into room for twice as many words. */
SB_MUST_CHECK sb_status sb_packed_fill(sb_packed *p, const sb_triple *items, uint64_t *room,
                                       const sb_sort_poll *poll);
/* Into order of (node, neighbor, rel). */
SB_MUST_CHECK sb_status sb_packed_sort(sb_packed *p, const sb_sort_poll *poll);
/* From that order into that of (neighbor, node, rel): by the neighbors alone, since sorting is stable. */
SB_MUST_CHECK sb_status sb_packed_turn(sb_packed *p, const sb_sort_poll *poll);
/* Triples from..from + count as they were given; turned: node and neighbor have changed places. */
void sb_packed_read(const sb_packed *p, size_t from, size_t count, bool turned, sb_triple *items);

/* Remove equal neighbors of a sorted array; returns the new count. */
size_t sb_u64_unique(uint64_t *items, size_t count);

#endif
