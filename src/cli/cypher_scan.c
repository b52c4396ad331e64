/* cypher_scan.c — the words of openCypher, as far as an editor has to know them: where a statement ends, what to color, what to complete.
 * It never fails, since what is being typed is seldom whole; sombra_prepare tells errors. */
#include <ctype.h>
#include <string.h>

#include "shell.h"

/* Words that are colored and completed: those of src/cypher/lex/keyword.def that begin or join clauses (a test compares). */
static const char *const keywords[] = {
    "ALL",
    "AND",
    "ANY",
    "AS",
    "ASC",
    "ASCENDING",
    "BEGIN",
    "BY",
    "CALL",
    "CASE",
    "COMMIT",
    "CONSTRAINT",
    "CONSTRAINTS",
    "CONTAINS",
    "CREATE",
    "CSV",
    "DELETE",
    "DESC",
    "DESCENDING",
    "DETACH",
    "DIFFERENT",
    "DISTINCT",
    "DROP",
    "ELEMENTS",
    "ELSE",
    "END",
    "ENDS",
    "ERROR",
    "EXISTS",
    "EXPLAIN",
    "FALSE",
    "FIELDTERMINATOR",
    "FILTER",
    "FINISH",
    "FOR",
    "FOREACH",
    "FROM",
    "FUNCTIONS",
    "HEADERS",
    "IF",
    "IN",
    "INDEX",
    "INDEXES",
    "INSERT",
    "IS",
    "JSON",
    "KEY",
    "LET",
    "LIMIT",
    "LOAD",
    "MATCH",
    "MERGE",
    "NODE",
    "NONE",
    "NOT",
    "NULL",
    "OF",
    "OFFSET",
    "ON",
    "OPTIONAL",
    "OR",
    "ORDER",
    "PROCEDURES",
    "PROFILE",
    "RELATIONSHIPS",
    "REMOVE",
    "REPEATABLE",
    "REQUIRE",
    "RETURN",
    "ROLLBACK",
    "ROWS",
    "SET",
    "SHORTEST",
    "SHOW",
    "SINGLE",
    "SKIP",
    "STARTS",
    "THEN",
    "TRANSACTION",
    "TRANSACTIONS",
    "TRUE",
    "TYPED",
    "UNION",
    "UNIQUE",
    "UNWIND",
    "USING",
    "WHEN",
    "WHERE",
    "WITH",
    "XOR",
    "YIELD",
};

const char *scan_keyword(size_t i)
{
    return i < sizeof keywords / sizeof *keywords ? keywords[i] : NULL;
}

static bool is_keyword(const char *word, size_t bytes)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strlen(keywords[i]) == bytes && strncasecmp(keywords[i], word, bytes) == 0) return true;
    return false;
}

/* Letters, digits, '_' and all that is not ASCII: near enough to Unicode's identifiers. */
static bool in_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Behind the quote that ends what begins at start; open when there is none. */
static scan_word scan_quoted(const char *text, size_t size, size_t start, scan_kind kind)
{
    scan_word word = {.kind = kind, .start = start, .end = size, .open = true};
    const size_t first = kind == SCAN_PARAM ? start + 1 : start;
    const char quote = text[first];

    for (size_t at = first + 1; at < size; at++) {
        if (text[at] == '\\' && quote != '`') {
            at++;
        } else if (text[at] == quote) {
            word.end = at + 1;
            word.open = false;
            break;
        }
    }
    return word;
}

static scan_word scan_comment(const char *text, size_t size, size_t start)
{
    scan_word word = {.kind = SCAN_COMMENT, .start = start, .end = size};

    if (text[start + 1] == '/') {
        const char *end = memchr(text + start, '\n', size - start);
        if (end != NULL) word.end = (size_t)(end - text);
        return word;
    }
    word.open = true;
    for (size_t at = start + 2; at + 1 < size; at++) {
        if (text[at] != '*' || text[at + 1] != '/') continue;
        word.end = at + 2;
        word.open = false;
        break;
    }
    return word;
}

/* What a name is, by what stands around it. */
static scan_kind name_kind(const char *text, size_t size, size_t start, size_t end)
{
    size_t next = end, before = start;

    while (next < size && isspace((unsigned char)text[next]))
        next++;
    while (before > 0 && isspace((unsigned char)text[before - 1]))
        before--;
    if (before > 0 && text[before - 1] == '.') /* a property, or a function of several parts */
        return next < size && text[next] == '(' ? SCAN_FUNCTION : SCAN_NAME;
    if (before > 0 && strchr(":|&!", text[before - 1]) != NULL) return SCAN_LABEL;
    if (is_keyword(text + start, end - start)) return SCAN_KEYWORD;
    return next < size && text[next] == '(' ? SCAN_FUNCTION : SCAN_NAME;
}

scan_word scan_next(const char *text, size_t size, size_t start)
{
    scan_word word = {.kind = SCAN_PUNCTUATION, .start = start, .end = start + 1};
    const char c = text[start], d = start + 1 < size ? text[start + 1] : '\0';

    if (isspace((unsigned char)c)) {
        word.kind = SCAN_SPACE;
        while (word.end < size && isspace((unsigned char)text[word.end]))
            word.end++;
    } else if (c == '\'' || c == '"') {
        return scan_quoted(text, size, start, SCAN_STRING);
    } else if (c == '`') {
        return scan_quoted(text, size, start, SCAN_QUOTED);
    } else if (c == '/' && (d == '/' || d == '*')) {
        return scan_comment(text, size, start);
    } else if (c == '$' && d == '`') {
        return scan_quoted(text, size, start, SCAN_PARAM);
    } else if (c == '$' || isdigit((unsigned char)c)) {
        word.kind = c == '$' ? SCAN_PARAM : SCAN_NUMBER;
        while (word.end < size && (in_name(text[word.end]) ||
                                   (c != '$' && text[word.end] == '.' && word.end + 1 < size &&
                                    isdigit((unsigned char)text[word.end + 1]))))
            word.end++;
    } else if (in_name(c)) {
        while (word.end < size && in_name(text[word.end]))
            word.end++;
        word.kind = name_kind(text, size, start, word.end);
    }
    return word;
}

bool scan_statement(scan_end *scan, const char *text, size_t size)
{
    while (scan->at < size) {
        const char c = text[scan->at];
        const bool last = scan->at + 1 == size;
        const char d = last ? '\0' : text[scan->at + 1];

        /* What needs the next character waits for it. */
        if (last && ((scan->quote == '\'' || scan->quote == '"') ? c == '\\'
                     : scan->quote == '*'                        ? c == '*'
                                                                 : scan->quote == 0 && c == '/'))
            return false;
        scan->at++;
        if (scan->quote == '/') {
            if (c == '\n') scan->quote = 0;
        } else if (scan->quote == '*') {
            if (c == '*' && d == '/') scan->at++, scan->quote = 0;
        } else if (scan->quote != 0) {
            if (c == '\\' && scan->quote != '`') scan->at++;
            if (c == scan->quote) scan->quote = 0;
        } else if (c == '/' && (d == '/' || d == '*')) {
            scan->quote = d;
            scan->at++;
        } else if (c == ';') {
            return true;
        } else if (!isspace((unsigned char)c)) {
            scan->any = true;
            if (c == '\'' || c == '"' || c == '`') scan->quote = c;
        }
    }
    return false;
}

size_t scan_blank(const char *text, size_t size)
{
    size_t at = 0;

    while (at < size) {
        const scan_word word = scan_next(text, size, at);
        /* one up to the line's end is whole when that is there */
        if (word.kind != SCAN_SPACE && (word.kind != SCAN_COMMENT || word.open || word.end == size))
            break;
        at = word.end;
    }
    return at;
}

scan_piece scan_next_piece(const char *text, size_t size, size_t at)
{
    scan_piece piece = {.end = size};
    scan_end scan = {0};

    at += scan_blank(text + at, size - at);
    piece.start = at;
    if (at < size && (text[at] == '.' || text[at] == ':')) {
        const char *line_end = memchr(text + at, '\n', size - at);
        piece.command = piece.whole = piece.any = true;
        if (line_end != NULL) piece.end = (size_t)(line_end - text) + 1;
        return piece;
    }
    piece.whole = scan_statement(&scan, text + at, size - at);
    piece.any =
        scan.any || (!piece.whole && at + scan.at < size) || (scan.quote != 0 && scan.quote != '/');
    if (piece.whole) piece.end = at + scan.at;
    return piece;
}
