/* Goal: every write of the graph layer does to trees, indexes and statistics what it does to a plain graph.
 * Method: random calls against both, with savepoints, rollback, commit and reopening; after most transactions everything is
 * compared: rows, lists both ways, degrees, label index, property indexes, statistics, and the trees' own structure.
 * SOMBRA_TEST_SEED repeats a run; SOMBRA_TEST_OPS sets how many nodes, relationships and other changes each run asks for. */
#include "support/graph_fixture.h"

#include "graph/graph_priv.h"
#include "model/plain_graph.h"

#define OPERATIONS 50000u
#define OPS_MAX    40u
#define SAVEPOINTS 4u
#define FAKE_ID    ((uint64_t)1 << 39)

typedef struct model {
    graph_fixture f;
    sb_random random;
    plain_graph *plain;
    plain_graph *committed;
    plain_graph *trial; /* what a call would do */
    plain_graph *saved[SAVEPOINTS];
    uint32_t savepoints[SAVEPOINTS];
    size_t savepoint_count;
    uint8_t texts[64][9000]; /* long strings by number */
    sb_value items[64][2];
    uint64_t schema_number;
    sb_prop props[OPS_MAX][KEYS];
    sb_label_id labels[OPS_MAX][LABELS];
    size_t transactions, calls, failures;
    size_t operations; /* changes of one thing each that calls asked for, so far */
} model;

static size_t below(model *m, size_t bound)
{
    return (size_t)sb_random_below(&m->random, bound);
}

static bool chance(model *m, size_t percent)
{
    return below(m, 100) < percent;
}

/* ---- Values ------------------------------------------------------------------------------------------------ */

static sb_value value_of(model *m, plain_code code)
{
    const unsigned kind = (code - 1u) % KINDS, n = (code - 1u) / KINDS;

    if (code == 0) return SB_VALUE_NULL;
    switch (kind) {
    case 0: return integer((int64_t)n - 20);
    case 1: return real(n + 0.5);
    case 2: return (sb_value){.type = SB_TYPE_STRING, .as.bytes = {m->texts[n], 5 + n}};
    case 3: return (sb_value){.type = SB_TYPE_BOOL, .as.boolean = n & 1};
    case 4: return (sb_value){.type = SB_TYPE_STRING, .as.bytes = {m->texts[n], 600 + 130 * n}};
    default: return (sb_value){.type = SB_TYPE_LIST, .as.list = {m->items[n], 2}};
    }
}

static plain_code random_code(model *m)
{
    const unsigned kind = chance(m, 50) ? 0 : (unsigned)below(m, KINDS);
    const unsigned n = kind == 3 ? (unsigned)below(m, 2) : (unsigned)below(m, 60);
    return (plain_code)(1 + kind + KINDS * n);
}

static uint32_t type_of_code(plain_code code)
{
    static const uint32_t types[KINDS] = {SB_TYPE_INT,  SB_TYPE_FLOAT,  SB_TYPE_STRING,
                                          SB_TYPE_BOOL, SB_TYPE_STRING, SB_TYPE_LIST};
    return code == 0 ? SB_TYPE_NULL : types[(code - 1u) % KINDS];
}

/* Some properties, in props[slot]; codes tells them by key. */
static size_t random_props(model *m, size_t slot, plain_code codes[KEYS], bool removals)
{
    size_t count = 0;

    memset(codes, 0, KEYS * sizeof codes[0]);
    for (uint32_t k = 0; k < KEYS; k++) {
        const uint32_t key = (k + (uint32_t)slot) % KEYS;
        if (!chance(m, 45)) continue;
        codes[key] = removals && chance(m, 25) ? 0 : random_code(m);
        m->props[slot][count++] = (sb_prop){.key = key + 1, .value = value_of(m, codes[key])};
    }
    return count;
}

static size_t random_labels(model *m, size_t slot, uint32_t *mask)
{
    size_t count = 0;

    *mask = 0;
    while (chance(m, 60) && count < LABELS) {
        const uint32_t l = (uint32_t)below(m, LABELS);
        m->labels[slot][count++] = l + 1; /* in any order, some twice */
        *mask |= 1u << l;
    }
    return count;
}

static uint64_t random_node(model *m)
{
    if (m->plain->node_count == 0 || chance(m, 2)) return 1 + below(m, 100000);
    return m->plain->nodes[below(m, m->plain->node_count)].id;
}

static uint64_t random_rel(model *m)
{
    if (m->plain->rel_count == 0 || chance(m, 2)) return 1 + below(m, 100000);
    return m->plain->rels[below(m, m->plain->rel_count)].id;
}

/* ---- Constraints of the plain graph -------------------------------------------------------------------------- */

static bool is_unique(const plain_schema *s)
{
    return s->id != 0 && (s->kind == SB_SCHEMA_UNIQUE || s->kind == SB_SCHEMA_NODE_KEY);
}

static bool holds_unique(const plain_graph *g, const plain_schema *s)
{
    for (size_t i = 0; !s->on_rels && i < g->node_count; i++) {
        if (!plain_concerns(s, false, g->nodes[i].labels) || !plain_has_keys(s, g->nodes[i].props))
            continue;
        for (size_t j = 0; j < i; j++)
            if (plain_concerns(s, false, g->nodes[j].labels) &&
                plain_same_keys(s, g->nodes[i].props, g->nodes[j].props))
                return false;
    }
    for (size_t i = 0; s->on_rels && i < g->rel_count; i++) {
        if (!plain_concerns(s, true, g->rels[i].type) || !plain_has_keys(s, g->rels[i].props))
            continue;
        for (size_t j = 0; j < i; j++)
            if (plain_concerns(s, true, g->rels[j].type) &&
                plain_same_keys(s, g->rels[i].props, g->rels[j].props))
                return false;
    }
    return true;
}

static bool all_unique(const plain_graph *g)
{
    for (size_t s = 0; s < SCHEMAS; s++)
        if (is_unique(&g->schemas[s]) && !holds_unique(g, &g->schemas[s])) return false;
    return true;
}

static bool props_hold(const plain_schema *s, const plain_code *props)
{
    if (s->kind == SB_SCHEMA_EXISTS || s->kind == SB_SCHEMA_NODE_KEY)
        return plain_has_keys(s, props);
    if (s->kind != SB_SCHEMA_TYPED || props[s->keys[0]] == 0) return true;
    return s->value_types >> type_of_code(props[s->keys[0]]) & 1;
}

static bool holds_deferred(const plain_graph *g, const plain_schema *s)
{
    for (size_t i = 0; i < g->node_count; i++)
        if (plain_concerns(s, false, g->nodes[i].labels) && !props_hold(s, g->nodes[i].props))
            return false;
    for (size_t i = 0; i < g->rel_count; i++)
        if (plain_concerns(s, true, g->rels[i].type) && !props_hold(s, g->rels[i].props))
            return false;
    return true;
}

static bool all_deferred(const plain_graph *g)
{
    for (size_t s = 0; s < SCHEMAS; s++)
        if (g->schemas[s].id != 0 && !holds_deferred(g, &g->schemas[s])) return false;
    return true;
}

/* ---- The end of a call ------------------------------------------------------------------------------------------ */

/* trial is what the call would leave; expected what the plain graph says of it so far. */
static void settle(model *m, size_t operations, sb_status expected, sb_status got)
{
    m->calls++;
    m->operations += operations;
    if (expected == SB_OK && !all_unique(m->trial)) expected = SB_CONSTRAINT;
    /* Of two faults the builder may name either: it makes nodes before it looks for endpoints. */
    if (expected == SB_NOT_FOUND && got == SB_CONSTRAINT && !all_unique(m->trial)) expected = got;
    if (expected != got)
        print_error("expected %s, got %s: %s\n", sb_status_name(expected), sb_status_name(got),
                    m->f.err.text);
    assert_int_equal(expected, got);
    if (got == SB_OK) {
        memcpy(m->plain, m->trial, sizeof *m->plain);
    } else {
        m->failures++;
        assert_int_equal(m->f.err.code, got);
        sb_err_clear(&m->f.err);
    }
}

static plain_node *add_node(plain_graph *g, uint64_t id, uint32_t labels,
                            const plain_code props[KEYS])
{
    plain_node *node = &g->nodes[g->node_count++];
    *node = (plain_node){.id = id, .labels = labels};
    memcpy(node->props, props, sizeof node->props);
    return node;
}

static void add_rel(plain_graph *g, uint64_t id, uint32_t type, uint64_t source, uint64_t target,
                    const plain_code props[KEYS])
{
    plain_rel *rel = &g->rels[g->rel_count++];
    *rel = (plain_rel){.id = id, .type = type, .source = source, .target = target};
    memcpy(rel->props, props, sizeof rel->props);
}

static bool has_room(const model *m)
{
    return m->plain->node_count + 2 * OPS_MAX < NODES_MAX &&
           m->plain->rel_count + 4 * OPS_MAX < RELS_MAX;
}

/* ---- Typed batch --------------------------------------------------------------------------------------------------- */

/* Up to two columns of rows: one of integers, one mixed. */
typedef struct columns {
    sb_prop_column columns[2];
    size_t count;
    int64_t integers[4 * OPS_MAX];
    sb_value values[4 * OPS_MAX];
    uint8_t present[2][OPS_MAX];
    plain_code codes[4 * OPS_MAX][KEYS];
} columns;

static void random_columns(model *m, columns *c, size_t rows)
{
    const uint32_t first = (uint32_t)below(m, KEYS), second = (first + 1) % KEYS;
    const bool gaps = chance(m, 50);

    memset(c, 0, sizeof *c);
    if (chance(m, 80)) {
        c->columns[c->count++] = (sb_prop_column){.key = first + 1,
                                                  .type = SB_TYPE_INT,
                                                  .integers = c->integers,
                                                  .present = gaps ? c->present[0] : NULL};
        for (size_t i = 0; i < rows; i++) {
            const unsigned n = (unsigned)below(m, 60);
            c->integers[i] = (int64_t)n - 20;
            if (gaps && chance(m, 30)) continue;
            sb_bit_set(c->present[0], i);
            c->codes[i][first] = (plain_code)(1 + KINDS * n);
        }
    }
    if (chance(m, 50)) {
        c->columns[c->count++] = (sb_prop_column){.key = second + 1, .values = c->values};
        for (size_t i = 0; i < rows; i++) {
            const plain_code code = chance(m, 30) ? 0 : random_code(m);
            c->codes[i][second] = code;
            c->values[i] = value_of(m, code);
        }
    }
}

static void batch_nodes(model *m)
{
    columns c;
    sb_node_id ids[4 * OPS_MAX];
    const size_t rows = 1 + below(m, 2 * OPS_MAX);
    uint32_t mask = 0;
    sb_label_id labels[LABELS];
    size_t label_count = 0;
    sb_set_id set;

    for (uint32_t l = 0; l < LABELS; l++)
        if (chance(m, 25)) {
            labels[label_count++] = l + 1;
            mask |= 1u << l;
        }
    OK(&m->f, sb_set_intern(m->f.view, labels, label_count, &set, &m->f.err));
    random_columns(m, &c, rows);
    const sb_status st =
        sb_graph_create_nodes(m->f.graph, set, rows, c.columns, c.count, ids, &m->f.err);
    for (size_t i = 0; i < rows; i++)
        add_node(m->trial, st == SB_OK ? ids[i] : FAKE_ID + i, mask, c.codes[i]);
    settle(m, rows, SB_OK, st);
}

static void batch_rels(model *m)
{
    columns c;
    sb_node_id sources[4 * OPS_MAX], targets[4 * OPS_MAX];
    sb_rel_id ids[4 * OPS_MAX];
    const size_t rows = 1 + below(m, chance(m, 30) ? 5 : 4 * OPS_MAX - 1);
    const uint32_t type = (uint32_t)below(m, TYPES);
    sb_status expected = SB_OK;

    if (m->plain->node_count == 0) return;
    random_columns(m, &c, rows);
    for (size_t i = 0; i < rows; i++) {
        sources[i] = m->plain->nodes[below(m, m->plain->node_count)].id;
        targets[i] =
            chance(m, 10) ? sources[i] : m->plain->nodes[below(m, m->plain->node_count)].id;
    }
    if (chance(m, 10)) (chance(m, 50) ? sources : targets)[below(m, rows)] = below(m, 100000);
    for (size_t i = 0; i < rows; i++)
        if (plain_find_node(m->plain, sources[i]) == NULL ||
            plain_find_node(m->plain, targets[i]) == NULL)
            expected = SB_NOT_FOUND;
    const sb_status st = sb_graph_create_rels(m->f.graph, type + 1, rows, sources, targets,
                                              c.columns, c.count, ids, &m->f.err);
    for (size_t i = 0; i < rows; i++)
        add_rel(m->trial, st == SB_OK ? ids[i] : FAKE_ID + i, type, sources[i], targets[i],
                c.codes[i]);
    settle(m, rows, expected, st);
}

/* ---- Create builder ----------------------------------------------------------------------------------------------------- */

static void build(model *m)
{
    sb_builder *builder;
    sb_builder_result result;
    plain_code node_codes[OPS_MAX][KEYS], rel_codes[OPS_MAX][KEYS];
    uint32_t masks[OPS_MAX], types[OPS_MAX];
    sb_ref ends[OPS_MAX][2];
    uint64_t ids[OPS_MAX], rel_ends[2];
    sb_status expected = SB_OK;
    const size_t nodes = below(m, OPS_MAX / 2), rels = nodes == 0 ? 0 : below(m, OPS_MAX / 2);
    char aliases[OPS_MAX][24];

    OK(&m->f, sb_builder_open(m->f.graph, &builder, &m->f.err));
    for (size_t i = 0; i < nodes; i++) {
        const size_t labels = random_labels(m, i, &masks[i]);
        const size_t props = random_props(m, i, node_codes[i], false);
        uint64_t handle;
        snprintf(aliases[i], sizeof aliases[i], "n%zu", i);
        OK(&m->f,
           sb_builder_node(builder, m->labels[i], labels, i % 2 == 0 ? text(aliases[i]) : text(""),
                           m->props[i], props, &handle, &m->f.err));
        assert_int_equal(handle, i);
    }
    for (size_t i = 0; i < rels; i++) {
        const size_t props = random_props(m, i, rel_codes[i], false);
        types[i] = (uint32_t)below(m, TYPES);
        for (int e = 0; e < 2; e++) {
            const size_t pick = below(m, nodes);
            ends[i][e] = (sb_ref){.kind = SB_REF_HANDLE, .id = pick};
            if (pick % 2 == 0 && chance(m, 50))
                ends[i][e] =
                    (sb_ref){.kind = SB_REF_ALIAS, .alias = text(aliases[pick]), .id = pick};
            if (chance(m, 30)) ends[i][e] = (sb_ref){.kind = SB_REF_ID, .id = random_node(m)};
            if (ends[i][e].kind == SB_REF_ID && plain_find_node(m->plain, ends[i][e].id) == NULL)
                expected = SB_NOT_FOUND;
        }
        OK(&m->f, sb_builder_rel(builder, &ends[i][0], types[i] + 1, &ends[i][1], m->props[i],
                                 props, &m->f.err));
    }
    memset(m->props, 0xEE, sizeof m->props); /* values were copied */
    const sb_status st = sb_builder_execute(builder, &result, &m->f.err);
    for (size_t i = 0; i < nodes; i++) {
        ids[i] = st == SB_OK ? result.node_ids[i] : FAKE_ID + i;
        add_node(m->trial, ids[i], masks[i], node_codes[i]);
    }
    for (size_t i = 0; i < rels; i++) {
        for (int e = 0; e < 2; e++)
            rel_ends[e] = ends[i][e].kind == SB_REF_ID ? ends[i][e].id : ids[ends[i][e].id];
        add_rel(m->trial, st == SB_OK ? result.rel_ids[i] : FAKE_ID + i, types[i], rel_ends[0],
                rel_ends[1], rel_codes[i]);
    }
    for (size_t i = 0; st == SB_OK && i < nodes; i += 2) {
        sb_node_id id;
        bool found;
        OK(&m->f, sb_builder_alias(builder, text(aliases[i]), &id, &found));
        assert_true(found);
        assert_int_equal(id, ids[i]);
    }
    sb_builder_close(builder);
    settle(m, nodes + rels, expected, st);
}

/* ---- Mutate -------------------------------------------------------------------------------------------------------------- */

typedef struct mutation {
    sb_op ops[OPS_MAX];
    size_t count;
    plain_code codes[OPS_MAX][KEYS];
    uint32_t masks[OPS_MAX];
} mutation;

/* An id, or now and then what an earlier op of the list makes. */
static sb_op_ref random_ref(model *m, const mutation *mu, sb_entity entity)
{
    const sb_op_kind maker = entity == SB_NODE ? SB_OP_CREATE_NODE : SB_OP_CREATE_REL;

    for (int tries = 0; tries < 4 && mu->count != 0 && chance(m, 60); tries++) {
        const size_t pick = below(m, mu->count);
        if (mu->ops[pick].kind == maker) return (sb_op_ref){.result_of = (int64_t)pick};
    }
    return (sb_op_ref){.id = entity == SB_NODE ? random_node(m) : random_rel(m), .result_of = -1};
}

static void random_op(model *m, mutation *mu)
{
    const size_t at = mu->count;
    sb_op *op = &mu->ops[at];
    const size_t kind = below(m, 100);

    *op = (sb_op){.target_entity.result_of = -1};
    op->props = m->props[at];
    op->labels = m->labels[at];
    op->target_entity = random_ref(m, mu, SB_NODE);
    if (kind < 20) {
        op->kind = SB_OP_CREATE_NODE;
        op->target_entity = (sb_op_ref){.result_of = -1};
        op->label_count = random_labels(m, at, &mu->masks[at]);
        op->prop_count = random_props(m, at, mu->codes[at], false);
    } else if (kind < 45) {
        op->kind = SB_OP_CREATE_REL;
        op->target_entity = (sb_op_ref){.result_of = -1};
        op->type = 1 + (sb_type_id)below(m, TYPES);
        op->source = random_ref(m, mu, SB_NODE);
        op->target = chance(m, 10) ? op->source : random_ref(m, mu, SB_NODE);
        op->prop_count = random_props(m, at, mu->codes[at], false);
    } else if (kind < 70) {
        op->kind = SB_OP_SET_PROPS;
        op->entity = chance(m, 50) ? SB_NODE : SB_REL;
        op->target_entity = random_ref(m, mu, op->entity);
        op->replace = chance(m, 30);
        op->prop_count = random_props(m, at, mu->codes[at], true);
    } else if (kind < 85) {
        op->kind = chance(m, 50) ? SB_OP_ADD_LABELS : SB_OP_REMOVE_LABELS;
        op->label_count = random_labels(m, at, &mu->masks[at]);
    } else if (kind < 92) {
        op->kind = SB_OP_DELETE_REL;
        op->target_entity = random_ref(m, mu, SB_REL);
    } else {
        op->kind = SB_OP_DELETE_NODE;
        op->detach = chance(m, 90);
    }
    mu->count++;
}

/* One op on the trial graph; ids: of the ops before. */
static sb_status plain_op(plain_graph *g, const mutation *mu, size_t i, const uint64_t *ids,
                          sb_mutation *sum)
{
    const sb_op *op = &mu->ops[i];
    const uint64_t id =
        op->target_entity.result_of >= 0 ? ids[op->target_entity.result_of] : op->target_entity.id;
    const bool is_rel =
        op->kind == SB_OP_DELETE_REL || (op->kind == SB_OP_SET_PROPS && op->entity == SB_REL);
    plain_node *node = is_rel ? NULL : plain_find_node(g, id);
    plain_rel *rel = is_rel ? plain_find_rel(g, id) : NULL;
    plain_code *props;
    uint32_t before;

    if (op->kind == SB_OP_CREATE_NODE) {
        add_node(g, ids[i], mu->masks[i], mu->codes[i]);
        sum->nodes_created++;
        sum->labels_added += sb_popcount64(mu->masks[i]);
        for (uint32_t k = 0; k < KEYS; k++)
            sum->properties_set += mu->codes[i][k] != 0;
        return SB_OK;
    }
    if (op->kind == SB_OP_CREATE_REL) {
        const uint64_t source =
            op->source.result_of >= 0 ? ids[op->source.result_of] : op->source.id;
        const uint64_t target =
            op->target.result_of >= 0 ? ids[op->target.result_of] : op->target.id;
        if (plain_find_node(g, source) == NULL || plain_find_node(g, target) == NULL)
            return SB_NOT_FOUND;
        add_rel(g, ids[i], op->type - 1, source, target, mu->codes[i]);
        sum->rels_created++;
        for (uint32_t k = 0; k < KEYS; k++)
            sum->properties_set += mu->codes[i][k] != 0;
        return SB_OK;
    }
    if (node == NULL && rel == NULL) return SB_NOT_FOUND;
    switch (op->kind) {
    case SB_OP_SET_PROPS:
        props = node != NULL ? node->props : rel->props;
        for (uint32_t k = 0; k < KEYS; k++) {
            bool given = false;
            plain_code code = 0;
            for (size_t p = 0; p < op->prop_count; p++)
                given |= op->props[p].key == k + 1;
            if (given) code = mu->codes[i][k];
            if ((!given && !op->replace) || props[k] == code) continue;
            *(code == 0 ? &sum->properties_removed : &sum->properties_set) += 1;
            props[k] = code;
        }
        return SB_OK;
    case SB_OP_ADD_LABELS:
        before = node->labels;
        node->labels |= mu->masks[i];
        sum->labels_added += sb_popcount64(node->labels & ~before);
        return SB_OK;
    case SB_OP_REMOVE_LABELS:
        before = node->labels;
        node->labels &= ~mu->masks[i];
        sum->labels_removed += sb_popcount64(before & ~node->labels);
        return SB_OK;
    case SB_OP_DELETE_REL:
        plain_delete_rel(g, rel);
        sum->rels_deleted++;
        return SB_OK;
    case SB_OP_CREATE_NODE: /* dealt with above */
    case SB_OP_CREATE_REL:
    case SB_OP_DELETE_NODE:
    default:
        if (!op->detach && plain_degree(g, id) != 0) return SB_CONSTRAINT;
        sum->rels_deleted += plain_detach(g, id);
        *plain_node_of(g, id) = g->nodes[g->node_count - 1];
        g->node_count--;
        sum->nodes_deleted++;
        return SB_OK;
    }
}

static void mutate(model *m)
{
    mutation mu = {.count = 0};
    sb_mutation got, sum = {0};
    uint64_t ids[OPS_MAX];
    sb_status expected = SB_OK;
    const size_t count = 1 + below(m, OPS_MAX - 1);

    while (mu.count < count)
        random_op(m, &mu);
    const sb_status st = sb_graph_mutate(m->f.graph, mu.ops, mu.count, &got, &m->f.err);
    for (size_t i = 0; i < count; i++)
        ids[i] = st == SB_OK ? got.ids[i] : FAKE_ID + i;
    for (size_t i = 0; expected == SB_OK && i < count; i++)
        expected = plain_op(m->trial, &mu, i, ids, &sum);
    settle(m, count, expected, st);
    if (st != SB_OK) return;
    assert_int_equal(got.nodes_created, sum.nodes_created);
    assert_int_equal(got.rels_created, sum.rels_created);
    assert_int_equal(got.nodes_deleted, sum.nodes_deleted);
    assert_int_equal(got.rels_deleted, sum.rels_deleted);
    assert_int_equal(got.properties_set, sum.properties_set);
    assert_int_equal(got.properties_removed, sum.properties_removed);
    assert_int_equal(got.labels_added, sum.labels_added);
    assert_int_equal(got.labels_removed, sum.labels_removed);
}

/* ---- Schema ---------------------------------------------------------------------------------------------------------------- */

static bool same_definition(const plain_schema *a, const plain_schema *b)
{
    return a->id != 0 && a->kind == b->kind && a->on_rels == b->on_rels && a->entity == b->entity &&
           a->key_count == b->key_count && a->keys[0] == b->keys[0] &&
           (a->key_count < 2 || a->keys[1] == b->keys[1]) && a->value_types == b->value_types;
}

static void change_schema(model *m)
{
    const size_t place = below(m, SCHEMAS);
    plain_schema *plain = &m->trial->schemas[place];
    sb_schema definition = {0};
    sb_status expected = SB_OK, st;
    char schema_name[32];
    uint32_t id = 0;

    if (plain->id != 0) {
        st = sb_graph_schema_drop(m->f.graph, plain->id, &m->f.err);
        plain->id = 0;
        settle(m, 1, SB_OK, st);
        return;
    }
    plain->kind = (uint8_t)(SB_SCHEMA_INDEX + below(m, 5));
    plain->on_rels = plain->kind != SB_SCHEMA_NODE_KEY && chance(m, 30);
    plain->entity = (uint32_t)below(m, plain->on_rels ? TYPES : LABELS);
    plain->key_count = plain->kind == SB_SCHEMA_TYPED || chance(m, 60) ? 1 : 2;
    plain->keys[0] = (uint32_t)below(m, KEYS);
    plain->keys[1] = (plain->keys[0] + 1 + (uint32_t)below(m, KEYS - 1)) % KEYS;
    plain->value_types = plain->kind == SB_SCHEMA_TYPED
                             ? 1u << SB_TYPE_INT | 1u << SB_TYPE_LIST | 1u << SB_TYPE_STRING
                             : 0;
    for (size_t s = 0; s < SCHEMAS; s++)
        if (s != place && same_definition(&m->trial->schemas[s], plain)) expected = SB_EXISTS;
    snprintf(schema_name, sizeof schema_name, "schema_%llu",
             (unsigned long long)m->schema_number++);
    definition.kind = plain->kind;
    definition.on_rels = plain->on_rels;
    definition.entity = plain->entity + 1;
    definition.key_count = plain->key_count;
    for (uint32_t k = 0; k < plain->key_count; k++)
        definition.keys[k] = plain->keys[k] + 1;
    definition.value_types = plain->value_types;
    definition.name = text(schema_name);
    st = sb_graph_schema_create(m->f.graph, &definition, &id, &m->f.err);
    plain->id = st == SB_OK ? id : 1;
    if (expected == SB_OK && !holds_deferred(m->trial, plain)) expected = SB_CONSTRAINT;
    settle(m, 1, expected, st);
}

static void change_label_index(model *m)
{
    const uint32_t l = (uint32_t)below(m, LABELS);
    const sb_schema definition = {.kind = SB_SCHEMA_LABEL_INDEX, .entity = l + 1};
    sb_status st;
    uint32_t id;

    if (m->trial->dropped_labels >> l & 1)
        st = sb_graph_schema_create(m->f.graph, &definition, &id, &m->f.err);
    else
        st = sb_graph_schema_drop(m->f.graph, 0x80000000u | (l + 1), &m->f.err);
    m->trial->dropped_labels ^= 1u << l;
    settle(m, 1, SB_OK, st);
}

/* ---- Comparing --------------------------------------------------------------------------------------------------------------- */

static void compare_props(model *m, const sb_prop *props, size_t count, const plain_code *codes)
{
    size_t expected = 0;

    for (uint32_t k = 0; k < KEYS; k++)
        expected += codes[k] != 0;
    assert_int_equal(count, expected);
    for (size_t i = 0; i < count; i++) {
        const sb_value value = value_of(m, codes[props[i].key - 1]);
        assert_int_equal(props[i].value.type, value.type);
        assert_true(sb_value_equal(&props[i].value, &value));
    }
}

static uint32_t mask_of_set(model *m, sb_set_id set)
{
    size_t count;
    const sb_label_id *labels = sb_set_labels(m->f.view, set, &count);
    uint32_t mask = 0;

    for (size_t i = 0; i < count; i++)
        mask |= 1u << (labels[i] - 1);
    return mask;
}

static void compare_rows(model *m)
{
    plain_graph *g = m->plain;
    uint64_t count;

    OK(&m->f, sb_stats_nodes_of_label(m->f.view, 0, &count, &m->f.err));
    assert_int_equal(count, g->node_count);
    OK(&m->f, sb_stats_rels_of_type(m->f.view, 0, &count, &m->f.err));
    assert_int_equal(count, g->rel_count);
    for (size_t i = 0; i < g->node_count; i++) {
        sb_node_record record;
        bool found;
        OK(&m->f, sb_graph_node(m->f.graph, g->nodes[i].id, &record, &found, &m->f.err));
        assert_true(found);
        assert_int_equal(mask_of_set(m, record.set), g->nodes[i].labels);
        compare_props(m, record.props, record.prop_count, g->nodes[i].props);
    }
    for (size_t i = 0; i < g->rel_count; i++) {
        sb_rel_record record;
        bool found;
        OK(&m->f, sb_graph_rel(m->f.graph, g->rels[i].id, &record, &found, &m->f.err));
        assert_true(found);
        assert_int_equal(record.source, g->rels[i].source);
        assert_int_equal(record.target, g->rels[i].target);
        assert_int_equal(record.type, g->rels[i].type + 1);
        compare_props(m, record.props, record.prop_count, g->rels[i].props);
    }
}

static size_t count_rows(model *m, sb_tree *tree)
{
    sb_row_scan *scan;
    size_t count, total = 0;

    OK(&m->f, sb_row_scan_open(m->f.txn, tree, 0, SB_ID_MAX, &scan, &m->f.err));
    do {
        OK(&m->f, sb_row_scan_next(scan, &count, &m->f.err));
        total += count;
    } while (count != 0);
    sb_row_scan_close(scan);
    return total;
}

/* Every list, through the reading calls, which merge what is pending. */
static void compare_lists(model *m)
{
    static sb_neighbor got[2 * RELS_MAX];
    const plain_graph *g = m->plain;
    const sb_neighbors_options options = {.direction = SB_BOTH};

    for (size_t i = 0; i < g->node_count; i++) {
        const uint64_t node = g->nodes[i].id;
        size_t count, seen = 0;
        uint64_t degree;
        OK(&m->f,
           sb_graph_neighbors(m->f.graph, node, &options, got, 2 * RELS_MAX, &count, &m->f.err));
        assert_int_equal(count, plain_degree(g, node));
        OK(&m->f, sb_graph_degree(m->f.graph, node, SB_BOTH, NULL, 0, &degree, &m->f.err));
        assert_int_equal(degree, count);
        for (size_t k = 0; k < count; k++) {
            const plain_rel *rel = plain_rel_of(m->plain, got[k].rel);
            assert_int_equal(got[k].type, rel->type + 1);
            assert_int_equal(got[k].outgoing ? rel->source : rel->target, node);
            assert_int_equal(got[k].outgoing ? rel->target : rel->source, got[k].node);
            seen +=
                k == 0 || got[k].rel != got[k - 1].rel || got[k].outgoing != got[k - 1].outgoing;
        }
        assert_int_equal(seen, count);
    }
}

static void compare_labels(model *m)
{
    const plain_graph *g = m->plain;

    for (uint32_t l = 0; l < LABELS; l++) {
        static sb_node_id ids[NODES_MAX];
        size_t expected = 0, count;
        uint64_t counted;
        OK(&m->f, sb_label_index_scan(m->f.view, l + 1, 0, ids, NODES_MAX, &count, &m->f.err));
        for (size_t i = 0; i < g->node_count; i++)
            expected += g->nodes[i].labels >> l & 1;
        OK(&m->f, sb_stats_nodes_of_label(m->f.view, l + 1, &counted, &m->f.err));
        assert_int_equal(counted, expected);
        if (g->dropped_labels >> l & 1) expected = 0;
        assert_int_equal(count, expected);
        for (size_t i = 0; i < count; i++) {
            const plain_node *node = plain_node_of(m->plain, ids[i]);
            assert_true(node->labels >> l & 1);
        }
    }
}

static bool has_entry(model *m, const plain_schema *s, uint64_t id, const plain_code *props)
{
    sb_value values[2];
    sb_buffer key;
    sb_page hold = {0};
    sb_bytes value;
    bool cut, found;

    for (uint32_t k = 0; k < s->key_count; k++)
        values[k] = value_of(m, props[s->keys[k]]);
    sb_buffer_init(&key, &sb_allocator_libc);
    OK(&m->f, sb_index_key(m->f.view, s->id, values, s->key_count, id, &key, &cut, &m->f.err));
    OK(&m->f, sb_tree_get(m->f.txn, sb_schema_tree(m->f.view, s->id), sb_buffer_bytes(&key), &hold,
                          &value, &found, &m->f.err));
    sb_page_release(m->f.txn, &hold);
    sb_buffer_deinit(&key);
    return found;
}

static size_t count_entries(model *m, uint32_t schema)
{
    sb_cursor *cursor;
    size_t count = 0;
    bool found;

    OK(&m->f, sb_cursor_open(m->f.txn, sb_schema_tree(m->f.view, schema), &cursor, &m->f.err));
    OK(&m->f, sb_cursor_first(cursor, &found, &m->f.err));
    for (; found; count++)
        OK(&m->f, sb_cursor_next(cursor, &found, &m->f.err));
    sb_cursor_close(cursor);
    return count;
}

static void compare_indexes(model *m)
{
    const plain_graph *g = m->plain;

    for (size_t s = 0; s < SCHEMAS; s++) {
        const plain_schema *schema = &g->schemas[s];
        size_t expected = 0;
        if (schema->id == 0 || schema->kind > SB_SCHEMA_NODE_KEY) continue;
        for (size_t i = 0; i < g->node_count; i++) {
            if (!plain_concerns(schema, false, g->nodes[i].labels) ||
                !plain_has_keys(schema, g->nodes[i].props))
                continue;
            assert_true(has_entry(m, schema, g->nodes[i].id, g->nodes[i].props));
            expected++;
        }
        for (size_t i = 0; i < g->rel_count; i++) {
            if (!plain_concerns(schema, true, g->rels[i].type) ||
                !plain_has_keys(schema, g->rels[i].props))
                continue;
            assert_true(has_entry(m, schema, g->rels[i].id, g->rels[i].props));
            expected++;
        }
        assert_int_equal(count_entries(m, schema->id), expected);
    }
}

static void compare_statistics(model *m)
{
    const plain_graph *g = m->plain;
    static uint32_t nodes[1u << LABELS], rels[1u << LABELS][TYPES][2];

    memset(nodes, 0, sizeof nodes);
    memset(rels, 0, sizeof rels);
    for (size_t i = 0; i < g->node_count; i++)
        nodes[g->nodes[i].labels]++;
    for (size_t i = 0; i < g->rel_count; i++) {
        rels[plain_node_of(m->plain, g->rels[i].source)->labels][g->rels[i].type][SB_OUT]++;
        rels[plain_node_of(m->plain, g->rels[i].target)->labels][g->rels[i].type][SB_IN]++;
    }
    for (sb_set_id set = 0; set < sb_set_count(m->f.view); set++) {
        const uint32_t mask = mask_of_set(m, set);
        uint64_t count;
        OK(&m->f, sb_stats_nodes_of_set(m->f.view, set, &count, &m->f.err));
        assert_int_equal(count, nodes[mask]);
        for (uint32_t t = 0; t < TYPES; t++) {
            OK(&m->f, sb_stats_rels_of(m->f.view, set, t + 1, SB_OUT, &count, &m->f.err));
            assert_int_equal(count, rels[mask][t][SB_OUT]);
            OK(&m->f, sb_stats_rels_of(m->f.view, set, t + 1, SB_IN, &count, &m->f.err));
            assert_int_equal(count, rels[mask][t][SB_IN]);
        }
    }
}

static void print_finding(void *ctx, sb_pgno pgno, const char *message)
{
    (void)ctx;
    print_message("finding: page %u: %s\n", pgno, message);
}

static void compare_all(model *m)
{
    sb_verify_result result;

    compare_rows(m);
    compare_lists(m);
    compare_labels(m);
    compare_indexes(m);
    compare_statistics(m);
    assert_int_equal(count_rows(m, sb_node_table(m->f.view)), m->plain->node_count);
    assert_int_equal(count_rows(m, sb_rel_table(m->f.view)), m->plain->rel_count);
    if (!all_deferred(m->plain))
        return; /* before the commit, which will refuse it: verify finds it too */
    OK(&m->f, sb_graph_verify(m->f.graph, print_finding, NULL, &result, &m->f.err));
    assert_int_equal(result.findings, 0);
    assert_int_equal(result.nodes, m->plain->node_count);
    assert_int_equal(result.rels, m->plain->rel_count);
}

/* ---- Transactions -------------------------------------------------------------------------------------------------------------- */

static void make_savepoint(model *m)
{
    if (m->savepoint_count == SAVEPOINTS) return;
    m->savepoints[m->savepoint_count] = savepoint(&m->f);
    memcpy(m->saved[m->savepoint_count++], m->plain, sizeof *m->plain);
}

static void end_savepoint(model *m)
{
    size_t at;

    if (m->savepoint_count == 0) return;
    at = below(m, m->savepoint_count);
    if (chance(m, 60)) {
        OK(&m->f, sb_txn_rollback_to(m->f.txn, m->savepoints[at], &m->f.err));
        memcpy(m->plain, m->saved[at], sizeof *m->plain);
        m->savepoint_count = at + 1; /* it stays */
    } else {
        OK(&m->f, sb_txn_release(m->f.txn, m->savepoints[at], &m->f.err));
        m->savepoint_count = at;
    }
}

static void random_call(model *m)
{
    const size_t kind = below(m, 100);

    memcpy(m->trial, m->plain, sizeof *m->trial);
    if (kind < 12 && has_room(m))
        batch_nodes(m);
    else if (kind < 28 && has_room(m))
        batch_rels(m);
    else if (kind < 42 && has_room(m))
        build(m);
    else if (kind < 75 && has_room(m))
        mutate(m);
    else if (kind < 82)
        make_savepoint(m);
    else if (kind < 89)
        end_savepoint(m);
    else if (kind < 93)
        OK(&m->f, sb_graph_flush(m->f.graph, &m->f.err));
    else if (kind < 97)
        change_schema(m);
    else if (kind < 99)
        change_label_index(m);
    else
        compare_all(m);
}

/* Delete most nodes in one call when the arrays get full. */
static void make_room(model *m)
{
    static sb_op ops[NODES_MAX];
    sb_mutation got;
    size_t count = 0;

    if (m->plain->node_count < NODES_MAX / 3 && m->plain->rel_count < RELS_MAX / 3) return;
    memcpy(m->trial, m->plain, sizeof *m->trial);
    while (m->trial->node_count > NODES_MAX / 20) {
        plain_node *node = &m->trial->nodes[below(m, m->trial->node_count)];
        ops[count++] = (sb_op){.kind = SB_OP_DELETE_NODE,
                               .target_entity = {.id = node->id, .result_of = -1},
                               .detach = true};
        plain_detach(m->trial, node->id);
        *node = m->trial->nodes[--m->trial->node_count];
    }
    settle(m, count, SB_OK, sb_graph_mutate(m->f.graph, ops, count, &got, &m->f.err));
}

static void end_transaction(model *m)
{
    sb_status st, expected;

    m->savepoint_count = 0;
    if (chance(m, 15)) {
        rollback(&m->f);
        memcpy(m->plain, m->committed, sizeof *m->plain);
        return;
    }
    if (chance(m, 20)) compare_all(m);
    expected = all_deferred(m->plain) ? SB_OK : SB_CONSTRAINT;
    st = sb_txn_commit(m->f.txn, &m->f.err);
    if (st != expected)
        print_error("commit: expected %s: %s\n", sb_status_name(expected), m->f.err.text);
    assert_int_equal(st, expected);
    sb_err_clear(&m->f.err);
    memcpy(st == SB_OK ? m->committed : m->plain, st == SB_OK ? m->plain : m->committed,
           sizeof *m->plain);
}

static void run_transaction(model *m)
{
    const size_t calls = 1 + below(m, 12);

    begin_write(&m->f);
    for (size_t i = 0; i < calls; i++)
        random_call(m);
    make_room(m);
    end_transaction(m);
    if (chance(m, 5)) graph_reopen(&m->f);
    if (chance(m, 50)) return;
    begin_read(&m->f);
    compare_all(m);
    rollback(&m->f);
}

static void intern_names(model *m)
{
    char s[16];

    begin_write(&m->f);
    for (uint32_t i = 0; i < LABELS; i++) {
        snprintf(s, sizeof s, "L%u", i);
        assert_int_equal(label(&m->f, s), i + 1);
    }
    for (uint32_t i = 0; i < TYPES; i++) {
        snprintf(s, sizeof s, "T%u", i);
        assert_int_equal(type_of(&m->f, s), i + 1);
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        snprintf(s, sizeof s, "k%u", i);
        assert_int_equal(key_of(&m->f, s), i + 1);
    }
    commit(&m->f);
}

static void run_model(uint32_t page_bytes, uint32_t cache, uint64_t seed)
{
    model *m = calloc(1, sizeof *m);
    const size_t operations = test_operations(OPERATIONS);

    m->random = test_random(seed);
    m->plain = calloc(3 + SAVEPOINTS, sizeof *m->plain);
    m->committed = m->plain + 1;
    m->trial = m->plain + 2;
    for (size_t i = 0; i < SAVEPOINTS; i++)
        m->saved[i] = m->plain + 3 + i;
    for (size_t i = 0; i < 64; i++) {
        memset(m->texts[i], 'a' + (int)(i % 3), sizeof m->texts[i]);
        m->items[i][0] = integer((int64_t)i);
        m->items[i][1] = string("item");
    }
    graph_fixture_open(&m->f, page_bytes);
    m->f.settings.edge_cache_capacity = cache;
    OK(&m->f, sb_graph_configure(m->f.session, &m->f.settings, &m->f.err));
    intern_names(m);
    for (; m->operations < operations; m->transactions++)
        run_transaction(m);
    test_operations_done(m->operations);
    printf("%zu transactions, %zu calls, %zu of them failed as they should; %zu nodes, %zu "
           "relationships\n",
           m->transactions, m->calls, m->failures, m->plain->node_count, m->plain->rel_count);
    graph_fixture_close(&m->f);
    free(m->plain);
    free(m);
}

static void test_graph_model__small_pages(void **state)
{
    (void)state;
    run_model(4096, 64, 20261122);
}

static void test_graph_model__large_pages(void **state)
{
    (void)state;
    run_model(32768, 0, 20261123);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_graph_model__small_pages),
        TEST(test_graph_model__large_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
