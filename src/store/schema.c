/* schema.c — definitions of indexes and constraints, and the trees behind them.
 * A definition's row never changes; it is written and deleted at once, under the transaction's savepoints. The root of
 * its tree changes often and is a row of its own, written when the transaction commits. */
#include "store/store_priv.h"

static bool kind_has_tree(unsigned kind)
{
    return kind == SB_SCHEMA_INDEX || kind == SB_SCHEMA_UNIQUE || kind == SB_SCHEMA_NODE_KEY;
}

/* ---- The arrays ------------------------------------------------------------------------------------------------ */

/* Place of the first definition whose id is not below id. */
static size_t place_of(const sb_view *view, uint32_t id)
{
    size_t low = 0, high = view->schema_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (view->schemas[middle]->definition.id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

sb_store__schema *sb_store__schema_of(sb_view *view, uint32_t id)
{
    const size_t place = place_of(view, id);
    return place < view->schema_count && view->schemas[place]->definition.id == id
               ? view->schemas[place]
               : NULL;
}

sb_status sb_store__schema_insert(sb_view *view, sb_store__schema *schema)
{
    const size_t count = view->schema_count;

    SB_TRY(sb_store__grow(view->alloc, &view->schemas, sizeof *view->schemas, count + 1,
                          &view->schema_capacity));
    SB_TRY(sb_store__grow(view->alloc, &view->definitions, sizeof *view->definitions, count + 1,
                          &view->definition_capacity));
    const size_t place = place_of(view, schema->definition.id);
    memmove(view->schemas + place + 1, view->schemas + place,
            (count - place) * sizeof *view->schemas);
    memmove(view->definitions + place + 1, view->definitions + place,
            (count - place) * sizeof *view->definitions);
    view->schemas[place] = schema;
    view->definitions[place] = schema->definition;
    view->schema_count++;
    return SB_OK;
}

void sb_store__schema_remove(sb_view *view, uint32_t id)
{
    const size_t place = place_of(view, id);
    const size_t behind = view->schema_count - place - 1;

    SB_ASSERT(place < view->schema_count);
    memmove(view->schemas + place, view->schemas + place + 1, behind * sizeof *view->schemas);
    memmove(view->definitions + place, view->definitions + place + 1,
            behind * sizeof *view->definitions);
    view->schema_count--;
}

void sb_store__schema_free(sb_view *view, sb_store__schema *schema)
{
    if (schema != NULL) sb_free(view->alloc, schema, schema->bytes);
}

const sb_schema *sb_schemas(sb_view *view, size_t *count)
{
    *count = view->schema_count;
    return view->definitions;
}

bool sb_label_indexed(sb_view *view, sb_label_id label)
{
    for (size_t i = 0; i < view->schema_count; i++)
        if (view->definitions[i].kind == SB_SCHEMA_LABEL_INDEX &&
            view->definitions[i].entity == label)
            return false;
    return true;
}

const sb_schema *sb_schema_find(sb_view *view, sb_bytes name)
{
    for (size_t i = 0; i < view->schema_count; i++) {
        if (sb_bytes_equal(view->definitions[i].name, name)) return &view->definitions[i];
    }
    return NULL;
}

sb_tree *sb_schema_tree(sb_view *view, uint32_t schema_id)
{
    sb_store__schema *schema = sb_store__schema_of(view, schema_id);

    if (schema == NULL || !schema->definition.has_tree) return NULL;
    if (view->writer.active && !schema->touched) {
        schema->touched = true;
        schema->touch_epoch = view->writer.epoch;
    }
    return &schema->tree;
}

/* ---- Rows --------------------------------------------------------------------------------------------------------- */

/* Whoever has planned with a definition knows it by this: its number, and those of names, may be those of others by now. */
static uint64_t stamp_of(sb_view *view, const sb_schema *definition)
{
    const sb_name_kind entity_kind = definition->on_rels ? SB_NAME_TYPE : SB_NAME_LABEL;
    const sb_bytes entity = sb_name_of(view, entity_kind, definition->entity);
    const uint64_t what = (uint64_t)definition->kind << 1 | (definition->on_rels ? 1 : 0);
    uint64_t stamp = sb_hash_u64((uint64_t)definition->value_types << 32 | definition->id);

    stamp = sb_hash_bytes(entity.data, entity.size, sb_hash_u64(stamp ^ what));
    for (uint32_t i = 0; i < definition->key_count; i++) {
        const sb_bytes key = sb_name_of(view, SB_NAME_KEY, definition->keys[i]);
        stamp = sb_hash_bytes(key.data, key.size, stamp);
    }
    return sb_hash_bytes(definition->name.data, definition->name.size, stamp);
}

/* Of a definition that fault_of accepts. NULL: no memory. */
static sb_store__schema *make_schema(sb_view *view, const sb_schema *definition, uint32_t id)
{
    size_t bytes;

    if (!sb_add_size(sizeof(sb_store__schema), definition->name.size, &bytes)) return NULL;
    sb_store__schema *made = sb_alloc_zero(view->alloc, bytes);
    if (made == NULL) return NULL;
    uint8_t *name = (uint8_t *)(made + 1);
    memcpy(name, definition->name.data, definition->name.size);
    made->bytes = bytes;
    made->definition = *definition;
    made->definition.name = sb_bytes_of(name, definition->name.size);
    made->definition.has_tree = kind_has_tree(definition->kind);
    made->definition.id = id;
    made->definition.stamp = stamp_of(view, &made->definition);
    return made;
}

/* What is wrong with a definition, or NULL. */
static const char *fault_of(sb_view *view, const sb_schema *definition)
{
    const sb_name_kind entity_kind = definition->on_rels ? SB_NAME_TYPE : SB_NAME_LABEL;
    const bool label_index = definition->kind == SB_SCHEMA_LABEL_INDEX;

    if (definition->kind < SB_SCHEMA_INDEX || definition->kind > SB_SCHEMA_LABEL_INDEX)
        return "its kind is unknown";
    if (definition->entity == 0 || definition->entity > view->names[entity_kind].count)
        return "its label or type does not exist";
    if (label_index && definition->on_rels) return "a label index is on nodes";
    if ((definition->key_count == 0) != label_index || definition->key_count > SB_SCHEMA_KEYS_MAX)
        return "its number of keys is out of range";
    for (uint32_t i = 0; i < definition->key_count; i++) {
        if (definition->keys[i] == 0 || definition->keys[i] > view->names[SB_NAME_KEY].count)
            return "a key does not exist";
        for (uint32_t k = 0; k < i; k++) {
            if (definition->keys[k] == definition->keys[i]) return "a key is there twice";
        }
    }
    if ((definition->kind == SB_SCHEMA_TYPED) != (definition->value_types != 0))
        return "its value types are missing or not wanted";
    if (definition->name.size == 0 || definition->name.size > SB_NAME_BYTES_MAX ||
        !sb_utf8_valid(definition->name)) {
        return "its name is empty, too long or not UTF-8";
    }
    return NULL;
}

#define DEFINITION_BYTES_MAX ((6u + SB_SCHEMA_KEYS_MAX) * SB_VARINT_MAX_BYTES + SB_NAME_BYTES_MAX)

static size_t encode_definition(const sb_schema *definition, uint8_t *out)
{
    size_t bytes = sb_varint_encode(out, definition->kind);

    bytes += sb_varint_encode(out + bytes, definition->on_rels ? 1 : 0);
    bytes += sb_varint_encode(out + bytes, definition->entity);
    bytes += sb_varint_encode(out + bytes, definition->value_types);
    bytes += sb_varint_encode(out + bytes, definition->key_count);
    for (uint32_t i = 0; i < definition->key_count; i++) {
        bytes += sb_varint_encode(out + bytes, definition->keys[i]);
    }
    memcpy(out + bytes, definition->name.data, definition->name.size);
    return bytes + definition->name.size;
}

static bool decode_u32(const uint8_t **pos, const uint8_t *end, uint32_t limit, uint32_t *out)
{
    uint64_t v;

    if (!sb_varint_decode(pos, end, &v) || v > limit) return false;
    *out = (uint32_t)v;
    return true;
}

static bool decode_definition(sb_bytes value, sb_schema *definition)
{
    const uint8_t *pos = value.data;
    const uint8_t *end = pos + value.size;
    uint32_t kind, on_rels;

    if (!decode_u32(&pos, end, UINT8_MAX, &kind) || !decode_u32(&pos, end, 1, &on_rels) ||
        !decode_u32(&pos, end, UINT32_MAX, &definition->entity) ||
        !decode_u32(&pos, end, UINT32_MAX, &definition->value_types) ||
        !decode_u32(&pos, end, SB_SCHEMA_KEYS_MAX, &definition->key_count)) {
        return false;
    }
    for (uint32_t i = 0; i < definition->key_count; i++) {
        if (!decode_u32(&pos, end, UINT32_MAX, &definition->keys[i])) return false;
    }
    definition->kind = (uint8_t)kind;
    definition->on_rels = on_rels != 0;
    definition->name = sb_bytes_of(pos, (size_t)(end - pos));
    return true;
}

sb_status sb_store__schema_decode(sb_view *view, uint32_t id, sb_bytes value,
                                  sb_store__schema **schema, sb_err *err)
{
    sb_schema definition = {.id = 0};

    *schema = NULL;
    if (value.size == 0 || !decode_definition(value, &definition))
        return SB_FAIL(err, SB_CORRUPT, "catalog: schema definition %u does not decode", id);
    const char *fault = fault_of(view, &definition);
    if (fault != NULL)
        return SB_FAIL(err, SB_CORRUPT, "catalog: schema definition %u: %s", id, fault);
    *schema = make_schema(view, &definition, id);
    return *schema == NULL ? SB_FAIL_NOMEM(err) : SB_OK;
}

/* ---- Add and drop --------------------------------------------------------------------------------------------------- */

static bool same_definition(const sb_schema *a, const sb_schema *b)
{
    if (a->kind != b->kind || a->on_rels != b->on_rels || a->entity != b->entity ||
        a->value_types != b->value_types || a->key_count != b->key_count)
        return false;
    return a->key_count == 0 || memcmp(a->keys, b->keys, a->key_count * sizeof a->keys[0]) == 0;
}

static sb_status check_new(sb_view *view, const sb_schema *definition, sb_err *err)
{
    const char *fault = fault_of(view, definition);

    if (definition->name.size > SB_NAME_BYTES_MAX)
        return SB_FAIL(err, SB_LIMIT,
                       "the name of an index or constraint has %zu bytes; the limit is %u",
                       definition->name.size, SB_NAME_BYTES_MAX);
    if (fault != NULL) {
        return SB_FAIL(err, SB_INVALID, "definition '%.*s': %s",
                       (int)(definition->name.size > 200 ? 200 : definition->name.size),
                       definition->name.size == 0 ? "" : (const char *)definition->name.data,
                       fault);
    }
    for (size_t i = 0; i < view->schema_count; i++) {
        const sb_schema *other = &view->definitions[i];
        const bool same_name = sb_bytes_equal(other->name, definition->name);
        if (same_name || same_definition(other, definition)) {
            return SB_FAIL(err, SB_EXISTS,
                           same_name ? "an index or constraint '%.*s' exists already"
                                     : "there is one of the same kind on the same already: '%.*s'",
                           (int)other->name.size, (const char *)other->name.data);
        }
    }
    if (view->meta.next_schema > SB_SCHEMA_ID_MAX)
        return SB_FAIL(err, SB_LIMIT, "all %u numbers of indexes and constraints are used up",
                       SB_SCHEMA_ID_MAX);
    return SB_OK;
}

static sb_status write_definition(sb_view *view, const sb_schema *definition, sb_err *err)
{
    uint8_t value[DEFINITION_BYTES_MAX];
    const size_t bytes = encode_definition(definition, value);
    sb_store__batch *batch = &view->writer.batch;
    const sb_item *items;
    size_t count;

    sb_store__batch_reset(batch);
    SB_TRY(sb_store__batch_add_pieces(batch, SB_ROW_SCHEMA, definition->id,
                                      sb_bytes_of(value, bytes), err));
    if (sb_store__batch_items(batch, &items, &count) != SB_OK) return SB_FAIL_NOMEM(err);
    return sb_tree_put_many(view->txn, sb_store__core_tree(view, SB_CORE_CATALOG), items, count,
                            err);
}

/* Into the arrays and the log, or nowhere. */
static sb_status enter_schema(sb_view *view, sb_store__schema *schema, sb_err *err)
{
    if (sb_store__schema_insert(view, schema) != SB_OK) return SB_FAIL_NOMEM(err);
    if (sb_store__schema_log(view, true, schema) != SB_OK) {
        sb_store__schema_remove(view, schema->definition.id);
        return SB_FAIL_NOMEM(err);
    }
    return SB_OK;
}

sb_status sb_schema_add(sb_view *view, const sb_schema *definition, uint32_t *id, sb_err *err)
{
    *id = 0;
    SB_TRY(sb_store__begin_change(view, err));
    SB_TRY(check_new(view, definition, err));
    sb_store__schema *schema = make_schema(view, definition, view->meta.next_schema);
    if (schema == NULL) return SB_FAIL_NOMEM(err);
    schema->touched = true; /* savepoints from here on keep its tree */
    schema->touch_epoch = view->writer.epoch;
    sb_status st = SB_OK;
    if (schema->definition.has_tree)
        st = sb_store__new_tree(view, SB_TREE_SLOTTED, &schema->tree, err);
    if (st == SB_OK) st = enter_schema(view, schema, err);
    if (st != SB_OK) {
        sb_store__schema_free(view, schema);
        return st;
    }
    view->meta.next_schema++;
    view->writer.names_changed = true;
    *id = schema->definition.id;
    return write_definition(view, &schema->definition, err);
}

static sb_status delete_rows(sb_view *view, uint32_t id, sb_err *err)
{
    sb_tree *catalog = sb_store__core_tree(view, SB_CORE_CATALOG);
    uint8_t key[SB_ROW_KEY_MAX];
    bool found = true;

    for (unsigned piece = 0; found && piece <= UINT8_MAX; piece++) {
        const size_t bytes = sb_store__key_piece(key, SB_ROW_SCHEMA, id, (uint8_t)piece);
        SB_TRY(sb_tree_delete(view->txn, catalog, sb_bytes_of(key, bytes), &found, err));
    }
    const size_t bytes = sb_store__key_id(key, SB_ROW_INDEX, id);
    return sb_tree_delete(view->txn, catalog, sb_bytes_of(key, bytes), &found, err);
}

sb_status sb_schema_drop(sb_view *view, uint32_t id, sb_progress progress, void *ctx, sb_err *err)
{
    SB_TRY(sb_store__begin_change(view, err));
    sb_store__schema *schema = sb_store__schema_of(view, id);
    if (schema == NULL)
        return SB_FAIL(err, SB_NOT_FOUND, "no index or constraint has number %u", id);
    sb_tree *tree = sb_schema_tree(view, id); /* touched: rolling back gives its root back */
    if (tree != NULL) SB_TRY(sb_tree_clear(view->txn, tree, progress, ctx, err));
    SB_TRY(delete_rows(view, id, err));
    if (sb_store__schema_log(view, false, schema) != SB_OK) return SB_FAIL_NOMEM(err);
    sb_store__schema_remove(view, id);
    view->writer.names_changed = true;
    return SB_OK;
}
