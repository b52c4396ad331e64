/* pattern.c — patterns: nodes, relationships, quantified parts, selectors.
 *
 *   part        [name =] [selector] chain | [name =] shortestPath( chain )
 *   chain       node (rel node | ((chain) quantifier) [node])*
 *
 * A chain that begins with, or has next to each other, quantified parts gets anonymous nodes, so that nodes and steps always alternate. A
 * relationship with a quantifier, -[r:R]->{1,3}, is one of variable length, unless it has a WHERE or an expression of types, which are about
 * one repetition: then it is a quantified part of its own. */
#include "cypher/parse/parse_priv.h"

/* ---- Looking ahead ------------------------------------------------------------------------------------------------- */

/* n IS …: a label, or the test of an expression in parentheses? */
static bool is_label_behind_is(const sb_token *token)
{
    switch (token->kind) {
    case SB_TOKEN_COLONCOLON: return false;
    case SB_TOKEN_NAME:
        switch (token->keyword) {
        case SB_KEYWORD_NULL:
        case SB_KEYWORD_NOT:
        case SB_KEYWORD_TYPED:
        case SB_KEYWORD_NORMALIZED:
        case SB_KEYWORD_NFC:
        case SB_KEYWORD_NFD:
        case SB_KEYWORD_NFKC:
        case SB_KEYWORD_NFKD: return false;
        default: return true;
        }
    default: return true;
    }
}

/* Is the token, the first in ( ) or [ ], the name of what is there? WHERE and IS are names when nothing follows that they could begin. */
static bool is_filler_name(const sb_token *token)
{
    const sb_token *next = &token[1];

    if (!sb_parse__is_name(token)) return false;
    if (token->kind == SB_TOKEN_NAME && token->keyword == SB_KEYWORD_WHERE)
        return !sb_parse__starts_expr(next);
    if (token->kind == SB_TOKEN_NAME && token->keyword == SB_KEYWORD_IS)
        return !sb_parse__is_name(next) && next->kind != SB_TOKEN_BANG &&
               next->kind != SB_TOKEN_PERCENT && next->kind != SB_TOKEN_LPAREN &&
               next->kind != SB_TOKEN_DOLLAR &&
               !(next->kind == SB_TOKEN_PARAM && next[1].kind == SB_TOKEN_LPAREN);
    return true;
}

/* {} or {key: */
static bool starts_map(const sb_token *token)
{
    if (token[1].kind == SB_TOKEN_RBRACE) return true;
    return sb_parse__is_name(&token[1]) && token[2].kind == SB_TOKEN_COLON;
}

/* Could what begins at token i be the inside of a node or relationship that ends at token `end`? How it begins decides; that it is one to
 * its end is for the rule to say. */
static bool starts_filler(const sb_parser *p, uint32_t i, uint32_t end)
{
    const sb_token *token = &p->tokens[i];

    if (is_filler_name(token)) token++;
    switch (token->kind) {
    case SB_TOKEN_RPAREN:
    case SB_TOKEN_RBRACKET:
    case SB_TOKEN_COLON:
    case SB_TOKEN_PARAM: return true;
    case SB_TOKEN_LBRACE:
        return token->partner != SB_NO_PARTNER && token->partner < end && starts_map(token);
    case SB_TOKEN_NAME:
        return token->keyword == SB_KEYWORD_WHERE ||
               (token->keyword == SB_KEYWORD_IS && is_label_behind_is(&token[1]));
    default: return false;
    }
}

/* Does a node pattern stand at token i? The index behind it, or 0. */
static uint32_t node_end(const sb_parser *p, uint32_t i)
{
    const sb_token *token = &p->tokens[i];

    if (token->kind != SB_TOKEN_LPAREN || token->partner == SB_NO_PARTNER) return 0;
    return starts_filler(p, i + 1, token->partner) ? token->partner + 1 : 0;
}

/* The same for what is in the brackets of a relationship, where bounds may stand, too. */
static uint32_t detail_end(const sb_parser *p, uint32_t i)
{
    const sb_token *token = &p->tokens[i];
    const uint32_t first = i + (is_filler_name(&token[1]) ? 2 : 1);

    if (token->partner == SB_NO_PARTNER) return 0;
    if (p->tokens[first].kind != SB_TOKEN_STAR && !starts_filler(p, i + 1, token->partner))
        return 0;
    return token->partner + 1;
}

/* The same for a relationship: -- --> <-- <--> and these with brackets. */
static uint32_t rel_end(const sb_parser *p, uint32_t i)
{
    if (p->tokens[i].kind == SB_TOKEN_LT) i++;
    if (p->tokens[i].kind != SB_TOKEN_MINUS) return 0;
    i++;
    if (p->tokens[i].kind == SB_TOKEN_LBRACKET) {
        i = detail_end(p, i);
        if (i == 0) return 0;
    }
    if (p->tokens[i].kind != SB_TOKEN_MINUS) return 0;
    i++;
    if (p->tokens[i].kind == SB_TOKEN_GT) i++;
    return i;
}

uint32_t sb_parse__pattern_end(const sb_parser *p, uint32_t i)
{
    uint32_t end, rel, node;

    if (i >= p->token_count) return 0;
    end = node_end(p, i);
    if (end == 0) return 0;
    rel = rel_end(p, end);
    node = rel != 0 ? node_end(p, rel) : 0;
    if (node == 0) return 0;
    while (node != 0) {
        end = node;
        rel = rel_end(p, end);
        node = rel != 0 ? node_end(p, rel) : 0;
    }
    return end;
}

/* {1,3}, + or *: after an arrow, none of them goes on with an expression. */
static bool starts_quantifier(const sb_token *token)
{
    return token->kind == SB_TOKEN_PLUS || token->kind == SB_TOKEN_STAR ||
           (token->kind == SB_TOKEN_LBRACE &&
            (token[1].kind == SB_TOKEN_INT || token[1].kind == SB_TOKEN_COMMA));
}

sb_status sb_parse__refuse_quantifier(sb_parser *p, uint32_t i)
{
    uint32_t end = node_end(p, i), rel;

    while (end != 0 && (rel = rel_end(p, end)) != 0) {
        if (p->tokens[rel - 1].kind == SB_TOKEN_GT && starts_quantifier(&p->tokens[rel]))
            return sb_cypher_fail(p->err, p->text, p->tokens[rel].span, SB_CYPHER_UNEXPECTED_SYNTAX,
                                  "a pattern as a value has no quantifier: write EXISTS { … }, "
                                  "COUNT { … } or COLLECT { MATCH … RETURN … }");
        end = node_end(p, rel);
    }
    return SB_OK;
}

bool sb_parse__is_shortest(const sb_parser *p)
{
    return (sb_parse__is_keyword(p, SB_KEYWORD_SHORTESTPATH) ||
            sb_parse__is_keyword(p, SB_KEYWORD_ALLSHORTESTPATHS)) &&
           sb_parse__ahead_is(p, 1, SB_TOKEN_LPAREN) && sb_parse__ahead_is(p, 2, SB_TOKEN_LPAREN);
}

/* Is a '(' the beginning of a part in parentheses, and not of a node? */
static bool at_group(const sb_parser *p)
{
    return sb_parse__is(p, SB_TOKEN_LPAREN) &&
           (sb_parse__ahead_is(p, 1, SB_TOKEN_LPAREN) ||
            (sb_parse__is_name(sb_parse__ahead(p, 1)) && sb_parse__ahead_is(p, 2, SB_TOKEN_EQ)));
}

/* ---- What nodes and relationships share ------------------------------------------------------------------------------- */

/* What may stand in ( ) or [ ]. */
typedef struct filler {
    sb_bytes name;
    const sb_label_expr *labels;
    sb_expr *props, *where;
} filler;

static sb_status parse_filler_labels(sb_parser *p, bool colons, filler *out)
{
    if (sb_parse__accept(p, SB_TOKEN_COLON)) return sb_parse__labels(p, colons, &out->labels);
    if (sb_parse__accept_keyword(p, SB_KEYWORD_IS)) return sb_parse__labels(p, false, &out->labels);
    return SB_OK;
}

static sb_status parse_filler_props(sb_parser *p, filler *out)
{
    if (sb_parse__is(p, SB_TOKEN_LBRACE)) return sb_parse__map(p, &out->props);
    if (sb_parse__is(p, SB_TOKEN_PARAM)) return sb_parse__param(p, &out->props);
    sb_parse__expecting(p, "{properties}");
    return SB_OK;
}

/* ---- Nodes ----------------------------------------------------------------------------------------------------------- */

static sb_status parse_node(sb_parser *p, sb_node_pattern **node)
{
    const uint32_t first = p->at;
    const bool bar_ends = sb_parse__open_bracket(p);
    filler parts = {0};

    SB_TRY(sb_parse__expect(p, SB_TOKEN_LPAREN));
    if (is_filler_name(sb_parse__token(p))) SB_TRY(sb_parse__name(p, "a variable", &parts.name));
    SB_TRY(parse_filler_labels(p, true, &parts));
    SB_TRY(parse_filler_props(p, &parts));
    SB_TRY(sb_parse__where(p, &parts.where));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_RPAREN));
    p->bar_ends = bar_ends;
    SB_TRY(sb_parse__alloc(p, sizeof **node, node));
    (*node)->span = sb_parse__span_from(p, first);
    (*node)->name = parts.name;
    (*node)->labels = parts.labels;
    (*node)->props = parts.props;
    (*node)->where = parts.where;
    return SB_OK;
}

static sb_status make_anonymous_node(sb_parser *p, sb_node_pattern **node)
{
    const uint32_t at = sb_parse__token(p)->span.start;

    SB_TRY(sb_parse__alloc(p, sizeof **node, node));
    (*node)->span = (sb_span){at, at};
    return SB_OK;
}

/* ---- Bounds ---------------------------------------------------------------------------------------------------------- */

/* A bound that does not fit is none: no path has so many relationships. */
static uint32_t take_bound(sb_parser *p)
{
    const uint64_t value = sb_parse__token(p)->value.integer;

    sb_parse__advance(p);
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

/* Behind '*': nothing, 2, 1.., ..3, 1..3 */
static void parse_range(sb_parser *p, uint32_t *min, uint32_t *max)
{
    bool given = false;

    *min = 1;
    *max = UINT32_MAX;
    if (sb_parse__is(p, SB_TOKEN_INT)) {
        *min = take_bound(p);
        given = true;
    }
    if (!sb_parse__accept(p, SB_TOKEN_DOTDOT)) {
        if (given) *max = *min;
        return;
    }
    if (sb_parse__is(p, SB_TOKEN_INT)) *max = take_bound(p);
}

/* + * {2} {1,3} {,3} {1,}; *found false when there is none. */
static sb_status parse_quantifier(sb_parser *p, uint32_t *min, uint32_t *max, bool *found)
{
    *min = 0;
    *max = UINT32_MAX;
    *found = true;
    if (sb_parse__accept(p, SB_TOKEN_STAR)) return SB_OK;
    if (sb_parse__accept(p, SB_TOKEN_PLUS)) {
        *min = 1;
        return SB_OK;
    }
    *found = sb_parse__accept(p, SB_TOKEN_LBRACE);
    if (!*found) return SB_OK;
    const bool given = sb_parse__is(p, SB_TOKEN_INT);
    if (given) *min = take_bound(p);
    if (sb_parse__accept(p, SB_TOKEN_COMMA)) {
        if (sb_parse__is(p, SB_TOKEN_INT)) *max = take_bound(p);
    } else if (given) {
        *max = *min;
    } else {
        sb_parse__expecting(p, "an integer");
        return sb_parse__unexpected(p);
    }
    return sb_parse__expect(p, SB_TOKEN_RBRACE);
}

/* ---- Relationships ----------------------------------------------------------------------------------------------------- */

/* What is in the brackets. */
static sb_status parse_rel_detail(sb_parser *p, sb_rel_pattern *rel)
{
    const bool bar_ends = sb_parse__open_bracket(p);
    filler parts = {0};

    if (is_filler_name(sb_parse__token(p))) SB_TRY(sb_parse__name(p, "a variable", &parts.name));
    SB_TRY(parse_filler_labels(p, false, &parts));
    if (sb_parse__is(p, SB_TOKEN_DOTDOT))
        return sb_cypher_fail(p->err, p->text, sb_parse__token(p)->span,
                              SB_CYPHER_INVALID_RELATIONSHIP_PATTERN,
                              "bounds of a variable length stand behind '*': [:T*1..3]");
    if (sb_parse__accept(p, SB_TOKEN_STAR)) {
        rel->variable = true;
        parse_range(p, &rel->min, &rel->max);
        if (sb_parse__is(p, SB_TOKEN_MINUS) || sb_parse__is(p, SB_TOKEN_FLOAT))
            return sb_cypher_fail(p->err, p->text, sb_parse__token(p)->span,
                                  SB_CYPHER_INVALID_RELATIONSHIP_PATTERN,
                                  "bounds of a variable length are integers from 0 on");
    }
    SB_TRY(parse_filler_props(p, &parts));
    SB_TRY(sb_parse__where(p, &parts.where));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_RBRACKET));
    p->bar_ends = bar_ends;
    rel->name = parts.name;
    rel->types = parts.labels;
    rel->props = parts.props;
    rel->where = parts.where;
    return SB_OK;
}

static sb_status parse_rel(sb_parser *p, sb_rel_pattern **rel)
{
    const uint32_t first = p->at;

    SB_TRY(sb_parse__alloc(p, sizeof **rel, rel));
    const bool in = sb_parse__accept(p, SB_TOKEN_LT);
    SB_TRY(sb_parse__expect(p, SB_TOKEN_MINUS));
    if (sb_parse__accept(p, SB_TOKEN_LBRACKET)) SB_TRY(parse_rel_detail(p, *rel));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_MINUS));
    const bool out = sb_parse__accept(p, SB_TOKEN_GT);
    (*rel)->direction = in == out ? SB_REL_EITHER : in ? SB_REL_IN : SB_REL_OUT;
    (*rel)->span = sb_parse__span_from(p, first);
    return SB_OK;
}

/* ---- Chains ---------------------------------------------------------------------------------------------------------- */

static sb_status parse_chain(sb_parser *p, bool plain, sb_pattern_part *part);

static sb_status check_bounds(sb_parser *p, uint32_t first, uint32_t min, uint32_t max)
{
    if (max != 0 && min <= max) return SB_OK;
    return sb_cypher_fail(p->err, p->text, sb_parse__span_from(p, first),
                          SB_CYPHER_UNEXPECTED_SYNTAX,
                          max == 0 ? "a quantifier's upper bound is at least 1"
                                   : "a quantifier's upper bound is at least its lower bound");
}

/* -[r:R]->{1,3} */
static sb_status quantify_rel(sb_parser *p, uint32_t first, sb_step *step)
{
    sb_rel_pattern *rel = step->rel;
    uint32_t min, max;
    bool found;

    SB_TRY(parse_quantifier(p, &min, &max, &found));
    if (!found) return SB_OK;
    SB_TRY(check_bounds(p, first, min, max));
    if (rel->variable)
        return sb_cypher_fail(p->err, p->text, sb_parse__span_from(p, first),
                              SB_CYPHER_INVALID_RELATIONSHIP_PATTERN,
                              "a relationship has a '*' or a quantifier, not both");
    if (rel->where == NULL && sb_label_is_choice(rel->types)) {
        rel->variable = true;
        rel->min = min;
        rel->max = max;
        return SB_OK;
    }
    sb_quantified *made;
    SB_TRY(sb_parse__alloc(p, sizeof *made, &made));
    SB_TRY(sb_parse__alloc(p, sizeof *made->part, &made->part));
    SB_TRY(make_anonymous_node(p, &made->part->start));
    SB_TRY(sb_parse__alloc(p, sizeof *made->part->steps, &made->part->steps));
    made->part->step_count = 1;
    made->part->steps[0].rel = rel;
    SB_TRY(make_anonymous_node(p, &made->part->steps[0].node));
    made->part->selector_count = 1;
    made->part->span = rel->span;
    made->min = min;
    made->max = max;
    made->span = sb_parse__span_from(p, first);
    step->rel = NULL;
    step->quantified = made;
    return SB_OK;
}

static bool holds_quantified(const sb_pattern_part *part)
{
    for (uint32_t i = 0; i < part->step_count; i++)
        if (part->steps[i].quantified != NULL) return true;
    return false;
}

/* ((chain) WHERE …) quantifier; *quantified NULL when no quantifier follows: then part and where are what is in the parentheses. */
static sb_status parse_group(sb_parser *p, sb_quantified **quantified, sb_pattern_part **part,
                             sb_expr **where)
{
    const uint32_t first = p->at;
    uint32_t min, max;
    bool found;

    *quantified = NULL;
    SB_TRY(sb_parse__enter(p));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_LPAREN));
    if (sb_parse__is_name(sb_parse__token(p)))
        return sb_cypher_fail(p->err, p->text, sb_parse__token(p)->span,
                              SB_CYPHER_UNEXPECTED_SYNTAX,
                              "a path variable names a whole pattern, p = (a)-->(b), and no part "
                              "in parentheses");
    SB_TRY(sb_parse__alloc(p, sizeof **part, part));
    SB_TRY(parse_chain(p, false, *part));
    SB_TRY(sb_parse__where(p, where));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_RPAREN));
    sb_parse__leave(p);
    SB_TRY(parse_quantifier(p, &min, &max, &found));
    if (!found) return SB_OK;
    SB_TRY(check_bounds(p, first, min, max));
    if ((*part)->step_count == 0)
        return sb_cypher_fail(p->err, p->text, sb_parse__span_from(p, first),
                              SB_CYPHER_UNEXPECTED_SYNTAX,
                              "what a quantifier repeats has at least one relationship");
    if (holds_quantified(*part))
        return sb_cypher_fail(p->err, p->text, sb_parse__span_from(p, first),
                              SB_CYPHER_UNEXPECTED_SYNTAX,
                              "quantified parts can not stand in each other");
    SB_TRY(sb_parse__alloc(p, sizeof **quantified, quantified));
    (*quantified)->part = *part;
    (*quantified)->where = *where;
    (*quantified)->min = min;
    (*quantified)->max = max;
    (*quantified)->span = sb_parse__span_from(p, first);
    return SB_OK;
}

/* A node, or where a quantified part comes next, an anonymous one. */
static sb_status parse_step_node(sb_parser *p, bool plain, bool required, sb_node_pattern **node)
{
    const bool anonymous = !plain && at_group(p);

    if (anonymous || (!required && !sb_parse__is(p, SB_TOKEN_LPAREN)))
        return make_anonymous_node(p, node);
    return parse_node(p, node);
}

/* One step; *more false when the chain has ended. */
static sb_status parse_step(sb_parser *p, bool plain, sb_pattern_part *part, bool *more)
{
    const uint32_t first = p->at;
    sb_step step = {0};
    sb_pattern_part *inner;
    sb_expr *where;

    const bool group = !plain && at_group(p);

    *more = true;
    if (group) {
        SB_TRY(parse_group(p, &step.quantified, &inner, &where));
        if (step.quantified == NULL) return sb_parse__unexpected(p);
    } else if (sb_parse__is(p, SB_TOKEN_MINUS) || sb_parse__is(p, SB_TOKEN_LT)) {
        SB_TRY(parse_rel(p, &step.rel));
        if (!plain) SB_TRY(quantify_rel(p, first, &step));
    } else {
        sb_parse__expecting(p, "a relationship");
        *more = false;
        return SB_OK;
    }
    SB_TRY(parse_step_node(p, plain, !group, &step.node));
    SB_PARSE_PUSH(p, part->steps, part->step_count, step);
    return SB_OK;
}

/* The chain of a part, whose other fields are the caller's. */
static sb_status parse_chain(sb_parser *p, bool plain, sb_pattern_part *part)
{
    const uint32_t first = p->at;
    bool more = true;

    part->selector_count = part->selector_count == 0 ? 1 : part->selector_count;
    if (!plain && at_group(p)) {
        sb_pattern_part *inner;
        sb_step step = {0};
        sb_expr *where;
        SB_TRY(parse_group(p, &step.quantified, &inner, &where));
        if (step.quantified == NULL) { /* the whole part in parentheses */
            part->start = inner->start;
            part->steps = inner->steps;
            part->step_count = inner->step_count;
            part->where = where;
            part->span = inner->span;
            return SB_OK;
        }
        SB_TRY(make_anonymous_node(p, &part->start));
        SB_TRY(parse_step_node(p, plain, false, &step.node));
        SB_PARSE_PUSH(p, part->steps, part->step_count, step);
    } else {
        SB_TRY(parse_node(p, &part->start));
    }
    while (more)
        SB_TRY(parse_step(p, plain, part, &more));
    part->span = sb_parse__span_from(p, first);
    return SB_OK;
}

/* ---- Parts ----------------------------------------------------------------------------------------------------------- */

sb_status sb_parse__plain_pattern(sb_parser *p, sb_pattern_part **part)
{
    SB_TRY(sb_parse__alloc(p, sizeof **part, part));
    return parse_chain(p, true, *part);
}

sb_status sb_parse__shortest(sb_parser *p, sb_pattern_part **part)
{
    SB_TRY(sb_parse__alloc(p, sizeof **part, part));
    (*part)->selector = sb_parse__is_keyword(p, SB_KEYWORD_SHORTESTPATH) ? SB_PATHS_SHORTEST
                                                                         : SB_PATHS_ALL_SHORTEST;
    (*part)->selector_is_function = true;
    sb_parse__advance(p);
    SB_TRY(sb_parse__expect(p, SB_TOKEN_LPAREN));
    SB_TRY(parse_chain(p, true, *part));
    return sb_parse__expect(p, SB_TOKEN_RPAREN);
}

/* [k]: *given false when there is none. */
static sb_status parse_count(sb_parser *p, uint64_t *count, bool *given)
{
    const sb_token *token = sb_parse__token(p);

    *count = 1;
    *given = token->kind == SB_TOKEN_INT;
    if (!*given) return SB_OK;
    *count = token->value.integer;
    if (*count == 0)
        return sb_cypher_fail(p->err, p->text, token->span, SB_CYPHER_UNEXPECTED_SYNTAX,
                              "how many paths are wanted is at least 1");
    sb_parse__advance(p);
    return SB_OK;
}

static void skip_path_word(sb_parser *p)
{
    if (!sb_parse__accept_keyword(p, SB_KEYWORD_PATH))
        (void)sb_parse__accept_keyword(p, SB_KEYWORD_PATHS);
}

static sb_status parse_shortest_selector(sb_parser *p, sb_pattern_part *part)
{
    bool given;

    SB_TRY(parse_count(p, &part->selector_count, &given));
    skip_path_word(p);
    if (sb_parse__accept_keyword(p, SB_KEYWORD_GROUP) ||
        sb_parse__accept_keyword(p, SB_KEYWORD_GROUPS)) {
        part->selector =
            part->selector_count == 1 ? SB_PATHS_ALL_SHORTEST : SB_PATHS_SHORTEST_GROUPS;
    } else if (given) {
        part->selector = part->selector_count == 1 ? SB_PATHS_SHORTEST : SB_PATHS_SHORTEST_K;
    } else {
        sb_parse__expecting(p, "an integer");
        return sb_parse__unexpected(p);
    }
    return SB_OK;
}

/* ANY [k], ANY SHORTEST, ALL, ALL SHORTEST, SHORTEST k, SHORTEST k GROUPS */
static sb_status parse_selector(sb_parser *p, sb_pattern_part *part)
{
    bool given;

    part->selector_count = 1;
    if (sb_parse__accept_keyword(p, SB_KEYWORD_SHORTEST)) return parse_shortest_selector(p, part);
    const bool any = sb_parse__accept_keyword(p, SB_KEYWORD_ANY);
    if (!any && !sb_parse__accept_keyword(p, SB_KEYWORD_ALL)) return SB_OK;
    if (sb_parse__accept_keyword(p, SB_KEYWORD_SHORTEST)) {
        part->selector = any ? SB_PATHS_SHORTEST : SB_PATHS_ALL_SHORTEST;
    } else if (any) {
        part->selector = SB_PATHS_ANY;
        SB_TRY(parse_count(p, &part->selector_count, &given));
    }
    skip_path_word(p);
    return SB_OK;
}

sb_status sb_parse__pattern_part(sb_parser *p, sb_pattern_part **part)
{
    const uint32_t first = p->at;
    sb_bytes name = {0};

    if (sb_parse__is_name(sb_parse__token(p)) && sb_parse__ahead_is(p, 1, SB_TOKEN_EQ)) {
        SB_TRY(sb_parse__name(p, "a path variable", &name));
        sb_parse__advance(p);
    }
    if (sb_parse__is_shortest(p)) {
        SB_TRY(sb_parse__shortest(p, part));
    } else {
        SB_TRY(sb_parse__alloc(p, sizeof **part, part));
        SB_TRY(parse_selector(p, *part));
        if (!sb_parse__is(p, SB_TOKEN_LPAREN)) sb_parse__expecting(p, "a pattern");
        SB_TRY(parse_chain(p, false, *part));
    }
    (*part)->name = name;
    (*part)->span = sb_parse__span_from(p, first);
    return SB_OK;
}

sb_status sb_parse__pattern(sb_parser *p, sb_pattern *pattern)
{
    pattern->parts = NULL;
    pattern->part_count = 0;
    do {
        sb_pattern_part *part;
        SB_TRY(sb_parse__pattern_part(p, &part));
        SB_PARSE_PUSH(p, pattern->parts, pattern->part_count, part);
    } while (sb_parse__accept(p, SB_TOKEN_COMMA));
    return SB_OK;
}
