/* script_shape.c — statements that make a node or a relationship of each row of a list, as apoc.export.cypher and our own dump write them:
 * their rows go to the loader as those of other formats do, in typed batches.
 *
 * It is the same as running the statement: MATCH finds the one node that a unique constraint leaves for its key, and that is the node that the script
 * has made with this key, as long as nothing else has changed the graph since (then the loader forgets the keys). Whatever is not so,
 * or not known, is for the language. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/formats/script_priv.h"

#define PROPS_MAX 256u /* of one row */

/* ---- The text ---------------------------------------------------------------------------------------------------- */

typedef struct scanner {
    const char *at, *end;
    fmt_arena *arena;
} scanner;

static void skip_blanks(scanner *s)
{
    s->at = script_blanks(s->at, s->end);
}

static bool take(scanner *s, const char *text)
{
    const size_t size = strlen(text);

    skip_blanks(s);
    if ((size_t)(s->end - s->at) < size || memcmp(s->at, text, size) != 0) return false;
    s->at += size;
    return true;
}

static bool take_word(scanner *s, const char *word)
{
    const size_t size = strlen(word), left = (skip_blanks(s), (size_t)(s->end - s->at));

    if (left < size || strncasecmp(s->at, word, size) != 0 ||
        (left > size && script_is_word(s->at[size])))
        return false;
    s->at += size;
    return true;
}

/* A name, plain or in backquotes. */
static bool take_name(scanner *s, sombra_text *name)
{
    skip_blanks(s);
    const char *from = s->at;
    if (!take(s, "`")) {
        while (s->at < s->end && script_is_word(*s->at))
            s->at++;
        *name = fmt_text(from, (size_t)(s->at - from));
        return name->size != 0 && !script_is_digit(*from);
    }
    char *made = fmt_arena_alloc(s->arena, (size_t)(s->end - s->at) + 1), *out = made;
    while (s->at < s->end && *s->at != '\\' && *s->at != '\0') {
        const char c = *s->at++;
        if (c == '`' && (s->at == s->end || *s->at != '`')) {
            *name = fmt_text(made, (size_t)(out - made));
            return name->size != 0;
        }
        if (c == '`') s->at++; /* a doubled one stands for itself */
        *out++ = c;
    }
    return false;
}

static bool is_same(sombra_text a, sombra_text b)
{
    return a.size == b.size && a.size != 0 && memcmp(a.data, b.data, a.size) == 0;
}

/* row.start._id, row[0]; the row itself. */
static bool take_path(scanner *s, sombra_text row, script_path *path)
{
    sombra_text name;

    path->count = 0;
    if (!take_name(s, &name) || !is_same(name, row)) return false;
    for (;;) {
        const bool by_name = take(s, ".");
        if (!by_name && !take(s, "[")) return true;
        if (path->count == SCRIPT_STEPS) return false;
        path->steps[path->count].name = fmt_text(NULL, 0);
        if (by_name) {
            if (!take_name(s, &path->steps[path->count].name)) return false;
        } else {
            skip_blanks(s);
            if (s->at == s->end || !script_is_digit(*s->at)) return false;
            path->steps[path->count].place = (size_t)(*s->at++ - '0'); /* one digit does */
            if (!take(s, "]")) return false;
        }
        path->count++;
    }
}

static bool take_labels(scanner *s, script_node *node)
{
    while (take(s, ":")) {
        if (node->label_count == SCRIPT_LABELS || !take_name(s, &node->labels[node->label_count]))
            return false;
        node->label_count++;
    }
    return node->label_count != 0;
}

/* (n:Label:Other {key: row.key}) */
static bool take_node(scanner *s, sombra_text row, script_node *node)
{
    if (!take(s, "(") || !take_name(s, &node->variable) || !take_labels(s, node)) return false;
    if (!take(s, "{")) return take(s, ")");
    return take_name(s, &node->key) && take(s, ":") && take_path(s, row, &node->value) &&
           take(s, "}") && take(s, ")");
}

/* SET n += row.properties, SET n = row: the map that remains. */
static bool take_map(scanner *s, sombra_text row, bool has_key, script_shape *shape)
{
    if (shape->has_map || (!take(s, "+=") && (has_key || !take(s, "=")))) return false;
    shape->has_map = true;
    return take_path(s, row, &shape->map);
}

static bool take_sets(scanner *s, sombra_text row, script_shape *shape)
{
    script_node *node = &shape->nodes[0];
    sombra_text name;

    while (take_word(s, "SET")) {
        if (!take_name(s, &name) || !is_same(name, node->variable)) return false;
        skip_blanks(s);
        if (s->at < s->end && *s->at == ':' ? !take_labels(s, node)
                                            : !take_map(s, row, node->key.size != 0, shape))
            return false;
    }
    return true;
}

/* CREATE (a)-[r:TYPE]->(b) SET r += row.properties */
static bool take_rel(scanner *s, sombra_text row, script_shape *shape)
{
    sombra_text from, to, variable = {NULL, 0}, name;

    if (!take_word(s, "CREATE") || !take(s, "(") || !take_name(s, &from) || !take(s, ")") ||
        !take(s, "-") || !take(s, "["))
        return false;
    if (!take(s, ":") && (!take_name(s, &variable) || !take(s, ":"))) return false;
    if (!take_name(s, &shape->type) || !take(s, "]") || !take(s, "->") || !take(s, "(") ||
        !take_name(s, &to) || !take(s, ")") || !is_same(from, shape->nodes[0].variable) ||
        !is_same(to, shape->nodes[1].variable) || is_same(from, to))
        return false;
    if (variable.size != 0 &&
        (is_same(variable, from) || is_same(variable, to) || is_same(variable, row)))
        return false;
    if (!take_word(s, "SET")) return true;
    return take_name(s, &name) && is_same(name, variable) && take_map(s, row, false, shape);
}

/* Ids in the loader: of label and key, apart for integers and strings, which are never equal. */
static void name_groups(fmt_arena *arena, script_node *node)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        fmt_buffer text = {0};
        fmt_put(&text, SCRIPT_GROUPS.data, SCRIPT_GROUPS.size);
        fmt_puts(&text, kind == 0 ? "i" : "s");
        fmt_put(&text, node->labels[0].data, node->labels[0].size);
        fmt_put(&text, "", 1);
        fmt_put(&text, node->key.data, node->key.size);
        node->groups[kind] = fmt_arena_text(arena, text.data, text.size);
        free(text.data);
    }
}

static bool take_all(scanner *s, script_shape *shape)
{
    sombra_text row;

    if (!take_word(s, "AS") || !take_name(s, &row)) return false;
    if (take_word(s, "CREATE")) {
        shape->kind = SCRIPT_NODES;
        if (!take_node(s, row, &shape->nodes[0]) || is_same(row, shape->nodes[0].variable) ||
            !take_sets(s, row, shape))
            return false;
    } else {
        shape->kind = SCRIPT_RELS;
        for (unsigned end = 0; end < 2; end++) {
            script_node *node = &shape->nodes[end];
            if ((!take_word(s, "MATCH") && (end == 0 || !take(s, ","))) ||
                !take_node(s, row, node) || is_same(row, node->variable) || node->key.size == 0 ||
                node->label_count != 1)
                return false;
        }
        if (!take_rel(s, row, shape)) return false;
    }
    skip_blanks(s);
    return s->at == s->end;
}

script_shape script_shape_of(fmt_arena *arena, const char *text, size_t size)
{
    scanner s = {.at = text, .end = text + size, .arena = arena};
    script_shape shape = {.kind = SCRIPT_OTHER};

    if (!take_all(&s, &shape)) return (script_shape){.kind = SCRIPT_OTHER};
    for (unsigned end = 0; end < 2; end++)
        if (shape.nodes[end].key.size != 0) name_groups(arena, &shape.nodes[end]);
    return shape;
}

/* ---- The rows ----------------------------------------------------------------------------------------------------- */

/* NULL: there is none. */
static const sombra_value *follow(const script_path *path, const sombra_value *value)
{
    for (size_t i = 0; i < path->count && value != NULL; i++) {
        const sombra_text name = path->steps[i].name;
        const sombra_value *next = NULL;
        if (name.data == NULL) {
            if (value->type == SOMBRA_TYPE_LIST && path->steps[i].place < value->as.list.count)
                next = &value->as.list.items[path->steps[i].place];
        } else if (value->type == SOMBRA_TYPE_MAP) {
            for (size_t k = 0; k < value->as.map.count && next == NULL; k++) {
                const sombra_entry *entry = &value->as.map.entries[k];
                if (entry->key_size == name.size && memcmp(entry->key, name.data, name.size) == 0)
                    next = &entry->value;
            }
        }
        value = next;
    }
    return value;
}

static sombra_text put_integer(int64_t integer, char number[24])
{
    uint64_t rest = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;
    char *at = number + 24;

    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (integer < 0) *--at = '-';
    return fmt_text(at, (size_t)(number + 24 - at));
}

/* number: scratch for the text of an integer. */
static bool id_of(const script_node *node, const sombra_value *row, char number[24], fmt_id *id)
{
    const sombra_value *value = follow(&node->value, row);

    if (value == NULL) return false;
    if (value->type == SOMBRA_TYPE_STRING) {
        *id = (fmt_id){node->groups[1], {value->as.bytes.data, value->as.bytes.size}};
        return true;
    }
    if (value->type != SOMBRA_TYPE_INT) return false;
    *id = (fmt_id){node->groups[0], put_integer(value->as.integer, number)};
    return true;
}

/* Is it a property's value, or null? */
static bool is_plain(const sombra_value *value)
{
    if (value->type < SOMBRA_TYPE_LIST) return true;
    if (value->type != SOMBRA_TYPE_LIST) return false;
    for (size_t i = 0; i < value->as.list.count; i++)
        if (value->as.list.items[i].type == SOMBRA_TYPE_NULL ||
            value->as.list.items[i].type >= SOMBRA_TYPE_LIST)
            return false;
    return true;
}

/* The row's map as properties behind those that are there; false: it is none, or has one of them, too. */
static bool map_of(const script_shape *shape, const sombra_value *row, fmt_prop *props,
                   size_t *count)
{
    const size_t before = *count;
    const sombra_value *map;

    if (!shape->has_map) return true;
    map = follow(&shape->map, row);
    if (map == NULL || map->type != SOMBRA_TYPE_MAP || map->as.map.count > PROPS_MAX) return false;
    for (size_t i = 0; i < map->as.map.count; i++) {
        const sombra_entry *entry = &map->as.map.entries[i];
        if (!is_plain(&entry->value)) return false;
        props[*count] = (fmt_prop){fmt_text(entry->key, entry->key_size), entry->value};
        if (before != 0 && is_same(props[0].key, props[*count].key)) return false;
        ++*count;
    }
    return true;
}

typedef struct row_parts {
    fmt_prop props[PROPS_MAX + 1];
    size_t prop_count;
    fmt_id ids[2];
    char numbers[2][24];
} row_parts;

/* False: the row has not what the statement takes of it. */
static bool parts_of(const script_shape *shape, const sombra_value *row, row_parts *parts)
{
    const script_node *node = shape->nodes;

    parts->prop_count = 0;
    if (shape->kind == SCRIPT_NODES && node->key.size != 0) {
        if (!id_of(node, row, parts->numbers[0], &parts->ids[0])) return false;
        parts->props[parts->prop_count++] = (fmt_prop){node->key, *follow(&node->value, row)};
    }
    for (unsigned end = 0; shape->kind == SCRIPT_RELS && end < 2; end++)
        if (!id_of(&node[end], row, parts->numbers[end], &parts->ids[end])) return false;
    return map_of(shape, row, parts->props, &parts->prop_count);
}

static bool has_ends(fmt_loader *loader, const row_parts *parts)
{
    return fmt_loader_knows(loader, &parts->ids[0]) && fmt_loader_knows(loader, &parts->ids[1]);
}

static sombra_status load_row(fmt_loader *loader, const script_shape *shape, const row_parts *parts)
{
    if (shape->kind == SCRIPT_NODES) {
        const script_node *node = &shape->nodes[0];
        const fmt_node made = {.id = parts->ids[0],
                               .has_id =
                                   node->key.size != 0 && !fmt_loader_knows(loader, &parts->ids[0]),
                               .labels = node->labels,
                               .label_count = node->label_count,
                               .props = parts->props,
                               .prop_count = parts->prop_count};
        return fmt_load_node(loader, &made);
    }
    const fmt_rel made = {.type = shape->type,
                          .ends = {parts->ids[0], parts->ids[1]},
                          .props = parts->props,
                          .prop_count = parts->prop_count};
    return fmt_load_rel(loader, &made);
}

/* Does MATCH find at most one node for each end? */
static bool is_unique(fmt_loader *loader, const script_shape *shape)
{
    for (unsigned end = 0; end < 2; end++)
        if (!fmt_loader_is_unique(loader, shape->nodes[end].labels[0], shape->nodes[end].key))
            return false;
    return true;
}

sombra_status script_shape_load(fmt_loader *loader, const script_shape *shape,
                                const sombra_value *rows, bool *taken)
{
    sombra_status status = SOMBRA_OK;
    row_parts parts;

    *taken = false;
    if (shape->kind == SCRIPT_OTHER || rows->type != SOMBRA_TYPE_LIST ||
        (shape->kind == SCRIPT_RELS && !is_unique(loader, shape)))
        return SOMBRA_OK;
    /* All rows or none. */
    for (size_t i = 0; i < rows->as.list.count; i++)
        if (!parts_of(shape, &rows->as.list.items[i], &parts) ||
            (shape->kind == SCRIPT_RELS && !has_ends(loader, &parts)))
            return SOMBRA_OK;
    *taken = true;
    for (size_t i = 0; i < rows->as.list.count && status == SOMBRA_OK; i++)
        if (parts_of(shape, &rows->as.list.items[i], &parts))
            status = load_row(loader, shape, &parts);
    return status;
}
