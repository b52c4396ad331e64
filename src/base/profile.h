/* profile.h — counters and timers of one database, by part (DESIGN's profiling switch).
 * Counters that tests assert on (look-ups, allocations, sorts) are always on: one add to memory
 * that the thread already owns. Timers and the costlier counts run only while `on`, which is one
 * predicted branch; a build with SOMBRA_NO_PROFILE compiles both out but keeps the struct. */
#ifndef SB_PROFILE_H
#define SB_PROFILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

typedef enum sb_counter {
#define SB_COUNTER(name, text) SB_COUNT_##name,
#include "base/profile.def"
#undef SB_COUNTER
    SB_COUNTER_KINDS
} sb_counter;

/* Parts of the write path that seed_ablation switches off one at a time; never set otherwise. */
typedef enum sb_seed_part {
    SB_SEED_EXISTS_CACHE = 1 << 0,    /* graph writer's node-existence cache and batched checks */
    SB_SEED_SORT_GUARD = 1 << 1,      /* "already sorted?" before each sort */
    SB_SEED_BUFFER_POOL = 1 << 2,     /* 16 buffers for fences and snapshots; allocated instead */
    SB_SEED_INLINE_SNAPSHOT = 1 << 3, /* inline arrays of the leaf snapshot; heap instead */
    SB_SEED_PUT_REUSE = 1 << 4,       /* put_many: fresh key and value copies for each item */
    SB_SEED_LEAF_REUSE = 1 << 5,      /* put_many: a descent for each item */
    SB_SEED_PROFILE_OFF = 1 << 6,     /* profiling off by default: runs with it on */
    SB_SEED_ALL = (1 << 7) - 1
} sb_seed_part;

typedef struct sb_profile {
    bool on;                         /* set before the first use, then constant */
    uint64_t (*clock_ns)(void *ctx); /* called only while on */
    void *clock_ctx;
    uint32_t switched_off; /* sb_seed_part mask: parts that a benchmark (seed_ablation) turns off */
    _Atomic uint64_t counts[SB_COUNTER_KINDS];
} sb_profile;

#ifdef SOMBRA_NO_PROFILE
#define SB_PROFILE_ADD(profile, name, n)        ((void)(profile))
#define SB_PROFILE_START(profile)               ((void)(profile), (uint64_t)0)
#define SB_PROFILE_STOP(profile, name, started) ((void)(profile), (void)(started))
#else
/* Count n more of SB_COUNT_<name>, while profiling is on. profile may not be NULL. */
#define SB_PROFILE_ADD(profile, name, n)                                                           \
    do {                                                                                           \
        if (SB_UNLIKELY((profile)->on))                                                            \
            sb_relaxed_add(&(profile)->counts[SB_COUNT_##name], (uint64_t)(n));                    \
    } while (0)
#define SB_PROFILE_START(profile)                                                                  \
    (SB_UNLIKELY((profile)->on) ? (profile)->clock_ns((profile)->clock_ctx) : 0)
/* Adds the nanoseconds since started to SB_COUNT_<name>. */
#define SB_PROFILE_STOP(profile, name, started)                                                    \
    do {                                                                                           \
        if (SB_UNLIKELY((profile)->on))                                                            \
            sb_relaxed_add(&(profile)->counts[SB_COUNT_##name],                                    \
                           (profile)->clock_ns((profile)->clock_ctx) - (started));                 \
    } while (0)
#endif

/* Relaxed: counters order nothing. */
#define sb_relaxed_add(p, n)                                                                       \
    ((void)atomic_fetch_add_explicit((p), (uint64_t)(n), memory_order_relaxed))

/* Static text of a counter, as the snapshot names it: "pages_read". */
const char *sb_counter_name(sb_counter counter);
/* Copy all counts out; reset sets each to 0 as it is read. */
void sb_profile_read(sb_profile *profile, bool reset, uint64_t out[SB_COUNTER_KINDS]);

#endif
