/* graphml.c — GraphML (http://graphml.graphdrawing.org), as Neo4j's APOC, NetworkX, igraph, yEd and Gephi write it, and as we do:
 * labels in an attribute labels=":A:B" (and a value of the key "labels"), types in label="KNOWS" (key "label"); for types that
 * GraphML lacks a key has sombra:type="date", say. Read: properties of the graph itself, ports and what lies inside of
 * values are left out; hyperedges are refused. */
#include <string.h>

#include "cli/formats/xml_priv.h"

typedef struct reading {
    xml_graph graph;
    fmt_arena arena;      /* of the value at hand */
    const char *data_key; /* of the <data> at hand; NULL: outside of one */
    bool escaped;
    size_t inside;    /* elements within <data> */
    bool in_key;      /* within <key> */
    bool had_content; /* the value held elements: it is no property */
} reading;

static sombra_status start_key(reading *r, const char **attributes)
{
    const char *entity = xml_attribute(attributes, "for"),
               *list = xml_attribute(attributes, "attr.list"),
               *type = xml_attribute(attributes, "attr.type");
    const bool all = entity == NULL || strcmp(entity, "all") == 0;
    const bool nodes = all || strcmp(entity, "node") == 0,
               rels = all || strcmp(entity, "edge") == 0;

    r->in_key = nodes || rels;
    if (!r->in_key) return SOMBRA_OK; /* of graphs, ports … */
    return xml_add_key(&r->graph, nodes, rels, xml_attribute(attributes, "id"),
                       xml_attribute(attributes, "attr.name"), list != NULL ? list : type,
                       list != NULL, attributes);
}

static sombra_status start_element(reading *r, const char *name, const char **attributes)
{
    xml_graph *g = &r->graph;
    const char *labels;
    sombra_status status;

    if (strcmp(name, "graph") == 0) return xml_end(g); /* of the node that it lies in */
    if (strcmp(name, "hyperedge") == 0)
        return fmt_broken(g->loader, SOMBRA_UNSUPPORTED, 0,
                          "a hyperedge is no relationship: it has more than two ends");
    if (strcmp(name, "node") == 0) {
        status = xml_begin(g, false, xml_attribute(attributes, "id"), NULL, NULL, attributes);
        labels = xml_attribute(attributes, "labels");
    } else if (strcmp(name, "edge") == 0) {
        status =
            xml_begin(g, true, xml_attribute(attributes, "id"), xml_attribute(attributes, "source"),
                      xml_attribute(attributes, "target"), attributes);
        labels = xml_attribute(attributes, "label");
    } else {
        return SOMBRA_OK;
    }
    if (status == SOMBRA_OK && labels != NULL) xml_labels(g, fmt_text(labels, strlen(labels)));
    return status;
}

static sombra_status on_start(void *ctx, const char *name, const char **attributes)
{
    reading *r = ctx;

    if (r->data_key != NULL) {
        r->inside++;
        r->had_content = true;
        return SOMBRA_OK;
    }
    if (strcmp(name, "key") == 0) return start_key(r, attributes);
    if (strcmp(name, "data") != 0) return start_element(r, name, attributes);
    const char *key = xml_attribute(attributes, "key"),
               *escape = xml_attribute(attributes, "sombra:escape");
    fmt_arena_reset(&r->arena);
    r->data_key = key == NULL ? "" : fmt_arena_text(&r->arena, key, strlen(key)).data;
    r->escaped = escape != NULL && strcmp(escape, "json") == 0;
    r->had_content = false;
    return SOMBRA_OK;
}

static sombra_status end_data(reading *r, sombra_text text)
{
    xml_graph *g = &r->graph;
    const char *key = r->data_key;

    r->data_key = NULL;
    if (!g->open || r->had_content) return SOMBRA_OK;
    if (strcmp(key, g->is_rel ? "label" : "labels") == 0) {
        xml_labels(g, text);
        return SOMBRA_OK;
    }
    return xml_value(g, key, text, r->escaped);
}

static sombra_status on_end(void *ctx, const char *name, sombra_text text)
{
    reading *r = ctx;

    if (r->data_key != NULL) {
        if (r->inside == 0) return end_data(r, text);
        r->inside--;
        return SOMBRA_OK;
    }
    if (strcmp(name, "key") == 0)
        r->in_key = false;
    else if (strcmp(name, "default") == 0 && r->in_key)
        xml_key_default(&r->graph, text);
    else if (strcmp(name, "node") == 0 || strcmp(name, "edge") == 0)
        return xml_end(&r->graph);
    return SOMBRA_OK;
}

sombra_status fmt_read_graphml(fmt_loader *loader, const char *path)
{
    static const xml_handlers handlers = {.start = on_start, .end = on_end};
    reading r = {.graph = {.loader = loader, .path = path}};
    const sombra_status status = xml_read(loader, path, &handlers, &r, &r.graph.line);

    xml_graph_free(&r.graph);
    fmt_arena_free(&r.arena);
    return status;
}

/* ---- Writing -------------------------------------------------------------------------------------------------- */

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
        if (xml_plain(name)) xml_put_text(out, name);
        fmt_printf(out, "\" attr.type=\"%s\"", xml_type_name(c->type));
        if (strcmp(c->type, "string") != 0) fmt_printf(out, " sombra:type=\"%s\"", c->type);
        if (!xml_plain(name)) xml_put_own(w, "name", &name, 1, false);
        fmt_puts(out, "/>\n");
    }
}

static sombra_status put_props(xml_writing *w, bool on_rels, const sombra_prop *props, size_t count)
{
    fmt_buffer *out = &w->out->buffer;
    sombra_status status = SOMBRA_OK;

    for (size_t i = 0; i < count && status == SOMBRA_OK; i++) {
        bool escaped;
        status = xml_value_text(w, &props[i].value, &escaped);
        fmt_printf(out, "<data key=\"d%zu\"%s>",
                   xml_column_of(w, on_rels, props[i].key, &props[i].value),
                   escaped ? " sombra:escape=\"json\"" : "");
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
