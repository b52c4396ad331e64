/* arrow_column.c — a column of a record batch while it grows, and what it becomes for its consumer.
 * Values of vectors go in whole arrays where both sides have the same layout, one by one otherwise. The bitmap of valid rows is made with the first
 * null. */
#include <string.h>

#include "api/arrow_priv.h"

struct sombra_arrow_column {
    const sombra_arrow_type *type; /* the stream's: gone before an exported column may be */
    const sb_allocator *alloc;
    size_t field_count; /* of type */
    size_t length, null_count;
    sb_buffer valid;                     /* bit set: not null; empty while there are no nulls */
    sb_buffer offsets;                   /* STRING, BYTES, JSON, LIST: length + 1 of int32_t */
    sb_buffer data;                      /* values, bits of BOOL, bytes of texts */
    struct sombra_arrow_column **fields; /* owned until export */
    struct ArrowArray *arrays;           /* those of the fields, once exported */
    struct ArrowArray **pointers;
    const void *buffers[3];
};

/* Empty buffers point here, for consumers that take NULL for a fault. */
static const uint64_t arrow_nothing[8];

/* ---- Making ---------------------------------------------------------------------------------------------------- */

static bool arrow_has_offsets(const sombra_arrow_type *type)
{
    return type->kind == SOMBRA_ARROW_STRING || type->kind == SOMBRA_ARROW_BYTES ||
           type->kind == SOMBRA_ARROW_JSON || type->kind == SOMBRA_ARROW_LIST;
}

/* Bytes of a value in data; 0 for bits, texts and what has fields. */
static size_t arrow_width(const sombra_arrow_type *type)
{
    switch (type->kind) {
    case SOMBRA_ARROW_INT:
    case SOMBRA_ARROW_FLOAT:
    case SOMBRA_ARROW_LOCAL_TIME:
    case SOMBRA_ARROW_LOCAL_DATETIME:
    case SOMBRA_ARROW_LOCAL_DATETIME_US:
    case SOMBRA_ARROW_DATETIME:
    case SOMBRA_ARROW_DATETIME_US: return 8;
    case SOMBRA_ARROW_INT32:
    case SOMBRA_ARROW_DATE: return 4;
    case SOMBRA_ARROW_DURATION: return 16;
    default: return 0;
    }
}

static void arrow_free_column(sombra_arrow_column *c)
{
    sb_buffer_deinit(&c->valid);
    sb_buffer_deinit(&c->offsets);
    sb_buffer_deinit(&c->data);
    sb_free(c->alloc, c->fields, c->field_count * sizeof(void *));
    sb_free(c->alloc, c->arrays, c->field_count * sizeof *c->arrays);
    sb_free(c->alloc, c->pointers, c->field_count * sizeof(void *));
    sb_free(c->alloc, c, sizeof *c);
}

void sombra__arrow_column_destroy(sombra_arrow_column *c)
{
    if (c == NULL) return;
    for (size_t i = 0; c->fields != NULL && i < c->field_count; i++)
        sombra__arrow_column_destroy(c->fields[i]);
    arrow_free_column(c);
}

sombra_arrow_column *sombra__arrow_column_create(const sb_allocator *alloc,
                                                 const sombra_arrow_type *type)
{
    const int32_t zero = 0;
    sombra_arrow_column *c = sb_alloc_zero(alloc, sizeof *c);
    bool made;

    if (c == NULL) return NULL;
    c->type = type;
    c->alloc = alloc;
    c->field_count = type->field_count;
    sb_buffer_init(&c->valid, alloc);
    sb_buffer_init(&c->offsets, alloc);
    sb_buffer_init(&c->data, alloc);
    made = !arrow_has_offsets(type) || sb_buffer_append(&c->offsets, &zero, sizeof zero) == SB_OK;
    if (made && type->field_count != 0) {
        c->fields = sb_alloc_array(alloc, type->field_count, sizeof *c->fields);
        c->arrays = sb_alloc_array(alloc, type->field_count, sizeof *c->arrays);
        c->pointers = sb_alloc_array(alloc, type->field_count, sizeof *c->pointers);
        if (c->fields != NULL) memset(c->fields, 0, type->field_count * sizeof *c->fields);
        made = c->fields != NULL && c->arrays != NULL && c->pointers != NULL;
    }
    for (size_t i = 0; made && i < type->field_count; i++) {
        c->fields[i] = sombra__arrow_column_create(alloc, type->fields[i].type);
        made = c->fields[i] != NULL;
    }
    if (made) return c;
    sombra__arrow_column_destroy(c);
    return NULL;
}

sombra_arrow_column *sombra__arrow_column_field(sombra_arrow_column *c, size_t field)
{
    return c->fields[field];
}

void sombra__arrow_rows_added(sombra_arrow_column *row, size_t count)
{
    row->length += count;
}

size_t sombra__arrow_rows(const sombra_arrow_column *row)
{
    return row->length;
}

size_t sombra__arrow_longest(const sombra_arrow_column *c)
{
    size_t longest = arrow_has_offsets(c->type) ? c->data.size : 0;

    for (size_t i = 0; i < c->type->field_count; i++) {
        const size_t of_field = sombra__arrow_longest(c->fields[i]);

        if (of_field > longest) longest = of_field;
        /* Items of lists are counted by offsets, too. */
        if (c->type->kind == SOMBRA_ARROW_LIST && c->fields[i]->length > longest)
            longest = c->fields[i]->length;
    }
    return longest;
}

/* ---- Bits --------------------------------------------------------------------------------------------------------- */

/* count more bits behind the first `length`, all of them value. */
static sb_status arrow_append_bits(sb_buffer *bits, size_t length, size_t count, bool value)
{
    const size_t bytes = (length + count + 7) / 8;
    const size_t before = bits->size;

    SB_TRY(sb_buffer_reserve(bits, bytes - before));
    memset(bits->data + before, 0, bytes - before);
    bits->size = bytes;
    if (value) sb_bits_fill(bits->data, length, count);
    return SB_OK;
}

/* The validity of count more rows; length is raised here. */
static sb_status arrow_append_validity(sombra_arrow_column *c, size_t count, bool valid)
{
    if (!valid && c->null_count == 0 && c->length != 0)
        SB_TRY(arrow_append_bits(&c->valid, 0, c->length, true));
    if (!valid || c->null_count != 0) SB_TRY(arrow_append_bits(&c->valid, c->length, count, valid));
    if (!valid) c->null_count += count;
    c->length += count;
    return SB_OK;
}

/* The same by a vector's bitmap, whose bits say the opposite. */
static sb_status arrow_append_validity_of(sombra_arrow_column *c, const uint8_t *nulls,
                                          uint32_t from, uint32_t count)
{
    const size_t length = c->length;
    size_t null_count = 0;

    for (uint32_t i = 0; i < count && nulls != NULL; i++)
        null_count += sb_bit_get(nulls, from + i);
    if (null_count == 0) return arrow_append_validity(c, count, true);
    if (c->null_count == 0 && length != 0) SB_TRY(arrow_append_bits(&c->valid, 0, length, true));
    SB_TRY(arrow_append_bits(&c->valid, length, count, false));
    for (uint32_t i = 0; i < count; i++)
        if (!sb_bit_get(nulls, from + i)) sb_bit_set(c->valid.data, length + i);
    c->null_count += null_count;
    c->length += count;
    return SB_OK;
}

/* ---- One value ----------------------------------------------------------------------------------------------------- */

static sb_status arrow_append_offset(sombra_arrow_column *c, size_t end)
{
    const int32_t offset = (int32_t)end;

    return sb_buffer_append(&c->offsets, &offset, sizeof offset);
}

static sb_status arrow_append_null(sombra_arrow_column *c)
{
    static const uint8_t zeros[16];

    for (size_t i = 0; c->type->kind != SOMBRA_ARROW_LIST && i < c->type->field_count; i++)
        SB_TRY(arrow_append_null(c->fields[i]));
    if (c->type->kind == SOMBRA_ARROW_LIST)
        SB_TRY(arrow_append_offset(c, c->fields[0]->length));
    else if (arrow_has_offsets(c->type))
        SB_TRY(arrow_append_offset(c, c->data.size));
    else if (c->type->kind == SOMBRA_ARROW_BOOL)
        SB_TRY(arrow_append_bits(&c->data, c->length, 1, false));
    else
        SB_TRY(sb_buffer_append(&c->data, zeros, arrow_width(c->type)));
    return arrow_append_validity(c, 1, false);
}

static sb_status arrow_append_fixed(sombra_arrow_column *c, const void *value, size_t bytes)
{
    SB_TRY(sb_buffer_append(&c->data, value, bytes));
    return arrow_append_validity(c, 1, true);
}

static sb_status arrow_append_int(sombra_arrow_column *c, int64_t value)
{
    return arrow_append_fixed(c, &value, sizeof value);
}
static sb_status arrow_append_int32(sombra_arrow_column *c, int32_t value)
{
    return arrow_append_fixed(c, &value, sizeof value);
}
static sb_status arrow_append_real(sombra_arrow_column *c, double value)
{
    return arrow_append_fixed(c, &value, sizeof value);
}

SB_COLD static sb_status arrow_too_long(const sombra_arrow_writer *w)
{
    return SB_FAIL(w->err, SB_LIMIT,
                   "column '%.100s': the texts of one record batch have more than 2 GiB: ask for "
                   "fewer rows per batch",
                   w->column);
}
#define arrow_too_long(w) sb_err_failed(arrow_too_long(w))

/* What has been put into data since the last row is the text of another one. */
static sb_status arrow_end_text(const sombra_arrow_writer *w, sombra_arrow_column *c)
{
    if (c->data.size > INT32_MAX) return arrow_too_long(w);
    SB_TRY(arrow_append_offset(c, c->data.size));
    return arrow_append_validity(c, 1, true);
}

static sb_status arrow_append_text(const sombra_arrow_writer *w, sombra_arrow_column *c,
                                   sb_bytes text)
{
    SB_TRY(sb_buffer_append(&c->data, text.data, text.size));
    return arrow_end_text(w, c);
}

SB_COLD static sb_status arrow_out_of_range(const sombra_arrow_writer *w,
                                            const sombra_arrow_column *c)
{
    return SB_FAIL(w->err, SB_LIMIT,
                   "column '%.100s': a %s does not fit the Arrow type '%s' that the rows before it "
                   "have: return toString() of it",
                   w->column, c->type->name, c->type->format);
}
#define arrow_out_of_range(w, c) sb_err_failed(arrow_out_of_range((w), (c)))

/* Date-times in the unit of the column. */
static sb_status arrow_moment(const sombra_arrow_writer *w, const sombra_arrow_column *c,
                              int64_t seconds, uint32_t nanos, int64_t *all)
{
    if (c->type->kind == SOMBRA_ARROW_LOCAL_DATETIME || c->type->kind == SOMBRA_ARROW_DATETIME)
        return sombra__arrow_nanos(seconds, nanos, all) ? SB_OK : arrow_out_of_range(w, c);
    if (nanos % 1000 != 0 || SB_MUL_OVERFLOWS(seconds, (int64_t)1000000, all) ||
        SB_ADD_OVERFLOWS(*all, (int64_t)nanos / 1000, all))
        return arrow_out_of_range(w, c);
    return SB_OK;
}

/* Values of one number in Arrow: what it is. */
static sb_status arrow_number_of(const sombra_arrow_writer *w, const sombra_arrow_column *c,
                                 sb_val v, int64_t *number)
{
    *number = v.as.integer;
    switch ((sb_val_kind)v.kind) {
    case SB_VAL_DATE:
        return *number >= INT32_MIN && *number <= INT32_MAX ? SB_OK : arrow_out_of_range(w, c);
    case SB_VAL_LOCAL_DATETIME: return arrow_moment(w, c, v.as.integer, v.aux, number);
    case SB_VAL_DATETIME:
        return arrow_moment(w, c, v.as.boxed->as.datetime.seconds, v.as.boxed->extra, number);
    default: return SB_OK;
    }
}

static sb_status arrow_append_number(const sombra_arrow_writer *w, sombra_arrow_column *c, sb_val v)
{
    int64_t number;

    SB_TRY(arrow_number_of(w, c, v, &number));
    return arrow_width(c->type) == sizeof(int32_t) ? arrow_append_int32(c, (int32_t)number)
                                                   : arrow_append_int(c, number);
}

/* Months, days and nanoseconds, in 4, 4 and 8 bytes. */
static sb_status arrow_append_duration(const sombra_arrow_writer *w, sombra_arrow_column *c,
                                       const sb_value *v)
{
    struct {
        int32_t months, days;
        int64_t nanos;
    } parts;

    if (v->as.duration.months < INT32_MIN || v->as.duration.months > INT32_MAX ||
        v->as.duration.days < INT32_MIN || v->as.duration.days > INT32_MAX ||
        !sombra__arrow_nanos(v->as.duration.seconds, v->as.duration.nanos, &parts.nanos))
        return arrow_out_of_range(w, c);
    parts.months = (int32_t)v->as.duration.months;
    parts.days = (int32_t)v->as.duration.days;
    return arrow_append_fixed(c, &parts, sizeof parts);
}

static sb_status arrow_append_point(sombra_arrow_column *c, const sb_value *v)
{
    const bool is_3d = v->extra == 4979 || v->extra == 9157;

    SB_TRY(arrow_append_int32(c->fields[0], (int32_t)v->extra));
    SB_TRY(arrow_append_real(c->fields[1], v->as.point.x));
    SB_TRY(arrow_append_real(c->fields[2], v->as.point.y));
    SB_TRY(is_3d ? arrow_append_real(c->fields[3], v->as.point.z)
                 : arrow_append_null(c->fields[3]));
    return arrow_append_validity(c, 1, true);
}

static sb_status arrow_append_json_props(const sombra_arrow_writer *w, sombra_arrow_column *c,
                                         const sb_prop *props, size_t count)
{
    const sombra_json json = {w->graph, w->scratch, &c->data, w->err};

    SB_TRY(sombra__json_props(&json, props, count));
    return arrow_end_text(w, c);
}

static sb_status arrow_append_name(const sombra_arrow_writer *w, sombra_arrow_column *c,
                                   sb_name_kind kind, uint32_t id)
{
    return arrow_append_text(w, c, sb_name_of(sb_graph_view(w->graph), kind, id));
}

/* Of a node that this statement has deleted only the id is left. */
static sb_status arrow_append_node(const sombra_arrow_writer *w, sombra_arrow_column *c,
                                   uint64_t id)
{
    sombra_arrow_column *const labels = c->fields[1];
    sb_node_record node;
    bool found;

    SB_TRY(sb_graph_node(w->graph, id, &node, &found, w->err));
    SB_TRY(arrow_append_int(c->fields[0], (int64_t)id));
    if (found) {
        size_t count;
        const sb_label_id *ids = sb_set_labels(sb_graph_view(w->graph), node.set, &count);

        for (size_t i = 0; i < count; i++)
            SB_TRY(arrow_append_name(w, labels->fields[0], SB_NAME_LABEL, ids[i]));
        SB_TRY(arrow_append_offset(labels, labels->fields[0]->length));
        SB_TRY(arrow_append_validity(labels, 1, true));
        SB_TRY(arrow_append_json_props(w, c->fields[2], node.props, node.prop_count));
    } else {
        SB_TRY(arrow_append_null(labels));
        SB_TRY(arrow_append_null(c->fields[2]));
    }
    return arrow_append_validity(c, 1, true);
}

static sb_status arrow_append_rel(const sombra_arrow_writer *w, sombra_arrow_column *c, uint64_t id)
{
    sb_rel_record rel;
    bool found;

    SB_TRY(sb_graph_rel(w->graph, id, &rel, &found, w->err));
    SB_TRY(arrow_append_int(c->fields[0], (int64_t)id));
    if (found) {
        SB_TRY(arrow_append_name(w, c->fields[1], SB_NAME_TYPE, rel.type));
        SB_TRY(arrow_append_int(c->fields[2], (int64_t)rel.source));
        SB_TRY(arrow_append_int(c->fields[3], (int64_t)rel.target));
        SB_TRY(arrow_append_json_props(w, c->fields[4], rel.props, rel.prop_count));
    } else {
        for (size_t i = 1; i < c->type->field_count; i++)
            SB_TRY(arrow_append_null(c->fields[i]));
    }
    return arrow_append_validity(c, 1, true);
}

/* Nothing was added to items that 32-bit offsets do not reach. */
static sb_status arrow_end_list(const sombra_arrow_writer *w, sombra_arrow_column *c)
{
    if (c->fields[0]->length > INT32_MAX)
        return SB_FAIL(w->err, SB_LIMIT,
                       "column '%.100s': the lists of one record batch have more than 2^31 items: "
                       "ask for fewer rows per batch",
                       w->column);
    SB_TRY(arrow_append_offset(c, c->fields[0]->length));
    return arrow_append_validity(c, 1, true);
}

static sb_status arrow_append_path(const sombra_arrow_writer *w, sombra_arrow_column *c,
                                   const sb_val_path *path)
{
    sombra_arrow_column *const nodes = c->fields[0], *const rels = c->fields[1];

    for (uint64_t i = 0; i <= path->length; i++)
        SB_TRY(arrow_append_node(w, nodes->fields[0], path->nodes[i]));
    for (uint64_t i = 0; i < path->length; i++)
        SB_TRY(arrow_append_rel(w, rels->fields[0], path->rels[i]));
    SB_TRY(arrow_end_list(w, nodes));
    SB_TRY(arrow_end_list(w, rels));
    return arrow_append_validity(c, 1, true);
}

SB_COLD static sb_status arrow_does_not_fit(const sombra_arrow_writer *w,
                                            const sombra_arrow_column *c, sb_val v)
{
    return SB_FAIL(w->err, SB_TYPE_MISMATCH,
                   "column '%.100s': a%s %s after rows that had %s%s values: ask for more rows per "
                   "batch (the first batch decides the types), or return toFloat(), toString() or "
                   "the like of it",
                   w->column, v.kind == SB_VAL_INT ? "n" : "", sb_val_kind_name(v.kind),
                   c->type->kind == SOMBRA_ARROW_NULL ? "no" : "only ",
                   c->type->kind == SOMBRA_ARROW_NULL ? "" : c->type->name);
}
#define arrow_does_not_fit(w, c, v) sb_err_failed(arrow_does_not_fit((w), (c), (v)))

static sb_status arrow_append_value(const sombra_arrow_writer *w, sombra_arrow_column *c, sb_val v);

static sb_status arrow_append_list(const sombra_arrow_writer *w, sombra_arrow_column *c,
                                   const sb_val_list *list)
{
    for (uint64_t i = 0; i < list->count; i++)
        SB_TRY(arrow_append_value(w, c->fields[0], list->items[i]));
    return arrow_end_list(w, c);
}

static sb_status arrow_append_json(const sombra_arrow_writer *w, sombra_arrow_column *c, sb_val v)
{
    const sombra_json json = {w->graph, w->scratch, &c->data, w->err};

    SB_TRY(sombra__json_value(&json, v));
    return arrow_end_text(w, c);
}

/* Kinds of values that a type holds. */
static sb_val_kind arrow_kind_of_type(sombra_arrow_kind kind)
{
    switch (kind) {
    case SOMBRA_ARROW_BOOL: return SB_VAL_BOOL;
    case SOMBRA_ARROW_INT: return SB_VAL_INT;
    case SOMBRA_ARROW_FLOAT: return SB_VAL_FLOAT;
    case SOMBRA_ARROW_STRING: return SB_VAL_STRING;
    case SOMBRA_ARROW_BYTES: return SB_VAL_BYTES;
    case SOMBRA_ARROW_DATE: return SB_VAL_DATE;
    case SOMBRA_ARROW_LOCAL_TIME: return SB_VAL_LOCAL_TIME;
    case SOMBRA_ARROW_TIME: return SB_VAL_TIME;
    case SOMBRA_ARROW_LOCAL_DATETIME:
    case SOMBRA_ARROW_LOCAL_DATETIME_US: return SB_VAL_LOCAL_DATETIME;
    case SOMBRA_ARROW_DATETIME:
    case SOMBRA_ARROW_DATETIME_US: return SB_VAL_DATETIME;
    case SOMBRA_ARROW_DURATION: return SB_VAL_DURATION;
    case SOMBRA_ARROW_POINT: return SB_VAL_POINT;
    case SOMBRA_ARROW_LIST: return SB_VAL_LIST;
    case SOMBRA_ARROW_NODE: return SB_VAL_NODE;
    case SOMBRA_ARROW_REL: return SB_VAL_REL;
    case SOMBRA_ARROW_PATH: return SB_VAL_PATH;
    default: return SB_VAL_NULL;
    }
}

/* Recurses over lists, as deep as the column's type. */
static sb_status arrow_append_value(const sombra_arrow_writer *w, sombra_arrow_column *c, sb_val v)
{
    if (v.kind == SB_VAL_NULL) return arrow_append_null(c);
    if (c->type->kind == SOMBRA_ARROW_JSON) return arrow_append_json(w, c, v);
    if (c->type->kind == SOMBRA_ARROW_FLOAT && v.kind == SB_VAL_INT)
        return arrow_append_real(c, (double)v.as.integer);
    if (v.kind != arrow_kind_of_type(c->type->kind)) return arrow_does_not_fit(w, c, v);
    switch ((sb_val_kind)v.kind) {
    case SB_VAL_BOOL:
        SB_TRY(arrow_append_bits(&c->data, c->length, 1, v.as.boolean));
        return arrow_append_validity(c, 1, true);
    case SB_VAL_INT:
    case SB_VAL_DATE:
    case SB_VAL_LOCAL_TIME:
    case SB_VAL_LOCAL_DATETIME:
    case SB_VAL_DATETIME: return arrow_append_number(w, c, v);
    case SB_VAL_FLOAT: return arrow_append_real(c, v.as.real);
    case SB_VAL_STRING:
    case SB_VAL_BYTES: return arrow_append_text(w, c, sb_val_text(v));
    case SB_VAL_TIME:
        SB_TRY(arrow_append_int(c->fields[0], v.as.integer));
        SB_TRY(arrow_append_int32(c->fields[1], (int32_t)v.aux - 86400));
        return arrow_append_validity(c, 1, true);
    case SB_VAL_DURATION: return arrow_append_duration(w, c, v.as.boxed);
    case SB_VAL_POINT: return arrow_append_point(c, v.as.boxed);
    case SB_VAL_LIST: return arrow_append_list(w, c, v.as.list);
    case SB_VAL_NODE: return arrow_append_node(w, c, v.as.id);
    case SB_VAL_REL: return arrow_append_rel(w, c, v.as.id);
    default: return arrow_append_path(w, c, v.as.path);
    }
}

/* ---- Vectors --------------------------------------------------------------------------------------------------------- */

static sb_status arrow_append_bools(sombra_arrow_column *c, const uint8_t *bools, uint32_t count)
{
    SB_TRY(arrow_append_bits(&c->data, c->length, count, false));
    for (uint32_t i = 0; i < count; i++)
        if (bools[i] != 0) sb_bit_set(c->data.data, c->length + i);
    return SB_OK;
}

static sb_status arrow_append_ints_as_reals(sombra_arrow_column *c, const int64_t *integers,
                                            uint32_t count)
{
    SB_TRY(sb_buffer_reserve(&c->data, count * sizeof(double)));
    for (uint32_t i = 0; i < count; i++) {
        const double real = (double)integers[i];

        memcpy(c->data.data + c->data.size + i * sizeof real, &real, sizeof real);
    }
    c->data.size += count * sizeof(double);
    return SB_OK;
}

/* Arrays that are laid out alike, or nearly so; *done false: they are not, and nothing was appended. */
static sb_status arrow_append_array(sombra_arrow_column *c, const sb_vector *v, uint32_t from,
                                    uint32_t count, bool *done)
{
    const sombra_arrow_kind kind = c->type->kind;

    *done = true;
    if (v->constant)
        *done = false;
    else if (v->kind == SB_VECTOR_INT && kind == SOMBRA_ARROW_INT)
        SB_TRY(sb_buffer_append(&c->data, v->as.integers + from, count * sizeof(int64_t)));
    else if (v->kind == SB_VECTOR_FLOAT && kind == SOMBRA_ARROW_FLOAT)
        SB_TRY(sb_buffer_append(&c->data, v->as.reals + from, count * sizeof(double)));
    else if (v->kind == SB_VECTOR_INT && kind == SOMBRA_ARROW_FLOAT)
        SB_TRY(arrow_append_ints_as_reals(c, v->as.integers + from, count));
    else if (v->kind == SB_VECTOR_BOOL && kind == SOMBRA_ARROW_BOOL)
        SB_TRY(arrow_append_bools(c, v->as.bools + from, count));
    else
        *done = false;
    return *done ? arrow_append_validity_of(c, v->nulls, from, count) : SB_OK;
}

/* Texts behind one another, and nothing where a value is of another kind. */
static sb_status arrow_put_texts(const sombra_arrow_writer *w, sombra_arrow_column *c,
                                 const sb_val *vals, uint32_t count, uint8_t kind)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < count; i++)
        bytes += vals[i].kind == kind ? vals[i].aux : 0;
    if (bytes > INT32_MAX - c->data.size) return arrow_too_long(w);
    SB_TRY(sb_buffer_reserve(&c->data, bytes));
    SB_TRY(sb_buffer_reserve(&c->offsets, count * sizeof(int32_t)));
    for (uint32_t i = 0; i < count; i++) {
        const size_t size = vals[i].kind == kind ? vals[i].aux : 0;
        if (size != 0) memcpy(c->data.data + c->data.size, vals[i].as.text, size);
        c->data.size += size;
        const int32_t end = (int32_t)c->data.size;
        memcpy(c->offsets.data + c->offsets.size + i * sizeof end, &end, sizeof end);
    }
    c->offsets.size += count * sizeof(int32_t);
    return SB_OK;
}

/* The same for numbers, with 0 in place of others. */
static sb_status arrow_put_numbers(const sombra_arrow_writer *w, sombra_arrow_column *c,
                                   const sb_val *vals, uint32_t count, uint8_t kind)
{
    const size_t width = arrow_width(c->type);

    SB_TRY(sb_buffer_reserve(&c->data, count * width));
    for (uint32_t i = 0; i < count; i++, c->data.size += width) {
        int64_t number = 0;
        if (vals[i].kind == kind) SB_TRY(arrow_number_of(w, c, vals[i], &number));
        const int32_t narrow = (int32_t)number;
        if (width == sizeof narrow)
            memcpy(c->data.data + c->data.size, &narrow, sizeof narrow);
        else
            memcpy(c->data.data + c->data.size, &number, sizeof number);
    }
    return SB_OK;
}

/* Values of the column's kind and nulls. *done false: it is of a kind that goes value by value, or there are others; nothing was appended. */
static sb_status arrow_append_same(const sombra_arrow_writer *w, sombra_arrow_column *c,
                                   const sb_val *vals, uint32_t count, bool *done)
{
    const uint8_t kind = (uint8_t)arrow_kind_of_type(c->type->kind);
    const bool texts = kind == SB_VAL_STRING || kind == SB_VAL_BYTES;
    uint8_t nulls[(SB_BATCH_ROWS + 7) / 8];

    *done = texts || kind == SB_VAL_DATE || kind == SB_VAL_LOCAL_TIME ||
            kind == SB_VAL_LOCAL_DATETIME || kind == SB_VAL_DATETIME;
    memset(nulls, 0, (count + 7) / 8);
    for (uint32_t i = 0; i < count && *done; i++) {
        if (SB_LIKELY(vals[i].kind == kind)) continue;
        *done = vals[i].kind == SB_VAL_NULL;
        sb_bit_set(nulls, i);
    }
    if (!*done) return SB_OK;
    SB_TRY(texts ? arrow_put_texts(w, c, vals, count, kind)
                 : arrow_put_numbers(w, c, vals, count, kind));
    return arrow_append_validity_of(c, nulls, 0, count);
}

static sb_status arrow_append_all(const sombra_arrow_writer *w, sombra_arrow_column *c,
                                  const sb_vector *v, uint32_t from, uint32_t count)
{
    bool done;

    SB_TRY(arrow_append_array(c, v, from, count, &done));
    if (done) return SB_OK;
    if (v->kind == SB_VECTOR_ANY && !v->constant)
        SB_TRY(arrow_append_same(w, c, v->as.vals + from, count, &done));
    if (done) return SB_OK;
    for (uint32_t i = 0; i < count; i++) {
        SB_TRY(arrow_append_value(w, c, sb_vector_at(v, from + i)));
        if (sb_arena_bytes(w->scratch) != 0) sb_arena_reset(w->scratch);
    }
    return SB_OK;
}

sb_status sombra__arrow_append_vector(const sombra_arrow_writer *w, sombra_arrow_column *c,
                                      const sb_vector *v, uint32_t from, uint32_t count)
{
    const sb_status status = arrow_append_all(w, c, v, from, count);

    /* Buffers do not record that there was no memory. */
    return status == SB_NOMEM ? SB_FAIL_NOMEM(w->err) : status;
}

/* ---- Handing over ------------------------------------------------------------------------------------------------------ */

static void arrow_release_array(struct ArrowArray *array)
{
    for (int64_t i = 0; i < array->n_children; i++)
        if (array->children[i]->release != NULL) array->children[i]->release(array->children[i]);
    arrow_free_column(array->private_data);
    array->release = NULL;
}

static const void *arrow_data_of(const sb_buffer *buffer)
{
    return buffer->size != 0 ? (const void *)buffer->data : (const void *)arrow_nothing;
}

void sombra__arrow_export(sombra_arrow_column *c, struct ArrowArray *array)
{
    size_t count = 0;

    if (c->type->kind != SOMBRA_ARROW_NULL)
        c->buffers[count++] = c->null_count != 0 ? c->valid.data : NULL;
    if (arrow_has_offsets(c->type)) c->buffers[count++] = arrow_data_of(&c->offsets);
    if (c->type->kind != SOMBRA_ARROW_NULL && c->type->field_count == 0 &&
        c->type->kind != SOMBRA_ARROW_ROW)
        c->buffers[count++] = arrow_data_of(&c->data);
    for (size_t i = 0; i < c->type->field_count; i++) {
        sombra__arrow_export(c->fields[i], &c->arrays[i]);
        c->pointers[i] = &c->arrays[i];
    }
    *array = (struct ArrowArray){.length = (int64_t)c->length,
                                 .null_count = (int64_t)c->null_count,
                                 .n_buffers = (int64_t)count,
                                 .n_children = (int64_t)c->type->field_count,
                                 .buffers = c->buffers,
                                 .children = c->pointers,
                                 .release = arrow_release_array,
                                 .private_data = c};
}
