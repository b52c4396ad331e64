/* shm.c — what processes share: three words, the reader slots, and the lock bytes.
 *
 * Locks are byte ranges of the main file (never removed or replaced while in use), taken per open
 * file description, so that two opens in one process exclude each other like two processes.
 * I10 A slot belongs to whoever holds its lock byte; the mark in it counts only then. A process killed
 *     leaves its marks behind and loses its locks: the next one to mind clears them.
 *     Who has mapped -shm shares a lock on it, too. It has the main file's name, which hard links give several of, while locks go
 *     with the file: where the file is in use and nobody has the -shm of this name, it is in use by another name.
 * I11 All words are single 64-bit atomics that only grow, and nothing else in shared memory is needed
 *     to read the file (page tables are private): a process killed anywhere leaves nothing half done. */
#include "pager/pager_priv.h"

#include <errno.h>
#include <stdio.h>

static uint32_t shm_crc(const sb_shm *shm)
{
    return sb_crc32c(0, shm, offsetof(sb_shm, crc));
}

/* Zeros are written over the whole file, holes included: to touch a page of a map that the file system has no room for
 * raises a signal, to write it is SB_FULL. One thing of what was there stays: that a sync of the WAL has failed. It is carried over from
 * opener to opener until one has written the WAL anew, whoever fails or is killed before (I30); the words come last for that. */
static sb_status clear_file(sb_pager *pager, uint64_t bytes, sb_err *err)
{
    sb_file *file = pager->shm_file;
    const size_t words = offsetof(sb_shm, slots);
    uint8_t head[offsetof(sb_shm, slots)];
    uint64_t magic, poisoned, unsynced, left = 0;
    static_assert(SB_SHM_BYTES == SB_PAGE_BYTES_MAX, "as many zeros as there are");
    if (bytes >= SB_SHM_BYTES) {
        SB_TRY(sb_file_read_all(file, 0, head, sizeof head, err));
        memcpy(&magic, head + offsetof(sb_shm, magic), sizeof magic);
        memcpy(&poisoned, head + offsetof(sb_shm, poisoned), sizeof poisoned);
        memcpy(&unsynced, head + offsetof(sb_shm, unsynced), sizeof unsynced);
        if (magic == SB_SHM_MAGIC && (poisoned != 0 || (unsynced & SB_UNSYNCED_WAL_ANEW) != 0))
            left = SB_UNSYNCED_WAL_ANEW;
    }
    magic = SB_SHM_MAGIC;
    memset(head, 0, sizeof head);
    memcpy(head + offsetof(sb_shm, magic), &magic, sizeof magic);
    memcpy(head + offsetof(sb_shm, unsynced), &left, sizeof left);
    SB_TRY(sb_file_write_all(file, words, sb_pager__zeros, SB_SHM_BYTES - words, err));
    return sb_file_write_all(file, 0, head, words, err);
}

/* The database is in use, and the shared memory of this name is not: there is none, or nobody has it. */
static sb_status elsewhere(const sb_pager *pager, sb_err *err)
{
    if (pager->links <= 1)
        return SB_FAIL(err, SB_CORRUPT, "%s is gone while the database is in use", pager->shm_path);
    return SB_FAIL(err, SB_BUSY,
                   "%s is in use by another of its %llu names (hard links): open it by that name",
                   pager->path, (unsigned long long)pager->links);
}

void sb_pager__holder(sb_file *file, uint64_t byte, const char *unknown, char text[SB_HOLDER_BYTES])
{
    char name[64];
    const uint64_t pid = file->ops->lock_holder(file, byte);
    sb_os_process_name(pid, name, sizeof name);
    if (pid == 0)
        (void)snprintf(text, SB_HOLDER_BYTES, "%s", unknown);
    else if (pid == sb_os_process_id())
        (void)snprintf(text, SB_HOLDER_BYTES, "this process");
    else
        (void)snprintf(text, SB_HOLDER_BYTES, "process %llu (%s)", (unsigned long long)pid, name);
}

void sb_pager__holder_tagged(sb_pager *pager, uint64_t byte, uint64_t tag,
                             char text[SB_HOLDER_BYTES])
{
    char name[64];
    const uint64_t pid = sb_os_process_of_tag(tag);
    sb_os_process_name(pid, name, sizeof name);
    /* 0: it has yet to say so, or is in another container. No such process: it was killed, and a child that it had forked lives on with the
     * lock. */
    if (pid == 0 || strcmp(name, "?") == 0)
        sb_pager__holder(pager->main_file, byte, "another process", text);
    else
        (void)snprintf(text, SB_HOLDER_BYTES, "process %llu (%s)", (unsigned long long)pid, name);
}

sb_status sb_pager__name_in_use(const char *name, sb_file *shm, sb_err *err)
{
    char holder[SB_HOLDER_BYTES];
    sb_pager__holder(shm, SB_LOCK_OPEN, "another process", holder);
    return SB_FAIL(
        err, SB_BUSY,
        "%s: a database that had this name when it was opened, and was renamed or removed "
        "since, is still in use by %s: close it first",
        name, holder);
}

sb_status sb_pager__leads_to(sb_vfs *vfs, const char *path, sb_file *file, bool *leads, sb_err *err)
{
    sb_file *named = NULL;
    sb_file_info mine, found;
    sb_err cause;
    *leads = false;
    SB_TRY(file->ops->info(file, &mine, err));
    sb_err_clear(&cause);
    sb_status st = sb_vfs_open(vfs, path, SB_OPEN_BESIDE | SB_OPEN_READ_ONLY, &named, &cause);
    if (st == SB_CANT_OPEN && cause.os_error == ENOENT) return SB_OK;
    if (st != SB_OK) return SB_FAIL_OS(err, st, cause.os_error, "%s", cause.text);
    st = named->ops->info(named, &found, err);
    sb_file_close(named);
    *leads = st == SB_OK && mine.device == found.device && mine.inode == found.inode;
    return st;
}

/* The main file is not in use, but the shared memory of its name is: by a database whose main file was renamed or removed since it was
 * opened, which the locks on the main file do not tell. It is about to go only if that database is being closed. */
static sb_status take_over(sb_pager *pager, sb_err *err)
{
    sb_vfs *vfs = pager->vfs;
    sb_file *file = pager->shm_file;
    const uint64_t started = vfs->ops->monotonic_ns(vfs);
    for (;;) {
        bool taken = false;
        SB_TRY(file->ops->lock(file, SB_LOCK_OPEN, 1, SB_LOCK_EXCLUSIVE, &taken, err));
        if (taken) return SB_OK;
        if (vfs->ops->monotonic_ns(vfs) - started >= pager->options.busy_timeout_ns)
            return sb_pager__name_in_use(pager->path, file, err);
        vfs->ops->sleep_ns(vfs, 500000);
    }
}

static sb_status open_shm(sb_pager *pager, bool first, sb_err *err)
{
    sb_err cause;
    bool taken = false;
    sb_err_clear(&cause);
    const sb_status st =
        sb_vfs_open(pager->vfs, pager->shm_path, SB_OPEN_BESIDE | (first ? SB_OPEN_CREATE : 0u),
                    &pager->shm_file, &cause);
    if (st == SB_CANT_OPEN && cause.os_error == ENOENT && !first) return elsewhere(pager, err);
    if (st != SB_OK) return SB_FAIL_OS(err, st, cause.os_error, "%s", cause.text);
    sb_file *file = pager->shm_file;
    if (first) SB_TRY(take_over(pager, err));
    if (!first && pager->links > 1) {
        SB_TRY(file->ops->lock(file, SB_LOCK_OPEN, 1, SB_LOCK_EXCLUSIVE, &taken, err));
        if (taken) return elsewhere(pager, err);
    }
    /* Not taken: somebody looks, as above; he finds the others' lock. */
    return file->ops->lock(file, SB_LOCK_OPEN, 1, SB_LOCK_SHARED, &taken, err);
}

/* There is no room for it, and a full disk is not to keep an empty one, either. One that was there before has something to tell. */
static void discard_new(sb_pager *pager)
{
    bool existed = false;
    /* benign when it fails: the next one finds it empty */
    const sb_status st = pager->vfs->ops->remove(pager->vfs, pager->shm_path, &existed, NULL);
    (void)st;
}

sb_status sb_pager__shm_open(sb_pager *pager, bool first, sb_err *err)
{
    SB_TRY(open_shm(pager, first, err));
    sb_file *file = pager->shm_file;
    sb_file_info info;
    SB_TRY(file->ops->info(file, &info, err));
    if (first) {
        const sb_status st = clear_file(pager, info.bytes, err);
        if (st != SB_OK && info.bytes == 0) discard_new(pager);
        if (st != SB_OK) return st;
    }
    if (!first && info.bytes < SB_SHM_BYTES)
        return SB_FAIL(err, SB_CORRUPT, "%s is cut short while the database is in use",
                       pager->shm_path);
    void *address = NULL;
    SB_TRY(file->ops->map(file, 0, SB_SHM_BYTES, true, &address, err));
    pager->shm = address;
    sb_shm *shm = pager->shm;
    if (first) return SB_OK;
    if (shm->magic != SB_SHM_MAGIC || shm->crc != shm_crc(shm) ||
        shm->file_salt != pager->file_salt || shm->page_bytes != pager->page_bytes)
        return SB_FAIL(err, SB_CORRUPT, "%s is not the shared memory of %s", pager->shm_path,
                       pager->path);
    return SB_OK;
}

void sb_pager__shm_publish_header(sb_pager *pager)
{
    sb_shm *shm = pager->shm;
    shm->file_salt = pager->file_salt;
    shm->page_bytes = pager->page_bytes;
    shm->crc = shm_crc(shm);
}

void sb_pager__shm_close(sb_pager *pager)
{
    if (pager->shm_file != NULL) {
        if (pager->shm != NULL)
            pager->shm_file->ops->unmap(pager->shm_file, pager->shm, SB_SHM_BYTES);
        sb_file_close(pager->shm_file);
    } else if (pager->shm != NULL) {
        sb_free(pager->alloc, pager->shm, sizeof *pager->shm);
    }
    pager->shm_file = NULL;
    pager->shm = NULL;
}

void sb_pager__raise(_Atomic uint64_t *word, sb_mark mark)
{
    uint64_t now = atomic_load(word);
    while (now < mark && !atomic_compare_exchange_weak(word, &now, mark)) {
    }
}

bool sb_pager__poisoned(const sb_pager *pager)
{
    return atomic_load_explicit(&pager->shm->poisoned, memory_order_relaxed) != 0;
}

sb_status sb_pager__poisoned_error(sb_err *err)
{
    return SB_FAIL(err, SB_POISONED,
                   "an earlier sync of the database failed, so commits since then may be lost: "
                   "close it everywhere "
                   "and open it again to recover");
}

sb_status sb_pager_same_process(const sb_pager *pager, sb_err *err)
{
    if (SB_LIKELY(sb_fork_guard_same_process(pager->fork_guard))) return SB_OK;
    return SB_FAIL(
        err, SB_MISUSE,
        "the database was opened by the parent of this forked process: open it again here");
}

/* ---- Lock bytes ------------------------------------------------------------------------------ */

sb_status sb_pager__lock(sb_pager *pager, uint64_t byte, sb_lock_kind kind, uint64_t timeout_ns,
                         bool *taken, sb_err *err)
{
    sb_file *file = pager->main_file;
    sb_vfs *vfs = pager->vfs;
    uint64_t pause = 20000; /* 20 µs to start with: a commit in normal mode takes about as long */
    uint64_t started = 0;
    for (bool waiting = false;; waiting = true) {
        SB_TRY(file->ops->lock(file, byte, 1, kind, taken, err));
        if (*taken || timeout_ns == 0) return SB_OK;
        const uint64_t now = vfs->ops->monotonic_ns(vfs); /* who need not wait reads no clock */
        if (!waiting) started = now;
        const uint64_t waited = now - started;
        if (waited >= timeout_ns) return SB_OK;
        vfs->ops->sleep_ns(vfs, pause < timeout_ns - waited ? pause : timeout_ns - waited);
        if (pause < 1000000) pause *= 2;
    }
}

void sb_pager__unlock(sb_pager *pager, uint64_t byte)
{
    sb_file *file = pager->main_file;
    bool taken;
    /* Dropping a lock of one's own open file can not fail but for a bug; closing drops it anyway. */
    const sb_status st = file->ops->lock(file, byte, 1, SB_LOCK_NONE, &taken, NULL);
    (void)st;
}

sb_status sb_pager__guard_take(sb_pager *pager, uint64_t timeout_ns, bool *taken, sb_err *err)
{
    const sb_lock_kind kind = pager->mode == SB_MODE_GUARD ? SB_LOCK_SHARED : SB_LOCK_EXCLUSIVE;
    sb_vfs *vfs = pager->vfs;
    uint64_t started = 0;
    for (bool waiting = false;; waiting = true) {
        sb_mutex_lock(pager->slots_mutex);
        *taken = pager->guard_count > 0;
        const sb_status st =
            *taken ? SB_OK : sb_pager__lock(pager, SB_LOCK_GUARD, kind, 0, taken, err);
        if (*taken) pager->guard_count++;
        sb_mutex_unlock(pager->slots_mutex);
        if (st != SB_OK || *taken || timeout_ns == 0) return st;
        const uint64_t now = vfs->ops->monotonic_ns(vfs);
        if (!waiting) started = now;
        if (now - started >= timeout_ns) return SB_OK;
        vfs->ops->sleep_ns(vfs, 200000); /* 0.2 ms: the other side holds it for a checkpoint */
    }
}

bool sb_pager__guard_drop(sb_pager *pager)
{
    sb_mutex_lock(pager->slots_mutex);
    SB_ASSERT(pager->guard_count > 0);
    const bool last = --pager->guard_count == 0;
    if (last) sb_pager__unlock(pager, SB_LOCK_GUARD);
    sb_mutex_unlock(pager->slots_mutex);
    return last;
}

/* A small commit holds the lock for some ten microseconds, less than putting a thread to sleep and waking it takes. So
 * one of those who wait, if there is a processor to spare, looks on for about that long. */
static bool watch_writer_flag(sb_pager *pager)
{
    if (!pager->may_spin ||
        atomic_exchange_explicit(&pager->writer_watched, true, memory_order_relaxed))
        return false;
    for (unsigned i = 0; i < SB_WRITER_SPINS; i++) {
        if (!atomic_load_explicit(&pager->writer_busy, memory_order_relaxed)) break;
        sb_os_spin_pause();
    }
    return true;
}

/* Take the process's flag; false when the time is over. *waited_ns: time spent; no clock is read when it was free. */
static bool take_writer_flag(sb_pager *pager, uint64_t timeout_ns, uint64_t *waited_ns)
{
    sb_vfs *vfs = pager->vfs;
    uint64_t waited = 0;
    bool watches = false;
    if (timeout_ns != 0 && atomic_load_explicit(&pager->writer_busy, memory_order_relaxed))
        watches = watch_writer_flag(pager);
    sb_mutex_lock(pager->writer_mutex);
    if (watches) pager->writer_watched = false;
    if (pager->writer_busy && timeout_ns != 0) {
        const uint64_t started = vfs->ops->monotonic_ns(vfs);
        pager->writer_waiters++;
        while (pager->writer_busy && waited < timeout_ns) {
            (void)sb_condition_wait_for(pager->writer_free, pager->writer_mutex,
                                        timeout_ns - waited);
            waited = vfs->ops->monotonic_ns(vfs) - started;
        }
        pager->writer_waiters--;
    }
    const bool taken = !pager->writer_busy;
    if (taken) pager->writer_busy = true;
    sb_mutex_unlock(pager->writer_mutex);
    *waited_ns = waited;
    return taken;
}

static void give_writer_flag(sb_pager *pager)
{
    sb_mutex_lock(pager->writer_mutex);
    pager->writer_busy = false;
    /* Who watches takes it next or, when somebody else was faster, leaves it to that one to signal. */
    const bool signal = pager->writer_waiters != 0 && !pager->writer_watched;
    sb_mutex_unlock(pager->writer_mutex);
    if (signal) sb_condition_signal(pager->writer_free);
}

static sb_status writer_busy_error(sb_pager *pager, bool in_this_pager, sb_err *err)
{
    char holder[SB_HOLDER_BYTES];
    const uint64_t tag = atomic_load(&pager->shm->writer);
    if (in_this_pager || tag == pager->process_tag)
        return SB_FAIL(err, SB_BUSY, "%s is locked by another writer of this process", pager->path);
    sb_pager__holder_tagged(pager, SB_LOCK_WRITER, tag, holder);
    return SB_FAIL(err, SB_BUSY, "%s is locked by a writer in %s", pager->path, holder);
}

/* left: the process tag of a killed writer that is still to be minded, or 0. */
static void give_writer_lock(sb_pager *pager, uint64_t left)
{
    atomic_store_explicit(&pager->shm->writer, left, memory_order_relaxed);
    sb_pager__unlock(pager, SB_LOCK_WRITER);
    give_writer_flag(pager);
}

/* The lock is ours: what the one before has left half done comes first. */
static sb_status take_over_writing(sb_pager *pager, sb_err *err)
{
    uint64_t killed = atomic_load_explicit(&pager->shm->writer, memory_order_relaxed);
    sb_status st = SB_OK;
    atomic_store_explicit(&pager->shm->writer, pager->process_tag, memory_order_relaxed);
    sb_pager__restart_finish(pager);
    if (killed != 0) st = sb_pager__adopt(pager, err);
    if (st == SB_OK) killed = 0;
    if (st == SB_OK && sb_pager__must_settle(pager)) st = sb_pager__settle(pager, err);
    if (st != SB_OK) give_writer_lock(pager, killed);
    return st;
}

sb_status sb_pager__writer_lock(sb_pager *pager, uint64_t timeout_ns, sb_err *err)
{
    uint64_t waited;
    bool taken = false;
    if (!take_writer_flag(pager, timeout_ns, &waited)) return writer_busy_error(pager, true, err);
    const sb_status st = sb_pager__lock(pager, SB_LOCK_WRITER, SB_LOCK_EXCLUSIVE,
                                        waited < timeout_ns ? timeout_ns - waited : 0, &taken, err);
    if (st == SB_OK && taken) return take_over_writing(pager, err);
    give_writer_flag(pager);
    return st != SB_OK ? st : writer_busy_error(pager, false, err);
}

void sb_pager__writer_unlock(sb_pager *pager)
{
    give_writer_lock(pager, 0);
}

/* ---- Reader slots ---------------------------------------------------------------------------- */

static sb_status try_slot(sb_session *session, uint32_t slot, bool *taken, sb_err *err)
{
    sb_pager *pager = session->pager;
    SB_TRY(sb_pager__lock(pager, SB_LOCK_SLOTS + slot, SB_LOCK_EXCLUSIVE, 0, taken, err));
    if (!*taken) return SB_OK;
    atomic_store(&pager->shm->slots[slot].mark, 0);
    atomic_store(&pager->shm->slots[slot].owner, pager->process_tag);
    sb_bit_set(pager->own_slots, slot);
    session->slot = slot;
    session->slot_mark = &pager->shm->slots[slot].mark;
    return SB_OK;
}

static sb_status find_slot(sb_session *session, sb_err *err)
{
    sb_pager *pager = session->pager;
    bool taken = false;
    /* First those that say they are free; then all, for the slots of the dead. */
    for (unsigned pass = 0; pass < 2; pass++) {
        for (uint32_t slot = 0; slot < SB_SHM_SLOTS; slot++) {
            if (sb_bit_get(pager->own_slots, slot)) continue;
            if (pass == 0 &&
                atomic_load_explicit(&pager->shm->slots[slot].owner, memory_order_relaxed) != 0)
                continue;
            SB_TRY(try_slot(session, slot, &taken, err));
            if (taken) return SB_OK;
        }
    }
    return SB_FAIL(err, SB_LIMIT, "all %u sessions that %s allows are open", SB_SHM_SLOTS,
                   pager->path);
}

sb_status sb_pager__slot_take(sb_session *session, sb_err *err)
{
    sb_pager *pager = session->pager;
    session->slot = UINT32_MAX;
    session->slot_mark = NULL;
    if (pager->mode != SB_MODE_SHARED) return SB_OK;
    sb_mutex_lock(pager->slots_mutex);
    const sb_status st = find_slot(session, err);
    sb_mutex_unlock(pager->slots_mutex);
    return st;
}

void sb_pager__slot_drop(sb_session *session)
{
    sb_pager *pager = session->pager;
    if (session->slot == UINT32_MAX) return;
    sb_mutex_lock(pager->slots_mutex);
    atomic_store(&pager->shm->slots[session->slot].mark, 0);
    atomic_store(&pager->shm->slots[session->slot].owner, 0);
    sb_pager__unlock(pager, SB_LOCK_SLOTS + session->slot);
    sb_bit_clear(pager->own_slots, session->slot);
    sb_mutex_unlock(pager->slots_mutex);
    session->slot = UINT32_MAX;
    session->slot_mark = NULL;
}

/* The mark of a slot when its owner lives, else 0 and the slot is cleared. slots_mutex is held. */
static sb_status live_mark(sb_pager *pager, uint32_t slot, uint64_t *mark, sb_err *err)
{
    *mark = atomic_load(&pager->shm->slots[slot].mark);
    if (*mark == 0 || sb_bit_get(pager->own_slots, slot)) return SB_OK;
    bool taken = false;
    SB_TRY(sb_pager__lock(pager, SB_LOCK_SLOTS + slot, SB_LOCK_EXCLUSIVE, 0, &taken, err));
    if (!taken) return SB_OK;
    atomic_store(&pager->shm->slots[slot].mark, 0);
    atomic_store(&pager->shm->slots[slot].owner, 0);
    sb_pager__unlock(pager, SB_LOCK_SLOTS + slot);
    *mark = 0;
    return SB_OK;
}

sb_status sb_pager__slots_limit(sb_pager *pager, sb_mark limit, sb_mark *least, sb_err *err)
{
    sb_status st = SB_OK;
    *least = limit;
    sb_mutex_lock(pager->slots_mutex);
    for (uint32_t slot = 0; slot < SB_SHM_SLOTS && st == SB_OK; slot++) {
        uint64_t mark = atomic_load(&pager->shm->slots[slot].mark);
        if (mark == 0 || (mark & ~SB_MARK_MAIN_ONLY) >= *least) continue;
        st = live_mark(pager, slot, &mark, err);
        if (mark != 0 && (mark & ~SB_MARK_MAIN_ONLY) < *least) *least = mark & ~SB_MARK_MAIN_ONLY;
    }
    sb_mutex_unlock(pager->slots_mutex);
    return st;
}

sb_status sb_pager__slots_in_the_way(sb_pager *pager, sb_mark end, sb_reader *oldest, sb_err *err)
{
    sb_status st = SB_OK;
    *oldest = (sb_reader){0};
    sb_mutex_lock(pager->slots_mutex);
    for (uint32_t slot = 0; slot < SB_SHM_SLOTS && st == SB_OK; slot++) {
        uint64_t word = atomic_load(&pager->shm->slots[slot].mark);
        if (word == 0) continue;
        st = live_mark(pager, slot, &word, err);
        const sb_mark mark = word & ~SB_MARK_MAIN_ONLY;
        const bool in_the_way = mark < end || (word & SB_MARK_MAIN_ONLY) == 0;
        if (word == 0 || !in_the_way || (oldest->mark != 0 && oldest->mark <= mark)) continue;
        *oldest = (sb_reader){.mark = mark, .slot = slot};
        oldest->process_tag = atomic_load(&pager->shm->slots[slot].owner);
    }
    sb_mutex_unlock(pager->slots_mutex);
    return st;
}

sb_status sb_pager__slots_in_wal(sb_pager *pager, bool *in_wal, sb_err *err)
{
    sb_reader oldest;
    const sb_status st = sb_pager__slots_in_the_way(pager, 0, &oldest, err);
    *in_wal = oldest.mark != 0;
    return st;
}

void sb_pager__slots_count(sb_pager *pager, uint64_t *readers, sb_mark *oldest)
{
    *readers = 0;
    *oldest = 0;
    for (uint32_t slot = 0; slot < SB_SHM_SLOTS; slot++) {
        const uint64_t mark = atomic_load(&pager->shm->slots[slot].mark) & ~SB_MARK_MAIN_ONLY;
        if (mark == 0) continue;
        (*readers)++;
        if (*oldest == 0 || mark < *oldest) *oldest = mark;
    }
}
