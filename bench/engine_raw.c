/* engine_raw.c — the floor: compressed-sparse-row arrays in memory, a hash-free array by key, columns as arrays of their own
 * width; and for commits a write and a sync of a file whose space was written before. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/range_count.h"
#include "raw_store.h"
#include "sombra.h"

#define FILE_BYTES  ((size_t)16 << 20)
#define WRITE_BYTES 4096u

static void *open_store(const char *path, bench_sync sync)
{
    raw_store *store = bench_alloc(1, sizeof *store);

    (void)sync;
    store->block = bench_alloc(WRITE_BYTES, 1);
    store->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (store->file < 0) bench_fail("raw: can not make %s", path);
    for (size_t at = 0; at < FILE_BYTES; at += WRITE_BYTES) {
        if (pwrite(store->file, store->block, WRITE_BYTES, (off_t)at) != WRITE_BYTES)
            bench_fail("raw: can not write %s", path);
    }
    if (fsync(store->file) != 0) bench_fail("raw: can not sync %s", path);
    return store;
}

static void close_store(void *object)
{
    raw_store *store = object;

    bench_walk_deinit(&store->walk);
    (void)close(store->file);
    free(store->ends);
    free(store->neighbors);
    free(store->weights);
    free(store->keys);
    free(store->names);
    free(store->out_sorted);
    free(store->in_ends);
    free(store->in_sorted);
    bench_raw_social_free(store->social);
    free(store->block);
    free(store);
}

static void load(void *object, const bench_graph *graph)
{
    raw_store *store = object;
    uint32_t *next = bench_alloc((size_t)graph->node_count + 1, sizeof *next);

    store->node_count = graph->node_count;
    store->edge_count = graph->edge_count;
    store->ends = bench_alloc((size_t)graph->node_count + 1, sizeof *store->ends);
    store->neighbors = bench_alloc(graph->edge_count, sizeof *store->neighbors);
    store->weights = bench_alloc(graph->edge_count, 1);
    store->keys = bench_alloc(graph->node_count, sizeof *store->keys);
    store->names = bench_alloc(graph->node_count, sizeof *store->names);
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        store->ends[graph->source[i] + 1]++;
        store->weights[i] = (uint8_t)graph->weight[i];
    }
    for (uint32_t i = 0; i < graph->node_count; i++) {
        store->ends[i + 1] += store->ends[i];
        next[i] = store->ends[i];
        store->keys[i] = (uint32_t)graph->key[i];
        memcpy(store->names[i], graph->names[i].data, BENCH_NAME_BYTES);
    }
    for (uint32_t i = 0; i < graph->edge_count; i++)
        store->neighbors[next[graph->source[i]]++] = graph->target[i];
    free(next);
    bench_walk_init(&store->walk, graph->node_count);
}

static void commit_block(raw_store *store)
{
    if (pwrite(store->file, store->block, WRITE_BYTES, (off_t)store->offset) != WRITE_BYTES ||
        fdatasync(store->file) != 0)
        bench_fail("raw: can not write");
    store->offset = (store->offset + WRITE_BYTES) % FILE_BYTES;
}

static void commit_node(void *object, int64_t key, bench_text name)
{
    raw_store *store = object;

    memcpy(store->block, &key, sizeof key);
    memcpy(store->block + sizeof key, name.data, name.size);
    commit_block(store);
}

static void insert_edges(void *object, const uint32_t *source, const uint32_t *target,
                         const int64_t *weight, size_t count)
{
    raw_store *store = object;

    (void)weight, (void)count; /* one at a time: its bytes go to the file alone */
    memcpy(store->block, source, sizeof *source);
    memcpy(store->block + sizeof *source, target, sizeof *target);
    commit_block(store);
}

static void commit_update(void *object, uint32_t node, int64_t value)
{
    raw_store *store = object;

    memcpy(store->block, &node, sizeof node);
    memcpy(store->block + sizeof node, &value, sizeof value);
    commit_block(store);
}

static void no_transaction(void *object)
{
    (void)object;
}

/* One call each, not inlined: what a library could at best be. */
static SB_NOINLINE void list_of(const raw_store *store, uint32_t node, const uint32_t **list,
                                uint32_t *count)
{
    *list = store->neighbors + store->ends[node];
    *count = store->ends[node + 1] - store->ends[node];
}

static SB_NOINLINE uint64_t row_of(const raw_store *store, uint32_t node)
{
    return store->keys[node] + (uint64_t)(uint8_t)store->names[node][0];
}

static uint64_t lookup_id(void *object, const uint32_t *nodes, size_t count, bool batch)
{
    const raw_store *store = object;
    uint64_t sum = 0;

    (void)batch;
    for (size_t i = 0; i < count; i++)
        sum += row_of(store, nodes[i]);
    return sum;
}

static uint64_t neighbors(void *object, const uint32_t *nodes, size_t count, bool batch)
{
    const raw_store *store = object;
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        const uint32_t *list;
        uint32_t length;
        if (batch) {
            const size_t ahead = i + 16 < count ? i + 16 : i, soon = i + 8 < count ? i + 8 : i;
            SB_PREFETCH(&store->ends[nodes[ahead]]);
            SB_PREFETCH(&store->neighbors[store->ends[nodes[soon]]]);
        }
        list_of(store, nodes[i], &list, &length);
        for (uint32_t j = 0; j < length; j++)
            sum += (uint64_t)list[j] + 1;
    }
    return sum;
}

static uint64_t two_hop(void *object, const uint32_t *nodes, size_t count)
{
    raw_store *store = object;
    uint64_t distinct = 0;

    for (size_t i = 0; i < count; i++) {
        bench_walk_next(&store->walk);
        for (uint32_t j = store->ends[nodes[i]]; j < store->ends[nodes[i] + 1]; j++) {
            const uint32_t middle = store->neighbors[j];
            for (uint32_t k = store->ends[middle]; k < store->ends[middle + 1]; k++)
                distinct += bench_walk_see(&store->walk, store->neighbors[k]);
        }
    }
    return distinct;
}

static uint64_t three_hop(void *object, const uint32_t *nodes, size_t count, bool by_lengths)
{
    const raw_store *store = object;
    const uint32_t *ends = store->ends, *list = store->neighbors;
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        for (uint32_t j = ends[nodes[i]]; j < ends[nodes[i] + 1]; j++) {
            for (uint32_t k = ends[list[j]]; k < ends[list[j] + 1]; k++) {
                const uint32_t from = ends[list[k]], to = ends[list[k] + 1];
                if (by_lengths) {
                    sum += to - from;
                    continue;
                }
                for (uint32_t l = from; l < to; l++)
                    sum += (uint64_t)list[l] + 1;
            }
        }
    }
    return sum;
}

static uint64_t breadth_first(void *object, uint32_t start, uint64_t *edges)
{
    raw_store *store = object;
    bench_walk *walk = &store->walk;
    size_t head = 0, tail = 0;

    *edges = 0;
    bench_walk_next(walk);
    (void)bench_walk_see(walk, start);
    walk->queue[tail++] = start;
    while (head < tail) {
        const uint32_t node = walk->queue[head++];
        *edges += store->ends[node + 1] - store->ends[node];
        for (uint32_t i = store->ends[node]; i < store->ends[node + 1]; i++) {
            if (bench_walk_see(walk, store->neighbors[i]))
                walk->queue[tail++] = store->neighbors[i];
        }
    }
    return tail;
}

/* Level by level, each frontier a bitmap that is walked in order of nodes, with the lists of what comes next asked for. */
static uint64_t bfs_in_order(void *object, uint32_t start, uint64_t *edges)
{
    const raw_store *store = object;
    const size_t words = (size_t)store->node_count / 64 + 1;
    uint64_t *seen = bench_alloc(words, 8), *level = bench_alloc(words, 8),
             *next = bench_alloc(words, 8), visited = 1;
    bool any = true;

    *edges = 0;
    seen[start / 64] = level[start / 64] = 1ull << (start % 64);
    while (any) {
        memset(next, 0, words * sizeof *next);
        for (size_t w = 0; w < words; w++) {
            for (uint64_t bits = level[w]; bits != 0; bits &= bits - 1) {
                const uint32_t node = (uint32_t)(64 * w) + sb_ctz64(bits);
                const uint32_t from = store->ends[node], to = store->ends[node + 1];
                *edges += to - from;
                for (uint32_t i = from; i < to; i++)
                    next[store->neighbors[i] / 64] |= 1ull << (store->neighbors[i] % 64);
            }
        }
        any = false;
        for (size_t w = 0; w < words; w++) {
            next[w] &= ~seen[w];
            seen[w] |= next[w];
            visited += sb_popcount64(next[w]);
            any |= next[w] != 0;
        }
        uint64_t *const swap = level;
        level = next;
        next = swap;
    }
    free(seen);
    free(level);
    free(next);
    return visited;
}

/* By the loops that Sombra counts a leaf's column with. */
static uint64_t scan(void *object, bool nodes, int64_t low, int64_t high)
{
    const raw_store *store = object;
    const uint64_t span = (uint64_t)(high - low);

    if (nodes)
        return sb_range_count((const uint8_t *)store->keys, sizeof *store->keys, store->node_count,
                              (uint64_t)low, span);
    return sb_range_count(store->weights, 1, store->edge_count, (uint64_t)low, span);
}

const bench_engine bench_raw = {
    .name = "raw",
    .open = open_store,
    .close = close_store,
    .load = load,
    .insert_edges = insert_edges,
    .commit_node = commit_node,
    .commit_update = commit_update,
    .read_begin = no_transaction,
    .read_end = no_transaction,
    .lookup_id = lookup_id,
    .neighbors = neighbors,
    .neighbors_in_place = neighbors,
    .two_hop = two_hop,
    .three_hop = three_hop,
    .bfs = breadth_first,
    .bfs_in_order = bfs_in_order,
    .scan = scan,
    .query = bench_raw_query,
    .batches = true,
};
