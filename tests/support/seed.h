/* seed.h — seed and length of a random test: from SOMBRA_TEST_SEED and SOMBRA_TEST_OPS, else fixed ones; printed either way.
 * A failure is repeated by putting the printed seed into the environment. */
#ifndef TESTS_SEED_H
#define TESTS_SEED_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"

static inline sb_random test_random(uint64_t fallback)
{
    const char *text = getenv("SOMBRA_TEST_SEED");
    const uint64_t seed = text != NULL && *text != '\0' ? strtoull(text, NULL, 0) : fallback;

    printf("seed: SOMBRA_TEST_SEED=%" PRIu64 "\n", seed);
    return (sb_random){.state = seed};
}

/* How many operations each run of a model does, at least. */
static inline size_t test_operations(size_t fallback)
{
    const char *text = getenv("SOMBRA_TEST_OPS");

    return text != NULL && *text != '\0' ? (size_t)strtoull(text, NULL, 0) : fallback;
}

/* The line that tools/model adds up. */
static inline void test_operations_done(size_t count)
{
    printf("operations: %zu\n", count);
}

#endif
