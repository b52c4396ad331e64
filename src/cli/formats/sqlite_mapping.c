/* sqlite_mapping.c — the mapping of a SQLite file as JSON: printed, and read back changed. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cli/formats/sqlite_priv.h"

#define MAPPING_BYTES ((size_t)64 << 20)

/* ---- The mapping as JSON --------------------------------------------------------------------------------------------- */

static void put_texts(fmt_buffer *out, const lite_texts *list)
{
    fmt_puts(out, "[");
    for (size_t i = 0; i < list->count; i++) {
        if (i != 0) fmt_puts(out, ", ");
        fmt_put_json(out, list->items[i].data, list->items[i].size);
    }
    fmt_puts(out, "]");
}

static void put_columns(fmt_buffer *out, const lite_columns *list)
{
    fmt_puts(out, ",\n     \"properties\": {");
    for (size_t i = 0; i < list->count; i++) {
        const lite_column *c = &list->items[i];
        fmt_puts(out, i == 0 ? "" : ", ");
        fmt_put_json(out, c->column.data, c->column.size);
        fmt_puts(out, *c->type != '\0' ? ": {\"name\": " : ": ");
        fmt_put_json(out, c->key.data, c->key.size);
        if (*c->type != '\0') fmt_printf(out, ", \"type\": \"%s\"}", c->type);
    }
    fmt_puts(out, "}}");
}

sombra_status lite_put_mapping(lite *r, FILE *file)
{
    fmt_buffer out = {0};

    fmt_puts(&out, "{\"nodes\": [");
    for (size_t i = 0; i < r->node_count; i++) {
        const lite_nodes *n = &r->nodes[i];
        fmt_puts(&out, i == 0 ? "\n    {\"table\": " : ",\n    {\"table\": ");
        fmt_put_json(&out, n->table.data, n->table.size);
        fmt_puts(&out, ", \"labels\": ");
        put_texts(&out, &n->labels);
        fmt_puts(&out, ", \"id\": ");
        put_texts(&out, &n->id);
        put_columns(&out, &n->properties);
    }
    fmt_puts(&out, "],\n \"relationships\": [");
    for (size_t i = 0; i < r->rel_count; i++) {
        const lite_rels *rel = &r->rels[i];
        fmt_puts(&out, i == 0 ? "\n    {\"table\": " : ",\n    {\"table\": ");
        fmt_put_json(&out, rel->table.data, rel->table.size);
        fmt_puts(&out, ", \"type\": ");
        fmt_put_json(&out, rel->type.data, rel->type.size);
        for (unsigned end = 0; end < 2; end++) {
            fmt_puts(&out,
                     end == 0 ? ",\n     \"start\": {\"table\": " : ", \"end\": {\"table\": ");
            fmt_put_json(&out, rel->ends[end].data, rel->ends[end].size);
            fmt_puts(&out, ", \"columns\": ");
            put_texts(&out, &rel->keys[end]);
            if (rel->refers[end].count != 0) {
                fmt_puts(&out, ", \"refers_to\": ");
                put_texts(&out, &rel->refers[end]);
            }
            fmt_puts(&out, "}");
        }
        put_columns(&out, &rel->properties);
    }
    fmt_puts(&out, "]}\n");
    const bool written = fmt_write(file, out.data, out.size, false) && fflush(file) == 0;
    free(out.data);
    return written ? SOMBRA_OK : fmt_fail(r->error, SOMBRA_IO, "the mapping could not be written");
}

/* ---- The mapping from JSON ------------------------------------------------------------------------------------------------ */

static bool take_string(lite *r, fmt_json *j, sombra_text *text)
{
    sombra_text found;

    if (!fmt_json_string(j, &found)) return false;
    *text = lite_keep(r, found.data, found.size);
    return true;
}

/* A list of texts, or one. */
static bool take_texts(lite *r, fmt_json *j, lite_texts *list)
{
    bool more = true;
    sombra_text text;

    list->count = 0;
    if (fmt_json_peek(j) == '"') {
        if (!take_string(r, j, &text)) return false;
        lite_add_text(list, text);
        return true;
    }
    if (!fmt_json_take(j, '[')) return false;
    for (;;) {
        if (!fmt_json_item(j, list->count == 0, &more)) return false;
        if (!more) return true;
        if (!take_string(r, j, &text)) return false;
        lite_add_text(list, text);
    }
}

static bool take_properties(lite *r, fmt_json *j, lite_columns *list)
{
    bool more, first = true;
    sombra_text column, key, text;

    list->count = 0;
    if (!fmt_json_take(j, '{')) return false;
    for (;; first = false) {
        if (!fmt_json_member(j, first, &column, &more)) return false;
        if (!more) return true;
        lite_add_column(list, lite_keep(r, column.data, column.size), "");
        lite_column *c = &list->items[list->count - 1];
        if (fmt_json_peek(j) != '{') {
            if (!take_string(r, j, &c->key)) return false;
            continue;
        }
        j->at++;
        bool inner_first = true;
        for (;; inner_first = false) {
            if (!fmt_json_member(j, inner_first, &key, &more)) return false;
            if (!more) break;
            if (fmt_is(key, "name")) {
                if (!take_string(r, j, &c->key)) return false;
            } else if (fmt_is(key, "type")) {
                if (!fmt_json_string(j, &text)) return false;
                if (text.size >= sizeof c->type)
                    return fmt_json_fail(j, j->at, "there is no such type");
                memcpy(c->type, text.data, text.size);
                c->type[text.size] = '\0';
            } else {
                return fmt_json_fail(j, j->at, "a property has a name and a type");
            }
        }
    }
}

static bool take_end(lite *r, fmt_json *j, lite_rels *rel, unsigned end)
{
    bool more, first = true;
    sombra_text key;

    if (!fmt_json_take(j, '{')) return false;
    for (;; first = false) {
        if (!fmt_json_member(j, first, &key, &more)) return false;
        if (!more) return true;
        const bool taken = fmt_is(key, "table")     ? take_string(r, j, &rel->ends[end])
                           : fmt_is(key, "columns") ? take_texts(r, j, &rel->keys[end])
                           : fmt_is(key, "refers_to")
                               ? take_texts(r, j, &rel->refers[end])
                               : fmt_json_fail(j, j->at, "an end has a table and columns");
        if (!taken) return false;
    }
}

static bool take_map(lite *r, fmt_json *j, lite_nodes *node, lite_rels *rel)
{
    bool more, first = true;
    sombra_text key;

    assert((node == NULL) != (rel == NULL));
    if (!fmt_json_take(j, '{')) return false;
    for (;; first = false) {
        if (!fmt_json_member(j, first, &key, &more)) return false;
        if (!more) return true;
        bool good;
        if (fmt_is(key, "table"))
            good = take_string(r, j, node != NULL ? &node->table : &rel->table);
        else if (fmt_is(key, "properties"))
            good = take_properties(r, j, node != NULL ? &node->properties : &rel->properties);
        else if (node != NULL && (fmt_is(key, "labels") || fmt_is(key, "label")))
            good = take_texts(r, j, &node->labels);
        else if (node != NULL && fmt_is(key, "id"))
            good = take_texts(r, j, &node->id);
        else if (rel != NULL && fmt_is(key, "type"))
            good = take_string(r, j, &rel->type);
        else if (rel != NULL && fmt_is(key, "start"))
            good = take_end(r, j, rel, 0);
        else if (rel != NULL && fmt_is(key, "end"))
            good = take_end(r, j, rel, 1);
        else
            good = fmt_json_fail(j, j->at, "a mapping has no such member");
        if (!good) return false;
    }
}

static bool take_maps(lite *r, fmt_json *j, bool of_nodes)
{
    bool more, first = true;

    if (!fmt_json_take(j, '[')) return false;
    for (;; first = false) {
        if (!fmt_json_item(j, first, &more)) return false;
        if (!more) return true;
        (void)fmt_json_peek(j); /* where it begins */
        if (of_nodes) {
            r->nodes = fmt_grow(r->nodes, &r->node_capacity, r->node_count + 1, sizeof *r->nodes);
            r->nodes[r->node_count] = (lite_nodes){.said_at = j->at};
            if (!take_map(r, j, &r->nodes[r->node_count++], NULL)) return false;
        } else {
            lite_new_rel(r, fmt_text(NULL, 0), fmt_text(NULL, 0))->said_at = j->at;
            if (!take_map(r, j, NULL, &r->rels[r->rel_count++])) return false;
        }
    }
}

static bool take_mapping(lite *r, fmt_json *j)
{
    bool more, first = true;
    sombra_text key;

    if (!fmt_json_take(j, '{')) return false;
    for (;; first = false) {
        if (!fmt_json_member(j, first, &key, &more)) return false;
        if (!more) break;
        if (!fmt_is(key, "nodes") && !fmt_is(key, "relationships"))
            return fmt_json_fail(j, j->at, "a mapping has nodes and relationships");
        if (!take_maps(r, j, fmt_is(key, "nodes"))) return false;
    }
    return fmt_json_at_end(j) || fmt_json_fail(j, j->at, "something follows the mapping");
}

/* A fault of the mapping at a place of its text; of a table, if it has a name. */
static sombra_status mapping_fault(lite *r, const char *path, const char *begin, const char *at,
                                   const char *problem, sombra_text table)
{
    const bool named = table.size != 0;
    const char *quote = named ? "'" : "";
    uint64_t line = 1;

    for (; begin < at; begin++)
        line += *begin == '\n';
    fmt_at(r->loader, path, line, NULL, 0);
    return fmt_broken(r->loader, SOMBRA_SYNTAX, 0, "%s%s%s%.*s%s", problem, named ? ": " : "",
                      quote, (int)table.size, named ? (const char *)table.data : "", quote);
}

/* Is all there that must be? */
static sombra_status check_mapping(lite *r, const char *path, const char *begin)
{
    const sombra_text none = {NULL, 0};

    for (size_t i = 0; i < r->node_count; i++)
        if (r->nodes[i].table.size == 0)
            return mapping_fault(r, path, begin, r->nodes[i].said_at, "nodes need a table", none);
    for (size_t i = 0; i < r->rel_count; i++) {
        const lite_rels *rel = &r->rels[i];
        if (rel->table.size == 0 || rel->type.size == 0 || rel->ends[0].size == 0 ||
            rel->ends[1].size == 0)
            return mapping_fault(r, path, begin, rel->said_at,
                                 "relationships need a table, a type, a start and an end", none);
        for (unsigned end = 0; end < 2; end++) {
            const lite_nodes *to = lite_find_nodes(r, rel->ends[end]);
            if (to == NULL)
                return mapping_fault(r, path, begin, rel->said_at,
                                     "an end of relationships is no table of nodes",
                                     rel->ends[end]);
            const lite_texts *id = rel->refers[end].count != 0 ? &rel->refers[end] : &to->id;
            if (id->count == 0 || id->count != rel->keys[end].count)
                return mapping_fault(
                    r, path, begin, rel->said_at,
                    "an end of relationships has not as many columns as the id of its nodes",
                    rel->ends[end]);
        }
    }
    return SOMBRA_OK;
}

sombra_status lite_read_mapping(lite *r, const char *path)
{
    fmt_error *error = r->error;
    fmt_input *input = fmt_input_open(path, error);
    fmt_buffer text = {0};
    sombra_status status = input == NULL ? error->status : SOMBRA_OK;
    size_t got = 1;

    while (status == SOMBRA_OK && got != 0) {
        char part[4096];
        status = fmt_input_read(input, part, sizeof part, &got, error);
        fmt_put(&text, part, got);
        if (status == SOMBRA_OK && text.size > MAPPING_BYTES)
            status = fmt_fail(error, SOMBRA_LIMIT, "%s is longer than 64 MiB", path);
    }
    fmt_input_close(input);
    if (status == SOMBRA_OK && !fmt_utf8_valid(text.data, text.size))
        status = fmt_fail(error, SOMBRA_SYNTAX, "%s is not valid UTF-8", path);
    if (status == SOMBRA_OK) {
        const char *begin = text.size == 0 ? "" : text.data;
        fmt_json j = {.begin = begin, .at = begin, .end = begin + text.size, .arena = &r->arena};
        status = take_mapping(r, &j)
                     ? check_mapping(r, path, begin)
                     : mapping_fault(r, path, begin, j.problem_at, j.problem, fmt_text(NULL, 0));
    }
    free(text.data);
    return status;
}
