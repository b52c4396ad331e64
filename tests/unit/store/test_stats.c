/* test_stats.c — statistics against a plain array, through random changes, savepoints, rollbacks, commits and reopening;
 * and what they cost: rows touched, memory bounded in a large transaction, running out of memory in a call without a
 * result. */
#include "store_fixture.h"

enum { SETS = 70, TYPES = 150 };

typedef struct model {
    int64_t nodes[SETS];
    int64_t rels[2][SETS][TYPES + 1];
} model;

static void make_names(store_fixture *f)
{
    char name[16];
    sb_set_id set;

    for (uint32_t i = 1; i < SETS; i++) {
        (void)snprintf(name, sizeof name, "L%u", i);
        const sb_label_id labels[] = {intern(f, SB_NAME_LABEL, name), i};
        OK(f, sb_set_intern(f->view, labels, 1, &set, &f->err));
        assert_int_equal(set, i);
    }
    for (uint32_t i = 1; i <= TYPES; i++) {
        (void)snprintf(name, sizeof name, "T%u", i);
        (void)intern(f, SB_NAME_TYPE, name);
    }
}

static void check_model(store_fixture *f, const model *m)
{
    uint64_t count;
    int64_t all_nodes = 0, all_rels = 0;

    for (sb_set_id set = 0; set < SETS; set++) {
        OK(f, sb_stats_nodes_of_set(f->view, set, &count, &f->err));
        assert_int_equal(count, m->nodes[set]);
        all_nodes += m->nodes[set];
        if (set != 0) {
            OK(f,
               sb_stats_nodes_of_label(f->view, set, &count, &f->err)); /* set i is label i alone */
            assert_int_equal(count, m->nodes[set]);
        }
        for (unsigned direction = 0; direction < 2; direction++) {
            const sb_type_id *types;
            size_t type_count, next = 0;
            OK(f, sb_stats_types_at(f->view, set, (sb_direction)direction, &types, &type_count,
                                    &f->err));
            for (sb_type_id type = 1; type <= TYPES; type++) {
                if (m->rels[direction][set][type] == 0) continue;
                assert_true(next < type_count);
                assert_int_equal(types[next++], type);
            }
            assert_int_equal(next, type_count);
        }
    }
    for (sb_type_id type = 1; type <= TYPES; type++) {
        int64_t of_type = 0;
        for (sb_set_id set = 0; set < SETS; set++) {
            of_type += m->rels[SB_OUT][set][type];
            OK(f, sb_stats_rels_of(f->view, set, type, SB_OUT, &count, &f->err));
            assert_int_equal(count, m->rels[SB_OUT][set][type]);
            OK(f, sb_stats_rels_of(f->view, set, type, SB_IN, &count, &f->err));
            assert_int_equal(count, m->rels[SB_IN][set][type]);
        }
        OK(f, sb_stats_rels_of_type(f->view, type, &count, &f->err));
        assert_int_equal(count, of_type);
        all_rels += of_type;
    }
    OK(f, sb_stats_nodes_of_label(f->view, 0, &count, &f->err));
    assert_int_equal(count, all_nodes);
    OK(f, sb_stats_rels_of_type(f->view, 0, &count, &f->err));
    assert_int_equal(count, all_rels);
}

/* One random change of both. */
static void change(store_fixture *f, model *m, sb_random *random)
{
    const sb_set_id source = (sb_set_id)sb_random_below(random, SETS),
                    target = (sb_set_id)sb_random_below(random, SETS);
    const sb_type_id type = 1 + (sb_type_id)sb_random_below(random, TYPES);
    const int64_t more = (int64_t)sb_random_below(random, 1000);

    if (sb_random_below(random, 3) == 0) {
        const int64_t delta = sb_random_below(random, 3) == 0 ? -m->nodes[source] : more;
        m->nodes[source] += delta;
        sb_stats_add_nodes(f->view, source, delta);
        return;
    }
    /* Taking away: what is there at both ends, so that sums stay those of a graph. */
    int64_t delta = more;
    if (sb_random_below(random, 2) == 0) {
        const int64_t out = m->rels[SB_OUT][source][type], in = m->rels[SB_IN][target][type];
        delta = -(out < in ? out : in);
    }
    m->rels[SB_OUT][source][type] += delta;
    m->rels[SB_IN][target][type] += delta;
    sb_stats_add_rels(f->view, source, type, SB_OUT, delta);
    sb_stats_add_rels(f->view, target, type, SB_IN, delta);
}

static void test_store_stats__model(void **state)
{
    store_fixture f;
    sb_random random = test_random(20261122);
    model *committed = calloc(1, sizeof *committed), *now = calloc(1, sizeof *now),
          *saved = calloc(2, sizeof *saved);
    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    make_names(&f);
    commit(&f);
    for (unsigned round = 0; round < 60; round++) {
        uint32_t savepoints[2];
        unsigned open = 0;
        begin_write(&f);
        *now = *committed;
        for (unsigned step = 0; step < 40; step++) {
            const uint64_t dice = sb_random_below(&random, 20);
            if (dice == 0 && open < 2) {
                OK(&f, sb_txn_savepoint(f.txn, &savepoints[open], &f.err));
                saved[open++] = *now;
            } else if (dice == 1 && open > 0) {
                open = 1 + (unsigned)sb_random_below(&random, open); /* to either of two */
                OK(&f, sb_txn_rollback_to(f.txn, savepoints[open - 1], &f.err));
                *now = saved[open - 1];
                check_model(&f, now);
            } else if (dice == 2 && open > 0) {
                OK(&f, sb_txn_release(f.txn, savepoints[--open], &f.err));
            } else if (dice == 3) {
                uint64_t findings = verify(&f); /* writes the statistics out in the middle */
                assert_int_equal(findings, 0);
                if (sb_random_below(&random, 2) == 0)
                    check_model(&f, now); /* reads what was just written */
            } else if (dice == 4) {
                check_model(&f, now);
            } else {
                change(&f, now, &random);
            }
        }
        if (sb_random_below(&random, 4) == 0) {
            rollback(&f);
        } else {
            commit(&f);
            *committed = *now;
        }
        if (sb_random_below(&random, 10) == 0) reopen(&f);
        begin_read(&f);
        check_model(&f, committed);
        check_model(&f, committed); /* from what was read */
        assert_int_equal(verify(&f), 0);
        rollback(&f);
    }
    fixture_close(&f);
    free(committed);
    free(now);
    free(saved);
}

/* Rolling back over a write in the middle: first to the inner savepoint, then to the outer one, which must still know what
 * was pending when it was made. */
static void test_store_stats__rollback_over_a_flush_twice(void **state)
{
    store_fixture f;
    uint32_t outer, inner;
    uint64_t count;
    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    make_names(&f);
    sb_stats_add_nodes(f.view, 3, 5);
    OK(&f, sb_txn_savepoint(f.txn, &outer, &f.err));
    OK(&f, sb_txn_savepoint(f.txn, &inner, &f.err));
    sb_stats_add_nodes(f.view, 4, 7);
    assert_int_equal(verify(&f), 0); /* writes out */
    OK(&f, sb_stats_nodes_of_set(f.view, 3, &count, &f.err));
    assert_int_equal(count, 5);
    OK(&f, sb_txn_rollback_to(f.txn, inner, &f.err));
    OK(&f, sb_stats_nodes_of_set(f.view, 3, &count, &f.err));
    assert_int_equal(count, 5);
    OK(&f, sb_txn_rollback_to(f.txn, outer, &f.err));
    OK(&f, sb_stats_nodes_of_set(f.view, 3, &count, &f.err));
    assert_int_equal(count, 5);
    OK(&f, sb_stats_nodes_of_set(f.view, 4, &count, &f.err));
    assert_int_equal(count, 0);
    commit(&f);
    begin_read(&f);
    OK(&f, sb_stats_nodes_of_label(f.view, 0, &count, &f.err));
    assert_int_equal(count, 5);
    rollback(&f);
    fixture_close(&f);
}

static void test_store_stats__two_sessions(void **state)
{
    store_fixture f;
    sb_session *other;
    sb_txn *read;
    sb_view *view;
    uint64_t count;
    (void)state;
    fixture_open(&f, 4096);
    OK(&f, sb_session_open(f.pager, &other, &f.err));
    for (uint64_t round = 0; round < 3; round++) {
        begin_write(&f);
        sb_stats_add_nodes(f.view, 0, 1);
        commit(&f);
        OK(&f, sb_txn_begin_read(other, &read, &f.err));
        OK(&f, sb_view_get(read, &view, &f.err));
        begin_write(&f);
        sb_stats_add_nodes(f.view, 0, 1);
        commit(&f);
        OK(&f, sb_stats_nodes_of_label(view, 0, &count, &f.err));
        assert_int_equal(count, 2 * round + 1); /* the older state, as long as it is open */
        sb_txn_rollback(read);
        OK(&f, sb_txn_begin_read(other, &read, &f.err));
        OK(&f, sb_view_get(read, &view, &f.err));
        OK(&f, sb_stats_nodes_of_label(view, 0, &count, &f.err));
        assert_int_equal(count, 2 * round + 2);
        sb_txn_rollback(read);
    }
    sb_session_close(other);
    fixture_close(&f);
}

/* ---- Large transactions ---------------------------------------------------------------------------------------- */

static sb_status count_visit(void *ctx, int kind, sb_set_id set, sb_type_id type,
                             sb_direction direction, uint64_t count)
{
    uint64_t *sums = ctx;
    (void)set;
    (void)type;
    sums[kind == 0 ? 0 : 1 + (unsigned)direction] += count;
    return SB_OK;
}

static void test_store_stats__large_transactions_are_bounded(void **state)
{
    enum { MANY = 1000 };
    store_fixture f;
    char name[16];
    uint32_t savepoint;
    uint64_t sums[3] = {0};
    sb_node_id id;
    (void)state;
    fixture_open(&f, 8192);
    begin_write(&f);
    for (uint32_t i = 1; i <= MANY; i++) {
        (void)snprintf(name, sizeof name, "T%u", i);
        (void)intern(&f, SB_NAME_TYPE, name);
        sb_set_id set;
        const sb_label_id label = intern(&f, SB_NAME_LABEL, name);
        OK(&f, sb_set_intern(f.view, &label, 1, &set, &f.err));
    }
    commit(&f);
    begin_write(&f);
    sb_stats_add_rels(f.view, 1, 1, SB_OUT, 7);
    sb_stats_add_rels(f.view, 1, 1, SB_IN, 7);
    OK(&f, sb_txn_savepoint(f.txn, &savepoint, &f.err));
    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t set = 1; set <= MANY; set++) {
            for (uint32_t type = 1; type <= MANY / 4; type++) {
                sb_stats_add_rels(f.view, set, type, SB_OUT, 1);
                sb_stats_add_rels(f.view, set, type, SB_IN, 1);
            }
            OK(&f, sb_ids_take_nodes(f.view, set, 1, &id,
                                     &f.err)); /* a call that can fail: may write out */
        }
        if (round == 0) OK(&f, sb_txn_rollback_to(f.txn, savepoint, &f.err));
        if (round == 0) {
            uint64_t count;
            OK(&f, sb_stats_rels_of_type(f.view, 0, &count, &f.err));
            assert_int_equal(count, 7);
            OK(&f, sb_stats_rels_of(f.view, 1, 1, SB_IN, &count, &f.err));
            assert_int_equal(count, 7);
            OK(&f, sb_txn_release(f.txn, savepoint, &f.err));
        }
    }
    assert_true(f.alloc.live_bytes < 100u << 20);
    commit(&f);
    begin_read(&f);
    OK(&f, sb_stats_each(f.view, count_visit, sums, &f.err));
    assert_int_equal(sums[0], 0);
    assert_int_equal(sums[1], MANY * MANY / 4 + 7);
    assert_int_equal(sums[2], MANY * MANY / 4 + 7);
    assert_int_equal(verify(&f), 0);
    rollback(&f);
    fixture_close(&f);
}

/* Many statements inside one savepoint: the log holds each key once. */
static void test_store_stats__released_savepoints_do_not_add_up(void **state)
{
    store_fixture f;
    uint32_t outer, inner;
    uint64_t count;
    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    make_names(&f);
    OK(&f, sb_txn_savepoint(f.txn, &outer, &f.err));
    size_t early = 0;
    for (unsigned i = 0; i < 50000; i++) {
        OK(&f, sb_txn_savepoint(f.txn, &inner, &f.err));
        sb_stats_add_rels(f.view, i % SETS, 1 + i % TYPES, SB_OUT, 1);
        OK(&f, sb_txn_release(f.txn, inner, &f.err));
        if (i == 20000) early = f.alloc.live_bytes;
    }
    assert_true(f.alloc.live_bytes <= early);
    OK(&f, sb_txn_rollback_to(f.txn, outer, &f.err));
    OK(&f, sb_stats_rels_of_type(f.view, 0, &count, &f.err));
    assert_int_equal(count, 0);
    commit(&f);
    fixture_close(&f);
}

/* ---- Failures -------------------------------------------------------------------------------------------------------- */

static void test_store_stats__out_of_memory_without_a_result(void **state)
{
    store_fixture f;
    uint32_t savepoint, id;
    uint64_t count;
    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    make_names(&f);
    sb_stats_add_nodes(f.view, 1, 5);
    OK(&f, sb_txn_savepoint(f.txn, &savepoint, &f.err));
    f.alloc.fail_at = f.alloc.alloc_count + 1;
    f.alloc.fail_persistent = true;
    for (sb_set_id set = 2; set < SETS; set++) {
        sb_stats_add_nodes(f.view, set, 1);
    }
    f.alloc.fail_at = 0;
    f.alloc.fail_persistent = false;
    FAILS(&f, sb_name_intern(f.view, SB_NAME_LABEL, text("new"), &id, &f.err), SB_NOMEM);
    OK(&f, sb_txn_rollback_to(f.txn, savepoint, &f.err));
    OK(&f, sb_stats_nodes_of_label(f.view, 0, &count, &f.err));
    assert_int_equal(count, 5);
    assert_int_equal(intern(&f, SB_NAME_LABEL, "new"), SETS);
    commit(&f);

    begin_write(&f);
    f.alloc.fail_at = f.alloc.alloc_count + 1;
    f.alloc.fail_persistent = true;
    for (sb_set_id set = 0; set < SETS; set++) {
        for (sb_type_id type = 1; type <= TYPES; type++)
            sb_stats_add_rels(f.view, set, type, SB_OUT, 1);
    }
    f.alloc.fail_at = 0;
    f.alloc.fail_persistent = false;
    FAILS(&f, sb_txn_commit(f.txn, &f.err), SB_NOMEM);
    begin_read(&f);
    OK(&f, sb_stats_rels_of_type(f.view, 0, &count, &f.err));
    assert_int_equal(count, 0);
    assert_int_equal(verify(&f), 0);
    rollback(&f);
    fixture_close(&f);
}

static void test_store_stats__below_zero_is_refused(void **state)
{
    store_fixture f;
    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    sb_stats_add_nodes(f.view, 0, 1);
    commit(&f);
    begin_write(&f);
    sb_stats_add_nodes(f.view, 0, -2);
    FAILS(&f, sb_txn_commit(f.txn, &f.err), SB_CORRUPT);
    fixture_close(&f);
}

/* Back to a savepoint that is older than the store's first use in the transaction: what it counted since is gone. */
static void test_store_stats__savepoint_before_the_store(void **state)
{
    store_fixture f;
    uint64_t count;
    uint32_t savepoint;

    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    sb_stats_add_nodes(f.view, 0, 3);
    commit(&f);
    OK(&f, sb_txn_begin_write(f.session, &f.txn, &f.err));
    OK(&f, sb_txn_savepoint(f.txn, &savepoint, &f.err));
    OK(&f, sb_view_get(f.txn, &f.view, &f.err));
    OK(&f, sb_view_found(f.view, &f.err));
    sb_stats_add_nodes(f.view, 0, 5);
    OK(&f, sb_txn_rollback_to(f.txn, savepoint, &f.err));
    OK(&f, sb_stats_nodes_of_set(f.view, 0, &count, &f.err));
    assert_int_equal(count, 3);
    sb_stats_add_nodes(f.view, 0, 1);
    commit(&f);
    begin_read(&f);
    OK(&f, sb_stats_nodes_of_set(f.view, 0, &count, &f.err));
    assert_int_equal(count, 4);
    rollback(&f);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_stats__model),
        TEST(test_store_stats__rollback_over_a_flush_twice),
        TEST(test_store_stats__two_sessions),
        TEST(test_store_stats__large_transactions_are_bounded),
        TEST(test_store_stats__released_savepoints_do_not_add_up),
        TEST(test_store_stats__out_of_memory_without_a_result),
        TEST(test_store_stats__below_zero_is_refused),
        TEST(test_store_stats__savepoint_before_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
