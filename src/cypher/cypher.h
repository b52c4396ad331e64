/* cypher.h — the query language: statements made ready from text, run on a graph, read row by row.
 * Hides:    lexer, parser, semantic analysis, planner, executor.
 * Promises: a statement that fails changes nothing that its caller can see once it has rolled back to where the statement began; texts,
 *           parameters and graphs of any content give rows or an error, never a crash.
 * Needs:    graph, store's catalog and statistics, os's files and clock, base; PCRE2 and utf8proc.
 * Threads:  a statement belongs to one thread at a time; a registry may be read by all and changed by one at a time.
 * Tests:    tests/unit/cypher, tests/tck, tests/model */
#ifndef SB_CYPHER_H
#define SB_CYPHER_H

#include "cypher/exec/exec.h"

/* ---- What a database knows beside the built-in functions and procedures ---------------------------------------- */

typedef struct sb_cypher_registry sb_cypher_registry;
SB_MUST_CHECK sb_status sb_cypher_registry_create(const sb_allocator *alloc,
                                                  sb_cypher_registry **registry, sb_err *err);
void sb_cypher_registry_destroy(
    sb_cypher_registry *registry); /* accepts NULL; no statement is open */
/* Copied, names and all. SB_EXISTS: one of that name is there already, built in or registered. */
SB_MUST_CHECK sb_status sb_cypher_add_function(sb_cypher_registry *registry,
                                               const sb_function *function, sb_err *err);
SB_MUST_CHECK sb_status sb_cypher_add_procedure(sb_cypher_registry *registry,
                                                const sb_procedure *procedure, sb_err *err);

/* Zeroed memory that lives as long as the registry, for what registered functions point at. NULL: no memory. */
void *sb_cypher_registry_alloc(sb_cypher_registry *registry, size_t bytes);

/* A type as the language writes it, in memory of the registry. SB_SYNTAX: text is none. */
SB_MUST_CHECK sb_status sb_cypher_registry_type(sb_cypher_registry *registry, sb_bytes text,
                                                sb_type_spec *type, sb_err *err);
/* Can a statement call a function (else a procedure) of this name, once there is one? *callable false: it means something else, or nothing. */
SB_MUST_CHECK sb_status sb_cypher_callable(const sb_allocator *alloc, sb_bytes name, bool function,
                                           bool *callable, sb_err *err);

/* ---- Statements -------------------------------------------------------------------------------------------------- */

typedef struct sb_cypher_statement sb_cypher_statement;

/* Read one statement off the front of text (copied). *end: bytes that belong to it, as sb_cypher_parse says; *statement NULL: there is
 * none left. Errors have position and detail. limits: cancel, deadline_ns and vfs of the call; NULL: none. */
SB_MUST_CHECK sb_status sb_cypher_prepare(const sb_allocator *alloc,
                                          const sb_cypher_registry *registry, sb_bytes text,
                                          const sb_exec_options *limits,
                                          sb_cypher_statement **statement, size_t *end,
                                          sb_err *err);
void sb_cypher_close(sb_cypher_statement *statement); /* accepts NULL */

/* SHOW is a query. */
sb_statement_kind sb_cypher_kind(const sb_cypher_statement *statement);
bool sb_cypher_writes(const sb_cypher_statement *statement); /* needs a write transaction */
/* Runs CALL { } IN TRANSACTIONS: must not be part of a caller's transaction. */
bool sb_cypher_commits(const sb_cypher_statement *statement);
sb_explain sb_cypher_explains(const sb_cypher_statement *statement);
bool sb_cypher_explains_json(const sb_cypher_statement *statement);
uint32_t sb_cypher_column_count(const sb_cypher_statement *statement);
sb_bytes sb_cypher_column_name(const sb_cypher_statement *statement, uint32_t column);
/* What a column's values can be, and the items of those that are lists: masks of sb_kind (parse/ast.h). */
void sb_cypher_column_kinds(const sb_cypher_statement *statement, uint32_t column, uint32_t *kinds,
                            uint32_t *items);
uint32_t sb_cypher_param_count(const sb_cypher_statement *statement);
sb_bytes sb_cypher_param_name(const sb_cypher_statement *statement, uint32_t param);

/* Does a run need the times of its options? */
bool sb_cypher_reads_clock(const sb_cypher_statement *statement);

/* Parameters keep their values until they are bound again; copied. */
SB_MUST_CHECK sb_status sb_cypher_bind(sb_cypher_statement *statement, uint32_t param, sb_val value,
                                       sb_err *err);
void sb_cypher_unbind(sb_cypher_statement *statement); /* all */

/* Options of runs, to be filled in before each start but for params, and for the times where they are not read. */
sb_exec_options *sb_cypher_options(sb_cypher_statement *statement);
/* Begin a run on the options' graph. Plans first, if there is no plan or it is not current. A run that goes on is ended.
 * ParameterMissing MissingParameter names what is not bound. */
SB_MUST_CHECK sb_status sb_cypher_start(sb_cypher_statement *statement,
                                        const sb_plan_options *plan_options, sb_err *err);
/* More rows; *row_count 0: the run is over. They stay until the next call on the statement. */
SB_MUST_CHECK sb_status sb_cypher_next(sb_cypher_statement *statement, uint32_t *row_count,
                                       sb_err *err);
/* Are there no rows behind those that next gave? False also where that is not known. */
bool sb_cypher_is_over(const sb_cypher_statement *statement);
/* The run is over, whether or not it has come to its end: before its transaction ends. */
void sb_cypher_stop(sb_cypher_statement *statement);
/* The run's executor, for values, vectors, counts and profile; NULL before the first run. */
sb_exec *sb_cypher_exec(const sb_cypher_statement *statement);
/* The plan of the run, under way or over; NULL before the first. */
const sb_compiled *sb_cypher_compiled(const sb_cypher_statement *statement);
/* Plan without running (EXPLAIN): where that takes another plan than the last run had, the run's executor goes. Not while it is under way. The plan
 * lives until the next start or explain. */
SB_MUST_CHECK sb_status sb_cypher_plan(sb_cypher_statement *statement, sb_graph *graph,
                                       const sb_plan_options *options, const sb_compiled **compiled,
                                       sb_err *err);
/* The plan as an indented tree of operators with estimated rows, or as JSON; profile (by operator number, as sb_exec_profile gives it; may be
 * NULL) adds what a run has counted: with pages also the pages read. Appended to out. */
SB_MUST_CHECK sb_status sb_cypher_explain_text(const sb_compiled *compiled,
                                               const sb_exec_operator_profile *profile, bool pages,
                                               sb_buffer *out, sb_err *err);
SB_MUST_CHECK sb_status sb_cypher_explain_json(const sb_compiled *compiled,
                                               const sb_exec_operator_profile *profile, bool pages,
                                               sb_buffer *out, sb_err *err);
/* Warning i of the statement: a label, type or property key that it asks for and that the database of the view never had, with a near name.
 * False: there are not so many. */
bool sb_cypher_warning(const sb_cypher_statement *statement, sb_view *view, size_t i,
                       sb_err *warning);
/* Run a statement that changes the schema (kinds CREATE_INDEX … DROP_CONSTRAINT). */
SB_MUST_CHECK sb_status sb_cypher_run_schema(sb_cypher_statement *statement, sb_graph *graph,
                                             sb_err *err);
/* What the last run has changed; zeros before the first. */
void sb_cypher_stats(const sb_cypher_statement *statement, sb_exec_stats *stats);

#endif
