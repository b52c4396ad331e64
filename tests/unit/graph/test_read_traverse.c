/* Goal: neighbors, degrees and traversals against plain adjacency arrays in memory, on random graphs: all directions and types,
 * pending relationships, both forms of a level, lists longer than a page, few cached pages.
 * Method: the same random relationships go into the store and into an array; every answer is computed from the array by
 * the plainest means. */
#include <math.h>

#include "support/graph_fixture.h"

#include "graph/graph_priv.h"

typedef struct edge {
    sb_node_id source, target;
    sb_type_id type;
    sb_rel_id rel;
    double weight;
} edge;

typedef struct model {
    sb_node_id *nodes;
    size_t node_count;
    edge *edges;
    size_t edge_count, edge_capacity;
    sb_type_id types[16];
    size_t type_count;
    sb_key_id weight;
    sb_random random;
} model;

static size_t below(model *m, size_t bound)
{
    return (size_t)sb_random_below(&m->random, bound);
}

/* Nodes of two label sets in turns, in several batches, so that ids have gaps. */
static void add_nodes(graph_fixture *f, model *m, size_t count)
{
    const sb_set_id sets[2] = {set_of_label(f, label(f, "A")), set_of_label(f, label(f, "B"))};

    m->nodes = realloc(m->nodes, (m->node_count + count) * sizeof *m->nodes);
    for (size_t made = 0; made < count;) {
        const size_t take = count - made < 777 ? count - made : 777;
        OK(f, sb_graph_create_nodes(f->graph, sets[made / 777 % 2], take, NULL, 0,
                                    m->nodes + m->node_count, &f->err));
        m->node_count += take;
        made += take;
    }
}

static void add_types(graph_fixture *f, model *m, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text_of[16];
        snprintf(text_of, sizeof text_of, "T%zu", m->type_count);
        m->types[m->type_count++] = type_of(f, text_of);
    }
    m->weight = key_of(f, "weight");
}

/* Random relationships of one type; some have a weight, integer or float. hub: a node that half of them touch. */
static void add_edges(graph_fixture *f, model *m, size_t type, size_t count, size_t hub)
{
    sb_node_id *sources = malloc(count * sizeof *sources),
               *targets = malloc(count * sizeof *targets);
    sb_value *weights = malloc(count * sizeof *weights);
    sb_rel_id *ids = malloc(count * sizeof *ids);
    const sb_prop_column column = {.key = m->weight, .values = weights};

    if (m->edge_count + count > m->edge_capacity) {
        m->edge_capacity = 2 * (m->edge_count + count);
        m->edges = realloc(m->edges, m->edge_capacity * sizeof *m->edges);
    }
    for (size_t i = 0; i < count; i++) {
        sources[i] = m->nodes[below(m, m->node_count)];
        targets[i] = m->nodes[below(m, m->node_count)];
        if (hub != SIZE_MAX && i % 2 == 0)
            *(i % 4 == 0 ? &sources[i] : &targets[i]) = m->nodes[hub];
        switch (below(m, 3)) {
        case 0: weights[i] = integer((int64_t)below(m, 10)); break;
        case 1: weights[i] = real((double)below(m, 64) / 8); break;
        default: weights[i] = SB_VALUE_NULL; break;
        }
    }
    OK(f, sb_graph_create_rels(f->graph, m->types[type], count, sources, targets, &column, 1, ids,
                               &f->err));
    for (size_t i = 0; i < count; i++) {
        const double weight = weights[i].type == SB_TYPE_INT     ? (double)weights[i].as.integer
                              : weights[i].type == SB_TYPE_FLOAT ? weights[i].as.real
                                                                 : 2.5;
        m->edges[m->edge_count++] = (edge){sources[i], targets[i], m->types[type], ids[i], weight};
    }
    free(sources);
    free(targets);
    free(weights);
    free(ids);
}

static void model_free(model *m)
{
    free(m->nodes);
    free(m->edges);
}

static bool wanted(const sb_type_id *types, size_t count, sb_type_id type)
{
    for (size_t i = 0; i < count; i++)
        if (types[i] == type) return true;
    return count == 0;
}

/* ---- Neighbors ---------------------------------------------------------------------------------------------- */

static int compare_neighbors(const void *a, const void *b)
{
    const sb_neighbor *x = a, *y = b;
    if (x->type != y->type) return x->type < y->type ? -1 : 1;
    if (x->outgoing != y->outgoing) return x->outgoing ? -1 : 1;
    if (x->node != y->node) return x->node < y->node ? -1 : 1;
    return x->rel < y->rel ? -1 : x->rel > y->rel;
}

static size_t expected_neighbors(const model *m, sb_node_id node,
                                 const sb_neighbors_options *options, sb_neighbor *out)
{
    size_t count = 0, kept = 0;

    for (size_t i = 0; i < m->edge_count; i++) {
        const edge *e = &m->edges[i];
        if (!wanted(options->types, options->type_count, e->type)) continue;
        if (e->source == node && options->direction != SB_IN)
            out[count++] = (sb_neighbor){e->target, e->rel, e->type, true};
        if (e->target == node && options->direction != SB_OUT)
            out[count++] = (sb_neighbor){e->source, e->rel, e->type, false};
    }
    qsort(out, count, sizeof *out, compare_neighbors);
    for (size_t i = 0; i < count; i++) {
        bool seen = false;
        for (size_t k = 0; options->distinct && k < kept && !seen; k++)
            seen = out[k].node == out[i].node;
        if (!seen) out[kept++] = out[i];
    }
    return options->limit != 0 && kept > options->limit ? (size_t)options->limit : kept;
}

static void check_neighbors(graph_fixture *f, model *m, sb_node_id node)
{
    static const sb_direction directions[] = {SB_OUT, SB_IN, SB_BOTH};
    sb_neighbor *expected = malloc((2 * m->edge_count + 1) * sizeof *expected),
                *found = malloc((2 * m->edge_count + 1) * sizeof *found);

    for (unsigned variant = 0; variant < 36; variant++) {
        const sb_type_id some[2] = {m->types[below(m, m->type_count)],
                                    m->types[below(m, m->type_count)]};
        const sb_neighbors_options options = {.direction = directions[variant % 3],
                                              .types = some,
                                              .type_count = variant / 3 % 3,
                                              .distinct = variant / 9 % 2,
                                              .limit = variant / 18 % 2 == 0 ? 0 : 1 + below(m, 6)};
        size_t count = expected_neighbors(m, node, &options, expected), got;
        const size_t capacity = below(m, 3) == 0 ? below(m, count + 1) : count;
        uint64_t degree;

        OK(f, sb_graph_neighbors(f->graph, node, &options, found, capacity, &got, &f->err));
        assert_int_equal(got, count);
        for (size_t i = 0; i < capacity; i++) {
            assert_int_equal(found[i].node, expected[i].node);
            assert_int_equal(found[i].rel, expected[i].rel);
            assert_int_equal(found[i].type, expected[i].type);
            assert_int_equal(found[i].outgoing, expected[i].outgoing);
        }
        if (options.distinct || options.limit != 0) continue;
        OK(f, sb_graph_degree(f->graph, node, options.direction, options.types, options.type_count,
                              &degree, &f->err));
        assert_int_equal(degree, count);
        if (options.type_count > 1) continue;
        const sb_node_id *ids;
        OK(f, sb_graph_neighbor_ids(f->graph, node, options.direction,
                                    options.type_count == 0 ? 0 : some[0], &ids, &got, &f->err));
        assert_int_equal(got, count);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(ids[i], expected[i].node);
    }
    free(expected);
    free(found);
}

/* Lists in place, lengths, one by one and of many, against the same. */
static void check_lists(graph_fixture *f, const sb_node_id *nodes, size_t node_count,
                        sb_direction direction, sb_type_id type, const sb_node_id *all,
                        const size_t *ends)
{
    sb_node_id *copy = malloc((ends[node_count - 1] + 1) * sizeof *copy);
    sb_id_list lists[70], one;
    uint64_t degrees[70];

    memcpy(copy, all, ends[node_count - 1] * sizeof *copy);
    OK(f, sb_graph_lists(f->graph, nodes, node_count, direction, type, lists, &f->err));
    for (size_t i = 0, begin = 0; i < node_count; begin = ends[i++]) {
        assert_int_equal(lists[i].count, ends[i] - begin);
        for (size_t k = 0; k < lists[i].count; k++)
            assert_int_equal(sb_id_list_at(&lists[i], k), copy[begin + k]);
    }
    for (size_t i = 0, begin = 0; i < node_count; begin = ends[i++]) {
        OK(f, sb_graph_list(f->graph, nodes[i], direction, type, &one, &f->err));
        assert_int_equal(one.count, ends[i] - begin);
        for (size_t k = 0; k < one.count; k++)
            assert_int_equal(sb_id_list_at(&one, k), copy[begin + k]);
    }
    OK(f, sb_graph_degrees(f->graph, nodes, node_count, direction, type, degrees, &f->err));
    for (size_t i = 0, begin = 0; i < node_count; begin = ends[i++])
        assert_int_equal(degrees[i], ends[i] - begin);
    free(copy);
}

static void check_many(graph_fixture *f, model *m)
{
    sb_node_id nodes[70];
    size_t ends[70], begin = 0;
    sb_neighbor *expected = malloc((2 * m->edge_count + 1) * sizeof *expected);

    for (unsigned variant = 0; variant < 6; variant++) {
        const sb_type_id type = m->types[below(m, m->type_count)];
        const sb_neighbors_options options = {
            .direction = (sb_direction)(variant % 3), .types = &type, .type_count = variant / 3};
        const sb_node_id *ids;
        for (size_t i = 0; i < 70; i++)
            nodes[i] = i == 5   ? 999999999
                       : i == 6 ? SB_ID_MAX + 1
                                : m->nodes[below(m, m->node_count)];
        nodes[7] = m->nodes[0];
        OK(f, sb_graph_neighbor_ids_many(f->graph, nodes, 70, options.direction,
                                         variant < 3 ? 0 : type, &ids, ends, &f->err));
        begin = 0;
        for (size_t i = 0; i < 70; begin = ends[i++]) {
            const size_t count = expected_neighbors(m, nodes[i], &options, expected);
            assert_int_equal(ends[i] - begin, count);
            for (size_t k = 0; k < count; k++)
                assert_int_equal(ids[begin + k], expected[k].node);
        }
        check_lists(f, nodes, 70, options.direction, variant < 3 ? 0 : type, ids, ends);
    }
    free(expected);
}

static sb_status go_on(void *ctx)
{
    (void)ctx;
    return SB_OK;
}

/* Tables of the lists over up to two types, each with a relationship asked of it; some are left out. */
static void make_tables(graph_fixture *f, model *m, const sb_type_id *types, size_t count,
                        bool rels, sb_list_table *tables[2][2])
{
    for (size_t t = 0; t < 2; t++)
        for (unsigned d = SB_OUT; d < SB_BOTH; d++) {
            const sb_list_table_options options = {.type = t < count ? types[t] : 0,
                                                   .direction = (sb_direction)d,
                                                   .rels = rels,
                                                   .alloc = &sb_allocator_libc,
                                                   .poll = go_on};
            tables[t][d] = NULL;
            if (t >= count || sb_txn_writable(f->txn) || below(m, 4) == 0) continue;
            OK(f, sb_list_table_make(f->graph, &options, &tables[t][d], &f->err));
            assert_non_null(tables[t][d]);
            for (size_t i = 0; i < 50; i++) {
                const edge *e = &m->edges[below(m, m->edge_count)];
                const sb_node_id a = d == SB_OUT ? e->source : e->target,
                                 b = d == SB_OUT ? e->target : e->source,
                                 other = m->nodes[below(m, m->node_count)];
                bool is = false;
                for (size_t k = 0; k < m->edge_count; k++) {
                    const edge *o = &m->edges[k];
                    is = is || (o->type == types[t] && (d == SB_OUT ? o->source : o->target) == a &&
                                (d == SB_OUT ? o->target : o->source) == other);
                }
                assert_true(e->type != types[t] || sb_list_table_has(tables[t][d], a, b));
                assert_int_equal(sb_list_table_has(tables[t][d], a, other), is);
                assert_false(sb_list_table_has(tables[t][d], a, SB_ID_MAX + 1));
            }
        }
}

/* Rows of an expansion, in pieces of any size, against the neighbors of each node; where the transaction only reads, some lists are in tables. */
static void check_expand(graph_fixture *f, model *m)
{
    sb_list_table *tables[2][2];
    sb_node_id nodes[130];
    uint32_t from[64];
    sb_node_id neighbors[64];
    sb_rel_id rels[64];
    sb_type_id types[64];
    bool outgoing[64];
    sb_neighbor *expected = malloc((2 * m->edge_count + 1) * sizeof *expected);

    for (unsigned variant = 0; variant < 18; variant++) {
        sb_type_id some[2] = {m->types[0], m->types[m->type_count - 1]};
        const sb_neighbors_options options = {
            .direction = (sb_direction)(variant % 3), .types = some, .type_count = variant / 3 % 3};
        const sb_expand_options asked = {.direction = options.direction,
                                         .types = some,
                                         .type_count = options.type_count,
                                         .loops_once = variant >= 9};
        const bool with_rels = below(m, 3) != 0, all = with_rels && below(m, 2) != 0;
        const sb_expand_rows rows = {.from = from,
                                     .neighbors = neighbors,
                                     .rels = with_rels ? rels : NULL,
                                     .types = all ? types : NULL,
                                     .outgoing = all ? outgoing : NULL};
        size_t have = 0, at = 0;
        sb_expand *expand;

        if (m->type_count == 1 && options.type_count == 2) continue;
        OK(f, sb_expand_open(f->graph, &asked, &expand, &f->err));
        make_tables(f, m, some, options.type_count, with_rels, tables);
        for (unsigned batch = 0; batch < 2; batch++) {
            const size_t count = batch == 0 ? 5 : 130;
            for (size_t i = 0; i < count; i++)
                nodes[i] = i == 3   ? 999999999
                           : i == 4 ? SB_ID_MAX + 1
                                    : m->nodes[i == 2 ? 0 : below(m, m->node_count)];
            sb_expand_begin(expand, nodes, count);
            for (size_t t = 0; t < 4; t++)
                if (tables[t / 2][t % 2] != NULL)
                    sb_expand_use(expand, t / 2, (sb_direction)(t % 2), tables[t / 2][t % 2]);
            have = at = 0;
            for (size_t i = 0; i < count; i++) {
                const size_t list = expected_neighbors(m, nodes[i], &options, expected);
                for (size_t k = 0; k < list; k++) {
                    if (asked.loops_once && asked.direction == SB_BOTH && !expected[k].outgoing &&
                        expected[k].node == nodes[i])
                        continue;
                    if (at == have) {
                        OK(f, sb_expand_next(expand, &rows, 1 + below(m, 64), &have, &f->err));
                        at = 0;
                        assert_true(have > 0);
                    }
                    assert_int_equal(from[at], i);
                    assert_int_equal(neighbors[at], expected[k].node);
                    assert_true(!with_rels || rels[at] == expected[k].rel);
                    assert_true(!all || types[at] == expected[k].type);
                    assert_true(!all || outgoing[at] == expected[k].outgoing);
                    at++;
                }
            }
            assert_int_equal(at, have);
            if (batch == 1 && below(m, 2) == 0) break; /* closed in the middle of nothing */
            OK(f, sb_expand_next(expand, &rows, 64, &have, &f->err));
            assert_int_equal(have, 0);
        }
        sb_expand_close(expand);
        for (size_t t = 0; t < 4; t++)
            sb_list_table_free(tables[t / 2][t % 2]);
    }
    free(expected);
}

static void check_between(graph_fixture *f, model *m, sb_node_id source, sb_node_id target)
{
    for (size_t t = 0; t <= m->type_count; t++) {
        sb_rel_id first = 0, rel;
        sb_type_id first_type = 0;
        for (size_t i = 0; i < m->edge_count; i++) {
            const edge *e = &m->edges[i];
            if (e->source != source || e->target != target ||
                (t != 0 && e->type != m->types[t - 1]))
                continue;
            if (first != 0 && (first_type < e->type || (first_type == e->type && first < e->rel)))
                continue;
            first = e->rel;
            first_type = e->type;
        }
        OK(f, sb_graph_rel_between(f->graph, source, target, t == 0 ? 0 : m->types[t - 1], &rel,
                                   &f->err));
        assert_int_equal(rel, first);
    }
}

static void check_reads(graph_fixture *f, model *m, size_t rounds)
{
    check_neighbors(f, m, m->nodes[0]);
    for (size_t i = 0; i < rounds; i++) {
        const edge *e = &m->edges[below(m, m->edge_count)];
        check_neighbors(f, m, m->nodes[below(m, m->node_count)]);
        check_between(f, m, e->source, e->target);
        check_between(f, m, m->nodes[below(m, m->node_count)], e->target);
    }
    check_many(f, m);
    check_expand(f, m);
}

/* ---- Traversals ------------------------------------------------------------------------------------------------ */

/* Distance of each id from start: by Bellman and Ford, whatever the direction. */
static uint32_t *distances(const model *m, sb_node_id end, sb_node_id start,
                           const sb_bfs_options *options)
{
    uint32_t *distance = malloc((size_t)end * sizeof *distance);
    bool changed = true;

    for (size_t i = 0; i < end; i++)
        distance[i] = UINT32_MAX;
    distance[start] = 0;
    for (uint32_t depth = 0; changed && depth < options->max_depth; depth++) {
        changed = false;
        for (size_t i = 0; i < m->edge_count; i++) {
            const edge *e = &m->edges[i];
            if (!wanted(options->types, options->type_count, e->type)) continue;
            if (options->direction != SB_IN && distance[e->source] == depth &&
                distance[e->target] > depth + 1) {
                distance[e->target] = depth + 1;
                changed = true;
            }
            if (options->direction != SB_OUT && distance[e->target] == depth &&
                distance[e->source] > depth + 1) {
                distance[e->source] = depth + 1;
                changed = true;
            }
        }
    }
    return distance;
}

typedef struct visits {
    const uint32_t *distance;
    uint8_t *seen;
    uint32_t depth;
    uint64_t count, stop_at;
} visits;

static sb_status note_visit(void *ctx, const sb_node_id *nodes, size_t count, uint32_t depth)
{
    visits *v = ctx;

    assert_int_not_equal(count, 0);
    assert_true(depth == v->depth || depth == v->depth + 1);
    v->depth = depth;
    for (size_t i = 0; i < count; i++) {
        if (v->count == v->stop_at) return SB_BUSY;
        assert_int_equal(v->distance[nodes[i]], depth);
        assert_false(sb_bit_get(v->seen, (size_t)nodes[i]));
        sb_bit_set(v->seen, (size_t)nodes[i]);
        v->count++;
    }
    return SB_OK;
}

/* The fewest steps that lead from start back to it; UINT32_MAX: none do. */
static uint32_t way_back(const model *m, const uint32_t *distance, sb_node_id start,
                         const sb_bfs_options *options)
{
    uint32_t least = UINT32_MAX;

    for (size_t i = 0; i < m->edge_count; i++) {
        const edge *e = &m->edges[i];
        if (!wanted(options->types, options->type_count, e->type)) continue;
        if (options->direction != SB_IN && e->target == start && distance[e->source] < least)
            least = distance[e->source];
        if (options->direction != SB_OUT && e->source == start && distance[e->target] < least)
            least = distance[e->target];
    }
    return least < options->max_depth ? least + 1 : UINT32_MAX;
}

/* The same search where the start counts only when it is come back to; then from whichever side. */
static void check_steps_only(graph_fixture *f, const model *m, sb_node_id start,
                             const sb_bfs_options *options, uint32_t *distance, uint64_t reached)
{
    const size_t bytes = (size_t)sb_ids_node_end(f->view) / 8 + 1;
    visits v = {.distance = distance, .seen = calloc(bytes, 1), .stop_at = UINT64_MAX};
    sb_bfs_options steps = *options;
    sb_bfs_result result;

    steps.steps_only = true;
    distance[start] = way_back(m, distance, start, options);
    reached -= distance[start] == UINT32_MAX;
    OK(f, sb_graph_bfs(f->graph, start, &steps, note_visit, &v, &result, &f->err));
    assert_int_equal(v.count, reached);
    assert_int_equal(result.visited, reached);
    steps.any_side = true;
    v = (visits){.distance = distance, .seen = memset(v.seen, 0, bytes), .stop_at = UINT64_MAX};
    OK(f, sb_graph_bfs(f->graph, start, &steps, note_visit, &v, &result, &f->err));
    assert_int_equal(v.count, reached);
    free(v.seen);
}

static void check_bfs(graph_fixture *f, model *m, sb_node_id start, const sb_bfs_options *options)
{
    const sb_node_id end = sb_ids_node_end(f->view);
    uint32_t *distance = distances(m, end, start, options), deepest = 0;
    visits v = {
        .distance = distance, .seen = calloc((size_t)end / 8 + 1, 1), .stop_at = UINT64_MAX};
    uint64_t reached = 0, rels = 0;
    sb_bfs_result result, counted;

    for (sb_node_id i = 1; i < end; i++) {
        if (distance[i] == UINT32_MAX) continue;
        reached++;
        if (distance[i] > deepest) deepest = distance[i];
    }
    for (size_t i = 0; i < m->edge_count; i++) {
        const edge *e = &m->edges[i];
        if (!wanted(options->types, options->type_count, e->type)) continue;
        rels += options->direction != SB_IN && distance[e->source] < options->max_depth;
        rels += options->direction != SB_OUT && distance[e->target] < options->max_depth;
    }
    OK(f, sb_graph_bfs(f->graph, start, options, note_visit, &v, &result, &f->err));
    OK(f, sb_graph_bfs(f->graph, start, options, NULL, NULL, &counted, &f->err));
    assert_int_equal(result.visited, counted.visited);
    assert_int_equal(result.visited, v.count);
    assert_int_equal(result.truncated, counted.truncated);
    if (options->max_visits != 0 && reached > options->max_visits) {
        assert_true(result.truncated);
        assert_int_equal(result.visited, options->max_visits);
        assert_int_equal(result.depth, v.depth);
    } else {
        assert_false(result.truncated);
        assert_int_equal(result.visited, reached);
        assert_int_equal(result.depth, deepest);
        assert_int_equal(result.rels_seen, rels);
        assert_int_equal(counted.rels_seen, rels);
    }
    if (v.count > 1) {
        memset(v.seen, 0, (size_t)end / 8 + 1);
        v.depth = 0;
        v.stop_at = below(m, (size_t)v.count);
        v.count = 0;
        assert_int_equal(sb_graph_bfs(f->graph, start, options, note_visit, &v, &result, &f->err),
                         SB_BUSY);
        assert_int_equal(v.count, v.stop_at);
    }
    if (options->max_visits == 0) {
        sb_bfs_options exact = *options;
        check_steps_only(f, m, start, options, distance, reached);
        exact.max_visits = reached > 1 ? reached - below(m, 2) : 1; /* all, or all but one */
        check_bfs(f, m, start, &exact);
    }
    free(distance);
    free(v.seen);
}

static const edge *edge_of(const model *m, sb_rel_id rel)
{
    size_t i = 0;

    while (i + 1 < m->edge_count && m->edges[i].rel != rel)
        i++;
    assert_int_equal(m->edges[i].rel, rel);
    return &m->edges[i];
}

/* Does the path lead along relationships that there are? Returns its weight. */
static double walk_path(const model *m, const sb_graph_path *path, sb_node_id from, sb_node_id to,
                        const sb_bfs_options *options)
{
    double sum = 0;

    assert_int_equal(path->nodes[0], from);
    assert_int_equal(path->nodes[path->length], to);
    for (size_t i = 0; i < path->length; i++) {
        const edge *e = edge_of(m, path->rels[i]);
        const bool forward = e->source == path->nodes[i] && e->target == path->nodes[i + 1];
        const bool backward = e->target == path->nodes[i] && e->source == path->nodes[i + 1];
        assert_true((forward && options->direction != SB_IN) ||
                    (backward && options->direction != SB_OUT));
        assert_true(wanted(options->types, options->type_count, e->type));
        sum += e->weight;
    }
    return sum;
}

static void check_shortest(graph_fixture *f, model *m, sb_node_id from, sb_node_id to,
                           const sb_bfs_options *options)
{
    uint32_t *distance = distances(m, sb_ids_node_end(f->view), from, options);
    sb_graph_path path;

    OK(f, sb_graph_shortest_path(f->graph, from, to, options, &path, &f->err));
    assert_int_equal(path.found, distance[to] != UINT32_MAX);
    if (path.found) {
        assert_int_equal(path.length, distance[to]);
        (void)walk_path(m, &path, from, to, options);
    }
    free(distance);
}

/* Least weight of at most max_depth relationships, for every bound at once: rounds of Bellman and Ford on a copy. */
static double least_weight(const model *m, sb_node_id end, sb_node_id from, sb_node_id to,
                           const sb_bfs_options *options)
{
    double *now = malloc((size_t)end * sizeof *now), *next = malloc((size_t)end * sizeof *next),
           least;
    bool changed = true;

    for (size_t i = 0; i < end; i++)
        now[i] = (double)INFINITY;
    now[from] = 0;
    for (uint32_t hops = 0; changed && hops < options->max_depth; hops++) {
        changed = false;
        memcpy(next, now, (size_t)end * sizeof *now);
        for (size_t i = 0; i < m->edge_count; i++) {
            const edge *e = &m->edges[i];
            if (!wanted(options->types, options->type_count, e->type)) continue;
            if (options->direction != SB_IN && now[e->source] + e->weight < next[e->target]) {
                next[e->target] = now[e->source] + e->weight;
                changed = true;
            }
            if (options->direction != SB_OUT && now[e->target] + e->weight < next[e->source]) {
                next[e->source] = now[e->target] + e->weight;
                changed = true;
            }
        }
        memcpy(now, next, (size_t)end * sizeof *now);
    }
    least = now[to];
    free(now);
    free(next);
    return least;
}

static void check_weighted(graph_fixture *f, model *m, sb_node_id from, sb_node_id to,
                           const sb_bfs_options *options)
{
    const double least = least_weight(m, sb_ids_node_end(f->view), from, to, options);
    sb_graph_path path;

    OK(f, sb_graph_weighted_path(f->graph, from, to, options, m->weight, 2.5, &path, &f->err));
    assert_int_equal(path.found, !isinf(least));
    if (!path.found) return;
    assert_true(fabs(path.weight - least) < 1e-9);
    assert_true(path.length <= options->max_depth);
    assert_true(fabs(walk_path(m, &path, from, to, options) - least) < 1e-9);
}

static void check_traversals(graph_fixture *f, model *m, size_t rounds)
{
    for (size_t i = 0; i < rounds; i++) {
        const sb_type_id some[2] = {m->types[below(m, m->type_count)],
                                    m->types[below(m, m->type_count)]};
        sb_bfs_options options = {.direction = (sb_direction)(i % 3),
                                  .types = some,
                                  .type_count = below(m, 3),
                                  .max_depth =
                                      below(m, 3) == 0 ? (uint32_t)below(m, 5) : UINT32_MAX};
        const sb_node_id from = m->nodes[below(m, m->node_count)],
                         to = m->nodes[below(m, 20) == 0 ? 0 : below(m, m->node_count)];
        check_shortest(f, m, from, to, &options);
        check_weighted(f, m, from, to, &options);
        options.max_visits = below(m, 3) == 0 ? 1 + below(m, m->node_count) : 0;
        check_bfs(f, m, from, &options);
    }
}

/* ---- Cases -------------------------------------------------------------------------------------------------------- */

static void build(graph_fixture *f, model *m, size_t nodes, size_t types, size_t edges, bool hub)
{
    begin_write(f);
    add_nodes(f, m, nodes);
    add_types(f, m, types);
    for (size_t t = 0; t < types; t++)
        add_edges(f, m, t, edges / types, hub && t == 0 ? 0 : SIZE_MAX);
}

static void run(size_t nodes, size_t types, size_t edges, bool hub, size_t reads, size_t traversals,
                uint64_t seed)
{
    model m = {.random = test_random(seed)};
    graph_fixture f;

    graph_fixture_open(&f, 4096);
    build(&f, &m, nodes, types, edges, hub);
    check_reads(&f, &m, reads); /* all pending */
    commit(&f);
    begin_read(&f);
    check_reads(&f, &m, reads);
    check_traversals(&f, &m, traversals);
    commit(&f);
    /* Some pending on top of those in the trees; a traversal then flushes them. */
    begin_write(&f);
    for (size_t t = 0; t < types; t++)
        add_edges(&f, &m, t, 1 + edges / types / 10, SIZE_MAX);
    assert_true(sb_graph__has_pending(f.graph));
    check_reads(&f, &m, reads);
    check_traversals(&f, &m, traversals / 2);
    assert_false(sb_graph__has_pending(f.graph));
    check_reads(&f, &m, reads);
    commit(&f);
    model_free(&m);
    graph_fixture_close(&f);
}

static void test_graph_read_traverse__sparse(void **state)
{
    (void)state;
    run(300, 2, 330, false, 12, 120, 1); /* many levels, mostly queues */
}

static void test_graph_read_traverse__dense(void **state)
{
    (void)state;
    run(3000, 1, 12000, false, 8, 24, 2); /* few levels, bitmaps picked from and walked */
}

static void test_graph_read_traverse__many_types(void **state)
{
    (void)state;
    run(500, 12, 1500, false, 10, 60, 3); /* more lanes than are asked without looking at label
                                           * sets */
}

static void test_graph_read_traverse__hub(void **state)
{
    (void)state;
    run(1000, 2, 12000, true, 3, 24, 4); /* lists longer than a page */
}

static void test_graph_read_traverse__far_ids(void **state)
{
    /* Ids spread so that what is visited starts as a map and becomes a bitmap. */
    model m = {.random = test_random(5)};
    graph_fixture f;
    sb_node_id *spread;

    (void)state;
    graph_fixture_open(&f, 4096);
    begin_write(&f);
    add_types(&f, &m, 1);
    spread = malloc(4000000 * sizeof *spread);
    m.nodes = malloc(40000 * sizeof *m.nodes);
    OK(&f, sb_ids_take_nodes(f.view, 0, 4000000, spread, &f.err)); /* ids handed out and not used */
    free(spread);
    for (size_t i = 0; i < 10; i++) {
        OK(&f, sb_graph_create_nodes(f.graph, 0, 4000, NULL, 0, m.nodes + m.node_count, &f.err));
        m.node_count += 4000;
    }
    add_edges(&f, &m, 0, 120000, SIZE_MAX);
    commit(&f);
    begin_read(&f);
    for (uint32_t depth = 1; depth < 12; depth += 3) {
        const sb_bfs_options options = {.direction = SB_OUT, .max_depth = depth};
        check_bfs(&f, &m, m.nodes[below(&m, m.node_count)], &options);
    }
    commit(&f);
    model_free(&m);
    graph_fixture_close(&f);
}

/* Open the file again, with the fewest cached pages there can be. */
static void reopen_cached(graph_fixture *f)
{
    sb_pager_options options;

    graph_close_file(f);
    sb_pager_options_init(&options);
    options.alloc = &f->alloc.base;
    options.vfs = f->vfs;
    options.profile = &f->profile;
    options.durability = SB_DURABLE_OFF;
    options.check = sb_tree_check_page;
    options.read_mode = SB_READ_CACHE;
    options.cache_pages = 8;
    OK(f, sb_pager_open("test.sombra", &options, &f->pager, &f->err));
    OK(f, sb_session_open(f->pager, &f->session, &f->err));
}

/* Delete edge i from graph and model. */
static void delete_edge(graph_fixture *f, model *m, size_t i)
{
    const sb_op op = {.kind = SB_OP_DELETE_REL,
                      .entity = SB_REL,
                      .target_entity = {.result_of = -1, .id = m->edges[i].rel}};
    sb_mutation mutation;

    OK(f, sb_graph_mutate(f->graph, &op, 1, &mutation, &f->err));
    m->edges[i] = m->edges[--m->edge_count];
}

/* Delete a node with its relationships from graph and model. */
static void detach_node(graph_fixture *f, model *m, size_t i)
{
    const sb_op op = {.kind = SB_OP_DELETE_NODE,
                      .entity = SB_NODE,
                      .detach = true,
                      .target_entity = {.result_of = -1, .id = m->nodes[i]}};
    sb_mutation mutation;

    OK(f, sb_graph_mutate(f->graph, &op, 1, &mutation, &f->err));
    for (size_t e = m->edge_count; e-- > 0;)
        if (m->edges[e].source == m->nodes[i] || m->edges[e].target == m->nodes[i])
            m->edges[e] = m->edges[--m->edge_count];
    m->nodes[i] = m->nodes[--m->node_count];
}

/* Many small commits into a large type: part of its lists lies aside (store/adjacency.c), and nobody notices. */
static void test_graph_read_traverse__aside(void **state)
{
    model m = {.random = test_random(8)};
    graph_fixture f;
    sb_verify_result result;
    uint64_t bias;

    (void)state;
    graph_fixture_open(&f, 4096);
    build(&f, &m, 3000, 2, 60000, true);
    commit(&f);
    for (size_t i = 0; i < 300; i++) {
        begin_write(&f);
        add_edges(&f, &m, i % 2, 1 + below(&m, 8), i % 3 == 0 ? 0 : SIZE_MAX);
        if (i % 10 == 0) delete_edge(&f, &m, below(&m, m.edge_count));
        if (i % 10 == 5) delete_edge(&f, &m, m.edge_count - 1 - below(&m, 50)); /* aside */
        if (i % 100 == 50) detach_node(&f, &m, 1 + below(&m, m.node_count - 1));
        commit(&f);
    }
    begin_read(&f);
    for (unsigned d = SB_OUT; d <= SB_IN; d++) {
        const sb_tree *tree = sb_adjacency_tree(f.view, m.types[0], (sb_direction)d, &bias);
        assert_true(tree->side != NULL && tree->side->root != SB_PGNO_NONE);
    }
    check_reads(&f, &m, 20);
    check_traversals(&f, &m, 8);
    OK(&f, sb_graph_verify(f.graph, NULL, NULL, &result, &f.err));
    assert_int_equal(result.findings, 0);
    commit(&f);
    begin_write(&f); /* with some pending on top; the hub goes in the end */
    add_edges(&f, &m, 0, 40, 0);
    check_reads(&f, &m, 10);
    detach_node(&f, &m, 0);
    check_reads(&f, &m, 10);
    commit(&f);
    reopen_cached(&f);
    begin_read(&f);
    check_reads(&f, &m, 3);
    check_traversals(&f, &m, 3);
    commit(&f);
    model_free(&m);
    graph_fixture_close(&f);
}

static void test_graph_read_traverse__few_cached_pages(void **state)
{
    model m = {.random = test_random(6)};
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 4096);
    build(&f, &m, 2000, 3, 9000, true);
    commit(&f);
    reopen_cached(&f);
    begin_read(&f);
    check_reads(&f, &m, 3);
    check_traversals(&f, &m, 12);
    commit(&f);
    model_free(&m);
    graph_fixture_close(&f);
}

static void test_graph_read_traverse__ends(void **state)
{
    const sb_bfs_options options = {.direction = SB_BOTH, .max_depth = UINT32_MAX};
    model m = {.random = test_random(7)};
    graph_fixture f;
    sb_bfs_result result;
    sb_graph_path path;
    uint64_t degree;
    sb_node_id a, b;

    (void)state;
    graph_fixture_open(&f, 4096);
    begin_write(&f);
    add_nodes(&f, &m, 4);
    add_types(&f, &m, 1);
    a = m.nodes[0];
    b = m.nodes[1];
    /* No relationships at all. */
    OK(&f, sb_graph_bfs(f.graph, a, &options, NULL, NULL, &result, &f.err));
    assert_int_equal(result.visited, 1);
    assert_int_equal(result.depth, 0);
    OK(&f, sb_graph_shortest_path(f.graph, a, a, &options, &path, &f.err));
    assert_true(path.found);
    assert_int_equal(path.length, 0);
    assert_int_equal(path.nodes[0], a);
    OK(&f, sb_graph_weighted_path(f.graph, a, a, &options, m.weight, 1, &path, &f.err));
    assert_true(path.found && path.length == 0 && path.weight == 0);
    OK(&f, sb_graph_shortest_path(f.graph, a, b, &options, &path, &f.err));
    assert_false(path.found);
    FAILS(&f, sb_graph_bfs(f.graph, 12345, &options, NULL, NULL, &result, &f.err), SB_NOT_FOUND,
          "12345");
    FAILS(&f, sb_graph_shortest_path(f.graph, a, 12345, &options, &path, &f.err), SB_NOT_FOUND,
          "12345");
    FAILS(&f, sb_graph_shortest_path(f.graph, 54321, a, &options, &path, &f.err), SB_NOT_FOUND,
          "54321");
    FAILS(&f, sb_graph_degree(f.graph, 12345, SB_OUT, NULL, 0, &degree, &f.err), SB_NOT_FOUND,
          "12345");
    FAILS(&f, sb_graph_weighted_path(f.graph, a, b, &options, m.weight, -1, &path, &f.err),
          SB_INVALID, "default");
    FAILS(&f, sb_graph_weighted_path(f.graph, a, b, &options, m.weight, (double)NAN, &path, &f.err),
          SB_INVALID, "default");
    commit(&f);
    model_free(&m);
    graph_fixture_close(&f);
}

static void bad_weight(graph_fixture *f, sb_value weight, sb_status status, const char *part)
{
    const sb_bfs_options options = {.direction = SB_OUT, .max_depth = UINT32_MAX};
    const sb_prop_column column = {.key = key_of(f, "cost"), .values = &weight};
    sb_graph_path path;
    sb_node_id nodes[2];
    sb_rel_id rel;
    char name_of_rel[40];

    OK(f, sb_graph_create_nodes(f->graph, 0, 2, NULL, 0, nodes, &f->err));
    OK(f, sb_graph_create_rels(f->graph, type_of(f, "T"), 1, &nodes[0], &nodes[1], &column, 1, &rel,
                               &f->err));
    snprintf(name_of_rel, sizeof name_of_rel, "relationship %llu: its cost is",
             (unsigned long long)rel);
    assert_int_equal(sb_graph_weighted_path(f->graph, nodes[0], nodes[1], &options, column.key, 1,
                                            &path, &f->err),
                     status);
    assert_non_null(strstr(f->err.text, name_of_rel));
    FAILS(f, status, status, part);
}

static void test_graph_read_traverse__bad_weights(void **state)
{
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 4096);
    begin_write(&f);
    bad_weight(&f, integer(-3), SB_INVALID, "-3");
    bad_weight(&f, real(-0.5), SB_INVALID, "-0.5");
    bad_weight(&f, real((double)NAN), SB_INVALID, "nan");
    bad_weight(&f, string("far"), SB_TYPE_MISMATCH, "STRING");
    commit(&f);
    graph_fixture_close(&f);
}

static bool never(void *ctx, uint64_t done, uint64_t total)
{
    (void)done;
    (void)total;
    return --*(int *)ctx >= 0;
}

static void test_graph_read_traverse__limits(void **state)
{
    const sb_bfs_options options = {.direction = SB_OUT, .max_depth = UINT32_MAX};
    model m = {.random = test_random(8)};
    _Atomic bool cancel = true;
    sb_node_id alone;
    int calls;
    graph_fixture f;
    sb_bfs_result result;
    sb_graph_path path;

    (void)state;
    graph_fixture_open(&f, 4096);
    build(&f, &m, 20000, 1, 150000, false);
    OK(&f, sb_graph_create_nodes(f.graph, 0, 1, NULL, 0, &alone, &f.err));
    commit(&f);
    f.settings.memory_bytes = 4096;
    OK(&f, sb_graph_configure(f.session, &f.settings, &f.err));
    begin_read(&f);
    FAILS(&f, sb_graph_bfs(f.graph, m.nodes[0], &options, NULL, NULL, &result, &f.err), SB_NOMEM,
          "memory limit of 4096");
    FAILS(&f, sb_graph_shortest_path(f.graph, m.nodes[0], m.nodes[1], &options, &path, &f.err),
          SB_NOMEM, "memory limit");
    FAILS(&f,
          sb_graph_weighted_path(f.graph, m.nodes[0], m.nodes[1], &options, 0, 1, &path, &f.err),
          SB_NOMEM, "memory limit");
    commit(&f);
    f.settings.memory_bytes = 0;
    f.settings.cancel = &cancel;
    OK(&f, sb_graph_configure(f.session, &f.settings, &f.err));
    begin_read(&f);
    FAILS(&f, sb_graph_bfs(f.graph, m.nodes[0], &options, NULL, NULL, &result, &f.err),
          SB_INTERRUPT, "cancelled");
    FAILS(&f, sb_graph_shortest_path(f.graph, m.nodes[0], m.nodes[1], &options, &path, &f.err),
          SB_INTERRUPT, "cancelled");
    FAILS(&f,
          sb_graph_weighted_path(f.graph, m.nodes[0], m.nodes[1], &options, 0, 1, &path, &f.err),
          SB_INTERRUPT, "cancelled");
    commit(&f);
    f.settings.cancel = NULL;
    f.settings.progress = never;
    f.settings.progress_ctx = &calls;
    OK(&f, sb_graph_configure(f.session, &f.settings, &f.err));
    begin_read(&f);
    calls = 2; /* the first look and one on the way */
    FAILS(&f, sb_graph_bfs(f.graph, m.nodes[0], &options, NULL, NULL, &result, &f.err),
          SB_INTERRUPT, "progress");
    assert_true(result.rels_seen >= 65536 && result.rels_seen < 150000);
    calls =
        4; /* also while ways are put into the heap and taken from it, where few relationships are seen */
    FAILS(&f, sb_graph_weighted_path(f.graph, m.nodes[0], alone, &options, 0, 1, &path, &f.err),
          SB_INTERRUPT, "progress");
    commit(&f);
    model_free(&m);
    graph_fixture_close(&f);
}

/* Each allocation of a search fails once: SB_NOMEM, nothing kept, and the next search is right. */
static void test_graph_read_traverse__no_memory(void **state)
{
    const sb_bfs_options options = {.direction = SB_BOTH, .max_depth = UINT32_MAX};
    model m = {.random = test_random(9)};
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 4096);
    build(&f, &m, 800, 6, 2400, false);
    commit(&f);
    begin_read(&f);
    for (int call = 0; call < 3; call++) {
        sb_status status = SB_NOMEM;
        for (size_t n = 1; status == SB_NOMEM; n++) {
            sb_bfs_result result;
            sb_graph_path path;
            atomic_store(&f.alloc.fail_at, atomic_load(&f.alloc.alloc_count) + n);
            status = call == 0
                         ? sb_graph_bfs(f.graph, m.nodes[1], &options, NULL, NULL, &result, &f.err)
                     : call == 1 ? sb_graph_shortest_path(f.graph, m.nodes[1], m.nodes[2], &options,
                                                          &path, &f.err)
                                 : sb_graph_weighted_path(f.graph, m.nodes[1], m.nodes[2], &options,
                                                          m.weight, 1, &path, &f.err);
            atomic_store(&f.alloc.fail_at, 0);
            sb_err_clear(&f.err);
        }
        assert_int_equal(status, SB_OK);
    }
    check_traversals(&f, &m, 3);
    commit(&f);
    model_free(&m);
    graph_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_graph_read_traverse__ends),
        TEST(test_graph_read_traverse__sparse),
        TEST(test_graph_read_traverse__dense),
        TEST(test_graph_read_traverse__many_types),
        TEST(test_graph_read_traverse__hub),
        TEST(test_graph_read_traverse__far_ids),
        TEST(test_graph_read_traverse__aside),
        TEST(test_graph_read_traverse__few_cached_pages),
        TEST(test_graph_read_traverse__bad_weights),
        TEST(test_graph_read_traverse__limits),
        TEST(test_graph_read_traverse__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
