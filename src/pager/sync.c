/* sync.c — group commit and poison.
 *
 * I8  `durable` is raised to a mark only after a sync that began when `appended` had already reached it, so
 *     every frame before it, whichever process wrote it, was in the file when the sync began. Until somebody has settled, it may
 *     also be ahead of the disk (settle.c I30).
 * I9  A sync that failed may have dropped what it should have written, and a later one may succeed
 *     without writing it. So the first failure poisons the file: commits past `durable` return SB_POISONED,
 *     in every process, and nobody appends until all have closed and one has recovered.
 * A process runs up to two syncs at a time, each for all that have appended when it begins; who is covered by
 * neither waits. Most of a sync is waiting for the device, which takes two orders in little more time than one, and who
 * comes while one runs need not wait for its end before their own begins.
 * I20 Linux reports a failed write-back once to each open file. Each lane therefore has an open file of its own, and
 *     the second counts only after a sync of the first has succeeded that began when the second was open already:
 *     a failure that came before it was opened, and that it would not be told of, has then been told to the first.
 *     Once the file is poisoned, no sync raises `durable` any more.
 * I37 The main file has one open file for a transaction that bypasses the WAL and for a back-fill, which may write at the same time. A
 *     failure is told to one of them, and the other's sync succeeds though what it has written was dropped as well. So each notes how
 *     many calls have failed before it writes, and its sync counts if none has failed since; one such call runs at a time, so that none
 *     has been told and not noted it yet. */
#include "pager/pager_priv.h"

static sb_status sync_wal(sb_pager *pager, sb_file *file)
{
    const uint64_t started = SB_PROFILE_START(pager->options.profile);
    atomic_fetch_add_explicit(&pager->syncs, 1, memory_order_relaxed);
    SB_PROFILE_ADD(pager->options.profile, WAL_SYNCS, 1);
    const sb_status st = file->ops->sync(file, NULL);
    SB_PROFILE_STOP(pager->options.profile, SYNC_NS, started);
    return st;
}

/* The WAL's second open file. What stands under its name may be another one by now, if somebody meddled. */
static void open_second(sb_pager *pager)
{
    sb_file *first = pager->wal_file, *second = NULL;
    sb_file_info info[2] = {{0}};
    sb_status st = sb_vfs_open(pager->vfs, pager->wal_path, SB_OPEN_BESIDE, &second, NULL);
    if (st == SB_OK) st = first->ops->info(first, &info[0], NULL);
    if (st == SB_OK) st = second->ops->info(second, &info[1], NULL);
    if (st != SB_OK || info[0].inode != info[1].inode || info[0].device != info[1].device) {
        sb_file_close(second); /* benign: one sync at a time then */
        pager->lane_two = SB_LANE_REFUSED;
        return;
    }
    pager->wal_second = second;
    pager->lane_two = SB_LANE_OPENED;
}

/* A lane that is free, NULL when there is none. */
static sb_sync_lane *free_lane(sb_pager *pager)
{
    if (!pager->lanes[0].busy) return &pager->lanes[0];
    if (pager->lane_two == SB_LANE_UNWANTED) pager->lane_two = SB_LANE_WANTED;
    return pager->lane_two == SB_LANE_READY && !pager->lanes[1].busy ? &pager->lanes[1] : NULL;
}

static bool is_under_way(const sb_pager *pager, sb_mark mark)
{
    for (unsigned i = 0; i < SB_SYNC_LANES; i++)
        if (pager->lanes[i].busy && pager->lanes[i].target >= mark) return true;
    return false;
}

/* One who waits for a sync that another thread runs. On that thread's stack until its event is set. */
struct sb_sync_waiter {
    sb_sync_waiter *next;
    sb_mark mark;
    sb_event done;
};

/* Take from the list those that have their answer, and one to run the next sync if no running one will bring it. */
static sb_sync_waiter *take_served(sb_pager *pager)
{
    const sb_mark durable = atomic_load(&pager->shm->durable);
    const bool poisoned = sb_pager__poisoned(pager);
    sb_sync_waiter *served = NULL, **at = &pager->sync_waiters;
    bool has_leader = false;
    while (*at != NULL) {
        sb_sync_waiter *waiter = *at;
        const bool leads = !has_leader && waiter->mark > durable &&
                           !is_under_way(pager, waiter->mark) && free_lane(pager) != NULL;
        if (!poisoned && waiter->mark > durable && !leads) {
            at = &waiter->next;
            continue;
        }
        has_leader = has_leader || leads;
        *at = waiter->next;
        waiter->next = served;
        served = waiter;
    }
    return served;
}

/* Without the mutex, so that nobody wakes only to wait for it. */
static void wake(sb_sync_waiter *served)
{
    while (served != NULL) {
        sb_sync_waiter *next = served->next; /* it is gone once the event is set */
        sb_event_set(&served->done);
        served = next;
    }
}

/* These two: sync_mutex is held, and given up. */
static void run_and_unlock(sb_pager *pager, sb_sync_lane *lane)
{
    const bool is_first = lane == &pager->lanes[0];
    lane->busy = true;
    if (is_first && pager->lane_two == SB_LANE_WANTED) open_second(pager);
    const bool proves_second = is_first && pager->lane_two == SB_LANE_OPENED;
    sb_file *file = is_first ? pager->wal_file : pager->wal_second;
    lane->target = atomic_load(&pager->shm->appended); /* before the sync (I8) */
    sb_mutex_unlock(pager->sync_mutex);
    const sb_status st = sync_wal(pager, file);
    sb_mutex_lock(pager->sync_mutex);
    lane->busy = false;
    if (st != SB_OK)
        atomic_store(&pager->shm->poisoned, 1);
    else if (!sb_pager__poisoned(pager)) /* I20 */
        sb_pager__raise(&pager->shm->durable, lane->target);
    if (st == SB_OK && proves_second) pager->lane_two = SB_LANE_READY;
    sb_sync_waiter *served = take_served(pager);
    sb_mutex_unlock(pager->sync_mutex);
    wake(served);
}

static void wait_and_unlock(sb_pager *pager, sb_mark mark)
{
    sb_sync_waiter waiter = {.next = pager->sync_waiters, .mark = mark};
    sb_event_init(&waiter.done);
    /* It leaves the list before it is woken, so before this call returns. */
    pager->sync_waiters = &waiter; /* cppcheck-suppress autoVariables */
    sb_mutex_unlock(pager->sync_mutex);
    sb_event_wait(&waiter.done);
}

/* Another process may have made the WAL, and this one not have looked at it yet. */
static sb_status have_wal(sb_pager *pager, sb_err *err)
{
    return SB_LIKELY(pager->wal_file != NULL) ? SB_OK : sb_pager__wal_need(pager, err);
}

sb_status sb_pager__sync_to(sb_pager *pager, sb_mark mark, sb_err *err)
{
    sb_shm *shm = pager->shm;
    if (atomic_load(&shm->durable) >= mark) return SB_OK;
    sb_status st = have_wal(pager, err);
    if (st != SB_OK) return st;
    while (atomic_load(&shm->durable) < mark) {
        sb_mutex_lock(pager->sync_mutex);
        if (atomic_load(&shm->durable) >= mark || sb_pager__poisoned(pager)) {
            sb_mutex_unlock(pager->sync_mutex);
            return atomic_load(&shm->durable) >= mark ? SB_OK : sb_pager__poisoned_error(err);
        }
        sb_sync_lane *lane = is_under_way(pager, mark) ? NULL : free_lane(pager);
        if (lane == NULL)
            wait_and_unlock(pager, mark);
        else
            run_and_unlock(pager, lane);
    }
    return SB_OK;
}

/* A call that tells of writes that were lost, told to this open file alone: all who have written there must hear of it (I37). */
static sb_status note_failure(sb_pager *pager, sb_status st)
{
    if (st != SB_OK) atomic_fetch_add(&pager->main_failures, 1);
    return st;
}

sb_status sb_pager__sync_main(sb_pager *pager, uint64_t failures, sb_err *err)
{
    sb_file *file = pager->main_file;
    const uint64_t started = SB_PROFILE_START(pager->options.profile);
    atomic_fetch_add_explicit(&pager->syncs, 1, memory_order_relaxed);
    SB_PROFILE_ADD(pager->options.profile, FILE_SYNCS, 1);
    sb_mutex_lock(pager->main_sync_mutex);
    sb_status st = note_failure(pager, file->ops->sync(file, err));
    if (st == SB_OK && sb_pager__main_failures(pager) != failures)
        st = SB_FAIL(err, SB_IO,
                     "%s: a sync of another thread failed, and what was written may be lost",
                     pager->path);
    sb_mutex_unlock(pager->main_sync_mutex);
    SB_PROFILE_STOP(pager->options.profile, SYNC_NS, started);
    return st;
}

sb_status sb_pager__write_back_main(sb_pager *pager, uint64_t offset, uint64_t bytes, sb_err *err)
{
    sb_mutex_lock(pager->main_sync_mutex);
    const sb_status st =
        note_failure(pager, sb_file_write_back(pager->main_file, offset, bytes, err));
    sb_mutex_unlock(pager->main_sync_mutex);
    return st;
}
