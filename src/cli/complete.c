/* complete.c — what the word before the cursor may go on as: by what stands before it, names of the graph, of functions, commands or files. */
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "editor.h"

#define WORDS_MAX 2000u

typedef struct search {
    completion *found;
    const char *typed; /* the word so far */
    size_t bytes;
} search;

/* Add a word if it goes on where the typed one ends, whatever the case of its letters. */
static void offer(search *s, const char *word, size_t bytes, const char *behind)
{
    completion *found = s->found;
    text_buffer text = {0};
    char **grown;

    if (bytes < s->bytes || strncasecmp(word, s->typed, s->bytes) != 0 || found->count == WORDS_MAX)
        return;
    put(&text, word, bytes);
    put(&text, behind, strlen(behind) + 1);
    grown = realloc(found->words, (found->count + 1) * sizeof *grown);
    if (grown == NULL) exit(complain(8, "out of memory"));
    found->words = grown;
    found->words[found->count++] = text.data;
}

/* A name of the graph, in backquotes when it is no plain one. */
static void offer_name(search *s, const char *name, size_t bytes)
{
    bool plain = bytes != 0 && !isdigit((unsigned char)name[0]);
    text_buffer quoted = {0};

    for (size_t i = 0; i < bytes; i++)
        plain = plain && (isalnum((unsigned char)name[i]) || name[i] == '_' ||
                          (unsigned char)name[i] >= 0x80);
    if (plain) {
        offer(s, name, bytes, "");
        return;
    }
    put_text(&quoted, "`");
    for (size_t i = 0; i < bytes; i++) {
        if (name[i] == '`') put_text(&quoted, "`");
        put(&quoted, name + i, 1);
    }
    put_text(&quoted, "`");
    if (s->bytes == 0 || *s->typed == '`') {
        offer(s, quoted.data, quoted.size, "");
    } else if (s->bytes <= bytes && strncasecmp(name, s->typed, s->bytes) == 0) {
        search all = {.found = s->found, .typed = ""};
        offer(&all, quoted.data, quoted.size, "");
    }
    free(quoted.data);
}

static void offer_names(shell *sh, search *s, sombra_name_kind kind)
{
    invocation *cli = &sh->cli;
    uint32_t names;

    if (begin_transaction(cli, SOMBRA_READ) != EXIT_OK) return;
    names = sombra_name_count(cli->txn, kind);
    for (uint32_t id = 1; id <= names && id <= 100000; id++) {
        size_t size;
        const char *name = sombra_name_text(cli->txn, kind, id, &size);
        uint64_t count = 1;
        if (kind != SOMBRA_KEY && sombra_name_entities(cli->txn, kind, id, &count) != SOMBRA_OK)
            break;
        if (name != NULL && count != 0 && !(kind == SOMBRA_KEY && is_dump_key(name, size)))
            offer_name(s, name, size);
    }
    (void)close_database(cli, EXIT_OK);
}

/* Names that a procedure lists: its first column. */
static void offer_listed(shell *sh, search *s, const char *query, const char *behind)
{
    sombra_stmt *stmt;
    sombra_value value;

    if (sombra_prepare(sh->cli.conn, query, SOMBRA_NUL_TERMINATED, &stmt, NULL) != SOMBRA_OK)
        return;
    while (sombra_stmt_step(stmt) == SOMBRA_ROW && sombra_stmt_column(stmt, 0, &value) == SOMBRA_OK)
        if (value.type == SOMBRA_TYPE_STRING)
            offer(s, value.as.bytes.data, value.as.bytes.size, behind);
    sombra_stmt_finalize(stmt);
}

/* Keywords, in small letters when the word was begun so. */
static void offer_keywords(search *s)
{
    const char *word;

    for (size_t i = 0; (word = scan_keyword(i)) != NULL; i++) {
        char text[32];
        size_t bytes = 0;
        const bool small = s->bytes != 0 && islower((unsigned char)*s->typed);
        for (; bytes < sizeof text && word[bytes] != '\0'; bytes++)
            text[bytes] = small ? (char)tolower((unsigned char)word[bytes]) : word[bytes];
        offer(s, text, bytes, "");
    }
}

/* Names in the text itself: variables. */
static void offer_variables(search *s, const char *text, size_t size, size_t but)
{
    for (size_t at = 0; at < size;) {
        const scan_word word = scan_next(text, size, at);
        bool known = word.start == but;
        at = word.end;
        if (word.kind != SCAN_NAME || (word.start > 0 && text[word.start - 1] == '.')) continue;
        for (size_t i = 0; i < s->found->count; i++)
            known = known ||
                    (strlen(s->found->words[i]) == word.end - word.start &&
                     memcmp(s->found->words[i], text + word.start, word.end - word.start) == 0);
        if (!known) offer(s, text + word.start, word.end - word.start, "");
    }
}

static void offer_files(search *s)
{
    const char *slash = memrchr(s->typed, '/', s->bytes);
    const size_t folder_bytes = slash == NULL ? 0 : (size_t)(slash - s->typed) + 1;
    text_buffer path = {0};
    DIR *folder;
    struct dirent *entry;

    put(&path, s->typed, folder_bytes);
    put(&path, "", 1);
    folder = opendir(path.size == 1 ? "." : path.data);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        struct stat about;
        if (entry->d_name[0] == '.' && (s->bytes == folder_bytes || s->typed[folder_bytes] != '.'))
            continue;
        path.size = folder_bytes;
        put_text(&path, entry->d_name);
        put(&path, "", 1);
        offer(s, path.data, path.size - 1,
              stat(path.data, &about) == 0 && S_ISDIR(about.st_mode) ? "/" : "");
    }
    if (folder != NULL) (void)closedir(folder);
    free(path.data);
}

/* ---- Where the cursor is -------------------------------------------------------------------------------------------------------- */

static void complete_command(shell *sh, search *s, const char *text, size_t first, size_t cursor)
{
    size_t start = cursor;
    char argument = 'f';
    const char *name;

    while (start > first && !isspace((unsigned char)text[start - 1]))
        start--;
    s->found->start = start;
    s->found->ends = true;
    if (start <= first) { /* the command itself */
        s->found->start = first + 1;
        s->typed = text + first + 1;
        s->bytes = cursor - first - 1;
        for (size_t i = 0; (name = shell_command_name(i, &argument)) != NULL; i++)
            offer(s, name, strlen(name), "");
        return;
    }
    s->typed = text + start;
    s->bytes = cursor - start;
    for (size_t i = 0; (name = shell_command_name(i, &argument)) != NULL; i++)
        if (strncmp(text + first + 1, name, strlen(name)) == 0 &&
            isspace((unsigned char)text[first + 1 + strlen(name)]))
            break;
    if (argument == 'm') {
        for (size_t i = 0; (name = format_name(i)) != NULL; i++)
            offer(s, name, strlen(name), "");
    } else if (argument == 'o') {
        offer(s, "on", 2, "");
        offer(s, "off", 3, "");
    } else if (argument == 'c') {
        for (size_t i = 0; (name = shell_command_name(i, &argument)) != NULL; i++)
            offer(s, name, strlen(name), "");
    } else if (argument == 'l') {
        offer_names(sh, s, SOMBRA_LABEL);
        offer_names(sh, s, SOMBRA_TYPE);
    } else if (argument == 'f') {
        offer_files(s);
    }
}

/* The bracket that the place lies in, or 0; the last word before it that is no space; and whether it lies in a string or comment. */
typedef struct place {
    char bracket;
    size_t before; /* where that word begins; SIZE_MAX: none */
    bool call;     /* it is CALL, or what follows it */
    bool closed;   /* nothing can be completed here */
} place;

static place find_place(const char *text, size_t start)
{
    place where = {.before = SIZE_MAX};
    char open[256];
    size_t depth = 0;

    for (size_t at = 0; at < start;) {
        const scan_word word = scan_next(text, start, at);
        const char c = text[word.start];
        at = word.end;
        where.closed = (word.kind == SCAN_STRING || word.kind == SCAN_COMMENT) &&
                       (word.open || (word.kind == SCAN_COMMENT && word.end == start));
        if (word.kind == SCAN_SPACE || word.kind == SCAN_COMMENT) continue;
        if (word.kind == SCAN_PUNCTUATION && strchr("([{", c) != NULL && depth < sizeof open)
            open[depth++] = c;
        if (word.kind == SCAN_PUNCTUATION && strchr(")]}", c) != NULL && depth != 0) depth--;
        where.call = (word.kind == SCAN_KEYWORD && word.end - word.start == 4 &&
                      strncasecmp(text + word.start, "call", 4) == 0) ||
                     (where.call && (word.kind == SCAN_NAME || c == '.'));
        where.before = word.start;
    }
    where.bracket = depth == 0 ? '\0' : open[depth - 1];
    return where;
}

static void complete_statement(shell *sh, search *s, const char *text, size_t size, size_t cursor)
{
    size_t start = cursor;
    place where;
    char before;

    while (start > 0 && (isalnum((unsigned char)text[start - 1]) || text[start - 1] == '_' ||
                         (unsigned char)text[start - 1] >= 0x80))
        start--;
    if (start > 0 && (text[start - 1] == '`' || text[start - 1] == '$')) start--;
    where = find_place(text, start);
    s->found->start = start;
    s->typed = text + start;
    s->bytes = cursor - start;
    if (where.closed) return;
    before = where.before == SIZE_MAX ? '\0' : text[where.before];
    if (s->bytes != 0 && *s->typed == '$') {
        for (size_t i = 0; i < sh->params.count; i++) {
            char name[256];
            snprintf(name, sizeof name, "$%.*s", (int)strcspn(sh->params.texts[i], "="),
                     sh->params.texts[i]);
            offer(s, name, strlen(name), "");
        }
    } else if (where.call) {
        while (s->found->start > 0 && (text[s->found->start - 1] == '.' ||
                                       isalnum((unsigned char)text[s->found->start - 1])))
            s->found->start--; /* procedures have names of several parts */
        s->typed = text + s->found->start;
        s->bytes = cursor - s->found->start;
        offer_listed(sh, s, "CALL show.procedures() YIELD name RETURN name", "(");
    } else if (before != '\0' && strchr(":|&!", before) != NULL) {
        offer_names(sh, s, where.bracket == '[' ? SOMBRA_TYPE : SOMBRA_LABEL);
    } else if (before == '.') {
        offer_names(sh, s, SOMBRA_KEY);
    } else if (where.bracket == '{' && (before == '{' || before == ',')) {
        offer_names(sh, s, SOMBRA_KEY);
    } else {
        offer_keywords(s);
        s->found->ends = s->found->count == 1;
        offer_variables(s, text, size, start);
        if (s->bytes != 0)
            offer_listed(sh, s, "CALL show.functions() YIELD name RETURN DISTINCT name", "(");
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void complete_at(shell *sh, const char *text, size_t size, size_t cursor, completion *found)
{
    search s = {.found = found};
    size_t first = 0, kept = 0;

    memset(found, 0, sizeof *found);
    while (first < size && isspace((unsigned char)text[first]))
        first++;
    if (first < cursor && (text[first] == '.' || text[first] == ':'))
        complete_command(sh, &s, text, first, cursor);
    else
        complete_statement(sh, &s, text, size, cursor);
    if (found->count == 0) return;
    qsort(found->words, found->count, sizeof *found->words, compare);
    for (size_t i = 0; i < found->count; i++) { /* each once */
        if (kept != 0 && strcmp(found->words[i], found->words[kept - 1]) == 0)
            free(found->words[i]);
        else
            found->words[kept++] = found->words[i];
    }
    found->count = kept;
}

void completion_free(completion *found)
{
    for (size_t i = 0; i < found->count; i++)
        free(found->words[i]);
    free(found->words);
    memset(found, 0, sizeof *found);
}
