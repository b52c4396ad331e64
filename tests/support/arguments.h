/* arguments.h — the options of campaigns that are run by hand. What is no option of theirs is refused: a campaign that was not the one
 * asked for looks like a success. */
#ifndef TESTS_ARGUMENTS_H
#define TESTS_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One of the three is set, and says what the option takes: a number, a word, or nothing. */
typedef struct argument {
    const char *name;
    uint64_t *number;
    const char **word;
    bool *flag;
} argument;

static inline bool argument_take(const argument *option, const char *value)
{
    char *end = NULL;

    if (option->flag != NULL) return *option->flag = true;
    if (value == NULL || *value == '\0') return false;
    if (option->word != NULL) {
        *option->word = value;
        return true;
    }
    *option->number = strtoull(value, &end, 0);
    return *end == '\0' && *value >= '0' && *value <= '9';
}

/* The seed is printed, given or not, so that any run can be made again. */
static inline void argument_print_seed(const argument *options, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(options[i].name, "--seed") == 0)
            printf("seed %llu\n", (unsigned long long)*options[i].number);
    (void)fflush(stdout);
}

/* Ends the program with 2 and the usage when an argument is unknown, lacks its value, or has one that is no number. */
static inline void arguments_read(int argc, char **argv, const argument *options, size_t count)
{
    for (int i = 1; i < argc; i++) {
        size_t at = 0;
        while (at < count && strcmp(options[at].name, argv[i]) != 0)
            at++;
        const bool taken =
            at < count && argument_take(&options[at], i + 1 < argc ? argv[i + 1] : NULL);
        if (taken) {
            i += options[at].flag == NULL;
            continue;
        }
        (void)fprintf(stderr,
                      at < count ? "%s: %s lacks its value, or has a wrong one\nusage: %s"
                                 : "%s: there is no option %s\nusage: %s",
                      argv[0], argv[i], argv[0]);
        for (at = 0; at < count; at++)
            (void)fprintf(stderr, " [%s%s]", options[at].name,
                          options[at].flag != NULL   ? ""
                          : options[at].word != NULL ? " NAME"
                                                     : " N");
        (void)fprintf(stderr, "\n");
        exit(2);
    }
    argument_print_seed(options, count);
}

#endif
