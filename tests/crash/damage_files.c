/* damage_files.c — damaged files without end: damage_files [--files N] [--seed S]. Prints the first wrong answer with its seed. */
#include "damage.h"

#include "support/arguments.h"

int main(int argc, char **argv)
{
    uint64_t files = 10000, seed = 1;
    const argument options[] = {{.name = "--files", .number = &files},
                                {.name = "--seed", .number = &seed}};
    damage_campaign campaign;
    damage_tally tally = {0};

    arguments_read(argc, argv, options, sizeof options / sizeof options[0]);
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
