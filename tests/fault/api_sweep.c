/* api_sweep.c — the whole fault sweep of sombra.h: api_sweep [--scenario NAME] [--stride N] [--seed S].
 * Without arguments every allocation and every call to the file system of every scenario fails in each way, with the
 * database opened in each way. Prints each scenario's figures, and the first failures. */
#include "api_sweep.h"

#include "support/arguments.h"

int main(int argc, char **argv)
{
    const char *only = NULL;
    uint64_t stride = 1;
    sb_random random = {.state = 1};
    const argument options[] = {{.name = "--scenario", .word = &only},
                                {.name = "--stride", .number = &stride},
                                {.name = "--seed", .number = &random.state}};
    sweep_counts counts = {0};
    sweep_base base;

    arguments_read(argc, argv, options, sizeof options / sizeof options[0]);
    if (stride == 0 || sweep_prepare(&base) != SOMBRA_OK) return 2;
    for (size_t i = 0; i < SWEEP_WAYS; i++)
        sweep_all(&sweep_ways[i], only, &base, &random, stride, &counts);
    sweep_free(&base);
    printf("%llu faults, %llu told, %llu failures\n", (unsigned long long)counts.runs,
           (unsigned long long)counts.seen, (unsigned long long)counts.failures);
    return counts.failures != 0 || counts.runs == 0;
}
