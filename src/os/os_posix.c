/* os_posix.c — files of the operating system: Linux, through POSIX calls and open-file-description locks.
 *
 * I1. Every call is repeated on EINTR, every transfer continued when it was short.
 * I2. A descriptor is never 0, 1 or 2: were they free, a stray printf would write into a database.
 * I3. Locks belong to the open file description, which a forked child shares. Closing in the process
 *     that opened therefore drops them in so many words (the child's copy would keep them), and closing
 *     in a child must not (it would drop its parent's). */
#define _GNU_SOURCE 1 /* F_OFD_SETLK, O_TMPFILE, pwritev, mkostemp, sync_file_range */

#include "os/os_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* 64 MiB: few maps even for a large file, little waste in address space for a small one. */
#define MAP_STEP_BYTES ((size_t)64 << 20)
/* Pieces handed to the system in one call; below the system's IOV_MAX (1024), small enough for the stack. */
#define WRITE_BATCH 256u
/* Linux transfers at most this much in one call. */
#define TRANSFER_MAX ((size_t)0x7ffff000)

typedef struct posix_vfs {
    sb_vfs base;
    const sb_allocator *alloc; /* borrowed */
} posix_vfs;

typedef struct posix_file {
    sb_file base;
    size_t path_bytes; /* with the NUL; the path lies behind this struct */
    uint64_t opener;   /* process that opened it (I3) */
    int fd;
    bool remote;
    bool writable_media;
} posix_file;

static const sb_file_ops posix_file_ops;

static posix_file *file_of(sb_file *file)
{
    return SB_CONTAINER(file, posix_file, base);
}

static const sb_allocator *alloc_of(sb_vfs *vfs)
{
    return SB_CONTAINER(vfs, posix_vfs, base)->alloc;
}

static sb_status status_of_errno(int cause)
{
    switch (cause) {
    case ENOSPC:
    case EFBIG: /* the process's limit of file sizes, or the file system's */
    case EDQUOT: return SB_FULL;
    case ENOMEM: return SB_NOMEM;
    default: return SB_IO;
    }
}

/* what names the failed step: "read", "lock". */
static sb_status fail_path(sb_err *err, const char *path, const char *what, int cause)
{
    char text[SB_OS__ERRNO_TEXT_BYTES];

    return SB_FAIL_OS(err, status_of_errno(cause), cause, "%s: can not %s: %s", path, what,
                      sb_os__errno_text(cause, text));
}

static sb_status fail_file(sb_err *err, const posix_file *file, const char *what, int cause)
{
    return fail_path(err, file->base.path, what, cause);
}

/* Does [offset, offset + bytes) fit the system's signed offsets? */
static bool range_fits(uint64_t offset, uint64_t bytes)
{
    return offset <= (uint64_t)INT64_MAX && bytes <= (uint64_t)INT64_MAX - offset;
}

/* ---- Reading and writing ----------------------------------------------------------------------- */

static sb_status posix_read(sb_file *file, uint64_t offset, void *data, size_t bytes, size_t *got,
                            sb_err *err)
{
    posix_file *self = file_of(file);
    uint8_t *out = (uint8_t *)data;

    *got = 0;
    if (!range_fits(offset, bytes)) return fail_file(err, self, "read", EOVERFLOW);
    while (*got < bytes) {
        const size_t want = bytes - *got < TRANSFER_MAX ? bytes - *got : TRANSFER_MAX;
        ssize_t result = pread(self->fd, out + *got, want, (off_t)(offset + *got));
        /* A pipe has no offsets: it is read on from where it is, for callers that go from front to back. */
        if (result < 0 && errno == ESPIPE) result = read(self->fd, out + *got, want);
        if (result < 0 && errno == EINTR) continue;
        if (result < 0) return fail_file(err, self, "read", errno);
        if (result == 0) break; /* end of file */
        *got += (size_t)result;
    }
    return SB_OK;
}

/* Where a gathered write stands: piece `piece`, `skip` bytes of it already written. */
typedef struct write_pos {
    const sb_io_piece *pieces;
    size_t piece_count;
    size_t piece;
    size_t skip;
} write_pos;

/* Describe what is left, as far as one call takes it; 0 when all is written. */
static size_t fill_batch(write_pos *pos, struct iovec batch[WRITE_BATCH])
{
    size_t count = 0;
    size_t skip = pos->skip;
    size_t piece;

    for (piece = pos->piece; piece < pos->piece_count && count < WRITE_BATCH; piece++, skip = 0) {
        const sb_io_piece *from = &pos->pieces[piece];
        if (from->bytes == skip) continue;
        /* iovec is not const, the call only reads. */
        batch[count].iov_base = (void *)((uintptr_t)from->data + skip);
        batch[count].iov_len = from->bytes - skip;
        count++;
    }
    return count;
}

static void advance(write_pos *pos, size_t written)
{
    while (pos->piece < pos->piece_count) {
        const size_t left = pos->pieces[pos->piece].bytes - pos->skip;
        if (written < left) break;
        written -= left;
        pos->piece++;
        pos->skip = 0;
    }
    pos->skip += written;
}

static sb_status posix_write(sb_file *file, uint64_t offset, const sb_io_piece *pieces,
                             size_t piece_count, sb_err *err)
{
    posix_file *self = file_of(file);
    struct iovec batch[WRITE_BATCH];
    write_pos pos = {.pieces = pieces, .piece_count = piece_count};
    size_t count;

    while ((count = fill_batch(&pos, batch)) > 0) {
        ssize_t result;
        if (offset > (uint64_t)INT64_MAX) return fail_file(err, self, "write", EFBIG);
        result = pwritev(self->fd, batch, (int)count, (off_t)offset);
        if (result < 0 && errno == EINTR) continue;
        if (result < 0) return fail_file(err, self, "write", errno);
        if (result == 0)
            return fail_file(err, self, "write", ENOSPC); /* no progress, no cause told */
        advance(&pos, (size_t)result);
        offset += (uint64_t)result;
    }
    return SB_OK;
}

static sb_status posix_sync(sb_file *file, sb_err *err)
{
    posix_file *self = file_of(file);
    int result;

    do
        result = fdatasync(self->fd);
    while (result != 0 && errno == EINTR);
    return result == 0 ? SB_OK : fail_file(err, self, "sync", errno);
}

static sb_status posix_write_back(sb_file *file, uint64_t offset, uint64_t bytes, sb_err *err)
{
    posix_file *self = file_of(file);
    const unsigned flags =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    int result;

    if (!range_fits(offset, bytes)) return fail_file(err, self, "write back", EOVERFLOW);
    do
        result = sync_file_range(self->fd, (off_t)offset, (off_t)bytes, flags);
    while (result != 0 && errno == EINTR);
    if (result != 0 && errno == ENOSYS) return SB_OK; /* the sync to come does it all */
    return result == 0 ? SB_OK : fail_file(err, self, "write back", errno);
}

static sb_status posix_truncate(sb_file *file, uint64_t bytes, sb_err *err)
{
    posix_file *self = file_of(file);
    int result;

    if (!range_fits(bytes, 0)) return fail_file(err, self, "truncate", EFBIG);
    do
        result = ftruncate(self->fd, (off_t)bytes);
    while (result != 0 && errno == EINTR);
    return result == 0 ? SB_OK : fail_file(err, self, "truncate", errno);
}

static sb_status posix_info(sb_file *file, sb_file_info *info, sb_err *err)
{
    posix_file *self = file_of(file);
    struct stat found;

    *info = (sb_file_info){0};
    if (fstat(self->fd, &found) != 0) return fail_file(err, self, "inspect", errno);
    info->bytes = found.st_size > 0 ? (uint64_t)found.st_size : 0;
    info->device = (uint64_t)found.st_dev;
    info->inode = (uint64_t)found.st_ino;
    info->links = (uint64_t)found.st_nlink;
    info->mtime_ns =
        (uint64_t)found.st_mtim.tv_sec * 1000000000ull + (uint64_t)found.st_mtim.tv_nsec;
    info->remote = self->remote;
    info->writable_media = self->writable_media;
    info->regular = S_ISREG(found.st_mode);
    return SB_OK;
}

/* ---- Maps -------------------------------------------------------------------------------------- */

/* The file, opened for reading alone; -1 when its name does not lead to it. A shared map of a descriptor that may write could be
 * made writable, so each sync looks at it page by page to protect what it writes out: 6 of 60 µs of a commit of four pages.
 * A map of this one can not. */
static int open_for_reading(const posix_file *self)
{
    struct stat own, found;
    int fd;

    if (fstat(self->fd, &own) != 0 || !S_ISREG(own.st_mode)) return -1;
    do
        fd = open(self->base.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return -1;
    if (fstat(fd, &found) == 0 && found.st_dev == own.st_dev && found.st_ino == own.st_ino)
        return fd;
    (void)close(fd);
    return -1;
}

static sb_status posix_map(sb_file *file, uint64_t offset, size_t bytes, bool writable,
                           void **address, sb_err *err)
{
    posix_file *self = file_of(file);
    const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    const int reading = writable ? -1 : open_for_reading(self);
    void *mapped;
    int cause;

    *address = NULL;
    SB_ASSERT(offset % MAP_STEP_BYTES == 0);
    SB_ASSERT(bytes % MAP_STEP_BYTES == 0 || bytes < MAP_STEP_BYTES);
    SB_ASSERT(bytes > 0);
    mapped = MAP_FAILED;
    errno = EOVERFLOW;
    if (range_fits(offset, bytes))
        mapped = mmap(NULL, bytes, protection, MAP_SHARED, reading >= 0 ? reading : self->fd,
                      (off_t)offset);
    cause = errno;
    if (reading >= 0) (void)close(reading); /* the map stays; locks are of the other description */
    if (mapped == MAP_FAILED) {
        if (cause == ENODEV)
            return SB_FAIL_OS(err, SB_UNSUPPORTED, cause, "%s: its file system can not map files",
                              self->base.path);
        return fail_file(err, self, "map", cause);
    }
    *address = mapped;
    return SB_OK;
}

static void posix_unmap(sb_file *file, void *address, size_t bytes)
{
    (void)file;
    (void)munmap(address, bytes);
}

static void posix_advise(sb_file *file, uint64_t offset, uint64_t bytes, bool will_need)
{
    const int advice = will_need ? POSIX_FADV_WILLNEED : POSIX_FADV_DONTNEED;

    if (!range_fits(offset, bytes)) return;
    (void)posix_fadvise(file_of(file)->fd, (off_t)offset, (off_t)bytes, advice);
}

/* ---- Locks ------------------------------------------------------------------------------------- */

static struct flock describe_lock(short type, uint64_t start, uint64_t bytes)
{
    return (struct flock){
        .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)start, .l_len = (off_t)bytes};
}

static short lock_type(sb_lock_kind kind)
{
    switch (kind) {
    case SB_LOCK_SHARED: return F_RDLCK;
    case SB_LOCK_EXCLUSIVE: return F_WRLCK;
    case SB_LOCK_NONE: break;
    }
    return F_UNLCK;
}

static sb_status fail_lock(sb_err *err, const posix_file *file, int cause)
{
    if (cause == EINVAL)
        return SB_FAIL_OS(err, SB_UNSUPPORTED, cause,
                          "%s: this system or file system has no open-file-description locks",
                          file->base.path);
    return fail_file(err, file, "lock", cause);
}

static sb_status posix_lock(sb_file *file, uint64_t start, uint64_t bytes, sb_lock_kind kind,
                            bool *taken, sb_err *err)
{
    posix_file *self = file_of(file);
    struct flock lock = describe_lock(lock_type(kind), start, bytes);
    int result;

    *taken = false;
    SB_ASSERT(bytes > 0);
    if (!range_fits(start, bytes)) return fail_file(err, self, "lock", EOVERFLOW);
    do
        result = fcntl(self->fd, F_OFD_SETLK, &lock);
    while (result != 0 && errno == EINTR);
    if (result != 0) {
        if (errno == EAGAIN || errno == EACCES) return SB_OK; /* somebody else has it */
        return fail_lock(err, self, errno);
    }
    *taken = true;
    return SB_OK;
}

static sb_status posix_lock_held(sb_file *file, uint64_t start, uint64_t bytes, bool *held,
                                 sb_err *err)
{
    posix_file *self = file_of(file);
    struct flock lock = describe_lock(F_WRLCK, start, bytes);
    int result;

    *held = true;
    SB_ASSERT(bytes > 0);
    if (!range_fits(start, bytes)) return fail_file(err, self, "lock", EOVERFLOW);
    do
        result = fcntl(self->fd, F_OFD_GETLK, &lock);
    while (result != 0 && errno == EINTR);
    if (result != 0) return fail_lock(err, self, errno);
    *held = lock.l_type != F_UNLCK;
    return SB_OK;
}

static uint64_t posix_lock_holder(sb_file *file, uint64_t start)
{
    return sb_os__lock_holder(file_of(file)->fd, start);
}

static void posix_close(sb_file *file)
{
    posix_file *self = file_of(file);

    if (self->opener == sb_os_process_id()) { /* I3 */
        struct flock all = describe_lock(F_UNLCK, 0, 0);
        (void)fcntl(self->fd, F_OFD_SETLK, &all);
    }
    (void)close(self->fd); /* not repeated on EINTR: Linux has freed the number already */
    sb_free(alloc_of(file->vfs), self, sizeof *self + self->path_bytes);
}

static const sb_file_ops posix_file_ops = {
    .read = posix_read,
    .write = posix_write,
    .sync = posix_sync,
    .write_back = posix_write_back,
    .truncate = posix_truncate,
    .info = posix_info,
    .map = posix_map,
    .unmap = posix_unmap,
    .advise = posix_advise,
    .lock = posix_lock,
    .lock_held = posix_lock_held,
    .lock_holder = posix_lock_holder,
    .close = posix_close,
};

/* ---- Opening ------------------------------------------------------------------------------------ */

/* File systems whose pages other machines change, whose locks may be local only, or whose medium can be
 * pulled out: a map of them may hold old bytes or raise a signal. From linux/magic.h where it names
 * them, else from statfs(2). */
static const uint32_t remote_magics[] = {
    NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC, MSDOS_SUPER_MAGIC, V9FS_MAGIC,  AFS_SUPER_MAGIC,
    CODA_SUPER_MAGIC, NCP_SUPER_MAGIC, OCFS2_SUPER_MAGIC, 0xFF534D42u, /* CIFS */
    0xFE534D42u,                                                       /* SMB2 */
    0x65735546u,                                                       /* FUSE */
    0x2011BAB0u,                                                       /* exFAT */
    0x00C36400u,                                                       /* Ceph */
    0x6B414653u,                                                       /* kAFS */
    0x0BD00BD0u,                                                       /* Lustre */
    0x01161970u,                                                       /* GFS2 */
    0x47504653u,                                                       /* GPFS */
    0x786F4256u, /* VirtualBox shared folder */
};

static void note_media(posix_file *file)
{
    struct statfs found;
    size_t i;

    file->writable_media = true;
    if (fstatfs(file->fd, &found) != 0) {
        file->remote = true; /* unknown: do not trust maps */
        return;
    }
    for (i = 0; i < sizeof remote_magics / sizeof remote_magics[0]; i++)
        if ((uint32_t)found.f_type == remote_magics[i]) file->remote = true;
    file->writable_media = ((unsigned long)found.f_flags & ST_RDONLY) == 0;
}

/* Standard descriptors that are free, taken while a file is opened (I2). To move the file away once it has got one of them would be
 * too late: another thread may print meanwhile. */
typedef struct stopgaps {
    int fds[STDERR_FILENO + 1];
    unsigned count;
} stopgaps;

static stopgaps fill_standard(void)
{
    struct pollfd standard[] = {{.fd = STDIN_FILENO}, {.fd = STDOUT_FILENO}, {.fd = STDERR_FILENO}};
    stopgaps filled = {.count = 0};

    /* Asked for nothing, it tells of what is not open. */
    if (poll(standard, 3, 0) <= 0) return filled;
    for (unsigned i = 0; i < 3; i++) {
        if ((standard[i].revents & POLLNVAL) == 0) continue;
        const int taken = open("/", O_PATH | O_CLOEXEC); /* can be neither read nor written */
        if (taken > STDERR_FILENO)
            (void)close(taken); /* somebody else was faster */
        else if (taken >= 0)
            filled.fds[filled.count++] = taken;
    }
    return filled;
}

static void free_standard(const stopgaps *filled)
{
    const int cause = errno;

    for (unsigned i = 0; i < filled->count; i++)
        (void)close(filled->fds[i]);
    errno = cause;
}

/* Move a descriptor above the standard ones, one of which has become free since they were filled. Takes fd over; -1 with errno on
 * failure. */
static int lift_descriptor(int fd)
{
    int lifted;
    int cause;

    if (fd < 0 || fd > STDERR_FILENO) return fd;
    lifted = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    cause = errno;
    (void)close(fd);
    errno = cause;
    return lifted;
}

static int open_descriptor(const char *path, int flags, mode_t mode)
{
    const stopgaps filled = fill_standard();
    int fd;

    do
        fd = openat(AT_FDCWD, path, flags | O_CLOEXEC | O_NOCTTY, mode);
    while (fd < 0 && errno == EINTR);
    fd = lift_descriptor(fd);
    free_standard(&filled);
    return fd;
}

/* An unfilled file whose path is shown for messages; NULL on no memory. */
static posix_file *make_file(sb_vfs *vfs, const char *path)
{
    const size_t path_bytes = strlen(path) + 1;
    posix_file *made = NULL;
    size_t bytes;

    if (!sb_add_size(sizeof *made, path_bytes, &bytes)) return NULL;
    made = (posix_file *)sb_alloc_zero(alloc_of(vfs), bytes);
    if (made == NULL) return NULL;
    memcpy(made + 1, path, path_bytes);
    made->path_bytes = path_bytes;
    made->base = (sb_file){.ops = &posix_file_ops, .vfs = vfs, .path = (const char *)(made + 1)};
    made->opener = sb_os_process_id();
    made->fd = -1;
    return made;
}

static void free_file(sb_vfs *vfs, posix_file *file)
{
    sb_free(alloc_of(vfs), file, sizeof *file + file->path_bytes);
}

static sb_status fail_open(sb_err *err, const char *path, int cause)
{
    char text[SB_OS__ERRNO_TEXT_BYTES];
    sb_status st = status_of_errno(cause);

    if (st == SB_IO && cause != EIO) st = cause == EEXIST ? SB_EXISTS : SB_CANT_OPEN;
    return SB_FAIL_OS(err, st, cause, "%s: can not open: %s", path, sb_os__errno_text(cause, text));
}

/* Times that a file may come and go while it is opened. */
#define BESIDE_TRIES 100u

/* What is there is opened, else it is made as the file that it lies beside. */
static int open_beside(const char *path, int flags)
{
    const int plain = flags & ~O_CREAT;
    struct stat model;
    int fd = -1;

    for (unsigned i = 0; i < BESIDE_TRIES; i++) {
        fd = open_descriptor(path, plain, 0);
        if (fd >= 0 || errno != ENOENT || plain == flags) return fd;
        const bool has_model = sb_os__beside_what(path, &model);
        fd = open_descriptor(path, flags | O_EXCL, has_model ? 0600 : 0666);
        if (fd >= 0 && has_model) sb_os__take_after(fd, &model);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return fd;
}

static sb_status posix_open(sb_vfs *vfs, const char *path, unsigned flags, sb_file **file,
                            sb_err *err)
{
    /* O_NONBLOCK: opening a pipe must not hang; it means nothing for a regular file. Who reads from front to back means a
     * pipe when the path is one, and waits for its writer. */
    const int wait = (flags & SB_OPEN_SEQUENTIAL) != 0 ? 0 : O_NONBLOCK;
    int mode = wait | ((flags & SB_OPEN_READ_ONLY) != 0 ? O_RDONLY : O_RDWR);
    /* less the process's umask */
    const mode_t permissions = (flags & SB_OPEN_PRIVATE) != 0 ? 0600 : 0666;
    posix_file *made;

    *file = NULL;
    if ((flags & SB_OPEN_CREATE) != 0) mode |= O_CREAT;
    if ((flags & SB_OPEN_CREATE) != 0 && (flags & SB_OPEN_EXCLUSIVE) != 0) mode |= O_EXCL;
    if ((flags & SB_OPEN_BESIDE) != 0) mode |= O_NOFOLLOW;
    made = make_file(vfs, path);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    if ((flags & SB_OPEN_BESIDE) != 0)
        made->fd = open_beside(path, mode);
    else
        made->fd = open_descriptor(path, mode, permissions);
    if (made->fd < 0) {
        const int cause = errno;
        free_file(vfs, made);
        if (cause == ELOOP && (flags & SB_OPEN_BESIDE) != 0)
            return SB_FAIL_OS(err, SB_CANT_OPEN, cause,
                              "%s is a symbolic link, where a file of the database's own belongs: "
                              "remove it",
                              path);
        return fail_open(err, path, cause);
    }
    note_media(made);
    if ((flags & SB_OPEN_SEQUENTIAL) != 0)
        (void)posix_fadvise(made->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    *file = &made->base;
    return SB_OK;
}

/* A named file, unlinked at once, where the file system has no O_TMPFILE. */
static int open_unlinked(const sb_allocator *alloc, const char *directory)
{
    static const char suffix[] = "/.sombra-XXXXXX";
    const size_t directory_bytes = strlen(directory);
    char *name;
    size_t bytes;
    int fd;
    int cause;

    errno = ENOMEM;
    if (!sb_add_size(directory_bytes, sizeof suffix, &bytes)) return -1;
    name = (char *)sb_alloc(alloc, bytes);
    if (name == NULL) return -1;
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result) — the suffix ends it */
    memcpy(name, directory, directory_bytes);
    memcpy(name + directory_bytes, suffix, sizeof suffix);
    const stopgaps filled = fill_standard();
    fd = lift_descriptor(mkostemp(name, O_CLOEXEC));
    free_standard(&filled);
    cause = errno;
    if (fd >= 0) (void)unlink(name);
    sb_free(alloc, name, bytes);
    errno = cause;
    return fd;
}

static const char *temporary_directory(void)
{
    const char *named = sb_os_environment("TMPDIR");

    if (named != NULL && named[0] != '\0') return named;
    /* /tmp is often memory; what is spilled there is large. */
    return access("/var/tmp", W_OK | X_OK) == 0 ? "/var/tmp" : "/tmp";
}

static sb_status posix_open_temporary(sb_vfs *vfs, const char *directory, sb_file **file,
                                      sb_err *err)
{
    const char *where = directory != NULL ? directory : temporary_directory();
    posix_file *made;

    *file = NULL;
    made = make_file(vfs, where);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->fd = open_descriptor(where, O_RDWR | O_TMPFILE | O_EXCL, 0600);
    /* Kernels or file systems without it answer with one of these. */
    if (made->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        made->fd = open_unlinked(alloc_of(vfs), where);
    if (made->fd < 0) {
        const int cause = errno;
        free_file(vfs, made);
        return fail_open(err, where, cause);
    }
    note_media(made);
    *file = &made->base;
    return SB_OK;
}

/* ---- Names --------------------------------------------------------------------------------------- */

/* The directory that path lies in, owned by the caller (free *bytes). NULL on no memory. */
static char *copy_directory(const sb_allocator *alloc, const char *path, size_t *bytes)
{
    const char *slash = strrchr(path, '/');
    const char *from = slash != NULL ? path : ".";
    const size_t length = slash == NULL || slash == path ? 1 : (size_t)(slash - path);
    char *copy = (char *)sb_alloc(alloc, length + 1);

    if (copy == NULL) return NULL;
    memcpy(copy, from, length);
    copy[length] = '\0';
    *bytes = length + 1;
    return copy;
}

static sb_status posix_remove(sb_vfs *vfs, const char *path, bool *existed, sb_err *err)
{
    (void)vfs;
    *existed = false;
    if (unlink(path) != 0) return errno == ENOENT ? SB_OK : fail_path(err, path, "remove", errno);
    *existed = true;
    return SB_OK;
}

static sb_status posix_rename(sb_vfs *vfs, const char *from, const char *to, sb_err *err)
{
    struct stat found;

    (void)vfs;
    if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return SB_OK;
    /* A kernel, or a file system, without that flag. */
    if (errno == ENOSYS || errno == EINVAL) {
        if (lstat(to, &found) == 0)
            errno = EEXIST;
        else if (rename(from, to) == 0)
            return SB_OK;
    }
    return errno == EEXIST ? SB_FAIL_OS(err, SB_EXISTS, EEXIST, "%s exists already", to)
                           : fail_path(err, from, "rename", errno);
}

static sb_status posix_exists(sb_vfs *vfs, const char *path, bool *exists, sb_err *err)
{
    struct stat found;

    (void)vfs;
    *exists = false;
    if (stat(path, &found) != 0)
        return errno == ENOENT || errno == ENOTDIR ? SB_OK : fail_path(err, path, "find", errno);
    *exists = true;
    return SB_OK;
}

/* Links in a row that a name may lead through, as the system's own limit. */
#define LINK_MAX_HOPS 40u

/* into = the directory of path, a slash, and name; false when that is too long. */
static bool put_beside(char into[PATH_MAX], const char *path, const char *name)
{
    const char *slash = name[0] == '/' ? NULL : strrchr(path, '/');
    const size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    const size_t name_bytes = strlen(name) + 1;

    if (name_bytes > PATH_MAX - length) return false;
    memcpy(into, path, length);
    memcpy(into + length, name, name_bytes);
    return true;
}

/* What path leads to, where nothing may be there yet: the links of its last part are followed by hand.
 * 0, or an errno. */
static int resolve_path(const char *path, char resolved[PATH_MAX])
{
    char name[PATH_MAX];
    char target[PATH_MAX];
    unsigned hops;

    if (!put_beside(name, "", path)) return ENAMETOOLONG;
    for (hops = 0; hops < LINK_MAX_HOPS; hops++) {
        ssize_t length;
        if (realpath(name, resolved) != NULL) return 0;
        if (errno != ENOENT) return errno;
        length = readlink(name, target, sizeof target - 1);
        if (length < 0) break;
        target[length] = '\0';
        if (!put_beside(resolved, name, target)) return ENAMETOOLONG;
        memcpy(name, resolved, sizeof name);
    }
    if (hops == LINK_MAX_HOPS) return ELOOP;
    /* Absent: its directory, and its own name in there. */
    const char *slash = strrchr(name, '/');
    const char *last = slash == NULL ? name : slash + 1;
    if (!put_beside(target, name, ".") || realpath(target, resolved) == NULL) return errno;
    const size_t length = strlen(resolved);
    if (length + strlen(last) + 2 > PATH_MAX) return ENAMETOOLONG;
    if (length > 1) resolved[length] = '/'; /* else it is the root */
    memcpy(resolved + (length > 1 ? length + 1 : length), last, strlen(last) + 1);
    return 0;
}

static sb_status posix_resolve(sb_vfs *vfs, const sb_allocator *alloc, const char *path,
                               char **resolved, size_t *bytes, sb_err *err)
{
    char found[PATH_MAX];
    /* A place that is not there or not allowed: opening it will say so. */
    const char *from = resolve_path(path, found) == 0 ? found : path;
    const size_t from_bytes = strlen(from) + 1;

    (void)vfs;
    *bytes = 0;
    *resolved = (char *)sb_alloc(alloc, from_bytes);
    if (*resolved == NULL) return SB_FAIL_NOMEM(err);
    memcpy(*resolved, from, from_bytes);
    *bytes = from_bytes;
    return SB_OK;
}

static sb_status posix_make_directory(sb_vfs *vfs, const char *path, bool *made, sb_err *err)
{
    struct stat found;
    int cause;

    (void)vfs;
    *made = mkdir(path, 0777) == 0; /* less the process's umask */
    if (*made) return SB_OK;
    cause = errno;
    if (cause == EEXIST && stat(path, &found) == 0) {
        if (S_ISDIR(found.st_mode)) return SB_OK;
        cause = ENOTDIR;
    }
    return fail_open(err, path, cause);
}

static sb_status posix_remove_directory(sb_vfs *vfs, const char *path, sb_err *err)
{
    (void)vfs;
    return rmdir(path) == 0 ? SB_OK : fail_path(err, path, "remove", errno);
}

static sb_status posix_directory_writable(sb_vfs *vfs, const char *path, bool *writable,
                                          sb_err *err)
{
    size_t bytes = 0;
    char *directory = copy_directory(alloc_of(vfs), path, &bytes);
    sb_status st = SB_OK;

    *writable = false;
    if (directory == NULL) return SB_FAIL_NOMEM(err);
    if (access(directory, W_OK | X_OK) == 0)
        *writable = true;
    else if (errno != EACCES && errno != EROFS && errno != EPERM)
        st = fail_path(err, directory, "find", errno);
    sb_free(alloc_of(vfs), directory, bytes);
    return st;
}

static sb_status posix_sync_directory(sb_vfs *vfs, const char *path, sb_err *err)
{
    size_t bytes = 0;
    char *directory = copy_directory(alloc_of(vfs), path, &bytes);
    sb_status st = SB_OK;
    int fd;
    int result;

    if (directory == NULL) return SB_FAIL_NOMEM(err);
    fd = open_descriptor(directory, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) {
        st = fail_path(err, directory, "open", errno);
        goto done;
    }
    do
        result = fsync(fd);
    while (result != 0 && errno == EINTR);
    /* EINVAL: a file system whose directories need no sync (or have none). */
    if (result != 0 && errno != EINVAL) st = fail_path(err, directory, "sync", errno);
    (void)close(fd);

done:
    sb_free(alloc_of(vfs), directory, bytes);
    return st;
}

/* ---- The table ----------------------------------------------------------------------------------- */

static uint64_t posix_monotonic_ns(sb_vfs *vfs)
{
    (void)vfs;
    return sb_os__monotonic_ns();
}

static uint64_t posix_wall_ns(sb_vfs *vfs)
{
    (void)vfs;
    return sb_os__wall_ns();
}

static void posix_sleep_ns(sb_vfs *vfs, uint64_t ns)
{
    (void)vfs;
    sb_os__sleep_ns(ns);
}

static sb_status posix_random(sb_vfs *vfs, void *data, size_t bytes, sb_err *err)
{
    (void)vfs;
    return sb_os__random(data, bytes, err);
}

static void posix_destroy(sb_vfs *vfs)
{
    posix_vfs *self = SB_CONTAINER(vfs, posix_vfs, base);

    sb_free(self->alloc, self, sizeof *self);
}

static const sb_vfs_ops posix_vfs_ops = {
    .open = posix_open,
    .open_temporary = posix_open_temporary,
    .remove = posix_remove,
    .rename = posix_rename,
    .exists = posix_exists,
    .make_directory = posix_make_directory,
    .remove_directory = posix_remove_directory,
    .resolve = posix_resolve,
    .directory_writable = posix_directory_writable,
    .sync_directory = posix_sync_directory,
    .monotonic_ns = posix_monotonic_ns,
    .wall_ns = posix_wall_ns,
    .sleep_ns = posix_sleep_ns,
    .random = posix_random,
    .destroy = posix_destroy,
};

sb_status sb_vfs_posix_create(const sb_allocator *alloc, sb_vfs **vfs, sb_err *err)
{
    posix_vfs *made = (posix_vfs *)sb_alloc_zero(alloc, sizeof *made);

    *vfs = NULL;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->alloc = alloc;
    made->base.ops = &posix_vfs_ops;
    made->base.map_step_bytes = MAP_STEP_BYTES;
    made->base.shared = true;
    *vfs = &made->base;
    return SB_OK;
}
