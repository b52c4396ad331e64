/* function.c — functions, aggregates and procedures written in Python.
 * The library calls them on the thread of the query, or on a helper of its own; each call takes the GIL. What one raises becomes the cause of the query's
 * error. A query on a database that has any gives the GIL away for each run, since a helper thread may need it. */
#include "binding.h"

#include <stdlib.h>
#include <string.h>

/* The object of an aggregate's group, until it is finished; found in the connection, so that a run that fails leaves none behind. */
struct binding_aggregate {
    binding_aggregate *next, **at; /* at: who points here */
    PyObject *object;              /* owned */
};

static void aggregate_free(binding_aggregate *aggregate)
{
    if (aggregate->at != NULL) {
        *aggregate->at = aggregate->next;
        if (aggregate->next != NULL) aggregate->next->at = aggregate->at;
    }
    Py_XDECREF(aggregate->object);
    free(aggregate);
}

void binding_aggregates_clear(binding_connection *connection)
{
    while (connection->aggregates != NULL)
        aggregate_free(connection->aggregates);
}

/* ---- Calling -------------------------------------------------------------------------------------------------------------- */

/* The GIL for a call of the program's; the connection's progress then comes with it. */
static PyGILState_STATE begin_call(void)
{
    const PyGILState_STATE state = PyGILState_Ensure();

    if (binding_current != NULL) binding_current->within_function = true;
    return state;
}

static void end_call(PyGILState_STATE state)
{
    if (binding_current != NULL) binding_current->within_function = false;
    PyGILState_Release(state);
}

static PyObject *arguments_of(sombra_call *call)
{
    const size_t count = sombra_call_arg_count(call);
    const binding_source nowhere = {.names = NULL};
    PyObject *args = PyTuple_New((Py_ssize_t)count);

    for (size_t i = 0; args != NULL && i < count; i++) {
        PyObject *arg = binding_from_value(&nowhere, sombra_call_arg(call, i));
        if (arg == NULL)
            Py_CLEAR(args);
        else
            PyTuple_SetItem(args, (Py_ssize_t)i, arg);
    }
    return args;
}

static sombra_status give_result(sombra_call *call, PyObject *result)
{
    binding_scratch scratch = {0};
    sombra_value value;
    sombra_status status = SOMBRA_INVALID;

    if (binding_to_value(result, &value, &scratch)) status = sombra_call_result(call, &value);
    binding_scratch_clear(&scratch);
    return status;
}

/* What was raised goes to the connection whose call this is, where it is this thread's, and its text to the query's error. */
static sombra_status fail(sombra_call *call)
{
    PyObject *type, *value, *trace, *text = NULL, *bytes = NULL, *name = NULL;
    sombra_status status = SOMBRA_INVALID;

    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (type != NULL) name = PyObject_GetAttrString(type, "__name__");
    if (name != NULL) text = PyUnicode_FromFormat("%U: %S", name, value);
    if (text != NULL) bytes = PyUnicode_AsEncodedString(text, "utf-8", "replace");
    if (bytes == NULL) PyErr_Clear();
    status = sombra_call_fail(call, SOMBRA_INVALID,
                              bytes == NULL ? "a function written in Python failed"
                                            : PyBytes_AsString(bytes));
    Py_XDECREF(name);
    Py_XDECREF(text);
    Py_XDECREF(bytes);
    if (binding_current != NULL && binding_current->raised[0] == NULL) {
        binding_current->signaled = false;
        binding_current->raised[0] = type;
        binding_current->raised[1] = value;
        binding_current->raised[2] = trace;
    } else {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(trace);
    }
    return status;
}

static sombra_status call_function(sombra_call *call)
{
    const PyGILState_STATE state = begin_call();
    PyObject *args = arguments_of(call);
    PyObject *result = args == NULL ? NULL : PyObject_CallObject(sombra_call_context(call), args);
    sombra_status status = SOMBRA_INVALID;

    if (result != NULL) status = give_result(call, result);
    if (PyErr_Occurred()) status = fail(call);
    Py_XDECREF(args);
    Py_XDECREF(result);
    end_call(state);
    return status;
}

/* ctx of an aggregate makes its object: step(…) for each row, finish() for the result. */
static sombra_status call_step(sombra_call *call)
{
    const PyGILState_STATE state = begin_call();
    binding_aggregate **place = sombra_call_state(call);
    PyObject *args = NULL, *step = NULL, *result = NULL;

    if (*place == NULL) {
        binding_aggregate *made = calloc(1, sizeof *made);

        if (made == NULL) {
            PyErr_NoMemory();
        } else if ((made->object = PyObject_CallObject(sombra_call_context(call), NULL)) == NULL) {
            free(made);
        } else {
            if (binding_current != NULL) {
                made->next = binding_current->aggregates;
                made->at = &binding_current->aggregates;
                if (made->next != NULL) made->next->at = &made->next;
                *made->at = made;
            }
            *place = made;
        }
    }
    if (*place != NULL) args = arguments_of(call);
    if (args != NULL) step = PyObject_GetAttrString((*place)->object, "step");
    if (step != NULL) result = PyObject_CallObject(step, args);
    const sombra_status status = result == NULL ? fail(call) : SOMBRA_OK;
    Py_XDECREF(args);
    Py_XDECREF(step);
    Py_XDECREF(result);
    end_call(state);
    return status;
}

static sombra_status call_finish(sombra_call *call)
{
    const PyGILState_STATE state = begin_call();
    binding_aggregate **place = sombra_call_state(call);
    PyObject *object, *result = NULL;
    sombra_status status = SOMBRA_INVALID;

    if (*place != NULL) { /* else there was no row */
        object = (*place)->object;
        Py_INCREF(object);
    } else {
        object = PyObject_CallObject(sombra_call_context(call), NULL);
    }
    if (object != NULL) result = PyObject_CallMethod(object, "finish", NULL);
    if (result != NULL) status = give_result(call, result);
    if (PyErr_Occurred()) status = fail(call);
    Py_XDECREF(object);
    Py_XDECREF(result);
    if (*place != NULL) aggregate_free(*place);
    *place = NULL;
    end_call(state);
    return status;
}

#define RESULTS_MAX 64 /* of a signature: docs/LIMITS.md */

static bool emit_row(sombra_call *call, PyObject *row, Py_ssize_t width, sombra_status *status)
{
    binding_scratch scratch = {0};
    sombra_value values[RESULTS_MAX] = {{0}}; /* the library reads as many as it counts */
    PyObject *items = PySequence_Tuple(row);
    bool done = false;

    if (items != NULL && (PyTuple_Size(items) != width || width > RESULTS_MAX)) {
        PyErr_Format(PyExc_ValueError, "a row of the procedure has %zd values instead of %zd",
                     PyTuple_Size(items), width);
    } else if (items != NULL) {
        done = true;
        for (Py_ssize_t i = 0; done && i < width; i++)
            done = binding_to_value(PyTuple_GetItem(items, i), &values[i], &scratch);
    }
    if (done) *status = sombra_call_emit(call, values);
    binding_scratch_clear(&scratch);
    Py_XDECREF(items);
    return done && *status == SOMBRA_OK;
}

/* ctx of a procedure: (callable, number of results). */
static sombra_status call_procedure(sombra_call *call)
{
    const PyGILState_STATE state = begin_call();
    PyObject *pair = sombra_call_context(call);
    const Py_ssize_t width = PyLong_AsSsize_t(PyTuple_GetItem(pair, 1));
    PyObject *args = arguments_of(call);
    PyObject *rows = args == NULL ? NULL : PyObject_CallObject(PyTuple_GetItem(pair, 0), args);
    PyObject *iterator = NULL, *row;
    sombra_status status = SOMBRA_OK;
    bool go_on = true;

    if (rows != NULL && rows != Py_None) iterator = PyObject_GetIter(rows);
    while (go_on && iterator != NULL && (row = PyIter_Next(iterator)) != NULL) {
        go_on = emit_row(call, row, width, &status);
        Py_DECREF(row);
    }
    if (PyErr_Occurred()) status = fail(call);
    Py_XDECREF(args);
    Py_XDECREF(rows);
    Py_XDECREF(iterator);
    end_call(state);
    return status;
}

/* ---- Registering ------------------------------------------------------------------------------------------------------------ */

/* _register(kind, signature, object): kind 0 function, 1 aggregate, 2 procedure */
PyObject *binding_register(PyObject *self, PyObject *args)
{
    binding_database *database = (binding_database *)self;
    PyObject *signature, *object;
    binding_scratch scratch = {0};
    const char *text;
    size_t size;
    int kind;
    sombra_error error;
    sombra_status status;

    if (!PyArg_ParseTuple(args, "iUO", &kind, &signature, &object)) return NULL;
    if (database->db == NULL) return binding_raise_status(SOMBRA_MISUSE, "the database is closed");
    /* Kept before it can be called. */
    if (!binding_text_of(signature, &text, &size, &scratch) ||
        PyList_Append(database->kept, object) < 0) {
        binding_scratch_clear(&scratch);
        return NULL;
    }
    database->has_functions = true;
    if (kind == 0)
        status = sombra_register_function(database->db, text, call_function, object, &error);
    else if (kind == 1)
        status = sombra_register_aggregate(database->db, text, sizeof(binding_aggregate *),
                                           call_step, call_finish, object, &error);
    else
        status = sombra_register_procedure(database->db, text, call_procedure, object, &error);
    binding_scratch_clear(&scratch);
    if (status != SOMBRA_OK) return binding_raise(&error);
    Py_RETURN_NONE;
}
