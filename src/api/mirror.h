/* mirror.h — proof that the public structs of sombra.h lie in memory as the internal ones they mirror, so that arrays of
 * them pass through the api layer without copying. The internal ones are declared may_alias. */
#ifndef SB_API_MIRROR_H
#define SB_API_MIRROR_H

#include <assert.h>
#include <stddef.h>

#include "api/api_priv.h"

#define SAME_SIZE(a, b) static_assert(sizeof(a) == sizeof(b), #a " mirrors " #b)
#define SAME(a, am, b, bm)                                                                         \
    static_assert(offsetof(a, am) == offsetof(b, bm) &&                                            \
                      sizeof(((a *)0)->am) == sizeof(((b *)0)->bm),                                \
                  #a "." #am " mirrors " #b "." #bm)

#define SB_STATUS(name, value, class, text)                                                        \
    static_assert((int)SOMBRA_##name == (int)SB_##name, "status " #name);
#include "base/status.def"
#undef SB_STATUS

SAME_SIZE(sombra_value, sb_value);
SAME(sombra_value, type, sb_value, type);
SAME(sombra_value, extra, sb_value, extra);
SAME(sombra_value, as.boolean, sb_value, as.boolean);
SAME(sombra_value, as.integer, sb_value, as.integer);
SAME(sombra_value, as.real, sb_value, as.real);
SAME(sombra_value, as.bytes.data, sb_value, as.bytes.data);
SAME(sombra_value, as.bytes.size, sb_value, as.bytes.size);
SAME(sombra_value, as.time.ns, sb_value, as.time.ns);
SAME(sombra_value, as.time.offset, sb_value, as.time.offset);
SAME(sombra_value, as.datetime.seconds, sb_value, as.datetime.seconds);
SAME(sombra_value, as.datetime.offset, sb_value, as.datetime.offset);
SAME(sombra_value, as.datetime.zone_size, sb_value, as.datetime.zone_size);
SAME(sombra_value, as.datetime.zone, sb_value, as.datetime.zone);
SAME(sombra_value, as.duration.months, sb_value, as.duration.months);
SAME(sombra_value, as.duration.days, sb_value, as.duration.days);
SAME(sombra_value, as.duration.seconds, sb_value, as.duration.seconds);
SAME(sombra_value, as.duration.nanos, sb_value, as.duration.nanos);
SAME(sombra_value, as.point.x, sb_value, as.point.x);
SAME(sombra_value, as.point.z, sb_value, as.point.z);
SAME(sombra_value, as.list.items, sb_value, as.list.items);
SAME(sombra_value, as.list.count, sb_value, as.list.count);
static_assert((int)SOMBRA_TYPE_LIST == (int)SB_TYPE_LIST &&
                  (int)SOMBRA_TYPE_INT == (int)SB_TYPE_INT,
              "types");

static_assert(sizeof SB_VERSION == sizeof SOMBRA_VERSION, "one version");

SAME_SIZE(sombra_prop, sb_prop);
SAME(sombra_prop, key, sb_prop, key);
SAME(sombra_prop, value, sb_prop, value);
SAME_SIZE(sombra_text, sb_bytes);
SAME(sombra_text, data, sb_bytes, data);
SAME(sombra_text, size, sb_bytes, size);
SAME_SIZE(sombra_column, sb_prop_column);
SAME(sombra_column, key, sb_prop_column, key);
SAME(sombra_column, type, sb_prop_column, type);
SAME(sombra_column, present, sb_prop_column, present);
SAME(sombra_column, integers, sb_prop_column, integers);
SAME(sombra_column, reals, sb_prop_column, reals);
SAME(sombra_column, texts, sb_prop_column, bytes);
SAME(sombra_column, values, sb_prop_column, values);
SAME_SIZE(sombra_neighbor, sb_neighbor);
SAME(sombra_neighbor, node, sb_neighbor, node);
SAME(sombra_neighbor, rel, sb_neighbor, rel);
SAME(sombra_neighbor, type, sb_neighbor, type);
SAME(sombra_neighbor, outgoing, sb_neighbor, outgoing);
SAME_SIZE(sombra_list, sb_id_list);
SAME(sombra_list, data, sb_id_list, words);
SAME(sombra_list, base, sb_id_list, base);
SAME(sombra_list, count, sb_id_list, count);
SAME(sombra_list, width, sb_id_list, width);

#endif
