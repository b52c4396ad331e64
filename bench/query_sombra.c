/* query_sombra.c — Sombra's side of the workload query: statements through sombra_prepare, and the calls that do the same natively. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sombra_store.h"

#define PARAMS_MAX 4u

/* ---- Statements --------------------------------------------------------------------------------- */

static sombra_stmt *prepare(sombra_store *store, const bench_query *query)
{
    sombra_stmt *stmt;

    bench_must(store, sombra_prepare(store->conn, query->text, strlen(query->text), &stmt, NULL));
    return stmt;
}

/* Where each of the query's parameters is among the statement's. */
static void find_params(sombra_store *store, const bench_query *query, size_t *places)
{
    sombra_stmt *stmt = prepare(store, query);
    const size_t count = sombra_stmt_param_count(stmt);

    if (query->param_count > PARAMS_MAX || count != query->param_count)
        bench_fail("%s: the statement has %zu parameters", query->name, count);
    for (size_t i = 0; i < count; i++) {
        const char *wanted = query->params[i];
        places[i] = count;
        for (size_t j = 0; j < count; j++) {
            size_t size;
            const char *name = sombra_stmt_param(stmt, j, &size);
            if (size == strlen(wanted) && memcmp(name, wanted, size) == 0) places[i] = j;
        }
        if (places[i] == count) bench_fail("%s: there is no $%s", query->name, wanted);
    }
    sombra_stmt_finalize(stmt);
}

static uint64_t number_of(const bench_query *query, const sombra_value *value)
{
    switch (value->type) {
    case SOMBRA_TYPE_INT: return (uint64_t)value->as.integer;
    case SOMBRA_TYPE_STRING:
        return value->as.bytes.size + *(const unsigned char *)value->as.bytes.data;
    default: bench_fail("%s: a result is a %s", query->name, sombra_type_name(value->type));
    }
}

/* Step to the end, and back to the beginning. */
static uint64_t read_all(sombra_store *store, const bench_query *query, sombra_stmt *stmt)
{
    const size_t columns = sombra_stmt_column_count(stmt);
    sombra_status status;
    uint64_t sum = 0;

    while ((status = sombra_stmt_step(stmt)) == SOMBRA_ROW) {
        for (size_t i = 0; i < columns; i++) {
            sombra_value value;
            bench_must(store, sombra_stmt_column(stmt, i, &value));
            sum = bench_row_add(sum, i, number_of(query, &value));
        }
    }
    if (status != SOMBRA_DONE) bench_must(store, status);
    bench_must(store, sombra_stmt_reset(stmt));
    return sum;
}

static uint64_t run_list(sombra_store *store, const bench_query *query)
{
    sombra_stmt *stmt = prepare(store, query);
    sombra_value *items = bench_alloc(query->runs, sizeof *items);
    const sombra_value list = {.type = SOMBRA_TYPE_LIST, .as.list = {items, query->runs}};
    uint64_t sum;

    for (size_t i = 0; i < query->runs; i++)
        items[i] = sombra_int(query->values[i]);
    bench_must(store, sombra_stmt_bind(stmt, query->params[0], &list));
    sum = read_all(store, query, stmt);
    sombra_stmt_finalize(stmt);
    free(items);
    return sum;
}

uint64_t bench_sombra_query(void *object, const bench_query *query)
{
    sombra_store *store = object;
    size_t places[PARAMS_MAX];
    sombra_stmt *stmt;
    char threads[12];
    uint64_t sum = 0;

    (void)snprintf(threads, sizeof threads, "%u", bench.threads);
    bench_must(store, sombra_pragma(store->conn, "threads", threads));
    if (query->as_list) return run_list(store, query);
    find_params(store, query, places);
    stmt = prepare(store, query);
    for (size_t i = 0; i < query->runs; i++) {
        const int64_t *values = query->values + i * query->param_count;
        if (query->prepare_each) {
            sombra_stmt_finalize(stmt);
            stmt = prepare(store, query);
        }
        for (size_t j = 0; j < query->param_count; j++) {
            const sombra_value value = sombra_int(values[j]);
            bench_must(store, sombra_stmt_bind_at(stmt, places[j], &value));
        }
        sum += read_all(store, query, stmt);
    }
    sombra_stmt_finalize(stmt);
    return sum;
}

/* ---- Native calls ------------------------------------------------------------------------------- */

static uint64_t node_of(sombra_store *store, int64_t key)
{
    const sombra_value value = sombra_int(key);
    uint64_t id;

    bench_must(store, sombra_lookup(store->txn, store->schema, &value, 1, &id));
    return id;
}

static uint64_t point_lookup(sombra_store *store, const int64_t *keys)
{
    sombra_value value;
    bool found;

    bench_must(store, sombra_get_props(store->txn, SOMBRA_NODE, node_of(store, keys[0]),
                                       &store->name, 1, &value, &found));
    if (!found) bench_fail("native: a node is not there");
    return value.as.bytes.size + *(const unsigned char *)value.as.bytes.data;
}

static uint64_t one_hop(sombra_store *store, const int64_t *keys)
{
    const uint64_t *ids;
    uint64_t sum = 0;
    size_t count;

    bench_must(store, sombra_neighbor_ids(store->txn, node_of(store, keys[0]), SOMBRA_OUT,
                                          store->type, &ids, &count));
    for (size_t i = 0; i < count; i++)
        sum += ids[i];
    return sum;
}

static uint64_t shortest_path(sombra_store *store, const int64_t *keys)
{
    const sombra_bfs_options options = {
        .direction = SOMBRA_OUT, .types = &store->type, .type_count = 1};
    const uint64_t from = node_of(store, keys[0]);
    sombra_path path;

    bench_must(store,
               sombra_shortest_path(store->txn, from, node_of(store, keys[1]), &options, &path));
    return path.found ? path.length : 0;
}

static const struct {
    const char *name;
    uint64_t (*run)(sombra_store *store, const int64_t *keys);
} CALLS[] = {
    {"point_lookup", point_lookup},
    {"one_hop", one_hop},
    {"shortest_path", shortest_path},
};
#define CALL_COUNT (sizeof CALLS / sizeof *CALLS)

static size_t find_call(const char *name)
{
    size_t i = 0;
    while (i < CALL_COUNT && strcmp(CALLS[i].name, name) != 0)
        i++;
    return i;
}

bool bench_native_can(const char *query)
{
    return find_call(query) < CALL_COUNT;
}

uint64_t bench_native_query(void *object, const bench_query *query)
{
    const size_t which = find_call(query->name);
    uint64_t sum = 0;

    if (which == CALL_COUNT) bench_fail("native: there is no call for %s", query->name);
    for (size_t i = 0; i < query->runs; i++)
        sum += CALLS[which].run(object, query->values + i * query->param_count);
    return sum;
}
