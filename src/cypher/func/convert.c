/* convert.c — conversion between kinds: toInteger() and its kin. A text that is no number gives null; a kind that has no such
 * conversion fails, or gives null in the OrNull forms and for items of the List forms. */
#include <math.h>

#include "cypher/func/func_priv.h"
#include "graph/text_value.h"

/* *known false: v's kind can't be converted. */
typedef sb_status (*conversion)(sb_func_context *ctx, sb_val v, sb_val *result, bool *known);

static sb_status real_to_integer(double real, sb_val *result, bool *known)
{
    /* NaN, too, has no integer. */
    *known = real >= -SB_VAL_TWO_63 && real < SB_VAL_TWO_63;
    if (*known) *result = sb_val_int((int64_t)real);
    return SB_OK;
}

static sb_status to_integer(sb_func_context *ctx, sb_val v, sb_val *result, bool *known)
{
    int64_t integer;
    double real;
    bool fits;

    (void)ctx;
    *known = true;
    switch (v.kind) {
    case SB_VAL_INT: *result = v; return SB_OK;
    case SB_VAL_FLOAT: return real_to_integer(v.as.real, result, known);
    case SB_VAL_BOOL: *result = sb_val_int(v.as.boolean); return SB_OK;
    case SB_VAL_STRING:
        if (sb_text_to_int(sb_val_text(v), &integer)) {
            *result = sb_val_int(integer);
        } else if (sb_text_to_real(sb_val_text(v), &real)) {
            (void)real_to_integer(real, result, &fits);
        }
        return SB_OK;
    default: *known = false; return SB_OK;
    }
}

static sb_status to_float(sb_func_context *ctx, sb_val v, sb_val *result, bool *known)
{
    double real;

    (void)ctx;
    *known = true;
    if (sb_func__is_number(v))
        *result = sb_val_float(sb_func__real(v));
    else if (v.kind == SB_VAL_STRING)
        *result = sb_text_to_real(sb_val_text(v), &real) ? sb_val_float(real) : SB_VAL_NULL_VALUE;
    else
        *known = false;
    return SB_OK;
}

static bool is_word(sb_bytes text, const char *word)
{
    size_t i = 0;

    for (; i < text.size && word[i] != '\0'; i++)
        if ((text.data[i] | 0x20) != (uint8_t)word[i]) return false;
    return i == text.size && word[i] == '\0';
}

static sb_status to_boolean(sb_func_context *ctx, sb_val v, sb_val *result, bool *known)
{
    (void)ctx;
    *known = true;
    switch (v.kind) {
    case SB_VAL_BOOL: *result = v; return SB_OK;
    case SB_VAL_INT: *result = sb_val_bool(v.as.integer != 0); return SB_OK;
    case SB_VAL_STRING:
        if (is_word(sb_val_text(v), "true")) *result = sb_val_bool(true);
        if (is_word(sb_val_text(v), "false")) *result = sb_val_bool(false);
        return SB_OK;
    default: *known = false; return SB_OK;
    }
}

static sb_status convert(sb_func_context *ctx, const char *name, const char *needs, conversion call,
                         sb_val v, sb_val *result)
{
    bool known;

    *result = SB_VAL_NULL_VALUE;
    SB_TRY(call(ctx, v, result, &known));
    if (known) return SB_OK;
    if (v.kind == SB_VAL_FLOAT && call == to_integer)
        return isnan(v.as.real)
                   ? SB_FUNC_FAIL_RANGE(ctx, "%s(NaN): there is no such INTEGER", name)
                   : SB_FUNC_FAIL_RANGE(ctx, "%s(%g): there is no such INTEGER", name, v.as.real);
    return sb_func__fail_arg(ctx, name, needs, v);
}

static sb_status convert_or_null(sb_func_context *ctx, conversion call, sb_val v, sb_val *result)
{
    bool known;

    *result = SB_VAL_NULL_VALUE;
    SB_TRY(call(ctx, v, result, &known));
    if (!known) *result = SB_VAL_NULL_VALUE;
    return SB_OK;
}

static sb_status convert_list(sb_func_context *ctx, const char *name, conversion call, sb_val v,
                              sb_val *result)
{
    sb_val_list *list;

    if (v.kind != SB_VAL_LIST) return sb_func__fail_arg(ctx, name, "a LIST", v);
    SB_TRY(sb_func__list(ctx, v.as.list->count, &list));
    for (uint64_t i = 0; i < list->count; i++) {
        SB_FUNC_POLL(ctx);
        SB_TRY(convert_or_null(ctx, call, v.as.list->items[i], &list->items[i]));
    }
    *result = sb_val_flat_list(list);
    return SB_OK;
}

#define CONVERSIONS(symbol, name, needs, call)                                                     \
    sb_status sb_func__##symbol(sb_func_context *ctx, const sb_val *args, uint32_t count,          \
                                sb_val *result)                                                    \
    {                                                                                              \
        (void)count;                                                                               \
        return convert(ctx, name, needs, call, args[0], result);                                   \
    }                                                                                              \
    sb_status sb_func__##symbol##_or_null(sb_func_context *ctx, const sb_val *args,                \
                                          uint32_t count, sb_val *result)                          \
    {                                                                                              \
        (void)count;                                                                               \
        return convert_or_null(ctx, call, args[0], result);                                        \
    }                                                                                              \
    sb_status sb_func__##symbol##_list(sb_func_context *ctx, const sb_val *args, uint32_t count,   \
                                       sb_val *result)                                             \
    {                                                                                              \
        (void)count;                                                                               \
        return convert_list(ctx, name "List", call, args[0], result);                              \
    }

CONVERSIONS(convert_integer, "toInteger", "a STRING, number or BOOLEAN", to_integer)
CONVERSIONS(convert_float, "toFloat", "a STRING or number", to_float)
CONVERSIONS(convert_boolean, "toBoolean", "a STRING, BOOLEAN or INTEGER", to_boolean)
CONVERSIONS(convert_string, "toString", "a value that has a text", sb_func__to_string)

/* Whatever can be stored can be written so, bytes and zones that this system does not know included. */
sb_status sb_func__from_text(sb_func_context *ctx, const sb_val *args, uint32_t count,
                             sb_val *result)
{
    sb_text_type type;
    sb_value value;
    sb_err why;
    sb_status status;

    (void)count;
    for (size_t i = 0; i < 2; i++)
        if (args[i].kind != SB_VAL_STRING)
            return sb_func__fail_arg(ctx, "fromText", "a STRING", args[i]);
    sb_err_clear(&why);
    status = sb_text_type_parse(sb_val_text(args[0]), &type, &why);
    if (status == SB_OK)
        status = sb_text_to_value(&type, sb_val_text(args[1]), ctx->arena, &value, &why);
    if (status == SB_NOMEM) return SB_FAIL_NOMEM(ctx->err);
    if (status != SB_OK) return SB_FUNC_FAIL_VALUE(ctx, "fromText(): %s", why.text);
    return sb_val_from_value(ctx->arena, &value, result, ctx->err);
}
