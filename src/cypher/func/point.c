/* point.c — points: made from maps of coordinates, their components, distances. Reference systems: 7203 and 9157 are Cartesian in 2
 * and 3 dimensions, 4326 and 4979 are longitude, latitude (and height) on the WGS 84 ellipsoid, taken as a sphere for distances. */
#include <math.h>

#include "cypher/func/func_priv.h"

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

    if (sb_func__named(key, "x") || (geographic && sb_func__named(key, "longitude")))
        *result = sb_val_float(point->as.point.x);
    else if (sb_func__named(key, "y") || (geographic && sb_func__named(key, "latitude")))
        *result = sb_val_float(point->as.point.y);
    else if (deep && (sb_func__named(key, "z") || (geographic && sb_func__named(key, "height"))))
        *result = sb_val_float(point->as.point.z);
    else if (sb_func__named(key, "srid"))
        *result = sb_val_int(point->extra);
    else if (sb_func__named(key, "crs"))
        *result =
            sb_val_string(sb_bytes_of(crs_name(point->extra), strlen(crs_name(point->extra))));
    else
        return false;
    return true;
}

/* ---- point({…}) ------------------------------------------------------------------------------------------------ */

typedef struct coordinates {
    double x, y, z;
    bool has_x, has_y, has_z;
    bool geographic; /* given as longitude, latitude or height */
    uint32_t srid;   /* 0: not given */
} coordinates;

static bool is_crs(sb_bytes text, uint32_t *srid)
{
    static const uint32_t srids[] = {4326, 4979, 7203, 9157};

    for (size_t i = 0; i < sizeof srids / sizeof srids[0]; i++) {
        const char *name = crs_name(srids[i]);
        size_t same = 0;
        while (same < text.size && name[same] != '\0' &&
               (text.data[same] == (uint8_t)name[same] ||
                (text.data[same] | 0x20) == (uint8_t)name[same]))
            same++;
        if (same != text.size || name[same] != '\0') continue;
        *srid = srids[i];
        return true;
    }
    return false;
}

static sb_status read_system(sb_func_context *ctx, const sb_val_entry *entry, coordinates *c)
{
    uint32_t srid = 0;

    if (sb_func__named(entry->key, "crs")) {
        if (entry->value.kind != SB_VAL_STRING || !is_crs(sb_val_text(entry->value), &srid))
            return SB_FUNC_FAIL_VALUE(ctx, "point(): crs is 'cartesian', 'cartesian-3d', 'wgs-84' "
                                           "or 'wgs-84-3d'");
    } else {
        const int64_t number = entry->value.kind == SB_VAL_INT ? entry->value.as.integer : 0;
        if (number != 4326 && number != 4979 && number != 7203 && number != 9157)
            return SB_FUNC_FAIL_VALUE(ctx, "point(): srid is 7203, 9157, 4326 or 4979");
        srid = (uint32_t)number;
    }
    if (c->srid != 0 && c->srid != srid)
        return SB_FUNC_FAIL_VALUE(ctx, "point(): crs and srid name different systems");
    c->srid = srid;
    return SB_OK;
}

static sb_status read_coordinate(sb_func_context *ctx, const sb_val_entry *entry, coordinates *c)
{
    static const struct {
        const char *name;
        char axis;
        bool geographic;
    } names[] = {
        {"x", 'x', false},        {"y", 'y', false},       {"z", 'z', false},
        {"longitude", 'x', true}, {"latitude", 'y', true}, {"height", 'z', true},
    };

    if (sb_func__named(entry->key, "crs") || sb_func__named(entry->key, "srid"))
        return read_system(ctx, entry, c);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!sb_func__named(entry->key, names[i].name)) continue;
        if (!sb_func__is_number(entry->value) || !isfinite(sb_func__real(entry->value)))
            return SB_FUNC_FAIL_VALUE(ctx, "point(): %s is a finite number", names[i].name);
        bool *has = names[i].axis == 'x' ? &c->has_x : names[i].axis == 'y' ? &c->has_y : &c->has_z;
        double *place = names[i].axis == 'x' ? &c->x : names[i].axis == 'y' ? &c->y : &c->z;
        if (*has)
            return SB_FUNC_FAIL_VALUE(ctx, "point(): %s says again what another key said",
                                      names[i].name);
        *has = true;
        *place = sb_func__real(entry->value);
        c->geographic = c->geographic || names[i].geographic;
        return SB_OK;
    }
    return SB_FUNC_FAIL_VALUE(ctx, "point(): there is no component '%.*s'",
                              SB_FUNC_SHOWN(entry->key));
}

static bool has_null(const sb_val_map *map)
{
    for (uint32_t i = 0; i < map->count; i++)
        if (map->entries[i].value.kind == SB_VAL_NULL) return true;
    return false;
}

sb_status sb_func__point(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    coordinates c = {.srid = 0};

    (void)count;
    *result = args[0];
    if (args[0].kind == SB_VAL_POINT) return SB_OK;
    if (args[0].kind != SB_VAL_MAP) return sb_func__fail_arg(ctx, "point", "a MAP", args[0]);
    *result = SB_VAL_NULL_VALUE;
    if (has_null(args[0].as.map)) return SB_OK;
    for (uint32_t i = 0; i < args[0].as.map->count; i++)
        SB_TRY(read_coordinate(ctx, &args[0].as.map->entries[i], &c));
    if (!c.has_x || !c.has_y)
        return SB_FUNC_FAIL_VALUE(ctx, "point() needs x and y, or longitude and latitude");
    if (c.srid == 0) c.srid = c.geographic ? (c.has_z ? 4979 : 4326) : (c.has_z ? 9157 : 7203);
    if (sb_func__srid_3d(c.srid) != c.has_z || (c.geographic && !sb_func__srid_geographic(c.srid)))
        return SB_FUNC_FAIL_VALUE(ctx, "point(): these are no coordinates of %s", crs_name(c.srid));
    if (sb_func__srid_geographic(c.srid)) {
        if (c.y < -90.0 || c.y > 90.0)
            return SB_FUNC_FAIL_VALUE(ctx, "point(): latitude lies between -90 and 90");
        /* Longitudes go round. */
        if (c.x < -180.0 || c.x > 180.0) c.x = remainder(c.x, 360.0);
    }
    const sb_value value = {.type = SB_TYPE_POINT, .extra = c.srid, .as.point = {c.x, c.y, c.z}};
    return sb_func__boxed(ctx, &value, result);
}

/* ---- Distances --------------------------------------------------------------------------------------------------- */

#define EARTH_RADIUS 6378140.0 /* metres: the equatorial one, as Neo4j takes it */

static double radians(double degrees)
{
    return degrees * (3.14159265358979323846 / 180.0);
}

/* Along a great circle, at the mean height of both; the difference of heights as in Pythagoras. */
static double earth_distance(const sb_value *a, const sb_value *b)
{
    const double from = radians(a->as.point.y), to = radians(b->as.point.y);
    const double height = (a->as.point.z + b->as.point.z) / 2.0;
    const double across = sin((to - from) / 2.0);
    const double along = sin(radians(b->as.point.x - a->as.point.x) / 2.0);
    const double h = across * across + cos(from) * cos(to) * along * along;
    const double arc = 2.0 * atan2(sqrt(h), sqrt(h < 1.0 ? 1.0 - h : 0.0));

    return hypot(arc * (EARTH_RADIUS + height), b->as.point.z - a->as.point.z);
}

sb_status sb_func__point_distance(sb_func_context *ctx, const sb_val *args, uint32_t count,
                                  sb_val *result)
{
    *result = SB_VAL_NULL_VALUE;
    for (uint32_t i = 0; i < count; i++)
        if (args[i].kind != SB_VAL_POINT)
            return sb_func__fail_arg(ctx, "point.distance", "two POINTs", args[i]);
    const sb_value *a = args[0].as.boxed, *b = args[1].as.boxed;
    if (a->extra != b->extra) return SB_OK;
    *result = sb_val_float(
        sb_func__srid_geographic(a->extra)
            ? earth_distance(a, b)
            : hypot(hypot(a->as.point.x - b->as.point.x, a->as.point.y - b->as.point.y),
                    a->as.point.z - b->as.point.z));
    return SB_OK;
}

static bool between(double low, double v, double high)
{
    return low <= v && v <= high;
}

/* From the lower left to the upper right corner; a box may span the 180th meridian. */
sb_status sb_func__point_within(sb_func_context *ctx, const sb_val *args, uint32_t count,
                                sb_val *result)
{
    *result = SB_VAL_NULL_VALUE;
    for (uint32_t i = 0; i < count; i++)
        if (args[i].kind != SB_VAL_POINT)
            return sb_func__fail_arg(ctx, "point.withinBBox", "three POINTs", args[i]);
    const sb_value *p = args[0].as.boxed, *low = args[1].as.boxed, *high = args[2].as.boxed;
    if (p->extra != low->extra || p->extra != high->extra) return SB_OK;
    const bool wraps = sb_func__srid_geographic(p->extra) && low->as.point.x > high->as.point.x;
    const bool inside_x =
        wraps ? p->as.point.x >= low->as.point.x || p->as.point.x <= high->as.point.x
              : between(low->as.point.x, p->as.point.x, high->as.point.x);
    *result = sb_val_bool(inside_x && between(low->as.point.y, p->as.point.y, high->as.point.y) &&
                          between(low->as.point.z, p->as.point.z, high->as.point.z));
    return SB_OK;
}
