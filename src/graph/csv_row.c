/* csv_row.c — the cells of a row (RFC 4180, and csv C1). A cell without quotes is searched eight bytes at a time. */
#include "graph/csv_priv.h"

#define ONES  0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

#define ASKED_BYTES ((size_t)1 << 20)

/* A bit 7 in each byte of word that equals the byte repeated in pattern; bytes above the first such one may
 * be set wrongly, the first one is right. */
SB_INLINE uint64_t equal_bytes(uint64_t word, uint64_t pattern)
{
    const uint64_t x = word ^ pattern;
    return (x - ONES) & ~x & HIGHS;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static void report(sb_csv_reader *reader, const char *problem)
{
    if (reader->problem != NULL) return;
    reader->problem = problem;
    reader->problem_cell = reader->cell_count;
}

/* To the first delimiter, newline or quote from p on: there is a newline (csv C2). */
SB_INLINE const uint8_t *skip_plain(const uint8_t *p, uint64_t delimiters, uint64_t quotes)
{
    for (;; p += 8) {
        const uint64_t word = sb_load_le64(p);
        const uint64_t hits = equal_bytes(word, delimiters) | equal_bytes(word, ONES * '\n') |
                              equal_bytes(word, quotes);
        if (hits != 0) return p + sb_ctz64(hits) / 8;
    }
}

static void add_cell(sb_csv_reader *reader, const uint8_t *from, const uint8_t *to, bool quoted)
{
    if (reader->cell_count < reader->capacity)
        reader->cells[reader->cell_count] =
            (sb_csv_cell){.data = from, .size = (size_t)(to - from), .quoted = quoted};
    reader->cell_count++;
}

/* So many bytes of a quoted cell have been gone through. */
SB_INLINE bool goes_on(sb_csv_reader *reader, size_t bytes)
{
    reader->unasked += bytes;
    if (SB_LIKELY(reader->unasked < ASKED_BYTES)) return true;
    reader->unasked = 0;
    if (reader->watch.ask == NULL) return true;
    reader->status = reader->watch.ask(reader->watch.ctx);
    return reader->status == SB_OK;
}

/* Copy of a quoted cell's inside with doubled quotes halved. */
static bool add_doubled(sb_csv_reader *reader, const uint8_t *from, const uint8_t *to)
{
    uint8_t *copy = sb_arena_alloc(reader->arena, (size_t)(to - from));
    size_t size = 0;

    if (copy == NULL) {
        reader->status = SB_NOMEM;
        return false;
    }
    while (from != to) {
        const size_t bytes = *from == reader->dialect->quote ? 2 : 1;
        copy[size++] = *from;
        from += bytes;
        if (!goes_on(reader, bytes)) return false;
    }
    add_cell(reader, copy, copy + size, true);
    return true;
}

/* A cell whose quote stands at p; returns where it ends, at a delimiter or newline. NULL: reader->status tells why. */
static const uint8_t *read_quoted(sb_csv_reader *reader, const uint8_t *p)
{
    const sb_csv_dialect *dialect = reader->dialect;
    const uint8_t *from = p + 1, *close = from;
    bool doubled = false;

    for (;;) {
        const uint8_t *at = close;
        close = close == reader->end ? NULL
                                     : memchr(close, dialect->quote, (size_t)(reader->end - close));
        if (close != NULL && !goes_on(reader, (size_t)(close - at))) return NULL;
        if (close == NULL) {
            report(reader, "a quoted cell has no closing quote");
            add_cell(reader, from, reader->end, true);
            return reader->end;
        }
        if (close + 1 == reader->end || close[1] != dialect->quote) break;
        doubled = true;
        close += 2;
    }
    for (const uint8_t *line = from;
         line < close && (line = memchr(line, '\n', (size_t)(close - line))) != NULL; line++) {
        reader->next_line++;
        if (!goes_on(reader, 16)) return NULL; /* a search takes as long as some bytes */
    }
    p = close + 1;
    while (dialect->trim && p != reader->end && is_blank(*p) && *p != dialect->delimiter)
        p++;
    if (*p == '\r' && p + 1 <= reader->end && p[1] == '\n') p++;
    if (*p != dialect->delimiter && *p != '\n') {
        report(reader, "there is text behind the closing quote; a quote inside a quoted cell is "
                       "written twice");
        while (*p != dialect->delimiter && *p != '\n')
            p++;
    }
    if (!doubled) {
        add_cell(reader, from, close, true);
        return p;
    }
    return add_doubled(reader, from, close) ? p : NULL;
}

static const uint8_t *read_plain(sb_csv_reader *reader, const uint8_t *p, uint64_t delimiters,
                                 uint64_t quotes)
{
    const uint8_t *from = p, *to;

    p = skip_plain(p, delimiters, quotes);
    if (SB_UNLIKELY(*p != reader->dialect->delimiter && *p != '\n')) {
        report(reader, "there is a quote inside a cell that does not begin with one; quote the "
                       "whole cell and write the quote "
                       "twice");
        while (*p != reader->dialect->delimiter && *p != '\n')
            p++;
    }
    to = p;
    if (*p == '\n' && to != from && to[-1] == '\r') to--;
    while (reader->dialect->trim && to != from && is_blank(to[-1]))
        to--;
    add_cell(reader, from, to, false);
    return p;
}

static bool read_row(sb_csv_reader *reader)
{
    const sb_csv_dialect *dialect = reader->dialect;
    const uint64_t delimiters = ONES * dialect->delimiter;
    /* Without a quote character the newline is looked for twice. */
    const uint64_t quotes = ONES * (dialect->quote == 0 ? '\n' : dialect->quote);
    const uint8_t *p = reader->pos;

    for (;;) {
        while (dialect->trim && is_blank(*p) && *p != dialect->delimiter)
            p++;
        p = dialect->quote != 0 && *p == dialect->quote && p != reader->end
                ? read_quoted(reader, p)
                : read_plain(reader, p, delimiters, quotes);
        if (p == NULL) return false;
        /* At the end the padding's newline stands there. */
        if (*p == '\n') break;
        p++;
    }
    reader->row_bytes = (size_t)(p - reader->row);
    if (reader->row_bytes != 0 && p[-1] == '\r') reader->row_bytes--;
    reader->pos = p >= reader->end ? reader->end : p + 1;
    reader->next_line++;
    return true;
}

bool sb_csv__next_row(sb_csv_reader *reader)
{
    while (reader->pos != reader->end) {
        reader->row = reader->pos;
        reader->line = reader->next_line;
        reader->cell_count = 0;
        reader->problem = NULL;
        if (!read_row(reader)) return false;
        if (reader->row_bytes != 0) return true;
    }
    return false;
}
