/* expr.c — operators, by precedence climbing.
 *
 *   1 OR   2 XOR   3 AND   4 NOT   5 = <> < <= > >= (chains)   6 IN, STARTS WITH, IS …, =~ …   7 + - ||   8 * / %   9 ^
 *   then signs, then what hangs on an atom: .key [index] [from..to] :label {projection}
 *
 * All are left-associative. AND, OR and XOR are associative, so a run of one of them becomes a balanced tree: a thousand alternatives are ten
 * deep. Of a chain a < b < c the middle operand is shared by the two comparisons, and that of CASE by its conditions; sb_expr.weight bounds what
 * chains within chains cost. */
#include "cypher/parse/parse_priv.h"

enum {
    PREC_OR = 1,
    PREC_XOR,
    PREC_AND,
    PREC_NOT,
    PREC_COMPARE,
    PREC_PREDICATE,
    PREC_ADD,
    PREC_MUL,
    PREC_POW
};

typedef struct binary_row {
    uint8_t token, prec, op;
} binary_row;

static const binary_row BINARY_ROWS[] = {
    {SB_TOKEN_EQ, PREC_COMPARE, SB_OP2_EQ},     {SB_TOKEN_NE, PREC_COMPARE, SB_OP2_NE},
    {SB_TOKEN_LT, PREC_COMPARE, SB_OP2_LT},     {SB_TOKEN_LE, PREC_COMPARE, SB_OP2_LE},
    {SB_TOKEN_GT, PREC_COMPARE, SB_OP2_GT},     {SB_TOKEN_GE, PREC_COMPARE, SB_OP2_GE},
    {SB_TOKEN_PLUS, PREC_ADD, SB_OP2_ADD},      {SB_TOKEN_MINUS, PREC_ADD, SB_OP2_SUB},
    {SB_TOKEN_BARBAR, PREC_ADD, SB_OP2_CONCAT}, {SB_TOKEN_STAR, PREC_MUL, SB_OP2_MUL},
    {SB_TOKEN_SLASH, PREC_MUL, SB_OP2_DIV},     {SB_TOKEN_PERCENT, PREC_MUL, SB_OP2_MOD},
    {SB_TOKEN_CARET, PREC_POW, SB_OP2_POW},     {SB_TOKEN_EQ_TILDE, PREC_PREDICATE, SB_OP2_REGEX},
};

/* ---- Making nodes ------------------------------------------------------------------------------------------------ */

sb_status sb_parse__new(sb_parser *p, sb_expr_kind kind, uint32_t arg_count, sb_expr **e)
{
    SB_TRY(sb_parse__alloc(p, sizeof **e, e));
    (*e)->kind = (uint8_t)kind;
    (*e)->arg_count = arg_count;
    if (arg_count != 0) SB_TRY(sb_parse__alloc(p, arg_count * sizeof(sb_expr *), &(*e)->args));
    return SB_OK;
}

sb_status sb_parse__finish(sb_parser *p, uint32_t first, sb_expr *e)
{
    uint64_t weight = 1;
    uint32_t depth = 0;

    e->span = sb_parse__span_from(p, first);
    for (uint32_t i = 0; i < e->arg_count; i++) {
        if (e->args[i] == NULL) continue;
        weight += e->args[i]->weight;
        if (e->args[i]->depth > depth) depth = e->args[i]->depth;
    }
    e->depth = depth + 1;
    if (e->depth > SB_CYPHER_DEPTH_MAX)
        return sb_cypher_fail(p->err, p->text, e->span, SB_CYPHER_LIMIT_EXCEEDED,
                              "an expression is more than %u operators deep here",
                              SB_CYPHER_DEPTH_MAX);
    /* Without chains there are fewer nodes than tokens; each comparison of a chain repeats an operand once. */
    if (weight > 4096 + 8 * (uint64_t)p->token_count)
        return sb_cypher_fail(p->err, p->text, e->span, SB_CYPHER_LIMIT_EXCEEDED,
                              "chained comparisons hold each other too often here");
    e->weight = (uint32_t)weight;
    if (e->depth > p->statement->depth) p->statement->depth = e->depth;
    return SB_OK;
}

static sb_status make_unary(sb_parser *p, uint32_t first, sb_op1 op, sb_expr *arg, sb_expr **e)
{
    SB_TRY(sb_parse__new(p, SB_EXPR_UNARY, 1, e));
    (*e)->op = (uint8_t)op;
    (*e)->args[0] = arg;
    return sb_parse__finish(p, first, *e);
}

static sb_status make_binary(sb_parser *p, uint32_t first, sb_op2 op, sb_expr *left, sb_expr *right,
                             sb_expr **e)
{
    SB_TRY(sb_parse__new(p, SB_EXPR_BINARY, 2, e));
    (*e)->op = (uint8_t)op;
    (*e)->args[0] = left;
    (*e)->args[1] = right;
    SB_TRY(sb_parse__finish(p, first, *e));
    (*e)->span = (sb_span){left->span.start, right->span.end};
    return SB_OK;
}

static sb_status make_balanced(sb_parser *p, uint32_t first, sb_op2 op, sb_expr **operands,
                               uint32_t count, sb_expr **e)
{
    sb_expr *left, *right;

    if (count == 1) {
        *e = operands[0];
        return SB_OK;
    }
    const uint32_t half = count - count / 2;
    SB_TRY(make_balanced(p, first, op, operands, half, &left));
    SB_TRY(make_balanced(p, first, op, operands + half, count - half, &right));
    return make_binary(p, first, op, left, right, e);
}

/* ---- Unary ------------------------------------------------------------------------------------------------------- */

/* A number directly behind its '-' is one literal: -9223372036854775808 has no positive form. */
static bool at_negative_literal(const sb_parser *p)
{
    if (!sb_parse__is(p, SB_TOKEN_MINUS)) return false;
    const sb_token *number = sb_parse__ahead(p, 1);
    /* -0 is minus and 0: as a literal it would lose its sign, and - -0 another one each time it is printed. */
    if (number->kind == SB_TOKEN_INT ? number->value.integer == 0 : number->kind != SB_TOKEN_FLOAT)
        return false;
    switch (sb_parse__ahead(p, 2)->kind) {
    case SB_TOKEN_DOT:
    case SB_TOKEN_LBRACKET:
    case SB_TOKEN_COLON: return false;
    default: return true;
    }
}

static sb_status parse_negative_literal(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;
    const sb_token *token = sb_parse__ahead(p, 1);

    sb_parse__advance(p);
    sb_parse__advance(p);
    SB_TRY(sb_parse__new(p, token->kind == SB_TOKEN_INT ? SB_EXPR_INT : SB_EXPR_FLOAT, 0, e));
    if (token->kind == SB_TOKEN_INT) {
        (*e)->value.integer = (int64_t)(0 - token->value.integer);
    } else {
        (*e)->value.real = -token->value.real;
        (*e)->name =
            sb_bytes_of(p->text.data + token->span.start, token->span.end - token->span.start);
    }
    return sb_parse__finish(p, first, *e);
}

static sb_status parse_signed(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;

    if (at_negative_literal(p)) return parse_negative_literal(p, e);
    const bool minus = sb_parse__is(p, SB_TOKEN_MINUS);
    if (!minus && !sb_parse__is(p, SB_TOKEN_PLUS)) return sb_parse__postfix(p, true, e);
    sb_parse__advance(p);
    SB_TRY(sb_parse__enter(p));
    SB_TRY(parse_signed(p, e));
    sb_parse__leave(p);
    return make_unary(p, first, minus ? SB_OP1_MINUS : SB_OP1_PLUS, *e, e);
}

/* ---- Binary ------------------------------------------------------------------------------------------------------ */

static sb_status parse_binary(sb_parser *p, unsigned least, sb_expr **e);

static const binary_row *current_binary(const sb_parser *p)
{
    const unsigned kind = sb_parse__token(p)->kind;

    for (size_t i = 0; i < sizeof BINARY_ROWS / sizeof BINARY_ROWS[0]; i++)
        if (BINARY_ROWS[i].token == kind) return &BINARY_ROWS[i];
    return NULL;
}

static sb_status parse_not(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;

    sb_parse__advance(p);
    SB_TRY(sb_parse__enter(p));
    SB_TRY(parse_binary(p, PREC_NOT, e));
    sb_parse__leave(p);
    return make_unary(p, first, SB_OP1_NOT, *e, e);
}

static sb_status parse_operand(sb_parser *p, sb_expr **e)
{
    if (sb_parse__is_keyword(p, SB_KEYWORD_NOT) && sb_parse__starts_expr(sb_parse__ahead(p, 1)) &&
        !sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_AS))
        return parse_not(p, e);
    return parse_signed(p, e);
}

/* left AND … AND …: the run of one operator. */
static sb_status parse_run(sb_parser *p, uint32_t first, unsigned keyword, sb_op2 op, unsigned prec,
                           sb_expr *left, sb_expr **e)
{
    sb_expr **operands = NULL;
    uint32_t count = 0;

    SB_PARSE_PUSH(p, operands, count, left);
    while (sb_parse__is_keyword(p, keyword)) {
        sb_expr *operand;
        sb_parse__advance(p);
        SB_TRY(parse_binary(p, prec + 1, &operand));
        SB_PARSE_PUSH(p, operands, count, operand);
    }
    return make_balanced(p, first, op, operands, count, e);
}

/* left < a < b …: (left < a) AND (a < b) AND … */
static sb_status parse_chain(sb_parser *p, uint32_t first, sb_expr *left, sb_expr **e)
{
    sb_expr **comparisons = NULL;
    uint32_t count = 0;

    for (const binary_row *row; (row = current_binary(p)) != NULL && row->prec == PREC_COMPARE;) {
        sb_expr *right, *comparison;
        sb_parse__advance(p);
        SB_TRY(parse_binary(p, PREC_COMPARE + 1, &right));
        SB_TRY(make_binary(p, first, (sb_op2)row->op, left, right, &comparison));
        SB_PARSE_PUSH(p, comparisons, count, comparison);
        left = right;
    }
    return make_balanced(p, first, SB_OP2_AND, comparisons, count, e);
}

/* ---- Predicates written as words --------------------------------------------------------------------------------- */

static sb_status parse_is_normalized(sb_parser *p, uint32_t first, bool negated, sb_expr *left,
                                     sb_expr **e)
{
    sb_bytes form = sb_bytes_of("NFC", 3);

    if (!sb_parse__is_keyword(p, SB_KEYWORD_NORMALIZED)) {
        const char *text = sb_keyword_text(sb_parse__token(p)->keyword);
        form = sb_bytes_of(text, strlen(text));
        sb_parse__advance(p);
    }
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_NORMALIZED));
    SB_TRY(sb_parse__new(p, SB_EXPR_IS_NORMALIZED, 1, e));
    (*e)->args[0] = left;
    (*e)->name = form;
    (*e)->negated = negated;
    return sb_parse__finish(p, first, *e);
}

static bool at_normal_form(const sb_parser *p)
{
    return sb_parse__is_keyword(p, SB_KEYWORD_NORMALIZED) ||
           sb_parse__is_keyword(p, SB_KEYWORD_NFC) || sb_parse__is_keyword(p, SB_KEYWORD_NFD) ||
           sb_parse__is_keyword(p, SB_KEYWORD_NFKC) || sb_parse__is_keyword(p, SB_KEYWORD_NFKD);
}

static sb_status parse_is_type(sb_parser *p, uint32_t first, bool negated, sb_expr *left,
                               sb_expr **e)
{
    SB_TRY(sb_parse__new(p, SB_EXPR_IS_TYPE, 1, e));
    (*e)->args[0] = left;
    (*e)->negated = negated;
    SB_TRY(sb_parse__type(p, &(*e)->type));
    return sb_parse__finish(p, first, *e);
}

static sb_status parse_is_labels(sb_parser *p, uint32_t first, sb_expr *left, sb_expr **e)
{
    return sb_parse__has_labels(p, first, false, left, e);
}

/* Behind IS. */
static sb_status parse_is(sb_parser *p, uint32_t first, sb_expr *left, sb_expr **e)
{
    const bool negated = sb_parse__accept_keyword(p, SB_KEYWORD_NOT);

    if (sb_parse__accept_keyword(p, SB_KEYWORD_NULL))
        return make_unary(p, first, negated ? SB_OP1_IS_NOT_NULL : SB_OP1_IS_NULL, left, e);
    if (sb_parse__accept(p, SB_TOKEN_COLONCOLON) || sb_parse__accept_keyword(p, SB_KEYWORD_TYPED))
        return parse_is_type(p, first, negated, left, e);
    if (at_normal_form(p)) return parse_is_normalized(p, first, negated, left, e);
    if (!negated) return parse_is_labels(p, first, left, e);
    sb_parse__expecting(p, "NORMALIZED");
    return sb_parse__unexpected(p);
}

/* The operator that a word at the current place is; false: none. */
static bool word_operator(const sb_parser *p, sb_op2 *op, uint32_t *words)
{
    *words = 2;
    if (sb_parse__is_keyword(p, SB_KEYWORD_IN)) {
        *op = SB_OP2_IN;
        *words = 1;
        return true;
    }
    if (sb_parse__is_keyword(p, SB_KEYWORD_CONTAINS)) {
        *op = SB_OP2_CONTAINS;
        *words = 1;
        return true;
    }
    *op = sb_parse__is_keyword(p, SB_KEYWORD_STARTS) ? SB_OP2_STARTS_WITH : SB_OP2_ENDS_WITH;
    return (*op == SB_OP2_STARTS_WITH || sb_parse__is_keyword(p, SB_KEYWORD_ENDS)) &&
           sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_WITH);
}

/* One predicate written as words behind *e; *found false when there is none. */
static sb_status parse_word_predicate(sb_parser *p, uint32_t first, sb_expr **e, bool *found)
{
    sb_op2 op;
    uint32_t words;
    sb_expr *right;

    *found = true;
    if (sb_parse__is_keyword(p, SB_KEYWORD_IS)) {
        sb_parse__advance(p);
        return parse_is(p, first, *e, e);
    }
    if (sb_parse__is(p, SB_TOKEN_COLONCOLON)) {
        sb_parse__advance(p);
        return parse_is_type(p, first, false, *e, e);
    }
    *found = word_operator(p, &op, &words);
    if (!*found) return SB_OK;
    while (words-- > 0)
        sb_parse__advance(p);
    SB_TRY(parse_binary(p, PREC_PREDICATE + 1, &right));
    return make_binary(p, first, op, *e, right, e);
}

/* ---- The loop ---------------------------------------------------------------------------------------------------- */

typedef struct logic_row {
    uint16_t keyword;
    uint8_t prec, op;
} logic_row;

static const logic_row LOGIC_ROWS[] = {
    {SB_KEYWORD_AND, PREC_AND, SB_OP2_AND},
    {SB_KEYWORD_XOR, PREC_XOR, SB_OP2_XOR},
    {SB_KEYWORD_OR, PREC_OR, SB_OP2_OR},
};

/* One symbolic operator, or chain of comparisons, behind *e. */
static sb_status parse_symbol(sb_parser *p, uint32_t first, const binary_row *row, sb_expr **e)
{
    sb_expr *right;

    if (row->prec == PREC_COMPARE) return parse_chain(p, first, *e, e);
    sb_parse__advance(p);
    SB_TRY(parse_binary(p, row->prec + 1u, &right));
    return make_binary(p, first, (sb_op2)row->op, *e, right, e);
}

static sb_status parse_binary(sb_parser *p, unsigned least, sb_expr **e)
{
    const uint32_t first = p->at;
    unsigned most =
        PREC_POW; /* a IS NULL + 1 is nothing: what follows does not bind more than what is before it */

    SB_TRY(parse_operand(p, e));
    for (;;) {
        const binary_row *row = current_binary(p);
        bool found = false;
        if (row != NULL) {
            if (row->prec < least || row->prec > most) return SB_OK;
            most = row->prec;
            SB_TRY(parse_symbol(p, first, row, e));
            continue;
        }
        if (least <= PREC_PREDICATE && most >= PREC_PREDICATE) {
            SB_TRY(parse_word_predicate(p, first, e, &found));
            if (found) {
                most = PREC_PREDICATE;
                continue;
            }
        }
        for (size_t i = 0; i < sizeof LOGIC_ROWS / sizeof LOGIC_ROWS[0] && !found; i++) {
            const logic_row *logic = &LOGIC_ROWS[i];
            found = logic->prec >= least && logic->prec <= most &&
                    sb_parse__is_keyword(p, logic->keyword);
            if (!found) continue;
            most = logic->prec;
            SB_TRY(parse_run(p, first, logic->keyword, (sb_op2)logic->op, logic->prec, *e, e));
        }
        if (!found) return SB_OK;
    }
}

sb_status sb_parse__expr(sb_parser *p, sb_expr **e)
{
    SB_TRY(sb_parse__enter(p));
    SB_TRY(parse_binary(p, 1, e));
    sb_parse__leave(p);
    return SB_OK;
}

/* ---- Alternatives of CASE --------------------------------------------------------------------------------------------- */

/* Does a condition begin here whose left side is the operand? Words may be names, too. */
static bool at_condition(const sb_parser *p)
{
    const binary_row *row = current_binary(p);
    const sb_token *next = sb_parse__ahead(p, 1);

    if (row != NULL) return row->prec == PREC_COMPARE || row->prec == PREC_PREDICATE;
    if (sb_parse__is_keyword(p, SB_KEYWORD_IS))
        return next->kind == SB_TOKEN_COLONCOLON ||
               sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_NOT) ||
               sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_NULL) ||
               sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_TYPED) ||
               sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_NORMALIZED);
    if (sb_parse__is_keyword(p, SB_KEYWORD_CONTAINS))
        return next->kind == SB_TOKEN_STRING || next->kind == SB_TOKEN_PARAM ||
               (sb_parse__is_name(next) && !sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_THEN));
    return (sb_parse__is_keyword(p, SB_KEYWORD_STARTS) ||
            sb_parse__is_keyword(p, SB_KEYWORD_ENDS)) &&
           sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_WITH);
}

static sb_status parse_alternative(sb_parser *p, sb_expr *operand, sb_expr **e, bool *is_value)
{
    const uint32_t first = p->at;
    bool found;

    *is_value = !at_condition(p);
    if (*is_value) return sb_parse__expr(p, e);
    *e = operand;
    const binary_row *row = current_binary(p);
    return row != NULL ? parse_symbol(p, first, row, e) : parse_word_predicate(p, first, e, &found);
}

sb_status sb_parse__case_equals(sb_parser *p, sb_expr *operand, sb_expr **value)
{
    return make_binary(p, p->at, SB_OP2_EQ, operand, *value, value);
}

sb_status sb_parse__alternatives(sb_parser *p, sb_expr *operand, sb_expr **e, bool *is_value)
{
    const uint32_t first = p->at;
    sb_expr **tests = NULL, *test;
    uint32_t count = 0;

    SB_TRY(parse_alternative(p, operand, e, is_value));
    if (*is_value && !sb_parse__is(p, SB_TOKEN_COMMA)) return SB_OK;
    for (test = *e;;) {
        if (*is_value) SB_TRY(sb_parse__case_equals(p, operand, &test));
        SB_PARSE_PUSH(p, tests, count, test);
        if (!sb_parse__accept(p, SB_TOKEN_COMMA)) break;
        SB_TRY(parse_alternative(p, operand, &test, is_value));
    }
    *is_value = false;
    return make_balanced(p, first, SB_OP2_OR, tests, count, e);
}

/* ---- What hangs on an atom ------------------------------------------------------------------------------------------ */

static sb_status parse_property(sb_parser *p, uint32_t first, sb_expr **e)
{
    sb_expr *base = *e;

    SB_TRY(sb_parse__new(p, SB_EXPR_PROPERTY, 1, e));
    (*e)->args[0] = base;
    SB_TRY(sb_parse__name(p, "a property's name", &(*e)->name));
    return sb_parse__finish(p, first, *e);
}

/* Behind '['. */
static sb_status parse_index(sb_parser *p, uint32_t first, sb_expr **e)
{
    const bool bar_ends = sb_parse__open_bracket(p);
    sb_expr *base = *e;
    sb_expr *from = NULL;
    sb_expr *to = NULL;
    bool slice;

    if (!sb_parse__is(p, SB_TOKEN_DOTDOT)) SB_TRY(sb_parse__expr(p, &from));
    slice = sb_parse__accept(p, SB_TOKEN_DOTDOT);
    if (slice && !sb_parse__is(p, SB_TOKEN_RBRACKET)) SB_TRY(sb_parse__expr(p, &to));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_RBRACKET));
    p->bar_ends = bar_ends;
    SB_TRY(sb_parse__new(p, slice ? SB_EXPR_SLICE : SB_EXPR_INDEX, slice ? 3 : 2, e));
    (*e)->args[0] = base;
    (*e)->args[1] = from;
    if (slice) (*e)->args[2] = to;
    return sb_parse__finish(p, first, *e);
}

typedef struct projection_items {
    sb_expr **args;
    sb_bytes *keys;
    uint32_t arg_count, key_count;
} projection_items;

/* .key, .*, key: value, variable */
static sb_status parse_map_projection_item(sb_parser *p, projection_items *items, bool *star)
{
    const uint32_t first = p->at;
    sb_expr *value = NULL;
    sb_bytes key;

    if (sb_parse__accept(p, SB_TOKEN_DOT)) {
        if (sb_parse__accept(p, SB_TOKEN_STAR)) {
            *star = true;
            return SB_OK;
        }
        SB_TRY(sb_parse__name(p, "a property's name", &key));
    } else {
        SB_TRY(sb_parse__name(p, "a key", &key));
        if (sb_parse__accept(p, SB_TOKEN_COLON)) {
            SB_TRY(sb_parse__expr(p, &value));
        } else {
            SB_TRY(sb_parse__new(p, SB_EXPR_VAR, 0, &value));
            value->name = key;
            SB_TRY(sb_parse__finish(p, first, value));
        }
    }
    SB_PARSE_PUSH(p, items->args, items->arg_count, value);
    SB_PARSE_PUSH(p, items->keys, items->key_count, key);
    return SB_OK;
}

/* Behind '{'. */
static sb_status parse_map_projection(sb_parser *p, uint32_t first, sb_expr **e)
{
    const bool bar_ends = sb_parse__open_bracket(p);
    projection_items items = {0};
    const sb_bytes no_key = {0};
    bool star = false;

    SB_PARSE_PUSH(p, items.args, items.arg_count, *e);
    SB_PARSE_PUSH(p, items.keys, items.key_count, no_key);
    if (!sb_parse__accept(p, SB_TOKEN_RBRACE)) {
        do {
            SB_TRY(parse_map_projection_item(p, &items, &star));
        } while (sb_parse__accept(p, SB_TOKEN_COMMA));
        SB_TRY(sb_parse__expect(p, SB_TOKEN_RBRACE));
    }
    p->bar_ends = bar_ends;
    SB_TRY(sb_parse__new(p, SB_EXPR_MAP_PROJECTION, 0, e));
    (*e)->args = items.args;
    (*e)->keys = items.keys;
    (*e)->arg_count = items.arg_count;
    (*e)->star = star;
    return sb_parse__finish(p, first, *e);
}

sb_status sb_parse__postfix(sb_parser *p, bool labels, sb_expr **e)
{
    const uint32_t first = p->at;

    SB_TRY(sb_parse__atom(p, e));
    if ((*e)->kind == SB_EXPR_VAR && !(*e)->parenthesized && sb_parse__is(p, SB_TOKEN_LBRACE)) {
        sb_parse__advance(p);
        SB_TRY(parse_map_projection(p, first, e));
    }
    for (;;) {
        if (sb_parse__is(p, SB_TOKEN_DOT)) {
            sb_parse__advance(p);
            SB_TRY(parse_property(p, first, e));
        } else if (sb_parse__is(p, SB_TOKEN_LBRACKET)) {
            sb_parse__advance(p);
            SB_TRY(parse_index(p, first, e));
        } else {
            break;
        }
    }
    if (!labels || !sb_parse__is(p, SB_TOKEN_COLON)) return SB_OK;
    sb_parse__advance(p);
    return sb_parse__has_labels(p, first, true, *e, e);
}
