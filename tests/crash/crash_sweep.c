/* crash_sweep.c — power cuts without end: crash_sweep [--cuts N] [--seed S] [--garbage]
 * Goes through workloads of rising seeds, and in each through its events in steps, in each durability and
 * each way of losing writes. Prints the first failure with what is needed to repeat it. */
#include "pager_cut.h"

int main(int argc, char **argv)
{
    uint64_t cuts = 1000, seed = 1, done = 0, failed = 0;
    unsigned modes = 3; /* garbage in a sector breaks what docs/FORMAT.md assumes: on request */
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--cuts") == 0 && i + 1 < argc)
            cuts = strtoull(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--garbage") == 0)
            modes = 4;
    }
    for (; done < cuts; seed++) {
        for (unsigned durability = 0; durability < 2 && done < cuts; durability++) {
            cut_case c = {.seed = seed, .durability = (sb_durability)durability};
            sb_err err;
            uint64_t events = 0, ignored = 0;
            sb_err_clear(&err);
            sb_status st = cut_run(&c, &events, &err);
            for (uint64_t cut = 1; cut <= events && done < cuts; cut++) {
                if (st != SB_OK) break;
                c.cut = cut;
                c.mode = (sb_crash_mode)((cut + seed) % modes);
                c.outcome_seed = sb_hash_u64(seed << 32 | cut);
                st = cut_run(&c, &ignored, &err);
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
