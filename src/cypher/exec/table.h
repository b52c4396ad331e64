/* table.h — rows that an operator keeps: in order, and found by the values of their keys.
 * Part of exec/: used by sorting, aggregation, distinct rows, joins, eager operators. Values are copied, so they outlive the batches that
 * they came in. Memory is the run's. */
#ifndef SB_CYPHER_TABLE_H
#define SB_CYPHER_TABLE_H

#include "cypher/exec/exec_priv.h"

/* Rows of `width` values each. */
typedef struct sb_kept {
    sb_exec *run;
    sb_arena *arena; /* owned: what the values point at */
    uint32_t width;
    uint32_t *slots; /* of the columns, for those that keep whole rows; until close; may be NULL */
    /* By column: a batch had it; NULL: all are. Others do not go on: an inner plan that binds such a slot must not find it in the row
     * that it runs for. */
    bool *here;
    sb_buffer vals; /* sb_val[count × width] */
    uint64_t count;
} sb_kept;

SB_MUST_CHECK sb_status sb_kept__open(sb_exec *run, uint32_t width, sb_kept *kept);
void sb_kept__close(sb_kept *kept); /* accepts a zeroed one */
void sb_kept__clear(sb_kept *kept);
/* Columns: the live slots of op and those of more (may be NULL entries), each once, ascending. */
SB_MUST_CHECK sb_status sb_kept__open_rows(sb_operator *op, const sb_var *const *more,
                                           uint32_t more_count, sb_kept *kept);
/* Column of a variable, of what sb_kept__open_rows has opened; UINT32_MAX: none. */
uint32_t sb_kept__column(const sb_kept *kept, const sb_var *var);
/* The value of a column in a batch, borrowed; null where the batch lacks it. */
SB_INLINE sb_val sb_kept__value(sb_kept *kept, uint32_t column, const sb_batch *in, uint32_t row)
{
    const sb_vector *vector = in->columns[kept->slots[column]];

    if (vector == NULL) return SB_VAL_NULL_VALUE;
    if (kept->here != NULL) kept->here[column] = true;
    return sb_vector_at(vector, row);
}
/* Append all rows of a batch; a slot that it lacks is null. */
SB_MUST_CHECK sb_status sb_kept__append(sb_kept *kept, const sb_batch *in);
/* One value, made independent. */
SB_MUST_CHECK sb_status sb_kept__copy(sb_kept *kept, sb_val v, sb_val *copy);
/* Room for a row at the end, not counted yet. */
SB_MUST_CHECK sb_status sb_kept__room(sb_kept *kept, sb_val **row);
SB_INLINE sb_val *sb_kept__row(const sb_kept *kept, uint64_t i)
{
    return (sb_val *)(void *)kept->vals.data + i * kept->width;
}
/* Bytes that it holds, and how many more it may take at once for so many rows more (of what they point at, a block). */
size_t sb_kept__bytes(const sb_kept *kept);
size_t sb_kept__growth(const sb_kept *kept, uint64_t rows);
/* Hand on rows given by number, or (rows NULL) from first on: op's live slots that kept has. A number of UINT32_MAX gives nulls. */
SB_MUST_CHECK sb_status sb_kept__emit(sb_operator *op, const sb_kept *kept, uint64_t first,
                                      const uint32_t *rows, uint32_t count);

/* Groups of rows with the same keys (sb_val_same), numbered in order of their first row. */
typedef struct sb_groups {
    sb_kept keys;      /* the keys of each group */
    uint64_t *table;   /* hash's upper half, group + 1 in the lower; 0: free. owned */
    uint64_t capacity; /* power of two, or 0 */
} sb_groups;
#define SB_GROUP_NONE UINT32_MAX

SB_MUST_CHECK sb_status sb_groups__open(sb_exec *run, uint32_t key_count, sb_groups *groups);
void sb_groups__close(sb_groups *groups);
void sb_groups__clear(sb_groups *groups);
size_t sb_groups__bytes(const sb_groups *groups);
size_t sb_groups__growth(const sb_groups *groups, uint64_t rows);
uint64_t sb_groups__hash(const sb_val *keys, uint32_t key_count);
/* A new group whose keys the caller knows to be new; it is not found until sb_groups__index has been called. */
SB_MUST_CHECK sb_status sb_groups__append(sb_groups *groups, const sb_val *keys, uint32_t *group);
SB_MUST_CHECK sb_status sb_groups__index(sb_groups *groups);
void sb_groups__forget_index(sb_groups *groups); /* as if all had been appended */
/* The group of these keys; SB_GROUP_NONE. */
uint32_t sb_groups__find(const sb_groups *groups, const sb_val *keys, uint64_t hash);
/* The same, made when it is not there. SB_LIMIT: more than four thousand million. */
SB_MUST_CHECK sb_status sb_groups__at(sb_groups *groups, const sb_val *keys, uint64_t hash,
                                      uint32_t *group, bool *made);

#endif
