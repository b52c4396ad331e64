/* terminal.h — a terminal in raw mode: keys in, size out. It is put back as it was when raw mode ends, the program exits or a signal ends it. */
#ifndef SB_CLI_TERMINAL_H
#define SB_CLI_TERMINAL_H

#include "cli.h"

typedef enum key_kind {
    KEY_TEXT,  /* a character: its UTF-8 in text */
    KEY_PASTE, /* what was pasted, in text: line ends are '\n' */
    KEY_CTRL,  /* with a letter: code 'a' … 'z', or '_' */
    KEY_ALT,   /* with a character: code */
    KEY_ENTER,
    KEY_ALT_ENTER,
    KEY_TAB,
    KEY_BACKSPACE,
    KEY_ALT_BACKSPACE,
    KEY_DELETE,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_UP,
    KEY_DOWN,
    KEY_WORD_LEFT,
    KEY_WORD_RIGHT,
    KEY_HOME,
    KEY_END,
    KEY_ESCAPE,
    KEY_RESIZE,  /* the terminal has another size now, or the program was continued */
    KEY_UNKNOWN, /* nothing to do */
    KEY_EOF      /* the terminal is gone */
} key_kind;
typedef struct key {
    key_kind kind;
    char code;
    text_buffer text; /* owned by the caller of terminal_key, who keeps it from key to key */
} key;

/* What standard output is now is where all below writes, wherever that goes later. Once. */
void terminal_keep(void);
/* False, and nothing changed, when standard input is no terminal. */
bool terminal_enter(void);
void terminal_leave(void);
/* Wait for a key. */
void terminal_key(key *pressed);
/* Are there keys that wait already? Then what is drawn now is not seen. */
bool terminal_pending(void);
/* Stop the program as Ctrl-Z does elsewhere; returns when it goes on. */
void terminal_suspend(void);
void terminal_size(size_t *rows, size_t *columns);
/* Write all of a text to the terminal. */
void terminal_write(const char *text, size_t bytes);

#endif
