/* plain_graph.h — a property graph as plain arrays, slow and obviously right, for the model test of the graph layer. It is
 * one block of memory, so that a savepoint is a copy. */
#ifndef TESTS_PLAIN_GRAPH_H
#define TESTS_PLAIN_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABELS    6u
#define TYPES     3u
#define KEYS      5u
#define SCHEMAS   16u
#define NODES_MAX 2500u
#define RELS_MAX  6000u

/* A property value is a code: 0 absent, else 1 + kind + KINDS × n (see value_of in the test). */
typedef uint16_t plain_code;
#define KINDS 6u

typedef struct plain_node {
    uint64_t id;
    uint32_t labels; /* bit l: label l + 1 */
    plain_code props[KEYS];
} plain_node;

typedef struct plain_rel {
    uint64_t id, source, target;
    uint32_t type; /* from 0 */
    plain_code props[KEYS];
} plain_rel;

typedef struct plain_schema {
    uint32_t id; /* 0: none here */
    uint8_t kind;
    bool on_rels;
    uint32_t entity; /* label or type, from 0 */
    uint32_t key_count;
    uint32_t keys[2]; /* from 0 */
    uint32_t value_types;
} plain_schema;

typedef struct plain_graph {
    size_t node_count, rel_count;
    plain_node nodes[NODES_MAX];
    plain_rel rels[RELS_MAX];
    plain_schema schemas[SCHEMAS];
    uint32_t dropped_labels; /* label indexes */
} plain_graph;

static inline plain_node *plain_find_node(plain_graph *g, uint64_t id)
{
    for (size_t i = 0; i < g->node_count; i++)
        if (g->nodes[i].id == id) return &g->nodes[i];
    return NULL;
}

static inline plain_rel *plain_find_rel(plain_graph *g, uint64_t id)
{
    for (size_t i = 0; i < g->rel_count; i++)
        if (g->rels[i].id == id) return &g->rels[i];
    return NULL;
}

/* The node or relationship of an id that must be there. */
static inline plain_node *plain_node_of(plain_graph *g, uint64_t id)
{
    plain_node *node = plain_find_node(g, id);
    if (node == NULL) {
        printf("node %llu should not be there\n", (unsigned long long)id);
        abort();
    }
    return node;
}

static inline plain_rel *plain_rel_of(plain_graph *g, uint64_t id)
{
    plain_rel *rel = plain_find_rel(g, id);
    if (rel == NULL) {
        printf("relationship %llu should not be there\n", (unsigned long long)id);
        abort();
    }
    return rel;
}

static inline void plain_delete_rel(plain_graph *g, plain_rel *rel)
{
    *rel = g->rels[--g->rel_count];
}

/* Loops count twice. */
static inline size_t plain_degree(const plain_graph *g, uint64_t node)
{
    size_t degree = 0;
    for (size_t i = 0; i < g->rel_count; i++)
        degree += (size_t)(g->rels[i].source == node) + (size_t)(g->rels[i].target == node);
    return degree;
}

static inline size_t plain_detach(plain_graph *g, uint64_t node)
{
    size_t detached = 0;
    for (size_t i = g->rel_count; i-- > 0;) {
        if (g->rels[i].source != node && g->rels[i].target != node) continue;
        plain_delete_rel(g, &g->rels[i]);
        detached++;
    }
    return detached;
}

static inline bool plain_concerns(const plain_schema *s, bool rel, uint32_t labels_or_type)
{
    if (s->id == 0 || s->on_rels != rel) return false;
    return rel ? s->entity == labels_or_type : (labels_or_type >> s->entity & 1) != 0;
}

/* Has the entity an entry, that is, every key? */
static inline bool plain_has_keys(const plain_schema *s, const plain_code *props)
{
    for (uint32_t k = 0; k < s->key_count; k++)
        if (props[s->keys[k]] == 0) return false;
    return true;
}

static inline bool plain_same_keys(const plain_schema *s, const plain_code *a, const plain_code *b)
{
    for (uint32_t k = 0; k < s->key_count; k++)
        if (a[s->keys[k]] != b[s->keys[k]]) return false;
    return true;
}

#endif
