/* op_intersect.c — nodes that are neighbors of two nodes of the row: the lists of both, intersected.
 * Of the two lists that of one node is held, and rows in a row that share that node share it. The lists of the others are read where they
 * lie, a piece at a time: each entry asks a bit of a small filter, and what passes is looked up in the held list; where the held list is
 * much the shorter, its entries are looked up in the piece instead. Both ways go forward in the two lists alone. Where most lists that are read
 * are short, beginning one takes longer than its entries do: those of many rows are read at once then.
 *
 * Each pair of a held entry and a read one with the same neighbor is a row, so relationships side by side count as often as there are.
 * With a weight (shortcut.h, factor.c), an input row carries how many rows it has instead of having them. Where the filter of the held list is exact, as
 * ids of neighbors lie near each other, a hit is counted by its bit. */
#include "cypher/exec/held_list.h"
#include "cypher/exec/op_priv.h"

#define SHORTER     16u /* times as long: from here on halving beats reading on */
#define SHORT_LISTS 64u /* entries of a row, on average, up to which they are read together */
#define ROWS_HELD                                                                                  \
    8u /* rows that share a node, on average, from which on its list is held rather than read in a table for each */

/* One of the two lists. */
typedef struct sb_intersect_side {
    const sb_plan_expand *plan;
    sb_out *rel; /* NULL: nobody reads it */
    sb_expand_types types;
    sb_expand *expand; /* NULL until needed */
    sb_out scratch, own_scratch;
    uint64_t rows_read, entries_read; /* so far, where it is not held */
    const uint64_t *nodes;            /* of in */
    bool asks_used;  /* its lists may have relationships that rows of in have used */
    bool unlike_ids; /* those are in columns of ids, */
    sb_out *unlike_scratch;
    const uint64_t **unlike; /* by place in the plan's unlike; NULL: not carried */
} sb_intersect_side;

typedef struct sb_intersect_op {
    sb_operator op;
    sb_intersect_side sides[2];
    sb_out *to, *weight; /* NULL: nobody reads it */
    bool counts;         /* a weight is asked for */
    bool asks_labels;    /* of each node found */
    bool differ;         /* the two relationships could be the same one, and must not */
    /* Of in no relationship need be read: nobody asks for them, and none can be one that is used, or the other one, but where a hit is one of the two
     * nodes of its row (own): there they are looked up, when it comes first */
    bool lax, own;
    uint32_t own_row; /* whose own hits have come: [0] the held node, [1] the other; */
    bool own_came[2];
    int64_t own_left;      /* rows of one that are to be made yet */
    sb_buffer own_rels;    /* of the held list, while they are counted */
    sb_end_labels ends[2]; /* of `to`, as the end of the one's lists or of the other's */
    uint64_t generation;   /* of the run that types and expands are of */
    const sb_batch *in;    /* NULL: take the next */
    bool done;             /* in is read */

    unsigned held;      /* which side's lists are held for the rows of in */
    uint64_t held_node; /* whose list it is; 0: none */
    bool held_bits;     /* it may be of bits alone */
    sb_held_list list;

    bool reading; /* piece is at hand, read up to piece_at: */
    sb_expand_piece piece;
    uint32_t piece_at;
    uint32_t held_at; /* where the last entry was looked up; */
    uint32_t hit_at;  /* of a hit there, the held entry to be taken next; UINT32_MAX: none */

    bool
        together; /* entries of many rows are read at once: read_count are at hand, up to read_at all are looked at, */
    uint32_t read_at, read_count;
    uint32_t passing_at,
        passing_count; /* and of these the ones that pass the filter are looked up */
    uint64_t last_id;  /* the neighbor looked up last */
    uint32_t read_rows[SB_BATCH_ROWS], passing[SB_BATCH_ROWS];
    uint64_t read_ids[SB_BATCH_ROWS], read_rels[SB_BATCH_ROWS];

    uint32_t count;
    uint32_t rows[SB_BATCH_ROWS];
    uint64_t ids[SB_BATCH_ROWS], rels[2][SB_BATCH_ROWS];
    uint8_t labelled[SB_BATCH_ROWS];
    int64_t weights[SB_BATCH_ROWS];
} sb_intersect_op;

/* ---- Opening and closing ------------------------------------------------------------------------------------------ */

static sb_status open_side(sb_operator *op, const sb_plan_expand *plan, sb_intersect_side *side)
{
    side->plan = plan;
    side->rel = sb_exec__out_of(op, plan->rel);
    side->unlike = sb_exec__alloc_zero(op->run, plan->unlike_count, sizeof *side->unlike);
    side->unlike_scratch =
        sb_exec__alloc_zero(op->run, plan->unlike_count, sizeof *side->unlike_scratch);
    if (side->unlike == NULL || side->unlike_scratch == NULL) return sb_exec__no_memory(op->run);
    side->unlike_ids = true;
    for (uint32_t i = 0; i < plan->unlike_count; i++)
        side->unlike_ids = side->unlike_ids && (plan->unlike[i]->kinds & SB_KIND_LIST) == 0;
    return sb_exec__types_open(op->run, plan, &side->types);
}

static sb_status intersect_open(sb_operator *op)
{
    sb_intersect_op *x = (sb_intersect_op *)op;
    const sb_plan *plan = op->plan;

    sb_exec__held_init(op->run, &x->list);
    sb_buffer_init(&x->own_rels, op->run->alloc);
    x->hit_at = UINT32_MAX;
    SB_TRY(sb_exec__need_outs(op));
    x->counts = plan->as.intersect.weight != NULL;
    x->weight = sb_exec__out_of(op, plan->as.intersect.weight);
    if (!x->counts) x->to = sb_exec__out_of(op, plan->as.intersect.sides[0].to);
    x->differ = plan->as.intersect.differ;
    for (unsigned s = 0; s < 2; s++)
        SB_TRY(open_side(op, &plan->as.intersect.sides[s], &x->sides[s]));
    SB_TRY(sb_exec__labels_compile(op->run, plan->as.intersect.sides[0].to_labels, SB_NAME_LABEL,
                                   NULL, &x->ends[0].labels));
    x->ends[1].labels = x->ends[0].labels;
    return SB_OK;
}

static void intersect_close(sb_operator *op)
{
    sb_intersect_op *x = (sb_intersect_op *)op;

    for (unsigned s = 0; s < 2; s++) {
        sb_intersect_side *side = &x->sides[s];
        sb_expand_close(side->expand);
        sb_exec__out_free(op->run, &side->scratch);
        sb_exec__out_free(op->run, &side->own_scratch);
        for (uint32_t i = 0; side->unlike_scratch != NULL && i < side->plan->unlike_count; i++)
            sb_exec__out_free(op->run, &side->unlike_scratch[i]);
    }
    sb_exec__held_free(&x->list);
    sb_buffer_deinit(&x->own_rels);
}

/* ---- The held list ---------------------------------------------------------------------------------------------------- */

static void forget_held(sb_intersect_op *x)
{
    sb_exec__held_forget(&x->list);
    x->held_node = 0;
}

static sb_status hold(sb_intersect_op *x, uint64_t node)
{
    const bool bits = x->lax && x->together;
    bool whole;

    if (x->held_node == node && (bits || !x->held_bits)) return SB_OK;
    x->held_node = 0;
    x->held_bits = bits;
    if (bits) {
        SB_TRY(sb_exec__held_read_bits(&x->list, x->sides[x->held].expand, node));
        x->held_node = node;
        return SB_OK;
    }
    SB_TRY(sb_exec__held_read(&x->list, x->sides[x->held].expand, node, SIZE_MAX, &whole));
    x->held_node = node;
    return sb_exec__held_filter(&x->list);
}

/* Does anybody ask which relationships of the lists that are read they are? */
static bool reads_rels(const sb_intersect_op *x)
{
    const sb_intersect_side *read = &x->sides[1 - x->held];
    return read->rel != NULL || (!x->lax && (read->asks_used || x->differ));
}

/* Relationships of two nodes to a third are two, and one between the two nodes leads to no third. */
static void set_lax(sb_intersect_op *x)
{
    const uint64_t *a = x->sides[0].nodes, *b = x->sides[1].nodes;
    const bool used = x->sides[0].asks_used || x->sides[1].asks_used;
    bool same = false;

    for (uint32_t i = 0; i < x->in->row_count && (used || x->differ); i++)
        same |= a[i] == b[i];
    x->lax = x->sides[0].rel == NULL && x->sides[1].rel == NULL && !same &&
             (x->op.plan->as.intersect.between || !used);
    x->own = x->lax && used;
    x->own_row = UINT32_MAX;
}

/* Which side is held for the rows of a batch: the one that has to be read less often, else the one that the planner puts first since its lists
 * are the shorter ones on the whole. */
static sb_status choose_held(sb_intersect_op *x)
{
    const uint32_t count = x->in->row_count;
    const unsigned held =
        sb_exec__runs(x->sides[1].nodes, count) < sb_exec__runs(x->sides[0].nodes, count) ? 1 : 0;

    if (held != x->held) forget_held(x);
    x->held = held;
    sb_intersect_side *read = &x->sides[1 - held];
    x->together = read->rows_read == 0 ? x->op.run->options->always_table
                                       : read->entries_read <= SHORT_LISTS * read->rows_read;
    read->rows_read += count;
    return sb_exec__expand_begin(&x->op, read->expand, &read->types,
                                 sb_exec__direction(read->plan->direction), reads_rels(x),
                                 read->nodes, count);
}

/* ---- The next entry that is in both --------------------------------------------------------------------------------- */

/* The first entry from i on that passes the filter. */
SB_INLINE uint32_t pass_filter(const uint8_t *words, uint64_t base, unsigned width, uint32_t i,
                               uint32_t count, const uint64_t *filter, uint64_t mask)
{
#define PASSES(k)                                                                                  \
    (filter[((base + sb_load_width(words + (size_t)(k)*width, width)) & mask) / 64] >>             \
     ((base + sb_load_width(words + (size_t)(k)*width, width)) & 63))
    for (; i + 4 <= count; i += 4) /* one branch for four */
        if (((PASSES(i) | PASSES(i + 1) | PASSES(i + 2) | PASSES(i + 3)) & 1) != 0) break;
    while (i < count && (PASSES(i) & 1) == 0)
        i++;
#undef PASSES
    return i;
}

static uint32_t next_passing(const sb_intersect_op *x, uint32_t i)
{
    const sb_chunk *c = &x->piece.entries;
    const uint64_t mask = x->list.filter_bits - 1, *filter = x->list.filter;

    switch (c->neighbor_width) {
    case 0: return pass_filter(c->neighbors, c->neighbor_base, 0, i, c->count, filter, mask);
    case 1: return pass_filter(c->neighbors, c->neighbor_base, 1, i, c->count, filter, mask);
    case 2: return pass_filter(c->neighbors, c->neighbor_base, 2, i, c->count, filter, mask);
    case 4: return pass_filter(c->neighbors, c->neighbor_base, 4, i, c->count, filter, mask);
    default: return pass_filter(c->neighbors, c->neighbor_base, 8, i, c->count, filter, mask);
    }
}

/* To the next entry whose neighbor is held, hit_at the first that is; piece_at is count at the end. */
static void find_hit(sb_intersect_op *x)
{
    const sb_chunk *c = &x->piece.entries, *held = &x->list.entries;
    const bool by_halving = held->count < c->count / SHORTER;
    uint32_t i = x->piece_at;

    while (i < c->count) {
        if (by_halving) {
            if (x->held_at == held->count) break;
            i = sb_exec__entry_from(c, i, sb_chunk_neighbor(held, x->held_at));
        } else {
            i = next_passing(x, i);
        }
        if (i == c->count) break;
        const uint64_t id = sb_chunk_neighbor(c, i);
        x->held_at = sb_exec__entry_from(held, x->held_at, id);
        if (x->held_at < held->count && sb_chunk_neighbor(held, x->held_at) == id &&
            id != x->piece.skipped) {
            x->piece_at = i;
            x->hit_at = x->held_at;
            return;
        }
        if (!by_halving || id == x->piece.skipped) i++;
    }
    x->piece_at = c->count;
}

/* ---- Rows ----------------------------------------------------------------------------------------------------------- */

static bool is_used(const sb_intersect_op *x, const sb_intersect_side *side, uint32_t row,
                    uint64_t rel)
{
    const sb_plan_expand *e = side->plan;

    if (!side->asks_used) return false;
    if (!side->unlike_ids) return sb_exec__rel_used(e->unlike, e->unlike_count, x->in, row, rel);
    for (uint32_t i = 0; i < e->unlike_count; i++)
        if (side->unlike[i] != NULL && side->unlike[i][row] == rel) return true;
    return false;
}

/* May two relationships to the entry at hand make a row? */
static bool is_pair(const sb_intersect_op *x, uint32_t row, uint64_t held_rel, uint64_t read_rel)
{
    return !(x->differ && held_rel == read_rel) && !is_used(x, &x->sides[x->held], row, held_rel) &&
           !is_used(x, &x->sides[1 - x->held], row, read_rel);
}

/* How often the entry at hand counts, without rows. */
static int64_t weigh_hit(const sb_intersect_op *x, uint32_t row, uint64_t id, uint64_t read_rel)
{
    const sb_chunk *entries = &x->list.entries;
    int64_t weight = 0;

    for (uint32_t k = x->hit_at; k < entries->count && sb_chunk_neighbor(entries, k) == id; k++)
        weight += x->lax || is_pair(x, row, sb_chunk_rel(entries, k), read_rel);
    return weight;
}

/* Rows of the entry at hand, as many as fit; true: all of them. */
static bool take_hit(sb_intersect_op *x, uint32_t row, uint64_t id, uint64_t read_rel)
{
    const sb_chunk *entries = &x->list.entries;

    for (; x->hit_at < entries->count && sb_chunk_neighbor(entries, x->hit_at) == id; x->hit_at++) {
        const uint64_t held_rel = sb_chunk_rel(entries, x->hit_at);
        if (x->count == SB_BATCH_ROWS) return false;
        if (!x->lax && !is_pair(x, row, held_rel, read_rel)) continue;
        x->rows[x->count] = row;
        x->ids[x->count] = id;
        x->rels[x->held][x->count] = held_rel;
        x->rels[1 - x->held][x->count++] = read_rel;
    }
    return true;
}

static sb_status find_rels(sb_intersect_op *x, const sb_intersect_side *side, uint32_t row,
                           uint64_t id, const sb_rel_id **rels, size_t *count)
{
    const sb_expand_options options = {.direction = sb_exec__direction(side->plan->direction),
                                       .types = side->types.ids,
                                       .type_count = side->types.count};

    return sb_graph_rels_between(x->op.run->graph, side->nodes[row], id, &options, rels, count,
                                 x->op.run->err);
}

/* All pairs of relationships that lead to a node of the row itself. */
static sb_status count_own(sb_intersect_op *x, uint32_t row, uint64_t id, int64_t *pairs)
{
    const sb_rel_id *rels;
    size_t count, held_count;

    *pairs = 0;
    SB_TRY(find_rels(x, &x->sides[x->held], row, id, &rels, &held_count));
    sb_buffer_reset(&x->own_rels);
    if (sb_buffer_append(&x->own_rels, rels, held_count * sizeof *rels) != SB_OK)
        return sb_exec__no_memory(x->op.run);
    SB_TRY(find_rels(x, &x->sides[1 - x->held], row, id, &rels, &count));
    const sb_rel_id *const held = (const sb_rel_id *)(const void *)x->own_rels.data;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < held_count; k++)
            *pairs += is_pair(x, row, held[k], rels[i]);
    return SB_OK;
}

static bool is_own(const sb_intersect_op *x, uint32_t row, uint64_t id)
{
    return x->own && ((id == x->sides[0].nodes[row]) | (id == x->sides[1].nodes[row]));
}

/* What all entries with such a node make, when the first of them is at hand. */
static sb_status give_own(sb_intersect_op *x, uint32_t row, uint64_t id, bool *room)
{
    bool *came = &x->own_came[id != x->sides[x->held].nodes[row]];

    if (x->own_row != row) {
        x->own_came[0] = x->own_came[1] = false;
        x->own_left = 0;
    }
    x->own_row = row;
    if (!*came) SB_TRY(count_own(x, row, id, &x->own_left));
    *came = true;
    if (x->counts && !x->asks_labels) {
        x->weights[row] += x->own_left;
        x->own_left = 0;
    }
    for (; x->own_left > 0 && x->count < SB_BATCH_ROWS; x->own_left--) {
        x->rows[x->count] = row;
        x->ids[x->count++] = id;
    }
    *room = x->own_left == 0;
    return SB_OK;
}

/* What a hit makes, rows or weight; *room false: there is none for all its rows. */
static sb_status give_hit(sb_intersect_op *x, uint32_t row, uint64_t id, uint64_t read_rel,
                          bool *room)
{
    *room = true;
    if (is_own(x, row, id))
        SB_TRY(give_own(x, row, id, room));
    else if (x->counts && !x->asks_labels)
        x->weights[row] += weigh_hit(x, row, id, read_rel);
    else
        *room = take_hit(x, row, id, read_rel);
    if (*room) x->hit_at = UINT32_MAX;
    return SB_OK;
}

/* Does a bit of the held list tell what an entry makes: one, or one row? */
static bool tells_by_bits(const sb_intersect_op *x)
{
    return x->lax && x->list.exact;
}

/* Rows of the piece until there is no room (*room false) or it is read. */
static sb_status read_piece(sb_intersect_op *x, bool *room)
{
    const sb_chunk *c = &x->piece.entries;

    for (*room = true;; x->piece_at++) {
        if (x->hit_at == UINT32_MAX) find_hit(x);
        if (x->piece_at == c->count) return SB_OK;
        SB_TRY(give_hit(x, x->piece.from, sb_chunk_neighbor(c, x->piece_at),
                        sb_chunk_rel(c, x->piece_at), room));
        if (!*room) return SB_OK;
    }
}

/* Labels of so many more nodes are to be asked, unless it is known by now that the ends of either side's lists all have them. */
static sb_status expect_labels(sb_intersect_op *x, uint32_t count)
{
    bool implied;

    for (unsigned s = 0; s < 2 && x->asks_labels; s++) {
        SB_TRY(sb_exec__end_labels(x->op.run, &x->ends[s], &x->sides[s].types,
                                   sb_exec__direction(x->sides[s].plan->direction), count,
                                   &implied));
        x->asks_labels = !implied;
    }
    return SB_OK;
}

static sb_status keep_labelled(sb_intersect_op *x)
{
    sb_exec *run = x->op.run;
    uint32_t kept = 0;

    if (!x->asks_labels || x->count == 0) return SB_OK;
    SB_TRY(expect_labels(x, x->count));
    if (!x->asks_labels) return SB_OK;
    SB_TRY(sb_exec__labels_ask(run, x->ends[0].labels, x->ids, x->count, x->labelled));
    for (uint32_t i = 0; i < x->count; i++) {
        if (!x->labelled[i]) continue;
        x->rows[kept] = x->rows[i];
        x->ids[kept] = x->ids[i];
        x->rels[0][kept] = x->rels[0][i];
        x->rels[1][kept++] = x->rels[1][i];
    }
    x->count = kept;
    return SB_OK;
}

/* Entries [from, end) of those that were read, whose rows share the held node: each is in its list once, or not. Without a branch on which. */
static void count_bits(sb_intersect_op *x, uint32_t from, uint32_t end)
{
    const sb_held_list list = x->list; /* copies: no store changes them */
    const uint64_t *const ids = x->read_ids;
    const uint32_t *const rows = x->read_rows;

    for (uint32_t i = from; i < end; i++)
        x->weights[rows[i]] += sb_exec__held_has(&list, ids[i]);
}

/* The same where a node of the row itself counts otherwise. */
static sb_status count_bits_and_own(sb_intersect_op *x, uint32_t from, uint32_t end)
{
    const sb_held_list list = x->list;
    const uint64_t *const a = x->sides[0].nodes, *const b = x->sides[1].nodes,
                          *const ids = x->read_ids;
    const uint32_t *const rows = x->read_rows;
    bool any = false, room;

    for (uint32_t i = from; i < end; i++) {
        const bool hit = sb_exec__held_has(&list, ids[i]),
                   own = (ids[i] == a[rows[i]]) | (ids[i] == b[rows[i]]);
        x->weights[rows[i]] += hit & !own;
        any |= hit & own;
    }
    for (uint32_t i = from; i < end && any; i++)
        if (sb_exec__held_has(&list, ids[i]) && is_own(x, rows[i], ids[i]))
            SB_TRY(give_own(x, rows[i], ids[i], &room));
    return SB_OK;
}

/* Of the entries that were read, those from read_at on whose rows share a held node: which pass its filter? Without a branch on the answers,
 * which nobody foresees. */
static sb_status filter_read(sb_intersect_op *x)
{
    const uint64_t *nodes = x->sides[x->held].nodes, node = nodes[x->read_rows[x->read_at]];
    uint32_t i = x->read_at, end = i + 1, passing = 0;

    while (end < x->read_count && nodes[x->read_rows[end]] == node)
        end++;
    x->read_at = end;
    x->passing_at = x->passing_count = x->held_at = 0;
    x->last_id = 0;
    if (node == 0) return SB_OK; /* null has no neighbors */
    SB_TRY(hold(x, node));
    if (x->list.entries.count == 0) return SB_OK;
    const bool exact = tells_by_bits(x);
    if (exact && x->counts && !x->asks_labels) {
        if (x->own) return count_bits_and_own(x, i, end);
        count_bits(x, i, end);
        return SB_OK;
    }
    for (; i < end; i++) {
        x->passing[passing] = i;
        passing += exact ? sb_exec__held_has(&x->list, x->read_ids[i])
                         : sb_exec__held_passes(&x->list, x->read_ids[i]);
    }
    x->passing_count = passing;
    return SB_OK;
}

/* Rows of those that pass, which are hits all, until there is no room. */
static sb_status take_passing(sb_intersect_op *x, bool *room)
{
    for (; x->passing_at < x->passing_count; x->passing_at++) {
        const uint32_t i = x->passing[x->passing_at], row = x->read_rows[i];
        const uint64_t id = x->read_ids[i];
        *room = x->count < SB_BATCH_ROWS;
        if (SB_UNLIKELY(is_own(x, row, id)))
            SB_TRY(give_own(x, row, id, room));
        else if (*room) {
            x->rows[x->count] = row;
            x->ids[x->count++] = id;
        }
        if (!*room) return SB_OK;
    }
    return SB_OK;
}

/* Rows of those that pass until there is no room (*room false) or they are looked up. */
static sb_status look_up_passing(sb_intersect_op *x, bool *room)
{
    const sb_chunk *held = &x->list.entries;

    *room = true;
    if (tells_by_bits(x)) return take_passing(x, room);
    for (; x->passing_at < x->passing_count; x->passing_at++) {
        const uint32_t i = x->passing[x->passing_at];
        const uint64_t id = x->read_ids[i];
        if (x->hit_at == UINT32_MAX) {
            x->held_at = sb_exec__entry_from(held, id < x->last_id ? 0 : x->held_at, id);
            x->last_id = id;
            if (x->held_at == held->count || sb_chunk_neighbor(held, x->held_at) != id) continue;
            x->hit_at = x->held_at;
        }
        SB_TRY(give_hit(x, x->read_rows[i], id, x->read_rels[i], room));
        if (!*room) return SB_OK;
    }
    return SB_OK;
}

/* Read on until there is a batch of rows, or the input batch is done: short lists. */
static sb_status gather_together(sb_intersect_op *x)
{
    sb_intersect_side *read = &x->sides[1 - x->held];
    const sb_expand_rows rows = {.from = x->read_rows,
                                 .neighbors = x->read_ids,
                                 .rels = reads_rels(x) ? x->read_rels : NULL};
    size_t count;
    bool room;

    for (;;) {
        SB_TRY(look_up_passing(x, &room));
        if (!room) return SB_OK;
        if (x->read_at == x->read_count) {
            SB_TRY(sb_exec__tick(x->op.run));
            SB_TRY(sb_expand_next(read->expand, &rows, SB_BATCH_ROWS, &count, x->op.run->err));
            read->entries_read += count;
            x->read_at = 0;
            x->read_count = (uint32_t)count;
            x->done = count == 0;
            if (x->done) return SB_OK;
        }
        SB_TRY(filter_read(x));
    }
}

/* Read on until there is a batch of rows, or the input batch is done. */
static sb_status gather(sb_intersect_op *x)
{
    bool more, room;

    if (x->together) return gather_together(x);
    while (!x->done) {
        if (!x->reading) {
            SB_TRY(sb_exec__tick(x->op.run));
            SB_TRY(sb_expand_next_piece(x->sides[1 - x->held].expand, &x->piece, &more,
                                        x->op.run->err));
            if (!more) {
                x->done = true;
                break;
            }
            x->sides[1 - x->held].entries_read += x->piece.entries.count;
            const uint64_t node = x->sides[x->held].nodes[x->piece.from];
            if (node == 0) continue; /* null has no neighbors */
            SB_TRY(hold(x, node));
            if (x->list.entries.count == 0) continue;
            x->reading = true;
            x->piece_at = 0;
            x->held_at = 0;
        }
        SB_TRY(read_piece(x, &room));
        if (!room) return SB_OK;
        x->reading = false;
    }
    return SB_OK;
}

/* ---- Batches ---------------------------------------------------------------------------------------------------------- */

/* Which lists are read: found out once in a run, or with each batch where names may come to be. */
static sb_status find_lists(sb_intersect_op *x)
{
    sb_exec *run = x->op.run;

    if (x->generation == run->generation && !run->compiled->writes) return SB_OK;
    x->generation = run->generation;
    x->asks_labels = x->ends[0].labels != NULL;
    forget_held(x);
    for (unsigned s = 0; s < 2; s++) {
        sb_intersect_side *side = &x->sides[s];
        x->ends[s].rows = 0;
        x->ends[s].implied = false;
        side->rows_read = side->entries_read = 0;
        sb_exec__types_find(run, side->plan, &side->types);
        if (!side->types.any) return SB_OK;
        const sb_expand_options options = {.direction = sb_exec__direction(side->plan->direction),
                                           .types = side->types.ids,
                                           .type_count = side->types.count,
                                           .loops_once = true};
        if (side->expand != NULL)
            SB_TRY(sb_expand_reopen(side->expand, run->graph, &options, run->err));
        else
            SB_TRY(sb_expand_open(run->graph, &options, &side->expand, run->err));
    }
    return SB_OK;
}

static sb_status side_input(sb_intersect_op *x, sb_intersect_side *side)
{
    sb_exec *run = x->op.run;
    const sb_plan_expand *e = side->plan;

    SB_TRY(sb_exec__ids(run, x->in, e->from, SB_VECTOR_NODE, &side->scratch, &side->nodes));
    SB_TRY(sb_exec__asks_used(run, x->in, e, side->nodes, &side->own_scratch, &side->asks_used));
    for (uint32_t i = 0; side->unlike_ids && i < e->unlike_count; i++) {
        side->unlike[i] = NULL;
        if (x->in->columns[e->unlike[i]->slot] == NULL) continue;
        SB_TRY(sb_exec__ids(run, x->in, e->unlike[i], SB_VECTOR_REL, &side->unlike_scratch[i],
                            &side->unlike[i]));
    }
    return SB_OK;
}

/* Do so many rows in a row share a node that its list is better held? */
static bool share_nodes(const uint64_t *nodes, uint32_t count)
{
    uint32_t runs = 1;

    for (uint32_t i = 1; i < count && runs < count / ROWS_HELD; i++)
        runs += nodes[i] != nodes[i - 1];
    return runs < count / ROWS_HELD;
}

/* Rows whose weights are numbers of pairs alone, and hardly ever share a node: two lists in tables are sooner read than one is held. *counted
 * false: there are no such tables, or they would not do. */
static sb_status count_in_tables(sb_intersect_op *x, bool *counted)
{
    const uint32_t count = x->in->row_count;
    const sb_list_table *tables[2];
    const uint64_t *nodes[2];

    *counted = false;
    for (unsigned s = 0; s < 2; s++) {
        const sb_intersect_side *side = &x->sides[s];
        if (side->types.count != 1 || side->plan->direction == SB_REL_EITHER ||
            share_nodes(side->nodes, count))
            return SB_OK;
    }
    for (unsigned s = 0; s < 2; s++) {
        const sb_intersect_side *side = &x->sides[s];
        nodes[s] = side->nodes;
        SB_TRY(sb_exec__list_table(&x->op, side->types.ids[0],
                                   sb_exec__direction(side->plan->direction), false, count,
                                   &tables[s]));
        if (tables[s] == NULL) return SB_OK;
    }
    sb_list_tables_common(tables, nodes, count, x->weights);
    *counted = true;
    return SB_OK;
}

static sb_status next_input(sb_intersect_op *x)
{
    SB_TRY(sb_exec__pull(&x->op, &x->in));
    if (x->in == NULL) {
        forget_held(x);
        return SB_OK;
    }
    SB_TRY(find_lists(x));
    for (unsigned s = 0; s < 2; s++)
        SB_TRY(side_input(x, &x->sides[s]));
    const bool any = x->sides[0].types.any && x->sides[1].types.any;
    x->done = !any;
    x->reading = false;
    x->hit_at = UINT32_MAX;
    x->read_at = x->read_count = x->passing_at = x->passing_count = 0;
    memset(x->weights, 0, x->in->row_count * sizeof *x->weights);
    set_lax(x);
    if (!any) return SB_OK;
    SB_TRY(expect_labels(x, x->in->row_count));
    if (x->counts && x->lax && !x->own && !x->asks_labels) SB_TRY(count_in_tables(x, &x->done));
    return x->done ? SB_OK : choose_held(x);
}

static void bind_ids(sb_intersect_op *x, sb_out *out, const sb_var *var, sb_vector_kind kind,
                     const uint64_t *ids)
{
    if (out == NULL) return;
    out->vector = (sb_vector){.kind = (uint8_t)kind, .as.ids = ids};
    sb_exec__bind(&x->op, var, out);
}

static sb_status next_rows(sb_intersect_op *x, const sb_batch **batch)
{
    x->count = 0;
    while (x->count == 0) {
        if (x->in == NULL || x->done) SB_TRY(next_input(x));
        if (x->in == NULL) return SB_OK;
        SB_TRY(gather(x));
        SB_TRY(keep_labelled(x));
    }
    SB_TRY(sb_exec__pass_rows(&x->op, x->in, x->rows, x->count));
    bind_ids(x, x->to, x->sides[0].plan->to, SB_VECTOR_NODE, x->ids);
    for (unsigned s = 0; s < 2; s++)
        bind_ids(x, x->sides[s].rel, x->sides[s].plan->rel, SB_VECTOR_REL, x->rels[s]);
    *batch = &x->op.out;
    return SB_OK;
}

static sb_status next_weights(sb_intersect_op *x, const sb_batch **batch)
{
    SB_TRY(next_input(x));
    if (x->in == NULL) return SB_OK;
    while (!x->done) {
        x->count = 0;
        SB_TRY(gather(x));
        SB_TRY(keep_labelled(x));
        for (uint32_t i = 0; i < x->count; i++)
            x->weights[x->rows[i]]++;
    }
    sb_exec__pass(&x->op, x->in);
    if (x->weight != NULL) {
        x->weight->vector = (sb_vector){.kind = SB_VECTOR_INT, .as.integers = x->weights};
        sb_exec__bind(&x->op, x->op.plan->as.intersect.weight, x->weight);
    }
    *batch = &x->op.out;
    return SB_OK;
}

static sb_status intersect_next(sb_operator *op, const sb_batch **batch)
{
    sb_intersect_op *x = (sb_intersect_op *)op;

    *batch = NULL;
    return x->counts ? next_weights(x, batch) : next_rows(x, batch);
}

static void intersect_reset(sb_operator *op)
{
    sb_intersect_op *x = (sb_intersect_op *)op;

    x->in = NULL;
    x->reading = false;
    forget_held(x);
    for (unsigned s = 0; s < 2; s++) /* lets go of the list at hand */
        if (x->sides[s].expand != NULL) sb_expand_begin(x->sides[s].expand, NULL, 0);
}

const sb_operator_ops sb_exec__intersect = {.state_bytes = sizeof(sb_intersect_op),
                                            .open = intersect_open,
                                            .next = intersect_next,
                                            .reset = intersect_reset,
                                            .close = intersect_close};
