/* adjacency.c — which tree holds the lists of a relationship type in a direction.
 * Types with few relationships share one tree for each direction, under ids (type << 40 | node), so that 10,000 types
 * with one relationship each cost 10,000 list entries and not 20,000 pages. A type that passes SB_SHARED_MAX
 * moves, in the same call, to a tree of its own, where an id is the node's alone: then a list is found by arithmetic
 * in a leaf that nothing else shares. It does not move back; a tree that has become empty keeps its number. */
#include "store/store_priv.h"

#define TYPE_SHIFT 40u

static uint64_t bias_of(sb_type_id type)
{
    return (uint64_t)type << TYPE_SHIFT;
}

static sb_tree *shared_tree(sb_view *view, sb_direction direction)
{
    return sb_store__core_tree(view, direction == SB_IN ? SB_CORE_SHARED_IN : SB_CORE_SHARED_OUT);
}

/* The type's own tree, or NULL. */
static sb_store__adjacency *own_entry(const sb_view *view, sb_type_id type, sb_direction direction)
{
    if (type >= view->adjacency_types) return NULL;
    const uint32_t place = view->adjacency_index[2 * (size_t)type + direction];
    if (place == 0) return NULL;
    sb_store__adjacency *entry = sb_store__adjacency_at(view, place - 1);
    return entry->tree.id == 0 ? NULL : entry;
}

const sb_tree *sb_adjacency_tree(sb_view *view, sb_type_id type, sb_direction direction,
                                 uint64_t *id_bias)
{
    const sb_store__adjacency *own = own_entry(view, type, direction);

    *id_bias = 0;
    if (own != NULL) return own->tree.root == SB_PGNO_NONE ? NULL : &own->tree;
    const sb_tree *shared = shared_tree(view, direction);
    *id_bias = bias_of(type);
    return shared->root == SB_PGNO_NONE ? NULL : shared;
}

/* ---- Entries -------------------------------------------------------------------------------------------------- */

static sb_status cover_type(sb_view *view, sb_type_id type)
{
    const size_t old = 2 * (size_t)view->adjacency_types;

    if (type < view->adjacency_types) return SB_OK;
    SB_TRY(sb_store__grow(view->alloc, &view->adjacency_index, sizeof *view->adjacency_index,
                          2 * ((size_t)type + 1), &view->adjacency_capacity));
    memset(view->adjacency_index + old, 0,
           (view->adjacency_capacity - old) * sizeof *view->adjacency_index);
    view->adjacency_types = (uint32_t)(view->adjacency_capacity / 2);
    return SB_OK;
}

static sb_status add_block(sb_view *view)
{
    SB_TRY(sb_store__grow(view->alloc, &view->adjacency_blocks, sizeof *view->adjacency_blocks,
                          (size_t)view->adjacency_block_count + 1,
                          &view->adjacency_block_capacity));
    sb_store__adjacency *block = sb_alloc_array(view->alloc, SB_ADJACENCY_BLOCK, sizeof *block);
    if (block == NULL) return SB_NOMEM;
    view->adjacency_blocks[view->adjacency_block_count++] = block;
    return SB_OK;
}

sb_store__adjacency *sb_store__adjacency_entry(sb_view *view, sb_type_id type,
                                               sb_direction direction)
{
    if (cover_type(view, type) != SB_OK) return NULL;
    uint32_t *place = &view->adjacency_index[2 * (size_t)type + direction];
    if (*place == 0) {
        const bool full = view->adjacency_count == view->adjacency_block_count * SB_ADJACENCY_BLOCK;
        if (full && add_block(view) != SB_OK) return NULL;
        *sb_store__adjacency_at(view, view->adjacency_count) =
            (sb_store__adjacency){.type = type, .direction = (uint8_t)direction};
        *place = ++view->adjacency_count;
    }
    return sb_store__adjacency_at(view, *place - 1);
}

/* The entry's tree is about to change. */
static sb_status before_change(sb_view *view, sb_store__adjacency *entry, sb_err *err)
{
    sb_store__writer *writer = &view->writer;
    const uint32_t place = view->adjacency_index[2 * (size_t)entry->type + entry->direction] - 1;
    const sb_store__undo undo = {.key = place, .kind = SB_UNDO_ADJACENCY, .old.tree = entry->tree};

    if (sb_store__log(view, &undo, &entry->epoch) != SB_OK) return SB_FAIL_NOMEM(err);
    if (entry->dirty) return SB_OK;
    if (sb_store__grow(view->alloc, &writer->dirty, sizeof *writer->dirty, writer->dirty_count + 1,
                       &writer->dirty_capacity) != SB_OK) {
        return SB_FAIL_NOMEM(err);
    }
    writer->dirty[writer->dirty_count++] = place;
    entry->dirty = true;
    return SB_OK;
}

static sb_status begin_change(sb_view *view, sb_type_id type, sb_direction direction, sb_err *err)
{
    if (type == 0 || type > view->names[SB_NAME_TYPE].count ||
        (direction != SB_OUT && direction != SB_IN)) {
        return SB_FAIL(err, SB_MISUSE, "adjacency of type %u, direction %d", type, (int)direction);
    }
    return sb_store__begin_change(view, err);
}

/* ---- Moving out of the shared tree ---------------------------------------------------------------------------------- */

typedef struct gather {
    sb_buffer *triples;
    bool any_is_enough;
} gather;

static sb_status gather_chunk(void *ctx, uint64_t node, const sb_chunk *chunk, bool starts)
{
    gather *g = ctx;

    (void)starts;
    if (g->any_is_enough) return SB_EXISTS;
    for (uint32_t i = 0; i < chunk->count; i++) {
        const sb_triple triple = {
            .node = node, .neighbor = sb_chunk_neighbor(chunk, i), .rel = sb_chunk_rel(chunk, i)};
        SB_TRY(sb_buffer_append(g->triples, &triple, sizeof triple));
    }
    return SB_OK;
}

static sb_status scan_shared(sb_view *view, sb_type_id type, sb_direction direction, gather *g,
                             sb_err *err)
{
    const sb_tree *shared = shared_tree(view, direction);
    const uint64_t bias = bias_of(type);

    if (shared->root == SB_PGNO_NONE) return SB_OK;
    const sb_status st =
        sb_lists_scan(view->txn, shared, bias, bias | SB_ID_MAX, gather_chunk, g, err);
    return st == SB_NOMEM ? SB_FAIL_NOMEM(err) : st;
}

/* Take the type's lists out of the shared tree and plant them in entry's, which is new. */
static sb_status move_out(sb_view *view, sb_store__adjacency *entry, sb_err *err)
{
    const sb_direction direction = (sb_direction)entry->direction;
    sb_buffer *buffer = &view->writer.scratch;
    gather g = {.triples = buffer};
    size_t deleted;

    sb_buffer_reset(buffer);
    SB_TRY(scan_shared(view, entry->type, direction, &g, err));
    sb_triple *triples = (sb_triple *)(void *)buffer->data;
    const size_t count = buffer->size / sizeof *triples;
    if (count == 0) return SB_OK;
    SB_TRY(sb_lists_delete(view->txn, shared_tree(view, direction), triples, count, &deleted, err));
    for (size_t i = 0; i < count; i++) {
        triples[i].node -= bias_of(entry->type);
    }
    return sb_lists_insert(view->txn, &entry->tree, triples, count, err);
}

/* An empty tree of its own for type; lists in the shared one stay there. */
static sb_status make_own(sb_view *view, sb_type_id type, sb_direction direction,
                          sb_store__adjacency **own, sb_err *err)
{
    sb_store__adjacency *entry = sb_store__adjacency_entry(view, type, direction);
    sb_tree tree;

    *own = entry;
    if (entry == NULL) return SB_FAIL_NOMEM(err);
    SB_TRY(before_change(view, entry, err));
    SB_TRY(sb_store__new_tree(view, SB_TREE_LIST, &tree, err));
    entry->tree = tree;
    return SB_OK;
}

/* Would type have more than a shared type may? Its statistics tell, whether or not the caller has counted these in yet. */
static sb_status outgrows(sb_view *view, sb_type_id type, size_t count, bool *outgrown, sb_err *err)
{
    uint64_t rels = 0;

    *outgrown = true;
    if (count > SB_SHARED_MAX) return SB_OK;
    SB_TRY(sb_stats_rels_of_type(view, type, &rels, err));
    *outgrown = rels + count > SB_SHARED_MAX;
    return SB_OK;
}

/* Copies of triples under the type's ids in the shared tree. */
static sb_status biased(sb_view *view, sb_type_id type, const sb_triple *triples, size_t count,
                        const sb_triple **out, sb_err *err)
{
    sb_buffer *buffer = &view->writer.scratch;
    size_t bytes;

    sb_buffer_reset(buffer);
    if (!sb_mul_size(count, sizeof *triples, &bytes) || sb_buffer_reserve(buffer, bytes) != SB_OK)
        return SB_FAIL_NOMEM(err);
    sb_triple *copies = (sb_triple *)(void *)buffer->data;
    for (size_t i = 0; i < count; i++) {
        copies[i] = triples[i];
        copies[i].node += bias_of(type);
    }
    *out = copies;
    return SB_OK;
}

/* ---- The front door --------------------------------------------------------------------------------------------------- */

sb_status sb_adjacency_insert(sb_view *view, sb_type_id type, sb_direction direction,
                              const sb_triple *triples, size_t count, sb_err *err)
{
    const sb_triple *copies = NULL;
    bool outgrown;

    SB_TRY(begin_change(view, type, direction, err));
    if (count == 0) return SB_OK;
    sb_store__adjacency *own = own_entry(view, type, direction);
    if (own != NULL) {
        SB_TRY(before_change(view, own, err));
        return sb_lists_insert(view->txn, &own->tree, triples, count, err);
    }
    SB_TRY(outgrows(view, type, count, &outgrown, err));
    if (outgrown) {
        SB_TRY(make_own(view, type, direction, &own, err));
        SB_TRY(move_out(view, own, err));
        return sb_lists_insert(view->txn, &own->tree, triples, count, err);
    }
    SB_TRY(biased(view, type, triples, count, &copies, err));
    return sb_lists_insert(view->txn, shared_tree(view, direction), copies, count, err);
}

sb_status sb_adjacency_delete(sb_view *view, sb_type_id type, sb_direction direction,
                              const sb_triple *triples, size_t count, size_t *deleted, sb_err *err)
{
    const sb_triple *copies = NULL;

    *deleted = 0;
    SB_TRY(begin_change(view, type, direction, err));
    if (count == 0) return SB_OK;
    sb_store__adjacency *own = own_entry(view, type, direction);
    if (own != NULL) {
        SB_TRY(before_change(view, own, err));
        return sb_lists_delete(view->txn, &own->tree, triples, count, deleted, err);
    }
    SB_TRY(biased(view, type, triples, count, &copies, err));
    return sb_lists_delete(view->txn, shared_tree(view, direction), copies, count, deleted, err);
}

sb_status sb_adjacency_fresh(sb_view *view, sb_type_id type, sb_direction direction, sb_tree *tree,
                             sb_err *err)
{
    gather g = {.any_is_enough = true};

    *tree = (sb_tree){0};
    SB_TRY(begin_change(view, type, direction, err));
    sb_store__adjacency *own = own_entry(view, type, direction);
    const sb_status st = own != NULL ? (own->tree.root == SB_PGNO_NONE ? SB_OK : SB_EXISTS)
                                     : scan_shared(view, type, direction, &g, err);
    if (st == SB_EXISTS)
        return SB_FAIL(err, SB_MISUSE, "a fresh tree for type %u, which has relationships", type);
    SB_TRY(st);
    if (own == NULL) SB_TRY(make_own(view, type, direction, &own, err));
    *tree = own->tree;
    return SB_OK;
}

sb_status sb_adjacency_adopt(sb_view *view, sb_type_id type, sb_direction direction,
                             const sb_tree *tree, sb_err *err)
{
    SB_TRY(begin_change(view, type, direction, err));
    sb_store__adjacency *own = own_entry(view, type, direction);
    if (own == NULL || own->tree.id != tree->id || tree->kind != SB_TREE_LIST ||
        own->tree.root != SB_PGNO_NONE) {
        return SB_FAIL(err, SB_MISUSE, "tree %u is not the fresh tree of type %u", tree->id, type);
    }
    SB_TRY(before_change(view, own, err));
    own->tree = *tree;
    return SB_OK;
}
