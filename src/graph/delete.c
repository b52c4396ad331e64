/* delete.c — relationships and nodes leave everything that knows them: rows, lists both ways, label and property
 * indexes, statistics. A node's relationships go in portions, type by type, so a hub needs no memory in proportion. What is deleted
 * together goes in the order of each tree, so that a leaf is written once for all that it loses. */
#include "graph/graph_priv.h"

/* Relationships deleted in one go. */
#define PORTION 4096u
/* Each may lie in a leaf of its own, which takes some 10 µs to write: so many go between two looks at cancel, and at the memory in use. */
#define SLICE 256u

/* Relationships of one type. sources, targets, ids: count each; the rest is scratch. */
typedef struct sb_doomed {
    uint64_t *sources, *targets, *ids;
    sb_set_id *source_sets, *target_sets;
    sb_triple *triples, *scratch;
    size_t count;
    uint8_t *block; /* owned: all of the above */
    size_t bytes;
} sb_doomed;

#define DOOMED_BYTES (3 * sizeof(uint64_t) + 2 * sizeof(sb_triple) + 2 * sizeof(sb_set_id))

static sb_status doomed_init(sb_graph *graph, sb_doomed *doomed, size_t capacity, sb_err *err)
{
    uint8_t *at;

    *doomed = (sb_doomed){0};
    doomed->bytes = capacity * DOOMED_BYTES;
    doomed->block = at = sb_alloc(graph->alloc, doomed->bytes);
    if (at == NULL) {
        (void)SB_FAIL_NOMEM(err);
        return SB_NOMEM;
    }
    doomed->triples = (sb_triple *)(void *)at;
    doomed->scratch = doomed->triples + capacity;
    doomed->sources = (uint64_t *)(void *)(doomed->scratch + capacity);
    doomed->targets = doomed->sources + capacity;
    doomed->ids = doomed->targets + capacity;
    doomed->source_sets = (sb_set_id *)(void *)(doomed->ids + capacity);
    doomed->target_sets = doomed->source_sets + capacity;
    return SB_OK;
}

static void doomed_deinit(sb_graph *graph, sb_doomed *doomed)
{
    sb_free(graph->alloc, doomed->block, doomed->bytes);
}

/* Between two slices; done of count are deleted. */
static sb_status pause(sb_graph *graph, size_t done, size_t count, sb_err *err)
{
    if (done == count) return SB_OK;
    SB_TRY(sb_txn_spill(graph->txn, err));
    return sb_graph__poll(graph, err);
}

/* ids ascending. */
static sb_status delete_rows(sb_graph *graph, sb_tree *table, const uint64_t *ids, size_t count,
                             size_t *deleted, sb_err *err)
{
    *deleted = 0;
    for (size_t done = 0, size; done < count; done += size) {
        size_t gone;
        size = count - done < SLICE ? count - done : SLICE;
        SB_TRY(sb_rows_delete(graph->txn, table, ids + done, size, &gone, err));
        *deleted += gone;
        SB_TRY(pause(graph, done + size, count, err));
    }
    return SB_OK;
}

/* ---- Relationships of one type --------------------------------------------------------------------------- */

static sb_status delete_lists(sb_graph *graph, sb_type_id type, sb_direction direction,
                              sb_doomed *doomed, sb_err *err)
{
    const uint64_t *nodes = direction == SB_OUT ? doomed->sources : doomed->targets;
    const uint64_t *neighbors = direction == SB_OUT ? doomed->targets : doomed->sources;
    size_t deleted = 0;

    for (size_t i = 0; i < doomed->count; i++)
        doomed->triples[i] = (sb_triple){nodes[i], neighbors[i], doomed->ids[i]};
    if (!sb_triples_sorted(doomed->triples, doomed->count))
        sb_triples_sort(doomed->triples, doomed->scratch, doomed->count);
    for (size_t done = 0, size; done < doomed->count; done += size) {
        size_t gone;
        size = doomed->count - done < SLICE ? doomed->count - done : SLICE;
        SB_TRY(sb_adjacency_delete(graph->view, type, direction, doomed->triples + done, size,
                                   &gone, err));
        deleted += gone;
        SB_TRY(pause(graph, done + size, doomed->count, err));
    }
    if (deleted != doomed->count)
        return SB_FAIL(err, SB_CORRUPT,
                       "%zu of %zu relationships from %llu on are in no list of their %s nodes",
                       doomed->count - deleted, doomed->count, (unsigned long long)doomed->ids[0],
                       direction == SB_OUT ? "source" : "target");
    return SB_OK;
}

static sb_status unindex_rel(sb_graph *graph, sb_type_id type, sb_rel_id id, sb_err *err)
{
    const sb_side after = {.exists = false};
    sb_side before = {.exists = true, .name = type};
    sb_row row = {0};
    bool found;
    sb_status st;

    SB_TRY(sb_row_find(graph->txn, sb_rel_table(graph->view), id, &row, &found, err));
    before.row = &row;
    st = found ? sb_upkeep__plan(graph, SB_REL, id, &before, &after, err)
               : SB_FAIL(err, SB_CORRUPT, "relationship %llu is in a list and has no row",
                         (unsigned long long)id);
    sb_row_release(&row);
    return st;
}

/* What is pending of the type has been flushed. */
static sb_status delete_rels(sb_graph *graph, sb_type_id type, sb_doomed *doomed, sb_err *err)
{
    const size_t count = doomed->count;
    size_t deleted;

    SB_ASSERT(count != 0);
    if (sb_upkeep__indexed(graph, SB_REL, type))
        for (size_t i = 0; i < count; i++)
            SB_TRY(unindex_rel(graph, type, doomed->ids[i], err));
    SB_TRY(sb_writer__sets_of(graph, doomed->sources, doomed->targets, count, doomed->source_sets,
                              doomed->target_sets, err));
    sb_create__count_ends(graph, doomed->source_sets, count, type, SB_OUT, -1);
    sb_create__count_ends(graph, doomed->target_sets, count, type, SB_IN, -1);
    SB_TRY(delete_lists(graph, type, SB_OUT, doomed, err));
    SB_TRY(delete_lists(graph, type, SB_IN, doomed, err));
    if (!sb_u64_sorted(doomed->ids, count))
        sb_u64_sort(doomed->ids, (uint64_t *)(void *)doomed->scratch, count);
    SB_TRY(delete_rows(graph, sb_rel_table(graph->view), doomed->ids, count, &deleted, err));
    if (deleted != count)
        return SB_FAIL(err, SB_CORRUPT, "%zu of %zu relationships from %llu on have no row",
                       count - deleted, count, (unsigned long long)doomed->ids[0]);
    return SB_OK;
}

/* What a relationship's row says of it. */
typedef struct sb_rel_facts {
    uint64_t source, target;
    sb_type_id type; /* 0: the row lacks something */
} sb_rel_facts;

static sb_status read_rel(sb_graph *graph, sb_rel_id id, sb_rel_facts *facts, bool *found,
                          sb_err *err)
{
    sb_cell source, target, type;
    sb_row row = {0};

    *facts = (sb_rel_facts){0};
    SB_TRY(sb_row_find(graph->txn, sb_rel_table(graph->view), id, &row, found, err));
    if (*found && sb_row_cell(&row, SB_COLUMN_SOURCE, &source) &&
        sb_row_cell(&row, SB_COLUMN_TARGET, &target) && sb_row_cell(&row, SB_COLUMN_TYPE, &type) &&
        type.word - 1 < sb_name_count(graph->view, SB_NAME_TYPE))
        *facts = (sb_rel_facts){source.word, target.word, (sb_type_id)type.word};
    sb_row_release(&row);
    return SB_OK;
}

sb_status sb_delete__rel(sb_graph *graph, sb_rel_id id, sb_err *err)
{
    sb_rel_facts facts;
    sb_set_id source_set, target_set;
    sb_triple triple, scratch;
    sb_doomed doomed = {.sources = &facts.source,
                        .targets = &facts.target,
                        .ids = &id,
                        .source_sets = &source_set,
                        .target_sets = &target_set,
                        .triples = &triple,
                        .scratch = &scratch,
                        .count = 1};
    bool found;

    SB_TRY(read_rel(graph, id, &facts, &found, err));
    if (!found)
        return SB_FAIL(err, SB_NOT_FOUND, "relationship %llu does not exist",
                       (unsigned long long)id);
    if (facts.type == 0)
        return SB_FAIL(err, SB_CORRUPT, "relationship %llu lacks its ends or its type",
                       (unsigned long long)id);
    SB_TRY(sb_writer__flush(graph, facts.type, err));
    return delete_rels(graph, facts.type, &doomed, err);
}

/* All of facts from first on that have the type of that one; they count as done then. */
static void take_type(const sb_rel_id *ids, sb_rel_facts *facts, size_t first, size_t count,
                      sb_doomed *doomed)
{
    const sb_type_id type = facts[first].type;

    doomed->count = 0;
    for (size_t i = first; i < count; i++) {
        if (facts[i].type != type) continue;
        doomed->sources[doomed->count] = facts[i].source;
        doomed->targets[doomed->count] = facts[i].target;
        doomed->ids[doomed->count++] = ids[i];
        facts[i].type = 0;
    }
}

static sb_status delete_by_type(sb_graph *graph, const sb_rel_id *ids, sb_rel_facts *facts,
                                size_t count, sb_err *err)
{
    sb_doomed doomed;
    sb_status st = doomed_init(graph, &doomed, count, err);

    for (size_t i = 0; st == SB_OK && i < count; i++) {
        const sb_type_id type = facts[i].type;
        if (type == 0) continue;
        take_type(ids, facts, i, count, &doomed);
        st = sb_writer__flush(graph, type, err);
        if (st == SB_OK) st = delete_rels(graph, type, &doomed, err);
    }
    doomed_deinit(graph, &doomed);
    return st;
}

static sb_status delete_many_rels(sb_graph *graph, const sb_rel_id *ids, size_t count, bool *done,
                                  sb_err *err)
{
    sb_rel_facts *facts = sb_alloc_array(graph->alloc, count, sizeof *facts);
    sb_status st = SB_OK;

    *done = true;
    if (facts == NULL) return SB_FAIL_NOMEM(err);
    for (size_t i = 0; st == SB_OK && *done && i < count; i++) {
        bool found;
        st = read_rel(graph, ids[i], &facts[i], &found, err);
        *done = st == SB_OK && facts[i].type != 0;
        if (st == SB_OK && i % SLICE == 0) st = sb_graph__poll(graph, err);
    }
    if (st == SB_OK && *done) st = delete_by_type(graph, ids, facts, count, err);
    sb_free(graph->alloc, facts, count * sizeof *facts);
    return st;
}

/* ---- A node's lists ------------------------------------------------------------------------------------------ */

/* Relationships of a node over a type: those pending of it are put into the trees first. */
static sb_status list_length(sb_graph *graph, sb_node_id id, sb_type_id type,
                             sb_direction direction, uint64_t *length, sb_err *err)
{
    const sb_triple *pending;
    size_t pending_count;
    const sb_tree *tree;
    uint64_t bias;

    *length = 0;
    SB_TRY(sb_graph__pending_list(graph, type, direction, id, &pending, &pending_count, err));
    if (pending_count != 0) SB_TRY(sb_writer__flush(graph, type, err));
    tree = sb_adjacency_tree(graph->view, type, direction, &bias);
    if (tree == NULL) return SB_OK;
    return sb_list_degree(graph->txn, tree, id + bias, length, err);
}

/* The first relationships of a node's list, no more than most: what doomed has room for. */
static sb_status take_portion(sb_graph *graph, sb_node_id id, sb_type_id type,
                              sb_direction direction, size_t most, sb_doomed *doomed, sb_err *err)
{
    uint64_t *nodes = direction == SB_OUT ? doomed->sources : doomed->targets;
    uint64_t *neighbors = direction == SB_OUT ? doomed->targets : doomed->sources;
    uint64_t bias;
    const sb_tree *tree = sb_adjacency_tree(graph->view, type, direction, &bias);
    sb_list list;
    bool more = true;
    sb_status st;

    doomed->count = 0;
    if (tree == NULL) return SB_OK;
    SB_TRY(sb_list_open(graph->txn, tree, id + bias, &list, err));
    for (st = SB_OK; st == SB_OK && more && list.chunk.count != 0 && doomed->count < most;) {
        const size_t left = most - doomed->count;
        const uint32_t take = list.chunk.count < left ? list.chunk.count : (uint32_t)left;
        sb_chunk_neighbors(&list.chunk, 0, take, neighbors + doomed->count);
        sb_chunk_rels(&list.chunk, 0, take, doomed->ids + doomed->count);
        for (uint32_t i = 0; i < take; i++)
            nodes[doomed->count + i] = id;
        doomed->count += take;
        st = sb_list_next(&list, &more, err);
    }
    sb_list_close(&list);
    return st;
}

static sb_status detach_list(sb_graph *graph, sb_node_id id, sb_type_id type,
                             sb_direction direction, uint64_t length, uint64_t *detached,
                             sb_err *err)
{
    sb_doomed doomed;
    sb_status st;

    st = doomed_init(graph, &doomed, length < PORTION ? (size_t)length : PORTION, err);
    for (uint64_t left = length; st == SB_OK && left != 0; left -= doomed.count) {
        const size_t size = left < PORTION ? (size_t)left : PORTION;
        st = take_portion(graph, id, type, direction, size, &doomed, err);
        if (st == SB_OK && doomed.count != size)
            st = SB_FAIL(err, SB_CORRUPT, "the list of node %llu is not as long as it says",
                         (unsigned long long)id);
        if (st == SB_OK) st = delete_rels(graph, type, &doomed, err);
        if (st == SB_OK)
            st = sb_graph__changed(graph, SB_REL_DELETED, doomed.ids, doomed.count, err);
        if (st == SB_OK) st = sb_txn_spill(graph->txn, err);
        if (st == SB_OK) st = sb_graph__poll(graph, err);
        if (st != SB_OK) break;
        *detached += doomed.count;
    }
    doomed_deinit(graph, &doomed);
    return st;
}

/* Types that the statistics say occur at the label set: a copy, owned. */
static sb_status copy_types(sb_graph *graph, sb_set_id set, sb_direction direction,
                            sb_type_id **types, size_t *count, sb_err *err)
{
    const sb_type_id *borrowed;

    *types = NULL;
    SB_TRY(sb_stats_types_at(graph->view, set, direction, &borrowed, count, err));
    if (*count == 0) return SB_OK;
    *types = sb_alloc_array(graph->alloc, *count, sizeof **types);
    if (*types == NULL) return SB_FAIL_NOMEM(err);
    memcpy(*types, borrowed, *count * sizeof **types);
    return SB_OK;
}

/* Delete the node's lists of a direction, or only count their relationships. */
static sb_status leave_lists(sb_graph *graph, sb_node_id id, sb_set_id set, sb_direction direction,
                             bool detach, uint64_t *rels, sb_err *err)
{
    sb_type_id *types;
    size_t count;
    sb_status st = SB_OK;

    SB_TRY(copy_types(graph, set, direction, &types, &count, err));
    for (size_t i = 0; st == SB_OK && i < count; i++) {
        uint64_t length;
        st = list_length(graph, id, types[i], direction, &length, err);
        if (st != SB_OK || length == 0) continue;
        if (detach)
            st = detach_list(graph, id, types[i], direction, length, rels, err);
        else
            *rels += length;
    }
    sb_free(graph->alloc, types, count * sizeof *types);
    return st;
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------ */

/* Nodes of one set leave the indexes of its labels. ids ascending. */
static sb_status unlabel(sb_graph *graph, const sb_node_id *ids, size_t count, sb_set_id set,
                         sb_err *err)
{
    size_t label_count;
    const sb_label_id *labels = sb_set_labels(graph->view, set, &label_count);

    for (size_t i = 0; i < label_count; i++)
        if (sb_label_indexed(graph->view, labels[i]))
            SB_TRY(sb_label_index_remove(graph->view, labels[i], ids, count, err));
    return SB_OK;
}

static sb_status unindex_node(sb_graph *graph, sb_node_id id, sb_set_id set, sb_err *err)
{
    const sb_side after = {.exists = false};
    sb_side before = {.exists = true, .name = set};
    sb_row row = {0};
    bool found;
    sb_status st;

    if (!sb_upkeep__indexed(graph, SB_NODE, set)) return SB_OK;
    SB_TRY(sb_row_find(graph->txn, sb_node_table(graph->view), id, &row, &found, err));
    before.row = &row;
    st = found ? sb_upkeep__plan(graph, SB_NODE, id, &before, &after, err) : SB_OK;
    sb_row_release(&row);
    return st;
}

/* *has: the row says which. */
static sb_status set_of(sb_graph *graph, sb_node_id id, sb_set_id *set, bool *found, bool *has,
                        sb_err *err)
{
    sb_row row = {0};
    sb_cell cell = {0};

    SB_TRY(sb_row_find(graph->txn, sb_node_table(graph->view), id, &row, found, err));
    *has = *found && sb_row_cell(&row, SB_COLUMN_SET, &cell);
    sb_row_release(&row);
    *set = (sb_set_id)cell.word;
    return SB_OK;
}

/* Both directions, as leave_lists. */
static sb_status leave_all_lists(sb_graph *graph, sb_node_id id, sb_set_id set, bool detach,
                                 uint64_t *rels, sb_err *err)
{
    SB_TRY(leave_lists(graph, id, set, SB_OUT, detach, rels, err));
    return leave_lists(graph, id, set, SB_IN, detach, rels, err);
}

sb_status sb_delete__node(sb_graph *graph, sb_node_id id, bool detach, uint64_t *detached,
                          sb_err *err)
{
    sb_set_id set = 0;
    uint64_t rels = 0;
    size_t deleted;
    bool found, has;

    *detached = 0;
    SB_TRY(set_of(graph, id, &set, &found, &has, err));
    if (!found)
        return SB_FAIL(err, SB_NOT_FOUND, "node %llu does not exist", (unsigned long long)id);
    if (!has) return SB_FAIL(err, SB_CORRUPT, "node %llu has no label set", (unsigned long long)id);
    SB_TRY(leave_all_lists(graph, id, set, detach, &rels, err));
    if (rels != 0 && !detach)
        return SB_FAIL(
            err, SB_CONSTRAINT,
            "node %llu still has relationships (%llu ends): delete them first, or detach",
            (unsigned long long)id, (unsigned long long)rels);
    *detached = rels;
    SB_TRY(unlabel(graph, &id, 1, set, err));
    SB_TRY(unindex_node(graph, id, set, err));
    SB_TRY(sb_rows_delete(graph->txn, sb_node_table(graph->view), &id, 1, &deleted, err));
    sb_stats_add_nodes(graph->view, set, -1);
    return sb_writer__override(graph, id, 0, true, err);
}

/* *alone: it exists, and has no relationships. */
static sb_status look_at_node(sb_graph *graph, sb_node_id id, sb_set_id *set, bool *alone,
                              sb_err *err)
{
    uint64_t rels = 0;
    bool found;

    SB_TRY(set_of(graph, id, set, &found, alone, err));
    if (!*alone) return SB_OK;
    SB_TRY(leave_all_lists(graph, id, *set, false, &rels, err));
    *alone = rels == 0;
    return SB_OK;
}

/* Nodes without relationships; sets: of each. */
static sb_status delete_nodes(sb_graph *graph, const sb_node_id *ids, const sb_set_id *sets,
                              size_t count, sb_err *err)
{
    size_t deleted;

    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && sets[end] == sets[i];)
            end++;
        SB_TRY(unlabel(graph, ids + i, end - i, sets[i], err));
        sb_stats_add_nodes(graph->view, sets[i], -(int64_t)(end - i));
    }
    for (size_t i = 0; i < count; i++) {
        SB_TRY(unindex_node(graph, ids[i], sets[i], err));
        if (i % SLICE == 0) SB_TRY(sb_graph__poll(graph, err));
    }
    SB_TRY(delete_rows(graph, sb_node_table(graph->view), ids, count, &deleted, err));
    for (size_t i = 0; i < count; i++)
        SB_TRY(sb_writer__override(graph, ids[i], 0, true, err));
    return SB_OK;
}

static sb_status delete_many_nodes(sb_graph *graph, const sb_node_id *ids, size_t count, bool *done,
                                   sb_err *err)
{
    sb_set_id *sets = sb_alloc_array(graph->alloc, count, sizeof *sets);
    sb_status st = SB_OK;

    *done = true;
    if (sets == NULL) return SB_FAIL_NOMEM(err);
    for (size_t i = 0; st == SB_OK && *done && i < count; i++) {
        st = look_at_node(graph, ids[i], &sets[i], done, err);
        if (st == SB_OK && i % SLICE == 0) st = sb_graph__poll(graph, err);
    }
    if (st == SB_OK && *done) st = delete_nodes(graph, ids, sets, count, err);
    sb_free(graph->alloc, sets, count * sizeof *sets);
    return st;
}

sb_status sb_delete__many(sb_graph *graph, sb_entity entity, const uint64_t *ids, size_t count,
                          bool *done, sb_err *err)
{
    return entity == SB_REL ? delete_many_rels(graph, ids, count, done, err)
                            : delete_many_nodes(graph, ids, count, done, err);
}
