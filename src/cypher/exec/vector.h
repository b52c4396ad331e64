/* vector.h — a column of a batch: up to SB_BATCH_ROWS values of one kind.
 * Part of exec's front door (exec.h includes it). A vector is a view: what it points at belongs to the operator that made it, until
 * that operator's next call. Columns that an operator passes through are shared, never copied.
 * Tests:    tests/unit/cypher/exec */
#ifndef SB_CYPHER_VECTOR_H
#define SB_CYPHER_VECTOR_H

#include "cypher/func/val.h"

#ifndef SB_BATCH_ROWS /* tests: fewer, that a small graph fills many batches */
#define SB_BATCH_ROWS 1024u
#endif

typedef enum sb_vector_kind {
    SB_VECTOR_ANY, /* sb_val: nulls are values of kind NULL, and there is no bitmap */
    SB_VECTOR_BOOL,
    SB_VECTOR_INT,
    SB_VECTOR_FLOAT,
    SB_VECTOR_NODE,
    SB_VECTOR_REL
} sb_vector_kind;

typedef struct sb_vector {
    uint8_t kind;         /* sb_vector_kind */
    bool constant;        /* entry 0 is the value of every row */
    const uint8_t *nulls; /* bitmap of rows that are null; NULL: none is */
    union {
        const uint8_t *bools; /* 0 or 1 */
        const int64_t *integers;
        const double *reals;
        const uint64_t *ids; /* NODE, REL */
        const sb_val *vals;
        const void *data;
    } as;
} sb_vector;

typedef struct sb_batch {
    uint32_t row_count;
    bool
        last; /* no batch comes behind it: told where it is known, so that nobody asks; else false */
    const sb_vector *
        *columns; /* by slot; NULL: not carried. Slots that nobody above reads may hold anything. */
} sb_batch;

SB_INLINE bool sb_vector_is_null(const sb_vector *v, uint32_t row)
{
    if (v->constant) row = 0;
    if (v->kind == SB_VECTOR_ANY) return v->as.vals[row].kind == SB_VAL_NULL;
    return v->nulls != NULL && sb_bit_get(v->nulls, row);
}

SB_INLINE sb_val sb_vector_at(const sb_vector *v, uint32_t row)
{
    if (v->constant) row = 0;
    if (v->kind == SB_VECTOR_ANY) return v->as.vals[row];
    if (v->nulls != NULL && sb_bit_get(v->nulls, row)) return SB_VAL_NULL_VALUE;
    switch (v->kind) {
    case SB_VECTOR_BOOL: return sb_val_bool(v->as.bools[row] != 0);
    case SB_VECTOR_INT: return sb_val_int(v->as.integers[row]);
    case SB_VECTOR_FLOAT: return sb_val_float(v->as.reals[row]);
    case SB_VECTOR_NODE: return sb_val_node(v->as.ids[row]);
    default: return sb_val_rel(v->as.ids[row]);
    }
}

#endif
