/* csv_table.c — rows of a CSV file as texts, one after the other: for LOAD CSV. The text is read in pieces of whole records. */
#include "graph/csv_priv.h"

#define READ_BYTES (256u * 1024u)
#define CELLS_MAX  ((size_t)1 << 20) /* of a row */

struct sb_csv_table {
    const sb_allocator *alloc;
    char *path; /* for messages; owned, with its NUL */
    size_t path_bytes;
    sb_csv_dialect dialect;
    sb_input *input;
    sb_buffer piece;    /* whole records, then SB_CSV_PADDING newlines */
    sb_buffer rest;     /* what was read behind them */
    sb_csv_split split; /* of rest */
    bool at_end, begun;
    uint64_t piece_from,
        piece_to; /* bytes of the file that had been read before the piece, and with it */
    sb_csv_reader reader;
    sb_csv_cell *cells; /* owned, of reader.capacity */
    sb_csv_text *texts; /* the same number */
};

sb_status sb_csv_table_open(const sb_allocator *alloc, sb_vfs *vfs, const char *path,
                            uint8_t delimiter, const sb_csv_watch *watch, sb_csv_table **table,
                            sb_err *err)
{
    sb_csv_table *made = sb_alloc_zero(alloc, sizeof *made);
    sb_status status = SB_OK;

    *table = NULL;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->alloc = alloc;
    made->dialect = (sb_csv_dialect){.delimiter = delimiter, .quote = '"'};
    sb_buffer_init(&made->piece, alloc);
    sb_buffer_init(&made->rest, alloc);
    made->path_bytes = strlen(path) + 1;
    made->path = sb_alloc(alloc, made->path_bytes);
    made->reader.dialect = &made->dialect;
    made->reader.watch = *watch;
    made->reader.arena = sb_arena_create(alloc, NULL);
    if (made->path == NULL || made->reader.arena == NULL) {
        status = SB_FAIL_NOMEM(err);
    } else {
        memcpy(made->path, path, made->path_bytes);
        status = sb_input__open(alloc, vfs, made->path, NULL, &made->input, err);
    }
    if (status != SB_OK) {
        sb_csv_table_close(made);
        return status;
    }
    *table = made;
    return SB_OK;
}

uint64_t sb_csv_table_bytes(const sb_csv_table *table)
{
    return sb_input__bytes_total(table->input);
}

uint64_t sb_csv_table_bytes_done(const sb_csv_table *t)
{
    const size_t piece = t->piece.size, left = (size_t)(t->reader.end - t->reader.pos);

    if (piece == 0) return 0;
    return t->piece_from + (uint64_t)((double)(t->piece_to - t->piece_from) *
                                      (double)(piece - left) / (double)piece);
}

void sb_csv_table_close(sb_csv_table *table)
{
    if (table == NULL) return;
    sb_input__close(table->input);
    sb_buffer_deinit(&table->piece);
    sb_buffer_deinit(&table->rest);
    sb_arena_destroy(table->reader.arena);
    sb_free(table->alloc, table->cells, table->reader.capacity * sizeof *table->cells);
    sb_free(table->alloc, table->texts, table->reader.capacity * sizeof *table->texts);
    sb_free(table->alloc, table->path, table->path_bytes);
    sb_free(table->alloc, table, sizeof *table);
}

static sb_status ask(const sb_csv_table *t)
{
    const sb_csv_watch *watch = &t->reader.watch;

    return watch->ask == NULL ? SB_OK : watch->ask(watch->ctx);
}

static sb_status read_more(sb_csv_table *t, sb_err *err)
{
    size_t got;

    SB_TRY(ask(t));
    if (t->rest.size > SB_CSV_RECORD_MAX)
        return SB_FAIL(err, SB_LIMIT, "%s: the record that begins in line %u is too long", t->path,
                       t->reader.next_line + 1);
    if (sb_buffer_reserve(&t->rest, READ_BYTES) != SB_OK) return SB_FAIL_NOMEM(err);
    SB_TRY(sb_input__read(t->input, t->rest.data + t->rest.size, READ_BYTES, &got, err));
    t->rest.size += got;
    t->at_end = got < READ_BYTES;
    return SB_OK;
}

static void skip_mark(sb_csv_table *t)
{
    static const uint8_t mark[3] = {0xEF, 0xBB, 0xBF}; /* some editors put it in front of UTF-8 */

    if (t->begun || t->rest.size < sizeof mark || memcmp(t->rest.data, mark, sizeof mark) != 0)
        return;
    t->rest.size -= sizeof mark;
    memmove(t->rest.data, t->rest.data + sizeof mark, t->rest.size);
}

/* The next piece of whole records; *more false at the end of the file. */
static sb_status next_piece(sb_csv_table *t, bool *more, sb_err *err)
{
    size_t whole = 0;

    *more = false;
    while (whole == 0 && !t->at_end) {
        SB_TRY(read_more(t, err));
        skip_mark(t);
        t->begun = true;
        whole = t->at_end
                    ? t->rest.size
                    : sb_csv__last_end_from(&t->dialect, &t->split, t->rest.data, t->rest.size);
    }
    if (whole == 0) whole = t->rest.size;
    if (whole == 0) return SB_OK;
    sb_buffer_reset(&t->piece);
    if (sb_buffer_append(&t->piece, t->rest.data, whole) != SB_OK ||
        sb_buffer_reserve(&t->piece, SB_CSV_PADDING) != SB_OK)
        return SB_FAIL_NOMEM(err);
    memset(t->piece.data + whole, '\n', SB_CSV_PADDING);
    t->rest.size -= whole;
    t->split = (sb_csv_split){0};
    memmove(t->rest.data, t->rest.data + whole, t->rest.size);
    t->piece_from = t->piece_to;
    t->piece_to = sb_input__bytes_read(t->input);
    t->reader.pos = t->piece.data;
    t->reader.end = t->piece.data + whole;
    *more = true;
    return SB_OK;
}

static sb_status grow_cells(sb_csv_table *t, size_t wanted, sb_err *err)
{
    const size_t capacity = (size_t)sb_pow2_ceil(wanted < 16 ? 16 : wanted);
    sb_csv_cell *cells;
    sb_csv_text *texts;

    if (wanted > CELLS_MAX)
        return SB_FAIL(err, SB_LIMIT, "%s: line %u has more than %zu cells", t->path,
                       t->reader.line + 1, CELLS_MAX);
    cells = sb_alloc_array(t->alloc, capacity, sizeof *cells);
    texts = sb_alloc_array(t->alloc, capacity, sizeof *texts);
    if (cells == NULL || texts == NULL) {
        sb_free(t->alloc, cells, capacity * sizeof *cells);
        sb_free(t->alloc, texts, capacity * sizeof *texts);
        return SB_FAIL_NOMEM(err);
    }
    sb_free(t->alloc, t->cells, t->reader.capacity * sizeof *cells);
    sb_free(t->alloc, t->texts, t->reader.capacity * sizeof *texts);
    t->cells = t->reader.cells = cells;
    t->texts = texts;
    t->reader.capacity = capacity;
    return SB_OK;
}

/* A row of the piece at hand; *more false: it has no more. */
static sb_status next_row(sb_csv_table *t, bool *more, sb_err *err)
{
    sb_csv_reader *r = &t->reader;

    for (;;) {
        const uint8_t *pos = r->pos;
        const uint32_t next_line = r->next_line;
        sb_arena_reset(r->arena);
        *more = r->pos != NULL && sb_csv__next_row(r);
        if (r->status == SB_NOMEM) return SB_FAIL_NOMEM(err);
        if (r->status != SB_OK) return r->status;
        if (!*more) return SB_OK;
        if (r->problem != NULL)
            return SB_FAIL(err, SB_SYNTAX, "%s: line %u: %s", t->path, r->line + 1, r->problem);
        if (r->cell_count <= r->capacity) return SB_OK;
        SB_TRY(grow_cells(t, r->cell_count, err));
        r->pos = pos; /* once more, with room for all cells */
        r->next_line = next_line;
    }
}

sb_status sb_csv_table_next(sb_csv_table *t, const sb_csv_text **cells, size_t *count, sb_err *err)
{
    bool more;

    *cells = NULL;
    *count = 0;
    for (;;) {
        SB_TRY(next_row(t, &more, err));
        if (more) break;
        SB_TRY(next_piece(t, &more, err));
        if (!more) return SB_OK;
    }
    for (size_t i = 0; i < t->reader.cell_count; i++) {
        const sb_bytes text = sb_bytes_of(t->cells[i].data, t->cells[i].size);
        if (!sb_utf8_valid(text))
            return SB_FAIL(err, SB_INVALID, "%s: line %u: cell %zu is not UTF-8", t->path,
                           t->reader.line + 1, i + 1);
        if (text.size >= READ_BYTES) SB_TRY(ask(t));
        t->texts[i] = (sb_csv_text){.text = text, .quoted = t->cells[i].quoted};
    }
    *cells = t->texts;
    *count = t->reader.cell_count;
    return SB_OK;
}
