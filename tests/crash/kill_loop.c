/* kill_loop.c — processes killed without end: kill_loop [--seconds N] [--seed S] [--processes P]
 * Works in the directory that it is started in, on the file k. Ends at the first failure. */
#include "support/pager_kill.h"

int main(int argc, char **argv)
{
    uint64_t seconds = 60, seed = 1, processes = 6;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0)
            seconds = strtoull(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--processes") == 0)
            processes = strtoull(argv[i + 1], NULL, 0);
    }
    if (processes < 2 || processes > 16) processes = 6;
    kill_board *board = kill_board_create();
    kill_remove_files();
    kill_campaign(board, (unsigned)processes, seconds * 1000, seed);
    printf("%llu commits, %llu reads, %llu reads without write permission, %llu opens, %llu "
           "checkpoints, "
           "%llu failures\n",
           (unsigned long long)board->commits, (unsigned long long)board->reads,
           (unsigned long long)board->guarded_reads, (unsigned long long)board->opens,
           (unsigned long long)board->checkpoints, (unsigned long long)board->failures);
    if (board->failures != 0) printf("%s\n", board->first_failure);
    return board->failures != 0;
}
