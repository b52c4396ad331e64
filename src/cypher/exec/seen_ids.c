/* seen_ids.c — a bit for each id. */
#include "cypher/exec/seen_ids.h"

#include "cypher/exec/spill.h"

/* Bytes of words that any number of rows may take. */
#define SEEN_BYTES (512u << 10)

void sb_seen__free(sb_seen_ids *seen, const sb_allocator *alloc)
{
    sb_free(alloc, seen->words, seen->word_count * sizeof *seen->words);
    seen->words = NULL;
    seen->word_count = 0;
}

void sb_seen__clear(sb_seen_ids *seen, const sb_exec *run)
{
    if (seen->word_count * sizeof *seen->words > sb_exec__keeps(run))
        sb_seen__free(seen, run->alloc);
    else if (seen->word_count != 0)
        memset(seen->words, 0, seen->word_count * sizeof *seen->words);
    seen->given_up = false;
    seen->kind = SB_VECTOR_ANY;
    seen->rows = 0;
}

bool sb_seen__room(sb_seen_ids *seen, const sb_exec *run, sb_vector_kind kind, uint64_t most,
                   uint32_t row_count)
{
    if (seen->kind == SB_VECTOR_ANY) seen->kind = (uint8_t)kind;
    if (seen->kind != kind) return false;
    seen->rows += row_count;
    if (most / 64 < seen->word_count) return true;
    const uint64_t words = sb_pow2_ceil(most / 64 + 1);
    if (words * sizeof *seen->words > 16 * seen->rows + SEEN_BYTES ||
        !sb_spill__affords(run, (size_t)words * sizeof *seen->words))
        return false;
    uint64_t *grown = sb_resize(run->alloc, seen->words, seen->word_count * sizeof *grown,
                                (size_t)words * sizeof *grown);
    if (grown == NULL) return false; /* hashing may take less */
    memset(grown + seen->word_count, 0, ((size_t)words - seen->word_count) * sizeof *grown);
    seen->words = grown;
    seen->word_count = (size_t)words;
    return true;
}

bool sb_seen__room_for(sb_seen_ids *seen, const sb_exec *run, const sb_vector *v,
                       uint32_t row_count)
{
    uint64_t all = 0;

    if ((v->kind != SB_VECTOR_NODE && v->kind != SB_VECTOR_REL) || v->constant || v->nulls != NULL)
        return false;
    for (uint32_t i = 0; i < row_count; i++)
        all |=
            v->as.ids[i]; /* no id is above, and there is as much room for it as for the largest */
    return sb_seen__room(seen, run, (sb_vector_kind)v->kind, all, row_count);
}

/* One copy for each width. */
SB_INLINE uint32_t add_width(uint64_t *words, const sb_chunk *chunk, unsigned width)
{
    uint32_t fresh = 0;

    for (uint32_t i = 0; i < chunk->count; i++) {
        const uint64_t id =
            chunk->neighbor_base + sb_load_width(chunk->neighbors + (size_t)i * width, width);
        const uint64_t word = words[id / 64];
        fresh += (uint32_t)(~word >> id % 64 & 1);
        words[id / 64] = word | UINT64_C(1) << id % 64;
    }
    return fresh;
}

uint32_t sb_seen__add_chunk(sb_seen_ids *seen, const sb_chunk *chunk)
{
    switch (chunk->neighbor_width) {
    case 0: return add_width(seen->words, chunk, 0);
    case 1: return add_width(seen->words, chunk, 1);
    case 2: return add_width(seen->words, chunk, 2);
    case 4: return add_width(seen->words, chunk, 4);
    default: return add_width(seen->words, chunk, 8);
    }
}
