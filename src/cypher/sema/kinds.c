/* kinds.c — what can be told about values before they exist: kinds of results from kinds of operands, and faults of operands that can not fit
 * whatever their values are. Null fits everywhere, and where nothing is known all is well: the functions themselves check when they run. */
#include "cypher/sema/sema_priv.h"

#include <stdio.h>

#define INSTANTS                                                                                   \
    ((uint32_t)SB_KIND_DATE | SB_KIND_LOCAL_TIME | SB_KIND_TIME | SB_KIND_LOCAL_DATETIME |         \
     SB_KIND_DATETIME)
#define WITH_PROPERTIES                                                                            \
    ((uint32_t)SB_KIND_MAP | SB_KIND_NODE | SB_KIND_REL | INSTANTS | SB_KIND_DURATION |            \
     SB_KIND_POINT)
/* What a property of a node or relationship may be. */
#define STORED                                                                                     \
    ((uint32_t)SB_KIND_ANY & ~((uint32_t)SB_KIND_MAP | SB_KIND_NODE | SB_KIND_REL | SB_KIND_PATH))

sb_kind_names sb_sema__kind_names(uint32_t kinds)
{
    static const char *const texts[] = {
        "null", "BOOLEAN",    "INTEGER",      "FLOAT",          "STRING",         "LIST",
        "MAP",  "NODE",       "RELATIONSHIP", "PATH",           "BYTES",          "POINT",
        "DATE", "LOCAL TIME", "ZONED TIME",   "LOCAL DATETIME", "ZONED DATETIME", "DURATION",
    };
    const uint32_t named = kinds == SB_KIND_NULL ? kinds : kinds & ~(uint32_t)SB_KIND_NULL;
    unsigned left = sb_popcount64(named);
    sb_kind_names names = {"a value of another type"};
    size_t at = 0;

    if (left > SB_KINDS_NAMED) return names;
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if ((named >> i & 1) == 0) continue;
        left--;
        at += (size_t)snprintf(names.text + at, sizeof names.text - at, "%s%s", texts[i],
                               left == 0   ? ""
                               : left == 1 ? " or "
                                           : ", ");
    }
    return names;
}

sb_status sb_sema__want(sb_sema *s, const sb_expr *e, uint32_t wanted, const char *what)
{
    if (!sb_sema__never(e->kinds, wanted)) return SB_OK;
    return SB_SEMA_FAIL(s, e->span, SB_CYPHER_INVALID_ARGUMENT_TYPE, "%s needs %s, this is %s",
                        what, sb_sema__kind_names(wanted).text, sb_sema__kind_names(e->kinds).text);
}

/* ---- Operators ------------------------------------------------------------------------------------------------------- */

static uint32_t null_of(uint32_t kinds)
{
    return kinds & SB_KIND_NULL;
}

sb_status sb_sema__unary_kinds(sb_sema *s, sb_expr *e)
{
    const uint32_t arg = e->args[0]->kinds;

    switch ((sb_op1)e->op) {
    case SB_OP1_NOT:
        e->kinds = SB_KIND_BOOL | null_of(arg);
        return sb_sema__want(s, e->args[0], SB_KIND_BOOL, "NOT");
    case SB_OP1_MINUS:
    case SB_OP1_PLUS:
        e->kinds = arg & (SB_KIND_NUMBER | SB_KIND_DURATION | SB_KIND_NULL);
        return sb_sema__want(s, e->args[0], SB_KIND_NUMBER | SB_KIND_DURATION,
                             e->op == SB_OP1_MINUS ? "-" : "+");
    case SB_OP1_IS_NULL:
    case SB_OP1_IS_NOT_NULL: break;
    }
    e->kinds = SB_KIND_BOOL;
    return SB_OK;
}

/* One combination of operands: each of left with each of right gives result; INT with INT gives INT, else FLOAT, where result is NUMBER. */
typedef struct arithmetic_row {
    uint8_t op;
    uint32_t left, right, result;
} arithmetic_row;

/* A result of 0 is the kind of the left operand. */
static const arithmetic_row ARITHMETIC[] = {
    {SB_OP2_ADD, SB_KIND_NUMBER, SB_KIND_NUMBER, SB_KIND_NUMBER},
    {SB_OP2_ADD, SB_KIND_STRING, SB_KIND_ANY, SB_KIND_STRING},
    {SB_OP2_ADD, SB_KIND_ANY, SB_KIND_STRING, SB_KIND_STRING},
    {SB_OP2_ADD, SB_KIND_LIST, SB_KIND_ANY, SB_KIND_LIST},
    {SB_OP2_ADD, SB_KIND_ANY, SB_KIND_LIST, SB_KIND_LIST},
    {SB_OP2_ADD, INSTANTS | SB_KIND_DURATION, SB_KIND_DURATION, 0},
    {SB_OP2_ADD, SB_KIND_DURATION, INSTANTS, INSTANTS},
    {SB_OP2_SUB, SB_KIND_NUMBER, SB_KIND_NUMBER, SB_KIND_NUMBER},
    {SB_OP2_SUB, INSTANTS | SB_KIND_DURATION, SB_KIND_DURATION, 0},
    {SB_OP2_MUL, SB_KIND_NUMBER, SB_KIND_NUMBER, SB_KIND_NUMBER},
    {SB_OP2_MUL, SB_KIND_DURATION, SB_KIND_NUMBER, SB_KIND_DURATION},
    {SB_OP2_MUL, SB_KIND_NUMBER, SB_KIND_DURATION, SB_KIND_DURATION},
    {SB_OP2_DIV, SB_KIND_NUMBER, SB_KIND_NUMBER, SB_KIND_NUMBER},
    {SB_OP2_DIV, SB_KIND_DURATION, SB_KIND_NUMBER, SB_KIND_DURATION},
    {SB_OP2_MOD, SB_KIND_NUMBER, SB_KIND_NUMBER, SB_KIND_NUMBER},
    {SB_OP2_POW, SB_KIND_NUMBER, SB_KIND_NUMBER, SB_KIND_FLOAT},
    {SB_OP2_CONCAT, SB_KIND_STRING, SB_KIND_STRING, SB_KIND_STRING},
    {SB_OP2_CONCAT, SB_KIND_LIST, SB_KIND_LIST, SB_KIND_LIST},
};

static uint32_t number_kinds(uint32_t left, uint32_t right)
{
    const uint32_t both_int = left & right & SB_KIND_INT;
    const uint32_t some_float = (left | right) & SB_KIND_FLOAT;
    return both_int | some_float;
}

/* 0: no combination fits. */
static uint32_t arithmetic_kinds(uint8_t op, uint32_t left, uint32_t right)
{
    const uint32_t nullable = null_of(left | right);
    const uint32_t not_null = ~(uint32_t)SB_KIND_NULL;
    uint32_t kinds = nullable;

    left &= not_null;
    right &= not_null;
    for (size_t i = 0; i < sizeof ARITHMETIC / sizeof ARITHMETIC[0]; i++) {
        const arithmetic_row *row = &ARITHMETIC[i];
        if (row->op != op || (left & row->left) == 0 || (right & row->right) == 0) continue;
        kinds |= row->result == 0                ? left & row->left
                 : row->result == SB_KIND_NUMBER ? number_kinds(left, right)
                                                 : row->result;
    }
    return left == 0 || right == 0 || (kinds & not_null) != 0 ? kinds : 0;
}

static const char *op_text(uint8_t op)
{
    switch (op) {
    case SB_OP2_OR: return "OR";
    case SB_OP2_XOR: return "XOR";
    case SB_OP2_AND: return "AND";
    case SB_OP2_ADD: return "+";
    case SB_OP2_SUB: return "-";
    case SB_OP2_MUL: return "*";
    case SB_OP2_DIV: return "/";
    case SB_OP2_MOD: return "%";
    case SB_OP2_POW: return "^";
    default: return "||";
    }
}

/* Items of a list that + or || makes. */
static uint32_t joined_items(const sb_expr *left, const sb_expr *right)
{
    uint32_t items = 0;

    items |= (left->kinds & SB_KIND_LIST) != 0 ? left->items : 0;
    items |= left->kinds & ~((uint32_t)SB_KIND_LIST | SB_KIND_NULL);
    items |= (right->kinds & SB_KIND_LIST) != 0 ? right->items : 0;
    items |= right->kinds & ~((uint32_t)SB_KIND_LIST | SB_KIND_NULL);
    return items;
}

static sb_status arithmetic(sb_sema *s, sb_expr *e)
{
    const sb_expr *left = e->args[0];
    const sb_expr *right = e->args[1];
    const uint32_t kinds = arithmetic_kinds(e->op, left->kinds, right->kinds);

    if (kinds == 0)
        return SB_SEMA_FAIL(s, e->span, SB_CYPHER_INVALID_ARGUMENT_TYPE,
                            "there is no %s of %s and %s", op_text(e->op),
                            sb_sema__kind_names(left->kinds).text,
                            sb_sema__kind_names(right->kinds).text);
    e->kinds = kinds;
    if ((kinds & SB_KIND_LIST) != 0) e->items = joined_items(left, right);
    return SB_OK;
}

sb_status sb_sema__binary_kinds(sb_sema *s, sb_expr *e)
{
    const uint32_t nullable = null_of(e->args[0]->kinds | e->args[1]->kinds);

    e->kinds = SB_KIND_BOOL | SB_KIND_NULL;
    switch ((sb_op2)e->op) {
    case SB_OP2_OR:
    case SB_OP2_XOR:
    case SB_OP2_AND:
        e->kinds = SB_KIND_BOOL | nullable;
        SB_TRY(sb_sema__want(s, e->args[0], SB_KIND_BOOL, op_text(e->op)));
        return sb_sema__want(s, e->args[1], SB_KIND_BOOL, op_text(e->op));
    case SB_OP2_IN: return sb_sema__want(s, e->args[1], SB_KIND_LIST, "IN");
    case SB_OP2_EQ:
    case SB_OP2_NE:
    case SB_OP2_LT:
    case SB_OP2_LE:
    case SB_OP2_GT:
    case SB_OP2_GE:
    case SB_OP2_STARTS_WITH:
    case SB_OP2_ENDS_WITH:
    case SB_OP2_CONTAINS:
    case SB_OP2_REGEX: return SB_OK;
    case SB_OP2_ADD:
    case SB_OP2_SUB:
    case SB_OP2_MUL:
    case SB_OP2_DIV:
    case SB_OP2_MOD:
    case SB_OP2_POW:
    case SB_OP2_CONCAT: break;
    }
    return arithmetic(s, e);
}

/* ---- Access ------------------------------------------------------------------------------------------------------------ */

/* Looking into what can not be looked into: the suite wants a SyntaxError for paths, a TypeError for other values. */
static sb_status fail_access(sb_sema *s, const sb_expr *base, const char *what)
{
    const bool path = (base->kinds & ~(uint32_t)SB_KIND_NULL) == SB_KIND_PATH;

    return SB_SEMA_FAIL(s, base->span,
                        path ? SB_CYPHER_INVALID_ARGUMENT_TYPE : SB_CYPHER_ARGUMENT_TYPE,
                        "this is %s, which has no %s", sb_sema__kind_names(base->kinds).text, what);
}

static sb_status property_kinds(sb_sema *s, sb_expr *e)
{
    const uint32_t base = e->args[0]->kinds;
    const bool stored = (base & ~(SB_KIND_ENTITY | SB_KIND_NULL)) == 0;

    if (sb_sema__never(base, WITH_PROPERTIES)) return fail_access(s, e->args[0], "properties");
    e->kinds = stored ? STORED : SB_KIND_ANY;
    e->items = stored ? STORED & ~(uint32_t)SB_KIND_LIST : SB_KIND_ANY;
    return SB_OK;
}

static sb_status index_kinds(sb_sema *s, sb_expr *e)
{
    const sb_expr *base = e->args[0];
    const sb_expr *index = e->args[1];
    const uint32_t given = base->kinds & ~(uint32_t)SB_KIND_NULL;

    if (sb_sema__never(base->kinds, SB_KIND_LIST | SB_KIND_MAP | SB_KIND_ENTITY))
        return fail_access(s, base, "items");
    if (given == SB_KIND_LIST && sb_sema__never(index->kinds, SB_KIND_INT))
        return SB_SEMA_FAIL(s, index->span, SB_CYPHER_LIST_ELEMENT_ACCESS_BY_NON_INTEGER,
                            "a LIST is indexed by an INTEGER, this is %s",
                            sb_sema__kind_names(index->kinds).text);
    if (given == SB_KIND_MAP && sb_sema__never(index->kinds, SB_KIND_STRING))
        return SB_SEMA_FAIL(s, index->span, SB_CYPHER_MAP_ELEMENT_ACCESS_BY_NON_STRING,
                            "a MAP is indexed by a STRING, this is %s",
                            sb_sema__kind_names(index->kinds).text);
    e->kinds = given == SB_KIND_LIST ? base->items | SB_KIND_NULL : SB_KIND_ANY;
    e->items = SB_KIND_ANY;
    return SB_OK;
}

static sb_status slice_kinds(sb_sema *s, sb_expr *e)
{
    const sb_expr *base = e->args[0];

    if (sb_sema__never(base->kinds, SB_KIND_LIST | SB_KIND_STRING))
        return fail_access(s, base, "parts");
    for (uint32_t i = 1; i <= 2; i++)
        if (e->args[i] != NULL && sb_sema__never(e->args[i]->kinds, SB_KIND_INT))
            return SB_SEMA_FAIL(s, e->args[i]->span, SB_CYPHER_ARGUMENT_TYPE,
                                "bounds of [..] are INTEGER, this is %s",
                                sb_sema__kind_names(e->args[i]->kinds).text);
    e->kinds = base->kinds & (SB_KIND_LIST | SB_KIND_STRING);
    e->kinds |= SB_KIND_NULL;
    e->items = base->items;
    return SB_OK;
}

sb_status sb_sema__access_kinds(sb_sema *s, sb_expr *e)
{
    if (e->kind == SB_EXPR_PROPERTY) return property_kinds(s, e);
    return e->kind == SB_EXPR_INDEX ? index_kinds(s, e) : slice_kinds(s, e);
}

/* ---- Functions ----------------------------------------------------------------------------------------------------------- */

/* How kinds of a function's result, or of its items, follow from its arguments. */
typedef enum derivation {
    ITEMS_FIXED,    /* the result's items are those of the row */
    ITEMS_ARGUMENT, /* the result's items are values of the argument */
    ITEMS_ITEMS,    /* the result's items are the argument's items */
    KINDS_ITEMS,    /* the result is an item of the argument, or null */
    KINDS_ARGUMENTS /* the result is one of the arguments */
} derivation;

typedef struct derivation_row {
    const char *name;
    derivation how;
    uint32_t items;
} derivation_row;

/* Functions whose results a pattern may go on from, or that are worth knowing for plans; others give what their row in func/ says. */
static const derivation_row DERIVATIONS[] = {
    {"nodes", ITEMS_FIXED, SB_KIND_NODE},
    {"relationships", ITEMS_FIXED, SB_KIND_REL},
    {"labels", ITEMS_FIXED, SB_KIND_STRING},
    {"keys", ITEMS_FIXED, SB_KIND_STRING},
    {"split", ITEMS_FIXED, SB_KIND_STRING},
    {"range", ITEMS_FIXED, SB_KIND_INT},
    {"collect", ITEMS_ARGUMENT, 0},
    {"tail", ITEMS_ITEMS, 0},
    {"reverse", ITEMS_ITEMS, 0},
    {"head", KINDS_ITEMS, 0},
    {"last", KINDS_ITEMS, 0},
    {"coalesce", KINDS_ARGUMENTS, 0},
    {"min", KINDS_ARGUMENTS, 0},
    {"max", KINDS_ARGUMENTS, 0},
};

static void derive(const derivation_row *row, sb_expr *e)
{
    const sb_expr *first = e->args[0];

    switch (row->how) {
    case ITEMS_FIXED: e->items = row->items; break;
    case ITEMS_ARGUMENT: e->items = first->kinds & ~(uint32_t)SB_KIND_NULL; break;
    case ITEMS_ITEMS: e->items = first->items; break;
    case KINDS_ITEMS:
        if ((first->kinds & ~(uint32_t)SB_KIND_NULL) != SB_KIND_LIST) break;
        e->kinds = first->items | SB_KIND_NULL;
        break;
    case KINDS_ARGUMENTS:
        e->kinds = SB_KIND_NULL;
        e->items = 0;
        for (uint32_t i = 0; i < e->arg_count; i++) {
            e->kinds |= e->args[i]->kinds;
            e->items |= e->args[i]->items;
        }
        break;
    }
}

/* What argument i has to be; the last mask of a row repeats. */
static uint32_t wanted_kinds(const sb_function *function, uint32_t i)
{
    uint32_t masks = function->max_args < 8 ? function->max_args : 8;

    if (function->arg_kinds == NULL) return SB_KIND_ANY;
    if (function->max_args == UINT8_MAX) masks = function->min_args > 1 ? function->min_args : 1;
    return function->arg_kinds[i < masks ? i : masks - 1];
}

static sb_status check_arguments(sb_sema *s, const sb_expr *e, const sb_function *function)
{
    for (uint32_t i = 0; i < e->arg_count; i++) {
        const uint32_t wanted = wanted_kinds(function, i);
        if (!sb_sema__never(e->args[i]->kinds, wanted)) continue;
        return SB_SEMA_FAIL(s, e->args[i]->span, SB_CYPHER_INVALID_ARGUMENT_TYPE,
                            "%s() takes %s here, this is %s", function->name,
                            sb_sema__kind_names(wanted).text,
                            sb_sema__kind_names(e->args[i]->kinds).text);
    }
    return SB_OK;
}

sb_status sb_sema__call_kinds(sb_sema *s, sb_expr *e)
{
    const sb_function *function = e->function;

    SB_TRY(check_arguments(s, e, function));
    e->kinds = function->result_kinds != 0 ? function->result_kinds : SB_KIND_ANY;
    e->items = SB_KIND_ANY;
    if ((function->flags & SB_FUNC_USER) != 0 || e->arg_count == 0) return SB_OK;
    for (size_t i = 0; i < sizeof DERIVATIONS / sizeof DERIVATIONS[0]; i++)
        if (strcmp(function->name, DERIVATIONS[i].name) == 0) derive(&DERIVATIONS[i], e);
    return SB_OK;
}
