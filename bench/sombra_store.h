/* sombra_store.h — the benchmark's Sombra engine, opened up for workloads that look inside. */
#ifndef BENCH_SOMBRA_STORE_H
#define BENCH_SOMBRA_STORE_H

#include "api/api_priv.h"
#include "bench.h"
#include "traverse.h"

typedef struct sombra_store {
    sombra_db *db;
    sombra_conn *conn;
    sombra_txn *txn; /* of read_begin */
    uint32_t label, type, key, name, weight, note;
    uint32_t schema;   /* unique index on key */
    uint64_t first_id; /* node i has id first_id + i */
    uint32_t node_count;
    uint64_t *ids; /* scratch */
    size_t id_capacity;
    size_t *ends; /* of lists */
    size_t end_room;
    uint64_t *first, *second; /* lists of a traversal */
    size_t first_room, second_room;
    bench_walk walk;
    size_t live_bytes; /* of memory, when memory_peak was last asked for */
} sombra_store;

/* Fails the benchmark with what the connection says. */
void bench_must(sombra_store *store, sombra_status status);
/* Open with options (NULL: the defaults) and make the schema. switched_off: sb_seed_part mask, in force from the first page
 * on; SB_SEED_PROFILE_OFF in it turns profiling on. */
sombra_store *bench_sombra_open(const char *path, const sombra_options *options,
                                uint32_t switched_off);
/* One that is there; node_count is not known, and set to 1,000. */
sombra_store *bench_sombra_reopen(const char *path, const sombra_options *options);
void bench_sombra_close(sombra_store *store);
sombra_txn *bench_sombra_begin(sombra_store *store, sombra_mode mode);
/* Nodes of the graph in one batch; sets first_id. */
void bench_sombra_nodes(sombra_store *store, sombra_txn *txn, const bench_graph *graph);
/* Relationships [from, from + count) of the graph in one batch. */
void bench_sombra_rels(sombra_store *store, sombra_txn *txn, const bench_graph *graph, size_t from,
                       size_t count);
/* What node and relationship tables, lists both ways and the index hold agrees with the graph. */
void bench_sombra_check(sombra_store *store, const bench_graph *graph);
/* bench_engine.query, by sombra_prepare, and by the calls of sombra.h that do the same, for the queries of bench_native_can. */
uint64_t bench_sombra_query(void *store, const bench_query *query);
uint64_t bench_native_query(void *store, const bench_query *query);
bool bench_native_can(const char *query);

#endif
