/* sombra.h — the public interface of Sombra, an embedded property-graph database.
 *
 * One header, C11 and C++. Link with -lsombra (pkg-config: sombra, CMake: find_package(Sombra)).
 *
 *     sombra_db *db; sombra_conn *conn; sombra_txn *txn; sombra_error error;
 *     if (sombra_open("g.sombra", NULL, &db, &error)) { puts(error.message); return 1; }
 *     sombra_connect(db, &conn, &error);
 *     sombra_begin(conn, SOMBRA_WRITE, &txn);
 *     …
 *     sombra_commit(txn);
 *     sombra_disconnect(conn); sombra_close(db, &error);
 *
 * Rules that hold for all functions
 *  - Threads: a sombra_db is shared by all threads. A sombra_conn, its transaction and whatever comes from it belong
 *    to one thread at a time; threads that work at the same time have a connection each. sombra_interrupt may be
 *    called from any thread.
 *  - Status: 0 is success, negative is failure; what is not there is reported through an out-parameter or
 *    SOMBRA_NOT_FOUND as each function says. After a failure sombra_error_of(conn) tells more.
 *  - Atomicity: every call is atomic. One that fails is undone alone, and the transaction goes on.
 *  - Out-parameters come last and are set on every path (NULL, 0 on failure).
 *  - Strings that are given are UTF-8; lengths are bytes; a length of SOMBRA_NUL_TERMINATED means strlen.
 *  - Memory of results: "call" results live until the next call with the same transaction, "txn" results until its end.
 *    Nothing returned is freed by the caller unless the function says so.
 *  - Ids: node and relationship ids are stable, never reused, from 1. 0 is none.
 *  - After fork(), handles opened before are usable only in the parent: SOMBRA_MISUSE in the child.
 *
 * Every function: since 0.1. */
#ifndef SOMBRA_H
#define SOMBRA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef SOMBRA_API
#if defined(__GNUC__)
#define SOMBRA_API __attribute__((visibility("default")))
#else
#define SOMBRA_API
#endif
#endif

#define SOMBRA_VERSION_MAJOR 0
#define SOMBRA_VERSION_MINOR 1
#define SOMBRA_VERSION_PATCH 0
#define SOMBRA_VERSION       "0.1.0"
/* Rises when a program compiled against an older header can no longer be linked with the library. */
#define SOMBRA_ABI 1u

#define SOMBRA_NUL_TERMINATED ((size_t)-1)

/* ---- Status -------------------------------------------------------------------------------------------------- */

/** Result of a call. Values are stable. docs/ERRORS.md explains each with an example. */
typedef enum sombra_status {
    SOMBRA_OK = 0,
    SOMBRA_MISUSE = -1,  /**< the interface was used wrongly (closed transaction, keys out of order,
                          * child of fork) */
    SOMBRA_INVALID = -2, /**< an argument has no valid value (empty name, not UTF-8, unknown
                          * option) */
    SOMBRA_NOT_FOUND = -3,     /**< no such node, relationship, alias or schema object */
    SOMBRA_EXISTS = -4,        /**< an object of that name exists already */
    SOMBRA_CONSTRAINT = -5,    /**< a constraint would be violated; the message names label, key,
                                * value and both entities */
    SOMBRA_BUSY = -6,          /**< another connection or process holds the writer lock (after
                                * busy_timeout); it is named */
    SOMBRA_BUSY_SNAPSHOT = -7, /**< upgrade: somebody has committed since this transaction began */
    SOMBRA_READ_ONLY = -8, /**< write in a read transaction, or to a database opened read-only */
    SOMBRA_INTERRUPT = -9, /**< sombra_interrupt was called, or a progress callback returned
                            * false */
    SOMBRA_TIMEOUT = -10,  /**< the limit of sombra_set_time_limit was reached */
    SOMBRA_NOMEM = -11,    /**< out of memory, or of memory_limit */
    SOMBRA_LIMIT = -12,    /**< a limit of docs/LIMITS.md was exceeded */
    SOMBRA_IO = -13,       /**< input or output failed */
    SOMBRA_FULL = -14,     /**< the disk is full */
    SOMBRA_CORRUPT = -15,  /**< the file is damaged; the message names the page */
    SOMBRA_NOT_A_DB = -16, /**< the file is not a Sombra database */
    SOMBRA_VERSION_NEWER = -17, /**< the file needs a newer Sombra */
    SOMBRA_CANT_OPEN = -18,     /**< the file can not be opened */
    SOMBRA_POISONED = -19,      /**< an earlier sync failed: close, and open again */
    SOMBRA_SYNTAX = -20,        /**< input does not follow its syntax; line and column are set */
    SOMBRA_TYPE_MISMATCH = -21, /**< a value has the wrong type */
    SOMBRA_UNSUPPORTED = -22,   /**< not supported by this build or platform */
    SOMBRA_REJECTED = -23       /**< input rows were rejected, more than allowed */
} sombra_status;

/** What went wrong, in full. A plain struct: copy it as you like. */
typedef struct sombra_error {
    sombra_status status;
    int os_error;          /**< errno value, or 0 */
    uint64_t page;         /**< page concerned, or UINT64_MAX */
    uint32_t line, column; /**< position in an input file or query, from 1; 0: none */
    uint32_t detail;       /**< of a query's error: its stable number (docs/ERRORS.md); 0: none */
    bool runtime;          /**< of a query's error: found while it ran, not while it was compiled */
    char message[512]; /**< one sentence that names the object; empty when status is SOMBRA_OK */
    char source[64];   /**< file:line of the library that noticed, for bug reports */
} sombra_error;

/** Of a query's error: its class ("SyntaxError") and its detail ("UndefinedVariable"), as the openCypher conformance suite names them. Static; ""
 *  for other errors. */
SOMBRA_API const char *sombra_error_class(const sombra_error *error);
/** The detail that goes with sombra_error_class. Static; "" for other errors. */
SOMBRA_API const char *sombra_error_detail(const sombra_error *error);
/** Static English text of a status: "out of memory". Never NULL. */
SOMBRA_API const char *sombra_status_text(sombra_status status);
/** Static name of a status: "SOMBRA_NOMEM". Never NULL. */
SOMBRA_API const char *sombra_status_name(sombra_status status);
/** "0.1.0" of the library at run time. */
SOMBRA_API const char *sombra_version(void);
/** SOMBRA_ABI of the library at run time; sombra_open refuses options initialized with another one. */
SOMBRA_API uint32_t sombra_abi(void);

/* ---- Values -------------------------------------------------------------------------------------------------- */

typedef enum sombra_type {
    SOMBRA_TYPE_NULL = 0, /**< absent */
    SOMBRA_TYPE_BOOL = 1,
    SOMBRA_TYPE_INT = 2,
    SOMBRA_TYPE_FLOAT = 3,
    SOMBRA_TYPE_STRING = 4,
    SOMBRA_TYPE_BYTES = 5,
    SOMBRA_TYPE_DATE = 6,           /**< as.integer: days since 1970-01-01 */
    SOMBRA_TYPE_LOCAL_TIME = 7,     /**< as.integer: nanoseconds since midnight */
    SOMBRA_TYPE_TIME = 8,           /**< as.time */
    SOMBRA_TYPE_LOCAL_DATETIME = 9, /**< as.datetime (seconds), extra (nanoseconds) */
    SOMBRA_TYPE_DATETIME = 10, /**< as.datetime (UTC seconds, offset, zone), extra (nanoseconds) */
    SOMBRA_TYPE_DURATION = 11, /**< as.duration */
    SOMBRA_TYPE_POINT = 12,    /**< as.point, extra (SRID) */
    SOMBRA_TYPE_LIST =
        13, /**< as.list; as a property: items of the types above, no nulls, no lists */
    /* In parameters and results of queries only: */
    SOMBRA_TYPE_MAP = 14,  /**< as.map */
    SOMBRA_TYPE_NODE = 15, /**< as.id */
    SOMBRA_TYPE_REL = 16,  /**< as.id */
    SOMBRA_TYPE_PATH = 17  /**< as.path */
} sombra_type;
/** In value_types of a constraint alone: lists with items of this type. Lists of several types of items are admitted by the bits of all. */
#define SOMBRA_TYPE_LIST_OF(item) (18u + (uint32_t)(item))

/** A property value. Given to the library it is borrowed until the call returns; see "memory of results" for
 *  values that come back. Unused fields are 0. */
typedef struct sombra_value {
    uint32_t type; /**< sombra_type */
    /** Nanoseconds 0…999,999,999, or SRID: 4326, 4979 (WGS-84 2-D, 3-D; degrees within ±180 and ±90), 7203, 9157 (Cartesian). */
    uint32_t extra;
    /* One kind a line. */
    union {
        /* clang-format off */
        bool boolean;
        int64_t integer;
        double real;
        /** not NUL-terminated; may be NULL only when size is 0 */
        struct { const void *data; size_t size; } bytes;
        /** ns since local midnight; offset: seconds east of UTC */
        struct { int64_t ns; int32_t offset; } time;
        struct { int64_t seconds; int32_t offset; uint32_t zone_size; const char *zone; } datetime;
        struct { int64_t months, days, seconds; int32_t nanos; } duration;
        struct { double x, y, z; } point;                /**< z is 0 for 2-D */
        struct { const struct sombra_value *items; size_t count; } list;
        struct { const struct sombra_entry *entries; size_t count; } map;
        uint64_t id;
        /** length + 1 nodes, length relationships, in the order in which the path was walked */
        struct { const uint64_t *nodes, *rels; size_t length; } path;
        /* clang-format on */
    } as;
} sombra_value;
/** One entry of a map. Of entries with one key the last counts. */
typedef struct sombra_entry {
    const char *key; /**< UTF-8, not NUL-terminated */
    size_t key_size;
    sombra_value value;
} sombra_entry;

/** Name of a type: "INTEGER", "LOCAL DATETIME", "LIST<INTEGER>". Never NULL. */
SOMBRA_API const char *sombra_type_name(uint32_t type);

static inline sombra_value sombra_null(void)
{
    sombra_value v = {0, 0, {0}};
    return v;
}
static inline sombra_value sombra_bool(bool b)
{
    sombra_value v = {SOMBRA_TYPE_BOOL, 0, {0}};
    v.as.boolean = b;
    return v;
}
static inline sombra_value sombra_int(int64_t i)
{
    sombra_value v = {SOMBRA_TYPE_INT, 0, {0}};
    v.as.integer = i;
    return v;
}
static inline sombra_value sombra_float(double d)
{
    sombra_value v = {SOMBRA_TYPE_FLOAT, 0, {0}};
    v.as.real = d;
    return v;
}
static inline sombra_value sombra_string(const char *s, size_t n)
{
    sombra_value v = {SOMBRA_TYPE_STRING, 0, {0}};
    v.as.bytes.data = s;
    v.as.bytes.size = n;
    return v;
}
static inline sombra_value sombra_bytes(const void *p, size_t n)
{
    sombra_value v = {SOMBRA_TYPE_BYTES, 0, {0}};
    v.as.bytes.data = p;
    v.as.bytes.size = n;
    return v;
}

/* ---- Opening ------------------------------------------------------------------------------------------------- */

typedef struct sombra_db sombra_db;
typedef struct sombra_conn sombra_conn;
typedef struct sombra_txn sombra_txn;

typedef enum sombra_durability {
    SOMBRA_DURABLE_FULL = 0,
    SOMBRA_DURABLE_NORMAL = 1,
    SOMBRA_DURABLE_OFF = 2
} sombra_durability;
typedef enum sombra_log_level {
    SOMBRA_LOG_DEBUG = 0,
    SOMBRA_LOG_INFO = 1,
    SOMBRA_LOG_WARNING = 2,
    SOMBRA_LOG_ERROR = 3
} sombra_log_level;

/** Options of sombra_open. Start with sombra_options_init; every one can be set by name with sombra_options_set and as
 *  `sombra --option name=value`. The struct only grows, at its end. */
typedef struct sombra_options {
    uint32_t abi;          /**< set by sombra_options_init */
    uint32_t struct_bytes; /**< set by sombra_options_init */
    bool create;           /**< make the file when absent (true) */
    bool read_only;        /**< refuse writes (false) */
    bool immutable;        /**< nobody writes the file: read it without locks, WAL and shared memory
                            * (false) */
    bool checkpoint_thread;  /**< automatic checkpoints run on a thread of their own (true) */
    bool trusted_endpoints;  /**< do not check that endpoints of new relationships exist (false): a
                              * wrong one is found by verify, and refused by export and digest
                              * (CORRUPT); vacuum and backup copy it, recover leaves it out. Ids that
                              * no node can have (0, 2^40 and more) are refused (NOT_FOUND). Builds
                              * with assertions check all the same */
    bool distinct_neighbors; /**< default of sombra_neighbors_options.distinct (false) */
    bool profile;       /**< count and time the parts of the work; also on by SOMBRA_PROFILE in the
                         * environment, which takes the words that sombra_options_set takes, and is refused
                         * with others (false) */
    uint8_t durability; /**< sombra_durability (full) */
    uint8_t read_mode;  /**< 0 auto, 1 map, 2 cache: bounded page cache that never faults (auto) */
    uint32_t page_size; /**< bytes, for a new file: 4096, 8192, 16384, 32768 or 65536 (8192) */
    uint32_t
        cache_pages; /**< of read_mode cache, at least 8, at most a quarter of memory_limit (4096) */
    uint32_t autocheckpoint;      /**< pages in the WAL that start a checkpoint; 0: never (1000) */
    uint32_t busy_timeout_ms;     /**< wait for the writer lock (5000) */
    uint32_t edge_cache_capacity; /**< entries of the node-existence cache of a write transaction
                                   * (8192) */
    uint64_t memory_limit;       /**< bytes of heap and cache for this database; 0: a quarter of the
                                  * machine's memory */
    uint64_t transaction_memory; /**< bytes of changed pages a transaction holds before it spills;
                                  * 0: an eighth of memory_limit */
    /** recovery, failed checkpoints, slow readers (that have kept the WAL until it is longer than four
     * times autocheckpoint: once each); called by a thread of the library, too, and not to use the database. NULL: none */
    void (*log)(void *ctx, sombra_log_level level, const char *message);
    void *log_ctx;
    char import_dirs[1024]; /**< folders that LOAD CSV may read, ':' between them; empty: none */
    uint32_t threads; /**< that one statement may work with, the caller's included: 1 to 256; 0: all
                       * cores (0). Others are started when there is work for them, shared by all
                       * connections, and joined by sombra_close */
    bool
        create_whole; /**< a file that create makes gets its name when it is closed after a commit, until
                        * then it has -making behind it; without a commit, or when the program dies,
                        * there is no file. For loads that are to be there whole or not at all (false).
                        * See sombra_close for one that can not get its name */
} sombra_options;

/** Fill in the defaults and the ABI number of the header that the caller was compiled with. */
#define sombra_options_init(options)                                                               \
    sombra_options_init_for((options), SOMBRA_ABI, (uint32_t)sizeof(sombra_options))
/** What sombra_options_init calls, with the ABI number and size that the caller was compiled with; for bindings that fill in the struct
 *  themselves. options is not NULL. */
SOMBRA_API void sombra_options_init_for(sombra_options *options, uint32_t abi,
                                        uint32_t struct_bytes);
/** Set one option by name from text: sizes take k, m, g (1,024 each); booleans true, false, on, off, yes, no, 1, 0.
 *  Errors: SOMBRA_INVALID (unknown name, with the nearest; bad value), told in error. */
SOMBRA_API sombra_status sombra_options_set(sombra_options *options, const char *name,
                                            const char *value, sombra_error *error);
/** Name, default and one line of help of option i (from 0). False past the last. */
SOMBRA_API bool sombra_options_describe(size_t i, const char **name, const char **default_value,
                                        const char **help);

/** Open or create a database file, or ":memory:" (private to the handle).
 *  Recovers first when the last user died. Errors: CANT_OPEN, NOT_A_DB, VERSION_NEWER, CORRUPT, IO, FULL, BUSY (being
 *  recovered), READ_ONLY (must be recovered but may not), NOMEM, INVALID, MISUSE (ABI).
 *  @param path     not NULL.
 *  @param options  NULL: the defaults.
 *  @param db       the handle, to be closed; NULL on failure.
 *  @param error    may be NULL. */
SOMBRA_API sombra_status sombra_open(const char *path, const sombra_options *options,
                                     sombra_db **db, sombra_error *error);
/** Close. MISUSE, and nothing happens, while connections are open. The last user checkpoints and removes the WAL: then it is one
 *  file (a read_only one leaves a WAL that has something to the next). NULL is allowed. Errors: IO, FULL, and with create_whole EXISTS (another
 *  file has got the name meanwhile), and NOMEM where memory_limit leaves no room for the checkpoint: the handle is closed all the same, and nothing acknowledged is lost (one that is POISONED closes with OK: the next open finds out what the disk has); with create_whole it is in
 *  the file that has -making behind its name, which the message names, until somebody makes a file of the first name. */
SOMBRA_API sombra_status sombra_close(sombra_db *db, sombra_error *error);
/** A connection: cheap, one for each thread that works at the same time. */
SOMBRA_API sombra_status sombra_connect(sombra_db *db, sombra_conn **conn, sombra_error *error);
/** Rolls back an open transaction. NULL is allowed. */
SOMBRA_API void sombra_disconnect(sombra_conn *conn);
/** The last failure on a connection; status SOMBRA_OK when the last call succeeded. Borrowed until its next call. */
SOMBRA_API const sombra_error *sombra_error_of(const sombra_conn *conn);
/** Make the call that runs on the connection return SOMBRA_INTERRUPT soon; from any thread. The flag is cleared when the next
 *  call begins… unless none was running, then nothing happens. Short calls run to their end, and so does what waits for the disk to
 *  sync. sombra_commit can be cancelled until it has written all pages: the transaction is rolled back then. sombra_checkpoint, too: the
 *  next one does it all. */
SOMBRA_API void sombra_interrupt(sombra_conn *conn);
/* Callbacks. While one of a connection's callbacks runs, the connection is at work, and every other call on it is refused with SOMBRA_MISUSE: on its
 * transaction, statements, builders, scans and streams, too. Calls that return nothing (sombra_rollback, sombra_disconnect, sombra_stmt_finalize,
 * sombra_builder_close, sombra_scan_close, those that set a callback or the time limit, release of a stream) do nothing then. sombra_interrupt and
 * sombra_error_of work as ever, and other connections may be used. Callbacks are: progress, the commit hook, the change hook, visit of sombra_bfs, finding of
 * sombra_verify, the stream that sombra_create_nodes_arrow and sombra_create_rels_arrow read, and registered functions, aggregates and procedures. */

/** Called now and then by long calls with work done and in all (0: not known); false cancels them. NULL: none. What is done never gets less, and the
 *  total changes once at most, when it becomes known; of a call that succeeds, the last thing told is that all is done. Calls that write do not know
 *  their total, but sombra_schema_create, sombra_schema_drop and the import of files do. Statements tell how much of their
 *  input they have worked off: entities of scans, rows of a list or bytes of a file that the plan begins with; as long as that is not known, the rows
 *  given so far and 0. */
SOMBRA_API void sombra_set_progress(sombra_conn *conn,
                                    bool (*progress)(void *ctx, uint64_t done, uint64_t total),
                                    void *ctx);
/** Let each call that can be cancelled run for about so many milliseconds, then return SOMBRA_TIMEOUT with nothing of it
 *  done; the transaction goes on. Counted from the beginning of each call, looked at where progress is reported. Waiting
 *  for a lock has busy_timeout_ms; short calls and sombra_commit run to their end. 0: no limit. */
SOMBRA_API void sombra_set_time_limit(sombra_conn *conn, uint64_t ms);
/** Runs before each commit of a connection that changed something; non-zero rolls it back with that status
 *  (CONSTRAINT for what is no sombra_status). NULL: none. */
SOMBRA_API void sombra_set_commit_hook(sombra_conn *conn, sombra_status (*hook)(void *ctx),
                                       void *ctx);
/** What a change hook hears of: once for each real change of an entity, in order. Of a call of the graph interface when it has succeeded, of a
 *  statement when it has come to its end (CALL { } IN TRANSACTIONS: with each of its commits). What sets a property to the value that it has, or a
 *  label that is there, is no change; relationships that go with a detached node are told, before the node. Not of sombra_import_csv, sombra_restore and schema changes, nor of rolling back. */
typedef enum sombra_change {
    SOMBRA_NODE_CREATED,
    SOMBRA_NODE_CHANGED,
    SOMBRA_NODE_DELETED,
    SOMBRA_REL_CREATED,
    SOMBRA_REL_CHANGED,
    SOMBRA_REL_DELETED
} sombra_change;
/** Hear of changes of a connection, after the call that made it; ctx is handed on. With a hook, a
 *  statement or sombra_mutate holds 16 bytes for each change until then. NULL: none, which costs nothing. */
SOMBRA_API void sombra_set_change_hook(sombra_conn *conn,
                                       void (*hook)(void *ctx, sombra_change change, uint64_t id),
                                       void *ctx);
/** Change a run-time option of the database: durability (from the next commit on), autocheckpoint, busy_timeout_ms; or, of this connection alone and from its next
 *  run of a statement on, threads. Others: SOMBRA_INVALID. */
SOMBRA_API sombra_status sombra_pragma(sombra_conn *conn, const char *name, const char *value);

/* ---- Transactions ---------------------------------------------------------------------------------------------- */

typedef enum sombra_mode { SOMBRA_READ = 0, SOMBRA_WRITE = 1 } sombra_mode;
/** Begin. A read transaction sees one committed state until it ends and blocks nobody. A write transaction waits up to
 *  busy_timeout_ms for the writer before it, and, where readers have kept the WAL until it is longer than three times autocheckpoint, up to a
 *  second (or busy_timeout_ms) for them, once for each that stays longer. One per connection: MISUSE. Errors: BUSY, READ_ONLY, POISONED, IO, CORRUPT, NOMEM. */
SOMBRA_API sombra_status sombra_begin(sombra_conn *conn, sombra_mode mode, sombra_txn **txn);
/* A statement that writes is under way from its first row to SOMBRA_DONE, an error, its reset or finalize, and is undone alone when it fails or is
 * reset. So meanwhile the changes and savepoints of the transaction are its own: other calls and statements that write, sombra_savepoint,
 * sombra_rollback_to, sombra_release and sombra_commit (the statement COMMIT too) are SOMBRA_MISUSE and change nothing, the transaction goes on. Step it to its
 * end, or reset it, first. Reading goes on beside it. sombra_rollback ends it with all the rest, and statements that read, too; so
 * does sombra_rollback_to for these: their next step is SOMBRA_MISUSE. And so does its undoing for statements and scans that have read while it was
 * under way, since they may have seen what is no more. */

/** Commit: in durability full it is on stable storage when this returns. txn is gone in every case but one: MISUSE, a statement that writes is under way.
 *  Errors: CONSTRAINT (existence and type constraints are checked here), IO, FULL, POISONED, NOMEM: all is rolled back. NULL is SOMBRA_MISUSE. */
SOMBRA_API sombra_status sombra_commit(sombra_txn *txn);
/** Undo all. Also ends a read transaction. NULL is allowed. */
SOMBRA_API void sombra_rollback(sombra_txn *txn);
/** Make a read transaction a write transaction. BUSY_SNAPSHOT: somebody has committed since; it goes on reading. MISUSE, and it goes on reading:
 *  a scan is open, or a statement under way in it. */
SOMBRA_API sombra_status sombra_upgrade(sombra_txn *txn);
/** Savepoints nest. Rolling back to one keeps it; releasing drops it and those inside. Ids rise from 1, with gaps. */
SOMBRA_API sombra_status sombra_savepoint(sombra_txn *txn, uint32_t *savepoint);
/** Undo what was done since a savepoint, which stays. Scans and statements that read end. MISUSE: no such savepoint, it was released, or a statement that writes is under way. */
SOMBRA_API sombra_status sombra_rollback_to(sombra_txn *txn, uint32_t savepoint);
/** Drop a savepoint and those inside of it; what was done stays. MISUSE, as above. */
SOMBRA_API sombra_status sombra_release(sombra_txn *txn, uint32_t savepoint);
/** Number of commits before the state that the transaction sees. */
SOMBRA_API uint64_t sombra_txn_sequence(const sombra_txn *txn);

/* ---- Names ------------------------------------------------------------------------------------------------------- */

typedef enum sombra_name_kind {
    SOMBRA_LABEL = 0,
    SOMBRA_TYPE = 1,
    SOMBRA_KEY = 2
} sombra_name_kind;
/** The number of a name that there is not: no node has that label, no relationship that type, nobody that key. Where a number is to be found or counted
 *  it finds nothing, and where one is needed to make something it is refused (INVALID). So it is with all numbers that nobody has, and with 0
 *  wherever a call does not say that 0 means all. */
#define SOMBRA_NO_NAME UINT32_MAX
/** Number of a label, relationship type or property key: small, from 1, the same for ever. SOMBRA_NO_NAME when there is none. */
SOMBRA_API sombra_status sombra_name_find(sombra_txn *txn, sombra_name_kind kind, const char *name,
                                          size_t size, uint32_t *id);
/** Find or make it (write transactions). Errors: INVALID (empty, not UTF-8), LIMIT (over 1,024 bytes), READ_ONLY. */
SOMBRA_API sombra_status sombra_name_intern(sombra_txn *txn, sombra_name_kind kind,
                                            const char *name, size_t size, uint32_t *id);
/** Text of a number; not NUL-terminated; NULL for an unknown one. txn result. */
SOMBRA_API const char *sombra_name_text(sombra_txn *txn, sombra_name_kind kind, uint32_t id,
                                        size_t *size);
/** Ids are 1 … count. */
SOMBRA_API uint32_t sombra_name_count(sombra_txn *txn, sombra_name_kind kind);
/** How many nodes carry a label (0: all nodes), or relationships have a type (0: all relationships); of a name that there is not, 0. Reads a number. For keys: SOMBRA_INVALID (docs/C_API.md). */
SOMBRA_API sombra_status sombra_name_entities(sombra_txn *txn, sombra_name_kind kind, uint32_t id,
                                              uint64_t *count);

/* ---- Creating ---------------------------------------------------------------------------------------------------- */

/** A property: the number of its key (sombra_name_intern), and its value. */
typedef struct sombra_prop {
    uint32_t key;
    sombra_value value;
} sombra_prop;

/** A column of a typed batch: `count` values. Exactly one array is set, as type says: several are MISUSE. */
typedef struct sombra_column {
    uint32_t key;            /**< property key number */
    uint32_t type;           /**< sombra_type of all values; SOMBRA_TYPE_NULL: mixed, in values */
    const uint8_t *present;  /**< bit i%8 of byte i/8 for row i; NULL: all present */
    const int64_t *integers; /**< INT, BOOL (0, 1), DATE, LOCAL_TIME */
    const double *reals;     /**< FLOAT */
    const struct sombra_text *texts; /**< STRING, BYTES */
    const sombra_value *values;      /**< any */
} sombra_column;
/** A text or bytes: size bytes at data, which may be NULL only when size is 0. */
typedef struct sombra_text {
    const void *data;
    size_t size;
} sombra_text;

/** Typed batch of nodes: columns in, ids out. The fastest way to make many.
 *  Errors: CONSTRAINT, INVALID, TYPE_MISMATCH, LIMIT, READ_ONLY, NOMEM, IO, FULL, CORRUPT.
 *  @param txn           a write transaction.
 *  @param labels        label numbers, none twice, of every node.
 *  @param label_count   how many; may be 0.
 *  @param count         how many nodes.
 *  @param columns       properties, each of count values, none twice.
 *  @param column_count  how many; may be 0.
 *  @param ids           count places, for ascending ids; may be NULL. */
SOMBRA_API sombra_status sombra_create_nodes(sombra_txn *txn, const uint32_t *labels,
                                             size_t label_count, size_t count,
                                             const sombra_column *columns, size_t column_count,
                                             uint64_t *ids);
/** Typed batch of relationships of one type. NOT_FOUND names the row and the end that does not exist. ids may be NULL,
 *  and must not lie in the arrays of sources or targets (MISUSE). */
SOMBRA_API sombra_status sombra_create_rels(sombra_txn *txn, uint32_t type, size_t count,
                                            const uint64_t *sources, const uint64_t *targets,
                                            const sombra_column *columns, size_t column_count,
                                            uint64_t *ids);

/** Create builder: nodes and relationships that refer to each other by handle or alias, made by one atomic call. */
typedef struct sombra_builder sombra_builder;
typedef enum sombra_ref_kind {
    SOMBRA_REF_ID = 0,
    SOMBRA_REF_HANDLE = 1,
    SOMBRA_REF_ALIAS = 2
} sombra_ref_kind;
/** A node for a relationship of the builder: by id, by handle (sombra_builder_node gave it), or by alias, a text of alias_size bytes. */
typedef struct sombra_ref {
    sombra_ref_kind kind;
    uint64_t id;
    const char *alias;
    size_t alias_size;
} sombra_ref;
static inline sombra_ref sombra_ref_id(uint64_t id)
{
    sombra_ref r = {SOMBRA_REF_ID, id, 0, 0};
    return r;
}
static inline sombra_ref sombra_ref_handle(uint64_t h)
{
    sombra_ref r = {SOMBRA_REF_HANDLE, h, 0, 0};
    return r;
}
static inline sombra_ref sombra_ref_alias(const char *a, size_t n)
{
    sombra_ref r = {SOMBRA_REF_ALIAS, 0, a, n};
    return r;
}
/** A create builder, for nodes and relationships that refer to each other: note them, then execute. Errors: READ_ONLY, NOMEM. */
SOMBRA_API sombra_status sombra_builder_open(sombra_txn *txn, sombra_builder **builder);
/** Forgets what was not executed. Must come before the transaction's end. NULL is allowed. */
SOMBRA_API void sombra_builder_close(sombra_builder *builder);
/** Note a node. Values are copied. alias may be NULL; one used twice is EXISTS. Handles count from 0. */
SOMBRA_API sombra_status sombra_builder_node(sombra_builder *builder, const uint32_t *labels,
                                             size_t label_count, const char *alias,
                                             size_t alias_size, const sombra_prop *props,
                                             size_t prop_count, uint64_t *handle);
/** Note a relationship. An unknown handle is NOT_FOUND here, an unknown alias or id at execute. */
SOMBRA_API sombra_status sombra_builder_rel(sombra_builder *builder, sombra_ref source,
                                            uint32_t type, sombra_ref target,
                                            const sombra_prop *props, size_t prop_count);
/** Ids in the order in which things were noted. Borrowed from the builder. */
typedef struct sombra_created {
    const uint64_t *node_ids;
    size_t node_count;
    const uint64_t *rel_ids;
    size_t rel_count;
} sombra_created;
/** Make all that was noted; result lives until the builder is closed or used again. On failure nothing is made and the builder keeps
 *  everything. */
SOMBRA_API sombra_status sombra_builder_execute(sombra_builder *builder, sombra_created *created);
/** Id behind an alias, after execute. NOT_FOUND. */
SOMBRA_API sombra_status sombra_builder_alias(sombra_builder *builder, const char *alias,
                                              size_t size, uint64_t *id);

/* ---- Changing ------------------------------------------------------------------------------------------------------ */

typedef enum sombra_op_kind {
    SOMBRA_CREATE_NODE = 0,   /**< labels, props */
    SOMBRA_CREATE_REL = 1,    /**< source, target, type, props */
    SOMBRA_SET_PROPS = 2,     /**< node or rel; props, of which nulls remove; replace: all others go
                               * too */
    SOMBRA_ADD_LABELS = 3,    /**< node; labels */
    SOMBRA_REMOVE_LABELS = 4, /**< node; labels */
    SOMBRA_DELETE_NODE = 5,   /**< node; detach: with its relationships, else CONSTRAINT when it has
                               * any */
    SOMBRA_DELETE_REL = 6     /**< rel */
} sombra_op_kind;
/** An id, or with result_of >= 0 what op number result_of of the same list created. Zeroed but for result_of = -1 and id: an id. */
typedef struct sombra_op_ref {
    uint64_t id;
    int64_t result_of;
} sombra_op_ref;
/** One change of a list; what each kind needs stands with sombra_op_kind. Fields that it does not need are 0. */
typedef struct sombra_op {
    sombra_op_kind kind;
    bool on_rel; /**< SET_PROPS: the entity is a relationship */
    bool replace, detach;
    uint32_t type;
    sombra_op_ref entity; /**< whom SET_PROPS, labels and DELETE concern */
    sombra_op_ref source, target;
    const uint32_t *labels;
    size_t label_count;
    const sombra_prop *props;
    size_t prop_count;
} sombra_op;
/** What a list of changes came to. */
typedef struct sombra_mutation {
    /** detached relationships included */
    uint64_t nodes_created, rels_created, nodes_deleted, rels_deleted;
    uint64_t properties_set,
        properties_removed; /**< real changes only, those of what is created included */
    uint64_t labels_added, labels_removed; /**< likewise; a label given twice counts once */
    /** for each op the id created, else the one concerned; call result */
    const uint64_t *ids;
    size_t id_count;
} sombra_mutation;
/** Apply a list of changes, in order, atomically. A failure names the op's position. summary may be NULL. */
SOMBRA_API sombra_status sombra_mutate(sombra_txn *txn, const sombra_op *ops, size_t count,
                                       sombra_mutation *summary);

/* ---- Reading --------------------------------------------------------------------------------------------------------- */

typedef enum sombra_entity { SOMBRA_NODE = 0, SOMBRA_REL = 1 } sombra_entity;
typedef enum sombra_direction { SOMBRA_OUT = 0, SOMBRA_IN = 1, SOMBRA_BOTH = 2 } sombra_direction;

/** Some properties of a node or relationship. values: key_count places, NULL typed where absent; call result.
 *  *found false when the entity does not exist. O(1) in the common case. */
SOMBRA_API sombra_status sombra_get_props(sombra_txn *txn, sombra_entity entity, uint64_t id,
                                          const uint32_t *keys, size_t key_count,
                                          sombra_value *values, bool *found);
/** The same for many: values id_count × key_count, row by row; found: bitmap of id_count bits. Look-ups overlap. Like all calls for many ids it
 *  can be cancelled, and tells progress, each 16,384 ids or fewer; what it had filled in by then is nobody's answer. */
SOMBRA_API sombra_status sombra_get_props_many(sombra_txn *txn, sombra_entity entity,
                                               const uint64_t *ids, size_t id_count,
                                               const uint32_t *keys, size_t key_count,
                                               sombra_value *values, uint8_t *found);
/** A whole node. */
typedef struct sombra_node {
    uint64_t id;
    const uint32_t *labels;
    size_t label_count;
    const sombra_prop *props;
    size_t prop_count;
} sombra_node;
/** A whole relationship. */
typedef struct sombra_rel {
    uint64_t id, source, target;
    uint32_t type;
    const sombra_prop *props;
    size_t prop_count;
} sombra_rel;
/** A whole node: call result. *found false when it does not exist. */
SOMBRA_API sombra_status sombra_get_node(sombra_txn *txn, uint64_t id, sombra_node *node,
                                         bool *found);
/** A whole relationship: call result. *found false when it does not exist. */
SOMBRA_API sombra_status sombra_get_rel(sombra_txn *txn, uint64_t id, sombra_rel *rel, bool *found);
/** Which of count nodes exist: exist is a bitmap of count bits, bit i%8 of byte i/8 for the i-th. */
SOMBRA_API sombra_status sombra_nodes_exist(sombra_txn *txn, const uint64_t *ids, size_t count,
                                            uint8_t *exist);

/** Which relationships to follow, and what to list. All zero: all outgoing ones. */
typedef struct sombra_neighbors_options {
    sombra_direction direction;
    const uint32_t *types;
    size_t type_count; /**< 0: all */
    bool distinct;     /**< each neighbor once (also when the option distinct_neighbors says so) */
    uint64_t limit;    /**< 0: none */
} sombra_neighbors_options;
/** A neighbor, and the relationship that leads to it: outgoing from the node asked about, or incoming. */
typedef struct sombra_neighbor {
    uint64_t node, rel;
    uint32_t type;
    bool outgoing;
} sombra_neighbor;
/** Neighbors with their relationships, ordered by type, direction, neighbor, relationship; call result. A loop shows once for OUT, once
 *  for IN, twice for BOTH, and degree counts it so. options NULL: all outgoing. Errors: NOT_FOUND (no such node). */
SOMBRA_API sombra_status sombra_neighbors(sombra_txn *txn, uint64_t node,
                                          const sombra_neighbors_options *options,
                                          const sombra_neighbor **neighbors, size_t *count);
/** Ids alone, over one type (0: all): the fast form. Ascending for a single type and direction. A missing node has none. call result. */
SOMBRA_API sombra_status sombra_neighbor_ids(sombra_txn *txn, uint64_t node,
                                             sombra_direction direction, uint32_t type,
                                             const uint64_t **ids, size_t *count);
/** Many nodes: lists one after the other in *ids (call result), ends[i] the end of the i-th. */
SOMBRA_API sombra_status sombra_neighbor_ids_many(sombra_txn *txn, const uint64_t *nodes,
                                                  size_t node_count, sombra_direction direction,
                                                  uint32_t type, const uint64_t **ids,
                                                  size_t *ends);
/** Ids of neighbors where they lie in the file, not copied: id i is `base` plus the i-th little-endian number of `width` bytes at `data`
 *  (which has no alignment but width's). Ascending for a single type and direction. Read them with sombra_list_id, or with a loop of
 *  your own for each width. */
typedef struct sombra_list {
    const void *data;
    uint64_t base;
    size_t count;
    uint8_t width; /**< 0, 1, 2, 4 or 8; 0: all are base */
} sombra_list;
static inline uint64_t sombra_list_id(const sombra_list *list, size_t i)
{
    const unsigned char *at = (const unsigned char *)list->data + i * list->width;
    uint64_t low;
    switch (list->width) { /* compilers make one load of the bytes */
    case 0: return list->base;
    case 1: return list->base + at[0];
    case 2: return list->base + (at[0] | (uint64_t)at[1] << 8);
    default: break;
    }
    low = at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24;
    if (list->width == 4) return list->base + low;
    return list->base + (low | (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 |
                         (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56);
}
/** Neighbors of a node over one type (0: all) without copying them: the fastest form. What can not be had in one piece (the list of a
 *  hub, several types, both directions, relationships of this transaction, read_mode=cache) is put together in memory. Call result. A
 *  missing node has none. */
SOMBRA_API sombra_status sombra_neighbor_list(sombra_txn *txn, uint64_t node,
                                              sombra_direction direction, uint32_t type,
                                              sombra_list *list);
/** Of many nodes, their look-ups overlapped: lists[i] is that of nodes[i]. Call result. */
SOMBRA_API sombra_status sombra_neighbor_lists(sombra_txn *txn, const uint64_t *nodes,
                                               size_t node_count, sombra_direction direction,
                                               uint32_t type, sombra_list *lists);
/** Number of relationships, from the lists' headers. NOT_FOUND. */
SOMBRA_API sombra_status sombra_degree(sombra_txn *txn, uint64_t node, sombra_direction direction,
                                       const uint32_t *types, size_t type_count, uint64_t *degree);
/** Of many nodes over one type (0: all), their look-ups overlapped. Whether they exist is not asked: a missing node has 0. */
SOMBRA_API sombra_status sombra_degrees_many(sombra_txn *txn, const uint64_t *nodes,
                                             size_t node_count, sombra_direction direction,
                                             uint32_t type, uint64_t *degrees);
/** First relationship source → target of type (0: any); *rel 0 when there is none. */
SOMBRA_API sombra_status sombra_rel_between(sombra_txn *txn, uint64_t source, uint64_t target,
                                            uint32_t type, uint64_t *rel);

/** Which entities: by label or type, and by one property, through an index where there is one. */
typedef struct sombra_scan_options {
    sombra_entity entity;
    uint32_t name;             /**< label or type number; 0: all */
    uint32_t key;              /**< property key; 0: no filter, and then no values below (MISUSE) */
    const sombra_value *equal; /**< this value, or: */
    const sombra_value *low, *high; /**< a range; with equal, too: MISUSE */
    bool low_inclusive, high_inclusive;
    bool no_index; /**< scan although there is an index */
} sombra_scan_options;
typedef struct sombra_scan sombra_scan;
/** Begin a scan of ids. options is not NULL; zeroed ones say: all nodes. Without an index ids ascend; with one they come in the order
 *  of its values. The scan must be closed before the transaction ends. An unknown label, type or key has none.
 *  In a write transaction a scan goes on where it stands in what there is at each call: it may give what was changed meanwhile, or again what got a
 *  higher value of an index. To change what is found, take all ids first. It ends, and its next call is MISUSE, when the transaction goes back to a savepoint, or
 *  undoes a statement that was under way at an earlier call of a scan.
 *  Errors: INVALID, MISUSE, IO, CORRUPT, NOMEM. */
SOMBRA_API sombra_status sombra_scan_open(sombra_txn *txn, const sombra_scan_options *options,
                                          sombra_scan **scan);
/** Up to capacity ids; *count 0 at the end. A call that fails, whatever by, ends the scan: *count is 0, and the next call MISUSE. */
SOMBRA_API sombra_status sombra_scan_next(sombra_scan *scan, uint64_t *ids, size_t capacity,
                                          size_t *count);
/** Does it use a property index? */
SOMBRA_API bool sombra_scan_indexed(const sombra_scan *scan);
SOMBRA_API void sombra_scan_close(sombra_scan *scan); /**< before the transaction's end; NULL is
                                                       * allowed */
/** How many match, without listing them. */
SOMBRA_API sombra_status sombra_count(sombra_txn *txn, const sombra_scan_options *options,
                                      uint64_t *count);
/** The node or relationship with exactly these values of an indexed key (or keys, in the index's order); 0 when none. The hot path of
 *  look-ups by key. NOT_FOUND: no such index. */
SOMBRA_API sombra_status sombra_lookup(sombra_txn *txn, uint32_t schema_id,
                                       const sombra_value *values, size_t count, uint64_t *id);
/** Many look-ups, overlapped: values holds value_count (the index's keys) for each of count, ids[i] is the i-th's answer, 0 for none.
 *  Errors: NOT_FOUND (no such index), MISUSE (another number of keys). */
SOMBRA_API sombra_status sombra_lookup_many(sombra_txn *txn, uint32_t schema_id,
                                            const sombra_value *values, size_t value_count,
                                            size_t count, uint64_t *ids);

/* ---- Traversal ------------------------------------------------------------------------------------------------------------ */

/** Where a traversal goes and where it ends. All zero: outgoing, without bounds. */
typedef struct sombra_bfs_options {
    sombra_direction direction;
    const uint32_t *types;
    size_t type_count;   /**< 0: all */
    uint32_t max_depth;  /**< 0: no bound */
    uint64_t max_visits; /**< 0: no bound */
} sombra_bfs_options;
/** How far a traversal went: nodes visited, relationships looked at, the greatest depth; truncated: max_visits
 *  left nodes out. */
typedef struct sombra_bfs_result {
    uint64_t visited, rels_seen;
    uint32_t depth;
    bool truncated;
} sombra_bfs_result;
/** Breadth first: visit once for each node reached, start (depth 0) included; true goes on, false stops. visit NULL: only count.
 *  options NULL: outgoing, unbounded. */
SOMBRA_API sombra_status sombra_bfs(sombra_txn *txn, uint64_t start,
                                    const sombra_bfs_options *options,
                                    bool (*visit)(void *ctx, uint64_t node, uint32_t depth),
                                    void *ctx, sombra_bfs_result *result);
/** A path: length relationships between length + 1 nodes; with weights their sum. found false: there is none, and the rest is 0. */
typedef struct sombra_path {
    bool found;
    size_t length;
    const uint64_t *nodes;
    const uint64_t *rels;
    double weight;
} sombra_path;
/** A shortest path by number of relationships (bidirectional). nodes: length + 1; call result. Errors: NOT_FOUND (an end does not exist). */
SOMBRA_API sombra_status sombra_shortest_path(sombra_txn *txn, uint64_t from, uint64_t to,
                                              const sombra_bfs_options *options, sombra_path *path);
/** A cheapest path by a numeric relationship property; default_weight where it is absent. INVALID: negative or NaN weight. */
SOMBRA_API sombra_status sombra_weighted_path(sombra_txn *txn, uint64_t from, uint64_t to,
                                              const sombra_bfs_options *options,
                                              uint32_t weight_key, double default_weight,
                                              sombra_path *path);

/* ---- Schema ------------------------------------------------------------------------------------------------------------------ */

typedef enum sombra_schema_kind {
    SOMBRA_INDEX = 1,      /**< look-ups and ranges by one or more keys */
    SOMBRA_UNIQUE = 2,     /**< no two with the same values; those lacking a key are exempt */
    SOMBRA_NODE_KEY = 3,   /**< unique, and every key present */
    SOMBRA_EXISTENCE = 4,  /**< key present */
    SOMBRA_TYPED = 5,      /**< key, where present, has one of value_types */
    SOMBRA_LABEL_INDEX = 6 /**< the index of a label's nodes: there from the start, may be dropped
                            * and made again */
} sombra_schema_kind;
/** An index or constraint on nodes of a label or relationships of a type. */
typedef struct sombra_schema {
    uint32_t id;
    sombra_schema_kind kind;
    bool on_rels;
    uint32_t entity; /**< label or type number */
    const uint32_t *keys;
    size_t key_count; /**< at most 16 */
    uint32_t
        value_types; /**< TYPED: bit (1 << sombra_type) for each admitted type, and (1 << SOMBRA_TYPE_LIST_OF(type)) for lists whose
                      * items are of one; others: INVALID */
    const char *name;
    size_t name_size;
} sombra_schema;
/** Make an index or constraint, also on a full store. name NULL: one is made up. Errors: EXISTS, CONSTRAINT (data violates it), INTERRUPT. */
SOMBRA_API sombra_status sombra_schema_create(sombra_txn *txn, const sombra_schema *definition,
                                              uint32_t *id);
/** Drop an index or constraint, with its index if it has one. Errors: NOT_FOUND, READ_ONLY, MISUSE (a scan is open, or a statement under way in txn, which may read it). */
SOMBRA_API sombra_status sombra_schema_drop(sombra_txn *txn, uint32_t id);
/** Definition number i (from 0), in order of id; *more false past the last. txn result. */
SOMBRA_API sombra_status sombra_schema_at(sombra_txn *txn, size_t i, sombra_schema *schema,
                                          bool *more);
/** Id by name, or of the index that serves exactly these keys (name NULL). 0 when there is none. */
SOMBRA_API sombra_status sombra_schema_find(sombra_txn *txn, const sombra_schema *like,
                                            uint32_t *id);

/* ---- Queries (openCypher) ------------------------------------------------------------------------------------------------------ */

/* A statement is prepared from text, bound, stepped through, reset, finalized:
 *
 *     sombra_stmt *stmt;
 *     sombra_prepare(conn, "MATCH (p:Person {name: $name}) RETURN p.age AS age", SOMBRA_NUL_TERMINATED, &stmt, NULL);
 *     sombra_value name = sombra_string("Ada", 3), age;
 *     sombra_stmt_bind(stmt, "name", &name);
 *     while (sombra_stmt_step(stmt) == SOMBRA_ROW) sombra_stmt_column(stmt, 0, &age);
 *     sombra_stmt_finalize(stmt);
 *
 * Transactions: while one is open on the connection, statements are part of it. Otherwise each has one of its own, from its first step to its
 * last, reset or finalize; it is committed when the statement has come to its end (SOMBRA_DONE), else rolled back. So results of a
 * statement that writes are certain only at SOMBRA_DONE. BEGIN, COMMIT and ROLLBACK are statements, too.
 * docs/CYPHER.md tells the language, docs/ERRORS.md the details that sombra_error carries. */
typedef struct sombra_stmt sombra_stmt;

/** More results of sombra_stmt_step: positive, here only. */
#define SOMBRA_ROW  ((sombra_status)1)
#define SOMBRA_DONE ((sombra_status)2)

/** Compile the first statement of a text; a ';' ends it, and empty ones before it are passed over. Compiled statements are remembered by their text, so that preparing one again is cheap.
 *  @param conn  not NULL.
 *  @param text  UTF-8; copied.
 *  @param size  its bytes, or SOMBRA_NUL_TERMINATED.
 *  @param stmt  NULL when there is none (white space, comments and ';' alone).
 *  @param tail  receives the number of bytes that the statement took, its ';' and white space behind included: there the next one begins.
 *               NULL: the text must hold no second one (SYNTAX).
 *  Errors: SYNTAX, NOT_FOUND, TYPE_MISMATCH, INVALID, LIMIT with line, column and detail; NOMEM; INTERRUPT, TIMEOUT (of texts of megabytes). */
SOMBRA_API sombra_status sombra_prepare(sombra_conn *conn, const char *text, size_t size,
                                        sombra_stmt **stmt, size_t *tail);
/** Ends the run, if there is one. NULL is allowed. All statements of a connection must be finalized before it is disconnected. */
SOMBRA_API void sombra_stmt_finalize(sombra_stmt *stmt);
/** Give a parameter its value, copied; it stays until it is bound again. NOT_FOUND: the statement has no such parameter. MISUSE: it is running.
 *  Values may be lists and maps of any depth up to 100, nodes and relationships. */
SOMBRA_API sombra_status sombra_stmt_bind(sombra_stmt *stmt, const char *name,
                                          const sombra_value *value);
/** The same by position, from 0, in the order of sombra_stmt_param. */
SOMBRA_API sombra_status sombra_stmt_bind_at(sombra_stmt *stmt, size_t param,
                                             const sombra_value *value);
/** How many different parameters the statement has. */
SOMBRA_API size_t sombra_stmt_param_count(const sombra_stmt *stmt);
/** Name of a parameter without its $; not NUL-terminated; lives as long as stmt. NULL past the last. */
SOMBRA_API const char *sombra_stmt_param(const sombra_stmt *stmt, size_t param, size_t *size);
/** Forget all parameters' values. */
SOMBRA_API sombra_status sombra_stmt_clear(sombra_stmt *stmt);

/** Move to the next row. The first step begins the run.
 *  @return SOMBRA_ROW, SOMBRA_DONE, or an error; then the statement's effects are undone and only sombra_stmt_reset and finalize are allowed.
 *  Row values stay readable until the next call on stmt. Errors: all of prepare's, found at run time; BUSY, READ_ONLY, CONSTRAINT,
 *  INTERRUPT, TIMEOUT, NOMEM, LIMIT (memory_limit), CORRUPT, IO, FULL, POISONED, MISUSE (after SOMBRA_DONE without reset). */
SOMBRA_API sombra_status sombra_stmt_step(sombra_stmt *stmt);
/** How many more rows there are that steps only have to move to, without work in between: the rest of the batch that was made last. For bindings, which hold
 *  locks of their own around calls that are short. 0 before the first step, at the end, and for NULL. */
SOMBRA_API size_t sombra_stmt_buffered(const sombra_stmt *stmt);
/** End the run: the next step begins again. Parameters stay. What a statement that writes has changed is undone, unless it had come to SOMBRA_DONE. */
SOMBRA_API sombra_status sombra_stmt_reset(sombra_stmt *stmt);
/** Columns of a row; 0 for a statement that returns none. */
SOMBRA_API size_t sombra_stmt_column_count(const sombra_stmt *stmt);
/** Name of a column; not NUL-terminated; lives as long as stmt. NULL past the last. */
SOMBRA_API const char *sombra_stmt_column_name(const sombra_stmt *stmt, size_t column,
                                               size_t *size);
/** A value of the current row. What it points at lives until the next call on stmt, or the end of its transaction. MISUSE: there is no row, or no such column. */
SOMBRA_API sombra_status sombra_stmt_column(sombra_stmt *stmt, size_t column, sombra_value *value);
/** Node or relationship of a row, whole: as sombra_get_node and sombra_get_rel in the statement's transaction. Names of its labels, type and
 *  keys: sombra_stmt_name_text. What they point at lives until the next call on stmt. */
SOMBRA_API sombra_status sombra_stmt_node(sombra_stmt *stmt, uint64_t id, sombra_node *node,
                                          bool *found);
/** A relationship, as sombra_stmt_node. */
SOMBRA_API sombra_status sombra_stmt_rel(sombra_stmt *stmt, uint64_t id, sombra_rel *rel,
                                         bool *found);
/** Name of a label, type or key number that came with a row: as sombra_name_text in the statement's transaction. NULL when there is none. */
SOMBRA_API const char *sombra_stmt_name_text(sombra_stmt *stmt, sombra_name_kind kind, uint32_t id,
                                             size_t *size);

/** Does it begin with EXPLAIN or PROFILE, so that its one row and column are a plan? */
SOMBRA_API bool sombra_stmt_is_explain(const sombra_stmt *stmt);
/** Does it need a write transaction? */
SOMBRA_API bool sombra_stmt_writes(const sombra_stmt *stmt);
/** What the last run has changed so far. labels_added and labels_removed count names per node. An index behind a constraint counts as
 *  the constraint. */
typedef struct sombra_stmt_changes {
    uint64_t nodes_created, nodes_deleted, rels_created, rels_deleted, properties_set, labels_added,
        labels_removed;
    uint64_t indexes_added, indexes_removed, constraints_added, constraints_removed;
} sombra_stmt_changes;
/** What the statement's last run has changed; zeros before its first. MISUSE: NULL given. */
SOMBRA_API sombra_status sombra_stmt_get_changes(const sombra_stmt *stmt,
                                                 sombra_stmt_changes *changes);
/** Warning i, from 0, about the statement: a label, type or property key that it asks for and that nothing in the database ever had, most often
 *  a misspelled one. warning has a message with the nearest name there is, line and column; its status is NOT_FOUND, its detail 0. Names
 *  that the statement makes (CREATE, MERGE, SET) are not asked for. Looked up at the call, in the transaction that is open, else in a read
 *  transaction of its own: so not while nobody asks. At most 16 are told.
 *  @return OK, or NOT_FOUND when there are no more (the connection's error stays empty); MISUSE: NULL given; what sombra_begin gives. */
SOMBRA_API sombra_status sombra_stmt_warning(sombra_stmt *stmt, size_t i, sombra_error *warning);
/** The plan as a tree in text or JSON; after a run of PROFILE … with rows, time and page touches of each operator. Lives until the next call on
 *  stmt. A statement that begins with EXPLAIN or PROFILE gives the same as its one column `plan`. */
SOMBRA_API sombra_status sombra_stmt_explain(sombra_stmt *stmt, bool json, const char **text,
                                             size_t *size);

/* ---- Arrow ------------------------------------------------------------------------------------------------------------------------- */

/* The structs of the Arrow C data interface and C stream interface, as their specification lays them down; another header that defines them, too,
 * may be included before or behind this one. Whoever is given one calls its release when done; a struct whose release is NULL is released, or moved. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE           2
#define ARROW_FLAG_MAP_KEYS_SORTED    4

/** Type of an array, and of what it consists of. */
struct ArrowSchema {
    const char *format;   /**< "l": 64-bit integers, "u": UTF-8, … */
    const char *name;     /**< of the field */
    const char *metadata; /**< keys and values, or NULL */
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary; /**< type of a dictionary's values, or NULL */
    void (*release)(struct ArrowSchema *schema);
    void *private_data; /**< the producer's */
};
/** Values: length of them, from entry offset of the buffers on. */
struct ArrowArray {
    int64_t length;
    int64_t null_count; /**< -1: not counted */
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void *
        *buffers; /**< as the type says; the first one often a bitmap of rows that are not null */
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *array);
    void *private_data;
};
#endif
#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

/** Arrays of one type, one after the other. Calls return 0 or an errno value. */
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *stream, struct ArrowSchema *schema);
    int (*get_next)(struct ArrowArrayStream *stream, struct ArrowArray *array);
    const char *(*get_last_error)(struct ArrowArrayStream *stream);
    void (*release)(struct ArrowArrayStream *stream);
    void *private_data;
};
#endif

/** Run a statement and hand its rows out as Arrow record batches, instead of stepping through them.
 *
 *  Types: INTEGER int64, FLOAT double, BOOLEAN bool, STRING utf8, BYTES binary, DATE date32[day], LOCAL TIME time64[ns], LOCAL DATETIME timestamp[ns],
 *  ZONED DATETIME timestamp[ns, UTC] (the instant; offset and zone are not kept), DURATION month_day_nano_interval, ZONED TIME struct<time: time64[ns],
 *  offset: int32 (seconds)>, POINT struct<srid: int32, x, y, z: double> (z null in 2-D), LIST list<item>, NODE struct<id: int64, labels: list<utf8>,
 *  properties: utf8>, RELATIONSHIP struct<id: int64, type: utf8, start, end: int64, properties: utf8>, PATH struct<nodes: list<node>, relationships:
 *  list<relationship>>. Properties, maps and values of several kinds are JSON text (utf8); INTEGER among FLOAT becomes double. A date-time out of the
 *  years 1677 to 2262 makes its column timestamp[us]. An entity that the statement itself has deleted has its id, the rest is null.
 *
 *  The first batch decides the types of the columns whose kind the text of the statement does not tell (that of a property, say); one that is null in all
 *  of its rows has the type null. A later value that does not fit ends the stream with EINVAL; its message says what to do. With rows_per_batch SIZE_MAX
 *  all rows are looked at first, and there is one batch (several past 1 GiB of text).
 *
 *  The run begins here, and the first batch is made here. (A statement may have been stepped to its first row, to hear of errors early: that row is the
 *  stream's first, too.) It is ended by the end of the stream, by its release, and by sombra_stmt_reset or
 *  sombra_stmt_finalize; behind these get_next gives EINVAL. A statement that writes is committed (or its savepoint released) with the last batch: when
 *  get_next gives the end. Until the reset sombra_stmt_step and sombra_stmt_column are MISUSE. get_schema, get_next and release of a stream that
 *  has not ended belong to the connection's thread. Schemas and batches are their holder's: they may outlive stream, statement and database, and do
 *  not count against memory_limit. get_next gives ENOMEM, ECANCELED (interrupted), ETIMEDOUT, EIO (file) and EINVAL (all else); sombra_error_of(conn) tells more.
 *  EXPLAIN and PROFILE give their one column; statements without columns give a struct without fields and no batch.
 *
 *  Errors: those of sombra_stmt_step; MISUSE: the statement is behind its first row or has ended (reset it), or something is NULL.
 *  @param stmt  not NULL; not running.
 *  @param rows_per_batch  rows of a batch, all but the last; 0: 65,536.
 *  @param stream          set on success, and released by the caller; its release is NULL on failure. */
SOMBRA_API sombra_status sombra_stmt_arrow(sombra_stmt *stmt, size_t rows_per_batch,
                                           struct ArrowArrayStream *stream);

/** Make a node of each row of a stream of record batches: columns are properties, named as they are; null is absent. The stream is released by this
 *  call, also when it fails; that of a statement of the same connection which still runs is refused (IO). All rows are made, or none.
 *
 *  Arrow types: integers of all widths INTEGER; float, double FLOAT; bool BOOLEAN; utf8, large_utf8, utf8_view STRING; binary, large, fixed-size and view
 *  BYTES; date32, date64 DATE; time32, time64 LOCAL TIME; timestamp LOCAL DATETIME, with a time zone ZONED DATETIME (the instant; of zones the offset,
 *  where it is written as +HH:MM); duration, intervals DURATION; lists of these LIST; struct<srid, x, y, z> POINT and struct<time, offset> ZONED TIME;
 *  dictionaries of any of these. int64, double and bitmaps are used where they lie. Counts, offsets and indexes of a producer are checked; that its buffers
 *  are as long as they say can not be.
 *
 *  Errors: those of sombra_create_nodes, told with batch, column and row; IO (the producer failed, with its message), TYPE_MISMATCH (no such type of
 *  properties), INVALID (broken arrays, a column without a name), INTERRUPT, TIMEOUT.
 *  @param txn     a write transaction.
 *  @param labels  label numbers, none twice, of every node.
 *  @param label_count  how many; may be 0.
 *  @param stream  not NULL.
 *  @param ids     receives the ids in the order of the rows; they live until the next call of this kind on the connection. May be NULL.
 *  @param count   receives how many; may be NULL. */
SOMBRA_API sombra_status sombra_create_nodes_arrow(sombra_txn *txn, const uint32_t *labels,
                                                   size_t label_count,
                                                   struct ArrowArrayStream *stream,
                                                   const uint64_t **ids, size_t *count);
/** Which columns name the ends of relationships, and how. Zeroed: "source" and "target", with ids of nodes. With a label and a key, both or
 *  neither: nodes are looked up by the value of that key through the index of label and key. */
typedef struct sombra_arrow_ends {
    const char *source; /**< column; NULL: "source" */
    const char *target; /**< column; NULL: "target" */
    uint32_t source_label, source_key;
    uint32_t target_label, target_key;
} sombra_arrow_ends;
/** Make a relationship of one type of each row, as sombra_create_nodes_arrow; the two columns of ends are no properties. ends NULL: zeroed ones.
 *  NOT_FOUND: no such column, no such index, an end that is null, or that no node has, or several. */
SOMBRA_API sombra_status sombra_create_rels_arrow(sombra_txn *txn, uint32_t type,
                                                  const sombra_arrow_ends *ends,
                                                  struct ArrowArrayStream *stream,
                                                  const uint64_t **ids, size_t *count);

/* ---- Functions and procedures of one's own --------------------------------------------------------------------------------------- */

/** The call of a registered function or procedure. */
typedef struct sombra_call sombra_call;
/** Argument i of the call; lives until it returns. NULL past the last. */
SOMBRA_API const sombra_value *sombra_call_arg(sombra_call *call, size_t i);
/** Number of arguments of the call. */
SOMBRA_API size_t sombra_call_arg_count(const sombra_call *call);
/** The result of a function (copied). Without it the result is null. Where this, sombra_call_emit or sombra_call_fail has given an error the statement
 *  fails with it, also when the callback goes on and returns SOMBRA_OK. */
SOMBRA_API sombra_status sombra_call_result(sombra_call *call, const sombra_value *value);
/** A result row of a procedure: as many values as it has results (copied). Any number of times. */
SOMBRA_API sombra_status sombra_call_emit(sombra_call *call, const sombra_value *row);
/** Fail with a message of one's own. Returns status, to be returned from the callback. */
SOMBRA_API sombra_status sombra_call_fail(sombra_call *call, sombra_status status,
                                          const char *message);
/** The context given when it was registered. */
SOMBRA_API void *sombra_call_context(sombra_call *call);

/** Register a scalar function for all connections of a database. Signature: "my.clamp(x :: FLOAT?, low :: FLOAT?, high :: FLOAT?) :: FLOAT?"; a
 *  name has at least one letter, and is one that a statement can call; arguments have different names; types as in the language (LIST<INTEGER>, ZONED DATETIME), NUMBER and ANY too, with or
 *  without a question mark: null is a value of each, but of one that is NOT NULL. Arguments and results of another type are a type error that names function and argument, before call is called; an
 *  INTEGER becomes a FLOAT where one is expected. A function may give another value each time, so that it is refused within an aggregation, sum(my.f(x)); WITH my.f(x) AS y … sum(y). The last arguments may be left out if the signature gives defaults,
 *  "high = 1.0 :: FLOAT?", which only readers look at: the call has fewer arguments then (a procedure's: null). call runs without locks, perhaps on several threads. ctx lives as long as the database. Errors: EXISTS, SYNTAX (signature), MISUSE, NOMEM. */
SOMBRA_API sombra_status sombra_register_function(sombra_db *db, const char *signature,
                                                  sombra_status (*call)(sombra_call *call),
                                                  void *ctx, sombra_error *error);
/** An aggregate: step for each row (state: state_bytes, zeroed at first), finish gives the result. Both get the state from sombra_call_state.
 *  finish is not called where the statement fails or ends before: the state must not be all that knows of memory, a file or the like. What it needs beside itself it takes
 *  from ctx (a pool that frees all when the database is closed), where several threads may ask at once.
 *  Errors: those of sombra_register_function; LIMIT: more than 2 GiB. */
SOMBRA_API sombra_status sombra_register_aggregate(sombra_db *db, const char *signature,
                                                   size_t state_bytes,
                                                   sombra_status (*step)(sombra_call *call),
                                                   sombra_status (*finish)(sombra_call *call),
                                                   void *ctx, sombra_error *error);
/** State of an aggregate, between its calls. NULL for others. */
SOMBRA_API void *sombra_call_state(sombra_call *call);
/** A procedure for CALL: "my.proc(name :: STRING?) :: (city :: STRING?, code :: INTEGER?)"; results () for one that gives no rows. */
SOMBRA_API sombra_status sombra_register_procedure(sombra_db *db, const char *signature,
                                                   sombra_status (*call)(sombra_call *call),
                                                   void *ctx, sombra_error *error);

/* ---- Bulk load and export ------------------------------------------------------------------------------------------------------ */

/** A file of nodes or of relationships. */
typedef struct sombra_import_file {
    const char *path;
    const char *name; /**< label(s) separated by ':' or type; NULL: from the header */
} sombra_import_file;
/** What to load and how; docs/IMPORT.md explains each. Start with sombra_import_options_init. The struct only grows, at its end. */
typedef struct sombra_import_options {
    uint32_t struct_bytes; /**< set by sombra_import_options_init */
    const sombra_import_file *nodes;
    size_t node_file_count;
    const sombra_import_file *rels;
    size_t rel_file_count;
    char delimiter, quote; /**< ',' '"' */
    char array_delimiter;  /**< '\0': ';', or ',' where ';' is the delimiter ('\0') */
    /** for plain headers; NULL */
    const char *id_column, *start_column, *end_column, *type_column, *label_column;
    const char *null_text; /**< cells equal to it are absent, as are empty unquoted ones; NULL */
    bool infer_types, trim, skip_missing_endpoints, skip_duplicate_ids, store_ids;
    const char *reject_path;
    uint64_t max_rejects;
    unsigned threads;        /**< 0: all cores */
    uint64_t memory;         /**< bytes; 0: half of memory_limit */
    const char *schema_path; /**< a schema file, as sombra_export_csv writes one: its indexes and
                              * constraints are made when all rows are loaded; NULL */
    /** for each of nodes and of rels: a file whose first line is the header of that file, which then has
     *  none of its own, or NULL; the arrays may be NULL */
    const char *const *node_headers, *const *rel_headers;
} sombra_import_options;
/** What a load came to: counts, bytes read, and nanoseconds of parsing, sorting (of all threads, within building) and building. */
typedef struct sombra_import_result {
    uint64_t nodes, rels, properties, rejected_rows, skipped_rows, bytes_read, parse_ns, sort_ns,
        build_ns, schemas;
} sombra_import_result;
/** Fill in the defaults: no files, ',' '"' ';', ids kept as properties, no rejected rows. */
#define sombra_import_options_init(options)                                                        \
    sombra_import_options_init_for((options), (uint32_t)sizeof(sombra_import_options))
/** What sombra_import_options_init calls, with the size that the caller was compiled with; for bindings that fill in the struct themselves.
 *  options is not NULL. */
SOMBRA_API void sombra_import_options_init_for(sombra_import_options *options,
                                               uint32_t struct_bytes);
/** Load CSV files (plain, gzip or zstd; "-" is standard input) as part of a write transaction. docs/IMPORT.md has the header
 *  syntax. Errors: SYNTAX, TYPE_MISMATCH, NOT_FOUND, EXISTS, REJECTED, CONSTRAINT (also of the commit), each
 *  naming file, line, column and value. CONSTRAINT is never rejected: it ends the load. */
SOMBRA_API sombra_status sombra_import_csv(sombra_txn *txn, const sombra_import_options *options,
                                           sombra_import_result *result);
/** What an export wrote. */
typedef struct sombra_export_result {
    uint64_t nodes, rels, files, bytes, schemas;
} sombra_export_result;
/** Write the whole graph as CSV files that sombra_import_csv reads back, into directory (made when absent): one for each set of labels,
 *  one for each type, and schema.csv where there are indexes or constraints. When it fails or is cancelled, what it made is
 *  removed. Errors: EXISTS (a file of that name is there), IO, FULL, INTERRUPT, NOMEM, CORRUPT (also: a relationship whose end does
 *  not exist, see trusted_endpoints). */
SOMBRA_API sombra_status sombra_export_csv(sombra_txn *txn, const char *directory,
                                           sombra_export_result *result);

/* ---- Values as text ---------------------------------------------------------------------------------------------- */

/** Write a value as text: numbers in decimal, temporal values as ISO 8601, bytes in hexadecimal, lists with ';' between items; the
 *  forms that CSV cells have (docs/IMPORT.md). Not NUL-terminated; *size is the whole size, also when it is over capacity
 *  (then what fits is written). Needs no connection; any thread. Errors: TYPE_MISMATCH (not a storable
 *  value), INVALID (outside of its range, not UTF-8), LIMIT, NOMEM. */
SOMBRA_API sombra_status sombra_value_to_text(const sombra_value *value, char *text,
                                              size_t capacity, size_t *size);
/** What the language's toString() gives: canonical text of temporal values, 1.0 for a float. The kinds that it knows are booleans, numbers, strings,
 *  temporal values, durations and points: TYPE_MISMATCH for others. Otherwise as sombra_value_to_text. */
SOMBRA_API sombra_status sombra_value_to_string(const sombra_value *value, char *text,
                                                size_t capacity, size_t *size);
/** Read a value from text of a type that a CSV header could name: "int", "date", "string[]". call result.
 *  Errors: SYNTAX (no such type), TYPE_MISMATCH, INVALID (range, UTF-8). */
SOMBRA_API sombra_status sombra_value_from_text(sombra_txn *txn, const char *type, const char *text,
                                                size_t size, sombra_value *value);

/* ---- Administration ------------------------------------------------------------------------------------------------------------- */

typedef enum sombra_checkpoint_mode {
    SOMBRA_PASSIVE = 0,
    SOMBRA_FULL_CHECKPOINT = 1,
    SOMBRA_RESTART = 2,
    SOMBRA_TRUNCATE = 3
} sombra_checkpoint_mode;
/** Frames in the WAL, how many of them are in the main file now, pages written for that, and whether the WAL begins anew. */
typedef struct sombra_checkpoint_result {
    uint64_t wal_frames, backfilled_frames, pages_written;
    bool restarted;
} sombra_checkpoint_result;
/** Move the WAL's pages into the main file. No transaction may be open on conn. PASSIVE moves what it can without waiting: it is OK when readers of
 *  older states, or another checkpoint, leave it less than all (backfilled_frames < wal_frames). FULL waits for them and for the writer; RESTART
 *  also for who reads in the WAL, which then begins anew; TRUNCATE cuts it to nothing, too. BUSY: not within
 *  busy_timeout_ms, what was moved stays so. result is filled in then as well, and may be NULL. */
SOMBRA_API sombra_status sombra_checkpoint(sombra_conn *conn, sombra_checkpoint_mode mode,
                                           sombra_checkpoint_result *result);
/** Copy the database as txn sees it to a new file, while writers go on. EXISTS. ":memory:" databases too, but not to
 *  ":memory:" (INVALID): sombra_restore fills those. MISUSE: txn has changed something, which is not committed yet. */
SOMBRA_API sombra_status sombra_backup(sombra_txn *txn, const char *path);
/** Replace the content of this database by that of a file (a backup into ":memory:", for instance). No transaction may be open.
 *  Both have pages of one size, else INVALID: only ":memory:" takes over that of the file, if conn is its only connection.
 *  Ids go on behind those of the file: ids that only the old content had handed out may be handed out again. */
SOMBRA_API sombra_status sombra_restore(sombra_conn *conn, const char *path);
/** Rebuild the database compactly in place (path NULL) or into a new file (EXISTS). No transaction may be open on conn. In
 *  place others may go on reading; the file gets shorter when nobody does. Its copy lies beside the file, with -vacuum behind the name:
 *  what was there goes. */
SOMBRA_API sombra_status sombra_vacuum(sombra_conn *conn, const char *path);
/** How many faults were found, and in how much. */
typedef struct sombra_verify_result {
    uint64_t findings, pages, free_pages, nodes, rels, index_entries;
} sombra_verify_result;
/** Check everything against everything else. finding is called for each fault (page UINT64_MAX: none in particular). OK with
 *  findings > 0 when the check itself ran; CORRUPT when it could not go on. */
SOMBRA_API sombra_status sombra_verify(sombra_txn *txn,
                                       void (*finding)(void *ctx, uint64_t page,
                                                       const char *message),
                                       void *ctx, sombra_verify_result *result);
/** What a recovery saved, what it knows to be lost, and pages that are damaged. */
typedef struct sombra_recover_result {
    uint64_t nodes, rels, lost_nodes, lost_rels, damaged_pages;
    bool nodes_known,
        rels_known; /**< how many there were; else lost_nodes, lost_rels are the least that is lost */
    uint64_t lost_properties; /**< of nodes and relationships that were saved */
    uint64_t lost_names;      /**< of labels, types and keys, which got others (label_7) */
    uint64_t
        lost_label_sets; /**< combinations of labels, for which their nodes got one label (set_7) */
    uint64_t
        lost_schemas; /**< indexes and constraints not made again; 0 if nothing tells how many there were */
    uint64_t messages; /**< all that lost is called for. 0: nothing is lost, and nothing in doubt */
} sombra_recover_result;
/** Salvage what can be read of a damaged file into a new one (EXISTS), which the damaged one is only read for. lost is called for each thing
 *  that could not be saved, and may be NULL. Ids change: those of the new file go on behind the highest that the
 *  damaged one has given (behind the highest found in it, if page 0 and the WAL are lost), so that no old id names another entity.
 *  The damaged one may not lie under a name that the new one's making takes (x-making, x-salvage, x-wal … of a new x: INVALID).
 *  Of options memory_limit and transaction_memory count, NULL: the defaults. Some 40 bytes a node and the memory of a transaction must fit in the limit
 *  (docs/LIMITS.md). Errors: EXISTS, CANT_OPEN, CORRUPT (nothing can be read), IO, FULL, NOMEM, INVALID and MISUSE
 *  (options, as of sombra_open). */
SOMBRA_API sombra_status sombra_recover(const char *damaged, const char *path,
                                        const sombra_options *options,
                                        void (*lost)(void *ctx, const char *message), void *ctx,
                                        sombra_recover_result *result, sombra_error *error);
/** 128-bit digest of the content: equal for graphs that are equal but for their ids. The reverse holds for all that can be
 *  told apart by values, labels and neighborhoods of some steps: graphs of look-alike nodes, as a ring of six and two of three, have
 *  equal digests, too (docs/LIMITS.md). */
SOMBRA_API sombra_status sombra_digest(sombra_txn *txn, uint8_t digest[16]);
/** 128-bit digest of the indexes and constraints, which sombra_digest leaves out: equal for those that are equal with their names, whatever the
 *  order that they were made in. */
SOMBRA_API sombra_status sombra_schema_digest(sombra_txn *txn, uint8_t digest[16]);

/** Figures of a database: sizes of its files, commits so far, open readers, counts, and memory in use. */
typedef struct sombra_info {
    uint32_t page_size;
    uint64_t pages, free_pages, file_bytes, wal_bytes, wal_frames, wal_backfilled;
    uint64_t sequence, readers, nodes, rels, memory_bytes, memory_peak;
    uint8_t durability, read_mode;
    bool poisoned;
} sombra_info;
/** The figures as of the transaction's state. */
SOMBRA_API sombra_status sombra_get_info(sombra_txn *txn, sombra_info *info);
/** Size and fill of one tree. name is a call result: "nodes", "index person_name", … */
typedef struct sombra_tree_info {
    const char *name;
    uint32_t height;
    uint64_t inner_pages, leaf_pages, overflow_pages, entries, used_bytes;
} sombra_tree_info;
/** Tree number i (from 0); *more false past the last. Reads all of the tree. */
SOMBRA_API sombra_status sombra_tree_at(sombra_txn *txn, size_t i, sombra_tree_info *info,
                                        bool *more);
/** Writer counters of a write transaction. Sorts: of relationships by source and by target, and of entries of property indexes; what is in order
 *  already is not sorted, and not counted. Entries of label indexes come in order. */
typedef struct sombra_writer_stats {
    uint64_t endpoint_checks, cache_hits, cache_misses, node_lookups, known_in_txn, trusted,
        forward_sorts, reverse_sorts, index_sorts, flushes, flushed_rels;
} sombra_writer_stats;
/** What the write transaction did so far; all 0 in a read transaction. */
SOMBRA_API sombra_status sombra_get_writer_stats(sombra_txn *txn, sombra_writer_stats *stats);

/** One counter of the profile: names ending in _ns are nanoseconds. */
typedef struct sombra_counter {
    const char *name;
    uint64_t value;
} sombra_counter;
/** Counters since the database was opened or last reset; all 0 while profiling is off. counters: capacity places; *count: how many there
 *  are in all. */
SOMBRA_API sombra_status sombra_profile_snapshot(sombra_db *db, bool reset,
                                                 sombra_counter *counters, size_t capacity,
                                                 size_t *count);

#ifdef __cplusplus
}
#endif

#endif
