/* command.c — statements that are no queries: indexes, constraints, SHOW, transactions. */
#include "cypher/parse/parse_priv.h"

/* ---- Parts of schema commands ------------------------------------------------------------------------------------------ */

/* [name]; keywords that go on the command are none. */
static sb_status parse_schema_name(sb_parser *p)
{
    if (!sb_parse__is_name(sb_parse__token(p)) || sb_parse__is_keyword(p, SB_KEYWORD_IF) ||
        sb_parse__is_keyword(p, SB_KEYWORD_FOR) || sb_parse__is_keyword(p, SB_KEYWORD_ON))
        return SB_OK;
    return sb_parse__name(p, "a name", &p->statement->schema.name);
}

static sb_status parse_if_not_exists(sb_parser *p)
{
    if (!sb_parse__accept_keyword(p, SB_KEYWORD_IF)) return SB_OK;
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_NOT));
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_EXISTS));
    p->statement->schema.if_not_exists = true;
    return SB_OK;
}

static sb_status parse_if_exists(sb_parser *p)
{
    if (!sb_parse__accept_keyword(p, SB_KEYWORD_IF)) return SB_OK;
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_EXISTS));
    p->statement->schema.if_exists = true;
    return SB_OK;
}

/* variable:Name, closed by what the caller says */
static sb_status parse_entity_name(sb_parser *p, sb_bytes *variable)
{
    SB_TRY(sb_parse__name(p, "a variable", variable));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_COLON));
    return sb_parse__name(p, "a label or type", &p->statement->schema.entity);
}

/* (n:Label), ()-[r:TYPE]-(), and with an arrow */
static sb_status parse_entity(sb_parser *p, sb_bytes *variable)
{
    SB_TRY(sb_parse__expect(p, SB_TOKEN_LPAREN));
    if (!sb_parse__accept(p, SB_TOKEN_RPAREN)) {
        SB_TRY(parse_entity_name(p, variable));
        return sb_parse__expect(p, SB_TOKEN_RPAREN);
    }
    p->statement->schema.on_rels = true;
    (void)sb_parse__accept(p, SB_TOKEN_LT);
    SB_TRY(sb_parse__expect(p, SB_TOKEN_MINUS));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_LBRACKET));
    SB_TRY(parse_entity_name(p, variable));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_RBRACKET));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_MINUS));
    (void)sb_parse__accept(p, SB_TOKEN_GT);
    SB_TRY(sb_parse__expect(p, SB_TOKEN_LPAREN));
    return sb_parse__expect(p, SB_TOKEN_RPAREN);
}

/* n.key, where n is the variable of the pattern; empty variable: the key alone. */
static sb_status parse_key(sb_parser *p, sb_bytes variable)
{
    sb_bytes name;

    if (variable.size != 0) {
        const sb_span span = sb_parse__token(p)->span;
        SB_TRY(sb_parse__name(p, "a variable", &name));
        if (!sb_bytes_equal(name, variable))
            return sb_cypher_fail(p->err, p->text, span, SB_CYPHER_UNDEFINED_VARIABLE,
                                  "the variable '%.*s' is not defined: the pattern has '%.*s'",
                                  (int)name.size, (const char *)name.data, (int)variable.size,
                                  (const char *)variable.data);
        SB_TRY(sb_parse__expect(p, SB_TOKEN_DOT));
    }
    SB_TRY(sb_parse__name(p, "a property's name", &name));
    SB_PARSE_PUSH(p, p->statement->schema.keys, p->statement->schema.key_count, name);
    return SB_OK;
}

/* key or (key, …) */
static sb_status parse_keys(sb_parser *p, sb_bytes variable, bool parentheses)
{
    if (!sb_parse__accept(p, SB_TOKEN_LPAREN))
        return parentheses ? sb_parse__unexpected(p) : parse_key(p, variable);
    do {
        SB_TRY(parse_key(p, variable));
    } while (sb_parse__accept(p, SB_TOKEN_COMMA));
    return sb_parse__expect(p, SB_TOKEN_RPAREN);
}

/* [OPTIONS {}]: where other databases tell of providers there is nothing to choose. */
static sb_status parse_no_options(sb_parser *p)
{
    if (!sb_parse__accept_keyword(p, SB_KEYWORD_OPTIONS)) return SB_OK;
    SB_TRY(sb_parse__expect(p, SB_TOKEN_LBRACE));
    if (sb_parse__accept(p, SB_TOKEN_RBRACE)) return SB_OK;
    return sb_cypher_fail(p->err, p->text, sb_parse__token(p)->span, SB_CYPHER_UNEXPECTED_SYNTAX,
                          "indexes and constraints have no options: OPTIONS {}, or nothing");
}

/* ---- Indexes ------------------------------------------------------------------------------------------------------------- */

/* :Label(key, …), the old form, behind ON; :Label alone is the index of the label's nodes. */
static sb_status parse_old_index(sb_parser *p)
{
    SB_TRY(sb_parse__expect(p, SB_TOKEN_COLON));
    SB_TRY(sb_parse__name(p, "a label", &p->statement->schema.entity));
    if (!sb_parse__is(p, SB_TOKEN_LPAREN)) return SB_OK;
    return parse_keys(p, (sb_bytes){0}, true);
}

/* Behind CREATE [RANGE | TEXT | POINT] INDEX. */
static sb_status parse_create_index(sb_parser *p)
{
    sb_bytes variable;

    p->statement->kind = SB_STATEMENT_CREATE_INDEX;
    if (sb_parse__is_keyword(p, SB_KEYWORD_ON) && sb_parse__ahead_is(p, 1, SB_TOKEN_COLON)) {
        sb_parse__advance(p);
        return parse_old_index(p);
    }
    SB_TRY(parse_schema_name(p));
    SB_TRY(parse_if_not_exists(p));
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_FOR));
    SB_TRY(parse_entity(p, &variable));
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_ON));
    SB_TRY(parse_keys(p, variable, true));
    return parse_no_options(p);
}

static sb_status parse_drop_index(sb_parser *p)
{
    p->statement->kind = SB_STATEMENT_DROP_INDEX;
    if (sb_parse__is_keyword(p, SB_KEYWORD_ON) && sb_parse__ahead_is(p, 1, SB_TOKEN_COLON)) {
        sb_parse__advance(p);
        return parse_old_index(p);
    }
    SB_TRY(sb_parse__name(p, "an index's name", &p->statement->schema.name));
    return parse_if_exists(p);
}

/* ---- Constraints ---------------------------------------------------------------------------------------------------------- */

/* Behind IS: [NODE | REL | RELATIONSHIP] UNIQUE | KEY */
static sb_status parse_unique_or_key(sb_parser *p)
{
    p->statement->schema.of_nodes = sb_parse__accept_keyword(p, SB_KEYWORD_NODE);
    p->statement->schema.of_rels =
        !p->statement->schema.of_nodes && (sb_parse__accept_keyword(p, SB_KEYWORD_RELATIONSHIP) ||
                                           sb_parse__accept_keyword(p, SB_KEYWORD_REL));
    if (sb_parse__accept_keyword(p, SB_KEYWORD_UNIQUE)) {
        p->statement->schema.constraint = SB_CONSTRAINT_UNIQUE;
        return SB_OK;
    }
    p->statement->schema.constraint = SB_CONSTRAINT_KEY;
    return sb_parse__expect_keyword(p, SB_KEYWORD_KEY);
}

/* Behind :: or TYPED. */
static sb_status parse_property_type(sb_parser *p)
{
    const uint32_t first = p->at;

    p->statement->schema.constraint = SB_CONSTRAINT_TYPED;
    SB_TRY(sb_parse__type(p, &p->statement->schema.type));
    p->statement->schema.type_span = sb_parse__span_from(p, first);
    return SB_OK;
}

/* Behind REQUIRE or ASSERT. */
static sb_status parse_requirement(sb_parser *p, sb_bytes variable)
{
    /* the old form exists(n.key) */
    if (sb_parse__is_keyword(p, SB_KEYWORD_EXISTS) && sb_parse__ahead_is(p, 1, SB_TOKEN_LPAREN)) {
        p->statement->schema.constraint = SB_CONSTRAINT_EXISTS;
        sb_parse__advance(p);
        return parse_keys(p, variable, true);
    }
    SB_TRY(parse_keys(p, variable, false));
    if (sb_parse__accept(p, SB_TOKEN_COLONCOLON)) return parse_property_type(p);
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_IS));
    if (sb_parse__accept_keyword(p, SB_KEYWORD_NOT)) {
        p->statement->schema.constraint = SB_CONSTRAINT_EXISTS;
        return sb_parse__expect_keyword(p, SB_KEYWORD_NULL);
    }
    if (sb_parse__accept(p, SB_TOKEN_COLONCOLON) || sb_parse__accept_keyword(p, SB_KEYWORD_TYPED))
        return parse_property_type(p);
    return parse_unique_or_key(p);
}

/* (n:Label) REQUIRE …, ON (n:Label) ASSERT … */
static sb_status parse_constraint(sb_parser *p)
{
    sb_bytes variable;

    if (sb_parse__accept_keyword(p, SB_KEYWORD_ON)) {
        SB_TRY(parse_entity(p, &variable));
        SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_ASSERT));
    } else {
        SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_FOR));
        SB_TRY(parse_entity(p, &variable));
        SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_REQUIRE));
    }
    const uint32_t first = p->at;
    SB_TRY(parse_requirement(p, variable));
    p->statement->schema.requirement = sb_parse__span_from(p, first);
    const sb_constraint_kind kind = p->statement->schema.constraint;
    if (p->statement->schema.key_count > 1 &&
        (kind == SB_CONSTRAINT_EXISTS || kind == SB_CONSTRAINT_TYPED))
        return sb_cypher_fail(p->err, p->text, p->statement->schema.requirement,
                              SB_CYPHER_UNEXPECTED_SYNTAX,
                              "a constraint on existence or type is about one property");
    return SB_OK;
}

static sb_status parse_create_constraint(sb_parser *p)
{
    p->statement->kind = SB_STATEMENT_CREATE_CONSTRAINT;
    SB_TRY(parse_schema_name(p));
    SB_TRY(parse_if_not_exists(p));
    SB_TRY(parse_constraint(p));
    return parse_no_options(p);
}

static sb_status parse_drop_constraint(sb_parser *p)
{
    p->statement->kind = SB_STATEMENT_DROP_CONSTRAINT;
    if (sb_parse__is_keyword(p, SB_KEYWORD_ON) && sb_parse__ahead_is(p, 1, SB_TOKEN_LPAREN))
        return parse_constraint(p);
    SB_TRY(sb_parse__name(p, "a constraint's name", &p->statement->schema.name));
    return parse_if_exists(p);
}

/* ---- SHOW ---------------------------------------------------------------------------------------------------------------- */

/* Words in front, and which constraints they are of. */
typedef struct show_row {
    uint16_t words[3]; /* keywords; the rest is SB_NO_KEYWORD */
    uint8_t what, constraint;
} show_row;

static const show_row SHOW_ROWS[] = {
    {{SB_KEYWORD_INDEXES}, SB_SHOW_INDEXES, 0},
    {{SB_KEYWORD_INDEX}, SB_SHOW_INDEXES, 0},
    {{SB_KEYWORD_RANGE, SB_KEYWORD_INDEXES}, SB_SHOW_INDEXES, 0},
    {{SB_KEYWORD_RANGE, SB_KEYWORD_INDEX}, SB_SHOW_INDEXES, 0},
    {{SB_KEYWORD_TEXT, SB_KEYWORD_INDEXES}, SB_SHOW_INDEXES, 0},
    {{SB_KEYWORD_TEXT, SB_KEYWORD_INDEX}, SB_SHOW_INDEXES, 0},
    {{SB_KEYWORD_POINT, SB_KEYWORD_INDEXES}, SB_SHOW_INDEXES, 0},
    {{SB_KEYWORD_POINT, SB_KEYWORD_INDEX}, SB_SHOW_INDEXES, 0},
    {{SB_KEYWORD_CONSTRAINTS}, SB_SHOW_CONSTRAINTS, 0},
    {{SB_KEYWORD_CONSTRAINT}, SB_SHOW_CONSTRAINTS, 0},
    {{SB_KEYWORD_UNIQUE, SB_KEYWORD_CONSTRAINTS}, SB_SHOW_CONSTRAINTS, SB_CONSTRAINT_UNIQUE},
    {{SB_KEYWORD_UNIQUE, SB_KEYWORD_CONSTRAINT}, SB_SHOW_CONSTRAINTS, SB_CONSTRAINT_UNIQUE},
    {{SB_KEYWORD_KEY, SB_KEYWORD_CONSTRAINTS}, SB_SHOW_CONSTRAINTS, SB_CONSTRAINT_KEY},
    {{SB_KEYWORD_KEY, SB_KEYWORD_CONSTRAINT}, SB_SHOW_CONSTRAINTS, SB_CONSTRAINT_KEY},
    {{SB_KEYWORD_NODE, SB_KEYWORD_KEY, SB_KEYWORD_CONSTRAINTS},
     SB_SHOW_CONSTRAINTS,
     SB_CONSTRAINT_KEY},
    {{SB_KEYWORD_NODE, SB_KEYWORD_KEY, SB_KEYWORD_CONSTRAINT},
     SB_SHOW_CONSTRAINTS,
     SB_CONSTRAINT_KEY},
    {{SB_KEYWORD_FUNCTIONS}, SB_SHOW_FUNCTIONS, 0},
    {{SB_KEYWORD_FUNCTION}, SB_SHOW_FUNCTIONS, 0},
    {{SB_KEYWORD_BUILT, SB_KEYWORD_IN, SB_KEYWORD_FUNCTIONS}, SB_SHOW_FUNCTIONS, 0},
    {{SB_KEYWORD_BUILT, SB_KEYWORD_IN, SB_KEYWORD_FUNCTION}, SB_SHOW_FUNCTIONS, 0},
    {{SB_KEYWORD_PROCEDURES}, SB_SHOW_PROCEDURES, 0},
    {{SB_KEYWORD_PROCEDURE}, SB_SHOW_PROCEDURES, 0},
};

static uint32_t show_words(const sb_parser *p, const show_row *row)
{
    uint32_t i = 0;

    for (; i < 3 && row->words[i] != SB_NO_KEYWORD; i++)
        if (!sb_parse__ahead_is_keyword(p, i, row->words[i])) return 0;
    return i;
}

static sb_status parse_show_what(sb_parser *p)
{
    (void)sb_parse__accept_keyword(p, SB_KEYWORD_ALL);
    for (size_t i = 0; i < sizeof SHOW_ROWS / sizeof SHOW_ROWS[0]; i++) {
        uint32_t words = show_words(p, &SHOW_ROWS[i]);
        if (words == 0) continue;
        while (words-- > 0)
            sb_parse__advance(p);
        p->statement->show.what = (sb_show_what)SHOW_ROWS[i].what;
        p->statement->show.constraint = (sb_constraint_kind)SHOW_ROWS[i].constraint;
        return SB_OK;
    }
    for (size_t i = 0; i < sizeof SHOW_ROWS / sizeof SHOW_ROWS[0]; i++)
        if (!sb_parse__is_keyword(p, SHOW_ROWS[i].words[0]))
            (void)sb_parse__accept_keyword(p, SHOW_ROWS[i].words[0]);
    return sb_parse__unexpected(p);
}

/* Behind YIELD's items: WHERE alone, or as WITH has it. */
static sb_status parse_show_order(sb_parser *p)
{
    sb_projection order = {.star = true};

    SB_TRY(sb_parse__order_and_limits(p, &order));
    if (order.order_count == 0 && order.skip == NULL && order.limit == NULL)
        return sb_parse__where(p, &p->statement->show.where);
    SB_TRY(sb_parse__where(p, &order.where));
    SB_TRY(sb_parse__alloc(p, sizeof order, &p->statement->show.order));
    *p->statement->show.order = order;
    return SB_OK;
}

static sb_status parse_show(sb_parser *p)
{
    sb_statement *statement = p->statement;

    statement->kind = SB_STATEMENT_SHOW;
    SB_TRY(parse_show_what(p));
    statement->show.yields = sb_parse__accept_keyword(p, SB_KEYWORD_YIELD);
    if (!statement->show.yields) return sb_parse__where(p, &statement->show.where);
    SB_TRY(sb_parse__yield(p, &statement->show.yield_star, &statement->show.items,
                           &statement->show.item_count));
    SB_TRY(parse_show_order(p));
    if (!sb_parse__accept_keyword(p, SB_KEYWORD_RETURN)) return SB_OK;
    SB_TRY(sb_parse__alloc(p, sizeof *statement->show.returns, &statement->show.returns));
    return sb_parse__projection(p, false, statement->show.returns);
}

/* ---- Transactions --------------------------------------------------------------------------------------------------------- */

static sb_status parse_transaction(sb_parser *p, sb_statement_kind kind)
{
    p->statement->kind = kind;
    (void)sb_parse__accept_keyword(p, SB_KEYWORD_TRANSACTION);
    return SB_OK;
}

static sb_status parse_begin(sb_parser *p)
{
    return parse_transaction(p, SB_STATEMENT_BEGIN);
}

static sb_status parse_commit(sb_parser *p)
{
    return parse_transaction(p, SB_STATEMENT_COMMIT);
}

static sb_status parse_rollback(sb_parser *p)
{
    return parse_transaction(p, SB_STATEMENT_ROLLBACK);
}

/* ---- Commands ------------------------------------------------------------------------------------------------------------- */

static sb_status parse_text_index(sb_parser *p)
{
    p->statement->schema.text_index = true;
    return parse_create_index(p);
}

typedef struct command_row {
    uint16_t words[3]; /* keywords; the rest is SB_NO_KEYWORD */
    sb_status (*parse)(sb_parser *p);
} command_row;

static const command_row COMMANDS[] = {
    {{SB_KEYWORD_CREATE, SB_KEYWORD_INDEX}, parse_create_index},
    {{SB_KEYWORD_CREATE, SB_KEYWORD_RANGE, SB_KEYWORD_INDEX}, parse_create_index},
    {{SB_KEYWORD_CREATE, SB_KEYWORD_TEXT, SB_KEYWORD_INDEX}, parse_text_index},
    {{SB_KEYWORD_CREATE, SB_KEYWORD_POINT, SB_KEYWORD_INDEX}, parse_create_index},
    {{SB_KEYWORD_DROP, SB_KEYWORD_INDEX}, parse_drop_index},
    {{SB_KEYWORD_CREATE, SB_KEYWORD_CONSTRAINT}, parse_create_constraint},
    {{SB_KEYWORD_DROP, SB_KEYWORD_CONSTRAINT}, parse_drop_constraint},
    {{SB_KEYWORD_SHOW}, parse_show},
    {{SB_KEYWORD_BEGIN}, parse_begin},
    {{SB_KEYWORD_COMMIT}, parse_commit},
    {{SB_KEYWORD_ROLLBACK}, parse_rollback},
};

static uint32_t command_words(const sb_parser *p, const command_row *row)
{
    uint32_t i = 0;

    for (; i < 3 && row->words[i] != SB_NO_KEYWORD; i++)
        if (!sb_parse__ahead_is_keyword(p, i, row->words[i])) return 0;
    /* CREATE index = (a)-->(b) */
    return sb_parse__ahead_is(p, i, SB_TOKEN_EQ) ? 0 : i;
}

sb_status sb_parse__command(sb_parser *p, bool *is_command)
{
    *is_command = true;
    for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++) {
        uint32_t words = command_words(p, &COMMANDS[i]);
        if (words == 0) continue;
        while (words-- > 0)
            sb_parse__advance(p);
        return COMMANDS[i].parse(p);
    }
    /* Remembered as expected, should no query begin here either. */
    for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++)
        if (!sb_parse__is_keyword(p, COMMANDS[i].words[0]))
            (void)sb_parse__accept_keyword(p, COMMANDS[i].words[0]);
    *is_command = false;
    return SB_OK;
}
