/* profile.c — counter names and snapshots. */
#include "base/profile.h"

#include <stdatomic.h>
#include <stddef.h>

static const char *const COUNTER_NAMES[SB_COUNTER_KINDS] = {
#define SB_COUNTER(name, text) [SB_COUNT_##name] = text,
#include "base/profile.def"
#undef SB_COUNTER
};

const char *sb_counter_name(sb_counter counter)
{
    return (unsigned)counter < SB_COUNTER_KINDS ? COUNTER_NAMES[counter] : "unknown";
}

void sb_profile_read(sb_profile *profile, bool reset, uint64_t out[SB_COUNTER_KINDS])
{
    for (size_t i = 0; i < SB_COUNTER_KINDS; i++) {
        /* Relaxed: counters order nothing. Each is read whole; together they are no instant. */
        out[i] = reset ? atomic_exchange_explicit(&profile->counts[i], 0, memory_order_relaxed)
                       : atomic_load_explicit(&profile->counts[i], memory_order_relaxed);
    }
}
