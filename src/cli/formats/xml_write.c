/* xml_write.c — what GraphML and GEXF share when they are written: columns, labels and types, texts. */
#include <stdlib.h>
#include <string.h>

#include "cli/formats/xml_priv.h"

#define KIND_LIST 32u

/* A type, or KIND_LIST and that of all items. */
static uint32_t kind_of(const sombra_value *value)
{
    uint32_t kind = 0;

    if (value->type != SOMBRA_TYPE_LIST) return value->type;
    for (size_t i = 0; i < value->as.list.count; i++) {
        if (i != 0 && value->as.list.items[i].type != kind) return KIND_LIST;
        kind = value->as.list.items[i].type;
    }
    return KIND_LIST + kind;
}

static xml_column *column_of(xml_writing *w, bool on_rels, uint32_t key)
{
    const uint64_t mark = (uint64_t)key << 1 | (uint64_t)on_rels,
                   known = fmt_map_get(&w->numbers, mark);

    if (known != 0) return &w->columns[known - 1];
    w->columns = fmt_grow(w->columns, &w->column_capacity, w->column_count + 1, sizeof *w->columns);
    w->columns[w->column_count] = (xml_column){.on_rels = on_rels, .key = key};
    fmt_map_put(&w->numbers, mark, ++w->column_count);
    return &w->columns[w->column_count - 1];
}

size_t xml_column_of(xml_writing *w, bool on_rels, uint32_t key)
{
    return (size_t)(column_of(w, on_rels, key) - w->columns);
}

/* Other programs know one type for a property: where its values have several, that of numbers if all of them are, else text. */
static void add_value(xml_column *c, const sombra_value *value)
{
    const uint64_t numbers = 1u << SOMBRA_TYPE_INT | 1u << SOMBRA_TYPE_FLOAT,
                   kinds = c->kinds | UINT64_C(1) << kind_of(value);

    if (kinds == c->kinds) return;
    if (c->kinds == 0)
        fmt_type_name(value, c->type);
    else
        (void)snprintf(c->type, sizeof c->type, (kinds & ~numbers) == 0 ? "float" : "string");
    c->kinds = kinds;
}

static sombra_status survey_node(void *ctx, const sombra_node *node)
{
    for (size_t i = 0; i < node->prop_count; i++)
        add_value(column_of(ctx, false, node->props[i].key), &node->props[i].value);
    return SOMBRA_OK;
}

static sombra_status survey_rel(void *ctx, const sombra_rel *rel)
{
    for (size_t i = 0; i < rel->prop_count; i++)
        add_value(column_of(ctx, true, rel->props[i].key), &rel->props[i].value);
    return SOMBRA_OK;
}

sombra_status xml_survey(xml_writing *w)
{
    w->walk->total *= 2; /* entities are walked twice */
    sombra_status status = fmt_each_node(w->walk, survey_node, w);
    if (status == SOMBRA_OK) status = fmt_each_rel(w->walk, survey_rel, w);
    w->walk->entities = 0;
    return status;
}

const char *xml_type_name(const char *type)
{
    static const char *const known[][2] = {
        {"boolean", "boolean"}, {"int", "long"}, {"float", "double"}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(type, known[i][0]) == 0) return known[i][1];
    return "string";
}

bool xml_plain(sombra_text text)
{
    const unsigned char *at = text.data, *end = at + text.size;

    for (; at != end; at++) {
        if (*at < 0x20 && *at != '\t' && *at != '\n' && *at != '\r') return false;
        if (*at == 0xEF && end - at >= 3 && at[1] == 0xBF && at[2] >= 0xBE) return false;
    }
    return true;
}

void xml_put_text(fmt_buffer *out, sombra_text text)
{
    const char *at = text.data, *end = at + text.size;

    while (at != end) {
        const char *start = at;
        while (at != end && *at != '&' && *at != '<' && *at != '>' && *at != '"' &&
               (unsigned char)*at >= 0x20)
            at++;
        fmt_put(out, start, (size_t)(at - start));
        if (at == end) return;
        switch (*at) {
        case '&': fmt_puts(out, "&amp;"); break;
        case '<': fmt_puts(out, "&lt;"); break;
        case '>': fmt_puts(out, "&gt;"); break;
        case '"': fmt_puts(out, "&quot;"); break;
        default: fmt_printf(out, "&#%d;", *at); break; /* blanks that a parser would change */
        }
        at++;
    }
}

/* As JSON, with the two characters beyond the control ones that XML has no form for as escapes. */
static void put_json(fmt_buffer *out, sombra_text text)
{
    const size_t from = out->size;

    fmt_put_json(out, text.data, text.size);
    const size_t size = out->size - from;
    char *copy = fmt_need(malloc(size));
    memcpy(copy, out->data + from, size);
    out->size = from;
    for (size_t i = 0; i < size; i++) {
        const unsigned char *at = (const unsigned char *)copy + i;
        if (size - i >= 3 && at[0] == 0xEF && at[1] == 0xBF && at[2] >= 0xBE) {
            fmt_puts(out, at[2] == 0xBE ? "\\ufffe" : "\\uffff");
            i += 2;
        } else {
            fmt_put(out, at, 1);
        }
    }
    free(copy);
}

sombra_status xml_begin_text(xml_writing *w, size_t column, const sombra_value *value)
{
    const xml_column *c = &w->columns[column];
    char type[24];

    if (c->kinds != UINT64_C(1) << kind_of(value)) {
        fmt_type_name(value, type);
        if (strcmp(type, c->type) != 0) fmt_printf(&w->out->buffer, " sombra:type=\"%s\"", type);
    }
    w->text.size = 0;
    const sombra_status status = fmt_put_value(w->walk, &w->text, value);
    if (xml_plain(fmt_text(w->text.data, w->text.size))) return status;
    fmt_puts(&w->out->buffer, " sombra:escape=\"json\"");
    w->escaped.size = 0;
    put_json(&w->escaped, fmt_text(w->text.data, w->text.size));
    const fmt_buffer swap = w->text;
    w->text = w->escaped;
    w->escaped = swap;
    return status;
}

void xml_put_own(xml_writing *w, const char *name, const sombra_text *texts, size_t count,
                 bool is_list)
{
    w->text.size = 0;
    if (is_list) fmt_puts(&w->text, "[");
    for (size_t i = 0; i < count; i++) {
        if (i != 0) fmt_puts(&w->text, ",");
        put_json(&w->text, texts[i]);
    }
    if (is_list) fmt_puts(&w->text, "]");
    fmt_printf(&w->out->buffer, " sombra:%s=\"", name);
    xml_put_text(&w->out->buffer, fmt_text(w->text.data, w->text.size));
    fmt_puts(&w->out->buffer, "\"");
}

void xml_put_labels(xml_writing *w, const sombra_node *node)
{
    sombra_text *labels = fmt_arena_alloc(&w->arena, (node->label_count + 1) * sizeof *labels);
    bool plain = node->label_count != 0;

    w->label_text.size = 0;
    for (size_t i = 0; i < node->label_count; i++) {
        labels[i] = fmt_name(w->walk, SOMBRA_LABEL, node->labels[i]);
        plain =
            plain && xml_plain(labels[i]) && memchr(labels[i].data, ':', labels[i].size) == NULL;
    }
    if (!plain) {
        xml_put_own(w, "labels", labels, node->label_count, true);
    } else {
        const size_t from = w->out->buffer.size;
        fmt_puts(&w->out->buffer, " labels=\"");
        for (size_t i = 0; i < node->label_count; i++) {
            fmt_puts(&w->out->buffer, ":");
            xml_put_text(&w->out->buffer, labels[i]);
        }
        fmt_puts(&w->out->buffer, "\"");
        fmt_put(&w->label_text, w->out->buffer.data + from + 9, w->out->buffer.size - from - 10);
    }
    fmt_arena_reset(&w->arena);
}

void xml_put_type(xml_writing *w, uint32_t type, const char *name)
{
    const sombra_text text = fmt_name(w->walk, SOMBRA_TYPE, type);

    if (!xml_plain(text)) {
        xml_put_own(w, "label", &text, 1, false);
        return;
    }
    fmt_printf(&w->out->buffer, " %s=\"", name);
    xml_put_text(&w->out->buffer, text);
    fmt_puts(&w->out->buffer, "\"");
}

void xml_writing_free(xml_writing *w)
{
    fmt_map_free(&w->numbers);
    free(w->columns);
    free(w->text.data);
    free(w->escaped.data);
    free(w->label_text.data);
    fmt_arena_free(&w->arena);
}
