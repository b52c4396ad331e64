/* error.c — recording errors of queries: details and their names, position, the query's line with a caret, near names. */
#include "cypher/lex/error.h"

#include <stdarg.h>
#include <stdio.h>

#include <utf8proc.h>

typedef struct error_row {
    uint32_t number;
    sb_status status;
    const char *type, *name;
} error_row;

static const error_row ERROR_ROWS[] = {
#define SB_CYPHER_ERROR(name, number, type, status, text) {(number), (status), (type), (text)},
#include "cypher/lex/error.def"
#undef SB_CYPHER_ERROR
};

#define ERROR_ROW_COUNT (sizeof ERROR_ROWS / sizeof ERROR_ROWS[0])

/* Numbers count up from 1 without gaps (tested), so the row is found by index. */
static const error_row *find_row(uint32_t detail)
{
    if (detail == 0 || detail > ERROR_ROW_COUNT) return NULL;
    return &ERROR_ROWS[detail - 1];
}

const char *sb_cypher_error_type(uint32_t detail)
{
    const error_row *row = find_row(detail);
    return row != NULL ? row->type : "";
}

const char *sb_cypher_error_name(uint32_t detail)
{
    const error_row *row = find_row(detail);
    return row != NULL ? row->name : "";
}

static sb_status error_status(sb_cypher_error detail)
{
    const error_row *row = find_row((uint32_t)detail);
    return row != NULL ? row->status : SB_INVALID;
}

/* ---- The place ------------------------------------------------------------------------------------------------- */

/* Longest part of the query's line that is shown: what fits a terminal, with the marks of what was cut. */
#define SHOWN_CHARACTERS 72u
#define SHOWN_BEFORE     48u /* of them before the caret, at most */
/* Messages end here, so that line and caret fit behind them. */
#define MESSAGE_BYTES 300u

/* Bytes of the character at p; 1 for what is not UTF-8. */
static size_t character_bytes(const uint8_t *p, size_t rest, utf8proc_int32_t *character)
{
    const utf8proc_ssize_t used = utf8proc_iterate(p, (utf8proc_ssize_t)rest, character);

    if (used > 0) return (size_t)used;
    *character = 0xFFFD;
    return 1;
}

typedef struct place {
    size_t line_start, line_end, at; /* bytes in the query */
    uint32_t line, column;           /* from 1, in characters */
} place;

static place find_place(sb_bytes query, size_t at)
{
    place p = {.line = 1, .column = 1};
    size_t i = 0;

    p.at = at < query.size ? at : query.size;
    while (i < p.at) {
        utf8proc_int32_t character;
        const uint8_t byte = query.data[i];
        i += byte < 0x80 ? 1 : character_bytes(query.data + i, query.size - i, &character);
        if (byte == '\n' && i <= p.at) {
            p.line++;
            p.column = 1;
            p.line_start = i;
        } else {
            p.column++;
        }
    }
    p.line_end = p.at;
    while (p.line_end < query.size && query.data[p.line_end] != '\n' &&
           query.data[p.line_end] != '\r')
        p.line_end++;
    return p;
}

/* A text that is cut rather than overflows. */
typedef struct out_text {
    char *data;
    size_t size, capacity;
} out_text;

static void put(out_text *out, const void *data, size_t bytes)
{
    if (bytes >= out->capacity - out->size) return;
    memcpy(out->data + out->size, data, bytes);
    out->size += bytes;
    out->data[out->size] = '\0';
}

/* One character of the line as it is shown: control characters and broken bytes as a space. Returns its columns. */
static unsigned put_character(out_text *out, const uint8_t *p, size_t used,
                              utf8proc_int32_t character)
{
    const int width = utf8proc_charwidth(character);

    if (character < 0x20 || character == 0x7F || character == 0xFFFD) {
        put(out, " ", 1);
        return 1;
    }
    put(out, p, used);
    return width > 0 ? (unsigned)width : 0;
}

/* "\n" the line, or the part of it around the place, "\n" the caret line. */
static void put_line(out_text *out, sb_bytes query, const place *p)
{
    unsigned before = 0;
    unsigned shown = 0;
    size_t from = p->at;

    while (from > p->line_start && before < SHOWN_BEFORE) {
        from--;
        while (from > p->line_start && (query.data[from] & 0xC0) == 0x80)
            from--;
        before++;
    }
    put(out, "\n", 1);
    unsigned indent = 0;
    if (from > p->line_start) {
        put(out, "…", strlen("…"));
        indent = 1;
    }
    size_t i = from;
    for (; i < p->line_end && shown < SHOWN_CHARACTERS; shown++) {
        utf8proc_int32_t character = query.data[i];
        const size_t used =
            character < 0x80 ? 1 : character_bytes(query.data + i, p->line_end - i, &character);
        const unsigned width = put_character(out, query.data + i, used, character);
        if (i < p->at) indent += width;
        i += used;
    }
    if (i < p->line_end) put(out, "…", strlen("…"));
    put(out, "\n", 1);
    while (indent-- > 0)
        put(out, " ", 1);
    put(out, "^", 1);
}

/* "message (line 1, column 8)" behind the message, then the line. */
static void put_place(out_text *out, sb_bytes query, const place *p)
{
    char where[48];
    const int bytes = snprintf(where, sizeof where, " (line %u, column %u)", (unsigned)p->line,
                               (unsigned)p->column);

    put(out, where, (size_t)bytes);
    if (query.size != 0) put_line(out, query, p);
}

/* The one call with a format that is not a literal here: its callers carry SB_PRINTF. */
static void format_message(char message[MESSAGE_BYTES], const char *format, va_list args)
    SB_PRINTF(2, 0);

static void format_message(char message[MESSAGE_BYTES], const char *format, va_list args)
{
    const int wanted = vsnprintf(message, MESSAGE_BYTES, format, args);

    if (wanted < 0) message[0] = '\0';
    if (wanted < (int)MESSAGE_BYTES) return;
    /* Cut: back to a whole character, and say so. */
    size_t end = MESSAGE_BYTES - 1 - strlen("…");
    while (end > 0 && ((uint8_t)message[end] & 0xC0) == 0x80)
        end--;
    memcpy(message + end, "…", strlen("…") + 1);
}

/* Into err (empty until then): message, the place of span and the line with a caret. */
static void record(sb_err *err, sb_bytes query, sb_span span, sb_status status, uint32_t detail,
                   const char *message)
{
    char text[SB_ERR_TEXT_BYTES];
    const place p = find_place(query, span.start);
    out_text out = {.data = text, .capacity = sizeof text};

    text[0] = '\0';
    put(&out, message, strlen(message));
    put_place(&out, query, &p);
    (void)SB_FAIL(err, status, "%s", text);
    err->line = p.line;
    err->column = p.column;
    err->detail = detail;
    err->runtime = false;
}

sb_status(sb_cypher_fail)(sb_err *err, sb_bytes query, sb_span span, sb_cypher_error detail,
                          const char *format, ...)
{
    const sb_status status = error_status(detail);
    char message[MESSAGE_BYTES];
    va_list args;

    if (err == NULL || err->code != SB_OK) return status;
    va_start(args, format);
    format_message(message, format, args);
    va_end(args);
    record(err, query, span, status, (uint32_t)detail, message);
    return status;
}

void sb_cypher_warn(sb_err *err, sb_bytes query, sb_span span, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list args;

    va_start(args, format);
    format_message(message, format, args);
    va_end(args);
    sb_err_clear(err);
    record(err, query, span, SB_NOT_FOUND, 0, message);
}

sb_status(sb_cypher_fail_runtime)(sb_err *err, sb_cypher_error detail, const char *format, ...)
{
    const sb_status status = error_status(detail);
    char message[MESSAGE_BYTES];
    va_list args;

    if (err == NULL || err->code != SB_OK) return status;
    va_start(args, format);
    format_message(message, format, args);
    va_end(args);
    (void)SB_FAIL(err, status, "%s", message);
    err->detail = (uint32_t)detail;
    err->runtime = true;
    return status;
}

bool sb_cypher_span_of(sb_bytes query, sb_bytes part, sb_span *span)
{
    const uintptr_t begin = (uintptr_t)query.data;
    const uintptr_t at = (uintptr_t)part.data;

    *span = (sb_span){0, 0};
    if (at < begin || at + part.size > begin + query.size) return false;
    *span = (sb_span){(uint32_t)(at - begin), (uint32_t)(at - begin + part.size)};
    return true;
}

void sb_cypher_place(sb_err *err, sb_bytes query, sb_span span)
{
    const place p = find_place(query, span.start);
    out_text out = {.data = err->text, .capacity = sizeof err->text};

    out.size = strlen(err->text);
    put_place(&out, query, &p);
    err->line = p.line;
    err->column = p.column;
}

void sb_cypher_place_name(sb_err *err, sb_bytes query, sb_bytes name)
{
    sb_span span;

    switch (err->code) {
    case SB_INVALID:
    case SB_LIMIT:
    case SB_EXISTS:
    case SB_NOT_FOUND:
        if (sb_cypher_span_of(query, name, &span)) sb_cypher_place(err, query, span);
        return;
    default: return;
    }
}

/* ---- Near names ------------------------------------------------------------------------------------------------ */

#define NEAR_CHARACTERS 64u /* longer names get no suggestion */

/* Characters in lower case (of any script); SIZE_MAX when there are too many. */
static size_t near_characters(sb_bytes name, int32_t characters[NEAR_CHARACTERS])
{
    size_t count = 0;

    for (size_t i = 0; i < name.size;) {
        utf8proc_int32_t character;
        if (count == NEAR_CHARACTERS) return SIZE_MAX;
        i += character_bytes(name.data + i, name.size - i, &character);
        characters[count++] = utf8proc_tolower(character);
    }
    return count;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Edit distance with swaps of neighbors (optimal string alignment). */
static unsigned edit_distance(const int32_t *a, size_t a_count, const int32_t *b, size_t b_count)
{
    unsigned rows[3][NEAR_CHARACTERS + 1];

    for (size_t j = 0; j <= b_count; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_count; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3];
        const unsigned *above2 = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_count; j++) {
            const unsigned change = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(change, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], above2[j - 2] + 1);
        }
    }
    return rows[a_count % 3][b_count];
}

bool sb_cypher_nearest(sb_bytes name, sb_bytes (*next)(void *ctx, size_t i), void *ctx,
                       sb_bytes *nearest)
{
    int32_t wanted[NEAR_CHARACTERS], candidate[NEAR_CHARACTERS];
    const size_t count = near_characters(name, wanted);
    unsigned best = UINT32_MAX;

    *nearest = (sb_bytes){0};
    if (count == SIZE_MAX) return false;
    const unsigned most = count < 6 ? 1 : (unsigned)count / 3;
    for (size_t i = 0;; i++) {
        const sb_bytes text = next(ctx, i);
        if (text.data == NULL) break;
        const size_t size = near_characters(text, candidate);
        if (size == SIZE_MAX) continue;
        const unsigned distance = edit_distance(wanted, count, candidate, size);
        /* One edit makes any name of one letter into any other: no help. */
        if (distance > most || distance >= best || (count < 2 && size < 2 && distance != 0))
            continue;
        best = distance;
        *nearest = text;
    }
    return best != UINT32_MAX;
}
