/* list.c — functions of lists, and those that take strings, lists or maps alike. */
#include "cypher/func/func_priv.h"

static sb_status need_list(sb_func_context *ctx, const char *name, sb_val v)
{
    return v.kind == SB_VAL_LIST ? SB_OK : sb_func__fail_arg(ctx, name, "a LIST", v);
}

sb_status sb_func__head(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)count;
    SB_TRY(need_list(ctx, "head", args[0]));
    *result = args[0].as.list->count != 0 ? args[0].as.list->items[0] : SB_VAL_NULL_VALUE;
    return SB_OK;
}

sb_status sb_func__last(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)count;
    SB_TRY(need_list(ctx, "last", args[0]));
    const sb_val_list *list = args[0].as.list;
    *result = list->count != 0 ? list->items[list->count - 1] : SB_VAL_NULL_VALUE;
    return SB_OK;
}

sb_status sb_func__tail(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    const sb_val one = sb_val_int(1);

    (void)count;
    SB_TRY(need_list(ctx, "tail", args[0]));
    return sb_op_slice(ctx, args[0], &one, NULL, result);
}

sb_status sb_func__size(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)count;
    if (args[0].kind == SB_VAL_STRING)
        *result = sb_val_int((int64_t)sb_func__length(sb_val_text(args[0])));
    else if (args[0].kind == SB_VAL_LIST)
        *result = sb_val_int((int64_t)args[0].as.list->count);
    else
        return sb_func__fail_arg(ctx, "size", "a STRING or LIST", args[0]);
    return SB_OK;
}

sb_status sb_func__is_empty(sb_func_context *ctx, const sb_val *args, uint32_t count,
                            sb_val *result)
{
    (void)count;
    switch (args[0].kind) {
    case SB_VAL_STRING: *result = sb_val_bool(args[0].aux == 0); return SB_OK;
    case SB_VAL_LIST: *result = sb_val_bool(args[0].as.list->count == 0); return SB_OK;
    case SB_VAL_MAP: *result = sb_val_bool(args[0].as.map->count == 0); return SB_OK;
    default: return sb_func__fail_arg(ctx, "isEmpty", "a STRING, LIST or MAP", args[0]);
    }
}

/* How many numbers there are from first to last by step, both included. */
static uint64_t range_count(int64_t first, int64_t last, int64_t step)
{
    if (step > 0 ? first > last : first < last) return 0;
    const uint64_t distance =
        step > 0 ? (uint64_t)last - (uint64_t)first : (uint64_t)first - (uint64_t)last;
    /* cppcheck-suppress zerodivcond; the caller has refused a step of 0 */
    const uint64_t steps = distance / (step > 0 ? (uint64_t)step : 0 - (uint64_t)step);
    return steps == UINT64_MAX ? steps : steps + 1;
}

sb_status sb_func_range_of(sb_func_context *ctx, const sb_val *args, uint32_t arg_count,
                           sb_func_range *range)
{
    for (uint32_t i = 0; i < arg_count; i++)
        if (args[i].kind != SB_VAL_INT) return sb_func__fail_arg(ctx, "range", "INTEGERs", args[i]);
    range->first = args[0].as.integer;
    range->step = arg_count > 2 ? args[2].as.integer : 1;
    if (range->step == 0) return SB_FUNC_FAIL_RANGE(ctx, "range() needs a step that is not 0");
    range->count = range_count(range->first, args[1].as.integer, range->step);
    return SB_OK;
}

sb_status sb_func__range(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    sb_func_range range;
    sb_val_list *list;

    SB_TRY(sb_func_range_of(ctx, args, count, &range));
    if (range.count > SB_FUNC_LIST_MAX)
        return sb_cypher_fail_runtime(ctx->err, SB_CYPHER_LIMIT_EXCEEDED,
                                      "range() makes a LIST of at most %llu numbers, not %llu",
                                      (unsigned long long)SB_FUNC_LIST_MAX,
                                      (unsigned long long)range.count);
    SB_TRY(sb_func__list(ctx, range.count, &list));
    for (uint64_t i = 0; i < range.count; i++) {
        SB_FUNC_POLL(ctx);
        list->items[i] = sb_val_int((int64_t)((uint64_t)range.first + i * (uint64_t)range.step));
    }
    *result = sb_val_flat_list(list);
    return SB_OK;
}

sb_status sb_func__coalesce(sb_func_context *ctx, const sb_val *args, uint32_t count,
                            sb_val *result)
{
    (void)ctx;
    *result = SB_VAL_NULL_VALUE;
    for (uint32_t i = 0; i < count && result->kind == SB_VAL_NULL; i++)
        *result = args[i];
    return SB_OK;
}

sb_status sb_func__null_if(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)ctx;
    (void)count;
    *result = sb_val_equals(args[0], args[1]) == SB_TRUE ? SB_VAL_NULL_VALUE : args[0];
    return SB_OK;
}

sb_status sb_func__exists(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)ctx;
    (void)count;
    *result = sb_val_bool(args[0].kind != SB_VAL_NULL);
    return SB_OK;
}

/* ---- valueType() ---------------------------------------------------------------------------------------------------- */

/* In the order in which the members of a union are named. */
static const struct type_row {
    uint32_t bit;
    const char *name;
} TYPE_NAMES[] = {
    {SB_KIND_BOOL, "BOOLEAN"},
    {SB_KIND_STRING, "STRING"},
    {SB_KIND_BYTES, "BYTES"},
    {SB_KIND_INT, "INTEGER"},
    {SB_KIND_FLOAT, "FLOAT"},
    {SB_KIND_DATE, "DATE"},
    {SB_KIND_LOCAL_TIME, "LOCAL TIME"},
    {SB_KIND_TIME, "ZONED TIME"},
    {SB_KIND_LOCAL_DATETIME, "LOCAL DATETIME"},
    {SB_KIND_DATETIME, "ZONED DATETIME"},
    {SB_KIND_DURATION, "DURATION"},
    {SB_KIND_POINT, "POINT"},
    {SB_KIND_NODE, "NODE"},
    {SB_KIND_REL, "RELATIONSHIP"},
    {SB_KIND_MAP, "MAP"},
    {SB_KIND_LIST, "LIST"},
    {SB_KIND_PATH, "PATH"},
};

/* To kinds those of all values at `level` lists below v (0: v itself). */
static sb_status add_kinds(sb_func_context *ctx, sb_val v, unsigned level, uint32_t *kinds)
{
    if (level == 0) *kinds |= sb_val_kind_bit(v);
    if (level == 0 || v.kind != SB_VAL_LIST) return SB_OK;
    for (uint64_t i = 0; i < v.as.list->count; i++) {
        SB_FUNC_POLL(ctx);
        SB_TRY(add_kinds(ctx, v.as.list->items[i], level - 1, kinds));
    }
    return SB_OK;
}

/* The union of the kinds of all values that many lists down; lists in it are one type, of what they hold together. */
static sb_status write_type(sb_func_context *ctx, sb_val v, unsigned level, sb_buffer *out)
{
    uint32_t kinds = 0;
    bool first = true;

    SB_TRY(add_kinds(ctx, v, level, &kinds));
    if (kinds == 0) return sb_buffer_printf(out, "NOTHING");
    if (kinds == SB_KIND_NULL) return sb_buffer_printf(out, "NULL");
    for (size_t i = 0; i < sizeof TYPE_NAMES / sizeof TYPE_NAMES[0]; i++) {
        if ((kinds & TYPE_NAMES[i].bit) == 0) continue;
        SB_TRY(sb_buffer_printf(out, "%s%s", first ? "" : " | ", TYPE_NAMES[i].name));
        first = false;
        if (TYPE_NAMES[i].bit == SB_KIND_LIST) {
            SB_TRY(sb_buffer_append_byte(out, '<'));
            SB_TRY(write_type(ctx, v, level + 1, out));
            SB_TRY(sb_buffer_append_byte(out, '>'));
        }
        if ((kinds & SB_KIND_NULL) == 0) SB_TRY(sb_buffer_printf(out, " NOT NULL"));
    }
    return SB_OK;
}

sb_status sb_func__value_type(sb_func_context *ctx, const sb_val *args, uint32_t count,
                              sb_val *result)
{
    sb_buffer text;

    (void)count;
    sb_buffer_init(&text, ctx->alloc);
    sb_status st = write_type(ctx, args[0], 0, &text);
    if (st == SB_NOMEM) (void)SB_FAIL_NOMEM(ctx->err);
    if (st == SB_OK) st = sb_func__string(ctx, sb_buffer_bytes(&text), result);
    sb_buffer_deinit(&text);
    return st;
}
