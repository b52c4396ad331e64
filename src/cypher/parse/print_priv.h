/* print_priv.h — shared by print_expr.c and print_query.c. All append to out and fail for want of memory alone. */
#ifndef SB_CYPHER_PRINT_PRIV_H
#define SB_CYPHER_PRINT_PRIV_H

#include "cypher/lex/lex.h"
#include "cypher/parse/ast.h"

/* What an expression binds at least as strongly as, from expr.c's table; then: */
enum { SB_PRINT_ANY = 0, SB_PRINT_POSTFIX = 12 };

SB_MUST_CHECK sb_status sb_parse__print_text(sb_buffer *out, const char *text);
/* In parentheses if e binds less strongly. */
SB_MUST_CHECK sb_status sb_parse__print_expr(sb_buffer *out, const sb_expr *e, unsigned least);
/* "before e", nothing when e is NULL. */
SB_MUST_CHECK sb_status sb_parse__print_optional(sb_buffer *out, const char *before,
                                                 const sb_expr *e);
/* Where the grammar gives keywords a meaning of their own, in backquotes. */
SB_MUST_CHECK sb_status sb_parse__print_variable(sb_buffer *out, sb_bytes name);
SB_MUST_CHECK sb_status sb_parse__print_dotted(sb_buffer *out, sb_bytes name);
SB_MUST_CHECK sb_status sb_parse__print_type(sb_buffer *out, const sb_type_spec *type);
SB_MUST_CHECK sb_status sb_parse__print_query(sb_buffer *out, const sb_query *query);

#endif
