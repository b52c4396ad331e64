/* stream.c — Arrow C streams: results out, columns of nodes and relationships in. */
#include "binding.h"

PyObject *binding_result_stream(PyObject *self, PyObject *args)
{
    (void)self;
    (void)args;
    return binding_raise_status(SOMBRA_UNSUPPORTED, "no streams yet");
}

PyObject *binding_create_from_stream(PyObject *self, PyObject *args)
{
    (void)self;
    (void)args;
    return binding_raise_status(SOMBRA_UNSUPPORTED, "no streams yet");
}

bool binding_add_streams(PyObject *module)
{
    (void)module;
    return true;
}
