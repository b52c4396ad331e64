/* recover.c — reading a WAL that nobody vouches for: at the first opening, for readers without a slot, and behind a writer that was killed.
 * Recovery writes nothing: frames behind the last whole commit are left to be overwritten (I2).
 * I36 A commit that is whole in the WAL stays. Its writer may be killed before it raises `appended`, and a reader without a slot, who looks at the
 *     WAL alone, may show it by then: frames that are written over it would change under that reader, and what it showed would never have been.
 *     So who takes the writer lock from one that was killed, which the word `writer` tells, and who closes last, takes it in first. */
#include <errno.h>

#include "pager/pager_priv.h"

/* Frames of the commit being read, taken into the page table once its end is there. */
typedef struct pending_frames {
    sb_pair *items; /* page number, position */
    size_t count, capacity;
} pending_frames;

static sb_status add_pending(sb_pager *pager, pending_frames *pending, sb_pgno pgno, uint32_t pos,
                             sb_err *err)
{
    if (pending->count == pending->capacity) {
        const size_t more = pending->capacity == 0 ? 64 : 2 * pending->capacity;
        sb_pair *grown = sb_resize(pager->alloc, pending->items, pending->capacity * sizeof *grown,
                                   more * sizeof *grown);
        if (grown == NULL) return SB_FAIL_NOMEM(err);
        pending->items = grown;
        pending->capacity = more;
    }
    pending->items[pending->count++] = (sb_pair){.key = pgno, .value = pos};
    return SB_OK;
}

static sb_status take_in(sb_pager *pager, const pending_frames *pending, sb_err *err)
{
    for (size_t i = 0; i < pending->count; i++) {
        const sb_pgno pgno = (sb_pgno)pending->items[i].key;
        const uint32_t pos = (uint32_t)pending->items[i].value;
        SB_TRY(sb_pager__index_reserve(pager, pgno, pos, err));
        sb_pager__index_put(pager, pgno, pos, false);
    }
    return SB_OK;
}

static bool payload_sound(const sb_pager *pager, const sb_frame *frame, const uint8_t *payload)
{
    if (frame->kind == SB_FRAME_PAD) return true;
    if (frame->kind == SB_FRAME_COMMIT)
        return sb_crc32c(0, payload, SB_COMMIT_PAYLOAD) == frame->crc;
    return sb_load_le32(payload + SB_PAGE_CRC) == frame->crc &&
           sb_pager__page_crc(payload, pager->page_bytes, frame->pgno) == frame->crc;
}

static sb_status scan(sb_pager *pager, uint8_t *block, pending_frames *pending, sb_lineage *lineage,
                      sb_state *state, bool *found, sb_err *err)
{
    sb_file *wal = pager->wal_file;
    sb_wal_tail tail = pager->index.tail;
    sb_frame frame;
    for (;;) {
        const uint32_t pos = tail.pos;
        size_t got = 0;
        SB_TRY(wal->ops->read(wal, (uint64_t)pos * SB_WAL_UNIT, block,
                              SB_FRAME_BYTES + (size_t)pager->page_bytes, &got, err));
        if (got < SB_FRAME_BYTES || !sb_pager__frame_decode(pager, block, &tail, &frame))
            return SB_OK;
        if (frame.kind != SB_FRAME_PAD && got < SB_FRAME_BYTES + (size_t)frame.payload_bytes)
            return SB_OK;
        if (!payload_sound(pager, &frame, block + SB_FRAME_BYTES)) return SB_OK;
        if (frame.kind == SB_FRAME_PAGE) {
            SB_TRY(add_pending(pager, pending, frame.pgno, pos, err));
        } else if (frame.kind == SB_FRAME_COMMIT) {
            SB_TRY(sb_pager__commit_decode(block + SB_FRAME_BYTES, frame.crc, state, err));
            sb_pager__lineage_note(lineage, (sb_state_id){.seq = state->seq, .crc = frame.crc},
                                   state->bypass);
            SB_TRY(take_in(pager, pending, err));
            pending->count = 0;
            pager->index.tail = tail;
            atomic_store_explicit(&pager->index.mark, sb_mark_of(tail.generation, tail.pos),
                                  memory_order_release);
            *found = true;
        }
    }
}

sb_status sb_pager__wal_scan(sb_pager *pager, sb_lineage *lineage, sb_state *state, bool *found,
                             sb_err *err)
{
    const size_t block_bytes = SB_FRAME_BYTES + (size_t)pager->page_bytes;
    pending_frames pending = {0};
    uint8_t *block = sb_alloc(pager->alloc, block_bytes);
    *found = false;
    if (block == NULL) return SB_FAIL_NOMEM(err);
    const sb_status st = scan(pager, block, &pending, lineage, state, found, err);
    sb_free(pager->alloc, block, block_bytes);
    sb_free(pager->alloc, pending.items, pending.capacity * sizeof *pending.items);
    return st;
}

/* The header block of the WAL, if there is a valid one. */
static sb_status read_wal_header(sb_pager *pager, sb_wal_tail *tail, sb_state_id *base, bool *valid,
                                 sb_err *err)
{
    uint8_t block[SB_WAL_USED];
    bool opened = false;
    size_t got = 0;
    *valid = false;
    SB_TRY(sb_pager__wal_open(pager, false, &opened, err));
    if (!opened) return SB_OK;
    sb_file *wal = pager->wal_file;
    SB_TRY(wal->ops->read(wal, 0, block, sizeof block, &got, err));
    if (got < sizeof block) return SB_OK;
    const sb_status st = sb_pager__wal_header_decode(pager, block, tail, base, valid, err);
    if (st != SB_CORRUPT || !pager->options.forgive) return st;
    pager->wal_left_out = true;
    return SB_OK;
}

/* The commits of the WAL, if there are any that count for this main file; index_mutex is held. */
static sb_status read_wal(sb_pager *pager, const sb_header *header, bool header_ok,
                          sb_wal_tail *tail, bool *valid, sb_state *state, bool *found, sb_err *err)
{
    sb_lineage lineage;
    sb_state_id base;
    *found = false;
    SB_TRY(sb_pager__lineage_begin(pager, header, header_ok, &lineage, err));
    SB_TRY(read_wal_header(pager, tail, &base, valid, err));
    if (*valid) {
        sb_pager__lineage_note(&lineage, base, 0);
        lineage.base_seq = base.seq;
        sb_pager__index_reset(pager, tail);
        SB_TRY(sb_pager__wal_scan(pager, &lineage, state, found, err));
    }
    return sb_pager__lineage_judge(pager, &lineage, state, found, err);
}

/* What nobody vouches for: what the last users left in shared memory (shm.c), the WAL, what page 0 says. */
static sb_status note_unsynced(sb_pager *pager, bool found, sb_err *err)
{
    uint32_t unsynced = 0;
    SB_TRY(sb_pager__stamped_unsynced(pager, &unsynced, err));
    if (found)
        unsynced |=
            SB_UNSYNCED_WAL | ((uint32_t)atomic_load(&pager->shm->unsynced) & SB_UNSYNCED_WAL_ANEW);
    atomic_store(&pager->shm->unsynced, unsynced);
    return SB_OK;
}

sb_status sb_pager__recover(sb_pager *pager, const sb_header *header, bool header_ok, sb_err *err)
{
    sb_shm *shm = pager->shm;
    sb_wal_tail tail = {.generation = 1, .pos = SB_WAL_START};
    sb_state state = {0};
    bool valid = false, found = false;
    sb_mutex_lock(pager->index_mutex);
    sb_status st = read_wal(pager, header, header_ok, &tail, &valid, &state, &found, err);
    if (st == SB_OK && !found && !header_ok)
        st = SB_FAIL_PAGE(err, 0,
                          "%s: page 0 is lost, and no WAL has it: save what can be read with "
                          "`sombra recover`",
                          pager->path);
    if (st == SB_OK && !found) {
        tail = (sb_wal_tail){.generation = valid ? tail.generation + 1 : tail.generation,
                             .pos = SB_WAL_START};
        sb_pager__index_reset(pager, &tail);
    }
    const sb_mark mark = sb_mark_of(pager->index.tail.generation, pager->index.tail.pos);
    sb_mutex_unlock(pager->index_mutex);
    if (st != SB_OK) return st;
    if (pager->wal_left_out)
        sb_pager_log(pager, SB_LOG_WARNING, "%s belongs to another state of the database",
                     pager->wal_path);
    if (pager->wal_unproven)
        sb_pager_log(
            pager, SB_LOG_WARNING,
            "page 0 is lost, and nothing in the file tells that %s belongs to it: it is taken in",
            pager->wal_path);
    SB_TRY(note_unsynced(pager, found, err));
    SB_TRY(sb_pager__settle_found(pager, mark, err));
    sb_file *wal = pager->wal_file;
    sb_file_info info = {0};
    if (wal != NULL) SB_TRY(wal->ops->info(wal, &info, err));
    atomic_store(&shm->wal_bytes, info.bytes);
    atomic_store(&shm->backfilled, sb_mark_of(sb_mark_generation(mark), SB_WAL_START));
    atomic_store(&shm->durable, mark);
    atomic_store(&shm->appended, mark);
    if (found)
        sb_pager_log(pager, SB_LOG_INFO, "recovered %s up to commit %llu from the WAL", pager->path,
                     (unsigned long long)state.seq);
    return SB_OK;
}

/* Bring the page table to `appended`, behind which a killed writer may have written. *there: the WAL has frames of that generation. index_mutex
 * is held. */
static sb_status find_told_end(sb_pager *pager, sb_mark appended, bool *there, sb_err *err)
{
    sb_wal_tail tail;
    sb_state_id base;
    bool valid = false;
    *there = true;
    if (sb_mark_pos(appended) > SB_WAL_START)
        return sb_pager__index_catch_up_locked(pager, appended, err);
    SB_TRY(read_wal_header(pager, &tail, &base, &valid, err));
    *there = valid && tail.generation == sb_mark_generation(appended);
    if (*there) sb_pager__index_reset(pager, &tail);
    return SB_OK;
}

sb_status sb_pager__adopt(sb_pager *pager, sb_err *err)
{
    sb_shm *shm = pager->shm;
    sb_lineage unjudged = {
        0}; /* the generation's base was judged when its first opener took it in, or begun by us */
    sb_state state;
    bool there = false, found = false;
    if (sb_pager__poisoned(pager)) return SB_OK; /* recovery decides what is left */
    const sb_mark appended = atomic_load(&shm->appended);
    sb_mutex_lock(pager->index_mutex);
    sb_status st = find_told_end(pager, appended, &there, err);
    if (st == SB_OK && there) st = sb_pager__wal_scan(pager, &unjudged, &state, &found, err);
    const sb_mark mark = atomic_load_explicit(&pager->index.mark, memory_order_relaxed);
    sb_mutex_unlock(pager->index_mutex);
    if (st != SB_OK || !there || mark <= appended) return st;
    /* Its length first: what is behind is written with zeros. */
    sb_pager__raise(&shm->wal_bytes, (uint64_t)sb_mark_pos(mark) * SB_WAL_UNIT);
    sb_pager__raise(&shm->appended, mark);
    sb_pager_log(pager, SB_LOG_INFO, "%s: took in a commit whose process was killed", pager->path);
    return SB_OK;
}

/* The WAL by its name as of now: the last writer to close has removed the one that was open. */
static void forget_wal(sb_pager *pager)
{
    sb_file *wal = pager->wal_file;
    sb_map_file_deinit(&pager->wal_map);
    atomic_store_explicit(&pager->wal_file, NULL, memory_order_release);
    sb_file_close(wal);
}

/* Nobody tells this process how far the WAL was synced, so it syncs itself what it is about to show. A file system that can not, since it is
 * mounted read-only, has nothing to write. */
static sb_status sync_what_is_shown(sb_pager *pager, sb_err *err)
{
    sb_file *wal = pager->wal_file;
    sb_err cause;
    if (atomic_load_explicit(&pager->durability, memory_order_relaxed) != SB_DURABLE_FULL)
        return SB_OK;
    sb_err_clear(&cause);
    const sb_status st = wal->ops->sync(wal, &cause);
    if (st == SB_OK || cause.os_error == EROFS || cause.os_error == EINVAL) return SB_OK;
    return SB_FAIL_OS(err, st, cause.os_error, "%s", cause.text);
}

/* Page table and state from main file and WAL as they are. index_mutex and the guard lock are held. */
static sb_status guard_scan(sb_pager *pager, sb_err *err)
{
    sb_wal_tail tail = {.generation = 1, .pos = SB_WAL_START};
    sb_header header;
    sb_state in_wal = {0};
    bool valid = false, found = false;
    forget_wal(pager);
    /* A damaged page 0 may be a torn one that the WAL replaces: its error counts only if not. */
    sb_err cause;
    sb_err_clear(&cause);
    const sb_status header_st =
        sb_pager__header_read(pager->main_file, pager->alloc, pager->path, &header, &cause);
    if (header_st != SB_OK && !sb_pager__header_lost(pager, header_st, &header))
        return SB_FAIL_OS(err, header_st, cause.os_error, "%s", cause.text);
    SB_TRY(read_wal(pager, &header, header_st == SB_OK, &tail, &valid, &in_wal, &found, err));
    if (found) SB_TRY(sync_what_is_shown(pager, err));
    /* Nobody tells this process of back-fills. */
    sb_table_zero(&pager->checked);
    if (pager->read_mode == SB_READ_CACHE) sb_pager__cache_drop_main_from(pager, 0);
    if (!found && header_st != SB_OK) return SB_FAIL_PAGE(err, 0, "%s", cause.text);
    pager->guard_mark = sb_mark_of(pager->index.tail.generation, pager->index.tail.pos);
    pager->guard_main_only = !found;
    pager->guard_state = found ? in_wal : header.state;
    return SB_OK;
}

sb_status sb_pager__guard_snapshot(sb_txn *txn, sb_err *err)
{
    sb_pager *pager = txn->pager;
    char holder[SB_HOLDER_BYTES];
    bool taken = false;
    sb_mutex_lock(pager->index_mutex);
    sb_status st = sb_pager__guard_take(pager, pager->busy_timeout_ns, &taken, err);
    if (st == SB_OK && !taken) {
        sb_pager__holder(pager->main_file, SB_LOCK_GUARD, "another process", holder);
        st = SB_FAIL(err, SB_BUSY, "%s: a checkpoint is running in %s", pager->path, holder);
    }
    if (st == SB_OK && pager->guard_mark == 0) st = guard_scan(pager, err);
    txn->mark = pager->guard_mark;
    txn->main_only = pager->guard_main_only;
    txn->session->state = pager->guard_state;
    txn->session->state_mark = 0;
    sb_mutex_unlock(pager->index_mutex);
    if (st != SB_OK && taken) sb_pager__guard_leave(pager);
    return st;
}

void sb_pager__guard_leave(sb_pager *pager)
{
    sb_mutex_lock(pager->index_mutex);
    if (sb_pager__guard_drop(pager)) pager->guard_mark = 0;
    sb_mutex_unlock(pager->index_mutex);
}
