/* wide_scan.c — scan_filter over values that do not pack: one property of random 64 bits on 10 M relationships, and a raw array of them. */
#include <stdlib.h>

#include "base/random.h"
#include "base/range_count.h"
#include "sombra_store.h"

#define NODES  1000u
#define RELS   10000000u
#define BATCH  1000000u
#define ROUNDS 7u

static int64_t *make_words(void)
{
    int64_t *words = bench_alloc(RELS, sizeof *words);
    sb_random random = {bench.seed};

    for (size_t i = 0; i < RELS; i++)
        words[i] = (int64_t)sb_random_next(&random);
    return words;
}

/* The relationships in batches, each in its own transaction. */
static void load(sombra_store *store, const int64_t *words)
{
    uint64_t *nodes = bench_alloc(NODES, sizeof *nodes), *ends = bench_alloc(2 * BATCH, 8);
    sb_random random = {bench.seed + 1};
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_WRITE);

    bench_must(store, sombra_create_nodes(txn, &store->label, 1, NODES, NULL, 0, nodes));
    bench_must(store, sombra_commit(txn));
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

/* Milliseconds of each round; the store is NULL, or no raw is wanted, where that engine is left out. */
static void run_rounds(sombra_store *store, bool raw, const int64_t *words,
                       bench_samples samples[2])
{
    const int64_t low = -(INT64_MAX / 2), high = INT64_MAX / 4;
    const uint64_t expected = count_raw(words, low, high);

    for (unsigned round = 0; round <= bench_rounds(ROUNDS); round++) {
        for (unsigned side = 0; side < 2; side++) {
            const uint64_t started = bench_now_ns();
            if (side == 0 ? store == NULL : !raw) continue;
            bench_expect("wide values in the range",
                         side == 0 ? count_stored(store, low, high) : count_raw(words, low, high),
                         expected);
            if (round != 0) /* the first warms up */
                bench_add(&samples[side], (double)(bench_now_ns() - started) / 1e6);
        }
    }
}

void bench_run_wide_scan(const char *workload)
{
    static const char *const NAMES[] = {"sombra", "raw"};
    const bool raw = bench_engine_wanted("raw"), sombra = bench_engine_wanted("sombra");
    bench_samples samples[2] = {{0}};
    int64_t *words;
    char *path;
    sombra_options options;
    sombra_store *store = NULL;

    if (!raw && !sombra) return;
    words = make_words();
    path = bench_path("wide");
    sombra_options_init(&options);
    options.durability = SOMBRA_DURABLE_OFF;
    if (sombra) {
        store = bench_sombra_open(path, &options, 0);
        load(store, words);
    }
    run_rounds(store, raw, words, samples);
    for (unsigned side = 0; side < 2; side++) {
        if (samples[side].count != 0)
            bench_report(workload, "wide", NAMES[side], "relationships_ms", &samples[side], "ms",
                         BENCH_LOWER);
        bench_clear(&samples[side]);
    }
    if (sombra) bench_sombra_close(store);
    bench_remove(path);
    free(path);
    free(words);
}
