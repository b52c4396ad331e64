/* walk.c — a graph to records: each node and relationship in order of id, names, texts of values, the file that is written. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/formats/formats.h"

#define IDS_AT_ONCE 1024u
#define WRITE_BYTES ((size_t)1 << 20)

static sombra_status fail_conn(fmt_walk *walk)
{
    const sombra_error *error = sombra_error_of(walk->conn);

    return fmt_fail(walk->error, error->status, "%s", error->message);
}

sombra_status fmt_walk_begin(fmt_walk *walk)
{
    uint64_t nodes = 0, rels = 0;

    if (sombra_name_entities(walk->txn, SOMBRA_LABEL, 0, &nodes) != SOMBRA_OK ||
        sombra_name_entities(walk->txn, SOMBRA_TYPE, 0, &rels) != SOMBRA_OK)
        return fail_conn(walk);
    walk->total = nodes + rels;
    walk->done = 0;
    return SOMBRA_OK;
}

typedef struct visitor {
    sombra_status (*node)(void *ctx, const sombra_node *node);
    sombra_status (*rel)(void *ctx, const sombra_rel *rel);
    void *ctx;
} visitor;

sombra_status fmt_check_ends(sombra_conn *conn, sombra_txn *txn, const sombra_rel *rel,
                             fmt_error *error)
{
    const uint64_t ends[2] = {rel->source, rel->target};
    uint8_t exist = 0;
    const sombra_status status = sombra_nodes_exist(txn, ends, 2, &exist);

    if (status != SOMBRA_OK) return fmt_fail(error, status, "%s", sombra_error_of(conn)->message);
    if (exist == 3) return SOMBRA_OK;
    const unsigned end = exist & 1u; /* 0: the source is not there */
    return fmt_fail(error, SOMBRA_CORRUPT,
                    "relationship %llu leads %s node %llu, which does not exist: no import would "
                    "take it (sombra recover leaves out what leads nowhere)",
                    (unsigned long long)rel->id, end == 0 ? "from" : "to",
                    (unsigned long long)ends[end]);
}

static sombra_status visit_one(fmt_walk *walk, const visitor *v, uint64_t id)
{
    sombra_node node;
    sombra_rel rel;
    bool found = false;

    if (v->node != NULL) {
        if (sombra_get_node(walk->txn, id, &node, &found) != SOMBRA_OK) return fail_conn(walk);
        return found ? v->node(v->ctx, &node) : SOMBRA_OK;
    }
    if (sombra_get_rel(walk->txn, id, &rel, &found) != SOMBRA_OK) return fail_conn(walk);
    if (!found) return SOMBRA_OK;
    const sombra_status status = fmt_check_ends(walk->conn, walk->txn, &rel, walk->error);
    return status == SOMBRA_OK ? v->rel(v->ctx, &rel) : status;
}

static sombra_status each(fmt_walk *walk, const visitor *v)
{
    const sombra_scan_options options = {.entity = v->node != NULL ? SOMBRA_NODE : SOMBRA_REL};
    sombra_status status = SOMBRA_OK;
    uint64_t ids[IDS_AT_ONCE];
    sombra_scan *scan;
    size_t count;

    if (sombra_scan_open(walk->txn, &options, &scan) != SOMBRA_OK) return fail_conn(walk);
    while (status == SOMBRA_OK) {
        if (sombra_scan_next(scan, ids, IDS_AT_ONCE, &count) != SOMBRA_OK) {
            status = fail_conn(walk);
            break;
        }
        if (count == 0) break;
        for (size_t i = 0; i < count && status == SOMBRA_OK; i++)
            status = visit_one(walk, v, ids[i]);
        walk->done += count;
        walk->entities += count;
        if (status == SOMBRA_OK && walk->tick != NULL &&
            !walk->tick(walk->tick_ctx, walk->done, walk->total))
            status = fmt_fail(walk->error, SOMBRA_INTERRUPT, "the export was cancelled");
    }
    sombra_scan_close(scan);
    return status;
}

sombra_status fmt_each_node(fmt_walk *walk, sombra_status (*visit)(void *ctx, const sombra_node *),
                            void *ctx)
{
    const visitor v = {.node = visit, .ctx = ctx};
    return each(walk, &v);
}

sombra_status fmt_each_rel(fmt_walk *walk, sombra_status (*visit)(void *ctx, const sombra_rel *),
                           void *ctx)
{
    const visitor v = {.rel = visit, .ctx = ctx};
    return each(walk, &v);
}

sombra_text fmt_name(fmt_walk *walk, sombra_name_kind kind, uint32_t id)
{
    size_t size = 0;
    const char *text = sombra_name_text(walk->txn, kind, id, &size);

    return fmt_text(text == NULL ? "" : text, text == NULL ? 0 : size);
}

/* ---- Values -------------------------------------------------------------------------------------------------- */

static const char *scalar_name(uint32_t type)
{
    static const char *const names[] = {
        "any",       "boolean", "int",           "float",    "string",   "bytes", "date",
        "localtime", "time",    "localdatetime", "datetime", "duration", "point"};

    return type < sizeof names / sizeof *names ? names[type] : "any";
}

void fmt_type_name(const sombra_value *value, char name[24])
{
    const sombra_value *items = value->as.list.items;
    const char *of = "any";

    if (value->type != SOMBRA_TYPE_LIST) {
        (void)snprintf(name, 24, "%s", scalar_name(value->type));
        return;
    }
    for (size_t i = 0; i < value->as.list.count; i++) {
        if (items[i].type != items[0].type) {
            of = "any";
            break;
        }
        of = scalar_name(items[0].type);
    }
    (void)snprintf(name, 24, "%s[]", of);
}

static sombra_status put_plain(fmt_walk *walk, fmt_buffer *out, const sombra_value *value)
{
    for (size_t room = 64;;) {
        size_t size = 0;
        if (out->capacity - out->size < room)
            out->data = fmt_grow(out->data, &out->capacity, out->size + room, 1);
        const size_t left = out->capacity - out->size;
        const sombra_status status =
            sombra_value_to_text(value, out->data + out->size, left, &size);
        if (status != SOMBRA_OK)
            return fmt_fail(walk->error, status, "a value can not be written: %s",
                            sombra_status_text(status));
        if (size <= left) {
            out->size += size;
            return SOMBRA_OK;
        }
        room = size;
    }
}

/* An item of any[]: its type, a colon, its text; in quotes when it holds the delimiter. */
static sombra_status put_typed_item(fmt_walk *walk, fmt_buffer *out, const sombra_value *item)
{
    const size_t from = out->size;
    fmt_buffer text = {0};

    fmt_printf(&text, "%s:", scalar_name(item->type));
    const sombra_status status = put_plain(walk, &text, item);
    if (memchr(text.data, ';', text.size) == NULL) {
        fmt_put(out, text.data, text.size);
    } else {
        fmt_put(out, "\"", 1);
        for (size_t i = 0; i < text.size; i++)
            fmt_put(out, text.data[i] == '"' ? "\"\"" : &text.data[i], text.data[i] == '"' ? 2 : 1);
        fmt_put(out, "\"", 1);
    }
    if (status != SOMBRA_OK) out->size = from;
    free(text.data);
    return status;
}

sombra_status fmt_put_value(fmt_walk *walk, fmt_buffer *out, const sombra_value *value)
{
    sombra_status status = SOMBRA_OK;
    char type[24];

    fmt_type_name(value, type);
    if (strcmp(type, "any[]") != 0) return put_plain(walk, out, value);
    for (size_t i = 0; i < value->as.list.count && status == SOMBRA_OK; i++) {
        if (i != 0) fmt_put(out, ";", 1);
        status = put_typed_item(walk, out, &value->as.list.items[i]);
    }
    return status;
}

/* ---- Output ------------------------------------------------------------------------------------------------------ */

sombra_status fmt_output_open(fmt_output *out, const char *path, fmt_error *error)
{
    *out = (fmt_output){.path = path};
    if (strcmp(path, "-") == 0) {
        out->file = stdout;
        return SOMBRA_OK;
    }
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno == EEXIST
                   ? fmt_fail(error, SOMBRA_EXISTS,
                              "%s: the file exists; export does not write over it", path)
                   : fmt_fail_open(error, path);
    out->made = true;
    out->file = fmt_need(fdopen(fd, "wb"));
    return SOMBRA_OK;
}

sombra_status fmt_output_flush(fmt_output *out, bool all, fmt_error *error)
{
    if (out->buffer.size < WRITE_BYTES && !all) return SOMBRA_OK;
    if (!fmt_write(out->file, out->buffer.data, out->buffer.size, out->xml) ||
        (all && fflush(out->file) != 0))
        return fmt_fail(error, errno == ENOSPC ? SOMBRA_FULL : SOMBRA_IO, "%s: %s", out->path,
                        strerror(errno));
    out->bytes += out->buffer.size;
    out->buffer.size = 0;
    return SOMBRA_OK;
}

sombra_status fmt_output_close(fmt_output *out, bool failed, fmt_error *error)
{
    sombra_status status = SOMBRA_OK;

    if (!failed) status = fmt_output_flush(out, true, error);
    if (out->made && fclose(out->file) != 0 && !failed)
        status = fmt_fail(error, SOMBRA_IO, "%s: %s", out->path, strerror(errno));
    if (out->made && (failed || status != SOMBRA_OK)) (void)unlink(out->path);
    free(out->buffer.data);
    *out = (fmt_output){0};
    return status;
}
