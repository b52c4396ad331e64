/* arrow.c — the rows of a statement as a stream of Arrow record batches.
 * First the types: where the statement does not tell the kind of each column, the rows of the first batch are copied and looked at; then they, and all
 * that come behind, are appended to columns (arrow_column.c).
 *
 * A1  The stream's own memory, schemas and batches live until they are released, whatever happens to statement and database.
 * A2  statement and stream know each other while the run goes on and after its end until the reset; whichever goes first tells the other.
 * A3  Entities are read while the transaction is open: a batch is complete before the run is ended behind the last row. */
#include <errno.h>
#include <string.h>

#include "api/arrow_priv.h"

#define ARROW_BATCH_ROWS 65536u
/* A batch ends before its offsets, of 32 bits, could: here, and one batch of the executor's has as much again to go. */
#define ARROW_LONGEST ((size_t)1 << 30)
/* Rows between two looks at clock and interrupts, in batches of the executor. */
#define ARROW_TICK_CHUNKS 16u

/* A zoned date-time without the name of a zone, in a quarter of the bytes that it has as a value. */
typedef struct arrow_moment {
    int64_t seconds;
    uint32_t nanos; /* ARROW_NO_MOMENT: null */
    int32_t offset;
} arrow_moment;
#define ARROW_NO_MOMENT UINT32_MAX

/* Moments as values again. */
typedef struct arrow_moments {
    sb_val vals[SB_BATCH_ROWS];
    sb_value values[SB_BATCH_ROWS];
} arrow_moments;

/* Rows as the executor gave them, copied until the types are known. */
typedef struct arrow_chunk {
    struct arrow_chunk *next;
    sb_vector *columns;
    arrow_moment **moments; /* by column; NULL: it is in columns */
    uint32_t row_count;
} arrow_chunk;

struct sombra_arrow_stream {
    const sb_allocator *alloc; /* A1 */
    sombra_stmt *stmt;         /* NULL: it has been reset or is gone */
    size_t batch_rows;
    sb_arena *types; /* owned: row_type and what it points at */
    sombra_arrow_type row_type;
    sombra_arrow_field *fields; /* of row_type */
    sb_arena *kept, *scratch;   /* owned; of the database's memory: gone with stmt */
    arrow_chunk *first, *last;  /* kept */
    arrow_moments **moments;    /* kept: by column, of the chunk at hand; NULL: never needed */
    sb_vector *current;         /* columns of the chunk at hand: one of kept, or of the executor */
    uint32_t from, row_count;   /* its rows not given out: from … row_count */
    sb_val plan;                /* the one value of EXPLAIN and PROFILE */
    struct ArrowArray ready;    /* the first batch, until it is asked for */
    uint32_t chunks;            /* so far */
    bool standing;              /* the rows that the statement was stepped to are not taken yet */
    bool exhausted;             /* the executor has no more */
    bool ended;                 /* nor has the stream */
    int failed;                 /* errno value of what ended it */
    sombra_error error;         /* the same */
};
typedef struct sombra_arrow_stream arrow_stream;

/* ---- Chunks ------------------------------------------------------------------------------------------------------ */

/* Rows of the executor into s->current; exhausted: there are none. */
static sb_status fetch_rows(arrow_stream *s)
{
    sombra_stmt *const stmt = s->stmt;
    sb_err *const err = &stmt->conn->err;
    uint32_t rows;

    if (s->standing)
        rows = stmt->row_count;
    else
        SB_TRY(sombra__stmt_rows(stmt, &rows));
    s->standing = false;
    s->from = 0;
    s->row_count = rows;
    s->exhausted = rows == 0;
    if (s->chunks++ % ARROW_TICK_CHUNKS == ARROW_TICK_CHUNKS - 1 &&
        !sombra__progress(stmt->conn, s->chunks * (uint64_t)SB_BATCH_ROWS, 0))
        return SB_FAIL(err, SB_INTERRUPT, "the query was cancelled");
    for (size_t i = 0; i < s->row_type.field_count && rows != 0; i++)
        s->current[i] = sombra__stmt_vector(stmt, (uint32_t)i, &s->plan);
    return SB_OK;
}

/* Column i of a kept chunk as values. */
static sb_status expand_moments(arrow_stream *s, const arrow_chunk *kept, size_t i)
{
    if (s->moments[i] == NULL) s->moments[i] = sb_arena_alloc(s->kept, sizeof *s->moments[i]);
    arrow_moments *const to = s->moments[i];

    if (to == NULL) return SB_FAIL_NOMEM(&s->stmt->conn->err);
    for (uint32_t k = 0; k < kept->row_count; k++) {
        const arrow_moment *const moment = &kept->moments[i][k];

        if (moment->nanos == ARROW_NO_MOMENT) {
            to->vals[k] = SB_VAL_NULL_VALUE;
            continue;
        }
        to->values[k] = (sb_value){.type = SB_TYPE_DATETIME, .extra = moment->nanos};
        to->values[k].as.datetime.seconds = moment->seconds;
        to->values[k].as.datetime.offset = moment->offset;
        to->vals[k] = (sb_val){.kind = SB_VAL_DATETIME, .as.boxed = &to->values[k]};
    }
    s->current[i] = (sb_vector){.kind = SB_VECTOR_ANY, .as.vals = to->vals};
    return SB_OK;
}

/* The next chunk, kept or new. */
static sb_status next_chunk(arrow_stream *s)
{
    arrow_chunk *const kept = s->first;

    if (kept == NULL) return s->exhausted ? SB_OK : fetch_rows(s);
    s->first = kept->next;
    if (s->row_type.field_count != 0)
        memcpy(s->current, kept->columns, s->row_type.field_count * sizeof *s->current);
    for (size_t i = 0; i < s->row_type.field_count; i++)
        if (kept->moments[i] != NULL) SB_TRY(expand_moments(s, kept, i));
    s->from = 0;
    s->row_count = kept->row_count;
    return SB_OK;
}

static size_t vector_width(const sb_vector *v)
{
    return v->kind == SB_VECTOR_ANY ? sizeof(sb_val) : v->kind == SB_VECTOR_BOOL ? 1 : 8;
}

static bool is_text(sb_val v)
{
    return v.kind == SB_VAL_STRING || v.kind == SB_VAL_BYTES;
}

/* Kinds with nothing that they point at. */
static bool is_flat(sb_val v)
{
    return v.kind <= SB_VAL_FLOAT || (v.kind >= SB_VAL_DATE && v.kind <= SB_VAL_LOCAL_DATETIME);
}

/* Texts come into one block behind one another. */
static sb_status keep_vals(arrow_stream *s, const sb_val *vals, uint32_t count, sb_val *copies)
{
    sb_err *const err = &s->stmt->conn->err;
    size_t bytes = 0;

    for (uint32_t i = 0; i < count; i++)
        bytes += is_text(vals[i]) ? vals[i].aux : 0;
    uint8_t *text = sb_arena_alloc(s->kept, bytes);
    if (text == NULL) return SB_FAIL_NOMEM(err);
    for (uint32_t i = 0; i < count; i++) {
        copies[i] = vals[i];
        if (is_flat(vals[i])) continue;
        if (!is_text(vals[i])) {
            SB_TRY(sb_val_copy(s->kept, vals[i], &copies[i], err));
            continue;
        }
        if (vals[i].aux != 0) memcpy(text, vals[i].as.text, vals[i].aux);
        copies[i].as.text = text;
        text += vals[i].aux;
    }
    return SB_OK;
}

static sb_status keep_vector(arrow_stream *s, const sb_vector *v, uint32_t row_count,
                             sb_vector *copy)
{
    sb_err *const err = &s->stmt->conn->err;
    const uint32_t count = v->constant ? 1 : row_count;
    void *data = sb_arena_alloc(s->kept, count * vector_width(v));

    if (data == NULL) return SB_FAIL_NOMEM(err);
    *copy = *v;
    copy->as.data = data;
    if (v->kind == SB_VECTOR_ANY) return keep_vals(s, v->as.vals, count, data);
    memcpy(data, v->as.data, count * vector_width(v));
    if (v->nulls != NULL) {
        void *nulls = sb_arena_alloc(s->kept, (count + 7) / 8);
        if (nulls == NULL) return SB_FAIL_NOMEM(err);
        memcpy(nulls, v->nulls, (count + 7) / 8);
        copy->nulls = nulls;
    }
    return SB_OK;
}

/* Of a column that has nothing but those and nulls; *moments NULL: it has others. */
static sb_status keep_moments(arrow_stream *s, const sb_vector *v, uint32_t row_count,
                              arrow_moment **moments)
{
    *moments = NULL;
    if (v->kind != SB_VECTOR_ANY || v->constant) return SB_OK;
    for (uint32_t i = 0; i < row_count; i++) {
        const sb_val val = v->as.vals[i];
        if (val.kind == SB_VAL_NULL) continue;
        if (val.kind != SB_VAL_DATETIME || val.as.boxed->as.datetime.zone_size != 0) return SB_OK;
    }
    *moments = sb_arena_alloc_array(s->kept, row_count, sizeof **moments);
    if (*moments == NULL) return SB_FAIL_NOMEM(&s->stmt->conn->err);
    for (uint32_t i = 0; i < row_count; i++) {
        const sb_val val = v->as.vals[i];

        if (val.kind == SB_VAL_NULL) {
            (*moments)[i] = (arrow_moment){.nanos = ARROW_NO_MOMENT};
        } else {
            const sb_value *const value = val.as.boxed;
            (*moments)[i] = (arrow_moment){.seconds = value->as.datetime.seconds,
                                           .nanos = value->extra,
                                           .offset = value->as.datetime.offset};
        }
    }
    return SB_OK;
}

/* Put the chunk at hand behind those that are kept. */
static sb_status keep_chunk(arrow_stream *s)
{
    const size_t count = s->row_type.field_count;
    arrow_chunk *kept = sb_arena_alloc_zero(s->kept, sizeof *kept);

    if (kept != NULL) kept->columns = sb_arena_alloc_array(s->kept, count, sizeof *kept->columns);
    if (kept != NULL) kept->moments = sb_arena_alloc_array(s->kept, count, sizeof *kept->moments);
    if (kept == NULL || kept->columns == NULL || kept->moments == NULL)
        return SB_FAIL_NOMEM(&s->stmt->conn->err);
    kept->row_count = s->row_count;
    for (size_t i = 0; i < count; i++) {
        SB_TRY(keep_moments(s, &s->current[i], s->row_count, &kept->moments[i]));
        if (kept->moments[i] == NULL)
            SB_TRY(keep_vector(s, &s->current[i], s->row_count, &kept->columns[i]));
    }
    if (s->first == NULL)
        s->first = kept;
    else
        s->last->next = kept;
    s->last = kept;
    return SB_OK;
}

/* ---- Types ---------------------------------------------------------------------------------------------------------- */

/* What the values of a vector add to a column's type; typed vectors tell by their kind. */
static sb_status join_vector(arrow_stream *s, const sb_vector *v, uint32_t row_count,
                             const sombra_arrow_type **type)
{
    sb_err *const err = &s->stmt->conn->err;
    uint8_t joined = SB_VAL_NULL;

    if (v->kind != SB_VECTOR_ANY || v->constant) {
        uint32_t row = 0;

        while (row < row_count && sb_vector_is_null(v, row))
            row++;
        return row == row_count
                   ? SB_OK
                   : sombra__arrow_type_join(s->types, type, sb_vector_at(v, row), err);
    }
    for (uint32_t i = 0; i < row_count; i++) {
        const uint8_t kind = v->as.vals[i].kind;

        if (kind == SB_VAL_NULL || (kind == joined && sombra__arrow_has_one_type(kind)) ||
            sombra__arrow_holds(*type, v->as.vals[i]))
            continue;
        SB_TRY(sombra__arrow_type_join(s->types, type, v->as.vals[i], err));
        joined = kind;
    }
    return SB_OK;
}

/* Names are NUL-terminated in Arrow: one with a NUL in it ends there. */
static sb_status name_fields(arrow_stream *s)
{
    sb_err *const err = &s->stmt->conn->err;
    const size_t count = sombra_stmt_column_count(s->stmt);

    s->fields = sb_arena_alloc_array(s->types, count, sizeof *s->fields);
    s->current = sb_arena_alloc_array(s->types, count, sizeof *s->current);
    s->moments = sb_arena_alloc_zero(s->types, count * sizeof(void *));
    if (s->fields == NULL || s->current == NULL || s->moments == NULL) return SB_FAIL_NOMEM(err);
    for (size_t i = 0; i < count; i++) {
        size_t bytes;
        const char *name = sombra_stmt_column_name(s->stmt, i, &bytes);

        s->fields[i].type = NULL;
        s->fields[i].name = sb_arena_strndup(s->types, name, bytes);
        if (s->fields[i].name == NULL) return SB_FAIL_NOMEM(err);
    }
    s->row_type = (sombra_arrow_type){SOMBRA_ARROW_ROW, "row", "+s", count, s->fields};
    return SB_OK;
}

/* Types by the text of the statement, then by the rows of the first batch. */
static sb_status decide_types(arrow_stream *s)
{
    sb_err *const err = &s->stmt->conn->err;
    const size_t count = s->row_type.field_count;
    bool *open = sb_arena_alloc_array(s->kept, count, sizeof *open);
    bool any_open = false;
    size_t rows = 0;

    if (open == NULL) return SB_FAIL_NOMEM(err);
    for (size_t i = 0; i < count; i++) {
        uint32_t kinds, items;

        sombra__stmt_column_kinds(s->stmt, (uint32_t)i, &kinds, &items);
        SB_TRY(sombra__arrow_type_of_kinds(s->types, kinds, items, &s->fields[i].type, err));
        open[i] = s->fields[i].type == NULL;
        any_open = any_open || open[i];
        if (open[i]) s->fields[i].type = sombra__arrow_type_null();
    }
    while (any_open && rows < s->batch_rows) {
        SB_TRY(fetch_rows(s));
        if (s->exhausted) return SB_OK;
        for (size_t i = 0; i < count; i++)
            if (open[i]) SB_TRY(join_vector(s, &s->current[i], s->row_count, &s->fields[i].type));
        SB_TRY(keep_chunk(s));
        rows += s->row_count;
    }
    s->from = s->row_count; /* what is at hand is kept */
    return SB_OK;
}

/* ---- Batches ----------------------------------------------------------------------------------------------------------- */

static sb_status append_chunk(arrow_stream *s, sombra_arrow_column *row, uint32_t count)
{
    sombra_arrow_writer w = {
        .graph = s->stmt->conn->txn.graph, .scratch = s->scratch, .err = &s->stmt->conn->err};

    for (size_t i = 0; i < s->row_type.field_count; i++) {
        w.column = s->fields[i].name;
        SB_TRY(sombra__arrow_append_vector(&w, sombra__arrow_column_field(row, i), &s->current[i],
                                           s->from, count));
    }
    sombra__arrow_rows_added(row, count);
    s->from += count;
    return SB_OK;
}

static sb_status fill_row(arrow_stream *s, sombra_arrow_column *row)
{
    size_t rows;

    while ((rows = sombra__arrow_rows(row)) < s->batch_rows &&
           sombra__arrow_longest(row) < ARROW_LONGEST) {
        if (s->from == s->row_count) SB_TRY(next_chunk(s));
        const size_t left = s->row_count - s->from;
        if (left == 0) break;
        SB_TRY(append_chunk(s, row,
                            (uint32_t)(left < s->batch_rows - rows ? left : s->batch_rows - rows)));
    }
    return SB_OK;
}

/* No row is at hand, none kept, and the executor has none: asks it, so that the last batch is also the end of the run. */
static sb_status is_at_end(arrow_stream *s, bool *end)
{
    if (s->from == s->row_count && s->first == NULL && !s->exhausted) SB_TRY(fetch_rows(s));
    *end = s->from == s->row_count && s->first == NULL && s->exhausted;
    return SB_OK;
}

/* The next batch; array->release stays NULL when there are no rows. */
static sb_status make_batch(arrow_stream *s, struct ArrowArray *array)
{
    sombra_arrow_column *row = sombra__arrow_column_create(s->alloc, &s->row_type);
    sb_status status;

    if (row == NULL) return SB_FAIL_NOMEM(&s->stmt->conn->err);
    status = fill_row(s, row);
    if (status == SB_OK) status = is_at_end(s, &s->ended);
    if (status == SB_OK && sombra__arrow_rows(row) != 0)
        sombra__arrow_export(row, array);
    else
        sombra__arrow_column_destroy(row);
    return status;
}

/* ---- The run ------------------------------------------------------------------------------------------------------------- */

static void arrow_drop_kept(arrow_stream *s)
{
    sb_arena_destroy(s->kept);
    sb_arena_destroy(s->scratch);
    s->kept = s->scratch = NULL;
    s->first = NULL;
    s->from = s->row_count = 0;
}

/* Behind the work of a call: the end of the run, when it is there, or its failure. */
static sb_status arrow_settle(arrow_stream *s, sb_status status, struct ArrowArray *array)
{
    sombra_stmt *const stmt = s->stmt;

    status = sombra__run_end(stmt->conn, status);
    if (status == SB_OK && s->ended) status = sombra__stmt_end(stmt, true);
    if (status == SB_OK) {
        if (!s->ended) return SB_OK;
        sombra__tell_whole(stmt->conn, &stmt->told);
        arrow_drop_kept(s);
        return SB_OK;
    }
    (void)sombra__stmt_end(stmt, false);
    if (array->release != NULL) array->release(array);
    arrow_drop_kept(s);
    return status;
}

static int arrow_errno(sb_status status)
{
    switch (status) {
    case SB_NOMEM: return ENOMEM;
    case SB_INTERRUPT: return ECANCELED;
    case SB_TIMEOUT: return ETIMEDOUT;
    case SB_IO:
    case SB_FULL:
    case SB_CORRUPT:
    case SB_POISONED: return EIO;
    default: return EINVAL;
    }
}

/* ---- The interface ---------------------------------------------------------------------------------------------------------- */

static int arrow_fail_stream(arrow_stream *s, const sb_err *err)
{
    s->failed = arrow_errno(err->code);
    sombra__error_copy(err, &s->error);
    return s->failed;
}

static int arrow_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *schema)
{
    arrow_stream *const s = stream->private_data;
    sb_err err;

    sb_err_clear(&err);
    if (sombra__arrow_schema(s->alloc, &s->row_type, schema, &err) == SB_OK) return 0;
    sombra__error_copy(&err, &s->error); /* the rows are still there */
    return arrow_errno(err.code);
}

static int arrow_get_next(struct ArrowArrayStream *stream, struct ArrowArray *array)
{
    arrow_stream *const s = stream->private_data;
    sb_status status;
    sb_err err;

    memset(array, 0, sizeof *array);
    if (s->failed != 0) return s->failed;
    if (s->ready.release != NULL) {
        *array = s->ready;
        s->ready.release = NULL;
        return 0;
    }
    if (s->ended) return 0;
    if (s->stmt == NULL) {
        sb_err_clear(&err);
        (void)SB_FAIL(&err, SB_MISUSE,
                      "the statement of this stream was reset, finalized or stepped by others");
        return arrow_fail_stream(s, &err);
    }
    sombra_conn *const conn = s->stmt->conn;
    if (conn->loading) { /* whose call has the connection's error */
        sb_err_clear(&err);
        (void)SB_FAIL(&err, SB_MISUSE,
                      "rows of a connection's own statement can't be loaded while it runs");
        return arrow_fail_stream(s, &err);
    }
    status = (sb_status)sombra__enter_conn(conn);
    if (status == SB_OK) status = sombra__stmt_check(s->stmt);
    if (status == SB_OK) {
        sombra__run_begin(conn);
        status = arrow_settle(s, make_batch(s, array), array);
    }
    return status == SB_OK ? 0 : arrow_fail_stream(s, &conn->err);
}

static const char *arrow_get_last_error(struct ArrowArrayStream *stream)
{
    const arrow_stream *const s = stream->private_data;

    return s->error.status == SOMBRA_OK ? NULL : s->error.message;
}

static void arrow_destroy_stream(arrow_stream *s)
{
    if (s->ready.release != NULL) s->ready.release(&s->ready);
    arrow_drop_kept(s);
    sb_arena_destroy(s->types);
    sb_free(s->alloc, s, sizeof *s);
}

static void arrow_release_stream(struct ArrowArrayStream *stream)
{
    arrow_stream *const s = stream->private_data;
    sombra_stmt *const stmt = s->stmt;

    if (stmt != NULL) {
        if (sombra__is_refused(stmt->conn)) return;
        stmt->arrow = NULL;
        (void)sombra__stmt_reset(stmt);
    }
    arrow_destroy_stream(s);
    stream->release = NULL;
}

void sombra__arrow_detach(arrow_stream *s)
{
    if (s == NULL) return;
    s->stmt = NULL;
    arrow_drop_kept(s);
}

static sb_status arrow_open_stream(sombra_stmt *stmt, size_t batch_rows, arrow_stream **opened)
{
    const sb_allocator *alloc = stmt->conn->db->base.alloc;
    arrow_stream *s = sb_alloc_zero(alloc, sizeof *s);

    *opened = s;
    if (s == NULL) return SB_FAIL_NOMEM(&stmt->conn->err);
    s->alloc = alloc;
    s->stmt = stmt;
    s->batch_rows = batch_rows == 0 ? ARROW_BATCH_ROWS : batch_rows;
    s->standing = stmt->state == STMT_RUNNING;
    s->types = sb_arena_create(alloc, NULL);
    s->kept = sb_arena_create(&stmt->conn->db->memory.base, NULL);
    s->scratch = sb_arena_create(&stmt->conn->db->memory.base, NULL);
    if (s->types == NULL || s->kept == NULL || s->scratch == NULL)
        return SB_FAIL_NOMEM(&stmt->conn->err);
    return name_fields(s);
}

/* The run begins, types are decided, and the first batch is made. */
static sb_status arrow_begin_stream(arrow_stream *s)
{
    sb_status status;

    if (sombra__stmt_is_control(s->stmt)) {
        const sombra_status stepped = sombra_stmt_step(s->stmt);

        s->ended = true;
        return stepped == SOMBRA_DONE ? SB_OK : (sb_status)stepped;
    }
    sombra__run_begin(s->stmt->conn);
    status = decide_types(s);
    if (status == SB_OK) status = make_batch(s, &s->ready);
    return arrow_settle(s, status, &s->ready);
}

sombra_status sombra_stmt_arrow(sombra_stmt *stmt, size_t rows_per_batch,
                                struct ArrowArrayStream *stream)
{
    arrow_stream *s = NULL;
    sb_status status;

    if (stream != NULL) memset(stream, 0, sizeof *stream);
    if (stmt == NULL || sombra__enter_conn(stmt->conn) != SOMBRA_OK) return SOMBRA_MISUSE;
    if (stream == NULL)
        return sombra__status(
            SB_FAIL(&stmt->conn->err, SB_MISUSE, "sombra_stmt_arrow: stream is needed"));
    status = sombra__stmt_check_ready(stmt);
    if (status != SB_OK) return sombra__status(status);
    status = arrow_open_stream(stmt, rows_per_batch, &s);
    if (status == SB_OK) status = arrow_begin_stream(s);
    if (status != SB_OK) {
        if (s != NULL) arrow_destroy_stream(s);
        return sombra__status(status);
    }
    stmt->arrow = s;
    *stream = (struct ArrowArrayStream){.get_schema = arrow_get_schema,
                                        .get_next = arrow_get_next,
                                        .get_last_error = arrow_get_last_error,
                                        .release = arrow_release_stream,
                                        .private_data = s};
    return SOMBRA_OK;
}
