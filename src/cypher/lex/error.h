/* error.h — errors of queries: what is wrong, in which phase, and where in the text.
 * Promises: recording one allocates nothing; sb_err then holds status, line and column (in characters), the detail's number and a
 *           message that shows the line of the query with a caret below the place. */
#ifndef SB_CYPHER_ERROR_H
#define SB_CYPHER_ERROR_H

#include "base/base.h"

typedef enum sb_cypher_error {
#define SB_CYPHER_ERROR(name, number, type, status, text) SB_CYPHER_##name = (number),
#include "cypher/lex/error.def"
#undef SB_CYPHER_ERROR
} sb_cypher_error;

/* Where in a query something stands: bytes from its beginning. */
typedef struct sb_span {
    uint32_t start, end;
} sb_span;

/* "SyntaxError", "UndefinedVariable"; "" for an unknown number. Static. */
const char *sb_cypher_error_type(uint32_t detail);
const char *sb_cypher_error_name(uint32_t detail);

/* Record a failure found while compiling: err->detail, err->runtime false, line and column of span.start in query (UTF-8, as the
 * user gave it). Returns the detail's status. The text is "message (line 1, column 8)", the line and a caret line below it. */
sb_status sb_cypher_fail(sb_err *err, sb_bytes query, sb_span span, sb_cypher_error detail,
                         const char *format, ...) SB_PRINTF(5, 6) SB_COLD;
/* A warning in the form of such a failure: status SB_NOT_FOUND, detail 0. What err held is gone. */
void sb_cypher_warn(sb_err *err, sb_bytes query, sb_span span, const char *format, ...)
    SB_PRINTF(4, 5) SB_COLD;
/* Where part, which points into the query, stands; false when it is a copy. */
bool sb_cypher_span_of(sb_bytes query, sb_bytes part, sb_span *span);
/* Add the place to a failure that has none yet: position, and line with caret behind the message. */
void sb_cypher_place(sb_err *err, sb_bytes query, sb_span span) SB_COLD;
/* The same of a name that can be none; those that a run computes stand nowhere. */
void sb_cypher_place_name(sb_err *err, sb_bytes query, sb_bytes name) SB_COLD;
/* Record a failure found while running: err->runtime true, no position: whoever knows the expression adds it. */
sb_status sb_cypher_fail_runtime(sb_err *err, sb_cypher_error detail, const char *format, ...)
    SB_PRINTF(3, 4) SB_COLD;
#define sb_cypher_fail(...)         sb_err_failed(sb_cypher_fail(__VA_ARGS__))
#define sb_cypher_fail_runtime(...) sb_err_failed(sb_cypher_fail_runtime(__VA_ARGS__))

/* The candidate that is nearest to name by edit distance (at most a third of its characters, at least one), for "did you mean";
 * NULL when none is near. next(ctx, i) gives candidate i, with data NULL past the last. Case is ignored. */
bool sb_cypher_nearest(sb_bytes name, sb_bytes (*next)(void *ctx, size_t i), void *ctx,
                       sb_bytes *nearest);

#endif
