/* label.c — label and type expressions, and the types of IS ::. */
#include "cypher/parse/parse_priv.h"

/* ---- Labels ------------------------------------------------------------------------------------------------------ */

static sb_status parse_or(sb_parser *p, bool colons, const sb_label_expr **labels);

static sb_status make_label(sb_parser *p, uint32_t first, sb_label_op op, const sb_label_expr *left,
                            const sb_label_expr *right, const sb_label_expr **labels)
{
    sb_label_expr *made;

    SB_TRY(sb_parse__alloc(p, sizeof *made, &made));
    made->op = op;
    made->left = left;
    made->right = right;
    made->span = sb_parse__span_from(p, first);
    *labels = made;
    return SB_OK;
}

/* $(e), $all(e), $any(e) */
static bool at_dynamic(const sb_parser *p)
{
    const sb_token *token = sb_parse__token(p);

    if (token->kind == SB_TOKEN_DOLLAR) return true;
    return token->kind == SB_TOKEN_PARAM && sb_parse__ahead_is(p, 1, SB_TOKEN_LPAREN);
}

sb_status sb_parse__dynamic(sb_parser *p, bool *found, bool *any, sb_expr **e)
{
    const sb_token *token = sb_parse__token(p);

    *found = at_dynamic(p);
    *any = false;
    if (!*found) return SB_OK;
    if (token->kind == SB_TOKEN_PARAM) {
        const sb_bytes word = sb_bytes_of(p->text.data + token->span.start + 1,
                                          token->span.end - token->span.start - 1);

        *any = sb_bytes_equal(word, sb_bytes_of("any", 3));
        if (!*any && !sb_bytes_equal(word, sb_bytes_of("all", 3))) {
            sb_parse__expecting(p, "$(, $all( or $any(");
            return sb_parse__unexpected(p);
        }
    }
    sb_parse__advance(p);
    SB_TRY(sb_parse__expect(p, SB_TOKEN_LPAREN));
    const bool bar_ends = sb_parse__open_bracket(p);
    SB_TRY(sb_parse__expr(p, e));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_RPAREN));
    p->bar_ends = bar_ends;
    return SB_OK;
}

static sb_status parse_label_atom(sb_parser *p, bool colons, const sb_label_expr **labels)
{
    const uint32_t first = p->at;
    sb_label_expr *name;

    if (sb_parse__accept(p, SB_TOKEN_BANG)) {
        SB_TRY(sb_parse__enter(p));
        SB_TRY(parse_label_atom(p, colons, labels));
        sb_parse__leave(p);
        return make_label(p, first, SB_LABEL_NOT, *labels, NULL, labels);
    }
    if (sb_parse__accept(p, SB_TOKEN_PERCENT))
        return make_label(p, first, SB_LABEL_ANY, NULL, NULL, labels);
    if (sb_parse__accept(p, SB_TOKEN_LPAREN)) {
        const bool bar_ends = sb_parse__open_bracket(p);
        SB_TRY(sb_parse__enter(p));
        SB_TRY(parse_or(p, colons, labels));
        sb_parse__leave(p);
        p->bar_ends = bar_ends;
        return sb_parse__expect(p, SB_TOKEN_RPAREN);
    }
    bool dynamic;
    SB_TRY(sb_parse__alloc(p, sizeof *name, &name));
    SB_TRY(sb_parse__dynamic(p, &dynamic, &name->any, &name->expr));
    name->op = dynamic ? SB_LABEL_DYNAMIC : SB_LABEL_NAME;
    if (!dynamic) SB_TRY(sb_parse__name(p, "a label or type", &name->name));
    name->span = sb_parse__span_from(p, first);
    *labels = name;
    return SB_OK;
}

/* Runs of one operator become balanced trees, so that their depth is bounded. */
static sb_status make_balanced(sb_parser *p, uint32_t first, sb_label_op op,
                               const sb_label_expr **items, uint32_t count,
                               const sb_label_expr **labels)
{
    const sb_label_expr *left, *right;

    if (count == 1) {
        *labels = items[0];
        return SB_OK;
    }
    const uint32_t half = count - count / 2;
    SB_TRY(make_balanced(p, first, op, items, half, &left));
    SB_TRY(make_balanced(p, first, op, items + half, count - half, &right));
    return make_label(p, first, op, left, right, labels);
}

static sb_status parse_and(sb_parser *p, bool colons, const sb_label_expr **labels)
{
    const uint32_t first = p->at;
    const sb_label_expr **items = NULL;
    uint32_t count = 0;

    do {
        const sb_label_expr *item;
        SB_TRY(parse_label_atom(p, colons, &item));
        SB_PARSE_PUSH(p, items, count, item);
    } while (sb_parse__accept(p, SB_TOKEN_AMPERSAND) ||
             (colons && sb_parse__accept(p, SB_TOKEN_COLON)));
    return make_balanced(p, first, SB_LABEL_AND, items, count, labels);
}

/* ---- What a '|' belongs to -------------------------------------------------------------------------------------------- */

/* So many are looked at for one '|', those between brackets not counted, lest a long text be gone through for each. */
#define BAR_TOKENS 200u

/* What tokens are part of, as far as it tells where a '|' may stand. */
typedef enum bar_mode { MODE_NONE, MODE_LABELS, MODE_TYPES } bar_mode;

static bool is_between_labels(const sb_token *token)
{
    return token->kind == SB_TOKEN_COLON || token->kind == SB_TOKEN_BAR ||
           token->kind == SB_TOKEN_AMPERSAND || token->kind == SB_TOKEN_BANG;
}

/* Behind labels and a '|': does a label come, and nothing that labels have not? */
static bool goes_on(const sb_token *token)
{
    if (token->kind == SB_TOKEN_COLON) token++;
    if (token->kind == SB_TOKEN_NAME || token->kind == SB_TOKEN_QUOTED_NAME)
        return token[1].kind != SB_TOKEN_DOT && token[1].kind != SB_TOKEN_LPAREN &&
               token[1].kind != SB_TOKEN_LBRACKET && token[1].kind != SB_TOKEN_LBRACE;
    return token->kind == SB_TOKEN_BANG || token->kind == SB_TOKEN_PERCENT ||
           token->kind == SB_TOKEN_LPAREN || token->kind == SB_TOKEN_DOLLAR ||
           token->kind == SB_TOKEN_PARAM;
}

/* token is no bracket and no '|'. */
static bar_mode mode_behind(const sb_token *token, bar_mode mode)
{
    const bool named = mode != MODE_NONE && is_between_labels(token - 1);

    switch (token->kind) {
    case SB_TOKEN_COLON: return mode == MODE_TYPES ? mode : MODE_LABELS;
    case SB_TOKEN_COLONCOLON: return MODE_TYPES;
    case SB_TOKEN_NAME:
        if (!named && (token->keyword == SB_KEYWORD_IS || token->keyword == SB_KEYWORD_TYPED))
            return MODE_TYPES;
        return mode == MODE_LABELS && !named ? MODE_NONE : mode;
    case SB_TOKEN_QUOTED_NAME:
    case SB_TOKEN_AMPERSAND:
    case SB_TOKEN_BANG:
    case SB_TOKEN_PERCENT:
    case SB_TOKEN_DOLLAR:
    case SB_TOKEN_PARAM:
    case SB_TOKEN_LT:
    case SB_TOKEN_GT: return mode;
    default: return MODE_NONE;
    }
}

/* At a '|' that could end the expression: is it between labels or types all the same? It is when there is one more in these brackets that
 * what follows this one could not have, had it ended the expression: [x IN l WHERE x:A|B AND x.k | x.n]. */
static bool is_inner_bar(const sb_parser *p)
{
    bar_mode mode = MODE_NONE;
    uint32_t cases = 0; /* CASE … END that we are in */

    if (!sb_parse__is(p, SB_TOKEN_BAR)) return false;
    for (uint32_t i = p->at + 1, seen = 0; i < p->token_count && seen < BAR_TOKENS; i++, seen++) {
        const sb_token *token = &p->tokens[i];
        const bool named = mode != MODE_NONE && is_between_labels(token - 1);

        switch (token->kind) {
        case SB_TOKEN_LPAREN:
        case SB_TOKEN_LBRACKET:
        case SB_TOKEN_LBRACE:
            if (token->partner == SB_NO_PARTNER) return false;
            if (token->kind != SB_TOKEN_LPAREN) mode = MODE_NONE;
            i = token->partner;
            break;
        case SB_TOKEN_RPAREN:
        case SB_TOKEN_RBRACKET:
        case SB_TOKEN_RBRACE: return false;
        case SB_TOKEN_BAR:
            if (cases == 0 && (mode == MODE_NONE || (mode == MODE_LABELS && !goes_on(token + 1))))
                return true;
            break;
        default:
            if (token->kind == SB_TOKEN_NAME && !named) {
                cases += token->keyword == SB_KEYWORD_CASE;
                cases -= token->keyword == SB_KEYWORD_END && cases != 0;
            }
            mode = mode_behind(token, mode);
            break;
        }
    }
    return false;
}

/* Another label or type behind a '|'. */
static bool accept_bar(sb_parser *p)
{
    return (!p->bar_ends || is_inner_bar(p)) && sb_parse__accept(p, SB_TOKEN_BAR);
}

/* ---- Choices ---------------------------------------------------------------------------------------------------------- */

static sb_status parse_or(sb_parser *p, bool colons, const sb_label_expr **labels)
{
    const uint32_t first = p->at;
    const sb_label_expr **items = NULL;
    uint32_t count = 0;

    for (;;) {
        const sb_label_expr *item;
        SB_TRY(parse_and(p, colons, &item));
        SB_PARSE_PUSH(p, items, count, item);
        if (!accept_bar(p)) break;
        (void)sb_parse__accept(p, SB_TOKEN_COLON); /* the old form :A|:B */
    }
    return make_balanced(p, first, SB_LABEL_OR, items, count, labels);
}

sb_status sb_parse__labels(sb_parser *p, bool colons, const sb_label_expr **labels)
{
    return parse_or(p, colons, labels);
}

bool sb_label_is_choice(const sb_label_expr *types)
{
    return types == NULL || types->op == SB_LABEL_NAME ||
           (types->op == SB_LABEL_OR && sb_label_is_choice(types->left) &&
            sb_label_is_choice(types->right));
}

/* The expressions of dynamic labels become args of e. */
static sb_status take_dynamic(sb_parser *p, const sb_label_expr *labels, sb_expr *e)
{
    if (labels == NULL) return SB_OK;
    if (labels->op == SB_LABEL_DYNAMIC) {
        ((sb_label_expr *)(uintptr_t)labels)->arg = e->arg_count; /* it is this parser's */
        SB_PARSE_PUSH(p, e->args, e->arg_count, labels->expr);
    }
    SB_TRY(take_dynamic(p, labels->left, e));
    return take_dynamic(p, labels->right, e);
}

sb_status sb_parse__has_labels(sb_parser *p, uint32_t first, bool colons, sb_expr *of, sb_expr **e)
{
    SB_TRY(sb_parse__new(p, SB_EXPR_HAS_LABELS, 0, e));
    SB_PARSE_PUSH(p, (*e)->args, (*e)->arg_count, of);
    SB_TRY(sb_parse__labels(p, colons, &(*e)->labels));
    SB_TRY(take_dynamic(p, (*e)->labels, *e));
    return sb_parse__finish(p, first, *e);
}

/* ---- Types ------------------------------------------------------------------------------------------------------- */

typedef struct type_row {
    uint16_t words[3]; /* keywords; the rest is SB_NO_KEYWORD */
    uint32_t kinds;
} type_row;

#define KINDS_OF_PROPERTIES                                                                        \
    ((uint32_t)SB_KIND_ANY & ~((uint32_t)SB_KIND_MAP | SB_KIND_NODE | SB_KIND_REL | SB_KIND_PATH))

/* What lists of properties may hold. */
static const sb_type_spec ITEMS_OF_PROPERTIES = {.kinds = KINDS_OF_PROPERTIES &
                                                          ~((uint32_t)SB_KIND_NULL | SB_KIND_LIST)};

/* Longer forms before those that they begin with. */
static const type_row TYPE_ROWS[] = {
    {{SB_KEYWORD_NOTHING}, 0},
    {{SB_KEYWORD_NULL}, SB_KIND_NULL},
    {{SB_KEYWORD_BOOLEAN}, SB_KIND_BOOL},
    {{SB_KEYWORD_BOOL}, SB_KIND_BOOL},
    {{SB_KEYWORD_STRING}, SB_KIND_STRING},
    {{SB_KEYWORD_VARCHAR}, SB_KIND_STRING},
    {{SB_KEYWORD_BYTES}, SB_KIND_BYTES},
    {{SB_KEYWORD_SIGNED, SB_KEYWORD_INTEGER}, SB_KIND_INT},
    {{SB_KEYWORD_INTEGER}, SB_KIND_INT},
    {{SB_KEYWORD_INT}, SB_KIND_INT},
    {{SB_KEYWORD_FLOAT}, SB_KIND_FLOAT},
    {{SB_KEYWORD_DATE}, SB_KIND_DATE},
    {{SB_KEYWORD_LOCAL, SB_KEYWORD_TIME}, SB_KIND_LOCAL_TIME},
    {{SB_KEYWORD_ZONED, SB_KEYWORD_TIME}, SB_KIND_TIME},
    {{SB_KEYWORD_LOCAL, SB_KEYWORD_DATETIME}, SB_KIND_LOCAL_DATETIME},
    {{SB_KEYWORD_ZONED, SB_KEYWORD_DATETIME}, SB_KIND_DATETIME},
    {{SB_KEYWORD_DURATION}, SB_KIND_DURATION},
    {{SB_KEYWORD_POINT}, SB_KIND_POINT},
    {{SB_KEYWORD_NODE}, SB_KIND_NODE},
    {{SB_KEYWORD_VERTEX}, SB_KIND_NODE},
    {{SB_KEYWORD_RELATIONSHIP}, SB_KIND_REL},
    {{SB_KEYWORD_EDGE}, SB_KIND_REL},
    {{SB_KEYWORD_MAP}, SB_KIND_MAP},
    {{SB_KEYWORD_PATH}, SB_KIND_PATH},
    {{SB_KEYWORD_PATHS}, SB_KIND_PATH},
    {{SB_KEYWORD_PROPERTY, SB_KEYWORD_VALUE}, KINDS_OF_PROPERTIES},
    {{SB_KEYWORD_ANY, SB_KEYWORD_NODE}, SB_KIND_NODE},
    {{SB_KEYWORD_ANY, SB_KEYWORD_VERTEX}, SB_KIND_NODE},
    {{SB_KEYWORD_ANY, SB_KEYWORD_RELATIONSHIP}, SB_KIND_REL},
    {{SB_KEYWORD_ANY, SB_KEYWORD_EDGE}, SB_KIND_REL},
    {{SB_KEYWORD_ANY, SB_KEYWORD_MAP}, SB_KIND_MAP},
    {{SB_KEYWORD_ANY, SB_KEYWORD_PROPERTY, SB_KEYWORD_VALUE}, KINDS_OF_PROPERTIES},
};

static sb_status parse_union(sb_parser *p, sb_type_spec *type);

/* TIME WITH TIMEZONE, TIME WITHOUT TIME ZONE: behind TIME or TIMESTAMP. */
static sb_status parse_zone(sb_parser *p, uint32_t with, uint32_t without, uint32_t *kinds)
{
    sb_parse__advance(p);
    if (sb_parse__accept_keyword(p, SB_KEYWORD_WITH)) {
        *kinds = with;
    } else {
        SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_WITHOUT));
        *kinds = without;
    }
    if (sb_parse__accept_keyword(p, SB_KEYWORD_TIMEZONE)) return SB_OK;
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_TIME));
    return sb_parse__expect_keyword(p, SB_KEYWORD_ZONE);
}

/* <A | B>, behind '<'. */
static sb_status parse_in_angles(sb_parser *p, sb_type_spec *type)
{
    const bool bar_ends = sb_parse__open_bracket(p);

    SB_TRY(parse_union(p, type));
    p->bar_ends = bar_ends;
    return sb_parse__expect(p, SB_TOKEN_GT);
}

static sb_status parse_items(sb_parser *p, const sb_type_spec **items)
{
    sb_type_spec *made;

    *items = NULL;
    if (!sb_parse__accept(p, SB_TOKEN_LT)) return SB_OK;
    SB_TRY(sb_parse__alloc(p, sizeof *made, &made));
    *items = made;
    return parse_in_angles(p, made);
}

static bool at_type(const sb_parser *p, const type_row *row)
{
    for (uint32_t i = 0; i < 3 && row->words[i] != SB_NO_KEYWORD; i++)
        if (!sb_parse__ahead_is_keyword(p, i, row->words[i])) return false;
    return true;
}

/* Without NOT NULL. */
static sb_status parse_type_name(sb_parser *p, sb_type_spec *type)
{
    type->items = NULL;
    if (sb_parse__is_keyword(p, SB_KEYWORD_LIST) || sb_parse__is_keyword(p, SB_KEYWORD_ARRAY)) {
        sb_parse__advance(p);
        type->kinds = SB_KIND_LIST;
        return parse_items(p, &type->items);
    }
    if (sb_parse__is_keyword(p, SB_KEYWORD_TIME))
        return parse_zone(p, SB_KIND_TIME, SB_KIND_LOCAL_TIME, &type->kinds);
    if (sb_parse__is_keyword(p, SB_KEYWORD_TIMESTAMP))
        return parse_zone(p, SB_KIND_DATETIME, SB_KIND_LOCAL_DATETIME, &type->kinds);
    for (size_t i = 0; i < sizeof TYPE_ROWS / sizeof TYPE_ROWS[0]; i++) {
        if (!at_type(p, &TYPE_ROWS[i])) continue;
        type->kinds = TYPE_ROWS[i].kinds;
        if (type->kinds == KINDS_OF_PROPERTIES) type->items = &ITEMS_OF_PROPERTIES;
        for (uint32_t k = 0; k < 3 && TYPE_ROWS[i].words[k] != SB_NO_KEYWORD; k++)
            sb_parse__advance(p);
        return SB_OK;
    }
    if (sb_parse__accept_keyword(p, SB_KEYWORD_ANY)) { /* ANY [VALUE], ANY [VALUE]<A | B> */
        (void)sb_parse__accept_keyword(p, SB_KEYWORD_VALUE);
        type->kinds = SB_KIND_ANY;
        return sb_parse__accept(p, SB_TOKEN_LT) ? parse_in_angles(p, type) : SB_OK;
    }
    sb_parse__expecting(p, "a type");
    return sb_parse__unexpected(p);
}

static sb_status parse_not_null(sb_parser *p, bool *not_null)
{
    *not_null = sb_parse__accept(p, SB_TOKEN_BANG);
    if (*not_null || !sb_parse__accept_keyword(p, SB_KEYWORD_NOT)) return SB_OK;
    *not_null = true;
    return sb_parse__expect_keyword(p, SB_KEYWORD_NULL);
}

/* One type, its suffixes included: INTEGER, INTEGER NOT NULL, INTEGER LIST. */
static sb_status parse_suffixed(sb_parser *p, sb_type_spec *type)
{
    uint32_t entered = 1;
    bool not_null;

    SB_TRY(sb_parse__enter(p));
    SB_TRY(parse_type_name(p, type));
    const bool nothing = type->kinds == 0;
    SB_TRY(parse_not_null(p, &not_null));
    for (;;) {
        if (!nothing && !not_null) type->kinds |= SB_KIND_NULL;
        if (not_null) type->kinds &= ~(uint32_t)SB_KIND_NULL;
        if (!sb_parse__accept_keyword(p, SB_KEYWORD_LIST) &&
            !sb_parse__accept_keyword(p, SB_KEYWORD_ARRAY))
            break;
        sb_type_spec *items;
        SB_TRY(sb_parse__enter(p));
        entered++;
        SB_TRY(sb_parse__alloc(p, sizeof *items, &items));
        *items = *type;
        *type = (sb_type_spec){.kinds = SB_KIND_LIST, .items = items};
        SB_TRY(parse_not_null(p, &not_null));
    }
    while (entered-- > 0)
        sb_parse__leave(p);
    return SB_OK;
}

/* A | B; of two lists the items are put together. */
static sb_status merge_types(sb_parser *p, sb_type_spec *type, const sb_type_spec *other)
{
    const bool both = (type->kinds & other->kinds & SB_KIND_LIST) != 0;

    if (!both) {
        if (other->items != NULL) type->items = other->items;
    } else if (type->items == NULL || other->items == NULL) {
        type->items = NULL;
    } else {
        sb_type_spec *merged;
        SB_TRY(sb_parse__alloc(p, sizeof *merged, &merged));
        *merged = *type->items;
        SB_TRY(merge_types(p, merged, other->items));
        type->items = merged;
    }
    type->kinds |= other->kinds;
    return SB_OK;
}

static sb_status parse_union(sb_parser *p, sb_type_spec *type)
{
    SB_TRY(parse_suffixed(p, type));
    while (accept_bar(p)) {
        sb_type_spec other;
        SB_TRY(parse_suffixed(p, &other));
        SB_TRY(merge_types(p, type, &other));
    }
    return SB_OK;
}

sb_status sb_parse__type(sb_parser *p, const sb_type_spec **type)
{
    sb_type_spec *made;

    SB_TRY(sb_parse__alloc(p, sizeof *made, &made));
    SB_TRY(parse_union(p, made));
    *type = made;
    return SB_OK;
}
