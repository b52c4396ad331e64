/* xml_graph.c — what GraphML and GEXF share: properties are declared with a type and named by an id, elements of nodes and
 * relationships have values of them. */
#include <stdlib.h>
#include <string.h>

#include "cli/formats/xml_priv.h"

#define KIND_LIST 32u

/* ---- Declarations ------------------------------------------------------------------------------------------------ */

static sombra_text text_of(const char *text)
{
    return fmt_text(text, text == NULL ? 0 : strlen(text));
}

void xml_graph_free(xml_graph *g)
{
    fmt_names_free(&g->key_names);
    free(g->keys);
    free(g->props);
    free(g->given);
    free(g->text.data);
    fmt_arena_free(&g->key_arena);
    fmt_arena_free(&g->arena);
}

/* Names of types in GraphML and GEXF, and what they are here. Others are texts. */
static const char *known_type(const char *type)
{
    static const char *const known[][2] = {
        {"boolean", "boolean"}, {"int", "int"},         {"integer", "int"},    {"long", "int"},
        {"short", "int"},       {"byte", "int"},        {"biginteger", "int"}, {"float", "float"},
        {"double", "float"},    {"bigdecimal", "float"}};

    for (size_t i = 0; type != NULL && i < sizeof known / sizeof *known; i++)
        if (strcmp(type, known[i][0]) == 0) return known[i][1];
    return "string";
}

/* The texts of a JSON document that is a string, or a list of strings. */
static bool json_texts(fmt_arena *arena, sombra_text text, sombra_text **texts, size_t *count)
{
    fmt_json json = {.begin = text.data,
                     .at = text.data,
                     .end = (const char *)text.data + text.size,
                     .arena = arena};
    const bool is_list = fmt_json_skip(&json, '[');
    bool more = true;

    *count = 0;
    *texts = fmt_arena_alloc(arena, (text.size / 2 + 1) * sizeof **texts);
    while (more) {
        if (is_list && !fmt_json_item(&json, *count == 0, &more)) return false;
        if (more && !fmt_json_string(&json, &(*texts)[(*count)++])) return false;
        more = more && is_list;
    }
    return fmt_json_peek(&json) == '\0';
}

static uint32_t key_place(xml_graph *g, bool is_rel, const char *id, bool add)
{
    fmt_buffer *name = &g->text;

    name->size = 0;
    fmt_puts(name, is_rel ? "r" : "n");
    fmt_puts(name, id);
    return add ? fmt_names_add(&g->key_names, name->data, name->size)
               : fmt_names_find(&g->key_names, name->data, name->size);
}

sombra_status xml_add_key(xml_graph *g, bool for_nodes, bool for_rels, const char *id,
                          const char *name, const char *type, bool list, const char **attributes)
{
    const char *own_type = xml_attribute(attributes, "sombra:type"),
               *own_name = xml_attribute(attributes, "sombra:name");
    xml_key key = {.json_list = list && own_type == NULL};
    sombra_text *names;
    size_t count;

    if (id == NULL)
        return fmt_broken(g->loader, SOMBRA_SYNTAX, 0, "the declaration of a property has no id");
    key.name =
        fmt_arena_text(&g->key_arena, name == NULL ? id : name, strlen(name == NULL ? id : name));
    if (own_name != NULL) {
        if (!json_texts(&g->key_arena, text_of(own_name), &names, &count) || count != 1)
            return fmt_broken(g->loader, SOMBRA_SYNTAX, 0, "sombra:name is no JSON string");
        key.name = fmt_arena_text(&g->key_arena, names[0].data, names[0].size);
    }
    if (own_type != NULL && strlen(own_type) >= sizeof key.type)
        return fmt_broken(g->loader, SOMBRA_SYNTAX, 0, "sombra:type names no type");
    (void)snprintf(key.type, sizeof key.type, "%s", own_type != NULL ? own_type : known_type(type));
    g->keys = fmt_grow(g->keys, &g->key_capacity, g->key_count + 2, sizeof *g->keys);
    for (unsigned entity = 0; entity < 2; entity++) {
        if (entity == 0 ? !for_nodes : !for_rels) continue;
        if (key_place(g, entity != 0, id, true) != g->key_count)
            return fmt_broken(g->loader, SOMBRA_SYNTAX, 0, "'%.60s' is the id of two properties",
                              id);
        g->keys[g->key_count++] = key;
    }
    return SOMBRA_OK;
}

/* A declaration for both made two keys. */
void xml_key_default(xml_graph *g, sombra_text text)
{
    const sombra_text kept = fmt_arena_text(&g->key_arena, text.data, text.size);

    for (size_t i = 0; i < 2 && i < g->key_count; i++) {
        xml_key *key = &g->keys[g->key_count - 1 - i];
        if (i == 1 && key->name.data != g->keys[g->key_count - 1].name.data) break;
        g->default_count += !key->has_default;
        key->has_default = true;
        key->fallback = kept;
    }
}

/* ---- Elements ------------------------------------------------------------------------------------------------------ */

sombra_status xml_bad(xml_graph *g, sombra_text where, sombra_text value, const char *why)
{
    g->bad = true;
    return fmt_bad(g->loader, SOMBRA_SYNTAX, 0, where, value, "%s%s", value.size == 0 ? "" : " ",
                   why);
}

sombra_status xml_begin(xml_graph *g, bool is_rel, const char *id, const char *source,
                        const char *target, const char **attributes)
{
    const sombra_text none = {NULL, 0};
    const char *own = xml_attribute(attributes, is_rel ? "sombra:label" : "sombra:labels");
    size_t count = 0;

    if (g->open)
        return fmt_broken(g->loader, SOMBRA_SYNTAX, 0, "a %s begins inside of another element",
                          is_rel ? "relationship" : "node");
    fmt_arena_reset(&g->arena);
    g->open = true;
    g->bad = false;
    g->is_rel = is_rel;
    g->open_line = g->line;
    g->labels = NULL;
    g->label_count = g->prop_count = g->given_count = 0;
    g->type = none;
    g->id = id == NULL ? none : fmt_arena_text(&g->arena, id, strlen(id));
    if (is_rel && (source == NULL || target == NULL))
        return xml_bad(g, none, none, "the relationship has no source or no target");
    if (!is_rel && id == NULL) return xml_bad(g, none, none, "the node has no id");
    if (is_rel) {
        g->ends[0] = fmt_arena_text(&g->arena, source, strlen(source));
        g->ends[1] = fmt_arena_text(&g->arena, target, strlen(target));
    }
    if (own == NULL) return SOMBRA_OK;
    const sombra_text kept = fmt_arena_text(&g->arena, own, strlen(own));
    if (!json_texts(&g->arena, kept, &g->labels, &count) || (is_rel && count != 1)) {
        g->labels = NULL;
        return xml_bad(g, none, kept, "is not what our own attributes hold");
    }
    if (is_rel) {
        g->type = g->labels[0];
        g->labels = NULL;
    } else {
        g->label_count = count;
    }
    return SOMBRA_OK;
}

void xml_labels(xml_graph *g, sombra_text text)
{
    if (g->labels != NULL) return; /* told already, by our own attribute */
    const sombra_text kept = fmt_arena_text(&g->arena, text.data, text.size);
    const char *at = kept.data, *end = at + kept.size;

    if (g->is_rel) {
        if (g->type.size == 0) g->type = kept;
        return;
    }
    g->labels = fmt_arena_alloc(&g->arena, (kept.size + 1) * sizeof *g->labels);
    while (at < end) {
        const char *colon = memchr(at, ':', (size_t)(end - at));
        const char *stop = colon == NULL ? end : colon;
        if (stop != at) g->labels[g->label_count++] = fmt_text(at, (size_t)(stop - at));
        at = stop + 1;
    }
}

static sombra_text trimmed(sombra_text text)
{
    const char *at = text.data, *end = at + text.size;

    while (at != end && strchr(" \t\r\n", *at) != NULL)
        at++;
    while (at != end && strchr(" \t\r\n", end[-1]) != NULL)
        end--;
    return fmt_text(at, (size_t)(end - at));
}

static void add_prop(xml_graph *g, sombra_text name, sombra_value value)
{
    g->props = fmt_grow(g->props, &g->prop_capacity, g->prop_count + 1, sizeof *g->props);
    g->props[g->prop_count++] = (fmt_prop){.key = name, .value = value};
}

void xml_property(xml_graph *g, const char *name, sombra_value value)
{
    add_prop(g, fmt_arena_text(&g->arena, name, strlen(name)), fmt_value_copy(&g->arena, &value));
}

/* APOC's lists: JSON of texts, numbers or truth values, each read as the key's type. */
static bool json_list(xml_graph *g, const xml_key *key, sombra_text text, sombra_value *value,
                      const char **why)
{
    fmt_json json = {.begin = text.data,
                     .at = text.data,
                     .end = (const char *)text.data + text.size,
                     .arena = &g->arena};
    sombra_value *items = fmt_arena_alloc(&g->arena, (text.size + 1) * sizeof *items);
    size_t count = 0;
    bool more = true, is_real;

    *why = "is no list in JSON";
    if (!fmt_json_take(&json, '[')) return false;
    for (;;) {
        sombra_text item;
        if (!fmt_json_item(&json, count == 0, &more)) return false;
        if (!more) break;
        const char *start = (fmt_json_peek(&json), json.at);
        const char c = fmt_json_peek(&json);
        char word;
        if (c == '"'               ? !fmt_json_string(&json, &item)
            : c == 't' || c == 'f' ? !fmt_json_word(&json, &word)
                                   : !fmt_json_number(&json, &item, &is_real))
            return false;
        if (c != '"') item = fmt_text(start, (size_t)(json.at - start));
        if (!fmt_value_of(g->loader, &g->arena, key->type, item, &items[count++], why))
            return false;
    }
    *value = (sombra_value){.type = SOMBRA_TYPE_LIST};
    value->as.list.items = items;
    value->as.list.count = count;
    return fmt_json_peek(&json) == '\0';
}

static sombra_status read_value(xml_graph *g, const xml_key *key, sombra_text text)
{
    const bool is_text = strcmp(key->type, "string") == 0;
    const bool is_list = strchr(key->type, '[') != NULL;
    const char *why = NULL;
    sombra_value value;

    if (key->json_list ? !json_list(g, key, text, &value, &why)
                       : !fmt_value_of(g->loader, &g->arena, key->type,
                                       is_text || is_list ? text : trimmed(text), &value, &why)) {
        g->bad = true;
        return fmt_bad(g->loader, SOMBRA_TYPE_MISMATCH, 0, key->name, fmt_text(NULL, 0), "%s", why);
    }
    add_prop(g, key->name, value);
    return SOMBRA_OK;
}

sombra_status xml_value(xml_graph *g, const char *id, sombra_text text, bool escaped)
{
    const sombra_text none = {NULL, 0};
    sombra_text *texts;
    size_t count;

    if (!g->open || g->bad) return SOMBRA_OK;
    if (id == NULL) return xml_bad(g, none, none, "a value names no property");
    const uint32_t place = key_place(g, g->is_rel, id, false);
    if (place == UINT32_MAX) return xml_bad(g, none, text_of(id), "is the id of no property");
    sombra_text kept = fmt_arena_text(&g->arena, text.data, text.size);
    if (escaped) {
        if (!json_texts(&g->arena, kept, &texts, &count) || count != 1)
            return xml_bad(g, g->keys[place].name, none, "the text is no JSON string");
        kept = texts[0];
    }
    g->given = fmt_grow(g->given, &g->given_capacity, g->given_count + 1, sizeof *g->given);
    g->given[g->given_count++] = place;
    return read_value(g, &g->keys[place], kept);
}

/* Properties that the element does not give, where its kind has a default. */
static sombra_status put_defaults(xml_graph *g)
{
    sombra_status status = SOMBRA_OK;

    for (size_t i = 0; g->default_count != 0 && i < g->key_count && status == SOMBRA_OK; i++) {
        const bool of_rels = *(const char *)g->key_names.texts[i].data == 'r';
        bool given = !g->keys[i].has_default || of_rels != g->is_rel;
        for (size_t j = 0; j < g->given_count && !given; j++)
            given = g->given[j] == i;
        if (!given) status = read_value(g, &g->keys[i], g->keys[i].fallback);
    }
    return status;
}

sombra_status xml_end(xml_graph *g)
{
    sombra_status status = SOMBRA_OK;

    if (!g->open) return SOMBRA_OK;
    fmt_at(g->loader, g->path, g->open_line, NULL, 0);
    if (!g->bad) status = put_defaults(g);
    g->open = false;
    if (g->bad || status != SOMBRA_OK) return status;
    if (g->is_rel) {
        /* Formats that most often know no types: the name that APOC gives such relationships, too. */
        if (g->type.size == 0 && fmt_loader_options(g->loader)->type == NULL)
            g->type = fmt_text("RELATED", 7);
        const fmt_rel rel = {.type = g->type,
                             .ends = {{.text = g->ends[0]}, {.text = g->ends[1]}},
                             .props = g->props,
                             .prop_count = g->prop_count};
        return fmt_load_rel(g->loader, &rel);
    }
    const fmt_node node = {.id = {.text = g->id},
                           .has_id = true,
                           .labels = g->labels,
                           .label_count = g->label_count,
                           .props = g->props,
                           .prop_count = g->prop_count};
    return fmt_load_node(g->loader, &node);
}

/* ---- Writing ------------------------------------------------------------------------------------------------------------ */

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

size_t xml_column_of(xml_writing *w, bool on_rels, uint32_t key, const sombra_value *value)
{
    const uint64_t mark = (uint64_t)key << 8 | (uint64_t)on_rels << 7 | kind_of(value);
    const uint64_t known = fmt_map_get(&w->numbers, mark);

    if (known != 0) return (size_t)known - 1;
    w->columns = fmt_grow(w->columns, &w->column_capacity, w->column_count + 1, sizeof *w->columns);
    w->columns[w->column_count] = (xml_column){.on_rels = on_rels, .key = key};
    fmt_type_name(value, w->columns[w->column_count].type);
    fmt_map_put(&w->numbers, mark, ++w->column_count);
    return w->column_count - 1;
}

static sombra_status survey_node(void *ctx, const sombra_node *node)
{
    for (size_t i = 0; i < node->prop_count; i++)
        (void)xml_column_of(ctx, false, node->props[i].key, &node->props[i].value);
    return SOMBRA_OK;
}

static sombra_status survey_rel(void *ctx, const sombra_rel *rel)
{
    for (size_t i = 0; i < rel->prop_count; i++)
        (void)xml_column_of(ctx, true, rel->props[i].key, &rel->props[i].value);
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

sombra_status xml_value_text(xml_writing *w, const sombra_value *value, bool *escaped)
{
    w->text.size = 0;
    const sombra_status status = fmt_put_value(w->walk, &w->text, value);
    *escaped = !xml_plain(fmt_text(w->text.data, w->text.size));
    if (!*escaped) return status;
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
