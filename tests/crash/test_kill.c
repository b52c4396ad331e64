/* test_kill.c — a few seconds of processes being killed; kill_loop goes on for as long as wanted. */
#include "support/unit.h"

#include "support/pager_kill.h"

static void test_pager_kill__sample(void **state)
{
    (void)state;
    sb_random random = test_random(31);
    kill_board *board = kill_board_create();
    (void)unlink("k");
    (void)unlink("k-wal");
    (void)unlink("k-shm");
    kill_campaign(board, 5, 3000, random.state);
    printf("%llu commits, %llu reads, %llu guarded reads, %llu opens, %llu checkpoints\n",
           (unsigned long long)board->commits, (unsigned long long)board->reads,
           (unsigned long long)board->guarded_reads, (unsigned long long)board->opens,
           (unsigned long long)board->checkpoints);
    if (board->failures != 0) fail_msg("%s", board->first_failure);
    assert_true(board->commits > 20 && board->reads > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_pager_kill__sample)};
    return cmocka_run_group_tests_name("pager_kill", tests, NULL, NULL);
}
