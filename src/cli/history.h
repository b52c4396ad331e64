/* history.h — what was typed before, kept in a file from session to session. */
#ifndef SB_CLI_HISTORY_H
#define SB_CLI_HISTORY_H

#include "cli.h"

typedef struct history history;
/* The file: $SOMBRA_HISTORY ("" for none), else sombra/history under $XDG_STATE_HOME (~/.local/state). Owned; NULL: none. make: the folders, too. */
char *history_path(bool make);
/* Read it. Without a file it is empty. */
history *history_open(void);
void history_close(history *h);
size_t history_count(const history *h);
/* Entry i, oldest first. */
const char *history_at(const history *h, size_t i);
/* Remember a text, unless it is blank or the one before; and add it to the file (mode 0600). */
void history_add(history *h, const char *text, size_t bytes);
/* The newest entry before place `before` that holds the text; SIZE_MAX: none. */
size_t history_find(const history *h, const char *text, size_t bytes, size_t before);

#endif
