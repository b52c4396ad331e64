/* sema.h — what a statement means: scopes, variables, kinds, aggregation rules, and all errors that can be told before it runs.
 * Promises: after it, each name is resolved (sb_expr.var, .function, .bound, patterns' var), stars are expanded, each query knows its
 *           columns, and no later stage meets an invalid tree. Texts of messages show the line with a caret.
 * Tests:    tests/unit/cypher/sema */
#ifndef SB_CYPHER_SEMA_H
#define SB_CYPHER_SEMA_H

#include "cypher/func/func.h"
#include "cypher/parse/ast.h"

/* A procedure that CALL can name: built in, or registered (also by the conformance tests). */
struct sb_exec;

typedef struct sb_procedure_field {
    sb_bytes name;
    uint32_t
        kinds; /* of a NUMBER? argument INT and FLOAT; an integer given for a FLOAT alone becomes one */
    const char *type_text; /* "STRING?" for messages and SHOW PROCEDURES */
} sb_procedure_field;
typedef struct sb_procedure {
    sb_bytes name;
    const sb_procedure_field *args, *results;
    uint32_t arg_count, result_count;
    uint32_t optional_count; /* of the last arguments: null where they are left out */
    bool writes;
    const char *signature, *help;
    /* Called once for each row of the CALL; emit(emit_ctx, row of result_count values) for each result row. run: for built-in ones. */
    sb_status (*call)(void *ctx, sb_func_context *func, struct sb_exec *run, const sb_val *args,
                      uint32_t arg_count, sb_status (*emit)(void *emit_ctx, const sb_val *row),
                      void *emit_ctx, sb_err *err);
    void *ctx;
} sb_procedure;

/* Built-in procedures, by name (case does not matter; NULL: none) and in order (NULL past the last). */
const sb_procedure *sb_procedure_find(sb_bytes name);
const sb_procedure *sb_procedure_at(size_t i);

/* Names that are not in the statement: functions and procedures registered on the database. NULL members: only built-in ones. */
typedef struct sb_sema_env {
    const sb_function *(*find_function)(void *ctx, sb_bytes name);
    const sb_function *(*function_at)(void *ctx,
                                      size_t i); /* for suggestions; NULL past the last */
    const sb_procedure *(*find_procedure)(void *ctx, sb_bytes name);
    const sb_procedure *(*procedure_at)(void *ctx, size_t i);
    void *ctx;
} sb_sema_env;

/* Annotate statement in place, once. slot_count: how many variables (slots) there are; the planner adds more.
 * A standalone CALL without YIELD yields all; implicit arguments of a standalone CALL become parameters of these names.
 * SHOW gets a query, too: SHOW INDEXES YIELD name is CALL show.indexes() YIELD name, so that what SHOW tells are procedures of env:
 * show.indexes, show.constraints, show.functions, show.procedures.
 * exists((a)-->(b)) becomes the pattern. In ORDER BY and WITH … WHERE what is an item becomes its column (a VAR).
 * watch is asked now and then; NULL: none. */
SB_MUST_CHECK sb_status sb_sema_analyze(sb_arena *arena, sb_statement *statement,
                                        const sb_sema_env *env, sb_cypher_watch *watch,
                                        uint32_t *slot_count, sb_err *err);

/* A new variable with a slot of its own, for the planner. NULL: no memory. */
sb_var *sb_sema_new_var(sb_arena *arena, uint32_t *slot_count, uint32_t kinds);

#endif
