/* engine_sombra.c — Sombra through its public interface. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "social.h"
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

/* Numbers of the names and the index that make_schema or an import made. */
static void find_schema(sombra_store *store)
{
    static const struct {
        sombra_name_kind kind;
        const char *name;
        size_t at;
    } NAMES[] = {
        {SOMBRA_LABEL, "Node", offsetof(sombra_store, label)},
        {SOMBRA_TYPE, "LINK", offsetof(sombra_store, type)},
        {SOMBRA_KEY, "key", offsetof(sombra_store, key)},
        {SOMBRA_KEY, "name", offsetof(sombra_store, name)},
        {SOMBRA_KEY, "weight", offsetof(sombra_store, weight)},
        {SOMBRA_KEY, "note", offsetof(sombra_store, note)},
    };
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_READ);
    const sombra_schema unique = {.name = "node_key", .name_size = 8};

    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        uint32_t id;
        bench_must(store,
                   sombra_name_find(txn, NAMES[i].kind, NAMES[i].name, SOMBRA_NUL_TERMINATED, &id));
        memcpy((char *)store + NAMES[i].at, &id, sizeof id);
    }
    bench_must(store, sombra_schema_find(txn, &unique, &store->schema));
    sombra_rollback(txn);
}

sombra_store *bench_sombra_reopen(const char *path, const sombra_options *options)
{
    sombra_store *store = bench_alloc(1, sizeof *store);
    sombra_error error;

    if (sombra_open(path, options, &store->db, &error) != SOMBRA_OK ||
        sombra_connect(store->db, &store->conn, &error) != SOMBRA_OK)
        bench_fail("sombra: %s", error.message);
    find_schema(store);
    store->first_id = 1;
    store->node_count = 1000;
    return store;
}

static void *reopen_store(const char *path)
{
    return bench_sombra_reopen(path, NULL);
}

/* Whether the first line of a CSV file has the cell: then rows tell their labels or type themselves. */
static bool has_cell(const char *path, const char *cell)
{
    char line[256] = {0};
    FILE *file = fopen(path, "r");

    if (file == NULL || fgets(line, sizeof line, file) == NULL) bench_fail("can not read %s", path);
    (void)fclose(file);
    return strstr(line, cell) != NULL;
}

/* The importer, in one transaction with the unique index. */
static void load_csv(const char *path, const char *csv)
{
    sombra_store *store = bench_sombra_open(path, NULL, 0);
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_WRITE);
    char names[2][512];
    sombra_import_file nodes = {names[0], "Node"}, edges = {names[1], "LINK"};
    sombra_import_options options;
    sombra_import_result result;

    (void)snprintf(names[0], sizeof names[0], "%s-nodes", csv);
    (void)snprintf(names[1], sizeof names[1], "%s-edges", csv);
    if (has_cell(names[0], ":LABEL")) nodes.name = NULL;
    if (has_cell(names[1], ":TYPE")) edges.name = NULL;
    sombra_import_options_init(&options);
    options.nodes = &nodes;
    options.node_file_count = 1;
    options.rels = &edges;
    options.rel_file_count = 1;
    options.store_ids = true;
    bench_must(store, sombra_import_csv(txn, &options, &result));
    bench_must(store, sombra_commit(txn));
    bench_sombra_close(store);
}

void bench_sombra_close(sombra_store *store)
{
    sombra_error error;

    sombra_disconnect(store->conn);
    if (sombra_close(store->db, &error) != SOMBRA_OK) bench_fail("sombra: %s", error.message);
    bench_walk_deinit(&store->walk);
    free(store->ids);
    free(store->ends);
    free(store->first);
    free(store->second);
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

/* Touched here, so that their first use costs no page faults later. */
static void prepare(void *object, const bench_graph *graph)
{
    const size_t count = 2 * (size_t)graph->edge_count;
    memset(id_room(object, count), 1, count * sizeof(uint64_t));
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

    if (graph->social != NULL) {
        bench_social_load_sombra(store, graph);
        return;
    }
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

static void *connect_store(void *object, unsigned index, unsigned count)
{
    const sombra_store *of = object;
    sombra_store *store = bench_alloc(1, sizeof *store);
    sombra_error error;

    (void)index, (void)count;
    *store = (sombra_store){.db = of->db, .label = of->label, .key = of->key, .name = of->name};
    if (sombra_connect(of->db, &store->conn, &error) != SOMBRA_OK)
        bench_fail("sombra: %s", error.message);
    return store;
}

static void disconnect_store(void *object)
{
    sombra_store *store = object;

    sombra_disconnect(store->conn);
    free(store);
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

static uint64_t row_sum(const sombra_value *values)
{
    const uint8_t *name = values[1].as.bytes.data;
    return (uint64_t)values[0].as.integer + name[0];
}

static uint64_t lookup_many(sombra_store *store, const uint64_t *ids, size_t count)
{
    enum { BATCH = 1024 };
    const uint32_t keys[2] = {store->key, store->name};
    static sombra_value values[2 * BATCH];
    uint8_t found[BATCH / 8];
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i += BATCH) {
        const size_t step = count - i < BATCH ? count - i : BATCH;
        bench_must(store, sombra_get_props_many(store->txn, SOMBRA_NODE, ids + i, step, keys, 2,
                                                values, found));
        for (size_t j = 0; j < step; j++)
            sum += row_sum(values + 2 * j);
    }
    return sum;
}

static uint64_t lookup_one(sombra_store *store, sombra_txn *txn, uint64_t id)
{
    const uint32_t keys[2] = {store->key, store->name};
    sombra_value values[2];
    bool found;

    bench_must(store, sombra_get_props(txn, SOMBRA_NODE, id, keys, 2, values, &found));
    if (!found) bench_fail("sombra: node %llu is not there", (unsigned long long)id);
    return row_sum(values);
}

static uint64_t lookup_id(void *object, const uint32_t *nodes, size_t count, bool batch)
{
    sombra_store *store = object;
    uint64_t sum = 0;

    if (batch) {
        uint64_t *ids = id_room(store, count);
        for (size_t i = 0; i < count; i++)
            ids[i] = store->first_id + nodes[i];
        return lookup_many(store, ids, count);
    }
    for (size_t i = 0; i < count; i++)
        sum += lookup_one(store, store->txn, store->first_id + nodes[i]);
    return sum;
}

static uint64_t lookup_keys_many(sombra_store *store, const int64_t *keys, size_t count)
{
    enum { BATCH = 1024 };
    static sombra_value values[BATCH];
    static uint64_t ids[BATCH];
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i += BATCH) {
        const size_t step = count - i < BATCH ? count - i : BATCH;
        for (size_t j = 0; j < step; j++)
            values[j] = sombra_int(keys[i + j]);
        bench_must(store, sombra_lookup_many(store->txn, store->schema, values, 1, step, ids));
        sum += lookup_many(store, ids, step);
    }
    return sum;
}

static uint64_t lookup_key(void *object, const int64_t *keys, size_t count, bool batch)
{
    sombra_store *store = object;
    uint64_t sum = 0;

    if (batch) return lookup_keys_many(store, keys, count);
    for (size_t i = 0; i < count; i++) {
        const sombra_value key = sombra_int(keys[i]);
        uint64_t id;
        bench_must(store, sombra_lookup(store->txn, store->schema, &key, 1, &id));
        sum += lookup_one(store, store->txn, id);
    }
    return sum;
}

static uint64_t lookup_autocommit(void *object, const uint32_t *nodes, size_t count)
{
    sombra_store *store = object;
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sombra_txn *txn = bench_sombra_begin(store, SOMBRA_READ);
        sum += lookup_one(store, txn, store->first_id + nodes[i]);
        sombra_rollback(txn);
    }
    return sum;
}

/* Numbers of the nodes behind ids, each with 1 added, summed. */
static uint64_t sum_of(const sombra_store *store, const uint64_t *ids, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += ids[i];
    return sum - count * (store->first_id - 1);
}

static uint64_t neighbors_many(sombra_store *store, const uint64_t *nodes, size_t count)
{
    enum { BATCH = 1024 };
    size_t ends[BATCH];
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i += BATCH) {
        const size_t step = count - i < BATCH ? count - i : BATCH;
        const uint64_t *ids;
        bench_must(store, sombra_neighbor_ids_many(store->txn, nodes + i, step, SOMBRA_OUT,
                                                   store->type, &ids, ends));
        sum += sum_of(store, ids, ends[step - 1]);
    }
    return sum;
}

/* Ids of a list in the file, each less first_id − 1, summed: a loop for each width that lists of the graphs have. */
static uint64_t sum_list(const sombra_store *store, const sombra_list *list)
{
    uint64_t sum = list->count * (list->base - store->first_id + 1);

    if (list->width == 4) {
        const uint32_t *words = list->data;
        for (size_t i = 0; i < list->count; i++)
            sum += words[i];
    } else if (list->width == 2) {
        const uint16_t *words = list->data;
        for (size_t i = 0; i < list->count; i++)
            sum += words[i];
    } else {
        for (size_t i = 0; i < list->count; i++)
            sum += sombra_list_id(list, i) - list->base;
    }
    return sum;
}

static uint64_t lists_many(sombra_store *store, const uint64_t *nodes, size_t count)
{
    enum { BATCH = 256 };
    sombra_list lists[BATCH];
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i += BATCH) {
        const size_t step = count - i < BATCH ? count - i : BATCH;
        bench_must(store, sombra_neighbor_lists(store->txn, nodes + i, step, SOMBRA_OUT,
                                                store->type, lists));
        for (size_t j = 0; j < step; j++)
            sum += sum_list(store, &lists[j]);
    }
    return sum;
}

static uint64_t neighbors_in_place(void *object, const uint32_t *nodes, size_t count, bool batch)
{
    sombra_store *store = object;
    uint64_t sum = 0;

    if (batch) {
        uint64_t *ids = id_room(store, count);
        for (size_t i = 0; i < count; i++)
            ids[i] = store->first_id + nodes[i];
        return lists_many(store, ids, count);
    }
    for (size_t i = 0; i < count; i++) {
        sombra_list list;
        bench_must(store, sombra_neighbor_list(store->txn, store->first_id + nodes[i], SOMBRA_OUT,
                                               store->type, &list));
        sum += sum_list(store, &list);
    }
    return sum;
}

static uint64_t neighbors(void *object, const uint32_t *nodes, size_t count, bool batch)
{
    sombra_store *store = object;
    uint64_t sum = 0;

    if (batch) {
        uint64_t *ids = id_room(store, count);
        for (size_t i = 0; i < count; i++)
            ids[i] = store->first_id + nodes[i];
        return neighbors_many(store, ids, count);
    }
    for (size_t i = 0; i < count; i++) {
        const uint64_t *ids;
        size_t length;
        bench_must(store, sombra_neighbor_ids(store->txn, store->first_id + nodes[i], SOMBRA_OUT,
                                              store->type, &ids, &length));
        sum += sum_of(store, ids, length);
    }
    return sum;
}

/* ---- Traversal ---------------------------------------------------------------------------------- */

/* Copy of the lists of nodes, one after the other: results live only until the next call. */
static const uint64_t *expand_many(sombra_store *store, const uint64_t *nodes, size_t node_count,
                                   size_t *count)
{
    const uint64_t *ids;

    if (node_count > store->end_room) {
        free(store->ends);
        store->ends = bench_alloc(2 * node_count, sizeof *store->ends);
        store->end_room = 2 * node_count;
    }
    *count = 0;
    if (node_count == 0) return NULL;
    bench_must(store, sombra_neighbor_ids_many(store->txn, nodes, node_count, SOMBRA_OUT,
                                               store->type, &ids, store->ends));
    *count = store->ends[node_count - 1];
    return ids;
}

static const uint64_t *keep(uint64_t **list, size_t *room, const uint64_t *ids, size_t count)
{
    if (count > *room) {
        free(*list);
        *list = bench_alloc(2 * count, sizeof **list);
        *room = 2 * count;
    }
    if (count != 0) memcpy(*list, ids, count * sizeof *ids);
    return *list;
}

static uint64_t two_hop(void *object, const uint32_t *nodes, size_t count)
{
    sombra_store *store = object;
    uint64_t distinct = 0;

    if (store->walk.stamps == NULL) bench_walk_init(&store->walk, store->node_count);
    for (size_t i = 0; i < count; i++) {
        const uint64_t id = store->first_id + nodes[i], *ids;
        size_t firsts, seconds;
        bench_walk_next(&store->walk);
        ids = expand_many(store, &id, 1, &firsts);
        ids = keep(&store->first, &store->first_room, ids, firsts);
        ids = expand_many(store, ids, firsts, &seconds);
        for (size_t j = 0; j < seconds; j++)
            distinct += bench_walk_see(&store->walk, (uint32_t)(ids[j] - store->first_id));
    }
    return distinct;
}

/* The last step goes in pieces. Lists stay in the core's own cache between being read and summed: in the middle they are a thousand ids
 * long. */
static uint64_t three_hop(void *object, const uint32_t *nodes, size_t count, bool by_lengths)
{
    enum { LISTS = 64, LENGTHS = 1024 };
    const size_t piece = by_lengths ? LENGTHS : LISTS;
    sombra_store *store = object;
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        const uint64_t id = store->first_id + nodes[i], *ids;
        size_t firsts, seconds;
        ids = expand_many(store, &id, 1, &firsts);
        ids = keep(&store->first, &store->first_room, ids, firsts);
        ids = expand_many(store, ids, firsts, &seconds);
        ids = keep(&store->second, &store->second_room, ids, seconds);
        for (size_t j = 0; j < seconds; j += piece) {
            const size_t step = seconds - j < piece ? seconds - j : piece;
            size_t thirds;
            if (by_lengths) {
                uint64_t degrees[LENGTHS];
                bench_must(store, sombra_degrees_many(store->txn, ids + j, step, SOMBRA_OUT,
                                                      store->type, degrees));
                for (size_t k = 0; k < step; k++)
                    sum += degrees[k];
            } else {
                const uint64_t *ends = expand_many(store, ids + j, step, &thirds);
                sum += sum_of(store, ends, thirds);
            }
        }
    }
    return sum;
}

static uint64_t three_hop_ahead(void *object, const uint32_t *nodes, size_t count)
{
    return three_hop(object, nodes, count, false);
}

static uint64_t breadth_first(void *object, uint32_t start, uint64_t *edges)
{
    sombra_store *store = object;
    const sombra_bfs_options options = {
        .direction = SOMBRA_OUT, .types = &store->type, .type_count = 1};
    sombra_bfs_result result;

    bench_must(store,
               sombra_bfs(store->txn, store->first_id + start, &options, NULL, NULL, &result));
    *edges = result.rels_seen;
    return result.visited;
}

static uint64_t scan(void *object, bool nodes, int64_t low, int64_t high)
{
    sombra_store *store = object;
    const sombra_value from = sombra_int(low), to = sombra_int(high);
    const sombra_scan_options options = {
        .entity = nodes ? SOMBRA_NODE : SOMBRA_REL,
        .key = nodes ? store->key : store->weight,
        .low = &from,
        .high = &to,
        .low_inclusive = true,
        .high_inclusive = true,
        .no_index = true,
    };
    uint64_t count;

    bench_must(store, sombra_count(store->txn, &options, &count));
    return count;
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

static uint64_t memory_peak(void *object)
{
    sombra_store *store = object;
    sb_counting_allocator *memory = &store->db->memory;
    const size_t live = atomic_load(&memory->live_bytes),
                 peak = atomic_exchange(&memory->peak_bytes, live);
    const uint64_t more = peak > store->live_bytes ? peak - store->live_bytes : 0;

    store->live_bytes = live;
    return more;
}

const bench_engine bench_sombra = {
    .name = "sombra",
    .open = open_store,
    .close = close_store,
    .prepare = prepare,
    .load = load,
    .load_builder = load_builder,
    .reopen = reopen_store,
    .load_csv = load_csv,
    .count = count_all,
    .insert_edges = insert_edges,
    .commit_node = commit_node,
    .connect = connect_store,
    .disconnect = disconnect_store,
    .commit_update = commit_update,
    .read_begin = read_begin,
    .read_end = read_end,
    .lookup_id = lookup_id,
    .lookup_key = lookup_key,
    .lookup_autocommit = lookup_autocommit,
    .neighbors = neighbors,
    .neighbors_in_place = neighbors_in_place,
    .two_hop = two_hop,
    .two_hop_ahead = two_hop,
    .three_hop = three_hop,
    .three_hop_ahead = three_hop_ahead,
    .bfs = breadth_first,
    .bfs_in_order = breadth_first,
    .scan = scan,
    .query = bench_sombra_query,
    .memory_peak = memory_peak,
    .batches = true,
};
