/* schema.c — statements that make and drop indexes and constraints. */
#include "cypher/cypher_priv.h"

#include <string.h>

/* ---- Indexes and constraints --------------------------------------------------------------------------------------------- */

/* Where the statement names what it makes or drops. */
static sb_bytes named_by(const sb_statement *statement)
{
    return statement->schema.name.size != 0 ? statement->schema.name : statement->schema.entity;
}

/* Types of a property that a declared type admits. */
static uint32_t value_types(const sb_type_spec *spec)
{
    static const struct {
        uint32_t kind, type;
    } PAIRS[] = {{SB_KIND_BOOL, SB_TYPE_BOOL},
                 {SB_KIND_INT, SB_TYPE_INT},
                 {SB_KIND_FLOAT, SB_TYPE_FLOAT},
                 {SB_KIND_STRING, SB_TYPE_STRING},
                 {SB_KIND_BYTES, SB_TYPE_BYTES},
                 {SB_KIND_DATE, SB_TYPE_DATE},
                 {SB_KIND_LOCAL_TIME, SB_TYPE_LOCAL_TIME},
                 {SB_KIND_TIME, SB_TYPE_TIME},
                 {SB_KIND_LOCAL_DATETIME, SB_TYPE_LOCAL_DATETIME},
                 {SB_KIND_DATETIME, SB_TYPE_DATETIME},
                 {SB_KIND_DURATION, SB_TYPE_DURATION},
                 {SB_KIND_POINT, SB_TYPE_POINT}};
    const bool lists = (spec->kinds & SB_KIND_LIST) != 0,
               of_any = spec->items == NULL || (spec->items->kinds | SB_KIND_NULL) == SB_KIND_ANY;
    uint32_t types = lists && of_any ? UINT32_C(1) << SB_TYPE_LIST : 0;

    for (size_t i = 0; i < sizeof PAIRS / sizeof PAIRS[0]; i++) {
        if ((spec->kinds & PAIRS[i].kind) != 0) types |= UINT32_C(1) << PAIRS[i].type;
        if (lists && !of_any && (spec->items->kinds & PAIRS[i].kind) != 0)
            types |= UINT32_C(1) << SB_TYPE_LIST_OF(PAIRS[i].type);
    }
    return types;
}

static sb_status intern(const sb_statement *statement, sb_view *view, sb_name_kind kind,
                        sb_bytes name, uint32_t *id, sb_err *err)
{
    const sb_status status = sb_name_intern(view, kind, name, id, err);

    if (status != SB_OK) sb_cypher_place_name(err, statement->text, name);
    return status;
}

static sb_status intern_all(const sb_statement *statement, sb_view *view, sb_schema *definition,
                            sb_err *err)
{
    SB_TRY(sb_view_found(view, err));
    SB_TRY(intern(statement, view, statement->schema.on_rels ? SB_NAME_TYPE : SB_NAME_LABEL,
                  statement->schema.entity, &definition->entity, err));
    for (uint32_t i = 0; i < statement->schema.key_count; i++)
        SB_TRY(intern(statement, view, SB_NAME_KEY, statement->schema.keys[i], &definition->keys[i],
                      err));
    return SB_OK;
}

static const sb_schema *find_equal(sb_view *view, const sb_schema *definition)
{
    size_t count;
    const sb_schema *schemas = sb_schemas(view, &count);

    for (size_t i = 0; i < count; i++) {
        const sb_schema *s = &schemas[i];

        if (s->kind == definition->kind && s->on_rels == definition->on_rels &&
            s->entity == definition->entity && s->key_count == definition->key_count &&
            memcmp(s->keys, definition->keys, definition->key_count * sizeof *s->keys) == 0)
            return s;
    }
    return NULL;
}

static sb_status create(const sb_statement *statement, sb_graph *graph, uint8_t kind,
                        sb_exec_stats *stats, sb_err *err)
{
    sb_view *const view = sb_graph_view(graph);
    sb_schema definition = {
        .kind = kind, .on_rels = statement->schema.on_rels, .name = statement->schema.name};
    uint32_t id;

    if (statement->schema.key_count > SB_SCHEMA_KEYS_MAX)
        return SB_FAIL(err, SB_LIMIT, "an index or constraint has at most %u keys",
                       SB_SCHEMA_KEYS_MAX);
    definition.key_count = statement->schema.key_count;
    if (statement->schema.type != NULL)
        definition.value_types = value_types(statement->schema.type);
    SB_TRY(intern_all(statement, view, &definition, err));
    if (statement->schema.if_not_exists &&
        (find_equal(view, &definition) != NULL ||
         (definition.name.size != 0 && sb_schema_find(view, definition.name) != NULL)))
        return SB_OK;
    if (definition.name.size == 0) definition.name.data = NULL; /* the graph makes one up */
    const sb_status made = sb_graph_schema_create(graph, &definition, &id, err);
    if (made != SB_OK) {
        sb_cypher_place_name(err, statement->text, named_by(statement));
        return made;
    }
    if (kind == SB_SCHEMA_INDEX || kind == SB_SCHEMA_LABEL_INDEX)
        stats->indexes_added++;
    else
        stats->constraints_added++;
    return SB_OK;
}

/* By its name, or, in the old form, by what it is about; NULL: there is none. */
static const sb_schema *find_dropped(const sb_statement *statement, sb_view *view)
{
    sb_schema definition = {.kind = statement->kind == SB_STATEMENT_DROP_INDEX
                                        ? SB_SCHEMA_INDEX
                                        : (uint8_t)statement->schema.constraint,
                            .on_rels = statement->schema.on_rels};

    if (statement->schema.key_count == 0) return sb_schema_find(view, statement->schema.name);
    if (statement->schema.key_count > SB_SCHEMA_KEYS_MAX) return NULL;
    definition.key_count = statement->schema.key_count;
    definition.entity = sb_name_find(view, definition.on_rels ? SB_NAME_TYPE : SB_NAME_LABEL,
                                     statement->schema.entity);
    for (uint32_t i = 0; i < definition.key_count; i++)
        definition.keys[i] = sb_name_find(view, SB_NAME_KEY, statement->schema.keys[i]);
    return find_equal(view, &definition);
}

static sb_status fail_missing(const sb_statement *statement, const char *what, sb_err *err)
{
    const bool by_name = statement->schema.key_count == 0;
    const sb_bytes name = by_name ? statement->schema.name : statement->schema.entity;
    const sb_status status =
        SB_FAIL(err, SB_NOT_FOUND,
                by_name ? "there is no %s named '%.*s'" : "there is no such %s on '%.*s'", what,
                (int)name.size, (const char *)name.data);

    sb_cypher_place_name(err, statement->text, name);
    return status;
}

/* ON :Label, without keys: the index of the label's nodes, which is there from the start. */
static bool is_label_index(const sb_statement *statement)
{
    return statement->schema.entity.data != NULL && statement->schema.key_count == 0;
}

static sb_status drop_label_index(const sb_statement *statement, sb_graph *graph,
                                  sb_exec_stats *stats, sb_err *err)
{
    sb_schema definition = {.kind = SB_SCHEMA_LABEL_INDEX};

    SB_TRY(intern_all(statement, sb_graph_view(graph), &definition, err));
    SB_TRY(sb_graph_schema_drop(graph, SB_GRAPH_LABEL_INDEX | definition.entity, err));
    stats->indexes_removed++;
    return SB_OK;
}

static sb_status drop(const sb_statement *statement, sb_graph *graph, sb_exec_stats *stats,
                      sb_err *err)
{
    const sb_schema *found = find_dropped(statement, sb_graph_view(graph));
    const bool index = statement->kind == SB_STATEMENT_DROP_INDEX;

    if (found == NULL)
        return statement->schema.if_exists
                   ? SB_OK
                   : fail_missing(statement, index ? "index" : "constraint", err);
    if ((found->kind == SB_SCHEMA_INDEX) != index) {
        const sb_status status =
            SB_FAIL(err, SB_INVALID, "'%.*s' is %s: it goes with DROP %s", (int)found->name.size,
                    (const char *)found->name.data, index ? "a constraint" : "an index",
                    index ? "CONSTRAINT" : "INDEX");
        sb_cypher_place_name(err, statement->text, named_by(statement));
        return status;
    }
    SB_TRY(sb_graph_schema_drop(graph, found->id, err));
    if (index)
        stats->indexes_removed++;
    else
        stats->constraints_removed++;
    return SB_OK;
}

sb_status sb_cypher__schema(const sb_statement *statement, sb_graph *graph, sb_exec_stats *stats,
                            sb_err *err)
{
    switch (statement->kind) {
    case SB_STATEMENT_CREATE_INDEX:
        return create(statement, graph,
                      is_label_index(statement) ? SB_SCHEMA_LABEL_INDEX : SB_SCHEMA_INDEX, stats,
                      err);
    case SB_STATEMENT_CREATE_CONSTRAINT:
        return create(statement, graph, (uint8_t)statement->schema.constraint, stats, err);
    case SB_STATEMENT_DROP_INDEX:
        if (is_label_index(statement)) return drop_label_index(statement, graph, stats, err);
        return drop(statement, graph, stats, err);
    case SB_STATEMENT_DROP_CONSTRAINT: return drop(statement, graph, stats, err);
    default: return SB_FAIL(err, SB_MISUSE, "the statement does not change the schema");
    }
}
