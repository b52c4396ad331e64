/* loader_schema.c — indexes and constraints of the input: kept, and made when all is loaded. */
#include <string.h>

#include "cli/formats/loader_priv.h"

typedef struct schema_copy {
    fmt_schema schema; /* in schema_arena */
    const char *path;
    uint64_t line;
} schema_copy;

static const sombra_text *copy_texts(fmt_arena *arena, const sombra_text *from, size_t count)
{
    sombra_text *made = fmt_arena_alloc(arena, (count + 1) * sizeof *made);

    for (size_t i = 0; i < count; i++)
        made[i] = fmt_arena_text(arena, from[i].data, from[i].size);
    return made;
}

sombra_status fmt_load_schema(fmt_loader *l, const fmt_schema *schema)
{
    fmt_arena *arena = &l->schema_arena;
    schema_copy copy = {.schema = *schema, .path = l->path, .line = l->line};

    copy.schema.kind = fmt_arena_text(arena, schema->kind.data, schema->kind.size);
    copy.schema.name = fmt_arena_text(arena, schema->name.data, schema->name.size);
    copy.schema.on = fmt_arena_text(arena, schema->on.data, schema->on.size);
    copy.schema.keys = copy_texts(arena, schema->keys, schema->key_count);
    copy.schema.types = copy_texts(arena, schema->types, schema->type_count);
    l->schemas = fmt_grow(l->schemas, &l->schema_capacity, l->schema_count + 1, sizeof *l->schemas);
    l->schemas[l->schema_count++] = copy;
    return SOMBRA_OK;
}

static const char *const schema_kinds[] = {"index",  "unique", "node-key",
                                           "exists", "typed",  "no-label-index"};

/* Bit of a type by its name in messages: "INTEGER", "LOCAL DATETIME". 0: none. */
static uint32_t type_bit(sombra_text name)
{
    for (uint32_t type = SOMBRA_TYPE_BOOL; type <= SOMBRA_TYPE_LIST_OF(SOMBRA_TYPE_POINT); type++)
        if (fmt_is(name, sombra_type_name(type))) return 1u << type;
    return 0;
}

bool fmt_loader_is_unique(fmt_loader *l, sombra_text label, sombra_text key)
{
    sombra_schema schema;
    uint32_t of, on;
    bool more = true;

    if (sombra_name_find(l->txn, SOMBRA_LABEL, label.data, label.size, &of) != SOMBRA_OK ||
        sombra_name_find(l->txn, SOMBRA_KEY, key.data, key.size, &on) != SOMBRA_OK)
        return false;
    for (size_t i = 0; sombra_schema_at(l->txn, i, &schema, &more) == SOMBRA_OK && more; i++)
        if ((schema.kind == SOMBRA_UNIQUE || schema.kind == SOMBRA_NODE_KEY) && !schema.on_rels &&
            schema.key_count == 1 && schema.entity == of && schema.keys[0] == on)
            return true;
    return false;
}

bool fmt_loader_is_unused(fmt_loader *l, sombra_text label, sombra_text key)
{
    sombra_scan_options nodes = {.entity = SOMBRA_NODE};
    sombra_schema schema;
    uint64_t count = 0;
    uint32_t on;
    bool more = true;

    if (sombra_name_find(l->txn, SOMBRA_LABEL, label.data, label.size, &nodes.name) != SOMBRA_OK ||
        sombra_name_find(l->txn, SOMBRA_KEY, key.data, key.size, &on) != SOMBRA_OK)
        return false;
    if (sombra_count(l->txn, &nodes, &count) != SOMBRA_OK || count != 0) return false;
    for (size_t i = 0; sombra_schema_at(l->txn, i, &schema, &more) == SOMBRA_OK && more; i++) {
        const bool of_label = schema.entity == nodes.name;
        bool of_key = false;
        for (size_t k = 0; k < schema.key_count; k++)
            of_key = of_key || schema.keys[k] == on;
        if (schema.on_rels || schema.kind == SOMBRA_LABEL_INDEX || (!of_label && !of_key)) continue;
        if (schema.kind != SOMBRA_UNIQUE || schema.key_count != 1 || !of_label || !of_key)
            return false;
    }
    return !more;
}

static sombra_status drop_label_index(fmt_loader *l, uint32_t label)
{
    const sombra_schema like = {.kind = SOMBRA_LABEL_INDEX, .entity = label};
    sombra_schema schema;
    bool more = true;

    for (size_t i = 0;; i++) {
        if (sombra_schema_at(l->txn, i, &schema, &more) != SOMBRA_OK) return loader_fail_conn(l);
        if (!more) return SOMBRA_OK;
        if (schema.kind == like.kind && schema.entity == like.entity)
            return sombra_schema_drop(l->txn, schema.id) == SOMBRA_OK ? SOMBRA_OK
                                                                      : loader_fail_conn(l);
    }
}

static sombra_status make_schema(fmt_loader *l, const fmt_schema *from)
{
    sombra_schema made = {.on_rels = from->on_rels,
                          .key_count = from->key_count,
                          .name = from->name.size == 0 ? NULL : from->name.data,
                          .name_size = from->name.size};
    uint32_t keys[16], id;
    size_t kind = 0;

    while (kind < sizeof schema_kinds / sizeof *schema_kinds &&
           !fmt_is(from->kind, schema_kinds[kind]))
        kind++;
    if (kind == sizeof schema_kinds / sizeof *schema_kinds)
        return fmt_broken(l, SOMBRA_SYNTAX, 0, "'%.*s' is no kind of index or constraint",
                          (int)(from->kind.size < 60 ? from->kind.size : 60),
                          (const char *)from->kind.data);
    made.kind = (sombra_schema_kind)(kind + 1);
    if (from->key_count > sizeof keys / sizeof *keys)
        return fmt_broken(l, SOMBRA_LIMIT, 0, "an index or constraint has at most 16 keys");
    if (sombra_name_intern(l->txn, from->on_rels ? SOMBRA_TYPE : SOMBRA_LABEL, from->on.data,
                           from->on.size, &made.entity) != SOMBRA_OK)
        return loader_fail_conn(l);
    if (made.kind == SOMBRA_LABEL_INDEX) return drop_label_index(l, made.entity);
    for (size_t i = 0; i < from->key_count; i++)
        if (sombra_name_intern(l->txn, SOMBRA_KEY, from->keys[i].data, from->keys[i].size,
                               &keys[i]) != SOMBRA_OK)
            return loader_fail_conn(l);
    made.keys = keys;
    for (size_t i = 0; i < from->type_count; i++) {
        const uint32_t bit = type_bit(from->types[i]);
        if (bit == 0)
            return fmt_broken(l, SOMBRA_SYNTAX, 0, "'%.*s' is no type",
                              (int)(from->types[i].size < 60 ? from->types[i].size : 60),
                              (const char *)from->types[i].data);
        made.value_types |= bit;
    }
    if (sombra_schema_create(l->txn, &made, &id) == SOMBRA_OK) return SOMBRA_OK;
    const sombra_error *error = sombra_error_of(l->options.conn);
    return fmt_broken(l, error->status, 0, "%s", error->message);
}

sombra_status loader_make_schemas(fmt_loader *l)
{
    if (l->options.dry_run) {
        l->result.schemas += l->schema_count;
        return SOMBRA_OK;
    }
    for (size_t i = 0; i < l->schema_count; i++) {
        fmt_at(l, l->schemas[i].path, l->schemas[i].line, NULL, 0);
        if (make_schema(l, &l->schemas[i].schema) != SOMBRA_OK) return l->error.status;
        l->result.schemas++;
    }
    return SOMBRA_OK;
}
