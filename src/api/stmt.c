/* stmt.c — statements: prepared, bound, stepped; and the transactions they run in.
 * A statement on a connection without a transaction opens one (conn->statements.automatic). Reading statements that run at the same time
 * share it; one that writes has it for itself, since its end is a commit. */
#include <string.h>

#include "api/api_priv.h"
#include "api/arrow_priv.h"
#include "api/stmt_priv.h"

/* ---- Preparing: statements are remembered by their text ---------------------------------------------------------- */

/* Idle statements, most recently used first; at most STATEMENTS_KEPT, of texts up to TEXT_KEPT bytes, whose runs keep a share of
 * memory_limit together. */
#define STATEMENTS_KEPT 64u
#define TEXT_KEPT       65536u
#define SHARE_KEPT      16u

static sombra_stmt *take_idle(sombra_conn *conn, sb_bytes text)
{
    sombra_stmt **at = &conn->statements.idle;

    /* None so long is kept; and a script is not gone through whole for each of its statements. */
    if (text.size > TEXT_KEPT) return NULL;
    const uint64_t hash = sb_hash_bytes(text.data, text.size, 0);
    for (; *at != NULL; at = &(*at)->next) {
        sombra_stmt *const found = *at;

        if (found->hash != hash || !sb_bytes_equal(sb_buffer_bytes(&found->source), text)) continue;
        *at = found->next;
        conn->statements.idle_count--;
        conn->statements.idle_bytes -= found->idle_bytes;
        found->next = NULL;
        return found;
    }
    return NULL;
}

static void destroy(sombra_stmt *stmt)
{
    const sb_allocator *alloc = &stmt->conn->db->memory.base;

    sb_cypher_close(stmt->inner);
    sb_arena_destroy(stmt->arena);
    sb_buffer_deinit(&stmt->source);
    sb_buffer_deinit(&stmt->text);
    sb_buffer_deinit(&stmt->notes);
    sb_free(alloc, stmt, sizeof *stmt);
}

static void drop_oldest(sombra_conn *conn)
{
    sombra_stmt **at = &conn->statements.idle;

    SB_ASSERT(*at != NULL);
    while ((*at)->next != NULL)
        at = &(*at)->next;
    conn->statements.idle_count--;
    conn->statements.idle_bytes -= (*at)->idle_bytes;
    destroy(*at);
    *at = NULL;
}

/* Least recently used ones go when there are too many, or hold too much. */
static void keep_idle(sombra_stmt *stmt)
{
    sombra_conn *const conn = stmt->conn;

    stmt->next = conn->statements.idle;
    stmt->idle_bytes = sb_exec_memory(sb_cypher_exec(stmt->inner));
    conn->statements.idle = stmt;
    conn->statements.idle_count++;
    conn->statements.idle_bytes += stmt->idle_bytes;
    while (conn->statements.idle_count > STATEMENTS_KEPT ||
           (conn->statements.idle_count != 0 &&
            conn->statements.idle_bytes > sombra__memory_limit(conn->db) / SHARE_KEPT))
        drop_oldest(conn);
}

void sombra__statements_close(sombra_conn *conn)
{
    while (conn->statements.idle != NULL) {
        sombra_stmt *const stmt = conn->statements.idle;

        conn->statements.idle = stmt->next;
        destroy(stmt);
    }
    conn->statements.idle_count = 0;
    conn->statements.idle_bytes = 0;
}

/* What ends the compiling of a text: cancel and time limit of the call. */
static sb_exec_options limits_of(sombra_conn *conn)
{
    return (sb_exec_options){
        .cancel = &conn->cancel, .deadline_ns = conn->deadline_ns, .vfs = conn->db->files};
}

static sb_status make(sombra_conn *conn, sb_bytes text, sombra_stmt **made, size_t *end)
{
    const sb_exec_options limits = limits_of(conn);
    const sb_allocator *alloc = &conn->db->memory.base;
    sombra_stmt *stmt = sb_alloc_zero(alloc, sizeof *stmt);
    sb_status status;

    *made = NULL;
    if (stmt == NULL) return SB_FAIL_NOMEM(&conn->err);
    stmt->conn = conn;
    sb_buffer_init(&stmt->source, alloc);
    sb_buffer_init(&stmt->text, alloc);
    sb_buffer_init(&stmt->notes, alloc);
    stmt->arena = sb_arena_create(alloc, NULL);
    status = stmt->arena == NULL ? SB_FAIL_NOMEM(&conn->err) : SB_OK;
    if (status == SB_OK)
        status = sb_cypher_prepare(alloc, conn->db->registry, text, &limits, &stmt->inner, end,
                                   &conn->err);
    if (status == SB_OK && stmt->inner != NULL && *end == text.size && text.size <= TEXT_KEPT) {
        /* benign: without memory it is not remembered */
        if (sb_buffer_append(&stmt->source, text.data, text.size) == SB_OK)
            stmt->hash = sb_hash_bytes(text.data, text.size, 0);
    }
    if (status != SB_OK || stmt->inner == NULL) {
        destroy(stmt);
        return status;
    }
    stmt->kind = sb_cypher_kind(stmt->inner);
    stmt->explains = sb_cypher_explains(stmt->inner);
    stmt->writes = sb_cypher_writes(stmt->inner);
    stmt->column_count = stmt->explains != SB_EXPLAIN_NO ? 1 : sb_cypher_column_count(stmt->inner);
    *made = stmt;
    return SB_OK;
}

/* Only white space, comments and nothing else? Then a second statement is none. */
static sb_status refuse_second(sombra_conn *conn, sb_bytes rest)
{
    const sb_exec_options limits = limits_of(conn);
    sb_cypher_statement *second;
    size_t end;
    sb_status status;

    if (rest.size == 0) return SB_OK;
    status = sb_cypher_prepare(&conn->db->memory.base, conn->db->registry, rest, &limits, &second,
                               &end, &conn->err);
    if (status == SB_OK && second == NULL) return SB_OK;
    sb_cypher_close(second);
    if (status == SB_NOMEM || status == SB_INTERRUPT || status == SB_TIMEOUT) return status;
    sb_err_clear(&conn->err);
    return SB_FAIL(
        &conn->err, SB_SYNTAX,
        "the text holds more than one statement: ask for the tail and prepare them one by one");
}

sombra_status sombra_prepare(sombra_conn *conn, const char *text, size_t size, sombra_stmt **stmt,
                             size_t *tail)
{
    sb_bytes given;
    sb_status status;
    size_t end = 0;

    if (stmt != NULL) *stmt = NULL;
    if (tail != NULL) *tail = 0;
    if (stmt == NULL || sombra__enter_conn(conn) != SOMBRA_OK) return SOMBRA_MISUSE;
    if (text == NULL)
        return sombra__status(SB_FAIL(&conn->err, SB_MISUSE, "sombra_prepare: text is needed"));
    given = sombra__text(text, size);
    *stmt = take_idle(conn, given);
    if (*stmt != NULL) {
        if (tail != NULL) *tail = given.size;
        conn->statements.open++;
        return SOMBRA_OK;
    }
    sombra__run_begin(conn);
    status = make(conn, given, stmt, &end);
    if (status == SB_OK && tail == NULL)
        status = refuse_second(conn, sb_bytes_of(given.data + end, given.size - end));
    status = sombra__run_end(conn, status);
    if (status != SB_OK) {
        if (*stmt != NULL) destroy(*stmt);
        *stmt = NULL;
        return sombra__status(status);
    }
    if (tail != NULL) *tail = end;
    if (*stmt != NULL) conn->statements.open++;
    return SOMBRA_OK;
}

/* ---- The transaction of a run ---------------------------------------------------------------------------------------- */

static sb_status begin_automatic(sombra_stmt *stmt, bool writes)
{
    sombra_conn *const conn = stmt->conn;
    sombra_txn *txn;

    if (sombra_begin(conn, writes ? SOMBRA_WRITE : SOMBRA_READ, &txn) != SOMBRA_OK)
        return conn->err.code;
    conn->statements.automatic = true;
    conn->statements.writer = writes;
    return SB_OK;
}

/* Join or open the transaction that the run is part of. */
static sb_status enter_transaction(sombra_stmt *stmt, bool writes)
{
    sombra_conn *const conn = stmt->conn;

    stmt->savepoint = 0;
    if (conn->txn.txn == NULL) {
        conn->statements.automatic = false;
        SB_TRY(begin_automatic(stmt, writes));
    } else if (conn->statements.automatic) {
        if (writes || conn->statements.writer)
            return SB_FAIL(&conn->err, SB_MISUSE,
                           "another statement runs on this connection: a statement that writes "
                           "needs it for itself; step "
                           "the other to its end, reset it, or begin a transaction");
    } else if (writes) {
        if (!sb_txn_writable(conn->txn.txn))
            return SB_FAIL(&conn->err, SB_READ_ONLY,
                           "the statement writes, but the transaction open on this connection is a "
                           "read transaction");
        if (sb_cypher_commits(stmt->inner))
            return SB_FAIL(&conn->err, SB_MISUSE,
                           "CALL { } IN TRANSACTIONS can't be part of an open transaction");
        SB_TRY(sombra__statements_check(conn));
        if (stmt->kind == SB_STATEMENT_DROP_INDEX || stmt->kind == SB_STATEMENT_DROP_CONSTRAINT)
            SB_TRY(sombra__readers_check(conn, "indexes and constraints are dropped"));
        SB_TRY(sb_txn_spill(conn->txn.txn, &conn->err));
        SB_TRY(sb_txn_savepoint(conn->txn.txn, &stmt->savepoint, &conn->err));
        conn->statements.undoable++;
    }
    stmt->automatic = conn->statements.automatic;
    stmt->number = conn->txn.number;
    stmt->next = conn->statements.active;
    conn->statements.active = stmt;
    conn->statements.running++;
    return SB_OK;
}

/* Out of the list of those that run. */
static void unlist(sombra_stmt *stmt)
{
    sombra_stmt **at = &stmt->conn->statements.active;

    while (*at != stmt)
        at = &(*at)->next;
    *at = stmt->next;
    stmt->next = NULL;
    stmt->conn->statements.running--;
}

static void stop(sombra_stmt *stmt)
{
    stmt->row = stmt->row_count = 0;
    stmt->number = 0; /* that of no transaction */
    sb_cypher_stop(stmt->inner);
}

void sombra__statements_stop(sombra_conn *conn)
{
    for (sombra_stmt *stmt = conn->statements.active; stmt != NULL; stmt = stmt->next)
        stop(stmt);
}

/* What has looked at the changes of the statement that is undone holds numbers of names and label sets, and places in indexes, that others
 * get now. What has not may go on. */
static void stop_who_saw(sombra_conn *conn)
{
    for (sombra_stmt *stmt = conn->statements.active; stmt != NULL; stmt = stmt->next)
        if (stmt->seen == conn->statements.undoable) stop(stmt);
    if (conn->scans.seen == conn->statements.undoable) sombra__scans_stop(conn);
}

/* Does the run still have its transaction? */
static bool is_in_transaction(const sombra_stmt *stmt)
{
    return stmt->conn->txn.txn != NULL && stmt->conn->txn.number == stmt->number;
}

/* Is one under way: one that writes, or any? */
static bool any_under_way(const sombra_conn *conn, bool writes)
{
    for (const sombra_stmt *stmt = conn->statements.active; stmt != NULL; stmt = stmt->next)
        if (is_in_transaction(stmt) && stmt->explains != SB_EXPLAIN_PLAN &&
            (stmt->writes || !writes))
            return true;
    return false;
}

sb_status sombra__statements_check(sombra_conn *conn)
{
    if (!any_under_way(conn, true)) return SB_OK;
    return SB_FAIL(&conn->err, SB_MISUSE,
                   "a statement that writes is under way in this transaction: step it to its end, "
                   "or reset it, which undoes it, first");
}

sb_status sombra__readers_check(sombra_conn *conn, const char *before)
{
    if (conn->scans.open != 0)
        return SB_FAIL(&conn->err, SB_MISUSE,
                       "a scan is open in this transaction: close it before %s", before);
    if (!any_under_way(conn, false)) return SB_OK;
    return SB_FAIL(&conn->err, SB_MISUSE,
                   "a statement is under way in this transaction, and may be reading an index: "
                   "step it to its end, or reset it, before %s",
                   before);
}

/* Leave it: whole when the statement came to its end, else undone. A failure of the commit is the statement's. */
static sb_status leave_transaction(sombra_stmt *stmt, bool whole)
{
    sombra_conn *const conn = stmt->conn;
    sb_status status = SB_OK;

    unlist(stmt);
    if (!is_in_transaction(stmt)) return SB_OK; /* it ended under the run */
    if (stmt->automatic) {
        if (conn->statements.running != 0) return SB_OK;
        conn->statements.automatic = false;
        if (!whole) {
            sombra_rollback(&conn->txn);
            return SB_OK;
        }
        return (sb_status)sombra_commit(&conn->txn);
    }
    if (stmt->savepoint == 0) return SB_OK;
    if (!whole) {
        sb_err undo;

        sb_err_clear(&undo); /* the statement's own failure stays the one that is told */
        status = sb_txn_rollback_to(conn->txn.txn, stmt->savepoint, &undo);
        stop_who_saw(conn);
    }
    if (status == SB_OK) status = sb_txn_release(conn->txn.txn, stmt->savepoint, &conn->err);
    stmt->savepoint = 0;
    return status;
}

/* ---- Running -------------------------------------------------------------------------------------------------------------- */

/* End a run in whichever state it is. */
static sb_status end_run(sombra_stmt *stmt, bool whole)
{
    if (stmt->state != STMT_RUNNING) return SB_OK;
    stmt->state = STMT_ENDED;
    stmt->row = stmt->row_count = 0;
    sb_cypher_stop(stmt->inner);
    const sb_status status = leave_transaction(stmt, whole);
    if (whole && status == SB_OK)
        sombra__notes_tell(stmt->conn, &stmt->notes);
    else
        sombra__notes_drop(&stmt->notes);
    return status;
}

static sb_status next_transaction(void *ctx, sb_graph **graph, sb_err *err)
{
    sombra_stmt *const stmt = ctx;
    sombra_conn *const conn = stmt->conn;
    sombra_stmt *const active = conn->statements.active;
    const uint32_t in_callback = conn->in_callback;
    sombra_txn *txn;
    sombra_status status;

    *graph = NULL;
    (void)err;                      /* is conn->err */
    conn->statements.active = NULL; /* this run goes on behind the commit */
    conn->in_callback = 0;          /* it is the library that calls */
    /* A commit that failed has ended the transaction: what calls again goes on in a new one. */
    status = conn->txn.txn == NULL ? SOMBRA_OK : sombra_commit(&conn->txn);
    if (status == SOMBRA_OK)
        sombra__notes_tell(conn, &stmt->notes);
    else
        sombra__notes_drop(&stmt->notes);
    const sombra_mode mode = sb_cypher_writes(stmt->inner) ? SOMBRA_WRITE : SOMBRA_READ;
    if (status == SOMBRA_OK) status = sombra_begin(conn, mode, &txn);
    conn->statements.active = active;
    conn->in_callback = in_callback;
    if (status != SOMBRA_OK) return conn->err.code;
    stmt->number = conn->txn.number;
    *graph = conn->txn.graph;
    return SB_OK;
}

/* Of a statement that only reads there is nothing to go back over. */
static sb_status mark_transaction(void *ctx, sb_err *err)
{
    sombra_stmt *const stmt = ctx;

    if (!sb_cypher_writes(stmt->inner)) return SB_OK;
    stmt->marked_notes = stmt->notes.size;
    return sb_txn_savepoint(stmt->conn->txn.txn, &stmt->mark, err);
}

static sb_status undo_transaction(void *ctx, sb_err *err)
{
    sombra_stmt *const stmt = ctx;

    if (!sb_cypher_writes(stmt->inner)) return SB_OK;
    SB_TRY(sb_txn_rollback_to(stmt->conn->txn.txn, stmt->mark, err));
    stmt->notes.size = stmt->marked_notes; /* what was undone nobody hears of */
    return sb_txn_release(stmt->conn->txn.txn, stmt->mark, err);
}

static void split_clock(uint64_t ns, int64_t *seconds, uint32_t *nanos)
{
    *seconds = (int64_t)(ns / 1000000000u);
    *nanos = (uint32_t)(ns % 1000000000u);
}

/* The transaction's time first, so that a statement is never earlier: its own, or that of its first statement. */
static void read_clock(sombra_stmt *stmt, sb_exec_options *options)
{
    sombra_conn *const conn = stmt->conn;
    sb_vfs *const vfs = conn->db->vfs;
    const bool asked = sb_cypher_reads_clock(stmt->inner);

    if (conn->txn.clock_ns == 0 && (asked || !stmt->automatic))
        conn->txn.clock_ns = vfs->ops->wall_ns(vfs);
    if (!asked) return;
    split_clock(vfs->ops->wall_ns(vfs), &options->now_seconds, &options->now_nanos);
    split_clock(conn->txn.clock_ns, &options->transaction_seconds, &options->transaction_nanos);
}

/* Field by field: most keep the values that they have. */
static sb_status fill_options(sombra_stmt *stmt)
{
    sombra_conn *const conn = stmt->conn;
    sombra_db *const db = conn->db;
    sb_exec_options *const options = sb_cypher_options(stmt->inner);

    options->alloc = &db->memory.base;
    options->graph = conn->txn.graph;
    options->vfs = db->files;
    options->reclaim = db->large;
    options->memory_bytes = conn->trial.memory_bytes != 0 ? conn->trial.memory_bytes
                                                          : (size_t)(sombra__memory_limit(db) / 2);
    options->import_dirs = db->import_dirs;
    options->import_dir_count = db->import_dir_count;
    options->cancel = &conn->cancel;
    options->deadline_ns = conn->deadline_ns;
    options->progress =
        conn->progress == NULL ? NULL : sombra__query_progress; /* the clock costs */
    options->progress_ctx = conn;
    options->profile = stmt->explains == SB_EXPLAIN_PROFILE;
    options->page_reads = db->profile.on ? &db->profile.counts[SB_COUNT_PAGES_READ] : NULL;
    options->force_spill = conn->trial.force_spill;
    options->always_table = conn->trial.always_table;
    options->workers = db->workers;
    options->threads = conn->trial.plan.threads;
    options->next_transaction = next_transaction;
    options->mark_transaction = mark_transaction;
    options->undo_transaction = undo_transaction;
    options->next_transaction_ctx = stmt;
    read_clock(stmt, options);
    /* The system is asked once a connection: it takes longer than many a statement. */
    if (conn->seed == 0)
        SB_TRY(db->vfs->ops->random(db->vfs, &conn->seed, sizeof conn->seed, &conn->err));
    conn->seed = sb_hash_u64(conn->seed + 0x9e3779b97f4a7c15ull);
    options->seed = conn->seed;
    return SB_OK;
}

static sb_status control(sombra_stmt *stmt)
{
    sombra_conn *const conn = stmt->conn;
    sombra_txn *txn;

    switch (stmt->kind) {
    case SB_STATEMENT_BEGIN:
        return (sb_status)sombra_begin(
            conn, conn->db->options.read_only ? SOMBRA_READ : SOMBRA_WRITE, &txn);
    case SB_STATEMENT_COMMIT:
    case SB_STATEMENT_ROLLBACK:
        if (conn->txn.txn == NULL || conn->statements.automatic)
            return SB_FAIL(&conn->err, SB_MISUSE, "no transaction is open on this connection");
        if (stmt->kind == SB_STATEMENT_COMMIT) return (sb_status)sombra_commit(&conn->txn);
        sombra_rollback(&conn->txn);
        return SB_OK;
    default: return SB_OK;
    }
}

static bool is_control(const sombra_stmt *stmt)
{
    return stmt->kind == SB_STATEMENT_BEGIN || stmt->kind == SB_STATEMENT_COMMIT ||
           stmt->kind == SB_STATEMENT_ROLLBACK;
}

static bool is_schema(const sombra_stmt *stmt)
{
    return !is_control(stmt) && stmt->kind != SB_STATEMENT_QUERY;
}

/* While a run works it may call functions and procedures of the program's. */
static sb_status begin_rows(sombra_stmt *stmt)
{
    sombra_conn *const conn = stmt->conn;

    SB_TRY(fill_options(stmt));
    conn->in_callback++;
    const sb_status status = sb_cypher_start(stmt->inner, &conn->trial.plan, &conn->err);
    conn->in_callback--;
    return status;
}

static sb_status next_rows(sombra_stmt *stmt, uint32_t *rows)
{
    sombra_conn *const conn = stmt->conn;

    conn->in_callback++;
    const sb_status status = sb_cypher_next(stmt->inner, rows, &conn->err);
    conn->in_callback--;
    return status;
}

/* All rows of a PROFILE are made and dropped: what it shows is the plan. */
static sb_status drain(sombra_stmt *stmt)
{
    uint32_t rows;

    do
        SB_TRY(next_rows(stmt, &rows));
    while (rows != 0);
    return SB_OK;
}

/* What the last run has counted, if it has. */
static const sb_exec_operator_profile *profile_of(const sombra_stmt *stmt)
{
    sb_exec *const exec = sb_cypher_exec(stmt->inner);

    return exec == NULL ? NULL : sb_exec_profile(exec);
}

/* The plan at hand: of a run, also where the graph has changed so much meanwhile that the next one would have another. */
static sb_status write_plan(sombra_stmt *stmt, bool json)
{
    sombra_conn *const conn = stmt->conn;
    const sb_compiled *const compiled = sb_cypher_compiled(stmt->inner);
    const sb_exec_operator_profile *const profile = profile_of(stmt);

    sb_buffer_reset(&stmt->text);
    if (json)
        return sb_cypher_explain_json(compiled, profile, conn->db->profile.on, &stmt->text,
                                      &conn->err);
    return sb_cypher_explain_text(compiled, profile, conn->db->profile.on, &stmt->text, &conn->err);
}

/* Without a run. */
static sb_status plan_only(sombra_stmt *stmt)
{
    sombra_conn *const conn = stmt->conn;
    const sb_compiled *compiled;

    SB_TRY(fill_options(stmt)); /* planning has a time limit, too */
    return sb_cypher_plan(stmt->inner, conn->txn.graph, &conn->trial.plan, &compiled, &conn->err);
}

/* EXPLAIN and PROFILE: one row with the plan. */
static sb_status run_explain(sombra_stmt *stmt)
{
    if (stmt->explains == SB_EXPLAIN_PROFILE) {
        SB_TRY(begin_rows(stmt));
        SB_TRY(drain(stmt));
    } else {
        SB_TRY(plan_only(stmt));
    }
    SB_TRY(write_plan(stmt, sb_cypher_explains_json(stmt->inner)));
    stmt->row_count = 1;
    return SB_OK;
}

static sb_status start(sombra_stmt *stmt)
{
    sombra_conn *const conn = stmt->conn;
    const bool explains = stmt->explains == SB_EXPLAIN_PLAN;

    SB_TRY(enter_transaction(stmt, stmt->writes && !explains));
    stmt->state = STMT_RUNNING;
    stmt->row = stmt->row_count = 0;
    if (is_schema(stmt)) return sb_cypher_run_schema(stmt->inner, conn->txn.graph, &conn->err);
    return stmt->explains != SB_EXPLAIN_NO ? run_explain(stmt) : begin_rows(stmt);
}

/* Another batch, or none. */
static sb_status advance(sombra_stmt *stmt)
{
    stmt->row = stmt->row_count = 0;
    if (is_schema(stmt) || stmt->explains != SB_EXPLAIN_NO) return SB_OK;
    return next_rows(stmt, &stmt->row_count);
}

sb_status sombra__stmt_check_ready(sombra_stmt *stmt)
{
    sombra_conn *const conn = stmt->conn;

    const bool on_first = stmt->state == STMT_RUNNING && stmt->row == 0 && stmt->row_count != 0;

    if ((stmt->state != STMT_READY && !on_first) || stmt->arrow != NULL)
        return SB_FAIL(&conn->err, SB_MISUSE,
                       "the statement has been run: reset it to run it again");
    return sombra__stmt_check(stmt);
}

sb_status sombra__stmt_check(sombra_stmt *stmt)
{
    sombra_conn *const conn = stmt->conn;

    if (stmt->state == STMT_ENDED)
        return SB_FAIL(&conn->err, SB_MISUSE, "the statement has ended: reset it to run it again");
    if (stmt->state == STMT_RUNNING && !is_in_transaction(stmt)) {
        (void)end_run(stmt, false);
        return SB_FAIL(&conn->err, SB_MISUSE,
                       "the transaction of this statement has ended, was rolled back to a "
                       "savepoint, or lost changes of a statement that this one has seen");
    }
    if (conn->txn.txn != NULL && !sb_txn_same_process(conn->txn.txn))
        return (sb_status)sombra__refuse(&conn->txn);
    return SB_OK;
}

bool sombra__stmt_is_control(const sombra_stmt *stmt)
{
    return is_control(stmt);
}

sb_status sombra__stmt_rows(sombra_stmt *stmt, uint32_t *rows)
{
    sombra_conn *const conn = stmt->conn;
    sb_status status = SB_OK;
    const bool ready = stmt->state == STMT_READY;

    conn->notes = &stmt->notes;
    conn->querying = !is_schema(stmt);
    if (ready) stmt->told = (sombra_told){0};
    conn->telling = &stmt->told;
    if (ready) status = start(stmt);
    stmt->seen = conn->statements.undoable;
    if (status == SB_OK && !(ready && stmt->row_count != 0)) status = advance(stmt);
    conn->querying = false;
    conn->notes = &conn->changes;
    *rows = status == SB_OK ? stmt->row_count : 0;
    return status;
}

sb_status sombra__stmt_end(sombra_stmt *stmt, bool whole)
{
    const sb_status status = end_run(stmt, whole);

    stmt->state = STMT_ENDED;
    return status;
}

/* Values given out end. */
static void drop_values(sombra_stmt *stmt)
{
    if (!stmt->made) return;
    sb_arena_reset(stmt->arena);
    stmt->made = false;
}

/* Was the row at hand the last one of all, as far as is known? */
static bool on_last(const sombra_stmt *stmt)
{
    return stmt->row_count != 0 && sb_cypher_is_over(stmt->inner);
}

/* Beyond the rows at hand. */
static sombra_status step_on(sombra_stmt *stmt)
{
    sombra_conn *const conn = stmt->conn;
    sb_status status;
    uint32_t rows = 0;

    if (sombra__enter_conn(conn) != SOMBRA_OK) return SOMBRA_MISUSE;
    if (stmt->arrow != NULL)
        return sombra__status(SB_FAIL(&conn->err, SB_MISUSE,
                                      "the rows of this run go to its Arrow stream: release that, "
                                      "or reset the statement"));
    status = sombra__stmt_check(stmt);
    if (status != SB_OK) return sombra__status(status);
    if (is_control(stmt)) {
        stmt->state = STMT_ENDED;
        status = control(stmt);
        return status == SB_OK ? SOMBRA_DONE : sombra__status(status);
    }
    drop_values(stmt);
    if (!on_last(stmt)) {
        sombra__run_begin(conn);
        status = sombra__stmt_rows(stmt, &rows);
        status = sombra__run_end(conn, status);
    }
    if (status == SB_OK && rows != 0) return SOMBRA_ROW;
    if (status == SB_OK) {
        status = sombra__stmt_end(stmt, true);
        if (status != SB_OK) return sombra__status(status);
        sombra__tell_whole(conn, &stmt->told);
        return SOMBRA_DONE;
    }
    (void)sombra__stmt_end(stmt, false); /* what failed first is told */
    return sombra__status(status);
}

sombra_status sombra_stmt_step(sombra_stmt *stmt)
{
    if (stmt == NULL) return SOMBRA_MISUSE;
    if (stmt->row + 1 < stmt->row_count && stmt->arrow == NULL && is_in_transaction(stmt) &&
        stmt->conn->in_callback == 0) {
        /* A row that is there takes no time in which it could be interrupted. */
        stmt->conn->err.code = SB_OK;
        drop_values(stmt);
        stmt->row++;
        return SOMBRA_ROW;
    }
    return step_on(stmt);
}

size_t sombra_stmt_buffered(const sombra_stmt *stmt)
{
    if (stmt == NULL || stmt->state != STMT_RUNNING || stmt->row_count == 0) return 0;
    return stmt->row_count - stmt->row - 1;
}

sb_status sombra__stmt_reset(sombra_stmt *stmt)
{
    const sb_status status = end_run(stmt, !stmt->writes);

    stmt->state = STMT_READY;
    sombra__arrow_detach(stmt->arrow);
    stmt->arrow = NULL;
    return status;
}

sombra_status sombra_stmt_reset(sombra_stmt *stmt)
{
    if (stmt == NULL || sombra__enter_conn(stmt->conn) != SOMBRA_OK) return SOMBRA_MISUSE;
    return sombra__status(sombra__stmt_reset(stmt));
}

void sombra_stmt_finalize(sombra_stmt *stmt)
{
    if (stmt == NULL || sombra__is_refused(stmt->conn)) return;
    (void)sombra__stmt_reset(stmt); /* a read transaction has nothing that could fail */
    stmt->conn->statements.open--;
    sb_cypher_unbind(stmt->inner);
    if (stmt->source.size != 0)
        keep_idle(stmt);
    else
        destroy(stmt);
}

/* ---- Parameters -------------------------------------------------------------------------------------------------------------- */

static sb_status bind(sombra_stmt *stmt, size_t param, const sombra_value *value)
{
    sombra_conn *const conn = stmt->conn;
    sb_val inner;

    if (stmt->state == STMT_RUNNING)
        return SB_FAIL(&conn->err, SB_MISUSE,
                       "the statement runs: reset it before its parameters change");
    sb_arena_reset(stmt->arena);
    SB_TRY(sombra__val_from_public(stmt->arena, value, &inner, &conn->err));
    return sb_cypher_bind(stmt->inner, (uint32_t)param, inner, &conn->err);
}

sombra_status sombra_stmt_bind_at(sombra_stmt *stmt, size_t param, const sombra_value *value)
{
    if (stmt == NULL || sombra__enter_conn(stmt->conn) != SOMBRA_OK) return SOMBRA_MISUSE;
    if (value == NULL || param >= sb_cypher_param_count(stmt->inner))
        return sombra__status(SB_FAIL(&stmt->conn->err, value == NULL ? SB_MISUSE : SB_NOT_FOUND,
                                      "the statement has %u parameters, there is no number %zu",
                                      sb_cypher_param_count(stmt->inner), param));
    return sombra__status(bind(stmt, param, value));
}

sombra_status sombra_stmt_bind(sombra_stmt *stmt, const char *name, const sombra_value *value)
{
    sb_bytes given;

    if (stmt == NULL || sombra__enter_conn(stmt->conn) != SOMBRA_OK) return SOMBRA_MISUSE;
    if (name == NULL || value == NULL)
        return sombra__status(
            SB_FAIL(&stmt->conn->err, SB_MISUSE, "sombra_stmt_bind: name and value are needed"));
    given = sb_bytes_of(name, strlen(name));
    /* From the one behind the last: who binds them in their order, however many, is not searching. */
    const uint32_t count = sb_cypher_param_count(stmt->inner);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t param = (uint32_t)(((uint64_t)stmt->next_param + i) % count);
        if (!sb_bytes_equal(sb_cypher_param_name(stmt->inner, param), given)) continue;
        stmt->next_param = param + 1;
        return sombra__status(bind(stmt, param, value));
    }
    return sombra__status(
        SB_FAIL(&stmt->conn->err, SB_NOT_FOUND, "the statement has no parameter $%.200s", name));
}

size_t sombra_stmt_param_count(const sombra_stmt *stmt)
{
    return stmt == NULL ? 0 : sb_cypher_param_count(stmt->inner);
}

const char *sombra_stmt_param(const sombra_stmt *stmt, size_t param, size_t *size)
{
    if (size != NULL) *size = 0;
    if (stmt == NULL || param >= sb_cypher_param_count(stmt->inner)) return NULL;
    const sb_bytes name = sb_cypher_param_name(stmt->inner, (uint32_t)param);
    if (size != NULL) *size = name.size;
    return (const char *)name.data;
}

sombra_status sombra_stmt_clear(sombra_stmt *stmt)
{
    if (stmt == NULL || sombra__enter_conn(stmt->conn) != SOMBRA_OK) return SOMBRA_MISUSE;
    if (stmt->state == STMT_RUNNING)
        return sombra__status(SB_FAIL(&stmt->conn->err, SB_MISUSE,
                                      "the statement runs: reset it before its parameters change"));
    sb_cypher_unbind(stmt->inner);
    return SOMBRA_OK;
}

/* ---- Results ------------------------------------------------------------------------------------------------------------------ */

static bool shows_plan(const sombra_stmt *stmt)
{
    return stmt->explains != SB_EXPLAIN_NO;
}

size_t sombra_stmt_column_count(const sombra_stmt *stmt)
{
    return stmt == NULL ? 0 : stmt->column_count;
}

const char *sombra_stmt_column_name(const sombra_stmt *stmt, size_t column, size_t *size)
{
    static const char plan[] = "plan";

    if (size != NULL) *size = 0;
    if (column >= sombra_stmt_column_count(stmt)) return NULL;
    const sb_bytes name = shows_plan(stmt) ? sb_bytes_of(plan, sizeof plan - 1)
                                           : sb_cypher_column_name(stmt->inner, (uint32_t)column);
    if (size != NULL) *size = name.size;
    return (const char *)name.data;
}

static sombra_status no_value(sombra_stmt *stmt, size_t column, sombra_value *value)
{
    if (value != NULL) *value = sombra_null();
    if (stmt == NULL || sombra__enter_conn(stmt->conn) != SOMBRA_OK) return SOMBRA_MISUSE;
    return sombra__status(
        SB_FAIL(&stmt->conn->err, SB_MISUSE, "there is no row, or no column %zu", column));
}

sombra_status sombra_stmt_column(sombra_stmt *stmt, size_t column, sombra_value *value)
{
    if (SB_UNLIKELY(value == NULL || stmt == NULL || stmt->row_count == 0 || stmt->arrow != NULL ||
                    column >= stmt->column_count || stmt->conn->in_callback != 0))
        return no_value(stmt, column, value);
    SB_ASSERT(stmt->state == STMT_RUNNING);
    stmt->conn->err.code = SB_OK;
    if (shows_plan(stmt)) {
        *value = sombra_string((const char *)stmt->text.data, stmt->text.size);
        return SOMBRA_OK;
    }
    const sb_val v = sb_exec_value(sb_cypher_exec(stmt->inner), (uint32_t)column, stmt->row);
    if (sombra__val_plain(v, value)) return SOMBRA_OK;
    stmt->made = true;
    return sombra__status(sombra__val_to_public(stmt->arena, v, value, &stmt->conn->err));
}

sb_vector sombra__stmt_vector(const sombra_stmt *stmt, uint32_t column, sb_val *plan)
{
    if (!shows_plan(stmt)) return *sb_exec_vector(sb_cypher_exec(stmt->inner), column);
    *plan = sb_val_string(sb_buffer_bytes(&stmt->text));
    return (sb_vector){.kind = SB_VECTOR_ANY, .constant = true, .as.vals = plan};
}

void sombra__stmt_column_kinds(const sombra_stmt *stmt, uint32_t column, uint32_t *kinds,
                               uint32_t *items)
{
    *kinds = SB_KIND_STRING;
    *items = 0;
    if (!shows_plan(stmt)) sb_cypher_column_kinds(stmt->inner, column, kinds, items);
}

/* The transaction of a run that is under way. */
static sombra_txn *run_of(const sombra_stmt *stmt)
{
    if (stmt == NULL || stmt->state != STMT_RUNNING || stmt->number != stmt->conn->txn.number)
        return NULL;
    return &stmt->conn->txn;
}

sombra_status sombra_stmt_node(sombra_stmt *stmt, uint64_t id, sombra_node *node, bool *found)
{
    return sombra_get_node(run_of(stmt), id, node, found);
}

sombra_status sombra_stmt_rel(sombra_stmt *stmt, uint64_t id, sombra_rel *rel, bool *found)
{
    return sombra_get_rel(run_of(stmt), id, rel, found);
}

const char *sombra_stmt_name_text(sombra_stmt *stmt, sombra_name_kind kind, uint32_t id,
                                  size_t *size)
{
    if (size != NULL) *size = 0;
    sombra_txn *const txn = run_of(stmt);
    return txn == NULL ? NULL : sombra_name_text(txn, kind, id, size);
}

bool sombra_stmt_is_explain(const sombra_stmt *stmt)
{
    return stmt != NULL && shows_plan(stmt);
}

bool sombra_stmt_writes(const sombra_stmt *stmt)
{
    return stmt != NULL && stmt->writes;
}

sombra_status sombra_stmt_warning(sombra_stmt *stmt, size_t i, sombra_error *warning)
{
    sombra_txn *own = NULL;
    sombra_conn *conn;
    sb_err found;

    if (stmt == NULL) return SOMBRA_MISUSE;
    conn = stmt->conn;
    if (sombra__enter_conn(conn) != SOMBRA_OK) return SOMBRA_MISUSE;
    if (warning == NULL)
        return sombra__status(
            SB_FAIL(&conn->err, SB_MISUSE, "sombra_stmt_warning: warning is needed"));
    if (conn->txn.txn != NULL && !sb_txn_same_process(conn->txn.txn))
        return sombra__refuse(&conn->txn);
    if (conn->txn.txn == NULL) {
        const sombra_status status = sombra_begin(conn, SOMBRA_READ, &own);
        if (status != SOMBRA_OK) return status;
    }
    sb_err_clear(&found);
    const bool any = sb_cypher_warning(stmt->inner, sb_graph_view(conn->txn.graph), i, &found);
    if (own != NULL) sombra_rollback(own);
    if (any) sombra__error_copy(&found, warning);
    return any ? SOMBRA_OK : SOMBRA_NOT_FOUND;
}

sombra_status sombra_stmt_get_changes(const sombra_stmt *stmt, sombra_stmt_changes *changes)
{
    sb_exec_stats stats;

    if (stmt == NULL || changes == NULL) return SOMBRA_MISUSE;
    sb_cypher_stats(stmt->inner, &stats);
    *changes = (sombra_stmt_changes){.nodes_created = stats.nodes_created,
                                     .nodes_deleted = stats.nodes_deleted,
                                     .rels_created = stats.rels_created,
                                     .rels_deleted = stats.rels_deleted,
                                     .properties_set = stats.properties_set,
                                     .labels_added = stats.labels_added,
                                     .labels_removed = stats.labels_removed,
                                     .indexes_added = stats.indexes_added,
                                     .indexes_removed = stats.indexes_removed,
                                     .constraints_added = stats.constraints_added,
                                     .constraints_removed = stats.constraints_removed};
    return SOMBRA_OK;
}

/* A plan for the graph as it is, in a transaction of its own where there is none. */
static sb_status explain_anew(sombra_stmt *stmt)
{
    sombra_conn *const conn = stmt->conn;
    sb_status status;

    SB_TRY(enter_transaction(stmt, false));
    sombra__run_begin(conn);
    status = sombra__run_end(conn, plan_only(stmt));
    const sb_status left =
        leave_transaction(stmt, status == SB_OK); /* whole: a commit clears the error */
    return status == SB_OK ? left : status;
}

sombra_status sombra_stmt_explain(sombra_stmt *stmt, bool json, const char **text, size_t *size)
{
    sombra_conn *conn;
    sb_status status = SB_OK;

    if (text != NULL) *text = NULL;
    if (size != NULL) *size = 0;
    if (stmt == NULL) return SOMBRA_MISUSE;
    conn = stmt->conn;
    if (sombra__enter_conn(conn) != SOMBRA_OK) return SOMBRA_MISUSE;
    if (text == NULL || size == NULL || stmt->kind != SB_STATEMENT_QUERY)
        return sombra__status(SB_FAIL(&conn->err, SB_MISUSE, "only queries have a plan"));
    /* A run under way goes on by its plan, and one that was profiled has counted for its own. */
    if (stmt->state == STMT_READY || (stmt->state == STMT_ENDED && profile_of(stmt) == NULL))
        status = explain_anew(stmt);
    if (status == SB_OK) status = write_plan(stmt, json);
    if (status != SB_OK) return sombra__status(status);
    *text = (const char *)stmt->text.data;
    *size = stmt->text.size;
    return SOMBRA_OK;
}
