/* verify_index.c — the label index, property indexes and statistics against what the tables hold. */
#include "graph/verify_priv.h"

#define BATCH 1024u

/* ---- Label index --------------------------------------------------------------------------------------------- */

/* Every id of a label's containers: a node that carries it. *right counts those. */
static sb_status check_label_ids(sb_verify *v, sb_label_id label, uint64_t *right, sb_err *local)
{
    sb_node_id ids[BATCH], from = 0;
    char name[64];
    size_t count;

    *right = 0;
    for (;;) {
        SB_TRY(sb_label_index_scan(v->view, label, from, ids, BATCH, &count, local));
        if (count == 0) return SB_OK;
        for (size_t i = 0; i < count; i++) {
            const uint32_t set = sb_verify__set_of(v, ids[i]);
            if (set != SB_VERIFY_ABSENT && set != SB_VERIFY_NO_SET &&
                sb_set_has(v->view, set - 1, label))
                ++*right;
            else
                sb_verify__report(
                    v, SB_FINDING_LABEL, SB_PGNO_NONE, "the label index has node %llu under %s, %s",
                    (unsigned long long)ids[i],
                    sb_graph__name(v->graph, SB_NAME_LABEL, label, name, sizeof name),
                    set == SB_VERIFY_ABSENT ? "which does not exist" : "which does not carry it");
        }
        v->result.index_entries += count;
        from = ids[count - 1] + 1;
        SB_TRY(sb_verify__steps(v, count, local));
    }
}

/* Second pass: nodes of the label that the index lacks. */
static sb_status find_in_label_index(sb_verify *v, uint64_t id, const sb_row *row, void *ctx)
{
    const sb_label_id label = *(const sb_label_id *)ctx;
    const uint32_t set = sb_verify__set_of(v, id);
    char name[64];
    bool has;

    if (set == SB_VERIFY_ABSENT || set == SB_VERIFY_NO_SET || !sb_set_has(v->view, set - 1, label))
        return SB_OK;
    SB_TRY(sb_label_index_has(v->view, label, id, &has, v->err));
    if (!has)
        sb_verify__report(v, SB_FINDING_LABEL, row->pgno,
                          "node %llu carries label %s, and is not in its index",
                          (unsigned long long)id,
                          sb_graph__name(v->graph, SB_NAME_LABEL, label, name, sizeof name));
    return sb_verify__step(v);
}

static sb_status check_label(sb_verify *v, sb_label_id label)
{
    const bool kept = sb_label_indexed(v->graph->view, label);
    uint64_t right = 0, wanted = 0;
    size_t set_count;
    sb_err local;
    bool whole = true;
    char name[64];
    sb_status st;

    sb_err_clear(&local);
    st = check_label_ids(v, label, &right, &local);
    SB_TRY(sb_verify__swallow(v, st, &local, "the label index", &whole));
    if (!whole) return SB_OK;
    const sb_set_id *sets = sb_label_sets(v->view, label, &set_count);
    for (size_t i = 0; i < set_count; i++)
        wanted += v->nodes_of_set[sets[i]];
    if (!kept) {
        if (right != 0)
            sb_verify__report(v, SB_FINDING_LABEL, SB_PGNO_NONE,
                              "the index of label %s was dropped, and has %llu entries",
                              sb_graph__name(v->graph, SB_NAME_LABEL, label, name, sizeof name),
                              (unsigned long long)right);
        return SB_OK;
    }
    if (right == wanted) return SB_OK;
    if (!sb_verify__told_enough(v, SB_FINDING_LABEL))
        return sb_verify__each_row(v, SB_NODE, find_in_label_index, &label, &whole);
    sb_verify__report(v, SB_FINDING_LABEL, SB_PGNO_NONE,
                      "the label index has %llu nodes of %s, the table %llu",
                      (unsigned long long)right,
                      sb_graph__name(v->graph, SB_NAME_LABEL, label, name, sizeof name),
                      (unsigned long long)wanted);
    return SB_OK;
}

/* Containers of labels that do not exist, by their keys alone. */
static sb_status check_last_label(sb_verify *v)
{
    const sb_label_id labels = sb_name_count(v->view, SB_NAME_LABEL);
    sb_node_id id;
    sb_err local;
    size_t count = 0;
    bool whole = true;

    sb_err_clear(&local);
    for (unsigned i = 0; i < 2; i++) { /* the labels before the first and behind the last */
        const sb_status st =
            sb_label_index_scan(v->view, i == 0 ? 0 : labels + 1, 0, &id, 1, &count, &local);
        SB_TRY(sb_verify__swallow(v, st, &local, "the label index", &whole));
        if (whole && count != 0)
            sb_verify__report(v, SB_FINDING_LABEL, SB_PGNO_NONE,
                              "the label index has entries of label %u, which does not exist",
                              i == 0 ? 0 : labels + 1);
    }
    return SB_OK;
}

sb_status sb_verify__labels(sb_verify *v)
{
    const sb_label_id labels = sb_name_count(v->view, SB_NAME_LABEL);

    for (sb_label_id label = 1; label <= labels; label++)
        SB_TRY(check_label(v, label));
    return check_last_label(v);
}

/* ---- Property indexes --------------------------------------------------------------------------------------------- */

typedef struct sb_index_check {
    const sb_schema *schema;
    sb_tree *tree;
    sb_buffer before; /* key of the entry before */
    sb_entry_sum entries;
    bool unique, exact;
} sb_index_check;

static sb_status check_unique(sb_verify *v, sb_index_check *check, sb_bytes key)
{
    const sb_bytes before = sb_buffer_bytes(&check->before);
    uint64_t id, other;
    sb_err local;

    if (before.size != key.size || key.size <= SB_ENTRY_TAIL_BYTES ||
        memcmp(before.data, key.data, key.size - SB_ENTRY_TAIL_BYTES) != 0)
        return SB_OK;
    sb_err_clear(&local);
    if (sb_index_entry_id(key, &id, &local) != SB_OK ||
        sb_index_entry_id(before, &other, &local) != SB_OK)
        return SB_OK; /* reported as an entry without an id */
    const sb_status st = sb_constraints__conflict(v->graph, check->schema, other, id, &local);
    if (st == SB_OK || st == SB_CORRUPT) return SB_OK;
    if (st != SB_CONSTRAINT) return SB_FAIL(v->err, st, "%s", local.text);
    sb_verify__report(v, SB_FINDING_CONSTRAINT, SB_PGNO_NONE, "%s", local.text);
    return SB_OK;
}

/* Second pass: does the entry's entity have these values? */
static sb_status find_entity(sb_verify *v, const sb_schema *schema, sb_bytes key)
{
    const sb_entity entity = schema->on_rels ? SB_REL : SB_NODE;
    const sb_tree *table = schema->on_rels ? sb_rel_table(v->view) : sb_node_table(v->view);
    const char *noun = schema->on_rels ? "relationship" : "node";
    uint64_t id;
    sb_cell cell;
    sb_row row;
    bool found, has = false;
    sb_status st = SB_OK;

    if (sb_index_entry_id(key, &id, NULL) != SB_OK) {
        sb_verify__report(v, SB_FINDING_INDEX, SB_PGNO_NONE,
                          "index %.*s has an entry without an id", (int)schema->name.size,
                          (const char *)schema->name.data);
        return SB_OK;
    }
    SB_TRY(sb_row_find(v->txn, table, id, &row, &found, v->err));
    if (found && sb_row_cell(&row, entity == SB_NODE ? SB_COLUMN_SET : SB_COLUMN_TYPE, &cell) &&
        sb_schema__concerns(v->view, schema, entity, (uint32_t)cell.word))
        st = sb_verify__entry_key(v, schema, id, &row, &has);
    sb_row_release(&row);
    if (st != SB_OK) return st;
    if (!has || !sb_bytes_equal(sb_buffer_bytes(&v->key), key))
        sb_verify__report(v, SB_FINDING_INDEX, SB_PGNO_NONE,
                          "index %.*s has an entry of %s %llu, %s", (int)schema->name.size,
                          (const char *)schema->name.data, noun, (unsigned long long)id,
                          !found ? "which does not exist" : "which has no such values");
    return SB_OK;
}

static sb_status take_item(sb_verify *v, sb_index_check *check, sb_bytes key)
{
    if (check->exact) return find_entity(v, check->schema, key);
    sb_verify__sum_add(&check->entries, sb_verify__key_hash(key));
    if (check->unique) {
        SB_TRY(check_unique(v, check, key));
        sb_buffer_reset(&check->before);
        if (sb_buffer_append(&check->before, key.data, key.size) != SB_OK)
            return SB_FAIL_NOMEM(v->err);
    }
    return sb_verify__step(v);
}

static sb_status walk_items(sb_verify *v, sb_index_check *check, sb_cursor *cursor, sb_err *local)
{
    bool found;

    SB_TRY(sb_cursor_first(cursor, &found, local));
    while (found) {
        const sb_status st = take_item(v, check, sb_cursor_key(cursor));
        if (st != SB_OK) {
            if (v->err != NULL) *local = *v->err;
            return st;
        }
        SB_TRY(sb_cursor_next(cursor, &found, local));
    }
    return SB_OK;
}

static sb_status scan_index(sb_verify *v, sb_index_check *check, bool *whole)
{
    sb_cursor *cursor;
    sb_err local;
    sb_status st;

    sb_err_clear(&local);
    SB_TRY(sb_cursor_open(v->txn, check->tree, &cursor, v->err));
    st = walk_items(v, check, cursor, &local);
    sb_cursor_close(cursor);
    return sb_verify__swallow(v, st, &local, "an index", whole);
}

/* Second pass: is a row's entry in the index? */
static sb_status find_item(sb_verify *v, uint64_t id, const sb_row *row, void *ctx)
{
    const sb_index_check *check = ctx;
    const sb_schema *schema = check->schema;
    const sb_entity entity = schema->on_rels ? SB_REL : SB_NODE;
    sb_page hold = {0};
    sb_bytes value;
    sb_cell cell;
    bool has, found;

    if (!sb_row_cell(row, entity == SB_NODE ? SB_COLUMN_SET : SB_COLUMN_TYPE, &cell) ||
        !sb_schema__concerns(v->view, schema, entity, (uint32_t)cell.word))
        return SB_OK;
    SB_TRY(sb_verify__entry_key(v, schema, id, row, &has));
    if (!has) return SB_OK;
    SB_TRY(
        sb_tree_get(v->txn, check->tree, sb_buffer_bytes(&v->key), &hold, &value, &found, v->err));
    sb_page_release(v->txn, &hold);
    if (!found)
        sb_verify__report(v, SB_FINDING_INDEX, row->pgno, "index %.*s lacks the entry of %s %llu",
                          (int)schema->name.size, (const char *)schema->name.data,
                          schema->on_rels ? "relationship" : "node", (unsigned long long)id);
    return sb_verify__step(v);
}

/* Name the entries that an index has too many or lacks. */
static sb_status name_entries(sb_verify *v, sb_index_check *check, const sb_entry_sum *wanted)
{
    const sb_schema *schema = check->schema;
    bool whole = true;

    if (sb_verify__told_enough(v, SB_FINDING_INDEX)) {
        sb_verify__report(v, SB_FINDING_INDEX, SB_PGNO_NONE,
                          "index %.*s and the table do not agree: %llu entries, and %llu",
                          (int)schema->name.size, (const char *)schema->name.data,
                          (unsigned long long)check->entries.count,
                          (unsigned long long)wanted->count);
        return SB_OK;
    }
    check->exact = true;
    SB_TRY(scan_index(v, check, &whole));
    return sb_verify__each_row(v, schema->on_rels ? SB_REL : SB_NODE, find_item, check, &whole);
}

static sb_status check_index(sb_verify *v, const sb_schema *schema, const sb_entry_sum *wanted)
{
    const bool table_whole = schema->on_rels ? v->rels_whole : v->nodes_whole;
    sb_index_check check = {.schema = schema,
                            .tree = sb_schema_tree(v->view, schema->id),
                            .unique = schema->kind == SB_SCHEMA_UNIQUE ||
                                      schema->kind == SB_SCHEMA_NODE_KEY};
    bool whole = true;
    sb_status st;

    if (check.tree == NULL) return SB_OK;
    sb_buffer_init(&check.before, v->alloc);
    st = scan_index(v, &check, &whole);
    v->result.index_entries += check.entries.count;
    if (st == SB_OK && whole && table_whole && !sb_verify__sum_equal(&check.entries, wanted))
        st = name_entries(v, &check, wanted);
    sb_buffer_deinit(&check.before);
    return st;
}

sb_status sb_verify__indexes(sb_verify *v)
{
    size_t count;
    const sb_schema *schemas = sb_schemas(v->view, &count);

    for (size_t i = 0; i < count; i++)
        if (schemas[i].has_tree) SB_TRY(check_index(v, &schemas[i], &v->row_entries[i]));
    return SB_OK;
}

/* ---- Statistics ----------------------------------------------------------------------------------------------------- */

static sb_status compare_statistic(void *ctx, int kind, sb_set_id set, sb_type_id type,
                                   sb_direction direction, uint64_t count)
{
    sb_verify *v = ctx;
    char name[64];

    if (kind == 0) {
        const uint64_t rows = set < v->set_count ? v->nodes_of_set[set] : 0;
        if (rows != count)
            sb_verify__report(v, SB_FINDING_STATISTIC, SB_PGNO_NONE,
                              "statistics: label set %u has %llu nodes, the table %llu", set,
                              (unsigned long long)count, (unsigned long long)rows);
        if (set < v->set_count) v->nodes_of_set[set] = 0; /* those that stay have no statistic */
        return SB_OK;
    }
    uint64_t *rels = sb_map_find(&v->rels_of_set, sb_verify__stat_key(set, type, direction));
    if ((rels == NULL ? 0 : *rels) != count)
        sb_verify__report(
            v, SB_FINDING_STATISTIC, SB_PGNO_NONE,
            "statistics: %llu relationships of type %s %s label set %u, the table has %llu",
            (unsigned long long)count,
            sb_graph__name(v->graph, SB_NAME_TYPE, type, name, sizeof name),
            direction == SB_OUT ? "leave nodes of" : "come to nodes of", set,
            (unsigned long long)(rels == NULL ? 0 : *rels));
    if (rels != NULL) *rels = 0;
    return SB_OK;
}

static void report_uncounted(sb_verify *v)
{
    const sb_map_entry *entry;
    size_t pos = 0;

    for (sb_set_id set = 0; set < v->set_count; set++) {
        if (v->nodes_of_set[set] == 0) continue;
        sb_verify__report(v, SB_FINDING_STATISTIC, SB_PGNO_NONE,
                          "statistics: label set %u has no count, the table has %llu nodes of it",
                          set, (unsigned long long)v->nodes_of_set[set]);
    }
    while ((entry = sb_map_next(&v->rels_of_set, &pos)) != NULL) {
        char name[64];
        if (entry->value == 0) continue;
        sb_verify__report(
            v, SB_FINDING_STATISTIC, SB_PGNO_NONE,
            "statistics: no count of relationships of type %s %s label set %u, the table has %llu",
            sb_graph__name(v->graph, SB_NAME_TYPE, (sb_type_id)(entry->key >> 1 & 0xFFFFFFu), name,
                           sizeof name),
            (entry->key & 1) == 0 ? "that leave nodes of" : "that come to nodes of",
            (sb_set_id)(entry->key >> 25), (unsigned long long)entry->value);
    }
}

sb_status sb_verify__statistics(sb_verify *v)
{
    uint64_t nodes, rels;
    sb_err local;
    bool whole = true;
    sb_status st;

    sb_err_clear(&local);
    st = sb_stats_nodes_of_label(v->view, 0, &nodes, &local);
    if (st == SB_OK) st = sb_stats_rels_of_type(v->view, 0, &rels, &local);
    if (st == SB_OK && nodes != v->result.nodes)
        sb_verify__report(v, SB_FINDING_STATISTIC, SB_PGNO_NONE,
                          "statistics: %llu nodes, the table has %llu", (unsigned long long)nodes,
                          (unsigned long long)v->result.nodes);
    if (st == SB_OK && rels != v->result.rels)
        sb_verify__report(v, SB_FINDING_STATISTIC, SB_PGNO_NONE,
                          "statistics: %llu relationships, the table has %llu",
                          (unsigned long long)rels, (unsigned long long)v->result.rels);
    if (st == SB_OK) st = sb_stats_each(v->view, compare_statistic, v, &local);
    SB_TRY(sb_verify__swallow(v, st, &local, "statistics", &whole));
    if (whole) report_uncounted(v);
    return SB_OK;
}
