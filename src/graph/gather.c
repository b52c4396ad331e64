/* gather.c — single creations made into typed batches, for the create builder and mutate.
 * Nodes are grouped by label set and relationships by type, in order of the calls within a group; each group becomes columns
 * and goes through the typed batch. A group whose entities have few keys in common is cut into several batches, so that the
 * columns take memory in proportion to the properties, and one with many into batches of a slice each (create.c). */
#include "graph/graph_priv.h"

/* Places of a batch's columns × rows that are always allowed, and per property. */
#define PLACES_MIN      65536u
#define PLACES_PER_PROP 8u

typedef struct sb_group {
    uint32_t name;       /* label set or type */
    size_t count, begin; /* rows; of the first in order */
} sb_group;

/* A column being made. */
typedef struct sb_shape {
    sb_key_id key;
    uint32_t type; /* of all values so far; SB_TYPE_NULL: several, or one without a typed array */
    size_t count;  /* values */
    uint8_t *present;
    int64_t *integers;
    double *reals;
    sb_bytes *bytes;
    sb_value *values;
} sb_shape;

/* Rows of one batch: places in the caller's list. */
typedef struct sb_picked {
    const uint32_t *order; /* NULL: one after the other, from first on */
    size_t first, count;
    bool
        alike; /* each has a value for each column, in order of the columns, all of a column of one plain type */
} sb_picked;

void sb_gather__init(sb_gather *gather, const sb_allocator *alloc)
{
    sb_buffer *const buffers[] = {&gather->order,   &gather->groups, &gather->shapes,
                                  &gather->columns, &gather->cells,  &gather->ids,
                                  &gather->numbers};

    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        sb_buffer_init(buffers[i], alloc);
    sb_map_init(&gather->group_index, alloc);
    sb_map_init(&gather->shape_index, alloc);
}

void sb_gather__deinit(sb_gather *gather)
{
    sb_buffer *const buffers[] = {&gather->order,   &gather->groups, &gather->shapes,
                                  &gather->columns, &gather->cells,  &gather->ids,
                                  &gather->numbers};

    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        sb_buffer_deinit(buffers[i]);
    sb_map_deinit(&gather->group_index);
    sb_map_deinit(&gather->shape_index);
}

/* ---- The list ----------------------------------------------------------------------------------------------- */

static uint32_t name_at(const sb_creations *list, size_t i)
{
    const uint32_t name = list->things[i].name;
    return list->names == NULL ? name : list->names[name];
}

static uint32_t number_at(const sb_creations *list, size_t i)
{
    return list->numbers == NULL ? (uint32_t)i : list->numbers[i];
}

SB_INLINE size_t place_of(const sb_picked *rows, size_t row)
{
    return rows->order == NULL ? rows->first + row : rows->order[rows->first + row];
}

/* A buffer emptied, with room for count elements of size. */
static sb_status make_room(sb_buffer *buffer, size_t count, size_t size, sb_err *err)
{
    size_t bytes;

    sb_buffer_reset(buffer);
    if (!sb_mul_size(count, size, &bytes) || sb_buffer_reserve(buffer, bytes) != SB_OK)
        return SB_FAIL_NOMEM(err);
    return SB_OK;
}

/* ---- Groups -------------------------------------------------------------------------------------------------- */

static sb_group *groups_of(const sb_gather *gather)
{
    return (sb_group *)(void *)gather->groups.data;
}

static sb_status count_groups(sb_gather *gather, const sb_creations *list, size_t *group_count,
                              sb_err *err)
{
    sb_map_clear(&gather->group_index);
    sb_buffer_reset(&gather->groups);
    for (size_t i = 0, run; i < list->count; i += run) {
        const uint32_t name = name_at(list, i);
        const sb_group fresh = {.name = name};
        bool inserted;
        uint64_t *place = sb_map_at(&gather->group_index, name, &inserted);
        if (place == NULL) return SB_FAIL_NOMEM(err);
        if (inserted) {
            *place = gather->groups.size / sizeof fresh;
            if (sb_buffer_append(&gather->groups, &fresh, sizeof fresh) != SB_OK)
                return SB_FAIL_NOMEM(err);
        }
        for (run = 1; i + run < list->count && name_at(list, i + run) == name; run++) {
        }
        groups_of(gather)[*place].count += run;
    }
    *group_count = gather->groups.size / sizeof(sb_group);
    return SB_OK;
}

/* Places by group, in order of the calls within each: gather.order, when there are several groups. */
static sb_status make_groups(sb_gather *gather, const sb_creations *list, size_t *group_count,
                             sb_err *err)
{
    sb_group *groups;
    uint32_t *order;
    size_t begin = 0;

    SB_TRY(count_groups(gather, list, group_count, err));
    if (*group_count == 1) return SB_OK;
    SB_TRY(make_room(&gather->order, list->count, sizeof *order, err));
    groups = groups_of(gather);
    order = (uint32_t *)(void *)gather->order.data;
    for (size_t g = 0; g < *group_count; g++) {
        groups[g].begin = begin;
        begin += groups[g].count;
        groups[g].count = 0;
    }
    for (size_t i = 0, last = 0; i < list->count; i++) {
        const uint32_t name = name_at(list, i);
        if (groups[last].name != name) last = (size_t)*sb_map_find(&gather->group_index, name);
        order[groups[last].begin + groups[last].count++] = (uint32_t)i;
    }
    return SB_OK;
}

/* ---- Columns ---------------------------------------------------------------------------------------------------- */

static sb_shape *shapes_of(const sb_gather *gather)
{
    return (sb_shape *)(void *)gather->shapes.data;
}

static size_t shape_count(const sb_gather *gather)
{
    return gather->shapes.size / sizeof(sb_shape);
}

/* Does a type have an array of its own in a batch's column? */
static bool is_plain(uint32_t type)
{
    switch (type) {
    case SB_TYPE_BOOL:
    case SB_TYPE_INT:
    case SB_TYPE_FLOAT:
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES:
    case SB_TYPE_DATE:
    case SB_TYPE_LOCAL_TIME: return true;
    default: return false;
    }
}

/* The shape of a key, made when new. guess: its place when rows are alike. */
static sb_status find_shape(sb_gather *gather, sb_key_id key, size_t guess, size_t *place,
                            sb_err *err)
{
    const sb_shape fresh = {.key = key};
    bool inserted;
    uint64_t *found;

    *place = guess;
    if (guess < shape_count(gather) && shapes_of(gather)[guess].key == key) return SB_OK;
    found = sb_map_at(&gather->shape_index, key, &inserted);
    if (found == NULL) return SB_FAIL_NOMEM(err);
    if (inserted) {
        *found = shape_count(gather);
        if (sb_buffer_append(&gather->shapes, &fresh, sizeof fresh) != SB_OK)
            return SB_FAIL_NOMEM(err);
    }
    *place = (size_t)*found;
    return SB_OK;
}

static sb_status survey_row(sb_gather *gather, const sb_packed_prop *props, size_t prop_count,
                            sb_err *err)
{
    for (size_t p = 0; p < prop_count; p++) {
        const uint32_t type = props[p].type;
        sb_shape *shape;
        size_t place;
        SB_TRY(find_shape(gather, props[p].key, p, &place, err));
        shape = &shapes_of(gather)[place];
        if (shape->count++ == 0)
            shape->type = is_plain(type) ? type : SB_TYPE_NULL;
        else if (shape->type != type)
            shape->type = SB_TYPE_NULL;
    }
    return SB_OK;
}

/* Has a row just the columns that there are, in their order and of their types? */
SB_INLINE bool is_alike(const sb_shape *shapes, size_t columns, const sb_packed_prop *props,
                        size_t prop_count)
{
    bool alike = prop_count == columns;

    for (size_t p = 0; alike && p < columns; p++)
        alike = props[p].key == shapes[p].key && props[p].type == shapes[p].type;
    return alike;
}

/* Rows behind the last that are like it, up to most in all: counted, without more of a look at each. */
static void survey_alike(sb_gather *gather, const sb_creations *list, sb_picked *rows, size_t most,
                         size_t *all_props)
{
    sb_shape *shapes = shapes_of(gather);
    const size_t columns = shape_count(gather);
    size_t count = rows->count;

    while (count < most) {
        const sb_new_thing *thing = &list->things[place_of(rows, count)];
        if (!is_alike(shapes, columns, list->props + thing->first_prop, thing->prop_count)) break;
        count++;
    }
    for (size_t c = 0; c < columns; c++)
        shapes[c].count += count - rows->count;
    *all_props += columns * (count - rows->count);
    rows->count = count;
}

/* How many rows from the first on make one batch, and their columns' shapes. */
static sb_status survey_batch(sb_graph *graph, const sb_creations *list, sb_picked *rows,
                              size_t most, sb_err *err)
{
    sb_gather *gather = &graph->writer.gather;
    size_t all_props = 0, slice = sb_create__slice(graph, 0);

    sb_buffer_reset(&gather->shapes);
    sb_map_clear(&gather->shape_index);
    for (rows->count = 0; rows->count < most && rows->count < slice;) {
        const size_t columns = shape_count(gather);
        const sb_new_thing *thing = &list->things[place_of(rows, rows->count)];
        const size_t places = (shape_count(gather) + thing->prop_count) * (rows->count + 1);
        all_props += thing->prop_count;
        if (rows->count != 0 && places > PLACES_MIN &&
            shape_count(gather) * (rows->count + 1) > PLACES_PER_PROP * all_props)
            return SB_OK;
        SB_TRY(survey_row(gather, list->props + thing->first_prop, thing->prop_count, err));
        if (shape_count(gather) != columns) slice = sb_create__slice(graph, shape_count(gather));
        rows->alike =
            rows->count == 0 && is_alike(shapes_of(gather), shape_count(gather),
                                         list->props + thing->first_prop, thing->prop_count);
        rows->count++;
        survey_alike(gather, list, rows, most < slice ? most : slice, &all_props);
    }
    return SB_OK;
}

static size_t value_bytes(uint32_t type)
{
    switch (type) {
    case SB_TYPE_NULL: return sizeof(sb_value);
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES: return sizeof(sb_bytes);
    default: return sizeof(int64_t);
    }
}

static size_t bitmap_bytes(size_t rows)
{
    return (rows + 63) / 64 * 8; /* whole words: what follows stays aligned */
}

/* Arrays for all columns from gather.cells. */
static sb_status make_arrays(sb_gather *gather, size_t rows, sb_err *err)
{
    sb_shape *shapes = shapes_of(gather);
    size_t bytes = 0, column, off = 0;

    for (size_t c = 0; c < shape_count(gather); c++)
        if (!sb_mul_size(rows, value_bytes(shapes[c].type), &column) ||
            !sb_add_size(bytes, column, &bytes) || !sb_add_size(bytes, bitmap_bytes(rows), &bytes))
            return SB_FAIL_NOMEM(err);
    sb_buffer_reset(&gather->cells);
    if (sb_buffer_reserve(&gather->cells, bytes) != SB_OK) return SB_FAIL_NOMEM(err);
    for (size_t c = 0; c < shape_count(gather); c++) {
        sb_shape *shape = &shapes[c];
        void *array = gather->cells.data + off;
        off += rows * value_bytes(shape->type);
        shape->present = gather->cells.data + off;
        off += bitmap_bytes(rows);
        memset(shape->present, 0, bitmap_bytes(rows));
        switch (shape->type) {
        case SB_TYPE_NULL: shape->values = array; break;
        case SB_TYPE_FLOAT: shape->reals = array; break;
        case SB_TYPE_STRING:
        case SB_TYPE_BYTES: shape->bytes = array; break;
        default: shape->integers = array; break;
        }
        /* Absent places are read by nobody but must not be bytes of nowhere. */
        if (shape->count != rows) memset(array, 0, rows * value_bytes(shape->type));
    }
    return SB_OK;
}

/* A value that was packed, as it was. */
static sb_value unpack(const sb_packed_prop *prop)
{
    sb_value value = {.type = prop->type};

    switch (prop->type) {
    case SB_TYPE_BOOL: value.as.boolean = prop->as.integer != 0; break;
    case SB_TYPE_INT:
    case SB_TYPE_DATE:
    case SB_TYPE_LOCAL_TIME: value.as.integer = prop->as.integer; break;
    case SB_TYPE_FLOAT: value.as.real = prop->as.real; break;
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES:
        value.as.bytes.data = prop->as.bytes.data;
        value.as.bytes.size = prop->as.bytes.size;
        break;
    default: value = *prop->as.value; break;
    }
    return value;
}

SB_INLINE void fill_place(sb_shape *shape, size_t row, const sb_packed_prop *prop)
{
    switch (shape->type) {
    case SB_TYPE_NULL: shape->values[row] = unpack(prop); break;
    case SB_TYPE_FLOAT: shape->reals[row] = prop->as.real; break;
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES: shape->bytes[row] = prop->as.bytes; break;
    default: shape->integers[row] = prop->as.integer; break;
    }
}

/* A column of rows that are alike: place by place, with one look at its type. */
#define FILL(array, member)                                                                        \
    for (size_t row = 0; row < rows->count; row++)                                                 \
    (array)[row] = list->props[list->things[place_of(rows, row)].first_prop + column].as.member

static void fill_column(const sb_shape *shape, size_t column, const sb_creations *list,
                        const sb_picked *rows)
{
    switch (shape->type) {
    case SB_TYPE_FLOAT: FILL(shape->reals, real); break;
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES: FILL(shape->bytes, bytes); break;
    default: FILL(shape->integers, integer); break;
    }
}

static sb_status fail_twice(sb_graph *graph, const sb_creations *list, size_t i, sb_key_id key,
                            sb_err *err)
{
    char name[64];
    return SB_FAIL(err, SB_INVALID, "%s %u: property %s is given twice", list->noun,
                   number_at(list, i), sb_graph__name(graph, SB_NAME_KEY, key, name, sizeof name));
}

static sb_status fill_columns(sb_graph *graph, const sb_creations *list, const sb_picked *rows,
                              sb_err *err)
{
    sb_gather *gather = &graph->writer.gather;
    sb_shape *shapes = shapes_of(gather);
    const size_t columns = shape_count(gather);

    for (size_t c = 0; rows->alike && c < columns; c++)
        fill_column(&shapes[c], c, list, rows);
    for (size_t row = 0; !rows->alike && row < rows->count; row++) {
        const sb_new_thing *thing = &list->things[place_of(rows, row)];
        const sb_packed_prop *props = list->props + thing->first_prop;
        for (size_t p = 0; p < thing->prop_count; p++) {
            size_t place = p;
            if (place >= columns || shapes[place].key != props[p].key)
                place = (size_t)*sb_map_find(&gather->shape_index, props[p].key);
            if (sb_bit_get(shapes[place].present, row))
                return fail_twice(graph, list, place_of(rows, row), props[p].key, err);
            sb_bit_set(shapes[place].present, row);
            fill_place(&shapes[place], row, &props[p]);
        }
    }
    return SB_OK;
}

static sb_status make_columns(sb_gather *gather, size_t rows, const sb_prop_column **columns,
                              size_t *column_count, sb_err *err)
{
    const sb_shape *shapes = shapes_of(gather);
    sb_prop_column *made;

    *column_count = shape_count(gather);
    SB_TRY(make_room(&gather->columns, *column_count, sizeof *made, err));
    made = (sb_prop_column *)(void *)gather->columns.data;
    for (size_t c = 0; c < *column_count; c++)
        made[c] = (sb_prop_column){.key = shapes[c].key,
                                   .type = shapes[c].type,
                                   .present = shapes[c].count == rows ? NULL : shapes[c].present,
                                   .integers = shapes[c].integers,
                                   .reals = shapes[c].reals,
                                   .bytes = shapes[c].bytes,
                                   .values = shapes[c].values};
    *columns = made;
    return SB_OK;
}

/* ---- Batches -------------------------------------------------------------------------------------------------------- */

/* How messages call the rows: NULL numbers count from the batch's first row, so they must be made unless that is the
 * list's first. */
static sb_status name_rows(sb_graph *graph, const sb_creations *list, const sb_picked *rows,
                           sb_err *err)
{
    sb_writer *writer = &graph->writer;
    sb_gather *gather = &writer->gather;
    uint32_t *numbers = NULL;

    if (list->numbers != NULL || rows->order != NULL || rows->first != 0) {
        SB_TRY(make_room(&gather->numbers, rows->count, sizeof *numbers, err));
        numbers = (uint32_t *)(void *)gather->numbers.data;
        for (size_t row = 0; row < rows->count; row++)
            numbers[row] = number_at(list, place_of(rows, row));
    }
    writer->rows = (sb_row_names){.noun = list->noun, .numbers = numbers, .first = 0};
    return SB_OK;
}

static sb_status put_batch(sb_graph *graph, const sb_creations *list, uint32_t name,
                           const sb_picked *rows, const sb_prop_column *columns,
                           size_t column_count, uint64_t *ids, sb_err *err)
{
    uint64_t *sources, *targets;
    uint64_t *all = (uint64_t *)(void *)graph->writer.gather.ids.data;
    const size_t count = rows->count;

    if (list->ends == NULL)
        return sb_create__nodes(graph, name, count, columns, column_count, ids, err);
    sources = all + count;
    targets = sources + count;
    for (size_t row = 0; row < count; row++)
        SB_TRY(list->ends(list->ctx, place_of(rows, row), &sources[row], &targets[row], err));
    return sb_create__rels(graph, name, count, sources, targets, columns, column_count, ids, err);
}

static sb_status create_batch(sb_graph *graph, const sb_creations *list, uint32_t name,
                              const sb_picked *rows, uint64_t *out, sb_err *err)
{
    sb_gather *gather = &graph->writer.gather;
    const sb_prop_column *columns;
    size_t column_count;
    uint64_t *ids;
    sb_status st;

    SB_TRY(make_arrays(gather, rows->count, err));
    SB_TRY(fill_columns(graph, list, rows, err));
    SB_TRY(make_columns(gather, rows->count, &columns, &column_count, err));
    SB_TRY(make_room(&gather->ids, rows->count, 3 * sizeof *ids, err));
    SB_TRY(name_rows(graph, list, rows, err));
    ids = rows->order == NULL ? out + rows->first : (uint64_t *)(void *)gather->ids.data;
    st = put_batch(graph, list, name, rows, columns, column_count, ids, err);
    graph->writer.rows = (sb_row_names){.noun = NULL};
    if (st != SB_OK || rows->order == NULL) return st;
    for (size_t row = 0; row < rows->count; row++)
        out[place_of(rows, row)] = ids[row];
    return SB_OK;
}

sb_status sb_gather__create(sb_graph *graph, const sb_creations *list, uint64_t *ids, sb_err *err)
{
    sb_gather *gather = &graph->writer.gather;
    size_t group_count = 0;

    if (list->count == 0) return SB_OK;
    if (list->count > UINT32_MAX)
        return SB_FAIL(err, SB_LIMIT, "more than %u creations in one call", UINT32_MAX);
    SB_TRY(make_groups(gather, list, &group_count, err));
    for (size_t g = 0; g < group_count; g++) {
        const sb_group group = groups_of(gather)[g];
        sb_picked rows = {.first = group.begin};
        if (group_count > 1) rows.order = (const uint32_t *)(const void *)gather->order.data;
        for (size_t done = 0; done < group.count; done += rows.count) {
            rows.first = group.begin + done;
            SB_TRY(survey_batch(graph, list, &rows, group.count - done, err));
            SB_TRY(create_batch(graph, list, group.name, &rows, ids, err));
        }
    }
    return SB_OK;
}
