/* alloc.c — the libc allocator and the counting allocator in front of another. */
#include "base/alloc.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

static void *libc_alloc(void *ctx, size_t bytes)
{
    (void)ctx;
    return malloc(bytes != 0 ? bytes : 1);
}

static void *libc_resize(void *ctx, void *block, size_t old_bytes, size_t new_bytes)
{
    (void)ctx;
    (void)old_bytes;
    return realloc(block, new_bytes != 0 ? new_bytes : 1);
}

static void libc_free(void *ctx, void *block, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(block);
}

const sb_allocator sb_allocator_libc = {
    .ctx = NULL, .alloc = libc_alloc, .resize = libc_resize, .free = libc_free};

void *sb_alloc(const sb_allocator *alloc, size_t bytes)
{
    return alloc->alloc(alloc->ctx, bytes);
}

void *sb_alloc_zero(const sb_allocator *alloc, size_t bytes)
{
    void *block = alloc->alloc(alloc->ctx, bytes);

    if (block != NULL) memset(block, 0, bytes);
    return block;
}

void *sb_alloc_array(const sb_allocator *alloc, size_t count, size_t size)
{
    size_t bytes;

    if (!sb_mul_size(count, size, &bytes)) return NULL;
    return alloc->alloc(alloc->ctx, bytes);
}

void *sb_resize(const sb_allocator *alloc, void *block, size_t old_bytes, size_t new_bytes)
{
    if (block == NULL) return alloc->alloc(alloc->ctx, new_bytes);
    return alloc->resize(alloc->ctx, block, old_bytes, new_bytes);
}

void sb_free(const sb_allocator *alloc, void *block, size_t bytes)
{
    if (block != NULL) alloc->free(alloc->ctx, block, bytes);
}

/* Counts one attempt; false when the fault injection wants it to fail. All orders are relaxed: the
 * counters order nothing, and what one thread hands to another is ordered by how it is handed. */
static bool may_allocate(sb_counting_allocator *counting)
{
    const size_t number =
        atomic_fetch_add_explicit(&counting->alloc_count, 1, memory_order_relaxed) + 1;
    const size_t fail_at = atomic_load_explicit(&counting->fail_at, memory_order_relaxed);

    if (fail_at == 0 || number < fail_at) return true;
    return number > fail_at &&
           !atomic_load_explicit(&counting->fail_persistent, memory_order_relaxed);
}

size_t sb_counting_allocator_limit(sb_counting_allocator *counting)
{
    if (counting->find_limit != NULL &&
        !atomic_load_explicit(&counting->limit_found, memory_order_acquire)) {
        atomic_store_explicit(&counting->limit_bytes, counting->find_limit(), memory_order_relaxed);
        /* Release: who sees this sees the limit above. */
        atomic_store_explicit(&counting->limit_found, true, memory_order_release);
    }
    return atomic_load_explicit(&counting->limit_bytes, memory_order_relaxed);
}

void sb_counting_allocator_limit_later(sb_counting_allocator *counting, size_t bytes,
                                       size_t (*find)(void))
{
    counting->find_limit = find;
    atomic_store_explicit(&counting->limit_bytes, bytes, memory_order_relaxed);
}

/* Takes bytes from the budget; false when the limit does not allow it. */
static bool take_bytes(sb_counting_allocator *counting, size_t bytes)
{
    size_t limit = atomic_load_explicit(&counting->limit_bytes, memory_order_relaxed);
    const size_t before =
        atomic_fetch_add_explicit(&counting->live_bytes, bytes, memory_order_relaxed);
    const size_t live = before + bytes;

    if (SB_UNLIKELY(limit != 0 && live > limit)) limit = sb_counting_allocator_limit(counting);
    if (live < before || (limit != 0 && live > limit)) {
        atomic_fetch_sub_explicit(&counting->live_bytes, bytes, memory_order_relaxed);
        atomic_store_explicit(&counting->refused_at, before, memory_order_relaxed);
        return false;
    }
    size_t peak = atomic_load_explicit(&counting->peak_bytes, memory_order_relaxed);
    while (peak < live &&
           !atomic_compare_exchange_weak_explicit(&counting->peak_bytes, &peak, live,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    return true;
}

static void give_bytes(sb_counting_allocator *counting, size_t bytes)
{
    const size_t before =
        atomic_fetch_sub_explicit(&counting->live_bytes, bytes, memory_order_relaxed);

    SB_ASSERT(before >= bytes); /* sizes on free are those given to alloc */
    (void)before;
}

/* The system had no more: the limit was not what refused it. */
static void take_back(sb_counting_allocator *counting, size_t bytes)
{
    give_bytes(counting, bytes);
    atomic_store_explicit(&counting->refused_at, 0, memory_order_relaxed);
}

static void *counting_alloc(void *ctx, size_t bytes)
{
    sb_counting_allocator *counting = ctx;

    if (!may_allocate(counting)) return NULL;
    if (!take_bytes(counting, bytes)) return NULL;
    void *block = sb_alloc(counting->inner, bytes);
    if (block == NULL) {
        take_back(counting, bytes);
        return NULL;
    }
    atomic_fetch_add_explicit(&counting->live_blocks, 1, memory_order_relaxed);
    return block;
}

static void *counting_resize(void *ctx, void *block, size_t old_bytes, size_t new_bytes)
{
    sb_counting_allocator *counting = ctx;
    const size_t more = new_bytes > old_bytes ? new_bytes - old_bytes : 0;

    if (more != 0) {
        if (!may_allocate(counting)) return NULL;
        if (!take_bytes(counting, more)) return NULL;
    }
    void *moved = sb_resize(counting->inner, block, old_bytes, new_bytes);
    if (moved == NULL) {
        take_back(counting, more);
        return NULL;
    }
    if (new_bytes < old_bytes) give_bytes(counting, old_bytes - new_bytes);
    return moved;
}

static void counting_free(void *ctx, void *block, size_t bytes)
{
    sb_counting_allocator *counting = ctx;

    sb_free(counting->inner, block, bytes);
    give_bytes(counting, bytes);
    atomic_fetch_sub_explicit(&counting->live_blocks, 1, memory_order_relaxed);
}

void sb_counting_allocator_init(sb_counting_allocator *counting, const sb_allocator *inner)
{
    counting->base = (sb_allocator){
        .ctx = counting, .alloc = counting_alloc, .resize = counting_resize, .free = counting_free};
    counting->inner = inner;
    atomic_init(&counting->live_bytes, 0);
    atomic_init(&counting->peak_bytes, 0);
    atomic_init(&counting->live_blocks, 0);
    atomic_init(&counting->alloc_count, 0);
    atomic_init(&counting->limit_bytes, 0);
    atomic_init(&counting->refused_at, 0);
    counting->find_limit = NULL;
    atomic_init(&counting->limit_found, false);
    atomic_init(&counting->fail_at, 0);
    atomic_init(&counting->fail_persistent, false);
}
