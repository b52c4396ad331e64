/* wide_scan.c — scan_filter over values that do not pack: one property of random 64 bits on 10 M relationships, and a raw array of them. */
#include <stdlib.h>

#include "base/random.h"
#include "base/range_count.h"
#include "sombra_store.h"

#define NODES  1000u
#define RELS   10000000u
#define BATCH  1000000u
#define ROUNDS 7u

/* The relationships in batches, each in its own transaction; the values stay in words. */
static void load(sombra_store *store, int64_t *words)
{
    uint64_t *nodes = bench_alloc(NODES, sizeof *nodes), *ends = bench_alloc(2 * BATCH, 8);
    sb_random random = {bench.seed};
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_WRITE);

    bench_must(store, sombra_create_nodes(txn, &store->label, 1, NODES, NULL, 0, nodes));
    bench_must(store, sombra_commit(txn));
    for (size_t i = 0; i < RELS; i++)
        words[i] = (int64_t)sb_random_next(&random);
    for (size_t at = 0; at < RELS; at += BATCH) {
        const sombra_column column = {
            .key = store->weight, .type = SOMBRA_TYPE_INT, .integers = words + at};
        for (size_t i = 0; i < 2 * (size_t)BATCH; i++)
            ends[i] = nodes[sb_random_below(&random, NODES)];
        txn = bench_sombra_begin(store, SOMBRA_WRITE);
        bench_must(store, sombra_create_rels(txn, store->type, BATCH, ends, ends + BATCH, &column,
                                             1, NULL));
        bench_must(store, sombra_commit(txn));
    }
    free(nodes);
    free(ends);
}

static uint64_t count_stored(sombra_store *store, int64_t low, int64_t high)
{
    const sombra_value from = sombra_int(low), to = sombra_int(high);
    const sombra_scan_options options = {.entity = SOMBRA_REL,
                                         .key = store->weight,
                                         .low = &from,
                                         .high = &to,
                                         .low_inclusive = true,
                                         .high_inclusive = true,
                                         .no_index = true};
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_READ);
    uint64_t count;

    bench_must(store, sombra_count(txn, &options, &count));
    sombra_rollback(txn);
    return count;
}

/* By the loop that Sombra counts a leaf's column with. */
static uint64_t count_raw(const int64_t *words, int64_t low, int64_t high)
{
    return sb_range_count((const uint8_t *)words, sizeof *words, RELS, (uint64_t)low,
                          (uint64_t)high - (uint64_t)low);
}

void bench_run_wide_scan(const char *workload)
{
    const int64_t low = -(INT64_MAX / 2), high = INT64_MAX / 4;
    bench_samples stored = {0}, raw = {0};
    int64_t *words = bench_alloc(RELS, sizeof *words);
    char *path = bench_path("wide");
    sombra_options options;
    sombra_store *store;

    sombra_options_init(&options);
    options.durability = SOMBRA_DURABLE_OFF;
    store = bench_sombra_open(path, &options, 0);
    load(store, words);
    for (unsigned round = 0; round <= bench_rounds(ROUNDS); round++) {
        const uint64_t started = bench_now_ns(), found = count_stored(store, low, high),
                       between = bench_now_ns(), expected = count_raw(words, low, high),
                       ended = bench_now_ns();
        bench_expect("wide values in the range", found, expected);
        if (round == 0) continue; /* warms up */
        bench_add(&stored, (double)(between - started) / 1e6);
        bench_add(&raw, (double)(ended - between) / 1e6);
    }
    bench_report(workload, "wide", "sombra", "relationships_ms", &stored, "ms", BENCH_LOWER);
    bench_report(workload, "wide", "raw", "relationships_ms", &raw, "ms", BENCH_LOWER);
    bench_clear(&stored);
    bench_clear(&raw);
    bench_sombra_close(store);
    bench_remove(path);
    free(path);
    free(words);
}
