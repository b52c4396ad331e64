/* point.c — points: made from maps of coordinates, their components, distances. Reference systems: 7203 and 9157 are Cartesian in 2
 * and 3 dimensions, 4326 and 4979 are longitude, latitude (and height) on the WGS 84 ellipsoid, taken as a sphere for distances. */
#include <math.h>

#include "cypher/func/func_priv.h"

static bool is_named(sb_bytes key, const char *name)
{
    return key.size == strlen(name) && memcmp(key.data, name, key.size) == 0;
}

static const char *crs_name(uint32_t srid)
{
    switch (srid) {
    case 4326: return "wgs-84";
    case 4979: return "wgs-84-3d";
    case 7203: return "cartesian";
    default: return "cartesian-3d";
    }
}

bool sb_func__point_component(const sb_value *point, sb_bytes key, sb_val *result)
{
    const bool geographic = sb_func__srid_geographic(point->extra);
    const bool deep = sb_func__srid_3d(point->extra);

    if (is_named(key, "x") || (geographic && is_named(key, "longitude")))
        *result = sb_val_float(point->as.point.x);
    else if (is_named(key, "y") || (geographic && is_named(key, "latitude")))
        *result = sb_val_float(point->as.point.y);
    else if (deep && (is_named(key, "z") || (geographic && is_named(key, "height"))))
        *result = sb_val_float(point->as.point.z);
    else if (is_named(key, "srid"))
        *result = sb_val_int(point->extra);
    else if (is_named(key, "crs"))
        *result =
            sb_val_string(sb_bytes_of(crs_name(point->extra), strlen(crs_name(point->extra))));
    else
        return false;
    return true;
}
