/* shell_schema.c — .schema: labels and types with their properties (types, how many have them, indexes and constraints), and which labels
 * each type of relationship connects. Counted by reading; of large graphs the first SAMPLE_MAX of each kind. */
#include <stdlib.h>
#include <string.h>

#include "shell.h"

#define SAMPLE_MAX 200000u /* nodes of a label, or relationships of a type, that are read */
#define SCAN_BATCH 1024

typedef struct property {
    uint64_t count;
    uint32_t types; /* bit (1 << sombra_type) for each */
} property;

typedef struct survey {
    invocation *cli;
    output *out;
    property *properties; /* by key number */
    uint32_t key_count;
    bool sampled;
} survey;

static const char *const schema_columns[] = {"what",   "property", "types",
                                             "fill %", "count",    "index"};

static void put_sombra_name(text_buffer *out, sombra_txn *txn, sombra_name_kind kind, uint32_t id)
{
    size_t size;
    const char *name = sombra_name_text(txn, kind, id, &size);

    if (name == NULL)
        put_text(out, "?");
    else
        put_cypher_name(out, name, size);
}

/* Indexes and constraints of a label or type: on one key (0: label indexes' absence is not told), "unique, exists". */
static int put_schemas(survey *s, text_buffer *out, bool on_rels, uint32_t entity, uint32_t key)
{
    sombra_schema schema;
    bool more;

    for (size_t i = 0;; i++) {
        if (sombra_schema_at(s->cli->txn, i, &schema, &more) != SOMBRA_OK)
            return complain_conn(s->cli);
        if (!more) return EXIT_OK;
        if (schema.on_rels != on_rels || schema.entity != entity) continue;
        for (size_t k = 0; k < schema.key_count; k++) {
            if (schema.keys[k] != key) continue;
            if (out->size != 0) put_text(out, ", ");
            if (schema.kind == SOMBRA_TYPED)
                schema_types(&schema, out);
            else
                put_text(out, schema_kind(&schema));
            if (schema.key_count > 1) {
                char place[64];
                snprintf(place, sizeof place, " (%zu of %zu)", k + 1, schema.key_count);
                put_text(out, place);
            }
        }
    }
}

static void note(survey *s, const sombra_prop *props, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (props[i].key > s->key_count) continue;
        s->properties[props[i].key].count++;
        s->properties[props[i].key].types |= 1u << props[i].value.type;
    }
}

/* Read what carries a label or has a type; *read of them. */
static int read_entities(survey *s, bool rels, uint32_t name, uint64_t *read)
{
    sombra_scan_options options = {.entity = rels ? SOMBRA_REL : SOMBRA_NODE, .name = name};
    uint64_t ids[SCAN_BATCH];
    size_t count;
    sombra_scan *scan;
    int code = EXIT_OK;

    *read = 0;
    memset(s->properties, 0, ((size_t)s->key_count + 1) * sizeof *s->properties);
    if (sombra_scan_open(s->cli->txn, &options, &scan) != SOMBRA_OK) return complain_conn(s->cli);
    while (code == EXIT_OK && *read < SAMPLE_MAX) {
        if (sombra_scan_next(scan, ids, SCAN_BATCH, &count) != SOMBRA_OK)
            code = complain_conn(s->cli);
        if (code != EXIT_OK || count == 0) break;
        for (size_t i = 0; i < count && code == EXIT_OK; i++) {
            sombra_node node = {0};
            sombra_rel rel = {0};
            bool found;
            if ((rels ? sombra_get_rel(s->cli->txn, ids[i], &rel, &found)
                      : sombra_get_node(s->cli->txn, ids[i], &node, &found)) != SOMBRA_OK)
                code = complain_conn(s->cli);
            else
                note(s, rels ? rel.props : node.props, rels ? rel.prop_count : node.prop_count);
        }
        *read += count;
        if (code == EXIT_OK) code = cancelled_code();
    }
    sombra_scan_close(scan);
    return code;
}

static int print_properties(survey *s, bool rels, uint32_t name, const char *what, uint64_t read)
{
    text_buffer key = {0}, types = {0}, schemas = {0};
    int code = EXIT_OK;

    for (uint32_t k = 1; k <= s->key_count && code == EXIT_OK; k++) {
        const property *p = &s->properties[k];
        const char *name_text;
        size_t size;
        if (p->count == 0) continue;
        key.size = types.size = schemas.size = 0;
        name_text = sombra_name_text(s->cli->txn, SOMBRA_KEY, k, &size);
        if (name_text != NULL) put(&key, name_text, size);
        for (uint32_t type = 1; type <= SOMBRA_TYPE_LIST; type++) {
            if ((p->types >> type & 1) == 0) continue;
            if (types.size != 0) put_text(&types, " | ");
            put_text(&types, sombra_type_name(type));
        }
        code = put_schemas(s, &schemas, rels, name, k);
        output_row(s->out, (cell[]){cell_text(what),
                                    {.kind = CELL_TEXT, .text = key.data, .size = key.size},
                                    {.kind = CELL_TEXT, .text = types.data, .size = types.size},
                                    cell_int((p->count * 100 + read / 2) / read),
                                    cell_int(p->count),
                                    schemas.size == 0 ? cell_null()
                                                      : (cell){.kind = CELL_TEXT,
                                                               .text = schemas.data,
                                                               .size = schemas.size}});
    }
    free(key.data);
    free(types.data);
    free(schemas.data);
    return code;
}

/* One label or type; 0: nodes without labels are among all nodes, so they are not told apart. */
static int print_name(survey *s, bool rels, uint32_t name)
{
    text_buffer what = {0};
    uint64_t count, read;
    int code = EXIT_OK;

    if (sombra_name_entities(s->cli->txn, rels ? SOMBRA_TYPE : SOMBRA_LABEL, name, &count) !=
        SOMBRA_OK)
        return complain_conn(s->cli);
    if (count == 0) return EXIT_OK;
    put_text(&what, rels ? "[:" : "(:");
    put_sombra_name(&what, s->cli->txn, rels ? SOMBRA_TYPE : SOMBRA_LABEL, name);
    put_text(&what, rels ? "]" : ")");
    put(&what, "", 1);
    output_row(s->out, (cell[]){cell_text(what.data), cell_null(), cell_null(), cell_null(),
                                cell_int(count), cell_null()});
    code = read_entities(s, rels, name, &read);
    s->sampled = s->sampled || read < count;
    if (code == EXIT_OK) code = print_properties(s, rels, name, what.data, read);
    free(what.data);
    return code;
}

/* ---- What connects the labels ------------------------------------------------------------------------------------------- */

static void put_labels(text_buffer *out, const sombra_value *labels)
{
    put_text(out, "(");
    for (size_t i = 0; i < labels->as.list.count; i++) {
        put_text(out, ":");
        put_cypher_name(out, labels->as.list.items[i].as.bytes.data,
                        labels->as.list.items[i].as.bytes.size);
    }
    put_text(out, ")");
}

static bool is_text(const sombra_value *value, const char *text)
{
    return value->as.bytes.size == strlen(text) &&
           memcmp(value->as.bytes.data, text, value->as.bytes.size) == 0;
}

static bool holds(const sombra_value *list, const char *text)
{
    for (size_t i = 0; i < list->as.list.count; i++)
        if (is_text(&list->as.list.items[i], text)) return true;
    return false;
}

/* label: only where this label or type takes part; NULL: all. */
static int print_pattern(survey *s, sombra_stmt *stmt, const char *label)
{
    sombra_value from, type, to, count;
    text_buffer text = {0};

    if (sombra_stmt_column(stmt, 0, &from) != SOMBRA_OK ||
        sombra_stmt_column(stmt, 1, &type) != SOMBRA_OK ||
        sombra_stmt_column(stmt, 2, &to) != SOMBRA_OK ||
        sombra_stmt_column(stmt, 3, &count) != SOMBRA_OK)
        return complain_conn(s->cli);
    if (label != NULL && !holds(&from, label) && !is_text(&type, label) && !holds(&to, label))
        return EXIT_OK;
    put_labels(&text, &from);
    put_text(&text, "-[:");
    put_cypher_name(&text, type.as.bytes.data, type.as.bytes.size);
    put_text(&text, "]->");
    put_labels(&text, &to);
    output_row(s->out, (cell[]){{.kind = CELL_TEXT, .text = text.data, .size = text.size},
                                cell_null(),
                                cell_null(),
                                cell_null(),
                                cell_value(&count),
                                cell_null()});
    free(text.data);
    return EXIT_OK;
}

static int print_patterns(survey *s, const char *label)
{
    static const char query[] =
        "MATCH (a)-[r]->(b) WITH a, r, b LIMIT 1000000 "
        "RETURN labels(a) AS a, type(r) AS t, labels(b) AS b, count(*) AS n ORDER BY a, t, b";
    sombra_stmt *stmt;
    sombra_status status;
    uint64_t rels;
    int code = EXIT_OK;

    if (sombra_name_entities(s->cli->txn, SOMBRA_TYPE, 0, &rels) != SOMBRA_OK ||
        sombra_prepare(s->cli->conn, query, sizeof query - 1, &stmt, NULL) != SOMBRA_OK)
        return complain_conn(s->cli);
    s->sampled = s->sampled || rels > 1000000;
    while (code == EXIT_OK && (status = sombra_stmt_step(stmt)) != SOMBRA_DONE)
        code = status == SOMBRA_ROW ? print_pattern(s, stmt, label) : complain_conn(s->cli);
    sombra_stmt_finalize(stmt);
    return code;
}

static int print_all(survey *s, const char *label)
{
    const sombra_name_kind kinds[] = {SOMBRA_LABEL, SOMBRA_TYPE};
    bool found = false;
    int code = EXIT_OK;

    for (size_t k = 0; k < 2 && code == EXIT_OK; k++) {
        const uint32_t names = sombra_name_count(s->cli->txn, kinds[k]);
        for (uint32_t id = 1; id <= names && code == EXIT_OK; id++) {
            size_t size;
            const char *name = sombra_name_text(s->cli->txn, kinds[k], id, &size);
            if (label != NULL &&
                (name == NULL || strlen(label) != size || memcmp(label, name, size) != 0))
                continue;
            found = true;
            code = print_name(s, k == 1, id);
        }
    }
    if (code == EXIT_OK && label != NULL && !found)
        return complain(EXIT_NOT_FOUND, "there is no label or type '%s'", label);
    return code == EXIT_OK ? print_patterns(s, label) : code;
}

int print_shell_schema(invocation *cli, const char *label)
{
    survey s = {.cli = cli, .key_count = sombra_name_count(cli->txn, SOMBRA_KEY)};
    int code;

    s.properties = calloc((size_t)s.key_count + 1, sizeof *s.properties);
    if (s.properties == NULL) return complain(8, "out of memory");
    s.out = output_begin(cli, schema_columns, 6);
    code = print_all(&s, label);
    if (!output_end(s.out) && code == EXIT_OK) code = 9;
    if (s.sampled && code == EXIT_OK && !cli->quiet)
        fprintf(stderr,
                "(a large graph: properties of the first %u of each kind, patterns of the "
                "first 1,000,000 relationships)\n",
                SAMPLE_MAX);
    free(s.properties);
    return code;
}
