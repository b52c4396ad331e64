/* bulk_batch.c — records to table columns: each property's values go to the column of its key and cell type, with a bitmap of the
 * rows that have it. */
#include "graph/bulk_priv.h"

#include <stdlib.h>

void sb_batch__init(sb_batch *batch, const sb_allocator *alloc)
{
    *batch = (sb_batch){.alloc = alloc};
    sb_map_init(&batch->places, alloc);
}

void sb_batch__deinit(sb_batch *batch)
{
    if (batch->alloc == NULL) return;
    sb_free(batch->alloc, batch->columns, batch->column_capacity * sizeof *batch->columns);
    sb_map_deinit(&batch->places);
    sb_free(batch->alloc, batch->slots, batch->slot_capacity * sizeof *batch->slots);
    sb_free(batch->alloc, batch->table, batch->table_capacity * sizeof *batch->table);
    sb_arena_destroy(batch->arena);
    *batch = (sb_batch){0};
}

/* ---- Decoding ------------------------------------------------------------------------------------------------- */

typedef struct decoder {
    sb_batch *batch;
    const sb_bulk *bulk;
    size_t count; /* rows */
    const uint8_t *pos, *end;
    sb_buffer *encoded;
} decoder;

/* Records are ours, but have been in a file meanwhile. */
static sb_status fail_record(sb_err *err)
{
    return SB_FAIL(err, SB_IO, "a record of the load came back damaged from the temporary file");
}

static sb_status take_varint(decoder *d, uint64_t *v, sb_err *err)
{
    if (SB_LIKELY(d->pos != d->end && *d->pos < 0x80)) {
        *v = *d->pos++;
        return SB_OK;
    }
    return sb_varint_decode(&d->pos, d->end, v) ? SB_OK : fail_record(err);
}

static sb_status take_bytes(decoder *d, sb_bytes *bytes, sb_err *err)
{
    uint64_t size;

    SB_TRY(take_varint(d, &size, err));
    if (size > (size_t)(d->end - d->pos)) return fail_record(err);
    *bytes = sb_bytes_of(d->pos, (size_t)size);
    d->pos += size;
    return SB_OK;
}

static sb_status find_column(decoder *d, uint32_t key, uint8_t type, uint32_t *place, sb_err *err)
{
    sb_batch *batch = d->batch;
    const bool is_bytes = (type & SB_CLASS_MASK) == SB_CLASS_BYTES;
    bool inserted;
    uint64_t *found = sb_map_at(&batch->places, (uint64_t)key << 8 | type, &inserted);

    if (found == NULL) return SB_FAIL_NOMEM(err);
    *place = inserted ? (uint32_t)batch->column_count : (uint32_t)*found;
    *found = *place;
    if (!inserted) return SB_OK;
    SB_TRY(sb_graph__grow(batch->alloc, &batch->columns, sizeof *batch->columns,
                          batch->column_count + 1, &batch->column_capacity, err));
    sb_batch_column *column = &batch->columns[batch->column_count];
    *column = (sb_batch_column){.key = key, .type = type};
    column->present = sb_arena_alloc_zero(batch->arena, (d->count + 7) / 8);
    if (is_bytes)
        column->bytes = sb_arena_alloc_zero(batch->arena, d->count * sizeof *column->bytes);
    else
        column->words = sb_arena_alloc_zero(batch->arena, d->count * sizeof *column->words);
    if (column->present == NULL || (column->words == NULL && column->bytes == NULL))
        return SB_FAIL_NOMEM(err);
    batch->column_count++;
    return SB_OK;
}

static void set_present(sb_batch_column *column, size_t row)
{
    sb_bit_set(column->present, row);
    column->present_count++;
}

static sb_status put_cell(decoder *d, const sb_bulk_prop *prop, const sb_cell *cell, size_t row,
                          sb_err *err)
{
    uint32_t place;

    SB_TRY(find_column(d, prop->key, cell->type, &place, err));
    sb_batch_column *column = &d->batch->columns[place];
    if (column->bytes != NULL)
        column->bytes[row] = cell->bytes;
    else
        column->words[row] = cell->word;
    set_present(column, row);
    return SB_OK;
}

/* A cell with its type in front. */
static sb_status take_cell(decoder *d, const sb_bulk_prop *prop, size_t row, sb_err *err)
{
    sb_cell cell = {.key = prop->key};

    if (d->pos == d->end) return fail_record(err);
    cell.type = *d->pos++;
    if ((cell.type & SB_CLASS_MASK) == SB_CLASS_BYTES) {
        SB_TRY(take_bytes(d, &cell.bytes, err));
    } else {
        if (d->end - d->pos < 8) return fail_record(err);
        cell.word = sb_load_le64(d->pos);
        d->pos += 8;
    }
    return put_cell(d, prop, &cell, row, err);
}

/* A text whose type is known now. */
static sb_status take_text(decoder *d, const sb_bulk_prop *prop, size_t row, sb_err *err)
{
    sb_bytes text;
    sb_value value;
    sb_cell cell;
    sb_buffer encoded;

    SB_TRY(take_bytes(d, &text, err));
    SB_TRY(sb_text_to_value(&prop->type, text, d->batch->arena, &value, err));
    sb_buffer_init(&encoded, d->batch->alloc);
    encoded.capacity = sb_value_cell_bytes(&value);
    if (encoded.capacity != 0) {
        encoded.data = sb_arena_alloc(d->batch->arena, encoded.capacity);
        if (encoded.data == NULL) return SB_FAIL_NOMEM(err);
    }
    SB_TRY(sb_value_to_cell(&value, prop->key, &encoded, &cell, err));
    return put_cell(d, prop, &cell, row, err);
}

static sb_status take_value(decoder *d, const sb_bulk_prop *prop, uint32_t *slot, size_t row,
                            sb_err *err)
{
    uint64_t word;

    if (prop->form == SB_FORM_CELL) return take_cell(d, prop, row, err);
    if (prop->form == SB_FORM_TEXT) return take_text(d, prop, row, err);
    if (SB_UNLIKELY(*slot == 0)) {
        SB_TRY(find_column(d, prop->key, prop->cell_type, slot, err));
        ++*slot;
    }
    sb_batch_column *column = &d->batch->columns[*slot - 1];
    switch ((sb_bulk_form)prop->form) {
    case SB_FORM_WORD:
        SB_TRY(take_varint(d, &word, err));
        column->words[row] = (uint64_t)sb_unzigzag(word);
        break;
    case SB_FORM_DOUBLE:
        if (d->end - d->pos < 8) return fail_record(err);
        memcpy(&column->words[row], d->pos, 8);
        d->pos += 8;
        break;
    case SB_FORM_BYTES:
    case SB_FORM_CELL:
    case SB_FORM_TEXT:
    default: SB_TRY(take_bytes(d, &column->bytes[row], err)); break;
    }
    set_present(column, row);
    return SB_OK;
}

static sb_status take_row(decoder *d, sb_entity entity, size_t row, sb_err *err)
{
    uint64_t number;

    SB_TRY(take_varint(d, &number, err));
    if (number >= d->bulk->file_counts[entity]) return fail_record(err);
    if (d->bulk->keeps_origins[entity]) {
        uint64_t piece, line;
        SB_TRY(take_varint(d, &piece, err));
        SB_TRY(take_varint(d, &line, err));
        d->batch->origins[row] = piece << 32 | (uint32_t)line;
    }
    const sb_bulk_table *file = &d->bulk->files[entity][number];
    const uint8_t *present = d->pos;
    if ((file->prop_count + 7) / 8 > (size_t)(d->end - d->pos)) return fail_record(err);
    d->pos += (file->prop_count + 7) / 8;
    for (size_t i = 0; i < file->prop_count; i++)
        if (sb_bit_get(present, i))
            SB_TRY(
                take_value(d, &file->props[i], &d->batch->slots[file->first_slot + i], row, err));
    return SB_OK;
}

static int compare_columns(const void *a, const void *b)
{
    const sb_column *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (int)x->type - (int)y->type;
}

static sb_status finish_columns(sb_batch *batch, size_t count, sb_err *err)
{
    SB_TRY(sb_graph__grow(batch->alloc, &batch->table, sizeof *batch->table,
                          batch->column_count + 4, &batch->table_capacity, err));
    for (size_t i = 0; i < batch->column_count; i++) {
        const sb_batch_column *column = &batch->columns[i];
        batch->table[i] =
            (sb_column){.key = column->key,
                        .type = column->type,
                        .present = column->present_count == count ? NULL : column->present,
                        .words = column->words,
                        .bytes = column->bytes};
    }
    batch->table_count = batch->column_count;
    batch->value_count = 0;
    for (size_t i = 0; i < batch->column_count; i++)
        batch->value_count += batch->columns[i].present_count;
    if (batch->table_count > 1)
        qsort(batch->table, batch->table_count, sizeof *batch->table, compare_columns);
    return SB_OK;
}

sb_status sb_batch__decode(sb_batch *batch, const sb_bulk *bulk, sb_entity entity,
                           const uint8_t *const *bodies, const uint8_t *end, size_t count,
                           sb_err *err)
{
    decoder d = {.batch = batch, .bulk = bulk, .count = count, .end = end};
    const sb_bulk_table *last =
        bulk->file_counts[entity] == 0 ? NULL : &bulk->files[entity][bulk->file_counts[entity] - 1];
    const size_t slot_count = last == NULL ? 0 : last->first_slot + last->prop_count;

    if (batch->arena == NULL) batch->arena = sb_arena_create(batch->alloc, NULL);
    if (batch->arena == NULL) return SB_FAIL_NOMEM(err);
    sb_arena_reset(batch->arena);
    sb_map_clear(&batch->places);
    batch->column_count = 0;
    batch->origins = NULL;
    if (bulk->keeps_origins[entity]) {
        batch->origins = sb_arena_alloc_array(batch->arena, count, sizeof *batch->origins);
        if (batch->origins == NULL) return SB_FAIL_NOMEM(err);
    }
    SB_TRY(sb_graph__grow(batch->alloc, &batch->slots, sizeof *batch->slots, slot_count + 1,
                          &batch->slot_capacity, err));
    memset(batch->slots, 0, (slot_count + 1) * sizeof *batch->slots);
    for (size_t row = 0; row < count; row++) {
        d.pos = bodies[row];
        SB_TRY(take_row(&d, entity, row, err));
    }
    return finish_columns(batch, count, err);
}

sb_status sb_batch__system(sb_batch *batch, uint32_t key, const uint64_t *words, sb_err *err)
{
    SB_TRY(sb_graph__grow(batch->alloc, &batch->table, sizeof *batch->table, batch->table_count + 1,
                          &batch->table_capacity, err));
    batch->table[batch->table_count++] =
        (sb_column){.key = key, .type = SB_CELL_INT, .words = words};
    return SB_OK;
}

/* ---- Property indexes --------------------------------------------------------------------------------------------- */

static bool uses_key(const sb_schema *schema, uint32_t key)
{
    for (uint32_t i = 0; i < schema->key_count; i++)
        if (schema->keys[i] == key) return true;
    return false;
}

/* Values of one key, from the table columns [from, to) that have it. */
static sb_status gather_values(sb_batch *batch, sb_graph *graph, size_t from, size_t to,
                               size_t count, sb_prop_column *out, sb_err *err)
{
    size_t bytes;

    *out = (sb_prop_column){.key = batch->table[from].key, .type = SB_TYPE_NULL};
    if (!sb_mul_size(count, sizeof(sb_value), &bytes)) return SB_FAIL_NOMEM(err);
    sb_value *values = sb_arena_alloc_zero(batch->arena, bytes);
    if (values == NULL) return SB_FAIL_NOMEM(err);
    for (size_t c = from; c < to; c++) {
        const sb_column *column = &batch->table[c];
        for (size_t row = 0; row < count; row++) {
            if (column->present != NULL && !sb_bit_get(column->present, row)) continue;
            sb_cell cell = {.key = column->key, .type = column->type};
            if (column->bytes != NULL) {
                cell.bytes = column->bytes[row];
                cell.word = cell.bytes.size;
            } else {
                cell.word = column->words[row];
            }
            SB_TRY(sb_value_from_cell(graph->txn, &cell, batch->arena, &values[row], err));
        }
    }
    out->values = values;
    return SB_OK;
}

sb_status sb_batch__upkeep(sb_batch *batch, sb_graph *graph, sb_entity entity, uint32_t set_or_type,
                           const uint64_t *ids, size_t count, sb_err *err)
{
    size_t schema_count, column_count = 0;
    const sb_schema *schemas = sb_schemas(graph->view, &schema_count);
    sb_prop_column *columns = NULL;
    bool any = false;

    for (size_t i = 0; i < schema_count; i++)
        any = any || sb_schema__concerns(graph->view, &schemas[i], entity, set_or_type);
    if (!any) return SB_OK;
    columns = sb_arena_alloc_array(batch->arena, batch->table_count + 1, sizeof *columns);
    if (columns == NULL) return SB_FAIL_NOMEM(err);
    for (size_t from = 0, to; from < batch->table_count; from = to) {
        bool used = false;
        for (to = from + 1;
             to < batch->table_count && batch->table[to].key == batch->table[from].key;)
            to++;
        for (size_t i = 0; i < schema_count; i++)
            used = used || (sb_schema__concerns(graph->view, &schemas[i], entity, set_or_type) &&
                            uses_key(&schemas[i], batch->table[from].key));
        if (used)
            SB_TRY(gather_values(batch, graph, from, to, count, &columns[column_count++], err));
    }
    return sb_upkeep__created(graph, entity, set_or_type, ids, count, columns, column_count, err);
}

sb_status sb_bulk__fill_indexes(sb_bulk *bulk, sb_entity entity, sb_err *err)
{
    sb_view *view = bulk->graph->view;
    size_t count;

    (void)sb_schemas(view, &count);
    for (size_t i = 0; i < count; i++) {
        const sb_schema *schema = &sb_schemas(view, &count)[i];
        if (schema->kind == SB_SCHEMA_LABEL_INDEX || schema->on_rels != (entity == SB_REL))
            continue;
        SB_TRY(sb_schema__fill(bulk->graph, schema, err));
    }
    return SB_OK;
}

/* ---- Sorting -------------------------------------------------------------------------------------------------------- */

/* Least-significant-digit radix sort over the bits of the key that differ, 11 at a time: base's sort orders equal keys by value,
 * which are in order here. */
void sb_bulk__sort(sb_pair *items, sb_pair *scratch, size_t count)
{
    sb_pair *from = items, *to = scratch;
    uint64_t differing = 0;

    if (count < 48) {
        for (size_t i = 1; i < count; i++) {
            const sb_pair item = items[i];
            size_t at = i;
            for (; at != 0 && items[at - 1].key > item.key; at--)
                items[at] = items[at - 1];
            items[at] = item;
        }
        return;
    }
    for (size_t i = 1; i < count; i++)
        differing |= items[i].key ^ items[0].key;
    while (differing != 0) {
        const unsigned shift = sb_ctz64(differing);
        uint32_t starts[2048] = {0}, sum = 0;
        for (size_t i = 0; i < count; i++)
            starts[(from[i].key >> shift) & 2047]++;
        for (size_t d = 0; d < 2048; d++) {
            const uint32_t n = starts[d];
            starts[d] = sum;
            sum += n;
        }
        for (size_t i = 0; i < count; i++)
            to[starts[(from[i].key >> shift) & 2047]++] = from[i];
        sb_pair *swap = from;
        from = to;
        to = swap;
        differing = shift + 11 >= 64 ? 0 : differing >> (shift + 11) << (shift + 11);
    }
    if (from != items && count != 0) memcpy(items, from, count * sizeof *items);
}
