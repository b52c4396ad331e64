/* kill_loop.c — processes killed without end: kill_loop [--seconds N] [--seed S] [--processes P]
 * Half of the time on pages (support/pager_kill.h), a quarter each on a graph in durability full and normal (graph_kill.h). Works in the
 * directory that it is started in, on the files k and chain.sombra. Ends at the first failure; the last line is the sum. */
#include "graph_kill.h"
#include "support/pager_kill.h"

static void on_pages(kill_board *board, uint64_t processes, uint64_t seconds, uint64_t seed)
{
    kill_remove_files();
    kill_campaign(board, (unsigned)processes, seconds * 1000, seed);
    printf("pages: %llu commits audited, %llu reads, %llu reads without write permission, %llu "
           "opens, %llu checkpoints, %llu failures\n",
           (unsigned long long)board->commits, (unsigned long long)board->reads,
           (unsigned long long)board->guarded_reads, (unsigned long long)board->opens,
           (unsigned long long)board->checkpoints, (unsigned long long)board->failures);
    if (board->failures != 0) printf("%s\n", board->first_failure);
}

int main(int argc, char **argv)
{
    uint64_t seconds = 60, seed = 1, processes = 6, commits, failures;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0)
            seconds = strtoull(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--processes") == 0)
            processes = strtoull(argv[i + 1], NULL, 0);
    }
    if (processes < 2 || processes > 16) processes = 6;
    kill_board *pages = kill_board_create();
    on_pages(pages, processes, seconds - seconds / 2, seed);
    commits = pages->commits;
    failures = pages->failures;
    for (unsigned i = 0; i < 2 && failures == 0; i++) {
        chain_board *board = chain_board_create();
        printf("graph, durability %s: ", i == 0 ? "full" : "normal");
        (void)fflush(stdout);
        chain_campaign(board, i == 0 ? SOMBRA_DURABLE_FULL : SOMBRA_DURABLE_NORMAL, seconds * 250,
                       seed + i);
        chain_print(board);
        commits += board->commits;
        failures += board->failures;
    }
    printf("%llu commits audited, %llu failures\n", (unsigned long long)commits,
           (unsigned long long)failures);
    return failures != 0;
}
