/* test_recover.c — opening what a crash, a bad disk or a stranger left behind (DESIGN §9 rules 4, 6, 12; the
 * formats of docs/FORMAT.md). A crash is made by copying the files of a store in use to a new memory. */
#include "pager_image.h"

#include "support/page0.h"

/* Open the image; the version of pages 1 to 5 that it shows, or the status of the opening (negative). */
static int version_after(const image *i)
{
    fixture f;
    int found = -1000;
    fixture_options(&f, boot(i));
    const sb_status st = sb_pager_open("x", &f.options, &f.pager, &f.err);
    if (st != SB_OK) {
        sb_vfs_destroy(f.vfs);
        return (int)st;
    }
    CHECK(&f, sb_session_open(f.pager, &f.session, &f.err));
    for (uint32_t version = 100; version <= 120; version++)
        if (fixture_reads(&f, f.session, 1, 5, version)) found = (int)version;
    sb_err_clear(&f.err);
    /* And it can be written. */
    if (found > 0) {
        CHECK(&f, fixture_put(&f, f.session, 1, 5, 300));
        assert_true(fixture_reads(&f, f.session, 1, 5, 300));
        fixture_close(&f);
        fixture_open(&f, "x");
        assert_true(fixture_reads(&f, f.session, 1, 5, 300));
    }
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    return found;
}

/* A store with versions 100 … 100 + commits - 1, checkpointed after the commit checkpoint_after: the WAL holds
 * those after it (or, if that was the last, all of them). */
static image make_store(unsigned commits, unsigned checkpoint_after)
{
    fixture f;
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    for (unsigned i = 0; i < commits; i++) {
        CHECK(&f, fixture_put(&f, f.session, 1, 5, 100 + i));
        if (i + 1 == checkpoint_after)
            CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_FULL, NULL, &f.err));
    }
    const image i = take_image(f.vfs);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    return i;
}

#define COMMIT_BYTES (5 * (64 + 4096) + 320) /* of one commit of make_store */

/* Cut anywhere, the WAL opens at the last whole commit before. */
static void test_pager_recover__torn_tail(void **state)
{
    (void)state;
    image i = make_store(4, 1);
    for (size_t bytes = 0; bytes < 4096 + 3 * COMMIT_BYTES + 64; bytes += 192) {
        image cut = i;
        cut.wal_bytes = bytes;
        const size_t whole = bytes < 4096 ? 0 : (bytes - 4096) / COMMIT_BYTES;
        const int expected = 100 + (int)(whole > 3 ? 3 : whole);
        const int version = version_after(&cut);
        if (version != expected)
            fail_msg("WAL of %zu bytes: version %d instead of %d", bytes, version, expected);
    }
    free_image(&i);
}

/* A flipped bit anywhere in the WAL ends it before the commit that it lies in. */
static void test_pager_recover__flipped_bits(void **state)
{
    (void)state;
    image i = make_store(3, 1);
    for (size_t at = 0; at < 4096 + 2 * COMMIT_BYTES; at += at % 4096 < 400 ? 7 : 211) {
        if (at >= 64 && at < 4096) continue; /* unused */
        i.wal[at] ^= 0x10;
        const size_t whole = at < 4096 ? 0 : (at - 4096) / COMMIT_BYTES;
        const int expected = 100 + (int)whole;
        const int version = version_after(&i);
        if (version != expected)
            fail_msg("byte %zu: version %d instead of %d", at, version, expected);
        i.wal[at] ^= 0x10;
    }
    free_image(&i);
}

/* I19: what is left of an ended generation (its header and first commits survived, the rest was overwritten)
 * is older than the main file and counts for nothing. */
static void test_pager_recover__rest_of_an_ended_generation(void **state)
{
    (void)state;
    image i = make_store(5, 5);
    assert_int_equal(version_after(&i), 104);
    memset(i.wal + 4096 + 2 * COMMIT_BYTES, 0xAA, 3 * COMMIT_BYTES);
    assert_int_equal(version_after(&i), 104);
    free_image(&i);
}

/* Frames of the last generation behind the end of this one are not taken for a part of it. */
static void test_pager_recover__older_generation_behind(void **state)
{
    (void)state;
    fixture f;
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    for (uint32_t v = 100; v < 110; v++)
        CHECK(&f, fixture_put(&f, f.session, 1, 5, v));
    CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_FULL, NULL, &f.err));
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 111));
    image i = take_image(f.vfs);
    assert_int_equal(version_after(&i), 111);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    free_image(&i);
}

/* A checkpoint that tore page 0 left the WAL whole: the state comes from there. Without it: SB_CORRUPT. */
static void test_pager_recover__torn_page_0(void **state)
{
    (void)state;
    image i = make_store(3, 2);
    i.main_file[70] ^= 1;
    assert_int_equal(version_after(&i), 102);
    memset(i.main_file, 0xCC, 16); /* the checksum and kind, not the magic */
    assert_int_equal(version_after(&i), 102);
    i.wal_bytes = 0;
    assert_int_equal(version_after(&i), SB_CORRUPT);
    free_image(&i);
}

/* The disk makes garbage of page 0's first sector while it is written: the magic is gone, and the back-fill stamp tells that
 * it is ours all the same, before the first back-fill too. */
static void test_pager_recover__garbage_in_page_0(void **state)
{
    (void)state;
    for (unsigned checkpoint_after = 0; checkpoint_after < 3; checkpoint_after += 2) {
        image i = make_store(3, checkpoint_after);
        memset(i.main_file, 0xCC, 512);
        assert_int_equal(version_after(&i), 102);
        i.wal_bytes = 0;
        assert_int_equal(version_after(&i), SB_CORRUPT);
        memset(i.main_file + 2048, 0xCC, 512);
        assert_int_equal(version_after(&i), SB_NOT_A_DB);
        free_image(&i);
    }
}

/* The same when pages of the last commit are in the main file alone, and a transaction that was rolled back has cleared the stamps that
 * said so: the back-fill stamp names a commit behind them. */
static void test_pager_recover__garbage_after_a_bypass(void **state)
{
    (void)state;
    fixture f;
    sb_txn *txn = NULL;
    sb_pgno first = 0;
    uint8_t *pages = calloc(40, 4096);
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
    CHECK(&f, fixture_put(&f, f.session, 6, 40, 100));
    CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_FULL, NULL, &f.err));
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    CHECK(&f, sb_page_alloc_run(txn, 40, &first, &f.err));
    CHECK(&f, sb_page_write_fresh(txn, first, pages, 40, &f.err));
    sb_txn_rollback(txn);
    image i = take_image(f.vfs);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    assert_int_equal(version_after(&i), 100);
    memset(i.main_file, 0xCC, 512);
    assert_int_equal(version_after(&i), 100);
    free_image(&i);
    free(pages);
}

/* Files that are not ours, or not for us. */
static void test_pager_recover__strangers(void **state)
{
    (void)state;
    image i = make_store(2, 2), other = make_store(2, 0);
    image mixed = {i.main_file, other.wal, i.main_bytes, other.wal_bytes};
    assert_int_equal(version_after(&mixed), SB_CORRUPT); /* the WAL of another database */
    image cut = i;
    cut.wal_bytes = 0;
    cut.main_bytes = 4096 * 3; /* pages 3 to 5 are gone */
    assert_int_equal(version_after(&cut), -1000);
    cut.main_bytes = 100;
    assert_int_equal(version_after(&cut), SB_NOT_A_DB);
    cut.main_bytes = 1000;
    assert_int_equal(version_after(&cut), SB_CORRUPT);
    cut = i;
    cut.wal_bytes = 0;
    memcpy(cut.main_file + 16, "SQLite format 3", 16);
    memset(cut.main_file + 2048, 0, 512); /* the back-fill stamp */
    assert_int_equal(version_after(&cut), SB_NOT_A_DB);
    free_image(&i);
    free_image(&other);
}

/* Pages of a file that may only be read, copied as they are, may only be read in the copy, and do not get into one that is written. */
static void newer_pages_stay_told(fixture *f)
{
    static const uint8_t meta[SB_META_BYTES];
    fixture other;
    sb_txn *txn = NULL, *into = NULL;
    CHECK(f, sb_txn_begin_read(f->session, &txn, &f->err));
    CHECK(f, sb_pager_backup(txn, f->vfs, "copy", NULL, NULL, &f->err));
    fixture_options(&other, f->vfs);
    assert_int_equal(sb_pager_open("copy", &other.options, &other.pager, &other.err),
                     SB_VERSION_NEWER);
    fixture_options(&other, f->vfs);
    fixture_open(&other, "other");
    CHECK(&other, sb_txn_begin_write(other.session, &into, &other.err));
    assert_int_equal(sb_pager_replace(into, txn, meta, NULL, NULL, &other.err), SB_VERSION_NEWER);
    sb_err_clear(&other.err);
    fixture_close(&other);
    sb_txn_rollback(txn);
    fixture_options(&other, f->vfs);
    other.options.read_only = true;
    fixture_open(&other, "copy");
    assert_true(fixture_reads(&other, other.session, 1, 5, 101));
    fixture_close(&other);
}

/* The format has a version and feature bits. */
static void test_pager_recover__newer_formats(void **state)
{
    (void)state;
    image i = make_store(2, 2);
    i.wal_bytes = 0;
    i.main_file[40] = 1; /* a feature that readers must know */
    seal_page0(i.main_file, 4096);
    assert_int_equal(version_after(&i), SB_VERSION_NEWER);
    i.main_file[40] = 0;
    i.main_file[44] = 1; /* one that writers must know */
    seal_page0(i.main_file, 4096);
    assert_int_equal(version_after(&i), SB_VERSION_NEWER);
    fixture f;
    fixture_options(&f, boot(&i));
    f.options.read_only = true;
    fixture_open(&f, "x");
    assert_true(fixture_reads(&f, f.session, 1, 5, 101));
    newer_pages_stay_told(&f);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    i.main_file[44] = 0;
    i.main_file[48] = 1; /* one that may be ignored */
    seal_page0(i.main_file, 4096);
    assert_int_equal(version_after(&i), 101);
    i.main_file[32] = 2; /* the version */
    seal_page0(i.main_file, 4096);
    assert_int_equal(version_after(&i), SB_VERSION_NEWER);
    free_image(&i);
}

/* A damaged page is noticed when first read, and by verify, also after it was good once. */
static void test_pager_recover__damaged_page(void **state)
{
    (void)state;
    fixture f;
    sb_txn *txn = NULL;
    sb_page page;
    uint64_t findings = 0;
    image i = make_store(1, 1);
    i.wal_bytes = 0;
    i.main_file[3 * 4096 + 2000] ^= 4;
    fixture_options(&f, boot(&i));
    fixture_open(&f, "x");
    CHECK(&f, sb_txn_begin_read(f.session, &txn, &f.err));
    CHECK(&f, sb_page_acquire(txn, 2, &page, &f.err));
    sb_page_release(txn, &page);
    assert_int_equal(sb_page_acquire(txn, 3, &page, &f.err), SB_CORRUPT);
    assert_int_equal(f.err.pgno, 3);
    sb_err_clear(&f.err);
    CHECK(&f, sb_pager_verify(txn, NULL, NULL, NULL, NULL, NULL, &findings, &f.err));
    assert_int_equal(findings, 1);
    sb_txn_rollback(txn);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    free_image(&i);
}

/* A page at another's place fails, though its bytes are whole. */
static void test_pager_recover__misplaced_page(void **state)
{
    (void)state;
    fixture f;
    sb_txn *txn = NULL;
    sb_page page;
    image i = make_store(1, 1);
    i.wal_bytes = 0;
    memcpy(i.main_file + 2 * 4096, i.main_file + 3 * 4096, 4096);
    fixture_options(&f, boot(&i));
    fixture_open(&f, "x");
    CHECK(&f, sb_txn_begin_read(f.session, &txn, &f.err));
    assert_int_equal(sb_page_acquire(txn, 2, &page, NULL), SB_CORRUPT);
    CHECK(&f, sb_page_acquire(txn, 3, &page, &f.err));
    sb_page_release(txn, &page);
    sb_txn_rollback(txn);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    free_image(&i);
}

/* An old -shm is never trusted; an empty file is a database yet to begin, and never with
 * a WAL beside it that is of no use; a stray WAL beside no file is dropped. */
static void test_pager_recover__leftovers(void **state)
{
    (void)state;
    fixture f;
    image i = make_store(3, 1);
    uint8_t junk[5000];
    memset(junk, 0x5A, sizeof junk);
    fixture_options(&f, boot(&i));
    spill_out(f.vfs, "x-shm", junk, sizeof junk);
    fixture_open(&f, "x");
    assert_true(fixture_reads(&f, f.session, 1, 5, 102));
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    i.main_bytes = 0; /* the WAL began behind a checkpoint */
    assert_int_equal(version_after(&i), SB_CORRUPT);
    const size_t wal_bytes = i.wal_bytes;
    i.wal_bytes = 64; /* no WAL yet */
    assert_int_equal(version_after(&i), SB_CORRUPT);
    i.wal_bytes = 0;
    fixture_options(&f, boot(&i));
    i.wal_bytes = wal_bytes;
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 7));
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    fixture_options(&f, fixture_memory());
    spill_out(f.vfs, "x-wal", i.wal, i.wal_bytes);
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 8));
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    free_image(&i);
}

/* The file as it lies on a disk that can lose power: the main file synced, the WAL as a killed process left it. */
static sb_vfs *boot_unsynced(const image *i)
{
    sb_vfs *vfs = NULL;
    sb_file *file = NULL;
    assert_int_equal(sb_vfs_crash_create(&sb_allocator_libc, &vfs, NULL), SB_OK);
    spill_out(vfs, "x", i->main_file, i->main_bytes);
    assert_int_equal(sb_vfs_open(vfs, "x", 0, &file, NULL), SB_OK);
    assert_int_equal(file->ops->sync(file, NULL), SB_OK);
    sb_file_close(file);
    spill_out(vfs, "x-wal", i->wal, 0);
    assert_int_equal(vfs->ops->sync_directory(vfs, "x", NULL), SB_OK);
    spill_out(vfs, "x-wal", i->wal, i->wal_bytes);
    return vfs;
}

/* What a reader has been shown is still there after a power cut, though the process that wrote it was killed before its sync. */
static void test_pager_recover__shown_is_durable(void **state)
{
    (void)state;
    fixture f, later;
    sb_vfs *after = NULL;
    image i = make_store(3, 1);
    fixture_options(&f, boot_unsynced(&i));
    fixture_open(&f, "x");
    assert_true(fixture_reads(&f, f.session, 1, 5, 102));
    CHECK(&f, sb_vfs_crash_reboot(f.vfs, SB_CRASH_LOSE_ALL, 1, &after, &f.err));
    fixture_options(&later, after);
    fixture_open(&later, "x");
    assert_true(fixture_reads(&later, later.session, 1, 5, 102));
    fixture_close(&later);
    fixture_close(&f);
    sb_vfs_destroy(after);
    sb_vfs_destroy(f.vfs);
    free_image(&i);
}

/* A failed sync may leave pages in the system's memory that it believes to be on the disk. Recovery writes what it shows again. */
static void after_a_failed_sync(unsigned commits_before)
{
    fixture f, later;
    sb_vfs *after = NULL;
    fixture_options(&f, NULL);
    CHECK(&f, sb_vfs_crash_create(&sb_allocator_libc, &f.vfs, &f.err));
    f.options.vfs = f.vfs;
    fixture_open(&f, "x");
    for (unsigned i = 0; i <= commits_before; i++)
        CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
    /* The commit's write is the next event, its sync the one after it. */
    sb_vfs_crash_state(f.vfs)->fail_sync_at = sb_vfs_crash_events(f.vfs) + 2;
    assert_int_equal(fixture_put(&f, f.session, 1, 5, 200), SB_POISONED);
    sb_err_clear(&f.err);
    fixture_close(&f);
    fixture_open(&f, "x");
    assert_true(fixture_reads(&f, f.session, 1, 5, 200));
    CHECK(&f, sb_vfs_crash_reboot(f.vfs, SB_CRASH_LOSE_ALL, 1, &after, &f.err));
    fixture_options(&later, after);
    fixture_open(&later, "x");
    assert_true(fixture_reads(&later, later.session, 1, 5, 200));
    fixture_close(&later);
    fixture_close(&f);
    sb_vfs_destroy(after);
    sb_vfs_destroy(f.vfs);
}

/* Also when it lies past the first MiB of the WAL, which is rewritten in steps. */
static void test_pager_recover__after_a_failed_sync(void **state)
{
    (void)state;
    after_a_failed_sync(0);
    after_a_failed_sync((2u << 20) / COMMIT_BYTES);
}

/* A frame that the disk has changed since is not written over the page of the main file. */
static void test_pager_recover__damaged_frame(void **state)
{
    (void)state;
    fixture f;
    sb_file *wal = NULL;
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
    CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_RESTART, NULL, &f.err));
    image before = take_image(f.vfs);
    CHECK(&f, fixture_put(&f, f.session, 1, 1, 101));
    CHECK(&f, sb_vfs_open(f.vfs, "x-wal", 0, &wal, &f.err));
    CHECK(&f, sb_file_write_all(wal, 4096 + 64 + 300, "\x5A\xA5", 2, &f.err));
    sb_file_close(wal);
    assert_int_equal(sb_pager_checkpoint(f.pager, SB_CHECKPOINT_FULL, NULL, &f.err), SB_CORRUPT);
    assert_int_equal(f.err.pgno, 1);
    sb_err_clear(&f.err);
    image after = take_image(f.vfs);
    assert_int_equal(after.main_bytes, before.main_bytes);
    assert_memory_equal(after.main_file + 4096, before.main_file + 4096, before.main_bytes - 4096);
    sb_session_close(f.session);
    assert_int_equal(sb_pager_close(f.pager, &f.err), SB_CORRUPT);
    sb_vfs_destroy(f.vfs);
    free_image(&before);
    free_image(&after);
}

/* What a killed writer left behind the extent goes with the last close. */
static void test_pager_recover__cut_behind(void **state)
{
    (void)state;
    fixture f;
    image i = make_store(3, 2);
    const size_t pages = i.main_bytes;
    i.main_file = realloc(i.main_file, pages + 40960);
    assert_non_null(i.main_file);
    memset(i.main_file + pages, 0x77, 40960);
    i.main_bytes = pages + 40960;
    fixture_options(&f, boot(&i));
    fixture_open(&f, "x");
    assert_true(fixture_reads(&f, f.session, 1, 5, 102));
    fixture_close(&f);
    free_image(&i);
    i = take_image(f.vfs);
    assert_int_equal(i.main_bytes, pages);
    free_image(&i);
    sb_vfs_destroy(f.vfs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_recover__torn_tail),
        TEST(test_pager_recover__flipped_bits),
        TEST(test_pager_recover__rest_of_an_ended_generation),
        TEST(test_pager_recover__older_generation_behind),
        TEST(test_pager_recover__torn_page_0),
        TEST(test_pager_recover__garbage_in_page_0),
        TEST(test_pager_recover__garbage_after_a_bypass),
        TEST(test_pager_recover__strangers),
        TEST(test_pager_recover__newer_formats),
        TEST(test_pager_recover__damaged_page),
        TEST(test_pager_recover__misplaced_page),
        TEST(test_pager_recover__leftovers),
        TEST(test_pager_recover__shown_is_durable),
        TEST(test_pager_recover__after_a_failed_sync),
        TEST(test_pager_recover__damaged_frame),
        TEST(test_pager_recover__cut_behind),
    };
    return cmocka_run_group_tests_name("pager_recover", tests, NULL, NULL);
}
