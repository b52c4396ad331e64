/* atom.c — what operators work on: literals, names, calls, lists, maps, CASE, comprehensions, sub-queries, patterns as values. */
#include "cypher/parse/parse_priv.h"

/* ---- Literals ---------------------------------------------------------------------------------------------------- */

static sb_status parse_number(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;
    const sb_token *token = sb_parse__token(p);

    if (token->kind == SB_TOKEN_INT && token->value.integer > INT64_MAX)
        return sb_cypher_fail(p->err, p->text, token->span, SB_CYPHER_INTEGER_OVERFLOW,
                              "an integer is at most 9223372036854775807");
    sb_parse__advance(p);
    SB_TRY(sb_parse__new(p, token->kind == SB_TOKEN_INT ? SB_EXPR_INT : SB_EXPR_FLOAT, 0, e));
    if (token->kind == SB_TOKEN_INT) {
        (*e)->value.integer = (int64_t)token->value.integer;
    } else {
        (*e)->value.real = token->value.real;
        (*e)->name = sb_parse__source(p, first);
    }
    return sb_parse__finish(p, first, *e);
}

static sb_status parse_string(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;

    SB_TRY(sb_parse__new(p, SB_EXPR_STRING, 0, e));
    SB_TRY(sb_parse__token_text(p, sb_parse__token(p), &(*e)->name));
    sb_parse__advance(p);
    return sb_parse__finish(p, first, *e);
}

static sb_status parse_word(sb_parser *p, sb_expr_kind kind, bool value, sb_expr **e)
{
    const uint32_t first = p->at;

    sb_parse__advance(p);
    SB_TRY(sb_parse__new(p, kind, 0, e));
    (*e)->value.boolean = value;
    return sb_parse__finish(p, first, *e);
}

/* ---- Parameters -------------------------------------------------------------------------------------------------- */

static uint32_t *param_slot(const sb_parser *p, sb_bytes name)
{
    const uint32_t mask = p->param_slot_count - 1;
    uint32_t i = (uint32_t)sb_hash_bytes(name.data, name.size, 0) & mask;

    while (p->param_slots[i] != 0 &&
           !sb_bytes_equal(p->statement->params[p->param_slots[i] - 1], name))
        i = (i + 1) & mask;
    return &p->param_slots[i];
}

/* A table at most half full. */
static sb_status grow_params(sb_parser *p)
{
    if (p->statement->param_count * 2 < p->param_slot_count) return SB_OK;
    p->param_slot_count = p->param_slot_count == 0 ? 16 : p->param_slot_count * 2;
    SB_TRY(sb_parse__alloc(p, p->param_slot_count * sizeof *p->param_slots, &p->param_slots));
    for (uint32_t i = 0; i < p->statement->param_count; i++)
        *param_slot(p, p->statement->params[i]) = i + 1;
    return SB_OK;
}

sb_status sb_parse__param(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;
    sb_statement *statement = p->statement;

    SB_TRY(sb_parse__new(p, SB_EXPR_PARAM, 0, e));
    SB_TRY(sb_parse__token_text(p, sb_parse__token(p), &(*e)->name));
    sb_parse__advance(p);
    SB_TRY(grow_params(p));
    uint32_t *slot = param_slot(p, (*e)->name);
    if (*slot == 0) {
        SB_PARSE_PUSH(p, statement->params, statement->param_count, (*e)->name);
        *slot = statement->param_count;
    }
    (*e)->value.integer = *slot - 1;
    return sb_parse__finish(p, first, *e);
}

/* ---- Lists and maps ------------------------------------------------------------------------------------------------ */

sb_status sb_parse__expr_list(sb_parser *p, unsigned closing, sb_expr ***items, uint32_t *count)
{
    const bool bar_ends = sb_parse__open_bracket(p);

    *items = NULL;
    *count = 0;
    if (!sb_parse__accept(p, closing)) {
        do {
            sb_expr *item;
            SB_TRY(sb_parse__expr(p, &item));
            SB_PARSE_PUSH(p, *items, *count, item);
        } while (sb_parse__accept(p, SB_TOKEN_COMMA));
        SB_TRY(sb_parse__expect(p, closing));
    }
    p->bar_ends = bar_ends;
    return SB_OK;
}

static sb_status parse_list(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;

    sb_parse__advance(p);
    SB_TRY(sb_parse__new(p, SB_EXPR_LIST, 0, e));
    SB_TRY(sb_parse__expr_list(p, SB_TOKEN_RBRACKET, &(*e)->args, &(*e)->arg_count));
    return sb_parse__finish(p, first, *e);
}

sb_status sb_parse__map(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;
    const bool bar_ends = sb_parse__open_bracket(p);
    sb_bytes *keys = NULL;
    sb_expr **values = NULL;
    uint32_t key_count = 0;
    uint32_t value_count = 0;

    SB_TRY(sb_parse__expect(p, SB_TOKEN_LBRACE));
    if (!sb_parse__accept(p, SB_TOKEN_RBRACE)) {
        do {
            sb_bytes key;
            sb_expr *value;
            SB_TRY(sb_parse__name(p, "a key", &key));
            SB_TRY(sb_parse__expect(p, SB_TOKEN_COLON));
            SB_TRY(sb_parse__expr(p, &value));
            SB_PARSE_PUSH(p, keys, key_count, key);
            SB_PARSE_PUSH(p, values, value_count, value);
        } while (sb_parse__accept(p, SB_TOKEN_COMMA));
        SB_TRY(sb_parse__expect(p, SB_TOKEN_RBRACE));
    }
    p->bar_ends = bar_ends;
    SB_TRY(sb_parse__new(p, SB_EXPR_MAP, 0, e));
    (*e)->keys = keys;
    (*e)->args = values;
    (*e)->arg_count = value_count;
    return sb_parse__finish(p, first, *e);
}

/* ---- Comprehensions ------------------------------------------------------------------------------------------------ */

/* Does [x IN … hold a comma of its own level? Then it is a list whose first item is a test. */
static bool is_list_of_tests(const sb_parser *p)
{
    for (uint32_t i = p->at + 1; i < p->token_count; i++) {
        switch (p->tokens[i].kind) {
        case SB_TOKEN_COMMA: return true;
        case SB_TOKEN_RBRACKET: return false;
        case SB_TOKEN_LPAREN:
        case SB_TOKEN_LBRACKET:
        case SB_TOKEN_LBRACE:
            if (p->tokens[i].partner == SB_NO_PARTNER) return false;
            i = p->tokens[i].partner;
            break;
        default: break;
        }
    }
    return false;
}

static bool at_list_comprehension(const sb_parser *p)
{
    return sb_parse__is_name(sb_parse__ahead(p, 1)) &&
           sb_parse__ahead_is_keyword(p, 2, SB_KEYWORD_IN) && !is_list_of_tests(p);
}

sb_status sb_parse__before_bar(sb_parser *p, sb_expr **e)
{
    const bool bar_ends = p->bar_ends;

    p->bar_ends = true;
    SB_TRY(sb_parse__expr(p, e));
    p->bar_ends = bar_ends;
    return SB_OK;
}

/* [WHERE e] with '|' ending it. */
static sb_status parse_inner_where(sb_parser *p, sb_expr **where)
{
    *where = NULL;
    if (!sb_parse__accept_keyword(p, SB_KEYWORD_WHERE)) return SB_OK;
    return sb_parse__before_bar(p, where);
}

static sb_status parse_list_comprehension(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;
    const bool bar_ends = sb_parse__open_bracket(p);

    sb_parse__advance(p);
    SB_TRY(sb_parse__new(p, SB_EXPR_LIST_COMPREHENSION, 3, e));
    SB_TRY(sb_parse__name(p, "a variable", &(*e)->bound_name));
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_IN));
    SB_TRY(sb_parse__before_bar(p, &(*e)->args[0]));
    SB_TRY(parse_inner_where(p, &(*e)->args[1]));
    if (sb_parse__accept(p, SB_TOKEN_BAR)) SB_TRY(sb_parse__expr(p, &(*e)->args[2]));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_RBRACKET));
    p->bar_ends = bar_ends;
    return sb_parse__finish(p, first, *e);
}

/* [(a)-->(b) WHERE … | …] and [p = (a)-->(b) | …] */
static bool at_pattern_comprehension(const sb_parser *p)
{
    const bool named =
        sb_parse__is_name(sb_parse__ahead(p, 1)) && sb_parse__ahead_is(p, 2, SB_TOKEN_EQ);
    const uint32_t end = sb_parse__pattern_end(p, p->at + (named ? 3 : 1));

    if (end == 0) return false;
    const sb_token *token = &p->tokens[end];
    return token->kind == SB_TOKEN_BAR ||
           (token->kind == SB_TOKEN_NAME && token->keyword == SB_KEYWORD_WHERE);
}

static sb_status parse_pattern_comprehension(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;
    const bool bar_ends = sb_parse__open_bracket(p);

    sb_parse__advance(p);
    SB_TRY(sb_parse__new(p, SB_EXPR_PATTERN_COMPREHENSION, 2, e));
    if (!sb_parse__is(p, SB_TOKEN_LPAREN)) {
        SB_TRY(sb_parse__name(p, "a variable", &(*e)->bound_name));
        SB_TRY(sb_parse__expect(p, SB_TOKEN_EQ));
    }
    SB_TRY(sb_parse__plain_pattern(p, &(*e)->pattern));
    SB_TRY(parse_inner_where(p, &(*e)->args[0]));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_BAR));
    SB_TRY(sb_parse__expr(p, &(*e)->args[1]));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_RBRACKET));
    p->bar_ends = bar_ends;
    return sb_parse__finish(p, first, *e);
}

/* all(x IN list WHERE e) */
static sb_status parse_quantifier(sb_parser *p, sb_quantifier quantifier, sb_expr **e)
{
    const uint32_t first = p->at;
    const bool bar_ends = sb_parse__open_bracket(p);

    sb_parse__advance(p);
    SB_TRY(sb_parse__expect(p, SB_TOKEN_LPAREN));
    SB_TRY(sb_parse__new(p, SB_EXPR_QUANTIFIER, 2, e));
    (*e)->op = (uint8_t)quantifier;
    SB_TRY(sb_parse__name(p, "a variable", &(*e)->bound_name));
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_IN));
    SB_TRY(sb_parse__expr(p, &(*e)->args[0]));
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_WHERE));
    SB_TRY(sb_parse__expr(p, &(*e)->args[1]));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_RPAREN));
    p->bar_ends = bar_ends;
    return sb_parse__finish(p, first, *e);
}

/* reduce(sum = 0, x IN list | sum + x) */
static sb_status parse_reduce(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;
    const bool bar_ends = sb_parse__open_bracket(p);

    sb_parse__advance(p);
    SB_TRY(sb_parse__expect(p, SB_TOKEN_LPAREN));
    SB_TRY(sb_parse__new(p, SB_EXPR_REDUCE, 3, e));
    SB_TRY(sb_parse__name(p, "a variable", &(*e)->bound2_name));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_EQ));
    SB_TRY(sb_parse__expr(p, &(*e)->args[0]));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_COMMA));
    SB_TRY(sb_parse__name(p, "a variable", &(*e)->bound_name));
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_IN));
    SB_TRY(sb_parse__before_bar(p, &(*e)->args[1]));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_BAR));
    SB_TRY(sb_parse__expr(p, &(*e)->args[2]));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_RPAREN));
    p->bar_ends = bar_ends;
    return sb_parse__finish(p, first, *e);
}

/* ---- CASE ---------------------------------------------------------------------------------------------------------- */

/* The first alternative that is no value: all become conditions, without an operand. */
static sb_status make_searched(sb_parser *p, sb_expr **args, uint32_t count)
{
    for (uint32_t i = 1; i < count; i += 2)
        SB_TRY(sb_parse__case_equals(p, args[0], &args[i]));
    args[0] = NULL;
    return SB_OK;
}

/* WHEN … THEN …, as often as they come; args begins with the operand, or NULL. */
static sb_status parse_whens(sb_parser *p, sb_expr ***args, uint32_t *count)
{
    sb_expr *const operand = (*args)[0];
    sb_expr *arg;

    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_WHEN));
    do {
        bool is_value = true;
        if (operand == NULL)
            SB_TRY(sb_parse__expr(p, &arg));
        else
            SB_TRY(sb_parse__alternatives(p, operand, &arg, &is_value));
        if (!is_value && (*args)[0] != NULL) SB_TRY(make_searched(p, *args, *count));
        if (is_value && (*args)[0] != operand) SB_TRY(sb_parse__case_equals(p, operand, &arg));
        SB_PARSE_PUSH(p, *args, *count, arg);
        SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_THEN));
        SB_TRY(sb_parse__expr(p, &arg));
        SB_PARSE_PUSH(p, *args, *count, arg);
    } while (sb_parse__accept_keyword(p, SB_KEYWORD_WHEN));
    return SB_OK;
}

static sb_status parse_case(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;
    const bool bar_ends = sb_parse__open_bracket(p);
    sb_expr **args = NULL;
    uint32_t count = 0;
    sb_expr *arg = NULL;

    sb_parse__advance(p);
    if (!sb_parse__is_keyword(p, SB_KEYWORD_WHEN)) SB_TRY(sb_parse__expr(p, &arg));
    SB_PARSE_PUSH(p, args, count, arg);
    SB_TRY(parse_whens(p, &args, &count));
    arg = NULL;
    if (sb_parse__accept_keyword(p, SB_KEYWORD_ELSE)) SB_TRY(sb_parse__expr(p, &arg));
    SB_PARSE_PUSH(p, args, count, arg);
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_END));
    p->bar_ends = bar_ends;
    SB_TRY(sb_parse__new(p, SB_EXPR_CASE, 0, e));
    (*e)->args = args;
    (*e)->arg_count = count;
    return sb_parse__finish(p, first, *e);
}

/* ---- Calls and names ----------------------------------------------------------------------------------------------- */

/* name(, a.b.name( */
static bool at_call(const sb_parser *p)
{
    uint32_t i = 1;

    while (sb_parse__ahead_is(p, i, SB_TOKEN_DOT) && sb_parse__is_name(sb_parse__ahead(p, i + 1)))
        i += 2;
    return sb_parse__ahead_is(p, i, SB_TOKEN_LPAREN);
}

static sb_status parse_call(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;
    sb_bytes name;

    if (sb_parse__is_keyword(p, SB_KEYWORD_COUNT) && sb_parse__ahead_is(p, 2, SB_TOKEN_STAR)) {
        for (int i = 0; i < 3; i++)
            sb_parse__advance(p);
        SB_TRY(sb_parse__expect(p, SB_TOKEN_RPAREN));
        SB_TRY(sb_parse__new(p, SB_EXPR_COUNT_STAR, 0, e));
        return sb_parse__finish(p, first, *e);
    }
    SB_TRY(sb_parse__dotted_name(p, "a function", &name));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_LPAREN));
    SB_TRY(sb_parse__new(p, SB_EXPR_CALL, 0, e));
    (*e)->name = name;
    if (sb_parse__is_keyword(p, SB_KEYWORD_DISTINCT) &&
        sb_parse__starts_expr(sb_parse__ahead(p, 1))) {
        sb_parse__advance(p);
        (*e)->distinct = true;
    }
    SB_TRY(sb_parse__expr_list(p, SB_TOKEN_RPAREN, &(*e)->args, &(*e)->arg_count));
    return sb_parse__finish(p, first, *e);
}

/* Is the token FROM of trim(), or a name: a.from + 'b'? */
static bool is_trim_from(const sb_token *token)
{
    return token->kind == SB_TOKEN_NAME && token->keyword == SB_KEYWORD_FROM &&
           sb_parse__starts_expr(&token[1]) && token[-1].kind != SB_TOKEN_DOT &&
           token[-1].kind != SB_TOKEN_PLUS && token[-1].kind != SB_TOKEN_BARBAR;
}

/* trim([BOTH | LEADING | TRAILING] [characters] FROM text): the function of each end, its arguments turned round. */
static bool at_trim_from(const sb_parser *p)
{
    const unsigned where = sb_parse__ahead(p, 2)->keyword;

    if (!sb_parse__ahead_is(p, 1, SB_TOKEN_LPAREN)) return false;
    if (sb_parse__ahead_is(p, 2, SB_TOKEN_NAME) &&
        (where == SB_KEYWORD_BOTH || where == SB_KEYWORD_LEADING || where == SB_KEYWORD_TRAILING) &&
        sb_parse__starts_expr(sb_parse__ahead(p, 3)))
        return true;
    /* FROM within these parentheses */
    const uint32_t end = sb_parse__ahead(p, 1)->partner;
    for (uint32_t i = p->at + 2; end != SB_NO_PARTNER && i < end; i++) {
        if (p->tokens[i].partner != SB_NO_PARTNER && p->tokens[i].partner > i)
            i = p->tokens[i].partner;
        else if (p->tokens[i].kind == SB_TOKEN_COMMA)
            return false;
        else if (i + 1 < end && is_trim_from(&p->tokens[i]))
            return true;
    }
    return false;
}

static sb_status parse_trim(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;
    const bool bar_ends = sb_parse__open_bracket(p);
    const char *name = "btrim";
    sb_expr *characters = NULL, *text;

    sb_parse__advance(p);
    SB_TRY(sb_parse__expect(p, SB_TOKEN_LPAREN));
    if (sb_parse__starts_expr(sb_parse__ahead(p, 1))) {
        if (sb_parse__accept_keyword(p, SB_KEYWORD_LEADING))
            name = "ltrim";
        else if (sb_parse__accept_keyword(p, SB_KEYWORD_TRAILING))
            name = "rtrim";
        else
            (void)sb_parse__accept_keyword(p, SB_KEYWORD_BOTH);
    }
    if (!sb_parse__is_keyword(p, SB_KEYWORD_FROM)) SB_TRY(sb_parse__expr(p, &characters));
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_FROM));
    SB_TRY(sb_parse__expr(p, &text));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_RPAREN));
    p->bar_ends = bar_ends;
    SB_TRY(sb_parse__new(p, SB_EXPR_CALL, 0, e));
    (*e)->name = sb_bytes_of(name, strlen(name));
    SB_PARSE_PUSH(p, (*e)->args, (*e)->arg_count, text);
    if (characters != NULL) SB_PARSE_PUSH(p, (*e)->args, (*e)->arg_count, characters);
    return sb_parse__finish(p, first, *e);
}

/* normalize(text, NFD): the form as a word. */
static bool at_normalize_form(const sb_parser *p)
{
    const uint32_t end = sb_parse__ahead(p, 1)->partner;

    if (!sb_parse__ahead_is(p, 1, SB_TOKEN_LPAREN) || end == SB_NO_PARTNER || end < p->at + 5)
        return false;
    const sb_token *form = &p->tokens[end - 1];
    return p->tokens[end - 2].kind == SB_TOKEN_COMMA && form->kind == SB_TOKEN_NAME &&
           (form->keyword == SB_KEYWORD_NFC || form->keyword == SB_KEYWORD_NFD ||
            form->keyword == SB_KEYWORD_NFKC || form->keyword == SB_KEYWORD_NFKD);
}

static sb_status parse_normalize(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;
    const bool bar_ends = sb_parse__open_bracket(p);
    sb_expr *text, *form;

    sb_parse__advance(p);
    SB_TRY(sb_parse__expect(p, SB_TOKEN_LPAREN));
    SB_TRY(sb_parse__expr(p, &text));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_COMMA));
    const uint32_t at = p->at;
    SB_TRY(sb_parse__new(p, SB_EXPR_STRING, 0, &form));
    SB_TRY(sb_parse__name(p, "a normal form", &form->name));
    SB_TRY(sb_parse__finish(p, at, form));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_RPAREN));
    p->bar_ends = bar_ends;
    SB_TRY(sb_parse__new(p, SB_EXPR_CALL, 0, e));
    (*e)->name = sb_bytes_of("normalize", strlen("normalize"));
    SB_PARSE_PUSH(p, (*e)->args, (*e)->arg_count, text);
    SB_PARSE_PUSH(p, (*e)->args, (*e)->arg_count, form);
    return sb_parse__finish(p, first, *e);
}

static sb_status parse_variable(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;

    SB_TRY(sb_parse__new(p, SB_EXPR_VAR, 0, e));
    SB_TRY(sb_parse__name(p, "a variable", &(*e)->name));
    return sb_parse__finish(p, first, *e);
}

static sb_status parse_subquery(sb_parser *p, sb_expr_kind kind, sb_expr **e)
{
    const uint32_t first = p->at;
    const bool bar_ends = sb_parse__open_bracket(p);

    sb_parse__advance(p);
    SB_TRY(sb_parse__new(p, kind, 0, e));
    SB_TRY(sb_parse__subquery(p, kind != SB_EXPR_COLLECT, &(*e)->query));
    p->bar_ends = bar_ends;
    return sb_parse__finish(p, first, *e);
}

static sb_status parse_shortest(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;
    const bool bar_ends = sb_parse__open_bracket(p);

    SB_TRY(sb_parse__new(p, SB_EXPR_SHORTEST, 0, e));
    SB_TRY(sb_parse__shortest(p, &(*e)->pattern));
    p->bar_ends = bar_ends;
    return sb_parse__finish(p, first, *e);
}

/* quantifier(x IN */
static bool at_quantifier(const sb_parser *p)
{
    return sb_parse__ahead_is(p, 1, SB_TOKEN_LPAREN) && sb_parse__is_name(sb_parse__ahead(p, 2)) &&
           sb_parse__ahead_is_keyword(p, 3, SB_KEYWORD_IN);
}

/* The forms that begin with a keyword; *found false, nothing consumed, when the word is a name here. */
static sb_status parse_keyword_atom(sb_parser *p, sb_expr **e, bool *found)
{
    const unsigned keyword = sb_parse__token(p)->keyword;
    const bool brace = sb_parse__ahead_is(p, 1, SB_TOKEN_LBRACE);

    *found = true;
    switch (keyword) {
    case SB_KEYWORD_NULL: return parse_word(p, SB_EXPR_NULL, false, e);
    case SB_KEYWORD_TRUE: return parse_word(p, SB_EXPR_BOOL, true, e);
    case SB_KEYWORD_FALSE: return parse_word(p, SB_EXPR_BOOL, false, e);
    case SB_KEYWORD_CASE:
        if (!sb_parse__starts_expr(sb_parse__ahead(p, 1)) ||
            sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_AS))
            break;
        return parse_case(p, e);
    case SB_KEYWORD_EXISTS:
        if (!brace) break;
        return parse_subquery(p, SB_EXPR_EXISTS, e);
    case SB_KEYWORD_COUNT:
        if (!brace) break;
        return parse_subquery(p, SB_EXPR_COUNT, e);
    case SB_KEYWORD_COLLECT:
        if (!brace) break;
        return parse_subquery(p, SB_EXPR_COLLECT, e);
    case SB_KEYWORD_ALL:
        if (!at_quantifier(p)) break;
        return parse_quantifier(p, SB_ALL, e);
    case SB_KEYWORD_ANY:
        if (!at_quantifier(p)) break;
        return parse_quantifier(p, SB_ANY, e);
    case SB_KEYWORD_NONE:
        if (!at_quantifier(p)) break;
        return parse_quantifier(p, SB_NONE, e);
    case SB_KEYWORD_SINGLE:
        if (!at_quantifier(p)) break;
        return parse_quantifier(p, SB_SINGLE, e);
    case SB_KEYWORD_REDUCE:
        if (!sb_parse__ahead_is(p, 1, SB_TOKEN_LPAREN) ||
            !sb_parse__is_name(sb_parse__ahead(p, 2)) || !sb_parse__ahead_is(p, 3, SB_TOKEN_EQ))
            break;
        return parse_reduce(p, e);
    case SB_KEYWORD_TRIM:
        if (!at_trim_from(p)) break;
        return parse_trim(p, e);
    case SB_KEYWORD_NORMALIZE:
        if (!at_normalize_form(p)) break;
        return parse_normalize(p, e);
    case SB_KEYWORD_SHORTESTPATH:
    case SB_KEYWORD_ALLSHORTESTPATHS:
        if (!sb_parse__is_shortest(p)) break;
        return parse_shortest(p, e);
    default: break;
    }
    *found = false;
    return SB_OK;
}

/* ---- Atoms --------------------------------------------------------------------------------------------------------- */

static sb_status parse_name_atom(sb_parser *p, sb_expr **e)
{
    bool found;

    SB_TRY(parse_keyword_atom(p, e, &found));
    if (found) return SB_OK;
    return at_call(p) ? parse_call(p, e) : parse_variable(p, e);
}

static sb_status parse_paren_atom(sb_parser *p, sb_expr **e)
{
    const uint32_t first = p->at;
    const bool bar_ends = sb_parse__open_bracket(p);

    SB_TRY(sb_parse__refuse_quantifier(p, p->at));
    if (sb_parse__pattern_end(p, p->at) != 0) {
        SB_TRY(sb_parse__new(p, SB_EXPR_PATTERN, 0, e));
        SB_TRY(sb_parse__plain_pattern(p, &(*e)->pattern));
        p->bar_ends = bar_ends;
        return sb_parse__finish(p, first, *e);
    }
    sb_parse__advance(p);
    SB_TRY(sb_parse__expr(p, e));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_RPAREN));
    p->bar_ends = bar_ends;
    (*e)->parenthesized = true;
    return SB_OK;
}

static sb_status parse_bracket_atom(sb_parser *p, sb_expr **e)
{
    if (at_list_comprehension(p)) return parse_list_comprehension(p, e);
    if (at_pattern_comprehension(p)) return parse_pattern_comprehension(p, e);
    return parse_list(p, e);
}

sb_status sb_parse__atom(sb_parser *p, sb_expr **e)
{
    switch (sb_parse__token(p)->kind) {
    case SB_TOKEN_INT:
    case SB_TOKEN_FLOAT: return parse_number(p, e);
    case SB_TOKEN_STRING: return parse_string(p, e);
    case SB_TOKEN_PARAM: return sb_parse__param(p, e);
    case SB_TOKEN_NAME: return parse_name_atom(p, e);
    case SB_TOKEN_QUOTED_NAME: return at_call(p) ? parse_call(p, e) : parse_variable(p, e);
    case SB_TOKEN_LPAREN: return parse_paren_atom(p, e);
    case SB_TOKEN_LBRACKET: return parse_bracket_atom(p, e);
    case SB_TOKEN_LBRACE: return sb_parse__map(p, e);
    default: sb_parse__expecting(p, "an expression"); return sb_parse__unexpected(p);
    }
}
