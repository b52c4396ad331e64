/* test_kill.c — a few seconds of processes being killed; kill_loop goes on for as long as wanted. */
#include "support/unit.h"

#include "support/child.h"
#include "support/pager_kill.h"

static void test_pager_kill__sample(void **state)
{
    (void)state;
    sb_random random = test_random(31);
    kill_board *board = kill_board_create();
    kill_campaign(board, &(kill_settings){.processes = 5,
                                          .milliseconds = 3000,
                                          .seed = random.state,
                                          .gap_ms = 40,
                                          .life = 60,
                                          .checkpoint_in = 10,
                                          .autocheckpoint_pages = 100});
    kill_print(board);
    if (board->failures != 0) fail_msg("%s", board->first_failure);
    assert_true(kill_audited(board) > 20 && board->reads > 20);
}

static void kill_options(sb_pager_options *options, sb_profile *profile)
{
    sb_pager_options_init(options);
    options->profile = profile;
    options->page_bytes = 4096;
    options->durability = SB_DURABLE_OFF;
    options->checkpoint_thread = false;
    options->autocheckpoint_pages = 0;
    options->busy_timeout_ns = 0;
    options->check = model_check;
}

/* While they live, a reader holds up the restart of the WAL and a writer other writers; killed, they hold up nobody. */
static void test_pager_kill__the_dead_hold_nothing(void **state)
{
    (void)state;
    static sb_profile profile;
    kill_board *board = kill_board_create();
    sb_pager_options options;
    sb_pager *pager = NULL;
    sb_session *session = NULL;
    sb_txn *txn = NULL;
    sb_checkpoint_result result;
    sb_err err;

    sb_err_clear(&err);
    kill_options(&options, &profile);
    assert_int_equal(sb_vfs_posix_create(&sb_allocator_libc, &options.vfs, &err), SB_OK);
    kill_remove_files();
    assert_int_equal(sb_pager_open("k", &options, &pager, &err), SB_OK);
    assert_int_equal(sb_session_open(pager, &session, &err), SB_OK);
    assert_int_equal(kill_write(board, session, &err), SB_OK);

    pid_t child = child_in_transaction("k", &options, false);
    assert_int_equal(kill_write(board, session, &err), SB_OK);
    assert_int_equal(sb_pager_checkpoint(pager, SB_CHECKPOINT_RESTART, &result, NULL), SB_BUSY);
    child_end(child);
    assert_int_equal(sb_pager_checkpoint(pager, SB_CHECKPOINT_RESTART, &result, &err), SB_OK);
    assert_true(result.restarted);

    child = child_in_transaction("k", &options, true);
    assert_int_equal(sb_txn_begin_write(session, &txn, &err), SB_BUSY);
    char told[32];
    (void)snprintf(told, sizeof told, "process %d (", (int)child);
    assert_non_null(strstr(err.text, told));
    sb_err_clear(&err);
    child_end(child);
    assert_int_equal(kill_write(board, session, &err), SB_OK);
    kill_read(board, session, false);
    assert_int_equal(board->failures, 0);
    sb_session_close(session);
    assert_int_equal(sb_pager_close(pager, &err), SB_OK);
    sb_vfs_destroy(options.vfs);
}

/* Snapshots as fast as they come: most of the time goes into taking them, so that is where most stops fall. */
static void read_until_killed(kill_board *board, sb_pager_options options)
{
    sb_pager *pager = NULL;
    sb_session *session = NULL;
    sb_err err;

    sb_err_clear(&err);
    if (sb_vfs_posix_create(&sb_allocator_libc, &options.vfs, NULL) != SB_OK ||
        sb_pager_open("k", &options, &pager, &err) != SB_OK ||
        sb_session_open(pager, &session, &err) != SB_OK)
        kill_fail(board, "open", err.text);
    while (atomic_load(&board->failures) == 0) {
        sb_txn *txn = NULL;
        sb_page page = {0};
        if (sb_txn_begin_read(session, &txn, &err) != SB_OK ||
            sb_page_acquire(txn, 1, &page, &err) != SB_OK)
            kill_fail(board, "reader", err.text);
        else if (sb_load_le64(page.bytes + SB_PAGE_COMMON) !=
                 model_word(1, kill_version_of(1, sb_load_le32(sb_txn_meta(txn))), SB_PAGE_COMMON))
            kill_fail(board, "reader", "a torn or future state");
        if (txn != NULL) sb_page_release(txn, &page);
        sb_txn_rollback(txn);
        atomic_fetch_add(&board->reads, 1);
    }
    for (;;)
        pause();
}

/* A reader that the system stops anywhere, and lets go on after the WAL was checkpointed, started anew and written over, sees one
 * whole state. */
static void test_pager_kill__stopped_readers(void **state)
{
    (void)state;
    static sb_profile profile;
    kill_board *board = kill_board_create();
    sb_random random = test_random(32);
    sb_pager_options options;
    sb_pager *pager = NULL;
    sb_session *session = NULL;
    sb_err err;
    uint64_t restarts = 0;

    sb_err_clear(&err);
    kill_options(&options, &profile);
    assert_int_equal(sb_vfs_posix_create(&sb_allocator_libc, &options.vfs, &err), SB_OK);
    kill_remove_files();
    assert_int_equal(sb_pager_open("k", &options, &pager, &err), SB_OK);
    assert_int_equal(sb_session_open(pager, &session, &err), SB_OK);
    assert_int_equal(kill_write(board, session, &err), SB_OK);
    const pid_t child = fork();
    if (child == 0) read_until_killed(board, options);
    while (atomic_load(&board->reads) == 0 && atomic_load(&board->failures) == 0)
        options.vfs->ops->sleep_ns(options.vfs, 100000);
    for (unsigned round = 0; round < 1500 && atomic_load(&board->failures) == 0; round++) {
        sb_checkpoint_result result;
        int status = 0;
        options.vfs->ops->sleep_ns(options.vfs, sb_random_below(&random, 60000));
        assert_int_equal(kill(child, SIGSTOP), 0);
        assert_int_equal(waitpid(child, &status, WUNTRACED), child);
        assert_true(WIFSTOPPED(status));
        assert_int_equal(kill_write(board, session, &err), SB_OK);
        const sb_status st = sb_pager_checkpoint(pager, SB_CHECKPOINT_RESTART, &result, NULL);
        assert_true(st == SB_OK || st == SB_BUSY);
        restarts += st == SB_OK;
        assert_int_equal(kill_write(board, session, &err), SB_OK);
        assert_int_equal(kill(child, SIGCONT), 0);
    }
    child_end(child);
    if (board->failures != 0) fail_msg("%s", board->first_failure);
    assert_true(restarts >
                10); /* those that found it outside of a transaction, or in the main file */
    sb_session_close(session);
    assert_int_equal(sb_pager_close(pager, &err), SB_OK);
    sb_vfs_destroy(options.vfs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_kill__sample),
        TEST(test_pager_kill__the_dead_hold_nothing),
        TEST(test_pager_kill__stopped_readers),
    };
    return cmocka_run_group_tests_name("pager_kill", tests, NULL, NULL);
}
