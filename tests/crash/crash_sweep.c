/* crash_sweep.c — power cuts without end: crash_sweep [--cuts N] [--seed S] [--garbage] [--graph]
 * Goes through workloads of rising seeds, and in each through its events, in each durability and
 * each way of losing writes. Prints the first failures with what is needed to repeat them. The workloads are the pager's, --graph:
 * statements on a graph. */
#include "graph_cut.h"
#include "pager_cut.h"
#include "support/arguments.h"

/* One cut of a workload, or the workload without one (cut 0), which says how many events it has. */
typedef struct sweep_case {
    bool graph;
    uint64_t seed, cut, outcome_seed;
    sb_crash_mode mode;
    unsigned durability;
} sweep_case;

static sb_status sweep_try(const sweep_case *s, uint64_t *events, sb_err *err)
{
    static uint8_t digests[GRAPH_CUT_STEPS + 1][16]; /* of the run without a cut */
    const graph_cut_case graph = {s->seed, s->cut, s->mode, (sombra_durability)s->durability,
                                  s->outcome_seed};
    const cut_case pager = {s->seed, s->cut, s->mode, (sb_durability)s->durability,
                            s->outcome_seed};

    return s->graph ? graph_cut_try(&graph, digests, events, err) : cut_run(&pager, events, err);
}

int main(int argc, char **argv)
{
    uint64_t cuts = 1000, seed = 1, done = 0, failed = 0;
    bool graph = false, garbage = false;
    const argument options[] = {{.name = "--cuts", .number = &cuts},
                                {.name = "--seed", .number = &seed},
                                {.name = "--garbage", .flag = &garbage},
                                {.name = "--graph", .flag = &graph}};

    arguments_read(argc, argv, options, sizeof options / sizeof options[0]);
    /* Garbage in a sector breaks what docs/FORMAT.md assumes: on request. */
    const unsigned modes = garbage ? 4 : 3;
    for (; done < cuts; seed++) {
        for (unsigned level = 0; level < 3 && done < cuts; level++) {
            const unsigned durability = level < 2 ? level : CUT_CHANGES;
            sweep_case c = {.graph = graph, .seed = seed, .durability = durability};
            sb_err err;
            uint64_t events = 0, ignored = 0;
            sb_err_clear(&err);
            sb_status st = sweep_try(&c, &events, &err);
            for (uint64_t cut = 1; cut <= events && done < cuts; cut++) {
                if (st != SB_OK) break;
                c.cut = cut;
                c.mode = (sb_crash_mode)((cut + seed) % modes);
                c.outcome_seed = sb_hash_u64(seed << 32 | cut);
                st = sweep_try(&c, &ignored, &err);
                done++;
                if (st == SB_OK) continue;
                failed++;
                printf("seed %llu, cut %llu of %llu, %s, durability %u: %s\n",
                       (unsigned long long)seed, (unsigned long long)cut,
                       (unsigned long long)events, cut_mode_name(c.mode), durability, err.text);
                if (failed >= 10) return 1;
                sb_err_clear(&err);
                st = SB_OK;
            }
            if (st != SB_OK) {
                printf("seed %llu without a cut: %s\n", (unsigned long long)seed, err.text);
                return 1;
            }
        }
    }
    printf("%llu power cuts, %llu failures\n", (unsigned long long)done,
           (unsigned long long)failed);
    return failed != 0;
}
