/* test_durability.c — who relies on what was not synced (settle.c): a WAL found by one who may not write, syncs that failed, and
 * files written in durability off. The power goes by sb_vfs_crash; what was acknowledged must be there. */
#include "pager_image.h"

#include "pager/pager_priv.h"

static void begin(fixture *f)
{
    fixture_options(f, NULL);
    CHECK(f, sb_vfs_crash_create(&sb_allocator_libc, &f->vfs, &f->err));
    f->options.vfs = f->vfs;
}

static void beside(fixture *f, const fixture *other)
{
    fixture_options(f, other->vfs);
    f->options = other->options;
    f->options.profile = &f->profile;
}

/* However it went: the power may be gone. */
static void leave(fixture *f)
{
    sb_status ignored = SB_OK;
    if (f->session != NULL) sb_session_close(f->session);
    f->session = NULL;
    if (f->pager != NULL) ignored = sb_pager_close(f->pager, NULL);
    (void)ignored;
    f->pager = NULL;
    sb_err_clear(&f->err);
}

/* The power goes: does a file show this version then? It must open. */
static bool survives(const fixture *f, const char *path, uint32_t count, uint32_t version)
{
    fixture later;
    sb_vfs *after = NULL;
    assert_int_equal(sb_vfs_crash_reboot(f->vfs, SB_CRASH_LOSE_ALL, 1, &after, NULL), SB_OK);
    fixture_options(&later, after);
    fixture_open(&later, path);
    const bool same = fixture_reads(&later, later.session, 1, count, version);
    leave(&later);
    sb_vfs_destroy(after);
    return same;
}

static void fail_next_commit(fixture *f, uint32_t version)
{
    /* The commit's write is the next event, its sync the one after it. */
    sb_vfs_crash_state(f->vfs)->fail_sync_at = sb_vfs_crash_events(f->vfs) + 2;
    assert_int_equal(fixture_put(f, f->session, 1, 5, version), SB_POISONED);
    sb_err_clear(&f->err);
}

/* ---- Found by one who may not write ---------------------------------------------------------- */

/* After a failed sync a reader opens first, and closes again or stays. The writer after it builds on the WAL, so it writes it anew. */
static void test_pager_durability__reader_after_a_failed_sync(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        fixture f, reader, writer;
        const bool stays = i % 2 != 0, passive = i / 2 != 0;
        begin(&f);
        fixture_open(&f, "x");
        CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
        CHECK(&f, fixture_put(&f, f.session, 1, 5, 101));
        fail_next_commit(&f, 102);
        fixture_close(&f);
        beside(&reader, &f);
        reader.options.read_only = true;
        fixture_open(&reader, "x");
        assert_true(fixture_reads(&reader, reader.session, 1, 5, 102));
        if (!stays) leave(&reader);
        beside(&writer, &f);
        fixture_open(&writer, "x");
        assert_true(fixture_reads(&writer, writer.session, 1, 5, 102));
        if (passive)
            CHECK(&writer,
                  sb_pager_checkpoint(writer.pager, SB_CHECKPOINT_PASSIVE, NULL, &writer.err));
        CHECK(&writer, fixture_put(&writer, writer.session, 1, 4, 103));
        CHECK(&writer, fixture_put(&writer, writer.session, 5, 1, 103));
        assert_true(survives(&f, "x", 5, 103));
        leave(&reader);
        leave(&writer);
        sb_vfs_destroy(f.vfs);
    }
}

/* The WAL as a killed writer left it, before its sync: pages 1 to 5 at 100 in the main file, at 102 in the WAL, not synced. */
static void begin_killed(fixture *f)
{
    fixture made;
    sb_file *file = NULL;
    fixture_options(&made, fixture_memory());
    fixture_open(&made, "x");
    CHECK(&made, fixture_put(&made, made.session, 1, 5, 100));
    CHECK(&made, sb_pager_checkpoint(made.pager, SB_CHECKPOINT_RESTART, NULL, &made.err));
    CHECK(&made, fixture_put(&made, made.session, 1, 5, 101));
    CHECK(&made, fixture_put(&made, made.session, 1, 5, 102));
    image i = take_image(made.vfs);
    leave(&made);
    sb_vfs_destroy(made.vfs);
    begin(f);
    spill_out(f->vfs, "x", i.main_file, i.main_bytes);
    CHECK(f, sb_vfs_open(f->vfs, "x", 0, &file, &f->err));
    CHECK(f, file->ops->sync(file, &f->err));
    sb_file_close(file);
    spill_out(f->vfs, "x-wal", i.wal, 0);
    CHECK(f, f->vfs->ops->sync_directory(f->vfs, "x", &f->err));
    spill_out(f->vfs, "x-wal", i.wal, i.wal_bytes);
    free_image(&i);
}

/* What a reader shows is durable, though it may not write. */
static void test_pager_durability__reader_shows_what_is_durable(void **state)
{
    (void)state;
    fixture f;
    begin_killed(&f);
    f.options.read_only = true;
    fixture_open(&f, "x");
    assert_true(fixture_reads(&f, f.session, 1, 5, 102));
    assert_true(survives(&f, "x", 5, 102));
    leave(&f);
    sb_vfs_destroy(f.vfs);
}

/* Where its sync fails, or it asks for none, it shows what it found, and the next checkpoint syncs the WAL first: the power may go at
 * any of its steps. */
static void checkpoint_beside_a_reader(bool off, sb_checkpoint_mode mode)
{
    for (uint64_t cut = 0;; cut++) {
        fixture f, writer;
        assert_true(cut < 100);
        begin_killed(&f);
        f.options.read_only = true;
        f.options.durability = off ? SB_DURABLE_OFF : SB_DURABLE_FULL;
        /* The events of the opening: making -shm, two writes to it, the sync. */
        if (!off) sb_vfs_crash_state(f.vfs)->fail_sync_at = sb_vfs_crash_events(f.vfs) + 4;
        fixture_open(&f, "x");
        assert_true(fixture_reads(&f, f.session, 1, 5, 102));
        if (cut == 0) assert_true(survives(&f, "x", 5, 100)); /* the sync did fail */
        beside(&writer, &f);
        writer.options.read_only = false;
        writer.options.durability = SB_DURABLE_FULL;
        fixture_open(&writer, "x");
        sb_vfs_crash_set_cut(f.vfs, sb_vfs_crash_events(f.vfs) + cut + 1);
        const sb_status st = sb_pager_checkpoint(writer.pager, mode, NULL, &writer.err);
        if (!survives(&f, "x", 5, 102))
            assert_true(st != SB_OK &&
                        survives(&f, "x", 5, 100)); /* one of both, never a mixture */
        leave(&writer);
        leave(&f);
        sb_vfs_destroy(f.vfs);
        if (st == SB_OK) return;
    }
}

static void test_pager_durability__checkpoint_beside_a_reader(void **state)
{
    (void)state;
    checkpoint_beside_a_reader(true, SB_CHECKPOINT_FULL);
    checkpoint_beside_a_reader(true, SB_CHECKPOINT_PASSIVE);
    checkpoint_beside_a_reader(false, SB_CHECKPOINT_FULL);
}

/* A page 0 that was cut off, which the WAL makes good: the reader leaves it so. Who writes beside it makes the file the WAL's before it
 * back-fills, so that a power cut leaves no page that might be of any file. */
static void test_pager_durability__page_0_beside_a_reader(void **state)
{
    (void)state;
    fixture made;
    fixture_options(&made, fixture_memory());
    fixture_open(&made, "x");
    CHECK(&made, fixture_put(&made, made.session, 1, 20, 100));
    image i = take_image(made.vfs);
    leave(&made);
    sb_vfs_destroy(made.vfs);
    sb_status st = SB_IO;
    for (uint64_t cut = 1; st != SB_OK; cut++) {
        fixture f, writer, later;
        begin(&f);
        spill_out(f.vfs, "x", i.main_file, 0);
        spill_out(f.vfs, "x-wal", i.wal, i.wal_bytes);
        CHECK(&f, f.vfs->ops->sync_directory(f.vfs, "x", &f.err));
        beside(&writer, &f);
        f.options.read_only = true;
        fixture_open(&f, "x");
        assert_true(fixture_reads(&f, f.session, 1, 20, 100));
        fixture_open(&writer, "x");
        sb_vfs_crash_set_cut(f.vfs, sb_vfs_crash_events(f.vfs) + cut);
        st = sb_pager_checkpoint(writer.pager, SB_CHECKPOINT_FULL, NULL, &writer.err);
        for (uint64_t seed = 0; seed < 20; seed++) {
            sb_vfs *after = NULL;
            CHECK(&f, sb_vfs_crash_reboot(f.vfs, SB_CRASH_RANDOM, seed, &after, &f.err));
            fixture_options(&later, after);
            fixture_open(&later, "x");
            assert_true(fixture_reads(&later, later.session, 1, 20, 100));
            leave(&later);
            sb_vfs_destroy(after);
        }
        leave(&writer);
        leave(&f);
        sb_vfs_destroy(f.vfs);
    }
    free_image(&i);
}

/* A passive checkpoint does not wait for the writer whose lock it needs to settle. */
static void test_pager_durability__passive_checkpoint_does_not_wait(void **state)
{
    (void)state;
    fixture f, off, full;
    sb_txn *txn = NULL;
    sb_pager_info info;
    begin_killed(&f);
    f.options.read_only = true;
    f.options.durability = SB_DURABLE_OFF;
    fixture_open(&f, "x");
    beside(&off, &f);
    off.options.read_only = false;
    fixture_open(&off, "x");
    CHECK(&off, sb_txn_begin_write(off.session, &txn, &off.err));
    beside(&full, &off);
    full.options.durability = SB_DURABLE_FULL;
    fixture_open(&full, "x");
    CHECK(&full, sb_pager_checkpoint(full.pager, SB_CHECKPOINT_PASSIVE, NULL, &full.err));
    CHECK(&full, sb_pager_get_info(full.pager, &info, &full.err));
    assert_int_equal(info.backfilled_frames, 0);
    sb_txn_rollback(txn);
    CHECK(&full, sb_pager_checkpoint(full.pager, SB_CHECKPOINT_PASSIVE, NULL, &full.err));
    assert_true(survives(&f, "x", 5, 102));
    leave(&full);
    leave(&off);
    leave(&f);
    sb_vfs_destroy(f.vfs);
}

/* A recovery whose own sync fails does not open, and the next one knows of it. */
static void test_pager_durability__failed_recovery(void **state)
{
    (void)state;
    fixture f;
    begin_killed(&f);
    sb_vfs_crash_state(f.vfs)->fail_sync_at = sb_vfs_crash_events(f.vfs) + 4;
    assert_int_equal(sb_pager_open("x", &f.options, &f.pager, &f.err), SB_IO);
    sb_err_clear(&f.err);
    fixture_open(&f, "x");
    assert_true(fixture_reads(&f, f.session, 1, 5, 102));
    assert_true(survives(&f, "x", 5, 102));
    leave(&f);
    sb_vfs_destroy(f.vfs);
}

/* ---- Written in off -------------------------------------------------------------------------- */

typedef enum then { REOPEN, PRAGMA, SECOND_HANDLE, PRAGMA_WITHIN, THEN } then;

typedef struct off_case {
    bool made_full;  /* the file is there, from a handle in full */
    bool bypass;     /* what off writes is large enough to bypass the WAL */
    bool checkpoint; /* off checkpoints it */
    bool own_sync;   /* a new name needs no sync of the directory */
    sb_durability next;
    then how;
} off_case;

/* Change to the level as the case says, and commit twice: pages 1 to 3 at 300, then 4 and 5. */
static void write_on(fixture *f, fixture *second, const off_case *c)
{
    fixture *writer = f;
    sb_txn *txn = NULL;
    uint8_t *bytes = NULL;
    if (c->how == REOPEN) {
        fixture_close(f);
        f->options.durability = c->next;
        fixture_open(f, "x");
    } else if (c->how == PRAGMA) {
        CHECK(f, sb_pager_set_durability(f->pager, c->next, &f->err));
    } else if (c->how == SECOND_HANDLE) {
        second->options.durability = c->next;
        fixture_open(second, "x");
        writer = second;
    } else {
        CHECK(f, sb_txn_begin_write(f->session, &txn, &f->err));
        for (sb_pgno pgno = 1; pgno <= 5; pgno++) {
            CHECK(f, sb_page_mut(txn, pgno, &bytes, &f->err));
            model_fill(bytes, 4096, pgno, 300);
        }
        CHECK(f, sb_pager_set_durability(f->pager, c->next, &f->err));
        CHECK(f, sb_txn_commit(txn, &f->err));
    }
    if (c->how != PRAGMA_WITHIN) { /* that commit is the last one */
        CHECK(writer, fixture_put(writer, writer->session, 1, 3, 300));
        CHECK(writer, fixture_put(writer, writer->session, 4, 2, 300));
    }
    if (c->next == SB_DURABLE_NORMAL)
        CHECK(writer, sb_pager_checkpoint(writer->pager, SB_CHECKPOINT_FULL, NULL, &writer->err));
}

static void after_off(const off_case *c)
{
    fixture f, second;
    begin(&f);
    sb_vfs_crash_state(f.vfs)->create_needs_dir_sync = !c->own_sync;
    if (c->made_full) {
        fixture_open(&f, "x");
        CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
        fixture_close(&f);
    }
    f.options.durability = SB_DURABLE_OFF;
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 200));
    if (c->bypass) CHECK(&f, fixture_put(&f, f.session, 6, 60, 300));
    if (c->checkpoint)
        CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_TRUNCATE, NULL, &f.err));
    beside(&second, &f);
    write_on(&f, &second, c);
    const bool right = survives(&f, "x", c->bypass ? 65 : 5, 300);
    leave(&second);
    leave(&f);
    sb_vfs_destroy(f.vfs);
    if (!right)
        fail_msg(
            "made in full %d, bypass %d, checkpoint %d, names by own sync %d, level %d, how %d",
            c->made_full, c->bypass, c->checkpoint, c->own_sync, (int)c->next, (int)c->how);
}

/* Whoever commits in full or normal makes durable what it builds on. */
static void test_pager_durability__after_off(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16 * 2 * THEN; i++) {
        const off_case c = {
            .made_full = (i & 1) != 0,
            .bypass = (i & 2) != 0,
            .checkpoint = (i & 4) != 0,
            .own_sync = (i & 8) != 0,
            .next = (i & 16) != 0 ? SB_DURABLE_NORMAL : SB_DURABLE_FULL,
            .how = (then)(i / 32),
        };
        after_off(&c);
    }
}

/* Off beside full: once somebody has committed in full, what off does keeps that commit. */
static void test_pager_durability__off_beside_full(void **state)
{
    (void)state;
    fixture full, off;
    begin(&full);
    fixture_open(&full, "x");
    CHECK(&full, fixture_put(&full, full.session, 1, 5, 100));
    beside(&off, &full);
    off.options.durability = SB_DURABLE_OFF;
    fixture_open(&off, "x");
    for (uint32_t round = 0; round < 3; round++) {
        CHECK(&off, fixture_put(&off, off.session, 6 + 40 * round, 40, 7));
        CHECK(&off, fixture_put(&off, off.session, 6, 1, 8 + round));
        assert_true(survives(&full, "x", 5, 100 + round));
        CHECK(&off, sb_pager_checkpoint(off.pager, SB_CHECKPOINT_TRUNCATE, NULL, &off.err));
        CHECK(&off, fixture_put(&off, off.session, 6, 1, 9 + round));
        assert_true(survives(&full, "x", 5, 100 + round));
        CHECK(&full, fixture_put(&full, full.session, 1, 5, 101 + round));
        assert_true(survives(&full, "x", 5, 101 + round));
    }
    leave(&full);
    leave(&off);
    sb_vfs_destroy(full.vfs);
}

/* A sync of the main file that fails leaves nothing settled; after it the file is written anew, also by the next who opens it. */
static void test_pager_durability__failed_sync_of_the_main_file(void **state)
{
    (void)state;
    unsigned failures = 0;
    for (unsigned i = 0; i < 2; i++) {
        for (uint64_t event = 1; event < 40; event++) {
            fixture f;
            begin(&f);
            fixture_open(&f, "x");
            CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
            fixture_close(&f);
            f.options.durability = SB_DURABLE_OFF;
            fixture_open(&f, "x");
            CHECK(&f, fixture_put(&f, f.session, 1, 65, 300));
            if (i == 0) CHECK(&f, sb_pager_set_durability(f.pager, SB_DURABLE_FULL, &f.err));
            if (i == 1) fixture_close(&f);
            f.options.durability = SB_DURABLE_FULL;
            sb_vfs_crash_state(f.vfs)->fail_sync_at = sb_vfs_crash_events(f.vfs) + event;
            const sb_status st = i == 0 ? fixture_put(&f, f.session, 1, 1, 300)
                                        : sb_pager_open("x", &f.options, &f.pager, &f.err);
            if (st == SB_IO) {
                failures++;
                sb_err_clear(&f.err);
                if (i == 0) CHECK(&f, fixture_put(&f, f.session, 1, 1, 300));
                if (i == 1) {
                    fixture_open(&f, "x");
                    CHECK(&f, fixture_put(&f, f.session, 1, 1, 300));
                }
                assert_true(survives(&f, "x", 65, 300));
            }
            leave(&f);
            sb_vfs_destroy(f.vfs);
        }
    }
    assert_true(failures >= 3);
}

/* What a transaction and a checkpoint have in the main file at once, and one of the two is told that a sync failed: the system tells a
 * failure once to each open file, so the other's sync succeeds afterwards though what it wrote was dropped. */
static void begin_two_in_the_main_file(fixture *f)
{
    begin(f);
    fixture_open(f, "x");
    CHECK(f, fixture_put(f, f->session, 1, 5, 100));
    CHECK(f, sb_pager_checkpoint(f->pager, SB_CHECKPOINT_RESTART, NULL, &f->err));
    CHECK(f, fixture_put(f, f->session, 1, 5, 101));
}

/* 40 new pages are in the main file, the commit is to come. */
static sb_txn *begin_bypass(fixture *f, sb_session *session, sb_pgno expected)
{
    sb_txn *txn = NULL;
    sb_pgno first = 0;
    uint8_t *pages = calloc(40, 4096);
    CHECK(f, sb_txn_begin_write(session, &txn, &f->err));
    CHECK(f, sb_page_alloc_run(txn, 40, &first, &f->err));
    assert_int_equal(first, expected);
    for (uint32_t i = 0; i < 40; i++)
        model_fill(pages + (size_t)i * 4096, 4096, first + i, 101);
    CHECK(f, sb_page_write_fresh(txn, first, pages, 40, &f->err));
    free(pages);
    return txn;
}

/* The checkpoint's sync fails while the transaction has pages there. */
static void test_pager_durability__sync_failed_for_a_checkpoint(void **state)
{
    (void)state;
    unsigned failures = 0;
    for (uint64_t event = 1; event < 20; event++) {
        fixture f;
        begin_two_in_the_main_file(&f);
        sb_txn *txn = begin_bypass(&f, f.session, 6);
        sb_vfs_crash_state(f.vfs)->fail_sync_at = sb_vfs_crash_events(f.vfs) + event;
        const sb_status filled = sb_pager_checkpoint(f.pager, SB_CHECKPOINT_PASSIVE, NULL, &f.err);
        sb_vfs_crash_state(f.vfs)->fail_sync_at = 0;
        sb_err_clear(&f.err);
        const sb_status st = sb_txn_commit(txn, &f.err);
        if (filled != SB_OK) {
            failures++;
            assert_int_equal(st, SB_IO);
            sb_err_clear(&f.err);
            sb_txn *again = begin_bypass(&f, f.session, 6);
            CHECK(&f, sb_txn_commit(again, &f.err));
        } else {
            assert_int_equal(st, SB_OK);
        }
        assert_true(survives(&f, "x", 45, 101));
        leave(&f);
        sb_vfs_destroy(f.vfs);
    }
    assert_int_equal(failures, 1);
}

/* The transaction's sync fails when the checkpoint has written its pages and not synced them. */
static struct {
    fixture *f;
    sb_session *session;
    unsigned failures;
} beside_checkpoint;
static void fail_a_commit(void *ctx)
{
    fixture *f = beside_checkpoint.f;
    (void)ctx;
    sb_txn *txn = begin_bypass(f, beside_checkpoint.session, 6);
    /* Its stamp, then the sync of the main file. */
    sb_vfs_crash_state(f->vfs)->fail_sync_at = sb_vfs_crash_events(f->vfs) + 2;
    beside_checkpoint.failures += sb_txn_commit(txn, NULL) == SB_IO;
}
static bool after_the_pages(void *ctx, uint64_t done, uint64_t total)
{
    sb_thread *thread = NULL;
    (void)ctx;
    if (done != total) return true;
    /* Another thread: this one holds locks of the checkpoint. */
    CHECK(beside_checkpoint.f, sb_thread_create(&sb_allocator_libc, fail_a_commit, NULL, &thread,
                                                &beside_checkpoint.f->err));
    sb_thread_join(thread);
    return true;
}
static void test_pager_durability__sync_failed_for_a_commit(void **state)
{
    (void)state;
    fixture f;
    sb_checkpoint_result result;
    const sb_watch watch = {.progress = after_the_pages};
    begin_two_in_the_main_file(&f);
    beside_checkpoint.f = &f;
    beside_checkpoint.session = f.session;
    beside_checkpoint.failures = 0;
    const sb_status st =
        sb_pager_checkpoint_watched(f.pager, SB_CHECKPOINT_PASSIVE, &watch, &result, &f.err);
    assert_int_equal(beside_checkpoint.failures, 1);
    assert_int_equal(st, SB_IO);
    sb_err_clear(&f.err);
    CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_RESTART, NULL, &f.err));
    CHECK(&f, fixture_put(&f, f.session, 1, 1, 101)); /* over the old frames */
    assert_true(survives(&f, "x", 5, 101));
    leave(&f);
    sb_vfs_destroy(f.vfs);
}

/* Between the writing of page 0 and its sync by a checkpoint, a transaction begins to write past the extent; there the power goes. */
static struct {
    fixture *f;
    const sb_file_ops *ops; /* of the main file */
    unsigned calls;
} beside_sync;
static void bypass_and_lose_power(void *ctx)
{
    fixture *f = beside_sync.f;
    (void)ctx;
    sb_txn *txn = begin_bypass(f, f->session, 46);
    for (uint64_t seed = 0; seed < 200; seed++) {
        fixture later;
        sb_vfs *after = NULL;
        CHECK(f, sb_vfs_crash_reboot(f->vfs, SB_CRASH_RANDOM, seed, &after, &f->err));
        fixture_options(&later, after);
        fixture_open(&later, "x");
        assert_true(fixture_reads(&later, later.session, 1, 45, 100));
        leave(&later);
        sb_vfs_destroy(after);
    }
    sb_txn_rollback(txn);
}
static sb_status sync_beside(sb_file *file, sb_err *err)
{
    sb_thread *thread = NULL;
    if (beside_sync.calls++ == 0) {
        /* Another thread: this one holds locks of the checkpoint. */
        SB_TRY(sb_thread_create(&sb_allocator_libc, bypass_and_lose_power, NULL, &thread, err));
        sb_thread_join(thread);
    }
    return beside_sync.ops->sync(file, err);
}
static void test_pager_durability__bypass_beside_a_checkpoint(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
    CHECK(&f, fixture_put(&f, f.session, 6, 40, 100));
    sb_file *file = f.pager->main_file;
    beside_sync.f = &f;
    beside_sync.ops = file->ops;
    beside_sync.calls = 0;
    sb_file_ops ops = *file->ops;
    ops.sync = sync_beside;
    file->ops = &ops;
    CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_PASSIVE, NULL, &f.err));
    assert_int_equal(beside_sync.calls, 1);
    file->ops = beside_sync.ops;
    CHECK(&f, fixture_put(&f, f.session, 46, 40, 100));
    assert_true(survives(&f, "x", 85, 100));
    leave(&f);
    sb_vfs_destroy(f.vfs);
}

static uint64_t syncs_of(fixture *f)
{
    sb_pager_info info;
    CHECK(f, sb_pager_get_info(f->pager, &info, &f->err));
    return info.syncs;
}

/* In the ordinary case it costs no sync: a commit has one, one that bypasses the WAL has two. Without, none. */
static void test_pager_durability__syncs(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
    assert_int_equal(syncs_of(&f), 1);
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 101));
    assert_int_equal(syncs_of(&f), 2);
    CHECK(&f, fixture_put(&f, f.session, 6, 60, 101));
    assert_int_equal(syncs_of(&f), 4);
    fixture_close(&f);
    f.options.durability = SB_DURABLE_OFF;
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 100, 102));
    CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_TRUNCATE, NULL, &f.err));
    assert_int_equal(syncs_of(&f), 0);
    fixture_close(&f);
    f.options.durability = SB_DURABLE_FULL;
    fixture_open(&f, "x");
    assert_int_equal(syncs_of(&f), 1); /* what off left */
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 103));
    assert_int_equal(syncs_of(&f), 2);
    fixture_close(&f);
    fixture_open(&f, "x");
    assert_int_equal(syncs_of(&f), 0);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

/* ---- Parts that only a power cut tells of ---------------------------------------------------- */

/* A WAL whose making failed half way is not taken for one that is made. */
static void test_pager_durability__failed_making_of_the_wal(void **state)
{
    (void)state;
    unsigned failures = 0;
    for (uint64_t event = 1; event < 80; event++) {
        fixture f;
        begin(&f);
        fixture_open(&f, "x");
        sb_vfs_crash_state(f.vfs)->fail_sync_at = sb_vfs_crash_events(f.vfs) + event;
        if (fixture_put(&f, f.session, 1, 5, 100) == SB_IO) {
            failures++;
            sb_err_clear(&f.err);
            CHECK(&f, fixture_put(&f, f.session, 1, 5, 101));
            assert_true(survives(&f, "x", 5, 101));
        }
        leave(&f);
        sb_vfs_destroy(f.vfs);
    }
    assert_int_equal(failures, 1);
}

/* A backup that has returned is on the disk under its name. */
static void test_pager_durability__backup(void **state)
{
    (void)state;
    fixture f;
    sb_txn *txn = NULL;
    begin(&f);
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 40, 100));
    CHECK(&f, sb_txn_begin_read(f.session, &txn, &f.err));
    CHECK(&f, sb_pager_backup(txn, f.vfs, "copy", NULL, NULL, &f.err));
    sb_txn_rollback(txn);
    assert_true(survives(&f, "copy", 40, 100));
    leave(&f);
    sb_vfs_destroy(f.vfs);
}

static void put_run(fixture *f, uint32_t version)
{
    sb_txn *txn = NULL;
    sb_pgno first = 0;
    uint8_t page[4096] = {0};
    CHECK(f, sb_txn_begin_write(f->session, &txn, &f->err));
    CHECK(f, sb_page_alloc_run(txn, 1, &first, &f->err));
    model_fill(page, sizeof page, first, version);
    CHECK(f, sb_page_write_fresh(txn, first, page, 1, &f->err));
    CHECK(f, sb_txn_commit(txn, &f->err));
}

/* I21: in normal the end of the WAL may be lost, and with it more commits that bypass the WAL than a stamp lists. */
static void test_pager_durability__many_bypasses(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    fixture_open(&f, "x");
    put_run(&f, 100);
    CHECK(&f, sb_pager_set_durability(f.pager, SB_DURABLE_NORMAL, &f.err));
    for (uint32_t i = 1; i < 150; i++)
        put_run(&f, 100);
    assert_true(survives(&f, "x", 64, 100));
    leave(&f);
    sb_vfs_destroy(f.vfs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_durability__reader_after_a_failed_sync),
        TEST(test_pager_durability__reader_shows_what_is_durable),
        TEST(test_pager_durability__checkpoint_beside_a_reader),
        TEST(test_pager_durability__page_0_beside_a_reader),
        TEST(test_pager_durability__passive_checkpoint_does_not_wait),
        TEST(test_pager_durability__failed_recovery),
        TEST(test_pager_durability__after_off),
        TEST(test_pager_durability__off_beside_full),
        TEST(test_pager_durability__failed_sync_of_the_main_file),
        TEST(test_pager_durability__sync_failed_for_a_checkpoint),
        TEST(test_pager_durability__sync_failed_for_a_commit),
        TEST(test_pager_durability__bypass_beside_a_checkpoint),
        TEST(test_pager_durability__syncs),
        TEST(test_pager_durability__failed_making_of_the_wal),
        TEST(test_pager_durability__backup),
        TEST(test_pager_durability__many_bypasses),
    };
    return cmocka_run_group_tests_name("pager_durability", tests, NULL, NULL);
}
