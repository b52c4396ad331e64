/* raw_store.h — the raw arrays, opened up for queries over them. */
#ifndef BENCH_RAW_STORE_H
#define BENCH_RAW_STORE_H

#include "traverse.h"

/* What the loops over the social graph go over: query_raw_social.c. */
typedef struct raw_social raw_social;

typedef struct raw_store {
    uint32_t node_count, edge_count;
    uint32_t *ends; /* ends[node] … ends[node + 1] */
    uint32_t *neighbors;
    uint8_t *weights; /* by relationship, in order of creation */
    uint32_t *keys;
    char (*names)[BENCH_NAME_BYTES];
    uint32_t *out_sorted, *in_ends, *in_sorted; /* of triangles; made on first use */
    raw_social *social;                         /* of LSQB's counts; made on first use */
    bench_walk walk;
    int file;
    size_t offset;
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
