/* loader.c — records to typed batches and transactions.
 * Nodes are gathered by label set, relationships by type; a batch is written when it is full, or when all of them hold
 * HELD_BYTES. External ids lead to numbers of nodes in order of their records, and those to node ids once their batch is
 * written. Relationships whose ends have not been seen yet go to a temporary file, and are loaded at the end. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/formats/json_priv.h"

#define BATCH_ROWS  ((size_t)8192)
#define BATCH_BYTES ((size_t)8 << 20)
#define HELD_BYTES  ((size_t)64 << 20)
#define KINDS       (SOMBRA_TYPE_LIST + 1)
#define FEW_COLUMNS 16u               /* found by looking at each */
#define SHOWN_BYTES 80                /* of a value in a message */
#define CELLS_MAX   ((size_t)1 << 20) /* rows times columns of a batch */
#define NONE        UINT64_MAX

typedef struct prop_column {
    uint32_t key; /* place in loader.keys */
    uint32_t type;
    bool mixed;
    sombra_value *values; /* of the batch's rows; NULL typed: absent */
    size_t capacity, present;
    uint64_t last_record;  /* that gave a value, from 1: two of one record are an error */
    uint64_t kinds[KINDS]; /* how many of each type so far, in all batches */
} prop_column;

typedef struct group {
    bool is_rel;
    sombra_text caption; /* ":A:B", "TYPE" */
    uint32_t *names;     /* label numbers, none twice; or the type's */
    size_t name_count;
    size_t rows;
    uint64_t total;    /* entities in all batches */
    uint64_t *ends[2]; /* nodes: number; relationships: of both ends */
    size_t end_capacity[2];
    uint64_t first_line; /* of the batch */
    prop_column *columns;
    size_t column_count, column_capacity;
    size_t hint;  /* column that comes next, if records look alike */
    size_t *used; /* columns with a value in this batch */
    size_t used_count, used_capacity;
    fmt_map by_key;  /* key + 1 → column + 1, past FEW_COLUMNS */
    fmt_arena arena; /* values of the batch */
    size_t array_bytes;
} group;

/* External ids of one group: numbers where they are written as numbers usually are, else texts. */
typedef struct id_table {
    uint64_t *dense; /* node + 1 by number; 0: none */
    size_t dense_count;
    fmt_map sparse; /* number → node + 1 */
    fmt_names texts;
    uint64_t *text_nodes; /* node + 1 by text */
    size_t text_capacity;
    uint64_t count;
} id_table;

struct fmt_loader {
    fmt_options options;
    fmt_error error;
    fmt_result result;
    sombra_txn *txn;
    uint64_t in_transaction; /* records since the last commit */
    /* The record at hand. */
    const char *path;
    uint64_t line;
    const char *raw;
    size_t raw_bytes;
    uint64_t record;
    /* Names: texts → numbers of the database. */
    fmt_names keys, set_texts, group_names;
    uint32_t *key_ids;
    size_t key_capacity;
    group *groups;
    size_t group_count, group_capacity;
    fmt_buffer set_text; /* scratch */
    uint32_t last_set;
    size_t held_bytes;
    id_table *ids;
    size_t id_capacity;
    uint32_t letters['z' - 'A' + 1]; /* place + 1 of the table of ids as n17; 0: none yet */
    uint32_t unnamed;                /* place + 1 of the group without a name; 0: not met yet */
    uint64_t *nodes;                 /* node ids by number; 0: not written yet */
    size_t node_count, node_capacity;
    size_t unwritten_nodes;
    FILE *waiting; /* relationships for the end; NULL: none yet */
    uint64_t waiting_count;
    fmt_buffer packed;              /* scratch */
    fmt_arena scratch, row_scratch; /* of a batch being written, of a record */
    struct schema_copy *schemas;
    size_t schema_count, schema_capacity;
    fmt_arena schema_arena;
};

/* ---- Errors ---------------------------------------------------------------------------------------------------- */

fmt_error *fmt_loader_error(fmt_loader *loader)
{
    return &loader->error;
}

const fmt_options *fmt_loader_options(const fmt_loader *loader)
{
    return &loader->options;
}

void fmt_at(fmt_loader *loader, const char *path, uint64_t line, const char *raw, size_t raw_bytes)
{
    loader->path = strcmp(path, "-") == 0 ? "standard input" : path;
    loader->line = line;
    loader->raw = raw;
    loader->raw_bytes = raw_bytes;
}

static void put_place(const fmt_loader *l, uint64_t column, sombra_text where, fmt_buffer *out)
{
    fmt_printf(out, "%s, line %llu", l->path, (unsigned long long)l->line);
    if (column != 0) fmt_printf(out, ", column %llu", (unsigned long long)column);
    if (where.size != 0)
        fmt_printf(out, " (%.*s)", (int)(where.size < 64 ? where.size : 64),
                   (const char *)where.data);
}

/* Rejects are lines of JSON, whatever the format; bytes of what is no UTF-8 become U+FFFD. */
static void put_json(fmt_buffer *out, const char *data, size_t bytes)
{
    fmt_buffer text = {0};

    if (fmt_utf8_valid(data, bytes)) {
        fmt_put_json(out, data, bytes);
        return;
    }
    for (size_t i = 0; i < bytes; i++)
        if ((unsigned char)data[i] < 0x80)
            fmt_put(&text, data + i, 1);
        else
            fmt_puts(&text, "\xEF\xBF\xBD");
    fmt_put_json(out, text.data, text.size);
    free(text.data);
}

static sombra_status write_reject(fmt_loader *l, uint64_t column, sombra_text where,
                                  sombra_text value, const char *why)
{
    fmt_buffer out = {0};
    bool written;

    fmt_puts(&out, "{\"file\":");
    put_json(&out, l->path, strlen(l->path));
    fmt_printf(&out, ",\"line\":%llu", (unsigned long long)l->line);
    if (column != 0) fmt_printf(&out, ",\"column\":%llu", (unsigned long long)column);
    if (where.size != 0) {
        fmt_puts(&out, ",\"where\":");
        put_json(&out, where.data, where.size);
    }
    if (value.size != 0) {
        fmt_puts(&out, ",\"value\":");
        put_json(&out, value.data, value.size);
    }
    fmt_puts(&out, ",\"error\":");
    put_json(&out, why, strlen(why));
    if (l->raw != NULL) {
        fmt_puts(&out, ",\"record\":");
        put_json(&out, l->raw, l->raw_bytes);
    }
    fmt_puts(&out, "}\n");
    written = fwrite(out.data, 1, out.size, l->options.rejects) == out.size;
    free(out.data);
    return written ? SOMBRA_OK
                   : fmt_fail(&l->error, SOMBRA_IO, "the file for rejected records: %s",
                              strerror(errno));
}

sombra_status fmt_bad(fmt_loader *l, sombra_status status, uint64_t column, sombra_text where,
                      sombra_text value, const char *format, ...)
{
    fmt_buffer place = {0};
    char why[512];
    va_list list;
    size_t used = 0;

    if (l->error.status != SOMBRA_OK) return l->error.status;
    if (value.size != 0) {
        size_t shown = value.size < SHOWN_BYTES ? value.size : SHOWN_BYTES;
        while (shown < value.size && shown != 0 &&
               (((const unsigned char *)value.data)[shown] & 0xC0) == 0x80)
            shown--; /* no half characters */
        used = (size_t)snprintf(why, sizeof why, "'%.*s%s'", (int)shown, (const char *)value.data,
                                shown < value.size ? "…" : "");
    }
    va_start(list, format);
    (void)vsnprintf(why + used, sizeof why - used, format, list);
    va_end(list);
    put_place(l, column, where, &place);
    if (l->options.rejects == NULL)
        status = fmt_fail(&l->error, status, "%.*s: %s", (int)place.size, place.data, why);
    else if (l->result.rejected >= l->options.max_rejects)
        status = fmt_fail(
            &l->error, SOMBRA_REJECTED, "more than %llu records are wrong; this one is %.*s: %s",
            (unsigned long long)l->options.max_rejects, (int)place.size, place.data, why);
    else {
        l->result.rejected++;
        status = write_reject(l, column, where, value, why);
    }
    free(place.data);
    return status;
}

sombra_status fmt_broken(fmt_loader *l, sombra_status status, uint64_t column, const char *format,
                         ...)
{
    fmt_buffer place = {0};
    char why[600];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(why, sizeof why, format, list);
    va_end(list);
    put_place(l, column, fmt_text(NULL, 0), &place);
    status = fmt_fail(&l->error, status, "%.*s: %s", (int)place.size, place.data, why);
    free(place.data);
    return status;
}

/* The connection's last error becomes the loader's. */
static sombra_status fail_conn(fmt_loader *l)
{
    const sombra_error *error = sombra_error_of(l->options.conn);

    return fmt_fail(&l->error, error->status, "%s",
                    error->message[0] != '\0' ? error->message : sombra_status_text(error->status));
}

sombra_status fmt_tick(fmt_loader *l, uint64_t done, uint64_t total)
{
    l->result.bytes = done;
    if (l->options.tick != NULL && !l->options.tick(l->options.tick_ctx, done, total))
        return fmt_fail(&l->error, SOMBRA_INTERRUPT, "the import was cancelled");
    return SOMBRA_OK;
}

/* ---- External ids -------------------------------------------------------------------------------------------------- */

static bool is_number(sombra_text text, uint64_t *number)
{
    const char *digits = text.data;

    if (text.size == 0 || text.size > 18 || (digits[0] == '0' && text.size > 1)) return false;
    *number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (digits[i] < '0' || digits[i] > '9') return false;
        *number = 10 * *number + (uint64_t)(digits[i] - '0');
    }
    return true;
}

/* The table of a group of ids. */
static id_table *table_of(fmt_loader *l, sombra_text name)
{
    if (name.size == 0 && l->unnamed != 0) return &l->ids[l->unnamed - 1];
    const uint32_t place = fmt_names_add(&l->group_names, name.data, name.size);
    const size_t before = l->id_capacity;

    if (name.size == 0) l->unnamed = place + 1;
    l->ids = fmt_grow(l->ids, &l->id_capacity, (size_t)place + 1, sizeof *l->ids);
    if (l->id_capacity != before)
        memset(l->ids + before, 0, (l->id_capacity - before) * sizeof *l->ids);
    return &l->ids[place];
}

/* A letter and a number, as "n17", is a number of the letter's own table: so ids are in most files of GraphML. *text: what
 * is looked up in the table. */
static id_table *find_table(fmt_loader *l, const fmt_id *id, sombra_text *text)
{
    const unsigned char *at = id->text.data;
    uint64_t number;

    *text = id->text;
    if (id->group.size != 0 || id->text.size < 2 || at[0] < 'A' || at[0] > 'z' ||
        !is_number(fmt_text((const char *)at + 1, id->text.size - 1), &number))
        return table_of(l, id->group);
    *text = fmt_text((const char *)at + 1, id->text.size - 1);
    uint32_t *place = &l->letters[at[0] - 'A'];
    if (*place == 0) {
        const char name[2] = {'\0', (char)at[0]}; /* no group is called so */
        *place = (uint32_t)(table_of(l, fmt_text(name, 2)) - l->ids) + 1;
    }
    return &l->ids[*place - 1];
}

/* Number of the node with an id, + 1; 0: none. */
static uint64_t find_id(fmt_loader *l, const fmt_id *id)
{
    sombra_text text;
    const id_table *table = find_table(l, id, &text);
    uint64_t number;

    if (is_number(text, &number)) {
        if (number < table->dense_count && table->dense[number] != 0) return table->dense[number];
        return fmt_map_get(&table->sparse, number);
    }
    const uint32_t place = fmt_names_find(&table->texts, text.data, text.size);
    return place == UINT32_MAX ? 0 : table->text_nodes[place];
}

/* Numbers that lie about as densely as there are ids go to an array. */
static void add_id(fmt_loader *l, const fmt_id *id, uint64_t node)
{
    sombra_text text;
    id_table *table = find_table(l, id, &text);
    uint64_t number;

    table->count++;
    if (is_number(text, &number)) {
        const size_t before = table->dense_count;
        if (number >= before && number < 65536 + 8 * table->count) {
            table->dense = fmt_grow(table->dense, &table->dense_count, (size_t)number + 1,
                                    sizeof *table->dense);
            memset(table->dense + before, 0, (table->dense_count - before) * sizeof *table->dense);
        }
        if (number < table->dense_count)
            table->dense[number] = node + 1;
        else
            fmt_map_put(&table->sparse, number, node + 1);
        return;
    }
    const uint32_t place = fmt_names_add(&table->texts, text.data, text.size);
    table->text_nodes = fmt_grow(table->text_nodes, &table->text_capacity, (size_t)place + 1,
                                 sizeof *table->text_nodes);
    table->text_nodes[place] = node + 1;
}

/* ---- Batches ------------------------------------------------------------------------------------------------------------ */

/* Values of one type as the array that the API takes; others as they are. */
static sombra_column pack(fmt_loader *l, const group *g, const prop_column *c)
{
    sombra_column out = {.key = l->key_ids[c->key], .type = SOMBRA_TYPE_NULL, .values = c->values};
    int64_t *integers;
    double *reals;
    sombra_text *texts;

    if (c->present != g->rows) {
        uint8_t *present = fmt_arena_alloc(&l->scratch, (g->rows + 7) / 8);
        memset(present, 0, (g->rows + 7) / 8);
        for (size_t i = 0; i < g->rows; i++)
            if (c->values[i].type != SOMBRA_TYPE_NULL) present[i / 8] |= (uint8_t)(1u << i % 8);
        out.present = present;
    }
    if (c->mixed) return out;
    switch (c->type) {
    case SOMBRA_TYPE_BOOL:
    case SOMBRA_TYPE_INT:
    case SOMBRA_TYPE_DATE:
    case SOMBRA_TYPE_LOCAL_TIME:
        integers = fmt_arena_alloc(&l->scratch, g->rows * sizeof *integers);
        for (size_t i = 0; i < g->rows; i++)
            integers[i] = c->type == SOMBRA_TYPE_BOOL ? (int64_t)c->values[i].as.boolean
                                                      : c->values[i].as.integer;
        out.integers = integers;
        break;
    case SOMBRA_TYPE_FLOAT:
        reals = fmt_arena_alloc(&l->scratch, g->rows * sizeof *reals);
        for (size_t i = 0; i < g->rows; i++)
            reals[i] = c->values[i].as.real;
        out.reals = reals;
        break;
    case SOMBRA_TYPE_STRING:
    case SOMBRA_TYPE_BYTES:
        texts = fmt_arena_alloc(&l->scratch, g->rows * sizeof *texts);
        for (size_t i = 0; i < g->rows; i++)
            texts[i] = (sombra_text){c->values[i].as.bytes.data, c->values[i].as.bytes.size};
        out.texts = texts;
        break;
    default: return out;
    }
    out.type = c->type;
    out.values = NULL;
    return out;
}

static sombra_status create(fmt_loader *l, const group *g, const sombra_column *columns,
                            size_t column_count)
{
    const sombra_column *given = column_count == 0 ? NULL : columns;

    if (!g->is_rel) {
        uint64_t *ids = fmt_arena_alloc(&l->scratch, g->rows * sizeof *ids);
        if (sombra_create_nodes(l->txn, g->names, g->name_count, g->rows, given, column_count,
                                ids) != SOMBRA_OK)
            return SOMBRA_INVALID;
        for (size_t i = 0; i < g->rows; i++)
            l->nodes[g->ends[0][i]] = ids[i];
        return SOMBRA_OK;
    }
    for (unsigned end = 0; end < 2; end++)
        for (size_t i = 0; i < g->rows; i++)
            g->ends[end][i] = l->nodes[g->ends[end][i]];
    return sombra_create_rels(l->txn, g->names[0], g->rows, g->ends[0], g->ends[1], given,
                              column_count, NULL);
}

/* Forget the batch. keep: its arrays serve the next one. */
static void empty_group(fmt_loader *l, group *g, bool keep)
{
    l->held_bytes -= g->arena.bytes + g->array_bytes;
    for (size_t i = 0; i < g->used_count; i++) {
        prop_column *c = &g->columns[g->used[i]];
        memset(c->values, 0, (g->rows < c->capacity ? g->rows : c->capacity) * sizeof *c->values);
        c->present = 0;
        c->type = SOMBRA_TYPE_NULL;
        c->mixed = false;
    }
    g->used_count = g->rows = 0;
    for (size_t i = 0; i < g->column_count && !keep; i++) {
        free(g->columns[i].values);
        g->columns[i].values = NULL;
        g->columns[i].capacity = 0;
    }
    if (keep) {
        fmt_arena_reset(&g->arena);
    } else {
        fmt_arena_free(&g->arena);
        for (unsigned end = 0; end < 2; end++) {
            free(g->ends[end]);
            g->ends[end] = NULL;
            g->end_capacity[end] = 0;
        }
        g->array_bytes = 0;
    }
    l->held_bytes += g->arena.bytes + g->array_bytes;
}

/* Values of a column for so many rows; new ones are absent. */
static void room_for(fmt_loader *l, group *g, prop_column *c, size_t rows)
{
    const size_t before = c->capacity;

    if (before >= rows) return;
    c->values = fmt_grow(c->values, &c->capacity, rows, sizeof *c->values);
    memset(c->values + before, 0, (c->capacity - before) * sizeof *c->values);
    g->array_bytes += (c->capacity - before) * sizeof *c->values;
    l->held_bytes += (c->capacity - before) * sizeof *c->values;
}

static sombra_status write_nodes(fmt_loader *l);

static sombra_status write_group(fmt_loader *l, group *g, bool keep)
{
    const size_t rows = g->rows;

    if (rows == 0) return SOMBRA_OK;
    if (g->is_rel && l->unwritten_nodes != 0 && write_nodes(l) != SOMBRA_OK) return l->error.status;
    if (!l->options.dry_run) {
        fmt_arena_reset(&l->scratch);
        sombra_column *columns =
            fmt_arena_alloc(&l->scratch, (g->used_count + 1) * sizeof *columns);
        for (size_t i = 0; i < g->used_count; i++) {
            prop_column *c = &g->columns[g->used[i]];
            room_for(l, g, c, rows); /* the last rows may lack it */
            columns[i] = pack(l, g, c);
        }
        if (create(l, g, columns, g->used_count) != SOMBRA_OK) {
            const sombra_error *error = sombra_error_of(l->options.conn);
            return fmt_fail(&l->error, error->status, "%s, lines %llu to %llu: %s", l->path,
                            (unsigned long long)g->first_line, (unsigned long long)l->line,
                            error->message);
        }
    } else if (!g->is_rel) {
        for (size_t i = 0; i < rows; i++)
            l->nodes[g->ends[0][i]] = 1;
    }
    if (!g->is_rel) l->unwritten_nodes -= rows;
    empty_group(l, g, keep);
    return SOMBRA_OK;
}

static sombra_status write_nodes(fmt_loader *l)
{
    for (size_t i = 0; i < l->group_count; i++)
        if (!l->groups[i].is_rel &&
            write_group(l, &l->groups[i], l->group_count <= 64) != SOMBRA_OK)
            return l->error.status;
    return SOMBRA_OK;
}

static sombra_status write_all(fmt_loader *l, bool keep)
{
    if (write_nodes(l) != SOMBRA_OK) return l->error.status;
    for (size_t i = 0; i < l->group_count; i++) {
        if (write_group(l, &l->groups[i], keep) != SOMBRA_OK) return l->error.status;
        if (!keep) empty_group(l, &l->groups[i], false);
    }
    return SOMBRA_OK;
}

static sombra_status begin(fmt_loader *l)
{
    l->in_transaction = 0;
    return sombra_begin(l->options.conn, SOMBRA_WRITE, &l->txn) == SOMBRA_OK ? SOMBRA_OK
                                                                             : fail_conn(l);
}

static sombra_status commit(fmt_loader *l)
{
    sombra_txn *txn = l->txn;

    l->txn = NULL;
    if (l->options.dry_run) {
        sombra_rollback(txn);
        return SOMBRA_OK;
    }
    if (sombra_commit(txn) != SOMBRA_OK) return fail_conn(l);
    l->result.commits++;
    return SOMBRA_OK;
}

sombra_status fmt_loader_commit(fmt_loader *l)
{
    if (l->options.dry_run) return SOMBRA_OK;
    return write_all(l, true) != SOMBRA_OK || commit(l) != SOMBRA_OK ? l->error.status : begin(l);
}

void fmt_count(fmt_loader *l, uint64_t nodes, uint64_t rels, uint64_t properties)
{
    l->result.nodes += nodes;
    l->result.rels += rels;
    l->result.properties += properties;
}

void fmt_note(const fmt_loader *l, const char *text)
{
    if (!l->options.quiet)
        fprintf(stderr, "sombra: %s, line %llu: %s\n", l->path, (unsigned long long)l->line, text);
}

/* A record has been taken. */
static sombra_status taken(fmt_loader *l, group *g)
{
    if (g->rows >= BATCH_ROWS || g->arena.bytes > BATCH_BYTES) {
        if (write_group(l, g, true) != SOMBRA_OK) return l->error.status;
    }
    if (l->held_bytes > HELD_BYTES && write_all(l, false) != SOMBRA_OK) return l->error.status;
    return ++l->in_transaction != l->options.batch ? SOMBRA_OK : fmt_loader_commit(l);
}

/* ---- Records to rows ------------------------------------------------------------------------------------------------------ */

/* SOMBRA_DONE: the record has been rejected. */
static sombra_status reject(sombra_status status)
{
    return status == SOMBRA_OK ? SOMBRA_DONE : status;
}

static sombra_status key_of(fmt_loader *l, sombra_text name, uint32_t *key)
{
    const size_t before = l->keys.count;

    *key = fmt_names_find(&l->keys, name.data, name.size);
    if (*key != UINT32_MAX) return SOMBRA_OK;
    uint32_t id;
    if (sombra_name_intern(l->txn, SOMBRA_KEY, name.size == 0 ? "" : name.data, name.size, &id) !=
        SOMBRA_OK) {
        const sombra_error *error = sombra_error_of(l->options.conn);
        if (error->status != SOMBRA_INVALID && error->status != SOMBRA_LIMIT) return fail_conn(l);
        return reject(fmt_bad(l, error->status, 0, fmt_text(NULL, 0), name,
                              " as a property's name: %s", error->message));
    }
    l->key_ids = fmt_grow(l->key_ids, &l->key_capacity, before + 1, sizeof *l->key_ids);
    l->key_ids[before] = id;
    *key = fmt_names_add(&l->keys, name.data, name.size);
    return SOMBRA_OK;
}

static bool is_column(const fmt_loader *l, const prop_column *c, sombra_text name)
{
    const sombra_text own = l->keys.texts[c->key];

    return own.size == name.size && (own.size == 0 || memcmp(own.data, name.data, own.size) == 0);
}

static sombra_status column_of(fmt_loader *l, group *g, sombra_text name, size_t *place)
{
    uint32_t key;

    *place = g->hint;
    if (*place >= g->column_count || !is_column(l, &g->columns[*place], name)) {
        const sombra_status status = key_of(l, name, &key);
        if (status != SOMBRA_OK) return status;
        if (g->column_count > FEW_COLUMNS)
            *place = (size_t)fmt_map_get(&g->by_key, (uint64_t)key + 1) - 1;
        else
            for (*place = 0; *place < g->column_count && g->columns[*place].key != key;)
                ++*place;
        if (*place >= g->column_count) {
            g->columns =
                fmt_grow(g->columns, &g->column_capacity, g->column_count + 1, sizeof *g->columns);
            *place = g->column_count++;
            g->columns[*place] = (prop_column){
                .key = key,
            };
            if (g->column_count == FEW_COLUMNS + 1)
                for (size_t i = 0; i < *place; i++)
                    fmt_map_put(&g->by_key, (uint64_t)g->columns[i].key + 1, i + 1);
            if (g->column_count > FEW_COLUMNS)
                fmt_map_put(&g->by_key, (uint64_t)key + 1, *place + 1);
        }
    }
    g->hint = *place + 1;
    return SOMBRA_OK;
}

/* A list as a property holds values of any storable type, but no nulls and no lists. */
static sombra_status check_value(fmt_loader *l, sombra_text name, const sombra_value *value)
{
    if (value->type > SOMBRA_TYPE_LIST)
        return reject(fmt_bad(l, SOMBRA_TYPE_MISMATCH, 0, name, fmt_text(NULL, 0),
                              "a %s is no property", sombra_type_name(value->type)));
    if ((value->type == SOMBRA_TYPE_STRING || value->type == SOMBRA_TYPE_BYTES) &&
        value->as.bytes.size > INT32_MAX)
        return reject(fmt_bad(l, SOMBRA_LIMIT, 0, name, fmt_text(NULL, 0),
                              "a value of more than 2,147,483,647 bytes"));
    for (size_t i = 0; value->type == SOMBRA_TYPE_LIST && i < value->as.list.count; i++)
        if (value->as.list.items[i].type == SOMBRA_TYPE_NULL ||
            value->as.list.items[i].type >= SOMBRA_TYPE_LIST)
            return reject(fmt_bad(l, SOMBRA_TYPE_MISMATCH, 0, name, fmt_text(NULL, 0),
                                  "a list that holds a %s is no property",
                                  value->as.list.items[i].type == SOMBRA_TYPE_NULL
                                      ? "null"
                                      : sombra_type_name(value->as.list.items[i].type)));
    return SOMBRA_OK;
}

/* Columns of all properties, before any is entered: a record is taken whole or not at all. */
static sombra_status place_props(fmt_loader *l, group *g, const fmt_prop *props, size_t count,
                                 size_t *places)
{
    l->record++;
    g->hint = 0;
    for (size_t i = 0; i < count; i++) {
        sombra_status status;
        if (props[i].value.type == SOMBRA_TYPE_NULL) continue;
        if ((status = check_value(l, props[i].key, &props[i].value)) != SOMBRA_OK ||
            (status = column_of(l, g, props[i].key, &places[i])) != SOMBRA_OK)
            return status;
        if (g->columns[places[i]].last_record == l->record)
            return reject(fmt_bad(l, SOMBRA_SYNTAX, 0, props[i].key, fmt_text(NULL, 0),
                                  "the property is there twice"));
        g->columns[places[i]].last_record = l->record;
    }
    /* A wide record behind many narrow ones would need a row of all its columns for each of these. */
    if ((g->rows + 1) * (g->used_count + count) > CELLS_MAX) return write_group(l, g, true);
    return SOMBRA_OK;
}

static void put_value(fmt_loader *l, group *g, prop_column *c, const sombra_value *value)
{
    room_for(l, g, c, g->rows + 1);
    c->values[g->rows] = fmt_value_copy(&g->arena, value);
    if (c->present++ == 0) {
        c->type = value->type;
        g->used = fmt_grow(g->used, &g->used_capacity, g->used_count + 1, sizeof *g->used);
        g->used[g->used_count++] = (size_t)(c - g->columns);
    } else {
        c->mixed = c->mixed || c->type != value->type;
    }
    c->kinds[value->type]++;
    l->result.properties++;
}

static void put_row(fmt_loader *l, group *g, const fmt_prop *props, size_t count,
                    const size_t *places, const uint64_t *ends)
{
    const size_t before = g->arena.bytes;

    if (g->rows == 0) g->first_line = l->line;
    for (unsigned end = 0; end < (g->is_rel ? 2u : 1u); end++) {
        const size_t had = g->end_capacity[end];
        g->ends[end] = fmt_grow(g->ends[end], &g->end_capacity[end], g->rows + 1, sizeof **g->ends);
        g->ends[end][g->rows] = ends[end];
        g->array_bytes += (g->end_capacity[end] - had) * sizeof **g->ends;
        l->held_bytes += (g->end_capacity[end] - had) * sizeof **g->ends;
    }
    for (size_t i = 0; i < count; i++)
        if (props[i].value.type != SOMBRA_TYPE_NULL)
            put_value(l, g, &g->columns[places[i]], &props[i].value);
    g->rows++;
    g->total++;
    l->held_bytes += g->arena.bytes - before;
}

/* ---- Groups ----------------------------------------------------------------------------------------------------------------- */

static sombra_status intern(fmt_loader *l, sombra_name_kind kind, sombra_text name, uint32_t *id)
{
    if (sombra_name_intern(l->txn, kind, name.size == 0 ? "" : name.data, name.size, id) ==
        SOMBRA_OK)
        return SOMBRA_OK;
    const sombra_error *error = sombra_error_of(l->options.conn);
    if (error->status != SOMBRA_INVALID && error->status != SOMBRA_LIMIT) return fail_conn(l);
    return reject(fmt_bad(l, error->status, 0, fmt_text(NULL, 0), name, " as %s: %s",
                          kind == SOMBRA_LABEL ? "a label" : "a relationship type",
                          error->message));
}

/* Sizes and texts, one behind the other: a key of the set. */
static void put_set(fmt_buffer *out, bool is_rel, const sombra_text *names, size_t count)
{
    out->size = 0;
    fmt_put(out, is_rel ? "r" : "n", 1);
    for (size_t i = 0; i < count; i++) {
        const uint32_t size = (uint32_t)names[i].size;
        fmt_put(out, &size, sizeof size);
        fmt_put(out, names[i].data, names[i].size);
    }
}

static sombra_status make_group(fmt_loader *l, bool is_rel, const sombra_text *names, size_t count)
{
    group made = {.is_rel = is_rel};
    fmt_buffer caption = {0};
    sombra_status status = SOMBRA_OK;

    made.names = fmt_need(calloc(count + 1, sizeof *made.names));
    for (size_t i = 0; i < count && status == SOMBRA_OK; i++) {
        bool known = false;
        status =
            intern(l, is_rel ? SOMBRA_TYPE : SOMBRA_LABEL, names[i], &made.names[made.name_count]);
        for (size_t j = 0; j < made.name_count; j++)
            known = known || made.names[j] == made.names[made.name_count];
        if (status != SOMBRA_OK || known) continue;
        if (!is_rel) fmt_put(&caption, ":", 1);
        fmt_put(&caption, names[i].data, names[i].size);
        made.name_count++;
    }
    if (status == SOMBRA_OK) {
        made.caption = fmt_arena_text(&l->set_texts.arena, caption.data, caption.size);
        l->groups = fmt_grow(l->groups, &l->group_capacity, l->group_count + 1, sizeof *l->groups);
        l->groups[l->group_count++] = made;
    } else {
        free(made.names);
    }
    free(caption.data);
    return status;
}

static sombra_status group_of(fmt_loader *l, bool is_rel, const sombra_text *names, size_t count,
                              size_t *place)
{
    put_set(&l->set_text, is_rel, names, count);
    if (l->last_set < l->set_texts.count) {
        const sombra_text last = l->set_texts.texts[l->last_set];
        if (last.size == l->set_text.size && memcmp(last.data, l->set_text.data, last.size) == 0) {
            *place = l->last_set;
            return SOMBRA_OK;
        }
    }
    uint32_t found = fmt_names_find(&l->set_texts, l->set_text.data, l->set_text.size);
    if (found == UINT32_MAX) {
        if (!is_rel && count > 26112)
            return reject(fmt_bad(l, SOMBRA_LIMIT, 0, fmt_text(NULL, 0), fmt_text(NULL, 0),
                                  "a node has at most 26,112 labels"));
        const sombra_status status = make_group(l, is_rel, names, count);
        if (status != SOMBRA_OK) return status;
        found = fmt_names_add(&l->set_texts, l->set_text.data, l->set_text.size);
    }
    *place = l->last_set = found;
    return SOMBRA_OK;
}

/* ---- Nodes --------------------------------------------------------------------------------------------------------------------- */

/* SOMBRA_DONE is what callers need not know: the record has been dealt with. */
static sombra_status outcome(sombra_status status)
{
    return status == SOMBRA_DONE ? SOMBRA_OK : status;
}

static sombra_status load_node(fmt_loader *l, const fmt_node *node)
{
    const sombra_text given =
        fmt_text(l->options.label, l->options.label == NULL ? 0 : strlen(l->options.label));
    const bool unlabeled = node->label_count == 0 && given.size != 0;
    sombra_status status;
    size_t place;

    if (node->has_id && find_id(l, &node->id) != 0) {
        if (l->options.skip_duplicate_ids) {
            l->result.skipped++;
            return SOMBRA_DONE;
        }
        return reject(fmt_bad(l, SOMBRA_EXISTS, 0, fmt_text("id", 2), node->id.text,
                              " is the id of an earlier node%s%.*s",
                              node->id.group.size != 0 ? " in group " : "",
                              (int)(node->id.group.size < 60 ? node->id.group.size : 60),
                              node->id.group.size != 0 ? (const char *)node->id.group.data : ""));
    }
    if ((status = group_of(l, false, unlabeled ? &given : node->labels,
                           unlabeled ? 1 : node->label_count, &place)) != SOMBRA_OK)
        return status;
    fmt_arena_reset(&l->row_scratch);
    size_t *places = fmt_arena_alloc(&l->row_scratch, (node->prop_count + 1) * sizeof *places);
    if ((status = place_props(l, &l->groups[place], node->props, node->prop_count, places)) !=
        SOMBRA_OK)
        return status;
    const uint64_t number = l->node_count;
    l->nodes = fmt_grow(l->nodes, &l->node_capacity, l->node_count + 1, sizeof *l->nodes);
    l->nodes[l->node_count++] = 0;
    l->unwritten_nodes++;
    if (node->has_id) add_id(l, &node->id, number);
    put_row(l, &l->groups[place], node->props, node->prop_count, places, &number);
    l->result.nodes++;
    return taken(l, &l->groups[place]);
}

sombra_status fmt_load_node(fmt_loader *l, const fmt_node *node)
{
    return outcome(load_node(l, node));
}

/* ---- Relationships ----------------------------------------------------------------------------------------------------------------- */

static void pack_bytes(fmt_buffer *out, const void *data, size_t bytes)
{
    const uint64_t size = bytes;

    fmt_put(out, &size, sizeof size);
    fmt_put(out, data, bytes);
}

static void pack_value(fmt_buffer *out, const sombra_value *value)
{
    fmt_put(out, value, sizeof *value);
    if (value->type == SOMBRA_TYPE_STRING || value->type == SOMBRA_TYPE_BYTES)
        fmt_put(out, value->as.bytes.data, value->as.bytes.size);
    else if (value->type == SOMBRA_TYPE_DATETIME)
        fmt_put(out, value->as.datetime.zone, value->as.datetime.zone_size);
    else if (value->type == SOMBRA_TYPE_LIST)
        for (size_t i = 0; i < value->as.list.count; i++)
            pack_value(out, &value->as.list.items[i]); /* items are no lists: check_value */
}

/* A relationship into the temporary file, with its place. */
static sombra_status put_aside(fmt_loader *l, const fmt_rel *rel)
{
    fmt_buffer *out = &l->packed;
    const uint64_t count = rel->prop_count;

    out->size = 0;
    fmt_put(out, &l->line, sizeof l->line);
    pack_bytes(out, l->path, strlen(l->path) + 1);
    pack_bytes(out, l->raw, l->options.rejects == NULL || l->raw == NULL ? 0 : l->raw_bytes);
    pack_bytes(out, rel->type.data, rel->type.size);
    for (unsigned end = 0; end < 2; end++) {
        pack_bytes(out, rel->ends[end].group.data, rel->ends[end].group.size);
        pack_bytes(out, rel->ends[end].text.data, rel->ends[end].text.size);
    }
    fmt_put(out, &count, sizeof count);
    for (size_t i = 0; i < rel->prop_count; i++) {
        pack_bytes(out, rel->props[i].key.data, rel->props[i].key.size);
        pack_value(out, &rel->props[i].value);
    }
    const uint64_t size = out->size;
    if (l->waiting == NULL) l->waiting = tmpfile();
    if (l->waiting == NULL || fwrite(&size, sizeof size, 1, l->waiting) != 1 ||
        fwrite(out->data, 1, out->size, l->waiting) != out->size)
        return fmt_fail(&l->error, SOMBRA_IO, "a temporary file: %s", strerror(errno));
    l->waiting_count++;
    return SOMBRA_OK;
}

static sombra_status missing_end(fmt_loader *l, const fmt_rel *rel, unsigned end)
{
    const fmt_id *id = &rel->ends[end];

    if (l->options.skip_missing_endpoints) {
        l->result.skipped++;
        return SOMBRA_DONE;
    }
    return reject(fmt_bad(
        l, SOMBRA_NOT_FOUND, 0, end == 0 ? fmt_text("start", 5) : fmt_text("end", 3), id->text,
        "%s is the id of no node%s%.*s", id->text.size == 0 ? "an empty text" : "",
        id->group.size != 0 ? " in group " : "", (int)(id->group.size < 60 ? id->group.size : 60),
        id->group.size != 0 ? (const char *)id->group.data : ""));
}

static sombra_status load_rel(fmt_loader *l, const fmt_rel *given, bool last)
{
    fmt_rel rel = *given;
    uint64_t ends[2];
    sombra_status status;
    size_t place;

    if (rel.type.size == 0 && l->options.type != NULL)
        rel.type = fmt_text(l->options.type, strlen(l->options.type));
    if (rel.type.size == 0)
        return reject(fmt_bad(l, SOMBRA_SYNTAX, 0, fmt_text(NULL, 0), fmt_text(NULL, 0),
                              "the relationship has no type"));
    for (unsigned end = 0; end < 2; end++) {
        ends[end] = find_id(l, &rel.ends[end]) - 1;
        if (ends[end] != NONE) continue;
        if (last) return missing_end(l, &rel, end);
        for (size_t i = 0; i < rel.prop_count; i++)
            if ((status = check_value(l, rel.props[i].key, &rel.props[i].value)) != SOMBRA_OK)
                return status;
        return put_aside(l, &rel);
    }
    if ((status = group_of(l, true, &rel.type, 1, &place)) != SOMBRA_OK) return status;
    fmt_arena_reset(&l->row_scratch);
    size_t *places = fmt_arena_alloc(&l->row_scratch, (rel.prop_count + 1) * sizeof *places);
    if ((status = place_props(l, &l->groups[place], rel.props, rel.prop_count, places)) !=
        SOMBRA_OK)
        return status;
    put_row(l, &l->groups[place], rel.props, rel.prop_count, places, ends);
    l->result.rels++;
    return taken(l, &l->groups[place]);
}

sombra_status fmt_load_rel(fmt_loader *l, const fmt_rel *rel)
{
    return outcome(load_rel(l, rel, false));
}

/* ---- Relationships that waited ------------------------------------------------------------------------------------------------------- */

/* What put_aside wrote: our own bytes. */
typedef struct unpacking {
    const char *at;
    fmt_arena *arena;
} unpacking;

static void take(unpacking *u, void *out, size_t bytes)
{
    memcpy(out, u->at, bytes);
    u->at += bytes;
}

static sombra_text take_bytes(unpacking *u)
{
    uint64_t size;

    take(u, &size, sizeof size);
    const sombra_text text = fmt_text(u->at, (size_t)size);
    u->at += size;
    return text;
}

static sombra_value take_value(unpacking *u)
{
    sombra_value value;

    take(u, &value, sizeof value);
    if (value.type == SOMBRA_TYPE_STRING || value.type == SOMBRA_TYPE_BYTES) {
        value.as.bytes.data = u->at;
        u->at += value.as.bytes.size;
    } else if (value.type == SOMBRA_TYPE_DATETIME) {
        value.as.datetime.zone = value.as.datetime.zone_size == 0 ? NULL : u->at;
        u->at += value.as.datetime.zone_size;
    } else if (value.type == SOMBRA_TYPE_LIST) {
        sombra_value *items = fmt_arena_alloc(u->arena, value.as.list.count * sizeof *items);
        for (size_t i = 0; i < value.as.list.count; i++)
            items[i] = take_value(u);
        value.as.list.items = items;
    }
    return value;
}

static sombra_status load_waiting(fmt_loader *l, fmt_arena *arena)
{
    unpacking u = {.at = l->packed.data, .arena = arena};
    fmt_rel rel = {0};
    uint64_t count, line;

    take(&u, &line, sizeof line);
    const sombra_text path = take_bytes(&u), raw = take_bytes(&u);
    rel.type = take_bytes(&u);
    for (unsigned end = 0; end < 2; end++) {
        rel.ends[end].group = take_bytes(&u);
        rel.ends[end].text = take_bytes(&u);
    }
    take(&u, &count, sizeof count);
    fmt_prop *props = fmt_arena_alloc(arena, ((size_t)count + 1) * sizeof *props);
    for (size_t i = 0; i < count; i++) {
        props[i].key = take_bytes(&u);
        props[i].value = take_value(&u);
    }
    rel.props = props;
    rel.prop_count = (size_t)count;
    fmt_at(l, path.data, line, raw.size == 0 ? NULL : raw.data, raw.size);
    return outcome(load_rel(l, &rel, true));
}

static sombra_status load_all_waiting(fmt_loader *l)
{
    fmt_arena arena = {0};
    sombra_status status = SOMBRA_OK;

    if (l->waiting == NULL) return SOMBRA_OK;
    rewind(l->waiting);
    for (uint64_t i = 0; i < l->waiting_count && status == SOMBRA_OK; i++) {
        uint64_t size;
        fmt_arena_reset(&arena);
        l->packed.size = 0;
        if (fread(&size, sizeof size, 1, l->waiting) == 1 && size < SIZE_MAX / 2) {
            if (size > l->packed.capacity)
                l->packed.data = fmt_grow(l->packed.data, &l->packed.capacity, (size_t)size, 1);
            l->packed.size = fread(l->packed.data, 1, (size_t)size, l->waiting);
        }
        if (l->packed.size == 0 || l->packed.size != size)
            status = fmt_fail(&l->error, SOMBRA_IO, "a temporary file could not be read back");
        else
            status = load_waiting(l, &arena);
        if (status == SOMBRA_OK && i % 4096 == 0) status = fmt_tick(l, l->result.bytes, 0);
    }
    fmt_arena_free(&arena);
    return status;
}

/* ---- Indexes and constraints ------------------------------------------------------------------------------------------------------------- */

typedef struct schema_copy {
    fmt_schema schema; /* in schema_arena */
    const char *path;
    uint64_t line;
} schema_copy;

static const sombra_text *copy_texts(fmt_arena *arena, const sombra_text *from, size_t count)
{
    sombra_text *made = fmt_arena_alloc(arena, (count + 1) * sizeof *made);

    for (size_t i = 0; i < count; i++)
        made[i] = fmt_arena_text(arena, from[i].data, from[i].size);
    return made;
}

sombra_status fmt_load_schema(fmt_loader *l, const fmt_schema *schema)
{
    fmt_arena *arena = &l->schema_arena;
    schema_copy copy = {.schema = *schema, .path = l->path, .line = l->line};

    copy.schema.kind = fmt_arena_text(arena, schema->kind.data, schema->kind.size);
    copy.schema.name = fmt_arena_text(arena, schema->name.data, schema->name.size);
    copy.schema.on = fmt_arena_text(arena, schema->on.data, schema->on.size);
    copy.schema.keys = copy_texts(arena, schema->keys, schema->key_count);
    copy.schema.types = copy_texts(arena, schema->types, schema->type_count);
    copy.path = fmt_arena_text(arena, l->path, strlen(l->path)).data;
    l->schemas = fmt_grow(l->schemas, &l->schema_capacity, l->schema_count + 1, sizeof *l->schemas);
    l->schemas[l->schema_count++] = copy;
    return SOMBRA_OK;
}

static const char *const schema_kinds[] = {"index",  "unique", "node-key",
                                           "exists", "typed",  "no-label-index"};

/* Bit of a type by its name in messages: "INTEGER", "LOCAL DATETIME". 0: none. */
static uint32_t type_bit(sombra_text name)
{
    for (uint32_t type = SOMBRA_TYPE_BOOL; type <= SOMBRA_TYPE_LIST; type++)
        if (fmt_is(name, sombra_type_name(type))) return 1u << type;
    return 0;
}

static sombra_status drop_label_index(fmt_loader *l, uint32_t label)
{
    const sombra_schema like = {.kind = SOMBRA_LABEL_INDEX, .entity = label};
    sombra_schema schema;
    bool more = true;

    for (size_t i = 0;; i++) {
        if (sombra_schema_at(l->txn, i, &schema, &more) != SOMBRA_OK) return fail_conn(l);
        if (!more) return SOMBRA_OK;
        if (schema.kind == like.kind && schema.entity == like.entity)
            return sombra_schema_drop(l->txn, schema.id) == SOMBRA_OK ? SOMBRA_OK : fail_conn(l);
    }
}

static sombra_status make_schema(fmt_loader *l, const fmt_schema *from)
{
    sombra_schema made = {.on_rels = from->on_rels,
                          .key_count = from->key_count,
                          .name = from->name.size == 0 ? NULL : from->name.data,
                          .name_size = from->name.size};
    uint32_t keys[16], id;
    size_t kind = 0;

    while (kind < sizeof schema_kinds / sizeof *schema_kinds &&
           !fmt_is(from->kind, schema_kinds[kind]))
        kind++;
    if (kind == sizeof schema_kinds / sizeof *schema_kinds)
        return fmt_broken(l, SOMBRA_SYNTAX, 0, "'%.*s' is no kind of index or constraint",
                          (int)(from->kind.size < 60 ? from->kind.size : 60),
                          (const char *)from->kind.data);
    made.kind = (sombra_schema_kind)(kind + 1);
    if (from->key_count > sizeof keys / sizeof *keys)
        return fmt_broken(l, SOMBRA_LIMIT, 0, "an index or constraint has at most 16 keys");
    if (sombra_name_intern(l->txn, from->on_rels ? SOMBRA_TYPE : SOMBRA_LABEL, from->on.data,
                           from->on.size, &made.entity) != SOMBRA_OK)
        return fail_conn(l);
    if (made.kind == SOMBRA_LABEL_INDEX) return drop_label_index(l, made.entity);
    for (size_t i = 0; i < from->key_count; i++)
        if (sombra_name_intern(l->txn, SOMBRA_KEY, from->keys[i].data, from->keys[i].size,
                               &keys[i]) != SOMBRA_OK)
            return fail_conn(l);
    made.keys = keys;
    for (size_t i = 0; i < from->type_count; i++) {
        const uint32_t bit = type_bit(from->types[i]);
        if (bit == 0)
            return fmt_broken(l, SOMBRA_SYNTAX, 0, "'%.*s' is no type",
                              (int)(from->types[i].size < 60 ? from->types[i].size : 60),
                              (const char *)from->types[i].data);
        made.value_types |= bit;
    }
    if (sombra_schema_create(l->txn, &made, &id) == SOMBRA_OK) return SOMBRA_OK;
    const sombra_error *error = sombra_error_of(l->options.conn);
    return fmt_broken(l, error->status, 0, "%s", error->message);
}

static sombra_status make_schemas(fmt_loader *l)
{
    if (l->options.dry_run) {
        l->result.schemas = l->schema_count;
        return SOMBRA_OK;
    }
    for (size_t i = 0; i < l->schema_count; i++) {
        fmt_at(l, l->schemas[i].path, l->schemas[i].line, NULL, 0);
        if (make_schema(l, &l->schemas[i].schema) != SOMBRA_OK) return l->error.status;
        l->result.schemas++;
    }
    return SOMBRA_OK;
}

/* ---- Values ----------------------------------------------------------------------------------------------------------------- */

bool fmt_value_of(fmt_loader *l, fmt_arena *arena, const char *type, sombra_text text,
                  sombra_value *value, const char **why)
{
    sombra_value made;

    if (strcmp(type, "string") == 0) {
        *value = sombra_string(text.data, text.size);
        return true;
    }
    if (sombra_value_from_text(l->txn, type, text.size == 0 ? "" : text.data, text.size, &made) !=
        SOMBRA_OK) {
        *why = sombra_error_of(l->options.conn)->message;
        return false;
    }
    *value = fmt_value_copy(arena, &made);
    return true;
}

/* ---- The whole load -------------------------------------------------------------------------------------------------------------- */

fmt_loader *fmt_loader_open(const fmt_options *options, fmt_error *error)
{
    fmt_loader *l = fmt_need(calloc(1, sizeof *l));

    l->options = *options;
    l->path = "";
    l->last_set = UINT32_MAX;
    if (begin(l) != SOMBRA_OK) {
        *error = l->error;
        fmt_loader_close(l, NULL);
        return NULL;
    }
    return l;
}

sombra_status fmt_loader_finish(fmt_loader *l, fmt_result *result)
{
    if (l->error.status == SOMBRA_OK && load_all_waiting(l) == SOMBRA_OK &&
        write_all(l, false) == SOMBRA_OK && make_schemas(l) == SOMBRA_OK)
        (void)commit(l);
    *result = l->result;
    return l->error.status;
}

void fmt_loader_survey(const fmt_loader *l, FILE *out)
{
    for (size_t i = 0; i < l->group_count; i++) {
        const group *g = &l->groups[i];
        if (g->total == 0) continue;
        fprintf(out, "%s %.*s: %llu\n", g->is_rel ? "relationships" : "nodes", (int)g->caption.size,
                g->caption.size == 0 ? "" : (const char *)g->caption.data,
                (unsigned long long)g->total);
        for (size_t j = 0; j < g->column_count; j++) {
            const prop_column *c = &g->columns[j];
            const sombra_text key = l->keys.texts[c->key];
            bool first = true;
            for (uint32_t kind = 0; kind < KINDS; kind++) {
                if (c->kinds[kind] == 0) continue;
                if (first) fprintf(out, "    %.*s: ", (int)key.size, (const char *)key.data);
                fprintf(out, "%s%s (%llu)", first ? "" : ", ", sombra_type_name(kind),
                        (unsigned long long)c->kinds[kind]);
                first = false;
            }
            if (!first) fputc('\n', out);
        }
    }
}

void fmt_loader_close(fmt_loader *l, fmt_result *result)
{
    if (result != NULL) *result = l->result;
    sombra_rollback(l->txn);
    for (size_t i = 0; i < l->group_count; i++) {
        group *g = &l->groups[i];
        for (size_t j = 0; j < g->column_count; j++)
            free(g->columns[j].values);
        free(g->columns);
        free(g->used);
        free(g->names);
        free(g->ends[0]);
        free(g->ends[1]);
        fmt_map_free(&g->by_key);
        fmt_arena_free(&g->arena);
    }
    for (size_t i = 0; i < l->id_capacity; i++) {
        free(l->ids[i].dense);
        free(l->ids[i].text_nodes);
        fmt_map_free(&l->ids[i].sparse);
        fmt_names_free(&l->ids[i].texts);
    }
    free(l->groups);
    free(l->ids);
    free(l->nodes);
    free(l->key_ids);
    free(l->set_text.data);
    free(l->packed.data);
    free(l->schemas);
    fmt_names_free(&l->keys);
    fmt_names_free(&l->set_texts);
    fmt_names_free(&l->group_names);
    fmt_arena_free(&l->scratch);
    fmt_arena_free(&l->row_scratch);
    fmt_arena_free(&l->schema_arena);
    if (l->waiting != NULL) (void)fclose(l->waiting);
    free(l);
}
