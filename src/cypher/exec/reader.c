/* reader.c — what expressions ask of the graph: properties, labels, types, ends, degrees of one entity.
 * Stored values are copied unless they lie in a page that stays: others are in the graph's result arena, which is emptied by the next
 * read. */
#include "cypher/exec/exec_priv.h"

sb_status(sb_exec__type_error)(sb_exec *run, const char *what, const char *expected, sb_val got)
{
    return sb_cypher_fail_runtime(run->err, SB_CYPHER_ARGUMENT_TYPE, "%s: expected %s, got %s",
                                  what, expected, sb_val_kind_name(got.kind));
}

sb_status(sb_exec__too_many_rows)(sb_exec *run)
{
    return sb_cypher_fail_runtime(run->err, SB_CYPHER_ARITHMETIC_OVERFLOW,
                                  "the number of rows does not fit 64 bits");
}

sb_status(sb_exec__gone)(sb_exec *run, sb_entity entity, uint64_t id)
{
    return sb_cypher_fail_runtime(run->err, SB_CYPHER_DELETED_ENTITY_ACCESS, "%s %llu was deleted",
                                  entity == SB_NODE ? "node" : "relationship",
                                  (unsigned long long)id);
}

bool sb_exec__is_deleted(sb_exec *run, sb_entity entity, uint64_t id)
{
    sb_type_id type;

    return run->any_deleted &&
           sb_deleted__find(entity == SB_NODE ? &run->deleted.nodes : &run->deleted.rels, id,
                            &type);
}

sb_status sb_exec__still_there(sb_exec *run, sb_entity entity, uint64_t id)
{
    bool found = true;

    if (!run->any_deleted) return SB_OK;
    if (sb_exec__is_deleted(run, entity, id)) return sb_exec__gone(run, entity, id);
    /* What an earlier transaction deleted only the graph tells. */
    SB_TRY(sb_graph_get_props(run->graph, entity, id, NULL, 0, NULL, &found, run->err));
    return found ? SB_OK : sb_exec__gone(run, entity, id);
}

sb_status sb_exec__import(sb_exec *run, sb_arena *arena, const sb_value *value, sb_val *out)
{
    sb_val v;

    if (value->type == SB_TYPE_INT) {
        *out = sb_val_int(value->as.integer);
        return SB_OK;
    }
    if (value->type == SB_TYPE_STRING && value->as.bytes.size <= UINT32_MAX) {
        char *copy = sb_arena_strndup(arena, value->as.bytes.data, value->as.bytes.size);
        if (copy == NULL) return sb_exec__no_memory(run);
        *out = sb_val_string(sb_bytes_of(copy, value->as.bytes.size));
        return SB_OK;
    }
    SB_TRY(sb_val_from_value(arena, value, &v, run->err));
    return sb_val_copy(arena, v, out, run->err);
}

/* A value that stays where it is. False: it is not of the commonest types. */
static bool borrow(const sb_value *stored, sb_val *value)
{
    if (stored->type == SB_TYPE_INT)
        *value = sb_val_int(stored->as.integer);
    else if (stored->type == SB_TYPE_STRING && stored->as.bytes.size <= UINT32_MAX)
        *value = sb_val_string(sb_bytes_of(stored->as.bytes.data, stored->as.bytes.size));
    else
        return false;
    return true;
}

sb_status sb_exec__property(sb_exec *run, sb_entity entity, uint64_t id, sb_key_id key,
                            sb_val *value)
{
    sb_value stored;
    bool found;

    if (sb_exec__is_deleted(run, entity, id)) return sb_exec__gone(run, entity, id);
    if (sb_graph_peek_props(run->graph, entity, id, &key, 1, &stored) && borrow(&stored, value))
        return SB_OK;
    SB_TRY(sb_graph_get_props(run->graph, entity, id, &key, 1, &stored, &found, run->err));
    if (!found) return sb_exec__gone(run, entity, id);
    return sb_exec__import(run, run->func.arena, &stored, value);
}

sb_status sb_exec__node_set(sb_exec *run, uint64_t id, sb_set_id *set)
{
    bool found;

    if (sb_exec__is_deleted(run, SB_NODE, id)) return sb_exec__gone(run, SB_NODE, id);
    SB_TRY(sb_graph_node_set(run->graph, id, set, &found, run->err));
    return found ? SB_OK : sb_exec__gone(run, SB_NODE, id);
}

/* The type of a relationship stays known when it was deleted by this run. */
sb_status sb_exec__rel_type(sb_exec *run, uint64_t id, sb_type_id *type)
{
    sb_rel_record record;
    bool found;

    if (run->any_deleted && sb_deleted__find(&run->deleted.rels, id, type)) return SB_OK;
    SB_TRY(sb_graph_rel(run->graph, id, &record, &found, run->err));
    *type = record.type;
    return found ? SB_OK : sb_exec__gone(run, SB_REL, id);
}

/* ---- sb_entity_reader -------------------------------------------------------------------------------------------- */

static sb_status read_property(void *ctx, sb_val entity, sb_bytes key, sb_val *value, sb_err *err)
{
    sb_exec *run = ctx;

    (void)err; /* run->err is the same */
    return sb_exec__property(run, entity.kind == SB_VAL_NODE ? SB_NODE : SB_REL, entity.as.id,
                             sb_name_find(run->view, SB_NAME_KEY, key), value);
}

static sb_status map_of_props(sb_exec *run, const sb_prop *props, size_t count, sb_val *map)
{
    sb_arena *arena = run->func.arena;
    sb_val_map *made = sb_val_map_make(arena, count);

    if (made == NULL) return sb_exec__no_memory(run);
    for (size_t i = 0; i < count; i++) {
        const sb_bytes name = sb_name_of(run->view, SB_NAME_KEY, props[i].key);
        const char *copy = sb_arena_strndup(arena, (const char *)name.data, name.size);
        if (copy == NULL) return sb_exec__no_memory(run);
        made->entries[i].key = sb_bytes_of(copy, name.size);
        SB_TRY(sb_exec__import(run, arena, &props[i].value, &made->entries[i].value));
    }
    return sb_val_map_seal(made, map, run->err);
}

static sb_status read_properties(void *ctx, sb_val entity, sb_val *map, sb_err *err)
{
    sb_exec *run = ctx;
    const sb_entity kind = entity.kind == SB_VAL_NODE ? SB_NODE : SB_REL;
    bool found;

    if (sb_exec__is_deleted(run, kind, entity.as.id)) return sb_exec__gone(run, kind, entity.as.id);
    if (kind == SB_NODE) {
        sb_node_record record;
        SB_TRY(sb_graph_node(run->graph, entity.as.id, &record, &found, err));
        if (found) return map_of_props(run, record.props, record.prop_count, map);
    } else {
        sb_rel_record record;
        SB_TRY(sb_graph_rel(run->graph, entity.as.id, &record, &found, err));
        if (found) return map_of_props(run, record.props, record.prop_count, map);
    }
    return sb_exec__gone(run, kind, entity.as.id);
}

static sb_status name_val(sb_exec *run, sb_name_kind kind, uint32_t id, sb_val *value)
{
    const sb_bytes name = sb_name_of(run->view, kind, id);
    const char *copy = sb_arena_strndup(run->func.arena, (const char *)name.data, name.size);

    if (copy == NULL) return sb_exec__no_memory(run);
    *value = sb_val_string(sb_bytes_of(copy, name.size));
    return SB_OK;
}

static sb_status read_labels(void *ctx, sb_val node, sb_val *list, sb_err *err)
{
    sb_exec *run = ctx;
    sb_set_id set;
    size_t count;

    (void)err;
    SB_TRY(sb_exec__node_set(run, node.as.id, &set));
    const sb_label_id *labels = sb_set_labels(run->view, set, &count);
    sb_val_list *made = sb_val_list_make(run->func.arena, count);
    if (made == NULL) return sb_exec__no_memory(run);
    for (size_t i = 0; i < count; i++)
        SB_TRY(name_val(run, SB_NAME_LABEL, labels[i], &made->items[i]));
    *list = sb_val_flat_list(made);
    return SB_OK;
}

static sb_status read_type(void *ctx, sb_val rel, sb_val *name, sb_err *err)
{
    sb_exec *run = ctx;
    sb_type_id type;

    (void)err;
    SB_TRY(sb_exec__rel_type(run, rel.as.id, &type));
    return name_val(run, SB_NAME_TYPE, type, name);
}

static sb_status read_ends(void *ctx, sb_val rel, uint64_t *start, uint64_t *end, sb_err *err)
{
    sb_exec *run = ctx;
    sb_rel_record record;
    bool found;

    if (sb_exec__is_deleted(run, SB_REL, rel.as.id)) return sb_exec__gone(run, SB_REL, rel.as.id);
    SB_TRY(sb_graph_rel(run->graph, rel.as.id, &record, &found, err));
    if (!found) return sb_exec__gone(run, SB_REL, rel.as.id);
    *start = record.source;
    *end = record.target;
    return SB_OK;
}

static sb_status read_degree(void *ctx, sb_val node, int direction, sb_bytes type, uint64_t *degree,
                             sb_err *err)
{
    sb_exec *run = ctx;
    sb_type_id id = 0;

    if (sb_exec__is_deleted(run, SB_NODE, node.as.id))
        return sb_exec__gone(run, SB_NODE, node.as.id);
    if (type.size != 0) {
        id = sb_name_find(run->view, SB_NAME_TYPE, type);
        *degree = 0;
        if (id == 0) return SB_OK;
    }
    return sb_graph_degree(run->graph, node.as.id, (sb_direction)direction, &id, id != 0, degree,
                           err);
}

void sb_exec__reader_init(sb_exec *run)
{
    sb_deleted__init(&run->deleted.nodes, run->alloc);
    sb_deleted__init(&run->deleted.rels, run->alloc);
    sb_deleted__init(&run->deleted.pending, run->alloc);
    sb_unique_doubts_init(&run->doubts, run->alloc);
    run->reader = (sb_entity_reader){.ctx = run,
                                     .property = read_property,
                                     .properties = read_properties,
                                     .labels = read_labels,
                                     .type = read_type,
                                     .ends = read_ends,
                                     .degree = read_degree};
}
