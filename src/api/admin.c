/* admin.c — checkpoint, backup, vacuum, verify, digest, info. */
#include <string.h>

#include "api/api_priv.h"

sombra_status sombra__enter_idle(sombra_conn *conn)
{
    if (sombra__enter_conn(conn) != SOMBRA_OK) return SOMBRA_MISUSE;
    if (conn->txn.txn != NULL)
        return sombra__status(
            SB_FAIL(&conn->err, SB_MISUSE, "end the connection's transaction first"));
    return SOMBRA_OK;
}

sombra_status sombra_checkpoint(sombra_conn *conn, sombra_checkpoint_mode mode,
                                sombra_checkpoint_result *result)
{
    sb_checkpoint_result done;
    sb_status status;
    const sombra_status entered = sombra__enter_idle(conn);

    if (result != NULL) memset(result, 0, sizeof *result);
    if (entered != SOMBRA_OK) return entered;
    memset(&done, 0, sizeof done);
    if ((unsigned)mode > SOMBRA_TRUNCATE)
        return sombra__status(
            SB_FAIL(&conn->err, SB_MISUSE, "%d is no checkpoint mode", (int)mode));
    const sb_watch watch = {sombra__progress, conn};
    sombra__run_begin(conn);
    status = sb_pager_checkpoint_watched(conn->db->pager, (sb_checkpoint_mode)mode, &watch, &done,
                                         &conn->err);
    status = sombra__call_end(conn, status);
    if (result != NULL)
        *result = (sombra_checkpoint_result){.wal_frames = done.wal_frames,
                                             .backfilled_frames = done.backfilled_frames,
                                             .pages_written = done.pages_written,
                                             .restarted = done.restarted};
    return sombra__status(status);
}

sb_status sombra__new_path_check(const char *path, sb_err *err)
{
    if (*path == '\0') return SB_FAIL(err, SB_INVALID, "the name of the new file is empty");
    if (strcmp(path, ":memory:") == 0)
        return SB_FAIL(err, SB_INVALID, "':memory:' is no file: give a path");
    return SB_OK;
}

sb_status sombra__of_new_file(const char *path, sb_status status, sb_err *err)
{
    if (status != SB_POISONED) return status;
    sb_err_clear(err);
    return SB_FAIL(err, SB_IO, "%s: its sync failed", path);
}

sombra_status sombra_backup(sombra_txn *txn, const char *path)
{
    sb_vfs *vfs;
    sb_status status;

    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, path);
    /* What is not committed is in part in memory, and its pages alone are no graph. */
    if (sb_txn_dirty(txn->txn) || txn->named)
        return sombra__status(SB_FAIL(&txn->conn->err, SB_MISUSE,
                                      "the transaction has changed something: commit it first, a "
                                      "backup holds a committed state"));
    status = sombra__new_path_check(path, &txn->conn->err);
    if (status != SB_OK) return sombra__status(status);
    status = sombra__files_open(txn->conn->db, &vfs, &txn->conn->err);
    if (status != SB_OK) return sombra__status(status);
    sombra__run_begin(txn->conn);
    status = sb_pager_backup(txn->txn, vfs, path, sombra__progress, txn->conn, &txn->conn->err);
    status = sombra__call_end(txn->conn, status);
    sombra__files_close(txn->conn->db, vfs);
    return sombra__status(status);
}

static sb_status vacuum(sombra_conn *conn, const char *path)
{
    sb_graph *graph;
    sb_vfs *vfs;
    sb_txn *txn;
    sb_status status;

    if (path == NULL) return sb_graph_vacuum(conn->session, &conn->err);
    SB_TRY(sombra__new_path_check(path, &conn->err));
    SB_TRY(sombra__files_open(conn->db, &vfs, &conn->err));
    status = sb_txn_begin_read(conn->session, &txn, &conn->err);
    if (status == SB_OK) {
        status = sb_graph_get(txn, &graph, &conn->err);
        if (status == SB_OK) status = sb_graph_vacuum_into(graph, vfs, path, &conn->err);
        status = sombra__of_new_file(path, status, &conn->err);
        sb_txn_rollback(txn);
    }
    sombra__files_close(conn->db, vfs);
    return status;
}

sombra_status sombra_vacuum(sombra_conn *conn, const char *path)
{
    sb_status status;
    const sombra_status entered = sombra__enter_idle(conn);

    if (entered != SOMBRA_OK) return entered;
    sombra__run_begin(conn);
    status = vacuum(conn, path);
    status = sombra__call_end(conn, status);
    return sombra__status(status);
}

/* ---- Verify, digest ---------------------------------------------------------------------------------------- */

typedef struct sb_finding_bridge {
    sombra_conn *conn;
    void (*finding)(void *ctx, uint64_t page, const char *message);
    void *ctx;
} sb_finding_bridge;

static void bridge_finding(void *ctx, sb_pgno pgno, const char *message)
{
    const sb_finding_bridge *bridge = ctx;
    if (bridge->finding == NULL) return;
    const sb_status before = sombra__callback_begin(bridge->conn);
    bridge->finding(bridge->ctx, pgno == SB_PGNO_NONE ? SB_NO_PGNO : pgno, message);
    sombra__callback_end(bridge->conn, before);
}

sombra_status sombra_verify(sombra_txn *txn,
                            void (*finding)(void *ctx, uint64_t page, const char *message),
                            void *ctx, sombra_verify_result *result)
{
    sb_finding_bridge bridge = {.finding = finding, .ctx = ctx};
    sb_verify_result found;
    sb_status status;

    if (result != NULL) memset(result, 0, sizeof *result);
    SOMBRA_ENTER(txn);
    memset(&found, 0, sizeof found);
    bridge.conn = txn->conn;
    sombra__run_begin(txn->conn);
    status = sb_graph_verify(txn->graph, bridge_finding, &bridge, &found, &txn->conn->err);
    status = sombra__call_end(txn->conn, status);
    if (result != NULL)
        *result = (sombra_verify_result){.findings = found.findings,
                                         .pages = found.pages,
                                         .free_pages = found.free_pages,
                                         .nodes = found.nodes,
                                         .rels = found.rels,
                                         .index_entries = found.index_entries};
    return sombra__status(status);
}

sombra_status sombra_digest(sombra_txn *txn, uint8_t digest[16])
{
    sb_status status;

    if (digest != NULL) memset(digest, 0, 16);
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, digest);
    sombra__run_begin(txn->conn);
    status = sb_graph_digest(txn->graph, digest, &txn->conn->err);
    status = sombra__call_end(txn->conn, status);
    return sombra__status(status);
}

sombra_status sombra_schema_digest(sombra_txn *txn, uint8_t digest[16])
{
    if (digest != NULL) memset(digest, 0, 16);
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, digest);
    return sombra__status(sb_graph_schema_digest(txn->graph, digest, &txn->conn->err));
}

/* ---- Information --------------------------------------------------------------------------------------------- */

sombra_status sombra_get_info(sombra_txn *txn, sombra_info *info)
{
    sb_counting_allocator *memory;
    sb_pager_info pager;
    uint64_t nodes, rels;
    sb_status status;

    if (info != NULL) memset(info, 0, sizeof *info);
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, info);
    memory = &txn->conn->db->memory;
    status = sb_pager_get_info(txn->conn->db->pager, &pager, &txn->conn->err);
    if (status == SB_OK) status = sb_stats_nodes_of_label(txn->view, 0, &nodes, &txn->conn->err);
    if (status == SB_OK) status = sb_stats_rels_of_type(txn->view, 0, &rels, &txn->conn->err);
    if (status != SB_OK) return sombra__status(status);
    *info = (sombra_info){.page_size = pager.page_bytes,
                          .pages = pager.page_count,
                          .free_pages = pager.free_pages,
                          .file_bytes = pager.file_bytes,
                          .wal_bytes = pager.wal_bytes,
                          .wal_frames = pager.wal_frames,
                          .wal_backfilled = pager.backfilled_frames,
                          .sequence = pager.commit_seq,
                          .readers = pager.readers,
                          .nodes = nodes,
                          .rels = rels,
                          .memory_bytes = atomic_load(&memory->live_bytes),
                          .memory_peak = atomic_load(&memory->peak_bytes),
                          .durability = (uint8_t)pager.durability,
                          .read_mode = (uint8_t)pager.read_mode,
                          .poisoned = pager.poisoned};
    return SOMBRA_OK;
}

typedef struct sb_tree_search {
    sombra_txn *txn;
    size_t wanted;
    sombra_tree_info *info;
    bool found;
} sb_tree_search;

static sb_status describe_tree(void *ctx, const sb_tree *tree, const char *what)
{
    sb_tree_search *search = ctx;
    sb_tree_stats stats;
    uint64_t findings = 0;
    char *name;

    if (search->wanted-- != 0) return SB_OK;
    search->found = true;
    if (atomic_load_explicit(&search->txn->conn->cancel, memory_order_relaxed))
        return SB_FAIL(&search->txn->conn->err, SB_INTERRUPT, "cancelled");
    SB_TRY(sb_tree_verify(search->txn->txn, tree, NULL, NULL, NULL, &stats, &findings,
                          &search->txn->conn->err));
    name = sb_arena_strndup(sb_graph_arena(search->txn->graph), what, strlen(what));
    if (name == NULL) return SB_FAIL_NOMEM(&search->txn->conn->err);
    *search->info = (sombra_tree_info){.name = name,
                                       .height = stats.height,
                                       .inner_pages = stats.inner_pages,
                                       .leaf_pages = stats.leaf_pages,
                                       .overflow_pages = stats.overflow_pages,
                                       .entries = stats.entries,
                                       .used_bytes = stats.leaf_used_bytes};
    return SB_OK;
}

sombra_status sombra_tree_at(sombra_txn *txn, size_t i, sombra_tree_info *info, bool *more)
{
    sb_tree_search search = {.txn = txn, .wanted = i, .info = info};
    sb_status status;

    if (info != NULL) memset(info, 0, sizeof *info);
    if (more != NULL) *more = false;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, info);
    SOMBRA_ARG_GIVEN(txn, more);
    sb_arena_reset(sb_graph_arena(txn->graph));
    sombra__run_begin(txn->conn);
    status = sb_store_each_tree(txn->view, describe_tree, &search, &txn->conn->err);
    status = sombra__run_end(txn->conn, status);
    *more = status == SB_OK && search.found;
    return sombra__status(status);
}

sombra_status sombra_get_writer_stats(sombra_txn *txn, sombra_writer_stats *stats)
{
    sb_writer_stats inner;

    if (stats != NULL) memset(stats, 0, sizeof *stats);
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, stats);
    sb_graph_writer_stats(txn->graph, &inner);
    *stats = (sombra_writer_stats){.endpoint_checks = inner.endpoint_checks,
                                   .cache_hits = inner.cache_hits,
                                   .cache_misses = inner.cache_misses,
                                   .node_lookups = inner.node_lookups,
                                   .known_in_txn = inner.known_in_txn,
                                   .trusted = inner.trusted,
                                   .forward_sorts = inner.forward_sorts,
                                   .reverse_sorts = inner.reverse_sorts,
                                   .index_sorts = inner.index_sorts,
                                   .flushes = inner.flushes,
                                   .flushed_rels = inner.flushed_rels};
    return SOMBRA_OK;
}
