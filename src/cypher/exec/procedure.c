/* procedure.c — built-in procedures: what the database holds, and what the language knows.
 * To add one: its fields, its function, a row of PROCEDURES, a line in docs/CYPHER.md. */
#include "cypher/exec/import.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define TEXT(s)                                                                                    \
    {                                                                                              \
        (const uint8_t *)(s), sizeof(s) - 1                                                        \
    }
#define STRING_FIELD(name)                                                                         \
    {                                                                                              \
        TEXT(name), SB_KIND_STRING, "STRING"                                                       \
    }
#define INTEGER_FIELD(name)                                                                        \
    {                                                                                              \
        TEXT(name), SB_KIND_INT, "INTEGER"                                                         \
    }
#define LIST_FIELD(name)                                                                           \
    {                                                                                              \
        TEXT(name), SB_KIND_LIST, "LIST<STRING>"                                                   \
    }

typedef struct emitter {
    sb_func_context *func;
    const sb_val *args;
    sb_graph *graph;
    const sb_sema_env *env;
    sb_status (*emit)(void *ctx, const sb_val *row);
    void *ctx;
    sb_err *err;
} emitter;

static sb_val text_val(const char *text)
{
    return sb_val_string(sb_bytes_of(text, strlen(text)));
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

static sb_status count_of(sb_view *view, sb_name_kind kind, uint32_t id, uint64_t *count,
                          sb_err *err)
{
    if (kind == SB_NAME_LABEL) return sb_stats_nodes_of_label(view, id, count, err);
    if (kind == SB_NAME_TYPE) return sb_stats_rels_of_type(view, id, count, err);
    *count = 1; /* keys are not counted: all that were ever used are listed */
    return SB_OK;
}

/* Labels and types that nothing carries any more are left out. */
static sb_status list_names(const emitter *e, sb_name_kind kind)
{
    sb_view *const view = sb_graph_view(e->graph);

    for (uint32_t id = 1; id <= sb_name_count(view, kind); id++) {
        uint64_t count;

        SB_TRY(count_of(view, kind, id, &count, e->err));
        if (count == 0) continue;
        const sb_val row = sb_val_string(sb_name_of(view, kind, id));
        SB_TRY(e->emit(e->ctx, &row));
    }
    return SB_OK;
}

static sb_status list_labels(const emitter *e)
{
    return list_names(e, SB_NAME_LABEL);
}

static sb_status list_types(const emitter *e)
{
    return list_names(e, SB_NAME_TYPE);
}

static sb_status list_keys(const emitter *e)
{
    return list_names(e, SB_NAME_KEY);
}

/* ---- Schema ---------------------------------------------------------------------------------------------------------- */

static const char *kind_name(uint8_t kind)
{
    switch ((sb_schema_kind)kind) {
    case SB_SCHEMA_INDEX: return "RANGE";
    case SB_SCHEMA_UNIQUE: return "UNIQUENESS";
    case SB_SCHEMA_NODE_KEY: return "NODE_KEY";
    case SB_SCHEMA_EXISTS: return "PROPERTY_EXISTENCE";
    case SB_SCHEMA_TYPED: return "PROPERTY_TYPE";
    case SB_SCHEMA_LABEL_INDEX: break; /* says that one was dropped, and is not shown */
    }
    return "?";
}

static bool is_constraint(const sb_schema *schema)
{
    return schema->kind != SB_SCHEMA_INDEX;
}

static sb_status list_of_one(const emitter *e, sb_val item, sb_val *list)
{
    sb_val_list *made = sb_val_list_make(e->func->arena, 1);

    if (made == NULL) return SB_FAIL_NOMEM(e->err);
    made->items[0] = item;
    *list = sb_val_flat_list(made);
    return SB_OK;
}

/* "INTEGER | LIST<STRING NOT NULL>"; null of what does not demand types. */
static sb_status types_val(const emitter *e, uint32_t types, sb_val *text)
{
    char all[1024]; /* the names of all take less than half */
    size_t size = 0;

    *text = SB_VAL_NULL_VALUE;
    if (types == 0) return SB_OK;
    for (uint32_t type = 1; type < SB_TYPE_NUMBERS; type++)
        if ((types >> type & 1) != 0)
            size += (size_t)snprintf(all + size, sizeof all - size, "%s%s", size == 0 ? "" : " | ",
                                     sb_type_written(type));
    const char *copy = sb_arena_strndup(e->func->arena, all, size);
    if (copy == NULL) return SB_FAIL_NOMEM(e->err);
    *text = sb_val_string(sb_bytes_of(copy, size));
    return SB_OK;
}

/* Row: name, type, entityType, labelsOrTypes, properties; of a constraint propertyType and ownedIndex, of an index state and
 * owningConstraint. An index is filled by the statement that makes it, so that the state is always the same. */
static sb_status emit_schema(const emitter *e, const sb_schema *schema, bool as_constraint)
{
    const sb_val name = sb_val_string(schema->name);
    sb_view *const view = sb_graph_view(e->graph);
    sb_val_list *keys = sb_val_list_make(e->func->arena, schema->key_count);
    sb_val row[7];

    if (keys == NULL) return SB_FAIL_NOMEM(e->err);
    for (uint32_t i = 0; i < schema->key_count; i++)
        keys->items[i] = sb_val_string(sb_name_of(view, SB_NAME_KEY, schema->keys[i]));
    row[0] = name;
    row[1] = text_val(kind_name(schema->kind));
    row[2] = text_val(schema->on_rels ? "RELATIONSHIP" : "NODE");
    SB_TRY(list_of_one(e,
                       sb_val_string(sb_name_of(
                           view, schema->on_rels ? SB_NAME_TYPE : SB_NAME_LABEL, schema->entity)),
                       &row[3]));
    row[4] = sb_val_flat_list(keys);
    if (as_constraint) {
        SB_TRY(types_val(e, schema->value_types, &row[5]));
        row[6] = schema->has_tree ? name : SB_VAL_NULL_VALUE;
    } else {
        row[5] = text_val("ONLINE");
        row[6] = is_constraint(schema) ? name : SB_VAL_NULL_VALUE;
    }
    return e->emit(e->ctx, row);
}

static bool is_asked_for(const emitter *e, uint8_t kind)
{
    const sb_val type = e->args[0];

    return type.kind != SB_VAL_STRING ||
           sb_bytes_equal(sb_val_text(type), sb_val_text(text_val(kind_name(kind))));
}

static sb_status list_schema(const emitter *e, bool constraints)
{
    size_t count;
    const sb_schema *schemas = sb_schemas(sb_graph_view(e->graph), &count);

    for (size_t i = 0; i < count; i++) {
        const bool constraint = is_constraint(&schemas[i]);
        const bool is_index = !constraint || schemas[i].has_tree;

        if (schemas[i].kind == SB_SCHEMA_LABEL_INDEX) continue;
        if (constraints ? constraint && is_asked_for(e, schemas[i].kind) : is_index)
            SB_TRY(emit_schema(e, &schemas[i], constraints));
    }
    return SB_OK;
}

static sb_status list_indexes(const emitter *e)
{
    return list_schema(e, false);
}

/* Those of the type that the argument says; null: all. */
static sb_status list_constraints(const emitter *e)
{
    return list_schema(e, true);
}

/* ---- Which labels which types connect ------------------------------------------------------------------------------------- */

static sb_status emit_statistic(void *ctx, int kind, sb_set_id set, sb_type_id type,
                                sb_direction direction, uint64_t count)
{
    const emitter *e = ctx;
    sb_view *const view = sb_graph_view(e->graph);
    size_t label_count;
    sb_val row[4];

    if (kind != 1) return SB_OK;
    const sb_label_id *labels = sb_set_labels(view, set, &label_count);
    sb_val_list *names = sb_val_list_make(e->func->arena, label_count);
    if (names == NULL) return SB_FAIL_NOMEM(e->err);
    for (size_t i = 0; i < label_count; i++)
        names->items[i] = sb_val_string(sb_name_of(view, SB_NAME_LABEL, labels[i]));
    row[0] = sb_val_flat_list(names);
    row[1] = text_val(direction == SB_OUT ? "OUT" : "IN");
    row[2] = sb_val_string(sb_name_of(view, SB_NAME_TYPE, type));
    row[3] = sb_val_int((int64_t)count);
    return e->emit(e->ctx, row);
}

static sb_status list_patterns(const emitter *e)
{
    emitter copy = *e;

    return sb_stats_each(sb_graph_view(e->graph), emit_statistic, &copy, e->err);
}

/* ---- The language ------------------------------------------------------------------------------------------------------------ */

static sb_status list_functions(const emitter *e)
{
    const sb_sema_env *env = e->env;

    for (size_t i = 0;; i++) {
        const sb_function *function =
            env != NULL ? env->function_at(env->ctx, i) : sb_function_at(i);
        if (function == NULL) break;
        const sb_val row[4] = {text_val(function->name),
                               text_val(function->category == NULL ? "" : function->category),
                               text_val(function->signature == NULL ? "" : function->signature),
                               text_val(function->help == NULL ? "" : function->help)};
        SB_TRY(e->emit(e->ctx, row));
    }
    return SB_OK;
}

static sb_status list_procedures(const emitter *e)
{
    const sb_sema_env *env = e->env;

    for (size_t i = 0;; i++) {
        const sb_procedure *procedure =
            env != NULL ? env->procedure_at(env->ctx, i) : sb_procedure_at(i);
        if (procedure == NULL) break;
        const sb_val row[3] = {sb_val_string(procedure->name), text_val(procedure->signature),
                               text_val(procedure->help)};
        SB_TRY(e->emit(e->ctx, row));
    }
    return SB_OK;
}

static sb_status list_components(const emitter *e)
{
    sb_val row[3] = {text_val("Sombra"), SB_VAL_NULL_VALUE, text_val("embedded")};

    SB_TRY(list_of_one(e, text_val(SB_VERSION), &row[1]));
    return e->emit(e->ctx, row);
}

/* ---- The table ------------------------------------------------------------------------------------------------------------------ */

static const sb_procedure_field LABEL_FIELDS[] = {STRING_FIELD("label")};
static const sb_procedure_field TYPE_FIELDS[] = {STRING_FIELD("relationshipType")};
static const sb_procedure_field KEY_FIELDS[] = {STRING_FIELD("propertyKey")};
static const sb_procedure_field INDEX_FIELDS[] = {STRING_FIELD("name"),
                                                  STRING_FIELD("type"),
                                                  STRING_FIELD("entityType"),
                                                  LIST_FIELD("labelsOrTypes"),
                                                  LIST_FIELD("properties"),
                                                  STRING_FIELD("state"),
                                                  STRING_FIELD("owningConstraint")};
static const sb_procedure_field CONSTRAINT_ARGS[] = {STRING_FIELD("type")};
static const sb_procedure_field CONSTRAINT_FIELDS[] = {
    STRING_FIELD("name"),        STRING_FIELD("type"),     STRING_FIELD("entityType"),
    LIST_FIELD("labelsOrTypes"), LIST_FIELD("properties"), STRING_FIELD("propertyType"),
    STRING_FIELD("ownedIndex")};
static const sb_procedure_field PATTERN_FIELDS[] = {LIST_FIELD("labels"), STRING_FIELD("direction"),
                                                    STRING_FIELD("relationshipType"),
                                                    INTEGER_FIELD("count")};
static const sb_procedure_field FUNCTION_FIELDS[] = {STRING_FIELD("name"), STRING_FIELD("category"),
                                                     STRING_FIELD("signature"),
                                                     STRING_FIELD("description")};
static const sb_procedure_field PROCEDURE_FIELDS[] = {
    STRING_FIELD("name"), STRING_FIELD("signature"), STRING_FIELD("description")};
static const sb_procedure_field COMPONENT_FIELDS[] = {STRING_FIELD("name"), LIST_FIELD("versions"),
                                                      STRING_FIELD("edition")};

typedef struct lister {
    sb_status (*list)(const emitter *e);
} lister;
static const lister LABELS = {list_labels}, TYPES = {list_types}, KEYS = {list_keys},
                    INDEXES = {list_indexes}, CONSTRAINTS = {list_constraints},
                    PATTERNS = {list_patterns}, FUNCTIONS = {list_functions},
                    PROCEDURES_OF_ALL = {list_procedures}, COMPONENTS = {list_components};

static sb_status call_lister(void *ctx, sb_func_context *func, sb_exec *run, const sb_val *args,
                             uint32_t arg_count,
                             sb_status (*emit)(void *emit_ctx, const sb_val *row), void *emit_ctx,
                             sb_err *err)
{
    const emitter e = {func, args, run->graph, run->options->env, emit, emit_ctx, err};
    const lister *which = ctx;

    (void)arg_count;
    return which->list(&e);
}

#define LISTING(procedure_name, fields, text, about, which)                                        \
    LISTING_OF(procedure_name, NULL, 0, fields, text, about, which)
/* With arguments, all of which may be left out. */
#define LISTING_OF(procedure_name, arguments, argument_count, fields, text, about, which)          \
    {                                                                                              \
        .name = TEXT(procedure_name), .args = (arguments), .arg_count = (argument_count),          \
        .optional_count = (argument_count), .results = (fields),                                   \
        .result_count = sizeof(fields) / sizeof((fields)[0]), .signature = procedure_name text,    \
        .help = (about), .call = call_lister, .ctx = (void *)(uintptr_t)(which)                    \
    }

/* ---- Import ------------------------------------------------------------------------------------------------------------------------ */

static const sb_procedure_field IMPORT_ARGS[] = {STRING_FIELD("file"),
                                                 {TEXT("config"), SB_KIND_MAP, "MAP"}};
static const sb_procedure_field IMPORT_FIELDS[] = {
    INTEGER_FIELD("nodes"),   INTEGER_FIELD("relationships"), INTEGER_FIELD("properties"),
    INTEGER_FIELD("skipped"), INTEGER_FIELD("rejected"),      LIST_FIELD("errors")};
static_assert(sizeof IMPORT_FIELDS / sizeof *IMPORT_FIELDS == SB_IMPORT_FIELDS,
              "what sb_import__call gives");
static const sb_entity NODES = SB_NODE, RELATIONSHIPS = SB_REL;

#define IMPORTING(procedure_name, about, entity)                                                   \
    {                                                                                              \
        .name = TEXT(procedure_name), .args = IMPORT_ARGS, .arg_count = 2, .optional_count = 1,    \
        .results = IMPORT_FIELDS, .result_count = SB_IMPORT_FIELDS, .writes = true,                \
        .signature = procedure_name                                                                \
            "(file :: STRING, config = {} :: MAP) :: (nodes :: INTEGER, relationships :: "         \
            "INTEGER, "                                                                            \
            "properties :: INTEGER, skipped :: INTEGER, rejected :: INTEGER, errors :: "           \
            "LIST<STRING>)",                                                                       \
        .help = (about), .call = sb_import__call, .ctx = (void *)(uintptr_t)(entity)               \
    }

static const sb_procedure PROCEDURES[] = {
    LISTING("db.labels", LABEL_FIELDS, "() :: (label :: STRING)", "labels that nodes carry",
            &LABELS),
    LISTING("db.relationshipTypes", TYPE_FIELDS, "() :: (relationshipType :: STRING)",
            "types that relationships have", &TYPES),
    LISTING("db.propertyKeys", KEY_FIELDS, "() :: (propertyKey :: STRING)",
            "property keys that were ever used", &KEYS),
    LISTING("show.indexes", INDEX_FIELDS,
            "() :: (name :: STRING, type :: STRING, entityType :: STRING, labelsOrTypes :: "
            "LIST<STRING>, properties :: "
            "LIST<STRING>, state :: STRING, owningConstraint :: STRING)",
            "indexes, those behind constraints too", &INDEXES),
    LISTING_OF("show.constraints", CONSTRAINT_ARGS, 1, CONSTRAINT_FIELDS,
               "(type = null :: STRING) :: (name :: STRING, type :: STRING, entityType :: STRING, "
               "labelsOrTypes :: "
               "LIST<STRING>, properties :: "
               "LIST<STRING>, propertyType :: STRING, ownedIndex :: STRING)",
               "constraints, of all types or of one; propertyType of those on types", &CONSTRAINTS),
    LISTING("db.schema.visualization", PATTERN_FIELDS,
            "() :: (labels :: LIST<STRING>, direction :: STRING, relationshipType :: STRING, count "
            ":: INTEGER)",
            "which relationships nodes with which labels have", &PATTERNS),
    LISTING(
        "show.functions", FUNCTION_FIELDS,
        "() :: (name :: STRING, category :: STRING, signature :: STRING, description :: STRING)",
        "functions of the language", &FUNCTIONS),
    LISTING("show.procedures", PROCEDURE_FIELDS,
            "() :: (name :: STRING, signature :: STRING, description :: STRING)",
            "procedures that CALL can name", &PROCEDURES_OF_ALL),
    LISTING("dbms.components", COMPONENT_FIELDS,
            "() :: (name :: STRING, versions :: LIST<STRING>, edition :: STRING)",
            "this library and its version", &COMPONENTS),
    IMPORTING("sombra.import.nodes", "make a node of each row of a CSV file", &NODES),
    IMPORTING("sombra.import.relationships", "make a relationship of each row of a CSV file",
              &RELATIONSHIPS),
};

const sb_procedure *sb_procedure_at(size_t i)
{
    return i < sizeof PROCEDURES / sizeof PROCEDURES[0] ? &PROCEDURES[i] : NULL;
}

/* ASCII case does not matter. */
static bool same_name(sb_bytes a, sb_bytes b)
{
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++) {
        const unsigned x = a.data[i] >= 'A' && a.data[i] <= 'Z' ? a.data[i] + 32u : a.data[i];
        const unsigned y = b.data[i] >= 'A' && b.data[i] <= 'Z' ? b.data[i] + 32u : b.data[i];

        if (x != y) return false;
    }
    return true;
}

const sb_procedure *sb_procedure_find(sb_bytes name)
{
    const sb_procedure *procedure;

    for (size_t i = 0; (procedure = sb_procedure_at(i)) != NULL; i++)
        if (same_name(procedure->name, name)) return procedure;
    return NULL;
}
