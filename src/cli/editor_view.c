/* editor_view.c — the text being edited on the screen: wrapped, in colors, with the bracket that matches the one at the cursor.
 * All of it is drawn anew for each key: a statement is short, and so nothing depends on what the terminal remembers. Of a text higher than the
 * terminal the rows around the cursor are shown. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "editor.h"
#include "terminal.h"

#define COLORED_MAX 65536u /* bytes; longer texts are drawn plain */

typedef enum style {
    STYLE_PLAIN,
    STYLE_KEYWORD,
    STYLE_FUNCTION,
    STYLE_LABEL,
    STYLE_STRING,
    STYLE_NUMBER,
    STYLE_COMMENT,
    STYLE_MATCH, /* found by a search, or a bracket and its partner */
    STYLE_LONE   /* a bracket without partner */
} style;
static const char *const codes[] = {
    [STYLE_PLAIN] = "\033[0m",       [STYLE_KEYWORD] = "\033[0;1;34m",
    [STYLE_FUNCTION] = "\033[0;36m", [STYLE_LABEL] = "\033[0;33m",
    [STYLE_STRING] = "\033[0;32m",   [STYLE_NUMBER] = "\033[0;35m",
    [STYLE_COMMENT] = "\033[0;2m",   [STYLE_MATCH] = "\033[0;1;7m",
    [STYLE_LONE] = "\033[0;1;31m",
};

/* ---- Characters --------------------------------------------------------------------------------------------------------- */

size_t next_grapheme(const char *text, size_t size, size_t at)
{
    int32_t before, character;
    utf8proc_int32_t state = 0;
    size_t columns;

    if (at >= size) return size;
    at += next_character(text + at, size - at, &before, &columns);
    while (at < size) {
        const size_t used = next_character(text + at, size - at, &character, &columns);
        if (utf8proc_grapheme_break_stateful(before, character, &state)) break;
        before = character;
        at += used;
    }
    return at;
}

size_t previous_grapheme(const char *text, size_t at)
{
    size_t from = at, before = 0;

    if (at == 0) return 0;
    for (from = at - 1; from > 0 && text[from - 1] != '\n'; from--)
        continue;
    for (size_t next = from; next < at; next = next_grapheme(text, at, next))
        before = next;
    return before;
}

/* ---- Colors --------------------------------------------------------------------------------------------------------------- */

static style style_of(scan_kind kind)
{
    switch (kind) {
    case SCAN_KEYWORD: return STYLE_KEYWORD;
    case SCAN_FUNCTION: return STYLE_FUNCTION;
    case SCAN_LABEL: return STYLE_LABEL;
    case SCAN_STRING: return STYLE_STRING;
    case SCAN_NUMBER:
    case SCAN_PARAM: return STYLE_NUMBER;
    case SCAN_COMMENT: return STYLE_COMMENT;
    case SCAN_SPACE:
    case SCAN_NAME:
    case SCAN_QUOTED:
    case SCAN_PUNCTUATION: break;
    }
    return STYLE_PLAIN;
}

/* The bracket at the cursor, or before it, and its partner. */
static void mark_brackets(const editor_scene *scene, uint8_t *styles)
{
    static const char brackets[] = "()[]{}";
    size_t *open = malloc((scene->size + 1) * sizeof *open), depth = 0, at = SIZE_MAX;

    if (open == NULL) exit(complain(8, "out of memory"));
    for (size_t i = 0; i < 2 && at == SIZE_MAX; i++) {
        const size_t place = scene->cursor - i; /* wraps for 0 - 1: past the end */
        if (place < scene->size && strchr(brackets, scene->text[place]) != NULL &&
            scene->text[place] != '\0')
            at = place;
    }
    for (size_t from = 0; at != SIZE_MAX && from < scene->size;) {
        const scan_word word = scan_next(scene->text, scene->size, from);
        const char c = scene->text[word.start];
        const char *place = strchr(brackets, c);

        from = word.end;
        if (word.kind != SCAN_PUNCTUATION || place == NULL || c == '\0') continue;
        if (word.start == at) styles[at] = STYLE_LONE;
        if ((place - brackets) % 2 == 0) {
            open[depth++] = word.start;
        } else if (depth != 0 && scene->text[open[depth - 1]] == place[-1]) {
            depth--;
            if (open[depth] == at || word.start == at)
                styles[open[depth]] = styles[word.start] = STYLE_MATCH;
        }
    }
    free(open);
}

/* Of a command only its name is a word of ours. */
static void color_piece(const char *text, const scan_piece *piece, uint8_t *styles)
{
    size_t end = piece->start;

    while (piece->command && end < piece->end && !isspace((unsigned char)text[end]))
        styles[end++] = STYLE_KEYWORD;
    for (size_t at = piece->start; !piece->command && at < piece->end;) {
        const scan_word word = scan_next(text, piece->end, at);
        memset(styles + word.start, (int)style_of(word.kind), word.end - word.start);
        at = word.end;
    }
}

/* A style for each byte. */
static uint8_t *find_styles(const editor_view *view, const editor_scene *scene)
{
    uint8_t *styles = calloc(scene->size + 1, 1);
    if (styles == NULL) exit(complain(8, "out of memory"));
    if (!view->color || scene->size > COLORED_MAX) return styles;
    for (size_t at = 0; at < scene->size;) {
        const scan_piece piece = scan_next_piece(scene->text, scene->size, at);
        color_piece(scene->text, &piece, styles);
        at = piece.end;
    }
    mark_brackets(scene, styles);
    if (scene->match_size != 0) memset(styles + scene->match_start, STYLE_MATCH, scene->match_size);
    return styles;
}

/* ---- Rows ------------------------------------------------------------------------------------------------------------------ */

typedef struct canvas_row {
    size_t start; /* place in out */
    size_t width; /* in columns */
} canvas_row;
typedef struct canvas {
    text_buffer out; /* rows, each ends with "\r\n" but the last */
    canvas_row *row;
    size_t rows, columns; /* rows so far; columns of the terminal */
    size_t at;            /* column */
    size_t cursor_row, cursor_column;
} canvas;

static void new_row(canvas *c, size_t indent)
{
    put_text(&c->out, "\r\n");
    c->row = realloc(c->row, (c->rows + 1) * sizeof *c->row);
    if (c->row == NULL) exit(complain(8, "out of memory"));
    if (c->rows != 0) c->row[c->rows - 1].width = c->at;
    c->row[c->rows++] = (canvas_row){.start = c->out.size};
    for (c->at = 0; c->at < indent; c->at++)
        put_text(&c->out, " ");
}

static void put_scene(canvas *c, const editor_view *view, const editor_scene *scene)
{
    const size_t indent = text_width(scene->prompt, strlen(scene->prompt));
    uint8_t *styles = find_styles(view, scene);
    style now = STYLE_PLAIN;

    for (size_t at = 0;;) {
        int32_t character;
        size_t columns, bytes;

        if (at == scene->cursor) c->cursor_row = c->rows - 1, c->cursor_column = c->at;
        if (at >= scene->size) break;
        bytes = next_character(scene->text + at, scene->size - at, &character, &columns);
        if (view->color && styles[at] != (uint8_t)now) {
            now = (style)styles[at];
            put_text(&c->out, codes[now]);
        }
        if (character == '\n') {
            new_row(c, indent < c->columns / 2 ? indent : 0);
        } else {
            if (c->at + columns > c->columns) {
                new_row(c, 0);
                if (at == scene->cursor) c->cursor_row = c->rows - 1, c->cursor_column = 0;
            }
            if (character < 0x20 || (character >= 0x7F && character < 0xA0) || character == 0xFFFD)
                put_text(&c->out, columns == 0 ? "" : character == 0xFFFD ? "\xEF\xBF\xBD" : " ");
            else
                put(&c->out, scene->text + at, bytes);
            c->at += columns;
        }
        at += bytes;
    }
    if (now != STYLE_PLAIN) put_text(&c->out, codes[STYLE_PLAIN]);
    if (c->cursor_column == c->columns) { /* behind a full row: the cursor begins the next one */
        if (scene->cursor == scene->size) new_row(c, 0);
        c->cursor_row++;
        c->cursor_column = 0;
    }
    free(styles);
}

/* Lines of a message, each cut to the terminal's width. */
static void put_below(canvas *c, const char *text)
{
    while (*text != '\0') {
        const size_t bytes = strcspn(text, "\n");
        const size_t width = text_width(text, bytes);

        new_row(c, 0);
        put_fitted(&c->out, text, bytes, width < c->columns ? width : c->columns, false);
        text += bytes + (text[bytes] == '\n');
    }
}

static void move(text_buffer *out, size_t count, char direction)
{
    char text[32];

    if (count == 0) return;
    snprintf(text, sizeof text, "\033[%zu%c", count, direction);
    put_text(out, text);
}

/* ---- Where the drawn rows are ------------------------------------------------------------------------------------------------ */

/* Does the terminal wrap what is on it when it becomes narrower, or cut it off? All but a few old ones wrap, and those tell who they are; tmux
 * wraps, whatever it runs in. */
static bool terminal_wraps(void)
{
    return getenv("TMUX") != NULL || (getenv("XTERM_VERSION") == NULL && getenv("STY") == NULL);
}

/* How many rows the cursor is below the first one by now: the terminal may have become narrower since they were drawn. */
static size_t rows_above(const editor_view *view, size_t columns)
{
    size_t rows = 0;

    if (view->widths == NULL || !terminal_wraps()) return view->cursor_row;
    for (size_t i = 0; i < view->cursor_row; i++)
        rows += view->widths[i] <= columns ? 1 : (view->widths[i] + columns - 1) / columns;
    /* Behind the last character of a row that is full now the cursor stays in that. */
    const bool behind = view->cursor_column != 0 && view->cursor_column % columns == 0 &&
                        view->cursor_column == view->widths[view->cursor_row];
    return rows + view->cursor_column / columns - behind;
}

/* Of the rows that were drawn from the first one on. */
static void remember_rows(editor_view *view, const canvas *c, size_t first)
{
    const size_t count = c->cursor_row - first + 1;
    size_t *widths = realloc(view->widths, count * sizeof *widths);

    if (widths == NULL) exit(complain(8, "out of memory"));
    for (size_t i = 0; i < count; i++)
        widths[i] = c->row[first + i].width;
    view->widths = widths;
    view->cursor_row = count - 1;
    view->cursor_column = c->cursor_column;
}

void view_forget(editor_view *view)
{
    free(view->widths);
    view->widths = NULL;
    view->cursor_row = view->cursor_column = 0;
}

void view_draw(editor_view *view, const editor_scene *scene)
{
    canvas c = {0};
    text_buffer frame = {0};
    size_t height, first = 0, last;

    terminal_size(&height, &c.columns);
    new_row(&c, 0);
    c.out.size = c.row[0].start = 0; /* the first row begins where the cursor is */
    if (view->color) put_text(&c.out, "\033[1m");
    put_text(&c.out, scene->prompt);
    if (view->color) put_text(&c.out, "\033[0m");
    c.at = text_width(scene->prompt, strlen(scene->prompt));
    put_scene(&c, view, scene);
    if (scene->below != NULL) put_below(&c, scene->below);
    c.row[c.rows - 1].width = c.at;
    last = c.rows;
    if (c.rows > height) { /* the rows around the cursor */
        first = c.cursor_row < height / 2 ? 0 : c.cursor_row - height / 2;
        if (first + height > c.rows) first = c.rows - height;
        last = first + height;
    }
    put_text(&frame, "\033[?25l\r");
    move(&frame, rows_above(view, c.columns), 'A');
    put_text(&frame, "\033[J");
    put(&frame, c.out.data + c.row[first].start,
        (last == c.rows ? c.out.size : c.row[last].start - 2) - c.row[first].start);
    move(&frame, last - 1 - c.cursor_row, 'A');
    put_text(&frame, "\r");
    move(&frame, c.cursor_column, 'C');
    put_text(&frame, "\033[?25h");
    terminal_write(frame.data, frame.size);
    remember_rows(view, &c, first);
    free(frame.data);
    free(c.out.data);
    free(c.row);
}

void view_leave(editor_view *view, const editor_scene *scene)
{
    editor_scene end = *scene;

    end.cursor = end.size;
    end.below = NULL;
    end.match_size = 0;
    view_draw(view, &end);
    terminal_write("\r\n", 2);
    view_forget(view);
}
