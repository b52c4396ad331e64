/* sqlite.c — a SQLite file: tables and foreign keys become nodes and relationships, as a mapping says. One is proposed from the schema and
 * the values (docs/IMPORT.md has the rules), printed as JSON, and can be given back changed.
 * A row of a table is "line" so and so in messages. */
#include "cli/formats/formats.h"

#if !defined(HAVE_SQLITE3)

sombra_status fmt_read_sqlite(fmt_loader *loader, const char *path)
{
    fmt_at(loader, path, 1, NULL, 0);
    return fmt_broken(loader, SOMBRA_UNSUPPORTED, 0,
                      "this build has no SQLite (Debian: libsqlite3-dev)");
}

#else

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/formats/sqlite_priv.h"

#define PIECE_ROWS  2000u
#define PIECE_BYTES ((size_t)4 << 20) /* of values, past which a piece has no more rows */

/* ---- Names and tables ------------------------------------------------------------------------------------------ */

sombra_text lite_keep(lite *r, const void *text, size_t size)
{
    return fmt_arena_text(&r->arena, text, size);
}

sombra_text lite_column_text(lite *r, sqlite3_stmt *stmt, int at)
{
    const char *text = (const char *)sqlite3_column_text(stmt, at);
    return lite_keep(r, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
}

void lite_add_text(lite_texts *list, sombra_text text)
{
    list->items = fmt_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = text;
}

bool lite_same(sombra_text a, sombra_text b)
{
    return a.size == b.size && (a.size == 0 || sqlite3_strnicmp(a.data, b.data, (int)a.size) == 0);
}

bool lite_has(const lite_texts *list, sombra_text text)
{
    for (size_t i = 0; i < list->count; i++)
        if (lite_same(list->items[i], text)) return true;
    return false;
}

sombra_status lite_fail(lite *r)
{
    if (sqlite3_errcode(r->db) == SQLITE_CANTOPEN && access(r->path, F_OK) != 0)
        return fmt_fail_open(r->error, r->path);
    return fmt_fail(r->error,
                    sqlite3_errcode(r->db) == SQLITE_CANTOPEN ? SOMBRA_CANT_OPEN : SOMBRA_SYNTAX,
                    "%s: SQLite says: %s", r->path, sqlite3_errmsg(r->db));
}

void lite_put_identifier(fmt_buffer *out, sombra_text name)
{
    fmt_put(out, "\"", 1);
    for (size_t i = 0; i < name.size; i++) {
        const char c = ((const char *)name.data)[i];
        fmt_put(out, "\"\"", c == '"' ? 2 : 0);
        if (c != '"') fmt_put(out, &c, 1);
    }
    fmt_put(out, "\"", 1);
}

sombra_status lite_prepare(lite *r, const char *sql, size_t size, sombra_text argument,
                           sqlite3_stmt **stmt)
{
    if (sqlite3_prepare_v2(r->db, sql, (int)size, stmt, NULL) != SQLITE_OK) return lite_fail(r);
    if (argument.data != NULL)
        (void)sqlite3_bind_text(*stmt, 1, argument.data, (int)argument.size, SQLITE_TRANSIENT);
    return SOMBRA_OK;
}

void lite_add_column(lite_columns *list, sombra_text column, const char *type)
{
    list->items = fmt_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count] = (lite_column){.column = column, .key = column};
    (void)snprintf(list->items[list->count++].type, sizeof list->items->type, "%s", type);
}

lite_rels *lite_new_rel(lite *r, sombra_text table, sombra_text type)
{
    r->rels = fmt_grow(r->rels, &r->rel_capacity, r->rel_count + 1, sizeof *r->rels);
    r->rels[r->rel_count] = (lite_rels){.table = table, .type = type};
    return &r->rels[r->rel_count];
}

lite_nodes *lite_find_nodes(const lite *r, sombra_text table)
{
    for (size_t i = 0; i < r->node_count; i++)
        if (lite_same(r->nodes[i].table, table)) return &r->nodes[i];
    return NULL;
}

sombra_status lite_read_columns(lite *r, lite_table *t)
{
    /* First the columns as they stand, generated ones too; then those of the primary key, in its own order. */
    static const char sql[] = "SELECT name, type, 0 AS place, cid FROM pragma_table_xinfo(?1) "
                              "WHERE hidden <> 1 UNION ALL "
                              "SELECT name, type, pk, cid FROM pragma_table_xinfo(?1) "
                              "WHERE pk <> 0 ORDER BY place, cid";
    sqlite3_stmt *stmt;
    int step;

    if (lite_prepare(r, sql, sizeof sql, t->name, &stmt) != SOMBRA_OK) return r->error->status;
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const sombra_text name = lite_column_text(r, stmt, 0);
        if (sqlite3_column_int(stmt, 2) != 0) {
            lite_add_text(&t->primary, name);
            continue;
        }
        lite_add_text(&t->names, name);
        lite_add_text(&t->declared, lite_column_text(r, stmt, 1));
    }
    (void)sqlite3_finalize(stmt);
    return step == SQLITE_DONE ? SOMBRA_OK : lite_fail(r);
}

void lite_free_table(lite_table *t)
{
    for (size_t k = 0; k < t->key_count; k++) {
        free(t->keys[k].from.items);
        free(t->keys[k].to.items);
    }
    free(t->keys);
    free(t->names.items);
    free(t->declared.items);
    free(t->primary.items);
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

/* The value of a result column as a type, or as it is stored. */
bool lite_read_value(lite *r, sqlite3_stmt *stmt, int at, const char *type, sombra_value *value,
                     const char **why)
{
    sqlite3_value *from =
        sqlite3_column_value(stmt, at); /* one look-up; sqlite3_column_… takes one each time */
    const int stored = sqlite3_value_type(from);
    sombra_text text = {NULL, 0};

    /* Asked for the bytes of a number SQLite would make a text of it. */
    if (stored == SQLITE_TEXT) {
        text.data = sqlite3_value_text(from);
        text.size = (size_t)sqlite3_value_bytes(from);
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
            *value = sombra_int(sqlite3_value_int64(from));
        else if (stored == SQLITE_FLOAT)
            *value = sombra_float(sqlite3_value_double(from));
        else if (stored == SQLITE_TEXT)
            *value = sombra_string(text.data, text.size);
        else
            *value = sombra_bytes(sqlite3_value_blob(from), (size_t)sqlite3_value_bytes(from));
        return true;
    }
    if (strcmp(type, "boolean") == 0 && stored == SQLITE_INTEGER) {
        *value = sombra_bool(sqlite3_value_int64(from) != 0);
        return sqlite3_value_int64(from) >> 1 == 0;
    }
    if (strcmp(type, "float") == 0 && stored != SQLITE_TEXT && stored != SQLITE_BLOB) {
        *value = sombra_float(sqlite3_value_double(from));
        return true;
    }
    if (stored == SQLITE_BLOB) return false;
    /* What is left goes by its text; so do numbers that are to be strings. */
    const char *as_text = (const char *)sqlite3_value_text(from);
    return fmt_value_of(r->records, type, fmt_text(as_text, (size_t)sqlite3_value_bytes(from)),
                        value, why);
}

/* A text as all have it that are equal to it. */
static void fold_text(char *text, size_t *size, lite_fold fold)
{
    for (size_t i = 0; fold == LITE_NOCASE && i < *size; i++)
        if (text[i] >= 'A' && text[i] <= 'Z') text[i] = (char)(text[i] - 'A' + 'a');
    while (fold == LITE_RTRIM && *size != 0 && text[*size - 1] == ' ')
        --*size;
}

/* One value of an id as text, in the records' arena. *absent: set when it is NULL. */
static sombra_text id_text(lite *r, sqlite3_stmt *stmt, int at, lite_fold fold, bool *absent)
{
    sqlite3_value *from = sqlite3_column_value(stmt, at);
    const int stored = sqlite3_value_type(from);
    const double real = stored == SQLITE_FLOAT ? sqlite3_value_double(from) : 0.5;
    const bool whole = real > -9e15 && real < 9e15 && real == (double)(int64_t)real;
    char digits[24], *first = digits + sizeof digits;

    *absent = *absent || stored == SQLITE_NULL;
    if (stored == SQLITE_INTEGER || whole) { /* 7.0 refers to 7 */
        const int64_t number = whole ? (int64_t)real : sqlite3_value_int64(from);
        uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
        do
            *--first = (char)('0' + left % 10);
        while ((left /= 10) != 0);
        if (number < 0) *--first = '-';
        return fmt_arena_text(&r->records->arena, first, (size_t)(digits + sizeof digits - first));
    }
    /* First: it makes a number a text, and one of UTF-16 UTF-8. */
    const void *bytes =
        stored == SQLITE_BLOB ? sqlite3_value_blob(from) : (const void *)sqlite3_value_text(from);
    size_t size = (size_t)sqlite3_value_bytes(from);
    if (stored != SQLITE_TEXT || fold == LITE_AS_IS)
        return fmt_arena_text(&r->records->arena, bytes, size);
    char *text = fmt_arena_alloc(&r->records->arena, size + 1);
    if (size != 0) memcpy(text, bytes, size);
    fold_text(text, &size, fold);
    return fmt_text(text, size);
}

/* An id's text: of several columns their texts with sizes between. *absent: one is NULL. */
static sombra_text read_id(lite *r, sqlite3_stmt *stmt, int first, size_t count,
                           const lite_fold *folds, bool *absent)
{
    fmt_buffer text = {0};

    *absent = false;
    if (count == 1) return id_text(r, stmt, first, folds[0], absent);
    for (size_t i = 0; i < count; i++) {
        const sombra_text part = id_text(r, stmt, first + (int)i, folds[i], absent);
        fmt_printf(&text, "%zu:", part.size);
        fmt_put(&text, part.data, part.size);
    }
    const sombra_text made = fmt_arena_text(&r->records->arena, text.data, text.size);
    free(text.data);
    return made;
}

/* ---- Loading --------------------------------------------------------------------------------------------------- */

/* SELECT ids and properties of a table. */
static sombra_status select_rows(lite *r, sombra_text table, const lite_texts *const *keys,
                                 size_t key_count, const lite_columns *properties,
                                 sqlite3_stmt **stmt)
{
    fmt_buffer sql = {0};
    size_t count = 0;

    fmt_puts(&sql, "SELECT ");
    for (size_t k = 0; k < key_count; k++)
        for (size_t i = 0; i < keys[k]->count; i++) {
            fmt_puts(&sql, count++ == 0 ? "" : ", ");
            lite_put_identifier(&sql, keys[k]->items[i]);
        }
    for (size_t i = 0; i < properties->count; i++) {
        fmt_puts(&sql, count++ == 0 ? "" : ", ");
        lite_put_identifier(&sql, properties->items[i].column);
    }
    fmt_puts(&sql, count == 0 ? "1 FROM " : " FROM ");
    lite_put_identifier(&sql, table);
    const sombra_status status = lite_prepare(r, sql.data, sql.size, fmt_text(NULL, 0), stmt);
    free(sql.data);
    return status;
}

sombra_text lite_row_name(size_t i)
{
    static const char *const names[LITE_ROW_NAMES] = {"rowid", "_rowid_", "oid"};

    return fmt_text(names[i], strlen(names[i]));
}

static bool is_row_name(sombra_text name)
{
    bool is = false;

    for (size_t i = 0; i < LITE_ROW_NAMES; i++)
        is = is || lite_same(name, lite_row_name(i));
    return is;
}

/* A name in double quotes that is no column is a text to SQLite: so names are looked up. */
static sombra_status check_columns(lite *r, sombra_text table, const lite_texts *const *keys,
                                   size_t key_count, const lite_columns *properties)
{
    lite_table t = {.name = table};
    sombra_status status = lite_read_columns(r, &t);
    sombra_text missing = {NULL, 0};

    for (size_t k = 0; k < key_count; k++)
        for (size_t i = 0; i < keys[k]->count; i++)
            if (!lite_has(&t.names, keys[k]->items[i]) && !is_row_name(keys[k]->items[i]))
                missing = keys[k]->items[i];
    for (size_t i = 0; i < properties->count; i++)
        if (!lite_has(&t.names, properties->items[i].column)) missing = properties->items[i].column;
    if (status == SOMBRA_OK && t.names.count == 0)
        status = fmt_fail(r->error, SOMBRA_NOT_FOUND, "%s has no table '%.*s'", r->path,
                          (int)(table.size < 100 ? table.size : 100), (const char *)table.data);
    else if (status == SOMBRA_OK && missing.data != NULL)
        status =
            fmt_fail(r->error, SOMBRA_NOT_FOUND, "%s: the table '%.*s' has no column '%.*s'",
                     r->path, (int)(table.size < 100 ? table.size : 100), (const char *)table.data,
                     (int)(missing.size < 100 ? missing.size : 100), (const char *)missing.data);
    lite_free_table(&t);
    return status;
}

/* The table that is read, and which comes next. */
typedef struct table_source {
    lite *r;
    size_t next; /* among nodes, then relationships */
    const lite_nodes *nodes;
    const lite_rels *rels; /* one of the two */
    sqlite3_stmt *stmt;    /* NULL: none is open */
    const char *name;      /* for messages */
    uint64_t row, rows;    /* rows: of all tables */
} table_source;

/* False: a value is wrong, which is recorded. */
static bool read_properties(lite *r, sqlite3_stmt *stmt, int first, const lite_columns *list,
                            fmt_prop *props)
{
    for (size_t i = 0; i < list->count; i++) {
        const lite_column *c = &list->items[i];
        sombra_value value;
        const char *why;
        props[i].key = c->key;
        if (!lite_read_value(r, stmt, first + (int)i, c->type, &value, &why)) {
            fmt_add_bad(r->records, SOMBRA_TYPE_MISMATCH, i + 1, c->column, fmt_text(NULL, 0), "%s",
                        why);
            return false;
        }
        props[i].value =
            value.type < SOMBRA_TYPE_STRING ? value : fmt_value_copy(&r->records->arena, &value);
    }
    return true;
}

static void take_node(lite *r, const lite_nodes *n, sqlite3_stmt *stmt)
{
    fmt_arena *arena = &r->records->arena;
    const lite_columns *list = &n->properties;
    fmt_prop *props = fmt_arena_alloc(arena, (list->count + 1) * sizeof *props);
    fmt_id *others = fmt_arena_alloc(arena, (n->other_count + 1) * sizeof *others);
    fmt_node made = {.labels = n->labels.items,
                     .label_count = n->labels.count,
                     .other_ids = others,
                     .props = props,
                     .prop_count = list->count};
    int at = (int)n->id.count;
    bool absent;

    made.id =
        (fmt_id){.group = n->table, .text = read_id(r, stmt, 0, n->id.count, n->folds, &absent)};
    made.has_id = n->id.count != 0 && !absent;
    for (size_t i = 0; i < n->other_count; i++) {
        const lite_id *other = &n->other_ids[i];
        others[made.other_id_count] =
            (fmt_id){.group = other->group,
                     .text = read_id(r, stmt, at, other->columns->count, other->folds, &absent)};
        made.other_id_count += !absent;
        at += (int)other->columns->count;
    }
    if (read_properties(r, stmt, at, list, props)) fmt_add_node(r->records, &made);
}

static void take_rel(lite *r, const lite_rels *of, sqlite3_stmt *stmt)
{
    const lite_columns *list = &of->properties;
    fmt_prop *props = fmt_arena_alloc(&r->records->arena, (list->count + 1) * sizeof *props);
    fmt_rel made = {.type = of->type, .props = props, .prop_count = list->count};
    bool absent[2];
    int at = 0;

    for (unsigned end = 0; end < 2; end++) {
        made.ends[end] = (fmt_id){
            .group = of->groups[end],
            .text = read_id(r, stmt, at, of->keys[end].count, of->folds[end], &absent[end])};
        at += (int)of->keys[end].count;
    }
    if (absent[1] || (absent[0] && !lite_same(of->table, of->ends[0])))
        return; /* NULL refers to nothing */
    if (absent[0])
        fmt_add_bad(r->records, SOMBRA_NOT_FOUND, 0, fmt_text("start", 5), fmt_text(NULL, 0),
                    "the row's own id is NULL");
    else if (read_properties(r, stmt, at, list, props))
        fmt_add_rel(r->records, &made);
}

static bool same_columns(const lite_texts *a, const lite_texts *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++)
        if (!lite_same(a->items[i], b->items[i])) return false;
    return a->count == b->count;
}

/* city(code) */
static sombra_text group_name(lite *r, sombra_text table, const lite_texts *columns)
{
    fmt_buffer name = {0};

    fmt_put(&name, table.data, table.size);
    for (size_t i = 0; i < columns->count; i++) {
        fmt_puts(&name, i == 0 ? "(" : ", ");
        fmt_put(&name, columns->items[i].data, columns->items[i].size);
    }
    fmt_puts(&name, ")");
    const sombra_text kept = lite_keep(r, name.data, name.size);
    free(name.data);
    return kept;
}

/* How a column's texts are compared, unless an index says otherwise. */
static lite_fold declared_fold(lite *r, sombra_text table, sombra_text column)
{
    const char *collation = NULL;

    /* The names are in the arena, and end in a null byte. */
    if (sqlite3_table_column_metadata(r->db, NULL, table.data, column.data, NULL, &collation, NULL,
                                      NULL, NULL) != SQLITE_OK ||
        collation == NULL)
        return LITE_AS_IS;
    return sqlite3_stricmp(collation, "NOCASE") == 0  ? LITE_NOCASE
           : sqlite3_stricmp(collation, "RTRIM") == 0 ? LITE_RTRIM
                                                      : LITE_AS_IS;
}

sombra_status lite_is_unique(lite *r, sombra_text table, const lite_texts *columns,
                             const lite_fold *folds, bool *unique)
{
    static const char *const names[] = {"BINARY", "NOCASE", "RTRIM"};
    static const char sql[] = "SELECT i.seq, c.name, c.coll FROM pragma_index_list(?1) AS i, "
                              "pragma_index_xinfo(i.name) AS c WHERE i.\"unique\" AND NOT "
                              "i.partial AND c.key ORDER BY i.seq";
    sqlite3_stmt *stmt;
    int step, last = -1;
    size_t found = 0, others = 0;

    *unique = false;
    if (lite_prepare(r, sql, sizeof sql, table, &stmt) != SOMBRA_OK) return r->error->status;
    do { /* an index ends where another begins */
        step = sqlite3_step(stmt);
        const int index = step == SQLITE_ROW ? sqlite3_column_int(stmt, 0) : -1;
        bool same = false;
        if (index != last) {
            *unique = *unique || (columns->count != 0 && found == columns->count && others == 0);
            found = others = 0;
            last = index;
        }
        if (step != SQLITE_ROW) break;
        const sombra_text name = lite_column_text(r, stmt, 1);
        for (size_t i = 0; i < columns->count; i++)
            same = same ||
                   (lite_same(columns->items[i], name) &&
                    (folds == NULL || sqlite3_stricmp((const char *)sqlite3_column_text(stmt, 2),
                                                      names[folds[i]]) == 0));
        found += same;
        others += !same;
    } while (true);
    (void)sqlite3_finalize(stmt);
    return step == SQLITE_DONE ? SOMBRA_OK : lite_fail(r);
}

/* How the values of these columns are compared, as SQLite does it for a foreign key that refers to them. Where no index holds equal ones
 * apart, as with an id that somebody has written into a mapping, they are compared as they are. */
static sombra_status find_folds(lite *r, sombra_text table, const lite_texts *columns,
                                const lite_fold **found)
{
    lite_fold *folds = fmt_arena_alloc(&r->arena, (columns->count + 1) * sizeof *folds);
    sombra_status status = SOMBRA_OK;
    bool any = false;

    for (size_t i = 0; i < columns->count; i++) {
        folds[i] = declared_fold(r, table, columns->items[i]);
        any = any || folds[i] != LITE_AS_IS;
    }
    if (any) status = lite_is_unique(r, table, columns, folds, &any);
    for (size_t i = 0; i < columns->count && !any; i++)
        folds[i] = LITE_AS_IS;
    *found = folds;
    return status;
}

/* The group of the ids that an end refers to: the nodes' own, or one of other columns, which they get too. */
static sombra_status link_end(lite *r, lite_rels *rel, unsigned end)
{
    lite_nodes *n = lite_find_nodes(r, rel->ends[end]);
    const lite_texts *refers = &rel->refers[end];
    sombra_status status = SOMBRA_OK;
    size_t i = 0;

    assert(n != NULL); /* a proposal and a mapping that was read see to it */
    if (refers->count == 0 || same_columns(refers, &n->id)) {
        rel->groups[end] = n->table;
        rel->folds[end] = n->folds;
        return SOMBRA_OK;
    }
    while (i < n->other_count && !same_columns(refers, n->other_ids[i].columns))
        i++;
    if (i == n->other_count) {
        n->other_ids =
            fmt_grow(n->other_ids, &n->other_capacity, n->other_count + 1, sizeof *n->other_ids);
        n->other_ids[n->other_count++] =
            (lite_id){.group = group_name(r, n->table, refers), .columns = refers};
        status = find_folds(r, n->table, refers, &n->other_ids[i].folds);
    }
    rel->groups[end] = n->other_ids[i].group;
    rel->folds[end] = n->other_ids[i].folds;
    return status;
}

/* Once the mapping stands. The names' case may differ. */
static sombra_status link_ends(lite *r)
{
    sombra_status status = SOMBRA_OK;

    for (size_t i = 0; i < r->node_count && status == SOMBRA_OK; i++)
        status = find_folds(r, r->nodes[i].table, &r->nodes[i].id, &r->nodes[i].folds);
    for (size_t i = 0; i < r->rel_count; i++)
        for (unsigned end = 0; end < 2 && status == SOMBRA_OK; end++)
            status = link_end(r, &r->rels[i], end);
    return status;
}

static sombra_status select_table(table_source *s)
{
    lite *r = s->r;
    const lite_nodes *n = s->nodes;
    const size_t count = n != NULL ? 1 + n->other_count : 2;
    const lite_texts **keys = fmt_arena_alloc(&r->arena, count * sizeof *keys);
    const lite_columns *properties = n != NULL ? &n->properties : &s->rels->properties;
    const sombra_text table = n != NULL ? n->table : s->rels->table;

    for (size_t i = 0; i < count; i++)
        keys[i] = n == NULL ? &s->rels->keys[i] : i == 0 ? &n->id : n->other_ids[i - 1].columns;
    sombra_status status = check_columns(r, table, keys, count, properties);
    if (status == SOMBRA_OK) status = select_rows(r, table, keys, count, properties, &s->stmt);
    return status;
}

/* Open the next table. False: there is none, or it failed, which is recorded. */
static bool open_table(table_source *s)
{
    lite *r = s->r;
    const size_t place = s->next++;
    fmt_buffer name = {0};

    if (place >= r->node_count + r->rel_count) return false;
    assert(r->nodes != NULL || r->node_count == 0);
    s->nodes = place < r->node_count ? &r->nodes[place] : NULL;
    s->rels = s->nodes != NULL ? NULL : &r->rels[place - r->node_count];
    const sombra_text table = s->nodes != NULL ? s->nodes->table : s->rels->table;
    fmt_puts(&name, r->path);
    fmt_puts(&name, " (table ");
    fmt_put(&name, table.data, table.size < 100 ? table.size : 100);
    fmt_put(&name, ")", 1);
    s->name = lite_keep(r, name.data, name.size).data;
    free(name.data);
    s->row = 0;
    return select_table(s) == SOMBRA_OK;
}

/* Some rows of one table. */
static void cut(void *ctx, fmt_piece *piece)
{
    table_source *s = ctx;
    lite *r = s->r;
    int step = SQLITE_ROW;

    r->records = &piece->records;
    r->error = &piece->records.error;
    piece->records.path = r->path;
    if (s->stmt == NULL && !open_table(s)) {
        piece->last = true;
        return;
    }
    piece->records.path = s->name;
    while (piece->records.count < PIECE_ROWS && piece->records.arena.bytes < PIECE_BYTES &&
           (step = sqlite3_step(s->stmt)) == SQLITE_ROW) {
        fmt_records_at(&piece->records, ++s->row, NULL, 0);
        s->rows++;
        if (s->nodes != NULL)
            take_node(r, s->nodes, s->stmt);
        else
            take_rel(r, s->rels, s->stmt);
    }
    piece->size = piece->records.arena.bytes;
    piece->done = s->rows;
    if (step == SQLITE_ROW) return;
    if (step != SQLITE_DONE) (void)lite_fail(r);
    (void)sqlite3_finalize(s->stmt);
    s->stmt = NULL;
}

static void free_maps(lite *r)
{
    for (size_t i = 0; i < r->node_count; i++) {
        free(r->nodes[i].labels.items);
        free(r->nodes[i].id.items);
        free(r->nodes[i].properties.items);
        free(r->nodes[i].other_ids);
    }
    for (size_t i = 0; i < r->rel_count; i++) {
        for (unsigned end = 0; end < 2; end++) {
            free(r->rels[i].keys[end].items);
            free(r->rels[i].refers[end].items);
        }
        free(r->rels[i].properties.items);
    }
    free(r->nodes);
    free(r->rels);
    fmt_arena_free(&r->arena);
}

sombra_status fmt_read_sqlite(fmt_loader *loader, const char *path)
{
    static const fmt_steps steps = {.cut = cut};
    const fmt_options *options = fmt_loader_options(loader);
    fmt_records probed = {.path = path};
    lite r = {
        .loader = loader, .path = path, .error = fmt_loader_error(loader), .records = &probed};
    table_source s = {.r = &r};
    sombra_status status = SOMBRA_OK;

    /* The file's schema is as hostile as its rows: it may call no function that has side effects. One thread at a time uses it. */
    if (sqlite3_open_v2(path, &r.db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) !=
            SQLITE_OK ||
        sqlite3_db_config(r.db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
        sqlite3_db_config(r.db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK ||
        sqlite3_exec(r.db, "PRAGMA cell_size_check = ON; BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        status = lite_fail(&r);
    if (status == SOMBRA_OK)
        status =
            options->mapping != NULL ? lite_read_mapping(&r, options->mapping) : lite_propose(&r);
    if (status == SOMBRA_OK && options->proposal != NULL) {
        status = lite_put_mapping(&r, options->proposal);
    } else if (status == SOMBRA_OK) {
        status = link_ends(&r);
        if (status == SOMBRA_OK) status = fmt_pipeline_run(loader, &steps, &s);
    }
    (void)sqlite3_finalize(s.stmt);
    (void)sqlite3_close(r.db);
    fmt_records_free(&probed);
    free_maps(&r);
    return status;
}

#endif
