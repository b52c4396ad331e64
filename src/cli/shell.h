/* shell.h — what the files of the interactive shell share.
 *   shell.c            sessions: reading scripts and lines, running statements, telling what they came to
 *   shell_commands.c   commands that begin with '.' or ':'
 *   shell_schema.c     .schema: labels, their properties, and which relationships connect them
 *   cypher_scan.c      the words of a statement, as far as an editor has to know them
 *   terminal.c         raw mode, size, keys
 *   editor.c           editing a statement of several lines
 *   editor_view.c      drawing it, with colors
 *   history.c          statements of before
 *   complete.c         where the cursor is, and so what its word may go on with
 *   complete_words.c   the words there are: names of the graph, of functions, files …
 *   graph_view.c       results as pictures
 *   dump.c             a graph as a Cypher script
 * The shell stands on sombra.h and the command's own helpers. */
#ifndef SB_SHELL_H
#define SB_SHELL_H

#include "cli.h"

/* ---- Words of a statement (cypher_scan.c) ----------------------------------------------------------------------------- */

typedef enum scan_kind {
    SCAN_SPACE,
    SCAN_NAME,   /* a name that is no keyword */
    SCAN_QUOTED, /* a name in backquotes */
    SCAN_KEYWORD,
    SCAN_FUNCTION, /* a name with '(' behind it */
    SCAN_LABEL,    /* a name behind ':' in a pattern */
    SCAN_PARAM,
    SCAN_STRING,
    SCAN_NUMBER,
    SCAN_COMMENT,
    SCAN_PUNCTUATION
} scan_kind;
typedef struct scan_word {
    scan_kind kind;
    size_t start, end; /* bytes */
    bool open;         /* a string, quoted name or comment that does not end */
} scan_word;
/* The word at start (less than size). Never fails: what means nothing is punctuation. */
scan_word scan_next(const char *text, size_t size, size_t start);
/* Keyword i of the language in capitals, sorted; NULL past the last. */
const char *scan_keyword(size_t i);

/* Finds the ';' that ends a statement in a text that grows. Zeroed at first. */
typedef struct scan_end {
    size_t at;  /* looked at so far */
    char quote; /* in a string or quoted name: its quote; in comments: '/' or '*'; else 0 */
    bool any;   /* has seen more than white space and comments */
} scan_end;
/* Go on behind what was looked at: true when a ';' was found, and scan->at is behind it. */
bool scan_statement(scan_end *scan, const char *text, size_t size);

/* Bytes of white space and whole comments at the beginning of a text. */
size_t scan_blank(const char *text, size_t size);
/* A statement or a command of a text. */
typedef struct scan_piece {
    size_t start,
        end; /* behind what scan_blank counts; behind the ';' or the line end, or the text's end */
    bool command;
    bool whole; /* a command, or a statement with its ';' */
    bool any;   /* more than a comment */
} scan_piece;
/* The one that begins at a place. */
scan_piece scan_next_piece(const char *text, size_t size, size_t at);

/* ---- Settings ---------------------------------------------------------------------------------------------------------- */

typedef struct setting_list {
    char **texts; /* owned: "NAME=VALUE" */
    size_t count;
} setting_list;
/* Set NAME to value, replacing one that is there. */
void setting_put(setting_list *list, const char *name, const char *value);
bool setting_remove(setting_list *list, const char *name);
void settings_free(setting_list *list);

/* ---- A session (shell.c) ----------------------------------------------------------------------------------------------- */

struct history;

/* Standard output goes to a file or program meanwhile. */
typedef struct redirection {
    char *target; /* owned: its name; NULL: it does not */
    int before;   /* file descriptor of where it went before */
    FILE *pipe;   /* to a program; NULL: none */
} redirection;

typedef struct shell {
    invocation cli; /* database, connection, output format; in_shell */
    const char *file;
    bool interactive;     /* a person types at a terminal */
    bool timer;           /* tell how long statements took */
    int explain;          /* put before statements: 0 nothing, 1 EXPLAIN, 2 PROFILE */
    picture_form picture; /* as .mode graph said */
    setting_list params;
    FILE *log;                /* statements are noted here; NULL: not */
    redirection output, once; /* of .output, and within it of .once */
    unsigned read_depth;      /* scripts that read scripts */
    bool quit;
    int exit_code; /* of .quit */
    struct history *history;
} shell;

/* Run all statements and commands of a text or file; until the first error unless a person types. */
int shell_run_text(shell *s, const char *text, size_t size);
int shell_run_file(shell *s, const char *path);
/* Run a script that makes a graph in one transaction: all of it or nothing. */
int shell_restore(shell *s, const char *script);
/* Run one statement, without ';' or with it, which stands at place of a text; and tell what it came to. */
int shell_run_statement(shell *s, const char *text, size_t size, text_place place);
/* Open another database instead of the present one. */
int shell_open(shell *s, const char *file, bool read_only);
/* Standard output to a file or '|command'; NULL or "-": back to where it went first. */
int shell_redirect(shell *s, const char *target, bool once);
/* Write what a statement or command has printed, and tell when that fails; ends .once, if the result was the one that it waits for. */
int shell_finish(shell *s, int code, bool result);
/* The form of pictures, by .mode graph and by where results go: cli.picture. */
void shell_choose_picture(shell *s);
/* Run a command line without its '.' or ':' (shell_commands.c). */
int shell_command(shell *s, const char *line);

/* The words of a command line: between blanks, 'quoted', "quoted", or with a backslash before a character. */
#define WORDS_MAX 64
typedef struct command_words {
    char *text; /* owned: the words, each with its NUL */
    char *at[WORDS_MAX];
    int count;
    const char *rest; /* the line as it is, from the first word on */
    const char *last; /* and from the last word on */
    bool in_last;     /* no blank stands behind the last word */
    bool too_many;    /* more than WORDS_MAX: the others are left out */
    char quote;       /* that is not closed; 0: none */
} command_words;
void split_words(const char *line, command_words *w);
/* Name of command i, without the dot; NULL past the last. */
const char *shell_command_name(size_t i);
/* What the arguments of a command (or its alias) are: the letter of its row in the table of shell_commands.c, ' ' when nothing is known;
 * and the command of sombra whose flags it takes, or NULL. */
char shell_command_takes(const char *name, const command **flags);
/* Name of setting i of .set that can be changed; NULL past the last. */
const char *shell_setting_name(size_t i);
int print_shell_schema(invocation *cli, const char *label);
/* Write the graph as a Cypher script to standard output, as the open transaction sees it (dump.c). */
int dump_graph(invocation *cli);
/* Standard output is a file of this name, which holds no whole script: remove it (dump.c). */
void drop_script(const char *script);
#endif
