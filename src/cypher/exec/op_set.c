/* op_set.c — SET and REMOVE.
 * Rows are changed one after the other where a value may depend on what an earlier row changed: when it reads an entity, or runs a plan.
 * Else the changes of a whole batch are made at once. */
#include "cypher/exec/op_priv.h"
#include "cypher/exec/write.h"

struct sb_set_part {
    sb_eval *target, *key, *value;
    sb_props props; /* REPLACE, MERGE */
};

/* ---- Which way --------------------------------------------------------------------------------------------------- */

#define ENTITY_KINDS                                                                               \
    ((uint32_t)SB_KIND_NODE | SB_KIND_REL | SB_KIND_PATH | SB_KIND_LIST | SB_KIND_MAP)

typedef struct sb_dependence {
    sb_exec *run;
    sb_setter *setter;
} sb_dependence;

static void note_reads(sb_dependence *d, const sb_expr *e)
{
    if (e == NULL) return;
    if (e->plan != NULL) d->setter->runs_plans = true;
    if (e->kind == SB_EXPR_VAR && (e->var->kinds & ENTITY_KINDS) != 0)
        d->setter->reads[e->var->slot] = true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        note_reads(d, e->args[i]);
}

static bool is_entity(sb_val v)
{
    return v.kind == SB_VAL_NODE || v.kind == SB_VAL_REL || v.kind == SB_VAL_PATH;
}

/* A value that holds no entity, as far as one level tells: deeper ones count as such. */
static bool holds_entity(sb_val v)
{
    if (v.kind == SB_VAL_LIST) {
        for (uint64_t i = 0; i < v.as.list->count; i++)
            if (is_entity(v.as.list->items[i]) || v.as.list->items[i].kind >= SB_VAL_LIST)
                return true;
        return false;
    }
    if (v.kind == SB_VAL_MAP) {
        for (uint32_t i = 0; i < v.as.map->count; i++)
            if (is_entity(v.as.map->entries[i].value) ||
                v.as.map->entries[i].value.kind >= SB_VAL_LIST)
                return true;
        return false;
    }
    return is_entity(v);
}

static bool column_holds_entity(const sb_vector *column)
{
    if (column->kind != SB_VECTOR_ANY)
        return column->kind == SB_VECTOR_NODE || column->kind == SB_VECTOR_REL;
    return true;
}

/* May the rows' changes be gathered? */
static bool rows_independent(const sb_setter *setter, const sb_batch *in)
{
    const uint32_t slots = setter->changes.run->compiled->slot_count;

    if (setter->runs_plans) return false;
    for (uint32_t slot = 0; slot < slots; slot++) {
        const sb_vector *column = in->columns[slot];
        if (!setter->reads[slot] || column == NULL || !column_holds_entity(column)) continue;
        if (column->kind != SB_VECTOR_ANY) return false;
        const uint32_t count = column->constant ? 1 : in->row_count;
        for (uint32_t i = 0; i < count; i++)
            if (holds_entity(column->as.vals[i])) return false;
    }
    return true;
}

/* ---- Items -------------------------------------------------------------------------------------------------------- */

sb_status sb_setter__open(sb_exec *run, const sb_plan_set_item *items, uint32_t count,
                          sb_setter *setter)
{
    sb_dependence d = {run, setter};

    setter->items = items;
    setter->count = count;
    sb_changes__open(run, &setter->changes);
    setter->parts = sb_exec__alloc_zero(run, count, sizeof *setter->parts);
    setter->reads = sb_exec__alloc_zero(run, run->compiled->slot_count, sizeof *setter->reads);
    if (setter->parts == NULL || setter->reads == NULL) return sb_exec__no_memory(run);
    for (uint32_t i = 0; i < count; i++) {
        const sb_plan_set_item *item = &items[i];
        struct sb_set_part *part = &setter->parts[i];
        const bool map = item->kind == SB_SET_REPLACE || item->kind == SB_SET_MERGE;
        SB_TRY(sb_exec__compile(run, item->target, &part->target));
        SB_TRY(sb_exec__compile_maybe(run, item->key_expr, &part->key));
        if (map)
            SB_TRY(sb_props__compile(run, item->value, &part->props));
        else
            SB_TRY(sb_exec__compile_maybe(run, item->value, &part->value));
        note_reads(&d, item->value);
        note_reads(&d, item->key_expr);
        /* a target that is more than a variable reads what it leads through */
        if (item->target->kind != SB_EXPR_VAR) note_reads(&d, item->target);
    }
    return SB_OK;
}

void sb_setter__close(sb_setter *setter)
{
    sb_changes__close(&setter->changes);
}

/* ---- With what is made -------------------------------------------------------------------------------------------- */

/* The properties that the creator gives to what it binds to var; NULL: it makes nothing of the kind. */
static sb_props *props_of(const sb_creator *c, const sb_var *var)
{
    for (uint32_t i = 0; i < c->plan->node_count; i++)
        if (c->plan->nodes[i].var->slot == var->slot) return &c->node_props[i];
    for (uint32_t i = 0; i < c->plan->rel_count; i++)
        if (c->plan->rels[i].var->slot == var->slot) return &c->rel_props[i];
    return NULL;
}

/* May a value depend on what the creator makes? Nothing else of the graph changes by making it. */
static bool reads_made(const sb_setter *s, const sb_creator *c)
{
    bool reads = s->runs_plans;

    for (uint32_t i = 0; i < c->plan->node_count; i++)
        reads |= s->reads[c->plan->nodes[i].var->slot];
    for (uint32_t i = 0; i < c->plan->rel_count; i++)
        reads |= s->reads[c->plan->rels[i].var->slot];
    return reads;
}

/* Does item i give a property to something that the creator makes, which gets it from nowhere else? */
static bool can_join(const sb_setter *s, uint32_t i, const sb_creator *c)
{
    const sb_plan_set_item *item = &s->items[i];
    const sb_name_ref *names = s->changes.run->names;
    const sb_props *props;

    if (item->kind != SB_SET_PROPERTY || item->target->kind != SB_EXPR_VAR) return false;
    props = props_of(c, item->target->var);
    if (props == NULL || props->whole != NULL) return false;
    for (uint32_t k = 0; k < props->count; k++)
        if (sb_bytes_equal(props->keys[k]->text, names[item->key].text)) return false;
    for (uint32_t k = 0; k < i; k++)
        if (sb_bytes_equal(names[s->items[k].key].text, names[item->key].text) &&
            s->items[k].target->var->slot == item->target->var->slot)
            return false;
    return true;
}

sb_status sb_setter__join(sb_setter *s, sb_creator *c)
{
    sb_exec *run = s->changes.run;

    if (reads_made(s, c)) return SB_OK;
    for (uint32_t i = 0; i < s->count; i++)
        if (!can_join(s, i, c)) return SB_OK;
    for (uint32_t i = 0; i < s->count; i++)
        SB_TRY(sb_props__add(run, props_of(c, s->items[i].target->var),
                             &run->names[s->items[i].key], s->parts[i].value));
    s->count = 0;
    return SB_OK;
}

/* ---- Rows --------------------------------------------------------------------------------------------------------- */

static sb_status check_target(sb_exec *run, sb_val target)
{
    if (target.kind != SB_VAL_NODE && target.kind != SB_VAL_REL)
        return sb_exec__type_error(run, "SET", "a node or relationship", target);
    return sb_exec__still_there(run, target.kind == SB_VAL_NODE ? SB_NODE : SB_REL, target.as.id);
}

/* Whom an item concerns; *skip: nobody (null). */
static sb_status target_of(sb_exec *run, sb_eval *eval, const sb_batch *in, uint32_t row,
                           sb_val *target, bool *skip)
{
    SB_TRY(sb_exec__eval_row(eval, in, row, target));
    *skip = target->kind == SB_VAL_NULL;
    return *skip ? SB_OK : sb_exec__placed(eval, run, check_target(run, *target));
}

static sb_op *add_op(sb_setter *s, sb_op_kind kind, sb_val target)
{
    return sb_changes__add(&s->changes, kind, target.kind == SB_VAL_NODE ? SB_NODE : SB_REL,
                           target.as.id);
}

/* The key of target.key or target[key]. *known false: nothing has it, and the value is null. */
static sb_status key_of(sb_setter *s, uint32_t i, const sb_batch *in, uint32_t row, bool make,
                        sb_key_id *key)
{
    sb_exec *run = s->changes.run;
    sb_name_ref named = {.kind = SB_NAME_KEY}, *name = &named;
    sb_val v;

    if (s->items[i].kind == SB_SET_DYNAMIC) {
        SB_TRY(sb_exec__eval_row(s->parts[i].key, in, row, &v));
        if (v.kind != SB_VAL_STRING)
            return sb_exec__placed(
                s->parts[i].key, run,
                sb_cypher_fail_runtime(run->err, SB_CYPHER_MAP_ELEMENT_ACCESS_BY_NON_STRING,
                                       "the key of a property: expected a string, got %s",
                                       sb_val_kind_name(v.kind)));
        named.text = sb_val_text(v);
        (void)sb_exec__find_name(run, name);
    } else {
        name = &run->names[s->items[i].key];
    }
    if (make) return sb_exec__name_make(run, name, key);
    *key = sb_exec__name(run, name);
    return SB_OK;
}

static sb_status set_property(sb_setter *s, uint32_t i, const sb_batch *in, uint32_t row,
                              sb_val target)
{
    sb_exec *run = s->changes.run;
    sb_prop prop = {.value = SB_VALUE_NULL};
    sb_val v = SB_VAL_NULL_VALUE;

    if (s->parts[i].value != NULL) SB_TRY(sb_exec__eval_row(s->parts[i].value, in, row, &v));
    SB_TRY(sb_exec__placed(s->parts[i].value, run,
                           sb_val_to_value(run->func.arena, v, &prop.value, run->err)));
    SB_TRY(key_of(s, i, in, row, v.kind != SB_VAL_NULL, &prop.key));
    if (prop.key == 0) return SB_OK; /* nothing has it, so there is nothing to remove */
    if (add_op(s, SB_OP_SET_PROPS, target) == NULL ||
        sb_buffer_append(&s->changes.props, &prop, sizeof prop) != SB_OK)
        return sb_exec__no_memory(run);
    return SB_OK;
}

static sb_status set_map(sb_setter *s, uint32_t i, const sb_batch *in, uint32_t row, sb_val target)
{
    const bool replace = s->items[i].kind == SB_SET_REPLACE;
    sb_op *op = add_op(s, SB_OP_SET_PROPS, target);

    if (op == NULL) return sb_exec__no_memory(s->changes.run);
    op->replace = replace;
    return sb_props__append(s->changes.run, &s->parts[i].props, in, row,
                            replace ? SB_NULL_IGNORED : SB_NULL_REMOVES, &s->changes.props);
}

static sb_status set_labels(sb_setter *s, uint32_t i, sb_val target, const sb_val *dynamic)
{
    sb_exec *run = s->changes.run;
    const sb_plan_set_item *item = &s->items[i];

    if (target.kind != SB_VAL_NODE) return sb_exec__type_error(run, "labels", "a node", target);
    if (add_op(s, item->remove ? SB_OP_REMOVE_LABELS : SB_OP_ADD_LABELS, target) == NULL)
        return sb_exec__no_memory(run);
    for (uint32_t k = 0; k < item->label_count; k++) {
        sb_name_ref *name = &run->names[item->labels[k]];
        sb_label_id id = sb_exec__name(run, name);
        if (id == 0 && item->remove) continue;
        if (id == 0) SB_TRY(sb_exec__name_make(run, name, &id));
        if (sb_buffer_append(&s->changes.labels, &id, sizeof id) != SB_OK)
            return sb_exec__no_memory(run);
    }
    if (dynamic == NULL) return SB_OK;
    return sb_exec__placed(
        s->parts[i].value, run,
        sb_exec__dynamic_ids(run, *dynamic, SB_NAME_LABEL, !item->remove, &s->changes.labels));
}

static sb_status set_item(sb_setter *s, uint32_t i, const sb_batch *in, uint32_t row)
{
    sb_val target;
    bool skip;

    SB_TRY(target_of(s->changes.run, s->parts[i].target, in, row, &target, &skip));
    if (skip) return SB_OK;
    switch (s->items[i].kind) {
    case SB_SET_PROPERTY:
    case SB_SET_DYNAMIC: return set_property(s, i, in, row, target);
    case SB_SET_REPLACE:
    case SB_SET_MERGE: return set_map(s, i, in, row, target);
    case SB_SET_LABELS: break;
    }
    if (s->parts[i].value == NULL)
        return sb_exec__placed(s->parts[i].target, s->changes.run, set_labels(s, i, target, NULL));
    sb_val dynamic;
    SB_TRY(sb_exec__eval_row(s->parts[i].value, in, row, &dynamic));
    return sb_exec__placed(s->parts[i].target, s->changes.run, set_labels(s, i, target, &dynamic));
}

sb_status sb_setter__run(sb_setter *s, const sb_batch *in)
{
    if (s->count == 0) return SB_OK;
    const bool together = rows_independent(s, in);

    sb_changes__clear(&s->changes);
    for (uint32_t row = 0; row < in->row_count; row++)
        for (uint32_t i = 0; i < s->count; i++) {
            SB_TRY(set_item(s, i, in, row));
            if (!together) SB_TRY(sb_changes__apply(&s->changes, NULL));
        }
    return sb_changes__apply(&s->changes, NULL);
}

/* ---- SET ------------------------------------------------------------------------------------------------------------ */

typedef struct sb_set_op {
    sb_operator op;
    sb_setter setter;
    bool under_way; /* has had rows, and is to get more */
} sb_set_op;

static sb_status set_open(sb_operator *op)
{
    sb_setter *const setter = &((sb_set_op *)op)->setter;

    SB_TRY(sb_setter__open(op->run, op->plan->as.set.items, op->plan->as.set.count, setter));
    setter->changes.late = true;
    return SB_OK;
}

static void set_close(sb_operator *op)
{
    sb_setter__close(&((sb_set_op *)op)->setter);
}

static void leave(sb_set_op *s)
{
    if (s->under_way) s->op.run->sets_under_way--;
    s->under_way = false;
}

static void set_reset(sb_operator *op)
{
    leave((sb_set_op *)op);
}

/* A row may take a unique value that a later one gives up. When all have been through, no value may be twice: what follows and reads them
 * waits for that (plan/eager.c), or there is one row only. Where this one lies in the rows of another, that one's are yet to come. */
static sb_status set_next(sb_operator *op, const sb_batch **batch)
{
    sb_set_op *const s = (sb_set_op *)op;
    sb_exec *const run = op->run;

    SB_TRY(sb_exec__pull(op, batch));
    if (*batch != NULL) {
        run->sets_under_way += !s->under_way;
        s->under_way = true;
        SB_TRY(sb_setter__run(&s->setter, *batch));
        if (!op->plan->as.set.single) return SB_OK;
    }
    leave(s);
    return run->sets_under_way != 0 ? SB_OK
                                    : sb_graph_settle_unique(run->graph, &run->doubts, run->err);
}

const sb_operator_ops sb_exec__set = {.state_bytes = sizeof(sb_set_op),
                                      .open = set_open,
                                      .next = set_next,
                                      .reset = set_reset,
                                      .close = set_close};
