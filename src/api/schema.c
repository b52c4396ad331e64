/* schema.c — indexes and constraints. Label indexes are there for every label until they are dropped; they have
 * made-up ids (SB_GRAPH_LABEL_INDEX | label) and no definition of their own in the store. */
#include <string.h>

#include "api/api_priv.h"

/* A bit for each type from BOOLEAN to LIST, and for lists of each of those but LIST. */
#define SCALAR_TYPES ((1u << SB_TYPE_LIST) - (1u << SB_TYPE_BOOL))
#define VALUE_TYPES                                                                                \
    (SCALAR_TYPES | 1u << SB_TYPE_LIST | SCALAR_TYPES << SB_TYPE_LIST_OF(SB_TYPE_NULL))

sombra_status sombra_schema_create(sombra_txn *txn, const sombra_schema *definition, uint32_t *id)
{
    sb_schema inner;
    uint32_t made;
    sb_status status;

    if (id != NULL) *id = 0;
    SOMBRA_ENTER_WRITE(txn);
    SOMBRA_ARG_GIVEN(txn, definition);
    SOMBRA_ARG_ARRAY(txn, definition->keys, definition->key_count);
    if (definition->key_count > SB_SCHEMA_KEYS_MAX)
        return sombra__status(SB_FAIL(&txn->conn->err, SB_LIMIT,
                                      "an index has at most %u keys, not %zu", SB_SCHEMA_KEYS_MAX,
                                      definition->key_count));
    if ((definition->value_types & ~(uint32_t)VALUE_TYPES) != 0)
        return sombra__status(SB_FAIL(&txn->conn->err, SB_INVALID,
                                      "value types 0x%x name a type that no property has",
                                      (unsigned)definition->value_types));
    memset(&inner, 0, sizeof inner);
    inner.kind = (unsigned)definition->kind < UINT8_MAX ? (uint8_t)definition->kind : UINT8_MAX;
    inner.on_rels = definition->on_rels;
    inner.entity = definition->entity;
    inner.key_count = (uint32_t)definition->key_count;
    for (size_t i = 0; i < definition->key_count; i++)
        inner.keys[i] = definition->keys[i];
    inner.value_types = definition->value_types;
    inner.name = sombra__text(definition->name, definition->name_size);
    sombra__run_begin(txn->conn);
    status = sb_graph_schema_create(txn->graph, &inner, &made, &txn->conn->err);
    status = sombra__call_end(txn->conn, status);
    if (status == SB_OK && id != NULL) *id = made;
    return sombra__status(status);
}

sombra_status sombra_schema_drop(sombra_txn *txn, uint32_t id)
{
    sb_status status;

    SOMBRA_ENTER_WRITE(txn);
    status = sombra__readers_check(txn->conn, "indexes and constraints are dropped");
    if (status != SB_OK) return sombra__status(status);
    sombra__run_begin(txn->conn);
    status = sb_graph_schema_drop(txn->graph, id, &txn->conn->err);
    return sombra__status(sombra__call_end(txn->conn, status));
}

static void public_schema(const sb_schema *inner, sombra_schema *schema)
{
    *schema = (sombra_schema){.id = inner->id,
                              .kind = (sombra_schema_kind)inner->kind,
                              .on_rels = inner->on_rels,
                              .entity = inner->entity,
                              .keys = inner->keys,
                              .key_count = inner->key_count,
                              .value_types = inner->value_types,
                              .name = (const char *)inner->name.data,
                              .name_size = inner->name.size};
}

/* Is the label's index there: not dropped? A definition of kind LABEL_INDEX in the store says that it was. */
static bool label_indexed(const sb_schema *all, size_t count, uint32_t label)
{
    for (size_t i = 0; i < count; i++)
        if (all[i].kind == SB_SCHEMA_LABEL_INDEX && all[i].entity == label) return false;
    return true;
}

sombra_status sombra_schema_at(sombra_txn *txn, size_t i, sombra_schema *schema, bool *more)
{
    const sb_schema *all;
    size_t count;
    uint32_t labels;

    if (schema != NULL) memset(schema, 0, sizeof *schema);
    if (more != NULL) *more = false;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, schema);
    SOMBRA_ARG_GIVEN(txn, more);
    *more = true;
    all = sb_schemas(txn->view, &count);
    for (size_t j = 0; j < count; j++) {
        if (all[j].kind == SB_SCHEMA_LABEL_INDEX) continue;
        if (i-- != 0) continue;
        public_schema(&all[j], schema);
        return SOMBRA_OK;
    }
    labels = sb_name_count(txn->view, SB_NAME_LABEL);
    for (uint32_t label = 1; label <= labels; label++) {
        sb_bytes name;
        if (!label_indexed(all, count, label) || i-- != 0) continue;
        name = sb_name_of(txn->view, SB_NAME_LABEL, label);
        *schema = (sombra_schema){.id = SB_GRAPH_LABEL_INDEX | label,
                                  .kind = SOMBRA_LABEL_INDEX,
                                  .entity = label,
                                  .name = (const char *)name.data,
                                  .name_size = name.size};
        return SOMBRA_OK;
    }
    *more = false;
    return SOMBRA_OK;
}

sombra_status sombra_schema_find(sombra_txn *txn, const sombra_schema *like, uint32_t *id)
{
    const sb_schema *found;

    if (id != NULL) *id = 0;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, id);
    SOMBRA_ARG_GIVEN(txn, like);
    if (like->name != NULL) {
        found = sb_schema_find(txn->view, sombra__text(like->name, like->name_size));
    } else if (like->kind == SOMBRA_LABEL_INDEX) {
        size_t count;
        const sb_schema *all = sb_schemas(txn->view, &count);
        if (like->entity != 0 && like->entity <= sb_name_count(txn->view, SB_NAME_LABEL) &&
            label_indexed(all, count, like->entity))
            *id = SB_GRAPH_LABEL_INDEX | like->entity;
        return SOMBRA_OK;
    } else {
        SOMBRA_ARG_ARRAY(txn, like->keys, like->key_count);
        SOMBRA_ARG(txn, like->key_count != 0, "sombra_schema_find: like has no name and no keys");
        found = sb_graph_index_for(txn->graph, like->on_rels ? SB_REL : SB_NODE, like->entity,
                                   like->keys, like->key_count);
    }
    if (found != NULL) *id = found->id;
    return SOMBRA_OK;
}
