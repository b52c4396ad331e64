/* arrow_in.h — arrays of the Arrow C data interface as columns of a typed batch.
 * The producer's bytes are hostile as far as they can be checked: counts, offsets and indexes are, that a buffer is as long as its array needs can't be.
 * Tests: tests/api/test_arrow_in.c */
#ifndef SB_ARROW_IN_H
#define SB_ARROW_IN_H

#include "api/api_priv.h"

typedef struct sombra_arrow_in {
    sb_arena *arena;    /* what columns point at, where the array's own memory does not do */
    sb_zones *zones;    /* those that columns of timestamps name */
    const char *column; /* its name, for messages */
    size_t first;       /* the number of row 0, for messages: rows of batches before */
    sb_err *err;
} sombra_arrow_in;

/* Do schema and array agree in their shape? All that is read below is checked here: SB_INVALID. *array is a record batch. */
SB_MUST_CHECK sb_status sombra__arrow_in_check_batch(const sombra_arrow_in *in,
                                                     const struct ArrowSchema *schema,
                                                     const struct ArrowArray *array);
/* Rows start … start + count of one array as a column (its key is 0). It borrows from array and arena. SB_TYPE_MISMATCH: no values of the graph have
 * this Arrow type; SB_INVALID: offsets and indexes that can't be; a value out of range. */
SB_MUST_CHECK sb_status sombra__arrow_in_column(const sombra_arrow_in *in,
                                                const struct ArrowSchema *schema,
                                                const struct ArrowArray *array, size_t start,
                                                size_t count, sb_prop_column *column);
/* A column's values one by one, SB_TYPE_NULL where it has none. */
SB_MUST_CHECK sb_status sombra__arrow_in_values(const sombra_arrow_in *in,
                                                const sb_prop_column *column, size_t count,
                                                const sb_value **values);

#endif
