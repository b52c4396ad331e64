/* stack.h — is there enough of the thread's stack for what recurses as deep as a query, its plan or a value is nested?
 * A caller's thread may have a small one, and the language's limits of nesting suit one of 1 MiB. Where little is nested nobody looks:
 * the stack of a call of sombra.h (docs/LIMITS.md) has room for that. */
#ifndef SB_CYPHER_STACK_H
#define SB_CYPHER_STACK_H

#include "cypher/lex/error.h"

/* Levels below which nobody looks: of queries, of operators in a plan, of values. */
#define SB_STACK_QUERY_FREE    32u
#define SB_STACK_OPERATOR_FREE 64u
#define SB_STACK_VALUE_FREE    64u

/* What a level takes at most, in bytes; tests/api/test_query_stack.c sees that it is enough. Sanitizers keep things of their own between
 * variables. */
#if SB_SANITIZED_MEMORY
#define SB_STACK_SCALE 6u
#else
#define SB_STACK_SCALE 1u
#endif
#define SB_STACK_QUERY    (1024u * SB_STACK_SCALE)       /* parsing takes 600, running 400 */
#define SB_STACK_OPERATOR (512u * SB_STACK_SCALE)        /* 200 */
#define SB_STACK_VALUE    (256u * SB_STACK_SCALE)        /* 170 */
#define SB_STACK_LEAF     (48u * 1024u * SB_STACK_SCALE) /* of what does not recurse: 28 KiB */

/* Levels of so many bytes that the rest of the stack has room for. */
uint32_t sb_cypher_stack_levels(size_t level_bytes);
/* LimitExceeded where there is no room for levels of what: "a query"; more than `free` of them are looked at. */
SB_MUST_CHECK sb_status sb_cypher_stack_check(uint32_t levels, uint32_t free, size_t level_bytes,
                                              const char *what, sb_err *err);
/* The sentence of that failure, for those who have a place in the query: with levels and what. */
#define SB_STACK_TOO_SMALL                                                                         \
    "the stack of this thread has no room for %s nested %u deep: a thread with a larger one has"

#endif
