/* aggregate_merge.c — AGGREGATE in parts: states that runs on other threads have made (morsel.h) are taken in, in the order of their rows. */
#include "cypher/exec/aggregate.h"

/* Counts of distinct ids without groups. False: one of the sets is not of bits, or of others than the other. */
static bool merge_bits(sb_aggregate_op *a, sb_aggregate_item *item, const sb_seen_ids *part)
{
    sb_seen_ids *seen = &item->seen_ids;
    int64_t fresh = 0;

    if (seen->given_up || part->given_up ||
        (seen->kind != part->kind && seen->kind != SB_VECTOR_ANY && part->kind != SB_VECTOR_ANY))
        return false;
    if (part->word_count > seen->word_count) {
        uint64_t *grown = sb_resize(a->op.run->alloc, seen->words, seen->word_count * sizeof *grown,
                                    part->word_count * sizeof *grown);
        if (grown == NULL) return false;
        memset(grown + seen->word_count, 0, (part->word_count - seen->word_count) * sizeof *grown);
        seen->words = grown;
        seen->word_count = part->word_count;
    }
    if (part->kind != SB_VECTOR_ANY) seen->kind = part->kind;
    seen->rows += part->rows;
    for (size_t w = 0; w < part->word_count; w++) {
        fresh += sb_popcount64(part->words[w] & ~seen->words[w]);
        seen->words[w] |= part->words[w];
    }
    *(int64_t *)sb_aggregate__state(a, 0, item) += fresh;
    return true;
}

static sb_status merge_distinct(sb_aggregate_op *a, sb_aggregate_item *item,
                                const sb_aggregate_item *part, const uint32_t *of)
{
    const uint32_t args = item->plan->arg_count;

    if (a->grouping.key_count == 0 && args == 1) {
        if (item->counts && merge_bits(a, item, &part->seen_ids)) return SB_OK;
        if (!item->seen_ids.given_up) SB_TRY(sb_aggregate__give_up_bits(a, item));
        for (size_t w = 0; w < part->seen_ids.word_count; w++)
            for (uint64_t left = part->seen_ids.words[w]; left != 0; left &= left - 1) {
                const uint64_t id = w * 64 + sb_ctz64(left);
                item->vals[1] =
                    part->seen_ids.kind == SB_VECTOR_NODE ? sb_val_node(id) : sb_val_rel(id);
                SB_TRY(sb_aggregate__update(a, item, 0));
            }
    }
    for (uint64_t i = 0; i < part->seen.keys.count; i++) {
        const sb_val *row = sb_kept__row(&part->seen.keys, i);
        memcpy(item->vals + 1, row + 1, args * sizeof *row);
        SB_TRY(sb_aggregate__update(a, item, of[row[0].as.integer]));
        if (i % 4096 == 4095) SB_TRY(sb_exec__tick(a->op.run));
    }
    return SB_OK;
}

static sb_status merge_item(sb_aggregate_op *a, sb_aggregate_item *item,
                            const sb_aggregate_op *part, const sb_aggregate_item *part_item,
                            const uint32_t *of, uint64_t groups)
{
    sb_exec *run = a->op.run;

    if (item->plan->distinct) return merge_distinct(a, item, part_item, of);
    run->func.function = item->plan->function;
    for (uint64_t i = 0; i < groups; i++) {
        void *state = sb_aggregate__state(a, of[i], item);
        const void *other = sb_aggregate__state(part, i, part_item);
        if (item->counts)
            *(int64_t *)state += *(const int64_t *)other;
        else
            SB_TRY(item->plan->function->aggregate->merge(&run->func, a->arena, state, other));
        if (i % 4096 == 4095) SB_TRY(sb_exec__tick(run));
    }
    return SB_OK;
}

static sb_status merge_states(sb_aggregate_op *a, const sb_aggregate_op *part, uint32_t *of,
                              uint64_t groups)
{
    if (a->grouping.key_count == 0) {
        of[0] = 0;
    } else {
        SB_TRY(sb_grouping__merge(&a->grouping, &part->grouping, of));
        SB_TRY(sb_aggregate__make_states(a, a->grouping.groups.keys.count));
    }
    for (uint32_t i = 0; i < a->op.plan->as.aggregate.aggregate_count; i++)
        SB_TRY(merge_item(a, &a->items[i], part, &part->items[i], of, groups));
    return SB_OK;
}

sb_status sb_aggregate__merge(sb_operator *op, sb_operator *part_op)
{
    const sb_allocator *alloc = op->run->alloc;
    sb_aggregate_op *a = (sb_aggregate_op *)op;
    const sb_aggregate_op *part = (const sb_aggregate_op *)part_op;
    const uint64_t groups = a->grouping.key_count == 0 ? 1 : part->grouping.groups.keys.count;
    uint32_t *of = sb_alloc_array(alloc, (size_t)groups, sizeof *of);

    if (of == NULL) return sb_exec__no_memory(op->run);
    sb_exec__use(op);
    const sb_status status = merge_states(a, part, of, groups);
    sb_free(alloc, of, (size_t)groups * sizeof *of);
    return status;
}
