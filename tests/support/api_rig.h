/* api_rig.h — a database behind sombra.h on memory and files that fail on demand: a counting allocator, and a memory file
 * system behind the faulty one. Files are names in that memory. */
#ifndef TESTS_API_RIG_H
#define TESTS_API_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_priv.h"

#define RIG_PATH "rig.sombra"

typedef struct api_rig {
    sb_counting_allocator memory;
    sb_vfs *inner, *vfs;
    sb_vfs_fault *fault;
    sombra_base base;
    sombra_options options;
    sombra_db *db;
    sombra_conn *conn;
    sombra_txn *txn;
    sombra_error error;
} api_rig;

static inline void api_rig_init(api_rig *r)
{
    memset(r, 0, sizeof *r);
    sb_counting_allocator_init(&r->memory, &sb_allocator_libc);
    if (sb_vfs_mem_create(&sb_allocator_libc, &r->inner, NULL) != SB_OK ||
        sb_vfs_fault_create(&sb_allocator_libc, r->inner, &r->vfs, NULL) != SB_OK)
        abort();
    r->fault = sb_vfs_fault_state(r->vfs);
    r->base = (sombra_base){.alloc = &r->memory.base, .vfs = r->vfs};
    sombra_options_init(&r->options);
    r->options.page_size = 4096;
    r->options.checkpoint_thread = false; /* the same calls in each run */
    r->options.threads = 1;
    strcpy(r->options.import_dirs, "/data");
    r->options.busy_timeout_ms = 0;
    r->options.memory_limit = 1u << 30;
    r->options.transaction_memory = 64 * 1024; /* so that large calls spill */
    r->options.autocheckpoint = 64;
}

/* All handles are closed by then. */
static inline void api_rig_deinit(api_rig *r)
{
    sb_vfs_destroy(r->vfs);
    sb_vfs_destroy(r->inner);
}

/* From now on the n-th allocation, or the n-th call of these kinds, fails: once or for good. n = 0: nothing fails. */
static inline void api_rig_fail_memory(api_rig *r, size_t n, bool persistent)
{
    atomic_store(&r->memory.fail_persistent, persistent);
    atomic_store(&r->memory.fail_at, n == 0 ? 0 : atomic_load(&r->memory.alloc_count) + n);
}
static inline void api_rig_fail_files(api_rig *r, uint64_t n, unsigned kinds, sb_status status,
                                      bool persistent, bool short_write)
{
    *r->fault = (sb_vfs_fault){.fail_at = n,
                               .kinds = kinds,
                               .status = status,
                               .persistent = persistent,
                               .short_write = short_write};
}

static inline sombra_status api_rig_open(api_rig *r)
{
    sombra_status status = SOMBRA_OK;
    if (r->db == NULL) status = sombra__open(RIG_PATH, &r->options, &r->base, &r->db, &r->error);
    if (status == SOMBRA_OK && r->conn == NULL) status = sombra_connect(r->db, &r->conn, &r->error);
    return status;
}
static inline sombra_status api_rig_close(api_rig *r)
{
    sombra_db *db = r->db;
    sombra_disconnect(r->conn);
    r->conn = NULL;
    r->txn = NULL;
    r->db = NULL;
    return sombra_close(db, &r->error);
}

#endif
