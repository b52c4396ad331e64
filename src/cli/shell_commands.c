/* shell_commands.c — the shell's commands: a line that begins with '.' or ':'.
 * Those that the sombra command has too run its functions on what the shell has open. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "shell.h"

#define WORDS_MAX 64

/* The words of a command line. */
typedef struct words {
    char *text; /* owned: the words, each with its NUL */
    char *at[WORDS_MAX];
    int count;
    const char *rest; /* the line as it is, from the first word on */
} words;

typedef struct shell_command_spec {
    const char *name, *alias;
    const char *arguments; /* as help shows them */
    int least, most;       /* words; most -1: as many as there are */
    char completes;        /* see shell_command_name */
    bool
        setting; /* it prints nothing, as a rule: the result that .once waits for is another one's */
    const char *help;
    int (*run)(shell *s, words *w);
    const char *subcommand; /* or the sombra command that runs */
} shell_command_spec;
/* Row i of the table at the end of this file; name NULL: past the last. */
static const shell_command_spec *spec_at(size_t i);

/* Take a line apart: words between blanks, 'quoted', "quoted", or with a backslash before a character. */
static int split(const char *line, words *w)
{
    char *to;
    char quote = 0;
    bool in_word = false;

    memset(w, 0, sizeof *w);
    while (isspace((unsigned char)*line))
        line++;
    w->rest = line;
    to = w->text = malloc(strlen(line) + 2);
    if (to == NULL) exit(complain(8, "out of memory"));
    for (; *line != '\0'; line++) {
        if (quote == 0 && isspace((unsigned char)*line)) {
            if (in_word) *to++ = '\0';
            in_word = false;
            continue;
        }
        if (!in_word) {
            if (w->count == WORDS_MAX) return complain(EXIT_USAGE, "more than %d words", WORDS_MAX);
            w->at[w->count++] = to;
            in_word = true;
        }
        if (quote == 0 && (*line == '\'' || *line == '"'))
            quote = *line;
        else if (quote != 0 && *line == quote)
            quote = 0;
        else if (*line == '\\' && quote != '\'' && line[1] != '\0')
            *to++ = *++line;
        else
            *to++ = *line;
    }
    *to = '\0';
    return quote == 0 ? EXIT_OK : complain(EXIT_USAGE, "a quote (%c) is not closed", quote);
}

static int on_or_off(const char *word, bool *on)
{
    if (strcasecmp(word, "on") != 0 && strcasecmp(word, "off") != 0)
        return complain(EXIT_USAGE, "'%s' is neither on nor off", word);
    *on = strcasecmp(word, "on") == 0;
    return EXIT_OK;
}

static const shell_command_spec *find_spec(const char *name)
{
    for (const shell_command_spec *at = spec_at(0); at->name != NULL; at++)
        if (strcmp(at->name, name) == 0 || (at->alias != NULL && strcmp(at->alias, name) == 0))
            return at;
    return NULL;
}

static const char *spec_name(size_t i, const void *ctx)
{
    (void)ctx;
    return spec_at(i)->name;
}

static int no_command(const char *name)
{
    size_t count = 0;
    const char *near;

    while (spec_at(count)->name != NULL)
        count++;
    near = nearest_name(name, spec_name, NULL, count);
    return near != NULL
               ? complain(EXIT_USAGE, "there is no command .%s; did you mean .%s?", name, near)
               : complain(EXIT_USAGE, "there is no command .%s (.help lists them)", name);
}

/* ---- Help ------------------------------------------------------------------------------------------------------------------ */

#define HELP_COLUMN ((size_t)32)

/* The command, and behind it what it does, in lines that fit the terminal. */
static void print_spec(const shell_command_spec *spec)
{
    const size_t terminal = terminal_width(),
                 room = terminal < HELP_COLUMN + 20 ? SIZE_MAX : terminal - HELP_COLUMN;
    const int used = printf(".%s %s", spec->name, spec->arguments);
    const char *help = spec->help;

    if (used < 0) return; /* writing failed: that is told at the end */
    if ((size_t)used + 2 > HELP_COLUMN)
        printf("\n%*s", (int)HELP_COLUMN, "");
    else
        printf("%*s", (int)HELP_COLUMN - used, "");
    while (strlen(help) > room) {
        size_t end = room;
        while (end != 0 && help[end] != ' ')
            end--;
        if (end == 0) end = room;
        printf("%.*s\n%*s", (int)end, help, (int)HELP_COLUMN, "");
        help += end + (help[end] == ' ');
    }
    printf("%s\n", help);
}

static int run_help_command(shell *s, words *w)
{
    const shell_command_spec *spec;

    (void)s;
    if (w->count == 0) {
        for (spec = spec_at(0); spec->name != NULL; spec++)
            print_spec(spec);
        puts("\nStatements in Cypher end with ';'. A ':' may stand for the '.'. The editor: Tab "
             "completes, Ctrl-R\nsearches what was typed before, Alt-Enter begins a new line, "
             "Ctrl-C cancels, Ctrl-D leaves.");
        return EXIT_OK;
    }
    spec = find_spec(w->at[0] + (w->at[0][0] == '.' || w->at[0][0] == ':'));
    if (spec == NULL) return no_command(w->at[0]);
    print_spec(spec);
    if (spec->subcommand != NULL) {
        printf("\nIt takes the flags of 'sombra %s', without FILE:\n\n", spec->subcommand);
        print_command_help(stdout, find_command(spec->subcommand));
    }
    return EXIT_OK;
}

/* ---- Files ------------------------------------------------------------------------------------------------------------------ */

static int run_open(shell *s, words *w)
{
    bool read_only = false;
    const char *file = NULL;

    for (int i = 0; i < w->count; i++) {
        if (strcmp(w->at[i], "--read-only") == 0)
            read_only = true;
        else if (file == NULL)
            file = w->at[i];
        else
            return complain(EXIT_USAGE, "usage: .open [FILE] [--read-only]");
    }
    return shell_open(s, file == NULL ? ":memory:" : file, read_only);
}

static int run_output(shell *s, words *w)
{
    return shell_redirect(s, w->count == 0 ? NULL : *w->rest == '|' ? w->rest : w->at[0], false);
}

static int run_once(shell *s, words *w)
{
    return shell_redirect(s, *w->rest == '|' ? w->rest : w->at[0], true);
}

static int run_read(shell *s, words *w)
{
    return shell_run_file(s, w->at[0]);
}

static int run_log(shell *s, words *w)
{
    FILE *log = NULL;

    if (check_not_own(&s->cli, w->at[0], "the log") != EXIT_OK) return EXIT_USAGE;
    if (strcmp(w->at[0], "off") != 0 && (log = fopen(w->at[0], "a")) == NULL)
        return complain_errno(w->at[0]);
    if (s->log != NULL) (void)fclose(s->log);
    s->log = log;
    return EXIT_OK;
}

static int run_quit(shell *s, words *w)
{
    if (w->count != 0) {
        char *end;
        const long code = strtol(w->at[0], &end, 10);
        if (*end != '\0' || end == w->at[0] || code < 0 || code > 255)
            return complain(EXIT_USAGE, "'%s' is no exit code: 0 to 255", w->at[0]);
        s->exit_code = (int)code;
    }
    s->quit = true;
    return EXIT_OK;
}

/* ---- How results are shown --------------------------------------------------------------------------------------------------- */

static int run_mode(shell *s, words *w)
{
    if (w->count == 0) {
        puts(format_name((size_t)s->cli.format));
        return EXIT_OK;
    }
    if (strcmp(w->at[0], "graph") == 0) {
        static const char *const forms[] = {"auto", "dot", "svg"};
        const char *form = w->count == 1 ? "auto" : w->at[1];
        size_t i = 0;
        while (i < 3 && strcmp(form, forms[i]) != 0)
            i++;
        if (i == 3) return complain(EXIT_USAGE, "'%s' is no form of graph: auto, dot or svg", form);
        s->picture = (picture_form)i;
        shell_choose_picture(s);
    } else if (w->count == 2) {
        return complain(EXIT_USAGE, "usage: .mode MODE, .mode graph [auto|dot|svg]");
    }
    if (find_format(w->at[0], &s->cli.format)) return EXIT_OK;
    return complain(EXIT_USAGE,
                    "'%s' is no mode: table, box, markdown, line, json, jsonl, csv or graph",
                    w->at[0]);
}

static int run_timer(shell *s, words *w)
{
    return on_or_off(w->at[0], &s->timer);
}

/* on and off for all statements that follow, else for the one that stands behind. */
static int run_prefixed(shell *s, words *w, int prefix)
{
    const int kept = s->explain;
    bool on = false;
    int code;

    if (w->count == 1 && (strcasecmp(w->at[0], "on") == 0 || strcasecmp(w->at[0], "off") == 0)) {
        (void)on_or_off(w->at[0], &on);
        s->explain = on ? prefix : 0;
        return EXIT_OK;
    }
    s->explain = prefix;
    code = shell_run_statement(s, w->rest, strlen(w->rest), (text_place){0});
    s->explain = kept;
    return code;
}

static int run_explain(shell *s, words *w)
{
    return run_prefixed(s, w, 1);
}

static int run_profile(shell *s, words *w)
{
    return run_prefixed(s, w, 2);
}

/* ---- The graph ---------------------------------------------------------------------------------------------------------------- */

static int run_schema_command(shell *s, words *w)
{
    int code = begin_transaction(&s->cli, SOMBRA_READ);

    if (code != EXIT_OK) return code;
    progress_start_late(&s->cli, "Counting");
    code = print_shell_schema(&s->cli, w->count == 0 ? NULL : w->at[0]);
    progress_stop(&s->cli);
    return close_database(&s->cli, code);
}

/* of: what the figure is a state of, or "counted"; some are both, as commits: of the file, and since the opening. */
static void stats_row(output *out, const char *of, const char *name, uint64_t value)
{
    output_row(out, (cell[]){cell_text(name), cell_int(value), cell_text(of)});
}

static int run_stats(shell *s, words *w)
{
    static const char *const columns[] = {"figure", "value", "of"};
    sombra_counter counters[128];
    sombra_info info;
    size_t count;
    output *out;
    bool reset = w->count != 0;
    int code;

    if (reset && strcmp(w->at[0], "reset") != 0)
        return complain(EXIT_USAGE, "usage: .stats [reset]");
    if ((code = begin_transaction(&s->cli, SOMBRA_READ)) != EXIT_OK) return code;
    if (sombra_get_info(s->cli.txn, &info) != SOMBRA_OK ||
        sombra_profile_snapshot(s->cli.db, reset, counters, sizeof counters / sizeof *counters,
                                &count) != SOMBRA_OK)
        return close_database(&s->cli, complain_conn(&s->cli));
    out = output_begin(&s->cli, columns, 3);
    stats_row(out, "graph", "nodes", info.nodes);
    stats_row(out, "graph", "relationships", info.rels);
    stats_row(out, "file", "commits", info.sequence);
    stats_row(out, "file", "page_size", info.page_size);
    stats_row(out, "file", "pages", info.pages);
    stats_row(out, "file", "free_pages", info.free_pages);
    stats_row(out, "file", "file_bytes", info.file_bytes);
    stats_row(out, "file", "wal_bytes", info.wal_bytes);
    stats_row(out, "file", "wal_frames", info.wal_frames);
    stats_row(out, "file", "wal_backfilled", info.wal_backfilled);
    stats_row(out, "process", "readers", info.readers);
    stats_row(out, "process", "memory_bytes", info.memory_bytes);
    stats_row(out, "process", "memory_peak", info.memory_peak);
    for (size_t i = 0; i < count && i < sizeof counters / sizeof *counters; i++)
        if (counters[i].value != 0) stats_row(out, "counted", counters[i].name, counters[i].value);
    return close_database(&s->cli, output_end(out) ? EXIT_OK : 9);
}

static int run_restore_command(shell *s, words *w)
{
    return shell_restore(s, w->at[0]);
}

static int run_dump_command(shell *s, words *w)
{
    int code = w->count == 0 ? EXIT_OK : shell_redirect(s, w->at[0], true);

    if (code != EXIT_OK) return code;
    if ((code = begin_transaction(&s->cli, SOMBRA_READ)) != EXIT_OK) return code;
    progress_start_late(&s->cli, "Dumping");
    code = dump_graph(&s->cli);
    progress_stop(&s->cli);
    return close_database(&s->cli, code);
}

/* ---- Parameters and settings ---------------------------------------------------------------------------------------------------- */

static int print_settings(shell *s, const setting_list *list)
{
    static const char *const columns[] = {"name", "value"};
    output *out = output_begin(&s->cli, columns, 2);

    for (size_t i = 0; i < list->count; i++) {
        const char *equals = strchr(list->texts[i], '=');
        output_row(out, (cell[]){{.kind = CELL_TEXT,
                                  .text = list->texts[i],
                                  .size = (size_t)(equals - list->texts[i])},
                                 cell_text(equals + 1)});
    }
    return output_end(out) ? EXIT_OK : 9;
}

/* .params, .params NAME JSON, .params NAME=JSON, .params clear [NAME] */
static int run_params(shell *s, words *w)
{
    const char *value = w->rest + strcspn(w->rest, "= \t");
    char name[256];
    json_error_t why;
    json_t *json;

    if (w->count == 0) return print_settings(s, &s->params);
    if (strcmp(w->at[0], "clear") == 0) {
        if (w->count == 1) settings_free(&s->params);
        return w->count == 1 || setting_remove(&s->params, w->at[1])
                   ? EXIT_OK
                   : complain(EXIT_NOT_FOUND, "there is no parameter %s", w->at[1]);
    }
    snprintf(name, sizeof name, "%.*s", (int)(value - w->rest), w->rest);
    value += strspn(value, " \t=");
    if (*value == '\0' || name[0] == '\0')
        return complain(EXIT_USAGE, "usage: .params NAME JSON, .params clear [NAME]");
    json = json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (json == NULL)
        return complain(EXIT_USAGE, "'%s' is not JSON: %s (text stands in double quotes)", value,
                        why.text);
    json_decref(json);
    setting_put(&s->params, name + (name[0] == '$'), value);
    return EXIT_OK;
}

/* .set, .set NAME VALUE: the shell's own, or an option that can change while the database is open. */
static int run_set(shell *s, words *w)
{
    static const char *const columns[] = {"name", "value"};
    char *end;
    uint64_t number;

    if (w->count == 0) {
        char limit[32];
        sombra_info info;
        output *out;
        int code = begin_transaction(&s->cli, SOMBRA_READ);
        if (code != EXIT_OK) return code;
        if (sombra_get_info(s->cli.txn, &info) != SOMBRA_OK)
            return close_database(&s->cli, complain_conn(&s->cli));
        out = output_begin(&s->cli, columns, 2);
        snprintf(limit, sizeof limit, "%g", (double)s->cli.timeout_ms / 1e3);
        output_row(out, (cell[]){cell_text("file"), cell_text(s->file)});
        output_row(out, (cell[]){cell_text("mode"), cell_text(format_name((size_t)s->cli.format))});
        output_row(out, (cell[]){cell_text("timer"), cell_text(s->timer ? "on" : "off")});
        output_row(out, (cell[]){cell_text("timeout"), cell_text(limit)});
        output_row(out, (cell[]){cell_text("width"), cell_int(terminal_width())});
        output_row(out, (cell[]){cell_text("durability"),
                                 cell_text(info.durability == SOMBRA_DURABLE_FULL     ? "full"
                                           : info.durability == SOMBRA_DURABLE_NORMAL ? "normal"
                                                                                      : "off")});
        return close_database(&s->cli, output_end(out) ? EXIT_OK : 9);
    }
    if (w->count != 2) return complain(EXIT_USAGE, "usage: .set NAME VALUE");
    if (strcmp(w->at[0], "timeout") == 0)
        return read_seconds(w->at[1], &s->cli.timeout_ms)
                   ? EXIT_OK
                   : complain(EXIT_USAGE, "timeout: '%s' is no number of seconds", w->at[1]);
    if (strcmp(w->at[0], "width") == 0) {
        errno = 0;
        number = strtoull(w->at[1], &end, 10);
        if (!isdigit((unsigned char)w->at[1][0]) || *end != '\0' || errno != 0 ||
            number > UINT32_MAX)
            return complain(EXIT_USAGE, "width: '%s' is no whole number", w->at[1]);
        set_terminal_width((size_t)number);
        return EXIT_OK;
    }
    return sombra_pragma(s->cli.conn, w->at[0], w->at[1]) == SOMBRA_OK ? EXIT_OK
                                                                       : complain_conn(&s->cli);
}

/* ---- Commands of sombra ---------------------------------------------------------------------------------------------------------- */

/* Run a command of sombra on what is open, with the words as its arguments behind FILE. */
static int run_subcommand(shell *s, const char *name, words *w)
{
    static char program[] = "sombra";
    invocation inner = {.command = find_command(name),
                        .options = s->cli.options,
                        .db = s->cli.db,
                        .conn = s->cli.conn,
                        .shell_txn = s->cli.shell_txn,
                        .in_shell = true,
                        .stays = s->cli.stays};
    char *argv[WORDS_MAX + 3], *file, *plain;
    int argc = 0, code;

    if (s->cli.shell_txn != NULL &&
        (strcmp(name, "vacuum") == 0 || strcmp(name, "checkpoint") == 0))
        return complain(EXIT_USAGE, "a transaction is open: COMMIT or ROLLBACK first");
    file = strdup(s->file);
    plain = strdup(name);
    if (file == NULL || plain == NULL) exit(complain(8, "out of memory"));
    argv[argc++] = program;
    argv[argc++] = plain;
    argv[argc++] = file;
    for (int i = 0; i < w->count; i++)
        argv[argc++] = w->at[i];
    code = parse_arguments(&inner, argc, argv, 2);
    if (code == EXIT_OK && flag_text(&inner, "format") == NULL && s->cli.format != FORMAT_GRAPH)
        inner.format = s->cli.format;
    inner.quiet = inner.quiet || flag_given(&s->cli, "quiet");
    if (code == EXIT_OK && flag_given(&inner, "help"))
        print_command_help(stdout, inner.command);
    else if (code == EXIT_OK)
        code = inner.command->run(&inner);
    free(inner.flags);
    free(file);
    free(plain);
    return code;
}

/* ---- The table -------------------------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const shell_command_spec specs[] = {
    {"help", "?", "[COMMAND]", 0, 1, 'c', false, "what there is, and what a command does", run_help_command, NULL},
    {"open", NULL, "[FILE] [--read-only]", 0, 2, 'f', true, "another database; without FILE a new graph in memory", run_open, NULL},
    {"schema", "tables", "[LABEL]", 0, 1, 'l', false, "labels and types with their properties, and what connects them", run_schema_command, NULL},
    {"indexes", NULL, "[FLAGS]", 0, -1, ' ', false, "indexes and constraints; --create and --drop make and drop them", NULL, "schema"},
    {"mode", NULL, "[MODE]", 0, 2, 'm', true, "how results are shown: table, box, markdown, line, json, jsonl, csv, graph", run_mode, NULL},
    {"output", NULL, "[FILE]", 0, -1, 'f', true, "results go to a file, or to '|command'; without FILE back to the terminal", run_output, NULL},
    {"once", NULL, "FILE", 1, -1, 'f', true, "the next result alone goes to a file or '|command'", run_once, NULL},
    {"timer", NULL, "on|off", 1, 1, 'o', true, "tell rows and time of each statement", run_timer, NULL},
    {"explain", NULL, "on|off|QUERY", 1, -1, 'o', false, "the plan instead of the rows: of all statements that follow, or of one", run_explain, NULL},
    {"profile", NULL, "on|off|QUERY", 1, -1, 'o', false, "run, and show the plan with rows, pages and time of each operator", run_profile, NULL},
    {"import", NULL, "FLAGS", 1, -1, 'f', false, "load nodes and relationships", NULL, "import"},
    {"export", NULL, "TARGET", 1, -1, 'f', false, "write the graph as CSV files that .import --from reads, or --as another format", NULL, "export"},
    {"dump", NULL, "[FILE]", 0, 1, 'f', false, "the graph as a Cypher script that .restore reads", run_dump_command, NULL},
    {"restore", NULL, "SCRIPT", 1, 1, 'f', false, "run a script that .dump wrote: all of it or nothing", run_restore_command, NULL},
    {"read", NULL, "SCRIPT", 1, 1, 'f', false, "run statements and commands of a file", run_read, NULL},
    {"backup", NULL, "FILE", 1, -1, 'f', false, "copy the database to a new file", NULL, "backup"},
    {"stats", NULL, "[reset]", 0, 1, ' ', false, "sizes, counts, memory, and what was counted since the opening or the last reset", run_stats, NULL},
    {"info", NULL, "[--trees]", 0, -1, ' ', false, "labels, types, counts and sizes", NULL, "info"},
    {"params", "param", "[NAME JSON]", 0, -1, ' ', true, "list or set values of $parameters; 'clear [NAME]' forgets them", run_params, NULL},
    {"set", NULL, "[NAME VALUE]", 0, 2, ' ', true, "list or change settings: timeout (s), width, durability, autocheckpoint, busy_timeout_ms", run_set, NULL},
    {"log", NULL, "FILE|off", 1, 1, 'f', true, "note statements in a file", run_log, NULL},
    {"digest", NULL, "", 0, -1, ' ', false, "a digest of the content: equal for equal graphs", NULL, "digest"},
    {"verify", NULL, "", 0, -1, ' ', false, "check everything in the file against everything else", NULL, "verify"},
    {"vacuum", NULL, "[NEWFILE]", 0, -1, 'f', false, "rebuild the file compactly, in place or as a new file", NULL, "vacuum"},
    {"checkpoint", NULL, "[FLAGS]", 0, -1, ' ', false, "move the write-ahead log into the main file", NULL, "checkpoint"},
    {"quit", "exit", "[CODE]", 0, 1, ' ', false, "leave", run_quit, NULL},
    {NULL, NULL, NULL, 0, 0, ' ', false, NULL, NULL, NULL},
};
/* clang-format on */

static const shell_command_spec *spec_at(size_t i)
{
    return &specs[i];
}

const char *shell_command_name(size_t i, char *argument)
{
    *argument = spec_at(i)->completes;
    return spec_at(i)->name;
}

int shell_command(shell *s, const char *line)
{
    const shell_command_spec *spec;
    words w;
    char name[64];
    const size_t bytes = strcspn(line, " \t\r\n");
    int code;

    snprintf(name, sizeof name, "%.*s", (int)(bytes < sizeof name ? bytes : sizeof name - 1), line);
    while (*name != '\0' && name[strlen(name) - 1] == ';') /* fingers are used to it */
        name[strlen(name) - 1] = '\0';
    spec = find_spec(name);
    if (spec == NULL) return no_command(name);
    code = split(line + bytes, &w);
    if (code == EXIT_OK && (w.count < spec->least || (spec->most >= 0 && w.count > spec->most)))
        code = complain(EXIT_USAGE, "usage: .%s %s", spec->name, spec->arguments);
    else if (code == EXIT_OK)
        code = spec->run != NULL ? spec->run(s, &w) : run_subcommand(s, spec->subcommand, &w);
    if (code == 9 && s->pipe != NULL && output_was_closed()) code = EXIT_OK;
    if (s->once && !spec->setting) (void)shell_redirect(s, NULL, false);
    free(w.text);
    return code;
}
