/* social.h — the social graph of the workload query, made by rule and by chance from one seed: persons in cities of countries who know each
 * other (degrees skewed, friends of friends often friends), forums with members and posts, comments that reply, tags of classes, likes and
 * interests. At scale 1 some 0.3 M nodes and 1.5 M relationships. Its names are those of the LDBC Social Network Benchmark's world. */
#ifndef BENCH_SOCIAL_H
#define BENCH_SOCIAL_H

#include "bench.h"

typedef enum social_kind {
    COUNTRY,
    CITY,
    PERSON,
    TAG_CLASS,
    TAG,
    FORUM,
    POST,
    COMMENT,
    SOCIAL_KINDS
} social_kind;

/* Nodes of one label: numbers [first, first + count) of the graph. */
typedef struct social_nodes {
    const char *label;
    bool message; /* has the label Message, too */
    uint32_t first, count;
} social_nodes;

/* Relationships of one type between nodes of two kinds: numbers [first, first + count) of the graph. */
typedef struct social_rels {
    const char *type;
    social_kind from, to;
    uint32_t first, count;
} social_rels;

#define SOCIAL_TABLES 17u
struct bench_social {
    social_nodes kinds[SOCIAL_KINDS];
    social_rels tables[SOCIAL_TABLES];
    int64_t *day; /* by node: of birth, creation */
};

/* Into a store of Sombra that is open; keys (the property id) are unique for each label. */
void bench_social_load_sombra(void *store, const bench_graph *graph);
/* As files of a directory that is there: a table for each label (id,name,day) and for each type and pair of labels (a,b,day). */
void bench_social_write(const bench_graph *graph, const char *directory);

#endif
