/* clause.c — clauses and queries. One row of CLAUSES for each beginning of a clause. */
#include "cypher/parse/parse_priv.h"

/* ---- Parts of clauses ------------------------------------------------------------------------------------------------ */

sb_status sb_parse__where(sb_parser *p, sb_expr **where)
{
    *where = NULL;
    if (!sb_parse__accept_keyword(p, SB_KEYWORD_WHERE)) return SB_OK;
    return sb_parse__expr(p, where);
}

/* :A:B, also :A&B: labels that are set or taken away. */
static sb_status parse_label_list(sb_parser *p, sb_set_item *item)
{
    do {
        sb_bytes label;
        sb_expr *e;
        bool dynamic, any;
        SB_TRY(sb_parse__dynamic(p, &dynamic, &any, &e));
        if (dynamic) {
            const uint32_t at = p->at;
            if (item->value == NULL) SB_TRY(sb_parse__new(p, SB_EXPR_LIST, 0, &item->value));
            SB_PARSE_PUSH(p, item->value->args, item->value->arg_count, e);
            SB_TRY(sb_parse__finish(p, at - 1, item->value));
            continue;
        }
        SB_TRY(sb_parse__name(p, "a label", &label));
        SB_PARSE_PUSH(p, item->labels, item->label_count, label);
    } while (sb_parse__accept(p, SB_TOKEN_COLON) || sb_parse__accept(p, SB_TOKEN_AMPERSAND));
    return SB_OK;
}

/* A property or index expression becomes its entity and what is set of it; false: it is neither. */
static bool split_target(sb_set_item *item, sb_expr *target)
{
    if (target->parenthesized) return false;
    if (target->kind == SB_EXPR_PROPERTY) {
        item->kind = SB_SET_PROPERTY;
        item->key = target->name;
    } else if (target->kind == SB_EXPR_INDEX) {
        item->kind = SB_SET_DYNAMIC;
        item->key_expr = target->args[1];
    } else {
        return false;
    }
    item->target = target->args[0];
    return true;
}

static sb_status parse_set_item(sb_parser *p, sb_set_item *item)
{
    const uint32_t first = p->at;
    sb_expr *target;

    SB_TRY(sb_parse__postfix(p, false, &target));
    item->target = target;
    if (sb_parse__accept(p, SB_TOKEN_COLON) || sb_parse__accept_keyword(p, SB_KEYWORD_IS)) {
        item->kind = SB_SET_LABELS;
        SB_TRY(parse_label_list(p, item));
    } else if (sb_parse__accept(p, SB_TOKEN_PLUS_EQ)) {
        item->kind = SB_SET_MERGE;
        SB_TRY(sb_parse__expr(p, &item->value));
    } else {
        SB_TRY(sb_parse__expect(p, SB_TOKEN_EQ));
        if (!split_target(item, target)) item->kind = SB_SET_REPLACE;
        SB_TRY(sb_parse__expr(p, &item->value));
    }
    item->span = sb_parse__span_from(p, first);
    return SB_OK;
}

static sb_status parse_remove_item(sb_parser *p, sb_set_item *item)
{
    const uint32_t first = p->at;
    sb_expr *target;

    SB_TRY(sb_parse__postfix(p, false, &target));
    item->target = target;
    if (sb_parse__accept(p, SB_TOKEN_COLON) || sb_parse__accept_keyword(p, SB_KEYWORD_IS)) {
        item->kind = SB_SET_LABELS;
        SB_TRY(parse_label_list(p, item));
    } else if (!split_target(item, target)) {
        sb_parse__expecting(p, "a property or label of what is before");
        return sb_parse__unexpected(p);
    }
    item->span = sb_parse__span_from(p, first);
    return SB_OK;
}

static sb_status parse_set_list(sb_parser *p, bool remove, sb_set_list *list)
{
    do {
        sb_set_item item = {0};
        SB_TRY(remove ? parse_remove_item(p, &item) : parse_set_item(p, &item));
        SB_PARSE_PUSH(p, list->items, list->count, item);
    } while (sb_parse__accept(p, SB_TOKEN_COMMA));
    return SB_OK;
}

static sb_status parse_named_after(sb_parser *p, unsigned keyword, sb_bytes *name, sb_span *span)
{
    SB_TRY(sb_parse__expect_keyword(p, keyword));
    *span = sb_parse__token(p)->span;
    return sb_parse__name(p, "a variable", name);
}

/* ---- Reading clauses --------------------------------------------------------------------------------------------------- */

/* n, m */
static sb_status parse_hint_variables(sb_parser *p, sb_hint *hint, bool several)
{
    do {
        sb_bytes name;
        SB_TRY(sb_parse__name(p, "a variable", &name));
        SB_PARSE_PUSH(p, hint->names, hint->name_count, name);
    } while (several && sb_parse__accept(p, SB_TOKEN_COMMA));
    return SB_OK;
}

static sb_status parse_hint_keys(sb_parser *p, sb_hint *hint)
{
    SB_TRY(sb_parse__expect(p, SB_TOKEN_LPAREN));
    do {
        sb_bytes name;
        SB_TRY(sb_parse__name(p, "a property's name", &name));
        SB_PARSE_PUSH(p, hint->keys, hint->key_count, name);
    } while (sb_parse__accept(p, SB_TOKEN_COMMA));
    return sb_parse__expect(p, SB_TOKEN_RPAREN);
}

/* USING INDEX n:Label(key), USING SCAN n:Label, USING JOIN ON n: behind USING. There is one kind of index for them all. */
static sb_status parse_hint(sb_parser *p, sb_hint *hint)
{
    if (sb_parse__accept_keyword(p, SB_KEYWORD_JOIN)) {
        hint->kind = SB_HINT_JOIN;
        SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_ON));
        return parse_hint_variables(p, hint, true);
    }
    hint->kind = sb_parse__accept_keyword(p, SB_KEYWORD_SCAN) ? SB_HINT_SCAN : SB_HINT_INDEX;
    if (hint->kind == SB_HINT_INDEX) {
        if (!sb_parse__accept_keyword(p, SB_KEYWORD_RANGE) &&
            !sb_parse__accept_keyword(p, SB_KEYWORD_TEXT))
            (void)sb_parse__accept_keyword(p, SB_KEYWORD_POINT);
        SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_INDEX));
        if (sb_parse__ahead_is_keyword(p, 0, SB_KEYWORD_SEEK) &&
            !sb_parse__ahead_is(p, 1, SB_TOKEN_COLON))
            sb_parse__advance(p);
    }
    SB_TRY(parse_hint_variables(p, hint, false));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_COLON));
    SB_TRY(sb_parse__labels(p, false, &hint->labels));
    return hint->kind == SB_HINT_SCAN ? SB_OK : parse_hint_keys(p, hint);
}

/* REPEATABLE ELEMENTS, DIFFERENT RELATIONSHIPS; the latter is what nothing said means. */
static sb_status parse_match_mode(sb_parser *p, bool *repeatable)
{
    *repeatable = sb_parse__is_keyword(p, SB_KEYWORD_REPEATABLE) &&
                  (sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_ELEMENT) ||
                   sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_ELEMENTS));
    const bool different = sb_parse__is_keyword(p, SB_KEYWORD_DIFFERENT) &&
                           (sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_RELATIONSHIP) ||
                            sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_RELATIONSHIPS));
    if (!*repeatable && !different) return SB_OK;
    const bool plural = sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_ELEMENTS) ||
                        sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_RELATIONSHIPS);
    sb_parse__advance(p);
    sb_parse__advance(p);
    if (!plural) (void)sb_parse__accept_keyword(p, SB_KEYWORD_BINDINGS);
    return SB_OK;
}

static sb_status parse_match(sb_parser *p, sb_clause *clause)
{
    bool repeatable;

    SB_TRY(parse_match_mode(p, &repeatable));
    SB_TRY(sb_parse__pattern(p, &clause->as.match.pattern));
    clause->as.match.pattern.repeatable = repeatable;
    sb_pattern *const pattern = &clause->as.match.pattern;
    while (sb_parse__is_keyword(p, SB_KEYWORD_USING)) {
        const uint32_t first = p->at;
        sb_hint hint = {.kind = SB_HINT_INDEX};
        sb_parse__advance(p);
        SB_TRY(parse_hint(p, &hint));
        hint.span = sb_parse__span_from(p, first);
        SB_PARSE_PUSH(p, pattern->hints, pattern->hint_count, hint);
    }
    return sb_parse__where(p, &clause->as.match.where);
}

static sb_status parse_optional_match(sb_parser *p, sb_clause *clause)
{
    clause->as.match.optional = true;
    return parse_match(p, clause);
}

static sb_status parse_unwind(sb_parser *p, sb_clause *clause)
{
    SB_TRY(sb_parse__expr(p, &clause->as.unwind.list));
    return parse_named_after(p, SB_KEYWORD_AS, &clause->as.unwind.name,
                             &clause->as.unwind.name_span);
}

static sb_status parse_load_csv(sb_parser *p, sb_clause *clause)
{
    if (sb_parse__accept_keyword(p, SB_KEYWORD_WITH)) {
        SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_HEADERS));
        clause->as.load_csv.headers = true;
    }
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_FROM));
    SB_TRY(sb_parse__expr(p, &clause->as.load_csv.url));
    SB_TRY(parse_named_after(p, SB_KEYWORD_AS, &clause->as.load_csv.name,
                             &clause->as.load_csv.name_span));
    if (!sb_parse__accept_keyword(p, SB_KEYWORD_FIELDTERMINATOR)) return SB_OK;
    return sb_parse__expr(p, &clause->as.load_csv.delimiter);
}

/* ---- Projections -------------------------------------------------------------------------------------------------------- */

static sb_status parse_projection_item(sb_parser *p, bool is_with, sb_projection_item *item)
{
    const uint32_t first = p->at;

    SB_TRY(sb_parse__expr(p, &item->expr));
    item->span = sb_parse__span_from(p, first);
    if (sb_parse__accept_keyword(p, SB_KEYWORD_AS)) {
        item->aliased = true;
        item->span = sb_parse__token(p)->span;
        return sb_parse__name(p, "a name", &item->name);
    }
    /* A column is called what the query says, but a variable by its name: `a` without backquotes. */
    if (item->expr->kind == SB_EXPR_VAR && !item->expr->parenthesized) {
        item->name = item->expr->name;
    } else if (!is_with) {
        item->name = sb_parse__source(p, first);
    }
    return SB_OK;
}

static sb_status parse_projection_items(sb_parser *p, bool is_with, sb_projection *projection)
{
    projection->star = sb_parse__accept(p, SB_TOKEN_STAR);
    if (projection->star && !sb_parse__accept(p, SB_TOKEN_COMMA)) return SB_OK;
    do {
        sb_projection_item item = {0};
        SB_TRY(parse_projection_item(p, is_with, &item));
        SB_PARSE_PUSH(p, projection->items, projection->item_count, item);
    } while (sb_parse__accept(p, SB_TOKEN_COMMA));
    return SB_OK;
}

/* Behind ORDER BY. */
static sb_status parse_order(sb_parser *p, sb_projection *projection)
{
    do {
        sb_sort_item item = {0};
        SB_TRY(sb_parse__expr(p, &item.expr));
        item.descending = sb_parse__accept_keyword(p, SB_KEYWORD_DESC) ||
                          sb_parse__accept_keyword(p, SB_KEYWORD_DESCENDING);
        if (!item.descending && !sb_parse__accept_keyword(p, SB_KEYWORD_ASC))
            (void)sb_parse__accept_keyword(p, SB_KEYWORD_ASCENDING);
        SB_PARSE_PUSH(p, projection->order, projection->order_count, item);
    } while (sb_parse__accept(p, SB_TOKEN_COMMA));
    return SB_OK;
}

sb_status sb_parse__projection(sb_parser *p, bool is_with, sb_projection *projection)
{
    if (sb_parse__is_keyword(p, SB_KEYWORD_DISTINCT) &&
        (sb_parse__starts_expr(sb_parse__ahead(p, 1)) || sb_parse__ahead_is(p, 1, SB_TOKEN_STAR)) &&
        !sb_parse__ahead_is_keyword(p, 1, SB_KEYWORD_AS)) {
        sb_parse__advance(p);
        projection->distinct = true;
    }
    SB_TRY(parse_projection_items(p, is_with, projection));
    SB_TRY(sb_parse__order_and_limits(p, projection));
    return is_with ? sb_parse__where(p, &projection->where) : SB_OK;
}

static sb_status parse_limits(sb_parser *p, sb_projection *projection)
{
    if (sb_parse__accept_keyword(p, SB_KEYWORD_SKIP) ||
        sb_parse__accept_keyword(p, SB_KEYWORD_OFFSET))
        SB_TRY(sb_parse__expr(p, &projection->skip));
    if (sb_parse__accept_keyword(p, SB_KEYWORD_LIMIT))
        SB_TRY(sb_parse__expr(p, &projection->limit));
    return SB_OK;
}

sb_status sb_parse__order_and_limits(sb_parser *p, sb_projection *projection)
{
    if (sb_parse__accept_keyword(p, SB_KEYWORD_ORDER)) {
        SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_BY));
        SB_TRY(parse_order(p, projection));
    }
    return parse_limits(p, projection);
}

static sb_status parse_with(sb_parser *p, sb_clause *clause)
{
    return sb_parse__projection(p, true, &clause->as.projection);
}

static sb_status parse_return(sb_parser *p, sb_clause *clause)
{
    return sb_parse__projection(p, false, &clause->as.projection);
}

/* LET x = e, y = f: WITH *, e AS x, f AS y. */
static sb_status parse_let(sb_parser *p, sb_clause *clause)
{
    sb_projection *const projection = &clause->as.projection;

    projection->star = projection->let = true;
    do {
        sb_projection_item item = {.aliased = true, .span = sb_parse__token(p)->span};
        SB_TRY(sb_parse__name(p, "a variable", &item.name));
        SB_TRY(sb_parse__expect(p, SB_TOKEN_EQ));
        SB_TRY(sb_parse__expr(p, &item.expr));
        SB_PARSE_PUSH(p, projection->items, projection->item_count, item);
    } while (sb_parse__accept(p, SB_TOKEN_COMMA));
    return SB_OK;
}

/* FILTER [WHERE] e: WITH * WHERE e. */
static sb_status parse_filter(sb_parser *p, sb_clause *clause)
{
    if (sb_parse__is_keyword(p, SB_KEYWORD_WHERE) && sb_parse__starts_expr(sb_parse__ahead(p, 1)))
        sb_parse__advance(p);
    clause->as.projection.star = true;
    return sb_parse__expr(p, &clause->as.projection.where);
}

/* ORDER BY e [SKIP n] [LIMIT n] by itself: WITH * ORDER BY …, and so for SKIP and LIMIT. */
static sb_status parse_order_clause(sb_parser *p, sb_clause *clause)
{
    clause->as.projection.star = true;
    SB_TRY(parse_order(p, &clause->as.projection));
    return parse_limits(p, &clause->as.projection);
}

static sb_status parse_skip_clause(sb_parser *p, sb_clause *clause)
{
    clause->as.projection.star = true;
    SB_TRY(sb_parse__expr(p, &clause->as.projection.skip));
    if (!sb_parse__accept_keyword(p, SB_KEYWORD_LIMIT)) return SB_OK;
    return sb_parse__expr(p, &clause->as.projection.limit);
}

static sb_status parse_limit_clause(sb_parser *p, sb_clause *clause)
{
    clause->as.projection.star = true;
    return sb_parse__expr(p, &clause->as.projection.limit);
}

static sb_status parse_finish(sb_parser *p, sb_clause *clause)
{
    (void)p;
    (void)clause;
    return SB_OK;
}

/* ---- Writing clauses ------------------------------------------------------------------------------------------------------ */

static sb_status parse_create(sb_parser *p, sb_clause *clause)
{
    return sb_parse__pattern(p, &clause->as.create.pattern);
}

static sb_status parse_merge(sb_parser *p, sb_clause *clause)
{
    SB_TRY(sb_parse__pattern_part(p, &clause->as.merge.part));
    while (sb_parse__accept_keyword(p, SB_KEYWORD_ON)) {
        const bool on_create = sb_parse__accept_keyword(p, SB_KEYWORD_CREATE);
        if (!on_create) SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_MATCH));
        SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_SET));
        SB_TRY(parse_set_list(
            p, false, on_create ? &clause->as.merge.on_create : &clause->as.merge.on_match));
    }
    return SB_OK;
}

static sb_status parse_set(sb_parser *p, sb_clause *clause)
{
    return parse_set_list(p, false, &clause->as.set);
}

static sb_status parse_remove(sb_parser *p, sb_clause *clause)
{
    return parse_set_list(p, true, &clause->as.set);
}

static sb_status parse_delete(sb_parser *p, sb_clause *clause)
{
    do {
        sb_expr *entity;
        SB_TRY(sb_parse__expr(p, &entity));
        SB_PARSE_PUSH(p, clause->as.delete_.entities, clause->as.delete_.count, entity);
    } while (sb_parse__accept(p, SB_TOKEN_COMMA));
    return SB_OK;
}

static sb_status parse_detach_delete(sb_parser *p, sb_clause *clause)
{
    clause->as.delete_.detach = true;
    return parse_delete(p, clause);
}

static sb_status parse_clause(sb_parser *p, sb_clause **clause);

static sb_status parse_foreach(sb_parser *p, sb_clause *clause)
{
    SB_TRY(sb_parse__expect(p, SB_TOKEN_LPAREN));
    clause->as.foreach.name_span = sb_parse__token(p)->span;
    SB_TRY(sb_parse__name(p, "a variable", &clause->as.foreach.name));
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_IN));
    SB_TRY(sb_parse__before_bar(p, &clause->as.foreach.list));
    SB_TRY(sb_parse__expect(p, SB_TOKEN_BAR));
    do {
        sb_clause *inner;
        SB_TRY(parse_clause(p, &inner));
        SB_PARSE_PUSH(p, clause->as.foreach.clauses, clause->as.foreach.count, inner);
    } while (!sb_parse__accept(p, SB_TOKEN_RPAREN));
    return SB_OK;
}

/* ---- CALL --------------------------------------------------------------------------------------------------------------- */

sb_status sb_parse__yield(sb_parser *p, bool *star, sb_yield_item **items, uint32_t *count)
{
    *star = sb_parse__accept(p, SB_TOKEN_STAR);
    if (*star) return SB_OK;
    do {
        sb_yield_item item = {0};
        item.span = sb_parse__token(p)->span;
        SB_TRY(sb_parse__name(p, "a result's name", &item.field));
        item.name = item.field;
        if (sb_parse__accept_keyword(p, SB_KEYWORD_AS)) {
            item.span = sb_parse__token(p)->span;
            SB_TRY(sb_parse__name(p, "a name", &item.name));
        }
        SB_PARSE_PUSH(p, *items, *count, item);
    } while (sb_parse__accept(p, SB_TOKEN_COMMA));
    return SB_OK;
}

static sb_status parse_procedure(sb_parser *p, sb_clause *clause)
{
    clause->kind = SB_CLAUSE_CALL;
    SB_TRY(sb_parse__dotted_name(p, "a procedure", &clause->as.call.name));
    clause->as.call.has_args = sb_parse__accept(p, SB_TOKEN_LPAREN);
    if (clause->as.call.has_args)
        SB_TRY(sb_parse__expr_list(p, SB_TOKEN_RPAREN, &clause->as.call.args,
                                   &clause->as.call.arg_count));
    if (!sb_parse__accept_keyword(p, SB_KEYWORD_YIELD)) return SB_OK;
    clause->as.call.yields = true;
    if (sb_parse__accept(p, SB_TOKEN_MINUS)) return SB_OK; /* YIELD -: no results */
    SB_TRY(sb_parse__yield(p, &clause->as.call.yield_star, &clause->as.call.items,
                           &clause->as.call.item_count));
    return sb_parse__where(p, &clause->as.call.where);
}

/* (), (*), (a, b): behind '('. */
static sb_status parse_imports(sb_parser *p, sb_clause *clause)
{
    clause->as.subquery.imports_listed = true;
    if (sb_parse__accept(p, SB_TOKEN_STAR)) {
        clause->as.subquery.imports_all = true;
        return sb_parse__expect(p, SB_TOKEN_RPAREN);
    }
    if (sb_parse__accept(p, SB_TOKEN_RPAREN)) return SB_OK;
    do {
        sb_bytes name;
        SB_TRY(sb_parse__name(p, "a variable", &name));
        SB_PARSE_PUSH(p, clause->as.subquery.imports, clause->as.subquery.import_count, name);
    } while (sb_parse__accept(p, SB_TOKEN_COMMA));
    return sb_parse__expect(p, SB_TOKEN_RPAREN);
}

/* OF n ROWS */
static sb_status parse_batch_rows(sb_parser *p, sb_clause *clause)
{
    SB_TRY(sb_parse__expr(p, &clause->as.subquery.batch_rows));
    if (sb_parse__accept_keyword(p, SB_KEYWORD_ROW)) return SB_OK;
    return sb_parse__expect_keyword(p, SB_KEYWORD_ROWS);
}

/* ON ERROR what */
static sb_status parse_on_error(sb_parser *p, sb_clause *clause)
{
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_ERROR));
    if (sb_parse__accept_keyword(p, SB_KEYWORD_CONTINUE)) {
        clause->as.subquery.on_error = SB_ON_ERROR_CONTINUE;
    } else if (sb_parse__accept_keyword(p, SB_KEYWORD_BREAK)) {
        clause->as.subquery.on_error = SB_ON_ERROR_BREAK;
    } else {
        return sb_parse__expect_keyword(p, SB_KEYWORD_FAIL);
    }
    return SB_OK;
}

/* REPORT STATUS AS name */
static sb_status parse_report(sb_parser *p, sb_clause *clause)
{
    SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_STATUS));
    return parse_named_after(p, SB_KEYWORD_AS, &clause->as.subquery.status_name,
                             &clause->as.subquery.status_span);
}

/* OF, ON ERROR and REPORT in any order, each once at most. */
static sb_status parse_batch_options(sb_parser *p, sb_clause *clause)
{
    bool rows = false, on_error = false, report = false;

    for (;;) {
        if (!rows && sb_parse__accept_keyword(p, SB_KEYWORD_OF)) {
            rows = true;
            SB_TRY(parse_batch_rows(p, clause));
        } else if (!on_error && sb_parse__accept_keyword(p, SB_KEYWORD_ON)) {
            on_error = true;
            SB_TRY(parse_on_error(p, clause));
        } else if (!report && sb_parse__accept_keyword(p, SB_KEYWORD_REPORT)) {
            report = true;
            SB_TRY(parse_report(p, clause));
        } else {
            return SB_OK;
        }
    }
}

/* IN [[n] CONCURRENT] TRANSACTIONS [OF n ROWS] [ON ERROR what] [REPORT STATUS AS name] */
static sb_status parse_in_transactions(sb_parser *p, sb_clause *clause)
{
    if (!sb_parse__accept_keyword(p, SB_KEYWORD_IN)) return SB_OK;
    if (!sb_parse__accept_keyword(p, SB_KEYWORD_TRANSACTIONS)) {
        if (!sb_parse__accept_keyword(p, SB_KEYWORD_CONCURRENT)) {
            SB_TRY(sb_parse__expr(p, &clause->as.subquery.concurrent));
            SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_CONCURRENT));
        }
        SB_TRY(sb_parse__expect_keyword(p, SB_KEYWORD_TRANSACTIONS));
    }
    clause->as.subquery.in_transactions = true;
    return parse_batch_options(p, clause);
}

static sb_status parse_call_clause(sb_parser *p, sb_clause *clause)
{
    const bool listed = sb_parse__is(p, SB_TOKEN_LPAREN);

    if (!listed && !sb_parse__is(p, SB_TOKEN_LBRACE)) return parse_procedure(p, clause);
    clause->kind = SB_CLAUSE_SUBQUERY;
    if (sb_parse__accept(p, SB_TOKEN_LPAREN)) SB_TRY(parse_imports(p, clause));
    SB_TRY(sb_parse__subquery(p, false, &clause->as.subquery.query));
    return parse_in_transactions(p, clause);
}

/* OPTIONAL CALL { … }, OPTIONAL CALL (a) { … } */
static sb_status parse_optional_call(sb_parser *p, sb_clause *clause)
{
    if (!sb_parse__is(p, SB_TOKEN_LPAREN) && !sb_parse__is(p, SB_TOKEN_LBRACE)) {
        sb_parse__expecting(p, "'{'");
        return sb_parse__unexpected(p);
    }
    clause->as.subquery.optional = true;
    return parse_call_clause(p, clause);
}

/* ---- Clauses ------------------------------------------------------------------------------------------------------------- */

typedef struct clause_row {
    uint16_t words[2]; /* keywords; the second may be SB_NO_KEYWORD */
    uint8_t kind;
    sb_status (*parse)(sb_parser *p, sb_clause *clause);
} clause_row;

static const clause_row CLAUSES[] = {
    {{SB_KEYWORD_MATCH}, SB_CLAUSE_MATCH, parse_match},
    {{SB_KEYWORD_OPTIONAL, SB_KEYWORD_MATCH}, SB_CLAUSE_MATCH, parse_optional_match},
    {{SB_KEYWORD_OPTIONAL, SB_KEYWORD_CALL}, SB_CLAUSE_SUBQUERY, parse_optional_call},
    {{SB_KEYWORD_UNWIND}, SB_CLAUSE_UNWIND, parse_unwind},
    {{SB_KEYWORD_WITH}, SB_CLAUSE_WITH, parse_with},
    {{SB_KEYWORD_LET}, SB_CLAUSE_WITH, parse_let},
    {{SB_KEYWORD_FILTER}, SB_CLAUSE_WITH, parse_filter},
    {{SB_KEYWORD_ORDER, SB_KEYWORD_BY}, SB_CLAUSE_WITH, parse_order_clause},
    {{SB_KEYWORD_SKIP}, SB_CLAUSE_WITH, parse_skip_clause},
    {{SB_KEYWORD_OFFSET}, SB_CLAUSE_WITH, parse_skip_clause},
    {{SB_KEYWORD_LIMIT}, SB_CLAUSE_WITH, parse_limit_clause},
    {{SB_KEYWORD_RETURN}, SB_CLAUSE_RETURN, parse_return},
    {{SB_KEYWORD_FINISH}, SB_CLAUSE_FINISH, parse_finish},
    {{SB_KEYWORD_CREATE}, SB_CLAUSE_CREATE, parse_create},
    {{SB_KEYWORD_INSERT}, SB_CLAUSE_CREATE, parse_create},
    {{SB_KEYWORD_MERGE}, SB_CLAUSE_MERGE, parse_merge},
    {{SB_KEYWORD_SET}, SB_CLAUSE_SET, parse_set},
    {{SB_KEYWORD_REMOVE}, SB_CLAUSE_REMOVE, parse_remove},
    {{SB_KEYWORD_DELETE}, SB_CLAUSE_DELETE, parse_delete},
    {{SB_KEYWORD_DETACH, SB_KEYWORD_DELETE}, SB_CLAUSE_DELETE, parse_detach_delete},
    {{SB_KEYWORD_NODETACH, SB_KEYWORD_DELETE}, SB_CLAUSE_DELETE, parse_delete},
    {{SB_KEYWORD_FOREACH}, SB_CLAUSE_FOREACH, parse_foreach},
    {{SB_KEYWORD_CALL}, SB_CLAUSE_CALL, parse_call_clause},
    {{SB_KEYWORD_LOAD, SB_KEYWORD_CSV}, SB_CLAUSE_LOAD_CSV, parse_load_csv},
};

#define CLAUSE_COUNT (sizeof CLAUSES / sizeof CLAUSES[0])

bool sb_parse__at_clause(const sb_parser *p)
{
    for (size_t i = 0; i < CLAUSE_COUNT; i++)
        if (sb_parse__is_keyword(p, CLAUSES[i].words[0])) return true;
    return false;
}

static const clause_row *find_clause(const sb_parser *p)
{
    for (size_t i = 0; i < CLAUSE_COUNT; i++) {
        const clause_row *row = &CLAUSES[i];
        if (!sb_parse__is_keyword(p, row->words[0])) continue;
        if (row->words[1] == SB_NO_KEYWORD || sb_parse__ahead_is_keyword(p, 1, row->words[1]))
            return row;
    }
    return NULL;
}

/* The message names all clauses; behind OPTIONAL, LOAD or DETACH what goes on with these. */
static sb_status fail_clause(sb_parser *p)
{
    const bool begun = sb_parse__at_clause(p);
    const unsigned first = sb_parse__token(p)->keyword;

    if (begun) sb_parse__advance(p);
    for (size_t i = 0; i < CLAUSE_COUNT; i++) {
        if (begun && CLAUSES[i].words[0] != first) continue;
        if (sb_parse__accept_keyword(p, CLAUSES[i].words[begun ? 1 : 0])) break;
    }
    return sb_parse__unexpected(p);
}

static sb_status parse_clause(sb_parser *p, sb_clause **clause)
{
    const uint32_t first = p->at;
    const clause_row *row = find_clause(p);

    *clause = NULL;
    if (row == NULL) return fail_clause(p);
    SB_TRY(sb_parse__alloc(p, sizeof **clause, clause));
    (*clause)->kind = (sb_clause_kind)row->kind;
    sb_parse__advance(p);
    if (row->words[1] != SB_NO_KEYWORD) sb_parse__advance(p);
    SB_TRY(sb_parse__enter(p));
    SB_TRY(row->parse(p, *clause));
    sb_parse__leave(p);
    (*clause)->span = sb_parse__span_from(p, first);
    return SB_OK;
}

/* ---- Queries ------------------------------------------------------------------------------------------------------------- */

/* Can a clause follow, or has the part of a query ended? */
static bool at_end_of_part(sb_parser *p)
{
    return sb_parse__is(p, SB_TOKEN_END) || sb_parse__is(p, SB_TOKEN_SEMICOLON) ||
           sb_parse__is(p, SB_TOKEN_RBRACE) || sb_parse__is_keyword(p, SB_KEYWORD_UNION);
}

static sb_status parse_part(sb_parser *p, sb_single_query **part)
{
    const uint32_t first = p->at;
    bool ended = false;

    SB_TRY(sb_parse__alloc(p, sizeof **part, part));
    while (!ended) {
        sb_clause *clause;
        SB_TRY(parse_clause(p, &clause));
        SB_PARSE_PUSH(p, (*part)->clauses, (*part)->count, clause);
        ended = at_end_of_part(p) || clause->kind == SB_CLAUSE_RETURN ||
                clause->kind == SB_CLAUSE_FINISH;
    }
    (*part)->span = sb_parse__span_from(p, first);
    return SB_OK;
}

sb_status sb_parse__query(sb_parser *p, sb_query **query)
{
    const uint32_t first = p->at;

    SB_TRY(sb_parse__enter(p));
    SB_TRY(sb_parse__alloc(p, sizeof **query, query));
    for (;;) {
        sb_single_query *part;
        SB_TRY(parse_part(p, &part));
        SB_PARSE_PUSH(p, (*query)->parts, (*query)->part_count, part);
        const uint32_t at = p->at;
        if (!sb_parse__accept_keyword(p, SB_KEYWORD_UNION)) break;
        const bool all = sb_parse__accept_keyword(p, SB_KEYWORD_ALL);
        if (!all) (void)sb_parse__accept_keyword(p, SB_KEYWORD_DISTINCT);
        if ((*query)->part_count > 1 && all != (*query)->union_all)
            return sb_cypher_fail(p->err, p->text, p->tokens[at].span,
                                  SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
                                  "UNION and UNION ALL can not be mixed");
        (*query)->union_all = all;
    }
    sb_parse__leave(p);
    (*query)->span = sb_parse__span_from(p, first);
    return SB_OK;
}

/* A pattern alone, as if behind MATCH. */
static sb_status parse_pattern_query(sb_parser *p, sb_query **query)
{
    const uint32_t first = p->at;
    sb_single_query *part;
    sb_clause *clause;

    SB_TRY(sb_parse__alloc(p, sizeof **query, query));
    SB_TRY(sb_parse__alloc(p, sizeof *part, &part));
    SB_TRY(sb_parse__alloc(p, sizeof *clause, &clause));
    SB_PARSE_PUSH(p, (*query)->parts, (*query)->part_count, part);
    SB_PARSE_PUSH(p, part->clauses, part->count, clause);
    clause->kind = SB_CLAUSE_MATCH;
    SB_TRY(parse_match(p, clause));
    clause->span = part->span = (*query)->span = sb_parse__span_from(p, first);
    return SB_OK;
}

sb_status sb_parse__subquery(sb_parser *p, bool pattern_too, sb_query **query)
{
    SB_TRY(sb_parse__expect(p, SB_TOKEN_LBRACE));
    const bool named =
        sb_parse__is_name(sb_parse__token(p)) && sb_parse__ahead_is(p, 1, SB_TOKEN_EQ);
    if (pattern_too && (named || !sb_parse__at_clause(p))) {
        SB_TRY(parse_pattern_query(p, query));
    } else {
        SB_TRY(sb_parse__query(p, query));
    }
    return sb_parse__expect(p, SB_TOKEN_RBRACE);
}
