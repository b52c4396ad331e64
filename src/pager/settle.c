/* settle.c — what was not synced, and who makes up for it: a WAL that recovery found, and what a handle in `off` wrote.
 *
 * I30 Shared memory tells of commits that are there; it vouches for them only once `settled` is set. Before, `durable` and `backfilled` may
 *     be ahead of the disk, and `unsynced` says in what. Who writes or back-fills in full or normal settles first: rewrites what a failed
 *     sync may have dropped, syncs WAL, main file and directory, clears `unsynced`, sets `settled`, holding the writer's and the
 *     checkpoint's lock. Whoever writes or back-fills has one of these and looks at `settled` under it, never at its own level:
 *     from then on all sync, also those in off, until all have closed the file. So nothing that full or normal relies on was, or will be,
 *     written without syncs. A failed sync of the WAL is remembered from one opener to the next (shm.c), so that one who may not write,
 *     fails or is killed does not lose it.
 * I31 What is left by those who did not sync outlives them in page 0: its back-fill stamp says so before anything else is written, until
 *     somebody settles. The stamp itself needs no sync: once the power was gone, what is read is on the disk. */
#include "pager/pager_priv.h"

/* After a failed sync the kernel may hold pages that are marked clean but never reached the disk:
 * writing them again makes the next sync mean something. */
static sb_status write_anew(sb_pager *pager, sb_file *file, uint64_t bytes, sb_err *err)
{
    sb_file_info info;
    SB_TRY(file->ops->info(file, &info, err));
    if (bytes > info.bytes) bytes = info.bytes;
    uint8_t *buffer = sb_alloc(pager->alloc, SB_WAL_STEP_BYTES);
    if (buffer == NULL) return SB_FAIL_NOMEM(err);
    sb_status st = SB_OK;
    for (uint64_t done = 0; done < bytes && st == SB_OK; done += SB_WAL_STEP_BYTES) {
        const uint64_t left = bytes - done;
        const size_t part = left < SB_WAL_STEP_BYTES ? (size_t)left : SB_WAL_STEP_BYTES;
        st = sb_file_read_all(file, done, buffer, part, err);
        if (st == SB_OK) st = sb_file_write_all(file, done, buffer, part, err);
    }
    sb_free(pager->alloc, buffer, SB_WAL_STEP_BYTES);
    return st;
}

static sb_status settle_wal(sb_pager *pager, uint64_t unsynced, sb_mark mark, sb_err *err)
{
    bool opened = false;
    SB_TRY(sb_pager__wal_have(pager, false, &opened, err));
    if (!opened) return SB_OK;
    sb_file *wal = pager->wal_file;
    if ((unsynced & SB_UNSYNCED_WAL_ANEW) != 0)
        SB_TRY(write_anew(pager, wal, (uint64_t)sb_mark_pos(mark) * SB_WAL_UNIT, err));
    const sb_status st = wal->ops->sync(wal, err);
    if (st != SB_OK) atomic_fetch_or(&pager->shm->unsynced, SB_UNSYNCED_WAL | SB_UNSYNCED_WAL_ANEW);
    return st;
}

static sb_status settle_main(sb_pager *pager, uint64_t unsynced, sb_err *err)
{
    sb_vfs *vfs = pager->vfs;
    const uint64_t failures = sb_pager__main_failures(pager);
    if ((unsynced & SB_UNSYNCED_MAIN) == 0) return SB_OK;
    if ((unsynced & SB_UNSYNCED_MAIN_ANEW) != 0)
        SB_TRY(write_anew(pager, pager->main_file, UINT64_MAX, err));
    const sb_status st = sb_pager__sync_main(pager, failures, err);
    if (st == SB_OK) {
        SB_TRY(vfs->ops->sync_directory(vfs, pager->main_path, err));
        return sb_pager__stamp_unsynced(pager, pager->main_file, 0, err);
    }
    atomic_fetch_or(&pager->shm->unsynced, SB_UNSYNCED_MAIN_ANEW);
    /* benign when it fails: those who have the file open know */
    const sb_status told =
        sb_pager__stamp_unsynced(pager, pager->main_file, SB_UNSYNCED_STAMPED, NULL);
    (void)told;
    return st;
}

static sb_status settle_all(sb_pager *pager, sb_mark mark, sb_err *err)
{
    const uint64_t unsynced = atomic_load(&pager->shm->unsynced);
    if (unsynced == 0) return SB_OK;
    SB_TRY(settle_wal(pager, unsynced, mark, err));
    SB_TRY(settle_main(pager, unsynced, err));
    atomic_store(&pager->shm->unsynced, 0);
    return SB_OK;
}

/* Whoever back-fills keeps it for long only in off, and then `unsynced` has been said already, or it is settled. */
static sb_status keep_out_backfills(sb_pager *pager, sb_err *err)
{
    char holder[SB_HOLDER_BYTES];
    bool taken = false;
    sb_mutex_lock(pager->checkpoint_mutex);
    sb_status st = sb_pager__lock(pager, SB_LOCK_CHECKPOINT, SB_LOCK_EXCLUSIVE,
                                  pager->busy_timeout_ns, &taken, err);
    if (st == SB_OK && !taken) {
        sb_pager__holder(pager->main_file, SB_LOCK_CHECKPOINT, "another process", holder);
        st = SB_FAIL(err, SB_BUSY, "%s: a checkpoint in durability off is running in %s",
                     pager->path, holder);
    }
    if (st != SB_OK) sb_mutex_unlock(pager->checkpoint_mutex);
    return st;
}

static void let_in_backfills(sb_pager *pager)
{
    sb_pager__unlock(pager, SB_LOCK_CHECKPOINT);
    sb_mutex_unlock(pager->checkpoint_mutex);
}

sb_status sb_pager__settle(sb_pager *pager, sb_err *err)
{
    sb_shm *shm = pager->shm;
    if (sb_pager__poisoned(pager)) return sb_pager__poisoned_error(err);
    SB_TRY(keep_out_backfills(pager, err));
    const sb_mark appended = atomic_load(&shm->appended);
    /* The first opener may not have been allowed to. */
    sb_status st = sb_pager__stamps_mend(pager, err);
    if (st == SB_OK) st = settle_all(pager, appended, err);
    if (st == SB_OK) {
        sb_pager__raise(&shm->durable, appended); /* what off has appended was synced by now */
        atomic_store_explicit(&shm->settled, 1, memory_order_release);
    }
    let_in_backfills(pager);
    return st;
}

/* Who may not write syncs what can be synced so, since it shows it; the rest stays to be done. */
static void sync_found(sb_pager *pager)
{
    sb_err err;
    sb_err_clear(&err);
    const uint64_t unsynced = atomic_load(&pager->shm->unsynced);
    if ((unsynced & SB_UNSYNCED_WAL) == 0 || (unsynced & SB_UNSYNCED_WAL_ANEW) != 0) return;
    if (settle_wal(pager, unsynced, 0, &err) == SB_OK)
        atomic_fetch_and(&pager->shm->unsynced, ~(uint64_t)SB_UNSYNCED_WAL);
    else
        sb_pager_log(pager, SB_LOG_WARNING,
                     "%s: what is read from the WAL may not be on stable storage: %s", pager->path,
                     err.text);
}

sb_status sb_pager__settle_found(sb_pager *pager, sb_mark mark, sb_err *err)
{
    if (atomic_load_explicit(&pager->durability, memory_order_relaxed) == SB_DURABLE_OFF)
        return SB_OK;
    if (!pager->read_only) return settle_all(pager, mark, err);
    sync_found(pager);
    return SB_OK;
}

sb_status sb_pager__begin_unsynced(sb_pager *pager, sb_err *err)
{
    sb_shm *shm = pager->shm;
    if (sb_pager__is_settled(pager) || (atomic_load(&shm->unsynced) & SB_UNSYNCED_MAIN) != 0)
        return SB_OK;
    SB_TRY(keep_out_backfills(pager, err));
    const sb_status st = sb_pager__stamp_unsynced(pager, pager->main_file, SB_UNSYNCED_MAIN, err);
    if (st == SB_OK) atomic_fetch_or(&shm->unsynced, SB_UNSYNCED_MAIN);
    let_in_backfills(pager);
    return st;
}
