/* editor.c — the text being typed, and what each key does to it: Emacs' keys, as in other shells. Enter ends the text when it is a command or
 * ends with ';', and begins a new line otherwise. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complete.h"
#include "editor.h"
#include "terminal.h"

struct editor {
    shell *shell;
    history *history;
    text_buffer text;   /* being typed */
    size_t cursor;      /* byte, on a character's begin */
    text_buffer killed; /* what Ctrl-K, -U, -W took; Ctrl-Y gives it back */
    text_buffer draft;  /* what was typed before the history was walked through */
    size_t entry;       /* place in the history; its count: the draft */
    text_buffer below;  /* message under the text, until the next key; NUL-terminated, or empty */
    editor_view view;
    key pressed;
    char prompt[32];
    bool plain; /* a terminal that can not move its cursor */
};

editor *editor_create(shell *s)
{
    editor *ed = calloc(1, sizeof *ed);
    const char *terminal = getenv("TERM");

    if (ed == NULL) exit(complain(8, "out of memory"));
    ed->shell = s;
    terminal_keep();
    /* texts are never NULL, so that empty ones need no care */
    put(&ed->text, "", 1);
    put(&ed->killed, "", 1);
    put(&ed->draft, "", 1);
    ed->text.size = ed->killed.size = ed->draft.size = 0;
    ed->history = history_open();
    ed->view.color = use_color(STDOUT_FILENO);
    ed->plain = terminal == NULL || strcmp(terminal, "dumb") == 0;
    return ed;
}

void editor_destroy(editor *ed)
{
    history_close(ed->history);
    free(ed->text.data);
    free(ed->killed.data);
    free(ed->draft.data);
    free(ed->below.data);
    free(ed->pressed.text.data);
    view_forget(&ed->view);
    free(ed);
}

/* ---- Changing the text ------------------------------------------------------------------------------------------------- */

static void set_text(editor *ed, const char *text, size_t bytes)
{
    ed->text.size = 0;
    put(&ed->text, text, bytes);
    ed->cursor = bytes;
}

static void insert(editor *ed, const char *text, size_t bytes)
{
    const size_t rest = ed->text.size - ed->cursor;

    if (bytes == 0) return;
    put(&ed->text, text, bytes); /* room for it */
    memmove(ed->text.data + ed->cursor + bytes, ed->text.data + ed->cursor, rest);
    memcpy(ed->text.data + ed->cursor, text, bytes);
    ed->cursor += bytes;
}

/* Remove from start to end; keep: Ctrl-Y gives it back. */
static void cut(editor *ed, size_t start, size_t end, bool keep)
{
    if (start >= end) return;
    if (keep) {
        ed->killed.size = 0;
        put(&ed->killed, ed->text.data + start, end - start);
    }
    memmove(ed->text.data + start, ed->text.data + end, ed->text.size - end);
    ed->text.size -= end - start;
    ed->cursor = start;
}

/* ---- Places ------------------------------------------------------------------------------------------------------------- */

static size_t line_start(const editor *ed)
{
    size_t at = ed->cursor;
    while (at > 0 && ed->text.data[at - 1] != '\n')
        at--;
    return at;
}

static size_t line_end(const editor *ed)
{
    size_t at = ed->cursor;
    while (at < ed->text.size && ed->text.data[at] != '\n')
        at++;
    return at;
}

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static size_t word_left(const editor *ed)
{
    size_t at = ed->cursor;
    while (at > 0 && !in_word(ed->text.data[at - 1]))
        at--;
    while (at > 0 && in_word(ed->text.data[at - 1]))
        at--;
    return at;
}

static size_t word_right(const editor *ed)
{
    size_t at = ed->cursor;
    while (at < ed->text.size && !in_word(ed->text.data[at]))
        at++;
    while (at < ed->text.size && in_word(ed->text.data[at]))
        at++;
    return at;
}

/* Up or down a line, to the same column as near as it goes. False when there is no such line. */
static bool move_line(editor *ed, bool up)
{
    const size_t start = line_start(ed), end = line_end(ed);
    size_t column = text_width(ed->text.data + start, ed->cursor - start), at = 0, used = 0;

    if (up ? start == 0 : end == ed->text.size) return false;
    ed->cursor = up ? start - 1 : end + 1;
    at = line_start(ed);
    while (at < line_end(ed)) {
        const size_t next = next_grapheme(ed->text.data, ed->text.size, at);
        used += text_width(ed->text.data + at, next - at);
        if (used > column) break;
        at = next;
    }
    ed->cursor = at;
    return true;
}

/* ---- History ---------------------------------------------------------------------------------------------------------------- */

static void show_entry(editor *ed, size_t entry)
{
    if (ed->entry == history_count(ed->history)) {
        ed->draft.size = 0;
        put(&ed->draft, ed->text.data, ed->text.size);
    }
    ed->entry = entry;
    if (entry == history_count(ed->history))
        set_text(ed, ed->draft.data, ed->draft.size);
    else
        set_text(ed, history_at(ed->history, entry), strlen(history_at(ed->history, entry)));
}

static void draw(editor *ed)
{
    const editor_scene scene = {.text = ed->text.data,
                                .size = ed->text.size,
                                .cursor = ed->cursor,
                                .prompt = ed->prompt,
                                .below = ed->below.size == 0 ? NULL : ed->below.data};

    view_draw(&ed->view, &scene);
}

/* Ctrl-R: the newest text that holds what is typed; Ctrl-R again: an older one. Ends with a key that is no text, which then counts; Ctrl-C and
 * Ctrl-G give back what was there. */
static void search(editor *ed)
{
    text_buffer wanted = {0}, before = {0};
    size_t found = history_count(ed->history);
    bool done = false, missing = false;

    put(&before, ed->text.data, ed->text.size);
    put(&wanted, "", 1);
    wanted.size = 0;
    while (!done) {
        char prompt[128];
        const char *entry =
            found < history_count(ed->history) ? history_at(ed->history, found) : "";
        const char *match =
            wanted.size == 0 ? NULL : memmem(entry, strlen(entry), wanted.data, wanted.size);
        editor_scene scene = {.text = entry,
                              .size = strlen(entry),
                              .prompt = prompt,
                              .match_start = match == NULL ? 0 : (size_t)(match - entry),
                              .match_size = match == NULL ? 0 : wanted.size};
        size_t older = SIZE_MAX;

        scene.cursor = match == NULL ? scene.size : scene.match_start;
        snprintf(prompt, sizeof prompt, "%s '%.*s': ", missing ? "not found" : "search",
                 (int)(wanted.size < 80 ? wanted.size : 80), wanted.data);
        view_draw(&ed->view, &scene);
        terminal_key(&ed->pressed);
        switch (ed->pressed.kind) {
        case KEY_TEXT:
        case KEY_PASTE:
            put(&wanted, ed->pressed.text.data, ed->pressed.text.size);
            older = history_find(ed->history, wanted.data, wanted.size, found + 1);
            break;
        case KEY_BACKSPACE:
            wanted.size = previous_grapheme(wanted.data, wanted.size);
            if (wanted.size != 0)
                older = history_find(ed->history, wanted.data, wanted.size, SIZE_MAX);
            break;
        case KEY_RESIZE: older = found; break;
        case KEY_CTRL:
            if (ed->pressed.code == 'r') {
                older = history_find(ed->history, wanted.data, wanted.size, found);
                break;
            }
            done = true;
            if (ed->pressed.code != 'c' && ed->pressed.code != 'g') break;
            set_text(ed, before.data, before.size);
            ed->pressed.kind = KEY_UNKNOWN;
            found = history_count(ed->history);
            break;
        default: done = true;
        }
        missing = !done && older == SIZE_MAX && wanted.size != 0;
        if (older != SIZE_MAX) found = older;
    }
    if (found < history_count(ed->history)) show_entry(ed, found);
    free(wanted.data);
    free(before.data);
}

/* ---- Completion -------------------------------------------------------------------------------------------------------------- */

static size_t common_start(const completion *found)
{
    size_t bytes = strlen(found->words[0]);

    for (size_t i = 1; i < found->count; i++) {
        size_t same = 0;
        while (same < bytes && found->words[i][same] == found->words[0][same])
            same++;
        bytes = same;
    }
    /* not within a character, nor behind a backslash that the next one needs */
    while (bytes > 0 && found->count > 1 &&
           (((unsigned char)found->words[0][bytes] & 0xC0) == 0x80 ||
            found->words[0][bytes - 1] == '\\'))
        bytes--;
    return bytes;
}

/* The words in columns, as ls does. */
static void list_words(editor *ed, const completion *found)
{
    size_t rows, columns, widest = 0, across, lines;
    char more[64];

    terminal_size(&rows, &columns);
    for (size_t i = 0; i < found->count; i++) {
        const size_t width = text_width(found->words[i], strlen(found->words[i]));
        if (width > widest) widest = width;
    }
    if (widest > 40) widest = 40;
    across = columns / (widest + 2);
    if (across == 0) across = 1;
    lines = (found->count + across - 1) / across;
    ed->below.size = 0;
    for (size_t line = 0; line < lines && line < rows / 2; line++) {
        for (size_t i = line; i < found->count; i += lines) {
            put_fitted(&ed->below, found->words[i], strlen(found->words[i]), widest, false);
            put_text(&ed->below, "  ");
        }
        put_text(&ed->below, "\n");
    }
    if (lines > rows / 2) {
        snprintf(more, sizeof more, "… %zu in all\n", found->count);
        put_text(&ed->below, more);
    }
    put(&ed->below, "", 1);
}

/* What follows a word that is the only one, unless the word goes on, or it stands there already. */
static void insert_behind(editor *ed, const char *behind)
{
    const char last = ed->text.data[ed->cursor - 1];
    const bool at_end = ed->cursor == ed->text.size || ed->text.data[ed->cursor] == '\n';

    if (strchr("/(=", last) == NULL && (at_end || *behind != ' '))
        insert(ed, behind, strlen(behind));
}

static void complete(editor *ed)
{
    completion found;
    size_t bytes;

    complete_at(ed->shell, ed->text.data, ed->text.size, ed->cursor, &found);
    if (found.count != 0) {
        const bool only = found.count == 1;
        bytes = common_start(&found);
        if (bytes > ed->cursor - found.start || only) {
            cut(ed, found.start, ed->cursor, false);
            insert(ed, found.words[0], bytes);
            if (only) insert_behind(ed, found.behind);
        } else {
            list_words(ed, &found);
        }
    }
    completion_free(&found);
}

/* ---- Keys -------------------------------------------------------------------------------------------------------------------- */

/* Is all of it commands and statements with their ';'? */
static bool is_whole(const editor *ed)
{
    size_t at = 0;

    for (;;) {
        const scan_piece piece = scan_next_piece(ed->text.data, ed->text.size, at);
        if (piece.start == ed->text.size) return true;
        if (!piece.whole) return !piece.any && at != 0; /* comments behind the last one */
        at = piece.end;
    }
}

typedef enum outcome { GO_ON, ENTERED, CANCELLED, ENDED } outcome;
static outcome press(editor *ed);

static outcome press_ctrl(editor *ed)
{
    const size_t count = history_count(ed->history);

    switch (ed->pressed.code) {
    case 'a': ed->cursor = line_start(ed); break;
    case 'e': ed->cursor = line_end(ed); break;
    case 'b': ed->cursor = previous_grapheme(ed->text.data, ed->cursor); break;
    case 'f': ed->cursor = next_grapheme(ed->text.data, ed->text.size, ed->cursor); break;
    case 'c': return CANCELLED;
    case 'd':
        if (ed->text.size == 0) return ENDED;
        cut(ed, ed->cursor, next_grapheme(ed->text.data, ed->text.size, ed->cursor), false);
        break;
    case 'k':
        cut(ed, ed->cursor,
            ed->cursor == line_end(ed) && ed->cursor < ed->text.size ? ed->cursor + 1
                                                                     : line_end(ed),
            true);
        break;
    case 'u': cut(ed, line_start(ed), ed->cursor, true); break;
    case 'w': cut(ed, word_left(ed), ed->cursor, true); break;
    case 'y': insert(ed, ed->killed.data, ed->killed.size); break;
    case 'l':
        terminal_write("\033[H\033[2J", 7);
        view_forget(&ed->view);
        break;
    case 'o': insert(ed, "\n", 1); break;
    case 'p':
        if (ed->entry > 0) show_entry(ed, ed->entry - 1);
        break;
    case 'n':
        if (ed->entry < count) show_entry(ed, ed->entry + 1);
        break;
    case 'r': search(ed); return press(ed); /* the key that ended it, which is no Ctrl-R */
    case 'z':
        terminal_write("\r\n", 2);
        terminal_suspend();
        view_forget(&ed->view);
        break;
    default: break;
    }
    return GO_ON;
}

static outcome press(editor *ed)
{
    const size_t count = history_count(ed->history);
    size_t start;

    switch (ed->pressed.kind) {
    case KEY_TEXT:
    case KEY_PASTE: insert(ed, ed->pressed.text.data, ed->pressed.text.size); break;
    case KEY_CTRL: return press_ctrl(ed);
    case KEY_ALT:
        if (ed->pressed.code == 'b') ed->cursor = word_left(ed);
        if (ed->pressed.code == 'f') ed->cursor = word_right(ed);
        if (ed->pressed.code == 'd') cut(ed, ed->cursor, word_right(ed), true);
        break;
    case KEY_ENTER:
        if (is_whole(ed)) return ENTERED;
        insert(ed, "\n", 1);
        break;
    case KEY_ALT_ENTER: insert(ed, "\n", 1); break;
    case KEY_TAB: complete(ed); break;
    case KEY_BACKSPACE:
        start = previous_grapheme(ed->text.data, ed->cursor);
        cut(ed, start, ed->cursor, false);
        break;
    case KEY_ALT_BACKSPACE: cut(ed, word_left(ed), ed->cursor, true); break;
    case KEY_DELETE:
        cut(ed, ed->cursor, next_grapheme(ed->text.data, ed->text.size, ed->cursor), false);
        break;
    case KEY_LEFT: ed->cursor = previous_grapheme(ed->text.data, ed->cursor); break;
    case KEY_RIGHT: ed->cursor = next_grapheme(ed->text.data, ed->text.size, ed->cursor); break;
    case KEY_WORD_LEFT: ed->cursor = word_left(ed); break;
    case KEY_WORD_RIGHT: ed->cursor = word_right(ed); break;
    case KEY_UP:
        if (!move_line(ed, true) && ed->entry > 0) show_entry(ed, ed->entry - 1);
        break;
    case KEY_DOWN:
        if (!move_line(ed, false) && ed->entry < count) show_entry(ed, ed->entry + 1);
        break;
    case KEY_HOME: ed->cursor = line_start(ed); break;
    case KEY_END: ed->cursor = line_end(ed); break;
    case KEY_EOF: return ENDED;
    case KEY_ESCAPE:
    case KEY_RESIZE:
    case KEY_UNKNOWN: break;
    }
    return GO_ON;
}

/* Keys until the text is entered; Ctrl-C begins anew. */
static outcome edit(editor *ed)
{
    outcome result = GO_ON;

    while (result == GO_ON) {
        if (!terminal_pending()) draw(ed);
        terminal_key(&ed->pressed);
        ed->below.size = 0;
        result = press(ed);
    }
    return result;
}

static void leave_text(editor *ed)
{
    const editor_scene scene = {.text = ed->text.data,
                                .size = ed->text.size,
                                .cursor = ed->text.size,
                                .prompt = ed->prompt};
    view_leave(&ed->view, &scene);
}

/* Without raw mode: lines as the terminal gives them, until they make something whole. */
static bool read_plain(editor *ed)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t bytes;

    set_text(ed, "", 0);
    do {
        const char *prompt = ed->text.size == 0 ? ed->prompt : "   ...> ";
        terminal_write(prompt, strlen(prompt));
        bytes = getline(&line, &capacity, stdin);
        if (bytes > 0) put(&ed->text, line, (size_t)bytes);
    } while (bytes > 0 && !is_whole(ed));
    free(line);
    return bytes > 0 || ed->text.size != 0;
}

bool editor_read(editor *ed, bool in_transaction, text_buffer *text)
{
    outcome result;

    snprintf(ed->prompt, sizeof ed->prompt, "sombra%s> ", in_transaction ? "*" : "");
    if (ed->plain || !terminal_enter()) {
        if (!read_plain(ed)) return false;
    } else {
        do {
            set_text(ed, "", 0);
            ed->entry = history_count(ed->history);
            ed->below.size = 0;
            result = edit(ed);
            ed->below.size = 0;
            leave_text(ed);
        } while (result == CANCELLED);
        terminal_leave();
        if (result == ENDED) return false;
    }
    history_add(ed->history, ed->text.data, ed->text.size);
    put(text, ed->text.data, ed->text.size);
    return true;
}
