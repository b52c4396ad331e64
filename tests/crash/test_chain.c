/* test_chain.c — a few seconds of processes that work on one graph and are killed; kill_loop goes on for as long as wanted. */
#include "support/unit.h"

#include "graph_kill.h"

static void sample(sombra_durability durability, uint64_t seed)
{
    sb_random random = test_random(seed);
    chain_board *board = chain_board_create();
    chain_campaign(board, &(chain_settings){.durability = durability,
                                            .milliseconds = 2500,
                                            .seed = random.state,
                                            .gap_ms = 60,
                                            .life = 60,
                                            .autocheckpoint = 200});
    chain_print(board);
    if (board->failures != 0) fail_msg("%s", board->first_failure);
    assert_true(chain_audited(board) > 10 && board->snapshots > 10 && board->kills > 10);
}

static void test_chain__full(void **state)
{
    (void)state;
    sample(SOMBRA_DURABLE_FULL, 41);
}
static void test_chain__normal(void **state)
{
    (void)state;
    sample(SOMBRA_DURABLE_NORMAL, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_chain__full), TEST(test_chain__normal)};
    return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
