/* table.c — kept rows, and groups of rows by open addressing with linear probing, at most three quarters full. */
#include "cypher/exec/table.h"

#include <stdlib.h>

/* ---- Rows ---------------------------------------------------------------------------------------------------- */

sb_status sb_kept__open(sb_exec *run, uint32_t width, sb_kept *kept)
{
    *kept = (sb_kept){.arena = sb_arena_create(run->alloc, NULL), .width = width};
    if (kept->arena == NULL) return sb_exec__no_memory(run);
    kept->run = run; /* it is open */
    sb_buffer_init(&kept->vals, run->alloc);
    return SB_OK;
}

void sb_kept__close(sb_kept *kept)
{
    if (kept->run == NULL) return;
    sb_buffer_deinit(&kept->vals);
    sb_arena_destroy(kept->arena);
}

void sb_kept__clear(sb_kept *kept)
{
    if (kept->run == NULL) return;
    kept->count = 0;
    sb_exec__empty(kept->run, &kept->vals);
    if (sb_arena_bytes(kept->arena) != 0) sb_arena_reset(kept->arena);
}

size_t sb_kept__bytes(const sb_kept *kept)
{
    return kept->run == NULL ? 0 : kept->vals.capacity + sb_arena_bytes(kept->arena);
}

size_t sb_kept__growth(const sb_kept *kept, uint64_t rows)
{
    const size_t more = (size_t)rows * kept->width * sizeof(sb_val);
    const size_t block = sb_arena_bytes(kept->arena) == 0 ? 0 : sb_arena_next_bytes(kept->arena);

    if (kept->vals.size + more <= kept->vals.capacity) return block;
    return block + (more > kept->vals.capacity ? more : kept->vals.capacity); /* it doubles */
}

static int compare_slots(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

sb_status sb_kept__open_rows(sb_operator *op, const sb_var *const *more, uint32_t more_count,
                             sb_kept *kept)
{
    const sb_plan *plan = op->plan;
    uint32_t count = 0;

    SB_TRY(sb_kept__open(op->run, 0, kept));
    kept->slots =
        sb_exec__alloc_zero(op->run, (size_t)plan->live_count + more_count, sizeof *kept->slots);
    kept->here =
        sb_exec__alloc_zero(op->run, (size_t)plan->live_count + more_count, sizeof *kept->here);
    if (kept->slots == NULL || kept->here == NULL) return sb_exec__no_memory(op->run);
    for (uint32_t i = 0; i < plan->live_count; i++)
        kept->slots[count++] = plan->live[i];
    for (uint32_t i = 0; i < more_count; i++)
        if (more[i] != NULL) kept->slots[count++] = more[i]->slot;
    if (count > 1) qsort(kept->slots, count, sizeof *kept->slots, compare_slots);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || kept->slots[i] != kept->slots[kept->width - 1])
            kept->slots[kept->width++] = kept->slots[i];
    return SB_OK;
}

uint32_t sb_kept__column(const sb_kept *kept, const sb_var *var)
{
    const uint32_t *const found = kept->width == 0 ? NULL
                                                   : bsearch(&var->slot, kept->slots, kept->width,
                                                             sizeof *kept->slots, compare_slots);

    return found == NULL ? UINT32_MAX : (uint32_t)(found - kept->slots);
}

sb_status sb_kept__copy(sb_kept *kept, sb_val v, sb_val *copy)
{
    switch (v.kind) {
    case SB_VAL_NULL:
    case SB_VAL_BOOL:
    case SB_VAL_INT:
    case SB_VAL_FLOAT:
    case SB_VAL_NODE:
    case SB_VAL_REL: *copy = v; return SB_OK;
    default:
        SB_TRY(sb_func_work(&kept->run->func, sb_val_work(v)));
        return sb_val_copy(kept->arena, v, copy, kept->run->err);
    }
}

static sb_status reserve(sb_kept *kept, uint64_t rows)
{
    size_t values, bytes;

    if (!sb_mul_size((size_t)rows, kept->width, &values) ||
        !sb_mul_size(values, sizeof(sb_val), &bytes) ||
        sb_buffer_reserve(&kept->vals, bytes == 0 ? 1 : bytes) != SB_OK)
        return sb_exec__no_memory(kept->run);
    return SB_OK;
}

sb_status sb_kept__room(sb_kept *kept, sb_val **row)
{
    SB_TRY(reserve(kept, 1));
    *row = sb_kept__row(kept, kept->count);
    return SB_OK;
}

sb_status sb_kept__append(sb_kept *kept, const sb_batch *in)
{
    SB_TRY(reserve(kept, in->row_count));
    for (uint32_t c = 0; c < kept->width; c++) {
        const sb_vector *column = in->columns[kept->slots[c]];
        sb_val *to = sb_kept__row(kept, kept->count) + c;
        if (column != NULL && kept->here != NULL) kept->here[c] = true;
        for (uint32_t i = 0; i < in->row_count; i++, to += kept->width) {
            if (column == NULL)
                *to = SB_VAL_NULL_VALUE;
            else
                SB_TRY(sb_kept__copy(kept, sb_vector_at(column, i), to));
        }
    }
    kept->count += in->row_count;
    kept->vals.size = (size_t)kept->count * kept->width * sizeof(sb_val);
    return SB_OK;
}

sb_status sb_kept__emit(sb_operator *op, const sb_kept *kept, uint64_t first, const uint32_t *rows,
                        uint32_t count)
{
    sb_val vals[SB_BATCH_ROWS];

    SB_TRY(sb_exec__tick(op->run));
    for (uint32_t c = 0; c < kept->width; c++) {
        const uint32_t slot = kept->slots[c];
        const uint32_t place = sb_exec__live_place(op, &(sb_var){.slot = slot});
        if (place == UINT32_MAX || (kept->here != NULL && !kept->here[c])) continue;
        for (uint32_t i = 0; i < count; i++) {
            if (rows == NULL)
                vals[i] = sb_kept__row(kept, first + i)[c];
            else
                vals[i] =
                    rows[i] == UINT32_MAX ? SB_VAL_NULL_VALUE : sb_kept__row(kept, rows[i])[c];
        }
        SB_TRY(sb_exec__out_from_vals(op->run, &op->outs[place], vals, count));
        op->out.columns[slot] = &op->outs[place].vector;
    }
    op->out.row_count = count;
    op->out.last = false;
    return SB_OK;
}

/* ---- Groups ------------------------------------------------------------------------------------------------------ */

sb_status sb_groups__open(sb_exec *run, uint32_t key_count, sb_groups *groups)
{
    *groups = (sb_groups){.capacity = 0};
    return sb_kept__open(run, key_count, &groups->keys);
}

size_t sb_groups__bytes(const sb_groups *groups)
{
    return sb_kept__bytes(&groups->keys) + (size_t)groups->capacity * sizeof *groups->table;
}

/* While a table moves to one of twice the size there are both. */
size_t sb_groups__growth(const sb_groups *groups, uint64_t rows)
{
    const bool moves = groups->keys.count + rows >= groups->capacity / 4 * 3;

    return sb_kept__growth(&groups->keys, rows) +
           (moves ? 2 * (size_t)groups->capacity * sizeof *groups->table : 0);
}

static void free_table(sb_groups *groups)
{
    sb_free(groups->keys.run->alloc, groups->table,
            (size_t)groups->capacity * sizeof *groups->table);
    groups->table = NULL;
    groups->capacity = 0;
}

void sb_groups__close(sb_groups *groups)
{
    if (groups->keys.run == NULL) return;
    free_table(groups);
    sb_kept__close(&groups->keys);
}

void sb_groups__clear(sb_groups *groups)
{
    if (groups->keys.run == NULL) return;
    sb_kept__clear(&groups->keys);
    if (groups->capacity * sizeof *groups->table > sb_exec__keeps(groups->keys.run))
        free_table(groups);
    else if (groups->capacity != 0)
        memset(groups->table, 0, (size_t)groups->capacity * sizeof *groups->table);
}

uint64_t sb_groups__hash(const sb_val *keys, uint32_t key_count)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < key_count; i++)
        hash = sb_val_hash(keys[i], hash);
    return hash;
}

static bool same_key(sb_val a, sb_val b)
{
    if (a.kind == b.kind) {
        if (a.kind == SB_VAL_INT) return a.as.integer == b.as.integer;
        if (a.kind == SB_VAL_NODE || a.kind == SB_VAL_REL) return a.as.id == b.as.id;
    }
    return sb_val_same(a, b);
}

static bool same_keys(const sb_groups *groups, uint32_t group, const sb_val *keys)
{
    const sb_val *known = sb_kept__row(&groups->keys, group);

    for (uint32_t i = 0; i < groups->keys.width; i++)
        if (!same_key(known[i], keys[i])) return false;
    return true;
}

#define TAG_MASK 0xFFFFFFFF00000000ull

/* The entry of these keys, or the free one where they belong. */
static uint64_t *probe(const sb_groups *groups, const sb_val *keys, uint64_t hash)
{
    const uint64_t mask = groups->capacity - 1;

    for (uint64_t at = hash & mask;; at = (at + 1) & mask) {
        uint64_t *entry = &groups->table[at];
        if (*entry == 0) return entry;
        if ((*entry & TAG_MASK) == (hash & TAG_MASK) &&
            same_keys(groups, (uint32_t)*entry - 1, keys))
            return entry;
    }
}

uint32_t sb_groups__find(const sb_groups *groups, const sb_val *keys, uint64_t hash)
{
    if (groups->capacity == 0) return SB_GROUP_NONE;
    return (uint32_t)*probe(groups, keys, hash) - 1; /* 0 - 1: none */
}

/* A table of this capacity with all groups. */
static sb_status make_table(sb_groups *groups, uint64_t capacity)
{
    sb_exec *run = groups->keys.run;
    uint64_t *table = sb_alloc_array(run->alloc, (size_t)capacity, sizeof *table);

    if (table == NULL) return sb_exec__no_memory(run);
    sb_status status = sb_exec__zero(run, table, (size_t)capacity * sizeof *table);
    for (uint64_t i = 0; i < groups->keys.count && status == SB_OK; i++) {
        if (i % 1024 == 0) status = sb_exec__tick(run);
        /* An entry has only half of the hash, which is not enough for a large table. */
        const uint64_t hash = sb_groups__hash(sb_kept__row(&groups->keys, i), groups->keys.width);
        uint64_t at = hash & (capacity - 1);
        while (table[at] != 0)
            at = (at + 1) & (capacity - 1);
        table[at] = (hash & TAG_MASK) | (i + 1);
    }
    if (status != SB_OK) {
        sb_free(run->alloc, table, (size_t)capacity * sizeof *table);
        return status;
    }
    free_table(groups);
    groups->table = table;
    groups->capacity = capacity;
    return SB_OK;
}

static sb_status grow(sb_groups *groups)
{
    return make_table(groups, groups->capacity == 0 ? 16 : 2 * groups->capacity);
}

sb_status sb_groups__index(sb_groups *groups)
{
    return make_table(groups, sb_pow2_ceil(2 * groups->keys.count + 16));
}

void sb_groups__forget_index(sb_groups *groups)
{
    free_table(groups);
}

sb_status sb_groups__append(sb_groups *groups, const sb_val *keys, uint32_t *group)
{
    sb_kept *kept = &groups->keys;
    sb_val *row;

    if (kept->count >= UINT32_MAX - 1)
        return SB_FAIL(kept->run->err, SB_LIMIT, "more than %u groups", UINT32_MAX - 1);
    SB_TRY(sb_kept__room(kept, &row));
    for (uint32_t i = 0; i < kept->width; i++)
        SB_TRY(sb_kept__copy(kept, keys[i], &row[i]));
    *group = (uint32_t)kept->count++;
    kept->vals.size = (size_t)kept->count * kept->width * sizeof(sb_val);
    return SB_OK;
}

sb_status sb_groups__at(sb_groups *groups, const sb_val *keys, uint64_t hash, uint32_t *group,
                        bool *made)
{
    uint64_t work = 0;

    for (uint32_t i = 0; i < groups->keys.width; i++)
        work += sb_val_work(keys[i]);
    SB_TRY(sb_func_work(&groups->keys.run->func, work));
    if (groups->capacity == 0 || groups->keys.count >= groups->capacity / 4 * 3)
        SB_TRY(grow(groups));
    uint64_t *entry = probe(groups, keys, hash);
    *made = *entry == 0;
    *group = (uint32_t)*entry - 1;
    if (!*made) return SB_OK;
    SB_TRY(sb_groups__append(groups, keys, group));
    *entry = (hash & TAG_MASK) | ((uint64_t)*group + 1);
    return SB_OK;
}
