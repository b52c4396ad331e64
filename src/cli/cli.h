/* cli.h — what the files of the sombra command share: parsed arguments, output, node references.
 * The command stands on sombra.h alone. Messages go to standard error, results to standard output; the exit code is the
 * class of the failure (docs/ERRORS.md). */
#ifndef SB_CLI_H
#define SB_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sombra.h"

/* ---- Exit codes: the classes of src/base/status.def ------------------------------------------------------ */

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,    /* something that has no class of its own */
    EXIT_USAGE = 2,     /* the command line, or an argument in it, is wrong */
    EXIT_NOT_FOUND = 3, /* what is named is not there, files too; or it is there already */
    EXIT_WRONG = 10,    /* verify found faults; recover lost something */
    EXIT_REJECTED = 11  /* import rejected rows */
};
int exit_code_of(sombra_status status);

/* ---- Commands and flags ------------------------------------------------------------------------------------ */

typedef struct flag_spec {
    const char *name;        /* without the two dashes */
    const char *placeholder; /* NULL: takes no value */
    const char *help;
    bool repeated;
} flag_spec;

#define FLAGS_MAX 48

typedef struct invocation invocation;
typedef struct command {
    const char *name;
    const char *arguments; /* "FILE NODE": one word each; [WORD] may be left out */
    const char *summary;   /* one line */
    const char *examples;  /* lines */
    int (*run)(invocation *cli);
    flag_spec flags[FLAGS_MAX]; /* ends with name NULL */
} command;
extern const command commands[];
extern const flag_spec common_flags[];

typedef struct flag_value {
    const flag_spec *spec;
    const char *value; /* NULL without placeholder */
} flag_value;

typedef enum output_format {
    FORMAT_TABLE,
    FORMAT_BOX,
    FORMAT_MARKDOWN,
    FORMAT_LINE,
    FORMAT_JSON,
    FORMAT_JSONL,
    FORMAT_CSV,
    FORMAT_GRAPH /* of the shell: nodes and relationships of statements as DOT or SVG */
} output_format;
/* The form of FORMAT_GRAPH. */
typedef enum picture_form {
    PICTURE_AUTO, /* an image where the terminal shows one, else DOT */
    PICTURE_DOT,
    PICTURE_SVG
} picture_form;
/* Is there a format of this name, those of the shell included? */
bool find_format(const char *name, output_format *format);
/* Name of format i, NULL past the last. */
const char *format_name(size_t i);

/* Where in a text that a user gave something stands, both from 1. */
typedef struct text_place {
    uint64_t line, column; /* line 0: nowhere */
    uint32_t prefix;       /* characters put before the statement that are not the user's */
} text_place;

struct invocation {
    const command *command;
    const char *arguments[8];
    int argument_count;
    flag_value *flags;
    size_t flag_count;
    output_format format;
    picture_form picture;
    bool quiet;
    sombra_options options;
    /* Values of parameters, each "NAME=JSON". Borrowed. */
    const char *const *params;
    size_t param_count;
    uint64_t timeout_ms; /* of each statement, unless a flag says another one; 0: none */
    text_place
        place; /* where the statement that runs begins: errors have their place in the whole text */
    char *database; /* of the shell without FILE; owned; NULL: a graph in memory */
    /* Open while a command runs. */
    sombra_db *db;
    sombra_conn *conn;
    sombra_txn *txn;
    /* In the shell commands use what the shell has open: db, conn, and shell_txn if it is in a transaction. */
    bool in_shell;
    bool stays; /* a person types: Ctrl-C ends what runs, however often, and not the program */
    sombra_txn *shell_txn;
};

/* Parse argv from place first on, or complain on standard error: EXIT_OK or EXIT_USAGE. */
int parse_arguments(invocation *cli, int argc, char **argv, int first);
/* The value of a flag (the last, if given several times), or NULL. */
const char *flag_text(const invocation *cli, const char *name);
bool flag_given(const invocation *cli, const char *name);
/* Number i (from 0) of a repeated flag's values; NULL past the last. */
const char *flag_at(const invocation *cli, const char *name, size_t i);
/* A flag's number; fallback when it is not given. Complains and returns false when it is no number. */
bool flag_number(const invocation *cli, const char *name, uint64_t fallback, uint64_t *value);
/* "2", "0.3": seconds, in milliseconds, of which a fraction counts as one. */
bool read_seconds(const char *text, uint64_t *milliseconds);

/* A line for people: without what a terminal would obey of the names and values in it. */
void tell_line(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "sombra: message" on standard error; returns code. */
int complain(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
int complain_error(const sombra_error *error);
/* What closing the database could not do; gives the exit code. Commits that were acknowledged are there all the same, so that they could not
 * be brought into the file is a warning: a script that tried again would make them twice. */
int complain_close(const invocation *cli, const sombra_error *error, int code);
/* "sombra: name: what errno says"; returns 3 when something of that name is not there, else 9. */
int complain_errno(const char *name);
/* Note that standard output could not be written, while errno tells why; main tells it. Returns 9. */
int output_failed(void);
/* Standard output is this file now, which messages name. Borrowed until the end. */
void output_goes_to(const char *name);
/* Has a write failed because nobody reads standard output any more? main ends the command by SIGPIPE then. */
bool output_unread(void);
/* errno of the first write to standard output that failed, which is forgotten with this; 0: none did. */
int output_error(void);
/* The last error of the open connection, at its place in the text that the statement is from. */
int complain_conn(invocation *cli);
/* Behind bytes of text. */
void place_advance(text_place *place, const char *text, size_t bytes);
/* The place that a statement's error or warning names, counted from the statement's beginning: counted from the text's. */
void place_error(const text_place *place, sombra_error *error);

void print_help(FILE *out);
void print_command_help(FILE *out, const command *command);
const command *find_command(const char *name);
/* Number i of the commands' names, for nearest_name; ctx is not used. */
const char *command_name(size_t i, const void *ctx);
size_t command_count(void);
/* The name among count that is nearest to text, or NULL when none is near. */
const char *nearest_name(const char *text, const char *(*name_at)(size_t i, const void *ctx),
                         const void *ctx, size_t count);

/* ---- Database ------------------------------------------------------------------------------------------------- */

/* Open arguments[0] and begin a transaction: EXIT_OK, or complained. read_only: never make or change the file. */
int open_database(invocation *cli, bool read_only, bool create);
int begin_transaction(invocation *cli, sombra_mode mode);
/* Ends whatever is open; a failed close is complained of and returned unless code tells of a failure already. */
int close_database(invocation *cli, int code);

/* Behind close_database: a load that had nothing to load has committed nothing, and a new file is there all the same, empty. */
int make_if_absent(invocation *cli, int code);

/* A node by "17", or "Label.key=value" (or "Label.key:type=value"): EXIT_OK, or complained. */
int resolve_node(invocation *cli, const char *reference, uint64_t *id);
int resolve_types(invocation *cli, uint32_t *types, size_t capacity, size_t *count);
int resolve_direction(invocation *cli, sombra_direction fallback, sombra_direction *direction);
typedef struct text_buffer text_buffer;
/* What to call a node: its property name, title or id …, else #17; instead of what text holds. */
void node_caption(invocation *cli, uint64_t id, text_buffer *text);
/* ":Person:Admin" of a node, behind what text holds. */
void node_labels(invocation *cli, const sombra_node *node, text_buffer *text);

/* "index", "unique", "node key", … */
/* Does a property key have the form that a dump's script uses while it runs (dump.c)? Its name stays in the file. */
bool is_dump_key(const char *key, size_t size);
const char *schema_kind(const sombra_schema *schema);
/* "INTEGER or FLOAT" of a typed constraint, behind what text holds. */
void schema_types(const sombra_schema *schema, text_buffer *text);

/* ---- Output ------------------------------------------------------------------------------------------------------ */

typedef enum cell_kind {
    CELL_NULL,
    CELL_TEXT,
    CELL_INT,
    CELL_REAL,
    CELL_BOOL,
    CELL_VALUE,
    CELL_FIGURE, /* text of a number, already formatted */
    CELL_JSON    /* text is JSON already; not for tables and CSV */
} cell_kind;
typedef struct cell {
    cell_kind kind;
    const char *text; /* TEXT, FIGURE, JSON: size bytes */
    size_t size;
    int64_t integer;
    double real;
    const sombra_value *value; /* VALUE */
} cell;
cell cell_null(void);
cell cell_text(const char *text);
cell cell_of(const text_buffer *text);
cell cell_int(uint64_t integer);
cell cell_real(double real);
cell cell_value(const sombra_value *value);

/* A growing text; on no memory it ends the program: this is the command, not the library. */
struct text_buffer {
    char *data;
    size_t size, capacity;
};
void put(text_buffer *out, const char *data, size_t bytes);
void put_text(text_buffer *out, const char *text);
void put_real(text_buffer *out, double real);
/* A property's value as the formats for people show it. */
void put_plain(text_buffer *out, const sombra_value *value);
/* A name as statements write it: in backquotes; or only where it is none of letters and digits. */
void put_quoted_name(text_buffer *out, const char *name, size_t bytes);
void put_cypher_name(text_buffer *out, const char *name, size_t bytes);
bool is_plain_name(const char *name, size_t bytes);
/* In quotes, escaped; what is not UTF-8 becomes U+FFFD. */
void put_json_text(text_buffer *out, const char *text, size_t bytes);

/* A result: columns, rows, end. A table is laid out by its first 1,000 rows. */
typedef struct output output;
output *output_begin(const invocation *cli, const char *const *columns, size_t column_count);
void output_row(output *out, const cell *cells);
/* A column that is narrowed before the others are, where a table does not fit the terminal. */
void output_minor_column(output *out, size_t column);
/* Prints what is left, frees. False when standard output could not be written. */
bool output_end(output *out);
/* One set of figures, in JSON an object, in CSV a header and a row; false as output_end. Not for FORMAT_TABLE. */
bool output_record(const invocation *cli, const char *const *columns, const cell *cells,
                   size_t count);
/* Columns that text takes on a terminal; control characters are shown as one blank. */
size_t text_width(const char *text, size_t bytes);
/* The character at text, its bytes and columns. A byte that is not UTF-8 stands for itself. */
size_t next_character(const char *text, size_t bytes, int32_t *character, size_t *columns);
/* Cut text to width columns, with … for what is missing, control characters as blanks; pad to width. */
void put_fitted(text_buffer *out, const char *text, size_t bytes, size_t width, bool right);
/* Columns of the terminal behind standard output; 0: it is none, or the width has no bound. */
size_t terminal_width(void);
/* Use this width instead of the terminal's; 0: the terminal's again. */
void set_terminal_width(size_t columns);
/* Is a stream a terminal whose user has not asked for no color (NO_COLOR, TERM=dumb)? */
bool use_color(int fd);

/* ---- Progress ---------------------------------------------------------------------------------------------------- */

/* A bar on standard error when that is a terminal and the command is not quiet; and until progress_stop the first Ctrl-C cancels the
 * call that runs, so that it removes what it made. The second ends the program, but for the shell, which stays. */
void progress_start(invocation *cli, const char *what, const char *unit);
/* The same for statements: the bar comes when two seconds have passed, and none of the unit is counted. */
void progress_start_late(invocation *cli, const char *what);
void progress_stop(invocation *cli);
/* Take the bar away for now, because something is printed on its terminal. */
void progress_clear(void);
/* Has Ctrl-C been pressed since progress_start, or progress_forget? */
bool was_cancelled(void);
/* Note Ctrl-C while nothing runs that it could cancel, for what comes next of the same text: a handler of SIGINT. */
void progress_note(int signal_number);
void progress_forget(void);
/* Exit code 7, complained, when Ctrl-C was pressed since progress_start; else EXIT_OK. */
int cancelled_code(void);
/* Work that the command does itself, between progress_start and progress_stop: draw the bar; false after Ctrl-C. ctx is not used. */
bool progress_tick(void *ctx, uint64_t done, uint64_t total);
/* Until catch_end Ctrl-C removes the file being made, with what lies beside it, and ends the program: for sombra_recover, which can
 * not be cancelled. */
void catch_begin(const char *made_file);
void catch_end(void);
/* "1,234,567" into text (at least 32 bytes); returns it. */
const char *group_digits(uint64_t number, char *text);
/* "1 node", "2,000 nodes" into text (at least 64 bytes); returns it. */
const char *counted(uint64_t number, const char *one, const char *many, char *text);
const char *human_bytes(uint64_t bytes, char *text);
double seconds_now(void);

/* ---- Statements ---------------------------------------------------------------------------------------------------- */

/* What a statement came to, for the shell to tell. */
typedef struct statement_report {
    uint64_t rows;
    size_t columns; /* 0: it gives no rows */
    bool plan;      /* a plan was drawn */
} statement_report;
/* Run the first statement of text with the parameters of cli: print its rows, or its plan, as cli->format says. *used: bytes that it took;
 * report->columns and rows: what it gave. EXIT_OK also when there is none but white space. */
int run_statement(invocation *cli, const char *text, size_t size, size_t *used,
                  statement_report *report);
/* The values of --param, and the limits of --memory-limit and --timeout, of a command that runs statements. cli->params is to be freed. */
int use_statement_flags(invocation *cli);
/* Tell that the value of a parameter is no JSON: EXIT_USAGE. where: text in front. */
int complain_json(const char *where, const char *value, const char *why);
/* Tell that a transaction was open when the statements ended, and is rolled back: EXIT_FAILED. */
int complain_open(void);
/* Rows of a statement as a picture: each node and relationship in them once, as DOT or SVG; other values line by line. */
int print_graph(invocation *cli, sombra_stmt *stmt, statement_report *report);
/* Draw a plan in JSON, as sombra_stmt_explain gives it. False when it can not be read. */
bool draw_plan(const invocation *cli, const char *json, size_t size);

/* ---- Commands ------------------------------------------------------------------------------------------------------ */

int run_shell(invocation *cli);
int run_config(invocation *cli);
int run_init(invocation *cli);
int run_seed_demo(invocation *cli);
int run_completions(invocation *cli);
int run_doctor(invocation *cli);
int run_dump(invocation *cli);
int run_restore(invocation *cli);
int run_import(invocation *cli);
/* exchange.c: import and export of other formats than CSV, when flags ask for one; *asked tells. */
int import_formats(invocation *cli, bool *asked);
int export_format(invocation *cli, const char *as);
/* Tell programs what a script that was written or run has made. False when standard output could not be written. */
bool record_of_script(const invocation *cli, uint64_t nodes, uint64_t rels, double seconds);
/* The statements of a Cypher script, all of them or none, in the open database. */
int load_script(invocation *cli, const char *path);
bool same_file(const char *a, const char *b);
/* What is to be written must not be the database, nor a file beside it, by another name either. what: "the script". */
int check_not_own(const invocation *cli, const char *path, const char *what);
/* "-" is where a database, or a folder, can not go: EXIT_USAGE, and what to do. what: "a database". */
int check_not_stdout(const char *path, const char *what, const char *instead);
/* --rejects must not write over what is read, nor the database: also by another name of the same file. */
int check_rejects(invocation *cli, const char *const *inputs, size_t count);
/* What a load came to: told, or printed as a record; EXIT_REJECTED when something was. */
typedef struct load_report {
    uint64_t nodes, rels, properties, skipped, rejected, schemas;
    double seconds;
    bool dry_run, of_csv; /* CSV has rows, others records */
    /* By a dry run: JSON for the formats of JSON, else lines; NULL: nothing is told. */
    const char *found;
    size_t found_size;
} load_report;
int report_load(invocation *cli, const load_report *report);
/* A dry run of CSV goes into a database in a directory that dry_end removes; dry_survey finds what the open transaction holds, for load_report. Zeroed: none. */
typedef struct dry_run {
    const char *given; /* what the command line names */
    char *found;       /* owned */
    size_t found_size;
    char directory[3072], path[4096];
} dry_run;
int dry_begin(invocation *cli, dry_run *dry);
void dry_end(invocation *cli, dry_run *dry);
int dry_survey(invocation *cli, dry_run *dry);
int run_export(invocation *cli);
int run_info(invocation *cli);
int run_get(invocation *cli);
int run_query(invocation *cli);
int run_neighbors(invocation *cli);
int run_path(invocation *cli);
int run_bfs(invocation *cli);
int run_top(invocation *cli);
int run_schema(invocation *cli);
int run_verify(invocation *cli);
int run_recover(invocation *cli);
int run_checkpoint(invocation *cli);
int run_vacuum(invocation *cli);
int run_backup(invocation *cli);
int run_digest(invocation *cli);
int run_help(invocation *cli);

#endif
