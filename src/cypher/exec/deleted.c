/* deleted.c — an entry of a block: its type above, 32 bits below. */
#include "cypher/exec/deleted.h"
#include "base/bits.h"

#define BLOCK_IDS 32u

static uint64_t block_of(uint64_t id)
{
    return id / BLOCK_IDS;
}

static uint64_t bit_of(uint64_t id)
{
    return UINT64_C(1) << id % BLOCK_IDS;
}

void sb_deleted__init(sb_deleted_ids *ids, const sb_allocator *alloc)
{
    sb_split_map_init(&ids->blocks, alloc);
    sb_split_map_init(&ids->others, alloc);
}

void sb_deleted__deinit(sb_deleted_ids *ids)
{
    sb_split_map_deinit(&ids->blocks);
    sb_split_map_deinit(&ids->others);
}

void sb_deleted__clear(sb_deleted_ids *ids, size_t keep)
{
    sb_split_map_clear(&ids->blocks, keep);
    sb_split_map_clear(&ids->others, keep);
}

sb_status sb_deleted__put(sb_deleted_ids *ids, uint64_t id, sb_type_id type)
{
    uint64_t *block = sb_split_map_find(&ids->blocks, block_of(id));

    if (block == NULL)
        return sb_split_map_put(&ids->blocks, block_of(id),
                                (uint64_t)type << BLOCK_IDS | bit_of(id));
    if (*block >> BLOCK_IDS != type) return sb_split_map_put(&ids->others, id, type);
    *block |= bit_of(id);
    return SB_OK;
}

bool sb_deleted__find(const sb_deleted_ids *ids, uint64_t id, sb_type_id *type)
{
    const uint64_t *found = sb_split_map_find(&ids->blocks, block_of(id));

    if (found != NULL && (*found & bit_of(id)) != 0) {
        *type = (sb_type_id)(*found >> BLOCK_IDS);
        return true;
    }
    found = sb_split_map_find(&ids->others, id);
    if (found == NULL) return false;
    *type = (sb_type_id)*found;
    return true;
}

uint64_t sb_deleted__next(const sb_deleted_ids *ids, sb_deleted_walk *walk)
{
    const sb_map_entry *entry;

    while (walk->bits == 0 && !walk->others) {
        entry = sb_split_map_next(&ids->blocks, &walk->part, &walk->at);
        if (entry == NULL)
            *walk = (sb_deleted_walk){.others = true};
        else
            *walk = (sb_deleted_walk){.part = walk->part,
                                      .at = walk->at,
                                      .base = entry->key * BLOCK_IDS,
                                      .bits = entry->value & UINT32_MAX};
    }
    if (walk->bits != 0) {
        const uint64_t id = walk->base + sb_ctz64(walk->bits);
        walk->bits &= walk->bits - 1;
        return id;
    }
    entry = sb_split_map_next(&ids->others, &walk->part, &walk->at);
    return entry == NULL ? 0 : entry->key;
}
