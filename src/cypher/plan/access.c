/* access.c — how to find a node or relationship to begin with: by id, by an index, by label, or all of them. */
#include "cypher/plan/plan_priv.h"

#include <math.h>
#include <string.h>

/* Nodes of a label that MERGE has to reckon with at least: each of its rows looks among what the rows before it made. */
#define MERGE_NODES 1000

/* What a predicate says about a property (or the id) of one variable, with the other side computable from what is bound. */
typedef struct condition {
    enum {
        CONDITION_NONE,
        CONDITION_EQUAL,
        CONDITION_IN,
        CONDITION_LOW,
        CONDITION_HIGH,
        CONDITION_PREFIX
    } kind;
    bool inclusive;
    bool of_element; /* about elementId(var) */
    sb_expr *value;
} condition;

static bool is_property(const sb_expr *e, const sb_var *var, sb_bytes key)
{
    return e->kind == SB_EXPR_PROPERTY && e->args[0]->kind == SB_EXPR_VAR &&
           e->args[0]->var == var && sb_bytes_equal(e->name, key);
}

/* id(var) or elementId(var): *of_element. */
static bool is_id(const sb_expr *e, const sb_var *var, bool *of_element)
{
    if (e->kind != SB_EXPR_CALL || e->function == NULL || e->arg_count != 1 ||
        (e->function->flags & SB_FUNC_USER) != 0 || e->args[0]->kind != SB_EXPR_VAR ||
        e->args[0]->var != var)
        return false;
    *of_element = strcmp(e->function->name, "elementId") == 0;
    return *of_element || strcmp(e->function->name, "id") == 0;
}

/* Is the value of e known before var is? */
static sb_status is_known(sb_planner *p, const sb_expr *e, const sb_slot_set *bound, bool *known)
{
    sb_slot_set needs = {NULL, 0};

    SB_TRY(sb_plan__expr_needs(p, e, &needs));
    *known = sb_plan__set_within(&needs, bound);
    return SB_OK;
}

static void read_operator(sb_op2 op, bool swapped, condition *found)
{
    switch (swapped ? sb_op2_turned(op) : op) {
    case SB_OP2_EQ: found->kind = CONDITION_EQUAL; break;
    case SB_OP2_IN: found->kind = swapped ? CONDITION_NONE : CONDITION_IN; break;
    case SB_OP2_GT:
    case SB_OP2_GE: found->kind = CONDITION_LOW; break;
    case SB_OP2_LT:
    case SB_OP2_LE: found->kind = CONDITION_HIGH; break;
    case SB_OP2_STARTS_WITH: found->kind = swapped ? CONDITION_NONE : CONDITION_PREFIX; break;
    default: break;
    }
    found->inclusive = op == SB_OP2_LE || op == SB_OP2_GE;
}

/* What a predicate says of var's property key (key.data NULL: of its id). */
static sb_status read_condition(sb_planner *p, const sb_expr *e, const sb_var *var, sb_bytes key,
                                const sb_slot_set *bound, condition *found)
{
    *found = (condition){.kind = CONDITION_NONE};
    if (e->kind != SB_EXPR_BINARY) return SB_OK;
    for (unsigned side = 0; side < 2; side++) {
        const sb_expr *subject = e->args[side];
        bool known;

        if (!(key.data == NULL ? is_id(subject, var, &found->of_element)
                               : is_property(subject, var, key)))
            continue;
        SB_TRY(is_known(p, e->args[1 - side], bound, &known));
        if (!known) continue;
        read_operator((sb_op2)e->op, side == 1, found);
        found->value = e->args[1 - side];
        if (found->kind != CONDITION_NONE) return SB_OK;
    }
    return SB_OK;
}

static const sb_predicate *predicate_at(const sb_pattern_graph *graph, uint32_t i)
{
    return i < 64 ? &graph->predicates[i] : NULL;
}

/* ---- By id --------------------------------------------------------------------------------------------------------- */

static sb_status access_by_id(sb_planner *p, const sb_pattern_graph *graph, const sb_var *var,
                              const sb_slot_set *bound, sb_plan **access, uint64_t *consumed)
{
    for (uint32_t i = 0; i < graph->predicate_count && i < 64; i++) {
        condition found;

        SB_TRY(
            read_condition(p, graph->predicates[i].expr, var, (sb_bytes){NULL, 0}, bound, &found));
        if (found.kind != CONDITION_EQUAL && found.kind != CONDITION_IN) continue;
        SB_TRY(sb_plan__new(p, SB_PLAN_NODE_BY_ID, NULL, access));
        (*access)->as.by_id.node = var;
        (*access)->as.by_id.on_rels = (var->kinds & SB_KIND_REL) != 0;
        (*access)->as.by_id.id = found.value;
        (*access)->as.by_id.of_element = found.of_element;
        (*access)->as.by_id.list = found.kind == CONDITION_IN;
        (*access)->rows = found.kind == CONDITION_IN ? 10 : 1;
        (*access)->cost = (*access)->rows;
        *consumed = UINT64_C(1) << i;
        return SB_OK;
    }
    return SB_OK;
}

/* ---- By index -------------------------------------------------------------------------------------------------------- */

static bool serves_values(const sb_schema *schema)
{
    return schema->has_tree &&
           (schema->kind == SB_SCHEMA_INDEX || schema->kind == SB_SCHEMA_UNIQUE ||
            schema->kind == SB_SCHEMA_NODE_KEY);
}

/* Use of one index: equal values of leading keys, then perhaps a range on the next one. */
typedef struct index_use {
    sb_expr *equal[SB_SCHEMA_KEYS_MAX];
    uint32_t equal_count;
    bool in_list;
    sb_plan_bound low, high;
    sb_expr *prefix;
    uint64_t consumed;
} index_use;

/* The first predicates on key that a seek can answer: an equality, or else bounds and a prefix. */
static sb_status use_key(sb_planner *p, const sb_pattern_graph *graph, const sb_var *var,
                         sb_bytes key, const sb_slot_set *bound, index_use *use, bool *equal)
{
    index_use ranged = *use;

    *equal = false;
    for (uint32_t i = 0; i < graph->predicate_count; i++) {
        const sb_predicate *predicate = predicate_at(graph, i);
        condition found;

        if (predicate == NULL) break;
        SB_TRY(read_condition(p, predicate->expr, var, key, bound, &found));
        switch (found.kind) {
        case CONDITION_EQUAL:
        case CONDITION_IN: /* bounds of the same key stay predicates */
            use->equal[use->equal_count++] = found.value;
            use->in_list = found.kind == CONDITION_IN;
            use->consumed |= UINT64_C(1) << i;
            *equal = true;
            return SB_OK;
        case CONDITION_LOW:
            if (ranged.low.expr != NULL) break;
            ranged.low = (sb_plan_bound){found.value, found.inclusive};
            ranged.consumed |= UINT64_C(1) << i;
            break;
        case CONDITION_HIGH:
            if (ranged.high.expr != NULL) break;
            ranged.high = (sb_plan_bound){found.value, found.inclusive};
            ranged.consumed |= UINT64_C(1) << i;
            break;
        case CONDITION_PREFIX:
            if (ranged.prefix != NULL) break;
            ranged.prefix = found.value;
            ranged.consumed |= UINT64_C(1) << i;
            break;
        case CONDITION_NONE: break;
        }
    }
    *use = ranged;
    return SB_OK;
}

/* Is the predicate true only where var has the property? */
static bool needs_property(const sb_expr *e, const sb_var *var, sb_bytes key)
{
    if (e->kind == SB_EXPR_UNARY)
        return e->op == SB_OP1_IS_NOT_NULL && is_property(e->args[0], var, key);
    if (e->kind != SB_EXPR_BINARY) return false;
    switch ((sb_op2)e->op) {
    case SB_OP2_EQ:
    case SB_OP2_NE:
    case SB_OP2_LT:
    case SB_OP2_LE:
    case SB_OP2_GT:
    case SB_OP2_GE:
    case SB_OP2_STARTS_WITH:
    case SB_OP2_ENDS_WITH:
    case SB_OP2_CONTAINS:
        return is_property(e->args[0], var, key) || is_property(e->args[1], var, key);
    case SB_OP2_IN: return is_property(e->args[0], var, key);
    default: return false;
    }
}

/* An entity that lacks one of the keys is not in the index: are those from `first` on asked for in any case? */
static bool has_rest(sb_planner *p, const sb_pattern_graph *graph, const sb_var *var,
                     const sb_schema *schema, uint32_t first)
{
    for (uint32_t k = first; k < schema->key_count; k++) {
        const sb_bytes key = sb_name_of(p->view, SB_NAME_KEY, schema->keys[k]);
        bool needed = false;

        for (uint32_t i = 0; i < graph->predicate_count && !needed; i++)
            needed = needs_property(graph->predicates[i].expr, var, key);
        if (!needed) return false;
    }
    return true;
}

/* Nothing consumed: the index is of no use. */
static sb_status use_index(sb_planner *p, const sb_pattern_graph *graph, const sb_var *var,
                           const sb_schema *schema, const sb_slot_set *bound, index_use *use)
{
    bool equal = true;

    for (uint32_t k = 0; k < schema->key_count && equal && !use->in_list; k++)
        SB_TRY(use_key(p, graph, var, sb_name_of(p->view, SB_NAME_KEY, schema->keys[k]), bound, use,
                       &equal));
    if (!has_rest(p, graph, var, schema, use->equal_count)) *use = (index_use){.equal_count = 0};
    return SB_OK;
}

/* A seek answers by equal values, or by one kind of range; what it does not use stays a predicate. */
static void simplify_use(const sb_pattern_graph *graph, const sb_schema *schema, index_use *use)
{
    const bool ranged = use->low.expr != NULL || use->high.expr != NULL || use->prefix != NULL;
    index_use again = {0};

    if (!ranged) return;
    if (!use->in_list && use->equal_count < schema->key_count &&
        (use->prefix == NULL || (use->low.expr == NULL && use->high.expr == NULL)))
        return;
    again.equal_count = use->equal_count;
    memcpy(again.equal, use->equal, sizeof again.equal);
    again.in_list = use->in_list;
    if (use->equal_count == 0) again.prefix = use->prefix;
    for (uint32_t i = 0; i < graph->predicate_count && i < 64; i++) {
        const sb_expr *e = graph->predicates[i].expr;

        if ((use->consumed >> i & 1) == 0) continue;
        bool kept = again.prefix != NULL && e->args[1] == again.prefix;
        for (uint32_t k = 0; k < again.equal_count; k++)
            kept = kept || e->args[0] == again.equal[k] || e->args[1] == again.equal[k];
        if (kept) again.consumed |= UINT64_C(1) << i;
    }
    *use = again;
}

/* Entries that a seek is expected to find, of entities in all. */
static double seek_rows(const sb_schema *schema, const index_use *use, double entities)
{
    const bool all_keys = use->equal_count == schema->key_count;
    const double items = use->in_list ? 10 : 1;
    double rows = entities;

    if (all_keys && schema->kind != SB_SCHEMA_INDEX) return items;
    if (use->equal_count != 0)
        rows = sqrt(entities) * items; /* without a sketch: as many values as entries for each */
    if (use->low.expr != NULL && use->high.expr != NULL)
        rows *= 0.1;
    else if (use->low.expr != NULL || use->high.expr != NULL)
        rows *= 0.3;
    if (use->prefix != NULL) rows *= 0.1;
    return rows < 1 ? 1 : rows;
}

/* In rows scanned: a descent, and a step for each entry. */
static double seek_cost(const sb_planner *p, double rows)
{
    return p->options.always_seek ? 0 : 1 + rows * 1.5;
}

static sb_status copy_name(sb_planner *p, sb_bytes name, sb_bytes *copy)
{
    uint8_t *bytes;

    SB_TRY(sb_plan__alloc(p, name.size, 1, &bytes));
    memcpy(bytes, name.data, name.size);
    *copy = sb_bytes_of(bytes, name.size);
    return SB_OK;
}

/* What EXPLAIN shows of the index: the plan may outlive it. */
static sb_status copy_names(sb_planner *p, const sb_schema *schema, sb_plan *seek)
{
    const sb_name_kind kind = schema->on_rels ? SB_NAME_TYPE : SB_NAME_LABEL;
    sb_bytes *keys;

    SB_TRY(copy_name(p, schema->name, &seek->as.seek.index));
    SB_TRY(copy_name(p, sb_name_of(p->view, kind, schema->entity), &seek->as.seek.of));
    SB_TRY(sb_plan__alloc(p, schema->key_count, sizeof *keys, &keys));
    for (uint32_t i = 0; i < schema->key_count; i++)
        SB_TRY(copy_name(p, sb_name_of(p->view, SB_NAME_KEY, schema->keys[i]), &keys[i]));
    seek->as.seek.keys = keys;
    seek->as.seek.key_count = schema->key_count;
    return SB_OK;
}

static sb_status make_seek(sb_planner *p, const sb_schema *schema, const sb_var *var,
                           const index_use *use, double rows, sb_plan **access)
{
    sb_plan *seek;

    SB_TRY(sb_plan__new(p, SB_PLAN_INDEX_SEEK, NULL, &seek));
    SB_TRY(copy_names(p, schema, seek));
    seek->as.seek.schema = schema->id;
    seek->as.seek.entity = var;
    if (use->equal_count != 0) {
        SB_TRY(
            sb_plan__alloc(p, use->equal_count, sizeof *seek->as.seek.equal, &seek->as.seek.equal));
        memcpy(seek->as.seek.equal, use->equal, use->equal_count * sizeof *use->equal);
    }
    seek->as.seek.equal_count = use->equal_count;
    seek->as.seek.in_list = use->in_list;
    seek->as.seek.low = use->low;
    seek->as.seek.high = use->high;
    seek->as.seek.prefix = use->prefix;
    seek->as.seek.unique =
        use->equal_count == schema->key_count && !use->in_list && schema->kind != SB_SCHEMA_INDEX;
    seek->rows = rows;
    seek->cost = seek_cost(p, rows);
    *access = seek;
    return SB_OK;
}

/* The cheapest seek on an entity of one label or type. */
static sb_status access_by_index(sb_planner *p, const sb_pattern_graph *graph, const sb_var *var,
                                 bool on_rels, uint32_t entity, double entities,
                                 const sb_slot_set *bound, sb_plan **access, uint64_t *consumed)
{
    size_t count;
    const sb_schema *schemas = sb_schemas(p->view, &count);

    if (p->options.no_indexes || entity == 0) return SB_OK;
    for (size_t i = 0; i < count; i++) {
        index_use use = {0};

        if (!serves_values(&schemas[i]) || schemas[i].on_rels != on_rels ||
            schemas[i].entity != entity)
            continue;
        SB_TRY(use_index(p, graph, var, &schemas[i], bound, &use));
        simplify_use(graph, &schemas[i], &use);
        if (use.consumed == 0 || !sb_plan__may_seek(p, graph, var, &schemas[i])) continue;
        const double rows = seek_rows(&schemas[i], &use, entities);
        if (*access != NULL && (*access)->cost <= seek_cost(p, rows)) continue;
        SB_TRY(make_seek(p, &schemas[i], var, &use, rows, access));
        *consumed = use.consumed;
    }
    return SB_OK;
}

/* ---- Nodes --------------------------------------------------------------------------------------------------------------- */

/* All names that a node must have: the conjuncts of its label expression that are plain names. */
static sb_status each_label(sb_planner *p, const sb_pattern_graph *graph,
                            const sb_pattern_node *node, const sb_label_expr *labels,
                            const sb_slot_set *bound, sb_plan **best, uint64_t *consumed)
{
    if (labels == NULL) return SB_OK;
    if (labels->op == SB_LABEL_AND) {
        SB_TRY(each_label(p, graph, node, labels->left, bound, best, consumed));
        return each_label(p, graph, node, labels->right, bound, best, consumed);
    }
    if (labels->op != SB_LABEL_NAME) return SB_OK;

    const uint32_t label = sb_name_find(p->view, SB_NAME_LABEL, labels->name);
    double rows;
    sb_plan *seek = NULL;
    uint64_t seek_consumed = 0;

    SB_TRY(sb_plan__estimate_nodes(p, labels, &rows));
    if (p->in_merge && rows < MERGE_NODES) rows = MERGE_NODES;
    SB_TRY(access_by_index(p, graph, node->var, false, label, rows, bound, &seek, &seek_consumed));
    if (seek != NULL && (*best == NULL || seek->cost < (*best)->cost)) {
        *best = seek;
        *consumed = seek_consumed;
    }
    const sb_hint *hint = sb_plan__hint_of(graph, node->var);
    if (hint != NULL && hint->kind == SB_HINT_INDEX && *best != NULL) return SB_OK;
    if (*best != NULL && (*best)->cost <= rows) return SB_OK;
    if (hint != NULL && hint->kind == SB_HINT_SCAN &&
        !sb_bytes_equal(hint->labels->name, labels->name))
        return SB_OK;
    SB_TRY(sb_plan__new(p, SB_PLAN_LABEL_SCAN, NULL, best));
    (*best)->as.scan.node = node->var;
    (*best)->as.scan.label_given = true;
    SB_TRY(sb_plan__name(p, SB_NAME_LABEL, labels->name, &(*best)->as.scan.label));
    (*best)->rows = rows;
    (*best)->cost = rows;
    *consumed = 0;
    return SB_OK;
}

static sb_status access_node(sb_planner *p, const sb_pattern_graph *graph,
                             const sb_pattern_node *node, const sb_slot_set *bound,
                             sb_plan **access, uint64_t *consumed)
{
    if (sb_plan__hint_of(graph, node->var) == NULL)
        SB_TRY(access_by_id(p, graph, node->var, bound, access, consumed));
    if (*access != NULL) return SB_OK;
    SB_TRY(each_label(p, graph, node, node->labels, bound, access, consumed));
    if (*access != NULL) return SB_OK;
    SB_TRY(sb_plan__new(p, SB_PLAN_ALL_NODES, NULL, access));
    (*access)->as.scan.node = node->var;
    SB_TRY(sb_plan__estimate_nodes(p, NULL, &(*access)->rows));
    (*access)->cost = (*access)->rows;
    return SB_OK;
}

sb_status sb_plan__access_node(sb_planner *p, const sb_pattern_graph *graph,
                               const sb_pattern_node *node, const sb_slot_set *bound,
                               sb_plan **access, uint64_t *consumed)
{
    const sb_hint *hint = sb_plan__hint_of(graph, node->var);

    *access = NULL;
    *consumed = 0;
    SB_TRY(access_node(p, graph, node, bound, access, consumed));
    if (hint != NULL && !sb_plan__follows(p, hint, *access)) (*access)->cost += SB_PLAN_UNHINTED;
    return SB_OK;
}

/* ---- Relationships ----------------------------------------------------------------------------------------------------------- */

sb_status sb_plan__type_names(sb_planner *p, const sb_label_expr *types, const sb_plan_name **names,
                              uint32_t *count, bool *whole)
{
    uint32_t capacity = 0;
    uint32_t filled = 0;
    sb_plan_name *list;

    *names = NULL;
    *count = 0;
    *whole = true;
    if (types == NULL) return SB_OK;
    for (const sb_label_expr *e = types; e != NULL; e = e->op == SB_LABEL_OR ? e->left : NULL)
        capacity++;
    SB_TRY(sb_plan__alloc(p, capacity, sizeof *list, &list));
    for (const sb_label_expr *e = types; e != NULL;) {
        const sb_label_expr *name = e->op == SB_LABEL_OR ? e->right : e;

        if (name->op != SB_LABEL_NAME) {
            *whole = false; /* all types, and a predicate behind */
            return SB_OK;
        }
        SB_TRY(sb_plan__name(p, SB_NAME_TYPE, name->name, &list[filled++]));
        e = e->op == SB_LABEL_OR ? e->left : NULL;
    }
    *names = list;
    *count = filled;
    return SB_OK;
}

static sb_status access_edge(sb_planner *p, const sb_pattern_graph *graph,
                             const sb_pattern_edge *edge, const sb_slot_set *bound,
                             sb_plan **access, uint64_t *consumed)
{
    const sb_rel_pattern *rel = edge->rel;
    double rels;
    bool whole;

    if (rel == NULL || rel->variable || edge->shortest != NULL || edge->from == edge->to)
        return SB_OK;
    SB_TRY(sb_plan__estimate_rels(p, rel->types, &rels));
    if (rels < 1) rels = 1;
    SB_TRY(access_by_id(p, graph, edge->var, bound, access, consumed));
    if (*access != NULL) {
        (*access)->as.by_id.from = rel->direction == SB_REL_IN ? edge->to : edge->from;
        (*access)->as.by_id.to = rel->direction == SB_REL_IN ? edge->from : edge->to;
        (*access)->as.by_id.either = rel->direction == SB_REL_EITHER;
        return SB_OK;
    }
    if (rel->types != NULL && rel->types->op == SB_LABEL_NAME) {
        const uint32_t type = sb_name_find(p->view, SB_NAME_TYPE, rel->types->name);

        SB_TRY(access_by_index(p, graph, edge->var, true, type, rels, bound, access, consumed));
        if (*access != NULL) {
            (*access)->as.seek.from = rel->direction == SB_REL_IN ? edge->to : edge->from;
            (*access)->as.seek.to = rel->direction == SB_REL_IN ? edge->from : edge->to;
            (*access)->as.seek.either = rel->direction == SB_REL_EITHER;
            return SB_OK;
        }
    }
    SB_TRY(sb_plan__new(p, SB_PLAN_REL_SCAN, NULL, access));
    (*access)->as.expand.from = edge->from;
    (*access)->as.expand.to = edge->to;
    (*access)->as.expand.rel = edge->var;
    (*access)->as.expand.direction = rel->direction;
    SB_TRY(sb_plan__type_names(p, rel->types, &(*access)->as.expand.types,
                               &(*access)->as.expand.type_count, &whole));
    (*access)->rows = rel->direction == SB_REL_EITHER ? 2 * rels : rels;
    (*access)->cost = (*access)->rows * 1.2;
    return SB_OK;
}

sb_status sb_plan__access_edge(sb_planner *p, const sb_pattern_graph *graph,
                               const sb_pattern_edge *edge, const sb_slot_set *bound,
                               sb_plan **access, uint64_t *consumed)
{
    const sb_hint *hint = sb_plan__hint_of(graph, edge->var);

    *access = NULL;
    *consumed = 0;
    SB_TRY(access_edge(p, graph, edge, bound, access, consumed));
    if (*access == NULL) return SB_OK;
    if ((hint != NULL && !sb_plan__follows(p, hint, *access)) ||
        sb_plan__hint_of(graph, edge->from) != NULL || sb_plan__hint_of(graph, edge->to) != NULL)
        (*access)->cost += SB_PLAN_UNHINTED;
    return SB_OK;
}
