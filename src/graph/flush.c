/* flush.c — pending relationships into the lists of both their ends. They are packed into words, sorted once by source, then from
 * that order by target alone, and unpacked a step at a time, so that beside them only 16 bytes each are needed. */
#include "graph/graph_priv.h"

/* Relationships unpacked at a time: 384 KiB, which stay in a core's cache, and more of which would be fresh memory. */
#define STEP ((size_t)16384)

static bool reverse_sorted(const sb_triple *rels, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const sb_triple a = rels[i - 1], b = rels[i];
        if (a.neighbor < b.neighbor) continue;
        if (a.neighbor > b.neighbor || a.node > b.node || (a.node == b.node && a.rel > b.rel))
            return false;
    }
    return true;
}

typedef struct watched_sort {
    sb_graph *graph;
    sb_err *err;
} watched_sort;

static sb_status poll_sort(void *ctx)
{
    const watched_sort *watched = ctx;
    return sb_graph__poll(watched->graph, watched->err);
}

/* Are they in order of a direction already? Counted when they must be sorted. */
static sb_status look_at_order(sb_graph *graph, const sb_triple *rels, size_t count,
                               sb_direction direction, bool *is_sorted, sb_err *err)
{
    sb_writer_stats *stats = &graph->writer.stats;

    *is_sorted = (graph->profile->switched_off & SB_SEED_SORT_GUARD) == 0;
    for (size_t begin = 0, end; *is_sorted && begin < count; begin = end) {
        const size_t from = begin == 0 ? 0 : begin - 1; /* a step is compared with the one before */
        end = count - begin < SB_GRAPH_STEP ? count : begin + SB_GRAPH_STEP;
        *is_sorted = direction == SB_OUT ? sb_triples_sorted(rels + from, end - from)
                                         : reverse_sorted(rels + from, end - from);
        if (end != count) SB_TRY(sb_graph__poll(graph, err));
    }
    if (!*is_sorted) ++*(direction == SB_OUT ? &stats->forward_sorts : &stats->reverse_sorts);
    return SB_OK;
}

/* ---- In order of a direction --------------------------------------------------------------------- */

/* Relationships in order of a direction, where they lie: packed, or triples of which node and neighbor are still to change places (turned) or
 * which are as they must be. */
typedef struct in_order {
    const sb_packed *packed; /* NULL: */
    const sb_triple *rels;
    size_t count;
    bool turned;
    sb_triple *room; /* for a step, unless they are as they must be */
} in_order;

static void turn(const sb_triple *rels, size_t count, sb_triple *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (sb_triple){rels[i].neighbor, rels[i].node, rels[i].rel};
}

/* A step of triples from place begin on. It ends with a node's list, so that none is opened twice, unless that list is longer. */
static const sb_triple *take_step(const in_order *from, size_t begin, size_t *count)
{
    const sb_triple *step = from->room;
    size_t whole = sb_graph__slice(begin, from->count, STEP);

    *count = whole;
    if (from->packed != NULL)
        sb_packed_read(from->packed, begin, whole, from->turned, from->room);
    else if (from->turned)
        turn(from->rels + begin, whole, from->room);
    else
        step = from->rels + begin;
    if (begin + whole == from->count) return step;
    while (whole > 1 && step[whole - 1].node == step[whole - 2].node)
        whole--;
    if (whole > 1) *count = whole - 1;
    return step;
}

static sb_status insert_lists(sb_graph *graph, sb_type_id type, sb_direction direction,
                              const in_order *from, sb_err *err)
{
    for (size_t begin = 0, count; begin < from->count; begin += count) {
        const sb_triple *step = take_step(from, begin, &count);
        SB_TRY(sb_adjacency_insert(graph->view, type, direction, step, count, err));
        SB_TRY(sb_graph__work(graph, count, err));
    }
    return SB_OK;
}

/* ---- Both directions ------------------------------------------------------------------------------ */

/* What the two ways of sorting share. */
typedef struct flushing {
    sb_graph *graph;
    sb_type_id type;
    const sb_triple *rels; /* pending: they stay in order of creation, which rolling back needs */
    size_t count;
    bool forward, reverse; /* they are in order of that direction */
    sb_sort_poll poll;
    sb_err *err;
} flushing;

/* Room for triples in the scratch buffer, behind so many bytes. */
static sb_status make_room(sb_graph *graph, size_t bytes, size_t triples, sb_triple **room,
                           sb_err *err)
{
    sb_buffer *scratch = &graph->writer.scratch;
    size_t all;

    sb_buffer_reset(scratch);
    if (!sb_mul_size(triples, sizeof **room, &all) || !sb_add_size(all, bytes, &all) ||
        sb_buffer_reserve(scratch, all) != SB_OK)
        return SB_FAIL_NOMEM(err);
    *room = (sb_triple *)(void *)(scratch->data + bytes);
    return SB_OK;
}

static sb_status flush_packed(const flushing *f, sb_packed *packed)
{
    in_order from = {.rels = f->rels, .count = f->count};
    const size_t step = sb_graph__slice(0, f->count, STEP);

    SB_TRY(make_room(f->graph, f->count * 2 * sizeof(uint64_t), step, &from.room, f->err));
    SB_TRY(sb_packed_fill(packed, f->rels, (uint64_t *)(void *)f->graph->writer.scratch.data,
                          &f->poll));
    if (!f->forward) {
        SB_TRY(sb_packed_sort(packed, &f->poll));
        from.packed = packed;
    }
    SB_TRY(insert_lists(f->graph, f->type, SB_OUT, &from, f->err));
    from.packed = NULL;
    from.turned = true;
    if (!f->reverse) {
        SB_TRY(sb_packed_turn(packed, &f->poll));
        from.packed = packed;
    }
    return insert_lists(f->graph, f->type, SB_IN, &from, f->err);
}

/* A copy of all, in steps, as memory that is new takes its time. */
static sb_status copy_rels(const flushing *f, bool turned, sb_triple *room)
{
    for (size_t begin = 0, step; begin < f->count; begin += step) {
        step = sb_graph__slice(begin, f->count, SB_GRAPH_STEP);
        if (turned)
            turn(f->rels + begin, step, room + begin);
        else
            memcpy(room + begin, f->rels + begin, step * sizeof *room);
        if (begin + step != f->count) SB_TRY(sb_graph__poll(f->graph, f->err));
    }
    return SB_OK;
}

/* In order of one direction, as triples. */
static sb_status sort_rels(const flushing *f, sb_direction direction, in_order *from)
{
    const bool turned = direction == SB_IN;

    *from = (in_order){.rels = f->rels, .count = f->count, .turned = turned, .room = from->room};
    if (turned ? f->reverse : f->forward) return SB_OK;
    SB_TRY(copy_rels(f, turned, from->room));
    from->rels = from->room;
    from->turned = false;
    return sb_triples_sort_polled(from->room, from->room + f->count, f->count, &f->poll);
}

static sb_status flush_triples(const flushing *f)
{
    const bool sorted = f->forward && f->reverse;
    in_order from = {.count = 0};

    SB_TRY(make_room(f->graph, 0, sorted ? sb_graph__slice(0, f->count, STEP) : 2 * f->count,
                     &from.room, f->err));
    SB_TRY(sort_rels(f, SB_OUT, &from));
    SB_TRY(insert_lists(f->graph, f->type, SB_OUT, &from, f->err));
    SB_TRY(sort_rels(f, SB_IN, &from));
    return insert_lists(f->graph, f->type, SB_IN, &from, f->err);
}

sb_status sb_flush__lists(sb_graph *graph, sb_type_id type, const sb_triple *rels, size_t count,
                          sb_err *err)
{
    watched_sort watched = {.graph = graph, .err = err};
    flushing f = {.graph = graph,
                  .type = type,
                  .rels = rels,
                  .count = count,
                  .poll = {.call = poll_sort, .ctx = &watched},
                  .err = err};
    sb_packed packed;
    bool fit = false;

    SB_TRY(look_at_order(graph, rels, count, SB_OUT, &f.forward, err));
    SB_TRY(look_at_order(graph, rels, count, SB_IN, &f.reverse, err));
    if (count >= SB_PACKED_LEAST && !(f.forward && f.reverse))
        SB_TRY(sb_packed_measure(rels, count, &packed, &fit, &f.poll));
    return fit ? flush_packed(&f, &packed) : flush_triples(&f);
}
