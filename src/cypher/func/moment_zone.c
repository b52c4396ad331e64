/* moment_zone.c — moments in time zones: their offsets, and zones by name (graph/zone.h has their history). */
#include "cypher/func/func_priv.h"

static sb_status find_zone(sb_func_context *ctx, sb_bytes name, const sb_zone **found)
{
    bool damaged;

    SB_TRY(sb_zones_find(ctx->zones, name, found, &damaged, ctx->err));
    if (*found != NULL) return SB_OK;
    return damaged ? SB_FUNC_FAIL_VALUE(ctx, "the file of time zone '%.*s' is damaged",
                                        SB_FUNC_SHOWN(name))
                   : SB_FUNC_FAIL_VALUE(ctx, "there is no time zone '%.*s'", SB_FUNC_SHOWN(name));
}

sb_status sb_func__moment_resolve(sb_func_context *ctx, sb_moment *moment)
{
    const sb_zone *z;
    int32_t skipped;

    if (moment->zone.size == 0) return SB_OK;
    SB_TRY(find_zone(ctx, moment->zone, &z));
    const int64_t local = moment->days * SB_FUNC_DAY + moment->ns / SB_FUNC_NANOS;
    if (moment->has_offset && sb_zone_fits(z, local, moment->offset)) return SB_OK;
    moment->offset = sb_zone_offset_of(z, local, &skipped);
    moment->has_offset = true;
    moment->ns += skipped * SB_FUNC_NANOS;
    moment->days += moment->ns / SB_FUNC_DAY_NANOS;
    moment->ns %= SB_FUNC_DAY_NANOS;
    return SB_OK;
}

sb_status sb_func__moment_at(sb_func_context *ctx, int64_t seconds, int64_t nanos,
                             sb_moment *moment)
{
    const sb_zone *z;

    if (moment->zone.size != 0) {
        SB_TRY(find_zone(ctx, moment->zone, &z));
        moment->offset = sb_zone_offset_at(z, seconds);
        moment->has_offset = true;
    }
    moment->days = sb_floor_div(seconds + moment->offset, SB_FUNC_DAY);
    moment->ns = sb_floor_mod(seconds + moment->offset, SB_FUNC_DAY) * SB_FUNC_NANOS + nanos;
    return SB_OK;
}

/* Z, ±hh, ±hh:mm, ±hhmm, ±hh:mm:ss: as behind a time, which reads it. */
static bool read_offset(sb_bytes text, int32_t *offset)
{
    static const sb_text_type type = {.type = SB_TYPE_TIME};
    uint8_t time[2 + 9] = "00";
    sb_value value;

    if (text.size == 0 || text.size > sizeof time - 2) return false;
    if (text.data[0] != '+' && text.data[0] != '-' && (text.data[0] | 0x20) != 'z') return false;
    memcpy(time + 2, text.data, text.size);
    if (sb_text_to_value(&type, sb_bytes_of(time, text.size + 2), NULL, &value, NULL) != SB_OK)
        return false;
    *offset = value.as.time.offset;
    return true;
}

sb_status sb_func__moment_set_zone(sb_func_context *ctx, sb_bytes text, sb_moment *moment)
{
    const sb_zone *z;

    moment->zone = sb_bytes_of(NULL, 0);
    moment->has_offset = read_offset(text, &moment->offset);
    if (moment->has_offset) return SB_OK;
    SB_TRY(find_zone(ctx, text, &z));
    moment->zone = text;
    return SB_OK;
}
