/* random_graph.h — a small graph with something of everything: label sets, types with trees of their own and without, values
 * of all types, long ones, indexes and constraints, and the traces of changes. For the tests of verify, vacuum and recovery. */
#ifndef TESTS_RANDOM_GRAPH_H
#define TESTS_RANDOM_GRAPH_H

#include "support/graph_fixture.h"

#include <stdlib.h>

#define RANDOM_NODES 900u
#define RANDOM_RELS  2400u

typedef struct random_graph {
    sb_label_id person, city, company;
    sb_type_id knows, lives, likes;
    sb_key_id n, name, since, note, any;
    uint32_t person_n, city_name, knows_since, company_name, person_typed;
    sb_node_id nodes[RANDOM_NODES];
    sb_rel_id rels[RANDOM_RELS];
} random_graph;

static inline uint32_t make_schema(graph_fixture *f, sb_schema_kind kind, bool on_rels,
                                   uint32_t entity, sb_key_id key, uint32_t types, const char *name)
{
    const sb_schema schema = {.kind = (uint8_t)kind,
                              .on_rels = on_rels,
                              .entity = entity,
                              .key_count = 1,
                              .keys = {key},
                              .value_types = types,
                              .name = text(name)};
    uint32_t id = 0;
    OK(f, sb_graph_schema_create(f->graph, &schema, &id, &f->err));
    return id;
}

static inline void make_names(graph_fixture *f, random_graph *g)
{
    g->person = label(f, "Person");
    g->city = label(f, "City");
    g->company = label(f, "Company");
    g->knows = type_of(f, "KNOWS");
    g->lives = type_of(f, "LIVES_IN");
    g->likes = type_of(f, "LIKES");
    g->n = key_of(f, "n");
    g->name = key_of(f, "name");
    g->since = key_of(f, "since");
    g->note = key_of(f, "note");
    g->any = key_of(f, "any");
    g->person_n = make_schema(f, SB_SCHEMA_INDEX, false, g->person, g->n, 0, "person_n");
    g->city_name = make_schema(f, SB_SCHEMA_UNIQUE, false, g->city, g->name, 0, "city_name");
    g->knows_since = make_schema(f, SB_SCHEMA_INDEX, true, g->knows, g->since, 0, "knows_since");
    g->company_name =
        make_schema(f, SB_SCHEMA_EXISTS, false, g->company, g->name, 0, "company_name");
    g->person_typed =
        make_schema(f, SB_SCHEMA_TYPED, false, g->person, g->n, 1u << SB_TYPE_INT, "person_typed");
}

/* A value of the i-th type; texts live in buffers of their own. */
static inline sb_value value_of(uint64_t i, char *buffer)
{
    static const sb_value items[] = {{.type = SB_TYPE_INT, .as.integer = 3},
                                     {.type = SB_TYPE_STRING, .as.bytes = {"three", 5}}};

    switch (i % 12) {
    case 0: return (sb_value){.type = SB_TYPE_BOOL, .as.boolean = i % 24 == 0};
    case 1: return integer((int64_t)i - 40);
    case 2: return real((double)i / 8);
    case 3: return (sb_value){.type = SB_TYPE_DATE, .as.integer = (int64_t)i};
    case 4: return (sb_value){.type = SB_TYPE_LOCAL_TIME, .as.integer = (int64_t)i * 1000};
    case 5: return (sb_value){.type = SB_TYPE_TIME, .as.time = {.ns = (int64_t)i, .offset = 3600}};
    case 6:
        return (sb_value){.type = SB_TYPE_LOCAL_DATETIME,
                          .extra = 5,
                          .as.datetime = {.seconds = (int64_t)i * 77}};
    case 7:
        return (sb_value){.type = SB_TYPE_DATETIME,
                          .as.datetime = {.seconds = (int64_t)i * 77,
                                          .offset = 7200,
                                          .zone_size = 13,
                                          .zone = "Europe/Berlin"}};
    case 8:
        return (sb_value){
            .type = SB_TYPE_DURATION,
            .as.duration = {.months = 1, .days = (int64_t)i, .seconds = 9, .nanos = 1}};
    case 9:
        return (sb_value){
            .type = SB_TYPE_POINT, .extra = 7203, .as.point = {.x = (double)i, .y = 2}};
    case 10: return (sb_value){.type = SB_TYPE_LIST, .as.list = {items, 2}};
    default: (void)snprintf(buffer, 32, "text %llu", (unsigned long long)i); return string(buffer);
    }
}

static inline void make_random_nodes(graph_fixture *f, random_graph *g, sb_random *random,
                                     char *longest)
{
    for (size_t i = 0; i < RANDOM_NODES; i++) {
        const sb_label_id all[] = {g->person, g->city, g->company};
        char label_name[32], any[32];
        sb_prop props[4];
        size_t count = 0;
        sb_op op = {.kind = SB_OP_CREATE_NODE,
                    .labels = all + i % 3,
                    .label_count = i % 7 == 0                ? 0
                                   : i % 5 == 0 && i % 3 < 2 ? 2
                                                             : 1,
                    .props = props};
        sb_mutation result;
        (void)snprintf(label_name, sizeof label_name, "name %zu", i);
        props[count++] = (sb_prop){g->n, integer((int64_t)sb_random_below(random, 300))};
        props[count++] = (sb_prop){g->name, string(label_name)};
        props[count++] = (sb_prop){g->any, value_of(i, any)};
        if (i % 50 == 0) {
            const size_t bytes = 200 + (size_t)sb_random_below(random, 12000);
            props[count++] = (sb_prop){
                g->note, (sb_value){.type = SB_TYPE_STRING, .as.bytes = {longest, bytes}}};
        }
        op.prop_count = count;
        OK(f, sb_graph_mutate(f->graph, &op, 1, &result, &f->err));
        g->nodes[i] = result.ids[0];
    }
}

static inline void make_random_rels(graph_fixture *f, random_graph *g, sb_random *random)
{
    for (size_t i = 0; i < RANDOM_RELS; i++) {
        /* LIKES and LIVES_IN share trees */
        const sb_type_id type = i % 12 == 0 ? g->likes : i % 12 == 1 ? g->lives : g->knows;
        char any[32];
        const sb_prop props[] = {{g->since, integer((int64_t)sb_random_below(random, 50))},
                                 {g->any, value_of(i, any)}};
        const sb_node_id source = g->nodes[sb_random_below(random, RANDOM_NODES)],
                         target =
                             i % 40 == 0 ? source : g->nodes[sb_random_below(random, RANDOM_NODES)];
        const sb_op op = {.kind = SB_OP_CREATE_REL,
                          .entity = SB_REL,
                          .source = {source, -1},
                          .target = {target, -1},
                          .type = type,
                          .props = props,
                          .prop_count = i % 3};
        sb_mutation result;
        OK(f, sb_graph_mutate(f->graph, &op, 1, &result, &f->err));
        g->rels[i] = result.ids[0];
    }
}

/* Delete, relabel and change some of it. Nodes from 100 to 199 go. */
static inline void change_random_graph(graph_fixture *f, random_graph *g, sb_random *random)
{
    for (size_t i = 100; i < 300; i++) {
        const sb_prop prop = {g->n, integer(-(int64_t)sb_random_below(random, 9))};
        const sb_op delete_op = {
            .kind = SB_OP_DELETE_NODE, .target_entity = {g->nodes[i], -1}, .detach = true};
        const sb_op set_op = {.kind = SB_OP_SET_PROPS,
                              .entity = SB_NODE,
                              .target_entity = {g->nodes[i], -1},
                              .props = &prop,
                              .prop_count = 1};
        const sb_op label_op = {.kind = SB_OP_ADD_LABELS,
                                .target_entity = {g->nodes[i], -1},
                                .labels = &g->person,
                                .label_count = 1};
        sb_mutation result;
        OK(f, sb_graph_mutate(f->graph,
                              i < 200      ? &delete_op
                              : i % 2 == 0 ? &set_op
                                           : &label_op,
                              1, &result, &f->err));
    }
}

/* Made and committed in three transactions. */
static inline void make_random_graph(graph_fixture *f, random_graph *g, uint64_t seed)
{
    sb_random random = test_random(seed);
    char *longest = malloc(20000);

    memset(longest, 'x', 20000);
    begin_write(f);
    make_names(f, g);
    make_random_nodes(f, g, &random, longest);
    commit(f);
    begin_write(f);
    make_random_rels(f, g, &random);
    commit(f);
    begin_write(f);
    change_random_graph(f, g, &random);
    commit(f);
    free(longest);
}

/* What verify or recovery said: lines. */
typedef struct told {
    char text[1 << 16];
    size_t size, lines;
    sb_pgno page; /* of the last finding that had one */
} told;

static inline void tell_line(told *t, const char *message)
{
    const size_t bytes = strlen(message);
    t->lines++;
    if (t->size + bytes + 2 > sizeof t->text) return;
    memcpy(t->text + t->size, message, bytes);
    t->size += bytes;
    t->text[t->size++] = '\n';
    t->text[t->size] = '\0';
}

static inline void tell_finding(void *ctx, sb_pgno pgno, const char *message)
{
    told *t = ctx;
    if (pgno != SB_PGNO_NONE) t->page = pgno;
    tell_line(t, message);
}

static inline void assert_told(const told *t, const char *part)
{
    if (strstr(t->text, part) == NULL) print_error("'%s' is not among:\n%s", part, t->text);
    assert_non_null(strstr(t->text, part));
}

static inline sb_verify_result verify_graph(graph_fixture *f, told *t)
{
    sb_verify_result result;

    t->size = t->lines = 0;
    t->text[0] = '\0';
    t->page = SB_PGNO_NONE;
    OK(f, sb_graph_verify(f->graph, tell_finding, t, &result, &f->err));
    assert_true(result.findings >= t->lines || result.findings > 100);
    return result;
}

static inline void assert_sound(graph_fixture *f, told *t)
{
    const sb_verify_result result = verify_graph(f, t);
    if (result.findings != 0) print_error("%s", t->text);
    assert_int_equal(result.findings, 0);
}

#endif
