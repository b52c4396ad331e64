/* arrow_create.c — nodes and relationships from a stream of Arrow record batches: one typed batch of the graph layer for each of them, all or none by a
 * savepoint around the call. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/arrow_in.h"
#include "base/map.h"

/* One call. */
typedef struct arrow_load {
    sombra_txn *txn;
    struct ArrowArrayStream *stream;
    sombra_arrow_in in;
    struct ArrowSchema schema;
    struct ArrowArray batch;
    uint32_t
        *keys; /* arena, of the call: the property of each column; 0: an end of relationships */
    sb_prop_column *columns; /* the same, for each batch anew */
    sb_arena *names;         /* owned; the other one, in.arena, is emptied before each batch */
    uint64_t batch_number;   /* from 1 */
    /* nodes */
    sb_set_id set;
    /* relationships */
    bool is_rels;
    sb_type_id type;
    struct arrow_end {
        size_t column;      /* place in the schema */
        uint32_t schema_id; /* the index of the nodes' keys; 0: the column has ids */
        uint32_t label, key;
        bool is_unique; /* the index has each key once */
        sb_map alone;   /* else: nodes that were seen to be the only ones with their key */
    } ends[2];
} arrow_load;

/* ---- The producer -------------------------------------------------------------------------------------------------- */

static sb_status load_failed(const arrow_load *load, int failed)
{
    const char *why =
        load->stream->get_last_error == NULL ? NULL : load->stream->get_last_error(load->stream);

    if (failed == ENOMEM) return SB_FAIL_NOMEM(load->in.err);
    return SB_FAIL_OS(load->in.err, SB_IO, failed,
                      "the producer of the Arrow stream failed: %.300s",
                      why == NULL ? "it does not say why" : why);
}

static sb_status load_schema(arrow_load *load)
{
    const struct ArrowSchema *const schema = &load->schema;

    const sb_status before = sombra__callback_begin(load->txn->conn);
    const int failed = load->stream->get_schema(load->stream, &load->schema);
    sombra__callback_end(load->txn->conn, before);
    if (failed != 0) return load_failed(load, failed);
    if (schema->format == NULL || strcmp(schema->format, "+s") != 0 || schema->n_children < 0 ||
        schema->n_children > INT32_MAX || (schema->n_children != 0 && schema->children == NULL))
        return SB_FAIL(load->in.err, SB_TYPE_MISMATCH,
                       "record batches are needed: the stream's type is '%.30s'",
                       schema->format == NULL ? "" : schema->format);
    for (int64_t i = 0; i < schema->n_children; i++)
        if (schema->children[i] == NULL || schema->children[i]->name == NULL ||
            schema->children[i]->name[0] == '\0')
            return SB_FAIL(load->in.err, SB_INVALID, "column %lld of the Arrow stream has no name",
                           (long long)i);
    load->keys = sb_arena_alloc_array(load->names, (size_t)schema->n_children, sizeof *load->keys);
    load->columns =
        sb_arena_alloc_array(load->names, (size_t)schema->n_children, sizeof *load->columns);
    if (load->keys == NULL || load->columns == NULL) return SB_FAIL_NOMEM(load->in.err);
    return SB_OK;
}

/* Property keys of the columns that are no ends. */
static sb_status load_keys(arrow_load *load)
{
    for (size_t i = 0; i < (size_t)load->schema.n_children; i++) {
        load->keys[i] = 0;
        if (load->is_rels && (i == load->ends[0].column || i == load->ends[1].column)) continue;
        if (sombra_name_intern(load->txn, SOMBRA_KEY, load->schema.children[i]->name,
                               SOMBRA_NUL_TERMINATED, &load->keys[i]) != SOMBRA_OK)
            return load->in.err->code;
    }
    return SB_OK;
}

/* The column of an end by its name, and the index of its keys. */
static sb_status load_end(arrow_load *load, const char *name, uint32_t label, uint32_t key,
                          struct arrow_end *end)
{
    const size_t count = (size_t)load->schema.n_children;

    end->column = 0;
    while (end->column < count && strcmp(load->schema.children[end->column]->name, name) != 0)
        end->column++;
    if (end->column == count)
        return SB_FAIL(load->in.err, SB_NOT_FOUND, "the Arrow stream has no column '%.200s'", name);
    end->schema_id = 0;
    if (label == 0 && key == 0) return SB_OK;
    const sb_schema *schema = sb_graph_index_for(load->txn->graph, SB_NODE, label, &key, 1);
    if (schema == NULL)
        return SB_FAIL(load->in.err, SB_NOT_FOUND,
                       "column '%.200s' has keys of nodes, but there is no index of that label and "
                       "key: make a unique constraint first",
                       name);
    end->schema_id = schema->id;
    end->label = label;
    end->key = key;
    end->is_unique = schema->kind == SB_SCHEMA_UNIQUE || schema->kind == SB_SCHEMA_NODE_KEY;
    return SB_OK;
}

/* ---- Batches -------------------------------------------------------------------------------------------------------------- */

static sb_status load_column(arrow_load *load, size_t i, sb_prop_column *column)
{
    const struct ArrowArray *const batch = &load->batch;

    load->in.column = load->schema.children[i]->name;
    return sombra__arrow_in_column(&load->in, load->schema.children[i], batch->children[i],
                                   (size_t)batch->offset, (size_t)batch->length, column);
}

static sb_status load_missing(const arrow_load *load, const struct arrow_end *end, size_t row,
                              const char *what)
{
    return SB_FAIL(load->in.err, SB_NOT_FOUND, "column '%.100s', row %zu: %s",
                   load->schema.children[end->column]->name, load->in.first + row, what);
}

/* Bytes of a key that a message shows, in whole characters. */
#define KEY_SHOWN 60u

/* nodes: "no node has" or "several nodes have" it. */
static sb_status load_no_node(const arrow_load *load, const struct arrow_end *end, size_t row,
                              const char *nodes, const sb_value *key)
{
    char what[KEY_SHOWN + 40];
    sb_buffer text;

    (void)snprintf(what, sizeof what, "%s that key", nodes);
    sb_buffer_init(&text, &load->txn->conn->db->memory.base);
    /* benign: without memory, or of a list, the message says no more */
    if (key->type != SB_TYPE_LIST && sb_value_to_text(key, &text) == SB_OK) {
        size_t shown = text.size < KEY_SHOWN ? text.size : KEY_SHOWN;
        while (shown > 0 && shown < text.size && (text.data[shown] & 0xC0) == 0x80)
            shown--;
        (void)snprintf(what, sizeof what, "%s the key %.*s%s", nodes, (int)shown,
                       (const char *)text.data, shown < text.size ? "…" : "");
    }
    sb_buffer_deinit(&text);
    return load_missing(load, end, row, what);
}

/* Any of several nodes would be a guess. Each is asked for once. */
static sb_status load_check_alone(arrow_load *load, struct arrow_end *end, size_t row,
                                  const sb_value *key, sb_node_id node)
{
    const sb_scan_options options = {
        .entity = SB_NODE, .name = end->label, .key = end->key, .equal = key};
    sb_node_id nodes[2];
    size_t count = 1, seen = 0;
    bool is_new;
    sb_scan *scan;
    sb_status status = SB_OK;

    if (sb_map_at(&end->alone, node, &is_new) == NULL) return SB_FAIL_NOMEM(load->in.err);
    if (!is_new) return SB_OK;
    SB_TRY(sb_scan_open(load->txn->graph, &options, &scan, load->in.err));
    for (; status == SB_OK && count != 0 && seen < 2; seen += count)
        status = sb_scan_next(scan, nodes, 2, &count, load->in.err);
    sb_scan_close(scan);
    SB_TRY(status);
    return seen < 2 ? SB_OK : load_no_node(load, end, row, "several nodes have", key);
}

/* The nodes of one end. */
static sb_status load_nodes_of(arrow_load *load, struct arrow_end *end, const uint64_t **ids)
{
    const size_t count = (size_t)load->batch.length;
    sb_prop_column column;
    const sb_value *values;
    uint64_t *found;

    SB_TRY(load_column(load, end->column, &column));
    for (size_t i = 0; column.present != NULL && i < count; i++)
        if (!sb_bit_get(column.present, i)) return load_missing(load, end, i, "it is null");
    if (end->schema_id == 0) {
        if (column.type != SB_TYPE_INT || column.integers == NULL)
            return SB_FAIL(load->in.err, SB_TYPE_MISMATCH,
                           "column '%.100s': ids of nodes are integers",
                           load->schema.children[end->column]->name);
        for (size_t i = 0; i < count; i++)
            if (column.integers[i] < 0)
                return SB_FAIL(load->in.err, SB_NOT_FOUND,
                               "column '%.100s', row %zu: no node has the id %lld",
                               load->schema.children[end->column]->name, load->in.first + i,
                               (long long)column.integers[i]);
        *ids = (const uint64_t *)(const void *)column.integers;
        return SB_OK;
    }
    SB_TRY(sombra__arrow_in_values(&load->in, &column, count, &values));
    found = sb_arena_alloc_array(load->in.arena, count, sizeof *found);
    *ids = found;
    if (found == NULL) return SB_FAIL_NOMEM(load->in.err);
    SB_TRY(sb_graph_lookup_many(load->txn->graph, end->schema_id, values, 1, count, found,
                                load->in.err));
    for (size_t i = 0; i < count; i++)
        if (found[i] == 0) return load_no_node(load, end, i, "no node has", &values[i]);
    for (size_t i = 0; !end->is_unique && i < count; i++)
        SB_TRY(load_check_alone(load, end, i, &values[i], found[i]));
    return SB_OK;
}

static sb_status load_batch(arrow_load *load)
{
    sombra_conn *const conn = load->txn->conn;
    const size_t count = (size_t)load->batch.length;
    const uint64_t *sources = NULL, *targets = NULL;
    size_t column_count = 0;
    uint64_t *ids;

    if (count > UINT32_MAX)
        return SB_FAIL(load->in.err, SB_LIMIT, "%zu rows in one batch: at most %u are possible",
                       count, UINT32_MAX);
    for (size_t i = 0; i < (size_t)load->schema.n_children; i++) {
        if (load->keys[i] == 0) continue;
        SB_TRY(load_column(load, i, &load->columns[column_count]));
        load->columns[column_count++].key = load->keys[i];
    }
    if (load->is_rels) {
        SB_TRY(load_nodes_of(load, &load->ends[0], &sources));
        SB_TRY(load_nodes_of(load, &load->ends[1], &targets));
    }
    if (sb_buffer_reserve(&conn->made, count * sizeof *ids) != SB_OK)
        return SB_FAIL_NOMEM(load->in.err);
    ids = (uint64_t *)(void *)(conn->made.data + conn->made.size);
    SB_TRY(load->is_rels
               ? sb_graph_create_rels(load->txn->graph, load->type, count, sources, targets,
                                      load->columns, column_count, ids, load->in.err)
               : sb_graph_create_nodes(load->txn->graph, load->set, count, load->columns,
                                       column_count, ids, load->in.err));
    conn->made.size += count * sizeof *ids;
    return SB_OK;
}

/* *more false at the end of the stream. */
static sb_status load_next(arrow_load *load, bool *more)
{
    sb_status status;

    const sb_status before = sombra__callback_begin(load->txn->conn);
    const int failed = load->stream->get_next(load->stream, &load->batch);
    sombra__callback_end(load->txn->conn, before);
    *more = failed == 0 && load->batch.release != NULL;
    if (failed != 0) return load_failed(load, failed);
    if (!*more) return SB_OK;
    load->batch_number++;
    load->in.column = "";
    load->in.first = load->txn->conn->made.size / sizeof(uint64_t);
    sb_arena_reset(load->in.arena);
    status = sombra__arrow_in_check_batch(&load->in, &load->schema, &load->batch);
    if (status == SB_OK && load->batch.length != 0) status = load_batch(load);
    load->batch.release(&load->batch);
    load->batch.release = NULL;
    if (status != SB_OK)
        sb_err_prefix(load->in.err, "batch %llu", (unsigned long long)load->batch_number);
    else if (!sombra__progress(load->txn->conn, load->txn->conn->made.size / sizeof(uint64_t), 0))
        status = SB_FAIL(load->in.err, SB_INTERRUPT, "the call was cancelled");
    return status;
}

static sb_status load_all(arrow_load *load, const char *const names[2], const uint32_t keys[4])
{
    bool more = true;

    SB_TRY(load_schema(load));
    if (load->is_rels) {
        SB_TRY(load_end(load, names[0], keys[0], keys[1], &load->ends[0]));
        SB_TRY(load_end(load, names[1], keys[2], keys[3], &load->ends[1]));
        if (load->ends[0].column == load->ends[1].column)
            return SB_FAIL(load->in.err, SB_INVALID,
                           "source and target are the same column, '%.200s'", names[0]);
    }
    SB_TRY(load_keys(load));
    while (more)
        SB_TRY(load_next(load, &more));
    return SB_OK;
}

/* ---- All or none ------------------------------------------------------------------------------------------------------------ */

static sb_status load_undone(sombra_txn *txn, uint32_t savepoint, sb_status status)
{
    sb_err undo;

    if (status != SB_OK) {
        sb_err_clear(&undo); /* what failed first is told */
        if (sb_txn_rollback_to(txn->txn, savepoint, &undo) == SB_OK)
            (void)(sb_txn_release(txn->txn, savepoint, &undo) == SB_OK);
        return status;
    }
    return sb_txn_release(txn->txn, savepoint, &txn->conn->err);
}

static sb_status load_run(arrow_load *load, const char *const names[2], const uint32_t keys[4])
{
    sombra_txn *const txn = load->txn;
    const sb_allocator *alloc = &txn->conn->db->memory.base;
    sb_zone_source source = {.vfs = txn->conn->db->files, .alloc = alloc};
    uint32_t savepoint;
    sb_status status = SB_OK;

    sb_buffer_reset(&txn->conn->made);
    load->in.err = &txn->conn->err;
    for (unsigned end = 0; end < 2; end++)
        sb_map_init(&load->ends[end].alone, alloc);
    load->in.arena = sb_arena_create(alloc, NULL);
    load->names = sb_arena_create(alloc, NULL);
    if (load->in.arena == NULL || load->names == NULL) status = SB_FAIL_NOMEM(load->in.err);
    if (status == SB_OK)
        status =
            sb_zones_create(alloc, sb_zone_read_system, &source, &load->in.zones, load->in.err);
    if (status == SB_OK) status = sb_txn_savepoint(txn->txn, &savepoint, load->in.err);
    if (status == SB_OK) {
        txn->conn->loading = true;
        sombra__run_begin(txn->conn);
        status = load_all(load, names, keys);
        status = sombra__call_end(txn->conn, status);
        txn->conn->loading = false;
        status = load_undone(txn, savepoint, status);
    }
    if (load->schema.release != NULL) load->schema.release(&load->schema);
    sb_zones_destroy(load->in.zones);
    sb_arena_destroy(load->in.arena);
    sb_arena_destroy(load->names);
    for (unsigned end = 0; end < 2; end++)
        sb_map_deinit(&load->ends[end].alone);
    return status;
}

/* The ids that were made, or none after a failure. */
static sombra_status load_result(sombra_txn *txn, sb_status status, sombra_change change,
                                 const uint64_t **ids, size_t *count)
{
    const uint64_t *const made = (const uint64_t *)(const void *)txn->conn->made.data;
    const size_t made_count = txn->conn->made.size / sizeof *made;

    if (status != SB_OK) return sombra__status(status);
    if (ids != NULL) *ids = made;
    if (count != NULL) *count = made_count;
    sombra__changed(txn->conn, change, made, made_count);
    return SOMBRA_OK;
}

static sombra_status create_nodes_from(sombra_txn *txn, const uint32_t *labels, size_t label_count,
                                       struct ArrowArrayStream *stream, const uint64_t **ids,
                                       size_t *count)
{
    static const char *const no_names[2];
    static const uint32_t no_keys[4];
    arrow_load load = {.txn = txn, .stream = stream};
    sb_status status;

    SOMBRA_ENTER_WRITE(txn);
    SOMBRA_ARG_ARRAY(txn, labels, label_count);
    SOMBRA_ARG_GIVEN(txn, stream);
    SOMBRA_ARG_GIVEN(txn, stream->release);
    status = sombra__label_set(txn, labels, label_count, &load.set);
    if (status == SB_OK) status = load_run(&load, no_names, no_keys);
    return load_result(txn, status, SOMBRA_NODE_CREATED, ids, count);
}

static sombra_status create_rels_from(sombra_txn *txn, uint32_t type, const sombra_arrow_ends *ends,
                                      struct ArrowArrayStream *stream, const uint64_t **ids,
                                      size_t *count)
{
    static const sombra_arrow_ends plain = {.source = NULL};
    arrow_load load = {.txn = txn, .stream = stream, .is_rels = true, .type = type};

    SOMBRA_ENTER_WRITE(txn);
    SOMBRA_ARG_GIVEN(txn, stream);
    SOMBRA_ARG_GIVEN(txn, stream->release);
    if (ends == NULL) ends = &plain;
    SOMBRA_ARG(txn, (ends->source_label == 0) == (ends->source_key == 0), "the sources have a %s",
               ends->source_key == 0 ? "label, but no key" : "key, but no label");
    SOMBRA_ARG(txn, (ends->target_label == 0) == (ends->target_key == 0), "the targets have a %s",
               ends->target_key == 0 ? "label, but no key" : "key, but no label");
    const char *const names[2] = {ends->source == NULL ? "source" : ends->source,
                                  ends->target == NULL ? "target" : ends->target};
    const uint32_t keys[4] = {ends->source_label, ends->source_key, ends->target_label,
                              ends->target_key};
    return load_result(txn, load_run(&load, names, keys), SOMBRA_REL_CREATED, ids, count);
}

/* The stream is this call's, on every path. */
static void release_stream(struct ArrowArrayStream *stream)
{
    if (stream != NULL && stream->release != NULL) {
        stream->release(stream);
        stream->release = NULL; /* also of a producer that forgets it */
    }
}

sombra_status sombra_create_nodes_arrow(sombra_txn *txn, const uint32_t *labels, size_t label_count,
                                        struct ArrowArrayStream *stream, const uint64_t **ids,
                                        size_t *count)
{
    sombra_status status;

    if (ids != NULL) *ids = NULL;
    if (count != NULL) *count = 0;
    status = create_nodes_from(txn, labels, label_count, stream, ids, count);
    release_stream(stream);
    return status;
}

sombra_status sombra_create_rels_arrow(sombra_txn *txn, uint32_t type,
                                       const sombra_arrow_ends *ends,
                                       struct ArrowArrayStream *stream, const uint64_t **ids,
                                       size_t *count)
{
    sombra_status status;

    if (ids != NULL) *ids = NULL;
    if (count != NULL) *count = 0;
    status = create_rels_from(txn, type, ends, stream, ids, count);
    release_stream(stream);
    return status;
}
