/* arrow_priv.h — results as Arrow record batches: the types of columns, and columns that grow value by value.
 * Everything that a consumer may hold after the database is closed (schema, arrays, stream) is memory of sombra_base.alloc, which outlives it, and is not
 * counted against memory_limit.
 * Tests: tests/api/test_arrow.c */
#ifndef SB_ARROW_PRIV_H
#define SB_ARROW_PRIV_H

#include "api/json.h"
#include "api/stmt_priv.h"

/* ---- Types (arrow_type.c) -------------------------------------------------------------------------------------- */

typedef enum sombra_arrow_kind {
    SOMBRA_ARROW_NULL,
    SOMBRA_ARROW_BOOL,
    SOMBRA_ARROW_INT,
    SOMBRA_ARROW_INT32, /* part of others only */
    SOMBRA_ARROW_FLOAT,
    SOMBRA_ARROW_STRING,
    SOMBRA_ARROW_BYTES,
    SOMBRA_ARROW_DATE,
    SOMBRA_ARROW_LOCAL_TIME,
    SOMBRA_ARROW_TIME,
    SOMBRA_ARROW_LOCAL_DATETIME,    /* nanoseconds */
    SOMBRA_ARROW_LOCAL_DATETIME_US, /* microseconds: years that nanoseconds do not reach */
    SOMBRA_ARROW_DATETIME,
    SOMBRA_ARROW_DATETIME_US,
    SOMBRA_ARROW_DURATION,
    SOMBRA_ARROW_POINT,
    SOMBRA_ARROW_LIST,
    SOMBRA_ARROW_NODE,
    SOMBRA_ARROW_REL,
    SOMBRA_ARROW_PATH,
    SOMBRA_ARROW_JSON, /* maps, and values of several kinds, as text */
    SOMBRA_ARROW_ROW   /* a record batch */
} sombra_arrow_kind;

typedef struct sombra_arrow_type sombra_arrow_type;
typedef struct sombra_arrow_field {
    const char *name; /* NUL-terminated */
    const sombra_arrow_type *type;
} sombra_arrow_field;
/* All but LIST, ROW and date-times of a named zone are static, one of each kind: types are equal when their addresses are. */
struct sombra_arrow_type {
    sombra_arrow_kind kind;
    const char *name;   /* for messages: "INTEGER" */
    const char *format; /* as the C data interface writes it */
    size_t field_count;
    const sombra_arrow_field *fields;
};

/* The type of a column whose values are of these kinds (sb_kind masks of value and list items); NULL: they do not tell. */
SB_MUST_CHECK sb_status sombra__arrow_type_of_kinds(sb_arena *arena, uint32_t kinds, uint32_t items,
                                                    const sombra_arrow_type **type, sb_err *err);
/* The type that holds what *type (at first that of nulls) holds, and also v; JSON when no narrower one does. */
SB_MUST_CHECK sb_status sombra__arrow_type_join(sb_arena *arena, const sombra_arrow_type **type,
                                                sb_val v, sb_err *err);
/* Have all values of a kind (sb_val_kind) the same type, so that one of them tells? */
bool sombra__arrow_has_one_type(uint8_t kind);
/* Is v a date-time that joining it would leave the type as it is for? False where it takes longer to tell. */
bool sombra__arrow_holds(const sombra_arrow_type *type, sb_val v);
const sombra_arrow_type *sombra__arrow_type_null(void);
/* The schema of a record batch, all of its memory its own. */
SB_MUST_CHECK sb_status sombra__arrow_schema(const sb_allocator *alloc,
                                             const sombra_arrow_type *row,
                                             struct ArrowSchema *schema, sb_err *err);
/* Seconds and nanoseconds as one number; false: out of the range of 64 bits. */
bool sombra__arrow_nanos(int64_t seconds, int64_t nanos, int64_t *all);

/* ---- Columns (arrow_column.c) ------------------------------------------------------------------------------------- */

typedef struct sombra_arrow_column sombra_arrow_column;

/* What appending needs beside the column. */
typedef struct sombra_arrow_writer {
    sb_graph *graph;
    sb_arena *scratch;  /* emptied by sombra__arrow_append_vector */
    const char *column; /* its name, for messages */
    sb_err *err;
} sombra_arrow_writer;

/* An empty column, its fields included. NULL: no memory. */
sombra_arrow_column *sombra__arrow_column_create(const sb_allocator *alloc,
                                                 const sombra_arrow_type *type);
void sombra__arrow_column_destroy(sombra_arrow_column *column); /* accepts NULL */
sombra_arrow_column *sombra__arrow_column_field(sombra_arrow_column *column, size_t field);
/* Rows from … from + count of a vector. SB_TYPE_MISMATCH: a value that the type does not hold; SB_LIMIT: more than 2 GiB of text, or a temporal value
 * out of Arrow's range. After a failure the column can only be destroyed. */
SB_MUST_CHECK sb_status sombra__arrow_append_vector(const sombra_arrow_writer *w,
                                                    sombra_arrow_column *column,
                                                    const sb_vector *vector, uint32_t from,
                                                    uint32_t count);
/* Of a record batch: its fields have got count more rows. */
void sombra__arrow_rows_added(sombra_arrow_column *row, size_t count);
size_t sombra__arrow_rows(const sombra_arrow_column *row);
/* Bytes of the largest text, list or the like in it, which 32-bit offsets must reach. */
size_t sombra__arrow_longest(const sombra_arrow_column *column);
/* Hand the column over: array owns it from now on. Can't fail. */
void sombra__arrow_export(sombra_arrow_column *column, struct ArrowArray *array);

/* ---- The stream of a statement (arrow.c) ----------------------------------------------------------------------------- */

/* The statement is reset, run again or gone: its stream has no more rows. Accepts NULL. */
void sombra__arrow_detach(struct sombra_arrow_stream *stream);

#endif
