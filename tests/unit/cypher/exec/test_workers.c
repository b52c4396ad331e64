/* Goal: jobs run once for each time they are submitted, on no more threads than asked for; a withdrawn job never runs, or has run; sessions are
 * used again; without memory for a thread the caller is told. Method: counting jobs, jobs that block on purpose, each allocation failing. */
#include <stdatomic.h>

#include "support/graph_fixture.h"

#include "cypher/exec/workers.h"

typedef struct counter {
    _Atomic unsigned runs;
    sb_event *gate; /* waited for; NULL: none */
    sb_event begun;
} counter;

static void count_run(void *ctx)
{
    counter *c = ctx;

    if (c->gate != NULL) {
        sb_event_set(&c->begun);
        sb_event_wait(c->gate);
    }
    atomic_fetch_add(&c->runs, 1);
}

static sb_workers *make(graph_fixture *f)
{
    sb_workers *workers;

    OK(f, sb_workers_create(f->pager, &workers, &f->err));
    return workers;
}

static void test_cypher_exec_workers__jobs(void **state)
{
    enum { JOBS = 20, ROUNDS = 50 };
    graph_fixture f;
    counter counters[JOBS] = {0};
    sb_worker_job jobs[JOBS] = {0};
    (void)state;

    graph_fixture_open(&f, 4096);
    sb_workers *workers = make(&f);
    assert_int_equal(sb_workers_count(workers).threads, 0);
    for (int i = 0; i < JOBS; i++)
        jobs[i] = (sb_worker_job){.run = count_run, .ctx = &counters[i]};
    for (int round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < JOBS; i++)
            assert_true(sb_workers_submit(workers, 3, &jobs[i]));
        for (int i = 0; i < JOBS; i++)
            while (!sb_workers_is_idle(workers, &jobs[i]))
                sb_os_spin_pause();
        for (int i = 0; i < JOBS; i++)
            assert_int_equal(atomic_load(&counters[i].runs), round);
    }
    assert_in_range(sb_workers_count(workers).threads, 1, 3);
    sb_workers_destroy(workers);
    sb_workers_destroy(NULL);
    graph_fixture_close(&f);
}

static void test_cypher_exec_workers__withdraw(void **state)
{
    graph_fixture f;
    sb_event gate;
    counter blocked = {.gate = &gate}, waiting[3] = {0};
    sb_worker_job first = {.run = count_run, .ctx = &blocked}, others[3] = {0};
    (void)state;

    graph_fixture_open(&f, 4096);
    sb_workers *workers = make(&f);
    sb_event_init(&gate);
    sb_event_init(&blocked.begun);
    assert_true(sb_workers_submit(workers, 1, &first));
    sb_event_wait(&blocked.begun);
    for (int i = 0; i < 3; i++) {
        others[i] = (sb_worker_job){.run = count_run, .ctx = &waiting[i]};
        assert_true(sb_workers_submit(workers, 1, &others[i]));
    }
    sb_workers_withdraw(workers, &others[1]); /* from the middle, the end and the beginning */
    sb_workers_withdraw(workers, &others[2]);
    sb_workers_withdraw(workers, &others[0]);
    sb_workers_withdraw(workers, &others[0]); /* idle */
    assert_true(sb_workers_submit(workers, 1, &others[1]));
    sb_event_set(&gate);
    sb_workers_withdraw(workers, &first); /* runs: waited for */
    assert_int_equal(atomic_load(&blocked.runs), 1);
    while (!sb_workers_is_idle(workers, &others[1]))
        sb_os_spin_pause();
    assert_int_equal(atomic_load(&waiting[0].runs), 0);
    assert_int_equal(atomic_load(&waiting[1].runs), 1);
    assert_int_equal(atomic_load(&waiting[2].runs), 0);
    assert_int_equal(sb_workers_count(workers).threads, 1);
    sb_workers_destroy(workers);
    graph_fixture_close(&f);
}

static void test_cypher_exec_workers__sessions(void **state)
{
    enum { MANY = 20 };
    graph_fixture f;
    sb_session *sessions[MANY];
    (void)state;

    graph_fixture_open(&f, 4096);
    sb_workers *workers = make(&f);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++)
            OK(&f, sb_workers_session(workers, &sessions[i], &f.err));
        assert_int_equal(sb_workers_count(workers).sessions, MANY);
        assert_int_equal(sb_workers_count(workers).idle_sessions, 0);
        for (int i = 0; i < MANY; i++)
            sb_workers_give_back(workers, sessions[i]);
        sb_workers_give_back(workers, NULL);
        assert_int_equal(sb_workers_count(workers).idle_sessions, MANY);
    }
    sb_workers_destroy(workers);
    graph_fixture_close(&f);
}

static void test_cypher_exec_workers__no_memory(void **state)
{
    graph_fixture f;
    counter c = {0};
    (void)state;

    graph_fixture_open(&f, 4096);
    for (size_t n = 1;; n++) {
        sb_workers *workers = NULL;
        sb_session *session = NULL;
        sb_worker_job job = {.run = count_run, .ctx = &c};
        const unsigned before = atomic_load(&c.runs);
        bool submitted = false;

        atomic_store(&f.alloc.fail_at, atomic_load(&f.alloc.alloc_count) + n);
        sb_status status = sb_workers_create(f.pager, &workers, &f.err);
        if (status == SB_OK) submitted = sb_workers_submit(workers, 1, &job);
        if (status == SB_OK) status = sb_workers_session(workers, &session, &f.err);
        const bool reached = atomic_load(&f.alloc.fail_at) <= atomic_load(&f.alloc.alloc_count);
        atomic_store(&f.alloc.fail_at, 0);
        if (reached) assert_true(status == SB_NOMEM || (status == SB_OK && !submitted));
        if (workers != NULL) {
            sb_workers_withdraw(workers, &job);
            assert_true(atomic_load(&c.runs) == before || submitted);
            if (!reached) assert_true(submitted);
            assert_int_equal(sb_workers_count(workers).sessions, session != NULL);
            sb_workers_give_back(workers, session);
        }
        sb_workers_destroy(workers);
        sb_err_clear(&f.err);
        if (!reached) break;
    }
    graph_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cypher_exec_workers__jobs),
        cmocka_unit_test(test_cypher_exec_workers__withdraw),
        cmocka_unit_test(test_cypher_exec_workers__sessions),
        cmocka_unit_test(test_cypher_exec_workers__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
