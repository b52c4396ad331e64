/* xml_graph.c — what GraphML and GEXF share when they are read: properties are declared with a type and named by an id, elements
 * of nodes and relationships have values of them. */
#include <stdlib.h>
#include <string.h>

#include "cli/formats/xml_priv.h"

/* ---- Declarations ------------------------------------------------------------------------------------------------ */

static sombra_text text_of(const char *text)
{
    return fmt_text(text, text == NULL ? 0 : strlen(text));
}

void xml_keys_free(xml_keys *k)
{
    for (unsigned entity = 0; entity < 2; entity++) {
        fmt_names_free(&k->ids[entity]);
        free(k->keys[entity]);
    }
    fmt_arena_free(&k->arena);
}

static void put_key(xml_keys *k, unsigned entity, sombra_text id, const xml_key *key)
{
    const size_t count = k->ids[entity].count;

    k->keys[entity] = fmt_grow(k->keys[entity], &k->capacity[entity], count + 1, sizeof **k->keys);
    k->keys[entity][fmt_names_add(&k->ids[entity], id.data, id.size)] = *key;
}

void xml_keys_copy(xml_keys *to, const xml_keys *from)
{
    for (unsigned entity = 0; entity < 2; entity++) {
        for (size_t i = 0; i < from->ids[entity].count; i++) {
            xml_key key = from->keys[entity][i];
            key.name = fmt_arena_text(&to->arena, key.name.data, key.name.size);
            key.fallback = fmt_arena_text(&to->arena, key.fallback.data, key.fallback.size);
            put_key(to, entity, from->ids[entity].texts[i], &key);
        }
        to->last[entity] = from->last[entity];
    }
    to->default_count = from->default_count;
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

/* How many parts such a character divides a text in, at most: room for that many is in proportion to what they are. */
static size_t parts_of(sombra_text text, char between)
{
    const char *at = text.data, *end = at + text.size;
    size_t count = 1;

    for (; at != end && (at = memchr(at, between, (size_t)(end - at))) != NULL; at++)
        count++;
    return count;
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
    *texts = fmt_arena_alloc(arena, parts_of(text, ',') * sizeof **texts);
    while (more) {
        if (is_list && !fmt_json_item(&json, *count == 0, &more)) return false;
        if (more && !fmt_json_string(&json, &(*texts)[(*count)++])) return false;
        more = more && is_list;
    }
    return fmt_json_at_end(&json);
}

sombra_status xml_broken(xml_graph *g, sombra_status status, const char *why)
{
    fmt_records_at(g->records, xml_line(g->reading), NULL, 0);
    return fmt_records_broken(g->records, status, 0, "%s", why);
}

sombra_status xml_may_declare(const xml_graph *g)
{
    return g->declare == NULL ? SOMBRA_DONE : SOMBRA_OK;
}

static void set_type(xml_key *key, const char *type)
{
    (void)snprintf(key->type, sizeof key->type, "%s", type);
    key->is_text = strcmp(key->type, "string") == 0;
    key->is_truth = strcmp(key->type, "boolean") == 0;
    key->is_list = strchr(key->type, '[') != NULL;
}

sombra_status xml_add_key(xml_graph *g, bool for_nodes, bool for_rels, const char *id,
                          const char *name, const char *type, bool list, const char **attributes)
{
    const char *own_type = xml_attribute(attributes, "sombra:type"),
               *own_name = xml_attribute(attributes, "sombra:name");
    xml_keys *k = g->declare;
    xml_key key = {.json_list = list && own_type == NULL};
    sombra_text *names;
    size_t count;

    if (k == NULL) return xml_may_declare(g);
    if (id == NULL) return xml_broken(g, SOMBRA_SYNTAX, "the declaration of a property has no id");
    key.name =
        fmt_arena_text(&k->arena, name == NULL ? id : name, strlen(name == NULL ? id : name));
    if (own_name != NULL) {
        const sombra_text kept = fmt_arena_text(&k->arena, own_name, strlen(own_name));
        if (!json_texts(&k->arena, kept, &names, &count) || count != 1)
            return xml_broken(g, SOMBRA_SYNTAX, "sombra:name is no JSON string");
        key.name = names[0];
    }
    if (own_type != NULL && strlen(own_type) >= sizeof key.type)
        return xml_broken(g, SOMBRA_SYNTAX, "sombra:type names no type");
    set_type(&key, own_type != NULL ? own_type : known_type(type));
    k->last[0] = for_nodes;
    k->last[1] = for_rels;
    for (unsigned entity = 0; entity < 2; entity++) {
        if (!k->last[entity]) continue;
        if (fmt_names_find(&k->ids[entity], id, strlen(id)) != UINT32_MAX) {
            char why[100];
            (void)snprintf(why, sizeof why, "'%.60s' is the id of two properties", id);
            return xml_broken(g, SOMBRA_SYNTAX, why);
        }
        put_key(k, entity, text_of(id), &key);
    }
    return SOMBRA_OK;
}

void xml_key_default(xml_graph *g, sombra_text text)
{
    xml_keys *k = g->declare;

    for (unsigned entity = 0; k != NULL && entity < 2; entity++) {
        if (!k->last[entity]) continue;
        xml_key *key = &k->keys[entity][k->ids[entity].count - 1];
        k->default_count += !key->has_default;
        key->has_default = true;
        key->fallback = fmt_arena_text(&k->arena, text.data, text.size);
    }
}

void xml_key_is_label(xml_graph *g, bool of_rels)
{
    xml_keys *k = g->declare;

    k->keys[of_rels][k->ids[of_rels].count - 1].is_label = true;
}

void xml_key_is_timed(xml_graph *g)
{
    xml_keys *k = g->declare;

    for (unsigned entity = 0; entity < 2; entity++)
        if (k->last[entity]) k->keys[entity][k->ids[entity].count - 1].is_timed = true;
}

/* ---- Elements ------------------------------------------------------------------------------------------------------ */

void xml_graph_free(xml_graph *g)
{
    free(g->props);
    free(g->timed);
    free(g->given);
    free(g->unknown.data);
}

bool xml_graph_busy(const xml_graph *g)
{
    return g->open || g->in_data || g->in_key || g->in_attribute;
}

static sombra_text moved(fmt_arena *arena, sombra_text text)
{
    return text.data == NULL ? text : fmt_arena_text(arena, text.data, text.size);
}

void xml_graph_move(xml_graph *g, fmt_arena *arena)
{
    if (!g->open) return;
    g->id = moved(arena, g->id);
    g->type = moved(arena, g->type);
    for (unsigned end = 0; end < 2; end++)
        g->ends[end] = moved(arena, g->ends[end]);
    if (g->labels != NULL) {
        sombra_text *labels = fmt_arena_alloc(arena, (g->label_count + 1) * sizeof *labels);
        for (size_t i = 0; i < g->label_count; i++)
            labels[i] = moved(arena, g->labels[i]);
        g->labels = labels;
    }
    for (size_t i = 0; i < g->prop_count; i++) {
        g->props[i].key = moved(arena, g->props[i].key);
        g->props[i].value = fmt_value_copy(arena, &g->props[i].value);
    }
    for (size_t i = 0; i < g->timed_count; i++)
        g->timed[i].value = fmt_value_copy(arena, &g->timed[i].value);
}

void xml_bad(xml_graph *g, sombra_status status, sombra_text where, sombra_text value,
             const char *why)
{
    g->bad = true;
    fmt_records_at(g->records, xml_line(g->reading), NULL, 0);
    fmt_add_bad(g->records, status, 0, where, value, "%s%s", value.size == 0 ? "" : " ", why);
}

/* What is given, for as long as the records live. */
static sombra_text keep(const xml_graph *g, sombra_text text)
{
    return g->borrows ? text : fmt_arena_text(&g->records->arena, text.data, text.size);
}

/* sombra:labels or sombra:label. */
static void take_own_labels(xml_graph *g, const char *own)
{
    const sombra_text kept = keep(g, text_of(own));
    size_t count = 0;

    if (!json_texts(&g->records->arena, kept, &g->labels, &count) || (g->is_rel && count != 1)) {
        g->labels = NULL;
        xml_bad(g, SOMBRA_SYNTAX, fmt_text(NULL, 0), kept, "is not what our own attributes hold");
    } else if (g->is_rel) {
        g->type = g->labels[0];
        g->labels = NULL;
    } else {
        g->label_count = count;
    }
}

sombra_status xml_begin(xml_graph *g, bool is_rel, const char *id, const char *source,
                        const char *target, const char **attributes)
{
    const sombra_text none = {NULL, 0};
    const char *own = xml_attribute(attributes, is_rel ? "sombra:label" : "sombra:labels");

    if (g->open)
        return xml_broken(g, SOMBRA_SYNTAX,
                          is_rel ? "a relationship begins inside of another element"
                                 : "a node begins inside of another element");
    g->open = true;
    g->bad = false;
    g->is_rel = is_rel;
    g->open_line = xml_line(g->reading);
    g->labels = NULL;
    g->label_count = g->prop_count = g->timed_count = 0;
    g->record++;
    g->has_builtin = false;
    g->hint = 0;
    g->type = g->id = none;
    if (is_rel && (source == NULL || target == NULL)) {
        xml_bad(g, SOMBRA_SYNTAX, none, none, "the relationship has no source or no target");
    } else if (!is_rel && id == NULL) {
        xml_bad(g, SOMBRA_SYNTAX, none, none, "the node has no id");
    } else {
        if (is_rel) {
            g->ends[0] = keep(g, text_of(source));
            g->ends[1] = keep(g, text_of(target));
        } else {
            g->id = keep(g, text_of(id));
        }
        if (own != NULL) take_own_labels(g, own);
    }
    return SOMBRA_OK;
}

void xml_labels(xml_graph *g, sombra_text text)
{
    if (g->labels != NULL) return; /* told already, by our own attribute */
    const sombra_text kept = keep(g, text);
    const char *at = kept.data, *end = at + kept.size;

    if (g->is_rel) {
        if (g->type.size == 0) g->type = kept;
        return;
    }
    g->labels = fmt_arena_alloc(&g->records->arena, parts_of(kept, ':') * sizeof *g->labels);
    while (at < end) {
        const char *colon = memchr(at, ':', (size_t)(end - at));
        const char *stop = colon == NULL ? end : colon;
        if (stop != at) g->labels[g->label_count++] = fmt_text(at, (size_t)(stop - at));
        at = stop + 1;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static sombra_text trimmed(sombra_text text)
{
    const char *at = text.data, *end = at + text.size;

    while (at != end && is_blank(*at))
        at++;
    while (at != end && is_blank(end[-1]))
        end--;
    return fmt_text(at, (size_t)(end - at));
}

static void add_prop(xml_graph *g, sombra_text name, sombra_value value)
{
    if (g->has_builtin && name.data != NULL && g->props[0].key.size == name.size &&
        memcmp(g->props[0].key.data, name.data, name.size) == 0) {
        g->props[0].value = value;
        g->has_builtin = false; /* a second one is there twice */
        return;
    }
    g->props = fmt_grow(g->props, &g->prop_capacity, g->prop_count + 1, sizeof *g->props);
    g->props[g->prop_count++] = (fmt_prop){.key = name, .value = value};
}

void xml_property(xml_graph *g, const char *name, sombra_value value)
{
    if (value.type == SOMBRA_TYPE_STRING)
        value.as.bytes.data = keep(g, fmt_text(value.as.bytes.data, value.as.bytes.size)).data;
    add_prop(g, text_of(name), value);
    g->has_builtin = true;
}

/* APOC's lists: JSON of texts, numbers or truth values, each read as the key's type. */
static bool json_list(xml_graph *g, const xml_key *key, sombra_text text, sombra_value *value,
                      const char **why)
{
    fmt_json json = {.begin = text.data,
                     .at = text.data,
                     .end = (const char *)text.data + text.size,
                     .arena = &g->records->arena};
    sombra_value *items = fmt_arena_alloc(&g->records->arena, parts_of(text, ',') * sizeof *items);
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
        if (!fmt_value_of(g->records, key->type, item, &items[count++], why)) return false;
    }
    *value = (sombra_value){.type = SOMBRA_TYPE_LIST};
    value->as.list.items = items;
    value->as.list.count = count;
    return fmt_json_at_end(&json);
}

/* False: it is no value of the property's type, which is recorded. */
static bool read_value(xml_graph *g, const xml_key *key, sombra_text text, sombra_value *value)
{
    const char *why = NULL;

    if (key->is_text || key->json_list)
        text = keep(g, text);
    else if (!key->is_list)
        text = trimmed(text);
    /* As schemas of XML have them, too. */
    if (key->is_truth && (fmt_is(text, "1") || fmt_is(text, "0")))
        text = fmt_is(text, "1") ? fmt_text("true", 4) : fmt_text("false", 5);
    if (key->json_list ? json_list(g, key, text, value, &why)
                       : fmt_value_of(g->records, key->type, text, value, &why))
        return true;
    xml_bad(g, SOMBRA_TYPE_MISMATCH, key->name, fmt_text(NULL, 0), why);
    return false;
}

uint32_t xml_find_key(xml_graph *g, const char *id)
{
    const fmt_names *ids = &g->keys->ids[g->is_rel];
    uint32_t found = g->hint;

    /* Or the next but one: the key of labels or types lies between. */
    if (found < ids->count && strcmp(ids->texts[found].data, id) != 0) found++;
    if (found >= ids->count || strcmp(ids->texts[found].data, id) != 0)
        found = fmt_names_find(ids, id, strlen(id));
    g->hint = found == UINT32_MAX ? 0 : found + 1;
    return found;
}

void xml_begin_value(xml_graph *g, const char **attributes)
{
    const char *type = xml_attribute(attributes, "sombra:type"),
               *escape = xml_attribute(attributes, "sombra:escape");

    g->escaped = escape != NULL && strcmp(escape, "json") == 0;
    g->own_type[0] = '\0';
    if (type == NULL || !g->open || g->bad) return;
    if (strlen(type) < sizeof g->own_type)
        (void)snprintf(g->own_type, sizeof g->own_type, "%s", type);
    else
        xml_bad(g, SOMBRA_SYNTAX, fmt_text(NULL, 0), fmt_text(type, strlen(type)), "names no type");
}

static void note_given(xml_graph *g, uint32_t place)
{
    const size_t before = g->given_capacity;

    if (place >= before) {
        g->given = fmt_grow(g->given, &g->given_capacity, (size_t)place + 1, sizeof *g->given);
        memset(g->given + before, 0, (g->given_capacity - before) * sizeof *g->given);
    }
    g->given[place] = g->record;
}

void xml_value(xml_graph *g, uint32_t place, sombra_text text)
{
    const xml_key *key = &g->keys->keys[g->is_rel][place];
    xml_key own;
    sombra_text *texts;
    sombra_value value;
    size_t count;

    if (!g->open || g->bad) return;
    if (g->escaped) {
        if (!json_texts(&g->records->arena, keep(g, text), &texts, &count) || count != 1) {
            xml_bad(g, SOMBRA_SYNTAX, key->name, fmt_text(NULL, 0), "the text is no JSON string");
            return;
        }
        text = texts[0];
    }
    note_given(g, place);
    if (g->own_type[0] != '\0') {
        own = (xml_key){.name = key->name};
        set_type(&own, g->own_type);
        key = &own;
    }
    if (!read_value(g, key, text, &value)) return;
    if (!key->is_timed) {
        add_prop(g, key->name, value);
        return;
    }
    g->timed = fmt_grow(g->timed, &g->timed_capacity, g->timed_count + 1, sizeof *g->timed);
    g->timed[g->timed_count] = (xml_timed){.key = place, .place = g->timed_count, .value = value};
    g->timed_count++;
}

static int by_key(const void *a, const void *b)
{
    const xml_timed *x = a, *y = b;
    return x->key != y->key ? (x->key < y->key ? -1 : 1)
                            : (x->place > y->place) - (x->place < y->place);
}

/* One value is a property, several are a list, in the order of the file. */
static void put_timed(xml_graph *g)
{
    if (g->timed_count == 0) return;
    qsort(g->timed, g->timed_count, sizeof *g->timed, by_key);
    for (size_t from = 0, end; from < g->timed_count; from = end) {
        const uint32_t key = g->timed[from].key;
        sombra_value value = g->timed[from].value;
        for (end = from + 1; end < g->timed_count && g->timed[end].key == key; end++)
            continue;
        if (end - from > 1) {
            sombra_value *items = fmt_arena_alloc(&g->records->arena, (end - from) * sizeof *items);
            for (size_t i = from; i < end; i++)
                items[i - from] = g->timed[i].value;
            value = (sombra_value){.type = SOMBRA_TYPE_LIST};
            value.as.list.items = items;
            value.as.list.count = end - from;
        }
        add_prop(g, g->keys->keys[g->is_rel][key].name, value);
    }
}

/* Properties that the element does not give, where its kind has a default. */
static void put_defaults(xml_graph *g)
{
    const xml_keys *k = g->keys;

    for (size_t i = 0; k->default_count != 0 && i < k->ids[g->is_rel].count && !g->bad; i++) {
        const xml_key *key = &k->keys[g->is_rel][i];
        sombra_value value;
        const bool given = i < g->given_capacity && g->given[i] == g->record;
        if (given || !key->has_default) continue;
        if (key->is_label)
            xml_labels(g, key->fallback);
        else if (read_value(g, key, key->fallback, &value))
            add_prop(g, key->name, value);
    }
}

void xml_end(xml_graph *g)
{
    if (!g->open) return;
    if (!g->bad) put_defaults(g);
    if (!g->bad) put_timed(g);
    g->open = false;
    if (g->bad) return;
    fmt_prop *props = fmt_arena_alloc(&g->records->arena, (g->prop_count + 1) * sizeof *props);
    if (g->prop_count != 0) memcpy(props, g->props, g->prop_count * sizeof *props);
    fmt_records_at(g->records, g->open_line, NULL, 0);
    if (g->is_rel) {
        /* Formats that most often know no types: the name that APOC gives such relationships, too. */
        if (g->type.size == 0 && g->default_type == NULL) g->type = fmt_text("RELATED", 7);
        const fmt_rel rel = {.type = g->type,
                             .ends = {{.text = g->ends[0]}, {.text = g->ends[1]}},
                             .props = props,
                             .prop_count = g->prop_count};
        fmt_add_rel(g->records, &rel);
        return;
    }
    const fmt_node node = {.id = {.text = g->id},
                           .has_id = true,
                           .labels = g->labels,
                           .label_count = g->label_count,
                           .props = props,
                           .prop_count = g->prop_count};
    fmt_add_node(g->records, &node);
}
