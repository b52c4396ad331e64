/* test_aside.c — lists of which a part lies aside: scattered relationships into a large type, against a plain sorted array.
 * What is there is read through the type's tree whether it is at home or aside; how much is aside stays bounded; deleting,
 * savepoints, rollback, other sessions, reopening, verify and copying see one list. */
#include "store_fixture.h"

#include "store/store_priv.h"

enum { NODES = 20000, LOADED = 40000, MOST = 80000 };

typedef struct world {
    store_fixture f;
    sb_random random;
    sb_type_id type;
    sb_triple *rels; /* out: what must be there, in any order */
    size_t count;
    uint64_t next_rel;
    sb_triple *sorted, *found; /* MOST, scratch */
} world;

static int compare_triples(const void *a, const void *b)
{
    const sb_triple *x = a, *y = b;
    if (x->node != y->node) return x->node < y->node ? -1 : 1;
    if (x->neighbor != y->neighbor) return x->neighbor < y->neighbor ? -1 : 1;
    return x->rel < y->rel ? -1 : x->rel > y->rel;
}

static void sort_direction(const sb_triple *rels, size_t count, sb_direction direction,
                           sb_triple *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = direction == SB_OUT ? rels[i]
                                     : (sb_triple){rels[i].neighbor, rels[i].node, rels[i].rel};
    qsort(out, count, sizeof *out, compare_triples);
}

/* ---- Comparing ------------------------------------------------------------------------------------------- */

typedef struct gathered {
    sb_triple *triples;
    size_t count;
} gathered;

static sb_status gather(void *ctx, uint64_t node, const sb_chunk *chunk, bool starts)
{
    gathered *g = ctx;
    (void)starts;
    for (uint32_t i = 0; i < chunk->count; i++) {
        assert_true(g->count < MOST);
        g->triples[g->count++] =
            (sb_triple){node, sb_chunk_neighbor(chunk, i), sb_chunk_rel(chunk, i)};
    }
    return SB_OK;
}

static void check_view(world *w, sb_txn *txn, sb_view *view)
{
    for (unsigned d = SB_OUT; d <= SB_IN; d++) {
        gathered g = {.triples = w->found};
        uint64_t bias, degree;
        const sb_tree *tree = sb_adjacency_tree(view, w->type, (sb_direction)d, &bias);

        assert_int_equal(bias, 0);
        assert_non_null(tree);
        sort_direction(w->rels, w->count, (sb_direction)d, w->sorted);
        OK(&w->f, sb_lists_scan(txn, tree, 0, SB_ID_MAX, gather, &g, &w->f.err));
        assert_int_equal(g.count, w->count);
        assert_memory_equal(w->found, w->sorted, w->count * sizeof *w->found);
        for (size_t i = 0; i < w->count; i += 997) {
            const uint64_t node = w->sorted[i].node;
            size_t from = i, to = i;
            sb_list list;
            while (from > 0 && w->sorted[from - 1].node == node)
                from--;
            while (to < w->count && w->sorted[to].node == node)
                to++;
            OK(&w->f, sb_list_degree(txn, tree, node, &degree, &w->f.err));
            assert_int_equal(degree, to - from);
            OK(&w->f, sb_list_seek(txn, tree, node, w->sorted[i].neighbor, w->sorted[i].rel, &list,
                                   &w->f.err));
            assert_int_equal(sb_chunk_rel(&list.chunk, 0), w->sorted[i].rel);
            sb_list_close(&list);
        }
    }
}

static sb_status verify_tree(void *ctx, const sb_tree *tree, const char *what)
{
    world *w = ctx;
    uint64_t findings = 0;
    sb_tree_stats stats;
    (void)what;
    OK(&w->f,
       sb_tree_verify(w->f.txn, tree, NULL, print_finding, NULL, &stats, &findings, &w->f.err));
    assert_int_equal(findings, 0);
    return SB_OK;
}

static void check(world *w)
{
    begin_read(&w->f);
    check_view(w, w->f.txn, w->f.view);
    assert_int_equal(verify(&w->f), 0);
    OK(&w->f, sb_store_each_tree(w->f.view, verify_tree, w, &w->f.err));
    rollback(&w->f);
}

/* Leaves at home and aside; aside 0 when there is no side. */
static uint64_t leaves_aside(world *w, sb_direction direction, uint64_t *at_home)
{
    uint64_t bias;
    const sb_tree *tree = sb_adjacency_tree(w->f.view, w->type, direction, &bias);

    *at_home = tree->leaf_count;
    return tree->side == NULL ? 0 : tree->side->leaf_count;
}

/* Of the committed state: is something aside, in one direction at least? */
static bool is_aside(world *w)
{
    uint64_t aside[2], at_home;

    begin_read(&w->f);
    for (unsigned d = 0; d < 2; d++) {
        aside[d] = leaves_aside(w, (sb_direction)d, &at_home);
        assert_true(aside[d] <= at_home / SB_SIDE_MOST + 1);
    }
    rollback(&w->f);
    return aside[0] + aside[1] != 0;
}

/* ---- Changing ---------------------------------------------------------------------------------------------- */

static void put(world *w, const sb_triple *rels, size_t count, bool insert)
{
    sb_triple *triples = malloc(count * sizeof *triples);
    store_fixture *f = &w->f;
    size_t deleted;

    for (unsigned d = SB_OUT; d <= SB_IN; d++) {
        const sb_direction direction = (sb_direction)d;
        sort_direction(rels, count, direction, triples);
        if (insert) {
            OK(f, sb_adjacency_insert(f->view, w->type, direction, triples, count, &f->err));
        } else {
            OK(f,
               sb_adjacency_delete(f->view, w->type, direction, triples, count, &deleted, &f->err));
            assert_int_equal(deleted, count);
        }
        sb_stats_add_rels(f->view, 0, w->type, direction,
                          insert ? (int64_t)count : -(int64_t)count);
    }
    free(triples);
}

/* count relationships between random nodes; from a hub when node is not 0. */
static void insert(world *w, size_t count, uint64_t node)
{
    sb_triple *rels = w->rels + w->count;

    assert_true(w->count + count <= MOST);
    for (size_t i = 0; i < count; i++)
        rels[i] = (sb_triple){.node = node != 0 ? node : 1 + sb_random_below(&w->random, NODES),
                              .neighbor = 1 + sb_random_below(&w->random, NODES),
                              .rel = ++w->next_rel};
    put(w, rels, count, true);
    w->count += count;
}

static void delete (world *w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const size_t place = (size_t)sb_random_below(&w->random, w->count - i);
        const sb_triple gone = w->rels[place];
        w->rels[place] = w->rels[w->count - 1 - i];
        w->rels[w->count - 1 - i] = gone;
    }
    w->count -= count;
    put(w, w->rels + w->count, count, false);
}

/* A type of 40,000 relationships, all at home, each leaf full. */
static world *make_world(uint64_t seed)
{
    world *w = calloc(1, sizeof *w);

    fixture_open(&w->f, 4096);
    w->random = test_random(seed);
    w->rels = calloc(MOST, sizeof *w->rels);
    w->sorted = calloc(MOST, sizeof *w->sorted);
    w->found = calloc(MOST, sizeof *w->found);
    begin_write(&w->f);
    w->type = intern(&w->f, SB_NAME_TYPE, "T");
    insert(w, LOADED, 0);
    commit(&w->f);
    assert_false(is_aside(w));
    return w;
}

static void free_world(world *w)
{
    fixture_close(&w->f);
    free(w->rels);
    free(w->sorted);
    free(w->found);
    free(w);
}

/* ---- Tests ---------------------------------------------------------------------------------------------------- */

/* A commit of a few relationships writes a page for each direction, and no leaf at home. */
static void test_store_aside__few_pages(void **state)
{
    world *w = make_world(21);
    uint64_t at_home, before[2];
    sb_pager_info info;
    (void)state;
    begin_read(&w->f);
    for (unsigned d = 0; d < 2; d++)
        (void)leaves_aside(w, (sb_direction)d, &before[d]);
    rollback(&w->f);
    OK(&w->f, sb_pager_checkpoint(w->f.pager, SB_CHECKPOINT_TRUNCATE, NULL, &w->f.err));
    for (unsigned i = 0; i < 50; i++) {
        begin_write(&w->f);
        insert(w, 1, 0);
        commit(&w->f);
    }
    OK(&w->f, sb_pager_get_info(w->f.pager, &info, &w->f.err));
    /* The catalog and two leaves. */
    assert_true(info.wal_used_bytes < 50u * 3 * (4096 + 64 + 128));
    assert_true(is_aside(w));
    begin_read(&w->f);
    for (unsigned d = 0; d < 2; d++) {
        assert_int_equal(leaves_aside(w, (sb_direction)d, &at_home), 1);
        assert_int_equal(at_home, before[d]);
    }
    rollback(&w->f);
    check(w);
    reopen(&w->f);
    check(w);
    free_world(w);
}

/* What belongs together, and what comes behind everything, goes home at once. */
static void test_store_aside__dense_batches_go_home(void **state)
{
    world *w = make_world(22);
    sb_triple *triples = calloc(3000, sizeof *triples);
    uint64_t at_home;
    store_fixture *f = &w->f;
    (void)state;
    begin_write(f);
    for (uint64_t i = 0; i < 3000; i++) /* all of one node */
        triples[i] = (sb_triple){.node = 77, .neighbor = 30000 + i, .rel = 100000 + i};
    OK(f, sb_adjacency_insert(f->view, w->type, SB_OUT, triples, 3000, &f->err));
    assert_int_equal(leaves_aside(w, SB_OUT, &at_home), 0);
    for (uint64_t i = 0; i < 100; i++) { /* of new nodes, one by one */
        const sb_triple last = {.node = NODES + 1 + i, .neighbor = 1, .rel = 200000 + i};
        OK(f, sb_adjacency_insert(f->view, w->type, SB_OUT, &last, 1, &f->err));
    }
    assert_int_equal(leaves_aside(w, SB_OUT, &at_home), 0);
    for (uint64_t i = 0; i < 3000; i++) /* scattered, and then many of the last leaf */
        triples[i] = i < 100
                         ? (sb_triple){.node = 100 * i + 1, .neighbor = 40000, .rel = 300000 + i}
                         : (sb_triple){.node = NODES + 1000 + i, .neighbor = 1, .rel = 300000 + i};
    OK(f, sb_adjacency_insert(f->view, w->type, SB_OUT, triples, 3000, &f->err));
    assert_int_equal(leaves_aside(w, SB_OUT, &at_home), 1);
    rollback(f);
    free(triples);
    check(w);
    free_world(w);
}

/* Small commits for a long time: what is aside stays a share of the tree; then nearly everything is deleted. */
static void test_store_aside__bounded(void **state)
{
    world *w = make_world(23);
    uint64_t most = 0;
    (void)state;
    for (unsigned round = 0; round < 700; round++) {
        begin_write(&w->f);
        insert(w, 1 + (size_t)sb_random_below(&w->random, 40), round % 5 == 0 ? 4321 : 0);
        if (round % 10 == 9) delete (w, 100);
        commit(&w->f);
        begin_read(&w->f);
        for (unsigned d = 0; d < 2; d++) {
            uint64_t at_home;
            const uint64_t aside = leaves_aside(w, (sb_direction)d, &at_home);
            assert_true(aside <= 2 * at_home / SB_SIDE_SHARE + 2);
            if (aside > most) most = aside;
        }
        rollback(&w->f);
        if (round % 100 == 0) check(w);
        if (round % 300 == 299) reopen(&w->f);
    }
    assert_true(most > 5);
    check(w);
    while (w->count > 3000) {
        begin_write(&w->f);
        delete (w, 2500);
        commit(&w->f);
    }
    (void)is_aside(w); /* not too much, as ever */
    check(w);
    uint64_t bias;
    begin_write(&w->f);
    delete (w, w->count);
    assert_null(sb_adjacency_tree(w->f.view, w->type, SB_OUT, &bias));
    assert_null(sb_adjacency_tree(w->f.view, w->type, SB_IN, &bias));
    insert(w, 100, 0);
    commit(&w->f);
    assert_false(is_aside(w));
    check(w);
    free_world(w);
}

/* Large batches for a long time: none of them writes most of the tree, though each puts more aside than the share leaves room for. */
static void test_store_aside__large_batches(void **state)
{
    world *w = make_world(25);
    uint64_t at_home, most = 0, pages = 0, leaves = 0;
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        sb_pager_info info;
        OK(&w->f, sb_pager_checkpoint(w->f.pager, SB_CHECKPOINT_TRUNCATE, NULL, &w->f.err));
        begin_write(&w->f);
        insert(w, 600, 0);
        commit(&w->f);
        OK(&w->f, sb_pager_get_info(w->f.pager, &info, &w->f.err));
        pages += info.wal_used_bytes / 4096;
        begin_read(&w->f);
        for (unsigned d = 0; d < 2; d++) {
            const uint64_t aside = leaves_aside(w, (sb_direction)d, &at_home);
            assert_true(aside <= 2 * at_home / SB_SIDE_SHARE + 2);
            leaves += aside + at_home;
            if (aside > most) most = aside;
        }
        rollback(&w->f);
    }
    assert_true(most > 5);
    /* 0.30 of the leaves in each; 0.43 when every leaf is opened that a batch has an entry for. */
    assert_true(pages < 3 * leaves / 8);
    check(w);
    free_world(w);
}

/* Savepoints and rollbacks around the first entries aside and around their coming home; a second session reads on. */
static void test_store_aside__rolls_back(void **state)
{
    world *w = make_world(24);
    sb_session *other;
    sb_txn *read;
    sb_view *view;
    (void)state;
    OK(&w->f, sb_session_open(w->f.pager, &other, &w->f.err));
    for (unsigned round = 0; round < 40; round++) {
        uint32_t savepoint;
        sb_triple *before = malloc(MOST * sizeof *before);
        size_t count = w->count;
        memcpy(before, w->rels, MOST * sizeof *before);

        OK(&w->f, sb_txn_begin_read(other, &read, &w->f.err));
        OK(&w->f, sb_view_get(read, &view, &w->f.err));
        begin_write(&w->f);
        if (round % 2 == 0) insert(w, 300, 0);
        if (round % 4 == 3) {
            memcpy(before, w->rels, MOST * sizeof *before);
            count = w->count;
        }
        OK(&w->f, sb_txn_savepoint(w->f.txn, &savepoint, &w->f.err));
        insert(w, 20 + 10 * (size_t)round, 0);
        delete (w, 200);
        check_view(w, w->f.txn, w->f.view);
        if (round % 4 == 1) {
            commit(&w->f);
        } else if (round % 4 == 3) {
            OK(&w->f, sb_txn_rollback_to(w->f.txn, savepoint, &w->f.err));
            memcpy(w->rels, before, MOST * sizeof *before);
            w->count = count;
            check_view(w, w->f.txn, w->f.view);
            insert(w, 40, 0);
            commit(&w->f);
        } else {
            rollback(&w->f);
            memcpy(w->rels, before, MOST * sizeof *before);
            w->count = count;
            check_view(w, read, view);
        }
        sb_txn_rollback(read);
        check(w);
        OK(&w->f, sb_txn_begin_read(other, &read, &w->f.err));
        OK(&w->f, sb_view_get(read, &view, &w->f.err));
        check_view(w, read, view);
        sb_txn_rollback(read);
        free(before);
    }
    assert_true(is_aside(w));
    sb_session_close(other);
    free_world(w);
}

static uint64_t degree_of(world *w, sb_txn *txn, sb_view *view, uint64_t node)
{
    uint64_t bias, degree;
    const sb_tree *tree = sb_adjacency_tree(view, w->type, SB_OUT, &bias);

    OK(&w->f, sb_list_degree(txn, tree, node + bias, &degree, &w->f.err));
    return degree;
}

/* Which nodes have something aside is remembered by who reads (tree/list_filter.c): what a commit adds is seen by the next
 * snapshot, what a transaction adds by itself, and what is rolled back by nobody. */
static void test_store_aside__filters_keep_up(void **state)
{
    world *w = make_world(28);
    sb_session *other;
    sb_txn *read;
    sb_view *view;
    (void)state;
    OK(&w->f, sb_session_open(w->f.pager, &other, &w->f.err));
    begin_write(&w->f);
    insert(w, 300, 0);
    commit(&w->f);
    for (uint64_t node = 2; node < 400; node += 2) {
        const bool keeps = node % 3 == 0;
        uint64_t before = 0;

        /* Often enough to have a filter in both sessions. */
        OK(&w->f, sb_txn_begin_read(other, &read, &w->f.err));
        OK(&w->f, sb_view_get(read, &view, &w->f.err));
        for (unsigned i = 0; i < 200; i++)
            before = degree_of(w, read, view, node);
        begin_write(&w->f);
        for (unsigned i = 0; i < 200; i++)
            assert_int_equal(degree_of(w, w->f.txn, w->f.view, node), before);
        insert(w, 1, node);
        assert_int_equal(degree_of(w, w->f.txn, w->f.view, node), before + 1);
        if (keeps) {
            commit(&w->f);
        } else {
            rollback(&w->f);
            w->count--;
        }
        assert_int_equal(degree_of(w, read, view, node), before);
        sb_txn_rollback(read);
        OK(&w->f, sb_txn_begin_read(other, &read, &w->f.err));
        OK(&w->f, sb_view_get(read, &view, &w->f.err));
        assert_int_equal(degree_of(w, read, view, node), before + keeps);
        sb_txn_rollback(read);
    }
    assert_true(is_aside(w));
    check(w);
    sb_session_close(other);
    free_world(w);
}

/* Without memory for a filter each look-up looks. */
static void test_store_aside__no_memory_for_a_filter(void **state)
{
    world *w = make_world(29);
    store_fixture *f = &w->f;
    (void)state;
    begin_write(f);
    insert(w, 300, 0);
    commit(f);
    begin_read(f);
    check_view(w, f->txn, f->view); /* what else a session needs is there */
    rollback(f);
    begin_write(f);
    insert(w, 20, 0); /* the filter made meanwhile is stale */
    commit(f);
    begin_read(f);
    f->alloc.fail_at = f->alloc.alloc_count + 1;
    f->alloc.fail_persistent = true;
    for (unsigned i = 0; i < 1000; i++)
        assert_true(degree_of(w, f->txn, f->view, w->rels[w->count - 1].node) > 0);
    check_view(w, f->txn, f->view);
    f->alloc.fail_at = 0;
    f->alloc.fail_persistent = false;
    rollback(f);
    check(w);
    free_world(w);
}

static bool note_progress(void *ctx, uint64_t done, uint64_t total)
{
    uint64_t *last = ctx;
    last[0] = done;
    last[1] = total;
    return true;
}

/* In a copy everything is at home. */
static void test_store_aside__copied_home(void **state)
{
    world *from = make_world(25), *to = calloc(1, sizeof *to);
    uint64_t progress[2] = {0, 1};
    (void)state;
    begin_write(&from->f);
    insert(from, 500, 0);
    commit(&from->f);
    assert_true(is_aside(from));
    *to = *from; /* the arrays go over to it */
    fixture_open(&to->f, 4096);
    begin_read(&from->f);
    begin_write(&to->f);
    OK(&to->f, sb_store_copy(from->f.view, to->f.view, note_progress, progress, &to->f.err));
    assert_int_equal(progress[0], progress[1]);
    commit(&to->f);
    rollback(&from->f);
    fixture_close(&from->f);
    free(from);
    assert_false(is_aside(to));
    check(to);
    begin_write(&to->f);
    insert(to, 100, 0);
    commit(&to->f);
    assert_true(is_aside(to));
    check(to);
    free_world(to);
}

/* Each allocation of an insert and a delete fails in turn; nothing is half done. */
static void test_store_aside__allocation_failures(void **state)
{
    world *w = make_world(26);
    bool reached = true;
    (void)state;
    for (size_t step = 0; reached; step++) {
        store_fixture *f = &w->f;
        size_t deleted;
        const sb_triple some[] = {{5, 1, 900000}, {5000, 1, 900001}, {15000, 1, 900002}};

        begin_write(f);
        f->alloc.fail_at = f->alloc.alloc_count + 1 + step;
        sb_status st = sb_adjacency_insert(f->view, w->type, SB_OUT, some, 3, &f->err);
        if (st == SB_OK)
            st = sb_adjacency_delete(f->view, w->type, SB_OUT, some + 1, 2, &deleted, &f->err);
        reached = f->alloc.alloc_count >= f->alloc.fail_at;
        f->alloc.fail_at = 0;
        assert_true(st == SB_NOMEM ? reached : st == SB_OK); /* some do without */
        rollback(f);
        sb_err_clear(&f->err);
        begin_read(f);
        check_view(w, f->txn, f->view);
        rollback(f);
    }
    assert_false(is_aside(w));
    free_world(w);
}

/* Catalog rows that lie: a side beside no tree, beside an empty tree, a fifth lane. */
static void test_store_aside__rows_that_lie(void **state)
{
    (void)state;
    for (unsigned lie = 0; lie < 3; lie++) {
        world *w = make_world(27);
        store_fixture *f = &w->f;
        uint8_t key[SB_ROW_KEY_MAX], row[SB_TREE_ROW_MAX];
        uint64_t bias;
        bool found;

        begin_write(f);
        insert(w, 20, 0);
        commit(f);
        begin_write(f);
        sb_tree *catalog = sb_store__core_tree(f->view, SB_CORE_CATALOG);
        const sb_tree side = *sb_adjacency_tree(f->view, w->type, SB_OUT, &bias)->side;
        const sb_tree empty = {.id = side.id, .kind = SB_TREE_LIST};
        if (lie == 0) {
            OK(f, sb_tree_delete(f->txn, catalog,
                                 sb_bytes_of(key, sb_store__key_adjacency(key, w->type, SB_OUT)),
                                 &found, &f->err));
            assert_true(found);
        } else {
            const size_t bytes = sb_store__tree_encode(lie == 1 ? &empty : &side, row);
            OK(f, sb_tree_put(f->txn, catalog,
                              sb_bytes_of(key, sb_store__key_adjacency(
                                                   key, w->type, lie == 1 ? SB_OUT : SB_LANES)),
                              sb_bytes_of(row, bytes), &f->err));
        }
        commit(f);
        reopen(f);
        OK(f, sb_txn_begin_read(f->session, &f->txn, &f->err));
        FAILS(f, sb_view_get(f->txn, &f->view, &f->err), SB_CORRUPT);
        rollback(f);
        free_world(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_aside__few_pages),
        TEST(test_store_aside__dense_batches_go_home),
        TEST(test_store_aside__bounded),
        TEST(test_store_aside__rolls_back),
        TEST(test_store_aside__large_batches),
        TEST(test_store_aside__filters_keep_up),
        TEST(test_store_aside__no_memory_for_a_filter),
        TEST(test_store_aside__copied_home),
        TEST(test_store_aside__allocation_failures),
        TEST(test_store_aside__rows_that_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
