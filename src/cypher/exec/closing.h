/* closing.h — does a trail lead from a node back to it, over relationships in either direction?
 * Tests: tests/unit/cypher/exec/test_paths.c */
#ifndef SB_CYPHER_CLOSING_H
#define SB_CYPHER_CLOSING_H

#include "cypher/exec/exec_priv.h"

/* One of at most `most` relationships of the lists that expand has, which is open for both directions, loops once. */
SB_MUST_CHECK sb_status sb_exec__closes(sb_exec *run, sb_expand *expand, uint64_t start,
                                        uint32_t most, bool *closes);

#endif
