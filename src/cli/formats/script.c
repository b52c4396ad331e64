/* script.c — scripts of Cypher statements, as Neo4j's apoc.export.cypher writes them for its shells, and as ours has them: statements that
 * end with ';', and between them lines for the shell: :begin and :commit (or BEGIN and COMMIT), :param name => value, SCHEMA AWAIT.
 * All of a script is one transaction, or one for each batch of statements: what begin and commit say is left out. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/formats/script_priv.h"

#define WINDOW_BYTES    ((size_t)1 << 20)
#define STATEMENT_BYTES ((size_t)16 << 20) /* the language's own limit */

typedef struct reading {
    fmt_loader *loader;
    sombra_conn *conn;
    fmt_input *input;
    const char *path;
    char *data; /* text that has been read and not taken: [at, size) */
    size_t at, size, capacity;
    bool ended;
    uint64_t line; /* of data + at */
    script_runner *runner;
    bool begun;       /* BEGIN was read, and no COMMIT behind it */
    fmt_buffer later; /* statements that are run behind all others, a NUL behind each */
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
    r->line += fmt_count_lines(r->data + r->at, bytes);
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
    static const bool is_special[256] = {
        [';'] = true, ['\''] = true, ['"'] = true, ['`'] = true, ['/'] = true};
    size_t at = 0;

    const unsigned char *bytes = (const unsigned char *)text;

    for (;;) {
        while (size - at >= 4 && !(is_special[bytes[at]] | is_special[bytes[at + 1]] |
                                   is_special[bytes[at + 2]] | is_special[bytes[at + 3]]))
            at += 4;
        while (at < size && !is_special[bytes[at]])
            at++;
        if (at >= size) return SIZE_MAX;
        if (text[at] == ';') return at;
        if (text[at] != '/') {
            at = quoted_end(text, size, at);
        } else if (size - at > 1 && (text[at + 1] == '/' || text[at + 1] == '*')) {
            const bool is_line = text[at + 1] == '/';
            const char *end = is_line ? memchr(text + at, '\n', size - at)
                                      : memmem(text + at + 2, size - at - 2, "*/", 2);
            at = end == NULL ? size : (size_t)(end - text) + (is_line ? 1 : 2);
        } else {
            at++;
        }
    }
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

/* BEGIN, COMMIT: the script is one transaction, or one for each batch, whatever they say; but one that lacks its end has been cut off. */
static bool is_transaction(reading *r, const char *text, size_t size, sombra_status *status)
{
    *status = SOMBRA_OK;
    if (begins(text, size, "BEGIN"))
        r->begun = true;
    else if (begins(text, size, "COMMIT"))
        r->begun = false;
    else if (begins(text, size, "ROLLBACK"))
        *status = fmt_broken(r->loader, SOMBRA_UNSUPPORTED, 0,
                             "a script that takes back a part of itself is for the shell (.read)");
    else
        return false;
    return true;
}

/* A key of relationships. That its properties are there is asked for when all is loaded: the script may have constraints that say so, too. */
static sombra_status take_rel_key(reading *r, const char *text, size_t unique)
{
    fmt_buffer made = {0};

    fmt_put(&made, text, unique);
    fmt_puts(&made, " IS UNIQUE");
    const sombra_status status =
        script_run(r->runner, &(script_statement){r->path, r->line, made.data, made.size});
    free(made.data);
    return status;
}

static sombra_status run_later(reading *r)
{
    const char *at = r->later.data, *end = at + r->later.size;
    sombra_status status = SOMBRA_OK;

    for (size_t size; status == SOMBRA_OK && at < end; at += size + 1) {
        size = strlen(at);
        fmt_at(r->loader, r->path, r->line, at, size);
        status = script_run(r->runner, &(script_statement){r->path, r->line, at, size});
    }
    return status;
}

/* Statements that say nothing about the graph here, or ask for what there is not. */
static sombra_status take_statement(reading *r, char *text, size_t size)
{
    static const char *const idle[] = {"SCHEMA AWAIT", "CALL db.awaitIndex",
                                       "CALL db.awaitIndexes"};
    static const char *const lacking[] = {"CREATE FULLTEXT INDEX", "CREATE LOOKUP INDEX",
                                          "CREATE VECTOR INDEX", "CALL db.index"};
    static const char *const kinds[] = {"CREATE BTREE INDEX", "CREATE POINT INDEX"};
    sombra_status status = SOMBRA_OK;

    fmt_at(r->loader, r->path, r->line, text, size);
    if (is_transaction(r, text, size, &status)) return status;
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        if (begins(text, size, idle[i])) return SOMBRA_OK;
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
    const size_t unique = script_rel_key(text, size, &r->later);
    if (unique != 0) return take_rel_key(r, text, unique);
    return script_run(r->runner, &(script_statement){r->path, r->line, text, size});
}

/* ---- Lines for the shell ------------------------------------------------------------------------------------------------ */

/* :param rows => [{…}, …]   or   :param rows: [{…}, …] */
static sombra_status set_parameter(reading *r, const char *text, size_t size)
{
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
    return script_set_parameter(r->runner, fmt_text(text + from, to - from), text + begin,
                                size - begin);
}

static sombra_status take_command(reading *r, const char *text, size_t size)
{
    sombra_status status;

    fmt_at(r->loader, r->path, r->line, text, size);
    if (is_transaction(r, text + 1, size - 1, &status)) return status;
    if (begins(text, size, ":use")) return SOMBRA_OK;
    if (begins(text, size, ":param")) return set_parameter(r, text, size);
    return fmt_broken(r->loader, SOMBRA_UNSUPPORTED, 0,
                      "'%.*s' is no command that a script may hold here",
                      (int)(size < 40 ? size : 40), text);
}

/* The line at the front, if it is one of letters and blanks alone; 0: it is not. SIZE_MAX: more text is needed to tell. Of others the end is not
 * looked for: it may be far away, behind many statements. */
static size_t plain_line_bytes(const char *text, size_t size, bool ended)
{
    size_t at = 0;

    while (at < size && (isalpha((unsigned char)text[at]) ||
                         (text[at] != '\0' && strchr(" \t\r", text[at]) != NULL)))
        at++;
    if (at == size) return ended ? size : SIZE_MAX;
    return text[at] == '\n' ? at : 0;
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
    size_t size = plain_line_bytes(text, left, r->ended);
    if (size == SIZE_MAX) return read_more(r);
    sombra_status status;
    if (*text == ':') {
        const char *newline = memchr(text, '\n', left);
        if (newline == NULL && !r->ended) return read_more(r);
        size = newline == NULL ? left : (size_t)(newline - text);
        status = take_command(r, text, size);
    } else if (is_shell_word(text, size)) {
        (void)is_transaction(r, text, size, &status);
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
    r.runner = script_runner_open(loader);
    status = read_more(&r);
    if (status == SOMBRA_OK && r.size >= 3 && memcmp(r.data, "\xEF\xBB\xBF", 3) == 0) r.at = 3;
    while (status == SOMBRA_OK && !done)
        status = take_next(&r, &done);
    if (status == SOMBRA_OK) status = run_later(&r);
    if (status == SOMBRA_OK) status = script_runner_end(r.runner);
    if (status == SOMBRA_OK && r.begun) {
        fmt_at(loader, path, r.line, NULL, 0);
        status = fmt_broken(loader, SOMBRA_SYNTAX, 0,
                            "the script does not end with COMMIT: a part of it is missing");
    }
    script_runner_close(r.runner);
    fmt_input_close(r.input);
    free(r.data);
    free(r.later.data);
    return status;
}
