/* eval_in.c — x IN list, where the list is the same for all rows of a run and long: found by hash instead of one by one.
 * Only items whose equality is never unknown are hashed; a list that has others (lists, maps, …), and a left side that is one, take the plain operator. */
#include <math.h>

#include "cypher/exec/eval_priv.h"

#define IN_ITEMS_MIN 16u /* shorter lists are looked through sooner */

/* Open addressing over the items of one list. */
struct sb_in_set {
    const sb_val_list *list; /* of this one … */
    uint64_t generation;     /* … in this run; 0: none */
    bool usable, has_null;
    uint64_t mask;   /* places - 1 */
    uint32_t *items; /* number + 1 of an item; 0: free; in run->constants */
};

/* Of these kinds two values are equal exactly when they are the same, NaN aside. */
static bool in_is_hashed(sb_val v)
{
    switch ((int)v.kind) {
    case SB_VAL_BOOL:
    case SB_VAL_INT:
    case SB_VAL_FLOAT:
    case SB_VAL_STRING:
    case SB_VAL_BYTES:
    case SB_VAL_DATE:
    case SB_VAL_LOCAL_TIME:
    case SB_VAL_LOCAL_DATETIME:
    case SB_VAL_NODE:
    case SB_VAL_REL: return true;
    default: return false;
    }
}

/* Place of a value, or the free one where it would be. */
static uint32_t *in_place(const struct sb_in_set *set, sb_val v)
{
    uint64_t at = sb_val_hash(v, 0) & set->mask;

    while (set->items[at] != 0 && !sb_val_same(set->list->items[set->items[at] - 1], v))
        at = (at + 1) & set->mask;
    return &set->items[at];
}

static sb_status in_build(sb_exec *run, struct sb_in_set *set, const sb_val_list *list)
{
    set->generation = run->generation;
    set->list = list;
    set->has_null = false;
    set->usable = list->count < UINT32_MAX / 4;
    for (uint64_t i = 0; i < list->count && set->usable; i++)
        set->usable = list->items[i].kind == SB_VAL_NULL || in_is_hashed(list->items[i]);
    if (!set->usable) return SB_OK;
    set->mask = sb_pow2_ceil(2 * list->count) - 1;
    set->items = sb_arena_alloc_zero(run->constants, (set->mask + 1) * sizeof *set->items);
    if (set->items == NULL) {
        set->generation = 0;
        return sb_exec__no_memory(run);
    }
    for (uint64_t i = 0; i < list->count; i++) {
        SB_TRY(sb_func_work(&run->func, SB_WORK_OF_A_VALUE + sb_val_work(list->items[i])));
        if (list->items[i].kind == SB_VAL_NULL)
            set->has_null = true;
        else
            *in_place(set, list->items[i]) = (uint32_t)i + 1;
    }
    return SB_OK;
}

sb_status sb_exec__in_open(sb_exec *run, struct sb_in_set **set)
{
    *set = sb_exec__alloc_zero(run, 1, sizeof **set);
    return *set == NULL ? sb_exec__no_memory(run) : SB_OK;
}

sb_status sb_exec__in(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value)
{
    sb_exec *const run = e->run;
    struct sb_in_set *const set = e->in_set;
    sb_val a, b;

    SB_TRY(sb_exec__part(e, 0, in, row, &a));
    SB_TRY(sb_exec__part(e, 1, in, row, &b));
    if (b.kind == SB_VAL_LIST && b.as.list->count >= IN_ITEMS_MIN && in_is_hashed(a)) {
        if (set->generation != run->generation || set->list != b.as.list)
            SB_TRY(in_build(run, set, b.as.list));
        if (set->usable) {
            SB_TRY(sb_func_work(&run->func, sb_val_work(a)));
            const bool found =
                !(a.kind == SB_VAL_FLOAT && isnan(a.as.real)) && *in_place(set, a) != 0;
            *value = found || !set->has_null ? sb_val_bool(found) : SB_VAL_NULL_VALUE;
            return SB_OK;
        }
    }
    return sb_op_binary(&run->func, SB_OP2_IN, a, b, value);
}
