/* vfs_mem.c — files in memory: what ":memory:" runs on, and the ground of the power-losing file system.
 *
 * A file is an array of segments of one map step, each allocated when first written or mapped; a
 * missing one reads as zeros. A map is the segment itself.
 *
 * M1. Bytes past the end of a file are undefined. Whatever makes the file longer zeroes the gap
 *     between the old end and what it writes; a segment that is allocated late is zeroed as far as the
 *     file reaches. So a fresh segment costs only the memory that is used of it, though the allocator
 *     gives no zeroed blocks.
 * M2. The mutex guards names, sizes, segment tables and locks. Bytes are copied outside of it: two
 *     calls race on bytes only if they touch the same range, as with any file.
 * M3. A segment is freed when a truncation cuts it off whole and nobody maps it, or with its file. */
#include "os/os_priv.h"

#include <errno.h>

#define MAP_STEP_BYTES ((size_t)1 << 20)
/* Segments start on a border of this: as maps of the system do. */
#define SEGMENT_ALIGN ((size_t)4096)
#define SEGMENT_MAX   ((size_t)1 << 24) /* 16 TiB: keeps every sum of sizes far from overflow */

typedef struct mem_file mem_file;

typedef struct mem_segment {
    uint8_t *block; /* owned, as the allocator gave it; NULL: all zeros */
    uint8_t *data;  /* aligned, in block */
    size_t maps;    /* not yet unmapped */
} mem_segment;

/* One locked range of one open file. Ranges of one owner do not overlap. */
typedef struct mem_lock {
    const mem_file *owner;
    uint64_t start, end;
    sb_lock_kind kind; /* never NONE in the table */
} mem_lock;

/* A file, named or only held open. All fields are guarded by the vfs's mutex. */
typedef struct mem_node {
    struct mem_node *next; /* in mem_vfs.nodes */
    char *name;            /* owned; NULL once removed, and for temporary files */
    size_t name_bytes;     /* with the NUL */
    size_t handles;        /* open files */
    uint64_t inode;
    uint64_t bytes;   /* size of the file */
    uint64_t changed; /* value of mem_vfs.changes at the last change */
    mem_segment *segments;
    size_t segment_capacity; /* allocated; unused ones are empty */
    mem_lock *locks;
    size_t lock_count, lock_capacity;
} mem_node;

typedef struct mem_vfs {
    sb_vfs base;
    const sb_allocator *alloc; /* borrowed */
    sb_mutex *mutex;           /* owned */
    mem_node *nodes;           /* guarded by mutex */
    uint64_t last_inode;       /* guarded by mutex */
    uint64_t changes;          /* guarded by mutex */
} mem_vfs;

struct mem_file {
    sb_file base;
    mem_node *node;
    size_t path_bytes; /* with the NUL; the path lies behind this struct */
    bool read_only;
};

static const sb_file_ops mem_file_ops;

static mem_vfs *vfs_of(sb_vfs *vfs)
{
    return SB_CONTAINER(vfs, mem_vfs, base);
}

static mem_file *file_of(sb_file *file)
{
    return SB_CONTAINER(file, mem_file, base);
}

/* ---- Segments (mutex held) ---------------------------------------------------------------------- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Room in the table for segments up to and with index. */
static sb_status reserve_segments(mem_vfs *vfs, mem_node *node, size_t index)
{
    size_t capacity = node->segment_capacity == 0 ? 4 : node->segment_capacity;
    mem_segment *grown;

    if (index < node->segment_capacity) return SB_OK;
    if (index >= SEGMENT_MAX) return SB_FULL;
    while (capacity <= index)
        capacity *= 2;
    grown =
        (mem_segment *)sb_resize(vfs->alloc, node->segments, node->segment_capacity * sizeof *grown,
                                 capacity * sizeof *grown);
    if (grown == NULL) return SB_NOMEM;
    memset(grown + node->segment_capacity, 0, (capacity - node->segment_capacity) * sizeof *grown);
    node->segments = grown;
    node->segment_capacity = capacity;
    return SB_OK;
}

/* Give the segment memory, zeroed as far as the file reaches (M1). */
static sb_status touch_segment(mem_vfs *vfs, mem_node *node, size_t index)
{
    const uint64_t start = (uint64_t)index * MAP_STEP_BYTES;
    const sb_status st = reserve_segments(vfs, node, index);
    mem_segment *segment;

    if (st != SB_OK) return st;
    segment = &node->segments[index];
    if (segment->block != NULL) return SB_OK;
    segment->block = (uint8_t *)sb_alloc(vfs->alloc, MAP_STEP_BYTES + SEGMENT_ALIGN);
    if (segment->block == NULL) return SB_NOMEM;
    segment->data = segment->block + (SEGMENT_ALIGN - (uintptr_t)segment->block % SEGMENT_ALIGN);
    if (node->bytes > start)
        memset(segment->data, 0, (size_t)least(node->bytes - start, MAP_STEP_BYTES));
    return SB_OK;
}

static void free_segment(mem_vfs *vfs, mem_segment *segment)
{
    sb_free(vfs->alloc, segment->block, MAP_STEP_BYTES + SEGMENT_ALIGN);
    *segment = (mem_segment){0};
}

/* Zero [from, to) in the segments that there are. */
static void zero_range(mem_node *node, uint64_t from, uint64_t to)
{
    while (from < to) {
        const uint64_t index = from / MAP_STEP_BYTES;
        const size_t skip = (size_t)(from % MAP_STEP_BYTES);
        const size_t step = (size_t)least(to - from, MAP_STEP_BYTES - skip);
        if (index >= node->segment_capacity) return;
        if (node->segments[index].block != NULL) memset(node->segments[index].data + skip, 0, step);
        from += step;
    }
}

static void note_change(mem_vfs *vfs, mem_node *node)
{
    node->changed = ++vfs->changes;
}

/* ---- Nodes (mutex held) -------------------------------------------------------------------------- */

static mem_node *find_node(mem_vfs *vfs, const char *name)
{
    mem_node *node;

    for (node = vfs->nodes; node != NULL; node = node->next)
        if (node->name != NULL && strcmp(node->name, name) == 0) return node;
    return NULL;
}

/* A copy of name in *copy, with its size. */
static sb_status copy_name(mem_vfs *vfs, const char *name, char **copy, size_t *bytes)
{
    *bytes = strlen(name) + 1;
    *copy = (char *)sb_alloc(vfs->alloc, *bytes);
    if (*copy == NULL) return SB_NOMEM;
    memcpy(*copy, name, *bytes);
    return SB_OK;
}

/* name NULL: a temporary file. NULL on no memory. */
static mem_node *add_node(mem_vfs *vfs, const char *name)
{
    mem_node *node = (mem_node *)sb_alloc_zero(vfs->alloc, sizeof *node);

    if (node == NULL) return NULL;
    if (name != NULL && copy_name(vfs, name, &node->name, &node->name_bytes) != SB_OK) {
        sb_free(vfs->alloc, node, sizeof *node);
        return NULL;
    }
    node->inode = ++vfs->last_inode;
    note_change(vfs, node);
    node->next = vfs->nodes;
    vfs->nodes = node;
    return node;
}

static void drop_name(mem_vfs *vfs, mem_node *node)
{
    sb_free(vfs->alloc, node->name, node->name_bytes);
    node->name = NULL;
    node->name_bytes = 0;
}

static void free_node(mem_vfs *vfs, mem_node *node)
{
    size_t i;

    drop_name(vfs, node);
    for (i = 0; i < node->segment_capacity; i++)
        free_segment(vfs, &node->segments[i]);
    sb_free(vfs->alloc, node->segments, node->segment_capacity * sizeof *node->segments);
    sb_free(vfs->alloc, node->locks, node->lock_capacity * sizeof *node->locks);
    sb_free(vfs->alloc, node, sizeof *node);
}

/* Free node if neither a name nor an open file holds it. */
static void release_node(mem_vfs *vfs, mem_node *node)
{
    mem_node **link = &vfs->nodes;

    if (node->name != NULL || node->handles > 0) return;
    while (*link != node)
        link = &(*link)->next;
    *link = node->next;
    free_node(vfs, node);
}

/* ---- Reading and writing -------------------------------------------------------------------------- */

static sb_status fail_file(sb_err *err, const sb_file *file, sb_status st, const char *what)
{
    if (st == SB_NOMEM) return SB_FAIL_NOMEM(err);
    if (st == SB_FULL)
        return SB_FAIL_OS(err, st, ENOSPC, "%s: can not %s: too large for memory", file->path,
                          what);
    return SB_FAIL_OS(err, st, EBADF, "%s: can not %s: it was opened read-only", file->path, what);
}

/* The memory of [offset, offset + *bytes) as far as one segment holds it: NULL when that is zeros.
 * The segment stays where it is when the mutex is released. */
static uint8_t *find_bytes(mem_file *file, uint64_t offset, size_t *bytes)
{
    mem_vfs *vfs = vfs_of(file->base.vfs);
    const uint64_t index = offset / MAP_STEP_BYTES;
    const size_t skip = (size_t)(offset % MAP_STEP_BYTES);
    uint8_t *data = NULL;

    *bytes = (size_t)least(*bytes, MAP_STEP_BYTES - skip);
    sb_mutex_lock(vfs->mutex);
    if (index < file->node->segment_capacity && file->node->segments[index].block != NULL)
        data = file->node->segments[index].data + skip;
    sb_mutex_unlock(vfs->mutex);
    return data;
}

static sb_status mem_read(sb_file *file, uint64_t offset, void *data, size_t bytes, size_t *got,
                          sb_err *err)
{
    mem_file *self = file_of(file);
    mem_vfs *vfs = vfs_of(file->vfs);
    uint8_t *out = (uint8_t *)data;
    size_t left;

    (void)err;
    sb_mutex_lock(vfs->mutex);
    left = offset < self->node->bytes ? (size_t)least(bytes, self->node->bytes - offset) : 0;
    sb_mutex_unlock(vfs->mutex);
    *got = left;
    while (left > 0) {
        size_t step = left;
        const uint8_t *from = find_bytes(self, offset, &step);
        if (from != NULL)
            memcpy(out, from, step);
        else
            memset(out, 0, step);
        out += step;
        offset += step;
        left -= step;
    }
    return SB_OK;
}

static sb_status sum_pieces(const sb_io_piece *pieces, size_t piece_count, size_t *bytes)
{
    size_t i;

    *bytes = 0;
    for (i = 0; i < piece_count; i++)
        if (!sb_add_size(*bytes, pieces[i].bytes, bytes)) return SB_FULL;
    return SB_OK;
}

/* Memory under [offset, offset + bytes), and the file grown over it (mutex held). */
static sb_status prepare_write(mem_vfs *vfs, mem_node *node, uint64_t offset, size_t bytes)
{
    const uint64_t limit = (uint64_t)SEGMENT_MAX * MAP_STEP_BYTES;
    uint64_t index;

    if (offset > limit || bytes > limit - offset) return SB_FULL;
    for (index = offset / MAP_STEP_BYTES; index * MAP_STEP_BYTES < offset + bytes; index++) {
        const sb_status st = touch_segment(vfs, node, (size_t)index);
        if (st != SB_OK) return st;
    }
    zero_range(node, node->bytes, offset);
    if (offset + bytes > node->bytes) node->bytes = offset + bytes;
    note_change(vfs, node);
    return SB_OK;
}

static void copy_in(mem_file *file, uint64_t offset, sb_io_piece piece)
{
    const uint8_t *from = (const uint8_t *)piece.data;

    while (piece.bytes > 0) {
        size_t step = piece.bytes;
        uint8_t *to = find_bytes(file, offset, &step);
        if (SB_NEVER(to == NULL)) return; /* prepared by the caller */
        memcpy(to, from, step);
        from += step;
        offset += step;
        piece.bytes -= step;
    }
}

static sb_status mem_write(sb_file *file, uint64_t offset, const sb_io_piece *pieces,
                           size_t piece_count, sb_err *err)
{
    mem_file *self = file_of(file);
    mem_vfs *vfs = vfs_of(file->vfs);
    size_t bytes;
    size_t i;
    sb_status st = sum_pieces(pieces, piece_count, &bytes);

    if (self->read_only) return fail_file(err, file, SB_IO, "write");
    if (st == SB_OK && bytes == 0) return SB_OK; /* does not extend */
    if (st == SB_OK) {
        sb_mutex_lock(vfs->mutex);
        st = prepare_write(vfs, self->node, offset, bytes);
        sb_mutex_unlock(vfs->mutex);
    }
    if (st != SB_OK) return fail_file(err, file, st, "write");
    for (i = 0; i < piece_count; i++) {
        copy_in(self, offset, pieces[i]);
        offset += pieces[i].bytes;
    }
    return SB_OK;
}

static sb_status mem_sync(sb_file *file, sb_err *err)
{
    (void)file;
    (void)err;
    return SB_OK;
}

static sb_status mem_truncate(sb_file *file, uint64_t bytes, sb_err *err)
{
    mem_file *self = file_of(file);
    mem_vfs *vfs = vfs_of(file->vfs);
    mem_node *node = self->node;
    size_t index;

    if (self->read_only) return fail_file(err, file, SB_IO, "truncate");
    if (bytes > (uint64_t)SEGMENT_MAX * MAP_STEP_BYTES)
        return fail_file(err, file, SB_FULL, "truncate");
    sb_mutex_lock(vfs->mutex);
    zero_range(node, node->bytes, bytes);
    index = (size_t)((bytes + MAP_STEP_BYTES - 1) / MAP_STEP_BYTES);
    for (; index < node->segment_capacity; index++)
        if (node->segments[index].maps == 0) free_segment(vfs, &node->segments[index]); /* M3 */
    node->bytes = bytes;
    note_change(vfs, node);
    sb_mutex_unlock(vfs->mutex);
    return SB_OK;
}

static sb_status mem_info(sb_file *file, sb_file_info *info, sb_err *err)
{
    mem_file *self = file_of(file);
    mem_vfs *vfs = vfs_of(file->vfs);

    (void)err;
    sb_mutex_lock(vfs->mutex);
    *info = (sb_file_info){.bytes = self->node->bytes,
                           .device = 0,
                           .inode = self->node->inode,
                           .links = 1,
                           .mtime_ns = self->node->changed,
                           .remote = false,
                           .writable_media = true,
                           .regular = true};
    sb_mutex_unlock(vfs->mutex);
    return SB_OK;
}

/* ---- Maps ------------------------------------------------------------------------------------------ */

static sb_status mem_map(sb_file *file, uint64_t offset, size_t bytes, bool writable,
                         void **address, sb_err *err)
{
    mem_file *self = file_of(file);
    mem_vfs *vfs = vfs_of(file->vfs);
    const uint64_t index = offset / MAP_STEP_BYTES;
    sb_status st;

    *address = NULL;
    SB_ASSERT(offset % MAP_STEP_BYTES == 0);
    if (writable && self->read_only) return fail_file(err, file, SB_IO, "map for writing");
    if (bytes > MAP_STEP_BYTES)
        return SB_FAIL(err, SB_UNSUPPORTED,
                       "%s: a file in memory is mapped step by step, not %zu bytes", file->path,
                       bytes);
    if (index >= SEGMENT_MAX) return fail_file(err, file, SB_FULL, "map");
    sb_mutex_lock(vfs->mutex);
    st = touch_segment(vfs, self->node, (size_t)index);
    if (st == SB_OK) {
        self->node->segments[index].maps++;
        *address = self->node->segments[index].data;
    }
    sb_mutex_unlock(vfs->mutex);
    return st == SB_OK ? SB_OK : fail_file(err, file, st, "map");
}

static void mem_unmap(sb_file *file, void *address, size_t bytes)
{
    mem_file *self = file_of(file);
    mem_vfs *vfs = vfs_of(file->vfs);
    size_t i;

    (void)bytes;
    sb_mutex_lock(vfs->mutex);
    for (i = 0; i < self->node->segment_capacity; i++)
        if (self->node->segments[i].data == address && self->node->segments[i].maps > 0) {
            self->node->segments[i].maps--;
            break;
        }
    sb_mutex_unlock(vfs->mutex);
}

static void mem_advise(sb_file *file, uint64_t offset, uint64_t bytes, bool will_need)
{
    (void)file;
    (void)offset;
    (void)bytes;
    (void)will_need;
}

/* ---- Locks ----------------------------------------------------------------------------------------- */

/* Does another open file hold a lock that the wanted one would collide with? */
static bool lock_collides(const mem_node *node, const mem_lock *wanted)
{
    size_t i;

    for (i = 0; i < node->lock_count; i++) {
        const mem_lock *held = &node->locks[i];
        if (held->owner == wanted->owner) continue;
        if (held->end <= wanted->start || wanted->end <= held->start) continue;
        if (wanted->kind == SB_LOCK_EXCLUSIVE || held->kind == SB_LOCK_EXCLUSIVE) return true;
    }
    return false;
}

/* Places that a change needs: the new range, and the second half of one that it falls into. Dropping
 * what was taken needs none, so it can not fail. */
static size_t count_new_locks(const mem_node *node, const mem_lock *change)
{
    size_t count = change->kind == SB_LOCK_NONE ? 0 : 1;
    size_t i;

    for (i = 0; i < node->lock_count; i++) {
        const mem_lock *held = &node->locks[i];
        if (held->owner == change->owner && held->start < change->start && change->end < held->end)
            count++;
    }
    return count;
}

static sb_status reserve_locks(mem_vfs *vfs, mem_node *node, size_t more)
{
    const size_t capacity = node->lock_capacity == 0 ? 8 : 2 * node->lock_capacity;
    mem_lock *grown;

    if (node->lock_count + more <= node->lock_capacity) return SB_OK;
    grown = (mem_lock *)sb_resize(vfs->alloc, node->locks, node->lock_capacity * sizeof *grown,
                                  capacity * sizeof *grown);
    if (grown == NULL) return SB_NOMEM;
    node->locks = grown;
    node->lock_capacity = capacity;
    return SB_OK;
}

/* Take [start, end) out of what owner holds: drop, trim or split. */
static void clear_locks(mem_node *node, const mem_file *owner, uint64_t start, uint64_t end)
{
    size_t i = 0;

    while (i < node->lock_count) {
        mem_lock *held = &node->locks[i];
        const mem_lock old = *held;
        if (old.owner != owner || old.end <= start || end <= old.start) {
            i++;
        } else if (old.start < start) {
            held->end = start;
            if (end <
                old.end) { /* the rest lies behind [start, end): no need to look at it again */
                node->locks[node->lock_count] = old;
                node->locks[node->lock_count++].start = end;
            }
            i++;
        } else if (end < old.end) {
            held->start = end;
            i++;
        } else {
            *held = node->locks[--node->lock_count];
        }
    }
}

static sb_status mem_lock_range(sb_file *file, uint64_t start, uint64_t bytes, sb_lock_kind kind,
                                bool *taken, sb_err *err)
{
    mem_file *self = file_of(file);
    mem_vfs *vfs = vfs_of(file->vfs);
    mem_node *node = self->node;
    const mem_lock change = {.owner = self, .start = start, .end = start + bytes, .kind = kind};
    sb_status st = SB_OK;

    *taken = false;
    SB_ASSERT(bytes > 0);
    SB_ASSERT(change.end > start);
    if (self->read_only && kind == SB_LOCK_EXCLUSIVE) return fail_file(err, file, SB_IO, "lock");
    sb_mutex_lock(vfs->mutex);
    if (kind == SB_LOCK_NONE || !lock_collides(node, &change)) {
        st = reserve_locks(vfs, node, count_new_locks(node, &change));
        if (st == SB_OK) {
            clear_locks(node, self, change.start, change.end);
            if (kind != SB_LOCK_NONE) node->locks[node->lock_count++] = change;
            *taken = true;
        }
    }
    sb_mutex_unlock(vfs->mutex);
    return st == SB_OK ? SB_OK : fail_file(err, file, st, "lock");
}

static sb_status mem_lock_held(sb_file *file, uint64_t start, uint64_t bytes, bool *held,
                               sb_err *err)
{
    mem_file *self = file_of(file);
    mem_vfs *vfs = vfs_of(file->vfs);
    const mem_lock wanted = {
        .owner = self, .start = start, .end = start + bytes, .kind = SB_LOCK_EXCLUSIVE};

    (void)err;
    sb_mutex_lock(vfs->mutex);
    *held = lock_collides(self->node, &wanted);
    sb_mutex_unlock(vfs->mutex);
    return SB_OK;
}

static uint64_t mem_lock_holder(sb_file *file, uint64_t start)
{
    bool held = false;

    /* No other process can open what is in the memory of this one. */
    return mem_lock_held(file, start, 1, &held, NULL) == SB_OK && held ? sb_os_process_id() : 0;
}

static void mem_close(sb_file *file)
{
    mem_file *self = file_of(file);
    mem_vfs *vfs = vfs_of(file->vfs);

    sb_mutex_lock(vfs->mutex);
    clear_locks(self->node, self, 0, UINT64_MAX);
    self->node->handles--;
    release_node(vfs, self->node);
    sb_mutex_unlock(vfs->mutex);
    sb_free(vfs->alloc, self, sizeof *self + self->path_bytes);
}

static const sb_file_ops mem_file_ops = {
    .read = mem_read,
    .write = mem_write,
    .sync = mem_sync,
    .truncate = mem_truncate,
    .info = mem_info,
    .map = mem_map,
    .unmap = mem_unmap,
    .advise = mem_advise,
    .lock = mem_lock_range,
    .lock_held = mem_lock_held,
    .lock_holder = mem_lock_holder,
    .close = mem_close,
};

/* ---- Names ----------------------------------------------------------------------------------------- */

/* The node to open (mutex held): found, or made when flags say so. */
static sb_status choose_node(mem_vfs *vfs, const char *path, unsigned flags, mem_node **node,
                             sb_err *err)
{
    const bool create = (flags & SB_OPEN_CREATE) != 0;

    *node = find_node(vfs, path);
    if (*node != NULL && create && (flags & SB_OPEN_EXCLUSIVE) != 0)
        return SB_FAIL_OS(err, SB_EXISTS, EEXIST, "%s: can not open: it exists already", path);
    if (*node != NULL) return SB_OK;
    if (!create)
        return SB_FAIL_OS(err, SB_CANT_OPEN, ENOENT, "%s: can not open: no such file", path);
    *node = add_node(vfs, path);
    return *node != NULL ? SB_OK : SB_FAIL_NOMEM(err);
}

static mem_file *make_file(sb_vfs *vfs, const char *path)
{
    const size_t path_bytes = strlen(path) + 1;
    mem_file *made = NULL;
    size_t bytes;

    if (!sb_add_size(sizeof *made, path_bytes, &bytes)) return NULL;
    made = (mem_file *)sb_alloc_zero(vfs_of(vfs)->alloc, bytes);
    if (made == NULL) return NULL;
    memcpy(made + 1, path, path_bytes);
    made->path_bytes = path_bytes;
    made->base = (sb_file){.ops = &mem_file_ops, .vfs = vfs, .path = (const char *)(made + 1)};
    return made;
}

static sb_status mem_open(sb_vfs *vfs, const char *path, unsigned flags, sb_file **file,
                          sb_err *err)
{
    mem_vfs *self = vfs_of(vfs);
    mem_file *made = make_file(vfs, path);
    sb_status st;

    *file = NULL;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->read_only = (flags & SB_OPEN_READ_ONLY) != 0;
    sb_mutex_lock(self->mutex);
    st = choose_node(self, path, flags, &made->node, err);
    if (st == SB_OK) made->node->handles++;
    sb_mutex_unlock(self->mutex);
    if (st != SB_OK) {
        sb_free(self->alloc, made, sizeof *made + made->path_bytes);
        return st;
    }
    *file = &made->base;
    return SB_OK;
}

static sb_status mem_open_temporary(sb_vfs *vfs, const char *directory, sb_file **file, sb_err *err)
{
    mem_vfs *self = vfs_of(vfs);
    mem_file *made = make_file(vfs, "(temporary)");

    (void)directory;
    *file = NULL;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    sb_mutex_lock(self->mutex);
    made->node = add_node(self, NULL);
    if (made->node != NULL) made->node->handles++;
    sb_mutex_unlock(self->mutex);
    if (made->node == NULL) {
        sb_free(self->alloc, made, sizeof *made + made->path_bytes);
        return SB_FAIL_NOMEM(err);
    }
    *file = &made->base;
    return SB_OK;
}

static sb_status mem_remove(sb_vfs *vfs, const char *path, bool *existed, sb_err *err)
{
    mem_vfs *self = vfs_of(vfs);
    mem_node *node;

    (void)err;
    sb_mutex_lock(self->mutex);
    node = find_node(self, path);
    *existed = node != NULL;
    if (node != NULL) {
        drop_name(self, node);
        release_node(self, node);
    }
    sb_mutex_unlock(self->mutex);
    return SB_OK;
}

/* Mutex held; name is taken over on success. */
static sb_status rename_node(mem_vfs *vfs, const char *from, char *name, size_t name_bytes,
                             sb_err *err)
{
    mem_node *node = find_node(vfs, from);

    if (node == NULL)
        return SB_FAIL_OS(err, SB_IO, ENOENT, "%s: can not rename: no such file", from);
    if (find_node(vfs, name) != NULL)
        return SB_FAIL_OS(err, SB_EXISTS, EEXIST, "%s exists already", name);
    drop_name(vfs, node);
    node->name = name;
    node->name_bytes = name_bytes;
    return SB_OK;
}

static sb_status mem_rename(sb_vfs *vfs, const char *from, const char *to, sb_err *err)
{
    mem_vfs *self = vfs_of(vfs);
    char *name;
    size_t bytes;

    if (copy_name(self, to, &name, &bytes) != SB_OK) return SB_FAIL_NOMEM(err);
    sb_mutex_lock(self->mutex);
    const sb_status st = rename_node(self, from, name, bytes, err);
    sb_mutex_unlock(self->mutex);
    if (st != SB_OK) sb_free(self->alloc, name, bytes);
    return st;
}

static sb_status mem_exists(sb_vfs *vfs, const char *path, bool *exists, sb_err *err)
{
    mem_vfs *self = vfs_of(vfs);

    (void)err;
    sb_mutex_lock(self->mutex);
    *exists = find_node(self, path) != NULL;
    sb_mutex_unlock(self->mutex);
    return SB_OK;
}

static sb_status mem_directory_writable(sb_vfs *vfs, const char *path, bool *writable, sb_err *err)
{
    (void)vfs;
    (void)path;
    (void)err;
    *writable = true;
    return SB_OK;
}

static sb_status mem_sync_directory(sb_vfs *vfs, const char *path, sb_err *err)
{
    (void)vfs;
    (void)path;
    (void)err;
    return SB_OK;
}

/* ---- The table --------------------------------------------------------------------------------------- */

static uint64_t mem_monotonic_ns(sb_vfs *vfs)
{
    (void)vfs;
    return sb_os__monotonic_ns();
}

static uint64_t mem_wall_ns(sb_vfs *vfs)
{
    (void)vfs;
    return sb_os__wall_ns();
}

static void mem_sleep_ns(sb_vfs *vfs, uint64_t ns)
{
    (void)vfs;
    sb_os__sleep_ns(ns);
}

static sb_status mem_random(sb_vfs *vfs, void *data, size_t bytes, sb_err *err)
{
    (void)vfs;
    return sb_os__random(data, bytes, err);
}

static void mem_destroy(sb_vfs *vfs)
{
    mem_vfs *self = vfs_of(vfs);

    while (self->nodes != NULL) {
        mem_node *node = self->nodes;
        SB_ASSERT(node->handles == 0);
        self->nodes = node->next;
        free_node(self, node);
    }
    sb_mutex_destroy(self->mutex);
    sb_free(self->alloc, self, sizeof *self);
}

static const sb_vfs_ops mem_vfs_ops = {
    .open = mem_open,
    .open_temporary = mem_open_temporary,
    .remove = mem_remove,
    .rename = mem_rename,
    .exists = mem_exists,
    .directory_writable = mem_directory_writable,
    .sync_directory = mem_sync_directory,
    .monotonic_ns = mem_monotonic_ns,
    .wall_ns = mem_wall_ns,
    .sleep_ns = mem_sleep_ns,
    .random = mem_random,
    .destroy = mem_destroy,
};

sb_status sb_vfs_mem_create(const sb_allocator *alloc, sb_vfs **vfs, sb_err *err)
{
    mem_vfs *made = (mem_vfs *)sb_alloc_zero(alloc, sizeof *made);
    sb_status st;

    *vfs = NULL;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    st = sb_mutex_create(alloc, SB_RANK_VFS, &made->mutex, err);
    if (st != SB_OK) {
        sb_free(alloc, made, sizeof *made);
        return st;
    }
    made->alloc = alloc;
    made->base.ops = &mem_vfs_ops;
    made->base.map_step_bytes = MAP_STEP_BYTES;
    made->base.shared = false;
    *vfs = &made->base;
    return SB_OK;
}
