/* store_fixture.h — a file in memory with sessions on it, for the tests of the catalog. Every allocation goes through a
 * counting allocator, and close checks that none is left. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "support/unit.h"

#include "store/store.h"

typedef struct store_fixture {
    sb_counting_allocator alloc;
    sb_profile profile;
    sb_vfs *vfs;
    sb_pager *pager;
    sb_session *session;
    sb_txn *txn;
    sb_view *view;
    sb_err err;
    uint32_t page_bytes;
} store_fixture;

#define OK(f, call)                                                                                \
    do {                                                                                           \
        const sb_status ok_status = (call);                                                        \
        if (ok_status != SB_OK) {                                                                  \
            print_error("%s: %s: %s\n", #call, sb_status_name(ok_status), (f)->err.text);          \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

/* The call fails with code; the error is cleared behind it. */
#define FAILS(f, call, status)                                                                     \
    do {                                                                                           \
        assert_int_equal((call), (status));                                                        \
        assert_int_equal((f)->err.code, (status));                                                 \
        sb_err_clear(&(f)->err);                                                                   \
    } while (0)

static inline void open_pager(store_fixture *f)
{
    sb_pager_options options;

    sb_pager_options_init(&options);
    options.alloc = &f->alloc.base;
    options.vfs = f->vfs;
    options.profile = &f->profile;
    options.page_bytes = f->page_bytes;
    options.create = true;
    options.durability = SB_DURABLE_OFF;
    options.txn_memory_bytes = 64u << 20;
    options.check = sb_tree_check_page;
    OK(f, sb_pager_open("test.sombra", &options, &f->pager, &f->err));
    OK(f, sb_session_open(f->pager, &f->session, &f->err));
}

static inline void close_pager(store_fixture *f)
{
    sb_session_close(f->session);
    OK(f, sb_pager_close(f->pager, &f->err));
}

static inline void fixture_open(store_fixture *f, uint32_t page_bytes)
{
    memset(f, 0, sizeof *f);
    f->page_bytes = page_bytes;
    sb_counting_allocator_init(&f->alloc, &sb_allocator_libc);
    sb_err_clear(&f->err);
    OK(f, sb_vfs_mem_create(&sb_allocator_libc, &f->vfs, &f->err));
    open_pager(f);
}

static inline void fixture_close(store_fixture *f)
{
    close_pager(f);
    sb_vfs_destroy(f->vfs);
    assert_int_equal(f->alloc.live_blocks, 0);
    assert_int_equal(f->alloc.live_bytes, 0);
}

static inline void reopen(store_fixture *f)
{
    close_pager(f);
    open_pager(f);
}

static inline void begin_write(store_fixture *f)
{
    OK(f, sb_txn_begin_write(f->session, &f->txn, &f->err));
    OK(f, sb_view_get(f->txn, &f->view, &f->err));
    OK(f, sb_view_found(f->view, &f->err));
}

static inline void begin_read(store_fixture *f)
{
    OK(f, sb_txn_begin_read(f->session, &f->txn, &f->err));
    OK(f, sb_view_get(f->txn, &f->view, &f->err));
}

static inline void commit(store_fixture *f)
{
    OK(f, sb_txn_commit(f->txn, &f->err));
    f->txn = NULL;
    f->view = NULL;
}

static inline void rollback(store_fixture *f)
{
    sb_txn_rollback(f->txn);
    f->txn = NULL;
    f->view = NULL;
}

static inline sb_bytes text(const char *s)
{
    return sb_bytes_of(s, strlen(s));
}

static inline uint32_t intern(store_fixture *f, sb_name_kind kind, const char *name)
{
    uint32_t id = 0;
    OK(f, sb_name_intern(f->view, kind, text(name), &id, &f->err));
    return id;
}

static inline void print_finding(void *ctx, sb_pgno pgno, const char *message)
{
    (void)ctx;
    print_message("finding: page %u: %s\n", pgno, message);
}

static inline uint64_t verify(store_fixture *f)
{
    uint64_t findings = 0;
    OK(f, sb_store_verify(f->view, print_finding, NULL, &findings, &f->err));
    return findings;
}

#endif
