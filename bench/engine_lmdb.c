/* engine_lmdb.c — LMDB, the ordered-map ceiling: the same data under the same indexes as ordered maps. What an application
 * can do to help it is done: records in order of key are appended by a cursor that stays at the map's end, relationships are sorted
 * first for each direction, and a list goes in by one call. */
#include "bench.h"

#ifdef HAVE_LMDB
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "sombra.h"
#include "traverse.h"

#define MAP_BYTES ((size_t)64 << 30) /* address space only */
#define LABEL     1u
#define TYPE      1u

typedef struct node_record {
    int64_t key;
    int64_t note;
    uint32_t label;
    char name[BENCH_NAME_BYTES];
} node_record;

typedef struct edge_record {
    uint64_t source, target;
    uint32_t type, weight;
} edge_record;

/* Key of a list: type above node. A list entry: neighbor, relationship. */
typedef struct list_entry {
    uint64_t neighbor, edge;
} list_entry;

typedef struct lmdb_store {
    MDB_env *env;
    MDB_dbi nodes, keys, labels, edges, out, in;
    MDB_txn *txn;     /* of read_begin; reset between reads, NULL before the first */
    MDB_cursor *list; /* over out, of the same transaction */
    bench_walk walk;
    uint64_t next_node, next_edge;
    sb_triple *triples, *scratch;
    size_t triple_capacity;
} lmdb_store;

static void must(int status)
{
    if (status != MDB_SUCCESS) bench_fail("lmdb: %s", mdb_strerror(status));
}

static uint64_t list_key(uint64_t node)
{
    return (uint64_t)TYPE << 40 | node;
}

/* Order of list entries as numbers: neighbor, then relationship. */
static int compare_entries(const MDB_val *a, const MDB_val *b)
{
    list_entry left, right;
    memcpy(&left, a->mv_data, sizeof left);
    memcpy(&right, b->mv_data, sizeof right);
    if (left.neighbor != right.neighbor) return left.neighbor < right.neighbor ? -1 : 1;
    return left.edge < right.edge ? -1 : left.edge > right.edge;
}

static void open_maps(lmdb_store *store)
{
    MDB_txn *txn;
    const unsigned lists = MDB_CREATE | MDB_INTEGERKEY | MDB_DUPSORT | MDB_DUPFIXED;

    must(mdb_txn_begin(store->env, NULL, 0, &txn));
    must(mdb_dbi_open(txn, "nodes", MDB_CREATE | MDB_INTEGERKEY, &store->nodes));
    must(mdb_dbi_open(txn, "keys", MDB_CREATE | MDB_INTEGERKEY, &store->keys));
    must(mdb_dbi_open(txn, "labels", lists | MDB_INTEGERDUP, &store->labels));
    must(mdb_dbi_open(txn, "edges", MDB_CREATE | MDB_INTEGERKEY, &store->edges));
    must(mdb_dbi_open(txn, "out", lists, &store->out));
    must(mdb_dbi_open(txn, "in", lists, &store->in));
    must(mdb_set_dupsort(txn, store->out, compare_entries));
    must(mdb_set_dupsort(txn, store->in, compare_entries));
    must(mdb_txn_commit(txn));
}

static void *open_store(const char *path, bench_sync sync)
{
    lmdb_store *store = bench_alloc(1, sizeof *store);
    const unsigned flags = MDB_NOSUBDIR | MDB_NORDAHEAD |
                           (sync == BENCH_FULL     ? 0u
                            : sync == BENCH_NORMAL ? (unsigned)MDB_NOMETASYNC
                                                   : (unsigned)MDB_NOSYNC);

    must(mdb_env_create(&store->env));
    must(mdb_env_set_mapsize(store->env, MAP_BYTES));
    must(mdb_env_set_maxdbs(store->env, 8));
    must(mdb_env_open(store->env, path, flags, 0644));
    open_maps(store);
    store->next_node = store->next_edge = 1;
    return store;
}

static void close_store(void *object)
{
    lmdb_store *store = object;

    if (store->txn != NULL) {
        mdb_cursor_close(store->list);
        mdb_txn_abort(store->txn);
    }
    mdb_env_close(store->env);
    bench_walk_deinit(&store->walk);
    free(store->triples);
    free(store->scratch);
    free(store);
}

static void *reopen_store(const char *path)
{
    return open_store(path, BENCH_FULL);
}

static MDB_val value_of(const void *data, size_t bytes)
{
    MDB_val value = {.mv_size = bytes};
    memcpy(&value.mv_data, &data, sizeof data); /* LMDB does not write through it */
    return value;
}

static void put(MDB_txn *txn, MDB_dbi map, const void *key, const void *data, size_t bytes,
                unsigned flags)
{
    MDB_val name = value_of(key, sizeof(uint64_t)), value = value_of(data, bytes);
    must(mdb_put(txn, map, &name, &value, flags));
}

/* ---- Writing ------------------------------------------------------------------------------------ */

/* The same by a cursor, which descends from the root only where the entry does not follow the one before. */
static void put_next(MDB_cursor *cursor, const void *key, const void *data, size_t bytes,
                     unsigned flags)
{
    MDB_val name = value_of(key, sizeof(uint64_t)), value = value_of(data, bytes);
    must(mdb_cursor_put(cursor, &name, &value, flags));
}

/* Several values of one key. */
static void put_list(MDB_cursor *cursor, uint64_t key, const void *values, size_t bytes,
                     size_t count, unsigned flags)
{
    MDB_val name = value_of(&key, sizeof key),
            list[2] = {value_of(values, bytes), {.mv_size = count}};
    must(mdb_cursor_put(cursor, &name, list, flags | MDB_MULTIPLE));
}

/* The nodes of a graph into empty maps. */
static void add_nodes(lmdb_store *store, MDB_txn *txn, const bench_graph *graph)
{
    MDB_cursor *nodes, *keys, *labels;
    uint64_t *ids = bench_alloc(graph->node_count, sizeof *ids);
    int64_t largest = -1;

    must(mdb_cursor_open(txn, store->nodes, &nodes));
    must(mdb_cursor_open(txn, store->keys, &keys));
    must(mdb_cursor_open(txn, store->labels, &labels));
    for (uint32_t i = 0; i < graph->node_count; i++) {
        node_record record = {.key = graph->key[i], .label = LABEL};
        memcpy(record.name, graph->names[i].data, sizeof record.name);
        ids[i] = store->next_node++;
        put_next(nodes, &ids[i], &record, sizeof record, MDB_APPEND);
    }
    for (uint32_t i = 0; i < graph->node_count; i++) { /* both flags: unique */
        put_next(keys, &graph->key[i], &ids[i], sizeof ids[i],
                 graph->key[i] > largest ? MDB_APPEND : MDB_NOOVERWRITE);
        if (graph->key[i] > largest) largest = graph->key[i];
    }
    put_list(labels, LABEL, ids, sizeof *ids, graph->node_count, MDB_APPENDDUP);
    mdb_cursor_close(nodes);
    mdb_cursor_close(keys);
    mdb_cursor_close(labels);
    free(ids);
}

static void add_node(lmdb_store *store, MDB_txn *txn, int64_t key, bench_text name)
{
    const uint64_t id = store->next_node++, label = LABEL;
    node_record record = {.key = key, .label = LABEL};

    memcpy(record.name, name.data, sizeof record.name);
    put(txn, store->nodes, &id, &record, sizeof record, MDB_APPEND);
    put(txn, store->keys, &key, &id, sizeof id, MDB_NOOVERWRITE); /* unique */
    put(txn, store->labels, &label, &id, sizeof id, MDB_APPENDDUP);
}

static void triple_room(lmdb_store *store, size_t count)
{
    if (count > store->triple_capacity) {
        free(store->triples);
        free(store->scratch);
        store->triples = bench_alloc(count, sizeof *store->triples);
        store->scratch = bench_alloc(count, sizeof *store->scratch);
        store->triple_capacity = count;
    }
}

static void prepare(void *object, const bench_graph *graph)
{
    lmdb_store *store = object;
    const size_t bytes = graph->edge_count * sizeof *store->triples;

    triple_room(store, graph->edge_count);
    memset(store->triples, 1, bytes);
    memset(store->scratch, 1, bytes);
}

/* Lists of a node each, sorted, into an empty map. Entries lie where the sort had its scratch, which was touched before. */
static void append_lists(lmdb_store *store, MDB_cursor *cursor, size_t count)
{
    list_entry *entries = (list_entry *)(void *)store->scratch;

    for (size_t i = 0; i < count; i++)
        entries[i] = (list_entry){store->triples[i].neighbor, store->triples[i].rel};
    for (size_t from = 0, to = 0; from < count; from = to) {
        const uint64_t node = store->triples[from].node;
        while (to < count && store->triples[to].node == node)
            to++;
        put_list(cursor, list_key(node), &entries[from], sizeof *entries, to - from, MDB_APPEND);
    }
}

/* Lists of one direction, in order; appended when the map was empty. */
static void add_lists(lmdb_store *store, MDB_txn *txn, MDB_dbi map, size_t count, bool empty)
{
    MDB_cursor *cursor;

    if (!sb_triples_sorted(store->triples, count))
        sb_triples_sort(store->triples, store->scratch, count);
    must(mdb_cursor_open(txn, map, &cursor));
    if (empty) append_lists(store, cursor, count);
    for (size_t i = 0; i < count && !empty; i++) {
        const sb_triple *triple = &store->triples[i];
        const uint64_t name = list_key(triple->node);
        const list_entry entry = {triple->neighbor, triple->rel};
        put_next(cursor, &name, &entry, sizeof entry, 0);
    }
    mdb_cursor_close(cursor);
}

static void add_edges(lmdb_store *store, MDB_txn *txn, const uint32_t *source,
                      const uint32_t *target, const int64_t *weight, size_t count)
{
    const bool empty = store->next_edge == 1;
    const uint64_t first = store->next_edge;
    MDB_cursor *edges;

    triple_room(store, count);
    must(mdb_cursor_open(txn, store->edges, &edges));
    for (size_t i = 0; i < count; i++) {
        const uint64_t id = store->next_edge++;
        const edge_record record = {(uint64_t)source[i] + 1, (uint64_t)target[i] + 1, TYPE,
                                    (uint32_t)weight[i]};
        put_next(edges, &id, &record, sizeof record, MDB_APPEND);
        store->triples[i] = (sb_triple){record.source, record.target, id};
    }
    mdb_cursor_close(edges);
    add_lists(store, txn, store->out, count, empty);
    for (size_t i = 0; i < count; i++)
        store->triples[i] =
            (sb_triple){(uint64_t)target[i] + 1, (uint64_t)source[i] + 1, first + i};
    add_lists(store, txn, store->in, count, empty);
}

static void load(void *object, const bench_graph *graph)
{
    lmdb_store *store = object;
    MDB_txn *txn;

    if (store->walk.stamps == NULL) bench_walk_init(&store->walk, graph->node_count);
    must(mdb_txn_begin(store->env, NULL, 0, &txn));
    add_nodes(store, txn, graph);
    add_edges(store, txn, graph->source, graph->target, graph->weight, graph->edge_count);
    must(mdb_txn_commit(txn));
}

static void load_csv(const char *path, const char *csv)
{
    bench_graph *graph = bench_graph_from_csv(csv);
    void *store = open_store(path, BENCH_FULL);

    load(store, graph);
    close_store(store);
    bench_graph_free(graph);
}

static void insert_edges(void *object, const uint32_t *source, const uint32_t *target,
                         const int64_t *weight, size_t count)
{
    lmdb_store *store = object;
    MDB_txn *txn;

    must(mdb_txn_begin(store->env, NULL, 0, &txn));
    add_edges(store, txn, source, target, weight, count);
    must(mdb_txn_commit(txn));
}

static void commit_node(void *object, int64_t key, bench_text name)
{
    lmdb_store *store = object;
    MDB_txn *txn;

    must(mdb_txn_begin(store->env, NULL, 0, &txn));
    add_node(store, txn, key, name);
    must(mdb_txn_commit(txn));
}

/* Threads share the environment, and its writer lock guards what commit_node counts up. */
static void *connect_store(void *object, unsigned index, unsigned count)
{
    (void)index, (void)count;
    return object;
}

static void disconnect_store(void *object)
{
    (void)object;
}

static void commit_update(void *object, uint32_t node, int64_t value)
{
    lmdb_store *store = object;
    const uint64_t id = (uint64_t)node + 1;
    MDB_val key = value_of(&id, sizeof id), found;
    node_record record;
    MDB_txn *txn;

    must(mdb_txn_begin(store->env, NULL, 0, &txn));
    must(mdb_get(txn, store->nodes, &key, &found));
    memcpy(&record, found.mv_data, sizeof record);
    record.note = value;
    put(txn, store->nodes, &id, &record, sizeof record, 0);
    must(mdb_txn_commit(txn));
}

/* ---- Reading ------------------------------------------------------------------------------------ */

static uint64_t entries(MDB_txn *txn, MDB_dbi map)
{
    MDB_stat stat;
    must(mdb_stat(txn, map, &stat));
    return stat.ms_entries;
}

static void count_all(void *object, uint64_t *nodes, uint64_t *edges)
{
    lmdb_store *store = object;
    MDB_txn *txn;

    must(mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn));
    *nodes = entries(txn, store->nodes);
    *edges = entries(txn, store->edges);
    bench_expect("lmdb: lists out", entries(txn, store->out), *edges);
    bench_expect("lmdb: lists in", entries(txn, store->in), *edges);
    bench_expect("lmdb: keys", entries(txn, store->keys), *nodes);
    mdb_txn_abort(txn);
}

static void read_begin(void *object)
{
    lmdb_store *store = object;

    if (store->txn != NULL) {
        must(mdb_txn_renew(store->txn));
        must(mdb_cursor_renew(store->txn, store->list));
        return;
    }
    must(mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->txn));
    must(mdb_cursor_open(store->txn, store->out, &store->list));
}

/* The cheap way: a read transaction that is reset and renewed. */
static void read_end(void *object)
{
    mdb_txn_reset(((lmdb_store *)object)->txn);
}

static uint64_t read_row(lmdb_store *store, MDB_txn *txn, uint64_t id)
{
    MDB_val key = value_of(&id, sizeof id), found;
    node_record record;

    must(mdb_get(txn, store->nodes, &key, &found));
    memcpy(&record, found.mv_data, sizeof record);
    return (uint64_t)record.key + (uint8_t)record.name[0];
}

static uint64_t lookup_id(void *object, const uint32_t *nodes, size_t count, bool batch)
{
    lmdb_store *store = object;
    uint64_t sum = 0;

    (void)batch;
    for (size_t i = 0; i < count; i++)
        sum += read_row(store, store->txn, (uint64_t)nodes[i] + 1);
    return sum;
}

static uint64_t lookup_key(void *object, const int64_t *keys, size_t count, bool batch)
{
    lmdb_store *store = object;
    uint64_t sum = 0;

    (void)batch;
    for (size_t i = 0; i < count; i++) {
        MDB_val key = value_of(&keys[i], sizeof keys[i]), found;
        uint64_t id;
        must(mdb_get(store->txn, store->keys, &key, &found));
        memcpy(&id, found.mv_data, sizeof id);
        sum += read_row(store, store->txn, id);
    }
    return sum;
}

static uint64_t lookup_autocommit(void *object, const uint32_t *nodes, size_t count)
{
    lmdb_store *store = object;
    uint64_t sum = 0;

    read_begin(store);
    for (size_t i = 0; i < count; i++) {
        mdb_txn_reset(store->txn);
        must(mdb_txn_renew(store->txn));
        sum += read_row(store, store->txn, (uint64_t)nodes[i] + 1);
    }
    read_end(store);
    return sum;
}

/* A list comes a page at a time. Positions at its first page; false when there is none. */
static bool first_page(lmdb_store *store, uint32_t node, MDB_val *page)
{
    const uint64_t name = list_key((uint64_t)node + 1);
    MDB_val key = value_of(&name, sizeof name);
    const int status = mdb_cursor_get(store->list, &key, page, MDB_SET_KEY);

    if (status == MDB_NOTFOUND) return false;
    must(status);
    must(mdb_cursor_get(store->list, &key, page, MDB_GET_MULTIPLE));
    return true;
}

static bool next_page(lmdb_store *store, MDB_val *page)
{
    MDB_val key;
    const int status = mdb_cursor_get(store->list, &key, page, MDB_NEXT_MULTIPLE);

    if (status != MDB_NOTFOUND) must(status);
    return status != MDB_NOTFOUND;
}

static uint64_t entry_neighbor(const MDB_val *page, size_t i)
{
    list_entry entry;
    memcpy(&entry, (const char *)page->mv_data + i * sizeof entry, sizeof entry);
    return entry.neighbor;
}

static uint64_t neighbors(void *object, const uint32_t *nodes, size_t count, bool batch)
{
    lmdb_store *store = object;
    uint64_t sum = 0;

    (void)batch;
    for (size_t i = 0; i < count; i++) {
        MDB_val page;
        for (bool more = first_page(store, nodes[i], &page); more; more = next_page(store, &page)) {
            for (size_t j = 0; j < page.mv_size / sizeof(list_entry); j++)
                sum += entry_neighbor(&page, j);
        }
    }
    return sum;
}

static void expand(void *object, uint32_t node, uint32_t **list, size_t *room, size_t *count)
{
    lmdb_store *store = object;
    MDB_val page;

    for (bool more = first_page(store, node, &page); more; more = next_page(store, &page)) {
        const size_t entries_here = page.mv_size / sizeof(list_entry);
        bench_walk_room(list, room, *count + entries_here);
        for (size_t i = 0; i < entries_here; i++)
            (*list)[(*count)++] = (uint32_t)(entry_neighbor(&page, i) - 1);
    }
}

static uint64_t two_hop(void *object, const uint32_t *nodes, size_t count)
{
    return bench_two_hop(object, &((lmdb_store *)object)->walk, expand, nodes, count);
}

static uint64_t three_hop(void *object, const uint32_t *nodes, size_t count, bool by_lengths)
{
    if (by_lengths) bench_fail("lmdb: no walks by lengths");
    return bench_three_hop(object, &((lmdb_store *)object)->walk, expand, nodes, count);
}

static uint64_t breadth_first(void *object, uint32_t start, uint64_t *edges)
{
    return bench_breadth_first(object, &((lmdb_store *)object)->walk, expand, start, edges);
}

static uint64_t scan(void *object, bool nodes, int64_t low, int64_t high)
{
    lmdb_store *store = object;
    MDB_cursor *cursor;
    MDB_val key, found;
    uint64_t count = 0;

    must(mdb_cursor_open(store->txn, nodes ? store->nodes : store->edges, &cursor));
    while (mdb_cursor_get(cursor, &key, &found, MDB_NEXT) == MDB_SUCCESS) {
        int64_t value;
        if (nodes) {
            memcpy(&value, found.mv_data, sizeof value);
        } else {
            edge_record record;
            memcpy(&record, found.mv_data, sizeof record);
            value = record.weight;
        }
        count += value >= low && value <= high;
    }
    mdb_cursor_close(cursor);
    return count;
}

const bench_engine bench_lmdb = {
    .name = "lmdb",
    .open = open_store,
    .close = close_store,
    .prepare = prepare,
    .load = load,
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
    .two_hop = two_hop,
    .three_hop = three_hop,
    .bfs = breadth_first,
    .scan = scan,
};
#else
extern const bench_engine bench_lmdb;
#endif
