/* cypher_priv.h — what the files of the front door share. */
#ifndef SB_CYPHER_PRIV_H
#define SB_CYPHER_PRIV_H

#include "cypher/cypher.h"

/* What semantic analysis may look up: built-in names, then the registry's (may be NULL). Borrows registry. */
void sb_cypher__env(const sb_cypher_registry *registry, sb_sema_env *env);
/* Run CREATE or DROP of an index or constraint; stats is told of what really was made or dropped. */
SB_MUST_CHECK sb_status sb_cypher__schema(const sb_statement *statement, sb_graph *graph,
                                          sb_exec_stats *stats, sb_err *err);

#endif
