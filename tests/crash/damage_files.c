/* damage_files.c — damaged files without end: damage_files [--files N] [--seed S]. Prints the first wrong answer with its seed. */
#include "damage.h"

int main(int argc, char **argv)
{
    uint64_t files = 10000, seed = 1;
    damage_campaign campaign;
    damage_tally tally = {0};

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--files") == 0)
            files = strtoull(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 0);
    }
    damage_begin(&campaign);
    for (uint64_t i = 0; i < files && tally.wrong == 0; i++) {
        if (getenv("DAMAGE_TRACE") != NULL)
            (void)fprintf(stderr, "seed %llu\n", (unsigned long long)(seed + i));
        damage_try(&campaign, seed + i, &tally);
    }
    damage_end(&campaign);
    if (tally.wrong != 0) printf("%s\n", tally.first_wrong);
    damage_print(&tally);
    return tally.wrong != 0;
}
