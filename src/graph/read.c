/* read.c — properties and whole records of nodes and relationships.
 * Values of strings and bytes are borrowed from the page where they lie: in mapped mode it stays as it is until the
 * transaction ends (a write transaction's own pages: until its next change). With read_mode=cache a released page may be
 * evicted, so values are copied into arena(call). */
#include "graph/graph_priv.h"

static const sb_tree *table_of(sb_graph *graph, sb_entity entity)
{
    return entity == SB_NODE ? sb_node_table(graph->view) : sb_rel_table(graph->view);
}

static sb_arena *reader_arena(sb_reader *reader)
{
    if (reader->arena == NULL) reader->arena = sb_graph__results(reader->graph);
    return reader->arena;
}

sb_status sb_read__value(sb_reader *reader, const sb_cell *cell, bool pinned, sb_value *value,
                         sb_err *err)
{
    sb_cell copy;

    if (cell->type == SB_CELL_INT) {
        value->type = SB_TYPE_INT;
        value->extra = 0;
        value->as.integer = (int64_t)cell->word;
        return SB_OK;
    }
    /* What is made of bytes may lead into them: texts, also in lists, and names of time zones. */
    if (SB_UNLIKELY(pinned && !cell->overflow && cell->bytes.size != 0)) {
        copy = *cell;
        copy.bytes.data = (const uint8_t *)sb_arena_strndup(
            reader_arena(reader), (const char *)cell->bytes.data, cell->bytes.size);
        if (copy.bytes.data == NULL) return SB_FAIL_NOMEM(err);
        cell = &copy;
    }
    if (cell->type == SB_CELL_STRING && !cell->overflow) {
        value->type = SB_TYPE_STRING;
        value->extra = 0;
        value->as.bytes.data = cell->bytes.data;
        value->as.bytes.size = cell->bytes.size;
        return SB_OK;
    }
    return sb_value_from_cell(reader->graph->txn, cell, reader_arena(reader), value, err);
}

/* A value of a row that lies in a page which stays where it is. False: it is not of the commonest types. */
SB_INLINE bool quick_value(const sb_cell *cell, sb_value *value)
{
    if (cell->type == SB_CELL_INT) {
        value->type = SB_TYPE_INT;
        value->extra = 0;
        value->as.integer = (int64_t)cell->word;
        return true;
    }
    if (SB_UNLIKELY(cell->type != SB_CELL_STRING || cell->overflow)) return false;
    value->type = SB_TYPE_STRING;
    value->extra = 0;
    value->as.bytes.data = cell->bytes.data;
    value->as.bytes.size = cell->bytes.size;
    return true;
}

static sb_status read_keys(sb_reader *reader, const sb_row *row, const sb_key_id *keys,
                           size_t key_count, sb_value *values, sb_err *err)
{
    const bool pinned = row->page.pin != NULL || row->wide;

    for (size_t i = 0; i < key_count; i++) {
        sb_cell cell;
        if (SB_UNLIKELY(keys[i] >= SB_COLUMN_SYSTEM) || !sb_row_cell(row, keys[i], &cell))
            values[i] = SB_VALUE_NULL;
        else if (pinned || !quick_value(&cell, &values[i]))
            SB_TRY(sb_read__value(reader, &cell, pinned, &values[i], err));
    }
    return SB_OK;
}

/* Properties that one call reads by the shortest way. */
#define PEEK_MAX 8u

bool sb_graph_peek_props(sb_graph *graph, sb_entity entity, uint64_t id, const sb_key_id *keys,
                         size_t key_count, sb_value *values)
{
    const sb_tree *table = table_of(graph, entity);
    sb_cell cells[PEEK_MAX];
    bool found[PEEK_MAX];

    if (key_count > PEEK_MAX || !sb_row_peek(graph->txn, table, id, keys, key_count, cells, found))
        return false;
    for (size_t i = 0; i < key_count; i++) {
        if (SB_UNLIKELY(!found[i] || keys[i] >= SB_COLUMN_SYSTEM))
            values[i] = SB_VALUE_NULL;
        else if (SB_UNLIKELY(!quick_value(&cells[i], &values[i])))
            return false;
    }
    return true;
}

sb_status sb_graph_get_props(sb_graph *graph, sb_entity entity, uint64_t id, const sb_key_id *keys,
                             size_t key_count, sb_value *values, bool *found, sb_err *err)
{
    const sb_tree *table = table_of(graph, entity);
    sb_reader reader = {.graph = graph};
    sb_row row;
    sb_status status;

    *found = true;
    if (SB_LIKELY(sb_graph_peek_props(graph, entity, id, keys, key_count, values))) return SB_OK;
    SB_TRY(sb_row_find(graph->txn, table, id, &row, found, err));
    if (!*found) {
        for (size_t i = 0; i < key_count; i++)
            values[i] = SB_VALUE_NULL;
        return SB_OK;
    }
    status = read_keys(&reader, &row, keys, key_count, values, err);
    sb_row_release(&row);
    return status;
}

/* ---- Many at once ---------------------------------------------------------------------------------------- */

typedef struct sb_many {
    sb_reader reader;
    const sb_key_id *keys;
    size_t key_count;
    sb_value *values;
    uint8_t *found;
    sb_err *err;
} sb_many;

static sb_status read_one_of_many(void *ctx, size_t i, const sb_row *row)
{
    sb_many *many = ctx;
    sb_value *values = many->values + i * many->key_count;

    if (row != NULL) {
        sb_bit_set(many->found, i);
        return read_keys(&many->reader, row, many->keys, many->key_count, values, many->err);
    }
    sb_bit_clear(many->found, i);
    for (size_t k = 0; k < many->key_count; k++)
        values[k] = SB_VALUE_NULL;
    return SB_OK;
}

sb_status sb_graph_get_props_many(sb_graph *graph, sb_entity entity, const uint64_t *ids,
                                  size_t id_count, const sb_key_id *keys, size_t key_count,
                                  sb_value *values, uint8_t *found, sb_err *err)
{
    sb_many many = {.reader = {.graph = graph},
                    .keys = keys,
                    .key_count = key_count,
                    .values = values,
                    .found = found,
                    .err = err};

    for (size_t at = 0; at < id_count; at += SB_GRAPH_MANY) {
        const size_t size = sb_graph__slice(at, id_count, SB_GRAPH_MANY);
        many.values = values + at * key_count;
        many.found = found + at / 8;
        if (at != 0) SB_TRY(sb_graph__tick(graph, at, id_count, err));
        SB_TRY(sb_rows_find(graph->txn, table_of(graph, entity), ids + at, size, read_one_of_many,
                            &many, err));
    }
    return SB_OK;
}

/* ---- Whole records ------------------------------------------------------------------------------------------ */

/* All property cells of a row, in order of key; system columns are the caller's. */
static sb_status read_all(sb_reader *reader, const sb_row *row, const sb_prop **props,
                          size_t *prop_count, sb_err *err)
{
    const bool pinned = row->page.pin != NULL || row->wide;
    sb_arena *arena = reader_arena(reader);
    sb_prop *list;
    sb_cell cell;
    size_t pos = 0, count = 0;

    while (sb_row_next_cell(row, &pos, &cell))
        count += cell.key < SB_COLUMN_SYSTEM;
    *prop_count = 0;
    *props = list = sb_arena_alloc_array(arena, count, sizeof *list);
    if (list == NULL) return SB_FAIL_NOMEM(err);
    pos = 0;
    while (sb_row_next_cell(row, &pos, &cell)) {
        if (cell.key >= SB_COLUMN_SYSTEM) continue;
        list[*prop_count].key = cell.key;
        SB_TRY(sb_read__value(reader, &cell, pinned, &list[*prop_count].value, err));
        ++*prop_count;
    }
    return SB_OK;
}

sb_status sb_read__system(const sb_row *row, const char *what, uint64_t id, uint32_t key,
                          uint64_t *word, sb_err *err)
{
    sb_cell cell;

    *word = 0;
    if (!sb_row_cell(row, key, &cell) || cell.type != SB_CELL_INT)
        return SB_FAIL_PAGE(err, row->pgno, "%s %llu lacks its system column %08x", what,
                            (unsigned long long)id, key);
    *word = cell.word;
    return SB_OK;
}

static sb_status read_node(sb_reader *reader, const sb_row *row, sb_node_record *record,
                           sb_err *err)
{
    uint64_t set;

    SB_TRY(sb_read__system(row, "node", record->id, SB_COLUMN_SET, &set, err));
    record->set = (sb_set_id)set;
    return read_all(reader, row, &record->props, &record->prop_count, err);
}

sb_status sb_graph_node(sb_graph *graph, sb_node_id id, sb_node_record *record, bool *found,
                        sb_err *err)
{
    sb_reader reader = {.graph = graph};
    sb_row row;
    sb_status status;

    *record = (sb_node_record){.id = id};
    SB_TRY(sb_row_find(graph->txn, sb_node_table(graph->view), id, &row, found, err));
    if (!*found) return SB_OK;
    status = read_node(&reader, &row, record, err);
    sb_row_release(&row);
    return status;
}

static sb_status read_rel(sb_reader *reader, const sb_row *row, sb_rel_record *record, sb_err *err)
{
    uint64_t type;

    SB_TRY(
        sb_read__system(row, "relationship", record->id, SB_COLUMN_SOURCE, &record->source, err));
    SB_TRY(
        sb_read__system(row, "relationship", record->id, SB_COLUMN_TARGET, &record->target, err));
    SB_TRY(sb_read__system(row, "relationship", record->id, SB_COLUMN_TYPE, &type, err));
    record->type = (sb_type_id)type;
    return read_all(reader, row, &record->props, &record->prop_count, err);
}

sb_status sb_graph_rel(sb_graph *graph, sb_rel_id id, sb_rel_record *record, bool *found,
                       sb_err *err)
{
    sb_reader reader = {.graph = graph};
    sb_row row;
    sb_status status;

    *record = (sb_rel_record){.id = id};
    SB_TRY(sb_row_find(graph->txn, sb_rel_table(graph->view), id, &row, found, err));
    if (!*found) return SB_OK;
    status = read_rel(&reader, &row, record, err);
    sb_row_release(&row);
    return status;
}

sb_status sb_graph_node_set(sb_graph *graph, sb_node_id id, sb_set_id *set, bool *found,
                            sb_err *err)
{
    sb_row row;
    uint64_t word = 0;
    sb_status status;

    *set = 0;
    SB_TRY(sb_row_find(graph->txn, sb_node_table(graph->view), id, &row, found, err));
    if (!*found) return SB_OK;
    status = sb_read__system(&row, "node", id, SB_COLUMN_SET, &word, err);
    *set = (sb_set_id)word;
    sb_row_release(&row);
    return status;
}

sb_status sb_graph_nodes_exist(sb_graph *graph, const sb_node_id *ids, size_t count, uint8_t *exist,
                               sb_err *err)
{
    const sb_tree *table = sb_node_table(graph->view);

    for (size_t at = 0; at < count; at += SB_GRAPH_MANY) {
        const size_t size = sb_graph__slice(at, count, SB_GRAPH_MANY);
        if (at != 0) SB_TRY(sb_graph__tick(graph, at, count, err));
        SB_TRY(sb_rows_exist(graph->txn, table, ids + at, size, exist + at / 8, err));
    }
    return SB_OK;
}
