/* sombra_tck.c — the engine that the openCypher conformance suite's runner speaks to: one JSON request a line on standard input, one answer
 * a line on standard output. Each reset opens a new database in memory. Values are written as the suite's protocol tags them.
 * With --threads N every reading statement that can be done in parallel is, on N threads.
 * Beside the suite's requests there are two for tests/cypher: `digest`, and `try`, which runs a query by several plans. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/api_priv.h"

typedef struct procedure { /* a table: argument columns, then result columns */
    json_t *rows;
    size_t arg_count, result_count;
    struct procedure *next;
} procedure;

static sombra_db *db;
static sombra_conn *conn;
static procedure *procedures;
static unsigned threads = 1;
static bool only_ids; /* nodes and relationships are written without what they hold */

static void fail(const char *what)
{
    fprintf(stderr, "sombra-tck: %s\n", what);
    exit(1);
}

/* ---- Values in ------------------------------------------------------------------------------------------------------ */

static bool from_json(json_t *json, sombra_value *value);

static void *allocate(size_t count, size_t bytes)
{
    void *block = calloc(count == 0 ? 1 : count, bytes);
    if (block == NULL) fail("out of memory");
    return block;
}

static bool list_from(json_t *json, sombra_value *value)
{
    const size_t count = json_array_size(json);
    sombra_value *items = allocate(count, sizeof *items);

    for (size_t i = 0; i < count; i++)
        if (!from_json(json_array_get(json, i), &items[i])) return false;
    value->type = SOMBRA_TYPE_LIST;
    value->as.list.items = items;
    value->as.list.count = count;
    return true;
}

static bool map_from(json_t *json, sombra_value *value)
{
    sombra_entry *entries = allocate(json_object_size(json), sizeof *entries);
    const char *key;
    json_t *item;
    size_t count = 0;

    json_object_foreach(json, key, item)
    {
        entries[count].key = key;
        entries[count].key_size = strlen(key);
        if (!from_json(item, &entries[count++].value)) return false;
    }
    value->type = SOMBRA_TYPE_MAP;
    value->as.map.entries = entries;
    value->as.map.count = count;
    return true;
}

static bool tagged_from(json_t *json, sombra_value *value)
{
    json_t *const map = json_object_get(json, "$map");
    const char *real = json_string_value(json_object_get(json, "$float"));

    if (map != NULL) return map_from(map, value);
    if (real == NULL) return false;
    *value = sombra_float(strcmp(real, "NaN") == 0         ? (double)NAN
                          : strcmp(real, "Infinity") == 0  ? (double)INFINITY
                          : strcmp(real, "-Infinity") == 0 ? -(double)INFINITY
                                                           : strtod(real, NULL));
    return true;
}

/* Memory of lists and maps lasts until the process ends: a scenario's are few. */
static bool from_json(json_t *json, sombra_value *value)
{
    memset(value, 0, sizeof *value);
    switch (json_typeof(json)) {
    case JSON_NULL: return true;
    case JSON_TRUE: *value = sombra_bool(true); return true;
    case JSON_FALSE: *value = sombra_bool(false); return true;
    case JSON_INTEGER: *value = sombra_int(json_integer_value(json)); return true;
    case JSON_REAL: *value = sombra_float(json_real_value(json)); return true;
    case JSON_STRING:
        *value = sombra_string(json_string_value(json), json_string_length(json));
        return true;
    case JSON_ARRAY: return list_from(json, value);
    case JSON_OBJECT: return tagged_from(json, value);
    }
    return false;
}

/* ---- Values out -------------------------------------------------------------------------------------------------------- */

static json_t *to_json(sombra_stmt *stmt, const sombra_value *value);

static json_t *tag(const char *name, json_t *content)
{
    json_t *tagged = json_object();

    json_object_set_new(tagged, name, content);
    return tagged;
}

static json_t *text_of(const sombra_value *value)
{
    char text[512];
    size_t size;

    if (sombra_value_to_string(value, text, sizeof text, &size) != SOMBRA_OK || size > sizeof text)
        fail("a temporal value has no text");
    return json_stringn(text, size);
}

static json_t *real_to(double real)
{
    if (isnan(real)) return tag("$float", json_string("NaN"));
    if (isinf(real)) return tag("$float", json_string(real > 0 ? "Infinity" : "-Infinity"));
    return json_real(real);
}

static json_t *name_of(sombra_stmt *stmt, sombra_name_kind kind, uint32_t id)
{
    size_t size;
    const char *name = sombra_stmt_name_text(stmt, kind, id, &size);

    return name == NULL ? json_string("?") : json_stringn(name, size);
}

static json_t *props_to(sombra_stmt *stmt, const sombra_prop *props, size_t count)
{
    json_t *object = json_object();

    for (size_t i = 0; i < count; i++) {
        json_t *key = name_of(stmt, SOMBRA_KEY, props[i].key);

        json_object_setn_new(object, json_string_value(key), json_string_length(key),
                             to_json(stmt, &props[i].value));
        json_decref(key);
    }
    return object;
}

static json_t *node_to(sombra_stmt *stmt, uint64_t id)
{
    sombra_node node;
    bool found;
    json_t *object = json_object();

    json_object_set_new(object, "id", json_integer((json_int_t)id));
    if (only_ids) return tag("$node", object);
    json_t *labels = json_array();
    if (sombra_stmt_node(stmt, id, &node, &found) != SOMBRA_OK)
        fail(sombra_error_of(conn)->message);
    for (size_t i = 0; found && i < node.label_count; i++)
        json_array_append_new(labels, name_of(stmt, SOMBRA_LABEL, node.labels[i]));
    json_object_set_new(object, "labels", labels);
    json_object_set_new(object, "properties",
                        found ? props_to(stmt, node.props, node.prop_count) : json_object());
    return tag("$node", object);
}

static json_t *rel_to(sombra_stmt *stmt, uint64_t id)
{
    sombra_rel rel;
    bool found;
    json_t *object = json_object();

    json_object_set_new(object, "id", json_integer((json_int_t)id));
    if (only_ids) return tag("$rel", object);
    if (sombra_stmt_rel(stmt, id, &rel, &found) != SOMBRA_OK) fail(sombra_error_of(conn)->message);
    json_object_set_new(object, "type",
                        found ? name_of(stmt, SOMBRA_TYPE, rel.type) : json_string(""));
    json_object_set_new(object, "start", json_integer(found ? (json_int_t)rel.source : 0));
    json_object_set_new(object, "end", json_integer(found ? (json_int_t)rel.target : 0));
    json_object_set_new(object, "properties",
                        found ? props_to(stmt, rel.props, rel.prop_count) : json_object());
    return tag("$rel", object);
}

static json_t *path_to(sombra_stmt *stmt, const sombra_value *value)
{
    json_t *parts = json_array();

    json_array_append_new(parts, node_to(stmt, value->as.path.nodes[0]));
    for (size_t i = 0; i < value->as.path.length; i++) {
        json_array_append_new(parts, rel_to(stmt, value->as.path.rels[i]));
        json_array_append_new(parts, node_to(stmt, value->as.path.nodes[i + 1]));
    }
    return tag("$path", parts);
}

static json_t *map_to(sombra_stmt *stmt, const sombra_value *value)
{
    json_t *object = json_object();

    for (size_t i = 0; i < value->as.map.count; i++)
        json_object_setn_new(object, value->as.map.entries[i].key,
                             value->as.map.entries[i].key_size,
                             to_json(stmt, &value->as.map.entries[i].value));
    return tag("$map", object);
}

static json_t *to_json(sombra_stmt *stmt, const sombra_value *value)
{
    switch ((sombra_type)value->type) {
    case SOMBRA_TYPE_NULL: return json_null();
    case SOMBRA_TYPE_BOOL: return json_boolean(value->as.boolean);
    case SOMBRA_TYPE_INT: return json_integer(value->as.integer);
    case SOMBRA_TYPE_FLOAT: return real_to(value->as.real);
    case SOMBRA_TYPE_STRING: return json_stringn(value->as.bytes.data, value->as.bytes.size);
    case SOMBRA_TYPE_DATE: return tag("$date", text_of(value));
    case SOMBRA_TYPE_TIME: return tag("$time", text_of(value));
    case SOMBRA_TYPE_LOCAL_TIME: return tag("$localtime", text_of(value));
    case SOMBRA_TYPE_DATETIME: return tag("$datetime", text_of(value));
    case SOMBRA_TYPE_LOCAL_DATETIME: return tag("$localdatetime", text_of(value));
    case SOMBRA_TYPE_DURATION: return tag("$duration", text_of(value));
    case SOMBRA_TYPE_POINT: return tag("$point", text_of(value));
    case SOMBRA_TYPE_BYTES: return tag("$bytes", json_string(""));
    case SOMBRA_TYPE_LIST: {
        json_t *list = json_array();

        for (size_t i = 0; i < value->as.list.count; i++)
            json_array_append_new(list, to_json(stmt, &value->as.list.items[i]));
        return list;
    }
    case SOMBRA_TYPE_MAP: return map_to(stmt, value);
    case SOMBRA_TYPE_NODE: return node_to(stmt, value->as.id);
    case SOMBRA_TYPE_REL: return rel_to(stmt, value->as.id);
    case SOMBRA_TYPE_PATH: return path_to(stmt, value);
    }
    fail("a value of an unknown type");
    return NULL;
}

/* ---- Requests ------------------------------------------------------------------------------------------------------------- */

static json_t *error_answer(void)
{
    const sombra_error *error = sombra_error_of(conn);
    json_t *object = json_object();

    json_object_set_new(object, "type", json_string(sombra_error_class(error)));
    json_object_set_new(object, "phase", json_string(error->runtime ? "runtime" : "compile"));
    json_object_set_new(object, "detail", json_string(sombra_error_detail(error)));
    json_object_set_new(object, "message", json_string(error->message));
    return tag("error", object);
}

static json_t *reset(void)
{
    sombra_error error;

    sombra_disconnect(conn);
    if (sombra_close(db, &error) != SOMBRA_OK ||
        sombra_open(":memory:", NULL, &db, &error) != SOMBRA_OK ||
        sombra_connect(db, &conn, &error) != SOMBRA_OK)
        fail(error.message);
    while (procedures != NULL) {
        procedure *next = procedures->next;

        json_decref(procedures->rows);
        free(procedures);
        procedures = next;
    }
    return json_pack("{s:b}", "ok", 1);
}

static json_t *read_row(sombra_stmt *stmt)
{
    json_t *row = json_array();

    for (size_t i = 0; i < sombra_stmt_column_count(stmt); i++) {
        sombra_value value;

        if (sombra_stmt_column(stmt, i, &value) != SOMBRA_OK) fail(sombra_error_of(conn)->message);
        json_array_append_new(row, to_json(stmt, &value));
    }
    return row;
}

static json_t *read_result(sombra_stmt *stmt)
{
    json_t *answer = json_object();
    json_t *columns = json_array();
    json_t *rows = json_array();
    sombra_stmt_changes changes;
    sombra_status status;

    for (size_t i = 0; i < sombra_stmt_column_count(stmt); i++) {
        size_t size;
        const char *name = sombra_stmt_column_name(stmt, i, &size);

        json_array_append_new(columns, json_stringn(name, size));
    }
    while ((status = sombra_stmt_step(stmt)) == SOMBRA_ROW)
        json_array_append_new(rows, read_row(stmt));
    if (status != SOMBRA_DONE) {
        json_decref(answer);
        json_decref(columns);
        json_decref(rows);
        return error_answer();
    }
    (void)sombra_stmt_get_changes(stmt, &changes);
    json_object_set_new(answer, "columns", columns);
    json_object_set_new(answer, "rows", rows);
    json_object_set_new(answer, "stats",
                        json_pack("{s:I,s:I,s:I,s:I}", "nodes_created",
                                  (json_int_t)changes.nodes_created, "nodes_deleted",
                                  (json_int_t)changes.nodes_deleted, "relationships_created",
                                  (json_int_t)changes.rels_created, "relationships_deleted",
                                  (json_int_t)changes.rels_deleted));
    return answer;
}

/* Of all statements: rows that an operator keeps before it spills; 0: as a plan says. */
static uint32_t force_spill;

/* Options that no user has: indexes off, orders shuffled, small graphs read in parallel and so on. */
static void set_trial(const json_t *plan)
{
    const json_t *given = json_object_get(plan, "threads");

    memset(&conn->trial, 0, sizeof conn->trial);
    conn->trial.plan.threads = given == NULL ? threads : (unsigned)json_integer_value(given);
    conn->trial.plan.force_parallel = conn->trial.plan.threads > 1;
    conn->trial.plan.no_indexes = json_is_true(json_object_get(plan, "no_indexes"));
    conn->trial.plan.no_reorder = json_is_true(json_object_get(plan, "no_reorder"));
    conn->trial.plan.no_special = json_is_true(json_object_get(plan, "no_special"));
    conn->trial.plan.always_factor = json_is_true(json_object_get(plan, "always_factor"));
    conn->trial.plan.always_seek = json_is_true(json_object_get(plan, "always_seek"));
    conn->trial.plan.shuffle_seed =
        (uint64_t)json_integer_value(json_object_get(plan, "shuffle_seed"));
    conn->trial.always_table = json_is_true(json_object_get(plan, "always_table"));
    conn->trial.memory_bytes = (size_t)json_integer_value(json_object_get(plan, "memory"));
    conn->trial.force_spill =
        force_spill != 0 ? force_spill
                         : (uint32_t)json_integer_value(json_object_get(plan, "force_spill"));
}

/* Of the graph as the open transaction (BEGIN) sees it. */
static json_t *digest(void)
{
    uint8_t bytes[16];
    char text[2 * sizeof bytes + 1];

    if (sombra_digest(&conn->txn, bytes) != SOMBRA_OK) return error_answer();
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return json_pack("{s:s}", "digest", text);
}

static json_t *run_text(const char *text, size_t bytes, json_t *params)
{
    sombra_stmt *stmt;
    json_t *answer = NULL;
    const char *name;
    json_t *given;

    if (sombra_prepare(conn, text, bytes, &stmt, NULL) != SOMBRA_OK) return error_answer();
    if (stmt == NULL) return json_pack("{s:[],s:[]}", "columns", "rows");
    json_object_foreach(params, name, given)
    {
        sombra_value value;

        if (!from_json(given, &value)) fail("a parameter is not understood");
        const sombra_status bound = sombra_stmt_bind(stmt, name, &value);
        if (bound != SOMBRA_OK && bound != SOMBRA_NOT_FOUND && answer == NULL)
            answer = error_answer();
    }
    if (answer == NULL) answer = read_result(stmt);
    sombra_stmt_finalize(stmt);
    return answer;
}

/* The request's query by one plan. */
static json_t *run(const json_t *request, const json_t *plan)
{
    json_t *const text = json_object_get(request, "query");

    set_trial(plan);
    return run_text(json_string_value(text), json_string_length(text),
                    json_object_get(request, "params"));
}

/* ---- One query by several plans ----------------------------------------------------------------------------------------- */

/* Rows of a statement that can not fail. */
static json_t *rows_now(const char *text)
{
    json_t *answer = run_text(text, strlen(text), NULL);
    json_t *rows = json_incref(json_object_get(answer, "rows"));

    if (rows == NULL) fail(sombra_error_of(conn)->message);
    json_decref(answer);
    return rows;
}

/* An update: its answer, with the digest of the graph that it leaves, is taken back. dump: with the graph itself, too. */
static json_t *run_undone(const json_t *request, const json_t *plan, bool dump)
{
    json_decref(rows_now("BEGIN"));
    json_t *answer = run(request, plan);

    set_trial(NULL);
    json_object_update_new(answer, digest());
    if (dump) {
        only_ids = false;
        json_object_set_new(answer, "nodes", rows_now("MATCH (n) RETURN n"));
        json_object_set_new(answer, "rels", rows_now("MATCH ()-[r]->() RETURN r"));
        only_ids = true;
    }
    json_decref(rows_now("ROLLBACK"));
    return answer;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Everything in an answer but a dump of the graph; without order: with the rows in an order of their texts. */
static char *text_of_answer(const json_t *answer, bool ordered)
{
    const json_t *rows = json_object_get(answer, "rows");
    const size_t count = json_array_size(rows);
    json_t *all = json_pack("[O*,O*,O*,O*]", json_object_get(answer, "columns"),
                            json_object_get(answer, "stats"), json_object_get(answer, "digest"),
                            json_object_get(answer, "error"));
    char **texts = allocate(count, sizeof *texts);

    for (size_t i = 0; i < count; i++)
        texts[i] = json_dumps(json_array_get(rows, i), JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (!ordered) qsort(texts, count, sizeof *texts, compare_texts);
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(all, json_string(texts[i]));
        free(texts[i]);
    }
    free(texts);
    char *text = json_dumps(all, JSON_COMPACT);
    if (text == NULL) fail("out of memory");
    json_decref(all);
    return text;
}

#define TRIAL_MS 10000u /* a query that takes longer fails */

/* The answer by the first of `plans`, and by each other one: null when it says the same. `ordered`: the rows must come in the
 * same order, not only be the same. `undo`: what the query changes is taken back. */
static json_t *try_plans(const json_t *request)
{
    const bool ordered = json_is_true(json_object_get(request, "ordered"));
    const bool undo = json_is_true(json_object_get(request, "undo"));
    json_t *answers = json_array();
    char *first = NULL;
    const json_t *plan;
    size_t i;

    only_ids = true;
    sombra_set_time_limit(conn, TRIAL_MS);
    json_array_foreach(json_object_get(request, "plans"), i, plan)
    {
        json_t *answer = undo ? run_undone(request, plan, i == 0) : run(request, plan);
        char *text = text_of_answer(answer, ordered);
        const bool same = first != NULL && strcmp(first, text) == 0;

        if (same) json_decref(answer);
        json_array_append_new(answers, same ? json_null() : answer);
        if (first == NULL)
            first = text;
        else
            free(text);
    }
    free(first);
    only_ids = false;
    sombra_set_time_limit(conn, 0);
    return tag("answers", answers);
}

/* ---- Procedures, and the loop ------------------------------------------------------------------------------------------------ */

static bool equal_arg(const sombra_value *given, const json_t *wanted)
{
    if (given->type == SOMBRA_TYPE_NULL || json_is_null(wanted))
        return given->type == SOMBRA_TYPE_NULL && json_is_null(wanted);
    if (json_is_number(wanted)) {
        const double number = json_number_value(wanted);
        if (given->type == SOMBRA_TYPE_INT) return (double)given->as.integer == number;
        return given->type == SOMBRA_TYPE_FLOAT && given->as.real == number;
    }
    return json_is_string(wanted) && given->type == SOMBRA_TYPE_STRING &&
           given->as.bytes.size == json_string_length(wanted) &&
           memcmp(given->as.bytes.data, json_string_value(wanted), given->as.bytes.size) == 0;
}

/* Every row whose argument part equals the arguments, in the table's order. */
static sombra_status call_table(sombra_call *call)
{
    const procedure *table = sombra_call_context(call);

    for (size_t r = 0; r < json_array_size(table->rows); r++) {
        json_t *const row = json_array_get(table->rows, r);
        sombra_value values[64];
        bool same = true;

        for (size_t i = 0; i < table->arg_count && same; i++)
            same = equal_arg(sombra_call_arg(call, i), json_array_get(row, i));
        if (!same || table->result_count == 0) continue;
        for (size_t i = 0; i < table->result_count; i++)
            if (!from_json(json_array_get(row, table->arg_count + i), &values[i]))
                return SOMBRA_INVALID;
        const sombra_status status = sombra_call_emit(call, values);
        if (status != SOMBRA_OK) return status;
    }
    return SOMBRA_OK;
}

/* Fields between a pair of parentheses. */
static size_t count_fields(const char *open)
{
    size_t count = 0;

    for (const char *c = open + 1; *c != '\0' && *c != ')'; c++)
        if (c[0] == ':' && c[1] == ':') count++;
    return count;
}

static json_t *add_procedure(const json_t *request)
{
    const char *signature = json_string_value(json_object_get(request, "signature"));
    procedure *made = allocate(1, sizeof *made);
    sombra_error error;
    const char *open = strchr(signature, '(');

    made->rows = json_incref(json_object_get(request, "rows"));
    made->arg_count = count_fields(open);
    made->result_count = count_fields(strchr(open + 1, '('));
    made->next = procedures;
    procedures = made;
    if (sombra_register_procedure(db, signature, call_table, made, &error) != SOMBRA_OK)
        fail(error.message);
    return json_pack("{s:b}", "ok", 1);
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t capacity = 0;

    for (int i = 1; i < argc; i += 2)
        if (i + 1 < argc && strcmp(argv[i], "--force-spill") == 0)
            force_spill = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--threads") == 0)
            threads = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else
            fail("usage: sombra-tck [--force-spill ROWS] [--threads N]");
    while (getline(&line, &capacity, stdin) > 0) {
        json_error_t why;
        json_t *const request = json_loads(line, JSON_ALLOW_NUL, &why);
        const char *op = json_string_value(json_object_get(request, "op"));
        json_t *answer;

        if (op == NULL) fail(why.text);
        if (strcmp(op, "reset") == 0)
            answer = reset();
        else if (strcmp(op, "run") == 0)
            answer = run(request, json_object_get(request, "plan"));
        else if (strcmp(op, "try") == 0)
            answer = try_plans(request);
        else if (strcmp(op, "digest") == 0)
            answer = digest();
        else if (strcmp(op, "procedure") == 0)
            answer = add_procedure(request);
        else
            answer = json_pack("{s:s}", "unsupported", "no such request");
        if (answer == NULL) fail("out of memory");
        json_dumpf(answer, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17));
        putchar('\n');
        fflush(stdout);
        json_decref(answer);
        json_decref(request);
    }
    sombra_disconnect(conn);
    (void)sombra_close(db, NULL);
    free(line);
    return 0;
}
