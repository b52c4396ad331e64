/* adjacency.c — which tree holds the lists of a relationship type in a direction.
 * Types with few relationships share one tree for each direction, under ids (type << 40 | node), so that 10,000 types
 * with one relationship each cost 10,000 list entries and not 20,000 pages. A type that passes SB_SHARED_MAX
 * moves, in the same call, to a tree of its own, where an id is the node's alone: then a list is found by arithmetic
 * in a leaf that nothing else shares. It does not move back; a tree that has become empty keeps its number.
 *
 * Entries that would change one leaf each of a large tree go to a side tree beside it (tree/list_gather.c says why), which
 * whoever reads the tree reads, too (sb_tree.side). Invariants:
 *   An entry is in the tree or in its side, never in both.
 *   Where the side has pages the tree has some, too: when the tree becomes small, or half of what it was when
 *   its side was at its largest, everything comes home.
 *   A side with more than a share of the tree's leaves shrinks: for each entry put aside then, two come home, each leaf of
 *   the tree that is opened for it getting all that is aside of it. So no commit has to bring home everything. */
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

sb_store__adjacency *sb_store__adjacency_find(const sb_view *view, sb_type_id type, unsigned lane)
{
    if (type >= view->adjacency_types) return NULL;
    const uint32_t place = view->adjacency_index[SB_LANES * (size_t)type + lane];
    if (place == 0) return NULL;
    sb_store__adjacency *entry = sb_store__adjacency_at(view, place - 1);
    return entry->tree.id == 0 ? NULL : entry;
}

/* The type's own tree, or NULL. */
static sb_store__adjacency *own_entry(const sb_view *view, sb_type_id type, sb_direction direction)
{
    return sb_store__adjacency_find(view, type, (unsigned)direction);
}

/* What is beside it, or NULL. */
static sb_store__adjacency *side_entry(const sb_view *view, const sb_store__adjacency *own)
{
    return sb_store__adjacency_find(view, own->type, own->lane + SB_LANE_SIDE_OUT);
}

const sb_tree *sb_adjacency_tree(sb_view *view, sb_type_id type, sb_direction direction,
                                 uint64_t *id_bias)
{
    const sb_store__adjacency *own = own_entry(view, type, direction);

    *id_bias = 0;
    if (type > SB_TYPE_ID_MAX) return NULL; /* nobody's number */
    if (own != NULL) return own->tree.root == SB_PGNO_NONE ? NULL : &own->tree;
    const sb_tree *shared = shared_tree(view, direction);
    *id_bias = bias_of(type);
    return shared->root == SB_PGNO_NONE ? NULL : shared;
}

/* ---- Entries -------------------------------------------------------------------------------------------------- */

static sb_status cover_type(sb_view *view, sb_type_id type)
{
    const size_t old = SB_LANES * (size_t)view->adjacency_types;

    if (type < view->adjacency_types) return SB_OK;
    SB_TRY(sb_store__grow(view->alloc, &view->adjacency_index, sizeof *view->adjacency_index,
                          SB_LANES * ((size_t)type + 1), &view->adjacency_capacity));
    memset(view->adjacency_index + old, 0,
           (view->adjacency_capacity - old) * sizeof *view->adjacency_index);
    view->adjacency_types = (uint32_t)(view->adjacency_capacity / SB_LANES);
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

sb_store__adjacency *sb_store__adjacency_entry(sb_view *view, sb_type_id type, unsigned lane)
{
    if (cover_type(view, type) != SB_OK) return NULL;
    uint32_t *place = &view->adjacency_index[SB_LANES * (size_t)type + lane];
    if (*place == 0) {
        const bool full = view->adjacency_count == view->adjacency_block_count * SB_ADJACENCY_BLOCK;
        if (full && add_block(view) != SB_OK) return NULL;
        *sb_store__adjacency_at(view, view->adjacency_count) =
            (sb_store__adjacency){.type = type, .lane = (uint8_t)lane};
        *place = ++view->adjacency_count;
    }
    return sb_store__adjacency_at(view, *place - 1);
}

void sb_store__adjacency_join(sb_view *view, sb_tree *own, const sb_store__adjacency *side)
{
    own->side = &side->tree;
    own->side_version = &view->meta.aside_version;
}

/* The entry's tree is about to change. */
static sb_status before_change(sb_view *view, sb_store__adjacency *entry, sb_err *err)
{
    sb_store__writer *writer = &view->writer;
    const uint32_t place = view->adjacency_index[SB_LANES * (size_t)entry->type + entry->lane] - 1;
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

/* Take entries that were read in tree out of it, to be put elsewhere. In a damaged tree a walk may come to some that a look-up does not:
 * they would be in two places. */
static sb_status take_out(sb_view *view, sb_tree *tree, const sb_triple *triples, size_t count,
                          sb_err *err)
{
    size_t deleted;

    SB_TRY(sb_lists_delete(view->txn, tree, triples, count, &deleted, err));
    if (SB_LIKELY(deleted == count)) return SB_OK;
    return SB_FAIL(err, SB_CORRUPT, "tree %u: %zu of %zu entries that were read are not found",
                   tree->id, count - deleted, count);
}

sb_status sb_store__of_source(const sb_tree *source, sb_status st, sb_err *err)
{
    if (st != SB_MISUSE) return st;
    if (err != NULL) sb_err_clear(err);
    return SB_FAIL(err, SB_CORRUPT, "tree %u holds entries out of order, or twice", source->id);
}

/* Take out of from what was read there, and put it into to, under ids less bias. */
static sb_status move(sb_view *view, sb_tree *from, sb_tree *to, sb_triple *triples, size_t count,
                      uint64_t bias, sb_err *err)
{
    SB_TRY(sb_store__of_source(from, take_out(view, from, triples, count, err), err));
    for (size_t i = 0; i < count; i++)
        triples[i].node -= bias;
    return sb_store__of_source(from, sb_lists_insert(view->txn, to, triples, count, err), err);
}

/* ---- Moving out of the shared tree ---------------------------------------------------------------------------------- */

typedef struct gather {
    sb_buffer *triples;
    size_t limit; /* SB_EXISTS where there are more entries */
} gather;

static sb_status gather_chunk(void *ctx, uint64_t node, const sb_chunk *chunk, bool starts)
{
    gather *g = ctx;

    (void)starts;
    for (uint32_t i = 0; i < chunk->count; i++) {
        if (g->limit-- == 0) return SB_EXISTS;
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
    const sb_direction direction = (sb_direction)entry->lane;
    sb_buffer *buffer = &view->writer.scratch;
    gather g = {.triples = buffer, .limit = SIZE_MAX};

    sb_buffer_reset(buffer);
    SB_TRY(scan_shared(view, entry->type, direction, &g, err));
    sb_triple *triples = (sb_triple *)(void *)buffer->data;
    const size_t count = buffer->size / sizeof *triples;
    if (count == 0) return SB_OK;
    return move(view, shared_tree(view, direction), &entry->tree, triples, count,
                bias_of(entry->type), err);
}

/* An empty tree in a lane of the type; lists in the shared one stay there. */
static sb_status make_tree(sb_view *view, sb_type_id type, unsigned lane,
                           sb_store__adjacency **made, sb_err *err)
{
    sb_store__adjacency *entry = sb_store__adjacency_entry(view, type, lane);
    sb_tree tree;

    *made = entry;
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

/* ---- Beside a tree of its own ------------------------------------------------------------------------------------------- */

/* Entries that come home at once when all of them do. */
#define HOME_MAX 4096u

/* The side of own, made if there is none, about to be changed and read with it. */
static sb_status open_side(sb_view *view, sb_store__adjacency *own, sb_store__adjacency **side,
                           sb_err *err)
{
    *side = side_entry(view, own);
    if (*side == NULL)
        SB_TRY(make_tree(view, own->type, own->lane + SB_LANE_SIDE_OUT, side, err));
    else
        SB_TRY(before_change(view, *side, err));
    sb_store__adjacency_join(view, &own->tree, *side);
    view->meta.aside_version = view->writer.base.aside_version + 1;
    return SB_OK;
}

/* A leaf is opened for what is aside of it when that is so much: 96 bytes of page image for each entry that comes home. */
#define HOME_BYTES 96u

/* Bring some of what is aside home, together with those of triples[from, to) that belong into the same leaves; triples for other
 * leaves are appended to rest. As long as there is too much aside, two come home for each that is put there. (Leaves of the side
 * are halved as it takes entries, and do not merge as fast as it gives them: a batch that waited for their number would open most
 * of the tree.) A large batch, which has entries for many leaves, takes those with much aside; a small one what it finds. */
static sb_status bring_home(sb_view *view, sb_store__adjacency *own, sb_store__adjacency *side,
                            const sb_triple *triples, size_t from, size_t to, size_t *home,
                            sb_buffer *rest, sb_err *err)
{
    const size_t most = sb_pager_page_bytes(view->pager) / HOME_BYTES;
    const size_t least = to - from < most * HOME_BYTES ? (to - from) / HOME_BYTES : most;
    size_t left = to - from;

    while (from < to && side->tree.leaf_count > own->tree.leaf_count / SB_SIDE_SHARE &&
           *home < 2 * (rest->size / sizeof *triples + left)) {
        size_t taken, came;
        SB_TRY(sb_lists_gather(view->txn, &own->tree, &side->tree, triples + from, to - from, least,
                               &taken, &came, err));
        if (came < least &&
            sb_buffer_append(rest, triples + from, taken * sizeof *triples) != SB_OK)
            return SB_FAIL_NOMEM(err);
        *home += came;
        from += taken;
        left -= taken;
    }
    return sb_buffer_append(rest, triples + from, (to - from) * sizeof *triples) == SB_OK
               ? SB_OK
               : SB_FAIL_NOMEM(err);
}

/* Put scattered triples aside, and some of what is there home: from a place on that is left to chance, so that it does not
 * always hit the first leaves. */
static sb_status insert_aside(sb_view *view, sb_store__adjacency *own, const sb_triple *triples,
                              size_t count, sb_err *err)
{
    const size_t start = (size_t)(sb_hash_u64(triples[0].rel) % count);
    sb_buffer *rest = &view->writer.scratch;
    sb_store__adjacency *side;
    size_t home = 0, behind, bytes;

    SB_TRY(open_side(view, own, &side, err));
    sb_buffer_reset(rest);
    if (!sb_mul_size(count, sizeof *triples, &bytes) || sb_buffer_reserve(rest, bytes) != SB_OK)
        return SB_FAIL_NOMEM(err);
    SB_TRY(bring_home(view, own, side, triples, start, count, &home, rest, err));
    behind = rest->size / sizeof *triples;
    SB_TRY(bring_home(view, own, side, triples, 0, start, &home, rest, err));
    const sb_triple *left = (const sb_triple *)(const void *)rest->data;
    const size_t all = rest->size / sizeof *triples;
    SB_TRY(sb_lists_insert(view->txn, &side->tree, left, behind, err));
    return sb_lists_insert(view->txn, &side->tree, left + behind, all - behind, err);
}

static sb_status insert_own(sb_view *view, sb_store__adjacency *own, const sb_triple *triples,
                            size_t count, sb_err *err)
{
    size_t aside = 0;

    SB_TRY(before_change(view, own, err));
    if (own->tree.leaf_count >= SB_SIDE_LEAVES_MIN)
        SB_TRY(sb_lists_scattered(view->txn, &own->tree, triples, count, &aside, err));
    if (aside > 0) SB_TRY(insert_aside(view, own, triples, aside, err));
    return sb_lists_insert(view->txn, &own->tree, triples + aside, count - aside, err);
}

/* Everything aside comes home. */
static sb_status empty_side(sb_view *view, sb_store__adjacency *own, sb_store__adjacency *side,
                            sb_err *err)
{
    sb_buffer *buffer = &view->writer.scratch;

    while (side->tree.root != SB_PGNO_NONE) {
        gather g = {.triples = buffer, .limit = HOME_MAX};

        sb_buffer_reset(buffer);
        const sb_status st =
            sb_lists_scan(view->txn, &side->tree, 0, UINT64_MAX, gather_chunk, &g, err);
        if (st == SB_NOMEM) return SB_FAIL_NOMEM(err);
        if (st != SB_OK && st != SB_EXISTS) return st;
        sb_triple *triples = (sb_triple *)(void *)buffer->data;
        const size_t count = buffer->size / sizeof *triples;
        if (count == 0) return sb_tree_clear(view->txn, &side->tree, NULL, NULL, err);
        SB_TRY(move(view, &side->tree, &own->tree, triples, count, 0, err));
    }
    return SB_OK;
}

/* Sorted triples divided into those that are aside and the others, in the scratch buffer. */
static sb_status divide(sb_view *view, const sb_tree *side, const sb_triple *triples, size_t count,
                        sb_triple **aside, size_t *aside_count, sb_triple **others, sb_err *err)
{
    sb_buffer *buffer = &view->writer.scratch;
    size_t bytes;

    sb_buffer_reset(buffer);
    if (!sb_mul_size(count, 2 * sizeof *triples, &bytes) ||
        sb_buffer_reserve(buffer, bytes) != SB_OK)
        return SB_FAIL_NOMEM(err);
    *aside = (sb_triple *)(void *)buffer->data;
    *others = *aside + count;
    *aside_count = 0;
    for (size_t i = 0; i < count; i++) {
        const sb_triple want = triples[i];
        sb_list list;

        SB_TRY(sb_list_seek(view->txn, side, want.node, want.neighbor, want.rel, &list, err));
        const bool found = list.chunk.count > 0 &&
                           sb_chunk_neighbor(&list.chunk, 0) == want.neighbor &&
                           sb_chunk_rel(&list.chunk, 0) == want.rel;
        sb_list_close(&list);
        if (found)
            (*aside)[(*aside_count)++] = want;
        else
            (*others)[i - *aside_count] = want;
    }
    return SB_OK;
}

static sb_status delete_own(sb_view *view, sb_store__adjacency *own, const sb_triple *triples,
                            size_t count, size_t *deleted, sb_err *err)
{
    sb_store__adjacency *side = side_entry(view, own);
    sb_triple *aside, *others;
    size_t aside_count, at_home;

    SB_TRY(before_change(view, own, err));
    if (side == NULL || side->tree.root == SB_PGNO_NONE)
        return sb_lists_delete(view->txn, &own->tree, triples, count, deleted, err);
    SB_TRY(before_change(view, side, err));
    SB_TRY(divide(view, &side->tree, triples, count, &aside, &aside_count, &others, err));
    SB_TRY(sb_lists_delete(view->txn, &side->tree, aside, aside_count, deleted, err));
    SB_TRY(sb_lists_delete(view->txn, &own->tree, others, count - aside_count, &at_home, err));
    *deleted += at_home;
    if (own->tree.leaf_count >= SB_SIDE_LEAVES_MIN / 2 &&
        side->tree.leaf_count <= own->tree.leaf_count / SB_SIDE_MOST)
        return SB_OK;
    return empty_side(view, own, side, err);
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
    if (own != NULL) return insert_own(view, own, triples, count, err);
    SB_TRY(outgrows(view, type, count, &outgrown, err));
    if (outgrown) {
        SB_TRY(make_tree(view, type, (unsigned)direction, &own, err));
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
    if (own != NULL) return delete_own(view, own, triples, count, deleted, err);
    SB_TRY(biased(view, type, triples, count, &copies, err));
    return sb_lists_delete(view->txn, shared_tree(view, direction), copies, count, deleted, err);
}

sb_status sb_adjacency_fresh(sb_view *view, sb_type_id type, sb_direction direction, sb_tree *tree,
                             sb_err *err)
{
    gather g = {.limit = 0};

    *tree = (sb_tree){0};
    SB_TRY(begin_change(view, type, direction, err));
    sb_store__adjacency *own = own_entry(view, type, direction);
    const sb_status st = own != NULL ? (own->tree.root == SB_PGNO_NONE ? SB_OK : SB_EXISTS)
                                     : scan_shared(view, type, direction, &g, err);
    if (st == SB_EXISTS)
        return SB_FAIL(err, SB_MISUSE, "a fresh tree for type %u, which has relationships", type);
    SB_TRY(st);
    if (own == NULL) SB_TRY(make_tree(view, type, (unsigned)direction, &own, err));
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
