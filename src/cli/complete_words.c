/* complete_words.c — the words that completion offers: names of the graph, of functions and parameters, keywords, variables, files. */
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "complete.h"

#define FOUND_MAX 2000u
#define NAMES_MAX 100000u

/* ---- Words -------------------------------------------------------------------------------------------------------------------- */

/* A character of a word as it is to be written. */
static void put_spelled(text_buffer *out, const word_search *s, char c)
{
    const bool in_text = s->spelled == SPELL_TEXT && (c == s->quote || c == '\\');
    const bool in_word = s->spelled == SPELL_WORD && s->quote != '\'' &&
                         (c == '\\' || c == '"' || (s->quote == 0 && (c == '\'' || c == ' ')));

    if (s->spelled == SPELL_WORD && s->quote == '\'' && c == '\'') {
        put_text(out, "'\\'"); /* leaves the quotes for it */
    } else if (in_text || in_word) {
        put_text(out, "\\");
    }
    put(out, &c, 1);
}

void offer(word_search *s, const char *word, size_t bytes, const char *behind)
{
    completion *found = s->found;
    const size_t wanted = s->lead + s->bytes;
    text_buffer text = {0};
    char **grown;

    if (bytes < wanted || strncasecmp(word, s->typed - s->lead, wanted) != 0 ||
        memchr(word, '\n', bytes) != NULL || found->count == FOUND_MAX)
        return;
    if (s->opens) put(&text, &s->quote, 1);
    for (size_t i = s->lead; i < bytes; i++)
        put_spelled(&text, s, word[i]);
    put(&text, behind, strlen(behind) + 1);
    grown = realloc(found->words, (found->count + 1) * sizeof *grown);
    if (grown == NULL) exit(complain(8, "out of memory"));
    found->words = grown;
    found->words[found->count++] = text.data;
}

void offer_all(word_search *s, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        offer(s, words[i], strlen(words[i]), "");
}

void offer_choices(word_search *s, const char *choices)
{
    while (*choices != '\0') {
        const size_t bytes = strcspn(choices, "|");
        offer(s, choices, bytes, "");
        choices += bytes + (choices[bytes] == '|');
    }
}

/* ---- Names -------------------------------------------------------------------------------------------------------------------- */

/* In backquotes in a statement, when it is no plain one or when one was typed. */
static void offer_name(word_search *s, const char *name, size_t bytes, const char *before,
                       const char *behind)
{
    text_buffer written = {0};
    size_t ahead = strlen(before);
    word_search any = *s;

    const bool quoted = s->bytes > ahead && s->typed[ahead] == '`';

    put_text(&written, before);
    if (s->spelled != SPELL_PLAIN || (!quoted && is_plain_name(name, bytes))) {
        put(&written, name, bytes);
        offer(s, written.data, written.size, behind);
        free(written.data);
        return;
    }
    put_quoted_name(&written, name, bytes);
    written.size -= quoted && s->closed;
    any.bytes = any.lead = 0;
    if (s->bytes <= ahead || quoted)
        offer(s, written.data, written.size, behind);
    else if (s->bytes - ahead <= bytes &&
             strncasecmp(name, s->typed + ahead, s->bytes - ahead) == 0)
        offer(&any, written.data, written.size, behind);
    free(written.data);
}

void offer_names(shell *sh, word_search *s, sombra_name_kind kind, const char *behind)
{
    invocation *cli = &sh->cli;
    uint32_t names;

    if (begin_transaction(cli, SOMBRA_READ) != EXIT_OK) return;
    names = sombra_name_count(cli->txn, kind);
    for (uint32_t id = 1; id <= names && id <= NAMES_MAX; id++) {
        size_t size;
        const char *name = sombra_name_text(cli->txn, kind, id, &size);
        uint64_t count = 1;
        if (kind != SOMBRA_KEY && sombra_name_entities(cli->txn, kind, id, &count) != SOMBRA_OK)
            break;
        if (name != NULL && count != 0 && !(kind == SOMBRA_KEY && is_dump_key(name, size)))
            offer_name(s, name, size, "", behind);
    }
    (void)close_database(cli, EXIT_OK);
}

void offer_listed(shell *sh, word_search *s, const char *query, const char *behind)
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

void offer_params(shell *sh, word_search *s, const char *before)
{
    for (size_t i = 0; i < sh->params.count; i++)
        offer_name(s, sh->params.texts[i], strcspn(sh->params.texts[i], "="), before, "");
}

/* ---- Words of the language ------------------------------------------------------------------------------------------------------ */

/* In small letters when the word was begun so. */
void offer_keywords(word_search *s)
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

/* The character next to a place that is no white space, or NUL. */
static char neighbor(const char *text, size_t size, size_t at, bool left)
{
    while (left ? at > 0 && isspace((unsigned char)text[at - 1])
                : at < size && isspace((unsigned char)text[at]))
        at += left ? (size_t)-1 : 1;
    if (left) return at > 0 ? text[at - 1] : '\0';
    return at < size ? text[at] : '\0';
}

void offer_variables(word_search *s, const char *text, size_t size, size_t but)
{
    for (size_t at = 0; at < size;) {
        const scan_word word = scan_next(text, size, at);
        const char left = neighbor(text, size, word.start, true);
        /* keys of properties and maps are no variables */
        const bool key = left == '.' || ((left == '{' || left == ',') &&
                                         neighbor(text, size, word.end, false) == ':');

        at = word.end;
        if (word.kind == SCAN_NAME && word.start != but && !key)
            offer(s, text + word.start, word.end - word.start, "");
    }
}

/* ---- Files ---------------------------------------------------------------------------------------------------------------------- */

void offer_files(word_search *s)
{
    const char *slash = s->bytes == 0 ? NULL : memrchr(s->typed, '/', s->bytes);
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
