/* txn.c — transactions: snapshots, the writer, commit, savepoints, extensions.
 *
 * Taking a snapshot (a transaction's begin) is without locks and system calls:
 *     m = durable (appended, unless SB_DURABLE_FULL);  b = backfilled
 *     own slot = b >= m ? m | MAIN_ONLY : m            (sequentially consistent)
 *     again if m or b has changed meanwhile
 * Why it holds, all accesses named being sequentially consistent:
 * I15 A back-fill goes no further than a live reader's mark. It reads `durable`, then all slots. If it missed
 *     our slot, our second look came later than its reading of `durable`, and we found m unchanged, and
 *     durable <= m: it stops at m at the latest. Frames up to m are ours to read in the WAL, and a page
 *     that has none of them is not written by such a back-fill.
 * I16 b >= m means: all commits up to m are in the main file, and none past it (I15 holds from here on, and
 *     back-fill publishes b after the pages are written). Page 0 then has m's state. Such a reader
 *     looks at the main file alone, so a restart of the WAL does not touch it.
 * I17 The WAL restarts only if backfilled = appended, read before the slots. If that missed the slot of a
 *     reader with b < m, then that reader's second look at `backfilled` came later than the
 *     restart's, and saw it changed: the reader tries again.
 * I18 A writer may restart the WAL under its own snapshot only when that reads the main file alone.
 * Commit: hooks; fresh pages to the main file, synced; frames and commit frame in one write; page table;
 * `appended`; unlock; wait for the sync (sync.c). What fails before `appended` leaves nothing. */
#include "pager/pager_priv.h"

/* ---- Memory of a session's transactions ------------------------------------------------------ */

void sb_pager__txn_init(sb_session *session)
{
    sb_txn *txn = &session->txn;
    txn->session = session;
    txn->pager = session->pager;
    txn->front.process = sb_fork_guard_word(session->pager->fork_guard);
    sb_map_init(&txn->own, session->pager->alloc);
}

void sb_pager__txn_deinit(sb_session *session)
{
    sb_txn *txn = &session->txn;
    const sb_allocator *alloc = session->pager->alloc;
    sb_map_deinit(&txn->own);
    sb_free(alloc, txn->pages, txn->page_capacity * sizeof *txn->pages);
    sb_free(alloc, txn->undo, txn->undo_capacity * sizeof *txn->undo);
    sb_free(alloc, txn->savepoints, txn->savepoint_capacity * sizeof *txn->savepoints);
    sb_free(alloc, txn->exts, txn->ext_capacity * sizeof *txn->exts);
    sb_pager__buffers_free(session);
    sb_free(alloc, session->wal_header, SB_WAL_HEADER_BYTES);
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

sb_status sb_pager__state_at(sb_session *session, sb_mark mark, bool main_only, sb_err *err)
{
    if (session->state_mark == mark) return SB_OK;
    session->state_mark = 0;
    if (main_only)
        SB_TRY(sb_pager__header_state(session->pager, &session->state, err));
    else
        SB_TRY(sb_pager__commit_read(session->pager, mark, &session->state, err));
    session->state_mark = mark;
    return SB_OK;
}

static sb_status take_snapshot(sb_txn *txn, bool newest, sb_err *err)
{
    sb_pager *pager = txn->pager;
    sb_session *session = txn->session;
    sb_shm *shm = pager->shm;
    const bool full =
        atomic_load_explicit(&pager->durability, memory_order_relaxed) == SB_DURABLE_FULL;
    _Atomic uint64_t *word = newest || !full ? &shm->appended : &shm->durable;
    sb_mark mark, backfilled;
    do {
        mark = atomic_load(word);
        backfilled = atomic_load(&shm->backfilled);
        txn->main_only = backfilled >= mark;
        if (session->slot_mark == NULL) break; /* immutable: the words never change */
        atomic_store(session->slot_mark, txn->main_only ? mark | SB_MARK_MAIN_ONLY : mark);
    } while (SB_UNLIKELY(atomic_load(word) != mark || atomic_load(&shm->backfilled) != backfilled));
    txn->mark = mark;
    if (SB_UNLIKELY(backfilled >
                        atomic_load_explicit(&pager->seen_backfilled, memory_order_acquire) ||
                    (!txn->main_only &&
                     mark > atomic_load_explicit(&pager->index.mark, memory_order_acquire))))
        SB_TRY(sb_pager__index_catch_up(pager, mark, txn->main_only, backfilled, err));
    return sb_pager__state_at(session, mark, txn->main_only, err);
}

static void drop_snapshot(sb_txn *txn)
{
    sb_pager *pager = txn->pager;
    if (pager->mode == SB_MODE_GUARD) {
        sb_pager__guard_leave(pager);
    } else if (txn->session->slot_mark != NULL) {
        /* Release: what was read stays before it; a back-fill that sees 0 may change those pages. */
        atomic_store_explicit(txn->session->slot_mark, 0, memory_order_release);
    }
}

/* I23 Where a mapped page is depends on the mark and on main_only alone: page table and maps only grow while a reader is there, a
 * new generation of the WAL has new marks, and a back-fill changes no page that a reader of an old mark finds in the main file. */
static uint64_t addresses_of(const sb_txn *txn)
{
    const sb_pager *pager = txn->pager;
    if (txn->writable || pager->read_mode == SB_READ_CACHE || pager->mode == SB_MODE_GUARD)
        return 0;
    return txn->main_only ? txn->mark | SB_MARK_MAIN_ONLY : txn->mark;
}

static void start(sb_txn *txn, bool writable)
{
    txn->active = true;
    txn->writable = writable;
    txn->dirty = false;
    txn->front.addresses = addresses_of(txn);
    txn->appended_any = txn->tail_ready = txn->fresh_written = txn->header_pending =
        txn->guard_held = false;
    txn->base = txn->session->state;
    txn->now = txn->base;
    txn->high_count = txn->now.page_count;
    txn->last_savepoint = txn->level = 0;
}

static sb_status check_begin(sb_session *session, sb_err *err)
{
    SB_TRY(sb_pager_same_process(session->pager, err));
    if (session->txn.active)
        return SB_FAIL(err, SB_MISUSE, "the session has a transaction already: end that one first");
    return SB_OK;
}

sb_status sb_txn_begin_read(sb_session *session, sb_txn **out, sb_err *err)
{
    sb_txn *txn = &session->txn;
    *out = NULL;
    SB_TRY(check_begin(session, err));
    if (SB_UNLIKELY(session->pager->mode == SB_MODE_GUARD)) {
        SB_TRY(sb_pager__guard_snapshot(txn, err));
    } else {
        const sb_status st = take_snapshot(txn, false, err);
        if (SB_UNLIKELY(st != SB_OK)) {
            drop_snapshot(txn);
            return st;
        }
    }
    SB_PROFILE_ADD(session->pager->options.profile, SNAPSHOTS, 1);
    start(txn, false);
    *out = txn;
    return SB_OK;
}

/* I24 The mark of `of` is in its slot for as long as this transaction lives, so it needs no second look (I15 to I17): what protects one
 * protects the other. The slot gets it all the same, so that no slot of a session with a transaction is empty. */
sb_status sb_txn_begin_shared(sb_session *session, const sb_txn *of, sb_txn **out, sb_err *err)
{
    sb_txn *txn = &session->txn;

    *out = NULL;
    SB_TRY(check_begin(session, err));
    if (of->pager != session->pager || of->front.addresses == 0)
        return SB_FAIL(err, SB_MISUSE, "only the state of a read transaction can be shared");
    if (session->slot_mark != NULL)
        atomic_store(session->slot_mark, of->main_only ? of->mark | SB_MARK_MAIN_ONLY : of->mark);
    txn->mark = of->mark;
    txn->main_only = of->main_only;
    session->state = of->base;
    session->state_mark = of->mark;
    SB_PROFILE_ADD(session->pager->options.profile, SNAPSHOTS, 1);
    start(txn, false);
    *out = txn;
    return SB_OK;
}

static sb_status check_writable(sb_pager *pager, sb_err *err)
{
    if (pager->read_only)
        return SB_FAIL(err, SB_READ_ONLY, "%s is open for reading only", pager->path);
    if (sb_pager__poisoned(pager)) return sb_pager__poisoned_error(err);
    return SB_OK;
}

sb_status sb_txn_begin_write(sb_session *session, sb_txn **out, sb_err *err)
{
    sb_txn *txn = &session->txn;
    sb_pager *pager = session->pager;
    *out = NULL;
    SB_TRY(check_begin(session, err));
    SB_TRY(check_writable(pager, err));
    SB_TRY(sb_pager__writer_lock(pager, pager->busy_timeout_ns, err));
    sb_pager__before_write(pager);
    const sb_status st = take_snapshot(txn, true, err);
    if (st != SB_OK) {
        drop_snapshot(txn);
        sb_pager__writer_unlock(pager);
        return st;
    }
    SB_PROFILE_ADD(pager->options.profile, SNAPSHOTS, 1);
    start(txn, true);
    *out = txn;
    return SB_OK;
}

sb_status sb_txn_upgrade(sb_txn *txn, sb_err *err)
{
    sb_pager *pager = txn->pager;
    sb_state newest;
    SB_TRY(sb_pager_same_process(pager, err));
    if (txn->writable) return SB_OK;
    SB_TRY(check_writable(pager, err));
    SB_TRY(sb_pager__writer_lock(pager, pager->busy_timeout_ns, err));
    /* Marks of one state differ across a restart of the WAL, so the number of commits decides. */
    const sb_mark mark = atomic_load(&pager->shm->appended);
    sb_status st = SB_OK;
    newest.seq = txn->base.seq;
    if (mark != txn->mark) {
        if (sb_mark_pos(mark) == SB_WAL_START)
            st = sb_pager__header_state(pager, &newest, err);
        else
            st = sb_pager__commit_read(pager, mark, &newest, err);
    }
    if (st == SB_OK && newest.seq != txn->base.seq)
        st = SB_FAIL(err, SB_BUSY_SNAPSHOT,
                     "somebody has committed since this transaction began: begin it again");
    if (st != SB_OK) {
        sb_pager__writer_unlock(pager);
        /* The next snapshot should see what this one lacked, even if whoever wrote it did not sync. */
        if (st == SB_BUSY_SNAPSHOT) {
            const sb_status synced = sb_pager__sync_to(pager, mark, NULL);
            (void)synced; /* benign: if it poisons, that is told when it matters */
        }
        return st;
    }
    txn->writable = true;
    txn->front.addresses = 0;
    return SB_OK;
}

/* ---- Ending ---------------------------------------------------------------------------------- */

static void run_end_hooks(sb_txn *txn, bool committed)
{
    /* The newest first: an extension may use older ones, never the other way round. */
    while (txn->ext_count > 0) {
        const sb_txn_ext ext = txn->exts[--txn->ext_count];
        if (ext.kind->end != NULL) ext.kind->end(ext.object, committed);
    }
}

/* A write transaction that did not commit leaves no trace of what it wrote. */
static void forget_writes(sb_txn *txn)
{
    sb_pager *pager = txn->pager;
    sb_err err;
    if (txn->guard_held) sb_pager__guard_drop(pager);
    txn->guard_held = false;
    if (txn->appended_any && pager->read_mode == SB_READ_CACHE)
        sb_pager__cache_drop_wal_from(pager, sb_mark_pos(atomic_load(&pager->shm->appended)));
    if (!txn->fresh_written) return;
    sb_pager__checked_clear_from(pager, txn->base.extent, txn->high_count);
    /* The disk gets its room back. */
    sb_err_clear(&err);
    if (sb_pager__cut_behind(pager, txn->base.extent, &err) != SB_OK)
        sb_pager_log(pager, SB_LOG_WARNING, "%s keeps its length after a rollback: %s", pager->path,
                     err.text);
}

static void end(sb_txn *txn, bool committed)
{
    const bool writable = txn->writable;
    if (writable) {
        if (!committed) forget_writes(txn);
        sb_pager__own_clear(txn);
        txn->savepoint_count = 0;
    }
    drop_snapshot(txn);
    txn->active = txn->writable = false;
    if (writable) sb_pager__writer_unlock(txn->pager);
}

/* In a child after fork nothing shared may be touched: only memory is given back. */
static void abandon(sb_txn *txn)
{
    sb_pager__own_clear(txn);
    txn->savepoint_count = 0;
    txn->active = txn->writable = false;
}

void sb_txn_rollback(sb_txn *txn)
{
    if (txn == NULL || SB_NEVER(!txn->active)) return;
    if (sb_fork_guard_same_process(txn->pager->fork_guard))
        end(txn, false);
    else
        abandon(txn);
    run_end_hooks(txn, false);
}

bool sb_txn_dirty(const sb_txn *txn)
{
    return txn->dirty ||
           (txn->writable && memcmp(txn->now.meta, txn->base.meta, SB_META_BYTES) != 0);
}

/* The commit is in the file: make it known to this process, then to all. */
static void publish(sb_txn *txn)
{
    sb_pager *pager = txn->pager;
    const sb_mark mark = sb_mark_of(txn->tail.generation, txn->tail.pos);
    sb_mutex_lock(pager->index_mutex);
    for (size_t i = 0; i < txn->page_count; i++)
        /* Its own bytes, checksummed a moment ago, need no check. */
        if (txn->pages[i].last_pos != 0)
            sb_pager__index_put(pager, txn->pages[i].pgno, txn->pages[i].last_pos, true);
    pager->index.tail = txn->tail;
    atomic_store_explicit(&pager->index.mark, mark, memory_order_release);
    sb_mutex_unlock(pager->index_mutex);
    sb_pager__raise(&pager->shm->appended, mark);
    txn->session->state = txn->now;
    txn->session->state_mark = mark;
    txn->mark = mark;
}

static sb_status write_commit(sb_txn *txn, sb_durability durability, sb_err *err)
{
    sb_pager *pager = txn->pager;
    if (sb_pager__poisoned(pager)) return sb_pager__poisoned_error(err);
    /* The level was changed since the transaction began. */
    if (durability != SB_DURABLE_OFF && !sb_pager__is_settled(pager))
        SB_TRY(sb_pager__settle(pager, err));
    txn->now.seq = txn->base.seq + 1;
    txn->now.time_ns = pager->vfs->ops->wall_ns(pager->vfs);
    /* Frames of rolled-back savepoints may name pages past page_count: they stay off limits for bypassing. */
    const uint32_t high = txn->appended_any ? txn->high_count : txn->now.page_count;
    if (high > txn->now.extent) txn->now.extent = high;
    SB_TRY(sb_pager__own_commit(txn, err));
    publish(txn);
    return SB_OK;
}

static sb_status run_commit_hooks(sb_txn *txn, sb_err *err)
{
    for (size_t i = 0; i < txn->ext_count; i++) {
        const sb_txn_ext ext = txn->exts[i];
        if (ext.kind->before_commit != NULL) SB_TRY(ext.kind->before_commit(ext.object, txn, err));
    }
    return SB_OK;
}

sb_status sb_txn_commit(sb_txn *txn, sb_err *err)
{
    sb_pager *pager = txn->pager;
    SB_ASSERT(txn->active);
    sb_status st = sb_pager_same_process(pager, err);
    if (st != SB_OK || !txn->writable) {
        if (st == SB_OK) {
            end(txn, true);
            run_end_hooks(txn, true);
        } else {
            sb_txn_rollback(txn);
        }
        return st;
    }
    const uint64_t started = SB_PROFILE_START(pager->options.profile);
    st = run_commit_hooks(txn, err);
    const bool dirty = sb_txn_dirty(txn);
    const sb_durability durability =
        (sb_durability)atomic_load_explicit(&pager->durability, memory_order_relaxed);
    if (st == SB_OK && dirty) st = write_commit(txn, durability, err);
    const sb_mark mark = txn->mark;
    end(txn, st == SB_OK);
    if (st == SB_OK && dirty) {
        if (durability == SB_DURABLE_FULL) st = sb_pager__sync_to(pager, mark, err);
        SB_PROFILE_ADD(pager->options.profile, COMMITS, 1);
        SB_PROFILE_STOP(pager->options.profile, COMMIT_NS, started);
    }
    run_end_hooks(txn, st == SB_OK);
    if (st == SB_OK && dirty) sb_pager__after_commit(pager);
    return st;
}

/* ---- Plain facts ----------------------------------------------------------------------------- */

bool sb_txn_ask_process(const sb_txn *txn)
{
    return sb_fork_guard_same_process(txn->pager->fork_guard);
}
bool sb_txn_writable(const sb_txn *txn)
{
    return txn->writable;
}
sb_session *sb_txn_session(const sb_txn *txn)
{
    return txn->session;
}
sb_pager *sb_txn_pager(const sb_txn *txn)
{
    return txn->pager;
}
uint64_t sb_txn_seq(const sb_txn *txn)
{
    return txn->base.seq;
}
sb_pgno sb_txn_page_count(const sb_txn *txn)
{
    return txn->now.page_count;
}
sb_status sb_txn_pages_there(sb_txn *txn, sb_pgno *count, sb_err *err)
{
    sb_pager *pager = txn->pager;
    sb_file *file = pager->main_file;
    sb_file_info info;
    SB_TRY(file->ops->info(file, &info, err));
    uint64_t there = (info.bytes + pager->page_bytes - 1) >> pager->page_shift;
    const sb_pgno last = sb_pager__index_last_page(pager);
    if (there <= last) there = (uint64_t)last + 1;
    /* A writer's own pages may be in memory alone. */
    *count = txn->writable || there > txn->now.page_count ? txn->now.page_count : (sb_pgno)there;
    return SB_OK;
}
sb_status sb_txn_make_durable(sb_txn *txn, sb_err *err)
{
    sb_pager *pager = txn->pager;
    SB_ASSERT(txn->active && txn->writable);
    if (atomic_load_explicit(&pager->durability, memory_order_relaxed) != SB_DURABLE_FULL)
        return SB_OK; /* readers are shown what was appended */
    return sb_pager__sync_to(pager, txn->mark, err);
}
const uint8_t *sb_txn_meta(const sb_txn *txn)
{
    return txn->now.meta;
}

uint8_t *sb_txn_meta_mut(sb_txn *txn)
{
    SB_ASSERT(txn->active && txn->writable);
    return txn->now.meta;
}

/* ---- Savepoints ------------------------------------------------------------------------------ */

static sb_status find_savepoint(const sb_txn *txn, uint32_t id, size_t *index, sb_err *err)
{
    for (size_t i = txn->savepoint_count; i-- > 0;) {
        if (txn->savepoints[i].id != id) continue;
        *index = i;
        return SB_OK;
    }
    return SB_FAIL(err, SB_MISUSE, "the transaction has no savepoint %u", id);
}

/* Undo to the state at savepoint index, which stays. */
static void undo_to(sb_txn *txn, size_t index)
{
    const sb_savepoint *savepoint = &txn->savepoints[index];
    sb_pager__own_undo(txn, savepoint->undo_count);
    txn->now = savepoint->state;
    txn->savepoint_count = index + 1;
    txn->level = savepoint->id;
    if (txn->fresh_written) {
        const sb_pgno known =
            txn->now.page_count > txn->base.extent ? txn->now.page_count : txn->base.extent;
        sb_pager__checked_clear_from(txn->pager, known, txn->high_count);
    }
}

static void drop_savepoint(sb_txn *txn, size_t index)
{
    const uint32_t outer = index == 0 ? 0 : txn->savepoints[index - 1].id;
    sb_pager__own_merge(txn, txn->savepoints[index].undo_count, outer);
    txn->savepoint_count = index;
    txn->level = outer;
}

sb_status sb_txn_savepoint(sb_txn *txn, uint32_t *id, sb_err *err)
{
    *id = 0;
    SB_ASSERT(txn->active && txn->writable);
    /* An id that comes again would be taken for the older one. */
    if (txn->last_savepoint == UINT32_MAX)
        return SB_FAIL(
            err, SB_LIMIT,
            "a transaction has at most %u savepoints, those of its calls counted: commit",
            UINT32_MAX);
    SB_TRY(sb_pager__own_spill(txn, sb_pager_txn_memory(txn->pager) / 2, err)); /* I28 */
    if (txn->savepoint_count == txn->savepoint_capacity) {
        const size_t more = txn->savepoint_capacity == 0 ? 4 : 2 * txn->savepoint_capacity;
        sb_savepoint *grown =
            sb_resize(txn->pager->alloc, txn->savepoints, txn->savepoint_capacity * sizeof *grown,
                      more * sizeof *grown);
        if (grown == NULL) return SB_FAIL_NOMEM(err);
        txn->savepoints = grown;
        txn->savepoint_capacity = more;
    }
    const size_t index = txn->savepoint_count++;
    txn->level = ++txn->last_savepoint;
    txn->savepoints[index] =
        (sb_savepoint){.id = txn->level, .undo_count = txn->undo_count, .state = txn->now};
    for (size_t i = 0; i < txn->ext_count; i++) {
        const sb_txn_ext ext = txn->exts[i];
        const sb_status st = ext.kind->savepoint == NULL
                                 ? SB_OK
                                 : ext.kind->savepoint(ext.object, txn, txn->level, err);
        if (st == SB_OK) continue;
        /* Extensions that have marked it already drop it again. */
        while (i-- > 0)
            if (txn->exts[i].kind->release != NULL)
                txn->exts[i].kind->release(txn->exts[i].object, txn, txn->level);
        drop_savepoint(txn, index);
        return st;
    }
    *id = txn->level;
    return SB_OK;
}

sb_status sb_txn_rollback_to(sb_txn *txn, uint32_t id, sb_err *err)
{
    size_t index = 0;
    SB_ASSERT(txn->active && txn->writable);
    SB_TRY(find_savepoint(txn, id, &index, err));
    undo_to(txn, index);
    for (size_t i = txn->ext_count; i-- > 0;)
        if (txn->exts[i].kind->rollback_to != NULL)
            txn->exts[i].kind->rollback_to(txn->exts[i].object, txn, id);
    return SB_OK;
}

sb_status sb_txn_release(sb_txn *txn, uint32_t id, sb_err *err)
{
    size_t index = 0;
    SB_ASSERT(txn->active && txn->writable);
    SB_TRY(find_savepoint(txn, id, &index, err));
    drop_savepoint(txn, index);
    for (size_t i = 0; i < txn->ext_count; i++)
        if (txn->exts[i].kind->release != NULL)
            txn->exts[i].kind->release(txn->exts[i].object, txn, id);
    return SB_OK;
}

/* ---- Extensions ------------------------------------------------------------------------------ */

void *sb_txn_ext_find(const sb_txn *txn, const sb_txn_ext_kind *kind)
{
    for (size_t i = 0; i < txn->ext_count; i++)
        if (txn->exts[i].kind == kind) return txn->exts[i].object;
    return NULL;
}

sb_status sb_txn_ext_get(sb_txn *txn, const sb_txn_ext_kind *kind, void **object, sb_err *err)
{
    SB_ASSERT(txn->active);
    *object = sb_txn_ext_find(txn, kind);
    if (*object != NULL) return SB_OK;
    void *made = NULL;
    SB_TRY(kind->create(txn, &made, err));
    /* After create, which may itself have asked for other extensions. */
    if (txn->ext_count == txn->ext_capacity) {
        const size_t more = txn->ext_capacity == 0 ? 8 : 2 * txn->ext_capacity;
        sb_txn_ext *grown = sb_resize(txn->pager->alloc, txn->exts,
                                      txn->ext_capacity * sizeof *grown, more * sizeof *grown);
        if (grown == NULL) {
            if (kind->end != NULL) kind->end(made, false);
            return SB_FAIL_NOMEM(err);
        }
        txn->exts = grown;
        txn->ext_capacity = more;
    }
    txn->exts[txn->ext_count++] = (sb_txn_ext){.kind = kind, .object = made};
    *object = made;
    return SB_OK;
}
