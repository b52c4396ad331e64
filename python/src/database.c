/* database.c — Database and Connection: opening, which connection a thread has, transactions, and taking turns. */
#include "binding.h"

#include <stdlib.h>
#include <string.h>

#define DATABASE(self)   ((binding_database *)(self))
#define CONNECTION(self) ((binding_connection *)(self))

_Thread_local binding_connection *binding_current;

/* ---- Taking turns -------------------------------------------------------------------------------------------------------- */

bool binding_take(binding_connection *connection)
{
    if (atomic_exchange_explicit(&connection->busy, true, memory_order_acquire)) return false;
    connection->thread = PyThread_get_thread_ident();
    connection->outer = binding_current;
    atomic_store_explicit(&connection->cancel, false, memory_order_relaxed);
    binding_current = connection;
    return true;
}

bool binding_enter(binding_connection *connection)
{
    if (connection->conn == NULL) {
        binding_raise_status(SOMBRA_MISUSE, "the database is closed");
        return false;
    }
    if (!binding_take(connection)) {
        binding_raise_status(SOMBRA_MISUSE,
                             "this connection is in use: by another thread, to which its result "
                             "was handed, or by the "
                             "call that a registered function is part of");
        return false;
    }
    if (connection->time_limit_ms != connection->database->time_limit_ms) {
        connection->time_limit_ms = connection->database->time_limit_ms;
        sombra_set_time_limit(connection->conn, connection->time_limit_ms);
    }
    return true;
}

struct binding_orphan {
    struct binding_orphan *next;
    void (*release)(void *object); /* NULL: of a statement */
    void *object;
};

void binding_postpone(binding_connection *connection, void (*release)(void *), void *object)
{
    struct binding_orphan *orphan = malloc(sizeof *orphan);

    if (orphan == NULL) return; /* benign: it stays until the process ends */
    *orphan =
        (struct binding_orphan){.next = connection->orphans, .release = release, .object = object};
    connection->orphans = orphan;
}

void binding_finalize(binding_connection *connection, sombra_stmt *stmt)
{
    if (stmt == NULL || connection->conn == NULL) return; /* went with the connection */
    /* In the midst of a call, of this thread's too: that may be in a function of the program's, where the library finalizes nothing. */
    if (atomic_exchange_explicit(&connection->busy, true, memory_order_acquire)) {
        binding_postpone(connection, NULL, stmt);
        return;
    }
    sombra_stmt_finalize(stmt);
    atomic_store_explicit(&connection->busy, false, memory_order_release);
}

static void release_orphans(binding_connection *connection)
{
    while (connection->orphans != NULL) {
        struct binding_orphan *orphan = connection->orphans;

        connection->orphans = orphan->next;
        if (orphan->release != NULL)
            orphan->release(orphan->object);
        else if (connection->conn != NULL)
            sombra_stmt_finalize(orphan->object);
        free(orphan);
    }
}

/* Before the transaction changes its state: what is still being read is read to its end, and what nobody has any more ends. */
static bool settle(binding_connection *connection)
{
    const bool settled = binding_settle(connection);

    release_orphans(connection);
    return settled;
}

void binding_leave(binding_connection *connection)
{
    binding_current = connection->outer;
    release_orphans(connection);
    for (int i = 0; i < 3; i++)
        Py_CLEAR(connection->raised[i]);
    atomic_store_explicit(&connection->busy, false, memory_order_release);
}

/* Every tenth of a second of a long call. Signals' handlers run here, in the main thread. */
bool binding_progress(void *ctx, uint64_t done, uint64_t total)
{
    binding_connection *connection = ctx;
    bool go_on;

    (void)done;
    (void)total;
    /* A helper of the library's has no thread state here, and signals are none of its business. */
    if (connection->thread != PyThread_get_thread_ident()) return true;
    const bool has_gil = connection->within_function || connection->released == NULL;
    if (!has_gil) PyEval_RestoreThread(connection->released);
    go_on = connection->raised[0] == NULL && PyErr_CheckSignals() == 0;
    if (!go_on && PyErr_Occurred()) {
        PyErr_Fetch(&connection->raised[0], &connection->raised[1], &connection->raised[2]);
        connection->signaled = true;
    }
    /* The call is a long one, so others may run, whether it began with the GIL or without; but not behind a function's back. */
    if (!connection->within_function) connection->released = PyEval_SaveThread();
    return go_on;
}

/* ---- Connection ------------------------------------------------------------------------------------------------------------- */

static void unlist(binding_connection *connection)
{
    binding_connection **at = &connection->database->connections;

    while (*at != NULL && *at != connection)
        at = &(*at)->next;
    if (*at != NULL) *at = connection->next;
    if (connection->database->cached == connection) connection->database->cached = NULL;
}

void binding_connection_close(binding_connection *connection)
{
    if (connection->conn == NULL) return;
    binding_abandon(connection);
    release_orphans(connection);
    sombra_disconnect(connection->conn);
    connection->conn = NULL;
    connection->txn = NULL;
    binding_aggregates_clear(connection);
    unlist(connection);
    connection->database = NULL;
}

static void connection_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    binding_connection_close(CONNECTION(self));
    Py_CLEAR(CONNECTION(self)->failure);
    binding_names_clear(&CONNECTION(self)->names);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static binding_connection *connect(binding_database *database)
{
    binding_connection *connection;
    sombra_error error;

    if (database->db == NULL) {
        binding_raise_status(SOMBRA_MISUSE, "the database is closed");
        return NULL;
    }
    connection = CONNECTION(PyType_GenericAlloc((PyTypeObject *)binding.connection, 0));
    if (connection == NULL) return NULL;
    if (sombra_connect(database->db, &connection->conn, &error) != SOMBRA_OK) {
        Py_DECREF(connection);
        binding_raise(&error);
        return NULL;
    }
    connection->database = database;
    sombra_set_progress(connection->conn, binding_progress, connection);
    connection->next = database->connections;
    database->connections = connection;
    return connection;
}

/* Of the calling thread; no other ever gets it. The identifier of one that has ended goes to the next, while its connection may live on with a result. */
static uint64_t thread_number(void)
{
    static _Atomic uint64_t last;
    static _Thread_local uint64_t number;

    if (number == 0) number = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
    return number;
}

binding_connection *binding_connection_of(binding_database *database)
{
    const uint64_t thread = thread_number();
    PyObject *connection;

    if (database->cached != NULL && database->cached_thread == thread) return database->cached;
    if (database->local == NULL) { /* it was never opened */
        binding_raise_status(SOMBRA_MISUSE, "the database is closed");
        return NULL;
    }
    connection = PyObject_GetAttrString(database->local, "connection");
    if (connection == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return NULL;
        PyErr_Clear();
        connection = (PyObject *)connect(database);
        if (connection == NULL) return NULL;
        if (PyObject_SetAttrString(database->local, "connection", connection) < 0) {
            Py_DECREF(connection);
            return NULL;
        }
    }
    database->cached = CONNECTION(connection);
    database->cached_thread = thread;
    Py_DECREF(connection); /* database->local keeps it */
    return database->cached;
}

/* ---- Transactions ------------------------------------------------------------------------------------------------------------ */

static PyObject *finish(binding_connection *connection, sombra_status status)
{
    const bool went_well = binding_check(connection, status);

    binding_leave(connection);
    if (!went_well) return NULL;
    Py_RETURN_NONE;
}

/* begin(write=True) */
static PyObject *connection_begin(PyObject *self, PyObject *args)
{
    binding_connection *connection = CONNECTION(self);
    sombra_status status;
    int write = 1;

    if (!PyArg_ParseTuple(args, "|p:begin", &write)) return NULL;
    if (!binding_enter(connection)) return NULL;
    if (connection->txn == NULL && !settle(connection)) {
        binding_leave(connection);
        return NULL;
    }
    sombra_txn *txn = NULL; /* a second one is refused, and leaves the first */
    BINDING_RELEASED(connection, status = sombra_begin(connection->conn,
                                                       write ? SOMBRA_WRITE : SOMBRA_READ, &txn));
    if (txn != NULL) connection->txn = txn;
    return finish(connection, status);
}

static bool need_transaction(binding_connection *connection)
{
    if (connection->txn != NULL) return true;
    binding_raise_status(SOMBRA_MISUSE, "no transaction is open on this thread's connection");
    return false;
}

static PyObject *connection_commit(PyObject *self, PyObject *unused)
{
    binding_connection *connection = CONNECTION(self);
    sombra_status status;

    (void)unused;
    if (!binding_enter(connection)) return NULL;
    if (!need_transaction(connection) || !settle(connection)) {
        binding_leave(connection);
        return NULL;
    }
    sombra_txn *txn = connection->txn;
    connection->txn = NULL; /* gone in every case */
    BINDING_RELEASED(connection, status = sombra_commit(txn));
    return finish(connection, status);
}

static PyObject *connection_rollback(PyObject *self, PyObject *unused)
{
    binding_connection *connection = CONNECTION(self);

    (void)unused;
    if (!binding_enter(connection)) return NULL;
    if (!need_transaction(connection)) {
        binding_leave(connection);
        return NULL;
    }
    /* What can't be read any more is no reason not to roll back. */
    if (!settle(connection)) PyErr_Clear();
    binding_abandon(connection);
    sombra_txn *txn = connection->txn;
    connection->txn = NULL;
    BINDING_RELEASED(connection, sombra_rollback(txn));
    return finish(connection, SOMBRA_OK);
}

static PyObject *connection_savepoint(PyObject *self, PyObject *unused)
{
    binding_connection *connection = CONNECTION(self);
    uint32_t savepoint = 0;
    bool went_well;

    (void)unused;
    if (!binding_enter(connection)) return NULL;
    went_well = need_transaction(connection) && settle(connection) &&
                binding_check(connection, sombra_savepoint(connection->txn, &savepoint));
    binding_leave(connection);
    return went_well ? PyLong_FromUnsignedLong(savepoint) : NULL;
}

static PyObject *to_savepoint(PyObject *self, PyObject *args, bool undo)
{
    binding_connection *connection = CONNECTION(self);
    sombra_status status;
    unsigned savepoint;

    if (!PyArg_ParseTuple(args, "I", &savepoint)) return NULL;
    if (!binding_enter(connection)) return NULL;
    if (!need_transaction(connection) || !settle(connection)) {
        binding_leave(connection);
        return NULL;
    }
    BINDING_RELEASED(connection, status = undo ? sombra_rollback_to(connection->txn, savepoint)
                                               : sombra_release(connection->txn, savepoint));
    return finish(connection, status);
}

static PyObject *connection_rollback_to(PyObject *self, PyObject *args)
{
    return to_savepoint(self, args, true);
}

static PyObject *connection_release(PyObject *self, PyObject *args)
{
    return to_savepoint(self, args, false);
}

/* take_raised() → the exception that ended the last Arrow stream, or None. */
static PyObject *connection_take_raised(PyObject *self, PyObject *unused)
{
    PyObject *failure = CONNECTION(self)->failure;

    (void)unused;
    CONNECTION(self)->failure = NULL;
    if (failure != NULL) return failure;
    Py_RETURN_NONE;
}

static void cancel(binding_connection *connection)
{
    if (atomic_load_explicit(&connection->busy, memory_order_relaxed))
        atomic_store_explicit(&connection->cancel, true, memory_order_relaxed);
    sombra_interrupt(connection->conn);
}

static PyObject *connection_interrupt(PyObject *self, PyObject *unused)
{
    (void)unused;
    cancel(CONNECTION(self));
    Py_RETURN_NONE;
}

static PyObject *connection_in_transaction(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(CONNECTION(self)->txn != NULL);
}

static PyObject *connection_execute(PyObject *self, PyObject *args, PyObject *named)
{
    return binding_execute(CONNECTION(self), args, named);
}

static PyMethodDef transaction_methods[] = {
    {"begin", connection_begin, METH_VARARGS, NULL},
    {"commit", connection_commit, METH_NOARGS, NULL},
    {"rollback", connection_rollback, METH_NOARGS, NULL},
    {"savepoint", connection_savepoint, METH_NOARGS, NULL},
    {"rollback_to", connection_rollback_to, METH_VARARGS, NULL},
    {"release", connection_release, METH_VARARGS, NULL},
    {"execute", (PyCFunction)(void (*)(void))connection_execute, METH_VARARGS | METH_KEYWORDS,
     NULL},
    {"interrupt", connection_interrupt, METH_NOARGS, NULL},
    {"take_raised", connection_take_raised, METH_NOARGS, NULL},
    {"warnings", binding_warnings, METH_O, NULL},
    {"stream", binding_stream_query, METH_VARARGS, NULL},
    {"execute_script", binding_execute_script, METH_VARARGS, NULL},
    {"create_from_stream", binding_create_from_stream, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};
/* Those above, then those of graph.c. */
static PyMethodDef connection_methods[64];
static void join_methods(void)
{
    size_t count = 0;

    for (const PyMethodDef *m = transaction_methods; m->ml_name != NULL; m++)
        connection_methods[count++] = *m;
    for (const PyMethodDef *m = binding_graph_methods; m->ml_name != NULL; m++)
        connection_methods[count++] = *m;
}
static PyGetSetDef connection_attributes[] = {
    {"in_transaction", connection_in_transaction, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};
static PyType_Slot connection_slots[] = {{Py_tp_new, (void *)binding_refuse_new},
                                         {Py_tp_dealloc, (void *)connection_dealloc},
                                         {Py_tp_methods, (void *)connection_methods},
                                         {Py_tp_getset, (void *)connection_attributes},
                                         {0, NULL}};
static PyType_Spec connection_spec = {"sombra._sombra.Connection", sizeof(binding_connection), 0,
                                      Py_TPFLAGS_DEFAULT, connection_slots};

/* ---- Database ------------------------------------------------------------------------------------------------------------------- */

static int database_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(DATABASE(self)->local);
    Py_VISIT(DATABASE(self)->kept);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

/* Close, whatever runs: nobody has the database any more. */
static void close_all(binding_database *database)
{
    sombra_db *db = database->db;

    while (database->connections != NULL)
        binding_connection_close(database->connections);
    database->db = NULL;
    if (db == NULL) return;
    Py_BEGIN_ALLOW_THREADS(void) sombra_close(db, NULL);
    Py_END_ALLOW_THREADS
}

static int database_clear(PyObject *self)
{
    close_all(DATABASE(self)); /* first: the callables of its functions are in `kept` */
    Py_CLEAR(DATABASE(self)->local);
    Py_CLEAR(DATABASE(self)->kept);
    return 0;
}

static void database_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    database_clear(self);
    Py_CLEAR(DATABASE(self)->path);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

/* The log's messages come from any thread. */
static void log_message(void *ctx, sombra_log_level level, const char *message)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *type, *value, *trace, *answer;

    PyErr_Fetch(&type, &value, &trace);
    answer = PyObject_CallFunction(ctx, "is", (int)level, message);
    if (answer == NULL) PyErr_WriteUnraisable(ctx);
    Py_XDECREF(answer);
    PyErr_Restore(type, value, trace);
    PyGILState_Release(state);
}

/* _open(path, {name: text}, log) */
static PyObject *database_open(PyObject *self, PyObject *args)
{
    binding_database *database = DATABASE(self);
    PyObject *path, *given, *log, *name, *text;
    Py_ssize_t at = 0;
    binding_scratch scratch = {0};
    const char *path_text = NULL;
    size_t size;
    sombra_options options;
    sombra_error error = {.status = SOMBRA_OK};
    sombra_status status;
    sombra_db *db = NULL;

    if (!PyArg_ParseTuple(args, "UO!O:open", &path, &PyDict_Type, &given, &log)) return NULL;
    if (database->db != NULL)
        return binding_raise_status(SOMBRA_MISUSE, "the database is open already");
    sombra_options_init(&options);
    while (PyDict_Next(given, &at, &name, &text)) {
        const char *name_text, *value_text;

        if (!binding_text_of(name, &name_text, &size, &scratch) ||
            !binding_text_of(text, &value_text, &size, &scratch))
            goto failed;
        if (sombra_options_set(&options, name_text, value_text, &error) != SOMBRA_OK) {
            binding_raise(&error);
            goto failed;
        }
    }
    database->local = PyObject_CallFunctionObjArgs(binding.local_class, NULL);
    database->kept = PyList_New(0);
    if (database->local == NULL || database->kept == NULL) goto failed;
    if (log != Py_None) {
        if (PyList_Append(database->kept, log) < 0) goto failed;
        options.log = log_message;
        options.log_ctx = log;
        database->has_functions = true;
    }
    {
        /* As the file system has it, which need not be UTF-8. */
        PyObject *bytes = PyUnicode_EncodeFSDefault(path);
        if (bytes == NULL) goto failed;
        path_text = PyBytes_AsString(bytes);
        if (path_text != NULL && strlen(path_text) != (size_t)PyBytes_Size(bytes)) {
            PyErr_SetString(PyExc_ValueError, "a path has no null characters");
            path_text = NULL;
        }
        if (path_text == NULL) {
            Py_DECREF(bytes);
            goto failed;
        }
        Py_BEGIN_ALLOW_THREADS status = sombra_open(path_text, &options, &db, &error);
        Py_END_ALLOW_THREADS Py_DECREF(bytes);
    }
    if (status != SOMBRA_OK) {
        binding_raise(&error);
        goto failed;
    }
    Py_INCREF(path);
    database->path = path;
    database->read_only = options.read_only || options.immutable;
    database->db = db;
    binding_scratch_clear(&scratch);
    Py_RETURN_NONE;

failed:
    binding_scratch_clear(&scratch);
    return NULL;
}

static PyObject *database_close(PyObject *self, PyObject *unused)
{
    binding_database *database = DATABASE(self);
    binding_connection *connection;
    sombra_db *db = database->db;
    sombra_error error;
    sombra_status status;

    (void)unused;
    if (db == NULL) Py_RETURN_NONE;
    for (connection = database->connections; connection != NULL; connection = connection->next)
        if (atomic_load_explicit(&connection->busy, memory_order_acquire))
            return binding_raise_status(
                SOMBRA_MISUSE, "a call runs on this database: in another thread, or as that which "
                               "called this function");
    while (database->connections != NULL)
        binding_connection_close(database->connections);
    database->db = NULL;
    Py_CLEAR(database->local);
    Py_BEGIN_ALLOW_THREADS status = sombra_close(db, &error);
    Py_END_ALLOW_THREADS if (status != SOMBRA_OK) return binding_raise(&error);
    Py_RETURN_NONE;
}

static PyObject *database_connection(PyObject *self, PyObject *unused)
{
    PyObject *connection = (PyObject *)binding_connection_of(DATABASE(self));
    (void)unused;
    Py_XINCREF(connection);
    return connection;
}

static PyObject *database_execute(PyObject *self, PyObject *args, PyObject *named)
{
    binding_connection *connection = binding_connection_of(DATABASE(self));
    return connection == NULL ? NULL : binding_execute(connection, args, named);
}

/* Stop the calls that run, in whichever thread. */
static PyObject *database_interrupt(PyObject *self, PyObject *unused)
{
    (void)unused;
    for (binding_connection *c = DATABASE(self)->connections; c != NULL; c = c->next)
        cancel(c);
    Py_RETURN_NONE;
}

static PyObject *database_get_closed(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(DATABASE(self)->db == NULL);
}

static PyObject *database_get_path(PyObject *self, void *unused)
{
    PyObject *path = DATABASE(self)->path == NULL ? Py_None : DATABASE(self)->path;
    (void)unused;
    Py_INCREF(path);
    return path;
}

static PyObject *database_get_time_limit(PyObject *self, void *unused)
{
    const uint64_t ms = DATABASE(self)->time_limit_ms;
    (void)unused;
    if (ms == 0) Py_RETURN_NONE;
    return PyFloat_FromDouble((double)ms / 1000);
}

static int database_set_time_limit(PyObject *self, PyObject *value, void *unused)
{
    double seconds = 0;

    (void)unused;
    if (value != NULL && value != Py_None) {
        seconds = PyFloat_AsDouble(value);
        if (seconds == -1 && PyErr_Occurred()) return -1;
        if (!(seconds > 0 && seconds < 1e12)) {
            PyErr_SetString(PyExc_ValueError,
                            "a time limit is a positive number of seconds, or None");
            return -1;
        }
    }
    DATABASE(self)->time_limit_ms = (uint64_t)(seconds * 1000 + 0.999);
    return 0;
}

static PyMethodDef database_methods[] = {
    {"_open", database_open, METH_VARARGS, NULL},
    {"close", database_close, METH_NOARGS,
     "Close the database. Open transactions are rolled back, results that are still read end."},
    {"_connection", database_connection, METH_NOARGS, NULL},
    {"execute", (PyCFunction)(void (*)(void))database_execute, METH_VARARGS | METH_KEYWORDS,
     "execute(query, parameters=None, /, **parameters) -> Result\n\nRun a statement."},
    {"interrupt", database_interrupt, METH_NOARGS,
     "Cancel the calls that run now, in any thread: they raise InterruptError."},
    {"_register", binding_register, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};
static PyGetSetDef database_attributes[] = {
    {"closed", database_get_closed, NULL, "Is the database closed?", NULL},
    {"path", database_get_path, NULL, "The path it was opened with.", NULL},
    {"time_limit", database_get_time_limit, database_set_time_limit,
     "Seconds that each call may take, from the next one on; None: no limit.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};
static PyType_Slot database_slots[] = {
    {Py_tp_dealloc, (void *)database_dealloc},   {Py_tp_traverse, (void *)database_traverse},
    {Py_tp_clear, (void *)database_clear},       {Py_tp_methods, (void *)database_methods},
    {Py_tp_getset, (void *)database_attributes}, {0, NULL}};
static PyType_Spec database_spec = {"sombra._sombra.DatabaseBase", sizeof(binding_database), 0,
                                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
                                    database_slots};

bool binding_add_database(PyObject *module)
{
    join_methods();
    binding.connection = binding_add_type(module, &connection_spec, NULL);
    binding.database = binding_add_type(module, &database_spec, NULL);
    return binding.connection != NULL && binding.database != NULL;
}
