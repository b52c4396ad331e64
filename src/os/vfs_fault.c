/* vfs_fault.c — a file system in front of another that makes chosen calls fail.
 * Every call first asks `admit` whether it may pass; what passes goes to the inner file system
 * unchanged, so maps and locks are the inner ones. */
#include "os/os.h"

#include <errno.h>

typedef struct fault_vfs {
    sb_vfs base;
    const sb_allocator *alloc; /* borrowed */
    sb_vfs *inner;             /* borrowed */
    sb_mutex *mutex;           /* owned */
    sb_vfs_fault state; /* counts: guarded by mutex; knobs: constant while calls are under way */
} fault_vfs;

typedef struct fault_file {
    sb_file base;
    sb_file *inner; /* owned */
} fault_file;

static const sb_file_ops fault_file_ops;

static fault_vfs *vfs_of(sb_vfs *vfs)
{
    return SB_CONTAINER(vfs, fault_vfs, base);
}

static sb_file *inner_of(sb_file *file)
{
    return SB_CONTAINER(file, fault_file, base)->inner;
}

/* Count a call; fails when it is its turn. */
static sb_status admit(sb_vfs *vfs, sb_io_kind kind, const char *path, const char *what,
                       sb_err *err)
{
    fault_vfs *self = vfs_of(vfs);
    sb_vfs_fault *state = &self->state;
    bool fails = false;

    sb_mutex_lock(self->mutex);
    if ((state->kinds & (unsigned)kind) != 0) {
        state->calls++;
        fails = state->fail_at != 0 && (state->persistent ? state->calls >= state->fail_at
                                                          : state->calls == state->fail_at);
        if (fails) state->failed++;
    }
    sb_mutex_unlock(self->mutex);
    if (!fails) return SB_OK;
    return SB_FAIL_OS(err, state->status, state->status == SB_FULL ? ENOSPC : EIO,
                      "%s: can not %s: a fault was asked for", path, what);
}

/* ---- Files ----------------------------------------------------------------------------------------- */

static bool flips_now(fault_vfs *vfs)
{
    bool flips;

    sb_mutex_lock(vfs->mutex);
    vfs->state.reads++;
    flips = vfs->state.flip_read_at != 0 && vfs->state.reads == vfs->state.flip_read_at;
    sb_mutex_unlock(vfs->mutex);
    return flips;
}

static sb_status fault_read(sb_file *file, uint64_t offset, void *data, size_t bytes, size_t *got,
                            sb_err *err)
{
    fault_vfs *vfs = vfs_of(file->vfs);
    sb_file *inner = inner_of(file);
    const bool flips = flips_now(vfs);
    sb_status st = admit(file->vfs, SB_IO_READ, file->path, "read", err);

    *got = 0;
    if (st != SB_OK) return st;
    st = inner->ops->read(inner, offset, data, bytes, got, err);
    if (st == SB_OK && flips && *got > 0) {
        /* Which bit depends on which read: a sweep meets many places. */
        const uint64_t bit = sb_hash_u64(vfs->state.flip_read_at) % ((uint64_t)*got * 8);
        ((uint8_t *)data)[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    return st;
}

/* Write the first half of the bytes, as a disk that fills up does. */
static void write_half(sb_file *inner, uint64_t offset, const sb_io_piece *pieces,
                       size_t piece_count)
{
    uint64_t left = 0;
    size_t i;

    for (i = 0; i < piece_count; i++)
        left += pieces[i].bytes;
    left /= 2;
    for (i = 0; i < piece_count && left > 0; i++) {
        const size_t step = pieces[i].bytes < left ? pieces[i].bytes : (size_t)left;
        /* The write has failed already; a second failure adds nothing. */
        if (sb_file_write_all(inner, offset, pieces[i].data, step, NULL) != SB_OK) return;
        offset += step;
        left -= step;
    }
}

/* A write past the end, when the disk is full. */
static sb_status check_room(sb_file *file, uint64_t offset, const sb_io_piece *pieces,
                            size_t piece_count, sb_err *err)
{
    fault_vfs *self = vfs_of(file->vfs);
    sb_file *inner = inner_of(file);
    sb_file_info info;
    uint64_t end = offset;

    if (!self->state.no_room) return SB_OK;
    for (size_t i = 0; i < piece_count; i++)
        end += pieces[i].bytes;
    SB_TRY(inner->ops->info(inner, &info, err));
    if (end <= info.bytes) return SB_OK;
    sb_mutex_lock(self->mutex);
    self->state.failed++;
    sb_mutex_unlock(self->mutex);
    return SB_FAIL_OS(err, SB_FULL, ENOSPC, "%s: can not write: the disk was to be full",
                      file->path);
}

static sb_status fault_write(sb_file *file, uint64_t offset, const sb_io_piece *pieces,
                             size_t piece_count, sb_err *err)
{
    sb_file *inner = inner_of(file);
    sb_status st = admit(file->vfs, SB_IO_WRITE, file->path, "write", err);

    if (st == SB_OK) st = check_room(file, offset, pieces, piece_count, err);
    if (st == SB_OK) return inner->ops->write(inner, offset, pieces, piece_count, err);
    if (vfs_of(file->vfs)->state.short_write) write_half(inner, offset, pieces, piece_count);
    return st;
}

static sb_status fault_sync(sb_file *file, sb_err *err)
{
    fault_vfs *vfs = vfs_of(file->vfs);
    sb_vfs_fault *state = &vfs->state;
    sb_file *inner = inner_of(file);
    sb_status st = admit(file->vfs, SB_IO_SYNC, file->path, "sync", err);

    sb_mutex_lock(vfs->mutex);
    if (++state->syncs_running > state->syncs_at_once) state->syncs_at_once = state->syncs_running;
    sb_mutex_unlock(vfs->mutex);
    if (st == SB_OK) st = inner->ops->sync(inner, err);
    if (state->sync_ns != 0) vfs->inner->ops->sleep_ns(vfs->inner, state->sync_ns);
    sb_mutex_lock(vfs->mutex);
    state->syncs_running--;
    sb_mutex_unlock(vfs->mutex);
    return st;
}

static sb_status fault_write_back(sb_file *file, uint64_t offset, uint64_t bytes, sb_err *err)
{
    sb_file *inner = inner_of(file);
    const sb_status st = admit(file->vfs, SB_IO_SYNC, file->path, "write back", err);

    return st != SB_OK ? st : sb_file_write_back(inner, offset, bytes, err);
}

static sb_status fault_truncate(sb_file *file, uint64_t bytes, sb_err *err)
{
    sb_file *inner = inner_of(file);
    const sb_status st = admit(file->vfs, SB_IO_TRUNCATE, file->path, "truncate", err);

    return st != SB_OK ? st : inner->ops->truncate(inner, bytes, err);
}

static sb_status fault_info(sb_file *file, sb_file_info *info, sb_err *err)
{
    sb_file *inner = inner_of(file);
    const sb_status st = admit(file->vfs, SB_IO_INFO, file->path, "inspect", err);

    *info = (sb_file_info){0};
    return st != SB_OK ? st : inner->ops->info(inner, info, err);
}

static sb_status fault_map(sb_file *file, uint64_t offset, size_t bytes, bool writable,
                           void **address, sb_err *err)
{
    sb_file *inner = inner_of(file);
    const sb_status st = admit(file->vfs, SB_IO_MAP, file->path, "map", err);

    *address = NULL;
    return st != SB_OK ? st : inner->ops->map(inner, offset, bytes, writable, address, err);
}

static void fault_unmap(sb_file *file, void *address, size_t bytes)
{
    sb_file *inner = inner_of(file);

    inner->ops->unmap(inner, address, bytes);
}

static void fault_advise(sb_file *file, uint64_t offset, uint64_t bytes, bool will_need)
{
    sb_file *inner = inner_of(file);

    inner->ops->advise(inner, offset, bytes, will_need);
}

static sb_status fault_lock(sb_file *file, uint64_t start, uint64_t bytes, sb_lock_kind kind,
                            bool *taken, sb_err *err)
{
    sb_file *inner = inner_of(file);
    sb_status st = SB_OK;

    *taken = false;
    if (kind != SB_LOCK_NONE) st = admit(file->vfs, SB_IO_LOCK, file->path, "lock", err);
    return st != SB_OK ? st : inner->ops->lock(inner, start, bytes, kind, taken, err);
}

static sb_status fault_lock_held(sb_file *file, uint64_t start, uint64_t bytes, bool *held,
                                 sb_err *err)
{
    sb_file *inner = inner_of(file);
    const sb_status st = admit(file->vfs, SB_IO_LOCK, file->path, "ask for locks", err);

    *held = true;
    return st != SB_OK ? st : inner->ops->lock_held(inner, start, bytes, held, err);
}

static uint64_t fault_lock_holder(sb_file *file, uint64_t start)
{
    sb_file *inner = inner_of(file);

    return inner->ops->lock_holder(inner, start);
}

static void fault_close(sb_file *file)
{
    fault_file *self = SB_CONTAINER(file, fault_file, base);

    sb_file_close(self->inner);
    sb_free(vfs_of(file->vfs)->alloc, self, sizeof *self);
}

static const sb_file_ops fault_file_ops = {
    .read = fault_read,
    .write = fault_write,
    .sync = fault_sync,
    .write_back = fault_write_back,
    .truncate = fault_truncate,
    .info = fault_info,
    .map = fault_map,
    .unmap = fault_unmap,
    .advise = fault_advise,
    .lock = fault_lock,
    .lock_held = fault_lock_held,
    .lock_holder = fault_lock_holder,
    .close = fault_close,
};

/* ---- Names ----------------------------------------------------------------------------------------- */

static fault_file *make_file(sb_vfs *vfs)
{
    fault_file *made = (fault_file *)sb_alloc_zero(vfs_of(vfs)->alloc, sizeof *made);

    if (made != NULL) made->base = (sb_file){.ops = &fault_file_ops, .vfs = vfs};
    return made;
}

/* made's inner file was opened with st: hand it out, or free it. */
static sb_status finish_open(fault_file *made, sb_status st, sb_file **file)
{
    if (st != SB_OK) {
        sb_free(vfs_of(made->base.vfs)->alloc, made, sizeof *made);
        return st;
    }
    made->base.path = made->inner->path;
    *file = &made->base;
    return SB_OK;
}

static sb_status fault_open(sb_vfs *vfs, const char *path, unsigned flags, sb_file **file,
                            sb_err *err)
{
    sb_vfs *inner = vfs_of(vfs)->inner;
    fault_file *made;
    const sb_status st = admit(vfs, SB_IO_OPEN, path, "open", err);

    *file = NULL;
    if (st != SB_OK) return st;
    made = make_file(vfs);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    return finish_open(made, inner->ops->open(inner, path, flags, &made->inner, err), file);
}

static sb_status fault_open_temporary(sb_vfs *vfs, const char *directory, sb_file **file,
                                      sb_err *err)
{
    sb_vfs *inner = vfs_of(vfs)->inner;
    fault_file *made;
    const sb_status st = admit(vfs, SB_IO_OPEN, "(temporary)", "open", err);

    *file = NULL;
    if (st != SB_OK) return st;
    made = make_file(vfs);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    return finish_open(made, inner->ops->open_temporary(inner, directory, &made->inner, err), file);
}

static sb_status fault_remove(sb_vfs *vfs, const char *path, bool *existed, sb_err *err)
{
    sb_vfs *inner = vfs_of(vfs)->inner;
    const sb_status st = admit(vfs, SB_IO_REMOVE, path, "remove", err);

    *existed = false;
    return st != SB_OK ? st : inner->ops->remove(inner, path, existed, err);
}

static sb_status fault_rename(sb_vfs *vfs, const char *from, const char *to, sb_err *err)
{
    sb_vfs *inner = vfs_of(vfs)->inner;
    const sb_status st = admit(vfs, SB_IO_REMOVE, from, "rename", err);

    return st != SB_OK ? st : inner->ops->rename(inner, from, to, err);
}

static sb_status fault_exists(sb_vfs *vfs, const char *path, bool *exists, sb_err *err)
{
    sb_vfs *inner = vfs_of(vfs)->inner;
    const sb_status st = admit(vfs, SB_IO_INFO, path, "find", err);

    *exists = false;
    return st != SB_OK ? st : inner->ops->exists(inner, path, exists, err);
}

static sb_status fault_resolve(sb_vfs *vfs, const sb_allocator *alloc, const char *path,
                               char **resolved, size_t *bytes, sb_err *err)
{
    sb_vfs *inner = vfs_of(vfs)->inner;
    const sb_status st = admit(vfs, SB_IO_INFO, path, "resolve", err);

    return st != SB_OK ? st : sb_vfs_resolve(inner, alloc, path, resolved, bytes, err);
}

static sb_status fault_make_directory(sb_vfs *vfs, const char *path, bool *made, sb_err *err)
{
    sb_vfs *inner = vfs_of(vfs)->inner;
    const sb_status st = admit(vfs, SB_IO_OPEN, path, "make the directory", err);

    *made = false;
    return st != SB_OK ? st : sb_vfs_make_directory(inner, path, made, err);
}

static sb_status fault_remove_directory(sb_vfs *vfs, const char *path, sb_err *err)
{
    sb_vfs *inner = vfs_of(vfs)->inner;
    const sb_status st = admit(vfs, SB_IO_REMOVE, path, "remove the directory", err);

    return st != SB_OK ? st : sb_vfs_remove_directory(inner, path, err);
}

static sb_status fault_directory_writable(sb_vfs *vfs, const char *path, bool *writable,
                                          sb_err *err)
{
    sb_vfs *inner = vfs_of(vfs)->inner;
    const sb_status st = admit(vfs, SB_IO_INFO, path, "inspect the directory", err);

    *writable = false;
    return st != SB_OK ? st : inner->ops->directory_writable(inner, path, writable, err);
}

static sb_status fault_sync_directory(sb_vfs *vfs, const char *path, sb_err *err)
{
    sb_vfs *inner = vfs_of(vfs)->inner;
    const sb_status st = admit(vfs, SB_IO_SYNC, path, "sync the directory", err);

    return st != SB_OK ? st : inner->ops->sync_directory(inner, path, err);
}

static sb_status fault_random(sb_vfs *vfs, void *data, size_t bytes, sb_err *err)
{
    sb_vfs *inner = vfs_of(vfs)->inner;
    const sb_status st = admit(vfs, SB_IO_INFO, "(random)", "read random bytes", err);

    return st != SB_OK ? st : inner->ops->random(inner, data, bytes, err);
}

static uint64_t fault_monotonic_ns(sb_vfs *vfs)
{
    return vfs_of(vfs)->inner->ops->monotonic_ns(vfs_of(vfs)->inner);
}

static uint64_t fault_wall_ns(sb_vfs *vfs)
{
    return vfs_of(vfs)->inner->ops->wall_ns(vfs_of(vfs)->inner);
}

static void fault_sleep_ns(sb_vfs *vfs, uint64_t ns)
{
    vfs_of(vfs)->inner->ops->sleep_ns(vfs_of(vfs)->inner, ns);
}

static void fault_destroy(sb_vfs *vfs)
{
    fault_vfs *self = vfs_of(vfs);

    sb_mutex_destroy(self->mutex);
    sb_free(self->alloc, self, sizeof *self);
}

static const sb_vfs_ops fault_vfs_ops = {
    .open = fault_open,
    .open_temporary = fault_open_temporary,
    .remove = fault_remove,
    .rename = fault_rename,
    .exists = fault_exists,
    .make_directory = fault_make_directory,
    .remove_directory = fault_remove_directory,
    .resolve = fault_resolve,
    .directory_writable = fault_directory_writable,
    .sync_directory = fault_sync_directory,
    .monotonic_ns = fault_monotonic_ns,
    .wall_ns = fault_wall_ns,
    .sleep_ns = fault_sleep_ns,
    .random = fault_random,
    .destroy = fault_destroy,
};

sb_status sb_vfs_fault_create(const sb_allocator *alloc, sb_vfs *inner, sb_vfs **vfs, sb_err *err)
{
    fault_vfs *made = (fault_vfs *)sb_alloc_zero(alloc, sizeof *made);
    sb_status st;

    *vfs = NULL;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    st = sb_mutex_create(alloc, SB_RANK_VFS_FRONT, &made->mutex, err);
    if (st != SB_OK) {
        sb_free(alloc, made, sizeof *made);
        return st;
    }
    made->alloc = alloc;
    made->inner = inner;
    made->state = (sb_vfs_fault){.kinds = SB_IO_ALL, .status = SB_IO};
    made->base.ops = &fault_vfs_ops;
    made->base.map_step_bytes = inner->map_step_bytes;
    made->base.shared = inner->shared;
    *vfs = &made->base;
    return SB_OK;
}

sb_vfs_fault *sb_vfs_fault_state(sb_vfs *vfs)
{
    SB_ASSERT(vfs->ops == &fault_vfs_ops);
    return &vfs_of(vfs)->state;
}
