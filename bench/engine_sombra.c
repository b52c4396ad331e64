/* engine_sombra.c — Sombra through its public interface. */
#include <stdlib.h>
#include <string.h>

#include "sombra_store.h"

void bench_must(sombra_store *store, sombra_status status)
{
    if (status == SOMBRA_OK) return;
    bench_fail("sombra: %s: %s", sombra_status_name(status),
               store->conn == NULL ? "" : sombra_error_of(store->conn)->message);
}

static uint32_t intern(sombra_store *store, sombra_txn *txn, sombra_name_kind kind,
                       const char *name)
{
    uint32_t id;
    bench_must(store, sombra_name_intern(txn, kind, name, SOMBRA_NUL_TERMINATED, &id));
    return id;
}

sombra_txn *bench_sombra_begin(sombra_store *store, sombra_mode mode)
{
    sombra_txn *txn;
    bench_must(store, sombra_begin(store->conn, mode, &txn));
    return txn;
}

static void make_schema(sombra_store *store)
{
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_WRITE);
    sombra_schema unique = {
        .kind = SOMBRA_UNIQUE, .key_count = 1, .name = "node_key", .name_size = 8};

    store->label = intern(store, txn, SOMBRA_LABEL, "Node");
    store->type = intern(store, txn, SOMBRA_TYPE, "LINK");
    store->key = intern(store, txn, SOMBRA_KEY, "key");
    store->name = intern(store, txn, SOMBRA_KEY, "name");
    store->weight = intern(store, txn, SOMBRA_KEY, "weight");
    store->note = intern(store, txn, SOMBRA_KEY, "note");
    unique.entity = store->label;
    unique.keys = &store->key;
    bench_must(store, sombra_schema_create(txn, &unique, &store->schema));
    bench_must(store, sombra_commit(txn));
}

sombra_store *bench_sombra_open(const char *path, const sombra_options *options,
                                uint32_t switched_off)
{
    sombra_store *store = bench_alloc(1, sizeof *store);
    sombra_error error;

    if (sombra_open(path, options, &store->db, &error) != SOMBRA_OK)
        bench_fail("sombra: %s", error.message);
    store->db->profile.switched_off = switched_off;
    if (switched_off & SB_SEED_PROFILE_OFF) store->db->profile.on = true;
    if (sombra_connect(store->db, &store->conn, &error) != SOMBRA_OK)
        bench_fail("sombra: %s", error.message);
    make_schema(store);
    return store;
}

void bench_sombra_close(sombra_store *store)
{
    sombra_error error;

    sombra_disconnect(store->conn);
    if (sombra_close(store->db, &error) != SOMBRA_OK) bench_fail("sombra: %s", error.message);
    free(store->ids);
    free(store);
}

/* Room for count ids, kept between calls. */
static uint64_t *id_room(sombra_store *store, size_t count)
{
    if (count > store->id_capacity) {
        free(store->ids);
        store->ids = bench_alloc(count, sizeof *store->ids);
        store->id_capacity = count;
    }
    return store->ids;
}

/* ---- Writing ------------------------------------------------------------------------------------ */

void bench_sombra_nodes(sombra_store *store, sombra_txn *txn, const bench_graph *graph)
{
    const sombra_column columns[] = {
        {.key = store->key, .type = SOMBRA_TYPE_INT, .integers = graph->key},
        {.key = store->name, .type = SOMBRA_TYPE_STRING, .texts = graph->names},
    };
    uint64_t *ids = id_room(store, graph->node_count);

    bench_must(store,
               sombra_create_nodes(txn, &store->label, 1, graph->node_count, columns, 2, ids));
    store->first_id = ids[0];
    store->node_count = graph->node_count;
    bench_expect("sombra: ids in a row", ids[graph->node_count - 1] - ids[0],
                 graph->node_count - 1);
}

static void create_rels(sombra_store *store, sombra_txn *txn, const uint32_t *source,
                        const uint32_t *target, const int64_t *weight, size_t count)
{
    const sombra_column column = {
        .key = store->weight, .type = SOMBRA_TYPE_INT, .integers = weight};
    uint64_t *sources = id_room(store, 2 * count), *targets = sources + count;
    const uint64_t first = store->first_id;

    for (size_t i = 0; i < count; i++) {
        sources[i] = first + source[i];
        targets[i] = first + target[i];
    }
    bench_must(store,
               sombra_create_rels(txn, store->type, count, sources, targets, &column, 1, NULL));
}

void bench_sombra_rels(sombra_store *store, sombra_txn *txn, const bench_graph *graph, size_t from,
                       size_t count)
{
    create_rels(store, txn, graph->source + from, graph->target + from, graph->weight + from,
                count);
}

static void load(void *object, const bench_graph *graph)
{
    sombra_store *store = object;
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_WRITE);

    bench_sombra_nodes(store, txn, graph);
    bench_sombra_rels(store, txn, graph, 0, graph->edge_count);
    bench_must(store, sombra_commit(txn));
}

static void load_builder(void *object, const bench_graph *graph)
{
    sombra_store *store = object;
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_WRITE);
    sombra_builder *builder;
    sombra_created created;
    uint64_t handle;

    bench_must(store, sombra_builder_open(txn, &builder));
    for (size_t i = 0; i < graph->node_count; i++) {
        const sombra_prop props[] = {
            {store->key, sombra_int(graph->key[i])},
            {store->name, sombra_string(graph->names[i].data, graph->names[i].size)},
        };
        bench_must(store,
                   sombra_builder_node(builder, &store->label, 1, NULL, 0, props, 2, &handle));
    }
    for (size_t i = 0; i < graph->edge_count; i++) {
        const sombra_prop prop = {store->weight, sombra_int(graph->weight[i])};
        bench_must(store,
                   sombra_builder_rel(builder, sombra_ref_handle(graph->source[i]), store->type,
                                      sombra_ref_handle(graph->target[i]), &prop, 1));
    }
    bench_must(store, sombra_builder_execute(builder, &created));
    store->first_id = created.node_ids[0];
    store->node_count = graph->node_count;
    sombra_builder_close(builder);
    bench_must(store, sombra_commit(txn));
}

static void insert_edges(void *object, const uint32_t *source, const uint32_t *target,
                         const int64_t *weight, size_t count)
{
    sombra_store *store = object;
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_WRITE);

    create_rels(store, txn, source, target, weight, count);
    bench_must(store, sombra_commit(txn));
}

static void commit_node(void *object, int64_t key, bench_text name)
{
    sombra_store *store = object;
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_WRITE);
    const sombra_column columns[] = {
        {.key = store->key, .type = SOMBRA_TYPE_INT, .integers = &key},
        {.key = store->name, .type = SOMBRA_TYPE_STRING, .texts = &name},
    };

    bench_must(store, sombra_create_nodes(txn, &store->label, 1, 1, columns, 2, NULL));
    bench_must(store, sombra_commit(txn));
}

static void commit_update(void *object, uint32_t node, int64_t value)
{
    sombra_store *store = object;
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_WRITE);
    const sombra_prop prop = {store->note, sombra_int(value)};
    const sombra_op op = {.kind = SOMBRA_SET_PROPS,
                          .entity = {store->first_id + node, -1},
                          .source = {0, -1},
                          .target = {0, -1},
                          .props = &prop,
                          .prop_count = 1};

    bench_must(store, sombra_mutate(txn, &op, 1, NULL));
    bench_must(store, sombra_commit(txn));
}

/* ---- Reading ------------------------------------------------------------------------------------ */

static void read_begin(void *object)
{
    sombra_store *store = object;
    store->txn = bench_sombra_begin(store, SOMBRA_READ);
}

static void read_end(void *object)
{
    sombra_store *store = object;
    sombra_rollback(store->txn);
    store->txn = NULL;
}

static void count_all(void *object, uint64_t *nodes, uint64_t *edges)
{
    sombra_store *store = object;
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_READ);

    bench_must(store, sombra_name_entities(txn, SOMBRA_LABEL, 0, nodes));
    bench_must(store, sombra_name_entities(txn, SOMBRA_TYPE, 0, edges));
    sombra_rollback(txn);
}

void bench_sombra_check(sombra_store *store, const bench_graph *graph)
{
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_READ);
    uint64_t lengths = 0, wanted = 0, seen = 0, degree;

    for (uint32_t i = 0; i < graph->node_count; i++) {
        const sombra_value key = sombra_int(graph->key[i]);
        const uint64_t *ids;
        uint64_t id;
        size_t count;
        bench_must(store, sombra_lookup(txn, store->schema, &key, 1, &id));
        bench_expect("sombra: node of a key", id, store->first_id + i);
        bench_must(store, sombra_neighbor_ids(txn, id, SOMBRA_OUT, store->type, &ids, &count));
        for (size_t j = 0; j < count; j++)
            seen += (ids[j] - store->first_id) * (i + 1);
        bench_must(store, sombra_degree(txn, id, SOMBRA_IN, &store->type, 1, &degree));
        lengths += count + degree;
    }
    for (uint32_t i = 0; i < graph->edge_count; i++)
        wanted += (uint64_t)graph->target[i] * ((uint64_t)graph->source[i] + 1);
    bench_expect("sombra: list lengths", lengths, 2 * (uint64_t)graph->edge_count);
    bench_expect("sombra: sum over neighbors", seen, wanted);
    sombra_rollback(txn);
}

/* ---- The engine --------------------------------------------------------------------------------- */

static void *open_store(const char *path, bench_sync sync)
{
    static const uint8_t DURABILITY[] = {[BENCH_FULL] = SOMBRA_DURABLE_FULL,
                                         [BENCH_NORMAL] = SOMBRA_DURABLE_NORMAL,
                                         [BENCH_OFF] = SOMBRA_DURABLE_OFF};
    sombra_options options;

    sombra_options_init(&options);
    options.durability = DURABILITY[sync];
    return bench_sombra_open(path, &options, 0);
}

static void close_store(void *object)
{
    bench_sombra_close(object);
}

const bench_engine bench_sombra = {
    .name = "sombra",
    .open = open_store,
    .close = close_store,
    .load = load,
    .load_builder = load_builder,
    .count = count_all,
    .insert_edges = insert_edges,
    .commit_node = commit_node,
    .commit_update = commit_update,
    .read_begin = read_begin,
    .read_end = read_end,
    .batches = true,
};
