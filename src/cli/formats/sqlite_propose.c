/* sqlite_propose.c — a mapping from what a SQLite file holds: tables, foreign keys, and the types that its first values fit
 * (docs/IMPORT.md has the rules). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/formats/sqlite_priv.h"

#define PROBED_ROWS 10000 /* whose values decide about a proposed type */
#define JOIN_EXTRAS 3u    /* columns beside keys that a table of relationships may have */

static bool same_texts(const lite_texts *a, const lite_texts *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (!lite_has(b, a->items[i])) return false;
    return a->count == b->count;
}

/* ---- What there is ------------------------------------------------------------------------------------------- */

typedef struct schema_info {
    lite_table *tables;
    size_t count, capacity;
} schema_info;

static sombra_status read_keys(lite *r, lite_table *t)
{
    static const char sql[] = "SELECT id, \"table\", \"from\", \"to\" FROM "
                              "pragma_foreign_key_list(?1) ORDER BY id DESC, seq" /* as declared */;
    sqlite3_stmt *stmt;
    int step, last = -1;

    if (lite_prepare(r, sql, sizeof sql, t->name, &stmt) != SOMBRA_OK) return r->error->status;
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (sqlite3_column_int(stmt, 0) != last) {
            t->keys = fmt_grow(t->keys, &t->key_capacity, t->key_count + 1, sizeof *t->keys);
            t->keys[t->key_count++] = (lite_foreign_key){.table = lite_column_text(r, stmt, 1)};
            last = sqlite3_column_int(stmt, 0);
        }
        lite_foreign_key *key = &t->keys[t->key_count - 1];
        lite_add_text(&key->from, lite_column_text(r, stmt, 2));
        if (sqlite3_column_type(stmt, 3) != SQLITE_NULL)
            lite_add_text(&key->to, lite_column_text(r, stmt, 3));
    }
    (void)sqlite3_finalize(stmt);
    return step == SQLITE_DONE ? SOMBRA_OK : lite_fail(r);
}

static lite_table *find_table(schema_info *schema, sombra_text name)
{
    for (size_t i = 0; i < schema->count; i++)
        if (lite_same(schema->tables[i].name, name)) return &schema->tables[i];
    return NULL;
}

/* Tables, but for SQLite's own and those in which virtual tables keep what they hold: their names are their table's and a fixed ending, and
 * SQLite makes no virtual table where one is taken. Virtual tables themselves are told of, and left out. */
static sombra_status read_tables(lite *r, schema_info *schema)
{
    static const char sql[] =
        "SELECT name, sql LIKE 'CREATE VIRTUAL%' FROM sqlite_master AS t WHERE type = 'table' "
        "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND NOT EXISTS (SELECT 1 FROM sqlite_master AS "
        "v "
        "WHERE v.sql LIKE 'CREATE VIRTUAL%' AND lower(substr(t.name, 1, length(v.name))) = "
        "lower(v.name) "
        "AND lower(substr(t.name, length(v.name) + 1)) IN ('_data', '_idx', '_content', "
        "'_docsize', "
        "'_config', '_segments', '_segdir', '_stat', '_node', '_parent', '_rowid')) ORDER BY rowid";
    sqlite3_stmt *stmt;
    int step;

    if (lite_prepare(r, sql, sizeof sql, fmt_text(NULL, 0), &stmt) != SOMBRA_OK)
        return r->error->status;
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const sombra_text name = lite_column_text(r, stmt, 0);
        if (sqlite3_column_int(stmt, 1) != 0) {
            fmt_at(r->loader, name.data, 1, NULL, 0);
            fmt_note(r->loader, "a virtual table is left out");
            continue;
        }
        schema->tables =
            fmt_grow(schema->tables, &schema->capacity, schema->count + 1, sizeof *schema->tables);
        schema->tables[schema->count++] = (lite_table){.name = name};
    }
    (void)sqlite3_finalize(stmt);
    if (step != SQLITE_DONE) return lite_fail(r);
    if (schema->count == 0) return fmt_fail(r->error, SOMBRA_NOT_FOUND, "%s has no table", r->path);
    return SOMBRA_OK;
}

/* Are the values of these columns unique: the primary key's, or those of an index? */
static sombra_status ask_unique(lite *r, const lite_table *t, const lite_texts *columns,
                                bool *unique)
{
    *unique = columns->count != 0 && same_texts(columns, &t->primary);
    return *unique ? SOMBRA_OK : lite_is_unique(r, t->name, columns, NULL, unique);
}

/* Has a table a row for which that holds? */
static sombra_status ask_any(lite *r, const lite_table *t, const fmt_buffer *condition, bool *any)
{
    fmt_buffer sql = {0};
    sqlite3_stmt *stmt = NULL;

    fmt_puts(&sql, "SELECT 1 FROM ");
    lite_put_identifier(&sql, t->name);
    fmt_puts(&sql, " WHERE ");
    fmt_put(&sql, condition->data, condition->size);
    fmt_puts(&sql, " LIMIT 1");
    sombra_status status = lite_prepare(r, sql.data, sql.size, fmt_text(NULL, 0), &stmt);
    const int step = status == SOMBRA_OK ? sqlite3_step(stmt) : SQLITE_DONE;
    *any = step == SQLITE_ROW;
    if (step != SQLITE_ROW && step != SQLITE_DONE) status = lite_fail(r);
    (void)sqlite3_finalize(stmt);
    free(sql.data);
    return status;
}

static void put_condition(fmt_buffer *out, const lite_texts *columns, const char *test,
                          const char *between)
{
    for (size_t i = 0; i < columns->count; i++) {
        fmt_puts(out, i == 0 ? "(" : between);
        lite_put_identifier(out, columns->items[i]);
        fmt_puts(out, test);
    }
    fmt_puts(out, ")");
}

/* What a foreign key refers to; without columns it is the primary key. */
static sombra_status resolve_key(lite *r, schema_info *schema, const lite_table *t,
                                 lite_foreign_key *key)
{
    lite_table *to = find_table(schema, key->table);
    fmt_buffer partly = {0};
    sombra_status status = SOMBRA_OK;

    if (to == NULL) return SOMBRA_OK;
    const bool is_implied = key->to.count == 0;
    for (size_t i = 0; is_implied && i < to->primary.count; i++)
        lite_add_text(&key->to, to->primary.items[i]);
    if (key->to.count == key->from.count) status = ask_unique(r, to, &key->to, &key->resolved);
    to->referenced = to->referenced || key->resolved;
    if (status != SOMBRA_OK || !key->resolved || key->from.count == 1) return status;
    put_condition(&partly, &key->from, " IS NULL", " OR ");
    fmt_puts(&partly, " AND ");
    put_condition(&partly, &key->from, " IS NOT NULL", " OR ");
    status = ask_any(r, t, &partly, &key->kept);
    free(partly.data);
    return status;
}

/* Two foreign keys, which each row has, little else, and no table refers to it. */
static sombra_status find_join(lite *r, lite_table *t)
{
    fmt_buffer absent = {0};
    size_t extras = 0;
    bool keyed = t->primary.count != 0, any;

    if (t->key_count != 2 || t->referenced || !t->keys[0].resolved || !t->keys[1].resolved)
        return SOMBRA_OK;
    for (size_t i = 0; i < t->names.count; i++) {
        const sombra_text name = t->names.items[i];
        const bool foreign = lite_has(&t->keys[0].from, name) || lite_has(&t->keys[1].from, name);
        if (lite_has(&t->primary, name)) keyed = keyed && foreign;
        extras += !foreign && !lite_has(&t->primary, name);
    }
    if (!keyed && extras > JOIN_EXTRAS) return SOMBRA_OK;
    put_condition(&absent, &t->keys[0].from, " IS NULL", " OR ");
    fmt_puts(&absent, " OR ");
    put_condition(&absent, &t->keys[1].from, " IS NULL", " OR ");
    const sombra_status status = ask_any(r, t, &absent, &any);
    t->is_join = status == SOMBRA_OK && !any;
    free(absent.data);
    return status;
}

static sombra_status read_schema(lite *r, schema_info *schema)
{
    sombra_status status = read_tables(r, schema);

    for (size_t i = 0; i < schema->count && status == SOMBRA_OK; i++) {
        status = lite_read_columns(r, &schema->tables[i]);
        if (status == SOMBRA_OK) status = read_keys(r, &schema->tables[i]);
    }
    for (size_t i = 0; i < schema->count; i++)
        for (size_t k = 0; k < schema->tables[i].key_count && status == SOMBRA_OK; k++)
            status = resolve_key(r, schema, &schema->tables[i], &schema->tables[i].keys[k]);
    for (size_t i = 0; i < schema->count && status == SOMBRA_OK; i++)
        status = find_join(r, &schema->tables[i]);
    return status;
}

static void free_schema(schema_info *schema)
{
    for (size_t i = 0; i < schema->count; i++)
        lite_free_table(&schema->tables[i]);
    free(schema->tables);
}

/* ---- Proposing ------------------------------------------------------------------------------------------------------ */

/* order_items → OrderItems */
static sombra_text label_of(lite *r, sombra_text table)
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
static sombra_text type_of(lite *r, sombra_text name)
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
        if (lite_same(declared, fmt_text(known[i][0], strlen(known[i][0])))) return known[i][1];
    return "";
}

/* Do the first rows' values fit the type? */
static sombra_status probe(lite *r, sombra_text table, sombra_text column, const char *type,
                           bool *fits)
{
    fmt_buffer sql = {0};
    sqlite3_stmt *stmt = NULL;
    sombra_value value;
    const char *why;
    int step = SQLITE_DONE;

    fmt_puts(&sql, "SELECT ");
    lite_put_identifier(&sql, column);
    fmt_puts(&sql, " FROM ");
    lite_put_identifier(&sql, table);
    fmt_printf(&sql, " LIMIT %d", PROBED_ROWS);
    sombra_status status = lite_prepare(r, sql.data, sql.size, fmt_text(NULL, 0), &stmt);
    *fits = true;
    while (status == SOMBRA_OK && *fits && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        fmt_records_reset(r->records);
        *fits = lite_read_value(r, stmt, 0, type, &value, &why);
    }
    if (status == SOMBRA_OK && *fits && step != SQLITE_DONE) status = lite_fail(r);
    (void)sqlite3_finalize(stmt);
    free(sql.data);
    return status;
}

/* Columns as properties, but for those of foreign keys that become relationships; that a key is part of the primary one keeps it when
 * keep_primary. */
static sombra_status propose_properties(lite *r, const lite_table *t, bool keep_primary,
                                        lite_columns *list)
{
    for (size_t i = 0; i < t->names.count; i++) {
        const sombra_text name = t->names.items[i];
        const char *type = declared_type(t->declared.items[i]);
        bool fits = true, is_key = false;
        for (size_t k = 0; k < t->key_count; k++)
            is_key = is_key ||
                     (t->keys[k].resolved && !t->keys[k].kept && lite_has(&t->keys[k].from, name));
        if (is_key && !(keep_primary && lite_has(&t->primary, name))) continue;
        if (*type != '\0') {
            const sombra_status status = probe(r, t->name, name, type, &fits);
            if (status != SOMBRA_OK) return status;
        }
        lite_add_column(list, name, fits ? type : "");
    }
    return SOMBRA_OK;
}

/* The id columns of a table of nodes: the primary key's, else SQLite's own number, by the name of it that is no column's. */
static void propose_id(const lite_table *t, lite_texts *id)
{
    size_t name = 0;

    for (size_t i = 0; i < t->primary.count; i++)
        lite_add_text(id, t->primary.items[i]);
    if (id->count != 0) return;
    while (name < LITE_ROW_NAMES - 1 && lite_has(&t->names, lite_row_name(name)))
        name++;
    lite_add_text(id, lite_row_name(name));
}

/* One end of a relationship: a key's columns, in the order of the id if that is what they refer to. */
static void propose_end(lite *r, const lite_foreign_key *key, lite_rels *rel, unsigned end)
{
    const lite_nodes *to = lite_find_nodes(r, key->table);
    const bool to_id = same_texts(&key->to, &to->id);
    const lite_texts *order = to_id ? &to->id : &key->to;

    rel->ends[end] = to->table;
    for (size_t i = 0; i < order->count; i++) {
        for (size_t j = 0; j < key->from.count; j++)
            if (lite_same(key->to.items[j], order->items[i]))
                lite_add_text(&rel->keys[end], key->from.items[j]);
        if (!to_id) lite_add_text(&rel->refers[end], order->items[i]);
    }
}

static void propose_own(lite *r, const lite_table *t, const lite_foreign_key *key)
{
    const lite_nodes *own = lite_find_nodes(r, t->name);
    fmt_buffer note = {0};

    if (!key->resolved) {
        fmt_puts(&note, "the foreign key ");
        put_condition(&note, &key->from, "", ", ");
        fmt_puts(&note, " refers to no columns of a table here whose values are unique: no "
                        "relationships; its values are properties");
        fmt_put(&note, "", 1);
        fmt_at(r->loader, t->name.data, 1, NULL, 0);
        fmt_note(r->loader, note.data);
        free(note.data);
        return;
    }
    lite_rels *rel = lite_new_rel(
        r, t->name, type_of(r, key->from.count == 1 ? key->from.items[0] : key->table));
    rel->ends[0] = t->name;
    for (size_t i = 0; i < own->id.count; i++)
        lite_add_text(&rel->keys[0], own->id.items[i]);
    propose_end(r, key, rel, 1);
    r->rel_count++;
}

static sombra_status propose_rels(lite *r, const lite_table *t)
{
    if (t->is_join) {
        lite_rels *rel = lite_new_rel(r, t->name, type_of(r, t->name));
        for (unsigned end = 0; end < 2; end++)
            propose_end(r, &t->keys[end], rel, end);
        r->rel_count++;
        return propose_properties(r, t, false, &rel->properties);
    }
    for (size_t k = 0; k < t->key_count; k++)
        propose_own(r, t, &t->keys[k]);
    return SOMBRA_OK;
}

sombra_status lite_propose(lite *r)
{
    schema_info schema = {0};
    sombra_status status = read_schema(r, &schema);

    for (size_t i = 0; i < schema.count && status == SOMBRA_OK; i++) {
        const lite_table *t = &schema.tables[i];
        if (t->is_join) continue;
        r->nodes = fmt_grow(r->nodes, &r->node_capacity, r->node_count + 1, sizeof *r->nodes);
        lite_nodes *node = &r->nodes[r->node_count++];
        *node = (lite_nodes){.table = t->name};
        lite_add_text(&node->labels, label_of(r, t->name));
        propose_id(t, &node->id);
        status = propose_properties(r, t, true, &node->properties);
    }
    for (size_t i = 0; i < schema.count && status == SOMBRA_OK; i++)
        status = propose_rels(r, &schema.tables[i]);
    free_schema(&schema);
    return status;
}
