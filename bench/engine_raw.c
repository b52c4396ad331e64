/* engine_raw.c — the floor: compressed-sparse-row arrays in memory, a hash table by key, columns as arrays of their own width, all
 * written to a file at once; and for single commits a write and a sync of a file whose space was written before. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/range_count.h"
#include "raw_store.h"
#include "sombra.h"

#define LOG_BYTES   ((size_t)16 << 20)
#define WRITE_BYTES 4096u

/* ---- Stores --------------------------------------------------------------------------------------- */

static raw_store *new_store(const char *path, bench_sync sync)
{
    raw_store *store = bench_alloc(1, sizeof *store);

    store->path = bench_alloc(strlen(path) + 1, 1);
    memcpy(store->path, path, strlen(path));
    store->sync = sync;
    store->log = -1;
    atomic_init(&store->current, &store->arrays);
    return store;
}

/* The space of single commits, which sync. */
static void make_log(raw_store *store)
{
    char *name = bench_alloc(strlen(store->path) + 8, 1);

    (void)sprintf(name, "%s-wal", store->path);
    store->block = bench_alloc(WRITE_BYTES, 1);
    store->log = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (store->log < 0) bench_fail("raw: can not make %s", name);
    for (size_t at = 0; at < LOG_BYTES; at += WRITE_BYTES) {
        if (pwrite(store->log, store->block, WRITE_BYTES, (off_t)at) != WRITE_BYTES)
            bench_fail("raw: can not write %s", name);
    }
    if (fsync(store->log) != 0) bench_fail("raw: can not sync %s", name);
    store->last = LOG_BYTES;
    free(name);
}

static void *open_store(const char *path, bench_sync sync)
{
    raw_store *store = new_store(path, sync);

    if (sync != BENCH_OFF) make_log(store);
    return store;
}

static void *reopen_store(const char *path)
{
    raw_store *store = new_store(path, BENCH_FULL);

    raw_arrays_map(&store->arrays, path);
    return store;
}

static void drop_sorted(raw_store *store)
{
    free(store->out_sorted);
    free(store->in_sorted);
    store->out_sorted = store->in_sorted = NULL;
}

static void close_store(void *object)
{
    raw_store *store = object;

    if (store->log >= 0) (void)close(store->log);
    bench_walk_deinit(&store->walk);
    raw_arrays_free(&store->arrays);
    drop_sorted(store);
    bench_raw_social_free(store->social);
    free(store->late.source);
    free(store->late.target);
    free(store->late.weight);
    free(store->path);
    free(store->block);
    free(store);
}

/* Each thread goes round in a part of the log that is its own, and syncs for itself. */
static void *connect_store(void *object, unsigned index, unsigned count)
{
    raw_store *of = object, *store = bench_alloc(1, sizeof *store);
    const size_t part = LOG_BYTES / WRITE_BYTES / count * WRITE_BYTES;

    store->of = of;
    store->log = of->log;
    store->block = bench_alloc(WRITE_BYTES, 1);
    store->offset = store->first = index * part;
    store->last = store->first + part;
    return store;
}

static void disconnect_store(void *object)
{
    raw_store *store = object;

    store->of->nodes_added += store->nodes_added;
    free(store->block);
    free(store);
}

/* ---- Writing -------------------------------------------------------------------------------------- */

/* The arrays into the file, in one piece, with one sync. */
static void write_arrays(const raw_store *store)
{
    const int file = open(store->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    if (file < 0) bench_fail("raw: can not make %s", store->path);
    raw_arrays_write(&store->arrays, file);
    if (store->sync != BENCH_OFF && fdatasync(file) != 0)
        bench_fail("raw: can not sync %s", store->path);
    (void)close(file);
}

static void load(void *object, const bench_graph *graph)
{
    raw_store *store = object;

    raw_arrays_make(&store->arrays, graph);
    write_arrays(store);
    if (store->walk.stamps == NULL) bench_walk_init(&store->walk, graph->node_count);
}

static void load_csv(const char *path, const char *csv)
{
    bench_graph *graph = bench_graph_from_csv(csv);
    raw_store *store = new_store(path, BENCH_FULL);

    load(store, graph);
    close_store(store);
    bench_graph_free(graph);
}

static void count_all(void *object, uint64_t *nodes, uint64_t *edges)
{
    const raw_store *store = object;

    *nodes = store->arrays.node_count + store->nodes_added;
    *edges = store->arrays.edge_count + store->late.count;
}

static void commit_block(raw_store *store)
{
    if (pwrite(store->log, store->block, WRITE_BYTES, (off_t)store->offset) != WRITE_BYTES ||
        fdatasync(store->log) != 0)
        bench_fail("raw: can not write");
    store->offset += WRITE_BYTES;
    if (store->offset == store->last) store->offset = store->first;
}

static void commit_node(void *object, int64_t key, bench_text name)
{
    raw_store *store = object;

    memcpy(store->block, &key, sizeof key);
    memcpy(store->block + sizeof key, name.data, name.size);
    commit_block(store);
    store->nodes_added++;
}

static void *grown(void *array, size_t count, size_t size)
{
    void *made = realloc(array, count * size);
    if (made == NULL) bench_fail("out of memory");
    return made;
}

static void keep_late(raw_store *store, const uint32_t *source, const uint32_t *target,
                      const int64_t *weight, size_t count)
{
    const size_t all = store->late.count + count;

    if (all > store->late.room) {
        store->late.room = 2 * all;
        store->late.source = grown(store->late.source, 2 * all, sizeof *source);
        store->late.target = grown(store->late.target, 2 * all, sizeof *target);
        store->late.weight = grown(store->late.weight, 2 * all, sizeof *weight);
    }
    memcpy(store->late.source + store->late.count, source, count * sizeof *source);
    memcpy(store->late.target + store->late.count, target, count * sizeof *target);
    memcpy(store->late.weight + store->late.count, weight, count * sizeof *weight);
    store->late.count = all;
}

/* One relationship: its bytes go to the log, as a commit. Several: all arrays are made anew, and written. */
static void insert_edges(void *object, const uint32_t *source, const uint32_t *target,
                         const int64_t *weight, size_t count)
{
    raw_store *store = object;

    keep_late(store, source, target, weight, count);
    if (count == 1) {
        memcpy(store->block, source, sizeof *source);
        memcpy(store->block + sizeof *source, target, sizeof *target);
        memcpy(store->block + 2 * sizeof *source, weight, sizeof *weight);
        commit_block(store);
        return;
    }
    raw_arrays_extend(&store->arrays, &(raw_edges){store->late.source, store->late.target,
                                                   store->late.weight, store->late.count});
    store->late.count = 0;
    drop_sorted(store);
    write_arrays(store);
}

static void commit_update(void *object, uint32_t node, int64_t value)
{
    raw_store *store = object;

    memcpy(store->block, &node, sizeof node);
    memcpy(store->block + sizeof node, &value, sizeof value);
    commit_block(store);
}

/* ---- Reading -------------------------------------------------------------------------------------- */

static void no_transaction(void *object)
{
    (void)object;
}

/* One call each, not inlined: what a library could at best be. */
static SB_NOINLINE void list_of(const raw_lists *lists, uint32_t node, const uint32_t **list,
                                uint32_t *count)
{
    *list = lists->neighbors + lists->ends[node];
    *count = lists->ends[node + 1] - lists->ends[node];
}

static SB_NOINLINE uint64_t row_of(const raw_arrays *arrays, uint32_t node)
{
    return arrays->keys[node] + (uint64_t)(uint8_t)arrays->names[node][0];
}

static SB_NOINLINE uint64_t row_of_key(const raw_arrays *arrays, uint32_t key)
{
    const uint32_t mask = (1u << arrays->slot_bits) - 1;
    uint32_t at = raw_slot_of(arrays, key);

    while (arrays->slots[at].node != 0 && arrays->slots[at].key != key)
        at = (at + 1) & mask;
    if (arrays->slots[at].node == 0) bench_fail("raw: there is no node %u", key);
    return row_of(arrays, arrays->slots[at].node - 1);
}

static uint64_t lookup_id(void *object, const uint32_t *nodes, size_t count, bool batch)
{
    const raw_store *store = object;
    uint64_t sum = 0;

    (void)batch;
    for (size_t i = 0; i < count; i++)
        sum += row_of(&store->arrays, nodes[i]);
    return sum;
}

static uint64_t lookup_key(void *object, const int64_t *keys, size_t count, bool batch)
{
    const raw_store *store = object;
    uint64_t sum = 0;

    (void)batch;
    for (size_t i = 0; i < count; i++)
        sum += row_of_key(&store->arrays, (uint32_t)keys[i]);
    return sum;
}

/* A snapshot is the arrays that are current: one load, ordered before what is read of them. */
static uint64_t lookup_autocommit(void *object, const uint32_t *nodes, size_t count)
{
    raw_store *store = object;
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += row_of(atomic_load_explicit(&store->current, memory_order_acquire), nodes[i]);
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
            SB_PREFETCH(&store->arrays.out.ends[nodes[ahead]]);
            SB_PREFETCH(&store->arrays.out.neighbors[store->arrays.out.ends[nodes[soon]]]);
        }
        list_of(&store->arrays.out, nodes[i], &list, &length);
        for (uint32_t j = 0; j < length; j++)
            sum += (uint64_t)list[j] + 1;
    }
    return sum;
}

/* The lists that items to come lead to, asked for while the one at hand is read. */
SB_INLINE void ask_ahead(const raw_lists *lists, uint32_t item, uint32_t end)
{
    if (item + 16 < end) SB_PREFETCH(&lists->ends[lists->neighbors[item + 16]]);
    if (item + 8 < end) SB_PREFETCH(&lists->neighbors[lists->ends[lists->neighbors[item + 8]]]);
}

/* ahead: ask for lists ahead; a constant where it is called, so each has code of its own. */
SB_INLINE uint64_t walk_two(raw_store *store, const uint32_t *nodes, size_t count, bool ahead)
{
    const raw_lists *out = &store->arrays.out;
    uint64_t distinct = 0;

    for (size_t i = 0; i < count; i++) {
        const uint32_t end = out->ends[nodes[i] + 1];
        bench_walk_next(&store->walk);
        for (uint32_t j = out->ends[nodes[i]]; j < end; j++) {
            const uint32_t middle = out->neighbors[j];
            if (ahead) ask_ahead(out, j, end);
            for (uint32_t k = out->ends[middle]; k < out->ends[middle + 1]; k++)
                distinct += bench_walk_see(&store->walk, out->neighbors[k]);
        }
    }
    return distinct;
}

static uint64_t two_hop(void *object, const uint32_t *nodes, size_t count)
{
    return walk_two(object, nodes, count, false);
}

static uint64_t two_hop_ahead(void *object, const uint32_t *nodes, size_t count)
{
    return walk_two(object, nodes, count, true);
}

/* by_lengths: the last hop is not walked. */
SB_INLINE uint64_t walk_three(const raw_store *store, const uint32_t *nodes, size_t count,
                              bool by_lengths, bool ahead)
{
    const uint32_t *ends = store->arrays.out.ends, *list = store->arrays.out.neighbors;
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        for (uint32_t j = ends[nodes[i]]; j < ends[nodes[i] + 1]; j++) {
            for (uint32_t k = ends[list[j]]; k < ends[list[j] + 1]; k++) {
                const uint32_t from = ends[list[k]], to = ends[list[k] + 1];
                if (ahead) ask_ahead(&store->arrays.out, k, ends[list[j] + 1]);
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

static uint64_t three_hop(void *object, const uint32_t *nodes, size_t count, bool by_lengths)
{
    return by_lengths ? walk_three(object, nodes, count, true, false)
                      : walk_three(object, nodes, count, false, false);
}

static uint64_t three_hop_ahead(void *object, const uint32_t *nodes, size_t count)
{
    return walk_three(object, nodes, count, false, true);
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
        *edges += store->arrays.out.ends[node + 1] - store->arrays.out.ends[node];
        for (uint32_t i = store->arrays.out.ends[node]; i < store->arrays.out.ends[node + 1]; i++) {
            if (bench_walk_see(walk, store->arrays.out.neighbors[i]))
                walk->queue[tail++] = store->arrays.out.neighbors[i];
        }
    }
    return tail;
}

/* The nodes of a bitmap, in order; returns how many. */
static size_t list_bits(const uint64_t *bitmap, size_t words, uint32_t *nodes)
{
    size_t count = 0;

    for (size_t w = 0; w < words; w++) {
        for (uint64_t bits = bitmap[w]; bits != 0; bits &= bits - 1)
            nodes[count++] = (uint32_t)(64 * w) + sb_ctz64(bits);
    }
    return count;
}

/* Set the bits of what the nodes lead to, with the lists of nodes to come asked for; returns the lists' length. */
static uint64_t mark_next(const raw_lists *lists, const uint32_t *nodes, size_t count,
                          uint64_t *next)
{
    uint64_t edges = 0;

    for (size_t i = 0; i < count; i++) {
        const uint32_t from = lists->ends[nodes[i]], to = lists->ends[nodes[i] + 1];
        if (i + 16 < count) SB_PREFETCH(&lists->ends[nodes[i + 16]]);
        if (i + 8 < count) SB_PREFETCH(&lists->neighbors[lists->ends[nodes[i + 8]]]);
        edges += to - from;
        for (uint32_t j = from; j < to; j++)
            next[lists->neighbors[j] / 64] |= 1ull << (lists->neighbors[j] % 64);
    }
    return edges;
}

/* Level by level, each frontier a bitmap that is walked in order of nodes. */
static uint64_t bfs_in_order(void *object, uint32_t start, uint64_t *edges)
{
    raw_store *store = object;
    const size_t words = (size_t)store->arrays.node_count / 64 + 1;
    uint64_t *seen = bench_alloc(words, 8), *next = bench_alloc(words, 8), visited = 1;
    uint32_t *nodes = store->walk.queue;
    size_t count = 1;

    *edges = 0;
    seen[start / 64] = 1ull << (start % 64);
    nodes[0] = start;
    while (count != 0) {
        memset(next, 0, words * sizeof *next);
        *edges += mark_next(&store->arrays.out, nodes, count, next);
        for (size_t w = 0; w < words; w++) {
            next[w] &= ~seen[w];
            seen[w] |= next[w];
        }
        count = list_bits(next, words, nodes);
        visited += count;
    }
    free(seen);
    free(next);
    return visited;
}

/* By the loops that Sombra counts a leaf's column with. */
static uint64_t scan(void *object, bool nodes, int64_t low, int64_t high)
{
    const raw_store *store = object;
    const uint64_t span = (uint64_t)(high - low);

    if (nodes)
        return sb_range_count((const uint8_t *)store->arrays.keys, sizeof *store->arrays.keys,
                              store->arrays.node_count, (uint64_t)low, span);
    return sb_range_count(store->arrays.weights, 1, store->arrays.edge_count, (uint64_t)low, span);
}

const bench_engine bench_raw = {
    .name = "raw",
    .open = open_store,
    .close = close_store,
    .load = load,
    .reopen = reopen_store,
    .load_csv = load_csv,
    .count = count_all,
    .connect = connect_store,
    .disconnect = disconnect_store,
    .insert_edges = insert_edges,
    .commit_node = commit_node,
    .commit_update = commit_update,
    .read_begin = no_transaction,
    .read_end = no_transaction,
    .lookup_id = lookup_id,
    .lookup_key = lookup_key,
    .lookup_autocommit = lookup_autocommit,
    .neighbors = neighbors,
    .neighbors_in_place = neighbors,
    .two_hop = two_hop,
    .two_hop_ahead = two_hop_ahead,
    .three_hop = three_hop,
    .three_hop_ahead = three_hop_ahead,
    .bfs = breadth_first,
    .bfs_in_order = bfs_in_order,
    .scan = scan,
    .query = bench_raw_query,
    .batches = true,
};
