/* mutate.c — a list of operations, in order and atomically, with a summary of what really changed.
 * Runs of creations go through the typed batch; property indexes follow at the end of the call (index_upkeep.c), where uniqueness
 * is checked too. */
#include "graph/graph_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct sb_mutator {
    sb_graph *graph;
    const sb_op *ops;
    size_t count;
    sb_mutation *result;
    uint64_t *ids; /* of the ops done so far: arena(call) */
    sb_err *err;
    sb_arena *arena;           /* what lives as long as the call, results included */
    const struct sb_run *rels; /* relationships being made */
    sb_unique_doubts *doubts;  /* NULL: none are allowed */
    bool enclosed;             /* ops are the caller's own matter: faults do not number them */
} sb_mutator;

static void number_fault(const sb_mutator *m, sb_err *err, size_t at)
{
    if (err != NULL && !m->enclosed) sb_err_prefix(err, "op %zu", at);
}

/* ---- References -------------------------------------------------------------------------------------------- */

static const char *noun_of(sb_entity entity)
{
    return entity == SB_NODE ? "node" : "relationship";
}

/* The entity of a reference in op number `at`: an id, or what an earlier op made. */
static sb_status resolve(const sb_mutator *m, size_t at, const sb_op_ref *ref, sb_entity entity,
                         uint64_t *id)
{
    const sb_op_kind maker = entity == SB_NODE ? SB_OP_CREATE_NODE : SB_OP_CREATE_REL;

    *id = ref->id;
    if (ref->result_of < 0) return SB_OK;
    if ((uint64_t)ref->result_of >= at || m->ops[ref->result_of].kind != maker)
        return SB_FAIL(m->err, SB_INVALID, "op %lld is none before this one that creates a %s",
                       (long long)ref->result_of, noun_of(entity));
    *id = m->ids[ref->result_of];
    return SB_OK;
}

/* ---- Creating -------------------------------------------------------------------------------------------------- */

/* The label set of labels in any order, doubles allowed. */
static sb_status intern_labels(const sb_mutator *m, const sb_label_id *labels, size_t count,
                               sb_set_id *set);

/* A run of creations: things of one kind with the numbers of their ops. All arena. */
typedef struct sb_run {
    sb_new_thing *things;
    uint32_t *numbers;
    size_t count;
} sb_run;

static sb_status make_run(const sb_mutator *m, size_t most, sb_run *run)
{
    run->count = 0;
    run->things = sb_arena_alloc_array(m->arena, most, sizeof *run->things);
    run->numbers = sb_arena_alloc_array(m->arena, most, sizeof *run->numbers);
    return run->things != NULL && run->numbers != NULL ? SB_OK : SB_FAIL_NOMEM(m->err);
}

/* Room for the properties of ops in [begin, end). */
static sb_status make_props(const sb_mutator *m, size_t begin, size_t end, sb_packed_prop **props)
{
    size_t total = 0;

    for (size_t i = begin; i < end; i++)
        if (!sb_add_size(total, m->ops[i].prop_count, &total)) return SB_FAIL_NOMEM(m->err);
    *props = sb_arena_alloc_array(m->arena, total, sizeof **props);
    return *props != NULL ? SB_OK : SB_FAIL_NOMEM(m->err);
}

static sb_status name_of_op(const sb_mutator *m, const sb_op *op, uint32_t *name)
{
    if (op->kind == SB_OP_CREATE_NODE) return intern_labels(m, op->labels, op->label_count, name);
    *name = op->type;
    if (op->type == 0 || op->type > sb_name_count(m->graph->view, SB_NAME_TYPE))
        return SB_FAIL(m->err, SB_INVALID, "there is no relationship type %u", op->type);
    return SB_OK;
}

static sb_status add_to_run(sb_mutator *m, size_t i, sb_run *run, sb_packed_prop *props,
                            size_t *prop_count)
{
    const sb_op *op = &m->ops[i];
    sb_new_thing *thing = &run->things[run->count];
    const size_t first = *prop_count;

    if (op->prop_count > UINT32_MAX)
        return SB_FAIL(m->err, SB_LIMIT, "more than %u properties", UINT32_MAX);
    SB_TRY(name_of_op(m, op, &thing->name));
    for (size_t p = 0; p < op->prop_count; p++)
        if (op->props[p].value.type != SB_TYPE_NULL)
            sb_gather__pack(&op->props[p], &op->props[p].value, &props[(*prop_count)++]);
    thing->first_prop = first;
    thing->prop_count = (uint32_t)(*prop_count - first);
    m->result->properties_set += thing->prop_count;
    if (op->kind == SB_OP_CREATE_NODE) {
        size_t label_count;
        (void)sb_set_labels(m->graph->view, thing->name, &label_count);
        m->result->labels_added += label_count;
    }
    run->numbers[run->count++] = (uint32_t)i;
    return SB_OK;
}

/* Ends of the i-th relationship of the run being made. */
static sb_status ends_of(void *ctx, size_t i, sb_node_id *source, sb_node_id *target, sb_err *err)
{
    const sb_mutator *m = ctx;
    const size_t at = m->rels->numbers[i];
    const sb_op *op = &m->ops[at];
    sb_status st = resolve(m, at, &op->source, SB_NODE, source);

    if (st == SB_OK) st = resolve(m, at, &op->target, SB_NODE, target);
    if (st != SB_OK) number_fault(m, err, at);
    return st;
}

static sb_status put_run(sb_mutator *m, const sb_run *run, const sb_packed_prop *props, bool rels)
{
    const sb_creations list = {.things = run->things,
                               .count = run->count,
                               .props = props,
                               .numbers = run->numbers,
                               .noun = "op",
                               .ends = rels ? ends_of : NULL,
                               .ctx = m};
    uint64_t *ids = sb_arena_alloc_array(m->arena, run->count, sizeof *ids);

    if (ids == NULL) return SB_FAIL_NOMEM(m->err);
    SB_TRY(sb_gather__create(m->graph, &list, ids, m->err));
    for (size_t i = 0; i < run->count; i++)
        m->ids[run->numbers[i]] = ids[i];
    *(rels ? &m->result->rels_created : &m->result->nodes_created) += run->count;
    return SB_OK;
}

static sb_status tell_created(const sb_mutator *m, size_t begin, size_t end)
{
    if (SB_LIKELY(m->graph->settings.changed == NULL)) return SB_OK;
    for (size_t i = begin; i < end; i++)
        SB_TRY(sb_graph__changed(
            m->graph, m->ops[i].kind == SB_OP_CREATE_NODE ? SB_NODE_CREATED : SB_REL_CREATED,
            &m->ids[i], 1, m->err));
    return SB_OK;
}

/* Creations in a row: nodes first, then relationships, which may refer to nodes of earlier ops only. */
static sb_status create_run(sb_mutator *m, size_t begin, size_t end)
{
    sb_run nodes, rels;
    sb_packed_prop *props = NULL;
    size_t prop_count = 0;
    sb_status made;

    SB_TRY(make_run(m, end - begin, &nodes));
    SB_TRY(make_run(m, end - begin, &rels));
    SB_TRY(make_props(m, begin, end, &props));
    for (size_t i = begin; i < end; i++) {
        const bool is_node = m->ops[i].kind == SB_OP_CREATE_NODE;
        const sb_status st = add_to_run(m, i, is_node ? &nodes : &rels, props, &prop_count);
        if (st == SB_OK) continue;
        number_fault(m, m->err, i);
        return st;
    }
    SB_TRY(put_run(m, &nodes, props, false));
    m->rels = &rels;
    made = put_run(m, &rels, props, true);
    m->rels = NULL;
    return made == SB_OK ? tell_created(m, begin, end) : made;
}

/* ---- Labels ------------------------------------------------------------------------------------------------------- */

static int compare_labels(const void *a, const void *b)
{
    const sb_label_id x = *(const sb_label_id *)a, y = *(const sb_label_id *)b;
    return x < y ? -1 : x > y;
}

static sb_status check_labels(const sb_mutator *m, const sb_label_id *labels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (labels[i] == 0 || labels[i] > sb_name_count(m->graph->view, SB_NAME_LABEL))
            return SB_FAIL(m->err, SB_INVALID, "there is no label %u", labels[i]);
    return SB_OK;
}

/* labels with `with` added, ascending, without doubles: arena. */
static sb_status unite(const sb_mutator *m, const sb_label_id *labels, size_t count,
                       const sb_label_id *with, size_t with_count, sb_label_id **united,
                       size_t *united_count)
{
    sb_label_id *all = sb_arena_alloc_array(m->arena, count + with_count, sizeof *all);
    size_t kept = 0;

    if (all == NULL) return SB_FAIL_NOMEM(m->err);
    if (count != 0) memcpy(all, labels, count * sizeof *all);
    if (with_count != 0) memcpy(all + count, with, with_count * sizeof *all);
    if (count + with_count > 1) qsort(all, count + with_count, sizeof *all, compare_labels);
    for (size_t i = 0; i < count + with_count; i++)
        if (kept == 0 || all[kept - 1] != all[i]) all[kept++] = all[i];
    *united = all;
    *united_count = kept;
    return SB_OK;
}

static sb_status intern_labels(const sb_mutator *m, const sb_label_id *labels, size_t count,
                               sb_set_id *set)
{
    sb_label_id *united = NULL;
    size_t united_count = 0;

    if (count <= 1) {
        SB_TRY(check_labels(m, labels, count));
        return sb_set_intern(m->graph->view, labels, count, set, m->err);
    }
    SB_TRY(check_labels(m, labels, count));
    SB_TRY(unite(m, NULL, 0, labels, count, &united, &united_count));
    return sb_set_intern(m->graph->view, united, united_count, set, m->err);
}

/* Move the node's lists from one label set's statistics to another's. */
static sb_status move_lists(const sb_mutator *m, sb_node_id id, sb_set_id from, sb_set_id to,
                            sb_direction direction)
{
    sb_view *view = m->graph->view;
    const sb_type_id *borrowed;
    sb_type_id *types;
    size_t count;

    SB_TRY(sb_stats_types_at(view, from, direction, &borrowed, &count, m->err));
    if (count == 0) return SB_OK;
    types = sb_arena_alloc_array(m->arena, count, sizeof *types);
    if (types == NULL) return SB_FAIL_NOMEM(m->err);
    memcpy(types, borrowed, count * sizeof *types);
    for (size_t i = 0; i < count; i++) {
        const sb_triple *pending;
        size_t pending_count;
        uint64_t bias, degree = 0;
        const sb_tree *tree = sb_adjacency_tree(view, types[i], direction, &bias);
        if (tree != NULL) SB_TRY(sb_list_degree(m->graph->txn, tree, id + bias, &degree, m->err));
        SB_TRY(sb_graph__pending_list(m->graph, types[i], direction, id, &pending, &pending_count,
                                      m->err));
        degree += pending_count;
        if (degree == 0) continue;
        sb_stats_add_rels(view, from, types[i], direction, -(int64_t)degree);
        sb_stats_add_rels(view, to, types[i], direction, (int64_t)degree);
    }
    return SB_OK;
}

/* Labels in `labels` that set lacks join or leave the node's containers. */
static sb_status index_difference(const sb_mutator *m, sb_node_id id, const sb_label_id *labels,
                                  size_t count, sb_set_id set, bool add, uint64_t *changed)
{
    sb_view *view = m->graph->view;

    for (size_t i = 0; i < count; i++) {
        if (sb_set_has(view, set, labels[i])) continue;
        ++*changed;
        if (!sb_label_indexed(m->graph->view, labels[i])) continue;
        SB_TRY(add ? sb_label_index_add(view, labels[i], &id, 1, m->err)
                   : sb_label_index_remove(view, labels[i], &id, 1, m->err));
    }
    return SB_OK;
}

static sb_status move_to_set(sb_mutator *m, sb_node_id id, sb_set_id from, sb_set_id to)
{
    sb_view *view = m->graph->view;
    const sb_cell cell = {.key = SB_COLUMN_SET, .type = SB_CELL_INT, .word = to};
    const sb_label_id *labels;
    size_t count;
    bool found;

    SB_TRY(sb_row_set(m->graph->txn, sb_node_table(view), id, &cell, 1, &found, m->err));
    labels = sb_set_labels(view, to, &count);
    SB_TRY(index_difference(m, id, labels, count, from, true, &m->result->labels_added));
    labels = sb_set_labels(view, from, &count);
    SB_TRY(index_difference(m, id, labels, count, to, false, &m->result->labels_removed));
    SB_TRY(move_lists(m, id, from, to, SB_OUT));
    SB_TRY(move_lists(m, id, from, to, SB_IN));
    sb_stats_add_nodes(view, from, -1);
    sb_stats_add_nodes(view, to, 1);
    return sb_writer__override(m->graph, id, to, false, m->err);
}

/* The set that op makes of `from`. */
static sb_status changed_set(const sb_mutator *m, const sb_op *op, sb_set_id from, sb_set_id *to)
{
    size_t count, kept = 0, united_count;
    const sb_label_id *labels;
    sb_label_id *united;

    SB_TRY(check_labels(m, op->labels, op->label_count));
    labels = sb_set_labels(m->graph->view, from, &count);
    if (op->kind == SB_OP_ADD_LABELS) {
        SB_TRY(unite(m, labels, count, op->labels, op->label_count, &united, &united_count));
        return sb_set_intern(m->graph->view, united, united_count, to, m->err);
    }
    SB_TRY(unite(m, labels, count, NULL, 0, &united, &united_count));
    for (size_t i = 0; i < united_count; i++) {
        bool removed = false;
        for (size_t k = 0; k < op->label_count && !removed; k++)
            removed = op->labels[k] == united[i];
        if (!removed) united[kept++] = united[i];
    }
    return sb_set_intern(m->graph->view, united, kept, to, m->err);
}

/* ---- Rows ------------------------------------------------------------------------------------------------------------- */

/* The row of an entity, which must exist, with its label set or type. */
static sb_status open_row(const sb_mutator *m, sb_entity entity, uint64_t id, sb_row *row,
                          uint32_t *name)
{
    sb_view *view = m->graph->view;
    sb_cell cell;
    bool found;

    SB_TRY(sb_row_find(m->graph->txn, entity == SB_NODE ? sb_node_table(view) : sb_rel_table(view),
                       id, row, &found, m->err));
    if (!found)
        return SB_FAIL(m->err, SB_NOT_FOUND, "%s %llu does not exist", noun_of(entity),
                       (unsigned long long)id);
    if (!sb_row_cell(row, entity == SB_NODE ? SB_COLUMN_SET : SB_COLUMN_TYPE, &cell))
        return SB_FAIL(m->err, SB_CORRUPT, "%s %llu lacks its label set or type", noun_of(entity),
                       (unsigned long long)id);
    *name = (uint32_t)cell.word;
    return SB_OK;
}

static sb_status change_labels(sb_mutator *m, const sb_op *op, sb_node_id id)
{
    sb_side before = {.exists = true}, after = {.exists = true};
    sb_row row = {0};
    sb_status st;

    if (op->entity != SB_NODE) return SB_FAIL(m->err, SB_MISUSE, "only nodes have labels");
    before.row = after.row = &row;
    st = open_row(m, SB_NODE, id, &row, &before.name);
    if (st == SB_OK) st = changed_set(m, op, before.name, &after.name);
    if (st == SB_OK && after.name != before.name)
        st = sb_upkeep__plan(m->graph, SB_NODE, id, &before, &after, m->err);
    sb_row_release(&row);
    if (st != SB_OK || after.name == before.name) return st;
    SB_TRY(move_to_set(m, id, before.name, after.name));
    return sb_graph__changed(m->graph, SB_NODE_CHANGED, &id, 1, m->err);
}

/* ---- Properties ----------------------------------------------------------------------------------------------------------- */

/* Real changes of one SET_PROPS: as cells for the row and as values for the indexes. */
typedef struct sb_changes {
    sb_cell *cells; /* arena */
    sb_prop *props; /* arena */
    size_t count, removed;
} sb_changes;

/* Does the row hold exactly this cell? */
static sb_status same_cell(const sb_mutator *m, const sb_cell *old, const sb_cell *new_cell,
                           bool *same)
{
    sb_buffer bytes;
    sb_status st;

    *same = old->type == new_cell->type;
    if (!*same || (old->type & SB_CLASS_MASK) == SB_CLASS_NULL) return SB_OK;
    if ((old->type & SB_CLASS_MASK) != SB_CLASS_BYTES) {
        *same = old->word == new_cell->word;
        return SB_OK;
    }
    if (!old->overflow) {
        *same = sb_bytes_equal(old->bytes, new_cell->bytes);
        return SB_OK;
    }
    *same = old->word == new_cell->bytes.size;
    if (!*same) return SB_OK;
    sb_buffer_init(&bytes, m->graph->alloc);
    st = sb_cell_read(m->graph->txn, old, &bytes, m->err);
    if (st == SB_OK) *same = sb_bytes_equal(sb_buffer_bytes(&bytes), new_cell->bytes);
    sb_buffer_deinit(&bytes);
    return st;
}

static void add_change(sb_changes *changes, const sb_cell *cell, const sb_prop *prop)
{
    changes->cells[changes->count] = *cell;
    changes->props[changes->count++] = *prop;
}

static sb_status check_prop(const sb_mutator *m, const sb_op *op, size_t i)
{
    const sb_prop *prop = &op->props[i];
    char name[64];
    sb_status st;

    if (prop->key == 0 || prop->key > sb_name_count(m->graph->view, SB_NAME_KEY))
        return SB_FAIL(m->err, SB_INVALID, "there is no property key %u", prop->key);
    sb_graph__name(m->graph, SB_NAME_KEY, prop->key, name, sizeof name);
    if (prop->value.type == SB_TYPE_NULL) return SB_OK;
    st = sb_value_check(&prop->value, m->err);
    if (st != SB_OK && m->err != NULL) sb_err_prefix(m->err, "property %s", name);
    return st;
}

/* Keys given twice are refused: which one would win? seen keeps the op's keys. */
static sb_status check_props(const sb_mutator *m, const sb_op *op, sb_map *seen, size_t *encoded)
{
    char name[64];

    *encoded = 0;
    for (size_t i = 0; i < op->prop_count; i++) {
        bool inserted;
        SB_TRY(check_prop(m, op, i));
        if (sb_map_at(seen, op->props[i].key, &inserted) == NULL) return SB_FAIL_NOMEM(m->err);
        if (!inserted)
            return SB_FAIL(
                m->err, SB_INVALID, "property %s is given twice",
                sb_graph__name(m->graph, SB_NAME_KEY, op->props[i].key, name, sizeof name));
        if (op->props[i].value.type != SB_TYPE_NULL)
            *encoded += sb_value_cell_bytes(&op->props[i].value);
    }
    return SB_OK;
}

static sb_status compare_props(const sb_mutator *m, const sb_op *op, const sb_row *row,
                               sb_changes *changes)
{
    for (size_t i = 0; i < op->prop_count; i++) {
        const sb_prop *prop = &op->props[i];
        sb_cell old, cell = {.key = prop->key};
        const bool had = sb_row_cell(row, prop->key, &old);
        bool same = false;
        if (prop->value.type == SB_TYPE_NULL) {
            if (!had) continue;
            changes->removed++;
            add_change(changes, &cell, prop);
            continue;
        }
        SB_TRY(sb_value_to_cell(&prop->value, prop->key, &m->graph->writer.encoded, &cell, m->err));
        if (had) SB_TRY(same_cell(m, &old, &cell, &same));
        if (!same) add_change(changes, &cell, prop);
    }
    return SB_OK;
}

/* What the row has and a replacing op does not give goes. */
static void drop_others(const sb_row *row, const sb_map *given, sb_changes *changes)
{
    size_t pos = 0;
    sb_cell old;

    while (sb_row_next_cell(row, &pos, &old)) {
        const sb_cell cell = {.key = old.key};
        const sb_prop prop = {.key = old.key, .value = SB_VALUE_NULL};
        if (old.key >= SB_COLUMN_SYSTEM || sb_map_find(given, old.key) != NULL) continue;
        changes->removed++;
        add_change(changes, &cell, &prop);
    }
}

static size_t count_cells(const sb_row *row)
{
    size_t pos = 0, count = 0;
    sb_cell cell;

    while (sb_row_next_cell(row, &pos, &cell))
        count++;
    return count;
}

static sb_status find_changes(const sb_mutator *m, const sb_op *op, const sb_row *row,
                              sb_changes *changes)
{
    sb_writer *writer = &m->graph->writer;
    const size_t most = op->prop_count + (op->replace ? count_cells(row) : 0);
    sb_map given;
    size_t encoded;
    sb_status st;

    *changes = (sb_changes){.cells = sb_arena_alloc_array(m->arena, most, sizeof *changes->cells),
                            .props = sb_arena_alloc_array(m->arena, most, sizeof *changes->props)};
    if (changes->cells == NULL || changes->props == NULL) return SB_FAIL_NOMEM(m->err);
    sb_map_init(&given, m->graph->alloc);
    st = check_props(m, op, &given, &encoded);
    sb_buffer_reset(&writer->encoded);
    if (st == SB_OK && sb_buffer_reserve(&writer->encoded, encoded) != SB_OK)
        st = SB_FAIL_NOMEM(m->err);
    if (st == SB_OK) st = compare_props(m, op, row, changes);
    if (st == SB_OK && op->replace) drop_others(row, &given, changes);
    sb_map_deinit(&given);
    return st;
}

static sb_status set_props(sb_mutator *m, const sb_op *op, uint64_t id)
{
    sb_view *view = m->graph->view;
    sb_tree *table = op->entity == SB_NODE ? sb_node_table(view) : sb_rel_table(view);
    sb_side before = {.exists = true}, after = {.exists = true};
    sb_changes changes = {0};
    sb_row row = {0};
    bool found;
    sb_status st;

    st = open_row(m, op->entity, id, &row, &before.name);
    if (st == SB_OK) st = find_changes(m, op, &row, &changes);
    before.row = after.row = &row;
    after.name = before.name;
    after.changes = changes.props;
    after.change_count = changes.count;
    if (st == SB_OK && changes.count != 0)
        st = sb_upkeep__plan(m->graph, op->entity, id, &before, &after, m->err);
    sb_row_release(&row);
    if (st != SB_OK || changes.count == 0) return st;
    m->result->properties_removed += changes.removed;
    m->result->properties_set += changes.count - changes.removed;
    SB_TRY(sb_row_set(m->graph->txn, table, id, changes.cells, changes.count, &found, m->err));
    return sb_graph__changed(m->graph, op->entity == SB_NODE ? SB_NODE_CHANGED : SB_REL_CHANGED,
                             &id, 1, m->err);
}

/* ---- The list ------------------------------------------------------------------------------------------------------------------ */

static sb_status delete_one(sb_mutator *m, const sb_op *op, uint64_t id)
{
    uint64_t detached;

    if (op->kind == SB_OP_DELETE_REL) {
        SB_TRY(sb_delete__rel(m->graph, id, m->err));
        m->result->rels_deleted++;
        return sb_graph__changed(m->graph, SB_REL_DELETED, &id, 1, m->err);
    }
    SB_TRY(sb_delete__node(m->graph, id, op->detach, &detached, m->err));
    m->result->nodes_deleted++;
    m->result->rels_deleted += detached;
    return sb_graph__changed(m->graph, SB_NODE_DELETED, &id, 1, m->err);
}

/* Whom an op concerns. */
static sb_entity entity_of(const sb_op *op)
{
    switch (op->kind) {
    case SB_OP_SET_PROPS: return op->entity;
    case SB_OP_CREATE_REL:
    case SB_OP_DELETE_REL: return SB_REL;
    case SB_OP_CREATE_NODE:
    case SB_OP_ADD_LABELS:
    case SB_OP_REMOVE_LABELS:
    case SB_OP_DELETE_NODE:
    default: return SB_NODE;
    }
}

/* Deletions are done together, at most so many. */
#define DELETED_AT_ONCE 4096u

/* Can it be deleted together with others of its kind? */
static bool deletes_simply(const sb_op *op)
{
    return (op->kind == SB_OP_DELETE_REL || (op->kind == SB_OP_DELETE_NODE && !op->detach)) &&
           op->target_entity.result_of < 0;
}

static size_t run_of_deletions(const sb_mutator *m, size_t begin)
{
    size_t end = begin;

    while (end < m->count && end - begin < DELETED_AT_ONCE && deletes_simply(&m->ops[end]) &&
           m->ops[end].kind == m->ops[begin].kind)
        end++;
    return end;
}

/* False: one of them stands there twice. */
static bool sort_ids(uint64_t *ids, uint64_t *scratch, size_t count)
{
    if (!sb_u64_sorted(ids, count)) sb_u64_sort(ids, scratch, count);
    for (size_t i = 1; i < count; i++)
        if (ids[i - 1] == ids[i]) return false;
    return true;
}

/* In the order of the trees; the hook hears of them in that of ids. *done false: nothing was, one of them is at fault, which it says when its turn
 * comes. */
static sb_status delete_together(sb_graph *graph, sb_entity entity, const uint64_t *ids,
                                 size_t count, bool *done, sb_err *err)
{
    uint64_t *sorted = sb_alloc_array(graph->alloc, 2 * count, sizeof *sorted);
    sb_status st = SB_OK;

    if (sorted == NULL) return SB_FAIL_NOMEM(err);
    memcpy(sorted, ids, count * sizeof *sorted);
    *done = sort_ids(sorted, sorted + count, count);
    if (*done) st = sb_delete__many(graph, entity, sorted, count, done, err);
    sb_free(graph->alloc, sorted, 2 * count * sizeof *sorted);
    if (st != SB_OK || !*done) return st;
    return sb_graph__changed(graph, entity == SB_REL ? SB_REL_DELETED : SB_NODE_DELETED, ids, count,
                             err);
}

static sb_status delete_run(sb_mutator *m, size_t begin, size_t end, bool *done)
{
    const sb_entity entity = entity_of(&m->ops[begin]);

    for (size_t i = begin; i < end; i++)
        m->ids[i] = m->ops[i].target_entity.id;
    SB_TRY(delete_together(m->graph, entity, m->ids + begin, end - begin, done, m->err));
    if (*done)
        *(entity == SB_REL ? &m->result->rels_deleted : &m->result->nodes_deleted) += end - begin;
    return SB_OK;
}

static sb_status do_op(sb_mutator *m, size_t i)
{
    const sb_op *op = &m->ops[i];
    uint64_t id;

    SB_TRY(resolve(m, i, &op->target_entity, entity_of(op), &id));
    m->ids[i] = id;
    switch (op->kind) {
    case SB_OP_SET_PROPS: return set_props(m, op, id);
    case SB_OP_ADD_LABELS:
    case SB_OP_REMOVE_LABELS: return change_labels(m, op, id);
    case SB_OP_DELETE_NODE:
    case SB_OP_DELETE_REL: return delete_one(m, op, id);
    case SB_OP_CREATE_NODE:
    case SB_OP_CREATE_REL:
    default: return SB_FAIL(m->err, SB_MISUSE, "an operation of unknown kind");
    }
}

static bool creates(const sb_op *op)
{
    return op->kind == SB_OP_CREATE_NODE || op->kind == SB_OP_CREATE_REL;
}

/* One that is done by itself takes some microseconds, a hundred times what a unit of work does. */
#define OPS_BETWEEN_POLLS 64u

/* An sb_row_finder's find; ctx is the mutator: the last op that made an entity, or changed it. */
static bool op_of(void *ctx, sb_entity entity, uint64_t id, sb_key_id key, sb_row_place *place)
{
    const sb_mutator *m = ctx;

    (void)key;
    for (size_t i = m->count; i-- != 0;) {
        if (m->ids[i] != id || entity_of(&m->ops[i]) != entity) continue;
        *place = (sb_row_place){.order = i};
        (void)snprintf(place->text, sizeof place->text, "op %zu", i);
        return true;
    }
    return false;
}

/* Uniqueness is checked when all ops are done. */
static sb_status end_ops(sb_mutator *m)
{
    sb_row_finder *finder = &m->graph->writer.row_finder;

    if (!m->enclosed) *finder = (sb_row_finder){.find = op_of, .ctx = m};
    const sb_status st = sb_upkeep__end(m->graph, m->doubts, m->err);
    if (!m->enclosed) *finder = (sb_row_finder){0};
    return st;
}

/* One op, or several deletions: *next is behind what was done. alone: up to where ops are to be done one by one. */
static sb_status do_next(sb_mutator *m, size_t at, size_t *alone, size_t *next)
{
    const size_t end = at < *alone ? at : run_of_deletions(m, at);
    bool done = false;

    *next = at + 1;
    SB_TRY(sb_txn_spill(m->graph->txn, m->err)); /* no row is held between two ops */
    if (end > at + 1) {
        SB_TRY(delete_run(m, at, end, &done));
        *(done ? next : alone) = end;
    }
    return done ? SB_OK : do_op(m, at);
}

static sb_status do_ops(sb_mutator *m)
{
    size_t alone = 0;

    for (size_t i = 0, end; i < m->count; i = end) {
        sb_status st;
        for (end = i; end < m->count && creates(&m->ops[end]);)
            end++;
        if (end != i) {
            SB_TRY(create_run(m, i, end));
            continue;
        }
        st = do_next(m, i, &alone, &end);
        if (st != SB_OK) {
            number_fault(m, m->err, i);
            return st;
        }
        SB_TRY(sb_graph__work(m->graph, end - i, m->err));
        if (end - i > 1 || end % OPS_BETWEEN_POLLS == 0) SB_TRY(sb_graph__poll(m->graph, m->err));
    }
    return end_ops(m);
}

/* All operations, begun and ended as the caller's kind of call is. */
static sb_status mutate(sb_graph *graph, const sb_op *ops, size_t count, bool enclosed,
                        sb_unique_doubts *doubts, sb_mutation *result, sb_err *err)
{
    sb_mutator m = {.graph = graph,
                    .ops = ops,
                    .count = count,
                    .result = result,
                    .err = err,
                    .doubts = doubts,
                    .enclosed = enclosed};
    uint32_t savepoint = 0;
    sb_status st;

    *result = (sb_mutation){0};
    if (count > UINT32_MAX)
        return SB_FAIL(err, SB_LIMIT, "more than %u operations in one call", UINT32_MAX);
    m.arena = sb_graph__results(graph);
    m.ids = sb_arena_alloc_array(m.arena, count, sizeof *m.ids);
    if (m.ids == NULL) return SB_FAIL_NOMEM(err);
    SB_TRY(enclosed ? sb_graph__enclosed_begin(graph, err)
                    : sb_graph__atomic_begin(graph, &savepoint, err));
    sb_upkeep__begin(graph, true);
    st = do_ops(&m);
    st = enclosed ? sb_graph__enclosed_end(graph, st, err)
                  : sb_graph__atomic_end(graph, savepoint, st, err);
    if (st != SB_OK) {
        *result = (sb_mutation){0};
        return st;
    }
    result->ids = m.ids;
    result->id_count = count;
    return SB_OK;
}

sb_status sb_graph_mutate(sb_graph *graph, const sb_op *ops, size_t count, sb_mutation *result,
                          sb_err *err)
{
    return mutate(graph, ops, count, false, NULL, result, err);
}

sb_status sb_graph_mutate_enclosed(sb_graph *graph, const sb_op *ops, size_t count,
                                   sb_unique_doubts *doubts, sb_mutation *result, sb_err *err)
{
    return mutate(graph, ops, count, true, doubts, result, err);
}

static sb_status delete_ids(sb_graph *graph, sb_entity entity, const uint64_t *ids, size_t count,
                            sb_err *err)
{
    bool done;
    uint64_t detached;

    SB_TRY(sb_txn_spill(graph->txn, err));
    SB_TRY(delete_together(graph, entity, ids, count, &done, err));
    for (size_t i = 0; !done && i < count; i++) /* which is at fault? */
        SB_TRY(entity == SB_REL ? sb_delete__rel(graph, ids[i], err)
                                : sb_delete__node(graph, ids[i], false, &detached, err));
    return sb_upkeep__end(graph, NULL, err);
}

sb_status sb_graph_delete_enclosed(sb_graph *graph, sb_entity entity, const uint64_t *ids,
                                   size_t count, sb_err *err)
{
    SB_TRY(sb_graph__enclosed_begin(graph, err));
    sb_upkeep__begin(graph, true);
    return sb_graph__enclosed_end(graph, delete_ids(graph, entity, ids, count, err), err);
}
