/* private.c — a write transaction's own versions of pages: private buffers, savepoint undo, spill.
 *
 * A page that the transaction touched has one entry. Its version is a private buffer, a frame that was spilled
 * to the WAL, bytes in the main file past the extent (fresh), or none any more.
 * I12 A version made before the innermost savepoint is never changed: it moves to the undo list, and the
 *     page gets a new one. Spilling does not change a version, only where it is kept.
 * I13 What the WAL says last about a page within this transaction counts at commit. So a page whose
 *     version is not the one in its last frame (undone after a spill) is appended once more.
 * I14 Fresh pages lie at or past the extent of the last commit. No commit since the file was last cut has
 *     had a page there and no frame in the WAL names one, so writing them is seen by nobody.
 * I27 The bytes that a page has in the main file are not written again while a savepoint wants them: while one is open that is
 *     no newer than the one under which they were last put on the undo list.
 * I28 What the undo list holds in buffers is at most half of the transaction's memory: a savepoint is made when that much is in
 *     use at most. So past the budget there is always half of it to spill. */
#include "pager/pager_priv.h"

#define SB_FRESH_MIN                                                                               \
    32u /* fewer fresh pages than this cost less as frames than a second sync does */

/* Pages written between two questions to who watches: half a MiB of the usual size. */
#define PAGES_BETWEEN_ASKING 64u

/* ---- Entries and undo ------------------------------------------------------------------------ */

static sb_status grow(sb_txn *txn, void **array, size_t *capacity, size_t item_bytes, sb_err *err)
{
    const size_t more = *capacity == 0 ? 16 : 2 * *capacity;
    size_t bytes;
    if (!sb_mul_size(more, item_bytes, &bytes)) return SB_FAIL_NOMEM(err);
    void *grown = sb_resize(txn->pager->alloc, *array, *capacity * item_bytes, bytes);
    if (grown == NULL) return SB_FAIL_NOMEM(err);
    *array = grown;
    *capacity = more;
    return SB_OK;
}

static sb_status add_entry(sb_txn *txn, sb_pgno pgno, sb_own_page **page, sb_err *err)
{
    if (txn->page_count == txn->page_capacity) {
        void *array = txn->pages;
        SB_TRY(grow(txn, &array, &txn->page_capacity, sizeof *txn->pages, err));
        txn->pages = array;
    }
    if (sb_map_put(&txn->own, pgno, txn->page_count) != SB_OK) return SB_FAIL_NOMEM(err);
    sb_own_page *entry = &txn->pages[txn->page_count++];
    *entry = (sb_own_page){.pgno = pgno};
    entry->now.kind = pgno >= txn->base.extent ? SB_OWN_FRESH : SB_OWN_BASE;
    *page = entry;
    return SB_OK;
}

sb_status sb_pager__own_touch(sb_txn *txn, sb_pgno pgno, sb_own_page **page, uint8_t **spare,
                              sb_err *err)
{
    *spare = NULL;
    if (txn->undo_count == txn->undo_capacity && txn->level != 0) {
        void *array = txn->undo;
        SB_TRY(grow(txn, &array, &txn->undo_capacity, sizeof *txn->undo, err));
        txn->undo = array;
    }
    sb_own_page *entry = sb_pager__own_find(txn, pgno);
    if (entry == NULL) SB_TRY(add_entry(txn, pgno, &entry, err));
    txn->dirty = true;
    if (txn->level != 0 && entry->now.level < txn->level) {
        txn->undo[txn->undo_count++] =
            (sb_undo){.before = entry->now, .index = (uint32_t)(entry - txn->pages)};
        /* No savepoint knows of pages past its own end. */
        if (entry->now.kind == SB_OWN_FRESH &&
            pgno < txn->savepoints[txn->savepoint_count - 1].state.page_count)
            entry->fresh_wanted = txn->level;
    } else if (entry->now.kind == SB_OWN_PRIVATE) {
        *spare = entry->now.buffer;
    }
    entry->now.buffer = NULL;
    entry->now.level = txn->level;
    *page = entry;
    return SB_OK;
}

void sb_pager__own_undo(sb_txn *txn, size_t undo_count)
{
    while (txn->undo_count > undo_count) {
        const sb_undo *undo = &txn->undo[--txn->undo_count];
        sb_own_page *entry = &txn->pages[undo->index];
        if (entry->now.kind == SB_OWN_PRIVATE) sb_pager__buffer_give(txn, entry->now.buffer);
        entry->now = undo->before;
    }
}

void sb_pager__own_merge(sb_txn *txn, size_t undo_count, uint32_t outer)
{
    size_t kept = undo_count;
    for (size_t i = undo_count; i < txn->undo_count; i++) {
        const sb_undo undo = txn->undo[i];
        /* The outer savepoint wants it only if it is older than that one. */
        if (outer != 0 && undo.before.level < outer) {
            txn->undo[kept++] = undo;
        } else if (undo.before.kind == SB_OWN_PRIVATE) {
            sb_pager__buffer_give(txn, undo.before.buffer);
        }
    }
    txn->undo_count = kept;
}

void sb_pager__own_clear(sb_txn *txn)
{
    sb_pager *pager = txn->pager;
    sb_pager__own_merge(txn, 0, 0);
    /* A table that a larger transaction left is not cleared whole for a few pages. */
    const bool few = txn->page_count < txn->own.capacity / 16;
    for (size_t i = 0; i < txn->page_count; i++) {
        if (txn->pages[i].now.kind == SB_OWN_PRIVATE)
            sb_pager__buffer_give(txn, txn->pages[i].now.buffer);
        if (few) (void)sb_map_remove(&txn->own, txn->pages[i].pgno);
    }
    txn->page_count = 0;
    /* After a large transaction its tables go, so that small ones do not clear them each time. */
    if (txn->own.capacity > 4096) {
        sb_map_deinit(&txn->own);
        sb_map_init(&txn->own, pager->alloc);
    } else {
        sb_map_clear(&txn->own);
    }
    if (txn->page_capacity > 4096) {
        sb_free(pager->alloc, txn->pages, txn->page_capacity * sizeof *txn->pages);
        txn->pages = NULL;
        txn->page_capacity = 0;
    }
    if (txn->undo_capacity > 4096) {
        sb_free(pager->alloc, txn->undo, txn->undo_capacity * sizeof *txn->undo);
        txn->undo = NULL;
        txn->undo_capacity = 0;
    }
    sb_pager__buffers_keep(txn->session, SB_POOL_KEEP);
}

/* ---- Front door: changing pages -------------------------------------------------------------- */

sb_status sb_page_mut(sb_txn *txn, sb_pgno pgno, uint8_t **bytes, sb_err *err)
{
    *bytes = NULL;
    SB_ASSERT(txn->active && txn->writable);
    sb_own_page *entry = sb_pager__own_find(txn, pgno);
    if (entry != NULL && entry->now.kind == SB_OWN_PRIVATE && entry->now.level >= txn->level) {
        *bytes = entry->now.buffer;
        return SB_OK;
    }
    sb_page old;
    uint8_t *buffer = NULL, *spare = NULL;
    SB_TRY(sb_pager__buffer_take(txn, &buffer, err));
    sb_status st = sb_page_acquire(txn, pgno, &old, err);
    if (st == SB_OK) {
        memcpy(buffer, old.bytes, txn->pager->page_bytes);
        sb_page_release(txn, &old);
        st = sb_pager__own_touch(txn, pgno, &entry, &spare, err);
    }
    if (st != SB_OK) {
        sb_pager__buffer_give(txn, buffer);
        return st;
    }
    entry->now.kind = SB_OWN_PRIVATE;
    entry->now.buffer = buffer;
    if (spare != NULL) sb_pager__buffer_give(txn, spare);
    SB_PROFILE_ADD(txn->pager->options.profile, PAGES_COPIED, 1);
    *bytes = buffer;
    return SB_OK;
}

/* ---- Writing fresh pages to the main file ---------------------------------------------------- */

/* Is a savepoint open that is no newer than level, under which something was put on the undo list? 0: nothing was. */
static bool is_wanted(const sb_txn *txn, uint32_t level)
{
    return txn->savepoint_count != 0 && txn->savepoints[0].id <= level;
}

static bool wants_fresh(const sb_txn *txn, const sb_own_page *entry)
{
    return entry->now.kind == SB_OWN_PRIVATE && entry->pgno >= txn->base.extent &&
           entry->pgno < txn->now.page_count && entry->last_pos == 0 &&
           !is_wanted(txn, entry->fresh_wanted);
}

static size_t count_fresh(const sb_txn *txn)
{
    size_t count = 0;
    for (size_t i = 0; i < txn->page_count; i++)
        count += wants_fresh(txn, &txn->pages[i]);
    return count;
}

/* From now on the main file may hold pages of the transaction. */
static sb_status begin_fresh(sb_txn *txn, sb_err *err)
{
    if (txn->fresh_written) return SB_OK;
    SB_TRY(sb_pager__header_ours(txn->pager, err));
    SB_TRY(sb_pager__begin_unsynced(txn->pager, err));
    txn->main_failures = sb_pager__main_failures(txn->pager);
    SB_TRY(sb_pager__stamps_begin(txn, err));
    txn->fresh_written = true;
    return SB_OK;
}

static sb_status write_run(sb_txn *txn, sb_pgno first, sb_err *err)
{
    sb_session *session = txn->session;
    sb_pager *pager = txn->pager;
    if (session->piece_count == 0) return SB_OK;
    sb_file *file = pager->main_file;
    SB_TRY(begin_fresh(txn, err));
    const sb_status st = file->ops->write(file, (uint64_t)first << pager->page_shift,
                                          session->pieces, session->piece_count, err);
    SB_PROFILE_ADD(pager->options.profile, PAGES_BYPASSED, session->piece_count);
    session->piece_count = 0;
    return st;
}

/* order: page numbers and entry indexes, sorted. */
static sb_status write_fresh_sorted(sb_txn *txn, const sb_pair *order, size_t count, sb_err *err)
{
    sb_session *session = txn->session;
    sb_pager *pager = txn->pager;
    sb_pgno first = 0, next = 0;
    session->piece_count = 0;
    for (size_t i = 0; i < count; i++) {
        const sb_pgno pgno = (sb_pgno)order[i].key;
        uint8_t *page = txn->pages[order[i].value].now.buffer;
        if (i % PAGES_BETWEEN_ASKING == PAGES_BETWEEN_ASKING - 1)
            SB_TRY(sb_pager__ask(&session->watch, i, count, err));
        if (session->piece_count != 0 && (pgno != next || session->piece_count == SB_WAL_BATCH))
            SB_TRY(write_run(txn, first, err));
        if (session->piece_count == 0) first = pgno;
        sb_store_le32(page + SB_PAGE_CRC, sb_pager__page_crc(page, pager->page_bytes, pgno));
        session->pieces[session->piece_count++] =
            (sb_io_piece){.data = page, .bytes = pager->page_bytes};
        next = pgno + 1;
    }
    return write_run(txn, first, err);
}

static sb_status write_fresh_pages(sb_txn *txn, size_t count, sb_err *err)
{
    sb_pager *pager = txn->pager;
    if (count == 0) return SB_OK;
    sb_pair *order = sb_alloc_array(pager->alloc, 2 * count, sizeof *order);
    if (order == NULL) return SB_FAIL_NOMEM(err);
    size_t used = 0;
    for (size_t i = 0; i < txn->page_count; i++)
        if (wants_fresh(txn, &txn->pages[i]))
            order[used++] = (sb_pair){.key = txn->pages[i].pgno, .value = i};
    sb_pairs_sort(order, order + count, used);
    const sb_status st = write_fresh_sorted(txn, order, used, err);
    for (size_t i = 0; i < used && st == SB_OK; i++) {
        sb_own_page *entry = &txn->pages[order[i].value];
        sb_pager__buffer_give(txn, entry->now.buffer);
        entry->now.buffer = NULL;
        entry->now.kind = SB_OWN_FRESH;
        sb_pager__checked_clear(pager, entry->pgno);
    }
    sb_free(pager->alloc, order, 2 * count * sizeof *order);
    return st;
}

sb_status sb_page_alloc_run(sb_txn *txn, uint32_t count, sb_pgno *first, sb_err *err)
{
    *first = 0;
    SB_ASSERT(txn->active && txn->writable);
    if (count > SB_PGNO_MAX - txn->now.page_count)
        return SB_FAIL(err, SB_LIMIT, "%s is at its limit of %u pages", txn->pager->path,
                       SB_PGNO_MAX);
    *first = txn->now.page_count;
    txn->now.page_count += count;
    if (txn->now.page_count > txn->high_count) txn->high_count = txn->now.page_count;
    if (count != 0) txn->dirty = true;
    /* Entries that a rolled-back savepoint left for these numbers show nothing of before. */
    sb_pager__checked_clear_from(txn->pager, *first < txn->base.extent ? txn->base.extent : *first,
                                 txn->now.page_count);
    return SB_OK;
}

static sb_status copy_in(sb_txn *txn, sb_pgno pgno, const uint8_t *from, sb_err *err)
{
    sb_own_page *entry = NULL;
    uint8_t *spare = NULL, *buffer = NULL;
    SB_TRY(sb_pager__buffer_take(txn, &buffer, err));
    const sb_status st = sb_pager__own_touch(txn, pgno, &entry, &spare, err);
    if (st != SB_OK) {
        sb_pager__buffer_give(txn, buffer);
        return st;
    }
    memcpy(buffer, from, txn->pager->page_bytes);
    entry->now.kind = SB_OWN_PRIVATE;
    entry->now.buffer = buffer;
    if (spare != NULL) sb_pager__buffer_give(txn, spare);
    return SB_OK;
}

/* Pages that the transaction already has an entry for, though fresh, keep it up to date. */
static sb_status mark_fresh(sb_txn *txn, sb_pgno pgno, sb_err *err)
{
    uint8_t *spare = NULL;
    sb_own_page *entry = sb_pager__own_find(txn, pgno);
    if (entry == NULL) return SB_OK;
    SB_TRY(sb_pager__own_touch(txn, pgno, &entry, &spare, err));
    if (spare != NULL) sb_pager__buffer_give(txn, spare);
    entry->now.kind = SB_OWN_FRESH;
    return SB_OK;
}

sb_status sb_page_write_fresh(sb_txn *txn, sb_pgno first, uint8_t *pages, uint32_t count,
                              sb_err *err)
{
    sb_pager *pager = txn->pager;
    SB_ASSERT(txn->active && txn->writable && first != 0 && count <= txn->now.page_count - first);
    /* Below this, older commits or an open savepoint know the pages: they take the ordinary way. */
    sb_pgno direct = txn->base.extent;
    if (txn->savepoint_count != 0) {
        const sb_pgno known = txn->savepoints[txn->savepoint_count - 1].state.page_count;
        if (known > direct) direct = known;
    }
    while (count > 0 && first < direct) {
        SB_TRY(copy_in(txn, first, pages, err));
        first++;
        count--;
        pages += pager->page_bytes;
        SB_TRY(sb_txn_spill(txn, err));
    }
    if (count == 0) return SB_OK;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *page = pages + (size_t)i * pager->page_bytes;
        SB_TRY(mark_fresh(txn, first + i, err));
        sb_store_le32(page + SB_PAGE_CRC, sb_pager__page_crc(page, pager->page_bytes, first + i));
    }
    sb_file *file = pager->main_file;
    SB_TRY(begin_fresh(txn, err));
    txn->dirty = true;
    SB_TRY(sb_file_write_all(file, (uint64_t)first << pager->page_shift, pages,
                             (size_t)count * pager->page_bytes, err));
    SB_PROFILE_ADD(pager->options.profile, PAGES_BYPASSED, count);
    for (uint32_t i = 0; i < count; i++)
        sb_pager__checked_clear(pager, first + i);
    return SB_OK;
}

/* ---- Writing to the WAL ---------------------------------------------------------------------- */

/* Does the page's last word in the WAL say something else than its version (I13)? */
static bool is_stale_in_wal(const sb_own_page *entry)
{
    switch (entry->now.kind) {
    case SB_OWN_SPILLED: return entry->now.pos != entry->last_pos;
    case SB_OWN_BASE:
    case SB_OWN_FRESH: return entry->last_pos != 0;
    case SB_OWN_PRIVATE:
    case SB_OWN_FREED:
    default: return false;
    }
}

static sb_status bring_back(sb_txn *txn, sb_own_page *entry, sb_err *err)
{
    sb_page page;
    uint8_t *buffer = NULL;
    SB_TRY(sb_pager__buffer_take(txn, &buffer, err));
    const sb_status st = sb_page_acquire(txn, entry->pgno, &page, err);
    if (st != SB_OK) {
        sb_pager__buffer_give(txn, buffer);
        return st;
    }
    memcpy(buffer, page.bytes, txn->pager->page_bytes);
    sb_page_release(txn, &page);
    entry->now.kind = SB_OWN_PRIVATE;
    entry->now.buffer = buffer;
    return SB_OK;
}

static sb_status append_private(sb_txn *txn, sb_err *err)
{
    uint64_t written = 0;
    for (size_t i = 0; i < txn->page_count; i++) {
        sb_own_page *entry = &txn->pages[i];
        if (entry->now.kind != SB_OWN_PRIVATE || entry->pgno >= txn->now.page_count) continue;
        if (++written % PAGES_BETWEEN_ASKING == 0)
            SB_TRY(sb_pager__ask(&txn->session->watch, written, txn->page_count, err));
        SB_TRY(sb_pager__append_page(txn, entry->pgno, entry->now.buffer, &entry->now.pos, err));
    }
    return SB_OK;
}

static sb_status spill_all(sb_txn *txn, sb_err *err)
{
    SB_TRY(write_fresh_pages(txn, count_fresh(txn), err));
    bool any = false;
    for (size_t i = 0; i < txn->page_count && !any; i++)
        any = txn->pages[i].now.kind == SB_OWN_PRIVATE && txn->pages[i].pgno < txn->now.page_count;
    if (!any) return SB_OK;
    SB_TRY(sb_pager__append_begin(txn, err));
    const sb_wal_tail before = txn->tail;
    txn->appended_any = true;
    sb_status st = append_private(txn, err);
    if (st == SB_OK) st = sb_pager__append_end(txn, err);
    if (st != SB_OK) {
        txn->tail = before; /* the frames are written again next time */
        return st;
    }
    for (size_t i = 0; i < txn->page_count; i++) {
        sb_own_page *entry = &txn->pages[i];
        if (entry->now.kind != SB_OWN_PRIVATE || entry->pgno >= txn->now.page_count) continue;
        sb_pager__buffer_give(txn, entry->now.buffer);
        entry->now.buffer = NULL;
        entry->now.kind = SB_OWN_SPILLED;
        entry->last_pos = entry->now.pos;
        SB_PROFILE_ADD(txn->pager->options.profile, PAGES_SPILLED, 1);
    }
    return SB_OK;
}

sb_status sb_pager__own_spill(sb_txn *txn, uint64_t bytes, sb_err *err)
{
    if (SB_LIKELY(txn->buffers * (uint64_t)txn->pager->page_bytes <= bytes)) return SB_OK;
    /* A child after fork would write where the parent writes. */
    SB_TRY(sb_pager_same_process(txn->pager, err));
    return spill_all(txn, err);
}

sb_status sb_txn_spill(sb_txn *txn, sb_err *err)
{
    SB_ASSERT(txn->active && txn->writable);
    return sb_pager__own_spill(txn, sb_pager_txn_memory(txn->pager), err);
}

/* The page table gets room for what was appended, so that nothing can fail once the commit is written. */
static sb_status reserve_index(sb_txn *txn, sb_err *err)
{
    sb_pager *pager = txn->pager;
    sb_status st = SB_OK;
    sb_mutex_lock(pager->index_mutex);
    for (size_t i = 0; i < txn->page_count && st == SB_OK; i++) {
        const sb_own_page *entry = &txn->pages[i];
        const uint32_t pos = entry->now.kind == SB_OWN_PRIVATE ? entry->now.pos : entry->last_pos;
        if (pos != 0) st = sb_pager__index_reserve(pager, entry->pgno, pos, err);
    }
    sb_mutex_unlock(pager->index_mutex);
    return st;
}

/* The private pages and the commit frame. */
static sb_status append_all(sb_txn *txn, sb_err *err)
{
    SB_TRY(sb_pager__append_begin(txn, err));
    txn->appended_any = true;
    SB_TRY(append_private(txn, err));
    SB_TRY(sb_pager__append_commit(txn, &txn->now, err));
    SB_TRY(reserve_index(txn, err));
    return sb_pager__append_end(txn, err);
}

sb_status sb_pager__own_commit(sb_txn *txn, sb_err *err)
{
    sb_pager *pager = txn->pager;
    for (size_t i = 0; i < txn->page_count && txn->appended_any; i++) {
        sb_own_page *entry = &txn->pages[i];
        if (entry->pgno < txn->now.page_count && is_stale_in_wal(entry))
            SB_TRY(bring_back(txn, entry, err));
    }
    const size_t fresh = count_fresh(txn);
    if (fresh >= SB_FRESH_MIN || txn->fresh_written) SB_TRY(write_fresh_pages(txn, fresh, err));
    if (txn->fresh_written) SB_TRY(sb_pager__stamp_bypass(txn, err));
    /* The commit frame may not reach the disk before what it makes reachable (DESIGN §9 rule 2). */
    if (txn->fresh_written && sb_pager__is_settled(pager))
        SB_TRY(sb_pager__sync_main(pager, txn->main_failures, err));
    const bool spilled = txn->appended_any;
    sb_status st = append_all(txn, err);
    if (st == SB_FULL && !spilled && sb_pager__wal_make_room(txn)) {
        if (err != NULL) sb_err_clear(err);
        st = append_all(txn, err);
    }
    if (st != SB_OK) return st;
    for (size_t i = 0; i < txn->page_count; i++) {
        sb_own_page *entry = &txn->pages[i];
        if (entry->now.kind == SB_OWN_PRIVATE && entry->pgno < txn->now.page_count)
            entry->last_pos = entry->now.pos;
    }
    return SB_OK;
}
