/* sync.c — group commit and poison.
 *
 * I8  `durable` is raised to a mark only after a sync that began when `appended` had already reached it, so
 *     every frame before it, whichever process wrote it, was in the file when the sync began.
 * I9  A sync that failed may have dropped what it should have written, and a later one may succeed
 *     without writing it. So the first failure poisons the file: commits past `durable` return SB_POISONED,
 *     in every process, and nobody appends until all have closed and one has recovered.
 * One thread of a process syncs at a time, for all that have appended by then; the others wait. */
#include "pager/pager_priv.h"

static sb_status sync_wal(sb_pager *pager, sb_err *err)
{
    sb_file *file = pager->wal_file;
    const uint64_t started = SB_PROFILE_START(pager->options.profile);
    atomic_fetch_add_explicit(&pager->syncs, 1, memory_order_relaxed);
    SB_PROFILE_ADD(pager->options.profile, WAL_SYNCS, 1);
    const sb_status st = file->ops->sync(file, err);
    SB_PROFILE_STOP(pager->options.profile, SYNC_NS, started);
    return st;
}

/* Another process may have made the WAL, and this one not have looked at it yet. */
static sb_status have_wal(sb_pager *pager, sb_err *err)
{
    bool opened = false;
    if (SB_LIKELY(pager->wal_file != NULL)) return SB_OK;
    sb_mutex_lock(pager->index_mutex);
    const sb_status st = sb_pager__wal_open(pager, false, &opened, err);
    sb_mutex_unlock(pager->index_mutex);
    if (st == SB_OK && !opened)
        return SB_FAIL(err, SB_CORRUPT, "%s is gone while the database is in use", pager->wal_path);
    return st;
}

sb_status sb_pager__sync_to(sb_pager *pager, sb_mark mark, sb_err *err)
{
    sb_shm *shm = pager->shm;
    if (atomic_load(&shm->durable) >= mark) return SB_OK;
    sb_status st = have_wal(pager, err);
    if (st != SB_OK) return st;
    sb_mutex_lock(pager->sync_mutex);
    while (st == SB_OK && atomic_load(&shm->durable) < mark) {
        if (sb_pager__poisoned(pager)) {
            st = sb_pager__poisoned_error(err);
        } else if (pager->syncing) {
            sb_condition_wait(pager->sync_done, pager->sync_mutex);
        } else {
            pager->syncing = true;
            sb_mutex_unlock(pager->sync_mutex);
            const sb_mark target = atomic_load(&shm->appended); /* before the sync (I8) */
            const sb_status synced = sync_wal(pager, NULL);
            sb_mutex_lock(pager->sync_mutex);
            pager->syncing = false;
            if (synced == SB_OK)
                sb_pager__raise(&shm->durable, target);
            else
                atomic_store(&shm->poisoned, 1);
            sb_condition_broadcast(pager->sync_done);
        }
    }
    sb_mutex_unlock(pager->sync_mutex);
    return st;
}

sb_status sb_pager__sync_main(sb_pager *pager, sb_err *err)
{
    sb_file *file = pager->main_file;
    const uint64_t started = SB_PROFILE_START(pager->options.profile);
    atomic_fetch_add_explicit(&pager->syncs, 1, memory_order_relaxed);
    SB_PROFILE_ADD(pager->options.profile, FILE_SYNCS, 1);
    const sb_status st = file->ops->sync(file, err);
    SB_PROFILE_STOP(pager->options.profile, SYNC_NS, started);
    return st;
}
