/* stores.c — graphs and loaded stores that several workloads share: made on first use, kept until the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

typedef struct loaded {
    const bench_engine *engine;
    const char *graph;
    char *path;
    void *store;
} loaded;

static loaded stores[64];
static size_t store_count;
static bench_graph *graphs[16];
static size_t graph_count;

static const bench_graph *find_graph(const char *name)
{
    for (size_t i = 0; i < graph_count; i++) {
        if (strcmp(graphs[i]->name, name) == 0) return graphs[i];
    }
    if (graph_count == sizeof graphs / sizeof *graphs) bench_fail("too many graphs");
    return NULL;
}

const bench_graph *bench_graph_of(const char *name)
{
    const bench_graph *found = find_graph(name);
    return found != NULL ? found : (graphs[graph_count++] = bench_graph_make(name));
}

const bench_graph *bench_shuffled_of(const bench_graph *graph)
{
    char name[64];
    const bench_graph *found;

    (void)snprintf(name, sizeof name, "%s-shuffled", graph->name);
    found = find_graph(name);
    return found != NULL ? found : (graphs[graph_count++] = bench_graph_shuffled(graph, name));
}

void *bench_store_of(const bench_engine *engine, const bench_graph *graph)
{
    char name[64];
    loaded *made;
    uint64_t started;

    for (size_t i = 0; i < store_count; i++) {
        if (stores[i].engine == engine && strcmp(stores[i].graph, graph->name) == 0)
            return stores[i].store;
    }
    if (store_count == sizeof stores / sizeof *stores) bench_fail("too many stores");
    made = &stores[store_count++];
    (void)snprintf(name, sizeof name, "%s-%s", engine->name, graph->name);
    *made = (loaded){.engine = engine, .graph = graph->name, .path = bench_path(name)};
    made->store = engine->open(made->path, BENCH_FULL);
    started = bench_now_ns();
    engine->load(made->store, graph);
    bench_note("(%s loaded into %s in %.2f s)", graph->name, engine->name,
               (double)(bench_now_ns() - started) / 1e9);
    return made->store;
}

char *bench_store_take(const bench_engine *engine, const bench_graph *graph)
{
    size_t i = 0;
    char *path;

    (void)bench_store_of(engine, graph);
    while (stores[i].engine != engine || strcmp(stores[i].graph, graph->name) != 0)
        i++;
    engine->close(stores[i].store);
    path = stores[i].path;
    stores[i] = stores[--store_count];
    return path;
}

void bench_stores_close(void)
{
    for (size_t i = 0; i < store_count; i++) {
        stores[i].engine->close(stores[i].store);
        bench_remove(stores[i].path);
        free(stores[i].path);
    }
    for (size_t i = 0; i < graph_count; i++)
        bench_graph_free(graphs[i]);
    store_count = graph_count = 0;
}
