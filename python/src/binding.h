/* binding.h — the extension module sombra._sombra: what its files share.
 * Hides:    reference counts, the global interpreter lock (GIL), which sombra_conn a thread uses.
 * Promises: every failure is a Python exception; no call that may take long keeps the GIL; a handle is never used by two threads at once.
 * Needs:    the limited API of CPython 3.9 and sombra.h, nothing else: one binary serves all later versions.
 *
 * Threads. A Database gives each thread a Connection of its own, made when the thread first needs it. Results may be handed to other threads; the
 * flag `busy` of their connection refuses use by two at a time. It is atomic, because readers of Arrow streams come without the GIL.
 *
 * GIL. BINDING_RELEASED releases it around a call of the library. A run of a prepared statement that was quick the last time keeps it, since others would
 * make a microsecond's work wait for their turn; if it is not quick this time, the progress callback releases it after a tenth of a second. */
#ifndef SOMBRA_BINDING_H
#define SOMBRA_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sombra.h"

typedef struct binding_database binding_database;
typedef struct binding_connection binding_connection;
typedef struct binding_result binding_result;
typedef struct binding_columns binding_columns;

/* ---- The module's own objects: set once, when it is imported --------------------------------------------------------- */

typedef struct binding_types {
    PyObject *database, *connection, *prepared, *result, *row, *columns, *node, *relationship,
        *path; /* types of this module */
    /* Given by the package's Python half (configure); owned. */
    PyObject *make_error; /* errors.make_error */
    PyObject *node_class, *relationship_class, *path_class;
    PyObject *result_class, *duration_class, *point_class;
    PyObject *make_date, *make_time,
        *make_datetime; /* temporal values that date.fromordinal does not make */
    PyObject *to_value; /* temporal and foreign objects → what this module knows */
    PyObject *date_from_ordinal;
    PyObject *restore_row; /* of pickle */
    PyObject *local_class; /* threading.local */
} binding_types;
extern binding_types binding;

/* ---- Texts that come again and again ---------------------------------------------------------------------------------- */

/* Property keys, labels and types as Python strings, found again by their bytes. */
#define BINDING_NAMES 256u
typedef struct binding_names {
    struct {
        char *text; /* owned */
        size_t size;
        PyObject *string;
    } slots[BINDING_NAMES];
} binding_names;
PyObject *binding_name(binding_names *names, const char *text, size_t size); /* new reference */
void binding_names_clear(binding_names *names);

/* ---- Handles ------------------------------------------------------------------------------------------------------------- */

typedef struct binding_aggregate binding_aggregate;

struct binding_database {
    PyObject_HEAD sombra_db *db; /* NULL once closed */
    PyObject *path;
    PyObject *local; /* threading.local: its attribute `connection` keeps the thread's alive */
    PyObject *kept;  /* list: callables of registered functions and of the log */
    binding_connection *connections; /* all that are open; borrowed */
    binding_connection *cached;      /* of thread cached_thread; borrowed */
    uint64_t cached_thread;          /* its number: identifiers of threads are used again */
    bool read_only;
    uint64_t time_limit_ms;
    bool has_functions; /* then no run keeps the GIL: they are called on any thread */
};

struct binding_connection {
    PyObject_HEAD binding_database
        *database;            /* borrowed: what uses a connection keeps both; NULL once closed */
    sombra_conn *conn;        /* NULL once closed */
    sombra_txn *txn;          /* begun by the program; NULL: none */
    binding_connection *next; /* in database->connections */
    binding_result *results;  /* those whose statements run; borrowed */
    struct binding_orphan *orphans; /* what is to be let go of when the call under way has ended */
    binding_aggregate *aggregates;  /* states of registered aggregates that have not finished */
    binding_names names;
    PyThreadState *released; /* of the call under way, while it does not hold the GIL */
    unsigned long thread;    /* the call under way came without the GIL (Arrow) */
    binding_connection *
        outer; /* another database's, of the call that a function is part of which makes this one */
    PyObject *raised
        [3]; /* what a signal's handler or a callback raised during the call: type, value, traceback */
    PyObject *failure;      /* exception: what ended the last Arrow stream; owned */
    bool signaled;          /* it was a signal's handler */
    bool within_function;   /* a function of the program's runs, on the call's own thread */
    uint64_t time_limit_ms; /* set on conn */
    atomic_bool busy;
    atomic_bool cancel; /* interrupt() was called while it was */
};

/* A result's columns: shared by its rows. */
struct binding_columns {
    PyObject_HEAD PyObject *names; /* tuple */
    PyObject *index;               /* dict: name → position */
};

typedef struct binding_prepared {
    PyObject_HEAD binding_database *database; /* owned */
    PyObject *text;
    binding_connection *connection; /* owned: of stmt */
    sombra_stmt *stmt;              /* NULL: taken by a result, or not made yet */
    binding_columns *columns;
    PyObject *params; /* tuple of names, in the statement's order */
    bool writes;
    bool controls; /* BEGIN, COMMIT or ROLLBACK: the connection's work */
    bool quick;    /* the last run that was timed took less than BINDING_QUICK_NS */
    unsigned runs; /* while it was quick */
} binding_prepared;
#define BINDING_QUICK_NS 20000u

struct binding_result {
    PyObject_HEAD binding_database *database; /* owned */
    binding_connection *connection;           /* owned */
    binding_prepared *prepared; /* owned: where stmt goes back to; NULL: it is finalized */
    sombra_stmt *stmt;          /* NULL: it has ended */
    binding_columns *columns;
    binding_result *next; /* in connection->results */
    PyObject *rows;       /* list: read ahead of the program; NULL: none */
    Py_ssize_t rows_at;   /* the next of them */
    bool has_row;         /* the statement stands on a row that is not given out yet */
    bool untouched; /* none of its rows was given out or read ahead: a stream may take it whole */
    bool streaming; /* its rows go to an Arrow stream */
    bool lost;      /* the run failed, or was ended by others, before the last row was read */
    PyObject *
        failure; /* exception: how it failed while others had it read ahead; raised behind the last row that there is */
    bool writes, quick;
    sombra_stmt_changes changes;
};

typedef struct binding_row {
    PyObject_HEAD PyObject *values; /* tuple */
    binding_columns *columns;
} binding_row;

/* Node, Relationship and Path of the package derive from these. */
typedef struct binding_node {
    PyObject_HEAD PyObject *id, *labels, *properties; /* int, tuple, dict */
} binding_node;
typedef struct binding_relationship {
    PyObject_HEAD PyObject *id, *type, *source, *target, *properties;
} binding_relationship;
typedef struct binding_path {
    PyObject_HEAD PyObject *nodes, *relationships; /* tuples */
} binding_path;

/* ---- Errors ---------------------------------------------------------------------------------------------------------------- */

/* Each sets a Python exception and returns NULL. */
PyObject *binding_raise(const sombra_error *error);
PyObject *binding_raise_status(sombra_status status, const char *message);
/* Of the last call on a connection: what a signal or callback raised, else the library's error. */
PyObject *binding_raise_connection(binding_connection *connection);

/* ---- Using a connection ------------------------------------------------------------------------------------------------------ */

/* The calling thread's connection of a database: borrowed; NULL with an exception. */
binding_connection *binding_connection_of(binding_database *database);
/* Take and give back a connection: between them no other thread may use it. False with an exception. */
bool binding_enter(binding_connection *connection);
/* The same without an exception, also when it is closed. */
bool binding_take(binding_connection *connection);
void binding_leave(binding_connection *connection);
/* After a call of the library: false with an exception unless it went well. */
bool binding_check(binding_connection *connection, sombra_status status);
bool binding_progress(void *ctx, uint64_t done, uint64_t total);

/* Around one call of the library that may take long; the connection is entered. */
#define BINDING_RELEASED(connection, call)                                                         \
    do {                                                                                           \
        (connection)->released = PyEval_SaveThread();                                              \
        call;                                                                                      \
        PyEval_RestoreThread((connection)->released);                                              \
        (connection)->released = NULL;                                                             \
    } while (0)
/* The same, but the GIL stays unless the call turns out to be long; then *quick gets false. */
#define BINDING_KEPT(connection, call, quick)                                                      \
    do {                                                                                           \
        call;                                                                                      \
        if ((connection)->released != NULL) {                                                      \
            PyEval_RestoreThread((connection)->released);                                          \
            *(quick) = false;                                                                      \
        }                                                                                          \
        (connection)->released = NULL;                                                             \
    } while (0)

/* Read the rest of all results that run on the connection (entered) into memory: before anything that ends their transaction or must not share
 * it. False with an exception. */
bool binding_settle(binding_connection *connection);
/* End a result's run, if it is not over; the connection is entered. */
void binding_result_end(binding_result *result);
/* End the runs of all results without reading them, as when the connection is closed: reading on is an error. */
void binding_abandon(binding_connection *connection);
/* Finalize a statement of a connection: at once, or when the call has ended that runs on it in another thread. */
void binding_finalize(binding_connection *connection, sombra_stmt *stmt);
/* Let go of something when the call has ended that runs on the connection on this thread. */
void binding_postpone(binding_connection *connection, void (*release)(void *), void *object);
/* Close a connection: results that still run lose their rows. */
void binding_connection_close(binding_connection *connection);

/* ---- Values ------------------------------------------------------------------------------------------------------------------- */

/* From where nodes and relationships of values are read: a statement, a transaction, or nowhere (only their ids are known). */
typedef struct binding_source {
    binding_names *names;
    sombra_stmt *stmt;
    sombra_txn *txn;
} binding_source;
PyObject *binding_from_value(const binding_source *source, const sombra_value *value);
PyObject *binding_node_of(const binding_source *source, uint64_t id);
PyObject *binding_relationship_of(const binding_source *source, uint64_t id);
/* A path given by ids. */
PyObject *binding_path_of(const binding_source *source, const uint64_t *nodes, const uint64_t *rels,
                          size_t length);

/* What a converted value points at: kept until binding_scratch_clear. Starts zeroed. */
typedef struct binding_scratch {
    PyObject *held[8];
    unsigned held_count;
    PyObject *more;               /* list: when there are more than fit */
    struct binding_block *blocks; /* of lists and maps */
} binding_scratch;
bool binding_to_value(PyObject *object, sombra_value *value, binding_scratch *scratch);
void binding_scratch_clear(binding_scratch *scratch);
/* UTF-8 of a str, kept by scratch. */
bool binding_text_of(PyObject *object, const char **text, size_t *size, binding_scratch *scratch);
/* Id of a node or relationship given as such or as an int. */
bool binding_id_of(PyObject *object, uint64_t *id);

/* ---- Parts of the module -------------------------------------------------------------------------------------------------------- */

bool binding_add_database(PyObject *module);
bool binding_add_results(PyObject *module);
bool binding_add_entities(PyObject *module);
/* A type of this module from its spec, also put into the module under its name. */
PyObject *binding_add_type(PyObject *module, PyType_Spec *spec, PyObject *base);

PyObject *binding_refuse_new(PyTypeObject *type, PyObject *args, PyObject *named);

/* Methods of Connection that stand in files of their own. */
PyObject *binding_execute(binding_connection *connection, PyObject *args, PyObject *named);
PyObject *binding_execute_script(PyObject *self, PyObject *args);
PyObject *binding_warnings(PyObject *self, PyObject *text);
PyObject *binding_stream_query(PyObject *self, PyObject *args);
PyObject *binding_register(PyObject *self, PyObject *args);
PyObject *binding_create_from_stream(PyObject *self, PyObject *args);
PyObject *binding_result_stream(PyObject *self, PyObject *args);
extern PyMethodDef binding_graph_methods[];

/* States of aggregates that a failed run has left behind. */
void binding_aggregates_clear(binding_connection *connection);
/* The connection whose call is under way on this thread; callbacks find it here. */
extern _Thread_local binding_connection *binding_current;

#endif
