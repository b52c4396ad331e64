/* put_many.c — put_many_allocations: heap allocations for each 1,000 items put, for the three kinds of leaves and inside
 * bulk_edge_creation itself; with the write path's buffers, and with these parts switched off.
 * Buffers of pages are counted apart: a transaction holds the pages that it changed, whoever changes them. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "sombra_store.h"
#include "tree/tree.h"

#define WORKLOAD "put_many_allocations"
#define ITEMS    20000u
#define ROUNDS   4u /* of new items; the first ones warm the transaction's buffers up */
#define PARTS_OFF                                                                                  \
    (SB_SEED_BUFFER_POOL | SB_SEED_INLINE_SNAPSHOT | SB_SEED_PUT_REUSE | SB_SEED_LEAF_REUSE)

/* ---- Counting ----------------------------------------------------------------------------------- */

static _Atomic uint64_t allocations, page_allocations;
static const sb_allocator *counted = &sb_allocator_libc; /* where the blocks come from */

/* A page, or a run of page buffers, each with 64 bytes before it, as the run has (pager/buffers.c). */
static void note(size_t bytes)
{
    const size_t buffer = SB_PAGE_BYTES_DEFAULT + 64;
    const bool page = bytes == SB_PAGE_BYTES_DEFAULT || (bytes > buffer && bytes % buffer == 64);
    (void)atomic_fetch_add_explicit(page ? &page_allocations : &allocations, 1,
                                    memory_order_relaxed);
}

static void *count_alloc(void *ctx, size_t bytes)
{
    (void)ctx;
    note(bytes);
    return sb_alloc(counted, bytes);
}

static void *count_resize(void *ctx, void *block, size_t old_bytes, size_t new_bytes)
{
    (void)ctx;
    if (new_bytes > old_bytes) note(new_bytes);
    return sb_resize(counted, block, old_bytes, new_bytes);
}

static void count_free(void *ctx, void *block, size_t bytes)
{
    (void)ctx;
    sb_free(counted, block, bytes);
}

static const sb_allocator counting = {
    .alloc = count_alloc, .resize = count_resize, .free = count_free};

/* ---- The tree layer ------------------------------------------------------------------------------- */

static sb_err err;

static void must(sb_status status)
{
    if (status != SB_OK) bench_fail("%s: %s", sb_status_name(status), err.text);
}

typedef struct tree_store {
    sb_profile profile;
    sb_vfs *vfs;
    sb_pager *pager;
    sb_session *session;
} tree_store;

static void open_trees(tree_store *store, uint32_t switched_off)
{
    sb_pager_options options;

    memset(store, 0, sizeof *store);
    store->profile.switched_off = switched_off;
    must(sb_vfs_mem_create(&sb_allocator_libc, &store->vfs, &err));
    sb_pager_options_init(&options);
    options.alloc = &counting;
    options.vfs = store->vfs;
    options.profile = &store->profile;
    options.create = true;
    options.durability = SB_DURABLE_OFF;
    options.txn_memory_bytes = (uint64_t)1 << 30;
    options.check = sb_tree_check_page;
    must(sb_pager_open("trees", &options, &store->pager, &err));
    must(sb_session_open(store->pager, &store->session, &err));
}

static void close_trees(tree_store *store)
{
    sb_session_close(store->session);
    must(sb_pager_close(store->pager, &err));
    sb_vfs_destroy(store->vfs);
}

/* Items 4 × i + round: sorted, and each round lies between the items of the rounds before. */
typedef struct item_set {
    uint8_t (*keys)[8];
    sb_item *slotted;
    uint64_t *ids, *words;
    sb_triple *triples;
} item_set;

static void make_items(item_set *made, uint64_t round)
{
    for (uint64_t i = 0; i < ITEMS; i++) {
        const uint64_t number = ROUNDS * i + round;
        for (unsigned byte = 0; byte < 8; byte++)
            made->keys[i][byte] = (uint8_t)(number >> (56 - 8 * byte));
        made->slotted[i] =
            (sb_item){sb_bytes_of(made->keys[i], 8), sb_bytes_of("a value of sixteen", 16)};
        made->ids[i] = number + 1;
        made->words[i] = number % 200;
        made->triples[i] = (sb_triple){1 + i / 4, number, number + 1};
    }
}

static void put_items(sb_txn *txn, sb_tree *tree, const item_set *made)
{
    const sb_column column = {.key = 1, .type = SB_CLASS_INT, .words = made->words};
    const sb_rows rows = {
        .ids = made->ids, .row_count = ITEMS, .columns = &column, .column_count = 1};

    if (tree->kind == SB_TREE_SLOTTED)
        must(sb_tree_put_many(txn, tree, made->slotted, ITEMS, &err));
    else if (tree->kind == SB_TREE_COLUMNAR)
        must(sb_rows_put(txn, tree, &rows, &err));
    else
        must(sb_lists_insert(txn, tree, made->triples, ITEMS, &err));
}

static double per_thousand(uint64_t count, double items)
{
    return (double)count * 1000.0 / items;
}

/* One kind of leaf: all but the last round of new items warm the transaction up; the last one counts. */
static void run_kind(sb_tree_kind kind, const char *name, bool off)
{
    item_set made = {bench_alloc(ITEMS, 8), bench_alloc(ITEMS, sizeof(sb_item)),
                     bench_alloc(ITEMS, 8), bench_alloc(ITEMS, 8),
                     bench_alloc(ITEMS, sizeof(sb_triple))};
    sb_tree tree = {.id = 1, .kind = (uint8_t)kind};
    sb_tree_stats stats = {0};
    uint64_t findings = 0, heap, pages;
    tree_store store;
    sb_txn *txn;
    char metric[64];

    open_trees(&store, off ? PARTS_OFF : 0);
    must(sb_txn_begin_write(store.session, &txn, &err));
    for (uint64_t round = 0; round + 1 < ROUNDS; round++) {
        make_items(&made, round);
        put_items(txn, &tree, &made);
    }
    make_items(&made, ROUNDS - 1);
    heap = atomic_load(&allocations);
    pages = atomic_load(&page_allocations);
    put_items(txn, &tree, &made);
    heap = atomic_load(&allocations) - heap;
    pages = atomic_load(&page_allocations) - pages;
    must(sb_tree_verify(txn, &tree, NULL, NULL, NULL, &stats, &findings, &err));
    bench_expect("entries", stats.entries, (uint64_t)ITEMS * ROUNDS);
    bench_expect("findings", findings, 0);
    sb_txn_rollback(txn);
    close_trees(&store);
    (void)snprintf(metric, sizeof metric, "%s_allocations_per_1000%s", name,
                   off ? "_parts_off" : "");
    bench_count(WORKLOAD, "none", "sombra", metric, per_thousand(heap, ITEMS), "per 1000");
    (void)snprintf(metric, sizeof metric, "%s_page_buffers_per_1000%s", name,
                   off ? "_parts_off" : "");
    bench_count(WORKLOAD, "none", "sombra", metric, per_thousand(pages, ITEMS), "per 1000");
    free(made.keys);
    free(made.slotted);
    free(made.ids);
    free(made.words);
    free(made.triples);
}

/* ---- Inside bulk_edge_creation ---------------------------------------------------------------------- */

/* The keys of a second graph in the same store follow those of the first. */
static void shift_keys(bench_graph *graph)
{
    for (uint32_t i = 0; i < graph->node_count; i++)
        graph->key[i] += graph->node_count;
}

static void run_bulk(const char *graph_name, bool off)
{
    bench_graph *graph = bench_graph_make(graph_name);
    const double elements = (double)graph->node_count + (double)graph->edge_count;
    char *path = bench_path("allocations");
    sombra_options options;
    sombra_store *store;
    char metric[64];

    sombra_options_init(&options);
    options.durability = SOMBRA_DURABLE_OFF;
    options.checkpoint_thread = false;
    store = bench_sombra_open(path, &options, off ? PARTS_OFF : 0);
    counted = store->db->memory.inner;
    store->db->memory.inner = &counting;
    for (int round = 0; round < 2; round++) {
        uint64_t heap = atomic_load(&allocations), pages = atomic_load(&page_allocations);
        bench_sombra.load(store, graph);
        heap = atomic_load(&allocations) - heap;
        pages = atomic_load(&page_allocations) - pages;
        (void)snprintf(metric, sizeof metric, "bulk_%s_allocations_per_1000%s",
                       round == 0 ? "first" : "second", off ? "_parts_off" : "");
        bench_count(WORKLOAD, graph->name, "sombra", metric, per_thousand(heap, elements),
                    "per 1000");
        (void)snprintf(metric, sizeof metric, "bulk_%s_page_buffers_per_1000%s",
                       round == 0 ? "first" : "second", off ? "_parts_off" : "");
        bench_count(WORKLOAD, graph->name, "sombra", metric, per_thousand(pages, elements),
                    "per 1000");
        shift_keys(graph);
    }
    bench_sombra_close(store);
    counted = &sb_allocator_libc;
    bench_remove(path);
    free(path);
    bench_graph_free(graph);
}

void bench_run_put_many(const char *workload)
{
    static const char *const USUAL[] = {"s20k", NULL};

    (void)workload;
    if (!bench_engine_wanted("sombra")) return;
    for (int off = 0; off < 2; off++) {
        run_kind(SB_TREE_SLOTTED, "slotted", off != 0);
        run_kind(SB_TREE_COLUMNAR, "columnar", off != 0);
        run_kind(SB_TREE_LIST, "list", off != 0);
    }
    for (const char *const *name = bench_graphs(USUAL); *name != NULL; name++) {
        run_bulk(*name, false);
        run_bulk(*name, true);
    }
}
