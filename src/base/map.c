/* map.c — linear probing with backward-shift deletion.
 * I1  capacity is 0 or a power of two of at least 8; 4 × count <= 3 × capacity, so a probe ends.
 * I2  Between the home place of a key and the place that holds it, no place is free. */
#include "base/map.h"

#include "base/bits.h"
#include "base/hash.h"

#define FIRST_CAPACITY 8u

/* A block is kept when it is emptied, unless it is large and 32 times what was in it: to empty it would cost what it has room for, each time. */
#define KEPT_CAPACITY 1024u
#define KEPT_SHARE    32u

static size_t home_of(uint64_t key, size_t capacity)
{
    return (size_t)sb_hash_u64(key) & (capacity - 1);
}

/* Place of key, or the free one where it belongs. capacity is not 0. */
static sb_map_entry *probe(sb_map_entry *entries, size_t capacity, uint64_t key)
{
    size_t place = home_of(key, capacity);

    while (entries[place].key != key && entries[place].key != SB_MAP_EMPTY) {
        place = (place + 1) & (capacity - 1);
    }
    return &entries[place];
}

static void fill_empty(sb_map_entry *entries, size_t capacity)
{
    for (size_t i = 0; i < capacity; i++) {
        entries[i] = (sb_map_entry){.key = SB_MAP_EMPTY, .value = 0};
    }
}

/* Moves all entries to a block of the given capacity. */
static bool rehash(sb_map *map, size_t capacity)
{
    sb_map_entry *entries = sb_alloc_array(map->alloc, capacity, sizeof *entries);

    if (entries == NULL) return false;
    fill_empty(entries, capacity);
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->entries[i].key != SB_MAP_EMPTY) {
            *probe(entries, capacity, map->entries[i].key) = map->entries[i];
        }
    }
    sb_free(map->alloc, map->entries, map->capacity * sizeof *entries);
    map->entries = entries;
    map->capacity = capacity;
    return true;
}

/* Room for one more. */
static bool grow_if_full(sb_map *map)
{
    if (map->count + 1 <= map->capacity - map->capacity / 4) return true;
    if (map->capacity > SIZE_MAX / 2) return false;
    return rehash(map, map->capacity == 0 ? FIRST_CAPACITY : map->capacity * 2);
}

void sb_map_init(sb_map *map, const sb_allocator *alloc)
{
    *map = (sb_map){.alloc = alloc};
}

void sb_map_deinit(sb_map *map)
{
    sb_free(map->alloc, map->entries, map->capacity * sizeof *map->entries);
    *map = (sb_map){.alloc = map->alloc};
}

void sb_map_clear(sb_map *map)
{
    if (map->count == 0) return;
    if (map->capacity > KEPT_CAPACITY && map->count < map->capacity / KEPT_SHARE) {
        sb_map_deinit(map);
        return;
    }
    fill_empty(map->entries, map->capacity);
    map->count = 0;
}

sb_status sb_map_reserve(sb_map *map, size_t count)
{
    /* 2^60 entries are past any address space; below that the sums fit. */
    if (count > (size_t)1 << 58) return SB_NOMEM;
    if (count <= map->capacity - map->capacity / 4) return SB_OK;
    size_t capacity = (size_t)sb_pow2_ceil(count + count / 3 + 1);
    if (capacity < FIRST_CAPACITY) capacity = FIRST_CAPACITY;
    return rehash(map, capacity) ? SB_OK : SB_NOMEM;
}

uint64_t *sb_map_find(const sb_map *map, uint64_t key)
{
    if (map->count == 0 || key == SB_MAP_EMPTY) return NULL;
    sb_map_entry *entry = probe(map->entries, map->capacity, key);
    return entry->key == key ? &entry->value : NULL;
}

uint64_t *sb_map_at(sb_map *map, uint64_t key, bool *inserted)
{
    *inserted = false;
    SB_ASSERT(key != SB_MAP_EMPTY);
    uint64_t *value = sb_map_find(map, key);
    if (value != NULL) return value;
    if (!grow_if_full(map)) return NULL;
    sb_map_entry *entry = probe(map->entries, map->capacity, key);
    *entry = (sb_map_entry){.key = key, .value = 0};
    map->count++;
    *inserted = true;
    return &entry->value;
}

sb_status sb_map_put(sb_map *map, uint64_t key, uint64_t value)
{
    bool inserted;
    uint64_t *place = sb_map_at(map, key, &inserted);

    if (place == NULL) return SB_NOMEM;
    *place = value;
    return SB_OK;
}

bool sb_map_remove(sb_map *map, uint64_t key)
{
    if (map->count == 0 || key == SB_MAP_EMPTY) return false;
    const size_t mask = map->capacity - 1;
    sb_map_entry *entry = probe(map->entries, map->capacity, key);
    if (entry->key != key) return false;

    /* Close the gap (I2): an entry further on moves into it unless its home lies past the gap,
     * cyclically between gap and the entry; then the gap is where it was. */
    size_t gap = (size_t)(entry - map->entries);
    for (size_t i = (gap + 1) & mask; map->entries[i].key != SB_MAP_EMPTY; i = (i + 1) & mask) {
        const size_t home = home_of(map->entries[i].key, map->capacity);
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            map->entries[gap] = map->entries[i];
            gap = i;
        }
    }
    map->entries[gap] = (sb_map_entry){.key = SB_MAP_EMPTY, .value = 0};
    map->count--;
    return true;
}

const sb_map_entry *sb_map_next(const sb_map *map, size_t *pos)
{
    while (*pos < map->capacity) {
        const sb_map_entry *entry = &map->entries[(*pos)++];
        if (entry->key != SB_MAP_EMPTY) return entry;
    }
    return NULL;
}
