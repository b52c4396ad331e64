/* cache.c — the bounded page cache of SB_READ_CACHE: frames of one page each, hashed by (page number,
 * position in the WAL or 0), replaced by the clock rule. A pinned frame stays; one that is let go is
 * overwritten with 0xDB in debug builds, so that a pointer kept too long shows. */
#include "pager/pager_priv.h"

#define NO_FRAME    UINT32_MAX
#define LEAST_PAGES 8u

sb_status sb_pager__cache_init(sb_pager *pager, sb_err *err)
{
    sb_cache *cache = &pager->cache;
    const sb_pager_options *options = &pager->options;
    cache->count = options->cache_pages;
    if (options->cache_memory != NULL) {
        const uint64_t most = options->cache_memory(options->memory_ctx) / pager->page_bytes;
        if (cache->count > most) cache->count = (uint32_t)most;
    }
    if (cache->count < LEAST_PAGES) cache->count = LEAST_PAGES;
    cache->bucket_count = (uint32_t)sb_pow2_ceil(cache->count);
    cache->frames = sb_alloc_array(pager->alloc, cache->count, sizeof *cache->frames);
    cache->buckets = sb_alloc_array(pager->alloc, cache->bucket_count, sizeof *cache->buckets);
    if (cache->frames != NULL) memset(cache->frames, 0, cache->count * sizeof *cache->frames);
    if (cache->frames == NULL || cache->buckets == NULL)
        return SB_FAIL_NOMEM(err); /* close frees them */
    for (uint32_t i = 0; i < cache->bucket_count; i++)
        cache->buckets[i] = NO_FRAME;
    return SB_OK;
}

void sb_pager__cache_deinit(sb_pager *pager)
{
    sb_cache *cache = &pager->cache;
    for (uint32_t i = 0; cache->frames != NULL && i < cache->count; i++)
        sb_free(pager->alloc, cache->frames[i].bytes, pager->page_bytes);
    sb_free(pager->alloc, cache->frames, cache->count * sizeof *cache->frames);
    sb_free(pager->alloc, cache->buckets, cache->bucket_count * sizeof *cache->buckets);
    memset(cache, 0, sizeof *cache);
}

static uint32_t *bucket_of(sb_cache *cache, uint64_t key)
{
    return &cache->buckets[sb_hash_u64(key) & (cache->bucket_count - 1)];
}

static void forget(sb_pager *pager, uint32_t index)
{
    sb_cache *cache = &pager->cache;
    sb_cache_frame *frame = &cache->frames[index];
    uint32_t *link = bucket_of(cache, frame->key_pgno_pos);
    while (*link != index)
        link = &cache->frames[*link].next;
    *link = frame->next;
    frame->used = false;
#ifndef NDEBUG
    memset(frame->bytes, 0xDB, pager->page_bytes);
#endif
}

/* A frame without a page, or NO_FRAME when all are pinned. */
static uint32_t find_victim(sb_pager *pager)
{
    sb_cache *cache = &pager->cache;
    for (uint32_t step = 0; step < 2 * cache->count; step++) {
        const uint32_t index = cache->hand;
        sb_cache_frame *frame = &cache->frames[index];
        cache->hand = index + 1 == cache->count ? 0 : index + 1;
        if (!frame->used) return index;
        if (frame->pins != 0) continue;
        if (frame->recent) {
            frame->recent = false;
            continue;
        }
        forget(pager, index);
        return index;
    }
    return NO_FRAME;
}

static sb_status place(sb_pager *pager, uint64_t key, sb_cache_frame **out, sb_err *err)
{
    sb_cache *cache = &pager->cache;
    const uint32_t index = find_victim(pager);
    if (index == NO_FRAME)
        return SB_FAIL(err, SB_LIMIT,
                       "all %u pages of the page cache are in use: cache_pages is too small",
                       cache->count);
    sb_cache_frame *frame = &cache->frames[index];
    if (frame->bytes == NULL) frame->bytes = sb_alloc(pager->alloc, pager->page_bytes);
    if (frame->bytes == NULL) return SB_FAIL_NOMEM(err);
    uint32_t *bucket = bucket_of(cache, key);
    frame->key_pgno_pos = key;
    frame->next = *bucket;
    *bucket = index;
    frame->used = frame->recent = frame->loading = true;
    frame->pins = 1;
    *out = frame;
    return SB_OK;
}

sb_status sb_pager__cache_get(sb_pager *pager, sb_pgno pgno, uint32_t pos, sb_cache_frame **out,
                              bool *loaded, sb_err *err)
{
    sb_cache *cache = &pager->cache;
    const uint64_t key = (uint64_t)pgno << 32 | pos;
    sb_status st = SB_OK;
    *out = NULL;
    *loaded = false;
    sb_mutex_lock(pager->cache_mutex);
    for (uint32_t i = *bucket_of(cache, key); i != NO_FRAME; i = cache->frames[i].next) {
        sb_cache_frame *frame = &cache->frames[i];
        /* One that another thread is still reading is left to it; a second copy is harmless and rare. */
        if (frame->key_pgno_pos != key || frame->loading) continue;
        frame->pins++;
        frame->recent = true;
        cache->hits++;
        *out = frame;
        *loaded = true;
        break;
    }
    if (!*loaded) {
        cache->misses++;
        st = place(pager, key, out, err);
    }
    sb_mutex_unlock(pager->cache_mutex);
    return st;
}

void sb_pager__cache_filled(sb_pager *pager, sb_cache_frame *frame, bool ok)
{
    sb_mutex_lock(pager->cache_mutex);
    frame->loading = false;
    if (!ok) {
        frame->pins = 0;
        forget(pager, (uint32_t)(frame - pager->cache.frames));
    }
    sb_mutex_unlock(pager->cache_mutex);
}

void sb_pager__cache_unpin(sb_pager *pager, sb_cache_frame *frame)
{
    sb_mutex_lock(pager->cache_mutex);
    SB_ASSERT(frame->pins > 0);
    frame->pins--;
    sb_mutex_unlock(pager->cache_mutex);
}

static void drop_range(sb_pager *pager, bool in_wal, uint64_t from, uint64_t to)
{
    sb_cache *cache = &pager->cache;
    sb_mutex_lock(pager->cache_mutex);
    for (uint32_t i = 0; i < cache->count; i++) {
        const sb_cache_frame *frame = &cache->frames[i];
        const uint32_t pos = (uint32_t)frame->key_pgno_pos;
        const uint64_t place_in = in_wal ? pos : frame->key_pgno_pos >> 32;
        if (frame->used && frame->pins == 0 && (pos != 0) == in_wal && place_in >= from &&
            place_in < to)
            forget(pager, i);
    }
    sb_mutex_unlock(pager->cache_mutex);
}

void sb_pager__cache_drop_page(sb_pager *pager, sb_pgno pgno)
{
    sb_cache *cache = &pager->cache;
    const uint64_t key = (uint64_t)pgno << 32;
    sb_mutex_lock(pager->cache_mutex);
    uint32_t next = NO_FRAME;
    for (uint32_t i = *bucket_of(cache, key); i != NO_FRAME; i = next) {
        next = cache->frames[i].next;
        if (cache->frames[i].key_pgno_pos == key && cache->frames[i].pins == 0) forget(pager, i);
    }
    sb_mutex_unlock(pager->cache_mutex);
}

void sb_pager__cache_drop_main_from(sb_pager *pager, sb_pgno pgno)
{
    drop_range(pager, false, pgno, UINT64_MAX);
}
void sb_pager__cache_drop_wal_from(sb_pager *pager, uint32_t pos)
{
    drop_range(pager, true, pos, UINT64_MAX);
}
