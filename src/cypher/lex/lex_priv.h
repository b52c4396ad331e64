/* lex_priv.h — shared by the files of lex/. */
#ifndef SB_CYPHER_LEX_PRIV_H
#define SB_CYPHER_LEX_PRIV_H

#include "cypher/lex/lex.h"

typedef struct sb_lexer {
    sb_bytes text;
    sb_arena *arena;
    sb_tokens tokens;
    uint32_t capacity;
    uint32_t innermost; /* index of the innermost open bracket, or SB_NO_PARTNER */
} sb_lexer;

/* The character at a place of the text and its bytes; 0 where the text is not UTF-8. */
size_t sb_lex__character(const sb_lexer *lexer, size_t at, int32_t *character);
bool sb_lex__continues_name(int32_t character);
sb_token sb_lex__bad(size_t start, size_t end, sb_cypher_error detail, const char *message);

/* The literal that begins at start, with a digit or '.'; with a quote. */
sb_token sb_lex__number(const sb_lexer *lexer, size_t start);
sb_token sb_lex__string(const sb_lexer *lexer, size_t start);

#endif
