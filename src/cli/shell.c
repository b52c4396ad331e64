/* shell.c — sombra [FILE]: statements and commands from a terminal, a script, a pipe or the command line.
 *
 * Whatever they come from, they go through one reader: text is gathered until it holds a whole statement (scan_statement finds its ';') or a
 * line that begins with '.' or ':', which is a command. BEGIN, COMMIT and ROLLBACK are carried out here, and not as statements, so that
 * commands like .schema can look at the open transaction, too. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "editor.h"
#include "shell.h"

#define READ_DEPTH_MAX 16u /* scripts that read scripts */

/* ---- Settings ---------------------------------------------------------------------------------------------------------- */

static bool is_setting(const char *text, const char *name)
{
    const size_t bytes = strlen(name);
    return strncmp(text, name, bytes) == 0 && text[bytes] == '=';
}

bool setting_remove(setting_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!is_setting(list->texts[i], name)) continue;
        free(list->texts[i]);
        list->count--;
        memmove(list->texts + i, list->texts + i + 1, (list->count - i) * sizeof *list->texts);
        return true;
    }
    return false;
}

void setting_put(setting_list *list, const char *name, const char *value)
{
    text_buffer text = {0};

    (void)setting_remove(list, name);
    put_text(&text, name);
    put_text(&text, "=");
    put(&text, value, strlen(value) + 1);
    list->texts = realloc(list->texts, (list->count + 1) * sizeof *list->texts);
    if (list->texts == NULL) exit(complain(8, "out of memory"));
    list->texts[list->count++] = text.data;
}

void settings_free(setting_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->texts[i]);
    free(list->texts);
    memset(list, 0, sizeof *list);
}

/* ---- Where results go ---------------------------------------------------------------------------------------------------- */

/* The redirection that counts, or NULL. */
static const redirection *active_redirection(const shell *s)
{
    if (s->once.target != NULL) return &s->once;
    return s->output.target != NULL ? &s->output : NULL;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t bytes = strlen(text), wanted = strlen(end);
    return bytes >= wanted && strcmp(text + bytes - wanted, end) == 0;
}

void shell_choose_picture(shell *s)
{
    const redirection *to = active_redirection(s);
    const bool svg = to != NULL && to->pipe == NULL && ends_with(to->target, ".svg");

    s->cli.picture = s->picture == PICTURE_AUTO && svg ? PICTURE_SVG : s->picture;
}

static void end_redirection(shell *s, redirection *to)
{
    if (to->target == NULL) return;
    (void)dup2(to->before, STDOUT_FILENO);
    (void)close(to->before);
    if (to->pipe != NULL) (void)pclose(to->pipe);
    free(to->target);
    *to = (redirection){0};
    shell_choose_picture(s);
}

int shell_finish(shell *s, int code, bool result)
{
    const redirection *to = active_redirection(s);

    if (fflush(stdout) != 0) (void)output_failed();
    if (to != NULL) {
        const int error = output_error();

        clearerr(stdout);
        if (error == EPIPE && to->pipe != NULL) /* it reads no further: that is its affair */
            code = code == 9 ? EXIT_OK : code;
        else if (error != 0)
            code = complain(9, "%s: %s", to->target, strerror(error));
    }
    if (result) end_redirection(s, &s->once);
    return code;
}

/* A program of the user's own starts with SIGPIPE as others do. */
static FILE *open_target(const shell *s, const char *target)
{
    FILE *to;

    if (strcmp(target, "-") == 0) return fdopen(dup(s->output.before), "w");
    if (*target != '|') return fopen(target, "we");
    (void)signal(SIGPIPE, SIG_DFL);
    to = popen(target + 1, "we"); /* NOLINT(cert-env33-c): that is what '|' asks for */
    (void)signal(SIGPIPE, SIG_IGN);
    return to;
}

int shell_redirect(shell *s, const char *target, bool once)
{
    redirection *redirected = once ? &s->once : &s->output;
    FILE *to;
    int before;

    end_redirection(s, &s->once);
    if (!once) end_redirection(s, &s->output);
    if (target == NULL) return EXIT_OK;
    /* Once: an aside to .output. */
    if (strcmp(target, "-") == 0 && (!once || s->output.target == NULL)) return EXIT_OK;
    if (strcmp(target, "-") != 0 && *target != '|' &&
        check_not_own(&s->cli, target, "the output") != EXIT_OK)
        return EXIT_USAGE;
    (void)fflush(stdout);
    if ((to = open_target(s, target)) == NULL) return complain_errno(target);
    before = dup(STDOUT_FILENO);
    if (before < 0 || dup2(fileno(to), STDOUT_FILENO) < 0) {
        const int code = complain_errno(target);
        if (before >= 0) (void)close(before);
        (void)(*target == '|' ? pclose(to) : fclose(to));
        return code;
    }
    redirected->before = before;
    if ((redirected->target = strdup(target)) == NULL) exit(complain(8, "out of memory"));
    redirected->pipe = *target == '|' ? to : NULL;
    if (*target != '|') (void)fclose(to);
    shell_choose_picture(s);
    return EXIT_OK;
}

/* ---- One statement ------------------------------------------------------------------------------------------------------- */

/* The first three words that are neither space nor comment; *count: how many there are. */
static void first_words(const char *text, size_t size, scan_word *words, size_t *count)
{
    *count = 0;
    for (size_t at = 0; at < size && *count < 3;) {
        const scan_word word = scan_next(text, size, at);
        at = word.end;
        if (word.kind == SCAN_SPACE || word.kind == SCAN_COMMENT || text[word.start] == ';')
            continue;
        words[(*count)++] = word;
    }
}

static bool word_is(const char *text, scan_word word, const char *keyword)
{
    return word.end - word.start == strlen(keyword) &&
           strncasecmp(text + word.start, keyword, word.end - word.start) == 0;
}

/* BEGIN, COMMIT or ROLLBACK, with or without TRANSACTION: carried out, and true. */
static bool run_control(shell *s, const char *text, const scan_word *words, size_t count, int *code)
{
    static const char *const controls[] = {"BEGIN", "COMMIT", "ROLLBACK"};
    sombra_status status = SOMBRA_OK;
    size_t which = 0;

    if (count == 0 || count > 2 || (count == 2 && !word_is(text, words[1], "TRANSACTION")))
        return false;
    while (which < 3 && !word_is(text, words[0], controls[which]))
        which++;
    if (which == 3) return false;
    *code = EXIT_OK;
    if (which == 0) {
        status = sombra_begin(s->cli.conn, s->cli.options.read_only ? SOMBRA_READ : SOMBRA_WRITE,
                              &s->cli.shell_txn);
    } else if (s->cli.shell_txn == NULL) {
        *code = complain(EXIT_USAGE, "no transaction is open: BEGIN opens one");
        return true;
    } else {
        if (which == 1)
            status = sombra_commit(s->cli.shell_txn);
        else
            sombra_rollback(s->cli.shell_txn);
        s->cli.shell_txn = NULL;
    }
    if (status != SOMBRA_OK) *code = complain_conn(&s->cli);
    return true;
}

/* Can EXPLAIN stand before a statement? Not if it does so already, nor before those on schema. */
static bool has_plan(const char *text, const scan_word *words, size_t count)
{
    static const char *const others[] = {"EXPLAIN", "PROFILE", "SHOW", "DROP"};
    bool plan = true;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        plan = plan && !word_is(text, words[0], others[i]);
    if (plan && count > 2 && word_is(text, words[0], "CREATE")) {
        const bool kind = word_is(text, words[1], "RANGE") || word_is(text, words[1], "TEXT") ||
                          word_is(text, words[1], "POINT");
        const scan_word what = words[kind ? 2 : 1];
        /* a path may have such a name */
        plan = word_is(text, words[2], "=") ||
               (!word_is(text, what, "INDEX") && !word_is(text, what, "CONSTRAINT"));
    }
    return plan;
}

static void tell_report(shell *s, const statement_report *report, double seconds)
{
    char rows[64], time[32];

    if (!s->timer || active_redirection(s) != NULL) return;
    if (seconds < 1)
        snprintf(time, sizeof time, "%.1f ms", seconds * 1e3);
    else
        snprintf(time, sizeof time, "%.2f s", seconds);
    if (report->columns != 0 && !report->plan)
        printf("(%s, %s)\n", counted(report->rows, "row", "rows", rows), time);
    else
        printf("(%s)\n", time);
}

int shell_run_statement(shell *s, const char *text, size_t size, text_place place)
{
    static const char *const prefixes[] = {"", "EXPLAIN ", "PROFILE "};
    statement_report report = {0};
    const double started = seconds_now();
    text_buffer prefixed = {0};
    scan_word words[3];
    size_t count, used;
    int code;

    first_words(text, size, words, &count);
    if (count == 0) return EXIT_OK;
    if (s->log != NULL && (fprintf(s->log, "%.*s\n", (int)size, text) < 0 || fflush(s->log) != 0))
        return complain(9, "the log: %s", strerror(errno));
    if (!run_control(s, text, words, count, &code)) {
        if (s->explain != 0 && has_plan(text, words, count))
            put_text(&prefixed, prefixes[s->explain]);
        s->cli.place = place;
        s->cli.place.prefix = (uint32_t)prefixed.size;
        put(&prefixed, text, size);
        s->cli.params = (const char *const *)s->params.texts;
        s->cli.param_count = s->params.count;
        sombra_set_time_limit(s->cli.conn, s->cli.timeout_ms);
        progress_start_late(&s->cli, "Running");
        code = run_statement(&s->cli, prefixed.data, prefixed.size, &used, &report);
        progress_stop(&s->cli);
        sombra_set_time_limit(s->cli.conn, 0);
        s->cli.place = (text_place){0};
        free(prefixed.data);
    }
    if (code == EXIT_OK) tell_report(s, &report, seconds_now() - started);
    return shell_finish(s, code, true);
}

/* ---- Texts ---------------------------------------------------------------------------------------------------------------- */

/* A text that comes piece by piece. */
typedef struct reader {
    const char *name; /* of the file, for messages; NULL: what the user typed just now */
    text_buffer text; /* what is not run yet begins at start; a NUL behind it */
    size_t start;
    scan_end scan;    /* of text, from start on */
    text_place place; /* of start */
} reader;

static void drop(reader *from, size_t bytes)
{
    place_advance(&from->place, from->text.data + from->start, bytes);
    from->start += bytes;
    memset(&from->scan, 0, sizeof from->scan);
}

static int run_command_line(shell *s, const char *line, size_t bytes)
{
    text_buffer copy = {0};
    int code;

    while (bytes > 1 && strchr("; \t\r\n", line[bytes - 1]) != NULL) /* fingers are used to ';' */
        bytes--;
    put(&copy, line + 1, bytes - 1);
    put(&copy, "", 1);
    code = shell_command(s, copy.data);
    free(copy.data);
    return code;
}

/* Run what is whole of the text; at its end also what is not. */
static int run_gathered(shell *s, reader *from, bool at_end)
{
    int code = EXIT_OK;

    while (code == EXIT_OK && !s->quit && from->start + 1 < from->text.size) {
        const char *text = from->text.data + from->start;
        const size_t size = from->text.size - from->start - 1;
        const size_t blank = from->scan.at == 0 ? scan_blank(text, size) : 0;
        size_t bytes;
        bool whole;

        if (blank != 0) {
            drop(from, blank);
            continue;
        }
        if (was_cancelled()) { /* by a Ctrl-C that came too late for what ran, or between the two */
            bytes = 0;
            code = cancelled_code();
        } else if (from->scan.at == 0 && (*text == '.' || *text == ':')) {
            const char *end = strchr(text, '\n');
            if (end == NULL && !at_end) break;
            bytes = end == NULL ? size : (size_t)(end - text);
            code = run_command_line(s, text, bytes);
        } else {
            whole = scan_statement(&from->scan, text, size);
            bytes = from->scan.at;
            if (!whole && !from->scan.any && from->scan.quote == 0 && bytes == size) {
                drop(from, bytes); /* a comment that came in several lines */
                continue;
            }
            if (!whole && (!at_end || !from->scan.any)) break;
            if (!whole) bytes = size;
            code = shell_run_statement(s, text, bytes, from->place);
        }
        if (code != EXIT_OK && from->name != NULL && !output_unread())
            tell_line(stderr, "sombra: in %s, what begins in line %llu", from->name,
                      (unsigned long long)from->place.line);
        drop(from, bytes);
    }
    return code;
}

/* Add a piece to the text, keeping the NUL behind it. */
static void gather(reader *to, const char *piece, size_t bytes)
{
    if (to->text.size != 0) to->text.size--;
    if (to->start != 0) { /* few bytes, as a rule: what was whole has run */
        memmove(to->text.data, to->text.data + to->start, to->text.size - to->start);
        to->text.size -= to->start;
        to->start = 0;
    }
    put(&to->text, piece, bytes);
    put(&to->text, "", 1);
}

int shell_run_text(shell *s, const char *text, size_t size)
{
    reader from = {.place = {.line = 1, .column = 1}};
    int code;

    gather(&from, text, size);
    code = run_gathered(s, &from, true);
    free(from.text.data);
    return code;
}

static int run_stream(shell *s, FILE *file, const char *name)
{
    reader from = {.name = name, .place = {.line = 1, .column = 1}};
    char *line = NULL;
    size_t capacity = 0;
    ssize_t bytes;
    int code = EXIT_OK;

    while (code == EXIT_OK && !s->quit && (bytes = getline(&line, &capacity, file)) > 0) {
        const bool marked = from.place.line == 1 && from.text.size == 0 && bytes >= 3 &&
                            memcmp(line, "\xEF\xBB\xBF", 3) == 0; /* byte order mark */

        if (memchr(line, '\0', (size_t)bytes) != NULL)
            code = complain(EXIT_USAGE, "%s holds NUL characters: it is no text", name);
        else
            gather(&from, line + (marked ? 3 : 0), (size_t)bytes - (marked ? 3 : 0));
        if (code == EXIT_OK) code = run_gathered(s, &from, false);
    }
    if (code == EXIT_OK && !feof(file)) code = cancelled_code();
    if (code == EXIT_OK && ferror(file)) code = complain_errno(name);
    if (code == EXIT_OK && !s->quit) code = run_gathered(s, &from, true);
    free(line);
    free(from.text.data);
    return code;
}

int shell_run_file(shell *s, const char *path)
{
    FILE *file;
    int code;

    if (s->read_depth == READ_DEPTH_MAX)
        return complain(EXIT_USAGE, "%s: scripts read each other %u deep", path, READ_DEPTH_MAX);
    file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (file == NULL) return complain_errno(path);
    s->read_depth++;
    code = run_stream(s, file, file == stdin ? "standard input" : path);
    s->read_depth--;
    if (file != stdin) (void)fclose(file);
    return code;
}

/* ---- At a terminal --------------------------------------------------------------------------------------------------------- */

/* What is open, to a person. */
static void tell_opened(const shell *s)
{
    sombra_txn *txn;
    sombra_info info;
    char nodes[64], rels[64];

    if (!s->interactive || s->cli.quiet) return;
    if (strcmp(s->file, ":memory:") == 0) {
        puts("The graph is in memory and gone at the end: '.open FILE' opens or makes a file.");
    } else if (sombra_begin(s->cli.conn, SOMBRA_READ, &txn) == SOMBRA_OK) {
        if (sombra_get_info(txn, &info) == SOMBRA_OK)
            printf("%s: %s, %s.\n", s->file, counted(info.nodes, "node", "nodes", nodes),
                   counted(info.rels, "relationship", "relationships", rels));
        sombra_rollback(txn);
    }
}

/* Errors are told and the next line is read, until the user leaves. */
static int converse(shell *s)
{
    editor *ed = editor_create(s);
    text_buffer text = {0};

    if (!s->cli.quiet)
        printf("Sombra %s. '.help' lists the commands, ';' ends a statement, Ctrl-D leaves.\n",
               sombra_version());
    tell_opened(s);
    while (!s->quit) {
        (void)fflush(stdout);
        text.size = 0;
        if (!editor_read(ed, s->cli.shell_txn != NULL, &text)) break;
        progress_forget();
        (void)shell_run_text(s, text.data, text.size);
    }
    free(text.data);
    editor_destroy(ed);
    return s->exit_code;
}

/* ---- Sessions --------------------------------------------------------------------------------------------------------------- */

/* The shell's own opening and closing are those of any command. */
static int open_session(shell *s)
{
    int code;

    s->cli.in_shell = false;
    s->cli.arguments[0] = s->file;
    s->cli.options.profile = true; /* so that PROFILE shows page touches */
    code = open_database(&s->cli, s->cli.options.read_only, !s->cli.options.read_only);
    s->cli.in_shell = true;
    return code;
}

static int close_session(shell *s, int code)
{
    sombra_error error;

    if (s->cli.shell_txn != NULL) {
        if (s->interactive)
            (void)complain_open();
        else if (code == EXIT_OK)
            code = complain_open();
        sombra_rollback(s->cli.shell_txn);
    }
    s->cli.shell_txn = NULL;
    sombra_disconnect(s->cli.conn);
    s->cli.conn = NULL;
    if (s->cli.db != NULL && sombra_close(s->cli.db, &error) != SOMBRA_OK)
        code = complain_close(&s->cli, &error, code);
    s->cli.db = NULL;
    return code;
}

int shell_open(shell *s, const char *file, bool read_only)
{
    shell next = *s;
    int code;

    if (s->cli.shell_txn != NULL)
        return complain(EXIT_USAGE, "a transaction is open: COMMIT or ROLLBACK first");
    next.file = strdup(file);
    if (next.file == NULL) return complain(8, "out of memory");
    next.cli.db = NULL;
    next.cli.conn = NULL;
    next.cli.options.read_only = read_only;
    next.cli.options.create = true;
    code = open_session(&next);
    if (code != EXIT_OK) { /* the present one stays open */
        free((void *)(uintptr_t)next.file);
        return code;
    }
    code = close_session(s, EXIT_OK);
    tell_opened(&next);
    free((void *)(uintptr_t)s->file);
    *s = next;
    return code;
}

/* -c and -f in the order in which they were given; without them standard input. */
static int run_session(shell *s)
{
    invocation *cli = &s->cli;
    bool given = false;
    int code = EXIT_OK;

    for (size_t i = 0; i < cli->flag_count && code == EXIT_OK && !s->quit; i++) {
        const flag_value *flag = &cli->flags[i];
        const bool text = strcmp(flag->spec->name, "command") == 0;

        if (!text && strcmp(flag->spec->name, "file") != 0) continue;
        given = true;
        code = text ? shell_run_text(s, flag->value, strlen(flag->value))
                    : shell_run_file(s, flag->value);
    }
    if (!given) code = s->interactive ? converse(s) : shell_run_file(s, "-");
    return s->quit && code == EXIT_OK ? s->exit_code : code;
}

/* Ctrl-C while nothing runs that it could cancel ends what is still to come of a text; in a script also a read that waits, and the second
 * one the program. */
static void watch_between(bool interactive)
{
    const struct sigaction action = {.sa_handler = progress_note,
                                     .sa_flags = interactive ? SA_RESTART : (int)SA_RESETHAND};
    struct sigaction before;

    if (sigaction(SIGINT, NULL, &before) == 0 && (interactive || before.sa_handler != SIG_IGN))
        (void)sigaction(SIGINT, &action, NULL);
}

int run_shell(invocation *cli)
{
    shell s = {.cli = *cli};
    int code = use_statement_flags(&s.cli);

    if (code != EXIT_OK) return code;
    s.file = strdup(cli->argument_count != 0 ? cli->arguments[0]
                    : cli->database != NULL  ? cli->database
                                             : ":memory:");
    if (s.file == NULL) exit(complain(8, "out of memory"));
    s.interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
                    flag_text(cli, "command") == NULL && flag_text(cli, "file") == NULL;
    s.timer = s.interactive && !cli->quiet;
    s.cli.stays = s.interactive;
    s.cli.quiet = cli->quiet || (!s.interactive && !isatty(STDERR_FILENO));
    s.cli.options.read_only = s.cli.options.read_only || flag_given(cli, "read-only");
    for (size_t i = 0; code == EXIT_OK && i < s.cli.param_count; i++) {
        const char *equals = strchr(s.cli.params[i], '=');
        char *name;
        if (equals == NULL || equals == s.cli.params[i]) {
            code = complain(EXIT_USAGE, "--param: '%s' is not NAME=JSON", s.cli.params[i]);
            break;
        }
        name = strndup(s.cli.params[i], (size_t)(equals - s.cli.params[i]));
        if (name == NULL) exit(complain(8, "out of memory"));
        setting_put(&s.params, name, equals + 1);
        free(name);
    }
    free((void *)(uintptr_t)s.cli.params);
    watch_between(s.interactive);
    (void)signal(SIGPIPE,
                 SIG_IGN); /* of .output '|command' that ends early; else the write fails */
    if (code == EXIT_OK) code = open_session(&s);
    if (code == EXIT_OK) {
        code = run_session(&s);
        (void)shell_redirect(&s, NULL, false);
        code = close_session(&s, code);
    }
    if (s.log != NULL) (void)fclose(s.log);
    settings_free(&s.params);
    free((void *)(uintptr_t)s.file);
    return code;
}

/* ---- restore ------------------------------------------------------------------------------------------------------------------ */

int shell_restore(shell *s, const char *script)
{
    int code;

    if (s->cli.shell_txn != NULL)
        return complain(EXIT_USAGE, "a transaction is open: COMMIT or ROLLBACK first");
    code = load_script(&s->cli, script);
    return code == EXIT_OK ? code : complain(code, "nothing of %s is kept", script);
}

int run_restore(invocation *cli)
{
    shell s = {.cli = *cli, .file = cli->arguments[0]};
    int code;

    s.cli.quiet = true;
    s.cli.options.create_whole = true;
    if ((code = open_session(&s)) != EXIT_OK) return code;
    code = close_session(&s, shell_restore(&s, cli->arguments[1]));
    return make_if_absent(cli, code);
}
