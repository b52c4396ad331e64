/* script_priv.h — what the files of the reader of Cypher scripts share: words and names of a statement (script_scan.c), its literals as values
 * (script_literal.c), those that make nodes or relationships of a list of rows (script_shape.c), marks that need not be written
 * (script_marks.c), Neo4j's keys of relationships (script_rel_key.c), and how statements run (script_run.c). */
#ifndef SB_CLI_FORMATS_SCRIPT_PRIV_H
#define SB_CLI_FORMATS_SCRIPT_PRIV_H

#include "cli/formats/formats.h"

/* ---- Bytes of a statement ---------------------------------------------------------------------------------------- */

/* Where the text goes on behind blanks and ends of lines. */
static inline const char *script_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

static inline bool script_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Of a name that needs no quotes, behind its first. */
static inline bool script_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || script_is_digit(c) || c == '_';
}

/* ---- script_scan.c ---------------------------------------------------------------------------------------------- */

typedef struct script_scanner {
    const char *at, *end;
    fmt_arena *arena; /* of names in backquotes */
} script_scanner;
/* What stands next, behind blanks; false: something else does. */
bool script_take(script_scanner *s, const char *text);
bool script_take_word(script_scanner *s, const char *word); /* in any case */
bool script_take_name(script_scanner *s, sombra_text *name);
bool script_take_this(script_scanner *s, sombra_text name); /* this name */
bool script_take_integer(script_scanner *s, int64_t *integer);
bool script_at_end(script_scanner *s);
bool script_is_same(sombra_text a, sombra_text b);

/* ---- script_rel_key.c ------------------------------------------------------------------------------------------ */

/* CREATE CONSTRAINT … IS RELATIONSHIP KEY: how many bytes stand before IS, to be followed by IS UNIQUE; to later, the statements that ask for each of
 * its properties, with a NUL behind each. 0: it is no such statement. */
size_t script_rel_key(const char *text, size_t size, fmt_buffer *later);

/* ---- script_literal.c ------------------------------------------------------------------------------------------ */

#define SCRIPT_FUNCTIONS 8

/* Zeroed but for conn: empty. */
typedef struct script_literals {
    sombra_conn *conn;
    fmt_arena arena; /* what the values point at, beside the text itself */
    const char *at, *end;
    sombra_value *items; /* of lists that are being read */
    size_t item_count, item_capacity;
    sombra_entry *entries; /* of maps */
    size_t entry_count, entry_capacity;
    sombra_stmt *functions[SCRIPT_FUNCTIONS]; /* RETURN date($x); NULL: not needed yet */
} script_literals;
/* The literal at the front of a text: numbers, strings, true, false, null, lists and maps of them, and times and points of literals. False: it
 * is none, or one that is not known here, and for the language itself to read. Where it ends is literals->at, blanks behind it included. */
bool script_literal(script_literals *literals, const char *text, size_t size, sombra_value *value);
void script_literals_reset(script_literals *literals);
void script_literals_free(script_literals *literals);

/* ---- script_shape.c -------------------------------------------------------------------------------------------- */

#define SCRIPT_STEPS  4u
#define SCRIPT_LABELS 16u
/* Groups of ids whose names begin so are keys of nodes; no other reader has such. */
#define SCRIPT_GROUPS fmt_text("\0\0", 2)

/* row.start._id or row[0]: names, and with name.data NULL places in a list. */
typedef struct script_path {
    struct {
        sombra_text name;
        size_t place;
    } steps[SCRIPT_STEPS];
    size_t count;
} script_path;
/* (n:Label:Other {key: path}) */
typedef struct script_node {
    sombra_text variable, labels[SCRIPT_LABELS];
    size_t label_count;
    sombra_text key; /* data NULL: none */
    script_path value;
    sombra_text groups[2]; /* of ids: values of the key that are integers, and strings */
} script_node;
/* UNWIND rows AS row CREATE (n:Label {key: row.key}) SET n += row.properties SET n:Other
 * UNWIND rows AS row MATCH (a:Label {key: row.a}), (b:Label {key: row.b}) CREATE (a)-[r:TYPE]->(b) SET r += row.properties */
typedef struct script_shape {
    enum { SCRIPT_OTHER, SCRIPT_NODES, SCRIPT_RELS } kind;
    script_node nodes[2];
    sombra_text type;
    bool has_map;
    script_path map;
} script_shape;
/* What stands behind the rows: "AS row CREATE …". Texts are of it, or in arena. */
script_shape script_shape_of(fmt_arena *arena, const char *text, size_t size);
/* ---- script_marks.c -------------------------------------------------------------------------------------------- */

typedef struct script_statement {
    const char *path;
    uint64_t line; /* where it begins */
    const char *text;
    size_t size;
} script_statement;
/* Runs a statement in the graph as it stands. */
typedef sombra_status (*script_runs)(void *ctx, const script_statement *statement);
/* Marks of the nodes that the script has made, as long as they are not in the graph. Zeroed but for loader, run and ctx: none. */
typedef struct script_marks {
    fmt_loader *loader;
    script_runs run;
    void *ctx;
    bool is_off; /* they are written */
    sombra_text label, key, groups[2];
    uint64_t count;          /* nodes that lack theirs; 0: none, and what follows says nothing */
    bool has_strings;        /* among the marks, */
    int64_t lowest, highest; /* and integers from, to */
    /* Statements that take marks off again, and have not been run. */
    script_statement *removals;
    size_t removal_count, removal_capacity;
    uint64_t limit;         /* as many as these take off without saying which */
    int64_t above, through; /* those in between are taken off; above == through: none */
    fmt_arena arena;        /* all texts */
} script_marks;
/* Is the mark of the shape's nodes one that is left out? */
sombra_status script_marks_leave(script_marks *marks, const script_node *node, bool *left);
/* A node was made without. */
void script_marks_add(script_marks *marks, const sombra_value *mark);
/* Some lack theirs. Is the statement one that takes them off? Then it is kept, and is not to be run now. */
bool script_marks_take(script_marks *marks, const script_statement *statement);
/* Some lack theirs. Does the statement do the same without them? */
bool script_marks_allow(const script_marks *marks, const char *text, size_t size);
/* Where none is left out, as in batches: does the statement take marks off, which others before it have put on? shape: of its rows, or NULL. */
bool script_marks_are_off(script_marks *marks, const script_statement *statement,
                          const script_shape *shape);
/* The graph is to be as if marks had been written, and taken off, all the time. */
sombra_status script_marks_settle(script_marks *marks);
void script_marks_free(script_marks *marks);

/* ---- script_shape.c: rows --------------------------------------------------------------------------------------- */

/* The rows to the loader: all of them, or none. *taken false: nothing has been done, and the statement is to run as it is. */
sombra_status script_shape_load(fmt_loader *loader, script_marks *marks, const script_shape *shape,
                                const sombra_value *rows, fmt_arena *scratch, bool *taken);

/* ---- script_run.c ---------------------------------------------------------------------------------------------------- */

/* Statements that are run, and what was prepared for them. */
typedef struct script_runner script_runner;
script_runner *script_runner_open(fmt_loader *loader);
/* What is wrong with a statement is told to the loader, which may go on. */
sombra_status script_run(script_runner *runner, const script_statement *statement);
/* $name for the statements that follow: what an expression gives. */
sombra_status script_set_parameter(script_runner *runner, sombra_text name, const char *text,
                                   size_t size);
/* The script has ended. */
sombra_status script_runner_end(script_runner *runner);
void script_runner_close(script_runner *runner);

#endif
