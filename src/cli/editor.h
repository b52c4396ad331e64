/* editor.h — typing a statement at a terminal: several lines, colors, completion, history. A dumb one (TERM=dumb) gets plain lines. */
#ifndef SB_CLI_EDITOR_H
#define SB_CLI_EDITOR_H

#include "history.h"
#include "shell.h"

typedef struct editor editor;
editor *editor_create(shell *s);
void editor_destroy(editor *ed);
/* Read statements or a command into text (without a NUL). False at the end of input (Ctrl-D). In a transaction the prompt says so. */
bool editor_read(editor *ed, bool in_transaction, text_buffer *text);

/* ---- Drawing (editor_view.c) ---------------------------------------------------------------------------------------------- */

/* What is on the screen. Zeroed at first. */
typedef struct editor_view {
    size_t cursor_row, cursor_column; /* of the drawn rows, from 0 */
    size_t *widths;                   /* owned: of the rows up to the cursor's, in columns */
    bool color;
} editor_view;
typedef struct editor_scene {
    const char *text;
    size_t size, cursor;
    const char *prompt;             /* of the first line; the others are indented as far */
    const char *below;              /* a message under the text, or NULL */
    size_t match_start, match_size; /* part to show as found by a search */
} editor_scene;
/* Draw instead of what the view shows. */
void view_draw(editor_view *view, const editor_scene *scene);
/* What it has drawn is no longer on the screen. */
void view_forget(editor_view *view);
/* Leave the text on the screen and go behind it. */
void view_leave(editor_view *view, const editor_scene *scene);

/* ---- Characters ------------------------------------------------------------------------------------------------------------ */

/* Begin of the next, or of the previous, user-perceived character (grapheme cluster). */
size_t next_grapheme(const char *text, size_t size, size_t at);
size_t previous_grapheme(const char *text, size_t at);

#endif
