/* parse.h — text to syntax tree: hand-written lexer (lex/) and recursive descent with precedence climbing.
 * Promises: every byte sequence gives a tree or an error with a position; nesting is bounded (SB_CYPHER_DEPTH_MAX), so is the length
 *           of a query (SB_CYPHER_TEXT_MAX). The grammar is docs/grammar.ebnf.
 * Tests:    tests/unit/cypher/parse */
#ifndef SB_CYPHER_PARSE_H
#define SB_CYPHER_PARSE_H

#include "cypher/parse/ast.h"

#define SB_CYPHER_DEPTH_MAX 500u             /* nested expressions, patterns, sub-queries */
#define SB_CYPHER_TEXT_MAX  (16u * 1048576u) /* bytes */

/* Parse one statement; a ';' may end it. arena is the statement's. *end: bytes of text that belong to it, its ';' and white space behind
 * included, so that the next statement of a script begins there. An empty statement (white space, comments) gives *statement NULL.
 * watch is asked now and then; NULL: none. */
SB_MUST_CHECK sb_status sb_cypher_parse(sb_arena *arena, sb_bytes text, sb_cypher_watch *watch,
                                        sb_statement **statement, size_t *end, sb_err *err);

/* A|B, or nothing: the types that a relationship of variable length takes. */
bool sb_label_is_choice(const sb_label_expr *types);

#endif
