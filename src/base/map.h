/* map.h — an open-addressing hash map from 64-bit keys to 64-bit values. Linear probing, load at
 * most 3/4, power-of-two capacity; deletion shifts back, so there are no tombstones. */
#ifndef SB_MAP_H
#define SB_MAP_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/status.h"

typedef struct sb_map_entry {
    uint64_t key, value;
} sb_map_entry;

typedef struct sb_map {
    const sb_allocator *alloc; /* borrowed */
    sb_map_entry *entries;     /* owned; key SB_MAP_EMPTY marks a free place */
    size_t capacity;           /* power of two, or 0 */
    size_t count;
} sb_map;

/* This one key can not be stored. */
#define SB_MAP_EMPTY UINT64_MAX

void sb_map_init(sb_map *map, const sb_allocator *alloc);
void sb_map_deinit(sb_map *map);
void sb_map_clear(sb_map *map); /* keeps the block, unless it is far too large for what was in it */
/* Room for count entries in all without growing. */
SB_MUST_CHECK sb_status sb_map_reserve(sb_map *map, size_t count);
/* Pointer to the value, valid until the next change; NULL when absent. */
uint64_t *sb_map_find(const sb_map *map, uint64_t key);
/* Insert or overwrite. SB_NOMEM leaves the map as it was. */
SB_MUST_CHECK sb_status sb_map_put(sb_map *map, uint64_t key, uint64_t value);
/* Find or insert with value 0; *inserted tells which. NULL on no memory. */
uint64_t *sb_map_at(sb_map *map, uint64_t key, bool *inserted);
bool sb_map_remove(sb_map *map, uint64_t key);
/* Iterate: *pos starts at 0; NULL at the end. Order is unspecified; no change meanwhile. */
const sb_map_entry *sb_map_next(const sb_map *map, size_t *pos);

#endif
