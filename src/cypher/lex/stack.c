/* stack.c — is there enough stack? */
#include "cypher/lex/stack.h"

#include "os/os.h"

uint32_t sb_cypher_stack_levels(size_t level_bytes)
{
    const size_t left = sb_os_stack_left();

    if (left <= SB_STACK_LEAF) return 0;
    const size_t levels = (left - SB_STACK_LEAF) / level_bytes;
    return levels < UINT32_MAX ? (uint32_t)levels : UINT32_MAX;
}

sb_status sb_cypher_stack_check(uint32_t levels, uint32_t free, size_t level_bytes,
                                const char *what, sb_err *err)
{
    if (SB_LIKELY(levels <= free) || sb_cypher_stack_levels(level_bytes) >= levels) return SB_OK;
    return sb_cypher_fail_runtime(err, SB_CYPHER_LIMIT_EXCEEDED, SB_STACK_TOO_SMALL, what, levels);
}
