/* table.c — a growing array of 32-bit words that readers index without a lock.
 * Two levels: a top block of chunk pointers, replaced by one twice as large when it is full. Replaced
 * tops stay linked until deinit, since a reader may still look through one (together they are no
 * larger than the newest). Chunks never move. */
#include "pager/pager_priv.h"

static size_t top_bytes(size_t capacity)
{
    return sizeof(sb_table_top) + capacity * sizeof(_Atomic(_Atomic uint32_t *));
}

void sb_table_init(sb_table *table, const sb_allocator *alloc)
{
    table->alloc = alloc;
    atomic_init(&table->top, NULL);
}

void sb_table_deinit(sb_table *table)
{
    sb_table_top *top = atomic_load_explicit(&table->top, memory_order_relaxed);
    if (top != NULL) {
        for (size_t i = 0; i < top->capacity; i++) {
            _Atomic uint32_t *words = atomic_load_explicit(&top->chunks[i], memory_order_relaxed);
            sb_free(table->alloc, (void *)(uintptr_t)words, SB_TABLE_CHUNK * sizeof *words);
        }
    }
    while (top != NULL) {
        sb_table_top *older = top->older;
        sb_free(table->alloc, top, top_bytes(top->capacity));
        top = older;
    }
    atomic_store_explicit(&table->top, NULL, memory_order_relaxed);
}

static sb_status grow_top(sb_table *table, size_t chunk, sb_err *err)
{
    sb_table_top *old = atomic_load_explicit(&table->top, memory_order_relaxed);
    const size_t old_capacity = old == NULL ? 0 : old->capacity;
    const size_t capacity = (size_t)sb_pow2_ceil(chunk + 1 < 64 ? 64 : chunk + 1);
    sb_table_top *top = sb_alloc_zero(table->alloc, top_bytes(capacity));
    if (top == NULL) return SB_FAIL_NOMEM(err);
    top->capacity = capacity;
    top->older = old;
    for (size_t i = 0; i < capacity; i++) {
        _Atomic uint32_t *words =
            i < old_capacity ? atomic_load_explicit(&old->chunks[i], memory_order_relaxed) : NULL;
        atomic_init(&top->chunks[i], words);
    }
    /* Release: pairs with the acquire in sb_table_at; the chunk pointers are visible with the top. */
    atomic_store_explicit(&table->top, top, memory_order_release);
    return SB_OK;
}

sb_status sb_table_reserve(sb_table *table, uint64_t index, sb_err *err)
{
    const size_t chunk = (size_t)(index / SB_TABLE_CHUNK);
    sb_table_top *top = atomic_load_explicit(&table->top, memory_order_relaxed);
    if (top == NULL || chunk >= top->capacity) {
        SB_TRY(grow_top(table, chunk, err));
        top = atomic_load_explicit(&table->top, memory_order_relaxed);
    }
    if (atomic_load_explicit(&top->chunks[chunk], memory_order_relaxed) != NULL) return SB_OK;
    _Atomic uint32_t *words = sb_alloc_zero(table->alloc, SB_TABLE_CHUNK * sizeof *words);
    if (words == NULL) return SB_FAIL_NOMEM(err);
    atomic_store_explicit(&top->chunks[chunk], words, memory_order_release);
    return SB_OK;
}

void sb_table_zero(sb_table *table)
{
    sb_table_top *top = atomic_load_explicit(&table->top, memory_order_relaxed);
    if (top == NULL) return;
    for (size_t i = 0; i < top->capacity; i++) {
        _Atomic uint32_t *words = atomic_load_explicit(&top->chunks[i], memory_order_relaxed);
        if (words == NULL) continue;
        for (size_t k = 0; k < SB_TABLE_CHUNK; k++)
            atomic_store_explicit(words + k, 0, memory_order_relaxed);
    }
}
