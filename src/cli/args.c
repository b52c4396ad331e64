/* args.c — the command line: commands, flags, options; help made from the same tables. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/formats/formats.h"
#include "config.h"

static void tell_list(FILE *out, const char *front, const char *format, va_list list)
    __attribute__((format(printf, 3, 0)));
static void tell_list(FILE *out, const char *front, const char *format, va_list list)
{
    char few[2048], *text = few;
    va_list again;

    va_copy(again, list);
    const int size = vsnprintf(few, sizeof few, format, list);
    if (size >= (int)sizeof few) text = malloc((size_t)size + 1);
    if (text == NULL) text = few; /* benign: what fits is told */
    if (text != few) (void)vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    fmt_blank_controls(text, strlen(text));
    fprintf(out, "%s%s\n", front, text);
    if (text != few) free(text);
}

void tell_line(FILE *out, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    tell_list(out, "", format, list);
    va_end(list);
}

int complain(int code, const char *format, ...)
{
    va_list list;

    progress_clear();
    if (fflush(stdout) != 0) output_failed();
    va_start(list, format);
    tell_list(stderr, "sombra: ", format, list);
    va_end(list);
    return code;
}

static bool is_absent(int os_error)
{
    return os_error == ENOENT || os_error == ENOTDIR;
}

int complain_error(const sombra_error *error)
{
    const int code = error->status == SOMBRA_CANT_OPEN && is_absent(error->os_error)
                         ? EXIT_NOT_FOUND
                         : exit_code_of(error->status);
    return complain(code, "%s",
                    error->message[0] != '\0' ? error->message : sombra_status_text(error->status));
}

int complain_errno(const char *name)
{
    const int cause = errno;
    return complain(is_absent(cause) ? EXIT_NOT_FOUND : 9, "%s: %s", name, strerror(cause));
}

void place_advance(text_place *place, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\n') {
            place->line++;
            place->column = 1;
        } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
            place->column++;
        }
    }
}

void place_error(const text_place *place, sombra_error *error)
{
    char told[64], message[sizeof error->message];
    uint64_t column = error->column;
    char *at;

    if (place->line == 0 || error->line == 0) return;
    (void)snprintf(told, sizeof told, " (line %u, column %u)", error->line, error->column);
    at = strstr(error->message, told);
    if (at == NULL) return;
    if (error->line == 1)
        column = place->column - 1 + (column > place->prefix ? column - place->prefix : 1);
    (void)snprintf(message, sizeof message, "%.*s (line %llu, column %llu)%s",
                   (int)(at - error->message), error->message,
                   (unsigned long long)(place->line + error->line - 1), (unsigned long long)column,
                   at + strlen(told));
    memcpy(error->message, message, sizeof message);
}

int complain_conn(invocation *cli)
{
    sombra_error error = *sombra_error_of(cli->conn);

    place_error(&cli->place, &error);
    return complain_error(&error);
}

int exit_code_of(sombra_status status)
{
    switch (status) {
    case SOMBRA_OK: return EXIT_OK;
    case SOMBRA_MISUSE:
    case SOMBRA_INVALID:
    case SOMBRA_LIMIT:
    case SOMBRA_SYNTAX:
    case SOMBRA_TYPE_MISMATCH:
    case SOMBRA_UNSUPPORTED: return EXIT_USAGE;
    case SOMBRA_NOT_FOUND:
    case SOMBRA_EXISTS: return EXIT_NOT_FOUND;
    case SOMBRA_CONSTRAINT: return 4;
    case SOMBRA_BUSY:
    case SOMBRA_BUSY_SNAPSHOT: return 5;
    case SOMBRA_READ_ONLY: return 6;
    case SOMBRA_INTERRUPT:
    case SOMBRA_TIMEOUT: return 7;
    case SOMBRA_NOMEM: return 8;
    case SOMBRA_IO:
    case SOMBRA_FULL:
    case SOMBRA_CANT_OPEN:
    case SOMBRA_POISONED: return 9;
    case SOMBRA_CORRUPT:
    case SOMBRA_NOT_A_DB:
    case SOMBRA_VERSION_NEWER: return 10;
    case SOMBRA_REJECTED: return EXIT_REJECTED;
    }
    return EXIT_FAILED;
}

/* ---- Nearest names ------------------------------------------------------------------------------------------ */

static unsigned distance(const char *a, const char *b)
{
    unsigned row[64];
    const size_t bytes = strlen(b);

    if (bytes >= sizeof row / sizeof *row) return 64;
    for (unsigned j = 0; j <= bytes; j++)
        row[j] = j;
    for (unsigned i = 1; *a != '\0' && i < 64; i++, a++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= bytes; j++) {
            const unsigned replaced = diagonal + (*a != b[j - 1]);
            const unsigned shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < shorter ? replaced : shorter;
        }
    }
    return row[bytes];
}

const char *nearest_name(const char *text, const char *(*name_at)(size_t i, const void *ctx),
                         const void *ctx, size_t count)
{
    const char *nearest = NULL;
    unsigned best = (unsigned)strlen(text) / 2 + 1;

    for (size_t i = 0; i < count; i++) {
        const unsigned d = distance(text, name_at(i, ctx));
        if (d < best) best = d, nearest = name_at(i, ctx);
    }
    return nearest;
}

const char *command_name(size_t i, const void *ctx)
{
    (void)ctx;
    return commands[i].name;
}

size_t command_count(void)
{
    size_t count = 0;
    while (commands[count].name != NULL)
        count++;
    return count;
}

static const char *flag_name(size_t i, const void *ctx)
{
    const command *of = ctx;
    size_t own = 0;
    while (of->flags[own].name != NULL)
        own++;
    return i < own ? of->flags[i].name : common_flags[i - own].name;
}

static size_t flag_names(const command *of)
{
    size_t count = 0, common = 0;
    while (of->flags[count].name != NULL)
        count++;
    while (common_flags[common].name != NULL)
        common++;
    return count + common;
}

const command *find_command(const char *name)
{
    for (const command *at = commands; at->name != NULL; at++)
        if (strcmp(at->name, name) == 0) return at;
    return NULL;
}

/* ---- Flags ---------------------------------------------------------------------------------------------------- */

static const flag_spec *find_flag(const command *of, const char *name, size_t bytes)
{
    const flag_spec *lists[2] = {of->flags, common_flags};
    for (int i = 0; i < 2; i++)
        for (const flag_spec *at = lists[i]; at->name != NULL; at++)
            if (strlen(at->name) == bytes && memcmp(at->name, name, bytes) == 0) return at;
    return NULL;
}

bool flag_given(const invocation *cli, const char *name)
{
    for (size_t i = 0; i < cli->flag_count; i++)
        if (strcmp(cli->flags[i].spec->name, name) == 0) return true;
    return false;
}

const char *flag_text(const invocation *cli, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < cli->flag_count; i++)
        if (strcmp(cli->flags[i].spec->name, name) == 0) value = cli->flags[i].value;
    return value;
}

const char *flag_at(const invocation *cli, const char *name, size_t i)
{
    for (size_t at = 0; at < cli->flag_count; at++)
        if (strcmp(cli->flags[at].spec->name, name) == 0 && i-- == 0) return cli->flags[at].value;
    return NULL;
}

bool flag_number(const invocation *cli, const char *name, uint64_t fallback, uint64_t *value)
{
    const char *text = flag_text(cli, name);
    char *end;
    unsigned shift = 0;

    *value = fallback;
    if (text == NULL) return true;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (*end == 'k' || *end == 'K') shift = 10;
    if (*end == 'm' || *end == 'M') shift = 20;
    if (*end == 'g' || *end == 'G') shift = 30;
    if (!isdigit((unsigned char)*text) || errno != 0 || end[shift != 0] != '\0' ||
        *value > UINT64_MAX >> shift) {
        complain(EXIT_USAGE, "--%s: '%s' is not a number", name, text);
        return false;
    }
    *value <<= shift;
    return true;
}

bool read_seconds(const char *text, uint64_t *milliseconds)
{
    char *end;
    const double seconds = strtod(text, &end);

    /* No sign, no exponent, no word that strtod reads. */
    if (end == text || text[strspn(text, "0123456789.")] != '\0' || *end != '\0' ||
        seconds > UINT32_MAX)
        return false;
    *milliseconds = (uint64_t)ceil(seconds * 1000);
    return true;
}

/* One flag at argv[*at], with its value behind '=' or as the next argument. */
static int parse_flag(invocation *cli, int argc, char **argv, int *at)
{
    const char *text = argv[*at] + 2, *equals = strchr(text, '=');
    const size_t bytes = equals == NULL ? strlen(text) : (size_t)(equals - text);
    const flag_spec *spec = find_flag(cli->command, text, bytes);
    flag_value *grown;

    if (spec == NULL) {
        char name[64];
        const char *near;
        snprintf(name, sizeof name, "%.*s", (int)(bytes < 60 ? bytes : 60), text);
        near = nearest_name(name, flag_name, cli->command, flag_names(cli->command));
        return near != NULL ? complain(EXIT_USAGE, "%s has no flag --%s; did you mean --%s?",
                                       cli->command->name, name, near)
                            : complain(EXIT_USAGE, "%s has no flag --%s (sombra help %s)",
                                       cli->command->name, name, cli->command->name);
    }
    if (spec->placeholder == NULL && equals != NULL)
        return complain(EXIT_USAGE, "--%s takes no value", spec->name);
    if (!spec->repeated && flag_given(cli, spec->name))
        return complain(EXIT_USAGE, "--%s is given twice", spec->name);
    grown = realloc(cli->flags, (cli->flag_count + 1) * sizeof *grown);
    if (grown == NULL) return complain(8, "out of memory");
    cli->flags = grown;
    cli->flags[cli->flag_count] = (flag_value){.spec = spec};
    if (spec->placeholder != NULL) {
        if (equals == NULL && *at + 1 >= argc)
            return complain(EXIT_USAGE, "--%s needs a value: --%s %s", spec->name, spec->name,
                            spec->placeholder);
        cli->flags[cli->flag_count].value = equals != NULL ? equals + 1 : argv[++*at];
    }
    cli->flag_count++;
    return EXIT_OK;
}

/* Words of a command's argument list: how many there are at least and at most. */
static void count_arguments(const command *of, int *least, int *most)
{
    *least = *most = 0;
    for (const char *at = of->arguments; *at != '\0';) {
        ++*most;
        *least += *at != '[';
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
}

static const char *const format_names[] = {"table", "box",   "markdown", "line",
                                           "json",  "jsonl", "csv",      "graph"};

const char *format_name(size_t i)
{
    return i < sizeof format_names / sizeof *format_names ? format_names[i] : NULL;
}

bool find_format(const char *name, output_format *format)
{
    for (size_t i = 0; format_name(i) != NULL; i++) {
        if (strcmp(name, format_name(i)) != 0) continue;
        *format = (output_format)i;
        return true;
    }
    return false;
}

static int apply_common(invocation *cli)
{
    const char *format = flag_text(cli, "format"), *setting;

    cli->format = FORMAT_TABLE;
    if (!cli->in_shell) { /* the shell has done so */
        const int code = config_apply(cli);
        if (code != EXIT_OK) return code;
    }
    if (format != NULL && (!find_format(format, &cli->format) || cli->format == FORMAT_GRAPH))
        return complain(EXIT_USAGE,
                        "--format: '%s' is none of table, box, markdown, line, json, jsonl, csv",
                        format);
    cli->quiet = cli->quiet || flag_given(cli, "quiet");
    for (size_t i = 0; (setting = flag_at(cli, "option", i)) != NULL; i++) {
        const char *equals = strchr(setting, '=');
        char name[64];
        sombra_error error;
        if (equals == NULL || equals - setting >= (ptrdiff_t)sizeof name)
            return complain(EXIT_USAGE, "--option: '%s' is not NAME=VALUE", setting);
        memcpy(name, setting, (size_t)(equals - setting));
        name[equals - setting] = '\0';
        if (sombra_options_set(&cli->options, name, equals + 1, &error) != SOMBRA_OK)
            return complain_error(&error);
    }
    return EXIT_OK;
}

/* The flag that a single letter stands for, or NULL. */
static char *long_flag(const invocation *cli, const char *word)
{
    static char help[] = "--help", query[] = "--command", file[] = "--file";

    if (strcmp(word, "-h") == 0) return help;
    if (cli->command->run != run_shell) return NULL;
    return strcmp(word, "-c") == 0 ? query : strcmp(word, "-f") == 0 ? file : NULL;
}

int parse_arguments(invocation *cli, int argc, char **argv, int first)
{
    int least, most;
    bool only_arguments = false;

    for (int at = first; at < argc; at++) {
        char *flag = only_arguments ? NULL : long_flag(cli, argv[at]);
        if (flag != NULL) argv[at] = flag;
        if (!only_arguments && strcmp(argv[at], "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && strncmp(argv[at], "--", 2) == 0) {
            const int code = parse_flag(cli, argc, argv, &at);
            if (code != EXIT_OK) return code;
        } else if (!only_arguments && argv[at][0] == '-' && isalpha((unsigned char)argv[at][1])) {
            return complain(EXIT_USAGE,
                            "there is no flag %s: flags have two dashes (sombra help %s)", argv[at],
                            cli->command->name);
        } else if (cli->argument_count == (int)(sizeof cli->arguments / sizeof *cli->arguments)) {
            return complain(EXIT_USAGE, "too many arguments");
        } else {
            cli->arguments[cli->argument_count++] = argv[at];
        }
    }
    if (flag_given(cli, "help")) return EXIT_OK;
    count_arguments(cli->command, &least, &most);
    if (cli->argument_count < least || cli->argument_count > most)
        return complain(EXIT_USAGE, "usage: sombra %s %s [flags] (sombra help %s)",
                        cli->command->name, cli->command->arguments, cli->command->name);
    return apply_common(cli);
}

/* ---- Help ---------------------------------------------------------------------------------------------------------- */

static void print_flags(FILE *out, const flag_spec *flags)
{
    for (; flags->name != NULL; flags++) {
        char head[64];
        snprintf(head, sizeof head, "--%s%s%s", flags->name, flags->placeholder != NULL ? " " : "",
                 flags->placeholder != NULL ? flags->placeholder : "");
        fprintf(out,
                strlen(head) <= 30 ? "  %-30s  %s\n"
                                   : "  %s\n                                  %s\n",
                head, flags->help);
    }
}

void print_command_help(FILE *out, const command *of)
{
    const char *blank = *of->arguments == '\0' ? "" : " ";

    fprintf(out, "sombra %s%s%s — %s\n\nUsage: sombra %s%s%s [flags]\n", of->name, blank,
            of->arguments, of->summary, of->name, blank, of->arguments);
    if (of->flags[0].name != NULL) {
        fputs("\nFlags:\n", out);
        print_flags(out, of->flags);
    }
    fputs("\nFlags of every command:\n", out);
    print_flags(out, common_flags);
    fprintf(out, "\nExamples:\n%s", of->examples);
    if (strstr(of->arguments, "NODE") != NULL || strstr(of->arguments, "FROM") != NULL)
        fputs("\nA node is named by its id, or by a property: Person.name=Ada "
              "(Person.born:int=1815 for other\n"
              "types than text). With an index on the property this is fast.\n",
              out);
}

void print_help(FILE *out)
{
    fprintf(out,
            "sombra %s — an embedded property-graph database\n\n"
            "Usage: sombra [FILE] [-c QUERY] [-f SCRIPT]   the shell: asks and answers, "
            ".help tells more\n"
            "       sombra COMMAND FILE [arguments] [flags]   flags may stand in front, too\n\n"
            "Commands:\n",
            sombra_version());
    for (const command *at = commands; at->name != NULL; at++)
        fprintf(out, "  %-11s %s\n", at->name, at->summary);
    fputs(
        "\n'sombra help COMMAND' tells more, with examples. 'sombra help options' lists the open "
        "options.\n"
        "Exit codes: 0 done, 2 wrong use, 3 not found (files, too) or there already, 4 constraint, "
        "5 busy,\n"
        "6 read-only, 7 cancelled, 8 out of memory, 9 input/output, 10 damaged, 11 rows "
        "rejected.\n",
        out);
}

static int print_options(invocation *cli)
{
    static const char *const columns[] = {"option", "default", "help"};
    output *out = output_begin(cli, columns, 3);
    const char *name, *value, *help;

    for (size_t i = 0; sombra_options_describe(i, &name, &value, &help); i++)
        output_row(out, (cell[]){cell_text(name), cell_text(value), cell_text(help)});
    return output_end(out) ? EXIT_OK : 9;
}

int run_help(invocation *cli)
{
    const command *of;

    if (cli->argument_count == 0) {
        print_help(stdout);
        return EXIT_OK;
    }
    if (strcmp(cli->arguments[0], "options") == 0) return print_options(cli);
    of = find_command(cli->arguments[0]);
    if (of == NULL) {
        const char *near = nearest_name(cli->arguments[0], command_name, NULL, command_count());
        return near != NULL ? complain(EXIT_USAGE, "there is no command '%s'; did you mean '%s'?",
                                       cli->arguments[0], near)
                            : complain(EXIT_USAGE, "there is no command '%s' (sombra help)",
                                       cli->arguments[0]);
    }
    print_command_help(stdout, of);
    return EXIT_OK;
}

static int output_errno; /* of the first write to standard output that failed */
static const char *output_name = "standard output";

void output_goes_to(const char *name)
{
    output_name = name;
}

int output_failed(void)
{
    if (output_errno == 0) output_errno = errno;
    return 9;
}

/* Is the first word a database for the shell, and not a command that is misspelled? */
static bool names_database(const char *word)
{
    return word[0] == '-' || strpbrk(word, "./:") != NULL || access(word, F_OK) == 0;
}

bool output_unread(void)
{
    return output_errno == EPIPE;
}

int output_error(void)
{
    const int error = output_errno;

    output_errno = 0;
    return error;
}

/* A flag of whatever command, with its two dashes off. */
static const flag_spec *find_any_flag(const char *name, size_t bytes)
{
    const flag_spec *found = NULL;

    for (const command *at = commands; at->name != NULL && found == NULL; at++)
        found = find_flag(at, name, bytes);
    return found;
}

/* Flags may stand before the command: its word is moved in front of them. Those of one letter are the shell's. */
static void put_command_first(int argc, char **argv)
{
    int at = 1;

    while (at < argc && strncmp(argv[at], "--", 2) == 0 && argv[at][2] != '\0') {
        const char *name = argv[at] + 2;
        const size_t bytes = strcspn(name, "=");
        const flag_spec *flag = find_any_flag(name, bytes);
        if (flag == NULL) return;
        at += flag->placeholder != NULL && name[bytes] == '\0' ? 2 : 1;
    }
    if (at >= argc || at == 1 || argv[at][0] == '-') return;
    char *word = argv[at];
    memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof *argv);
    argv[1] = word;
}

static int run_command(invocation *cli, int argc, char **argv)
{
    int code, first = 2;

    put_command_first(argc, argv);
    cli->command = argc < 2 ? NULL : find_command(argv[1]);
    if (cli->command == NULL && (argc < 2 || names_database(argv[1]))) {
        cli->command = find_command("shell");
        first = 1;
    }
    if (cli->command == NULL) {
        const char *near = nearest_name(argv[1], command_name, NULL, command_count());
        return near != NULL
                   ? complain(EXIT_USAGE, "there is no command '%s'; did you mean '%s'?", argv[1],
                              near)
                   : complain(EXIT_USAGE,
                              "there is no command '%s' (sombra --help); a new database in this "
                              "folder is ./%s",
                              argv[1], argv[1]);
    }
    code = parse_arguments(cli, argc, argv, first);
    if (code == EXIT_OK && flag_given(cli, "help"))
        print_command_help(stdout, cli->command);
    else if (code == EXIT_OK)
        code = cli->command->run(cli);
    free(cli->flags);
    free(cli->database);
    return code;
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

/* What the library found that a person should know of, though the command goes on. */
static void warn(void *ctx, sombra_log_level level, const char *message)
{
    (void)ctx;
    if (level >= SOMBRA_LOG_WARNING) tell_line(stderr, "sombra: warning: %s", message);
}

/* A standard stream that was closed before the start leaves its number to the next file that is opened: messages would be written into
 * an export. What takes its place fails as the closed one did: input that can not be read, output that can not be written. */
static void fill_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        const int taken = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        if (taken > STDERR_FILENO) (void)close(taken);
    }
}

int main(int argc, char **argv)
{
    invocation cli;
    int code = EXIT_OK;

    memset(&cli, 0, sizeof cli);
    fill_standard();
    (void)signal(SIGXFSZ, SIG_IGN); /* the write fails instead, and is reported */
    sombra_options_init(&cli.options);
    cli.options.log = warn;
    if (argc >= 2 && is_one_of(argv[1], "--help", "-h", "-?"))
        print_help(stdout);
    else if (argc >= 2 && is_one_of(argv[1], "--version", "-V", "version"))
        printf("sombra %s\n", sombra_version());
    else
        code = run_command(&cli, argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) output_failed();
    if (output_unread()) { /* as other programs end whose reader has gone away: quietly, by this signal */
        (void)signal(SIGPIPE, SIG_DFL);
        (void)raise(SIGPIPE);
    }
    if (output_errno != 0) code = complain(9, "%s: %s", output_name, strerror(output_errno));
    return code;
}
