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

/* Behind the quote that closes a cell, or NULL when it does not stand in the text. */
static const uint8_t *skip_quoted(const sb_csv_dialect *dialect, const uint8_t *open,
                                  const uint8_t *end)
{
    const uint8_t *p = open + 1;

    while ((p = find(p, end, dialect->quote)) != NULL) {
        if (p + 1 == end || p[1] != dialect->quote) return p + 1;
        p += 2;
    }
    return NULL;
}

size_t sb_csv__last_end(const sb_csv_dialect *dialect, const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size, *at = data;
    const uint8_t *plain = data,
                  *plain_end = data; /* the last stretch outside quotes that holds a newline */

    while (at != end) {
        const uint8_t *quote = dialect->quote == 0 ? NULL : find(at, end, dialect->quote);
        const uint8_t *stop = quote == NULL ? end : quote;
        if (find(at, stop, '\n') != NULL) {
            plain = at;
            plain_end = stop;
        }
        if (quote == NULL) break;
        at = opens_cell(dialect, data, quote) ? skip_quoted(dialect, quote, end) : quote + 1;
        /* A quote at the very end may be the first of two: nothing is known behind it. */
        if (at == NULL || at == end) break;
    }
    const uint8_t *newline = find_last_newline(plain, plain_end);
    return newline == NULL ? 0 : (size_t)(newline + 1 - data);
}

size_t sb_csv__first_end(const sb_csv_dialect *dialect, const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size, *at = data;

    while (at != NULL && at != end) {
        const uint8_t *newline = find(at, end, '\n');
        const uint8_t *stop = newline == NULL ? end : newline;
        const uint8_t *quote = dialect->quote == 0 ? NULL : find(at, stop, dialect->quote);
        if (quote == NULL) return newline == NULL ? 0 : (size_t)(newline + 1 - data);
        at = opens_cell(dialect, data, quote) ? skip_quoted(dialect, quote, end) : quote + 1;
    }
    return 0;
}
