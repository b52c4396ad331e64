/* script.c — scripts of Cypher statements, as Neo4j's apoc.export.cypher writes them for its shells, and as ours has them: statements that
 * end with ';', and between them lines for the shell: :begin and :commit (or BEGIN and COMMIT), :param name => value, SCHEMA AWAIT.
 * All of a script is one transaction, or one for each batch of statements: what begin and commit say is left out. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/formats/formats.h"

#define WINDOW_BYTES    ((size_t)1 << 20)
#define STATEMENT_BYTES ((size_t)16 << 20) /* the language's own limit */

typedef struct parameter {
    sombra_text name;
    sombra_value value;
    fmt_arena arena;
} parameter;

typedef struct reading {
    fmt_loader *loader;
    sombra_conn *conn;
    fmt_input *input;
    const char *path;
    char *data; /* text that has been read and not taken: [at, size) */
    size_t at, size, capacity;
    bool ended;
    uint64_t line; /* of data + at */
    parameter *parameters;
    size_t parameter_count, parameter_capacity;
    uint64_t statements;
} reading;

static sombra_status read_more(reading *r)
{
    fmt_error *error = fmt_loader_error(r->loader);
    size_t got;

    if (r->at != 0) {
        memmove(r->data, r->data + r->at, r->size - r->at);
        r->size -= r->at;
        r->at = 0;
    }
    if (r->size > STATEMENT_BYTES + WINDOW_BYTES) {
        fmt_at(r->loader, r->path, r->line, NULL, 0);
        return fmt_broken(r->loader, SOMBRA_LIMIT, 0,
                          "a statement is longer than 16 MiB (is a quote never closed?)");
    }
    if (r->capacity - r->size < WINDOW_BYTES)
        r->data = fmt_grow(r->data, &r->capacity, r->size + WINDOW_BYTES, 1);
    if (fmt_input_read(r->input, r->data + r->size, WINDOW_BYTES, &got, error) != SOMBRA_OK)
        return error->status;
    r->size += got;
    r->ended = got < WINDOW_BYTES;
    return fmt_tick(r->loader, fmt_input_done(r->input), fmt_input_total(r->input));
}

static void skip(reading *r, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        r->line += r->data[r->at + i] == '\n';
    r->at += bytes;
}

/* ---- Where statements end ---------------------------------------------------------------------------------------- */

/* Bytes of blanks and comments at the front; SIZE_MAX: more text is needed to tell. */
static size_t blank_bytes(const char *text, size_t size, bool ended)
{
    size_t at = 0;

    while (at < size) {
        if (strchr(" \t\r\n;", text[at]) != NULL && text[at] != '\0') {
            at++;
            continue;
        }
        if (text[at] != '/') return at;
        if (size - at < 2) return ended ? at : SIZE_MAX;
        if (text[at + 1] != '/' && text[at + 1] != '*') return at;
        const bool is_line = text[at + 1] == '/';
        const char *end = is_line ? memchr(text + at, '\n', size - at)
                                  : memmem(text + at + 2, size - at - 2, "*/", 2);
        if (end == NULL) return !ended ? SIZE_MAX : is_line ? size : at;
        at = (size_t)(end - text) + (is_line ? 1 : 2);
    }
    return ended ? at : SIZE_MAX;
}

/* Behind a text in quotes that begins at at; size: its end is not there. */
static size_t quoted_end(const char *text, size_t size, size_t at)
{
    const char quote = text[at++];

    while (at < size) {
        if (text[at] == '\\' && quote != '`') {
            at += 2;
        } else if (text[at++] == quote) {
            return at; /* a doubled one begins the next text in quotes */
        }
    }
    return size;
}

/* Bytes up to the ';' that ends the statement at the front; SIZE_MAX: it is not there. */
static size_t statement_bytes(const char *text, size_t size)
{
    size_t at = 0;

    while (at < size) {
        const char c = text[at];
        if (c == ';') return at;
        if (c == '\'' || c == '"' || c == '`') {
            at = quoted_end(text, size, at);
        } else if (c == '/' && size - at > 1 && (text[at + 1] == '/' || text[at + 1] == '*')) {
            const bool is_line = text[at + 1] == '/';
            const char *end = is_line ? memchr(text + at, '\n', size - at)
                                      : memmem(text + at + 2, size - at - 2, "*/", 2);
            at = end == NULL ? size : (size_t)(end - text) + (is_line ? 1 : 2);
        } else {
            at++;
        }
    }
    return SIZE_MAX;
}

/* Does the text begin with these words, whatever their case and the blanks between them? */
static bool begins(const char *text, size_t size, const char *words)
{
    size_t at = 0;

    for (; *words != '\0'; words++) {
        if (*words == ' ') {
            const size_t before = at;
            while (at < size && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0')
                at++;
            if (at == before) return false;
        } else if (at == size || strncasecmp(text + at++, words, 1) != 0) {
            return false;
        }
    }
    return at == size || (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_",
                                 text[at]) == NULL ||
                          text[at] == '\0');
}

/* ---- Statements ----------------------------------------------------------------------------------------------------- */

/* The connection's error at its place in the file; a statement that is wrong may go to the rejects. */
static sombra_status fail_statement(reading *r, const char *text, size_t size)
{
    const sombra_error error = *sombra_error_of(r->conn);
    const sombra_text none = {NULL, 0};
    const bool is_fault = error.status == SOMBRA_SYNTAX || error.status == SOMBRA_TYPE_MISMATCH ||
                          error.status == SOMBRA_INVALID || error.status == SOMBRA_NOT_FOUND ||
                          error.status == SOMBRA_EXISTS || error.status == SOMBRA_CONSTRAINT ||
                          error.status == SOMBRA_UNSUPPORTED;
    const char *message =
        error.message[0] != '\0' ? error.message : sombra_status_text(error.status);

    if (!is_fault) return fmt_broken(r->loader, error.status, 0, "%s", message);
    fmt_at(r->loader, r->path, r->line + (error.line > 1 ? error.line - 1 : 0), text, size);
    return fmt_bad(r->loader, error.status, error.column, none, none, "%s", message);
}

static sombra_status bind(reading *r, sombra_stmt *stmt)
{
    for (size_t i = 0; i < r->parameter_count; i++) {
        const parameter *p = &r->parameters[i];
        const sombra_status status = sombra_stmt_bind(stmt, p->name.data, &p->value);
        if (status != SOMBRA_OK && status != SOMBRA_NOT_FOUND) return status;
    }
    return SOMBRA_OK;
}

static sombra_status run(reading *r, const char *text, size_t size)
{
    sombra_stmt_changes changes;
    sombra_stmt *stmt = NULL;
    sombra_status status = sombra_prepare(r->conn, text, size, &stmt, NULL);

    if (status == SOMBRA_OK && stmt == NULL) return SOMBRA_OK;
    if (status == SOMBRA_OK) status = bind(r, stmt);
    while (status == SOMBRA_OK || status == SOMBRA_ROW)
        status = sombra_stmt_step(stmt);
    if (status == SOMBRA_DONE) {
        (void)sombra_stmt_get_changes(stmt, &changes);
        status = SOMBRA_OK;
        fmt_count(r->loader, changes.nodes_created, changes.rels_created, changes.properties_set);
    } else {
        status = fail_statement(r, text, size);
    }
    sombra_stmt_finalize(stmt);
    if (status != SOMBRA_OK) return status;
    const uint64_t batch = fmt_loader_options(r->loader)->batch;
    return batch != 0 && ++r->statements % batch == 0 ? fmt_loader_commit(r->loader) : SOMBRA_OK;
}

/* Statements that say nothing about the graph here, or ask for what there is not. */
static sombra_status take_statement(reading *r, char *text, size_t size)
{
    static const char *const idle[] = {"BEGIN",
                                       "COMMIT",
                                       "ROLLBACK",
                                       "SCHEMA AWAIT",
                                       "CALL db.awaitIndex",
                                       "CALL db.awaitIndexes"};
    static const char *const lacking[] = {"CREATE FULLTEXT INDEX", "CREATE LOOKUP INDEX",
                                          "CREATE VECTOR INDEX", "CALL db.index"};
    static const char *const kinds[] = {"CREATE BTREE INDEX", "CREATE POINT INDEX"};

    fmt_at(r->loader, r->path, r->line, text, size);
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        if (begins(text, size, idle[i]) && (i > 3 || size <= strlen(idle[i]) + 12))
            return SOMBRA_OK;
    for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++)
        if (begins(text, size, lacking[i])) {
            fmt_note(r->loader, "there is no such kind of index here; the statement is left out");
            return SOMBRA_OK;
        }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (begins(text, size, kinds[i])) { /* an index of another kind that does the same here */
            char *word = text + strlen("CREATE");
            while (strchr(" \t\r\n", *word) != NULL)
                word++;
            memset(word, ' ', 5);
        }
    return run(r, text, size);
}

/* ---- Lines for the shell ------------------------------------------------------------------------------------------------ */

static sombra_value copy_value(fmt_arena *arena, const sombra_value *value)
{
    sombra_value made = *value;

    if (value->type == SOMBRA_TYPE_MAP) {
        sombra_entry *entries = fmt_arena_alloc(arena, (value->as.map.count + 1) * sizeof *entries);
        for (size_t i = 0; i < value->as.map.count; i++) {
            const sombra_entry *from = &value->as.map.entries[i];
            entries[i].key = fmt_arena_text(arena, from->key, from->key_size).data;
            entries[i].key_size = from->key_size;
            entries[i].value = copy_value(arena, &from->value);
        }
        made.as.map.entries = entries;
    } else if (value->type == SOMBRA_TYPE_LIST) {
        sombra_value *items = fmt_arena_alloc(arena, (value->as.list.count + 1) * sizeof *items);
        for (size_t i = 0; i < value->as.list.count; i++)
            items[i] = copy_value(arena, &value->as.list.items[i]);
        made.as.list.items = items;
    } else {
        made = fmt_value_copy(arena, value);
    }
    return made;
}

static parameter *parameter_of(reading *r, const char *name, size_t size)
{
    for (size_t i = 0; i < r->parameter_count; i++)
        if (r->parameters[i].name.size == size &&
            memcmp(r->parameters[i].name.data, name, size) == 0) {
            fmt_arena_free(&r->parameters[i].arena);
            return &r->parameters[i];
        }
    r->parameters = fmt_grow(r->parameters, &r->parameter_capacity, r->parameter_count + 1,
                             sizeof *r->parameters);
    r->parameters[r->parameter_count] = (parameter){.name = {NULL, 0}};
    return &r->parameters[r->parameter_count++];
}

/* :param rows => [{…}, …]   or   :param rows: [{…}, …] */
static sombra_status set_parameter(reading *r, const char *text, size_t size)
{
    fmt_buffer query = {0};
    sombra_stmt *stmt = NULL;
    sombra_value value;
    sombra_status status;
    size_t from = 6, to;

    while (from < size && (text[from] == ' ' || text[from] == '\t'))
        from++;
    for (to = from; to < size && strchr(" \t:=", text[to]) == NULL;)
        to++;
    size_t begin = to;
    while (begin < size && (text[begin] == ' ' || text[begin] == '\t'))
        begin++;
    if (to == from || begin == size ||
        (text[begin] != ':' && (size - begin < 2 || memcmp(text + begin, "=>", 2) != 0)))
        return fmt_broken(r->loader, SOMBRA_SYNTAX, 0, ":param is followed by NAME => VALUE");
    begin += text[begin] == ':' ? 1 : 2;
    fmt_puts(&query, "RETURN ");
    fmt_put(&query, text + begin, size - begin);
    status = sombra_prepare(r->conn, query.data, query.size, &stmt, NULL);
    if (status == SOMBRA_OK) status = sombra_stmt_step(stmt);
    if (status == SOMBRA_ROW && sombra_stmt_column(stmt, 0, &value) == SOMBRA_OK) {
        parameter *p = parameter_of(r, text + from, to - from);
        p->name = fmt_arena_text(&p->arena, text + from, to - from);
        p->value = copy_value(&p->arena, &value);
        status = SOMBRA_OK;
    } else {
        status = fmt_broken(r->loader, sombra_error_of(r->conn)->status, 0, "%s",
                            sombra_error_of(r->conn)->message);
    }
    sombra_stmt_finalize(stmt);
    free(query.data);
    return status;
}

static sombra_status take_command(reading *r, const char *text, size_t size)
{
    fmt_at(r->loader, r->path, r->line, text, size);
    if (begins(text, size, ":begin") || begins(text, size, ":commit") ||
        begins(text, size, ":use") || begins(text, size, ":rollback"))
        return SOMBRA_OK;
    if (begins(text, size, ":param")) return set_parameter(r, text, size);
    return fmt_broken(r->loader, SOMBRA_UNSUPPORTED, 0,
                      "'%.*s' is no command that a script may hold here",
                      (int)(size < 40 ? size : 40), text);
}

/* Words of neo4j-shell that stand alone on their line, without ';'. */
static bool is_shell_word(const char *text, size_t size)
{
    while (size != 0 && strchr(" \t\r", text[size - 1]) != NULL)
        size--;
    return (size == 5 && strncasecmp(text, "BEGIN", 5) == 0) ||
           (size == 6 && strncasecmp(text, "COMMIT", 6) == 0) ||
           (size > 11 && size < 20 && begins(text, size, "SCHEMA AWAIT"));
}

/* One statement or line; *done at the end of the text. */
static sombra_status take_next(reading *r, bool *done)
{
    const size_t blank = blank_bytes(r->data + r->at, r->size - r->at, r->ended);

    if (blank == SIZE_MAX) return read_more(r);
    skip(r, blank);
    char *text = r->data + r->at;
    const size_t left = r->size - r->at;
    if (left == 0) {
        *done = r->ended;
        return r->ended ? SOMBRA_OK : read_more(r);
    }
    const char *newline = memchr(text, '\n', left);
    if (newline == NULL && !r->ended) return read_more(r);
    const size_t line = newline == NULL ? left : (size_t)(newline - text);
    size_t size = line;
    sombra_status status;
    if (*text == ':') {
        status = take_command(r, text, line);
    } else if (is_shell_word(text, line)) {
        status = SOMBRA_OK;
    } else {
        size = statement_bytes(text, left);
        if (size == SIZE_MAX && !r->ended) return read_more(r);
        if (size == SIZE_MAX) size = left; /* the last one may lack its ';' */
        status = take_statement(r, text, size);
    }
    skip(r, size);
    return status;
}

sombra_status fmt_read_cypher(fmt_loader *loader, const char *path)
{
    reading r = {
        .loader = loader, .conn = fmt_loader_options(loader)->conn, .path = path, .line = 1};
    fmt_error *error = fmt_loader_error(loader);
    sombra_status status = SOMBRA_OK;
    bool done = false;

    fmt_at(loader, path, 1, NULL, 0);
    r.input = fmt_input_open(path, error);
    if (r.input == NULL) return error->status;
    status = read_more(&r);
    if (status == SOMBRA_OK && r.size >= 3 && memcmp(r.data, "\xEF\xBB\xBF", 3) == 0) r.at = 3;
    while (status == SOMBRA_OK && !done)
        status = take_next(&r, &done);
    fmt_input_close(r.input);
    for (size_t i = 0; i < r.parameter_count; i++)
        fmt_arena_free(&r.parameters[i].arena);
    free(r.parameters);
    free(r.data);
    return status;
}
