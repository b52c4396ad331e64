/* entities.c — the types of what results are made of: columns, rows, and the bases of Node, Relationship and Path. */
#include "binding.h"

#include <structmember.h>

/* ---- What all of them share: objects that the garbage collector knows ------------------------------------------------- */

static void free_object(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    release(self);
    Py_DECREF(type);
}

#define VISIT_TYPE(self) Py_VISIT(Py_TYPE(self)) /* instances of heap types own their type */

/* ---- Columns ------------------------------------------------------------------------------------------------------------ */

static int columns_traverse(PyObject *self, visitproc visit, void *arg)
{
    binding_columns *columns = (binding_columns *)self;
    Py_VISIT(columns->names);
    Py_VISIT(columns->index);
    VISIT_TYPE(self);
    return 0;
}

static int columns_clear(PyObject *self)
{
    binding_columns *columns = (binding_columns *)self;
    Py_CLEAR(columns->names);
    Py_CLEAR(columns->index);
    return 0;
}

static void columns_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    columns_clear(self);
    free_object(self);
}

/* Columns(names) */
static PyObject *columns_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *names;
    binding_columns *columns;

    (void)named;
    if (!PyArg_ParseTuple(args, "O!", &PyTuple_Type, &names)) return NULL;
    columns = (binding_columns *)PyType_GenericAlloc(type, 0);
    if (columns == NULL) return NULL;
    Py_INCREF(names);
    columns->names = names;
    columns->index = PyDict_New();
    for (Py_ssize_t i = 0; columns->index != NULL && i < PyTuple_Size(names); i++) {
        PyObject *at = PyLong_FromSsize_t(i);
        if (at == NULL || PyDict_SetItem(columns->index, PyTuple_GetItem(names, i), at) < 0)
            Py_CLEAR(columns->index);
        Py_XDECREF(at);
    }
    if (columns->index == NULL) {
        Py_DECREF(columns);
        return NULL;
    }
    return (PyObject *)columns;
}

static PyType_Slot columns_slots[] = {{Py_tp_new, (void *)columns_new},
                                      {Py_tp_dealloc, (void *)columns_dealloc},
                                      {Py_tp_traverse, (void *)columns_traverse},
                                      {Py_tp_clear, (void *)columns_clear},
                                      {0, NULL}};
static PyType_Spec columns_spec = {"sombra._sombra.Columns", sizeof(binding_columns), 0,
                                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, columns_slots};

/* ---- Row ------------------------------------------------------------------------------------------------------------------ */

static int row_traverse(PyObject *self, visitproc visit, void *arg)
{
    binding_row *row = (binding_row *)self;
    Py_VISIT(row->values);
    Py_VISIT((PyObject *)row->columns);
    VISIT_TYPE(self);
    return 0;
}

static int row_clear(PyObject *self)
{
    binding_row *row = (binding_row *)self;
    Py_CLEAR(row->values);
    Py_CLEAR(row->columns);
    return 0;
}

static void row_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    row_clear(self);
    free_object(self);
}

/* Row(names, values) */
static PyObject *row_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *names, *values, *columns;
    binding_row *row;

    (void)named;
    if (!PyArg_ParseTuple(args, "O!O!", &PyTuple_Type, &names, &PyTuple_Type, &values)) return NULL;
    if (PyTuple_Size(names) != PyTuple_Size(values)) {
        PyErr_SetString(PyExc_ValueError, "a row has as many values as columns");
        return NULL;
    }
    columns = PyObject_CallFunctionObjArgs(binding.columns, names, NULL);
    if (columns == NULL) return NULL;
    row = (binding_row *)PyType_GenericAlloc(type, 0);
    if (row == NULL) {
        Py_DECREF(columns);
        return NULL;
    }
    Py_INCREF(values);
    row->values = values;
    row->columns = (binding_columns *)columns;
    return (PyObject *)row;
}

static Py_ssize_t row_length(PyObject *self)
{
    return PyTuple_Size(((binding_row *)self)->values);
}

static PyObject *row_item(PyObject *self, Py_ssize_t i)
{
    return PySequence_GetItem(((binding_row *)self)->values, i);
}

/* Position of a column by name: borrowed; NULL without an exception when there is none. */
static PyObject *row_find(const binding_row *row, PyObject *name)
{
    PyObject *at = PyDict_GetItemWithError(row->columns->index, name);
    return at == NULL ? NULL : PyTuple_GetItem(row->values, PyLong_AsSsize_t(at));
}

static PyObject *row_subscript(PyObject *self, PyObject *key)
{
    binding_row *row = (binding_row *)self;
    PyObject *value;

    if (!PyUnicode_Check(key)) return PyObject_GetItem(row->values, key);
    value = row_find(row, key);
    if (value == NULL && !PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, key);
    Py_XINCREF(value);
    return value;
}

static PyObject *row_iterate(PyObject *self)
{
    return PyObject_GetIter(((binding_row *)self)->values);
}

static Py_hash_t row_hash(PyObject *self)
{
    return PyObject_Hash(((binding_row *)self)->values);
}

static PyObject *row_compare(PyObject *self, PyObject *other, int operation)
{
    PyObject *values = other;

    if (PyObject_TypeCheck(other, (PyTypeObject *)binding.row))
        values = ((binding_row *)other)->values;
    if (!PyTuple_Check(values)) Py_RETURN_NOTIMPLEMENTED;
    return PyObject_RichCompare(((binding_row *)self)->values, values, operation);
}

/* Row(a=1, b='x') */
static PyObject *row_repr(PyObject *self)
{
    const binding_row *row = (binding_row *)self;
    PyObject *parts = PyList_New(0), *comma = NULL, *joined = NULL, *result = NULL;
    const int nested = Py_ReprEnter(self);

    if (nested != 0) {
        Py_XDECREF(parts);
        return nested > 0 ? PyUnicode_FromString("Row(...)") : NULL;
    }
    for (Py_ssize_t i = 0; parts != NULL && i < PyTuple_Size(row->values); i++) {
        PyObject *part = PyUnicode_FromFormat("%U=%R", PyTuple_GetItem(row->columns->names, i),
                                              PyTuple_GetItem(row->values, i));
        if (part == NULL || PyList_Append(parts, part) < 0) Py_CLEAR(parts);
        Py_XDECREF(part);
    }
    if (parts != NULL) comma = PyUnicode_FromString(", ");
    if (comma != NULL) joined = PyUnicode_Join(comma, parts);
    if (joined != NULL) result = PyUnicode_FromFormat("Row(%U)", joined);
    Py_ReprLeave(self);
    Py_XDECREF(parts);
    Py_XDECREF(comma);
    Py_XDECREF(joined);
    return result;
}

static PyObject *row_keys(PyObject *self, PyObject *unused)
{
    PyObject *names = ((binding_row *)self)->columns->names;
    (void)unused;
    Py_INCREF(names);
    return names;
}

static PyObject *row_values(PyObject *self, PyObject *unused)
{
    PyObject *values = ((binding_row *)self)->values;
    (void)unused;
    Py_INCREF(values);
    return values;
}

static PyObject *row_dict(PyObject *self, PyObject *unused)
{
    const binding_row *row = (binding_row *)self;
    PyObject *dict = PyDict_New();

    (void)unused;
    for (Py_ssize_t i = 0; dict != NULL && i < PyTuple_Size(row->values); i++)
        if (PyDict_SetItem(dict, PyTuple_GetItem(row->columns->names, i),
                           PyTuple_GetItem(row->values, i)) < 0)
            Py_CLEAR(dict);
    return dict;
}

static PyObject *row_get(PyObject *self, PyObject *args)
{
    PyObject *name, *otherwise = Py_None, *value;

    if (!PyArg_ParseTuple(args, "U|O:get", &name, &otherwise)) return NULL;
    value = row_find((binding_row *)self, name);
    if (value == NULL && PyErr_Occurred()) return NULL;
    if (value == NULL) value = otherwise;
    Py_INCREF(value);
    return value;
}

static PyObject *row_reduce(PyObject *self, PyObject *unused)
{
    const binding_row *row = (binding_row *)self;
    (void)unused;
    return Py_BuildValue("O(OO)", binding.restore_row, row->columns->names, row->values);
}

static PyMethodDef row_methods[] = {
    {"keys", row_keys, METH_NOARGS, "The columns' names."},
    {"values", row_values, METH_NOARGS, "The values, as a tuple."},
    {"as_dict", row_dict, METH_NOARGS, "The row as a dict: name → value."},
    {"get", row_get, METH_VARARGS,
     "The value of a column, or a default (None) when there is none."},
    {"__reduce__", row_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

/* Methods, and what all objects have, come before columns of their names. */
static bool is_of_the_type(PyObject *name)
{
    if (PyUnicode_GetLength(name) == 0 || PyUnicode_ReadChar(name, 0) == '_') return true;
    for (const PyMethodDef *m = row_methods; m->ml_name != NULL; m++)
        if (PyUnicode_CompareWithASCIIString(name, m->ml_name) == 0) return true;
    return false;
}

/* Columns first, where they may be: an AttributeError that is made and dropped takes half a microsecond. */
static PyObject *row_attribute(PyObject *self, PyObject *name)
{
    binding_row *row = (binding_row *)self;
    PyObject *value = is_of_the_type(name) ? NULL : row_find(row, name);

    if (value == NULL && !PyErr_Occurred()) {
        value = PyObject_GenericGetAttr(self, name);
        if (value != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError)) return value;
        PyErr_Clear();
        value = row_find(row, name);
        if (value == NULL && !PyErr_Occurred())
            PyErr_Format(PyExc_AttributeError, "the row has no column %R", name);
    }
    Py_XINCREF(value);
    return value;
}

static PyType_Slot row_slots[] = {
    {Py_tp_doc,
     (void *)"A row of a result: a sequence of values, which are found by column name, too."},
    {Py_tp_new, (void *)row_new},
    {Py_tp_dealloc, (void *)row_dealloc},
    {Py_tp_traverse, (void *)row_traverse},
    {Py_tp_clear, (void *)row_clear},
    {Py_tp_repr, (void *)row_repr},
    {Py_tp_hash, (void *)row_hash},
    {Py_tp_richcompare, (void *)row_compare},
    {Py_tp_iter, (void *)row_iterate},
    {Py_tp_getattro, (void *)row_attribute},
    {Py_tp_methods, (void *)row_methods},
    {Py_sq_length, (void *)row_length},
    {Py_sq_item, (void *)row_item},
    {Py_mp_length, (void *)row_length},
    {Py_mp_subscript, (void *)row_subscript},
    {0, NULL}};
static PyType_Spec row_spec = {"sombra._sombra.Row", sizeof(binding_row), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, row_slots};

/* ---- Bases of Node, Relationship, Path ------------------------------------------------------------------------------------ */

/* All three are a number of objects and nothing else. */
#define NODE_FIELDS         3u
#define RELATIONSHIP_FIELDS 5u
#define PATH_FIELDS         2u
static_assert(sizeof(binding_node) == sizeof(PyObject) + NODE_FIELDS * sizeof(PyObject *),
              "fields");
static_assert(sizeof(binding_relationship) ==
                  sizeof(PyObject) + RELATIONSHIP_FIELDS * sizeof(PyObject *),
              "fields");
static_assert(sizeof(binding_path) == sizeof(PyObject) + PATH_FIELDS * sizeof(PyObject *),
              "fields");

static PyObject **fields_of(PyObject *self, size_t *count)
{
    *count = PyObject_TypeCheck(self, (PyTypeObject *)binding.node)           ? NODE_FIELDS
             : PyObject_TypeCheck(self, (PyTypeObject *)binding.relationship) ? RELATIONSHIP_FIELDS
                                                                              : PATH_FIELDS;
    return (PyObject **)(self + 1);
}

static int entity_traverse(PyObject *self, visitproc visit, void *arg)
{
    size_t count;
    PyObject **fields = fields_of(self, &count);

    for (size_t i = 0; i < count; i++)
        Py_VISIT(fields[i]);
    VISIT_TYPE(self);
    return 0;
}

static int entity_clear(PyObject *self)
{
    size_t count;
    PyObject **fields = fields_of(self, &count);

    for (size_t i = 0; i < count; i++)
        Py_CLEAR(fields[i]);
    return 0;
}

static void entity_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    entity_clear(self);
    free_object(self);
}

/* Each takes its fields in order, all of them. */
static PyObject *entity_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *self = PyType_GenericAlloc(type, 0);
    PyObject **fields;
    size_t count;

    if (self == NULL) return NULL;
    fields = fields_of(self, &count);
    if (named != NULL || PyTuple_Size(args) != (Py_ssize_t)count) {
        PyErr_Format(PyExc_TypeError, "%zu positional arguments are needed", count);
        Py_DECREF(self);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        fields[i] = PyTuple_GetItem(args, (Py_ssize_t)i);
        Py_INCREF(fields[i]);
    }
    return self;
}

#define FIELD(type, field, text)                                                                   \
    {                                                                                              \
#field, T_OBJECT_EX, offsetof(type, field), READONLY, text                                 \
    }
static PyMemberDef node_members[] = {
    FIELD(binding_node, id, "Stable number of the node."),
    FIELD(binding_node, labels, "The node's labels, as a tuple."),
    FIELD(binding_node, properties, "The node's properties, as a dict."),
    {NULL, 0, 0, 0, NULL}};
static PyMemberDef relationship_members[] = {
    FIELD(binding_relationship, id, "Stable number of the relationship."),
    FIELD(binding_relationship, type, "The relationship's type."),
    FIELD(binding_relationship, source, "Id of the node that it begins at."),
    FIELD(binding_relationship, target, "Id of the node that it ends at."),
    FIELD(binding_relationship, properties, "The relationship's properties, as a dict."),
    {NULL, 0, 0, 0, NULL}};
static PyMemberDef path_members[] = {
    FIELD(binding_path, nodes, "The nodes, in the order in which the path was walked."),
    FIELD(binding_path, relationships, "The relationships between them."),
    {NULL, 0, 0, 0, NULL}};

#define ENTITY(name)                                                                               \
    static PyType_Slot name##_slots[] = {                                                          \
        {Py_tp_new, (void *)entity_new},           {Py_tp_dealloc, (void *)entity_dealloc},        \
        {Py_tp_traverse, (void *)entity_traverse}, {Py_tp_clear, (void *)entity_clear},            \
        {Py_tp_members, (void *)name##_members},   {0, NULL}}
ENTITY(node);
ENTITY(relationship);
ENTITY(path);
#define ENTITY_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE)
static PyType_Spec node_spec = {"sombra._sombra.NodeBase", sizeof(binding_node), 0, ENTITY_FLAGS,
                                node_slots};
static PyType_Spec relationship_spec = {"sombra._sombra.RelationshipBase",
                                        sizeof(binding_relationship), 0, ENTITY_FLAGS,
                                        relationship_slots};
static PyType_Spec path_spec = {"sombra._sombra.PathBase", sizeof(binding_path), 0, ENTITY_FLAGS,
                                path_slots};

bool binding_add_entities(PyObject *module)
{
    binding.columns = binding_add_type(module, &columns_spec, NULL);
    binding.row = binding_add_type(module, &row_spec, NULL);
    binding.node = binding_add_type(module, &node_spec, NULL);
    binding.relationship = binding_add_type(module, &relationship_spec, NULL);
    binding.path = binding_add_type(module, &path_spec, NULL);
    return binding.columns != NULL && binding.row != NULL && binding.node != NULL &&
           binding.relationship != NULL && binding.path != NULL;
}
