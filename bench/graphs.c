/* graphs.c — the graphs of the benchmark: R-MAT degrees (Chakrabarti, Zhan and Faloutsos 2004; a = 0.57, b = c = 0.19,
 * as Graph500 has them) with permuted ids, so that hubs do not lie together; all from one seed. The wide ones have labels and
 * types by Zipf's law: type k (from 1) has edges / (k · H) relationships, H = 6.79 the sum of 1/k up to 500. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "bench.h"
#include "sombra.h"

typedef struct graph_size {
    const char *name;
    uint32_t nodes, edges;
    bool wide;
} graph_size;

/* With five relationships a node, types from the 148th on touch less than 1 % of the nodes. */
#define LABELS 200u
#define TYPES  500u

#define SOCIAL "social" /* of its own make; its size is about right */

static const graph_size SIZES[] = {
    {"s1k", 1000, 4000, false},        {"s5k", 5000, 20000, false},
    {"s20k", 20000, 80000, false},     {"m100k", 100000, 1000000, false},
    {"b1m", 1000000, 10000000, false}, {"w10k", 10000, 50000, true},
    {"w1m", 1000000, 5000000, true},   {SOCIAL, 300000, 1500000, false},
};

static const graph_size *find_size(const char *name)
{
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        if (strcmp(SIZES[i].name, name) == 0) return &SIZES[i];
    }
    return NULL;
}

bool bench_graph_known(const char *name)
{
    return find_size(name) != NULL;
}

bool bench_graph_wide(const char *name)
{
    const graph_size *size = find_size(name);
    return size != NULL && size->wide;
}

bool bench_graph_social(const char *name)
{
    return strcmp(name, SOCIAL) == 0;
}

uint64_t bench_graph_elements(const char *name)
{
    const graph_size *size = find_size(name);
    return size == NULL ? 0 : ((uint64_t)size->nodes + size->edges) * bench.scale;
}

static void permute(sb_random *random, uint32_t *order, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = count; i > 1; i--) {
        const uint32_t j = (uint32_t)sb_random_below(random, i), kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}

/* One relationship of the recursive matrix; ends past node_count are drawn again. */
static void draw_edge(sb_random *random, unsigned levels, uint32_t node_count, uint32_t *source,
                      uint32_t *target)
{
    do {
        *source = *target = 0;
        for (unsigned level = 0; level < levels; level++) {
            const uint64_t x = sb_random_below(random, 100);
            *source = *source * 2 + (x >= 76);
            *target = *target * 2 + ((x >= 57 && x < 76) || x >= 95);
        }
    } while (*source >= node_count || *target >= node_count);
}

static void make_edges(bench_graph *graph, sb_random *random)
{
    uint32_t *order = bench_alloc(graph->node_count, sizeof *order);
    unsigned levels = 0;

    while (((uint64_t)1 << levels) < graph->node_count)
        levels++;
    permute(random, order, graph->node_count);
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        uint32_t source, target;
        draw_edge(random, levels, graph->node_count, &source, &target);
        graph->source[i] = order[source];
        graph->target[i] = order[target];
        graph->weight[i] = (int64_t)sb_random_below(random, 256);
    }
    free(order);
}

static void make_nodes(bench_graph *graph, sb_random *random)
{
    for (uint32_t i = 0; i < graph->node_count; i++) {
        char *name = graph->name_bytes + (size_t)i * BENCH_NAME_BYTES;
        graph->key[i] = 1000000 + (int64_t)i;
        for (size_t c = 0; c < BENCH_NAME_BYTES; c++)
            name[c] = (char)('a' + sb_random_below(random, 26));
        graph->names[i] = (bench_text){.data = name, .size = BENCH_NAME_BYTES};
    }
}

/* The first ranks of Zipf's law, as running sums scaled to 2^32. */
typedef struct zipf {
    uint64_t sums[TYPES];
    uint32_t count;
} zipf;

static void make_zipf(zipf *law, uint32_t count)
{
    double total = 0, sum = 0;

    for (uint32_t k = 1; k <= count; k++)
        total += 1.0 / k;
    for (uint32_t k = 1; k <= count; k++) {
        sum += 1.0 / k;
        law->sums[k - 1] = (uint64_t)(sum / total * 4294967296.0);
    }
    law->count = count;
}

/* A rank from 0. */
static uint32_t draw_rank(sb_random *random, const zipf *law)
{
    const uint64_t x = sb_random_below(random, law->sums[law->count - 1]);
    uint32_t low = 0, high = law->count - 1;

    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (law->sums[middle] > x)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* One to four distinct labels. */
static void draw_labels(sb_random *random, const zipf *law, uint8_t *labels)
{
    const uint32_t count = 1 + (uint32_t)sb_random_below(random, BENCH_NODE_LABELS);

    memset(labels, BENCH_NO_LABEL, BENCH_NODE_LABELS);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t label;
        do {
            label = (uint8_t)draw_rank(random, law);
        } while (memchr(labels, label, i) != NULL);
        labels[i] = label;
    }
}

static void make_wide(bench_graph *graph, sb_random *random)
{
    zipf law;

    graph->type_count = TYPES;
    graph->type = bench_alloc(graph->edge_count, sizeof *graph->type);
    graph->labels = bench_alloc(graph->node_count, BENCH_NODE_LABELS);
    make_zipf(&law, LABELS);
    for (uint32_t i = 0; i < graph->node_count; i++)
        draw_labels(random, &law, graph->labels + (size_t)i * BENCH_NODE_LABELS);
    make_zipf(&law, TYPES);
    for (uint32_t i = 0; i < graph->edge_count; i++)
        graph->type[i] = (uint16_t)draw_rank(random, &law);
}

bench_graph *bench_graph_make(const char *name)
{
    const graph_size *size = find_size(name);
    bench_graph *graph = bench_alloc(1, sizeof *graph);
    sb_random random = {bench.seed};

    if (size == NULL) bench_fail("there is no graph %s", name);
    if (bench_graph_elements(name) > UINT32_MAX)
        bench_fail("%s %u times as large has too many elements", name, bench.scale);
    graph->name = size->name;
    if (bench_graph_social(name)) {
        bench_social_make(graph);
        return graph;
    }
    graph->node_count = size->nodes * bench.scale;
    graph->edge_count = size->edges * bench.scale;
    graph->type_count = 1;
    graph->source = bench_alloc(graph->edge_count, sizeof *graph->source);
    graph->target = bench_alloc(graph->edge_count, sizeof *graph->target);
    graph->weight = bench_alloc(graph->edge_count, sizeof *graph->weight);
    graph->key = bench_alloc(graph->node_count, sizeof *graph->key);
    graph->names = bench_alloc(graph->node_count, sizeof *graph->names);
    graph->name_bytes = bench_alloc(graph->node_count, BENCH_NAME_BYTES);
    make_nodes(graph, &random);
    make_edges(graph, &random);
    if (size->wide) make_wide(graph, &random);
    return graph;
}

bench_graph *bench_graph_shuffled(const bench_graph *graph, const char *name)
{
    const size_t bytes = (size_t)graph->node_count * BENCH_NAME_BYTES;
    bench_graph *made = bench_alloc(1, sizeof *made);
    uint32_t *order = bench_alloc(graph->node_count, sizeof *order);
    sb_random random = {bench.seed + 5};

    permute(&random, order, graph->node_count);
    made->node_count = graph->node_count;
    made->type_count = 1;
    made->key = bench_alloc(graph->node_count, sizeof *made->key);
    made->names = bench_alloc(graph->node_count, sizeof *made->names);
    made->name_bytes = bench_alloc(bytes + strlen(name) + 1, 1);
    memcpy(made->name_bytes, graph->name_bytes, bytes);
    memcpy(made->name_bytes + bytes, name, strlen(name));
    made->name = made->name_bytes + bytes;
    for (uint32_t i = 0; i < graph->node_count; i++) {
        made->key[i] = graph->key[order[i]];
        made->names[i] = (bench_text){.data = made->name_bytes + (size_t)i * BENCH_NAME_BYTES,
                                      .size = BENCH_NAME_BYTES};
    }
    free(order);
    return made;
}

void bench_graph_free(bench_graph *graph)
{
    if (graph == NULL) return;
    free(graph->source);
    free(graph->target);
    free(graph->type);
    free(graph->labels);
    free(graph->weight);
    free(graph->key);
    free(graph->names);
    free(graph->name_bytes);
    bench_social_free(graph->social);
    free(graph);
}

const char *const *bench_graphs(const char *const *usual)
{
    return bench.graph_count != 0 ? bench.graphs : usual;
}
