/* verify.c — everything of a database against everything else: pages, trees and catalog by the layers below, then the
 * tables (verify_rows.c), adjacency (verify_lists.c), indexes and statistics (verify_index.c). */
#include "graph/verify_priv.h"

#include <stdio.h>
#include <stdlib.h>

/* Rows and entries between two looks at the cancel flag. */
#define STEP 8192u

/* Node ids get a place each in an array if it takes no more than this, or than four times the file; else a map holds those
 * that there are. */
#define DENSE_BYTES ((uint64_t)64 << 20)

static const char *const kind_names[SB_FINDING_KINDS] = {
    [SB_FINDING_PAGE] = "pages",
    [SB_FINDING_TREE] = "trees",
    [SB_FINDING_CATALOG] = "the catalog",
    [SB_FINDING_ROW] = "rows",
    [SB_FINDING_ENDPOINT] = "ends of relationships",
    [SB_FINDING_LIST] = "adjacency lists",
    [SB_FINDING_LABEL] = "the label index",
    [SB_FINDING_INDEX] = "property indexes",
    [SB_FINDING_CONSTRAINT] = "constraints",
    [SB_FINDING_STATISTIC] = "statistics",
};

/* ---- Findings ------------------------------------------------------------------------------------------------ */

static void tell(sb_verify *v, sb_finding_kind kind, sb_pgno pgno, const char *message)
{
    v->result.findings++;
    if (v->found[kind]++ < SB_FINDINGS_TOLD && v->finding != NULL)
        v->finding(v->ctx, pgno, message);
}

void sb_verify__report(sb_verify *v, sb_finding_kind kind, sb_pgno pgno, const char *format, ...)
{
    char message[SB_ERR_TEXT_BYTES + 128];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    tell(v, kind, pgno, message);
}

static uint64_t hash_finding(sb_pgno pgno, const char *message)
{
    return sb_hash_bytes(message, strlen(message), pgno);
}

static bool was_told(const sb_verify *v, sb_pgno pgno, const char *message)
{
    return sb_map_find(&v->told, hash_finding(pgno, message)) != NULL;
}

/* A damaged page is met by its tree, then among all pages, then by who reads the table: it is one fault. */
static void tell_page(void *ctx, sb_pgno pgno, const char *message)
{
    if (!was_told(ctx, pgno, message)) tell(ctx, SB_FINDING_PAGE, pgno, message);
}

static void tell_tree(void *ctx, sb_pgno pgno, const char *message)
{
    sb_verify *v = ctx;
    bool inserted;

    /* benign: without memory it is told twice */
    (void)sb_map_at(&v->told, hash_finding(pgno, message), &inserted);
    sb_verify__report(v, SB_FINDING_TREE, pgno, "%s (tree: %s)", message, v->tree_name);
}
static void tell_catalog(void *ctx, sb_pgno pgno, const char *message)
{
    tell(ctx, SB_FINDING_CATALOG, pgno, message);
}

static void tell_rest(sb_verify *v)
{
    char message[128];

    for (unsigned kind = 0; kind < SB_FINDING_KINDS; kind++) {
        if (v->found[kind] <= SB_FINDINGS_TOLD || v->finding == NULL) continue;
        (void)snprintf(message, sizeof message, "and %llu more findings about %s",
                       (unsigned long long)(v->found[kind] - SB_FINDINGS_TOLD), kind_names[kind]);
        v->finding(v->ctx, SB_PGNO_NONE, message);
    }
}

sb_status sb_verify__swallow(sb_verify *v, sb_status status, const sb_err *local, const char *what,
                             bool *whole)
{
    const sb_pgno pgno = local->pgno < SB_PGNO_MAX ? (sb_pgno)local->pgno : SB_PGNO_NONE;

    if (status == SB_OK) return SB_OK;
    if (status != SB_CORRUPT) {
        if (v->err != NULL && v->err->code == SB_OK) *v->err = *local;
        return status;
    }
    *whole = false;
    if (v->err != NULL && v->err->code == SB_CORRUPT) sb_err_clear(v->err); /* a visitor met it */
    if (was_told(v, pgno, local->text))
        sb_verify__report(v, SB_FINDING_TREE, pgno, "%s can not be read to the end", what);
    else
        sb_verify__report(v, SB_FINDING_TREE, pgno, "%s can not be read to the end: %s", what,
                          local->text);
    return SB_OK;
}

sb_status sb_verify__step(sb_verify *v)
{
    return v->work % STEP != STEP - 1 ? (v->work++, SB_OK) : sb_verify__steps(v, 1, v->err);
}

sb_status sb_verify__steps(sb_verify *v, uint64_t count, sb_err *err)
{
    v->work += count;
    return sb_graph__tick(v->graph, v->work, v->total, err);
}

/* ---- Pages and trees ------------------------------------------------------------------------------------------- */

typedef struct sb_tree_check {
    sb_verify *v;
    uint8_t *used; /* bitmap of all pages */
} sb_tree_check;

static sb_status check_tree(void *ctx, const sb_tree *tree, const char *what)
{
    sb_tree_check *check = ctx;
    sb_verify *v = check->v;
    sb_tree_stats stats;
    uint64_t findings = 0;

    v->tree_name = what;
    SB_TRY(sb_tree_verify(v->txn, tree, check->used, tell_tree, v, &stats, &findings, v->err));
    return sb_verify__steps(v, tree->leaf_count, v->err);
}

static bool check_progress(void *ctx, uint64_t done, uint64_t total)
{
    const sb_verify *v = ctx;

    (void)total;
    return sb_graph__tick(v->graph, v->work + done, v->total, NULL) == SB_OK;
}

/* Figures that can not be read count nothing: the checks tell of them. */
static uint64_t count_of(sb_verify *v, sb_entity entity, uint32_t name)
{
    uint64_t count = 0;
    sb_err local;

    sb_err_clear(&local);
    const sb_status st = entity == SB_NODE ? sb_stats_nodes_of_label(v->view, name, &count, &local)
                                           : sb_stats_rels_of_type(v->view, name, &count, &local);
    return st == SB_OK ? count : 0;
}

static sb_status count_leaves(void *ctx, const sb_tree *tree, const char *what)
{
    sb_verify *v = ctx;

    (void)what;
    v->total += tree->leaf_count;
    return SB_OK;
}

/* Trees, pages, rows, lists in both directions, label index and property indexes. */
static sb_status count_work(sb_verify *v)
{
    const uint32_t labels = sb_name_count(v->view, SB_NAME_LABEL);
    const sb_schema *schemas = sb_schemas(v->view, &v->schema_count);

    v->total = sb_txn_page_count(v->txn) + count_of(v, SB_NODE, 0) + 3 * count_of(v, SB_REL, 0);
    for (sb_label_id label = 1; label <= labels; label++)
        v->total += count_of(v, SB_NODE, label);
    for (size_t i = 0; i < v->schema_count; i++)
        if (schemas[i].has_tree)
            v->total += count_of(v, schemas[i].on_rels ? SB_REL : SB_NODE, schemas[i].entity);
    return sb_store_each_tree(v->view, count_leaves, v, v->err);
}

static sb_status check_pages(sb_verify *v)
{
    const size_t pages = sb_txn_page_count(v->txn), bytes = pages / 8 + 1;
    sb_tree_check check = {.v = v, .used = sb_alloc_zero(v->alloc, bytes)};
    uint64_t findings;
    sb_status st;

    if (check.used == NULL) return SB_FAIL_NOMEM(v->err);
    st = sb_store_each_tree(v->view, check_tree, &check, v->err);
    if (st == SB_OK)
        st =
            sb_pager_verify(v->txn, check.used, tell_page, v, check_progress, v, &findings, v->err);
    v->work += pages;
    v->result.pages = pages;
    v->result.free_pages = pages - 1 - sb_bits_count(check.used, pages);
    sb_free(v->alloc, check.used, bytes);
    return st;
}

/* ---- The whole ---------------------------------------------------------------------------------------------------- */

static sb_status make_arrays(sb_verify *v)
{
    const sb_node_id end = sb_ids_node_end(v->view);
    const uint64_t file_bytes =
        (uint64_t)sb_txn_page_count(v->txn) * sb_pager_page_bytes(sb_txn_pager(v->txn));
    const uint64_t most = 4 * file_bytes > DENSE_BYTES ? 4 * file_bytes : DENSE_BYTES;

    v->set_count = sb_set_count(v->view);
    v->type_count = sb_name_count(v->view, SB_NAME_TYPE);
    if (end <= most / sizeof *v->sets) {
        v->sets_end = end;
        v->sets = sb_alloc_zero(v->alloc, (size_t)end * sizeof *v->sets);
        if (v->sets == NULL) return SB_FAIL_NOMEM(v->err);
    }
    v->nodes_of_set = sb_alloc_zero(v->alloc, v->set_count * sizeof *v->nodes_of_set);
    v->rels = sb_alloc_zero(v->alloc, (v->type_count + (size_t)1) * sizeof *v->rels);
    v->row_entries = sb_alloc_zero(v->alloc, v->schema_count * sizeof *v->row_entries);
    for (unsigned d = 0; d < 2; d++)
        v->lists[d] = sb_alloc_zero(v->alloc, (v->type_count + (size_t)1) * sizeof *v->rels);
    v->values = sb_arena_create(v->alloc, NULL);
    if (v->nodes_of_set == NULL || v->rels == NULL || v->row_entries == NULL ||
        v->lists[0] == NULL || v->lists[1] == NULL || v->values == NULL)
        return SB_FAIL_NOMEM(v->err);
    return SB_OK;
}

static void free_arrays(sb_verify *v)
{
    sb_free(v->alloc, v->sets, (size_t)v->sets_end * sizeof *v->sets);
    sb_free(v->alloc, v->nodes_of_set, v->set_count * sizeof *v->nodes_of_set);
    sb_free(v->alloc, v->rels, (v->type_count + (size_t)1) * sizeof *v->rels);
    sb_free(v->alloc, v->row_entries, v->schema_count * sizeof *v->row_entries);
    for (unsigned d = 0; d < 2; d++)
        sb_free(v->alloc, v->lists[d], (v->type_count + (size_t)1) * sizeof *v->rels);
    sb_arena_destroy(v->values);
    sb_map_deinit(&v->told);
    sb_map_deinit(&v->sparse_sets);
    sb_map_deinit(&v->rels_of_set);
    sb_buffer_deinit(&v->key);
}

static sb_status run_checks(sb_verify *v)
{
    uint64_t findings;

    SB_TRY(count_work(v));
    SB_TRY(make_arrays(v));
    SB_TRY(check_pages(v));
    SB_TRY(sb_store_verify(v->view, tell_catalog, v, &findings, v->err));
    SB_TRY(sb_verify__tables(v));
    if (v->rels_whole) SB_TRY(sb_verify__lists(v));
    if (v->nodes_whole) SB_TRY(sb_verify__labels(v));
    SB_TRY(sb_verify__indexes(v));
    return v->nodes_whole && v->rels_whole ? sb_verify__statistics(v) : SB_OK;
}

sb_status sb_graph_verify(sb_graph *graph, sb_finding finding, void *ctx, sb_verify_result *result,
                          sb_err *err)
{
    sb_verify v = {.graph = graph,
                   .view = graph->view,
                   .txn = graph->txn,
                   .alloc = graph->alloc,
                   .err = err,
                   .finding = finding,
                   .ctx = ctx};
    sb_status st;

    *result = (sb_verify_result){0};
    if (graph->writer.active) SB_TRY(sb_graph_flush(graph, err));
    sb_map_init(&v.told, graph->alloc);
    sb_map_init(&v.sparse_sets, graph->alloc);
    sb_map_init(&v.rels_of_set, graph->alloc);
    sb_buffer_init(&v.key, graph->alloc);
    st = run_checks(&v);
    if (st == SB_OK) tell_rest(&v);
    free_arrays(&v);
    *result = v.result;
    return st;
}
