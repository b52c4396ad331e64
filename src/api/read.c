/* read.c — reading and traversing. The hot calls add an argument check to the graph layer's. */
#include <string.h>

#include "api/api_priv.h"

/* Behind sombra__run_begin. */
static sombra_status end_read(sombra_txn *txn, sb_status status)
{
    return sombra__status(sombra__call_end(txn->conn, status));
}

/* A text, a zone or the items of a list have a size and are NULL. */
static bool is_hollow(const sombra_value *value)
{
    switch (value->type) {
    case SOMBRA_TYPE_STRING:
    case SOMBRA_TYPE_BYTES: return value->as.bytes.data == NULL && value->as.bytes.size != 0;
    case SOMBRA_TYPE_DATETIME:
        return value->as.datetime.zone == NULL && value->as.datetime.zone_size != 0;
    case SOMBRA_TYPE_LIST: return value->as.list.items == NULL && value->as.list.count != 0;
    default: return false;
    }
}

/* Values that are looked for may be such as can't be stored, and are not found then; but what they point at is there. */
static sb_status check_sought(sombra_txn *txn, const sombra_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool hollow = is_hollow(&values[i]);
        for (size_t k = 0;
             !hollow && values[i].type == SOMBRA_TYPE_LIST && k < values[i].as.list.count; k++)
            hollow = is_hollow(&values[i].as.list.items[k]);
        if (SB_UNLIKELY(hollow))
            return SB_FAIL(&txn->conn->err, SB_INVALID,
                           "value %zu of those looked for is NULL, and has a size", i);
    }
    return SB_OK;
}

/* ---- Properties and records ------------------------------------------------------------------------------- */

sombra_status sombra_get_props(sombra_txn *txn, sombra_entity entity, uint64_t id,
                               const uint32_t *keys, size_t key_count, sombra_value *values,
                               bool *found)
{
    if (found != NULL) *found = false;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_ENUM(txn, entity, SOMBRA_REL, "kind of entity");
    SOMBRA_ARG_GIVEN(txn, found);
    SOMBRA_ARG_ARRAY(txn, keys, key_count);
    SOMBRA_ARG_ARRAY(txn, values, key_count);
    return sombra__status(sb_graph_get_props(txn->graph, (sb_entity)entity, id, keys, key_count,
                                             (sb_value *)(void *)values, found, &txn->conn->err));
}

sombra_status sombra_get_props_many(sombra_txn *txn, sombra_entity entity, const uint64_t *ids,
                                    size_t id_count, const uint32_t *keys, size_t key_count,
                                    sombra_value *values, uint8_t *found)
{
    SOMBRA_ENTER(txn);
    if (id_count == 0) return SOMBRA_OK;
    SOMBRA_ARG_ENUM(txn, entity, SOMBRA_REL, "kind of entity");
    SOMBRA_ARG_GIVEN(txn, ids);
    SOMBRA_ARG_GIVEN(txn, found);
    SOMBRA_ARG_ARRAY(txn, keys, key_count);
    SOMBRA_ARG_ARRAY(txn, values, key_count);
    sombra__run_begin(txn->conn);
    return end_read(txn, sb_graph_get_props_many(txn->graph, (sb_entity)entity, ids, id_count, keys,
                                                 key_count, (sb_value *)(void *)values, found,
                                                 &txn->conn->err));
}

sombra_status sombra_get_node(sombra_txn *txn, uint64_t id, sombra_node *node, bool *found)
{
    sb_node_record record;
    sb_status status;

    if (node != NULL) memset(node, 0, sizeof *node);
    if (found != NULL) *found = false;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, node);
    SOMBRA_ARG_GIVEN(txn, found);
    status = sb_graph_node(txn->graph, id, &record, found, &txn->conn->err);
    if (status != SB_OK || !*found) return sombra__status(status);
    node->id = id;
    node->labels = sb_set_labels(txn->view, record.set, &node->label_count);
    node->props = (const sombra_prop *)(const void *)record.props;
    node->prop_count = record.prop_count;
    return SOMBRA_OK;
}

sombra_status sombra_get_rel(sombra_txn *txn, uint64_t id, sombra_rel *rel, bool *found)
{
    sb_rel_record record;
    sb_status status;

    if (rel != NULL) memset(rel, 0, sizeof *rel);
    if (found != NULL) *found = false;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, rel);
    SOMBRA_ARG_GIVEN(txn, found);
    status = sb_graph_rel(txn->graph, id, &record, found, &txn->conn->err);
    if (status != SB_OK || !*found) return sombra__status(status);
    *rel = (sombra_rel){.id = id,
                        .source = record.source,
                        .target = record.target,
                        .type = record.type,
                        .props = (const sombra_prop *)(const void *)record.props,
                        .prop_count = record.prop_count};
    return SOMBRA_OK;
}

sombra_status sombra_nodes_exist(sombra_txn *txn, const uint64_t *ids, size_t count, uint8_t *exist)
{
    SOMBRA_ENTER(txn);
    if (count == 0) return SOMBRA_OK;
    SOMBRA_ARG_GIVEN(txn, ids);
    SOMBRA_ARG_GIVEN(txn, exist);
    sombra__run_begin(txn->conn);
    return end_read(txn, sb_graph_nodes_exist(txn->graph, ids, count, exist, &txn->conn->err));
}

/* ---- Neighbors ------------------------------------------------------------------------------------------------ */

sombra_status sombra_neighbors(sombra_txn *txn, uint64_t node,
                               const sombra_neighbors_options *options,
                               const sombra_neighbor **neighbors, size_t *count)
{
    sb_neighbors_options inner = {.direction = SB_OUT};
    sb_neighbor *list = NULL;
    size_t capacity = 64; /* most nodes have fewer: one call then */
    sb_status status;

    if (neighbors != NULL) *neighbors = NULL;
    if (count != NULL) *count = 0;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, neighbors);
    SOMBRA_ARG_GIVEN(txn, count);
    inner.distinct = txn->conn->settings.distinct_neighbors;
    if (options != NULL) {
        SOMBRA_ARG_ARRAY(txn, options->types, options->type_count);
        SOMBRA_ARG_ENUM(txn, options->direction, SOMBRA_BOTH, "direction");
        inner = (sb_neighbors_options){.direction = (sb_direction)options->direction,
                                       .types = options->types,
                                       .type_count = options->type_count,
                                       .limit = options->limit,
                                       .distinct = options->distinct || inner.distinct};
    }
    do {
        if (*count > capacity) capacity = *count;
        sb_arena_reset(sb_graph_arena(txn->graph));
        list = sb_arena_alloc_array(sb_graph_arena(txn->graph), capacity, sizeof *list);
        if (list == NULL) return sombra__status(SB_FAIL_NOMEM(&txn->conn->err));
        status =
            sb_graph_neighbors(txn->graph, node, &inner, list, capacity, count, &txn->conn->err);
    } while (status == SB_OK && *count > capacity);
    if (status != SB_OK)
        *count = 0;
    else
        *neighbors = (const sombra_neighbor *)(const void *)list;
    return sombra__status(status);
}

sombra_status sombra_neighbor_ids(sombra_txn *txn, uint64_t node, sombra_direction direction,
                                  uint32_t type, const uint64_t **ids, size_t *count)
{
    if (ids != NULL) *ids = NULL;
    if (count != NULL) *count = 0;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, ids);
    SOMBRA_ARG_GIVEN(txn, count);
    SOMBRA_ARG_ENUM(txn, direction, SOMBRA_BOTH, "direction");
    return sombra__status(sb_graph_neighbor_ids(txn->graph, node, (sb_direction)direction, type,
                                                ids, count, &txn->conn->err));
}

sombra_status sombra_neighbor_ids_many(sombra_txn *txn, const uint64_t *nodes, size_t node_count,
                                       sombra_direction direction, uint32_t type,
                                       const uint64_t **ids, size_t *ends)
{
    if (ids != NULL) *ids = NULL;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, ids);
    SOMBRA_ARG_ARRAY(txn, nodes, node_count);
    SOMBRA_ARG_ARRAY(txn, ends, node_count);
    SOMBRA_ARG_ENUM(txn, direction, SOMBRA_BOTH, "direction");
    sombra__run_begin(txn->conn);
    return end_read(txn, sb_graph_neighbor_ids_many(txn->graph, nodes, node_count,
                                                    (sb_direction)direction, type, ids, ends,
                                                    &txn->conn->err));
}

sombra_status sombra_neighbor_list(sombra_txn *txn, uint64_t node, sombra_direction direction,
                                   uint32_t type, sombra_list *list)
{
    if (list != NULL) *list = (sombra_list){0};
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, list);
    SOMBRA_ARG_ENUM(txn, direction, SOMBRA_BOTH, "direction");
    return sombra__status(sb_graph_list(txn->graph, node, (sb_direction)direction, type,
                                        (sb_id_list *)(void *)list, &txn->conn->err));
}

sombra_status sombra_neighbor_lists(sombra_txn *txn, const uint64_t *nodes, size_t node_count,
                                    sombra_direction direction, uint32_t type, sombra_list *lists)
{
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_ARRAY(txn, nodes, node_count);
    SOMBRA_ARG_ARRAY(txn, lists, node_count);
    SOMBRA_ARG_ENUM(txn, direction, SOMBRA_BOTH, "direction");
    sombra__run_begin(txn->conn);
    return end_read(txn, sb_graph_lists(txn->graph, nodes, node_count, (sb_direction)direction,
                                        type, (sb_id_list *)(void *)lists, &txn->conn->err));
}

sombra_status sombra_degrees_many(sombra_txn *txn, const uint64_t *nodes, size_t node_count,
                                  sombra_direction direction, uint32_t type, uint64_t *degrees)
{
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_ARRAY(txn, nodes, node_count);
    SOMBRA_ARG_ARRAY(txn, degrees, node_count);
    SOMBRA_ARG_ENUM(txn, direction, SOMBRA_BOTH, "direction");
    sombra__run_begin(txn->conn);
    return end_read(txn, sb_graph_degrees(txn->graph, nodes, node_count, (sb_direction)direction,
                                          type, degrees, &txn->conn->err));
}

sombra_status sombra_degree(sombra_txn *txn, uint64_t node, sombra_direction direction,
                            const uint32_t *types, size_t type_count, uint64_t *degree)
{
    if (degree != NULL) *degree = 0;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, degree);
    SOMBRA_ARG_ARRAY(txn, types, type_count);
    SOMBRA_ARG_ENUM(txn, direction, SOMBRA_BOTH, "direction");
    return sombra__status(sb_graph_degree(txn->graph, node, (sb_direction)direction, types,
                                          type_count, degree, &txn->conn->err));
}

sombra_status sombra_rel_between(sombra_txn *txn, uint64_t source, uint64_t target, uint32_t type,
                                 uint64_t *rel)
{
    if (rel != NULL) *rel = 0;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, rel);
    return sombra__status(
        sb_graph_rel_between(txn->graph, source, target, type, rel, &txn->conn->err));
}

/* ---- Scans ------------------------------------------------------------------------------------------------------ */

struct sombra_scan {
    sombra_txn *txn;
    uint64_t generation; /* of the connection's scans */
    sb_scan *inner;      /* NULL: a call failed */
    bool indexed;
    sombra_told told;
};

static bool is_open(const sombra_scan *scan)
{
    return scan->generation == scan->txn->conn->scans.generation;
}

/* A value without a key would be no filter: a mistake that would find all. */
static sb_status inner_scan(sombra_txn *txn, const sombra_scan_options *options,
                            sb_scan_options *inner)
{
    if (options->key == 0 &&
        (options->equal != NULL || options->low != NULL || options->high != NULL))
        return SB_FAIL(&txn->conn->err, SB_MISUSE, "a scan by value needs a key");
    if (options->equal != NULL && (options->low != NULL || options->high != NULL))
        return SB_FAIL(&txn->conn->err, SB_MISUSE,
                       "a scan is for one value or for a range: equal is given, and low or high");
    SB_TRY(check_sought(txn, options->equal, options->equal != NULL));
    SB_TRY(check_sought(txn, options->low, options->low != NULL));
    SB_TRY(check_sought(txn, options->high, options->high != NULL));
    *inner = (sb_scan_options){.entity = (sb_entity)options->entity,
                               .name = options->name,
                               .key = options->key,
                               .equal = (const sb_value *)(const void *)options->equal,
                               .low = (const sb_value *)(const void *)options->low,
                               .high = (const sb_value *)(const void *)options->high,
                               .low_inclusive = options->low_inclusive,
                               .high_inclusive = options->high_inclusive,
                               .no_index = options->no_index};
    return SB_OK;
}

sombra_status sombra_scan_open(sombra_txn *txn, const sombra_scan_options *options,
                               sombra_scan **scan)
{
    sombra_scan *opened;
    sb_scan_options inner;
    sb_status status;

    if (scan != NULL) *scan = NULL;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, options);
    SOMBRA_ARG_GIVEN(txn, scan);
    SOMBRA_ARG_ENUM(txn, options->entity, SOMBRA_REL, "kind of entity");
    status = inner_scan(txn, options, &inner);
    if (status != SB_OK) return sombra__status(status);
    opened = sb_alloc_zero(&txn->conn->db->memory.base, sizeof *opened);
    if (opened == NULL) return sombra__status(SB_FAIL_NOMEM(&txn->conn->err));
    opened->txn = txn;
    opened->generation = txn->conn->scans.generation;
    status = sb_scan_open(txn->graph, &inner, &opened->inner, &txn->conn->err);
    if (status != SB_OK) {
        sb_free(&txn->conn->db->memory.base, opened, sizeof *opened);
        return sombra__status(status);
    }
    opened->indexed = sb_scan_uses_index(opened->inner);
    txn->conn->scans.open++;
    txn->conn->scans.seen = txn->conn->statements.undoable;
    *scan = opened;
    return SOMBRA_OK;
}

sombra_status sombra_scan_next(sombra_scan *scan, uint64_t *ids, size_t capacity, size_t *count)
{
    sb_status status;

    if (count != NULL) *count = 0;
    if (scan == NULL) return SOMBRA_MISUSE;
    if (sombra__enter(scan->txn) != SOMBRA_OK) return SOMBRA_MISUSE;
    SOMBRA_ARG(scan->txn, is_open(scan),
               "%s: the scan ended with its transaction, or when that went back to a savepoint or "
               "undid a statement that was under way",
               __func__);
    SOMBRA_ARG(scan->txn, scan->inner != NULL, "%s: the scan ended with a call that failed",
               __func__);
    SOMBRA_ARG_GIVEN(scan->txn, ids);
    SOMBRA_ARG_GIVEN(scan->txn, count);
    SOMBRA_ARG(scan->txn, capacity != 0, "%s: capacity is 0", __func__);
    sombra__run_begin(scan->txn->conn);
    scan->txn->conn->telling = &scan->told;
    scan->txn->conn->scans.seen = scan->txn->conn->statements.undoable;
    status = sb_scan_next(scan->inner, ids, capacity, count, &scan->txn->conn->err);
    status = sombra__run_end(scan->txn->conn, status);
    if (status != SB_OK) {
        /* What it had read but not given would be left out by a next call. */
        *count = 0;
        sb_scan_close(scan->inner);
        scan->inner = NULL;
    } else if (*count == 0) {
        sombra__tell_whole(scan->txn->conn, &scan->told);
    }
    return sombra__status(status);
}

bool sombra_scan_indexed(const sombra_scan *scan)
{
    return scan != NULL && scan->indexed;
}

void sombra_scan_close(sombra_scan *scan)
{
    if (scan == NULL || sombra__is_refused(scan->txn->conn)) return;
    if (is_open(scan)) scan->txn->conn->scans.open--;
    sb_scan_close(scan->inner);
    sb_free(&scan->txn->conn->db->memory.base, scan, sizeof *scan);
}

sombra_status sombra_count(sombra_txn *txn, const sombra_scan_options *options, uint64_t *count)
{
    sb_scan_options inner;
    sb_status status;

    if (count != NULL) *count = 0;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, options);
    SOMBRA_ARG_GIVEN(txn, count);
    SOMBRA_ARG_ENUM(txn, options->entity, SOMBRA_REL, "kind of entity");
    status = inner_scan(txn, options, &inner);
    if (status != SB_OK) return sombra__status(status);
    sombra__run_begin(txn->conn);
    status = sb_graph_count(txn->graph, &inner, count, &txn->conn->err);
    return end_read(txn, status);
}

sombra_status sombra_lookup(sombra_txn *txn, uint32_t schema_id, const sombra_value *values,
                            size_t count, uint64_t *id)
{
    sb_status status;
    bool cut;

    if (id != NULL) *id = 0;
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, id);
    SOMBRA_ARG_GIVEN(txn, values);
    SOMBRA_ARG(txn, count != 0, "%s: count is 0", __func__);
    status = check_sought(txn, values, count);
    if (status != SB_OK) return sombra__status(status);
    status = sb_index_lookup(txn->view, schema_id, (const sb_value *)(const void *)values, count,
                             id, &cut, &txn->conn->err);
    if (status != SB_OK || !cut) return sombra__status(status);
    return sombra__status(sb_graph_lookup_cut(
        txn->graph, schema_id, (const sb_value *)(const void *)values, count, id, &txn->conn->err));
}

sombra_status sombra_lookup_many(sombra_txn *txn, uint32_t schema_id, const sombra_value *values,
                                 size_t value_count, size_t count, uint64_t *ids)
{
    sb_status status;
    size_t all;

    SOMBRA_ENTER(txn);
    if (count == 0) return SOMBRA_OK;
    SOMBRA_ARG_GIVEN(txn, ids);
    SOMBRA_ARG_GIVEN(txn, values);
    SOMBRA_ARG(txn, value_count != 0, "%s: value_count is 0", __func__);
    SOMBRA_ARG(txn, sb_mul_size(value_count, count, &all), "%s: %zu times %zu values", __func__,
               count, value_count);
    status = check_sought(txn, values, all);
    if (status != SB_OK) return sombra__status(status);
    sombra__run_begin(txn->conn);
    return end_read(txn, sb_graph_lookup_many(txn->graph, schema_id,
                                              (const sb_value *)(const void *)values, value_count,
                                              count, ids, &txn->conn->err));
}

/* ---- Traversal ----------------------------------------------------------------------------------------------------- */

/* The public bounds use 0 for none. */
static sb_status inner_bfs(sombra_txn *txn, const sombra_bfs_options *options,
                           sb_bfs_options *inner)
{
    *inner = (sb_bfs_options){.direction = SB_OUT, .max_depth = UINT32_MAX};
    if (options == NULL) return SB_OK;
    if (options->types == NULL && options->type_count != 0)
        return SB_FAIL(&txn->conn->err, SB_MISUSE, "type_count is %zu but types is NULL",
                       options->type_count);
    if ((unsigned)options->direction > SOMBRA_BOTH)
        return SB_FAIL(&txn->conn->err, SB_MISUSE, "%d is no direction", (int)options->direction);
    *inner =
        (sb_bfs_options){.direction = (sb_direction)options->direction,
                         .types = options->types,
                         .type_count = options->type_count,
                         .max_depth = options->max_depth == 0 ? UINT32_MAX : options->max_depth,
                         .max_visits = options->max_visits};
    return SB_OK;
}

typedef struct sb_bfs_bridge {
    sombra_conn *conn;
    bool (*visit)(void *ctx, uint64_t node, uint32_t depth);
    void *ctx;
    uint64_t visited;
    bool stopped;
} sb_bfs_bridge;

static sb_status bridge_visit(void *ctx, const sb_node_id *nodes, size_t count, uint32_t depth)
{
    sb_bfs_bridge *bridge = ctx;

    const sb_status before = sombra__callback_begin(bridge->conn);
    for (size_t i = 0; i < count && !bridge->stopped; i++) {
        bridge->visited++;
        bridge->stopped = !bridge->visit(bridge->ctx, nodes[i], depth);
    }
    sombra__callback_end(bridge->conn, before);
    /* Any failure stops the search; sombra_bfs knows that it was the caller's wish. */
    return bridge->stopped ? SB_INTERRUPT : SB_OK;
}

sombra_status sombra_bfs(sombra_txn *txn, uint64_t start, const sombra_bfs_options *options,
                         bool (*visit)(void *ctx, uint64_t node, uint32_t depth), void *ctx,
                         sombra_bfs_result *result)
{
    sb_bfs_bridge bridge = {.visit = visit, .ctx = ctx};
    sb_bfs_options inner;
    sb_bfs_result found;
    sb_status status;

    if (result != NULL) memset(result, 0, sizeof *result);
    SOMBRA_ENTER(txn);
    status = inner_bfs(txn, options, &inner);
    if (status != SB_OK) return sombra__status(status);
    memset(&found, 0, sizeof found);
    bridge.conn = txn->conn;
    sombra__run_begin(txn->conn);
    status = sb_graph_bfs(txn->graph, start, &inner, visit == NULL ? NULL : bridge_visit, &bridge,
                          &found, &txn->conn->err);
    status = sombra__call_end(txn->conn, status);
    if (bridge.stopped && status == SB_INTERRUPT) {
        sb_err_clear(&txn->conn->err);
        found.visited = bridge.visited;
        status = SB_OK;
    }
    if (status == SB_OK && result != NULL)
        *result = (sombra_bfs_result){.visited = found.visited,
                                      .rels_seen = found.rels_seen,
                                      .depth = found.depth,
                                      .truncated = found.truncated};
    return sombra__status(status);
}

static void public_path(const sb_graph_path *inner, sombra_path *path)
{
    *path = (sombra_path){.found = inner->found,
                          .length = inner->length,
                          .nodes = inner->nodes,
                          .rels = inner->rels,
                          .weight = inner->weight};
}

sombra_status sombra_shortest_path(sombra_txn *txn, uint64_t from, uint64_t to,
                                   const sombra_bfs_options *options, sombra_path *path)
{
    sb_bfs_options inner;
    sb_graph_path found;
    sb_status status;

    if (path != NULL) memset(path, 0, sizeof *path);
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, path);
    status = inner_bfs(txn, options, &inner);
    if (status != SB_OK) return sombra__status(status);
    sombra__run_begin(txn->conn);
    status = sb_graph_shortest_path(txn->graph, from, to, &inner, &found, &txn->conn->err);
    status = sombra__call_end(txn->conn, status);
    if (status == SB_OK) public_path(&found, path);
    return sombra__status(status);
}

sombra_status sombra_weighted_path(sombra_txn *txn, uint64_t from, uint64_t to,
                                   const sombra_bfs_options *options, uint32_t weight_key,
                                   double default_weight, sombra_path *path)
{
    sb_bfs_options inner;
    sb_graph_path found;
    sb_status status;

    if (path != NULL) memset(path, 0, sizeof *path);
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, path);
    status = inner_bfs(txn, options, &inner);
    if (status != SB_OK) return sombra__status(status);
    sombra__run_begin(txn->conn);
    status = sb_graph_weighted_path(txn->graph, from, to, &inner, weight_key, default_weight,
                                    &found, &txn->conn->err);
    status = sombra__call_end(txn->conn, status);
    if (status == SB_OK) public_path(&found, path);
    return sombra__status(status);
}
