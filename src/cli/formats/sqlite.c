/* sqlite.c — a SQLite file: tables and foreign keys become nodes and relationships, as a mapping says. One is proposed from the schema and
 * the values (docs/IMPORT.md has the rules), printed as JSON, and can be given back changed.
 * A row of a table is "line" so and so in messages. */
#include "cli/formats/json_priv.h"

#include <stdlib.h>
#include <string.h>

#if !defined(HAVE_SQLITE3)

sombra_status fmt_read_sqlite(fmt_loader *loader, const char *path)
{
    fmt_at(loader, path, 1, NULL, 0);
    return fmt_broken(loader, SOMBRA_UNSUPPORTED, 0,
                      "this build has no SQLite (Debian: libsqlite3-dev)");
}

#else

#include <ctype.h>
#include <sqlite3.h>

#define MAPPING_BYTES ((size_t)64 << 20)
#define PROBED_ROWS   10000 /* whose values decide about a proposed type */
#define JOIN_EXTRAS   3u    /* columns beside keys that a table of relationships may have */

typedef struct texts {
    sombra_text *items;
    size_t count, capacity;
} texts;

typedef struct column_map {
    sombra_text column, key;
    char type[24]; /* "": what SQLite stores */
} column_map;
typedef struct columns {
    column_map *items;
    size_t count, capacity;
} columns;

typedef struct node_map {
    sombra_text table;
    texts labels, id; /* columns of the id */
    columns properties;
} node_map;

typedef struct rel_map {
    sombra_text table, type;
    sombra_text ends[2]; /* tables of nodes */
    texts keys[2];       /* columns that hold their ids */
    columns properties;
} rel_map;

typedef struct reading {
    fmt_loader *loader;
    const char *path;
    sqlite3 *db;
    fmt_arena arena, row;
    node_map *nodes;
    size_t node_count, node_capacity;
    rel_map *rels;
    size_t rel_count, rel_capacity;
    uint64_t rows;
} reading;

static sombra_text keep(reading *r, const void *text, size_t size)
{
    return fmt_arena_text(&r->arena, text, size);
}

static sombra_text keep_text(reading *r, const unsigned char *text)
{
    return keep(r, text == NULL ? "" : (const char *)text,
                text == NULL ? 0 : strlen((const char *)text));
}

static void add_text(texts *list, sombra_text text)
{
    list->items = fmt_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = text;
}

static bool same(sombra_text a, sombra_text b)
{
    return a.size == b.size && (a.size == 0 || sqlite3_strnicmp(a.data, b.data, (int)a.size) == 0);
}

static bool has(const texts *list, sombra_text text)
{
    for (size_t i = 0; i < list->count; i++)
        if (same(list->items[i], text)) return true;
    return false;
}

static bool same_texts(const texts *a, const texts *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (!has(b, a->items[i])) return false;
    return a->count == b->count;
}

static sombra_status fail_sqlite(reading *r)
{
    fmt_at(r->loader, r->path, 1, NULL, 0);
    return fmt_fail(fmt_loader_error(r->loader),
                    sqlite3_errcode(r->db) == SQLITE_CANTOPEN ? SOMBRA_CANT_OPEN : SOMBRA_SYNTAX,
                    "%s: SQLite says: %s", r->path, sqlite3_errmsg(r->db));
}

static void put_identifier(fmt_buffer *out, sombra_text name)
{
    fmt_put(out, "\"", 1);
    for (size_t i = 0; i < name.size; i++) {
        const char c = ((const char *)name.data)[i];
        fmt_put(out, "\"\"", c == '"' ? 2 : 0);
        if (c != '"') fmt_put(out, &c, 1);
    }
    fmt_put(out, "\"", 1);
}

static sombra_status prepare(reading *r, const char *sql, size_t size, sombra_text argument,
                             sqlite3_stmt **stmt)
{
    if (sqlite3_prepare_v2(r->db, sql, (int)size, stmt, NULL) != SQLITE_OK) return fail_sqlite(r);
    if (argument.data != NULL)
        (void)sqlite3_bind_text(*stmt, 1, argument.data, (int)argument.size, SQLITE_TRANSIENT);
    return SOMBRA_OK;
}

/* ---- What there is ------------------------------------------------------------------------------------------- */

typedef struct foreign_key {
    sombra_text table;
    texts from, to;
} foreign_key;
typedef struct table_info {
    sombra_text name;
    texts names, declared, primary; /* columns, their types, the key's */
    foreign_key *keys;
    size_t key_count, key_capacity;
    bool referenced;
} table_info;
typedef struct schema_info {
    table_info *tables;
    size_t count, capacity;
} schema_info;

static sombra_status read_columns(reading *r, table_info *t)
{
    static const char sql[] = "SELECT name, type, pk FROM pragma_table_info(?1) ORDER BY cid";
    sqlite3_stmt *stmt;
    int step;

    if (prepare(r, sql, sizeof sql, t->name, &stmt) != SOMBRA_OK)
        return fmt_loader_error(r->loader)->status;
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const sombra_text name = keep_text(r, sqlite3_column_text(stmt, 0));
        add_text(&t->names, name);
        add_text(&t->declared, keep_text(r, sqlite3_column_text(stmt, 1)));
        if (sqlite3_column_int(stmt, 2) != 0) add_text(&t->primary, name);
    }
    (void)sqlite3_finalize(stmt);
    return step == SQLITE_DONE ? SOMBRA_OK : fail_sqlite(r);
}

static sombra_status read_keys(reading *r, table_info *t)
{
    static const char sql[] = "SELECT id, \"table\", \"from\", \"to\" FROM "
                              "pragma_foreign_key_list(?1) ORDER BY id DESC, seq" /* as declared */;
    sqlite3_stmt *stmt;
    int step, last = -1;

    if (prepare(r, sql, sizeof sql, t->name, &stmt) != SOMBRA_OK)
        return fmt_loader_error(r->loader)->status;
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (sqlite3_column_int(stmt, 0) != last) {
            t->keys = fmt_grow(t->keys, &t->key_capacity, t->key_count + 1, sizeof *t->keys);
            t->keys[t->key_count++] =
                (foreign_key){.table = keep_text(r, sqlite3_column_text(stmt, 1))};
            last = sqlite3_column_int(stmt, 0);
        }
        foreign_key *key = &t->keys[t->key_count - 1];
        add_text(&key->from, keep_text(r, sqlite3_column_text(stmt, 2)));
        if (sqlite3_column_type(stmt, 3) != SQLITE_NULL)
            add_text(&key->to, keep_text(r, sqlite3_column_text(stmt, 3)));
    }
    (void)sqlite3_finalize(stmt);
    return step == SQLITE_DONE ? SOMBRA_OK : fail_sqlite(r);
}

static table_info *find_table(schema_info *schema, sombra_text name)
{
    for (size_t i = 0; i < schema->count; i++)
        if (same(schema->tables[i].name, name)) return &schema->tables[i];
    return NULL;
}

static sombra_status read_schema(reading *r, schema_info *schema)
{
    static const char sql[] = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT "
                              "LIKE 'sqlite\\_%' ESCAPE '\\' "
                              "AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY rowid";
    sqlite3_stmt *stmt;
    int step;

    if (prepare(r, sql, sizeof sql, fmt_text(NULL, 0), &stmt) != SOMBRA_OK)
        return fmt_loader_error(r->loader)->status;
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        schema->tables =
            fmt_grow(schema->tables, &schema->capacity, schema->count + 1, sizeof *schema->tables);
        schema->tables[schema->count++] =
            (table_info){.name = keep_text(r, sqlite3_column_text(stmt, 0))};
    }
    (void)sqlite3_finalize(stmt);
    if (step != SQLITE_DONE) return fail_sqlite(r);
    for (size_t i = 0; i < schema->count; i++) {
        sombra_status status = read_columns(r, &schema->tables[i]);
        if (status == SOMBRA_OK) status = read_keys(r, &schema->tables[i]);
        if (status != SOMBRA_OK) return status;
    }
    for (size_t i = 0; i < schema->count; i++)
        for (size_t k = 0; k < schema->tables[i].key_count; k++) {
            table_info *to = find_table(schema, schema->tables[i].keys[k].table);
            if (to != NULL) to->referenced = true;
        }
    return SOMBRA_OK;
}

static void free_schema(schema_info *schema)
{
    for (size_t i = 0; i < schema->count; i++) {
        table_info *t = &schema->tables[i];
        for (size_t k = 0; k < t->key_count; k++) {
            free(t->keys[k].from.items);
            free(t->keys[k].to.items);
        }
        free(t->keys);
        free(t->names.items);
        free(t->declared.items);
        free(t->primary.items);
    }
    free(schema->tables);
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

/* The value of a result column as a type, or as it is stored. */
static bool read_value(reading *r, sqlite3_stmt *stmt, int at, const char *type,
                       sombra_value *value, const char **why)
{
    const int stored = sqlite3_column_type(stmt, at);
    sombra_text text = {NULL, 0};

    /* Asked for the bytes of a number SQLite would make a text of it. */
    if (stored == SQLITE_TEXT) {
        text.data = sqlite3_column_text(stmt, at);
        text.size = (size_t)sqlite3_column_bytes(stmt, at);
    }
    *why = "the value has another type";
    if (stored == SQLITE_NULL) {
        *value = sombra_null();
        return true;
    }
    if (stored == SQLITE_TEXT && !fmt_utf8_valid(text.data, text.size)) {
        *why = "the text is not valid UTF-8";
        return false;
    }
    if (*type == '\0' || (strcmp(type, "int") == 0 && stored == SQLITE_INTEGER) ||
        (strcmp(type, "bytes") == 0 && stored == SQLITE_BLOB)) {
        if (stored == SQLITE_INTEGER)
            *value = sombra_int(sqlite3_column_int64(stmt, at));
        else if (stored == SQLITE_FLOAT)
            *value = sombra_float(sqlite3_column_double(stmt, at));
        else if (stored == SQLITE_TEXT)
            *value = sombra_string(text.data, text.size);
        else
            *value =
                sombra_bytes(sqlite3_column_blob(stmt, at), (size_t)sqlite3_column_bytes(stmt, at));
        return true;
    }
    if (strcmp(type, "boolean") == 0 && stored == SQLITE_INTEGER) {
        *value = sombra_bool(sqlite3_column_int64(stmt, at) != 0);
        return sqlite3_column_int64(stmt, at) >> 1 == 0;
    }
    if (strcmp(type, "float") == 0 && stored != SQLITE_TEXT && stored != SQLITE_BLOB) {
        *value = sombra_float(sqlite3_column_double(stmt, at));
        return true;
    }
    if (stored == SQLITE_BLOB) return false;
    /* What is left goes by its text; so do numbers that are to be strings. */
    const char *as_text = (const char *)sqlite3_column_text(stmt, at);
    return fmt_value_of(r->loader, &r->row, type,
                        fmt_text(as_text, (size_t)sqlite3_column_bytes(stmt, at)), value, why);
}

/* An id's text: of several columns their texts with sizes between. *absent: one is NULL. */
static sombra_text read_id(reading *r, sqlite3_stmt *stmt, int first, size_t count, bool *absent)
{
    fmt_buffer text = {0}, part = {0};
    sombra_text made;

    *absent = false;
    for (size_t i = 0; i < count; i++) {
        const int at = first + (int)i;
        const int stored = sqlite3_column_type(stmt, at);
        const double real = stored == SQLITE_FLOAT ? sqlite3_column_double(stmt, at) : 0.5;
        *absent = *absent || stored == SQLITE_NULL;
        if (real > -9e15 && real < 9e15 && real == (double)(int64_t)real) {
            fmt_printf(&part, "%lld", (long long)real); /* 7.0 refers to 7 */
        } else {
            const void *bytes = sqlite3_column_blob(stmt, at); /* first: it makes a number a text */
            fmt_put(&part, bytes, (size_t)sqlite3_column_bytes(stmt, at));
        }
        if (count > 1) fmt_printf(&text, "%zu:", part.size);
        fmt_put(&text, part.data, part.size);
        part.size = 0;
    }
    made = fmt_arena_text(&r->row, text.data, text.size);
    free(text.data);
    free(part.data);
    return made;
}

/* ---- Proposing ------------------------------------------------------------------------------------------------------ */

static void add_column(columns *list, sombra_text column, const char *type)
{
    list->items = fmt_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count] = (column_map){.column = column, .key = column};
    (void)snprintf(list->items[list->count++].type, sizeof list->items->type, "%s", type);
}

/* order_items → OrderItems */
static sombra_text label_of(reading *r, sombra_text table)
{
    char *made = fmt_arena_alloc(&r->arena, table.size + 1), *out = made;
    bool upper = true;

    for (size_t i = 0; i < table.size; i++) {
        const char c = ((const char *)table.data)[i];
        if (c == '_' || c == ' ' || c == '-') {
            upper = true;
            continue;
        }
        *out++ = upper ? (char)toupper((unsigned char)c) : c;
        upper = false;
    }
    return out == made ? table : fmt_text(made, (size_t)(out - made));
}

/* city_id, cityId → CITY; knows → KNOWS */
static sombra_text type_of(reading *r, sombra_text name)
{
    const char *text = name.data;
    size_t size = name.size;
    char *made = fmt_arena_alloc(&r->arena, 2 * size + 1), *out = made;

    if (size > 3 && sqlite3_strnicmp(text + size - 3, "_id", 3) == 0)
        size -= 3;
    else if (size > 2 && memcmp(text + size - 2, "Id", 2) == 0)
        size -= 2;
    for (size_t i = 0; i < size; i++) {
        const bool hump =
            i != 0 && isupper((unsigned char)text[i]) && islower((unsigned char)text[i - 1]);
        if (hump) *out++ = '_';
        *out++ = text[i] == ' ' || text[i] == '-' ? '_' : (char)toupper((unsigned char)text[i]);
    }
    return fmt_text(made, (size_t)(out - made));
}

/* The type that a column's declaration suggests beyond what SQLite stores; "": none. */
static const char *declared_type(sombra_text declared)
{
    static const char *const known[][2] = {{"BOOLEAN", "boolean"},
                                           {"BOOL", "boolean"},
                                           {"DATE", "date"},
                                           {"DATETIME", "localdatetime"},
                                           {"TIMESTAMP", "localdatetime"},
                                           {"TIME", "localtime"}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (same(declared, fmt_text(known[i][0], strlen(known[i][0])))) return known[i][1];
    return "";
}

/* Do the first rows' values fit the type? */
static sombra_status probe(reading *r, sombra_text table, sombra_text column, const char *type,
                           bool *fits)
{
    fmt_buffer sql = {0};
    sqlite3_stmt *stmt = NULL;
    sombra_value value;
    const char *why;
    int step = SQLITE_DONE;

    fmt_puts(&sql, "SELECT ");
    put_identifier(&sql, column);
    fmt_puts(&sql, " FROM ");
    put_identifier(&sql, table);
    fmt_printf(&sql, " LIMIT %d", PROBED_ROWS);
    sombra_status status = prepare(r, sql.data, sql.size, fmt_text(NULL, 0), &stmt);
    *fits = true;
    while (status == SOMBRA_OK && *fits && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        fmt_arena_reset(&r->row);
        *fits = read_value(r, stmt, 0, type, &value, &why);
    }
    if (status == SOMBRA_OK && *fits && step != SQLITE_DONE) status = fail_sqlite(r);
    (void)sqlite3_finalize(stmt);
    free(sql.data);
    return status;
}

/* Columns as properties, but for those of foreign keys; that a key is part of the primary one keeps it when keep_primary. */
static sombra_status propose_properties(reading *r, const table_info *t, bool keep_primary,
                                        columns *list)
{
    for (size_t i = 0; i < t->names.count; i++) {
        const sombra_text name = t->names.items[i];
        const char *type = declared_type(t->declared.items[i]);
        bool fits = true, is_key = false;
        for (size_t k = 0; k < t->key_count; k++)
            is_key = is_key || has(&t->keys[k].from, name);
        if (is_key && !(keep_primary && has(&t->primary, name))) continue;
        if (*type != '\0') {
            const sombra_status status = probe(r, t->name, name, type, &fits);
            if (status != SOMBRA_OK) return status;
        }
        add_column(list, name, fits ? type : "");
    }
    return SOMBRA_OK;
}

/* Two foreign keys, little else, and no table refers to it. */
static bool is_join(const table_info *t)
{
    size_t extras = 0;
    bool keyed = t->primary.count != 0;

    if (t->key_count != 2 || t->referenced) return false;
    for (size_t i = 0; i < t->names.count; i++) {
        const sombra_text name = t->names.items[i];
        const bool foreign = has(&t->keys[0].from, name) || has(&t->keys[1].from, name);
        if (has(&t->primary, name)) keyed = keyed && foreign;
        extras += !foreign && !has(&t->primary, name);
    }
    return keyed || extras <= JOIN_EXTRAS;
}

/* The id columns of a table of nodes: those that foreign keys refer to, else the primary key, else SQLite's own number. */
static void propose_id(reading *r, const schema_info *schema, const table_info *t, texts *id)
{
    const texts *from = &t->primary;

    for (size_t i = 0; i < schema->count; i++)
        for (size_t k = 0; k < schema->tables[i].key_count; k++)
            if (same(schema->tables[i].keys[k].table, t->name) &&
                schema->tables[i].keys[k].to.count != 0)
                from = &schema->tables[i].keys[k].to;
    for (size_t i = 0; i < from->count; i++)
        add_text(id, from->items[i]);
    if (id->count == 0) add_text(id, keep(r, "rowid", 5));
}

static const node_map *find_nodes(const reading *r, sombra_text table)
{
    for (size_t i = 0; i < r->node_count; i++)
        if (same(r->nodes[i].table, table)) return &r->nodes[i];
    return NULL;
}

/* One end of a relationship: a key's columns, in the order of the id that they refer to. False: they refer to something else. */
static bool propose_end(reading *r, const foreign_key *key, rel_map *rel, unsigned end)
{
    const node_map *to = find_nodes(r, key->table);

    if (to == NULL || key->from.count != to->id.count) return false;
    rel->ends[end] = to->table;
    if (key->to.count != 0 && !same_texts(&key->to, &to->id)) return false;
    for (size_t i = 0; i < to->id.count; i++)
        for (size_t j = 0; j < key->from.count; j++)
            if (key->to.count == 0 ? i == j : same(key->to.items[j], to->id.items[i]))
                add_text(&rel->keys[end], key->from.items[j]);
    return rel->keys[end].count == to->id.count;
}

static rel_map *new_rel(reading *r, sombra_text table, sombra_text type)
{
    r->rels = fmt_grow(r->rels, &r->rel_capacity, r->rel_count + 1, sizeof *r->rels);
    r->rels[r->rel_count] = (rel_map){.table = table, .type = type};
    return &r->rels[r->rel_count];
}

static void drop_rel(reading *r, rel_map *rel, const table_info *t)
{
    free(rel->keys[0].items);
    free(rel->keys[1].items);
    free(rel->properties.items);
    fmt_at(r->loader, t->name.data, 1, NULL, 0);
    fmt_note(r->loader, "a foreign key refers to no key of a table, and is left out");
}

static sombra_status propose_rels(reading *r, const table_info *t)
{
    sombra_status status = SOMBRA_OK;

    if (is_join(t)) {
        rel_map *rel = new_rel(r, t->name, type_of(r, t->name));
        if (propose_end(r, &t->keys[0], rel, 0) && propose_end(r, &t->keys[1], rel, 1)) {
            r->rel_count++;
            return propose_properties(r, t, false, &rel->properties);
        }
        drop_rel(r, rel, t);
        return SOMBRA_OK;
    }
    for (size_t k = 0; k < t->key_count && status == SOMBRA_OK; k++) {
        const foreign_key *key = &t->keys[k];
        const node_map *own = find_nodes(r, t->name);
        rel_map *rel =
            new_rel(r, t->name, type_of(r, key->from.count == 1 ? key->from.items[0] : key->table));
        rel->ends[0] = t->name;
        for (size_t i = 0; own != NULL && i < own->id.count; i++)
            add_text(&rel->keys[0], own->id.items[i]);
        if (own != NULL && propose_end(r, key, rel, 1))
            r->rel_count++;
        else
            drop_rel(r, rel, t);
    }
    return status;
}

static sombra_status propose(reading *r)
{
    schema_info schema = {0};
    sombra_status status = read_schema(r, &schema);

    for (size_t i = 0; i < schema.count && status == SOMBRA_OK; i++) {
        const table_info *t = &schema.tables[i];
        if (is_join(t)) continue;
        r->nodes = fmt_grow(r->nodes, &r->node_capacity, r->node_count + 1, sizeof *r->nodes);
        node_map *node = &r->nodes[r->node_count++];
        *node = (node_map){.table = t->name};
        add_text(&node->labels, label_of(r, t->name));
        propose_id(r, &schema, t, &node->id);
        status = propose_properties(r, t, true, &node->properties);
    }
    for (size_t i = 0; i < schema.count && status == SOMBRA_OK; i++)
        status = propose_rels(r, &schema.tables[i]);
    free_schema(&schema);
    return status;
}

/* ---- The mapping as JSON --------------------------------------------------------------------------------------------- */

static void put_texts(fmt_buffer *out, const texts *list)
{
    fmt_puts(out, "[");
    for (size_t i = 0; i < list->count; i++) {
        if (i != 0) fmt_puts(out, ", ");
        fmt_put_json(out, list->items[i].data, list->items[i].size);
    }
    fmt_puts(out, "]");
}

static void put_columns(fmt_buffer *out, const columns *list)
{
    fmt_puts(out, ",\n     \"properties\": {");
    for (size_t i = 0; i < list->count; i++) {
        const column_map *c = &list->items[i];
        fmt_puts(out, i == 0 ? "" : ", ");
        fmt_put_json(out, c->column.data, c->column.size);
        fmt_puts(out, *c->type != '\0' ? ": {\"name\": " : ": ");
        fmt_put_json(out, c->key.data, c->key.size);
        if (*c->type != '\0') fmt_printf(out, ", \"type\": \"%s\"}", c->type);
    }
    fmt_puts(out, "}}");
}

static sombra_status put_mapping(reading *r, FILE *file)
{
    fmt_buffer out = {0};

    fmt_puts(&out, "{\"nodes\": [");
    for (size_t i = 0; i < r->node_count; i++) {
        const node_map *n = &r->nodes[i];
        fmt_puts(&out, i == 0 ? "\n    {\"table\": " : ",\n    {\"table\": ");
        fmt_put_json(&out, n->table.data, n->table.size);
        fmt_puts(&out, ", \"labels\": ");
        put_texts(&out, &n->labels);
        fmt_puts(&out, ", \"id\": ");
        put_texts(&out, &n->id);
        put_columns(&out, &n->properties);
    }
    fmt_puts(&out, "],\n \"relationships\": [");
    for (size_t i = 0; i < r->rel_count; i++) {
        const rel_map *rel = &r->rels[i];
        fmt_puts(&out, i == 0 ? "\n    {\"table\": " : ",\n    {\"table\": ");
        fmt_put_json(&out, rel->table.data, rel->table.size);
        fmt_puts(&out, ", \"type\": ");
        fmt_put_json(&out, rel->type.data, rel->type.size);
        for (unsigned end = 0; end < 2; end++) {
            fmt_puts(&out,
                     end == 0 ? ",\n     \"start\": {\"table\": " : ", \"end\": {\"table\": ");
            fmt_put_json(&out, rel->ends[end].data, rel->ends[end].size);
            fmt_puts(&out, ", \"columns\": ");
            put_texts(&out, &rel->keys[end]);
            fmt_puts(&out, "}");
        }
        put_columns(&out, &rel->properties);
    }
    fmt_puts(&out, "]}\n");
    const bool written = fwrite(out.data, 1, out.size, file) == out.size && fflush(file) == 0;
    free(out.data);
    return written ? SOMBRA_OK
                   : fmt_fail(fmt_loader_error(r->loader), SOMBRA_IO,
                              "the mapping could not be written");
}

/* ---- The mapping from JSON ------------------------------------------------------------------------------------------------ */

static bool take_string(reading *r, fmt_json *j, sombra_text *text)
{
    sombra_text found;

    if (!fmt_json_string(j, &found)) return false;
    *text = keep(r, found.data, found.size);
    return true;
}

/* A list of texts, or one. */
static bool take_texts(reading *r, fmt_json *j, texts *list)
{
    bool more = true;
    sombra_text text;

    list->count = 0;
    if (fmt_json_peek(j) == '"') {
        if (!take_string(r, j, &text)) return false;
        add_text(list, text);
        return true;
    }
    if (!fmt_json_take(j, '[')) return false;
    for (;;) {
        if (!fmt_json_item(j, list->count == 0, &more)) return false;
        if (!more) return true;
        if (!take_string(r, j, &text)) return false;
        add_text(list, text);
    }
}

static bool take_properties(reading *r, fmt_json *j, columns *list)
{
    bool more, first = true;
    sombra_text column, key, text;

    list->count = 0;
    if (!fmt_json_take(j, '{')) return false;
    for (;; first = false) {
        if (!fmt_json_member(j, first, &column, &more)) return false;
        if (!more) return true;
        add_column(list, keep(r, column.data, column.size), "");
        column_map *c = &list->items[list->count - 1];
        if (fmt_json_peek(j) != '{') {
            if (!take_string(r, j, &c->key)) return false;
            continue;
        }
        j->at++;
        bool inner_first = true;
        for (;; inner_first = false) {
            if (!fmt_json_member(j, inner_first, &key, &more)) return false;
            if (!more) break;
            if (fmt_is(key, "name")) {
                if (!take_string(r, j, &c->key)) return false;
            } else if (fmt_is(key, "type")) {
                if (!fmt_json_string(j, &text)) return false;
                if (text.size >= sizeof c->type)
                    return fmt_json_fail(j, j->at, "there is no such type");
                memcpy(c->type, text.data, text.size);
                c->type[text.size] = '\0';
            } else {
                return fmt_json_fail(j, j->at, "a property has a name and a type");
            }
        }
    }
}

static bool take_end(reading *r, fmt_json *j, rel_map *rel, unsigned end)
{
    bool more, first = true;
    sombra_text key;

    if (!fmt_json_take(j, '{')) return false;
    for (;; first = false) {
        if (!fmt_json_member(j, first, &key, &more)) return false;
        if (!more) return true;
        if (fmt_is(key, "table")     ? !take_string(r, j, &rel->ends[end])
            : fmt_is(key, "columns") ? !take_texts(r, j, &rel->keys[end])
                                     : !fmt_json_fail(j, j->at, "an end has a table and columns"))
            return false;
    }
}

static bool take_map(reading *r, fmt_json *j, node_map *node, rel_map *rel)
{
    bool more, first = true;
    sombra_text key;

    if (!fmt_json_take(j, '{')) return false;
    for (;; first = false) {
        if (!fmt_json_member(j, first, &key, &more)) return false;
        if (!more) return true;
        bool good;
        if (fmt_is(key, "table"))
            good = take_string(r, j, node != NULL ? &node->table : &rel->table);
        else if (fmt_is(key, "properties"))
            good = take_properties(r, j, node != NULL ? &node->properties : &rel->properties);
        else if (node != NULL && (fmt_is(key, "labels") || fmt_is(key, "label")))
            good = take_texts(r, j, &node->labels);
        else if (node != NULL && fmt_is(key, "id"))
            good = take_texts(r, j, &node->id);
        else if (rel != NULL && fmt_is(key, "type"))
            good = take_string(r, j, &rel->type);
        else if (rel != NULL && fmt_is(key, "start"))
            good = take_end(r, j, rel, 0);
        else if (rel != NULL && fmt_is(key, "end"))
            good = take_end(r, j, rel, 1);
        else
            good = fmt_json_fail(j, j->at, "a mapping has no such member");
        if (!good) return false;
    }
}

static bool take_maps(reading *r, fmt_json *j, bool of_nodes)
{
    bool more, first = true;

    if (!fmt_json_take(j, '[')) return false;
    for (;; first = false) {
        if (!fmt_json_item(j, first, &more)) return false;
        if (!more) return true;
        if (of_nodes) {
            r->nodes = fmt_grow(r->nodes, &r->node_capacity, r->node_count + 1, sizeof *r->nodes);
            r->nodes[r->node_count] = (node_map){.table = {NULL, 0}};
            if (!take_map(r, j, &r->nodes[r->node_count++], NULL)) return false;
        } else {
            (void)new_rel(r, fmt_text(NULL, 0), fmt_text(NULL, 0));
            if (!take_map(r, j, NULL, &r->rels[r->rel_count++])) return false;
        }
    }
}

static bool take_mapping(reading *r, fmt_json *j)
{
    bool more, first = true;
    sombra_text key;

    if (!fmt_json_take(j, '{')) return false;
    for (;; first = false) {
        if (!fmt_json_member(j, first, &key, &more)) return false;
        if (!more) break;
        if (!fmt_is(key, "nodes") && !fmt_is(key, "relationships"))
            return fmt_json_fail(j, j->at, "a mapping has nodes and relationships");
        if (!take_maps(r, j, fmt_is(key, "nodes"))) return false;
    }
    return fmt_json_peek(j) == '\0' || fmt_json_fail(j, j->at, "something follows the mapping");
}

/* What must be there; NULL: all of it. */
static const char *mapping_fault(const reading *r)
{
    for (size_t i = 0; i < r->node_count; i++)
        if (r->nodes[i].table.size == 0) return "nodes need a table";
    for (size_t i = 0; i < r->rel_count; i++) {
        const rel_map *rel = &r->rels[i];
        if (rel->table.size == 0 || rel->type.size == 0 || rel->ends[0].size == 0 ||
            rel->ends[1].size == 0)
            return "relationships need a table, a type, a start and an end";
        for (unsigned end = 0; end < 2; end++) {
            const node_map *to = find_nodes(r, rel->ends[end]);
            if (to == NULL) return "an end of relationships is no table of nodes";
            if (to->id.count == 0 || to->id.count != rel->keys[end].count)
                return "an end of relationships has not as many columns as the id of its nodes";
        }
    }
    return NULL;
}

static sombra_status read_mapping(reading *r, const char *path)
{
    fmt_error *error = fmt_loader_error(r->loader);
    fmt_input *input = fmt_input_open(path, error);
    fmt_buffer text = {0};
    sombra_status status = input == NULL ? error->status : SOMBRA_OK;
    size_t got = 1;

    while (status == SOMBRA_OK && got != 0) {
        char part[4096];
        status = fmt_input_read(input, part, sizeof part, &got, error);
        fmt_put(&text, part, got);
        if (status == SOMBRA_OK && text.size > MAPPING_BYTES)
            status = fmt_fail(error, SOMBRA_LIMIT, "%s is longer than 64 MiB", path);
    }
    fmt_input_close(input);
    if (status == SOMBRA_OK && !fmt_utf8_valid(text.data, text.size))
        status = fmt_fail(error, SOMBRA_SYNTAX, "%s is not valid UTF-8", path);
    if (status == SOMBRA_OK) {
        const char *begin = text.size == 0 ? "" : text.data;
        fmt_json j = {.begin = begin, .at = begin, .end = begin + text.size, .arena = &r->arena};
        uint64_t line = 1;
        const char *fault = NULL;
        if (!take_mapping(r, &j)) {
            for (const char *at = begin; at < j.problem_at; at++)
                line += *at == '\n';
            fault = j.problem;
        } else {
            fault = mapping_fault(r);
        }
        fmt_at(r->loader, path, line, NULL, 0);
        if (fault != NULL) status = fmt_broken(r->loader, SOMBRA_SYNTAX, 0, "%s", fault);
    }
    free(text.data);
    return status;
}

/* ---- Loading ------------------------------------------------------------------------------------------------------------------- */

/* SELECT ids and properties of a table. */
static sombra_status select_rows(reading *r, sombra_text table, const texts *const *keys,
                                 size_t key_count, const columns *properties, sqlite3_stmt **stmt)
{
    fmt_buffer sql = {0};
    size_t count = 0;

    fmt_puts(&sql, "SELECT ");
    for (size_t k = 0; k < key_count; k++)
        for (size_t i = 0; i < keys[k]->count; i++) {
            fmt_puts(&sql, count++ == 0 ? "" : ", ");
            put_identifier(&sql, keys[k]->items[i]);
        }
    for (size_t i = 0; i < properties->count; i++) {
        fmt_puts(&sql, count++ == 0 ? "" : ", ");
        put_identifier(&sql, properties->items[i].column);
    }
    fmt_puts(&sql, count == 0 ? "1 FROM " : " FROM ");
    put_identifier(&sql, table);
    const sombra_status status = prepare(r, sql.data, sql.size, fmt_text(NULL, 0), stmt);
    free(sql.data);
    return status;
}

/* A name in double quotes that is no column is a text to SQLite: so names are looked up. */
static sombra_status check_columns(reading *r, sombra_text table, const texts *const *keys,
                                   size_t key_count, const columns *properties)
{
    table_info t = {.name = table};
    sombra_status status = read_columns(r, &t);
    sombra_text missing = {NULL, 0};

    for (size_t k = 0; k < key_count; k++)
        for (size_t i = 0; i < keys[k]->count; i++)
            if (!has(&t.names, keys[k]->items[i]) && !fmt_is(keys[k]->items[i], "rowid"))
                missing = keys[k]->items[i];
    for (size_t i = 0; i < properties->count; i++)
        if (!has(&t.names, properties->items[i].column)) missing = properties->items[i].column;
    if (status == SOMBRA_OK && t.names.count == 0)
        status =
            fmt_fail(fmt_loader_error(r->loader), SOMBRA_NOT_FOUND, "%s has no table '%.*s'",
                     r->path, (int)(table.size < 100 ? table.size : 100), (const char *)table.data);
    else if (status == SOMBRA_OK && missing.data != NULL)
        status =
            fmt_fail(fmt_loader_error(r->loader), SOMBRA_NOT_FOUND,
                     "%s: the table '%.*s' has no column '%.*s'", r->path,
                     (int)(table.size < 100 ? table.size : 100), (const char *)table.data,
                     (int)(missing.size < 100 ? missing.size : 100), (const char *)missing.data);
    free(t.names.items);
    free(t.declared.items);
    free(t.primary.items);
    return status;
}

/* SOMBRA_DONE: the row is bad, and has been dealt with. */
static sombra_status read_properties(reading *r, sqlite3_stmt *stmt, int first, const columns *list,
                                     fmt_prop *props)
{
    for (size_t i = 0; i < list->count; i++) {
        const column_map *c = &list->items[i];
        const int at = first + (int)i;
        const char *why;
        props[i].key = c->key;
        if (read_value(r, stmt, at, c->type, &props[i].value, &why)) continue;
        const sombra_status status = fmt_bad(r->loader, SOMBRA_TYPE_MISMATCH, i + 1, c->column,
                                             fmt_text(NULL, 0), "%s", why);
        return status == SOMBRA_OK ? SOMBRA_DONE : status;
    }
    return SOMBRA_OK;
}

static sombra_status load_row(reading *r, sqlite3_stmt *stmt, const node_map *node,
                              const rel_map *rel, fmt_prop *props)
{
    sombra_status status;
    bool absent;

    if (node != NULL) {
        fmt_node made = {.labels = node->labels.items,
                         .label_count = node->labels.count,
                         .props = props,
                         .prop_count = node->properties.count};
        made.id =
            (fmt_id){.group = node->table, .text = read_id(r, stmt, 0, node->id.count, &absent)};
        made.has_id = node->id.count != 0 && !absent;
        status = read_properties(r, stmt, (int)node->id.count, &node->properties, props);
        return status == SOMBRA_OK ? fmt_load_node(r->loader, &made) : status;
    }
    fmt_rel made = {.type = rel->type, .props = props, .prop_count = rel->properties.count};
    int at = 0;
    for (unsigned end = 0; end < 2; end++) {
        made.ends[end] = (fmt_id){.group = find_nodes(r, rel->ends[end])->table,
                                  .text = read_id(r, stmt, at, rel->keys[end].count, &absent)};
        if (absent) return SOMBRA_OK; /* NULL refers to nothing */
        at += (int)rel->keys[end].count;
    }
    status = read_properties(r, stmt, at, &rel->properties, props);
    return status == SOMBRA_OK ? fmt_load_rel(r->loader, &made) : status;
}

static sombra_status load_table(reading *r, const node_map *node, const rel_map *rel)
{
    if (node == NULL && rel == NULL) return SOMBRA_OK; /* one of them it is */
    const sombra_text table = node != NULL ? node->table : rel->table;
    const columns *properties = node != NULL ? &node->properties : &rel->properties;
    const texts *keys[2] = {node != NULL ? &node->id : &rel->keys[0],
                            node != NULL ? NULL : &rel->keys[1]};
    const size_t key_count = node != NULL ? 1 : 2;
    fmt_prop *props = fmt_need(calloc(properties->count + 1, sizeof *props));
    sqlite3_stmt *stmt = NULL;
    fmt_buffer place = {0};
    uint64_t row = 0;
    int step = SQLITE_DONE;
    sombra_status status = check_columns(r, table, keys, key_count, properties);

    fmt_printf(&place, "%.300s (table ", r->path);
    fmt_put(&place, table.data, table.size < 100 ? table.size : 100);
    fmt_put(&place, ")", 2);
    const char *path = fmt_arena_text(&r->arena, place.data, place.size - 1).data;
    free(place.data);
    if (status == SOMBRA_OK) status = select_rows(r, table, keys, key_count, properties, &stmt);
    while (status == SOMBRA_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        fmt_at(r->loader, path, ++row, NULL, 0);
        fmt_arena_reset(&r->row);
        status = load_row(r, stmt, node, rel, props);
        if (status == SOMBRA_DONE) status = SOMBRA_OK;
        if (status == SOMBRA_OK && ++r->rows % 4096 == 0) status = fmt_tick(r->loader, r->rows, 0);
    }
    if (status == SOMBRA_OK && step != SQLITE_DONE) status = fail_sqlite(r);
    (void)sqlite3_finalize(stmt);
    free(props);
    return status;
}

static void free_maps(reading *r)
{
    for (size_t i = 0; i < r->node_count; i++) {
        free(r->nodes[i].labels.items);
        free(r->nodes[i].id.items);
        free(r->nodes[i].properties.items);
    }
    for (size_t i = 0; i < r->rel_count; i++) {
        free(r->rels[i].keys[0].items);
        free(r->rels[i].keys[1].items);
        free(r->rels[i].properties.items);
    }
    free(r->nodes);
    free(r->rels);
    fmt_arena_free(&r->arena);
    fmt_arena_free(&r->row);
}

sombra_status fmt_read_sqlite(fmt_loader *loader, const char *path)
{
    const fmt_options *options = fmt_loader_options(loader);
    reading r = {.loader = loader, .path = path};
    sombra_status status = SOMBRA_OK;

    /* The file's schema is as hostile as its rows: it may call no function that has side effects. */
    if (sqlite3_open_v2(path, &r.db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
        sqlite3_db_config(r.db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
        sqlite3_db_config(r.db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK ||
        sqlite3_exec(r.db, "PRAGMA cell_size_check = ON; BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        status = fail_sqlite(&r);
    if (status == SOMBRA_OK)
        status = options->mapping != NULL ? read_mapping(&r, options->mapping) : propose(&r);
    if (status == SOMBRA_OK && options->proposal != NULL) {
        status = put_mapping(&r, options->proposal);
    } else {
        for (size_t i = 0; i < r.node_count && status == SOMBRA_OK; i++)
            status = load_table(&r, &r.nodes[i], NULL);
        for (size_t i = 0; i < r.rel_count && status == SOMBRA_OK; i++)
            status = load_table(&r, NULL, &r.rels[i]);
    }
    (void)sqlite3_close(r.db);
    free_maps(&r);
    return status;
}

#endif
