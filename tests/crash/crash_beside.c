/* crash_beside.c — power cuts and failing syncs beside each other without end: crash_beside [--runs N] [--seed S]
 * In half of the runs a twelfth of the syncs fails. Prints the first failure with its seed, which alone may not repeat it: threads take turns. */
#include "beside_cut.h"
#include "support/arguments.h"

int main(int argc, char **argv)
{
    uint64_t runs = 100, seed = 1;
    beside_counts counts = {0};
    const argument options[] = {{.name = "--runs", .number = &runs},
                                {.name = "--seed", .number = &seed}};

    arguments_read(argc, argv, options, sizeof options / sizeof options[0]);
    for (uint64_t i = 0; i < runs; i++) {
        const uint64_t fail_one_in = i % 2 == 0 ? 0 : 12;
        sb_err err;

        sb_err_clear(&err);
        if (beside_try(seed + i, fail_one_in, &counts, &err) == SB_OK) continue;
        printf("seed %llu, %s: %s\n", (unsigned long long)(seed + i),
               fail_one_in == 0 ? "no sync fails" : "a twelfth of the syncs fails", err.text);
        return 1;
    }
    printf("%llu runs: %llu looks after a power cut, %llu times two at work, %llu failed syncs, 0 "
           "failures\n",
           (unsigned long long)runs, (unsigned long long)counts.checks,
           (unsigned long long)counts.beside, (unsigned long long)counts.failed_syncs);
    return 0;
}
