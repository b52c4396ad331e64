/* csv.c — rows of CSV text: a row's end is found first, so that its text lies in one piece, then its cells. */
#include <stdlib.h>
#include <string.h>

#include "cli/formats/csv_priv.h"

#define WINDOW_BYTES ((size_t)1 << 18)

sombra_status csv_open(csv_rows *r)
{
    fmt_error *error = fmt_loader_error(r->loader);

    fmt_at(r->loader, r->path, 1, NULL, 0);
    r->line = 1;
    r->input = fmt_input_open(r->path, error);
    return r->input == NULL ? error->status : SOMBRA_OK;
}

static sombra_status read_more(csv_rows *r)
{
    fmt_error *error = fmt_loader_error(r->loader);
    size_t got, wanted;

    if (r->at != 0) {
        memmove(r->data, r->data + r->at, r->size - r->at);
        r->size -= r->at;
        r->at = 0;
    }
    if (r->size > FMT_RECORD_MAX) {
        fmt_at(r->loader, r->path, r->line, NULL, 0);
        return fmt_broken(r->loader, SOMBRA_LIMIT, 0,
                          "a row is longer than 1 GiB (is a quote never closed?)");
    }
    if (r->capacity - r->size < WINDOW_BYTES)
        r->data = fmt_grow(r->data, &r->capacity, r->size + WINDOW_BYTES, 1);
    wanted = r->capacity - r->size;
    if (wanted > FMT_RECORD_MAX + 1 - r->size) wanted = FMT_RECORD_MAX + 1 - r->size;
    if (fmt_input_read(r->input, r->data + r->size, wanted, &got, error) != SOMBRA_OK)
        return error->status;
    r->size += got;
    r->ended = got < wanted;
    return fmt_tick(r->loader, fmt_input_done(r->input), fmt_input_total(r->input));
}

/* How far the search for a row's end has come. */
typedef struct search {
    size_t seen;
    bool quoted;
} search;

/* Bytes of the row at the front without its line end; SIZE_MAX: more text is needed. */
static size_t row_bytes(const csv_rows *r, search *s)
{
    const char *text = r->data + r->at;
    const size_t size = r->size - r->at;

    for (; s->seen < size; s->seen++) {
        const char c = text[s->seen];
        if (s->quoted && c == r->escape && r->escape != r->quote) {
            if (size - s->seen < 2 && !r->ended) return SIZE_MAX;
            s->seen++; /* whatever follows is no quote */
        } else if (c == r->quote) {
            s->quoted = !s->quoted;
        } else if (c == '\n' && !s->quoted) {
            return s->seen;
        }
    }
    return r->ended ? size : SIZE_MAX;
}

static void add_cell(csv_rows *r, const char *text, size_t size, bool quoted)
{
    r->cells = fmt_grow(r->cells, &r->cell_capacity, r->count + 1, sizeof *r->cells);
    r->cells[r->count++] = (csv_cell){.text = fmt_text(text, size), .quoted = quoted};
}

/* A cell in quotes at *at, unescaped; *at: behind it. */
static void quoted_cell(csv_rows *r, const char **at, const char *end)
{
    char *made = fmt_arena_alloc(&r->arena, (size_t)(end - *at) + 1), *out = made;
    const char *from = *at + 1;

    while (from != end) {
        if (*from == r->escape && from + 1 != end &&
            (from[1] == r->quote || from[1] == r->escape)) {
            *out++ = from[1];
            from += 2;
        } else if (*from == r->quote) {
            from++;
            break;
        } else {
            *out++ = *from++;
        }
    }
    while (from != end && *from != r->delimiter) /* what should not be there */
        *out++ = *from++;
    *at = from;
    add_cell(r, made, (size_t)(out - made), true);
}

static void split(csv_rows *r, const char *at, const char *end)
{
    r->count = 0;
    for (;;) {
        if (at != end && *at == r->quote) {
            quoted_cell(r, &at, end);
        } else {
            const char *stop = memchr(at, r->delimiter, (size_t)(end - at));
            if (stop == NULL) stop = end;
            add_cell(r, at, (size_t)(stop - at), false);
            at = stop;
        }
        if (at == end) return;
        at++;
    }
}

sombra_status csv_next(csv_rows *r, bool *more)
{
    search s = {0};
    size_t size;

    *more = false;
    while ((size = row_bytes(r, &s)) == SIZE_MAX) {
        const sombra_status status = read_more(r);
        if (status != SOMBRA_OK) return status;
    }
    if (r->at == r->size) return SOMBRA_OK;
    const char *row = r->data + r->at;
    const uint64_t line = r->line;
    for (size_t i = 0; i < size; i++)
        r->line += row[i] == '\n';
    r->line++;
    r->at += size + (r->at + size < r->size);
    if (size != 0 && row[size - 1] == '\r') size--;
    fmt_at(r->loader, r->path, line, row, size);
    fmt_arena_reset(&r->arena);
    split(r, row, row + size);
    *more = true;
    return SOMBRA_OK;
}

void csv_close(csv_rows *r)
{
    fmt_input_close(r->input);
    free(r->data);
    free(r->cells);
    fmt_arena_free(&r->arena);
}
