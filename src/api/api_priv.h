/* api_priv.h — the handles of sombra.h, and what the files of api/ share.
 * A handle's functions check their arguments, clear the connection's last error, call the graph layer and return its
 * status. Public structs that mirror internal ones are passed through as they are: mirror.h proves that the layouts
 * agree. */
#ifndef SB_API_PRIV_H
#define SB_API_PRIV_H

#include "sombra.h"

#include "cypher/cypher.h"
#include "graph/graph.h"
#include "os/os.h"
#include "pager/pager.h"
#include "store/store.h"

/* What a database stands on. sombra_open takes the C library's memory and the system's files; tests put memory and files
 * that fail under a database with sombra__open. */
typedef struct sombra_base {
    const sb_allocator *alloc; /* borrowed */
    sb_vfs *vfs; /* borrowed: of all files, imported and exported ones too; NULL: the system's */
    bool maps;   /* large blocks do not come from alloc, but are maps of their own (os) */
} sombra_base;

#define SOMBRA_IMPORT_DIRS_MAX 64u

struct sombra_db {
    sb_counting_allocator memory; /* every block of this database; its limit is memory_limit */
    sb_memory *large;             /* owned: where they come from; NULL: from base.alloc */
    sombra_base base;
    sb_vfs *vfs; /* owned, unless it is that of base */
    sb_vfs *
        files; /* what queries read and write beside the database: vfs, or, of one in memory, the system's */
    sb_pager *pager; /* owned */
    sb_profile profile;
    sombra_options options; /* as opened */
    /* Folders of options.import_dirs, whose text is cut up in import_text. */
    char import_text[sizeof((sombra_options *)0)->import_dirs];
    const char *import_dirs[SOMBRA_IMPORT_DIRS_MAX];
    size_t import_dir_count;
    sb_cypher_registry *registry; /* owned; registered functions and procedures */
    sb_workers *workers;          /* owned; threads that help statements */
    uint32_t cores;               /* that this process may use */
    sb_mutex *lock;               /* guards connections, and changes of registry */
    size_t connections;
};

struct sombra_txn {
    sombra_conn *conn;
    sb_txn *txn; /* NULL while no transaction is open */
    sb_graph *graph;
    sb_view *view;
    uint64_t number;   /* counts the connection's transactions: a builder or scan of an earlier one
                      * is refused */
    bool named;        /* a name was made, which no page shows before the commit */
    uint64_t clock_ns; /* wall clock when it was first asked for; 0: not yet */
};

/* What the progress callback hears of a call, or of the run of a statement or scan. */
typedef struct sombra_told {
    uint64_t done, total;
    bool any; /* it was called */
} sombra_told;

struct sombra_conn {
    sombra_db *db;
    sb_session *session;
    uint32_t in_callback; /* the program's that run, one within the other: calls are refused */
    sb_err err;           /* of the last call */
    sombra_error error;   /* what sombra_error_of made of it */
    sombra_txn txn;       /* one at a time; the handle that callers hold */
    sb_graph_settings settings;
    _Atomic bool cancel;    /* set by sombra_interrupt while `running` */
    _Atomic bool running;   /* a call that can be cancelled is under way */
    uint64_t time_limit_ns; /* of each call that can be cancelled; 0: none */
    uint64_t deadline_ns;   /* of the one under way; 0: none */
    uint64_t seed;          /* of the next statement's random numbers; 0: not asked for yet */
    bool timed_out;         /* it was stopped by the deadline */
    bool (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *progress_ctx;
    sombra_told told;     /* of calls that end where they began */
    sombra_told *telling; /* of what is under way: that, or the statement's or scan's */
    bool
        querying; /* calls of the graph within a query, which know of themselves alone, tell how far that is */
    sombra_status (*commit_hook)(void *ctx);
    void *commit_ctx;
    void (*change_hook)(void *ctx, sombra_change change, uint64_t id);
    void *change_ctx;
    struct {
        sombra_stmt *idle;   /* remembered by their text, most recently used first */
        sombra_stmt *active; /* those that run */
        uint32_t idle_count, open, running;
        size_t idle_bytes; /* of all idle ones */
        bool
            automatic; /* the open transaction was begun by a statement and ends with the last running one */
        bool writer; /* it writes */
        uint64_t
            undoable; /* rises with each that writes in a transaction of the caller's, and can be undone alone */
    } statements;
    struct { /* how statements are planned and run: tests set it, before they prepare */
        sb_plan_options plan; /* threads: the connection's setting */
        bool always_table;    /* lists are unpacked at once, and taken for short */
        uint32_t force_spill; /* rows that an operator keeps; 0: as many as memory_limit allows */
        size_t memory_bytes;  /* of a query; 0: half of memory_limit */
    } trial;
    struct {
        uint64_t
            generation; /* rises when scans end: with their transaction, or behind what they stand on */
        size_t open;   /* those of this generation */
        uint64_t seen; /* statements.undoable when one was opened or read last */
    } scans;
    sb_buffer made; /* ids of sombra_create_nodes_arrow and its like */
    bool
        loading; /* one of them is under way: it and a stream of this connection's would step on each other */
    sb_buffer changes; /* of the call under way, for the change hook: noted_change each */
    sb_buffer *notes;  /* where changes are noted: that, or the notes of the statement that runs */
};

/* sb_status and sombra_status have the same values (mirror.h). */
SB_INLINE sombra_status sombra__status(sb_status status)
{
    return (sombra_status)status;
}
/* What all of a database may hold: found when it is first asked for, unless it was given. */
SB_INLINE uint64_t sombra__memory_limit(sombra_db *db)
{
    return sb_counting_allocator_limit(&db->memory);
}
/* Copy a failure out; error may be NULL. */
void sombra__error_copy(const sb_err *err, sombra_error *error);
/* Length of a caller's text: size, or strlen for SOMBRA_NUL_TERMINATED. */
sb_bytes sombra__text(const void *text, size_t size);

/* SOMBRA_MISUSE for no transaction, a callback of the connection that runs, one that has ended, or one of the parent in a child after
 * fork. */
SB_COLD sombra_status sombra__refuse(sombra_txn *txn);
/* First in every call on a transaction, behind the out-parameters. */
SB_INLINE sombra_status sombra__enter(sombra_txn *txn)
{
    if (SB_UNLIKELY(txn == NULL || txn->txn == NULL || txn->conn->in_callback != 0 ||
                    !sb_txn_same_process(txn->txn)))
        return sombra__refuse(txn);
    txn->conn->err.code = SB_OK;
    return SOMBRA_OK;
}
/* The same for calls on a connection or statement, which need no transaction. */
SB_INLINE sombra_status sombra__enter_conn(sombra_conn *conn)
{
    if (SB_UNLIKELY(conn == NULL)) return SOMBRA_MISUSE;
    if (SB_UNLIKELY(conn->in_callback != 0)) return sombra__refuse(&conn->txn);
    sb_err_clear(&conn->err);
    return SOMBRA_OK;
}
/* For calls that return nothing: are they to do nothing? */
SB_INLINE bool sombra__is_refused(sombra_conn *conn)
{
    return SB_UNLIKELY(conn->in_callback != 0) && sombra__refuse(&conn->txn) != SOMBRA_OK;
}
/* Around each callback of the program's: what begin gives is end's. What is refused within is told there, and is no failure of the call
 * that the callback is part of. */
SB_INLINE sb_status sombra__callback_begin(sombra_conn *conn)
{
    conn->in_callback++;
    return conn->err.code;
}
SB_INLINE void sombra__callback_end(sombra_conn *conn, sb_status before)
{
    conn->in_callback--;
    conn->err.code = before;
}
/* SB_MISUSE while a statement that writes is under way in the connection's transaction: what it is undone by is its savepoint, so it has
 * changes and savepoints for itself. */
SB_MUST_CHECK sb_status sombra__statements_check(sombra_conn *conn);
/* SB_MISUSE while any is, or a scan is open: an index that it may be reading is not to be dropped, nor is what it reads to change its kind. */
SB_MUST_CHECK sb_status sombra__readers_check(sombra_conn *conn, const char *before);
/* Open scans end: their next call is SB_MISUSE. */
SB_INLINE void sombra__scans_stop(sombra_conn *conn)
{
    conn->scans.generation++;
    conn->scans.open = 0;
}
/* The same for a call that changes. Between such calls nobody holds pages, so this is where what is past
 * transaction_memory goes out. */
SB_INLINE sombra_status sombra__enter_write(sombra_txn *txn)
{
    const sombra_status entered = sombra__enter(txn);
    if (SB_UNLIKELY(entered != SOMBRA_OK)) return entered;
    if (SB_UNLIKELY(!sb_txn_writable(txn->txn)))
        return sombra__status(SB_FAIL(&txn->conn->err, SB_READ_ONLY, "this is a read transaction"));
    if (SB_UNLIKELY(txn->conn->statements.running != 0)) {
        const sb_status alone = sombra__statements_check(txn->conn);
        if (alone != SB_OK) return sombra__status(alone);
    }
    return sombra__status(sb_txn_spill(txn->txn, &txn->conn->err));
}
/* The same for a call on a builder or scan that transaction `number` made. */
SB_INLINE sombra_status sombra__enter_child(sombra_txn *txn, uint64_t number)
{
    if (SB_UNLIKELY(txn->txn == NULL || txn->number != number)) return sombra__refuse(txn);
    return sombra__enter(txn);
}
#define SOMBRA_ENTER(txn)                                                                          \
    do {                                                                                           \
        const sombra_status sombra_entered = sombra__enter(txn);                                   \
        if (SB_UNLIKELY(sombra_entered != SOMBRA_OK)) return sombra_entered;                       \
    } while (0)
#define SOMBRA_ENTER_WRITE(txn)                                                                    \
    do {                                                                                           \
        const sombra_status sombra_entered = sombra__enter_write(txn);                             \
        if (SB_UNLIKELY(sombra_entered != SOMBRA_OK)) return sombra_entered;                       \
    } while (0)
/* Rules for arguments: MISUSE naming function and argument. Only where nothing is owned. */
#define SOMBRA_ARG(txn, x, ...)                                                                    \
    do {                                                                                           \
        if (SB_UNLIKELY(!(x)))                                                                     \
            return sombra__status(SB_FAIL(&(txn)->conn->err, SB_MISUSE, __VA_ARGS__));             \
    } while (0)
#define SOMBRA_ARG_GIVEN(txn, pointer)                                                             \
    SOMBRA_ARG(txn, (pointer) != NULL, "%s: %s is NULL", __func__, #pointer)
#define SOMBRA_ARG_ARRAY(txn, pointer, count)                                                      \
    SOMBRA_ARG(txn, (pointer) != NULL || (count) == 0, "%s: %s is NULL, and %s is %zu", __func__,  \
               #pointer, #count, (size_t)(count))
/* One of an enum's values, from 0 to last. */
#define SOMBRA_ARG_ENUM(txn, value, last, noun)                                                    \
    SOMBRA_ARG(txn, (unsigned)(value) <= (unsigned)(last), "%s: %s is %d, which is no " noun,      \
               __func__, #value, (int)(value))

/* sombra_open and sombra_recover, on what stands below. */
sombra_status sombra__open(const char *path, const sombra_options *options, const sombra_base *base,
                           sombra_db **db, sombra_error *error);
sombra_status sombra__recover(const char *damaged, const char *path, const sombra_options *options,
                              const sombra_base *base, void (*lost)(void *ctx, const char *message),
                              void *ctx, sombra_recover_result *result, sombra_error *error);
/* Files beside the database: backups, imports, exports. They are the system's also when the graph is in memory. */
SB_MUST_CHECK sb_status sombra__files_open(sombra_db *db, sb_vfs **vfs, sb_err *err);
void sombra__pager_options(sombra_db *db,
                           sb_pager_options *pager); /* as the database was opened with */
/* A session for the connection, with its settings. */
SB_MUST_CHECK sb_status sombra__session_open(sombra_conn *conn, sb_pager *pager,
                                             sb_session **session);
/* How calls begin that manage transactions of their own. */
sombra_status sombra__enter_idle(sombra_conn *conn);
void sombra__files_close(sombra_db *db, sb_vfs *vfs); /* accepts NULL */
/* Options and memory of a call that has no handle: db is zeroed but for base, and has neither pager nor files. */
SB_MUST_CHECK sb_status sombra__alone_begin(sombra_db *db, const sombra_options *options,
                                            sb_err *err);
void sombra__alone_end(sombra_db *db);
uint64_t sombra__transaction_memory(sombra_db *db);
/* An error of too little memory names memory_limit. */
void sombra__name_limit(sombra_db *db, sombra_error *error);

/* The status of making a file that is given up on failure: that its sync failed poisons nothing else. */
SB_MUST_CHECK sb_status sombra__of_new_file(const char *path, sb_status status, sb_err *err);

/* Around calls that can be cancelled: clears an old request first. The end makes the status one of the time limit when
 * that is what stopped the call. */
void sombra__run_begin(sombra_conn *conn);
SB_MUST_CHECK sb_status sombra__run_end(sombra_conn *conn, sb_status status);
/* The end of a call that does all of its work between the two: one that succeeded and was told of is told to be whole. */
SB_MUST_CHECK sb_status sombra__call_end(sombra_conn *conn, sb_status status);
/* That telling, for work of several calls. */
void sombra__tell_whole(sombra_conn *conn, sombra_told *told);
/* Progress of a call under way, for calls of the layers below: false cancels it. ctx: the connection. */
bool sombra__progress(void *ctx, uint64_t done, uint64_t total);
bool sombra__query_progress(void *ctx, uint64_t done, uint64_t total); /* of the query that runs */
/* A name that a new file can have: not empty, and not ":memory:". */
SB_MUST_CHECK sb_status sombra__new_path_check(const char *path, sb_err *err);
/* The words of a switch, in any case: true, on, yes, 1; false, off, no, 0. False: it is none of these. */
bool sombra__parse_bool(const char *text, bool *value);
/* Are all numbers and choices in their ranges? They may have been set without sombra_options_set. */
SB_MUST_CHECK sb_status sombra__options_check(const sombra_options *options, sb_err *err);
/* The connection's transaction ends, or goes back to a savepoint: statements that run let go of its pages; their next step says so. */
void sombra__statements_stop(sombra_conn *conn);
/* Destroy the idle statements of a connection. */
void sombra__statements_close(sombra_conn *conn);
/* Tell the change hook; a no-op without one. */
void sombra__changed(sombra_conn *conn, sombra_change change, const uint64_t *ids, size_t count);
/* Tell it of all that was noted, and forget the notes; or forget them only. */
void sombra__notes_tell(sombra_conn *conn, sb_buffer *notes);
void sombra__notes_drop(sb_buffer *notes);
/* Label set of labels in any order; a label given twice is SB_INVALID. */
SB_MUST_CHECK sb_status sombra__label_set(sombra_txn *txn, const uint32_t *labels, size_t count,
                                          sb_set_id *set);

#endif
