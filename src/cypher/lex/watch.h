/* watch.h — who is asked now and then, while a statement is compiled, whether to go on: a text of megabytes takes longer than a cancel or time limit
 * may wait. All stages count their work to one watch.
 * Tests:    tests/unit/cypher/parse, tests/unit/cypher/plan */
#ifndef SB_CYPHER_WATCH_H
#define SB_CYPHER_WATCH_H

#include "base/base.h"

typedef struct sb_cypher_watch {
    sb_status (*poll)(void *ctx,
                      sb_err *err); /* what is not SB_OK, and recorded, ends the compiling */
    void *ctx;
    size_t work; /* units since it was asked last */
} sb_cypher_watch;

#define SB_WATCH_UNITS ((size_t)1 << 20) /* between two looks: half a millisecond or so */

/* Count work, in units of half a nanosecond or so. watch may be NULL: nobody asks. */
SB_MUST_CHECK SB_INLINE sb_status sb_cypher_work(sb_cypher_watch *watch, size_t units, sb_err *err)
{
    if (watch == NULL) return SB_OK;
    watch->work += units;
    if (SB_LIKELY(watch->work < SB_WATCH_UNITS)) return SB_OK;
    watch->work = 0;
    return watch->poll(watch->ctx, err);
}

#endif
