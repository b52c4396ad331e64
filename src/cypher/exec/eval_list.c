/* eval_list.c — expressions that bind variables: comprehensions, quantifiers, reduce; and map projections.
 * A bound variable is a place in run->locals; expressions nest, so each has its own slot. */
#include "cypher/exec/eval_priv.h"

/* The list of a part, or *list NULL for null. */
static sb_status part_list(sb_eval *e, uint32_t i, const char *what, const sb_batch *in,
                           uint32_t row, const sb_val_list **list)
{
    sb_val v;

    *list = NULL;
    SB_TRY(sb_exec__part(e, i, in, row, &v));
    if (v.kind == SB_VAL_NULL) return SB_OK;
    if (v.kind != SB_VAL_LIST) return sb_exec__type_error(e->run, what, "a list", v);
    *list = v.as.list;
    return SB_OK;
}

static void bind(sb_eval *e, const sb_var *var, sb_val v)
{
    if (var != NULL) e->run->locals[var->slot] = v;
}

sb_status sb_exec__list_comprehension(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_exec *run = e->run;
    const sb_val_list *list;
    uint64_t count = 0;

    SB_TRY(part_list(e, 0, "list comprehension", in, row, &list));
    *value = SB_VAL_NULL_VALUE;
    if (list == NULL) return SB_OK;
    sb_val_list *made = sb_val_list_make(run->func.arena, list->count);
    if (made == NULL) return sb_exec__no_memory(run);
    for (uint64_t i = 0; i < list->count; i++) {
        bool keep = true;
        SB_TRY(sb_exec__tick_item(run));
        bind(e, e->expr->bound, list->items[i]);
        if (e->args[1] != NULL) SB_TRY(sb_exec__test(e->args[1], in, row, &keep));
        if (!keep) continue;
        if (e->args[2] != NULL)
            SB_TRY(sb_exec__part(e, 2, in, row, &made->items[count]));
        else
            made->items[count] = list->items[i];
        count++;
    }
    made->count = count;
    return sb_val_list_seal(made, value, run->err);
}

/* How many items the condition is true, false, unknown for; stops as soon as the answer is sure. */
typedef struct sb_tally {
    uint64_t trues, falses, unknowns;
} sb_tally;

static bool is_decided(sb_quantifier quantifier, const sb_tally *tally)
{
    switch (quantifier) {
    case SB_ALL: return tally->falses != 0;
    case SB_ANY:
    case SB_NONE: return tally->trues != 0;
    case SB_SINGLE: return tally->trues > 1;
    }
    return false;
}

static sb_val quantified(sb_quantifier quantifier, const sb_tally *tally)
{
    if (!is_decided(quantifier, tally) && tally->unknowns != 0) return SB_VAL_NULL_VALUE;
    switch (quantifier) {
    case SB_ALL: return sb_val_bool(tally->falses == 0);
    case SB_ANY: return sb_val_bool(tally->trues != 0);
    case SB_NONE: return sb_val_bool(tally->trues == 0);
    case SB_SINGLE: break;
    }
    return sb_val_bool(tally->trues == 1);
}

sb_status sb_exec__quantifier(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_exec *run = e->run;
    const sb_quantifier quantifier = (sb_quantifier)e->expr->op;
    const sb_val_list *list;
    sb_tally tally = {.trues = 0};

    SB_TRY(part_list(e, 0, "quantifier", in, row, &list));
    *value = SB_VAL_NULL_VALUE;
    if (list == NULL) return SB_OK;
    for (uint64_t i = 0; i < list->count && !is_decided(quantifier, &tally); i++) {
        bool is_bool;
        sb_val v = SB_VAL_NULL_VALUE;
        SB_TRY(sb_exec__tick_item(run));
        bind(e, e->expr->bound, list->items[i]);
        /* without WHERE the item itself is the condition */
        if (e->arg_count > 1 && e->args[1] != NULL)
            SB_TRY(sb_exec__part(e, 1, in, row, &v));
        else
            v = list->items[i];
        const sb_ternary t = sb_ternary_of(v, &is_bool);
        if (!is_bool) return sb_exec__type_error(run, "quantifier", "a boolean", v);
        tally.trues += t == SB_TRUE;
        tally.falses += t == SB_FALSE;
        tally.unknowns += t == SB_UNKNOWN;
    }
    *value = quantified(quantifier, &tally);
    return SB_OK;
}

/* Bytes of intermediate values before it is asked whether they can go. */
#define REDUCE_BYTES ((size_t)1 << 20)

/* Where reduce() makes its values: in the caller's arena, until they are many; then in one of its own. */
typedef struct sb_residue {
    sb_arena *outer, *own; /* own NULL: not yet */
    size_t begin_bytes;    /* of outer */
    size_t look_at;        /* look when there is so much */
} sb_residue;

/* Only sum is wanted of what was made: where that is less than half, the rest goes. */
static sb_status drop_residue(sb_exec *run, sb_residue *residue, sb_val *sum)
{
    const size_t made =
        sb_arena_bytes(run->func.arena) - (residue->own == NULL ? residue->begin_bytes : 0);
    sb_val kept;

    if (SB_LIKELY(made < residue->look_at)) return SB_OK;
    const size_t needed = sb_val_bytes(*sum);
    residue->look_at = 2 * made;
    if (needed > made / 2) return SB_OK;
    sb_arena *fresh = sb_arena_create(run->alloc, NULL);
    if (fresh == NULL) return sb_exec__no_memory(run);
    const sb_status status = sb_val_copy(fresh, *sum, &kept, run->err);
    sb_arena_destroy(status == SB_OK ? residue->own : fresh);
    if (status != SB_OK) return status;
    residue->own = run->func.arena = fresh;
    residue->look_at = REDUCE_BYTES + 4 * needed; /* so that copying takes a part of making */
    *sum = kept;
    return SB_OK;
}

static sb_status reduce_items(sb_eval *e, const sb_val_list *list, const sb_batch *in, uint32_t row,
                              sb_residue *residue, sb_val *sum)
{
    for (uint64_t i = 0; i < list->count; i++) {
        SB_TRY(sb_exec__tick_item(e->run));
        SB_TRY(drop_residue(e->run, residue, sum));
        bind(e, e->expr->bound2, *sum);
        bind(e, e->expr->bound, list->items[i]);
        SB_TRY(sb_exec__part(e, 2, in, row, sum));
    }
    return SB_OK;
}

sb_status sb_exec__reduce(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_exec *const run = e->run;
    const sb_val_list *list;
    sb_val sum;

    SB_TRY(sb_exec__part(e, 0, in, row, &sum));
    SB_TRY(part_list(e, 1, "reduce", in, row, &list));
    *value = SB_VAL_NULL_VALUE;
    if (list == NULL) return SB_OK;
    sb_residue residue = {.outer = run->func.arena,
                          .begin_bytes = sb_arena_bytes(run->func.arena),
                          .look_at = REDUCE_BYTES};
    sb_status status = reduce_items(e, list, in, row, &residue, &sum);
    run->func.arena = residue.outer;
    if (residue.own == NULL) {
        *value = sum;
        return status;
    }
    if (status == SB_OK) status = sb_val_copy(residue.outer, sum, value, run->err);
    sb_arena_destroy(residue.own);
    return status;
}

/* ---- Map projection ------------------------------------------------------------------------------------------- */

static sb_status all_entries(sb_eval *e, sb_val of, const sb_val_map **all)
{
    sb_exec *run = e->run;
    sb_val map = of;

    if (of.kind != SB_VAL_MAP) SB_TRY(run->reader.properties(run->reader.ctx, of, &map, run->err));
    *all = map.as.map;
    return SB_OK;
}

sb_status sb_exec__map_projection(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_exec *run = e->run;
    const sb_val_map *all = NULL;
    sb_val of;

    SB_TRY(sb_exec__part(e, 0, in, row, &of));
    *value = SB_VAL_NULL_VALUE;
    if (of.kind == SB_VAL_NULL) return SB_OK;
    if (of.kind != SB_VAL_MAP && of.kind != SB_VAL_NODE && of.kind != SB_VAL_REL)
        return sb_exec__type_error(run, "map projection", "a map, node or relationship", of);
    if (e->expr->star) SB_TRY(all_entries(e, of, &all));
    const uint32_t star_count = all != NULL ? all->count : 0;
    sb_val_map *map = sb_val_map_make(run->func.arena, (uint64_t)star_count + e->arg_count - 1);
    if (map == NULL) return sb_exec__no_memory(run);
    if (star_count != 0) memcpy(map->entries, all->entries, star_count * sizeof *map->entries);
    for (uint32_t i = 1; i < e->arg_count; i++) {
        sb_val_entry *entry = &map->entries[star_count + i - 1];
        entry->key = e->expr->keys[i];
        if (e->args[i] != NULL)
            SB_TRY(sb_exec__part(e, i, in, row, &entry->value));
        else
            SB_TRY(sb_op_property(&run->func, of, entry->key, &entry->value));
    }
    return sb_val_map_seal(map, value, run->err);
}
