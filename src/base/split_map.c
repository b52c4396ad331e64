/* split_map.c — a key's part is given by the high bits of its hash, its place in the part by the low ones. */
#include "base/split_map.h"

#include <assert.h>

#include "base/hash.h"

static sb_map *part_of(const sb_split_map *map, uint64_t key)
{
    return &map->parts[sb_hash_u64(key) >> 58];
}
static_assert(SB_SPLIT_MAP_PARTS == 1u << (64 - 58), "a part for each value of the high bits");

void sb_split_map_init(sb_split_map *map, const sb_allocator *alloc)
{
    *map = (sb_split_map){.alloc = alloc};
}

void sb_split_map_deinit(sb_split_map *map)
{
    for (size_t i = 0; map->parts != NULL && i < SB_SPLIT_MAP_PARTS; i++)
        sb_map_deinit(&map->parts[i]);
    sb_free(map->alloc, map->parts, map->parts == NULL ? 0 : SB_SPLIT_MAP_PARTS * sizeof(sb_map));
    *map = (sb_split_map){.alloc = map->alloc};
}

void sb_split_map_clear(sb_split_map *map, size_t keep)
{
    size_t bytes = 0;

    if (map->parts == NULL) return;
    for (size_t i = 0; i < SB_SPLIT_MAP_PARTS; i++) {
        sb_map *part = &map->parts[i];
        bytes += part->capacity * sizeof *part->entries;
        if (bytes > keep) {
            bytes -= part->capacity * sizeof *part->entries;
            sb_map_deinit(part);
        } else {
            sb_map_clear(part);
        }
    }
    map->count = 0;
}

uint64_t *sb_split_map_find(const sb_split_map *map, uint64_t key)
{
    return map->count == 0 ? NULL : sb_map_find(part_of(map, key), key);
}

sb_status sb_split_map_put(sb_split_map *map, uint64_t key, uint64_t value)
{
    bool inserted;

    if (map->parts == NULL) {
        map->parts = sb_alloc_array(map->alloc, SB_SPLIT_MAP_PARTS, sizeof *map->parts);
        if (map->parts == NULL) return SB_NOMEM;
        for (size_t i = 0; i < SB_SPLIT_MAP_PARTS; i++)
            sb_map_init(&map->parts[i], map->alloc);
    }
    uint64_t *place = sb_map_at(part_of(map, key), key, &inserted);
    if (place == NULL) return SB_NOMEM;
    *place = value;
    map->count += inserted;
    return SB_OK;
}

const sb_map_entry *sb_split_map_next(const sb_split_map *map, size_t *part, size_t *pos)
{
    for (; map->parts != NULL && *part < SB_SPLIT_MAP_PARTS; ++*part, *pos = 0) {
        const sb_map_entry *entry = sb_map_next(&map->parts[*part], pos);
        if (entry != NULL) return entry;
    }
    return NULL;
}
