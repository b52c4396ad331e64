/* sema_priv.h — shared by the files of sema/: scopes, and the analysis of expressions, patterns and clauses in them.
 *
 * A frame is a set of variables that comes and goes together: those of a query, of a comprehension, of a FOREACH. Frames are in each other;
 * what an inner one binds hides the outer one's. WITH empties the frame of its query and fills it again. CALL { } puts a barrier: frames
 * outside of it are not seen.
 * Each name that occurs is one symbol with the stack of its bindings, so a look-up is one probe whatever the nesting. */
#ifndef SB_CYPHER_SEMA_PRIV_H
#define SB_CYPHER_SEMA_PRIV_H

#include "cypher/sema/sema.h"

typedef struct sb_binding {
    sb_var *var;
    struct sb_symbol *symbol;
    struct sb_binding *hidden; /* of the same name, in this or an outer frame; NULL */
    struct sb_binding *older;  /* of the same frame; NULL */
    uint32_t level;            /* of the frame */
    uint32_t pattern; /* number of the last pattern that has it as a relationship; 0: none */
} sb_binding;

typedef struct sb_symbol {
    sb_bytes name;
    sb_binding *top; /* NULL: not bound now */
    uint32_t left;   /* number of the frame in which a projection has left it behind; 0: none has */
} sb_symbol;

typedef struct sb_frame {
    struct sb_frame *outer;
    sb_binding *newest;
    uint32_t count;
    uint32_t level;   /* 1 + that of outer */
    uint32_t number;  /* from 1 in the order in which they are made */
    uint32_t barrier; /* frames below this level are not seen */
} sb_frame;

/* What an aggregation may do where it stands. */
typedef enum sb_aggregation {
    SB_AGGREGATION_NO,     /* InvalidAggregation */
    SB_AGGREGATION_YES,    /* in the items of a projection */
    SB_AGGREGATION_INSIDE, /* in the argument of another one: NestedAggregation */
} sb_aggregation;

typedef struct sb_sema {
    sb_arena *arena;
    sb_statement *statement;
    sb_bytes text;
    const sb_sema_env *env;
    sb_cypher_watch *watch; /* may be NULL */
    sb_err *err;
    uint32_t slot_count;
    sb_symbol **symbols; /* arena: hash table; NULL: free */
    uint32_t symbol_capacity, symbol_count;
    sb_frame *frame;
    uint32_t frame_count; /* made so far */
    sb_aggregation aggregation;
    bool read_only;   /* in EXISTS, COUNT, COLLECT: updates are refused */
    uint32_t nesting; /* of sub-queries */
    uint32_t pattern; /* number of the current pattern */
    const sb_frame
        *imported;    /* where a WITH at the beginning of a part takes variables from; NULL */
    sb_var **imports; /* what was taken: arena */
    uint32_t import_count;
    sb_asked **last_asked; /* where the next one is chained: statement->asked, or a next */
} sb_sema;

/* ---- Scopes (scope.c) -------------------------------------------------------------------------------------------------- */

/* Frames are the caller's: push and pop are in pairs, also over failures of nothing but the whole analysis. */
void sb_sema__push(sb_sema *s, sb_frame *frame, bool barrier);
void sb_sema__pop(sb_sema *s);
/* Unbind all of the current frame, whose columns come in its place. */
void sb_sema__leave_behind(sb_sema *s);
/* A variable that is visible, or NULL. */
sb_var *sb_sema__find(const sb_sema *s, sb_bytes name);
/* The same, but of the current frame alone. */
sb_var *sb_sema__find_own(const sb_sema *s, sb_bytes name);
/* The binding itself. */
sb_binding *sb_sema__find_binding(const sb_sema *s, sb_bytes name);
/* A variable that is visible in an outer frame. */
sb_var *sb_sema__find_from(const sb_sema *s, const sb_frame *frame, sb_bytes name);
/* Is var a variable of the frame, and what its name means now? */
bool sb_sema__is_own(const sb_sema *s, const sb_var *var);
SB_MUST_CHECK sb_status sb_sema__make_var(sb_sema *s, sb_bytes name, sb_span span, uint32_t kinds,
                                          sb_var **var);
/* Bind an existing variable by its name in the current frame. */
SB_MUST_CHECK sb_status sb_sema__bind(sb_sema *s, sb_var *var);
/* A new variable, bound in the current frame. */
SB_MUST_CHECK sb_status sb_sema__declare(sb_sema *s, sb_bytes name, sb_span span, uint32_t kinds,
                                         sb_var **var);
/* The same where no visible variable may have the name: else VariableAlreadyBound. */
SB_MUST_CHECK sb_status sb_sema__declare_new(sb_sema *s, sb_bytes name, sb_span span,
                                             uint32_t kinds, sb_var **var);
sb_status sb_sema__fail_undefined(sb_sema *s, sb_bytes name, sb_span span) SB_COLD;
sb_status sb_sema__fail_bound(sb_sema *s, sb_bytes name, sb_span span) SB_COLD;
#define sb_sema__fail_undefined(s, name, span) sb_err_failed(sb_sema__fail_undefined(s, name, span))
#define sb_sema__fail_bound(s, name, span)     sb_err_failed(sb_sema__fail_bound(s, name, span))
/* All variables of a frame, those that are seen through it too when all is set, by name; arena. */
SB_MUST_CHECK sb_status sb_sema__list(sb_sema *s, const sb_frame *frame, bool all, sb_var ***vars,
                                      uint32_t *count);

SB_MUST_CHECK sb_status sb_sema__alloc(sb_sema *s, size_t bytes, void *place); /* zeroed */
#define SB_SEMA_FAIL(s, span, detail, ...)                                                         \
    sb_cypher_fail((s)->err, (s)->text, (span), (detail), __VA_ARGS__)
/* What gives labels and types, analyzed already: strings, or lists of them. */
SB_MUST_CHECK sb_status sb_sema__dynamic(sb_sema *s, sb_expr *const *exprs, uint32_t count);
/* Note names that the statement asks for, for the warning that nothing ever had them (ask.c). labels may be NULL, props too: then nothing. */
SB_MUST_CHECK sb_status sb_sema__ask_labels(sb_sema *s, const sb_label_expr *labels,
                                            sb_asked_kind kind);
SB_MUST_CHECK sb_status sb_sema__ask_props(sb_sema *s, const sb_expr *props);
SB_MUST_CHECK sb_status sb_sema__ask_property(sb_sema *s, const sb_expr *e);
SB_MUST_CHECK sb_status sb_sema__ask_has_labels(sb_sema *s, const sb_expr *e);
/* For "%.*s" of names in messages. */
#define SB_SEMA_SHOWN(name) (int)((name).size < 60 ? (name).size : 60), (const char *)(name).data

/* ---- Kinds (kinds.c) --------------------------------------------------------------------------------------------------- */

#define SB_KIND_ENTITY ((uint32_t)SB_KIND_NODE | SB_KIND_REL)
/* Never one of wanted, whatever its value; null fits everywhere. */
SB_INLINE bool sb_sema__never(uint32_t kinds, uint32_t wanted)
{
    const uint32_t given = kinds & ~(uint32_t)SB_KIND_NULL;
    return given != 0 && (given & wanted) == 0;
}
/* "BOOLEAN, INTEGER or STRING"; where there are more: "a value of another type". For messages. */
#define SB_KINDS_NAMED 8u
typedef struct sb_kind_names {
    char text[SB_KINDS_NAMED * sizeof "LOCAL DATETIME, "];
} sb_kind_names;
sb_kind_names sb_sema__kind_names(uint32_t kinds);
/* Fails unless e may be one of wanted: SyntaxError InvalidArgumentType. what: "NOT", for the message. */
SB_MUST_CHECK sb_status sb_sema__want(sb_sema *s, const sb_expr *e, uint32_t wanted,
                                      const char *what);
/* kinds, items of an operator's or function's result, with its operands checked. */
SB_MUST_CHECK sb_status sb_sema__unary_kinds(sb_sema *s, sb_expr *e);
SB_MUST_CHECK sb_status sb_sema__binary_kinds(sb_sema *s, sb_expr *e);
SB_MUST_CHECK sb_status sb_sema__access_kinds(sb_sema *s, sb_expr *e);
SB_MUST_CHECK sb_status sb_sema__call_kinds(sb_sema *s, sb_expr *e);

/* ---- Expressions (expr.c) -------------------------------------------------------------------------------------------------- */

/* predicate: it stands where a truth value is wanted, so a pattern may. */
SB_MUST_CHECK sb_status sb_sema__expr(sb_sema *s, sb_expr *e, bool predicate);
/* NULL is fine. WHERE and its kind: a truth value, no aggregation. */
SB_MUST_CHECK sb_status sb_sema__predicate(sb_sema *s, sb_expr *e);
/* NULL is fine. No aggregation. */
SB_MUST_CHECK sb_status sb_sema__plain(sb_sema *s, sb_expr *e);
/* Equal as they are written, up to the case of function names. */
bool sb_sema__same_expr(const sb_sema *s, const sb_expr *a, const sb_expr *b);
/* NULL: there is none. */
const sb_function *sb_sema__find_function(const sb_sema *s, sb_bytes name);

/* ---- Patterns (pattern.c) ----------------------------------------------------------------------------------------------------- */

typedef enum sb_pattern_use {
    SB_PATTERN_MATCH,
    SB_PATTERN_CREATE,
    SB_PATTERN_MERGE,
    SB_PATTERN_PREDICATE, /* binds nothing that has a name */
    SB_PATTERN_INNER      /* a comprehension's: binds what is new in a frame of its own */
} sb_pattern_use;

/* Bind the pattern's variables in the current frame and analyze the expressions in it. */
SB_MUST_CHECK sb_status sb_sema__pattern(sb_sema *s, const sb_pattern *pattern, sb_pattern_use use,
                                         bool optional);

/* ---- Queries (project.c, clause.c, sema.c) -------------------------------------------------------------------------------------- */

SB_MUST_CHECK sb_status sb_sema__projection(sb_sema *s, sb_projection *projection, bool is_with,
                                            sb_span span);
/* What a query in a query is for. */
typedef enum sb_query_use {
    SB_QUERY_WHOLE,   /* the statement */
    SB_QUERY_CALL,    /* CALL { } */
    SB_QUERY_TEST,    /* EXISTS, COUNT: RETURN may be left out */
    SB_QUERY_COLLECT, /* one column */
} sb_query_use;
/* Each part in a frame of its own. */
SB_MUST_CHECK sb_status sb_sema__query(sb_sema *s, sb_query *query, sb_query_use use);
SB_MUST_CHECK sb_status sb_sema__clause(sb_sema *s, sb_clause *clause, bool *writes);

#endif
