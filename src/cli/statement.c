/* statement.c — sombra query: statements in openCypher, their parameters in JSON, their rows in every format. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "cli.h"

/* ---- Parameters: JSON to values ------------------------------------------------------------------------------------- */

static void *allocate(size_t count, size_t bytes)
{
    void *block = calloc(count == 0 ? 1 : count, bytes);
    if (block == NULL) exit(complain(8, "out of memory"));
    return block;
}

/* What the value points at is freed by free_value; texts are borrowed from json. */
static void value_of(json_t *json, sombra_value *value)
{
    memset(value, 0, sizeof *value);
    switch (json_typeof(json)) {
    case JSON_NULL: break;
    case JSON_TRUE:
    case JSON_FALSE: *value = sombra_bool(json_is_true(json)); break;
    case JSON_INTEGER: *value = sombra_int(json_integer_value(json)); break;
    case JSON_REAL: *value = sombra_float(json_real_value(json)); break;
    case JSON_STRING:
        *value = sombra_string(json_string_value(json), json_string_length(json));
        break;
    case JSON_ARRAY: {
        const size_t count = json_array_size(json);
        sombra_value *items = allocate(count, sizeof *items);

        for (size_t i = 0; i < count; i++)
            value_of(json_array_get(json, i), &items[i]);
        value->type = SOMBRA_TYPE_LIST;
        value->as.list.items = items;
        value->as.list.count = count;
        break;
    }
    case JSON_OBJECT: {
        sombra_entry *entries = allocate(json_object_size(json), sizeof *entries);
        const char *key;
        json_t *item;

        value->type = SOMBRA_TYPE_MAP;
        value->as.map.entries = entries;
        json_object_foreach(json, key, item)
        {
            sombra_entry *entry = &entries[value->as.map.count++];

            entry->key = key;
            entry->key_size = strlen(key);
            value_of(item, &entry->value);
        }
        break;
    }
    }
}

static void free_value(const sombra_value *value)
{
    if (value->type == SOMBRA_TYPE_LIST) {
        for (size_t i = 0; i < value->as.list.count; i++)
            free_value(&value->as.list.items[i]);
        free((void *)(uintptr_t)value->as.list.items);
    } else if (value->type == SOMBRA_TYPE_MAP) {
        for (size_t i = 0; i < value->as.map.count; i++)
            free_value(&value->as.map.entries[i].value);
        free((void *)(uintptr_t)value->as.map.entries);
    }
}

/* Number of a parameter, or that of all of them. */
static size_t find_param(const sombra_stmt *stmt, const char *name, size_t bytes)
{
    size_t i, size;

    for (i = 0; i < sombra_stmt_param_count(stmt); i++) {
        const char *param = sombra_stmt_param(stmt, i, &size);

        if (size == bytes && memcmp(param, name, size) == 0) break;
    }
    return i;
}

int complain_json(const char *where, const char *value, const char *why)
{
    enum { SHOWN = 60 }; /* columns */
    const size_t bytes = strlen(value), width = text_width(value, bytes);
    text_buffer shown = {0};

    put_fitted(&shown, value, bytes, width < SHOWN ? width : SHOWN, false);
    const int code = complain(EXIT_USAGE, "%s'%.*s' is not JSON: %s (text stands in double quotes)",
                              where, (int)shown.size, shown.size == 0 ? "" : shown.data, why);
    free(shown.data);
    return code;
}

static int bind_param(invocation *cli, sombra_stmt *stmt, const char *setting)
{
    const char *equals = strchr(setting, '=');
    json_error_t why;
    json_t *json;
    sombra_value value;
    sombra_status status;
    size_t param;
    char flag[100];

    if (equals == NULL || equals == setting)
        return complain(EXIT_USAGE, "--param: '%s' is not NAME=JSON", setting);
    param = find_param(stmt, setting, (size_t)(equals - setting));
    if (param == sombra_stmt_param_count(stmt)) return EXIT_OK; /* perhaps another statement's */
    json = json_loads(equals + 1, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (json == NULL) {
        snprintf(flag, sizeof flag, "--param %.*s: ", (int)(equals - setting), setting);
        return complain_json(flag, equals + 1, why.text);
    }
    value_of(json, &value);
    status = sombra_stmt_bind_at(stmt, param, &value);
    free_value(&value);
    json_decref(json);
    return status == SOMBRA_OK ? EXIT_OK : complain_conn(cli);
}

/* A name that no statement uses is a mistake that would go unseen: told by its first letters' match in the text. */
static int check_params(const invocation *cli, const char *text)
{
    for (size_t i = 0; i < cli->param_count; i++) {
        const char *setting = cli->params[i];
        const size_t bytes = strcspn(setting, "=");
        bool found = false;

        for (const char *at = strchr(text, '$'); at != NULL && !found; at = strchr(at + 1, '$'))
            found = strncmp(at + 1 + (at[1] == '`'), setting, bytes) == 0;
        if (!found)
            return complain(EXIT_USAGE, "--param: no statement uses $%.*s", (int)bytes, setting);
    }
    return EXIT_OK;
}

/* ---- Rows: values to text ------------------------------------------------------------------------------------------------ */

typedef struct writer {
    invocation *cli;
    sombra_stmt *stmt;
    text_buffer text;
    bool json, failed;
} writer;

static void put_json_value(writer *w, const sombra_value *value);
static void put_plain_value(writer *w, const sombra_value *value, bool nested);

static void put_canonical(writer *w, const sombra_value *value, bool quoted)
{
    char few[256], *text = few;
    size_t size;

    if (sombra_value_to_string(value, few, sizeof few, &size) != SOMBRA_OK &&
        sombra_value_to_text(value, few, sizeof few, &size) != SOMBRA_OK)
        return;
    if (size > sizeof few) {
        text = allocate(size, 1);
        if (sombra_value_to_string(value, text, size, &size) != SOMBRA_OK &&
            sombra_value_to_text(value, text, size, &size) != SOMBRA_OK)
            size = 0;
    }
    if (quoted)
        put_json_text(&w->text, text, size);
    else
        put(&w->text, text, size);
    if (text != few) free(text);
}

static void put_name(writer *w, sombra_name_kind kind, uint32_t id)
{
    size_t size;
    const char *name = sombra_stmt_name_text(w->stmt, kind, id, &size);

    if (name == NULL) return;
    if (w->json)
        put_json_text(&w->text, name, size);
    else
        put_cypher_name(&w->text, name, size);
}

static void put_number(writer *w, const char *before, uint64_t number)
{
    char text[32];

    put_text(&w->text, before);
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    put_text(&w->text, text);
}

/* In JSON with another ~ in front of one: "~id" and its kind are the entity's own. */
static void put_key(writer *w, uint32_t key)
{
    size_t size;
    const char *name = sombra_stmt_name_text(w->stmt, SOMBRA_KEY, key, &size);

    if (!w->json || name == NULL || size == 0 || name[0] != '~') {
        put_name(w, SOMBRA_KEY, key);
        return;
    }
    char *text = allocate(size + 1, 1);
    text[0] = '~';
    memcpy(text + 1, name, size);
    put_json_text(&w->text, text, size + 1);
    free(text);
}

/* Properties behind what an object holds already (JSON), or as {k: v} (text). */
static void put_props(writer *w, const sombra_prop *props, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put_text(&w->text, w->json || i != 0 ? ", " : " {");
        put_key(w, props[i].key);
        put_text(&w->text, ": ");
        if (w->json)
            put_json_value(w, &props[i].value);
        else
            put_plain_value(w, &props[i].value, true);
    }
    if (!w->json && count != 0) put_text(&w->text, "}");
}

static void put_node(writer *w, uint64_t id)
{
    sombra_node node;
    bool found;

    if (sombra_stmt_node(w->stmt, id, &node, &found) != SOMBRA_OK) {
        w->failed = true;
        return;
    }
    if (!found) node = (sombra_node){.id = id};
    if (w->json) {
        put_number(w, "{\"~id\": ", id);
        put_text(&w->text, ", \"~labels\": [");
        for (size_t i = 0; i < node.label_count; i++) {
            if (i != 0) put_text(&w->text, ", ");
            put_name(w, SOMBRA_LABEL, node.labels[i]);
        }
        put_text(&w->text, "]");
    } else {
        put_text(&w->text, "(");
        for (size_t i = 0; i < node.label_count; i++) {
            put_text(&w->text, ":");
            put_name(w, SOMBRA_LABEL, node.labels[i]);
        }
    }
    put_props(w, node.props, node.prop_count);
    put_text(&w->text, w->json ? "}" : ")");
}

/* One that the statement has deleted has its id and nothing else; its source is 0. */
static void put_rel(writer *w, uint64_t id, uint64_t *source)
{
    sombra_rel rel;
    bool found;

    *source = 0;
    if (sombra_stmt_rel(w->stmt, id, &rel, &found) != SOMBRA_OK) {
        w->failed = true;
        return;
    }
    if (!found) {
        if (w->json) put_number(w, "{\"~id\": ", id);
        put_text(&w->text, w->json ? "}" : "[]");
        return;
    }
    *source = rel.source;
    if (w->json) {
        put_number(w, "{\"~id\": ", id);
        put_text(&w->text, ", \"~type\": ");
        put_name(w, SOMBRA_TYPE, rel.type);
        put_number(w, ", \"~start\": ", rel.source);
        put_number(w, ", \"~end\": ", rel.target);
    } else {
        put_text(&w->text, "[:");
        put_name(w, SOMBRA_TYPE, rel.type);
    }
    put_props(w, rel.props, rel.prop_count);
    put_text(&w->text, w->json ? "}" : "]");
}

static void put_path(writer *w, const sombra_value *value)
{
    uint64_t source;

    if (!w->json) {
        put_node(w, value->as.path.nodes[0]);
        for (size_t i = 0; i < value->as.path.length; i++) {
            const size_t arrow = w->text.size;

            put_text(&w->text, "<-");
            put_rel(w, value->as.path.rels[i], &source);
            if (source == value->as.path.nodes[i] || source == 0) {
                /* walked along its direction, or nobody knows */
                memmove(w->text.data + arrow, w->text.data + arrow + 1, w->text.size - arrow - 1);
                w->text.size--;
            }
            put_text(&w->text, source == value->as.path.nodes[i] ? "->" : "-");
            put_node(w, value->as.path.nodes[i + 1]);
        }
        return;
    }
    put_text(&w->text, "{\"~nodes\": [");
    for (size_t i = 0; i <= value->as.path.length; i++) {
        if (i != 0) put_text(&w->text, ", ");
        put_node(w, value->as.path.nodes[i]);
    }
    put_text(&w->text, "], \"~relationships\": [");
    for (size_t i = 0; i < value->as.path.length; i++) {
        if (i != 0) put_text(&w->text, ", ");
        put_rel(w, value->as.path.rels[i], &source);
    }
    put_text(&w->text, "]}");
}

static void put_json_value(writer *w, const sombra_value *value)
{
    uint64_t source;

    switch ((sombra_type)value->type) {
    case SOMBRA_TYPE_NULL: put_text(&w->text, "null"); return;
    case SOMBRA_TYPE_BOOL: put_text(&w->text, value->as.boolean ? "true" : "false"); return;
    case SOMBRA_TYPE_FLOAT:
        if (isnan(value->as.real) || isinf(value->as.real))
            break; /* as text: JSON has no such numbers */
        put_real(&w->text, value->as.real);
        return;
    case SOMBRA_TYPE_INT: put_canonical(w, value, false); return;
    case SOMBRA_TYPE_STRING:
        put_json_text(&w->text, value->as.bytes.data, value->as.bytes.size);
        return;
    case SOMBRA_TYPE_LIST:
        put_text(&w->text, "[");
        for (size_t i = 0; i < value->as.list.count; i++) {
            if (i != 0) put_text(&w->text, ", ");
            put_json_value(w, &value->as.list.items[i]);
        }
        put_text(&w->text, "]");
        return;
    case SOMBRA_TYPE_MAP:
        put_text(&w->text, "{");
        for (size_t i = 0; i < value->as.map.count; i++) {
            if (i != 0) put_text(&w->text, ", ");
            put_json_text(&w->text, value->as.map.entries[i].key,
                          value->as.map.entries[i].key_size);
            put_text(&w->text, ": ");
            put_json_value(w, &value->as.map.entries[i].value);
        }
        put_text(&w->text, "}");
        return;
    case SOMBRA_TYPE_NODE: put_node(w, value->as.id); return;
    case SOMBRA_TYPE_REL: put_rel(w, value->as.id, &source); return;
    case SOMBRA_TYPE_PATH: put_path(w, value); return;
    default: break;
    }
    put_canonical(w, value, true);
}

static void put_quoted(writer *w, const char *text, size_t bytes)
{
    put_text(&w->text, "'");
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\'' || text[i] == '\\') put_text(&w->text, "\\");
        put(&w->text, text + i, 1);
    }
    put_text(&w->text, "'");
}

/* As Cypher writes it; a text that stands alone in its cell goes without quotes. */
static void put_plain_value(writer *w, const sombra_value *value, bool nested)
{
    uint64_t source;

    switch ((sombra_type)value->type) {
    case SOMBRA_TYPE_NULL: put_text(&w->text, nested ? "null" : ""); return;
    case SOMBRA_TYPE_STRING:
        if (nested)
            put_quoted(w, value->as.bytes.data, value->as.bytes.size);
        else
            put(&w->text, value->as.bytes.data, value->as.bytes.size);
        return;
    case SOMBRA_TYPE_LIST:
        put_text(&w->text, "[");
        for (size_t i = 0; i < value->as.list.count; i++) {
            if (i != 0) put_text(&w->text, ", ");
            put_plain_value(w, &value->as.list.items[i], true);
        }
        put_text(&w->text, "]");
        return;
    case SOMBRA_TYPE_MAP:
        put_text(&w->text, "{");
        for (size_t i = 0; i < value->as.map.count; i++) {
            if (i != 0) put_text(&w->text, ", ");
            put_cypher_name(&w->text, value->as.map.entries[i].key,
                            value->as.map.entries[i].key_size);
            put_text(&w->text, ": ");
            put_plain_value(w, &value->as.map.entries[i].value, true);
        }
        put_text(&w->text, "}");
        return;
    case SOMBRA_TYPE_NODE: put_node(w, value->as.id); return;
    case SOMBRA_TYPE_REL: put_rel(w, value->as.id, &source); return;
    case SOMBRA_TYPE_PATH: put_path(w, value); return;
    default: put_canonical(w, value, false); return;
    }
}

/* ---- Running -------------------------------------------------------------------------------------------------------------- */

/* A row's values as cells: plain ones as they are, the others written into w->text first. */
static int make_cells(writer *w, cell *cells, size_t *starts, size_t count)
{
    w->text.size = 0;
    for (size_t i = 0; i < count; i++) {
        sombra_value value;

        if (sombra_stmt_column(w->stmt, i, &value) != SOMBRA_OK) return complain_conn(w->cli);
        starts[i] = w->text.size;
        if (value.type <= SOMBRA_TYPE_FLOAT) {
            cells[i] = cell_value(&value);
            continue;
        }
        if (w->json)
            put_json_value(w, &value);
        else
            put_plain_value(w, &value, false);
        if (w->failed) return complain_conn(w->cli);
        cells[i] =
            (cell){.kind = w->json ? CELL_JSON : CELL_TEXT, .size = w->text.size - starts[i]};
    }
    for (size_t i = 0; i < count; i++)
        if (cells[i].kind == CELL_JSON || cells[i].kind == CELL_TEXT)
            cells[i].text = w->text.data == NULL ? "" : w->text.data + starts[i];
    return EXIT_OK;
}

static char **column_names(const sombra_stmt *stmt, size_t count)
{
    char **names = allocate(count, sizeof *names);

    for (size_t i = 0; i < count; i++) {
        size_t size;
        const char *name = sombra_stmt_column_name(stmt, i, &size);

        names[i] = allocate(size + 1, 1);
        memcpy(names[i], name, size);
    }
    return names;
}

static void tell_changes(const invocation *cli, const sombra_stmt *stmt)
{
    sombra_stmt_changes c;
    char text[64];

    if (cli->quiet || sombra_stmt_get_changes(stmt, &c) != SOMBRA_OK) return;
    const struct {
        uint64_t count;
        const char *one, *many;
    } lines[] = {{c.nodes_created, "node created", "nodes created"},
                 {c.nodes_deleted, "node deleted", "nodes deleted"},
                 {c.rels_created, "relationship created", "relationships created"},
                 {c.rels_deleted, "relationship deleted", "relationships deleted"},
                 {c.properties_set, "property set", "properties set"},
                 {c.labels_added, "label added", "labels added"},
                 {c.labels_removed, "label removed", "labels removed"},
                 {c.indexes_added, "index added", "indexes added"},
                 {c.indexes_removed, "index removed", "indexes removed"},
                 {c.constraints_added, "constraint added", "constraints added"},
                 {c.constraints_removed, "constraint removed", "constraints removed"}};
    const char *between = "";
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (lines[i].count == 0) continue;
        fprintf(stderr, "%s%s", between,
                counted(lines[i].count, lines[i].one, lines[i].many, text));
        between = ", ";
    }
    if (*between != '\0') fputc('\n', stderr);
}

static void tell_warnings(const invocation *cli, sombra_stmt *stmt)
{
    sombra_error warning;

    for (size_t i = 0; !cli->quiet && sombra_stmt_warning(stmt, i, &warning) == SOMBRA_OK; i++) {
        place_error(&cli->place, &warning);
        tell_line(stderr, "warning: %s", warning.message);
    }
}

static bool is_json(output_format format)
{
    return format == FORMAT_JSON || format == FORMAT_JSONL;
}

/* A row with the plan as an object. False when standard output could not be written. */
static bool print_json_plan(const invocation *cli, const char *json, size_t size)
{
    static const char *const columns[] = {"plan"};
    output *out = output_begin(cli, columns, 1);

    output_row(out, &(cell){.kind = CELL_JSON, .text = json, .size = size});
    return output_end(out);
}

/* A plan is a drawing or an object, not a text in a cell; but where it was asked for in JSON. */
static int print_plan(invocation *cli, sombra_stmt *stmt)
{
    sombra_value value;
    const char *text, *json;
    size_t size;

    if (sombra_stmt_step(stmt) != SOMBRA_ROW || sombra_stmt_column(stmt, 0, &value) != SOMBRA_OK)
        return complain_conn(cli);
    text = value.as.bytes.data;
    if (is_json(cli->format)) {
        if (sombra_stmt_explain(stmt, true, &json, &size) != SOMBRA_OK) return complain_conn(cli);
        if (!print_json_plan(cli, json, size)) return 9;
    } else if (value.as.bytes.size != 0 && text[0] == '{') {
        fwrite(text, 1, value.as.bytes.size, stdout);
        fputc('\n', stdout);
    } else if (sombra_stmt_explain(stmt, true, &json, &size) != SOMBRA_OK) {
        return complain_conn(cli);
    } else if (!draw_plan(cli, json, size)) {
        return complain(EXIT_FAILED, "the plan can not be drawn: EXPLAIN JSON shows it");
    }
    return sombra_stmt_step(stmt) == SOMBRA_DONE ? EXIT_OK : complain_conn(cli);
}

static int print_rows(invocation *cli, sombra_stmt *stmt, statement_report *report)
{
    const size_t count = sombra_stmt_column_count(stmt);
    char **names = column_names(stmt, count);
    cell *cells = allocate(count, sizeof *cells);
    size_t *starts = allocate(count, sizeof *starts);
    writer w = {.cli = cli, .stmt = stmt, .json = is_json(cli->format)};
    sombra_status status = SOMBRA_DONE;
    output *out = NULL;
    int code = EXIT_OK;

    while (code == EXIT_OK && (status = sombra_stmt_step(stmt)) == SOMBRA_ROW) {
        if (out == NULL) out = output_begin(cli, (const char *const *)names, count);
        code = make_cells(&w, cells, starts, count);
        if (code != EXIT_OK) break;
        output_row(out, cells);
        report->rows++;
        /* nobody reads on; what a statement changes it changes all the same */
        if (ferror(stdout) && !sombra_stmt_writes(stmt)) break;
        code = cancelled_code();
    }
    if (code == EXIT_OK && status != SOMBRA_DONE && status != SOMBRA_ROW) code = complain_conn(cli);
    if (code == EXIT_OK && out == NULL && count != 0)
        out = output_begin(cli, (const char *const *)names, count);
    if (out != NULL && !output_end(out) && code == EXIT_OK) code = 9;
    if (code == EXIT_OK) tell_changes(cli, stmt);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
    free(cells);
    free(starts);
    free(w.text.data);
    return code;
}

static int run_prepared(invocation *cli, sombra_stmt *stmt, statement_report *report)
{
    for (size_t i = 0; i < cli->param_count; i++) {
        const int code = bind_param(cli, stmt, cli->params[i]);
        if (code != EXIT_OK) return code;
    }
    report->columns = sombra_stmt_column_count(stmt);
    report->plan = sombra_stmt_is_explain(stmt) && cli->format != FORMAT_CSV;
    const int code = report->plan                  ? print_plan(cli, stmt)
                     : cli->format == FORMAT_GRAPH ? print_graph(cli, stmt, report)
                                                   : print_rows(cli, stmt, report);
    if (code == EXIT_OK) tell_warnings(cli, stmt);
    return code;
}

int run_statement(invocation *cli, const char *text, size_t size, size_t *used,
                  statement_report *report)
{
    sombra_stmt *stmt;
    int code;

    memset(report, 0, sizeof *report);
    *used = size;
    if (sombra_prepare(cli->conn, text, size, &stmt, used) != SOMBRA_OK) return complain_conn(cli);
    if (stmt == NULL) {
        *used = size;
        return EXIT_OK;
    }
    code = run_prepared(cli, stmt, report);
    sombra_stmt_finalize(stmt);
    return code;
}

int complain_open(void)
{
    return complain(EXIT_FAILED,
                    "the transaction that was open at the end is rolled back: COMMIT keeps it");
}

/* Roll back what a BEGIN without its COMMIT has left open: false when there is nothing. */
static bool end_open(const invocation *cli)
{
    sombra_stmt *stmt;
    bool ended;

    if (sombra_prepare(cli->conn, "ROLLBACK", SOMBRA_NUL_TERMINATED, &stmt, NULL) != SOMBRA_OK)
        return false;
    ended = sombra_stmt_step(stmt) == SOMBRA_DONE;
    sombra_stmt_finalize(stmt);
    return ended;
}

static int run_script(invocation *cli, const char *text, size_t size)
{
    int code = EXIT_OK;

    cli->place = (text_place){.line = 1, .column = 1};
    for (size_t at = 0, used; code == EXIT_OK && at < size; at += used) {
        statement_report report;
        code = run_statement(cli, text + at, size - at, &used, &report);
        place_advance(&cli->place, text + at, used);
        /* one that could not be cancelled any more is the last */
        if (code == EXIT_OK && at + used < size) code = cancelled_code();
    }
    cli->place = (text_place){0};
    return code == EXIT_OK && end_open(cli) ? complain_open() : code;
}

/* All of standard input, NUL-terminated. */
static char *read_input(size_t *size)
{
    text_buffer text = {0};
    char block[65536];
    size_t got;

    while ((got = fread(block, 1, sizeof block, stdin)) != 0)
        put(&text, block, got);
    *size = text.size;
    put(&text, "", 1);
    return text.data;
}

int use_statement_flags(invocation *cli)
{
    const char *memory = flag_text(cli, "memory-limit"), *threads = flag_text(cli, "threads");
    const char *timeout = flag_text(cli, "timeout");
    const char **params;
    size_t count = 0;
    sombra_error error;

    if (timeout != NULL && !read_seconds(timeout, &cli->timeout_ms))
        return complain(EXIT_USAGE, "--timeout: '%s' is no number of seconds", timeout);
    if (memory != NULL &&
        sombra_options_set(&cli->options, "memory_limit", memory, &error) != SOMBRA_OK)
        return complain_error(&error);
    if (threads != NULL &&
        sombra_options_set(&cli->options, "threads", threads, &error) != SOMBRA_OK)
        return complain_error(&error);
    /* In the command LOAD CSV reads below the working directory, unless the option says otherwise. */
    if (cli->options.import_dirs[0] == '\0') cli->options.import_dirs[0] = '.';
    while (flag_at(cli, "param", count) != NULL)
        count++;
    params = allocate(count, sizeof *params);
    for (size_t i = 0; i < count; i++)
        params[i] = flag_at(cli, "param", i);
    cli->params = params;
    cli->param_count = count;
    return EXIT_OK;
}

int run_query(invocation *cli)
{
    const char *given = cli->arguments[1];
    char *input = NULL;
    size_t size = strlen(given);
    int code = use_statement_flags(cli);

    if (code != EXIT_OK) return code;
    if (strcmp(given, "-") == 0) given = input = read_input(&size);
    code = check_params(cli, given);
    if (code == EXIT_OK) code = open_database(cli, false, true);
    if (code == EXIT_OK) {
        sombra_set_time_limit(cli->conn, cli->timeout_ms);
        progress_start_late(cli, "Running");
        code = run_script(cli, given, size);
        progress_stop(cli);
        code = close_database(cli, code);
    }
    free((void *)(uintptr_t)cli->params);
    free(input);
    return code;
}
