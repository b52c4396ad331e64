/* module.c — the module itself: its types, constants, and what the package's Python half gives it. */
#include "binding.h"

#include <string.h>

binding_types binding;

PyObject *binding_add_type(PyObject *module, PyType_Spec *spec, PyObject *base)
{
    PyObject *bases = base == NULL ? NULL : Py_BuildValue("(O)", base);
    PyObject *type = base == NULL ? PyType_FromSpec(spec) : PyType_FromSpecWithBases(spec, bases);

    Py_XDECREF(bases);
    if (type == NULL) return NULL;
    Py_INCREF(type);
    if (PyModule_AddObject(module, strrchr(spec->name, '.') + 1, type) < 0) {
        Py_DECREF(type);
        Py_DECREF(type);
        return NULL;
    }
    return type; /* the reference kept in `binding` */
}

/* Types, and what configure is given, are the process's: a second interpreter's would take the place of the first one's, whose
 * `except sombra.Error` would not catch any more. */
static bool is_only_interpreter(void)
{
    static int64_t first = -1; /* the GIL guards it */
    const int64_t id = PyInterpreterState_GetID(PyInterpreterState_Get());

    if (first < 0) first = id;
    if (first == id) return true;
    PyErr_SetString(PyExc_ImportError,
                    "sombra is in use by another interpreter of this process: one "
                    "alone can import it");
    return false;
}

/* configure(**objects): the classes and functions written in Python. */
static PyObject *configure(PyObject *self, PyObject *args, PyObject *named)
{
    const struct {
        const char *name;
        PyObject **place;
    } wanted[] = {{"make_error", &binding.make_error},
                  {"node_class", &binding.node_class},
                  {"relationship_class", &binding.relationship_class},
                  {"path_class", &binding.path_class},
                  {"result_class", &binding.result_class},
                  {"duration_class", &binding.duration_class},
                  {"point_class", &binding.point_class},
                  {"make_date", &binding.make_date},
                  {"make_time", &binding.make_time},
                  {"make_datetime", &binding.make_datetime},
                  {"to_value", &binding.to_value},
                  {"date_from_ordinal", &binding.date_from_ordinal},
                  {"restore_row", &binding.restore_row},
                  {"local_class", &binding.local_class}};

    (void)self;
    if (!PyArg_ParseTuple(args, "") || !is_only_interpreter()) return NULL;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        PyObject *given = named == NULL ? NULL : PyDict_GetItemString(named, wanted[i].name);
        PyObject *old = *wanted[i].place;

        if (given == NULL) {
            PyErr_Format(PyExc_TypeError, "configure: %s is needed", wanted[i].name);
            return NULL;
        }
        Py_INCREF(given);
        *wanted[i].place = given;
        Py_XDECREF(old);
    }
    Py_RETURN_NONE;
}

/* For types whose objects only this module makes. */
PyObject *binding_refuse_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    (void)args;
    (void)named;
    PyErr_Format(PyExc_TypeError, "objects of %R are made by the database alone", (PyObject *)type);
    return NULL;
}

/* options() → [(name, default, help), …] of sombra.open. */
static PyObject *options(PyObject *self, PyObject *args)
{
    const char *name, *value, *help;
    PyObject *list;

    (void)self;
    (void)args;
    list = PyList_New(0);
    for (size_t i = 0; list != NULL && sombra_options_describe(i, &name, &value, &help); i++) {
        PyObject *item = Py_BuildValue("(sss)", name, value, help);
        if (item == NULL || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

/* statuses() → [(name, number, text), …] of all failures. */
static PyObject *statuses(PyObject *self, PyObject *args)
{
    PyObject *list;

    (void)self;
    (void)args;
    list = PyList_New(0);
    for (int i = -1; list != NULL && i >= (int)SOMBRA_REJECTED; i--) {
        PyObject *item = Py_BuildValue("(sis)", sombra_status_name((sombra_status)i), i,
                                       sombra_status_text((sombra_status)i));
        if (item == NULL || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

/* value_text(value) → str: canonical text of a temporal value, as toString() gives it. */
static PyObject *value_text(PyObject *self, PyObject *object)
{
    binding_scratch scratch = {0};
    sombra_value value;
    char text[512];
    size_t size = 0;
    PyObject *result = NULL;
    sombra_status status;

    (void)self;
    if (binding_to_value(object, &value, &scratch)) {
        status = sombra_value_to_string(&value, text, sizeof text, &size);
        if (status != SOMBRA_OK)
            binding_raise_status(status, "the value has no text of this kind");
        else
            result = PyUnicode_DecodeUTF8(
                text, (Py_ssize_t)(size < sizeof text ? size : sizeof text), "replace");
    }
    binding_scratch_clear(&scratch);
    return result;
}

static PyMethodDef functions[] = {
    {"configure", (PyCFunction)(void (*)(void))configure, METH_VARARGS | METH_KEYWORDS, NULL},
    {"options", options, METH_NOARGS, NULL},
    {"statuses", statuses, METH_NOARGS, NULL},
    {"value_text", value_text, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                                        "_sombra",
                                        "The C half of the package sombra.",
                                        -1,
                                        functions,
                                        NULL,
                                        NULL,
                                        NULL,
                                        NULL};

PyMODINIT_FUNC PyInit__sombra(void);
PyMODINIT_FUNC PyInit__sombra(void)
{
    PyObject *module = PyModule_Create(&definition);

    if (module == NULL) return NULL;
    if (!binding_add_entities(module) || !binding_add_results(module) ||
        !binding_add_database(module) ||
        PyModule_AddStringConstant(module, "library_version", sombra_version()) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
