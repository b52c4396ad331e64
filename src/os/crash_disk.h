/* crash_disk.h — the disk under the power-losing file system: what of a file is durable, what was done
 * since, and what is left of both when the power goes. Internal to os/. */
#ifndef SB_OS_CRASH_DISK_H
#define SB_OS_CRASH_DISK_H

#include "os/os.h"

/* The content of a file. Bytes from bytes.size up to size are zeros. */
typedef struct sb_os__image {
    sb_buffer bytes;
    uint64_t size; /* of the file; bytes.size <= size */
} sb_os__image;

/* A write or a truncation. */
typedef struct sb_os__disk_op {
    uint64_t offset, bytes; /* of a write; bytes == 0: a truncation */
    uint64_t size_before, size_after;
    size_t data; /* of a write: where its bytes begin in the file's log */
} sb_os__disk_op;

typedef struct sb_os__disk_file {
    const sb_allocator *alloc; /* borrowed */
    struct sb_os__disk_file *next;
    sb_os__image durable;
    sb_os__disk_op *ops; /* since the last sync, oldest first; owned */
    size_t op_count, op_capacity;
    sb_buffer log;  /* bytes of the writes among them, one after the other */
    uint64_t size;  /* of the file as a reader sees it now */
    bool in_flight; /* the power went during the last op: only GARBAGE counts it */
} sb_os__disk_file;

/* NULL: no memory. */
sb_os__disk_file *sb_os__disk_file_create(const sb_allocator *alloc) SB_MUST_CHECK;
void sb_os__disk_file_destroy(sb_os__disk_file *file);

/* Room for one more op with bytes of data: the next write or truncation can not fail then. */
sb_status sb_os__disk_reserve(sb_os__disk_file *file, size_t bytes) SB_MUST_CHECK;
void sb_os__disk_write(sb_os__disk_file *file, uint64_t offset, const sb_io_piece *pieces,
                       size_t piece_count);
void sb_os__disk_truncate(sb_os__disk_file *file, uint64_t bytes);
/* All ops become durable. SB_NOMEM: none has. */
sb_status sb_os__disk_sync(sb_os__disk_file *file) SB_MUST_CHECK;
/* All ops are taken for done, though they never reach the disk. */
void sb_os__disk_forget(sb_os__disk_file *file);

/* What is on the disk after the power comes back. garbage: one sector that was being written then holds
 * anything (mode GARBAGE). out: initialized by this call, deinitialized by the caller, also on failure.
 * Cost: O(bytes of the file and of its unsynced writes). */
typedef struct sb_os__survival {
    sb_crash_mode mode;
    size_t sector_bytes;
    bool garbage;
} sb_os__survival;
sb_status sb_os__disk_survive(const sb_os__disk_file *file, sb_os__survival how, sb_random *random,
                              sb_os__image *out) SB_MUST_CHECK;
void sb_os__image_deinit(sb_os__image *image);

/* Names of files in order of making. Paths are interned by the owner: equal names are equal pointers. */
typedef struct sb_os__name {
    const char *path;       /* borrowed from the vfs */
    sb_os__disk_file *file; /* borrowed from the vfs */
} sb_os__name;

typedef struct sb_os__names {
    sb_os__name *items; /* owned */
    size_t count, capacity;
} sb_os__names;

typedef enum sb_os__name_change { SB_OS__CREATE, SB_OS__REMOVE, SB_OS__RENAME } sb_os__name_change;

/* A change of the directory that no directory sync has made durable. */
typedef struct sb_os__name_op {
    sb_os__name_change change;
    const char *path;       /* of RENAME: the old one */
    const char *new_path;   /* of RENAME */
    sb_os__disk_file *file; /* of CREATE and RENAME */
} sb_os__name_op;

sb_os__disk_file *sb_os__names_find(const sb_os__names *names, const char *path);
/* Room for one more name. */
sb_status sb_os__names_reserve(sb_os__names *names, const sb_allocator *alloc) SB_MUST_CHECK;
/* Needs a reserved place. */
void sb_os__names_apply(sb_os__names *names, const sb_os__name_op *op);
void sb_os__names_deinit(sb_os__names *names, const sb_allocator *alloc);

/* A growing array: items with room for count + more of item_bytes each, or NULL (items is kept). */
void *sb_os__grow(const sb_allocator *alloc, void *items, size_t *capacity, size_t needed,
                  size_t item_bytes) SB_MUST_CHECK;

#endif
