/* index_upkeep.c — property indexes follow what is made, changed and deleted; unique ones are checked.
 * A batch of new entities goes into each index sorted, in one put_many, and is checked against the index before.
 * Changes by mutate are noted as edits (a key to add or to remove), applied in order of key at the end of the call or when
 * they are many; uniqueness is then looked at again, so that two values may change places within the call. Where a statement
 * makes several calls, what two entities have behind one of them is looked at once more when it says so. */
#include "graph/graph_priv.h"

#include <stdlib.h>

/* Bytes of keys of edits that are held before they are applied. */
#define EDIT_BYTES_MAX ((size_t)4 << 20)

/* ---- Life ------------------------------------------------------------------------------------------------- */

void sb_upkeep__init(sb_upkeep *upkeep, const sb_allocator *alloc)
{
    sb_buffer_init(&upkeep->edits, alloc);
    sb_buffer_init(&upkeep->edit_keys, alloc);
    sb_buffer_init(&upkeep->checks, alloc);
    sb_buffer_init(&upkeep->check_keys, alloc);
}

void sb_upkeep__deinit(sb_upkeep *upkeep)
{
    sb_buffer_deinit(&upkeep->edits);
    sb_buffer_deinit(&upkeep->edit_keys);
    sb_buffer_deinit(&upkeep->checks);
    sb_buffer_deinit(&upkeep->check_keys);
    sb_arena_destroy(upkeep->work);
    upkeep->work = NULL;
}

void sb_upkeep__begin(sb_graph *graph, bool defer_unique)
{
    sb_upkeep *upkeep = &graph->writer.upkeep;

    upkeep->defer_unique = defer_unique;
    sb_buffer_reset(&upkeep->edits);
    sb_buffer_reset(&upkeep->edit_keys);
    sb_buffer_reset(&upkeep->checks);
    sb_buffer_reset(&upkeep->check_keys);
}

bool sb_upkeep__indexed(sb_graph *graph, sb_entity entity, uint32_t set_or_type)
{
    size_t count;
    const sb_schema *schemas = sb_schemas(graph->view, &count);

    for (size_t i = 0; i < count; i++)
        if (schemas[i].has_tree &&
            sb_schema__concerns(graph->view, &schemas[i], entity, set_or_type))
            return true;
    return false;
}

static bool is_unique(const sb_schema *schema)
{
    return schema->kind == SB_SCHEMA_UNIQUE || schema->kind == SB_SCHEMA_NODE_KEY;
}

/* NaN, alone or inside a point or list, equals nothing, so not even itself. */
static bool has_nan(const sb_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const bool can = values[i].type == SB_TYPE_FLOAT || values[i].type == SB_TYPE_POINT ||
                         values[i].type == SB_TYPE_LIST;
        if (can && !sb_value_equal(&values[i], &values[i])) return true;
    }
    return false;
}

/* ---- Sides ------------------------------------------------------------------------------------------------ */

sb_status sb_side__value(sb_graph *graph, const sb_side *side, sb_key_id key, sb_value *value,
                         sb_err *err)
{
    sb_upkeep *upkeep = &graph->writer.upkeep;
    sb_cell cell;

    *value = SB_VALUE_NULL;
    if (!side->exists) return SB_OK;
    for (size_t i = side->change_count; i-- > 0;) {
        if (side->changes[i].key != key) continue;
        *value = side->changes[i].value;
        return SB_OK;
    }
    if (side->replaced || side->row == NULL || !sb_row_cell(side->row, key, &cell)) return SB_OK;
    if (upkeep->work == NULL) upkeep->work = sb_arena_create(graph->alloc, NULL);
    if (upkeep->work == NULL) return SB_FAIL_NOMEM(err);
    return sb_value_from_cell(graph->txn, &cell, upkeep->work, value, err);
}

/* ---- Sorting entries ---------------------------------------------------------------------------------------- */

static int compare_items(const void *a, const void *b)
{
    return sb_bytes_compare(((const sb_item *)a)->key, ((const sb_item *)b)->key);
}

static bool items_sorted(const sb_item *items, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (sb_bytes_compare(items[i - 1].key, items[i].key) > 0) return false;
    return true;
}

/* Bytes that all keys begin with. */
static size_t shared_prefix(const sb_item *items, size_t count)
{
    const sb_bytes first = items[0].key;
    size_t shared = first.size;

    for (size_t i = 1; i < count && shared != 0; i++) {
        const sb_bytes key = items[i].key;
        size_t same = 0;
        if (key.size < shared) shared = key.size;
        while (same < shared && key.data[same] == first.data[same])
            same++;
        shared = same;
    }
    return shared;
}

/* The eight bytes behind the shared prefix as a number that compares as they do. */
static uint64_t head_of(sb_bytes key, size_t prefix)
{
    uint8_t bytes[8] = {0};
    const size_t left = key.size - prefix;

    if (left >= 8) return sb_load_be64(key.data + prefix);
    if (left != 0) memcpy(bytes, key.data + prefix, left);
    return sb_load_be64(bytes);
}

/* Between two looks at cancel and progress: a millisecond or two of sorting or putting. */
#define PIECE_ITEMS ((size_t)16384)
#define SORT_DEPTH  8u /* times that a long run of equal heads is sorted by the next eight bytes */

/* After item i of a loop over many. */
SB_MUST_CHECK static sb_status look(sb_graph *graph, size_t i, sb_err *err)
{
    return SB_LIKELY((i + 1) % PIECE_ITEMS != 0) ? SB_OK : sb_graph__work(graph, PIECE_ITEMS, err);
}

static void merge_heads(const sb_pair *left, size_t left_count, const sb_pair *right,
                        size_t right_count, sb_pair *out)
{
    size_t i = 0, j = 0;

    while (i < left_count && j < right_count)
        *out++ = right[j].key < left[i].key ? right[j++] : left[i++];
    memcpy(out, left + i, (left_count - i) * sizeof *out);
    memcpy(out + (left_count - i), right + j, (right_count - j) * sizeof *out);
}

/* heads: count of them, and room for as many. In pieces, so that a cancel is heard: each sorted, then merged. */
static sb_status sort_heads(sb_graph *graph, sb_pair *heads, size_t count, sb_err *err)
{
    sb_pair *from = heads, *to = heads + count;

    for (size_t at = 0; at < count; at += PIECE_ITEMS) {
        const size_t part = count - at < PIECE_ITEMS ? count - at : PIECE_ITEMS;
        sb_pairs_sort(heads + at, to + at, part);
        SB_TRY(sb_graph__work(graph, part, err));
    }
    for (size_t width = PIECE_ITEMS; width < count; width *= 2) {
        for (size_t at = 0; at < count; at += 2 * width) {
            const size_t left = count - at < width ? count - at : width,
                         right = count - at - left < width ? count - at - left : width;
            merge_heads(from + at, left, from + at + left, right, to + at);
            SB_TRY(sb_graph__work(graph, (left + right) / 4, err));
        }
        sb_pair *swap = from;
        from = to;
        to = swap;
    }
    if (from != heads) memcpy(heads, from, count * sizeof *heads);
    return SB_OK;
}

/* Heads behind what all keys share; then runs of equal heads, long ones by what follows, short ones by comparison.
 * room: for 2 × count pairs and then count items. */
static sb_status sort_range(sb_graph *graph, sb_item *items, size_t count, uint8_t *room,
                            unsigned depth, sb_err *err)
{
    sb_pair *heads = (sb_pair *)(void *)room;
    sb_item *sorted = (sb_item *)(void *)(heads + 2 * count);
    const size_t prefix = shared_prefix(items, count);

    for (size_t i = 0; i < count; i++) {
        heads[i] = (sb_pair){.key = head_of(items[i].key, prefix), .value = i};
        SB_TRY(look(graph, i, err));
    }
    SB_TRY(sort_heads(graph, heads, count, err));
    for (size_t i = 0; i < count; i++) {
        sorted[i] = items[heads[i].value];
        SB_TRY(look(graph, i, err));
    }
    memcpy(items, sorted, count * sizeof *items);
    /* Where runs of equal heads end, noted in the values: what follows uses the room itself. */
    size_t runs = 0;
    for (size_t i = 0, run; i < count; i += run) {
        for (run = 1; i + run < count && heads[i + run].key == heads[i].key; run++) {
        }
        heads[runs++].value = run;
    }
    uint8_t *inner = (uint8_t *)(heads + runs);
    for (size_t r = 0, i = 0; r < runs; i += (size_t)heads[r++].value) {
        const size_t run = (size_t)heads[r].value;
        if (run > PIECE_ITEMS / 8 && depth < SORT_DEPTH)
            SB_TRY(sort_range(graph, items + i, run, inner, depth + 1, err));
        else if (run > 1)
            qsort(items + i, run, sizeof *items, compare_items);
        SB_TRY(sb_graph__work(graph, run, err));
    }
    return SB_OK;
}

sb_status sb_upkeep__sort_items(sb_graph *graph, sb_item *items, size_t count, sb_err *err)
{
    sb_buffer *scratch = &graph->writer.scratch;
    size_t bytes;

    if (items_sorted(items, count)) return SB_OK;
    graph->writer.stats.index_sorts++;
    /* An outer level keeps one pair for each of its runs, of which the one being sorted is not cut. */
    if (!sb_mul_size(count, 2 * sizeof(sb_pair) + sizeof(sb_item), &bytes) ||
        !sb_add_size(bytes, 2 * SORT_DEPTH * sizeof(sb_pair), &bytes))
        return SB_FAIL_NOMEM(err);
    sb_buffer_reset(scratch);
    if (sb_buffer_reserve(scratch, bytes) != SB_OK) return SB_FAIL_NOMEM(err);
    return sort_range(graph, items, count, scratch->data, 0, err);
}

sb_status sb_upkeep__put_items(sb_graph *graph, sb_tree *tree, const sb_item *items, size_t count,
                               sb_err *err)
{
    for (size_t at = 0; at < count; at += PIECE_ITEMS) {
        const size_t part = count - at < PIECE_ITEMS ? count - at : PIECE_ITEMS;
        SB_TRY(sb_tree_put_many(graph->txn, tree, items + at, part, err));
        SB_TRY(sb_graph__work(graph, 4 * part, err)); /* a put is worth four rows made */
    }
    return SB_OK;
}

/* ---- Unique: new entries against each other and against the index ------------------------------------------------ */

static sb_bytes values_of(sb_bytes key)
{
    return sb_bytes_of(key.data, key.size - SB_ENTRY_TAIL_BYTES);
}

/* Is key an entry of exactly these values? Of neighbors in a sorted batch the last byte tells most often. */
static bool has_values(sb_bytes key, sb_bytes values)
{
    return key.size == values.size + SB_ENTRY_TAIL_BYTES &&
           key.data[values.size - 1] == values.data[values.size - 1] &&
           memcmp(key.data, values.data, values.size) == 0;
}

static sb_status conflict(sb_graph *graph, const sb_schema *schema, sb_bytes key, sb_bytes other,
                          sb_err *err)
{
    uint64_t id, other_id;

    SB_TRY(sb_index_entry_id(key, &id, err));
    SB_TRY(sb_index_entry_id(other, &other_id, err));
    if (id == other_id) return SB_OK;
    return sb_constraints__conflict(graph, schema, id, other_id, err);
}

/* Sorted new entries against the index before they are put: where the index has nothing between two of them, one
 * look at it serves both, so new values past all others cost one descent. */
static sb_status check_fresh(sb_graph *graph, const sb_schema *schema, sb_cursor *cursor,
                             const sb_item *items, size_t count, sb_err *err)
{
    bool found = false;
    size_t sought = SIZE_MAX; /* the cursor is at the first entry not below items[sought]'s
                               * values */

    for (size_t i = 0; i < count; i++) {
        const sb_bytes values = values_of(items[i].key);
        SB_TRY(look(graph, i, err));
        if (i != 0 && has_values(items[i - 1].key, values))
            SB_TRY(conflict(graph, schema, items[i].key, items[i - 1].key, err));
        if (sought == SIZE_MAX || sb_bytes_compare(sb_cursor_key(cursor), values) < 0) {
            SB_TRY(sb_cursor_seek(cursor, values, &found, err));
            sought = i;
        }
        if (!found) { /* nothing in the index from here on: only the new ones among themselves */
            for (size_t j = i + 1; j < count; j++)
                if (has_values(items[j - 1].key, values_of(items[j].key)))
                    SB_TRY(conflict(graph, schema, items[j].key, items[j - 1].key, err));
            return SB_OK;
        }
        if (has_values(sb_cursor_key(cursor), values))
            SB_TRY(conflict(graph, schema, items[i].key, sb_cursor_key(cursor), err));
    }
    return SB_OK;
}

static sb_status check_batch(sb_graph *graph, const sb_schema *schema, const sb_item *items,
                             size_t count, sb_err *err)
{
    sb_cursor *cursor;
    sb_status st;

    SB_TRY(sb_cursor_open(graph->txn, sb_schema_tree(graph->view, schema->id), &cursor, err));
    st = check_fresh(graph, schema, cursor, items, count, err);
    sb_cursor_close(cursor);
    return st;
}

/* An entry that the end of the call checks. */
static sb_status note_entry(sb_buffer *entries, sb_buffer *keys, uint32_t schema, bool add,
                            sb_bytes key, sb_err *err)
{
    const sb_entry entry = {.schema = schema,
                            .add = add,
                            .off = keys->size,
                            .key_bytes = key.size,
                            .number = entries->size / sizeof(sb_entry)};

    if (sb_buffer_append(keys, key.data, key.size) != SB_OK ||
        sb_buffer_append(entries, &entry, sizeof entry) != SB_OK)
        return SB_FAIL_NOMEM(err);
    return SB_OK;
}

/* ---- Batches ------------------------------------------------------------------------------------------------------ */

/* Columns of a schema's keys; false when one is missing, so that no new entity has an entry. */
static bool columns_of(const sb_schema *schema, const sb_prop_column *columns, size_t column_count,
                       const sb_prop_column *found[SB_SCHEMA_KEYS_MAX])
{
    for (uint32_t i = 0; i < schema->key_count; i++) {
        found[i] = sb_columns__find(columns, column_count, schema->keys[i]);
        if (found[i] == NULL) return false;
    }
    return true;
}

/* Values of row i; false when one is absent. */
static bool row_values(const sb_schema *schema, const sb_prop_column *const columns[], size_t row,
                       sb_value values[SB_SCHEMA_KEYS_MAX])
{
    for (uint32_t i = 0; i < schema->key_count; i++) {
        values[i] = sb_columns__value(columns[i], row);
        if (values[i].type == SB_TYPE_NULL) return false;
    }
    return true;
}

/* Bytes of keys that are made at once: a slice of rows with long ones is entered in parts. */
static size_t key_bytes_most(const sb_graph *graph)
{
    const uint64_t share = sb_pager_txn_memory(sb_txn_pager(graph->txn)) / 8;
    return share < EDIT_BYTES_MAX / 4 ? EDIT_BYTES_MAX / 4 : (size_t)share;
}

/* Keys of the rows from *row on that have an entry, into writer.keys and writer.items; *row: the first that is left. */
static sb_status make_items(sb_graph *graph, const sb_schema *schema,
                            const sb_prop_column *const columns[], const uint64_t *ids,
                            size_t count, size_t *row, size_t *item_count, sb_err *err)
{
    const size_t most = key_bytes_most(graph);
    sb_writer *writer = &graph->writer;
    sb_value values[SB_SCHEMA_KEYS_MAX];
    size_t made = 0, bytes, off = 0;
    sb_index_form form;
    sb_item *items;

    *item_count = 0;
    sb_buffer_reset(&writer->keys);
    sb_buffer_reset(&writer->items);
    if (!sb_mul_size(count - *row, sizeof *items, &bytes) ||
        sb_buffer_reserve(&writer->items, bytes) != SB_OK)
        return SB_FAIL_NOMEM(err);
    SB_TRY(sb_index_form_of(graph->view, schema->id, &form, err));
    items = (sb_item *)(void *)writer->items.data;
    for (; *row < count && writer->keys.size < most; ++*row) {
        const size_t i = *row;
        const size_t begin = writer->keys.size;
        SB_TRY(look(graph, i, err));
        if (!row_values(schema, columns, i, values)) continue;
        SB_TRY(sb_index_append(&form, values, ids[i], &writer->keys, err));
        items[made++] = (sb_item){.key = {.data = NULL, .size = writer->keys.size - begin}};
    }
    for (size_t i = 0; i < made; i++) { /* the buffer does not move any more */
        items[i].key.data = writer->keys.data + off;
        off += items[i].key.size;
    }
    *item_count = made;
    return SB_OK;
}

/* Items of some rows into an index. */
static sb_status enter_items(sb_graph *graph, const sb_schema *schema, size_t count, sb_err *err)
{
    sb_upkeep *upkeep = &graph->writer.upkeep;
    sb_item *items = (sb_item *)(void *)graph->writer.items.data;

    if (count == 0) return SB_OK;
    SB_TRY(sb_upkeep__sort_items(graph, items, count, err));
    if (is_unique(schema) && !upkeep->defer_unique)
        SB_TRY(check_batch(graph, schema, items, count, err));
    for (size_t i = 0; is_unique(schema) && upkeep->defer_unique && i < count; i++)
        SB_TRY(
            note_entry(&upkeep->checks, &upkeep->check_keys, schema->id, true, items[i].key, err));
    return sb_upkeep__put_items(graph, sb_schema_tree(graph->view, schema->id), items, count, err);
}

static sb_status enter_batch(sb_graph *graph, const sb_schema *schema, const uint64_t *ids,
                             size_t count, const sb_prop_column *columns, size_t column_count,
                             sb_err *err)
{
    const sb_prop_column *key_columns[SB_SCHEMA_KEYS_MAX];
    size_t item_count;

    if (!columns_of(schema, columns, column_count, key_columns)) return SB_OK;
    for (size_t row = 0; row < count;) {
        SB_TRY(make_items(graph, schema, key_columns, ids, count, &row, &item_count, err));
        SB_TRY(enter_items(graph, schema, item_count, err));
    }
    return SB_OK;
}

/* Does a constraint that is checked at commit hold for all rows because of what the columns are? */
static bool columns_hold(const sb_schema *schema, const sb_prop_column *columns,
                         size_t column_count)
{
    for (uint32_t i = 0; i < schema->key_count; i++) {
        const sb_prop_column *column = sb_columns__find(columns, column_count, schema->keys[i]);
        if (schema->kind == SB_SCHEMA_TYPED) {
            if (column == NULL) continue;
            if (column->type == SB_TYPE_NULL || !(schema->value_types >> column->type & 1))
                return false;
        } else if (column == NULL || column->type == SB_TYPE_NULL || column->present != NULL) {
            return false;
        }
    }
    return true;
}

static bool row_holds(const sb_schema *schema, const sb_prop_column *columns, size_t column_count,
                      size_t row)
{
    for (uint32_t i = 0; i < schema->key_count; i++) {
        const sb_prop_column *column = sb_columns__find(columns, column_count, schema->keys[i]);
        const sb_value value = column == NULL ? SB_VALUE_NULL : sb_columns__value(column, row);
        if (schema->kind != SB_SCHEMA_TYPED && value.type == SB_TYPE_NULL) return false;
        if (schema->kind == SB_SCHEMA_TYPED && value.type != SB_TYPE_NULL &&
            !sb_types_admit(schema->value_types, &value))
            return false;
    }
    return true;
}

static bool is_deferred(const sb_schema *schema)
{
    return schema->kind == SB_SCHEMA_EXISTS || schema->kind == SB_SCHEMA_NODE_KEY ||
           schema->kind == SB_SCHEMA_TYPED;
}

static sb_status note_broken(sb_graph *graph, sb_entity entity, const sb_schema *schema,
                             const uint64_t *ids, size_t count, const sb_prop_column *columns,
                             size_t column_count, sb_err *err)
{
    if (columns_hold(schema, columns, column_count)) return SB_OK;
    for (size_t i = 0; i < count; i++)
        if (!row_holds(schema, columns, column_count, i))
            SB_TRY(sb_writer__touch(graph, entity, ids[i], err));
    return SB_OK;
}

sb_status sb_upkeep__created(sb_graph *graph, sb_entity entity, uint32_t set_or_type,
                             const uint64_t *ids, size_t count, const sb_prop_column *columns,
                             size_t column_count, sb_err *err)
{
    size_t schema_count;
    const sb_schema *schemas = sb_schemas(graph->view, &schema_count);

    for (size_t i = 0; i < schema_count; i++) {
        const sb_schema *schema = &schemas[i];
        if (!sb_schema__concerns(graph->view, schema, entity, set_or_type)) continue;
        if (schema->has_tree)
            SB_TRY(enter_batch(graph, schema, ids, count, columns, column_count, err));
        if (is_deferred(schema))
            SB_TRY(note_broken(graph, entity, schema, ids, count, columns, column_count, err));
    }
    return SB_OK;
}

/* ---- Changes ---------------------------------------------------------------------------------------------------------- */

/* The entry's key of a side, appended to keys; *has false when it has none. */
static sb_status side_key(sb_graph *graph, const sb_schema *schema, uint64_t id,
                          const sb_side *side, sb_buffer *keys, bool *has, bool *nan, sb_err *err)
{
    sb_value values[SB_SCHEMA_KEYS_MAX];
    bool cut;

    *has = false;
    *nan = false;
    for (uint32_t i = 0; i < schema->key_count; i++) {
        SB_TRY(sb_side__value(graph, side, schema->keys[i], &values[i], err));
        if (values[i].type == SB_TYPE_NULL) return SB_OK;
    }
    *has = true;
    *nan = has_nan(values, schema->key_count);
    return sb_index_key(graph->view, schema->id, values, schema->key_count, id, keys, &cut, err);
}

/* Does the change leave all keys of a schema alone? */
static bool keys_unchanged(const sb_schema *schema, const sb_side *after)
{
    if (after->replaced) return false;
    for (size_t i = 0; i < after->change_count; i++)
        for (uint32_t k = 0; k < schema->key_count; k++)
            if (after->changes[i].key == schema->keys[k]) return false;
    return true;
}

static sb_status plan_index(sb_graph *graph, const sb_schema *schema, sb_entity entity, uint64_t id,
                            const sb_side *before, const sb_side *after, sb_err *err)
{
    sb_writer *writer = &graph->writer;
    sb_upkeep *upkeep = &writer->upkeep;
    sb_view *view = graph->view;
    const bool was = before->exists && sb_schema__concerns(view, schema, entity, before->name);
    const bool is = after->exists && sb_schema__concerns(view, schema, entity, after->name);
    bool had = false, has = false, nan;
    sb_bytes old_key, new_key;
    size_t old_bytes;

    if (was && is && keys_unchanged(schema, after)) return SB_OK;
    sb_buffer_reset(&writer->keys);
    if (was) SB_TRY(side_key(graph, schema, id, before, &writer->keys, &had, &nan, err));
    old_bytes = writer->keys.size;
    if (is) SB_TRY(side_key(graph, schema, id, after, &writer->keys, &has, &nan, err));
    old_key = sb_bytes_of(writer->keys.data, old_bytes);
    new_key = writer->keys.size == old_bytes
                  ? sb_bytes_of(NULL, 0)
                  : sb_bytes_of(writer->keys.data + old_bytes, writer->keys.size - old_bytes);
    if (had && has && sb_bytes_equal(old_key, new_key)) return SB_OK;
    if (had)
        SB_TRY(note_entry(&upkeep->edits, &upkeep->edit_keys, schema->id, false, old_key, err));
    if (!has) return SB_OK;
    SB_TRY(note_entry(&upkeep->edits, &upkeep->edit_keys, schema->id, true, new_key, err));
    if (!is_unique(schema) || nan) return SB_OK;
    return note_entry(&upkeep->checks, &upkeep->check_keys, schema->id, true, new_key, err);
}

typedef struct sb_sorted_entry {
    uint32_t schema;
    bool add;
    sb_bytes key;
    size_t number;
} sb_sorted_entry;

static int compare_entries(const void *a, const void *b)
{
    const sb_sorted_entry *x = a, *y = b;
    int order;

    if (x->schema != y->schema) return x->schema < y->schema ? -1 : 1;
    order = sb_bytes_compare(x->key, y->key);
    if (order != 0) return order;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Entries in order of (schema, key, arrival), in writer.scratch; of equal keys the last only. */
static sb_status sort_entries(sb_graph *graph, const sb_buffer *entries, const sb_buffer *keys,
                              sb_sorted_entry **sorted, size_t *count, sb_err *err)
{
    sb_buffer *scratch = &graph->writer.scratch;
    const sb_entry *from = (const sb_entry *)(const void *)entries->data;
    const size_t all = entries->size / sizeof *from;
    sb_sorted_entry *to;
    size_t kept = 0;

    *sorted = NULL;
    *count = 0;
    if (all == 0) return SB_OK;
    sb_buffer_reset(scratch);
    if (sb_buffer_reserve(scratch, all * sizeof *to) != SB_OK) return SB_FAIL_NOMEM(err);
    to = (sb_sorted_entry *)(void *)scratch->data;
    for (size_t i = 0; i < all; i++)
        to[i] = (sb_sorted_entry){.schema = from[i].schema,
                                  .add = from[i].add,
                                  .key = sb_bytes_of(keys->data + from[i].off, from[i].key_bytes),
                                  .number = from[i].number};
    if (all > 1) qsort(to, all, sizeof *to, compare_entries);
    for (size_t i = 0; i < all; i++) {
        const bool again = i + 1 < all && to[i].schema == to[i + 1].schema &&
                           sb_bytes_equal(to[i].key, to[i + 1].key);
        if (!again) to[kept++] = to[i];
    }
    *sorted = to;
    *count = kept;
    return SB_OK;
}

/* Remove and add one schema's entries. */
static sb_status apply_schema(sb_graph *graph, uint32_t schema, const sb_sorted_entry *entries,
                              size_t count, sb_err *err)
{
    sb_buffer *buffer = &graph->writer.items;
    sb_tree *tree = sb_schema_tree(graph->view, schema);
    sb_item *items;
    size_t adds = 0;

    if (SB_NEVER(tree == NULL)) return SB_FAIL(err, SB_MISUSE, "index %u has no tree", schema);
    sb_buffer_reset(buffer);
    if (sb_buffer_reserve(buffer, count * sizeof *items) != SB_OK) return SB_FAIL_NOMEM(err);
    items = (sb_item *)(void *)buffer->data;
    for (size_t i = 0; i < count; i++) {
        bool found;
        if (entries[i].add)
            items[adds++] = (sb_item){.key = entries[i].key};
        else
            SB_TRY(sb_tree_delete(graph->txn, tree, entries[i].key, &found, err));
    }
    if (adds == 0) return SB_OK;
    return sb_upkeep__put_items(graph, tree, items, adds, err);
}

static sb_status apply_edits(sb_graph *graph, sb_err *err)
{
    sb_upkeep *upkeep = &graph->writer.upkeep;
    sb_sorted_entry *entries;
    size_t count;

    SB_TRY(sort_entries(graph, &upkeep->edits, &upkeep->edit_keys, &entries, &count, err));
    for (size_t i = 0; i < count;) {
        size_t run = 1;
        while (i + run < count && entries[i + run].schema == entries[i].schema)
            run++;
        SB_TRY(apply_schema(graph, entries[i].schema, entries + i, run, err));
        i += run;
    }
    sb_buffer_reset(&upkeep->edits);
    sb_buffer_reset(&upkeep->edit_keys);
    return SB_OK;
}

sb_status sb_upkeep__plan(sb_graph *graph, sb_entity entity, uint64_t id, const sb_side *before,
                          const sb_side *after, sb_err *err)
{
    sb_upkeep *upkeep = &graph->writer.upkeep;
    size_t schema_count;
    const sb_schema *schemas = sb_schemas(graph->view, &schema_count);
    bool holds = true;

    for (size_t i = 0; i < schema_count; i++) {
        const sb_schema *schema = &schemas[i];
        if (schema->has_tree) SB_TRY(plan_index(graph, schema, entity, id, before, after, err));
        if (after->exists && holds && is_deferred(schema) &&
            sb_schema__concerns(graph->view, schema, entity, after->name))
            SB_TRY(sb_constraints__holds(graph, schema, after, &holds, err));
    }
    if (upkeep->work != NULL) sb_arena_reset(upkeep->work);
    if (!holds) SB_TRY(sb_writer__touch(graph, entity, id, err));
    return upkeep->edit_keys.size < EDIT_BYTES_MAX ? SB_OK : apply_edits(graph, err);
}

/* ---- The end of a call --------------------------------------------------------------------------------------------------- */

/* Entries that the call added are in the index now: no other may have the same values. doubts, unless NULL: where one has, it is
 * looked at again later. */
static sb_status check_added(sb_graph *graph, const sb_schema *schema, sb_cursor *cursor,
                             const sb_sorted_entry *entries, size_t count, sb_unique_doubts *doubts,
                             sb_err *err)
{
    for (size_t i = 0; i < count; i++) {
        const sb_bytes values = values_of(entries[i].key);
        uint64_t id, first = 0;
        bool found;
        if (i != 0 && has_values(entries[i - 1].key, values)) continue; /* looked at already */
        SB_TRY(sb_cursor_seek(cursor, values, &found, err));
        while (found && has_values(sb_cursor_key(cursor), values)) {
            SB_TRY(sb_index_entry_id(sb_cursor_key(cursor), &id, err));
            if (first != 0) { /* if these two differ after all (NaN), so do the others */
                SB_TRY(doubts != NULL ? note_entry(&doubts->entries, &doubts->keys, schema->id,
                                                   true, entries[i].key, err)
                                      : sb_constraints__conflict(graph, schema, id, first, err));
                break;
            }
            first = id;
            SB_TRY(sb_cursor_next(cursor, &found, err));
        }
    }
    return SB_OK;
}

static sb_status check_unique(sb_graph *graph, const sb_buffer *checks, const sb_buffer *keys,
                              sb_unique_doubts *doubts, sb_err *err)
{
    sb_sorted_entry *entries;
    size_t count, schema_count;
    const sb_schema *schemas = sb_schemas(graph->view, &schema_count);

    SB_TRY(sort_entries(graph, checks, keys, &entries, &count, err));
    for (size_t i = 0, s = 0; i < count;) { /* both by schema id */
        size_t run = 1;
        sb_cursor *cursor;
        sb_status st;
        while (i + run < count && entries[i + run].schema == entries[i].schema)
            run++;
        while (s < schema_count && schemas[s].id < entries[i].schema)
            s++;
        SB_ASSERT(s < schema_count && schemas[s].id == entries[i].schema);
        SB_TRY(
            sb_cursor_open(graph->txn, sb_schema_tree(graph->view, schemas[s].id), &cursor, err));
        st = check_added(graph, &schemas[s], cursor, entries + i, run, doubts, err);
        sb_cursor_close(cursor);
        if (st != SB_OK) return st;
        i += run;
    }
    return SB_OK;
}

/* ---- Doubts that calls leave to their statement -------------------------------------------------------------------------- */

/* Doubts below which it is not looked which of them have been solved meanwhile. */
#define DOUBTS_LEAST ((size_t)1024)

void sb_unique_doubts_init(sb_unique_doubts *doubts, const sb_allocator *alloc)
{
    sb_buffer_init(&doubts->entries, alloc);
    sb_buffer_init(&doubts->keys, alloc);
    doubts->many = DOUBTS_LEAST;
}

void sb_unique_doubts_clear(sb_unique_doubts *doubts)
{
    sb_buffer_deinit(&doubts->entries);
    sb_buffer_deinit(&doubts->keys);
    doubts->many = DOUBTS_LEAST;
}

static size_t doubt_count(const sb_unique_doubts *doubts)
{
    return doubts->entries.size / sizeof(sb_entry);
}

/* Keep those that still are some: so they take memory for the values that two have at a time, and not for all that did. */
static sb_status thin_out(sb_graph *graph, sb_unique_doubts *doubts, sb_err *err)
{
    sb_unique_doubts old = *doubts;

    if (doubt_count(&old) < old.many) return SB_OK;
    sb_unique_doubts_init(doubts, old.entries.alloc);
    const sb_status st = check_unique(graph, &old.entries, &old.keys, doubts, err);
    sb_unique_doubts_clear(&old);
    if (doubts->many < 2 * doubt_count(doubts)) doubts->many = 2 * doubt_count(doubts);
    return st;
}

sb_status sb_graph_settle_unique(sb_graph *graph, sb_unique_doubts *doubts, sb_err *err)
{
    if (doubt_count(doubts) == 0) return SB_OK;
    const sb_status st = check_unique(graph, &doubts->entries, &doubts->keys, NULL, err);
    sb_unique_doubts_clear(doubts);
    return st;
}

sb_status sb_upkeep__end(sb_graph *graph, sb_unique_doubts *doubts, sb_err *err)
{
    sb_upkeep *upkeep = &graph->writer.upkeep;

    SB_TRY(apply_edits(graph, err));
    SB_TRY(check_unique(graph, &upkeep->checks, &upkeep->check_keys, doubts, err));
    return doubts == NULL ? SB_OK : thin_out(graph, doubts, err);
}
