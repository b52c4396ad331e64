/* kill_loop.c — processes killed without end: kill_loop [--seconds N] [--seed S]
 * Half of the time on pages (support/pager_kill.h), half on a graph (graph_kill.h), each two thirds of that with kills that follow one another closely, so
 * that opening and recovery are struck, and a third with rare ones, so that there are many commits between them; the graph in each durability.
 * Works in the directory that it is started in, on the files k and chain.sombra. Ends at the first failure; the last line is the sum. */
#include "graph_kill.h"
#include "support/arguments.h"
#include "support/pager_kill.h"

typedef struct audit {
    uint64_t commits, failures;
} audit;

static void on_pages(audit *sum, uint64_t milliseconds, uint64_t seed)
{
    static const kill_settings rounds[] = {
        {.processes = 6,
         .gap_ms = 40,
         .life = 60,
         .checkpoint_in = 10,
         .autocheckpoint_pages = 100},
        {.processes = 4,
         .gap_ms = 600,
         .life = 6000,
         .checkpoint_in = 200,
         .autocheckpoint_pages = 4000},
    };

    for (size_t i = 0; i < 2 && sum->failures == 0; i++) {
        kill_board *board = kill_board_create();
        kill_settings settings = rounds[i];
        settings.milliseconds = milliseconds * (2 - i) / 3;
        settings.seed = seed + i;
        printf("pages, kills within %u ms: ", settings.gap_ms);
        (void)fflush(stdout);
        kill_campaign(board, &settings);
        kill_print(board);
        sum->commits += kill_audited(board);
        sum->failures += board->failures;
    }
}

static void on_graph(audit *sum, uint64_t milliseconds, uint64_t seed)
{
    static const char *const names[] = {"full", "normal", "off"};
    static const sombra_durability durabilities[] = {SOMBRA_DURABLE_FULL, SOMBRA_DURABLE_NORMAL,
                                                     SOMBRA_DURABLE_OFF};

    for (uint64_t i = 0; i < 6 && sum->failures == 0; i++) {
        const bool rare = i >= 3;
        chain_board *board = chain_board_create();
        printf("graph, durability %s, kills within %u ms: ", names[i % 3], rare ? 600u : 60u);
        (void)fflush(stdout);
        chain_campaign(board, &(chain_settings){.durability = durabilities[i % 3],
                                                .milliseconds = milliseconds * (rare ? 1 : 2) / 9,
                                                .seed = seed + i,
                                                .gap_ms = rare ? 600 : 60,
                                                .life = rare ? 6000 : 60,
                                                .autocheckpoint = rare ? 4000 : 200});
        chain_print(board);
        sum->commits += chain_audited(board);
        sum->failures += board->failures;
    }
}

int main(int argc, char **argv)
{
    uint64_t seconds = 60, seed = 1;
    const argument options[] = {{.name = "--seconds", .number = &seconds},
                                {.name = "--seed", .number = &seed}};
    audit sum = {0};

    arguments_read(argc, argv, options, sizeof options / sizeof options[0]);
    on_pages(&sum, seconds * 500, seed);
    on_graph(&sum, seconds * 500, seed);
    if (sum.failures == 0) { /* else they are there to be looked at */
        chain_remove("k");
        chain_remove(CHAIN_PATH);
    }
    printf("%llu commits audited, %llu failures\n", (unsigned long long)sum.commits,
           (unsigned long long)sum.failures);
    return sum.failures != 0;
}
