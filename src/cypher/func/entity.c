/* entity.c — functions of nodes, relationships, paths, and of maps where these are alike. */
#include <stdio.h>

#include "cypher/func/func_priv.h"

static bool is_entity(sb_val v)
{
    return v.kind == SB_VAL_NODE || v.kind == SB_VAL_REL;
}

sb_status sb_func__id(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)count;
    if (!is_entity(args[0])) return sb_func__fail_arg(ctx, "id", "a NODE or RELATIONSHIP", args[0]);
    *result = sb_val_int((int64_t)args[0].as.id);
    return SB_OK;
}

sb_status sb_func__element_id(sb_func_context *ctx, const sb_val *args, uint32_t count,
                              sb_val *result)
{
    char text[32];

    (void)count;
    if (!is_entity(args[0]))
        return sb_func__fail_arg(ctx, "elementId", "a NODE or RELATIONSHIP", args[0]);
    const int size = snprintf(text, sizeof text, "%c%llu", args[0].kind == SB_VAL_NODE ? 'n' : 'r',
                              (unsigned long long)args[0].as.id);
    return sb_func__string(ctx, sb_bytes_of(text, (size_t)size), result);
}

bool sb_element_id_parse(sb_bytes text, sb_val *entity)
{
    uint64_t id = 0;

    *entity = SB_VAL_NULL_VALUE;
    if (text.size < 2 || (text.data[0] != 'n' && text.data[0] != 'r')) return false;
    if (text.data[1] == '0' && text.size > 2) return false; /* one text for each entity */
    for (size_t i = 1; i < text.size; i++) {
        const unsigned digit = (unsigned)text.data[i] - '0';
        if (digit > 9 || SB_MUL_OVERFLOWS(id, 10u, &id) || SB_ADD_OVERFLOWS(id, digit, &id))
            return false;
    }
    *entity = text.data[0] == 'n' ? sb_val_node(id) : sb_val_rel(id);
    return true;
}

sb_status sb_func__type(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)count;
    if (args[0].kind != SB_VAL_REL)
        return sb_func__fail_arg(ctx, "type", "a RELATIONSHIP", args[0]);
    return ctx->reader->type(ctx->reader->ctx, args[0], result, ctx->err);
}

sb_status sb_func__labels(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)count;
    if (args[0].kind != SB_VAL_NODE) return sb_func__fail_arg(ctx, "labels", "a NODE", args[0]);
    return ctx->reader->labels(ctx->reader->ctx, args[0], result, ctx->err);
}

static sb_status end_of(sb_func_context *ctx, const char *name, sb_val v, bool start,
                        sb_val *result)
{
    uint64_t from, to;

    if (v.kind != SB_VAL_REL) return sb_func__fail_arg(ctx, name, "a RELATIONSHIP", v);
    SB_TRY(ctx->reader->ends(ctx->reader->ctx, v, &from, &to, ctx->err));
    *result = sb_val_node(start ? from : to);
    return SB_OK;
}

sb_status sb_func__start_node(sb_func_context *ctx, const sb_val *args, uint32_t count,
                              sb_val *result)
{
    (void)count;
    return end_of(ctx, "startNode", args[0], true, result);
}

sb_status sb_func__end_node(sb_func_context *ctx, const sb_val *args, uint32_t count,
                            sb_val *result)
{
    (void)count;
    return end_of(ctx, "endNode", args[0], false, result);
}

sb_status sb_func__properties(sb_func_context *ctx, const sb_val *args, uint32_t count,
                              sb_val *result)
{
    (void)count;
    *result = args[0];
    if (args[0].kind == SB_VAL_MAP) return SB_OK;
    if (!is_entity(args[0]))
        return sb_func__fail_arg(ctx, "properties", "a NODE, RELATIONSHIP or MAP", args[0]);
    return ctx->reader->properties(ctx->reader->ctx, args[0], result, ctx->err);
}

sb_status sb_func__keys(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    sb_val map = args[0];
    sb_val_list *list;

    (void)count;
    if (is_entity(map))
        SB_TRY(ctx->reader->properties(ctx->reader->ctx, args[0], &map, ctx->err));
    else if (map.kind != SB_VAL_MAP)
        return sb_func__fail_arg(ctx, "keys", "a NODE, RELATIONSHIP or MAP", map);
    SB_TRY(sb_func__list(ctx, map.as.map->count, &list));
    for (uint32_t i = 0; i < map.as.map->count; i++)
        list->items[i] = sb_val_string(map.as.map->entries[i].key);
    *result = sb_val_flat_list(list);
    return SB_OK;
}

/* ---- Paths ------------------------------------------------------------------------------------------------------- */

sb_status sb_func__length_of_path(sb_func_context *ctx, const sb_val *args, uint32_t count,
                                  sb_val *result)
{
    (void)count;
    if (args[0].kind != SB_VAL_PATH) return sb_func__fail_arg(ctx, "length", "a PATH", args[0]);
    *result = sb_val_int((int64_t)args[0].as.path->length);
    return SB_OK;
}

static sb_status ids_to_list(sb_func_context *ctx, const uint64_t *ids, uint64_t ids_count,
                             bool nodes, sb_val *result)
{
    sb_val_list *list;

    SB_TRY(sb_func__list(ctx, ids_count, &list));
    for (uint64_t i = 0; i < ids_count; i++)
        list->items[i] = nodes ? sb_val_node(ids[i]) : sb_val_rel(ids[i]);
    *result = sb_val_flat_list(list);
    return SB_OK;
}

sb_status sb_func__nodes(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)count;
    if (args[0].kind != SB_VAL_PATH) return sb_func__fail_arg(ctx, "nodes", "a PATH", args[0]);
    return ids_to_list(ctx, args[0].as.path->nodes, args[0].as.path->length + 1, true, result);
}

sb_status sb_func__relationships(sb_func_context *ctx, const sb_val *args, uint32_t count,
                                 sb_val *result)
{
    (void)count;
    if (args[0].kind != SB_VAL_PATH)
        return sb_func__fail_arg(ctx, "relationships", "a PATH", args[0]);
    return ids_to_list(ctx, args[0].as.path->rels, args[0].as.path->length, false, result);
}
