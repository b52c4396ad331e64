/* expand.c — relationships of many nodes as rows, a batch at a time: what a query's expansion reads.
 * The lists of a few types are found for a group of nodes at once, where they lie in the file; that of a hub is walked leaf by leaf. In a
 * transaction that writes, a list is copied when its first rows are read: what the caller writes between calls does not show. */
#include "graph/traverse_priv.h"

/* Nodes whose lists are found together, and most lists of a node for that. */
#define GROUP     64u
#define LANES_MAX 4u
/* Nodes whose entries in a table are asked for ahead, and entries that are read of each list in it at once. */
#define AHEAD 8u
#define SHORT SB_LIST_TABLE_PAD

typedef enum reading {
    READING_NONE,
    READING_CHUNK, /* chunk, from place on */
    READING_LIST,  /* chunk, from place on; then what follows in list */
    READING_COPY   /* neighbors and rels, from place on */
} reading;

struct sb_expand {
    sb_graph *graph; /* borrowed */
    const sb_allocator *alloc;
    sb_direction direction;
    bool loops_once;
    bool any_type;           /* types are those of the node at hand */
    bool one_list;           /* of each node: there is one type, and one direction */
    sb_types types;          /* of the options, or of the node's label set */
    bool set_known;          /* types are those of set */
    sb_set_id set;           /* 0 is the empty label set */
    const sb_node_id *nodes; /* borrowed */
    size_t node_count;
    size_t node; /* at hand */
    size_t lane; /* the next list of it: 2 × place of the type + direction */

    reading reading;
    sb_type_id type; /* of the list at hand */
    sb_direction list_direction;
    sb_chunk chunk;
    sb_list list;
    sb_buffer neighbors, rels; /* uint64_t[] */
    size_t place;

    size_t group_from, group_end; /* the group that ahead, sets and exist are about */
    bool grouped;                 /* ahead is filled in */
    sb_chunk ahead[LANES_MAX][GROUP];
    const sb_list_table *tables[LANES_MAX]; /* of the batch, by lane; NULL: there is none */
    sb_set_id sets[GROUP];
    uint8_t exist[GROUP / 8];
};

static void end_list(sb_expand *expand)
{
    if (expand->reading == READING_LIST) sb_list_close(&expand->list);
    expand->reading = READING_NONE;
}

/* What the options and the graph's names say; the last ones are forgotten. */
static sb_status set_options(sb_expand *expand, sb_graph *graph, const sb_expand_options *options,
                             sb_err *err)
{
    const bool only_type =
        options->type_count == 0 && sb_name_count(graph->view, SB_NAME_TYPE) == 1;
    const sb_type_id first = 1;

    SB_CHECK_ARG(err, options->direction <= SB_BOTH);
    end_list(expand);
    if (expand->graph != NULL) sb_types__free(expand->graph, &expand->types);
    expand->types.ids = expand->types.few;
    expand->types.count = 0;
    expand->set_known = false;
    expand->graph = graph;
    expand->direction = options->direction;
    expand->loops_once = options->loops_once && options->direction == SB_BOTH;
    expand->any_type = options->type_count == 0 && !only_type;
    expand->node_count = expand->node = expand->lane = expand->group_end = 0;
    expand->one_list = false;
    if (expand->any_type) return SB_OK;
    SB_TRY(sb_types__gather(graph, &expand->types, 0, options->direction,
                            only_type ? &first : options->types,
                            only_type ? 1 : options->type_count, err));
    expand->one_list = expand->types.count == 1 && options->direction != SB_BOTH;
    return SB_OK;
}

sb_status sb_expand_open(sb_graph *graph, const sb_expand_options *options, sb_expand **expand,
                         sb_err *err)
{
    sb_expand *made = sb_alloc_zero(graph->alloc, sizeof *made);
    sb_status status;

    *expand = NULL;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->alloc = graph->alloc;
    sb_buffer_init(&made->neighbors, graph->alloc);
    sb_buffer_init(&made->rels, graph->alloc);
    status = set_options(made, graph, options, err);
    if (status != SB_OK) {
        sb_expand_close(made);
        return status;
    }
    *expand = made;
    return SB_OK;
}

sb_status sb_expand_reopen(sb_expand *expand, sb_graph *graph, const sb_expand_options *options,
                           sb_err *err)
{
    return set_options(expand, graph, options, err);
}

void sb_expand_close(sb_expand *expand)
{
    if (expand == NULL) return;
    end_list(expand);
    if (expand->graph != NULL) sb_types__free(expand->graph, &expand->types);
    sb_buffer_deinit(&expand->neighbors);
    sb_buffer_deinit(&expand->rels);
    sb_free(expand->alloc, expand, sizeof *expand);
}

void sb_expand_begin(sb_expand *expand, const sb_node_id *nodes, size_t count)
{
    end_list(expand);
    expand->nodes = nodes;
    expand->node_count = count;
    expand->node = expand->lane = expand->group_end = expand->place = 0;
    memset(expand->tables, 0, sizeof expand->tables);
}

void sb_expand_use(sb_expand *expand, size_t place, sb_direction direction,
                   const sb_list_table *table)
{
    const size_t lane = 2 * place + (size_t)direction;

    if (!expand->any_type && lane < LANES_MAX) expand->tables[lane] = table;
}

/* ---- Groups of nodes ---------------------------------------------------------------------------------------- */

/* The chunks of a group over one type and direction. */
static sb_status find_chunks(sb_expand *expand, size_t from, size_t count, size_t lane, sb_err *err)
{
    sb_graph *const graph = expand->graph;
    sb_chunk *const chunks = expand->ahead[lane];
    const sb_list_table *table = expand->tables[lane];
    uint64_t keys[GROUP], bias;

    if (table != NULL) {
        for (size_t i = 0; i < count; i++)
            chunks[i] = sb_list_table_list(table, expand->nodes[from + i]);
        return SB_OK;
    }
    const sb_tree *tree = sb_adjacency_tree(graph->view, expand->types.ids[lane / 2],
                                            (sb_direction)(lane % 2), &bias);

    if (tree == NULL) {
        memset(chunks, 0, count * sizeof *chunks);
        return SB_OK;
    }
    for (size_t i = 0; i < count; i++) {
        const sb_node_id node = expand->nodes[from + i];
        keys[i] = node <= SB_ID_MAX ? node + bias : UINT64_MAX; /* the last has no list */
    }
    return sb_lists_chunks(graph->txn, tree, keys, count, chunks, err);
}

/* What the nodes from the one at hand on need together. */
static sb_status begin_group(sb_expand *expand, sb_err *err)
{
    /* What is written between calls may change label sets, and which types the nodes of one have. */
    const size_t most = sb_txn_writable(expand->graph->txn) ? 1 : GROUP;
    const size_t from = expand->node, left = expand->node_count - from,
                 count = left < most ? left : most;

    expand->group_from = from;
    expand->group_end = from + count;
    expand->grouped = !expand->any_type && 2 * expand->types.count <= LANES_MAX &&
                      sb_txn_addresses(expand->graph->txn) != 0;
    if (expand->any_type)
        return sb_graph_fetch_sets(expand->graph, expand->nodes + from, count, expand->sets,
                                   expand->exist, err);
    for (size_t lane = 0; expand->grouped && lane < 2 * expand->types.count; lane++)
        if (expand->direction == SB_BOTH || expand->direction == (sb_direction)(lane % 2))
            SB_TRY(find_chunks(expand, from, count, lane, err));
    return SB_OK;
}

/* Place of the node at hand in its group. */
static size_t in_group(const sb_expand *expand)
{
    return expand->node - expand->group_from;
}

/* Types of the node at hand. */
static sb_status begin_node(sb_expand *expand, sb_err *err)
{
    if (expand->node >= expand->group_end) SB_TRY(begin_group(expand, err));
    if (!expand->any_type) return SB_OK;
    const sb_set_id set = expand->sets[in_group(expand)];
    const bool exists = sb_bit_get(expand->exist, in_group(expand));
    if (exists && expand->set_known && expand->set == set && !sb_txn_writable(expand->graph->txn))
        return SB_OK;
    sb_types__free(expand->graph, &expand->types);
    expand->types.ids = expand->types.few;
    expand->types.count = 0;
    expand->set_known = false;
    if (!exists) return SB_OK;
    SB_TRY(sb_types__gather(expand->graph, &expand->types, set, expand->direction, NULL, 0, err));
    expand->set = set;
    expand->set_known = true;
    return SB_OK;
}

/* ---- Lists -------------------------------------------------------------------------------------------------- */

static sb_status copy_list(sb_expand *expand, sb_node_id node, sb_err *err)
{
    expand->reading = READING_COPY;
    sb_buffer_reset(&expand->neighbors);
    sb_buffer_reset(&expand->rels);
    return sb_neighbors__append(expand->graph, expand->type, expand->list_direction, node,
                                &expand->neighbors, &expand->rels, err);
}

static sb_status begin_list(sb_expand *expand, size_t lane, sb_err *err)
{
    sb_graph *const graph = expand->graph;
    const sb_node_id node = expand->nodes[expand->node];
    const sb_tree *tree;
    uint64_t bias;

    expand->type = expand->types.ids[lane / 2];
    expand->list_direction = (sb_direction)(lane % 2);
    expand->place = 0;
    if (SB_LIKELY(expand->grouped)) {
        expand->chunk = expand->ahead[lane][in_group(expand)];
        expand->reading = READING_CHUNK;
        if (SB_LIKELY(expand->chunk.neighbor_width != SB_ID_LIST_NONE)) return SB_OK;
        expand->reading = READING_NONE;
    }
    if (sb_txn_writable(graph->txn)) return copy_list(expand, node, err);
    tree = sb_adjacency_tree(graph->view, expand->type, expand->list_direction, &bias);
    if (tree == NULL || node > SB_ID_MAX) return SB_OK;
    SB_TRY(sb_list_open(graph->txn, tree, node + bias, &expand->list, err));
    expand->chunk = expand->list.chunk;
    expand->reading = READING_LIST;
    return SB_OK;
}

/* To the next list that is asked for, which may be empty (reading is READING_NONE then); *more false at the end of the batch. */
static sb_status next_list(sb_expand *expand, bool *more, sb_err *err)
{
    while (expand->node < expand->node_count) {
        if (expand->lane == 0) SB_TRY(begin_node(expand, err));
        while (expand->lane < 2 * expand->types.count) {
            const size_t lane = expand->lane++;
            if (expand->direction != SB_BOTH && expand->direction != (sb_direction)(lane % 2))
                continue;
            *more = true;
            return begin_list(expand, lane, err);
        }
        expand->lane = 0;
        expand->node++;
    }
    *more = false;
    return SB_OK;
}

/* ---- Rows --------------------------------------------------------------------------------------------------- */

/* Leave out the loops of rows [from, end), whose other ends were rows already; how many stay. */
static size_t drop_loops(const sb_expand_rows *rows, size_t from, size_t end, sb_node_id node)
{
    size_t kept = from;

    for (size_t i = from; i < end; i++) {
        if (rows->neighbors[i] == node) continue;
        rows->neighbors[kept] = rows->neighbors[i];
        if (rows->rels != NULL) rows->rels[kept] = rows->rels[i];
        kept++;
    }
    return kept - from;
}

/* What rows [from, from + count) have in common. */
static void fill_rows(const sb_expand *expand, const sb_expand_rows *rows, size_t from,
                      size_t count)
{
    for (size_t i = from; i < from + count; i++)
        rows->from[i] = (uint32_t)expand->node;
    for (size_t i = from; rows->types != NULL && i < from + count; i++)
        rows->types[i] = expand->type;
    for (size_t i = from; rows->outgoing != NULL && i < from + count; i++)
        rows->outgoing[i] = expand->list_direction == SB_OUT;
}

/* Entries left of what is at hand, of the chunk or of the copy. */
static size_t left_here(const sb_expand *expand)
{
    const size_t count = expand->reading == READING_COPY ? expand->neighbors.size / sizeof(uint64_t)
                                                         : expand->chunk.count;
    return count - expand->place;
}

static void read_entries(const sb_expand *expand, const sb_expand_rows *rows, size_t at,
                         size_t count)
{
    const size_t skip = expand->place * sizeof(uint64_t), bytes = count * sizeof(uint64_t);

    if (expand->reading == READING_COPY) {
        memcpy(rows->neighbors + at, expand->neighbors.data + skip, bytes);
        if (rows->rels != NULL) memcpy(rows->rels + at, expand->rels.data + skip, bytes);
        return;
    }
    sb_chunk_neighbors(&expand->chunk, (uint32_t)expand->place, (uint32_t)count,
                       rows->neighbors + at);
    if (rows->rels != NULL)
        sb_chunk_rels(&expand->chunk, (uint32_t)expand->place, (uint32_t)count, rows->rels + at);
}

/* The list at hand is read as far as it is here: on to its next piece, if it has one. */
static sb_status next_piece(sb_expand *expand, sb_err *err)
{
    bool more = false;

    if (expand->reading == READING_LIST) {
        SB_TRY(sb_list_next(&expand->list, &more, err));
        expand->chunk = expand->list.chunk;
        expand->place = 0;
    }
    if (!more) end_list(expand);
    return SB_OK;
}

/* Entries of a list some places on, and the start of one further on. */
SB_INLINE void ask_ahead(const sb_list_table *t, const sb_node_id *nodes, size_t left)
{
    if (left <= 2 * AHEAD) return;
    if (nodes[2 * AHEAD] - t->first < t->span) SB_PREFETCH(&t->starts[nodes[2 * AHEAD]]);
    if (nodes[AHEAD] - t->first < t->span) SB_PREFETCH(&t->neighbors[t->starts[nodes[AHEAD]]]);
}

/* Rows of nodes in a table from one on, as long as their lists have SHORT entries at most and there is room for as many: those are written in any case, as
 * how many there are is not foreseen, and behind the last entry there is a pad. */
SB_INLINE size_t read_short(const sb_list_table *t, const sb_node_id *nodes, size_t node_count,
                            size_t node, const sb_expand_rows *rows, size_t capacity, bool rels,
                            size_t *made)
{
    const uint32_t *const starts = t->starts, *const neighbors = t->neighbors;
    uint32_t *const from_rows = rows->from;
    uint64_t *const ends = rows->neighbors;
    const uint64_t first = t->first, span = t->span;
    size_t at = *made;

    for (; node < node_count && at + SHORT <= capacity; node++) {
        const sb_node_id id = nodes[node];
        ask_ahead(t, nodes + node, node_count - node);
        if (id - first >= span) continue;
        const uint32_t from = starts[id], count = starts[id + 1] - from;
        if (count > SHORT) break;
        for (uint32_t i = 0; i < SHORT; i++) {
            ends[at + i] = neighbors[from + i];
            from_rows[at + i] = (uint32_t)node;
            if (rels) rows->rels[at + i] = t->rels[from + i];
        }
        at += count;
    }
    *made = at;
    return node;
}

/* The same where no list has more than one entry. */
SB_INLINE size_t read_singles(const sb_list_table *t, const sb_node_id *nodes, size_t node_count,
                              size_t node, const sb_expand_rows *rows, size_t capacity, bool rels,
                              size_t *made)
{
    const uint32_t *const neighbors = t->neighbors;
    uint32_t *const from_rows = rows->from;
    uint64_t *const ends = rows->neighbors;
    const uint64_t first = t->first, span = t->span;
    size_t at = *made;

    for (; node < node_count && at < capacity; node++) {
        const sb_node_id id = nodes[node];
        if (node_count - node > AHEAD && nodes[node + AHEAD] - first < span)
            SB_PREFETCH(&neighbors[nodes[node + AHEAD]]);
        if (id - first >= span) continue;
        ends[at] = neighbors[id];
        from_rows[at] = (uint32_t)node;
        if (rels) rows->rels[at] = t->rels[id];
        at += neighbors[id] != 0;
    }
    *made = at;
    return node;
}

/* Rows of nodes with one list each, in a table. */
static SB_NOINLINE size_t read_table(sb_expand *expand, const sb_expand_rows *into, size_t capacity)
{
    const sb_list_table t = *expand->tables[expand->direction]; /* copies: no store changes them */
    const sb_expand_rows rows = *into;
    const sb_node_id *const nodes = expand->nodes;
    const size_t node_count = expand->node_count;
    size_t made = 0;

    if (t.singles) {
        expand->node =
            rows.rels == NULL
                ? read_singles(&t, nodes, node_count, expand->node, &rows, capacity, false, &made)
                : read_singles(&t, nodes, node_count, expand->node, &rows, capacity, true, &made);
        return made;
    }
    while (expand->node < node_count) {
        if (expand->place == 0)
            expand->node =
                rows.rels == NULL
                    ? read_short(&t, nodes, node_count, expand->node, &rows, capacity, false, &made)
                    : read_short(&t, nodes, node_count, expand->node, &rows, capacity, true, &made);
        if (expand->node == node_count) break;
        const sb_chunk list = sb_list_table_list(&t, nodes[expand->node]);
        const size_t left = list.count - expand->place, room = capacity - made,
                     take = left < room ? left : room;
        sb_chunk_neighbors(&list, (uint32_t)expand->place, (uint32_t)take, rows.neighbors + made);
        if (rows.rels != NULL)
            sb_chunk_rels(&list, (uint32_t)expand->place, (uint32_t)take, rows.rels + made);
        for (size_t i = 0; i < take; i++)
            rows.from[made + i] = (uint32_t)expand->node;
        made += take;
        expand->place = take < left ? expand->place + take : 0;
        if (take < left) break;
        expand->node++;
    }
    return made;
}

/* Rows of nodes with one list each, from the one at hand on: those whose list is at hand whole, as long as there is room. Most lists are short, and
 * this is where a long expansion spends its time: nothing is kept between two of them. */
static SB_NOINLINE sb_status read_whole(sb_expand *expand, const sb_expand_rows *rows,
                                        size_t capacity, size_t *made, sb_err *err)
{
    const sb_chunk *const chunks = expand->ahead[expand->direction];

    if (expand->lane != 0) { /* its list is read */
        expand->lane = 0;
        expand->node++;
    }
    if (expand->node >= expand->node_count) return SB_OK;
    if (expand->node >= expand->group_end) SB_TRY(begin_group(expand, err));
    for (; expand->grouped && expand->node < expand->group_end; expand->node++) {
        const sb_chunk *c = &chunks[in_group(expand)];
        const uint32_t node = (uint32_t)expand->node, count = c->count;

        if (c->neighbor_width == SB_ID_LIST_NONE || count > capacity - *made) break;
        if (count == 1) {
            rows->neighbors[*made] = sb_chunk_neighbor(c, 0);
            if (rows->rels != NULL) rows->rels[*made] = sb_chunk_rel(c, 0);
        } else if (count != 0) {
            sb_chunk_neighbors(c, 0, count, rows->neighbors + *made);
            if (rows->rels != NULL) sb_chunk_rels(c, 0, count, rows->rels + *made);
        }
        for (uint32_t i = 0; i < count; i++)
            rows->from[*made + i] = node;
        *made += count;
    }
    return SB_OK;
}

sb_status sb_expand_next(sb_expand *expand, const sb_expand_rows *rows, size_t capacity,
                         size_t *count, sb_err *err)
{
    const bool one_list = expand->one_list && rows->types == NULL && rows->outgoing == NULL;
    size_t made = 0;
    bool more = true;

    *count = 0;
    if (one_list && expand->tables[expand->direction] != NULL) {
        *count = read_table(expand, rows, capacity);
        return SB_OK;
    }
    while (made < capacity) {
        if (expand->reading == READING_NONE) {
            if (one_list) SB_TRY(read_whole(expand, rows, capacity, &made, err));
            if (made == capacity) break;
            SB_TRY(next_list(expand, &more, err));
            if (!more) break;
            if (expand->reading == READING_NONE) continue;
        }
        const size_t here = left_here(expand), room = capacity - made,
                     take = here < room ? here : room;
        if (take != 0) {
            read_entries(expand, rows, made, take);
            const size_t kept =
                expand->loops_once && expand->list_direction == SB_IN
                    ? drop_loops(rows, made, made + take, expand->nodes[expand->node])
                    : take;
            fill_rows(expand, rows, made, kept);
            made += kept;
            expand->place += take;
        }
        if (take == here) SB_TRY(next_piece(expand, err));
    }
    *count = made;
    return SB_OK;
}

sb_status sb_expand_next_piece(sb_expand *expand, sb_expand_piece *piece, bool *more, sb_err *err)
{
    for (;;) {
        if (expand->reading == READING_NONE) {
            SB_TRY(next_list(expand, more, err));
            if (!*more) return SB_OK;
        } else if (left_here(expand) == 0) {
            SB_TRY(next_piece(expand, err));
        } else {
            break;
        }
    }
    const size_t count = left_here(expand);
    const bool repeats = expand->loops_once && expand->list_direction == SB_IN;

    piece->from = (uint32_t)expand->node;
    piece->skipped = repeats ? expand->nodes[expand->node] : 0;
    piece->entries = expand->chunk;
    piece->stays = expand->reading == READING_CHUNK;
    if (expand->reading == READING_COPY)
        piece->entries = (sb_chunk){.neighbors = expand->neighbors.data,
                                    .rels = expand->rels.data,
                                    .neighbor_width = sizeof(uint64_t),
                                    .rel_width = sizeof(uint64_t),
                                    .count = (uint32_t)count};
    expand->place += count;
    *more = true;
    return SB_OK;
}
