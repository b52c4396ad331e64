/* stmt_value.c — values of queries, from and to the public struct. Scalars that a property could be go through store's sb_value, which has
 * the same layout; lists and maps are copied item by item. */
#include <string.h>

#include "api/api_priv.h"
#include "api/stmt_priv.h"

static sb_status from_public(sb_arena *arena, const sombra_value *value, unsigned depth, sb_val *v,
                             sb_err *err);
static sb_status to_public(sb_arena *arena, sb_val v, sombra_value *value, sb_err *err);

static sb_status list_from(sb_arena *arena, const sombra_value *value, unsigned depth, sb_val *v,
                           sb_err *err)
{
    const size_t count = value->as.list.count;
    sb_val_list *list = sb_val_list_make(arena, count);

    if (list == NULL) return SB_FAIL_NOMEM(err);
    if (count != 0 && value->as.list.items == NULL)
        return SB_FAIL(err, SB_MISUSE, "a list has a count but no items");
    for (size_t i = 0; i < count; i++)
        SB_TRY(from_public(arena, &value->as.list.items[i], depth + 1, &list->items[i], err));
    return sb_val_list_seal(list, v, err);
}

static sb_status map_from(sb_arena *arena, const sombra_value *value, unsigned depth, sb_val *v,
                          sb_err *err)
{
    const size_t count = value->as.map.count;
    sb_val_map *map = sb_val_map_make(arena, count);

    if (map == NULL) return SB_FAIL_NOMEM(err);
    if (count != 0 && value->as.map.entries == NULL)
        return SB_FAIL(err, SB_MISUSE, "a map has a count but no entries");
    for (size_t i = 0; i < count; i++) {
        const sombra_entry *entry = &value->as.map.entries[i];

        map->entries[i].key = sombra__text(entry->key, entry->key_size);
        if (!sb_utf8_valid(map->entries[i].key))
            return SB_FAIL(err, SB_INVALID, "a map's key is not UTF-8");
        SB_TRY(from_public(arena, &entry->value, depth + 1, &map->entries[i].value, err));
    }
    return sb_val_map_seal(map, v, err);
}

/* A path that a query gave, handed back: the ids of its nodes and relationships. */
static sb_status path_from(sb_arena *arena, const sombra_value *value, sb_val *v, sb_err *err)
{
    sb_val_path *path = sb_arena_alloc(arena, sizeof *path);

    if (path == NULL) return SB_FAIL_NOMEM(err);
    if (value->as.path.nodes == NULL || (value->as.path.length != 0 && value->as.path.rels == NULL))
        return SB_FAIL(err, SB_MISUSE, "a path has a length but no nodes or relationships");
    *path = (sb_val_path){.length = value->as.path.length,
                          .nodes = value->as.path.nodes,
                          .rels = value->as.path.rels};
    *v = (sb_val){.kind = SB_VAL_PATH, .as.path = path};
    return SB_OK;
}

static sb_status from_public(sb_arena *arena, const sombra_value *value, unsigned depth, sb_val *v,
                             sb_err *err)
{
    const sb_value *inner = (const sb_value *)(const void *)value;

    *v = SB_VAL_NULL_VALUE;
    if (depth > SOMBRA_VALUE_DEPTH_MAX)
        return SB_FAIL(err, SB_LIMIT, "a value is nested deeper than %u", SOMBRA_VALUE_DEPTH_MAX);
    switch (value->type) {
    case SOMBRA_TYPE_NULL: return SB_OK;
    case SOMBRA_TYPE_LIST: return list_from(arena, value, depth, v, err);
    case SOMBRA_TYPE_MAP: return map_from(arena, value, depth, v, err);
    case SOMBRA_TYPE_NODE: *v = sb_val_node(value->as.id); return SB_OK;
    case SOMBRA_TYPE_REL: *v = sb_val_rel(value->as.id); return SB_OK;
    case SOMBRA_TYPE_PATH: return path_from(arena, value, v, err);
    default: break;
    }
    if (value->type > SOMBRA_TYPE_LIST)
        return SB_FAIL(err, SB_TYPE_MISMATCH, "a value of type %u can't be a parameter",
                       value->type);
    SB_TRY(sb_value_check(inner, err));
    return sb_val_from_value(arena, inner, v, err);
}

sb_status sombra__val_from_public(sb_arena *arena, const sombra_value *value, sb_val *v,
                                  sb_err *err)
{
    return from_public(arena, value, 0, v, err);
}

static sb_status list_to(sb_arena *arena, const sb_val_list *list, sombra_value *value, sb_err *err)
{
    sombra_value *items = sb_arena_alloc_array(arena, (size_t)list->count, sizeof *items);

    if (items == NULL) return SB_FAIL_NOMEM(err);
    for (size_t i = 0; i < list->count; i++)
        SB_TRY(to_public(arena, list->items[i], &items[i], err));
    value->type = SOMBRA_TYPE_LIST;
    value->as.list.items = items;
    value->as.list.count = (size_t)list->count;
    return SB_OK;
}

static sb_status map_to(sb_arena *arena, const sb_val_map *map, sombra_value *value, sb_err *err)
{
    sombra_entry *entries = sb_arena_alloc_array(arena, (size_t)map->count, sizeof *entries);

    if (entries == NULL) return SB_FAIL_NOMEM(err);
    for (size_t i = 0; i < map->count; i++) {
        entries[i].key = (const char *)map->entries[i].key.data;
        entries[i].key_size = map->entries[i].key.size;
        SB_TRY(to_public(arena, map->entries[i].value, &entries[i].value, err));
    }
    value->type = SOMBRA_TYPE_MAP;
    value->as.map.entries = entries;
    value->as.map.count = (size_t)map->count;
    return SB_OK;
}

/* Values that queries make are no deeper than the language lets them be nested, which parse and evaluation bound. */
static sb_status to_public(sb_arena *arena, sb_val v, sombra_value *value, sb_err *err)
{
    if (sombra__val_plain(v, value)) return SB_OK;
    memset(value, 0, sizeof *value);
    switch ((sb_val_kind)v.kind) {
    case SB_VAL_LIST: return list_to(arena, v.as.list, value, err);
    case SB_VAL_MAP: return map_to(arena, v.as.map, value, err);
    case SB_VAL_PATH:
        value->type = SOMBRA_TYPE_PATH;
        value->as.path.nodes = v.as.path->nodes;
        value->as.path.rels = v.as.path->rels;
        value->as.path.length = (size_t)v.as.path->length;
        return SB_OK;
    default: break;
    }
    sb_value inner;
    SB_TRY(sb_val_to_value(arena, v, &inner, err));
    memcpy(value, &inner, sizeof *value);
    return SB_OK;
}

bool sombra__val_plain(sb_val v, sombra_value *value)
{
    value->extra = 0;
    switch ((int)v.kind) {
    case SB_VAL_NULL: *value = sombra_null(); return true;
    case SB_VAL_BOOL:
        value->type = SOMBRA_TYPE_BOOL;
        value->as.boolean = v.as.boolean;
        return true;
    case SB_VAL_INT:
        value->type = SOMBRA_TYPE_INT;
        value->as.integer = v.as.integer;
        return true;
    case SB_VAL_FLOAT:
        value->type = SOMBRA_TYPE_FLOAT;
        value->as.real = v.as.real;
        return true;
    case SB_VAL_STRING:
        value->type = SOMBRA_TYPE_STRING;
        value->as.bytes.data = v.as.text;
        value->as.bytes.size = v.aux;
        return true;
    case SB_VAL_NODE:
    case SB_VAL_REL:
        value->type = v.kind == SB_VAL_NODE ? SOMBRA_TYPE_NODE : SOMBRA_TYPE_REL;
        value->as.id = v.as.id;
        return true;
    default: return false;
    }
}

sb_status sombra__val_to_public(sb_arena *arena, sb_val v, sombra_value *value, sb_err *err)
{
    return to_public(arena, v, value, err);
}

const char *sombra_error_class(const sombra_error *error)
{
    return error == NULL ? "" : sb_cypher_error_type(error->detail);
}

const char *sombra_error_detail(const sombra_error *error)
{
    return error == NULL ? "" : sb_cypher_error_name(error->detail);
}

sombra_status sombra_value_to_string(const sombra_value *value, char *text, size_t capacity,
                                     size_t *size)
{
    sb_arena *arena;
    sb_buffer out;
    sb_err err;
    sb_val inner;
    sb_status status;
    bool has = true;

    if (size != NULL) *size = 0;
    if (value == NULL || size == NULL || (text == NULL && capacity != 0)) return SOMBRA_MISUSE;
    arena = sb_arena_create(&sb_allocator_libc, NULL);
    if (arena == NULL) return SOMBRA_NOMEM;
    sb_err_clear(&err);
    sb_buffer_init(&out, &sb_allocator_libc);
    status = sombra__val_from_public(arena, value, &inner, &err);
    if (status == SB_OK) status = sb_val_to_string(inner, &out, &has, &err);
    if (status == SB_OK && !has) status = SB_TYPE_MISMATCH;
    if (status == SB_OK) {
        *size = out.size;
        if (out.size != 0 && capacity != 0)
            memcpy(text, out.data, out.size < capacity ? out.size : capacity);
    }
    sb_buffer_deinit(&out);
    sb_arena_destroy(arena);
    return sombra__status(status);
}
