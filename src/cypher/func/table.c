/* table.c — finding functions by name. Statements look names up when they are compiled, so a search through some
 * hundred names is fast enough. */
#include "cypher/func/func_priv.h"

#define FUNC_N (uint16_t) SB_FUNC_NULL_IN_NULL_OUT

/* Kinds of arguments and results; null may stand anywhere. */
enum {
    FUNC_ANY = SB_KIND_ANY,
    FUNC_BOOL = SB_KIND_NULL | SB_KIND_BOOL,
    FUNC_INT = SB_KIND_NULL | SB_KIND_INT,
    FUNC_FLOAT = SB_KIND_NULL | SB_KIND_FLOAT,
    FUNC_NUMBER = FUNC_INT | FUNC_FLOAT,
    FUNC_STRING = SB_KIND_NULL | SB_KIND_STRING,
    FUNC_LIST = SB_KIND_NULL | SB_KIND_LIST,
    FUNC_MAP = SB_KIND_NULL | SB_KIND_MAP,
    FUNC_NODE = SB_KIND_NULL | SB_KIND_NODE,
    FUNC_REL = SB_KIND_NULL | SB_KIND_REL,
    FUNC_PATH = SB_KIND_NULL | SB_KIND_PATH,
    FUNC_POINT = SB_KIND_NULL | SB_KIND_POINT,
    FUNC_DATE = SB_KIND_NULL | SB_KIND_DATE,
    FUNC_LOCAL_TIME = SB_KIND_NULL | SB_KIND_LOCAL_TIME,
    FUNC_TIME = SB_KIND_NULL | SB_KIND_TIME,
    FUNC_LOCAL_DATETIME = SB_KIND_NULL | SB_KIND_LOCAL_DATETIME,
    FUNC_DATETIME = SB_KIND_NULL | SB_KIND_DATETIME,
    FUNC_DURATION = SB_KIND_NULL | SB_KIND_DURATION,
    FUNC_INSTANT = FUNC_DATE | FUNC_LOCAL_TIME | FUNC_TIME | FUNC_LOCAL_DATETIME | FUNC_DATETIME,
    FUNC_INSTANT_SOURCE = FUNC_INSTANT | FUNC_STRING | FUNC_MAP,
    FUNC_DURATION_SOURCE = FUNC_DURATION | FUNC_STRING | FUNC_MAP,
    FUNC_POINT_SOURCE = FUNC_POINT | FUNC_MAP,
    FUNC_STRING_OR_LIST = FUNC_STRING | FUNC_LIST,
    FUNC_STRING_LIST_MAP = FUNC_STRING | FUNC_LIST | FUNC_MAP,
    FUNC_ENTITY = FUNC_NODE | FUNC_REL,
    FUNC_ENTITY_OR_MAP = FUNC_ENTITY | FUNC_MAP,
    FUNC_CONVERTIBLE_TO_INT = FUNC_STRING | FUNC_NUMBER | FUNC_BOOL,
    FUNC_CONVERTIBLE_TO_FLOAT = FUNC_STRING | FUNC_NUMBER,
    FUNC_CONVERTIBLE_TO_BOOL = FUNC_STRING | FUNC_INT | FUNC_BOOL,
    FUNC_WITH_TEXT =
        FUNC_STRING | FUNC_NUMBER | FUNC_BOOL | FUNC_INSTANT | FUNC_DURATION | FUNC_POINT,
    FUNC_SUMMABLE = FUNC_NUMBER | FUNC_DURATION,
    FUNC_AVERAGE = FUNC_FLOAT | FUNC_DURATION
};

#define ARGS(...) ((const uint32_t[]){__VA_ARGS__})
#define SB_FUNCTION(name, symbol, flags, min, max, kinds, result, category, signature, help)       \
    {name, flags,     min,  max,      kinds, result, sb_func__##symbol,                            \
     NULL, signature, help, category, NULL},
#define SB_FUNCTION_ALIAS SB_FUNCTION
#define SB_AGGREGATE(name, symbol, args, kinds, result, signature, help)                           \
    {name, SB_FUNC_AGGREGATE,  args,      args, kinds,         result,                             \
     NULL, &sb_func__##symbol, signature, help, "aggregating", NULL},

static const sb_function FUNCTIONS[] = {
#include "cypher/func/table.def"
};
#define FUNCTION_COUNT (sizeof FUNCTIONS / sizeof FUNCTIONS[0])

const sb_function *sb_function_at(size_t i)
{
    return i < FUNCTION_COUNT ? &FUNCTIONS[i] : NULL;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool is_same(sb_bytes name, const char *other)
{
    size_t i = 0;

    for (; i < name.size && other[i] != '\0'; i++)
        if (lower(name.data[i]) != lower((uint8_t)other[i])) return false;
    return i == name.size && other[i] == '\0';
}

const sb_function *sb_function_find(sb_bytes name)
{
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        if (is_same(name, FUNCTIONS[i].name)) return &FUNCTIONS[i];
    return NULL;
}
