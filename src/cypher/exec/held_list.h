/* held_list.h — the neighbors of one node with their relationships, sorted, to look other ends up in: where they lie in the file if they are
 * in one piece there, else put together.
 * What is not asked of a whole list at once (few look-ups, a long list) is cheaper asked of the graph.
 * Tests: tests/unit/cypher/exec/test_paths.c, tests/api/test_query_shapes.c */
#ifndef SB_CYPHER_HELD_LIST_H
#define SB_CYPHER_HELD_LIST_H

#include "cypher/exec/exec_priv.h"

typedef struct sb_held_list {
    sb_exec *run;
    sb_chunk
        entries; /* ascending; valid until the list is read again, or the transaction ends or writes */
    sb_buffer pairs;   /* sb_pair (neighbor, relationship), while it is put together */
    sb_buffer scratch; /* for sorting them; then the neighbors, */
    sb_buffer rels;    /* and the relationships, of 8 bytes each */
    /* bits of the entries' neighbors; owned */
    uint64_t *filter;
    uint32_t filter_bits,
        filter_room; /* in use: a power of two, 0: none; there are. All bits are 0 but for the entries' */
    /* no two ids from first to last share a bit, and no neighbor comes twice: who passes and is among them is there, once */
    bool exact;
    uint64_t first, last;
} sb_held_list;

void sb_exec__held_init(sb_exec *run, sb_held_list *list);
void sb_exec__held_free(sb_held_list *list);
/* All that expand has of node. *whole false: there are more than most, and the list is empty. */
SB_MUST_CHECK sb_status sb_exec__held_read(sb_held_list *list, sb_expand *expand, uint64_t node,
                                           size_t most, bool *whole);
/* Make the filter of the list: of ids that are not in it few pass. */
SB_MUST_CHECK sb_status sb_exec__held_filter(sb_held_list *list);
/* Both of that for whom it is enough, where the list is exact, that bits tell its neighbors: they are in no order then, without relationships. */
SB_MUST_CHECK sb_status sb_exec__held_read_bits(sb_held_list *list, sb_expand *expand,
                                                uint64_t node);
/* Let go of the list, without a look at it: it may lie in pages that are gone. */
void sb_exec__held_forget(sb_held_list *list);
SB_INLINE bool sb_exec__held_passes(const sb_held_list *list, uint64_t id)
{
    const uint64_t place = id & (list->filter_bits - 1);
    return (list->filter[place / 64] >> (place & 63) & 1) != 0;
}
/* Of an exact list: is it there? */
SB_INLINE bool sb_exec__held_has(const sb_held_list *list, uint64_t id)
{
    return (sb_exec__held_passes(list, id) & (id >= list->first) & (id <= list->last)) != 0;
}
/* The first entry from `at` on, below which all neighbors are below id, whose neighbor is not. Near ones are found quickly: steps that double,
 * then halve (Bentley and Yao, "An almost optimal algorithm for unbounded searching", 1976). */
SB_INLINE uint32_t sb_exec__entry_from(const sb_chunk *entries, uint32_t at, uint64_t id)
{
    uint32_t step = 1, low = at;

    while (step <= entries->count - low && sb_chunk_neighbor(entries, low + step - 1) < id) {
        low += step;
        step *= 2;
    }
    for (uint32_t high = step <= entries->count - low ? low + step - 1 : entries->count;
         low < high;) {
        const uint32_t middle = low + (high - low) / 2;
        if (sb_chunk_neighbor(entries, middle) < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
