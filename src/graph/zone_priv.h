/* zone_priv.h — what zone.c and zone_names.c share: whose history a zone has. */
#ifndef SB_ZONE_PRIV_H
#define SB_ZONE_PRIV_H

#include "graph/zone.h"

/* The tables of tzdata, read on first use; empty where the system has none. */
typedef struct sb_zone_tables {
    bool loaded;
    sb_buffer zones;     /* zone.tab: one row for each zone, with its country */
    sb_buffer since1970; /* zone1970.tab: zones that differ since 1970, with their countries */
} sb_zone_tables;

/* The zone whose file is to be read for name: another one when both agree since 1970. Borrowed from name or the tables. */
sb_bytes sb_zone__history(const sb_zone_tables *tables, sb_bytes name);

#endif
