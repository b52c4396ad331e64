/* complete.c — where the cursor is, and so what the word before it may go on as: of a command its name, flags and arguments, in a statement what
 * stands before the word tells. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "complete.h"

#define PROCEDURES "CALL show.procedures() YIELD name RETURN name"
#define FUNCTIONS  "CALL show.functions() YIELD name RETURN DISTINCT name"
#define SCHEMAS                                                                                    \
    "CALL show.indexes() YIELD name RETURN name UNION CALL show.constraints() YIELD name RETURN "  \
    "name"

/* ---- In a statement ---------------------------------------------------------------------------------------------------------------- */

#define BRACKETS_MAX 256u

/* A bracket that is open. */
typedef struct bracket {
    char opened; /* 0: none */
    bool rel;    /* '[' of a relationship */
    bool call;   /* '(' of a procedure's arguments */
    bool block;  /* '{' of a subquery */
} bracket;

typedef struct place {
    bracket open[BRACKETS_MAX]; /* the first of them stands for none */
    size_t depth;               /* of the innermost one in open */
    scan_word before, earlier;  /* the last words that are neither space nor comment; end 0: none */
    scan_word last; /* the last word, if it does not end: a text, quoted name or comment */
    bool call;      /* behind CALL, in the name of a procedure */
} place;

static bool is_word(const char *text, scan_word word, const char *keyword)
{
    return word.end - word.start == strlen(keyword) &&
           strncasecmp(text + word.start, keyword, word.end - word.start) == 0;
}

static void open_bracket(place *where, const char *text, char c)
{
    const scan_word before = where->before;
    const char left = before.end == 0 ? '\0' : text[before.start];
    bracket *opened;

    if (where->depth + 1 == BRACKETS_MAX) return;
    opened = &where->open[++where->depth];
    *opened = (bracket){.opened = c};
    if (c == '[') opened->rel = left == '-';
    if (c == '(') opened->call = where->call && !is_word(text, before, "call");
    if (c == '{')
        opened->block = left == ')' || is_word(text, before, "call") ||
                        is_word(text, before, "exists") || is_word(text, before, "count") ||
                        is_word(text, before, "collect");
}

/* What the text up to a place leaves open. */
static void find_place(place *where, const char *text, size_t end)
{
    memset(where, 0, sizeof *where);
    for (size_t at = 0; at < end;) {
        const scan_word word = scan_next(text, end, at);
        const char c = text[word.start];

        at = word.end;
        /* a comment up to the line's end goes on with what is typed */
        if (word.open || (word.kind == SCAN_COMMENT && at == end && text[word.start + 1] == '/')) {
            where->last = word;
            return;
        }
        if (word.kind == SCAN_SPACE || word.kind == SCAN_COMMENT) continue;
        if (word.kind == SCAN_PUNCTUATION && strchr("([{", c) != NULL)
            open_bracket(where, text, c);
        else if (word.kind == SCAN_PUNCTUATION && strchr(")]}", c) != NULL && where->depth != 0)
            where->depth--;
        where->call =
            (word.kind == SCAN_KEYWORD && is_word(text, word, "call")) ||
            (where->call && (word.kind == SCAN_NAME || word.kind == SCAN_FUNCTION || c == '.'));
        where->earlier = where->before;
        where->before = word;
    }
}

/* Within a string: the name of a file, where one stands there. */
static void complete_text(word_search *s, const place *where, const char *text, size_t size,
                          size_t cursor)
{
    const size_t start = where->last.start + 1;
    text_buffer meant = {0};

    if (!is_word(text, where->before, "from") &&
        !(where->open[where->depth].call && text[where->before.start] == '('))
        return;
    for (size_t at = start; at < cursor; at++) {
        at += text[at] == '\\' && at + 1 < cursor;
        put(&meant, text + at, 1);
    }
    put(&meant, "", 1);
    s->typed = meant.data;
    s->bytes = meant.size - 1;
    s->spelled = SPELL_TEXT;
    s->quote = text[where->last.start];
    s->found->start = start;
    if (cursor == size || text[cursor] != s->quote) s->found->behind = s->quote == '"' ? "\"" : "'";
    offer_files(s);
    free(meant.data);
}

/* Does ':', '|', '&' or '!' before the word say that it is a label or type? */
static bool is_name_ahead(const place *where, const char *text)
{
    const char c = text[where->before.start];

    if (where->before.end == 0 || where->before.kind != SCAN_PUNCTUATION) return false;
    if (c == ':') return where->open[where->depth].opened != '{' || where->open[where->depth].block;
    return strchr("|&!", c) != NULL && where->earlier.end != 0 &&
           (where->earlier.kind == SCAN_LABEL || where->earlier.kind == SCAN_QUOTED ||
            text[where->earlier.start] == ':');
}

/* Behind a name and a dot: keys of properties; and functions whose names have several parts. */
static void complete_behind_dot(shell *sh, word_search *s, const char *text, size_t start)
{
    offer_names(sh, s, SOMBRA_KEY, "");
    while (start - s->lead > 0 &&
           (isalnum((unsigned char)text[start - s->lead - 1]) || text[start - s->lead - 1] == '.'))
        s->lead++;
    offer_listed(sh, s, FUNCTIONS, "(");
}

/* Where the word before the cursor begins, with the '`' or '$' that belongs to it. */
static size_t word_start(const place *where, const char *text, size_t cursor)
{
    size_t start = cursor;

    if (where->last.end != 0) return where->last.start; /* a quoted name that does not end */
    while (start > 0 && (isalnum((unsigned char)text[start - 1]) || text[start - 1] == '_' ||
                         (unsigned char)text[start - 1] >= 0x80))
        start--;
    return start - (start > 0 && text[start - 1] == '$');
}

static void complete_procedure(shell *sh, word_search *s, const char *text)
{
    /* their names have several parts */
    while (s->found->start > 0 && (text[s->found->start - 1] == '.' ||
                                   isalnum((unsigned char)text[s->found->start - 1]))) {
        s->found->start--;
        s->typed--;
        s->bytes++;
    }
    offer_listed(sh, s, PROCEDURES, "(");
}

/* text begins with the statement. */
static void complete_statement(shell *sh, word_search *s, const char *text, size_t size,
                               size_t cursor)
{
    place where;
    const bracket *within;
    char before;

    find_place(&where, text, cursor);
    if (where.last.end != 0 && where.last.kind == SCAN_STRING)
        complete_text(s, &where, text, size, cursor);
    if (where.last.end != 0 && where.last.kind != SCAN_QUOTED && where.last.kind != SCAN_PARAM)
        return;
    s->found->start = word_start(&where, text, cursor);
    s->typed = text + s->found->start;
    s->bytes = cursor - s->found->start;
    s->closed = cursor < size && text[cursor] == '`';
    find_place(&where, text, s->found->start);
    within = &where.open[where.depth];
    before = where.before.end == 0 ? '\0' : text[where.before.start];
    if (s->bytes != 0 && *s->typed == '$') {
        offer_params(sh, s, "$");
    } else if (where.call) {
        complete_procedure(sh, s, text);
    } else if (is_name_ahead(&where, text)) {
        offer_names(sh, s, within->rel ? SOMBRA_TYPE : SOMBRA_LABEL, "");
    } else if (before == '.') {
        complete_behind_dot(sh, s, text, s->found->start);
    } else if (is_word(text, where.before, "is")) { /* IS Person, IS NULL */
        offer_keywords(s);
        if (s->found->count == 1) s->found->behind = " ";
        offer_names(sh, s, within->rel ? SOMBRA_TYPE : SOMBRA_LABEL, "");
    } else if (within->opened == '{' && !within->block && (before == '{' || before == ',')) {
        offer_names(sh, s, SOMBRA_KEY, "");
    } else {
        offer_keywords(s);
        if (s->found->count == 1) s->found->behind = " ";
        offer_variables(s, text, size, s->found->start);
        if (s->bytes != 0) offer_listed(sh, s, FUNCTIONS, "(");
    }
}

/* ---- In a command ------------------------------------------------------------------------------------------------------------------- */

/* The value of a flag, by what help calls it: "a|b", "FILE", "[TYPE=]CSV". whole: no '=' was typed in it. */
static void complete_value(shell *sh, word_search *s, const char *called, bool whole)
{
    static const char *const files[] = {"CSV", "FILE", "SCRIPT", "JSON", "DIRECTORY"};
    bool file = false;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        file = file || strstr(called, files[i]) != NULL;
    if (strchr(called, '|') != NULL) {
        offer_choices(s, called);
        return;
    }
    if (whole && strncmp(called, "[LABEL", 6) == 0) offer_names(sh, s, SOMBRA_LABEL, "=");
    if (whole && strncmp(called, "[TYPE", 5) == 0) offer_names(sh, s, SOMBRA_TYPE, "=");
    if (file) offer_files(s);
    if (strcmp(called, "LABEL") == 0) offer_names(sh, s, SOMBRA_LABEL, "");
    if (strcmp(called, "TYPE") == 0 || strcmp(called, "LABEL") == 0)
        offer_names(sh, s, SOMBRA_TYPE, "");
    if (strncmp(called, "KEY", 3) == 0) offer_names(sh, s, SOMBRA_KEY, "");
    if (strcmp(called, "NAME") == 0) offer_listed(sh, s, SCHEMAS, "");
}

static const flag_spec *flag_of(const command *of, const char *word)
{
    const flag_spec *flag = of->flags;

    while (flag->name != NULL && (strncmp(word, "--", 2) != 0 || strcmp(word + 2, flag->name) != 0))
        flag++;
    return flag->name == NULL ? NULL : flag;
}

static void offer_flags(word_search *s, const command *of)
{
    char word[80];

    for (const flag_spec *flag = of->flags; flag->name != NULL; flag++) {
        snprintf(word, sizeof word, "--%s", flag->name);
        offer(s, word, strlen(word), "");
    }
}

/* Go on behind what is typed up to an '=', which stays as it is. */
static void skip_equals(word_search *s, const char *written)
{
    const char *equals = memchr(s->typed, '=', s->bytes);
    const size_t bytes = (size_t)(equals + 1 - s->typed);

    s->found->start += (size_t)(strchr(written, '=') + 1 - written);
    s->typed += bytes;
    s->bytes -= bytes;
    s->opens = false;
}

/* An argument that is no flag's. before: the words that stand in front of it. */
static void complete_argument(shell *sh, word_search *s, char takes, const command_words *w,
                              int before)
{
    static const char *const sets[] = {"on", "off"}, *const read_only[] = {"--read-only"},
                             *const reset[] = {"reset"}, *const clear[] = {"clear"};
    const char *name;

    if (strchr("fFg", takes) != NULL) offer_files(s);
    if (takes == 'F') offer_all(s, read_only, 1);
    if (takes == 'g') offer_all(s, sets + 1, 1);
    if (strchr("oq", takes) != NULL && before == 0) offer_all(s, sets, 2);
    if (takes == 'r' && before == 0) offer_all(s, reset, 1);
    if (takes == 'm' && before == 0)
        for (size_t i = 0; (name = format_name(i)) != NULL; i++)
            offer(s, name, strlen(name), "");
    if (takes == 'm' && before == 1 && strcmp(w->at[0], "graph") == 0)
        offer_choices(s, "auto|dot|svg");
    if (takes == 'c' && before == 0)
        for (size_t i = 0; (name = shell_command_name(i)) != NULL; i++)
            offer(s, name, strlen(name), "");
    if (takes == 'l' && before == 0) {
        offer_names(sh, s, SOMBRA_LABEL, "");
        offer_names(sh, s, SOMBRA_TYPE, "");
    }
    if (takes == 'p' && before == 0) offer_all(s, clear, 1);
    if (takes == 'p' && (before == 0 || (before == 1 && strcmp(w->at[0], "clear") == 0)))
        offer_params(sh, s, "");
    if (takes == 's' && before == 0)
        for (size_t i = 0; (name = shell_setting_name(i)) != NULL; i++)
            offer(s, name, strlen(name), "");
    if (takes == 's' && before == 1 && strcmp(w->at[0], "durability") == 0)
        offer_choices(s, "full|normal|off");
}

static void complete_words(shell *sh, word_search *s, char takes, const command *of,
                           const command_words *w)
{
    const int before = w->count - w->in_last;
    const flag_spec *flag = of == NULL || before == 0 ? NULL : flag_of(of, w->at[before - 1]);

    s->typed = w->in_last ? w->at[w->count - 1] : "";
    s->bytes = strlen(s->typed);
    s->spelled = SPELL_WORD;
    s->opens = w->in_last && (*w->last == '\'' || *w->last == '"');
    s->quote = s->opens ? *w->last : w->quote;
    s->found->behind = s->quote == 0 ? " " : s->quote == '"' ? "\" " : "' ";
    if (flag != NULL && flag->placeholder != NULL) {
        const bool whole = memchr(s->typed, '=', s->bytes) == NULL;
        if (!whole && strchr(flag->placeholder, '=') != NULL) skip_equals(s, w->last);
        complete_value(sh, s, flag->placeholder, whole);
    } else if (of != NULL && strncmp(s->typed, "--", s->bytes < 2 ? s->bytes : 2) == 0 &&
               (s->bytes != 0 || takes == ' ')) {
        offer_flags(s, of);
    } else {
        complete_argument(sh, s, takes, w, before);
    }
}

/* text begins with the '.' or ':'. */
static void complete_command(shell *sh, word_search *s, const char *text, size_t size,
                             size_t cursor)
{
    char *line = strndup(text + 1, cursor - 1);
    const size_t bytes = line == NULL ? 0 : strcspn(line, " \t");
    const command *of;
    const char *name;
    char takes;
    command_words w;

    if (line == NULL) exit(complain(8, "out of memory"));
    s->typed = line;
    if (line[bytes] == '\0') { /* the command itself */
        s->found->start = 1;
        s->found->behind = " ";
        s->bytes = bytes;
        for (size_t i = 0; (name = shell_command_name(i)) != NULL; i++)
            offer(s, name, strlen(name), "");
    } else {
        line[bytes] = '\0';
        takes = shell_command_takes(line, &of);
        split_words(line + bytes + 1, &w);
        if (takes == 'q') {
            const size_t from = (size_t)(w.rest - line) + 1;
            complete_statement(sh, s, text + from, size - from, cursor - from);
            s->found->start += from;
        }
        /* the first word of a query, or on or off */
        if (takes != 'q' || (w.last == w.rest && s->found->start == (size_t)(w.last - line) + 1)) {
            s->found->start = (size_t)(w.last - line) + 1;
            complete_words(sh, s, takes, of, &w);
        }
        free(w.text);
    }
    free(line);
}

/* ---- Both ----------------------------------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void complete_at(shell *sh, const char *text, size_t size, size_t cursor, completion *found)
{
    word_search s = {.found = found};
    scan_piece piece = scan_next_piece(text, size, 0);
    size_t kept = 0;

    memset(found, 0, sizeof *found);
    found->behind = "";
    while (piece.whole && piece.end <= cursor && (!piece.command || text[piece.end - 1] == '\n'))
        piece = scan_next_piece(text, size, piece.end);
    if (piece.start > cursor) /* in the white space before it */
        piece = (scan_piece){.start = cursor, .end = cursor};
    if (piece.command && cursor > piece.start)
        complete_command(sh, &s, text + piece.start, piece.end - piece.start, cursor - piece.start);
    else if (!piece.command)
        complete_statement(sh, &s, text + piece.start, piece.end - piece.start,
                           cursor - piece.start);
    found->start += piece.start;
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
