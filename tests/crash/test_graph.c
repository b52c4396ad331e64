/* test_graph.c — a sample of power cuts under a graph; crash_sweep runs as many as wanted. */
#include "support/unit.h"

#include "graph_cut.h"

static void sample(sombra_durability durability, unsigned cuts, uint64_t fallback_seed)
{
    sb_random random = test_random(fallback_seed);
    uint8_t digests[GRAPH_CUT_STEPS + 1][16];
    graph_cut_case c = {.seed = random.state, .durability = durability};
    uint64_t events = 0, ignored = 0;
    sb_err err;

    sb_err_clear(&err);
    if (graph_cut_try(&c, digests, &events, &err) != SB_OK) fail_msg("no cut: %s", err.text);
    for (unsigned i = 0; i < cuts; i++) {
        c.cut = 1 + sb_random_below(&random, events);
        c.mode = (sb_crash_mode)sb_random_below(&random, 3);
        c.outcome_seed = sb_random_next(&random);
        if (graph_cut_try(&c, digests, &ignored, &err) != SB_OK)
            fail_msg("seed %llu, cut %llu, mode %d, outcome %llu: %s", (unsigned long long)c.seed,
                     (unsigned long long)c.cut, (int)c.mode, (unsigned long long)c.outcome_seed,
                     err.text);
    }
}

static void test_graph_cut__full(void **state)
{
    (void)state;
    sample(SOMBRA_DURABLE_FULL, 40, 21);
}

static void test_graph_cut__normal(void **state)
{
    (void)state;
    sample(SOMBRA_DURABLE_NORMAL, 40, 22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_graph_cut__full),
        TEST(test_graph_cut__normal),
    };
    return cmocka_run_group_tests_name("graph_cut", tests, NULL, NULL);
}
