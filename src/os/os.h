/* os.h — the operating-system seam: files, maps, locks, shared memory, clock, randomness, threads.
 * Hides:    system calls; tests put a memory, faulty or power-losing file system in its place.
 * Promises: every access of the library to the outside goes through an sb_vfs, so each can be made to
 *           fail. A failed call leaves file and handle usable.
 * Needs:    base. Linux: open-file-description locks, fdatasync, mmap.
 * Threads:  an sb_vfs and an sb_file may be used by many threads at once, except open and close.
 * Tests:    tests/unit/os, tests/fault, tests/crash */
#ifndef SB_OS_H
#define SB_OS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

typedef struct sb_vfs sb_vfs;
typedef struct sb_file sb_file;

/* ---- Files ------------------------------------------------------------------------------- */

enum {
    SB_OPEN_READ_ONLY = 1 << 0,  /* else read and write */
    SB_OPEN_CREATE = 1 << 1,     /* make it when absent */
    SB_OPEN_EXCLUSIVE = 1 << 2,  /* with CREATE: fail with SB_EXISTS when present */
    SB_OPEN_SEQUENTIAL = 1 << 3, /* read from front to back: then it may also be a pipe, whose
                                  * offsets are not looked at */
    /* One of the files that a database makes beside itself (not with EXCLUSIVE): a symbolic link there, which somebody else has made, is not
     * followed (SB_CANT_OPEN, ELOOP), and what is made gets mode, owner and group of the database. */
    SB_OPEN_BESIDE = 1 << 4,
    SB_OPEN_PRIVATE = 1 << 5 /* with CREATE: what is made only its owner may read and write */
};

typedef enum sb_lock_kind { SB_LOCK_NONE, SB_LOCK_SHARED, SB_LOCK_EXCLUSIVE } sb_lock_kind;

/* One piece of a gathered write. */
typedef struct sb_io_piece {
    const void *data; /* borrowed until the call returns */
    size_t bytes;
} sb_io_piece;

typedef struct sb_file_info {
    uint64_t bytes;
    uint64_t device, inode; /* identify the file while it exists */
    uint64_t links;         /* names that the file has */
    uint64_t mtime_ns;
    bool remote;         /* on a network or removable file system: do not trust maps */
    bool writable_media; /* false on a file system mounted read-only */
    bool regular;        /* a regular file (not a directory, pipe or device) */
} sb_file_info;

/* The table behind an open file. All offsets and sizes in bytes. Each function may be called by
 * several threads at once. Errors: SB_IO with errno, SB_FULL for ENOSPC, EDQUOT and EFBIG. */
typedef struct sb_file_ops {
    /* Read up to bytes at offset; *got is less only at the end of the file. */
    sb_status (*read)(sb_file *file, uint64_t offset, void *data, size_t bytes, size_t *got,
                      sb_err *err);
    /* Write all pieces, one after the other, from offset on; extends the file. On failure any part
     * may have been written. */
    sb_status (*write)(sb_file *file, uint64_t offset, const sb_io_piece *pieces,
                       size_t piece_count, sb_err *err);
    /* Data (and the size needed to read it back) reach stable storage. */
    sb_status (*sync)(sb_file *file, sb_err *err);
    /* Hand what was written to the range to the device, and wait until it has taken it: a later sync has less to
     * do at once. Promises nothing about power loss. When it fails, what was written may be lost, as
     * when sync fails. NULL: nothing to be gained. */
    sb_status (*write_back)(sb_file *file, uint64_t offset, uint64_t bytes, sb_err *err);
    sb_status (*truncate)(sb_file *file, uint64_t bytes, sb_err *err);
    sb_status (*info)(sb_file *file, sb_file_info *info, sb_err *err);
    /* Map [offset, offset + bytes): offset and bytes are multiples of vfs->map_step_bytes, or bytes less than one and whole
     * pages of the system; the range may
     * reach past the end of the file (touching there faults until the file has grown). Shared with
     * write() of any process at once. The memory file systems serve one step at most per call and
     * answer SB_UNSUPPORTED for more; their maps also stay valid after unmap and close, until the file is
     * removed and closed or truncated below an unmapped step; past the end of the file their bytes are
     * undefined instead of faulting. */
    sb_status (*map)(sb_file *file, uint64_t offset, size_t bytes, bool writable, void **address,
                     sb_err *err);
    void (*unmap)(sb_file *file, void *address, size_t bytes);
    /* Advice for a mapped range: read ahead (will_need) or forget. Best effort. */
    void (*advise)(sb_file *file, uint64_t offset, uint64_t bytes, bool will_need);
    /* Take, change or (SB_LOCK_NONE) drop the lock of this open file on [start, start + bytes), without
     * waiting. *taken tells; another holder is not an error, and what was held before is kept then.
     * Two opens of one file, also in one process, exclude each other. Closing the file drops all its
     * locks (a close in a forked child drops none of its parent's). bytes > 0. An exclusive lock needs a
     * file open for writing. */
    sb_status (*lock)(sb_file *file, uint64_t start, uint64_t bytes, sb_lock_kind kind, bool *taken,
                      sb_err *err);
    /* Would an exclusive lock on the range be refused (somebody else holds one there)? */
    sb_status (*lock_held)(sb_file *file, uint64_t start, uint64_t bytes, bool *held, sb_err *err);
    /* A process, perhaps this one, that has a lock on the byte at start by another open of the file; 0: none is found, or the
     * system does not tell, as of processes of other users. Slow: for messages. */
    uint64_t (*lock_holder)(sb_file *file, uint64_t start);
    void (*close)(sb_file *file);
} sb_file_ops;

struct sb_file {
    const sb_file_ops *ops;
    sb_vfs *vfs;      /* borrowed */
    const char *path; /* for messages; borrowed from the file */
    sb_file *next;    /* while it waits to be closed (sb_memory_close_file) */
};

/* ---- The virtual file system ---------------------------------------------------------------- */

typedef struct sb_vfs_ops {
    /* Fails with SB_EXISTS (see SB_OPEN_EXCLUSIVE), else SB_CANT_OPEN with errno in err->os_error: ENOENT,
     * EACCES, EROFS... */
    sb_status (*open)(sb_vfs *vfs, const char *path, unsigned flags, sb_file **file, sb_err *err);
    /* An unnamed file that vanishes when closed, in directory (or the system's choice when NULL). */
    sb_status (*open_temporary)(sb_vfs *vfs, const char *directory, sb_file **file, sb_err *err);
    /* Remove a file; absent is not an error (*existed tells). Durable only after sync_directory. */
    sb_status (*remove)(sb_vfs *vfs, const char *path, bool *existed, sb_err *err);
    /* SB_EXISTS when there is a file to (also from itself): never replaced, where the system has a call for that; elsewhere not if it
     * was there a moment before. */
    sb_status (*rename)(sb_vfs *vfs, const char *from, const char *to, sb_err *err);
    sb_status (*exists)(sb_vfs *vfs, const char *path, bool *exists, sb_err *err);
    /* May a file be made beside path (its directory is writable)? */
    sb_status (*directory_writable)(sb_vfs *vfs, const char *path, bool *writable, sb_err *err);
    /* Make a directory unless it is there (*made tells). NULL: this file system has none (names are any strings). */
    sb_status (*make_directory)(sb_vfs *vfs, const char *path, bool *made, sb_err *err);
    /* Remove a directory, which must be empty. NULL as above. */
    sb_status (*remove_directory)(sb_vfs *vfs, const char *path, sb_err *err);
    /* The name that path leads to through symbolic links, absolute, *resolved of *bytes with its NUL from alloc. The
     * file need not be there; where its directory is not there either, path as it is. NULL: names have no links. */
    sb_status (*resolve)(sb_vfs *vfs, const sb_allocator *alloc, const char *path, char **resolved,
                         size_t *bytes, sb_err *err);
    /* Make the directory entry of path durable. */
    sb_status (*sync_directory)(sb_vfs *vfs, const char *path, sb_err *err);
    uint64_t (*monotonic_ns)(sb_vfs *vfs);
    uint64_t (*wall_ns)(sb_vfs *vfs); /* since 1970-01-01T00:00:00Z */
    void (*sleep_ns)(sb_vfs *vfs, uint64_t ns);
    sb_status (*random)(sb_vfs *vfs, void *data, size_t bytes, sb_err *err);
    void (*destroy)(sb_vfs *vfs);
} sb_vfs_ops;

struct sb_vfs {
    const sb_vfs_ops *ops;
    size_t map_step_bytes; /* granule of map: a multiple of 64 KiB and of the system's page;
                            * power of two */
    bool shared; /* other processes (or other pagers on this vfs) can open the same files; a test
                  * may set it on a memory vfs before the first open */
};

/* Shorthands, so that callers read as verbs. */
sb_status sb_vfs_open(sb_vfs *vfs, const char *path, unsigned flags, sb_file **file,
                      sb_err *err) SB_MUST_CHECK;
sb_status sb_vfs_make_directory(sb_vfs *vfs, const char *path, bool *made,
                                sb_err *err) SB_MUST_CHECK;
sb_status sb_vfs_remove_directory(sb_vfs *vfs, const char *path, sb_err *err);
sb_status sb_vfs_resolve(sb_vfs *vfs, const sb_allocator *alloc, const char *path, char **resolved,
                         size_t *bytes, sb_err *err) SB_MUST_CHECK;
void sb_file_close(sb_file *file); /* accepts NULL */
/* Exactly bytes, else SB_IO ("short read"). */
sb_status sb_file_read_all(sb_file *file, uint64_t offset, void *data, size_t bytes,
                           sb_err *err) SB_MUST_CHECK;
sb_status sb_file_write_all(sb_file *file, uint64_t offset, const void *data, size_t bytes,
                            sb_err *err) SB_MUST_CHECK;

sb_status sb_file_write_back(sb_file *file, uint64_t offset, uint64_t bytes,
                             sb_err *err) SB_MUST_CHECK;

/* The operating system's files. map step 64 MiB. alloc and *vfs are borrowed / owned by the caller. */
sb_status sb_vfs_posix_create(const sb_allocator *alloc, sb_vfs **vfs, sb_err *err) SB_MUST_CHECK;
/* Files in memory, private to this vfs object, named by any string; the same pager runs on it for
 * ":memory:". map step 1 MiB (segments are allocated when first written or mapped). Files live
 * until removed (temporary ones until closed). A test may copy bytes out with read. Locks work between
 * its open files. Syncs do nothing; info's mtime_ns is a count of changes. */
sb_status sb_vfs_mem_create(const sb_allocator *alloc, sb_vfs **vfs, sb_err *err) SB_MUST_CHECK;
void sb_vfs_destroy(sb_vfs *vfs); /* accepts NULL; all files are closed by then */

/* A vfs in front of another (borrowed) that makes calls fail. Counts every call that can fail, of all
 * kinds or of those in kinds; the fail_at-th (1-based) fails with status, once or (persistent) from there
 * on. Maps are those of the inner vfs, so what is written is seen in them: mapping can fail, reading
 * through a map can not. Dropping a lock, closing and unmapping never fail. */
typedef enum sb_io_kind {
    SB_IO_OPEN = 1 << 0,
    SB_IO_READ = 1 << 1,
    SB_IO_WRITE = 1 << 2,
    SB_IO_SYNC = 1 << 3, /* and write_back */
    SB_IO_TRUNCATE = 1 << 4,
    SB_IO_MAP = 1 << 5,
    SB_IO_LOCK = 1 << 6,     /* lock and lock_held */
    SB_IO_REMOVE = 1 << 7,   /* remove and rename */
    SB_IO_INFO = 1 << 8,     /* info, exists, resolve, directory_writable, random */
    SB_IO_ALL = (1 << 9) - 1 /* open_temporary counts as OPEN, sync_directory as SYNC */
} sb_io_kind;
typedef struct sb_vfs_fault {
    uint64_t calls;   /* calls of the kinds below so far */
    uint64_t fail_at; /* 0: never */
    unsigned kinds;   /* sb_io_kind mask; SB_IO_ALL to start */
    sb_status status; /* SB_IO or SB_FULL */
    bool persistent;
    bool short_write; /* a failing write first writes half of its bytes */
    /* A full disk: what would make a file longer fails with SB_FULL, and counts in failed. */
    bool no_room;
    uint64_t sync_ns;                      /* what a sync takes longer, so that others meet it */
    unsigned syncs_running, syncs_at_once; /* of files, now; most so far */
    uint64_t flip_read_at; /* the n-th read flips one bit of what it returns; 0: never */
    uint64_t reads;        /* reads so far, for flip_read_at */
    uint64_t failed;       /* how many calls were made to fail */
} sb_vfs_fault;
sb_status sb_vfs_fault_create(const sb_allocator *alloc, sb_vfs *inner, sb_vfs **vfs,
                              sb_err *err) SB_MUST_CHECK;
/* Its knobs and counts; change them only while no call is under way. */
sb_vfs_fault *sb_vfs_fault_state(sb_vfs *vfs);

/* A memory vfs that can lose power. It keeps, for each file, what a sync has made durable and the
 * list of writes, truncations, and directory changes (create, remove, rename) since. Every write,
 * sync, truncate, create (an open that makes the file), remove (of a present file), rename and directory
 * sync is a numbered event. What is written through a writable map is never durable, nor are temporary
 * files (whose calls are no events). Random bytes and the wall clock are a fixed sequence, so that a workload repeats exactly. */
sb_status sb_vfs_crash_create(const sb_allocator *alloc, sb_vfs **vfs, sb_err *err) SB_MUST_CHECK;
typedef struct sb_vfs_crash_options {
    bool create_needs_dir_sync; /* true (to start): a new file's name is durable only after
                                 * sync_directory, as POSIX has it; false: its own sync is
                                 * enough, as on ext4 and xfs */
    size_t sector_bytes; /* what the disk writes whole, or tears: 512 to start; a power of two */
    /* The event, if it is a file's sync, that fails with SB_IO, as Linux fails one: what it should have written is
     * still read, but a later sync makes it durable only if it is written again. 0: never. */
    uint64_t fail_sync_at;
} sb_vfs_crash_options;
/* Change them only while no call is under way. A reboot hands them on. */
sb_vfs_crash_options *sb_vfs_crash_state(sb_vfs *vfs);
uint64_t sb_vfs_crash_events(const sb_vfs *vfs);
/* From event number cut (1-based) on every call fails with SB_IO, as if the power had gone just before
 * that event took effect; only locks, unmapping and closing still work. 0: never. */
void sb_vfs_crash_set_cut(sb_vfs *vfs, uint64_t cut);
typedef enum sb_crash_mode {
    SB_CRASH_LOSE_ALL, /* nothing unsynced survives */
    SB_CRASH_KEEP_ALL, /* everything written survives */
    SB_CRASH_RANDOM,   /* each unsynced sector holds any of the contents that it has had since the
                        * last sync, independently (tearing and reordering); sizes and directory
                        * changes likewise. The seed also draws, for each file, how much survives:
                        * from nothing over single sectors and whole blocks to everything */
    SB_CRASH_GARBAGE   /* as RANDOM, and the write that the cut hit has reached some of its
                        * sectors; one sector of it (when the cut hit no write: of an unsynced
                        * write) holds garbage */
} sb_crash_mode;
/* A new vfs of the same kind, with its events at 0 and no cut, holding what is on the disk after the
 * power comes back. The old one stays for the caller to destroy. Same seed, same outcome. */
sb_status sb_vfs_crash_reboot(sb_vfs *vfs, sb_crash_mode mode, uint64_t seed, sb_vfs **after,
                              sb_err *err) SB_MUST_CHECK;

/* ---- Machine --------------------------------------------------------------------------------- */

uint64_t sb_os_memory_bytes(void); /* physical memory, or the control group's limit if lower */
unsigned sb_os_cpu_count(void);    /* that this process may run on; at least 1 */
uint64_t sb_os_process_id(void);
/* This process as others may find it named in what they share: its number, and above that the PID namespace that it counts in. */
uint64_t sb_os_process_tag(void);
/* The number of the process by its tag; 0 where that is of another namespace, whose numbers mean others here. */
uint64_t sb_os_process_of_tag(uint64_t tag);
/* The name of a process ("sombra"), for messages; "?" when it can not be told. */
void sb_os_process_name(uint64_t pid, char *name, size_t bytes);
const char *sb_os_environment(const char *name); /* getenv; borrowed */

/* A word that reads 1 in the process that made it and 0 in a child after fork (a page wiped on fork). */
typedef struct sb_fork_guard sb_fork_guard;
sb_status sb_fork_guard_create(const sb_allocator *alloc, sb_fork_guard **guard,
                               sb_err *err) SB_MUST_CHECK;
bool sb_fork_guard_same_process(const sb_fork_guard *guard); /* one load */
/* The word itself, for those who ask often; NULL where pages can not be wiped on fork. */
const uint32_t *sb_fork_guard_word(const sb_fork_guard *guard);
void sb_fork_guard_destroy(sb_fork_guard *guard); /* accepts NULL */

/* ---- Large blocks of memory -------------------------------------------------------------------- */

/* An allocator in front of another, which has the small blocks. Those of 128 KiB and more are maps of their own: they grow without being
 * copied, and to free them takes the same for each size, since a thread gives them back to the system. Until then they wait for the next
 * block that fits. Any thread may use it. */
typedef struct sb_memory sb_memory;
sb_status sb_memory_create(const sb_allocator *inner, sb_memory **memory,
                           sb_err *err) SB_MUST_CHECK;
const sb_allocator *sb_memory_allocator(const sb_memory *memory); /* borrowed */
/* So many bytes of freed blocks are not given back, but wait (0 at first). */
void sb_memory_keep(sb_memory *memory, size_t bytes);
typedef struct sb_memory_count {
    size_t mapped_bytes;  /* large blocks, in use or freed */
    size_t waiting_bytes; /* of them freed ones */
} sb_memory_count;
sb_memory_count sb_memory_counts(sb_memory *memory); /* for tests */
/* Close a temporary file by that thread, since the system takes its blocks back when it is closed, 0.1 ms for each MiB: not before
 * sb_memory_settle. memory NULL: at once; file may be NULL. */
void sb_memory_close_file(sb_memory *memory, sb_file *file);
/* Wait for the thread: what the files are of may be destroyed then. Accepts NULL. */
void sb_memory_settle(sb_memory *memory);
/* Accepts NULL. All blocks have been freed. Waits for the thread. */
void sb_memory_destroy(sb_memory *memory);

/* ---- Threads ---------------------------------------------------------------------------------- */

/* Ranks come from os/lock_rank.def; debug builds assert that a thread takes locks in rising rank. */
typedef struct sb_mutex sb_mutex;
typedef struct sb_condition sb_condition;
typedef struct sb_thread sb_thread;

typedef enum sb_lock_rank {
#define SB_LOCK_RANK(name, text) SB_RANK_##name,
#include "os/lock_rank.def"
#undef SB_LOCK_RANK
    SB_LOCK_RANKS
} sb_lock_rank;

sb_status sb_mutex_create(const sb_allocator *alloc, sb_lock_rank rank, sb_mutex **mutex,
                          sb_err *err) SB_MUST_CHECK;
void sb_mutex_destroy(sb_mutex *mutex); /* accepts NULL */
void sb_mutex_lock(sb_mutex *mutex);
bool sb_mutex_try_lock(sb_mutex *mutex);
/* False when timeout_ns passed first. */
bool sb_mutex_lock_for(sb_mutex *mutex, uint64_t timeout_ns);
void sb_mutex_unlock(sb_mutex *mutex);

sb_status sb_condition_create(const sb_allocator *alloc, sb_condition **condition,
                              sb_err *err) SB_MUST_CHECK;
void sb_condition_destroy(sb_condition *condition); /* accepts NULL */
void sb_condition_wait(sb_condition *condition, sb_mutex *mutex);
/* false: timed out */
bool sb_condition_wait_for(sb_condition *condition, sb_mutex *mutex, uint64_t timeout_ns);
void sb_condition_signal(sb_condition *condition);
void sb_condition_broadcast(sb_condition *condition);

/* Told once, by another thread: what a thread waits for that others serve one by one, without a mutex to queue for when
 * it wakes. A value, on the waiter's stack if need be: set touches it for the last time before wait can return. */
typedef struct sb_event {
    _Atomic uint32_t word;
} sb_event;
void sb_event_init(sb_event *event);
void sb_event_set(sb_event *event);  /* release: what came before is visible behind wait */
void sb_event_wait(sb_event *event); /* until it is set, now or earlier */

/* Tell the processor that this is a loop that waits for another thread's store. */
void sb_os_spin_pause(void);

/* Bytes that are left of this thread's stack; SIZE_MAX where that is not known, as on one that the program has made by itself. Takes a
 * microsecond, of a process's first thread 50. */
size_t sb_os_stack_left(void);
/* run(ctx) on a new thread, whose stack has 1 MiB at least; signals are blocked in it, except those of its own faults (SIGSEGV...). */
sb_status sb_thread_create(const sb_allocator *alloc, void (*run)(void *ctx), void *ctx,
                           sb_thread **thread, sb_err *err) SB_MUST_CHECK;
void sb_thread_join(sb_thread *thread); /* and frees it; accepts NULL */

#endif
