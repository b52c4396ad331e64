/* error.c — failures of the library as Python exceptions. */
#include "binding.h"

#include <string.h>

PyObject *binding_raise(const sombra_error *error)
{
    /* The message may have been cut within a character. */
    PyObject *message =
        PyUnicode_DecodeUTF8(error->message, (Py_ssize_t)strlen(error->message), "replace");
    PyObject *page = error->page == UINT64_MAX ? (Py_INCREF(Py_None), Py_None)
                                               : PyLong_FromUnsignedLongLong(error->page);
    PyObject *exception = NULL;

    if (message != NULL && page != NULL)
        exception = PyObject_CallFunction(
            binding.make_error, "iOssIIIiO", (int)error->status, message, sombra_error_class(error),
            sombra_error_detail(error), (unsigned)error->detail, (unsigned)error->line,
            (unsigned)error->column, error->os_error, page);
    Py_XDECREF(message);
    Py_XDECREF(page);
    if (exception == NULL) return NULL;
    PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_DECREF(exception);
    return NULL;
}

PyObject *binding_raise_status(sombra_status status, const char *message)
{
    sombra_error error = {.status = status, .page = UINT64_MAX};

    strncpy(error.message, message, sizeof error.message - 1);
    return binding_raise(&error);
}

/* The exception that was raised in a callback becomes the cause of the library's. */
static void chain_cause(PyObject *cause_type, PyObject *cause, PyObject *trace)
{
    PyObject *type, *value, *own_trace;

    PyErr_Fetch(&type, &value, &own_trace);
    PyErr_NormalizeException(&type, &value, &own_trace);
    PyErr_NormalizeException(&cause_type, &cause, &trace);
    if (trace != NULL) PyException_SetTraceback(cause, trace);
    Py_INCREF(cause);
    PyException_SetCause(value, cause); /* steals */
    PyErr_Restore(type, value, own_trace);
    Py_XDECREF(cause_type);
    Py_XDECREF(cause);
    Py_XDECREF(trace);
}

PyObject *binding_raise_connection(binding_connection *connection)
{
    PyObject *type = connection->raised[0], *value = connection->raised[1],
             *trace = connection->raised[2];
    sombra_error error;

    memset(connection->raised, 0, sizeof connection->raised);
    if (type != NULL &&
        (connection->signaled || !PyErr_GivenExceptionMatches(type, PyExc_Exception))) {
        PyErr_Restore(type, value,
                      trace); /* of a signal's handler, KeyboardInterrupt: as they are */
        return NULL;
    }
    error = *sombra_error_of(connection->conn);
    binding_raise(&error);
    if (type != NULL) chain_cause(type, value, trace);
    return NULL;
}

bool binding_check(binding_connection *connection, sombra_status status)
{
    if (status >= SOMBRA_OK && connection->raised[0] == NULL) return true;
    if (status >= SOMBRA_OK && !connection->signaled) { /* a callback's, which the query got over */
        for (int i = 0; i < 3; i++)
            Py_CLEAR(connection->raised[i]);
        return true;
    }
    binding_raise_connection(connection);
    return false;
}
