/* pager_fixture.h — a store on a memory or real file system, and short names for what tests do most. */
#ifndef TESTS_PAGER_FIXTURE_H
#define TESTS_PAGER_FIXTURE_H

#include "support/unit.h"

#include "support/pager_model.h"

typedef struct fixture {
    sb_vfs *vfs;
    sb_profile profile;
    sb_pager_options options;
    sb_pager *pager;
    sb_session *session;
    sb_err err;
} fixture;

#define CHECK(f, expr)                                                                             \
    do {                                                                                           \
        const sb_status check_status = (expr);                                                     \
        if (check_status != SB_OK) fail_msg("%s: %s (%d)", #expr, (f)->err.text, check_status);    \
    } while (0)

static inline void fixture_options(fixture *f, sb_vfs *vfs)
{
    memset(f, 0, sizeof *f);
    f->vfs = vfs;
    sb_err_clear(&f->err);
    sb_pager_options_init(&f->options);
    f->options.vfs = vfs;
    f->options.profile = &f->profile;
    f->options.page_bytes = 4096;
    f->options.checkpoint_thread = false;
    f->options.autocheckpoint_pages = 0;
    f->options.busy_timeout_ns = 5000000;
    f->options.check = model_check;
}
static inline void fixture_open(fixture *f, const char *path)
{
    CHECK(f, sb_pager_open(path, &f->options, &f->pager, &f->err));
    CHECK(f, sb_session_open(f->pager, &f->session, &f->err));
}
static inline void fixture_close(fixture *f)
{
    sb_session_close(f->session);
    f->session = NULL;
    CHECK(f, sb_pager_close(f->pager, &f->err));
    f->pager = NULL;
}
static inline sb_vfs *fixture_memory(void)
{
    sb_vfs *vfs = NULL;
    assert_int_equal(sb_vfs_mem_create(&sb_allocator_libc, &vfs, NULL), SB_OK);
    return vfs;
}
/* One commit that gives pages first … first + count - 1 this version; allocates those that are missing. */
static inline sb_status fixture_put(fixture *f, sb_session *session, sb_pgno first, uint32_t count,
                                    uint32_t version)
{
    sb_txn *txn = NULL;
    SB_TRY(sb_txn_begin_write(session, &txn, &f->err));
    sb_status st = SB_OK;
    for (uint32_t i = 0; i < count && st == SB_OK; i++) {
        sb_pgno pgno = first + i;
        uint8_t *bytes = NULL;
        if (pgno < sb_txn_page_count(txn)) {
            st = sb_page_mut(txn, pgno, &bytes, &f->err);
        } else {
            st = sb_page_alloc(txn, SB_PAGE_SLOTTED, MODEL_TREE, &pgno, &bytes, &f->err);
            assert_true(st != SB_OK || pgno == first + i);
        }
        if (st == SB_OK) model_fill(bytes, 4096, pgno, version);
    }
    if (st != SB_OK) {
        sb_txn_rollback(txn);
        return st;
    }
    return sb_txn_commit(txn, &f->err);
}
/* Does the transaction see this version of the pages? */
static inline bool fixture_sees(fixture *f, sb_txn *txn, sb_pgno first, uint32_t count,
                                uint32_t version)
{
    for (uint32_t i = 0; i < count; i++) {
        sb_page page;
        if (sb_page_acquire(txn, first + i, &page, &f->err) != SB_OK) return false;
        const bool same = model_matches(page.bytes, 4096, first + i, version);
        sb_page_release(txn, &page);
        if (!same) return false;
    }
    return true;
}
static inline bool fixture_reads(fixture *f, sb_session *session, sb_pgno first, uint32_t count,
                                 uint32_t version)
{
    sb_txn *txn = NULL;
    if (sb_txn_begin_read(session, &txn, &f->err) != SB_OK) return false;
    const bool same = fixture_sees(f, txn, first, count, version);
    sb_txn_rollback(txn);
    return same;
}

#endif
