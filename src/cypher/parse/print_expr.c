/* print_expr.c — expressions, labels and types as canonical Cypher: keywords in capitals, one space around operators, parentheses only where
 * precedence asks for them, whatever the query had. Printing what was parsed from the output gives the same text (tested over all
 * constructs), so it can serve as a key, too. */
#include "cypher/parse/print_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PREC_OR = 1,
    PREC_XOR,
    PREC_AND,
    PREC_NOT,
    PREC_COMPARE,
    PREC_PREDICATE,
    PREC_ADD,
    PREC_MUL,
    PREC_POW,
    PREC_SIGN,
    PREC_LABELS,
    PREC_POSTFIX = SB_PRINT_POSTFIX,
    PREC_ATOM
};

typedef struct op_row {
    const char *text;
    uint8_t prec, left, right; /* what the sides have to bind at least as strongly as */
} op_row;

static const op_row OP2_ROWS[] = {
    [SB_OP2_OR] = {" OR ", PREC_OR, PREC_OR, PREC_OR},
    [SB_OP2_XOR] = {" XOR ", PREC_XOR, PREC_XOR, PREC_XOR},
    [SB_OP2_AND] = {" AND ", PREC_AND, PREC_AND, PREC_AND},
    [SB_OP2_EQ] = {" = ", PREC_COMPARE, PREC_PREDICATE, PREC_PREDICATE},
    [SB_OP2_NE] = {" <> ", PREC_COMPARE, PREC_PREDICATE, PREC_PREDICATE},
    [SB_OP2_LT] = {" < ", PREC_COMPARE, PREC_PREDICATE, PREC_PREDICATE},
    [SB_OP2_LE] = {" <= ", PREC_COMPARE, PREC_PREDICATE, PREC_PREDICATE},
    [SB_OP2_GT] = {" > ", PREC_COMPARE, PREC_PREDICATE, PREC_PREDICATE},
    [SB_OP2_GE] = {" >= ", PREC_COMPARE, PREC_PREDICATE, PREC_PREDICATE},
    [SB_OP2_ADD] = {" + ", PREC_ADD, PREC_ADD, PREC_MUL},
    [SB_OP2_SUB] = {" - ", PREC_ADD, PREC_ADD, PREC_MUL},
    [SB_OP2_CONCAT] = {" || ", PREC_ADD, PREC_ADD, PREC_MUL},
    [SB_OP2_MUL] = {" * ", PREC_MUL, PREC_MUL, PREC_POW},
    [SB_OP2_DIV] = {" / ", PREC_MUL, PREC_MUL, PREC_POW},
    [SB_OP2_MOD] = {" % ", PREC_MUL, PREC_MUL, PREC_POW},
    [SB_OP2_POW] = {" ^ ", PREC_POW, PREC_POW, PREC_SIGN},
    [SB_OP2_IN] = {" IN ", PREC_PREDICATE, PREC_PREDICATE, PREC_ADD},
    [SB_OP2_STARTS_WITH] = {" STARTS WITH ", PREC_PREDICATE, PREC_PREDICATE, PREC_ADD},
    [SB_OP2_ENDS_WITH] = {" ENDS WITH ", PREC_PREDICATE, PREC_PREDICATE, PREC_ADD},
    [SB_OP2_CONTAINS] = {" CONTAINS ", PREC_PREDICATE, PREC_PREDICATE, PREC_ADD},
    [SB_OP2_REGEX] = {" =~ ", PREC_PREDICATE, PREC_PREDICATE, PREC_ADD},
};

/* ---- Texts and names ---------------------------------------------------------------------------------------------------- */

sb_status sb_parse__print_text(sb_buffer *out, const char *text)
{
    return sb_buffer_append(out, text, strlen(text));
}

static sb_status print_quoted(sb_buffer *out, sb_bytes name)
{
    SB_TRY(sb_buffer_append_byte(out, '`'));
    SB_TRY(sb_buffer_append(out, name.data, name.size));
    return sb_buffer_append_byte(out, '`');
}

/* Words that mean something where a variable or function may stand, too. */
static bool is_awkward(sb_bytes name)
{
    switch ((unsigned)sb_keyword_find(name)) {
    case SB_KEYWORD_NULL:
    case SB_KEYWORD_TRUE:
    case SB_KEYWORD_FALSE:
    case SB_KEYWORD_NOT:
    case SB_KEYWORD_CASE:
    case SB_KEYWORD_WHEN:
    case SB_KEYWORD_THEN:
    case SB_KEYWORD_ELSE:
    case SB_KEYWORD_END:
    case SB_KEYWORD_DISTINCT:
    case SB_KEYWORD_AND:
    case SB_KEYWORD_OR:
    case SB_KEYWORD_XOR:
    case SB_KEYWORD_IN:
    case SB_KEYWORD_IS:
    case SB_KEYWORD_AS:
    case SB_KEYWORD_WHERE:
    case SB_KEYWORD_STARTS:
    case SB_KEYWORD_ENDS:
    case SB_KEYWORD_CONTAINS:
    case SB_KEYWORD_BOTH:
    case SB_KEYWORD_LEADING:
    case SB_KEYWORD_TRAILING:
    case SB_KEYWORD_FROM: return true;
    default: return false;
    }
}

/* Words that begin a form of their own when '(' follows. */
static bool is_awkward_call(sb_bytes name)
{
    switch ((unsigned)sb_keyword_find(name)) {
    case SB_KEYWORD_ALL:
    case SB_KEYWORD_ANY:
    case SB_KEYWORD_NONE:
    case SB_KEYWORD_SINGLE:
    case SB_KEYWORD_REDUCE:
    case SB_KEYWORD_SHORTESTPATH:
    case SB_KEYWORD_ALLSHORTESTPATHS: return true;
    default: return is_awkward(name);
    }
}

sb_status sb_parse__print_variable(sb_buffer *out, sb_bytes name)
{
    return is_awkward(name) ? print_quoted(out, name) : sb_lex_print_name(name, out);
}

/* A name of one part is quoted where it would be something else; those of several never are. */
sb_status sb_parse__print_dotted(sb_buffer *out, sb_bytes name)
{
    size_t from = 0;

    if (is_awkward_call(name)) return print_quoted(out, name);
    for (size_t i = 0; i <= name.size; i++) {
        if (i < name.size && name.data[i] != '.') continue;
        const sb_bytes part = sb_bytes_of(name.data + from, i - from);
        if (from != 0) SB_TRY(sb_buffer_append_byte(out, '.'));
        SB_TRY(from == 0 ? sb_parse__print_variable(out, part) : sb_lex_print_name(part, out));
        from = i + 1;
    }
    return SB_OK;
}

/* ---- Literals ----------------------------------------------------------------------------------------------------------- */

static sb_status print_real(sb_buffer *out, const sb_expr *e)
{
    char text[40];
    bool fraction = false;

    if (signbit(e->value.real)) SB_TRY(sb_buffer_append_byte(out, '-'));
    if (e->name.size != 0) return sb_buffer_append(out, e->name.data, e->name.size);
    const double real = fabs(e->value.real);
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, real);
        if (strtod(text, NULL) == real) break;
    }
    for (char *c = text; *c != '\0'; c++) {
        if (*c == ',') *c = '.'; /* the locale's */
        if (*c == '.' || *c == 'e' || *c == 'n') fraction = true;
    }
    SB_TRY(sb_parse__print_text(out, text));
    return fraction ? SB_OK : sb_parse__print_text(out, ".0");
}

static sb_status print_param(sb_buffer *out, sb_bytes name)
{
    bool digits = name.size != 0;

    for (size_t i = 0; i < name.size && digits; i++)
        digits = name.data[i] >= '0' && name.data[i] <= '9';
    SB_TRY(sb_buffer_append_byte(out, '$'));
    return digits ? sb_buffer_append(out, name.data, name.size) : sb_lex_print_name(name, out);
}

/* ---- Labels --------------------------------------------------------------------------------------------------------------- */

static unsigned label_prec(const sb_label_expr *e)
{
    return e->op == SB_LABEL_OR ? 1 : e->op == SB_LABEL_AND ? 2 : 3;
}

static sb_status print_labels(sb_buffer *out, const sb_label_expr *e, unsigned least)
{
    const bool parentheses = label_prec(e) < least;

    if (parentheses) SB_TRY(sb_buffer_append_byte(out, '('));
    switch (e->op) {
    case SB_LABEL_NAME: SB_TRY(sb_lex_print_name(e->name, out)); break;
    case SB_LABEL_ANY: SB_TRY(sb_buffer_append_byte(out, '%')); break;
    case SB_LABEL_DYNAMIC:
        SB_TRY(sb_parse__print_text(out, e->any ? "$any(" : "$("));
        SB_TRY(sb_expr_print(e->expr, out));
        SB_TRY(sb_buffer_append_byte(out, ')'));
        break;
    case SB_LABEL_NOT:
        SB_TRY(sb_buffer_append_byte(out, '!'));
        SB_TRY(print_labels(out, e->left, 3));
        break;
    case SB_LABEL_AND:
    case SB_LABEL_OR:
        SB_TRY(print_labels(out, e->left, label_prec(e)));
        SB_TRY(sb_buffer_append_byte(out, e->op == SB_LABEL_AND ? '&' : '|'));
        SB_TRY(print_labels(out, e->right, label_prec(e)));
        break;
    }
    return parentheses ? sb_buffer_append_byte(out, ')') : SB_OK;
}

sb_status sb_label_expr_print(const sb_label_expr *e, sb_buffer *out)
{
    return print_labels(out, e, 0);
}

/* ---- Types --------------------------------------------------------------------------------------------------------------- */

typedef struct kind_name {
    uint32_t kind;
    const char *name;
} kind_name;

static const kind_name KIND_NAMES[] = {
    {SB_KIND_BOOL, "BOOLEAN"},
    {SB_KIND_STRING, "STRING"},
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
    {SB_KIND_PATH, "PATH"},
};

/* "ANY", "PROPERTY VALUE", … for masks that are no union of single types; NULL for others. */
static const char *whole_type(const sb_type_spec *type)
{
    const uint32_t not_null = (uint32_t)SB_KIND_ANY & ~(uint32_t)SB_KIND_NULL;
    const uint32_t entities = (uint32_t)SB_KIND_MAP | SB_KIND_NODE | SB_KIND_REL | SB_KIND_PATH;

    if (type->kinds == 0) return "NOTHING";
    if (type->kinds == SB_KIND_NULL) return "NULL";
    if (type->items == NULL) return (type->kinds & not_null) == not_null ? "ANY" : NULL;
    return (type->kinds & not_null) == (not_null & ~entities) && type->items->items == NULL &&
                   type->items->kinds == (not_null & ~entities & ~(uint32_t)SB_KIND_LIST)
               ? "PROPERTY VALUE"
               : NULL;
}

static sb_status print_member(sb_buffer *out, bool *first, const char *name, bool nullable)
{
    if (!*first) SB_TRY(sb_parse__print_text(out, " | "));
    *first = false;
    SB_TRY(sb_parse__print_text(out, name));
    return nullable ? SB_OK : sb_parse__print_text(out, " NOT NULL");
}

static sb_status print_list_type(sb_buffer *out, bool *first, const sb_type_spec *items,
                                 bool nullable)
{
    if (!*first) SB_TRY(sb_parse__print_text(out, " | "));
    *first = false;
    SB_TRY(sb_parse__print_text(out, "LIST"));
    if (items != NULL) {
        SB_TRY(sb_buffer_append_byte(out, '<'));
        SB_TRY(sb_parse__print_type(out, items));
        SB_TRY(sb_buffer_append_byte(out, '>'));
    }
    return nullable ? SB_OK : sb_parse__print_text(out, " NOT NULL");
}

sb_status sb_parse__print_type(sb_buffer *out, const sb_type_spec *type)
{
    const bool nullable = (type->kinds & SB_KIND_NULL) != 0;
    const char *whole = whole_type(type);
    bool first = true;

    if (whole != NULL) return print_member(out, &first, whole, nullable || type->kinds == 0);
    const uint32_t members = type->kinds & ~(uint32_t)SB_KIND_NULL;
    const bool several = (members & (members - 1)) != 0;
    /* In ANY<…> a '|' can not be taken for that of a comprehension. */
    if (several) SB_TRY(sb_parse__print_text(out, "ANY<"));
    for (size_t i = 0; i < sizeof KIND_NAMES / sizeof KIND_NAMES[0]; i++)
        if ((members & KIND_NAMES[i].kind) != 0)
            SB_TRY(print_member(out, &first, KIND_NAMES[i].name, nullable));
    if ((members & SB_KIND_LIST) != 0) SB_TRY(print_list_type(out, &first, type->items, nullable));
    return several ? sb_parse__print_text(out, ">") : SB_OK;
}

/* ---- Precedence --------------------------------------------------------------------------------------------------------- */

static unsigned unary_prec(const sb_expr *e)
{
    switch ((sb_op1)e->op) {
    case SB_OP1_NOT: return PREC_NOT;
    case SB_OP1_MINUS:
    case SB_OP1_PLUS: return PREC_SIGN;
    case SB_OP1_IS_NULL:
    case SB_OP1_IS_NOT_NULL: return PREC_PREDICATE;
    }
    return PREC_ATOM;
}

static unsigned expr_prec(const sb_expr *e)
{
    switch (e->kind) {
    case SB_EXPR_BINARY: return OP2_ROWS[e->op].prec;
    case SB_EXPR_UNARY: return unary_prec(e);
    case SB_EXPR_INT: return e->value.integer < 0 ? PREC_SIGN : PREC_ATOM;
    case SB_EXPR_FLOAT: return signbit(e->value.real) ? PREC_SIGN : PREC_ATOM;
    case SB_EXPR_IS_TYPE:
    case SB_EXPR_IS_NORMALIZED: return PREC_PREDICATE;
    case SB_EXPR_HAS_LABELS: return PREC_LABELS;
    /* What follows could be read as going on with it. */
    case SB_EXPR_PATTERN: return PREC_NOT;
    case SB_EXPR_PROPERTY:
    case SB_EXPR_INDEX:
    case SB_EXPR_SLICE: return PREC_POSTFIX;
    default: return PREC_ATOM;
    }
}

/* ---- Operators ------------------------------------------------------------------------------------------------------------ */

static sb_status print_unary(sb_buffer *out, const sb_expr *e)
{
    switch ((sb_op1)e->op) {
    case SB_OP1_NOT:
        SB_TRY(sb_parse__print_text(out, "NOT "));
        return sb_parse__print_expr(out, e->args[0], PREC_NOT);
    case SB_OP1_MINUS:
    case SB_OP1_PLUS:
        SB_TRY(sb_buffer_append_byte(out, e->op == SB_OP1_MINUS ? '-' : '+'));
        return sb_parse__print_expr(out, e->args[0], PREC_SIGN);
    case SB_OP1_IS_NULL:
    case SB_OP1_IS_NOT_NULL: break;
    }
    SB_TRY(sb_parse__print_expr(out, e->args[0], PREC_PREDICATE));
    return sb_parse__print_text(out, e->op == SB_OP1_IS_NULL ? " IS NULL" : " IS NOT NULL");
}

static sb_status print_binary(sb_buffer *out, const sb_expr *e)
{
    const op_row *row = &OP2_ROWS[e->op];
    /* a :: ANY < b would go on with the type: ANY<…> */
    const bool typed = e->op == SB_OP2_LT && e->args[0]->kind == SB_EXPR_IS_TYPE;

    SB_TRY(sb_parse__print_expr(out, e->args[0], typed ? PREC_ATOM : row->left));
    SB_TRY(sb_parse__print_text(out, row->text));
    return sb_parse__print_expr(out, e->args[1], row->right);
}

static sb_status print_slice(sb_buffer *out, const sb_expr *e)
{
    SB_TRY(sb_parse__print_expr(out, e->args[0], PREC_POSTFIX));
    SB_TRY(sb_buffer_append_byte(out, '['));
    SB_TRY(sb_parse__print_optional(out, "", e->args[1]));
    SB_TRY(sb_parse__print_text(out, ".."));
    SB_TRY(sb_parse__print_optional(out, "", e->args[2]));
    return sb_buffer_append_byte(out, ']');
}

static sb_status print_is_type(sb_buffer *out, const sb_expr *e)
{
    SB_TRY(sb_parse__print_expr(out, e->args[0], PREC_PREDICATE));
    SB_TRY(sb_parse__print_text(out, e->negated ? " IS NOT :: " : " IS :: "));
    return sb_parse__print_type(out, e->type);
}

static sb_status print_is_normalized(sb_buffer *out, const sb_expr *e)
{
    SB_TRY(sb_parse__print_expr(out, e->args[0], PREC_PREDICATE));
    SB_TRY(sb_parse__print_text(out, e->negated ? " IS NOT " : " IS "));
    SB_TRY(sb_buffer_append(out, e->name.data, e->name.size));
    return sb_parse__print_text(out, " NORMALIZED");
}

/* Alternatives in parentheses: in a comprehension '|' would end the label. */
static sb_status print_has_labels(sb_buffer *out, const sb_expr *e)
{
    SB_TRY(sb_parse__print_expr(out, e->args[0], PREC_POSTFIX));
    SB_TRY(sb_buffer_append_byte(out, ':'));
    return print_labels(out, e->labels, 2);
}

/* ---- Lists, maps, calls ------------------------------------------------------------------------------------------------------ */

static sb_status print_args(sb_buffer *out, sb_expr **args, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i != 0) SB_TRY(sb_parse__print_text(out, ", "));
        SB_TRY(sb_parse__print_expr(out, args[i], SB_PRINT_ANY));
    }
    return SB_OK;
}

/* Would the text begin with "name IN"? A list of that alone would be read as a comprehension. */
static bool begins_with_in(const sb_expr *e)
{
    for (;;) {
        const bool word = e->kind == SB_EXPR_BINARY || e->kind == SB_EXPR_IS_TYPE ||
                          e->kind == SB_EXPR_IS_NORMALIZED ||
                          (e->kind == SB_EXPR_UNARY && unary_prec(e) == PREC_PREDICATE);
        if (!word) return false;
        if (e->kind == SB_EXPR_BINARY && e->op == SB_OP2_IN && e->args[0]->kind == SB_EXPR_VAR)
            return true;
        e = e->args[0];
    }
}

static sb_status print_list(sb_buffer *out, const sb_expr *e)
{
    SB_TRY(sb_buffer_append_byte(out, '['));
    if (e->arg_count == 1 && begins_with_in(e->args[0])) {
        SB_TRY(sb_parse__print_expr(out, e->args[0], PREC_ATOM));
    } else {
        SB_TRY(print_args(out, e->args, e->arg_count));
    }
    return sb_buffer_append_byte(out, ']');
}

static sb_status print_map(sb_buffer *out, const sb_expr *e)
{
    SB_TRY(sb_buffer_append_byte(out, '{'));
    for (uint32_t i = 0; i < e->arg_count; i++) {
        if (i != 0) SB_TRY(sb_parse__print_text(out, ", "));
        SB_TRY(sb_lex_print_name(e->keys[i], out));
        SB_TRY(sb_parse__print_text(out, ": "));
        SB_TRY(sb_parse__print_expr(out, e->args[i], SB_PRINT_ANY));
    }
    return sb_buffer_append_byte(out, '}');
}

/* The variable in backquotes where `count {` would begin a sub-query. */
static sb_status print_projected(sb_buffer *out, const sb_expr *variable)
{
    switch ((unsigned)sb_keyword_find(variable->name)) {
    case SB_KEYWORD_EXISTS:
    case SB_KEYWORD_COUNT:
    case SB_KEYWORD_COLLECT: return print_quoted(out, variable->name);
    default: return sb_parse__print_variable(out, variable->name);
    }
}

static sb_status print_map_projection(sb_buffer *out, const sb_expr *e)
{
    SB_TRY(print_projected(out, e->args[0]));
    SB_TRY(sb_parse__print_text(out, e->star ? " {.*" : " {"));
    for (uint32_t i = 1; i < e->arg_count; i++) {
        if (i > 1 || e->star) SB_TRY(sb_parse__print_text(out, ", "));
        if (e->args[i] == NULL) SB_TRY(sb_buffer_append_byte(out, '.'));
        SB_TRY(sb_lex_print_name(e->keys[i], out));
        if (e->args[i] == NULL) continue;
        SB_TRY(sb_parse__print_text(out, ": "));
        SB_TRY(sb_parse__print_expr(out, e->args[i], SB_PRINT_ANY));
    }
    return sb_buffer_append_byte(out, '}');
}

static sb_status print_call(sb_buffer *out, const sb_expr *e)
{
    SB_TRY(sb_parse__print_dotted(out, e->name));
    SB_TRY(sb_parse__print_text(out, e->distinct ? "(DISTINCT " : "("));
    SB_TRY(print_args(out, e->args, e->arg_count));
    return sb_buffer_append_byte(out, ')');
}

static sb_status print_case(sb_buffer *out, const sb_expr *e)
{
    SB_TRY(sb_parse__print_text(out, "CASE"));
    SB_TRY(sb_parse__print_optional(out, " ", e->args[0]));
    for (uint32_t i = 1; i + 1 < e->arg_count; i += 2) {
        SB_TRY(sb_parse__print_optional(out, " WHEN ", e->args[i]));
        SB_TRY(sb_parse__print_optional(out, " THEN ", e->args[i + 1]));
    }
    SB_TRY(sb_parse__print_optional(out, " ELSE ", e->args[e->arg_count - 1]));
    return sb_parse__print_text(out, " END");
}

/* ---- Comprehensions --------------------------------------------------------------------------------------------------------- */

static sb_status print_bound(sb_buffer *out, const char *before, sb_bytes name, const char *between,
                             const sb_expr *list)
{
    SB_TRY(sb_parse__print_text(out, before));
    SB_TRY(sb_parse__print_variable(out, name));
    SB_TRY(sb_parse__print_text(out, between));
    return sb_parse__print_expr(out, list, SB_PRINT_ANY);
}

static sb_status print_list_comprehension(sb_buffer *out, const sb_expr *e)
{
    SB_TRY(print_bound(out, "[", e->bound_name, " IN ", e->args[0]));
    SB_TRY(sb_parse__print_optional(out, " WHERE ", e->args[1]));
    SB_TRY(sb_parse__print_optional(out, " | ", e->args[2]));
    return sb_buffer_append_byte(out, ']');
}

static sb_status print_pattern_comprehension(sb_buffer *out, const sb_expr *e)
{
    SB_TRY(sb_buffer_append_byte(out, '['));
    if (e->bound_name.size != 0) {
        SB_TRY(sb_parse__print_variable(out, e->bound_name));
        SB_TRY(sb_parse__print_text(out, " = "));
    }
    SB_TRY(sb_pattern_part_print(e->pattern, out));
    SB_TRY(sb_parse__print_optional(out, " WHERE ", e->args[0]));
    SB_TRY(sb_parse__print_optional(out, " | ", e->args[1]));
    return sb_buffer_append_byte(out, ']');
}

static sb_status print_quantifier(sb_buffer *out, const sb_expr *e)
{
    static const char *const names[] = {"all(", "any(", "none(", "single("};

    SB_TRY(print_bound(out, names[e->op], e->bound_name, " IN ", e->args[0]));
    SB_TRY(sb_parse__print_optional(out, " WHERE ", e->args[1]));
    return sb_buffer_append_byte(out, ')');
}

static sb_status print_reduce(sb_buffer *out, const sb_expr *e)
{
    SB_TRY(print_bound(out, "reduce(", e->bound2_name, " = ", e->args[0]));
    SB_TRY(print_bound(out, ", ", e->bound_name, " IN ", e->args[1]));
    SB_TRY(sb_parse__print_optional(out, " | ", e->args[2]));
    return sb_buffer_append_byte(out, ')');
}

static sb_status print_subquery(sb_buffer *out, const char *word, const sb_expr *e)
{
    SB_TRY(sb_parse__print_text(out, word));
    SB_TRY(sb_parse__print_query(out, e->query));
    return sb_parse__print_text(out, " }");
}

/* ---- All of them ------------------------------------------------------------------------------------------------------------ */

static sb_status print_bare(sb_buffer *out, const sb_expr *e)
{
    switch ((sb_expr_kind)e->kind) {
    case SB_EXPR_NULL: return sb_parse__print_text(out, "null");
    case SB_EXPR_BOOL: return sb_parse__print_text(out, e->value.boolean ? "true" : "false");
    case SB_EXPR_INT: return sb_buffer_printf(out, "%lld", (long long)e->value.integer);
    case SB_EXPR_FLOAT: return print_real(out, e);
    case SB_EXPR_STRING: return sb_lex_print_string(e->name, out);
    case SB_EXPR_PARAM: return print_param(out, e->name);
    case SB_EXPR_VAR: return sb_parse__print_variable(out, e->name);
    case SB_EXPR_PROPERTY:
        SB_TRY(sb_parse__print_expr(out, e->args[0], PREC_POSTFIX));
        SB_TRY(sb_buffer_append_byte(out, '.'));
        return sb_lex_print_name(e->name, out);
    case SB_EXPR_LIST: return print_list(out, e);
    case SB_EXPR_MAP: return print_map(out, e);
    case SB_EXPR_MAP_PROJECTION: return print_map_projection(out, e);
    case SB_EXPR_INDEX:
        SB_TRY(sb_parse__print_expr(out, e->args[0], PREC_POSTFIX));
        SB_TRY(sb_parse__print_optional(out, "[", e->args[1]));
        return sb_buffer_append_byte(out, ']');
    case SB_EXPR_SLICE: return print_slice(out, e);
    case SB_EXPR_UNARY: return print_unary(out, e);
    case SB_EXPR_BINARY: return print_binary(out, e);
    case SB_EXPR_CALL: return print_call(out, e);
    case SB_EXPR_COUNT_STAR: return sb_parse__print_text(out, "count(*)");
    case SB_EXPR_CASE: return print_case(out, e);
    case SB_EXPR_LIST_COMPREHENSION: return print_list_comprehension(out, e);
    case SB_EXPR_QUANTIFIER: return print_quantifier(out, e);
    case SB_EXPR_REDUCE: return print_reduce(out, e);
    case SB_EXPR_PATTERN_COMPREHENSION: return print_pattern_comprehension(out, e);
    case SB_EXPR_PATTERN:
    case SB_EXPR_SHORTEST: return sb_pattern_part_print(e->pattern, out);
    case SB_EXPR_EXISTS: return print_subquery(out, "EXISTS { ", e);
    case SB_EXPR_COUNT: return print_subquery(out, "COUNT { ", e);
    case SB_EXPR_COLLECT: return print_subquery(out, "COLLECT { ", e);
    case SB_EXPR_HAS_LABELS: return print_has_labels(out, e);
    case SB_EXPR_IS_TYPE: return print_is_type(out, e);
    case SB_EXPR_IS_NORMALIZED: return print_is_normalized(out, e);
    }
    return SB_OK;
}

sb_status sb_parse__print_expr(sb_buffer *out, const sb_expr *e, unsigned least)
{
    const bool parentheses = expr_prec(e) < least;

    if (parentheses) SB_TRY(sb_buffer_append_byte(out, '('));
    SB_TRY(print_bare(out, e));
    return parentheses ? sb_buffer_append_byte(out, ')') : SB_OK;
}

sb_status sb_parse__print_optional(sb_buffer *out, const char *before, const sb_expr *e)
{
    if (e == NULL) return SB_OK;
    SB_TRY(sb_parse__print_text(out, before));
    return sb_parse__print_expr(out, e, SB_PRINT_ANY);
}

sb_status sb_expr_print(const sb_expr *e, sb_buffer *out)
{
    return sb_parse__print_expr(out, e, SB_PRINT_ANY);
}
