/* Goal: a database file appears whole: what a killed maker left is taken over, one maker is at work at a time, and after a
 * failure nothing is there. Method: every way to make a file, leftovers put in its way, and each call made to fail in turn. */
#include "pager_fixture.h"
#include "pager_image.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_there(sb_vfs *vfs, const char *path)
{
    bool exists = false;
    assert_int_equal(vfs->ops->exists(vfs, path, &exists, NULL), SB_OK);
    return exists;
}
static void check_nothing_beside(sb_vfs *vfs)
{
    static const char *const names[] = {"x-making", "x-making-wal", "x-making-shm", "x-wal",
                                        "x-shm"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is_there(vfs, names[i])) fail_msg("%s is left", names[i]);
}
/* What a maker that was killed may leave. */
static void leave_rubbish(sb_vfs *vfs)
{
    static const char *const names[] = {"x-making", "x-making-wal", "x-making-shm"};
    uint8_t rubbish[20000];
    memset(rubbish, 0xA5, sizeof rubbish);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        spill_out(vfs, names[i], rubbish, sizeof rubbish);
}

static bool acknowledged; /* by the last make_whole: its commit */

static sb_status make_whole(fixture *f, bool commits)
{
    acknowledged = false;
    f->options.whole = true;
    SB_TRY(sb_pager_open("x", &f->options, &f->pager, &f->err));
    sb_status st = sb_session_open(f->pager, &f->session, &f->err);
    if (st == SB_OK && commits) st = fixture_put(f, f->session, 1, 20, 100);
    acknowledged = st == SB_OK && commits;
    sb_session_close(f->session);
    const sb_status closed = sb_pager_close(f->pager, &f->err);
    return st == SB_OK ? closed : st;
}
static sb_status make_plain(fixture *f)
{
    SB_TRY(sb_pager_open("x", &f->options, &f->pager, &f->err));
    return sb_pager_close(f->pager, &f->err);
}
static sb_status make_backup(fixture *f)
{
    fixture source;
    sb_txn *txn = NULL;
    fixture_options(&source, fixture_memory());
    fixture_open(&source, "source");
    CHECK(&source, fixture_put(&source, source.session, 1, 20, 100));
    CHECK(&source, sb_txn_begin_read(source.session, &txn, &source.err));
    const sb_status st = sb_pager_backup(txn, f->vfs, "x", NULL, NULL, &f->err);
    sb_txn_rollback(txn);
    fixture_close(&source);
    sb_vfs_destroy(source.vfs);
    return st;
}
typedef enum way_of_making { PLAIN, WHOLE, BACKUP, MAKERS } way_of_making;
static sb_status make(fixture *f, way_of_making maker)
{
    return maker == PLAIN ? make_plain(f) : maker == WHOLE ? make_whole(f, true) : make_backup(f);
}
static void check_made(sb_vfs *vfs, way_of_making maker)
{
    fixture f;
    fixture_options(&f, vfs);
    f.options.create = false;
    fixture_open(&f, "x");
    if (maker != PLAIN) assert_true(fixture_reads(&f, f.session, 1, 20, 100));
    fixture_close(&f);
    check_nothing_beside(vfs);
}

/* What was committed is in the file by its other name. */
static void check_kept(sb_vfs *vfs)
{
    fixture f;
    fixture_options(&f, vfs);
    f.options.create = false;
    fixture_open(&f, "x-making");
    assert_true(fixture_reads(&f, f.session, 1, 20, 100));
    fixture_close(&f);
}

static void test_pager_new_file__takes_over_what_was_left(void **state)
{
    (void)state;
    for (way_of_making maker = PLAIN; maker < MAKERS; maker++) {
        fixture f;
        fixture_options(&f, fixture_memory());
        leave_rubbish(f.vfs);
        CHECK(&f, make(&f, maker));
        check_made(f.vfs, maker);
        sb_vfs_destroy(f.vfs);
    }
}

static void test_pager_new_file__appears_at_the_close(void **state)
{
    (void)state;
    fixture f, other;
    fixture_options(&f, fixture_memory());
    fixture_options(&other, f.vfs);
    f.options.whole = true;
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 99));
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 100));
    CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_TRUNCATE, NULL, &f.err));
    assert_false(is_there(f.vfs, "x"));
    for (way_of_making maker = PLAIN; maker < MAKERS;
         maker++) { /* nobody else makes it meanwhile */
        sb_err_clear(&other.err);
        assert_int_equal(make(&other, maker), SB_BUSY);
        assert_non_null(strstr(other.err.text, "x is being made already by this process"));
    }
    assert_false(is_there(f.vfs, "x"));
    fixture_close(&f);
    check_made(f.vfs, WHOLE);
    for (way_of_making maker = WHOLE; maker < MAKERS; maker++) { /* and it is not made again */
        sb_err_clear(&other.err);
        assert_int_equal(make(&other, maker), SB_EXISTS);
        assert_string_equal(other.err.text, "x exists already");
    }
    check_made(f.vfs, WHOLE);
    sb_vfs_destroy(f.vfs);
}

static void test_pager_new_file__without_a_commit_there_is_none(void **state)
{
    (void)state;
    fixture f;
    sb_txn *txn = NULL;
    sb_pgno pgno = 0;
    uint8_t *bytes = NULL;
    fixture_options(&f, fixture_memory());
    CHECK(&f, make_whole(&f, false));
    assert_false(is_there(f.vfs, "x"));
    fixture_open(&f, "x");
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    CHECK(&f, sb_page_alloc(txn, SB_PAGE_SLOTTED, MODEL_TREE, &pgno, &bytes, &f.err));
    model_fill(bytes, 4096, pgno, 1);
    sb_txn_rollback(txn);
    fixture_close(&f);
    assert_false(is_there(f.vfs, "x"));
    check_nothing_beside(f.vfs);
    sb_vfs_destroy(f.vfs);
}

/* A program of another kind has made a file of that name meanwhile: it stays, and so does what was committed. */
static void test_pager_new_file__what_came_meanwhile_stays(void **state)
{
    static const uint8_t theirs[] = "theirs";
    (void)state;
    fixture f;
    size_t bytes = 0;
    fixture_options(&f, fixture_memory());
    f.options.whole = true;
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 100));
    spill_out(f.vfs, "x", theirs, sizeof theirs);
    sb_session_close(f.session);
    assert_int_equal(sb_pager_close(f.pager, &f.err), SB_EXISTS);
    assert_string_equal(f.err.text, "what was committed stays in x-making: x exists already");
    uint8_t *found = slurp(f.vfs, "x", &bytes);
    assert_int_equal(bytes, sizeof theirs);
    assert_memory_equal(found, theirs, bytes);
    free(found);
    check_kept(f.vfs);
    fixture_options(&f, f.vfs); /* nothing takes it over while the name is taken */
    assert_int_equal(make_backup(&f), SB_EXISTS);
    check_kept(f.vfs);
    sb_vfs_destroy(f.vfs);
}

/* Somebody removes the other name, and begins anew under it: what he makes does not get the name, nor is it removed. */
/* What lies under a name of the making and is open as a database stays: it may be the very one that is copied. */
static void test_pager_new_file__in_use_by_its_other_name(void **state)
{
    static const char *const names[] = {"x-making", "x-wal"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fixture f, other;
        sb_txn *txn = NULL;
        fixture_options(&f, fixture_memory());
        fixture_options(&other, f.vfs);
        fixture_open(&f, names[i]);
        CHECK(&f, fixture_put(&f, f.session, 1, 20, 100));
        for (way_of_making maker = PLAIN; maker < MAKERS; maker++) {
            sb_err_clear(&other.err);
            assert_int_equal(make(&other, maker), SB_BUSY);
            assert_non_null(strstr(other.err.text, "in use by this process"));
        }
        CHECK(&f, sb_txn_begin_read(f.session, &txn, &f.err));
        assert_int_equal(sb_pager_backup(txn, f.vfs, "x", NULL, NULL, &f.err), SB_BUSY);
        sb_txn_rollback(txn);
        sb_err_clear(&f.err);
        assert_false(is_there(f.vfs, "x"));
        assert_true(is_there(f.vfs, names[i]));
        fixture_close(&f);
        fixture_open(&f, names[i]);
        assert_true(fixture_reads(&f, f.session, 1, 20, 100));
        fixture_close(&f);
        sb_vfs_destroy(f.vfs);
    }
}

static void test_pager_new_file__replaced_while_made(void **state)
{
    (void)state;
    fixture f;
    bool existed = false;
    fixture_options(&f, fixture_memory());
    f.options.whole = true;
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 100));
    static const char *const names[] = {"x-making", "x-making-wal", "x-making-shm"};
    for (size_t i = 0; i < 3; i++)
        CHECK(&f, f.vfs->ops->remove(f.vfs, names[i], &existed, &f.err));
    leave_rubbish(f.vfs);
    sb_session_close(f.session);
    assert_int_equal(sb_pager_close(f.pager, &f.err), SB_IO);
    assert_non_null(strstr(f.err.text, "x-making was removed or replaced"));
    assert_null(strstr(f.err.text, "stays in"));
    assert_false(is_there(f.vfs, "x"));
    for (size_t i = 0; i < 3; i++)
        assert_true(is_there(f.vfs, names[i]));
    sb_vfs_destroy(f.vfs);
}

/* Whatever call fails: the file is whole, or not there, and then an acknowledged commit is in the one by the other name. What the maker could
 * not remove goes with the next. */
static void test_pager_new_file__each_call_fails(void **state)
{
    unsigned kept = 0;
    (void)state;
    for (way_of_making maker = PLAIN; maker < MAKERS; maker++)
        for (int persistent = 0; persistent < 2; persistent++)
            for (uint64_t at = 1;; at++) {
                fixture f;
                sb_vfs *inner = fixture_memory(), *vfs = NULL;
                assert_int_equal(sb_vfs_fault_create(&sb_allocator_libc, inner, &vfs, NULL), SB_OK);
                fixture_options(&f, vfs);
                sb_vfs_fault_state(vfs)->fail_at = at;
                sb_vfs_fault_state(vfs)->persistent = persistent == 1;
                const sb_status st = make(&f, maker);
                const bool failed = sb_vfs_fault_state(vfs)->failed != 0;
                sb_vfs_fault_state(vfs)->fail_at = 0;
                if (st != SB_OK && maker != PLAIN && persistent == 0)
                    assert_false(is_there(inner, "x"));
                if (st != SB_OK && maker == WHOLE && acknowledged && !is_there(inner, "x")) {
                    assert_non_null(strstr(f.err.text, "what was committed stays in x-making: "));
                    check_kept(inner);
                    kept++;
                }
                if (st != SB_OK && !is_there(inner, "x")) CHECK(&f, make(&f, maker));
                check_made(inner, maker);
                sb_vfs_destroy(vfs);
                sb_vfs_destroy(inner);
                if (!failed) break;
            }
    assert_true(kept > 5);
}

/* A child that closes what its parent makes leaves it to the parent. */
static void test_pager_new_file__fork(void **state)
{
    (void)state;
    fixture f;
    sb_vfs *vfs = NULL;
    int result = 1;
    assert_int_equal(sb_vfs_posix_create(&sb_allocator_libc, &vfs, NULL), SB_OK);
    fixture_options(&f, vfs);
    f.options.whole = true;
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 100));
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sb_session_close(f.session);
        _exit(sb_pager_close(f.pager, &f.err) == SB_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    assert_true(is_there(vfs, "x-making"));
    assert_false(is_there(vfs, "x"));
    fixture_close(&f);
    check_made(vfs, WHOLE);
    (void)unlink("x");
    sb_vfs_destroy(vfs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_new_file__takes_over_what_was_left),
        TEST(test_pager_new_file__appears_at_the_close),
        TEST(test_pager_new_file__without_a_commit_there_is_none),
        TEST(test_pager_new_file__what_came_meanwhile_stays),
        TEST(test_pager_new_file__in_use_by_its_other_name),
        TEST(test_pager_new_file__replaced_while_made),
        TEST(test_pager_new_file__each_call_fails),
        TEST(test_pager_new_file__fork),
    };
    return cmocka_run_group_tests_name("pager_new_file", tests, NULL, NULL);
}
