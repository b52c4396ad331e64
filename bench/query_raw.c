/* query_raw.c — the floor for queries: each as loops over compressed-sparse-row arrays that enumerate what the query matches. A
 * place in the array of neighbors is a relationship, so that no path goes over one twice. */
#include <stdlib.h>
#include <string.h>

#include "raw_store.h"

static uint64_t two_hop_distinct(raw_store *store, uint32_t node)
{
    const uint32_t *ends = store->arrays.out.ends, *list = store->arrays.out.neighbors;
    uint64_t distinct = 0;

    bench_walk_next(&store->walk);
    for (uint32_t i = ends[node]; i < ends[node + 1]; i++) {
        for (uint32_t j = ends[list[i]]; j < ends[list[i] + 1]; j++) {
            if (j != i) distinct += bench_walk_see(&store->walk, list[j]);
        }
    }
    return distinct;
}

static uint64_t three_hop_count(raw_store *store, uint32_t node)
{
    const uint32_t *ends = store->arrays.out.ends, *list = store->arrays.out.neighbors;
    uint64_t sum = 0;

    for (uint32_t i = ends[node]; i < ends[node + 1]; i++) {
        for (uint32_t j = ends[list[i]]; j < ends[list[i] + 1]; j++) {
            if (j == i) continue;
            for (uint32_t k = ends[list[j]]; k < ends[list[j] + 1]; k++)
                sum += (uint64_t)(k != i && k != j);
        }
    }
    return sum;
}

/* The start counts only where a cycle comes back to it. */
static uint64_t reachable_distinct(raw_store *store, uint32_t node)
{
    bench_walk *walk = &store->walk;
    size_t head = 0, tail = 0;

    bench_walk_next(walk);
    for (uint32_t at = node;; at = walk->queue[head++]) {
        for (uint32_t i = store->arrays.out.ends[at]; i < store->arrays.out.ends[at + 1]; i++) {
            if (bench_walk_see(walk, store->arrays.out.neighbors[i]))
                walk->queue[tail++] = store->arrays.out.neighbors[i];
        }
        if (head == tail) break;
    }
    return tail;
}

static int compare(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static void sort_lists(const uint32_t *ends, uint32_t *lists, uint32_t node_count)
{
    for (uint32_t i = 0; i < node_count; i++)
        qsort(lists + ends[i], ends[i + 1] - ends[i], sizeof *lists, compare);
}

static uint32_t *sorted_copy(const raw_lists *lists, uint32_t node_count, uint32_t edge_count)
{
    uint32_t *copy = bench_alloc(edge_count, sizeof *copy);

    memcpy(copy, lists->neighbors, edge_count * sizeof *copy);
    sort_lists(lists->ends, copy, node_count);
    return copy;
}

static void make_sorted(raw_store *store)
{
    const raw_arrays *arrays = &store->arrays;

    store->out_sorted = sorted_copy(&arrays->out, arrays->node_count, arrays->edge_count);
    store->in_sorted = sorted_copy(&arrays->in, arrays->node_count, arrays->edge_count);
}

static uint32_t run_of(const uint32_t *list, const uint32_t *end)
{
    uint32_t count = 1;
    while (list + count < end && list[count] == *list)
        count++;
    return count;
}

/* Pairs of equal items of two ascending lists. */
static uint64_t common(const uint32_t *a, const uint32_t *a_end, const uint32_t *b,
                       const uint32_t *b_end)
{
    uint64_t pairs = 0;

    while (a < a_end && b < b_end) {
        if (*a < *b) {
            a++;
        } else if (*b < *a) {
            b++;
        } else {
            const uint32_t in_a = run_of(a, a_end), in_b = run_of(b, b_end);
            pairs += (uint64_t)in_a * in_b;
            a += in_a;
            b += in_b;
        }
    }
    return pairs;
}

/* Closed walks of three steps, less those that go over a relationship twice: such a one consists of loops of one node. */
static uint64_t triangles(raw_store *store, uint32_t unused)
{
    const uint32_t *ends = store->arrays.out.ends, *in_ends = store->arrays.in.ends,
                   *out = store->out_sorted;
    uint64_t sum = 0;

    (void)unused;
    for (uint32_t a = 0; a < store->arrays.node_count; a++) {
        uint64_t loops = 0;
        for (uint32_t i = ends[a]; i < ends[a + 1]; i++) {
            loops += out[i] == a;
            sum += common(out + ends[out[i]], out + ends[out[i] + 1], store->in_sorted + in_ends[a],
                          store->in_sorted + in_ends[a + 1]);
        }
        sum -= loops * loops * loops;
        if (loops > 2) sum += loops * (loops - 1) * (loops - 2);
    }
    return sum;
}

static const struct {
    const char *name;
    uint64_t (*run)(raw_store *store, uint32_t node);
} QUERIES[] = {
    {"two_hop_distinct", two_hop_distinct},
    {"three_hop_count", three_hop_count},
    {"reachable_distinct", reachable_distinct},
    {"triangles", triangles},
};
#define QUERY_COUNT (sizeof QUERIES / sizeof *QUERIES)

static size_t find(const char *name)
{
    size_t i = 0;
    while (i < QUERY_COUNT && strcmp(QUERIES[i].name, name) != 0)
        i++;
    return i;
}

bool bench_raw_can(const char *query)
{
    return find(query) < QUERY_COUNT || bench_raw_social_can(query);
}

uint64_t bench_raw_query(void *object, const bench_query *query)
{
    raw_store *store = object;
    const size_t which = find(query->name);
    uint64_t sum = 0;

    if (bench_raw_social_can(query->name)) return bench_raw_social_query(store, query);
    if (which == QUERY_COUNT) bench_fail("raw: there is no loop for %s", query->name);
    if (QUERIES[which].run == triangles && store->out_sorted == NULL) make_sorted(store);
    for (size_t i = 0; i < query->runs; i++) {
        const uint32_t node =
            query->param_count == 0 ? 0 : (uint32_t)query->values[i] - store->arrays.keys[0];
        sum += QUERIES[which].run(store, node);
    }
    return sum;
}
