/* result.c — statements and their results: prepared, bound, run, read.
 * A statement that reads begins to run when it is executed, and stands on its first row; rows are made as the program asks for them, one ahead, so that a
 * result whose last row was read has ended its transaction. A statement that writes has run to its end, its rows kept, when execute returns. Before anything
 * on the same connection ends the transaction in which results are read, or writes in it, they are read into memory (binding_settle). */
#include "binding.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define RESULT(self)   ((binding_result *)(self))
#define PREPARED(self) ((binding_prepared *)(self))

static uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void free_object(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

/* ---- Preparing and binding -------------------------------------------------------------------------------------------------- */

static binding_columns *columns_of(binding_connection *connection, sombra_stmt *stmt)
{
    const size_t count = sombra_stmt_column_count(stmt);
    PyObject *names = PyTuple_New((Py_ssize_t)count);
    PyObject *columns;

    for (size_t i = 0; names != NULL && i < count; i++) {
        size_t size;
        const char *text = sombra_stmt_column_name(stmt, i, &size);
        PyObject *name = binding_name(&connection->names, text, size);

        if (name == NULL)
            Py_CLEAR(names);
        else
            PyTuple_SetItem(names, (Py_ssize_t)i, name);
    }
    if (names == NULL) return NULL;
    columns = PyObject_CallFunctionObjArgs(binding.columns, names, NULL);
    Py_DECREF(names);
    return (binding_columns *)columns;
}

static PyObject *params_of(binding_connection *connection, sombra_stmt *stmt)
{
    const size_t count = sombra_stmt_param_count(stmt);
    PyObject *params = PyTuple_New((Py_ssize_t)count);

    for (size_t i = 0; params != NULL && i < count; i++) {
        size_t size;
        const char *text = sombra_stmt_param(stmt, i, &size);
        PyObject *name = binding_name(&connection->names, text, size);

        if (name == NULL)
            Py_CLEAR(params);
        else
            PyTuple_SetItem(params, (Py_ssize_t)i, name);
    }
    return params;
}

/* Compiling takes tens of microseconds: not worth giving the GIL away, unless the text is long. */
#define LONG_TEXT 4096u
static bool compile(binding_connection *connection, const char *query, size_t size,
                    sombra_stmt **stmt, size_t *tail)
{
    sombra_status status;

    if (size <= LONG_TEXT)
        status = sombra_prepare(connection->conn, query, size, stmt, tail);
    else
        BINDING_RELEASED(connection,
                         status = sombra_prepare(connection->conn, query, size, stmt, tail));
    return binding_check(connection, status);
}

static sombra_stmt *prepare(binding_connection *connection, PyObject *text)
{
    binding_scratch scratch = {0};
    const char *query;
    size_t size;
    sombra_stmt *stmt = NULL;

    if (binding_text_of(text, &query, &size, &scratch) &&
        compile(connection, query, size, &stmt, NULL) && stmt == NULL)
        binding_raise_status(SOMBRA_SYNTAX, "the text holds no statement");
    binding_scratch_clear(&scratch);
    return stmt;
}

/* Borrowed; NULL without an exception: not given. */
static PyObject *find_param(PyObject *given, PyObject *named, PyObject *name)
{
    PyObject *value = NULL;

    if (named != NULL) value = PyDict_GetItemWithError(named, name);
    if (value == NULL && given != NULL && !PyErr_Occurred())
        value = PyDict_GetItemWithError(given, name);
    return value;
}

/* One that is given but not in the statement: a mistake that would go unnoticed. */
static bool refuse_unknown(PyObject *params, PyObject *given)
{
    PyObject *name, *value;
    Py_ssize_t at = 0;

    while (given != NULL && PyDict_Next(given, &at, &name, &value)) {
        const int known = PySequence_Contains(params, name);
        PyObject *message;

        if (known > 0) continue;
        if (known < 0) return false;
        message = PyUnicode_FromFormat("the statement has no parameter $%S", name);
        PyObject *bytes = message == NULL ? NULL : PyUnicode_AsUTF8String(message);
        if (bytes != NULL) binding_raise_status(SOMBRA_NOT_FOUND, PyBytes_AsString(bytes));
        Py_XDECREF(message);
        Py_XDECREF(bytes);
        return false;
    }
    return true;
}

static bool bind(binding_connection *connection, sombra_stmt *stmt, PyObject *params,
                 PyObject *given, PyObject *named)
{
    const Py_ssize_t count = PyTuple_Size(params);
    Py_ssize_t bound = 0;
    const Py_ssize_t offered =
        (given == NULL ? 0 : PyDict_Size(given)) + (named == NULL ? 0 : PyDict_Size(named));

    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *value = find_param(given, named, PyTuple_GetItem(params, i));
        binding_scratch scratch = {0};
        sombra_value converted;
        bool done;

        if (value == NULL && PyErr_Occurred()) return false;
        if (value == NULL) continue; /* the first step says which is missing */
        bound++;
        Py_INCREF(value); /* converting may run code that takes it out of its dict */
        done = binding_to_value(value, &converted, &scratch) &&
               binding_check(connection, sombra_stmt_bind_at(stmt, (size_t)i, &converted));
        binding_scratch_clear(&scratch);
        Py_DECREF(value);
        if (!done) return false;
    }
    return bound == offered || (refuse_unknown(params, given) && refuse_unknown(params, named));
}

/* ---- Running ------------------------------------------------------------------------------------------------------------------- */

static void unlist(binding_result *result)
{
    binding_result **at = &result->connection->results;

    while (*at != NULL && *at != result)
        at = &(*at)->next;
    if (*at != NULL) *at = result->next;
    result->next = NULL;
}

/* The statement has ended, well or not; it goes back to where it came from. */
void binding_result_end(binding_result *result)
{
    sombra_stmt *stmt = result->stmt;
    binding_prepared *prepared = result->prepared;

    if (stmt == NULL) return;
    unlist(result);
    result->stmt = NULL;
    result->has_row = false;
    if (result->writes) (void)sombra_stmt_get_changes(stmt, &result->changes);
    if (prepared != NULL && prepared->stmt == NULL && prepared->connection == result->connection) {
        (void)sombra_stmt_reset(stmt);
        prepared->stmt = stmt;
        prepared->quick = result->quick;
    } else {
        sombra_stmt_finalize(stmt);
    }
    if (result->connection->aggregates != NULL && result->connection->results == NULL)
        binding_aggregates_clear(result->connection);
}

/* The run has failed, with an exception, and what it had left is not to be taken for its end. */
static bool lose_rest(binding_result *result)
{
    PyObject *type, *value, *trace;

    PyErr_Fetch(&type, &value, &trace);
    binding_result_end(result);
    result->lost = true;
    PyErr_Restore(type, value, trace);
    return false;
}

/* To the next row: has_row tells whether there is one. False with an exception, and the run has ended. */
static bool step(binding_result *result)
{
    binding_connection *connection = result->connection;
    sombra_stmt *stmt = result->stmt;
    sombra_status status;

    if (sombra_stmt_buffered(stmt) != 0)
        status = sombra_stmt_step(stmt);
    else if (result->quick)
        BINDING_KEPT(connection, status = sombra_stmt_step(stmt), &result->quick);
    else
        BINDING_RELEASED(connection, status = sombra_stmt_step(stmt));
    if ((status < SOMBRA_OK || connection->raised[0] != NULL) && !binding_check(connection, status))
        return lose_rest(result);
    result->has_row = status == SOMBRA_ROW;
    if (!result->has_row) binding_result_end(result);
    return true;
}

/* The row on which the statement stands. */
static PyObject *make_row(binding_result *result)
{
    const Py_ssize_t count = PyTuple_Size(result->columns->names);
    const binding_source source = {.names = &result->connection->names, .stmt = result->stmt};
    PyObject *values = PyTuple_New(count);
    binding_row *row;
    bool holds = false; /* what could hold the row in its turn */

    for (Py_ssize_t i = 0; values != NULL && i < count; i++) {
        sombra_value value;
        PyObject *object = NULL;

        if (binding_check(result->connection,
                          sombra_stmt_column(result->stmt, (size_t)i, &value))) {
            object = binding_from_value(&source, &value);
            holds = holds || value.type >= SOMBRA_TYPE_LIST;
        }
        if (object == NULL)
            Py_CLEAR(values);
        else
            PyTuple_SetItem(values, i, object);
    }
    if (values == NULL) return NULL;
    row = PyObject_GC_New(binding_row, (PyTypeObject *)binding.row);
    if (row == NULL) {
        Py_DECREF(values);
        return NULL;
    }
    row->values = values;
    Py_INCREF(result->columns);
    row->columns = result->columns;
    /* A million rows of numbers and texts are not the collector's business. */
    if (holds) PyObject_GC_Track((PyObject *)row);
    return (PyObject *)row;
}

/* Making rows takes longer than getting them, and between two steps the library knows of no call: here are signals, cancel and time limit. */
static bool may_go_on(binding_result *result, uint64_t began)
{
    binding_connection *connection = result->connection;
    const uint64_t limit = connection->time_limit_ms;

    if (PyErr_CheckSignals() != 0) return false;
    if (atomic_load_explicit(&connection->cancel, memory_order_relaxed))
        binding_raise_status(SOMBRA_INTERRUPT, "the reading of rows was cancelled");
    else if (limit != 0 && clock_ns() - began > limit * 1000000)
        binding_raise_status(SOMBRA_TIMEOUT, "the reading of rows took longer than the time limit");
    else
        return true;
    return lose_rest(result);
}

/* All rows that are left, into result->rows. The connection is entered. */
static bool read_ahead(binding_result *result)
{
    if (result->stmt == NULL) return true;
    if (result->streaming) {
        binding_raise_status(
            SOMBRA_MISUSE,
            "an Arrow stream of this connection is not read to its end: do that, or release it");
        return false;
    }
    if (result->rows == NULL) result->rows = PyList_New(0);
    result->untouched = false;
    if (result->rows == NULL) return false;
    const uint64_t began = clock_ns();
    for (size_t count = 1; result->has_row; count++) {
        PyObject *row = make_row(result);
        const bool kept = row != NULL && PyList_Append(result->rows, row) == 0;

        Py_XDECREF(row);
        if (!kept || !step(result)) return false;
        if (count % 1024 == 0 && result->has_row && !may_go_on(result, began)) return false;
    }
    return true;
}

/* A result whose run failed while it was read ahead: that is for its reader, not for the call that had it read. Cancel and time limit are that
 * call's, too: false, with the exception. */
static bool defer_failure(binding_result *result)
{
    PyObject *type, *value, *trace, *code;
    long status = SOMBRA_INTERRUPT;

    if (result->stmt != NULL) return false; /* it goes on */
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    code = PyObject_GetAttrString(value, "code");
    if (code != NULL) status = PyLong_AsLong(code);
    PyErr_Clear(); /* not an error of the library's */
    Py_XDECREF(code);
    if (status == SOMBRA_INTERRUPT || status == SOMBRA_TIMEOUT) {
        PyErr_Restore(type, value, trace);
        return false;
    }
    result->failure = value;
    Py_XDECREF(type);
    Py_XDECREF(trace);
    return true;
}

bool binding_settle(binding_connection *connection)
{
    while (connection->results != NULL) {
        binding_result *result = connection->results;
        bool done;

        Py_INCREF(result);
        done = read_ahead(result) || defer_failure(result);
        Py_DECREF(result);
        if (!done) return false;
    }
    return true;
}

void binding_abandon(binding_connection *connection)
{
    while (connection->results != NULL) {
        connection->results->lost = connection->results->has_row;
        binding_result_end(connection->results);
    }
}

/* False with an exception: rows are missing. */
static bool check_whole(binding_result *result)
{
    if (!result->lost) return true;
    if (result->failure != NULL) { /* not kept: it gets to hold the frames that it goes through */
        PyErr_SetObject((PyObject *)Py_TYPE(result->failure), result->failure);
        Py_CLEAR(result->failure);
        return false;
    }
    binding_raise_status(SOMBRA_MISUSE, "the database was closed, the transaction ended, or the "
                                        "run failed before the result's last row was read");
    return false;
}

/* Behind white space and comments. */
static const char *first_word(const char *text)
{
    for (;;) {
        const char *end;

        while (*text == ' ' || (*text >= '\t' && *text <= '\r'))
            text++;
        if (text[0] != '/' || (text[1] != '/' && text[1] != '*')) return text;
        end = text[1] == '/' ? strchr(text, '\n') : strstr(text + 2, "*/");
        if (end == NULL) return text;
        text = end + (text[1] == '/' ? 1 : 2);
    }
}

/* BEGIN, COMMIT and ROLLBACK as statements: the connection has to know of its transaction. Name of the method; NULL for others. */
static const char *control_of(const char *text)
{
    static const char *const words[] = {"begin", "commit", "rollback"};

    text = first_word(text);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncasecmp(text, words[i], strlen(words[i])) == 0) return words[i];
    return NULL;
}

static binding_result *new_result(binding_connection *connection, binding_columns *columns)
{
    binding_result *result = RESULT(PyType_GenericAlloc((PyTypeObject *)binding.result_class, 0));

    if (result == NULL) return NULL;
    Py_INCREF(connection);
    result->connection = connection;
    Py_INCREF(connection->database);
    result->database = connection->database;
    Py_INCREF(columns);
    result->columns = columns;
    return result;
}

/* Begin the run of a statement that is bound. The connection is entered. Takes stmt, also when it fails. */
static PyObject *run(binding_connection *connection, sombra_stmt *stmt, binding_columns *columns,
                     binding_prepared *prepared)
{
    binding_result *result = new_result(connection, columns);
    const bool timed = prepared != NULL && (!prepared->quick || prepared->runs++ % 16 == 0);
    uint64_t began = 0;

    if (result == NULL) {
        sombra_stmt_finalize(stmt);
        return NULL;
    }
    result->writes = sombra_stmt_writes(stmt);
    result->untouched = true;
    Py_XINCREF(prepared);
    result->prepared = prepared;
    if (result->writes && !binding_settle(connection)) {
        sombra_stmt_finalize(stmt);
        Py_DECREF(result);
        return NULL;
    }
    result->stmt = stmt;
    result->next = connection->results;
    connection->results = result;
    if (result->writes) {
        if (!step(result) || !read_ahead(result)) Py_CLEAR(result);
        return (PyObject *)result;
    }
    result->quick = prepared != NULL && prepared->quick && !connection->database->has_functions;
    /* Reading the clock takes a twentieth of the shortest statements' time: one run in sixteen of those that are quick. */
    if (timed) began = clock_ns();
    if (!step(result)) {
        Py_DECREF(result);
        return NULL;
    }
    if (timed)
        result->quick =
            clock_ns() - began < BINDING_QUICK_NS && !connection->database->has_functions;
    if (prepared != NULL && result->stmt == NULL) prepared->quick = result->quick;
    return (PyObject *)result;
}

static bool take_arguments(PyObject *args, PyObject **text, PyObject **given)
{
    *given = NULL;
    if (PyTuple_Size(args) == 1 && text != NULL) {
        *text = PyTuple_GetItem(args, 0);
    } else if (text != NULL) {
        if (!PyArg_ParseTuple(args, "O|O:execute", text, given)) return false;
    } else if (PyTuple_Size(args) != 0 && !PyArg_ParseTuple(args, "|O:execute", given)) {
        return false;
    }
    if (*given == Py_None) *given = NULL;
    if (*given != NULL && !PyDict_Check(*given)) {
        PyErr_SetString(PyExc_TypeError, "parameters are a dict");
        return false;
    }
    if (text != NULL && !PyUnicode_Check(*text)) {
        PyErr_SetString(PyExc_TypeError, "the query is a str");
        return false;
    }
    return true;
}

/* A statement without columns that is none of control writes, or does nothing. */
static const char *is_control(sombra_stmt *stmt, PyObject *text)
{
    binding_scratch scratch = {0};
    const char *query, *method = NULL;
    size_t size;

    if (sombra_stmt_column_count(stmt) != 0 || sombra_stmt_writes(stmt)) return NULL;
    if (binding_text_of(text, &query, &size, &scratch)) method = control_of(query);
    PyErr_Clear(); /* it was text when it was prepared */
    binding_scratch_clear(&scratch);
    return method;
}

/* A statement with its parameters bound, and its columns, a new reference. NULL: an exception is set. */
static sombra_stmt *prepare_bound(binding_connection *connection, PyObject *text, PyObject *given,
                                  PyObject *named, binding_columns **columns)
{
    sombra_stmt *stmt = prepare(connection, text);
    PyObject *params = NULL;

    *columns = stmt == NULL ? NULL : columns_of(connection, stmt);
    if (*columns != NULL) params = params_of(connection, stmt);
    const bool bound = params != NULL && bind(connection, stmt, params, given, named);
    Py_XDECREF(params);
    if (bound) return stmt;
    Py_CLEAR(*columns);
    sombra_stmt_finalize(stmt);
    return NULL;
}

PyObject *binding_execute(binding_connection *connection, PyObject *args, PyObject *named)
{
    PyObject *text, *given, *answer = NULL;
    binding_columns *columns;
    sombra_stmt *stmt;
    const char *control = NULL;

    if (!take_arguments(args, &text, &given)) return NULL;
    if (!binding_enter(connection)) return NULL;
    stmt = prepare_bound(connection, text, given, named, &columns);
    if (stmt != NULL) {
        control = is_control(stmt, text);
        if (control == NULL) {
            answer = run(connection, stmt, columns, NULL);
            stmt = NULL;
        }
    }
    sombra_stmt_finalize(stmt);
    binding_leave(connection);
    if (control != NULL) {
        /* What is opened read-only has read transactions alone. */
        PyObject *done = strcmp(control, "begin") == 0
                             ? PyObject_CallMethod((PyObject *)connection, control, "i",
                                                   !connection->database->read_only)
                             : PyObject_CallMethod((PyObject *)connection, control, NULL);

        if (done != NULL) answer = (PyObject *)new_result(connection, columns);
        Py_XDECREF(done);
    }
    Py_XDECREF(columns);
    return answer;
}

/* warnings(query) → [(message, line, column), …]: names that nothing in the database has. */
PyObject *binding_warnings(PyObject *self, PyObject *text)
{
    binding_connection *connection = (binding_connection *)self;
    PyObject *answer = NULL;
    sombra_stmt *stmt;
    sombra_error warning;

    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "the query is a str");
        return NULL;
    }
    if (!binding_enter(connection)) return NULL;
    stmt = prepare(connection, text);
    if (stmt != NULL) answer = PyList_New(0);
    for (size_t i = 0; answer != NULL && sombra_stmt_warning(stmt, i, &warning) == SOMBRA_OK; i++) {
        PyObject *item = Py_BuildValue("(sII)", warning.message, (unsigned)warning.line,
                                       (unsigned)warning.column);
        if (item == NULL || PyList_Append(answer, item) < 0) Py_CLEAR(answer);
        Py_XDECREF(item);
    }
    sombra_stmt_finalize(stmt);
    binding_leave(connection);
    return answer;
}

/* stream(query, parameters, rows_per_batch) → capsule of its Arrow stream, also when there are no rows. */
PyObject *binding_stream_query(PyObject *self, PyObject *args)
{
    binding_connection *connection = (binding_connection *)self;
    PyObject *text, *given, *answer = NULL, *rest;
    Py_ssize_t rows;
    binding_columns *columns;
    binding_result *result = NULL;
    sombra_stmt *stmt;

    if (!PyArg_ParseTuple(args, "UO!n", &text, &PyDict_Type, &given, &rows) ||
        !binding_enter(connection))
        return NULL;
    stmt = prepare_bound(connection, text, given, NULL, &columns);
    if (stmt != NULL) result = new_result(connection, columns);
    if (result != NULL) {
        result->untouched = true;
        result->stmt = stmt;
        result->next = connection->results;
        connection->results = result;
    } else {
        sombra_stmt_finalize(stmt);
    }
    binding_leave(connection);
    Py_XDECREF(columns);
    if (result == NULL) return NULL;
    rest = Py_BuildValue("(n)", rows);
    if (rest != NULL) answer = binding_result_stream((PyObject *)result, rest);
    Py_XDECREF(rest);
    Py_DECREF(result);
    return answer;
}

/* execute_script(text) → number of statements: one after the other, their rows dropped. */
PyObject *binding_execute_script(PyObject *self, PyObject *args)
{
    binding_connection *connection = (binding_connection *)self;
    PyObject *text;
    binding_scratch scratch = {0};
    const char *script;
    size_t size, at = 0, tail;
    Py_ssize_t count = 0;
    sombra_stmt *stmt;

    if (!PyArg_ParseTuple(args, "U:execute_script", &text)) return NULL;
    if (!binding_text_of(text, &script, &size, &scratch)) {
        binding_scratch_clear(&scratch);
        return NULL;
    }
    while (at < size) {
        PyObject *piece, *pair, *result;

        if (!binding_enter(connection)) break;
        if (!compile(connection, script + at, size - at, &stmt, &tail)) {
            binding_leave(connection);
            break;
        }
        sombra_stmt_finalize(stmt);
        binding_leave(connection);
        if (stmt == NULL) break; /* white space and comments */
        piece = PyUnicode_DecodeUTF8(script + at, (Py_ssize_t)tail, NULL);
        pair = piece == NULL ? NULL : Py_BuildValue("(N)", piece);
        result = pair == NULL ? NULL : binding_execute(connection, pair, NULL);
        Py_XDECREF(pair);
        if (result == NULL) break;
        if (!binding_enter(connection)) {
            Py_DECREF(result);
            break;
        }
        while (RESULT(result)->has_row && step(RESULT(result)))
            ;
        binding_leave(connection);
        Py_DECREF(result);
        if (PyErr_Occurred()) break;
        at += tail;
        count++;
    }
    binding_scratch_clear(&scratch);
    return PyErr_Occurred() ? NULL : PyLong_FromSsize_t(count);
}

/* ---- Prepared ------------------------------------------------------------------------------------------------------------------ */

/* Let go of the statement on the connection it was made for. */
static void let_go(binding_prepared *prepared)
{
    if (prepared->stmt != NULL) binding_finalize(prepared->connection, prepared->stmt);
    prepared->stmt = NULL;
    Py_CLEAR(prepared->connection);
}

/* Make prepared->stmt for the connection, which is entered. */
static bool prepare_again(binding_prepared *prepared, binding_connection *connection)
{
    if (prepared->connection != connection) {
        let_go(prepared);
        Py_INCREF(connection);
        prepared->connection = connection;
    }
    if (prepared->stmt == NULL) prepared->stmt = prepare(connection, prepared->text);
    return prepared->stmt != NULL;
}

/* Prepared(database, text) */
static PyObject *prepared_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *database, *text;
    binding_prepared *prepared;
    binding_connection *connection;
    bool done = false;

    (void)named;
    if (!PyArg_ParseTuple(args, "O!U", binding.database, &database, &text)) return NULL;
    connection = binding_connection_of((binding_database *)database);
    if (connection == NULL) return NULL;
    prepared = PREPARED(PyType_GenericAlloc(type, 0));
    if (prepared == NULL) return NULL;
    Py_INCREF(database);
    prepared->database = (binding_database *)database;
    Py_INCREF(text);
    prepared->text = text;
    if (binding_enter(connection)) {
        done = prepare_again(prepared, connection);
        if (done) {
            prepared->columns = columns_of(connection, prepared->stmt);
            prepared->params = params_of(connection, prepared->stmt);
            prepared->writes = sombra_stmt_writes(prepared->stmt);
            prepared->controls = is_control(prepared->stmt, text) != NULL;
            done = prepared->columns != NULL && prepared->params != NULL;
        }
        binding_leave(connection);
    }
    if (!done) Py_CLEAR(prepared);
    return (PyObject *)prepared;
}

static int prepared_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(PREPARED(self)->database);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void prepared_dealloc(PyObject *self)
{
    binding_prepared *prepared = PREPARED(self);

    PyObject_GC_UnTrack(self);
    let_go(prepared);
    Py_CLEAR(prepared->columns);
    Py_CLEAR(prepared->params);
    Py_CLEAR(prepared->text);
    Py_CLEAR(prepared->database);
    free_object(self);
}

/* As db.execute does it, which knows of the connection's transaction. */
static PyObject *execute_control(binding_prepared *prepared, binding_connection *connection,
                                 PyObject *given, PyObject *named)
{
    PyObject *args = Py_BuildValue("(OO)", prepared->text, given == NULL ? Py_None : given);
    PyObject *answer = args == NULL ? NULL : binding_execute(connection, args, named);

    Py_XDECREF(args);
    return answer;
}

static PyObject *prepared_execute(PyObject *self, PyObject *args, PyObject *named)
{
    binding_prepared *prepared = PREPARED(self);
    binding_connection *connection = binding_connection_of(prepared->database);
    PyObject *given, *answer = NULL;
    sombra_stmt *stmt;

    if (connection == NULL || !take_arguments(args, NULL, &given)) return NULL;
    if (prepared->controls) return execute_control(prepared, connection, given, named);
    if (!binding_enter(connection)) return NULL;
    if ((prepared->connection == connection && prepared->stmt != NULL) ||
        prepare_again(prepared, connection)) {
        stmt = prepared->stmt;
        prepared->stmt = NULL; /* the result's, until it ends */
        if (bind(connection, stmt, prepared->params, given, named))
            answer = run(connection, stmt, prepared->columns, prepared);
        else
            sombra_stmt_finalize(stmt);
    }
    binding_leave(connection);
    return answer;
}

static PyObject *prepared_get(PyObject *self, void *field)
{
    PyObject *object = NULL;

    switch (*(const char *)field) {
    case 'c': object = PREPARED(self)->columns->names; break;
    case 'p': object = PREPARED(self)->params; break;
    default: object = PREPARED(self)->text; break;
    }
    Py_INCREF(object);
    return object;
}

static PyObject *prepared_get_writes(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(PREPARED(self)->writes);
}

static PyMethodDef prepared_methods[] = {
    {"execute", (PyCFunction)(void (*)(void))prepared_execute, METH_VARARGS | METH_KEYWORDS,
     "execute(parameters=None, /, **parameters) -> Result\n\nRun the statement."},
    {NULL, NULL, 0, NULL}};
static PyGetSetDef prepared_attributes[] = {
    {"columns", prepared_get, NULL, "The columns' names.", "c"},
    {"parameters", prepared_get, NULL, "Names of the statement's parameters.", "p"},
    {"writes", prepared_get_writes, NULL, "Does the statement need a write transaction?", NULL},
    {"query", prepared_get, NULL, "The statement's text.", "q"},
    {NULL, NULL, NULL, NULL, NULL}};
static PyType_Slot prepared_slots[] = {
    {Py_tp_doc, (void *)"A statement that was compiled once, to be run many times, by any thread."},
    {Py_tp_new, (void *)prepared_new},
    {Py_tp_dealloc, (void *)prepared_dealloc},
    {Py_tp_traverse, (void *)prepared_traverse},
    {Py_tp_methods, (void *)prepared_methods},
    {Py_tp_getset, (void *)prepared_attributes},
    {Py_tp_call, (void *)prepared_execute},
    {0, NULL}};
static PyType_Spec prepared_spec = {"sombra._sombra.Prepared", sizeof(binding_prepared), 0,
                                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, prepared_slots};

/* ---- Result ----------------------------------------------------------------------------------------------------------------------- */

static int result_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(RESULT(self)->database);
    Py_VISIT(RESULT(self)->rows);
    Py_VISIT(RESULT(self)->failure);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void result_dealloc(PyObject *self)
{
    binding_result *result = RESULT(self);

    PyObject_GC_UnTrack(self);
    if (result->stmt != NULL) {
        /* On a thread that need not be its connection's, which may be in the midst of a call: not binding_result_end. */
        unlist(result);
        binding_finalize(result->connection, result->stmt);
        result->stmt = NULL;
    }
    Py_CLEAR(result->rows);
    Py_CLEAR(result->failure);
    Py_CLEAR(result->columns);
    Py_CLEAR(result->prepared);
    Py_CLEAR(result->connection);
    Py_CLEAR(result->database);
    free_object(self);
}

/* The next row, or NULL, with an exception or at the end. */
static PyObject *next_row(binding_result *result)
{
    PyObject *row;

    if (result->rows != NULL && result->rows_at < PyList_Size(result->rows)) {
        row = PyList_GetItem(result->rows, result->rows_at);
        Py_INCREF(row);
        Py_INCREF(Py_None);
        PyList_SetItem(result->rows, result->rows_at++, Py_None); /* it need not be kept */
        if (result->rows_at == PyList_Size(result->rows)) {
            Py_CLEAR(result->rows);
            result->rows_at = 0;
        }
        result->untouched = false;
        return row;
    }
    if (!check_whole(result) || !result->has_row) return NULL;
    if (!binding_enter(result->connection)) return NULL;
    result->untouched = false;
    row = make_row(result);
    if (row != NULL && !step(result)) Py_CLEAR(row);
    binding_leave(result->connection);
    return row;
}

/* fetchmany(count) → list of up to so many rows. */
static PyObject *result_fetchmany(PyObject *self, PyObject *args)
{
    Py_ssize_t count = 1;
    PyObject *rows;

    if (!PyArg_ParseTuple(args, "|n:fetchmany", &count)) return NULL;
    if (count < 0)
        return binding_raise_status(SOMBRA_INVALID, "fewer than no rows can't be asked for");
    rows = PyList_New(0);
    for (Py_ssize_t i = 1; rows != NULL && i <= count; i++) {
        PyObject *row = next_row(RESULT(self));
        if (row == NULL && !PyErr_Occurred()) break;
        if (row == NULL || PyList_Append(rows, row) < 0 ||
            (i % 4096 == 0 && PyErr_CheckSignals() != 0))
            Py_CLEAR(rows);
        Py_XDECREF(row);
    }
    return rows;
}

static PyObject *result_fetchall(PyObject *self, PyObject *unused)
{
    binding_result *result = RESULT(self);
    PyObject *rows;

    (void)unused;
    if (result->stmt != NULL) {
        bool done;
        if (!binding_enter(result->connection)) return NULL;
        done = read_ahead(result);
        binding_leave(result->connection);
        if (!done) return NULL;
    }
    if (!check_whole(result)) return NULL;
    if (result->rows == NULL) return PyList_New(0);
    rows = result->rows_at == 0
               ? (Py_INCREF(result->rows), result->rows)
               : PyList_GetSlice(result->rows, result->rows_at, PyList_Size(result->rows));
    Py_CLEAR(result->rows);
    result->rows_at = 0;
    result->untouched = false;
    return rows;
}

/* _peek(count) → the next rows, which stay to be read. */
static PyObject *result_peek(PyObject *self, PyObject *args)
{
    binding_result *result = RESULT(self);
    Py_ssize_t count;
    bool done = true;

    if (!PyArg_ParseTuple(args, "n", &count)) return NULL;
    if (result->has_row) {
        if (!binding_enter(result->connection)) return NULL;
        if (result->rows == NULL) result->rows = PyList_New(0);
        result->untouched = false;
        done = result->rows != NULL;
        while (done && result->has_row && PyList_Size(result->rows) - result->rows_at < count) {
            PyObject *row = make_row(result);
            done = row != NULL && PyList_Append(result->rows, row) == 0;
            Py_XDECREF(row);
            done = done && step(result);
        }
        binding_leave(result->connection);
        if (!done) return NULL;
    }
    if ((result->rows == NULL || PyList_Size(result->rows) - result->rows_at < count) &&
        !check_whole(result))
        return NULL;
    if (result->rows == NULL) return PyList_New(0);
    return PyList_GetSlice(result->rows, result->rows_at, result->rows_at + count);
}

static PyObject *result_fetchone(PyObject *self, PyObject *unused)
{
    PyObject *row = next_row(RESULT(self));

    (void)unused;
    if (row != NULL || PyErr_Occurred()) return row;
    Py_RETURN_NONE;
}

/* single() → the one row; NotFoundError: there is none; LimitError: there are more. */
static PyObject *result_single(PyObject *self, PyObject *unused)
{
    binding_result *result = RESULT(self);
    PyObject *row = next_row(result);

    (void)unused;
    if (row == NULL)
        return PyErr_Occurred()
                   ? NULL
                   : binding_raise_status(SOMBRA_NOT_FOUND, "one row was asked for, there is none");
    if (!result->has_row && result->rows == NULL && check_whole(result)) return row;
    Py_DECREF(row);
    if (PyErr_Occurred()) return NULL;
    return binding_raise_status(SOMBRA_LIMIT, "one row was asked for, there are more");
}

/* End the run: rows that were not read are dropped. */
static PyObject *result_close(PyObject *self, PyObject *unused)
{
    binding_result *result = RESULT(self);

    (void)unused;
    if (result->stmt != NULL) {
        if (!binding_enter(result->connection)) return NULL;
        binding_result_end(result);
        binding_leave(result->connection);
    }
    Py_CLEAR(result->rows);
    Py_CLEAR(result->failure);
    result->rows_at = 0;
    result->lost = false;
    Py_RETURN_NONE;
}

/* Read all rows into memory, so that nothing of the database is held. */
static PyObject *result_detach(PyObject *self, PyObject *unused)
{
    binding_result *result = RESULT(self);

    (void)unused;
    if (result->stmt != NULL) {
        bool done;
        if (!binding_enter(result->connection)) return NULL;
        done = read_ahead(result);
        binding_leave(result->connection);
        if (!done) return NULL;
    }
    Py_INCREF(self);
    return self;
}

static PyObject *result_get_columns(PyObject *self, void *unused)
{
    PyObject *names = RESULT(self)->columns->names;
    (void)unused;
    Py_INCREF(names);
    return names;
}

static PyObject *result_get_ended(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(RESULT(self)->stmt == NULL && RESULT(self)->rows == NULL);
}

static PyObject *result_get_running(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(RESULT(self)->stmt != NULL);
}

static PyObject *result_get_streams(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(RESULT(self)->stmt != NULL && RESULT(self)->untouched);
}

static PyObject *result_get_database(PyObject *self, void *unused)
{
    PyObject *database = (PyObject *)RESULT(self)->database;
    (void)unused;
    Py_INCREF(database);
    return database;
}

static PyObject *result_get_connection(PyObject *self, void *unused)
{
    PyObject *connection = (PyObject *)RESULT(self)->connection;
    (void)unused;
    Py_INCREF(connection);
    return connection;
}

static PyObject *result_get_changes(PyObject *self, void *unused)
{
    const sombra_stmt_changes *c = &RESULT(self)->changes;
    (void)unused;
#define N(field) (unsigned long long)c->field
    return Py_BuildValue("(KKKKKKKKKKK)", N(nodes_created), N(nodes_deleted), N(rels_created),
                         N(rels_deleted), N(properties_set), N(labels_added), N(labels_removed),
                         N(indexes_added), N(indexes_removed), N(constraints_added),
                         N(constraints_removed));
#undef N
}

static PyObject *itself(PyObject *self)
{
    Py_INCREF(self);
    return self;
}

static PyObject *result_next(PyObject *self)
{
    return next_row(RESULT(self));
}

static PyMethodDef result_methods[] = {
    {"fetchone", result_fetchone, METH_NOARGS, "The next row, or None."},
    {"fetchmany", result_fetchmany, METH_VARARGS, "The next rows, up to so many, as a list."},
    {"fetchall", result_fetchall, METH_NOARGS, "All rows that are left, as a list."},
    {"single", result_single, METH_NOARGS,
     "The one row; NotFoundError or LimitError when it is not one."},
    {"close", result_close, METH_NOARGS, "End the run; rows that were not read are dropped."},
    {"detach", result_detach, METH_NOARGS,
     "Read all rows into memory, so that nothing of the database is held. Returns the result."},
    {"_peek", result_peek, METH_VARARGS, NULL},
    {"_stream", binding_result_stream, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};
static PyGetSetDef result_attributes[] = {
    {"columns", result_get_columns, NULL, "The columns' names, as a tuple.", NULL},
    {"ended", result_get_ended, NULL, "Have all rows been read?", NULL},
    {"_running", result_get_running, NULL, NULL, NULL},
    {"_streams", result_get_streams, NULL, NULL, NULL},
    {"_database", result_get_database, NULL, NULL, NULL},
    {"_connection", result_get_connection, NULL, NULL, NULL},
    {"_changes", result_get_changes, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};
static PyType_Slot result_slots[] = {
    {Py_tp_new, (void *)binding_refuse_new},   {Py_tp_dealloc, (void *)result_dealloc},
    {Py_tp_traverse, (void *)result_traverse}, {Py_tp_iter, (void *)itself},
    {Py_tp_iternext, (void *)result_next},     {Py_tp_methods, (void *)result_methods},
    {Py_tp_getset, (void *)result_attributes}, {0, NULL}};
static PyType_Spec result_spec = {"sombra._sombra.ResultBase", sizeof(binding_result), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
                                  result_slots};

bool binding_add_results(PyObject *module)
{
    binding.prepared = binding_add_type(module, &prepared_spec, NULL);
    binding.result = binding_add_type(module, &result_spec, NULL);
    return binding.prepared != NULL && binding.result != NULL;
}
