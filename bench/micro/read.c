/* micro/read.c — reading and traversing through the graph layer, against raw arrays in the same process.
 * Graph: R-MAT with 2^20 nodes and 10 M relationships of one type, ids permuted; two integer properties on nodes, one of one byte
 * and one of 64 random bits on relationships; in a file in memory.
 *   cc -O3 -DNDEBUG -D_GNU_SOURCE -Isrc bench/micro/read.c src/{base,os,pager,tree,store,graph}/[a-z]*.c -lxxhash -lutf8proc -lz -lzstd -lpthread -lm
 *   ./a.out [relationships] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "graph/graph.h"

#define SCALE   20u
#define NODES   ((uint64_t)1 << SCALE)
#define LOOKUPS 2000000u
#define BATCH   1024u
#define ROUNDS  5

static sb_err err;
static uint64_t sum; /* keeps the work from being optimized away */
static sb_graph *graph;
static sb_node_id *ids;   /* of nodes, by number */
static sb_node_id *asked; /* random ids */
static size_t rel_count = 10000000;
static sb_key_id node_keys[2], rel_keys[2];
static sb_type_id type;

/* The raw arrays: by id. */
static uint32_t *ends, *neighbors;
static uint64_t id_end;

static void must(sb_status status)
{
    if (status == SB_OK) return;
    fprintf(stderr, "%s: %s\n", sb_status_name(status), err.text);
    exit(1);
}

/* Time of this process: nothing here waits, and others may share the machine. */
static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *need(void *block)
{
    if (block == NULL) exit(1);
    return block;
}

/* Best of some rounds, in millions of units a second. */
static double measure(const char *what, double units, void (*run)(void))
{
    double best = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        const double start = now();
        run();
        const double took = now() - start;
        if (took < best) best = took;
    }
    printf("%-44s %10.2f M/s  %9.3f ms\n", what, units / best / 1e6, best * 1e3);
    return units / best;
}

/* ---- The graph ----------------------------------------------------------------------------------------- */

static void build(sb_session *session)
{
    sb_random random = {.state = 42};
    sb_node_id *sources = need(malloc(rel_count * sizeof *sources)),
               *targets = need(malloc(rel_count * sizeof *targets));
    int64_t *small = need(malloc(rel_count * sizeof *small)),
            *large = need(malloc(rel_count * sizeof *large));
    sb_rel_id *rels = need(malloc(rel_count * sizeof *rels));
    sb_txn *txn;
    sb_label_id label;
    sb_set_id set;

    must(sb_txn_begin_write(session, &txn, &err));
    must(sb_graph_get(txn, &graph, &err));
    must(sb_view_found(sb_graph_view(graph), &err));
    must(sb_name_intern(sb_graph_view(graph), SB_NAME_LABEL, sb_bytes_of("Person", 6), &label,
                        &err));
    must(sb_name_intern(sb_graph_view(graph), SB_NAME_TYPE, sb_bytes_of("KNOWS", 5), &type, &err));
    must(sb_name_intern(sb_graph_view(graph), SB_NAME_KEY, sb_bytes_of("number", 6), &node_keys[0],
                        &err));
    must(sb_name_intern(sb_graph_view(graph), SB_NAME_KEY, sb_bytes_of("age", 3), &node_keys[1],
                        &err));
    must(sb_name_intern(sb_graph_view(graph), SB_NAME_KEY, sb_bytes_of("small", 5), &rel_keys[0],
                        &err));
    must(sb_name_intern(sb_graph_view(graph), SB_NAME_KEY, sb_bytes_of("large", 5), &rel_keys[1],
                        &err));
    must(sb_set_intern(sb_graph_view(graph), &label, 1, &set, &err));
    for (size_t i = 0; i < NODES; i++) {
        small[i] = (int64_t)sb_random_below(&random, 100);
        large[i] = (int64_t)sb_random_next(&random);
    }
    must(sb_graph_create_nodes(
        graph, set, NODES,
        (sb_prop_column[]){{.key = node_keys[0], .type = SB_TYPE_INT, .integers = large},
                           {.key = node_keys[1], .type = SB_TYPE_INT, .integers = small}},
        2, ids, &err));
    id_end = ids[NODES - 1] + 1;
    for (size_t i = NODES - 1; i > 0; i--) {
        const size_t j = (size_t)sb_random_below(&random, i + 1);
        const sb_node_id swap = ids[i];
        ids[i] = ids[j];
        ids[j] = swap;
    }
    for (size_t i = 0; i < rel_count; i++) {
        size_t from = 0, to = 0;
        for (unsigned level = 0; level < SCALE; level++) { /* 0.57, 0.19, 0.19, 0.05 */
            const uint64_t x = sb_random_below(&random, 100);
            from = from * 2 + (x >= 76);
            to = to * 2 + ((x >= 57 && x < 76) || x >= 95);
        }
        sources[i] = ids[from];
        targets[i] = ids[to];
        small[i] = (int64_t)sb_random_below(&random, 200);
        large[i] = (int64_t)sb_random_next(&random);
    }
    must(sb_graph_create_rels(
        graph, type, rel_count, sources, targets,
        (sb_prop_column[]){{.key = rel_keys[0], .type = SB_TYPE_INT, .integers = small},
                           {.key = rel_keys[1], .type = SB_TYPE_INT, .integers = large}},
        2, rels, &err));
    must(sb_txn_commit(txn, &err));
    ends = need(calloc(id_end + 1, sizeof *ends));
    neighbors = need(malloc(rel_count * sizeof *neighbors));
    for (size_t i = 0; i < rel_count; i++)
        ends[sources[i]]++;
    for (size_t i = 1; i <= id_end; i++)
        ends[i] += ends[i - 1];
    /* ends are begins now */
    for (size_t i = rel_count; i-- > 0;)
        neighbors[--ends[sources[i]]] = (uint32_t)targets[i];
    for (size_t i = 0; i < LOOKUPS; i++)
        asked[i] = ids[sb_random_below(&random, NODES)];
    free(sources);
    free(targets);
    free(small);
    free(large);
    free(rels);
}

/* ---- Look-ups -------------------------------------------------------------------------------------------- */

static void props_one_by_one(void)
{
    for (size_t i = 0; i < LOOKUPS; i++) {
        sb_value values[2];
        bool found;
        must(sb_graph_get_props(graph, SB_NODE, asked[i], node_keys, 2, values, &found, &err));
        sum += (uint64_t)values[0].as.integer + (uint64_t)values[1].as.integer;
    }
}

static void props_many(void)
{
    static sb_value values[2 * BATCH];
    uint8_t found[BATCH / 8];
    for (size_t i = 0; i + BATCH <= LOOKUPS; i += BATCH) {
        must(sb_graph_get_props_many(graph, SB_NODE, asked + i, BATCH, node_keys, 2, values, found,
                                     &err));
        for (size_t k = 0; k < 2 * BATCH; k++)
            sum += (uint64_t)values[k].as.integer;
    }
}

/* ---- Neighbors ----------------------------------------------------------------------------------------------- */

/* What a caller of a library gets: a copy, by a call that is not inlined. */
SB_NOINLINE static size_t raw_neighbors(uint64_t id, uint64_t *out)
{
    const uint32_t begin = ends[id], end = ends[id + 1];
    for (uint32_t i = begin; i < end; i++)
        out[i - begin] = neighbors[i];
    return end - begin;
}

static uint64_t room[1 << 22];

static void raw_one_by_one(void)
{
    for (size_t i = 0; i < LOOKUPS; i++) {
        const size_t count = raw_neighbors(asked[i], room);
        if (count != 0) sum += room[count - 1];
    }
}

static void raw_many(void)
{
    for (size_t i = 0; i + BATCH <= LOOKUPS; i += BATCH) {
        size_t count = 0;
        for (size_t k = 0; k < BATCH; k++) {
            if (k + 16 < BATCH) SB_PREFETCH(&ends[asked[i + k + 16]]);
            if (k + 8 < BATCH) SB_PREFETCH(&neighbors[ends[asked[i + k + 8]]]);
            count += raw_neighbors(asked[i + k], room + count);
        }
        sum += room[count / 2];
    }
}

static void neighbors_one_by_one(void)
{
    for (size_t i = 0; i < LOOKUPS; i++) {
        const sb_node_id *list;
        size_t count;
        must(sb_graph_neighbor_ids(graph, asked[i], SB_OUT, type, &list, &count, &err));
        if (count != 0) sum += list[count - 1];
    }
}

static void neighbors_many(void)
{
    static size_t list_ends[BATCH];
    for (size_t i = 0; i + BATCH <= LOOKUPS; i += BATCH) {
        const sb_node_id *list;
        must(sb_graph_neighbor_ids_many(graph, asked + i, BATCH, SB_OUT, type, &list, list_ends,
                                        &err));
        sum += list[list_ends[BATCH - 1] / 2];
    }
}

/* ---- Breadth-first search ---------------------------------------------------------------------------------------- */

static uint32_t *queue;
static uint8_t *seen;
static uint64_t *bits[3];

static void raw_bfs_queue(void)
{
    size_t head = 0, tail = 0;
    memset(seen, 0, id_end);
    queue[tail++] = (uint32_t)ids[0];
    seen[ids[0]] = 1;
    while (head < tail) {
        const uint32_t node = queue[head++];
        for (uint32_t i = ends[node]; i < ends[node + 1]; i++) {
            if (seen[neighbors[i]]) continue;
            seen[neighbors[i]] = 1;
            queue[tail++] = neighbors[i];
        }
    }
    sum += tail;
}

static void raw_bfs_bits(void)
{
    const size_t words = (size_t)id_end / 64 + 1;
    uint64_t left = 1, reached = 0;
    for (int i = 0; i < 3; i++)
        memset(bits[i], 0, words * sizeof(uint64_t));
    bits[0][ids[0] / 64] = bits[1][ids[0] / 64] = 1ull << (ids[0] % 64);
    while (left != 0) {
        for (size_t w = 0; w < words; w++)
            for (uint64_t word = bits[1][w]; word != 0; word &= word - 1) {
                const size_t node = w * 64 + sb_ctz64(word);
                for (uint32_t i = ends[node]; i < ends[node + 1]; i++)
                    bits[2][neighbors[i] / 64] |= 1ull << (neighbors[i] % 64);
            }
        left = 0;
        for (size_t w = 0; w < words; w++) {
            bits[1][w] = bits[2][w] & ~bits[0][w];
            bits[0][w] |= bits[1][w];
            bits[2][w] = 0;
            left += sb_popcount64(bits[1][w]);
        }
        reached += left;
    }
    sum += reached;
}

static sb_bfs_result bfs_result;

static void graph_bfs(void)
{
    const sb_bfs_options options = {.direction = SB_OUT, .max_depth = UINT32_MAX};
    must(sb_graph_bfs(graph, ids[0], &options, NULL, NULL, &bfs_result, &err));
}

/* ---- Paths, counts -------------------------------------------------------------------------------------------------- */

#define PATHS 1000u

static void shortest(void)
{
    const sb_bfs_options options = {.direction = SB_OUT, .max_depth = UINT32_MAX};
    for (size_t i = 0; i < PATHS; i++) {
        sb_graph_path path;
        must(sb_graph_shortest_path(graph, asked[2 * i], asked[2 * i + 1], &options, &path, &err));
        sum += path.length;
    }
}

static void count_range(sb_entity entity, sb_key_id key, int64_t from, int64_t to)
{
    const sb_value low = {.type = SB_TYPE_INT, .as.integer = from},
                   high = {.type = SB_TYPE_INT, .as.integer = to};
    const sb_scan_options options = {
        .entity = entity, .name = 1, .key = key, .low = &low, .high = &high};
    uint64_t count;
    must(sb_graph_count(graph, &options, &count, &err));
    sum += count;
}

static void count_small(void)
{
    count_range(SB_REL, rel_keys[0], 50, 100);
}
static void count_large(void)
{
    count_range(SB_REL, rel_keys[1], INT64_MIN / 2, INT64_MAX / 2);
}
static void count_nodes(void)
{
    count_range(SB_NODE, node_keys[1], 20, 30);
}

static int64_t *raw_large;
static uint8_t *raw_small;

static void raw_count_small(void)
{
    uint64_t count = 0;
    for (size_t i = 0; i < rel_count; i++)
        count += (uint8_t)(raw_small[i] - 51) <= 48;
    sum += count;
}

static void raw_count_large(void)
{
    uint64_t count = 0;
    for (size_t i = 0; i < rel_count; i++)
        count += raw_large[i] > INT64_MIN / 2 && raw_large[i] < INT64_MAX / 2;
    sum += count;
}

int main(int argc, char **argv)
{
    sb_profile profile = {0};
    sb_pager_options options;
    sb_session *session;
    sb_pager *pager;
    sb_vfs *vfs;
    sb_txn *txn;

    if (argc > 1) rel_count = strtoull(argv[1], NULL, 10);
    sb_err_clear(&err);
    ids = need(malloc(NODES * sizeof *ids));
    asked = need(malloc(LOOKUPS * sizeof *asked));
    must(sb_vfs_mem_create(&sb_allocator_libc, &vfs, &err));
    sb_pager_options_init(&options);
    options.alloc = &sb_allocator_libc;
    options.vfs = vfs;
    options.profile = &profile;
    options.create = true;
    options.durability = SB_DURABLE_OFF;
    options.check = sb_tree_check_page;
    must(sb_pager_open("read.sombra", &options, &pager, &err));
    must(sb_session_open(pager, &session, &err));
    const double start = now();
    build(session);
    printf("built in %.1f s\n", now() - start);
    must(sb_pager_checkpoint(pager, SB_CHECKPOINT_FULL, &(sb_checkpoint_result){0}, &err));
    must(sb_txn_begin_read(session, &txn, &err));
    must(sb_graph_get(txn, &graph, &err));
    queue = need(malloc(NODES * sizeof *queue));
    seen = need(malloc(id_end));
    for (int i = 0; i < 3; i++)
        bits[i] = need(malloc((id_end / 64 + 1) * sizeof(uint64_t)));
    raw_small = need(malloc(rel_count));
    raw_large = need(malloc(rel_count * sizeof *raw_large));
    sb_random random = {.state = 1};
    for (size_t i = 0; i < rel_count; i++) {
        raw_small[i] = (uint8_t)sb_random_below(&random, 200);
        raw_large[i] = (int64_t)sb_random_next(&random);
    }

    measure("get_props, two keys, one call each", LOOKUPS, props_one_by_one);
    measure("get_props_many, two keys", LOOKUPS, props_many);
    const double one = measure("raw neighbors, one call each", LOOKUPS, raw_one_by_one);
    const double one_graph = measure("neighbor_ids, one call each", LOOKUPS, neighbors_one_by_one);
    const double many = measure("raw neighbors, prefetched", LOOKUPS, raw_many);
    const double many_graph = measure("neighbor_ids_many", LOOKUPS, neighbors_many);
    graph_bfs();
    const double rels = (double)bfs_result.rels_seen;
    const double by_queue = measure("raw bfs, queue (relationships)", rels, raw_bfs_queue);
    const double by_bits = measure("raw bfs, bitmaps", rels, raw_bfs_bits);
    const double bfs = measure("bfs", rels, graph_bfs);
    measure("shortest path", PATHS, shortest);
    const double small = measure("raw count, one-byte values", (double)rel_count, raw_count_small);
    const double small_graph = measure("count, one-byte values", (double)rel_count, count_small);
    const double large = measure("raw count, 64-bit values", (double)rel_count, raw_count_large);
    const double large_graph = measure("count, 64-bit values", (double)rel_count, count_large);
    measure("count of nodes", (double)NODES, count_nodes);
    printf("of raw: neighbors %.2f, many %.2f, bfs %.2f of a queue, %.2f of bitmaps, count %.2f "
           "and %.2f (visited %llu, depth %u)\n",
           one_graph / one, many_graph / many, bfs / by_queue, bfs / by_bits, small_graph / small,
           large_graph / large, (unsigned long long)bfs_result.visited, bfs_result.depth);
    sb_txn_rollback(txn);
    sb_session_close(session);
    must(sb_pager_close(pager, &err));
    sb_vfs_destroy(vfs);
    printf("(%llu)\n", (unsigned long long)sum);
    return 0;
}
