/* read.c — reading pages: from the transaction's own versions, the WAL, the main file.
 * In mapped mode a page is a pointer into a map; the first touch of a version in a process reads it with
 * a call (which fails where a map would fault) and checks it whole. In cache mode it is a pinned frame. */
#include "pager/pager_priv.h"

static sb_status check_trunk(sb_pager *pager, sb_pgno pgno, const uint8_t *bytes, sb_err *err)
{
    const uint32_t count = sb_load_le32(bytes + SB_PAGE_COMMON + 4);
    SB_CHECK_PAGE(err, pgno, count <= (pager->page_bytes - SB_PAGE_COMMON - 8) / 4);
    return SB_OK;
}

sb_status sb_pager__check_page(sb_pager *pager, sb_pgno pgno, const uint8_t *bytes, sb_err *err)
{
    const uint32_t crc = sb_pager__page_crc(bytes, pager->page_bytes, pgno);
    SB_PROFILE_ADD(pager->options.profile, PAGES_CHECKED, 1);
    if (crc != sb_load_le32(bytes + SB_PAGE_CRC))
        return SB_FAIL_PAGE(err, pgno, "page %u of %s has a wrong checksum", pgno, pager->path);
    if (bytes[SB_PAGE_KIND] == SB_PAGE_FREE) return check_trunk(pager, pgno, bytes, err);
    if (pager->options.check == NULL) return SB_OK;
    return pager->options.check(pager->options.check_ctx, bytes, pager->page_bytes, pgno, err);
}

/* ---- Checked bits ---------------------------------------------------------------------------- */

static bool checked_get(sb_pager *pager, sb_pgno pgno)
{
    const _Atomic uint32_t *word = sb_table_at(&pager->checked, pgno / 32);
    return word != NULL &&
           (atomic_load_explicit(word, memory_order_relaxed) >> (pgno % 32) & 1u) != 0;
}

void sb_pager__checked_set_locked(sb_pager *pager, sb_pgno pgno)
{
    /* benign when there is no memory: the page is checked again next time */
    if (sb_table_reserve(&pager->checked, pgno / 32, NULL) != SB_OK) return;
    atomic_fetch_or_explicit(sb_table_at(&pager->checked, pgno / 32), 1u << (pgno % 32),
                             memory_order_relaxed);
}

static void checked_set(sb_pager *pager, sb_pgno pgno)
{
    _Atomic uint32_t *word = sb_table_at(&pager->checked, pgno / 32);
    if (SB_LIKELY(word != NULL)) {
        atomic_fetch_or_explicit(word, 1u << (pgno % 32), memory_order_relaxed);
        return;
    }
    sb_mutex_lock(pager->index_mutex);
    sb_pager__checked_set_locked(pager, pgno);
    sb_mutex_unlock(pager->index_mutex);
}

void sb_pager__checked_clear(sb_pager *pager, sb_pgno pgno)
{
    _Atomic uint32_t *word = sb_table_at(&pager->checked, pgno / 32);
    if (word != NULL) atomic_fetch_and_explicit(word, ~(1u << (pgno % 32)), memory_order_relaxed);
    if (pager->read_mode == SB_READ_CACHE) sb_pager__cache_drop_page(pager, pgno);
}

void sb_pager__checked_clear_from(sb_pager *pager, sb_pgno first, sb_pgno end)
{
    /* wider than a page's number, which the end of the last chunk does not fit */
    for (uint64_t pgno = first; pgno < end; pgno++) {
        _Atomic uint32_t *word = sb_table_at(&pager->checked, pgno / 32);
        if (word == NULL) {
            pgno |= SB_TABLE_CHUNK * 32 - 1; /* nothing in this chunk */
            continue;
        }
        atomic_fetch_and_explicit(word, ~(1u << (pgno % 32)), memory_order_relaxed);
    }
    if (pager->read_mode == SB_READ_CACHE) sb_pager__cache_drop_main_from(pager, first);
}

/* ---- One version of a page ------------------------------------------------------------------- */

sb_status sb_pager__read_bytes(sb_pager *pager, sb_pgno pgno, uint32_t pos, uint8_t *out,
                               sb_err *err)
{
    sb_file *file = pos == 0 ? pager->main_file : pager->wal_file;
    const uint64_t offset =
        pos == 0 ? (uint64_t)pgno << pager->page_shift : (uint64_t)(pos + 1) * SB_WAL_UNIT;
    size_t got = 0;
    SB_TRY(file->ops->read(file, offset, out, pager->page_bytes, &got, err));
    SB_PROFILE_ADD(pager->options.profile, PAGES_READ, 1);
    if (got < pager->page_bytes)
        return SB_FAIL_PAGE(err, pgno, "page %u of %s lies past the end of the file", pgno,
                            pos == 0 ? pager->path : pager->wal_path);
    return SB_OK;
}

static sb_status first_touch(sb_txn *txn, sb_pgno pgno, uint32_t pos, sb_err *err)
{
    sb_pager *pager = txn->pager;
    uint8_t *buffer = NULL;
    SB_TRY(sb_pager__buffer_take(txn, &buffer, err));
    sb_status st = sb_pager__read_bytes(pager, pgno, pos, buffer, err);
    if (st == SB_OK) st = sb_pager__check_page(pager, pgno, buffer, err);
    sb_pager__buffer_give(txn, buffer);
    if (st != SB_OK) return st;
    if (pos == 0)
        checked_set(pager, pgno);
    else
        atomic_store_explicit(sb_pager__index_frame(&pager->index, pos) + SB_INDEX_CHECKED, 1,
                              memory_order_relaxed);
    return SB_OK;
}

static sb_status read_cached(sb_txn *txn, sb_pgno pgno, uint32_t pos, sb_page *page, sb_err *err)
{
    sb_pager *pager = txn->pager;
    sb_cache_frame *frame = NULL;
    bool loaded = false;
    SB_TRY(sb_pager__cache_get(pager, pgno, pos, &frame, &loaded, err));
    if (!loaded) {
        sb_status st = sb_pager__read_bytes(pager, pgno, pos, frame->bytes, err);
        if (st == SB_OK) st = sb_pager__check_page(pager, pgno, frame->bytes, err);
        sb_pager__cache_filled(pager, frame, st == SB_OK);
        if (st != SB_OK) return st;
    }
    page->bytes = frame->bytes;
    page->pin = frame;
    return SB_OK;
}

sb_status sb_pager__read_version(sb_txn *txn, sb_pgno pgno, uint32_t pos, bool own, sb_page *page,
                                 sb_err *err)
{
    sb_pager *pager = txn->pager;
    page->pin = NULL;
    if (pager->read_mode == SB_READ_CACHE) return read_cached(txn, pgno, pos, page, err);
    if (pos == 0) {
        if (SB_UNLIKELY(!checked_get(pager, pgno))) SB_TRY(first_touch(txn, pgno, 0, err));
        return sb_map_file_at(&pager->main_map, (uint64_t)pgno << pager->page_shift, &page->bytes,
                              err);
    }
    /* A frame that this transaction wrote itself was whole when the write returned. */
    if (!own && SB_UNLIKELY(atomic_load_explicit(sb_pager__index_frame(&pager->index, pos) +
                                                     SB_INDEX_CHECKED,
                                                 memory_order_relaxed) == 0))
        SB_TRY(first_touch(txn, pgno, pos, err));
    return sb_map_file_at(&pager->wal_map, (uint64_t)(pos + 1) * SB_WAL_UNIT, &page->bytes, err);
}

sb_status sb_pager__read_base(sb_txn *txn, sb_pgno pgno, sb_page *page, sb_err *err)
{
    uint32_t pos = 0;
    if (!txn->main_only)
        pos = sb_pager__index_find(&txn->pager->index, pgno, sb_mark_pos(txn->mark));
    return sb_pager__read_version(txn, pgno, pos, false, page, err);
}

/* ---- Front door ------------------------------------------------------------------------------ */

static SB_COLD sb_status outside_error(const sb_txn *txn, sb_pgno pgno, sb_err *err)
{
    return SB_FAIL_PAGE(err, pgno, "page %u is outside of %s, which has %u pages", pgno,
                        txn->pager->path, txn->now.page_count);
}

static sb_status read_own(sb_txn *txn, const sb_own_page *own, sb_page *page, sb_err *err)
{
    switch (own->now.kind) {
    case SB_OWN_PRIVATE:
        page->bytes = own->now.buffer;
        page->pin = NULL;
        return SB_OK;
    case SB_OWN_SPILLED:
        return sb_pager__read_version(txn, own->pgno, own->now.pos, true, page, err);
    case SB_OWN_FRESH: return sb_pager__read_version(txn, own->pgno, 0, true, page, err);
    case SB_OWN_FREED:
        return SB_FAIL_PAGE(err, own->pgno, "page %u was freed in this transaction", own->pgno);
    case SB_OWN_BASE:
    default: return sb_pager__read_base(txn, own->pgno, page, err);
    }
}

sb_status sb_page_acquire(sb_txn *txn, sb_pgno pgno, sb_page *page, sb_err *err)
{
    page->bytes = NULL;
    page->pin = NULL;
    SB_ASSERT(txn->active);
    if (SB_UNLIKELY(pgno == 0 || pgno >= txn->now.page_count)) return outside_error(txn, pgno, err);
    if (txn->writable) {
        const sb_own_page *own = sb_pager__own_find(txn, pgno);
        if (own != NULL) return read_own(txn, own, page, err);
        if (pgno >= txn->base.extent) return sb_pager__read_version(txn, pgno, 0, true, page, err);
    }
    return sb_pager__read_base(txn, pgno, page, err);
}

void sb_page_release(sb_txn *txn, sb_page *page)
{
    if (page->pin != NULL) sb_pager__cache_unpin(txn->pager, page->pin);
    page->bytes = NULL;
    page->pin = NULL;
}

void sb_page_prefetch(sb_txn *txn, const sb_pgno *pgnos, size_t count)
{
    sb_pager *pager = txn->pager;
    if (pager->read_mode == SB_READ_CACHE) return;
    for (size_t i = 0; i < count; i++) {
        const sb_pgno pgno = pgnos[i];
        if (pgno == 0 || pgno >= txn->now.page_count) continue;
        if (!txn->main_only &&
            sb_pager__index_find(&pager->index, pgno, sb_mark_pos(txn->mark)) != 0)
            continue;
        const uint64_t offset = (uint64_t)pgno << pager->page_shift;
        const uint8_t *address = NULL;
        if (!checked_get(pager, pgno)) {
            /* Not touched yet, so it may not be in memory: have it read. */
            sb_file *file = pager->main_file;
            file->ops->advise(file, offset, pager->page_bytes, true);
        } else if (sb_map_file_at(&pager->main_map, offset, &address, NULL) == SB_OK) {
            SB_PREFETCH(address);
        }
    }
}
