/* query_raw_social.c — the floor for LSQB's counts on the social graph: each as loops over plain arrays that count by the lengths of lists,
 * and intersect sorted lists where nodes must be, or must not be, related. What relates each node to one other is an array of that one. */
#include <stdlib.h>
#include <string.h>

#include "raw_store.h"
#include "social.h"

/* Lists by node number of the graph: ends[node] … ends[node + 1]. */
typedef struct lists {
    uint32_t *ends, *items;
} lists;

struct raw_social {
    const bench_social *graph;
    uint32_t node_count;
    lists tags, knows; /* of messages; of persons, both ways; sorted */
    uint32_t *likes, *replies, *interests, *members; /* how many a message, person, forum has */
    uint32_t *parent, *creator, *forum, *city,
        *country; /* of a comment, message, post, person, city */
};

SB_INLINE uint32_t length(const lists *l, uint32_t node)
{
    return l->ends[node + 1] - l->ends[node];
}

/* ---- Arrays ------------------------------------------------------------------------------------------------------ */

/* For each relationship of a type that begins at nodes of a kind. */
#define EACH(graph, wanted, kind, i)                                                               \
    for (uint32_t t_ = 0; t_ < SOCIAL_TABLES; t_++)                                                \
        if (strcmp((graph)->social->tables[t_].type, (wanted)) == 0 &&                             \
            (graph)->social->tables[t_].from == (kind))                                            \
            for (uint32_t i = (graph)->social->tables[t_].first,                                   \
                          end_ = i + (graph)->social->tables[t_].count;                            \
                 i < end_; i++)

static uint32_t *counts(const bench_graph *graph, const char *type, social_kind from,
                        bool at_source)
{
    uint32_t *count = bench_alloc(graph->node_count, sizeof *count);
    EACH(graph, type, from, i) count[at_source ? graph->source[i] : graph->target[i]]++;
    return count;
}

/* The one that a node leads to. */
static void set_targets(const bench_graph *graph, const char *type, social_kind from, uint32_t *to)
{
    EACH(graph, type, from, i) to[graph->source[i]] = graph->target[i];
}

static void set_sources(const bench_graph *graph, const char *type, social_kind from, uint32_t *of)
{
    EACH(graph, type, from, i) of[graph->target[i]] = graph->source[i];
}

static int compare(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

/* Pairs (node, item) to sorted lists. */
static lists make_lists(uint32_t node_count, const uint32_t *nodes, const uint32_t *items,
                        size_t count)
{
    const lists l = {.ends = bench_alloc((size_t)node_count + 2, sizeof *l.ends),
                     .items = bench_alloc(count + 1, sizeof *l.items)};

    for (size_t i = 0; i < count; i++)
        l.ends[nodes[i] + 2]++;
    for (uint32_t i = 0; i < node_count; i++)
        l.ends[i + 2] += l.ends[i + 1];
    for (size_t i = 0; i < count; i++)
        l.items[l.ends[nodes[i] + 1]++] = items[i];
    for (uint32_t i = 0; i < node_count; i++)
        qsort(l.items + l.ends[i], l.ends[i + 1] - l.ends[i], sizeof *l.items, compare);
    return l;
}

static void make_tags_and_friends(raw_social *s, const bench_graph *graph)
{
    uint32_t *nodes = bench_alloc(2 * (size_t)graph->edge_count, sizeof *nodes),
             *items = bench_alloc(2 * (size_t)graph->edge_count, sizeof *items);
    size_t count = 0;

    for (social_kind kind = POST; kind <= COMMENT; kind++) {
        EACH(graph, "HAS_TAG", kind, i)
        {
            nodes[count] = graph->source[i];
            items[count++] = graph->target[i];
        }
    }
    s->tags = make_lists(graph->node_count, nodes, items, count);
    count = 0;
    EACH(graph, "KNOWS", PERSON, i)
    {
        nodes[count] = items[count + 1] = graph->source[i];
        items[count] = nodes[count + 1] = graph->target[i];
        count += 2;
    }
    s->knows = make_lists(graph->node_count, nodes, items, count);
    free(nodes);
    free(items);
}

static raw_social *make_social(const bench_graph *graph)
{
    raw_social *s = bench_alloc(1, sizeof *s);
    const uint32_t count = graph->node_count;

    s->graph = graph->social;
    s->node_count = count;
    make_tags_and_friends(s, graph);
    s->likes = counts(graph, "LIKES", PERSON, false);
    s->replies = counts(graph, "REPLY_OF", COMMENT, false);
    s->interests = counts(graph, "HAS_INTEREST", PERSON, true);
    s->members = counts(graph, "HAS_MEMBER", FORUM, true);
    s->parent = bench_alloc(count, sizeof *s->parent);
    s->creator = bench_alloc(count, sizeof *s->creator);
    s->forum = bench_alloc(count, sizeof *s->forum);
    s->city = bench_alloc(count, sizeof *s->city);
    s->country = bench_alloc(count, sizeof *s->country);
    set_targets(graph, "REPLY_OF", COMMENT, s->parent);
    set_targets(graph, "HAS_CREATOR", POST, s->creator);
    set_targets(graph, "HAS_CREATOR", COMMENT, s->creator);
    set_sources(graph, "CONTAINER_OF", FORUM, s->forum);
    set_targets(graph, "IS_LOCATED_IN", PERSON, s->city);
    set_targets(graph, "IS_PART_OF", CITY, s->country);
    return s;
}

void bench_raw_social_free(raw_social *s)
{
    if (s == NULL) return;
    uint32_t *const arrays[] = {s->tags.ends, s->tags.items, s->knows.ends, s->knows.items,
                                s->likes,     s->replies,    s->interests,  s->members,
                                s->parent,    s->creator,    s->forum,      s->city,
                                s->country};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        free(arrays[i]);
    free(s);
}

/* ---- Counts ------------------------------------------------------------------------------------------------------ */

/* Items in both of two nodes' lists, in which none comes twice. */
static uint64_t common(const lists *l, uint32_t a, uint32_t b)
{
    const uint32_t *i = l->items + l->ends[a], *const i_end = l->items + l->ends[a + 1];
    const uint32_t *k = l->items + l->ends[b], *const k_end = l->items + l->ends[b + 1];
    uint64_t count = 0;

    while (i < i_end && k < k_end) {
        const uint32_t left = *i, right = *k;
        count += left == right;
        i += left <= right;
        k += right <= left;
    }
    return count;
}

static bool knows(const raw_social *s, uint32_t a, uint32_t b)
{
    const uint32_t *list = s->knows.items + s->knows.ends[a];
    uint32_t low = 0, high = length(&s->knows, a);

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (list[middle] < b)
            low = middle + 1;
        else
            high = middle;
    }
    return low < length(&s->knows, a) && list[low] == b;
}

#define NODES(s, kind, i)                                                                          \
    for (uint32_t i = (s)->graph->kinds[kind].first, end_ = i + (s)->graph->kinds[kind].count;     \
         i < end_; i++)

static bool is_post(const raw_social *s, uint32_t node)
{
    return node - s->graph->kinds[POST].first < s->graph->kinds[POST].count;
}

static uint64_t lsqb_1(const raw_social *s)
{
    uint64_t sum = 0;

    NODES(s, COMMENT, c)
    if (is_post(s, s->parent[c]))
        sum += (uint64_t)length(&s->tags, c) * s->members[s->forum[s->parent[c]]];
    return sum;
}

static uint64_t lsqb_2(const raw_social *s)
{
    uint64_t sum = 0;

    NODES(s, COMMENT, c)
    if (is_post(s, s->parent[c])) sum += knows(s, s->creator[c], s->creator[s->parent[c]]);
    return sum;
}

/* Each triangle once, in ascending order. */
static uint64_t lsqb_3(const raw_social *s)
{
    const lists *l = &s->knows;
    uint64_t sum = 0;

    NODES(s, PERSON, a)
    {
        const uint32_t country = s->country[s->city[a]];
        for (uint32_t i = l->ends[a]; i < l->ends[a + 1]; i++) {
            const uint32_t b = l->items[i];
            if (b < a || s->country[s->city[b]] != country) continue;
            for (uint32_t j = i + 1, k = l->ends[b]; j < l->ends[a + 1] && k < l->ends[b + 1];) {
                const uint32_t left = l->items[j], right = l->items[k];
                sum += left == right && s->country[s->city[left]] == country;
                j += left <= right;
                k += right <= left;
            }
        }
    }
    return 6 * sum;
}

static uint64_t lsqb_4(const raw_social *s)
{
    uint64_t sum = 0;

    for (social_kind kind = POST; kind <= COMMENT; kind++)
        NODES(s, kind, m)
    sum += (uint64_t)length(&s->tags, m) * s->likes[m] * s->replies[m];
    return sum;
}

static uint64_t lsqb_5(const raw_social *s)
{
    uint64_t sum = 0;

    NODES(s, COMMENT, c)
    sum += (uint64_t)length(&s->tags, c) * length(&s->tags, s->parent[c]) -
           common(&s->tags, c, s->parent[c]);
    return sum;
}

static uint64_t lsqb_6(const raw_social *s)
{
    uint64_t sum = 0;

    NODES(s, PERSON, b)
    for (uint32_t i = s->knows.ends[b]; i < s->knows.ends[b + 1]; i++)
        sum += (uint64_t)(length(&s->knows, b) - 1) * s->interests[s->knows.items[i]];
    return sum;
}

static uint64_t lsqb_7(const raw_social *s)
{
    uint64_t sum = 0;

    for (social_kind kind = POST; kind <= COMMENT; kind++)
        NODES(s, kind, m)
    sum += (uint64_t)length(&s->tags, m) * (s->likes[m] + (s->likes[m] == 0)) *
           (s->replies[m] + (s->replies[m] == 0));
    return sum;
}

/* A tag of the message that the comment does not have differs from all that it has. */
static uint64_t lsqb_8(const raw_social *s)
{
    uint64_t sum = 0;

    NODES(s, COMMENT, c)
    sum +=
        length(&s->tags, c) * (length(&s->tags, s->parent[c]) - common(&s->tags, c, s->parent[c]));
    return sum;
}

static uint64_t lsqb_9(const raw_social *s)
{
    uint64_t closed = 0;

    NODES(s, PERSON, a)
    for (uint32_t i = s->knows.ends[a]; i < s->knows.ends[a + 1]; i++)
        closed += common(&s->knows, a, s->knows.items[i]) * s->interests[s->knows.items[i]];
    return lsqb_6(s) - closed;
}

static uint64_t (*const COUNTS[])(const raw_social *s) = {lsqb_1, lsqb_2, lsqb_3, lsqb_4, lsqb_5,
                                                          lsqb_6, lsqb_7, lsqb_8, lsqb_9};
#define COUNT_COUNT (sizeof COUNTS / sizeof *COUNTS)

/* COUNT_COUNT: it is none of them. */
static size_t find(const char *query)
{
    const size_t which = strncmp(query, "lsqb_", 5) == 0 ? (size_t)(query[5] - '1') : COUNT_COUNT;
    return which < COUNT_COUNT && query[6] == '\0' ? which : COUNT_COUNT;
}

bool bench_raw_social_can(const char *query)
{
    return find(query) < COUNT_COUNT;
}

uint64_t bench_raw_social_query(raw_store *store, const bench_query *query)
{
    uint64_t sum = 0;

    if (store->social == NULL) store->social = make_social(bench_graph_of("social"));
    for (size_t i = 0; i < query->runs; i++)
        sum += COUNTS[find(query->name)](store->social);
    return sum;
}
