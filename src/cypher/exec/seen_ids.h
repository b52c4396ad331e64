/* seen_ids.h — which nodes or relationships there have been, a bit for each id: where ids are not far from 0 it takes less than hashing, in time
 * and in memory. Of AGGREGATE, for distinct arguments without keys. */
#ifndef SB_CYPHER_SEEN_IDS_H
#define SB_CYPHER_SEEN_IDS_H

#include "cypher/exec/exec_priv.h"

typedef struct sb_seen_ids {
    bool given_up; /* not ids, or too far: the rest is hashed */
    uint8_t kind;  /* sb_vector_kind of those seen */
    uint64_t rows; /* looked at so far */
    uint64_t *words;
    size_t word_count; /* 0 or a power of two */
} sb_seen_ids;

void sb_seen__free(sb_seen_ids *seen, const sb_allocator *alloc);
void sb_seen__clear(sb_seen_ids *seen, const sb_exec *run);
/* Room for row_count more ids of a kind, none above `most`. False: they are of another kind, or it would take too much. */
bool sb_seen__room(sb_seen_ids *seen, const sb_exec *run, sb_vector_kind kind, uint64_t most,
                   uint32_t row_count);
/* The same for a column; false also where it is not one of ids alone. */
bool sb_seen__room_for(sb_seen_ids *seen, const sb_exec *run, const sb_vector *v,
                       uint32_t row_count);
/* Was the id new? It is not any more. Before: there is room for it. */
SB_INLINE bool sb_seen__add(sb_seen_ids *seen, uint64_t id)
{
    uint64_t *word = &seen->words[id / 64];
    const uint64_t bit = UINT64_C(1) << id % 64;
    const bool fresh = (*word & bit) == 0;

    *word |= bit;
    return fresh;
}
/* All neighbors of a chunk: how many of them were new. Before: there is room up to sb_chunk_most. */
uint32_t sb_seen__add_chunk(sb_seen_ids *seen, const sb_chunk *chunk);

#endif
