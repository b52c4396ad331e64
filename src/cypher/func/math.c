/* math.c — functions of numbers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cypher/func/func_priv.h"

/* M_PI and its kin are POSIX's. */
#define PI 3.14159265358979323846
#define E  2.7182818284590452354

static sb_status need_number(sb_func_context *ctx, const char *name, sb_val v)
{
    return sb_func__is_number(v) ? SB_OK : sb_func__fail_arg(ctx, name, "a number", v);
}

/* One float in, one out. */
#define REAL_FUNCTION(symbol, name, expression)                                                    \
    sb_status sb_func__##symbol(sb_func_context *ctx, const sb_val *args, uint32_t count,          \
                                sb_val *result)                                                    \
    {                                                                                              \
        (void)count;                                                                               \
        SB_TRY(need_number(ctx, name, args[0]));                                                   \
        const double x = sb_func__real(args[0]);                                                   \
        *result = sb_val_float(expression);                                                        \
        return SB_OK;                                                                              \
    }

REAL_FUNCTION(ceil, "ceil", ceil(x))
REAL_FUNCTION(floor, "floor", floor(x))
REAL_FUNCTION(exp, "exp", exp(x))
REAL_FUNCTION(log, "log", log(x))
REAL_FUNCTION(log10, "log10", log10(x))
REAL_FUNCTION(sqrt, "sqrt", sqrt(x))
REAL_FUNCTION(sin, "sin", sin(x))
REAL_FUNCTION(cos, "cos", cos(x))
REAL_FUNCTION(tan, "tan", tan(x))
REAL_FUNCTION(cot, "cot", 1.0 / tan(x))
REAL_FUNCTION(asin, "asin", asin(x))
REAL_FUNCTION(acos, "acos", acos(x))
REAL_FUNCTION(atan, "atan", atan(x))
REAL_FUNCTION(sinh, "sinh", sinh(x))
REAL_FUNCTION(cosh, "cosh", cosh(x))
REAL_FUNCTION(tanh, "tanh", tanh(x))
REAL_FUNCTION(coth, "coth", 1.0 / tanh(x))
REAL_FUNCTION(haversin, "haversin", (1.0 - cos(x)) / 2.0)
REAL_FUNCTION(degrees, "degrees", x *(180.0 / PI))
REAL_FUNCTION(radians, "radians", x *(PI / 180.0))

sb_status sb_func__atan2(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)count;
    SB_TRY(need_number(ctx, "atan2", args[0]));
    SB_TRY(need_number(ctx, "atan2", args[1]));
    *result = sb_val_float(atan2(sb_func__real(args[0]), sb_func__real(args[1])));
    return SB_OK;
}

sb_status sb_func__pi(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)ctx;
    (void)args;
    (void)count;
    *result = sb_val_float(PI);
    return SB_OK;
}

sb_status sb_func__e(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)ctx;
    (void)args;
    (void)count;
    *result = sb_val_float(E);
    return SB_OK;
}

sb_status sb_func__abs(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)count;
    SB_TRY(need_number(ctx, "abs", args[0]));
    if (args[0].kind == SB_VAL_FLOAT) {
        *result = sb_val_float(fabs(args[0].as.real));
        return SB_OK;
    }
    if (args[0].as.integer == INT64_MIN)
        return SB_FUNC_FAIL_OVERFLOW(ctx, "abs(%lld) does not fit 64 bits", (long long)INT64_MIN);
    *result = sb_val_int(args[0].as.integer < 0 ? -args[0].as.integer : args[0].as.integer);
    return SB_OK;
}

sb_status sb_func__sign(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)count;
    SB_TRY(need_number(ctx, "sign", args[0]));
    const double x = sb_func__real(args[0]);
    *result = sb_val_int((x > 0.0) - (x < 0.0));
    return SB_OK;
}

sb_status sb_func__is_nan(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)count;
    SB_TRY(need_number(ctx, "isNaN", args[0]));
    *result = sb_val_bool(args[0].kind == SB_VAL_FLOAT && isnan(args[0].as.real));
    return SB_OK;
}

/* ---- Rounding ---------------------------------------------------------------------------------------------------- */

typedef enum round_mode {
    UP,
    DOWN,
    CEILING,
    FLOOR,
    HALF_UP,
    HALF_DOWN,
    HALF_EVEN,
    MODES
} round_mode;

static bool find_mode(sb_bytes text, round_mode *mode)
{
    static const char *const names[MODES] = {"UP",      "DOWN",      "CEILING",  "FLOOR",
                                             "HALF_UP", "HALF_DOWN", "HALF_EVEN"};

    for (unsigned i = 0; i < MODES; i++) {
        size_t same = 0;
        while (same < text.size && names[i][same] != '\0' &&
               (text.data[same] == (uint8_t)names[i][same] ||
                text.data[same] == (names[i][same] | 0x20)))
            same++;
        if (same != text.size || names[i][same] != '\0') continue;
        *mode = (round_mode)i;
        return true;
    }
    return false;
}

/* Does what is cut off make the last digit that stays one more? `kept` digits stay, at least one is cut. */
static bool rounds_away(const sb_decimal *number, int kept, bool negative, round_mode mode)
{
    const int first = kept < 0 ? 0 : number->digits[kept] - '0';
    const bool more =
        kept < 0 || kept + 1 < number->count; /* something but zeros behind the first */

    switch ((int)mode) {
    case UP: return true;
    case DOWN: return false;
    case CEILING: return !negative;
    case FLOOR: return negative;
    default: break;
    }
    if (first != 5 || more) return first >= 5;
    if (mode == HALF_EVEN) return kept > 0 && (number->digits[kept - 1] - '0') % 2 == 1;
    return mode == HALF_UP;
}

/* Of the shortest decimal that stands for it, which is what people see: round(2.675, 2) is 2.68. */
static double round_decimal(double x, int64_t precision, round_mode mode)
{
    char text[40];
    size_t size = 0;

    if (!isfinite(x) || x == 0.0 || precision > 400) return x;
    sb_decimal number = sb_func__decimal(fabs(x));
    const int64_t wide = precision + number.exponent + 1; /* digits that stay */
    if (wide >= number.count) return x;
    const int kept = wide < -1 ? -1 : (int)wide;
    const bool away = rounds_away(&number, kept, signbit(x) != 0, mode);
    if (x < 0.0) text[size++] = '-';
    if (kept <= 0 && !away) {
        text[size++] = '0';
        number.exponent = 0;
    } else if (kept <= 0) {
        text[size++] = '1';
        number.exponent = (int)-precision;
    } else {
        int last = kept - 1;
        if (away) {
            for (; last >= 0 && number.digits[last] == '9'; last--)
                ;
            if (last < 0) {
                number.digits[last = 0] = '1';
                number.exponent++;
            } else {
                number.digits[last]++;
            }
        }
        memcpy(text + size, number.digits, (size_t)last + 1);
        size += (size_t)last + 1;
        number.exponent -=
            last; /* as an integer times a power of ten: no decimal point, no locale */
    }
    (void)snprintf(text + size, sizeof text - size, "e%d", number.exponent);
    return strtod(text, NULL);
}

sb_status sb_func__round(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    round_mode mode = HALF_UP;

    SB_TRY(need_number(ctx, "round", args[0]));
    const double x = sb_func__real(args[0]);
    if (count > 1 && args[1].kind != SB_VAL_INT)
        return sb_func__fail_arg(ctx, "round", "an INTEGER as precision", args[1]);
    if (count == 1 || (count == 2 && args[1].as.integer == 0)) {
        /* Ties go up, on both sides of zero, which none of the modes does; large numbers are whole. */
        *result = sb_val_float(x - floor(x) >= 0.5 ? ceil(x) : floor(x));
        return SB_OK;
    }
    if (count > 2 && args[2].kind != SB_VAL_STRING)
        return sb_func__fail_arg(ctx, "round", "the name of a mode", args[2]);
    if (count > 2 && !find_mode(sb_val_text(args[2]), &mode))
        return SB_FUNC_FAIL_VALUE(ctx,
                                  "round(): '%.*s' is no mode: UP, DOWN, CEILING, FLOOR, HALF_UP, "
                                  "HALF_DOWN and HALF_EVEN are",
                                  SB_FUNC_SHOWN(sb_val_text(args[2])));
    if (args[1].as.integer < -400 || args[1].as.integer > 400)
        return SB_FUNC_FAIL_RANGE(ctx, "round(): no number has %lld decimals",
                                  (long long)args[1].as.integer);
    *result = sb_val_float(round_decimal(x, args[1].as.integer, mode));
    return SB_OK;
}

/* ---- Chance ----------------------------------------------------------------------------------------------------------- */

/* xoroshiro128+ (Blackman and Vigna 2018). */
static uint64_t next_random(sb_func_context *ctx)
{
    const uint64_t a = ctx->random[0];
    uint64_t b = ctx->random[1];
    const uint64_t result = a + b;

    b ^= a;
    ctx->random[0] = (a << 24 | a >> 40) ^ b ^ (b << 16);
    ctx->random[1] = b << 37 | b >> 27;
    return result;
}

sb_status sb_func__rand(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)args;
    (void)count;
    *result = sb_val_float((double)(next_random(ctx) >> 11) * 0x1p-53);
    return SB_OK;
}

/* Version 4, as RFC 9562 says. */
sb_status sb_func__random_uuid(sb_func_context *ctx, const sb_val *args, uint32_t count,
                               sb_val *result)
{
    char text[37];
    const uint64_t a = next_random(ctx), b = next_random(ctx);

    (void)args;
    (void)count;
    (void)snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
                   (unsigned)(a >> 16 & 0xFFFF), (unsigned)(a & 0xFFF),
                   (unsigned)(0x8000 | (b >> 48 & 0x3FFF)),
                   (unsigned long long)(b & 0xFFFFFFFFFFFF));
    return sb_func__string(ctx, sb_bytes_of(text, 36), result);
}
