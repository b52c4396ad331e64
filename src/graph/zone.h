/* zone.h — time zones by name: TZif files of the system (TZDIR), read on first use. Part of graph's front door (graph.h includes it); the query
 * language and the headers of CSV files ask here. */
#ifndef SB_ZONE_H
#define SB_ZONE_H

#include "base/base.h"
#include "os/os.h"

typedef struct sb_zones sb_zones;
typedef struct sb_zone sb_zone;
/* A whole file by its name below the folder of zones, into out; *found false: there is none. */
typedef sb_status (*sb_zone_read)(void *ctx, const char *name, sb_buffer *out, bool *found,
                                  sb_err *err);
/* What sb_zone_read_system gets as ctx. */
typedef struct sb_zone_source {
    sb_vfs *vfs;
    const sb_allocator *alloc;
} sb_zone_source;
SB_MUST_CHECK sb_status sb_zone_read_system(void *ctx, const char *name, sb_buffer *out,
                                            bool *found, sb_err *err);

/* ctx is borrowed until they are destroyed. One thread at a time. */
SB_MUST_CHECK sb_status sb_zones_create(const sb_allocator *alloc, sb_zone_read read, void *ctx,
                                        sb_zones **zones, sb_err *err);
void sb_zones_destroy(sb_zones *zones); /* accepts NULL */
/* *found NULL: there is no such zone, or its file is damaged. It lives, unchanged, as long as zones. zones NULL: there are none. */
SB_MUST_CHECK sb_status sb_zones_find(sb_zones *zones, sb_bytes name, const sb_zone **found,
                                      bool *damaged, sb_err *err);

/* Offset from UTC in seconds at an instant. */
int32_t sb_zone_offset_at(const sb_zone *z, int64_t seconds);
/* Is it the offset of this local time? */
bool sb_zone_fits(const sb_zone *z, int64_t local, int32_t offset);
/* The offset of a local time: of two the earlier instant's (the larger offset). Where a clock skips it, *skipped is by how much, and
 * the offset is that behind the gap. */
int32_t sb_zone_offset_of(const sb_zone *z, int64_t local, int32_t *skipped);

#endif
