/* stream.c — Arrow C streams: results out, columns of nodes and relationships in.
 * A stream that goes out wraps the library's: its consumer may call it without the GIL and from any thread, so it takes the connection's turn like every other
 * call, keeps the result (and with it connection and database) alive, and leaves what went wrong as a Python exception on the connection. */
#include "binding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct outgoing {
    struct ArrowArrayStream inner; /* release NULL: gone */
    binding_result *result;        /* owned */
    const char *error;             /* of the wrapper itself; NULL: the inner stream's */
} outgoing;

/* ---- Taking turns, with or without the GIL ---------------------------------------------------------------------------- */

static bool take_turn(outgoing *out)
{
    binding_connection *connection = out->result->connection;

    out->error = NULL;
    if (atomic_exchange_explicit(&connection->busy, true, memory_order_acquire)) {
        out->error = "the connection of this stream is in use by another thread";
        return false;
    }
    connection->foreign = true;
    binding_current = connection;
    return true;
}

static void leave_turn(outgoing *out)
{
    binding_connection *connection = out->result->connection;

    binding_current = NULL;
    connection->foreign = false;
    atomic_store_explicit(&connection->busy, false, memory_order_release);
}

/* What ended the stream, for Result.to_arrow to raise. The GIL is held, and the turn taken. */
static void keep_failure(binding_connection *connection)
{
    PyObject *type, *value, *trace;

    binding_raise_connection(connection);
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    Py_XDECREF(connection->failure);
    connection->failure = value;
    Py_XDECREF(type);
    Py_XDECREF(trace);
}

/* ---- The interface ------------------------------------------------------------------------------------------------------- */

static int out_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *schema)
{
    outgoing *out = stream->private_data;
    int answer = EBUSY;

    if (!take_turn(out)) return EBUSY;
    answer = out->inner.get_schema(&out->inner, schema);
    leave_turn(out);
    return answer;
}

static int out_get_next(struct ArrowArrayStream *stream, struct ArrowArray *array)
{
    outgoing *out = stream->private_data;
    binding_connection *connection = out->result->connection;
    int answer;

    array->release = NULL;
    if (!take_turn(out)) return EBUSY;
    answer = out->inner.get_next(&out->inner, array);
    if (out->result->stmt != NULL && (answer != 0 || array->release == NULL)) {
        const PyGILState_STATE state = PyGILState_Ensure();

        if (answer != 0) keep_failure(connection);
        binding_result_end(out->result);
        PyGILState_Release(state);
    }
    leave_turn(out);
    return answer;
}

static const char *out_get_last_error(struct ArrowArrayStream *stream)
{
    outgoing *out = stream->private_data;
    return out->error != NULL ? out->error : out->inner.get_last_error(&out->inner);
}

static void out_release(struct ArrowArrayStream *stream)
{
    outgoing *out = stream->private_data;

    stream->release = NULL;
    if (!Py_IsInitialized()) return; /* the process ends */
    const PyGILState_STATE state = PyGILState_Ensure();
    /* Ending the run waits for its turn, which a call in another thread may have. */
    while (!take_turn(out)) {
        Py_BEGIN_ALLOW_THREADS
        Py_END_ALLOW_THREADS
    }
    binding_result_end(out->result);
    if (out->inner.release != NULL) out->inner.release(&out->inner);
    leave_turn(out);
    Py_DECREF(out->result);
    free(out);
    PyGILState_Release(state);
}

static void destroy_capsule(PyObject *capsule)
{
    struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, "arrow_array_stream");

    if (stream == NULL) {
        PyErr_Clear();
        return;
    }
    if (stream->release != NULL) stream->release(stream); /* else the consumer took it */
    free(stream);
}

/* _stream(rows_per_batch=0) → capsule "arrow_array_stream"; -1: all rows in one batch. */
PyObject *binding_result_stream(PyObject *self, PyObject *args)
{
    binding_result *result = (binding_result *)self;
    binding_connection *connection = result->connection;
    struct ArrowArrayStream *stream = NULL;
    outgoing *out = NULL;
    PyObject *capsule = NULL;
    Py_ssize_t rows = 0;
    sombra_status status;

    if (!PyArg_ParseTuple(args, "|n:_stream", &rows)) return NULL;
    if (result->stmt == NULL || !result->untouched)
        return binding_raise_status(SOMBRA_MISUSE, "some rows of the result were read already");
    stream = calloc(1, sizeof *stream);
    out = calloc(1, sizeof *out);
    if (stream != NULL && out != NULL)
        capsule = PyCapsule_New(stream, "arrow_array_stream", destroy_capsule);
    if (capsule == NULL) {
        free(stream);
        free(out);
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    if (!binding_enter(connection)) goto failed;
    Py_CLEAR(connection->failure);
    result->untouched = false;
    result->has_row = false; /* its rows are the stream's */
    result->streaming = true;
    BINDING_RELEASED(connection,
                     status = sombra_stmt_arrow(
                         result->stmt, rows < 0 ? SIZE_MAX : (size_t)rows, &out->inner));
    if (!binding_check(connection, status)) {
        PyObject *type, *value, *trace;

        PyErr_Fetch(&type, &value, &trace);
        binding_result_end(result);
        PyErr_Restore(type, value, trace);
        if (out->inner.release != NULL) out->inner.release(&out->inner);
        binding_leave(connection);
        goto failed;
    }
    binding_leave(connection);
    Py_INCREF(result);
    out->result = result;
    *stream = (struct ArrowArrayStream){.get_schema = out_get_schema,
                                        .get_next = out_get_next,
                                        .get_last_error = out_get_last_error,
                                        .release = out_release,
                                        .private_data = out};
    return capsule;

failed:
    free(out);
    Py_DECREF(capsule);
    return NULL;
}

PyObject *binding_create_from_stream(PyObject *self, PyObject *args)
{
    (void)self;
    (void)args;
    return binding_raise_status(SOMBRA_UNSUPPORTED, "no streams yet");
}
