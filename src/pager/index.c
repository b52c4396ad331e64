/* index.c — the page table of the WAL: page → newest frame, frame → the page's frame before it.
 *
 * It is private to the process and made by reading frame headers up to `appended`, so nothing that another
 * process does, or fails to do when killed, can damage it. Readers walk it without a lock.
 * I4  Words for a position are written before the position is put into `newest` (release), and never
 *     changed until the generation ends. A reader with a mark steps back past newer frames.
 * I5  The table is reset for a new generation only when nobody in any process reads the WAL (I7 in
 *     checkpoint.c), so no walk meets a reset.
 * I6  A checked bit says: the main file's bytes of this page, as they are since the last back-fill, were
 *     checked in this process (or made in it). A back-fill writes a page only when no live reader takes it
 *     from the main file, and each transaction first forgets the bits of what others have back-filled
 *     before it began. */
#include "pager/pager_priv.h"

void sb_pager__index_init(sb_pager *pager)
{
    sb_index *index = &pager->index;
    sb_table_init(&index->newest, pager->alloc);
    sb_table_init(&index->frames, pager->alloc);
    index->frame_shift = pager->page_shift - 6;
}

void sb_pager__index_deinit(sb_pager *pager)
{
    sb_table_deinit(&pager->index.newest);
    sb_table_deinit(&pager->index.frames);
}

sb_status sb_pager__index_reserve(sb_pager *pager, sb_pgno pgno, uint32_t pos, sb_err *err)
{
    sb_index *index = &pager->index;
    SB_TRY(sb_table_reserve(&index->newest, pgno, err));
    return sb_table_reserve(&index->frames, (uint64_t)(pos >> index->frame_shift) * SB_INDEX_WORDS,
                            err);
}

void sb_pager__index_put(sb_pager *pager, sb_pgno pgno, uint32_t pos, bool checked)
{
    sb_index *index = &pager->index;
    _Atomic uint32_t *newest = sb_table_at(&index->newest, pgno);
    _Atomic uint32_t *frame = sb_pager__index_frame(index, pos);
    const uint32_t before = atomic_load_explicit(newest, memory_order_relaxed);
    if (before >= pos) return; /* taken in by an attempt that failed later on */
    atomic_store_explicit(frame + SB_INDEX_PREV, before, memory_order_relaxed);
    atomic_store_explicit(frame + SB_INDEX_PGNO, pgno, memory_order_relaxed);
    atomic_store_explicit(frame + SB_INDEX_CHECKED, checked, memory_order_relaxed);
    const uint32_t cell = pos >> index->frame_shift;
    if (cell >= index->cells) index->cells = cell + 1;
    index->page_frames++;
    /* Release: pairs with the acquire in sb_pager__index_find (I4). */
    atomic_store_explicit(newest, pos, memory_order_release);
}

void sb_pager__index_reset(sb_pager *pager, const sb_wal_tail *tail)
{
    sb_index *index = &pager->index;
    for (uint32_t cell = 0; cell < index->cells; cell++) {
        _Atomic uint32_t *frame = sb_table_at(&index->frames, (uint64_t)cell * SB_INDEX_WORDS);
        if (frame == NULL) continue;
        const uint32_t pgno = atomic_load_explicit(frame + SB_INDEX_PGNO, memory_order_relaxed);
        if (pgno == 0) continue;
        atomic_store_explicit(sb_table_at(&index->newest, pgno), 0, memory_order_relaxed);
        atomic_store_explicit(frame + SB_INDEX_PGNO, 0, memory_order_relaxed);
    }
    index->cells = 0;
    index->page_frames = 0;
    index->tail = *tail;
    if (pager->read_mode == SB_READ_CACHE) sb_pager__cache_drop_wal_from(pager, 1);
    atomic_store_explicit(&index->mark, sb_mark_of(tail->generation, tail->pos),
                          memory_order_release);
}

sb_pgno sb_pager__index_last_page(sb_pager *pager)
{
    sb_index *index = &pager->index;
    sb_pgno last = 0;
    sb_mutex_lock(pager->index_mutex);
    for (uint32_t cell = 0; cell < index->cells; cell++) {
        const _Atomic uint32_t *frame =
            sb_table_at(&index->frames, (uint64_t)cell * SB_INDEX_WORDS);
        const sb_pgno pgno =
            frame == NULL ? 0 : atomic_load_explicit(frame + SB_INDEX_PGNO, memory_order_relaxed);
        if (pgno > last) last = pgno;
    }
    sb_mutex_unlock(pager->index_mutex);
    return last;
}

/* Begin with the generation's header block. */
static sb_status open_generation(sb_pager *pager, sb_mark mark, sb_err *err)
{
    uint8_t block[SB_WAL_USED];
    sb_state_id base;
    sb_wal_tail tail = {.generation = sb_mark_generation(mark), .pos = SB_WAL_START};
    if (sb_mark_pos(mark) > SB_WAL_START) {
        bool opened = false, valid = false;
        SB_TRY(sb_pager__wal_open(pager, false, &opened, err));
        if (!opened)
            return SB_FAIL(err, SB_CORRUPT, "%s is gone while the database is in use",
                           pager->wal_path);
        SB_TRY(sb_file_read_all(pager->wal_file, 0, block, sizeof block, err));
        SB_TRY(sb_pager__wal_header_decode(pager, block, &tail, &base, &valid, err));
        if (!valid || tail.generation != sb_mark_generation(mark))
            return SB_FAIL(err, SB_CORRUPT, "%s: its header was changed from outside",
                           pager->wal_path);
    }
    sb_pager__index_reset(pager, &tail);
    return SB_OK;
}

sb_status sb_pager__index_catch_up_locked(sb_pager *pager, sb_mark mark, sb_err *err)
{
    sb_index *index = &pager->index;
    uint8_t block[SB_FRAME_BYTES];
    sb_frame frame;
    if (atomic_load_explicit(&index->mark, memory_order_relaxed) >= mark) return SB_OK;
    if (index->tail.generation != sb_mark_generation(mark) || index->tail.pos == SB_WAL_START)
        SB_TRY(open_generation(pager, mark, err));
    sb_wal_tail tail = index->tail;
    while (tail.pos < sb_mark_pos(mark)) {
        const uint32_t pos = tail.pos;
        SB_TRY(sb_file_read_all(pager->wal_file, (uint64_t)pos * SB_WAL_UNIT, block, sizeof block,
                                err));
        if (!sb_pager__frame_decode(pager, block, &tail, &frame))
            return SB_FAIL(err, SB_CORRUPT, "%s: frame at position %u is damaged", pager->wal_path,
                           pos);
        if (frame.kind != SB_FRAME_PAGE) continue;
        SB_TRY(sb_pager__index_reserve(pager, frame.pgno, pos, err));
        sb_pager__index_put(pager, frame.pgno, pos, false);
    }
    if (tail.pos != sb_mark_pos(mark))
        return SB_FAIL(err, SB_CORRUPT, "%s: no frame ends at position %u", pager->wal_path,
                       sb_mark_pos(mark));
    index->tail = tail;
    atomic_store_explicit(&index->mark, mark, memory_order_release);
    return SB_OK;
}

/* Forget the bits of pages whose frames lie in [from, to); keep_own: but take over those of their frames. */
static void forget_checks(sb_pager *pager, uint32_t from, uint32_t to, bool keep_own)
{
    const sb_index *index = &pager->index;
    for (uint32_t cell = from >> index->frame_shift; cell <= (to - 1) >> index->frame_shift;
         cell++) {
        const _Atomic uint32_t *frame =
            sb_table_at(&index->frames, (uint64_t)cell * SB_INDEX_WORDS);
        if (frame == NULL) continue;
        const uint32_t pgno = atomic_load_explicit(frame + SB_INDEX_PGNO, memory_order_relaxed);
        if (pgno == 0) continue;
        const uint32_t pos = keep_own ? sb_pager__index_find(index, pgno, to) : 0;
        const bool good =
            pos != 0 && atomic_load_explicit(sb_pager__index_frame(index, pos) + SB_INDEX_CHECKED,
                                             memory_order_relaxed) != 0;
        sb_pager__checked_clear(pager, pgno);
        if (good) sb_pager__checked_set_locked(pager, pgno);
    }
}

void sb_pager__index_own_backfill_locked(sb_pager *pager, sb_mark from, sb_mark to)
{
    const sb_mark seen = atomic_load_explicit(&pager->seen_backfilled, memory_order_relaxed);
    if (seen == from && sb_mark_generation(from) == sb_mark_generation(to)) {
        forget_checks(pager, sb_mark_pos(from), sb_mark_pos(to), true);
        atomic_store_explicit(&pager->seen_backfilled, to, memory_order_release);
    } else {
        sb_pager__index_see_backfill_locked(pager, to);
    }
}

void sb_pager__index_see_backfill_locked(sb_pager *pager, sb_mark backfilled)
{
    const sb_mark seen = atomic_load_explicit(&pager->seen_backfilled, memory_order_relaxed);
    if (backfilled <= seen) return;
    if (sb_mark_generation(seen) == sb_mark_generation(backfilled) &&
        pager->index.tail.generation == sb_mark_generation(backfilled) &&
        pager->index.tail.pos >= sb_mark_pos(backfilled)) {
        forget_checks(pager, sb_mark_pos(seen), sb_mark_pos(backfilled), false);
    } else {
        sb_table_zero(&pager->checked);
        if (pager->read_mode == SB_READ_CACHE) sb_pager__cache_drop_main_from(pager, 0);
    }
    /* Release: pairs with the acquire at the start of transactions; the cleared bits are visible. */
    atomic_store_explicit(&pager->seen_backfilled, backfilled, memory_order_release);
}

sb_status sb_pager__index_catch_up(sb_pager *pager, sb_mark mark, bool main_only,
                                   sb_mark backfilled, sb_err *err)
{
    sb_mutex_lock(pager->index_mutex);
    sb_status st = SB_OK;
    if (!main_only) {
        st = sb_pager__index_catch_up_locked(pager, mark, err);
    } else if (sb_mark_generation(backfilled) == pager->index.tail.generation) {
        /* Knowing the frames saves checking all pages again. benign: another process may restart the
         * WAL meanwhile, the chain tells, and then all bits go. */
        const sb_status tried = sb_pager__index_catch_up_locked(pager, backfilled, NULL);
        (void)tried;
    }
    if (st == SB_OK) sb_pager__index_see_backfill_locked(pager, backfilled);
    sb_mutex_unlock(pager->index_mutex);
    return st;
}
