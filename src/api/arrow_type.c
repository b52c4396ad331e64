/* arrow_type.c — which Arrow type a column of values has, and the schema that tells it to a consumer.
 * Types widen: null to anything, INTEGER to FLOAT, nanoseconds to microseconds, anything to JSON text. */
#include <string.h>

#include "api/arrow_priv.h"

#define ARROW_TYPE_DEPTH_MAX 16u /* lists within each other; deeper ones are JSON */

/* ---- The types ----------------------------------------------------------------------------------------------- */

static const sombra_arrow_type arrow_null_type = {SOMBRA_ARROW_NULL, "null", "n", 0, NULL};
static const sombra_arrow_type arrow_bool_type = {SOMBRA_ARROW_BOOL, "BOOLEAN", "b", 0, NULL};
static const sombra_arrow_type arrow_int_type = {SOMBRA_ARROW_INT, "INTEGER", "l", 0, NULL};
static const sombra_arrow_type arrow_int32_type = {SOMBRA_ARROW_INT32, "INTEGER", "i", 0, NULL};
static const sombra_arrow_type arrow_float_type = {SOMBRA_ARROW_FLOAT, "FLOAT", "g", 0, NULL};
static const sombra_arrow_type arrow_string_type = {SOMBRA_ARROW_STRING, "STRING", "u", 0, NULL};
static const sombra_arrow_type arrow_bytes_type = {SOMBRA_ARROW_BYTES, "BYTES", "z", 0, NULL};
static const sombra_arrow_type arrow_date_type = {SOMBRA_ARROW_DATE, "DATE", "tdD", 0, NULL};
static const sombra_arrow_type arrow_local_time_type = {SOMBRA_ARROW_LOCAL_TIME, "LOCAL TIME",
                                                        "ttn", 0, NULL};
static const sombra_arrow_type arrow_local_datetime_type = {SOMBRA_ARROW_LOCAL_DATETIME,
                                                            "LOCAL DATETIME", "tsn:", 0, NULL};
static const sombra_arrow_type arrow_local_datetime_us_type = {SOMBRA_ARROW_LOCAL_DATETIME_US,
                                                               "LOCAL DATETIME", "tsu:", 0, NULL};
static const sombra_arrow_type arrow_datetime_type = {SOMBRA_ARROW_DATETIME, "ZONED DATETIME",
                                                      "tsn:UTC", 0, NULL};
static const sombra_arrow_type arrow_datetime_us_type = {SOMBRA_ARROW_DATETIME_US, "ZONED DATETIME",
                                                         "tsu:UTC", 0, NULL};
static const sombra_arrow_type arrow_duration_type = {SOMBRA_ARROW_DURATION, "DURATION", "tin", 0,
                                                      NULL};
static const sombra_arrow_type arrow_json_type = {SOMBRA_ARROW_JSON, "value", "u", 0, NULL};

static const sombra_arrow_field arrow_time_fields[] = {{"time", &arrow_local_time_type},
                                                       {"offset", &arrow_int32_type}};
static const sombra_arrow_type arrow_time_type = {SOMBRA_ARROW_TIME, "ZONED TIME", "+s", 2,
                                                  arrow_time_fields};
static const sombra_arrow_field arrow_point_fields[] = {{"srid", &arrow_int32_type},
                                                        {"x", &arrow_float_type},
                                                        {"y", &arrow_float_type},
                                                        {"z", &arrow_float_type}};
static const sombra_arrow_type arrow_point_type = {SOMBRA_ARROW_POINT, "POINT", "+s", 4,
                                                   arrow_point_fields};

static const sombra_arrow_field arrow_label_fields[] = {{"item", &arrow_string_type}};
static const sombra_arrow_type arrow_labels_type = {SOMBRA_ARROW_LIST, "LIST", "+l", 1,
                                                    arrow_label_fields};
static const sombra_arrow_field arrow_node_fields[] = {
    {"id", &arrow_int_type}, {"labels", &arrow_labels_type}, {"properties", &arrow_json_type}};
static const sombra_arrow_type arrow_node_type = {SOMBRA_ARROW_NODE, "NODE", "+s", 3,
                                                  arrow_node_fields};
static const sombra_arrow_field arrow_rel_fields[] = {{"id", &arrow_int_type},
                                                      {"type", &arrow_string_type},
                                                      {"start", &arrow_int_type},
                                                      {"end", &arrow_int_type},
                                                      {"properties", &arrow_json_type}};
static const sombra_arrow_type arrow_rel_type = {SOMBRA_ARROW_REL, "RELATIONSHIP", "+s", 5,
                                                 arrow_rel_fields};

static const sombra_arrow_field arrow_nodes_fields[] = {{"item", &arrow_node_type}};
static const sombra_arrow_type arrow_nodes_type = {SOMBRA_ARROW_LIST, "LIST", "+l", 1,
                                                   arrow_nodes_fields};
static const sombra_arrow_field arrow_rels_fields[] = {{"item", &arrow_rel_type}};
static const sombra_arrow_type arrow_rels_type = {SOMBRA_ARROW_LIST, "LIST", "+l", 1,
                                                  arrow_rels_fields};
static const sombra_arrow_field arrow_path_fields[] = {{"nodes", &arrow_nodes_type},
                                                       {"relationships", &arrow_rels_type}};
static const sombra_arrow_type arrow_path_type = {SOMBRA_ARROW_PATH, "PATH", "+s", 2,
                                                  arrow_path_fields};

const sombra_arrow_type *sombra__arrow_type_null(void)
{
    return &arrow_null_type;
}

static sb_status arrow_make_list_type(sb_arena *arena, const sombra_arrow_type *item,
                                      const sombra_arrow_type **type, sb_err *err)
{
    struct {
        sombra_arrow_type type;
        sombra_arrow_field field;
    } * made;

    if (item == &arrow_string_type) {
        *type = &arrow_labels_type;
        return SB_OK;
    }
    made = sb_arena_alloc(arena, sizeof *made);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->field = (sombra_arrow_field){"item", item};
    made->type = (sombra_arrow_type){SOMBRA_ARROW_LIST, "LIST", "+l", 1, &made->field};
    *type = &made->type;
    return SB_OK;
}

/* ---- From what is known before the run ----------------------------------------------------------------------------- */

/* Of one kind; NULL: values of it differ in their types. Date-times are among these, for some need microseconds. */
static const sombra_arrow_type *arrow_type_of_kind(uint32_t kind)
{
    switch (kind) {
    case SB_KIND_BOOL: return &arrow_bool_type;
    case SB_KIND_INT: return &arrow_int_type;
    case SB_KIND_FLOAT: return &arrow_float_type;
    case SB_KIND_STRING: return &arrow_string_type;
    case SB_KIND_MAP: return &arrow_json_type;
    case SB_KIND_NODE: return &arrow_node_type;
    case SB_KIND_REL: return &arrow_rel_type;
    case SB_KIND_PATH: return &arrow_path_type;
    case SB_KIND_BYTES: return &arrow_bytes_type;
    case SB_KIND_POINT: return &arrow_point_type;
    case SB_KIND_DATE: return &arrow_date_type;
    case SB_KIND_LOCAL_TIME: return &arrow_local_time_type;
    case SB_KIND_TIME: return &arrow_time_type;
    case SB_KIND_DURATION: return &arrow_duration_type;
    default: return NULL;
    }
}

sb_status sombra__arrow_type_of_kinds(sb_arena *arena, uint32_t kinds, uint32_t items,
                                      const sombra_arrow_type **type, sb_err *err)
{
    const sombra_arrow_type *item;

    kinds &= ~(uint32_t)SB_KIND_NULL;
    *type = arrow_type_of_kind(kinds);
    if (kinds != SB_KIND_LIST) return SB_OK;
    item = arrow_type_of_kind(items & ~(uint32_t)SB_KIND_NULL);
    return item == NULL ? SB_OK : arrow_make_list_type(arena, item, type, err);
}

/* ---- From values ---------------------------------------------------------------------------------------------------- */

bool sombra__arrow_nanos(int64_t seconds, int64_t nanos, int64_t *all)
{
    /* Through the second nearer to zero, so that no step leaves the range when the sum does not. */
    if (seconds < 0 && nanos > 0) {
        seconds++;
        nanos -= 1000000000;
    }
    return !SB_MUL_OVERFLOWS(seconds, (int64_t)1000000000, all) &&
           !SB_ADD_OVERFLOWS(*all, nanos, all);
}

static bool arrow_is_list(const sombra_arrow_type *type)
{
    return type->kind == SOMBRA_ARROW_LIST;
}

static sb_status arrow_join_at(sb_arena *arena, const sombra_arrow_type **type, sb_val v,
                               unsigned depth, sb_err *err);

static sb_status arrow_join_list(sb_arena *arena, const sombra_arrow_type **type,
                                 const sb_val_list *list, unsigned depth, sb_err *err)
{
    const sombra_arrow_type *const before = arrow_is_list(*type) ? (*type)->fields[0].type : NULL;
    const sombra_arrow_type *item = before == NULL ? &arrow_null_type : before;

    if (depth >= ARROW_TYPE_DEPTH_MAX) {
        *type = &arrow_json_type;
        return SB_OK;
    }
    for (uint64_t i = 0; i < list->count && item != &arrow_json_type; i++)
        SB_TRY(arrow_join_at(arena, &item, list->items[i], depth + 1, err));
    return item == before ? SB_OK : arrow_make_list_type(arena, item, type, err);
}

static const sombra_arrow_type *arrow_type_of_value(sb_val v)
{
    int64_t nanos;

    if (v.kind != SB_VAL_LOCAL_DATETIME) return arrow_type_of_kind(sb_val_kind_bit(v));
    return sombra__arrow_nanos(v.as.integer, v.aux, &nanos) ? &arrow_local_datetime_type
                                                            : &arrow_local_datetime_us_type;
}

static bool arrow_is_datetime(const sombra_arrow_type *type)
{
    return type->kind == SOMBRA_ARROW_DATETIME || type->kind == SOMBRA_ARROW_DATETIME_US;
}

/* Is a zone, without a NUL in it, the one that stands behind "tsn:"? */
static bool arrow_is_in_zone(const sombra_arrow_type *type, sb_bytes zone)
{
    return strncmp(type->format + 4, (const char *)zone.data, zone.size) == 0 &&
           type->format[4 + zone.size] == '\0';
}

/* A date-time's zone by name, if that can stand in a format. Offsets alone are not kept: instants are in UTC. */
static sb_bytes arrow_zone_of(const sb_value *v)
{
    static const uint8_t utc[] = "UTC";

    return v->as.datetime.zone_size == 0 ||
                   memchr(v->as.datetime.zone, 0, v->as.datetime.zone_size) != NULL
               ? sb_bytes_of(utc, sizeof utc - 1)
               : sb_bytes_of((const uint8_t *)v->as.datetime.zone, v->as.datetime.zone_size);
}

static sb_status arrow_make_datetime_type(sb_arena *arena, const sombra_arrow_type *in_utc,
                                          sb_bytes zone, const sombra_arrow_type **type,
                                          sb_err *err)
{
    struct {
        sombra_arrow_type type;
        char format[];
    } *made = sb_arena_alloc(arena, sizeof *made + 4 + zone.size + 1);

    if (made == NULL) return SB_FAIL_NOMEM(err);
    memcpy(made->format, in_utc->format, 4);
    memcpy(made->format + 4, zone.data, zone.size);
    made->format[4 + zone.size] = '\0';
    made->type = *in_utc;
    made->type.format = made->format;
    *type = &made->type;
    return SB_OK;
}

/* Zoned date-times: of the one zone that all have, else of UTC. */
static sb_status arrow_join_datetime(sb_arena *arena, const sombra_arrow_type **type,
                                     const sb_value *v, sb_err *err)
{
    const sombra_arrow_type *const before = *type;
    const bool first = before == &arrow_null_type;
    const sb_bytes zone = arrow_zone_of(v);
    int64_t nanos;
    const bool fits = (first || before->kind == SOMBRA_ARROW_DATETIME) &&
                      sombra__arrow_nanos(v->as.datetime.seconds, v->extra, &nanos);
    const sombra_arrow_type *const in_utc = fits ? &arrow_datetime_type : &arrow_datetime_us_type;

    if (!first && before->kind == in_utc->kind && arrow_is_in_zone(before, zone)) return SB_OK;
    *type = in_utc;
    if ((!first && !arrow_is_in_zone(before, zone)) || arrow_is_in_zone(in_utc, zone)) return SB_OK;
    return arrow_make_datetime_type(arena, in_utc, zone, type, err);
}

/* The type that holds what both do; neither is that of nulls, of lists, or of zoned date-times. */
static const sombra_arrow_type *arrow_wider_type(const sombra_arrow_type *a,
                                                 const sombra_arrow_type *b)
{
    if (a == b) return a;
    if ((a == &arrow_int_type && b == &arrow_float_type) ||
        (a == &arrow_float_type && b == &arrow_int_type))
        return &arrow_float_type;
    if ((a == &arrow_local_datetime_type && b == &arrow_local_datetime_us_type) ||
        (a == &arrow_local_datetime_us_type && b == &arrow_local_datetime_type))
        return &arrow_local_datetime_us_type;
    return &arrow_json_type;
}

static sb_status arrow_join_at(sb_arena *arena, const sombra_arrow_type **type, sb_val v,
                               unsigned depth, sb_err *err)
{
    if (v.kind == SB_VAL_NULL || *type == &arrow_json_type) return SB_OK;
    if (v.kind == SB_VAL_LIST && (*type == &arrow_null_type || arrow_is_list(*type)))
        return arrow_join_list(arena, type, v.as.list, depth, err);
    if (v.kind == SB_VAL_DATETIME && (*type == &arrow_null_type || arrow_is_datetime(*type)))
        return arrow_join_datetime(arena, type, v.as.boxed, err);
    if (v.kind == SB_VAL_LIST || v.kind == SB_VAL_DATETIME || arrow_is_list(*type))
        *type = &arrow_json_type;
    else
        *type = *type == &arrow_null_type ? arrow_type_of_value(v)
                                          : arrow_wider_type(*type, arrow_type_of_value(v));
    return SB_OK;
}

bool sombra__arrow_has_one_type(uint8_t kind)
{
    return kind != SB_VAL_LIST && kind != SB_VAL_LOCAL_DATETIME && kind != SB_VAL_DATETIME;
}

/* Years that nanoseconds reach, with a second to spare. */
static bool arrow_is_near(int64_t seconds)
{
    return seconds > INT64_MIN / 1000000000 && seconds < INT64_MAX / 1000000000;
}

bool sombra__arrow_holds(const sombra_arrow_type *type, sb_val v)
{
    if (v.kind == SB_VAL_LOCAL_DATETIME)
        return type == &arrow_local_datetime_type && arrow_is_near(v.as.integer);
    return v.kind == SB_VAL_DATETIME && type == &arrow_datetime_type &&
           v.as.boxed->as.datetime.zone_size == 0 && arrow_is_near(v.as.boxed->as.datetime.seconds);
}

sb_status sombra__arrow_type_join(sb_arena *arena, const sombra_arrow_type **type, sb_val v,
                                  sb_err *err)
{
    return arrow_join_at(arena, type, v, 0, err);
}

/* ---- Schema ------------------------------------------------------------------------------------------------------------ */

/* What a schema owns: one block with the struct, its fields, its name and its format. A field that the consumer has moved away is released by it. */
typedef struct arrow_schema_block {
    const sb_allocator *alloc;
    size_t bytes;
    struct ArrowSchema **pointers;
} arrow_schema_block;

static void arrow_release_schema(struct ArrowSchema *schema)
{
    arrow_schema_block *const block = schema->private_data;

    for (int64_t i = 0; i < schema->n_children; i++)
        if (schema->children[i]->release != NULL) schema->children[i]->release(schema->children[i]);
    schema->release = NULL;
    sb_free(block->alloc, block, block->bytes);
}

/* Recursion: lists within each other are bounded by ARROW_TYPE_DEPTH_MAX. */
static sb_status arrow_fill_schema(const sb_allocator *alloc, const sombra_arrow_field *field,
                                   struct ArrowSchema *schema, sb_err *err)
{
    const sombra_arrow_type *const type = field->type;
    const size_t name_bytes = strlen(field->name) + 1;
    const size_t format_bytes = strlen(type->format) + 1;
    size_t bytes;
    arrow_schema_block *block;

    memset(schema, 0, sizeof *schema);
    if (!sb_mul_size(type->field_count, sizeof(struct ArrowSchema) + sizeof(struct ArrowSchema *),
                     &bytes) ||
        !sb_add_size(bytes, sizeof *block + name_bytes + format_bytes, &bytes))
        return SB_FAIL_NOMEM(err);
    block = sb_alloc_zero(alloc, bytes);
    if (block == NULL) return SB_FAIL_NOMEM(err);
    struct ArrowSchema *const children = (struct ArrowSchema *)(void *)(block + 1);
    block->alloc = alloc;
    block->bytes = bytes;
    block->pointers = (struct ArrowSchema **)(void *)(children + type->field_count);
    char *const name = (char *)(block->pointers + type->field_count);
    memcpy(name, field->name, name_bytes);
    memcpy(name + name_bytes, type->format, format_bytes);
    schema->format = name + name_bytes;
    schema->name = name;
    schema->flags = type->kind == SOMBRA_ARROW_ROW ? 0 : ARROW_FLAG_NULLABLE;
    schema->children = block->pointers;
    schema->private_data = block;
    schema->release = arrow_release_schema;
    for (size_t i = 0; i < type->field_count; i++) {
        block->pointers[i] = &children[i];
        schema->n_children = (int64_t)i + 1; /* so that release sees it if it comes to no more */
        SB_TRY(arrow_fill_schema(alloc, &type->fields[i], &children[i], err));
    }
    return SB_OK;
}

sb_status sombra__arrow_schema(const sb_allocator *alloc, const sombra_arrow_type *row,
                               struct ArrowSchema *schema, sb_err *err)
{
    const sombra_arrow_field whole = {"", row};
    const sb_status status = arrow_fill_schema(alloc, &whole, schema, err);

    if (status != SB_OK && schema->release != NULL) schema->release(schema);
    return status;
}
