/* status.c — code tables, error recording, failed assertions. */
#include "base/status.h"

#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct status_row {
    int code;
    int exit_code;
    const char *name;
    const char *text;
} status_row;

static const status_row STATUS_ROWS[] = {
#define SB_STATUS(name, value, class, text) {(value), (class), "SOMBRA_" #name, text},
#include "base/status.def"
#undef SB_STATUS
};

#define STATUS_ROW_COUNT (sizeof STATUS_ROWS / sizeof STATUS_ROWS[0])

/* Codes count down from 0 without gaps, so the row is found by index; a value that is none of them
 * (a caller's cast) finds NULL. */
static const status_row *find_row(sb_status status)
{
    const int code = (int)status;

    if (code > 0 || code <= -(int)STATUS_ROW_COUNT) return NULL;
    const status_row *row = &STATUS_ROWS[-code];
    return row->code == code ? row : NULL;
}

const char *sb_status_text(sb_status status)
{
    const status_row *row = find_row(status);
    return row != NULL ? row->text : "unknown status";
}

const char *sb_status_name(sb_status status)
{
    const status_row *row = find_row(status);
    return row != NULL ? row->name : "SOMBRA_UNKNOWN";
}

int sb_status_exit_code(sb_status status)
{
    const status_row *row = find_row(status);
    return row != NULL ? row->exit_code : 1;
}

/* Cut a text that did not fit back to its last whole UTF-8 character. size is strlen(text). */
static void cut_on_character(char *text, size_t size)
{
    size_t start = size;
    size_t want;

    while (start > 0 && size - start < 3 && ((unsigned char)text[start - 1] & 0xC0u) == 0x80u)
        start--;
    if (start == 0) return;
    start--; /* the lead byte, when the text is UTF-8 */
    const unsigned char lead = (unsigned char)text[start];
    if (lead < 0xC0u) return;
    want = lead < 0xE0u ? 2 : lead < 0xF0u ? 3 : 4;
    if (size - start < want) text[start] = '\0';
}

/* Names and values in messages are cut at a number of bytes, and input need not be UTF-8: what is left of a character becomes '?'. */
static void make_utf8(char *text)
{
    const uint8_t *from = (const uint8_t *)text, *const end = from + strlen(text);
    uint8_t *to = (uint8_t *)text;

    while (from < end) {
        const size_t bytes = sb_utf8_sequence(from, (size_t)(end - from));
        for (size_t i = 0; i < bytes; i++)
            *to++ = *from++;
        if (bytes != 0) continue;
        *to++ = '?';
        do
            from++;
        while ((*from & 0xC0u) == 0x80u);
    }
    *to = '\0';
}

/* The one call with a format that is not a literal here: its callers carry SB_PRINTF. */
static void format_text(char text[SB_ERR_TEXT_BYTES], const char *format, va_list args)
    SB_PRINTF(2, 0);

static void format_text(char text[SB_ERR_TEXT_BYTES], const char *format, va_list args)
{
    const int wanted = vsnprintf(text, SB_ERR_TEXT_BYTES, format, args);

    if (wanted < 0) text[0] = '\0';
    if (wanted >= (int)SB_ERR_TEXT_BYTES) cut_on_character(text, SB_ERR_TEXT_BYTES - 1);
    make_utf8(text);
}

void sb_err_clear(sb_err *err)
{
    err->code = SB_OK;
    err->source_line = 0;
    err->source_file = NULL;
    err->pgno = SB_NO_PGNO;
    err->os_error = 0;
    err->line = 0;
    err->column = 0;
    err->detail = 0;
    err->runtime = false;
    err->text[0] = '\0';
}

sb_status sb_err_set_at(sb_err *err, const char *file, uint32_t line, sb_status code, uint64_t pgno,
                        int os_error, const char *format, ...)
{
    va_list args;

    if (err == NULL || err->code != SB_OK || code == SB_OK) return code;
    err->code = code;
    err->source_file = file;
    err->source_line = line;
    err->pgno = pgno;
    err->os_error = os_error;
    va_start(args, format);
    format_text(err->text, format, args);
    va_end(args);
    return code;
}

void sb_err_prefix(sb_err *err, const char *format, ...)
{
    char text[SB_ERR_TEXT_BYTES];
    va_list args;
    size_t used;
    size_t rest;

    if (err == NULL || err->code == SB_OK) return;
    va_start(args, format);
    format_text(text, format, args);
    va_end(args);
    used = strlen(text);
    if (used + 2 >= sizeof text) {
        used = sizeof text - 3;
        text[used] = '\0';
        cut_on_character(text, used);
        used = strlen(text);
    }
    memcpy(text + used, ": ", 2);
    used += 2;
    rest = strlen(err->text);
    if (rest > sizeof text - 1 - used) {
        rest = sizeof text - 1 - used;
        memcpy(text + used, err->text, rest);
        text[used + rest] = '\0';
        cut_on_character(text, used + rest);
    } else {
        memcpy(text + used, err->text, rest + 1);
    }
    memcpy(err->text, text, sizeof text);
}

#ifndef NDEBUG
void sb_assert_failed(const char *file, uint32_t line, const char *text)
{
    fprintf(stderr, "%s:%u: assertion failed: %s\n", file, (unsigned)line, text);
    abort();
}
#endif
