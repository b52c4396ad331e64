/* gexf.c — GEXF 1.1 to 1.3 (https://gexf.net), the format of Gephi: attributes are declared for nodes and for edges, and have values in
 * <attvalue>. Our own labels are in sombra:labels, types in the edges' label; for types that GEXF lacks an attribute has
 * sombra:type="date", say. Read: colors, positions and times are left out, of an attribute that depends on time all values are kept, as a list;
 * a foreign node's label is a property, a foreign edge's label (or kind) its type, its weight a property. */
#include <string.h>

#include "cli/formats/xml_priv.h"

static sombra_status start_node(xml_graph *g, const char **attributes)
{
    const char *label = xml_attribute(attributes, "label");

    xml_end(g); /* of the node that this one lies in */
    const sombra_status status =
        xml_begin(g, false, xml_attribute(attributes, "id"), NULL, NULL, attributes);
    if (status == SOMBRA_OK && !g->bad && label != NULL &&
        xml_attribute(attributes, "sombra:labels") == NULL)
        xml_property(g, "label", sombra_string(label, strlen(label)));
    return status;
}

static sombra_status start_edge(xml_graph *g, const char **attributes)
{
    const char *label = xml_attribute(attributes, "label"),
               *weight = xml_attribute(attributes, "weight"), *why;
    sombra_value value;
    const sombra_status status = xml_begin(g, true, NULL, xml_attribute(attributes, "source"),
                                           xml_attribute(attributes, "target"), attributes);

    if (status != SOMBRA_OK || g->bad) return status;
    if (label == NULL || *label == '\0') label = xml_attribute(attributes, "kind");
    if (label != NULL) xml_labels(g, fmt_text(label, strlen(label)));
    if (weight == NULL) return SOMBRA_OK;
    if (fmt_value_of(g->records, "float", fmt_text(weight, strlen(weight)), &value, &why))
        xml_property(g, "weight", value);
    else
        xml_bad(g, SOMBRA_TYPE_MISMATCH, fmt_text("weight", 6), fmt_text(NULL, 0), why);
    return SOMBRA_OK;
}

static void take_value(xml_graph *g, const char **attributes)
{
    const char *key = xml_attribute(attributes, "for"), *value = xml_attribute(attributes, "value");
    const sombra_text none = {NULL, 0};

    if (!g->open || g->bad) return;
    xml_begin_value(g, attributes);
    if (key == NULL) key = xml_attribute(attributes, "id"); /* of GEXF 1.1 */
    if (key == NULL) {
        xml_bad(g, SOMBRA_SYNTAX, none, none, "a value names no property");
        return;
    }
    const uint32_t place = xml_find_key(g, key);
    if (place == UINT32_MAX)
        xml_bad(g, SOMBRA_SYNTAX, none, fmt_text(key, strlen(key)), "is the id of no property");
    else
        xml_value(g, place, fmt_text(value, value == NULL ? 0 : strlen(value)));
}

static sombra_status on_start(xml_graph *g, const char *name, const char **attributes)
{
    if (xml_is(name, "attvalue"))
        take_value(g, attributes);
    else if (xml_is(name, "edge"))
        return start_edge(g, attributes);
    else if (xml_is(name, "node"))
        return start_node(g, attributes);
    else if (xml_is(name, "attributes")) {
        const char *entity = xml_attribute(attributes, "class");
        g->of_nodes = entity != NULL && strcmp(entity, "node") == 0;
        const char *mode = xml_attribute(attributes, "mode");
        g->of_rels = entity != NULL && strcmp(entity, "edge") == 0;
        g->of_times = mode != NULL && strcmp(mode, "dynamic") == 0;
        return xml_may_declare(g);
    } else if (xml_is(name, "attribute") && (g->of_nodes || g->of_rels)) {
        g->in_attribute = true;
        const sombra_status status =
            xml_add_key(g, g->of_nodes, g->of_rels, xml_attribute(attributes, "id"),
                        xml_attribute(attributes, "title"), xml_attribute(attributes, "type"),
                        false, attributes);
        if (status == SOMBRA_OK && g->of_times) xml_key_is_timed(g);
        return status;
    }
    return SOMBRA_OK;
}

static sombra_status on_end(xml_graph *g, const char *name, sombra_text text)
{
    if (xml_is(name, "attribute"))
        g->in_attribute = false;
    else if (xml_is(name, "default") && g->in_attribute)
        xml_key_default(g, text);
    else if (xml_is(name, "edge") || xml_is(name, "node"))
        xml_end(g);
    return SOMBRA_OK;
}

sombra_status fmt_read_gexf(fmt_loader *loader, const char *path)
{
    static const xml_format format = {.start = on_start, .end = on_end};

    return xml_read(loader, path, &format);
}

/* ---- Writing -------------------------------------------------------------------------------------------------- */

static void put_attributes(xml_writing *w, bool on_rels)
{
    fmt_buffer *out = &w->out->buffer;

    fmt_printf(out, "    <attributes class=\"%s\">\n", on_rels ? "edge" : "node");
    for (size_t i = 0; i < w->column_count; i++) {
        const xml_column *c = &w->columns[i];
        const sombra_text name = fmt_name(w->walk, SOMBRA_KEY, c->key);
        if (c->on_rels != on_rels) continue;
        fmt_printf(out, "      <attribute id=\"%zu\" title=\"", i);
        if (xml_plain(name)) xml_put_text(out, name);
        fmt_printf(out, "\" type=\"%s\"", xml_type_name(c->type));
        if (strcmp(c->type, "string") != 0) fmt_printf(out, " sombra:type=\"%s\"", c->type);
        if (!xml_plain(name)) xml_put_own(w, "name", &name, 1, false);
        fmt_puts(out, "/>\n");
    }
    fmt_puts(out, "    </attributes>\n");
}

static sombra_status put_values(xml_writing *w, bool on_rels, const sombra_prop *props,
                                size_t count)
{
    fmt_buffer *out = &w->out->buffer;
    sombra_status status = SOMBRA_OK;

    if (count == 0) {
        fmt_puts(out, "/>\n");
        return fmt_output_flush(w->out, false, w->walk->error);
    }
    fmt_puts(out, "><attvalues>");
    for (size_t i = 0; i < count && status == SOMBRA_OK; i++) {
        const size_t column = xml_column_of(w, on_rels, props[i].key);
        fmt_printf(out, "<attvalue for=\"%zu\"", column);
        status = xml_begin_text(w, column, &props[i].value);
        fmt_puts(out, " value=\"");
        xml_put_text(out, fmt_text(w->text.data, w->text.size));
        fmt_puts(out, "\"/>");
    }
    fmt_puts(out, on_rels ? "</attvalues></edge>\n" : "</attvalues></node>\n");
    return status == SOMBRA_OK ? fmt_output_flush(w->out, false, w->walk->error) : status;
}

/* What Gephi shows at a node: its name, title or label, else its number. */
static sombra_text caption(xml_writing *w, const sombra_node *node, char number[24])
{
    static const char *const names[] = {"name", "title", "label"};

    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (size_t i = 0; i < node->prop_count; i++) {
            const sombra_value *value = &node->props[i].value;
            const sombra_text text = fmt_text(value->as.bytes.data, value->as.bytes.size);
            if (value->type == SOMBRA_TYPE_STRING && text.size != 0 && text.size <= 200 &&
                fmt_is(fmt_name(w->walk, SOMBRA_KEY, node->props[i].key), names[n]) &&
                xml_plain(text))
                return text;
        }
    (void)snprintf(number, 24, "%llu", (unsigned long long)node->id);
    return fmt_text(number, strlen(number));
}

static sombra_status put_node(void *ctx, const sombra_node *node)
{
    xml_writing *w = ctx;
    char number[24];
    sombra_text *labels = fmt_arena_alloc(&w->arena, (node->label_count + 1) * sizeof *labels);

    fmt_printf(&w->out->buffer, "      <node id=\"%llu\" label=\"", (unsigned long long)node->id);
    xml_put_text(&w->out->buffer, caption(w, node, number));
    fmt_puts(&w->out->buffer, "\"");
    for (size_t i = 0; i < node->label_count; i++)
        labels[i] = fmt_name(w->walk, SOMBRA_LABEL, node->labels[i]);
    xml_put_own(w, "labels", labels, node->label_count, true);
    fmt_arena_reset(&w->arena);
    return put_values(w, false, node->props, node->prop_count);
}

static sombra_status put_rel(void *ctx, const sombra_rel *rel)
{
    xml_writing *w = ctx;

    fmt_printf(&w->out->buffer, "      <edge id=\"%llu\" source=\"%llu\" target=\"%llu\"",
               (unsigned long long)rel->id, (unsigned long long)rel->source,
               (unsigned long long)rel->target);
    xml_put_type(w, rel->type, "label");
    return put_values(w, true, rel->props, rel->prop_count);
}

sombra_status fmt_write_gexf(fmt_walk *walk, fmt_output *out)
{
    xml_writing w = {.walk = walk, .out = out};
    sombra_status status = xml_survey(&w);

    fmt_puts(&out->buffer, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                           "<gexf xmlns=\"http://gexf.net/1.3\" version=\"1.3\" "
                           "xmlns:sombra=\"urn:sombra:graph\">\n"
                           "  <graph defaultedgetype=\"directed\">\n");
    if (status == SOMBRA_OK) {
        put_attributes(&w, false);
        put_attributes(&w, true);
    }
    fmt_puts(&out->buffer, "    <nodes>\n");
    if (status == SOMBRA_OK) status = fmt_each_node(walk, put_node, &w);
    fmt_puts(&out->buffer, "    </nodes>\n    <edges>\n");
    if (status == SOMBRA_OK) status = fmt_each_rel(walk, put_rel, &w);
    fmt_puts(&out->buffer, "    </edges>\n  </graph>\n</gexf>\n");
    xml_writing_free(&w);
    return status;
}
