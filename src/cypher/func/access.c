/* access.c — what looks into values: a.key, a[i], a[i..j], IS :: and IS NORMALIZED. */
#include "cypher/func/func_priv.h"

sb_status sb_op_property(sb_func_context *ctx, sb_val a, sb_bytes key, sb_val *result)
{
    const sb_val *found;

    *result = SB_VAL_NULL_VALUE;
    switch (a.kind) {
    case SB_VAL_NULL: return SB_OK;
    case SB_VAL_MAP:
        found = sb_val_map_get(a.as.map, key);
        if (found != NULL) *result = *found;
        return SB_OK;
    case SB_VAL_NODE:
    case SB_VAL_REL: return ctx->reader->property(ctx->reader->ctx, a, key, result, ctx->err);
    case SB_VAL_DATE:
    case SB_VAL_LOCAL_TIME:
    case SB_VAL_TIME:
    case SB_VAL_LOCAL_DATETIME:
    case SB_VAL_DATETIME:
    case SB_VAL_DURATION: return sb_func__temporal_component(ctx, a, key, result);
    case SB_VAL_POINT:
        if (sb_func__point_component(a.as.boxed, key, result)) return SB_OK;
        return SB_FUNC_FAIL_VALUE(ctx, "a POINT of srid %u has no component '%.*s'",
                                  a.as.boxed->extra, SB_FUNC_SHOWN(key));
    default:
        return sb_cypher_fail_runtime(ctx->err, SB_CYPHER_ARGUMENT_TYPE,
                                      "a value of type %s has no properties, so no '%.*s'",
                                      sb_val_kind_name(a.kind), SB_FUNC_SHOWN(key));
    }
}

static sb_status index_list(sb_func_context *ctx, const sb_val_list *list, sb_val index,
                            sb_val *result)
{
    if (index.kind != SB_VAL_INT)
        return sb_cypher_fail_runtime(ctx->err, SB_CYPHER_LIST_ELEMENT_ACCESS_BY_NON_INTEGER,
                                      "a LIST is indexed by an INTEGER, not by a value of type %s",
                                      sb_val_kind_name(index.kind));
    const int64_t i = index.as.integer;
    if (i >= 0 ? (uint64_t)i < list->count : 0 - (uint64_t)i <= list->count)
        *result = list->items[i >= 0 ? (uint64_t)i : list->count - (0 - (uint64_t)i)];
    return SB_OK;
}

sb_status sb_op_index(sb_func_context *ctx, sb_val a, sb_val index, sb_val *result)
{
    *result = SB_VAL_NULL_VALUE;
    if (a.kind == SB_VAL_NULL || index.kind == SB_VAL_NULL) return SB_OK;
    if (a.kind == SB_VAL_LIST) return index_list(ctx, a.as.list, index, result);
    if (a.kind != SB_VAL_MAP && a.kind != SB_VAL_NODE && a.kind != SB_VAL_REL)
        return sb_func__fail_type(ctx, "[]", "a LIST, MAP, NODE or RELATIONSHIP", a);
    if (index.kind != SB_VAL_STRING)
        return sb_cypher_fail_runtime(ctx->err, SB_CYPHER_MAP_ELEMENT_ACCESS_BY_NON_STRING,
                                      "a %s is indexed by a STRING, not by a value of type %s",
                                      sb_val_kind_name(a.kind), sb_val_kind_name(index.kind));
    return sb_op_property(ctx, a, sb_val_text(index), result);
}

/* A bound as a position in [0, count]: negative ones count from the end. */
static uint64_t position(int64_t bound, uint64_t count)
{
    if (bound >= 0) return (uint64_t)bound < count ? (uint64_t)bound : count;
    return 0 - (uint64_t)bound < count ? count - (0 - (uint64_t)bound) : 0;
}

sb_status sb_op_slice(sb_func_context *ctx, sb_val a, const sb_val *from, const sb_val *to,
                      sb_val *result)
{
    sb_val_list *list;
    unsigned depth = 0;

    *result = SB_VAL_NULL_VALUE;
    if (a.kind == SB_VAL_NULL || (from != NULL && from->kind == SB_VAL_NULL) ||
        (to != NULL && to->kind == SB_VAL_NULL))
        return SB_OK;
    if (a.kind != SB_VAL_LIST && a.kind != SB_VAL_STRING)
        return sb_func__fail_type(ctx, "[..]", "a LIST or STRING", a);
    for (int i = 0; i < 2; i++) {
        const sb_val *bound = i == 0 ? from : to;
        if (bound != NULL && bound->kind != SB_VAL_INT)
            return sb_func__fail_type(ctx, "[..]", "INTEGER bounds", *bound);
    }
    const uint64_t count =
        a.kind == SB_VAL_LIST ? a.as.list->count : sb_func__length(sb_val_text(a));
    const uint64_t begin = from == NULL ? 0 : position(from->as.integer, count);
    uint64_t end = to == NULL ? count : position(to->as.integer, count);
    if (end < begin) end = begin;
    if (a.kind == SB_VAL_STRING) {
        const sb_bytes text = sb_val_text(a);
        const size_t first = sb_func__at(text, begin), behind = sb_func__at(text, end);
        *result = sb_val_string(sb_bytes_of(text.data + first, behind - first));
        return SB_OK;
    }
    SB_TRY(sb_func__list(ctx, end - begin, &list));
    if (end != begin)
        SB_TRY(sb_func__fill(ctx, list, 0, a.as.list->items + begin, end - begin, &depth));
    return sb_val_list_seal_at(list, depth, result, ctx->err);
}

/* Types are as deep as the query's text says, which the parser bounds. */
static sb_status is_of_type(sb_func_context *ctx, sb_val v, const sb_type_spec *type, bool *is)
{
    *is = (sb_val_kind_bit(v) & type->kinds) != 0;
    if (v.kind != SB_VAL_LIST || type->items == NULL) return SB_OK;
    for (uint64_t i = 0; i < v.as.list->count && *is; i++) {
        SB_FUNC_POLL(ctx);
        SB_TRY(is_of_type(ctx, v.as.list->items[i], type->items, is));
    }
    return SB_OK;
}

sb_status sb_op_is_type(sb_func_context *ctx, sb_val a, const sb_type_spec *type, sb_val *result)
{
    bool is;

    *result = SB_VAL_NULL_VALUE;
    SB_TRY(is_of_type(ctx, a, type, &is));
    *result = sb_val_bool(is);
    return SB_OK;
}

sb_status sb_op_is_normalized(sb_func_context *ctx, sb_val a, sb_bytes form, sb_val *result)
{
    sb_val normal;

    *result = SB_VAL_NULL_VALUE;
    if (a.kind != SB_VAL_STRING) return SB_OK;
    SB_TRY(sb_func__normalize(ctx, sb_val_text(a), form, &normal));
    *result = sb_val_bool(sb_bytes_equal(sb_val_text(a), sb_val_text(normal)));
    return SB_OK;
}
