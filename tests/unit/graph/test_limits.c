/* test_limits.c — limits of docs/LIMITS.md that are too far away to be reached by use: counters are set just below them,
 * and what comes next must be SB_LIMIT with the transaction still usable. */
#include "support/graph_fixture.h"

#include "pager/pager_priv.h"
#include "store/store_priv.h"

static void test_graph_limits__ids(void **state)
{
    graph_fixture f;
    sb_node_id nodes[4];
    sb_rel_id rels[4];
    sb_type_id type;
    (void)state;

    graph_fixture_open(&f, 8192);
    begin_write(&f);
    type = name(&f, SB_NAME_TYPE, "T");
    OK(&f, sb_graph_create_nodes(f.graph, 0, 1, NULL, 0, nodes, &f.err));
    f.view->meta.node_end =
        SB_ID_MAX - 1; /* a fresh label set takes a block of its own: two ids are left */
    {
        const sb_label_id label = name(&f, SB_NAME_LABEL, "Last");
        sb_set_id set;
        OK(&f, sb_set_intern(f.view, &label, 1, &set, &f.err));
        FAILS(&f, sb_graph_create_nodes(f.graph, set, 3, NULL, 0, nodes, &f.err), SB_LIMIT,
              "ids are used up");
        OK(&f, sb_graph_create_nodes(f.graph, set, 2, NULL, 0, nodes, &f.err));
        assert_int_equal(nodes[1], SB_ID_MAX);
    }
    f.view->meta.rel_end = SB_ID_MAX;
    {
        const sb_node_id ends[2] = {nodes[1], nodes[1]};
        FAILS(&f, sb_graph_create_rels(f.graph, type, 2, ends, ends, NULL, 0, rels, &f.err),
              SB_LIMIT, "ids are used up");
        OK(&f, sb_graph_create_rels(f.graph, type, 1, ends, ends, NULL, 0, rels, &f.err));
        assert_int_equal(rels[0], SB_ID_MAX);
    }
    commit(&f);
    graph_fixture_close(&f);
}

static void test_graph_limits__names(void **state)
{
    static const uint32_t limits[SB_NAME_KINDS] = {0xFFFFFFFDu, 0xFFFFFFu, SB_COLUMN_SET - 1};
    graph_fixture f;
    (void)state;

    graph_fixture_open(&f, 8192);
    begin_write(&f);
    for (unsigned kind = 0; kind < SB_NAME_KINDS; kind++) {
        const uint32_t real = f.view->names[kind].count;
        uint32_t id = 0;
        f.view->names[kind].count = limits[kind];
        FAILS(&f, sb_name_intern(f.view, (sb_name_kind)kind, text("one more"), &id, &f.err),
              SB_LIMIT, "one more");
        f.view->names[kind].count = real;
        OK(&f, sb_name_intern(f.view, (sb_name_kind)kind, text("one more"), &id, &f.err));
    }
    commit(&f);
    graph_fixture_close(&f);
}

static void test_graph_limits__pages(void **state)
{
    graph_fixture f;
    sb_pgno pgno, real;
    uint8_t *bytes;
    (void)state;

    graph_fixture_open(&f, 8192);
    begin_write(&f);
    real = f.txn->now.page_count;
    f.txn->now.page_count = SB_PGNO_MAX;
    FAILS(&f, sb_page_alloc(f.txn, SB_PAGE_OVERFLOW, 1, &pgno, &bytes, &f.err), SB_LIMIT, "limit");
    FAILS(&f, sb_page_alloc_run(f.txn, 5, &pgno, &f.err), SB_LIMIT, "limit");
    f.txn->now.page_count = real;
    OK(&f, sb_page_alloc(f.txn, SB_PAGE_OVERFLOW, 1, &pgno, &bytes, &f.err));
    rollback(&f);
    graph_fixture_close(&f);
}

static void test_graph_limits__write_ahead_log(void **state)
{
    graph_fixture f;
    sb_node_id id;
    (void)state;

    graph_fixture_open(&f, 8192);
    begin_write(&f);
    OK(&f, sb_graph_create_nodes(f.graph, 0, 1, NULL, 0, &id, &f.err));
    commit(&f);
    begin_write(&f);
    OK(&f, sb_graph_create_nodes(f.graph, 0, 1, NULL, 0, &id, &f.err));
    OK(&f, sb_pager__append_begin(f.txn, &f.err)); /* sets the tail, which stays for the commit */
    f.txn->tail.pos = UINT32_MAX - 8;              /* in units of 64 bytes: just below 256 GiB */
    FAILS(&f, sb_txn_commit(f.txn, &f.err), SB_LIMIT, "256 GiB");
    graph_reopen(&f); /* nothing of it stays, and the log goes on */
    begin_write(&f);
    assert_int_equal(sb_txn_seq(f.txn), 1);
    OK(&f, sb_graph_create_nodes(f.graph, 0, 1, NULL, 0, &id, &f.err));
    commit(&f);
    graph_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graph_limits__ids),
        cmocka_unit_test(test_graph_limits__names),
        cmocka_unit_test(test_graph_limits__pages),
        cmocka_unit_test(test_graph_limits__write_ahead_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
