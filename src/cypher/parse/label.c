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
        const bool bar_ends = p->bar_ends;
        p->bar_ends = false;
        SB_TRY(sb_parse__enter(p));
        SB_TRY(parse_or(p, colons, labels));
        sb_parse__leave(p);
        p->bar_ends = bar_ends;
        return sb_parse__expect(p, SB_TOKEN_RPAREN);
    }
    SB_TRY(sb_parse__alloc(p, sizeof *name, &name));
    name->op = SB_LABEL_NAME;
    SB_TRY(sb_parse__name(p, "a label or type", &name->name));
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

static sb_status parse_or(sb_parser *p, bool colons, const sb_label_expr **labels)
{
    const uint32_t first = p->at;
    const sb_label_expr **items = NULL;
    uint32_t count = 0;

    for (;;) {
        const sb_label_expr *item;
        SB_TRY(parse_and(p, colons, &item));
        SB_PARSE_PUSH(p, items, count, item);
        if (p->bar_ends || !sb_parse__accept(p, SB_TOKEN_BAR)) break;
        (void)sb_parse__accept(p, SB_TOKEN_COLON); /* the old form :A|:B */
    }
    return make_balanced(p, first, SB_LABEL_OR, items, count, labels);
}

sb_status sb_parse__labels(sb_parser *p, bool colons, const sb_label_expr **labels)
{
    return parse_or(p, colons, labels);
}

/* ---- Types ------------------------------------------------------------------------------------------------------- */

typedef struct type_row {
    uint16_t words[3]; /* keywords; the rest is SB_NO_KEYWORD */
    uint32_t kinds;
} type_row;

#define KINDS_OF_PROPERTIES                                                                        \
    ((uint32_t)SB_KIND_ANY & ~((uint32_t)SB_KIND_MAP | SB_KIND_NODE | SB_KIND_REL | SB_KIND_PATH))

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
    {{SB_KEYWORD_PROPERTY, SB_KEYWORD_VALUE}, KINDS_OF_PROPERTIES},
    {{SB_KEYWORD_ANY, SB_KEYWORD_VALUE}, SB_KIND_ANY},
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

static sb_status parse_items(sb_parser *p, const sb_type_spec **items)
{
    sb_type_spec *made;

    *items = NULL;
    if (!sb_parse__accept(p, SB_TOKEN_LT)) return SB_OK;
    SB_TRY(sb_parse__alloc(p, sizeof *made, &made));
    SB_TRY(parse_union(p, made));
    *items = made;
    return sb_parse__expect(p, SB_TOKEN_GT);
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
        for (uint32_t k = 0; k < 3 && TYPE_ROWS[i].words[k] != SB_NO_KEYWORD; k++)
            sb_parse__advance(p);
        return SB_OK;
    }
    if (sb_parse__accept_keyword(p, SB_KEYWORD_ANY)) { /* ANY, ANY<A | B> */
        type->kinds = SB_KIND_ANY;
        if (!sb_parse__accept(p, SB_TOKEN_LT)) return SB_OK;
        SB_TRY(parse_union(p, type));
        return sb_parse__expect(p, SB_TOKEN_GT);
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
    while (!p->bar_ends && sb_parse__accept(p, SB_TOKEN_BAR)) {
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
