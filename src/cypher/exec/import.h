/* import.h — files that queries read: LOAD CSV, and the procedures that load CSV files into the graph. */
#ifndef SB_CYPHER_IMPORT_H
#define SB_CYPHER_IMPORT_H

#include "cypher/exec/exec_priv.h"

/* The file that a value names, as a path or file:///…; made in run->func.arena. what: who asks, for messages. */
SB_MUST_CHECK sb_status sb_import__file(sb_exec *run, const char *what, sb_val named, char **file);

/* sombra.import.nodes and sombra.import.relationships: (file, config) → one row of SB_IMPORT_FIELDS values. ctx: an sb_entity. */
#define SB_IMPORT_FIELDS 6u
SB_MUST_CHECK sb_status sb_import__call(void *ctx, sb_func_context *func, sb_exec *run,
                                        const sb_val *args, uint32_t arg_count,
                                        sb_status (*emit)(void *emit_ctx, const sb_val *row),
                                        void *emit_ctx, sb_err *err);

#endif
