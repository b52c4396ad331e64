/* csv.c — rows of CSV text: a row's end is found first, so that its text lies in one piece, then its cells. */
#include <stdlib.h>
#include <string.h>

#include "cli/formats/csv_priv.h"

/* The next end of a row: its '\n', or end. *from: where to look first. */
static const char *row_end(const csv_dialect *d, csv_search *s, const char *from, const char *end)
{
    for (; from < end; from++) {
        const char c = *from;
        if (s->skip) {
            s->skip = false;
        } else if (s->quoted && c == d->escape && d->escape != d->quote) {
            s->skip = true; /* whatever follows is no quote */
        } else if (c == d->quote) {
            s->quoted = !s->quoted;
        } else if (c == '\n' && !s->quoted) {
            return from;
        }
    }
    return end;
}

size_t csv_place(csv_search *s, const char *text, size_t size)
{
    const char *from = text + s->seen, *end = text + size, *cut = NULL;

    if (!s->quoted && !s->skip && memchr(from, s->dialect.quote, size - s->seen) == NULL) {
        cut = memrchr(from, '\n', size - s->seen); /* an escape counts between quotes alone */
    } else {
        while ((from = row_end(&s->dialect, s, from, end)) != end)
            cut = from++;
    }
    s->seen = cut == NULL ? size : (size_t)(end - cut) - 1;
    return cut == NULL ? 0 : (size_t)(cut - text) + 1;
}

static void add_cell(csv_rows *r, const char *text, size_t size, bool quoted)
{
    r->cells = fmt_grow(r->cells, &r->cell_capacity, r->count + 1, sizeof *r->cells);
    r->cells[r->count++] = (csv_cell){.text = fmt_text(text, size), .quoted = quoted};
}

/* A cell in quotes at *at, unescaped; *at: behind it. */
static void quoted_cell(csv_rows *r, const char **at, const char *end)
{
    char *made = fmt_arena_alloc(r->arena, (size_t)(end - *at) + 1), *out = made;
    const char *from = *at + 1;

    while (from != end) {
        if (*from == r->dialect.escape && from + 1 != end &&
            (from[1] == r->dialect.quote || from[1] == r->dialect.escape)) {
            *out++ = from[1];
            from += 2;
        } else if (*from == r->dialect.quote) {
            from++;
            break;
        } else {
            *out++ = *from++;
        }
    }
    while (from != end && *from != r->dialect.delimiter) /* what should not be there */
        *out++ = *from++;
    *at = from;
    add_cell(r, made, (size_t)(out - made), true);
}

static void split(csv_rows *r, const char *at, const char *end)
{
    r->count = 0;
    for (;;) {
        if (at != end && *at == r->dialect.quote) {
            quoted_cell(r, &at, end);
        } else {
            const char *stop = memchr(at, r->dialect.delimiter, (size_t)(end - at));
            if (stop == NULL) stop = end;
            add_cell(r, at, (size_t)(stop - at), false);
            at = stop;
        }
        if (at == end) return;
        at++;
    }
}

bool csv_next(csv_rows *r)
{
    csv_search s = {.dialect = r->dialect};

    if (r->at == r->end) return false;
    const char *row = r->at, *newline = memchr(row, '\n', (size_t)(r->end - row));
    if (newline == NULL) newline = r->end;
    if (memchr(row, r->dialect.quote, (size_t)(newline - row)) != NULL)
        newline = row_end(&r->dialect, &s, row, r->end);
    size_t size = (size_t)(newline - row);
    r->at = newline == r->end ? newline : newline + 1;
    r->row_line = r->line;
    r->line += fmt_count_lines(row, size) + 1;
    if (size != 0 && row[size - 1] == '\r') size--;
    r->row = fmt_text(row, size);
    split(r, row, row + size);
    return true;
}
