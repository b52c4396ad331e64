/* checkpoint.c — moving commits from the WAL into the main file, and starting the WAL anew.
 *
 * I7  The order of a back-fill: WAL synced; pages and page 0 written; main file synced; only then
 *     `backfilled` raised. When the sync fails the mark stays, and a later try writes every frame since
 *     the mark again. A generation ends only when everything is back-filled and no live reader has a
 *     mark in it (I17), so the frames that the next generation overwrites are needed by nobody.
 * I19 Page 0 carries the number of the commit that it belongs to, and is written before the restart that
 *     would overwrite that commit's frames. A WAL that ends before page 0's commit is therefore the rest
 *     of an ended generation, and recovery leaves it alone.
 * Automatic checkpoints run after the acknowledgement on a thread of their own, in passes without the
 * writer lock and in portions that leave the device to commits in between; the last, short pass holds it, so that the next writer finds all back-filled and restarts
 * the WAL. A writer that finds the WAL twice as long as it should be does that pass itself and waits a
 * few milliseconds for readers: new ones read the main file alone, so short ones, however many, let go.
 * I35 The words of a new generation are raised one by one, `backfilled` first. Who is killed in between leaves `appended` in the old one,
 *     whose end nobody would look at for a further commit; so whoever takes the writer lock raises the others first.
 * I26 Rule 4's bound: past three times the limit the writer waits up to a second for whoever reads an older state, and, with all
 *     back-filled, as long again for whoever still reads in the WAL. Nobody can commit meanwhile, so both grow fewer only, and readers
 *     shorter than that, stopped by a busy machine or not, leave the WAL shorter than four times the limit. A longer one costs
 *     writers that second once: who was waited for in vain is not waited for again. */
#include "pager/pager_priv.h"

#define SB_BACKFILL_BYTES       (256u * 1024u) /* read, checked and written at once */
#define SB_BACKFILL_AHEAD       (64u * 1024u)  /* written before the device is waited for */
#define SB_LAST_PASS_UNITS      8192u /* 512 KiB of WAL: what a pass under the writer lock may hold */
#define SB_PASSES               8u    /* at most, before that one */
#define SB_RESTART_GLANCE_NS    5000000u    /* past twice the limit: 5 ms */
#define SB_RESTART_WAIT_NS      1000000000u /* past three times: 1 s */
#define SB_RESTART_PAUSE_NS     50000u
#define SB_RESTART_PAUSE_MAX_NS 1000000u
#define SB_SLOW_READER_FACTOR                                                                      \
    4u /* times the limit: the WAL is so long that whoever keeps it is told of */

/* ---- Back-fill ------------------------------------------------------------------------------- */

/* The pages whose newest frame up to limit lies past from: (page number, position), sorted. */
static sb_status collect_pages(sb_pager *pager, uint32_t from, uint32_t limit, sb_pair **pairs,
                               size_t *count, size_t *capacity, sb_err *err)
{
    const sb_index *index = &pager->index;
    const uint32_t first_cell = from >> index->frame_shift,
                   last_cell = (limit - 1) >> index->frame_shift;
    *count = 0;
    *capacity = 2 * (size_t)(last_cell - first_cell + 1);
    *pairs = sb_alloc_array(pager->alloc, *capacity, sizeof **pairs);
    if (*pairs == NULL) return SB_FAIL_NOMEM(err);
    for (uint32_t cell = first_cell; cell <= last_cell; cell++) {
        const _Atomic uint32_t *frame =
            sb_table_at(&index->frames, (uint64_t)cell * SB_INDEX_WORDS);
        if (frame == NULL) continue;
        const uint32_t pgno = atomic_load_explicit(frame + SB_INDEX_PGNO, memory_order_relaxed);
        if (pgno == 0) continue;
        const uint32_t pos = sb_pager__index_find(index, pgno, limit);
        if (pos >> index->frame_shift == cell && pos >= from)
            (*pairs)[(*count)++] = (sb_pair){.key = pgno, .value = pos};
    }
    sb_pairs_sort(*pairs, *pairs + *capacity / 2, *count);
    return SB_OK;
}

/* Hands what was written to the device in small portions: a sync of hundreds of scattered pages at once kept the
 * syncs of commits waiting behind it (15 ms for 557 pages, while a commit took 1 to 5 ms). */
typedef struct pace_state {
    bool on;
    uint64_t from, end, bytes; /* written since the last portion, of the main file */
} pace_state;

static sb_status pace(pace_state *pacer, sb_pager *pager, uint64_t offset, uint64_t bytes,
                      sb_err *err)
{
    if (!pacer->on) return SB_OK;
    if (pacer->bytes == 0) pacer->from = offset;
    pacer->end = offset + bytes;
    pacer->bytes += bytes;
    if (pacer->bytes < SB_BACKFILL_AHEAD) return SB_OK;
    pacer->bytes = 0;
    return sb_pager__write_back_main(pager, pacer->from, pacer->end - pacer->from, err);
}

static sb_status copy_pages(sb_pager *pager, const sb_pair *pairs, size_t count, bool paced,
                            const sb_watch *watch, sb_err *err)
{
    sb_file *wal = pager->wal_file, *main_file = pager->main_file;
    const size_t page_bytes = pager->page_bytes;
    const size_t batch = SB_BACKFILL_BYTES / page_bytes;
    uint8_t *buffer = sb_alloc(pager->alloc, SB_BACKFILL_BYTES);
    if (buffer == NULL) return SB_FAIL_NOMEM(err);
    sb_status st = SB_OK;
    size_t done = 0;
    pace_state pacer = {.on = paced};
    while (done < count && st == SB_OK) {
        /* A run of neighbors, as long as the buffer. */
        const sb_pgno first = (sb_pgno)pairs[done].key;
        size_t run = 0;
        while (st == SB_OK && run < batch && done + run < count &&
               pairs[done + run].key == first + run) {
            uint8_t *page = buffer + run * page_bytes;
            st = sb_file_read_all(wal, (pairs[done + run].value + 1) * SB_WAL_UNIT, page,
                                  page_bytes, err);
            if (st == SB_OK &&
                sb_pager__page_crc(page, pager->page_bytes, (sb_pgno)(first + run)) !=
                    sb_load_le32(page + SB_PAGE_CRC))
                st = SB_FAIL_PAGE(err, first + run,
                                  "%s: the frame of page %zu at position %llu has a wrong checksum",
                                  pager->wal_path, (size_t)first + run,
                                  (unsigned long long)pairs[done + run].value);
            run++;
        }
        if (st == SB_OK)
            st = sb_file_write_all(main_file, (uint64_t)first << pager->page_shift, buffer,
                                   run * page_bytes, err);
        if (st == SB_OK)
            st = pace(&pacer, pager, (uint64_t)first << pager->page_shift, run * page_bytes, err);
        done += run;
        if (st == SB_OK) st = sb_pager__ask(watch, done, count, err);
    }
    sb_free(pager->alloc, buffer, SB_BACKFILL_BYTES);
    return st;
}

/* Where nobody syncs, page 0 says so before the first page is written (I31). */
static sb_status stamp(sb_pager *pager, const sb_state *target, bool syncs, sb_err *err)
{
    uint32_t unsynced = 0;
    if (!syncs)
        unsynced = SB_UNSYNCED_MAIN |
                   ((uint32_t)atomic_load(&pager->shm->unsynced) & SB_UNSYNCED_MAIN_ANEW);
    SB_TRY(sb_pager__stamp_backfill(pager, target, unsynced, err));
    atomic_fetch_or(&pager->shm->unsynced, unsynced);
    return SB_OK;
}

static sb_status write_back(sb_pager *pager, sb_mark from, sb_mark limit, bool hurried,
                            const sb_watch *watch, sb_checkpoint_result *result, sb_err *err)
{
    sb_pair *pairs = NULL;
    size_t count = 0, capacity = 0;
    sb_state state;
    sb_mutex_lock(pager->index_mutex);
    sb_status st = sb_pager__index_catch_up_locked(pager, limit, err);
    sb_mutex_unlock(pager->index_mutex);
    if (st != SB_OK) return st;
    const bool syncs = sb_pager__is_settled(pager);
    const uint64_t failures = sb_pager__main_failures(pager); /* before it writes (I37) */
    const uint32_t first =
        sb_mark_generation(from) == sb_mark_generation(limit) ? sb_mark_pos(from) : SB_WAL_START;
    SB_TRY(sb_pager__header_ours(pager, err));
    SB_TRY(sb_pager__commit_read(pager, limit, &state, err));
    st = collect_pages(pager, first, sb_mark_pos(limit), &pairs, &count, &capacity, err);
    if (st == SB_OK) st = stamp(pager, &state, syncs, err);
    /* In full commits wait for the device, which a back-fill must leave to them. */
    const bool paced =
        !hurried && syncs &&
        atomic_load_explicit(&pager->durability, memory_order_relaxed) == SB_DURABLE_FULL;
    if (st == SB_OK) st = copy_pages(pager, pairs, count, paced, watch, err);
    sb_free(pager->alloc, pairs, capacity * sizeof *pairs);
    if (st != SB_OK) return st;
    SB_TRY(sb_pager__header_write(pager, pager->main_file, &state, false, err));
    if (syncs) SB_TRY(sb_pager__sync_main(pager, failures, err));
    sb_mutex_lock(pager->index_mutex);
    sb_pager__index_own_backfill_locked(pager, from, limit);
    sb_mutex_unlock(pager->index_mutex);
    sb_pager__raise(&pager->shm->backfilled, limit);
    /* Not before the sync: what it dropped may come back. */
    sb_pager__raise(&pager->main_seq, state.seq);
    result->pages_written += count;
    return SB_OK;
}

static sb_status backfill_locked(sb_pager *pager, bool hurried, const sb_watch *watch,
                                 sb_checkpoint_result *result, sb_err *err)
{
    sb_shm *shm = pager->shm;
    sb_mark limit = 0;
    const sb_mark appended = atomic_load(&shm->appended);
    if (sb_pager__is_settled(pager))
        SB_TRY(sb_pager__sync_to(pager, appended, err));
    else
        sb_pager__raise(&shm->durable, appended); /* off: nobody asked for a sync (I30) */
    SB_TRY(sb_pager__slots_limit(pager, atomic_load(&shm->durable), &limit, err));
    const sb_mark from = atomic_load(&shm->backfilled);
    if (limit <= from || sb_mark_pos(limit) == SB_WAL_START) return SB_OK;
    return write_back(pager, from, limit, hurried, watch, result, err);
}

/* Who back-fills without the writer lock needs it for that; *busy: somebody else has it. */
static sb_status settle_first(sb_pager *pager, bool *busy, sb_err *err)
{
    sb_err cause;
    sb_err_clear(&cause);
    const sb_status st = sb_pager__writer_lock(pager, 0, &cause);
    *busy = st == SB_BUSY;
    if (*busy) return SB_OK;
    if (st != SB_OK) return SB_FAIL_OS(err, st, cause.os_error, "%s", cause.text);
    sb_pager__writer_unlock(pager);
    return SB_OK;
}

sb_status sb_pager__backfill(sb_pager *pager, bool has_writer, const sb_watch *watch,
                             sb_checkpoint_result *result, bool *busy, sb_err *err)
{
    bool taken = false, guard = false;
    *busy = false;
    if (!has_writer && sb_pager__must_settle(pager)) SB_TRY(settle_first(pager, busy, err));
    if (*busy) return SB_OK;
    *busy = true;
    const uint64_t started = SB_PROFILE_START(pager->options.profile);
    sb_mutex_lock(pager->checkpoint_mutex);
    sb_status st = sb_pager__lock(pager, SB_LOCK_CHECKPOINT, SB_LOCK_EXCLUSIVE, 0, &taken, err);
    if (st == SB_OK && taken) st = sb_pager__guard_take(pager, 0, &guard, err);
    if (st == SB_OK && guard) {
        *busy = false;
        st = backfill_locked(pager, has_writer, watch, result, err);
        SB_PROFILE_ADD(pager->options.profile, CHECKPOINTS, 1);
    }
    if (guard) sb_pager__guard_drop(pager);
    if (taken) sb_pager__unlock(pager, SB_LOCK_CHECKPOINT);
    sb_mutex_unlock(pager->checkpoint_mutex);
    SB_PROFILE_STOP(pager->options.profile, CHECKPOINT_NS, started);
    return st;
}

static bool all_backfilled(const sb_pager *pager)
{
    /* appended first: what comes after may only make the answer false too often. */
    const sb_mark appended = atomic_load(&pager->shm->appended);
    return atomic_load(&pager->shm->backfilled) >= appended;
}

/* ---- Restart --------------------------------------------------------------------------------- */

static void begin_generation(sb_pager *pager, sb_mark old)
{
    sb_shm *shm = pager->shm;
    const sb_wal_tail tail = {.generation = sb_mark_generation(old) + 1, .pos = SB_WAL_START};
    const sb_mark mark = sb_mark_of(tail.generation, tail.pos);
    sb_mutex_lock(pager->index_mutex);
    sb_pager__index_see_backfill_locked(pager, old);
    sb_pager__index_reset(pager, &tail);
    atomic_store_explicit(&pager->seen_backfilled, mark, memory_order_release);
    sb_mutex_unlock(pager->index_mutex);
    /* backfilled first: whoever sees a part of this finds everything in the main file, as it is. */
    sb_pager__raise(&shm->backfilled, mark);
    sb_pager__raise(&shm->durable, mark);
    sb_pager__raise(&shm->appended, mark);
    atomic_store_explicit(&pager->restart_wait_pos, 0, memory_order_relaxed);
}

void sb_pager__restart_finish(sb_pager *pager)
{
    sb_shm *shm = pager->shm;
    const sb_mark backfilled = atomic_load(&shm->backfilled);
    if (SB_LIKELY(sb_mark_generation(backfilled) <=
                  sb_mark_generation(atomic_load(&shm->appended))))
        return;
    sb_pager__raise(&shm->durable, backfilled);
    sb_pager__raise(&shm->appended, backfilled);
}

sb_status sb_pager__restart(sb_pager *pager, bool keep_guard, bool *restarted, sb_err *err)
{
    bool in_wal = false, guard = false;
    *restarted = false;
    const sb_mark appended = atomic_load(&pager->shm->appended);
    const sb_mark backfilled = atomic_load(&pager->shm->backfilled);
    if (backfilled < appended || sb_mark_generation(backfilled) >= 0x7FFFFFFEu) return SB_OK;
    SB_TRY(sb_pager__slots_in_wal(pager, &in_wal, err)); /* after the words (I17) */
    if (in_wal) return SB_OK;
    SB_TRY(sb_pager__guard_take(pager, 0, &guard, err));
    if (!guard) return SB_OK;
    begin_generation(pager, backfilled);
    *restarted = true;
    if (!keep_guard) sb_pager__guard_drop(pager);
    return SB_OK;
}

bool sb_pager__wal_make_room(sb_txn *txn)
{
    sb_pager *pager = txn->pager;
    sb_checkpoint_result result = {0};
    bool busy = false;
    if (sb_mark_pos(atomic_load(&pager->shm->appended)) == SB_WAL_START) return false;
    if (sb_pager__backfill(pager, true, NULL, &result, &busy, NULL) != SB_OK ||
        !all_backfilled(pager))
        return false;
    /* The main file has all that the transaction was begun on (I16), and nobody else can commit: it goes on
     * reading there (I18), and holds no pointer into the WAL while it commits. */
    txn->main_only = true;
    atomic_store(txn->session->slot_mark, txn->mark | SB_MARK_MAIN_ONLY);
    if (sb_pager__restart(pager, true, &txn->guard_held, NULL) != SB_OK) return false;
    txn->tail_ready = false;
    return txn->guard_held;
}

/* ---- Checkpoint on demand -------------------------------------------------------------------- */

static bool time_is_over(sb_pager *pager, uint64_t started)
{
    sb_vfs *vfs = pager->vfs;
    return vfs->ops->monotonic_ns(vfs) - started >= pager->busy_timeout_ns;
}

/* Names the process that is in the way of what: it runs a checkpoint, or has a reader, with a slot or without. */
static sb_status held_up(sb_pager *pager, const char *what, sb_err *err)
{
    sb_file *file = pager->main_file;
    char holder[SB_HOLDER_BYTES];
    sb_reader reader;
    SB_TRY(sb_pager__slots_in_the_way(pager, atomic_load(&pager->shm->appended), &reader, err));
    if (reader.mark == 0) {
        bool fills = false;
        SB_TRY(file->ops->lock_held(file, SB_LOCK_CHECKPOINT, 1, &fills, err));
        sb_pager__holder(file, fills ? SB_LOCK_CHECKPOINT : SB_LOCK_GUARD, "another process",
                         holder);
        return SB_FAIL(err, SB_BUSY, "%s: %s in %s holds up %s", pager->path,
                       fills ? "another checkpoint" : "a reader without write permission", holder,
                       what);
    }
    sb_pager__holder_tagged(pager, SB_LOCK_SLOTS + reader.slot, reader.process_tag, holder);
    return SB_FAIL(err, SB_BUSY, "%s: a reader in %s holds up %s", pager->path, holder, what);
}

static sb_status backfill_all(sb_pager *pager, uint64_t started, const sb_watch *watch,
                              sb_checkpoint_result *result, sb_err *err)
{
    for (;;) {
        bool busy = false;
        SB_TRY(sb_pager__backfill(pager, true, watch, result, &busy, err));
        if (all_backfilled(pager)) return SB_OK;
        SB_TRY(sb_pager__ask(watch, 0, 0, err));
        if (time_is_over(pager, started)) return held_up(pager, "the checkpoint", err);
        pager->vfs->ops->sleep_ns(pager->vfs, SB_RESTART_PAUSE_NS);
    }
}

static sb_status truncate_wal(sb_pager *pager, sb_err *err)
{
    bool opened = false;
    SB_TRY(sb_pager__wal_have(pager, false, &opened, err));
    if (!opened) return SB_OK;
    sb_file *wal = pager->wal_file;
    /* The word first: a writer must not take for granted what is about to go. */
    atomic_store(&pager->shm->wal_bytes, 0);
    return wal->ops->truncate(wal, 0, err);
}

static sb_status restart_wal(sb_pager *pager, sb_checkpoint_mode mode, uint64_t started,
                             const sb_watch *watch, sb_checkpoint_result *result, sb_err *err)
{
    for (;;) {
        SB_TRY(sb_pager__restart(pager, true, &result->restarted, err));
        if (result->restarted) break;
        SB_TRY(sb_pager__ask(watch, 0, 0, err));
        if (time_is_over(pager, started)) return held_up(pager, "the restart of the WAL", err);
        pager->vfs->ops->sleep_ns(pager->vfs, SB_RESTART_PAUSE_NS);
    }
    const sb_status st = mode == SB_CHECKPOINT_TRUNCATE ? truncate_wal(pager, err) : SB_OK;
    sb_pager__guard_drop(pager);
    return st;
}

static uint64_t frames_upto(const sb_pager *pager, sb_mark mark, sb_mark now)
{
    if (sb_mark_generation(mark) != sb_mark_generation(now)) return 0;
    return (sb_mark_pos(mark) - SB_WAL_START) / (pager->page_bytes / SB_WAL_UNIT + 1);
}

sb_status sb_pager_checkpoint(sb_pager *pager, sb_checkpoint_mode mode,
                              sb_checkpoint_result *result, sb_err *err)
{
    return sb_pager_checkpoint_watched(pager, mode, NULL, result, err);
}

sb_status sb_pager_checkpoint_watched(sb_pager *pager, sb_checkpoint_mode mode,
                                      const sb_watch *watch, sb_checkpoint_result *result,
                                      sb_err *err)
{
    sb_checkpoint_result none;
    if (result == NULL) result = &none;
    memset(result, 0, sizeof *result);
    SB_TRY(sb_pager_same_process(pager, err));
    if (pager->read_only)
        return SB_FAIL(err, SB_READ_ONLY, "%s is open for reading only", pager->path);
    const uint64_t started = pager->vfs->ops->monotonic_ns(pager->vfs);
    const sb_mark appended = atomic_load(&pager->shm->appended);
    result->wal_frames = frames_upto(pager, appended, appended);
    sb_status st;
    if (mode == SB_CHECKPOINT_PASSIVE) {
        bool busy = false;
        st = sb_pager__backfill(pager, false, watch, result, &busy, err);
    } else {
        SB_TRY(sb_pager__writer_lock(pager, pager->busy_timeout_ns, err));
        st = backfill_all(pager, started, watch, result, err);
        if (st == SB_OK && mode >= SB_CHECKPOINT_RESTART)
            st = restart_wal(pager, mode, started, watch, result, err);
        sb_pager__writer_unlock(pager);
    }
    const sb_mark backfilled = atomic_load(&pager->shm->backfilled);
    result->backfilled_frames = sb_mark_generation(backfilled) > sb_mark_generation(appended)
                                    ? result->wal_frames
                                    : frames_upto(pager, backfilled, appended);
    return st;
}

/* ---- Automatic checkpoints ------------------------------------------------------------------- */

static uint64_t units_of_pages(const sb_pager *pager, uint64_t pages)
{
    return pages * (pager->page_bytes / SB_WAL_UNIT + 1);
}

/* Units of the WAL in use, and of these not back-filled. */
static void wal_lengths(const sb_pager *pager, uint64_t *used, uint64_t *pending)
{
    const sb_mark appended = atomic_load_explicit(&pager->shm->appended, memory_order_relaxed);
    const sb_mark backfilled = atomic_load_explicit(&pager->shm->backfilled, memory_order_relaxed);
    *used = sb_mark_pos(appended) - SB_WAL_START;
    *pending = *used;
    if (backfilled >= appended)
        *pending = 0;
    else if (sb_mark_generation(backfilled) == sb_mark_generation(appended))
        *pending = sb_mark_pos(appended) - sb_mark_pos(backfilled);
}

static bool wants_checkpoint(const sb_pager *pager)
{
    uint64_t used, pending;
    const uint64_t limit =
        units_of_pages(pager, atomic_load_explicit(&pager->autocheckpoint, memory_order_relaxed));
    if (limit == 0) return false;
    wal_lengths(pager, &used, &pending);
    return used >= limit && pending >= limit / 4;
}

/* Holding the writer lock: only when little is left, and only if it is free. */
static sb_status last_pass(sb_pager *pager, sb_checkpoint_result *result, sb_err *err)
{
    uint64_t used, pending;
    bool busy = false;
    wal_lengths(pager, &used, &pending);
    if (pending == 0 || pending > SB_LAST_PASS_UNITS) return SB_OK;
    /* Most of what the pass has to sync, while commits still go on. */
    if (sb_pager__is_settled(pager))
        SB_TRY(sb_pager__sync_to(pager, atomic_load(&pager->shm->appended), err));
    const sb_status st = sb_pager__writer_lock(pager, 1000000, NULL);
    if (st != SB_OK) return st == SB_BUSY ? SB_OK : st; /* benign: the next one will */
    const sb_status filled = sb_pager__backfill(pager, true, NULL, result, &busy, err);
    sb_pager__writer_unlock(pager);
    return filled;
}

/* Who keeps a checkpoint from its end is noted when it is first met, and told of once it has been open for so long that writers wait for it
 * no more, and the WAL is long. */
static void mind_slow_reader(sb_pager *pager)
{
    char holder[SB_HOLDER_BYTES];
    uint64_t used, pending;
    sb_reader reader;
    const sb_mark end = atomic_load(&pager->shm->appended);
    const uint64_t limit =
        units_of_pages(pager, atomic_load_explicit(&pager->autocheckpoint, memory_order_relaxed));
    wal_lengths(pager, &used, &pending);
    const sb_status st = sb_pager__slots_in_the_way(pager, end, &reader, NULL);
    if (st != SB_OK || reader.mark == 0) return; /* benign: the next one will tell */
    sb_slow_reader *slow = &pager->slow_reader;
    sb_mutex_lock(pager->worker_mutex);
    const uint64_t now = pager->vfs->ops->monotonic_ns(pager->vfs);
    if (slow->reader.mark != reader.mark || slow->reader.slot != reader.slot)
        *slow = (sb_slow_reader){.reader = reader, .since_ns = now};
    const uint64_t open_ns = now - slow->since_ns;
    const bool tell =
        !slow->told && open_ns >= SB_RESTART_WAIT_NS && used > SB_SLOW_READER_FACTOR * limit;
    slow->told = slow->told || tell;
    sb_mutex_unlock(pager->worker_mutex);
    if (!tell) return;
    sb_pager__holder_tagged(pager, SB_LOCK_SLOTS + reader.slot, reader.process_tag, holder);
    sb_pager_log(
        pager, SB_LOG_WARNING,
        "%s: a reader in %s%s, open for at least %llu s, keeps %llu frames in the "
        "WAL, which is longer than %u times autocheckpoint",
        pager->path, reader.process_tag == pager->process_tag ? "this " : "", holder,
        (unsigned long long)(open_ns / 1000000000u),
        (unsigned long long)(frames_upto(pager, end, end) - frames_upto(pager, reader.mark, end)),
        SB_SLOW_READER_FACTOR);
}

/* Passes go on as long as each leaves a quarter less than the one before: what commits append meanwhile grows fewer as passes get shorter. A
 * writer would have to do what they leave, and wait for the pass under way first. */
static void run_automatic(sb_pager *pager)
{
    sb_checkpoint_result result = {0};
    sb_err err;
    sb_status st = SB_OK;
    bool busy = false;
    uint64_t before = UINT64_MAX;
    sb_err_clear(&err);
    for (unsigned pass = 0; pass < SB_PASSES && st == SB_OK && !busy; pass++) {
        uint64_t used, pending;
        wal_lengths(pager, &used, &pending);
        if (pending <= SB_LAST_PASS_UNITS / 8 || pending > before - before / 4) break;
        before = pending;
        st = sb_pager__backfill(pager, false, NULL, &result, &busy, &err);
    }
    if (st == SB_OK && !busy) st = last_pass(pager, &result, &err);
    if (st == SB_OK) mind_slow_reader(pager);
    if (st != SB_OK) sb_pager_log(pager, SB_LOG_WARNING, "automatic checkpoint: %s", err.text);
}

static void worker_run(void *ctx)
{
    sb_pager *pager = ctx;
    sb_mutex_lock(pager->worker_mutex);
    while (!pager->worker_stop) {
        if (!pager->worker_checkpoint) {
            sb_condition_wait(pager->worker_wake, pager->worker_mutex);
            continue;
        }
        pager->worker_checkpoint = false;
        sb_mutex_unlock(pager->worker_mutex);
        if (wants_checkpoint(pager)) run_automatic(pager);
        sb_mutex_lock(pager->worker_mutex);
    }
    sb_mutex_unlock(pager->worker_mutex);
}

/* False when there is no thread to do it. */
static bool wake_worker(sb_pager *pager)
{
    sb_mutex_lock(pager->worker_mutex);
    if (pager->worker == NULL && !pager->worker_stop) {
        /* benign when it fails: the work is done in this call */
        const sb_status st =
            sb_thread_create(pager->alloc, worker_run, pager, &pager->worker, NULL);
        if (st != SB_OK) pager->worker = NULL;
    }
    const bool running = pager->worker != NULL;
    if (running) {
        pager->worker_checkpoint = true;
        sb_condition_signal(pager->worker_wake);
    }
    sb_mutex_unlock(pager->worker_mutex);
    return running;
}

void sb_pager__after_commit(sb_pager *pager)
{
    if (SB_LIKELY(!wants_checkpoint(pager))) return;
    if (!pager->options.checkpoint_thread || !wake_worker(pager)) run_automatic(pager);
}

void sb_pager__worker_stop(sb_pager *pager)
{
    if (pager->worker_mutex == NULL) return;
    sb_mutex_lock(pager->worker_mutex);
    pager->worker_stop = true;
    if (pager->worker_wake != NULL) sb_condition_signal(pager->worker_wake);
    sb_thread *worker = pager->worker;
    pager->worker = NULL;
    sb_mutex_unlock(pager->worker_mutex);
    sb_thread_join(worker);
}

/* All is back-filled up to `end`, of which the writer has the lock, and nobody uses the WAL: *ready. It waits for those in the way,
 * patience for who read an older state and as long again for who came meanwhile; not for one it has waited for before. */
static sb_status make_way(sb_pager *pager, sb_mark end, uint64_t patience, bool *ready, sb_err *err)
{
    sb_vfs *vfs = pager->vfs;
    sb_checkpoint_result result = {0};
    uint64_t waited = 0, pause = SB_RESTART_PAUSE_NS;
    for (bool first = true;; first = false) {
        sb_reader reader;
        bool busy = false;
        const bool filled = all_backfilled(pager); /* before the slots (I17) */
        SB_TRY(sb_pager__slots_in_the_way(pager, end, &reader, err));
        *ready = filled && reader.mark == 0;
        if (*ready) return SB_OK;
        if (!filled && (first || reader.mark == 0 || reader.mark == end)) {
            SB_TRY(sb_pager__backfill(pager, true, NULL, &result, &busy, err));
            if (all_backfilled(pager)) {
                waited = 0;
                continue;
            }
        }
        if (reader.mark != 0 ? reader.mark <= pager->waited_for : busy && pager->waited_busy)
            return SB_OK;
        if (waited >= patience) {
            if (patience <= SB_RESTART_GLANCE_NS) return SB_OK;
            pager->waited_for = end;
            pager->waited_busy = busy;
            return SB_OK;
        }
        const uint64_t started = vfs->ops->monotonic_ns(vfs);
        vfs->ops->sleep_ns(vfs, pause);
        waited += vfs->ops->monotonic_ns(vfs) - started;
        if (pause < SB_RESTART_PAUSE_MAX_NS) pause *= 2;
    }
}

/* How long a writer waits for those who keep the WAL from starting anew. */
static uint64_t restart_patience(const sb_pager *pager, uint64_t used, uint64_t limit)
{
    const uint64_t timeout = atomic_load_explicit(&pager->busy_timeout_ns, memory_order_relaxed);
    const uint64_t wanted = used < 3 * limit ? SB_RESTART_GLANCE_NS : SB_RESTART_WAIT_NS;
    if (limit == 0 || used < 2 * limit) return 0; /* the disk is full: once */
    return wanted < timeout ? wanted : timeout;
}

void sb_pager__before_write(sb_pager *pager)
{
    uint64_t used, pending;
    const uint64_t limit =
        units_of_pages(pager, atomic_load_explicit(&pager->autocheckpoint, memory_order_relaxed));
    wal_lengths(pager, &used, &pending);
    const bool full = atomic_load_explicit(&pager->wal_full, memory_order_relaxed);
    if (SB_LIKELY(!full &&
                  (limit == 0 || used < 2 * limit ||
                   used < atomic_load_explicit(&pager->restart_wait_pos, memory_order_relaxed))))
        return;
    if (full) atomic_store_explicit(&pager->wal_full, false, memory_order_relaxed);
    sb_err err;
    bool ready = false;
    sb_err_clear(&err);
    const sb_status st = make_way(pager, atomic_load(&pager->shm->appended),
                                  restart_patience(pager, used, limit), &ready, &err);
    /* The transaction restarts the WAL with its first frame. If readers stay on, the next ones do not wait
     * again until the WAL has grown by a quarter of its limit. */
    atomic_store_explicit(&pager->restart_wait_pos, st == SB_OK && ready ? 0 : used + limit / 4,
                          memory_order_relaxed);
    if (st != SB_OK) sb_pager_log(pager, SB_LOG_WARNING, "checkpoint before a write: %s", err.text);
}
