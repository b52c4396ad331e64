/* raw_arrays.c — making the arrays of a graph by counting, and their block in a file. */
#include "raw_arrays.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sombra.h"

#define LINE 64u /* arrays begin at cache lines */

/* What the block begins with. */
typedef struct head {
    uint32_t node_count, edge_count, slot_bits;
} head;

/* Room for count items; block NULL: only *at moves. */
static void *take(uint8_t *block, size_t *at, size_t count, size_t size)
{
    void *const place = block == NULL ? NULL : block + *at;
    *at = (*at + count * size + LINE - 1) / LINE * LINE;
    return place;
}

static void place_lists(raw_lists *lists, uint8_t *block, size_t *at, size_t nodes, size_t edges)
{
    lists->ends = take(block, at, nodes + 1, sizeof *lists->ends);
    lists->neighbors = take(block, at, edges, sizeof *lists->neighbors);
    lists->rels = take(block, at, edges, sizeof *lists->rels);
}

/* Where the arrays lie in the block, by their counts; returns its size. */
static size_t place_arrays(raw_arrays *arrays)
{
    uint8_t *const block = arrays->block;
    const size_t nodes = arrays->node_count, edges = arrays->edge_count;
    size_t at = 0;

    (void)take(block, &at, 1, sizeof(head));
    place_lists(&arrays->out, block, &at, nodes, edges);
    place_lists(&arrays->in, block, &at, nodes, edges);
    arrays->weights = take(block, &at, edges, sizeof *arrays->weights);
    arrays->keys = take(block, &at, nodes, sizeof *arrays->keys);
    arrays->names = take(block, &at, nodes, sizeof *arrays->names);
    arrays->slots = take(block, &at, (size_t)1 << arrays->slot_bits, sizeof *arrays->slots);
    return at;
}

static void make_block(raw_arrays *arrays, uint32_t nodes, uint32_t edges)
{
    *arrays = (raw_arrays){.node_count = nodes, .edge_count = edges, .slot_bits = 1};
    while ((size_t)1 << arrays->slot_bits < 2 * (size_t)nodes)
        arrays->slot_bits++;
    arrays->bytes = place_arrays(arrays);
    arrays->block = bench_alloc(arrays->bytes, 1);
    (void)place_arrays(arrays);
    memcpy(arrays->block, &(head){nodes, edges, arrays->slot_bits}, sizeof(head));
}

/* ---- Filling -------------------------------------------------------------------------------------- */

/* Lengths, in ends[node + 1], to ends. */
static void sum_up(uint32_t *ends, uint32_t node_count)
{
    for (uint32_t i = 0; i < node_count; i++)
        ends[i + 1] += ends[i];
}

static void add_items(raw_lists *lists, uint32_t *next, const uint32_t *from, const uint32_t *to,
                      size_t count, uint32_t first_rel)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t place = next[from[i]]++;
        lists->neighbors[place] = to[i];
        lists->rels[place] = first_rel + (uint32_t)i;
    }
}

/* The lists of old, behind each what is added. next: room for a number by node. */
static void fill_lists(raw_lists *lists, uint32_t *next, const raw_arrays *old,
                       const raw_lists *old_lists, uint32_t node_count, const uint32_t *from,
                       const uint32_t *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        lists->ends[from[i] + 1]++;
    for (uint32_t i = 0; i < old->node_count; i++)
        lists->ends[i + 1] += old_lists->ends[i + 1] - old_lists->ends[i];
    sum_up(lists->ends, node_count);
    memcpy(next, lists->ends, node_count * sizeof *next);
    for (uint32_t i = 0; i < old->node_count; i++) {
        const size_t at = old_lists->ends[i], items = old_lists->ends[i + 1] - at;
        memcpy(lists->neighbors + next[i], old_lists->neighbors + at, items * sizeof(uint32_t));
        memcpy(lists->rels + next[i], old_lists->rels + at, items * sizeof(uint32_t));
        next[i] += (uint32_t)items;
    }
    add_items(lists, next, from, to, count, old->edge_count);
}

/* Relationships of old, then those of more. */
static void fill_edges(raw_arrays *arrays, const raw_arrays *old, const raw_edges *more)
{
    const uint32_t nodes = arrays->node_count;
    uint32_t *next = bench_alloc(nodes, sizeof *next);

    fill_lists(&arrays->out, next, old, &old->out, nodes, more->source, more->target, more->count);
    fill_lists(&arrays->in, next, old, &old->in, nodes, more->target, more->source, more->count);
    free(next);
    if (old->edge_count != 0) memcpy(arrays->weights, old->weights, old->edge_count);
    for (size_t i = 0; i < more->count; i++)
        arrays->weights[old->edge_count + i] = (uint8_t)more->weight[i];
}

static void add_key(raw_arrays *arrays, uint32_t node)
{
    const uint32_t key = arrays->keys[node], mask = (1u << arrays->slot_bits) - 1;
    uint32_t at = raw_slot_of(arrays, key);

    while (arrays->slots[at].node != 0)
        at = (at + 1) & mask;
    arrays->slots[at] = (raw_slot){key, node + 1};
}

void raw_arrays_make(raw_arrays *arrays, const bench_graph *graph)
{
    const raw_arrays none = {0};

    make_block(arrays, graph->node_count, graph->edge_count);
    for (uint32_t i = 0; i < graph->node_count; i++) {
        arrays->keys[i] = (uint32_t)graph->key[i];
        memcpy(arrays->names[i], graph->names[i].data, BENCH_NAME_BYTES);
        add_key(arrays, i);
    }
    fill_edges(arrays, &none,
               &(raw_edges){graph->source, graph->target, graph->weight, graph->edge_count});
}

void raw_arrays_extend(raw_arrays *arrays, const raw_edges *more)
{
    raw_arrays old = *arrays;

    make_block(arrays, old.node_count, old.edge_count + (uint32_t)more->count);
    memcpy(arrays->keys, old.keys, old.node_count * sizeof *old.keys);
    memcpy(arrays->names, old.names, old.node_count * sizeof *old.names);
    memcpy(arrays->slots, old.slots, sizeof *old.slots << old.slot_bits);
    fill_edges(arrays, &old, more);
    raw_arrays_free(&old);
}

void raw_arrays_free(raw_arrays *arrays)
{
    if (arrays->mapped)
        (void)munmap(arrays->block, arrays->bytes);
    else
        free(arrays->block);
    *arrays = (raw_arrays){0};
}

/* ---- The file ------------------------------------------------------------------------------------- */

void raw_arrays_write(const raw_arrays *arrays, int file)
{
    for (size_t done = 0; done < arrays->bytes;) {
        const ssize_t wrote = pwrite(file, arrays->block + done, arrays->bytes - done, (off_t)done);
        if (wrote <= 0) bench_fail("raw: can not write the arrays");
        done += (size_t)wrote;
    }
}

void raw_arrays_map(raw_arrays *arrays, const char *path)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    head counts;

    if (file < 0 || fstat(file, &info) != 0 || (size_t)info.st_size < sizeof counts)
        bench_fail("raw: can not open %s", path);
    *arrays = (raw_arrays){.bytes = (size_t)info.st_size, .mapped = true};
    arrays->block = mmap(NULL, arrays->bytes, PROT_READ, MAP_SHARED, file, 0);
    if (arrays->block == MAP_FAILED) bench_fail("raw: can not map %s", path);
    (void)close(file);
    memcpy(&counts, arrays->block, sizeof counts);
    arrays->node_count = counts.node_count;
    arrays->edge_count = counts.edge_count;
    arrays->slot_bits = counts.slot_bits;
    if (place_arrays(arrays) != arrays->bytes) bench_fail("raw: %s does not hold arrays", path);
}
