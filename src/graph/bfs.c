/* bfs.c — breadth-first search, level by level.
 * A level is a queue while it is small. Past a few percent of the nodes it is a bitmap, walked in order of id, so that lists
 * are read as they lie in the file, and a neighbor costs one bit set: those seen before are taken out of the whole level
 * at once. Where most of the nodes that are left have few relationships, as behind hubs, they are looked at from their own side, each until one
 * leads to it from the level (Beamer, Asanovic and Patterson, "Direction-optimizing breadth-first search", 2012). What was visited is a hash map until a bitmap over the ids costs less: a search that stops near its start
 * costs nothing that grows with the graph. */
#include "graph/traverse_priv.h"

/* A level of more than 1/32 of the nodes is a bitmap. (bench/micro/read.c; a queue costs 8 bytes and a look-up a node.) */
#define BITMAP_SHARE 32u
/* In a level of more than 1/4 of the nodes, all lists are walked and those of other nodes skipped. */
#define WALK_SHARE 4u
/* From a level of more than 1/8 of the nodes on, and of more than 1/4 of those that are left, these are looked at from their own side: all
 * their lists at most, in no more than eight levels. */
#define SIDE_SHARE 8u
#define LEFT_SHARE 4u
/* Bitmaps up to this are made at once. */
#define BITMAP_BYTES_FREE ((size_t)256 << 10)
/* Bytes of a map entry, at the map's load after growing. */
#define MAP_ENTRY_BYTES 32u
/* Relationships between two looks at cancel and progress. */
#define TICK_RELS 65536u

typedef struct sb_bfs {
    sb_graph *graph;
    sb_lanes lanes, back; /* the lists of the search; the same relationships from the other side */
    const sb_bfs_options *options;
    sb_bfs_visit visit;
    void *ctx;
    sb_bfs_result *result;
    sb_err *err;
    uint64_t end;                     /* ids are below it */
    uint64_t nodes;                   /* how many there are */
    size_t words;                     /* of a bitmap */
    sb_map seen;                      /* visited, while visited is NULL */
    uint64_t *visited;                /* owned, like all below */
    uint64_t *level_bits, *next_bits; /* this level and the next one, while dense; next_bits is
                                       * zero between levels */
    uint64_t *level, *next;           /* the same, while not dense */
    size_t level_capacity, next_capacity;
    size_t next_count;
    uint64_t level_count;
    uint64_t next_tick; /* rels_seen at which to look at cancel */
    bool dense;
    bool back_open;
    bool full; /* there is a node more than max_visits allows */
} sb_bfs;

static sb_status no_memory(const sb_bfs *bfs)
{
    return sb_lanes__no_memory(&bfs->lanes, bfs->err);
}

static sb_status tick(sb_bfs *bfs, uint32_t rels)
{
    bfs->result->rels_seen += rels;
    if (SB_LIKELY(bfs->result->rels_seen < bfs->next_tick)) return SB_OK;
    bfs->next_tick = bfs->result->rels_seen + TICK_RELS;
    return sb_graph__tick(bfs->graph, bfs->result->visited, bfs->nodes, bfs->err);
}

/* ---- Neighbors into a bitmap -------------------------------------------------------------------------------------- */

/* Set the bits of a chunk's neighbors; *stray: one that is not an id. One copy for each width. */
SB_INLINE bool mark_width(uint64_t *bits, uint64_t end, const sb_chunk *chunk, unsigned width,
                          uint64_t *stray)
{
    for (uint32_t i = 0; i < chunk->count; i++) {
        const uint64_t id =
            chunk->neighbor_base + sb_load_width(chunk->neighbors + (size_t)i * width, width);
        if (SB_UNLIKELY(id >= end)) {
            *stray = id;
            return false;
        }
        bits[id / 64] |= 1ull << (id % 64);
    }
    return true;
}

static bool mark_chunk(uint64_t *bits, uint64_t end, const sb_chunk *chunk, uint64_t *stray)
{
    switch (chunk->neighbor_width) {
    case 0: return mark_width(bits, end, chunk, 0, stray);
    case 1: return mark_width(bits, end, chunk, 1, stray);
    case 2: return mark_width(bits, end, chunk, 2, stray);
    case 4: return mark_width(bits, end, chunk, 4, stray);
    default: return mark_width(bits, end, chunk, 8, stray);
    }
}

static sb_status mark_neighbors(void *ctx, uint64_t at, const sb_lane *lane, const sb_chunk *chunk)
{
    sb_bfs *bfs = ctx;
    uint64_t stray;

    (void)at;
    (void)lane;
    if (SB_UNLIKELY(!mark_chunk(bfs->next_bits, bfs->end, chunk, &stray)))
        return sb_lanes__stray(stray, bfs->err);
    return tick(bfs, chunk->count);
}

static sb_status mark_neighbors_of_level(void *ctx, uint64_t node, const sb_lane *lane,
                                         const sb_chunk *chunk)
{
    const sb_bfs *bfs = ctx;

    if (node >= bfs->end || (bfs->level_bits[node / 64] >> (node % 64) & 1) == 0) return SB_OK;
    return mark_neighbors(ctx, node, lane, chunk);
}

/* ---- From the side of the nodes that are left ------------------------------------------------------------------------ */

/* Is one of the chunk's neighbors in the bitmap? One copy for each width. */
SB_INLINE bool meets_width(const uint64_t *bits, uint64_t end, const sb_chunk *chunk,
                           unsigned width, uint64_t *stray)
{
    for (uint32_t i = 0; i < chunk->count; i++) {
        const uint64_t id =
            chunk->neighbor_base + sb_load_width(chunk->neighbors + (size_t)i * width, width);
        if (SB_UNLIKELY(id >= end)) {
            *stray = id;
            return false;
        }
        if ((bits[id / 64] >> (id % 64) & 1) != 0) return true;
    }
    return false;
}

static bool meets_chunk(const uint64_t *bits, uint64_t end, const sb_chunk *chunk, uint64_t *stray)
{
    switch (chunk->neighbor_width) {
    case 0: return meets_width(bits, end, chunk, 0, stray);
    case 1: return meets_width(bits, end, chunk, 1, stray);
    case 2: return meets_width(bits, end, chunk, 2, stray);
    case 4: return meets_width(bits, end, chunk, 4, stray);
    default: return meets_width(bits, end, chunk, 8, stray);
    }
}

static sb_status mark_if_met(void *ctx, uint64_t node, const sb_lane *lane, const sb_chunk *chunk)
{
    sb_bfs *bfs = ctx;
    uint64_t stray = 0;

    (void)lane;
    if (node >= bfs->end ||
        ((bfs->visited[node / 64] | bfs->next_bits[node / 64]) >> (node % 64) & 1) != 0)
        return SB_OK;
    if (meets_chunk(bfs->level_bits, bfs->end, chunk, &stray))
        bfs->next_bits[node / 64] |= 1ull << (node % 64);
    else if (SB_UNLIKELY(stray != 0))
        return sb_lanes__stray(stray, bfs->err);
    return tick(bfs, chunk->count);
}

static bool prefers_other_side(const sb_bfs *bfs)
{
    const uint64_t left = bfs->nodes > bfs->result->visited ? bfs->nodes - bfs->result->visited : 0;

    return bfs->options->any_side && bfs->level_count > bfs->nodes / SIDE_SHARE &&
           bfs->level_count > left / LEFT_SHARE;
}

static sb_status expand_other_side(sb_bfs *bfs)
{
    const sb_direction direction = bfs->options->direction;

    if (!bfs->back_open) {
        bfs->back_open = true; /* to be closed, whatever comes of it */
        SB_TRY(sb_lanes__open(bfs->graph,
                              direction == SB_BOTH  ? SB_BOTH
                              : direction == SB_OUT ? SB_IN
                                                    : SB_OUT,
                              bfs->options->types, bfs->options->type_count, &bfs->back, bfs->err));
    }
    return sb_lanes__walk(&bfs->back, 1, bfs->end - 1, mark_if_met, bfs, bfs->err);
}

/* ---- Neighbors into a queue --------------------------------------------------------------------------------------- */

/* Append those neighbors that were not visited. */
SB_INLINE bool push_width(sb_bfs *bfs, const sb_chunk *chunk, unsigned width, uint64_t *stray)
{
    uint64_t *visited = bfs->visited, *out = bfs->next + bfs->next_count;

    for (uint32_t i = 0; i < chunk->count; i++) {
        const uint64_t id =
            chunk->neighbor_base + sb_load_width(chunk->neighbors + (size_t)i * width, width);
        if (SB_UNLIKELY(id >= bfs->end)) {
            *stray = id;
            return false;
        }
        /* Without a branch: whether a neighbor is new can not be predicted. */
        const uint64_t word = visited[id / 64], bit = 1ull << (id % 64);
        *out = id;
        out += (word & bit) == 0;
        visited[id / 64] = word | bit;
    }
    bfs->next_count = (size_t)(out - bfs->next);
    return true;
}

static bool push_chunk(sb_bfs *bfs, const sb_chunk *chunk, uint64_t *stray)
{
    switch (chunk->neighbor_width) {
    case 0: return push_width(bfs, chunk, 0, stray);
    case 1: return push_width(bfs, chunk, 1, stray);
    case 2: return push_width(bfs, chunk, 2, stray);
    case 4: return push_width(bfs, chunk, 4, stray);
    default: return push_width(bfs, chunk, 8, stray);
    }
}

/* Room for more ids in the next level; one spare, since the branch-free loop writes past the last. */
static sb_status reserve_next(sb_bfs *bfs, size_t more)
{
    if (SB_LIKELY(bfs->next_capacity - bfs->next_count > more)) return SB_OK;
    if (sb_graph__grow(sb_lanes__alloc(&bfs->lanes), &bfs->next, sizeof *bfs->next,
                       bfs->next_count + more + 1, &bfs->next_capacity, NULL) != SB_OK)
        return no_memory(bfs);
    return SB_OK;
}

static sb_status push_neighbors(void *ctx, uint64_t at, const sb_lane *lane, const sb_chunk *chunk)
{
    sb_bfs *bfs = ctx;
    uint64_t stray;

    (void)at;
    (void)lane;
    SB_TRY(reserve_next(bfs, chunk->count));
    if (bfs->visited != NULL) {
        if (SB_UNLIKELY(!push_chunk(bfs, chunk, &stray))) return sb_lanes__stray(stray, bfs->err);
    } else {
        for (uint32_t i = 0; i < chunk->count; i++) {
            const uint64_t id = sb_chunk_neighbor(chunk, i);
            bool fresh;
            if (SB_UNLIKELY(id >= bfs->end)) return sb_lanes__stray(id, bfs->err);
            if (SB_UNLIKELY(sb_map_at(&bfs->seen, id, &fresh) == NULL)) return no_memory(bfs);
            if (fresh) bfs->next[bfs->next_count++] = id;
        }
    }
    SB_TRY(tick(bfs, chunk->count));
    if (bfs->options->max_visits == 0 ||
        bfs->result->visited + bfs->next_count <= bfs->options->max_visits)
        return SB_OK;
    bfs->full = true;
    return SB_INTERRUPT; /* expand_queue knows why */
}

/* ---- Changing form -------------------------------------------------------------------------------------------------- */

static uint64_t *make_bits(sb_bfs *bfs)
{
    return sb_alloc_zero(sb_lanes__alloc(&bfs->lanes), bfs->words * sizeof(uint64_t));
}

/* From the map to a bitmap, once that is smaller. */
static sb_status settle_visited(sb_bfs *bfs)
{
    const size_t bytes = bfs->words * sizeof(uint64_t);
    const sb_map_entry *entry;
    size_t pos = 0;

    if (bfs->visited != NULL ||
        (bytes > BITMAP_BYTES_FREE && bytes / MAP_ENTRY_BYTES > bfs->seen.count))
        return SB_OK;
    bfs->visited = make_bits(bfs);
    if (bfs->visited == NULL) return no_memory(bfs);
    while ((entry = sb_map_next(&bfs->seen, &pos)) != NULL)
        bfs->visited[entry->key / 64] |= 1ull << (entry->key % 64);
    sb_map_deinit(&bfs->seen);
    sb_map_init(&bfs->seen, sb_lanes__alloc(&bfs->lanes));
    return SB_OK;
}

static sb_status queue_to_bits(sb_bfs *bfs)
{
    if (bfs->level_bits == NULL) bfs->level_bits = make_bits(bfs);
    if (bfs->next_bits == NULL) bfs->next_bits = make_bits(bfs);
    if (bfs->level_bits == NULL || bfs->next_bits == NULL) return no_memory(bfs);
    memset(bfs->level_bits, 0, bfs->words * sizeof *bfs->level_bits);
    for (size_t i = 0; i < bfs->level_count; i++)
        bfs->level_bits[bfs->level[i] / 64] |= 1ull << (bfs->level[i] % 64);
    bfs->dense = true;
    return SB_OK;
}

/* The ids of the set bits from word *at on, up to capacity less 63. */
static size_t take_bits(const uint64_t *bits, size_t words, size_t *at, uint64_t *ids,
                        size_t capacity)
{
    size_t count = 0;

    for (; *at < words && count + 64 <= capacity; ++*at)
        for (uint64_t word = bits[*at]; word != 0; word &= word - 1)
            ids[count++] = *at * 64 + sb_ctz64(word);
    return count;
}

static sb_status bits_to_queue(sb_bfs *bfs)
{
    size_t at = 0;

    bfs->next_count = 0;
    SB_TRY(reserve_next(bfs, (size_t)bfs->level_count + 64));
    (void)take_bits(bfs->level_bits, bfs->words, &at, bfs->next, bfs->next_capacity);
    uint64_t *const ids = bfs->next;
    const size_t capacity = bfs->next_capacity;
    bfs->next = bfs->level;
    bfs->next_capacity = bfs->level_capacity;
    bfs->level = ids;
    bfs->level_capacity = capacity;
    bfs->dense = false;
    return SB_OK;
}

/* ---- Levels ------------------------------------------------------------------------------------------------------------ */

static sb_status expand_queue(sb_bfs *bfs)
{
    sb_status status;

    bfs->next_count = 0;
    status = sb_lanes__expand(&bfs->lanes, bfs->level, (size_t)bfs->level_count, push_neighbors,
                              bfs, bfs->err);
    if (bfs->full && status == SB_INTERRUPT) status = SB_OK;
    if (status != SB_OK) return status;

    uint64_t *const ids = bfs->level;
    const size_t capacity = bfs->level_capacity;
    bfs->level = bfs->next;
    bfs->level_capacity = bfs->next_capacity;
    bfs->level_count = bfs->next_count;
    bfs->next = ids;
    bfs->next_capacity = capacity;
    return SB_OK;
}

/* Lists of the level's nodes only, in order of id. */
static sb_status expand_picked(sb_bfs *bfs)
{
    uint64_t ids[1024];
    size_t at = 0, count;

    while (at < bfs->words) {
        count = take_bits(bfs->level_bits, bfs->words, &at, ids, sizeof ids / sizeof *ids);
        SB_TRY(sb_lanes__expand(&bfs->lanes, ids, count, mark_neighbors, bfs, bfs->err));
    }
    return SB_OK;
}

static sb_status expand_bits(sb_bfs *bfs)
{
    uint64_t *const level_bits = bfs->level_bits;

    if (prefers_other_side(bfs))
        SB_TRY(expand_other_side(bfs));
    else if (bfs->level_count < bfs->nodes / WALK_SHARE)
        SB_TRY(expand_picked(bfs));
    else
        SB_TRY(
            sb_lanes__walk(&bfs->lanes, 1, bfs->end - 1, mark_neighbors_of_level, bfs, bfs->err));
    bfs->level_count = 0;
    for (size_t i = 0; i < bfs->words; i++) {
        const uint64_t fresh = bfs->next_bits[i] & ~bfs->visited[i];
        bfs->visited[i] |= fresh;
        bfs->next_bits[i] = fresh;
        level_bits[i] = 0;
        bfs->level_count += sb_popcount64(fresh);
    }
    bfs->level_bits = bfs->next_bits;
    bfs->next_bits = level_bits;
    return SB_OK;
}

/* Hand out some nodes of a level; max_visits holds on the way. */
static sb_status visit_ids(sb_bfs *bfs, const uint64_t *ids, size_t count)
{
    const uint64_t most = bfs->options->max_visits;

    if (most != 0 && most - bfs->result->visited < count) {
        count = (size_t)(most - bfs->result->visited);
        bfs->full = true;
    }
    bfs->result->visited += count;
    return bfs->visit == NULL || count == 0 ? SB_OK
                                            : bfs->visit(bfs->ctx, ids, count, bfs->result->depth);
}

/* A level is known: count and hand out its nodes. */
static sb_status visit_level(sb_bfs *bfs)
{
    uint64_t ids[1024];
    size_t at = 0;

    if (!bfs->dense) return visit_ids(bfs, bfs->level, (size_t)bfs->level_count);
    if (bfs->visit == NULL) return visit_ids(bfs, NULL, (size_t)bfs->level_count);
    while (at < bfs->words && !bfs->full)
        SB_TRY(visit_ids(
            bfs, ids, take_bits(bfs->level_bits, bfs->words, &at, ids, sizeof ids / sizeof *ids)));
    return SB_OK;
}

static sb_status choose_form(sb_bfs *bfs)
{
    const bool large = bfs->level_count > bfs->nodes / BITMAP_SHARE;

    SB_TRY(settle_visited(bfs));
    if (large && !bfs->dense && bfs->visited != NULL) return queue_to_bits(bfs);
    if (!large && bfs->dense) return bits_to_queue(bfs);
    return SB_OK;
}

static sb_status search(sb_bfs *bfs, sb_node_id start)
{
    SB_TRY(sb_stats_nodes_of_label(bfs->graph->view, 0, &bfs->nodes, bfs->err));
    SB_TRY(sb_graph__tick(bfs->graph, 0, bfs->nodes, bfs->err));
    SB_TRY(reserve_next(bfs, 1));
    bfs->level = bfs->next;
    bfs->level_capacity = bfs->next_capacity;
    bfs->next = NULL;
    bfs->next_capacity = 0;
    bfs->level[0] = start;
    bfs->level_count = 1;
    if (!bfs->options->steps_only) {
        if (sb_map_put(&bfs->seen, start, 0) != SB_OK) return no_memory(bfs);
        SB_TRY(visit_level(bfs));
    }
    while (bfs->result->depth < bfs->options->max_depth && !bfs->full) {
        SB_TRY(choose_form(bfs));
        SB_TRY(bfs->dense ? expand_bits(bfs) : expand_queue(bfs));
        if (bfs->level_count == 0) break;
        if (bfs->result->visited == bfs->options->max_visits && bfs->options->max_visits != 0) {
            bfs->full = true; /* this level is what is left out */
            break;
        }
        bfs->result->depth++;
        SB_TRY(visit_level(bfs));
    }
    bfs->result->truncated = bfs->full;
    return SB_OK;
}

sb_status sb_graph_bfs(sb_graph *graph, sb_node_id start, const sb_bfs_options *options,
                       sb_bfs_visit visit, void *ctx, sb_bfs_result *result, sb_err *err)
{
    sb_bfs bfs = {.graph = graph,
                  .options = options,
                  .visit = visit,
                  .ctx = ctx,
                  .result = result,
                  .err = err};
    sb_set_id set;
    sb_status status;

    *result = (sb_bfs_result){0};
    SB_TRY(sb_graph__require_node(graph, start, &set, err));
    status = sb_lanes__open(graph, options->direction, options->types, options->type_count,
                            &bfs.lanes, err);
    const sb_allocator *alloc = sb_lanes__alloc(&bfs.lanes);
    sb_map_init(&bfs.seen, alloc);
    bfs.end = sb_ids_node_end(graph->view);
    bfs.words = (size_t)((bfs.end + 63) / 64);
    bfs.next_tick = TICK_RELS;
    if (status == SB_OK) status = search(&bfs, start);
    sb_map_deinit(&bfs.seen);
    sb_free(alloc, bfs.visited, bfs.words * sizeof(uint64_t));
    sb_free(alloc, bfs.level_bits, bfs.words * sizeof(uint64_t));
    sb_free(alloc, bfs.next_bits, bfs.words * sizeof(uint64_t));
    sb_free(alloc, bfs.level, bfs.level_capacity * sizeof *bfs.level);
    sb_free(alloc, bfs.next, bfs.next_capacity * sizeof *bfs.next);
    sb_lanes__close(&bfs.lanes);
    if (bfs.back_open) sb_lanes__close(&bfs.back);
    return status;
}
