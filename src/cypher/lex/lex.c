/* lex.c — the lexer: white space and comments, names, punctuation, pairs of brackets. Numbers are in number.c, what strings and names mean
 * in text.c. */
#include "cypher/lex/lex_priv.h"

#include <utf8proc.h>

/* ---- Tables ---------------------------------------------------------------------------------------------------- */

static const char *const TOKEN_TEXTS[] = {
#define SB_TOKEN(name, text) text,
#include "cypher/lex/token.def"
#undef SB_TOKEN
};

static const char *const KEYWORD_TEXTS[] = {
    "",
#define SB_KEYWORD(name) #name,
#include "cypher/lex/keyword.def"
#undef SB_KEYWORD
};

const char *sb_token_text(unsigned kind)
{
    return kind < SB_TOKEN_KINDS ? TOKEN_TEXTS[kind] : "";
}

const char *sb_keyword_text(unsigned keyword)
{
    return keyword < SB_KEYWORDS ? KEYWORD_TEXTS[keyword] : "";
}

/* Order of word, in upper case, against a keyword. */
static int compare_keyword(sb_bytes word, const char *keyword)
{
    for (size_t i = 0; i < word.size; i++) {
        uint8_t c = word.data[i];
        if (c >= 'a' && c <= 'z') c = (uint8_t)(c - 32);
        /* A name in backquotes may hold a NUL, which would match the keyword's end. */
        if (keyword[i] == '\0') return 1;
        if (c != (uint8_t)keyword[i]) return c < (uint8_t)keyword[i] ? -1 : 1;
    }
    return keyword[word.size] == '\0' ? 0 : -1;
}

sb_keyword sb_keyword_find(sb_bytes word)
{
    unsigned low = 1;
    unsigned high = SB_KEYWORDS;

    while (low < high) {
        const unsigned middle = (low + high) / 2;
        const int order = compare_keyword(word, KEYWORD_TEXTS[middle]);
        if (order == 0) return (sb_keyword)middle;
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return SB_NO_KEYWORD;
}

/* ---- Characters ------------------------------------------------------------------------------------------------ */

size_t sb_lex__character(const sb_lexer *lexer, size_t at, int32_t *character)
{
    const uint8_t byte = lexer->text.data[at];

    if (byte < 0x80) {
        *character = byte;
        return 1;
    }
    const utf8proc_ssize_t used = utf8proc_iterate(
        lexer->text.data + at, (utf8proc_ssize_t)(lexer->text.size - at), character);
    return used > 0 ? (size_t)used : 0;
}

static bool is_digit(int32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_ascii_letter(int32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

#define CATEGORY(name) (1u << UTF8PROC_CATEGORY_##name)

static bool is_category(int32_t c, unsigned categories)
{
    return (categories >> (unsigned)utf8proc_category(c) & 1) != 0;
}

/* Unicode's ID_Start and connectors, as openCypher has it. */
static bool starts_name(int32_t c)
{
    if (c < 0x80) return is_ascii_letter(c);
    return is_category(c, CATEGORY(LU) | CATEGORY(LL) | CATEGORY(LT) | CATEGORY(LM) | CATEGORY(LO) |
                              CATEGORY(NL) | CATEGORY(PC));
}

bool sb_lex__continues_name(int32_t c)
{
    if (c < 0x80) return is_ascii_letter(c) || is_digit(c) || c == '$';
    return starts_name(c) ||
           is_category(c, CATEGORY(MN) | CATEGORY(MC) | CATEGORY(ND) | CATEGORY(SC));
}

static bool is_space(int32_t c)
{
    if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
    if (c == 0xFEFF) return true; /* a byte order mark */
    return is_category(c, CATEGORY(ZS) | CATEGORY(ZL) | CATEGORY(ZP));
}

bool sb_lex_is_plain_name(sb_bytes name)
{
    const sb_lexer lexer = {.text = name};

    if (name.size == 0) return false;
    for (size_t i = 0; i < name.size;) {
        int32_t character;
        const size_t used = sb_lex__character(&lexer, i, &character);
        if (used == 0) return false;
        if (!(i == 0 ? starts_name(character) : sb_lex__continues_name(character))) return false;
        i += used;
    }
    return true;
}

/* ---- White space ----------------------------------------------------------------------------------------------- */

static size_t comment_end(const sb_lexer *lexer, size_t from, bool *open)
{
    const sb_bytes text = lexer->text;
    size_t i = from + 2;

    if (text.data[from + 1] == '/') {
        while (i < text.size && text.data[i] != '\n' && text.data[i] != '\r')
            i++;
        return i;
    }
    for (; i + 1 < text.size; i++)
        if (text.data[i] == '*' && text.data[i + 1] == '/') return i + 2;
    *open = true;
    return from;
}

/* Past white space and comments; *open: stopped at a comment that does not end. */
static size_t skip_space(const sb_lexer *lexer, size_t from, bool *open)
{
    const sb_bytes text = lexer->text;
    size_t i = from;

    *open = false;
    while (i < text.size && !*open) {
        if (text.data[i] == '/' && i + 1 < text.size &&
            (text.data[i + 1] == '/' || text.data[i + 1] == '*')) {
            i = comment_end(lexer, i, open);
            continue;
        }
        int32_t character;
        const size_t used = sb_lex__character(lexer, i, &character);
        if (used == 0 || !is_space(character)) break;
        i += used;
    }
    return i;
}

size_t sb_lex_skip_space(sb_bytes text, size_t from)
{
    const sb_lexer lexer = {.text = text};
    bool open;

    return skip_space(&lexer, from, &open);
}

/* ---- Tokens ------------------------------------------------------------------------------------------------------ */

sb_token sb_lex__bad(size_t start, size_t end, sb_cypher_error detail, const char *message)
{
    return (sb_token){.kind = SB_TOKEN_BAD,
                      .keyword = (uint16_t)detail,
                      .span = {(uint32_t)start, (uint32_t)end},
                      .value.message = message};
}

static sb_token plain(unsigned kind, size_t start, size_t bytes)
{
    return (sb_token){.kind = (uint8_t)kind, .span = {(uint32_t)start, (uint32_t)(start + bytes)}};
}

/* End of the name characters from `from` on. */
static size_t name_end(const sb_lexer *lexer, size_t from)
{
    size_t i = from;

    while (i < lexer->text.size) {
        int32_t character;
        const size_t used = sb_lex__character(lexer, i, &character);
        if (used == 0 || !sb_lex__continues_name(character)) break;
        i += used;
    }
    return i;
}

static sb_token lex_name(const sb_lexer *lexer, size_t start)
{
    const size_t end = name_end(lexer, start);
    sb_token token = plain(SB_TOKEN_NAME, start, end - start);

    token.keyword = (uint16_t)sb_keyword_find(sb_bytes_of(lexer->text.data + start, end - start));
    return token;
}

/* `…`, `` inside standing for one. */
static sb_token lex_quoted_name(const sb_lexer *lexer, size_t start)
{
    const sb_bytes text = lexer->text;
    sb_token token = plain(SB_TOKEN_QUOTED_NAME, start, 1);

    for (size_t i = start + 1; i < text.size;) {
        int32_t character;
        const size_t used = sb_lex__character(lexer, i, &character);
        if (used == 0)
            return sb_lex__bad(i, i + 1, SB_CYPHER_INVALID_UNICODE_CHARACTER,
                               "the query is not UTF-8 here");
        i += used;
        if (character != '`') continue;
        if (i == text.size || text.data[i] != '`') {
            token.span.end = (uint32_t)i;
            return token;
        }
        token.escaped = true;
        i++;
    }
    return sb_lex__bad(start, text.size, SB_CYPHER_UNEXPECTED_SYNTAX,
                       "a name in backquotes does not end");
}

static sb_token lex_param(const sb_lexer *lexer, size_t start)
{
    const sb_bytes text = lexer->text;

    if (start + 1 < text.size && text.data[start + 1] == '`') {
        sb_token token = lex_quoted_name(lexer, start + 1);
        if (token.kind == SB_TOKEN_BAD) return token;
        token.kind = SB_TOKEN_PARAM;
        token.span.start = (uint32_t)start;
        return token;
    }
    const size_t behind = sb_lex_skip_space(text, start + 1);
    if (behind < text.size && text.data[behind] == '(') return plain(SB_TOKEN_DOLLAR, start, 1);
    const size_t end = name_end(lexer, start + 1);
    if (end == start + 1)
        return sb_lex__bad(start, start + 1, SB_CYPHER_UNEXPECTED_SYNTAX,
                           "'$' begins a parameter, but no name follows");
    return plain(SB_TOKEN_PARAM, start, end - start);
}

/* Of two characters first. */
typedef struct punctuation {
    char text[3];
    uint8_t kind;
} punctuation;

static const punctuation PUNCTUATION[] = {
    {"..", SB_TOKEN_DOTDOT},   {"::", SB_TOKEN_COLONCOLON}, {"||", SB_TOKEN_BARBAR},
    {"+=", SB_TOKEN_PLUS_EQ},  {"=~", SB_TOKEN_EQ_TILDE},   {"<>", SB_TOKEN_NE},
    {"<=", SB_TOKEN_LE},       {">=", SB_TOKEN_GE},         {"(", SB_TOKEN_LPAREN},
    {")", SB_TOKEN_RPAREN},    {"[", SB_TOKEN_LBRACKET},    {"]", SB_TOKEN_RBRACKET},
    {"{", SB_TOKEN_LBRACE},    {"}", SB_TOKEN_RBRACE},      {",", SB_TOKEN_COMMA},
    {";", SB_TOKEN_SEMICOLON}, {".", SB_TOKEN_DOT},         {":", SB_TOKEN_COLON},
    {"|", SB_TOKEN_BAR},       {"&", SB_TOKEN_AMPERSAND},   {"!", SB_TOKEN_BANG},
    {"+", SB_TOKEN_PLUS},      {"-", SB_TOKEN_MINUS},       {"*", SB_TOKEN_STAR},
    {"/", SB_TOKEN_SLASH},     {"%", SB_TOKEN_PERCENT},     {"^", SB_TOKEN_CARET},
    {"=", SB_TOKEN_EQ},        {"<", SB_TOKEN_LT},          {">", SB_TOKEN_GT},
};

static sb_token lex_punctuation(const sb_lexer *lexer, size_t start, size_t bytes)
{
    const uint8_t *p = lexer->text.data + start;
    const size_t rest = lexer->text.size - start;

    for (size_t i = 0; i < sizeof PUNCTUATION / sizeof PUNCTUATION[0]; i++) {
        const char *text = PUNCTUATION[i].text;
        if (p[0] != (uint8_t)text[0]) continue;
        if (text[1] != '\0' && (rest < 2 || p[1] != (uint8_t)text[1])) continue;
        return plain(PUNCTUATION[i].kind, start, text[1] != '\0' ? 2 : 1);
    }
    if (p[0] < 0x80)
        return sb_lex__bad(start, start + 1, SB_CYPHER_UNEXPECTED_SYNTAX,
                           "this character has no meaning here");
    if (bytes == 0)
        return sb_lex__bad(start, start + 1, SB_CYPHER_INVALID_UNICODE_CHARACTER,
                           "the query is not UTF-8 here");
    return sb_lex__bad(start, start + bytes, SB_CYPHER_INVALID_UNICODE_CHARACTER,
                       "this character has no meaning here");
}

static sb_token lex_token(const sb_lexer *lexer, size_t start)
{
    const sb_bytes text = lexer->text;
    int32_t character;
    const size_t used = sb_lex__character(lexer, start, &character);

    if (used != 0 && starts_name(character)) return lex_name(lexer, start);
    if (is_digit(character)) return sb_lex__number(lexer, start);
    switch (character) {
    case '\'':
    case '"': return sb_lex__string(lexer, start);
    case '`': return lex_quoted_name(lexer, start);
    case '$': return lex_param(lexer, start);
    case '.':
        if (start + 1 < text.size && is_digit(text.data[start + 1]))
            return sb_lex__number(lexer, start);
        break;
    default: break;
    }
    return lex_punctuation(lexer, start, used);
}

/* ---- The list ---------------------------------------------------------------------------------------------------- */

#define FIRST_TOKENS 64u

static bool grow(sb_lexer *lexer)
{
    const uint32_t capacity = lexer->capacity == 0 ? FIRST_TOKENS : lexer->capacity * 2;
    sb_token *items = sb_arena_alloc_array(lexer->arena, capacity, sizeof *items);

    if (items == NULL) return false;
    if (lexer->tokens.count != 0)
        memcpy(items, lexer->tokens.items, lexer->tokens.count * sizeof *items);
    lexer->tokens.items = items;
    lexer->capacity = capacity;
    return true;
}

/* Open brackets are a list through their partner fields, the innermost first. */
static void pair_brackets(sb_lexer *lexer, uint32_t index)
{
    sb_token *items = lexer->tokens.items;

    switch (items[index].kind) {
    case SB_TOKEN_LPAREN:
    case SB_TOKEN_LBRACKET:
    case SB_TOKEN_LBRACE:
        items[index].partner = lexer->innermost;
        lexer->innermost = index;
        break;
    case SB_TOKEN_RPAREN:
    case SB_TOKEN_RBRACKET:
    case SB_TOKEN_RBRACE: {
        const uint32_t opening = lexer->innermost;
        if (opening == SB_NO_PARTNER || items[opening].kind + 1 != items[index].kind) break;
        lexer->innermost = items[opening].partner;
        items[opening].partner = index;
        break;
    }
    default: break;
    }
}

_Static_assert(SB_TOKEN_RPAREN == SB_TOKEN_LPAREN + 1 &&
                   SB_TOKEN_RBRACKET == SB_TOKEN_LBRACKET + 1 &&
                   SB_TOKEN_RBRACE == SB_TOKEN_LBRACE + 1,
               "a closing bracket's kind follows that of its opening one");

#define UNITS_OF_A_TOKEN 64u /* and 4 for each byte (sb_cypher_work) */

sb_status sb_lex_tokens(sb_arena *arena, sb_bytes text, sb_cypher_watch *watch, sb_tokens *tokens,
                        sb_err *err)
{
    sb_lexer lexer = {.text = text, .arena = arena, .innermost = SB_NO_PARTNER};
    size_t at = 0;

    SB_ASSERT(text.size <= UINT32_MAX / 2);
    for (bool done = false; !done;) {
        const size_t begin = at;
        bool open;
        if (lexer.tokens.count == lexer.capacity && !grow(&lexer)) return SB_FAIL_NOMEM(err);
        at = skip_space(&lexer, at, &open);
        sb_token token;
        if (open) {
            token = sb_lex__bad(at, at + 2, SB_CYPHER_UNEXPECTED_SYNTAX, "a comment does not end");
        } else if (at == text.size) {
            token = plain(SB_TOKEN_END, at, 0);
        } else {
            token = lex_token(&lexer, at);
        }
        SB_TRY(sb_cypher_work(watch, UNITS_OF_A_TOKEN + 4 * (token.span.end - begin), err));
        at = token.span.end;
        if (token.kind == SB_TOKEN_SEMICOLON && lexer.tokens.count == 0) continue;
        done = token.kind == SB_TOKEN_END || token.kind == SB_TOKEN_SEMICOLON ||
               token.kind == SB_TOKEN_BAD;
        lexer.tokens.items[lexer.tokens.count] = token;
        pair_brackets(&lexer, lexer.tokens.count);
        lexer.tokens.count++;
    }
    for (uint32_t i = lexer.innermost; i != SB_NO_PARTNER;) {
        const uint32_t outer = lexer.tokens.items[i].partner;
        lexer.tokens.items[i].partner = SB_NO_PARTNER;
        i = outer;
    }
    *tokens = lexer.tokens;
    return SB_OK;
}

sb_status sb_lex_fail_bad(sb_err *err, sb_bytes text, const sb_token *token)
{
    size_t bytes = token->span.end - token->span.start;

    if (bytes > 40) bytes = 0; /* the caret shows it well enough */
    if (token->keyword == SB_CYPHER_INVALID_UNICODE_CHARACTER && bytes == 1) bytes = 0;
    return sb_cypher_fail(err, text, token->span, (sb_cypher_error)token->keyword,
                          bytes != 0 ? "'%.*s': %s" : "%.*s%s", (int)bytes,
                          (const char *)text.data + token->span.start, token->value.message);
}
