/* op.c — operators: boolean logic, comparisons, arithmetic, concatenation, and the tests on strings and lists.
 * Null in gives null out, but for AND, OR, XOR (ternary logic), IS NULL and IN (an item that is known to be equal decides). */
#define _GNU_SOURCE 1 /* memmem */
#include <math.h>
#include <string.h>

#include "cypher/func/func_priv.h"

/* ---- Failing, making ------------------------------------------------------------------------------------------ */

sb_status(sb_func__fail_type)(sb_func_context *ctx, const char *what, const char *needs, sb_val got)
{
    return sb_cypher_fail_runtime(ctx->err, SB_CYPHER_ARGUMENT_TYPE,
                                  "%s needs %s, not a value of type %s", what, needs,
                                  sb_val_kind_name(got.kind));
}

sb_status(sb_func__fail_arg)(sb_func_context *ctx, const char *what, const char *needs, sb_val got)
{
    return SB_FUNC_FAIL_VALUE(ctx, "%s() needs %s, not a value of type %s", what, needs,
                              sb_val_kind_name(got.kind));
}

sb_status sb_func__room(sb_func_context *ctx, size_t bytes, uint8_t **room)
{
    if (bytes > SB_VALUE_BYTES_MAX)
        return sb_cypher_fail_runtime(ctx->err, SB_CYPHER_LIMIT_EXCEEDED,
                                      "a STRING of more than 2 GiB");
    *room = sb_arena_alloc(ctx->arena, bytes);
    return *room != NULL ? SB_OK : SB_FAIL_NOMEM(ctx->err);
}

sb_status sb_func__string(sb_func_context *ctx, sb_bytes text, sb_val *result)
{
    uint8_t *copy = NULL;

    SB_TRY(sb_func__room(ctx, text.size, &copy));
    if (text.size != 0) memcpy(copy, text.data, text.size);
    *result = sb_val_string(sb_bytes_of(copy, text.size));
    return SB_OK;
}

sb_status sb_func__list(sb_func_context *ctx, uint64_t count, sb_val_list **list)
{
    *list = sb_val_list_make(ctx->arena, count);
    return *list != NULL ? SB_OK : SB_FAIL_NOMEM(ctx->err);
}

/* Fresh memory is slow to touch: 0.5 ms for so many values. */
#define FILLED_AT_ONCE 65536u

sb_status sb_func__fill(sb_func_context *ctx, sb_val_list *list, uint64_t at, const sb_val *items,
                        uint64_t count, unsigned *depth)
{
    for (uint64_t done = 0; done < count; done += FILLED_AT_ONCE) {
        const uint64_t left = count - done, step = left < FILLED_AT_ONCE ? left : FILLED_AT_ONCE;
        if (done != 0 && ctx->poll != NULL) SB_TRY(ctx->poll(ctx->poll_ctx));
        const unsigned deepest = sb_val_deepest(items + done, step);
        if (deepest > *depth) *depth = deepest;
        memcpy(list->items + at + done, items + done, (size_t)step * sizeof *items);
    }
    return SB_OK;
}

sb_status sb_func__boxed(sb_func_context *ctx, const sb_value *value, sb_val *result)
{
    sb_value *own = sb_arena_alloc(ctx->arena, sizeof *own);

    if (own == NULL) return SB_FAIL_NOMEM(ctx->err);
    *own = *value;
    *result = (sb_val){.kind = (uint8_t)value->type, .as.boxed = own};
    return SB_OK;
}

sb_status sb_func__to_string(sb_func_context *ctx, sb_val v, sb_val *result, bool *has)
{
    sb_buffer text;

    *has = true;
    *result = v;
    if (v.kind == SB_VAL_STRING) return SB_OK;
    sb_buffer_init(&text, ctx->alloc);
    sb_status st = sb_val_to_string(v, &text, has, ctx->err);
    if (st == SB_OK && *has) st = sb_func__string(ctx, sb_buffer_bytes(&text), result);
    sb_buffer_deinit(&text);
    return st;
}

/* ---- Boolean --------------------------------------------------------------------------------------------------- */

sb_ternary sb_ternary_of(sb_val v, bool *is_bool)
{
    *is_bool = v.kind == SB_VAL_BOOL || v.kind == SB_VAL_NULL;
    if (v.kind != SB_VAL_BOOL) return SB_UNKNOWN;
    return v.as.boolean ? SB_TRUE : SB_FALSE;
}

static sb_val of_ternary(sb_ternary t)
{
    return t == SB_UNKNOWN ? SB_VAL_NULL_VALUE : sb_val_bool(t == SB_TRUE);
}

static sb_status logic(sb_func_context *ctx, sb_op2 op, sb_val a, sb_val b, sb_val *result)
{
    bool a_is, b_is;
    const sb_ternary left = sb_ternary_of(a, &a_is), right = sb_ternary_of(b, &b_is);
    const char *name = op == SB_OP2_AND ? "AND" : op == SB_OP2_OR ? "OR" : "XOR";

    if (!a_is || !b_is) return sb_func__fail_type(ctx, name, "BOOLEAN operands", a_is ? b : a);
    const sb_ternary decisive = op == SB_OP2_AND ? SB_FALSE : SB_TRUE;
    if (op != SB_OP2_XOR && (left == decisive || right == decisive))
        *result = of_ternary(decisive);
    else if (left == SB_UNKNOWN || right == SB_UNKNOWN)
        *result = SB_VAL_NULL_VALUE;
    else
        *result = op == SB_OP2_XOR ? sb_val_bool(left != right) : a;
    return SB_OK;
}

static sb_val compare(sb_op2 op, sb_val a, sb_val b)
{
    int order;
    const sb_ternary known = sb_val_comparable(a, b, &order);

    if (known != SB_TRUE) return of_ternary(known);
    switch ((int)op) {
    case SB_OP2_LT: return sb_val_bool(order < 0);
    case SB_OP2_LE: return sb_val_bool(order <= 0);
    case SB_OP2_GT: return sb_val_bool(order > 0);
    default: return sb_val_bool(order >= 0);
    }
}

/* ---- Arithmetic ------------------------------------------------------------------------------------------------- */

static const char *symbol(sb_op2 op)
{
    switch ((int)op) {
    case SB_OP2_ADD: return "+";
    case SB_OP2_SUB: return "-";
    case SB_OP2_MUL: return "*";
    case SB_OP2_DIV: return "/";
    case SB_OP2_MOD: return "%";
    case SB_OP2_POW: return "^";
    default: return "||";
    }
}

static sb_status fail_operands(sb_func_context *ctx, sb_op2 op, sb_val a, sb_val b)
{
    return sb_cypher_fail_runtime(ctx->err, SB_CYPHER_ARGUMENT_TYPE,
                                  "%s can't combine a value of type %s with one of type %s",
                                  symbol(op), sb_val_kind_name(a.kind), sb_val_kind_name(b.kind));
}

static sb_status integer_arithmetic(sb_func_context *ctx, sb_op2 op, int64_t a, int64_t b,
                                    sb_val *result)
{
    int64_t value = 0;
    bool overflows;

    if ((op == SB_OP2_DIV || op == SB_OP2_MOD) && b == 0)
        return sb_cypher_fail_runtime(ctx->err, SB_CYPHER_DIVISION_BY_ZERO,
                                      "division by zero: %lld %s 0", (long long)a, symbol(op));
    switch ((int)op) {
    case SB_OP2_ADD: overflows = SB_ADD_OVERFLOWS(a, b, &value); break;
    case SB_OP2_SUB: overflows = SB_SUB_OVERFLOWS(a, b, &value); break;
    case SB_OP2_MUL: overflows = SB_MUL_OVERFLOWS(a, b, &value); break;
    case SB_OP2_DIV:
        overflows = a == INT64_MIN && b == -1;
        if (!overflows) value = a / b;
        break;
    default:
        overflows = false;
        value = b == -1 ? 0 : a % b;
        break;
    }
    if (SB_UNLIKELY(overflows))
        return SB_FUNC_FAIL_OVERFLOW(ctx, "%lld %s %lld does not fit 64 bits", (long long)a,
                                     symbol(op), (long long)b);
    *result = sb_val_int(value);
    return SB_OK;
}

static sb_status number_arithmetic(sb_func_context *ctx, sb_op2 op, sb_val a, sb_val b,
                                   sb_val *result)
{
    if (op != SB_OP2_POW && a.kind == SB_VAL_INT && b.kind == SB_VAL_INT)
        return integer_arithmetic(ctx, op, a.as.integer, b.as.integer, result);
    const double left = sb_func__real(a), right = sb_func__real(b);
    switch ((int)op) {
    case SB_OP2_ADD: *result = sb_val_float(left + right); break;
    case SB_OP2_SUB: *result = sb_val_float(left - right); break;
    case SB_OP2_MUL: *result = sb_val_float(left * right); break;
    case SB_OP2_DIV: *result = sb_val_float(left / right); break;
    case SB_OP2_MOD: *result = sb_val_float(fmod(left, right)); break;
    default: *result = sb_val_float(pow(left, right)); break;
    }
    return SB_OK;
}

/* ---- Concatenation ----------------------------------------------------------------------------------------------- */

static sb_status join_strings(sb_func_context *ctx, sb_val a, sb_val b, sb_val *result)
{
    uint8_t *room;

    SB_TRY(sb_func__room(ctx, (size_t)a.aux + b.aux, &room));
    if (a.aux != 0) memcpy(room, a.as.text, a.aux);
    if (b.aux != 0) memcpy(room + a.aux, b.as.text, b.aux);
    *result = sb_val_string(sb_bytes_of(room, (size_t)a.aux + b.aux));
    return SB_OK;
}

/* A value that is no list counts as a list of it. */
static sb_status join_lists(sb_func_context *ctx, sb_val a, sb_val b, sb_val *result)
{
    const uint64_t a_count = a.kind == SB_VAL_LIST ? a.as.list->count : 1;
    const uint64_t b_count = b.kind == SB_VAL_LIST ? b.as.list->count : 1;
    const sb_val *a_items = a.kind == SB_VAL_LIST ? a.as.list->items : &a;
    const sb_val *b_items = b.kind == SB_VAL_LIST ? b.as.list->items : &b;
    sb_val_list *list;
    unsigned depth = 0;

    SB_TRY(sb_func__list(ctx, a_count + b_count, &list));
    SB_TRY(sb_func__fill(ctx, list, 0, a_items, a_count, &depth));
    SB_TRY(sb_func__fill(ctx, list, a_count, b_items, b_count, &depth));
    return sb_val_list_seal_at(list, depth, result, ctx->err);
}

/* What a string can be continued with. */
static bool has_plain_text(sb_val v)
{
    return v.kind == SB_VAL_STRING || v.kind == SB_VAL_BOOL || sb_func__is_number(v) ||
           (v.kind >= SB_VAL_DATE && v.kind <= SB_VAL_DURATION);
}

static sb_status add(sb_func_context *ctx, sb_val a, sb_val b, sb_val *result)
{
    bool has;

    if (a.kind == SB_VAL_LIST || b.kind == SB_VAL_LIST) return join_lists(ctx, a, b, result);
    if ((a.kind == SB_VAL_STRING || b.kind == SB_VAL_STRING) && has_plain_text(a) &&
        has_plain_text(b)) {
        SB_TRY(sb_func__to_string(ctx, a, &a, &has));
        SB_TRY(sb_func__to_string(ctx, b, &b, &has));
        return join_strings(ctx, a, b, result);
    }
    if (b.kind == SB_VAL_DURATION && (a.kind == SB_VAL_DURATION || sb_func__is_instant(a)))
        return sb_func__duration_add(ctx, a, b, false, result);
    if (a.kind == SB_VAL_DURATION && sb_func__is_instant(b))
        return sb_func__duration_add(ctx, b, a, false, result);
    return fail_operands(ctx, SB_OP2_ADD, a, b);
}

static sb_status concatenate(sb_func_context *ctx, sb_val a, sb_val b, sb_val *result)
{
    if (a.kind == SB_VAL_STRING && b.kind == SB_VAL_STRING) return join_strings(ctx, a, b, result);
    if (a.kind == SB_VAL_LIST && b.kind == SB_VAL_LIST) return join_lists(ctx, a, b, result);
    return fail_operands(ctx, SB_OP2_CONCAT, a, b);
}

static sb_status arithmetic(sb_func_context *ctx, sb_op2 op, sb_val a, sb_val b, sb_val *result)
{
    if (a.kind == SB_VAL_NULL || b.kind == SB_VAL_NULL) return SB_OK;
    if (sb_func__is_number(a) && sb_func__is_number(b))
        return number_arithmetic(ctx, op, a, b, result);
    if (op == SB_OP2_ADD) return add(ctx, a, b, result);
    if (op == SB_OP2_SUB && b.kind == SB_VAL_DURATION &&
        (a.kind == SB_VAL_DURATION || sb_func__is_instant(a)))
        return sb_func__duration_add(ctx, a, b, true, result);
    if ((op == SB_OP2_MUL || op == SB_OP2_DIV) && a.kind == SB_VAL_DURATION &&
        sb_func__is_number(b))
        return sb_func__duration_scale(ctx, a, b, op == SB_OP2_DIV, result);
    if (op == SB_OP2_MUL && b.kind == SB_VAL_DURATION && sb_func__is_number(a))
        return sb_func__duration_scale(ctx, b, a, false, result);
    return fail_operands(ctx, op, a, b);
}

/* ---- Strings, lists ------------------------------------------------------------------------------------------------ */

/* Places looked at between two questions whether to go on. */
#define PLACES_AT_ONCE ((size_t)65536)

/* In time linear in the text, since memmem is: pieces have as many places as the part has bytes, or more. The first byte alone is looked for
 * before, which takes less than memmem's tables where it is rare. */
sb_status sb_func__find(sb_func_context *ctx, sb_bytes text, sb_bytes part, size_t from, size_t *at)
{
    const size_t places = part.size > text.size ? 0 : text.size - part.size + 1;
    const size_t most = part.size > PLACES_AT_ONCE ? part.size : PLACES_AT_ONCE;

    *at = text.size;
    while (from < places) {
        const size_t end = places - from > most ? from + most : places;
        const uint8_t *hit = memchr(text.data + from, part.data[0], end - from);
        if (hit != NULL && part.size > 1) {
            const size_t begin = (size_t)(hit - text.data);
            hit = memmem(hit, end - begin + part.size - 1, part.data, part.size);
        }
        const size_t next = hit == NULL ? end : (size_t)(hit - text.data);
        SB_TRY(sb_func_work(ctx, SB_WORK_OF_A_PLACE * (next - from) + part.size));
        if (hit != NULL) {
            *at = next;
            return SB_OK;
        }
        from = end;
    }
    return SB_OK;
}

/* Null for what is not two strings: predicates on properties of mixed types shall not fail. */
static sb_status test_strings(sb_func_context *ctx, sb_op2 op, sb_val a, sb_val b, sb_val *result)
{
    bool matches = false;
    size_t at = 0;

    if (a.kind != SB_VAL_STRING || b.kind != SB_VAL_STRING) return SB_OK;
    const sb_bytes text = sb_val_text(a), part = sb_val_text(b);
    switch ((int)op) {
    case SB_OP2_STARTS_WITH:
        matches = text.size >= part.size && sb_bytes_equal(sb_bytes_of(text.data, part.size), part);
        break;
    case SB_OP2_ENDS_WITH:
        matches = text.size >= part.size &&
                  sb_bytes_equal(sb_bytes_of(text.data + (text.size - part.size), part.size), part);
        break;
    case SB_OP2_CONTAINS:
        if (part.size != 0) SB_TRY(sb_func__find(ctx, text, part, 0, &at));
        matches = part.size == 0 || at != text.size;
        break;
    default: SB_TRY(sb_func__regex(ctx, text, part, &matches)); break;
    }
    *result = sb_val_bool(matches);
    return SB_OK;
}

static sb_status in_list(sb_func_context *ctx, sb_val a, sb_val b, sb_val *result)
{
    sb_ternary found = SB_FALSE;

    if (b.kind == SB_VAL_NULL) return SB_OK;
    if (b.kind != SB_VAL_LIST) return sb_func__fail_type(ctx, "IN", "a LIST on its right", b);
    for (uint64_t i = 0; i < b.as.list->count && found != SB_TRUE; i++) {
        const uint64_t left = sb_val_work(a), right = sb_val_work(b.as.list->items[i]);
        SB_TRY(sb_func_work(ctx, SB_WORK_OF_A_VALUE + (left < right ? left : right)));
        const sb_ternary equal = sb_val_equals(a, b.as.list->items[i]);
        if (equal != SB_FALSE) found = equal;
    }
    *result = of_ternary(found);
    return SB_OK;
}

/* ---- Dispatch ------------------------------------------------------------------------------------------------------ */

sb_status sb_op_binary(sb_func_context *ctx, sb_op2 op, sb_val a, sb_val b, sb_val *result)
{
    sb_ternary equal;

    *result = SB_VAL_NULL_VALUE;
    if (op != SB_OP2_IN) /* which counts the items that it comes to */
        SB_TRY(sb_func_work(ctx, sb_val_work(a) + sb_val_work(b)));
    switch ((int)op) {
    case SB_OP2_OR:
    case SB_OP2_XOR:
    case SB_OP2_AND: return logic(ctx, op, a, b, result);
    case SB_OP2_EQ: *result = of_ternary(sb_val_equals(a, b)); return SB_OK;
    case SB_OP2_NE:
        equal = sb_val_equals(a, b);
        if (equal != SB_UNKNOWN) *result = sb_val_bool(equal == SB_FALSE);
        return SB_OK;
    case SB_OP2_LT:
    case SB_OP2_LE:
    case SB_OP2_GT:
    case SB_OP2_GE: *result = compare(op, a, b); return SB_OK;
    case SB_OP2_CONCAT:
        if (a.kind == SB_VAL_NULL || b.kind == SB_VAL_NULL) return SB_OK;
        return concatenate(ctx, a, b, result);
    case SB_OP2_IN: return in_list(ctx, a, b, result);
    case SB_OP2_STARTS_WITH:
    case SB_OP2_ENDS_WITH:
    case SB_OP2_CONTAINS:
    case SB_OP2_REGEX: return test_strings(ctx, op, a, b, result);
    case SB_OP2_ADD:
    case SB_OP2_SUB:
    case SB_OP2_MUL:
    case SB_OP2_DIV:
    case SB_OP2_MOD:
    case SB_OP2_POW:
    default: return arithmetic(ctx, op, a, b, result);
    }
}

static sb_status negate(sb_func_context *ctx, sb_val a, sb_val *result)
{
    switch (a.kind) {
    case SB_VAL_INT: return integer_arithmetic(ctx, SB_OP2_SUB, 0, a.as.integer, result);
    case SB_VAL_FLOAT: *result = sb_val_float(-a.as.real); return SB_OK;
    case SB_VAL_DURATION: return sb_func__duration_scale(ctx, a, sb_val_int(-1), false, result);
    default: return sb_func__fail_type(ctx, "unary -", "a number or DURATION", a);
    }
}

sb_status sb_op_unary(sb_func_context *ctx, sb_op1 op, sb_val a, sb_val *result)
{
    *result = SB_VAL_NULL_VALUE;
    if (op == SB_OP1_IS_NULL || op == SB_OP1_IS_NOT_NULL) {
        *result = sb_val_bool((a.kind == SB_VAL_NULL) == (op == SB_OP1_IS_NULL));
        return SB_OK;
    }
    if (a.kind == SB_VAL_NULL) return SB_OK;
    switch ((int)op) {
    case SB_OP1_NOT:
        if (a.kind != SB_VAL_BOOL) return sb_func__fail_type(ctx, "NOT", "a BOOLEAN operand", a);
        *result = sb_val_bool(!a.as.boolean);
        return SB_OK;
    case SB_OP1_MINUS: return negate(ctx, a, result);
    case SB_OP1_PLUS:
    case SB_OP1_IS_NULL:
    case SB_OP1_IS_NOT_NULL:
    default:
        if (!sb_func__is_number(a) && a.kind != SB_VAL_DURATION)
            return sb_func__fail_type(ctx, "unary +", "a number or DURATION", a);
        *result = a;
        return SB_OK;
    }
}
