/* vfs_crash.c — a memory file system that can lose power.
 *
 * What a reader sees lies in an inner memory file system, whose maps and locks serve here too. Beside it
 * crash_disk keeps, for each file and for the directory, what is durable and what was done since.
 *
 * C1. The mutex is held over a whole event, the inner call with it: the order of the events is the order of
 *     their effects, also between threads.
 * C2. All that an event needs is reserved before it takes effect: it happens in both places or in none.
 * C3. Once the power has gone nothing changes any more, neither inside nor on the disk. */
#include "os/crash_disk.h"
#include "os/os_priv.h"

#include <errno.h>

#define WALL_START_NS 1767225600000000000ull /* 2026-01-01T00:00:00Z */
#define WALL_TICK_NS  1000u
#define RANDOM_START  0x536f6d627261ull

typedef struct crash_vfs {
    sb_vfs base;
    const sb_allocator *alloc; /* borrowed */
    sb_vfs *inner;             /* owned: the memory file system that readers see */
    sb_arena *paths;           /* owned: interned paths */
    sb_mutex *mutex;           /* owned: guards all below */
    sb_vfs_crash_options options;
    uint64_t events, cut;
    uint64_t wall_ns;
    sb_random random;
    bool dead;                /* the cut was reached */
    sb_os__disk_file *files;  /* owned: all that ever were */
    sb_os__names visible;     /* names as readers see them */
    sb_os__names durable;     /* names that a power loss leaves */
    sb_os__names interned;    /* every path ever named, without files */
    sb_os__name_op *name_ops; /* owned: changes since, oldest first */
    size_t name_op_count, name_op_capacity;
} crash_vfs;

typedef struct crash_file {
    sb_file base;
    sb_file *inner;         /* owned */
    sb_os__disk_file *disk; /* borrowed from the vfs; NULL: temporary */
} crash_file;

static const sb_file_ops crash_file_ops;

static crash_vfs *vfs_of(sb_vfs *vfs)
{
    return SB_CONTAINER(vfs, crash_vfs, base);
}

static crash_file *file_of(sb_file *file)
{
    return SB_CONTAINER(file, crash_file, base);
}

/* ---- Events (mutex held) --------------------------------------------------------------------------- */

static sb_status check_power(const crash_vfs *vfs, const char *path, sb_err *err)
{
    if (!vfs->dead) return SB_OK;
    return SB_FAIL_OS(err, SB_IO, EIO, "%s: the power is gone", path);
}

/* Number the next event; fails from the cut on. */
static sb_status begin_event(crash_vfs *vfs, const char *path, sb_err *err)
{
    if (!vfs->dead) {
        vfs->events++;
        if (vfs->cut != 0 && vfs->events >= vfs->cut) vfs->dead = true;
    }
    return check_power(vfs, path, err);
}

/* For calls that are no events. Takes and releases the mutex. */
static sb_status ask_power(sb_file *file, sb_err *err)
{
    crash_vfs *vfs = vfs_of(file->vfs);
    sb_status st;

    sb_mutex_lock(vfs->mutex);
    st = check_power(vfs, file->path, err);
    sb_mutex_unlock(vfs->mutex);
    return st;
}

/* ---- Names (mutex held) ------------------------------------------------------------------------------ */

/* The one copy of path; NULL when there is none. */
static const char *find_path(const crash_vfs *vfs, const char *path)
{
    size_t i;

    for (i = 0; i < vfs->interned.count; i++)
        if (strcmp(vfs->interned.items[i].path, path) == 0) return vfs->interned.items[i].path;
    return NULL;
}

/* The one copy of path, made if need be; NULL: no memory. */
static const char *intern_path(crash_vfs *vfs, const char *path)
{
    const char *known = find_path(vfs, path);
    sb_os__name_op op = {.change = SB_OS__CREATE};

    if (known != NULL) return known;
    if (sb_os__names_reserve(&vfs->interned, vfs->alloc) != SB_OK) return NULL;
    op.path = sb_arena_strndup(vfs->paths, path, strlen(path));
    if (op.path != NULL) sb_os__names_apply(&vfs->interned, &op);
    return op.path;
}

/* Room for one more change of the directory. */
static sb_status reserve_name_op(crash_vfs *vfs)
{
    sb_os__name_op *ops =
        (sb_os__name_op *)sb_os__grow(vfs->alloc, vfs->name_ops, &vfs->name_op_capacity,
                                      vfs->name_op_count + 1, sizeof *vfs->name_ops);

    if (ops == NULL) return SB_NOMEM;
    vfs->name_ops = ops;
    return sb_os__names_reserve(&vfs->visible, vfs->alloc);
}

static void add_name_op(crash_vfs *vfs, sb_os__name_op op)
{
    vfs->name_ops[vfs->name_op_count++] = op;
    sb_os__names_apply(&vfs->visible, &op);
}

static size_t directory_length(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? 0 : (size_t)(slash - path);
}

static bool same_directory(const char *a, const char *b)
{
    const size_t length = directory_length(a);

    return directory_length(b) == length && memcmp(a, b, length) == 0;
}

/* Does a sync of path's directory cover op? Of a rename it is the new name's that counts. */
static bool op_in_directory(const sb_os__name_op *op, const char *path)
{
    return same_directory(op->change == SB_OS__RENAME ? op->new_path : op->path, path);
}

/* Make the changes durable that lie in path's directory (path not NULL), or that made this file, with what was done before to the name
 * that it got: a removal of the name's last owner that came to the disk later would take it away. */
static sb_status settle_names(crash_vfs *vfs, const char *path, const sb_os__disk_file *file)
{
    sb_status st = SB_OK;
    const char *made = NULL; /* the name, until its making was reached */
    size_t kept = 0;
    size_t i;

    for (i = 0; i < vfs->name_op_count && path == NULL; i++)
        if (vfs->name_ops[i].change == SB_OS__CREATE && vfs->name_ops[i].file == file)
            made = vfs->name_ops[i].path;
    for (i = 0; i < vfs->name_op_count; i++) {
        const sb_os__name_op op = vfs->name_ops[i];
        const bool covered =
            path != NULL ? op_in_directory(&op, path) : made != NULL && op.path == made;
        if (path == NULL && op.change == SB_OS__CREATE && op.file == file) made = NULL;
        if (covered && st == SB_OK) st = sb_os__names_reserve(&vfs->durable, vfs->alloc);
        if (covered && st == SB_OK)
            sb_os__names_apply(&vfs->durable, &op);
        else
            vfs->name_ops[kept++] = op;
    }
    vfs->name_op_count = kept;
    return st;
}

/* ---- Files ------------------------------------------------------------------------------------------- */

static sb_status crash_read(sb_file *file, uint64_t offset, void *data, size_t bytes, size_t *got,
                            sb_err *err)
{
    sb_file *inner = file_of(file)->inner;
    const sb_status st = ask_power(file, err);

    *got = 0;
    return st != SB_OK ? st : inner->ops->read(inner, offset, data, bytes, got, err);
}

static sb_status sum_pieces(const sb_io_piece *pieces, size_t piece_count, size_t *bytes)
{
    size_t i;

    *bytes = 0;
    for (i = 0; i < piece_count; i++)
        if (!sb_add_size(*bytes, pieces[i].bytes, bytes)) return SB_FULL;
    return SB_OK;
}

/* The write that the cut hits has no effect, but the disk may have begun it: GARBAGE looks at it. */
static void note_torn_write(crash_file *self, uint64_t offset, const sb_io_piece *pieces,
                            size_t piece_count, size_t bytes)
{
    if (bytes == 0 || sb_os__disk_reserve(self->disk, bytes) != SB_OK) return; /* benign */
    sb_os__disk_write(self->disk, offset, pieces, piece_count);
    self->disk->in_flight = true;
}

/* Mutex held. */
static sb_status write_event(crash_file *self, uint64_t offset, const sb_io_piece *pieces,
                             size_t piece_count, sb_err *err)
{
    crash_vfs *vfs = vfs_of(self->base.vfs);
    const bool was_dead = vfs->dead;
    size_t bytes;
    sb_status st = sum_pieces(pieces, piece_count, &bytes);

    if (st != SB_OK) return SB_FAIL_OS(err, st, ENOSPC, "%s: can not write", self->base.path);
    st = begin_event(vfs, self->base.path, err);
    if (st != SB_OK) {
        if (!was_dead) note_torn_write(self, offset, pieces, piece_count, bytes);
        return st;
    }
    if (sb_os__disk_reserve(self->disk, bytes) != SB_OK) return SB_FAIL_NOMEM(err);
    st = self->inner->ops->write(self->inner, offset, pieces, piece_count, err);
    if (st == SB_OK) sb_os__disk_write(self->disk, offset, pieces, piece_count);
    return st;
}

static sb_status crash_write(sb_file *file, uint64_t offset, const sb_io_piece *pieces,
                             size_t piece_count, sb_err *err)
{
    crash_file *self = file_of(file);
    crash_vfs *vfs = vfs_of(file->vfs);
    sb_status st;

    sb_mutex_lock(vfs->mutex);
    if (self->disk != NULL)
        st = write_event(self, offset, pieces, piece_count, err);
    else if ((st = check_power(vfs, file->path, err)) == SB_OK)
        st = self->inner->ops->write(self->inner, offset, pieces, piece_count, err);
    sb_mutex_unlock(vfs->mutex);
    return st;
}

/* Mutex held. */
static sb_status truncate_event(crash_file *self, uint64_t bytes, sb_err *err)
{
    sb_status st = begin_event(vfs_of(self->base.vfs), self->base.path, err);

    if (st != SB_OK) return st;
    if (sb_os__disk_reserve(self->disk, 0) != SB_OK) return SB_FAIL_NOMEM(err);
    st = self->inner->ops->truncate(self->inner, bytes, err);
    if (st == SB_OK) sb_os__disk_truncate(self->disk, bytes);
    return st;
}

static sb_status crash_truncate(sb_file *file, uint64_t bytes, sb_err *err)
{
    crash_file *self = file_of(file);
    crash_vfs *vfs = vfs_of(file->vfs);
    sb_status st;

    sb_mutex_lock(vfs->mutex);
    if (self->disk != NULL)
        st = truncate_event(self, bytes, err);
    else if ((st = check_power(vfs, file->path, err)) == SB_OK)
        st = self->inner->ops->truncate(self->inner, bytes, err);
    sb_mutex_unlock(vfs->mutex);
    return st;
}

/* Mutex held. */
static sb_status sync_event(crash_file *self, sb_err *err)
{
    crash_vfs *vfs = vfs_of(self->base.vfs);
    sb_status st = begin_event(vfs, self->base.path, err);

    if (st != SB_OK) return st;
    if (vfs->events == vfs->options.fail_sync_at) {
        sb_os__disk_forget(self->disk);
        return SB_FAIL_OS(err, SB_IO, EIO, "%s: the sync failed", self->base.path);
    }
    st = sb_os__disk_sync(self->disk);
    if (st == SB_OK && !vfs->options.create_needs_dir_sync)
        st = settle_names(vfs, NULL, self->disk);
    return st == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
}

static sb_status crash_sync(sb_file *file, sb_err *err)
{
    crash_file *self = file_of(file);
    crash_vfs *vfs = vfs_of(file->vfs);
    sb_status st;

    sb_mutex_lock(vfs->mutex);
    st = self->disk != NULL ? sync_event(self, err) : check_power(vfs, file->path, err);
    sb_mutex_unlock(vfs->mutex);
    return st;
}

static sb_status crash_info(sb_file *file, sb_file_info *info, sb_err *err)
{
    sb_file *inner = file_of(file)->inner;
    const sb_status st = ask_power(file, err);

    *info = (sb_file_info){0};
    return st != SB_OK ? st : inner->ops->info(inner, info, err);
}

static sb_status crash_map(sb_file *file, uint64_t offset, size_t bytes, bool writable,
                           void **address, sb_err *err)
{
    sb_file *inner = file_of(file)->inner;
    const sb_status st = ask_power(file, err);

    *address = NULL;
    return st != SB_OK ? st : inner->ops->map(inner, offset, bytes, writable, address, err);
}

static void crash_unmap(sb_file *file, void *address, size_t bytes)
{
    sb_file *inner = file_of(file)->inner;

    inner->ops->unmap(inner, address, bytes);
}

static void crash_advise(sb_file *file, uint64_t offset, uint64_t bytes, bool will_need)
{
    sb_file *inner = file_of(file)->inner;

    inner->ops->advise(inner, offset, bytes, will_need);
}

static sb_status crash_lock(sb_file *file, uint64_t start, uint64_t bytes, sb_lock_kind kind,
                            bool *taken, sb_err *err)
{
    sb_file *inner = file_of(file)->inner;

    return inner->ops->lock(inner, start, bytes, kind, taken, err);
}

static sb_status crash_lock_held(sb_file *file, uint64_t start, uint64_t bytes, bool *held,
                                 sb_err *err)
{
    sb_file *inner = file_of(file)->inner;

    return inner->ops->lock_held(inner, start, bytes, held, err);
}

static uint64_t crash_lock_holder(sb_file *file, uint64_t start)
{
    sb_file *inner = file_of(file)->inner;

    return inner->ops->lock_holder(inner, start);
}

static void crash_close(sb_file *file)
{
    crash_file *self = file_of(file);

    sb_file_close(self->inner);
    sb_free(vfs_of(file->vfs)->alloc, self, sizeof *self);
}

static const sb_file_ops crash_file_ops = {
    .read = crash_read,
    .write = crash_write,
    .sync = crash_sync,
    .truncate = crash_truncate,
    .info = crash_info,
    .map = crash_map,
    .unmap = crash_unmap,
    .advise = crash_advise,
    .lock = crash_lock,
    .lock_held = crash_lock_held,
    .lock_holder = crash_lock_holder,
    .close = crash_close,
};

/* ---- Opening ----------------------------------------------------------------------------------------- */

static crash_file *make_file(sb_vfs *vfs)
{
    crash_file *made = (crash_file *)sb_alloc_zero(vfs_of(vfs)->alloc, sizeof *made);

    if (made != NULL) made->base = (sb_file){.ops = &crash_file_ops, .vfs = vfs};
    return made;
}

static sb_os__disk_file *add_disk_file(crash_vfs *vfs)
{
    sb_os__disk_file *disk = sb_os__disk_file_create(vfs->alloc);

    if (disk == NULL) return NULL;
    disk->next = vfs->files;
    vfs->files = disk;
    return disk;
}

/* An open that makes the file is an event (mutex held). */
static sb_status create_event(crash_vfs *vfs, const char *path, unsigned flags, crash_file *made,
                              sb_err *err)
{
    const sb_status power = begin_event(vfs, path, err);
    const char *name;
    sb_os__disk_file *disk;
    sb_status st;

    if (power != SB_OK) return power;
    name = intern_path(vfs, path);
    if (name == NULL || reserve_name_op(vfs) != SB_OK) return SB_FAIL_NOMEM(err);
    disk = add_disk_file(vfs); /* kept until the vfs dies, also when the open fails */
    if (disk == NULL) return SB_FAIL_NOMEM(err);
    st = vfs->inner->ops->open(vfs->inner, path, flags, &made->inner, err);
    if (st != SB_OK) return st;
    made->disk = disk;
    add_name_op(vfs, (sb_os__name_op){.change = SB_OS__CREATE, .path = name, .file = disk});
    return SB_OK;
}

/* Mutex held. */
static sb_status open_locked(crash_vfs *vfs, const char *path, unsigned flags, crash_file *made,
                             sb_err *err)
{
    const char *known = find_path(vfs, path);
    const sb_status st = check_power(vfs, path, err);

    if (st != SB_OK) return st;
    if (known != NULL) made->disk = sb_os__names_find(&vfs->visible, known);
    if (made->disk == NULL && (flags & SB_OPEN_CREATE) != 0)
        return create_event(vfs, path, flags, made, err);
    return vfs->inner->ops->open(vfs->inner, path, flags, &made->inner, err);
}

static sb_status crash_open(sb_vfs *vfs, const char *path, unsigned flags, sb_file **file,
                            sb_err *err)
{
    crash_vfs *self = vfs_of(vfs);
    crash_file *made = make_file(vfs);
    sb_status st;

    *file = NULL;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    sb_mutex_lock(self->mutex);
    st = open_locked(self, path, flags, made, err);
    sb_mutex_unlock(self->mutex);
    if (st != SB_OK) {
        sb_free(self->alloc, made, sizeof *made);
        return st;
    }
    made->base.path = made->inner->path;
    *file = &made->base;
    return SB_OK;
}

static sb_status crash_open_temporary(sb_vfs *vfs, const char *directory, sb_file **file,
                                      sb_err *err)
{
    crash_vfs *self = vfs_of(vfs);
    crash_file *made = make_file(vfs);
    sb_status st;

    *file = NULL;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    sb_mutex_lock(self->mutex);
    st = check_power(self, "(temporary)", err);
    if (st == SB_OK)
        st = self->inner->ops->open_temporary(self->inner, directory, &made->inner, err);
    sb_mutex_unlock(self->mutex);
    if (st != SB_OK) {
        sb_free(self->alloc, made, sizeof *made);
        return st;
    }
    made->base.path = made->inner->path;
    *file = &made->base;
    return SB_OK;
}

/* ---- The directory ----------------------------------------------------------------------------------- */

/* Mutex held. */
static sb_status remove_event(crash_vfs *vfs, const char *name, bool *existed, sb_err *err)
{
    sb_status st = begin_event(vfs, name, err);

    if (st != SB_OK) return st;
    if (reserve_name_op(vfs) != SB_OK) return SB_FAIL_NOMEM(err);
    st = vfs->inner->ops->remove(vfs->inner, name, existed, err);
    if (st == SB_OK) add_name_op(vfs, (sb_os__name_op){.change = SB_OS__REMOVE, .path = name});
    return st;
}

static sb_status crash_remove(sb_vfs *vfs, const char *path, bool *existed, sb_err *err)
{
    crash_vfs *self = vfs_of(vfs);
    const char *name;
    sb_status st;

    *existed = false;
    sb_mutex_lock(self->mutex);
    st = check_power(self, path, err);
    name = find_path(self, path);
    if (st == SB_OK && name != NULL && sb_os__names_find(&self->visible, name) != NULL)
        st = remove_event(self, name, existed, err);
    sb_mutex_unlock(self->mutex);
    return st;
}

/* Mutex held. */
static sb_status rename_event(crash_vfs *vfs, const char *from, const char *to, sb_err *err)
{
    sb_os__name_op op = {.change = SB_OS__RENAME, .path = find_path(vfs, from)};
    sb_status st = begin_event(vfs, from, err);

    if (st != SB_OK) return st;
    if (op.path != NULL) op.file = sb_os__names_find(&vfs->visible, op.path);
    if (op.file == NULL)
        return SB_FAIL_OS(err, SB_IO, ENOENT, "%s: can not rename: no such file", from);
    op.new_path = intern_path(vfs, to);
    if (op.new_path == NULL || reserve_name_op(vfs) != SB_OK) return SB_FAIL_NOMEM(err);
    st = vfs->inner->ops->rename(vfs->inner, from, to, err);
    if (st == SB_OK) add_name_op(vfs, op);
    return st;
}

static sb_status crash_rename(sb_vfs *vfs, const char *from, const char *to, sb_err *err)
{
    crash_vfs *self = vfs_of(vfs);
    sb_status st;

    sb_mutex_lock(self->mutex);
    st = rename_event(self, from, to, err);
    sb_mutex_unlock(self->mutex);
    return st;
}

static sb_status crash_exists(sb_vfs *vfs, const char *path, bool *exists, sb_err *err)
{
    crash_vfs *self = vfs_of(vfs);
    sb_status st;

    *exists = false;
    sb_mutex_lock(self->mutex);
    st = check_power(self, path, err);
    if (st == SB_OK) st = self->inner->ops->exists(self->inner, path, exists, err);
    sb_mutex_unlock(self->mutex);
    return st;
}

static sb_status crash_directory_writable(sb_vfs *vfs, const char *path, bool *writable,
                                          sb_err *err)
{
    crash_vfs *self = vfs_of(vfs);
    sb_status st;

    sb_mutex_lock(self->mutex);
    st = check_power(self, path, err);
    sb_mutex_unlock(self->mutex);
    *writable = st == SB_OK;
    return st;
}

static sb_status crash_sync_directory(sb_vfs *vfs, const char *path, sb_err *err)
{
    crash_vfs *self = vfs_of(vfs);
    sb_status st;

    sb_mutex_lock(self->mutex);
    st = begin_event(self, path, err);
    if (st == SB_OK && settle_names(self, path, NULL) != SB_OK) st = SB_FAIL_NOMEM(err);
    sb_mutex_unlock(self->mutex);
    return st;
}

/* ---- Clock and randomness ---------------------------------------------------------------------------- */

static uint64_t crash_monotonic_ns(sb_vfs *vfs)
{
    (void)vfs;
    return sb_os__monotonic_ns();
}

static uint64_t crash_wall_ns(sb_vfs *vfs)
{
    crash_vfs *self = vfs_of(vfs);
    uint64_t now;

    sb_mutex_lock(self->mutex);
    now = self->wall_ns;
    self->wall_ns += WALL_TICK_NS;
    sb_mutex_unlock(self->mutex);
    return now;
}

static void crash_sleep_ns(sb_vfs *vfs, uint64_t ns)
{
    (void)vfs;
    sb_os__sleep_ns(ns);
}

static sb_status crash_random(sb_vfs *vfs, void *data, size_t bytes, sb_err *err)
{
    crash_vfs *self = vfs_of(vfs);
    uint8_t *out = (uint8_t *)data;
    sb_status st;

    sb_mutex_lock(self->mutex);
    st = check_power(self, "(random)", err);
    for (; st == SB_OK && bytes > 0; bytes--)
        *out++ = (uint8_t)(sb_random_next(&self->random) >> 32);
    sb_mutex_unlock(self->mutex);
    return st;
}

/* ---- The table --------------------------------------------------------------------------------------- */

static void crash_destroy(sb_vfs *vfs)
{
    crash_vfs *self = vfs_of(vfs);

    while (self->files != NULL) {
        sb_os__disk_file *file = self->files;
        self->files = file->next;
        sb_os__disk_file_destroy(file);
    }
    sb_os__names_deinit(&self->visible, self->alloc);
    sb_os__names_deinit(&self->durable, self->alloc);
    sb_os__names_deinit(&self->interned, self->alloc);
    sb_free(self->alloc, self->name_ops, self->name_op_capacity * sizeof *self->name_ops);
    sb_mutex_destroy(self->mutex);
    sb_arena_destroy(self->paths);
    sb_vfs_destroy(self->inner);
    sb_free(self->alloc, self, sizeof *self);
}

static const sb_vfs_ops crash_vfs_ops = {
    .open = crash_open,
    .open_temporary = crash_open_temporary,
    .remove = crash_remove,
    .rename = crash_rename,
    .exists = crash_exists,
    .directory_writable = crash_directory_writable,
    .sync_directory = crash_sync_directory,
    .monotonic_ns = crash_monotonic_ns,
    .wall_ns = crash_wall_ns,
    .sleep_ns = crash_sleep_ns,
    .random = crash_random,
    .destroy = crash_destroy,
};

sb_status sb_vfs_crash_create(const sb_allocator *alloc, sb_vfs **vfs, sb_err *err)
{
    crash_vfs *made = (crash_vfs *)sb_alloc_zero(alloc, sizeof *made);
    sb_status st;

    *vfs = NULL;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->alloc = alloc;
    made->options = (sb_vfs_crash_options){.create_needs_dir_sync = true, .sector_bytes = 512};
    made->wall_ns = WALL_START_NS;
    made->random.state = RANDOM_START;
    made->base.ops = &crash_vfs_ops;
    made->base.shared = true;
    made->paths = sb_arena_create(alloc, NULL);
    st = made->paths != NULL ? SB_OK : SB_FAIL_NOMEM(err);
    if (st == SB_OK) st = sb_vfs_mem_create(alloc, &made->inner, err);
    if (st == SB_OK) st = sb_mutex_create(alloc, SB_RANK_VFS_FRONT, &made->mutex, err);
    if (st != SB_OK) {
        crash_destroy(&made->base);
        return st;
    }
    made->base.map_step_bytes = made->inner->map_step_bytes;
    *vfs = &made->base;
    return SB_OK;
}

sb_vfs_crash_options *sb_vfs_crash_state(sb_vfs *vfs)
{
    SB_ASSERT(vfs->ops == &crash_vfs_ops);
    return &vfs_of(vfs)->options;
}

uint64_t sb_vfs_crash_events(const sb_vfs *vfs)
{
    const crash_vfs *self = (const crash_vfs *)(const void *)vfs; /* base is the first member */
    uint64_t events;

    SB_ASSERT(vfs->ops == &crash_vfs_ops);
    sb_mutex_lock(self->mutex);
    events = self->events;
    sb_mutex_unlock(self->mutex);
    return events;
}

void sb_vfs_crash_set_cut(sb_vfs *vfs, uint64_t cut)
{
    crash_vfs *self = vfs_of(vfs);

    SB_ASSERT(vfs->ops == &crash_vfs_ops);
    sb_mutex_lock(self->mutex);
    self->cut = cut;
    sb_mutex_unlock(self->mutex);
}

/* ---- Reboot ------------------------------------------------------------------------------------------ */

/* The directory after the power loss: all, none, the first few, or any of the changes. */
static sb_status survive_names(const crash_vfs *vfs, sb_crash_mode mode, sb_random *random,
                               sb_os__names *names)
{
    const bool by_chance = mode == SB_CRASH_RANDOM || mode == SB_CRASH_GARBAGE;
    const uint64_t kind = by_chance ? sb_random_below(random, 4) : 0;
    size_t kept = mode == SB_CRASH_LOSE_ALL ? 0 : vfs->name_op_count;
    size_t i;

    for (i = 0; i < vfs->durable.count; i++) {
        const sb_os__name_op op = {.change = SB_OS__CREATE,
                                   .path = vfs->durable.items[i].path,
                                   .file = vfs->durable.items[i].file};
        SB_TRY(sb_os__names_reserve(names, vfs->alloc));
        sb_os__names_apply(names, &op);
    }
    if (kind == 1) kept = 0;
    if (kind == 2) kept = (size_t)sb_random_below(random, (uint64_t)kept + 1);
    for (i = 0; i < kept; i++) {
        if (kind == 3 && sb_random_below(random, 2) == 0) continue;
        SB_TRY(sb_os__names_reserve(names, vfs->alloc));
        sb_os__names_apply(names, &vfs->name_ops[i]);
    }
    return SB_OK;
}

/* The file whose write the power loss spoils: the one that was being written, else any with unsynced
 * ops; NULL when there is none. */
static const sb_os__disk_file *choose_spoiled(const crash_vfs *vfs, sb_random *random)
{
    const sb_os__disk_file *chosen = NULL;
    const sb_os__disk_file *file;
    uint64_t seen = 0;

    for (file = vfs->files; file != NULL; file = file->next) {
        if (file->in_flight) return file;
        if (file->op_count > 0 && sb_random_below(random, ++seen) == 0) chosen = file;
    }
    return chosen;
}

/* Make a durable file of that name and content in a new vfs. image is taken over on success. */
static sb_status plant_file(crash_vfs *vfs, const char *path, sb_os__image *image, sb_err *err)
{
    const sb_io_piece piece = {.data = image->bytes.data, .bytes = image->bytes.size};
    sb_file *file = NULL;
    sb_os__disk_file *disk = add_disk_file(vfs);
    sb_os__name_op op = {.change = SB_OS__CREATE, .path = intern_path(vfs, path), .file = disk};
    sb_status st;

    if (disk == NULL || op.path == NULL) return SB_FAIL_NOMEM(err);
    if (sb_os__names_reserve(&vfs->visible, vfs->alloc) != SB_OK) return SB_FAIL_NOMEM(err);
    if (sb_os__names_reserve(&vfs->durable, vfs->alloc) != SB_OK) return SB_FAIL_NOMEM(err);
    st = vfs->inner->ops->open(vfs->inner, path, SB_OPEN_CREATE, &file, err);
    if (st != SB_OK) return st;
    st = file->ops->write(file, 0, &piece, 1, err);
    if (st == SB_OK) st = file->ops->truncate(file, image->size, err);
    sb_file_close(file);
    if (st != SB_OK) return st;
    disk->size = image->size;
    disk->durable = *image;
    sb_buffer_init(&image->bytes, vfs->alloc);
    sb_os__names_apply(&vfs->visible, &op);
    sb_os__names_apply(&vfs->durable, &op);
    return SB_OK;
}

static sb_status plant_all(const crash_vfs *vfs, const sb_os__names *names, sb_crash_mode mode,
                           sb_random *random, crash_vfs *after, sb_err *err)
{
    const sb_os__disk_file *spoiled = mode == SB_CRASH_GARBAGE ? choose_spoiled(vfs, random) : NULL;
    sb_status st = SB_OK;
    size_t i;

    for (i = 0; st == SB_OK && i < names->count; i++) {
        const sb_os__disk_file *file = names->items[i].file;
        const sb_os__survival how = {
            .mode = mode, .sector_bytes = vfs->options.sector_bytes, .garbage = file == spoiled};
        sb_os__image image;
        st = sb_os__disk_survive(file, how, random, &image);
        if (st == SB_OK)
            st = plant_file(after, names->items[i].path, &image, err);
        else
            st = SB_FAIL_NOMEM(err);
        sb_os__image_deinit(&image);
    }
    return st;
}

sb_status sb_vfs_crash_reboot(sb_vfs *vfs, sb_crash_mode mode, uint64_t seed, sb_vfs **after,
                              sb_err *err)
{
    crash_vfs *self = vfs_of(vfs);
    sb_random random = {.state = sb_hash_u64(seed ^ RANDOM_START)};
    sb_os__names names = {0};
    sb_vfs *made = NULL;
    sb_status st;

    *after = NULL;
    SB_ASSERT(vfs->ops == &crash_vfs_ops);
    st = sb_vfs_crash_create(self->alloc, &made, err);
    if (st != SB_OK) return st;
    if (survive_names(self, mode, &random, &names) != SB_OK)
        st = SB_FAIL_NOMEM(err);
    else
        st = plant_all(self, &names, mode, &random, vfs_of(made), err);
    sb_os__names_deinit(&names, self->alloc);
    if (st != SB_OK) {
        sb_vfs_destroy(made);
        return st;
    }
    vfs_of(made)->options = self->options;
    vfs_of(made)->wall_ns = self->wall_ns + 1000000000u;
    vfs_of(made)->random.state = sb_random_next(&random);
    *after = made;
    return SB_OK;
}
