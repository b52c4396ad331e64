/* exchange.c — import and export of the formats beside CSV: which flag means which reader, the rejects, the report; and what
 * all imports share: rejects that are another name of an input. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "cli/formats/formats.h"

/* ---- Rejects ------------------------------------------------------------------------------------- */

int check_rejects(invocation *cli, const char *const *inputs, size_t count)
{
    const char *rejects = flag_text(cli, "rejects");

    if (rejects == NULL) return EXIT_OK;
    for (size_t i = 0; i < count; i++)
        if (inputs[i] != NULL && same_file(rejects, inputs[i]))
            return complain(EXIT_USAGE,
                            "the file for rejected rows, %s, is read, too (as %s): name another",
                            rejects, inputs[i]);
    return check_not_own(cli, rejects, "the file for rejected rows");
}

/* ---- What a load came to ------------------------------------------------------------------------------------------- */

static bool told_as_json(const invocation *cli)
{
    return cli->format == FORMAT_JSON || cli->format == FORMAT_JSONL;
}

int report_load(invocation *cli, const load_report *r)
{
    char a[64], b[64], c[64], d[64];
    const char *one = r->of_csv ? "row" : "record", *many = r->of_csv ? "rows" : "records";
    const bool is_told = cli->format == FORMAT_TABLE && !cli->quiet;

    if (cli->format != FORMAT_TABLE) {
        static const char *const columns[] = {"nodes",        "relationships", "properties",
                                              "skipped_rows", "rejected_rows", "schemas",
                                              "seconds",      "found"};
        const cell cells[] = {
            cell_int(r->nodes),      cell_int(r->rels),
            cell_int(r->properties), cell_int(r->skipped),
            cell_int(r->rejected),   cell_int(r->schemas),
            cell_real(r->seconds),   {.kind = CELL_JSON, .text = r->found, .size = r->found_size}};
        const bool found = r->found != NULL && told_as_json(cli);
        if (!output_record(cli, columns, cells, found ? 8 : 7)) return 9;
    } else if (r->found != NULL) {
        fwrite(r->found, 1, r->found_size, stdout);
    }
    if (is_told && r->skipped != 0) printf("skipped %s\n", counted(r->skipped, one, many, a));
    if (is_told && r->schemas != 0)
        printf("%s %s\n", r->dry_run ? "would make" : "made",
               counted(r->schemas, "index or constraint", "indexes and constraints", a));
    if (is_told)
        printf("%s %s, %s, %s in %.2f s (%s %s/s)\n", r->dry_run ? "would import" : "imported",
               counted(r->nodes, "node", "nodes", a),
               counted(r->rels, "relationship", "relationships", b),
               counted(r->properties, "property", "properties", c), r->seconds,
               group_digits((uint64_t)((double)(r->nodes + r->rels) /
                                       (r->seconds > 0.001 ? r->seconds : 0.001)),
                            d),
               many);
    if (r->rejected == 0) return EXIT_OK;
    (void)snprintf(b, sizeof b, "%s %s", one, r->rejected == 1 ? "was" : "were");
    (void)snprintf(c, sizeof c, "%s were", many);
    return complain(EXIT_REJECTED, "%s rejected; see %s", counted(r->rejected, b, c, a),
                    flag_text(cli, "rejects"));
}

/* ---- Dry runs of CSV ------------------------------------------------------------------------------------------------- */

/* The bulk load writes, so a dry run of it has a database of its own, in a temporary directory. */
int dry_begin(invocation *cli, dry_run *dry)
{
    const char *parent = getenv("TMPDIR");

    (void)snprintf(dry->directory, sizeof dry->directory, "%.3000s/sombra-XXXXXX",
                   parent != NULL && *parent != '\0' ? parent : "/tmp");
    if (mkdtemp(dry->directory) == NULL) return complain_errno(dry->directory);
    (void)snprintf(dry->path, sizeof dry->path, "%s/dry.sombra", dry->directory);
    dry->given = cli->arguments[0];
    cli->arguments[0] = dry->path;
    cli->options.durability = SOMBRA_DURABLE_OFF;
    return EXIT_OK;
}

void dry_end(invocation *cli, dry_run *dry)
{
    free(dry->found);
    if (dry->given == NULL) return;
    (void)rmdir(dry->directory);
    cli->arguments[0] = dry->given;
}

typedef struct surveying {
    fmt_walk walk;
    fmt_loader *loader;
} surveying;

static fmt_prop *copy_props(fmt_walk *walk, const sombra_prop *from, size_t count)
{
    fmt_prop *props = fmt_need(calloc(count + 1, sizeof *props));

    for (size_t i = 0; i < count; i++)
        props[i] =
            (fmt_prop){.key = fmt_name(walk, SOMBRA_KEY, from[i].key), .value = from[i].value};
    return props;
}

static sombra_status survey_node(void *ctx, const sombra_node *node)
{
    surveying *s = ctx;
    fmt_prop *props = copy_props(&s->walk, node->props, node->prop_count);
    sombra_text *labels = fmt_need(calloc(node->label_count + 1, sizeof *labels));
    char id[24];

    for (size_t i = 0; i < node->label_count; i++)
        labels[i] = fmt_name(&s->walk, SOMBRA_LABEL, node->labels[i]);
    (void)snprintf(id, sizeof id, "%llu", (unsigned long long)node->id);
    const fmt_node made = {.id = {.text = fmt_text(id, strlen(id))},
                           .has_id = true,
                           .labels = labels,
                           .label_count = node->label_count,
                           .props = props,
                           .prop_count = node->prop_count};
    const sombra_status status = fmt_load_node(s->loader, &made);
    free(props);
    free(labels);
    return status;
}

static sombra_status survey_rel(void *ctx, const sombra_rel *rel)
{
    surveying *s = ctx;
    fmt_prop *props = copy_props(&s->walk, rel->props, rel->prop_count);
    fmt_rel made = {.type = fmt_name(&s->walk, SOMBRA_TYPE, rel->type),
                    .props = props,
                    .prop_count = rel->prop_count};
    char ids[2][24];

    for (unsigned end = 0; end < 2; end++) {
        (void)snprintf(ids[end], sizeof ids[end], "%llu",
                       (unsigned long long)(end == 0 ? rel->source : rel->target));
        made.ends[end].text = fmt_text(ids[end], strlen(ids[end]));
    }
    const sombra_status status = fmt_load_rel(s->loader, &made);
    free(props);
    return status;
}

/* What the transaction holds, told by a loader that writes nothing. */
int dry_survey(invocation *cli, dry_run *dry)
{
    fmt_buffer text = {0};
    invocation own = {.options = cli->options, .arguments = {":memory:"}, .argument_count = 1};
    fmt_error error = {0};
    surveying s = {.walk = {.conn = cli->conn, .txn = cli->txn, .error = &error}};
    fmt_result result;
    int code = open_database(&own, false, true);

    if (code != EXIT_OK) return code;
    const fmt_options options = {.conn = own.conn, .dry_run = true};
    s.loader = fmt_loader_open(&options, &error);
    if (s.loader != NULL && fmt_walk_begin(&s.walk) == SOMBRA_OK &&
        fmt_each_node(&s.walk, survey_node, &s) == SOMBRA_OK &&
        fmt_each_rel(&s.walk, survey_rel, &s) == SOMBRA_OK)
        (void)fmt_loader_finish(s.loader, &result);
    if (s.loader != NULL && error.status == SOMBRA_OK) error = *fmt_loader_error(s.loader);
    if (error.status == SOMBRA_OK)
        fmt_loader_survey(s.loader, told_as_json(cli), &text);
    else
        code = complain(exit_code_of(error.status), "%s", error.text);
    if (s.loader != NULL) fmt_loader_close(s.loader, NULL);
    dry->found = text.data;
    dry->found_size = text.size;
    return close_database(&own, code);
}

/* ---- Import ---------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *flag;
    fmt_reader read;
} readers[] = {{"jsonl", fmt_read_jsonl}, {"graphml", fmt_read_graphml},
               {"gexf", fmt_read_gexf},   {"cypher", fmt_read_cypher},
               {"kuzu", fmt_read_kuzu},   {"sqlite", fmt_read_sqlite}};

typedef struct job {
    fmt_options options;
    fmt_error error;
    fmt_result result;
    fmt_buffer found; /* by a dry run */
    double started;
} job;

/* The readers of all flags, in the order of the table, into one loader: ids are shared. */
static sombra_status read_all(invocation *cli, fmt_loader *loader)
{
    sombra_status status = SOMBRA_OK;
    const char *path;

    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        for (size_t n = 0; status == SOMBRA_OK && (path = flag_at(cli, readers[i].flag, n)) != NULL;
             n++)
            status = readers[i].read(loader, path);
    return status;
}

static sombra_status load(invocation *cli, job *j)
{
    fmt_loader *loader = fmt_loader_open(&j->options, &j->error);
    sombra_status status;

    if (loader == NULL) return j->error.status;
    status = read_all(cli, loader);
    if (status == SOMBRA_OK) status = fmt_loader_finish(loader, &j->result);
    if (status != SOMBRA_OK) j->error = *fmt_loader_error(loader);
    if (status == SOMBRA_OK && j->options.dry_run && j->options.proposal == NULL)
        fmt_loader_survey(loader, told_as_json(cli), &j->found);
    fmt_loader_close(loader, &j->result);
    return status;
}

static int open_rejects(invocation *cli, job *j)
{
    const char *path = flag_text(cli, "rejects"), *input, **inputs = NULL;
    size_t count = 0;
    int code;

    if (path == NULL)
        return flag_given(cli, "max-rejects")
                   ? complain(EXIT_USAGE, "--max-rejects needs --rejects")
                   : EXIT_OK;
    if (!flag_number(cli, "max-rejects", 1000, &j->options.max_rejects)) return EXIT_USAGE;
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        for (size_t n = 0; (input = flag_at(cli, readers[i].flag, n)) != NULL; n++) {
            const char **grown = realloc(inputs, (count + 1) * sizeof *inputs);
            if (grown == NULL) {
                free(inputs);
                return complain(8, "out of memory");
            }
            inputs = grown;
            inputs[count++] = input;
        }
    code = check_rejects(cli, inputs, count);
    free(inputs);
    if (code != EXIT_OK) return code;
    j->options.rejects = fopen(path, "w");
    if (j->options.rejects == NULL) return complain_errno(path);
    return EXIT_OK;
}

/* Standard input can be read once. */
static int check_standard(invocation *cli)
{
    const char *path, *mapping = flag_text(cli, "mapping");
    size_t found = mapping != NULL && strcmp(mapping, "-") == 0;

    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        for (size_t n = 0; (path = flag_at(cli, readers[i].flag, n)) != NULL; n++)
            found += strcmp(path, "-") == 0;
    return found <= 1
               ? EXIT_OK
               : complain(EXIT_USAGE,
                          "standard input ('-') is given %zu times: it can be read once", found);
}

/* A dry run is of the input alone: it leaves the database alone, and needs none. */
static int open_target(invocation *cli, bool is_dry)
{
    const char *path = cli->arguments[0];
    int code;

    if (!is_dry) return open_database(cli, false, true);
    cli->arguments[0] = ":memory:";
    code = open_database(cli, false, true);
    cli->arguments[0] = path;
    return code;
}

static int import_with(invocation *cli, job *j)
{
    uint64_t threads;
    int code;

    j->options.dry_run = flag_given(cli, "dry-run");
    j->options.skip_duplicate_ids = flag_given(cli, "skip-duplicate-ids");
    j->options.skip_missing_endpoints = flag_given(cli, "skip-missing-endpoints");
    j->options.label = flag_text(cli, "label");
    j->options.type = flag_text(cli, "type");
    j->options.quiet = cli->quiet;
    j->options.mapping = flag_text(cli, "mapping");
    if (j->options.mapping != NULL && !flag_given(cli, "sqlite"))
        return complain(EXIT_USAGE, "--mapping is of --sqlite");
    /* What a dry run of SQLite shows first is the mapping, to be kept, changed and given back. */
    if (j->options.dry_run && flag_given(cli, "sqlite") && j->options.mapping == NULL)
        j->options.proposal = stdout;
    j->options.tick = progress_tick;
    if (!flag_number(cli, "batch", 0, &j->options.batch) ||
        !flag_number(cli, "threads", 0, &threads))
        return EXIT_USAGE;
    j->options.threads = threads > 1024 ? 1024 : (unsigned)threads;
    /* All or nothing, unless what is committed is to stay when a later batch fails. */
    cli->options.create_whole = j->options.batch == 0;
    if ((code = open_target(cli, j->options.dry_run)) != EXIT_OK) return code;
    if ((code = check_standard(cli)) == EXIT_OK && (code = open_rejects(cli, j)) == EXIT_OK) {
        j->options.conn = cli->conn;
        progress_start(cli, "importing", "B");
        sombra_set_progress(cli->conn, NULL, NULL); /* the reader tells how far it is */
        if (load(cli, j) != SOMBRA_OK) {
            progress_stop(cli);
            code = complain(exit_code_of(j->error.status), "%s", j->error.text);
            if (j->result.commits != 0)
                (void)complain(code, "the %llu batches before that are in %s",
                               (unsigned long long)j->result.commits, cli->arguments[0]);
        } else {
            progress_stop(cli);
        }
    }
    if (j->options.rejects != NULL && fclose(j->options.rejects) != 0 && code == EXIT_OK)
        code = complain_errno(flag_text(cli, "rejects"));
    code = close_database(cli, code);
    if (!j->options.dry_run) code = make_if_absent(cli, code);
    if (code != EXIT_OK || j->options.proposal != NULL) return code;
    const load_report report = {.nodes = j->result.nodes,
                                .rels = j->result.rels,
                                .properties = j->result.properties,
                                .skipped = j->result.skipped,
                                .rejected = j->result.rejected,
                                .schemas = j->result.schemas,
                                .seconds = seconds_now() - j->started,
                                .dry_run = j->options.dry_run,
                                .found = j->found.data,
                                .found_size = j->found.size};
    return report_load(cli, &report);
}

int import_formats(invocation *cli, bool *asked)
{
    job j = {.started = seconds_now()};

    *asked = false;
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        *asked = *asked || flag_given(cli, readers[i].flag);
    if (!*asked) return EXIT_OK;
    if (flag_given(cli, "nodes") || flag_given(cli, "relationships") || flag_given(cli, "from"))
        return complain(EXIT_USAGE, "CSV files and those of another format are imported one after "
                                    "the other, by two commands");
    const int code = import_with(cli, &j);
    free(j.found.data);
    return code;
}

bool record_of_script(const invocation *cli, uint64_t nodes, uint64_t rels, double seconds)
{
    static const char *const columns[] = {"nodes", "relationships", "seconds"};

    return output_record(cli, columns,
                         (cell[]){cell_int(nodes), cell_int(rels), cell_real(seconds)}, 3);
}

/* False when standard output could not be written. */
static bool tell_restored(const invocation *cli, const fmt_result *result, double seconds)
{
    char a[64], b[64];

    if (cli->format != FORMAT_TABLE)
        return record_of_script(cli, result->nodes, result->rels, seconds);
    if (!cli->quiet)
        fprintf(stderr, "%s, %s restored in %.2f s\n", counted(result->nodes, "node", "nodes", a),
                counted(result->rels, "relationship", "relationships", b), seconds);
    return true;
}

int load_script(invocation *cli, const char *path)
{
    job j = {.options = {.conn = cli->conn, .quiet = cli->quiet, .tick = progress_tick},
             .started = seconds_now()};
    fmt_loader *loader = fmt_loader_open(&j.options, &j.error);
    sombra_status status;
    bool written = true;

    if (loader == NULL) return complain(exit_code_of(j.error.status), "%s", j.error.text);
    progress_start(cli, "restoring", "B");
    sombra_set_progress(cli->conn, NULL, NULL);
    status = fmt_read_cypher(loader, path);
    if (status == SOMBRA_OK) status = fmt_loader_finish(loader, &j.result);
    progress_stop(cli);
    if (status != SOMBRA_OK)
        (void)complain(0, "%s", fmt_loader_error(loader)->text);
    else
        written = tell_restored(cli, &j.result, seconds_now() - j.started);
    fmt_loader_close(loader, NULL);
    return status == SOMBRA_OK && !written ? 9 : exit_code_of(status);
}

/* ---- Export -------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    fmt_writer write;
} writers[] = {
    {"jsonl", fmt_write_jsonl}, {"graphml", fmt_write_graphml}, {"gexf", fmt_write_gexf}};

int export_format(invocation *cli, const char *as)
{
    fmt_walk walk = {.tick = progress_tick};
    const double started = seconds_now();
    fmt_writer write = NULL;
    fmt_error error = {0};
    fmt_output out;
    sombra_status status;
    uint64_t bytes = 0;
    char a[64], b[32];
    int code;

    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++)
        if (strcmp(as, writers[i].name) == 0) write = writers[i].write;
    if (write == NULL)
        return complain(EXIT_USAGE, "--as: '%s' is none of csv, jsonl, graphml, gexf", as);
    if ((code = open_database(cli, true, false)) != EXIT_OK ||
        (code = begin_transaction(cli, SOMBRA_READ)) != EXIT_OK)
        return code;
    walk.conn = cli->conn;
    walk.txn = cli->txn;
    walk.error = &error;
    status = fmt_output_open(&out, cli->arguments[1], &error);
    out.xml = write != fmt_write_jsonl;
    if (status == SOMBRA_OK) {
        progress_start(cli, "exporting", "entities");
        sombra_set_progress(cli->conn, NULL, NULL);
        status = fmt_walk_begin(&walk);
        if (status == SOMBRA_OK) status = write(&walk, &out);
        progress_stop(cli);
        bytes = out.bytes + out.buffer.size;
        const sombra_status closed = fmt_output_close(&out, status != SOMBRA_OK, &error);
        if (status == SOMBRA_OK) status = closed;
    }
    if (status != SOMBRA_OK)
        return close_database(cli, complain(exit_code_of(error.status), "%s", error.text));
    if (strcmp(cli->arguments[1], "-") == 0) return close_database(cli, EXIT_OK);
    if (cli->format != FORMAT_TABLE) {
        static const char *const columns[] = {"entities", "bytes", "seconds"};
        const cell cells[] = {cell_int(walk.entities), cell_int(bytes),
                              cell_real(seconds_now() - started)};
        if (!output_record(cli, columns, cells, 3)) code = 9;
    } else if (!cli->quiet) {
        printf("exported %s as %s (%s) in %.2f s\n",
               counted(walk.entities, "node or relationship", "nodes and relationships", a), as,
               human_bytes(bytes, b), seconds_now() - started);
    }
    return close_database(cli, code);
}
