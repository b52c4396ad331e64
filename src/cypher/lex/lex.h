/* lex.h — query text to tokens.
 * Promises: any bytes give tokens; what is no token becomes one of kind BAD, at which lexing stops, so that the parser reports faults in
 *           the order of the text. Tokens hold no pointers into the text but spans. Each bracket knows its partner, so that the parser looks
 *           past a pair of them in one step and never has to go back.
 * Tests:    tests/unit/cypher/lex */
#ifndef SB_CYPHER_LEX_H
#define SB_CYPHER_LEX_H

#include "base/base.h"
#include "cypher/lex/error.h"
#include "cypher/lex/watch.h"

typedef enum sb_token_kind {
#define SB_TOKEN(name, text) SB_TOKEN_##name,
#include "cypher/lex/token.def"
#undef SB_TOKEN
    SB_TOKEN_KINDS
} sb_token_kind;

typedef enum sb_keyword {
    SB_NO_KEYWORD,
#define SB_KEYWORD(name) SB_KEYWORD_##name,
#include "cypher/lex/keyword.def"
#undef SB_KEYWORD
    SB_KEYWORDS
} sb_keyword;

#define SB_NO_PARTNER UINT32_MAX

typedef struct sb_token {
    uint8_t kind; /* sb_token_kind */
    bool escaped; /* STRING, QUOTED_NAME, PARAM: the text is not what stands between the marks */
    uint16_t keyword; /* NAME: sb_keyword; BAD: sb_cypher_error */
    uint32_t partner; /* opening bracket: index of the closing one, or SB_NO_PARTNER */
    sb_span span;
    union {
        uint64_t integer;
        double real;
        const char *message; /* BAD: static */
    } value;
} sb_token;

typedef struct sb_tokens {
    sb_token *items; /* arena; the last one is END, SEMICOLON or BAD */
    uint32_t count;
} sb_tokens;

/* Tokens of the first statement of text, at most UINT32_MAX / 2 bytes; a ';' before it ends an empty one, which is passed over. Fails for
 * want of memory, and where the watch (NULL: none) ends it, alone. */
SB_MUST_CHECK sb_status sb_lex_tokens(sb_arena *arena, sb_bytes text, sb_cypher_watch *watch,
                                      sb_tokens *tokens, sb_err *err);

/* Where the statement after the one that ends at `from` begins: behind white space and comments. */
size_t sb_lex_skip_space(sb_bytes text, size_t from);

/* What a NAME, QUOTED_NAME, STRING or PARAM means: without marks, escapes resolved. Borrowed from text where nothing is escaped,
 * else arena. data is NULL for want of memory, never else. */
sb_bytes sb_lex_text(sb_arena *arena, sb_bytes text, const sb_token *token);

/* Record the fault of a BAD token. */
sb_status sb_lex_fail_bad(sb_err *err, sb_bytes text, const sb_token *token);

/* May name stand without backquotes? (Any keyword may.) */
bool sb_lex_is_plain_name(sb_bytes name);
/* Append name, in backquotes if it needs them. Append text as a string literal in single quotes. */
SB_MUST_CHECK sb_status sb_lex_print_name(sb_bytes name, sb_buffer *out);
SB_MUST_CHECK sb_status sb_lex_print_string(sb_bytes text, sb_buffer *out);

/* "'('", "a name"; "RETURN". Static. */
const char *sb_token_text(unsigned kind);
const char *sb_keyword_text(unsigned keyword);
/* SB_NO_KEYWORD when word is none; case does not matter. */
sb_keyword sb_keyword_find(sb_bytes word);

#endif
