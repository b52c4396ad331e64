/* test_parts.c — savepoints, extensions, free pages, bypassing, backup, replace, read-only and immutable
 * opens, fork (DESIGN §9 rules 2, 6, 8, 11, 14). */
#include "pager_image.h"

#include <sys/wait.h>
#include <unistd.h>

#include "pager/pager_priv.h"
#include "support/pager_kill.h"

/* ---- Extensions (rule 8) --------------------------------------------------------------------- */

typedef struct probe {
    int value, commits, savepoints, releases, rollbacks, ended;
    bool committed, fail_commit;
} probe;
static probe the_probe;

static sb_status probe_create(sb_txn *txn, void **object, sb_err *err)
{
    (void)txn;
    (void)err;
    *object = &the_probe;
    return SB_OK;
}
static sb_status probe_before_commit(void *object, sb_txn *txn, sb_err *err)
{
    probe *p = object;
    sb_pgno pgno = 0;
    uint8_t *bytes = NULL;
    p->commits++;
    if (p->fail_commit) return SB_FAIL(err, SB_CONSTRAINT, "no");
    SB_TRY(sb_page_alloc(txn, SB_PAGE_SLOTTED, MODEL_TREE, &pgno, &bytes, err));
    model_fill(bytes, 4096, pgno, 77);
    return SB_OK;
}
static sb_status probe_savepoint(void *object, sb_txn *txn, uint32_t savepoint, sb_err *err)
{
    (void)txn;
    (void)savepoint;
    (void)err;
    ((probe *)object)->savepoints++;
    return SB_OK;
}
static void probe_rollback_to(void *object, sb_txn *txn, uint32_t savepoint)
{
    (void)txn;
    (void)savepoint;
    ((probe *)object)->rollbacks++;
}
static void probe_release(void *object, sb_txn *txn, uint32_t savepoint)
{
    (void)txn;
    (void)savepoint;
    ((probe *)object)->releases++;
}
static void probe_end(void *object, bool committed)
{
    ((probe *)object)->ended++;
    ((probe *)object)->committed = committed;
}
static const sb_txn_ext_kind probe_kind = {"probe",         probe_create,      probe_before_commit,
                                           probe_savepoint, probe_rollback_to, probe_release,
                                           probe_end};

static void test_pager_parts__extensions(void **state)
{
    (void)state;
    fixture f;
    sb_txn *txn = NULL;
    void *object = NULL;
    uint32_t a = 0, b = 0;
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    memset(&the_probe, 0, sizeof the_probe);
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    assert_null(sb_txn_ext_find(txn, &probe_kind));
    CHECK(&f, sb_txn_ext_get(txn, &probe_kind, &object, &f.err));
    assert_ptr_equal(object, &the_probe);
    CHECK(&f, sb_txn_savepoint(txn, &a, &f.err));
    CHECK(&f, sb_txn_savepoint(txn, &b, &f.err));
    assert_int_equal(a, 1);
    assert_int_equal(b, 2);
    CHECK(&f, sb_txn_rollback_to(txn, a, &f.err));
    assert_int_equal(sb_txn_rollback_to(txn, b, NULL), SB_MISUSE);
    CHECK(&f, sb_txn_release(txn, a, &f.err));
    assert_false(sb_txn_dirty(txn));
    CHECK(&f, sb_txn_commit(txn, &f.err));
    assert_int_equal(the_probe.commits, 1);
    assert_int_equal(the_probe.savepoints, 2);
    assert_int_equal(the_probe.rollbacks, 1);
    assert_int_equal(the_probe.releases, 1);
    assert_true(the_probe.ended == 1 && the_probe.committed);
    assert_true(fixture_reads(&f, f.session, 1, 1, 77)); /* the hook's page made it a commit */
    the_probe.fail_commit = true;
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    CHECK(&f, sb_txn_ext_get(txn, &probe_kind, &object, &f.err));
    assert_int_equal(sb_txn_commit(txn, NULL), SB_CONSTRAINT);
    assert_true(the_probe.ended == 2 && !the_probe.committed);
    CHECK(&f, sb_txn_begin_read(f.session, &txn, &f.err));
    assert_int_equal(sb_txn_seq(txn), 1);
    sb_txn_rollback(txn);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* ---- Pages ----------------------------------------------------------------------------------- */

/* Rule 2: a large transaction of new pages writes them once, to the main file; the WAL gets the commit alone. */
static void test_pager_parts__bypass(void **state)
{
    (void)state;
    fixture f;
    sb_pager_info info;
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 500, 100));
    CHECK(&f, sb_pager_get_info(f.pager, &info, &f.err));
    assert_true(info.wal_used_bytes < 4096);
    assert_int_equal(info.syncs, 2);
    assert_true(fixture_reads(&f, f.session, 1, 500, 100));
    /* What is not written of a run reads as damaged. */
    sb_txn *txn = NULL;
    sb_pgno first = 0;
    sb_page page;
    uint8_t *pages = calloc(3, 4096);
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    CHECK(&f, sb_page_alloc_run(txn, 4, &first, &f.err));
    for (uint32_t i = 0; i < 3; i++)
        model_fill(pages + i * 4096, 4096, first + i, 5);
    CHECK(&f, sb_page_write_fresh(txn, first, pages, 3, &f.err));
    assert_true(fixture_sees(&f, txn, first, 3, 5));
    assert_int_equal(sb_page_acquire(txn, first + 3, &page, NULL), SB_CORRUPT);
    sb_txn_rollback(txn);
    free(pages);
    /* The same numbers again, with other content: nothing of the transaction that ended shows. */
    CHECK(&f, fixture_put(&f, f.session, 501, 40, 6));
    assert_true(fixture_reads(&f, f.session, 501, 40, 6));
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* Rules 2, 8: what a savepoint remembers in the main file is not overwritten by spilling later changes. */
static void test_pager_parts__savepoint_over_fresh_pages(void **state)
{
    (void)state;
    fixture f;
    sb_txn *txn = NULL;
    sb_pgno first = 0;
    uint32_t savepoint = 0;
    uint8_t *pages = calloc(50, 4096);
    fixture_options(&f, fixture_memory());
    f.options.txn_memory_bytes = 0; /* each call of spill writes */
    fixture_open(&f, "x");
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    CHECK(&f, sb_page_alloc_run(txn, 50, &first, &f.err));
    for (uint32_t i = 0; i < 50; i++)
        model_fill(pages + (size_t)i * 4096, 4096, first + i, 1);
    CHECK(&f, sb_page_write_fresh(txn, first, pages, 50, &f.err));
    CHECK(&f, sb_txn_savepoint(txn, &savepoint, &f.err));
    for (uint32_t i = 0; i < 50; i++) {
        uint8_t *bytes = NULL;
        CHECK(&f, sb_page_mut(txn, first + i, &bytes, &f.err));
        model_fill(bytes, 4096, first + i, 2);
    }
    CHECK(&f, sb_txn_spill(txn, &f.err));
    assert_true(fixture_sees(&f, txn, first, 50, 2));
    CHECK(&f, sb_txn_rollback_to(txn, savepoint, &f.err));
    assert_true(fixture_sees(&f, txn, first, 50, 1));
    CHECK(&f, sb_txn_commit(txn, &f.err));
    assert_true(fixture_reads(&f, f.session, first, 50, 1));
    fixture_close(&f);
    fixture_open(&f, "x");
    assert_true(fixture_reads(&f, f.session, first, 50, 1));
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    free(pages);
}

/* Pages given back are used again, and a page given back twice is refused. */
static void test_pager_parts__free_pages(void **state)
{
    (void)state;
    fixture f;
    sb_txn *txn = NULL;
    sb_pager_info info;
    uint8_t seen[4096] = {0};
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 2500, 1)); /* a trunk of 4 KiB takes 1,018 */
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    for (sb_pgno pgno = 1; pgno <= 2500; pgno++)
        CHECK(&f, sb_page_free(txn, pgno, &f.err));
    assert_int_equal(sb_page_free(txn, 7, NULL), SB_CORRUPT);
    sb_txn_rollback(txn);
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    for (sb_pgno pgno = 1; pgno <= 3; pgno++) /* a trunk, and two that it names */
        CHECK(&f, sb_page_free(txn, pgno, &f.err));
    for (sb_pgno pgno = 1; pgno <= 3; pgno++)
        assert_int_equal(sb_page_free(txn, pgno, NULL), SB_CORRUPT);
    for (sb_pgno pgno = 4; pgno <= 2500; pgno++)
        CHECK(&f, sb_page_free(txn, pgno, &f.err));
    CHECK(&f, sb_txn_commit(txn, &f.err));
    CHECK(&f, sb_pager_get_info(f.pager, &info, &f.err));
    assert_int_equal(info.free_pages, 2500);
    for (unsigned round = 0; round < 5; round++) {
        CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
        for (unsigned i = 0; i < 500; i++) {
            sb_pgno pgno = 0;
            uint8_t *bytes = NULL;
            CHECK(&f, sb_page_alloc(txn, SB_PAGE_SLOTTED, MODEL_TREE, &pgno, &bytes, &f.err));
            assert_true(pgno >= 1 && pgno <= 2500 && seen[pgno] == 0);
            seen[pgno] = 1;
            model_fill(bytes, 4096, pgno, 9);
        }
        CHECK(&f, sb_txn_commit(txn, &f.err));
    }
    CHECK(&f, sb_pager_get_info(f.pager, &info, &f.err));
    assert_int_equal(info.free_pages, 0);
    assert_int_equal(info.page_count, 2501);
    assert_true(fixture_reads(&f, f.session, 1, 2500, 9));
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* Rule 11: a large transaction keeps to its memory. */
static void test_pager_parts__spill_bounds_memory(void **state)
{
    (void)state;
    fixture f;
    sb_counting_allocator alloc;
    sb_txn *txn = NULL;
    sb_counting_allocator_init(&alloc, &sb_allocator_libc);
    fixture_options(&f, fixture_memory());
    f.options.alloc = &alloc.base;
    f.options.txn_memory_bytes = 64 * 4096;
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 2000, 1));
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    for (sb_pgno pgno = 1; pgno <= 2000; pgno++) {
        uint8_t *bytes = NULL;
        CHECK(&f, sb_page_mut(txn, pgno, &bytes, &f.err));
        model_fill(bytes, 4096, pgno, 2);
        CHECK(&f, sb_txn_spill(txn, &f.err));
    }
    alloc.peak_bytes = alloc.live_bytes;
    assert_true(alloc.live_bytes < 2000 * 1024);
    assert_true(fixture_sees(&f, txn, 1, 2000, 2));
    sb_txn_rollback(txn);
    assert_true(fixture_reads(&f, f.session, 1, 2000, 1));
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    assert_int_equal(alloc.live_blocks, 0);
}

/* ---- Whole files ----------------------------------------------------------------------------- */

static bool stop_half_way(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    return done < total / 2;
}

static void test_pager_parts__backup(void **state)
{
    (void)state;
    fixture f, copy;
    sb_session *reader = NULL;
    sb_txn *txn = NULL;
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, sb_session_open(f.pager, &reader, &f.err));
    CHECK(&f, fixture_put(&f, f.session, 1, 300, 100));
    CHECK(&f, sb_txn_begin_read(reader, &txn, &f.err));
    CHECK(&f, fixture_put(&f, f.session, 1, 300, 200));
    CHECK(&f, sb_pager_backup(txn, f.vfs, "copy", NULL, NULL, &f.err));
    assert_int_equal(sb_pager_backup(txn, f.vfs, "copy", NULL, NULL, NULL), SB_EXISTS);
    assert_int_equal(sb_pager_backup(txn, f.vfs, "half", stop_half_way, NULL, NULL), SB_INTERRUPT);
    bool exists = true;
    CHECK(&f, f.vfs->ops->exists(f.vfs, "half", &exists, &f.err));
    assert_false(exists);
    sb_txn_rollback(txn);
    fixture_options(&copy, f.vfs);
    fixture_open(&copy, "copy");
    assert_true(fixture_reads(&copy, copy.session, 1, 300, 100));
    CHECK(&copy, fixture_put(&copy, copy.session, 1, 300, 300));
    fixture_close(&copy);
    assert_true(fixture_reads(&f, f.session, 1, 300, 200));
    sb_session_close(reader);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* A copy has a salt of its own: the WAL of the original, which continues just this state, is not taken for the copy's. */
static void test_pager_parts__backup_beside_the_original_wal(void **state)
{
    (void)state;
    fixture f, copy;
    sb_txn *txn = NULL;
    size_t bytes = 0;
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 100));
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 101));
    CHECK(&f, sb_txn_begin_read(f.session, &txn, &f.err));
    CHECK(&f, sb_pager_backup(txn, f.vfs, "copy", NULL, NULL, &f.err));
    sb_txn_rollback(txn);
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 102));
    uint8_t *wal = slurp(f.vfs, "x-wal", &bytes);
    spill_out(f.vfs, "copy-wal", wal, bytes);
    free(wal);
    fixture_options(&copy, f.vfs);
    assert_int_equal(sb_pager_open("copy", &copy.options, &copy.pager, &copy.err), SB_CORRUPT);
    assert_non_null(strstr(copy.err.text, "belongs to another database"));
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* Taking over a smaller database makes the file smaller, once nobody else has it open. */
static void test_pager_parts__replace(void **state)
{
    (void)state;
    fixture f, small, other;
    sb_txn *txn = NULL, *source = NULL;
    sb_pager_info info;
    fixture_options(&f, fixture_memory());
    fixture_options(&small, f.vfs);
    fixture_options(&other, f.vfs);
    fixture_open(&f, "x");
    fixture_open(&small, "small");
    CHECK(&f, fixture_put(&f, f.session, 1, 400, 100));
    CHECK(&f, fixture_put(&f, f.session, 1, 400, 101));
    CHECK(&small, fixture_put(&small, small.session, 1, 50, 7));
    fixture_open(&other, "x"); /* holds up the cut, nothing else */
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    CHECK(&small, sb_txn_begin_read(small.session, &source, &small.err));
    CHECK(&f, sb_pager_replace(txn, source, sb_txn_meta(source), NULL, NULL, &f.err));
    assert_true(fixture_reads(&other, other.session, 1, 50, 7));
    CHECK(&f, sb_pager_get_info(f.pager, &info, &f.err));
    assert_int_equal(info.page_count, 51);
    assert_int_equal(info.file_bytes, 401 * 4096);
    /* Growing again: those pages may not bypass the WAL, older snapshots could know them. */
    CHECK(&f, fixture_put(&f, f.session, 51, 300, 8));
    assert_true(fixture_reads(&other, other.session, 51, 300, 8));
    fixture_close(&other);
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    CHECK(&f, sb_pager_replace(txn, source, sb_txn_meta(source), NULL, NULL, &f.err));
    CHECK(&f, sb_pager_get_info(f.pager, &info, &f.err));
    assert_int_equal(info.file_bytes, 51 * 4096);
    assert_true(fixture_reads(&f, f.session, 1, 50, 7));
    CHECK(&f, fixture_put(&f, f.session, 51, 100, 9));
    assert_true(fixture_reads(&f, f.session, 51, 100, 9));
    sb_txn_rollback(source);
    fixture_close(&small);
    fixture_close(&f);
    fixture_open(&f, "x");
    assert_true(fixture_reads(&f, f.session, 1, 50, 7));
    assert_true(fixture_reads(&f, f.session, 51, 100, 9));
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* Rule 14: readers that may not write. */
static void test_pager_parts__read_only(void **state)
{
    (void)state;
    fixture f, guarded, immutable;
    kill_read_only_vfs read_only;
    sb_txn *txn = NULL;
    sb_session *second = NULL;
    fixture_options(&f, fixture_memory());
    fixture_options(&guarded, kill_make_read_only(&read_only, f.vfs));
    fixture_options(&immutable, &read_only.vfs);
    guarded.options.read_only = true;
    immutable.options.immutable = true;
    assert_int_equal(sb_pager_open("x", &guarded.options, &guarded.pager, NULL), SB_CANT_OPEN);
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
    fixture_open(&guarded, "x");
    CHECK(&guarded, sb_session_open(guarded.pager, &second, &guarded.err));
    assert_true(fixture_reads(&guarded, guarded.session, 1, 5, 100));
    assert_int_equal(sb_txn_begin_write(guarded.session, &txn, NULL), SB_READ_ONLY);
    for (uint32_t v = 101; v < 110; v++) {
        CHECK(&f, fixture_put(&f, f.session, 1, 5, v));
        assert_true(fixture_reads(&guarded, guarded.session, 1, 5, v));
        if (v % 3 == 0)
            CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_RESTART, NULL, &f.err));
    }
    /* Its transaction holds up checkpoints, and its sessions share a snapshot while one is open. */
    CHECK(&guarded, sb_txn_begin_read(guarded.session, &txn, &guarded.err));
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 200));
    assert_int_equal(sb_pager_checkpoint(f.pager, SB_CHECKPOINT_FULL, NULL, NULL), SB_BUSY);
    assert_true(fixture_sees(&guarded, txn, 1, 5, 109));
    assert_true(fixture_reads(&guarded, second, 1, 5, 109));
    assert_true(fixture_sees(&guarded, txn, 1, 5, 109));
    sb_txn_rollback(txn);
    CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_FULL, NULL, &f.err));
    assert_true(fixture_reads(&guarded, second, 1, 5, 200));
    sb_session_close(second);
    fixture_close(&f);
    assert_true(fixture_reads(&guarded, guarded.session, 1, 5, 200));
    fixture_close(&guarded);
    fixture_open(&immutable, "x");
    assert_true(fixture_reads(&immutable, immutable.session, 1, 5, 200));
    fixture_close(&immutable);
    /* Read-only by choice, with the permission to write: an ordinary user of shared memory. */
    fixture_options(&guarded, f.vfs);
    guarded.options.read_only = true;
    fixture_open(&guarded, "x");
    assert_true(fixture_reads(&guarded, guarded.session, 1, 5, 200));
    fixture_close(&guarded);
    sb_vfs_destroy(f.vfs);
}

/* A reader without a slot of a file that was closed reads no WAL, so a writer begins one beside it; it is told of by a checkpoint. */
static void test_pager_parts__read_only_of_a_closed_file(void **state)
{
    (void)state;
    fixture f, guarded;
    kill_read_only_vfs read_only;
    sb_txn *txn = NULL;
    fixture_options(&f, fixture_memory());
    f.options.busy_timeout_ns = 1000000;
    fixture_options(&guarded, kill_make_read_only(&read_only, f.vfs));
    guarded.options.read_only = true;
    for (unsigned round = 0; round < 2; round++) { /* the WAL is not there; it was truncated */
        if (round == 0) {
            fixture_open(&f, "x");
            CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
            fixture_close(&f);
            fixture_open(&guarded, "x");
            fixture_open(&f, "x");
        } else {
            CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_TRUNCATE, NULL, &f.err));
        }
        CHECK(&guarded, sb_txn_begin_read(guarded.session, &txn, &guarded.err));
        for (uint32_t v = 101; v < 104; v++)
            CHECK(&f, fixture_put(&f, f.session, 1, 5, v));
        assert_true(fixture_sees(&guarded, txn, 1, 5, round == 0 ? 100 : 103));
        assert_int_equal(sb_pager_checkpoint(f.pager, SB_CHECKPOINT_FULL, NULL, &f.err), SB_BUSY);
        assert_non_null(
            strstr(f.err.text, "a reader without write permission in this process holds up"));
        sb_err_clear(&f.err);
        sb_txn_rollback(txn);
        assert_true(fixture_reads(&guarded, guarded.session, 1, 5, 103));
    }
    /* Frames of an ended generation may be read, so there the writer does not begin another. */
    CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_RESTART, NULL, &f.err));
    CHECK(&guarded, sb_txn_begin_read(guarded.session, &txn, &guarded.err));
    assert_int_equal(fixture_put(&f, f.session, 1, 5, 104), SB_BUSY);
    assert_non_null(strstr(f.err.text, "a reader without write permission"));
    sb_err_clear(&f.err);
    sb_txn_rollback(txn);
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 104));
    fixture_close(&guarded);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* It is told by nobody what was synced: it syncs what it shows, in full, and shows nothing when that fails. */
static void test_pager_parts__read_only_shows_what_is_durable(void **state)
{
    (void)state;
    fixture f, guarded;
    kill_read_only_vfs read_only;
    sb_vfs *faulty = NULL;
    sb_txn *txn = NULL;
    fixture_options(&f, fixture_memory());
    f.options.durability = SB_DURABLE_NORMAL;
    assert_int_equal(sb_vfs_fault_create(&sb_allocator_libc, f.vfs, &faulty, NULL), SB_OK);
    sb_vfs_fault *fault = sb_vfs_fault_state(faulty);
    fault->kinds = SB_IO_SYNC;
    fault->status = SB_IO;
    fixture_options(&guarded, kill_make_read_only(&read_only, faulty));
    guarded.options.read_only = true;
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
    fixture_open(&guarded, "x");
    for (uint64_t v = 0; v < 3; v++) {
        assert_true(fixture_reads(&guarded, guarded.session, 1, 5, 100));
        assert_int_equal(fault->calls, v + 1);
    }
    fault->fail_at = fault->calls + 1;
    assert_int_equal(sb_txn_begin_read(guarded.session, &txn, &guarded.err), SB_IO);
    sb_err_clear(&guarded.err);
    CHECK(&guarded, sb_pager_set_durability(guarded.pager, SB_DURABLE_NORMAL, &guarded.err));
    assert_true(fixture_reads(&guarded, guarded.session, 1, 5, 100));
    assert_int_equal(fault->calls, 4);
    fixture_close(&guarded);
    fixture_close(&f);
    sb_vfs_destroy(faulty);
    sb_vfs_destroy(f.vfs);
}

/* A writer that commits 40 new pages, which bypass the WAL, just before somebody opens the WAL for reading. */
static struct {
    fixture *writer;
    sb_pgno next;
} between;
static void commit_in_between(void *ctx)
{
    (void)ctx;
    CHECK(between.writer,
          fixture_put(between.writer, between.writer->session, between.next, 40, 7));
    between.next += 40;
}
static sb_status open_after_a_commit(sb_vfs *vfs, const char *path, unsigned flags, sb_file **file,
                                     sb_err *err)
{
    sb_thread *thread = NULL;
    if (between.writer != NULL && strstr(path, "-wal") != NULL) {
        /* Another thread: this one holds locks of the reader. */
        CHECK(between.writer, sb_thread_create(&sb_allocator_libc, commit_in_between, NULL, &thread,
                                               &between.writer->err));
        sb_thread_join(thread);
    }
    return kill_open_read_only(vfs, path, flags, file, err);
}

/* Such a reader reads page 0 and then the WAL, and a writer may commit in between: found by `make kill-loop`. */
static void test_pager_parts__read_only_beside_a_bypass(void **state)
{
    (void)state;
    fixture f, guarded;
    kill_read_only_vfs read_only;
    sb_pager_info info;
    fixture_options(&f, fixture_memory());
    fixture_options(&guarded, kill_make_read_only(&read_only, f.vfs));
    read_only.ops.open = open_after_a_commit;
    guarded.options.read_only = true;
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
    CHECK(&f, fixture_put(&f, f.session, 6, 40, 100));
    CHECK(&f, sb_pager_get_info(f.pager, &info, &f.err));
    assert_true(info.file_bytes >=
                46u * 4096); /* nothing was checkpointed: they are there already */
    fixture_open(&guarded, "x");
    between.writer = &f;
    between.next = 46;
    for (unsigned round = 0; round < 5; round++)
        assert_true(fixture_reads(&guarded, guarded.session, between.next, 40, 7));
    between.writer = NULL;
    fixture_close(&guarded);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* A WAL that is back-filled and could begin anew, and a reader without a slot that reads it: who writes waits for it. */
static void check_waits_for_the_guard(fixture *f, sb_vfs *read_only)
{
    fixture guarded;
    sb_txn *txn = NULL;
    fixture_options(&guarded, read_only);
    guarded.options.read_only = true;
    fixture_open(&guarded, "x");
    CHECK(&guarded, sb_txn_begin_read(guarded.session, &txn, &guarded.err));
    assert_int_equal(fixture_put(f, f->session, 1, 5, 101), SB_BUSY);
    sb_err_clear(&f->err);
    assert_true(fixture_sees(&guarded, txn, 1, 5, 100));
    sb_txn_rollback(txn);
    CHECK(f, fixture_put(f, f->session, 1, 5, 101));
    assert_true(fixture_reads(f, f->session, 1, 5, 101));
    assert_true(fixture_reads(&guarded, guarded.session, 1, 5, 101));
    fixture_close(&guarded);
}

/* As if the process of f had been killed in its last commit, before it told of it: the words are those from before. */
static void untell(fixture *f, sb_mark appended, sb_mark durable)
{
    sb_shm *shm = f->pager->shm;
    atomic_store(&shm->appended, appended);
    atomic_store(&shm->durable, durable);
    atomic_store(&shm->wal_bytes, (uint64_t)sb_mark_pos(appended) * SB_WAL_UNIT);
    atomic_store(&shm->writer, sb_os_process_tag());
}

/* f commits 101 over 100 and is killed; f and other have the file open. */
static void commit_untold(fixture *f, fixture *other, bool new_generation)
{
    CHECK(f, fixture_put(f, f->session, 1, 5, 100));
    if (new_generation)
        CHECK(f, sb_pager_checkpoint(f->pager, SB_CHECKPOINT_RESTART, NULL, &f->err));
    assert_true(fixture_reads(other, other->session, 1, 5, 100));
    const sb_shm *shm = f->pager->shm;
    const sb_mark appended = atomic_load(&shm->appended), durable = atomic_load(&shm->durable);
    CHECK(f, fixture_put(f, f->session, 1, 5, 101));
    untell(f, appended, durable);
    assert_true(fixture_reads(other, other->session, 1, 5, 100));
}

/* A commit that is whole in the WAL, whose writer was killed before anybody was told: a reader without a slot, who looks at the WAL alone, shows it.
 * So it stays, whoever writes next, and nothing is written over it: found by a chain of events under kills. */
static void test_pager_parts__untold_commit(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        fixture f, other, guarded;
        kill_read_only_vfs read_only;
        sb_txn *txn = NULL, *next = NULL;
        fixture_options(&f, fixture_memory());
        fixture_options(&other, f.vfs);
        f.options.durability = other.options.durability =
            round % 2 == 0 ? SB_DURABLE_FULL : SB_DURABLE_NORMAL;
        fixture_options(&guarded, kill_make_read_only(&read_only, f.vfs));
        guarded.options.read_only = true;
        fixture_open(&f, "x");
        fixture_open(&other, "x");
        commit_untold(&f, &other, round >= 2);
        fixture_open(&guarded, "x");
        CHECK(&guarded, sb_txn_begin_read(guarded.session, &txn, &guarded.err));
        assert_true(fixture_sees(&guarded, txn, 1, 1, 101));
        const uint64_t seq = sb_txn_seq(txn);
        CHECK(&other, sb_txn_begin_write(other.session, &next, &other.err));
        assert_int_equal(sb_txn_seq(next), seq);
        assert_true(fixture_sees(&other, next, 1, 5, 101));
        sb_txn_rollback(next);
        const sb_shm *shm = other.pager->shm;
        assert_int_equal(atomic_load(&shm->writer), 0);
        assert_true(atomic_load(&shm->wal_bytes) >=
                    (uint64_t)sb_mark_pos(atomic_load(&shm->appended)) * SB_WAL_UNIT);
        CHECK(&other, fixture_put(&other, other.session, 1, 5, 102));
        assert_true(fixture_sees(&guarded, txn, 1, 5, 101));
        sb_txn_rollback(txn);
        assert_true(fixture_reads(&guarded, guarded.session, 1, 5, 102));
        fixture_close(&guarded);
        fixture_close(&f);
        assert_true(fixture_reads(&other, other.session, 1, 5, 102));
        fixture_close(&other);
        sb_vfs_destroy(f.vfs);
    }
}

/* Who closes last takes it in, too; and who fails at it leaves it to the next one. */
static void test_pager_parts__untold_commit_at_the_end(void **state)
{
    (void)state;
    fixture f, other;
    sb_vfs *faulty = NULL;
    sb_txn *txn = NULL;
    fixture_options(&f, fixture_memory());
    assert_int_equal(sb_vfs_fault_create(&sb_allocator_libc, f.vfs, &faulty, NULL), SB_OK);
    sb_vfs_fault *fault = sb_vfs_fault_state(faulty);
    fault->kinds = SB_IO_READ;
    fault->status = SB_IO;
    fixture_options(&other, faulty);
    fixture_open(&f, "x");
    fixture_open(&other, "x");
    commit_untold(&f, &other, false);
    fault->fail_at = fault->calls + 1;
    assert_int_equal(sb_txn_begin_write(other.session, &txn, &other.err), SB_IO);
    sb_err_clear(&other.err);
    fault->fail_at = 0;
    assert_int_not_equal(atomic_load(&other.pager->shm->writer), 0);
    fixture_close(&f);
    fixture_close(&other);
    fixture_open(&f, "x");
    assert_true(fixture_reads(&f, f.session, 1, 5, 101));
    fixture_close(&f);
    sb_vfs_destroy(faulty);
    sb_vfs_destroy(f.vfs);
}

/* A checkpoint that was killed when it had told of the new generation in one of the three words: whoever writes next tells of it in the
 * others. A commit at the end of the old one would be seen by nobody. */
static void test_pager_parts__half_begun_generation(void **state)
{
    (void)state;
    for (unsigned told = 1; told <= 2; told++) {
        fixture f;
        kill_read_only_vfs read_only;
        fixture_options(&f, fixture_memory());
        fixture_open(&f, "x");
        CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
        CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_FULL, NULL, &f.err));
        sb_shm *shm = f.pager->shm;
        const sb_mark begun = sb_mark_of(sb_mark_generation(shm->appended) + 1, SB_WAL_START);
        sb_pager__raise(&shm->backfilled, begun);
        if (told == 2) sb_pager__raise(&shm->durable, begun);
        check_waits_for_the_guard(&f, kill_make_read_only(&read_only, f.vfs));
        fixture_close(&f);
        sb_vfs_destroy(f.vfs);
    }
}

/* A WAL that could not be cut off has its old frames, which a reader without a slot may read: no zeros are written over them before it
 * has gone. */
static void test_pager_parts__read_only_of_a_wal_that_stayed(void **state)
{
    (void)state;
    fixture f;
    kill_read_only_vfs read_only;
    sb_vfs *memory = fixture_memory(), *faulty = NULL;
    assert_int_equal(sb_vfs_fault_create(&sb_allocator_libc, memory, &faulty, NULL), SB_OK);
    sb_vfs_fault *fault = sb_vfs_fault_state(faulty);
    fixture_options(&f, faulty);
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
    *fault = (sb_vfs_fault){.kinds = SB_IO_TRUNCATE, .fail_at = 1, .status = SB_IO};
    assert_int_equal(sb_pager_checkpoint(f.pager, SB_CHECKPOINT_TRUNCATE, NULL, &f.err), SB_IO);
    assert_int_equal(fault->failed, 1);
    sb_err_clear(&f.err);
    check_waits_for_the_guard(&f, kill_make_read_only(&read_only, memory));
    fixture_close(&f);
    sb_vfs_destroy(faulty);
    sb_vfs_destroy(memory);
}

/* Rule 6: a handle used in a child after fork is misuse, and does the parent no harm. */
static void test_pager_parts__fork(void **state)
{
    (void)state;
    fixture f;
    sb_session *extra = NULL;
    sb_txn *txn = NULL;
    int status = -1;
    sb_vfs *vfs = NULL;
    assert_int_equal(sb_vfs_posix_create(&sb_allocator_libc, &vfs, NULL), SB_OK);
    (void)unlink("fork.db");
    fixture_options(&f, vfs);
    fixture_open(&f, "fork.db");
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
    CHECK(&f, sb_session_open(f.pager, &extra, &f.err));
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    const pid_t pid = fork();
    if (pid == 0) {
        sb_txn *other = NULL;
        sb_session *more = NULL;
        int wrong = 0;
        wrong |= (sb_txn_begin_read(extra, &other, NULL) != SB_MISUSE) << 0;
        wrong |= (sb_session_open(f.pager, &more, NULL) != SB_MISUSE) << 1;
        wrong |= (sb_txn_commit(txn, NULL) != SB_MISUSE) << 2;
        sb_session_close(extra);
        sb_session_close(f.session);
        wrong |= (sb_pager_close(f.pager, NULL) != SB_OK) << 3;
        _exit(wrong);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    uint8_t *bytes = NULL;
    CHECK(&f, sb_page_mut(txn, 1, &bytes, &f.err));
    model_fill(bytes, 4096, 1, 101);
    CHECK(&f, sb_txn_commit(txn, &f.err));
    assert_true(fixture_reads(&f, extra, 1, 1, 101));
    sb_session_close(extra);
    fixture_close(&f);
    (void)unlink("fork.db");
    sb_vfs_destroy(vfs);
}

static void note_finding(void *ctx, sb_pgno pgno, const char *message)
{
    char *text = ctx;
    (void)pgno;
    (void)snprintf(text, 200, "%s", message);
}

/* Stamps are outside of page 0's checksum: verify looks at them, and who opens the file to write mends them. */
static void test_pager_parts__damaged_stamps(void **state)
{
    (void)state;
    for (uint64_t at = 1024; at < 1024 + 3 * 512; at += 100) {
        fixture f;
        sb_file *file = NULL;
        sb_txn *txn = NULL;
        uint8_t byte = 0;
        uint64_t findings = 0;
        char message[200] = "";
        fixture_options(&f, fixture_memory());
        fixture_open(&f, "x");
        CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
        fixture_close(&f);
        assert_int_equal(sb_vfs_open(f.vfs, "x", 0, &file, NULL), SB_OK);
        assert_int_equal(sb_file_read_all(file, at, &byte, 1, NULL), SB_OK);
        byte ^= 0x10;
        assert_int_equal(sb_file_write_all(file, at, &byte, 1, NULL), SB_OK);
        sb_file_close(file);
        for (int written = 0; written < 2; written++) {
            f.options.read_only = written == 0;
            fixture_open(&f, "x");
            CHECK(&f, sb_txn_begin_read(f.session, &txn, &f.err));
            CHECK(&f,
                  sb_pager_verify(txn, NULL, note_finding, message, NULL, NULL, &findings, &f.err));
            sb_txn_rollback(txn);
            assert_int_equal(findings, written == 0);
            fixture_close(&f);
        }
        assert_non_null(strstr(message, at < 1024 + 2 * 512 ? "page 0: a bypass stamp is damaged"
                                                            : "page 0: the back-fill stamp"));
        sb_vfs_destroy(f.vfs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_parts__extensions),
        TEST(test_pager_parts__bypass),
        TEST(test_pager_parts__savepoint_over_fresh_pages),
        TEST(test_pager_parts__free_pages),
        TEST(test_pager_parts__spill_bounds_memory),
        TEST(test_pager_parts__backup),
        TEST(test_pager_parts__backup_beside_the_original_wal),
        TEST(test_pager_parts__replace),
        TEST(test_pager_parts__read_only),
        TEST(test_pager_parts__read_only_of_a_closed_file),
        TEST(test_pager_parts__read_only_shows_what_is_durable),
        TEST(test_pager_parts__read_only_beside_a_bypass),
        TEST(test_pager_parts__untold_commit),
        TEST(test_pager_parts__untold_commit_at_the_end),
        TEST(test_pager_parts__half_begun_generation),
        TEST(test_pager_parts__read_only_of_a_wal_that_stayed),
        TEST(test_pager_parts__fork),
        TEST(test_pager_parts__damaged_stamps),
    };
    return cmocka_run_group_tests_name("pager_parts", tests, NULL, NULL);
}
