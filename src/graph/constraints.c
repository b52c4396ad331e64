/* constraints.c — what constraints say of an entity: does it hold, and the message when it does not.
 * Unique values are compared at the end of the call (index_upkeep.c); existence, node keys' presence and types at commit, for
 * entities that did not satisfy them when they were last changed. */
#include "graph/graph_priv.h"

#include <stdio.h>
#include <stdlib.h>

/* Bytes of a name, and of a value's text, that a message shows. */
#define NAME_SHOWN  64u
#define VALUE_SHOWN 60u

sb_status sb_constraints__holds(sb_graph *graph, const sb_schema *schema, const sb_side *side,
                                bool *holds, sb_err *err)
{
    *holds = true;
    for (uint32_t i = 0; i < schema->key_count && *holds; i++) {
        sb_value value;
        SB_TRY(sb_side__value(graph, side, schema->keys[i], &value, err));
        if (schema->kind == SB_SCHEMA_TYPED)
            *holds = value.type == SB_TYPE_NULL || sb_types_admit(schema->value_types, &value);
        else
            *holds = value.type != SB_TYPE_NULL;
    }
    return SB_OK;
}

/* ---- Messages ---------------------------------------------------------------------------------------------- */

/* Whole characters of at most max bytes. */
static size_t cut_text(const uint8_t *text, size_t size, size_t max)
{
    if (size <= max) return size;
    while (max > 0 && (text[max] & 0xC0) == 0x80)
        max--;
    return max;
}

static sb_status append_name(sb_graph *graph, sb_name_kind kind, uint32_t id, sb_buffer *out)
{
    const sb_bytes name = sb_name_of(graph->view, kind, id);
    const size_t shown = cut_text(name.data, name.size, NAME_SHOWN);
    return sb_buffer_append(out, name.data, shown);
}

/* ":Person(email, name)" or "[:KNOWS(since)]". */
static sb_status append_keys(sb_graph *graph, const sb_schema *schema, sb_buffer *out)
{
    SB_TRY(sb_buffer_printf(out, "%s", schema->on_rels ? "[:" : ":"));
    SB_TRY(append_name(graph, schema->on_rels ? SB_NAME_TYPE : SB_NAME_LABEL, schema->entity, out));
    for (uint32_t i = 0; i < schema->key_count; i++) {
        SB_TRY(sb_buffer_printf(out, "%s", i == 0 ? "(" : ", "));
        SB_TRY(append_name(graph, SB_NAME_KEY, schema->keys[i], out));
    }
    return sb_buffer_printf(out, "%s", schema->on_rels ? ")]" : ")");
}

static sb_status append_value(const sb_value *value, sb_buffer *out)
{
    const size_t begin = out->size;
    size_t shown;

    if (value->type == SB_TYPE_LIST)
        return sb_buffer_printf(out, "a list of %zu", value->as.list.count);
    if (value->type == SB_TYPE_BYTES)
        return sb_buffer_printf(out, "%zu bytes", value->as.bytes.size);
    if (value->type == SB_TYPE_STRING) {
        const uint8_t *text = value->as.bytes.data;
        shown = cut_text(text, value->as.bytes.size, VALUE_SHOWN);
        SB_TRY(sb_buffer_printf(out, "'"));
        SB_TRY(sb_buffer_append(out, text, shown));
        return sb_buffer_printf(out, shown < value->as.bytes.size ? "…'" : "'");
    }
    SB_TRY(sb_value_to_text(value, out));
    shown = cut_text(out->data + begin, out->size - begin, VALUE_SHOWN);
    out->size = begin + shown;
    return SB_OK;
}

static sb_status append_values(sb_graph *graph, const sb_schema *schema, const sb_side *side,
                               sb_buffer *out, sb_err *err)
{
    for (uint32_t i = 0; i < schema->key_count; i++) {
        sb_value value;
        SB_TRY(sb_side__value(graph, side, schema->keys[i], &value, err));
        if (i != 0 && sb_buffer_printf(out, ", ") != SB_OK) return SB_FAIL_NOMEM(err);
        if (append_value(&value, out) != SB_OK) return SB_FAIL_NOMEM(err);
    }
    return SB_OK;
}

static const char *entity_noun(const sb_schema *schema)
{
    return schema->on_rels ? "relationship" : "node";
}

/* Text of a buffer as printf's %.*s wants it. */
static int shown_bytes(const sb_buffer *buffer)
{
    return (int)cut_text(buffer->data, buffer->size, 300);
}

/* ---- Rows -------------------------------------------------------------------------------------------------------- */

/* The side that a row is; row is released by the caller. */
static sb_status open_side(sb_graph *graph, sb_entity entity, uint64_t id, sb_row *row,
                           sb_side *side, sb_err *err)
{
    sb_tree *table = entity == SB_NODE ? sb_node_table(graph->view) : sb_rel_table(graph->view);
    sb_cell cell;
    bool found;

    *side = (sb_side){.row = row};
    SB_TRY(sb_row_find(graph->txn, table, id, row, &found, err));
    if (!found) return SB_OK;
    if (!sb_row_cell(row, entity == SB_NODE ? SB_COLUMN_SET : SB_COLUMN_TYPE, &cell))
        return SB_FAIL(err, SB_CORRUPT, "%s %llu has no %s",
                       entity == SB_NODE ? "node" : "relationship", (unsigned long long)id,
                       entity == SB_NODE ? "label set" : "type");
    side->exists = true;
    side->name = (uint32_t)cell.word;
    return SB_OK;
}

static sb_status same_values(sb_graph *graph, const sb_schema *schema, const sb_side *a,
                             const sb_side *b, bool *same, sb_err *err)
{
    *same = a->exists && b->exists;
    for (uint32_t i = 0; i < schema->key_count && *same; i++) {
        sb_value x, y;
        SB_TRY(sb_side__value(graph, a, schema->keys[i], &x, err));
        SB_TRY(sb_side__value(graph, b, schema->keys[i], &y, err));
        *same = sb_value_equal(&x, &y);
    }
    return SB_OK;
}

/* How a message calls an entity: "node 7", or, with its place in front of the whole, "its node". */
typedef struct sb_culprit {
    bool placed;
    sb_row_place place;
    char name[sizeof(((sb_row_place *)NULL)->text) + 32];
} sb_culprit;

/* key: the property that is wrong; 0: it is the other one, that was there before. */
static void find_culprit(sb_graph *graph, const sb_schema *schema, uint64_t id, sb_key_id key,
                         sb_culprit *culprit)
{
    const sb_writer *writer = &graph->writer;
    const sb_row_finder *finder = &writer->row_finder;
    const sb_entity entity = schema->on_rels ? SB_REL : SB_NODE;

    culprit->placed =
        finder->find != NULL && finder->find(finder->ctx, entity, id, key, &culprit->place);
    if (finder->find == NULL && writer->knows_place && writer->broken.id == id &&
        writer->broken.entity == entity) {
        culprit->placed = true;
        culprit->place = writer->broken_place;
    }
    if (!culprit->placed)
        (void)snprintf(culprit->name, sizeof culprit->name, "%s %llu", entity_noun(schema),
                       (unsigned long long)id);
    else if (key != 0)
        (void)snprintf(culprit->name, sizeof culprit->name, "its %s", entity_noun(schema));
    else
        (void)snprintf(culprit->name, sizeof culprit->name, "that of %s", culprit->place.text);
}

/* In front of the message that was recorded. */
static void tell_place(const sb_culprit *culprit, sb_err *err)
{
    if (!culprit->placed || err == NULL) return;
    sb_err_prefix(err, "%s", culprit->place.text);
    err->line = culprit->place.line > UINT32_MAX ? UINT32_MAX : (uint32_t)culprit->place.line;
    err->column = culprit->place.column;
}

/* Of two rows of a load the later one is to blame, and rows of a load before what was there. */
static void find_culprits(sb_graph *graph, const sb_schema *schema, uint64_t id, uint64_t other,
                          sb_culprit *blamed, sb_culprit *first)
{
    find_culprit(graph, schema, id, schema->keys[0], blamed);
    find_culprit(graph, schema, other, 0, first);
    if (!first->placed || (blamed->placed && blamed->place.order > first->place.order)) return;
    find_culprit(graph, schema, other, schema->keys[0], blamed);
    find_culprit(graph, schema, id, 0, first);
}

static sb_status fail_unique(sb_graph *graph, const sb_schema *schema, uint64_t id, uint64_t other,
                             const sb_side *side, sb_err *err)
{
    sb_culprit blamed, first;
    sb_buffer keys, values;
    sb_status st;

    find_culprits(graph, schema, id, other, &blamed, &first);

    sb_buffer_init(&keys, graph->alloc);
    sb_buffer_init(&values, graph->alloc);
    st = append_keys(graph, schema, &keys) == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
    if (st == SB_OK) st = append_values(graph, schema, side, &values, err);
    if (st == SB_OK)
        st = SB_FAIL(err, SB_CONSTRAINT, "%s and %s both have %.*s = %.*s (constraint %.*s)",
                     blamed.name, first.name, shown_bytes(&keys), (const char *)keys.data,
                     shown_bytes(&values), (const char *)values.data, (int)schema->name.size,
                     (const char *)schema->name.data);
    if (st == SB_CONSTRAINT) tell_place(&blamed, err);
    sb_buffer_deinit(&keys);
    sb_buffer_deinit(&values);
    return st;
}

sb_status sb_constraints__conflict(sb_graph *graph, const sb_schema *schema, uint64_t id,
                                   uint64_t other, sb_err *err)
{
    const sb_entity entity = schema->on_rels ? SB_REL : SB_NODE;
    sb_row row = {0}, other_row = {0};
    sb_side side, other_side;
    bool same = false;
    sb_status st;

    st = open_side(graph, entity, id, &row, &side, err);
    if (st == SB_OK) st = open_side(graph, entity, other, &other_row, &other_side, err);
    if (st == SB_OK) st = same_values(graph, schema, &side, &other_side, &same, err);
    if (st == SB_OK && same) st = fail_unique(graph, schema, id, other, &side, err);
    if (graph->writer.upkeep.work != NULL) sb_arena_reset(graph->writer.upkeep.work);
    sb_row_release(&row);
    sb_row_release(&other_row);
    return st;
}

/* "INTEGER or FLOAT". */
static sb_status append_types(uint32_t types, sb_buffer *out)
{
    bool first = true;

    for (uint32_t type = 1; type < SB_TYPE_NUMBERS; type++) {
        if (!(types >> type & 1)) continue;
        SB_TRY(sb_buffer_printf(out, "%s%s", first ? "" : " or ", sb_type_written(type)));
        first = false;
    }
    return SB_OK;
}

/* Of a list those of its items: ", of type LIST<INTEGER NOT NULL> or LIST<STRING NOT NULL>". */
static sb_status append_type_of(const sb_value *value, sb_buffer *out)
{
    uint32_t types = UINT32_C(1) << value->type;

    if (value->type == SB_TYPE_LIST && value->as.list.count != 0) types = 0;
    for (size_t i = 0; value->type == SB_TYPE_LIST && i < value->as.list.count; i++)
        types |= UINT32_C(1) << SB_TYPE_LIST_OF(value->as.list.items[i].type);
    SB_TRY(sb_buffer_printf(out, ", of type "));
    return append_types(types, out);
}

static sb_status describe_broken(sb_graph *graph, const sb_schema *schema, const sb_side *side,
                                 sb_buffer *out, sb_err *err)
{
    sb_value value = SB_VALUE_NULL;

    if (schema->kind == SB_SCHEMA_TYPED) {
        SB_TRY(sb_side__value(graph, side, schema->keys[0], &value, err));
        if (append_keys(graph, schema, out) != SB_OK || sb_buffer_printf(out, " = ") != SB_OK ||
            append_value(&value, out) != SB_OK || append_type_of(&value, out) != SB_OK ||
            sb_buffer_printf(out, ", where only ") != SB_OK ||
            append_types(schema->value_types, out) != SB_OK ||
            sb_buffer_printf(out, " may be") != SB_OK)
            return SB_FAIL_NOMEM(err);
        return SB_OK;
    }
    for (uint32_t i = 0; i < schema->key_count; i++) { /* the one that is missing */
        sb_schema missing = *schema;
        SB_TRY(sb_side__value(graph, side, schema->keys[i], &value, err));
        if (value.type != SB_TYPE_NULL) continue;
        missing.keys[0] = schema->keys[i];
        missing.key_count = 1;
        if (sb_buffer_printf(out, "no ") != SB_OK || append_keys(graph, &missing, out) != SB_OK)
            return SB_FAIL_NOMEM(err);
        break;
    }
    return SB_OK;
}

sb_status sb_constraints__broken(sb_graph *graph, const sb_schema *schema, uint64_t id,
                                 const sb_side *side, sb_err *err)
{
    sb_culprit blamed;
    sb_buffer text;
    sb_status st;

    find_culprit(graph, schema, id, schema->keys[0], &blamed);
    sb_buffer_init(&text, graph->alloc);
    st = describe_broken(graph, schema, side, &text, err);
    if (st == SB_OK)
        st = SB_FAIL(err, SB_CONSTRAINT, "%s has %.*s (constraint %.*s)", blamed.name,
                     shown_bytes(&text), (const char *)text.data, (int)schema->name.size,
                     (const char *)schema->name.data);
    if (st == SB_CONSTRAINT) tell_place(&blamed, err);
    sb_buffer_deinit(&text);
    return st;
}

/* ---- Before commit ---------------------------------------------------------------------------------------------------- */

static int compare_touched(const void *a, const void *b)
{
    const sb_touched *x = a, *y = b;
    if (x->entity != y->entity) return x->entity < y->entity ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* A constraint checked at commit that the side breaks; NULL: none. */
static sb_status find_broken(sb_graph *graph, sb_entity entity, const sb_side *side,
                             const sb_schema **broken, sb_err *err)
{
    size_t schema_count;
    const sb_schema *schemas = sb_schemas(graph->view, &schema_count);

    *broken = NULL;
    for (size_t i = 0; i < schema_count && *broken == NULL; i++) {
        const sb_schema *schema = &schemas[i];
        bool holds;
        if (schema->kind != SB_SCHEMA_EXISTS && schema->kind != SB_SCHEMA_TYPED &&
            schema->kind != SB_SCHEMA_NODE_KEY)
            continue;
        if (!sb_schema__concerns(graph->view, schema, entity, side->name)) continue;
        SB_TRY(sb_constraints__holds(graph, schema, side, &holds, err));
        if (!holds) *broken = schema;
    }
    return SB_OK;
}

/* remember: not to fail, but to keep where the row of a load lies that it came from. */
static sb_status check_one(sb_graph *graph, const sb_touched *touched, bool remember, sb_err *err)
{
    const sb_entity entity = touched->entity == SB_REL ? SB_REL : SB_NODE;
    const sb_row_finder *finder = &graph->writer.row_finder;
    const sb_schema *broken = NULL;
    sb_row row = {0};
    sb_side side;
    sb_status st;

    st = open_side(graph, entity, touched->id, &row, &side, err);
    if (st == SB_OK && side.exists) st = find_broken(graph, entity, &side, &broken, err);
    if (st == SB_OK && broken != NULL && !remember)
        st = sb_constraints__broken(graph, broken, touched->id, &side, err);
    else if (st == SB_OK && broken != NULL)
        graph->writer.knows_place = finder->find(finder->ctx, entity, touched->id, broken->keys[0],
                                                 &graph->writer.broken_place);
    if (graph->writer.upkeep.work != NULL) sb_arena_reset(graph->writer.upkeep.work);
    sb_row_release(&row);
    return st;
}

sb_status sb_constraints__remember_place(sb_graph *graph, size_t from, sb_err *err)
{
    sb_writer *writer = &graph->writer;
    const sb_touched *first = NULL;

    for (size_t i = from; i < writer->touched_count; i++)
        if (first == NULL || compare_touched(&writer->touched[i], first) < 0)
            first = &writer->touched[i];
    if (first == NULL || (writer->knows_place && compare_touched(&writer->broken, first) < 0))
        return SB_OK;
    writer->broken = *first;
    return check_one(graph, first, true, err);
}

sb_status sb_constraints__check_touched(sb_graph *graph, sb_err *err)
{
    sb_writer *writer = &graph->writer;

    if (writer->touched_count > 1)
        qsort(writer->touched, writer->touched_count, sizeof *writer->touched, compare_touched);
    for (size_t i = 0; i < writer->touched_count; i++) {
        if (i != 0 && compare_touched(&writer->touched[i - 1], &writer->touched[i]) == 0) continue;
        SB_TRY(check_one(graph, &writer->touched[i], false, err));
    }
    return SB_OK;
}
