/* map.c — the mapped segments of the main file and of the WAL.
 * A segment is one map step of the file system, mapped read-only when a page of it is first wanted and
 * never unmapped before the pager closes, so that pointers into it need no counting. Address space is
 * what the file holds and at most one step more. */
#include "pager/pager_priv.h"

static size_t map_top_bytes(size_t capacity)
{
    return sizeof(sb_map_top) + capacity * sizeof(_Atomic(uint8_t *));
}

void sb_map_file_deinit(sb_map_file *map)
{
    sb_map_top *top = atomic_load_explicit(&map->top, memory_order_relaxed);
    if (top == NULL) return;
    sb_file *file = atomic_load_explicit(map->file, memory_order_relaxed);
    for (size_t i = 0; i < top->capacity; i++) {
        uint8_t *base = atomic_load_explicit(&top->segments[i], memory_order_relaxed);
        if (base != NULL) file->ops->unmap(file, base, (size_t)1 << map->shift);
    }
    while (top != NULL) {
        sb_map_top *older = top->older;
        sb_free(map->pager->alloc, top, map_top_bytes(top->capacity));
        top = older;
    }
    atomic_store_explicit(&map->top, NULL, memory_order_relaxed);
}

static sb_status grow_segments(sb_map_file *map, uint64_t segment, sb_err *err)
{
    sb_map_top *old = atomic_load_explicit(&map->top, memory_order_relaxed);
    const size_t old_capacity = old == NULL ? 0 : old->capacity;
    const size_t capacity = (size_t)sb_pow2_ceil(segment + 1 < 16 ? 16 : segment + 1);
    sb_map_top *top = sb_alloc_zero(map->pager->alloc, map_top_bytes(capacity));
    if (top == NULL) return SB_FAIL_NOMEM(err);
    top->capacity = capacity;
    top->older = old;
    for (size_t i = 0; i < capacity; i++) {
        uint8_t *base =
            i < old_capacity ? atomic_load_explicit(&old->segments[i], memory_order_relaxed) : NULL;
        atomic_init(&top->segments[i], base);
    }
    /* Release: pairs with the acquire in sb_map_file_at. */
    atomic_store_explicit(&map->top, top, memory_order_release);
    return SB_OK;
}

static sb_status map_segment(sb_map_file *map, uint64_t segment, uint8_t **base, sb_err *err)
{
    sb_map_top *top = atomic_load_explicit(&map->top, memory_order_relaxed);
    if (top == NULL || segment >= top->capacity) {
        SB_TRY(grow_segments(map, segment, err));
        top = atomic_load_explicit(&map->top, memory_order_relaxed);
    }
    uint8_t *known = atomic_load_explicit(&top->segments[segment], memory_order_relaxed);
    if (known == NULL) {
        sb_file *file = atomic_load_explicit(map->file, memory_order_acquire);
        void *address = NULL;
        SB_TRY(file->ops->map(file, segment << map->shift, (size_t)1 << map->shift, false, &address,
                              err));
        known = address;
        atomic_store_explicit(&top->segments[segment], known, memory_order_release);
    }
    *base = known;
    return SB_OK;
}

sb_status sb_map_file_slow(sb_map_file *map, uint64_t segment, uint8_t **base, sb_err *err)
{
    sb_mutex_lock(map->pager->map_mutex);
    const sb_status st = map_segment(map, segment, base, err);
    sb_mutex_unlock(map->pager->map_mutex);
    return st;
}
