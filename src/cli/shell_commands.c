/* shell_commands.c — the shell's commands: a line that begins with '.' or ':'.
 * Those that the sombra command has too run its functions on what the shell has open. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "shell.h"

typedef struct shell_command_spec {
    const char *name, *alias;
    const char *arguments; /* as help shows them */
    int least, most;       /* words; most -1: as many as there are */
    /* 'f' files, 'F' and --read-only, 'g' and off, 'm' a mode, 'o' on or off, 'q' or a query, 'c' a command, 'l' a label or type,
     * 'p' parameters, 's' settings, 'r' reset, else ' ' */
    char completes;
    bool
        setting; /* it prints nothing, as a rule: the result that .once waits for is another one's */
    const char *help;
    int (*run)(shell *s, command_words *w);
    const char *subcommand; /* or the sombra command that runs */
} shell_command_spec;
/* Row i of the table at the end of this file; name NULL: past the last. */
static const shell_command_spec *spec_at(size_t i);

void split_words(const char *line, command_words *w)
{
    char *to;

    memset(w, 0, sizeof *w);
    while (isspace((unsigned char)*line))
        line++;
    w->rest = w->last = line;
    to = w->text = malloc(strlen(line) + 2);
    if (to == NULL) exit(complain(8, "out of memory"));
    for (; *line != '\0'; line++) {
        if (w->quote == 0 && isspace((unsigned char)*line)) {
            if (w->in_last) *to++ = '\0';
            w->in_last = false;
            continue;
        }
        if (!w->in_last) {
            if ((w->too_many = w->count == WORDS_MAX)) break;
            w->at[w->count++] = to;
            w->in_last = true;
            w->last = line;
        }
        if (w->quote == 0 && (*line == '\'' || *line == '"'))
            w->quote = *line;
        else if (w->quote != 0 && *line == w->quote)
            w->quote = 0;
        else if (*line == '\\' && w->quote != '\'' && line[1] != '\0')
            *to++ = *++line;
        else
            *to++ = *line;
    }
    *to = '\0';
    if (!w->in_last) w->last = line;
}

/* The argument may be the line itself, whose quotes are its own: a query, JSON, a program. */
static int check_words(const shell_command_spec *spec, const command_words *w)
{
    if (strchr("qp", spec->completes) != NULL || *w->rest == '|') return EXIT_OK;
    if (w->too_many) return complain(EXIT_USAGE, "more than %d words", WORDS_MAX);
    return w->quote == 0 ? EXIT_OK : complain(EXIT_USAGE, "a quote (%c) is not closed", w->quote);
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

static int run_help_command(shell *s, command_words *w)
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

static int run_open(shell *s, command_words *w)
{
    bool read_only = false;
    const char *file = NULL;

    for (int i = 0; i < w->count; i++) {
        if (strcmp(w->at[i], "--read-only") == 0)
            read_only = true;
        else if (file == NULL && strncmp(w->at[i], "--", 2) != 0)
            file = w->at[i];
        else
            return complain(EXIT_USAGE, "usage: .open [FILE] [--read-only]");
    }
    return shell_open(s, file == NULL ? ":memory:" : file, read_only);
}

/* To a file, or to a program with all that stands behind it. */
static int redirect(shell *s, const command_words *w, bool once)
{
    if (*w->rest == '|') return shell_redirect(s, w->rest, once);
    if (w->count > 1)
        return complain(EXIT_USAGE,
                        "a name with blanks stands in quotes; '%s' is one word too many", w->at[1]);
    return shell_redirect(s, w->count == 0 ? NULL : w->at[0], once);
}

static int run_output(shell *s, command_words *w)
{
    return redirect(s, w, false);
}

static int run_once(shell *s, command_words *w)
{
    return redirect(s, w, true);
}

static int run_read(shell *s, command_words *w)
{
    return shell_run_file(s, w->at[0]);
}

static int run_log(shell *s, command_words *w)
{
    FILE *log = NULL;

    if (check_not_own(&s->cli, w->at[0], "the log") != EXIT_OK) return EXIT_USAGE;
    if (strcmp(w->at[0], "off") != 0 && (log = fopen(w->at[0], "ae")) == NULL)
        return complain_errno(w->at[0]);
    if (s->log != NULL) (void)fclose(s->log);
    s->log = log;
    return EXIT_OK;
}

/* As the statement: what is noted in the log, and told. */
static int run_control_word(shell *s, const char *text)
{
    return shell_run_statement(s, text, strlen(text), (text_place){0});
}

static int run_begin(shell *s, command_words *w)
{
    (void)w;
    return run_control_word(s, "BEGIN");
}

static int run_commit(shell *s, command_words *w)
{
    (void)w;
    return run_control_word(s, "COMMIT");
}

static int run_rollback(shell *s, command_words *w)
{
    (void)w;
    return run_control_word(s, "ROLLBACK");
}

static int run_quit(shell *s, command_words *w)
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

static int run_mode(shell *s, command_words *w)
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

static int run_timer(shell *s, command_words *w)
{
    return on_or_off(w->at[0], &s->timer);
}

/* on and off for all statements that follow, else for the one that stands behind. */
static int run_prefixed(shell *s, command_words *w, int prefix)
{
    const int kept = s->explain;
    bool on = false;
    int code;

    if (w->count == 1 && (strcasecmp(w->at[0], "on") == 0 || strcasecmp(w->at[0], "off") == 0)) {
        (void)on_or_off(w->at[0], &on);
        s->explain = on ? prefix : 0;
        return EXIT_OK;
    }
    if (*w->rest == '.' || *w->rest == ':')
        return complain(EXIT_USAGE, "'%s' is no query", w->at[0]);
    s->explain = prefix;
    code = shell_run_text(s, w->rest, strlen(w->rest));
    s->explain = kept;
    return code;
}

static int run_explain(shell *s, command_words *w)
{
    return run_prefixed(s, w, 1);
}

static int run_profile(shell *s, command_words *w)
{
    return run_prefixed(s, w, 2);
}

/* ---- The graph ---------------------------------------------------------------------------------------------------------------- */

static int run_schema_command(shell *s, command_words *w)
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

static int run_stats(shell *s, command_words *w)
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

static int run_restore_command(shell *s, command_words *w)
{
    return shell_restore(s, w->at[0]);
}

static int run_dump_command(shell *s, command_words *w)
{
    int code = w->count == 0 ? EXIT_OK : shell_redirect(s, w->at[0], true);

    if (code != EXIT_OK) return code;
    if ((code = begin_transaction(&s->cli, SOMBRA_READ)) != EXIT_OK) return code;
    progress_start_late(&s->cli, "Dumping");
    code = dump_graph(&s->cli);
    progress_stop(&s->cli);
    if (fflush(stdout) != 0) code = output_failed();
    if (code != EXIT_OK && w->count != 0) drop_script(w->at[0]);
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

/* Where the value begins in "NAME JSON", "NAME=JSON" or, as Neo4j's hands write it, "NAME => JSON" or "NAME: JSON"; the name (owned by w) may stand in quotes or behind '$'. NULL: there are no such two. */
static const char *split_param(command_words *w, const char **name)
{
    const char *start = w->rest, *end, *value;

    if (*start == '$') start++;
    if (*start != '\0' && strchr("'\"`", *start) != NULL) {
        start++;
        if ((end = strchr(start, start[-1])) == NULL) return NULL;
        value = end + 1;
    } else {
        value = end = start + strcspn(start, "=: \t");
    }
    memcpy(w->text, start, (size_t)(end - start));
    w->text[end - start] = '\0';
    *name = w->text;
    value += strspn(value, " \t");
    value += *value == ':' ? 1 : strncmp(value, "=>", 2) == 0 ? 2 : *value == '=';
    value += strspn(value, " \t");
    /* names and values are kept as NAME=VALUE */
    return *value == '\0' || **name == '\0' || strchr(*name, '=') != NULL ? NULL : value;
}

/* .params, .params NAME JSON, .params NAME=JSON, .params clear [NAME] */
static int run_params(shell *s, command_words *w)
{
    const char *value, *name;
    json_error_t why;
    json_t *json;

    if (w->count == 0) return print_settings(s, &s->params);
    if (strcmp(w->at[0], "clear") == 0) {
        if (w->count > 2) return complain(EXIT_USAGE, "usage: .params clear [NAME]");
        if (w->count == 1) settings_free(&s->params);
        return w->count == 1 || setting_remove(&s->params, w->at[1] + (w->at[1][0] == '$'))
                   ? EXIT_OK
                   : complain(EXIT_NOT_FOUND, "there is no parameter %s", w->at[1]);
    }
    value = split_param(w, &name);
    if (value == NULL)
        return complain(EXIT_USAGE, "usage: .params NAME JSON, .params clear [NAME]");
    json = json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (json == NULL) return complain_json("", value, why.text);
    json_decref(json);
    setting_put(&s->params, name, value);
    return EXIT_OK;
}

/* The shell's own two, and the options that sombra_pragma takes. */
const char *shell_setting_name(size_t i)
{
    static const char *const names[] = {"timeout",        "width",           "durability",
                                        "autocheckpoint", "busy_timeout_ms", "threads"};
    return i < sizeof names / sizeof *names ? names[i] : NULL;
}

/* .set, .set NAME VALUE: the shell's own, or an option that can change while the database is open. */
static int run_set(shell *s, command_words *w)
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
static int run_subcommand(shell *s, const char *name, command_words *w)
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
    {"open", NULL, "[FILE] [--read-only]", 0, 2, 'F', true, "another database; without FILE a new graph in memory", run_open, NULL},
    {"schema", "tables", "[LABEL]", 0, 1, 'l', false, "labels and types with their properties, and what connects them", run_schema_command, NULL},
    {"indexes", NULL, "[FLAGS]", 0, -1, ' ', false, "indexes and constraints; --create and --drop make and drop them", NULL, "schema"},
    {"mode", NULL, "[MODE]", 0, 2, 'm', true, "how results are shown: table, box, markdown, line, json, jsonl, csv, graph", run_mode, NULL},
    {"output", NULL, "[FILE]", 0, -1, 'f', true, "results go to a file, or to '|command'; without FILE, or with '-', back to the terminal", run_output, NULL},
    {"once", NULL, "FILE", 1, -1, 'f', true, "the next result alone goes to a file or '|command'; with '-' to the terminal", run_once, NULL},
    {"timer", NULL, "on|off", 1, 1, 'o', true, "tell rows and time of each statement", run_timer, NULL},
    {"explain", NULL, "on|off|QUERY", 1, -1, 'q', false, "the plan instead of the rows: of all statements that follow, or of one", run_explain, NULL},
    {"profile", NULL, "on|off|QUERY", 1, -1, 'q', false, "run, and show the plan with rows, pages and time of each operator", run_profile, NULL},
    {"import", NULL, "FLAGS", 1, -1, ' ', false, "load nodes and relationships", NULL, "import"},
    {"export", NULL, "TARGET", 1, -1, 'f', false, "write the graph as CSV files that .import --from reads, or --as another format", NULL, "export"},
    {"dump", NULL, "[FILE]", 0, 1, 'f', false, "the graph as a Cypher script that .restore reads", run_dump_command, NULL},
    {"restore", NULL, "SCRIPT", 1, 1, 'f', false, "run a script that .dump wrote: all of it or nothing", run_restore_command, NULL},
    {"read", NULL, "SCRIPT", 1, 1, 'f', false, "run statements and commands of a file", run_read, NULL},
    {"backup", NULL, "FILE", 1, -1, 'f', false, "copy the database to a new file", NULL, "backup"},
    {"stats", NULL, "[reset]", 0, 1, 'r', false, "sizes, counts, memory, and what was counted since the opening or the last reset", run_stats, NULL},
    {"info", NULL, "[--trees]", 0, -1, ' ', false, "labels, types, counts and sizes", NULL, "info"},
    {"params", "param", "[NAME JSON]", 0, -1, 'p', true, "list or set values of $parameters; 'clear [NAME]' forgets them", run_params, NULL},
    {"set", NULL, "[NAME VALUE]", 0, 2, 's', true, "list or change settings: timeout (s), width, durability, autocheckpoint, busy_timeout_ms, threads", run_set, NULL},
    {"log", NULL, "FILE|off", 1, 1, 'g', true, "note statements in a file", run_log, NULL},
    {"digest", NULL, "[--schema]", 0, -1, ' ', false, "a digest of the content: equal for equal graphs", NULL, "digest"},
    {"verify", NULL, "", 0, -1, ' ', false, "check everything in the file against everything else", NULL, "verify"},
    {"vacuum", NULL, "[NEWFILE]", 0, -1, 'f', false, "rebuild the file compactly, in place or as a new file", NULL, "vacuum"},
    {"checkpoint", NULL, "[FLAGS]", 0, -1, ' ', false, "move the write-ahead log into the main file", NULL, "checkpoint"},
    {"begin", NULL, "", 0, 0, ' ', true, "open a transaction, as the statement BEGIN", run_begin, NULL},
    {"commit", NULL, "", 0, 0, ' ', true, "commit it, as COMMIT", run_commit, NULL},
    {"rollback", NULL, "", 0, 0, ' ', true, "undo it, as ROLLBACK", run_rollback, NULL},
    {"quit", "exit", "[CODE]", 0, 1, ' ', false, "leave", run_quit, NULL},
    {NULL, NULL, NULL, 0, 0, ' ', false, NULL, NULL, NULL},
};
/* clang-format on */

static const shell_command_spec *spec_at(size_t i)
{
    return &specs[i];
}

const char *shell_command_name(size_t i)
{
    return spec_at(i)->name;
}

char shell_command_takes(const char *name, const command **flags)
{
    const shell_command_spec *spec = find_spec(name);

    *flags = spec == NULL || spec->subcommand == NULL ? NULL : find_command(spec->subcommand);
    return spec == NULL ? ' ' : spec->completes;
}

int shell_command(shell *s, const char *line)
{
    const shell_command_spec *spec;
    command_words w;
    char name[64];
    const size_t bytes = strcspn(line, " \t\r\n");
    int code;

    snprintf(name, sizeof name, "%.*s", (int)(bytes < sizeof name ? bytes : sizeof name - 1), line);
    spec = find_spec(name);
    if (spec == NULL) return no_command(name);
    split_words(line + bytes, &w);
    code = check_words(spec, &w);
    if (code == EXIT_OK && (w.count < spec->least || (spec->most >= 0 && w.count > spec->most)))
        code = complain(EXIT_USAGE, "usage: .%s %s (.help %s)", spec->name, spec->arguments,
                        spec->name);
    else if (code == EXIT_OK)
        code = spec->run != NULL ? spec->run(s, &w) : run_subcommand(s, spec->subcommand, &w);
    free(w.text);
    return shell_finish(s, code, !spec->setting);
}
