/* graphml.c — GraphML (http://graphml.graphdrawing.org), as Neo4j's APOC, NetworkX, igraph, yEd and Gephi write it, and as we do:
 * labels in an attribute labels=":A:B" (and a value of the key of that id or attr.name), types in label="KNOWS" (key "label"); for types that
 * GraphML lacks a key has sombra:type="date", say. Read: properties of the graph itself, ports and what lies inside of
 * values are left out; hyperedges are refused. */
#include <string.h>

#include "cli/formats/xml_priv.h"

static const char *const LABEL_NAMES[] = {"labels", "label"}; /* of nodes; of relationships */

/* Programs that read a file and write it again keep the names of keys, and give them other ids. An id is the surer sign: where a key has it,
 * others of that name are properties, as are keys with a name of our own. */
static bool is_label_key(const xml_graph *g, bool of_rels, const char *id, const char **attributes)
{
    const char *name = xml_attribute(attributes, "attr.name"),
               *type = xml_attribute(attributes, "attr.type"), *label = LABEL_NAMES[of_rels];

    if (strcmp(id, label) == 0) return true;
    return name != NULL && strcmp(name, label) == 0 &&
           (type == NULL || strcmp(type, "string") == 0) &&
           xml_attribute(attributes, "attr.list") == NULL &&
           xml_attribute(attributes, "sombra:name") == NULL &&
           fmt_names_find(&g->declare->ids[of_rels], label, strlen(label)) == UINT32_MAX;
}

static sombra_status start_key(xml_graph *g, const char **attributes)
{
    const char *entity = xml_attribute(attributes, "for"),
               *list = xml_attribute(attributes, "attr.list"),
               *type = xml_attribute(attributes, "attr.type");
    const bool all = entity == NULL || strcmp(entity, "all") == 0;
    const bool nodes = all || strcmp(entity, "node") == 0,
               rels = all || strcmp(entity, "edge") == 0;

    g->in_key = nodes || rels;
    if (!g->in_key) return SOMBRA_OK; /* of graphs, ports … */
    const char *id = xml_attribute(attributes, "id");
    const sombra_status status =
        xml_add_key(g, nodes, rels, id, xml_attribute(attributes, "attr.name"),
                    list != NULL ? list : type, list != NULL, attributes);
    if (status != SOMBRA_OK) return status;
    if (nodes && is_label_key(g, false, id, attributes)) xml_key_is_label(g, false);
    if (rels && is_label_key(g, true, id, attributes)) xml_key_is_label(g, true);
    return SOMBRA_OK;
}

static sombra_status start_record(xml_graph *g, bool is_rel, const char **attributes)
{
    const char *labels = xml_attribute(attributes, is_rel ? "label" : "labels");
    const sombra_status status =
        xml_begin(g, is_rel, is_rel ? NULL : xml_attribute(attributes, "id"),
                  is_rel ? xml_attribute(attributes, "source") : NULL,
                  is_rel ? xml_attribute(attributes, "target") : NULL, attributes);

    if (status == SOMBRA_OK && labels != NULL) xml_labels(g, fmt_text(labels, strlen(labels)));
    return status;
}

static void start_data(xml_graph *g, const char **attributes)
{
    const char *key = xml_attribute(attributes, "key");

    g->in_data = true;
    g->had_content = g->is_label = g->has_no_key = false;
    xml_begin_value(g, attributes);
    if (!g->open) return;
    g->is_label = key != NULL && (g->is_rel ? xml_is(key, "label") : xml_is(key, "labels"));
    if (g->is_label) return;
    g->data_key = key == NULL ? UINT32_MAX : xml_find_key(g, key);
    g->has_no_key = g->data_key == UINT32_MAX;
    g->is_label = !g->has_no_key && g->keys->keys[g->is_rel][g->data_key].is_label;
    g->unknown.size = 0;
    if (g->has_no_key && key != NULL) fmt_puts(&g->unknown, key);
}

static sombra_status on_start(xml_graph *g, const char *name, const char **attributes)
{
    if (g->in_data) {
        g->inside++;
        g->had_content = true;
        return SOMBRA_OK;
    }
    if (xml_is(name, "data")) {
        start_data(g, attributes);
        return SOMBRA_OK;
    }
    if (xml_is(name, "port")) { /* its values are not those of the node */
        g->in_data = g->had_content = true;
        return SOMBRA_OK;
    }
    if (xml_is(name, "edge")) return start_record(g, true, attributes);
    if (xml_is(name, "node")) return start_record(g, false, attributes);
    if (xml_is(name, "key")) return start_key(g, attributes);
    if (xml_is(name, "graph")) xml_end(g); /* of the node that it lies in */
    if (xml_is(name, "hyperedge"))
        return xml_broken(g, SOMBRA_UNSUPPORTED,
                          "a hyperedge is no relationship: it has more than two ends");
    return SOMBRA_OK;
}

static void end_data(xml_graph *g, sombra_text text)
{
    g->in_data = false;
    if (!g->open || g->had_content) return;
    if (g->is_label)
        xml_labels(g, text);
    else if (!g->has_no_key)
        xml_value(g, g->data_key, text);
    else if (!g->bad)
        xml_bad(g, SOMBRA_SYNTAX, fmt_text(NULL, 0), fmt_text(g->unknown.data, g->unknown.size),
                "is the id of no property");
}

static sombra_status on_end(xml_graph *g, const char *name, sombra_text text)
{
    if (g->in_data) {
        if (g->inside == 0)
            end_data(g, text);
        else
            g->inside--;
    } else if (xml_is(name, "edge") || xml_is(name, "node")) {
        xml_end(g);
    } else if (xml_is(name, "key")) {
        g->in_key = false;
    } else if (xml_is(name, "default") && g->in_key) {
        xml_key_default(g, text);
    }
    return SOMBRA_OK;
}

sombra_status fmt_read_graphml(fmt_loader *loader, const char *path)
{
    static const xml_format format = {.start = on_start, .end = on_end};

    return xml_read(loader, path, &format);
}

/* ---- Writing -------------------------------------------------------------------------------------------------- */

/* Is a name that of labels or types, with any number of '_' behind it? A property of that name gets one more in attr.name: other programs
 * refuse two keys of one name. */
static bool clashes(sombra_text name, bool on_rels)
{
    const char *text = name.data, *label = LABEL_NAMES[on_rels];
    size_t size = name.size;

    while (size != 0 && text[size - 1] == '_')
        size--;
    return size == strlen(label) && memcmp(text, label, size) == 0;
}

static void put_keys(xml_writing *w)
{
    fmt_buffer *out = &w->out->buffer;

    fmt_puts(out, "  <key id=\"labels\" for=\"node\" attr.name=\"labels\" attr.type=\"string\"/>\n"
                  "  <key id=\"label\" for=\"edge\" attr.name=\"label\" attr.type=\"string\"/>\n");
    for (size_t i = 0; i < w->column_count; i++) {
        const xml_column *c = &w->columns[i];
        const sombra_text name = fmt_name(w->walk, SOMBRA_KEY, c->key);
        fmt_printf(out, "  <key id=\"d%zu\" for=\"%s\" attr.name=\"", i,
                   c->on_rels ? "edge" : "node");
        const bool renamed = clashes(name, c->on_rels);
        if (xml_plain(name)) xml_put_text(out, name);
        if (renamed) fmt_puts(out, "_");
        fmt_printf(out, "\" attr.type=\"%s\"", xml_type_name(c->type));
        if (strcmp(c->type, "string") != 0) fmt_printf(out, " sombra:type=\"%s\"", c->type);
        if (renamed || !xml_plain(name)) xml_put_own(w, "name", &name, 1, false);
        fmt_puts(out, "/>\n");
    }
}

static sombra_status put_props(xml_writing *w, bool on_rels, const sombra_prop *props, size_t count)
{
    fmt_buffer *out = &w->out->buffer;
    sombra_status status = SOMBRA_OK;

    for (size_t i = 0; i < count && status == SOMBRA_OK; i++) {
        const size_t column = xml_column_of(w, on_rels, props[i].key);
        fmt_printf(out, "<data key=\"d%zu\"", column);
        status = xml_begin_text(w, column, &props[i].value);
        fmt_puts(out, ">");
        xml_put_text(out, fmt_text(w->text.data, w->text.size));
        fmt_puts(out, "</data>");
    }
    fmt_puts(out, on_rels ? "</edge>\n" : "</node>\n");
    return status == SOMBRA_OK ? fmt_output_flush(w->out, false, w->walk->error) : status;
}

static sombra_status put_node(void *ctx, const sombra_node *node)
{
    xml_writing *w = ctx;

    fmt_printf(&w->out->buffer, "    <node id=\"n%llu\"", (unsigned long long)node->id);
    xml_put_labels(w, node);
    fmt_puts(&w->out->buffer, ">");
    if (w->label_text.size != 0) { /* again, for readers that know GraphML's own elements only */
        fmt_puts(&w->out->buffer, "<data key=\"labels\">");
        fmt_put(&w->out->buffer, w->label_text.data, w->label_text.size);
        fmt_puts(&w->out->buffer, "</data>");
    }
    return put_props(w, false, node->props, node->prop_count);
}

static sombra_status put_rel(void *ctx, const sombra_rel *rel)
{
    xml_writing *w = ctx;

    fmt_printf(&w->out->buffer, "    <edge id=\"e%llu\" source=\"n%llu\" target=\"n%llu\"",
               (unsigned long long)rel->id, (unsigned long long)rel->source,
               (unsigned long long)rel->target);
    xml_put_type(w, rel->type, "label");
    fmt_puts(&w->out->buffer, ">");
    const sombra_text type = fmt_name(w->walk, SOMBRA_TYPE, rel->type);
    if (xml_plain(type)) {
        fmt_puts(&w->out->buffer, "<data key=\"label\">");
        xml_put_text(&w->out->buffer, type);
        fmt_puts(&w->out->buffer, "</data>");
    }
    return put_props(w, true, rel->props, rel->prop_count);
}

sombra_status fmt_write_graphml(fmt_walk *walk, fmt_output *out)
{
    xml_writing w = {.walk = walk, .out = out};
    sombra_status status = xml_survey(&w);

    fmt_puts(&out->buffer, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                           "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\" "
                           "xmlns:sombra=\"urn:sombra:graph\">\n");
    if (status == SOMBRA_OK) put_keys(&w);
    fmt_puts(&out->buffer, "  <graph id=\"G\" edgedefault=\"directed\">\n");
    if (status == SOMBRA_OK) status = fmt_each_node(walk, put_node, &w);
    if (status == SOMBRA_OK) status = fmt_each_rel(walk, put_rel, &w);
    fmt_puts(&out->buffer, "  </graph>\n</graphml>\n");
    xml_writing_free(&w);
    return status;
}
