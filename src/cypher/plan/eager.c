/* eager.c — where a clause must have all its rows before the next one begins (the Halloween problem).
 * A clause sees the graph as the clauses before it have left it, for all rows: but operators work in batches, so a scan may meet what an
 * update above it has just made, and an update's later rows may come after a read above it. An EAGER step, which takes in all rows before it
 * gives the first one, stands
 *   - below an update that changes what something below it reads,
 *   - below a read of what an update below it changes,
 *   - below an update of entities (also by ON MATCH, in FOREACH or CALL) of what another clause below it sets or makes: the last one wins for
 *     all rows,
 *   - below an update of anything that a clause below it may have deleted for another row, and
 *   - below the result, where it has entities that a clause below it changes: who asks for their labels and properties sees what all rows have left,
 * unless there is at most one row, and nothing to interleave. Reads and writes are compared by label, type and property key. */
#include "cypher/plan/plan_priv.h"

#include <string.h>

/* What is read or written: names by their place in p->names. */
typedef struct effects {
    sb_slot_set labels, types, keys;
    bool all_labels, all_types, all_keys; /* any of them */
    bool nodes;                           /* which nodes there are, whatever their labels */
    bool deletes;                         /* anything may go */
    bool changes; /* what was there before, or for another row, is another now */
    bool any;
} effects;

typedef struct scanner {
    sb_planner *p;
    effects *e;
} scanner;

static sb_status add_name(sb_planner *p, sb_name_kind kind, sb_bytes text, sb_slot_set *set)
{
    sb_plan_name name;

    SB_TRY(sb_plan__name(p, kind, text, &name));
    return sb_plan__set_add(p, set, name);
}

static sb_status add_labels(scanner *s, const sb_label_expr *labels, bool is_type)
{
    if (labels == NULL) return SB_OK;
    s->e->any = true;
    if (labels->op == SB_LABEL_NAME)
        return add_name(s->p, is_type ? SB_NAME_TYPE : SB_NAME_LABEL, labels->name,
                        is_type ? &s->e->types : &s->e->labels);
    if (labels->op == SB_LABEL_ANY) {
        s->e->all_labels = true;
        return SB_OK;
    }
    SB_TRY(add_labels(s, labels->left, is_type));
    return add_labels(s, labels->right, is_type);
}

/* Functions that look at an entity as a whole. */
static void read_call(effects *e, const sb_function *function)
{
    static const char *const labels[] = {"labels", "valueType"};
    static const char *const all_keys[] = {"keys", "properties", "exists", "isEmpty", "size"};

    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (strcmp(function->name, labels[i]) == 0) e->all_labels = e->any = true;
    for (size_t i = 0; i < sizeof all_keys / sizeof all_keys[0]; i++)
        if (strcmp(function->name, all_keys[i]) == 0) e->all_keys = e->any = true;
}

static sb_status read_tree(scanner *s, sb_plan *plan, effects *writes);

static sb_status read_expr(void *ctx, sb_expr *e)
{
    scanner *s = ctx;

    if (e == NULL) return SB_OK;
    if (e->kind == SB_EXPR_PROPERTY) {
        s->e->any = true;
        SB_TRY(add_name(s->p, SB_NAME_KEY, e->name, &s->e->keys));
    } else if (e->kind == SB_EXPR_INDEX || e->kind == SB_EXPR_MAP_PROJECTION) {
        s->e->any = s->e->all_keys = true;
    } else if (e->kind == SB_EXPR_HAS_LABELS) {
        if (e->arg_count > 1) s->e->any = s->e->all_labels = s->e->all_types = true;
        SB_TRY(add_labels(s, e->labels, false));
        SB_TRY(add_labels(s, e->labels, true));
    } else if (e->kind == SB_EXPR_CALL && e->function != NULL) {
        read_call(s->e, e->function);
    }
    if (e->plan != NULL) return read_tree(s, e->plan, &(effects){0});
    for (uint32_t i = 0; i < e->arg_count; i++)
        SB_TRY(read_expr(ctx, e->args[i]));
    return SB_OK;
}

static sb_status read_types(scanner *s, const sb_plan_expand *expand)
{
    s->e->any = true;
    if (expand->type_count == 0) s->e->all_types = true;
    for (uint32_t i = 0; i < expand->type_count; i++)
        SB_TRY(sb_plan__set_add(s->p, &s->e->types, expand->types[i]));
    return add_labels(s, expand->to_labels, false);
}

static sb_status read_index(scanner *s, const sb_plan *plan)
{
    size_t count;
    const sb_schema *schemas = sb_schemas(s->p->view, &count);

    s->e->any = true;
    for (size_t i = 0; i < count; i++) {
        if (schemas[i].id != plan->as.seek.schema) continue;
        const sb_name_kind kind = schemas[i].on_rels ? SB_NAME_TYPE : SB_NAME_LABEL;

        SB_TRY(add_name(s->p, kind, sb_name_of(s->p->view, kind, schemas[i].entity),
                        schemas[i].on_rels ? &s->e->types : &s->e->labels));
        for (uint32_t k = 0; k < schemas[i].key_count; k++)
            SB_TRY(add_name(s->p, SB_NAME_KEY,
                            sb_name_of(s->p->view, SB_NAME_KEY, schemas[i].keys[k]), &s->e->keys));
    }
    return SB_OK;
}

/* Its depth is that of the chain of operators that it was made of. */
static sb_status read_factor(scanner *s, const sb_plan_factor *factor)
{
    SB_TRY(read_types(s, &factor->expand));
    for (uint32_t i = 0; i < factor->filter_count; i++)
        SB_TRY(read_expr(s, factor->filters[i]));
    for (uint32_t i = 0; i < factor->child_count; i++)
        SB_TRY(read_factor(s, factor->children[i]));
    return SB_OK;
}

/* By id, what has just been made is found as soon as it is there. */
static void read_by_id(effects *e, const sb_plan *plan)
{
    e->any = true;
    if (plan->as.by_id.bound) return;
    if (plan->as.by_id.on_rels)
        e->all_types = true;
    else
        e->nodes = true;
}

/* What one operator reads, without its input; for MERGE and its like also what inner reads. */
static sb_status read_operator(scanner *s, sb_plan *plan)
{
    SB_TRY(sb_plan__each_expr(plan, read_expr, s));
    switch (plan->kind) {
    case SB_PLAN_ALL_NODES: s->e->nodes = s->e->any = true; return SB_OK;
    case SB_PLAN_COUNT_NODES:
    case SB_PLAN_LABEL_SCAN:
        s->e->any = true;
        if (!plan->as.scan.label_given) {
            s->e->nodes = true;
            return SB_OK;
        }
        return sb_plan__set_add(s->p, &s->e->labels, plan->as.scan.label);
    case SB_PLAN_NODE_BY_ID: read_by_id(s->e, plan); return SB_OK;
    case SB_PLAN_INDEX_SEEK: return read_index(s, plan);
    case SB_PLAN_REL_SCAN:
    case SB_PLAN_EXPAND:
    case SB_PLAN_EXPAND_INTO:
    case SB_PLAN_RELATED:
    case SB_PLAN_VAR_EXPAND:
    case SB_PLAN_SHORTEST:
    case SB_PLAN_COUNT_RELS:
    case SB_PLAN_DEGREE: return read_types(s, &plan->as.expand);
    case SB_PLAN_WEIGH:
        for (uint32_t i = 0; i < plan->as.weigh.count; i++)
            for (uint32_t k = 0; k < plan->as.weigh.weights[i].factor_count; k++)
                SB_TRY(read_factor(s, plan->as.weigh.weights[i].factors[k]));
        return SB_OK;
    case SB_PLAN_INTERSECT:
        SB_TRY(read_types(s, &plan->as.intersect.sides[0]));
        return read_types(s, &plan->as.intersect.sides[1]);
    case SB_PLAN_CALL:
        s->e->any = s->e->nodes = s->e->all_labels = s->e->all_types = s->e->all_keys = true;
        return SB_OK;
    default: return SB_OK;
    }
}

/* ---- Writes ---------------------------------------------------------------------------------------------------------- */

/* Keys of a map that is written out; else any. */
static sb_status write_props(scanner *s, const sb_expr *props)
{
    if (props == NULL) return SB_OK;
    if (props->kind != SB_EXPR_MAP) {
        s->e->all_keys = true;
        return SB_OK;
    }
    for (uint32_t i = 0; i < props->arg_count; i++)
        SB_TRY(add_name(s->p, SB_NAME_KEY, props->keys[i], &s->e->keys));
    return SB_OK;
}

static sb_status write_created(scanner *s, const sb_plan_create *create)
{
    s->e->any = true;
    if (create->node_count != 0) s->e->nodes = true;
    for (uint32_t i = 0; i < create->node_count; i++) {
        for (uint32_t k = 0; k < create->nodes[i].label_count; k++)
            SB_TRY(sb_plan__set_add(s->p, &s->e->labels, create->nodes[i].labels[k]));
        if (create->nodes[i].dynamic != NULL) s->e->all_labels = true;
        SB_TRY(write_props(s, create->nodes[i].props));
    }
    for (uint32_t i = 0; i < create->rel_count; i++) {
        if (create->rels[i].dynamic != NULL)
            s->e->all_types = true;
        else
            SB_TRY(sb_plan__set_add(s->p, &s->e->types, create->rels[i].type));
        SB_TRY(write_props(s, create->rels[i].props));
    }
    return SB_OK;
}

static sb_status write_items(scanner *s, const sb_plan_set_item *items, uint32_t count)
{
    s->e->changes |= count != 0;
    for (uint32_t i = 0; i < count; i++) {
        s->e->any = true;
        if (items[i].kind == SB_SET_PROPERTY)
            SB_TRY(sb_plan__set_add(s->p, &s->e->keys, items[i].key));
        else if (items[i].kind == SB_SET_LABELS) {
            for (uint32_t k = 0; k < items[i].label_count; k++)
                SB_TRY(sb_plan__set_add(s->p, &s->e->labels, items[i].labels[k]));
            if (items[i].value != NULL) s->e->all_labels = true;
        } else if (items[i].kind == SB_SET_MERGE && items[i].value->kind == SB_EXPR_MAP)
            SB_TRY(write_props(s, items[i].value));
        else
            s->e->all_keys = true;
    }
    return SB_OK;
}

static sb_status write_operator(scanner *s, const sb_plan *plan)
{
    switch (plan->kind) {
    case SB_PLAN_CREATE: return write_created(s, &plan->as.create);
    case SB_PLAN_MERGE:
        SB_TRY(write_created(s, &plan->as.merge.create));
        SB_TRY(write_items(s, plan->as.merge.on_create, plan->as.merge.on_create_count));
        return write_items(s, plan->as.merge.on_match, plan->as.merge.on_match_count);
    case SB_PLAN_SET: return write_items(s, plan->as.set.items, plan->as.set.count);
    case SB_PLAN_DELETE: s->e->any = s->e->deletes = s->e->changes = true; return SB_OK;
    case SB_PLAN_CALL:
        if (!plan->as.call.procedure->writes) return SB_OK;
        s->e->any = s->e->deletes = s->e->changes = s->e->nodes = s->e->all_labels =
            s->e->all_types = s->e->all_keys = true;
        return SB_OK;
    default: return SB_OK;
    }
}

/* Does the update undo, or fail for, what one below it does to the same entities in later rows? */
static bool overrides(const sb_plan *plan, const effects *writes, const effects *below)
{
    /* Nobody else has what CREATE makes, but its relationships have ends. */
    if (plan->kind == SB_PLAN_CREATE) return below->deletes && plan->as.create.rel_count != 0;
    if (writes->deletes) return below->any;
    if (below->deletes) return writes->any;
    return sb_plan__set_meets(&writes->labels, &below->labels) ||
           (writes->all_labels && (below->all_labels || sb_plan__set_count(&below->labels) != 0)) ||
           (below->all_labels && sb_plan__set_count(&writes->labels) != 0) ||
           sb_plan__set_meets(&writes->keys, &below->keys) ||
           (writes->all_keys && (below->all_keys || sb_plan__set_count(&below->keys) != 0)) ||
           (below->all_keys && sb_plan__set_count(&writes->keys) != 0);
}

/* Everything that a tree reads (into s->e) and writes. */
static sb_status read_tree(scanner *s, sb_plan *plan, effects *writes)
{
    for (; plan != NULL; plan = plan->input) {
        scanner w = {s->p, writes};

        SB_TRY(read_operator(s, plan));
        SB_TRY(write_operator(&w, plan));
        if (plan->inner != NULL) SB_TRY(read_tree(s, plan->inner, writes));
    }
    return SB_OK;
}

static bool conflict(const effects *writes, const effects *reads)
{
    if (!writes->any || !reads->any) return false;
    if (writes->deletes) return true;
    if (writes->nodes && reads->nodes) return true;
    if (sb_plan__set_meets(&writes->labels, &reads->labels) ||
        sb_plan__set_meets(&writes->types, &reads->types) ||
        sb_plan__set_meets(&writes->keys, &reads->keys))
        return true;
    if (reads->all_labels && (writes->all_labels || sb_plan__set_count(&writes->labels) != 0))
        return true;
    if (reads->all_types && (writes->all_types || sb_plan__set_count(&writes->types) != 0))
        return true;
    if (reads->all_keys && (writes->all_keys || sb_plan__set_count(&writes->keys) != 0))
        return true;
    return (writes->all_keys && sb_plan__set_count(&reads->keys) != 0) ||
           (writes->all_labels && sb_plan__set_count(&reads->labels) != 0) ||
           (writes->all_types && sb_plan__set_count(&reads->types) != 0);
}

static sb_status merge_effects(sb_planner *p, effects *into, const effects *from)
{
    SB_TRY(sb_plan__set_add_all(p, &into->labels, &from->labels));
    SB_TRY(sb_plan__set_add_all(p, &into->types, &from->types));
    SB_TRY(sb_plan__set_add_all(p, &into->keys, &from->keys));
    into->all_labels |= from->all_labels;
    into->all_types |= from->all_types;
    into->all_keys |= from->all_keys;
    into->nodes |= from->nodes;
    into->deletes |= from->deletes;
    into->changes |= from->changes;
    into->any |= from->any;
    return SB_OK;
}

/* ---- Placing the steps ------------------------------------------------------------------------------------------------------ */

/* At most one row out for one row in? */
static bool keeps_single(const sb_plan *plan)
{
    switch (plan->kind) {
    case SB_PLAN_ARGUMENT:
    case SB_PLAN_FILTER:
    case SB_PLAN_PROJECT:
    case SB_PLAN_PATH:
    case SB_PLAN_SKIP:
    case SB_PLAN_LIMIT:
    case SB_PLAN_DISTINCT:
    case SB_PLAN_SORT:
    case SB_PLAN_TOP:
    case SB_PLAN_EAGER:
    case SB_PLAN_SEMI_APPLY:
    case SB_PLAN_FOREACH:
    case SB_PLAN_CREATE:
    case SB_PLAN_SET:
    case SB_PLAN_DELETE:
    case SB_PLAN_COUNT_NODES:
    case SB_PLAN_COUNT_RELS:
    case SB_PLAN_DEGREE:
    case SB_PLAN_RESULT: return true;
    case SB_PLAN_NODE_BY_ID: return !plan->as.by_id.list && !plan->as.by_id.either;
    case SB_PLAN_INDEX_SEEK: return plan->as.seek.unique && !plan->as.seek.either;
    default: return false;
    }
}

/* Can a value be an entity, or have one in it? */
static bool may_hold_entity(const sb_var *var)
{
    const uint32_t entities = (uint32_t)SB_KIND_NODE | SB_KIND_REL | SB_KIND_PATH;

    return (var->kinds & (entities | SB_KIND_MAP)) != 0 ||
           ((var->kinds & SB_KIND_LIST) != 0 &&
            (var->items == 0 || (var->items & (entities | SB_KIND_MAP | SB_KIND_LIST)) != 0));
}

static bool shows_entities(const sb_plan *plan)
{
    bool shows = false;

    for (uint32_t i = 0; plan->kind == SB_PLAN_RESULT && i < plan->as.result.count; i++)
        shows = shows || may_hold_entity(plan->as.result.columns[i]);
    return shows;
}

/* Takes in all rows before it gives the first, by its nature. */
static bool is_barrier(const sb_plan *plan)
{
    return plan->kind == SB_PLAN_AGGREGATE || plan->kind == SB_PLAN_SORT ||
           plan->kind == SB_PLAN_TOP || plan->kind == SB_PLAN_EAGER;
}

/* The operators of a chain from ARGUMENT up. */
static sb_status chain_of(sb_planner *p, sb_plan *root, sb_plan ***chain, uint32_t *count)
{
    *count = 0;
    for (const sb_plan *at = root; at != NULL; at = at->input)
        (*count)++;
    SB_TRY(sb_plan__alloc(p, *count, sizeof **chain, chain));
    uint32_t i = *count;
    for (sb_plan *at = root; at != NULL; at = at->input)
        (*chain)[--i] = at;
    return SB_OK;
}

sb_status sb_plan__eager(sb_planner *p, sb_plan **root)
{
    sb_plan **chain;
    uint32_t count;
    effects below_reads = {0};
    effects below_writes = {0};
    bool single = true;

    SB_TRY(chain_of(p, *root, &chain, &count));
    for (uint32_t i = 0; i < count; i++) {
        sb_plan *const plan = chain[i];
        effects reads = {0};
        effects writes = {0};
        scanner r = {p, &reads};
        scanner w = {p, &writes};

        SB_TRY(read_operator(&r, plan));
        SB_TRY(write_operator(&w, plan));
        if (plan->inner != NULL) {
            SB_TRY(sb_plan__eager(p, &plan->inner));
            SB_TRY(read_tree(&r, plan->inner, &writes));
        }
        if (plan->input != NULL && !single &&
            (conflict(&writes, &below_reads) || conflict(&below_writes, &reads) ||
             overrides(plan, &writes, &below_writes) ||
             (below_writes.changes && shows_entities(plan)))) {
            sb_plan *eager;

            SB_TRY(sb_plan__new(p, SB_PLAN_EAGER, plan->input, &eager));
            plan->input = eager;
            below_reads = below_writes = (effects){0};
        }
        if (is_barrier(plan)) below_reads = below_writes = (effects){0};
        SB_TRY(merge_effects(p, &below_reads, &reads));
        SB_TRY(merge_effects(p, &below_writes, &writes));
        if (plan->kind == SB_PLAN_SET) plan->as.set.single = single;
        if (plan->kind == SB_PLAN_AGGREGATE && plan->as.aggregate.group_count == 0)
            single = true;
        else
            single = single && keeps_single(plan);
    }
    return SB_OK;
}
