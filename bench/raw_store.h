/* raw_store.h — the raw arrays, opened up for queries over them. */
#ifndef BENCH_RAW_STORE_H
#define BENCH_RAW_STORE_H

#include <stdatomic.h>

#include "raw_arrays.h"
#include "traverse.h"

/* What the loops over the social graph go over: query_raw_social.c. */
typedef struct raw_social raw_social;

typedef struct raw_store {
    raw_arrays arrays;
    _Atomic(const raw_arrays *) current; /* what a snapshot is, of lookup_autocommit: &arrays */
    uint32_t *out_sorted, *in_sorted;    /* of triangles; made on first use */
    raw_social *social;                  /* of LSQB's counts; made on first use */
    bench_walk walk;
    char *path;
    bench_sync sync;
    struct {
        uint32_t *source, *target;
        int64_t *weight;
        size_t count, room;
    } late;                     /* relationships committed one by one: not in the arrays */
    uint64_t nodes_added;       /* the same of nodes, of which nothing is kept */
    struct raw_store *of;       /* of a further thread's: the store that it belongs to; else NULL */
    int log;                    /* file of LOG_BYTES, written before; -1: none */
    size_t offset, first, last; /* in it: where the next commit goes; the part to go round in */
    uint8_t *block;
} raw_store;

/* What bench_engine.query does, by loops over the arrays, for the queries of bench_raw_can. */
uint64_t bench_raw_query(void *store, const bench_query *query);
bool bench_raw_can(const char *query);
/* The same for those of the social graph. */
uint64_t bench_raw_social_query(raw_store *store, const bench_query *query);
bool bench_raw_social_can(const char *query);
void bench_raw_social_free(raw_social *social); /* accepts NULL */

#endif
