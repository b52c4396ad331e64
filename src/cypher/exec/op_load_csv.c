/* op_load_csv.c — LOAD CSV: for each row of the input the rows of a file, as lists of strings, or with a header as maps.
 * An empty cell that is not quoted is null. */
#include "cypher/exec/import.h"
#include "cypher/exec/op_priv.h"

typedef struct sb_load_op {
    sb_operator op;
    sb_eval *url, *delimiter;
    sb_out *out;
    const sb_batch *in; /* NULL: take the next */
    uint32_t row;       /* of in: whose file is at hand */
    sb_csv_table *table;
    bool is_input;       /* of the statement (progress.c) */
    uint64_t bytes_done; /* of the file, counted */
    sb_arena *header_arena;
    sb_bytes *header; /* of header_arena; NULL: none has been read */
    size_t header_count;
    uint32_t count;
    sb_val vals[SB_BATCH_ROWS];
} sb_load_op;

static sb_status load_open(sb_operator *op)
{
    sb_load_op *l = (sb_load_op *)op;
    const sb_plan *plan = op->plan;

    SB_TRY(sb_exec__need_outs(op));
    l->out = sb_exec__out_of(op, plan->as.load_csv.var);
    l->is_input = sb_exec__is_input(op->run, plan);
    l->header_arena = sb_arena_create(op->run->alloc, NULL);
    if (l->header_arena == NULL) return sb_exec__no_memory(op->run);
    SB_TRY(sb_exec__compile(op->run, plan->as.load_csv.url, &l->url));
    return sb_exec__compile_maybe(op->run, plan->as.load_csv.delimiter, &l->delimiter);
}

static void load_reset(sb_operator *op)
{
    sb_load_op *l = (sb_load_op *)op;

    sb_csv_table_close(l->table);
    l->table = NULL;
    l->in = NULL;
}

static void load_close(sb_operator *op)
{
    load_reset(op);
    sb_arena_destroy(((sb_load_op *)op)->header_arena);
}

static sb_status find_delimiter(sb_load_op *l, uint8_t *delimiter)
{
    sb_exec *run = l->op.run;
    sb_val v;

    *delimiter = ',';
    if (l->delimiter == NULL) return SB_OK;
    SB_TRY(sb_exec__eval_row(l->delimiter, l->in, l->row, &v));
    if (v.kind != SB_VAL_STRING || v.aux != 1 || v.as.text[0] == '"' || v.as.text[0] == '\n' ||
        v.as.text[0] == '\r' || v.as.text[0] >= 0x80)
        return sb_exec__placed(
            l->delimiter, run,
            sb_cypher_fail_runtime(run->err, SB_CYPHER_INVALID_ARGUMENT_VALUE,
                                   "FIELDTERMINATOR: expected one character of ASCII"));
    *delimiter = v.as.text[0];
    return SB_OK;
}

/* ---- Rows ----------------------------------------------------------------------------------------------------------- */

static sb_status read_header(sb_load_op *l)
{
    sb_exec *run = l->op.run;
    const sb_csv_text *cells;

    sb_arena_reset(l->header_arena);
    l->header = NULL;
    SB_TRY(sb_csv_table_next(l->table, &cells, &l->header_count, run->err));
    l->header = sb_arena_alloc_array(l->header_arena, l->header_count, sizeof *l->header);
    if (l->header == NULL) return sb_exec__no_memory(run);
    for (size_t i = 0; i < l->header_count; i++) {
        char *copy =
            sb_arena_strndup(l->header_arena, (const char *)cells[i].text.data, cells[i].text.size);
        if (copy == NULL) return sb_exec__no_memory(run);
        l->header[i] = sb_bytes_of(copy, cells[i].text.size);
    }
    return SB_OK;
}

static sb_status begin_file(sb_load_op *l)
{
    sb_exec *run = l->op.run;
    uint8_t delimiter;
    char *file;
    sb_val url;

    SB_TRY(sb_exec__eval_row(l->url, l->in, l->row, &url));
    SB_TRY(find_delimiter(l, &delimiter));
    SB_TRY(sb_exec__placed(l->url, run, sb_import__file(run, "LOAD CSV", url, &file)));
    const sb_csv_watch watch = {.ask = run->func.poll, .ctx = run->func.poll_ctx};
    SB_TRY(sb_csv_table_open(run->alloc, run->options->vfs, file, delimiter, &watch, &l->table,
                             run->err));
    l->bytes_done = 0;
    if (l->is_input) run->input->total = sb_csv_table_bytes(l->table);
    return l->op.plan->as.load_csv.headers ? read_header(l) : SB_OK;
}

static void count_input(sb_load_op *l)
{
    const uint64_t bytes = sb_csv_table_bytes_done(l->table);

    sb_exec__input_done(l->op.run, bytes - l->bytes_done);
    l->bytes_done = bytes;
}

static sb_status cell_val(sb_exec *run, const sb_csv_text *cell, sb_val *v)
{
    char *copy;

    *v = SB_VAL_NULL_VALUE;
    SB_TRY(sb_exec__tick_item(run));
    if (cell->text.size == 0 && !cell->quoted) return SB_OK;
    copy = sb_arena_strndup(run->func.arena, (const char *)cell->text.data, cell->text.size);
    if (copy == NULL) return sb_exec__no_memory(run);
    *v = sb_val_string(sb_bytes_of(copy, cell->text.size));
    return SB_OK;
}

/* Cells that the row lacks are null; those past the header have no name. */
static sb_status row_map(sb_load_op *l, const sb_csv_text *cells, size_t count, sb_val *v)
{
    sb_exec *run = l->op.run;
    sb_val_map *map = sb_val_map_make(run->func.arena, l->header_count);

    if (map == NULL) return sb_exec__no_memory(run);
    for (size_t i = 0; i < l->header_count; i++) {
        map->entries[i] = (sb_val_entry){.key = l->header[i], .value = SB_VAL_NULL_VALUE};
        if (i < count) SB_TRY(cell_val(run, &cells[i], &map->entries[i].value));
    }
    return sb_val_map_seal(map, v, run->err);
}

static sb_status row_list(sb_load_op *l, const sb_csv_text *cells, size_t count, sb_val *v)
{
    sb_exec *run = l->op.run;
    sb_val_list *list = sb_val_list_make(run->func.arena, count);

    if (list == NULL) return sb_exec__no_memory(run);
    for (size_t i = 0; i < count; i++)
        SB_TRY(cell_val(run, &cells[i], &list->items[i]));
    *v = sb_val_flat_list(list);
    return SB_OK;
}

/* Rows of the file at hand, up to a batch. */
static sb_status read_rows(sb_load_op *l)
{
    sb_exec *run = l->op.run;
    const bool headers = l->op.plan->as.load_csv.headers;

    if (l->is_input) count_input(l);
    SB_TRY(sb_exec__tick(run));
    for (l->count = 0; l->count < SB_BATCH_ROWS; l->count++) {
        const sb_csv_text *cells;
        size_t count;
        SB_TRY(sb_csv_table_next(l->table, &cells, &count, run->err));
        if (count == 0) return SB_OK;
        SB_TRY(headers ? row_map(l, cells, count, &l->vals[l->count])
                       : row_list(l, cells, count, &l->vals[l->count]));
    }
    return SB_OK;
}

static sb_status load_next(sb_operator *op, const sb_batch **batch)
{
    sb_load_op *l = (sb_load_op *)op;

    *batch = NULL;
    SB_TRY(sb_exec__begin_step(op));
    for (l->count = 0; l->count == 0;) {
        if (l->table == NULL) {
            if (l->in == NULL || ++l->row >= l->in->row_count) {
                SB_TRY(sb_exec__pull(op, &l->in));
                if (l->in == NULL) return SB_OK;
                l->row = 0;
                if (l->in->row_count == 0) continue;
            }
            SB_TRY(begin_file(l));
        }
        SB_TRY(read_rows(l));
        if (l->count != 0) break;
        sb_csv_table_close(l->table);
        l->table = NULL;
    }
    sb_exec__pass_row(op, l->in, l->row, l->count);
    if (l->out != NULL) {
        l->out->vector = (sb_vector){.kind = SB_VECTOR_ANY, .as.vals = l->vals};
        sb_exec__bind(op, op->plan->as.load_csv.var, l->out);
    }
    *batch = &op->out;
    return SB_OK;
}

const sb_operator_ops sb_exec__load_csv = {.state_bytes = sizeof(sb_load_op),
                                           .open = load_open,
                                           .next = load_next,
                                           .reset = load_reset,
                                           .close = load_close};
