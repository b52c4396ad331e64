/* builder.c — the create builder: nodes and relationships with references among them, collected and made in one call.
 * Calls append to arrays, and values to an arena; execute resolves references and hands all to gather.c, which makes typed
 * batches of them. */
#include "graph/graph_priv.h"

#include <stdlib.h>

#define NO_HANDLE UINT64_MAX

/* A name for a node; it may be used before it is given. */
typedef struct sb_alias {
    sb_bytes name;   /* arena */
    uint64_t handle; /* NO_HANDLE: not given yet */
    size_t next;     /* + 1: another of the same hash */
} sb_alias;

/* A label set as the caller gave it; nodes name it by its place. */
typedef struct sb_built_set {
    const sb_label_id *labels; /* arena: ascending */
    size_t count;
} sb_built_set;

/* An end of a relationship: an id, handle, or place of an alias, with its kind in the upper two bits. */
typedef uint64_t sb_built_ref;
#define REF_SHIFT 62u
#define REF_VALUE ((1ull << REF_SHIFT) - 1)

typedef struct sb_built_ends {
    sb_built_ref source, target;
} sb_built_ends;

struct sb_builder {
    sb_graph *graph;
    const sb_allocator *alloc;
    sb_arena *arena; /* labels, aliases, values */
    sb_built_set *sets;
    size_t set_count, set_capacity;
    sb_new_thing *nodes; /* name: place in sets */
    size_t node_count, node_capacity;
    sb_new_thing *rels;
    size_t rel_count, rel_capacity;
    sb_built_ends *ends; /* of rels */
    size_t end_capacity;
    sb_packed_prop *props;
    size_t prop_count, prop_capacity;
    sb_alias *aliases;
    size_t alias_count, alias_capacity;
    sb_map alias_index; /* hash of the name → place + 1 of the newest */
    uint64_t seed;
    uint8_t *block; /* unused rest of the arena block that texts are taken from */
    size_t block_left;
    bool executed; /* results are there; the next call starts afresh */
    sb_node_id *node_ids;
    size_t result_nodes;
    sb_rel_id *rel_ids;
    size_t result_rels;
};

/* Texts are taken from arena blocks of this size: a bump instead of a call. */
#define TEXT_BLOCK 4096u

sb_status sb_builder_open(sb_graph *graph, sb_builder **builder, sb_err *err)
{
    sb_builder *made;

    *builder = NULL;
    made = sb_alloc_zero(graph->alloc, sizeof *made);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->graph = graph;
    made->alloc = graph->alloc;
    made->seed = sb_hash_u64((uint64_t)(uintptr_t)made);
    sb_map_init(&made->alias_index, graph->alloc);
    made->arena = sb_arena_create(graph->alloc, NULL);
    if (made->arena == NULL) {
        sb_free(graph->alloc, made, sizeof *made);
        return SB_FAIL_NOMEM(err);
    }
    *builder = made;
    return SB_OK;
}

static void free_results(sb_builder *builder)
{
    sb_free(builder->alloc, builder->node_ids, builder->result_nodes * sizeof *builder->node_ids);
    sb_free(builder->alloc, builder->rel_ids, builder->result_rels * sizeof *builder->rel_ids);
    builder->node_ids = NULL;
    builder->rel_ids = NULL;
    builder->result_nodes = builder->result_rels = 0;
}

void sb_builder_close(sb_builder *builder)
{
    const sb_allocator *alloc;

    if (builder == NULL) return;
    alloc = builder->alloc;
    free_results(builder);
    sb_free(alloc, builder->nodes, builder->node_capacity * sizeof *builder->nodes);
    sb_free(alloc, builder->rels, builder->rel_capacity * sizeof *builder->rels);
    sb_free(alloc, builder->ends, builder->end_capacity * sizeof *builder->ends);
    sb_free(alloc, builder->sets, builder->set_capacity * sizeof *builder->sets);
    sb_free(alloc, builder->props, builder->prop_capacity * sizeof *builder->props);
    sb_free(alloc, builder->aliases, builder->alias_capacity * sizeof *builder->aliases);
    sb_map_deinit(&builder->alias_index);
    sb_arena_destroy(builder->arena);
    sb_free(alloc, builder, sizeof *builder);
}

/* The first call after an execute forgets its results and aliases. */
static void start(sb_builder *builder)
{
    if (!builder->executed) return;
    builder->executed = false;
    free_results(builder);
    builder->alias_count = 0;
    builder->set_count = 0;
    sb_map_clear(&builder->alias_index);
    builder->block = NULL;
    builder->block_left = 0;
    sb_arena_reset(builder->arena);
}

/* ---- Copies ---------------------------------------------------------------------------------------------- */

static sb_status copy_bytes(sb_builder *builder, const void *data, size_t size, const void **copy,
                            sb_err *err)
{
    uint8_t *place;

    *copy = "";
    if (size == 0 || data == NULL) return SB_OK;
    if (size <= builder->block_left) {
        place = builder->block;
    } else if (size > TEXT_BLOCK / 4) {
        place = sb_arena_alloc(builder->arena, size);
        if (place == NULL) return SB_FAIL_NOMEM(err);
        memcpy(place, data, size);
        *copy = place;
        return SB_OK;
    } else {
        place = sb_arena_alloc(builder->arena, TEXT_BLOCK);
        if (place == NULL) return SB_FAIL_NOMEM(err);
        builder->block_left = TEXT_BLOCK;
    }
    memcpy(place, data, size);
    builder->block = place + size;
    builder->block_left -= size;
    *copy = place;
    return SB_OK;
}

static sb_status copy_scalar(sb_builder *builder, sb_value *value, sb_err *err)
{
    const void *copy;

    switch (value->type) {
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES:
        SB_TRY(copy_bytes(builder, value->as.bytes.data, value->as.bytes.size, &copy, err));
        value->as.bytes.data = copy;
        return SB_OK;
    case SB_TYPE_DATETIME:
        if (value->as.datetime.zone == NULL) return SB_OK;
        SB_TRY(
            copy_bytes(builder, value->as.datetime.zone, value->as.datetime.zone_size, &copy, err));
        value->as.datetime.zone = copy;
        return SB_OK;
    default: return SB_OK;
    }
}

/* value has passed sb_value_check, so lists hold scalars only. */
static sb_status copy_value(sb_builder *builder, sb_value *value, sb_err *err)
{
    sb_value *items;

    if (value->type != SB_TYPE_LIST) return copy_scalar(builder, value, err);
    if (value->as.list.count == 0) return SB_OK;
    items = sb_arena_alloc_array(builder->arena, value->as.list.count, sizeof *items);
    if (items == NULL) return SB_FAIL_NOMEM(err);
    for (size_t i = 0; i < value->as.list.count; i++) {
        items[i] = value->as.list.items[i];
        SB_TRY(copy_scalar(builder, &items[i], err));
    }
    value->as.list.items = items;
    return SB_OK;
}

/* What a packed property borrows, copied. Values that are their own words are checked by the batch. */
static sb_status own_value(sb_builder *builder, const sb_prop *prop, sb_packed_prop *packed,
                           sb_err *err)
{
    const sb_value *value = &prop->value;
    const void *text;
    sb_value *copy;

    switch (value->type) {
    case SB_TYPE_BOOL:
    case SB_TYPE_INT:
    case SB_TYPE_FLOAT:
    case SB_TYPE_DATE:
    case SB_TYPE_LOCAL_TIME: return SB_OK;
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES:
        if (value->as.bytes.size > SB_VALUE_BYTES_MAX || value->as.bytes.data == NULL)
            SB_TRY(sb_value_check(value, err));
        SB_TRY(copy_bytes(builder, value->as.bytes.data, value->as.bytes.size, &text, err));
        packed->as.bytes = sb_bytes_of(text, value->as.bytes.size);
        return SB_OK;
    default: break;
    }
    SB_TRY(sb_value_check(value, err)); /* before it is walked */
    copy = sb_arena_alloc(builder->arena, sizeof *copy);
    if (copy == NULL) return SB_FAIL_NOMEM(err);
    *copy = *value;
    SB_TRY(copy_value(builder, copy, err));
    packed->as.value = copy;
    return SB_OK;
}

/* Append properties to those of all; thing says where. On failure nothing was appended. */
static sb_status append_props(sb_builder *builder, const sb_prop *props, size_t count,
                              sb_new_thing *thing, sb_err *err)
{
    const size_t before = builder->prop_count;
    const uint32_t keys = sb_name_count(builder->graph->view, SB_NAME_KEY);
    sb_packed_prop *packed;

    if (count > UINT32_MAX) return SB_FAIL(err, SB_LIMIT, "more than %u properties", UINT32_MAX);
    SB_TRY(sb_graph__grow(builder->alloc, &builder->props, sizeof *builder->props, before + count,
                          &builder->prop_capacity, err));
    packed = builder->props + before;
    for (size_t i = 0; i < count; i++) {
        if (props[i].value.type == SB_TYPE_NULL) continue;
        if (SB_UNLIKELY(props[i].key - 1 >= keys)) /* 0 too */
            return SB_FAIL(err, SB_INVALID, "there is no property key %u", props[i].key);
        sb_gather__pack(&props[i], &props[i].value, packed);
        SB_TRY(own_value(builder, &props[i], packed++, err));
    }
    builder->prop_count = (size_t)(packed - builder->props);
    thing->first_prop = before;
    thing->prop_count = (uint32_t)(builder->prop_count - before);
    return SB_OK;
}

/* ---- Aliases ------------------------------------------------------------------------------------------------- */

static sb_alias *find_alias(const sb_builder *builder, sb_bytes name)
{
    const uint64_t hash = sb_hash_bytes(name.data, name.size, builder->seed) >> 1;
    const uint64_t *place = sb_map_find(&builder->alias_index, hash);

    for (size_t i = place == NULL ? 0 : (size_t)*place; i != 0; i = builder->aliases[i - 1].next)
        if (sb_bytes_equal(builder->aliases[i - 1].name, name)) return &builder->aliases[i - 1];
    return NULL;
}

/* The alias of a name, made when new. */
static sb_status alias_of(sb_builder *builder, sb_bytes name, sb_alias **alias, sb_err *err)
{
    const uint64_t hash = sb_hash_bytes(name.data, name.size, builder->seed) >> 1;
    uint64_t *place;
    const void *copy;
    bool inserted;

    *alias = find_alias(builder, name);
    if (*alias != NULL) return SB_OK;
    SB_TRY(copy_bytes(builder, name.data, name.size, &copy, err));
    SB_TRY(sb_graph__grow(builder->alloc, &builder->aliases, sizeof *builder->aliases,
                          builder->alias_count + 1, &builder->alias_capacity, err));
    place = sb_map_at(&builder->alias_index, hash, &inserted);
    if (place == NULL) return SB_FAIL_NOMEM(err);
    *alias = &builder->aliases[builder->alias_count++];
    **alias = (sb_alias){
        .name = sb_bytes_of(copy, name.size), .handle = NO_HANDLE, .next = (size_t)*place};
    *place = builder->alias_count;
    return SB_OK;
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------ */

static int compare_labels(const void *a, const void *b)
{
    const sb_label_id x = *(const sb_label_id *)a, y = *(const sb_label_id *)b;
    return x < y ? -1 : x > y;
}

static bool labels_ascend(const sb_label_id *labels, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (labels[i - 1] >= labels[i]) return false;
    return true;
}

static sb_status check_labels(const sb_builder *builder, const sb_label_id *labels, size_t count,
                              sb_err *err)
{
    const uint32_t known = sb_name_count(builder->graph->view, SB_NAME_LABEL);

    for (size_t i = 0; i < count; i++)
        if (labels[i] == 0 || labels[i] > known)
            return SB_FAIL(err, SB_INVALID, "there is no label %u", labels[i]);
    return SB_OK;
}

static sb_status check_type(const sb_builder *builder, sb_type_id type, sb_err *err)
{
    if (type == 0 || type > sb_name_count(builder->graph->view, SB_NAME_TYPE))
        return SB_FAIL(err, SB_INVALID, "there is no relationship type %u", type);
    return SB_OK;
}

/* The place of the set of these labels: that of the node before, or a new one. */
static sb_status take_labels(sb_builder *builder, const sb_label_id *labels, size_t count,
                             uint32_t *place, sb_err *err)
{
    const sb_built_set *last =
        builder->set_count == 0 ? NULL : &builder->sets[builder->set_count - 1];
    sb_label_id *copy;
    size_t kept = 0;

    *place = (uint32_t)builder->set_count - 1;
    if (last != NULL && last->count == count &&
        (count == 0 || memcmp(last->labels, labels, count * sizeof *labels) == 0))
        return SB_OK;
    SB_TRY(check_labels(builder, labels, count, err));
    SB_TRY(sb_graph__grow(builder->alloc, &builder->sets, sizeof *builder->sets,
                          builder->set_count + 1, &builder->set_capacity, err));
    copy = sb_arena_alloc_array(builder->arena, count, sizeof *copy);
    if (copy == NULL) return SB_FAIL_NOMEM(err);
    if (count != 0) memcpy(copy, labels, count * sizeof *copy);
    if (!labels_ascend(copy, count)) qsort(copy, count, sizeof *copy, compare_labels);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || copy[kept - 1] != copy[i]) copy[kept++] = copy[i];
    *place = (uint32_t)builder->set_count;
    SB_ASSERT(builder->sets != NULL);
    builder->sets[builder->set_count++] = (sb_built_set){.labels = copy, .count = kept};
    return SB_OK;
}

sb_status sb_builder_node(sb_builder *builder, const sb_label_id *labels, size_t label_count,
                          sb_bytes alias, const sb_prop *props, size_t prop_count, uint64_t *handle,
                          sb_err *err)
{
    sb_new_thing node;
    sb_alias *named = NULL;

    *handle = 0;
    start(builder);
    if (alias.size != 0) {
        named = find_alias(builder, alias);
        if (named != NULL && named->handle != NO_HANDLE)
            return SB_FAIL(err, SB_EXISTS, "the alias '%.*s' is given twice",
                           (int)(alias.size < 200 ? alias.size : 200), (const char *)alias.data);
    }
    SB_TRY(sb_graph__grow(builder->alloc, &builder->nodes, sizeof *builder->nodes,
                          builder->node_count + 1, &builder->node_capacity, err));
    SB_TRY(take_labels(builder, labels, label_count, &node.name, err));
    if (alias.size != 0) SB_TRY(alias_of(builder, alias, &named, err));
    SB_TRY(append_props(builder, props, prop_count, &node, err));
    if (named != NULL) named->handle = builder->node_count;
    *handle = builder->node_count;
    builder->nodes[builder->node_count++] = node;
    return SB_OK;
}

/* ---- Relationships ------------------------------------------------------------------------------------------------ */

/* All but a handle that was given out. */
static sb_status take_checked(sb_builder *builder, const sb_ref *ref, sb_built_ref *built,
                              sb_err *err)
{
    sb_alias *alias;
    uint64_t value = ref->id;

    switch (ref->kind) {
    case SB_REF_ID:
        if (value > SB_ID_MAX)
            return SB_FAIL(err, SB_NOT_FOUND, "node %llu does not exist",
                           (unsigned long long)value);
        break;
    case SB_REF_HANDLE:
        return SB_FAIL(err, SB_NOT_FOUND, "the builder gave out no node handle %llu",
                       (unsigned long long)value);
    case SB_REF_ALIAS:
        if (ref->alias.size == 0) return SB_FAIL(err, SB_INVALID, "an alias is empty");
        SB_TRY(alias_of(builder, ref->alias, &alias, err));
        value = (uint64_t)(alias - builder->aliases);
        break;
    default: return SB_FAIL(err, SB_MISUSE, "a reference of unknown kind");
    }
    *built = (uint64_t)ref->kind << REF_SHIFT | value;
    return SB_OK;
}

SB_INLINE sb_status take_ref(sb_builder *builder, const sb_ref *ref, sb_built_ref *built,
                             sb_err *err)
{
    if (SB_UNLIKELY(ref->kind != SB_REF_HANDLE || ref->id >= builder->node_count))
        return take_checked(builder, ref, built, err);
    *built = (uint64_t)SB_REF_HANDLE << REF_SHIFT | ref->id;
    return SB_OK;
}

sb_status sb_builder_rel(sb_builder *builder, const sb_ref *source, sb_type_id type,
                         const sb_ref *target, const sb_prop *props, size_t prop_count, sb_err *err)
{
    sb_new_thing rel = {.name = type};
    sb_built_ends ends;

    start(builder);
    SB_TRY(check_type(builder, type, err));
    SB_TRY(sb_graph__grow(builder->alloc, &builder->rels, sizeof *builder->rels,
                          builder->rel_count + 1, &builder->rel_capacity, err));
    SB_TRY(sb_graph__grow(builder->alloc, &builder->ends, sizeof *builder->ends,
                          builder->rel_count + 1, &builder->end_capacity, err));
    SB_TRY(take_ref(builder, source, &ends.source, err));
    SB_TRY(take_ref(builder, target, &ends.target, err));
    SB_TRY(append_props(builder, props, prop_count, &rel, err));
    builder->ends[builder->rel_count] = ends;
    builder->rels[builder->rel_count++] = rel;
    return SB_OK;
}

/* ---- Making them ----------------------------------------------------------------------------------------------------- */

/* One execute. */
typedef struct sb_execution {
    sb_builder *builder;
    sb_set_id *sets; /* of builder->sets; owned */
    sb_node_id *node_ids;
    sb_rel_id *rel_ids;
} sb_execution;

static sb_status make_nodes(sb_execution *run, sb_err *err)
{
    sb_builder *builder = run->builder;
    const sb_creations list = {.things = builder->nodes,
                               .count = builder->node_count,
                               .props = builder->props,
                               .names = run->sets,
                               .noun = "node"};

    /* Names that were there when they were noted may have been rolled back. */
    for (size_t i = 0; i < builder->set_count; i++) {
        const sb_built_set *set = &builder->sets[i];
        SB_TRY(check_labels(builder, set->labels, set->count, err));
        SB_TRY(sb_set_intern(builder->graph->view, set->labels, set->count, &run->sets[i], err));
    }
    return sb_gather__create(builder->graph, &list, run->node_ids, err);
}

static sb_status resolve_ref(const sb_execution *run, sb_built_ref ref, size_t rel, const char *end,
                             sb_node_id *id, sb_err *err)
{
    const uint64_t value = ref & REF_VALUE;
    const sb_alias *alias;

    switch (ref >> REF_SHIFT) {
    case SB_REF_ID: *id = value; return SB_OK;
    case SB_REF_HANDLE: *id = run->node_ids[value]; return SB_OK;
    default: break;
    }
    alias = &run->builder->aliases[value];
    if (alias->handle == NO_HANDLE)
        return SB_FAIL(err, SB_NOT_FOUND, "relationship %zu: no node has its %s alias '%.*s'", rel,
                       end, (int)(alias->name.size < 200 ? alias->name.size : 200),
                       (const char *)alias->name.data);
    *id = run->node_ids[alias->handle];
    return SB_OK;
}

static sb_status ends_of(void *ctx, size_t i, sb_node_id *source, sb_node_id *target, sb_err *err)
{
    const sb_execution *run = ctx;
    const sb_built_ends *ends = &run->builder->ends[i];

    SB_TRY(resolve_ref(run, ends->source, i, "source", source, err));
    return resolve_ref(run, ends->target, i, "target", target, err);
}

static sb_status make_rels(sb_execution *run, sb_err *err)
{
    sb_builder *builder = run->builder;
    const sb_creations list = {.things = builder->rels,
                               .count = builder->rel_count,
                               .props = builder->props,
                               .noun = "relationship",
                               .ends = ends_of,
                               .ctx = run};

    for (size_t i = 0; i < builder->rel_count; i++)
        SB_TRY(check_type(builder, builder->rels[i].name, err));
    return sb_gather__create(builder->graph, &list, run->rel_ids, err);
}

static sb_status run_all(sb_execution *run, sb_err *err)
{
    sb_graph *graph = run->builder->graph;
    uint32_t savepoint;
    sb_status st;

    SB_TRY(sb_graph__atomic_begin(graph, &savepoint, err));
    sb_upkeep__begin(graph, false);
    st = make_nodes(run, err);
    if (st == SB_OK) st = make_rels(run, err);
    return sb_graph__atomic_end(graph, savepoint, st, err);
}

sb_status sb_builder_execute(sb_builder *builder, sb_builder_result *result, sb_err *err)
{
    const sb_allocator *alloc = builder->alloc;
    sb_execution run = {.builder = builder};
    sb_status st = SB_OK;

    *result = (sb_builder_result){0};
    start(builder);
    run.sets = sb_alloc_array(alloc, builder->set_count, sizeof *run.sets);
    run.node_ids = sb_alloc_array(alloc, builder->node_count, sizeof *run.node_ids);
    run.rel_ids = sb_alloc_array(alloc, builder->rel_count, sizeof *run.rel_ids);
    if (run.sets == NULL || run.node_ids == NULL || run.rel_ids == NULL) st = SB_FAIL_NOMEM(err);
    if (st == SB_OK) st = run_all(&run, err);
    sb_free(alloc, run.sets, builder->set_count * sizeof *run.sets);
    if (st != SB_OK) {
        sb_free(alloc, run.node_ids, builder->node_count * sizeof *run.node_ids);
        sb_free(alloc, run.rel_ids, builder->rel_count * sizeof *run.rel_ids);
        return st;
    }
    builder->node_ids = run.node_ids;
    builder->result_nodes = builder->node_count;
    builder->rel_ids = run.rel_ids;
    builder->result_rels = builder->rel_count;
    builder->node_count = builder->rel_count = builder->prop_count = 0;
    builder->executed = true;
    *result = (sb_builder_result){.node_ids = run.node_ids,
                                  .node_count = builder->result_nodes,
                                  .rel_ids = run.rel_ids,
                                  .rel_count = builder->result_rels};
    return SB_OK;
}

sb_status sb_builder_alias(const sb_builder *builder, sb_bytes alias, sb_node_id *id, bool *found)
{
    const sb_alias *named =
        builder->executed && alias.size != 0 ? find_alias(builder, alias) : NULL;

    *found = named != NULL && named->handle != NO_HANDLE;
    *id = *found ? builder->node_ids[named->handle] : 0;
    return SB_OK;
}
