/* dump.c — a graph as a script of Cypher statements that makes it anew, schema and data, in any graph that has nothing of its schema.
 *
 * Nodes are created in batches of UNWIND, one statement for some hundreds of nodes with the same labels. Relationships must find their ends
 * again in another statement: so nodes get one more label, and their number as a property that is unique; both are taken off, again in
 * batches, when all relationships are there. Every statement takes time in proportion to what it holds, so the script runs in linear time. All is
 * one transaction: what fails leaves nothing. Where the graph has no relationships neither label nor property is needed.
 * The statements have the forms that formats/script_shape.c loads without running them, and whose marks script_marks.c never
 * writes.
 *
 * Values are literals, where Cypher has one that gives the same value; else fromText() reads the text that CSV cells have: bytes, date-times
 * in zones that are not known here, and what is out of a function's range. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/formats/formats.h"
#include "shell.h"

#define STATEMENT_ROWS  250u         /* rows of one statement */
#define STATEMENT_BYTES (128u << 10) /* and about their bytes */
#define ROW_BYTES_MAX   (15u << 20)  /* a statement's text is at most 16 MiB (docs/LIMITS.md) */
#define HELD_BYTES      (16u << 20)  /* of rows that wait for others with the same labels */
#define CLEAN_ROWS      10000u       /* nodes that one statement takes the label off */
#define SCAN_BATCH      1024
#define BUCKETS         1024u

/* Rows of nodes with the same labels. */
typedef struct batch {
    struct batch *next;  /* with the same hash */
    struct batch *later; /* in the order in which they began */
    uint32_t *labels;    /* owned */
    size_t label_count;
    text_buffer rows;
    size_t count;
} batch;

typedef struct dumper {
    invocation *cli;
    text_buffer out;
    batch *batches[BUCKETS]; /* by a hash of their labels */
    batch *first, *last;
    size_t held;               /* bytes of rows in them */
    bool linked;               /* there are relationships: nodes need mark and number */
    char mark[32], number[32]; /* choose_names */
    uint64_t *borders;         /* ids: CLEAN_ROWS nodes between each two */
    size_t border_count;
    sombra_stmt *datetime, *duration; /* RETURN datetime($t): does a text give the value again? */
} dumper;

/* ---- Text -------------------------------------------------------------------------------------------------------------- */

/* Whatever Unicode's letters are to who reads the script, these need no quotes. */
static void put_name(text_buffer *out, const char *name, size_t bytes)
{
    bool ascii = true;

    for (size_t i = 0; i < bytes; i++)
        ascii = ascii && (unsigned char)name[i] < 0x80;
    if (ascii)
        put_cypher_name(out, name, bytes);
    else
        put_quoted_name(out, name, bytes);
}

static void put_known(dumper *d, text_buffer *out, sombra_name_kind kind, uint32_t id)
{
    size_t size;
    const char *name = sombra_name_text(d->cli->txn, kind, id, &size);

    put_name(out, name == NULL ? "?" : name, name == NULL ? 1 : size);
}

static void put_string(text_buffer *out, const char *text, size_t bytes)
{
    put_text(out, "'");
    for (size_t i = 0; i < bytes; i++) {
        const unsigned char c = (unsigned char)text[i];
        char escape[8];
        switch (c) {
        case '\'':
        case '\\':
            put_text(out, "\\");
            put(out, text + i, 1);
            break;
        case '\n': put_text(out, "\\n"); break;
        case '\r': put_text(out, "\\r"); break;
        case '\t': put_text(out, "\\t"); break;
        default:
            if (c >= 0x20 && c != 0x7F) {
                put(out, text + i, 1);
                break;
            }
            snprintf(escape, sizeof escape, "\\u%04X", c);
            put_text(out, escape);
        }
    }
    put_text(out, "'");
}

/* ---- Values ----------------------------------------------------------------------------------------------------------- */

typedef sombra_status (*writer_of_text)(const sombra_value *, char *, size_t, size_t *);

/* The text that one of the library's functions gives of a value; false: it gives none. */
static bool value_text(text_buffer *out, const sombra_value *value, writer_of_text write)
{
    size_t size;

    put(out, "", 0);
    if (write(value, NULL, 0, &size) != SOMBRA_OK) return false;
    {
        char *text = malloc(size + 1);
        if (text == NULL) exit(complain(8, "out of memory"));
        if (write(value, text, size, &size) == SOMBRA_OK) put(out, text, size);
        free(text);
    }
    return true;
}

/* fromText('bytes', '00ff') */
static void put_from_text(text_buffer *out, const sombra_value *value)
{
    static const char *const types[] = {[SOMBRA_TYPE_BYTES] = "bytes",
                                        [SOMBRA_TYPE_DATE] = "date",
                                        [SOMBRA_TYPE_LOCAL_TIME] = "localtime",
                                        [SOMBRA_TYPE_TIME] = "time",
                                        [SOMBRA_TYPE_LOCAL_DATETIME] = "localdatetime",
                                        [SOMBRA_TYPE_DATETIME] = "datetime",
                                        [SOMBRA_TYPE_DURATION] = "duration"};
    text_buffer text = {0};

    put_text(out, "fromText('");
    put_text(out, types[value->type]);
    put_text(out, "', ");
    (void)value_text(&text, value, sombra_value_to_text);
    put_string(out, text.data, text.size);
    put_text(out, ")");
    free(text.data);
}

static bool same_datetime(const sombra_value *a, const sombra_value *b)
{
    return a->extra == b->extra && a->as.datetime.seconds == b->as.datetime.seconds &&
           a->as.datetime.offset == b->as.datetime.offset &&
           a->as.datetime.zone_size == b->as.datetime.zone_size &&
           (a->as.datetime.zone_size == 0 ||
            memcmp(a->as.datetime.zone, b->as.datetime.zone, a->as.datetime.zone_size) == 0);
}

static bool same_duration(const sombra_value *a, const sombra_value *b)
{
    return a->as.duration.months == b->as.duration.months &&
           a->as.duration.days == b->as.duration.days &&
           a->as.duration.seconds == b->as.duration.seconds &&
           a->as.duration.nanos == b->as.duration.nanos;
}

/* Does the function give the value from its text again? */
static bool reads_back(sombra_stmt *stmt, const sombra_value *value, const text_buffer *text)
{
    const sombra_value parameter = sombra_string(text->data, text->size);
    sombra_value again;
    const bool same = sombra_stmt_bind_at(stmt, 0, &parameter) == SOMBRA_OK &&
                      sombra_stmt_step(stmt) == SOMBRA_ROW &&
                      sombra_stmt_column(stmt, 0, &again) == SOMBRA_OK &&
                      again.type == value->type &&
                      (value->type == SOMBRA_TYPE_DATETIME ? same_datetime(&again, value)
                                                           : same_duration(&again, value));

    return sombra_stmt_reset(stmt) == SOMBRA_OK && same;
}

/* date('2020-01-01'), or fromText() where that would be another value. */
static void put_temporal(dumper *d, text_buffer *out, const sombra_value *value)
{
    static const char *const functions[] = {
        [SOMBRA_TYPE_DATE] = "date",         [SOMBRA_TYPE_LOCAL_TIME] = "localtime",
        [SOMBRA_TYPE_TIME] = "time",         [SOMBRA_TYPE_LOCAL_DATETIME] = "localdatetime",
        [SOMBRA_TYPE_DATETIME] = "datetime", [SOMBRA_TYPE_DURATION] = "duration"};
    text_buffer text = {0};
    bool plain = value_text(&text, value, sombra_value_to_string);

    if (plain && value->type == SOMBRA_TYPE_DATETIME && value->as.datetime.zone_size != 0)
        plain = reads_back(d->datetime, value, &text);
    if (plain && value->type == SOMBRA_TYPE_DURATION) plain = reads_back(d->duration, value, &text);
    if (plain) {
        put_text(out, functions[value->type]);
        put_text(out, "(");
        put_string(out, text.data, text.size);
        put_text(out, ")");
    } else {
        put_from_text(out, value);
    }
    free(text.data);
}

static void put_float(text_buffer *out, double real)
{
    if (isnan(real))
        put_text(out, "0.0 / 0.0");
    else if (isinf(real))
        put_text(out, real > 0 ? "1.0 / 0.0" : "-1.0 / 0.0");
    else
        put_real(out, real);
}

static void put_literal(dumper *d, text_buffer *out, const sombra_value *value)
{
    switch ((sombra_type)value->type) {
    case SOMBRA_TYPE_STRING: put_string(out, value->as.bytes.data, value->as.bytes.size); return;
    case SOMBRA_TYPE_FLOAT: put_float(out, value->as.real); return;
    case SOMBRA_TYPE_BYTES: put_from_text(out, value); return;
    case SOMBRA_TYPE_POINT: (void)value_text(out, value, sombra_value_to_string); return;
    case SOMBRA_TYPE_LIST: /* as a property: no lists in it */
        put_text(out, "[");
        for (size_t i = 0; i < value->as.list.count; i++) {
            if (i != 0) put_text(out, ", ");
            put_literal(d, out, &value->as.list.items[i]);
        }
        put_text(out, "]");
        return;
    case SOMBRA_TYPE_DATE:
    case SOMBRA_TYPE_LOCAL_TIME:
    case SOMBRA_TYPE_TIME:
    case SOMBRA_TYPE_LOCAL_DATETIME:
    case SOMBRA_TYPE_DATETIME:
    case SOMBRA_TYPE_DURATION: put_temporal(d, out, value); return;
    default: put_plain(out, value); return; /* null, booleans, integers */
    }
}

/* {name: 'Ada', born: 1815} */
static void put_props(dumper *d, text_buffer *out, const sombra_prop *props, size_t count)
{
    put_text(out, "{");
    for (size_t i = 0; i < count; i++) {
        if (i != 0) put_text(out, ", ");
        put_known(d, out, SOMBRA_KEY, props[i].key);
        put_text(out, ": ");
        put_literal(d, out, &props[i].value);
    }
    put_text(out, "}");
}

/* ---- Writing ------------------------------------------------------------------------------------------------------------- */

static int flush_out(dumper *d)
{
    progress_clear();
    if (!fmt_write(stdout, d->out.data, d->out.size, false)) return output_failed();
    d->out.size = 0;
    return cancelled_code();
}

static int too_large(const char *what, uint64_t id)
{
    return complain(exit_code_of(SOMBRA_LIMIT),
                    "%s %llu has more than %u MiB of properties, which no statement holds: "
                    "'backup' and 'export' write them",
                    what, (unsigned long long)id, ROW_BYTES_MAX >> 20);
}

/* ---- Scans ------------------------------------------------------------------------------------------------------------- */

/* Visit the ids that a scan gives, until one is not EXIT_OK. */
static int each_id(dumper *d, const sombra_scan_options *options,
                   int (*visit)(dumper *d, uint64_t id, void *ctx), void *ctx)
{
    uint64_t ids[SCAN_BATCH];
    size_t count = 1;
    sombra_scan *scan;
    int code = EXIT_OK;

    if (sombra_scan_open(d->cli->txn, options, &scan) != SOMBRA_OK) return complain_conn(d->cli);
    while (code == EXIT_OK && count != 0) {
        if (sombra_scan_next(scan, ids, SCAN_BATCH, &count) != SOMBRA_OK)
            code = complain_conn(d->cli);
        for (size_t i = 0; i < count && code == EXIT_OK; i++)
            code = visit(d, ids[i], ctx);
    }
    sombra_scan_close(scan);
    return code;
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------------- */

static int flush_batch(dumper *d, batch *b)
{
    if (b->count == 0) return EXIT_OK;
    put_text(&d->out, "UNWIND [\n");
    put(&d->out, b->rows.data, b->rows.size);
    put_text(&d->out, "\n] AS row CREATE (n");
    if (d->linked) { /* in front: by this label they are found again */
        put_text(&d->out, ":");
        put_text(&d->out, d->mark);
    }
    for (size_t i = 0; i < b->label_count; i++) {
        put_text(&d->out, ":");
        put_known(d, &d->out, SOMBRA_LABEL, b->labels[i]);
    }
    if (d->linked) {
        put_text(&d->out, " {");
        put_text(&d->out, d->number);
        put_text(&d->out, ": row[0]}");
    }
    put_text(&d->out, d->linked ? ") SET n += row[1];\n" : ") SET n = row;\n");
    d->held -= b->rows.size;
    b->rows.size = b->count = 0;
    return flush_out(d);
}

static void free_batches(dumper *d)
{
    for (batch *b = d->first, *later; b != NULL; b = later) {
        later = b->later;
        free(b->labels);
        free(b->rows.data);
        free(b);
    }
    memset(d->batches, 0, sizeof d->batches);
    d->first = d->last = NULL;
}

static int flush_batches(dumper *d)
{
    int code = EXIT_OK;

    for (batch *b = d->first; b != NULL && code == EXIT_OK; b = b->later)
        code = flush_batch(d, b);
    free_batches(d);
    return code;
}

static batch *find_batch(dumper *d, const uint32_t *labels, size_t count)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    batch **at, *b;

    for (size_t i = 0; i < count; i++)
        hash = (hash ^ labels[i]) * 16777619u;
    for (at = &d->batches[hash % BUCKETS]; *at != NULL; at = &(*at)->next)
        if ((*at)->label_count == count &&
            (count == 0 || memcmp((*at)->labels, labels, count * sizeof *labels) == 0))
            return *at;
    b = calloc(1, sizeof *b);
    if (b == NULL || (b->labels = calloc(count + 1, sizeof *labels)) == NULL)
        exit(complain(8, "out of memory"));
    if (count != 0) memcpy(b->labels, labels, count * sizeof *labels);
    b->label_count = count;
    if (d->last != NULL)
        d->last->later = b;
    else
        d->first = b;
    return d->last = *at = b;
}

static int dump_node(dumper *d, uint64_t id)
{
    char number[32];
    sombra_node node;
    size_t before;
    batch *b;
    bool found;

    if (sombra_get_node(d->cli->txn, id, &node, &found) != SOMBRA_OK) return complain_conn(d->cli);
    if (!found) return EXIT_OK;
    b = find_batch(d, node.labels, node.label_count);
    before = b->rows.size;
    if (b->count != 0) put_text(&b->rows, ",\n");
    if (d->linked) {
        snprintf(number, sizeof number, "[%llu, ", (unsigned long long)id);
        put_text(&b->rows, number);
    }
    put_props(d, &b->rows, node.props, node.prop_count);
    if (d->linked) put_text(&b->rows, "]");
    d->held += b->rows.size - before;
    if (b->rows.size - before > ROW_BYTES_MAX) return too_large("node", id);
    b->count++;
    if (b->count == STATEMENT_ROWS || b->rows.size >= STATEMENT_BYTES) return flush_batch(d, b);
    /* many kinds of nodes: rows of each are few, and their buffers many */
    return d->held >= HELD_BYTES ? flush_batches(d) : EXIT_OK;
}

static void note_border(dumper *d, uint64_t id)
{
    d->borders = realloc(d->borders, (d->border_count + 1) * sizeof *d->borders);
    if (d->borders == NULL) exit(complain(8, "out of memory"));
    d->borders[d->border_count++] = id;
}

typedef struct node_count {
    uint64_t nodes, last;
} node_count;

static int visit_node(dumper *d, uint64_t id, void *ctx)
{
    node_count *count = ctx;
    const int code = dump_node(d, id);

    count->last = id;
    if (++count->nodes % CLEAN_ROWS == 0) note_border(d, id);
    return code;
}

static int dump_nodes(dumper *d)
{
    const sombra_scan_options options = {.entity = SOMBRA_NODE};
    node_count count = {0, 0};
    const int code = each_id(d, &options, visit_node, &count);

    if (count.nodes % CLEAN_ROWS != 0) note_border(d, count.last);
    return code == EXIT_OK ? flush_batches(d) : code;
}

/* ---- Relationships --------------------------------------------------------------------------------------------------------- */

static int flush_rels(dumper *d, uint32_t type, text_buffer *rows, bool props)
{
    if (rows->size == 0) return EXIT_OK;
    put_text(&d->out, "UNWIND [\n");
    put(&d->out, rows->data, rows->size);
    put_text(&d->out, "\n] AS row MATCH (a:");
    put_text(&d->out, d->mark);
    put_text(&d->out, " {");
    put_text(&d->out, d->number);
    put_text(&d->out, ": row[0]}), (b:");
    put_text(&d->out, d->mark);
    put_text(&d->out, " {");
    put_text(&d->out, d->number);
    put_text(&d->out, ": row[1]}) CREATE (a)-[r:");
    put_known(d, &d->out, SOMBRA_TYPE, type);
    put_text(&d->out, props ? "]->(b) SET r = row[2];\n" : "]->(b);\n");
    rows->size = 0;
    return flush_out(d);
}

/* One that leads nowhere would be left out by the script's MATCH, silently. */
static int read_rel(dumper *d, uint64_t id, sombra_rel *rel, bool *found)
{
    fmt_error error = {0};

    if (sombra_get_rel(d->cli->txn, id, rel, found) != SOMBRA_OK) return complain_conn(d->cli);
    if (!*found || fmt_check_ends(d->cli->conn, d->cli->txn, rel, &error) == SOMBRA_OK)
        return EXIT_OK;
    return complain(exit_code_of(error.status), "%s", error.text);
}

/* Rows of one type: without properties, and with. */
typedef struct rel_rows {
    uint32_t type;
    text_buffer rows[2];
    size_t counts[2];
} rel_rows;

static int visit_rel(dumper *d, uint64_t id, void *ctx)
{
    rel_rows *to = ctx;
    sombra_rel rel;
    char ends[64];
    bool found;

    const int code = read_rel(d, id, &rel, &found);
    if (code != EXIT_OK || !found) return code;
    const size_t which = rel.prop_count != 0;
    text_buffer *rows = &to->rows[which];
    const size_t before = rows->size;
    snprintf(ends, sizeof ends, "%s[%llu, %llu",
             to->counts[which] % 8 != 0 ? ", "
             : before != 0              ? ",\n"
                                        : "",
             (unsigned long long)rel.source, (unsigned long long)rel.target);
    put_text(rows, ends);
    if (which == 1) {
        put_text(rows, ", ");
        put_props(d, rows, rel.props, rel.prop_count);
    }
    put_text(rows, "]");
    if (rows->size - before > ROW_BYTES_MAX) return too_large("relationship", id);
    if (++to->counts[which] != STATEMENT_ROWS && rows->size < STATEMENT_BYTES) return EXIT_OK;
    to->counts[which] = 0;
    return flush_rels(d, to->type, rows, which == 1);
}

/* All relationships of a type; those without properties in statements of their own. */
static int dump_type(dumper *d, uint32_t type)
{
    const sombra_scan_options options = {.entity = SOMBRA_REL, .name = type};
    rel_rows to = {.type = type};
    int code = each_id(d, &options, visit_rel, &to);

    for (size_t which = 0; which < 2; which++) {
        if (code == EXIT_OK) code = flush_rels(d, type, &to.rows[which], which == 1);
        free(to.rows[which].data);
    }
    return code;
}

static int dump_rels(dumper *d)
{
    const uint32_t types = sombra_name_count(d->cli->txn, SOMBRA_TYPE);
    uint64_t before = 0;
    int code = EXIT_OK;
    char text[256];

    if (!d->linked) return EXIT_OK;
    snprintf(text, sizeof text, "CREATE CONSTRAINT %s FOR (n:%s) REQUIRE n.%s IS UNIQUE;\n",
             d->mark, d->mark, d->number);
    put_text(&d->out, text);
    for (uint32_t type = 1; type <= types && code == EXIT_OK; type++)
        code = dump_type(d, type);
    for (size_t i = 0; i < d->border_count; i++) {
        snprintf(text, sizeof text,
                 "MATCH (n:%s) WHERE n.%s > %llu AND n.%s <= %llu REMOVE n:%s, n.%s;\n", d->mark,
                 d->number, (unsigned long long)before, d->number,
                 (unsigned long long)d->borders[i], d->mark, d->number);
        put_text(&d->out, text);
        before = d->borders[i];
    }
    snprintf(text, sizeof text, "DROP CONSTRAINT %s;\n", d->mark);
    put_text(&d->out, text);
    return code == EXIT_OK ? flush_out(d) : code;
}

/* ---- Indexes and constraints -------------------------------------------------------------------------------------------------- */

static void put_keys(dumper *d, const sombra_schema *schema, bool parentheses)
{
    if (parentheses) put_text(&d->out, "(");
    for (size_t i = 0; i < schema->key_count; i++) {
        put_text(&d->out, i == 0 ? "x." : ", x.");
        put_known(d, &d->out, SOMBRA_KEY, schema->keys[i]);
    }
    if (parentheses) put_text(&d->out, ")");
}

static void put_types(dumper *d, uint32_t types)
{
    /* as the language writes them, which sombra_type_name does not always */
    static const char *const names[] = {[SOMBRA_TYPE_BOOL] = "BOOLEAN",
                                        [SOMBRA_TYPE_INT] = "INTEGER",
                                        [SOMBRA_TYPE_FLOAT] = "FLOAT",
                                        [SOMBRA_TYPE_STRING] = "STRING",
                                        [SOMBRA_TYPE_BYTES] = "BYTES",
                                        [SOMBRA_TYPE_DATE] = "DATE",
                                        [SOMBRA_TYPE_LOCAL_TIME] = "LOCAL TIME",
                                        [SOMBRA_TYPE_TIME] = "ZONED TIME",
                                        [SOMBRA_TYPE_LOCAL_DATETIME] = "LOCAL DATETIME",
                                        [SOMBRA_TYPE_DATETIME] = "ZONED DATETIME",
                                        [SOMBRA_TYPE_DURATION] = "DURATION",
                                        [SOMBRA_TYPE_POINT] = "POINT",
                                        [SOMBRA_TYPE_LIST] = "LIST<ANY>"};
    const char *between = "";

    for (uint32_t type = SOMBRA_TYPE_BOOL; type <= SOMBRA_TYPE_LIST; type++) {
        const bool lists = type < SOMBRA_TYPE_LIST && (types >> SOMBRA_TYPE_LIST_OF(type) & 1) != 0;
        if ((types >> type & 1) != 0) {
            put_text(&d->out, between);
            put_text(&d->out, names[type]);
            between = " | ";
        }
        if (lists) {
            put_text(&d->out, between);
            put_text(&d->out, "LIST<");
            put_text(&d->out, names[type]);
            put_text(&d->out, " NOT NULL>");
            between = " | ";
        }
    }
}

static void put_schema(dumper *d, const sombra_schema *schema)
{
    text_buffer *out = &d->out;

    put_text(out, schema->kind == SOMBRA_INDEX ? "CREATE INDEX " : "CREATE CONSTRAINT ");
    put_quoted_name(out, schema->name, schema->name_size); /* FOR, IF and ON are names, too */
    put_text(out, schema->on_rels ? " FOR ()-[x:" : " FOR (x:");
    put_known(d, out, schema->on_rels ? SOMBRA_TYPE : SOMBRA_LABEL, schema->entity);
    put_text(out, schema->on_rels ? "]-()" : ")");
    put_text(out, schema->kind == SOMBRA_INDEX ? " ON " : " REQUIRE ");
    put_keys(d, schema, schema->kind == SOMBRA_INDEX || schema->key_count > 1);
    switch (schema->kind) {
    case SOMBRA_UNIQUE: put_text(out, " IS UNIQUE"); break;
    case SOMBRA_NODE_KEY:
        put_text(out, schema->on_rels ? " IS RELATIONSHIP KEY" : " IS NODE KEY");
        break;
    case SOMBRA_EXISTENCE: put_text(out, " IS NOT NULL"); break;
    case SOMBRA_TYPED:
        put_text(out, " IS :: ");
        put_types(d, schema->value_types);
        break;
    case SOMBRA_INDEX:
    case SOMBRA_LABEL_INDEX: break;
    }
    put_text(out, ";\n");
}

static int dump_schemas(dumper *d)
{
    for (size_t i = 0;; i++) {
        sombra_schema schema;
        bool more;

        if (sombra_schema_at(d->cli->txn, i, &schema, &more) != SOMBRA_OK)
            return complain_conn(d->cli);
        if (!more) return EXIT_OK;
        if (schema.kind != SOMBRA_LABEL_INDEX) put_schema(d, &schema); /* there from the start */
    }
}

static int dump_dropped_label_indexes(dumper *d)
{
    const uint32_t labels = sombra_name_count(d->cli->txn, SOMBRA_LABEL);

    for (uint32_t label = 1; label <= labels; label++) {
        const sombra_schema like = {.kind = SOMBRA_LABEL_INDEX, .entity = label};
        uint32_t id;

        if (sombra_schema_find(d->cli->txn, &like, &id) != SOMBRA_OK) return complain_conn(d->cli);
        if (id != 0) continue;
        put_text(&d->out, "DROP INDEX ON :");
        put_known(d, &d->out, SOMBRA_LABEL, label);
        put_text(&d->out, ";\n");
    }
    return flush_out(d);
}

/* ---- All ---------------------------------------------------------------------------------------------------------------------- */

/* Does a query give a row? */
static int gives_row(dumper *d, const char *query, bool *row)
{
    sombra_stmt *stmt;
    sombra_status status;

    *row = false;
    if (sombra_prepare(d->cli->conn, query, SOMBRA_NUL_TERMINATED, &stmt, NULL) != SOMBRA_OK)
        return complain_conn(d->cli);
    status = sombra_stmt_step(stmt);
    *row = status == SOMBRA_ROW;
    {
        const int code =
            status == SOMBRA_ROW || status == SOMBRA_DONE ? EXIT_OK : complain_conn(d->cli);
        sombra_stmt_finalize(stmt);
        return code;
    }
}

/* Names, in backquotes, for the label, its index and the property: such as no node and no index has. */
static int choose_names(dumper *d)
{
    for (unsigned i = 0;; i++) {
        char number[16] = "", query[256];
        sombra_schema like = {0};
        uint32_t schema;
        bool used;
        int code;

        if (i != 0) snprintf(number, sizeof number, "%u", i);
        snprintf(d->mark, sizeof d->mark, "`~dump%s`", number);
        snprintf(d->number, sizeof d->number, "`~node%s`", number);
        like.name = d->mark + 1;
        like.name_size = strlen(d->mark) - 2;
        if (sombra_schema_find(d->cli->txn, &like, &schema) != SOMBRA_OK)
            return complain_conn(d->cli);
        snprintf(query, sizeof query, "MATCH (n) WHERE n:%s OR n.%s IS NOT NULL RETURN 1 LIMIT 1",
                 d->mark, d->number);
        if ((code = gives_row(d, query, &used)) != EXIT_OK || (schema == 0 && !used)) return code;
    }
}

bool is_dump_key(const char *key, size_t size)
{
    static const char mark[] = "~node";
    size_t at = sizeof mark - 1;

    if (size < at || memcmp(key, mark, at) != 0) return false;
    while (at != size && key[at] >= '0' && key[at] <= '9')
        at++;
    return at == size;
}

static int dump_all(dumper *d)
{
    sombra_info info;
    int code;

    if (sombra_get_info(d->cli->txn, &info) != SOMBRA_OK ||
        sombra_prepare(d->cli->conn, "RETURN datetime($t)", SOMBRA_NUL_TERMINATED, &d->datetime,
                       NULL) != SOMBRA_OK ||
        sombra_prepare(d->cli->conn, "RETURN duration($t)", SOMBRA_NUL_TERMINATED, &d->duration,
                       NULL) != SOMBRA_OK)
        return complain_conn(d->cli);
    d->linked = info.rels != 0;
    if (d->linked && (code = choose_names(d)) != EXIT_OK) return code;
    put_text(&d->out, "// A graph of Sombra ");
    put_text(&d->out, sombra_version());
    put_text(&d->out, ": 'sombra restore FILE SCRIPT', or .restore in the shell, makes it anew.\n"
                      "BEGIN;\n");
    if ((code = dump_nodes(d)) != EXIT_OK || (code = dump_rels(d)) != EXIT_OK ||
        (code = dump_schemas(d)) != EXIT_OK || (code = dump_dropped_label_indexes(d)) != EXIT_OK)
        return code;
    put_text(&d->out, "COMMIT;\n");
    return flush_out(d);
}

int dump_graph(invocation *cli)
{
    dumper d = {.cli = cli};
    const int code = dump_all(&d);

    free_batches(&d);
    sombra_stmt_finalize(d.datetime);
    sombra_stmt_finalize(d.duration);
    free(d.borders);
    free(d.out.data);
    return code;
}

void drop_script(const char *script)
{
    struct stat info;

    if (fstat(STDOUT_FILENO, &info) == 0 && S_ISREG(info.st_mode)) (void)unlink(script);
}

/* A table has nothing to say of a script that was asked for; programs are told what it holds. */
static int tell_dumped(invocation *cli, double seconds)
{
    sombra_info info;

    if (cli->format == FORMAT_TABLE) return EXIT_OK;
    if (sombra_get_info(cli->txn, &info) != SOMBRA_OK) return complain_conn(cli);
    return record_of_script(cli, info.nodes, info.rels, seconds) ? EXIT_OK : 9;
}

static int write_script(invocation *cli, const char *script)
{
    const double started = seconds_now();
    int code, before;

    if ((code = check_not_own(cli, script, "the script")) != EXIT_OK) return code;
    if ((before = dup(STDOUT_FILENO)) < 0) return complain_errno("standard output");
    if (freopen(script, "w", stdout) == NULL) {
        code = complain_errno(script);
        (void)close(before);
        return code;
    }
    output_goes_to(script);
    code = dump_graph(cli);
    if (fflush(stdout) != 0) code = output_failed();
    if (code != EXIT_OK) drop_script(script);
    if (code == EXIT_OK) {
        (void)dup2(before, STDOUT_FILENO);
        output_goes_to("standard output");
        code = tell_dumped(cli, seconds_now() - started);
    }
    (void)close(before);
    return code;
}

int run_dump(invocation *cli)
{
    int code;

    if ((code = open_database(cli, true, false)) != EXIT_OK ||
        (code = begin_transaction(cli, SOMBRA_READ)) != EXIT_OK)
        return code;
    progress_start_late(cli, "Dumping");
    code = cli->argument_count > 1 && strcmp(cli->arguments[1], "-") != 0
               ? write_script(cli, cli->arguments[1])
               : dump_graph(cli);
    progress_stop(cli);
    return close_database(cli, code);
}
