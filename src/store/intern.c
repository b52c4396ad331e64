/* intern.c — byte strings numbered in order of first use, found by their bytes: names and label sets.
 * I1  slots holds each index once, at the first place free for it when the items before it were in.
 * I2  So clearing the places of the last items, last first, leaves what was there before them. */
#include "store/store_priv.h"

#define FIRST_SLOTS 16u

static uint32_t hash_of(sb_bytes bytes, uint64_t seed)
{
    const uint64_t hash = sb_hash_bytes(bytes.data, bytes.size, seed);
    return (uint32_t)(hash ^ hash >> 32);
}

static void place_item(sb_store__interner *interner, uint32_t index)
{
    const uint32_t mask = interner->slot_count - 1;
    uint32_t slot = interner->items[index].hash & mask;

    while (interner->slots[slot] != 0) {
        slot = (slot + 1) & mask;
    }
    interner->slots[slot] = index + 1;
}

uint32_t sb_store__interner_find(const sb_store__interner *interner, sb_bytes bytes, uint64_t seed)
{
    if (interner->slot_count == 0) return SB_INTERNED_NONE;
    const uint32_t hash = hash_of(bytes, seed);
    const uint32_t mask = interner->slot_count - 1;

    for (uint32_t slot = hash & mask; interner->slots[slot] != 0; slot = (slot + 1) & mask) {
        const uint32_t index = interner->slots[slot] - 1;
        const sb_store__interned *item = &interner->items[index];
        if (item->hash == hash && sb_bytes_equal(sb_bytes_of(item->data, item->size), bytes))
            return index;
    }
    return SB_INTERNED_NONE;
}

static sb_status grow_slots(sb_store__interner *interner, const sb_allocator *alloc)
{
    const uint32_t slot_count = interner->slot_count == 0 ? FIRST_SLOTS : interner->slot_count * 2;
    size_t bytes;

    if (slot_count < interner->slot_count || !sb_mul_size(slot_count, sizeof(uint32_t), &bytes))
        return SB_NOMEM;
    uint32_t *slots = sb_alloc_zero(alloc, bytes);
    if (slots == NULL) return SB_NOMEM;
    sb_free(alloc, interner->slots, interner->slot_count * sizeof(uint32_t));
    interner->slots = slots;
    interner->slot_count = slot_count;
    for (uint32_t index = 0; index < interner->count; index++) {
        place_item(interner, index);
    }
    return SB_OK;
}

sb_status sb_store__interner_reserve(sb_store__interner *interner, const sb_allocator *alloc)
{
    size_t capacity = interner->capacity;
    const sb_status st = sb_store__grow(alloc, &interner->items, sizeof *interner->items,
                                        (size_t)interner->count + 1, &capacity);

    if (st != SB_OK || capacity > UINT32_MAX) return SB_NOMEM;
    interner->capacity = (uint32_t)capacity;
    /* At most half full: names are looked up far more often than made. */
    if (interner->count + 1 > interner->slot_count / 2) return grow_slots(interner, alloc);
    return SB_OK;
}

void sb_store__interner_add(sb_store__interner *interner, sb_bytes bytes, uint64_t seed)
{
    SB_ASSERT(interner->count < interner->capacity);
    interner->items[interner->count] = (sb_store__interned){
        .data = bytes.data, .size = (uint32_t)bytes.size, .hash = hash_of(bytes, seed)};
    place_item(interner, interner->count);
    interner->count++;
}

void sb_store__interner_truncate(sb_store__interner *interner, uint32_t count)
{
    while (interner->count > count) {
        const uint32_t mask = interner->slot_count - 1;
        const uint32_t index = interner->count - 1;
        uint32_t slot = interner->items[index].hash & mask;
        while (interner->slots[slot] != index + 1) {
            slot = (slot + 1) & mask;
        }
        interner->slots[slot] = 0;
        interner->count--;
    }
}

void sb_store__interner_clear(sb_store__interner *interner)
{
    if (interner->count != 0) memset(interner->slots, 0, interner->slot_count * sizeof(uint32_t));
    interner->count = 0;
}

void sb_store__interner_deinit(sb_store__interner *interner, const sb_allocator *alloc)
{
    sb_free(alloc, interner->items, interner->capacity * sizeof *interner->items);
    sb_free(alloc, interner->slots, interner->slot_count * sizeof(uint32_t));
    *interner = (sb_store__interner){0};
}
