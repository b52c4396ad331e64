/* config.c — the configuration file and the environment. Places after the XDG Base Directory Specification. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"

/* ---- Places --------------------------------------------------------------------------------------------------------------- */

/* Make the folders of a path that are missing. */
static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700); /* one that can not be made shows when the file is opened */
        *slash = '/';
    }
}

char *config_path(const char *variable, const char *fallback, const char *name, bool make)
{
    const char *folder = getenv(variable), *home = getenv("HOME");
    text_buffer path = {0};

    /* the specification: what is not absolute is not followed */
    if (folder != NULL && folder[0] == '/') {
        put_text(&path, folder);
    } else if (home != NULL && home[0] == '/') {
        put_text(&path, home);
        put_text(&path, "/");
        put_text(&path, fallback);
    } else {
        return NULL;
    }
    put_text(&path, "/sombra/");
    put_text(&path, name);
    put(&path, "", 1);
    if (make) make_folders(path.data);
    return path.data;
}

char *config_file(const invocation *cli, bool *named)
{
    const char *file = flag_text(cli, "config"), *environment = getenv("SOMBRA_CONFIG");
    char *copy;

    if (file == NULL) file = environment;
    *named = file != NULL && *file != '\0';
    if (!*named) return config_path("XDG_CONFIG_HOME", ".config", "config", false);
    copy = strdup(file);
    if (copy == NULL) exit(complain(8, "out of memory"));
    return copy;
}

/* ---- Settings ---------------------------------------------------------------------------------------------------------------- */

/* Those beside the open options. */
static const char *const own_settings[] = {"database", "format", "quiet", "timeout"};
#define OWN_COUNT (sizeof own_settings / sizeof *own_settings)

static const char *setting_name(size_t i, const void *ctx)
{
    const char *name = NULL, *value, *help;

    (void)ctx;
    if (i < OWN_COUNT) return own_settings[i];
    return sombra_options_describe(i - OWN_COUNT, &name, &value, &help) ? name : NULL;
}

static size_t setting_count(void)
{
    size_t count = 0;
    while (setting_name(count, NULL) != NULL)
        count++;
    return count;
}

static bool read_bool(const char *text, bool *value)
{
    static const char *const yes[] = {"true", "on", "1"}, *const no[] = {"false", "off", "0"};

    for (size_t i = 0; i < 3; i++) {
        if (strcmp(text, yes[i]) != 0 && strcmp(text, no[i]) != 0) continue;
        *value = strcmp(text, yes[i]) == 0;
        return true;
    }
    return false;
}

/* where: "config, line 3" or the name of a variable, for messages. */
static int set(invocation *cli, const char *name, const char *value, const char *where)
{
    sombra_error error;

    if (strcmp(name, "format") == 0) {
        if (find_format(value, &cli->format) && cli->format != FORMAT_GRAPH) return EXIT_OK;
        return complain(EXIT_USAGE, "%s: '%s' is no format", where, value);
    }
    if (strcmp(name, "quiet") == 0) {
        if (read_bool(value, &cli->quiet)) return EXIT_OK;
        return complain(EXIT_USAGE, "%s: '%s' is neither true nor false", where, value);
    }
    if (strcmp(name, "timeout") == 0) {
        if (read_seconds(value, &cli->timeout_ms)) return EXIT_OK;
        return complain(EXIT_USAGE, "%s: '%s' is no number of seconds", where, value);
    }
    if (strcmp(name, "database") == 0) {
        free(cli->database);
        cli->database = strdup(value);
        if (cli->database == NULL) exit(complain(8, "out of memory"));
        return EXIT_OK;
    }
    if (sombra_options_set(&cli->options, name, value, &error) == SOMBRA_OK) return EXIT_OK;
    return complain(exit_code_of(error.status), "%s: %s", where, error.message);
}

/* ---- The file --------------------------------------------------------------------------------------------------------------------- */

typedef struct config_reader {
    invocation *cli;
    const char *path;
    const char *wanted; /* section; NULL: default alone */
    char section[64];   /* that the line lies in; "default" at first */
    bool found;         /* the wanted section is there */
    text_buffer names;  /* of all sections, NUL behind each */
    /* What run_config lists; NULL: settings are applied. */
    output *listing;
} config_reader;

static void list_setting(config_reader *r, const char *name, const char *value, const char *where)
{
    output_row(r->listing, (cell[]){cell_text(name), cell_text(value), cell_text(where)});
}

/* A line without blanks at its ends. */
static int read_line(config_reader *r, char *line, unsigned number, bool wanted)
{
    const size_t bytes = strlen(line);
    char *equals, *name_end, *value, where[512];

    snprintf(where, sizeof where, "%.400s, line %u", r->path, number);
    if (*line == '\0' || *line == '#' || *line == ';') return EXIT_OK;
    if (*line == '[') {
        if (line[bytes - 1] != ']' || bytes < 3 || bytes - 2 >= sizeof r->section)
            return complain(EXIT_USAGE, "%s: '%s' is no [section]", where, line);
        snprintf(r->section, sizeof r->section, "%.*s", (int)(bytes - 2), line + 1);
        put(&r->names, r->section, strlen(r->section) + 1);
        r->found = r->found || (r->wanted != NULL && strcmp(r->section, r->wanted) == 0);
        return EXIT_OK;
    }
    equals = strchr(line, '=');
    if (equals == NULL || equals == line)
        return complain(EXIT_USAGE, "%s: '%s' is not NAME = VALUE", where, line);
    for (name_end = equals; name_end > line && isspace((unsigned char)name_end[-1]);)
        name_end--;
    *name_end = '\0';
    value = equals + 1 + strspn(equals + 1, " \t");
    for (size_t i = 0; line[i] != '\0'; i++) /* as flags write them, too */
        if (line[i] == '-') line[i] = '_';
    if (strcmp(r->section, wanted ? r->wanted : "default") != 0) return EXIT_OK;
    if (r->listing == NULL) return set(r->cli, line, value, where);
    list_setting(r, line, value, where);
    return EXIT_OK;
}

/* One pass over the file: the default settings, or those of the wanted section. */
static int read_lines(config_reader *r, FILE *file, bool wanted)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t bytes;
    unsigned number = 0;
    int code = EXIT_OK;

    snprintf(r->section, sizeof r->section, "default");
    rewind(file);
    while (code == EXIT_OK && (bytes = getline(&line, &capacity, file)) > 0) {
        char *start = line;
        if (number == 0 && bytes >= 3 && memcmp(line, "\xEF\xBB\xBF", 3) == 0)
            start += 3; /* a byte-order mark, as editors put it there */
        while (bytes > 0 && isspace((unsigned char)line[bytes - 1]))
            line[--bytes] = '\0';
        while (isspace((unsigned char)*start))
            start++;
        code = read_line(r, start, ++number, wanted);
    }
    if (code == EXIT_OK && ferror(file)) code = complain_errno(r->path);
    free(line);
    return code;
}

static const char *section_at(size_t i, const void *ctx)
{
    const char *at = ctx;
    while (i-- > 0)
        at += strlen(at) + 1;
    return at;
}

static int no_section(const config_reader *r)
{
    size_t count = 0;
    const char *near;

    for (size_t at = 0; at < r->names.size; at += strlen(r->names.data + at) + 1)
        count++;
    near = nearest_name(r->wanted, section_at, r->names.data, count);
    return near != NULL ? complain(EXIT_NOT_FOUND, "%s has no section [%s]; did you mean [%s]?",
                                   r->path, r->wanted, near)
                        : complain(EXIT_NOT_FOUND, "%s has no section [%s]", r->path, r->wanted);
}

static int read_config(config_reader *r)
{
    const char *flag = flag_text(r->cli, "config-profile");
    bool named;
    char *path = config_file(r->cli, &named);
    FILE *file = path == NULL ? NULL : fopen(path, "r");
    int code = EXIT_OK;

    r->path = path;
    r->wanted = flag != NULL ? flag : getenv("SOMBRA_CONFIG_PROFILE");
    if (r->wanted != NULL && *r->wanted == '\0') r->wanted = NULL;
    if (file == NULL) {
        if (named)
            code = complain_errno(path);
        else if (r->wanted != NULL)
            code = complain(EXIT_NOT_FOUND, "there is no configuration file%s%s for [%s]",
                            path == NULL ? "" : " ", path == NULL ? "" : path, r->wanted);
    } else {
        code = read_lines(r, file, false);
        if (code == EXIT_OK && r->wanted != NULL && strcmp(r->wanted, "default") != 0) {
            r->names.size = 0;
            code = read_lines(r, file, true);
            if (code == EXIT_OK && !r->found) code = no_section(r);
        }
        (void)fclose(file);
    }
    free(r->names.data);
    free(path);
    return code;
}

/* ---- The environment ---------------------------------------------------------------------------------------------------------------- */

static int read_environment(config_reader *r)
{
    const char *name;
    int code = EXIT_OK;

    for (size_t i = 0; code == EXIT_OK && (name = setting_name(i, NULL)) != NULL; i++) {
        char variable[80] = "SOMBRA_";
        const char *value;
        for (size_t c = 0; c < 64 && name[c] != '\0'; c++) {
            variable[7 + c] = (char)toupper((unsigned char)name[c]);
            variable[8 + c] = '\0';
        }
        if (strcmp(name, "profile") == 0 || (value = getenv(variable)) == NULL) continue;
        if (r->listing != NULL)
            list_setting(r, name, value, variable);
        else
            code = set(r->cli, name, value, variable);
    }
    return code;
}

int config_apply(invocation *cli)
{
    config_reader r = {.cli = cli};
    const int code = read_config(&r);

    return code == EXIT_OK ? read_environment(&r) : code;
}

/* ---- config ------------------------------------------------------------------------------------------------------------------------ */

int run_config(invocation *cli)
{
    static const char *const columns[] = {"setting", "value", "from"};
    config_reader r = {.cli = cli};
    bool named;
    char *path;
    int code;

    r.listing = output_begin(cli, columns, 3);
    if ((code = read_config(&r)) == EXIT_OK) code = read_environment(&r);
    if (!output_end(r.listing) && code == EXIT_OK) code = 9;
    if (code == EXIT_OK && cli->format == FORMAT_TABLE && !cli->quiet) {
        path = config_file(cli, &named);
        printf("(what is said later counts, flags last; the file is %s; %zu settings: sombra help "
               "options, and database, format, quiet, timeout)\n",
               path == NULL ? "not to be found: HOME is not set" : path, setting_count());
        free(path);
    }
    return code;
}
