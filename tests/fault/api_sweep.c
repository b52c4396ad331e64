/* api_sweep.c — the whole fault sweep of sombra.h: api_sweep [--scenario NAME] [--stride N] [--seed S].
 * Without arguments every allocation and every call to the file system of every scenario fails in each way, with the
 * database opened in each way. Prints each scenario's figures, and the first failures. */
#include "api_sweep.h"

int main(int argc, char **argv)
{
    const char *only = NULL;
    uint64_t stride = 1;
    sb_random random = {.state = 1};
    sweep_counts counts = {0};
    sweep_base base;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--scenario") == 0) only = argv[i + 1];
        if (strcmp(argv[i], "--stride") == 0) stride = strtoull(argv[i + 1], NULL, 0);
        if (strcmp(argv[i], "--seed") == 0) random.state = strtoull(argv[i + 1], NULL, 0);
    }
    if (stride == 0 || sweep_prepare(&base) != SOMBRA_OK) return 2;
    for (size_t i = 0; i < SWEEP_WAYS; i++)
        sweep_all(&sweep_ways[i], only, &base, &random, stride, &counts);
    sweep_free(&base);
    printf("%llu faults, %llu told, %llu failures\n", (unsigned long long)counts.runs,
           (unsigned long long)counts.seen, (unsigned long long)counts.failures);
    return counts.failures != 0 || counts.runs == 0;
}
