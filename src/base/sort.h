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
/* Sort in place with scratch of the same count (caller's). Falls back to insertion sort for few. */
void sb_triples_sort(sb_triple *items, sb_triple *scratch, size_t count);
void sb_pairs_sort(sb_pair *items, sb_pair *scratch, size_t count);
void sb_u64_sort(uint64_t *items, uint64_t *scratch, size_t count);
/* Remove equal neighbors of a sorted array; returns the new count. */
size_t sb_u64_unique(uint64_t *items, size_t count);

#endif
