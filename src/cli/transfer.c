/* transfer.c — import, export, backup, vacuum. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli.h"

/* ---- Import ------------------------------------------------------------------------------------------------ */

typedef struct file_list {
    sombra_import_file *files;
    char **names;         /* owned copies of what stands before '=' */
    char **paths;         /* owned copies of paths, or NULL: the command line's own */
    const char **headers; /* where the header stands; NULL: in the file itself */
    size_t count;
} file_list;

static void free_files(file_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->names[i]);
        free(list->paths[i]);
    }
    free(list->names);
    free(list->paths);
    free(list->headers);
    free(list->files);
}

/* Append a file; name, path and header as file_list says. False: out of memory, and name and path are freed. */
static bool add_file(file_list *list, char *name, char *path, const char *plain, const char *header)
{
    const size_t count = list->count + 1;
    sombra_import_file *files = realloc(list->files, count * sizeof *files);
    if (files != NULL) list->files = files;
    char **names = realloc(list->names, count * sizeof *names);
    if (names != NULL) list->names = names;
    char **paths = realloc(list->paths, count * sizeof *paths);
    if (paths != NULL) list->paths = paths;
    const char **headers = realloc(list->headers, count * sizeof *headers);
    if (headers != NULL) list->headers = headers;
    if (files == NULL || names == NULL || paths == NULL || headers == NULL) {
        free(name);
        free(path);
        return false;
    }
    files[list->count] = (sombra_import_file){.path = path != NULL ? path : plain, .name = name};
    names[list->count] = name;
    paths[list->count] = path;
    headers[list->count++] = header;
    return true;
}

static int compare_versions(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

/* The files whose names match an expression, part2 before part10; paths are owned by the caller. */
static int match_files(const char *pattern, char ***paths, size_t *count)
{
    const char *slash = strrchr(pattern, '/');
    char *directory = slash == NULL ? strdup(".") : strndup(pattern, (size_t)(slash - pattern) + 1);
    char *anchored = NULL;
    struct dirent *entry;
    regex_t expression;
    DIR *open;

    *paths = NULL;
    *count = 0;
    if (directory == NULL ||
        asprintf(&anchored, "^(%s)$", slash == NULL ? pattern : slash + 1) < 0) {
        free(directory);
        return complain(8, "out of memory");
    }
    const bool valid = regcomp(&expression, anchored, REG_EXTENDED | REG_NOSUB) == 0;
    free(anchored);
    open = valid ? opendir(directory) : NULL;
    while (open != NULL && (entry = readdir(open)) != NULL) {
        char *path = NULL, **grown;
        if (regexec(&expression, entry->d_name, 0, NULL, 0) != 0) continue;
        grown = realloc(*paths, (*count + 1) * sizeof *grown);
        if (grown != NULL) *paths = grown;
        if (grown == NULL ||
            asprintf(&path, "%s%s", slash == NULL ? "" : directory, entry->d_name) < 0) {
            (void)complain(8, "out of memory");
            exit(8);
        }
        (*paths)[(*count)++] = path;
    }
    if (open != NULL) (void)closedir(open);
    if (valid) regfree(&expression);
    free(directory);
    if (*count > 1) qsort(*paths, *count, sizeof **paths, compare_versions);
    return *count != 0 ? EXIT_OK
                       : complain(EXIT_NOT_FOUND,
                                  "%s: there is no such file, and no file of which that is the "
                                  "expression",
                                  pattern);
}

/* "header.csv,part1.csv,part.*": the first file's first line is the header of all. */
static int gather_parts(const char *flag, const char *name, size_t name_size, const char *list_text,
                        file_list *list)
{
    const char *header = NULL;
    int code = EXIT_OK;

    while (*list_text != '\0' && code == EXIT_OK) {
        const size_t size = strcspn(list_text, ",");
        char *part = strndup(list_text, size), **paths = NULL;
        size_t count = 0;
        if (part == NULL) return complain(8, "out of memory");
        if (size == 0) {
            code = complain(EXIT_USAGE, "--%s: a file has no name between its commas", flag);
        } else if (access(part, F_OK) == 0) {
            paths = malloc(sizeof *paths);
            if (paths != NULL) paths[count++] = strdup(part);
            if (count == 0 || paths[0] == NULL) code = complain(8, "out of memory");
        } else {
            code = match_files(part, &paths, &count);
        }
        for (size_t i = 0; i < count; i++) {
            char *own = name == NULL ? NULL : strndup(name, name_size);
            if (code == EXIT_OK && !add_file(list, own, paths[i], NULL, header))
                code = complain(8, "out of memory");
            else if (code == EXIT_OK && header == NULL)
                header = paths[i];
        }
        free(paths);
        free(part);
        list_text += size + (list_text[size] == ',');
    }
    return code;
}

/* "Person=people.csv", or "people.csv" alone; or several files whose header stands in the first, as neo4j-admin takes them. */
static int gather_files(invocation *cli, const char *flag, file_list *list)
{
    const char *text;
    int code = EXIT_OK;

    memset(list, 0, sizeof *list);
    for (size_t i = 0; (text = flag_at(cli, flag, i)) != NULL && code == EXIT_OK; i++) {
        const char *equals = strchr(text, '=');
        const char *path = equals == NULL ? text : equals + 1;
        char *name = NULL;
        if (equals == text)
            return complain(EXIT_USAGE, "--%s: '%s' has no name before '='", flag, text);
        if (strcmp(path, "-") != 0 && access(path, F_OK) != 0 &&
            strpbrk(path, ",*+?[]()|") != NULL) {
            code = gather_parts(flag, equals == NULL ? NULL : text, (size_t)(path - text) - 1, path,
                                list);
            continue;
        }
        if (equals != NULL && (name = strndup(text, (size_t)(equals - text))) == NULL)
            return complain(8, "out of memory");
        if (!add_file(list, name, NULL, path, NULL)) return complain(8, "out of memory");
    }
    return code;
}

/* ---- An exported folder ------------------------------------------------------------------------------------ */

typedef struct folder {
    char **paths; /* owned, sorted; of the form directory/name */
    size_t count;
} folder;

static void free_folder(folder *from)
{
    for (size_t i = 0; i < from->count; i++)
        free(from->paths[i]);
    free(from->paths);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Is it a file that export makes: "nodes.csv", "nodes-Person.csv", "nodes-a_b.7.csv"? */
static bool is_export(const char *path, const char *kind)
{
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    const size_t bytes = strlen(kind), all = strlen(name);

    return strncmp(name, kind, bytes) == 0 && (name[bytes] == '.' || name[bytes] == '-') &&
           all > bytes + 3 && strcmp(name + all - 4, ".csv") == 0;
}

static int read_folder(const char *directory, folder *from)
{
    DIR *open = opendir(directory);
    struct dirent *entry;

    if (open == NULL) return complain_errno(directory);
    while ((entry = readdir(open)) != NULL) {
        const size_t bytes = strlen(directory) + strlen(entry->d_name) + 2;
        char **grown = realloc(from->paths, (from->count + 1) * sizeof *grown);
        if (grown != NULL) from->paths = grown;
        if (grown == NULL || (grown[from->count] = malloc(bytes)) == NULL) {
            (void)closedir(open);
            return complain(8, "out of memory");
        }
        snprintf(grown[from->count++], bytes, "%s/%s", directory, entry->d_name);
    }
    (void)closedir(open);
    if (from->count != 0) qsort(from->paths, from->count, sizeof *from->paths, compare_paths);
    return EXIT_OK;
}

/* Append the folder's files of a kind to those that flags name. */
static int add_folder(const folder *from, const char *kind, file_list *list)
{
    for (size_t i = 0; i < from->count; i++) {
        if (is_export(from->paths[i], kind) && !add_file(list, NULL, NULL, from->paths[i], NULL))
            return complain(8, "out of memory");
    }
    return EXIT_OK;
}

/* The folder of --from, if it is given: files of nodes and relationships, and its schema. */
static int use_folder(invocation *cli, folder *from, file_list *nodes, file_list *rels,
                      sombra_import_options *options)
{
    const char *directory = flag_text(cli, "from");
    const size_t before = nodes->count + rels->count;
    int code;

    if (directory == NULL) return EXIT_OK;
    if ((code = read_folder(directory, from)) != EXIT_OK ||
        (code = add_folder(from, "nodes", nodes)) != EXIT_OK ||
        (code = add_folder(from, "relationships", rels)) != EXIT_OK)
        return code;
    for (size_t i = 0; i < from->count && options->schema_path == NULL; i++)
        if (is_export(from->paths[i], "schema")) options->schema_path = from->paths[i];
    if (nodes->count + rels->count == before && options->schema_path == NULL)
        return complain(EXIT_NOT_FOUND, "--from: %s holds no files that export makes", directory);
    return EXIT_OK;
}

static int one_character(invocation *cli, const char *flag, char *character)
{
    const char *text = flag_text(cli, flag);

    if (text == NULL) return EXIT_OK;
    if (strcasecmp(text, "tab") == 0 || strcmp(text, "\\t") == 0) {
        *character = '\t';
        return EXIT_OK;
    }
    if (text[0] != '\0' && text[1] == '\0') {
        *character = text[0];
        return EXIT_OK;
    }
    /* As neo4j-admin takes them: U+007C, \124. */
    const bool hexadecimal = strncasecmp(text, "U+", 2) == 0;
    const char *digits = text + (hexadecimal ? 2 : 1);
    char *end;
    if ((hexadecimal || text[0] == '\\') && isxdigit((unsigned char)*digits)) {
        const unsigned long code = strtoul(digits, &end, hexadecimal ? 16 : 10);
        if (*end == '\0' && code != 0 && code < 0x80) {
            *character = (char)code;
            return EXIT_OK;
        }
    }
    return complain(EXIT_USAGE, "--%s: '%s' is not one character of ASCII", flag, text);
}

static int import_options(invocation *cli, sombra_import_options *options)
{
    uint64_t number;
    int code;

    if ((code = one_character(cli, "delimiter", &options->delimiter)) != EXIT_OK ||
        (code = one_character(cli, "quote", &options->quote)) != EXIT_OK ||
        (code = one_character(cli, "array-delimiter", &options->array_delimiter)) != EXIT_OK)
        return code;
    options->id_column = flag_text(cli, "id-column");
    options->start_column = flag_text(cli, "start-column");
    options->end_column = flag_text(cli, "end-column");
    options->type_column = flag_text(cli, "type-column");
    options->label_column = flag_text(cli, "label-column");
    options->null_text = flag_text(cli, "null");
    options->infer_types = flag_given(cli, "infer-types");
    options->trim = flag_given(cli, "trim");
    options->skip_missing_endpoints = flag_given(cli, "skip-missing-endpoints");
    options->skip_duplicate_ids = flag_given(cli, "skip-duplicate-ids");
    options->store_ids = !flag_given(cli, "no-store-ids");
    options->reject_path = flag_text(cli, "rejects");
    if (options->reject_path == NULL && flag_given(cli, "max-rejects"))
        return complain(EXIT_USAGE, "--max-rejects needs --rejects");
    if (!flag_number(cli, "max-rejects", options->reject_path != NULL ? 1000 : 0,
                     &options->max_rejects))
        return EXIT_USAGE;
    if (!flag_number(cli, "threads", 0, &number)) return EXIT_USAGE;
    options->threads = number > 1024 ? 1024 : (unsigned)number;
    if (!flag_number(cli, "memory", 0, &options->memory)) return EXIT_USAGE;
    return EXIT_OK;
}

/* The library refuses rejects that are named as an input; other names of one file are seen here. */
static int check_inputs(invocation *cli, const sombra_import_options *options)
{
    const size_t count = options->node_file_count + options->rel_file_count + 1;
    const char **inputs = calloc(count, sizeof *inputs);
    int code;

    if (inputs == NULL) return close_database(cli, complain(8, "out of memory"));
    for (size_t i = 0; i < options->node_file_count; i++)
        inputs[i] = options->nodes[i].path;
    for (size_t i = 0; i < options->rel_file_count; i++)
        inputs[options->node_file_count + i] = options->rels[i].path;
    inputs[count - 1] = options->schema_path;
    code = check_rejects(cli, inputs, count);
    free(inputs);
    return code == EXIT_OK ? EXIT_OK : close_database(cli, code);
}

/* Load, and commit unless it is a dry run, which is told of and rolled back. */
static int load_files(invocation *cli, const sombra_import_options *options, bool is_dry,
                      dry_run *survey, sombra_import_result *result)
{
    sombra_status status;
    int code;

    if ((code = begin_transaction(cli, SOMBRA_WRITE)) != EXIT_OK) return code;
    progress_start(cli, "importing", "B");
    status = sombra_import_csv(cli->txn, options, result);
    if (status == SOMBRA_OK && !is_dry) {
        status = sombra_commit(cli->txn);
        cli->txn = NULL;
    }
    progress_stop(cli);
    if (status == SOMBRA_OK && survey != NULL) return close_database(cli, dry_survey(cli, survey));
    return close_database(cli, status == SOMBRA_OK ? EXIT_OK : complain_conn(cli));
}

static int import_files(invocation *cli, sombra_import_options *options)
{
    const bool is_dry = flag_given(cli, "dry-run");
    /* Relationships alone refer to nodes of the graph, so they are tried there. */
    const bool apart = is_dry && !cli->in_shell && options->node_file_count != 0;
    sombra_import_result result = {0};
    const double started = seconds_now();
    dry_run dry = {.given = NULL};
    int code;

    if (apart && (code = dry_begin(cli, &dry)) != EXIT_OK) return code;
    cli->options.create_whole = true;
    if ((code = open_database(cli, false, true)) == EXIT_OK &&
        (code = check_inputs(cli, options)) == EXIT_OK)
        code = load_files(cli, options, is_dry, apart ? &dry : NULL, &result);
    const load_report report = {.nodes = result.nodes,
                                .rels = result.rels,
                                .properties = result.properties,
                                .skipped = result.skipped_rows,
                                .rejected = result.rejected_rows,
                                .schemas = result.schemas,
                                .seconds = seconds_now() - started,
                                .dry_run = is_dry,
                                .of_csv = true,
                                .found = dry.found,
                                .found_size = dry.found_size};
    if (code == EXIT_OK) code = report_load(cli, &report);
    dry_end(cli, &dry);
    return code;
}

/* Flags of other formats that mean nothing here. */
static int refuse_flags(invocation *cli)
{
    static const char *const others[] = {"batch", "label", "type", "mapping"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (flag_given(cli, others[i]))
            return complain(EXIT_USAGE, "--%s is not for CSV (sombra help import)", others[i]);
    return EXIT_OK;
}

int run_import(invocation *cli)
{
    sombra_import_options options;
    folder from = {NULL, 0};
    file_list nodes, rels;
    int code, code2;
    bool asked;

    code = import_formats(cli, &asked);
    if (asked || code != EXIT_OK) return code;
    if ((code = refuse_flags(cli)) != EXIT_OK) return code;
    sombra_import_options_init(&options);
    options.schema_path = flag_text(cli, "schema");
    code = gather_files(cli, "nodes", &nodes);
    code2 = gather_files(cli, "relationships", &rels);
    if (code == EXIT_OK) code = code2;
    if (code == EXIT_OK) code = use_folder(cli, &from, &nodes, &rels, &options);
    if (code == EXIT_OK && nodes.count + rels.count == 0 && options.schema_path == NULL)
        code =
            complain(EXIT_USAGE, "nothing to import: give --nodes, --relationships or --from, or "
                                 "a file of another format (sombra help import)");
    if (code == EXIT_OK) code = import_options(cli, &options);
    options.nodes = nodes.files;
    options.node_file_count = nodes.count;
    options.rels = rels.files;
    options.rel_file_count = rels.count;
    options.node_headers = nodes.headers;
    options.rel_headers = rels.headers;
    if (code == EXIT_OK) code = import_files(cli, &options);
    free_files(&nodes);
    free_files(&rels);
    free_folder(&from);
    return code;
}

/* ---- Export, backup, vacuum ---------------------------------------------------------------------------------------- */

int run_export(invocation *cli)
{
    sombra_export_result result;
    const double started = seconds_now();
    const char *as = flag_text(cli, "as");
    char a[64], b[64], c[64], d[64], e[32];
    int code;

    if (as != NULL && strcmp(as, "csv") != 0) return export_format(cli, as);
    if (check_not_stdout(cli->arguments[1], "a folder of CSV files",
                         "name one, or write one text with --as jsonl") != EXIT_OK)
        return EXIT_USAGE;
    if ((code = open_database(cli, true, false)) != EXIT_OK ||
        (code = begin_transaction(cli, SOMBRA_READ)) != EXIT_OK)
        return code;
    progress_start(cli, "exporting", "rows");
    if (sombra_export_csv(cli->txn, cli->arguments[1], &result) != SOMBRA_OK) {
        progress_stop(cli);
        return close_database(cli, complain_conn(cli));
    }
    progress_stop(cli);
    if (cli->format != FORMAT_TABLE) {
        static const char *const columns[] = {"nodes", "relationships", "schemas",
                                              "files", "bytes",         "seconds"};
        const cell cells[] = {cell_int(result.nodes),   cell_int(result.rels),
                              cell_int(result.schemas), cell_int(result.files),
                              cell_int(result.bytes),   cell_real(seconds_now() - started)};
        if (!output_record(cli, columns, cells, 6)) code = 9;
    }
    if (!cli->quiet && cli->format == FORMAT_TABLE)
        printf("exported %s, %s, %s as %s (%s) in %.2f s\n",
               counted(result.nodes, "node", "nodes", a),
               counted(result.rels, "relationship", "relationships", b),
               counted(result.schemas, "index or constraint", "indexes and constraints", c),
               counted(result.files, "file", "files", d), human_bytes(result.bytes, e),
               seconds_now() - started);
    return close_database(cli, code);
}

int run_backup(invocation *cli)
{
    sombra_info info;
    const double started = seconds_now();
    char a[64];
    int code;

    if (check_not_stdout(cli->arguments[1], "a database",
                         "name a file, or write a script with 'sombra dump'") != EXIT_OK)
        return EXIT_USAGE;
    if ((code = open_database(cli, true, false)) != EXIT_OK ||
        (code = begin_transaction(cli, SOMBRA_READ)) != EXIT_OK)
        return code;
    progress_start(cli, "copying", "pages");
    if (sombra_backup(cli->txn, cli->arguments[1]) != SOMBRA_OK ||
        sombra_get_info(cli->txn, &info) != SOMBRA_OK) {
        progress_stop(cli);
        return close_database(cli, complain_conn(cli));
    }
    progress_stop(cli);
    if (cli->format != FORMAT_TABLE) {
        static const char *const columns[] = {"pages", "seconds"};
        const cell cells[] = {cell_int(info.pages), cell_real(seconds_now() - started)};
        if (!output_record(cli, columns, cells, 2)) code = 9;
    }
    if (!cli->quiet && cli->format == FORMAT_TABLE)
        printf("copied %s to %s in %.2f s\n", counted(info.pages, "page", "pages", a),
               cli->arguments[1], seconds_now() - started);
    return close_database(cli, code);
}

static int file_pages(invocation *cli, sombra_info *info)
{
    int code = begin_transaction(cli, SOMBRA_READ);
    if (code != EXIT_OK) return code;
    if (sombra_get_info(cli->txn, info) != SOMBRA_OK)
        return close_database(cli, complain_conn(cli));
    sombra_rollback(cli->txn);
    cli->txn = NULL;
    return EXIT_OK;
}

int run_vacuum(invocation *cli)
{
    const char *into = cli->argument_count > 1 ? cli->arguments[1] : NULL;
    const double started = seconds_now();
    sombra_info before, after;
    char a[64], b[32];
    int code;

    if (into != NULL && check_not_stdout(into, "a database", "name a file") != EXIT_OK)
        return EXIT_USAGE;
    if ((code = open_database(cli, into != NULL, false)) != EXIT_OK ||
        (code = file_pages(cli, &before)) != EXIT_OK)
        return code;
    progress_start(cli, "rebuilding", "pages");
    if (sombra_vacuum(cli->conn, into) != SOMBRA_OK) {
        progress_stop(cli);
        return close_database(cli, complain_conn(cli));
    }
    progress_stop(cli);
    if (into != NULL) {
        if (cli->format != FORMAT_TABLE) {
            static const char *const columns[] = {"file", "seconds"};
            const cell cells[] = {cell_text(into), cell_real(seconds_now() - started)};
            if (!output_record(cli, columns, cells, 2)) code = 9;
        }
        if (!cli->quiet && cli->format == FORMAT_TABLE)
            printf("wrote %s in %.2f s\n", into, seconds_now() - started);
        return close_database(cli, code);
    }
    if ((code = file_pages(cli, &after)) != EXIT_OK) return code;
    if (cli->format != FORMAT_TABLE) {
        static const char *const columns[] = {"pages_before", "pages_after", "seconds"};
        const cell cells[] = {cell_int(before.pages), cell_int(after.pages),
                              cell_real(seconds_now() - started)};
        if (!output_record(cli, columns, cells, 3)) code = 9;
    }
    if (!cli->quiet && cli->format == FORMAT_TABLE)
        printf("rebuilt: %s before, %s after, in %.2f s\n",
               counted(before.pages, "page", "pages", a), group_digits(after.pages, b),
               seconds_now() - started);
    return close_database(cli, code);
}
