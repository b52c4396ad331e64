/* split_map.h — a map of map.h in parts, of which one at a time grows: with millions of entries no single put takes long, where one table
 * that doubles has all of them to move. Empty, it has no memory. */
#ifndef SB_SPLIT_MAP_H
#define SB_SPLIT_MAP_H

#include "base/map.h"

#define SB_SPLIT_MAP_PARTS 64u

typedef struct sb_split_map {
    const sb_allocator *alloc; /* borrowed */
    sb_map *parts;             /* owned, SB_SPLIT_MAP_PARTS; NULL before the first put */
    size_t count;
} sb_split_map;

void sb_split_map_init(sb_split_map *map, const sb_allocator *alloc);
void sb_split_map_deinit(sb_split_map *map);
/* Forgets all entries, and gives back what memory is more than keep bytes. */
void sb_split_map_clear(sb_split_map *map, size_t keep);
/* As those of sb_map. */
uint64_t *sb_split_map_find(const sb_split_map *map, uint64_t key);
SB_MUST_CHECK sb_status sb_split_map_put(sb_split_map *map, uint64_t key, uint64_t value);
/* *part and *pos start at 0. */
const sb_map_entry *sb_split_map_next(const sb_split_map *map, size_t *part, size_t *pos);

#endif
