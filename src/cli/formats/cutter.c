/* cutter.c — text of an input in pieces that end where a record does. */
#include <stdlib.h>
#include <string.h>

#include "cli/formats/formats.h"

#define PIECE_BYTES ((size_t)256 << 10)

uint64_t fmt_count_lines(const char *text, size_t size)
{
    const char *end = text + size;
    uint64_t lines = 0;

    for (const char *at = text; size != 0 && (at = memchr(at, '\n', (size_t)(end - at))) != NULL;) {
        lines++;
        if (++at == end) break;
    }
    return lines;
}

/* More of the input behind the piece's text: as much as there is, so that a long record is looked at few times. */
static bool read_more(fmt_cutter *c, fmt_piece *piece)
{
    size_t got, wanted = piece->size < PIECE_BYTES / 2 ? PIECE_BYTES : piece->size;

    if (wanted > FMT_RECORD_MAX + 1 - piece->size) wanted = FMT_RECORD_MAX + 1 - piece->size;
    if (piece->capacity - piece->size < wanted)
        piece->text = fmt_grow(piece->text, &piece->capacity, piece->size + wanted, 1);
    if (fmt_input_read(c->input, piece->text + piece->size, wanted, &got, &piece->records.error) !=
        SOMBRA_OK)
        return false;
    if (!c->begun && got >= 3 && memcmp(piece->text, "\xEF\xBB\xBF", 3) == 0) {
        memmove(piece->text, piece->text + 3, got - 3);
        piece->size -= 3;
    }
    c->begun = true;
    piece->size += got;
    piece->last = got < wanted;
    return true;
}

void fmt_cut(fmt_cutter *c, fmt_piece *piece)
{
    fmt_records *records = &piece->records;
    size_t cut = 0;

    records->path = c->path;
    piece->line = c->lines + 1;
    if (c->rest.size > piece->capacity)
        piece->text = fmt_grow(piece->text, &piece->capacity, c->rest.size, 1);
    if (c->rest.size != 0) memcpy(piece->text, c->rest.data, c->rest.size);
    piece->size = c->rest.size;
    c->rest.size = 0;
    while (cut == 0) {
        if (!read_more(c, piece)) return;
        cut = piece->last ? piece->size : c->place(c->ctx, piece->text, piece->size);
        if (piece->last) break;
        if (cut == 0 && piece->size > FMT_RECORD_MAX) {
            fmt_records_at(records, piece->line, NULL, 0);
            (void)fmt_records_broken(records, SOMBRA_LIMIT, 0, "%s", c->too_long);
            return;
        }
    }
    fmt_put(&c->rest, piece->text + cut, piece->size - cut);
    piece->size = cut;
    c->lines += fmt_count_lines(piece->text, cut);
    piece->done = fmt_input_done(c->input);
    piece->total = fmt_input_total(c->input);
}

void fmt_cutter_close(fmt_cutter *c)
{
    fmt_input_close(c->input);
    free(c->rest.data);
}
