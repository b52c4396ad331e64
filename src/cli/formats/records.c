/* records.c — records as a reader has found them, until the loader takes them. */
#include <stdlib.h>
#include <string.h>

#include "cli/formats/records_priv.h"

static fmt_record *add(fmt_records *r, fmt_record_kind kind)
{
    if (r->count == r->capacity)
        r->items = fmt_grow(r->items, &r->capacity, r->count + 1, sizeof *r->items);
    fmt_record *record = &r->items[r->count++];
    record->kind = kind;
    record->line = r->line;
    record->raw = r->raw;
    record->raw_bytes = r->raw_bytes;
    return record;
}

void fmt_records_at(fmt_records *r, uint64_t line, const char *raw, size_t raw_bytes)
{
    r->line = line;
    r->raw = raw;
    r->raw_bytes = raw_bytes;
}

void fmt_add_node(fmt_records *r, const fmt_node *node)
{
    if (r->error.status == SOMBRA_OK) add(r, FMT_NODE)->as.node = *node;
}

void fmt_add_rel(fmt_records *r, const fmt_rel *rel)
{
    if (r->error.status == SOMBRA_OK) add(r, FMT_REL)->as.rel = *rel;
}

void fmt_add_schema(fmt_records *r, const fmt_schema *schema)
{
    fmt_schema *kept = fmt_arena_alloc(&r->arena, sizeof *kept);

    *kept = *schema;
    if (r->error.status == SOMBRA_OK) add(r, FMT_SCHEMA)->as.schema = kept;
}

void fmt_add_note(fmt_records *r, const char *text)
{
    if (r->error.status == SOMBRA_OK) add(r, FMT_NOTE)->as.note = text;
}

void fmt_add_bad(fmt_records *r, sombra_status status, uint64_t column, sombra_text where,
                 sombra_text value, const char *format, ...)
{
    fmt_problem *problem = fmt_arena_alloc(&r->arena, sizeof *problem);
    char why[512];
    va_list list;

    if (r->error.status != SOMBRA_OK) return;
    va_start(list, format);
    (void)vsnprintf(why, sizeof why, format, list);
    va_end(list);
    *problem = (fmt_problem){.status = status,
                             .column = column,
                             .where = fmt_arena_text(&r->arena, where.data, where.size),
                             .value = fmt_arena_text(&r->arena, value.data, value.size),
                             .why = fmt_arena_text(&r->arena, why, strlen(why)).data};
    add(r, FMT_BAD)->as.problem = problem;
}

const char *fmt_path_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

void fmt_put_place(fmt_buffer *out, const char *path, uint64_t line, uint64_t column,
                   sombra_text where)
{
    fmt_puts(out, path);
    fmt_printf(out, ", line %llu", (unsigned long long)line);
    if (column != 0) fmt_printf(out, ", column %llu", (unsigned long long)column);
    if (where.size != 0)
        fmt_printf(out, " (%.*s)", (int)(where.size < 64 ? where.size : 64),
                   (const char *)where.data);
}

sombra_status fmt_fail_at(fmt_error *error, sombra_status status, const char *path, uint64_t line,
                          uint64_t column, const char *format, va_list list)
{
    fmt_buffer place = {0};
    char why[600];

    (void)vsnprintf(why, sizeof why, format, list);
    fmt_put_place(&place, path, line, column, fmt_text(NULL, 0));
    status = fmt_fail(error, status, "%.*s: %s", (int)place.size, place.data, why);
    free(place.data);
    return status;
}

sombra_status fmt_records_broken(fmt_records *r, sombra_status status, uint64_t column,
                                 const char *format, ...)
{
    va_list list;

    va_start(list, format);
    status = fmt_fail_at(&r->error, status, fmt_path_name(r->path), r->line, column, format, list);
    va_end(list);
    return status;
}

/* ---- Values ---------------------------------------------------------------------------------------------------- */

/* The library reads values in a transaction, which is of one thread: so each reader has one, of an empty database in memory.
 * One of the database that is loaded would keep its log from being written over while the load lasts. */
struct fmt_value_reader {
    sombra_db *db;
    sombra_conn *conn;
    sombra_txn *txn;
};

static void close_values(fmt_value_reader *values)
{
    if (values == NULL) return;
    sombra_rollback(values->txn);
    sombra_disconnect(values->conn);
    (void)sombra_close(values->db, NULL);
    free(values);
}

static bool open_values(fmt_records *r)
{
    fmt_value_reader *made;
    sombra_options options;
    sombra_error error;

    if (r->values != NULL) return true;
    made = fmt_need(calloc(1, sizeof *made));
    sombra_options_init(&options);
    options.checkpoint_thread = false;
    if (sombra_open(":memory:", &options, &made->db, &error) == SOMBRA_OK &&
        sombra_connect(made->db, &made->conn, &error) == SOMBRA_OK) {
        if (sombra_begin(made->conn, SOMBRA_READ, &made->txn) == SOMBRA_OK) {
            r->values = made;
            return true;
        }
        error = *sombra_error_of(made->conn);
    }
    (void)fmt_fail(&r->error, error.status, "%s", error.message);
    close_values(made);
    return false;
}

/* Integers as they are usually written, without the library. */
static bool plain_integer(sombra_text text, sombra_value *value)
{
    const char *at = text.data, *end = at + text.size;
    const bool negative = text.size != 0 && *at == '-';
    int64_t number = 0;

    at += negative;
    if (at == end || end - at > 18) return false;
    for (; at != end; at++) {
        if (*at < '0' || *at > '9') return false;
        number = 10 * number + (*at - '0');
    }
    *value = sombra_int(negative ? -number : number);
    return true;
}

bool fmt_value_of(fmt_records *r, const char *type, sombra_text text, sombra_value *value,
                  const char **why)
{
    sombra_value made;

    if (type[0] == 's' && strcmp(type, "string") == 0) {
        *value = sombra_string(text.data, text.size);
        return true;
    }
    if (type[0] == 'i' && type[1] == 'n' && type[2] == 't' && type[3] == '\0' &&
        plain_integer(text, value))
        return true;
    *why = "";
    if (!open_values(r)) return false;
    if (sombra_value_from_text(r->values->txn, type, text.size == 0 ? "" : text.data, text.size,
                               &made) != SOMBRA_OK) {
        const char *message = sombra_error_of(r->values->conn)->message;
        *why = fmt_arena_text(&r->arena, message, strlen(message)).data;
        return false;
    }
    *value = fmt_value_copy(&r->arena, &made);
    return true;
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

void fmt_records_reset(fmt_records *r)
{
    fmt_arena_reset(&r->arena);
    r->count = 0;
    r->error.status = SOMBRA_OK;
    r->error.text[0] = '\0';
    fmt_records_at(r, 1, NULL, 0);
}

void fmt_records_free(fmt_records *r)
{
    close_values(r->values);
    free(r->items);
    fmt_arena_free(&r->arena);
    *r = (fmt_records){0};
}
