/* columns.c — a typed batch's columns: checked, and turned into table columns without touching values where the
 * types allow (integers and strings go to the table as they are). */
#include "graph/graph_priv.h"

#include <stdlib.h>

/* Say which row and property a failure is about. */
static sb_status name_fault(sb_graph *graph, const sb_prop_column *column, size_t row,
                            sb_status status, sb_err *err)
{
    const sb_row_names *rows = &graph->writer.rows;
    char name[64];

    if (err != NULL)
        sb_err_prefix(err, "%s %zu, property %s", rows->noun == NULL ? "row" : rows->noun,
                      sb_row_names__at(rows, row),
                      sb_graph__name(graph, SB_NAME_KEY, column->key, name, sizeof name));
    return status;
}

/* sb_value_check for what a typed column can hold wrongly. */
static sb_status check_integer(uint32_t type, int64_t integer, sb_err *err)
{
    sb_value value = {.type = type};

    if (type == SB_TYPE_BOOL) {
        if (integer != 0 && integer != 1)
            return SB_FAIL(err, SB_INVALID, "a boolean column holds %lld: give 0 or 1",
                           (long long)integer);
        return SB_OK;
    }
    value.as.integer = integer;
    return sb_value_check(&value, err);
}

static bool is_present(const sb_prop_column *column, size_t row)
{
    return column->present == NULL || sb_bit_get(column->present, row);
}

/* A value was looked at: count whole steps. */
static sb_status count_value(sb_graph *graph, size_t i, sb_err *err)
{
    return SB_LIKELY((i + 1) % SB_GRAPH_STEP != 0) ? SB_OK
                                                   : sb_graph__work(graph, SB_GRAPH_STEP, err);
}

/* Every value of a column that is of one type. */
static sb_status check_typed(sb_graph *graph, const sb_prop_column *column, size_t count,
                             sb_err *err)
{
    sb_value value = {.type = column->type};
    sb_status st;

    switch (column->type) {
    case SB_TYPE_INT:
        return column->integers != NULL
                   ? SB_OK
                   : SB_FAIL(err, SB_MISUSE, "an INTEGER column has no integers");
    case SB_TYPE_FLOAT:
        return column->reals != NULL ? SB_OK
                                     : SB_FAIL(err, SB_MISUSE, "a FLOAT column has no reals");
    case SB_TYPE_BOOL:
    case SB_TYPE_DATE:
    case SB_TYPE_LOCAL_TIME:
        if (column->integers == NULL)
            return SB_FAIL(err, SB_MISUSE, "a %s column has no integers",
                           sb_type_name(column->type));
        for (size_t i = 0; i < count; i++) {
            SB_TRY(count_value(graph, i, err));
            if (!is_present(column, i)) continue;
            st = check_integer(column->type, column->integers[i], err);
            if (SB_UNLIKELY(st != SB_OK)) return name_fault(graph, column, i, st, err);
        }
        return SB_OK;
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES:
        if (column->bytes == NULL)
            return SB_FAIL(err, SB_MISUSE, "a %s column has no texts", sb_type_name(column->type));
        for (size_t i = 0; i < count; i++) {
            SB_TRY(count_value(graph, i, err));
            if (!is_present(column, i)) continue;
            value.as.bytes.data = column->bytes[i].data;
            value.as.bytes.size = column->bytes[i].size;
            st = sb_value_check(&value, err);
            if (SB_UNLIKELY(st != SB_OK)) return name_fault(graph, column, i, st, err);
        }
        return SB_OK;
    default:
        return SB_FAIL(err, SB_TYPE_MISMATCH,
                       "a column of type %s: give its values as mixed values",
                       sb_type_name(column->type));
    }
}

/* Room that the conversion takes in the scratch buffers. */
typedef struct sb_room {
    size_t columns, words, texts, bitmaps, encoded;
} sb_room;

/* Cell types of a mixed column: a bit each of the 256, and the room for their columns. */
static sb_status survey_mixed(sb_graph *graph, const sb_prop_column *column, size_t count,
                              uint64_t types[4], sb_room *room, sb_err *err)
{
    types[0] = types[1] = types[2] = types[3] = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t type;
        sb_status st;
        SB_TRY(count_value(graph, i, err));
        if (!is_present(column, i) || column->values[i].type == SB_TYPE_NULL) continue;
        st = sb_value_check(&column->values[i], err);
        if (SB_UNLIKELY(st != SB_OK)) return name_fault(graph, column, i, st, err);
        type = sb_value_cell_type(&column->values[i]);
        types[type >> 6] |= 1ull << (type & 63);
        room->encoded += sb_value_cell_bytes(&column->values[i]);
    }
    for (unsigned type = 0; type < 256; type++) {
        if (!(types[type >> 6] >> (type & 63) & 1)) continue;
        room->columns++;
        room->bitmaps++;
        if ((type & SB_CLASS_MASK) == SB_CLASS_BYTES)
            room->texts++;
        else
            room->words++;
    }
    return SB_OK;
}

/* Next unused place in a scratch buffer whose room was reserved. */
static void *take(sb_buffer *buffer, size_t bytes)
{
    void *place = buffer->data + buffer->size;
    buffer->size += bytes;
    SB_ASSERT(buffer->size <= buffer->capacity);
    return place;
}

/* One table column for each cell type of a mixed column. */
static sb_status split_mixed(sb_graph *graph, const sb_prop_column *column, size_t count,
                             const uint64_t types[4], sb_err *err)
{
    sb_writer *writer = &graph->writer;

    for (unsigned type = 0; type < 256; type++) {
        const bool is_bytes = (type & SB_CLASS_MASK) == SB_CLASS_BYTES;
        uint8_t *present;
        uint64_t *words = NULL;
        sb_bytes *texts = NULL;
        sb_column *out;
        if (!(types[type >> 6] >> (type & 63) & 1)) continue;
        present = take(&writer->present, (count + 7) / 8);
        memset(present, 0, (count + 7) / 8);
        if (is_bytes)
            texts = take(&writer->texts, count * sizeof *texts);
        else
            words = take(&writer->words, count * sizeof *words);
        for (size_t i = 0; i < count; i++) {
            sb_cell cell;
            if (!is_present(column, i) || column->values[i].type == SB_TYPE_NULL ||
                sb_value_cell_type(&column->values[i]) != type) {
                if (is_bytes)
                    texts[i] = sb_bytes_of(NULL, 0);
                else
                    words[i] = 0;
                continue;
            }
            SB_TRY(sb_value_to_cell(&column->values[i], column->key, &writer->encoded, &cell, err));
            sb_bit_set(present, i);
            if (is_bytes)
                texts[i] = cell.bytes;
            else
                words[i] = cell.word;
        }
        out = take(&writer->columns, sizeof *out);
        *out = (sb_column){.key = column->key,
                           .type = (uint8_t)type,
                           .present = present,
                           .words = words,
                           .bytes = texts};
    }
    return SB_OK;
}

/* A column of one type: integers and texts as they are; doubles are copied, since the table takes their bits. */
static void adopt_typed(sb_graph *graph, const sb_prop_column *column, size_t count)
{
    sb_writer *writer = &graph->writer;
    sb_column *out = take(&writer->columns, sizeof *out);

    *out = (sb_column){.key = column->key, .present = column->present};
    switch (column->type) {
    case SB_TYPE_FLOAT: {
        uint64_t *words = take(&writer->words, count * sizeof *words);
        if (count != 0) memcpy(words, column->reals, count * sizeof *words);
        out->type = SB_CELL_FLOAT;
        out->words = words;
        break;
    }
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES:
        out->type = (uint8_t)(SB_CLASS_BYTES | column->type);
        out->bytes = column->bytes;
        break;
    default:
        out->type = (uint8_t)(SB_CLASS_INT | column->type);
        out->words =
            (const uint64_t *)column->integers; /* signed and unsigned of one type may alias */
        break;
    }
}

static int compare_columns(const void *a, const void *b)
{
    const sb_column *left = a, *right = b;
    if (left->key != right->key) return left->key < right->key ? -1 : 1;
    return (int)left->type - (int)right->type;
}

/* Is the key of column i that of one before it? seen: the keys before, when they are many. */
static sb_status given_before(const sb_prop_column *columns, size_t i, bool many, sb_map *seen,
                              bool *before, sb_err *err)
{
    bool inserted;

    *before = false;
    if (many) {
        if (sb_map_at(seen, columns[i].key, &inserted) == NULL) return SB_FAIL_NOMEM(err);
        *before = !inserted;
        return SB_OK;
    }
    for (size_t j = 0; j < i && !*before; j++)
        *before = columns[j].key == columns[i].key;
    return SB_OK;
}

static sb_status check_keys(sb_graph *graph, const sb_prop_column *columns, size_t column_count,
                            sb_err *err)
{
    sb_map *seen = &graph->writer.endpoints; /* what this call had in it is not needed any more */
    const bool many = column_count > 16;
    char name[64];

    if (many) sb_map_clear(seen);
    for (size_t i = 0; i < column_count; i++) {
        bool before;
        if (columns[i].key == 0 || columns[i].key > sb_name_count(graph->view, SB_NAME_KEY))
            return SB_FAIL(err, SB_INVALID, "column %zu: there is no property key %u", i,
                           columns[i].key);
        SB_TRY(given_before(columns, i, many, seen, &before, err));
        if (before)
            return SB_FAIL(err, SB_INVALID, "column %zu holds property %s once more", i,
                           sb_graph__name(graph, SB_NAME_KEY, columns[i].key, name, sizeof name));
    }
    return SB_OK;
}

sb_status sb_columns__convert(sb_graph *graph, const sb_prop_column *columns, size_t column_count,
                              size_t count, size_t extra, sb_column **out, size_t *out_count,
                              sb_err *err)
{
    sb_writer *writer = &graph->writer;
    sb_room room = {.columns = extra};
    uint64_t types[4];
    size_t words, texts;

    *out = NULL;
    *out_count = 0;
    SB_TRY(check_keys(graph, columns, column_count, err));
    for (size_t i = 0; i < column_count; i++) {
        if (columns[i].type == SB_TYPE_NULL) {
            if (columns[i].values == NULL)
                return SB_FAIL(err, SB_MISUSE, "mixed column %zu has no values", i);
            SB_TRY(survey_mixed(graph, &columns[i], count, types, &room, err));
            continue;
        }
        SB_TRY(check_typed(graph, &columns[i], count, err));
        room.columns++;
        if (columns[i].type == SB_TYPE_FLOAT) room.words++;
    }
    if (!sb_mul_size(room.words, count, &words) ||
        !sb_add_size(words, sb_graph__slice(0, count, SB_PUT_STEP), &words) ||
        !sb_mul_size(words, sizeof(uint64_t), &words) || !sb_mul_size(room.texts, count, &texts) ||
        !sb_mul_size(texts, sizeof(sb_bytes), &texts))
        return SB_FAIL_NOMEM(err);
    sb_buffer_reset(&writer->columns);
    sb_buffer_reset(&writer->words);
    sb_buffer_reset(&writer->texts);
    sb_buffer_reset(&writer->present);
    sb_buffer_reset(&writer->encoded);
    if (sb_buffer_reserve(&writer->columns, room.columns * sizeof(sb_column)) != SB_OK ||
        sb_buffer_reserve(&writer->words, words) != SB_OK ||
        sb_buffer_reserve(&writer->texts, texts) != SB_OK ||
        sb_buffer_reserve(&writer->present, room.bitmaps * ((count + 7) / 8)) != SB_OK ||
        sb_buffer_reserve(&writer->encoded, room.encoded) != SB_OK)
        return SB_FAIL_NOMEM(err);
    for (size_t i = 0; i < column_count; i++) {
        if (columns[i].type != SB_TYPE_NULL) {
            adopt_typed(graph, &columns[i], count);
            continue;
        }
        SB_TRY(survey_mixed(graph, &columns[i], count, types, &room, err));
        SB_TRY(split_mixed(graph, &columns[i], count, types, err));
    }
    *out_count = writer->columns.size / sizeof **out;
    *out = (sb_column *)(void *)writer->columns.data;
    if (*out_count > 1) qsort(*out, *out_count, sizeof **out, compare_columns);
    return SB_OK;
}

sb_value sb_columns__value(const sb_prop_column *column, size_t i)
{
    sb_value value = {.type = column->type};

    if (!is_present(column, i)) return SB_VALUE_NULL;
    switch (column->type) {
    case SB_TYPE_NULL: return column->values[i];
    case SB_TYPE_BOOL: value.as.boolean = column->integers[i] != 0; break;
    case SB_TYPE_FLOAT: value.as.real = column->reals[i]; break;
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES:
        value.as.bytes.data = column->bytes[i].data;
        value.as.bytes.size = column->bytes[i].size;
        break;
    default: value.as.integer = column->integers[i]; break;
    }
    return value;
}

const sb_prop_column *sb_columns__find(const sb_prop_column *columns, size_t column_count,
                                       sb_key_id key)
{
    for (size_t i = 0; i < column_count; i++)
        if (columns[i].key == key) return &columns[i];
    return NULL;
}
