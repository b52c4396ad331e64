/* csv_split.c — where records end (csv C1), found by jumping from quote to quote: text without quotes is only searched
 * for one and, from its end, for a newline. */
#include "graph/csv_priv.h"

static const uint8_t *find(const uint8_t *from, const uint8_t *end, uint8_t c)
{
    return from == end ? NULL : memchr(from, c, (size_t)(end - from));
}

static const uint8_t *find_last_newline(const uint8_t *from, const uint8_t *end)
{
    while (end != from)
        if (*--end == '\n') return end;
    return NULL;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* Does a quote here open a cell? data is where a record begins. */
static bool opens_cell(const sb_csv_dialect *dialect, const uint8_t *data, const uint8_t *quote)
{
    const uint8_t *p = quote;

    while (dialect->trim && p != data && is_blank(p[-1]) && p[-1] != dialect->delimiter)
        p--;
    return p == data || p[-1] == dialect->delimiter || p[-1] == '\n';
}

/* Behind the quote that closes the cell that goes on at `at`, or where to go on when there is more text. */
static const uint8_t *go_on_quoted(const sb_csv_dialect *dialect, const uint8_t *at,
                                   const uint8_t *end, bool *quoted)
{
    while ((at = find(at, end, dialect->quote)) != NULL) {
        /* A quote at the very end may be the first of two: nothing is known behind it. */
        if (at + 1 == end) return at;
        if (at[1] != dialect->quote) {
            *quoted = false;
            return at + 1;
        }
        at += 2;
    }
    return end;
}

size_t sb_csv__last_end_from(const sb_csv_dialect *dialect, sb_csv_split *split,
                             const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size, *at = data + split->at;

    while (at != end) {
        if (split->quoted) {
            at = go_on_quoted(dialect, at, end, &split->quoted);
            if (split->quoted) break;
            continue;
        }
        const uint8_t *quote = dialect->quote == 0 ? NULL : find(at, end, dialect->quote);
        const uint8_t *stop = quote == NULL ? end : quote;
        if (find(at, stop, '\n') != NULL) {
            split->plain = (size_t)(at - data);
            split->plain_end = (size_t)(stop - data);
        }
        at = quote == NULL ? end : quote + 1;
        split->quoted = quote != NULL && opens_cell(dialect, data, quote);
    }
    split->at = (size_t)(at - data);
    const uint8_t *newline = find_last_newline(data + split->plain, data + split->plain_end);
    return newline == NULL ? 0 : (size_t)(newline + 1 - data);
}

size_t sb_csv__last_end(const sb_csv_dialect *dialect, const uint8_t *data, size_t size)
{
    sb_csv_split split = {0};

    return sb_csv__last_end_from(dialect, &split, data, size);
}

size_t sb_csv__first_end(const sb_csv_dialect *dialect, const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size, *at = data;
    const uint8_t *newline = find(data, end, '\n');

    while (at != end) {
        /* Once for each newline, not for each quote before it: a header may have a million. */
        if (newline != NULL && newline < at) newline = find(at, end, '\n');
        const uint8_t *stop = newline == NULL ? end : newline;
        const uint8_t *quote = dialect->quote == 0 ? NULL : find(at, stop, dialect->quote);
        if (quote == NULL) return newline == NULL ? 0 : (size_t)(newline + 1 - data);
        at = quote + 1;
        bool quoted = opens_cell(dialect, data, quote);
        if (!quoted) continue;
        at = go_on_quoted(dialect, at, end, &quoted);
        if (quoted) break;
    }
    return 0;
}
