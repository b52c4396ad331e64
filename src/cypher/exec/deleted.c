/* deleted.c — an entry of a block: its type above, 32 bits below. */
#include "cypher/exec/deleted.h"

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
