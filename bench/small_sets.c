/* small_sets.c — what many names cost that are hardly used: 10,000 types with one relationship each, and 1,000 label sets with
 * one node each, in a new file. */
#include <stdio.h>
#include <stdlib.h>

#include "sombra_store.h"

#define TYPES  10000u
#define SETS   1000u
#define LABELS 46u /* pairs of them: 1,035 */

static uint32_t intern_numbered(sombra_store *store, sombra_txn *txn, sombra_name_kind kind,
                                uint32_t number)
{
    char name[32];
    uint32_t id;

    (void)snprintf(name, sizeof name, "%s_%u", kind == SOMBRA_TYPE ? "TYPE" : "Label", number);
    bench_must(store, sombra_name_intern(txn, kind, name, SOMBRA_NUL_TERMINATED, &id));
    return id;
}

/* One chain: each relationship has its own type. */
static void write_types(sombra_store *store)
{
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_WRITE);
    uint64_t *ids = bench_alloc(TYPES + 1, sizeof *ids);

    bench_must(store, sombra_create_nodes(txn, &store->label, 1, TYPES + 1, NULL, 0, ids));
    for (uint32_t i = 0; i < TYPES; i++) {
        const uint32_t type = intern_numbered(store, txn, SOMBRA_TYPE, i);
        bench_must(store, sombra_create_rels(txn, type, 1, &ids[i], &ids[i + 1], NULL, 0, NULL));
    }
    bench_must(store, sombra_commit(txn));
    free(ids);
}

static void write_label_sets(sombra_store *store)
{
    sombra_txn *txn = bench_sombra_begin(store, SOMBRA_WRITE);
    uint32_t labels[LABELS], made = 0;

    for (uint32_t i = 0; i < LABELS; i++)
        labels[i] = intern_numbered(store, txn, SOMBRA_LABEL, i);
    for (uint32_t i = 0; i < LABELS; i++) {
        for (uint32_t j = i + 1; j < LABELS && made < SETS; j++, made++) {
            const uint32_t set[] = {labels[i], labels[j]};
            bench_must(store, sombra_create_nodes(txn, set, 2, 1, NULL, 0, NULL));
        }
    }
    bench_expect("label sets", made, SETS);
    bench_must(store, sombra_commit(txn));
}

/* The file as it is closed, and of it the pages in use. */
static void measure(const char *workload, const char *what, void (*write)(sombra_store *store))
{
    char *path = bench_path("small"), metric[64];
    sombra_store *store = bench_sombra_open(path, NULL, 0);
    sombra_txn *txn;
    sombra_info info;

    write(store);
    txn = bench_sombra_begin(store, SOMBRA_READ);
    bench_must(store, sombra_get_info(txn, &info));
    sombra_rollback(txn);
    bench_sombra_close(store);
    (void)snprintf(metric, sizeof metric, "%s_used_bytes", what);
    bench_count(workload, "none", "sombra", metric,
                (double)((info.pages - info.free_pages) * info.page_size), "bytes");
    (void)snprintf(metric, sizeof metric, "%s_file_bytes", what);
    bench_count(workload, "none", "sombra", metric, (double)bench_file_bytes(path), "bytes");
    bench_remove(path);
    free(path);
}

void bench_run_small_sets(const char *workload)
{
    if (!bench_engine_wanted("sombra")) return;
    measure(workload, "types_10000", write_types);
    measure(workload, "label_sets_1000", write_label_sets);
}
