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

/* row.start._id, row[0]; the row itself. */
static bool take_path(script_scanner *s, sombra_text row, script_path *path)
{
    sombra_text name;

    path->count = 0;
    if (!script_take_name(s, &name) || !script_is_same(name, row)) return false;
    for (;;) {
        const bool by_name = script_take(s, ".");
        if (!by_name && !script_take(s, "[")) return true;
        if (path->count == SCRIPT_STEPS) return false;
        path->steps[path->count].name = fmt_text(NULL, 0);
        if (by_name) {
            if (!script_take_name(s, &path->steps[path->count].name)) return false;
        } else {
            if (script_at_end(s) || !script_is_digit(*s->at)) return false;
            path->steps[path->count].place = (size_t)(*s->at++ - '0'); /* one digit does */
            if (!script_take(s, "]")) return false;
        }
        path->count++;
    }
}

static bool take_labels(script_scanner *s, script_node *node)
{
    while (script_take(s, ":")) {
        if (node->label_count == SCRIPT_LABELS ||
            !script_take_name(s, &node->labels[node->label_count]))
            return false;
        node->label_count++;
    }
    return node->label_count != 0;
}

/* (n:Label:Other {key: row.key}) */
static bool take_node(script_scanner *s, sombra_text row, script_node *node)
{
    if (!script_take(s, "(") || !script_take_name(s, &node->variable) || !take_labels(s, node))
        return false;
    if (!script_take(s, "{")) return script_take(s, ")");
    return script_take_name(s, &node->key) && script_take(s, ":") &&
           take_path(s, row, &node->value) && script_take(s, "}") && script_take(s, ")");
}

/* SET n += row.properties, SET n = row: the map that remains. */
static bool take_map(script_scanner *s, sombra_text row, bool has_key, script_shape *shape)
{
    if (shape->has_map || (!script_take(s, "+=") && (has_key || !script_take(s, "="))))
        return false;
    shape->has_map = true;
    return take_path(s, row, &shape->map);
}

static bool take_sets(script_scanner *s, sombra_text row, script_shape *shape)
{
    script_node *node = &shape->nodes[0];
    sombra_text name;

    while (script_take_word(s, "SET")) {
        if (!script_take_name(s, &name) || !script_is_same(name, node->variable)) return false;
        if (!script_at_end(s) && *s->at == ':' ? !take_labels(s, node)
                                               : !take_map(s, row, node->key.size != 0, shape))
            return false;
    }
    return true;
}

/* CREATE (a)-[r:TYPE]->(b) SET r += row.properties */
static bool take_rel(script_scanner *s, sombra_text row, script_shape *shape)
{
    sombra_text from, to, variable = {NULL, 0}, name;

    if (!script_take_word(s, "CREATE") || !script_take(s, "(") || !script_take_name(s, &from) ||
        !script_take(s, ")") || !script_take(s, "-") || !script_take(s, "["))
        return false;
    if (!script_take(s, ":") && (!script_take_name(s, &variable) || !script_take(s, ":")))
        return false;
    if (!script_take_name(s, &shape->type) || !script_take(s, "]") || !script_take(s, "->") ||
        !script_take(s, "(") || !script_take_name(s, &to) || !script_take(s, ")") ||
        !script_is_same(from, shape->nodes[0].variable) ||
        !script_is_same(to, shape->nodes[1].variable) || script_is_same(from, to))
        return false;
    if (variable.size != 0 && (script_is_same(variable, from) || script_is_same(variable, to) ||
                               script_is_same(variable, row)))
        return false;
    if (!script_take_word(s, "SET")) return true;
    return script_take_name(s, &name) && script_is_same(name, variable) &&
           take_map(s, row, false, shape);
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

static bool take_all(script_scanner *s, script_shape *shape)
{
    sombra_text row;

    if (!script_take_word(s, "AS") || !script_take_name(s, &row)) return false;
    if (script_take_word(s, "CREATE")) {
        shape->kind = SCRIPT_NODES;
        if (!take_node(s, row, &shape->nodes[0]) || script_is_same(row, shape->nodes[0].variable) ||
            !take_sets(s, row, shape))
            return false;
    } else {
        shape->kind = SCRIPT_RELS;
        for (unsigned end = 0; end < 2; end++) {
            script_node *node = &shape->nodes[end];
            if ((!script_take_word(s, "MATCH") && (end == 0 || !script_take(s, ","))) ||
                !take_node(s, row, node) || script_is_same(row, node->variable) ||
                node->key.size == 0 || node->label_count != 1)
                return false;
        }
        if (!take_rel(s, row, shape)) return false;
    }
    return script_at_end(s);
}

script_shape script_shape_of(fmt_arena *arena, const char *text, size_t size)
{
    script_scanner s = {.at = text, .end = text + size, .arena = arena};
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
    size_t at = 24;

    do {
        number[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (integer < 0) number[--at] = '-';
    return fmt_text(number + at, 24 - at);
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

/* The row's map; false: it is none, or not one of properties, or has the key, too. */
static bool map_of(const script_shape *shape, const sombra_value *row, const sombra_value **found)
{
    const sombra_value *map;

    *found = NULL;
    if (!shape->has_map) return true;
    map = follow(&shape->map, row);
    if (map == NULL || map->type != SOMBRA_TYPE_MAP || map->as.map.count > PROPS_MAX) return false;
    for (size_t i = 0; i < map->as.map.count; i++) {
        const sombra_entry *entry = &map->as.map.entries[i];
        if (!is_plain(&entry->value) ||
            (shape->kind == SCRIPT_NODES &&
             script_is_same(shape->nodes[0].key, fmt_text(entry->key, entry->key_size))))
            return false;
    }
    *found = map;
    return true;
}

/* Properties of a row, behind those that are there. */
static void put_map(const sombra_value *map, fmt_prop *props, size_t *count)
{
    for (size_t i = 0; map != NULL && i < map->as.map.count; i++) {
        const sombra_entry *entry = &map->as.map.entries[i];
        props[(*count)++] = (fmt_prop){fmt_text(entry->key, entry->key_size), entry->value};
    }
}

/* Rows of a statement on their way to the loader. */
typedef struct loading {
    fmt_loader *loader;
    script_marks *marks;
    const script_shape *shape;
    const sombra_value *rows;
    size_t count;
    bool is_left; /* nodes: without their mark */
} loading;

/* ---- Nodes ---------------------------------------------------------------------------------------------------------- */

static bool are_nodes(const loading *to)
{
    const script_node *node = &to->shape->nodes[0];
    const sombra_value *map;
    char number[24];
    fmt_id id;

    for (size_t i = 0; i < to->count; i++)
        if ((node->key.size != 0 && !id_of(node, &to->rows[i], number, &id)) ||
            !map_of(to->shape, &to->rows[i], &map))
            return false;
    return true;
}

static sombra_status load_node(loading *to, const sombra_value *row)
{
    const script_node *node = &to->shape->nodes[0];
    fmt_prop props[PROPS_MAX + 1];
    sombra_text labels[SCRIPT_LABELS];
    fmt_node made = {.labels = labels, .props = props};
    const sombra_value *map, *key = NULL;
    char number[24];

    if (node->key.size != 0 && id_of(node, row, number, &made.id)) {
        key = follow(&node->value, row);
        made.has_id = fmt_loader_find(to->loader, &made.id) == 0;
        if (to->is_left && !made.has_id) { /* the constraint will see it */
            const sombra_status status = script_marks_settle(to->marks);
            if (status != SOMBRA_OK) return status;
            to->is_left = false;
        }
        if (!to->is_left) props[made.prop_count++] = (fmt_prop){node->key, *key};
    }
    if (map_of(to->shape, row, &map)) put_map(map, props, &made.prop_count);
    for (size_t i = 0; i < node->label_count; i++)
        if (!to->is_left || !script_is_same(node->labels[i], to->marks->label))
            labels[made.label_count++] = node->labels[i];
    if (to->is_left) script_marks_add(to->marks, key);
    return fmt_load_node(to->loader, &made);
}

static sombra_status load_nodes(loading *to, bool *taken)
{
    sombra_status status;

    if (!are_nodes(to)) return SOMBRA_OK;
    *taken = true;
    status = script_marks_leave(to->marks, &to->shape->nodes[0], &to->is_left);
    for (size_t i = 0; i < to->count && status == SOMBRA_OK; i++)
        status = load_node(to, &to->rows[i]);
    return status;
}

/* ---- Relationships --------------------------------------------------------------------------------------------------- */

/* Does MATCH find at most one node for each end? */
static bool is_unique(const loading *to)
{
    const script_node *nodes = to->shape->nodes;

    for (unsigned end = 0; end < 2; end++)
        if (!fmt_loader_is_unique(to->loader, nodes[end].labels[0], nodes[end].key)) return false;
    return true;
}

/* The integer that a row has for an end; false: it has none, or one that is no number in a text of digits. */
static bool number_of(const script_node *node, const sombra_value *row, uint64_t *number)
{
    const sombra_value *value = follow(&node->value, row);

    if (value == NULL || value->type != SOMBRA_TYPE_INT || value->as.integer < 0) return false;
    *number = (uint64_t)value->as.integer;
    return *number < FMT_NUMBERS;
}

/* One end of all rows, as the loader finds it. False: the script has made no such node. */
static bool find_ends(const loading *to, const script_node *node, uint64_t *ends)
{
    size_t numbers = 0;

    while (numbers < to->count && number_of(node, &to->rows[numbers], &ends[numbers]))
        numbers++;
    if (!fmt_loader_find_numbers(to->loader, node->groups[0], ends, numbers)) return false;
    for (size_t i = numbers; i < to->count; i++) {
        char number[24];
        fmt_id id;
        if (!id_of(node, &to->rows[i], number, &id)) return false;
        ends[i] = fmt_loader_find(to->loader, &id);
        if (ends[i] == 0) return false;
    }
    return true;
}

static sombra_status load_rels(const loading *to, fmt_arena *scratch, bool *taken)
{
    uint64_t *sources = fmt_arena_alloc(scratch, 2 * (to->count + 1) * sizeof *sources);
    uint64_t *targets = sources + to->count;
    sombra_status status = SOMBRA_OK;
    fmt_prop props[PROPS_MAX];
    const sombra_value *map;

    if (!is_unique(to) || !find_ends(to, &to->shape->nodes[0], sources) ||
        !find_ends(to, &to->shape->nodes[1], targets))
        return SOMBRA_OK;
    for (size_t i = 0; i < to->count; i++)
        if (!map_of(to->shape, &to->rows[i], &map)) return SOMBRA_OK;
    *taken = true;
    for (size_t i = 0; i < to->count && status == SOMBRA_OK; i++) {
        const uint64_t ends[2] = {sources[i], targets[i]};
        size_t count = 0;
        if (map_of(to->shape, &to->rows[i], &map)) put_map(map, props, &count);
        status = fmt_load_rel_between(to->loader, to->shape->type, ends, props, count);
    }
    return status;
}

sombra_status script_shape_load(fmt_loader *loader, script_marks *marks, const script_shape *shape,
                                const sombra_value *rows, fmt_arena *scratch, bool *taken)
{
    loading to = {.loader = loader, .marks = marks, .shape = shape};

    *taken = false;
    if (shape->kind == SCRIPT_OTHER || rows->type != SOMBRA_TYPE_LIST) return SOMBRA_OK;
    to.rows = rows->as.list.items;
    to.count = rows->as.list.count;
    return shape->kind == SCRIPT_NODES ? load_nodes(&to, taken) : load_rels(&to, scratch, taken);
}
