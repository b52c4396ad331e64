/* test_adjacency.c — lists of many types in shared trees and trees of their own, against a plain sorted array: what is
 * inserted is there, in the tree that sb_adjacency_tree names, whichever that is at the time; through moves, savepoints,
 * rollbacks, commits and reopening. */
#include "store_fixture.h"

enum { TYPES = 12, NODES = 300, MAX_RELS = 6000, SHARED_MAX = 512 };

typedef struct rel {
    sb_type_id type;
    sb_triple triple; /* out */
} rel;
typedef struct model {
    size_t count;
    uint64_t next_rel;
    rel rels[MAX_RELS];
} model;

/* Of the first two entries of a leaf, which are of one node (docs/format/list.md). */
static void swap_neighbors(store_fixture *f, sb_pgno leaf)
{
    uint8_t *page, first[8];

    OK(f, sb_page_mut(f->txn, leaf, &page, &f->err));
    uint8_t *const neighbors = page + (size_t)8 * sb_load_le16(page + 54);
    const size_t bytes = page[58];
    assert_true(sb_load_le16(page + 48) >= 2 && bytes != 0);
    memcpy(first, neighbors, bytes);
    memcpy(neighbors, neighbors + bytes, bytes);
    memcpy(neighbors + bytes, first, bytes);
}

/* Node ids far apart, as blocks of ids lie. */
static uint64_t node_of(uint64_t i)
{
    return 1 + i * (i % 7 == 0 ? 70001 : 1);
}

static int compare_triples(const void *a, const void *b)
{
    const sb_triple *x = a, *y = b;
    if (x->node != y->node) return x->node < y->node ? -1 : 1;
    if (x->neighbor != y->neighbor) return x->neighbor < y->neighbor ? -1 : 1;
    return x->rel < y->rel ? -1 : x->rel > y->rel;
}

static size_t expected_triples(const model *m, sb_type_id type, sb_direction direction,
                               sb_triple *out)
{
    size_t count = 0;
    for (size_t i = 0; i < m->count; i++) {
        const sb_triple t = m->rels[i].triple;
        if (m->rels[i].type != type) continue;
        out[count++] = direction == SB_OUT
                           ? t
                           : (sb_triple){.node = t.neighbor, .neighbor = t.node, .rel = t.rel};
    }
    qsort(out, count, sizeof *out, compare_triples);
    return count;
}

typedef struct gathered {
    sb_triple *triples;
    size_t count;
    uint64_t bias;
} gathered;

static sb_status gather(void *ctx, uint64_t node, const sb_chunk *chunk, bool starts)
{
    gathered *g = ctx;
    (void)starts;
    for (uint32_t i = 0; i < chunk->count; i++) {
        g->triples[g->count++] = (sb_triple){.node = node - g->bias,
                                             .neighbor = sb_chunk_neighbor(chunk, i),
                                             .rel = sb_chunk_rel(chunk, i)};
    }
    return SB_OK;
}

static sb_triple expected_buffer[MAX_RELS], found_buffer[MAX_RELS];

static void check_type(store_fixture *f, const model *m, sb_type_id type, sb_direction direction)
{
    const size_t expected = expected_triples(m, type, direction, expected_buffer);
    gathered g = {.triples = found_buffer};
    const sb_tree *tree = sb_adjacency_tree(f->view, type, direction, &g.bias);

    if (tree != NULL)
        OK(f, sb_lists_scan(f->txn, tree, g.bias, g.bias + SB_ID_MAX, gather, &g, &f->err));
    assert_int_equal(g.count, expected);
    if (expected != 0)
        assert_memory_equal(found_buffer, expected_buffer, expected * sizeof(sb_triple));
    for (size_t i = 0; i < expected; i += 37) {
        uint64_t degree, wanted = 0;
        for (size_t k = 0; k < expected; k++)
            wanted += expected_buffer[k].node == expected_buffer[i].node;
        OK(f, sb_list_degree(f->txn, tree, expected_buffer[i].node + g.bias, &degree, &f->err));
        assert_int_equal(degree, wanted);
    }
}

static void check_model(store_fixture *f, const model *m)
{
    for (sb_type_id type = 1; type <= TYPES; type++) {
        check_type(f, m, type, SB_OUT);
        check_type(f, m, type, SB_IN);
    }
}

static void put_batch(store_fixture *f, sb_type_id type, const rel *rels, size_t count, bool insert)
{
    sb_triple *triples = malloc(count * sizeof *triples);
    size_t deleted;

    for (unsigned direction = 0; direction < 2; direction++) {
        for (size_t i = 0; i < count; i++) {
            const sb_triple t = rels[i].triple;
            triples[i] = direction == SB_OUT
                             ? t
                             : (sb_triple){.node = t.neighbor, .neighbor = t.node, .rel = t.rel};
        }
        qsort(triples, count, sizeof *triples, compare_triples);
        if (insert) {
            OK(f, sb_adjacency_insert(f->view, type, (sb_direction)direction, triples, count,
                                      &f->err));
        } else {
            OK(f, sb_adjacency_delete(f->view, type, (sb_direction)direction, triples, count,
                                      &deleted, &f->err));
            assert_int_equal(deleted, count);
        }
        sb_stats_add_rels(f->view, 0, type, (sb_direction)direction,
                          insert ? (int64_t)count : -(int64_t)count);
    }
    free(triples);
}

static void insert_some(store_fixture *f, model *m, sb_random *random)
{
    const sb_type_id type = 1 + (sb_type_id)sb_random_below(random, TYPES);
    const uint64_t dice = sb_random_below(random, 10);
    size_t count = dice == 0 ? 600 : dice < 4 ? 50 : 1;

    if (m->count + count > MAX_RELS) return;
    rel *rels = &m->rels[m->count];
    for (size_t i = 0; i < count; i++) {
        rels[i].type = type;
        rels[i].triple = (sb_triple){.node = node_of(sb_random_below(random, NODES)),
                                     .neighbor = node_of(sb_random_below(random, NODES)),
                                     .rel = ++m->next_rel};
    }
    put_batch(f, type, rels, count, true);
    m->count += count;
}

static void delete_some(store_fixture *f, model *m, sb_random *random)
{
    if (m->count == 0) return;
    const size_t place = (size_t)sb_random_below(random, m->count);
    const rel gone = m->rels[place];
    put_batch(f, gone.type, &gone, 1, false);
    m->rels[place] = m->rels[--m->count];
}

static void test_store_adjacency__model(void **state)
{
    store_fixture f;
    sb_random random = test_random(4);
    model *committed = calloc(1, sizeof *committed), *now = calloc(1, sizeof *now),
          *saved = calloc(1, sizeof *saved);
    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    for (unsigned i = 1; i <= TYPES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "T%u", i);
        (void)intern(&f, SB_NAME_TYPE, name);
    }
    commit(&f);
    for (unsigned round = 0; round < 50; round++) {
        uint32_t savepoint = 0;
        begin_write(&f);
        memcpy(now, committed, sizeof *now);
        for (unsigned step = 0; step < 30; step++) {
            const uint64_t dice = sb_random_below(&random, 16);
            if (dice == 0) {
                OK(&f, sb_txn_savepoint(f.txn, &savepoint, &f.err));
                memcpy(saved, now, sizeof *saved);
            } else if (dice == 1 && savepoint != 0) {
                OK(&f, sb_txn_rollback_to(f.txn, savepoint, &f.err));
                memcpy(now, saved, sizeof *now);
            } else if (dice < 6) {
                delete_some(&f, now, &random);
            } else {
                insert_some(&f, now, &random);
            }
        }
        check_model(&f, now);
        if (sb_random_below(&random, 4) == 0) {
            rollback(&f);
        } else {
            commit(&f);
            memcpy(committed, now, sizeof *now);
        }
        if (sb_random_below(&random, 10) == 0) reopen(&f);
        begin_read(&f);
        check_model(&f, committed);
        assert_int_equal(verify(&f), 0);
        rollback(&f);
    }
    fixture_close(&f);
    free(committed);
    free(now);
    free(saved);
}

static sb_status count_trees(void *ctx, const sb_tree *tree, const char *what)
{
    unsigned *counts = ctx;
    counts[0]++;
    if (strncmp(what, "relationships ", 14) == 0) counts[1]++;
    if (strcmp(what, "relationships BIG in") == 0) assert_true(tree->root != SB_PGNO_NONE);
    return SB_OK;
}

/* Small types share a tree, one that grows moves out; the other direction and other types are not touched. */
static void test_store_adjacency__small_types_share(void **state)
{
    store_fixture f;
    uint64_t bias, small_bias;
    unsigned counts[2] = {0, 0};
    (void)state;
    fixture_open(&f, 8192);
    begin_write(&f);
    const sb_type_id small = intern(&f, SB_NAME_TYPE, "SMALL"),
                     big = intern(&f, SB_NAME_TYPE, "BIG");
    assert_null(sb_adjacency_tree(f.view, small, SB_OUT, &bias));
    const sb_triple one = {.node = SB_ID_MAX, .neighbor = 1, .rel = 1};
    OK(&f, sb_adjacency_insert(f.view, small, SB_OUT, &one, 1, &f.err));
    sb_stats_add_rels(f.view, 0, small, SB_OUT, 1);
    for (uint64_t i = 1; i <= SHARED_MAX; i++) {
        const sb_triple t = {.node = i, .neighbor = 1, .rel = i};
        OK(&f, sb_adjacency_insert(f.view, big, SB_OUT, &t, 1, &f.err));
        sb_stats_add_rels(f.view, 0, big, SB_OUT, 1);
    }
    const sb_tree *shared = sb_adjacency_tree(f.view, big, SB_OUT, &bias);
    assert_ptr_equal(shared, sb_adjacency_tree(f.view, small, SB_OUT, &small_bias));
    assert_int_equal(bias, (uint64_t)big << 40);
    assert_int_equal(small_bias, (uint64_t)small << 40);
    commit(&f);
    begin_write(&f);
    const sb_triple last = {.node = 1, .neighbor = 2, .rel = 9999};
    OK(&f, sb_adjacency_insert(f.view, big, SB_OUT, &last, 1, &f.err));
    const sb_tree *own = sb_adjacency_tree(f.view, big, SB_OUT, &bias);
    shared = sb_adjacency_tree(f.view, small, SB_OUT, &small_bias);
    assert_int_equal(bias, 0);
    assert_ptr_not_equal(own, shared);
    uint64_t degree;
    OK(&f, sb_list_degree(f.txn, own, 1, &degree, &f.err));
    assert_int_equal(degree, 2);
    OK(&f, sb_list_degree(f.txn, shared, ((uint64_t)big << 40) + 1, &degree, &f.err));
    assert_int_equal(degree, 0);
    OK(&f, sb_list_degree(f.txn, shared, small_bias + SB_ID_MAX, &degree, &f.err));
    assert_int_equal(degree, 1);
    FAILS(&f, sb_adjacency_insert(f.view, 3, SB_OUT, &last, 1, &f.err), SB_MISUSE);
    /* A large batch goes to a tree of its own at once. */
    sb_triple *many = calloc(5000, sizeof *many);
    for (uint64_t i = 0; i < 5000; i++)
        many[i] = (sb_triple){.node = i + 1, .neighbor = 1, .rel = i + 1};
    OK(&f, sb_adjacency_insert(f.view, big, SB_IN, many, 5000, &f.err));
    free(many);
    (void)sb_adjacency_tree(f.view, big, SB_IN, &bias);
    assert_int_equal(bias, 0);
    OK(&f, sb_store_each_tree(f.view, count_trees, counts, &f.err));
    assert_int_equal(counts[0], 8);
    assert_int_equal(counts[1], 2);
    rollback(&f);
    begin_read(&f);
    (void)sb_adjacency_tree(f.view, big, SB_OUT, &bias);
    assert_int_equal(bias, (uint64_t)big << 40);
    rollback(&f);
    fixture_close(&f);
}

static void test_store_adjacency__fresh_trees_for_bulk_load(void **state)
{
    store_fixture f;
    sb_tree tree;
    uint64_t bias, degree;
    sb_build *build;
    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    const sb_type_id type = intern(&f, SB_NAME_TYPE, "T");
    OK(&f, sb_adjacency_fresh(f.view, type, SB_OUT, &tree, &f.err));
    OK(&f, sb_build_open(f.txn, &tree, 100, &build, &f.err));
    sb_triple *many = calloc(20000, sizeof *many);
    for (uint64_t i = 0; i < 20000; i++)
        many[i] = (sb_triple){.node = i / 2, .neighbor = i, .rel = i + 1};
    OK(&f, sb_build_triples(build, many, 20000, &f.err));
    OK(&f, sb_build_finish(build, &f.err));
    free(many);
    OK(&f, sb_adjacency_adopt(f.view, type, SB_OUT, &tree, &f.err));
    FAILS(&f, sb_adjacency_fresh(f.view, type, SB_OUT, &tree, &f.err), SB_MISUSE);
    const sb_triple one = {.node = 1, .neighbor = 1, .rel = 1};
    OK(&f, sb_adjacency_insert(f.view, type, SB_IN, &one, 1, &f.err));
    FAILS(&f, sb_adjacency_fresh(f.view, type, SB_IN, &tree, &f.err), SB_MISUSE);
    commit(&f);
    reopen(&f);
    begin_read(&f);
    const sb_tree *own = sb_adjacency_tree(f.view, type, SB_OUT, &bias);
    OK(&f, sb_list_degree(f.txn, own, 9999 + bias, &degree, &f.err));
    assert_int_equal(degree, 2);
    rollback(&f);
    fixture_close(&f);
}

/* A second session follows a type's tree as it is made and grows. */
static void test_store_adjacency__two_sessions(void **state)
{
    store_fixture f;
    sb_session *other;
    sb_txn *read;
    sb_view *view;
    (void)state;
    fixture_open(&f, 4096);
    OK(&f, sb_session_open(f.pager, &other, &f.err));
    begin_write(&f);
    const sb_type_id type = intern(&f, SB_NAME_TYPE, "T");
    commit(&f);
    for (uint64_t round = 0; round < 5; round++) {
        uint64_t bias, degree;
        sb_triple many[700];
        for (uint64_t i = 0; i < 700; i++)
            many[i] = (sb_triple){.node = i, .neighbor = round, .rel = 1 + round * 700 + i};
        OK(&f, sb_txn_begin_read(other, &read, &f.err));
        OK(&f, sb_view_get(read, &view, &f.err));
        begin_write(&f);
        OK(&f, sb_adjacency_insert(f.view, type, SB_OUT, many, 700, &f.err));
        commit(&f);
        const sb_tree *tree = sb_adjacency_tree(view, type, SB_OUT, &bias);
        if (round == 0) assert_null(tree);
        if (round != 0) OK(&f, sb_list_degree(read, tree, 699 + bias, &degree, &f.err));
        if (round != 0) assert_int_equal(degree, round);
        sb_txn_rollback(read);
        OK(&f, sb_txn_begin_read(other, &read, &f.err));
        OK(&f, sb_view_get(read, &view, &f.err));
        tree = sb_adjacency_tree(view, type, SB_OUT, &bias);
        OK(&f, sb_list_degree(read, tree, 699 + bias, &degree, &f.err));
        assert_int_equal(degree, round + 1);
        sb_txn_rollback(read);
    }
    sb_session_close(other);
    fixture_close(&f);
}

/* 10,000 types with one relationship each: what they take beside their rows. */
static void test_store_adjacency__many_small_types(void **state)
{
    enum { COUNT = 10000 };
    store_fixture f;
    char name[32];
    sb_pager_info info;
    sb_rel_id id;
    (void)state;
    fixture_open(&f, 8192);
    begin_write(&f);
    for (sb_type_id type = 1; type <= COUNT; type++) {
        (void)snprintf(name, sizeof name, "TYPE_NUMBER_%u", type);
        assert_int_equal(intern(&f, SB_NAME_TYPE, name), type);
        OK(&f, sb_ids_take_rels(f.view, type, 1, &id, &f.err));
        const sb_triple out = {.node = 1 + type % 100, .neighbor = 200, .rel = id},
                        in = {.node = 200, .neighbor = out.node, .rel = id};
        OK(&f, sb_adjacency_insert(f.view, type, SB_OUT, &out, 1, &f.err));
        OK(&f, sb_adjacency_insert(f.view, type, SB_IN, &in, 1, &f.err));
        sb_stats_add_rels(f.view, 0, type, SB_OUT, 1);
        sb_stats_add_rels(f.view, 0, type, SB_IN, 1);
    }
    commit(&f);
    OK(&f, sb_pager_get_info(f.pager, &info, &f.err));
    print_message("%u types with one relationship each, without rows: %llu KiB\n", COUNT,
                  (unsigned long long)(info.page_count - info.free_pages) * 8);
    assert_true((info.page_count - info.free_pages) * 8192 < 2u << 20);
    reopen(&f);
    begin_read(&f);
    for (sb_type_id type = 1; type <= COUNT; type += 7) {
        uint64_t bias, degree, rels;
        const sb_tree *tree = sb_adjacency_tree(f.view, type, SB_OUT, &bias);
        OK(&f, sb_list_degree(f.txn, tree, 1 + type % 100 + bias, &degree, &f.err));
        assert_int_equal(degree, 1);
        OK(&f, sb_stats_rels_of_type(f.view, type, &rels, &f.err));
        assert_int_equal(rels, 1);
    }
    assert_int_equal(verify(&f), 0);
    rollback(&f);
    fixture_close(&f);
}

/* A list out of order in the shared tree, of a type that moves out, or aside of a tree where everything comes home: it is the file that
 * is damaged, and not the caller who is wrong. */
static void test_store_adjacency__out_of_order(void **state)
{
    (void)state;
    for (unsigned aside = 0; aside < 2; aside++) {
        store_fixture f;
        uint64_t bias;
        size_t deleted;
        sb_triple *many = calloc(40000, sizeof *many);

        fixture_open(&f, 4096);
        begin_write(&f);
        const sb_type_id type = intern(&f, SB_NAME_TYPE, "T");
        for (uint64_t i = 0; i < 40000; i++)
            many[i] = (sb_triple){.node = i + 1, .neighbor = 1 + i * 7919 % 40000, .rel = i + 1};
        if (aside == 1) OK(&f, sb_adjacency_insert(f.view, type, SB_OUT, many, 40000, &f.err));
        for (uint64_t i = 0; i < 2; i++) {
            const sb_triple t = {.node = 77, .neighbor = 50000 + i, .rel = 50000 + i};
            OK(&f, sb_adjacency_insert(f.view, type, SB_OUT, &t, 1, &f.err));
        }
        sb_tree *tree = (sb_tree *)sb_adjacency_tree(f.view, type, SB_OUT, &bias);
        swap_neighbors(&f, aside == 1 ? tree->side->root : tree->root);
        if (aside == 1) {
            tree->leaf_count = 1; /* as if it had become small */
            FAILS(&f, sb_adjacency_delete(f.view, type, SB_OUT, many, 1, &deleted, &f.err),
                  SB_CORRUPT);
        } else {
            sb_stats_add_rels(f.view, 0, type, SB_OUT, SHARED_MAX);
            FAILS(&f, sb_adjacency_insert(f.view, type, SB_OUT, many, 1, &f.err), SB_CORRUPT);
        }
        free(many);
        rollback(&f);
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_adjacency__model),
        TEST(test_store_adjacency__small_types_share),
        TEST(test_store_adjacency__fresh_trees_for_bulk_load),
        TEST(test_store_adjacency__two_sessions),
        TEST(test_store_adjacency__many_small_types),
        TEST(test_store_adjacency__out_of_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
