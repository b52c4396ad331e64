/* graph.c — the graph interface of sombra.h as methods of Connection: single entities, neighbors, traversal, counts, administration.
 * Each runs in the transaction that is open on the connection, or in a read transaction of its own. The Python half names the parameters, gives defaults and
 * turns directions into numbers. */
#include "binding.h"

#include <stdlib.h>
#include <string.h>

#define CONNECTION(self) ((binding_connection *)(self))

/* ---- The transaction of a call --------------------------------------------------------------------------------------------- */

typedef struct graph_call {
    binding_connection *connection;
    sombra_txn *txn;
    bool own; /* begun here */
} graph_call;

static bool call_begin(graph_call *call, PyObject *self)
{
    binding_connection *connection = CONNECTION(self);

    *call = (graph_call){.connection = connection, .txn = connection->txn};
    if (!binding_enter(connection)) return false;
    call->txn = connection->txn;
    if (call->txn != NULL) return true;
    /* Results that are read hold a transaction, too: one connection has one at a time. */
    if (binding_settle(connection) &&
        binding_check(connection, sombra_begin(connection->conn, SOMBRA_READ, &call->txn))) {
        call->own = true;
        return true;
    }
    binding_leave(connection);
    return false;
}

static void call_end(graph_call *call)
{
    if (call->own) sombra_rollback(call->txn);
    binding_leave(call->connection);
}

static binding_source source_of(const graph_call *call)
{
    return (binding_source){.names = &call->connection->names, .txn = call->txn};
}

/* ---- Names ---------------------------------------------------------------------------------------------------------------------- */

/* Numbers of types given as a tuple of names, or None for all. *unknown: names were given, none of which the file has: nothing matches. */
typedef struct type_list {
    uint32_t *ids; /* owned */
    size_t count;
    bool unknown;
} type_list;

static bool find_name(graph_call *call, sombra_name_kind kind, PyObject *name, uint32_t *id)
{
    binding_scratch scratch = {0};
    const char *text;
    size_t size;
    bool done = false;

    *id = 0;
    if (!PyUnicode_Check(name))
        PyErr_SetString(PyExc_TypeError, "a label, type or key is a str");
    else if (binding_text_of(name, &text, &size, &scratch))
        done = binding_check(call->connection, sombra_name_find(call->txn, kind, text, size, id));
    binding_scratch_clear(&scratch);
    return done;
}

static bool find_types(graph_call *call, PyObject *names, type_list *types)
{
    *types = (type_list){.ids = NULL};
    if (names == Py_None) return true;
    const Py_ssize_t count = PyTuple_Size(names);
    if (count < 0) return false;
    types->ids = calloc((size_t)count + 1, sizeof *types->ids);
    if (types->ids == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        uint32_t id;
        bool twice = false;

        if (!find_name(call, SOMBRA_TYPE, PyTuple_GetItem(names, i), &id)) {
            free(types->ids);
            types->ids = NULL;
            return false;
        }
        for (size_t k = 0; k < types->count; k++)
            twice = twice || types->ids[k] == id;
        if (id != SOMBRA_NO_NAME && !twice) types->ids[types->count++] = id;
    }
    types->unknown = types->count == 0;
    return true;
}

/* ---- Entities ---------------------------------------------------------------------------------------------------------------------- */

static PyObject *entity(PyObject *self, PyObject *object, bool is_node)
{
    PyObject *answer = NULL;
    graph_call call;
    uint64_t id;
    bool found = false;

    if (!binding_id_of(object, &id) || !call_begin(&call, self)) return NULL;
    const binding_source source = source_of(&call);
    sombra_node node;
    sombra_rel rel;
    const sombra_status status = is_node ? sombra_get_node(call.txn, id, &node, &found)
                                         : sombra_get_rel(call.txn, id, &rel, &found);
    if (binding_check(call.connection, status)) {
        if (found)
            answer = is_node ? binding_node_of(&source, id) : binding_relationship_of(&source, id);
        else
            answer = (Py_INCREF(Py_None), Py_None);
    }
    call_end(&call);
    return answer;
}

static PyObject *graph_node(PyObject *self, PyObject *object)
{
    return entity(self, object, true);
}

static PyObject *graph_relationship(PyObject *self, PyObject *object)
{
    return entity(self, object, false);
}

/* neighbors(node, direction, types, distinct, limit, whole) → [id, …], or whole: [(node, relationship, type, outgoing), …] */
static PyObject *graph_neighbors(PyObject *self, PyObject *args)
{
    PyObject *object, *names, *answer = NULL;
    int direction, distinct, whole;
    unsigned long long limit;
    uint64_t id;
    graph_call call;
    type_list types;
    const sombra_neighbor *neighbors = NULL;
    bool quick = true; /* it is no statement: nobody remembers */
    size_t count = 0;
    sombra_status status = SOMBRA_OK;

    if (!PyArg_ParseTuple(args, "OiOpKp", &object, &direction, &names, &distinct, &limit, &whole) ||
        !binding_id_of(object, &id) || !call_begin(&call, self))
        return NULL;
    const binding_source source = source_of(&call);
    if (find_types(&call, names, &types)) {
        const sombra_neighbors_options options = {.direction = (sombra_direction)direction,
                                                  .types = types.ids,
                                                  .type_count = types.count,
                                                  .distinct = distinct != 0,
                                                  .limit = limit};
        if (!types.unknown)
            BINDING_KEPT(call.connection,
                         status = sombra_neighbors(call.txn, id, &options, &neighbors, &count),
                         &quick);
        if (binding_check(call.connection, status)) answer = PyList_New((Py_ssize_t)count);
        for (size_t i = 0; answer != NULL && i < count; i++) {
            const sombra_neighbor *n = &neighbors[i];
            PyObject *item = PyLong_FromUnsignedLongLong(n->node);

            if (whole && item != NULL) {
                size_t size;
                const char *text = sombra_name_text(call.txn, SOMBRA_TYPE, n->type, &size);
                PyObject *type =
                    binding_name(source.names, text == NULL ? "" : text, text == NULL ? 0 : size);
                item = type == NULL ? NULL
                                    : Py_BuildValue("(NKNO)", item, (unsigned long long)n->rel,
                                                    type, n->outgoing ? Py_True : Py_False);
            }
            if (item == NULL)
                Py_CLEAR(answer);
            else
                PyList_SetItem(answer, (Py_ssize_t)i, item);
        }
        free(types.ids);
    }
    call_end(&call);
    return answer;
}

/* degree(node, direction, types) */
static PyObject *graph_degree(PyObject *self, PyObject *args)
{
    PyObject *object, *names;
    int direction;
    uint64_t id, degree = 0;
    graph_call call;
    type_list types;
    bool done = false;

    if (!PyArg_ParseTuple(args, "OiO", &object, &direction, &names) ||
        !binding_id_of(object, &id) || !call_begin(&call, self))
        return NULL;
    if (find_types(&call, names, &types)) {
        done =
            types.unknown ||
            binding_check(call.connection, sombra_degree(call.txn, id, (sombra_direction)direction,
                                                         types.ids, types.count, &degree));
        free(types.ids);
    }
    call_end(&call);
    return done ? PyLong_FromUnsignedLongLong(degree) : NULL;
}

/* ---- Traversal ---------------------------------------------------------------------------------------------------------------------- */

typedef struct visited {
    struct {
        uint64_t node;
        uint32_t depth;
    } * items; /* owned */
    size_t count, capacity;
    bool no_memory;
} visited;

static bool note_visit(void *ctx, uint64_t node, uint32_t depth)
{
    visited *v = ctx;

    if (v->count == v->capacity) {
        const size_t capacity = v->capacity == 0 ? 256 : v->capacity * 2;
        void *more = realloc(v->items, capacity * sizeof *v->items);

        if (more == NULL) {
            v->no_memory = true;
            return false;
        }
        v->items = more;
        v->capacity = capacity;
    }
    v->items[v->count].node = node;
    v->items[v->count++].depth = depth;
    return true;
}

/* bfs(start, direction, types, max_depth, max_visits) → [(node, depth), …] */
static PyObject *graph_bfs(PyObject *self, PyObject *args)
{
    PyObject *object, *names, *answer = NULL;
    int direction;
    unsigned max_depth;
    unsigned long long max_visits;
    uint64_t id;
    graph_call call;
    type_list types;
    visited v = {.items = NULL};
    sombra_bfs_result result;
    sombra_status status;

    if (!PyArg_ParseTuple(args, "OiOIK", &object, &direction, &names, &max_depth, &max_visits) ||
        !binding_id_of(object, &id) || !call_begin(&call, self))
        return NULL;
    if (find_types(&call, names, &types)) {
        const sombra_bfs_options options = {
            .direction = (sombra_direction)direction,
            .types = types.ids,
            .type_count = types.count,
            /* An unknown type leads nowhere: the start alone is reached. */
            .max_depth = max_depth,
            .max_visits = types.unknown ? 1 : max_visits};
        BINDING_RELEASED(call.connection,
                         status = sombra_bfs(call.txn, id, &options, note_visit, &v, &result));
        if (v.no_memory)
            PyErr_NoMemory();
        else if (binding_check(call.connection, status))
            answer = PyList_New((Py_ssize_t)v.count);
        for (size_t i = 0; answer != NULL && i < v.count; i++) {
            PyObject *pair = Py_BuildValue("(KI)", (unsigned long long)v.items[i].node,
                                           (unsigned)v.items[i].depth);
            if (pair == NULL)
                Py_CLEAR(answer);
            else
                PyList_SetItem(answer, (Py_ssize_t)i, pair);
        }
        free(types.ids);
        free(v.items);
    }
    call_end(&call);
    return answer;
}

/* shortest_path(from, to, direction, types, max_depth, weight, default_weight) → Path or None; weight: a property key, or None */
static PyObject *graph_shortest_path(PyObject *self, PyObject *args)
{
    PyObject *first, *second, *names, *weight, *answer = NULL;
    int direction;
    unsigned max_depth;
    double default_weight;
    uint64_t from, to;
    graph_call call;
    type_list types;
    sombra_path path = {.found = false};
    sombra_status status = SOMBRA_OK;
    uint32_t key = 0;

    if (!PyArg_ParseTuple(args, "OOiOIOd", &first, &second, &direction, &names, &max_depth, &weight,
                          &default_weight) ||
        !binding_id_of(first, &from) || !binding_id_of(second, &to) || !call_begin(&call, self))
        return NULL;
    if (find_types(&call, names, &types)) {
        const sombra_bfs_options options = {.direction = (sombra_direction)direction,
                                            .types = types.ids,
                                            .type_count = types.count,
                                            .max_depth = max_depth};
        const bool has_key = weight == Py_None || find_name(&call, SOMBRA_KEY, weight, &key);
        /* With an unknown key every relationship has the default weight: the fewest are the cheapest. */
        if (has_key && !types.unknown)
            BINDING_RELEASED(call.connection,
                             status =
                                 key == 0 || key == SOMBRA_NO_NAME
                                     ? sombra_shortest_path(call.txn, from, to, &options, &path)
                                     : sombra_weighted_path(call.txn, from, to, &options, key,
                                                            default_weight, &path));
        if (has_key && binding_check(call.connection, status)) {
            if (!path.found) {
                answer = (Py_INCREF(Py_None), Py_None);
            } else { /* copied: reading its nodes is the transaction's next call */
                const size_t length = path.length;
                uint64_t *ids = calloc(2 * length + 1, sizeof *ids);

                if (ids == NULL) {
                    PyErr_NoMemory();
                } else {
                    const binding_source source = source_of(&call);

                    memcpy(ids, path.nodes, (length + 1) * sizeof *ids);
                    if (length != 0) memcpy(ids + length + 1, path.rels, length * sizeof *ids);
                    answer = binding_path_of(&source, ids, ids + length + 1, length);
                    free(ids);
                }
            }
        }
        free(types.ids);
    }
    call_end(&call);
    return answer;
}

/* ---- Counts and names ------------------------------------------------------------------------------------------------------------- */

/* count(is_rel, name) → entities of a label or type; name None: all. */
static PyObject *graph_count(PyObject *self, PyObject *args)
{
    PyObject *name;
    int is_rel;
    uint32_t id = 0;
    uint64_t count = 0;
    graph_call call;
    bool done;

    if (!PyArg_ParseTuple(args, "pO", &is_rel, &name) || !call_begin(&call, self)) return NULL;
    const sombra_name_kind kind = is_rel ? SOMBRA_TYPE : SOMBRA_LABEL;
    done = name == Py_None || find_name(&call, kind, name, &id);
    if (done)
        done = binding_check(call.connection, sombra_name_entities(call.txn, kind, id, &count));
    call_end(&call);
    return done ? PyLong_FromUnsignedLongLong(count) : NULL;
}

/* names(kind) → labels (0) and types (1) that something has, or all keys (2) of the file, whose uses are not counted. */
static PyObject *graph_names(PyObject *self, PyObject *args)
{
    PyObject *answer;
    int kind;
    graph_call call;

    if (!PyArg_ParseTuple(args, "i", &kind) || !call_begin(&call, self)) return NULL;
    const uint32_t count = sombra_name_count(call.txn, (sombra_name_kind)kind);
    answer = PyList_New(0);
    for (uint32_t id = 1; answer != NULL && id <= count; id++) {
        size_t size;
        uint64_t uses = 1;
        const char *text = sombra_name_text(call.txn, (sombra_name_kind)kind, id, &size);
        PyObject *name;

        if (kind != SOMBRA_KEY &&
            !binding_check(call.connection,
                           sombra_name_entities(call.txn, (sombra_name_kind)kind, id, &uses)))
            Py_CLEAR(answer);
        if (answer == NULL || uses == 0) continue;
        name = text == NULL ? NULL : binding_name(&call.connection->names, text, size);
        if (name != NULL && PyList_Append(answer, name) < 0) Py_CLEAR(answer);
        Py_XDECREF(name);
    }
    call_end(&call);
    return answer;
}

/* ---- Administration ---------------------------------------------------------------------------------------------------------------- */

static PyObject *graph_info(PyObject *self, PyObject *unused)
{
    graph_call call;
    sombra_info info;
    bool done;

    (void)unused;
    if (!call_begin(&call, self)) return NULL;
    done = binding_check(call.connection, sombra_get_info(call.txn, &info));
    call_end(&call);
    if (!done) return NULL;
#define N(field) #field, (unsigned long long)info.field
    return Py_BuildValue("{s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K}", N(page_size),
                         N(pages), N(free_pages), N(file_bytes), N(wal_bytes), N(wal_frames),
                         N(wal_backfilled), N(sequence), N(readers), N(nodes), N(rels),
                         N(memory_bytes), N(memory_peak));
#undef N
}

static PyObject *graph_digest(PyObject *self, PyObject *unused)
{
    graph_call call;
    uint8_t digest[16];
    sombra_status status;
    bool done;

    (void)unused;
    if (!call_begin(&call, self)) return NULL;
    BINDING_RELEASED(call.connection, status = sombra_digest(call.txn, digest));
    done = binding_check(call.connection, status);
    call_end(&call);
    return done ? PyBytes_FromStringAndSize((const char *)digest, sizeof digest) : NULL;
}

static void note_finding(void *ctx, uint64_t page, const char *message)
{
    binding_connection *connection = ((void **)ctx)[0];
    PyObject *list = ((void **)ctx)[1];
    PyObject *item;

    PyEval_RestoreThread(connection->released);
    item = page == UINT64_MAX ? Py_BuildValue("(Os)", Py_None, message)
                              : Py_BuildValue("(Ks)", (unsigned long long)page, message);
    if (item == NULL || PyList_Append(list, item) < 0) PyErr_Clear(); /* the count still tells */
    Py_XDECREF(item);
    connection->released = PyEval_SaveThread();
}

/* verify() → (number of findings, [(page, message), …]) */
static PyObject *graph_verify(PyObject *self, PyObject *unused)
{
    graph_call call;
    sombra_verify_result result;
    sombra_status status;
    PyObject *findings = PyList_New(0);
    bool done;

    (void)unused;
    if (findings == NULL) return NULL;
    if (!call_begin(&call, self)) {
        Py_DECREF(findings);
        return NULL;
    }
    void *ctx[] = {call.connection, findings};
    BINDING_RELEASED(call.connection, status = sombra_verify(call.txn, note_finding, ctx, &result));
    done = binding_check(call.connection, status);
    call_end(&call);
    if (done) return Py_BuildValue("(KN)", (unsigned long long)result.findings, findings);
    Py_DECREF(findings);
    return NULL;
}

/* Path of a file, as the file system has it: bytes, owned; NULL with an exception. */
static PyObject *path_bytes(PyObject *path, const char **text)
{
    PyObject *bytes = PyUnicode_EncodeFSDefault(path);

    *text = bytes == NULL ? NULL : PyBytes_AsString(bytes);
    if (*text == NULL) Py_CLEAR(bytes);
    return bytes;
}

static PyObject *graph_backup(PyObject *self, PyObject *path)
{
    graph_call call;
    const char *text;
    PyObject *bytes = path_bytes(path, &text);
    sombra_status status;
    bool done;

    if (bytes == NULL) return NULL;
    if (!call_begin(&call, self)) {
        Py_DECREF(bytes);
        return NULL;
    }
    BINDING_RELEASED(call.connection, status = sombra_backup(call.txn, text));
    done = binding_check(call.connection, status);
    call_end(&call);
    Py_DECREF(bytes);
    if (!done) return NULL;
    Py_RETURN_NONE;
}

static PyObject *graph_export_csv(PyObject *self, PyObject *path)
{
    graph_call call;
    const char *text;
    PyObject *bytes = path_bytes(path, &text);
    sombra_export_result result;
    sombra_status status;
    bool done;

    if (bytes == NULL) return NULL;
    if (!call_begin(&call, self)) {
        Py_DECREF(bytes);
        return NULL;
    }
    BINDING_RELEASED(call.connection, status = sombra_export_csv(call.txn, text, &result));
    done = binding_check(call.connection, status);
    call_end(&call);
    Py_DECREF(bytes);
    if (!done) return NULL;
    return Py_BuildValue("{s:K,s:K,s:K,s:K}", "nodes", (unsigned long long)result.nodes,
                         "relationships", (unsigned long long)result.rels, "files",
                         (unsigned long long)result.files, "bytes",
                         (unsigned long long)result.bytes);
}

/* Calls on the connection itself: no transaction may be open. */
static PyObject *outside(PyObject *self, PyObject *path,
                         sombra_status (*call)(sombra_conn *, const char *))
{
    binding_connection *connection = CONNECTION(self);
    const char *text = NULL;
    PyObject *bytes = path == Py_None ? NULL : path_bytes(path, &text);
    sombra_status status;
    bool done;

    if (bytes == NULL && path != Py_None) return NULL;
    if (!binding_enter(connection)) {
        Py_XDECREF(bytes);
        return NULL;
    }
    done = binding_settle(connection);
    if (done) {
        BINDING_RELEASED(connection, status = call(connection->conn, text));
        done = binding_check(connection, status);
    }
    binding_leave(connection);
    Py_XDECREF(bytes);
    if (!done) return NULL;
    Py_RETURN_NONE;
}

static PyObject *graph_restore(PyObject *self, PyObject *path)
{
    return outside(self, path, sombra_restore);
}

static PyObject *graph_vacuum(PyObject *self, PyObject *path)
{
    return outside(self, path, sombra_vacuum);
}

/* checkpoint(mode) → (frames, backfilled, pages written, restarted) */
static PyObject *graph_checkpoint(PyObject *self, PyObject *args)
{
    binding_connection *connection = CONNECTION(self);
    sombra_checkpoint_result result = {0};
    sombra_status status;
    int mode;
    bool done;

    if (!PyArg_ParseTuple(args, "i", &mode) || !binding_enter(connection)) return NULL;
    done = binding_settle(connection);
    if (done) {
        BINDING_RELEASED(connection, status = sombra_checkpoint(
                                         connection->conn, (sombra_checkpoint_mode)mode, &result));
        done = binding_check(connection, status);
    }
    binding_leave(connection);
    if (!done) return NULL;
    return Py_BuildValue("(KKKO)", (unsigned long long)result.wal_frames,
                         (unsigned long long)result.backfilled_frames,
                         (unsigned long long)result.pages_written,
                         result.restarted ? Py_True : Py_False);
}

/* pragma(name, value): both str */
static PyObject *graph_pragma(PyObject *self, PyObject *args)
{
    binding_connection *connection = CONNECTION(self);
    PyObject *name, *value;
    binding_scratch scratch = {0};
    const char *name_text, *value_text;
    size_t size;
    bool done = false;

    if (!PyArg_ParseTuple(args, "UU", &name, &value)) return NULL;
    if (binding_text_of(name, &name_text, &size, &scratch) &&
        binding_text_of(value, &value_text, &size, &scratch) && binding_enter(connection)) {
        done = binding_check(connection, sombra_pragma(connection->conn, name_text, value_text));
        binding_leave(connection);
    }
    binding_scratch_clear(&scratch);
    if (!done) return NULL;
    Py_RETURN_NONE;
}

PyMethodDef binding_graph_methods[] = {{"node", graph_node, METH_O, NULL},
                                       {"relationship", graph_relationship, METH_O, NULL},
                                       {"neighbors", graph_neighbors, METH_VARARGS, NULL},
                                       {"degree", graph_degree, METH_VARARGS, NULL},
                                       {"bfs", graph_bfs, METH_VARARGS, NULL},
                                       {"shortest_path", graph_shortest_path, METH_VARARGS, NULL},
                                       {"count", graph_count, METH_VARARGS, NULL},
                                       {"names", graph_names, METH_VARARGS, NULL},
                                       {"info", graph_info, METH_NOARGS, NULL},
                                       {"digest", graph_digest, METH_NOARGS, NULL},
                                       {"verify", graph_verify, METH_NOARGS, NULL},
                                       {"backup", graph_backup, METH_O, NULL},
                                       {"export_csv", graph_export_csv, METH_O, NULL},
                                       {"restore", graph_restore, METH_O, NULL},
                                       {"vacuum", graph_vacuum, METH_O, NULL},
                                       {"checkpoint", graph_checkpoint, METH_VARARGS, NULL},
                                       {"pragma", graph_pragma, METH_VARARGS, NULL},
                                       {NULL, NULL, 0, NULL}};
