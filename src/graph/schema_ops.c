/* schema_ops.c — making and dropping indexes and constraints, also on a full store.
 * Making one reads every entity that it concerns, in order of id, checks it, and collects index keys; when they fill the
 * memory allowed they are sorted and put, and reading goes on behind the last entity. No tree is changed while another is
 * being scanned. Label indexes are there from the start: dropping one leaves a marker in the schema and empties the label's
 * containers; making it again takes the marker away and fills them. */
#include "graph/graph_priv.h"

#include <stdio.h>

/* Memory for keys of one run when the session sets no limit. */
#define RUN_BYTES_DEFAULT ((size_t)64 << 20)
#define RUN_BYTES_MIN     ((size_t)1 << 20)
/* Entities between two looks at the cancel flag. */
#define TICK 4096u
/* From this many entries on an empty index is built bottom-up. */
#define BUILD_MIN 32768u
/* A little room in each leaf of a built index: values come scattered later. */
#define BUILD_FILL_PERCENT 90u

/* The id of a label's index, as callers see it. */
typedef struct sb_fill {
    sb_graph *graph;
    const sb_schema *schema; /* a copy: the array of definitions may move */
    sb_entity entity;
    uint64_t next;        /* first id that was not read yet */
    uint64_t done, total; /* entities read, and index entries put */
    uint64_t passed;      /* rows of others that were read on the way */
    sb_buffer keys;       /* of the run */
    sb_buffer items;      /* sb_item[]; sizes only until the run is put */
    size_t run_bytes;
    bool full; /* the run is */
    sb_err *err;
} sb_fill;

/* ---- Reading the entities ----------------------------------------------------------------------------------- */

static sb_status take_entity(sb_fill *fill, uint64_t id, const sb_side *side)
{
    const sb_schema *schema = fill->schema;
    sb_graph *graph = fill->graph;
    sb_value values[SB_SCHEMA_KEYS_MAX];
    const size_t begin = fill->keys.size;
    bool holds = true, cut;
    sb_item item;

    if (schema->kind != SB_SCHEMA_INDEX && schema->kind != SB_SCHEMA_UNIQUE)
        SB_TRY(sb_constraints__holds(graph, schema, side, &holds, fill->err));
    if (!holds) return sb_constraints__broken(graph, schema, id, side, fill->err);
    if (!schema->has_tree) return SB_OK;
    for (uint32_t i = 0; i < schema->key_count; i++) {
        SB_TRY(sb_side__value(graph, side, schema->keys[i], &values[i], fill->err));
        if (values[i].type == SB_TYPE_NULL) return SB_OK;
    }
    SB_TRY(sb_index_key(graph->view, schema->id, values, schema->key_count, id, &fill->keys, &cut,
                        fill->err));
    item = (sb_item){.key = {.data = NULL, .size = fill->keys.size - begin}};
    if (sb_buffer_append(&fill->items, &item, sizeof item) != SB_OK)
        return SB_FAIL_NOMEM(fill->err);
    return SB_OK;
}

static sb_status take_row(sb_fill *fill, uint64_t id, const sb_row *row)
{
    sb_arena *work = fill->graph->writer.upkeep.work;
    const sb_side side = {.exists = true, .row = row};
    sb_status st = take_entity(fill, id, &side);

    if (work != NULL) sb_arena_reset(work);
    fill->next = id + 1;
    fill->full = fill->keys.size + fill->items.size >= fill->run_bytes;
    if (st == SB_OK && ++fill->done % TICK == 0)
        st = sb_graph__tick(fill->graph, fill->done, fill->total, fill->err);
    return st;
}

/* Does the row at hand belong to the schema's label or type? */
static bool row_concerned(const sb_fill *fill, const sb_row *row)
{
    sb_cell cell;

    if (!sb_row_cell(row, fill->entity == SB_NODE ? SB_COLUMN_SET : SB_COLUMN_TYPE, &cell))
        return false; /* verify tells */
    if (fill->entity == SB_REL) return cell.word == fill->schema->entity;
    return sb_set_has(fill->graph->view, (sb_set_id)cell.word, fill->schema->entity);
}

/* Read on from fill->next until the run is full or all is read. */
static sb_status scan_rows(sb_fill *fill, sb_status (*take)(sb_fill *, uint64_t, const sb_row *))
{
    sb_view *view = fill->graph->view;
    const sb_tree *table = fill->entity == SB_NODE ? sb_node_table(view) : sb_rel_table(view);
    sb_row_scan *scan;
    size_t count = 1;
    sb_status st;

    fill->full = false;
    SB_TRY(sb_row_scan_open(fill->graph->txn, table, fill->next, SB_ID_MAX, &scan, fill->err));
    st = SB_OK;
    while (st == SB_OK && !fill->full && count != 0) {
        const uint64_t *ids;
        st = sb_row_scan_next(scan, &count, fill->err);
        if (st != SB_OK) break;
        ids = sb_row_scan_ids(scan);
        for (size_t i = 0; st == SB_OK && !fill->full && i < count; i++) {
            const sb_row *row = sb_row_scan_row(scan, i);
            if (row_concerned(fill, row))
                st = take(fill, ids[i], row);
            else if (++fill->passed % TICK == 0)
                st = sb_graph__tick(fill->graph, fill->done, fill->total, fill->err);
        }
    }
    sb_row_scan_close(scan);
    return st;
}

/* ---- Filling an index ------------------------------------------------------------------------------------------ */

static sb_status build_index(sb_fill *fill, sb_tree *tree, const sb_item *items, size_t count)
{
    sb_build *build;
    sb_status st;

    SB_TRY(sb_build_open(fill->graph->txn, tree, BUILD_FILL_PERCENT, &build, fill->err));
    st = SB_OK;
    for (size_t at = 0; at < count && st == SB_OK; at += TICK) {
        const size_t part = count - at < TICK ? count - at : TICK;
        st = sb_build_items(build, items + at, part, fill->err);
        fill->done += part;
        if (st == SB_OK) st = sb_graph__tick(fill->graph, fill->done, fill->total, fill->err);
    }
    if (st != SB_OK) {
        sb_build_abort(build);
        return st;
    }
    return sb_build_finish(build, fill->err);
}

static sb_status put_run(sb_fill *fill)
{
    sb_graph *graph = fill->graph;
    sb_tree *tree = sb_schema_tree(graph->view, fill->schema->id);
    sb_item *items = (sb_item *)(void *)fill->items.data;
    const size_t count = fill->items.size / sizeof *items;
    size_t off = 0;
    sb_status st;

    if (count == 0) return SB_OK;
    for (size_t i = 0; i < count; i++) {
        items[i].key.data = fill->keys.data + off;
        off += items[i].key.size;
    }
    SB_TRY(sb_upkeep__sort_items(graph, items, count, fill->err));
    if (tree->root == SB_PGNO_NONE && count >= BUILD_MIN && !fill->full) {
        st = build_index(fill, tree, items, count);
    } else {
        st = sb_upkeep__put_items(graph, tree, items, count, fill->err);
        fill->done += count;
    }
    sb_buffer_reset(&fill->keys);
    sb_buffer_reset(&fill->items);
    return st;
}

/* No two neighbors in the index may have the same values. */
static sb_status check_neighbors(sb_fill *fill, sb_cursor *cursor)
{
    sb_buffer *last = &fill->keys;
    bool found;

    sb_buffer_reset(last);
    SB_TRY(sb_cursor_first(cursor, &found, fill->err));
    for (uint64_t seen = 1; found; seen++) {
        const sb_bytes key = sb_cursor_key(cursor);
        if (key.size == last->size && key.size > SB_ENTRY_TAIL_BYTES &&
            memcmp(key.data, last->data, key.size - SB_ENTRY_TAIL_BYTES) == 0) {
            uint64_t id, other;
            SB_TRY(sb_index_entry_id(key, &id, fill->err));
            SB_TRY(sb_index_entry_id(sb_buffer_bytes(last), &other, fill->err));
            SB_TRY(sb_constraints__conflict(fill->graph, fill->schema, id, other, fill->err));
        }
        sb_buffer_reset(last);
        if (sb_buffer_append(last, key.data, key.size) != SB_OK) return SB_FAIL_NOMEM(fill->err);
        if (seen % TICK == 0)
            SB_TRY(sb_graph__tick(fill->graph, fill->total, fill->total, fill->err));
        SB_TRY(sb_cursor_next(cursor, &found, fill->err));
    }
    return SB_OK;
}

static sb_status check_whole(sb_fill *fill)
{
    sb_cursor *cursor;
    sb_status st;

    if (fill->schema->kind != SB_SCHEMA_UNIQUE && fill->schema->kind != SB_SCHEMA_NODE_KEY)
        return SB_OK;
    SB_TRY(sb_cursor_open(fill->graph->txn, sb_schema_tree(fill->graph->view, fill->schema->id),
                          &cursor, fill->err));
    st = check_neighbors(fill, cursor);
    sb_cursor_close(cursor);
    return st;
}

static sb_status count_entities(sb_fill *fill)
{
    sb_view *view = fill->graph->view;
    const uint32_t name = fill->schema->entity;

    return fill->entity == SB_NODE ? sb_stats_nodes_of_label(view, name, &fill->total, fill->err)
                                   : sb_stats_rels_of_type(view, name, &fill->total, fill->err);
}

static sb_status fill_schema(sb_fill *fill)
{
    SB_TRY(count_entities(fill));
    if (fill->total == 0) return SB_OK;
    if (fill->schema->has_tree) fill->total *= 2;
    do {
        SB_TRY(scan_rows(fill, take_row));
        SB_TRY(put_run(fill));
    } while (fill->full);
    return check_whole(fill);
}

/* ---- Label indexes ------------------------------------------------------------------------------------------------ */

static const sb_schema *find_marker(sb_graph *graph, sb_label_id label)
{
    size_t count;
    const sb_schema *schemas = sb_schemas(graph->view, &count);

    for (size_t i = 0; i < count; i++)
        if (schemas[i].kind == SB_SCHEMA_LABEL_INDEX && schemas[i].entity == label)
            return &schemas[i];
    return NULL;
}

static sb_status check_label(sb_graph *graph, sb_label_id label, sb_err *err)
{
    if (label == 0 || label > sb_name_count(graph->view, SB_NAME_LABEL))
        return SB_FAIL(err, SB_INVALID, "there is no label %u", label);
    return SB_OK;
}

/* Ids into fill->items, TICK × 16 at a time. */
static sb_status take_id(sb_fill *fill, uint64_t id, const sb_row *row)
{
    (void)row;
    if (sb_buffer_append(&fill->items, &id, sizeof id) != SB_OK) return SB_FAIL_NOMEM(fill->err);
    fill->next = id + 1;
    fill->full = fill->items.size >= 16 * TICK * sizeof id;
    if (++fill->done % TICK == 0)
        return sb_graph__tick(fill->graph, fill->done, fill->total, fill->err);
    return SB_OK;
}

static sb_status fill_label(sb_fill *fill)
{
    SB_TRY(count_entities(fill));
    do {
        sb_buffer_reset(&fill->items);
        SB_TRY(scan_rows(fill, take_id));
        SB_TRY(sb_label_index_add(fill->graph->view, fill->schema->entity,
                                  (const uint64_t *)(const void *)fill->items.data,
                                  fill->items.size / sizeof(uint64_t), fill->err));
    } while (fill->full);
    return SB_OK;
}

static sb_status create_label_index(sb_fill *fill, uint32_t *id)
{
    const sb_label_id label = fill->schema->entity;
    const sb_schema *marker;
    char name[64];

    if (fill->schema->on_rels) return SB_FAIL(fill->err, SB_INVALID, "a label index is on nodes");
    SB_TRY(check_label(fill->graph, label, fill->err));
    marker = find_marker(fill->graph, label);
    if (marker == NULL)
        return SB_FAIL(fill->err, SB_EXISTS, "the label index of %s is there already",
                       sb_graph__name(fill->graph, SB_NAME_LABEL, label, name, sizeof name));
    SB_TRY(sb_schema_drop(fill->graph->view, marker->id, NULL, NULL, fill->err));
    SB_TRY(fill_label(fill));
    *id = SB_GRAPH_LABEL_INDEX | label;
    return SB_OK;
}

static sb_status drop_label_index(sb_graph *graph, sb_label_id label, sb_err *err)
{
    sb_node_id ids[1024], from = 0;
    size_t count;
    uint32_t id;
    char text[64];
    int size;
    sb_schema marker = {.kind = SB_SCHEMA_LABEL_INDEX, .entity = label};

    SB_TRY(check_label(graph, label, err));
    if (find_marker(graph, label) != NULL)
        return SB_FAIL(err, SB_NOT_FOUND, "the label index of %s is dropped already",
                       sb_graph__name(graph, SB_NAME_LABEL, label, text, sizeof text));
    size = snprintf(text, sizeof text, "(dropped label index %u)", label);
    marker.name = sb_bytes_of(text, (size_t)size);
    SB_TRY(sb_schema_add(graph->view, &marker, &id, err));
    do {
        SB_TRY(sb_label_index_scan(graph->view, label, from, ids, sizeof ids / sizeof *ids, &count,
                                   err));
        SB_TRY(sb_label_index_remove(graph->view, label, ids, count, err));
        SB_TRY(sb_graph__poll(graph, err));
        if (count != 0) from = ids[count - 1] + 1;
    } while (count != 0);
    return SB_OK;
}

/* ---- Calls ------------------------------------------------------------------------------------------------------------ */

static sb_status create_schema(sb_fill *fill, sb_schema *definition, uint32_t *id)
{
    if (definition->kind == SB_SCHEMA_LABEL_INDEX) return create_label_index(fill, id);
    if (definition->kind == SB_SCHEMA_NODE_KEY && definition->on_rels)
        return SB_FAIL(fill->err, SB_INVALID, "a node key is on nodes");
    SB_TRY(sb_schema_add(fill->graph->view, definition, id, fill->err));
    definition->id = *id;
    definition->has_tree = sb_schema_tree(fill->graph->view, *id) != NULL;
    return fill_schema(fill);
}

static sb_fill begin_fill(sb_graph *graph, const sb_schema *schema, sb_err *err)
{
    const size_t memory = sb_graph__memory(graph);
    sb_fill fill = {.graph = graph,
                    .schema = schema,
                    .entity = schema->on_rels ? SB_REL : SB_NODE,
                    .next = 1,
                    .run_bytes =
                        memory == 0 ? RUN_BYTES_DEFAULT : memory / 4, /* sorting takes as much */
                    .err = err};

    if (fill.run_bytes < RUN_BYTES_MIN) fill.run_bytes = RUN_BYTES_MIN;
    sb_buffer_init(&fill.keys, graph->alloc);
    sb_buffer_init(&fill.items, graph->alloc);
    return fill;
}

static void end_fill(sb_fill *fill)
{
    sb_buffer_deinit(&fill->keys);
    sb_buffer_deinit(&fill->items);
}

sb_status sb_schema__fill(sb_graph *graph, const sb_schema *schema, sb_err *err)
{
    sb_schema copy = *schema;
    sb_fill fill = begin_fill(graph, &copy, err);
    const sb_status st = fill_schema(&fill);

    end_fill(&fill);
    return st;
}

/* ---- Names that are made up ------------------------------------------------------------------------------------ */

#define NAME_ROOM 256u /* bytes of a made-up name */

/* Append text to a name being made up, cut between two characters at its room. */
static size_t append_name(uint8_t *name, size_t at, sb_bytes text)
{
    size_t bytes = text.size;

    if (bytes > NAME_ROOM - at) {
        bytes = NAME_ROOM - at;
        while (bytes > 0 && (text.data[bytes] & 0xC0) == 0x80)
            bytes--;
    }
    if (bytes != 0) memcpy(name + at, text.data, bytes);
    return at + bytes;
}

/* "Person_name_born", with a number behind when that name is taken. */
static sb_bytes make_name(sb_view *view, const sb_schema *definition, uint8_t name[NAME_ROOM + 8])
{
    size_t at = append_name(
        name, 0,
        sb_name_of(view, definition->on_rels ? SB_NAME_TYPE : SB_NAME_LABEL, definition->entity));
    size_t end;

    for (uint32_t i = 0; i < definition->key_count && i < SB_SCHEMA_KEYS_MAX; i++) {
        at = append_name(name, at, sb_bytes_of("_", 1));
        at = append_name(name, at, sb_name_of(view, SB_NAME_KEY, definition->keys[i]));
    }
    end = at;
    for (unsigned number = 2; sb_schema_find(view, sb_bytes_of(name, end)) != NULL && number < 1000;
         number++) {
        end = at;
        name[end++] = '_';
        if (number >= 100) name[end++] = (uint8_t)('0' + number / 100);
        if (number >= 10) name[end++] = (uint8_t)('0' + number / 10 % 10);
        name[end++] = (uint8_t)('0' + number % 10);
    }
    return sb_bytes_of(name, end);
}

sb_status sb_graph_schema_create(sb_graph *graph, const sb_schema *definition, uint32_t *id,
                                 sb_err *err)
{
    sb_schema copy = *definition;
    uint8_t made_up[NAME_ROOM + 8];
    uint32_t savepoint;
    sb_status st;

    *id = 0;
    if (copy.name.data == NULL) copy.name = make_name(graph->view, &copy, made_up);
    SB_TRY(sb_graph__atomic_begin(graph, &savepoint, err));
    sb_fill fill = begin_fill(graph, &copy, err);
    st = create_schema(&fill, &copy, id);
    end_fill(&fill);
    if (st != SB_OK) *id = 0;
    return sb_graph__atomic_end(graph, savepoint, st, err);
}

static bool report_drop(void *ctx, uint64_t done, uint64_t total)
{
    return sb_graph__tick(ctx, done, total, NULL) == SB_OK;
}

static sb_status drop_schema(sb_graph *graph, uint32_t id, sb_err *err)
{
    size_t count;
    const sb_schema *schemas = sb_schemas(graph->view, &count);

    if (id & SB_GRAPH_LABEL_INDEX) return drop_label_index(graph, id & ~SB_GRAPH_LABEL_INDEX, err);
    for (size_t i = 0; i < count; i++)
        if (schemas[i].id == id && schemas[i].kind == SB_SCHEMA_LABEL_INDEX)
            return SB_FAIL(err, SB_NOT_FOUND, "no index or constraint has number %u", id);
    return sb_schema_drop(graph->view, id, report_drop, graph, err);
}

sb_status sb_graph_schema_drop(sb_graph *graph, uint32_t id, sb_err *err)
{
    uint32_t savepoint;

    SB_TRY(sb_graph__atomic_begin(graph, &savepoint, err));
    return sb_graph__atomic_end(graph, savepoint, drop_schema(graph, id, err), err);
}

const sb_schema *sb_graph_index_for(sb_graph *graph, sb_entity entity, uint32_t entity_name,
                                    const sb_key_id *keys, size_t key_count)
{
    size_t count;
    const sb_schema *schemas = sb_schemas(graph->view, &count);

    for (size_t i = 0; i < count; i++) {
        const sb_schema *schema = &schemas[i];
        if (!schema->has_tree || schema->on_rels != (entity == SB_REL) ||
            schema->entity != entity_name || schema->key_count != key_count)
            continue;
        if (memcmp(schema->keys, keys, key_count * sizeof *keys) == 0) return schema;
    }
    return NULL;
}
