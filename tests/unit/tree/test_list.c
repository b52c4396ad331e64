/* Goal: list trees as the layers above use them: insert, delete, bulk build, open, seek, degree, batches and
 * scans, for short lists and for hubs over many leaves, of one tree and of a tree with a side.
 * Method: random operations against one sorted array of triples, with the whole tree verified and scanned after
 * each, savepoints rolled back, commits and reopens in between; then single rules, and allocations that fail.
 * SOMBRA_TEST_OPS sets how many triples each run of the model puts and deletes (default: hundreds of thousands). */
#include "support/unit.h"

#include <stdlib.h>

#include "tree/list_priv.h"

#define MOST      400000u
#define BATCH_MAX 40000u

typedef struct world {
    sb_counting_allocator alloc;
    sb_profile profile;
    sb_vfs *vfs;
    sb_pager *pager;
    sb_session *session;
    sb_txn *txn;
    sb_tree tree, side; /* the side is tree.side in tests that have one */
    sb_random choices;  /* which of the two a batch goes to */
    sb_triple *want;    /* what they must hold together, sorted */
    size_t count;
    sb_triple *batch;
    size_t operations; /* triples put and deleted so far */
} world;

static sb_err err;

static void assert_ok(sb_status status)
{
    if (status != SB_OK) fail_msg("%s: %s", sb_status_name(status), err.text);
}

static void open_pager(world *w, uint32_t page_bytes)
{
    sb_pager_options options;

    sb_pager_options_init(&options);
    options.alloc = &w->alloc.base;
    options.vfs = w->vfs;
    options.profile = &w->profile;
    options.page_bytes = page_bytes;
    options.create = true;
    options.durability = SB_DURABLE_OFF;
    options.read_mode = page_bytes == 4096 ? SB_READ_CACHE : SB_READ_MAP;
    options.cache_pages = 64;
    options.check = sb_tree_check_page;
    assert_ok(sb_pager_open("lists", &options, &w->pager, &err));
    assert_ok(sb_session_open(w->pager, &w->session, &err));
}

static world *make_world(uint32_t page_bytes)
{
    world *w = (world *)calloc(1, sizeof *w);

    assert_non_null(w);
    sb_err_clear(&err);
    sb_counting_allocator_init(&w->alloc, &sb_allocator_libc);
    assert_ok(sb_vfs_mem_create(&sb_allocator_libc, &w->vfs, &err));
    open_pager(w, page_bytes);
    assert_ok(sb_txn_begin_write(w->session, &w->txn, &err));
    w->tree = (sb_tree){.id = 7, .kind = SB_TREE_LIST};
    w->side = (sb_tree){.id = 8, .kind = SB_TREE_LIST};
    w->want = (sb_triple *)malloc((MOST + BATCH_MAX) * sizeof *w->want);
    w->batch = (sb_triple *)malloc(2 * BATCH_MAX * sizeof *w->batch);
    assert_non_null(w->want);
    assert_non_null(w->batch);
    return w;
}

static void free_world(world *w)
{
    sb_txn_rollback(w->txn);
    sb_session_close(w->session);
    if (w->pager != NULL) assert_ok(sb_pager_close(w->pager, &err));
    sb_vfs_destroy(w->vfs);
    assert_int_equal(w->alloc.live_blocks, 0);
    free(w->want);
    free(w->batch);
    free(w);
}

static int compare(const void *a, const void *b)
{
    return sb_list__compare((const sb_triple *)a, (const sb_triple *)b);
}

static size_t sort_unique(sb_triple *triples, size_t count)
{
    size_t kept = 0;

    qsort(triples, count, sizeof *triples, compare);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare(&triples[kept - 1], &triples[i]) != 0)
            triples[kept++] = triples[i];
    }
    return kept;
}

/* First entry >= key in the reference. */
static size_t find(const world *w, sb_triple key)
{
    size_t from = 0, to = w->count;

    while (from < to) {
        const size_t middle = (from + to) / 2;
        if (compare(&w->want[middle], &key) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static size_t end_of_node(const world *w, size_t from, uint64_t node)
{
    while (from < w->count && w->want[from].node == node)
        from++;
    return from;
}

/* ---- Comparing --------------------------------------------------------------------------------------- */

static void print_finding(void *ctx, sb_pgno pgno, const char *message)
{
    (void)ctx;
    printf("page %u: %s\n", (unsigned)pgno, message);
}

typedef struct scan_state {
    const world *w;
    size_t at, end;
    bool any;
    uint64_t node;
} scan_state;

static sb_status scan_visit(void *ctx, uint64_t node, const sb_chunk *chunk, bool starts)
{
    scan_state *scan = (scan_state *)ctx;

    assert_int_equal(starts, !scan->any || scan->node != node);
    assert_true(chunk->count > 0);
    scan->any = true;
    scan->node = node;
    assert_true(scan->end - scan->at >= chunk->count);
    for (uint32_t i = 0; i < chunk->count; i++, scan->at++) {
        const sb_triple *want = &scan->w->want[scan->at];
        if (want->node != node || want->neighbor != sb_chunk_neighbor(chunk, i) ||
            want->rel != sb_chunk_rel(chunk, i)) {
            fail_msg("scan differs at entry %zu", scan->at);
        }
    }
    return SB_OK;
}

static void assert_scan(world *w, uint64_t first, uint64_t last)
{
    scan_state scan = {.w = w, .at = find(w, (sb_triple){first, 0, 0})};

    scan.end = last == UINT64_MAX ? w->count : find(w, (sb_triple){last + 1, 0, 0});
    assert_ok(sb_lists_scan(w->txn, &w->tree, first, last, scan_visit, &scan, &err));
    assert_int_equal(scan.at, scan.end);
}

/* Of entries in any order: each as a number, added up. */
typedef struct block_state {
    uint64_t first, last;
    uint64_t sum;
    size_t count;
} block_state;

static uint64_t number_of(uint64_t node, uint64_t neighbor, uint64_t rel)
{
    return sb_hash_u64(node ^ sb_hash_u64(neighbor ^ sb_hash_u64(rel)));
}

static sb_status block_visit(void *ctx, const sb_list_block *block)
{
    block_state *scan = (block_state *)ctx;
    uint32_t at = 0;

    assert_in_range(block->count, 1, SB_LIST_BLOCK);
    assert_true(block->entries.count <= SB_LIST_BLOCK);
    for (uint32_t i = 0; i < block->count; i++) {
        assert_true(block->nodes[i] >= scan->first && block->nodes[i] <= scan->last);
        for (uint32_t k = 0; k < block->lengths[i]; k++, at++)
            scan->sum += number_of(block->nodes[i], sb_chunk_neighbor(&block->entries, at),
                                   sb_chunk_rel(&block->entries, at));
    }
    assert_int_equal(at, block->entries.count);
    scan->count += at;
    return SB_OK;
}

static void assert_blocks(world *w, uint64_t first, uint64_t last)
{
    block_state scan = {.first = first, .last = last};
    const size_t from = find(w, (sb_triple){first, 0, 0});
    const size_t end = last == UINT64_MAX ? w->count : find(w, (sb_triple){last + 1, 0, 0});
    uint64_t sum = 0;

    for (size_t i = from; i < end; i++)
        sum += number_of(w->want[i].node, w->want[i].neighbor, w->want[i].rel);
    assert_ok(sb_lists_scan_blocks(w->txn, &w->tree, first, last, block_visit, &scan, &err));
    assert_int_equal(scan.count, end - from);
    assert_true(scan.sum == sum);
}

static uint64_t verified_entries(world *w, const sb_tree *tree)
{
    uint64_t findings = 0;
    sb_tree_stats stats;

    assert_ok(sb_tree_verify(w->txn, tree, NULL, print_finding, NULL, &stats, &findings, &err));
    assert_int_equal(findings, 0);
    assert_ok(sb_list__verify_tree(w->txn, tree, print_finding, NULL, &findings, &err));
    assert_int_equal(findings, 0);
    return stats.entries;
}

static void assert_tree(world *w)
{
    assert_int_equal(verified_entries(w, &w->tree) + verified_entries(w, &w->side), w->count);
    assert_scan(w, 0, UINT64_MAX);
    assert_blocks(w, 0, UINT64_MAX);
}

/* What is left of an open list must be want[from, to). */
static void assert_walk(world *w, sb_list *list, size_t from, size_t to)
{
    static uint64_t neighbors[SB_LIST_ENTRIES_MAX], rels[SB_LIST_ENTRIES_MAX];
    bool more = list->chunk.count > 0;

    while (more) {
        sb_chunk_neighbors(&list->chunk, 0, list->chunk.count, neighbors);
        sb_chunk_rels(&list->chunk, 0, list->chunk.count, rels);
        assert_true(to - from >= list->chunk.count);
        for (uint32_t i = 0; i < list->chunk.count; i++, from++) {
            if (w->want[from].neighbor != neighbors[i] || w->want[from].rel != rels[i]) {
                fail_msg("list of node %llu differs at entry %zu", (unsigned long long)list->node,
                         from);
            }
        }
        assert_ok(sb_list_next(list, &more, &err));
    }
    assert_int_equal(from, to);
    assert_int_equal(list->remaining, 0);
    assert_int_equal(list->chunk.count, 0);
}

static void assert_node(world *w, uint64_t node)
{
    const size_t from = find(w, (sb_triple){node, 0, 0}), to = end_of_node(w, from, node);
    uint64_t degree;
    sb_list list;

    assert_ok(sb_list_degree(w->txn, &w->tree, node, &degree, &err));
    assert_int_equal(degree, to - from);
    assert_ok(sb_list_open(w->txn, &w->tree, node, &list, &err));
    assert_int_equal(list.total, to - from);
    assert_int_equal(list.chunk.count + list.remaining, to - from);
    assert_walk(w, &list, from, to);
    sb_list_close(&list);
}

static void assert_seek(world *w, sb_triple key)
{
    const size_t begin = find(w, (sb_triple){key.node, 0, 0}), from = find(w, key);
    const size_t to = end_of_node(w, begin, key.node);
    sb_list list;

    assert_ok(sb_list_seek(w->txn, &w->tree, key.node, key.neighbor, key.rel, &list, &err));
    assert_int_equal(list.total, to - begin);
    assert_true(list.chunk.count + list.remaining >= to - from);
    assert_walk(w, &list, from < to ? from : to, to);
    sb_list_close(&list);
}

typedef struct open_state {
    world *w;
    const uint64_t *nodes;
    size_t next;
} open_state;

static sb_status open_visit(void *ctx, size_t i, sb_list *list)
{
    open_state *open = (open_state *)ctx;
    const size_t from = find(open->w, (sb_triple){list->node, 0, 0});

    assert_int_equal(i, open->next++);
    assert_int_equal(list->node, open->nodes[i]);
    assert_walk(open->w, list, from, end_of_node(open->w, from, list->node));
    return i == 90 ? SB_INTERRUPT : SB_OK;
}

/* ---- Changing tree and reference --------------------------------------------------------------------- */

/* Sorted triples into the tree, beside it, or into it together with what is aside. */
static uint64_t entries_of(world *w, const sb_tree *tree)
{
    sb_tree_stats stats;
    uint64_t findings = 0;

    if (tree->root == SB_PGNO_NONE) return 0;
    assert_ok(sb_tree_verify(w->txn, tree, NULL, print_finding, NULL, &stats, &findings, &err));
    assert_int_equal(findings, 0);
    return stats.entries;
}

/* A leaf that has fewer than least aside is left alone. */
static void put_gathered(world *w, const sb_triple *triples, size_t count)
{
    for (size_t i = 0; i < count;) {
        const uint64_t before = entries_of(w, &w->side);
        const size_t least = (size_t)sb_random_below(&w->choices, 3);
        size_t taken, from_side;
        assert_ok(sb_lists_gather(w->txn, &w->tree, &w->side, triples + i, count - i, least, &taken,
                                  &from_side, &err));
        assert_true(taken > 0);
        if (from_side >= least) {
            assert_int_equal(entries_of(w, &w->side), before - from_side);
            i += taken;
        } else {
            assert_int_equal(entries_of(w, &w->side), before);
            assert_ok(sb_lists_insert(w->txn, &w->side, triples + i, 1, &err));
            i++;
        }
    }
}

static void put(world *w, const sb_triple *triples, size_t count)
{
    const uint64_t choice = w->tree.side == NULL ? 0 : sb_random_below(&w->choices, 3);

    if (choice < 2) {
        sb_tree *to = choice == 0 ? &w->tree : &w->side;
        assert_ok(sb_lists_insert(w->txn, to, triples, count, &err));
        return;
    }
    put_gathered(w, triples, count);
}

/* Takes w->batch[0, count) in any order; what is there already is left out. */
static void insert_batch(world *w, size_t count)
{
    size_t kept = 0;

    w->operations += count;
    count = sort_unique(w->batch, count);
    for (size_t i = 0; i < count; i++) {
        const size_t at = find(w, w->batch[i]);
        if (at == w->count || compare(&w->want[at], &w->batch[i]) != 0)
            w->batch[kept++] = w->batch[i];
    }
    put(w, w->batch, kept);
    memcpy(w->want + w->count, w->batch, kept * sizeof *w->batch);
    w->count = sort_unique(w->want, w->count + kept);
}

/* Of sorted triples, from both. */
static size_t take_out(world *w, const sb_triple *triples, size_t count)
{
    size_t deleted, aside;

    assert_ok(sb_lists_delete(w->txn, &w->tree, triples, count, &deleted, &err));
    assert_ok(sb_lists_delete(w->txn, &w->side, triples, count, &aside, &err));
    return deleted + aside;
}

static void delete_batch(world *w, size_t count)
{
    size_t kept = 0, at = 0;

    w->operations += count;
    count = sort_unique(w->batch, count);
    for (size_t i = 0; i < w->count; i++) {
        while (at < count && compare(&w->batch[at], &w->want[i]) < 0)
            at++;
        if (at < count && compare(&w->batch[at], &w->want[i]) == 0) continue;
        w->want[kept++] = w->want[i];
    }
    assert_int_equal(take_out(w, w->batch, count), w->count - kept);
    w->count = kept;
}

static void build(world *w, sb_random *random, size_t count, unsigned fill)
{
    sb_build *made;

    count = sort_unique(w->batch, count);
    assert_ok(sb_build_open(w->txn, &w->tree, fill, &made, &err));
    for (size_t i = 0; i < count;) {
        size_t step = 1 + sb_random_below(random, sb_random_below(random, 2) == 0 ? 20000 : 50);
        if (step > count - i) step = count - i;
        assert_ok(sb_build_triples(made, w->batch + i, step, &err));
        i += step;
    }
    assert_ok(sb_build_finish(made, &err));
    memcpy(w->want, w->batch, count * sizeof *w->batch);
    w->count = count;
}

static void commit_and_go_on(world *w, bool reopen, uint32_t page_bytes)
{
    assert_ok(sb_txn_commit(w->txn, &err));
    w->txn = NULL;
    if (reopen) {
        sb_session_close(w->session);
        assert_ok(sb_pager_close(w->pager, &err));
        open_pager(w, page_bytes);
    }
    assert_ok(sb_txn_begin_write(w->session, &w->txn, &err));
}

/* ---- The model test ------------------------------------------------------------------------------------- */

typedef struct shape {
    uint64_t base, nodes, neighbors, rels;
} shape;

static sb_triple random_triple(sb_random *random, const shape *of)
{
    return (sb_triple){.node = of->base + sb_random_below(random, of->nodes),
                       .neighbor = sb_random_below(random, of->neighbors),
                       .rel = sb_random_below(random, of->rels)};
}

static void random_insert(world *w, sb_random *random, const shape *of)
{
    static const size_t most[] = {1, 10, 300, 20000};
    size_t n = 1 + sb_random_below(random, most[sb_random_below(random, 4)]);
    const uint64_t hub = of->base + sb_random_below(random, of->nodes);
    const uint64_t kind = sb_random_below(random, 4);

    if (w->count + n > MOST) n = 1;
    for (size_t i = 0; i < n; i++) {
        w->batch[i] = random_triple(random, of);
        if (kind == 0) w->batch[i].node = hub;
        /* Appending, inside the last list and behind it. */
        if (kind == 1 && w->count > 0 && w->want[w->count - 1].node < UINT64_MAX - 3) {
            w->batch[i].node = w->want[w->count - 1].node + sb_random_below(random, 2);
        }
    }
    insert_batch(w, n);
}

static void random_delete(world *w, sb_random *random)
{
    const size_t n = 1 + sb_random_below(random, BATCH_MAX),
                 start = sb_random_below(random, w->count);
    const bool scattered = sb_random_below(random, 2) == 0;
    size_t m = 0;

    for (size_t i = 0; i < n; i++) {
        const size_t at = scattered ? sb_random_below(random, w->count) : start + i;
        if (at >= w->count) break;
        w->batch[m] = w->want[at];
        w->batch[m++].rel += sb_random_below(random, 20) == 0 ? 1 : 0; /* perhaps absent */
    }
    delete_batch(w, m);
}

static void random_reads(world *w, sb_random *random, const shape *of)
{
    uint64_t nodes[100];
    open_state open = {.w = w, .nodes = nodes};

    for (size_t i = 0; i < 100; i++) {
        sb_triple key = random_triple(random, of);
        if (w->count > 0 && i % 2 == 0) {
            const sb_triple there = w->want[sb_random_below(random, w->count)];
            key.node = there.node;
            if (i % 4 == 0) key = there;
        }
        nodes[i] = key.node;
        if (i >= 20) continue;
        assert_node(w, key.node);
        assert_seek(w, key);
    }
    assert_int_equal(sb_lists_open(w->txn, &w->tree, nodes, 100, open_visit, &open, &err),
                     SB_INTERRUPT);
    assert_int_equal(open.next, 91);
    assert_scan(w, nodes[0] < nodes[1] ? nodes[0] : nodes[1],
                nodes[0] < nodes[1] ? nodes[1] : nodes[0]);
    assert_blocks(w, nodes[0] < nodes[1] ? nodes[0] : nodes[1],
                  nodes[0] < nodes[1] ? nodes[1] : nodes[0]);
}

static void run_model(sb_random *random, uint32_t page_bytes, const shape *of, size_t operations,
                      bool with_side)
{
    world *w = make_world(page_bytes);
    sb_triple *saved = (sb_triple *)malloc((MOST + BATCH_MAX) * sizeof *saved);

    assert_non_null(saved);
    if (with_side) w->tree.side = &w->side;
    w->choices = *random;
    if (sb_random_below(random, 2) == 0) {
        const size_t n = sb_random_below(random, BATCH_MAX);
        for (size_t i = 0; i < n; i++)
            w->batch[i] = random_triple(random, of);
        build(w, random, n, 60 + (unsigned)sb_random_below(random, 41));
        assert_tree(w);
    }
    for (unsigned step = 0; w->operations < operations; step++) {
        const bool undo = sb_random_below(random, 8) == 0;
        const bool removes =
            w->count > 0 && sb_random_below(random, 100) < (step % 40 < 20 ? 25u : 75u);
        const sb_tree tree = w->tree, side = w->side;
        const size_t count = w->count;
        uint32_t savepoint = 0;

        if (undo) {
            memcpy(saved, w->want, count * sizeof *saved);
            assert_ok(sb_txn_savepoint(w->txn, &savepoint, &err));
        }
        if (removes)
            random_delete(w, random);
        else
            random_insert(w, random, of);
        if (step % 4 == 0) assert_tree(w);
        if (undo) {
            random_reads(w, random, of); /* fills the leaf cache with what goes away */
            assert_ok(sb_txn_rollback_to(w->txn, savepoint, &err));
            assert_ok(sb_txn_release(w->txn, savepoint, &err));
            w->tree = tree;
            w->side = side;
            w->count = count;
            memcpy(w->want, saved, count * sizeof *saved);
            assert_tree(w);
        }
        random_reads(w, random, of);
        if (sb_random_below(random, 8) == 0)
            commit_and_go_on(w, sb_random_below(random, 2) == 0, page_bytes);
    }
    assert_tree(w);

    /* All of it out again: an empty tree stays. */
    assert_int_equal(take_out(w, w->want, w->count), w->count);
    w->count = 0;
    assert_tree(w);
    assert_int_equal(w->tree.root, SB_PGNO_NONE);
    assert_int_equal(w->side.root, SB_PGNO_NONE);
    test_operations_done(w->operations);
    free(saved);
    free_world(w);
}

static void run_models(uint64_t seed, bool with_side)
{
    static const shape shapes[] = {
        {0, 3, 100000, 1ull << 33},
        {0, 200, 300, 70000},
        {1000, 5000, 100000, 70000},
        {UINT64_MAX - 5000, 5000, 5, 70000},
        {0, 1ull << 40, UINT64_MAX, UINT64_MAX},
    };
    const size_t operations = test_operations(300000);
    sb_random random = test_random(seed);

    for (unsigned round = 0; round < 5; round++) {
        static const uint32_t sizes[] = {4096, 8192, 65536};
        run_model(&random, sizes[round % 3], &shapes[round], operations, with_side);
    }
}

static void test_tree_list__model(void **state)
{
    (void)state;
    run_models(11, false);
}

static void test_tree_list__model_with_side(void **state)
{
    (void)state;
    run_models(13, true);
}

/* ---- Single rules ------------------------------------------------------------------------------------- */

static void fill_hub(world *w, uint64_t node, size_t count)
{
    for (size_t i = 0; i < count; i++)
        w->batch[i] = (sb_triple){node, 2 * i, 3 * i};
    insert_batch(w, count);
}

/* A hub over many leaves among short lists; its total is right after every kind of change. */
static void test_tree_list__hub_totals(void **state)
{
    world *w = make_world(4096);

    (void)state;
    for (size_t i = 0; i < 100; i++)
        w->batch[i] = (sb_triple){i, i, i};
    insert_batch(w, 100);
    fill_hub(w, 50, 30000);
    assert_true(w->tree.leaf_count > 30);
    assert_tree(w);
    assert_node(w, 50);
    /* Single entries into its middle, its start and its end. */
    const uint64_t places[] = {30001, 1, 59999};
    for (size_t i = 0; i < 3; i++) {
        w->batch[0] = (sb_triple){50, places[i], 7};
        insert_batch(w, 1);
        assert_node(w, 50);
    }
    /* Without its first leaf's entries: the home stays, empty, as long as there is more. */
    for (size_t i = 0; i < 5000; i++)
        w->batch[i] = w->want[51 + i];
    delete_batch(w, 5000);
    assert_tree(w);
    assert_node(w, 50);
    /* Without its last ones, then without any. */
    size_t n = 0;
    for (size_t i = end_of_node(w, find(w, (sb_triple){50, 0, 0}), 50) - 20000;
         w->want[i].node == 50; i++) {
        w->batch[n++] = w->want[i];
    }
    assert_int_equal(n, 20000);
    delete_batch(w, n);
    assert_tree(w);
    assert_node(w, 50);
    n = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (w->want[i].node == 50) w->batch[n++] = w->want[i];
    }
    delete_batch(w, n);
    assert_tree(w);
    assert_node(w, 50);
    free_world(w);
}

/* A home without entries keeps the rest, and goes with it. */
static void test_tree_list__empty_home(void **state)
{
    world *w = make_world(4096);
    sb_list list;

    (void)state;
    fill_hub(w, 50, 5000);
    assert_ok(sb_list_open(w->txn, &w->tree, 50, &list, &err));
    const uint32_t at_home = list.chunk.count;
    sb_list_close(&list);
    assert_in_range(at_home, 100, 1000);
    const uint64_t leaves = w->tree.leaf_count;
    memcpy(w->batch, w->want, at_home * sizeof *w->batch);
    delete_batch(w, at_home);
    assert_int_equal(w->tree.leaf_count, leaves);
    assert_tree(w);
    assert_node(w, 50);
    assert_seek(w, (sb_triple){50, 1, 0});
    open_state open = {.w = w, .nodes = (const uint64_t[]){50, 51, 50}};
    assert_ok(sb_lists_open(w->txn, &w->tree, open.nodes, 3, open_visit, &open, &err));
    memcpy(w->batch, w->want, w->count * sizeof *w->batch);
    delete_batch(w, w->count);
    assert_int_equal(w->tree.root, SB_PGNO_NONE);
    free_world(w);
}

/* A hub longer than the builder keeps back gets its total all the same. */
static void test_tree_list__build_long_hub(void **state)
{
    const size_t hub = 150000;
    world *w = make_world(8192);
    sb_build *made;
    size_t n = 0;

    (void)state;
    w->want[n++] = (sb_triple){1, 1, 1};
    for (size_t i = 0; i < hub; i++)
        w->want[n++] = (sb_triple){2, i * 3, i};
    w->want[n++] = (sb_triple){3, 1, 1};
    w->count = n;
    assert_ok(sb_build_open(w->txn, &w->tree, 100, &made, &err));
    for (size_t i = 0; i < n; i += 7000) {
        assert_ok(sb_build_triples(made, w->want + i, n - i < 7000 ? n - i : 7000, &err));
    }
    assert_ok(sb_build_finish(made, &err));
    assert_tree(w);
    assert_node(w, 2);
    commit_and_go_on(w, true, 8192);
    assert_tree(w);
    assert_node(w, 2);
    free_world(w);
}

/* A reader of a hub whose leaves have several parents descends once for each parent, not for each leaf. */
static void test_tree_list__hub_over_parents(void **state)
{
    const size_t hub = 400000;
    world *w = make_world(8192);
    sb_tree_stats stats;
    uint64_t findings = 0;
    sb_build *made;

    (void)state;
    for (size_t i = 0; i < hub; i++)
        w->want[i] = (sb_triple){2, (i < hub / 2 ? 1 : (uint64_t)1 << 62), (uint64_t)i << 30 | 1};
    w->count = hub;
    assert_ok(sb_build_open(w->txn, &w->tree, 60, &made, &err));
    assert_ok(sb_build_triples(made, w->want, hub, &err));
    assert_ok(sb_build_finish(made, &err));
    assert_ok(sb_tree_verify(w->txn, &w->tree, NULL, print_finding, NULL, &stats, &findings, &err));
    assert_int_equal(findings, 0);
    assert_true(stats.inner_pages >= 3 && stats.leaf_pages >= 100 * stats.inner_pages);
    assert_ok(sb_txn_commit(w->txn, &err));
    assert_ok(sb_txn_begin_read(w->session, &w->txn, &err));
    assert_true(sb_txn_addresses(w->txn) != 0);
    w->profile.on = true;
    assert_node(w, 2);
    w->profile.on = false;
#ifndef SOMBRA_NO_PROFILE
    assert_in_range(w->profile.counts[SB_COUNT_TREE_DESCENTS], stats.inner_pages - 1,
                    stats.inner_pages + 2);
#endif
    free_world(w);
}

static void test_tree_list__misuse(void **state)
{
    const sb_triple unsorted[] = {{2, 1, 1}, {1, 1, 1}}, equal[] = {{1, 1, 1}, {1, 1, 1}};
    const sb_triple fine[] = {{1, 1, 1}, {2, 1, 1}, {3, 1, 1}};
    world *w = make_world(8192);
    sb_build *made;
    size_t deleted;

    (void)state;
    assert_int_equal(sb_lists_insert(w->txn, &w->tree, unsorted, 2, NULL), SB_MISUSE);
    assert_int_equal(sb_lists_insert(w->txn, &w->tree, equal, 2, NULL), SB_MISUSE);
    assert_int_equal(sb_lists_delete(w->txn, &w->tree, unsorted, 2, &deleted, NULL), SB_MISUSE);
    assert_int_equal(w->tree.root, SB_PGNO_NONE);
    assert_ok(sb_lists_insert(w->txn, &w->tree, fine, 3, &err));
    /* In place, and by rebuilding. */
    assert_int_equal(sb_lists_insert(w->txn, &w->tree, fine + 1, 1, NULL), SB_MISUSE);
    for (uint64_t i = 0; i < 1000; i++)
        w->batch[i] = (sb_triple){i, 1, 1};
    assert_int_equal(sb_lists_insert(w->txn, &w->tree, w->batch, 1000, NULL), SB_MISUSE);
    sb_txn_rollback(w->txn);
    assert_ok(sb_txn_begin_write(w->session, &w->txn, &err));
    w->tree = (sb_tree){.id = 8, .kind = SB_TREE_LIST};
    assert_ok(sb_build_open(w->txn, &w->tree, 100, &made, &err));
    assert_ok(sb_build_triples(made, fine + 1, 1, &err));
    assert_int_equal(sb_build_triples(made, fine, 1, NULL), SB_MISUSE);
    sb_build_abort(made);
    free_world(w);
}

/* Appending in order fills pages; scattered inserts into full ones divide them between lists. */
static void test_tree_list__fill(void **state)
{
    sb_random random = test_random(12);
    world *w = make_world(8192);
    uint64_t findings = 0;
    sb_tree_stats stats;

    (void)state;
    for (size_t i = 0; i < BATCH_MAX; i++) {
        w->batch[i] = (sb_triple){i / 10, sb_random_below(&random, 1000000), (1u << 20) + i};
    }
    const size_t n = sort_unique(w->batch, BATCH_MAX);
    for (size_t i = 0; i < n; i += 37) {
        assert_ok(sb_lists_insert(w->txn, &w->tree, w->batch + i, n - i < 37 ? n - i : 37, &err));
    }
    assert_ok(sb_tree_verify(w->txn, &w->tree, NULL, print_finding, NULL, &stats, &findings, &err));
    assert_int_equal(findings, 0);
    assert_int_equal(stats.entries, n);
    assert_true(stats.leaf_pages * 8192 <= n * 87 / 10);
    free_world(w);
}

/* Of the widest entries in the smallest pages more is appended than one rewrite makes leaves for: the next one puts the rest, and a list that
 * goes on over the cut has its total. */
static void test_tree_list__append_wide(void **state)
{
    const uint64_t wide = (uint64_t)1 << 62, hub = 5000;
    world *w = make_world(4096);

    (void)state;
    for (size_t i = 0; i < 10; i++)
        w->batch[i] = (sb_triple){1, i, i};
    insert_batch(w, 10);
    for (size_t i = 0; i < BATCH_MAX; i++) {
        const uint64_t number = i >= 2 * hub && i < 16000 ? hub : i / 2;
        w->batch[i] = (sb_triple){2 + (number << 36), i % 2 * wide + i, (i + 1) % 2 * wide + i};
    }
    insert_batch(w, BATCH_MAX);
    assert_tree(w);
    assert_node(w, 1);
    for (uint64_t number = hub - 2; number < BATCH_MAX / 2; number += number == hub ? 3000 : 1)
        assert_node(w, 2 + (number << 36));
    /* And where one of them lies before the last leaf's end, so that its entries are divided evenly. */
    for (size_t i = 0; i < BATCH_MAX / 2; i++)
        w->batch[i] =
            (sb_triple){2 + ((BATCH_MAX + i) << 35), i % 2 * wide + i, wide - i % 2 * wide};
    w->batch[0].node = w->want[w->count - 1].node - 1;
    insert_batch(w, BATCH_MAX / 2);
    assert_tree(w);
    free_world(w);
}

/* A full leaf that takes one more entry becomes two with room: the next entries fit without a split. */
static void test_tree_list__splits_in_halves(void **state)
{
    sb_random random = test_random(15);
    world *w = make_world(8192);

    (void)state;
    for (size_t i = 0; i < BATCH_MAX; i++) {
        w->batch[i] = (sb_triple){i / 10, sb_random_below(&random, 1000000), (1u << 20) + i};
    }
    build(w, &random, BATCH_MAX, 100);
    const uint64_t full = w->tree.leaf_count;
    for (size_t round = 0; round < 4; round++) {
        /* About ten a leaf: every one is met. */
        for (size_t i = 0; i < 10 * full; i++) {
            w->batch[i] =
                (sb_triple){sb_random_below(&random, BATCH_MAX / 10),
                            sb_random_below(&random, 1000000), (1u << 21) + round * BATCH_MAX + i};
        }
        insert_batch(w, 10 * full);
        assert_in_range(w->tree.leaf_count, 2 * full - 2, 2 * full + 2);
    }
    assert_tree(w);
    free_world(w);
}

/* Lists of length 1 on half of the nodes: at most 20 bytes an entry. */
static void test_tree_list__sparse_size(void **state)
{
    sb_random random = test_random(13);
    world *w = make_world(8192);
    size_t n = 0;

    (void)state;
    for (uint64_t node = 0; n < BATCH_MAX; node++) {
        if (sb_random_below(&random, 2) == 0) {
            w->batch[n++] = (sb_triple){node, sb_random_below(&random, 1000000),
                                        sb_random_below(&random, 5000000)};
        }
    }
    assert_ok(sb_lists_insert(w->txn, &w->tree, w->batch, n, &err));
    assert_true(w->tree.leaf_count * 8192 <= n * 20);
    free_world(w);
}

/* Steady state of inserts: no allocation but what the pager takes for its pages. */
static void test_tree_list__no_allocation_per_entry(void **state)
{
    world *w = make_world(8192);
    sb_random random = test_random(14);

    (void)state;
    fill_hub(w, 1000, 20000);
    for (size_t i = 0; i < 20000; i++)
        w->batch[i] = (sb_triple){i, sb_random_below(&random, 1000), i};
    insert_batch(w, 20000);
    for (size_t round = 0; round < 3; round++) {
        const uint64_t pages = w->tree.leaf_count;
        const size_t before = w->alloc.alloc_count;
        const sb_triple one = {round * 100, 5000 + round, 100 + round};
        for (size_t i = 0; i < 1000; i++) {
            const sb_triple each = {one.node, one.neighbor + i, one.rel + i};
            assert_ok(sb_lists_insert(w->txn, &w->tree, &each, 1, &err));
        }
        assert_in_range(w->alloc.alloc_count - before, 0, 3 * (w->tree.leaf_count - pages) + 3);
    }
    free_world(w);
}

/* Each allocation of a scenario fails once: SB_NOMEM, and after a roll-back all is as before. */
static void test_tree_list__out_of_memory(void **state)
{
    world *w = make_world(4096);

    (void)state;
    for (size_t i = 0; i < 3000; i++)
        w->batch[i] = (sb_triple){i / 3, i, i};
    insert_batch(w, 3000);
    commit_and_go_on(w, false, 4096);
    for (size_t fail = 1;; fail++) {
        const sb_tree tree = w->tree;
        uint32_t savepoint;
        size_t deleted;
        sb_err ignored;
        uint64_t degree;

        assert_ok(sb_txn_savepoint(w->txn, &savepoint, &err));
        sb_err_clear(&ignored);
        for (size_t i = 0; i < 5000; i++)
            w->batch[i] = (sb_triple){i / 5, 5000 + i, 9000 + i};
        w->alloc.fail_at = w->alloc.alloc_count + fail;
        sb_status status = sb_lists_insert(w->txn, &w->tree, w->batch, 5000, &ignored);
        if (status == SB_OK)
            status = sb_lists_delete(w->txn, &w->tree, w->want, 2900, &deleted, &ignored);
        if (status == SB_OK) status = sb_list_degree(w->txn, &w->tree, 999, &degree, &ignored);
        w->alloc.fail_at = 0;
        if (status != SB_OK) assert_int_equal(status, SB_NOMEM);
        assert_ok(sb_txn_rollback_to(w->txn, savepoint, &err));
        assert_ok(sb_txn_release(w->txn, savepoint, &err));
        w->tree = tree;
        assert_tree(w);
        if (status == SB_OK) break;
        assert_in_range(fail, 1, 5000);
    }
    free_world(w);
}

/* verify finds a wrong total, and names the node. */
static void keep_message(void *ctx, sb_pgno pgno, const char *message)
{
    (void)pgno;
    (void)strncat((char *)ctx, message, 400 - strlen((char *)ctx));
}

static void test_tree_list__verify_finds_wrong_total(void **state)
{
    world *w = make_world(4096);
    char text[512] = "";
    uint64_t findings = 0;
    sb_tree_stats stats;
    sb_page page;
    sb_pgno home;
    uint8_t *bytes;

    (void)state;
    fill_hub(w, 50, 5000);
    assert_ok(sb_tree__leaf_of_id(w->txn, &w->tree, 50, &page, &home, &err));
    sb_page_release(w->txn, &page);
    assert_ok(sb_page_mut(w->txn, home, &bytes, &err));
    sb_list__set_rest(bytes, sb_load_le64(bytes + SB_LIST_REST) + 1);
    assert_ok(sb_tree_verify(w->txn, &w->tree, NULL, keep_message, text, &stats, &findings, &err));
    assert_int_equal(findings, 1);
    assert_non_null(strstr(text, "node 50"));
    free_world(w);
}

static sb_status visit_all(void *ctx, uint64_t node, const sb_chunk *chunk, bool starts)
{
    (void)ctx, (void)node, (void)chunk, (void)starts;
    return SB_OK;
}

static sb_status visit_all_blocks(void *ctx, const sb_list_block *block)
{
    (void)ctx, (void)block;
    return SB_OK;
}

static sb_status walk_all(world *w, uint64_t node)
{
    sb_list list;
    bool more = true;
    sb_status status = sb_list_open(w->txn, &w->tree, node, &list, NULL);

    while (status == SB_OK && more)
        status = sb_list_next(&list, &more, NULL);
    sb_list_close(&list);
    return status;
}

/* The leaf where key belongs says that it is tree's. */
static void mark_leaf(world *w, const sb_triple *triple, uint32_t tree)
{
    uint8_t key[SB_LIST_KEY_BYTES], *bytes;
    sb_path path;

    sb_list__key(triple, key);
    assert_ok(sb_tree__descend(w->txn, &w->tree, sb_bytes_of(key, sizeof key), &path, &err));
    assert_ok(sb_page_mut(w->txn, path.leaf, &bytes, &err));
    sb_store_le32(bytes + SB_PAGE_TREE, tree);
}

static void assert_readers_notice(world *w, const sb_triple *at)
{
    sb_list list;

    assert_int_equal(walk_all(w, at->node), SB_CORRUPT);
    assert_int_equal(sb_list_seek(w->txn, &w->tree, at->node, at->neighbor, at->rel, &list, NULL),
                     SB_CORRUPT);
    assert_int_equal(sb_lists_scan(w->txn, &w->tree, 0, 100, visit_all, NULL, NULL), SB_CORRUPT);
    assert_int_equal(sb_lists_scan_blocks(w->txn, &w->tree, 0, 100, visit_all_blocks, NULL, NULL),
                     SB_CORRUPT);
}

/* A parent that leads to a page of something else: whoever comes to a leaf of lists notices before its bytes are taken for one. */
static void test_tree_list__leaf_of_another_tree(void **state)
{
    const sb_triple first = {50, 0, 0}, inside = {50, 20001, 1};
    world *w = make_world(8192);
    size_t taken, from_side;

    (void)state;
    fill_hub(w, 50, 20000);
    mark_leaf(w, &first, 9);
    assert_int_equal(
        sb_lists_gather(w->txn, &w->side, &w->tree, &first, 1, 0, &taken, &from_side, NULL),
        SB_CORRUPT);
    mark_leaf(w, &first, w->tree.id);
    mark_leaf(w, &inside, 9);
    assert_int_equal(sb_lists_insert(w->txn, &w->tree, &inside, 1, NULL), SB_CORRUPT);
    assert_int_equal(sb_lists_delete(w->txn, &w->tree, &inside, 1, &taken, NULL), SB_CORRUPT);
    assert_readers_notice(w, &inside);
    assert_ok(sb_txn_commit(w->txn, &err));
    assert_ok(sb_txn_begin_read(w->session, &w->txn, &err));
    assert_readers_notice(w, &inside);
    free_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tree_list__model),
        TEST(test_tree_list__model_with_side),
        TEST(test_tree_list__hub_totals),
        TEST(test_tree_list__empty_home),
        TEST(test_tree_list__build_long_hub),
        TEST(test_tree_list__hub_over_parents),
        TEST(test_tree_list__misuse),
        TEST(test_tree_list__fill),
        TEST(test_tree_list__append_wide),
        TEST(test_tree_list__splits_in_halves),
        TEST(test_tree_list__sparse_size),
        TEST(test_tree_list__no_allocation_per_entry),
        TEST(test_tree_list__out_of_memory),
        TEST(test_tree_list__verify_finds_wrong_total),
        TEST(test_tree_list__leaf_of_another_tree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
