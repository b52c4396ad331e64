/* value.c — values: the library's struct to Python objects, and back.
 * What both sides have is converted here. Temporal values, durations and points go through the package's Python half: `make_*` and the classes make them, and
 * `to_value` turns objects that are unknown here (datetime, numpy's scalars, …) into known ones: None, bool, int, float, str, bytes, list, dict, an entity, or
 * a tuple subclass Packed (type, extra, fields …) that stands for the struct itself. */
#include "binding.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 100 /* of parameters: docs/LIMITS.md */

/* ---- Names ------------------------------------------------------------------------------------------------------------- */

static size_t name_slot(const char *text, size_t size)
{
    size_t hash = size;
    /* Keys differ at their ends more often than in between. */
    for (size_t i = 0; i < size && i < 8; i++)
        hash = hash * 31 + (unsigned char)text[i] + (unsigned char)text[size - 1 - i] * 7u;
    return hash % BINDING_NAMES;
}

PyObject *binding_name(binding_names *names, const char *text, size_t size)
{
    PyObject *string;
    char *copy;

    if (names == NULL) return PyUnicode_DecodeUTF8(text, (Py_ssize_t)size, NULL);
    const size_t slot = name_slot(text, size);
    if (names->slots[slot].string != NULL && names->slots[slot].size == size &&
        memcmp(names->slots[slot].text, text, size) == 0) {
        Py_INCREF(names->slots[slot].string);
        return names->slots[slot].string;
    }
    string = PyUnicode_DecodeUTF8(text, (Py_ssize_t)size, NULL);
    copy = string == NULL ? NULL : malloc(size == 0 ? 1 : size);
    if (copy == NULL) return string; /* benign: it is not remembered */
    memcpy(copy, text, size);
    PyUnicode_InternInPlace(&string);
    free(names->slots[slot].text);
    Py_XDECREF(names->slots[slot].string);
    Py_INCREF(string);
    names->slots[slot].text = copy;
    names->slots[slot].size = size;
    names->slots[slot].string = string;
    return string;
}

void binding_names_clear(binding_names *names)
{
    for (size_t i = 0; i < BINDING_NAMES; i++) {
        free(names->slots[i].text);
        Py_CLEAR(names->slots[i].string);
    }
    memset(names, 0, sizeof *names);
}

/* ---- Library to Python: entities ----------------------------------------------------------------------------------------- */

static PyObject *name_of(const binding_source *source, sombra_name_kind kind, uint32_t id)
{
    size_t size;
    const char *text = source->stmt != NULL ? sombra_stmt_name_text(source->stmt, kind, id, &size)
                                            : sombra_name_text(source->txn, kind, id, &size);

    if (text == NULL) return PyUnicode_FromString("");
    return binding_name(source->names, text, size);
}

static PyObject *properties_of(const binding_source *source, const sombra_prop *props, size_t count)
{
    PyObject *dict = PyDict_New();

    for (size_t i = 0; dict != NULL && i < count; i++) {
        PyObject *key = name_of(source, SOMBRA_KEY, props[i].key);
        PyObject *value = key == NULL ? NULL : binding_from_value(source, &props[i].value);

        if (value == NULL || PyDict_SetItem(dict, key, value) < 0) Py_CLEAR(dict);
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return dict;
}

static PyObject *labels_of(const binding_source *source, const sombra_node *node)
{
    PyObject *labels = PyTuple_New((Py_ssize_t)node->label_count);

    for (size_t i = 0; labels != NULL && i < node->label_count; i++) {
        PyObject *label = name_of(source, SOMBRA_LABEL, node->labels[i]);
        if (label == NULL)
            Py_CLEAR(labels);
        else
            PyTuple_SetItem(labels, (Py_ssize_t)i, label);
    }
    return labels;
}

static bool read_failed(const binding_source *source, sombra_status status)
{
    if (status == SOMBRA_OK) return false;
    (void)source;
    binding_raise_status(status, "a node or relationship of the result could not be read");
    return true;
}

PyObject *binding_node_of(const binding_source *source, uint64_t id)
{
    sombra_node node = {.id = id};
    bool found = false;
    binding_node *object;

    if (source->stmt != NULL &&
        read_failed(source, sombra_stmt_node(source->stmt, id, &node, &found)))
        return NULL;
    if (source->stmt == NULL && source->txn != NULL &&
        read_failed(source, sombra_get_node(source->txn, id, &node, &found)))
        return NULL;
    if (!found) node = (sombra_node){.id = id}; /* deleted by the same statement */
    object = (binding_node *)PyType_GenericAlloc((PyTypeObject *)binding.node_class, 0);
    if (object == NULL) return NULL;
    object->labels = labels_of(source, &node);
    object->properties =
        object->labels == NULL ? NULL : properties_of(source, node.props, node.prop_count);
    object->id = PyLong_FromUnsignedLongLong(id);
    if (object->id == NULL || object->labels == NULL || object->properties == NULL)
        Py_CLEAR(object);
    return (PyObject *)object;
}

PyObject *binding_relationship_of(const binding_source *source, uint64_t id)
{
    sombra_rel rel = {.id = id};
    bool found = false;
    binding_relationship *object;

    if (source->stmt != NULL &&
        read_failed(source, sombra_stmt_rel(source->stmt, id, &rel, &found)))
        return NULL;
    if (source->stmt == NULL && source->txn != NULL &&
        read_failed(source, sombra_get_rel(source->txn, id, &rel, &found)))
        return NULL;
    if (!found) rel = (sombra_rel){.id = id};
    object =
        (binding_relationship *)PyType_GenericAlloc((PyTypeObject *)binding.relationship_class, 0);
    if (object == NULL) return NULL;
    object->id = PyLong_FromUnsignedLongLong(id);
    object->source = PyLong_FromUnsignedLongLong(rel.source);
    object->target = PyLong_FromUnsignedLongLong(rel.target);
    object->type = found ? name_of(source, SOMBRA_TYPE, rel.type) : PyUnicode_FromString("");
    object->properties =
        object->type == NULL ? NULL : properties_of(source, rel.props, rel.prop_count);
    if (object->id == NULL || object->source == NULL || object->target == NULL ||
        object->properties == NULL)
        Py_CLEAR(object);
    return (PyObject *)object;
}

PyObject *binding_path_of(const binding_source *source, const uint64_t *nodes, const uint64_t *rels,
                          size_t length)
{
    binding_path *path = (binding_path *)PyType_GenericAlloc((PyTypeObject *)binding.path_class, 0);

    if (path == NULL) return NULL;
    path->nodes = PyTuple_New((Py_ssize_t)length + 1);
    path->relationships = PyTuple_New((Py_ssize_t)length);
    if (path->nodes == NULL || path->relationships == NULL) Py_CLEAR(path);
    for (size_t i = 0; path != NULL && i <= length; i++) {
        PyObject *node = binding_node_of(source, nodes[i]);
        PyObject *rel =
            node == NULL || i == length ? NULL : binding_relationship_of(source, rels[i]);

        if (node != NULL) PyTuple_SetItem(path->nodes, (Py_ssize_t)i, node);
        if (rel != NULL) PyTuple_SetItem(path->relationships, (Py_ssize_t)i, rel);
        if (node == NULL || (rel == NULL && i != length)) Py_CLEAR(path);
    }
    return (PyObject *)path;
}

/* ---- Library to Python: values --------------------------------------------------------------------------------------------- */

static PyObject *list_from(const binding_source *source, const sombra_value *value)
{
    PyObject *list = PyList_New((Py_ssize_t)value->as.list.count);

    for (size_t i = 0; list != NULL && i < value->as.list.count; i++) {
        PyObject *item = binding_from_value(source, &value->as.list.items[i]);
        if (item == NULL)
            Py_CLEAR(list);
        else
            PyList_SetItem(list, (Py_ssize_t)i, item);
    }
    return list;
}

static PyObject *map_from(const binding_source *source, const sombra_value *value)
{
    PyObject *dict = PyDict_New();

    for (size_t i = 0; dict != NULL && i < value->as.map.count; i++) {
        const sombra_entry *entry = &value->as.map.entries[i];
        PyObject *key = binding_name(source->names, entry->key, entry->key_size);
        PyObject *item = key == NULL ? NULL : binding_from_value(source, &entry->value);

        if (item == NULL || PyDict_SetItem(dict, key, item) < 0) Py_CLEAR(dict);
        Py_XDECREF(key);
        Py_XDECREF(item);
    }
    return dict;
}

/* datetime.date counts days from 1 for 0001-01-01, the library from 0 for 1970-01-01. */
#define DAYS_BEFORE_1970 719163
#define LAST_ORDINAL     3652059 /* 9999-12-31 */

static PyObject *date_from(int64_t days)
{
    if (days >= 1 - DAYS_BEFORE_1970 && days <= LAST_ORDINAL - DAYS_BEFORE_1970)
        return PyObject_CallFunction(binding.date_from_ordinal, "L",
                                     (long long)(days + DAYS_BEFORE_1970));
    return PyObject_CallFunction(binding.make_date, "L", (long long)days);
}

static PyObject *datetime_from(const sombra_value *value)
{
    const bool zoned = value->type == SOMBRA_TYPE_DATETIME;
    const long long seconds = (long long)value->as.datetime.seconds;

    if (!zoned)
        return PyObject_CallFunction(binding.make_datetime, "LIOO", seconds, (unsigned)value->extra,
                                     Py_None, Py_None);
    if (value->as.datetime.zone_size == 0)
        return PyObject_CallFunction(binding.make_datetime, "LIiO", seconds, (unsigned)value->extra,
                                     (int)value->as.datetime.offset, Py_None);
    return PyObject_CallFunction(binding.make_datetime, "LIis#", seconds, (unsigned)value->extra,
                                 (int)value->as.datetime.offset, value->as.datetime.zone,
                                 (Py_ssize_t)value->as.datetime.zone_size);
}

static PyObject *point_from(const sombra_value *value)
{
    const bool spatial = value->extra == 4979 || value->extra == 9157; /* the 3-D systems */

    if (spatial)
        return PyObject_CallFunction(binding.point_class, "dddI", value->as.point.x,
                                     value->as.point.y, value->as.point.z, (unsigned)value->extra);
    return PyObject_CallFunction(binding.point_class, "ddOI", value->as.point.x, value->as.point.y,
                                 Py_None, (unsigned)value->extra);
}

/* Lists of entities within each other are as deep as the language lets values be (1,000), which Py_EnterRecursiveCall would not. */
PyObject *binding_from_value(const binding_source *source, const sombra_value *value)
{
    switch ((sombra_type)value->type) {
    case SOMBRA_TYPE_NULL: break;
    case SOMBRA_TYPE_BOOL: return PyBool_FromLong(value->as.boolean);
    case SOMBRA_TYPE_INT: return PyLong_FromLongLong(value->as.integer);
    case SOMBRA_TYPE_FLOAT: return PyFloat_FromDouble(value->as.real);
    case SOMBRA_TYPE_STRING:
        return PyUnicode_DecodeUTF8(value->as.bytes.data == NULL ? "" : value->as.bytes.data,
                                    (Py_ssize_t)value->as.bytes.size, NULL);
    case SOMBRA_TYPE_BYTES:
        return PyBytes_FromStringAndSize(value->as.bytes.data, (Py_ssize_t)value->as.bytes.size);
    case SOMBRA_TYPE_DATE: return date_from(value->as.integer);
    case SOMBRA_TYPE_LOCAL_TIME:
        return PyObject_CallFunction(binding.make_time, "LO", (long long)value->as.integer,
                                     Py_None);
    case SOMBRA_TYPE_TIME:
        return PyObject_CallFunction(binding.make_time, "Li", (long long)value->as.time.ns,
                                     (int)value->as.time.offset);
    case SOMBRA_TYPE_LOCAL_DATETIME:
    case SOMBRA_TYPE_DATETIME: return datetime_from(value);
    case SOMBRA_TYPE_DURATION:
        return PyObject_CallFunction(
            binding.duration_class, "LLLi", (long long)value->as.duration.months,
            (long long)value->as.duration.days, (long long)value->as.duration.seconds,
            (int)value->as.duration.nanos);
    case SOMBRA_TYPE_POINT: return point_from(value);
    case SOMBRA_TYPE_LIST: return list_from(source, value);
    case SOMBRA_TYPE_MAP: return map_from(source, value);
    case SOMBRA_TYPE_NODE: return binding_node_of(source, value->as.id);
    case SOMBRA_TYPE_REL: return binding_relationship_of(source, value->as.id);
    case SOMBRA_TYPE_PATH:
        return binding_path_of(source, value->as.path.nodes, value->as.path.rels,
                               value->as.path.length);
    }
    Py_RETURN_NONE;
}

/* ---- Python to library: memory --------------------------------------------------------------------------------------------- */

struct binding_block {
    struct binding_block *next;
    max_align_t bytes[];
};

/* Takes the reference. */
static bool hold(binding_scratch *scratch, PyObject *object)
{
    bool kept;

    if (scratch->held_count < sizeof scratch->held / sizeof scratch->held[0]) {
        scratch->held[scratch->held_count++] = object;
        return true;
    }
    if (scratch->more == NULL) scratch->more = PyList_New(0);
    kept = scratch->more != NULL && PyList_Append(scratch->more, object) == 0;
    Py_DECREF(object);
    return kept;
}

static void *take_block(binding_scratch *scratch, size_t count, size_t bytes)
{
    struct binding_block *block = NULL;

    if (count < SIZE_MAX / 2 / bytes) block = calloc(1, sizeof *block + count * bytes);
    if (block == NULL) return PyErr_NoMemory();
    block->next = scratch->blocks;
    scratch->blocks = block;
    return block->bytes;
}

void binding_scratch_clear(binding_scratch *scratch)
{
    for (unsigned i = 0; i < scratch->held_count; i++)
        Py_DECREF(scratch->held[i]);
    scratch->held_count = 0;
    Py_CLEAR(scratch->more);
    while (scratch->blocks != NULL) {
        struct binding_block *next = scratch->blocks->next;
        free(scratch->blocks);
        scratch->blocks = next;
    }
}

bool binding_text_of(PyObject *object, const char **text, size_t *size, binding_scratch *scratch)
{
    PyObject *bytes = PyUnicode_AsUTF8String(object);
    char *data;
    Py_ssize_t length;

    if (bytes == NULL) return false;
    if (PyBytes_AsStringAndSize(bytes, &data, &length) < 0 || !hold(scratch, bytes)) return false;
    *text = data;
    *size = (size_t)length;
    return true;
}

/* ---- Python to library: values --------------------------------------------------------------------------------------------- */

static bool to_value(PyObject *object, unsigned depth, sombra_value *value,
                     binding_scratch *scratch);

static bool integer_to(PyObject *object, sombra_value *value)
{
    int overflow;
    const long long integer = PyLong_AsLongLongAndOverflow(object, &overflow);

    if (integer == -1 && PyErr_Occurred()) return false;
    if (overflow != 0) {
        binding_raise_status(
            SOMBRA_INVALID,
            "an int is beyond the 64 bits that an INTEGER has: give it as a float or a str");
        return false;
    }
    *value = sombra_int(integer);
    return true;
}

static bool bytes_to(PyObject *object, sombra_value *value, binding_scratch *scratch)
{
    PyObject *bytes = PyBytes_FromObject(object); /* itself, when it is bytes */

    if (bytes == NULL || !hold(scratch, bytes)) return false;
    *value = sombra_bytes(PyBytes_AsString(bytes), (size_t)PyBytes_Size(bytes));
    return true;
}

static bool list_to(PyObject *object, unsigned depth, sombra_value *value, binding_scratch *scratch)
{
    const bool is_list = PyList_Check(object);
    const Py_ssize_t count = is_list ? PyList_Size(object) : PyTuple_Size(object);
    sombra_value *items = take_block(scratch, (size_t)count, sizeof *items);

    if (items == NULL) return false;
    for (Py_ssize_t i = 0; i < count; i++) {
        /* to_value may run code that changes the list. */
        PyObject *item = is_list ? PyList_GetItem(object, i) : PyTuple_GetItem(object, i);
        bool done;

        if (item == NULL) return false;
        Py_INCREF(item);
        done = to_value(item, depth + 1, &items[i], scratch);
        if (!hold(scratch, item) || !done) return false;
    }
    value->type = SOMBRA_TYPE_LIST;
    value->as.list.items = items;
    value->as.list.count = (size_t)count;
    return true;
}

static bool map_to(PyObject *object, unsigned depth, sombra_value *value, binding_scratch *scratch)
{
    PyObject *pairs = PyDict_Items(object);
    const Py_ssize_t count = pairs == NULL ? 0 : PyList_Size(pairs);
    sombra_entry *entries =
        pairs == NULL ? NULL : take_block(scratch, (size_t)count, sizeof *entries);

    if (pairs != NULL && !hold(scratch, pairs)) return false;
    if (entries == NULL) return false;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *pair = PyList_GetItem(pairs, i);
        PyObject *key = PyTuple_GetItem(pair, 0);

        if (!PyUnicode_Check(key)) {
            binding_raise_status(SOMBRA_TYPE_MISMATCH, "the keys of a map must be str");
            return false;
        }
        if (!binding_text_of(key, &entries[i].key, &entries[i].key_size, scratch) ||
            !to_value(PyTuple_GetItem(pair, 1), depth + 1, &entries[i].value, scratch))
            return false;
    }
    value->type = SOMBRA_TYPE_MAP;
    value->as.map.entries = entries;
    value->as.map.count = (size_t)count;
    return true;
}

static bool entity_to(PyObject *id, uint32_t type, sombra_value *value)
{
    value->type = type;
    value->as.id = PyLong_AsUnsignedLongLong(id);
    return !(value->as.id == UINT64_MAX && PyErr_Occurred());
}

/* (type, extra, fields …) of the Python half. */
static bool packed_to(PyObject *packed, sombra_value *value, binding_scratch *scratch)
{
    long long a = 0, b = 0, c = 0, d = 0;
    PyObject *zone = Py_None;
    const char *text;
    size_t size;

    value->type = (uint32_t)PyLong_AsUnsignedLong(PyTuple_GetItem(packed, 0));
    value->extra = (uint32_t)PyLong_AsUnsignedLong(PyTuple_GetItem(packed, 1));
    if (PyErr_Occurred()) return false;
    switch ((sombra_type)value->type) {
    case SOMBRA_TYPE_DATE:
    case SOMBRA_TYPE_LOCAL_TIME:
        if (!PyArg_ParseTuple(packed, "OOL", &zone, &zone, &a)) return false;
        value->as.integer = a;
        return true;
    case SOMBRA_TYPE_TIME:
        if (!PyArg_ParseTuple(packed, "OOLL", &zone, &zone, &a, &b)) return false;
        value->as.time.ns = a;
        value->as.time.offset = (int32_t)b;
        return true;
    case SOMBRA_TYPE_LOCAL_DATETIME:
    case SOMBRA_TYPE_DATETIME:
        if (!PyArg_ParseTuple(packed, "OOLLO", &zone, &zone, &a, &b, &zone)) return false;
        value->as.datetime.seconds = a;
        value->as.datetime.offset = (int32_t)b;
        if (zone == Py_None) return true;
        if (!binding_text_of(zone, &text, &size, scratch)) return false;
        value->as.datetime.zone = text;
        value->as.datetime.zone_size = (uint32_t)size;
        return true;
    case SOMBRA_TYPE_DURATION:
        if (!PyArg_ParseTuple(packed, "OOLLLL", &zone, &zone, &a, &b, &c, &d)) return false;
        value->as.duration.months = a;
        value->as.duration.days = b;
        value->as.duration.seconds = c;
        value->as.duration.nanos = (int32_t)d;
        return true;
    case SOMBRA_TYPE_POINT:
        return PyArg_ParseTuple(packed, "OOddd", &zone, &zone, &value->as.point.x,
                                &value->as.point.y, &value->as.point.z) != 0;
    default: PyErr_SetString(PyExc_SystemError, "a packed value of an unknown type"); return false;
    }
}

/* What only the Python half knows; it answers with something known here, or (a tuple within a tuple) packed. */
static bool foreign_to(PyObject *object, unsigned depth, sombra_value *value,
                       binding_scratch *scratch)
{
    PyObject *known = PyObject_CallFunctionObjArgs(binding.to_value, object, NULL);
    PyObject *packed;

    if (known == NULL || !hold(scratch, known)) return false;
    if (!PyTuple_Check(known) || PyTuple_Size(known) != 1)
        return to_value(known, depth + 1, value, scratch);
    packed = PyTuple_GetItem(known, 0);
    if (!PyTuple_Check(packed)) {
        PyErr_SetString(PyExc_SystemError, "a packed value is a tuple");
        return false;
    }
    return packed_to(packed, value, scratch);
}

static bool to_value(PyObject *object, unsigned depth, sombra_value *value,
                     binding_scratch *scratch)
{
    *value = sombra_null();
    if (object == Py_None) return true;
    if (depth > DEPTH_MAX) {
        binding_raise_status(SOMBRA_LIMIT, "a value is nested deeper than 100");
        return false;
    }
    if (PyBool_Check(object)) {
        *value = sombra_bool(object == Py_True);
        return true;
    }
    if (PyLong_Check(object)) return integer_to(object, value);
    if (PyUnicode_Check(object)) {
        value->type = SOMBRA_TYPE_STRING;
        const char *text;
        if (!binding_text_of(object, &text, &value->as.bytes.size, scratch)) return false;
        value->as.bytes.data = text;
        return true;
    }
    if (PyFloat_Check(object)) {
        *value = sombra_float(PyFloat_AsDouble(object));
        return true;
    }
    if (PyObject_TypeCheck(object, (PyTypeObject *)binding.node))
        return entity_to(((binding_node *)object)->id, SOMBRA_TYPE_NODE, value);
    if (PyObject_TypeCheck(object, (PyTypeObject *)binding.relationship))
        return entity_to(((binding_relationship *)object)->id, SOMBRA_TYPE_REL, value);
    /* Duration and Point are named tuples: only plain tuples are lists. */
    if (PyList_Check(object) || PyTuple_CheckExact(object))
        return list_to(object, depth, value, scratch);
    if (PyDict_Check(object)) return map_to(object, depth, value, scratch);
    if (PyBytes_Check(object) || PyByteArray_Check(object) || PyMemoryView_Check(object))
        return bytes_to(object, value, scratch);
    if (PyObject_TypeCheck(object, (PyTypeObject *)binding.row))
        return to_value(((binding_row *)object)->values, depth, value, scratch);
    return foreign_to(object, depth, value, scratch);
}

bool binding_to_value(PyObject *object, sombra_value *value, binding_scratch *scratch)
{
    return to_value(object, 0, value, scratch);
}

bool binding_id_of(PyObject *object, uint64_t *id)
{
    PyObject *number = object;

    if (PyObject_TypeCheck(object, (PyTypeObject *)binding.node))
        number = ((binding_node *)object)->id;
    else if (PyObject_TypeCheck(object, (PyTypeObject *)binding.relationship))
        number = ((binding_relationship *)object)->id;
    number = PyNumber_Index(number); /* numpy's integers, too */
    if (number == NULL) return false;
    *id = PyLong_AsUnsignedLongLong(number);
    Py_DECREF(number);
    if (*id != UINT64_MAX || !PyErr_Occurred()) return true;
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Clear();
        binding_raise_status(SOMBRA_INVALID, "an id is a number from 0 to 2^64 - 1");
    }
    return false;
}
