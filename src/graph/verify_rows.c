/* verify_rows.c — the node and the relationship table, row by row: ids, system columns, values, ends of relationships,
 * and constraints that one row can break alone. On the way it counts what lists, indexes and statistics must agree with. */
#include "graph/verify_priv.h"

#define XXH_INLINE_ALL /* inlined, the memory sanitizer sees into it */
#include <xxhash.h>

uint64_t sb_verify__rel_hash(sb_type_id type, sb_node_id source, sb_node_id target, sb_rel_id rel)
{
    uint8_t bytes[32];

    sb_store_le64(bytes, type);
    sb_store_le64(bytes + 8, source);
    sb_store_le64(bytes + 16, target);
    sb_store_le64(bytes + 24, rel);
    return XXH3_64bits(bytes, sizeof bytes);
}

uint64_t sb_verify__key_hash(sb_bytes key)
{
    return XXH3_64bits(key.data, key.size);
}

/* ---- Sets of nodes ------------------------------------------------------------------------------------------- */

uint32_t sb_verify__set_of(const sb_verify *v, sb_node_id node)
{
    if (v->sets != NULL) return node < v->sets_end ? v->sets[node] : SB_VERIFY_ABSENT;
    const uint64_t *found = node == SB_MAP_EMPTY ? NULL : sb_map_find(&v->sparse_sets, node);
    return found == NULL ? SB_VERIFY_ABSENT : (uint32_t)*found;
}

static sb_status note_set(sb_verify *v, sb_node_id node, uint32_t set)
{
    if (v->sets != NULL) {
        if (node < v->sets_end) v->sets[node] = set;
        return SB_OK;
    }
    return node == SB_MAP_EMPTY || sb_map_put(&v->sparse_sets, node, set) == SB_OK
               ? SB_OK
               : SB_FAIL_NOMEM(v->err);
}

/* ---- Walking a table -------------------------------------------------------------------------------------------- */

static sb_status walk_leaves(sb_verify *v, sb_row_scan *scan, sb_verify_row_visit visit, void *ctx,
                             sb_err *local)
{
    size_t count;

    for (;;) {
        SB_TRY(sb_row_scan_next(scan, &count, local));
        if (count == 0) return SB_OK;
        const uint64_t *ids = sb_row_scan_ids(scan);
        for (size_t i = 0; i < count; i++) {
            const sb_status st = visit(v, ids[i], sb_row_scan_row(scan, i), ctx);
            if (st == SB_OK) continue;
            if (v->err != NULL) *local = *v->err;
            return st;
        }
    }
}

sb_status sb_verify__each_row(sb_verify *v, sb_entity entity, sb_verify_row_visit visit, void *ctx,
                              bool *whole)
{
    const sb_tree *table = entity == SB_NODE ? sb_node_table(v->view) : sb_rel_table(v->view);
    sb_row_scan *scan;
    sb_err local;
    sb_status st;

    sb_err_clear(&local);
    SB_TRY(sb_row_scan_open(v->txn, table, 0, UINT64_MAX, &scan, v->err));
    st = walk_leaves(v, scan, visit, ctx, &local);
    sb_row_scan_close(scan);
    return sb_verify__swallow(
        v, st, &local, entity == SB_NODE ? "the node table" : "the relationship table", whole);
}

/* ---- Values --------------------------------------------------------------------------------------------------------- */

static const char *noun_of(sb_entity entity)
{
    return entity == SB_NODE ? "node" : "relationship";
}

/* Damage of one value is a finding about its row. */
static sb_status swallow_value(sb_verify *v, sb_status st, const sb_err *local, sb_entity entity,
                               uint64_t id, const sb_row *row, sb_key_id key)
{
    char name[64];

    if (st == SB_OK) return SB_OK;
    if (st != SB_CORRUPT) {
        if (v->err != NULL && v->err->code == SB_OK) *v->err = *local;
        return st;
    }
    sb_verify__report(v, SB_FINDING_ROW, row->pgno, "%s %llu: property %s has no valid value: %s",
                      noun_of(entity), (unsigned long long)id,
                      sb_graph__name(v->graph, SB_NAME_KEY, key, name, sizeof name), local->text);
    return SB_OK;
}

static sb_status check_cell(sb_verify *v, sb_entity entity, uint64_t id, const sb_row *row,
                            const sb_cell *cell)
{
    sb_value value;
    sb_err local;
    sb_status st;

    sb_err_clear(&local);
    st = sb_value_from_cell(v->txn, cell, v->values, &value, &local);
    if (st == SB_OK && (value.type == SB_TYPE_STRING || value.type == SB_TYPE_LIST) &&
        sb_value_check(&value, &local) != SB_OK)
        st = SB_CORRUPT;
    return swallow_value(v, st, &local, entity, id, row, cell->key);
}

static sb_status check_values(sb_verify *v, sb_entity entity, uint64_t id, const sb_row *row)
{
    const uint32_t key_count = sb_name_count(v->view, SB_NAME_KEY);
    uint32_t before = 0;
    sb_cell cell;

    for (size_t pos = 0; sb_row_next_cell(row, &pos, &cell);) {
        if (cell.key >= SB_COLUMN_SYSTEM) continue;
        if (cell.key == 0 || cell.key > key_count)
            sb_verify__report(v, SB_FINDING_ROW, row->pgno,
                              "%s %llu has property key %u, which does not exist", noun_of(entity),
                              (unsigned long long)id, cell.key);
        if (cell.key == before)
            sb_verify__report(v, SB_FINDING_ROW, row->pgno, "%s %llu has property key %u twice",
                              noun_of(entity), (unsigned long long)id, cell.key);
        before = cell.key;
        SB_TRY(check_cell(v, entity, id, row, &cell));
    }
    sb_arena_reset(v->values);
    return SB_OK;
}

/* ---- Indexes and constraints that concern a row ------------------------------------------------------------------------ */

sb_status sb_verify__entry_key(sb_verify *v, const sb_schema *schema, uint64_t id,
                               const sb_row *row, bool *has)
{
    sb_value values[SB_SCHEMA_KEYS_MAX];
    sb_cell cell;
    bool cut;

    *has = false;
    if (id > SB_ID_MAX) return SB_OK; /* a finding already */
    sb_buffer_reset(&v->key);
    sb_arena_reset(v->values);
    for (uint32_t i = 0; i < schema->key_count; i++) {
        if (!sb_row_cell(row, schema->keys[i], &cell)) return SB_OK;
        sb_err local;
        sb_err_clear(&local);
        const sb_status st = sb_value_from_cell(v->txn, &cell, v->values, &values[i], &local);
        if (st == SB_CORRUPT) return SB_OK; /* a finding already */
        if (st != SB_OK) return SB_FAIL(v->err, st, "%s", local.text);
        if (values[i].type == SB_TYPE_NULL) return SB_OK;
    }
    SB_TRY(sb_index_key(v->view, schema->id, values, schema->key_count, id, &v->key, &cut, v->err));
    *has = true;
    return SB_OK;
}

static sb_status check_constraint(sb_verify *v, const sb_schema *schema, uint64_t id,
                                  const sb_row *row)
{
    const sb_side side = {.exists = true, .row = row};
    sb_err local;
    bool holds = true;
    sb_status st;

    sb_err_clear(&local);
    st = sb_constraints__holds(v->graph, schema, &side, &holds, &local);
    if (st == SB_OK && !holds &&
        sb_constraints__broken(v->graph, schema, id, &side, &local) == SB_CONSTRAINT)
        sb_verify__report(v, SB_FINDING_CONSTRAINT, row->pgno, "%s", local.text);
    if (v->graph->writer.upkeep.work != NULL) sb_arena_reset(v->graph->writer.upkeep.work);
    if (st == SB_CORRUPT) return SB_OK; /* a finding already */
    return st == SB_OK ? SB_OK : SB_FAIL(v->err, st, "%s", local.text);
}

static sb_status check_schemas(sb_verify *v, sb_entity entity, uint32_t set_or_type, uint64_t id,
                               const sb_row *row)
{
    size_t count;
    const sb_schema *schemas = sb_schemas(v->view, &count);
    bool has;

    for (size_t i = 0; i < count; i++) {
        const sb_schema *schema = &schemas[i];
        if (!sb_schema__concerns(v->view, schema, entity, set_or_type)) continue;
        if (schema->kind == SB_SCHEMA_NODE_KEY || schema->kind == SB_SCHEMA_EXISTS ||
            schema->kind == SB_SCHEMA_TYPED)
            SB_TRY(check_constraint(v, schema, id, row));
        if (!schema->has_tree) continue;
        SB_TRY(sb_verify__entry_key(v, schema, id, row, &has));
        if (has)
            sb_verify__sum_add(&v->row_entries[i], sb_verify__key_hash(sb_buffer_bytes(&v->key)));
    }
    return SB_OK;
}

/* ---- Nodes ----------------------------------------------------------------------------------------------------------------- */

static sb_status check_node(sb_verify *v, uint64_t id, const sb_row *row, void *ctx)
{
    sb_cell cell;

    (void)ctx;
    v->result.nodes++;
    if (id == 0 || id >= sb_ids_node_end(v->view))
        sb_verify__report(v, SB_FINDING_ROW, row->pgno,
                          "node %llu: ids from %llu on were never handed out",
                          (unsigned long long)id, (unsigned long long)sb_ids_node_end(v->view));
    SB_TRY(check_values(v, SB_NODE, id, row));
    if (!sb_row_cell(row, SB_COLUMN_SET, &cell) || cell.type != SB_CELL_INT) {
        sb_verify__report(v, SB_FINDING_ROW, row->pgno, "node %llu has no label set",
                          (unsigned long long)id);
        return note_set(v, id, SB_VERIFY_NO_SET);
    }
    if (cell.word >= v->set_count) {
        sb_verify__report(v, SB_FINDING_ROW, row->pgno,
                          "node %llu has label set %llu, which does not exist",
                          (unsigned long long)id, (unsigned long long)cell.word);
        return note_set(v, id, SB_VERIFY_NO_SET);
    }
    const sb_set_id set = (sb_set_id)cell.word;
    v->nodes_of_set[set]++;
    SB_TRY(note_set(v, id, set + 1));
    SB_TRY(check_schemas(v, SB_NODE, set, id, row));
    return sb_verify__step(v);
}

/* ---- Relationships ---------------------------------------------------------------------------------------------------------- */

bool sb_verify__rel_ends(const sb_row *row, sb_node_id *source, sb_node_id *target, uint64_t *type)
{
    sb_cell cells[3];

    if (!sb_row_cell(row, SB_COLUMN_SOURCE, &cells[0]) ||
        !sb_row_cell(row, SB_COLUMN_TARGET, &cells[1]) ||
        !sb_row_cell(row, SB_COLUMN_TYPE, &cells[2]))
        return false;
    *source = cells[0].word;
    *target = cells[1].word;
    *type = cells[2].word;
    return cells[0].type == SB_CELL_INT && cells[1].type == SB_CELL_INT &&
           cells[2].type == SB_CELL_INT;
}

static sb_status check_end(sb_verify *v, uint64_t id, const sb_row *row, sb_type_id type,
                           sb_node_id node, sb_direction direction)
{
    const uint32_t set = sb_verify__set_of(v, node);
    char name[64];
    bool inserted;

    if (set == SB_VERIFY_ABSENT) {
        if (!v->nodes_whole) return SB_OK; /* perhaps it is in the part that can not be read */
        sb_verify__report(v, SB_FINDING_ENDPOINT, row->pgno,
                          "relationship %llu of type %s: its %s, node %llu, does not exist",
                          (unsigned long long)id,
                          sb_graph__name(v->graph, SB_NAME_TYPE, type, name, sizeof name),
                          direction == SB_OUT ? "source" : "target", (unsigned long long)node);
        return SB_OK;
    }
    if (set == SB_VERIFY_NO_SET) return SB_OK;
    uint64_t *count =
        sb_map_at(&v->rels_of_set, sb_verify__stat_key(set - 1, type, direction), &inserted);
    if (count == NULL) return SB_FAIL_NOMEM(v->err);
    ++*count;
    return SB_OK;
}

static sb_status check_rel(sb_verify *v, uint64_t id, const sb_row *row, void *ctx)
{
    sb_node_id source, target;
    uint64_t type;

    (void)ctx;
    v->result.rels++;
    if (id == 0 || id >= sb_ids_rel_end(v->view))
        sb_verify__report(v, SB_FINDING_ROW, row->pgno,
                          "relationship %llu: ids from %llu on were never handed out",
                          (unsigned long long)id, (unsigned long long)sb_ids_rel_end(v->view));
    SB_TRY(check_values(v, SB_REL, id, row));
    if (!sb_verify__rel_ends(row, &source, &target, &type)) {
        sb_verify__report(v, SB_FINDING_ROW, row->pgno,
                          "relationship %llu lacks its source, target or type",
                          (unsigned long long)id);
        return SB_OK;
    }
    if (type == 0 || type > v->type_count) {
        sb_verify__report(v, SB_FINDING_ROW, row->pgno,
                          "relationship %llu has type %llu, which does not exist",
                          (unsigned long long)id, (unsigned long long)type);
        return SB_OK;
    }
    SB_TRY(check_end(v, id, row, (sb_type_id)type, source, SB_OUT));
    SB_TRY(check_end(v, id, row, (sb_type_id)type, target, SB_IN));
    sb_verify__sum_add(&v->rels[type], sb_verify__rel_hash((sb_type_id)type, source, target, id));
    SB_TRY(check_schemas(v, SB_REL, (uint32_t)type, id, row));
    return sb_verify__step(v);
}

sb_status sb_verify__tables(sb_verify *v)
{
    v->nodes_whole = v->rels_whole = true;
    SB_TRY(sb_verify__each_row(v, SB_NODE, check_node, NULL, &v->nodes_whole));
    return sb_verify__each_row(v, SB_REL, check_rel, NULL, &v->rels_whole);
}
