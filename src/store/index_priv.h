/* index_priv.h — what the files about indexes share: label containers, and the parts of an index entry's key. */
#ifndef SB_INDEX_PRIV_H
#define SB_INDEX_PRIV_H

#include "store/store_priv.h"

/* ---- Containers of the label index (container.c; docs/format/indexes.md, section 16) ------------------- */

/* Ids id >> 12 apart lie in different containers. 4,096 ids: the bitmap takes 512 bytes, so that a container is
 * under a quarter of the smallest page with room to spare. */
#define SB_CONTAINER_BITS      12u
#define SB_CONTAINER_IDS       4096u
#define SB_CONTAINER_WORDS     64u
#define SB_CONTAINER_BYTES_MAX 513u

/* A container being worked on: a bit for each id, by its low 12 bits. */
typedef struct sb_container {
    uint64_t words[SB_CONTAINER_WORDS];
} sb_container;

SB_INLINE bool sb_container__get(const sb_container *container, uint32_t low)
{
    return (container->words[low >> 6] >> (low & 63)) & 1;
}
SB_INLINE void sb_container__set(sb_container *container, uint32_t low)
{
    container->words[low >> 6] |= 1ull << (low & 63);
}
SB_INLINE void sb_container__clear(sb_container *container, uint32_t low)
{
    container->words[low >> 6] &= ~(1ull << (low & 63));
}

/* The smallest of the three forms; 0 when it is empty, which has none. */
size_t sb_container__encode(const sb_container *container, uint8_t out[SB_CONTAINER_BYTES_MAX]);
/* The container with ids [first, last] added, when its last run ends just before them: what decoding it, setting them and encoding it gives.
 * Bytes stay as many. False: it is another case. */
SB_MUST_CHECK bool sb_container__extend(sb_bytes bytes, uint32_t first, uint32_t last,
                                        uint8_t out[SB_CONTAINER_BYTES_MAX]);
/* False for bytes that are no container; what is then in it is of no use. */
SB_MUST_CHECK bool sb_container__decode(sb_bytes bytes, sb_container *container);
/* One id, without decoding the rest. False in the result for bytes that are no container. */
SB_MUST_CHECK bool sb_container__has(sb_bytes bytes, uint32_t low, bool *has);
/* Ids >= from, added to base, ascending, as many as fit: *count. False as decode. */
SB_MUST_CHECK bool sb_container__read(sb_bytes bytes, uint32_t from, uint64_t base, uint64_t *ids,
                                      size_t capacity, size_t *count);

/* ---- Property index entries (index_key.c) --------------------------------------------------------------------- */

/* The id at the end of an entry's key: 40 bits, big-endian. */
#define SB_ENTRY_ID_BYTES 5u

/* Longest key of one value in an index of so many keys. Entries of one index have the same limit for each
 * value, whatever the others need: only so do equal values have equal keys. */
SB_MUST_CHECK sb_status sb_index__value_limit(const sb_view *view, size_t key_count, size_t *limit,
                                              sb_err *err);
/* The definition and tree of an index. SB_NOT_FOUND: there is none, or it has no tree. */
SB_MUST_CHECK sb_status sb_index__schema(sb_view *view, uint32_t schema_id,
                                         sb_store__schema **schema, sb_err *err);
/* Append the keys of values. *matches false when one of them is null or has a NaN in it: nothing equals them. */
SB_MUST_CHECK sb_status sb_index__append_values(const sb_value *values, size_t value_count,
                                                size_t limit, sb_buffer *key, bool *cut,
                                                bool *matches, sb_err *err);

#endif
