/* kuzu.c — the folder that Kuzu and Ladybug write with EXPORT DATABASE: schema.cypher says which tables there are, copy.cypher which
 * file has the rows of which. A node table is a label, its primary key the id and a node key; a relationship table is a type.
 * Files of Parquet are for the Python package. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/formats/csv_priv.h"

#define SCRIPT_BYTES ((size_t)64 << 20)

/* ---- Words of the scripts ---------------------------------------------------------------------------------------- */

typedef struct words {
    const char *at, *end;
    uint64_t line;
    fmt_arena *arena;
    sombra_text
        word; /* a name, a text without its quotes, a number, or one character; empty at the end */
    bool is_name, is_text;
    bool in_quotes; /* so it is no word of the language */
} words;

static void skip_blanks(words *w)
{
    while (w->at != w->end) {
        if (isspace((unsigned char)*w->at)) {
            w->line += *w->at++ == '\n';
        } else if (w->end - w->at > 1 && w->at[0] == '/' && w->at[1] == '/') {
            while (w->at != w->end && *w->at != '\n')
                w->at++;
        } else {
            return;
        }
    }
}

/* Where a text or name in quotes ends that begins at start: its quote, or the end of all. */
static const char *quoted_end(const words *w, const char *start)
{
    const char *at = start + 1;

    while (at != w->end && *at != *start)
        at += *at == '\\' && *start != '`' && w->end - at > 1 ? 2 : 1;
    return at;
}

static void next(words *w)
{
    skip_blanks(w);
    w->is_name = w->is_text = w->in_quotes = false;
    const char *start = w->at;
    if (w->at == w->end) {
        w->word = fmt_text(start, 0);
    } else if (strchr("`'\"", *start) != NULL) {
        const char *end = quoted_end(w, start);
        char *made = fmt_arena_alloc(w->arena, (size_t)(end - start)), *out = made;
        w->in_quotes = true;
        w->is_text = *start != '`';
        w->is_name = !w->is_text;
        for (w->at++; w->at != end; w->at++) {
            const bool escaped = *w->at == '\\' && w->is_text && w->end - w->at > 1;
            w->at += escaped;
            w->line += *w->at == '\n';
            *out++ = escaped && *w->at == 't' ? '\t' : *w->at;
        }
        w->at += w->at != w->end;
        w->word = fmt_text(made, (size_t)(out - made));
    } else if (isalnum((unsigned char)*start) || *start == '_' || (*start & 0x80) != 0) {
        while (w->at != w->end &&
               (isalnum((unsigned char)*w->at) || *w->at == '_' || (*w->at & 0x80) != 0))
            w->at++;
        w->is_name = true;
        w->word = fmt_text(start, (size_t)(w->at - start));
    } else {
        w->word = fmt_text(start, 1);
        w->at++;
    }
}

static bool is_word(const words *w, const char *word)
{
    return !w->in_quotes && w->word.size == strlen(word) &&
           strncasecmp(w->word.data, word, w->word.size) == 0;
}

static bool take_word(words *w, const char *word)
{
    if (!is_word(w, word)) return false;
    next(w);
    return true;
}

static void skip_statement(words *w)
{
    while (w->word.size != 0 && !is_word(w, ";"))
        next(w);
}

/* ---- Tables -------------------------------------------------------------------------------------------------------- */

typedef enum kuzu_kind {
    KIND_STRING, /* and all that has no counterpart: as text */
    KIND_INT,
    KIND_FLOAT,
    KIND_BOOL,
    KIND_BLOB,
    KIND_DATE,
    KIND_LOCAL,
    KIND_ZONED,
    KIND_INTERVAL
} kuzu_kind;

typedef struct table_column {
    sombra_text name;
    kuzu_kind kind;
    bool list;
    bool serial;
} table_column;

typedef struct table_pair {
    sombra_text from, to;
} table_pair;

typedef struct table {
    sombra_text name;
    bool is_rel;
    table_column *columns;
    size_t column_count, column_capacity;
    sombra_text key;   /* of nodes */
    table_pair *pairs; /* of relationships; each file says which is its own */
    size_t pair_count, pair_capacity;
} table;

typedef struct reading {
    fmt_loader *loader;
    const char *directory;
    fmt_arena arena;
    table *tables;
    size_t table_count, table_capacity;
    bool parquet; /* a table says that its rows are */
} reading;

static bool same_name(sombra_text a, sombra_text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static table *find_table(reading *r, sombra_text name)
{
    for (size_t i = 0; i < r->table_count; i++)
        if (same_name(r->tables[i].name, name)) return &r->tables[i];
    return NULL;
}

static void free_table(table *t)
{
    free(t->columns);
    free(t->pairs);
}

/* Does a name begin with that, and '_' behind it or its end? What is left of it then. */
static bool take_part(sombra_text *name, sombra_text part, bool last)
{
    const size_t size = part.size + !last;

    if (name->size < size || (last && name->size != size) ||
        memcmp(name->data, part.data, part.size) != 0 ||
        (!last && ((const char *)name->data)[part.size] != '_'))
        return false;
    *name = fmt_text((const char *)name->data + size, name->size - size);
    return true;
}

/* Kuzu before 0.11 has a table of its own for each pair: `Lives_Person_City`, of Lives from Person to City. */
static table *find_part(reading *r, sombra_text name, table_pair *pair)
{
    for (size_t i = 0; i < r->table_count; i++)
        for (size_t p = 0; p < r->tables[i].pair_count; p++) {
            sombra_text left = name;
            *pair = r->tables[i].pairs[p];
            if (take_part(&left, r->tables[i].name, false) && take_part(&left, pair->from, false) &&
                take_part(&left, pair->to, true))
                return &r->tables[i];
        }
    return NULL;
}

static kuzu_kind kind_of(sombra_text name)
{
    static const struct {
        const char *name;
        kuzu_kind kind;
    } known[] = {{"INT", KIND_INT},
                 {"INT8", KIND_INT},
                 {"INT16", KIND_INT},
                 {"INT32", KIND_INT},
                 {"INT64", KIND_INT},
                 {"INT128", KIND_INT},
                 {"UINT8", KIND_INT},
                 {"UINT16", KIND_INT},
                 {"UINT32", KIND_INT},
                 {"UINT64", KIND_INT},
                 {"SERIAL", KIND_INT},
                 {"FLOAT", KIND_FLOAT},
                 {"REAL", KIND_FLOAT},
                 {"DOUBLE", KIND_FLOAT},
                 {"DECIMAL", KIND_FLOAT},
                 {"NUMERIC", KIND_FLOAT},
                 {"BOOL", KIND_BOOL},
                 {"BOOLEAN", KIND_BOOL},
                 {"BLOB", KIND_BLOB},
                 {"BYTEA", KIND_BLOB},
                 {"DATE", KIND_DATE},
                 {"TIMESTAMP", KIND_LOCAL},
                 {"TIMESTAMP_NS", KIND_LOCAL},
                 {"TIMESTAMP_MS", KIND_LOCAL},
                 {"TIMESTAMP_SEC", KIND_LOCAL},
                 {"TIMESTAMP_TZ", KIND_ZONED},
                 {"INTERVAL", KIND_INTERVAL},
                 {"DURATION", KIND_INTERVAL}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (name.size == strlen(known[i].name) &&
            strncasecmp(name.data, known[i].name, name.size) == 0)
            return known[i].kind;
    return KIND_STRING;
}

/* A type and what follows it, up to the ',' or ')' behind: DECIMAL(18, 3), INT64[], STRUCT(a INT64), STRING DEFAULT 'x'. */
static bool take_type(words *w, table_column *column)
{
    size_t depth = 0, brackets = 0;

    column->kind = kind_of(w->word);
    bool is_type = true, nested = false; /* behind the type comes DEFAULT … */
    while (w->word.size != 0 && !is_word(w, ";")) {
        if (depth == 0 && (is_word(w, ",") || is_word(w, ")"))) break;
        if (is_word(w, "DEFAULT") || is_word(w, "PRIMARY")) is_type = false;
        if (is_word(w, "(")) {
            depth++;
            nested = nested || (is_type && column->kind == KIND_STRING);
        } else if (is_word(w, ")")) {
            depth--;
        } else if (is_type && depth == 0 && is_word(w, "[")) {
            brackets++;
        }
        next(w);
    }
    column->list = brackets == 1 && !nested;
    if (brackets > 1 || nested) column->kind = KIND_STRING;
    return w->word.size != 0 && depth == 0;
}

static bool take_columns(words *w, table *t)
{
    for (;;) {
        if (take_word(w, "PRIMARY")) {
            if (!take_word(w, "KEY") || !take_word(w, "(") || !w->is_name) return false;
            t->key = w->word;
            next(w);
            if (!take_word(w, ")")) return false;
        } else if (t->is_rel && take_word(w, "FROM")) {
            table_pair pair = {.from = w->word};
            next(w);
            if (!take_word(w, "TO")) return false;
            pair.to = w->word;
            t->pairs = fmt_grow(t->pairs, &t->pair_capacity, t->pair_count + 1, sizeof *t->pairs);
            t->pairs[t->pair_count++] = pair;
            next(w);
        } else if (t->is_rel && (is_word(w, "MANY_MANY") || is_word(w, "MANY_ONE") ||
                                 is_word(w, "ONE_MANY") || is_word(w, "ONE_ONE"))) {
            next(w);
        } else {
            table_column column = {.name = w->word};
            if (!w->is_name) return false;
            next(w);
            column.serial = is_word(w, "SERIAL");
            const char *type = w->at;
            if (!take_type(w, &column)) return false;
            if (memmem(type, (size_t)(w->at - type), "PRIMARY", 7) != NULL) t->key = column.name;
            t->columns =
                fmt_grow(t->columns, &t->column_capacity, t->column_count + 1, sizeof *t->columns);
            t->columns[t->column_count++] = column;
        }
        if (take_word(w, ",")) continue;
        return take_word(w, ")");
    }
}

static sombra_status fail_script(reading *r, const char *path, const words *w, const char *why)
{
    fmt_at(r->loader, path, w->line, NULL, 0);
    return fmt_broken(r->loader, SOMBRA_SYNTAX, 0, "%s, at '%.*s'", why,
                      (int)(w->word.size < 60 ? w->word.size : 60), (const char *)w->word.data);
}

/* CREATE NODE TABLE name (…), CREATE REL TABLE [GROUP] name (…). */
static sombra_status take_create(reading *r, const char *path, words *w)
{
    table t = {.is_rel = is_word(w, "REL")};
    bool good;

    next(w);
    good = take_word(w, "TABLE");
    (void)take_word(w, "GROUP");
    if (take_word(w, "IF")) good = good && take_word(w, "NOT") && take_word(w, "EXISTS");
    t.name = w->word;
    good = good && w->is_name && t.name.size != 0;
    next(w);
    good = good && take_word(w, "(") && take_columns(w, &t);
    if (!good) {
        free_table(&t);
        return fail_script(r, path, w, "this is no table as EXPORT DATABASE writes it");
    }
    if (t.is_rel ? t.pair_count == 0 : t.key.size == 0) {
        free_table(&t);
        return fail_script(
            r, path, w, t.is_rel ? "the table has no FROM and TO" : "the table has no primary key");
    }
    if (find_table(r, t.name) != NULL) {
        free_table(&t);
        return fail_script(r, path, w, "a table is there twice");
    }
    r->tables = fmt_grow(r->tables, &r->table_capacity, r->table_count + 1, sizeof *r->tables);
    r->tables[r->table_count++] = t;
    while (w->word.size != 0 && !is_word(w, ";")) { /* WITH (…) */
        r->parquet = r->parquet || (w->is_text && same_name(w->word, fmt_text("icebug-disk", 11)));
        next(w);
    }
    if (t.is_rel) return SOMBRA_OK;
    fmt_at(r->loader, path, w->line, NULL, 0);
    const fmt_schema schema = {
        .kind = fmt_text("node-key", 8), .on = t.name, .keys = &t.key, .key_count = 1};
    return fmt_load_schema(r->loader, &schema);
}

static sombra_status read_schema(reading *r, const char *path, words *w)
{
    sombra_status status = SOMBRA_OK;

    next(w);
    while (w->word.size != 0 && status == SOMBRA_OK) {
        if (take_word(w, ";")) continue;
        const bool drops = is_word(w, "DROP") || is_word(w, "RETURN");
        if (take_word(w, "CREATE") && (is_word(w, "NODE") || is_word(w, "REL"))) {
            status = take_create(r, path, w);
        } else if (drops || is_word(w, "SEQUENCE")) { /* how SERIAL keys are counted */
            skip_statement(w);
        } else {
            fmt_at(r->loader, path, w->line, NULL, 0);
            fmt_note(r->loader, "the statement makes no table, and is left out");
            skip_statement(w);
        }
    }
    return status;
}

/* ---- Values ------------------------------------------------------------------------------------------------------------ */

#define PART_MAX                                                                                   \
    1000000000000LL /* of an interval: Kuzu's own are smaller, and a text has room for few of them */

/* 3 years 2 months 13 days 01:02:03.5: as ISO 8601. False: it is none. */
static bool iso_duration(sombra_text text, char *out, size_t room)
{
    static const struct {
        const char *unit;
        char letter;
        bool is_time;
    } units[] = {{"year", 'Y', false},  {"month", 'M', false}, {"day", 'D', false},
                 {"hour", 'H', true},   {"minute", 'M', true}, {"min", 'M', true},
                 {"second", 'S', true}, {"sec", 'S', true}};
    char few[128], *at = few, *word;
    long long parts[6] = {0}; /* years … seconds */
    double seconds = 0;
    const char letters[] = "YMDHMS";

    if (text.size >= sizeof few || text.size == 0) return false;
    memcpy(few, text.data, text.size);
    few[text.size] = '\0';
    while (*(at += strspn(at, " ")) != '\0') {
        const bool negative = *at == '-';
        const long long number = strtoll(at, &word, 10);
        if (word == at || number > PART_MAX || number < -PART_MAX) return false;
        if (*word == ':') {
            char *rest;
            const long long minutes = strtoll(word + 1, &rest, 10);
            if (*rest != ':') return false;
            const double part = strtod(rest + 1, &at);
            if (at == rest + 1 || minutes < 0 || minutes > 59 || part < 0 || part >= 60)
                return false;
            parts[3] += number;
            parts[4] += negative ? -minutes : minutes;
            seconds += negative ? -part : part;
            continue;
        }
        word += strspn(word, " ");
        size_t i = 0;
        while (i < sizeof units / sizeof *units &&
               strncmp(word, units[i].unit, strlen(units[i].unit)) != 0)
            i++;
        if (i == sizeof units / sizeof *units) return false;
        at = word + strcspn(word, " ");
        for (size_t p = units[i].is_time ? 3 : 0; p < 6; p++)
            if (letters[p] == units[i].letter) {
                parts[p] += number;
                break;
            }
    }
    (void)snprintf(out, room, "P%lldY%lldM%lldDT%lldH%lldM%.9gS", parts[0], parts[1], parts[2],
                   parts[3], parts[4], seconds + (double)parts[5]);
    return true;
}

static bool read_blob(fmt_arena *arena, sombra_text text, sombra_value *value)
{
    const char *at = text.data, *end = at + text.size;
    uint8_t *bytes = fmt_arena_alloc(arena, text.size + 1);
    size_t count = 0;

    while (at != end) {
        if (*at != '\\') {
            bytes[count++] = (uint8_t)*at++;
            continue;
        }
        char digits[3] = {0}, *stop;
        if (end - at < 4 || at[1] != 'x') return false;
        memcpy(digits, at + 2, 2);
        bytes[count++] = (uint8_t)strtoul(digits, &stop, 16);
        if (stop != digits + 2) return false;
        at += 4;
    }
    *value = sombra_bytes(bytes, count);
    return true;
}

static bool read_scalar(fmt_records *r, kuzu_kind kind, sombra_text text, sombra_value *value,
                        const char **why)
{
    static const char *const names[] = {"string", "int",           "float",    "boolean", "bytes",
                                        "date",   "localdatetime", "datetime", "duration"};
    char few[160];

    if (kind == KIND_BLOB) {
        *why = "the text is no BLOB";
        return read_blob(&r->arena, text, value);
    }
    if (kind == KIND_INTERVAL && iso_duration(text, few, sizeof few))
        text = fmt_arena_text(&r->arena, few, strlen(few));
    return fmt_value_of(r, names[kind], text, value, why);
}

/* [a,b c,3]: Kuzu puts no quotes around items, so a text with a comma in it comes back as two. */
static bool read_list(fmt_records *r, kuzu_kind kind, sombra_text text, sombra_value *value,
                      const char **why)
{
    const char *at = text.data, *end = at + text.size;
    size_t count = 0, capacity = 0;
    sombra_value *items = NULL;

    *why = "the text is no list";
    if (text.size < 2 || *at != '[' || end[-1] != ']') return false;
    at++;
    end--;
    while (at != end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const sombra_text item = fmt_text(at, (size_t)((comma == NULL ? end : comma) - at));
        at = comma == NULL ? end : comma + 1;
        if (count == capacity) {
            sombra_value *grown = fmt_arena_alloc(&r->arena, (2 * capacity + 4) * sizeof *grown);
            if (count != 0) memcpy(grown, items, count * sizeof *grown);
            items = grown;
            capacity = 2 * capacity + 4;
        }
        if (item.size == 0 && kind != KIND_STRING && kind != KIND_BLOB) {
            *why = "a list that holds a NULL is no property";
            return false;
        }
        if (!read_scalar(r, kind, item, &items[count++], why)) return false;
    }
    *value = (sombra_value){.type = SOMBRA_TYPE_LIST};
    value->as.list.items = items;
    value->as.list.count = count;
    return true;
}

/* ---- Rows -------------------------------------------------------------------------------------------------------------------- */

/* A file of a table: which of its columns are in it, in which order. */
typedef struct source {
    const table *table;
    const table_column **columns;
    size_t column_count, key_column; /* key_column: of nodes, the key's place, or column_count */
    sombra_text file, from, to;
    bool header, serial; /* serial: the table has a column that is counted */
    fmt_cutter cutter;
    csv_search search;
} source;

/* Values of a row's cells behind the ends. False: one is wrong, which is recorded. */
static bool read_cells(const source *s, const csv_rows *rows, fmt_records *r, fmt_prop *props,
                       size_t *prop_count)
{
    const size_t front = s->table->is_rel ? 2 : 0;
    const sombra_text none = {NULL, 0};
    const char *why;

    *prop_count = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const csv_cell *cell = &rows->cells[i];
        if (!fmt_utf8_valid(cell->text.data, cell->text.size)) {
            fmt_add_bad(r, SOMBRA_SYNTAX, i + 1, none, none, "the cell is not valid UTF-8");
            return false;
        }
        if (i < front || (cell->text.size == 0 && !cell->quoted)) continue;
        const table_column *c = s->columns[i - front];
        fmt_prop *prop = &props[(*prop_count)++];
        prop->key = c->name;
        if (!(c->list ? read_list : read_scalar)(r, c->kind, cell->text, &prop->value, &why)) {
            fmt_add_bad(r, SOMBRA_TYPE_MISMATCH, i + 1, c->name, none, "%s", why);
            return false;
        }
    }
    return true;
}

static void take_row(const source *s, const csv_rows *rows, fmt_records *r)
{
    const sombra_text none = {NULL, 0};
    const size_t front = s->table->is_rel ? 2 : 0;
    fmt_prop *props = fmt_arena_alloc(&r->arena, (s->column_count + 1) * sizeof *props);
    size_t prop_count;

    if (rows->count != s->column_count + front) {
        fmt_add_bad(r, SOMBRA_SYNTAX, 0, none, none, "%zu cells where the table has %zu%s",
                    rows->count, s->column_count + front,
                    s->serial ? " (Kuzu 0.4 writes no SERIAL columns: export with 0.5 or later)"
                              : "");
        return;
    }
    if (!read_cells(s, rows, r, props, &prop_count)) return;
    if (s->table->is_rel) {
        const fmt_rel rel = {.type = s->table->name,
                             .ends = {{.group = s->from, .text = rows->cells[0].text},
                                      {.group = s->to, .text = rows->cells[1].text}},
                             .props = props,
                             .prop_count = prop_count};
        fmt_add_rel(r, &rel);
        return;
    }
    const csv_cell *key = s->key_column < s->column_count ? &rows->cells[s->key_column] : NULL;
    if (key == NULL || (key->text.size == 0 && !key->quoted)) {
        fmt_add_bad(r, SOMBRA_SYNTAX, 0, s->table->key, none, "the primary key is absent");
        return;
    }
    const fmt_node node = {.id = {.group = s->table->name, .text = key->text},
                           .has_id = true,
                           .labels = &s->table->name,
                           .label_count = 1,
                           .props = props,
                           .prop_count = prop_count};
    fmt_add_node(r, &node);
}

static void cut_rows(void *ctx, fmt_piece *piece)
{
    source *s = ctx;

    fmt_cut(&s->cutter, piece);
}

static size_t place_rows(void *ctx, const char *text, size_t size)
{
    source *s = ctx;

    return csv_place(&s->search, text, size);
}

static void parse_rows(void *ctx, fmt_piece *piece)
{
    const source *s = ctx;
    csv_rows rows = {.dialect = s->search.dialect,
                     .at = piece->text,
                     .end = piece->text + piece->size,
                     .line = piece->line,
                     .arena = &piece->records.arena};
    bool first = s->header && piece->number == 0;

    while (csv_next(&rows)) {
        const bool empty = rows.count == 1 && rows.cells[0].text.size == 0 &&
                           !rows.cells[0].quoted &&
                           s->column_count + (s->table->is_rel ? 2 : 0) != 1;
        fmt_records_at(&piece->records, rows.row_line, rows.row.data, rows.row.size);
        if (!first && !empty) take_row(s, &rows, &piece->records);
        first = false;
    }
    free(rows.cells);
}

static sombra_status read_rows(reading *r, source *s)
{
    static const fmt_steps steps = {.cut = cut_rows, .parse = parse_rows};
    fmt_error *error = fmt_loader_error(r->loader);
    fmt_buffer path = {0};
    const char *slash = memrchr(s->file.data, '/', s->file.size);
    const size_t skip = slash == NULL ? 0 : (size_t)(slash + 1 - (const char *)s->file.data);

    /* Only the folder is read: of a path its last part. */
    fmt_puts(&path, r->directory);
    fmt_puts(&path, "/");
    fmt_put(&path, (const char *)s->file.data + skip, s->file.size - skip);
    fmt_put(&path, "", 1);
    s->cutter.path = fmt_arena_text(&r->arena, path.data, path.size - 1).data;
    free(path.data);
    s->cutter.too_long = "a row is longer than 1 GiB (is a quote never closed?)";
    s->cutter.place = place_rows;
    s->cutter.ctx = s;
    s->cutter.input = fmt_input_open(s->cutter.path, error);
    if (s->cutter.input == NULL) return error->status;
    const sombra_status status = fmt_pipeline_run(r->loader, &steps, s);
    fmt_cutter_close(&s->cutter);
    return status;
}

/* ---- COPY ------------------------------------------------------------------------------------------------------------------ */

/* (header=true, delim=',', FROM='A', …) */
static bool take_options(words *w, source *s)
{
    if (!take_word(w, "(")) return true;
    while (!take_word(w, ")")) {
        const sombra_text name = w->word;
        if (w->word.size == 0 || is_word(w, ";")) return false;
        next(w);
        (void)take_word(w, "=");
        const words value = *w;
        const char *text = value.word.data;
        const char first = value.word.size == 0 ? '\0' : *text;
        next(w);
        (void)take_word(w, ",");
#define NAMED(x) (name.size == sizeof x - 1 && strncasecmp(name.data, x, sizeof x - 1) == 0)
        if (NAMED("header"))
            s->header = is_word(&value, "true") || (value.is_text && first == 't') || first == '1';
        else if (NAMED("delim") || NAMED("delimiter"))
            s->search.dialect.delimiter = first;
        else if (NAMED("quote"))
            s->search.dialect.quote = first;
        else if (NAMED("escape"))
            s->search.dialect.escape = first;
        else if (NAMED("from"))
            s->from = value.word;
        else if (NAMED("to"))
            s->to = value.word;
#undef NAMED
    }
    return true;
}

/* A column's place, looked for from one on; column_count: there is none. */
static size_t find_column(const table *t, sombra_text name, size_t from)
{
    for (size_t n = 0; n < t->column_count; n++) {
        const size_t i = from + n < t->column_count ? from + n : from + n - t->column_count;
        if (same_name(t->columns[i].name, name)) return i;
    }
    return t->column_count;
}

/* (`name`, `age`): columns in the order of the file. Kuzu 0.5 to 0.7 names `_ID` of relationships, too, and writes it not. */
static bool take_names(words *w, source *s)
{
    const table *t = s->table;

    if (!take_word(w, "(")) {
        for (size_t i = 0; i < t->column_count; i++)
            s->columns[s->column_count++] = &t->columns[i];
        return true;
    }
    size_t next_place = 0; /* most often they are in the table's order */
    while (!take_word(w, ")")) {
        const size_t i = find_column(t, w->word, next_place);
        if (i != t->column_count && s->column_count != t->column_count)
            s->columns[s->column_count++] = &t->columns[i];
        else if (!t->is_rel || !is_word(w, "_ID") || i != t->column_count)
            return false;
        next_place = i == t->column_count ? next_place : i + 1;
        next(w);
        (void)take_word(w, ",");
    }
    return true;
}

static bool choose_table(reading *r, sombra_text name, source *s)
{
    table_pair pair = {0};
    const table *t = find_table(r, name);

    if (t != NULL && t->pair_count == 1)
        pair = t->pairs[0];
    else if (t == NULL && (t = find_part(r, name, &pair)) == NULL)
        return false;
    s->table = t;
    s->from = pair.from;
    s->to = pair.to;
    for (size_t i = 0; i < t->column_count; i++)
        s->serial = s->serial || t->columns[i].serial;
    return true;
}

static sombra_status take_copy(reading *r, const char *path, words *w)
{
    source s = {.search = {.dialect = {.delimiter = ',', .quote = '"', .escape = '"'}}};
    const csv_dialect *d = &s.search.dialect;

    if (!choose_table(r, w->word, &s))
        return fail_script(r, path, w, "schema.cypher has no such table");
    next(w);
    s.columns = fmt_arena_alloc(&r->arena, (s.table->column_count + 1) * sizeof(table_column *));
    if (!take_names(w, &s)) return fail_script(r, path, w, "the table has no such column");
    if (!take_word(w, "FROM") || !w->is_text)
        return fail_script(r, path, w, "FROM and a file are expected");
    s.file = w->word;
    next(w);
    if (!take_options(w, &s)) return fail_script(r, path, w, "an option is not closed");
    if (!is_word(w, ";") && w->word.size != 0) return fail_script(r, path, w, "';' is expected");
    if (s.file.size > 8 &&
        strncasecmp((const char *)s.file.data + s.file.size - 8, ".parquet", 8) == 0) {
        fmt_at(r->loader, path, w->line, NULL, 0);
        return fmt_broken(
            r->loader, SOMBRA_UNSUPPORTED, 0,
            "'%.*s' is Parquet, which the command can not read: the Python package can "
            "(sombra.import_kuzu), or export with (format='csv')",
            (int)(s.file.size < 100 ? s.file.size : 100), (const char *)s.file.data);
    }
    if (d->delimiter == '\0' || d->quote == '\0' || d->escape == '\0' || d->delimiter == d->quote ||
        d->delimiter == '\n' || d->quote == '\n')
        return fail_script(r, path, w, "delim, quote and escape are one character each");
    if (s.table->is_rel && (find_table(r, s.from) == NULL || find_table(r, s.to) == NULL))
        return fail_script(r, path, w, "the relationships' node tables are not in schema.cypher");
    while (s.key_column < s.column_count && !same_name(s.columns[s.key_column]->name, s.table->key))
        s.key_column++;
    return read_rows(r, &s);
}

static sombra_status read_copy(reading *r, const char *path, words *w)
{
    sombra_status status = SOMBRA_OK;

    next(w);
    while (w->word.size != 0 && status == SOMBRA_OK) {
        if (take_word(w, ";")) continue;
        if (!take_word(w, "COPY")) return fail_script(r, path, w, "COPY is expected");
        status = take_copy(r, path, w);
    }
    return status;
}

/* ---- The folder ---------------------------------------------------------------------------------------------------------------- */

typedef sombra_status (*script_reader)(reading *r, const char *path, words *w);

static const char *path_of(reading *r, const char *name)
{
    fmt_buffer path = {0};

    fmt_puts(&path, r->directory);
    fmt_puts(&path, "/");
    fmt_puts(&path, name);
    fmt_put(&path, "", 1);
    const char *kept = fmt_arena_text(&r->arena, path.data, path.size - 1).data;
    free(path.data);
    return kept;
}

static bool has_script(reading *r, const char *name)
{
    return access(path_of(r, name), F_OK) == 0 || errno != ENOENT;
}

/* Without copy.cypher there are no rows, or they are in Parquet, as Ladybug from 0.22 on writes them. */
static sombra_status read_nothing(reading *r)
{
    fmt_at(r->loader, path_of(r, "schema.cypher"), 1, NULL, 0);
    if (r->parquet)
        return fmt_broken(r->loader, SOMBRA_UNSUPPORTED, 0,
                          "the rows are in Parquet, which the command can not read: the Python "
                          "package can (sombra.import_kuzu)");
    fmt_note(r->loader, "there is no copy.cypher: tables are made, and no rows");
    return SOMBRA_OK;
}

static sombra_status read_script(reading *r, const char *name, script_reader read)
{
    fmt_error *error = fmt_loader_error(r->loader);
    fmt_buffer text = {0};
    size_t got = 1;
    sombra_status status = SOMBRA_OK;
    const char *kept = path_of(r, name);

    fmt_input *input = fmt_input_open(kept, error);
    if (input == NULL) return error->status;
    while (status == SOMBRA_OK && got != 0) {
        char part[4096];
        status = fmt_input_read(input, part, sizeof part, &got, error);
        fmt_put(&text, part, got);
        if (status == SOMBRA_OK && text.size > SCRIPT_BYTES)
            status = fmt_fail(error, SOMBRA_LIMIT, "%s is longer than 64 MiB", kept);
    }
    fmt_input_close(input);
    if (status == SOMBRA_OK && !fmt_utf8_valid(text.data, text.size))
        status = fmt_fail(error, SOMBRA_SYNTAX, "%s is not valid UTF-8", kept);
    if (status == SOMBRA_OK) {
        const sombra_text all = fmt_arena_text(&r->arena, text.data, text.size);
        words w = {.at = all.data,
                   .end = (const char *)all.data + all.size,
                   .line = 1,
                   .arena = &r->arena};
        status = read(r, kept, &w);
    }
    free(text.data);
    return status;
}

sombra_status fmt_read_kuzu(fmt_loader *loader, const char *path)
{
    reading r = {.loader = loader, .directory = path};
    sombra_status status = read_script(&r, "schema.cypher", read_schema);

    if (status == SOMBRA_OK && has_script(&r, "copy.cypher"))
        status = read_script(&r, "copy.cypher", read_copy);
    else if (status == SOMBRA_OK)
        status = read_nothing(&r);
    for (size_t i = 0; i < r.table_count; i++)
        free_table(&r.tables[i]);
    free(r.tables);
    fmt_arena_free(&r.arena);
    return status;
}
