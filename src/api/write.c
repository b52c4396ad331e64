/* write.c — creating and changing: typed batch, builder, mutate. */
#include <string.h>

#include "api/api_priv.h"

/* What one call may have: operations and results are numbered in 32 bits. */
static sb_status check_count(sombra_txn *txn, size_t count)
{
    if (count <= UINT32_MAX) return SB_OK;
    return SB_FAIL(&txn->conn->err, SB_LIMIT, "%zu items in one call: at most %u are possible",
                   count, UINT32_MAX);
}

/* Where the ids go; NULL: nobody asks for them. Those that only the change hook hears of are freed by put_ids. */
static sb_status take_ids(sombra_txn *txn, size_t count, uint64_t *wanted, uint64_t **ids)
{
    *ids = wanted;
    SB_TRY(check_count(txn, count));
    if (wanted != NULL || txn->conn->change_hook == NULL) return SB_OK;
    *ids = sb_alloc_array(&txn->conn->db->memory.base, count, sizeof **ids);
    return *ids == NULL ? SB_FAIL_NOMEM(&txn->conn->err) : SB_OK;
}

/* After a failure no id is told. */
static void put_ids(sombra_txn *txn, size_t count, const uint64_t *wanted, uint64_t *ids,
                    sb_status status)
{
    if (wanted == NULL)
        sb_free(&txn->conn->db->memory.base, ids, count * sizeof *ids);
    else if (status != SB_OK)
        memset(ids, 0, count * sizeof *ids);
}

/* Of the arrays of a column only the one that its type names may be set: another one is a mistake that would go unseen. */
static sb_status check_columns(sombra_txn *txn, const sombra_column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const sombra_column *column = &columns[i];
        const int set = (column->integers != NULL) + (column->reals != NULL) +
                        (column->texts != NULL) + (column->values != NULL);
        if (set > 1)
            return SB_FAIL(&txn->conn->err, SB_MISUSE,
                           "column %zu has %d arrays: exactly one may be set", i, set);
    }
    return SB_OK;
}

sombra_status sombra_create_nodes(sombra_txn *txn, const uint32_t *labels, size_t label_count,
                                  size_t count, const sombra_column *columns, size_t column_count,
                                  uint64_t *ids)
{
    uint64_t *made;
    sb_set_id set;
    sb_status status;

    SOMBRA_ENTER_WRITE(txn);
    SOMBRA_ARG_ARRAY(txn, labels, label_count);
    SOMBRA_ARG_ARRAY(txn, columns, column_count);
    if (count == 0) return SOMBRA_OK;
    status = check_columns(txn, columns, column_count);
    if (status != SB_OK) return sombra__status(status);
    status = take_ids(txn, count, ids, &made);
    if (status != SB_OK) return sombra__status(status);
    status = sombra__label_set(txn, labels, label_count, &set);
    sombra__run_begin(txn->conn);
    if (status == SB_OK)
        status = sb_graph_create_nodes(txn->graph, set, count,
                                       (const sb_prop_column *)(const void *)columns, column_count,
                                       made, &txn->conn->err);
    status = sombra__call_end(txn->conn, status);
    if (status == SB_OK) sombra__changed(txn->conn, SOMBRA_NODE_CREATED, made, count);
    put_ids(txn, count, ids, made, status);
    return sombra__status(status);
}

sombra_status sombra_create_rels(sombra_txn *txn, uint32_t type, size_t count,
                                 const uint64_t *sources, const uint64_t *targets,
                                 const sombra_column *columns, size_t column_count, uint64_t *ids)
{
    uint64_t *made;
    sb_status status;

    SOMBRA_ENTER_WRITE(txn);
    if (count == 0) return SOMBRA_OK;
    SOMBRA_ARG_GIVEN(txn, sources);
    SOMBRA_ARG_GIVEN(txn, targets);
    SOMBRA_ARG_ARRAY(txn, columns, column_count);
    status = check_columns(txn, columns, column_count);
    if (status != SB_OK) return sombra__status(status);
    status = take_ids(txn, count, ids, &made);
    if (status != SB_OK) return sombra__status(status);
    sombra__run_begin(txn->conn);
    status = sb_graph_create_rels(txn->graph, type, count, sources, targets,
                                  (const sb_prop_column *)(const void *)columns, column_count, made,
                                  &txn->conn->err);
    status = sombra__call_end(txn->conn, status);
    if (status == SB_OK) sombra__changed(txn->conn, SOMBRA_REL_CREATED, made, count);
    put_ids(txn, count, ids, made, status);
    return sombra__status(status);
}

/* ---- Builder ------------------------------------------------------------------------------------------------ */

struct sombra_builder {
    sombra_txn *txn;
    uint64_t number; /* of its transaction */
    sb_builder *inner;
};

/* First in every call on a builder. */
#define SOMBRA_ENTER_BUILDER(b)                                                                    \
    do {                                                                                           \
        const sombra_status sombra_entered = sombra__enter_child((b)->txn, (b)->number);           \
        if (SB_UNLIKELY(sombra_entered != SOMBRA_OK)) return sombra_entered;                       \
    } while (0)

sombra_status sombra_builder_open(sombra_txn *txn, sombra_builder **builder)
{
    sombra_builder *opened;
    sb_status status;

    if (builder != NULL) *builder = NULL;
    SOMBRA_ENTER_WRITE(txn);
    SOMBRA_ARG_GIVEN(txn, builder);
    opened = sb_alloc_zero(&txn->conn->db->memory.base, sizeof *opened);
    if (opened == NULL) return sombra__status(SB_FAIL_NOMEM(&txn->conn->err));
    opened->txn = txn;
    opened->number = txn->number;
    status = sb_builder_open(txn->graph, &opened->inner, &txn->conn->err);
    if (status != SB_OK)
        sb_free(&txn->conn->db->memory.base, opened, sizeof *opened);
    else
        *builder = opened;
    return sombra__status(status);
}

void sombra_builder_close(sombra_builder *builder)
{
    if (builder == NULL || sombra__is_refused(builder->txn->conn)) return;
    sb_builder_close(builder->inner);
    sb_free(&builder->txn->conn->db->memory.base, builder, sizeof *builder);
}

sombra_status sombra_builder_node(sombra_builder *builder, const uint32_t *labels,
                                  size_t label_count, const char *alias, size_t alias_size,
                                  const sombra_prop *props, size_t prop_count, uint64_t *handle)
{
    uint64_t unwanted;

    if (handle == NULL) handle = &unwanted;
    *handle = 0;
    if (builder == NULL) return SOMBRA_MISUSE;
    SOMBRA_ENTER_BUILDER(builder);
    SOMBRA_ARG_ARRAY(builder->txn, labels, label_count);
    SOMBRA_ARG_ARRAY(builder->txn, props, prop_count);
    return sombra__status(sb_builder_node(
        builder->inner, labels, label_count, sombra__text(alias, alias_size),
        (const sb_prop *)(const void *)props, prop_count, handle, &builder->txn->conn->err));
}

/* Of what is not asked for nothing is written: a relationship takes two of these. */
static void take_ref(const sombra_ref *ref, sb_ref *inner)
{
    inner->kind = SB_REF_ID;
    inner->id = ref->id;
    if (ref->kind == SOMBRA_REF_HANDLE) inner->kind = SB_REF_HANDLE;
    if (ref->kind == SOMBRA_REF_ALIAS) {
        inner->kind = SB_REF_ALIAS;
        inner->alias = sombra__text(ref->alias, ref->alias_size);
    }
}

sombra_status sombra_builder_rel(sombra_builder *builder, sombra_ref source, uint32_t type,
                                 sombra_ref target, const sombra_prop *props, size_t prop_count)
{
    sb_ref from, to;

    if (builder == NULL) return SOMBRA_MISUSE;
    SOMBRA_ENTER_BUILDER(builder);
    SOMBRA_ARG_ARRAY(builder->txn, props, prop_count);
    SOMBRA_ARG_ENUM(builder->txn, source.kind, SOMBRA_REF_ALIAS, "kind of reference");
    SOMBRA_ARG_ENUM(builder->txn, target.kind, SOMBRA_REF_ALIAS, "kind of reference");
    take_ref(&source, &from);
    take_ref(&target, &to);
    return sombra__status(sb_builder_rel(builder->inner, &from, type, &to,
                                         (const sb_prop *)(const void *)props, prop_count,
                                         &builder->txn->conn->err));
}

sombra_status sombra_builder_execute(sombra_builder *builder, sombra_created *created)
{
    sb_builder_result result;
    sb_status status;

    if (created != NULL) memset(created, 0, sizeof *created);
    if (builder == NULL) return SOMBRA_MISUSE;
    SOMBRA_ENTER_BUILDER(builder);
    status = sombra__statements_check(builder->txn->conn);
    if (status != SB_OK) return sombra__status(status);
    sombra__run_begin(builder->txn->conn);
    status = sb_builder_execute(builder->inner, &result, &builder->txn->conn->err);
    status = sombra__call_end(builder->txn->conn, status);
    if (status != SB_OK) return sombra__status(status);
    sombra__changed(builder->txn->conn, SOMBRA_NODE_CREATED, result.node_ids, result.node_count);
    sombra__changed(builder->txn->conn, SOMBRA_REL_CREATED, result.rel_ids, result.rel_count);
    if (created != NULL)
        *created = (sombra_created){.node_ids = result.node_ids,
                                    .node_count = result.node_count,
                                    .rel_ids = result.rel_ids,
                                    .rel_count = result.rel_count};
    return SOMBRA_OK;
}

sombra_status sombra_builder_alias(sombra_builder *builder, const char *alias, size_t size,
                                   uint64_t *id)
{
    const sb_bytes text = sombra__text(alias, size);
    sb_status status;
    bool found;

    if (id != NULL) *id = 0;
    if (builder == NULL || id == NULL) return SOMBRA_MISUSE;
    SOMBRA_ENTER_BUILDER(builder);
    status = sb_builder_alias(builder->inner, text, id, &found);
    if (status == SB_OK && !found)
        status = SB_FAIL(&builder->txn->conn->err, SB_NOT_FOUND,
                         "no node was made under the alias '%.*s'",
                         (int)(text.size < 200 ? text.size : 200), alias == NULL ? "" : alias);
    return sombra__status(status);
}

/* ---- Mutate ---------------------------------------------------------------------------------------------------- */

static sb_op_ref inner_op_ref(sombra_op_ref ref)
{
    return (sb_op_ref){.id = ref.id, .result_of = ref.result_of};
}

/* Kinds have the same numbers in both enums; an unknown one is the graph layer's to refuse. */
static void convert_ops(const sombra_op *ops, size_t count, sb_op *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (sb_op){
            .kind = (sb_op_kind)ops[i].kind,
            .entity = ops[i].on_rel || ops[i].kind == SOMBRA_DELETE_REL ? SB_REL : SB_NODE,
            .target_entity = inner_op_ref(ops[i].entity),
            .source = inner_op_ref(ops[i].source),
            .target = inner_op_ref(ops[i].target),
            .type = ops[i].type,
            .labels = ops[i].labels,
            .label_count = ops[i].label_count,
            .props = (const sb_prop *)(const void *)ops[i].props,
            .prop_count = ops[i].prop_count,
            .replace = ops[i].replace,
            .detach = ops[i].detach,
        };
}

static sb_status check_ops(sombra_txn *txn, const sombra_op *ops, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const bool labels = ops[i].labels == NULL && ops[i].label_count != 0;
        if (labels || (ops[i].props == NULL && ops[i].prop_count != 0))
            return SB_FAIL(
                &txn->conn->err, SB_MISUSE, "op %zu: %s is NULL, and there are %zu of them", i,
                labels ? "labels" : "props", labels ? ops[i].label_count : ops[i].prop_count);
    }
    return SB_OK;
}

sombra_status sombra_mutate(sombra_txn *txn, const sombra_op *ops, size_t count,
                            sombra_mutation *summary)
{
    const sb_allocator *alloc;
    sb_op few[8], *inner = few;
    sb_mutation result;
    sb_status status;

    if (summary != NULL) memset(summary, 0, sizeof *summary);
    SOMBRA_ENTER_WRITE(txn);
    SOMBRA_ARG_ARRAY(txn, ops, count);
    status = check_count(txn, count);
    if (status != SB_OK) return sombra__status(status);
    alloc = &txn->conn->db->memory.base;
    if (count > sizeof few / sizeof *few &&
        (inner = sb_alloc_array(alloc, count, sizeof *inner)) == NULL)
        return sombra__status(SB_FAIL_NOMEM(&txn->conn->err));
    status = check_ops(txn, ops, count);
    if (status == SB_OK) {
        convert_ops(ops, count, inner);
        sombra__run_begin(txn->conn);
        status = sb_graph_mutate(txn->graph, inner, count, &result, &txn->conn->err);
        status = sombra__call_end(txn->conn, status);
    }
    if (inner != few) sb_free(alloc, inner, count * sizeof *inner);
    if (status != SB_OK) {
        sombra__notes_drop(&txn->conn->changes);
        return sombra__status(status);
    }
    sombra__notes_tell(txn->conn, &txn->conn->changes);
    if (summary != NULL)
        *summary = (sombra_mutation){.nodes_created = result.nodes_created,
                                     .rels_created = result.rels_created,
                                     .nodes_deleted = result.nodes_deleted,
                                     .rels_deleted = result.rels_deleted,
                                     .properties_set = result.properties_set,
                                     .properties_removed = result.properties_removed,
                                     .labels_added = result.labels_added,
                                     .labels_removed = result.labels_removed,
                                     .ids = result.ids,
                                     .id_count = result.id_count};
    return SOMBRA_OK;
}
