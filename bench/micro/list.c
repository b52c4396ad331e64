/* micro/list.c — list trees by themselves, against a raw compressed-sparse-row array in the same process.
 * Graph: R-MAT with 2^20 nodes and 10 M relationships, ids permuted; files in memory.
 *   cc -O3 -DNDEBUG -D_GNU_SOURCE -Isrc bench/micro/list.c src/{base,os,pager,tree}/[a-z]*.c -lpthread
 *   ./a.out [page_bytes [relationships [fill_percent]]] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tree/tree.h"

#define SCALE   20u
#define NODES   ((uint64_t)1 << SCALE)
#define LOOKUPS 4000000u
#define ROUNDS  3

static sb_err err;
static uint64_t sum; /* keeps the work from being optimized away */

static void must(sb_status status)
{
    if (status == SB_OK) return;
    fprintf(stderr, "%s: %s\n", sb_status_name(status), err.text);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *need(void *block)
{
    if (block == NULL) exit(1);
    return block;
}

/* ---- The graph ----------------------------------------------------------------------------------------- */

static sb_triple *make_graph(sb_random *random, size_t count)
{
    uint32_t *permuted = need(malloc(NODES * sizeof *permuted));
    sb_triple *triples = need(malloc(count * sizeof *triples)),
              *scratch = need(malloc(count * sizeof *scratch));

    for (uint32_t i = 0; i < NODES; i++)
        permuted[i] = i;
    for (uint32_t i = (uint32_t)NODES - 1; i > 0; i--) {
        const uint32_t j = (uint32_t)sb_random_below(random, i + 1), swap = permuted[i];
        permuted[i] = permuted[j];
        permuted[j] = swap;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t from = 0, to = 0;
        for (unsigned level = 0; level < SCALE; level++) { /* 0.57, 0.19, 0.19, 0.05 */
            const uint64_t x = sb_random_below(random, 100);
            from = from * 2 + (x >= 76);
            to = to * 2 + ((x >= 57 && x < 76) || x >= 95);
        }
        triples[i] = (sb_triple){permuted[from], permuted[to], i};
    }
    sb_triples_sort(triples, scratch, count);
    free(scratch);
    free(permuted);
    return triples;
}

typedef struct raw_graph {
    uint32_t *ends, *neighbors;
} raw_graph;

static raw_graph make_raw(const sb_triple *triples, size_t count)
{
    raw_graph raw = {need(calloc(NODES + 2, 4)), need(malloc(count * 4))};

    for (size_t i = 0; i < count; i++) {
        raw.ends[triples[i].node + 1]++;
        raw.neighbors[i] = (uint32_t)triples[i].neighbor;
    }
    for (uint64_t i = 0; i < NODES; i++)
        raw.ends[i + 1] += raw.ends[i];
    return raw;
}

static SB_NOINLINE void raw_open(const raw_graph *raw, uint64_t node, const uint32_t **list,
                                 uint32_t *count)
{
    *list = raw->neighbors + raw->ends[node];
    *count = raw->ends[node + 1] - raw->ends[node];
}

/* ---- Reads ---------------------------------------------------------------------------------------------- */

static sb_status sum_chunk(void *ctx, uint64_t node, const sb_chunk *chunk, bool starts)
{
    uint64_t total = chunk->neighbor_base * chunk->count;

    (void)ctx, (void)node, (void)starts;
    if (chunk->neighbor_width == 4) {
        for (uint32_t i = 0; i < chunk->count; i++)
            total += sb_load_le32(chunk->neighbors + 4 * (size_t)i);
    } else {
        for (uint32_t i = 0; i < chunk->count; i++)
            total += sb_chunk_neighbor(chunk, i);
    }
    sum += total;
    return SB_OK;
}

static uint64_t decoded[65536];
static sb_status decode_chunk(void *ctx, uint64_t node, const sb_chunk *chunk, bool starts)
{
    (void)ctx, (void)node, (void)starts;
    sb_chunk_neighbors(chunk, 0, chunk->count, decoded);
    sum += decoded[0];
    return SB_OK;
}

static sb_status touch_list(void *ctx, size_t i, sb_list *list)
{
    (void)ctx, (void)i;
    if (list->chunk.count > 0) sum += sb_chunk_neighbor(&list->chunk, 0) + list->total;
    return SB_OK;
}

static void reads(sb_txn *txn, const sb_tree *tree, const raw_graph *raw, size_t count,
                  sb_random *random)
{
    uint64_t *nodes = need(malloc(LOOKUPS * sizeof *nodes));

    for (size_t i = 0; i < LOOKUPS; i++)
        nodes[i] = sb_random_below(random, NODES);
    for (int round = 0; round < ROUNDS; round++) {
        double t[9];
        t[0] = now();
        must(sb_lists_scan(txn, tree, 0, UINT64_MAX, sum_chunk, NULL, &err));
        t[1] = now();
        must(sb_lists_scan(txn, tree, 0, UINT64_MAX, decode_chunk, NULL, &err));
        t[2] = now();
        for (uint64_t node = 0; node < NODES; node++) {
            uint64_t total = 0;
            for (uint32_t i = raw->ends[node]; i < raw->ends[node + 1]; i++)
                total += raw->neighbors[i];
            sum += total;
        }
        t[3] = now();
        for (size_t i = 0; i < LOOKUPS; i++) {
            sb_list list;
            must(sb_list_open(txn, tree, nodes[i], &list, &err));
            must(touch_list(NULL, i, &list));
            sb_list_close(&list);
        }
        t[4] = now();
        must(sb_lists_open(txn, tree, nodes, LOOKUPS, touch_list, NULL, &err));
        t[5] = now();
        for (size_t i = 0; i < LOOKUPS; i++) {
            const uint32_t *list;
            uint32_t length;
            raw_open(raw, nodes[i], &list, &length);
            if (length > 0) sum += list[0] + length;
        }
        t[6] = now();
        for (size_t i = 0; i < LOOKUPS; i++) { /* batches of 16 */
            const size_t ahead = i + 16 < LOOKUPS ? i + 16 : i, next = i + 8 < LOOKUPS ? i + 8 : i;
            SB_PREFETCH(&raw->ends[nodes[ahead]]);
            SB_PREFETCH(&raw->neighbors[raw->ends[nodes[next]]]);
            const uint32_t from = raw->ends[nodes[i]], length = raw->ends[nodes[i] + 1] - from;
            if (length > 0) sum += raw->neighbors[from] + length;
        }
        t[7] = now();
        for (size_t i = 0; i < LOOKUPS; i++) {
            uint64_t degree;
            must(sb_list_degree(txn, tree, nodes[i], &degree, &err));
            sum += degree;
        }
        t[8] = now();
        printf("scan %.0f M/s, decoding %.0f M/s, raw %.0f M/s\n",
               (double)count / (t[1] - t[0]) / 1e6, (double)count / (t[2] - t[1]) / 1e6,
               (double)count / (t[3] - t[2]) / 1e6);
        printf("open one by one %.1f M/s (%.2f of raw %.1f), batch %.1f M/s (%.2f of raw %.1f), "
               "degree %.1f M/s\n",
               LOOKUPS / (t[4] - t[3]) / 1e6, (t[6] - t[5]) / (t[4] - t[3]),
               LOOKUPS / (t[6] - t[5]) / 1e6, LOOKUPS / (t[5] - t[4]) / 1e6,
               (t[7] - t[6]) / (t[5] - t[4]), LOOKUPS / (t[7] - t[6]) / 1e6,
               LOOKUPS / (t[8] - t[7]) / 1e6);
    }
    free(nodes);
}

/* ---- Writes ----------------------------------------------------------------------------------------------- */

static void print_counters(sb_txn *txn, const char *what, double seconds, size_t count,
                           const sb_tree *tree)
{
    const sb_tree_counters *c = sb_tree_counters_get(txn);

    printf("%s: %.1f ms, %.2f M/s, %.2f us each; leaves %llu, in place %llu, rebuilt %llu, splits "
           "%llu\n",
           what, seconds * 1e3, (double)count / seconds / 1e6, seconds / (double)count * 1e6,
           (unsigned long long)tree->leaf_count, (unsigned long long)c->in_place,
           (unsigned long long)c->rebuilds, (unsigned long long)c->splits);
}

static void writes(sb_session *session, sb_tree tree, const sb_triple *triples, size_t count,
                   sb_random *random)
{
    enum { SCATTERED = 80000 };
    static sb_triple fresh[SCATTERED], scratch[SCATTERED];
    sb_txn *txn;
    double start;
    size_t deleted;

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < SCATTERED; i++) {
            fresh[i] = (sb_triple){sb_random_below(random, NODES), sb_random_below(random, NODES),
                                   count + i};
        }
        sb_triples_sort(fresh, scratch, SCATTERED);
        must(sb_txn_begin_write(session, &txn, &err));
        sb_tree copy = tree;
        start = now();
        must(sb_lists_insert(txn, &copy, fresh, SCATTERED, &err));
        print_counters(txn, "80,000 scattered, one call", now() - start, SCATTERED, &copy);
        start = now();
        must(sb_lists_delete(txn, &copy, fresh, SCATTERED, &deleted, &err));
        print_counters(txn, "  and deleted", now() - start, SCATTERED, &copy);
        for (size_t i = SCATTERED - 1; i > 0; i--) {
            const size_t j = sb_random_below(random, i + 1);
            const sb_triple swap = fresh[i];
            fresh[i] = fresh[j];
            fresh[j] = swap;
        }
        start = now();
        for (size_t i = 0; i < SCATTERED; i++)
            must(sb_lists_insert(txn, &copy, fresh + i, 1, &err));
        print_counters(txn, "  again, one by one", now() - start, SCATTERED, &copy);
        sb_txn_rollback(txn);

        must(sb_txn_begin_write(session, &txn, &err));
        sb_tree empty = {.id = 9, .kind = SB_TREE_LIST};
        start = now();
        must(sb_lists_insert(txn, &empty, triples, SCATTERED, &err));
        print_counters(txn, "80,000 sorted into an empty tree", now() - start, SCATTERED, &empty);
        start = now();
        must(sb_lists_insert(txn, &empty, triples + SCATTERED, SCATTERED, &err));
        print_counters(txn, "  and 80,000 behind them", now() - start, SCATTERED, &empty);
        sb_txn_rollback(txn);
    }
}

int main(int argc, char **argv)
{
    const uint32_t page_bytes = argc > 1 ? (uint32_t)atoi(argv[1]) : 8192;
    const size_t count = argc > 2 ? strtoul(argv[2], NULL, 0) : 10000000;
    const unsigned fill = argc > 3 ? (unsigned)atoi(argv[3]) : 100;
    static sb_profile profile;
    sb_tree tree = {.id = 1, .kind = SB_TREE_LIST};
    sb_random random = {42};
    sb_pager_options options;
    sb_session *session;
    sb_build *build;
    sb_pager *pager;
    sb_vfs *vfs;
    sb_txn *txn;

    sb_triple *triples = make_graph(&random, count);
    raw_graph raw = make_raw(triples, count);
    must(sb_vfs_mem_create(&sb_allocator_libc, &vfs, &err));
    sb_pager_options_init(&options);
    options.alloc = &sb_allocator_libc;
    options.vfs = vfs;
    options.profile = &profile;
    options.page_bytes = page_bytes;
    options.create = true;
    options.durability = SB_DURABLE_OFF;
    options.read_mode = SB_READ_MAP;
    options.txn_memory_bytes = (uint64_t)4 << 30;
    options.check = sb_tree_check_page;
    must(sb_pager_open("lists", &options, &pager, &err));
    must(sb_session_open(pager, &session, &err));

    must(sb_txn_begin_write(session, &txn, &err));
    const double start = now();
    must(sb_build_open(txn, &tree, fill, &build, &err));
    for (size_t i = 0; i < count; i += 10000) {
        must(sb_build_triples(build, triples + i, count - i < 10000 ? count - i : 10000, &err));
    }
    must(sb_build_finish(build, &err));
    printf("build %.1f M/s; %.3f bytes an entry in %llu leaves, height %u\n",
           (double)count / (now() - start) / 1e6,
           (double)tree.leaf_count * page_bytes / (double)count,
           (unsigned long long)tree.leaf_count, (unsigned)tree.height);
    must(sb_txn_commit(txn, &err));

    must(sb_txn_begin_read(session, &txn, &err));
    reads(txn, &tree, &raw, count, &random);
    sb_txn_rollback(txn);
    writes(session, tree, triples, count, &random);

    sb_session_close(session);
    must(sb_pager_close(pager, &err));
    sb_vfs_destroy(vfs);
    free(raw.ends);
    free(raw.neighbors);
    free(triples);
    printf("(%llu)\n", (unsigned long long)sum);
    return 0;
}
