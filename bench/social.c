/* social.c — making the social graph, loading it into Sombra, writing it as CSV. */
#include "social.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "sombra_store.h"

/* At scale 1. */
static const struct {
    const char *label;
    uint32_t count;
    bool grows;
} KINDS[SOCIAL_KINDS] = {
    [COUNTRY] = {"Country", 50, false}, [CITY] = {"City", 400, false},
    [PERSON] = {"Person", 1600, true},  [TAG_CLASS] = {"TagClass", 70, false},
    [TAG] = {"Tag", 2000, false},       [FORUM] = {"Forum", 13000, true},
    [POST] = {"Post", 130000, true},    [COMMENT] = {"Comment", 150000, true},
};

/* In order of making; of KNOWS each relationship once, in one direction. */
enum table {
    PART_OF,
    LIVES,
    TYPE_OF,
    KNOWS,
    INTEREST,
    MODERATOR,
    MEMBER,
    CONTAINER,
    POST_CREATOR,
    COMMENT_CREATOR,
    REPLY_POST,
    REPLY_COMMENT,
    POST_TAG,
    COMMENT_TAG,
    FORUM_TAG,
    LIKES_POST,
    LIKES_COMMENT
};
static const struct {
    const char *type;
    social_kind from, to;
} TABLES[SOCIAL_TABLES] = {
    [PART_OF] = {"IS_PART_OF", CITY, COUNTRY},
    [LIVES] = {"IS_LOCATED_IN", PERSON, CITY},
    [TYPE_OF] = {"HAS_TYPE", TAG, TAG_CLASS},
    [KNOWS] = {"KNOWS", PERSON, PERSON},
    [INTEREST] = {"HAS_INTEREST", PERSON, TAG},
    [MODERATOR] = {"HAS_MODERATOR", FORUM, PERSON},
    [MEMBER] = {"HAS_MEMBER", FORUM, PERSON},
    [CONTAINER] = {"CONTAINER_OF", FORUM, POST},
    [POST_CREATOR] = {"HAS_CREATOR", POST, PERSON},
    [COMMENT_CREATOR] = {"HAS_CREATOR", COMMENT, PERSON},
    [REPLY_POST] = {"REPLY_OF", COMMENT, POST},
    [REPLY_COMMENT] = {"REPLY_OF", COMMENT, COMMENT},
    [POST_TAG] = {"HAS_TAG", POST, TAG},
    [COMMENT_TAG] = {"HAS_TAG", COMMENT, TAG},
    [FORUM_TAG] = {"HAS_TAG", FORUM, TAG},
    [LIKES_POST] = {"LIKES", PERSON, POST},
    [LIKES_COMMENT] = {"LIKES", PERSON, COMMENT},
};

#define DAYS        3650u
#define RELS_A_NODE 8u /* room: more than there come to be */

typedef struct maker {
    bench_graph *graph;
    bench_social *social;
    sb_random random;
    uint32_t room;     /* relationships */
    uint32_t *city_of; /* by person */
    uint32_t *by_city; /* persons in order of their cities */
    uint32_t *creator; /* by post, then by comment: person */
    uint32_t *parent;  /* by comment: post, or (from post count on) comment */
    uint64_t *known;   /* pairs of persons who know each other, hashed; 0: free */
    uint32_t known_room;
} maker;

static uint32_t below(maker *m, uint32_t bound)
{
    return (uint32_t)sb_random_below(&m->random, bound);
}

/* Of few much, of many little: the number's density falls with its square root's inverse power. */
static uint32_t skewed(maker *m, uint32_t bound)
{
    const double x = (double)(sb_random_next(&m->random) >> 11) / 9007199254740992.0;

    return (uint32_t)(pow(x, 2.2) * bound);
}

static uint32_t count_of(const maker *m, social_kind kind)
{
    return m->social->kinds[kind].count;
}

static void begin_table(maker *m, enum table table)
{
    m->social->tables[table] = (social_rels){.type = TABLES[table].type,
                                             .from = TABLES[table].from,
                                             .to = TABLES[table].to,
                                             .first = m->graph->edge_count};
}

static void add(maker *m, enum table table, uint32_t from, uint32_t to)
{
    bench_graph *graph = m->graph;
    social_rels *rels = &m->social->tables[table];

    if (graph->edge_count == m->room) bench_fail("the social graph has too many relationships");
    graph->source[graph->edge_count] = m->social->kinds[rels->from].first + from;
    graph->target[graph->edge_count] = m->social->kinds[rels->to].first + to;
    graph->weight[graph->edge_count++] = below(m, DAYS);
    rels->count++;
}

/* ---- Places and persons --------------------------------------------------------------------------------------------- */

static void make_places(maker *m)
{
    const uint32_t persons = count_of(m, PERSON), cities = count_of(m, CITY);
    uint32_t placed = 0;

    begin_table(m, PART_OF);
    for (uint32_t i = 0; i < cities; i++)
        add(m, PART_OF, i, i < count_of(m, COUNTRY) ? i : skewed(m, count_of(m, COUNTRY)));
    begin_table(m, LIVES);
    for (uint32_t i = 0; i < persons; i++) {
        m->city_of[i] = skewed(m, cities);
        add(m, LIVES, i, m->city_of[i]);
    }
    for (uint32_t city = 0; city < cities; city++)
        for (uint32_t i = 0; i < persons; i++)
            if (m->city_of[i] == city) m->by_city[placed++] = i;
}

/* True: they did not know each other. */
static bool get_acquainted(maker *m, uint32_t a, uint32_t b)
{
    const uint64_t pair = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
    uint32_t at = (uint32_t)((pair + 1) * 0x9e3779b97f4a7c15ull >> 32) % m->known_room;

    while (m->known[at] != 0 && m->known[at] != pair + 1)
        at = (at + 1) % m->known_room;
    if (m->known[at] != 0) return false;
    m->known[at] = pair + 1;
    return true;
}

/* Most friends live near by in the order of cities, so that friends share friends. */
static void make_friends(maker *m)
{
    const uint32_t persons = count_of(m, PERSON);

    begin_table(m, KNOWS);
    for (uint32_t place = 0; place < persons; place++) {
        const uint32_t friends = 4 + skewed(m, 60);
        for (uint32_t k = 0; k < friends; k++) {
            const uint32_t near = (place + 1 + skewed(m, persons / 16 + 2)) % persons;
            const uint32_t a = m->by_city[place],
                           b = m->by_city[below(m, 4) != 0 ? near : skewed(m, persons)];
            if (a != b && get_acquainted(m, a, b)) add(m, KNOWS, a, b);
        }
    }
    begin_table(m, INTEREST);
    for (uint32_t i = 0; i < persons; i++)
        for (uint32_t k = 0, count = 1 + skewed(m, 60), tag = skewed(m, count_of(m, TAG));
             k < count; k++)
            add(m, INTEREST, i, (tag + k * (k + 1)) % count_of(m, TAG));
}

/* ---- Forums and messages ------------------------------------------------------------------------------------------------- */

/* Somebody who is at work more than others, near a place. */
static uint32_t somebody(maker *m, uint32_t place)
{
    const uint32_t persons = count_of(m, PERSON);

    return m->by_city[below(m, 3) == 0 ? skewed(m, persons)
                                       : (place + skewed(m, persons / 8 + 1)) % persons];
}

static void make_forums(maker *m)
{
    const uint32_t persons = count_of(m, PERSON), forums = count_of(m, FORUM);

    begin_table(m, TYPE_OF);
    for (uint32_t i = 0; i < count_of(m, TAG); i++)
        add(m, TYPE_OF, i, skewed(m, count_of(m, TAG_CLASS)));
    begin_table(m, MODERATOR);
    for (uint32_t i = 0; i < forums; i++)
        add(m, MODERATOR, i, i % persons);
    begin_table(m, MEMBER);
    for (uint32_t i = 0; i < forums; i++)
        for (uint32_t k = 0, count = skewed(m, 45), place = below(m, persons); k < count; k++)
            add(m, MEMBER, i, m->by_city[(place + k * (k + 3) / 2) % persons]);
    begin_table(m, FORUM_TAG);
    for (uint32_t i = 0; i < forums; i++)
        for (uint32_t k = 0, count = 1 + below(m, 5), tag = skewed(m, count_of(m, TAG)); k < count;
             k++)
            add(m, FORUM_TAG, i, (tag + k * 7) % count_of(m, TAG));
    begin_table(m, CONTAINER);
    for (uint32_t i = 0; i < count_of(m, POST); i++)
        add(m, CONTAINER, skewed(m, forums), i);
}

static void make_messages(maker *m)
{
    const uint32_t posts = count_of(m, POST), comments = count_of(m, COMMENT);

    begin_table(m, POST_CREATOR);
    for (uint32_t i = 0; i < posts; i++)
        add(m, POST_CREATOR, i, m->creator[i] = somebody(m, i % count_of(m, PERSON)));
    begin_table(m, COMMENT_CREATOR);
    for (uint32_t i = 0; i < comments; i++) {
        const bool reply = i != 0 && below(m, 2) == 0;
        m->parent[i] = reply ? posts + i - 1 - skewed(m, i) : skewed(m, posts);
        m->creator[posts + i] = somebody(m, m->creator[m->parent[i]]);
        add(m, COMMENT_CREATOR, i, m->creator[posts + i]);
    }
    begin_table(m, REPLY_POST);
    for (uint32_t i = 0; i < comments; i++)
        if (m->parent[i] < posts) add(m, REPLY_POST, i, m->parent[i]);
    begin_table(m, REPLY_COMMENT);
    for (uint32_t i = 0; i < comments; i++)
        if (m->parent[i] >= posts) add(m, REPLY_COMMENT, i, m->parent[i] - posts);
}

/* Tags and likes of messages; those of a comment are often those of what it replies to. */
static void make_marks(maker *m, enum table tags, enum table likes, uint32_t first, uint32_t count)
{
    begin_table(m, tags);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0, some = skewed(m, 5),
                      tag = below(m, 2) == 0 || first == 0 ? skewed(m, count_of(m, TAG))
                                                           : m->parent[i] * 31 % 97;
             k < some; k++)
            add(m, tags, i, (tag + k * 13) % count_of(m, TAG));
    begin_table(m, likes);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0, some = skewed(m, 4), place = below(m, count_of(m, PERSON)); k < some;
             k++)
            add(m, likes, m->by_city[(place + k * 5) % count_of(m, PERSON)], i);
}

/* ---- All of it --------------------------------------------------------------------------------------------------------------- */

static void make_kinds(maker *m)
{
    bench_graph *graph = m->graph;

    for (int k = 0; k < SOCIAL_KINDS; k++) {
        social_nodes *kind = &m->social->kinds[k];
        *kind = (social_nodes){.label = KINDS[k].label,
                               .message = k == POST || k == COMMENT,
                               .first = graph->node_count,
                               .count = KINDS[k].count * (KINDS[k].grows ? bench.scale : 1)};
        graph->node_count += kind->count;
    }
    graph->key = bench_alloc(graph->node_count, sizeof *graph->key);
    graph->names = bench_alloc(graph->node_count, sizeof *graph->names);
    graph->name_bytes = bench_alloc(graph->node_count, BENCH_NAME_BYTES);
    m->social->day = bench_alloc(graph->node_count, sizeof *m->social->day);
    for (uint32_t i = 0; i < graph->node_count; i++) {
        char *name = graph->name_bytes + (size_t)i * BENCH_NAME_BYTES;
        graph->key[i] = (int64_t)i + 1;
        m->social->day[i] = below(m, DAYS);
        for (size_t c = 0; c < BENCH_NAME_BYTES; c++)
            name[c] = (char)('a' + below(m, 26));
        graph->names[i] = (bench_text){.data = name, .size = BENCH_NAME_BYTES};
    }
}

void bench_social_make(bench_graph *graph)
{
    maker m = {.graph = graph, .random = {bench.seed}};

    m.social = graph->social = bench_alloc(1, sizeof *graph->social);
    graph->node_count = graph->edge_count = 0;
    graph->type_count = SOCIAL_TABLES;
    make_kinds(&m);
    m.room = RELS_A_NODE * graph->node_count;
    graph->source = bench_alloc(m.room, sizeof *graph->source);
    graph->target = bench_alloc(m.room, sizeof *graph->target);
    graph->weight = bench_alloc(m.room, sizeof *graph->weight);
    m.city_of = bench_alloc(count_of(&m, PERSON), sizeof *m.city_of);
    m.by_city = bench_alloc(count_of(&m, PERSON), sizeof *m.by_city);
    m.creator = bench_alloc((size_t)count_of(&m, POST) + count_of(&m, COMMENT), sizeof *m.creator);
    m.parent = bench_alloc(count_of(&m, COMMENT), sizeof *m.parent);
    m.known_room = 128 * count_of(&m, PERSON);
    m.known = bench_alloc(m.known_room, sizeof *m.known);
    make_places(&m);
    make_friends(&m);
    make_forums(&m);
    make_messages(&m);
    make_marks(&m, POST_TAG, LIKES_POST, 0, count_of(&m, POST));
    make_marks(&m, COMMENT_TAG, LIKES_COMMENT, count_of(&m, POST), count_of(&m, COMMENT));
    free(m.city_of);
    free(m.by_city);
    free(m.creator);
    free(m.parent);
    free(m.known);
}

void bench_social_free(bench_social *social)
{
    if (social != NULL) free(social->day);
    free(social);
}

/* ---- Into Sombra ----------------------------------------------------------------------------------------------------------- */

static uint32_t name_of(sombra_store *store, sombra_txn *txn, sombra_name_kind kind,
                        const char *name)
{
    uint32_t id;

    bench_must(store, sombra_name_intern(txn, kind, name, SOMBRA_NUL_TERMINATED, &id));
    return id;
}

static void make_unique(sombra_store *store, const char *label)
{
    sombra_stmt *stmt;
    char text[200];

    (void)snprintf(text, sizeof text, "CREATE CONSTRAINT FOR (n:%s) REQUIRE n.id IS UNIQUE", label);
    bench_must(store, sombra_prepare(store->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    if (sombra_stmt_step(stmt) != SOMBRA_DONE) bench_fail("sombra: %s fails", text);
    sombra_stmt_finalize(stmt);
}

static void load_nodes(sombra_store *store, sombra_txn *txn, const bench_graph *graph,
                       const social_nodes *kind, uint64_t *ids)
{
    const uint32_t labels[2] = {name_of(store, txn, SOMBRA_LABEL, kind->label),
                                name_of(store, txn, SOMBRA_LABEL, "Message")};
    const sombra_column columns[] = {
        {.key = name_of(store, txn, SOMBRA_KEY, "id"),
         .type = SOMBRA_TYPE_INT,
         .integers = graph->key + kind->first},
        {.key = name_of(store, txn, SOMBRA_KEY, "name"),
         .type = SOMBRA_TYPE_STRING,
         .texts = graph->names + kind->first},
        {.key = name_of(store, txn, SOMBRA_KEY, "day"),
         .type = SOMBRA_TYPE_INT,
         .integers = graph->social->day + kind->first},
    };

    bench_must(store, sombra_create_nodes(txn, labels, kind->message ? 2 : 1, kind->count, columns,
                                          3, ids + kind->first));
}

void bench_social_load_sombra(void *object, const bench_graph *graph)
{
    sombra_store *store = object;
    const bench_social *social = graph->social;
    uint64_t *ids = bench_alloc(graph->node_count, sizeof *ids),
             *sources = bench_alloc(graph->edge_count, sizeof *sources),
             *targets = bench_alloc(graph->edge_count, sizeof *targets);
    sombra_txn *txn;

    for (int k = 0; k < SOCIAL_KINDS; k++)
        make_unique(store, KINDS[k].label);
    txn = bench_sombra_begin(store, SOMBRA_WRITE);
    for (int k = 0; k < SOCIAL_KINDS; k++)
        load_nodes(store, txn, graph, &social->kinds[k], ids);
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        sources[i] = ids[graph->source[i]];
        targets[i] = ids[graph->target[i]];
    }
    for (uint32_t t = 0; t < SOCIAL_TABLES; t++) {
        const social_rels *rels = &social->tables[t];
        const sombra_column day = {.key = name_of(store, txn, SOMBRA_KEY, "day"),
                                   .type = SOMBRA_TYPE_INT,
                                   .integers = graph->weight + rels->first};
        bench_must(store, sombra_create_rels(txn, name_of(store, txn, SOMBRA_TYPE, rels->type),
                                             rels->count, sources + rels->first,
                                             targets + rels->first, &day, 1, NULL));
    }
    bench_must(store, sombra_commit(txn));
    free(ids);
    free(sources);
    free(targets);
}

/* ---- As files --------------------------------------------------------------------------------------------------------------- */

static FILE *open_table(const char *directory, const char *name, const char *head)
{
    char path[4096];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s.csv", directory, name);
    file = fopen(path, "w");
    if (file == NULL) bench_fail("can not write %s", path);
    (void)fprintf(file, "%s\n", head);
    return file;
}

static void close_table(FILE *file, const char *directory)
{
    if (ferror(file) || fclose(file) != 0) bench_fail("can not write into %s", directory);
}

void bench_social_write(const bench_graph *graph, const char *directory)
{
    const bench_social *social = graph->social;

    for (int k = 0; k < SOCIAL_KINDS; k++) {
        const social_nodes *kind = &social->kinds[k];
        FILE *file = open_table(directory, kind->label, "id,name,day");
        for (uint32_t i = kind->first; i < kind->first + kind->count; i++)
            (void)fprintf(file, "%lld,%.*s,%lld\n", (long long)graph->key[i],
                          (int)graph->names[i].size, (const char *)graph->names[i].data,
                          (long long)social->day[i]);
        close_table(file, directory);
    }
    for (uint32_t t = 0; t < SOCIAL_TABLES; t++) {
        const social_rels *rels = &social->tables[t];
        char name[100];
        (void)snprintf(name, sizeof name, "%s-%s-%s", social->kinds[rels->from].label, rels->type,
                       social->kinds[rels->to].label);
        FILE *file = open_table(directory, name, "a,b,day");
        for (uint32_t i = rels->first; i < rels->first + rels->count; i++)
            (void)fprintf(file, "%lld,%lld,%lld\n", (long long)graph->key[graph->source[i]],
                          (long long)graph->key[graph->target[i]], (long long)graph->weight[i]);
        close_table(file, directory);
    }
}
