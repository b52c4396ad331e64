/* pager.c — opening, closing, creating; options and facts.
 *
 * Where this differs from the starting design (docs/ARCHITECTURE.md has the reasons):
 * - The page table is private to each process, made from frame headers, instead of lying in shared memory:
 *   there is then nothing that a killed process could leave half written (index.c, shm.c I11).
 * - All locks are byte ranges of the main file, which is never replaced while in use. A process that waits
 *   for a lock on -shm could get it on a file already removed.
 * - A reader's slot holds its mark even when it reads the main file alone (with a flag), so that it holds back
 *   back-fills and does not hold up a restart.
 * - A WAL that ends before page 0's commit is ignored (checkpoint.c I19), which saves a sync of the WAL's
 *   new header at each restart.
 *
 * Opening: whoever gets the OPEN lock exclusively is the only user, reads the WAL and makes shared memory
 * anew (never trusting what is there), then shares the lock. Others share it and join. Closing: whoever
 * gets it exclusively is the last user, checkpoints, and removes -wal and -shm.
 * I25 Of handles that close at the same moment, in one process or several, one is the last user: each asks while it has the
 *     CLOSING lock, and one that is refused gives up its part of the OPEN lock before it hands that on. So when one is refused,
 *     another has the file open who has yet to ask. One who is killed loses both locks at once. Openers have no need of it: before
 *     they share the OPEN lock they are refused it by the last user, and afterwards they are users. */
#include "pager/pager_priv.h"

#include <errno.h>
#include <stdio.h>

#define SB_CLOSING_WAIT_NS 2000000000u /* 2 s */

void sb_pager_options_init(sb_pager_options *options)
{
    memset(options, 0, sizeof *options);
    options->alloc = &sb_allocator_libc;
    options->page_bytes = SB_PAGE_BYTES_DEFAULT;
    options->create = true;
    options->durability = SB_DURABLE_FULL;
    options->read_mode = SB_READ_AUTO;
    options->cache_pages = 2048;
    options->autocheckpoint_pages = 2048; /* 16 MiB at the default page size */
    options->checkpoint_thread = true;
    options->busy_timeout_ns = 5000000000u;
    options->txn_memory_bytes = 64u << 20;
}

/* ---- Parts of a pager ------------------------------------------------------------------------ */

/* The name that the main file has until it is whole. */
static sb_status begin_whole(sb_pager *pager, const char **path, sb_err *err)
{
    bool exists = false;
    SB_TRY(sb_pager__new_begin(&pager->made, pager->vfs, pager->alloc, pager->path,
                               pager->options.busy_timeout_ns, &exists, err));
    if (exists) return SB_FAIL(err, SB_EXISTS, "%s exists already", pager->path);
    *path = pager->made.temporary;
    return SB_OK;
}

static sb_status make_paths(sb_pager *pager, const char *path, sb_err *err)
{
    pager->path_bytes = strlen(path) + 1;
    pager->path = sb_alloc(pager->alloc, pager->path_bytes);
    if (pager->path == NULL) return SB_FAIL_NOMEM(err);
    memcpy(pager->path, path, pager->path_bytes);
    if (pager->options.whole) SB_TRY(begin_whole(pager, &path, err));
    SB_TRY(sb_vfs_resolve(pager->vfs, pager->alloc, path, &pager->main_path,
                          &pager->main_path_bytes, err));
    pager->wal_path = sb_pager__join_path(pager->alloc, pager->main_path, "-wal");
    pager->shm_path = sb_pager__join_path(pager->alloc, pager->main_path, "-shm");
    return pager->wal_path != NULL && pager->shm_path != NULL ? SB_OK : SB_FAIL_NOMEM(err);
}

static sb_status make_locks(sb_pager *pager, sb_err *err)
{
    const sb_allocator *alloc = pager->alloc;
    pager->may_spin = sb_os_cpu_count() > 1;
    SB_TRY(sb_fork_guard_create(alloc, &pager->fork_guard, err));
    SB_TRY(sb_mutex_create(alloc, SB_RANK_WRITER, &pager->writer_mutex, err));
    SB_TRY(sb_condition_create(alloc, &pager->writer_free, err));
    SB_TRY(sb_mutex_create(alloc, SB_RANK_CHECKPOINT, &pager->checkpoint_mutex, err));
    SB_TRY(sb_mutex_create(alloc, SB_RANK_MAIN_SYNC, &pager->main_sync_mutex, err));
    SB_TRY(sb_mutex_create(alloc, SB_RANK_SYNC, &pager->sync_mutex, err));
    SB_TRY(sb_mutex_create(alloc, SB_RANK_INDEX, &pager->index_mutex, err));
    SB_TRY(sb_mutex_create(alloc, SB_RANK_MAP, &pager->map_mutex, err));
    SB_TRY(sb_mutex_create(alloc, SB_RANK_SLOTS, &pager->slots_mutex, err));
    SB_TRY(sb_mutex_create(alloc, SB_RANK_CACHE, &pager->cache_mutex, err));
    SB_TRY(sb_mutex_create(alloc, SB_RANK_QUEUE, &pager->worker_mutex, err));
    return sb_condition_create(alloc, &pager->worker_wake, err);
}

/* Accepts a pager made in part. */
static void destroy(sb_pager *pager)
{
    const sb_allocator *alloc = pager->alloc;
    sb_map_file_deinit(&pager->main_map);
    sb_map_file_deinit(&pager->wal_map);
    sb_pager__shm_close(pager);
    sb_file_close(pager->wal_second);
    sb_file_close(pager->wal_file);
    sb_file_close(pager->main_file); /* drops the locks */
    if (pager->made.file != NULL) sb_pager__new_leave(&pager->made);
    sb_pager__index_deinit(pager);
    sb_table_deinit(&pager->checked);
    sb_pager__cache_deinit(pager);
    sb_mutex_destroy(pager->writer_mutex);
    sb_condition_destroy(pager->writer_free);
    sb_mutex_destroy(pager->checkpoint_mutex);
    sb_mutex_destroy(pager->main_sync_mutex);
    sb_mutex_destroy(pager->sync_mutex);
    sb_mutex_destroy(pager->index_mutex);
    sb_mutex_destroy(pager->map_mutex);
    sb_mutex_destroy(pager->slots_mutex);
    sb_mutex_destroy(pager->cache_mutex);
    sb_mutex_destroy(pager->worker_mutex);
    sb_condition_destroy(pager->worker_wake);
    sb_fork_guard_destroy(pager->fork_guard);
    sb_free(alloc, pager->path, pager->path_bytes);
    sb_free(alloc, pager->main_path, pager->main_path_bytes);
    sb_free(alloc, pager->wal_path, pager->main_path_bytes + 4);
    sb_free(alloc, pager->shm_path, pager->main_path_bytes + 4);
    sb_free(alloc, pager, sizeof *pager);
}

static void init_map(sb_pager *pager, sb_map_file *map, _Atomic(sb_file *) *file)
{
    map->pager = pager;
    map->file = file;
    map->shift = sb_ctz64(pager->vfs->map_step_bytes);
}

static sb_status make_parts(sb_pager *pager, const char *path, sb_err *err)
{
    sb_table_init(&pager->checked, pager->alloc);
    sb_pager__index_init(pager);
    init_map(pager, &pager->main_map, &pager->main_file);
    init_map(pager, &pager->wal_map, &pager->wal_file);
    SB_TRY(make_paths(pager, path, err));
    return make_locks(pager, err);
}

/* ---- Creating a file ------------------------------------------------------------------------- */

static sb_status write_first_page(sb_pager *pager, sb_file *file, sb_err *err)
{
    sb_state state = {.page_count = 1, .extent = 1, .seq = pager->options.first_seq};
    pager->page_bytes = pager->options.page_bytes;
    SB_TRY(pager->vfs->ops->random(pager->vfs, &pager->file_salt, sizeof pager->file_salt, err));
    state.time_ns = pager->vfs->ops->wall_ns(pager->vfs);
    SB_TRY(sb_pager__header_write(pager, file, &state, true, err));
    if (pager->options.durability == SB_DURABLE_OFF)
        return sb_pager__stamp_unsynced(pager, file, SB_UNSYNCED_MAIN, err);
    return file->ops->sync(file, err);
}

/* A new database appears whole, by renaming: a power cut leaves none or an empty one that opens. */
static sb_status make_file(sb_pager *pager, sb_err *err)
{
    sb_new_file made;
    bool exists = false;
    SB_TRY(sb_pager__new_begin(&made, pager->vfs, pager->alloc, pager->path,
                               pager->options.busy_timeout_ns, &exists, err));
    if (exists) return SB_OK; /* somebody was faster */
    const sb_status st = write_first_page(pager, made.file, err);
    if (st == SB_OK)
        return sb_pager__new_keep(&made, pager->options.durability != SB_DURABLE_OFF, err);
    sb_pager__new_drop(&made);
    return st;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static sb_status open_main(sb_pager *pager, sb_err *err)
{
    sb_vfs *vfs = pager->vfs;
    sb_file *file = NULL;
    bool exists = false;
    SB_TRY(vfs->ops->exists(vfs, pager->main_path, &exists, err));
    if (!exists && (!pager->options.create || pager->options.read_only || pager->options.immutable))
        return SB_FAIL_OS(err, SB_CANT_OPEN, ENOENT, "%s does not exist", pager->path);
    if (!exists) SB_TRY(make_file(pager, err));
    pager->mode = SB_MODE_SHARED;
    if (pager->options.immutable) {
        pager->mode = SB_MODE_IMMUTABLE;
        SB_TRY(sb_vfs_open(vfs, pager->main_path, SB_OPEN_READ_ONLY, &file, err));
    } else if (!pager->options.read_only) {
        SB_TRY(sb_vfs_open(vfs, pager->main_path, 0, &file, err));
    } else if (sb_vfs_open(vfs, pager->main_path, 0, &file, NULL) != SB_OK) {
        pager->mode = SB_MODE_GUARD;
        SB_TRY(sb_vfs_open(vfs, pager->main_path, SB_OPEN_READ_ONLY, &file, err));
    }
    pager->main_file = file;
    sb_file_info info;
    SB_TRY(file->ops->info(file, &info, err));
    if (!info.regular) return SB_FAIL(err, SB_CANT_OPEN, "%s is not a regular file", pager->path);
    pager->links = info.links;
    if (info.links > 1 && pager->mode != SB_MODE_IMMUTABLE)
        sb_pager_log(pager, SB_LOG_WARNING,
                     "%s has %llu names (hard links), and its WAL lies beside the one that it was "
                     "written by: "
                     "open it by that name only, and make symbolic links of the others",
                     pager->path, (unsigned long long)info.links);
    pager->read_mode = pager->options.read_mode;
    if (pager->read_mode == SB_READ_AUTO)
        pager->read_mode = info.remote ? SB_READ_CACHE : SB_READ_MAP;
    return SB_OK;
}

static sb_status take_open_lock(sb_pager *pager, bool *first, sb_err *err)
{
    sb_vfs *vfs = pager->vfs;
    const uint64_t started = vfs->ops->monotonic_ns(vfs);
    for (;;) {
        bool taken = false;
        SB_TRY(sb_pager__lock(pager, SB_LOCK_OPEN, SB_LOCK_EXCLUSIVE, 0, first, err));
        if (*first) return SB_OK;
        SB_TRY(sb_pager__lock(pager, SB_LOCK_OPEN, SB_LOCK_SHARED, 0, &taken, err));
        if (taken) return SB_OK;
        if (vfs->ops->monotonic_ns(vfs) - started >= pager->options.busy_timeout_ns) break;
        vfs->ops->sleep_ns(vfs, 500000);
    }
    char holder[SB_HOLDER_BYTES];
    sb_pager__holder(pager->main_file, SB_LOCK_OPEN, "another process", holder);
    return SB_FAIL(err, SB_BUSY, "%s is being recovered or closed by %s", pager->path, holder);
}

/* Page size and salt from the WAL: page 0 can not be read, and st and cause tell why. */
static sb_status identify_by_wal(sb_pager *pager, const sb_header *header, sb_status st,
                                 const sb_err *cause, sb_err *err)
{
    bool valid = false;
    if (sb_pager__header_lost(pager, st, header) && pager->mode != SB_MODE_IMMUTABLE)
        SB_TRY(sb_pager__wal_identity(pager, &pager->page_bytes, &pager->file_salt, &valid, err));
    if (!valid && header->blank && pager->wal_file != NULL)
        return SB_FAIL(err, SB_CORRUPT,
                       "%s is empty, and %s beside it can not be read: bring back the two files of "
                       "one time, or move the WAL away",
                       pager->path, pager->wal_path);
    if (!valid) return SB_FAIL_OS(err, st, cause->os_error, "%s", cause->text);
    if (header->salt != 0 && header->salt != pager->file_salt)
        return SB_FAIL(err, SB_CORRUPT,
                       "%s: page 0 is damaged, and %s belongs to another database: bring back its "
                       "own WAL, or save what can be read with `sombra recover`",
                       pager->path, pager->wal_path);
    return SB_OK;
}

/* Page size and salt, from page 0 or, when a power cut tore that, from the WAL. */
static sb_status identify(sb_pager *pager, sb_header *header, bool *header_ok, sb_err *err)
{
    sb_err cause;
    sb_err_clear(&cause);
    const sb_status st =
        sb_pager__header_read(pager->main_file, pager->alloc, pager->path, header, &cause);
    *header_ok = st == SB_OK;
    if (st == SB_OK) {
        pager->page_bytes = header->page_bytes;
        pager->file_salt = header->salt;
        pager->write_bits = header->write_bits;
        sb_pager__raise(&pager->main_seq, header->state.seq);
    } else {
        SB_TRY(identify_by_wal(pager, header, st, &cause, err));
    }
    if (header->write_bits != 0 && !pager->read_only)
        return SB_FAIL(err, SB_VERSION_NEWER,
                       "%s can only be read by this library: it has features %#x", pager->path,
                       header->write_bits);
    pager->page_shift = sb_ctz64(pager->page_bytes);
    pager->index.frame_shift = pager->page_shift - 6;
    return SB_OK;
}

/* An existing file of no bytes, made by touch or mkstemp, is a database yet to begin, unless a WAL is there: page 0 is synced before there is
 * one, so the file was cut off, and the WAL may have all that it held. */
static sb_status fill_empty_file(sb_pager *pager, sb_err *err)
{
    sb_file *file = pager->main_file;
    sb_file_info info;
    uint8_t byte;
    size_t got = 0;
    bool has_wal = false;
    SB_TRY(file->ops->info(file, &info, err));
    if (info.bytes != 0 || !pager->options.create || pager->read_only) return SB_OK;
    /* Files of /proc have no length, and to write one may change the system. */
    SB_TRY(file->ops->read(file, 0, &byte, 1, &got, err));
    if (got != 0) return SB_OK;
    SB_TRY(sb_pager__wal_open(pager, false, &has_wal, err));
    sb_file *wal = pager->wal_file;
    if (has_wal) SB_TRY(wal->ops->info(wal, &info, err));
    return info.bytes != 0 ? SB_OK : write_first_page(pager, file, err);
}

/* Without shared memory: words of its own that never change. */
static sb_status open_private(sb_pager *pager, sb_err *err)
{
    sb_header header;
    sb_lineage lineage;
    bool header_ok = false, found = false;
    pager->read_only = true;
    SB_TRY(identify(pager, &header, &header_ok, err));
    if (pager->mode == SB_MODE_IMMUTABLE) { /* which takes no WAL, so the file must need none */
        SB_TRY(sb_pager__lineage_begin(pager, &header, header_ok, &lineage, err));
        SB_TRY(sb_pager__lineage_judge(pager, &lineage, NULL, &found, err));
    }
    pager->shm = sb_alloc_zero(pager->alloc, sizeof *pager->shm);
    if (pager->shm == NULL) return SB_FAIL_NOMEM(err);
    const sb_mark mark = sb_mark_of(1, SB_WAL_START);
    atomic_store(&pager->shm->appended, mark);
    atomic_store(&pager->shm->durable, mark);
    atomic_store(&pager->shm->backfilled, mark);
    return SB_OK;
}

/* Shared memory that can not be made beside a file that could be written: a directory that is read-only, or a disk that
 * is full. Who only reads does without it. */
static sb_status join_shm(sb_pager *pager, bool first, sb_err *err)
{
    sb_err cause;
    sb_err_clear(&cause);
    const sb_status st = sb_pager__shm_open(pager, first, &cause);
    if (st == SB_OK) return SB_OK;
    const bool denied = st == SB_CANT_OPEN && (cause.os_error == EACCES || cause.os_error == EROFS);
    if ((denied || st == SB_FULL) && pager->options.read_only) {
        sb_pager__shm_close(pager);
        sb_pager__unlock(pager, SB_LOCK_OPEN);
        pager->mode = SB_MODE_GUARD;
        return open_private(pager, err);
    }
    if (denied)
        return SB_FAIL_OS(
            err, SB_READ_ONLY, cause.os_error,
            "%s can not be opened for writing: open the database read-only, or get leave to "
            "write the file and its directory",
            pager->shm_path);
    return SB_FAIL_OS(err, st, cause.os_error, "%s", cause.text);
}

static sb_status open_shared(sb_pager *pager, sb_err *err)
{
    sb_header header;
    bool first = false, header_ok = false, taken = false;
    SB_TRY(take_open_lock(pager, &first, err));
    if (first) SB_TRY(fill_empty_file(pager, err));
    SB_TRY(identify(pager, &header, &header_ok, err));
    SB_TRY(join_shm(pager, first, err));
    if (!first || pager->mode != SB_MODE_SHARED) return SB_OK;
    SB_TRY(sb_pager__recover(pager, &header, header_ok, err));
    if (!pager->read_only) SB_TRY(sb_pager__stamps_mend(pager, err));
    sb_pager__shm_publish_header(pager);
    SB_TRY(sb_pager__lock(pager, SB_LOCK_OPEN, SB_LOCK_SHARED, 0, &taken, err));
    return taken ? SB_OK : SB_FAIL(err, SB_IO, "%s: the lock could not be shared", pager->path);
}

static sb_status open_parts(sb_pager *pager, const char *path, sb_err *err)
{
    SB_TRY(make_parts(pager, path, err));
    SB_TRY(open_main(pager, err));
    if (pager->mode == SB_MODE_SHARED)
        SB_TRY(open_shared(pager, err));
    else
        SB_TRY(open_private(pager, err));
    return pager->read_mode == SB_READ_CACHE ? sb_pager__cache_init(pager, err) : SB_OK;
}

static sb_status check_options(const sb_pager_options *options, sb_err *err)
{
    SB_CHECK_ARG(err, options->alloc != NULL && options->vfs != NULL && options->profile != NULL);
    const uint32_t bytes = options->page_bytes;
    if (bytes != 0 &&
        (bytes < SB_PAGE_BYTES_MIN || bytes > SB_PAGE_BYTES_MAX || (bytes & (bytes - 1)) != 0))
        return SB_FAIL(err, SB_INVALID, "page size %u: it must be a power of two from %u to %u",
                       bytes, SB_PAGE_BYTES_MIN, SB_PAGE_BYTES_MAX);
    if (options->vfs->map_step_bytes < SB_WAL_STEP_BYTES)
        return SB_FAIL(err, SB_UNSUPPORTED, "the file system maps less than 1 MiB at once");
    return SB_OK;
}

sb_status sb_pager_open(const char *path, const sb_pager_options *options, sb_pager **out,
                        sb_err *err)
{
    *out = NULL;
    SB_TRY(check_options(options, err));
    sb_pager *pager = sb_alloc_zero(options->alloc, sizeof *pager);
    if (pager == NULL) return SB_FAIL_NOMEM(err);
    pager->alloc = options->alloc;
    pager->vfs = options->vfs;
    pager->options = *options;
    if (pager->options.page_bytes == 0) pager->options.page_bytes = SB_PAGE_BYTES_DEFAULT;
    pager->read_only = options->read_only || options->immutable;
    pager->process_tag = sb_os_process_tag();
    atomic_store(&pager->durability, (uint32_t)options->durability);
    atomic_store(&pager->autocheckpoint, options->autocheckpoint_pages);
    atomic_store(&pager->busy_timeout_ns, options->busy_timeout_ns);
    const sb_status st = open_parts(pager, path, err);
    if (st != SB_OK) {
        if (pager->made.file != NULL) sb_pager__new_drop(&pager->made);
        destroy(pager);
        return st;
    }
    *out = pager;
    return SB_OK;
}

/* ---- Closing --------------------------------------------------------------------------------- */

/* All is in the one file. What can not be removed, in a directory that may not be written, say, does no harm: the frames are of an ended
 * generation (I19), and the next first opener makes the shared memory anew. A file that is made leaves nothing beside it under its old name. */
static sb_status remove_beside(sb_pager *pager, const char *path, sb_err *err)
{
    bool existed = false;
    sb_err cause;
    sb_err_clear(&cause);
    const sb_status st = pager->vfs->ops->remove(pager->vfs, path, &existed, &cause);
    if (st == SB_OK) return SB_OK;
    if (pager->made.file != NULL) return SB_FAIL_OS(err, st, cause.os_error, "%s", cause.text);
    sb_pager_log(pager, SB_LOG_WARNING, "%s stays: %s", path, cause.text);
    return SB_OK;
}

/* The last user brings everything into the one file. */
static sb_status close_last(sb_pager *pager, sb_err *err)
{
    sb_vfs *vfs = pager->vfs;
    sb_checkpoint_result result = {0};
    sb_state state;
    bool busy = false, ours = false;
    /* After a failed sync recovery decides what is left, and must be told (shm.c keeps the word). */
    if (sb_pager__poisoned(pager)) return SB_OK;
    if (!pager->read_only && atomic_load(&pager->shm->writer) != 0)
        SB_TRY(sb_pager__adopt(pager, err));
    if (sb_pager__must_settle(pager)) SB_TRY(sb_pager__settle(pager, err));
    const sb_mark appended = atomic_load(&pager->shm->appended);
    if (sb_mark_pos(appended) > SB_WAL_START) {
        if (pager->read_only) return SB_OK;
        SB_TRY(sb_pager__backfill(pager, true, NULL, &result, &busy, err));
        if (atomic_load(&pager->shm->backfilled) < appended)
            return SB_OK; /* a reader without slot is at it */
        SB_TRY(sb_pager__header_state(pager, &state, err));
        SB_TRY(sb_pager__cut_behind(pager, state.extent, err)); /* what a killed writer left */
    }
    SB_TRY(sb_pager__leads_to(vfs, pager->shm_path, pager->shm_file, &ours, err));
    if (!ours) return SB_OK; /* I32 */
    if (!pager->read_only) SB_TRY(remove_beside(pager, pager->wal_path, err));
    return remove_beside(pager, pager->shm_path, err);
}

/* Was anything committed, as far as can be told? */
static bool has_commits(sb_pager *pager)
{
    sb_state state = {0};
    return sb_mark_pos(atomic_load(&pager->shm->appended)) > SB_WAL_START ||
           sb_pager__header_state(pager, &state, NULL) != SB_OK || state.seq != 0;
}

/* What was made, with all in the one file, gets its name; without a commit it goes. */
static sb_status close_made(sb_pager *pager, sb_status st, bool last, sb_err *err)
{
    if (!has_commits(pager)) {
        sb_pager__new_drop(&pager->made);
        return st;
    }
    if (st == SB_OK && (!last || sb_pager__poisoned(pager) ||
                        atomic_load(&pager->shm->backfilled) < atomic_load(&pager->shm->appended)))
        st = SB_FAIL(err, SB_IO, "%s could not be made whole", pager->path);
    return sb_pager__new_keep_commits(&pager->made, sb_pager__is_settled(pager), st, err);
}

/* I25. Nobody has the CLOSING lock for longer than two calls, but a process that was stopped there may: then the WAL can stay. */
static sb_status leave(sb_pager *pager, bool *last, sb_err *err)
{
    bool queued = false;
    SB_TRY(sb_pager__lock(pager, SB_LOCK_CLOSING, SB_LOCK_EXCLUSIVE, SB_CLOSING_WAIT_NS, &queued,
                          err));
    const sb_status st = sb_pager__lock(pager, SB_LOCK_OPEN, SB_LOCK_EXCLUSIVE, 0, last, err);
    if (!*last) sb_pager__unlock(pager, SB_LOCK_OPEN);
    if (queued) sb_pager__unlock(pager, SB_LOCK_CLOSING);
    return st;
}

sb_status sb_pager_close(sb_pager *pager, sb_err *err)
{
    sb_status st = SB_OK;
    bool last = false;
    if (atomic_load(&pager->session_count) != 0)
        return SB_FAIL(err, SB_MISUSE, "%s: %u sessions are still open", pager->path,
                       atomic_load(&pager->session_count));
    if (sb_fork_guard_same_process(pager->fork_guard) && pager->mode == SB_MODE_SHARED) {
        sb_pager__worker_stop(pager);
        st = leave(pager, &last, err);
        if (st == SB_OK && last) st = close_last(pager, err);
        if (pager->made.file != NULL) st = close_made(pager, st, last, err);
    }
    destroy(pager);
    return st;
}

/* ---- Options and facts ----------------------------------------------------------------------- */

uint64_t sb_pager_txn_memory(const sb_pager *pager)
{
    const sb_pager_options *options = &pager->options;

    return options->txn_memory == NULL ? options->txn_memory_bytes
                                       : options->txn_memory(options->memory_ctx);
}
uint32_t sb_pager_page_bytes(const sb_pager *pager)
{
    return pager->page_bytes;
}
const sb_allocator *sb_pager_alloc(const sb_pager *pager)
{
    return pager->alloc;
}
sb_profile *sb_pager_profile(const sb_pager *pager)
{
    return pager->options.profile;
}
sb_vfs *sb_pager_vfs(const sb_pager *pager)
{
    return pager->vfs;
}
const char *sb_pager_path(const sb_pager *pager)
{
    return pager->path;
}
const char *sb_pager_real_path(const sb_pager *pager)
{
    return pager->main_path;
}

void sb_pager_log(sb_pager *pager, sb_log_level level, const char *format, ...)
{
    char message[SB_ERR_TEXT_BYTES];
    va_list args;
    if (pager->options.log == NULL) return;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    pager->options.log(pager->options.log_ctx, level, message);
}

sb_status sb_pager_set_durability(sb_pager *pager, sb_durability durability, sb_err *err)
{
    /* What this process has already seen committed must not vanish from its next snapshot. */
    if (durability == SB_DURABLE_FULL && pager->mode == SB_MODE_SHARED && !pager->read_only)
        SB_TRY(sb_pager__sync_to(pager, atomic_load(&pager->shm->appended), err));
    atomic_store(&pager->durability, (uint32_t)durability);
    return SB_OK;
}

void sb_pager_set_autocheckpoint(sb_pager *pager, uint32_t pages)
{
    atomic_store(&pager->autocheckpoint, pages);
}
void sb_pager_set_busy_timeout(sb_pager *pager, uint64_t timeout_ns)
{
    atomic_store(&pager->busy_timeout_ns, timeout_ns);
}

void sb_pager_take_settings(sb_pager *pager, const sb_pager *from)
{
    atomic_store(&pager->durability, atomic_load(&from->durability));
    atomic_store(&pager->autocheckpoint, atomic_load(&from->autocheckpoint));
    atomic_store(&pager->busy_timeout_ns, atomic_load(&from->busy_timeout_ns));
}

/* State at mark without a session: the reader's protocol is not needed where a wrong answer is one
 * of a moment ago. */
static uint64_t seq_at(sb_pager *pager, sb_mark mark)
{
    sb_state state;
    const bool in_wal =
        sb_mark_pos(mark) > SB_WAL_START && mark > atomic_load(&pager->shm->backfilled);
    const sb_status st = in_wal ? sb_pager__commit_read(pager, mark, &state, NULL)
                                : sb_pager__header_state(pager, &state, NULL);
    return st == SB_OK ? state.seq : 0;
}

sb_status sb_pager_get_info(sb_pager *pager, sb_pager_info *info, sb_err *err)
{
    const sb_shm *shm = pager->shm;
    sb_session *session = NULL;
    sb_txn *txn = NULL;
    sb_file_info file_info;
    sb_mark oldest = 0;
    memset(info, 0, sizeof *info);
    SB_TRY(sb_session_open(pager, &session, err));
    sb_status st = sb_txn_begin_read(session, &txn, err);
    if (st != SB_OK) goto done;
    sb_file *main_file = pager->main_file;
    if ((st = main_file->ops->info(main_file, &file_info, err)) != SB_OK) goto done;
    const sb_mark appended = atomic_load(&shm->appended),
                  backfilled = atomic_load(&shm->backfilled);
    const uint32_t frame_units = pager->page_bytes / SB_WAL_UNIT + 1;
    info->page_bytes = pager->page_bytes;
    info->page_count = txn->base.page_count;
    info->free_pages = txn->base.free_count;
    info->commit_seq = txn->base.seq;
    info->durable_seq = seq_at(pager, atomic_load(&shm->durable));
    info->file_bytes = file_info.bytes;
    info->wal_bytes = atomic_load(&shm->wal_bytes);
    sb_file *wal_file = pager->wal_file;
    if (pager->mode == SB_MODE_GUARD && wal_file != NULL) { /* nobody keeps the shared words */
        if ((st = wal_file->ops->info(wal_file, &file_info, err)) != SB_OK) goto done;
        info->wal_bytes = file_info.bytes;
    }
    info->wal_used_bytes = (uint64_t)(sb_mark_pos(appended) - SB_WAL_START) * SB_WAL_UNIT;
    info->wal_frames = (sb_mark_pos(appended) - SB_WAL_START) / frame_units;
    info->backfilled_frames = backfilled >= appended
                                  ? info->wal_frames
                                  : (sb_mark_pos(backfilled) - SB_WAL_START) / frame_units;
    sb_txn_rollback(txn);
    txn = NULL;
    sb_pager__slots_count(pager, &info->readers, &oldest);
    info->oldest_reader_seq = oldest == 0 ? 0 : seq_at(pager, oldest);
    info->syncs = atomic_load(&pager->syncs);
    info->durability = (sb_durability)atomic_load(&pager->durability);
    info->read_mode = pager->read_mode;
    info->poisoned = sb_pager__poisoned(pager);
done:
    sb_txn_rollback(txn);
    sb_session_close(session);
    return st;
}
