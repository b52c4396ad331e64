/* parse_priv.h — shared by the files of parse/: the parser's state, and the rules that call each other across files.
 * A rule is a function sb_parse__<rule>(p, …, result): it consumes tokens and gives a tree, or records what was expected. No rule goes
 * back: where two rules begin alike, brackets' partners tell which one it is (sb_parse__starts_pattern and its like). */
#ifndef SB_CYPHER_PARSE_PRIV_H
#define SB_CYPHER_PARSE_PRIV_H

#include "cypher/lex/lex.h"
#include "cypher/parse/parse.h"

#define SB_EXPECTED_WORDS 4u

/* What would have been accepted at token `at`: for the message, when nothing is. */
typedef struct sb_expected {
    uint32_t at;
    uint64_t tokens;                         /* bit of each sb_token_kind */
    uint64_t keywords[SB_KEYWORDS / 64 + 1]; /* bit of each sb_keyword */
    const char *words[SB_EXPECTED_WORDS];    /* "an expression"; static */
    uint32_t word_count;
} sb_expected;

typedef struct sb_parser {
    sb_arena *arena;
    sb_bytes text; /* arena: the statement */
    const sb_token *tokens;
    uint32_t token_count;
    uint32_t at;        /* index of the current token */
    uint32_t depth;     /* of rules in each other */
    uint32_t depth_max; /* SB_STACK_QUERY_FREE until somebody had to look at the stack */
    bool depth_looked_at;
    bool bar_ends; /* '|' ends the expression, and is no other label or type where both could be */
    sb_expected expected;
    sb_statement *statement;
    uint32_t param_capacity;
    uint32_t
        *param_slots; /* arena: hash table of indexes into statement->params, plus 1; 0: free */
    uint32_t param_slot_count;
    sb_cypher_watch *watch; /* may be NULL */
    sb_err *err;
} sb_parser;

/* ---- Tokens (parser.c) ------------------------------------------------------------------------------------- */

SB_INLINE const sb_token *sb_parse__token(const sb_parser *p)
{
    return &p->tokens[p->at];
}
/* The token `ahead` places on; the last one when there are fewer. */
const sb_token *sb_parse__ahead(const sb_parser *p, uint32_t ahead);
SB_INLINE bool sb_parse__is(const sb_parser *p, unsigned kind)
{
    return p->tokens[p->at].kind == kind;
}
SB_INLINE bool sb_parse__is_keyword(const sb_parser *p, unsigned keyword)
{
    return p->tokens[p->at].kind == SB_TOKEN_NAME && p->tokens[p->at].keyword == keyword;
}
/* Within brackets, and CASE … END, a '|' belongs to labels and types again: bar_ends as it was, which is put back behind them. */
SB_INLINE bool sb_parse__open_bracket(sb_parser *p)
{
    const bool bar_ends = p->bar_ends;
    p->bar_ends = false;
    return bar_ends;
}
bool sb_parse__ahead_is(const sb_parser *p, uint32_t ahead, unsigned kind);
bool sb_parse__ahead_is_keyword(const sb_parser *p, uint32_t ahead, unsigned keyword);
bool sb_parse__is_name(const sb_token *token);
/* Can the token begin an expression? */
bool sb_parse__starts_expr(const sb_token *token);
void sb_parse__advance(sb_parser *p);
/* Consume the token if it is of that kind; else remember that it was expected. */
bool sb_parse__accept(sb_parser *p, unsigned kind);
bool sb_parse__accept_keyword(sb_parser *p, unsigned keyword);
/* The same, or fail. */
SB_MUST_CHECK sb_status sb_parse__expect(sb_parser *p, unsigned kind);
SB_MUST_CHECK sb_status sb_parse__expect_keyword(sb_parser *p, unsigned keyword);
/* Remember that something was expected here: a static text. */
void sb_parse__expecting(sb_parser *p, const char *word);
/* The current token fits nothing that was expected. */
sb_status sb_parse__unexpected(sb_parser *p) SB_COLD;
sb_status sb_parse__nomem(sb_parser *p) SB_COLD;
#define sb_parse__unexpected(p) sb_err_failed(sb_parse__unexpected(p))
#define sb_parse__nomem(p)      sb_err_failed(sb_parse__nomem(p))
/* Bound nesting: each enter that succeeds has its leave. */
SB_MUST_CHECK sb_status sb_parse__enter(sb_parser *p);
void sb_parse__leave(sb_parser *p);
/* From the start of token `first` to the end of the one before the current. */
sb_span sb_parse__span_from(const sb_parser *p, uint32_t first);
sb_bytes sb_parse__source(const sb_parser *p, uint32_t first);

/* Names and strings: their meaning. what: "a label", for the message. */
SB_MUST_CHECK sb_status sb_parse__name(sb_parser *p, const char *what, sb_bytes *name);
SB_MUST_CHECK sb_status sb_parse__token_text(sb_parser *p, const sb_token *token, sb_bytes *text);
/* a.b.c */
SB_MUST_CHECK sb_status sb_parse__dotted_name(sb_parser *p, const char *what, sb_bytes *name);

/* ---- Memory --------------------------------------------------------------------------------------------------- */

/* Zeroed. */
SB_MUST_CHECK sb_status sb_parse__alloc(sb_parser *p, size_t bytes, void *place);
/* Room for one more item in an arena's array: *items (of size bytes each) may move. */
SB_MUST_CHECK sb_status sb_parse__room(sb_parser *p, void *items, uint32_t count, size_t size);
/* Append a copy of value (an lvalue of the item's type) to items, whose count goes up. */
#define SB_PARSE_PUSH(p, items, count, value)                                                      \
    do {                                                                                           \
        SB_TRY(sb_parse__room((p), (void *)&(items), (count), sizeof *(items)));                   \
        (items)[(count)++] = (value);                                                              \
    } while (0)

/* ---- Expressions (expr.c, atom.c) ------------------------------------------------------------------------------ */

SB_MUST_CHECK sb_status sb_parse__expr(sb_parser *p, sb_expr **e);
/* Behind CASE operand … WHEN: a value (*is_value), or what it means as a condition: alternatives (1, 2), comparisons (< 3, IS NULL). */
SB_MUST_CHECK sb_status sb_parse__alternatives(sb_parser *p, sb_expr *operand, sb_expr **e,
                                               bool *is_value);
/* The condition that such a value means. */
SB_MUST_CHECK sb_status sb_parse__case_equals(sb_parser *p, sb_expr *operand, sb_expr **value);
/* One that a '|' ends, outside of brackets in it. */
SB_MUST_CHECK sb_status sb_parse__before_bar(sb_parser *p, sb_expr **e);
/* An atom with what hangs on it: properties, indexes; labels (n:A) when asked. */
SB_MUST_CHECK sb_status sb_parse__postfix(sb_parser *p, bool labels, sb_expr **e);
SB_MUST_CHECK sb_status sb_parse__atom(sb_parser *p, sb_expr **e);
/* A new node with room for arg_count args; its span begins at token first and is set by _finish. */
SB_MUST_CHECK sb_status sb_parse__new(sb_parser *p, sb_expr_kind kind, uint32_t arg_count,
                                      sb_expr **e);
/* Span, depth and weight of a node whose args are there; LimitExceeded where it is too deep. */
SB_MUST_CHECK sb_status sb_parse__finish(sb_parser *p, uint32_t first, sb_expr *e);
/* {key: value, …} */
SB_MUST_CHECK sb_status sb_parse__map(sb_parser *p, sb_expr **e);
/* expr, expr, … up to closing, which is consumed; may be empty. */
SB_MUST_CHECK sb_status sb_parse__expr_list(sb_parser *p, unsigned closing, sb_expr ***items,
                                            uint32_t *count);
SB_MUST_CHECK sb_status sb_parse__param(sb_parser *p, sb_expr **e);
SB_MUST_CHECK sb_status sb_parse__type(sb_parser *p, const sb_type_spec **type);

/* ---- Patterns (pattern.c, label.c) ------------------------------------------------------------------------------ */

/* Does a pattern with at least one relationship begin at token i, a '('? Where it ends: index of the token behind; 0: no. */
uint32_t sb_parse__pattern_end(const sb_parser *p, uint32_t i);

/* Where a pattern as a value may begin, token i: an error at the quantifier if one follows an arrow of it. */
SB_MUST_CHECK sb_status sb_parse__refuse_quantifier(sb_parser *p, uint32_t i);
SB_MUST_CHECK sb_status sb_parse__pattern(sb_parser *p, sb_pattern *pattern);
SB_MUST_CHECK sb_status sb_parse__pattern_part(sb_parser *p, sb_pattern_part **part);
/* Without path variable, selector and quantifiers: in expressions. */
SB_MUST_CHECK sb_status sb_parse__plain_pattern(sb_parser *p, sb_pattern_part **part);
/* shortestPath(…) or allShortestPaths(…), when it is the current token. */
SB_MUST_CHECK sb_status sb_parse__shortest(sb_parser *p, sb_pattern_part **part);
bool sb_parse__is_shortest(const sb_parser *p);
/* Behind ':' or IS. colons: A:B means A&B. */
SB_MUST_CHECK sb_status sb_parse__labels(sb_parser *p, bool colons, const sb_label_expr **labels);
/* of:labels, behind the colon or IS; its span begins at token first. */
SB_MUST_CHECK sb_status sb_parse__has_labels(sb_parser *p, uint32_t first, bool colons, sb_expr *of,
                                             sb_expr **e);
/* $(e), $all(e), $any(e), when one is there. */
SB_MUST_CHECK sb_status sb_parse__dynamic(sb_parser *p, bool *found, bool *any, sb_expr **e);

/* ---- Queries (clause.c, command.c) ---------------------------------------------------------------------- */

/* Up to a token that can not go on a query: the end, '}'. */
SB_MUST_CHECK sb_status sb_parse__query(sb_parser *p, sb_query **query);
/* { … } of EXISTS, COUNT and COLLECT: a query or a pattern. */
SB_MUST_CHECK sb_status sb_parse__subquery(sb_parser *p, bool pattern_too, sb_query **query);
bool sb_parse__at_clause(const sb_parser *p);
SB_MUST_CHECK sb_status sb_parse__projection(sb_parser *p, bool is_with, sb_projection *projection);
/* [ORDER BY …] [SKIP …] [LIMIT …] */
SB_MUST_CHECK sb_status sb_parse__order_and_limits(sb_parser *p, sb_projection *projection);
SB_MUST_CHECK sb_status sb_parse__where(sb_parser *p, sb_expr **where);
/* YIELD's items, behind the keyword. */
SB_MUST_CHECK sb_status sb_parse__yield(sb_parser *p, bool *star, sb_yield_item **items,
                                        uint32_t *count);
/* CREATE INDEX, SHOW, BEGIN and their like: *is_command false, nothing consumed, when it is none. */
SB_MUST_CHECK sb_status sb_parse__command(sb_parser *p, bool *is_command);

#endif
