/* stream.c — Arrow C streams: results out, columns of nodes and relationships in.
 * A stream that goes out wraps the library's: its consumer may call it with the GIL or without, and from any thread, so it takes the GIL and the connection's
 * turn like every other call, keeps the result (and with it connection and database) alive, and leaves what went wrong as a Python exception on the
 * connection. */
#include "binding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct outgoing {
    struct ArrowArrayStream inner; /* release NULL: gone */
    binding_result *result;        /* owned */
    const char *error;             /* of the wrapper itself; NULL: the inner stream's */
} outgoing;

/* ---- Taking turns --------------------------------------------------------------------------------------------------------- */

/* The GIL is held. */
static bool take_turn(outgoing *out)
{
    binding_connection *connection = out->result->connection;

    out->error = NULL;
    if (binding_take(connection)) return true;
    out->error = "the connection of this stream is in use by another thread";
    return false;
}

/* What ended the stream, for Result.to_arrow to raise. The GIL is held, and the turn taken. */
static void keep_failure(binding_connection *connection)
{
    PyObject *type, *value, *trace;

    (void)binding_raise_connection(connection);
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
    const PyGILState_STATE state = PyGILState_Ensure();
    int answer = EBUSY;

    if (take_turn(out)) {
        answer = out->inner.get_schema(&out->inner, schema);
        binding_leave(out->result->connection);
    }
    PyGILState_Release(state);
    return answer;
}

static int out_get_next(struct ArrowArrayStream *stream, struct ArrowArray *array)
{
    outgoing *out = stream->private_data;
    binding_connection *connection = out->result->connection;
    const PyGILState_STATE state = PyGILState_Ensure();
    int answer = EBUSY;

    array->release = NULL;
    if (take_turn(out)) {
        BINDING_RELEASED(connection, answer = out->inner.get_next(&out->inner, array));
        if (out->result->stmt != NULL && (answer != 0 || array->release == NULL)) {
            if (answer != 0) keep_failure(connection);
            binding_result_end(out->result);
            out->result->lost = answer != 0;
        }
        binding_leave(connection);
    }
    PyGILState_Release(state);
    return answer;
}

static const char *out_get_last_error(struct ArrowArrayStream *stream)
{
    outgoing *out = stream->private_data;
    return out->error != NULL ? out->error : out->inner.get_last_error(&out->inner);
}

/* The GIL is held, and the turn taken. */
static void let_go(void *object)
{
    outgoing *out = object;

    binding_result_end(out->result);
    if (out->inner.release != NULL) out->inner.release(&out->inner);
    Py_DECREF(out->result);
    free(out);
}

static void out_release(struct ArrowArrayStream *stream)
{
    outgoing *out = stream->private_data;

    stream->release = NULL;
    if (!Py_IsInitialized()) return; /* the process ends */
    const PyGILState_STATE state = PyGILState_Ensure();
    binding_connection *connection = out->result->connection;
    /* Ending the run waits for its turn, which a call in another thread may have; or one of this thread, in which the collector has found the
     * stream: that ends after this. */
    while (!take_turn(out) && connection->thread != PyThread_get_thread_ident()) {
        Py_BEGIN_ALLOW_THREADS Py_END_ALLOW_THREADS
    }
    if (out->error != NULL) {
        binding_postpone(connection, let_go, out);
    } else {
        Py_INCREF(connection); /* the result's may be the last reference */
        let_go(out);
        binding_leave(connection);
        Py_DECREF(connection);
    }
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
    BINDING_RELEASED(
        connection,
        status = sombra_stmt_arrow(result->stmt, rows < 0 ? SIZE_MAX : (size_t)rows, &out->inner));
    if (!binding_check(connection, status)) {
        PyObject *type, *value, *trace;

        PyErr_Fetch(&type, &value, &trace);
        binding_result_end(result);
        result->lost = true;
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

/* ---- Columns in ------------------------------------------------------------------------------------------------------------ */

/* What a call makes: nodes of labels, or relationships of one type between ends. */
typedef struct incoming {
    sombra_txn *txn;
    struct ArrowArrayStream *stream;
    uint32_t *names; /* labels, or the one type; owned */
    size_t name_count;
    bool edges;
    sombra_arrow_ends ends;
    const uint64_t *ids;
    size_t count;
} incoming;

static bool intern(binding_connection *connection, sombra_txn *txn, sombra_name_kind kind,
                   PyObject *name, uint32_t *id)
{
    binding_scratch scratch = {0};
    const char *text;
    size_t size;
    bool done = false;

    if (name == NULL || !PyUnicode_Check(name))
        PyErr_SetString(PyExc_TypeError, "a label, type or key is a str");
    else if (binding_text_of(name, &text, &size, &scratch))
        done = binding_check(connection, sombra_name_intern(txn, kind, text, size, id));
    binding_scratch_clear(&scratch);
    return done;
}

/* None: ids; (label, key): look-ups. */
static bool take_key(binding_connection *connection, sombra_txn *txn, PyObject *pair,
                     uint32_t *label, uint32_t *key)
{
    if (pair == Py_None) return true;
    return intern(connection, txn, SOMBRA_LABEL, PyTuple_GetItem(pair, 0), label) &&
           intern(connection, txn, SOMBRA_KEY, PyTuple_GetItem(pair, 1), key);
}

static bool take_names(binding_connection *connection, incoming *in, PyObject *names)
{
    const Py_ssize_t count = PyTuple_Size(names);

    in->names = calloc((size_t)count + 1, sizeof *in->names);
    if (in->names == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (!intern(connection, in->txn, in->edges ? SOMBRA_TYPE : SOMBRA_LABEL,
                    PyTuple_GetItem(names, i), &in->names[in->name_count++]))
            return false;
    return true;
}

static sombra_status make(incoming *in)
{
    if (in->edges)
        return sombra_create_rels_arrow(in->txn, in->names[0], &in->ends, in->stream, &in->ids,
                                        &in->count);
    return sombra_create_nodes_arrow(in->txn, in->names, in->name_count, in->stream, &in->ids,
                                     &in->count);
}

/* create_from_stream(capsule, names, ends) → bytes: the ids, 64 bits each. ends: None for nodes of the labels `names`; else
 * (source column, target column, source (label, key) or None, target the same), and names is the one type. */
PyObject *binding_create_from_stream(PyObject *self, PyObject *args)
{
    binding_connection *connection = (binding_connection *)self;
    PyObject *capsule, *names, *ends, *source_key = Py_None, *target_key = Py_None, *answer = NULL;
    PyObject *columns[2];
    binding_scratch scratch = {0};
    incoming in = {.edges = false};
    sombra_status status;
    size_t size;
    bool own = false, done = false;

    if (!PyArg_ParseTuple(args, "OO!O", &capsule, &PyTuple_Type, &names, &ends)) return NULL;
    in.stream = PyCapsule_GetPointer(capsule, "arrow_array_stream");
    if (in.stream == NULL) return NULL;
    if (in.stream->release == NULL)
        return binding_raise_status(SOMBRA_MISUSE, "the stream was read already");
    in.edges = ends != Py_None;
    if (in.edges &&
        (!PyArg_ParseTuple(ends, "UUOO", &columns[0], &columns[1], &source_key, &target_key) ||
         !binding_text_of(columns[0], &in.ends.source, &size, &scratch) ||
         !binding_text_of(columns[1], &in.ends.target, &size, &scratch))) {
        binding_scratch_clear(&scratch);
        return NULL;
    }
    if (!binding_enter(connection)) goto left;
    if (!binding_settle(connection)) goto done;
    in.txn = connection->txn;
    if (in.txn == NULL) {
        BINDING_RELEASED(connection,
                         status = sombra_begin(connection->conn, SOMBRA_WRITE, &in.txn));
        if (!binding_check(connection, status)) goto done;
        own = true;
    }
    if (take_names(connection, &in, names) &&
        take_key(connection, in.txn, source_key, &in.ends.source_label, &in.ends.source_key) &&
        take_key(connection, in.txn, target_key, &in.ends.target_label, &in.ends.target_key)) {
        BINDING_RELEASED(connection, status = make(&in));
        done = binding_check(connection, status);
        if (done)
            answer = PyBytes_FromStringAndSize((const char *)in.ids,
                                               (Py_ssize_t)(in.count * sizeof *in.ids));
    }
    if (own && answer == NULL) {
        PyObject *type, *value, *trace;

        PyErr_Fetch(&type, &value, &trace);
        BINDING_RELEASED(connection, sombra_rollback(in.txn));
        PyErr_Restore(type, value, trace);
    } else if (own) {
        BINDING_RELEASED(connection, status = sombra_commit(in.txn));
        if (!binding_check(connection, status)) Py_CLEAR(answer);
    }

done:
    binding_leave(connection);
left:
    free(in.names);
    binding_scratch_clear(&scratch);
    return answer;
}
