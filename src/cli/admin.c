/* admin.c — info, schema, verify, recover, checkpoint, digest. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* ---- info ---------------------------------------------------------------------------------------------------- */

static const char *const info_columns[] = {"what", "name", "count", "detail"};

static void info_row(output *out, const char *what, const char *name, uint64_t count,
                     const char *detail)
{
    output_row(out, (cell[]){cell_text(what), cell_text(name), cell_int(count),
                             detail == NULL ? cell_null() : cell_text(detail)});
}

/* Names that nothing has any more are left out, as far as that is counted; of keys it is not. */
static int list_names(invocation *cli, output *out, sombra_name_kind kind, const char *what)
{
    const uint32_t names = sombra_name_count(cli->txn, kind);

    for (uint32_t id = 1; id <= names; id++) {
        char text[1025];
        size_t size;
        const char *name = sombra_name_text(cli->txn, kind, id, &size);
        uint64_t count = 0;
        snprintf(text, sizeof text, "%.*s", (int)size, name == NULL ? "" : name);
        if (kind == SOMBRA_KEY) {
            if (!is_dump_key(text, size))
                output_row(out,
                           (cell[]){cell_text(what), cell_text(text), cell_null(), cell_null()});
            continue;
        }
        if (sombra_name_entities(cli->txn, kind, id, &count) != SOMBRA_OK)
            return complain_conn(cli);
        if (count != 0) info_row(out, what, text, count, NULL);
    }
    return EXIT_OK;
}

const char *schema_kind(const sombra_schema *schema)
{
    switch (schema->kind) {
    case SOMBRA_INDEX: return "index";
    case SOMBRA_UNIQUE: return "unique";
    case SOMBRA_NODE_KEY: return "node key";
    case SOMBRA_EXISTENCE: return "exists";
    case SOMBRA_TYPED: return "typed";
    case SOMBRA_LABEL_INDEX: return "label index";
    }
    return "?";
}

/* A bit for each type that a property may have. */
#define FIRST_TYPE ((uint32_t)SOMBRA_TYPE_BOOL)
#define LAST_TYPE  SOMBRA_TYPE_LIST_OF(SOMBRA_TYPE_POINT)

void schema_types(const sombra_schema *schema, text_buffer *text)
{
    const char *between = "";

    for (uint32_t type = FIRST_TYPE; type <= LAST_TYPE; type++) {
        if ((schema->value_types >> type & 1) == 0) continue;
        put_text(text, between);
        put_text(text, sombra_type_name(type));
        between = " or ";
    }
}

/* Is what was written the front of a type's name, but for case and blanks? *rest: how much of the name it leaves out. */
static bool same_type(const char *written, size_t bytes, const char *name, size_t *rest)
{
    for (size_t at = 0; at < bytes; at++) {
        if (written[at] == ' ') continue;
        while (*name == ' ')
            name++;
        if (tolower((unsigned char)written[at]) != tolower((unsigned char)*name)) return false;
        name++;
    }
    *rest = strlen(name);
    return true;
}

/* The type of a name, or of the front of one alone: "int", "localdatetime". 0: none, or several. */
static uint32_t find_type(const char *written, size_t bytes)
{
    uint32_t found = 0, matches = 0;

    for (uint32_t type = FIRST_TYPE; type <= LAST_TYPE; type++) {
        size_t rest;
        if (bytes == 0 || !same_type(written, bytes, sombra_type_name(type), &rest)) continue;
        if (rest == 0) return type;
        if (type > SOMBRA_TYPE_LIST) continue; /* lists of something are written out */
        found = type;
        matches++;
    }
    return matches == 1 ? found : 0;
}

/* "int,string" to bits, or complain. */
static int parse_types(const char *text, uint32_t *bits)
{
    for (*bits = 0;; text++) {
        const size_t bytes = strcspn(text, ",");
        const uint32_t type = find_type(text, bytes);
        if (type == 0)
            return complain(EXIT_USAGE,
                            "--types: '%.*s' is no type: boolean, integer, float, string, bytes, "
                            "date, localtime, time, localdatetime, datetime, duration, point, "
                            "list, list<integer>, …",
                            (int)(bytes < 60 ? bytes : 60), text);
        *bits |= 1u << type;
        text += bytes;
        if (*text == '\0') return EXIT_OK;
    }
}

static void put_name(invocation *cli, sombra_name_kind kind, uint32_t id, text_buffer *text)
{
    size_t size;
    const char *name = sombra_name_text(cli->txn, kind, id, &size);

    if (name != NULL) put(text, name, size);
}

/* ":Person(name, born)" instead of what text holds. */
static void schema_target(invocation *cli, const sombra_schema *schema, text_buffer *text)
{
    text->size = 0;
    put_text(text, schema->on_rels ? "[:" : ":");
    put_name(cli, schema->on_rels ? SOMBRA_TYPE : SOMBRA_LABEL, schema->entity, text);
    put_text(text, schema->on_rels ? "]" : "");
    for (size_t i = 0; i < schema->key_count; i++) {
        put_text(text, i == 0 ? "(" : ", ");
        put_name(cli, SOMBRA_KEY, schema->keys[i], text);
    }
    put_text(text, schema->key_count != 0 ? ")" : "");
}

static int list_trees(invocation *cli, output *out, uint32_t page_size)
{
    sombra_tree_info tree;
    bool more;

    for (size_t i = 0;; i++) {
        char detail[160], size[32];
        if (sombra_tree_at(cli->txn, i, &tree, &more) != SOMBRA_OK) return complain_conn(cli);
        if (!more) return EXIT_OK;
        snprintf(detail, sizeof detail, "%s, height %u, leaves %.0f %% full",
                 human_bytes((tree.leaf_pages + tree.inner_pages + tree.overflow_pages) * page_size,
                             size),
                 tree.height,
                 tree.leaf_pages == 0
                     ? 0.0
                     : 100.0 * (double)tree.used_bytes / (double)(tree.leaf_pages * page_size));
        info_row(out, "tree", tree.name, tree.entries, detail);
        if (was_cancelled()) return cancelled_code();
    }
}

static int list_info(invocation *cli)
{
    sombra_info info;
    sombra_schema schema;
    char text[512], name[1025];
    text_buffer target = {0};
    output *out;
    bool more;
    int code;

    if (sombra_get_info(cli->txn, &info) != SOMBRA_OK) return complain_conn(cli);
    out = output_begin(cli, info_columns, 4);
    snprintf(text, sizeof text, "pages of %u bytes, %llu free", info.page_size,
             (unsigned long long)info.free_pages);
    info_row(out, "file", "pages", info.pages, text);
    info_row(out, "file", "bytes", info.file_bytes, human_bytes(info.file_bytes, text));
    info_row(out, "file", "WAL bytes", info.wal_bytes, human_bytes(info.wal_bytes, text));
    info_row(out, "file", "commits", info.sequence, NULL);
    info_row(out, "graph", "nodes", info.nodes, NULL);
    info_row(out, "graph", "relationships", info.rels, NULL);
    if ((code = list_names(cli, out, SOMBRA_LABEL, "label")) == EXIT_OK &&
        (code = list_names(cli, out, SOMBRA_TYPE, "type")) == EXIT_OK)
        code = list_names(cli, out, SOMBRA_KEY, "property");
    for (size_t i = 0; code == EXIT_OK; i++) {
        if (sombra_schema_at(cli->txn, i, &schema, &more) != SOMBRA_OK) code = complain_conn(cli);
        if (code != EXIT_OK || !more) break;
        if (schema.kind == SOMBRA_LABEL_INDEX) continue;
        schema_target(cli, &schema, &target);
        snprintf(name, sizeof name, "%.*s", (int)schema.name_size, schema.name);
        if (schema.kind == SOMBRA_TYPED) {
            put_text(&target, " is ");
            schema_types(&schema, &target);
        }
        output_row(out, (cell[]){cell_text(schema_kind(&schema)), cell_text(name), cell_null(),
                                 cell_of(&target)});
    }
    free(target.data);
    if (code == EXIT_OK && flag_given(cli, "trees")) code = list_trees(cli, out, info.page_size);
    if (!output_end(out) && code == EXIT_OK) code = 9;
    return code;
}

int run_info(invocation *cli)
{
    int code = open_database(cli, true, false);
    if (code != EXIT_OK || (code = begin_transaction(cli, SOMBRA_READ)) != EXIT_OK) return code;
    progress_start_late(cli, "Reading");
    code = list_info(cli);
    progress_stop(cli);
    return close_database(cli, code);
}

/* ---- schema ----------------------------------------------------------------------------------------------------- */

/* The index of a label that no node carries any more: nobody wants to hear of it. */
static int is_idle(invocation *cli, const sombra_schema *schema, bool *idle)
{
    uint64_t nodes = 1;

    if (schema->kind == SOMBRA_LABEL_INDEX &&
        sombra_name_entities(cli->txn, SOMBRA_LABEL, schema->entity, &nodes) != SOMBRA_OK)
        return complain_conn(cli);
    *idle = nodes == 0;
    return EXIT_OK;
}

/* What is told of an index or constraint. */
enum { SCHEMA_COLUMNS = 4 };
static const char *const schema_columns[SCHEMA_COLUMNS] = {"kind", "name", "on", "types"};
typedef struct schema_row {
    text_buffer target, types;
    char name[1025];
    cell cells[SCHEMA_COLUMNS];
} schema_row;

static void free_schema_row(schema_row *row)
{
    free(row->target.data);
    free(row->types.data);
}

/* Row: zeroed, or of another one before. */
static void make_schema_row(invocation *cli, const sombra_schema *schema, schema_row *row)
{
    schema_target(cli, schema, &row->target);
    row->types.size = 0;
    if (schema->kind == SOMBRA_TYPED) schema_types(schema, &row->types);
    snprintf(row->name, sizeof row->name, "%.*s", (int)schema->name_size, schema->name);
    row->cells[0] = cell_text(schema_kind(schema));
    row->cells[1] = cell_text(row->name);
    row->cells[2] = cell_of(&row->target);
    row->cells[3] = schema->kind == SOMBRA_TYPED ? cell_of(&row->types) : cell_null();
}

static sombra_status find_schema_row(invocation *cli, uint32_t id, schema_row *row)
{
    sombra_schema schema = {.id = 0};
    sombra_status status = SOMBRA_OK;
    bool more = true;

    for (size_t i = 0; status == SOMBRA_OK && more && schema.id != id; i++)
        status = sombra_schema_at(cli->txn, i, &schema, &more);
    if (status == SOMBRA_OK && more) make_schema_row(cli, &schema, row);
    return status;
}

static int list_schema(invocation *cli)
{
    output *out = output_begin(cli, schema_columns, SCHEMA_COLUMNS);
    sombra_schema schema;
    schema_row row = {0};
    bool more;
    int code = EXIT_OK;

    for (size_t i = 0;; i++) {
        bool idle = false;
        if (sombra_schema_at(cli->txn, i, &schema, &more) != SOMBRA_OK) code = complain_conn(cli);
        if (code == EXIT_OK && more) code = is_idle(cli, &schema, &idle);
        if (code != EXIT_OK || !more) break;
        if (idle) continue;
        make_schema_row(cli, &schema, &row);
        output_row(out, row.cells);
    }
    free_schema_row(&row);
    return output_end(out) || code != EXIT_OK ? code : 9;
}

/* A table has nothing to show of a change that was asked for; programs read what it was. Frees the row. */
static int commit_or_complain(invocation *cli, sombra_status status, schema_row *changed)
{
    int code = EXIT_OK;

    if (status == SOMBRA_OK) {
        status = sombra_commit(cli->txn);
        cli->txn = NULL;
    }
    if (status != SOMBRA_OK)
        code = complain_conn(cli);
    else if (cli->format != FORMAT_TABLE &&
             !output_record(cli, schema_columns, changed->cells, SCHEMA_COLUMNS))
        code = 9;
    free_schema_row(changed);
    return code;
}

static int drop_schema(invocation *cli, const char *name)
{
    sombra_schema like;
    schema_row row = {0};
    uint32_t id;

    memset(&like, 0, sizeof like);
    like.name = name;
    like.name_size = strlen(name);
    if (sombra_schema_find(cli->txn, &like, &id) != SOMBRA_OK) return complain_conn(cli);
    if (id == 0) { /* a label index is listed under its label's name */
        like = (sombra_schema){.kind = SOMBRA_LABEL_INDEX};
        if (sombra_name_find(cli->txn, SOMBRA_LABEL, name, SOMBRA_NUL_TERMINATED, &like.entity) !=
                SOMBRA_OK ||
            sombra_schema_find(cli->txn, &like, &id) != SOMBRA_OK)
            return complain_conn(cli);
    }
    if (id == 0) return complain(EXIT_NOT_FOUND, "there is no index or constraint '%s'", name);
    if (find_schema_row(cli, id, &row) != SOMBRA_OK) return complain_conn(cli);
    return commit_or_complain(cli, sombra_schema_drop(cli->txn, id), &row);
}

static int create_schema(invocation *cli, const char *kind)
{
    static const struct {
        const char *name;
        sombra_schema_kind kind;
    } kinds[] = {{"index", SOMBRA_INDEX},       {"unique", SOMBRA_UNIQUE},
                 {"node-key", SOMBRA_NODE_KEY}, {"exists", SOMBRA_EXISTENCE},
                 {"typed", SOMBRA_TYPED},       {"label-index", SOMBRA_LABEL_INDEX}};
    const char *on = flag_text(cli, "on"), *keys = flag_text(cli, "keys"),
               *name = flag_text(cli, "name"), *types = flag_text(cli, "types");
    uint32_t ids[16], id;
    sombra_schema definition;
    schema_row row = {0};
    sombra_status status;
    int code;

    memset(&definition, 0, sizeof definition);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i].name) == 0) definition.kind = kinds[i].kind;
    if (definition.kind == 0)
        return complain(
            EXIT_USAGE,
            "--create: '%s' is none of index, unique, node-key, exists, typed, label-index", kind);
    if (on == NULL) return complain(EXIT_USAGE, "--create needs --on LABEL");
    if ((types != NULL) != (definition.kind == SOMBRA_TYPED))
        return complain(EXIT_USAGE, types != NULL ? "--types is for --create typed"
                                                  : "--create typed needs --types TYPE[,TYPE]");
    if (types != NULL && (code = parse_types(types, &definition.value_types)) != EXIT_OK)
        return code;
    if (keys == NULL && definition.kind != SOMBRA_LABEL_INDEX)
        return complain(EXIT_USAGE, "--create %s needs --keys", kind);
    definition.on_rels = flag_given(cli, "relationships");
    definition.keys = ids;
    definition.name = name;
    definition.name_size = name == NULL ? 0 : strlen(name);
    if (sombra_name_find(cli->txn, definition.on_rels ? SOMBRA_TYPE : SOMBRA_LABEL, on,
                         SOMBRA_NUL_TERMINATED, &definition.entity) != SOMBRA_OK)
        return complain_conn(cli);
    if (definition.entity == SOMBRA_NO_NAME)
        return complain(EXIT_NOT_FOUND, "there is no %s '%s' in %s",
                        definition.on_rels ? "relationship type" : "label", on, cli->arguments[0]);
    status = sombra_name_intern(cli->txn, definition.on_rels ? SOMBRA_TYPE : SOMBRA_LABEL, on,
                                SOMBRA_NUL_TERMINATED, &definition.entity);
    while (status == SOMBRA_OK && keys != NULL && *keys != '\0') {
        const size_t bytes = strcspn(keys, ",");
        if (definition.key_count == 16) return complain(EXIT_USAGE, "--keys: at most 16");
        status =
            sombra_name_intern(cli->txn, SOMBRA_KEY, keys, bytes, &ids[definition.key_count++]);
        keys += bytes + (keys[bytes] == ',');
    }
    if (status == SOMBRA_OK) {
        progress_start(cli, "building", "rows");
        status = sombra_schema_create(cli->txn, &definition, &id);
        progress_stop(cli);
        if (status == SOMBRA_OK) status = find_schema_row(cli, id, &row);
    }
    return commit_or_complain(cli, status, &row);
}

int run_schema(invocation *cli)
{
    const char *create = flag_text(cli, "create"), *drop = flag_text(cli, "drop");
    static const char *const of_create[] = {"on", "keys", "types", "name", "relationships"};
    const bool writes = create != NULL || drop != NULL;
    int code;

    if (create != NULL && drop != NULL)
        return complain(EXIT_USAGE, "--create and --drop exclude each other");
    for (size_t i = 0; create == NULL && i < sizeof of_create / sizeof *of_create; i++)
        if (flag_given(cli, of_create[i]))
            return complain(EXIT_USAGE, "--%s is for --create", of_create[i]);
    if ((code = open_database(cli, !writes, false)) != EXIT_OK ||
        (code = begin_transaction(cli, writes ? SOMBRA_WRITE : SOMBRA_READ)) != EXIT_OK)
        return code;
    code = create != NULL ? create_schema(cli, create)
           : drop != NULL ? drop_schema(cli, drop)
                          : list_schema(cli);
    return close_database(cli, code);
}

/* ---- verify, recover ------------------------------------------------------------------------------------------------ */

static void print_finding(void *ctx, uint64_t page, const char *message)
{
    const invocation *cli = ctx;
    FILE *out = cli->format == FORMAT_TABLE ? stdout : stderr; /* no prose among figures */
    char place[40];

    snprintf(place, sizeof place, "page %llu ", (unsigned long long)page);
    if (page == UINT64_MAX || strncmp(message, place, strlen(place)) == 0)
        tell_line(out, "fault: %s", message);
    else
        tell_line(out, "fault: page %llu: %s", (unsigned long long)page, message);
}

int run_verify(invocation *cli)
{
    const double started = seconds_now();
    sombra_verify_result result;
    char a[64], b[64], c[64], d[64];
    int code;

    if ((code = open_database(cli, true, false)) != EXIT_OK ||
        (code = begin_transaction(cli, SOMBRA_READ)) != EXIT_OK)
        return code;
    progress_start(cli, "verifying", "pages");
    if (sombra_verify(cli->txn, print_finding, cli, &result) != SOMBRA_OK) {
        progress_stop(cli);
        return close_database(cli, complain_conn(cli));
    }
    progress_stop(cli);
    code = result.findings == 0 ? EXIT_OK : EXIT_WRONG;
    if (cli->format != FORMAT_TABLE) {
        static const char *const columns[] = {"sound",         "pages",    "nodes",
                                              "relationships", "findings", "seconds"};
        const cell cells[] = {{.kind = CELL_BOOL, .integer = code == EXIT_OK},
                              cell_int(result.pages),
                              cell_int(result.nodes),
                              cell_int(result.rels),
                              cell_int(result.findings),
                              cell_real(seconds_now() - started)};
        if (!output_record(cli, columns, cells, 6)) code = 9;
    }
    if ((!cli->quiet || code != EXIT_OK) && cli->format == FORMAT_TABLE)
        printf("%s: %s, %s, %s checked in %.2f s; %s\n", code == EXIT_OK ? "sound" : "DAMAGED",
               counted(result.pages, "page", "pages", a), counted(result.nodes, "node", "nodes", b),
               counted(result.rels, "relationship", "relationships", c), seconds_now() - started,
               counted(result.findings, "fault", "faults", d));
    return close_database(cli, code);
}

static void print_lost(void *ctx, const char *message)
{
    const invocation *cli = ctx;

    tell_line(cli->format == FORMAT_TABLE ? stdout : stderr, "lost: %s", message);
}

static bool print_recovered(invocation *cli, const sombra_recover_result *r)
{
    static const char *const columns[] = {
        "nodes",         "relationships",   "lost_nodes", "lost_relationships",
        "damaged_pages", "lost_properties", "lost_names", "lost_label_sets",
        "lost_schemas",  "messages"};
    const cell cells[] = {cell_int(r->nodes),
                          cell_int(r->rels),
                          r->nodes_known ? cell_int(r->lost_nodes) : cell_null(),
                          r->rels_known ? cell_int(r->lost_rels) : cell_null(),
                          cell_int(r->damaged_pages),
                          cell_int(r->lost_properties),
                          cell_int(r->lost_names),
                          cell_int(r->lost_label_sets),
                          cell_int(r->lost_schemas),
                          cell_int(r->messages)};
    char text[9][64];

    if (cli->format != FORMAT_TABLE)
        return output_record(cli, columns, cells, sizeof cells / sizeof *cells);
    printf("saved %s and %s in %s; lost: %s%s, %s%s, %s, %s, %s, %s; %s\n",
           counted(r->nodes, "node", "nodes", text[0]),
           counted(r->rels, "relationship", "relationships", text[1]), cli->arguments[1],
           r->nodes_known ? "" : "at least ", counted(r->lost_nodes, "node", "nodes", text[2]),
           r->rels_known ? "" : "at least ",
           counted(r->lost_rels, "relationship", "relationships", text[3]),
           counted(r->lost_properties, "property", "properties", text[4]),
           counted(r->lost_names, "name", "names", text[5]),
           counted(r->lost_label_sets, "label set", "label sets", text[6]),
           counted(r->lost_schemas, "index or constraint", "indexes and constraints", text[7]),
           counted(r->damaged_pages, "damaged page", "damaged pages", text[8]));
    return true;
}

int run_recover(invocation *cli)
{
    sombra_recover_result result;
    sombra_error error;
    sombra_status status;

    if (check_not_stdout(cli->arguments[1], "a database", "name a file") != EXIT_OK)
        return EXIT_USAGE;
    catch_begin(cli->arguments[1]);
    status = sombra_recover(cli->arguments[0], cli->arguments[1], &cli->options, print_lost, cli,
                            &result, &error);
    catch_end();
    if (status != SOMBRA_OK) return complain_error(&error);
    if (!print_recovered(cli, &result)) return 9;
    return result.messages == 0 ? EXIT_OK : EXIT_WRONG;
}

/* ---- checkpoint, digest ------------------------------------------------------------------------------------------------ */

int run_checkpoint(invocation *cli)
{
    static const struct {
        const char *name;
        sombra_checkpoint_mode mode;
    } modes[] = {{"passive", SOMBRA_PASSIVE},
                 {"full", SOMBRA_FULL_CHECKPOINT},
                 {"restart", SOMBRA_RESTART},
                 {"truncate", SOMBRA_TRUNCATE}};
    const char *text = flag_text(cli, "mode");
    sombra_checkpoint_mode mode = SOMBRA_FULL_CHECKPOINT;
    sombra_checkpoint_result result;
    char a[64], b[64];
    bool known = text == NULL;
    int code;

    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (text != NULL && strcmp(text, modes[i].name) == 0) mode = modes[i].mode, known = true;
    if (!known)
        return complain(EXIT_USAGE, "--mode: '%s' is none of passive, full, restart, truncate",
                        text);
    if ((code = open_database(cli, false, false)) != EXIT_OK) return code;
    progress_start(cli, "checkpointing", "pages");
    if (sombra_checkpoint(cli->conn, mode, &result) != SOMBRA_OK) code = complain_conn(cli);
    progress_stop(cli);
    if (code != EXIT_OK) return close_database(cli, code);
    if (cli->format != FORMAT_TABLE) {
        static const char *const columns[] = {"backfilled_frames", "wal_frames", "pages_written"};
        const cell cells[] = {cell_int(result.backfilled_frames), cell_int(result.wal_frames),
                              cell_int(result.pages_written)};
        if (!output_record(cli, columns, cells, 3)) code = 9;
    }
    if (!cli->quiet && cli->format == FORMAT_TABLE)
        printf("%llu of %s in the main file; %s written\n",
               (unsigned long long)result.backfilled_frames,
               counted(result.wal_frames, "frame is", "frames are", a),
               counted(result.pages_written, "page", "pages", b));
    return close_database(cli, code);
}

typedef struct digest_text {
    char text[33];
} digest_text;

static digest_text hexadecimal(const uint8_t digest[16])
{
    digest_text out;

    for (size_t i = 0; i < 16; i++)
        snprintf(out.text + 2 * i, 3, "%02x", digest[i]);
    return out;
}

int run_digest(invocation *cli)
{
    const bool with_schema = flag_given(cli, "schema");
    uint8_t digest[16], schema[16] = {0};
    int code;

    if ((code = open_database(cli, true, false)) != EXIT_OK ||
        (code = begin_transaction(cli, SOMBRA_READ)) != EXIT_OK)
        return code;
    progress_start(cli, "digesting", "rows");
    const bool failed = sombra_digest(cli->txn, digest) != SOMBRA_OK ||
                        (with_schema && sombra_schema_digest(cli->txn, schema) != SOMBRA_OK);
    progress_stop(cli);
    if (failed) return close_database(cli, complain_conn(cli));
    const digest_text texts[] = {hexadecimal(digest), hexadecimal(schema)};
    if (cli->format != FORMAT_TABLE) {
        static const char *const columns[] = {"digest", "schema"};
        const cell cells[] = {cell_text(texts[0].text), cell_text(texts[1].text)};
        if (!output_record(cli, columns, cells, with_schema ? 2 : 1)) code = 9;
    } else {
        printf("%s\n", texts[0].text);
        if (with_schema) printf("%s\n", texts[1].text);
    }
    return close_database(cli, code);
}
