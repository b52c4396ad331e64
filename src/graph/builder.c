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

typedef struct sb_built_node {
    const sb_label_id *labels; /* arena: ascending; equal to those of the node before: the same pointer */
    size_t label_count;
    size_t first_prop, prop_count;
} sb_built_node;

typedef struct sb_built_ref {
    uint64_t value; /* id, handle, or place of the alias */
    uint8_t kind;
} sb_built_ref;

typedef struct sb_built_rel {
    sb_built_ref source, target;
    sb_type_id type;
    size_t first_prop, prop_count;
} sb_built_rel;

struct sb_builder {
    sb_graph *graph;
    const sb_allocator *alloc;
    sb_arena *arena; /* labels, aliases, values */
    sb_built_node *nodes;
    size_t node_count, node_capacity;
    sb_built_rel *rels;
    size_t rel_count, rel_capacity;
    sb_prop *props;
    size_t prop_count, prop_capacity;
    sb_alias *aliases;
    size_t alias_count, alias_capacity;
    sb_map alias_index; /* hash of the name → place + 1 of the newest */
    uint64_t seed;
    uint8_t *block;     /* unused rest of the arena block that texts are taken from */
    size_t block_left;
    bool executed;      /* results are there; the next call starts afresh */
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
    if (size == 0) return SB_OK;
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
        SB_TRY(copy_bytes(builder, value->as.datetime.zone, value->as.datetime.zone_size, &copy,
                          err));
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

/* The typed batch checks plain values; what it does not see again before it is copied is checked here. */
static sb_status check_value(const sb_value *value, sb_err *err)
{
    switch (value->type) {
    case SB_TYPE_NULL:
    case SB_TYPE_BOOL:
    case SB_TYPE_INT:
    case SB_TYPE_FLOAT: return SB_OK;
    default: return sb_value_check(value, err);
    }
}

/* Append properties; on failure what was appended is cut again. */
static sb_status append_props(sb_builder *builder, const sb_prop *props, size_t count, sb_err *err)
{
    const size_t before = builder->prop_count;
    sb_status st = SB_OK;

    SB_TRY(sb_graph__grow(builder->alloc, &builder->props, sizeof *builder->props, before + count,
                          &builder->prop_capacity, err));
    for (size_t i = 0; st == SB_OK && i < count; i++) {
        sb_prop *prop = &builder->props[before + i];
        *prop = props[i];
        st = check_value(&prop->value, err);
        if (st == SB_OK) st = copy_value(builder, &prop->value, err);
        if (st == SB_OK && (prop->key == 0 || prop->key > sb_name_count(builder->graph->view, SB_NAME_KEY)))
            st = SB_FAIL(err, SB_INVALID, "there is no property key %u", prop->key);
    }
    if (st == SB_OK) builder->prop_count += count;
    return st;
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

/* Labels sorted, without doubles, in the arena; those of the node before are shared. */
static sb_status copy_labels(sb_builder *builder, const sb_label_id *labels, size_t count,
                             sb_built_node *node, sb_err *err)
{
    const sb_built_node *last =
        builder->node_count == 0 ? NULL : &builder->nodes[builder->node_count - 1];
    sb_label_id *copy;
    size_t kept = 0;

    if (count == 0) return SB_OK;
    if (last != NULL && last->label_count == count &&
        memcmp(last->labels, labels, count * sizeof *labels) == 0) {
        node->labels = last->labels;
        node->label_count = count;
        return SB_OK;
    }
    for (size_t i = 0; i < count; i++)
        if (labels[i] == 0 || labels[i] > sb_name_count(builder->graph->view, SB_NAME_LABEL))
            return SB_FAIL(err, SB_INVALID, "there is no label %u", labels[i]);
    copy = sb_arena_alloc_array(builder->arena, count, sizeof *copy);
    if (copy == NULL) return SB_FAIL_NOMEM(err);
    memcpy(copy, labels, count * sizeof *copy);
    if (!labels_ascend(copy, count)) qsort(copy, count, sizeof *copy, compare_labels);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || copy[kept - 1] != copy[i]) copy[kept++] = copy[i];
    node->labels = copy;
    node->label_count = kept;
    return SB_OK;
}

sb_status sb_builder_node(sb_builder *builder, const sb_label_id *labels, size_t label_count,
                          sb_bytes alias, const sb_prop *props, size_t prop_count,
                          uint64_t *handle, sb_err *err)
{
    sb_built_node node = {0};
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
    SB_TRY(copy_labels(builder, labels, label_count, &node, err));
    if (alias.size != 0) SB_TRY(alias_of(builder, alias, &named, err));
    node.first_prop = builder->prop_count;
    node.prop_count = prop_count;
    SB_TRY(append_props(builder, props, prop_count, err));
    if (named != NULL) named->handle = builder->node_count;
    *handle = builder->node_count;
    builder->nodes[builder->node_count++] = node;
    return SB_OK;
}

/* ---- Relationships ------------------------------------------------------------------------------------------------ */

static sb_status take_ref(sb_builder *builder, const sb_ref *ref, sb_built_ref *built, sb_err *err)
{
    sb_alias *alias;

    built->kind = (uint8_t)ref->kind;
    built->value = ref->id;
    switch (ref->kind) {
    case SB_REF_ID: return SB_OK;
    case SB_REF_HANDLE:
        if (ref->id < builder->node_count) return SB_OK;
        return SB_FAIL(err, SB_NOT_FOUND, "the builder gave out no node handle %llu",
                       (unsigned long long)ref->id);
    case SB_REF_ALIAS:
        if (ref->alias.size == 0) return SB_FAIL(err, SB_INVALID, "an alias is empty");
        SB_TRY(alias_of(builder, ref->alias, &alias, err));
        built->value = (uint64_t)(alias - builder->aliases);
        return SB_OK;
    default: return SB_FAIL(err, SB_MISUSE, "a reference of unknown kind");
    }
}

sb_status sb_builder_rel(sb_builder *builder, sb_ref source, sb_type_id type, sb_ref target,
                         const sb_prop *props, size_t prop_count, sb_err *err)
{
    sb_built_rel rel = {.type = type};

    start(builder);
    if (type == 0 || type > sb_name_count(builder->graph->view, SB_NAME_TYPE))
        return SB_FAIL(err, SB_INVALID, "there is no relationship type %u", type);
    SB_TRY(sb_graph__grow(builder->alloc, &builder->rels, sizeof *builder->rels,
                          builder->rel_count + 1, &builder->rel_capacity, err));
    SB_TRY(take_ref(builder, &source, &rel.source, err));
    SB_TRY(take_ref(builder, &target, &rel.target, err));
    rel.first_prop = builder->prop_count;
    rel.prop_count = prop_count;
    SB_TRY(append_props(builder, props, prop_count, err));
    builder->rels[builder->rel_count++] = rel;
    return SB_OK;
}

/* ---- Making them ----------------------------------------------------------------------------------------------------- */

/* Arrays of one execute; owned until it ends. */
typedef struct sb_execution {
    sb_new_node *nodes;
    sb_new_rel *rels;
    sb_node_id *node_ids;
    sb_rel_id *rel_ids;
} sb_execution;

static sb_status make_nodes(sb_builder *builder, sb_execution *run, sb_err *err)
{
    const sb_label_id *labels = NULL;
    size_t label_count = SIZE_MAX;
    sb_set_id set = 0;

    for (size_t i = 0; i < builder->node_count; i++) {
        const sb_built_node *node = &builder->nodes[i];
        if (node->labels != labels || node->label_count != label_count) {
            SB_TRY(sb_set_intern(builder->graph->view, node->labels, node->label_count, &set, err));
            labels = node->labels;
            label_count = node->label_count;
        }
        run->nodes[i] = (sb_new_node){.set = set,
                                      .number = (uint32_t)i,
                                      .first_prop = node->first_prop,
                                      .prop_count = node->prop_count};
    }
    return sb_gather__nodes(builder->graph, run->nodes, builder->node_count, builder->props, "node",
                            run->node_ids, err);
}

static sb_status resolve_ref(sb_builder *builder, const sb_execution *run, const sb_built_ref *ref,
                             size_t rel, const char *end, sb_node_id *id, sb_err *err)
{
    const sb_alias *alias;

    switch (ref->kind) {
    case SB_REF_ID: *id = ref->value; return SB_OK;
    case SB_REF_HANDLE: *id = run->node_ids[ref->value]; return SB_OK;
    default: break;
    }
    alias = &builder->aliases[ref->value];
    if (alias->handle == NO_HANDLE)
        return SB_FAIL(err, SB_NOT_FOUND, "relationship %zu: no node has its %s alias '%.*s'", rel,
                       end, (int)(alias->name.size < 200 ? alias->name.size : 200),
                       (const char *)alias->name.data);
    *id = run->node_ids[alias->handle];
    return SB_OK;
}

static sb_status make_rels(sb_builder *builder, sb_execution *run, sb_err *err)
{
    for (size_t i = 0; i < builder->rel_count; i++) {
        const sb_built_rel *rel = &builder->rels[i];
        sb_new_rel *fresh = &run->rels[i];
        *fresh = (sb_new_rel){.type = rel->type,
                              .number = (uint32_t)i,
                              .first_prop = rel->first_prop,
                              .prop_count = rel->prop_count};
        SB_TRY(resolve_ref(builder, run, &rel->source, i, "source", &fresh->source, err));
        SB_TRY(resolve_ref(builder, run, &rel->target, i, "target", &fresh->target, err));
    }
    return sb_gather__rels(builder->graph, run->rels, builder->rel_count, builder->props,
                           "relationship", run->rel_ids, err);
}

static sb_status run_all(sb_builder *builder, sb_execution *run, sb_err *err)
{
    uint32_t savepoint;
    sb_status st;

    if (builder->node_count > UINT32_MAX || builder->rel_count > UINT32_MAX)
        return SB_FAIL(err, SB_LIMIT, "more than %u creations in one call", UINT32_MAX);
    SB_TRY(sb_graph__atomic_begin(builder->graph, &savepoint, err));
    sb_upkeep__begin(builder->graph, false);
    st = make_nodes(builder, run, err);
    if (st == SB_OK) st = make_rels(builder, run, err);
    return sb_graph__atomic_end(builder->graph, savepoint, st, err);
}

sb_status sb_builder_execute(sb_builder *builder, sb_builder_result *result, sb_err *err)
{
    const sb_allocator *alloc = builder->alloc;
    const size_t nodes = builder->node_count, rels = builder->rel_count;
    sb_execution run = {0};
    sb_status st = SB_OK;

    *result = (sb_builder_result){0};
    start(builder);
    run.nodes = sb_alloc_array(alloc, nodes, sizeof *run.nodes);
    run.rels = sb_alloc_array(alloc, rels, sizeof *run.rels);
    run.node_ids = sb_alloc_array(alloc, nodes, sizeof *run.node_ids);
    run.rel_ids = sb_alloc_array(alloc, rels, sizeof *run.rel_ids);
    if (run.nodes == NULL || run.rels == NULL || run.node_ids == NULL || run.rel_ids == NULL)
        st = SB_FAIL_NOMEM(err);
    if (st == SB_OK) st = run_all(builder, &run, err);
    sb_free(alloc, run.nodes, nodes * sizeof *run.nodes);
    sb_free(alloc, run.rels, rels * sizeof *run.rels);
    if (st != SB_OK) {
        sb_free(alloc, run.node_ids, nodes * sizeof *run.node_ids);
        sb_free(alloc, run.rel_ids, rels * sizeof *run.rel_ids);
        return st;
    }
    builder->node_ids = run.node_ids;
    builder->result_nodes = nodes;
    builder->rel_ids = run.rel_ids;
    builder->result_rels = rels;
    builder->node_count = builder->rel_count = builder->prop_count = 0;
    builder->executed = true;
    *result = (sb_builder_result){.node_ids = run.node_ids,
                                  .node_count = nodes,
                                  .rel_ids = run.rel_ids,
                                  .rel_count = rels};
    return SB_OK;
}

sb_status sb_builder_alias(const sb_builder *builder, sb_bytes alias, sb_node_id *id, bool *found)
{
    const sb_alias *named = builder->executed && alias.size != 0 ? find_alias(builder, alias) : NULL;

    *found = named != NULL && named->handle != NO_HANDLE;
    *id = *found ? builder->node_ids[named->handle] : 0;
    return SB_OK;
}
