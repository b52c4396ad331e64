/* write.c — properties from maps, and lists of changes. */
#include "cypher/exec/write.h"

/* ---- Properties ------------------------------------------------------------------------------------------------- */

/* Literals with more keys are evaluated as a whole, which also sees to keys given twice. */
#define FEW_KEYS 32u

static bool has_doubles(const sb_expr *map)
{
    for (uint32_t i = 0; i < map->arg_count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (sb_bytes_equal(map->keys[i], map->keys[k])) return true;
    return false;
}

sb_status sb_props__compile(sb_exec *run, const sb_expr *expr, sb_props *props)
{
    *props = (sb_props){.count = 0};
    if (expr == NULL) return SB_OK;
    if (expr->kind != SB_EXPR_MAP || expr->arg_count > FEW_KEYS || has_doubles(expr))
        return sb_exec__compile(run, expr, &props->whole);
    props->count = expr->arg_count;
    props->keys = sb_exec__alloc_zero(run, props->count, sizeof(sb_name_ref *));
    if (props->keys == NULL) return sb_exec__no_memory(run);
    for (uint32_t i = 0; i < props->count; i++)
        SB_TRY(sb_exec__name_add(run, SB_NAME_KEY, expr->keys[i], &props->keys[i]));
    return sb_exec__compile_many(run, expr->args, expr->arg_count, &props->values);
}

sb_status sb_props__add(sb_exec *run, sb_props *props, sb_name_ref *key, sb_eval *value)
{
    const uint32_t count = props->count;
    sb_name_ref **keys = sb_exec__alloc_zero(run, count + 1, sizeof *keys);
    sb_eval **values = sb_exec__alloc_zero(run, count + 1, sizeof *values);

    SB_ASSERT(props->whole == NULL);
    if (keys == NULL || values == NULL) return sb_exec__no_memory(run);
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = props->keys[i];
        values[i] = props->values[i];
    }
    keys[count] = key;
    values[count] = value;
    props->keys = keys;
    props->values = values;
    props->count++;
    props->set++;
    return SB_OK;
}

/* The key's number is made only for a value that will be stored. */
static sb_status append_prop(sb_exec *run, sb_name_ref *key, sb_val v, sb_null_prop null,
                             sb_buffer *out)
{
    sb_prop prop = {.key = 0};

    if (v.kind == SB_VAL_NULL) {
        if (null == SB_NULL_REFUSED)
            return sb_cypher_fail_runtime(run->err, SB_CYPHER_MERGE_READ_OWN_WRITES,
                                          "MERGE: property '%.*s' is null, which nothing matches",
                                          (int)key->text.size, (const char *)key->text.data);
        prop.key = sb_exec__name(run, key);
        if (null == SB_NULL_IGNORED || prop.key == 0) return SB_OK;
    } else {
        SB_TRY(sb_val_to_value(run->func.arena, v, &prop.value, run->err));
        SB_TRY(sb_exec__name_make(run, key, &prop.key));
    }
    return sb_buffer_append(out, &prop, sizeof prop) == SB_OK ? SB_OK : sb_exec__no_memory(run);
}

static sb_status append_map(sb_exec *run, const sb_val_map *map, sb_null_prop null, sb_buffer *out)
{
    for (uint32_t i = 0; i < map->count; i++) {
        sb_name_ref key = {.kind = SB_NAME_KEY, .text = map->entries[i].key};
        (void)sb_exec__find_name(run, &key);
        SB_TRY(append_prop(run, &key, map->entries[i].value, null, out));
    }
    return SB_OK;
}

static sb_status append_whole(sb_exec *run, sb_val v, sb_null_prop null, sb_buffer *out)
{
    if (v.kind == SB_VAL_NODE || v.kind == SB_VAL_REL)
        SB_TRY(run->reader.properties(run->reader.ctx, v, &v, run->err));
    if (v.kind != SB_VAL_MAP) return sb_exec__type_error(run, "properties", "a map", v);
    return append_map(run, v.as.map, null, out);
}

sb_status sb_props__append(sb_exec *run, const sb_props *props, const sb_batch *in, uint32_t row,
                           sb_null_prop null, sb_buffer *out)
{
    sb_val v;

    for (uint32_t i = 0; i < props->count; i++) {
        const sb_null_prop if_null = i < props->count - props->set ? null : SB_NULL_IGNORED;
        SB_TRY(sb_exec__eval_row(props->values[i], in, row, &v));
        SB_TRY(sb_exec__placed(props->values[i], run,
                               append_prop(run, props->keys[i], v, if_null, out)));
    }
    if (props->whole == NULL) return SB_OK;
    SB_TRY(sb_exec__eval_row(props->whole, in, row, &v));
    return sb_exec__placed(props->whole, run, append_whole(run, v, null, out));
}

/* ---- Changes ----------------------------------------------------------------------------------------------------- */

typedef struct sb_change_firsts {
    size_t props, labels;
} sb_change_firsts;

void sb_changes__open(sb_exec *run, sb_changes *changes)
{
    changes->run = run;
    changes->late = false;
    sb_buffer_init(&changes->ops, run->alloc);
    sb_buffer_init(&changes->firsts, run->alloc);
    sb_buffer_init(&changes->props, run->alloc);
    sb_buffer_init(&changes->labels, run->alloc);
}

void sb_changes__close(sb_changes *changes)
{
    sb_buffer_deinit(&changes->ops);
    sb_buffer_deinit(&changes->firsts);
    sb_buffer_deinit(&changes->props);
    sb_buffer_deinit(&changes->labels);
}

sb_op *sb_changes__add(sb_changes *changes, sb_op_kind kind, sb_entity entity, uint64_t id)
{
    const sb_op op = {.kind = kind,
                      .entity = entity,
                      .target_entity = {.id = id, .result_of = -1},
                      .source.result_of = -1,
                      .target.result_of = -1};
    const sb_change_firsts firsts = {.props = changes->props.size / sizeof(sb_prop),
                                     .labels = changes->labels.size / sizeof(sb_label_id)};

    if (sb_buffer_append(&changes->ops, &op, sizeof op) != SB_OK ||
        sb_buffer_append(&changes->firsts, &firsts, sizeof firsts) != SB_OK)
        return NULL;
    return (sb_op *)(void *)(changes->ops.data + changes->ops.size) - 1;
}

void sb_changes__clear(sb_changes *changes)
{
    sb_buffer_reset(&changes->ops);
    sb_buffer_reset(&changes->firsts);
    sb_buffer_reset(&changes->props);
    sb_buffer_reset(&changes->labels);
}

/* Where each op's properties and labels lie, now that they do not move any more. */
static void place_parts(sb_changes *changes)
{
    sb_op *ops = (sb_op *)(void *)changes->ops.data;
    const sb_change_firsts *firsts = (const sb_change_firsts *)(const void *)changes->firsts.data;
    const size_t count = sb_changes__count(changes);

    for (size_t i = 0; i < count; i++) {
        const bool last = i + 1 == count;
        const size_t props = last ? changes->props.size / sizeof(sb_prop) : firsts[i + 1].props;
        const size_t labels =
            last ? changes->labels.size / sizeof(sb_label_id) : firsts[i + 1].labels;
        ops[i].prop_count = props - firsts[i].props;
        ops[i].label_count = labels - firsts[i].labels;
        if (ops[i].prop_count != 0)
            ops[i].props = (const sb_prop *)(const void *)changes->props.data + firsts[i].props;
        if (ops[i].label_count != 0)
            ops[i].labels =
                (const sb_label_id *)(const void *)changes->labels.data + firsts[i].labels;
    }
}

static void count_changes(sb_exec *run, const sb_mutation *m)
{
    sb_exec_stats *s = &run->stats;

    s->nodes_created += m->nodes_created;
    s->rels_created += m->rels_created;
    s->nodes_deleted += m->nodes_deleted;
    s->rels_deleted += m->rels_deleted;
    s->properties_set += m->properties_set + m->properties_removed;
    s->labels_added += m->labels_added;
    s->labels_removed += m->labels_removed;
}

sb_status sb_exec__settle(sb_exec *run)
{
    SB_TRY(sb_exec__delete_pending(run));
    return sb_graph_settle_unique(run->graph, &run->doubts, run->err);
}

sb_status sb_changes__apply(sb_changes *changes, const uint64_t **ids)
{
    sb_exec *run = changes->run;
    const size_t count = sb_changes__count(changes);
    sb_mutation mutation;
    sb_status status = SB_OK;

    if (ids != NULL) *ids = NULL;
    if (count == 0) return SB_OK;
    place_parts(changes);
    status =
        sb_graph_mutate_enclosed(run->graph, (const sb_op *)(const void *)changes->ops.data, count,
                                 changes->late ? &run->doubts : NULL, &mutation, run->err);
    sb_changes__clear(changes);
    SB_TRY(status);
    count_changes(run, &mutation);
    if (ids != NULL) *ids = mutation.ids;
    return SB_OK;
}
