/* txn.c — transactions, savepoints, names. */
#include <stdlib.h>
#include <string.h>

#include "api/api_priv.h"

sombra_status sombra__refuse(sombra_txn *txn)
{
    if (txn == NULL) return SOMBRA_MISUSE;
    if (txn->conn->in_callback != 0)
        return sombra__status(SB_FAIL(&txn->conn->err, SB_MISUSE,
                                      "a callback of this connection runs: it may use other "
                                      "connections, not this one"));
    if (txn->txn != NULL && !sb_txn_same_process(txn->txn))
        return sombra__status(sb_pager_same_process(sb_txn_pager(txn->txn), &txn->conn->err));
    return sombra__status(
        SB_FAIL(&txn->conn->err, SB_MISUSE, "the transaction of this call has ended"));
}

sombra_status sombra_begin(sombra_conn *conn, sombra_mode mode, sombra_txn **txn)
{
    sb_status status;
    sb_txn *begun;

    if (txn != NULL) *txn = NULL;
    if (txn == NULL || sombra__enter_conn(conn) != SOMBRA_OK) return SOMBRA_MISUSE;
    if (conn->txn.txn != NULL)
        return sombra__status(SB_FAIL(
            &conn->err, SB_MISUSE,
            "this connection has a transaction open: end it first, or use another connection"));
    if (mode != SOMBRA_READ && mode != SOMBRA_WRITE)
        return sombra__status(
            SB_FAIL(&conn->err, SB_MISUSE, "%d is no mode of a transaction", (int)mode));
    status = mode == SOMBRA_WRITE ? sb_txn_begin_write(conn->session, &begun, &conn->err)
                                  : sb_txn_begin_read(conn->session, &begun, &conn->err);
    if (status != SB_OK) return sombra__status(status);
    status = sb_graph_get(begun, &conn->txn.graph, &conn->err);
    if (status != SB_OK) {
        sb_txn_rollback(begun);
        return sombra__status(status);
    }
    conn->txn.view = sb_graph_view(conn->txn.graph);
    conn->txn.txn = begun;
    conn->txn.number++;
    sombra__scans_stop(conn);
    conn->txn.named = false;
    conn->txn.clock_ns = 0;
    *txn = &conn->txn;
    return SOMBRA_OK;
}

/* What is flushed and written before the commit frame can be cancelled; a statement's own commit is part of its run. Of time limits it
 * is free: they are there for calls that leave the transaction as it was. */
static sb_status commit(sombra_conn *conn, sb_txn *txn)
{
    if (!sb_txn_writable(txn) || atomic_load_explicit(&conn->running, memory_order_relaxed))
        return sb_txn_commit(txn, &conn->err);
    sombra__run_begin(conn);
    conn->deadline_ns = 0;
    return sombra__run_end(conn, sb_txn_commit(txn, &conn->err));
}

/* What the commit hook says to a transaction that has changed something. */
static sb_status ask_hook(sombra_txn *txn)
{
    sombra_conn *const conn = txn->conn;

    if (conn->commit_hook == NULL || !(sb_txn_dirty(txn->txn) || txn->named)) return SB_OK;
    const sb_status before = sombra__callback_begin(conn);
    const sombra_status refused = conn->commit_hook(conn->commit_ctx);
    sombra__callback_end(conn, before);
    if (refused == SOMBRA_OK) return SB_OK;
    if (refused > SOMBRA_OK || refused < SOMBRA_REJECTED)
        return SB_FAIL(&conn->err, SB_CONSTRAINT,
                       "the commit hook refused the commit with %d, which is no sombra_status",
                       (int)refused);
    return SB_FAIL(&conn->err, (sb_status)refused, "the commit hook refused the commit");
}

sombra_status sombra_commit(sombra_txn *txn)
{
    sombra_conn *conn;
    sb_txn *ended;
    sb_status status;

    SOMBRA_ENTER(txn);
    conn = txn->conn;
    sb_err_clear(&conn->err);
    status = sombra__statements_check(conn);
    if (status != SB_OK) return sombra__status(status);
    status = ask_hook(txn);
    if (status != SB_OK) {
        sombra_rollback(txn);
        return sombra__status(status);
    }
    sombra__statements_stop(conn);
    ended = txn->txn;
    txn->txn = NULL;
    return sombra__status(commit(conn, ended));
}

void sombra_rollback(sombra_txn *txn)
{
    sb_txn *ended;

    if (txn == NULL || txn->txn == NULL || sombra__is_refused(txn->conn)) return;
    sombra__statements_stop(txn->conn);
    ended = txn->txn;
    txn->txn = NULL;
    sb_txn_rollback(ended);
}

sombra_status sombra_upgrade(sombra_txn *txn)
{
    sb_status status;

    SOMBRA_ENTER(txn);
    /* What reads in a transaction that only reads holds on to what can not change. */
    status = sombra__readers_check(txn->conn, "the transaction begins to write");
    if (status == SB_OK) status = sb_txn_upgrade(txn->txn, &txn->conn->err);
    if (status == SB_OK) status = sb_view_get(txn->txn, &txn->view, &txn->conn->err);
    return sombra__status(status);
}

sombra_status sombra_savepoint(sombra_txn *txn, uint32_t *savepoint)
{
    if (savepoint != NULL) *savepoint = 0;
    SOMBRA_ENTER_WRITE(txn);
    SOMBRA_ARG_GIVEN(txn, savepoint);
    return sombra__status(sb_txn_savepoint(txn->txn, savepoint, &txn->conn->err));
}

sombra_status sombra_rollback_to(sombra_txn *txn, uint32_t savepoint)
{
    sb_status status;

    SOMBRA_ENTER_WRITE(txn);
    status = sb_txn_rollback_to(txn->txn, savepoint, &txn->conn->err);
    if (status == SB_OK) {
        sombra__statements_stop(txn->conn);
        sombra__scans_stop(txn->conn);
    }
    return sombra__status(status);
}

sombra_status sombra_release(sombra_txn *txn, uint32_t savepoint)
{
    SOMBRA_ENTER_WRITE(txn);
    return sombra__status(sb_txn_release(txn->txn, savepoint, &txn->conn->err));
}

uint64_t sombra_txn_sequence(const sombra_txn *txn)
{
    return txn == NULL || txn->txn == NULL ? 0 : sb_txn_seq(txn->txn);
}

/* ---- Names ------------------------------------------------------------------------------------------------- */

sombra_status sombra_name_find(sombra_txn *txn, sombra_name_kind kind, const char *name,
                               size_t size, uint32_t *id)
{
    if (id != NULL) *id = 0;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, id);
    SOMBRA_ARG_GIVEN(txn, name);
    SOMBRA_ARG_ENUM(txn, kind, SB_NAME_KINDS - 1, "kind of name");
    *id = sb_name_find(txn->view, (sb_name_kind)kind, sombra__text(name, size));
    if (*id == 0) *id = SOMBRA_NO_NAME;
    return SOMBRA_OK;
}

sombra_status sombra_name_intern(sombra_txn *txn, sombra_name_kind kind, const char *name,
                                 size_t size, uint32_t *id)
{
    sb_status status;
    sb_bytes text;

    if (id != NULL) *id = 0;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, id);
    SOMBRA_ARG_GIVEN(txn, name);
    SOMBRA_ARG_ENUM(txn, kind, SB_NAME_KINDS - 1, "kind of name");
    text = sombra__text(name, size);
    *id = sb_name_find(txn->view, (sb_name_kind)kind, text);
    if (*id != 0) return SOMBRA_OK;
    if (!sb_txn_writable(txn->txn))
        return sombra__status(SB_FAIL(&txn->conn->err, SB_READ_ONLY,
                                      "this is a read transaction: '%.*s' can not be made",
                                      (int)(text.size < 200 ? text.size : 200), name));
    status = sombra__statements_check(txn->conn);
    if (status == SB_OK) status = sb_view_found(txn->view, &txn->conn->err);
    if (status == SB_OK)
        status = sb_name_intern(txn->view, (sb_name_kind)kind, text, id, &txn->conn->err);
    if (status == SB_OK) txn->named = true;
    return sombra__status(status);
}

const char *sombra_name_text(sombra_txn *txn, sombra_name_kind kind, uint32_t id, size_t *size)
{
    sb_bytes name;

    if (size != NULL) *size = 0;
    if (sombra__enter(txn) != SOMBRA_OK || (unsigned)kind >= SB_NAME_KINDS) return NULL;
    name = sb_name_of(txn->view, (sb_name_kind)kind, id);
    if (name.size == 0) return NULL;
    if (size != NULL) *size = name.size;
    return (const char *)name.data;
}

uint32_t sombra_name_count(sombra_txn *txn, sombra_name_kind kind)
{
    if (sombra__enter(txn) != SOMBRA_OK || (unsigned)kind >= SB_NAME_KINDS) return 0;
    return sb_name_count(txn->view, (sb_name_kind)kind);
}

sombra_status sombra_name_entities(sombra_txn *txn, sombra_name_kind kind, uint32_t id,
                                   uint64_t *count)
{
    if (count != NULL) *count = 0;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, count);
    switch (kind) {
    case SOMBRA_LABEL:
        return sombra__status(sb_stats_nodes_of_label(txn->view, id, count, &txn->conn->err));
    case SOMBRA_TYPE:
        return sombra__status(sb_stats_rels_of_type(txn->view, id, count, &txn->conn->err));
    case SOMBRA_KEY: break;
    }
    return sombra__status(
        SB_FAIL(&txn->conn->err, SB_INVALID,
                "entities are counted for labels and types, not for property keys (a query does: "
                "MATCH (n) WHERE n.key IS NOT NULL RETURN count(*))"));
}

static int compare_labels(const void *a, const void *b)
{
    const sb_label_id *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

sb_status sombra__label_set(sombra_txn *txn, const uint32_t *labels, size_t count, sb_set_id *set)
{
    const sb_allocator *alloc = &txn->conn->db->memory.base;
    sb_label_id few[16], *sorted = few;
    sb_status status = SB_OK;

    *set = 0;
    if (count == 0) return SB_OK;
    if (count > 16 && (sorted = sb_alloc_array(alloc, count, sizeof *sorted)) == NULL)
        return SB_FAIL_NOMEM(&txn->conn->err);
    memcpy(sorted, labels, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_labels);
    for (size_t i = 0; i < count && status == SB_OK; i++) {
        if (sorted[i] == 0 || sorted[i] > sb_name_count(txn->view, SB_NAME_LABEL))
            status = SB_FAIL(&txn->conn->err, SB_INVALID, "there is no label %u", sorted[i]);
        else if (i > 0 && sorted[i] == sorted[i - 1])
            status = SB_FAIL(&txn->conn->err, SB_INVALID, "label %u is given twice", sorted[i]);
    }
    if (status == SB_OK) status = sb_view_found(txn->view, &txn->conn->err);
    if (status == SB_OK) status = sb_set_intern(txn->view, sorted, count, set, &txn->conn->err);
    if (sorted != few) sb_free(alloc, sorted, count * sizeof *sorted);
    return status;
}
